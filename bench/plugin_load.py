# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs inside QGIS Desktop (``--code``): import, initGui and the first turn of the event loop, as QGIS starts a plugin."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from qgis import utils
from qgis.PyQt.QtCore import QCoreApplication, QTimer

NAME = "insarhub_qgis"


def measure() -> None:
    utils.updateAvailablePlugins()
    begun = time.perf_counter()
    is_loaded = utils.loadPlugin(NAME)
    imported = time.perf_counter()
    is_started = is_loaded and utils.startPlugin(NAME)
    QCoreApplication.processEvents()
    ended = time.perf_counter()
    result = {
        "loaded": bool(is_loaded and is_started),
        "import": imported - begun,
        "start": ended - imported,
        "seconds": ended - begun,
    }
    Path(os.environ["BENCH_ANSWER"]).write_text(json.dumps(result), encoding="utf-8")
    os._exit(0)


# After QGIS has shown its window: what is measured is the plugin alone.
QTimer.singleShot(1500, measure)

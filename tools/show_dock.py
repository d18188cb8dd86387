# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs inside QGIS (``--code``): opens the dock, on the results of the demo's job where there is one."""

from __future__ import annotations

import os
from pathlib import Path

from qgis.PyQt.QtCore import QTimer
from qgis.utils import plugins


def show() -> None:
    plugin = plugins.get("insarhub_qgis")
    if plugin is None or plugin.dock is None:
        return
    job = Path(os.environ.get("INSARHUB_DEMO_JOB", ""))
    if job.name and (job / "insarhub_config.json").is_file():
        plugin.show_job(job, page="results")
    else:
        plugin.dock.setUserVisible(True)


QTimer.singleShot(500, show)

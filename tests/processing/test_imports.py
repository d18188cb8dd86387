# SPDX-License-Identifier: GPL-2.0-or-later
"""The start of the plugin imports nothing heavy, and nothing that a QGIS may lack."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_provider_and_dock_load_without_matplotlib_and_networkx():
    code = (
        "import sys\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "for name in ('matplotlib', 'networkx', 'scipy'):\n"
        "    sys.modules[name] = None\n"
        "import insarhub_qgis.processing.provider, insarhub_qgis.gui.dock, insarhub_qgis.plugin\n"
        "print('loaded')\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert finished.stdout.strip() == "loaded", finished.stderr

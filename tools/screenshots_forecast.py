# SPDX-License-Identifier: GPL-2.0-or-later
"""Pictures of "How good was the forecast?", inside QGIS Desktop on a simulated stack; see screenshots_in_qgis.py."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from qgis.PyQt.QtTest import QTest
from screenshots_hyp3 import WIDE_PX, Stage

from insarhub_qgis.host.engine_environment import engine_python

ROOT = Path(__file__).resolve().parents[1]
_PROGRAM = (
    "import sys; from pathlib import Path; from tests.makers.forecast_jobs import make_pictured_job; "
    "make_pictured_job(Path(sys.argv[1]))"
)


def take(stage: Stage) -> None:
    """View Data with its menu, the comparison of coherence with a chosen pair, and that of scores."""
    job = make_job(stage.work / "valley")
    dock = stage.plugin.dock
    stage.plugin.show_job(job, "products")
    page = dock.page("products")
    stage.wait_until(lambda: page.proxy.rowCount() > 0, "the products")
    stage.dock_width(WIDE_PX)
    menu = page.more_button.menu()
    menu.popup(page.more_button.mapToGlobal(page.more_button.rect().bottomLeft()))
    stage.shoot("forecast-menu", menu)
    menu.close()
    dialog = page.open_forecast()
    stage.wait_until(lambda: not dialog.is_running, "the check")
    dialog.select_pair(20)
    stage.settle(1.0)
    stage.shoot("forecast", dialog)
    dialog.quantity_box.setCurrentIndex(1)
    QTest.qWait(50)
    stage.settle(1.0)
    stage.shoot("forecast-score", dialog)
    dialog.close()
    (job / "insarhub_config.json").write_text("{}", encoding="utf-8")
    dialog = page.open_forecast()
    stage.wait_until(lambda: not dialog.is_running, "the refusal")
    stage.shoot("forecast-no-area", dialog)
    dialog.close()
    dock.show_page("home")


def make_job(folder: Path) -> Path:
    """Simulate a stack with decay maps of the sandbox in the engine's Python."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [str(engine_python()), "-W", "ignore", "-c", _PROGRAM, str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    return folder

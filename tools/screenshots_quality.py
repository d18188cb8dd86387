# SPDX-License-Identifier: GPL-2.0-or-later
"""The quality of pairs in pictures: a build that goes on, tips and reasons, weights that are moved, and the options.

Inside QGIS Desktop against a sandbox of its own; see screenshots_in_qgis.py for who takes the pictures.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import qgis_driver as driver
from qgis.PyQt.QtCore import Qt, QTimer
from qgis.PyQt.QtWidgets import QApplication, QScrollArea, QWidget
from qgis.utils import iface
from screenshots_hyp3 import Stage, running_sandbox
from screenshots_network import free_pair, spot, wait_for_network

PAIRS_TAB, PARAMETERS_TAB, CHECK_TAB, QUALITY_TAB = range(4)
DATES, NEIGHBOURS = 32, 4


def take(stage: Stage) -> None:
    """Build, look, ask why, weigh, check; then the options."""
    from insarhub_qgis.host.settings import settings

    context = stage.plugin.dock.context
    editor = context.network_dock()
    with running_sandbox() as url:
        settings().sandbox_url.setValue(url)
        settings().use_sandbox.setValue(True)
        context.services_changed.emit()
        try:
            job = quality_job(stage.work / "p5_f411")
            editor.open_job(job)
            wait_for_network(stage, editor, job)
            take_build(stage, editor)
            take_reasons(stage, editor)
            take_weights(stage, editor)
            show_tab(stage, editor, CHECK_TAB)
            stage.wait_until(lambda: bool(editor.check.lines), "the checks")
            stage.shoot("quality-check", editor)
        finally:
            editor.close()
            context.turn_sandbox_off()
    take_options(stage)


def quality_job(folder: Path) -> Path:
    """A year with snow and melt over a town in the fields, each date with the next few."""
    from insarhub_qgis.core.quality_files import QualityCache, aoi_hash

    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    try:
        from tests.makers.network_jobs import AOI, make_network_job
    finally:
        sys.path.pop(0)
    days = [12 * number for number in range(DATES)]
    pairs = [
        (one, other) for one in range(DATES) for other in range(one + 1, min(one + 1 + NEIGHBOURS, DATES))
    ]
    make_network_job(folder, days, pairs=pairs)
    cache = QualityCache(folder)
    cache.put("landcover", aoi_hash(AOI), {"urban_frac": 0.4, "bare_frac": 0.2, "crop_frac": 0.4})
    cache.save()
    return folder


def take_build(stage: Stage, editor: Any) -> None:
    """Not judged, being built, judged."""
    show_tab(stage, editor, QUALITY_TAB)
    stage.shoot("quality-not-built", editor)
    show_tab(stage, editor, PAIRS_TAB)
    driver.click(editor.quality_line.button)
    stage.wait_until(lambda: "%" in editor.quality_line.label.text(), "the build")
    stage.shoot("quality-building", editor)
    context = stage.plugin.dock.context
    stage.wait_until(lambda: not context.runs and editor.quality.has_table, "the database")
    stage.settle(1.0)
    stage.shoot("quality-built", editor)


def take_reasons(stage: Stage, editor: Any) -> None:
    """The tip over a pair, and all factors of one that several of them cost points."""
    canvas = editor.canvas
    driver.move(canvas, spot(canvas.view.middle_pixels[free_pair(editor)]))
    stage.settle()
    stage.shoot("quality-tip", editor)
    canvas._set_hover(None)
    table = editor.session.table
    rows = np.array([table.row(*key) for key in editor._keys])
    costly = (table.pairs.penalties.penalties[:, rows] > 0).sum(axis=0) + 4 * (table.pairs.score[rows] > 5)
    editor.explain(editor._keys[int(np.argmax(costly))])
    canvas.select((), (int(np.argmax(costly)),))
    stage.settle()
    stage.shoot("quality-why", editor)


def take_weights(stage: Stage, editor: Any) -> None:
    """Two weights are moved by the keyboard; then a window without room."""
    panel = editor.quality_panel
    for name, key in (("rain", Qt.Key.Key_End), ("freeze_thaw", Qt.Key.Key_Home)):
        panel.sliders[name].setFocus(Qt.FocusReason.TabFocusReason)
        driver.press_key(panel.sliders[name], key)
    stage.settle(1.0)
    stage.shoot("quality-weights", editor)
    editor.resize(760, 480)
    stage.settle()
    stage.shoot("quality-weights-small", editor)
    editor.float_over(iface.mainWindow())
    driver.click(panel.keep_button)
    stage.wait_until(lambda: not editor.session.has_other_weights, "the weights")
    stage.settle()


def take_options(stage: Stage) -> None:
    """Options, scrolled down to the pair quality."""

    def shoot_dialog() -> None:
        dialog = QApplication.activeModalWidget()
        try:
            box = dialog.findChild(QWidget, "insarhubOptionQuality")
            area = box.parentWidget()
            while area is not None and not isinstance(area, QScrollArea):
                area = area.parentWidget()
            if area is not None:
                area.ensureWidgetVisible(box, 0, box.height())
                area.verticalScrollBar().setValue(area.verticalScrollBar().maximum())
            stage.shoot("quality-options", dialog)
        finally:
            dialog.reject()

    QTimer.singleShot(1500, shoot_dialog)
    iface.showOptionsDialog(iface.mainWindow(), "insarhub")


def show_tab(stage: Stage, editor: Any, number: int) -> None:
    bar = editor.tabs.tabBar()
    driver.click(bar, bar.tabRect(number).center())
    stage.settle()

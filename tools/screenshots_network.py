# SPDX-License-Identifier: GPL-2.0-or-later
"""A person's way from an area to a saved network, in pictures, inside QGIS Desktop against a sandbox of its own.

The person draws with the mouse, clicks, types, and uses the keyboard; see screenshots_in_qgis.py for who takes the pictures.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import qgis_driver as driver
from qgis.core import QgsApplication, QgsProject, QgsRectangle, QgsVectorLayer
from qgis.PyQt.QtCore import QPoint, QRect, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QWidget
from screenshots_hyp3 import NARROW_PX, WIDE_PX, Stage, running_sandbox

#: Around the simulated site, degrees.
VIEW = QgsRectangle(-4.2, 36.3, 1.4, 39.6)
AREA = QgsRectangle(-2.1, 37.3, -1.4, 37.9)
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
PAIRS_TAB, PARAMETERS_TAB, CHECK_TAB = range(3)


def take(stage: Stage) -> None:
    """Search, add a job, select, edit, save and check its network; then a network with everything in it."""
    from insarhub_qgis.host.settings import settings

    context = stage.plugin.dock.context
    with running_sandbox() as url:
        settings().sandbox_url.setValue(url)
        settings().use_sandbox.setValue(True)
        context.services_changed.emit()
        try:
            jobs = stage.work / "almeria"
            jobs.mkdir(parents=True, exist_ok=True)
            settings().work_directory.setValue(str(jobs))
            show_world(stage)
            take_search(stage)
            take_network(stage)
            take_classes(stage)
        finally:
            QgsProject.instance().clear()
            context.turn_sandbox_off()
            settings().work_directory.setValue(str(stage.work.parent))
            stage.dock_width(WIDE_PX)
            stage.plugin.dock.show_page("home")


def show_world(stage: Stage) -> None:
    world = Path(QgsApplication.pkgDataPath()) / "resources" / "data" / "world_map.gpkg"
    layer = QgsVectorLayer(f"{world}|layername=countries", "Countries", "ogr")
    project = QgsProject.instance()
    project.setCrs(layer.crs())
    project.addMapLayer(layer)
    # QGIS shows the whole of the first layer a moment later.
    stage.settle(1.0)
    canvas = stage.plugin.dock.context.canvas()
    canvas.setExtent(VIEW)
    canvas.refresh()
    stage.settle(1.0)


# --- search


def take_search(stage: Stage) -> None:
    dock = stage.plugin.dock
    dock.show_page("search")
    page = dock.page("search")
    stage.settle()
    stage.shoot("search-empty")
    canvas = dock.context.canvas()
    driver.click(driver.named(page, "insarhubAreaRectangle"))
    transform = canvas.getCoordinateTransform()
    first, last = (
        spot((corner.x(), corner.y()))
        for corner in (
            transform.transform(AREA.xMinimum(), AREA.yMaximum()),
            transform.transform(AREA.xMaximum(), AREA.yMinimum()),
        )
    )
    driver.drag(canvas.viewport(), [first, last], is_dropped=False)
    stage.shoot("search-draw")
    QTest.mouseRelease(canvas.viewport(), driver.LEFT, driver.NO_KEY, last)
    stage.settle()
    write_date(page.start, "2020-01-01")
    write_date(page.end, "2021-12-31")
    open_group(page.filters)
    driver.click(driver.named(page, "insarhubSearchS1A"))
    driver.click(driver.named(page, "insarhubSearchS1B"))
    stage.settle()
    stage.shoot("search-filters")
    stage.dock_width(NARROW_PX)
    stage.shoot("search-filters-narrow")
    stage.dock_width(WIDE_PX)
    open_group(page.filters)
    stage.settle()
    driver.click(page.search_button)
    stage.wait_until(lambda: bool(page.answer.stacks) and page._task is None, "the answer")
    stage.settle(2.0)
    stage.shoot("search-results")
    stage.dock_width(NARROW_PX)
    stage.shoot("search-results-narrow")
    stage.dock_width(WIDE_PX)
    driver.click(page.days.viewport(), page.days.visualRect(page.days.model().index(3, 0)).center())
    page.tabs.setCurrentWidget(page.detail)
    stage.settle(1.0)
    stage.shoot("search-scene")
    page.tabs.setCurrentWidget(page.days)


def write_date(field: Any, text: str) -> None:
    """Type a date into the field, from the year on."""
    QTest.mouseDClick(field.lineEdit(), driver.LEFT, pos=QPoint(12, field.height() // 2))
    QTest.keyClicks(field, text.replace("-", ""))


def open_group(box: Any) -> None:
    """Open or close a group by a click on its title, as a person does."""
    driver.click(box, QPoint(60, 8))
    driver.settle(0.1)


# --- network


def take_network(stage: Stage) -> None:
    dock = stage.plugin.dock
    driver.click(dock.page("search").add_button)
    stage.wait_until(lambda: dock.page_key == "downloader", "the job")
    page = dock.page("downloader")
    stage.wait_until(lambda: page.facts.date_count > 0, "the facts of the job")
    stage.settle(1.0)
    stage.shoot("downloader")
    stage.dock_width(NARROW_PX)
    stage.shoot("downloader-narrow")
    stage.dock_width(WIDE_PX)
    editor = dock.context.network_dock()
    driver.click(page.edit_button)
    wait_for_network(stage, editor, dock.job_folder)
    stage.shoot("network-unpaired", editor)
    driver.click(editor.tabs.tabBar(), editor.tabs.tabBar().tabRect(PARAMETERS_TAB).center())
    stage.wait_until(lambda: editor.preview.selection is not None, "the preview")
    write_number(editor.parameters.max_degree, "4")
    stage.wait_until(lambda: editor.preview.selection is not None, "the preview")
    stage.settle()
    stage.shoot("network-parameters", editor)
    driver.click(editor.parameters.apply_button)
    driver.click(editor.tabs.tabBar(), editor.tabs.tabBar().tabRect(PAIRS_TAB).center())
    stage.settle()
    stage.shoot("network-selected", editor)
    edit_by_mouse(stage, editor)
    edit_by_keyboard(stage, editor)
    driver.click(editor.toolbar.widgetForAction(editor.toolbar.save_action))
    stage.wait_until(lambda: not editor.session.is_dirty and not editor.session.is_saving, "the save")
    stage.settle()
    driver.click(editor.table.view.viewport(), row_place(editor, 2))
    stage.shoot("network-saved", editor)
    stage.dock_width(WIDE_PX)
    driver.click(editor.tabs.tabBar(), editor.tabs.tabBar().tabRect(CHECK_TAB).center())
    stage.wait_until(lambda: bool(editor.check.lines), "the checks")
    stage.settle()
    stage.shoot("network-check", editor)
    stage.wait_until(lambda: page.facts.pair_count > 0, "the facts after the save")
    editor.close()
    stage.settle()
    stage.shoot("downloader-saved")
    driver.click(page.pairs_button)
    stage.settle()
    stage.shoot("network-pairs", editor)


def edit_by_mouse(stage: Stage, editor: Any) -> None:
    """A tip, a line from date to date, a click that removes, a box."""
    canvas = editor.canvas
    pair = free_pair(editor)
    driver.move(canvas, spot(canvas.view.middle_pixels[pair]))
    stage.settle()
    stage.shoot("network-hover-pair", editor)
    driver.move(canvas, spot(canvas.view.date_pixels[12]))
    stage.settle()
    stage.shoot("network-hover-date", editor)
    start, end = (spot(canvas.view.date_pixels[index]) for index in (4, 15))
    driver.drag(canvas, [start, end], is_dropped=False)
    stage.shoot("network-draw", editor)
    QTest.mouseRelease(canvas, driver.LEFT, driver.NO_KEY, end)
    stage.settle()
    driver.click(canvas, spot(canvas.view.middle_pixels[free_pair(editor)]))
    stage.settle()
    left, top, width, height = canvas.view.area
    box = QRect(round(left + width * 0.55), round(top), round(width * 0.2), round(height * 0.9))
    driver.drag(canvas, [box.topLeft(), box.bottomRight()], SHIFT)
    stage.settle()
    stage.shoot("network-box", editor)
    driver.press_key(canvas, Qt.Key.Key_Escape)


def edit_by_keyboard(stage: Stage, editor: Any) -> None:
    """Walk to a date and its pairs, toggle one, exclude a date, undo."""
    canvas = editor.canvas
    driver.activate(editor)
    canvas.setFocus(Qt.FocusReason.TabFocusReason)
    for key in (*[Qt.Key.Key_Right] * 6, Qt.Key.Key_Down, Qt.Key.Key_Down):
        driver.press_key(canvas, key)
    stage.settle()
    stage.shoot("network-keyboard", editor)
    driver.press_key(canvas, Qt.Key.Key_Return)
    driver.press_key(canvas, Qt.Key.Key_Right)
    driver.press_key(canvas, Qt.Key.Key_Space)
    driver.press_key(canvas, Qt.Key.Key_Delete)
    stage.settle()
    stage.shoot("network-warned", editor)
    driver.press_key(canvas, Qt.Key.Key_Z, CONTROL)
    driver.press_key(canvas, Qt.Key.Key_Escape)


# --- all classes


def take_classes(stage: Stage) -> None:
    editor = stage.plugin.dock.context.network_dock()
    job = classes_job(stage.work / "p44_f117")
    editor.open_job(job)
    wait_for_network(stage, editor, job)
    editor.tabs.setCurrentIndex(PAIRS_TAB)
    stage.settle()
    stage.shoot("network-classes", editor)
    canvas = editor.canvas
    driver.move(canvas, spot(canvas.view.date_pixels[21]))
    stage.settle()
    stage.shoot("network-classes-date", editor)
    editor.resize(760, 520)
    stage.settle()
    editor.canvas.fit()
    stage.shoot("network-classes-small", editor)
    editor.float_over(stage.plugin.dock.context.iface.mainWindow())
    editor.tabs.setCurrentIndex(CHECK_TAB)
    stage.wait_until(lambda: bool(editor.check.lines), "the checks")
    stage.settle()
    stage.shoot("network-classes-check", editor)
    editor.tabs.setCurrentIndex(PAIRS_TAB)
    large = write_job(stage.work / "p1_f300", 300, 10)
    editor.open_job(large)
    wait_for_network(stage, editor, large)
    stage.shoot("network-300-dates", editor)
    editor.close()


def write_job(folder: Path, dates: int, connections: int, **options: Any) -> Path:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    try:
        from tests.makers.networks import write_network_job
    finally:
        sys.path.pop(0)
    return write_network_job(folder, dates, connections, **options)


def classes_job(folder: Path) -> Path:
    """Good, moderate, poor and not judged pairs; some by hand, some beyond a limit, some removed; dates without pairs or baseline, excluded ones."""
    write_job(folder, 36, 4, unknown=(13, 14, 27), seed=5)
    stack_file = next(folder.glob("stack_*.json"))
    stack = json.loads(stack_file.read_text(encoding="utf-8"))
    names, pairs = stack["scenes"], stack["pairs"]
    lonely = {names[31], names[32]}
    removed = [pair for number, pair in enumerate(pairs) if number % 9 == 4]
    manual = [[names[2], names[9]], [names[18], names[26]]]
    relaxed = [[names[5], names[12]], [names[20], names[29]]]
    kept = [pair for pair in pairs if pair not in removed and not lonely & set(pair)]
    stack["pairs"] = [*kept, *manual, *relaxed]
    stack_file.write_text(json.dumps(stack), encoding="utf-8")
    config_file = folder / "insarhub_config.json"
    config = json.loads(config_file.read_text(encoding="utf-8"))
    config["insarhub_qgis"] = {
        "network": {
            "manual": manual,
            "relaxed": [[*pair, ["dt_max"]] for pair in relaxed],
            "removed": removed,
            "excluded": {names[7]: "by_user", names[23]: "coverage"},
        }
    }
    config_file.write_text(json.dumps(config), encoding="utf-8")
    return folder


# --- small steps


def wait_for_network(stage: Stage, editor: Any, job: Path) -> None:
    stage.wait_until(lambda: editor.session is not None and editor.session.folder == Path(job), "the network")
    driver.activate(editor)
    stage.settle(1.0)


def write_number(box: QWidget, text: str) -> None:
    driver.write(box, text)
    driver.press_key(box, Qt.Key.Key_Tab)


def spot(pixel: Any) -> QPoint:
    return QPoint(round(float(pixel[0])), round(float(pixel[1])))


def free_pair(editor: Any) -> int:
    """Give a pair whose middle nothing else covers, as near to the middle of the graph as there is one."""
    view = editor.canvas.view
    left, top, width, height = view.area
    order = sorted(
        range(len(editor._keys)),
        key=lambda index: (
            abs(view.middle_pixels[index][0] - left - width / 2)
            + abs(view.middle_pixels[index][1] - top - height / 2)
        ),
    )
    for index in order:
        hit = view.hit(*(round(float(value)) for value in view.middle_pixels[index]))
        if hit is not None and not hit.is_date and hit.index == index and view.picture.is_active[index]:
            return index
    raise LookupError("no pair can be clicked")


def row_place(editor: Any, row: int) -> QPoint:
    view = editor.table.view
    return view.visualRect(view.model().index(row, 1)).center()

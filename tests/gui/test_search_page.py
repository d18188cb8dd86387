# SPDX-License-Identifier: GPL-2.0-or-later
"""Search: ways to an area, the form, tables and map in step, labels of an answer."""

from __future__ import annotations

import threading

import pytest
from qgis.core import (
    NULL,
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsGeometry,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QDate, QPoint, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QLineEdit

from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.network_files import load_network
from insarhub_qgis.core.scene_stacks import SearchAnswer
from insarhub_qgis.gui import search_page
from insarhub_qgis.gui.dock import USABLE_WIDTH_PX
from insarhub_qgis.gui.options_page import OptionsPage
from insarhub_qgis.gui.search_page import SearchPage
from insarhub_qgis.gui.stacks_table import DaysModel, RowsView, StacksModel
from insarhub_qgis.host import paths
from insarhub_qgis.host.settings import settings
from tests.makers.sandbox_server import running_sandbox
from tests.makers.search_answers import answer_of, burst_answer, rectangle, scene_row, two_frames

WGS84 = QgsCoordinateReferenceSystem("EPSG:4326")


@pytest.fixture(autouse=True)
def _own_answers(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "private_folder", lambda: tmp_path / "private")


@pytest.fixture
def page(dock, iface):
    QgsProject.instance().setCrs(WGS84)
    iface.canvas.setDestinationCrs(WGS84)
    iface.canvas.setExtent(QgsRectangle(-124, 52, -119, 57))
    page = SearchPage(dock.context, dock.stack)
    dock.stack.addWidget(page)
    dock.stack.setCurrentWidget(page)
    QTest.qWait(50)
    yield page
    page.close_page()


@pytest.fixture
def answered(page, patience, tmp_path):
    def show(result):
        page._on_result(result, tmp_path / "answer", False)
        patience.waitUntil(lambda: page.answer.searched_at == result["searched_at"])
        patience.waitUntil(lambda: not page._footprints_timer.isActive())
        QTest.qWait(30)
        return page

    return show


def press(canvas, kind, x, y, button=Qt.MouseButton.LeftButton):
    kind(canvas.viewport(), button, pos=QPoint(x, y))


def test_a_rectangle_is_drawn_by_drag(page, iface):
    canvas = iface.canvas
    page.area.findChild(object, "insarhubAreaRectangle").click()
    assert canvas.mapTool() is not None
    press(canvas, QTest.mousePress, 100, 100)
    QTest.mouseMove(canvas.viewport(), QPoint(200, 180))
    press(canvas, QTest.mouseRelease, 200, 180)
    transform = canvas.getCoordinateTransform()
    first, last = transform.toMapCoordinates(100, 100), transform.toMapCoordinates(200, 180)
    box = page.area.area.boundingBox()
    assert box.xMinimum() == pytest.approx(first.x(), abs=1e-6)
    assert box.yMaximum() == pytest.approx(first.y(), abs=1e-6)
    assert box.xMaximum() == pytest.approx(last.x(), abs=1e-6)
    assert not page.area.findChild(object, "insarhubAreaRectangle").isChecked()
    assert page.area.text.text().startswith("Polygon ((")
    assert "km²" in page.area.state.text()


def test_a_rectangle_is_drawn_by_two_clicks_and_a_polygon_by_clicks(page, iface):
    canvas = iface.canvas
    page.area.findChild(object, "insarhubAreaRectangle").click()
    press(canvas, QTest.mouseClick, 50, 60)
    assert page.area.area is None
    press(canvas, QTest.mouseClick, 150, 160)
    assert page.area.area.boundingBox().width() > 0
    page.area.set_area(None)
    page.area.findChild(object, "insarhubAreaPolygon").click()
    for x, y in ((50, 50), (150, 50), (150, 150), (60, 170)):
        press(canvas, QTest.mouseClick, x, y)
    QTest.keyClick(canvas, Qt.Key.Key_Backspace)
    press(canvas, QTest.mouseClick, 300, 300, Qt.MouseButton.RightButton)
    assert len(page.area.area.asPolygon()[0]) == 4


def test_escape_gives_up_drawing(page, iface):
    canvas = iface.canvas
    button = page.area.findChild(object, "insarhubAreaPolygon")
    button.click()
    press(canvas, QTest.mouseClick, 50, 50)
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert page.area.area is None
    assert not button.isChecked()
    assert canvas.mapTool() is None


def test_a_point_and_the_view_are_areas(page, iface):
    page.area.findChild(object, "insarhubAreaPoint").click()
    press(iface.canvas, QTest.mouseClick, 120, 120)
    assert page.area.wkt.startswith("Point (")
    page.area.findChild(object, "insarhubAreaView").click()
    assert page.area.area.boundingBox().xMinimum() == pytest.approx(
        iface.canvas.extent().xMinimum(), abs=1e-5
    )


def test_the_view_of_a_projected_map_is_reprojected(page, iface):
    iface.canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:32614"))
    iface.canvas.setExtent(QgsRectangle(400000, 2000000, 500000, 2100000))
    page.area.use_view()
    box = page.area.area.boundingBox()
    assert -101 < box.xMinimum() < box.xMaximum() < -98
    assert 18 < box.yMinimum() < box.yMaximum() < 20


def test_selected_features_of_a_layer_are_the_area(page, patience):
    layer = QgsVectorLayer("Polygon?crs=EPSG:4326", "sites", "memory")
    for west in (-121, -110):
        feature = QgsFeature()
        feature.setGeometry(QgsGeometry.fromRect(QgsRectangle(west, 53, west + 1, 54)))
        layer.dataProvider().addFeature(feature)
    layer.selectByIds([2])
    page.area.use_layer(layer, True)
    patience.waitUntil(lambda: page.area.area is not None)
    assert page.area.area.boundingBox().xMinimum() == -110


def test_an_empty_layer_says_so(page, patience, iface):
    layer = QgsVectorLayer("Polygon?crs=EPSG:4326", "empty", "memory")
    page.area.use_layer(layer, False)
    patience.waitUntil(lambda: "no geometry to search" in iface.texts())
    assert page.area.area is None


def test_typed_wkt_is_taken_or_refused_with_a_sentence(page, iface):
    field = page.area.text
    field.setFocus()
    QTest.keyClicks(field, "POLYGON((179 0, 181 0, 181 1, 179 1, 179 0))")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert len(page.area.area.asGeometryCollection()) == 2
    field.selectAll()
    QTest.keyClicks(field, "POLYGON((0 0, 1")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert "no WKT geometry" in iface.texts()
    assert len(page.area.area.asGeometryCollection()) == 2


def test_a_search_needs_a_place_and_days_in_order(page):
    assert not page.search_button.isEnabled()
    assert "area" in page.hint.text()
    page.area.set_wkt("POINT(-121 54)")
    assert page.search_button.isEnabled()
    page.end.setDate(QDate(2019, 1, 1))
    page.start.setDate(QDate(2019, 2, 1))
    assert not page.search_button.isEnabled()
    assert "before the start" in page.hint.text()
    page.end.clear()
    assert page.search_button.isEnabled()
    page.area.set_area(None)
    page.filters.paths.setText("13")
    assert page.search_button.isEnabled()
    page.filters.paths.setText("13, x")
    assert "no list of numbers" in page.hint.text()


def test_the_form_becomes_a_request_and_back(page, tmp_path):
    page.area.set_wkt(rectangle(-122, 53, -121, 54))
    page.start.setDate(QDate(2019, 1, 1))
    page.end.setDate(QDate(2019, 12, 31))
    page.filters.direction.setCurrentIndex(2)
    page.filters.paths.setText("13")
    page.filters.frames.setText("406 - 408, 411")
    page.filters.platforms["S1B"].setChecked(True)
    page.filters.months[5].setChecked(True)
    page.filters.maximum.setValue(500)
    request = page.request(tmp_path)
    assert (request.start, request.end, request.direction) == ("2019-01-01", "2019-12-31", "DESCENDING")
    assert (request.paths, request.frames) == ((13,), (406, 407, 408, 411))
    assert (request.platforms, request.months, request.max_results) == (("S1B",), (6,), 500)
    assert request.endpoints["sandbox_url"] == ""
    settings().use_sandbox.setValue(True)
    settings().sandbox_url.setValue("http://127.0.0.1:8123")
    assert page.request(tmp_path).endpoints["cmr"] == "http://127.0.0.1:8123"
    settings().use_sandbox.setValue(False)
    page.fill_form({})
    assert page.filters.set_count() == 0
    page.fill_form(request.to_json())
    assert page.request(tmp_path) == request


def test_the_product_decides_which_filters_there_are(page, tmp_path):
    filters = page.filters
    filters.frames.setText("406")
    filters.names.setPlainText("S1A_IW_SLC__1SDV_20180106T004006_20180106T004031_020027_0221EC_770D")
    filters.polarization.setCurrentIndex(filters.polarization.findData("VV+VH"))
    assert page.request(tmp_path).product == "SLC"
    assert "bursts" in filters.product.toolTip()
    filters.product.setCurrentIndex(1)
    filters.setCollapsed(False)
    for field in (filters.frames, filters.frame_label, filters.names, filters.names_label, filters.from_file):
        assert field.isHidden()
    offered = [filters.polarization.itemData(row) for row in range(filters.polarization.count())]
    assert offered == ["", "VV", "HH"]
    assert filters.title() == "Filters (bursts, 1)"
    # Bursts are searched by area.
    assert "area" in page.missing()
    filters.paths.setText("103")
    assert "area" in page.missing()
    page.area.set_wkt(rectangle(-2.0, 37.4, -1.8, 37.6))
    assert page.missing() == ""
    request = page.request(tmp_path)
    assert (request.product, request.frames, request.scene_names) == ("BURST", (), ())
    assert request.polarizations == ("VV",)
    page.form.setCollapsed(True)
    assert page._form_title().startswith("Search: bursts, ") and "2 filters" in page._form_title()
    # What was typed is there again.
    filters.product.setCurrentIndex(0)
    filters.setCollapsed(True)
    filters.setCollapsed(False)
    assert not filters.frames.isHidden() and not filters.names_label.isHidden()
    assert page.request(tmp_path).frames == (406,)
    assert filters.set_count() == 4
    page.fill_form(request.to_json())
    assert page.request(tmp_path) == request


def test_stacks_of_bursts_show_their_bursts_and_no_frame(answered):
    page = answered(burst_answer())
    model = page.stacks_model
    assert [column.title for column in model.columns][:3] == ["Path / Bursts", "Passes", "Dates"]
    index = page.stacks.proxy.index(0, 0)
    assert index.data() == "103 / 220001-220002 (2) ↗"
    tip = index.data(Qt.ItemDataRole.ToolTipRole)
    assert "Path 103, bursts IW1 220001-220002 (2), ascending" in tip
    assert "bursts missing on 1 date of" in tip and "frame" not in tip
    assert index.data(Qt.ItemDataRole.DecorationRole) is None
    assert "9 passes over bursts" in page.note.text() and "scenes" not in page.note.text()
    assert page.days.proxy.rowCount() == 10
    missing = next(row for row in page.days_model.rows if row.day is None)
    assert str(missing.date) == "2020-02-12"
    page.days.select_rows(lambda row: row is page.days_model.rows[0])
    page._on_days_selected()
    detail = {
        page.detail.topLevelItem(row).text(0): page.detail.topLevelItem(row).text(1)
        for row in range(page.detail.topLevelItemCount())
    }
    assert detail["Bursts"] == "220001_IW1, 220002_IW1" and "Frame" not in detail
    assert detail["First burst"].startswith("S1_220001_IW1_20200107T")
    assert detail["Other bursts"].startswith("S1_220002_IW1_20200107T")
    # The next answer of whole scenes has its own heads again.
    page = answered(answer_of(two_frames(), searched_at="2026-11-21T05:00:00Z"))
    assert page.stacks_model.columns[0].title == "Path / Frame"
    assert page.stacks.proxy.index(0, 0).data() == "13 / 411 ↙"


def test_footprints_of_bursts_name_the_bursts_on_the_map(answered, patience):
    page = answered(burst_answer())
    layer = page.link.layer
    assert layer.featureCount() == 9
    feature = next(layer.getFeatures())
    assert feature["bursts"] == "220001_IW1, 220002_IW1"
    assert layer.attributeAlias(layer.fields().indexFromName("frame")) == "lowest burst"
    page.show_coverage()
    patience.waitUntil(lambda: len(QgsProject.instance().mapLayers()) == 1)
    page = answered(
        burst_answer(
            request={"product": "BURST", "aoi_wkt": rectangle(-2.0, 37.4, -1.8, 38.0)},
            searched_at="2026-11-21T05:00:00Z",
        )
    )
    page.show_coverage()
    patience.waitUntil(lambda: bool(QgsProject.instance().mapLayersByName("Uncovered area by date")))
    (uncovered,) = QgsProject.instance().mapLayersByName("Uncovered area by date")
    assert uncovered.featureCount() == 9
    feature = next(uncovered.getFeatures())
    assert (feature["bursts"], feature["frames"]) == ("220001_IW1, 220002_IW1", NULL)


def test_more_bursts_than_hyp3_takes_are_said_with_what_to_do(answered):
    page = answered(burst_answer(numbers=tuple(range(220001, 220017))))
    index = page.stacks.proxy.index(0, 0)
    assert index.data() == "103 / 220001-220016 (16) ↗"
    assert "HyP3 takes 15 bursts at most: search a smaller area" in index.data(Qt.ItemDataRole.ToolTipRole)
    assert not index.data(Qt.ItemDataRole.DecorationRole).isNull()


def test_a_partial_answer_of_bursts_is_not_counted_in_scenes(answered):
    page = answered(burst_answer(is_complete=False))
    assert "passes may be missing" in page.note.text() and " of 18" not in page.note.text()


def test_another_page_asks_for_bursts_of_its_area(dock):
    wish = {
        "product": "BURST",
        "aoi_wkt": rectangle(-2.0, 37.4, -1.8, 37.6),
        "start": "2020-01-01",
        "paths": (103,),
    }
    dock.context.search_requested.emit(wish)
    assert dock.page_key == "search"
    page = dock.page("search")
    assert page.filters.is_burst and page.filters.paths.text() == "103"
    assert page.start.date() == QDate(2020, 1, 1)
    assert not page.form.isCollapsed() and page.search_button.isEnabled()


def test_stacks_of_an_answer_are_grouped_and_shown_on_the_map(answered):
    page = answered(answer_of(two_frames()))
    rows = [page.stacks.proxy.index(row, 0).data() for row in range(page.stacks.proxy.rowCount())]
    assert rows == ["13 / 411 ↙", "13 / 416 ↙"]
    assert page.form.isCollapsed()
    assert page.link.layer.featureCount() == 23
    assert [stack.key for stack in page.stacks.selected_rows()] == [(13, 411)]
    assert page.days.proxy.rowCount() == 12
    page.stacks.select_rows(lambda row: row.key == (13, 416))
    page._on_stacks_selected()
    texts = [page.days.proxy.index(row, 3).data() for row in range(page.days.proxy.rowCount())]
    assert texts.count("missing") == 1
    assert texts.count("40 %") == 11
    assert page.days.proxy.rowCount() == 12


def test_a_date_selects_its_footprint_and_zooms(answered, iface):
    page = answered(answer_of(two_frames()))
    iface.canvas.setExtent(QgsRectangle(0, 0, 10, 10))
    index = page.days.proxy.index(3, 0)
    QTest.mouseClick(
        page.days.viewport(), Qt.MouseButton.LeftButton, pos=page.days.visualRect(index).center()
    )
    chosen = page.link.layer.selectedFeatures()
    assert [feature["date"].toString("yyyy-MM-dd") for feature in chosen] == [index.data()]
    assert iface.canvas.extent().contains(chosen[0].geometry().boundingBox())
    assert page.detail.topLevelItem(0).text(1) == chosen[0]["name"]


def test_a_footprint_selected_on_the_map_is_selected_in_the_tables(answered):
    page = answered(answer_of(two_frames()))
    layer = page.link.layer
    feature = next(row for row in layer.getFeatures() if row["frame"] == 416)
    layer.selectByIds([feature.id()])
    assert [stack.key for stack in page.stacks.selected_rows()] == [(13, 416)]
    assert [row.date.isoformat() for row in page.days.selected_rows()] == [
        feature["date"].toString("yyyy-MM-dd")
    ]
    assert page.detail.topLevelItem(0).text(1) == feature["name"]


def test_a_removed_layer_can_be_shown_again(answered, patience):
    page = answered(answer_of(two_frames()))
    assert not page.show_layer_action.isEnabled()
    QgsProject.instance().removeMapLayer(page.link.layer.id())
    patience.waitUntil(page.show_layer_action.isEnabled)
    assert page.link.layer is None
    page.days.select_rows(lambda row: row.date.day == 7)
    page._on_days_selected()
    page.show_footprints()
    assert page.link.layer.featureCount() == 23


def test_footprints_are_saved_as_geopackage(answered, patience, tmp_path):
    page = answered(answer_of(two_frames()))
    page.save_footprints(tmp_path / "found.gpkg")
    patience.waitUntil(lambda: page.link.layer is not None and page.link.layer.providerType() == "ogr")
    assert page.link.layer.featureCount() == 23


def test_a_partial_answer_is_labelled(answered):
    rows = two_frames()
    messages = [{"code": "search.not_numbers", "fields": {"text": "<b>x</b>"}, "level": "warning"}]
    page = answered(answer_of(rows, is_complete=False, hits=250, messages=messages))
    assert "Partial answer" in page.note.text()
    assert "23 of 250" in page.note.text()
    assert "&lt;b&gt;x&lt;/b&gt;" in page.note.text()
    assert page.note_icon.isVisibleTo(page)
    assert "simulated" in page.note.text()


def test_nothing_found_offers_the_next_step(answered):
    page = answered(answer_of([]))
    assert "No scenes found" in page.message.text()
    assert not page.form.isCollapsed()
    assert not page.add_button.isEnabled()
    assert not page.coverage_button.isEnabled()


def test_coverage_shows_what_dates_leave_uncovered(answered, patience):
    page = answered(answer_of(two_frames(), request={"aoi_wkt": rectangle(-122.0, 54.0, -121.0, 55.6)}))
    page.show_coverage()
    patience.waitUntil(lambda: len(QgsProject.instance().mapLayers()) == 2)
    layer = QgsProject.instance().mapLayersByName("Uncovered area by date")[0]
    assert layer.featureCount() == 1


def test_a_failed_search_keeps_the_answer_and_says_why(answered, iface):
    page = answered(answer_of(two_frames()))
    page._on_failed(InsarError("engine.not_set_up"), False)
    assert len(page.answer.stacks) == 2
    assert "engine environment" in iface.texts()
    page._on_failed(Cancelled(), False)
    assert page.hint.text() == "Cancelled."


@pytest.mark.parametrize("width", [USABLE_WIDTH_PX - 12, 1000])
@pytest.mark.parametrize("result", [answer_of(two_frames()), burst_answer()], ids=["scenes", "bursts"])
def test_tables_never_scroll_sideways(qgis_app, width, result):
    answer = SearchAnswer.from_json(result)
    for model in (StacksModel(), DaysModel()):
        view = RowsView(model)
        view.resize(width, 300)
        view.show()
        if isinstance(model, DaysModel):
            model.show_stacks(answer.stacks)
        else:
            model.show_rows(answer.stacks)
        QTest.qWait(20)
        shown = [
            view.columnWidth(column)
            for column in range(len(model.columns))
            if not view.isColumnHidden(column)
        ]
        assert sum(shown) <= view.viewport().width()
        assert view.columnWidth(0) >= view.fontMetrics().horizontalAdvance(model.columns[0].widest)
        assert (len(shown) == len(model.columns)) == (width == 1000)
        view.deleteLater()


def test_the_page_fits_a_narrow_dock(page):
    assert page.minimumSizeHint().width() <= USABLE_WIDTH_PX - 12
    page.filters.setCollapsed(False)
    QTest.qWait(20)
    assert page.minimumSizeHint().width() <= USABLE_WIDTH_PX - 12
    for field in page.findChildren(QLineEdit):
        assert field.isHidden() or field.accessibleName() or field.toolTip() or field.objectName()


def test_five_thousand_scenes_are_read_off_the_main_thread(answered, monkeypatch):
    rows = [
        scene_row(f"2019-{1 + n % 12:02d}-{1 + n % 28:02d}", 1 + n // 100, 400 + n % 10, hour=n % 24)
        for n in range(5000)
    ]
    threads = {}

    def noted(name, work):
        def run(*arguments):
            threads.setdefault(name, set()).add(threading.current_thread() is threading.main_thread())
            return work(*arguments)

        return run

    read = SearchAnswer.from_json
    monkeypatch.setattr(search_page.SearchAnswer, "from_json", noted("answer", read))
    monkeypatch.setattr(search_page, "scene_features", noted("features", search_page.scene_features))
    page = answered(answer_of(rows))
    assert len(page.answer.scenes) == 5000
    assert threads == {"answer": {False}, "features": {False}}


@pytest.fixture
def sandbox(engine):
    with running_sandbox(engine) as url:
        settings().use_sandbox.setValue(True)
        settings().sandbox_url.setValue(url)
        yield url


def test_from_an_area_to_jobs_against_the_sandbox(dock, sandbox, patience, tmp_path, iface):
    work = tmp_path / "work ü"
    work.mkdir()
    settings().work_directory.setValue(str(work))
    dock.context.services_changed.emit()
    assert dock.banner.isVisibleTo(dock)
    dock.show_page("search")
    page = dock.page("search")
    page.area.set_wkt(rectangle(-2.5, 37.1, -1.2, 38.3))
    page.start.setDate(QDate(2020, 1, 1))
    page.end.setDate(QDate(2020, 12, 31))
    QTest.mouseClick(page.search_button, Qt.MouseButton.LeftButton)
    assert "Cancel" in page.search_button.text()
    patience.waitUntil(lambda: bool(page.answer.stacks) and page._task is None, timeout=30_000)
    assert {stack.key for stack in page.answer.stacks} == {(8, 463), (103, 121), (103, 126)}
    assert page.answer.is_sandbox
    patience.waitUntil(lambda: page.link.layer is not None)
    assert page.link.layer.featureCount() == len(page.answer.scenes)
    assert page.add_button.isDefault()

    # The last answer opens again, without any server.
    settings().sandbox_url.setValue("http://127.0.0.1:9")
    again = SearchPage(dock.context, dock.stack)
    again.open_page()
    patience.waitUntil(lambda: bool(again.answer.stacks), timeout=30_000)
    assert again.answer.scenes == page.answer.scenes
    assert again.area.wkt == page.area.wkt
    assert again.start.date() == QDate(2020, 1, 1)
    again.close_page()
    again.deleteLater()

    page.stacks.select_rows(lambda row: row.path == 103)
    page._on_stacks_selected()
    QTest.mouseClick(page.add_button, Qt.MouseButton.LeftButton)
    patience.waitUntil(lambda: dock.page_key == "home", timeout=30_000)
    home = dock.page("home")
    patience.waitUntil(lambda: home.model.rowCount() == 2)
    assert sorted(folder.name for folder in work.iterdir()) == ["p103_f121", "p103_f126"]
    assert [job.best_page for job in home.model._jobs] == ["downloader", "downloader"]

    # No server: a sentence, and the answer stays.
    dock.show_page("search")
    page.search()
    patience.waitUntil(lambda: page._task is None, timeout=60_000)
    assert "reached" in iface.texts()
    assert len(page.answer.stacks) == 3
    assert page.results_or_message.currentIndex() == 0


def test_a_cancelled_search_is_followed_by_a_whole_one(dock, sandbox, patience):
    dock.show_page("search")
    page = dock.page("search")
    page.filters.paths.setText("103")
    page.start.clear()
    page.end.clear()
    QTest.mouseClick(page.search_button, Qt.MouseButton.LeftButton)
    QTest.mouseClick(page.search_button, Qt.MouseButton.LeftButton)
    patience.waitUntil(lambda: page._task is None, timeout=30_000)
    assert page.answer.stacks == ()
    assert "Cancel" not in page.search_button.text()
    QTest.mouseClick(page.search_button, Qt.MouseButton.LeftButton)
    patience.waitUntil(lambda: bool(page.answer.stacks), timeout=30_000)
    assert {stack.key for stack in page.answer.stacks} == {(103, 121), (103, 126)}
    assert page.answer.is_complete


def test_bursts_from_an_area_to_the_price_against_the_sandbox(dock, sandbox, patience, tmp_path):
    work = tmp_path / "bürsts"
    work.mkdir()
    settings().work_directory.setValue(str(work))
    dock.show_page("search")
    page = dock.page("search")
    page.area.set_wkt(rectangle(-1.8, 37.6, -1.7, 37.7))
    page.filters.product.setCurrentIndex(1)
    page.start.setDate(QDate(2020, 1, 1))
    page.end.setDate(QDate(2020, 3, 15))
    QTest.mouseClick(page.search_button, Qt.MouseButton.LeftButton)
    patience.waitUntil(lambda: bool(page.answer.stacks) and page._task is None, timeout=60_000)
    (stack,) = page.answer.stacks
    assert (stack.path, stack.burst_count) == (103, 4)
    assert page.stacks.proxy.index(0, 0).data() == "103 / 220001-220002 (4) ↗"
    assert "bursts" in page.form.title()
    QTest.mouseClick(page.add_button, Qt.MouseButton.LeftButton)
    patience.waitUntil(lambda: dock.page_key == "downloader", timeout=60_000)
    downloader = dock.page("downloader")
    patience.waitUntil(lambda: downloader.facts.date_count > 0, timeout=60_000)
    facts = downloader.facts
    assert (facts.burst_ids, facts.frame, facts.path) == (stack.burst_ids, "", "103")
    assert facts.date_count == len(stack.dates) and not facts.unknown_baselines and not facts.problems

    opened = load_network(dock.job_folder)
    opened.network.add_pairs([(0, 1), (1, 2), (0, 2)])
    opened.save()
    dialog = dock.context.open_process(dock.job_folder)
    patience.waitUntil(dialog.submit_button.isEnabled, timeout=60_000)
    assert dialog.submit_button.text().replace("&", "") == "Submit 3 Pairs, 3 Credits"
    prices = {
        (item.text(0).split()[0], item.text(1)): (item.text(2), item.text(3))
        for item in (dialog.prices.topLevelItem(row) for row in range(3))
    }
    # Of four bursts, with the finest looks.
    assert prices["INSAR_ISCE_MULTI_BURST", "5x1 (20 m)"] == ("15", "45")
    dialog.close()


def test_the_banner_turns_the_sandbox_off(dock):
    settings().use_sandbox.setValue(True)
    dock.context.services_changed.emit()
    assert dock.banner.isVisibleTo(dock)
    QTest.mouseClick(dock.banner.findChild(object, "insarhubSandboxOff"), Qt.MouseButton.LeftButton)
    assert not settings().use_sandbox.value()
    assert not dock.banner.isVisibleTo(dock)


def test_options_switch_to_a_sandbox_of_this_computer_only(dock):
    applied = []
    options = OptionsPage(lambda *what: applied.append(what), lambda: None, dock)
    options.sandbox.setChecked(True)
    options.sandbox_url.setText("https://example.com")
    assert not options.isValid()
    assert "of this computer" in options.sandbox_state.text()
    options.sandbox_url.setText("http://127.0.0.1:8123")
    assert options.isValid()
    options.apply()
    assert applied == [(False, False, True)]
    assert settings().use_sandbox.value()
    assert settings().sandbox_url.value() == "http://127.0.0.1:8123"
    options.deleteLater()


def test_all_filters_fit_a_small_window_before_there_are_results(page, dock, iface):
    settings().use_sandbox.setValue(True)
    dock.context.services_changed.emit()
    iface.window.resize(1280, 670)
    iface.window.resizeDocks([dock], [400], Qt.Orientation.Horizontal)
    page.filters.setCollapsed(False)
    QTest.qWait(300)
    assert page.form_area.height() >= page.form_area.widget().sizeHint().height()


def test_the_introduction_is_not_cut_off(page):
    def has_text():
        picture = page.message.grab().toImage()
        colours = {picture.pixel(x, y) for x in range(picture.width()) for y in range(picture.height())}
        return len(colours) > 1

    page.message.resize(300, 200)
    assert has_text()
    page.message.resize(300, 40)
    assert not has_text()
    page._show_message("No scenes found. Make the dates longer.")
    page.message.resize(300, 40)
    assert has_text()


def test_a_cleared_date_says_any(page):
    page.start.setDate(QDate(2020, 1, 1))
    page.start.clear()
    assert page.start.isNull()
    assert page.start.lineEdit().text() == "any"
    page.fill_form({"start": "2020-01-01", "end": ""})
    assert page.start.lineEdit().text() == "2020-01-01"
    assert page.end.lineEdit().text() == "any"

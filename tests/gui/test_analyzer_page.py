# SPDX-License-Identifier: GPL-2.0-or-later
"""The Analyzer page on a real small job: states, edits, runs in the real engine, and what fails."""

from __future__ import annotations

import re

import pytest
from qgis.core import QgsFeature, QgsGeometry, QgsPointXY, QgsProject, QgsRectangle, QgsVectorLayer
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QAbstractButton, QApplication, QLabel, QMenu, QTabBar

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.mintpy_config import MintpyConfig
from insarhub_qgis.gui.dock import ANALYZER, USABLE_WIDTH_PX
from insarhub_qgis.gui.prepare_report_dialog import PrepareReportDialog, read_report
from insarhub_qgis.gui.thresholds_dialog import ThresholdsDialog
from insarhub_qgis.layers.layer_tree import insar_layers
from insarhub_qgis.layers.result_sources import list_results
from insarhub_qgis.layers.series_reader import SeriesReader


def settle(context, patience, timeout=60000):
    patience.waitUntil(lambda: not context.runs and not context._reads, timeout=timeout)


@pytest.fixture
def page(dock, analysed_job, patience):
    dock.show_page(ANALYZER, analysed_job)
    settle(dock.context, patience)
    return dock.page(ANALYZER)


def steps(page):
    items = [page._steps.topLevelItem(row) for row in range(page._steps.topLevelItemCount())]
    return {item.text(0): (item.checkState(0) == Qt.CheckState.Checked, item.text(1)) for item in items}


def set_only(page, *names):
    for row in range(page._steps.topLevelItemCount()):
        item = page._steps.topLevelItem(row)
        item.setCheckState(0, Qt.CheckState.Checked if item.text(0) in names else Qt.CheckState.Unchecked)


def click(button):
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def test_a_finished_job_shows_its_steps_products_and_log(page):
    found = steps(page)
    assert next(iter(found)) == "load_data"
    assert list(found)[-1] == "velocity"
    assert all("done" in word and word[0] == "✓" for _, word in found.values())
    assert re.fullmatch(r"\d+ used", page._prepared.text())
    assert "velocity" in page._log.toPlainText()
    assert page._run_button.isEnabled()
    assert page._run_button.isDefault()


def test_an_edit_is_written_and_proposes_the_steps_that_it_outdates(page, analysed_job):
    page._options.set_values({"mintpy.timeFunc.polynomial": "2"})
    assert MintpyConfig.read(analysed_job / ".mintpy.cfg").get("mintpy.timeFunc.polynomial") == "2"
    ticked = [name for name, (is_ticked, _) in steps(page).items() if is_ticked]
    assert ticked == ["velocity"]


def test_ticked_steps_run_in_the_engine_and_show_their_state(page, context, patience, analysed_job, iface):
    before = (analysed_job / "velocity.h5").stat().st_mtime_ns
    set_only(page, "velocity")
    words = []
    page._steps.itemChanged.connect(lambda *_: words.append(1))
    click(page._run_button)
    assert page.is_running
    assert not page._run_button.isEnabled()
    assert not page._prepare_button.isEnabled()
    patience.waitUntil(lambda: "running" in steps(page)["velocity"][1], timeout=30000)
    settle(context, patience)
    assert (analysed_job / "velocity.h5").stat().st_mtime_ns > before
    assert "done" in steps(page)["velocity"][1]
    assert "analysis of" in iface.texts()
    assert page._run_button.isEnabled()


def test_a_run_of_one_job_leaves_the_page_of_another_alone(
    page, dock, context, patience, analysed_job, tmp_path
):
    other = tmp_path / "jobs" / "other"
    other.mkdir()
    (other / "insarhub_config.json").write_text(
        '{"processor": {"type": "Hyp3_S1", "config": {}}}', encoding="utf-8"
    )
    set_only(page, "velocity")
    click(page._run_button)
    dock.show_page(ANALYZER, other)
    patience.waitUntil(lambda: not context._reads)
    assert not page.is_running
    assert page._prepare_button.isEnabled()
    assert "not prepared" in page._prepared.text()
    settle(context, patience)
    assert page._log.toPlainText() == ""
    assert "Prepare first" in page._hint.text()
    assert not page._run_button.isEnabled()


def test_cancel_leaves_the_rest_to_resume(page, context, patience, monkeypatch, analysed_job):
    monkeypatch.setattr(page, "_confirm_new_run", lambda: True)
    click(page._run_button)
    patience.waitUntil(lambda: "running" in steps(page)["load_data"][1], timeout=30000)
    context.runs[-1].cancel()
    settle(context, patience)
    found = steps(page)
    assert any("cancelled" in word for _, word in found.values())
    assert page._run_button.text() == "&Resume"
    assert "Resume" in page._hint.text()
    click(page._run_button)
    settle(context, patience, timeout=120000)
    assert all("done" in word for _, word in steps(page).values())
    assert (analysed_job / "velocity.h5").is_file()


def test_running_again_from_the_start_asks_first(page, context, monkeypatch):
    asked = []
    monkeypatch.setattr(page, "_confirm_new_run", lambda: asked.append(1))
    click(page._run_button)
    assert asked == [1]
    assert context.runs == []


def test_prepare_takes_the_area_of_a_layer(page, context, patience, analysed_job, iface):
    series = next(row for row in list_results(analysed_job) if row.kind == "time_series")
    reader = SeriesReader(series.path)
    rows, cols = reader.shape
    layer = QgsVectorLayer(f"Polygon?crs={reader.crs}", "area", "memory")
    feature = QgsFeature()
    corners = (
        QgsPointXY(*reader.centre_of(rows // 4, cols // 4)),
        QgsPointXY(*reader.centre_of(rows // 2, cols // 2)),
    )
    feature.setGeometry(QgsGeometry.fromRect(QgsRectangle(*corners)))
    layer.dataProvider().addFeature(feature)
    QgsProject.instance().addMapLayer(layer)
    page._aoi_box.setLayer(layer)
    click(page._prepare_button)
    settle(context, patience)
    width, height = map(int, re.search(r"Prepared: (\d+) x (\d+) pixels", iface.texts()).groups())
    # The window holds the area, with at most a pixel more on each side than its corners.
    assert cols // 2 - cols // 4 <= width <= cols // 2 - cols // 4 + 3
    assert rows // 2 - rows // 4 <= height <= rows // 2 - rows // 4 + 3
    assert read_report(analysed_job)


def test_an_empty_area_is_refused_before_anything_runs(page, context, iface):
    layer = QgsVectorLayer("Polygon?crs=EPSG:4326", "empty", "memory")
    QgsProject.instance().addMapLayer(layer)
    page._aoi_box.setLayer(layer)
    click(page._prepare_button)
    assert "no polygon" in iface.texts()
    assert context.runs == []


def test_the_report_has_excluded_products_first_and_sorts_numbers_as_such(qgis_app, tmp_path):
    rows = [
        {"product": "A", "state": "used", "reason": "", "width_px": "1000"},
        {"product": "B", "state": "excluded", "reason": "other zone", "width_px": "90"},
        {"product": "C", "state": "used", "reason": "", "width_px": "240"},
    ]
    dialog = PrepareReportDialog(rows, tmp_path)
    table = dialog.table

    def column(number):
        return [table.item(row, number).text() for row in range(table.rowCount())]

    assert column(0) == ["B", "A", "C"]
    table.sortItems(3)
    assert [text.replace(",", "") for text in column(3)] == ["90", "240", "1000"]


def test_overview_puts_the_diagnostics_on_the_map(page, context, patience):
    click(page._overview_button)
    settle(context, patience)

    def shown():
        layers = insar_layers(QgsProject.instance())
        return {str(layer.customProperty("insarhub/label")) for layer in layers}

    # The masks are bool, which GDAL cannot read: they come as copies of the engine.
    wanted = {"temporal coherence", "average spatial coherence", "mask of temporal coherence"}
    patience.waitUntil(lambda: wanted <= shown(), timeout=30000)


def test_thresholds_are_suggested_with_reasons_and_only_ticked_ones_are_taken(page, context, patience):
    click(page._options.suggest)
    settle(context, patience)
    dialog = next(widget for widget in QApplication.topLevelWidgets() if isinstance(widget, ThresholdsDialog))
    keys = [dialog.list.topLevelItem(row).text(0) for row in range(dialog.list.topLevelItemCount())]
    assert keys == ["network.minCoherence", "networkInversion.maskThreshold", "reference.minCoherence"]
    assert all(dialog.list.topLevelItem(row).text(3) for row in range(3))
    before = page._options.config.text
    for row in range(3):
        state = Qt.CheckState.Checked if row == 1 else Qt.CheckState.Unchecked
        dialog.list.topLevelItem(row).setCheckState(0, state)
    value = dialog.list.topLevelItem(1).text(2)
    assert page._options.config.text == before
    click(dialog.take_button)
    assert page._options.config.get("mintpy.networkInversion.maskThreshold") == value
    assert page._options.config.get("mintpy.reference.minCoherence") in (None, "auto", "0.85")


def test_the_weather_service_that_fails_leaves_the_choice_to_the_user(page, context, patience, analysed_job):
    page._on_failed(analysed_job, InsarError("era5.no_key", choices=["no"]))
    assert page._choices.isVisibleTo(page)
    assert page._options.config.effective("mintpy.troposphericDelay.method") == "no"
    buttons = {
        button.text().replace("&", ""): button for button in page._choices.findChildren(QAbstractButton)
    }
    click(buttons["By Height"])
    assert page._options.config.get("mintpy.troposphericDelay.method") == "height_correlation"
    assert "correct_troposphere" in steps(page)
    assert not page._choices.isVisibleTo(page)


def test_further_options_lead_to_the_troposphere(page, analysed_job):
    page._on_failed(analysed_job, InsarError("era5.unreachable", reason="timeout"))
    buttons = {
        button.text().replace("&", ""): button for button in page._choices.findChildren(QAbstractButton)
    }
    click(buttons["Further Options…"])
    assert page._tabs.currentIndex() == 1
    model = page._options.view.model()
    assert model.rowCount() > 3
    assert all("troposphericDelay" in model.index(row, 0).data() for row in range(model.rowCount()))


def test_a_damaged_journal_is_told(dock, analysed_job, patience, iface):
    (analysed_job / "mintpy_job.json").write_text("{", encoding="utf-8")
    dock.show_page(ANALYZER, analysed_job)
    settle(dock.context, patience)
    assert "mintpy_job.json" in iface.texts()


def mnemonics(page):
    texts = [button.text() for button in page.findChildren(QAbstractButton)]
    texts += [label.text() for label in page.findChildren(QLabel) if label.buddy() is not None]
    for bar in page.findChildren(QTabBar):
        texts += [bar.tabText(index) for index in range(bar.count())]
    return [match.group(1).lower() for text in texts if (match := re.search(r"&(\w)", text))]


def test_mnemonics_are_unique_and_fields_have_names(page):
    letters = mnemonics(page)
    assert len(letters) > 8
    assert len(letters) == len(set(letters))
    for widget in (page._aoi_box, page._steps, page._log, page._options.view, page._options.search):
        assert widget.accessibleName()
    assert not page.findChildren(QMenu) or all(menu.actions() for menu in page.findChildren(QMenu))


def test_it_needs_no_more_than_a_narrow_dock(page):
    assert page.minimumSizeHint().width() <= USABLE_WIDTH_PX - 12
    page._on_failed(page.job_folder, InsarError("era5.no_key", choices=["no"]))
    assert page.minimumSizeHint().width() <= USABLE_WIDTH_PX - 12

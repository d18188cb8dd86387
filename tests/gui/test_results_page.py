# SPDX-License-Identifier: GPL-2.0-or-later
"""The Results page with real clicks: layers, reference point and date, and the chart that follows."""

from __future__ import annotations

import numpy as np
import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.gui import QgsVertexMarker
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest

from insarhub_qgis.gui.dock import RESULTS, USABLE_WIDTH_PX
from insarhub_qgis.gui.results_page import SOURCE_ROLE, best_series
from insarhub_qgis.layers.pixel_values import PixelValueReader
from insarhub_qgis.layers.reference_shift import reference_of
from insarhub_qgis.layers.result_layers import find_result_layer, result_layers
from insarhub_qgis.layers.series_reader import SeriesReader
from tests.gui.test_analyzer_page import mnemonics, settle
from tests.gui.test_series_dock import click as click_map
from tests.gui.test_series_dock import measured_pixels, place_of


@pytest.fixture
def page(dock, analysed_job, patience):
    dock.resize(400, 600)
    dock.show_page(RESULTS, analysed_job)
    settle(dock.context, patience)
    return dock.page(RESULTS)


def item_of(page, key):
    return next(item for item in page._items() if item.data(0, SOURCE_ROLE).key == key)


def click(page, key):
    item = item_of(page, key)
    page._tree.scrollToItem(item)
    place = page._tree.visualItemRect(item).center()
    QTest.mouseClick(page._tree.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)


def ticked(page):
    return {
        item.data(0, SOURCE_ROLE).key for item in page._items() if item.checkState(0) == Qt.CheckState.Checked
    }


@pytest.fixture
def shown(page, iface):
    """Velocity and series on the map."""
    click(page, "velocity")
    click(page, best_series(page._sources).key)
    layer = find_result_layer(QgsProject.instance(), item_of(page, "velocity").data(0, SOURCE_ROLE))
    iface.canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:3857"))
    iface.canvas.setLayers([layer])
    transform = QgsCoordinateTransform(
        layer.crs(), QgsCoordinateReferenceSystem("EPSG:3857"), QgsProject.instance()
    )
    iface.canvas.setExtent(transform.transformBoundingBox(layer.extent()))
    QTest.qWait(50)
    return layer


def test_results_and_diagnostics_are_listed(page):
    groups = [page._tree.topLevelItem(row).text(0) for row in range(page._tree.topLevelItemCount())]
    assert groups == ["Results", "Diagnostics"]
    assert page._items()[0].text(0) == "LOS velocity"
    assert page._series_button.isEnabled()


def test_a_click_puts_a_result_on_the_map_and_another_takes_it_away(page):
    click(page, "velocity")
    assert ticked(page) == {"velocity"}
    assert len(result_layers(QgsProject.instance())) == 1
    click(page, "velocity")
    assert ticked(page) == set()
    assert result_layers(QgsProject.instance()) == []


def test_a_mask_that_gdal_cannot_read_is_copied_by_the_engine(page, context, patience):
    click(page, "maskTempCoh")
    settle(context, patience)
    patience.waitUntil(lambda: ticked(page) == {"maskTempCoh"})


def test_ticks_follow_layers_removed_elsewhere(page, patience):
    click(page, "velocity")
    QgsProject.instance().removeAllMapLayers()
    patience.waitUntil(lambda: ticked(page) == set())


def test_a_picked_reference_reads_zero_and_is_marked(page, shown, iface):
    reader = SeriesReader(best_series(page._sources).path)
    row, col = measured_pixels(reader, 5)[3]
    crs = QgsCoordinateReferenceSystem(reader.crs)
    before = PixelValueReader().value_at(shown, place_of(reader, 5, 5), crs).value
    QTest.mouseClick(page._pick_button, Qt.MouseButton.LeftButton)
    assert iface.canvas.mapTool() is page._tool
    shift = PixelValueReader().value_at(shown, place_of(reader, row, col), crs).value
    click_map(iface.canvas, place_of(reader, row, col), reader.crs)
    assert PixelValueReader().value_at(shown, place_of(reader, row, col), crs).value == pytest.approx(
        0, abs=1e-4
    )
    after = PixelValueReader().value_at(shown, place_of(reader, 5, 5), crs).value
    assert after == pytest.approx(before - shift, abs=1e-3)
    assert all(reference_of(layer)[0] is not None for layer in result_layers(QgsProject.instance()))
    assert [item for item in iface.canvas.scene().items() if isinstance(item, QgsVertexMarker)]
    QTest.keyClick(iface.canvas, Qt.Key.Key_Escape)
    assert not page._pick_button.isChecked()


def test_as_processed_undoes_it(page, shown, iface):
    reader = SeriesReader(best_series(page._sources).path)
    row, col = measured_pixels(reader, 1)[0]
    source = shown.source()
    page._pick_button.click()
    click_map(iface.canvas, place_of(reader, row, col), reader.crs)
    assert shown.source() != source
    page._apply_reference(None, None)
    assert shown.source() == source
    assert page._place.text() == "as processed"


def test_a_reference_outside_is_told_and_changes_nothing(page, shown, iface):
    source = shown.source()
    page._on_reference_picked(QgsPointXY(0, 0), QgsCoordinateReferenceSystem("EPSG:4326"))
    assert shown.source() == source
    assert iface.bar.items()
    assert page._place.text() == "as processed"


def test_a_chosen_date_shifts_the_series_only(page, shown):
    page._date_box.setCurrentIndex(3)
    page._date_box.activated.emit(3)
    dates = {reference_of(layer)[1] for layer in result_layers(QgsProject.instance())}
    assert page._date_box.itemData(3) in dates
    assert reference_of(shown) == (None, None)


def test_a_layer_added_later_takes_the_reference_of_the_others(page, shown, iface, context, patience):
    reader = SeriesReader(best_series(page._sources).path)
    row, col = measured_pixels(reader, 1)[0]
    page._pick_button.click()
    click_map(iface.canvas, place_of(reader, row, col), reader.crs)
    click(page, best_series(page._sources).key)
    click(page, best_series(page._sources).key)
    assert all(reference_of(layer)[0] is not None for layer in result_layers(QgsProject.instance()))


def test_the_median_of_a_polygon_is_the_reference(page, shown, iface):
    reader = SeriesReader(best_series(page._sources).path)
    layer = QgsVectorLayer(f"Polygon?crs={reader.crs}", "rock", "memory")
    feature = QgsFeature()
    feature.setGeometry(
        QgsGeometry.fromRect(QgsRectangle(place_of(reader, 20, 20), place_of(reader, 30, 30)))
    )
    layer.dataProvider().addFeature(feature)
    iface.activeLayer = lambda: layer
    page._reference_to_polygon()
    assert "Select one polygon" in iface.texts()
    layer.selectAll()
    page._reference_to_polygon()
    assert "of rock" in page._place.text()


def test_the_chart_takes_the_reference_of_the_map(page, shown, iface, context, patience):
    reader = SeriesReader(best_series(page._sources).path)
    (row, col), other = measured_pixels(reader, 5)[1], measured_pixels(reader, 5)[3]
    page._pick_button.click()
    click_map(iface.canvas, place_of(reader, row, col), reader.crs)
    QTest.mouseClick(page._series_button, Qt.MouseButton.LeftButton)
    settle(context, patience)
    dock = context.series_dock()
    click_map(iface.canvas, place_of(reader, *other), reader.crs)
    names = [entry.name for entry in dock.entries]
    assert names == ["Reference", "P1"]
    shown_values = dock._view().shown(dock.entries[1], reader.dates)
    expected = (reader.series_at(*other) - reader.series_at(row, col)) * 1000
    np.testing.assert_allclose(shown_values, expected, atol=1e-6)
    value = PixelValueReader().value_at(
        shown, place_of(reader, *other), QgsCoordinateReferenceSystem(reader.crs)
    )
    assert dock.fits["P1"].velocity[0] == pytest.approx(value.value, abs=1e-3)


def test_a_job_without_results_says_what_to_do(dock, tmp_path, patience):
    folder = tmp_path / "new job"
    folder.mkdir()
    dock.show_page(RESULTS, folder)
    settle(dock.context, patience)
    page = dock.page(RESULTS)
    assert "run the analysis" in page._message.text()
    assert page._pages.currentWidget() is page._message
    assert not page._export_button.isEnabled()
    assert not page._series_button.isEnabled()


def test_mnemonics_are_unique_and_it_fits_a_narrow_dock(page):
    letters = mnemonics(page)
    assert len(letters) == len(set(letters)) >= 5
    assert page.minimumSizeHint().width() <= USABLE_WIDTH_PX - 12


def test_closing_the_page_gives_back_the_map(page, shown, iface, dock):
    page._pick_button.click()
    page._apply_reference(None, None)
    page._end_picking()
    assert iface.canvas.mapTool() is None

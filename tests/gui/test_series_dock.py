# SPDX-License-Identifier: GPL-2.0-or-later
"""The time-series dock with real clicks on the map of a real small job."""

from __future__ import annotations

import csv
import datetime as dt

import numpy as np
import pytest
from osgeo import gdal
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
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication

from insarhub_qgis.core.time_series_fit import TimeModel
from insarhub_qgis.layers.result_layers import add_result_layer
from insarhub_qgis.layers.result_sources import list_results
from insarhub_qgis.layers.series_reader import SeriesReader


@pytest.fixture
def sources(analysed_job):
    return list_results(analysed_job)


@pytest.fixture
def source(sources):
    return next(row for row in sources if row.kind == "time_series")


@pytest.fixture
def velocity(analysed_job, sources, iface):
    """The velocity on the map, which shows exactly it in another CRS than that of the file."""
    layer = add_result_layer(
        QgsProject.instance(),
        analysed_job,
        analysed_job.name,
        next(row for row in sources if row.key == "velocity"),
    )
    canvas = iface.canvas
    crs = QgsCoordinateReferenceSystem("EPSG:4326")
    canvas.setDestinationCrs(crs)
    canvas.setLayers([layer])
    extent = QgsCoordinateTransform(layer.crs(), crs, QgsProject.instance()).transformBoundingBox(
        layer.extent()
    )
    canvas.setExtent(extent)
    canvas.refresh()
    QTest.qWait(50)
    return layer


@pytest.fixture
def series(context, velocity):
    return context.series_dock()


@pytest.fixture
def loaded(series, source, context, patience):
    series.show_series(source)
    settle(context, patience)
    return series


def settle(context, patience):
    patience.waitUntil(lambda: not context.runs and not context._reads, timeout=30000)


def place_of(reader, row, col):
    return QgsPointXY(*reader.centre_of(row, col))


def click(canvas, place, crs, button=Qt.MouseButton.LeftButton):
    transform = QgsCoordinateTransform(
        QgsCoordinateReferenceSystem(crs), canvas.mapSettings().destinationCrs(), QgsProject.instance()
    )
    pixel = canvas.getCoordinateTransform().transform(transform.transform(place)).toQPointF().toPoint()
    QTest.mouseClick(canvas.viewport(), button, Qt.KeyboardModifier.NoModifier, pixel)


def measured_pixels(reader, count):
    """Pixels with values, spread over the file."""
    rows, cols = reader.shape
    found = [
        (row, col)
        for row in range(4, rows, 9)
        for col in range(4, cols, 9)
        if np.isfinite(reader.series_at(row, col)).all() and (row, col) != reader.reference_pixel
    ]
    return found[:: max(1, len(found) // count)][:count]


def title(series):
    QTest.qWait(20)  # drawn when the events of this moment are done
    return " ".join(text.get_text() for text in series.chart.figure.texts)


def test_a_click_adds_the_series_of_the_pixel_under_it(loaded, iface, source):
    reader = SeriesReader(source.path)
    loaded.start_picking()
    for row, col in measured_pixels(reader, 3):
        click(iface.canvas, place_of(reader, row, col), reader.crs)
    assert [entry.name for entry in loaded.entries] == ["P1", "P2", "P3"]
    for entry, (row, col) in zip(loaded.entries, measured_pixels(reader, 3)):
        assert (entry.row, entry.col) == (row, col)
        assert np.array_equal(entry.values_m, reader.series_at(row, col))
    assert loaded.tables.points.rowCount() == 3
    assert len({entry.colour for entry in loaded.entries}) == 3


def test_the_first_click_takes_the_series_of_the_layer_on_top(series, iface, context, source, patience):
    reader = SeriesReader(source.path)
    row, col = measured_pixels(reader, 1)[0]
    series.start_picking()
    click(iface.canvas, place_of(reader, row, col), reader.crs)
    settle(context, patience)
    assert series.source.path == source.path
    assert [(entry.row, entry.col) for entry in series.entries] == [(row, col)]


def test_a_click_without_a_result_says_so(series, iface, patience):
    QgsProject.instance().clear()
    iface.canvas.setLayers([])
    series.start_picking()
    QTest.mouseClick(iface.canvas.viewport(), Qt.MouseButton.LeftButton)
    assert "no displacement time series" in series.status.text()
    assert series.entries == ()


def test_the_same_pixel_is_not_added_twice_and_outside_says_so(loaded, source):
    reader = SeriesReader(source.path)
    crs = QgsCoordinateReferenceSystem(reader.crs)
    row, col = measured_pixels(reader, 1)[0]
    x, y = reader.centre_of(row, col)
    assert loaded.add_point(x, y, crs)
    assert not loaded.add_point(x + 1, y + 1, crs)
    assert "already" in loaded.status.text()
    left, top = reader.centre_of(0, 0)
    assert not loaded.add_point(left - 80, top, crs)
    assert "outside" in loaded.status.text()
    assert len(loaded.entries) == 1


def test_esc_on_the_map_and_a_right_click_end_picking(loaded, iface):
    for end in (
        lambda: QTest.keyClick(iface.canvas, Qt.Key.Key_Escape),
        lambda: QTest.mouseClick(iface.canvas.viewport(), Qt.MouseButton.RightButton),
    ):
        loaded.start_picking()
        assert loaded.toolbar.pick_action.isChecked()
        end()
        assert not loaded.toolbar.pick_action.isChecked()
        assert iface.canvas.mapTool() is None


def test_p_starts_picking_by_keyboard(loaded, iface):
    QApplication.setActiveWindow(loaded.window())
    loaded.tables.points.setFocus()
    QTest.keyClick(loaded.tables.points, Qt.Key.Key_P)
    assert loaded.toolbar.pick_action.isChecked()


def test_the_fit_is_that_of_the_velocity_file(loaded, source, sources, velocity):
    """Linear fit of the final series equals velocity.h5."""
    from insarhub_qgis.layers.pixel_values import PixelValueReader

    reader = SeriesReader(source.path)
    row, col = measured_pixels(reader, 1)[0]
    crs = QgsCoordinateReferenceSystem(reader.crs)
    loaded.add_point(*reader.centre_of(row, col), crs)
    value = PixelValueReader().value_at(velocity, place_of(reader, row, col), crs)
    assert loaded.fits["P1"].velocity[0] == pytest.approx(value.value, abs=1e-3)
    shown = loaded.tables.points.item(0, 1).text()
    assert shown.startswith(f"{value.value:+.1f} ± ")


def test_relative_to_a_point_makes_it_zero_on_all_dates(loaded, source):
    reader = SeriesReader(source.path)
    crs = QgsCoordinateReferenceSystem(reader.crs)
    for row, col in measured_pixels(reader, 2):
        loaded.add_point(*reader.centre_of(row, col), crs)
    loaded.tables.points.selectRow(1)
    action = next(a for a in loaded.tables.menu().actions() if "Relative" in a.text())
    action.trigger()
    column = 2
    model = loaded.tables.model
    assert {model.index(row, column).data() for row in range(model.rowCount())} == {"+0.00"}
    assert "relative to P2" in title(loaded)


def test_zero_date_unit_and_residuals_change_table_and_chart(loaded, source):
    reader = SeriesReader(source.path)
    row, col = measured_pixels(reader, 1)[0]
    loaded.add_point(*reader.centre_of(row, col), QgsCoordinateReferenceSystem(reader.crs))
    loaded.toolbar.choose_zero(reader.dates[3])
    assert loaded.tables.model.index(3, 1).data() == "+0.00"
    before = float(loaded.tables.model.index(5, 1).data())
    next(action for action in loaded.toolbar.unit_group.actions() if action.text() == "cm").trigger()
    assert float(loaded.tables.model.index(5, 1).data()) == pytest.approx(before / 10, abs=0.006)
    assert "[cm]" in loaded.tables.model.headerData(1, Qt.Orientation.Horizontal)
    loaded.toolbar.residual_action.trigger()
    assert "Residual" in title(loaded)


def test_models_show_their_parameters(loaded, source):
    reader = SeriesReader(source.path)
    row, col = measured_pixels(reader, 1)[0]
    loaded.add_point(*reader.centre_of(row, col), QgsCoordinateReferenceSystem(reader.crs))

    def headers():
        table = loaded.tables.points
        return [table.horizontalHeaderItem(column).text() for column in range(table.columnCount())]

    assert headers()[:3] == ["Name", "mm/yr", "RMSE"]
    loaded.toolbar.model_box.setCurrentIndex(2)
    assert "annual [mm]" in headers()
    loaded.toolbar.set_steps([reader.dates[4]])
    assert f"step {reader.dates[4].isoformat()} [mm]" in headers()
    assert loaded.fits["P1"].model == TimeModel(annual=True, step_dates=(reader.dates[4],))
    loaded.toolbar.model_box.setCurrentIndex(0)
    loaded.toolbar.set_steps(())
    assert headers()[:2] == ["Name", "Pixel"]
    assert loaded.fits == {}


def test_a_polygon_becomes_a_zone_with_median_and_spread(loaded, source, context, patience, iface):
    reader = SeriesReader(source.path)
    layer = QgsVectorLayer(f"Polygon?crs={reader.crs}", "zones", "memory")
    (left, top), (right, bottom) = reader.centre_of(20, 20), reader.centre_of(25, 27)
    feature = QgsFeature()
    feature.setGeometry(QgsGeometry.fromRect(QgsRectangle(left - 1, bottom - 1, right + 1, top + 1)))
    layer.dataProvider().addFeature(feature)
    layer.selectAll()
    iface.activeLayer = lambda: layer
    loaded.toolbar.zones_action.trigger()
    settle(context, patience)
    (zone,) = loaded.entries
    cube = np.array([[reader.series_at(row, col) for col in range(20, 28)] for row in range(20, 26)])
    masks = gdal.OpenEx(str(source.path.with_name("maskTempCoh.h5")), gdal.OF_MULTIDIM_RASTER)
    keeps = masks.GetRootGroup().OpenMDArray("mask").ReadAsArray()[20:26, 20:28].astype(bool)
    expected = np.nanmedian(cube[keeps], axis=0)
    assert zone.name == "Z1"
    assert zone.pixel_count == int(keeps.sum())
    np.testing.assert_allclose(zone.values_m, expected, atol=1e-6)
    assert (zone.spread_m >= 0).all()
    assert f"{zone.pixel_count} pixels" in loaded.status.text()


def test_rename_and_remove_by_keyboard(loaded, source):
    reader = SeriesReader(source.path)
    crs = QgsCoordinateReferenceSystem(reader.crs)
    for row, col in measured_pixels(reader, 2):
        loaded.add_point(*reader.centre_of(row, col), crs)
    table = loaded.tables.points
    table.item(0, 0).setText("dam")
    assert [entry.name for entry in loaded.entries] == ["dam", "P2"]
    table.item(1, 0).setText("dam")
    assert [entry.name for entry in loaded.entries] == ["dam", "P2"]
    assert "taken" in loaded.status.text()
    table.setFocus()
    table.selectRow(0)
    QApplication.setActiveWindow(loaded.window())
    QTest.keyClick(table, Qt.Key.Key_Delete)
    assert [entry.name for entry in loaded.entries] == ["P2"]
    assert loaded.entries[0].style == 1


def test_another_series_of_the_job_is_sampled_at_the_same_places(loaded, sources, source, context, patience):
    reader = SeriesReader(source.path)
    crs = QgsCoordinateReferenceSystem(reader.crs)
    for row, col in measured_pixels(reader, 2):
        loaded.add_point(*reader.centre_of(row, col), crs)
    loaded._remove([0])
    styles = [entry.style for entry in loaded.entries]
    series = [row for row in sources if row.kind == "time_series"]
    box = loaded.toolbar.series_box
    assert box.count() == len(series)
    loaded.show_series(series[-1])
    settle(context, patience)
    other = SeriesReader(series[-1].path)
    (entry,) = loaded.entries
    assert np.array_equal(entry.values_m, other.series_at(entry.row, entry.col))
    assert [entry.style for entry in loaded.entries] == styles


def test_places_are_kept_with_the_project_and_opening_leaves_it_clean(
    loaded, source, context, patience, tmp_path, iface
):
    reader = SeriesReader(source.path)
    row, col = measured_pixels(reader, 1)[0]
    loaded.add_point(*reader.centre_of(row, col), QgsCoordinateReferenceSystem(reader.crs), "dam")
    loaded.set_reference("dam")
    project = QgsProject.instance()
    file = tmp_path / "kept.qgs"
    assert project.write(str(file))
    assert str(tmp_path) not in project.readEntry("InSARHub", "series_points")[0]
    assert "./jobs/" in file.read_text(encoding="utf-8")
    project.clear()
    assert loaded.entries == ()
    assert loaded.source is None
    assert project.read(str(file))
    settle(context, patience)
    (entry,) = loaded.entries
    assert (entry.name, entry.row, entry.col) == ("dam", row, col)
    assert np.array_equal(entry.values_m, reader.series_at(row, col))
    assert "relative to dam" in title(loaded)
    assert not project.isDirty()


def test_damaged_places_of_a_project_are_told(loaded, iface):
    QgsProject.instance().writeEntry("InSARHub", "series_points", '{"series": 3')
    loaded._restore()
    assert "could not be read" in iface.texts()


def test_exports_hold_what_is_shown(loaded, source, tmp_path):
    reader = SeriesReader(source.path)
    row, col = measured_pixels(reader, 1)[0]
    loaded.add_point(*reader.centre_of(row, col), QgsCoordinateReferenceSystem(reader.crs))
    for kind in ("csv", "png", "svg"):
        loaded.export_to(tmp_path / f"series.{kind}")
    lines = (tmp_path / "series.csv").read_text(encoding="utf-8").splitlines()
    table = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    values = [float(line["P1"]) for line in table]
    np.testing.assert_allclose(values, reader.series_at(row, col) * 1000, atol=1e-4)
    assert [dt.date.fromisoformat(line["date"]) for line in table] == reader.dates
    assert (tmp_path / "series.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "series.svg").read_text(encoding="utf-8")


def test_an_export_that_cannot_be_written_says_why(loaded, source, tmp_path, iface):
    reader = SeriesReader(source.path)
    row, col = measured_pixels(reader, 1)[0]
    loaded.add_point(*reader.centre_of(row, col), QgsCoordinateReferenceSystem(reader.crs))
    loaded.export_to(tmp_path / "no folder" / "series.csv")
    loaded.export_to(tmp_path / "no folder" / "series.png")
    assert len(iface.bar.items()) == 2


def test_values_are_copied_from_the_table(loaded, source):
    reader = SeriesReader(source.path)
    row, col = measured_pixels(reader, 1)[0]
    loaded.add_point(*reader.centre_of(row, col), QgsCoordinateReferenceSystem(reader.crs))
    loaded.tables.setCurrentIndex(1)
    QApplication.setActiveWindow(loaded.window())
    loaded.tables.values.setFocus()
    loaded.tables.values.selectAll()
    QTest.keyClick(loaded.tables.values, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QApplication.clipboard().text().splitlines()
    assert lines[0] == "Date\tP1 [mm]"
    assert len(lines) == 1 + len(reader.dates)


def test_a_closed_dock_stays_closed_when_the_job_changes(loaded, context, analysed_job, patience):
    loaded.hide()
    context.job_changed.emit(analysed_job)
    settle(context, patience)
    assert not loaded.isVisible()


def test_marks_on_the_map_go_with_their_places(loaded, source, iface):
    from qgis.gui import QgsVertexMarker

    def marks():
        return [item for item in iface.canvas.scene().items() if isinstance(item, QgsVertexMarker)]

    reader = SeriesReader(source.path)
    row, col = measured_pixels(reader, 1)[0]
    loaded.add_point(*reader.centre_of(row, col), QgsCoordinateReferenceSystem(reader.crs))
    assert len(marks()) == 1
    loaded.toolbar.clear_action.trigger()
    assert marks() == []


def test_the_toolbar_fits_beside_two_panels(loaded):
    assert loaded.toolbar.sizeHint().width() <= 545

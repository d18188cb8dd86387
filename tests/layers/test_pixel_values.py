# SPDX-License-Identifier: GPL-2.0-or-later
"""The value under the cursor is that of the pixel that contains the point, in any project CRS."""

from __future__ import annotations

import numpy as np
import pytest
from qgis.core import QgsCoordinateReferenceSystem, QgsCoordinateTransform, QgsPointXY, QgsProject

from insarhub_qgis.layers import pixel_values
from insarhub_qgis.layers.pixel_values import NO_DATA, OUTSIDE, PixelValueReader
from tests.layers.test_result_layers import add, truth_of

UTM = QgsCoordinateReferenceSystem("EPSG:32614")
LEFT, TOP, STEP = 480000.0, 2160000.0, 80.0


@pytest.fixture
def reader():
    reader = PixelValueReader()
    yield reader
    reader.close()


def test_four_corners_belong_to_the_pixel(project, make_job, reader):
    job = make_job()
    values = truth_of(job)["velocity/velocity"]
    layer = add(project, job, "velocity")
    row, col = next((r, c) for r in range(20, 30) for c in range(20, 30) if values[r, c] != 0)
    left, top = LEFT + col * STEP, TOP - row * STEP
    for x, y in ((left, top), (left + 79.999, top), (left, top - 79.999), (left + 79.999, top - 79.999)):
        found = reader.value_at(layer, QgsPointXY(x, y), UTM)
        assert (found.row, found.col) == (row, col)
        assert found.stored_value == values[row, col]
        assert found.value == pytest.approx(values[row, col] * 1000)


def test_one_metre_outside_is_no_data(project, make_job, reader):
    layer = add(project, make_job(), "velocity")
    right, bottom = LEFT + 60 * STEP, TOP - 40 * STEP
    for x, y in ((LEFT - 1, TOP - 1), (LEFT + 1, TOP + 1), (right + 1, bottom + 1), (right - 1, bottom - 1)):
        found = reader.value_at(layer, QgsPointXY(x, y), UTM)
        assert found.reason == OUTSIDE and found.value is None and found.row is None
        assert "no data here" in found.text()
    assert reader.value_at(layer, QgsPointXY(right - 1, bottom + 1), UTM).reason != OUTSIDE


@pytest.mark.parametrize("project_crs", ["EPSG:32614", "EPSG:4326", "EPSG:3857"])
def test_thousand_random_clicks_have_no_wrong_pixel(project, make_job, reader, project_crs):
    job = make_job(width=150, height=110)
    truth = truth_of(job)
    values, is_valid = truth["velocity/velocity"], truth["is_valid"]
    layer = add(project, job, "velocity")
    crs = QgsCoordinateReferenceSystem(project_crs)
    to_map = QgsCoordinateTransform(UTM, crs, QgsProject.instance().transformContext())
    generator = np.random.default_rng(3)
    xs = generator.uniform(LEFT - 500, LEFT + 150 * STEP + 500, 1000)
    ys = generator.uniform(TOP - 110 * STEP - 500, TOP + 500, 1000)
    counts = {"value": 0, OUTSIDE: 0, NO_DATA: 0}
    for x, y in zip(xs, ys):
        found = reader.value_at(layer, to_map.transform(QgsPointXY(x, y)), crs)
        row, col = int((TOP - y) // STEP), int((x - LEFT) // STEP)
        if not (0 <= row < 110 and 0 <= col < 150):
            assert found.reason == OUTSIDE
            counts[OUTSIDE] += 1
        elif not is_valid[row, col]:
            assert found.reason == NO_DATA and (found.row, found.col) == (row, col)
            counts[NO_DATA] += 1
        else:
            assert (found.row, found.col) == (row, col)
            assert found.stored_value == values[row, col]
            counts["value"] += 1
    assert min(counts.values()) > 50


def test_series_layer_gives_the_date_of_the_band(project, make_job, reader):
    job = make_job()
    truth = truth_of(job)
    layer = add(project, job, "timeseries_ramp_demErr")
    row, col = (int(n[0]) for n in np.nonzero(truth["is_valid"][10:] & True))
    row += 10
    point = QgsPointXY(LEFT + (col + 0.5) * STEP, TOP - (row + 0.5) * STEP)
    for band in (1, 4, 12):
        moments = layer.temporalProperties().fixedRangePerBand()[band]
        found = reader.value_at(layer, point, UTM, moments)
        assert found.stored_value == truth["timeseries_ramp_demErr/timeseries"][band - 1, row, col]
        assert found.when == truth["dates"][band - 1]


def test_text_spells_unit_and_sign(project, make_job, reader):
    layer = add(project, make_job(), "velocity")
    text = reader.value_at(layer, QgsPointXY(LEFT + 3.5 * STEP, TOP - 2.5 * STEP), UTM).text()
    assert text == "LOS velocity 0.0 mm/yr (+ toward satellite) · 2020-01-05 → 2021-12-27"


def test_a_file_is_opened_once_for_all_its_pixels(project, make_job, reader, monkeypatch):
    layer = add(project, make_job(), "velocity")
    opened, open_raster = [], pixel_values.gdal.Open
    monkeypatch.setattr(pixel_values.gdal, "Open", lambda name: opened.append(name) or open_raster(name))
    for index in range(200):
        point = QgsPointXY(LEFT + 1 + (index * 37) % 4700, TOP - 1 - (index * 53) % 3100)
        assert reader.value_at(layer, point, UTM).row is not None
    assert opened == [layer.source()]


def test_deleted_layer_and_file_are_no_trap(project, make_job, reader):
    job = make_job()
    layer = add(project, job, "velocity")
    point = QgsPointXY(LEFT + 3.5 * STEP, TOP - 2.5 * STEP)
    assert reader.value_at(layer, point, UTM).value == 0
    project.removeMapLayer(layer.id())
    layer = add(project, job, "velocity")
    assert reader.value_at(layer, point, UTM).value == 0

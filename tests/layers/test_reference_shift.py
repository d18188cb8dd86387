# SPDX-License-Identifier: GPL-2.0-or-later
"""Results relative to another pixel, polygon or date, without touching the HDF5."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from qgis.core import QgsProject

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.layers import layer_tree
from insarhub_qgis.layers.reference_shift import (
    ReferencePoint,
    reference_of,
    reference_values,
    set_job_reference,
    set_reference,
)
from tests.layers.test_result_layers import add, pixels, truth_of

LEFT, TOP, STEP = 480000.0, 2160000.0, 80.0


def a_pixel(truth, skip: int = 0) -> tuple[int, int, ReferencePoint]:
    rows, cols = np.nonzero(truth["is_valid"])
    row, col = int(rows[500 + skip]), int(cols[500 + skip])
    return row, col, ReferencePoint("P1", LEFT + (col + 0.3) * STEP, TOP - (row + 0.9) * STEP)


def test_series_is_exactly_zero_at_the_reference_on_all_dates(project, make_job):
    job = make_job()
    truth = truth_of(job)
    digest = hashlib.sha256((job / "timeseries_ramp_demErr.h5").read_bytes()).digest()
    layer = add(project, job, "timeseries_ramp_demErr")
    layer_id = layer.id()
    row, col, point = a_pixel(truth)
    set_reference(layer, point)
    cube = truth["timeseries_ramp_demErr/timeseries"]
    shown = pixels(layer)
    assert np.all(shown[:, row, col] == 0)
    wanted = np.where(truth["is_valid"], cube - cube[:, row, col][:, None, None], np.nan)
    np.testing.assert_allclose(shown, wanted, atol=1e-8)
    assert layer.id() == layer_id
    assert "relative to P1" in layer.name() and "relative to P1" in " ".join(layer.metadata().history())
    assert layer.temporalProperties().isActive() and layer.renderer().type() == "singlebandpseudocolor"
    assert hashlib.sha256((job / "timeseries_ramp_demErr.h5").read_bytes()).digest() == digest


def test_date_reference_is_zero_everywhere_on_that_date(project, make_job):
    job = make_job()
    truth = truth_of(job)
    layer = add(project, job, "timeseries_ramp_demErr")
    row, col, point = a_pixel(truth)
    date = str(truth["dates"][4])
    set_reference(layer, point, date)
    shown = pixels(layer)
    assert np.all(shown[4][truth["is_valid"]] == 0)
    assert np.all(shown[:, row, col] == 0)
    cube = truth["timeseries_ramp_demErr/timeseries"].astype(np.float64)
    cube = cube - cube[4]
    wanted = np.where(truth["is_valid"], cube - cube[:, row, col][:, None, None], np.nan)
    np.testing.assert_allclose(shown, wanted, atol=2e-8)
    assert f"relative to P1 on {date}" in layer.name()
    assert reference_of(layer) == (point, date)


def test_velocity_and_series_of_a_job_move_together_and_back(project, make_job):
    job = make_job()
    truth = truth_of(job)
    velocity, series = add(project, job, "velocity"), add(project, job, "timeseries_ramp_demErr")
    coherence = add(project, job, "temporalCoherence")
    names, before = (velocity.name(), series.name()), (pixels(velocity), pixels(series))
    row, col, point = a_pixel(truth)
    changed = set_job_reference(project, job, point)
    assert {layer.id() for layer in changed} == {velocity.id(), series.id()}
    assert pixels(velocity)[row, col] == 0
    assert pixels(velocity)[2, 3] == -truth["velocity/velocity"][row, col]
    assert "relative" not in coherence.name()
    set_job_reference(project, job, None)
    assert (velocity.name(), series.name()) == names
    np.testing.assert_array_equal(pixels(velocity), before[0])
    np.testing.assert_array_equal(pixels(series), before[1])
    assert reference_of(velocity) == (None, None)


def test_polygon_reference_is_the_median_of_pixels_with_centres_inside(project, make_job):
    job = make_job()
    truth = truth_of(job)
    layer = add(project, job, "timeseries_ramp_demErr")
    left, right = LEFT + 10.4 * STEP, LEFT + 15.6 * STEP
    top, bottom = TOP - 20.6 * STEP, TOP - 25.4 * STEP
    wkt = f"POLYGON(({left} {top},{right} {top},{right} {bottom},{left} {bottom},{left} {top}))"
    zone = ReferencePoint("rock", left, top, polygon_wkt=wkt)
    inside = np.zeros_like(truth["is_valid"])
    inside[21:25, 10:16] = True
    cube = truth["timeseries_ramp_demErr/timeseries"].astype(np.float64)
    wanted = np.median(cube[:, inside & truth["is_valid"]], axis=1)
    np.testing.assert_allclose(reference_values(layer, zone), wanted, rtol=0, atol=1e-12)
    set_reference(layer, zone)
    shown = pixels(layer)[:, inside & truth["is_valid"]]
    np.testing.assert_allclose(np.median(shown, axis=1), 0, atol=1e-8)


def test_project_keeps_the_reference(project, make_job, tmp_path):
    job = make_job()
    layer = add(project, job, "velocity")
    _, _, point = a_pixel(truth_of(job))
    set_reference(layer, point)
    before = pixels(layer)
    project.write(str(tmp_path / "map.qgz"))
    again = QgsProject()
    again.read(str(tmp_path / "map.qgz"))
    loaded = next(layer_tree.insar_layers(again))
    np.testing.assert_array_equal(pixels(loaded), before)
    assert reference_of(loaded) == (point, None)
    # Another reference in one project leaves the saved one as it was.
    set_reference(layer, a_pixel(truth_of(job), skip=40)[2])
    np.testing.assert_array_equal(pixels(loaded), before)
    again.clear()


def test_own_style_of_the_user_survives(project, make_job):
    job = make_job()
    layer = add(project, job, "velocity")
    layer.renderer().setClassificationMin(-0.5)
    layer.renderer().setClassificationMax(0.5)
    set_reference(layer, a_pixel(truth_of(job))[2])
    assert (layer.renderer().classificationMin(), layer.renderer().classificationMax()) == (-0.5, 0.5)


@pytest.mark.parametrize("where", ["outside", "no_data", "date", "coherence"])
def test_bad_references_are_refused_and_change_nothing(project, make_job, where):
    job = make_job()
    truth = truth_of(job)
    layer = add(project, job, "temporalCoherence" if where == "coherence" else "timeseries_ramp_demErr")
    name, before = layer.name(), pixels(layer)
    _, _, point = a_pixel(truth)
    date = None
    if where == "outside":
        point = ReferencePoint("far", LEFT - 1, TOP - 1)
    if where == "no_data":
        row, col = (int(n[0]) for n in np.nonzero(~truth["is_valid"]))
        point = ReferencePoint("gap", LEFT + (col + 0.5) * STEP, TOP - (row + 0.5) * STEP)
    if where == "date":
        date = "1999-01-01"
    codes = {"date": "unknown_date", "coherence": "not_relative"}
    with pytest.raises(InsarError) as caught:
        set_reference(layer, point, date)
    assert caught.value.code == f"reference.{codes.get(where, where)}"
    assert layer.name() == name
    np.testing.assert_array_equal(pixels(layer), before)

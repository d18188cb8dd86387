# SPDX-License-Identifier: GPL-2.0-or-later
"""MintPy results as layers: exact values, transparent gaps, time, copies, identity."""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsDateTimeRange,
    QgsProject,
    QgsRasterLayer,
    QgsSingleBandPseudoColorRenderer,
)
from qgis.PyQt.QtCore import QDate, QDateTime, Qt, QTime

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.layers import layer_tree
from insarhub_qgis.layers.result_layers import (
    add_result_layer,
    find_result_layer,
    refresh_result_layers,
    remove_result_layer,
    source_of,
)
from insarhub_qgis.layers.result_sources import list_results
from insarhub_qgis.layers.temporal import band_at


def truth_of(job: Path) -> dict[str, np.ndarray]:
    with np.load(job / "truth.npz") as stored:
        return {name: stored[name] for name in stored.files}


def add(project: QgsProject, job: Path, key: str) -> QgsRasterLayer:
    source = next(source for source in list_results(job) if source.key == key)
    return add_result_layer(project, job, job.name, source)


def pixels(layer: QgsRasterLayer) -> np.ndarray:
    dataset = gdal.Open(layer.source())
    return dataset.ReadAsArray()


def expected(values: np.ndarray, is_valid: np.ndarray) -> np.ndarray:
    return np.where(is_valid, values, np.float32(np.nan))


@pytest.mark.parametrize("compression", [None, "gzip"])
@pytest.mark.parametrize("coherence", [True, False])
def test_velocity_equals_the_file_and_gaps_are_nodata(project, make_job, compression, coherence):
    job = make_job(compression=compression, coherence=coherence)
    truth = truth_of(job)
    layer = add(project, job, "velocity")
    np.testing.assert_array_equal(pixels(layer), expected(truth["velocity/velocity"], truth["is_valid"]))
    assert pixels(layer)[2, 3] == 0
    assert layer.crs().authid() == "EPSG:32614"
    extent = layer.extent()
    assert (extent.xMinimum(), extent.yMaximum()) == (480000.0, 2160000.0)
    assert (extent.xMaximum(), extent.yMinimum()) == (480000.0 + 60 * 80, 2160000.0 - 40 * 80)


@pytest.mark.parametrize("coherence", [True, False])
@pytest.mark.parametrize("reference_band", [0, 5, 11])
def test_series_equals_the_file_on_every_date(project, make_job, coherence, reference_band):
    job = make_job(coherence=coherence, reference_band=reference_band)
    truth = truth_of(job)
    layer = add(project, job, "timeseries_ramp_demErr")
    assert layer.bandCount() == 12
    cube = truth["timeseries_ramp_demErr/timeseries"]
    np.testing.assert_array_equal(pixels(layer), expected(cube, truth["is_valid"][None]))
    assert np.all(pixels(layer)[reference_band][truth["is_valid"]] == 0)
    assert np.all(pixels(layer)[:, 2, 3] == 0)
    dataset = gdal.Open(layer.source())
    assert [dataset.GetRasterBand(b).GetDescription() for b in range(1, 13)] == list(truth["dates"])


def test_reference_pixel_shows_when_its_coherence_is_zero(project, make_job):
    job = make_job(reference_coherence=0.0)
    assert pixels(add(project, job, "velocity"))[2, 3] == 0
    assert np.all(pixels(add(project, job, "timeseries_ramp_demErr"))[:, 2, 3] == 0)


def test_map_time_switches_the_band(project, make_job):
    job = make_job()
    layer = add(project, job, "timeseries_ramp_demErr")
    days = [QDate.fromString(str(day), "yyyy-MM-dd") for day in truth_of(job)["dates"]]

    def at(day: QDate) -> QgsDateTimeRange:
        moment = QDateTime(day, QTime(12, 0), Qt.TimeSpec.UTC)
        return QgsDateTimeRange(moment, moment.addSecs(60))

    assert layer.temporalProperties().isActive()
    for band, day in enumerate(days, start=1):
        assert band_at(layer, at(day)) == band
        assert band_at(layer, at(day.addDays(11))) == band
    assert band_at(layer, at(days[0].addDays(-1))) == -1
    assert band_at(layer, None) == 12


def test_name_legend_and_metadata_spell_unit_and_sign(project, make_job):
    job = make_job()
    layer = add(project, job, "velocity")
    assert layer.name() == "LOS velocity [mm/yr, + toward satellite] 2020-01-05 → 2021-12-27"
    renderer = layer.renderer()
    assert isinstance(renderer, QgsSingleBandPseudoColorRenderer)
    low, high = renderer.classificationMin(), renderer.classificationMax()
    assert low == -high
    values = truth_of(job)["velocity/velocity"]
    assert high == pytest.approx(np.percentile(np.abs(values[values != 0]), 98), rel=1e-6)
    function = renderer.shader().rasterShaderFunction()
    settings = function.legendSettings()
    assert settings.maximumLabel() == f"+{high * 1000:.1f} mm/yr (toward satellite)"
    assert settings.minimumLabel() == f"{low * 1000:.1f} mm/yr (away from satellite)"
    items = function.colorRampItemList()
    assert items[-1].color.blue() > items[-1].color.red()
    assert items[0].color.red() > items[0].color.blue()
    assert items[len(items) // 2].value == pytest.approx(0, abs=1e-12)
    abstract = layer.metadata().abstract()
    for fact in (
        "Sign: + toward satellite",
        "Wavelength: 0.05546576 m",
        "Orbit direction: ASCENDING",
        "Path: 5",
        "row 2",
    ):
        assert fact in abstract
    assert "ramp removed" in " ".join(add(project, job, "timeseries_ramp_demErr").metadata().history())


def test_adding_twice_gives_one_layer_and_removing_leaves_no_group(project, make_job):
    job = make_job()
    first = add(project, job, "velocity")
    assert add(project, job, "velocity") is first
    assert len(project.mapLayers()) == 1
    node = project.layerTreeRoot().findLayer(first.id())
    path = []
    while node.parent() is not None:
        node = node.parent()
        path.append(node.name())
    assert path[:3] == ["Results", job.name, "InSARHub"]
    source = next(s for s in list_results(job) if s.key == "velocity")
    assert remove_result_layer(project, source)
    assert not remove_result_layer(project, source)
    assert find_result_layer(project, source) is None
    assert project.layerTreeRoot().children() == []


def test_two_jobs_of_one_name_have_two_groups(project, make_job, tmp_path):
    job = make_job("a/same")
    other = tmp_path / "b" / "same"
    shutil.copytree(job, other)
    add(project, job, "velocity")
    add(project, other, "velocity")
    root = project.layerTreeRoot().children()[0]
    assert [group.name() for group in root.children()] == ["same", "same"]


def test_project_keeps_values_style_time_and_identity(project, make_job, tmp_path):
    job = make_job()
    layer = add(project, job, "timeseries_ramp_demErr")
    before = pixels(layer)
    project.write(str(tmp_path / "Projekt mit Ü.qgz"))
    again = QgsProject()
    assert again.read(str(tmp_path / "Projekt mit Ü.qgz"))
    loaded = add(again, job, "timeseries_ramp_demErr")
    assert len(again.mapLayers()) == 1
    assert loaded.isValid() and loaded.bandCount() == 12
    np.testing.assert_array_equal(pixels(loaded), before)
    assert loaded.customProperty(layer_tree.UNIT) == "mm"
    assert loaded.temporalProperties().isActive()
    assert isinstance(loaded.renderer(), QgsSingleBandPseudoColorRenderer)
    again.clear()


def test_project_and_job_folder_can_move_together(project, make_job, tmp_path):
    job = make_job("here/job")
    add(project, job, "velocity")
    before = pixels(next(layer_tree.insar_layers(project)))
    project.write(str(tmp_path / "here" / "map.qgs"))
    project.clear()
    shutil.move(str(tmp_path / "here"), str(tmp_path / "there"))
    again = QgsProject()
    assert again.read(str(tmp_path / "there" / "map.qgs"))
    moved = next(layer_tree.insar_layers(again))
    assert moved.isValid()
    np.testing.assert_array_equal(pixels(moved), before)
    assert source_of(moved) == tmp_path / "there" / "job" / "velocity.h5"
    again.clear()


@pytest.mark.parametrize(("key", "dataset"), [("maskTempCoh", "mask"), ("velocity", "velocity")])
def test_what_gdal_cannot_read_goes_through_the_engine(project, make_job, engine_command, key, dataset):
    job = make_job(compression="lzf")
    truth = truth_of(job)
    with pytest.raises(InsarError) as caught:
        add(project, job, key)
    assert caught.value.code == "hdf5.needs_copy"
    assert caught.value.fields["dataset"] == dataset
    engine_command("CopyDataset", source=caught.value.fields["source"], dataset=dataset)
    layer = add(project, job, key)
    if dataset == "mask":
        np.testing.assert_array_equal(pixels(layer), truth["maskTempCoh/mask"].astype(np.uint8))
    else:
        np.testing.assert_array_equal(pixels(layer), expected(truth["velocity/velocity"], truth["is_valid"]))


def test_lzf_series_is_copied_with_dates(project, make_job, engine_command):
    job = make_job(compression="lzf")
    truth = truth_of(job)
    engine_command("CopyDataset", source=str(job / "timeseries_ramp_demErr.h5"), dataset="timeseries")
    layer = add(project, job, "timeseries_ramp_demErr")
    cube = truth["timeseries_ramp_demErr/timeseries"]
    np.testing.assert_array_equal(pixels(layer), expected(cube, truth["is_valid"][None]))


def test_file_that_is_being_written_is_refused(project, make_job):
    job = make_job()
    source = next(s for s in list_results(job) if s.key == "velocity")
    with (job / "velocity.h5").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(InsarError) as caught:
            add_result_layer(project, job, job.name, source)
        listed = next(s for s in list_results(job) if s.key == "velocity")
    assert caught.value.code == "hdf5.busy"
    assert listed.problem is not None and listed.problem.code == "hdf5.busy"
    assert add_result_layer(project, job, job.name, source).isValid()


@pytest.mark.parametrize(("grid", "code"), [("radar", "raster.radar_coded")])
def test_radar_coded_result_is_refused(project, make_job, grid, code):
    job = make_job(grid=grid)
    with pytest.raises(InsarError) as caught:
        add(project, job, "velocity")
    assert caught.value.code == code


def test_truncated_file_is_listed_with_its_problem(project, make_job):
    job = make_job()
    data = (job / "velocity.h5").read_bytes()
    (job / "velocity.h5").write_bytes(data[: len(data) // 3])
    listed = next(s for s in list_results(job) if s.key == "velocity")
    assert listed.problem is not None and listed.problem.code == "hdf5.unreadable"


def test_nothing_is_written_beside_the_results(project, make_job):
    job = make_job()
    before = {p.name for p in job.iterdir()}
    for source in list_results(job):
        if source.problem is None and source.kind != "mask":
            add_result_layer(project, job, job.name, source)
    assert {p.name for p in job.iterdir()} - before == {".insarhub_layers"}
    assert {p.suffix for p in (job / ".insarhub_layers").iterdir()} == {".vrt"}


def test_results_of_a_new_run_are_shown_after_refresh(project, make_job):
    job = make_job()
    layer = add(project, job, "velocity")
    layer_id, before = layer.id(), layer.dataProvider().sample(layer.extent().center(), 1)[0]
    shutil.copy(make_job("other", width=60, height=40, dates=12) / "timeseries_ramp_demErr.h5", job / "x.h5")
    (job / "velocity.h5").unlink()
    shutil.copy(job.parent / "other" / "velocity.h5", job / "velocity.h5")
    assert refresh_result_layers(project, job) == []
    assert layer.id() == layer_id and layer.isValid()
    assert layer.dataProvider().sample(layer.extent().center(), 1)[0] == before


def test_read_only_job_folder_uses_the_profile(project, make_job, monkeypatch, tmp_path):
    from insarhub_qgis.layers import result_layers

    job = make_job()
    monkeypatch.setattr(result_layers, "private_folder", lambda: tmp_path / "private")
    (job / ".insarhub_layers").write_text("a file where the folder should be")
    layer = add(project, job, "velocity")
    truth = truth_of(job)
    np.testing.assert_array_equal(pixels(layer), expected(truth["velocity/velocity"], truth["is_valid"]))
    assert str(tmp_path / "private") in layer.source()


def test_best_series_is_listed_first(make_job):
    job = make_job()
    shutil.copy(job / "timeseries_ramp_demErr.h5", job / "timeseries.h5")
    shutil.copy(job / "timeseries_ramp_demErr.h5", job / "timeseries_ramp.h5")
    keys = [source.key for source in list_results(job)]
    assert keys[0] == "velocity"
    series = [key for key in keys if key.startswith("timeseries")]
    assert series == ["timeseries_ramp_demErr", "timeseries_ramp", "timeseries"]

# SPDX-License-Identifier: GPL-2.0-or-later
"""The algorithms on coherence decay against the sandbox: maps, rasters made from them, zones, and what bad input says."""

from __future__ import annotations

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsFeature,
    QgsGeometry,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)

from insarhub_qgis.core.decay_map_files import decay_map_file
from insarhub_qgis.host.settings import settings
from insarhub_qgis.layers.decay_layers import decay_layer_name, style_decay_layer
from insarhub_qgis.layers.styles import shown_range
from insarhub_qgis.processing.provider import InsarHubProvider
from tests.makers.decay_jobs import ARCTIC, CANADA, CHILE, SEA, write_decay_job
from tests.makers.printed_sentences import Heard, assert_is_a_sentence
from tests.makers.sandbox_server import running_sandbox

gdal.UseExceptions()


@pytest.fixture(scope="module")
def sandbox(engine):
    with running_sandbox(engine) as url:
        yield url


@pytest.fixture(autouse=True)
def _use_sandbox(qgis_app, sandbox):
    settings().use_sandbox.setValue(True)
    settings().sandbox_url.setValue(sandbox)
    yield
    settings().use_sandbox.remove()
    settings().sandbox_url.remove()


@pytest.fixture(scope="module")
def job(run, sandbox, tmp_path_factory):
    """A job folder with fetched maps of all seasons."""
    settings().use_sandbox.setValue(True)
    settings().sandbox_url.setValue(sandbox)
    folder = write_decay_job(tmp_path_factory.mktemp("decay") / "job é")
    heard = Heard()
    answer = run("fetchdecaymaps", {"JOB_FOLDER": str(folder)}, heard)  # insarhub:fetchdecaymaps
    assert answer["FOLDER"] == str(folder / "decay_maps")
    return folder


def polygons(*texts):
    layer = QgsVectorLayer("Polygon?crs=EPSG:4326&field=name:string", "zones", "memory")
    features = []
    for number, text in enumerate(texts):
        feature = QgsFeature(layer.fields())
        feature.setAttributes([f"f{number}"])
        feature.setGeometry(QgsGeometry.fromWkt(text))
        features.append(feature)
    layer.dataProvider().addFeatures(features)
    return layer


def raster_of(path):
    raster = gdal.Open(str(path))
    values = raster.ReadAsArray()
    return raster, np.where(values == raster.GetRasterBand(1).GetNoDataValue(), np.nan, values)


def bands(job, season):
    return raster_of(decay_map_file(job, season, "vv"))[1].astype(np.float64)


def test_maps_of_four_seasons_lie_on_one_grid_and_say_that_they_are_simulated(job):
    grids = set()
    for season in ("winter", "spring", "summer", "fall"):
        raster, values = raster_of(decay_map_file(job, season, "vv"))
        grids.add((raster.GetGeoTransform(), raster.RasterXSize, raster.RasterYSize))
        assert np.isfinite(values).mean() > 0.2
        assert raster.GetMetadataItem("SOURCE").startswith("Sandbox, simulated")
    assert len(grids) == 1


def test_a_second_run_needs_no_service(run, job):
    settings().sandbox_url.setValue("http://127.0.0.1:1")
    heard = Heard()
    run("fetchdecaymaps", {"JOB_FOLDER": str(job)}, heard)
    assert sum("kept" in line for line in heard.everything) == 4


def test_expectedcoherence_is_the_model_of_the_maps(run, job, tmp_path):  # insarhub:expectedcoherence
    output = tmp_path / "expected.tif"
    run("expectedcoherence", {"DECAY_MAPS": str(job), "DAYS": 24, "SEASON": "summer", "OUTPUT": str(output)})
    raster, values = raster_of(output)
    g_inf, g0, tau = bands(job, "summer")
    np.testing.assert_allclose(values, g_inf + (g0 - g_inf) * np.exp(-24 / tau), atol=1e-5)
    assert raster.GetRasterBand(1).GetDescription() == "expected coherence after 24 d, JJA (file: summer)"


def test_longestbaseline_keeps_the_coherence(run, job, tmp_path):  # insarhub:longestbaseline
    output = tmp_path / "longest.tif"
    run(
        "longestbaseline",
        {"DECAY_MAPS": str(job / "decay_maps"), "COHERENCE": 0.3, "SEASON": "fall", "OUTPUT": str(output)},
    )
    raster, days = raster_of(output)
    assert raster.GetRasterBand(1).GetUnitType() == "d"
    g_inf, g0, tau = bands(job, "fall")
    inner = (days > 0) & (days < 365)
    assert inner.any()
    reached = g_inf + (g0 - g_inf) * np.exp(-days / tau)
    np.testing.assert_allclose(reached[inner], 0.3, atol=1e-3)
    assert np.nanmin(days) >= 0
    assert np.nanmax(days) <= 365


def test_bestseason_is_the_one_of_most_coherence(run, job, tmp_path):  # insarhub:bestseason
    output = tmp_path / "best.tif"
    run("bestseason", {"DECAY_MAPS": str(job), "DAYS": 24, "OUTPUT": str(output)})
    raster, best = raster_of(output)
    seasons = [bands(job, season) for season in ("winter", "spring", "summer", "fall")]
    after = np.array([g_inf + (g0 - g_inf) * np.exp(-24 / tau) for g_inf, g0, tau in seasons])
    known = np.isfinite(after).any(axis=0)
    chosen = np.take_along_axis(after, np.nan_to_num(best, nan=1.0).astype(int)[None] - 1, axis=0)[0]
    np.testing.assert_allclose(chosen[known], np.nanmax(after[:, known], axis=0), atol=1e-6)
    assert not np.isfinite(best[~known]).any()
    assert raster.GetMetadataItem("CLASSES") == "1=DJF,2=MAM,3=JJA,4=SON"


def test_networkcoherence_is_the_mean_over_the_pairs(run, job, tmp_path):  # insarhub:networkcoherence
    output = tmp_path / "network.tif"
    run("networkcoherence", {"JOB_FOLDER": str(job), "OUTPUT": str(output)})
    raster, values = raster_of(output)
    winter, spring = bands(job, "winter"), bands(job, "spring")
    total = 0.0
    for in_winter, in_spring in ((12, 0), (12, 0), (12, 0), (12, 0), (24, 0), (19, 5)):
        shares = np.array([in_winter, in_spring]) / (in_winter + in_spring)
        floor = shares[0] * winter[0] + shares[1] * spring[0]
        start = shares[0] * winter[1] + shares[1] * spring[1]
        total = total + floor + (start - floor) * np.exp(-in_winter / winter[2] - in_spring / spring[2])
    np.testing.assert_allclose(values, total / 6, atol=1e-5)
    assert raster.GetMetadataItem("PAIRS_USED") == "6"


def test_coherencestatistics_gives_a_row_per_zone_and_season(run, job):  # insarhub:coherencestatistics
    heard = Heard()
    parameters = {"DECAY_MAPS": str(job), "ZONES": polygons(CANADA, SEA), "OUTPUT": "memory:"}
    layer = run("coherencestatistics", parameters, heard)["OUTPUT"]
    rows = {(row["name"], row["months"]): row for row in layer.getFeatures()}
    assert len(rows) == 8
    g_inf, g0, tau = bands(job, "summer")
    row = rows[("f0", "JJA")]
    assert row["pixels"] == np.isfinite(g_inf).sum()
    assert row["gamma_inf"] == pytest.approx(np.nanmedian(g_inf), abs=1e-3)
    after = g_inf + (g0 - g_inf) * np.exp(-48 / tau)
    assert row["coh_48"] == pytest.approx(np.nanmedian(after), abs=1e-3)
    assert row["use_48"] == pytest.approx((after[np.isfinite(after)] >= 0.3).mean(), abs=1e-3)
    assert (rows[("f1", "JJA")]["pixels"], bool(rows[("f1", "JJA")]["coh_48"])) == (0, False)
    assert sum("no pixel" in line for line in heard.everything) == 4


@pytest.mark.parametrize(
    ("name", "values", "kind", "unit", "ends"),
    [
        ("expectedcoherence", {"DAYS": 12, "SEASON": "winter"}, "expected_coherence", "", (0, 1)),
        ("longestbaseline", {"COHERENCE": 0.3, "SEASON": "winter"}, "longest_baseline", "d", (0, 365)),
        ("networkcoherence", {}, "network_coherence", "", (0, 1)),
        ("bestseason", {"DAYS": 12}, "best_season", "", None),
    ],
)
def test_outputs_load_with_name_and_style(run, job, tmp_path, name, values, kind, unit, ends):
    context = QgsProcessingContext()
    context.setProject(QgsProject())
    provider = InsarHubProvider()
    provider.refreshAlgorithms()
    algorithm = provider.algorithm(name).create()
    output = str(tmp_path / f"{name}.tif")
    folder = "JOB_FOLDER" if name == "networkcoherence" else "DECAY_MAPS"
    context.setLayersToLoadOnCompletion(
        {output: QgsProcessingContext.LayerDetails("x", context.project(), "OUTPUT")}
    )
    _, ok = algorithm.run(
        {folder: str(job), "OUTPUT": output, **values}, context, QgsProcessingFeedback(False)
    )
    assert ok
    details = context.layerToLoadOnCompletionDetails(output)
    assert details.forceName
    assert ("[d]" in details.name) == (unit == "d")
    assert name in ("networkcoherence", "bestseason") or "DJF (file: winter)" in details.name
    layer = QgsRasterLayer(output, details.name)
    details.postProcessor().postProcessLayer(layer, context, QgsProcessingFeedback(False))
    assert layer.customProperty("insarhub/kind") == kind
    assert shown_range(layer) == ends


def test_bands_of_a_map_have_styles_of_their_own(job):
    for season in ("winter", "summer"):
        layer = QgsRasterLayer(str(decay_map_file(job, season, "vv")), "map")
        for band, (kind, ends) in enumerate(
            (("gamma_inf", (0, 1)), ("gamma_0", (0, 1)), ("tau", (2, 100))), 1
        ):
            style_decay_layer(layer, kind, band)
            assert (shown_range(layer), layer.renderer().inputBand()) == (ends, band)
    assert decay_layer_name("tau", "decay time, JJA (file: summer)") == "decay time, JJA (file: summer) [d]"


def test_an_area_instead_of_a_job_needs_a_folder(run, tmp_path):
    parameters = {"AOI": polygons(CHILE), "SEASONS": ["summer"], "RESOLUTION": "1km"}
    assert "No folder" in sentence_of(run, "fetchdecaymaps", parameters)
    heard = Heard()
    answer = run("fetchdecaymaps", {**parameters, "FOLDER": str(tmp_path / "maps")}, heard)
    assert answer["FOLDER"] == str(tmp_path / "maps" / "decay_maps")
    raster, _ = raster_of(decay_map_file(tmp_path / "maps", "summer", "vv"))
    # The months of the dataset, also south of the equator.
    assert raster.GetMetadataItem("MONTHS") == "6,7,8"
    assert raster.GetMetadataItem("RESOLUTION") == "0.01 deg"
    assert any("JJA (file: summer) VV, fetched" in line for line in heard.everything)


# --- Bad input ---


def sentence_of(run, name, parameters):
    with pytest.raises(QgsProcessingException) as caught:
        run(name, parameters)
    assert_is_a_sentence(str(caught.value))
    return str(caught.value)


@pytest.mark.parametrize(("aoi", "words"), [(SEA, "no pixel"), (ARCTIC, "82 N")])
def test_areas_without_coherence(run, tmp_path, aoi, words):
    job = write_decay_job(tmp_path / "job", aoi)
    assert words in sentence_of(run, "fetchdecaymaps", {"JOB_FOLDER": str(job), "SEASONS": ["winter"]})
    assert not (job / "decay_maps").exists()


def test_without_network_and_without_maps(run, tmp_path):
    settings().sandbox_url.setValue("http://127.0.0.1:1")
    job = write_decay_job(tmp_path / "job")
    words = sentence_of(run, "fetchdecaymaps", {"JOB_FOLDER": str(job), "SEASONS": ["winter"]})
    assert "127.0.0.1 cannot be reached" in words
    assert not (job / "decay_maps").exists()


def test_what_was_not_given_is_said(run, tmp_path, job):
    assert "No folder" in sentence_of(run, "fetchdecaymaps", {})
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "area" in sentence_of(run, "fetchdecaymaps", {"JOB_FOLDER": str(empty)})
    output = str(tmp_path / "out.tif")
    values = {"DAYS": 12, "SEASON": "winter", "OUTPUT": output}
    assert "no decay maps" in sentence_of(run, "expectedcoherence", {"DECAY_MAPS": str(empty), **values})
    sentence_of(run, "networkcoherence", {"JOB_FOLDER": str(empty), "OUTPUT": output})
    wrong = {"DECAY_MAPS": str(job), **values, "OUTPUT": str(tmp_path / "out.png")}
    assert ".tif" in sentence_of(run, "expectedcoherence", wrong)
    decay = tmp_path / "one"
    (decay / "decay_maps").mkdir(parents=True)
    kept = decay_map_file(decay, "fall", "vv")
    kept.write_bytes(decay_map_file(job, "fall", "vv").read_bytes())
    assert "no decay map of the season winter" in sentence_of(
        run, "expectedcoherence", {"DECAY_MAPS": str(decay), **values}
    )

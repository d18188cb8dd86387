# SPDX-License-Identifier: GPL-2.0-or-later
"""Each algorithm on a small job that went through MintPy, and what bad input says."""

from __future__ import annotations

import json

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsFeature,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProject,
    QgsVectorLayer,
)

from insarhub_qgis.layers.series_reader import SeriesReader
from insarhub_qgis.processing.provider import ALGORITHMS

gdal.UseExceptions()

PARAMETERS = {
    "selectpairs": [
        "JOB_FOLDER",
        "MODE",
        "DT_TARGETS",
        "DT_TOL",
        "DT_MAX",
        "PB_MAX",
        "MIN_DEGREE",
        "MAX_DEGREE",
        "FORCE_CONNECT",
        "N_NEAREST",
        "CREDITS",
        "CREDITS_PER_PAIR",
        "MONTHS",
    ],
    "searchscenes": [
        "PRODUCT",
        "AOI",
        "EXTENT",
        "START",
        "END",
        "DIRECTION",
        "PATH",
        "FRAME",
        "POLARIZATION",
        "PLATFORM",
        "MAX_RESULTS",
        "OUTPUT",
    ],
    "addjobs": ["SCENES", "WORK_DIRECTORY"],
    "checknetwork": ["JOB_FOLDER", "OUTPUT", "HTML"],
    "suggestbridges": ["JOB_FOLDER", "OUTPUT"],
    "networktolayers": ["JOB_FOLDER", "PAIRS", "SCENES"],
    "submithyp3": [
        "JOB_FOLDER",
        "AUTH",
        "JOB_TYPE",
        "LOOKS",
        "PHASE_FILTER",
        "INCLUDE_DEM",
        "INCLUDE_LOOK_VECTORS",
        "INCLUDE_INC_MAP",
        "INCLUDE_DISPLACEMENT_MAPS",
        "INCLUDE_WRAPPED_PHASE",
        "WATER_MASK",
        "NAME",
        "DRY_RUN",
        "REPORT",
    ],
    "forecastcheck": ["JOB_FOLDER", "OUTPUT", "HTML"],
    "scorepairs": ["JOB_FOLDER", "SOURCES", "PRESET", "AUTH", "OUTPUT"],
    "refreshhyp3": ["JOB_FOLDER", "AUTH", "OUTPUT"],
    "downloadhyp3": ["JOB_FOLDER", "AUTH", "FOLDER"],
    "watchhyp3": ["JOB_FOLDER", "AUTH", "TIMEOUT"],
    "retryhyp3": ["JOB_FOLDER", "AUTH", "INCLUDE_EXPIRED"],
    "hyp3credits": ["AUTH"],
    "fetchdecaymaps": ["JOB_FOLDER", "AOI", "SEASONS", "POLARIZATION", "RESOLUTION", "FOLDER"],
    "expectedcoherence": ["DECAY_MAPS", "DAYS", "SEASON", "OUTPUT"],
    "longestbaseline": ["DECAY_MAPS", "COHERENCE", "SEASON", "OUTPUT"],
    "bestseason": ["DECAY_MAPS", "DAYS", "OUTPUT"],
    "networkcoherence": ["JOB_FOLDER", "OUTPUT"],
    "coherencestatistics": ["DECAY_MAPS", "ZONES", "OUTPUT"],
    "openproducts": ["PRODUCTS", "JOB_FOLDER"],
    "loadproducts": ["JOB_FOLDER", "KINDS", "PAIRS"],
    "prepareanalysis": ["JOB_FOLDER", "AOI", "MATERIALISE"],
    "runanalysis": ["JOB_FOLDER", "STEPS", "OPTIONS"],
    "exportresults": ["INPUT", "OUTPUT_FOLDER", "DATASETS", "MASK", "UNIT", "FORMAT"],
    "exportfootprint": ["INPUT", "METHOD", "OUTPUT"],
    "exportpoints": ["INPUT", "MASK", "OUTPUT"],
    "sampletimeseries": ["INPUT", "POINTS", "OUTPUT"],
    "zonaltimeseries": ["INPUT", "ZONES", "OUTPUT"],
}


def memory_layer(kind: str, crs: str, geometries: list[QgsGeometry]) -> QgsVectorLayer:
    layer = QgsVectorLayer(f"{kind}?crs={crs}&field=name:string", "input", "memory")
    features = []
    for number, geometry in enumerate(geometries):
        feature = QgsFeature(layer.fields())
        feature.setAttributes([f"f{number}"])
        feature.setGeometry(geometry)
        features.append(feature)
    layer.dataProvider().addFeatures(features)
    layer.updateExtents()
    return layer


def raster_values(path: str) -> tuple[gdal.Dataset, np.ndarray]:
    raster = gdal.Open(str(path))
    return raster, raster.ReadAsArray()


def test_names_of_parameters_are_stable(run):
    for algorithm_class in ALGORITHMS:
        algorithm = algorithm_class().create()
        names = {parameter.name() for parameter in algorithm.parameterDefinitions()}
        assert names == set(PARAMETERS[algorithm.name()])
        assert algorithm.shortHelpString()


def test_openproducts_counts_pairs_and_copies_nothing(run, simulated, tmp_path):
    answer = run(
        "openproducts", {"PRODUCTS": simulated["products_folder"], "JOB_FOLDER": str(tmp_path / "job")}
    )  # insarhub:openproducts
    assert answer["PAIR_COUNT"] == simulated["pairs"]
    assert list((tmp_path / "job").rglob("*.zip")) == []
    stack = json.loads((tmp_path / "job" / "stack_p0_f0.json").read_text(encoding="utf-8"))
    assert len(stack["pairs"]) == simulated["pairs"]


def test_loadproducts_adds_each_layer_once(run, finished_job):  # insarhub:loadproducts
    project = QgsProject.instance()
    pair = sorted(finished_job.products.glob("*.zip"))[0].stem.split("_")
    pair_id = f"{pair[1][:8]}_{pair[2][:8]}"
    parameters = {"JOB_FOLDER": str(finished_job.folder), "KINDS": ["unw_phase", "corr"], "PAIRS": pair_id}
    first = run("loadproducts", parameters)["LAYERS"]
    second = run("loadproducts", parameters)["LAYERS"]
    assert len(first) == 2
    assert first == second
    assert {project.mapLayer(layer_id).isValid() for layer_id in first} == {True}
    assert any("+ away" in project.mapLayer(layer_id).name() for layer_id in first)
    with pytest.raises(QgsProcessingException, match="20990101_20990202"):
        run("loadproducts", {**parameters, "PAIRS": "20990101_20990202"})
    project.clear()


def test_prepareanalysis_takes_the_aoi_from_any_layer(run, finished_job, simulated, tmp_path):
    job = tmp_path / "job"
    run("openproducts", {"PRODUCTS": simulated["products_folder"], "JOB_FOLDER": str(job)})
    reader = SeriesReader(finished_job.series)
    x, y = reader.centre_of(20, 20)
    crs = reader.crs
    reader.close()
    square = QgsGeometry.fromPointXY(QgsPointXY(x, y)).buffer(800.0, 1).boundingBox()
    aoi = memory_layer("Polygon", crs, [QgsGeometry.fromRect(square)])
    answer = run("prepareanalysis", {"JOB_FOLDER": str(job), "AOI": aoi})  # insarhub:prepareanalysis
    clips = sorted((job / "clip").glob("*_unw_phase_clip.tif"))
    assert len(clips) == simulated["pairs"]
    raster = gdal.Open(str(clips[0]))
    # 1600 m at 80 m, snapped outward; the edges go through longitude and latitude and back
    assert 20 <= raster.RasterXSize <= 22
    assert 20 <= raster.RasterYSize <= 22
    assert answer["REPORT"].endswith("prepare_report.csv")
    far = memory_layer("Polygon", crs, [QgsGeometry.fromRect(square).buffer(1, 1)])
    far.dataProvider().changeGeometryValues({1: QgsGeometry.fromWkt("Polygon((0 0,1 0,1 1,0 1,0 0))")})
    with pytest.raises(QgsProcessingException, match="(?i)area of interest|AOI"):
        run("prepareanalysis", {"JOB_FOLDER": str(job), "AOI": far})
    empty = memory_layer("Polygon", crs, [])
    with pytest.raises(QgsProcessingException, match="polygon"):
        run("prepareanalysis", {"JOB_FOLDER": str(job), "AOI": empty})


def test_runanalysis_refuses_an_invalid_option_before_it_starts(run, finished_job):  # insarhub:runanalysis
    before = (finished_job.folder / "velocity.h5").stat().st_mtime_ns
    with pytest.raises(QgsProcessingException, match="minTempCoh"):
        run(
            "runanalysis",
            {"JOB_FOLDER": str(finished_job.folder), "OPTIONS": "mintpy.networkInversion.minTempCoh = much"},
        )
    assert (finished_job.folder / "velocity.h5").stat().st_mtime_ns == before


def test_exportresults_writes_the_values_of_the_file(run, finished_job, tmp_path):  # insarhub:exportresults
    answer = run(
        "exportresults",
        {
            "INPUT": str(finished_job.series), "OUTPUT_FOLDER": str(tmp_path / "tif"), "UNIT": "mm", "FORMAT": "COG",
        },
    )  # fmt: skip
    raster, values = raster_values(f"{answer['OUTPUT_FOLDER']}/timeseries.tif")
    reader = SeriesReader(finished_job.series)
    assert raster.RasterCount == len(reader.dates)
    assert [raster.GetRasterBand(n + 1).GetDescription() for n in range(raster.RasterCount)] == [
        date.isoformat() for date in reader.dates
    ]
    row, col = 30, 25
    np.testing.assert_allclose(values[:, row, col], reader.series_at(row, col) * 1000, rtol=1e-6)
    reader.close()
    with pytest.raises(QgsProcessingException, match="no file or folder"):
        run("exportresults", {"INPUT": str(tmp_path / "none.h5"), "OUTPUT_FOLDER": str(tmp_path / "x")})


def test_exportfootprint_and_exportpoints_give_layers(run, finished_job, tmp_path):
    footprint = run(
        "exportfootprint",
        {
            "INPUT": str(finished_job.folder / "velocity.h5"), "METHOD": "valid", "OUTPUT": str(tmp_path / "f.gpkg"),
        },
    )["OUTPUT"]  # insarhub:exportfootprint  # fmt: skip
    layer = QgsVectorLayer(footprint, "footprint", "ogr")
    assert layer.isValid()
    assert layer.featureCount() >= 1
    points = run("exportpoints", {"INPUT": str(finished_job.series), "OUTPUT": str(tmp_path / "p.gpkg")})[
        "OUTPUT"
    ]  # insarhub:exportpoints
    layer = QgsVectorLayer(points, "points", "ogr")
    names = [field.name() for field in layer.fields()]
    assert {"CODE", "VEL", "V_STDEV", "COHERENCE"} <= set(names)
    assert sum(name.startswith("D20") for name in names) == 8
    assert layer.featureCount() > 500


def test_sampletimeseries_takes_the_exact_pixel_in_another_crs(
    run, finished_job
):  # insarhub:sampletimeseries
    reader = SeriesReader(finished_job.series)
    places = [(10, 12), (40, 33)]
    geometries = [QgsGeometry.fromPointXY(QgsPointXY(*reader.centre_of(*place))) for place in places]
    outside = reader.centre_of(0, 0)
    geometries.append(QgsGeometry.fromPointXY(QgsPointXY(outside[0] - 5000, outside[1])))
    local = memory_layer("Point", reader.crs, geometries)
    geographic = run_native(
        "native:reprojectlayer", {"INPUT": local, "TARGET_CRS": "EPSG:4326", "OUTPUT": "memory:"}
    )
    feedback = QgsProcessingFeedback(False)
    layer = run(
        "sampletimeseries",
        {"INPUT": str(finished_job.series), "POINTS": geographic, "OUTPUT": "memory:"},
        feedback,
    )["OUTPUT"]
    rows = list(layer.getFeatures())
    dates = [f"D{date:%Y%m%d}" for date in reader.dates]
    for feature, place in zip(rows, places):
        assert (feature["row"], feature["col"]) == place
        np.testing.assert_allclose(
            [feature[date] for date in dates], reader.series_at(*place) * 1000, atol=1e-4
        )
    assert not rows[2]["row"]
    assert not rows[2][dates[0]]
    assert "1 point(s)" in feedback.textLog()
    reader.close()


def test_zonaltimeseries_gives_median_and_velocity(run, finished_job):  # insarhub:zonaltimeseries
    reader = SeriesReader(finished_job.series)
    x, y = reader.centre_of(30, 30)
    zone = QgsGeometry.fromPointXY(QgsPointXY(x, y)).buffer(410, 8)
    far = QgsGeometry.fromPointXY(QgsPointXY(x + 1e5, y)).buffer(410, 8)
    layer = run(
        "zonaltimeseries",
        {
            "INPUT": str(finished_job.series),
            "ZONES": memory_layer("Polygon", reader.crs, [zone, far]),
            "OUTPUT": "memory:",
        },
    )["OUTPUT"]
    inside = [
        reader.series_at(row, col)
        for row in range(24, 37)
        for col in range(24, 37)
        if zone.contains(QgsPointXY(*reader.centre_of(row, col)))
    ]
    first, second = layer.getFeatures()
    assert 60 <= first["n"] <= len(inside)
    assert first["V_STDEV"] > 0
    last = f"D{reader.dates[-1]:%Y%m%d}"
    values = np.array(inside)[:, -1] * 1000
    assert np.nanmin(values) <= first[last] <= np.nanmax(values)
    assert abs(first[last] - np.nanmedian(values)) < 2.0
    assert second["n"] == 0
    reader.close()


def test_columns_that_a_layer_has_already_stay_beside_new_ones(run, finished_job):
    reader = SeriesReader(finished_job.series)
    zone = QgsGeometry.fromPointXY(QgsPointXY(*reader.centre_of(30, 30))).buffer(410, 8)
    zones = memory_layer("Polygon", reader.crs, [zone])
    for _ in range(2):
        parameters = {"INPUT": str(finished_job.series), "ZONES": zones, "OUTPUT": "memory:"}
        zones = run("zonaltimeseries", parameters)["OUTPUT"]
    (row,) = zones.getFeatures()
    last = f"S{reader.dates[-1]:%Y%m%d}"
    assert row["n"] > 0
    assert [row[f"{name}_2"] for name in ("n", "VEL", last)] == [row[name] for name in ("n", "VEL", last)]
    reader.close()


def run_native(name, parameters):
    import processing

    return processing.run(name, parameters)["OUTPUT"]

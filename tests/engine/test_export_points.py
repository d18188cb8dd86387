# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from osgeo import ogr

from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.requests import ExportPoints
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.core.time_series_fit import fit_series
from insarhub_qgis.engine.export_points import run
from tests.makers import mintpy_files as make

ogr.UseExceptions()
FIXED = ["CODE", "HEIGHT", "H_STDEV", "VEL", "V_STDEV", "COHERENCE", "EFF_AREA"]


def export(source: Path, output: Path, **options: Any) -> dict[str, Any]:
    return run(ExportPoints(str(source), str(output), **options), RunContext())


def read_points(output: Path, layer: str) -> tuple[list[str], list[dict[str, Any]], np.ndarray, str]:
    source = ogr.Open(str(output))
    points = source.GetLayerByName(layer)
    definition = points.GetLayerDefn()
    names = [definition.GetFieldDefn(index).GetName() for index in range(definition.GetFieldCount())]
    rows, places = [], []
    for feature in points:
        rows.append(feature.items())
        places.append(feature.GetGeometryRef().GetPoint_2D(0))
    return names, rows, np.array(places), points.GetSpatialRef().GetAuthorityCode(None)


@pytest.fixture
def job(tmp_path: Path) -> Path:
    valid = np.random.default_rng(5).random((40, 60)) > 0.4
    make.write_velocity(tmp_path / "velocity.h5", is_valid=valid)
    make.write_temporal_coherence(tmp_path / "temporalCoherence.h5")
    make.write_geometry(tmp_path / "inputs" / "geometryGeo.h5")
    make.write_time_series(tmp_path / "timeseries_demErr.h5", is_valid=valid, n_dates=14)
    return tmp_path


def test_points_equal_the_files_they_come_from(job: Path) -> None:
    source = job / "timeseries_demErr.h5"
    result = export(source, job / "points.gpkg")
    assert result["layer"] == "timeseries_demErr"
    names, rows, places, code = read_points(job / "points.gpkg", result["layer"])
    dates = make.make_dates(14)
    assert names == FIXED + [f"D{date:%Y%m%d}" for date in dates] and code == "32614"
    with h5py.File(source) as file:
        cube = file["timeseries"][:]
    keep = (cube != 0).any(axis=0)
    keep[2, 3] = True
    assert result["points"] == len(rows) == keep.sum()
    assert len({row["CODE"] for row in rows}) == len(rows)
    cols, lines = ((places - [480000, 2160000]) / [80, -80] - 0.5).T
    np.testing.assert_allclose(cols, np.round(cols), atol=1e-6)
    cols, lines = np.round(cols).astype(int), np.round(lines).astype(int)
    assert keep[lines, cols].all()
    series = np.array([[row[name] for name in names[7:]] for row in rows])
    np.testing.assert_allclose(series, cube[:, lines, cols].T * 1000.0, rtol=1e-6)
    for field, file_name, dataset, factor in [
        ("VEL", "velocity.h5", "velocity", 1000.0),
        ("COHERENCE", "temporalCoherence.h5", "temporalCoherence", 1.0),
        ("HEIGHT", "inputs/geometryGeo.h5", "height", 1.0),
    ]:
        with h5py.File(job / file_name) as file:
            expected = file[dataset][:][lines, cols] * factor
        np.testing.assert_allclose([row[field] for row in rows], expected, rtol=1e-5)
    assert {row["EFF_AREA"] for row in rows} == {6400.0}
    assert {row["H_STDEV"] for row in rows} == {None}, "unknown is NULL, not 0"


def test_insar_explorer_finds_velocity_and_dates(job: Path) -> None:
    result = export(job / "timeseries_demErr.h5", job / "points.gpkg")
    names, _, _, _ = read_points(job / "points.gpkg", result["layer"])
    assert len([name for name in names if re.fullmatch(r"D\d{8}", name)]) == 14
    assert [name for name in names if name.lower() in ("vel", "velocity", "mean_velocity")] == ["VEL"]


def test_step_mask_and_wgs84(job: Path) -> None:
    keep = np.zeros((40, 60), dtype=bool)
    keep[:, 30:] = True
    mask = make.write_mask(job / "maskTempCoh.h5", keep)
    source = job / "timeseries_demErr.h5"
    export(source, job / "points.gpkg", mask=str(mask), step=3, to_wgs84=True)
    _, rows, places, code = read_points(job / "points.gpkg", "timeseries_demErr")
    with h5py.File(source) as file:
        valid = (file["timeseries"][:] != 0).any(axis=0) & keep
    assert len(rows) == valid[::3, ::3].sum() and code == "4326"
    assert (np.abs(places - [-99.17, 19.52]) < 0.05).all()


def test_without_velocity_file_a_line_is_fitted_and_gaps_are_null(tmp_path: Path) -> None:
    path = make.write_time_series(tmp_path / "timeseries.h5", 12, 8, 9)
    with h5py.File(path, "a") as file:
        file["timeseries"][4, 5, 6] = np.nan
        stored = file["timeseries"][:, 5, 6].astype(float) * 1000
    export(path, tmp_path / "points.gpkg")
    _, rows, places, _ = read_points(tmp_path / "points.gpkg", "timeseries")
    index = int(np.argmin(np.abs(places - [480000 + 6.5 * 80, 2160000 - 5.5 * 80]).sum(axis=1)))
    row = rows[index]
    velocity, sigma = fit_series(make.make_dates(9), stored).velocity
    assert row["VEL"] == pytest.approx(velocity) and row["V_STDEV"] == pytest.approx(sigma)
    assert row[f"D{make.make_dates(9)[4]:%Y%m%d}"] is None
    assert row["COHERENCE"] is None and row["HEIGHT"] is None


def test_shapefile_stops_at_its_columns(tmp_path: Path) -> None:
    path = make.write_time_series(tmp_path / "timeseries.h5", 6, 5, 12)
    assert export(path, tmp_path / "few.shp")["points"] == 30
    many = make.write_time_series(tmp_path / "many.h5", 6, 5, 249)
    with pytest.raises(InsarError) as caught:
        export(many, tmp_path / "many.shp")
    assert caught.value.code == "export.too_many_columns"
    assert export(many, tmp_path / "many.gpkg")["points"] == 30


def test_cancel_and_nothing_valid_leave_no_file(job: Path) -> None:
    source = job / "timeseries_demErr.h5"
    with pytest.raises(Cancelled):
        run(ExportPoints(str(source), str(job / "points.gpkg")), RunContext(is_cancelled=lambda: True))
    nothing = make.write_mask(job / "nothing.h5", np.zeros((40, 60), dtype=bool))
    with pytest.raises(InsarError) as caught:
        export(source, job / "points.gpkg", mask=str(nothing))
    assert caught.value.code == "export.no_points"
    assert not (job / "points.gpkg").exists() and not list(job.glob(".insarhub_part*"))

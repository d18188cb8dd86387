# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.requests import ZonalSeries
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.core.time_series_fit import fit_series
from insarhub_qgis.engine.zonal_series import run
from tests.makers import mintpy_files as make


def box(row: float, col: float, rows: float, cols: float) -> str:
    x, y = 480000 + 80 * col, 2160000 - 80 * row
    right, low = x + 80 * cols, y - 80 * rows
    return f"POLYGON(({x} {y},{right} {y},{right} {low},{x} {low},{x} {y}))"


@pytest.fixture
def series(tmp_path: Path) -> Path:
    return make.write_time_series(tmp_path / "timeseries.h5", 60, 40, 40)


def test_median_mad_and_rate_equal_numpy(series: Path) -> None:
    zone = run(ZonalSeries(str(series), (box(10, 20, 8, 5),)), RunContext())["zones"][0]
    with h5py.File(series) as file:
        values = file["timeseries"][:, 10:18, 20:25].reshape(40, -1).astype(float) * 1000
    assert zone["n"] == 40 and zone["reason"] is None
    median = np.median(values, axis=1)
    np.testing.assert_allclose(zone["median_mm"], median, atol=1e-9)
    spread = 1.4826 * np.median(np.abs(values - median[:, None]), axis=1)
    np.testing.assert_allclose(zone["mad_mm"], spread, atol=1e-9)
    dates = make.make_dates(40)
    velocity, sigma = fit_series(dates, median).velocity
    assert zone["velocity_mm_per_year"] == pytest.approx(velocity)
    assert zone["velocity_std_mm_per_year"] == pytest.approx(sigma)
    recent = np.array([(dates[-1] - date).days <= 365 for date in dates])
    last = fit_series(dates, median, is_excluded=~recent).velocity[0]
    assert zone["last_year_rate_mm_per_year"] == pytest.approx(last)


def test_pixel_counts_when_its_centre_is_inside(series: Path) -> None:
    zones = (box(10.4, 20.4, 1.2, 1.2), box(10.6, 20.6, 1.2, 1.2), box(10.6, 20.6, 0.3, 0.3))
    counts = [zone["n"] for zone in run(ZonalSeries(str(series), zones), RunContext())["zones"]]
    assert counts == [4, 1, 0]


def test_small_and_empty_zones_say_so(series: Path) -> None:
    zones = (box(5, 5, 1, 2), box(100, 100, 3, 3), box(-5, -5, 10, 10))
    few, outside, partly = run(ZonalSeries(str(series), zones), RunContext())["zones"]
    assert (few["n"], few["reason"]) == (2, "zone.few_pixels") and few["median_mm"]
    assert (outside["n"], outside["median_mm"], outside["reason"]) == (0, None, "zone.outside")
    assert partly["n"] == 25


def test_mask_beside_the_series_is_used_and_another_grid_refused(series: Path, tmp_path: Path) -> None:
    keep = np.ones((40, 60), dtype=bool)
    keep[10:18, 20:24] = False
    make.write_mask(tmp_path / "maskTempCoh.h5", keep)
    zone = run(ZonalSeries(str(series), (box(10, 20, 8, 5),)), RunContext())["zones"][0]
    assert zone["n"] == 8
    zone = run(ZonalSeries(str(series), (box(10, 20, 8, 3),)), RunContext())["zones"][0]
    assert zone["reason"] == "zone.no_pixel"
    other = make.write_mask(tmp_path / "other.h5", keep, X_FIRST="480040.0")
    with pytest.raises(InsarError) as caught:
        run(ZonalSeries(str(series), (box(10, 20, 8, 5),), str(other)), RunContext())
    assert caught.value.code == "mask.other_grid"


@pytest.mark.parametrize("text", ["POINT(480000 2160000)", "POLYGON((oops", ""])
def test_no_polygon_is_refused(series: Path, text: str) -> None:
    with pytest.raises(InsarError) as caught:
        run(ZonalSeries(str(series), (text,)), RunContext())
    assert caught.value.code == "zone.bad_geometry"

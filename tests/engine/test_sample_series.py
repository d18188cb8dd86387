# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.requests import SampleSeries
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine.sample_series import run
from tests.makers import mintpy_files as make


@pytest.mark.parametrize("grid", ["utm_north", "utm_south", "degrees"])
def test_thousand_random_points_give_the_pixel_that_holds_them(tmp_path: Path, grid: str) -> None:
    path = make.write_time_series(tmp_path / "timeseries.h5", 70, 50, 8, grid=grid)
    attrs = make.GRIDS[grid]
    x_first, y_first, x_step, y_step = (
        float(attrs[key]) for key in ("X_FIRST", "Y_FIRST", "X_STEP", "Y_STEP")
    )
    generator = np.random.default_rng(3)
    cols, rows = generator.uniform(-3, 73, 1000), generator.uniform(-3, 53, 1000)
    points = tuple((x_first + c * x_step, y_first + r * y_step) for c, r in zip(cols, rows))
    result = run(SampleSeries(str(path), points), RunContext())
    assert result["unit"] == "mm" and result["dates"][1] == "2020-01-17"
    with h5py.File(path) as file:
        cube = file["timeseries"][:].astype(float) * 1000
    n_outside = 0
    for (row, col), sample in zip(
        zip(np.floor(rows).astype(int), np.floor(cols).astype(int)), result["samples"]
    ):
        if 0 <= row < 50 and 0 <= col < 70:
            assert (sample["row"], sample["col"]) == (row, col)
            np.testing.assert_allclose(sample["values_mm"], cube[:, row, col], rtol=1e-12)
        else:
            n_outside += 1
            assert sample == {"row": None, "col": None, "values_mm": None, "reason": "series.outside"}
    assert n_outside > 50


def test_gaps_are_none_and_never_zero(tmp_path: Path) -> None:
    valid = np.ones((40, 60), dtype=bool)
    valid[0, 0] = False
    path = make.write_time_series(tmp_path / "timeseries.h5", n_dates=4, is_valid=valid)
    with h5py.File(path, "a") as file:
        file["timeseries"][2, 0, 1] = np.nan
    points = ((480001.0, 2159999.0), (480081.0, 2159999.0))
    empty, gap = run(SampleSeries(str(path), points), RunContext())["samples"]
    assert empty["reason"] == "series.no_value" and empty["values_mm"] is None
    assert gap["values_mm"][2] is None and gap["values_mm"][3] is not None


def test_velocity_is_no_series(tmp_path: Path) -> None:
    path = make.write_velocity(tmp_path / "velocity.h5")
    with pytest.raises(InsarError) as caught:
        run(SampleSeries(str(path), ((480001.0, 2159999.0),)), RunContext())
    assert caught.value.code == "hdf5.no_dataset"

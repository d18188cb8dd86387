# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.engine.mintpy_hdf5 import MintpyFile
from tests.makers import mintpy_files as make


def code_of(path: Path) -> str:
    with pytest.raises(InsarError) as caught:
        MintpyFile(path)
    return caught.value.code


def test_attributes_dates_and_datasets(tmp_path: Path) -> None:
    path = make.write_time_series(tmp_path / "timeseries_demErr.h5", 50, 30, 7)
    with MintpyFile(path) as file:
        assert (file.file_type, file.width, file.height) == ("timeseries", 50, 30)
        assert file.dates == make.make_dates(7)
        assert list(file.datasets) == ["timeseries"], "date and bperp are no rasters"
        assert file.primary is file.datasets["timeseries"] and file.primary.unit == "m"
        assert file.reference_pixel == (2, 3)
        assert file.georeference.crs == "EPSG:32614"


def test_dates_of_pairs_bool_and_lzf(tmp_path: Path) -> None:
    with MintpyFile(make.write_interferogram_stack(tmp_path / "ifgramStack.h5", n_dates=4)) as file:
        assert file.date_pairs[0] == (dt.date(2020, 1, 5), dt.date(2020, 1, 17))
        names = file.band_names(file.dataset("coherence"))
        assert names[2] == "2020-01-29_2020-02-10"
        assert "dropIfgram" not in file.datasets
        with pytest.raises(InsarError) as caught:
            _ = file.dates
        assert caught.value.code == "hdf5.no_dates"
    keep = np.random.default_rng(0).random((30, 20)) > 0.5
    with MintpyFile(make.write_mask(tmp_path / "maskTempCoh.h5", keep)) as file:
        assert file.datasets["mask"].is_mask
        np.testing.assert_array_equal(file.read("mask", slice(0, 30), slice(0, 20)), keep)
    path = make.write_velocity(tmp_path / "velocity.h5", compression="lzf")
    with MintpyFile(path) as file, h5py.File(path) as raw:
        assert file.datasets["velocity"].compression == "lzf"
        np.testing.assert_array_equal(
            file.read("velocity", slice(5, 9), slice(7, 30)), raw["velocity"][5:9, 7:30]
        )


def test_zero_on_all_dates_is_missing_but_the_reference_pixel_is_not(tmp_path: Path) -> None:
    valid = np.ones((30, 50), dtype=bool)
    valid[10:15, 20:30] = False
    path = make.write_time_series(tmp_path / "timeseries.h5", 50, 30, 6, is_valid=valid)
    with h5py.File(path, "a") as raw:
        raw["timeseries"][4, 1, 1] = np.nan
    rows, cols = slice(0, 30), slice(0, 50)
    with MintpyFile(path) as file:
        dataset = file.dataset("timeseries")
        missing = file.missing(dataset, file.read("timeseries", rows, cols), rows, cols)
        expected = np.broadcast_to(~valid, (6, 30, 50)).copy()
        expected[4, 1, 1] = True
        np.testing.assert_array_equal(np.broadcast_to(missing, expected.shape), expected)
        first = file.missing(dataset, file.read("timeseries", rows, cols, [0]), rows, cols, [0])
        np.testing.assert_array_equal(first[0], ~valid, "the reference date alone is 0 everywhere")
        series = file.read_pixel("timeseries", 2, 3)
        assert (series == 0).all(), "the reference pixel is 0, not missing"
        assert np.isnan(file.read_pixel("timeseries", 12, 25)).all()
        assert np.isnan(file.read_pixel("timeseries", 1, 1)).tolist() == [False] * 4 + [True, False]


def test_first_date_alone_does_not_depend_on_the_order_of_reads(tmp_path: Path) -> None:
    path = make.write_time_series(tmp_path / "timeseries.h5", 20, 10, 5)
    rows, cols = slice(0, 10), slice(0, 20)
    with MintpyFile(path) as file:
        dataset = file.dataset("timeseries")
        first = file.missing(dataset, file.read("timeseries", rows, cols, [0]), rows, cols, [0])
        assert not first.any()


def test_unreadable_files_say_why(tmp_path: Path) -> None:
    assert code_of(tmp_path / "absent.h5") == "file.missing"
    text = tmp_path / "text.h5"
    text.write_text("hello")
    assert code_of(text) == "hdf5.not_mintpy"
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["x"] = np.zeros(4)
    assert code_of(other) == "hdf5.not_mintpy"
    cut = make.write_velocity(tmp_path / "velocity.h5", 200, 200)
    cut.write_bytes(cut.read_bytes()[:-3000])
    assert code_of(cut) == "hdf5.busy", "a file cut a moment ago is probably still being written"
    os.utime(cut, (1.6e9, 1.6e9))
    assert code_of(cut) == "hdf5.damaged"


def test_file_that_another_process_writes_is_busy(tmp_path: Path) -> None:
    path = make.write_velocity(tmp_path / "velocity.h5")
    os.utime(path, (1.6e9, 1.6e9))
    script = "import h5py, sys; f = h5py.File(sys.argv[1], 'a'); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None and writer.stdout.readline().strip() == "open"
        assert code_of(path) == "hdf5.busy"
        writer.communicate("")
    with MintpyFile(path) as file:
        assert file.file_type == "velocity"


def test_radar_coded_is_refused_for_the_map(tmp_path: Path) -> None:
    with MintpyFile(make.write_velocity(tmp_path / "velocity.h5", grid="radar")) as file:
        with pytest.raises(InsarError) as caught:
            _ = file.georeference
    assert caught.value.code == "raster.radar_coded"

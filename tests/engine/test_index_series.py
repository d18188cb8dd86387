# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from insarhub_qgis.core.layers_cache import fingerprint, series_index_path
from insarhub_qgis.core.requests import IndexSeries
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine.index_series import run
from tests.makers import mintpy_files as make


def read_pixel(path: Path, index: dict[str, np.ndarray], row: int, col: int) -> np.ndarray:
    """Read a series through the index alone."""
    raw = np.memmap(path, dtype=np.uint8, mode="r")
    dates, chunk = int(index["shape"][0]), index["chunk_shape"]
    dtype = np.dtype(str(index["dtype"]))
    values = []
    for date in range(dates):
        position = np.array([date, row, col])
        place, inside = position // chunk, position % chunk
        offset = index["offsets"][tuple(place)]
        start = offset + np.ravel_multi_index(tuple(inside), tuple(chunk)) * dtype.itemsize
        values.append(0.0 if offset < 0 else raw[start : start + dtype.itemsize].view(dtype)[0])
    return np.array(values, dtype=dtype)


@pytest.mark.parametrize("chunks", [True, (2, 11, 17), False])
def test_thousand_pixels_through_the_index_equal_h5py(tmp_path: Path, chunks: object) -> None:
    path = make.write_time_series(tmp_path / "geo" / "geo_timeseries.h5", 150, 90, 9, chunks=chunks)
    result = run(IndexSeries(str(path)), RunContext())
    assert Path(result["index_file"]) == series_index_path(path)
    assert series_index_path(path).parent == tmp_path / ".insarhub_layers"
    with np.load(result["index_file"]) as archive:
        index = dict(archive)
    assert (int(index["file_size"]), int(index["modified_ns"])) == fingerprint(path)
    with h5py.File(path) as file:
        cube = file["timeseries"][:]
    generator = np.random.default_rng(1)
    for row, col in zip(generator.integers(0, 90, 1000), generator.integers(0, 150, 1000)):
        np.testing.assert_array_equal(read_pixel(path, index, int(row), int(col)), cube[:, row, col])
    assert not list((tmp_path / ".insarhub_layers").glob(".*")), "no part file is left"


@pytest.mark.parametrize("compression", ["gzip", "lzf"])
def test_compressed_series_has_no_index(tmp_path: Path, compression: str) -> None:
    path = make.write_time_series(tmp_path / "timeseries.h5", compression=compression)
    assert run(IndexSeries(str(path)), RunContext()) == {"index_file": ""}
    assert not (tmp_path / ".insarhub_layers").exists()


def test_chunks_never_written_are_marked(tmp_path: Path) -> None:
    path = tmp_path / "timeseries.h5"
    with h5py.File(path, "w") as file:
        file["date"] = np.array([b"20200105", b"20200117"])
        cube = file.create_dataset("timeseries", (2, 40, 40), "f4", chunks=(1, 20, 20))
        cube[0, :20, :20] = 7
        file.attrs.update(make.attributes("timeseries", 40, 40))
    with np.load(run(IndexSeries(str(path)), RunContext())["index_file"]) as archive:
        index = dict(archive)
    assert (index["offsets"] < 0).sum() == 7
    assert read_pixel(path, index, 5, 5).tolist() == [7, 0]

# SPDX-License-Identifier: GPL-2.0-or-later
"""Series of single pixels: by index, by GDAL, by copy; gaps stay gaps."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.layers import series_reader
from insarhub_qgis.layers.series_reader import NOT_INVERTED, OUTSIDE, SeriesReader
from tests.layers.test_result_layers import truth_of


@pytest.mark.parametrize("way", ["gdal", "gzip", "index", "copy"])
def test_every_pixel_equals_the_file(make_job, engine_command, way):
    job = make_job(compression={"gzip": "gzip", "copy": "lzf"}.get(way), dates=17)
    path = job / "timeseries_ramp_demErr.h5"
    if way == "copy":
        with pytest.raises(InsarError) as caught:
            SeriesReader(path)
        assert caught.value.code == "hdf5.needs_copy"
        engine_command("CopyDataset", source=str(path), dataset="timeseries")
    if way == "index":
        assert engine_command("IndexSeries", source=str(path))["index_file"]
    truth = truth_of(job)
    cube, is_valid = truth["timeseries_ramp_demErr/timeseries"], truth["is_valid"]
    reader = SeriesReader(path)
    assert reader.is_indexed == (way == "index")
    assert [day.isoformat() for day in reader.dates] == list(truth["dates"])
    for row in range(0, 40, 3):
        for col in range(60):
            found = reader.read(row, col)
            if is_valid[row, col]:
                np.testing.assert_array_equal(found.values_m, cube[:, row, col].astype(np.float64))
                assert found.reason == ""
            else:
                assert np.isnan(found.values_m).all()
                assert found.reason in (NOT_INVERTED, "no_data")
    assert np.all(reader.series_at(2, 3) == 0)
    reader.close()


def test_outside_is_not_the_nearest_pixel(make_job):
    reader = SeriesReader(make_job() / "timeseries_ramp_demErr.h5")
    for row, col in ((-1, 0), (0, -1), (40, 0), (0, 60)):
        assert reader.read(row, col).reason == OUTSIDE
        assert np.isnan(reader.series_at(row, col)).all()
    assert reader.pixel_at(479999.0, 2159999.0) is None
    assert reader.pixel_at(480000.0, 2160000.0) == (0, 0)
    assert reader.crs == "EPSG:32614"


def test_stale_index_is_not_used_and_a_new_file_is_noticed(make_job, engine_command):
    job = make_job()
    path = job / "timeseries_ramp_demErr.h5"
    engine_command("IndexSeries", source=str(path))
    reader = SeriesReader(path)
    assert reader.is_indexed
    os.utime(path, ns=(time.time_ns(), time.time_ns()))
    reader.series_at(2, 3)
    assert not reader.is_indexed


def test_damaged_index_only_costs_speed(make_job, engine_command):
    job = make_job()
    path = job / "timeseries_ramp_demErr.h5"
    index = engine_command("IndexSeries", source=str(path))["index_file"]
    with Path(index).open("r+b") as file:
        file.truncate(200)
    assert not SeriesReader(path).is_indexed


class CountedFile:
    """A file that counts the bytes that are read from it."""

    def __init__(self, file):
        self._file, self.name, self.read_bytes = file, file.name, 0

    def seek(self, place):
        return self._file.seek(place)

    def readinto(self, buffer):
        count = self._file.readinto(buffer)
        self.read_bytes += count
        return count

    def close(self):
        self._file.close()


def test_indexed_reading_takes_the_bytes_of_the_pixel_alone(make_job, engine_command, monkeypatch):
    job = make_job(width=300, height=300, dates=60)
    path = job / "timeseries_ramp_demErr.h5"
    plain = SeriesReader(path)
    engine_command("IndexSeries", source=str(path))
    reader = SeriesReader(path)
    places = np.random.default_rng(1).integers(0, 300, (300, 2)).tolist()
    wanted = [plain.series_at(row, col) for row, col in places]
    # Whether MintPy inverted a pixel is looked up in another file, which stays open after the first look.
    for place in places:
        reader.series_at(*place)
    file = reader._chunks._file = CountedFile(reader._chunks._file)

    def opened(*_):
        raise AssertionError("a file was opened")

    for name in ("read_hdf5", "open_quietly", "raster_source", "validity_of"):
        monkeypatch.setattr(series_reader, name, opened)
    monkeypatch.setattr(series_reader.gdal, "Open", opened)
    for place, values in zip(places, wanted):
        np.testing.assert_array_equal(reader.series_at(*place), values)
    assert file.read_bytes == 300 * 60 * 4


def test_velocity_file_is_no_series(make_job):
    job = make_job()
    with pytest.raises(InsarError) as caught:
        SeriesReader(job / "velocity.h5")
    assert caught.value.code == "hdf5.no_dataset"

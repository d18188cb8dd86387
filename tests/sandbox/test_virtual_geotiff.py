# SPDX-License-Identifier: GPL-2.0-or-later
"""GeoTIFFs made while they are read: read by GDAL from memory, whole, in windows and overviews."""

from __future__ import annotations

import numpy as np
import pytest
from rasterio import Affine
from rasterio.io import MemoryFile

from insarhub_qgis.sandbox.virtual_geotiff import BoundedCache, RasterGrid, VirtualGeotiff

GRID = RasterGrid(1300, 700, "EPSG:4326", Affine(0.01, 0, 5.0, 0, -0.01, 7.0), block=256)


def make_file(has_block=lambda *_: True, cache=None, made=None):
    def make_block(xs, ys, factor):
        if made is not None:
            made.append(factor)
        return (np.round(ys[:, np.newaxis] * 100) + np.round(xs * 100)) % 250 + 1

    return VirtualGeotiff("test", GRID, has_block, make_block, cache or BoundedCache(10_000_000))


def expected(factor=1):
    centres = [(np.arange(-(-size // factor)) + 0.5) * factor for size in (1300, 700)]
    xs, ys = 5.0 + 0.01 * centres[0], 7.0 - 0.01 * centres[1]
    return (np.round(ys[:, np.newaxis] * 100) + np.round(xs * 100)) % 250 + 1


def test_gdal_reads_it_like_any_raster():
    content = make_file()
    with MemoryFile(content[:]) as memory, memory.open() as raster:
        assert (raster.width, raster.height, raster.count, raster.dtypes) == (1300, 700, 1, ("uint8",))
        assert raster.crs.to_epsg() == 4326
        assert raster.transform == GRID.transform
        assert raster.nodata == 0
        assert raster.overviews(1) == [2, 4]
        assert np.array_equal(raster.read(1), expected())
        assert np.array_equal(raster.read(1, out_shape=(350, 650)), expected(2))


def test_every_slice_is_that_of_the_whole():
    content = make_file()
    whole = content[:]
    assert len(whole) == len(content)
    for start, stop in ((0, 10), (0, 5000), (600, 70_000), (len(whole) - 3, len(whole) + 9), (7, 7)):
        assert content[start:stop] == whole[start:stop]
    with pytest.raises(ValueError, match="contiguous"):
        content[0:10:2]


def test_blocks_without_data_take_no_room_and_read_as_nodata():
    full, sparse = make_file(), make_file(lambda west, south, east, north: west < 7.5)
    assert len(sparse) < len(full)
    with MemoryFile(sparse[:]) as memory, memory.open() as raster:
        pixels = raster.read(1)
    assert np.array_equal(pixels[:, :256], expected()[:, :256])
    assert not pixels[:, 256:].any()


def test_only_what_is_touched_is_made_and_it_is_made_once():
    made = []
    content = make_file(made=made)
    content[0:200]
    assert made == []
    content[len(content) - 10 : len(content)]
    content[len(content) - 500 : len(content) - 100]
    assert made == [4]


def test_the_cache_stays_within_its_bounds():
    cache, made = BoundedCache(3 * 256 * 256), []
    content = make_file(cache=cache, made=made)
    content[:]
    assert cache.held_bytes <= 3 * 256 * 256
    blocks = len(made)
    content[:]
    assert len(made) == 2 * blocks
    cache.clear()
    assert cache.held_bytes == 0

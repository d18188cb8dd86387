# SPDX-License-Identifier: GPL-2.0-or-later
"""Shares of land cover of the area, from the tiles of ESA WorldCover that it touches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.features import geometry_mask
from rasterio.windows import Window
from shapely.geometry.base import BaseGeometry

from insarhub_qgis.core.decay_sources import landcover_fraction_names
from insarhub_qgis.core.progress import Report
from insarhub_qgis.engine.quality_http import QualityDoor
from insarhub_qgis.engine.quality_sources import LANDCOVER, QualityStack
from insarhub_qgis.engine.remote_rasters import read_remote

_TILE_DEG = 3
_PIXELS_PER_DEG = 12_000
#: Lower edges of the southernmost and northernmost tiles.
_SOUTH, _NORTH = -60, 81
#: Pixels of 10 m per pixel that is read: near 100 m, finer for areas with fewer pixels than enough, coarser for whole
#: countries. Each divides the pixels of a tile.
_USUAL_STEP, _COARSEST_STEP = 8, 32
_ENOUGH_PIXELS, _MOST_PIXELS = 2500, 30_000_000
#: Fewer pixels with their middle inside: all that the area touches count.
_FEW_PIXELS = 3

Counts = NDArray[np.int64]


class LandCoverSource:
    """Shares of the classes, one entry per area."""

    name = LANDCOVER

    def missing(self, stack: QualityStack) -> int:
        if stack.cache.get("landcover", stack.area.hash, stack.now) is not None:
            return 0
        return int(any(True for part in stack.area.parts() for _ in _tiles(part)))

    def fetch(self, stack: QualityStack, door: QualityDoor, report: Report) -> int:
        if not self.missing(stack):
            return 0
        parts = [(part, tile) for part in stack.area.parts() for tile in _tiles(part)]
        counts = np.zeros(256, dtype=np.int64)
        step = _step(stack.area.geometry)
        for number, (part, tile) in enumerate(parts):
            name = tile_name(*tile)
            report(number / len(parts), f"Land cover, tile {name}")
            url = f"{door.endpoints.land_cover}/v200/2021/map/ESA_WorldCover_10m_2021_v200_{name}_Map.tif"
            counts += _counts(url, part, tile, step, door)
        fractions = _fractions(counts)
        if fractions is None:
            return 0
        west, south, east, north = stack.area.geometry.bounds
        stack.cache.put("landcover", stack.area.hash, fractions, stack.now)
        facts = {"area_km2": round(stack.area.area_km2, 3), "bbox": [west, south, east, north]}
        stack.cache.put("geometry", stack.area.hash, facts, stack.now)
        stack.cache.save()
        return 1


def tile_name(south: int, west: int) -> str:
    """Give the name of a tile by its lower left corner.

    >>> tile_name(-3, 9)
    'S03E009'
    """
    return f"{'N' if south >= 0 else 'S'}{abs(south):02d}{'E' if west >= 0 else 'W'}{abs(west):03d}"


def _tiles(part: BaseGeometry) -> Iterator[tuple[int, int]]:
    """Give (south, west) of the tiles that a piece of the area touches, each with a share of it."""
    west, south, east, north = part.bounds
    for row in range(_floor(south), _last(south, north) + 1, _TILE_DEG):
        for column in range(_floor(west), _last(west, east) + 1, _TILE_DEG):
            if _SOUTH <= row <= _NORTH and -180 <= column < 180:
                yield row, column


def _floor(degrees: float) -> int:
    return math.floor(degrees / _TILE_DEG) * _TILE_DEG


def _last(low: float, high: float) -> int:
    """Give the last tile of an interval; an end on an edge does not touch the next one."""
    last = math.ceil(high / _TILE_DEG) * _TILE_DEG - _TILE_DEG
    return max(last, _floor(low))


def _step(geometry: BaseGeometry) -> int:
    """Give how many pixels of 10 m make one that is read."""
    west, south, east, north = geometry.bounds
    pixels = (east - west) * (north - south) * _PIXELS_PER_DEG**2
    step = _USUAL_STEP
    while step > 1 and pixels / step**2 < _ENOUGH_PIXELS:
        step //= 2
    while step < _COARSEST_STEP and pixels / step**2 > _MOST_PIXELS:
        step *= 2
    return step


def _counts(url: str, part: BaseGeometry, tile: tuple[int, int], step: int, door: QualityDoor) -> Counts:
    """Count the pixels of each class inside a piece of the area, shape (256,); none without a tile, as at sea."""
    south, west = tile
    pixel = 1.0 / _PIXELS_PER_DEG
    left, bottom, right, top = part.bounds
    # Windows begin and end on whole steps, so that tiles join without seam or overlap.
    width = _TILE_DEG * _PIXELS_PER_DEG
    first_column = _aligned((left - west) / pixel, step, width, up=False)
    last_column = _aligned((right - west) / pixel, step, width, up=True)
    first_row = _aligned((south + _TILE_DEG - top) / pixel, step, width, up=False)
    last_row = _aligned((south + _TILE_DEG - bottom) / pixel, step, width, up=True)
    window = Window(
        first_column, first_row, max(last_column - first_column, step), max(last_row - first_row, step)
    )
    shape = (int(window.height) // step, int(window.width) // step)

    def read(raster: Any) -> NDArray[np.uint8]:
        found: NDArray[np.uint8] = raster.read(
            1, window=window, out_shape=shape, resampling=Resampling.nearest
        )
        return found

    values = read_remote(url, read, door)
    if values is None:
        return np.zeros(256, dtype=np.int64)
    transform = rasterio.Affine(
        pixel * step, 0, west + first_column * pixel, 0, -pixel * step, south + _TILE_DEG - first_row * pixel
    )
    inside = geometry_mask([part], shape, transform, invert=True)
    if inside.sum() < _FEW_PIXELS:
        inside = geometry_mask([part], shape, transform, all_touched=True, invert=True)
    counts: Counts = np.bincount(values[inside].ravel(), minlength=256)[:256].astype(np.int64)
    return counts


def _aligned(position: float, step: int, limit: int, *, up: bool) -> int:
    whole = math.ceil(position / step - 1e-6) if up else math.floor(position / step + 1e-6)
    last = limit // step
    return min(max(whole, 0), last if up else last - 1) * step


def _fractions(counts: Counts) -> dict[str, Any] | None:
    """Give the documented shares of the valid pixels; None without any."""
    by_name = {name: int(counts[number]) for number, name in landcover_fraction_names().items()}
    total = sum(by_name.values())
    return {name: round(count / total, 6) for name, count in by_name.items()} if total else None

# SPDX-License-Identifier: GPL-2.0-or-later
"""The global seasonal coherence of Sentinel-1 in the sandbox: tiles of one degree, and mosaics of 0.01 degrees.

Tiles are made when asked for. A mosaic is a virtual file: its header says which blocks have data, and a block is made
when a range touches it. Its pixels hold the mean of 3 x 3 points inside, over a simulated stack that of the 12 x 12 tile
pixels, in overviews the value in the middle.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rasterio import Affine
from rasterio.io import MemoryFile

from insarhub_qgis.sandbox.byte_ranges import made_answer, not_there, store_error
from insarhub_qgis.sandbox.server import Answer, Body, Route, Service, ServiceRequest
from insarhub_qgis.sandbox.virtual_geotiff import Axis, BoundedCache, Pixels, RasterGrid, VirtualGeotiff
from insarhub_qgis.sandbox.world import Mask, World

_ROOT = "/s3/sentinel-1-global-coherence-earthbigdata"
_WHAT = r"(winter|spring|summer|fall)_(vv|hh)_COH(06|12|18|24|36|48)"
_TILE = re.compile(rf"(([NS])(\d\d)([EW])(\d{{3}}))_{_WHAT}\.tif")
_MOSAIC = re.compile(rf"Global_{_WHAT}_100ppd\.tif")

TILE_PIXELS = 1200
#: Points along a pixel of the mosaic that are averaged: tile pixels on a simulated stack, fewer elsewhere.
_FINE, _COARSE = 12, 3
_MOSAIC_GRID = RasterGrid(36_000, 18_000, "EPSG:4326", Affine(0.01, 0, -180, 0, -0.01, 90), block=256)
#: Levels of which only regions with two satellites have pairs.
_SIX_DAY_LEVELS = (6, 18)
#: Southern and northern limit of the dataset, and of what each polarisation was acquired in, degrees.
_SOUTH, _NORTH = -78, 82
_VV_SOUTH, _VV_NORTH, _HH_NORTH = -60, 78, 72
#: North of it the ground is seen in two seasons only.
_SHORT_NORTH, _SHORT_SEASONS = 80, ("summer", "fall")

_TILE_BYTES, _BLOCK_BYTES = 48_000_000, 32_000_000


@dataclass(frozen=True)
class CoherenceKind:
    """What a file of coherence holds.

    Attributes
    ----------
    days
        Repeat interval, the level.
    """

    season: str
    polarization: str
    days: int

    @property
    def is_six_day(self) -> bool:
        return self.days in _SIX_DAY_LEVELS


class CoherenceService(Service):
    """Row 14 of the table of sandbox endpoints."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tiles = BoundedCache(_TILE_BYTES)
        self._blocks = BoundedCache(_BLOCK_BYTES)
        self._mosaics: dict[CoherenceKind, VirtualGeotiff] = {}
        self._coverages: dict[tuple[str, bool, bool], Mask] = {}

    def routes(self) -> Sequence[Route]:
        return (
            ("GET", rf"{_ROOT}/data/tiles/([^/]+)/([^/]+)", self.tile),
            ("GET", rf"{_ROOT}/data/mosaics/([^/]+)", self.mosaic),
            ("GET", rf"{_ROOT}(/.*)?", lambda _: not_there()),
        )

    def error_answer(self, path: str, status: int, detail: str) -> Answer | None:
        return store_error(status, detail) if path.startswith(_ROOT) else None

    def tile(self, request: ServiceRequest) -> Answer:
        folder, name = request.path_parts
        match = _TILE.fullmatch(name)
        if match is None or match.group(1) != folder:
            return not_there()
        kind = CoherenceKind(match.group(6), match.group(7), int(match.group(8)))
        corner = upper_left(folder)
        if corner is None or not self._has_tile(kind, *corner):
            return not_there()
        content = self._tiles.get(name, lambda: self._made_tile(kind, *corner))
        return made_answer(name, content, self._world.seed, request.headers)

    def mosaic(self, request: ServiceRequest) -> Answer:
        match = _MOSAIC.fullmatch(request.path_parts[0])
        if match is None:
            return not_there()
        kind = CoherenceKind(match.group(1), match.group(2), int(match.group(3)))
        return made_answer(match.group(0), self._mosaic(kind), self._world.seed, request.headers)

    def coverage(self, kind: CoherenceKind) -> Mask:
        """Give the cells of 0.1 degrees with coherence of a kind, see `World.land_mask`."""
        key = (kind.polarization, kind.is_six_day, kind.season in _SHORT_SEASONS)
        if key not in self._coverages:
            world = self._world
            mask = (world.six_day_mask if kind.is_six_day else world.land_mask).copy()
            latitudes = 90.0 - (np.arange(mask.shape[0]) + 0.5) * 180.0 / mask.shape[0]
            mask[~_seen(kind, latitudes)] = False
            self._coverages[key] = mask
        return self._coverages[key]

    # --- Files ---

    def _has_tile(self, kind: CoherenceKind, west: int, north: int) -> bool:
        return self._world.any_in(self.coverage(kind), west, north - 1, west + 1, north)

    def _made_tile(self, kind: CoherenceKind, west: int, north: int) -> bytes:
        centres = (np.arange(TILE_PIXELS) + 0.5) / TILE_PIXELS
        numbers = _digital_numbers(self._coherence(kind, west + centres, north - centres))
        with MemoryFile() as memory:
            with memory.open(
                driver="GTiff",
                width=TILE_PIXELS,
                height=TILE_PIXELS,
                count=1,
                dtype="uint8",
                crs="EPSG:4326",
                transform=Affine(1 / TILE_PIXELS, 0, west, 0, -1 / TILE_PIXELS, north),
                nodata=0,
                compress="lzw",
            ) as raster:
                raster.write(numbers, 1)
            return bytes(memory.getbuffer())

    def _mosaic(self, kind: CoherenceKind) -> Body:
        coverage = self.coverage(kind)

        def has_block(west: float, south: float, east: float, north: float) -> bool:
            return self._world.any_in(coverage, west, south, east, north)

        def make_block(longitudes: Axis, latitudes: Axis, factor: int) -> Pixels:
            if factor > 1:
                return _digital_numbers(self._coherence(kind, longitudes, latitudes))
            values = self._mean_coherence(kind, longitudes, latitudes, _COARSE)
            for _, rows, columns in self._world.stacks_on(longitudes, latitudes):
                values[rows, columns] = self._mean_coherence(
                    kind, longitudes[columns], latitudes[rows], _FINE
                )
            return _digital_numbers(values)

        if kind not in self._mosaics:
            self._mosaics[kind] = VirtualGeotiff(str(kind), _MOSAIC_GRID, has_block, make_block, self._blocks)
        return self._mosaics[kind]

    def _mean_coherence(
        self, kind: CoherenceKind, longitudes: Axis, latitudes: Axis, parts: int
    ) -> npt.NDArray[np.float64]:
        fine = self._coherence(kind, _split(longitudes, 0.01, parts), _split(latitudes, -0.01, parts))
        squares = fine.reshape(len(latitudes), parts, len(longitudes), parts)
        counts = np.count_nonzero(~np.isnan(squares), axis=(1, 3))
        means = np.nansum(squares, axis=(1, 3)) / np.maximum(counts, 1)
        return np.where(counts > 0, means, np.nan)

    def _coherence(self, kind: CoherenceKind, longitudes: Axis, latitudes: Axis) -> npt.NDArray[np.float64]:
        values = self._world.coherence(longitudes, latitudes, kind.season, kind.days)
        values[~self._world.at(self.coverage(kind), longitudes, latitudes)] = np.nan
        return values


def upper_left(tile: str) -> tuple[int, int] | None:
    """Give west and north of a tile id in degrees; None for a tile that cannot be.

    >>> upper_left("N48W090"), upper_left("S01E012"), upper_left("N00E000"), upper_left("S00E000")
    ((-90, 48), (12, -1), (0, 0), None)
    """
    match = re.fullmatch(r"([NS])(\d\d)([EW])(\d{3})", tile)
    if match is None:
        return None
    north = int(match.group(2)) * (1 if match.group(1) == "N" else -1)
    west = int(match.group(4)) * (1 if match.group(3) == "E" else -1)
    if (tile[0] == "S" and north == 0) or (tile[3] == "W" and west == 0):
        return None
    return (west, north) if -89 <= north <= 90 and -180 <= west < 180 else None


def _seen(kind: CoherenceKind, latitudes: Axis) -> npt.NDArray[np.bool_]:
    seen = (latitudes > _SOUTH) & (latitudes < _NORTH)
    if kind.season not in _SHORT_SEASONS:
        seen &= latitudes < _SHORT_NORTH
    if kind.polarization == "vv":
        return seen & (latitudes > _VV_SOUTH) & (latitudes < _VV_NORTH)
    return seen & ((latitudes > _HH_NORTH) | (latitudes < _VV_SOUTH))


def _digital_numbers(coherence: npt.NDArray[np.float64]) -> Pixels:
    """Give 100 x coherence, 0 where there is none."""
    numbers = np.clip(np.floor(100.0 * coherence + 0.5), 1, 100)
    return np.asarray(np.where(np.isnan(coherence), 0, numbers), dtype=np.uint8)


def _split(centres: Axis, step: float, parts: int) -> Axis:
    """Give the middles of the parts of pixels of size ``step``."""
    inside = ((np.arange(parts) + 0.5) / parts - 0.5) * step
    return np.asarray((centres[:, np.newaxis] + inside).ravel())

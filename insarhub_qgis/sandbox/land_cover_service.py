# SPDX-License-Identifier: GPL-2.0-or-later
"""ESA WorldCover 2021 in the sandbox: tiles of three degrees at 10 m with overviews, as virtual files."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rasterio import Affine

from insarhub_qgis.sandbox.byte_ranges import made_answer, not_there, store_error
from insarhub_qgis.sandbox.server import Answer, Route, Service, ServiceRequest
from insarhub_qgis.sandbox.virtual_geotiff import Axis, BoundedCache, Pixels, RasterGrid, VirtualGeotiff
from insarhub_qgis.sandbox.world import World

_ROOT = "/v200/2021/map"
_NAME = re.compile(r"ESA_WorldCover_10m_2021_v200_([NS])(\d\d)([EW])(\d{3})_Map\.tif")
_TILE_DEG, _TILE_PIXELS, _BLOCK = 3, 36_000, 1024
#: Lower edges of the southernmost and northernmost tiles.
_SOUTH, _NORTH = -60, 81
_BLOCK_BYTES = 32_000_000
#: Headers of as many tiles are kept.
_KEPT_TILES = 64


class LandCoverService(Service):
    """Land cover of row 16 of the table of sandbox endpoints."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._blocks = BoundedCache(_BLOCK_BYTES)
        self._tiles: dict[tuple[int, int], VirtualGeotiff] = {}

    def routes(self) -> Sequence[Route]:
        return (("GET", rf"{_ROOT}/([^/]+)", self.tile), ("GET", r"/v200(/.*)?", lambda _: not_there()))

    def error_answer(self, path: str, status: int, detail: str) -> Answer | None:
        return store_error(status, detail) if path.startswith("/v200") else None

    def tile(self, request: ServiceRequest) -> Answer:
        match = _NAME.fullmatch(request.path_parts[0])
        if match is None:
            return not_there()
        south = int(match.group(2)) * (1 if match.group(1) == "N" else -1)
        west = int(match.group(4)) * (1 if match.group(3) == "E" else -1)
        if not self._has_tile(west, south):
            return not_there()
        return made_answer(match.group(0), self._tile(west, south), self._world.seed, request.headers)

    def _has_tile(self, west: int, south: int) -> bool:
        if west % _TILE_DEG or south % _TILE_DEG or not (-180 <= west < 180 and _SOUTH <= south <= _NORTH):
            return False
        world = self._world
        return world.any_in(world.land_mask, west, south, west + _TILE_DEG, south + _TILE_DEG)

    def _tile(self, west: int, south: int) -> VirtualGeotiff:
        world, pixel = self._world, _TILE_DEG / _TILE_PIXELS
        found = self._tiles.get((west, south))
        if found is None:
            grid = RasterGrid(
                _TILE_PIXELS,
                _TILE_PIXELS,
                "EPSG:4326",
                Affine(pixel, 0, west, 0, -pixel, south + _TILE_DEG),
                _BLOCK,
            )

            def has_block(*bounds: float) -> bool:
                return world.any_in(world.shore_mask, *bounds)

            def make_block(longitudes: Axis, latitudes: Axis, _: int) -> Pixels:
                return world.land_cover(longitudes, latitudes)

            if len(self._tiles) >= _KEPT_TILES:
                self._tiles.clear()
            found = self._tiles[west, south] = VirtualGeotiff(
                f"{west}/{south}", grid, has_block, make_block, self._blocks
            )
        # Another thread may have emptied the table meanwhile.
        return found

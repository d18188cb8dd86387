# SPDX-License-Identifier: GPL-2.0-or-later
"""The global seasonal coherence of Sentinel-1: names of its files, and which of their pixels an area needs.

Two resolutions: tiles of one degree with pixels of 1/1200 degree (90 m), and global mosaics of 0.01 degree. Pixels are
counted on one lattice per resolution, eastward from 180 W and southward from 90 N. Columns go on beyond 180 E, so
that an area across the antimeridian is one grid.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from insarhub_qgis.core.decay_map_files import SEASONS
from insarhub_qgis.core.errors import InsarError

SOURCE = "Kellndorfer et al. 2022, doi:10.1038/s41597-022-01189-6, CC BY 4.0"
#: Repeat intervals in days of the levels; 6 and 18 only where pairs of six days were acquired.
LEVELS_DAYS = (6, 12, 18, 24, 36, 48)
#: Latitudes of the dataset in degrees; the southern end is about 78 S.
NORTH_END, SOUTH_END = 82.0, -79.0
#: More tiles than this, and the mosaic is read instead.
MOST_TILES = 4
#: Pixels of a grid that is read at once: about 0.4 GB while four seasons are fitted.
MOST_PIXELS = 12_000_000
AUTO, FINE, COARSE = "auto", "90m", "1km"

#: Months of a season by their first letters.
MONTH_LETTERS = {"winter": "DJF", "spring": "MAM", "summer": "JJA", "fall": "SON"}

#: A border on the lattice takes no further pixel, although its degrees are rounded.
_SLACK_PX = 0.01


@dataclass(frozen=True)
class Resolution:
    """Pixels of one kind of file; ``name`` stands in the tags of maps."""

    name: str
    pixels_per_degree: int


TILES = Resolution("90 m", 1200)
MOSAIC = Resolution("0.01 deg", 100)


def season_label(season: str) -> str:
    """Give months and file name of a season, e.g. ``JJA (file: summer)``; the same in both hemispheres.

    >>> season_label("summer")
    'JJA (file: summer)'
    """
    return f"{MONTH_LETTERS[season]} (file: {season})"


def tile_id(latitude: float, longitude: float) -> str:
    """Give the tile of a place by its upper-left corner; an edge belongs to the tile north and east of it.

    >>> tile_id(47.5, -89.5), tile_id(-1.5, 12.3), tile_id(-0.5, 0.0), tile_id(48.0, 180.0)
    ('N48W090', 'S01E012', 'N00E000', 'N49W180')
    """
    if not -90 <= latitude <= 90:
        raise ValueError(f"latitude {latitude}")
    top = min(math.floor(latitude) + 1, 90)
    left = math.floor((longitude + 180) % 360) - 180
    return f"{'N' if top >= 0 else 'S'}{abs(top):02d}{'E' if left >= 0 else 'W'}{abs(left):03d}"


@dataclass(frozen=True)
class Piece:
    """A part of a grid that lies in one file.

    Attributes
    ----------
    tile
        Tile id; empty for the mosaic.
    col_first, row_first, width, height
        Pixels of the lattice, columns between 0 and 360 degrees from 180 W.
    col_offset, row_offset
        Where the part begins in the grid.
    """

    tile: str
    col_first: int
    row_first: int
    width: int
    height: int
    col_offset: int
    row_offset: int

    def path(self, season: str, polarization: str, level_days: int) -> str:
        """Give the path of its file under the base address of the dataset."""
        if season not in SEASONS:
            raise ValueError(f"season {season}")
        if self.tile:
            return f"data/tiles/{self.tile}/{self.tile}_{season}_{polarization}_COH{level_days:02d}.tif"
        return f"data/mosaics/Global_{season}_{polarization}_COH{level_days:02d}_100ppd.tif"


@dataclass(frozen=True)
class CoherenceGrid:
    """Whole pixels of one resolution that cover an area."""

    resolution: Resolution
    col_first: int
    row_first: int
    width: int
    height: int

    @property
    def pixel_deg(self) -> float:
        return 1.0 / self.resolution.pixels_per_degree

    @property
    def west(self) -> float:
        return self.col_first / self.resolution.pixels_per_degree - 180.0

    @property
    def north(self) -> float:
        return 90.0 - self.row_first / self.resolution.pixels_per_degree

    @property
    def pixels(self) -> int:
        return self.width * self.height

    def pieces(self) -> list[Piece]:
        """Give its parts by file: tiles from north-west to south-east, or one or two parts of the mosaic."""
        per_degree = self.resolution.pixels_per_degree
        is_tiled = self.resolution is TILES
        step = per_degree if is_tiled else 360 * per_degree
        pieces = []
        for row, height in _cut(self.row_first, self.height, step):
            for col, width in _cut(self.col_first, self.width, step):
                tile = ""
                if is_tiled:
                    tile = tile_id(89.5 - row // per_degree, col // per_degree - 179.5)
                wrapped = col % (360 * per_degree)
                offsets = (col - self.col_first, row - self.row_first)
                pieces.append(Piece(tile, wrapped, row, width, height, *offsets))
        return pieces


def grid_of(bounds: Sequence[float], resolution: Resolution) -> CoherenceGrid:
    """Give the pixels that cover west, south, east, north (degrees; east may go beyond 180), at least one.

    Raises
    ------
    InsarError
        ``coherence.outside``: all of it is north of 82 N or south of 79 S.
    """
    west, south, east, north = bounds
    if south >= NORTH_END or north <= SOUTH_END:
        raise InsarError("coherence.outside", south=round(south, 3), north=round(north, 3))
    per_degree = resolution.pixels_per_degree
    col, col_end = _whole((west + 180) * per_degree, (east + 180) * per_degree)
    row, row_end = _whole((90 - north) * per_degree, (90 - south) * per_degree)
    row, row_end = min(row, 180 * per_degree - 1), min(row_end, 180 * per_degree)
    return CoherenceGrid(resolution, col, row, col_end - col, max(row_end - row, 1))


def choose_grid(bounds: Sequence[float], wanted: str = AUTO) -> CoherenceGrid:
    """Give the grid of an area: tiles when it touches at most four, else the mosaic, or what the user wants.

    Parameters
    ----------
    wanted
        ``auto``, ``90m`` or ``1km``.

    Raises
    ------
    InsarError
        ``coherence.outside``, ``coherence.too_large``, ``coherence.bad_resolution``.
    """
    if wanted not in (AUTO, FINE, COARSE):
        raise InsarError("coherence.bad_resolution", value=wanted)
    fine = grid_of(bounds, TILES)
    is_fine = wanted == FINE or (wanted == AUTO and _tile_count(fine) <= MOST_TILES)
    grid = fine if is_fine else grid_of(bounds, MOSAIC)
    if grid.pixels > MOST_PIXELS:
        raise InsarError(
            "coherence.too_large",
            resolution=grid.resolution.name,
            million_pixels=round(grid.pixels / 1e6),
            limit=MOST_PIXELS // 1_000_000,
        )
    return grid


def _tile_count(grid: CoherenceGrid) -> int:
    per_degree = grid.resolution.pixels_per_degree
    rows = len(_cut(grid.row_first, grid.height, per_degree))
    return rows * len(_cut(grid.col_first, grid.width, per_degree))


def _whole(first: float, end: float) -> tuple[int, int]:
    """Give the whole pixels that cover an interval, at least one."""
    low = math.floor(first + _SLACK_PX)
    return low, max(math.ceil(end - _SLACK_PX), low + 1)


def _cut(first: int, count: int, step: int) -> list[tuple[int, int]]:
    """Cut ``count`` pixels from ``first`` on at the multiples of ``step``: (first, count) of each part."""
    parts = []
    end = first + count
    while first < end:
        stop = min((first // step + 1) * step, end)
        parts.append((first, stop - first))
        first = stop
    return parts

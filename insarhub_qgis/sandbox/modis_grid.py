# SPDX-License-Identifier: GPL-2.0-or-later
"""The sinusoidal grid of the MODIS products: tiles of ten degrees by row ``v`` and column ``h``."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

RADIUS_M = 6_371_007.181
CRS = f"+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R={RADIUS_M} +units=m +no_defs"
COLUMNS, ROWS = 36, 18
TILE_M = 2 * math.pi * RADIUS_M / COLUMNS
_LEFT_M, _TOP_M = -math.pi * RADIUS_M, math.pi * RADIUS_M / 2
#: Points along an edge where the outline of a tile or box is followed.
_POINTS = 33


def project(longitude_deg: float, latitude_deg: float) -> tuple[float, float]:
    """Give x and y in metres."""
    latitude = math.radians(latitude_deg)
    return RADIUS_M * math.radians(longitude_deg) * math.cos(latitude), RADIUS_M * latitude


def unproject(x: Array, y: Array) -> tuple[Array, Array]:
    """Give longitude and latitude in degrees, of broadcast shape; longitudes beyond 180 are off the Earth."""
    latitude = np.clip(y / RADIUS_M, -math.pi / 2, math.pi / 2)
    longitude = x / (RADIUS_M * np.maximum(np.cos(latitude), 1e-9))
    return np.degrees(longitude), np.degrees(latitude) + np.zeros_like(longitude)


def tile_of(longitude_deg: float, latitude_deg: float) -> tuple[int, int]:
    """Give h and v of the tile of a place.

    >>> tile_of(-1.76, 37.65), tile_of(-99.1, 19.4)
    ((17, 5), (8, 7))
    """
    x, y = project(longitude_deg, latitude_deg)
    h, v = math.floor((x - _LEFT_M) / TILE_M), math.floor((_TOP_M - y) / TILE_M)
    return min(max(h, 0), COLUMNS - 1), min(max(v, 0), ROWS - 1)


def upper_left(h: int, v: int) -> tuple[float, float]:
    """Give x and y in metres of a tile's corner."""
    return _LEFT_M + h * TILE_M, _TOP_M - v * TILE_M


def tiles_in(west: float, south: float, east: float, north: float) -> list[tuple[int, int]]:
    """Give the tiles that a box in degrees touches, by v and h."""
    found = set()
    lowest_row, highest_row = tile_of(0.0, north)[1], tile_of(0.0, south)[1]
    for v in range(lowest_row, highest_row + 1):
        top = min(90.0 - 10.0 * v, north)
        bottom = max(80.0 - 10.0 * v, south)
        for latitude in np.linspace(bottom, top, _POINTS).tolist():
            # A latitude on the edge of two rows belongs to the row that is looked at.
            first, last = (tile_of(longitude, latitude)[0] for longitude in (west, east))
            found |= {(h, v) for h in range(first, last + 1)}
    return sorted(found, key=lambda tile: (tile[1], tile[0]))


def outline(h: int, v: int) -> list[tuple[float, float]] | None:
    """Give a closed ring of longitude and latitude around the part of a tile on Earth; None when it has none."""
    left, top = upper_left(h, v)
    shares = np.linspace(0.0, 1.0, _POINTS)
    ys = top - shares * TILE_M
    west, latitudes = unproject(np.full(_POINTS, left), ys)
    east, _ = unproject(np.full(_POINTS, left + TILE_M), ys)
    west, east = np.maximum(west, -180.0), np.minimum(east, 180.0)
    on_earth = west < east
    if not on_earth.any():
        return None
    down = [(x, y) for x, y in zip(west[on_earth].tolist(), latitudes[on_earth].tolist())]
    up = [(x, y) for x, y in zip(east[on_earth].tolist(), latitudes[on_earth].tolist())][::-1]
    return [(round(x, 6), round(y, 6)) for x, y in (*down, *up, down[0])]

# SPDX-License-Identifier: GPL-2.0-or-later
"""Footprints and areas of interest in longitude and latitude: which part of one lies in others, and how large it is.

Shares are counted on a fixed grid of sample points, so that no geometry library is needed and the same input
gives the same number. Longitudes that cross the antimeridian run on.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from insarhub_qgis.core.scene_facts import Point, unwrapped

# Runtime needs none of it, and importing it is a quarter of the start of the plugin.
if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

#: Rings of one polygon; a point is inside when it lies in an odd number of them.
Polygon = tuple[tuple[Point, ...], ...]
#: About this many sample points lie in the box of an area.
_SAMPLES = 4096
_EARTH_RADIUS_KM = 6371.0088
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_COORDINATES = re.compile(rf"({_NUMBER})\s+({_NUMBER})(?:\s+{_NUMBER})*")

Floats: TypeAlias = "NDArray[np.float64]"
Bools: TypeAlias = "NDArray[np.bool_]"


def polygons_of_wkt(wkt: str) -> list[Polygon]:
    """Read POLYGON and MULTIPOLYGON in longitude, latitude; a point or a line gives its points as flat polygons.

    What cannot be read gives an empty list.

    >>> len(polygons_of_wkt("POLYGON((0 0, 2 0, 2 1, 0 0))")[0][0])
    4
    """
    text = wkt.strip().upper()
    text = re.sub(r"^SRID=\d+;", "", text)
    if text.startswith(("POINT", "LINESTRING", "MULTIPOINT", "MULTILINESTRING")):
        return [((point,),) for point in _points(text)]
    if text.startswith("POLYGON"):
        bodies = [text]
    elif text.startswith("MULTIPOLYGON"):
        bodies = re.findall(r"\(\s*(\([^()]*\)(?:\s*,\s*\([^()]*\))*)\s*\)", text)
    else:
        return []
    polygons = []
    for body in bodies:
        rings = [ring for found in re.findall(r"\(([^()]*)\)", body) if len(ring := _points(found)) >= 4]
        if rings:
            polygons.append(tuple(unwrapped(ring) for ring in rings))
    return polygons


def bounds_of_polygons(area: Sequence[Polygon]) -> tuple[float, float, float, float] | None:
    """Give west, south, east, north in degrees of an area as one piece; None for an empty one.

    Polygons east of the widest gap of longitudes keep theirs, those west of it go on beyond 180.

    >>> bounds_of_polygons(polygons_of_wkt("MULTIPOLYGON(((179 1,180 1,180 2,179 1)),((-180 1,-179 1,-179 2,-180 1)))"))
    (179.0, 1.0, 181.0, 2.0)
    """
    if not area:
        return None
    points = [[point for ring in polygon for point in ring] for polygon in area]
    parts = sorted((min(x for x, _ in each), max(x for x, _ in each)) for each in points)
    gaps = []
    reach = max(east for _, east in parts) - 360.0
    for number, (west, east) in enumerate(parts):
        gaps.append((west - reach, -number))
        reach = max(reach, east)
    first = -max(gaps)[1]
    ends = [*(east for _, east in parts[first:]), *(east + 360.0 for _, east in parts[:first])]
    latitudes = [y for each in points for _, y in each]
    return parts[first][0], min(latitudes), max(ends), max(latitudes)


def polygon_of_ring(ring: Sequence[Point]) -> Polygon:
    return (unwrapped(ring),)


def covered_share(area: Sequence[Polygon], covers: Sequence[Polygon]) -> float | None:
    """Give the part 0..1 of an area that lies in the union of others; None for an area without extent.

    >>> square = polygons_of_wkt("POLYGON((0 0, 2 0, 2 2, 0 2, 0 0))")
    >>> round(covered_share(square, polygons_of_wkt("POLYGON((0 0, 1 0, 1 3, 0 3, 0 0))")), 2)
    0.5
    """
    samples = sample_points(area)
    if samples is None:
        return None
    x, y = samples
    inside = np.zeros(len(x), dtype=bool)
    middle = float(x.mean())
    for polygon in covers:
        inside |= _contains(_near(polygon, middle), x, y)
    return float(inside.mean())


def area_km2(polygons: Sequence[Polygon]) -> float:
    """Give the area on the sphere, holes taken out; polygons that overlap count twice."""
    total = 0.0
    for polygon in polygons:
        for number, ring in enumerate(polygon):
            total += abs(_ring_km2(ring)) * (1.0 if number == 0 else -1.0)
    return total


def _points(text: str) -> list[Point]:
    return [(float(found[1]), float(found[2])) for found in _COORDINATES.finditer(text)]


def _ring_km2(ring: Sequence[Point]) -> float:
    total = 0.0
    for (x1, y1), (x2, y2) in zip(ring, ring[1:]):
        total += math.radians(x2 - x1) * (2.0 + math.sin(math.radians(y1)) + math.sin(math.radians(y2)))
    return total * _EARTH_RADIUS_KM**2 / 2.0


def _near(polygon: Polygon, longitude: float) -> Polygon:
    """Turn a polygon round the globe until it lies next to a longitude."""
    if not polygon or not polygon[0]:
        return polygon
    own = sum(point[0] for point in polygon[0]) / len(polygon[0])
    turn = 360.0 * round((longitude - own) / 360.0)
    return tuple(tuple((x + turn, y) for x, y in ring) for ring in polygon) if turn else polygon


def sample_points(area: Sequence[Polygon]) -> tuple[Floats, Floats] | None:
    """Give about 4000 points inside an area, on a grid of its box; its corners when it has no extent.

    Returns
    -------
    longitudes, latitudes
        Degrees, near each other also across the antimeridian; None without any corner.
    """
    corners = [point for polygon in area for point in polygon[0]] if area else []
    if not corners:
        return None
    middle = corners[0][0]
    polygons = [_near(polygon, middle) for polygon in area]
    corners = [point for polygon in polygons for point in polygon[0]]
    low_x, high_x = min(x for x, _ in corners), max(x for x, _ in corners)
    low_y, high_y = min(y for _, y in corners), max(y for _, y in corners)
    side = math.isqrt(_SAMPLES)
    steps = (np.arange(side) + 0.5) / side
    grid_x, grid_y = np.meshgrid(low_x + steps * (high_x - low_x), low_y + steps * (high_y - low_y))
    x, y = grid_x.ravel(), grid_y.ravel()
    inside = np.zeros(len(x), dtype=bool)
    for polygon in polygons:
        inside |= _contains(polygon, x, y)
    if not inside.any():
        ends = np.array(corners, dtype=np.float64)
        return ends[:, 0], ends[:, 1]
    return x[inside], y[inside]


def _contains(polygon: Polygon, x: Floats, y: Floats) -> Bools:
    """Even-odd rule over all rings."""
    inside = np.zeros(len(x), dtype=bool)
    for ring in polygon:
        for (x1, y1), (x2, y2) in zip(ring, ring[1:]):
            if y1 == y2:
                continue
            between = (y1 > y) != (y2 > y)
            inside ^= between & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
    return inside

# SPDX-License-Identifier: GPL-2.0-or-later
"""How many bursts an area takes, estimated from the footprint of a whole scene, and what they cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.footprints import Polygon, covered_share, polygons_of_wkt
from insarhub_qgis.core.hyp3_options import LOOKS, MOST_BURSTS, MULTI_BURST, Hyp3Options, credits_per_job
from insarhub_qgis.core.scene_facts import Point, unwrapped

SWATHS = 3
#: Along track, km: from the start of one burst to that of the next, and what a burst covers.
_STEP_KM, _LENGTH_KM = 18.9, 20.5
#: Sub-swaths reach over each other by about twice this, km.
_OVERLAP_KM = 1.0
_KM_PER_DEGREE = 111.2


def estimated_burst_count(aoi_wkt: str, footprint: Sequence[Point]) -> int | None:
    """Count the bursts of an IW scene that an area touches.

    Where bursts begin along the track is not known from a footprint, so that the number may be off by one in each
    sub-swath.

    Parameters
    ----------
    aoi_wkt
        Area in EPSG:4326.
    footprint
        Outer ring of a whole scene, (longitude, latitude) in degrees, first point repeated.

    Returns
    -------
    count
        None when area or footprint say nothing, or when the area lies beside the swath.

    Examples
    --------
    >>> scene = [(0.0, 0.0), (2.25, 0.0), (2.25, 1.5), (0.0, 1.5), (0.0, 0.0)]
    >>> estimated_burst_count("POLYGON((0.1 0.05,0.2 0.05,0.2 0.1,0.1 0.1,0.1 0.05))", scene)
    1
    """
    area = polygons_of_wkt(aoi_wkt)
    ring = unwrapped(footprint)
    if not area or len(ring) < 4:
        return None
    plane = _Plane(ring)
    if not plane.is_known:
        return None
    places = [plane.place(point) for point in ring]
    first, last = min(across for across, _ in places), max(across for across, _ in places)
    start = min(along for _, along in places)
    width = (last - first) / SWATHS
    wanted = [plane.place(point)[1] - start for polygon in area for point in polygon[0]]
    lowest = math.floor((min(wanted) - _LENGTH_KM) / _STEP_KM)
    count = 0
    for swath in range(SWATHS):
        left = first + swath * width - _OVERLAP_KM
        right = left + width + 2.0 * _OVERLAP_KM
        for number in range(lowest, math.floor(max(wanted) / _STEP_KM) + 1):
            low = start + number * _STEP_KM
            burst = plane.rectangle(left, low, right, low + _LENGTH_KM)
            count += bool(covered_share(area, [burst]))
    return count or None


def burst_prices(costs: Mapping[str, Any], burst_count: int, pair_count: int) -> list[dict[str, Any]]:
    """Give what pairs of so many bursts cost, for each choice of looks.

    Parameters
    ----------
    costs
        The price table of the service, as `requests.PlanHyp3` gives it.

    Returns
    -------
    rows
        ``{"job_type", "looks", "credits_each", "credits_new"}``; empty when the service takes fewer bursts or has no
        price for them.

    Examples
    --------
    >>> table = {"INSAR_ISCE_MULTI_BURST": {"cost_parameters": ["looks", "reference"], "cost_table": {"20x4": {"2": 1}}}}
    >>> burst_prices(table, 2, 30)
    [{'job_type': 'INSAR_ISCE_MULTI_BURST', 'looks': '20x4', 'credits_each': 1.0, 'credits_new': 30.0}]
    """
    if not 1 <= burst_count <= MOST_BURSTS:
        return []
    rows: list[dict[str, Any]] = []
    side = [""] * burst_count
    for looks in LOOKS[MULTI_BURST]:
        options = Hyp3Options(job_type=MULTI_BURST, looks=looks)
        try:
            each = credits_per_job(costs, MULTI_BURST, options.job_parameters(side, side))
        except InsarError:
            # A table without this price: nothing is said about it.
            continue
        rows.append(
            {
                "job_type": MULTI_BURST,
                "looks": looks,
                "credits_each": each,
                "credits_new": each * pair_count,
            }
        )
    return rows


class _Plane:
    """Kilometres across and along the track, about the first corner of a footprint."""

    def __init__(self, ring: Sequence[Point]) -> None:
        self._origin = ring[0]
        middle = sum(latitude for _, latitude in ring) / len(ring)
        self._scale = (_KM_PER_DEGREE * math.cos(math.radians(middle)), _KM_PER_DEGREE)
        east = north = 0.0
        for start, end in zip(ring, ring[1:]):
            x, y = (end[0] - start[0]) * self._scale[0], (end[1] - start[1]) * self._scale[1]
            # The track is steeper than the swath but near the poles.
            if abs(y) > abs(x):
                east, north = east + math.copysign(1.0, y) * x, north + abs(y)
        length = math.hypot(east, north)
        self.is_known = length > 0.0
        self._along = (east / length, north / length) if length else (0.0, 1.0)

    def place(self, point: Point) -> tuple[float, float]:
        """Give a longitude and latitude as (across, along), km."""
        turns = round((self._origin[0] - point[0]) / 360.0)
        x = (point[0] + 360.0 * turns - self._origin[0]) * self._scale[0]
        y = (point[1] - self._origin[1]) * self._scale[1]
        east, north = self._along
        return (x * north - y * east, x * east + y * north)

    def rectangle(self, left: float, low: float, right: float, high: float) -> Polygon:
        """Give a rectangle of the plane in longitude and latitude."""
        corners = ((left, low), (right, low), (right, high), (left, high), (left, low))
        return (tuple(self._point(across, along) for across, along in corners),)

    def _point(self, across: float, along: float) -> Point:
        east, north = self._along
        x, y = across * north + along * east, along * north - across * east
        return (self._origin[0] + x / self._scale[0], self._origin[1] + y / self._scale[1])

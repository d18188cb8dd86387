# SPDX-License-Identifier: GPL-2.0-or-later
"""How many bursts an area takes, estimated from the footprint of a whole scene, and what they cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.footprints import Floats, polygons_of_wkt, sample_points
from insarhub_qgis.core.hyp3_options import LOOKS, MOST_BURSTS, MULTI_BURST, Hyp3Options, credits_per_job
from insarhub_qgis.core.scene_facts import Point, unwrapped

SWATHS = 3
#: Places where bursts may begin that are tried.
_PHASES = 16
#: Along track, km: from the start of one burst to that of the next, and what a burst covers.
_STEP_KM, _LENGTH_KM = 18.9, 20.5
#: Sub-swaths reach over each other by about twice this, km.
_OVERLAP_KM = 1.0
_KM_PER_DEGREE = 111.2


def estimated_burst_count(aoi_wkt: str, footprint: Sequence[Point]) -> int | None:
    """Count the bursts of an IW scene that an area touches.

    Where bursts begin along the track is not known from a footprint: the number is the mean over all places, rounded,
    and may be off by one in each sub-swath.

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
    across, _ = plane.places(*np.array(ring).T)
    samples = sample_points(area)
    if samples is None:
        return None
    wanted_across, wanted_along = plane.places(*samples)
    width = float(np.ptp(across)) / SWATHS
    expected = 0.0
    for swath in range(SWATHS):
        left = float(across.min()) + swath * width
        is_inside = (wanted_across >= left - _OVERLAP_KM) & (wanted_across <= left + width + _OVERLAP_KM)
        expected += _expected_count(wanted_along[is_inside])
    return math.floor(expected + 0.5) or None


def _expected_count(along: Floats) -> float:
    """Give how many bursts of a sub-swath hold places along the track, km: the mean over where bursts may begin."""
    if not along.size:
        return 0.0
    counts = []
    for start in np.arange(_PHASES) * _STEP_KM / _PHASES:
        number, rest = np.divmod(along - start, _STEP_KM)
        # Its end reaches into the next one.
        earlier = number[rest <= _LENGTH_KM - _STEP_KM] - 1
        counts.append(len(np.union1d(number, earlier)))
    return sum(counts) / _PHASES


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

    def places(self, longitudes: Floats, latitudes: Floats) -> tuple[Floats, Floats]:
        """Give degrees as (across, along), km."""
        turns = np.round((self._origin[0] - longitudes) / 360.0)
        x = (longitudes + 360.0 * turns - self._origin[0]) * self._scale[0]
        y = (latitudes - self._origin[1]) * self._scale[1]
        east, north = self._along
        return x * north - y * east, x * east + y * north

# SPDX-License-Identifier: GPL-2.0-or-later
"""Number of bursts of an area: by hand on plain footprints, across the antimeridian, and where nothing can be said."""

from __future__ import annotations

import math

import pytest

from insarhub_qgis.core.burst_estimate import burst_prices, estimated_burst_count
from insarhub_qgis.sandbox.hyp3_job_types import JOB_TYPES

KM = 1.0 / 111.2


def box(west, south, east, north):
    ring = ((west, south), (east, south), (east, north), (west, north), (west, south))
    return f"POLYGON(({','.join(f'{x} {y}' for x, y in ring)}))"


def scene(west=0.0, south=0.0, heading=0.0, latitude=0.0):
    """A footprint of 252 km x 189 km: three sub-swaths of 84 km, ten bursts each."""
    turn = math.radians(heading)
    corners = [(0.0, 0.0), (252.0, 0.0), (252.0, 189.0), (0.0, 189.0), (0.0, 0.0)]
    scale = math.cos(math.radians(latitude))
    return [
        (
            west + (x * math.cos(turn) + y * math.sin(turn)) * KM / scale,
            south + (y * math.cos(turn) - x * math.sin(turn)) * KM,
        )
        for x, y in corners
    ]


@pytest.mark.parametrize(
    ("area", "expected"),
    [
        # Shorter than a burst: mostly in a single one.
        ((10.0, 3.0, 30.0, 9.0), 1),
        # 12 km: in two for most places where bursts may begin.
        ((10.0, 3.0, 30.0, 15.0), 2),
        ((10.0, 3.0, 30.0, 45.0), 3),
        # Over the line between two sub-swaths.
        ((80.0, 3.0, 90.0, 5.0), 2),
        ((10.0, 3.0, 240.0, 5.0), 4),
        # 4 bursts along, 3 across.
        ((10.0, 3.0, 240.0, 60.0), 12),
    ],
)
def test_bursts_are_counted_along_and_across(area, expected):
    assert estimated_burst_count(box(*(value * KM for value in area)), scene()) == expected


def test_a_point_is_one_burst():
    assert estimated_burst_count(f"POINT({10 * KM} {10 * KM})", scene()) == 1


@pytest.mark.parametrize("heading", [-13.0, 13.0])
def test_the_track_is_that_of_the_footprint(heading):
    # A strip along the track stays in one sub-swath, whichever way the track leans.
    ring = scene(-2.0, 37.0, heading, 38.0)
    start = (ring[0][0] + ring[1][0]) / 2, (ring[0][1] + ring[1][1]) / 2
    along = (ring[3][0] - ring[0][0]) / 189.0, (ring[3][1] - ring[0][1]) / 189.0
    strip = [
        (start[0] + x * KM + km * along[0], start[1] + km * along[1]) for km in (5.0, 45.0) for x in (0, 1)
    ]
    places = ",".join(f"{x} {y}" for x, y in (strip[0], strip[1], strip[3], strip[2], strip[0]))
    assert estimated_burst_count(f"POLYGON(({places}))", ring) == 3


def test_the_antimeridian_changes_nothing():
    ring = [(x - 360.0 if x > 180.0 else x, y) for x, y in scene(179.5)]
    area = box(179.5 + 70 * KM, 3 * KM, 179.5 + 90 * KM, 15 * KM)
    assert estimated_burst_count(area, ring) == 3
    turned = box(-180.5 + 70 * KM, 3 * KM, -180.5 + 90 * KM, 15 * KM)
    assert estimated_burst_count(turned, ring) == 3


@pytest.mark.parametrize(
    ("wkt", "ring"),
    [
        ("", scene()),
        ("POLYGON EMPTY", scene()),
        (box(0, 0, 1, 1), []),
        (box(0, 0, 1, 1), [(0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (0.0, 0.0)]),
        # Beside the swath.
        (box(10, 0, 11, 1), scene()),
    ],
)
def test_nothing_is_said_without_area_or_footprint(wkt, ring):
    assert estimated_burst_count(wkt, ring) is None


COSTS = {name: definition.cost_definition() for name, definition in JOB_TYPES.items()}


def test_prices_are_those_of_the_service():
    rows = burst_prices(COSTS, 4, 10)
    assert [(row["looks"], row["credits_each"], row["credits_new"]) for row in rows] == [
        ("20x4", 1.0, 10.0), ("10x2", 5.0, 50.0), ("5x1", 15.0, 150.0),
    ]  # fmt: skip
    assert {row["job_type"] for row in rows} == {"INSAR_ISCE_MULTI_BURST"}


@pytest.mark.parametrize(
    ("costs", "count"), [(COSTS, 16), (COSTS, 0), ({"INSAR_GAMMA": {"cost": 1}}, 4), ({}, 4)]
)
def test_there_are_no_prices_of_what_cannot_be_ordered(costs, count):
    assert burst_prices(costs, count, 10) == []

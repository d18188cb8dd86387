# SPDX-License-Identifier: GPL-2.0-or-later
"""Paths of real acquisitions, by absolute orbit and by burst identifier."""

from __future__ import annotations

import pytest

from insarhub_qgis.core.relative_orbit import relative_orbit, relative_orbit_of_burst


@pytest.mark.parametrize(
    ("platform", "orbit", "path"),
    [
        ("S1A", 20027, 5),
        ("S1B", 14388, 12),
        ("S1C", 1681, 110),
        ("S1C", 8018, 147),
        ("S1C", 8019, 46),
        ("S1D", 2389, 73),
        ("s1a", 20027, 5),
        ("S1E", 100, None),
    ],
)
def test_absolute_orbit(platform: str, orbit: int, path: int | None) -> None:
    assert relative_orbit(platform, orbit) == path


@pytest.mark.parametrize(
    ("burst", "path"), [(136231, 64), (213524, 100), (0, None), (375888, None), (1, None)]
)
def test_burst(burst: int, path: int | None) -> None:
    assert relative_orbit_of_burst(burst) == path


def test_every_path_has_bursts() -> None:
    assert {relative_orbit_of_burst(number) for number in range(1, 375888, 50)} == {None, *range(1, 176)}

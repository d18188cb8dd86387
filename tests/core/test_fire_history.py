# SPDX-License-Identifier: GPL-2.0-or-later
"""Burned share between the dates of pairs."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from insarhub_qgis.core.fire_history import FireHistory

START = date(2023, 7, 1)


def history(detections, cells=50, share=0.01, first=-10, last=400) -> FireHistory:
    """Detections (day after `START`, cell)."""
    days = np.array([START.toordinal() + day for day, _ in detections], dtype=np.int64)
    numbers = np.array([cell for _, cell in detections], dtype=np.int64)
    return FireHistory(
        START + timedelta(days=first),
        START + timedelta(days=last),
        days,
        numbers,
        np.full(cells, share),
    )


def shares(fires: FireHistory, days) -> list[float]:
    dates = [START + timedelta(days=int(day)) for day in days]
    first, second = np.triu_indices(len(dates), 1)
    return fires.burned_shares(dates, first, second).tolist()


def test_a_cell_counts_from_three_days_before_to_the_later_date():
    for day, expected in ((-4, 0.0), (-3, 0.01), (0, 0.01), (12, 0.01), (13, 0.0)):
        assert shares(history([(day, 0)]), [0, 12]) == [pytest.approx(expected)], day


def test_a_cell_that_burned_twice_counts_once():
    assert shares(history([(1, 7), (5, 7), (5, 8)]), [0, 12]) == [pytest.approx(0.02)]


def test_no_fire_is_zero_and_days_not_asked_for_are_unknown():
    assert shares(history([]), [0, 12]) == [0.0]
    assert np.isnan(shares(history([], first=-2), [0, 12])).all()
    assert shares(history([], first=-3, last=12), [0, 12]) == [0.0]
    assert np.isnan(shares(history([], last=11), [0, 12])).all()


def test_the_share_ends_at_the_whole_area():
    assert shares(history([(1, cell) for cell in range(50)], share=0.05), [0, 12]) == [1.0]


def test_many_pairs_against_counting_one_by_one():
    rng = np.random.default_rng(6)
    detections = [
        (int(day), int(cell)) for day, cell in zip(rng.integers(-10, 300, 400), rng.integers(0, 50, 400))
    ]
    days = np.sort(rng.choice(300, 40, replace=False))
    found = shares(history(detections), days)
    expected = [
        0.01 * len({cell for day, cell in detections if one - 3 <= day <= other})
        for i, one in enumerate(days)
        for other in days[i + 1 :]
    ]
    np.testing.assert_allclose(found, expected, atol=1e-12)

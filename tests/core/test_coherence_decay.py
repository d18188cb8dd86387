# SPDX-License-Identifier: GPL-2.0-or-later
"""The decay model: documented figures, day counts per season, chained seasons, figures of an area."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from insarhub_qgis.core.coherence_decay import (
    DecayParameters,
    best_season,
    chained_coherence,
    coherence_after,
    coherence_statistics,
    days_of_codes,
    longest_usable_days,
    rounded_season_days,
    sample_decay_maps,
    season_days,
    season_days_of_pairs,
    signature_codes,
)
from insarhub_qgis.core.decay_map_files import SEASONS
from insarhub_qgis.core.errors import Cancelled

NAN = float("nan")
WINTER, SPRING = (0.30, 0.80, 40.0), (0.20, 0.70, 20.0)


def one_place(*seasons) -> DecayParameters:
    """A place with (g_inf, g0, tau) in each season, None = unknown."""
    rows = np.array([season or (NAN, NAN, NAN) for season in seasons], dtype=float)
    return DecayParameters(rows[:, :1], rows[:, 1:2], rows[:, 2:])


def random_places(count: int, seed: int = 1) -> DecayParameters:
    rng = np.random.default_rng(seed)
    g_inf = rng.uniform(0, 0.5, (4, count))
    g0 = g_inf + rng.uniform(0, 1, (4, count)) * (1 - g_inf)
    return DecayParameters(g_inf, g0, np.exp(rng.uniform(np.log(3), np.log(150), (4, count))))


def long_stack(count: int = 300) -> list[date]:
    steps = np.random.default_rng(2).choice([6, 12], count, p=[0.6, 0.4])
    return [date(2017, 1, 1) + timedelta(days=int(day)) for day in np.cumsum(steps)]


# --- Documented figures ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "expected"), [((12, 0, 0, 0), 0.6704), ((8, 4, 0, 0), 0.6018), ((50, 40, 0, 0), 0.2749)]
)
def test_documented_pairs_within_and_across_seasons(days, expected):
    place = one_place(WINTER, SPRING, None, None)
    assert chained_coherence(place, np.array([days]))[0, 0] == pytest.approx(expected, abs=5e-5)


def test_one_season_is_the_plain_model():
    place = one_place(WINTER, SPRING, None, None)
    for days in (6, 24, 300):
        plain = float(coherence_after(*SPRING, days))
        assert chained_coherence(place, np.array([[0, days, 0, 0]]))[0, 0] == pytest.approx(plain, abs=1e-12)


def test_the_floor_does_not_shrink_with_the_number_of_segments():
    place = one_place(*[(0.4, 0.9, 20.0)] * 4)
    several = chained_coherence(place, np.array([[90, 92, 92, 91], [365, 0, 0, 0]]))[:, 0]
    assert several[0] == pytest.approx(several[1], abs=1e-12)
    assert several[0] == pytest.approx(0.4, abs=1e-6)


# --- Days --------------------------------------------------------------------------------------------


def counted(first: date, second: date) -> tuple[int, ...]:
    """Day by day, by the months of the map files."""
    seasons = list(SEASONS.values())
    found = [0, 0, 0, 0]
    for step in range((second - first).days):
        month = (first + timedelta(days=step)).month
        found[next(number for number, months in enumerate(seasons) if month in months)] += 1
    return tuple(found)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (date(2023, 2, 21), date(2023, 3, 5)),
        (date(2019, 11, 30), date(2019, 12, 1)),
        (date(2020, 2, 28), date(2020, 3, 1)),
        (date(2022, 12, 25), date(2023, 1, 6)),
        (date(2017, 5, 3), date(2021, 9, 17)),
        (date(2023, 6, 1), date(2023, 6, 1)),
    ],
)
def test_each_day_belongs_to_the_season_of_its_month(first, second):
    assert season_days(first, second) == counted(first, second)
    assert sum(season_days(first, second)) == (second - first).days


def test_days_of_many_pairs_are_those_of_each():
    days = long_stack(40)
    first, second = np.triu_indices(40, 1)
    found = season_days_of_pairs(days, first, second)
    assert [tuple(row) for row in found.tolist()] == [
        counted(days[i], days[j]) for i, j in zip(first.tolist(), second.tolist())
    ]
    assert season_days_of_pairs(days, first[:0], second[:0]).shape == (0, 4)
    with pytest.raises(ValueError, match="before it begins"):
        season_days_of_pairs(days, second[:1], first[:1])


def test_only_long_pairs_are_rounded():
    counts = np.array([[89, 90, 1, 0], [90, 90, 1, 0], [90, 92, 92, 91], [90, 92, 92, 94]])
    assert rounded_season_days(counts).tolist() == [
        [89, 90, 1, 0],
        [90, 90, 0, 0],
        [90, 92, 92, 92],
        [90, 90, 90, 90],
    ]


def test_signatures_are_unique_and_can_be_read_back():
    counts = np.array([[0, 0, 0, 1], [0, 0, 1, 0], [12, 0, 0, 0], [3000, 2999, 1, 0]])
    codes = signature_codes(counts)
    assert len(set(codes.tolist())) == 4
    assert days_of_codes(codes).tolist() == counts.tolist()
    with pytest.raises(ValueError, match="out of range"):
        signature_codes(np.array([[0, 0, 0, 40_000]]))


def test_rounding_leaves_few_signatures_and_little_error():
    """300 dates: about 33 000 exact signatures, 13 000 rounded ones, medians within 0.005."""
    days = long_stack()
    first, second = np.triu_indices(len(days), 1)
    exact = season_days_of_pairs(days, first, second)
    rounded = rounded_season_days(exact)
    assert 31_000 <= len(np.unique(signature_codes(exact))) <= 34_000
    assert 11_000 <= len(np.unique(signature_codes(rounded))) <= 15_000
    is_long = np.flatnonzero(exact.sum(axis=1) > 180)[::9]
    places = random_places(512)
    difference = (
        coherence_statistics(places, exact[is_long]).median
        - coherence_statistics(places, rounded[is_long]).median
    )
    assert np.abs(difference).max() < 0.005


# --- Figures of an area ------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 10, 401, 1024])
def test_figures_are_those_of_numpy(count):
    places = random_places(count)
    days = np.array([[12, 0, 0, 0], [8, 4, 0, 0], [30, 92, 92, 10]])
    values = chained_coherence(places, days)
    found = coherence_statistics(places, days)
    np.testing.assert_allclose(found.median, np.median(values, axis=1), atol=1e-9)
    np.testing.assert_allclose(
        found.p25, np.percentile(values, 25, axis=1, method="averaged_inverted_cdf"), atol=1e-9
    )
    np.testing.assert_allclose(found.usable_fraction, (values > 0.3).mean(axis=1), atol=1e-12)
    assert found.place_count.tolist() == [count] * 3


def test_equal_shares_give_the_figures_of_pixels():
    places = random_places(8)
    weighted = DecayParameters(places.g_inf, places.g0, places.tau_days, weights=np.full(8, 0.125))
    days = np.array([[12, 0, 0, 0], [5, 5, 0, 0]])
    one, other = coherence_statistics(places, days), coherence_statistics(weighted, days)
    for name in ("median", "p25", "usable_fraction"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=1e-12)


def test_only_pixels_that_are_valid_in_all_seasons_of_the_pair_count():
    rng = np.random.default_rng(3)
    places = random_places(300)
    g_inf = places.g_inf.copy()
    g_inf[1, rng.random(300) < 0.4] = NAN
    partly = DecayParameters(g_inf, places.g0, places.tau_days)
    valid = np.isfinite(g_inf[1])
    days = np.array([[12, 0, 0, 0], [0, 12, 0, 0], [6, 6, 0, 0]])
    found = coherence_statistics(partly, days)
    assert found.place_count.tolist() == [300, int(valid.sum()), int(valid.sum())]
    expected = chained_coherence(places, days)
    assert found.median[2] == pytest.approx(np.median(expected[2, valid]), abs=1e-9)
    assert found.median[0] == pytest.approx(np.median(expected[0]), abs=1e-9)
    assert np.isnan(chained_coherence(partly, days)[2, ~valid]).all()


def test_a_season_without_pixels_is_unknown_and_never_zero():
    found = coherence_statistics(
        one_place(WINTER, None, SPRING, SPRING), np.array([[6, 6, 0, 0], [0, 0, 0, 0]])
    )
    assert np.isnan(found.median).all()
    assert np.isnan(found.p25).all()
    assert np.isnan(found.usable_fraction).all()
    assert not found.is_known.any()


def test_half_known_parameters_are_unknown():
    place = DecayParameters(np.full((4, 1), 0.2), np.full((4, 1), 0.7), np.full((4, 1), NAN))
    assert np.isnan(place.g_inf).all()
    with pytest.raises(ValueError, match=r"not \(4, n\)"):
        DecayParameters(np.zeros((3, 2)), np.zeros((3, 2)), np.ones((3, 2)))


def maps(rows: int, cols: int, seed: int = 4):
    """Smooth maps with a western third that no season knows, and 4 spring pixels."""
    y, x = np.mgrid[0:rows, 0:cols] / max(rows, cols)
    wave = 0.5 + 0.5 * np.sin(9 * x + 3 * y) * np.cos(7 * y)
    g_inf = np.stack([0.5 * wave] * 4)
    g0 = np.clip(g_inf + 0.4 * (0.3 + 0.7 * x), 0, 1)
    tau = np.stack([5 + 60 * y] * 4)
    g_inf[:, :, : cols // 3] = NAN
    g_inf[1, 1:] = NAN
    g_inf[1, :, cols // 3 + 4 :] = NAN
    return g_inf, g0, tau


def test_a_sample_of_real_size_maps_gives_the_figures_of_all_pixels():
    g_inf, g0, tau = maps(1200, 1200)
    inside = np.ones((1200, 1200), dtype=bool)
    sampled = sample_decay_maps(g_inf, g0, tau, inside)
    everything = sample_decay_maps(g_inf, g0, tau, inside, limit=10**7)
    assert (sampled.count, everything.count) == (1024, 1200 * 800)
    days = np.array([[12, 0, 0, 0], [0, 0, 12, 0], [0, 0, 40, 20], [91, 0, 92, 91]])
    one, other = coherence_statistics(sampled, days), coherence_statistics(everything, days)
    assert np.abs(one.median - other.median).max() < 0.01
    assert np.abs(one.p25 - other.p25).max() < 0.01
    again = sample_decay_maps(g_inf, g0, tau, inside)
    np.testing.assert_array_equal(again.g_inf, sampled.g_inf)


def test_a_sample_whose_step_is_one_row_still_covers_all_columns():
    columns = np.tile(np.arange(1200.0) / 1200, (1024, 1))
    g_inf = np.stack([columns] * 4)
    sampled = sample_decay_maps(g_inf, g_inf, np.full_like(g_inf, 10.0), np.ones((1024, 1200), dtype=bool))
    assert sampled.count == 1024
    assert np.median(sampled.g_inf[0]) == pytest.approx(0.5, abs=0.01)
    assert np.percentile(sampled.g_inf[0], 25) == pytest.approx(0.25, abs=0.01)


def test_few_pixels_are_counted_over_the_whole_area():
    g_inf, g0, tau = maps(300, 300)
    sampled = sample_decay_maps(g_inf, g0, tau, np.ones((300, 300), dtype=bool))
    # Spring has four pixels, which the sample of 1024 need not even hold.
    assert coherence_statistics(sampled, np.array([[12, 0, 0, 0]])).is_few.tolist() == [False]
    assert sampled.are_few([1])
    assert sampled.are_few([0, 1])
    assert not sampled.are_few([0, 2, 3])


@pytest.mark.parametrize(
    ("valid", "area", "few"), [(9, 9, True), (10, 50, False), (10, 51, True), (300, 1000, False)]
)
def test_few_is_below_ten_pixels_or_a_fifth_of_the_area(valid, area, few):
    values = np.full((4, 1, area), NAN)
    values[:, :, :valid] = 0.5
    sampled = sample_decay_maps(values, values, values * 40, np.ones((1, area), dtype=bool))
    found = coherence_statistics(sampled, np.array([[12, 0, 0, 0]]))
    assert found.place_count.tolist() == [valid]
    assert found.is_few.tolist() == [few]
    assert found.median[0] == 0.5


def test_only_the_area_is_sampled():
    values = np.full((4, 4, 4), 0.5)
    values[:, 2:] = 0.9
    inside = np.zeros((4, 4), dtype=bool)
    inside[:2] = True
    assert np.unique(sample_decay_maps(values, values, values, inside).g_inf).tolist() == [0.5]


def test_evaluation_can_be_cancelled():
    calls = []

    def is_cancelled() -> bool:
        calls.append(1)
        return len(calls) > 2

    counts = np.tile([[12, 0, 0, 0]], (5000, 1))
    with pytest.raises(Cancelled):
        coherence_statistics(random_places(1024), counts, is_cancelled)


def test_all_signatures_of_300_dates_are_known():
    days = long_stack()
    first, second = np.triu_indices(len(days), 1)
    codes = np.unique(signature_codes(rounded_season_days(season_days_of_pairs(days, first, second))))
    found = coherence_statistics(random_places(1024), days_of_codes(codes))
    assert found.is_known.all()


# --- Maps made of the model --------------------------------------------------------------------------


def test_longest_usable_days():
    days = longest_usable_days(
        np.array([0.2, 0.2, 0.5, 0.29, NAN, 0.3]), np.array([0.8, 0.25, 0.9, 0.9, 0.9, 0.3]), 20.0, 0.3
    )
    assert days[0] == pytest.approx(-20 * np.log(0.1 / 0.6))
    assert coherence_after(0.2, 0.8, 20.0, days[0]) == pytest.approx(0.3)
    assert days[1:4].tolist() == [0.0, 365.0, pytest.approx(-20 * np.log(0.01 / 0.61))]
    assert np.isnan(days[4])
    assert days[5] == 365.0
    assert longest_usable_days(0.29, 0.9, 200.0, 0.3) == 365.0


def test_best_season():
    g0 = np.array([[0.5, 0.6, NAN, 0.5], [0.7, 0.6, NAN, 0.5], [0.6, 0.5, NAN, NAN], [0.6, 0.5, NAN, 0.9]])
    g_inf = np.where(np.isnan(g0), NAN, 0.1)
    assert best_season(g_inf, g0, np.full((4, 4), 20.0), 12).tolist() == [2, 1, 0, 4]

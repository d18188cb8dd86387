# SPDX-License-Identifier: GPL-2.0-or-later
"""Which source of decay parameters speaks for a pair, and the tables of the sources that are no maps."""

from __future__ import annotations

import numpy as np
import pytest

from insarhub_qgis.core.coherence_decay import (
    DecayParameters,
    coherence_after,
    coherence_statistics,
    signature_codes,
)
from insarhub_qgis.core.decay_sources import (
    CLIMATOLOGY,
    CONFIDENCE,
    LANDCOVER,
    NO_PLACE,
    NO_SOURCE,
    S1_PIXEL,
    SOURCE_LABELS,
    WATER,
    DecaySources,
    climatology_parameters,
    evaluate_signatures,
    landcover_fraction_names,
    landcover_parameters,
)

TWELVE = np.array([[12, 0, 0, 0]])
LAND = {
    "tree_cover_frac": (10, 0.08, 0.45, 8),
    "shrub_frac": (20, 0.15, 0.65, 20),
    "grass_frac": (30, 0.12, 0.60, 15),
    "crop_frac": (40, 0.12, 0.60, 14),
    "urban_frac": (50, 0.50, 0.80, 60),
    "bare_frac": (60, 0.50, 0.85, 60),
    "snow_ice_frac": (70, 0.08, 0.40, 5),
    "wetland_frac": (90, 0.10, 0.50, 10),
    "mangrove_frac": (95, 0.08, 0.40, 7),
    "moss_frac": (100, 0.20, 0.65, 20),
}


def test_the_class_table():
    names = landcover_fraction_names()
    assert names == {**{row[0]: key for key, row in LAND.items()}, 80: "water_frac"}
    for key, (_, *decay) in LAND.items():
        found = landcover_parameters({key: 0.4, "water_frac": 0.6})
        assert [found.g_inf[0, 0], found.g0[0, 0], found.tau_days[0, 0]] == decay
        assert found.weights.tolist() == [1.0]
        assert coherence_statistics(found, TWELVE).median[0] == pytest.approx(coherence_after(*decay, 12.0))


def test_shares_without_water_give_the_weighted_figures():
    tree, town, bare = (float(coherence_after(*LAND[key][1:], 12.0)) for key in ("tree_cover_frac", "urban_frac", "bare_frac"))  # fmt: skip
    fractions = {"tree_cover_frac": 0.2, "urban_frac": 0.2, "bare_frac": 0.1, "water_frac": 0.5}
    found = coherence_statistics(landcover_parameters(fractions), TWELVE)
    # 40 % trees, 40 % town, 20 % bare: the quarter lies in the trees, the half in the town.
    assert tree < 0.3 < town < bare
    assert found.p25[0] == pytest.approx(tree)
    assert found.median[0] == pytest.approx(town)
    assert found.usable_fraction[0] == pytest.approx(0.6)
    halves = coherence_statistics(landcover_parameters({"tree_cover_frac": 0.3, "urban_frac": 0.3}), TWELVE)
    assert halves.median[0] == pytest.approx((tree + town) / 2)


@pytest.mark.parametrize(
    ("latitude", "decay"),
    [
        (0.0, (0.15, 0.55, 12)),
        (14.99, (0.15, 0.55, 12)),
        (15.0, (0.30, 0.70, 25)),
        (35.0, (0.18, 0.60, 15)),
        (50.0, (0.12, 0.50, 10)),
        (66.0, (0.12, 0.50, 10)),
        (66.01, (0.10, 0.45, 8)),
        (90.0, (0.10, 0.45, 8)),
    ],
)
def test_bands_of_latitude_in_local_winter(latitude, decay):
    north, south = climatology_parameters(latitude), climatology_parameters(-latitude)
    assert (north.g_inf[0, 0], north.g0[0, 0], north.tau_days[0, 0]) == decay
    if latitude:
        # June to August is winter in the south.
        assert (south.g_inf[2, 0], south.g0[2, 0], south.tau_days[2, 0]) == decay


def test_the_climatology_table_in_all_seasons():
    rows = {
        10: [(0.15, 0.55, 12)] * 3,
        25: [(0.30, 0.70, 25), (0.30, 0.70, 25), (0.28, 0.68, 22)],
        40: [(0.18, 0.60, 15), (0.18, 0.60, 16), (0.15, 0.55, 12)],
        60: [(0.12, 0.50, 10), (0.15, 0.55, 13), (0.15, 0.55, 14)],
        70: [(0.10, 0.45, 8), (0.15, 0.50, 12), (0.20, 0.60, 20)],
    }
    for latitude, (winter, between, summer) in rows.items():
        for sign, expected in (
            (1, [winter, between, summer, between]),
            (-1, [summer, between, winter, between]),
        ):
            found = climatology_parameters(sign * latitude)
            assert list(zip(found.g_inf[:, 0], found.g0[:, 0], found.tau_days[:, 0])) == expected
    with pytest.raises(ValueError, match="no latitude"):
        climatology_parameters(90.1)


# --- Ranking -----------------------------------------------------------------------------------------


def pixels(seasons=(0, 1, 2, 3)) -> DecayParameters:
    values = np.full((4, 20), np.nan)
    values[list(seasons)] = 0.5
    return DecayParameters(values, values + 0.2, values * 80, area_pixels=20)


def labels(sources: DecaySources, counts) -> list[str | None]:
    codes = signature_codes(np.array(counts))
    found = evaluate_signatures(sources, codes)
    return [
        None if number == NO_SOURCE else SOURCE_LABELS[number]
        for number in found.source[found.rows_of(codes)].tolist()
    ]


def test_confidence_of_each_source():
    assert CONFIDENCE == {"s1_pixel": "normal", "landcover": "low", "climatology": "very_low"}


def test_the_first_source_that_works_speaks():
    land = {"crop_frac": 1.0}
    winter, spring = (12, 0, 0, 0), (0, 12, 0, 0)
    cases = [
        (DecaySources.ranked(pixels(), land, 40.0), S1_PIXEL),
        (DecaySources.ranked(None, land, 40.0), LANDCOVER),
        (DecaySources.ranked(None, {"water_frac": 0.5}, 40.0), CLIMATOLOGY),
        (DecaySources.ranked(None, None, 40.0), CLIMATOLOGY),
        (DecaySources.ranked(None, None, None), None),
    ]
    for sources, label in cases:
        assert labels(sources, [winter, spring]) == [label, label]
    assert DecaySources.ranked(None, None, None).reason == NO_PLACE


def test_a_season_without_a_map_falls_to_the_next_source():
    sources = DecaySources.ranked(pixels(seasons=(0,)), {"crop_frac": 1.0}, 40.0)
    assert labels(sources, [(0, 12, 0, 0), (12, 0, 0, 0), (6, 6, 0, 0)]) == [LANDCOVER, S1_PIXEL, LANDCOVER]


def test_water_is_unknown_and_not_guessed_from_latitude():
    water = {"water_frac": 0.951, "urban_frac": 0.049}
    sources = DecaySources.ranked(None, water, 40.0)
    assert sources.reason == WATER
    assert labels(sources, [(12, 0, 0, 0)]) == [None]
    assert labels(DecaySources.ranked(pixels(), water, 40.0), [(12, 0, 0, 0)]) == [S1_PIXEL]
    land = DecaySources.ranked(None, {"water_frac": 0.95, "urban_frac": 0.05}, 40.0)
    assert labels(land, [(12, 0, 0, 0)]) == [LANDCOVER]


def test_known_signatures_are_taken_over_and_not_evaluated_again():
    first = evaluate_signatures(
        DecaySources.ranked(pixels()), signature_codes(np.array([[12, 0, 0, 0], [6, 0, 0, 0]]))
    )
    # Other sources: what is taken over keeps the value of the first evaluation, what is new does not have it.
    codes = signature_codes(np.array([[24, 0, 0, 0], [12, 0, 0, 0]]))
    grown = evaluate_signatures(DecaySources.ranked(None, None, 40.0), codes, first)
    assert grown.codes.tolist() == sorted(
        signature_codes(np.array([[6, 0, 0, 0], [12, 0, 0, 0], [24, 0, 0, 0]])).tolist()
    )
    rows = grown.rows_of(codes)
    assert [SOURCE_LABELS[number] for number in grown.source[rows].tolist()] == [CLIMATOLOGY, S1_PIXEL]
    assert grown.statistics.median[rows[1]] == pytest.approx(float(coherence_after(0.5, 0.7, 40.0, 12.0)))

# SPDX-License-Identifier: GPL-2.0-or-later
"""The score: documented figures, missing inputs, wet snow, presets, classes, speed."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from insarhub_qgis.core.date_inputs import DateInputs
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.pair_score import (
    ARID,
    COHERENCE_ONLY,
    COLD,
    GREEN_CLASS,
    MISSING_NAMES,
    MODIFIERS,
    PRESETS,
    RED_CLASS,
    STANDARD,
    TROPICS,
    UNKNOWN_CLASS,
    YELLOW_CLASS,
    ClassLimits,
    ScoreWeights,
    count_missing,
    missing_inputs,
    missing_names,
    pair_penalties,
    preset_of,
    rain_penalty,
    rounded_scores,
    score_classes,
    score_pairs,
    snow_penalty,
)

NAN = float("nan")
FIRST, SECOND = np.array([0]), np.array([1])


def judged(
    g,
    *,
    weights=None,
    bperp=0.0,
    fire=0.0,
    rain=(0, 0),
    snow=(0, 0),
    air=(5, 5),
    soil=(NAN, NAN),
    ndvi=(0.5, 0.5),
):
    """Score, missing names and penalties of one pair; benign where nothing is given."""
    dates = DateInputs.of(2, rain_mm=rain, snow_cover=snow, air_c=air, soil_c=soil, ndvi=ndvi)
    penalties = pair_penalties(
        dates, FIRST, SECOND, np.array([bperp], dtype=float), np.array([fire], dtype=float)
    )
    score = score_pairs(np.array([g]), penalties, weights or ScoreWeights())[0]
    return float(score), missing_names(int(missing_inputs(penalties, [g])[0])), penalties


COLD_AIR = {"air": (-5, -5)}


@pytest.mark.parametrize(
    ("g", "others", "expected"),
    [
        (0.40, {}, 100.0),
        (0.28, {}, 60.0),
        (0.19, {}, 30.0),
        (0.10, {}, 0.0),
        (0.31, {"bperp": 50.0}, 69.3),
        (0.31, {"bperp": -50.0}, 69.3),
        (0.40, {"rain": (15, 0)}, 82.5),
        (0.40, {"rain": (0, 15)}, 82.5),
        (0.40, {"rain": (30, 45)}, 42.3),
        (0.36, {"snow": (0, 0.6), **COLD_AIR}, 49.8),
        (0.50, {"air": (-3, 3)}, 70.0),
        (0.50, {"soil": (1, -1), "air": (9, 9)}, 70.0),
        (0.34, {"ndvi": (0.3, 0.5)}, 68.0),
        (0.40, {"fire": 0.10}, 50.0),
        (0.40, {"fire": 0.60}, 50.0),
        (0.55, {"bperp": 150.0, "rain": (6, 3), "air": (-1, 4)}, 60.9),
    ],
)
def test_documented_scores(g, others, expected):
    score, missing, _ = judged(g, **others)
    assert score == expected
    assert missing == ()


def test_documented_missing_rain():
    score, missing, _ = judged(0.40, rain=(0, NAN))
    assert (score, missing) == (100.0, ("rain_2",))


def test_documented_wet_snow():
    score, _, penalties = judged(0.70, snow=(0, 0.5), air=(5, 2))
    assert score == 0.0
    assert penalties.wet_dates.tolist() == [2]


@pytest.mark.parametrize(
    ("snow", "air", "wet"),
    [
        ((0.30, 0), (0.1, 5), 1),
        ((0.29, 0), (9, 5), 0),
        ((0.30, 0), (0.0, 5), 0),
        ((0.5, 0.5), (1, 1), 3),
        ((0.5, 0.5), (-1, 1), 2),
        ((NAN, 0), (9, 9), 0),
    ],
)
def test_wet_snow_needs_a_third_of_the_area_and_air_above_zero(snow, air, wet):
    assert judged(0.9, snow=snow, air=air)[2].wet_dates.tolist() == [wet]


def test_wet_snow_overrides_unknown_decay_and_every_preset():
    for weights in PRESETS.values():
        score, missing, _ = judged(NAN, weights=weights, snow=(0, 0.5), air=(5, 2))
        assert (score, "decay" in missing) == (0.0, True)


def test_without_decay_the_score_is_unknown():
    score, missing, _ = judged(NAN)
    assert np.isnan(score)
    assert missing == ("decay",)
    assert score_classes([score]).tolist() == [UNKNOWN_CLASS]


@pytest.mark.parametrize(
    ("others", "missing"),
    [
        ({"bperp": NAN}, ("geometric",)),
        ({"rain": (NAN, NAN)}, ("rain_1", "rain_2")),
        ({"snow": (NAN, 0.1)}, ("snow_change", "dry_snow")),
        ({"snow": (0.2, 0.1), "air": (NAN, NAN), "soil": (1, 1)}, ("dry_snow",)),
        ({"snow": (0.4, 0.1), "air": (NAN, 2), "soil": (1, 1)}, ("dry_snow", "wet_snow_test")),
        ({"air": (NAN, 2)}, ("freeze_thaw",)),
        ({"ndvi": (NAN, 0.4)}, ("vegetation",)),
        ({"fire": NAN}, ("fire",)),
    ],
)
def test_each_missing_input_is_named_and_takes_nothing(others, missing):
    weights = replace(ScoreWeights(), snow_change=0.0)
    score, found, _ = judged(0.34, weights=weights, **others)
    assert found == missing
    assert score == 80.0


def test_without_snow_no_temperature_is_needed_for_it():
    assert judged(0.4, air=(NAN, NAN), soil=(3, 3))[1] == ()


def test_a_wet_date_needs_no_test_of_the_other_one():
    score, missing, _ = judged(0.4, snow=(0.5, 0.5), air=(NAN, 2), soil=(1, 1))
    assert score == 0.0
    assert "wet_snow_test" not in missing


@pytest.mark.parametrize(
    ("snow", "air", "dry"),
    [
        ((0.2, 0.1), (-1, 5), 0.2),
        ((0.2, 0.1), (1, -5), 0.0),
        ((0.1, 0.2), (5, 0), 0.2),
        ((0.2, 0.2), (5, -1), 0.2),
        ((0.2, 0.2), (5, 5), 0.0),
        ((0.2, 0.2), (NAN, -1), 0.2),
        ((0.2, 0.2), (NAN, 1), NAN),
        ((0.2, 0.1), (NAN, -1), NAN),
        ((0.2, 0.1), (-1, NAN), 0.2),
    ],
)
def test_dry_snow_counts_where_it_is_cold_on_the_snowy_date(snow, air, dry):
    found = judged(0.4, snow=snow, air=air)[2].penalties[MODIFIERS.index("dry_snow"), 0]
    np.testing.assert_equal(float(found), dry)


def test_the_soil_decides_on_frost_where_it_is_known():
    for soil, air, expected in (
        ((NAN, -1), (3, 3), 1.0),
        ((-1, -1), (3, -9), 0.0),
        ((NAN, NAN), (0, 0.1), 1.0),
    ):
        found = judged(0.4, soil=soil, air=air)[2].penalties[MODIFIERS.index("freeze_thaw"), 0]
        assert found == expected


def test_each_modifier_takes_its_weight():
    inputs = {
        "rain": {"rain": (30, 0)},
        "snow_change": {"snow": (0, 1), **COLD_AIR, "weights": replace(ScoreWeights(), dry_snow=0.0)},
        "dry_snow": {"snow": (1, 1), **COLD_AIR},
        "freeze_thaw": {"air": (-1, 1)},
        "vegetation": {"ndvi": (0, 0.4)},
        "fire": {"fire": 0.1},
    }
    assert set(inputs) == {item.name for item in fields(ScoreWeights)}
    for name, others in inputs.items():
        assert judged(0.4, **others)[0] == pytest.approx(100 * (1 - getattr(ScoreWeights(), name))), name


# --- Weights and classes -----------------------------------------------------------------------------


def test_presets():
    assert PRESETS[STANDARD] == ScoreWeights(0.35, 0.50, 0.30, 0.30, 0.30, 0.50)
    assert PRESETS[ARID] == ScoreWeights(0.50, 0.50, 0.30, 0.30, 0.10, 0.50)
    assert PRESETS[COLD] == ScoreWeights(0.35, 0.60, 0.40, 0.40, 0.30, 0.50)
    assert PRESETS[TROPICS] == ScoreWeights(0.25, 0.50, 0.30, 0.30, 0.40, 0.50)
    assert PRESETS[COHERENCE_ONLY] == ScoreWeights(0, 0, 0, 0, 0, 0)
    assert [preset_of(weights) for weights in PRESETS.values()] == list(PRESETS)
    assert preset_of(replace(ScoreWeights(), rain=0.36)) is None


def test_coherence_only_leaves_baseline_and_wet_snow():
    everything = {"rain": (90, 90), "snow": (0, 0.2), "air": (-1, 1), "ndvi": (0, 1), "fire": 1.0}
    weights = PRESETS[COHERENCE_ONLY]
    assert judged(0.31, weights=weights, **everything)[0] == 70.0
    assert judged(0.31, weights=weights, bperp=50.0, **everything)[0] == 69.3


def test_weights_are_checked_and_read_back():
    for preset in PRESETS.values():
        preset.check()
        assert ScoreWeights.from_json(preset.to_json()) == preset
    assert ScoreWeights.from_json({"rain": 2, "fire": "x", "vegetation": 0.1}) == replace(
        ScoreWeights(), vegetation=0.1
    )
    assert ScoreWeights.from_json(None) == ScoreWeights()
    for wrong in (-0.1, 1.1, NAN, True):
        with pytest.raises(InsarError, match=r"quality\.bad_weight"):
            replace(ScoreWeights(), dry_snow=wrong).check()


def test_classes_follow_the_rounded_score():
    scores = rounded_scores([100, 60, 59.96, 59.94, 30, 29.96, 29.94, 0, NAN])
    assert scores[:-1].tolist() == [100, 60, 60, 59.9, 30, 30, 29.9, 0]
    green, yellow, red = GREEN_CLASS, YELLOW_CLASS, RED_CLASS
    assert score_classes(scores).tolist() == [
        green,
        green,
        green,
        yellow,
        yellow,
        yellow,
        red,
        red,
        UNKNOWN_CLASS,
    ]
    assert score_classes([50.0, 20.0, 10.0], ClassLimits(50, 20)).tolist() == [green, yellow, red]


def test_halves_go_away_from_zero_whatever_the_last_bit():
    values = np.arange(0, 1000) / 10
    np.testing.assert_allclose(rounded_scores(values), values, atol=1e-12)
    np.testing.assert_allclose(rounded_scores(values + 0.05), values + 0.1, atol=1e-12)
    np.testing.assert_allclose(rounded_scores(np.nextafter(values + 0.05, 0)), values + 0.1, atol=1e-12)
    np.testing.assert_allclose(rounded_scores(values + 0.044), values, atol=1e-12)


# --- Many pairs --------------------------------------------------------------------------------------


def many(count: int, dates: int = 200, seed: int = 5):
    rng = np.random.default_rng(seed)

    def some(values):
        return np.where(rng.random(dates) < 0.1, NAN, values)

    inputs = DateInputs.of(
        dates,
        rain_mm=some(rng.exponential(8, dates)),
        snow_cover=some(np.clip(rng.normal(0, 0.3, dates), 0, 1)),
        air_c=some(rng.normal(4, 8, dates)),
        soil_c=some(rng.normal(5, 6, dates)),
        ndvi=some(rng.uniform(0, 0.9, dates)),
    )
    first, second = (rows[:count] for rows in np.triu_indices(dates, 1))
    bperp = np.where(rng.random(len(first)) < 0.1, NAN, rng.normal(0, 100, len(first)))
    fire = np.where(rng.random(len(first)) < 0.1, NAN, rng.exponential(0.02, len(first)))
    g = np.where(rng.random(len(first)) < 0.05, NAN, rng.uniform(0.05, 0.8, len(first)))
    return inputs, first, second, bperp, fire, g


def test_many_pairs_score_as_each_alone():
    inputs, first, second, bperp, fire, g = many(3000)
    penalties = pair_penalties(inputs, first, second, bperp, fire)
    scores = score_pairs(g, penalties, ScoreWeights())
    missing = missing_inputs(penalties, g)
    assert 0 < np.isnan(scores).sum() < len(scores)
    assert (penalties.wet_dates > 0).any()
    for index in range(0, 3000, 37):
        one, other = first[index], second[index]

        def of(values, one=one, other=other):
            return (values[one], values[other])

        alone, names, _ = judged(
            g[index],
            bperp=bperp[index],
            fire=fire[index],
            rain=of(inputs.rain_mm),
            snow=of(inputs.snow_cover),
            air=of(inputs.air_c),
            soil=of(inputs.soil_c),
            ndvi=of(inputs.ndvi),
        )
        np.testing.assert_equal(alone, float(scores[index]))
        assert names == missing_names(int(missing[index]))


def test_counts_of_missing_inputs():
    inputs, first, second, bperp, fire, g = many(3000)
    penalties = pair_penalties(inputs, first, second, bperp, fire)
    missing = missing_inputs(penalties, g)
    counts = count_missing(missing)
    assert counts["geometric"] == int(np.isnan(bperp).sum())
    assert counts["decay"] == int(np.isnan(g).sum())
    assert counts["rain_1"] == int(np.isnan(inputs.rain_mm[first]).sum())
    assert set(counts) == set(MISSING_NAMES)
    assert count_missing(missing[:0]) == {}


def test_largest_rain_and_snow_penalties():
    _, _, penalties = judged(0.4, rain=(NAN, 15), snow=(0.1, 0.2), air=(-1, -1))
    assert rain_penalty(penalties.penalties).tolist() == [0.5]
    assert snow_penalty(penalties.penalties).tolist() == [0.2]
    _, _, unknown = judged(0.4, rain=(NAN, NAN), snow=(NAN, 0))
    assert np.isnan([rain_penalty(unknown.penalties)[0], snow_penalty(unknown.penalties)[0]]).all()

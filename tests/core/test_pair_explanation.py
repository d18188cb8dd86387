# SPDX-License-Identifier: GPL-2.0-or-later
"""The factor list of a pair: points that add up, values with units, sources and dates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from insarhub_qgis.core.coherence_decay import DecayParameters
from insarhub_qgis.core.date_inputs import INPUTS, DateInputs
from insarhub_qgis.core.decay_sources import DecaySources
from insarhub_qgis.core.fire_history import FireHistory
from insarhub_qgis.core.pair_database import QualityInputs, build_pair_table, judge_pairs
from insarhub_qgis.core.pair_explanation import explain_pair
from insarhub_qgis.core.pair_score import COHERENCE_ONLY, PRESETS
from tests.makers.network_jobs import make_stack, random_days
from tests.makers.quality_inputs import NAN, random_inputs


def stack(g: float = 0.55, **values) -> QualityInputs:
    nodes, baselines = make_stack([10, 22], [0.0, 150.0])
    level = np.full((4, 20), g)
    pixels = DecayParameters(level, level, np.full((4, 20), 200.0), area_pixels=20)
    inputs = {
        "rain_mm": [6, 3],
        "snow_cover": [0, 0],
        "air_c": [-1, 4],
        "soil_c": [NAN, NAN],
        "ndvi": [0.3, 0.3],
        **values,
    }
    dates = DateInputs.of(2, **inputs, sources={name: ["one", "two"] for name in INPUTS})
    first, last = nodes[0].date, nodes[1].date
    cell = np.array([0], dtype=np.int64)
    fires = FireHistory(
        first.fromordinal(first.toordinal() - 3), last, cell + first.toordinal(), cell, np.array([0.05])
    )
    return QualityInputs(nodes, dates, baselines, DecaySources.ranked(pixels), fires)


def test_points_of_the_documented_pair():
    inputs = replace(stack(), fires=None)
    found = explain_pair(judge_pairs(inputs, [0], [1]), 0)
    day_1, day_2 = found.dates
    assert [factor.name for factor in found.factors] == [
        "coherence",
        "geometric",
        "rain_1",
        "rain_2",
        "snow_change",
        "dry_snow",
        "freeze_thaw",
        "vegetation",
    ]
    by_name = {factor.name: factor for factor in found.factors}
    assert by_name["geometric"].multiplier == pytest.approx(0.97)
    assert by_name["geometric"].points_lost == pytest.approx(3.0)
    assert by_name["rain_1"].points_lost == pytest.approx(97 * 0.07)
    assert by_name["rain_2"].points_lost == pytest.approx(97 * 0.93 * 0.035)
    assert by_name["freeze_thaw"].points_lost == pytest.approx(97 * 0.93 * 0.965 * 0.3)
    rain = by_name["rain_2"]
    assert (rain.values, rain.unit, rain.source, rain.dates) == ((3.0,), "mm", "two", (day_2,))
    assert (rain.penalty, rain.weight) == (pytest.approx(0.1), 0.35)
    frost = by_name["freeze_thaw"]
    assert (frost.values, frost.unit, frost.source) == ((-1.0, 4.0), "°C", "one, two")
    assert frost.dates == (day_1, day_2)
    assert by_name["coherence"].source == "s1_pixel"
    assert (by_name["geometric"].values, by_name["geometric"].unit) == ((150.0,), "m")
    assert [factor.name for factor in found.largest] == ["freeze_thaw", "rain_1", "rain_2"]
    assert found.season_days == (12, 0, 0, 0)
    assert found.verdict.missing == ("fire",)
    assert found.verdict.score == 60.9
    assert sum(factor.points_lost for factor in found.factors) == pytest.approx(100 - 60.937, abs=1e-3)


def test_points_add_up_to_the_score_of_every_pair():
    table = build_pair_table(random_inputs(random_days(8, gaps=False)[:30], seed=8, gaps=0.1))
    checked = 0
    for row in range(len(table.pairs)):
        found = explain_pair(table.pairs, row)
        if found.verdict.reason == "wet_snow":
            assert found.verdict.score == 0
            assert found.wet_dates
            assert set(found.wet_dates) <= set(found.dates)
            continue
        lost = sum(factor.points_lost for factor in found.factors)
        assert found.verdict.score == pytest.approx(100 - lost, abs=0.0551)
        names = [factor.name for factor in found.factors]
        assert not set(names) & set(found.verdict.missing)
        assert not found.wet_dates
        checked += 1
    assert checked > 100


def test_soil_is_the_value_of_frost_where_it_is_known():
    pairs = judge_pairs(stack(soil_c=[-2.5, NAN]), [0], [1])
    frost = next(factor for factor in explain_pair(pairs, 0).factors if factor.name == "freeze_thaw")
    assert frost.values == (-2.5, 4.0)


def test_fire_is_the_share_of_the_area():
    fire = next(
        factor for factor in explain_pair(judge_pairs(stack(), [0], [1]), 0).factors if factor.name == "fire"
    )
    assert fire.values == (pytest.approx(0.05),)
    assert (fire.penalty, fire.multiplier) == (pytest.approx(0.5), pytest.approx(0.75))


def test_unknown_coherence_has_factors_without_points():
    inputs = replace(stack(), decay=DecaySources(()))
    found = explain_pair(judge_pairs(inputs, [0], [1]), 0)
    assert found.verdict.score is None
    assert found.verdict.reason == "no_place"
    assert "coherence" not in [factor.name for factor in found.factors]
    assert {factor.points_lost for factor in found.factors} == {None}
    assert [factor.name for factor in found.largest] == ["freeze_thaw", "fire", "rain_1"]


def test_wet_snow_names_its_date():
    found = explain_pair(judge_pairs(stack(snow_cover=[0, 0.6], air_c=[-1, 4]), [0], [1]), 0)
    assert found.verdict.reason == "wet_snow"
    assert found.wet_dates == (found.dates[1],)
    assert found.verdict.score == 0.0


def test_weights_of_nothing_take_nothing():
    pairs = judge_pairs(stack(), [0], [1], PRESETS[COHERENCE_ONLY])
    found = explain_pair(pairs, 0)
    assert [factor.name for factor in found.largest] == ["geometric"]
    assert found.verdict.score == 97.0

# SPDX-License-Identifier: GPL-2.0-or-later
"""All pairs of a stack: the same verdict however it is asked for, growth, files, sizes and times."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from insarhub_qgis.core import decay_sources, pair_database
from insarhub_qgis.core.coherence_decay import DecayParameters, coherence_after, coherence_statistics
from insarhub_qgis.core.date_inputs import DateInputs
from insarhub_qgis.core.decay_sources import DecaySources
from insarhub_qgis.core.errors import Cancelled
from insarhub_qgis.core.network_dates import Node, nodes_of_scenes
from insarhub_qgis.core.pair_baselines import PairBaselines
from insarhub_qgis.core.pair_database import (
    CURRENT,
    GROWN,
    INCOMPLETE,
    MISSING,
    OUTDATED,
    REWEIGHTED,
    PairTable,
    QualityInputs,
    build_pair_table,
    database_state,
    judge_pairs,
    score_basis,
)
from insarhub_qgis.core.pair_score import ARID, PRESETS, ScoreWeights
from insarhub_qgis.core.quality_files import PAIR_DATABASE_NAME, begin_pair_database, read_pair_database
from insarhub_qgis.core.scenes import order_pair
from tests.makers.network_jobs import make_stack, random_days, scene_name
from tests.makers.quality_inputs import NAN, random_decay, random_inputs, without_dates

LARGE = 300


def large_days() -> list[int]:
    return np.cumsum(np.random.default_rng(2).choice([6, 12], LARGE, p=[0.6, 0.4])).tolist()


@pytest.fixture(scope="module")
def large() -> PairTable:
    return build_pair_table(random_inputs(large_days(), pixels=1024))


def same_verdicts(one: PairTable, other: PairTable) -> None:
    """Every pair of the first table has the same verdict in the second one, found by its scenes."""
    assert len(one.pairs) > 0
    for first, second in itertools.combinations(range(len(one.inputs.nodes)), 2):
        scenes = (one.inputs.nodes[first].scenes[0], one.inputs.nodes[second].scenes[0])
        assert one.verdict(first, second) == other.verdict_of_scenes(*scenes)


# --- One verdict -------------------------------------------------------------------------------------


def test_a_verdict_by_hand():
    """The documented pair: 12 winter days at (0.30, 0.80, 40 d), 150 m, rain 6 and 3 mm, freeze-thaw."""
    nodes, baselines = make_stack([10, 22], [0.0, -150.0])
    values = np.full((4, 30), NAN)
    values[0] = 1.0
    pixels = DecayParameters(values * 0.30, values * 0.80, values * 40.0, area_pixels=30)
    dates = DateInputs.of(2, rain_mm=[6, 3], snow_cover=[0, 0], air_c=[-1, 4], ndvi=[0.3, 0.3])
    table = build_pair_table(QualityInputs(nodes, dates, baselines, DecaySources.ranked(pixels)))
    found = table.verdict(1, 0)
    assert found == table.verdict(0, 1)
    assert (found.dt_days, found.bperp_m, found.source) == (12, -150.0, "s1_pixel")
    assert found.coherence == pytest.approx(0.6704, abs=5e-5)
    assert found.p25 == pytest.approx(0.6704, abs=5e-5)
    assert found.usable_fraction == 1.0
    assert found.score == 60.9
    assert found.missing == ("fire",)
    assert found.reason is None
    assert not found.has_few_pixels
    (factors,) = table.pairs.database_factors()
    assert factors == {
        "dt_days": 12,
        "bperp_diff": 150.0,
        "coherence_expected": 0.67,
        "snow_cover_d1": 0.0,
        "snow_cover_d2": 0.0,
        "precip_3d_d1": 6.0,
        "precip_3d_d2": 3.0,
        "score": 0.609,
    }
    assert table.pairs.stack_factors(np.array([0])) == [
        {"coherence": 0.67, "ndvi": 0.3, "snow": 0.0, "rain": 0.2}
    ]


def test_nothing_known_is_unknown_and_never_zero(tmp_path):
    nodes, _ = make_stack([0, 12, 24], [None, None, None])
    inputs = QualityInputs(nodes, DateInputs.of(3))
    table = build_pair_table(inputs)
    found = table.verdict(0, 1)
    assert (found.score, found.coherence, found.bperp_m, found.source) == (None, None, None, None)
    assert found.reason == "no_place"
    assert {"geometric", "rain_1", "rain_2", "decay", "fire"} <= set(found.missing)
    assert table.pairs.database_factors() == [{"dt_days": days} for days in (12, 24, 12)]
    table.write(tmp_path)
    database = read_pair_database(tmp_path)
    assert (database.is_complete, database.pair_count, dict(database.scores)) == (True, 3, {})
    assert dict(database.factors) == {}


def test_water_is_the_reason():
    nodes, baselines = make_stack([0, 12])
    sources = DecaySources.ranked(None, {"water_frac": 0.99}, 40.0)
    assert (
        build_pair_table(QualityInputs(nodes, DateInputs.of(2), baselines, sources)).verdict(0, 1).reason
        == "water"
    )


def test_wet_snow_is_written_as_zero(tmp_path):
    nodes, baselines = make_stack([0, 12])
    dates = DateInputs.of(2, snow_cover=[0, 0.5], air_c=[-3, 2])
    table = build_pair_table(QualityInputs(nodes, dates, baselines))
    assert (table.verdict(0, 1).score, table.verdict(0, 1).reason) == (0.0, "wet_snow")
    table.write(tmp_path)
    assert list(read_pair_database(tmp_path).scores.values()) == [0.0]


def test_pairs_on_demand_have_the_verdict_of_the_build():
    inputs = random_inputs(random_days(3, gaps=True), seed=3, gaps=0.1)
    table = build_pair_table(inputs)
    for first, second in itertools.combinations(range(0, len(inputs.nodes), 7), 2):
        assert judge_pairs(inputs, [first], [second]).verdict(0) == table.verdict(first, second)
        assert table.verdict(second, first) == table.verdict(first, second)


def test_rows_of_all_pairs_and_of_none():
    table = build_pair_table(random_inputs(list(range(0, 120, 12))))
    places = [table.row(first, second) for first, second in itertools.combinations(range(10), 2)]
    assert places == list(range(45))
    assert [table.row(9, 0), table.row(0, 9)] == [8, 8]
    for wrong in ((0, 0), (0, 10), (-1, 3)):
        with pytest.raises(IndexError):
            table.row(*wrong)
    assert table.verdict_of_scenes("S1A_20200101", table.inputs.nodes[0].scenes[0]) is None


@pytest.mark.parametrize("count", [0, 1, 2])
def test_small_stacks(count, tmp_path):
    nodes, baselines = make_stack([12 * number for number in range(count)])
    sources = DecaySources.ranked(random_decay(50))
    table = build_pair_table(QualityInputs(nodes, DateInputs.of(count), baselines, sources))
    assert len(table.pairs) == count * (count - 1) // 2
    table.write(tmp_path)
    assert len(read_pair_database(tmp_path).scores) == len(table.pairs)


def test_inputs_must_belong_to_the_dates():
    nodes, _ = make_stack([0, 12])
    with pytest.raises(ValueError, match="inputs of 3 dates"):
        QualityInputs(nodes, DateInputs.of(3))
    with pytest.raises(ValueError, match="order of time"):
        QualityInputs(nodes[::-1], DateInputs.of(2))


# --- Growth ------------------------------------------------------------------------------------------


def test_adding_scenes_changes_no_old_score():
    days = random_days(5, gaps=False)
    whole = random_inputs(days, seed=5, gaps=0.1)
    before = build_pair_table(without_dates(whole, [0, 17, len(days) - 1]))
    after = build_pair_table(whole, previous=before)
    same_verdicts(before, after)
    fresh = build_pair_table(whole)
    np.testing.assert_array_equal(after.pairs.score, fresh.pairs.score)
    np.testing.assert_array_equal(after.pairs.coherence.p25, fresh.pairs.coherence.p25)
    np.testing.assert_array_equal(after.pairs.missing, fresh.pairs.missing)


def test_removing_scenes_changes_no_score():
    whole = random_inputs(random_days(6, gaps=False), seed=6)
    same_verdicts(build_pair_table(without_dates(whole, [3, 4])), build_pair_table(whole))


def test_growth_evaluates_only_new_signatures(monkeypatch):
    whole = random_inputs(large_days()[:80])
    before = build_pair_table(without_dates(whole, [79]))
    counted = []
    from insarhub_qgis.core import decay_sources

    evaluate = decay_sources.coherence_statistics

    def count(parameters, counts, is_cancelled):
        counted.append(len(counts))
        return evaluate(parameters, counts, is_cancelled)

    monkeypatch.setattr(decay_sources, "coherence_statistics", count)
    build_pair_table(whole, previous=before)
    assert 0 < sum(counted) <= 79
    counted.clear()
    other_maps = replace(whole, decay=DecaySources.ranked(random_decay(256, seed=9)))
    after = build_pair_table(other_maps, previous=before)
    assert sum(counted) > 1000
    np.testing.assert_array_equal(after.pairs.score, build_pair_table(other_maps).pairs.score)


def test_a_value_that_arrives_later_is_used():
    whole = random_inputs(list(range(0, 240, 12)))
    rain = whole.dates.rain_mm.copy()
    rain[-1] = NAN
    before = build_pair_table(replace(whole, dates=replace(whole.dates, rain_mm=rain)))
    assert "rain_2" in before.verdict(0, 19).missing
    after = build_pair_table(whole, previous=before)
    assert "rain_2" not in after.verdict(0, 19).missing
    same_verdicts(after, build_pair_table(whole))


def test_new_weights_change_scores_only():
    table = build_pair_table(random_inputs(list(range(0, 360, 12)), gaps=0.1))
    arid = table.with_weights(PRESETS[ARID])
    fresh = build_pair_table(table.inputs, PRESETS[ARID])
    np.testing.assert_array_equal(arid.pairs.score, fresh.pairs.score)
    assert (arid.pairs.score != table.pairs.score).any()
    assert arid.pairs.coherence is table.pairs.coherence


def test_the_state_of_a_database(tmp_path):
    inputs = random_inputs(list(range(0, 120, 12)))
    names = [scene for node in inputs.nodes for scene in node.scenes]
    table = build_pair_table(inputs)
    kept, wanted = table.pairs.section(), score_basis(inputs, ScoreWeights())

    def state(**more):
        values = {"names": names, "kept": kept, "wanted": wanted, **more}
        return database_state(read_pair_database(tmp_path), values["names"], values["kept"], values["wanted"])

    assert state() == MISSING
    begin_pair_database(tmp_path, len(names))
    assert state() == INCOMPLETE
    table.write(tmp_path)
    assert state() == CURRENT
    assert state(names=names[2:]) == CURRENT
    assert state(names=[*names, scene_name(500)]) == GROWN
    assert state(wanted=score_basis(inputs, PRESETS[ARID])) == REWEIGHTED
    others = replace(inputs, decay=DecaySources.ranked(random_decay(256, seed=9)))
    assert state(wanted=score_basis(others, ScoreWeights())) == OUTDATED
    assert state(wanted=score_basis(replace(inputs, aoi_hash="ffffffff"), ScoreWeights())) == OUTDATED
    assert state(kept=None) == OUTDATED
    again = score_basis(random_inputs(list(range(0, 240, 12))), ScoreWeights())
    assert again == wanted


def test_what_the_config_keeps():
    inputs = random_inputs(list(range(0, 120, 12)))
    rain = inputs.dates.rain_mm.copy()
    rain[0] = NAN
    section = build_pair_table(replace(inputs, dates=replace(inputs.dates, rain_mm=rain))).pairs.section()
    assert section["preset"] == "standard"
    assert section["weights"]["rain"] == 0.35
    assert section["decay_source"] == {"s1_pixel": 45}
    assert section["missing"] == {"rain_1": 9}
    own = build_pair_table(inputs, replace(ScoreWeights(), rain=0.2)).pairs.section()
    assert own["preset"] == "own"


# --- Files -------------------------------------------------------------------------------------------


def test_the_documents_are_read_back(tmp_path):
    inputs = random_inputs(random_days(7, gaps=True)[:40], seed=7, gaps=0.1)
    table = build_pair_table(inputs)
    assert table.write(tmp_path) is None
    database = read_pair_database(tmp_path)
    assert database.is_complete
    assert database.pair_count == 780
    assert list(database.scene_names) == table.scene_names()
    factors = table.pairs.database_factors()
    for first, second in itertools.combinations(range(40), 2):
        pair = order_pair(inputs.nodes[first].scenes[0], inputs.nodes[second].scenes[0])
        score = table.verdict(first, second).score
        if score is None:
            assert pair not in database.scores
            assert pair not in database.factors
        else:
            assert database.scores[pair] == pytest.approx(score, abs=1e-9)
            assert database.factors[pair] == factors[table.row(first, second)]


def test_granules_of_one_date_share_the_verdict(tmp_path):
    names = [scene_name(day, second) for day in (0, 12, 24) for second in (9, 34)] + [scene_name(36, 34)]
    nodes, _ = nodes_of_scenes(names)
    inputs = QualityInputs(nodes, DateInputs.of(4), PairBaselines(), DecaySources.ranked(random_decay(50)))
    table = build_pair_table(inputs)
    table.write(tmp_path)
    database = read_pair_database(tmp_path)
    assert (database.scene_count, database.pair_count) == (7, 21)
    # Two frames on three dates, one on the last: 3 x 2 + 3 x 1 pairs, none across frames.
    assert len(database.scores) == 9
    for pair, score in database.scores.items():
        assert pair.reference[25:32] == pair.secondary[25:32]
        assert score == pytest.approx(table.verdict_of_scenes(*pair).score)


def test_building_and_writing_can_be_cancelled(tmp_path, large):
    with pytest.raises(Cancelled):
        build_pair_table(large.inputs, is_cancelled=lambda: True)
    with pytest.raises(Cancelled):
        large.write(tmp_path, is_cancelled=lambda: True)
    assert not (tmp_path / PAIR_DATABASE_NAME).exists()


# --- 300 dates ---------------------------------------------------------------------------------------


def evaluated_signatures(monkeypatch):
    """A list that grows by the number of signatures at each evaluation of the decay over the places."""
    counts = []

    def count(parameters, days, *more):
        counts.append(len(days))
        return coherence_statistics(parameters, days, *more)

    monkeypatch.setattr(decay_sources, "coherence_statistics", count)
    return counts


def test_300_dates_are_built_and_written_whole(tmp_path, large, monkeypatch):
    evaluated = evaluated_signatures(monkeypatch)
    table = build_pair_table(large.inputs)
    # The decay of a signature is evaluated once, however many of the pairs have it.
    assert evaluated[0] == len(table.pairs.evaluation.codes) < len(table.pairs) / 3
    table.write(tmp_path)
    size = (tmp_path / PAIR_DATABASE_NAME).stat().st_size
    assert 15e6 < size <= 20e6
    database = read_pair_database(tmp_path)
    known = int(np.isfinite(table.pairs.score).sum())
    assert (len(table.pairs), len(database.scores)) == (44_850, known)
    assert len(database.factors) > 34_000


def test_factors_of_the_longest_pairs_give_way_to_scores(tmp_path, large):
    large.write(tmp_path, byte_limit=9_000_000)
    database = read_pair_database(tmp_path)
    assert (tmp_path / PAIR_DATABASE_NAME).stat().st_size <= 9_000_000
    assert len(database.scores) == int(np.isfinite(large.pairs.score).sum())
    longest = max(values["dt_days"] for values in database.factors.values())
    left_out = set(database.scores) - set(database.factors)
    assert left_out
    assert min(pair.temporal_baseline_days for pair in left_out) >= longest


def test_looking_a_pair_up_judges_nothing_again(large, monkeypatch):
    def judge(*_):
        raise AssertionError("judged again")

    rng = np.random.default_rng(4)
    nodes = large.inputs.nodes
    for name in ("evaluate_signatures", "pair_penalties", "score_pairs"):
        monkeypatch.setattr(pair_database, name, judge)
    for _ in range(2000):
        one, other = rng.choice(LARGE, 2, replace=False).tolist()
        found = large.verdict_of_scenes(nodes[one].scenes[0], nodes[other].scenes[0])
        np.testing.assert_equal(found.score, large.scores.get((min(one, other), max(one, other))))


def test_one_more_scene_evaluates_only_new_signatures(large, monkeypatch):
    before = build_pair_table(without_dates(large.inputs, [LARGE - 1]))
    evaluated = evaluated_signatures(monkeypatch)
    after = build_pair_table(large.inputs, previous=before)
    new = np.setdiff1d(after.pairs.evaluation.codes, before.pairs.evaluation.codes)
    assert sum(evaluated) == len(new) < len(before.pairs.evaluation.codes) / 20
    np.testing.assert_array_equal(after.pairs.score, large.pairs.score)


def test_300_dates_agree_with_each_pixel_evaluated_alone(large):
    """Exact days, every pixel, by the formula: the figures of the table stay within 0.005."""
    (source, *_) = large.inputs.decay.sources
    parameters = source.parameters
    rows = np.random.default_rng(5).choice(len(large.pairs), 60, replace=False)
    for row in rows.tolist():
        days = large.pairs.season_days[row]
        share = days / days.sum()
        floor, start = share @ parameters.g_inf, share @ parameters.g0
        exponent = (days[:, None] / parameters.tau_days).sum(axis=0)
        expected = coherence_after(floor, start, 1.0, exponent)
        assert large.pairs.coherence.median[row] == pytest.approx(np.median(expected), abs=0.005)


def test_nodes_are_the_only_place_of_scenes():
    node = Node(make_stack([0])[0][0].date, ("x", "y"))
    table = build_pair_table(QualityInputs((node,), DateInputs.of(1)))
    assert table.scene_names() == ["x", "y"]

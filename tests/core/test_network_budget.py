# SPDX-License-Identifier: GPL-2.0-or-later
"""The network for a number of credits: against all networks of seven dates, refusals, prices, speed."""

from __future__ import annotations

import itertools
import json

import networkx as nx
import numpy as np
import pytest

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.network_budget import (
    PairPrices,
    _Variance,
    is_processed,
    pair_stamp,
    pair_weights,
    total_variance,
)
from insarhub_qgis.core.network_dates import granule_pairs
from insarhub_qgis.core.pair_selection import GAIN, select_pairs
from insarhub_qgis.core.processed_pairs import prices_for
from insarhub_qgis.core.scenes import order_pair
from insarhub_qgis.core.selection_parameters import BUDGET, SelectionParameters
from tests.makers.network_jobs import make_network_job, make_stack, random_bperp, scene_name

PRICE = 10.0


def budget(pairs: float, **more) -> SelectionParameters:
    return SelectionParameters(mode=BUDGET, credits=pairs * PRICE, pb_max=1000.0, **more)


def seven_dates(seed: int):
    rng = np.random.default_rng(seed)
    days = np.cumsum(rng.choice([6, 12, 12, 24], 7))
    nodes, baselines = make_stack([int(day) for day in days], random_bperp(7, seed))
    coherences = {
        (one, other): float(np.clip(0.25 + 0.6 * np.exp(-(days[other] - days[one]) / 30) + rng.normal(0, 0.08), 0, 1))
        for one, other in itertools.combinations(range(7), 2)
    }  # fmt: skip
    return nodes, baselines, coherences if seed else {}


def least_variance(keys, weights, count: int, most_bridges: int) -> float:
    """Least total variance of all connected networks of ``count`` pairs with no more bridges than given."""
    incidence = np.zeros((len(keys), 7))
    for row, (one, other) in enumerate(keys):
        incidence[row, one], incidence[row, other] = 1.0, -1.0
    each = weights[:, None, None] * incidence[:, :, None] * incidence[:, None, :]
    chosen = np.array(list(itertools.combinations(range(len(keys)), count)))
    best = np.inf
    for start in range(0, len(chosen), 40_000):
        block = chosen[start : start + 40_000]
        eigenvalues = np.linalg.eigvalsh(each[block].sum(axis=1))[:, 1:]
        connected = eigenvalues[:, 0] > 1e-6 * weights.min()
        with np.errstate(divide="ignore"):
            values = np.where(
                connected, (1.0 / np.where(connected[:, None], eigenvalues, 1.0)).sum(axis=1), np.inf
            )
        for index in np.argsort(values):
            if values[index] >= best:
                break
            graph = nx.Graph([keys[number] for number in block[index]])
            if most_bridges >= 6 or sum(1 for _ in nx.bridges(graph)) <= most_bridges:
                best = float(values[index])
                break
    return best


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("count", [6, 7, 8, 9])
def test_seven_dates_against_every_network(seed, count):
    nodes, baselines, coherences = seven_dates(seed)
    selection = select_pairs(
        nodes, baselines, {}, budget(count), coherences=coherences, prices=PairPrices(PRICE)
    )
    keys = list(itertools.combinations(range(7), 2))
    weights = pair_weights(keys, coherences, 80.0)
    by_key = dict(zip(keys, weights.tolist()))
    assert len(selection.pairs) == count
    assert selection.credits == count * PRICE
    found = total_variance(7, selection.pairs, np.array([by_key[key] for key in selection.pairs]))
    known_bridges = len(selection.diagnostics.bridges)
    assert found <= 1.05 * least_variance(keys, weights, count, known_bridges)
    if count >= 9:
        assert known_bridges == 0
        assert found <= 1.05 * least_variance(keys, weights, count, 6)
    inside = [step for step in selection.curve if step.is_within_budget]
    assert inside[-1].variance == pytest.approx(found, rel=1e-6)


def test_the_curve_falls_and_goes_on_beyond_the_budget():
    nodes, baselines = make_stack([12 * number for number in range(30)], random_bperp(30, 1))
    selection = select_pairs(nodes, baselines, {}, budget(60.9), prices=PairPrices(PRICE))
    assert len(selection.pairs) == 60
    credits = [step.credits for step in selection.curve]
    variances = [step.variance for step in selection.curve]
    assert credits == sorted(credits)
    assert variances == sorted(variances, reverse=True)
    assert [step.is_within_budget for step in selection.curve] == [credit <= 609.0 for credit in credits]
    assert credits[-1] > 700
    assert GAIN in selection.origins.values()
    assert selection.diagnostics.bridges == ()


def test_a_small_budget_is_refused_with_what_is_missing_and_what_fits():
    nodes, baselines = make_stack([12 * number for number in range(20)])
    with pytest.raises(InsarError) as error:
        select_pairs(nodes, baselines, {}, budget(10), prices=PairPrices(PRICE))
    assert error.value.code == "budget.too_small"
    fields = error.value.fields
    assert (fields["needed"], fields["missing"], fields["count"]) == (190, 90, 11)
    fitting = [index for index, node in enumerate(nodes) if node.date.isoformat() in fields["dates"]]
    some = [nodes[index] for index in fitting]
    again = select_pairs(some, baselines, {}, budget(10), prices=PairPrices(PRICE))
    assert len(again.diagnostics.components) == 1
    with pytest.raises(InsarError) as error:
        select_pairs(nodes, baselines, {}, budget(0.5), prices=PairPrices(PRICE))
    assert error.value.code == "budget.no_pair"
    assert error.value.fields == {"credits": 5, "needed": 190, "missing": 185}
    with pytest.raises(InsarError) as error:
        select_pairs(nodes, baselines, {}, budget(100))
    assert error.value.code == "budget.no_prices"


def test_what_is_processed_costs_nothing_and_comes_first():
    nodes, baselines = make_stack([12 * number for number in range(10)])
    done = [(0, 3), (2, 5), (4, 9)]
    stamps = frozenset(pair_stamp(granule_pairs(nodes[one], nodes[other])[0]) for one, other in done)
    selection = select_pairs(nodes, baselines, {}, budget(15), prices=PairPrices(PRICE, stamps))
    assert set(done) <= set(selection.pairs)
    assert len(selection.pairs) == 15 + len(done)
    assert selection.credits == 150


def test_two_frames_cost_twice():
    nodes, baselines = make_stack([0, 12])
    two = [
        type(nodes[0])(node.date, (scene_name(day, 9), scene_name(day, 34)))
        for node, day in zip(nodes, (0, 12))
    ]
    assert select_pairs(two, baselines, {}, budget(2), prices=PairPrices(PRICE)).credits == 20
    with pytest.raises(InsarError, match=r"budget\.no_pair"):
        select_pairs(two, baselines, {}, budget(1), prices=PairPrices(PRICE))


def test_burst_products_are_known_by_their_days():
    pair = order_pair(
        "S1_213524_IW1_20170411T000000_VV_1111-BURST", "S1_213524_IW1_20170517T000000_VV_2222-BURST"
    )
    assert is_processed(pair, frozenset({("20170411", "20170517")}))
    assert not is_processed(pair, frozenset({("20170411", "20170518")}))


def test_rank_one_changes_keep_the_inverse():
    rng = np.random.default_rng(0)
    keys = [(index, index + 1) for index in range(11)] + [(0, 5), (3, 9)]
    weights = rng.uniform(0.5, 300.0, len(keys))
    state = _Variance(12, keys, weights)
    for key, weight in (((1, 7), 44.0), ((2, 11), 0.7)):
        state.change(key, weight)
    state.change((0, 5), -float(weights[11]))
    kept = [*(key for key in keys if key != (0, 5)), (1, 7), (2, 11)]
    laplacian = np.zeros((12, 12))
    for (one, other), weight in zip(kept, [*np.delete(weights, 11), 44.0, 0.7]):
        step = np.zeros(12)
        step[one], step[other] = 1.0, -1.0
        laplacian += weight * np.outer(step, step)
    expected = np.linalg.pinv(laplacian)
    assert np.allclose(state.inverse, expected, atol=1e-9)
    assert np.allclose(state.square, expected @ expected, atol=1e-9)


def test_weights_follow_the_phase_variance():
    weights = pair_weights([(0, 1), (1, 2), (0, 2), (0, 3)], {(0, 1): 0.5, (1, 2): 1.0, (0, 2): 0.0}, 80.0)
    expected = [160 * g**2 / (1 - g**2) for g in (0.5, 0.95, 0.05, 0.5)]
    assert weights.tolist() == pytest.approx(expected)


def test_prices_are_those_given_or_those_paid_here(tmp_path):
    job = JobFolder(make_network_job(tmp_path / "job", [0, 12, 24], pairs=[(0, 1)]))
    assert prices_for(job, SelectionParameters()) is None
    assert prices_for(job, SelectionParameters(credits_per_pair=15.0)) == PairPrices(15.0)
    names = [scene_name(day) for day in (0, 12, 24)]
    own = {
        "submitted_at": "2024-05-02T08:20:00Z", "credits": 20, "pairs": {"a": names[:2], "b": names[1:]},
        "last_seen": {
            "a": {"status": "SUCCEEDED", "expires": "2024-05-16T08:20:00Z"}, "b": {"status": "FAILED"},
        },
    }  # fmt: skip
    document = {"job_ids": {"me": ["a", "b"]}, "out_dir": str(job.path), "insarhub_qgis": own}
    (job.path / "hyp3_jobs.json").write_text(json.dumps(document), encoding="utf-8")
    from datetime import datetime, timezone

    early = prices_for(job, SelectionParameters(), datetime(2024, 5, 3, tzinfo=timezone.utc))
    assert early == PairPrices(10.0, frozenset({pair_stamp(order_pair(*names[:2]))}))
    late = prices_for(job, SelectionParameters(), datetime(2024, 6, 3, tzinfo=timezone.utc))
    assert late == PairPrices(10.0)


@pytest.mark.parametrize("dt_max", [120.0, 3000.0])
def test_300_dates_and_1500_pairs_hold_the_budget(dt_max):
    count = 300
    nodes, baselines = make_stack([6 * number for number in range(count)], random_bperp(count, 0))
    rng = np.random.default_rng(1)
    coherences = {
        (one, other): float(np.clip(0.2 + 0.6 * np.exp(-(other - one) / 7) + rng.normal(0, 0.05), 0.01, 0.99))
        for one, other in itertools.combinations(range(count), 2)
    }  # fmt: skip
    selection = select_pairs(
        nodes, baselines, {}, budget(1500, dt_max=dt_max), coherences=coherences, prices=PairPrices(PRICE)
    )
    assert len(selection.pairs) == 1500
    assert selection.diagnostics.bridges == ()
    again = select_pairs(
        nodes, baselines, {}, budget(1500, dt_max=dt_max), coherences=coherences, prices=PairPrices(PRICE)
    )
    assert again.pairs == selection.pairs

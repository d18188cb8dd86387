# SPDX-License-Identifier: GPL-2.0-or-later
"""What a selection guarantees: known bad cases, random stacks against networkx, ties, order, hash seeds."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.network_dates import nodes_of_scenes
from insarhub_qgis.core.network_diagnostics import NO_FEASIBLE_PAIR
from insarhub_qgis.core.pair_baselines import PairBaselines
from insarhub_qgis.core.pair_candidates import PairField
from insarhub_qgis.core.pair_selection import BY_HAND, RELAXED, TARGET, Selection, select_pairs
from insarhub_qgis.core.selection_parameters import (
    EITHER,
    EXCLUDE,
    NEAREST,
    CostWeights,
    SelectionParameters,
    is_yearly,
)
from tests.makers.network_jobs import FIRST_DAY, make_stack, random_bperp, random_days, scene_name

ROOT = Path(__file__).resolve().parents[2]
DEFAULTS = SelectionParameters()


def graph_of(count: int, pairs) -> nx.Graph:
    graph = nx.Graph()
    graph.add_nodes_from(range(count))
    graph.add_edges_from(pairs)
    return graph


def feasible_graph(nodes, baselines, parameters=DEFAULTS, scores=None) -> nx.Graph:
    """Graph F written down plainly: every two dates inside the limits."""
    found = []
    for one in range(len(nodes)):
        for other in range(one + 1, len(nodes)):
            days = (nodes[other].date - nodes[one].date).days
            bperp = baselines.of_dates(nodes[one].scenes, nodes[other].scenes)
            in_time = days <= parameters.dt_max or (parameters.yearly and is_yearly(days))
            if in_time and (bperp is None or abs(bperp) <= parameters.pb_max):
                found.append((one, other))
    return graph_of(len(nodes), found)


def parts(graph: nx.Graph) -> set[frozenset[int]]:
    return {frozenset(component) for component in nx.connected_components(graph)}


def bridges(graph: nx.Graph) -> set[tuple[int, int]]:
    return {(min(pair), max(pair)) for pair in nx.bridges(graph)}


def days_with_gap(gap: int) -> list[int]:
    first = [12 * number for number in range(15)]
    return first + [first[-1] + gap + 12 * number for number in range(15)]


def selected(days, bperp=None, parameters=DEFAULTS, scores=None, **more) -> tuple[Selection, nx.Graph]:
    nodes, baselines = make_stack(days, bperp)
    selection = select_pairs(nodes, baselines, scores or {}, parameters, **more)
    return selection, graph_of(len(nodes), selection.pairs)


# --- Known bad cases ---------------------------------------------------------------------------------


@pytest.mark.parametrize("gap", [60, 84, 96])
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_a_gap_inside_the_limit_is_crossed_twice(gap, seed):
    bperp = None if seed is None else random_bperp(30, seed, 20.0)
    selection, graph = selected(days_with_gap(gap), bperp)
    assert nx.number_connected_components(graph) == 1
    assert selection.relaxed == {}
    assert sum(one < 15 <= other for one, other in selection.pairs) >= 2
    assert bridges(graph) == set()


def test_a_gap_of_108_days_needs_no_relaxed_pair():
    selection, graph = selected(days_with_gap(108))
    assert nx.number_connected_components(graph) == 1
    assert selection.relaxed == {}
    across = sorted(pair for pair in selection.pairs if pair[0] < 15 <= pair[1])
    assert {(14, 15)} < set(across) <= {(14, 15), (13, 15), (14, 16)}


def test_a_gap_beyond_the_limit_is_joined_by_listed_pairs_only_when_forced():
    selection, graph = selected(days_with_gap(132))
    assert nx.number_connected_components(graph) == 1
    assert dict(selection.relaxed) == {(14, 15): ("dt_max",)}
    assert selection.origins[(14, 15)] == RELAXED
    assert selection.diagnostics.bridges == ((14, 15),)
    selection, graph = selected(days_with_gap(132), parameters=replace(DEFAULTS, force_connect=False))
    assert parts(graph) == {frozenset(range(15)), frozenset(range(15, 30))}
    assert [len(members) for members in selection.diagnostics.components] == [15, 15]
    assert selection.relaxed == {}


@pytest.mark.parametrize("gaps", [True, False])
def test_500_random_stacks_hold_together_wherever_the_limits_allow(gaps):
    with_gap = 0
    for seed in range(500):
        days = random_days(seed, gaps=gaps)
        with_gap += int(np.diff(days).max()) >= 60
        nodes, baselines = make_stack(days, random_bperp(len(days), seed, 45.0))
        free = replace(DEFAULTS, force_connect=False)
        selection = select_pairs(nodes, baselines, {}, free)
        graph, feasible = graph_of(len(nodes), selection.pairs), feasible_graph(nodes, baselines)
        assert parts(graph) == parts(feasible), seed
        assert bridges(graph) <= bridges(feasible), seed
        assert set(selection.pairs) <= set(feasible.edges), seed
        low = [index for index in range(len(nodes)) if graph.degree(index) < 3]
        assert all(graph.degree(index) == feasible.degree(index) for index in low), seed
    assert with_gap == 500 if gaps else with_gap < 25


def test_a_date_with_a_far_baseline_is_joined_and_flagged_or_left_out_and_listed():
    days = [12 * number for number in range(20)]
    bperp = [0.0] * 20
    bperp[9] = 400.0
    selection, graph = selected(days, bperp)
    assert nx.is_connected(graph)
    assert {pair: limits for pair, limits in selection.relaxed.items() if 9 in pair} == selection.relaxed
    assert set(selection.relaxed.values()) == {("pb_max",)}
    assert graph.degree(9) == len(selection.relaxed) >= 1
    selection, graph = selected(days, bperp, replace(DEFAULTS, force_connect=False))
    assert graph.degree(9) == 0
    assert dict(selection.diagnostics.unpaired) == {9: NO_FEASIBLE_PAIR}


@pytest.mark.parametrize("sigma", [None, 5.0, 20.0])
def test_60_dates_share_the_last_step_among_the_targets(sigma):
    days = [6 * number for number in range(60)]
    selection, graph = selected(days, None if sigma is None else random_bperp(60, 3, sigma))
    nodes, _ = make_stack(days)
    left = dict.fromkeys(DEFAULTS.dt_targets, 0)
    for one in range(60):
        for other in range(one + 1, 60):
            if 6 * (other - one) in left and selection.origins.get((one, other), TARGET) == TARGET:
                left[6 * (other - one)] += 1
    shares = dict.fromkeys(DEFAULTS.dt_targets, 0)
    for (one, other), origin in selection.origins.items():
        if origin == TARGET:
            shares[6 * (other - one)] += 1
    assert dict(selection.diagnostics.filled) == shares
    # The backbone takes nearly all pairs of 6 d, so that this target has little or nothing left to give.
    feasible = [target for target in shares if left[target] >= 10]
    assert feasible == [12, 24, 36, 48, 72, 96]
    mean = sum(shares[target] for target in feasible) / len(feasible)
    assert mean > 3
    assert all(abs(shares[target] - mean) <= 1 for target in feasible), shares
    over = set(selection.diagnostics.over_max_degree)
    assert all(graph.degree(index) <= 5 for index in range(60) if index not in over)
    assert len(over) <= 2
    assert selection.diagnostics.without_loop == tuple(
        pair for pair in selection.pairs if not set(graph[pair[0]]) & set(graph[pair[1]])
    )


def test_a_date_of_unknown_baseline_is_paired_by_time_or_excluded_with_the_reason():
    days = [12 * number for number in range(15)]
    bperp = [5.0 * number for number in range(15)]
    bperp[7] = None
    selection, graph = selected(days, bperp)
    assert graph.degree(7) >= 3
    assert set(selection.unknown_bperp) == {pair for pair in selection.pairs if 7 in pair}
    selection, graph = selected(days, bperp, replace(DEFAULTS, unknown_bperp=EXCLUDE))
    assert graph.degree(7) == 0
    assert dict(selection.excluded) == {7: "unknown_bperp"}
    assert dict(selection.diagnostics.unpaired) == {7: "unknown_bperp"}
    assert len(selection.diagnostics.components) == 1


@pytest.mark.parametrize("scores", ["unknown", "all 0", "half unknown"])
def test_unknown_and_zero_scores_keep_every_guarantee(scores):
    days = random_days(11, gaps=True)
    nodes, baselines = make_stack(days, random_bperp(len(days), 11, 45.0))
    pairs = [(one, other) for one in range(len(nodes)) for other in range(one + 1, len(nodes))]
    known = {
        "unknown": {},
        "all 0": dict.fromkeys(pairs, 0.0),
        "half unknown": dict.fromkeys(pairs[::2], 70.0),
    }
    selection = select_pairs(nodes, baselines, known[scores], replace(DEFAULTS, force_connect=False))
    graph, feasible = graph_of(len(nodes), selection.pairs), feasible_graph(nodes, baselines)
    assert parts(graph) == parts(feasible)
    assert bridges(graph) <= bridges(feasible)
    assert set(selection.unscored) == {pair for pair in selection.pairs if pair not in known[scores]}
    assert selection.diagnostics.has_scores == (scores != "unknown")


def test_no_one_or_two_dates():
    assert selected([])[0].pairs == ()
    assert selected([0])[0].pairs == ()
    assert selected([0, 12])[0].pairs == ((0, 1),)
    assert selected([0])[0].diagnostics.full_rank == 0


def test_two_frames_of_one_date_are_one_node():
    names = [scene_name(day, second) for day in (0, 12, 24) for second in (9, 34)]
    nodes, problems = nodes_of_scenes(names)
    assert problems == ()
    assert [len(node.scenes) for node in nodes] == [2, 2, 2]
    selection = select_pairs(nodes, PairBaselines(), {}, DEFAULTS)
    assert selection.pairs == ((0, 1), (0, 2), (1, 2))
    assert all((nodes[other].date - nodes[one].date).days > 0 for one, other in selection.pairs)


def test_the_only_bridge_is_kept_however_bad_it_is():
    days = days_with_gap(120)
    nodes, baselines = make_stack(days)
    pairs = [(one, other) for one in range(30) for other in range(one + 1, 30)]
    scores = dict.fromkeys(pairs, 80.0)
    scores[(14, 15)] = 1.0
    selection = select_pairs(nodes, baselines, scores, replace(DEFAULTS, min_score=50.0))
    assert (14, 15) in selection.pairs
    assert selection.diagnostics.below_min_score == ((14, 15),)
    assert selection.diagnostics.bridges == ((14, 15),)


def test_a_bad_pair_gives_way_to_a_better_one_across_the_same_cut():
    days = days_with_gap(96)
    nodes, baselines = make_stack(days)
    scores = {(one, other): 80.0 for one in range(30) for other in range(one + 1, 30)}
    scores[(14, 15)] = 1.0
    selection = select_pairs(nodes, baselines, scores, replace(DEFAULTS, min_score=50.0))
    assert (14, 15) not in selection.pairs
    assert selection.diagnostics.below_min_score == ()
    assert selection.diagnostics.bridges == ()


def test_bad_pairs_are_left_out_of_steps_4_to_6():
    rng = np.random.default_rng(4)
    nodes, baselines = make_stack([6 * number for number in range(40)])
    pairs = [(one, other) for one in range(40) for other in range(one + 1, 40)]
    scores = {pair: float(rng.uniform(0, 100)) for pair in pairs}
    selection = select_pairs(nodes, baselines, scores, replace(DEFAULTS, min_score=50.0))
    late = [pair for pair, origin in selection.origins.items() if origin in ("degree", "loop", "target")]
    assert late
    assert min(scores[pair] for pair in late) >= 50.0


# --- Same input, same output -------------------------------------------------------------------------


def fingerprint_of_a_selection() -> str:
    """A selection with scores, ties, several frames and a gap, made from shuffled scenes, as a hash."""
    days = [6 * number for number in range(50) if number % 7] + [420 + 12 * number for number in range(20)]
    names = [scene_name(day) for day in days] + [scene_name(day, 9) for day in days[::3]]
    bperp = {name: float((index * 37) % 90) for index, name in enumerate(sorted(names))}
    random.Random(os.environ.get("PYTHONHASHSEED")).shuffle(names)
    shuffled = dict(sorted(bperp.items(), key=lambda item: names.index(item[0])))
    nodes, _ = nodes_of_scenes(names, PairBaselines(shuffled))
    scores = {
        (one, other): float((one * 13 + other * 7) % 101)
        for one in range(len(nodes)) for other in range(one + 1, len(nodes)) if (one + other) % 3
    }  # fmt: skip
    scores = dict(sorted(scores.items(), key=lambda item: hash(str(item))))
    parameters = replace(DEFAULTS, min_score=20.0, yearly=True)
    text = ""
    for chosen in (parameters, replace(parameters, mode=NEAREST)):
        selection = select_pairs(nodes, PairBaselines(shuffled), scores, chosen)
        text += f"{selection.pairs} {sorted(selection.origins.items())} {selection.diagnostics.to_json()}"
    return hashlib.sha256(text.encode()).hexdigest()


def test_shuffled_input_gives_the_same_network():
    days = random_days(5, gaps=True)
    names = [scene_name(day) for day in days]
    bperp = dict(zip(names, random_bperp(len(names), 5)))
    results = set()
    for seed in range(20):
        random.Random(seed).shuffle(names)
        baselines = PairBaselines({name: bperp[name] for name in names})
        results.add(select_pairs(nodes_of_scenes(names, baselines)[0], baselines, {}, DEFAULTS).pairs)
    assert len(results) == 1


def test_twenty_hash_seeds_give_the_same_network():
    code = "from tests.core.test_pair_selection import fingerprint_of_a_selection as f; print(f())"
    running = []
    found = set()
    for seed in range(20):
        environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT)}
        running.append(
            subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment, stdout=subprocess.PIPE)
        )
        if len(running) == 2 or seed == 19:
            for process in running:
                output, _ = process.communicate(timeout=120)
                assert process.returncode == 0
                found.add(output)
            running = []
    assert len(found) == 1
    assert len(found.pop().strip()) == 64


# --- Properties --------------------------------------------------------------------------------------


def random_case(seed: int):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 45))
    days = np.unique(rng.choice(np.arange(0, count * 14), count))
    bperp = [None if rng.random() < 0.1 else float(value) for value in rng.normal(0, 90, len(days)).round(1)]
    nodes, baselines = make_stack([int(day) for day in days], bperp)
    pairs = [(one, other) for one in range(len(nodes)) for other in range(one + 1, len(nodes))]
    scores = {pair: float(rng.integers(0, 101)) for pair in pairs if rng.random() < 0.7}
    parameters = SelectionParameters(
        dt_max=float(rng.integers(10, 130)),
        pb_max=float(rng.integers(30, 250)),
        min_degree=int(rng.integers(0, 4)),
        max_degree=int(rng.integers(4, 8)),
        force_connect=bool(rng.random() < 0.5),
        min_score=float(rng.integers(0, 70)) if rng.random() < 0.5 else None,
        weights=CostWeights(*(float(value) for value in rng.uniform(0.01, 1, 3))),
    )
    return nodes, baselines, scores, parameters


@pytest.mark.parametrize("block", range(10))
def test_random_stacks_against_networkx(block):
    for seed in range(block * 30, block * 30 + 30):
        nodes, baselines, scores, parameters = random_case(seed)
        selection = select_pairs(nodes, baselines, scores, parameters)
        figures = selection.diagnostics
        graph, feasible = graph_of(len(nodes), selection.pairs), feasible_graph(nodes, baselines, parameters)
        assert {frozenset(members) for members in figures.components} == parts(graph), seed
        assert set(figures.bridges) == bridges(graph), seed
        assert set(figures.articulation) == set(nx.articulation_points(graph)), seed
        incidence = (
            nx.incidence_matrix(graph, oriented=True).toarray()
            if graph.number_of_edges()
            else np.zeros((1, 1))
        )
        assert figures.rank == np.linalg.matrix_rank(incidence), seed
        assert figures.loops == sum(nx.triangles(graph).values()) // 3, seed
        inside = [pair for pair in selection.pairs if pair not in selection.relaxed]
        assert set(inside) <= set(feasible.edges), seed
        if parameters.force_connect:
            assert len(parts(graph)) == 1, seed
            assert len(selection.relaxed) == len(parts(feasible)) - 1, seed
        else:
            assert parts(graph) == parts(feasible), seed
        assert bridges(graph) <= bridges(feasible) | set(selection.relaxed), seed
        good = [
            pair
            for pair in feasible.edges
            if parameters.min_score is None or scores.get(pair, 100) >= parameters.min_score
        ]
        for index in range(len(nodes)):
            if graph.degree(index) < parameters.min_degree:
                assert all(pair in selection.origins for pair in good if index in pair), seed
        # No pair stands without a loop while a feasible third side has room.
        for one, other in figures.without_loop:
            for third in range(len(nodes)):
                for near, far in ((one, other), (other, one)):
                    side = (min(third, far), max(third, far))
                    is_offer = graph.has_edge(near, third) and side in good and side not in selection.origins
                    if is_offer and third not in (one, other):
                        room = max(graph.degree(third), graph.degree(far)) >= parameters.max_degree
                        assert room, (seed, one, other, third)


def test_more_room_never_costs_connectivity():
    for seed in range(60):
        nodes, baselines, scores, parameters = random_case(seed)
        before = None
        for degree in range(max(parameters.min_degree, 1), 9):
            selection = select_pairs(nodes, baselines, scores, replace(parameters, max_degree=degree))
            now = parts(graph_of(len(nodes), selection.pairs))
            assert before is None or all(any(old <= new for new in now) for old in before), (seed, degree)
            before = now


@pytest.mark.parametrize("count", [2, 17, 40])
def test_candidates_are_all_pairs_inside_the_limits(count):
    nodes, baselines = make_stack(
        sorted(random.Random(count).sample(range(900), count)), random_bperp(count, 2, 80)
    )
    for parameters in (DEFAULTS, replace(DEFAULTS, yearly=True)):
        found = PairField(nodes, baselines, {}, parameters).feasible().pair_keys()
        assert len(found) == len(set(found))
        assert set(found) == set(feasible_graph(nodes, baselines, parameters).edges)


def test_the_cheapest_tree_is_the_one_of_networkx():
    nodes, baselines = make_stack([7 * number for number in range(25)], random_bperp(25, 9, 60))
    candidates = PairField(nodes, baselines, {}, DEFAULTS).feasible()
    graph = nx.Graph()
    for index, key in enumerate(candidates.pair_keys()):
        off = 0.0 if candidates.target[index] >= 0 else 0.3
        graph.add_edge(*key, weight=float(candidates.cost[index]) + off)
    selection = select_pairs(nodes, baselines, {}, DEFAULTS)
    backbone = [key for key, origin in selection.origins.items() if origin == "backbone"]
    tree = nx.minimum_spanning_tree(graph)
    assert sum(graph.edges[key]["weight"] for key in backbone) == pytest.approx(tree.size(weight="weight"))


# --- Parameters --------------------------------------------------------------------------------------


def test_the_pairwise_value_decides_and_the_difference_only_if_it_fails():
    nodes, baselines = make_stack([0, 12], [0.0, 140.0])
    first, second = nodes[0].scenes[0], nodes[1].scenes[0]
    free = replace(DEFAULTS, force_connect=False)
    over = replace(baselines, pairs_m={(first, second): 151.0})
    unknown = replace(baselines, pairs_m={(first, second): None})
    assert select_pairs(nodes, baselines, {}, free).pairs == ((0, 1),)
    assert select_pairs(nodes, over, {}, free).pairs == ()
    assert select_pairs(nodes, unknown, {}, free).pairs == ((0, 1),)


def test_months_filter_dates_or_pairs():
    days = list(range(0, 365, 12))
    summer = tuple(range(5, 10))
    selection, graph = selected(days, parameters=replace(DEFAULTS, months=summer))
    inside = [index for index, day in enumerate(days) if (FIRST_DAY + timedelta(days=day)).month in summer]
    assert set(selection.excluded.values()) == {"month_filter"}
    assert {index for index in range(len(days)) if graph.degree(index)} == set(inside)
    selection, graph = selected(days, parameters=replace(DEFAULTS, months=summer, month_rule=EITHER))
    assert selection.excluded == {}
    assert all(one in inside or other in inside for one, other in selection.pairs)
    assert any(one not in inside for one, _ in selection.pairs)


def test_yearly_pairs_are_exempt_from_the_time_limit_and_listed_as_no_violation():
    days = list(range(0, 3 * 365, 12))
    selection, _ = selected(days, parameters=replace(DEFAULTS, yearly=True, max_degree=8))
    lengths = [days[other] - days[one] for one, other in selection.pairs]
    assert sum(is_yearly(length) for length in lengths) > 5
    assert all(length <= 120 or is_yearly(length) for length in lengths)
    assert selection.relaxed == {}
    assert any(length > 700 for length in lengths)


def test_mode_nearest_takes_the_next_dates_and_holds_together():
    days = [12 * number for number in range(20)] + [12 * 19 + 96 + 12 * number for number in range(10)]
    selection, graph = selected(days, parameters=replace(DEFAULTS, mode=NEAREST, n_nearest=2))
    assert all((index, index + 1) in selection.pairs for index in range(18))
    assert all((index, index + 2) in selection.pairs for index in range(18))
    assert bridges(graph) == set()
    assert nx.is_connected(graph)
    assert not selection.diagnostics.short_pairs_only
    short, _ = selected(days[:20], parameters=replace(DEFAULTS, mode=NEAREST, n_nearest=2))
    assert short.diagnostics.short_pairs_only


def test_pairs_by_hand_are_kept_and_removed_ones_avoided():
    days = [12 * number for number in range(12)]
    selection, graph = selected(days, keep=[(0, 11)], avoid=[(0, 1), (5, 6)])
    assert selection.origins[(0, 11)] == BY_HAND
    assert dict(selection.relaxed) == {(0, 11): ("dt_max",)}
    assert not {(0, 1), (5, 6)} & set(selection.pairs)
    assert nx.is_connected(graph)


def test_targets_above_the_limit_are_reported():
    selection, _ = selected([0, 12, 24], parameters=replace(DEFAULTS, dt_max=50.0))
    assert selection.diagnostics.ineffective_targets == (72.0, 96.0)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"dt_targets": (0.0,)}, "selection.out_of_range"),
        ({"dt_targets": (float("nan"),)}, "selection.not_a_number"),
        ({"dt_targets": ()}, "selection.no_targets"),
        ({"dt_max": float("inf")}, "selection.not_a_number"),
        ({"pb_max": -1.0}, "selection.out_of_range"),
        ({"pb_max": "150"}, "selection.not_a_number"),
        ({"min_degree": 6}, "selection.degrees"),
        ({"min_degree": 1.5}, "selection.not_whole"),
        ({"n_nearest": 0}, "selection.out_of_range"),
        ({"mode": "best"}, "selection.unknown_choice"),
        ({"months": (0,)}, "selection.months"),
        ({"months": ()}, "selection.months"),
        ({"min_score": 101.0}, "selection.out_of_range"),
        ({"mode": "budget"}, "selection.no_credits"),
        ({"weights": CostWeights(0.0, 0.0, 0.0)}, "selection.no_weights"),
    ],
)
def test_parameters_that_mean_nothing_are_refused(change, code):
    with pytest.raises(InsarError) as error:
        selected([0, 12], parameters=replace(DEFAULTS, **change))
    assert error.value.code == code


def test_parameters_survive_the_file_and_wrong_ones_fall_back():
    chosen = SelectionParameters(
        dt_targets=(10.0, 20.5), dt_tol=1.0, dt_max=90.0, pb_max=80.0, min_degree=1, max_degree=2,
        force_connect=False, mode="budget", n_nearest=4, credits=120.0, credits_per_pair=10.0, months=(4, 5),
        month_rule="either", yearly=True, min_score=33.0, unknown_bperp="exclude",
        weights=CostWeights(0.5, 0.5, 0.0), looks=20.0,
    )  # fmt: skip
    assert SelectionParameters.from_json(chosen.to_json()) == chosen
    assert SelectionParameters.from_json({"dt_max": "long", "pb_max": 90, "months": [13]}) == replace(
        DEFAULTS, pb_max=90.0
    )
    assert SelectionParameters.from_json(None) == DEFAULTS


# --- Many dates and cancel ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "step"), [(300, 6), (1000, 6), (1000, 1)])
def test_a_selection_of_many_dates_is_connected(count, step):
    nodes, baselines = make_stack([step * number for number in range(count)], random_bperp(count, 0))
    names = [node.scenes[0] for node in nodes]
    near = {
        (names[one], names[other]): baselines.scenes_m[names[other]] - baselines.scenes_m[names[one]] + 1.0
        for one in range(count) for other in range(one + 1, min(one + 130, count))
    }  # fmt: skip
    table = replace(baselines, pairs_m=near)
    scores = {
        (one, other): float((one * other) % 100)
        for one in range(count)
        for other in range(one + 1, min(one + 130, count))
    }
    selection = select_pairs(nodes, table, scores, DEFAULTS)
    assert len(selection.diagnostics.components) == 1


def test_a_selection_can_be_cancelled():
    nodes, baselines = make_stack([6 * number for number in range(100)])
    asked = []

    def is_cancelled() -> bool:
        asked.append(None)
        return len(asked) > 3

    with pytest.raises(Cancelled):
        select_pairs(nodes, baselines, {}, DEFAULTS, is_cancelled=is_cancelled)
    fractions = []
    select_pairs(nodes, baselines, {}, DEFAULTS, report=lambda fraction, text: fractions.append(fraction))
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0

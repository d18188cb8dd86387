# SPDX-License-Identifier: GPL-2.0-or-later
"""Pairs that join a split network."""

from __future__ import annotations

import pytest

from insarhub_qgis.core.bridge_suggestions import best_spanning_set, suggest_bridges
from insarhub_qgis.core.network_model import PairMark, StackNetwork
from insarhub_qgis.core.selection_parameters import EXCLUDE, SelectionParameters
from tests.makers.network_jobs import make_stack

#: Three groups of three dates, 200 and 150 days apart, the middle one also far in baseline.
DAYS = [0, 12, 24, 224, 236, 248, 398, 410, 422]
BPERP = [0.0, 5.0, 9.5, 260.0, 250.0, 255.4, 0.0, -4.0, 8.0]
DEFAULTS = SelectionParameters()
PAIRS = [(0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5), (6, 7), (7, 8), (6, 8)]


def split_network(bperp=BPERP, coherences=None, parameters=DEFAULTS) -> StackNetwork:
    nodes, baselines = make_stack(DAYS, bperp)
    marks = {pair: PairMark() for pair in PAIRS}
    return StackNetwork(nodes, marks, baselines, coherences=coherences or {}, parameters=parameters)


def test_three_pairs_for_each_gap_and_what_would_admit_them():
    network = split_network()
    found = suggest_bridges(network)
    assert [(row.components, row.rank) for row in found] == [((0, 1), 1), ((0, 1), 2), ((0, 1), 3), ((1, 2), 1), ((1, 2), 2), ((1, 2), 3)]  # fmt: skip
    best = found[0]
    assert best.dt_days == best.changes["dt_max"] <= 224
    assert best.changes["pb_max"] == pytest.approx(abs(best.bperp_m), abs=1.0)
    assert best.changes["pb_max"] >= abs(best.bperp_m)
    admitted = SelectionParameters(dt_max=float(best.changes["dt_max"]), pb_max=float(best.changes["pb_max"]))
    assert admitted.limits_broken(best.dt_days, best.bperp_m) == ()
    assert (best.score, best.coherence) == (None, None)


def test_expected_coherence_decides_where_it_is_known():
    network = split_network(coherences={(0, 5): 0.4, (1, 4): 0.6, (2, 3): 0.1, (5, 8): 0.2})
    found = suggest_bridges(network)
    assert [(row.key, row.coherence) for row in found[:3]] == [((1, 4), 0.6), ((0, 5), 0.4), ((2, 3), 0.1)]
    assert (found[3].key, found[3].coherence) == ((5, 8), 0.2)
    assert found[4].coherence is None


def test_the_best_of_each_gap_joins_everything_in_one_step():
    network = split_network(coherences={(1, 4): 0.6})
    keys = best_spanning_set(network, suggest_bridges(network))
    assert len(keys) == 2
    assert (1, 4) in keys
    change = network.add_pairs(keys)
    assert change.step.pairs == 2
    assert network.structure.is_connected
    assert suggest_bridges(network) == []
    assert all(network.marks[key].is_manual and network.marks[key].relaxed for key in keys)


def test_interleaved_components_are_neighbours_in_time():
    nodes, baselines = make_stack([0, 6, 12, 18, 24, 30])
    marks = {(0, 2): PairMark(), (2, 4): PairMark(), (1, 3): PairMark(), (3, 5): PairMark()}
    network = StackNetwork(nodes, marks, baselines)
    found = suggest_bridges(network)
    assert {row.components for row in found} == {(0, 1)}
    assert all(row.changes == {} for row in found)
    assert [row.dt_days for row in found] == [6, 6, 6]


def test_unknown_baselines_removed_pairs_and_excluded_dates():
    bperp = [*BPERP]
    bperp[3] = None
    network = split_network(bperp, {(2, 3): 0.9}, SelectionParameters(unknown_bperp=EXCLUDE))
    network.add_pair((2, 3))
    network.toggle_pair((2, 3))
    first = suggest_bridges(network)[0]
    assert first.key == (2, 3)
    assert first.is_removed
    assert first.bperp_m is None
    assert first.changes == {"dt_max": 200, "unknown_bperp": "allow"}
    network.exclude_dates([3])
    assert all(3 not in row.key for row in suggest_bridges(network))


def test_no_suggestion_without_a_gap():
    nodes, baselines = make_stack([])
    assert suggest_bridges(StackNetwork(nodes)) == []
    nodes, baselines = make_stack([0, 12])
    assert suggest_bridges(StackNetwork(nodes, {(0, 1): PairMark()}, baselines)) == []

# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures of a network that was counted by hand."""

from __future__ import annotations

import json

from insarhub_qgis.core.network_diagnostics import NO_PAIR_CHOSEN, diagnose, diagnose_network
from insarhub_qgis.core.network_model import PairMark, StackNetwork
from insarhub_qgis.core.pair_selection import select_for
from insarhub_qgis.core.selection_parameters import SelectionParameters
from tests.makers.network_jobs import make_stack, random_bperp

# Two triangles that share date 2, a tail to date 5, and date 6 alone.
PAIRS = [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (2, 4), (4, 5)]
DEFAULTS = SelectionParameters()
DAYS = [0, 12, 24, 40, 52, 300, 312]


def figures_of(scores=None, parameters=DEFAULTS, bperp=(0.0, 10.0, None, 20.0, 0.0, 200.0, 0.0)):
    nodes, baselines = make_stack(DAYS, bperp)
    return diagnose(nodes, PAIRS, baselines, scores or {}, parameters, credits=70.0)


def test_figures_counted_by_hand():
    figures = figures_of({(0, 1): 80.0, (1, 2): 20.0, (0, 2): 50.0}, SelectionParameters(min_score=30.0))
    assert figures.components == ((0, 1, 2, 3, 4, 5), (6,))
    assert figures.bridges == ((4, 5),)
    assert figures.articulation == (2, 4)
    assert (figures.rank, figures.full_rank) == (5, 6)
    assert figures.degrees == (2, 2, 4, 2, 3, 1, 0)
    assert figures.under_min_degree == (0, 1, 3, 5, 6)
    assert figures.over_max_degree == ()
    assert figures.without_loop == ((4, 5),)
    assert figures.loops == 2
    assert figures.relaxed == {(4, 5): ("dt_max", "pb_max")}
    assert figures.unscored == ((2, 3), (2, 4), (3, 4), (4, 5))
    assert figures.unknown_bperp == ((0, 2), (1, 2), (2, 3), (2, 4))
    assert figures.below_min_score == ((1, 2),)
    assert figures.unpaired == {6: NO_PAIR_CHOSEN}
    # 12, 12, 24, 16, 12, 28 and 248 days: 16 and 28 meet no target within 3 days
    assert [entry for entry in figures.histogram if entry[1]] == [(12.0, 3), (24.0, 1), (None, 3)]
    assert (figures.mean_score, figures.min_score) == (50.0, 20.0)
    assert figures.credits == 70.0
    assert figures.pair_count == 7


def test_unknown_scores_give_no_mean():
    figures = figures_of()
    assert (figures.mean_score, figures.min_score, figures.has_scores) == (None, None, False)


def test_json_holds_dates_not_numbers_and_no_nan():
    document = json.loads(json.dumps(figures_of().to_json(), allow_nan=False))
    assert document["bridges"] == [["2018-02-22", "2018-10-28"]]
    assert document["relaxed"] == [{"pair": ["2018-02-22", "2018-10-28"], "limits": ["dt_max", "pb_max"]}]
    assert document["unpaired"] == {"2018-11-09": "no_pair"}
    assert document["degrees"]["2018-01-25"] == 4
    assert document["components"][1] == ["2018-11-09"]


def test_a_network_as_edited_has_the_figures_of_its_selection():
    nodes, baselines = make_stack([12 * number for number in range(30)], random_bperp(30, 6, 60.0))
    network = StackNetwork(nodes, baselines=baselines)
    selection = select_for(network, SelectionParameters())
    network.apply_selection(selection)
    found, expected = diagnose_network(network).to_json(), selection.diagnostics.to_json()
    assert {**found, "filled": []} == {**expected, "filled": []}
    network.marks[(0, 29)] = PairMark(is_active=False)
    assert diagnose_network(network).pair_count == len(selection.pairs)

# SPDX-License-Identifier: GPL-2.0-or-later
"""The network as it is edited: commands, undo, live structure, warnings; and what reaches the files."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from insarhub_qgis.core import network_model
from insarhub_qgis.core.coherence_decay import DecayParameters
from insarhub_qgis.core.date_inputs import DateInputs
from insarhub_qgis.core.decay_sources import DecaySources
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.network_dates import granule_pairs, nodes_of_scenes
from insarhub_qgis.core.network_files import load_network, pair_faults
from insarhub_qgis.core.network_graph import structure_of, triangle_count
from insarhub_qgis.core.network_model import (
    ADD,
    APPLY,
    EXCLUDE_DATES,
    NEW_BRIDGE,
    SPLIT,
    STRANDED,
    TOGGLE,
    PairMark,
    StackNetwork,
    Step,
)
from insarhub_qgis.core.pair_database import QualityInputs, build_pair_table
from insarhub_qgis.core.pair_selection import select_for
from insarhub_qgis.core.pairwise_file import write_pairwise_file
from insarhub_qgis.core.scene_facts import facts_of_items
from insarhub_qgis.core.selection_parameters import SelectionParameters
from tests.makers.network_jobs import make_network_job, make_stack, scene_name, umm_item

DAYS = [12 * number for number in range(8)]
TRIANGLES = [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (2, 4), (4, 5)]


def network_of(pairs=TRIANGLES, days=DAYS) -> StackNetwork:
    nodes, baselines = make_stack(days, [float(index) for index in range(len(days))])
    return StackNetwork(nodes, {pair: PairMark() for pair in pairs}, baselines)


def read(path: Path):
    return json.loads(path.read_text(encoding="utf-8"))


# --- Structure ---------------------------------------------------------------------------------------


def test_structure_against_networkx_on_random_graphs():
    rng = random.Random(3)
    for _ in range(400):
        count = rng.randint(1, 30)
        every = [(one, other) for one in range(count) for other in range(one + 1, count)]
        pairs = rng.sample(every, rng.randint(0, min(len(every), 2 * count)))
        found = structure_of(count, pairs)
        graph = nx.Graph()
        graph.add_nodes_from(range(count))
        graph.add_edges_from(pairs)
        assert list(found.components) == sorted(
            tuple(sorted(part)) for part in nx.connected_components(graph)
        )
        assert list(found.bridges) == sorted((min(pair), max(pair)) for pair in nx.bridges(graph))
        assert list(found.articulation) == sorted(nx.articulation_points(graph))
        assert triangle_count(count, pairs) == sum(nx.triangles(graph).values()) // 3


def test_structure_counts_used_dates_only():
    network = network_of()
    assert network.structure.components == ((0, 1, 2, 3, 4, 5), (6,), (7,))
    assert network.structure.unpaired == (6, 7)
    assert network.structure.bridges == ((4, 5),)
    assert network.structure.articulation == (2, 4)
    assert network.structure.degrees == (2, 2, 4, 2, 3, 1, 0, 0)
    assert network.keys_without_loop() == [(4, 5)]
    network.exclude_dates([6, 7])
    assert network.structure.is_connected
    assert network.structure.unpaired == ()


def test_an_edit_computes_the_structure_once(monkeypatch):
    computed = []

    def count_computed(count, pairs, nodes):
        computed.append(len(pairs))
        return structure_of(count, pairs, nodes)

    monkeypatch.setattr(network_model, "structure_of", count_computed)
    count = 300
    pairs = [(one, other) for one in range(count) for other in range(one + 1, min(one + 11, count))]
    network = network_of(pairs, [6 * number for number in range(count)])
    assert len(pairs) == 2945
    assert network.structure.bridges == ()
    for removed, key in enumerate(pairs[::60], start=1):
        computed.clear()
        network.toggle_pair(key)
        assert network.structure.bridges == ()
        assert computed == [2945 - removed]


# --- Commands ----------------------------------------------------------------------------------------


def test_toggle_removes_and_restores():
    network = network_of()
    change = network.toggle_pair((1, 0))
    assert change.step == Step(TOGGLE, 1, 0, "20180101_20180113")
    assert change.pairs == ((0, 1),)
    assert not network.is_active((0, 1))
    assert (0, 1) in network.pair_keys()
    assert network.removed_keys() == [(0, 1)]
    assert network.toggle_pair((0, 1))
    assert network.is_active((0, 1))
    assert not network.toggle_pair((0, 7))
    assert len(network.undo_steps()) == 2


def test_add_marks_a_pair_by_hand_with_the_limits_it_breaks():
    network = network_of(days=[0, 12, 24, 36, 48, 60, 200, 212])
    change = network.add_pair((7, 0))
    assert change.step.command == ADD
    assert network.marks[(0, 7)] == PairMark(is_manual=True, relaxed=("dt_max",))
    assert network.manual_keys() == [(0, 7)]
    network.toggle_pair((0, 1))
    network.add_pair((0, 1))
    assert network.marks[(0, 1)] == PairMark()
    assert not network.add_pair((0, 1))
    with pytest.raises(InsarError, match=r"network\.no_pair"):
        network.add_pair((3, 3))
    with pytest.raises(InsarError, match=r"network\.no_pair"):
        network.add_pair((3, 99))


def test_excluding_a_date_takes_its_pairs_along_and_including_brings_them_back():
    network = network_of()
    before = network.active_keys()
    change = network.exclude_dates([2])
    assert change.step == Step(EXCLUDE_DATES, 0, 1, "2018-01-25")
    assert change.dates == (2,)
    assert all(2 not in key for key in network.active_keys())
    assert network.nodes[2].excluded_reason == "user"
    with pytest.raises(InsarError, match=r"network\.date_excluded"):
        network.add_pair((2, 6))
    network.include_dates([2])
    assert network.active_keys() == before
    assert not network.include_dates([2])


def test_warnings_name_what_became_worse():
    network = network_of()
    split, bridge = network.remove_pairs([(2, 3), (2, 4)]).warnings
    assert (split.kind, split.dates) == (SPLIT, (3, 4, 5))
    assert (bridge.kind, bridge.pairs) == (NEW_BRIDGE, ((3, 4),))
    network.undo()
    assert {row.kind for row in network.toggle_pair((4, 5)).warnings} == {STRANDED}
    network.undo()
    (warned,) = network.toggle_pair((0, 1)).warnings
    assert (warned.kind, warned.pairs) == (NEW_BRIDGE, ((0, 2), (1, 2)))
    network.undo()
    assert network.restore_pairs([(0, 1)]).warnings == ()
    assert network.add_pair((5, 3)).warnings == ()


def random_edit(network: StackNetwork, rng: random.Random):
    key = tuple(sorted(rng.sample(range(20), 2)))
    some = rng.sample(network.pair_keys(), min(4, len(network.pair_keys())))
    parameters = SelectionParameters(dt_max=float(rng.randint(12, 90)))
    edits = {
        "toggle": lambda: network.toggle_pair(key),
        "add": lambda: network.add_pair(key),
        "remove": lambda: network.remove_pairs(some),
        "restore": lambda: network.restore_pairs(some),
        "invert": lambda: network.invert_pairs(some),
        "exclude": lambda: network.exclude_dates([key[0]]),
        "include": lambda: network.include_dates(key),
        "select": lambda: network.apply_selection(select_for(network, parameters)),
    }
    chosen = rng.choice(sorted(edits))
    if chosen == "add" and any(network.nodes[index].is_excluded for index in key):
        chosen = "include"
    return edits[chosen]()


def test_300_random_edits_can_be_undone_and_done_again():
    rng = random.Random(5)
    network = network_of(days=[12 * number for number in range(20)])
    states = [(dict(network.marks), network.nodes, network.parameters)]
    while len(states) <= 300:
        if random_edit(network, rng):
            states.append((dict(network.marks), network.nodes, network.parameters))
            assert len(network.undo_steps()) == len(states) - 1
    for state in reversed(states[:-1]):
        assert network.undo()
        assert (network.marks, network.nodes, network.parameters) == state
    assert not network.undo()
    assert not network.is_dirty
    for state in states[1:]:
        assert network.redo()
        assert (network.marks, network.nodes, network.parameters) == state
    assert network.is_dirty
    network.mark_saved()
    network.undo()
    assert network.is_dirty
    network.redo()
    assert not network.is_dirty
    network.undo()
    network.toggle_pair(network.pair_keys()[0])
    assert not network.can_redo
    assert network.is_dirty


def test_a_selection_is_one_step_and_keeps_what_was_done_by_hand_if_asked():
    network = network_of([])
    network.add_pair((0, 7))
    network.apply_selection(select_for(network, SelectionParameters()))
    network.toggle_pair((0, 1))
    chosen = SelectionParameters(max_degree=4)
    change = network.apply_selection(select_for(network, chosen))
    assert change.step.command == APPLY
    assert change.parameters_changed
    assert network.is_active((0, 7))
    assert network.marks[(0, 7)].is_manual
    assert network.removed_keys() == [(0, 1)]
    assert network.structure.is_connected
    network.apply_selection(select_for(network, chosen, keep_manual=False), keep_manual=False)
    assert network.manual_keys() == []
    assert network.removed_keys() == []
    assert (0, 1) in network.active_keys()
    network.undo()
    assert network.removed_keys() == [(0, 1)]


def test_months_of_a_selection_exclude_dates_until_the_next_one():
    network = network_of([])
    network.exclude_dates([1])
    network.apply_selection(select_for(network, SelectionParameters(months=(1, 2))))
    assert [node.excluded_reason for node in network.nodes] == [
        None,
        "user",
        None,
        None,
        None,
        "month_filter",
        "month_filter",
        "month_filter",
    ]
    network.apply_selection(select_for(network, SelectionParameters()))
    assert [index for index, node in enumerate(network.nodes) if node.is_excluded] == [1]


# --- Granules ----------------------------------------------------------------------------------------


def test_granules_pair_frame_by_frame():
    names = {(day, second): scene_name(day, second) for day in (0, 12) for second in (9, 34)}
    nodes, _ = nodes_of_scenes(names.values())
    by_time = granule_pairs(*nodes)
    assert [(pair.reference, pair.secondary) for pair in by_time] == [
        (names[(0, 9)], names[(12, 9)]), (names[(0, 34)], names[(12, 34)]),
    ]  # fmt: skip
    swapped = {(0, 9): 411, (0, 34): 416, (12, 9): 416, (12, 34): 411}
    facts = facts_of_items(umm_item(names[key], frame=frame) for key, frame in swapped.items())
    by_frame = granule_pairs(*nodes, facts)
    assert [(pair.reference, pair.secondary) for pair in by_frame] == [
        (names[(0, 9)], names[(12, 34)]), (names[(0, 34)], names[(12, 9)]),
    ]  # fmt: skip
    shifts = {(0, 9): (1, 0.0), (0, 34): (2, 1.8), (12, 9): (3, 1.7), (12, 34): (4, 0.1)}
    facts = facts_of_items(
        umm_item(names[key], frame=frame, shift_deg=shift) for key, (frame, shift) in shifts.items()
    )
    assert granule_pairs(*nodes, facts) == by_frame


def test_a_date_that_lacks_a_frame_pairs_the_others():
    nodes, _ = nodes_of_scenes([scene_name(0, 9), scene_name(0, 34), scene_name(12, 34)])
    (pair,) = granule_pairs(*nodes)
    assert (pair.reference, pair.secondary) == (scene_name(0, 34), scene_name(12, 34))
    nodes, _ = nodes_of_scenes([scene_name(0, 9), scene_name(0, 34), "S1A_IW_SLC__1SDV_20180113T180000_20180113T180027_020202_000000_1F20"])  # fmt: skip
    assert granule_pairs(*nodes) == ()
    network = StackNetwork(nodes)
    with pytest.raises(InsarError, match=r"network\.no_common_frame"):
        network.add_pair((0, 1))
    assert select_for(network, SelectionParameters()).pairs == ()


def test_names_without_a_date_are_problems_not_nodes():
    nodes, problems = nodes_of_scenes([scene_name(0), "no date here"])
    assert len(nodes) == 1
    assert [problem.code for problem in problems] == ["scene.no_date"]


# --- Files -------------------------------------------------------------------------------------------


def test_everything_that_was_edited_survives_the_files(tmp_path):
    job = make_network_job(tmp_path / "job é", DAYS, pairs=TRIANGLES, scores={(0, 1): 70.0, (1, 2): 20.0})
    stack = read(job / "stack_p0_f0.json")
    stack["theirs"] = {"kept": [1, 2]}
    (job / "stack_p0_f0.json").write_text(json.dumps(stack), encoding="utf-8")
    config = read(job / "insarhub_config.json")
    config["insarhub_qgis"] = {"name": "bay", "network": {"future": "kept"}}
    (job / "insarhub_config.json").write_text(json.dumps(config), encoding="utf-8")
    opened = load_network(job)
    network = opened.network
    assert network.scores == {(0, 1): 70.0, (1, 2): 20.0}
    assert not network.is_dirty
    network.apply_selection(select_for(network, SelectionParameters(dt_max=60.0, max_degree=4)))
    network.toggle_pair((0, 1))
    network.add_pair((0, 7))
    network.exclude_dates([3], "coverage")
    opened.save()
    assert not network.is_dirty
    again = load_network(job)
    assert again.problems == []
    assert again.network.active_keys() == network.active_keys()
    assert again.network.removed_keys() == [(0, 1)]
    assert again.network.manual_keys() == [(0, 7)]
    assert again.network.marks[(0, 7)].relaxed == ("dt_max",)
    assert again.network.nodes == network.nodes
    assert again.network.parameters == SelectionParameters(dt_max=60.0, max_degree=4)
    again.network.include_dates([3])
    network.include_dates([3])
    assert again.network.active_keys() == network.active_keys()
    assert read(job / "stack_p0_f0.json")["theirs"] == {"kept": [1, 2]}
    own = read(job / "insarhub_config.json")["insarhub_qgis"]
    assert own["name"] == "bay"
    assert own["network"]["future"] == "kept"
    assert own["network"]["excluded"] == {scene_name(36): "coverage"}
    assert read(job / "insarhub_config.json")["downloader"] == config["downloader"]


def test_a_save_without_edits_changes_no_pair_and_no_score(tmp_path):
    job = make_network_job(tmp_path, DAYS, pairs=TRIANGLES, scores={(0, 1): 70.0})
    before = read(job / "stack_p0_f0.json")
    load_network(job).save()
    assert read(job / "stack_p0_f0.json") == before


def test_a_file_changed_by_somebody_else_is_not_replaced_unless_asked(tmp_path):
    job = make_network_job(tmp_path, DAYS, pairs=TRIANGLES)
    opened = load_network(job)
    opened.network.toggle_pair((0, 1))
    theirs = read(job / "stack_p0_f0.json")
    theirs["note"] = "written meanwhile"
    (job / "stack_p0_f0.json").write_text(json.dumps(theirs), encoding="utf-8")
    assert opened.has_changed_on_disk
    with pytest.raises(InsarError, match=r"stack\.changed_on_disk"):
        opened.save()
    assert read(job / "stack_p0_f0.json") == theirs
    assert "insarhub_qgis" not in read(job / "insarhub_config.json")
    assert opened.network.is_dirty
    opened.save(overwrite=True)
    assert not opened.has_changed_on_disk
    saved = read(job / "stack_p0_f0.json")
    assert saved["note"] == "written meanwhile"
    assert len(saved["pairs"]) == len(TRIANGLES) - 1
    opened.network.toggle_pair((0, 1))
    opened.save()


def test_a_damaged_config_refuses_the_save_before_anything_is_written(tmp_path):
    job = make_network_job(tmp_path, DAYS, pairs=TRIANGLES)
    opened = load_network(job)
    opened.network.toggle_pair((0, 1))
    before = (job / "stack_p0_f0.json").read_bytes()
    (job / "insarhub_config.json").write_text('{"downloader": ', encoding="utf-8")
    with pytest.raises(InsarError, match=r"file\.malformed"):
        opened.save()
    assert (job / "stack_p0_f0.json").read_bytes() == before


def test_damaged_side_files_are_problems_and_the_network_opens(tmp_path):
    job = make_network_job(tmp_path, DAYS, pairs=TRIANGLES)
    (job / ".insarhub_qgis_umm.json.gz").write_bytes(b"no gzip")
    (job / ".insarhub_qgis_pairwise.json").write_text("{", encoding="utf-8")
    (job / ".insarhub_pair_quality_db.json").write_text("[]", encoding="utf-8")
    opened = load_network(job)
    assert len(opened.problems) == 3
    assert opened.network.active_keys() == sorted(TRIANGLES)


def test_reversed_and_duplicate_pairs_are_mended_by_saving(tmp_path):
    job = make_network_job(tmp_path, DAYS, pairs=TRIANGLES)
    stack = read(job / "stack_p0_f0.json")
    stack["pairs"] = [list(reversed(stack["pairs"][0])), stack["pairs"][1], *stack["pairs"], ["junk"]]
    (job / "stack_p0_f0.json").write_text(json.dumps(stack), encoding="utf-8")
    opened = load_network(job)
    assert pair_faults(opened.stack) == (1, 2)
    assert opened.network.active_keys() == sorted(TRIANGLES)
    opened.save()
    assert not pair_faults(load_network(job).stack)
    saved = read(job / "stack_p0_f0.json")["pairs"]
    assert sorted(saved[:-1]) == sorted(
        [scene_name(DAYS[one]), scene_name(DAYS[other])] for one, other in TRIANGLES
    )
    assert saved[-1] == ["junk"]


def test_scores_and_coherences_of_the_database_reach_the_stack_file(tmp_path):
    job = make_network_job(tmp_path, DAYS, pairs=TRIANGLES)
    key = f"{scene_name(0)}:{scene_name(12)}"
    database = {"_schema_version": 1, "_complete": True, "scores": {key: 0.707}, "factors": {key: {"dt_days": 12, "coherence_expected": 0.33}}}  # fmt: skip
    (job / ".insarhub_pair_quality_db.json").write_text(json.dumps(database), encoding="utf-8")
    opened = load_network(job)
    assert opened.network.scores[(0, 1)] == pytest.approx(70.7)
    assert opened.network.coherences == {(0, 1): 0.33}
    opened.save()
    quality = read(job / "stack_p0_f0.json")["pair_quality"]
    assert quality["scores"] == {key.replace(":", ","): 70.7}
    assert quality["factors"] == {key.replace(":", ","): {"coherence": 0.33}}
    assert quality["status"] == {key: "healthy"}


def test_what_the_scores_rest_on_reaches_the_stack_file(tmp_path):
    """All documented factors of active pairs; what other programs wrote beside them stays."""
    job = make_network_job(tmp_path, [10, 22, 34], [0.0, -150.0, 20.0], pairs=[(0, 1), (1, 2)])
    names = [scene_name(day) for day in (10, 22, 34)]
    file = job / "stack_p0_f0.json"
    stack = read(file)
    theirs = {"coherence": 0.5, "fire": 0.25, "events": ["frost"]}
    stack["pair_quality"] = {
        "scores": {f"{names[0]},{names[1]}": 50.0},
        "factors": {f"{names[0]},{names[1]}": theirs},
    }
    file.write_text(json.dumps(stack), encoding="utf-8")
    opened = load_network(job)
    values = np.full((4, 30), np.nan)
    values[0] = 1.0
    pixels = DecayParameters(values * 0.30, values * 0.80, values * 40.0, area_pixels=30)
    rain, air, ndvi = [6, 3, math.nan], [-1, 4, 4], [0.3, 0.5, math.nan]
    dates = DateInputs.of(3, rain_mm=rain, snow_cover=[0, 0, 0], air_c=air, ndvi=ndvi)
    inputs = QualityInputs(opened.network.nodes, dates, opened.network.baselines, DecaySources.ranked(pixels))
    table = build_pair_table(inputs)
    opened.quality = replace(opened.quality, table=table)
    opened.network.scores, opened.network.coherences = table.scores, table.coherences
    opened.save()
    quality = read(file)["pair_quality"]
    first, second = (quality["factors"][f"{one},{other}"] for one, other in zip(names, names[1:]))
    assert first == {
        "coherence": 0.67,
        "fire": 0.25,
        "events": ["frost"],
        "ndvi": 0.4,
        "snow": 0.0,
        "rain": 0.2,
    }
    # Nothing is known of the vegetation and of fires: no entry, never 0.
    assert set(second) == {"coherence", "snow", "rain"}
    before = file.read_bytes()
    again = load_network(job)
    again.quality = opened.quality
    again.network.scores, again.network.coherences = table.scores, table.coherences
    again.save()
    assert file.read_bytes() == before


def test_pairwise_baselines_of_the_folder_are_used(tmp_path):
    job = make_network_job(tmp_path, [0, 12, 24], [0.0, 40.0, None])
    names = [scene_name(day) for day in (0, 12, 24)]
    write_pairwise_file(job, names, {(names[0], names[1]): 44.5, (names[0], names[2]): -7.0})
    network = load_network(job).network
    assert network.pair((0, 1)).bperp_m == 44.5
    assert network.pair((0, 2)).bperp_m == -7.0
    assert network.pair((1, 2)).bperp_m is None
    assert network.nodes[2].bperp_m is None

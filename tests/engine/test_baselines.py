# SPDX-License-Identifier: GPL-2.0-or-later
"""Offline baselines: the recorded values, pairs, unknown ones, repaired node times, and the command."""

from __future__ import annotations

import copy
import json
import socket
from datetime import datetime, timedelta

import pytest

from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.pairwise_file import PAIRWISE_NAME, read_pairwise_file
from insarhub_qgis.core.requests import ComputeBaselines
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.core.scenes import order_pair
from insarhub_qgis.core.search_answer import write_search_answer
from insarhub_qgis.core.stack_file import Stack, StackNumbers
from insarhub_qgis.engine.baselines import compute_baselines, run, stack_with_baselines
from insarhub_qgis.engine.node_times import NODAL_PERIOD_S, repaired_node_times
from insarhub_qgis.engine.scene_table import attributes_of, scene_name_of_item
from insarhub_qgis.sandbox.scene import simulated_baselines_m
from insarhub_qgis.sandbox.simulated_catalogue import simulated_items
from tests.makers.sandbox_clients import REAL_STACK, many_items

needs_real_stack = pytest.mark.skipif(
    not (REAL_STACK / "granules.umm.json").is_file(), reason=f"no recorded stack in {REAL_STACK}"
)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a baseline needs no network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(scope="module")
def real_items():
    return json.loads((REAL_STACK / "granules.umm.json").read_text())["items"]


def simulated_stack(path=8, frame=463):
    return [
        item
        for item in simulated_items()
        if (attributes_of(item)["PATH_NUMBER"], attributes_of(item)["FRAME_NUMBER"])
        == (str(path), str(frame))
    ]


def set_attribute(item, name, value):
    changed = copy.deepcopy(item)
    attributes = changed["umm"]["AdditionalAttributes"]
    if value is None:
        changed["umm"]["AdditionalAttributes"] = [entry for entry in attributes if entry["Name"] != name]
    else:
        next(entry for entry in attributes if entry["Name"] == name)["Values"] = [value]
    return changed


def shifted_node_time(item, seconds):
    told = datetime.fromisoformat(attributes_of(item)["ASC_NODE_TIME"].replace("Z", ""))
    return set_attribute(item, "ASC_NODE_TIME", f"{told + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S.%f}Z")


def chronological(items):
    return sorted(items, key=lambda item: scene_name_of_item(item)[17:32])


# --- Values ---


@needs_real_stack
def test_the_recorded_baselines(real_items):
    expected = json.loads((REAL_STACK / "expected_baselines.json").read_text())
    computed = compute_baselines(real_items)
    assert len(expected) == 30
    assert set(computed.scenes) == set(expected)
    for name, values in expected.items():
        assert computed.temporal_days[name] == values["temporalBaseline"]
        assert computed.baselines_m[name] == pytest.approx(values["perpendicularBaseline"], abs=1)
    assert computed.unknown == []
    assert computed.repaired == ()


@needs_real_stack
def test_two_runs_are_identical_whatever_the_order(real_items):
    before = copy.deepcopy(real_items)
    forward, backward = compute_baselines(real_items), compute_baselines(real_items[::-1])
    assert forward == backward
    assert real_items == before


@needs_real_stack
def test_the_sign_is_that_of_asf_search(real_items):
    """Seen from the other scene the value turns round, within what the geometry of the pair allows."""
    computed = compute_baselines(real_items)
    first, second = computed.scenes[:2]
    assert computed.baselines_m[second] == -31
    assert computed.pairwise_m[first, second] == -31
    by_name = {scene_name_of_item(item): item for item in real_items}
    later_name = f"{second[:17]}20190101{second[25:]}"
    swapped = copy.deepcopy(by_name[second])
    swapped["umm"]["DataGranule"]["Identifiers"] = [
        {"Identifier": later_name, "IdentifierType": "ProducerGranuleId"}
    ]
    turned = compute_baselines([by_name[first], swapped])
    assert turned.pairwise_m[later_name, first] == pytest.approx(31, abs=2)


@needs_real_stack
def test_values_of_pairs_deviate_little_from_differences(real_items):
    computed = compute_baselines(real_items)
    assert len(computed.pairwise_m) == 30 * 29 // 2
    deviations = sorted(
        abs(value - (computed.baselines_m[later] - computed.baselines_m[earlier]))
        for (earlier, later), value in computed.pairwise_m.items()
    )
    assert deviations[len(deviations) // 2] <= 2
    assert 0 < deviations[-1] < 30


def test_simulated_baselines_within_what_linear_interpolation_allows():
    computed = compute_baselines(simulated_stack(103, 121))
    values = [computed.baselines_m[name] for name in computed.scenes]
    assert max(abs(simulated_baselines_m(1, 31) - values)) < 10
    assert values[0] == 0.0


# --- Unknown ---


def test_missing_vectors_are_unknown_and_not_zero():
    items = simulated_stack()
    computed = compute_baselines(items)
    (unknown,) = computed.unknown
    assert computed.baselines_m[unknown] is None
    assert unknown not in computed.known_m
    partners = [value for pair, value in computed.pairwise_m.items() if unknown in pair]
    assert len(partners) == len(computed.scenes) - 1
    assert set(partners) == {None}
    others = [value for pair, value in computed.pairwise_m.items() if unknown not in pair]
    assert None not in others


@pytest.mark.parametrize("name", ["SV_POSITION_PRE", "SV_VELOCITY_POST", "ASC_NODE_TIME", "CENTER_LAT"])
@pytest.mark.parametrize("value", [None, "NA", ""])
def test_any_missing_or_broken_field_is_unknown(name, value):
    items = simulated_stack(103, 121)[:5]
    items[2] = set_attribute(items[2], name, value)
    computed = compute_baselines(items)
    assert computed.unknown == [computed.scenes[2]]
    assert sum(baseline is not None for baseline in computed.baselines_m.values()) == 4


def test_the_first_scene_with_vectors_is_the_zero():
    items = chronological(simulated_stack(103, 121))
    items[0] = set_attribute(items[0], "SV_POSITION_PRE", None)
    whole = compute_baselines(simulated_stack(103, 121))
    computed = compute_baselines(items)
    first, second, third = computed.scenes[:3]
    assert computed.baselines_m[first] is None
    assert computed.baselines_m[second] == 0.0
    assert computed.baselines_m[third] == whole.pairwise_m[second, third]
    assert computed.temporal_days[second] == 12


def test_a_stack_without_any_vector():
    items = [set_attribute(item, "SV_POSITION_POST", None) for item in simulated_stack(103, 121)[:4]]
    computed = compute_baselines(items)
    assert computed.unknown == list(computed.scenes)
    assert set(computed.pairwise_m.values()) == {None}
    assert computed.known_m == {}


def test_beyond_100_km_is_unknown():
    items = simulated_stack(103, 121)[:3]
    vector = attributes_of(items[1])["SV_POSITION_PRE"].split(",")
    other = attributes_of(items[1])["SV_POSITION_POST"].split(",")
    for name, parts in (("SV_POSITION_PRE", vector), ("SV_POSITION_POST", other)):
        moved = [str(float(parts[0]) + 400_000), *parts[1:]]
        items[1] = set_attribute(items[1], name, ",".join(moved))
    computed = compute_baselines(items)
    assert computed.baselines_m[computed.scenes[1]] is None
    assert computed.baselines_m[computed.scenes[2]] is not None


def test_no_scene_and_one_scene():
    assert compute_baselines([]).scenes == ()
    (item, *_) = simulated_stack(103, 121)
    one = compute_baselines([item])
    assert list(one.baselines_m.values()) == [0.0]
    assert one.pairwise_m == {}


def test_two_frames_on_one_date():
    south, north = simulated_stack(103, 121)[:4], simulated_stack(103, 126)[:3]
    alone = compute_baselines(south)
    computed = compute_baselines(south + north)
    assert len(computed.scenes) == 7
    assert sorted(computed.temporal_days.values()) == [0, 0, 12, 12, 24, 24, 36]
    for name in alone.scenes:
        assert computed.baselines_m[name] == alone.baselines_m[name]
    by_day = {}
    for name in computed.scenes:
        by_day.setdefault(name[17:25], []).append(computed.baselines_m[name])
    # One pass has one orbit: its frames have one value.
    assert all(len(set(values)) == 1 for values in by_day.values())
    assert len(computed.pairwise_m) == 21
    assert None not in computed.pairwise_m.values()


def test_frames_without_a_common_pass_are_unknown_to_each_other():
    south, north = chronological(simulated_stack(103, 121)), chronological(simulated_stack(103, 126))
    computed = compute_baselines([*south[:2], *north[4:6]])
    assert len(computed.unknown) == 2
    assert computed.pairwise_m[computed.scenes[2], computed.scenes[3]] is not None


# --- Node times of other orbits ---


@needs_real_stack
@pytest.mark.parametrize(
    "seconds", [NODAL_PERIOD_S, -NODAL_PERIOD_S, 5929.0, -5929.0, 2 * 5929.0, -86400.0, 1200.0]
)
def test_a_node_time_of_another_orbit_is_repaired(real_items, seconds):
    right = compute_baselines(real_items)
    items = list(real_items)
    for index in (0, 7, 20):
        items[index] = shifted_node_time(items[index], seconds)
    computed = compute_baselines(items)
    assert set(computed.repaired) == {scene_name_of_item(items[index]) for index in (0, 7, 20)}
    assert computed.unknown == []
    for name in computed.scenes:
        assert computed.baselines_m[name] == pytest.approx(right.baselines_m[name], abs=1)
    # What the library makes of it as it stands.
    untouched, repaired = repaired_node_times(items)[0], repaired_node_times(real_items)[1]
    assert repaired == []
    assert untouched[1] is items[1]


@needs_real_stack
def test_a_stack_of_wrong_node_times_alone_is_consistent(real_items):
    right = compute_baselines(real_items)
    computed = compute_baselines([shifted_node_time(item, -5929.0) for item in real_items])
    assert len(computed.repaired) == 30
    worst = max(abs(computed.baselines_m[name] - right.baselines_m[name]) for name in computed.scenes)
    # One recorded node time is 1 s off and is right here.
    assert sum(abs(computed.baselines_m[n] - right.baselines_m[n]) > 1 for n in computed.scenes) <= 1
    assert worst < 30


@needs_real_stack
def test_small_errors_are_left_to_the_library(real_items):
    items = [shifted_node_time(item, 500.0) if index == 3 else item for index, item in enumerate(real_items)]
    assert repaired_node_times(items)[1] == []


# --- Many scenes and cancel ---


def test_all_pairs_of_three_hundred_scenes():
    items = many_items(simulated_stack(103, 121)[0], 300)
    computed = compute_baselines(items)
    assert len(computed.pairwise_m) == 44_850


def test_cancel_and_progress():
    fractions = []
    compute_baselines(simulated_stack(103, 121), lambda fraction, _: fractions.append(fraction))
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    with pytest.raises(Cancelled):
        compute_baselines(simulated_stack(103, 121), is_cancelled=lambda: len(fractions) > 0)


# --- The command ---


@pytest.fixture
def job(tmp_path):
    items = simulated_stack()
    folder = JobFolder(tmp_path / "p8_f463")
    folder.path.mkdir()
    names = sorted((scene_name_of_item(item) for item in items), key=lambda name: name[17:])
    folder.write_stack(
        Stack(pairs=(order_pair(names[0], names[1]),), scenes=tuple(names), numbers=StackNumbers(8, (463,)))
    )
    write_search_answer(folder.path, items)
    return folder


def test_the_command_fills_the_stack_and_the_table_of_pairs(job):
    before = job.read_stack()
    result = run(ComputeBaselines(str(job.path)), RunContext())
    stack = job.read_stack()
    assert stack.pairs == before.pairs
    assert stack.scenes == before.scenes
    (unknown,) = result["unknown"]
    assert unknown not in stack.baselines
    assert dict(stack.baselines) == {n: v for n, v in result["baselines"].items() if v is not None}
    assert result["without_metadata"] == []
    table = read_pairwise_file(job.path)
    assert result["pairwise_file"] == str(job.path / PAIRWISE_NAME)
    assert len(table) == 80 * 79 // 2
    first = result["scenes"][0]
    assert all(table[first, name] == result["baselines"][name] for name in result["scenes"][1:])
    files = {path.name: path.read_bytes() for path in job.path.iterdir()}
    assert run(ComputeBaselines(str(job.path)), RunContext()) == result
    assert {path.name: path.read_bytes() for path in job.path.iterdir()} == files


def test_scenes_without_metadata_are_named_and_keep_their_value(job):
    stack = job.read_stack()
    foreign = "S1A_IW_SLC__1SDV_20180106T004006_20180106T004031_020027_0221EC_770D"
    known = stack.scenes[4]
    job.write_stack(
        Stack(scenes=(*stack.scenes, foreign), baselines={foreign: 10.0, known: 100.0}, numbers=stack.numbers)
    )
    result = run(ComputeBaselines(str(job.path)), RunContext())
    assert result["without_metadata"] == [foreign]
    saved = job.read_stack().baselines
    assert saved[foreign] == saved[known] - 90.0


def test_old_values_that_nothing_ties_to_the_new_ones_go():
    computed = compute_baselines(simulated_stack(103, 121))
    stack = Stack(scenes=("x_20170101", *computed.scenes), baselines={"x_20170101": 5.0})
    assert "x_20170101" not in stack_with_baselines(stack, computed).baselines


def test_without_metadata(job):
    write_search_answer(job.path, simulated_stack(103, 121))
    with pytest.raises(InsarError) as caught:
        run(ComputeBaselines(str(job.path)), RunContext())
    assert caught.value.code == "baselines.no_metadata"
    assert not (job.path / PAIRWISE_NAME).exists()
    with pytest.raises(InsarError) as caught:
        run(ComputeBaselines(str(job.path.parent)), RunContext())
    assert caught.value.code == "stack.missing"


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"scenes": ["a"], "perp_baseline_m": []}',
        '{"scenes": ["a", "b"], "perp_baseline_m": [[1, 2], []]}',
        '{"scenes": ["a", ["b"]], "perp_baseline_m": [[1], []]}',
    ],
)
def test_a_damaged_table_of_pairs_is_said(tmp_path, text):
    (tmp_path / PAIRWISE_NAME).write_text(text)
    with pytest.raises(InsarError) as caught:
        read_pairwise_file(tmp_path)
    assert caught.value.code == "file.malformed"
    assert read_pairwise_file(tmp_path / "nowhere") == {}

# SPDX-License-Identifier: GPL-2.0-or-later
"""Facts of scenes and of passes of bursts, from items written by hand and from what stands beside them."""

from __future__ import annotations

import pytest

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.scene_facts import facts_of_items, read_scene_facts
from insarhub_qgis.core.search_answer import (
    BURSTS_OF_PASSES,
    read_items_and_facts,
    write_search_answer,
)
from tests.makers.burst_items import burst_box, burst_item

DAY = "2020-01-06"


def items(*bursts, day=DAY, **values):
    return [burst_item(number, swath, day, **values) for number, swath in bursts]


def names(found):
    return [item["umm"]["GranuleUR"] for item in found]


def test_a_burst_by_itself():
    (found,) = items((1001, 2))
    facts = facts_of_items([found])[found["umm"]["GranuleUR"]]
    assert (facts.path, facts.frame, facts.beam_mode, facts.polarization) == (44, 1001, "IW", "VV")
    west, south, east, north = burst_box(1001, 2)
    expected = ((west, south), (east, south), (east, north), (west, north), (west, south))
    assert [place == pytest.approx(corner) for place, corner in zip(facts.footprint, expected)] == [True] * 5


def test_a_pass_has_the_hull_of_its_bursts():
    found = items((1001, 1), (1001, 2), (1002, 1))
    first, *others = names(found)
    facts = facts_of_items(found, {first: names(found)})
    west, south = burst_box(1001, 1)[:2]
    top, right = burst_box(1002, 1)[3], burst_box(1001, 2)[2]
    ring = facts[first].footprint
    # an L: the hull cuts its inner corner
    expected = [
        (west, south),
        (right, south),
        (right, burst_box(1001, 2)[3]),
        (burst_box(1002, 1)[2], top),
        (west, top),
        (west, south),
    ]
    assert len(ring) == len(expected)
    assert all(place == pytest.approx(corner) for place, corner in zip(ring, expected)), ring
    area = sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(ring, ring[1:])) / 2
    assert area > 0, "counter-clockwise"
    assert facts[first].frame == 1001
    assert [facts[name].footprint for name in others] == [
        facts_of_items([item])[name].footprint for item, name in zip(found[1:], others)
    ]


def test_across_the_antimeridian_the_hull_runs_on():
    found = items((1000, 1), (1000, 2), west=179.2, south=-17.0)
    first = names(found)[0]
    facts = facts_of_items(found, {first: names(found)})[first]
    longitudes = [x for x, _ in facts.footprint]
    assert (min(longitudes), max(longitudes)) == (pytest.approx(179.2), pytest.approx(181.02))
    assert facts.centre == pytest.approx((180.11, -16.905))


@pytest.mark.parametrize(
    "bursts",
    [{"S1_009999_IW1_20200106T000000_VV_0000-BURST": ["x"]}, {"{first}": "text"}, {"{first}": ["x"]}],
)
def test_bursts_that_say_nothing_change_nothing(bursts):
    found = items((1001, 1))
    first = names(found)[0]
    given = {key.format(first=first): value for key, value in bursts.items()}
    assert facts_of_items(found, given)[first] == facts_of_items(found)[first]


def test_a_folder_tells_its_passes(tmp_path):
    assert read_items_and_facts(tmp_path) == ([], {})
    assert read_scene_facts(tmp_path) == {}
    found = items((1001, 1), (1002, 1))
    first = names(found)[0]
    write_search_answer(tmp_path, found, {BURSTS_OF_PASSES: {first: names(found)}})
    assert read_items_and_facts(tmp_path) == (found, {BURSTS_OF_PASSES: {first: names(found)}})
    facts = read_scene_facts(tmp_path)[first]
    assert max(y for _, y in facts.footprint) == burst_box(1002, 1)[3]
    write_search_answer(tmp_path, found, {BURSTS_OF_PASSES: "odd"})
    assert read_scene_facts(tmp_path)[first].footprint[2][1] == burst_box(1001, 1)[3]
    (tmp_path / ".insarhub_qgis_umm.json.gz").write_bytes(b"x")
    with pytest.raises(InsarError) as caught:
        read_scene_facts(tmp_path)
    assert caught.value.code == "file.malformed"

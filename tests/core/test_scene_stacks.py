# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenes grouped into stacks: days, gaps, coverage and missing frames, against hand-counted cases."""

from __future__ import annotations

from datetime import date

import pytest

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.scene_stacks import FoundScene, SearchAnswer, group_scenes
from tests.makers.search_answers import answer_of, scene_row


def scene(day: str, path: int = 13, frame: int = 411, **values):
    return FoundScene.from_json(scene_row(day, path, frame, **values))


def test_a_day_with_two_slices_is_one_date():
    stack = group_scenes([scene("2019-01-07", hour=14), scene("2019-01-07", hour=15), scene("2019-01-19")])[0]
    assert len(stack.scenes) == 3
    assert [day.date for day in stack.dates] == [date(2019, 1, 7), date(2019, 1, 19)]
    assert [len(day.scenes) for day in stack.dates] == [2, 1]


def test_gaps_are_counted_from_the_usual_revisit():
    days = ["2019-01-07", "2019-01-19", "2019-01-31", "2019-03-08", "2019-03-20"]
    stack = group_scenes([scene(day) for day in reversed(days)])[0]
    assert (stack.revisit_days, stack.longest_gap_days) == (12, 36)
    assert [(gap.after, gap.before, gap.days, gap.missing) for gap in stack.gaps] == [
        (date(2019, 1, 31), date(2019, 3, 8), 36, 2)
    ]
    assert [day.days_since_previous for day in stack.dates] == [None, 12, 12, 36, 12]


def test_a_single_day_has_no_revisit():
    stack = group_scenes([scene("2019-01-07")])[0]
    assert (stack.revisit_days, stack.longest_gap_days, stack.gaps) == (None, None, ())


def test_a_frame_misses_the_days_of_its_neighbours_only():
    scenes = [
        scene("2019-01-07", 13, 411),
        scene("2019-01-07", 13, 416),
        scene("2019-01-19", 13, 416),
        scene("2019-01-20", 93, 120),
    ]
    stacks = {stack.key: stack for stack in group_scenes(scenes)}
    assert list(stacks) == [(13, 411), (13, 416), (93, 120)]
    assert stacks[(13, 411)].dates_without == (date(2019, 1, 19),)
    assert stacks[(13, 416)].dates_without == ()
    assert stacks[(93, 120)].dates_without == ()


def test_coverage_unknown_stays_unknown():
    stack = group_scenes([scene("2019-01-07", aoi_coverage=None), scene("2019-01-19", aoi_coverage=None)])[0]
    assert (stack.aoi_coverage, stack.least_coverage) == (None, None)
    known = group_scenes(
        [
            scene("2019-01-07", aoi_coverage=0.5),
            scene("2019-01-19", aoi_coverage=1.0),
            scene("2019-01-31", aoi_coverage=None),
        ],
        {(13, date(2019, 1, 7)): 0.75},
    )[0]
    assert (known.aoi_coverage, known.least_coverage) == (0.75, 0.5)
    assert [day.path_coverage for day in known.dates] == [0.75, None, None]


def test_scenes_without_frame_form_no_stack_but_are_kept():
    answer = SearchAnswer.from_json(
        answer_of([scene_row("2019-01-07", 13, 411), scene_row("2019-01-19", 13, None)])
    )
    assert [len(stack.scenes) for stack in answer.stacks] == [1]
    assert len(answer.unstacked) == 1
    assert len(answer.scenes) == 2


def test_the_direction_is_that_of_most_scenes():
    rows = [scene("2019-01-07"), scene("2019-01-19"), scene("2019-01-31", direction="ASCENDING")]
    assert group_scenes(rows)[0].direction == "DESCENDING"
    assert group_scenes([scene("2019-01-07", direction=None)])[0].direction is None


def test_warnings_of_an_answer_come_first():
    rows = [
        {"code": "search.repaired", "fields": {"parts": 2}, "level": "note"},
        {"code": "search.short_pages", "fields": {"found": 247, "hits": 250}, "level": "warning"},
    ]
    answer = SearchAnswer.from_json(
        answer_of([scene_row("2019-01-07", 13, 411)], messages=rows, is_complete=False, hits=250)
    )
    assert [message.code for message in answer.messages] == ["search.short_pages", "search.repaired"]
    assert (answer.is_complete, answer.hits) == (False, 250)


def test_unknown_keys_pass_and_a_row_without_date_uses_the_name():
    row = {**scene_row("2019-01-07", 13, 411), "date": None, "added_by_a_later_version": 1}
    assert FoundScene.from_json(row).date == date(2019, 1, 7)
    with pytest.raises(InsarError) as caught:
        FoundScene.from_json({"name": "no date in here"})
    assert caught.value.code == "scene.no_date"


def burst_row(day: str, ids=("220001_IW1", "220002_IW1", "220002_IW2"), **values):
    names = [f"S1_{one}_{day.replace('-', '')}T140641_VV_0A1B-BURST" for one in ids]
    row = scene_row(day, 103, int(ids[0][:6]), polarization="VV", **values)
    return {**row, "name": names[0], "bursts": names, "burst_ids": list(ids)}


def test_a_burst_stack_tells_its_bursts_and_the_days_that_lack_some():
    first, second = burst_row("2020-01-06"), burst_row("2020-01-30")
    far = burst_row("2020-01-18", ("220300_IW2",))
    stacks = [
        {"path": 103, "frame": 220001, "burst_ids": first["burst_ids"], "dates_without": ["2020-01-18"]},
        {"path": 103, "frame": 220300, "burst_ids": far["burst_ids"], "dates_without": []},
    ]
    answer = SearchAnswer.from_json({**answer_of([first, second, far]), "stacks": stacks})
    near, beyond = answer.stacks
    assert near.key == (103, 220001)
    assert (near.burst_count, near.burst_ranges) == (3, "IW1 220001-220002, IW2 220002")
    assert [scene.bursts for scene in near.scenes] == [tuple(first["bursts"]), tuple(second["bursts"])]
    assert near.dates_without == (date(2020, 1, 18),)
    # The days of a set far away on the same path say nothing about it.
    assert (beyond.dates_without, beyond.burst_ranges) == ((), "IW2 220300")


def test_whole_scenes_have_no_bursts():
    stack = group_scenes([scene("2019-01-07")])[0]
    assert (stack.burst_count, stack.burst_ids, stack.burst_ranges, stack.scenes[0].bursts) == (0, (), "", ())

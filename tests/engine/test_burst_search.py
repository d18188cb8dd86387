# SPDX-License-Identifier: GPL-2.0-or-later
"""Search for bursts over real HTTP: sets made by hand, passes that lack some, edges, polarisations, kept answers."""

from __future__ import annotations

import gzip
import json
import random
from datetime import date, timedelta

import pytest
from shapely import wkt
from shapely.geometry import box
from shapely.ops import unary_union

from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.requests import OpenSearchAnswer, SearchScenes
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.core.scene_stacks import SearchAnswer
from insarhub_qgis.core.search_answer import SEARCH_ANSWER_NAME, read_search_answer
from insarhub_qgis.engine import search
from insarhub_qgis.engine.burst_sets import whole_set
from insarhub_qgis.sandbox.cmr_service import CmrService
from insarhub_qgis.sandbox.serve import make_sandbox
from insarhub_qgis.sandbox.server import SandboxServer
from insarhub_qgis.sandbox.service_state import Fault
from tests.makers.burst_items import STEP, burst_box, burst_item

DAYS = [(date(2020, 1, 6) + timedelta(days=12 * index)).isoformat() for index in range(10)]
SITE = "POLYGON((-1.8 37.6,-1.7 37.6,-1.7 37.7,-1.8 37.7,-1.8 37.6))"


def inside(*bursts, margin=0.05):
    """An area that touches exactly these bursts of the grid, well inside each, as far as they are a rectangle."""
    parts = [box(*burst_box(*one)) for one in bursts]
    if len(parts) == 1:
        return parts[0].buffer(-margin, join_style="mitre").wkt
    return unary_union([part.centroid for part in parts]).envelope.buffer(0.01, join_style="mitre").wkt


class Archive:
    """A sandbox of these items, with what was asked of it."""

    def __init__(self, items):
        self.server = SandboxServer([CmrService(items)])

    def __enter__(self):
        self.server.__enter__()
        return self

    def __exit__(self, *_):
        self.server.__exit__(None, None, None)

    def find(self, **wishes):
        endpoints = Endpoints.of_sandbox(self.server.base_url).to_json()
        return search.run(SearchScenes(product="BURST", endpoints=endpoints, **wishes), RunContext())

    def asked_ids(self):
        """Identifiers that were asked for one by one."""
        values = [value for request in self.server.log.requests() for _, value in request.form]
        return [value.rpartition(",")[2] for value in values if "BURST_ID_FULL" in value]


def grid(days=DAYS, numbers=range(998, 1005), swaths=(1, 2, 3), **values):
    return [
        burst_item(number, swath, day, **values) for day in days for number in numbers for swath in swaths
    ]


def without(items, *names):
    gone = [item for item in items if any(item["umm"]["GranuleUR"].startswith(name) for name in names)]
    assert len(gone) == len(names)
    return [item for item in items if item not in gone]


def codes(result):
    return [message["code"] for message in result["messages"]]


def ids_of(result):
    return [(stack["path"], stack["burst_ids"]) for stack in result["stacks"]]


# --- Sets and passes ---


def test_a_pass_is_a_row_with_all_bursts_of_the_set():
    with Archive(grid()) as archive:
        result = archive.find(aoi_wkt=inside((1001, 1), (1002, 2)))
    (stack,) = result["stacks"]
    assert stack["burst_ids"] == ["001001_IW1", "001001_IW2", "001002_IW1", "001002_IW2"]
    assert (stack["path"], stack["frame"], stack["burst_count"], stack["scene_count"]) == (44, 1001, 4, 10)
    assert (stack["aoi_coverage"], stack["polarizations"], stack["dates_without"]) == (1.0, ["VV"], [])
    newest = result["scenes"][0]
    assert newest["name"] == newest["bursts"][0]
    assert newest["bursts"][0].startswith("S1_001001_IW1_20200423T")
    assert [name[3:13] for name in newest["bursts"]] == newest["burst_ids"] == stack["burst_ids"]
    assert (newest["frame"], newest["bytes"], newest["polarization"], newest["platform"]) == (
        1001, 4000, "VV", "S1A",
    )  # fmt: skip
    assert newest["url"].endswith("/IW1/VV/1001.tiff")
    parts = unary_union([box(*burst_box(number, swath)) for number in (1001, 1002) for swath in (1, 2)])
    assert wkt.loads(newest["footprint_wkt"]).symmetric_difference(parts).area < 1e-9
    # from the start of the first burst to the end of the last
    assert (newest["start"][11:19], newest["stop"][11:19]) == ("05:00:03", "05:00:10")
    assert (codes(result), result["is_complete"], result["hits"]) == ([], True, None)
    assert archive.asked_ids() == [], "nothing was uncertain"


def test_a_pass_that_lacks_a_burst_is_no_row():
    items = without(grid(), "S1_001001_IW2_20200118", "S1_001002_IW1_20200211", "S1_000998_IW3_20200306")
    with Archive(items) as archive:
        result = archive.find(aoi_wkt=inside((1001, 1), (1002, 2)))
    (stack,) = result["stacks"]
    assert stack["dates_without"] == ["2020-01-18", "2020-02-11"]
    assert {scene["date"] for scene in result["scenes"]} == set(DAYS) - {"2020-01-18", "2020-02-11"}
    (message,) = result["messages"]
    assert (message["code"], message["level"]) == ("search.bursts_incomplete", "warning")
    assert message["fields"] == {"count": 2, "dates": ["2020-01-18", "2020-02-11"]}
    answer = SearchAnswer.from_json(result)
    assert answer.stacks[0].dates_without == (date(2020, 1, 18), date(2020, 2, 11))
    assert answer.is_complete


@pytest.mark.parametrize(("touching", "is_taken"), [(6, True), (4, False)])
def test_a_burst_that_touches_on_some_dates_only(touching, is_taken):
    """It is there on all of them: what the archive does not give for the area is asked for by its identifier."""
    area = inside((1001, 1), (1001, 1))
    top = wkt.loads(area).bounds[3]
    reach = burst_box(1002, 1)[1] - top
    items = grid(numbers=[1000, 1001, 1003], swaths=[1])
    items += [
        burst_item(1002, 1, day, shift=-reach + (-0.001 if index < touching else 0.001))
        for index, day in enumerate(DAYS)
    ]
    with Archive(items) as archive:
        result = archive.find(aoi_wkt=area)
    assert ids_of(result) == [(44, ["001001_IW1", "001002_IW1"] if is_taken else ["001001_IW1"])]
    assert len(result["scenes"]) == 10
    assert codes(result) == []
    assert archive.asked_ids() == (["044_001002_IW1"] if is_taken else [])


def test_a_burst_of_few_passes_is_not_in_the_set():
    with Archive([*grid(numbers=[1001], swaths=[1]), *grid(DAYS[:4], [1001], [2])]) as archive:
        result = archive.find(aoi_wkt=inside((1001, 1), (1001, 2)))
    assert ids_of(result) == [(44, ["001001_IW1"])]
    assert len(result["scenes"]) == 10
    assert 0.1 < result["stacks"][0]["aoi_coverage"] < 0.7


def test_a_set_is_made_whole_with_bursts_beside_the_area():
    """HyP3 would take the other four, be paid, and fail."""
    area = unary_union([box(*burst_box(number, 1)).centroid for number in (1000, 1001, 1002)]).envelope
    corner = box(*burst_box(1002, 2)).centroid
    shape = area.buffer(0.01).union(box(area.bounds[0], corner.y - 0.01, corner.x, corner.y + 0.01))
    with Archive(grid()) as archive:
        result = archive.find(aoi_wkt=shape.wkt)
    assert ids_of(result) == [(44, ["001000_IW1", "001001_IW1", "001001_IW2", "001002_IW1", "001002_IW2"])]
    assert len(result["scenes"]) == 10
    assert archive.asked_ids() == ["044_001001_IW2"]


def test_places_far_from_each_other_on_one_path_are_two_stacks():
    parts = [wkt.loads(inside((number, 1))) for number in (998, 1003)]
    parts[1] = parts[1].union(wkt.loads(inside((1003, 1), (1004, 1))))
    items = without(grid(), "S1_001003_IW1_20200118")
    with Archive(items) as archive:
        result = archive.find(aoi_wkt=unary_union(parts).wkt)
    assert sorted(ids_of(result)) == [(44, ["000998_IW1"]), (44, ["001003_IW1", "001004_IW1"])]
    stacks = SearchAnswer.from_json(result).stacks
    assert [(stack.key, len(stack.dates), stack.dates_without) for stack in stacks] == [
        ((44, 998), 10, ()),
        ((44, 1003), 9, (date(2020, 1, 18),)),
    ]


def test_a_pass_that_was_processed_twice_is_one_row_of_the_newer_version():
    items = grid(numbers=[1001], swaths=[1, 2])
    items += grid(DAYS[2:3], [1001], [1, 2], version="0000", processed="2023-05-01")
    items += grid(DAYS[4:5], [1001], [1], version="FFFF", processed="2020-01-20")
    with Archive(items) as archive:
        result = archive.find(aoi_wkt=inside((1001, 1), (1001, 2)))
    rows = {scene["date"]: scene for scene in result["scenes"]}
    assert len(rows) == len(result["scenes"]) == 10
    assert [name[-10:-6] for name in rows[DAYS[2]]["bursts"]] == ["0000", "0000"]
    assert [name[-10:-6] for name in rows[DAYS[4]]["bursts"]] == ["1A2B", "1A2B"]


def test_sixteen_bursts_are_shown_with_a_word_about_the_limit():
    items = grid(numbers=range(1000, 1008), swaths=(1, 2))
    with Archive(items) as archive:
        result = archive.find(aoi_wkt=inside((1000, 1), (1007, 2)))
        assert result["stacks"][0]["burst_count"] == 16
        assert len(result["scenes"]) == 10
        (message,) = result["messages"]
        assert message["code"] == "search.many_bursts"
        assert message["fields"] == {"path": 44, "bursts": 16, "most": 15}
        fifteen = archive.find(aoi_wkt=inside((1000, 1), (1006, 2)))
    assert (fifteen["stacks"][0]["burst_count"], codes(fifteen)) == (14, [])


def test_across_the_antimeridian():
    items = grid(numbers=[1000, 1001], swaths=[1, 2], west=179.2, south=-17.0)
    # The second sub-swath lies east of 180 degrees; burst 1000 of the first one is across it.
    with Archive(items) as archive:
        result = archive.find(
            aoi_wkt="POLYGON((179.9 -16.9,180.3 -16.9,180.3 -16.85,179.9 -16.85,179.9 -16.9))"
        )
    (stack,) = result["stacks"]
    assert stack["burst_ids"] == ["001000_IW1", "001000_IW2"]
    assert (stack["aoi_coverage"], stack["scene_count"]) == (1.0, 10)
    footprint = wkt.loads(result["scenes"][0]["footprint_wkt"])
    assert footprint.geom_type == "MultiPolygon"
    assert -180 <= footprint.bounds[0] < -179
    assert 179 < footprint.bounds[2] <= 180


# --- Polarisations and filters ---


def test_vv_and_hh_are_stacks_of_their_own_and_vh_is_none():
    items = [
        *grid(numbers=[1001], swaths=[1]),
        *grid(numbers=[1001], swaths=[1], polarization="VH"),
        *grid(numbers=[2001], swaths=[1], path=51, polarization="HH", south=50.0 - 1000 * STEP),
        *grid(numbers=[2001], swaths=[1], path=51, polarization="HV", south=50.0 - 1000 * STEP),
    ]
    with Archive(items) as archive:
        result = archive.find(aoi_wkt=inside((1001, 1)))
        assert {stack["path"]: stack["polarizations"] for stack in result["stacks"]} == {
            44: ["VV"],
            51: ["HH"],
        }
        assert {scene["polarization"] for scene in result["scenes"]} == {"VV", "HH"}
        assert ids_of(archive.find(aoi_wkt=inside((1001, 1)), polarizations=("HH",))) == [
            (51, ["002001_IW1"])
        ]


def test_two_polarisations_of_the_same_bursts_leave_the_longer_stack():
    items = [*grid(DAYS[:3], [1001], [1], polarization="HH"), *grid(DAYS[3:], [1001], [1])]
    with Archive(items) as archive:
        result = archive.find(aoi_wkt=inside((1001, 1)))
        (stack,) = result["stacks"]
        assert (stack["polarizations"], stack["scene_count"], stack["dates_without"]) == (["VV"], 7, [])
        (message,) = result["messages"]
        assert message["code"] == "search.other_polarization"
        assert message["fields"] == {"path": 44, "kept": "VV", "other": "HH", "count": 3}
        other = archive.find(aoi_wkt=inside((1001, 1)), polarizations=("HH",))
    assert (len(other["scenes"]), codes(other)) == (3, [])


def test_a_polarisation_without_a_whole_pass_is_said_and_leaves_the_dates_of_the_other():
    hh = [burst_item(1001, 1 + index % 2, day, polarization="HH") for index, day in enumerate(DAYS[:4])]
    vv = without(grid(DAYS[4:], [1001], [1, 2]), f"S1_001001_IW2_{DAYS[6].replace('-', '')}")
    for items in ([*hh, *vv], [*vv, *hh]):
        with Archive(items) as archive:
            result = archive.find(aoi_wkt=inside((1001, 1), (1001, 2)))
        (stack,) = result["stacks"]
        assert (stack["polarizations"], stack["dates_without"]) == (["VV"], [DAYS[6]])
        fields = {message["code"]: message["fields"] for message in result["messages"]}
        assert fields == {
            "search.other_polarization": {"path": 44, "kept": "VV", "other": "HH", "count": 4},
            "search.bursts_incomplete": {"count": 1, "dates": [DAYS[6]]},
        }


def test_filters_of_months_days_satellites_paths_and_direction():
    items = [
        *grid(DAYS[::2], [1001], [1]),
        *grid(DAYS[1::2], [1001], [1], satellite="B"),
        *grid(numbers=[2001], swaths=[1], path=45, south=50.0 - 1000 * STEP),
    ]
    with Archive(items) as archive:

        def days(**wishes):
            found = archive.find(aoi_wkt=inside((1001, 1)), **wishes)
            return [scene["date"] for scene in reversed(found["scenes"])]

        assert days(paths=(44,)) == DAYS
        assert days(paths=(44,), platforms=("S1B",)) == DAYS[1::2]
        assert days(paths=(44,), months=(2,)) == [day for day in DAYS if day[5:7] == "02"]
        assert days(paths=(44,), start=DAYS[2], end=DAYS[4]) == DAYS[2:5]
        assert days(paths=(44,), direction="ASCENDING") == []
        assert days(paths=(44,), max_results=3) == DAYS[-3:]
        assert len(days()) == 20


@pytest.mark.parametrize(
    ("wishes", "code"),
    [
        ({"paths": (44,)}, "search.bursts_need_area"),
        ({"aoi_wkt": SITE, "frames": (411,)}, "search.bursts_without_frame"),
        ({"aoi_wkt": SITE, "polarizations": ("VV+VH",)}, "search.bad_filter"),
        ({"aoi_wkt": SITE, "start": "2020-02-01", "end": "2020-01-01"}, "search.end_before_start"),
        ({"aoi_wkt": SITE, "platforms": ("S1X",)}, "search.bad_filter"),
    ],
)
def test_wrong_wishes_are_refused_before_anything_is_asked(wishes, code):
    with Archive(grid(DAYS[:1])) as archive:
        with pytest.raises(InsarError) as caught:
            archive.find(**wishes)
        assert caught.value.code == code
        assert archive.server.log.requests() == []
        with pytest.raises(InsarError) as caught:
            search.run(SearchScenes(product="GRD", aoi_wkt=SITE), RunContext())
        assert caught.value.code == "search.bad_filter"


def test_scene_names_are_of_whole_scenes_whatever_the_product():
    with make_sandbox() as sandbox:
        endpoints = Endpoints.of_sandbox(sandbox.base_url).to_json()
        (whole,) = search.run(
            SearchScenes(paths=(103,), frames=(121,), start=DAYS[0], end=DAYS[0], endpoints=endpoints),
            RunContext(),
        )["scenes"]
        found = search.run(
            SearchScenes(product="BURST", scene_names=(whole["name"],), endpoints=endpoints), RunContext()
        )
    assert found["scenes"] == [whole]
    assert (whole["bursts"], whole["burst_ids"]) == ([], [])


# --- Faults and kept answers ---


def test_half_a_page_is_said_and_no_burst_is_made_up():
    with Archive(grid()) as archive:
        archive.server.faults.add(Fault(route="/search", keep_share=0.5, times=20))
        result = archive.find(aoi_wkt=inside((1001, 1), (1001, 2)))
    assert "search.pages_missing" in codes(result)
    assert not result["is_complete"]
    assert all(len(scene["bursts"]) == len(scene["burst_ids"]) for scene in result["scenes"])


def test_more_bursts_than_may_be_asked_for_make_the_answer_partial(monkeypatch):
    monkeypatch.setattr(search, "MOST_QUERIES", 1)
    along = unary_union([box(*burst_box(number, 1)).centroid for number in (1000, 1003)]).envelope
    corner = box(*burst_box(1003, 2)).centroid
    shape = along.buffer(0.01).union(box(along.bounds[0], corner.y - 0.01, corner.x, corner.y + 0.01))
    with Archive(grid()) as archive:
        result = archive.find(aoi_wkt=shape.wkt, polarizations=("VV",))
        assert len(archive.asked_ids()) == 1
    assert (result["is_complete"], result["hits"]) == (False, None)
    assert codes(result) == ["search.bursts_not_asked", "search.bursts_incomplete"]
    said = result["messages"][0]["fields"]
    assert (said["count"] > 0, said["most"]) == (True, 1)


def test_a_question_by_identifier_that_fails_makes_the_answer_partial(monkeypatch):
    from insarhub_qgis.engine import archive_http

    monkeypatch.setattr(archive_http, "RETRY_WAITS_S", (0.01, 0.01))
    area = unary_union([box(*burst_box(number, 1)).centroid for number in (1000, 1001, 1002)]).envelope
    corner = box(*burst_box(1002, 2)).centroid
    shape = area.buffer(0.01).union(box(area.bounds[0], corner.y - 0.01, corner.x, corner.y + 0.01))
    with Archive(grid()) as archive:
        archive.server.faults.add(Fault(route="/search", status=503, skip=2, times=20))
        result = archive.find(aoi_wkt=shape.wkt)
    assert codes(result) == ["search.part_failed", "search.bursts_incomplete"]
    assert not result["is_complete"]


def test_a_kept_answer_opens_as_it_was(tmp_path):
    items = without(grid(), "S1_001001_IW2_20200118")
    with Archive(items) as archive:
        result = archive.find(aoi_wkt=inside((1001, 1), (1002, 2)), answer_folder=str(tmp_path))
    opened = search.open_answer(OpenSearchAnswer(str(tmp_path)), RunContext())
    assert opened == result
    # only what the rows are made of is kept
    assert len(read_search_answer(tmp_path)) == 9 * 4
    file = tmp_path / SEARCH_ANSWER_NAME
    document = json.loads(gzip.decompress(file.read_bytes()))
    document["facts"]["burst_sets"] = [{"path": "north"}]
    file.write_bytes(gzip.compress(json.dumps(document).encode()))
    with pytest.raises(InsarError) as caught:
        search.open_answer(OpenSearchAnswer(str(tmp_path)), RunContext())
    assert caught.value.code == "file.malformed"


def test_the_sandbox_has_bursts_of_its_site():
    with make_sandbox() as sandbox:
        endpoints = Endpoints.of_sandbox(sandbox.base_url).to_json()
        result = search.run(SearchScenes(product="BURST", aoi_wkt=SITE, endpoints=endpoints), RunContext())
    (stack,) = result["stacks"]
    assert stack["burst_ids"] == ["220001_IW1", "220001_IW2", "220002_IW1", "220002_IW2"]
    assert (stack["scene_count"], stack["dates_without"], stack["aoi_coverage"]) == (30, ["2020-06-22"], 1.0)
    assert stack["without_state_vectors"] == 0


# --- Whole sets ---


def is_taken_by_hyp3(burst_ids):
    """The rule of the program that merges bursts: ranges without gaps, neighbours within one at both ends."""
    swaths = {}
    for name in burst_ids:
        swaths.setdefault(name[-3:], []).append(int(name[:6]))
    for numbers in swaths.values():
        if sorted(numbers) != list(range(min(numbers), max(numbers) + 1)):
            return False
    if set(swaths) not in ({"IW1"}, {"IW2"}, {"IW3"}, {"IW1", "IW2"}, {"IW2", "IW3"}, {"IW1", "IW2", "IW3"}):
        return False
    ordered = [swaths[name] for name in sorted(swaths)]
    return all(
        abs(min(one) - min(other)) <= 1 and abs(max(one) - max(other)) <= 1
        for one, other in zip(ordered, ordered[1:])
    )


def test_any_set_is_made_whole_and_a_whole_one_stays():
    draw = random.Random(7)
    for _ in range(2000):
        given = {f"{draw.randint(1, 9):06d}_IW{draw.randint(1, 3)}" for _ in range(draw.randint(1, 6))}
        whole = whole_set(given)
        assert given <= set(whole)
        assert is_taken_by_hyp3(whole), (given, whole)
        assert whole_set(whole) == whole == tuple(sorted(whole))
        if is_taken_by_hyp3(given):
            assert set(whole) == given
        numbers = [int(name[:6]) for name in given]
        assert min(numbers) <= int(whole[0][:6]) and int(whole[-1][:6]) <= max(numbers)


def test_shapes_that_hyp3_refuses():
    assert not is_taken_by_hyp3(["000305_IW1", "000306_IW1", "000307_IW1", "000307_IW2"])
    assert whole_set(["000305_IW1", "000305_IW3"]) == ("000305_IW1", "000305_IW2", "000305_IW3")

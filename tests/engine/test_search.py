# SPDX-License-Identifier: GPL-2.0-or-later
"""Search against the sandbox over real HTTP: one test per pitfall of the library, faults, areas, kept answers."""

from __future__ import annotations

import copy
import gzip
import json
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from http.client import RemoteDisconnected

import asf_search
import pytest
import requests
from urllib3.exceptions import MaxRetryError, ReadTimeoutError

from insarhub_qgis.core.endpoints import PRODUCTION, Endpoints
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.installation import LAUNCH_FILE
from insarhub_qgis.core.requests import OpenSearchAnswer, SearchScenes
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.core.sandbox_credentials import make_sandbox_token
from insarhub_qgis.core.search_answer import SEARCH_ANSWER_NAME
from insarhub_qgis.engine import archive_http, asf_door, search
from insarhub_qgis.sandbox.cmr_service import CmrService
from insarhub_qgis.sandbox.edl_service import EdlService
from insarhub_qgis.sandbox.serve import make_sandbox
from insarhub_qgis.sandbox.server import SandboxServer
from insarhub_qgis.sandbox.service_state import Fault, SandboxClock
from insarhub_qgis.sandbox.simulated_catalogue import simulated_items
from tests.makers.sandbox_clients import REAL_STACK, many_items
from tests.makers.waiting import HANG_S, NEVER_S, holding

SITE = "POLYGON((-2 37.5,-1.6 37.4,-1.5 37.9,-2 37.9,-2 37.5))"
CMR = "/search"


@pytest.fixture(autouse=True)
def _no_real_network(monkeypatch):
    """Any connection beyond this machine fails the test."""
    real, tried = socket.getaddrinfo, []

    def look_up(host, *arguments, **options):
        if host not in ("127.0.0.1", "localhost"):
            tried.append(host)
            raise socket.gaierror(-2, "Name or service not known")
        return real(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    yield tried


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    monkeypatch.setattr(archive_http, "RETRY_WAITS_S", (0.02, 0.02))


@pytest.fixture(scope="module")
def server():
    with make_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(server):
    server.reset()
    return server


@pytest.fixture(scope="module")
def large_server():
    """1500 scenes, six pages."""
    with SandboxServer([CmrService(many_items(simulated_items()[0], 1500))]) as sandbox:
        yield sandbox


@pytest.fixture
def large(large_server):
    large_server.reset()
    return large_server


class Listener:
    """A run context that keeps what it is told."""

    def __init__(self, cancel_after=None):
        self.logs, self.items, self.fractions = [], [], []
        self._cancel_after = cancel_after
        self.is_cancelled = False

    def context(self):
        return RunContext(
            report=lambda fraction, _: self.fractions.append(fraction),
            is_cancelled=lambda: self.is_cancelled,
            log=lambda text, level="info": self.logs.append((level, text)),
            item=self._take,
        )

    def _take(self, item):
        self.items.append(item)
        if self._cancel_after is not None and len(self.items) >= self._cancel_after:
            self.is_cancelled = True


def find(sandbox, listener=None, **wishes):
    endpoints = Endpoints.of_sandbox(sandbox.base_url).to_json()
    return search.run(SearchScenes(endpoints=endpoints, **wishes), (listener or Listener()).context())


def fails(code, sandbox, **wishes):
    with pytest.raises(InsarError) as caught:
        find(sandbox, **wishes)
    assert caught.value.code == code, caught.value
    return caught.value


def codes(result):
    return [message["code"] for message in result["messages"]]


def forms(sandbox):
    return [dict(request.form) for request in sandbox.log.requests()]


def names(result):
    return {scene["name"] for scene in result["scenes"]}


# --- What a search gives ---


@pytest.mark.skipif(not REAL_STACK.is_dir(), reason=f"no recorded stack in {REAL_STACK}")
def test_the_real_stack_is_found_whole():
    with make_sandbox(str(REAL_STACK / "granules.umm.json")) as sandbox:
        result = find(sandbox, aoi_wkt="POLYGON((-121 54,-120.5 54,-120.5 54.5,-121 54.5,-121 54))")
    assert len(result["scenes"]) == 30
    assert result["is_complete"]
    assert result["messages"] == []
    (stack,) = result["stacks"]
    expected = {
        "path": 13, "frame": 411, "direction": "DESCENDING", "scene_count": 30, "date_count": 30,
        "first": "2019-01-07", "last": "2019-12-21", "platforms": ["S1B"], "polarizations": ["VV+VH"],
        "aoi_coverage": 1.0, "longest_gap_days": 12,
    }  # fmt: skip
    assert {key: stack[key] for key in expected} == expected
    newest = result["scenes"][0]
    assert newest["name"] == "S1B_IW_SLC__1SDV_20191221T141902_20191221T141929_019464_024C4D_BDFC"
    assert (newest["date"], newest["orbit"], newest["platform"]) == ("2019-12-21", 19464, "S1B")
    assert newest["url"].endswith(f"{newest['name']}.zip")
    assert newest["footprint_wkt"].startswith("POLYGON")
    assert newest["bytes"] == 4694503172
    assert json.loads(json.dumps(result)) == result


def test_stacks_say_dates_and_what_is_missing(sandbox):
    result = find(sandbox, paths=(103,))
    stacks = {(stack["path"], stack["frame"]): stack for stack in result["stacks"]}
    assert stacks[103, 121]["date_count"] == 31
    assert stacks[103, 121]["dates_without"] == []
    assert stacks[103, 126]["dates_without"] == ["2020-03-30", "2020-08-21"]
    assert stacks[103, 126]["longest_gap_days"] == 24
    frames = {row["date"]: row["frames"] for row in result["coverage_by_date"]}
    assert frames["2020-01-06"] == [121, 126]
    assert frames["2020-03-30"] == [121]


def test_coverage_is_that_of_all_frames_of_a_day(sandbox):
    """An area across the border of two frames."""
    result = find(
        sandbox, aoi_wkt="POLYGON((-2 37.8,-1.5 37.8,-1.5 38.8,-2 38.8,-2 37.8))", direction="ASCENDING"
    )
    shares = {(stack["frame"]): stack["aoi_coverage"] for stack in result["stacks"]}
    assert 0.2 < shares[121] < 0.8
    assert 0.2 < shares[126] < 0.9
    by_date = {row["date"]: row["aoi_coverage"] for row in result["coverage_by_date"]}
    assert by_date["2020-01-06"] == pytest.approx(1.0, abs=1e-6)
    assert by_date["2020-03-30"] == pytest.approx(shares[121], abs=1e-3)


def test_filters_reach_the_archive(sandbox):
    result = find(
        sandbox, aoi_wkt=SITE, direction="DESCENDING", paths=(8,), frames=(463,), platforms=("S1B",),
        polarizations=("VV+VH",), start="2020-03-01", end="2020-12-31",
    )  # fmt: skip
    assert result["scenes"]
    for scene in result["scenes"]:
        assert (scene["path"], scene["frame"], scene["platform"]) == (8, 463, "S1B")
        assert "2020-03-01" <= scene["date"] <= "2020-12-31"
        assert scene["polarization"] == "VV+VH"
    (form,) = forms(sandbox)
    assert form["shortName"] == "SENTINEL-1B_SLC"
    assert form["temporal"] == "2020-03-01T00:00:00Z,2020-12-31T23:59:59Z,"
    assert form["polygon"].count(",") == 9


def test_months_are_kept_here(sandbox):
    result = find(sandbox, paths=(8,), months=(12, 1, 2))
    assert {scene["date"][5:7] for scene in result["scenes"]} == {"12", "01", "02"}
    assert result["hits"] == 80
    assert len(result["scenes"]) < 80
    assert result["is_complete"]


def test_nothing_found_is_an_answer(sandbox):
    result = find(sandbox, aoi_wkt="POINT(20 20)")
    assert (result["scenes"], result["stacks"], result["hits"]) == ([], [], 0)
    assert result["is_complete"]
    assert result["messages"] == []


def test_five_thousand_scenes():
    listener = Listener()
    with SandboxServer([CmrService(many_items(simulated_items()[0], 5000))]) as sandbox:
        result = find(sandbox, listener, paths=(103, 8), aoi_wkt=SITE)
    assert len(names(result)) == len(result["scenes"]) == 5000
    assert result["is_complete"]
    assert [item["found"] for item in listener.items[:3]] == [250, 500, 750]
    assert listener.items[0]["hits"] == 5000
    assert listener.fractions == sorted(listener.fractions)
    assert listener.fractions[-1] == 1.0


def test_a_maximum_stops_early_and_says_so(large):
    result = find(large, paths=(103,), max_results=600)
    assert len(result["scenes"]) == 600
    assert not result["is_complete"]
    assert codes(result) == ["search.limit_reached"]
    assert len(large.log.requests()) == 3
    exact = find(large, paths=(103,), max_results=1500)
    assert exact["is_complete"]
    assert codes(exact) == []


def test_scene_names(sandbox):
    wanted = [scene["name"] for scene in find(sandbox, paths=(59,))["scenes"]][:3]
    lines = (f" {wanted[0]}.zip", f"/data/{wanted[1]}.SAFE", f'"{wanted[2]}-SLC",x,y', "no scene", "")
    lost = "S1A_IW_SLC__1SDV_20180106T004006_20180106T004031_020027_0221EC_770D"
    sandbox.log.clear()
    result = find(sandbox, scene_names=(*lines, lost), start="1999-01-01", end="1999-01-02", aoi_wkt=SITE)
    assert names(result) == set(wanted)
    assert sorted(codes(result)) == ["search.entries_left_out", "search.names_not_found"]
    assert result["messages"][-1]["fields"]["names"] == [lost]
    assert len(sandbox.log.requests()) == 1
    fails("search.no_names", sandbox, scene_names=("nothing", "of use"))


def test_names_with_wildcards(sandbox):
    result = find(sandbox, scene_names=("S1B_IW_SLC__1S*_202106*",))
    assert names(result)
    assert all(name.startswith("S1B") and "_202106" in name for name in names(result))


# --- Pitfalls of the library, by their number in services.md 1.2 ---


def test_1_errors_are_reported_to_nobody(sandbox, _no_real_network):
    assert asf_search.REPORT_ERRORS is False
    sandbox.faults.add(Fault(route=CMR, status=400))
    fails("archive.refused", sandbox, paths=(8,))
    sandbox.faults.add(Fault(route=CMR, keep_share=0.5, times=2))
    find(sandbox, paths=(8,))
    assert _no_real_network == []


def test_2_a_search_after_a_cancelled_one_finds_everything(large):
    listener = Listener(cancel_after=2)
    with pytest.raises(Cancelled):
        find(large, listener, paths=(103,))
    assert len(large.log.requests()) < 6
    assert len(find(large, paths=(103,))["scenes"]) == 1500


def test_3_the_session_differs_from_the_default_one(sandbox):
    session = asf_door.open_session(Endpoints.of_sandbox(sandbox.base_url))
    assert session != asf_search.ASFSession()
    find(sandbox, paths=(8,))
    (request,) = sandbox.log.requests()
    assert "asf_search/" in request.headers["User-Agent"]
    assert "insarhub-qgis/" in request.headers["User-Agent"]
    assert request.headers["X-Forwarded-Host"] == "cmr.earthdata.nasa.gov"


def test_4_the_last_day_belongs_to_the_search(sandbox):
    result = find(sandbox, paths=(103,), frames=(121,), start="2020-01-06", end="2020-01-18")
    assert sorted(scene["date"] for scene in result["scenes"]) == ["2020-01-06", "2020-01-18"]


def test_5_parts_are_searched_one_by_one_and_merged(sandbox):
    far_apart = f"MULTIPOLYGON((({SITE[9:-2]})),((178.9 -17,179.3 -17,179.3 -16.6,178.9 -16.6,178.9 -17)))"
    listener = Listener()
    result = find(sandbox, listener, aoi_wkt=far_apart)
    assert {scene["path"] for scene in result["scenes"]} == {8, 59, 103}
    assert len(sandbox.log.requests()) == 2
    assert {item["sub_queries"] for item in listener.items} == {2}
    # The hull of both, which the library would send, reaches over half of the world.
    both = find(sandbox, aoi_wkt="MULTIPOINT(-1.8 37.7, 20 20)")
    assert {scene["path"] for scene in both["scenes"]} == {8, 103}


def test_5_many_parts_go_as_a_hull_and_are_compared_with_the_true_area(sandbox):
    inside = [(-1.8, 37.6), (-1.7, 37.7)]
    beside = [(-12 + index, 30.0) for index in range(10)]
    points = ", ".join(f"{x} {y}" for x, y in [*inside, *beside])
    result = find(sandbox, aoi_wkt=f"MULTIPOINT({points})")
    assert codes(result) == ["search.area_hull"]
    assert len(sandbox.log.requests()) == 1
    assert {scene["path"] for scene in result["scenes"]} == {8, 103}
    assert not any(scene["frame"] == 126 for scene in result["scenes"])


def test_6_long_outlines_are_simplified_to_the_outside(sandbox):
    from shapely.geometry import Point

    outline = Point(-1.76, 37.65).buffer(0.3, quad_segs=500)
    result = find(sandbox, aoi_wkt=outline.wkt)
    assert {scene["path"] for scene in result["scenes"]} == {8, 103}
    (form,) = forms(sandbox)
    numbers = [float(number) for number in form["polygon"].split(",")]
    assert len(numbers) <= 402
    from shapely.geometry import Polygon

    sent = Polygon(list(zip(numbers[::2], numbers[1::2])))
    assert sent.buffer(1e-9).contains(outline)
    assert sent.area < outline.area * 1.01


def test_6_a_self_crossing_outline_is_repaired(sandbox):
    bow = "POLYGON((-2.2 37.4,-1.4 37.9,-1.4 37.4,-2.2 37.9,-2.2 37.4))"
    result = find(sandbox, aoi_wkt=bow)
    assert "search.area_repaired" in codes(result)
    assert {scene["path"] for scene in result["scenes"]} == {8, 103}
    assert result["is_complete"]
    assert result["messages"][0]["level"] == "note"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("POLYGON((0 0, 1 1", "search.area_not_wkt"),
        ("hello", "search.area_not_wkt"),
        ("POLYGON EMPTY", "search.area_empty"),
        ("GEOMETRYCOLLECTION EMPTY", "search.area_empty"),
        ("POLYGON((600000 4176000,609600 4176000,609600 4170000,600000 4176000))", "search.area_outside"),
        ("POINT(0 91)", "search.area_outside"),
    ],
)
def test_6_areas_that_are_none(sandbox, text, code):
    error = fails(code, sandbox, aoi_wkt=text)
    assert len(str(error)) < 400
    assert sandbox.log.requests() == []


def test_7_lists_become_queries_of_their_own_and_one_failure_makes_the_answer_partial(sandbox):
    listener = Listener()
    whole = find(sandbox, listener, paths=(8,), polarizations=("VV", "VV+VH"))
    assert {item["sub_query"] for item in listener.items} == {1, 2}
    assert len(whole["scenes"]) == 80
    sandbox.faults.add(Fault(route=CMR, status=400))
    partial = find(sandbox, paths=(8,), polarizations=("VV", "VV+VH"))
    assert len(partial["scenes"]) == 78
    assert not partial["is_complete"]
    assert partial["hits"] is None
    (message,) = partial["messages"]
    assert (message["code"], message["level"]) == ("search.part_failed", "warning")
    assert message["fields"]["reasons"][0]["code"] == "archive.refused"
    assert (message["fields"]["part"], message["fields"]["parts"]) == (1, 2)


def test_pages_that_came_before_a_fault_are_kept_and_called_partial(large, tmp_path):
    large.faults.add(Fault(route=CMR, times=2))
    large.faults.add(Fault(route=CMR, status=400))
    result = find(large, paths=(103,), answer_folder=str(tmp_path))
    assert len(result["scenes"]) == 500
    assert (result["is_complete"], result["hits"]) == (False, 1500)
    (message,) = result["messages"]
    assert (message["code"], message["level"]) == ("search.part_failed", "warning")
    kept = search.open_answer(OpenSearchAnswer(str(tmp_path)), RunContext())
    assert len(kept["scenes"]) == 500
    assert not kept["is_complete"]


def test_7_too_many_queries_are_refused(sandbox):
    fails("search.too_many_queries", sandbox, paths=tuple(range(1, 40)), frames=(1, 2))
    assert sandbox.log.requests() == []


def test_8_only_collections_of_sentinel_1_are_asked(sandbox):
    find(sandbox, paths=(8,))
    (request,) = sandbox.log.requests()
    short_names = [value for name, value in request.form if name == "shortName"]
    assert short_names == [f"SENTINEL-1{letter}_SLC" for letter in "ABCD"]


def test_10_frames_of_a_path_are_apart(sandbox):
    result = find(sandbox, paths=(103,))
    assert sorted((stack["frame"], stack["date_count"]) for stack in result["stacks"]) == [
        (121, 31),
        (126, 29),
    ]


def test_12_certificates_come_from_the_environment(monkeypatch, tmp_path):
    """The library's session asks requests for its settings, so the variable reaches the adapter."""
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    session = asf_door.open_session(PRODUCTION)
    settings = session.merge_environment_settings("https://cmr.earthdata.nasa.gov", {}, False, None, None)
    assert settings["verify"] == str(bundle)


def test_13_short_pages_are_asked_again_and_then_said(sandbox):
    sandbox.faults.add(Fault(route=CMR, keep_share=0.5))
    healed = find(sandbox, paths=(8,))
    assert len(healed["scenes"]) == 80
    assert healed["is_complete"]
    sandbox.faults.add(Fault(route=CMR, keep_share=0.5, times=9))
    short = find(sandbox, paths=(8,))
    assert len(short["scenes"]) == 40
    assert not short["is_complete"]
    (message,) = short["messages"]
    assert message["code"] == "search.pages_missing"
    assert message["fields"] == {"found": 40, "hits": 80}


def test_13_empty_pages_do_not_go_on_for_ever(sandbox):
    sandbox.faults.add(Fault(route=CMR, keep_share=0.0, times=50))
    result = find(sandbox, paths=(8,))
    assert result["scenes"] == []
    assert not result["is_complete"]
    assert len(sandbox.log.requests()) <= 4


def test_14_warnings_of_the_library_become_log_lines(sandbox, recwarn):
    sandbox.faults.add(Fault(route=CMR, keep_share=0.5, times=2))
    listener = Listener()
    find(sandbox, listener, aoi_wkt=SITE)
    assert any("incomplete" in text for level, text in listener.logs if level == "debug")
    assert not any("asf_search" in text for level, text in listener.logs if level != "debug")
    assert [warning for warning in recwarn if "shapely" in str(warning.message)] == []


def test_16_unknown_and_missing_fields_are_tolerated():
    items = copy.deepcopy(simulated_items()[:4])
    items[0]["umm"]["Novelty"] = {"a": 1}
    items[1]["umm"].pop("RelatedUrls")
    items[1]["umm"].pop("PGEVersionClass")
    items[2]["umm"]["TemporalExtent"] = {"SingleDateTime": "2020-01-01T00:00:00Z"}
    items[3]["umm"].pop("SpatialExtent")
    with SandboxServer([CmrService(items)]) as sandbox:
        result = find(sandbox, scene_names=tuple(item["umm"]["GranuleUR"] for item in items))
    assert len(result["scenes"]) == 3
    assert "search.items_unreadable" in codes(result)
    by_name = {scene["name"]: scene for scene in result["scenes"]}
    assert by_name[items[1]["umm"]["GranuleUR"][:-4]]["url"] is None
    assert by_name[items[3]["umm"]["GranuleUR"][:-4]]["footprint_wkt"] is None


# --- Faults of the service and the network ---


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"status": 500}, "archive.down"),
        ({"status": 503, "body": "<html>maintenance</html>", "content_type": "text/html"}, "archive.down"),
        ({"status": 429}, "archive.busy"),
        ({"status": 429, "body": "<html>slow down</html>", "content_type": "text/html"}, "archive.busy"),
        ({"status": 400}, "archive.refused"),
        ({"status": 403, "body": "no", "content_type": "text/plain"}, "archive.refused"),
        ({"status": 200, "body": "<html>sign in</html>", "content_type": "text/html"}, "archive.not_json"),
        ({"status": 200, "body": "[]"}, "archive.bad_answer"),
        ({"status": 200, "body": '{"hits": 3}'}, "archive.bad_answer"),
        ({"status": 200, "body": '{"hits": 1, "items": [{"meta": {}}]}'}, "archive.bad_answer"),
        ({"truncate_after": 500}, "archive.cut_answer"),
        ({"cut_body": 500}, "archive.cut_answer"),
        ({"drop": True}, "network.offline"),
    ],
)
def test_faults_of_the_service(sandbox, fault, code):
    sandbox.faults.add(Fault(route=CMR, times=99, **fault))
    error = fails(code, sandbox, paths=(8,))
    if "service" in error.fields:
        # What does not answer at all is the sandbox; what answers badly is the service that it plays.
        is_reached = not code.startswith("network.")
        assert error.fields["service"] == ("cmr.earthdata.nasa.gov" if is_reached else sandbox.base_url)
    sandbox.faults.clear()
    assert len(find(sandbox, paths=(8,))["scenes"]) == 80


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 429}, {"drop": True}, {"truncate_after": 100}])
def test_faults_that_pass_are_tried_again(sandbox, fault):
    sandbox.faults.add(Fault(route=CMR, times=2, **fault))
    listener = Listener()
    assert len(find(sandbox, listener, paths=(8,))["scenes"]) == 80
    assert sum("next attempt" in text for _, text in listener.logs) == 2


def test_a_refusal_is_not_tried_again(sandbox):
    sandbox.faults.add(Fault(route=CMR, status=400, times=99))
    fails("archive.refused", sandbox, paths=(8,))
    assert len(sandbox.log.requests()) == 1


def test_retry_after_is_honoured_and_long_ones_are_not_waited_for(sandbox):
    sandbox.faults.add(Fault(route=CMR, status=429, retry_after_s=0.5))
    started = time.monotonic()
    find(sandbox, paths=(8,))
    assert time.monotonic() - started >= 0.5
    sandbox.log.clear()
    sandbox.faults.add(Fault(route=CMR, status=429, retry_after_s=NEVER_S, times=9))
    error = fails("archive.busy", sandbox, paths=(8,))
    assert error.fields["retry_after_s"] == NEVER_S
    assert len(sandbox.log.requests()) == 1


def test_a_service_that_echoes_the_request_is_cut(sandbox):
    body = json.dumps({"errors": ["x" * 100_000]})
    sandbox.faults.add(Fault(route=CMR, status=400, body=body))
    assert len(fails("archive.refused", sandbox, paths=(8,)).fields["reason"]) < 400


def test_no_network(_no_real_network):
    with pytest.raises(InsarError) as caught:
        search.run(SearchScenes(paths=(8,)), RunContext())
    assert caught.value.code == "network.offline"
    assert caught.value.fields["service"] == "cmr.earthdata.nasa.gov"
    assert caught.value.fields["reason"] == "name not found"
    assert set(_no_real_network) == {"cmr.earthdata.nasa.gov"}


def test_a_sandbox_that_is_gone():
    with make_sandbox() as sandbox:
        endpoints = Endpoints.of_sandbox(sandbox.base_url).to_json()
    with pytest.raises(InsarError) as caught:
        search.run(SearchScenes(paths=(8,), endpoints=endpoints), RunContext())
    assert caught.value.code == "network.offline"
    assert caught.value.fields == {"service": sandbox.base_url, "reason": "connection refused"}


def test_a_proxy_that_does_not_work(monkeypatch):
    with make_sandbox() as gone:
        address = gone.base_url.replace("http://", "http://anna:secret@")
    monkeypatch.setenv("https_proxy", address)
    with pytest.raises(InsarError) as caught:
        search.run(SearchScenes(paths=(8,)), RunContext())
    assert caught.value.code == "network.proxy"
    assert "secret" not in str(caught.value)


def test_the_proxy_has_no_part_in_the_sandbox(sandbox, monkeypatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert find(sandbox, paths=(8,))["is_complete"]


def test_certificates_and_timeouts_have_codes_of_their_own():
    def code(exception):
        return archive_http.network_error(exception, "https://cmr.earthdata.nasa.gov/x").code

    assert code(requests.exceptions.SSLError("bad")) == "network.certificate"
    assert code(requests.exceptions.ReadTimeout()) == "network.timeout"
    assert code(requests.exceptions.ConnectTimeout()) == "network.timeout"
    assert code(requests.exceptions.ConnectionError("no")) == "network.offline"
    stopped = requests.exceptions.ConnectionError(ReadTimeoutError(None, "", "Read timed out."))
    assert code(stopped) == "network.timeout"


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (socket.gaierror(-2, "Name or service not known"), "name not found"),
        (ConnectionRefusedError(111, "Connection refused"), "connection refused"),
        (OSError(101, "Network is unreachable"), "Network is unreachable"),
        (RemoteDisconnected("Remote end closed"), "connection closed without an answer"),
        (None, "Failed to establish a new connection"),
    ],
)
def test_reasons_are_plain_words(cause, reason):
    """Wrapped as urllib3 does it, with the address of an object in the text."""
    text = (
        "<urllib3.connection.HTTPSConnection object at 0x7f3cbee6c350>: Failed to establish a new connection"
    )
    inner = Exception(text)
    inner.__context__ = cause
    outer = requests.exceptions.ConnectionError(MaxRetryError(None, "/x", inner))
    error = archive_http.network_error(outer, "https://cmr.earthdata.nasa.gov/x")
    assert error.fields == {"service": "cmr.earthdata.nasa.gov", "reason": reason}


def test_a_sandbox_that_never_answers_is_named_by_its_address(sandbox, monkeypatch):
    monkeypatch.setattr("asf_search.constants.INTERNAL.CMR_TIMEOUT", 0.1)
    sandbox.faults.add(Fault(route=CMR, delay_s=NEVER_S, times=3))
    assert fails("network.timeout", sandbox, paths=(8,)).fields["service"] == sandbox.base_url


def test_a_slow_service_times_out(sandbox, monkeypatch):
    monkeypatch.setattr("asf_search.constants.INTERNAL.CMR_TIMEOUT", 0.2)
    sandbox.faults.add(Fault(route=CMR, delay_s=NEVER_S, times=3))
    fails("network.timeout", sandbox, paths=(8,))


def test_cancel_does_not_wait_for_the_service(sandbox):
    listener = Listener()

    def cancel_once_asked():
        held.arrived.wait()
        listener.is_cancelled = True

    with holding(sandbox, lambda request: request.path.startswith(CMR)) as held:
        before = set(threading.enumerate())
        threading.Thread(target=cancel_once_asked).start()
        with pytest.raises(Cancelled):
            find(sandbox, listener, paths=(8,))
        told = len(listener.items), len(listener.fractions)
        left = {thread for thread in threading.enumerate() if thread.name == "archive request"} - before
        assert left
    for thread in left:
        thread.join(HANG_S)
    assert len(sandbox.log.requests()) == 1
    assert (len(listener.items), len(listener.fractions)) == told


# --- Bad wishes ---


@pytest.mark.parametrize(
    ("wishes", "code"),
    [
        ({}, "search.no_limits"),
        ({"start": "2020-01-01"}, "search.no_limits"),
        ({"paths": (8,), "start": "2020-02-01", "end": "2020-01-01"}, "search.end_before_start"),
        ({"paths": (8,), "start": "01.02.2020"}, "search.bad_date"),
        ({"paths": (8,), "end": "2020-02-30"}, "search.bad_date"),
        ({"paths": (176,)}, "search.bad_filter"),
        ({"paths": (8,), "direction": "UP"}, "search.bad_filter"),
        ({"paths": (8,), "polarizations": ("VH",)}, "search.bad_filter"),
        ({"paths": (8,), "platforms": ("S2A",)}, "search.bad_filter"),
        ({"paths": (8,), "months": (13,)}, "search.bad_filter"),
    ],
)
def test_bad_wishes_send_nothing(sandbox, wishes, code):
    fails(code, sandbox, **wishes)
    assert sandbox.log.requests() == []


def test_one_day_is_a_period(sandbox):
    result = find(sandbox, paths=(103,), frames=(121,), start="2020-01-06", end="2020-01-06")
    assert len(result["scenes"]) == 1


# --- Dateline and poles ---


@pytest.mark.parametrize(
    "text",
    [
        "POLYGON((179 -17,-179 -17,-179 -16,179 -16,179 -17))",
        "POLYGON((179 -17,181 -17,181 -16,179 -16,179 -17))",
        "POLYGON((-181 -17,-179 -17,-179 -16,-181 -16,-181 -17))",
        "MULTIPOLYGON(((179 -17,180 -17,180 -16,179 -16,179 -17)),((-180 -17,-179 -17,-179 -16,-180 -16,-180 -17)))",
        "LINESTRING(179.5 -16.5,-179.5 -16.5)",
    ],
)
def test_an_area_across_the_dateline(sandbox, text):
    result = find(sandbox, aoi_wkt=text)
    assert len(result["scenes"]) == 12
    assert len(sandbox.log.requests()) == 2
    assert result["scenes"][0]["footprint_wkt"].startswith("MULTIPOLYGON")
    assert 0.9 < result["scenes"][0]["aoi_coverage"] <= 1.0


def test_a_small_area_beside_the_dateline_finds_its_scenes_only(sandbox):
    assert len(find(sandbox, aoi_wkt="POINT(179.9 -16.8)")["scenes"]) == 12
    assert len(find(sandbox, aoi_wkt="POINT(-179.9 -16.8)")["scenes"]) == 12
    assert find(sandbox, aoi_wkt="POINT(177 -16.8)")["scenes"] == []


def test_the_whole_world_and_the_poles(sandbox):
    assert len(find(sandbox, aoi_wkt="POLYGON((-180 -90,180 -90,180 90,-180 90,-180 -90))")["scenes"]) == 152
    cap = "POLYGON((-180 80,180 80,180 90,-180 90,-180 80))"
    assert find(sandbox, aoi_wkt=cap)["is_complete"]
    round_the_pole = "POLYGON((0 80,90 80,180 80,-90 80,0 80))"
    assert find(sandbox, aoi_wkt=round_the_pole)["scenes"] == []
    assert find(sandbox, aoi_wkt="POINT(0 90)")["is_complete"]


# --- Credentials ---


def prepared(headers=None, data=None):
    return requests.Request(
        "POST", "https://urs.earthdata.nasa.gov/oauth/tokens/user", headers=headers, data=data
    ).prepare()


REAL_TOKENS = ["eyJ0eXAiOiJKV1QifQ.eyJ1aWQiOiJhbm5hIiwiZXhwIjoxfQ.c2ln", "opaque"]


@pytest.mark.parametrize("token", REAL_TOKENS)
@pytest.mark.parametrize(
    "make",
    [
        lambda token: prepared({"Authorization": f"Bearer {token}"}),
        lambda token: prepared({"Cookie": f"asf-urs={token}"}),
        lambda token: prepared(data={"token": token}),
    ],
)
def test_a_real_credential_is_never_sent_to_the_sandbox(sandbox, make, token):
    adapter = archive_http.ArchiveAdapter(Endpoints.of_sandbox(sandbox.base_url))
    with pytest.raises(InsarError) as caught:
        adapter.send(make(token))
    assert caught.value.code == "credentials.not_sandbox"
    assert token not in str(caught.value)
    assert sandbox.log.requests() == []


@pytest.mark.parametrize(
    "make",
    [
        lambda token: prepared({"Authorization": f"Bearer {token}"}),
        lambda token: prepared({"Authorization": requests.auth._basic_auth_str("sandbox-anna", "any")}),
        lambda token: prepared({"Cookie": f"asf-urs={token}"}),
        lambda token: prepared(data={"token": token}),
    ],
)
def test_a_sandbox_credential_is_never_sent_to_production(make, _no_real_network):
    request = make(make_sandbox_token("sandbox-anna", time.time() + 100))
    with pytest.raises(InsarError) as caught:
        archive_http.ArchiveAdapter(PRODUCTION).send(request)
    assert caught.value.code == "credentials.sandbox_only"
    assert _no_real_network == []


def test_a_login_in_netrc_stays_there(sandbox, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text(
        "machine cmr.earthdata.nasa.gov login anna password secret\ndefault login a password b\n"
    )
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert find(sandbox, paths=(8,))["is_complete"]
    (request,) = sandbox.log.requests()
    assert "Authorization" not in request.headers


def test_the_login_of_the_library_works_through_the_door():
    clock = SandboxClock()
    with SandboxServer([EdlService(clock)], clock) as sandbox:
        session = asf_search.ASFSession()
        adapter = archive_http.ArchiveAdapter(Endpoints.of_sandbox(sandbox.base_url), expects_json=False)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        session.auth_with_creds("sandbox-anna", "any")
        assert session.headers["Authorization"].startswith("Bearer ")
        assert {request.headers.get("X-Forwarded-Host") for request in sandbox.log.requests()} == {
            "urs.earthdata.nasa.gov"
        }


@pytest.mark.parametrize(
    "url",
    [
        "https://cmr.earthdata.nasa.gov",
        "http://example.org",
        "http://127.0.0.1.example.org",
        "http://127.0.0.1:80@example.org",
        "http://127.0.0.1:80\\@example.org",
        "http://127.0.0.1/elsewhere",
        "",
        "127.0.0.1:80",
    ],
)
def test_a_sandbox_is_on_this_machine(url):
    with pytest.raises(InsarError) as caught:
        Endpoints.of_sandbox(url)
    assert caught.value.code == "sandbox.not_local"


def test_endpoints_are_swapped_together():
    endpoints = Endpoints.of_sandbox("http://127.0.0.1:8090/")
    assert all(value.startswith("http://127.0.0.1:8090") for value in endpoints.to_json().values())
    assert Endpoints.from_json(endpoints.to_json()) == endpoints
    assert Endpoints.from_json({}) == PRODUCTION
    mixed = {**endpoints.to_json(), "edl": "https://urs.earthdata.nasa.gov"}
    assert Endpoints.from_json(mixed) == endpoints
    with pytest.raises(InsarError) as caught:
        Endpoints.from_json({"nonsense": "x"})
    assert caught.value.code == "endpoints.unknown"


# --- The kept answer ---


def test_the_last_answer_opens_again_without_network(sandbox, tmp_path, _no_real_network):
    folder = tmp_path / "an answer ü"
    result = find(sandbox, aoi_wkt=SITE, months=(1, 2, 3), answer_folder=str(folder))
    assert result["answer_file"] == str(folder / SEARCH_ANSWER_NAME)
    sent = len(sandbox.log.requests())
    again = search.open_answer(OpenSearchAnswer(str(folder)), RunContext())
    assert again == result
    assert again["is_sandbox"]
    assert len(sandbox.log.requests()) == sent
    assert _no_real_network == []
    assert "endpoints" not in again["request"] or again["request"]["endpoints"] == {}


def test_a_failed_search_leaves_the_last_answer(sandbox, tmp_path):
    find(sandbox, paths=(8,), answer_folder=str(tmp_path))
    before = (tmp_path / SEARCH_ANSWER_NAME).read_bytes()
    sandbox.faults.add(Fault(route=CMR, status=400))
    fails("archive.refused", sandbox, paths=(59,), answer_folder=str(tmp_path))
    listener = Listener(cancel_after=1)
    listener.is_cancelled = True
    with pytest.raises(Cancelled):
        find(sandbox, listener, paths=(59,), answer_folder=str(tmp_path))
    assert (tmp_path / SEARCH_ANSWER_NAME).read_bytes() == before


def test_a_folder_without_answer_and_a_damaged_one(tmp_path):
    with pytest.raises(InsarError) as caught:
        search.open_answer(OpenSearchAnswer(str(tmp_path)), RunContext())
    assert caught.value.code == "search.no_answer"
    (tmp_path / SEARCH_ANSWER_NAME).write_bytes(gzip.compress(b'{"items": [')[:-4])
    with pytest.raises(InsarError) as caught:
        search.open_answer(OpenSearchAnswer(str(tmp_path)), RunContext())
    assert caught.value.code == "file.malformed"


def test_an_answer_of_items_alone_opens(tmp_path):
    from insarhub_qgis.core.search_answer import write_search_answer

    write_search_answer(tmp_path, simulated_items()[:5])
    result = search.open_answer(OpenSearchAnswer(str(tmp_path)), RunContext())
    assert len(result["scenes"]) == 5
    assert result["hits"] is None


# --- As a process ---


def test_as_a_process_with_cancel(sandbox):
    request = SearchScenes(paths=(8,), endpoints=Endpoints.of_sandbox(sandbox.base_url).to_json())

    def start():
        process = subprocess.Popen(
            [sys.executable, "-I", str(LAUNCH_FILE), "engine", "search-scenes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        line = {"cancel_on_eof": True, "parameters": request.to_json()}
        process.stdin.write(json.dumps(line) + "\n")
        process.stdin.flush()
        return process

    process = start()
    messages = [json.loads(line) for line in process.stdout]
    assert messages[-1]["type"] == "result"
    assert len(messages[-1]["result"]["scenes"]) == 80
    assert process.wait() == 0
    process.stdin.close()
    with holding(sandbox, lambda request: request.path.startswith(CMR)) as held:
        process = start()
        assert held.arrived.wait(HANG_S)
        process.stdin.close()
        last = json.loads(process.stdout.readlines()[-1])
        assert (last["type"], last["code"]) == ("error", "run.cancelled")
        assert process.wait() == 130


def test_the_request_survives_its_json():
    request = SearchScenes(paths=(8, 9), endpoints={"cmr": "https://x"}, months=(1,))
    assert SearchScenes.from_json(json.loads(json.dumps(request.to_json()))) == request
    assert replace(request, paths=()) != request

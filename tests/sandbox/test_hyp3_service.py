# SPDX-License-Identifier: GPL-2.0-or-later
"""HyP3 of the sandbox: shapes against the recorded answers and the service's OpenAPI, credits, life, lists, faults."""

from __future__ import annotations

import base64
import copy
import http.client
import json
import time
import uuid
from urllib.parse import quote, urlsplit

import pytest

from insarhub_qgis.core.requests import Simulate
from insarhub_qgis.core.sandbox_credentials import make_sandbox_token
from insarhub_qgis.sandbox.cmr_service import CmrService
from insarhub_qgis.sandbox.hyp3_accounts import ACCESS_CODE, Accounts
from insarhub_qgis.sandbox.hyp3_jobs import Hyp3Job, Hyp3Settings, JobFilter, JobStore
from insarhub_qgis.sandbox.hyp3_service import Hyp3Service
from insarhub_qgis.sandbox.hyp3_validation import Problem, check_jobs_body
from insarhub_qgis.sandbox.known_scenes import known_scenes
from insarhub_qgis.sandbox.serve import make_sandbox
from insarhub_qgis.sandbox.server import SandboxServer
from insarhub_qgis.sandbox.service_state import SandboxClock
from insarhub_qgis.sandbox.simulated_catalogue import simulated_items
from tests.makers.hyp3_clients import (
    PASSES,
    SCENES,
    SMALL,
    advance,
    ask,
    bearer,
    burst_job,
    gamma_job,
    multi_burst_job,
    read,
    steer,
    submit,
)
from tests.makers.openapi_shapes import HYP3_FILES, OPENAPI, OpenApi, faults, golden
from tests.makers.sandbox_clients import call, plan_fault

needs_golden = pytest.mark.skipif(not OPENAPI.is_file(), reason=f"no recorded answers in {HYP3_FILES}")
PROBLEM = "application/problem+json"
UNKNOWN = str(uuid.UUID(int=7))


@pytest.fixture(scope="module")
def _server():
    with make_sandbox(simulation=SMALL) as server:
        yield server


@pytest.fixture
def url(_server):
    _server.reset()
    return _server.base_url


@pytest.fixture(scope="module")
def openapi():
    return OpenApi()


# --- Shapes ---


@needs_golden
def test_costs_are_the_recorded_ones(url):
    status, _, body = call(url, "/costs")
    assert status == 200
    assert json.loads(body) == golden("hyp3_costs_response.json")


@needs_golden
def test_a_dry_run_answers_like_the_recorded_one(url, openapi):
    recorded = golden("hyp3_validate_only_response.json")
    body = {"jobs": [gamma_job()], "validate_only": True}
    status, kind, answer = ask(url, "/jobs", "POST", body)
    assert (status, kind) == (200, "application/json")
    assert faults(answer, openapi.answer("/jobs", "post")) == []
    assert shape(answer) == shape(recorded)
    assert plain(answer["jobs"][0]) == plain(recorded["jobs"][0])


@needs_golden
def test_a_list_answers_like_the_recorded_one(url, openapi):
    recorded = golden("hyp3_jobs_response.json")
    submit(url, gamma_job(0, 1, "demo"))
    advance(url, 10)
    submit(url, gamma_job(0, 1, "demo"), gamma_job(1, 2, "demo", looks="10x2"))
    status, kind, answer = ask(url, "/jobs")
    assert (status, kind) == (200, "application/json")
    assert faults(answer, openapi.answer("/jobs", "get")) == []
    assert set(answer) == set(recorded)
    by_kind = {(job["status_code"], job["credit_cost"]): job for job in answer["jobs"]}
    for expected in recorded["jobs"]:
        job = by_kind[expected["status_code"], expected["credit_cost"]]
        assert shape(job) == shape(expected)
        assert plain(job) == plain(expected)
    assert sorted(job["priority"] for job in answer["jobs"]) == [7980, 7990, 8000]


@needs_golden
def test_a_user_answers_like_the_recorded_one(url, openapi):
    submit(url, gamma_job(0, 1, "demo"))
    status, kind, answer = ask(url, "/user")
    assert (status, kind) == (200, "application/json")
    assert faults(answer, openapi.answer("/user", "get")) == []
    recorded = golden("hyp3_user_response.json")
    assert shape(answer) == shape(recorded)
    assert answer == {**recorded, "user_id": "sandbox-anna", "remaining_credits": 7990}


@needs_golden
def test_one_job_of_each_kind_and_state_validates(url, openapi):
    steer(url, "hyp3", failed_share=0.25)
    jobs = submit(url, gamma_job(), burst_job(), multi_burst_job(), gamma_job(name="é" * 100))
    states = set()
    for seconds in (0, 3, 10):
        advance(url, seconds)
        for job in jobs:
            _, _, answer = ask(url, f"/jobs/{job['job_id']}")
            assert faults(answer, openapi.answer("/jobs/{job_id}", "get")) == []
            states.add(answer["status_code"])
    assert states == {"PENDING", "RUNNING", "SUCCEEDED", "FAILED"}


def shape(value):
    """The keys and types of a JSON value."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return (
        "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__
    )


def plain(job):
    """A job without what must differ: ids, times, account, scenes, balance, files."""
    own = {"job_id", "user_id", "request_time", "bucket", "bucket_prefix", "priority", "expiration_time", "files",
           "processing_times"}  # fmt: skip
    job = copy.deepcopy({key: value for key, value in job.items() if key not in own})
    del job["job_parameters"]["granules"]
    return job


@needs_golden
def test_the_schema_check_agrees_with_openapi(openapi):
    schema = openapi.body("/jobs", "post")
    disagreed = []
    for body in bodies():
        fits = not faults(body, schema)
        try:
            check_jobs_body(body)
            is_taken = True
        except Problem:
            is_taken = False
        if fits != is_taken:
            disagreed.append((is_taken, faults(body, schema)[:2], str(body)[:200]))
    assert disagreed == []


def bodies():
    """Good bodies of every job type and many bad ones."""
    others = [
        {"job_type": "AUTORIFT", "job_parameters": {"granules": SCENES[:2]}},
        {"job_type": "RTC_GAMMA", "job_parameters": {"granules": SCENES[:1], "resolution": 20}},
        {"job_type": "ARIA_S1_GUNW", "job_parameters": {
            "reference_date": "2020-01-06", "secondary_date": "2020-01-18", "frame_id": 5}},
    ]  # fmt: skip
    good = [gamma_job(), gamma_job(name="x"), burst_job(looks="5x1"), multi_burst_job(looks="5x1"), *others]
    for job in good:
        yield {"jobs": [job]}
        yield {"jobs": [job], "validate_only": True}
        for changes in (
            {"job_type": "NO_SUCH"}, {"job_type": None}, {"name": ""}, {"name": "x" * 101}, {"name": "x" * 100},
            {"name": None}, {"name": 3}, {"extra": 1}, {"bucket": None}, {"bucket": "ab"}, {"bucket": "a-bucket"},
            {"bucket": "1.2.3.4"}, {"bucket": "xn--a"}, {"bucket": "A-B"}, {"bucket_prefix": None},
            {"bucket_prefix": "{job_id}/x"}, {"bucket_prefix": "/x"}, {"bucket_prefix": "a//b"},
            {"job_parameters": None}, {"job_parameters": {}}, {"job_parameters": []},
        ):  # fmt: skip
            yield {"jobs": [{**job, **changes}]}
        for changes in (
            {"looks": "10x2"}, {"looks": "5x1"}, {"looks": "1x1"}, {"looks": 20}, {"phase_filter_parameter": 0},
            {"phase_filter_parameter": 1.0}, {"phase_filter_parameter": 1.01}, {"phase_filter_parameter": -0.1},
            {"phase_filter_parameter": "0.6"}, {"phase_filter_parameter": True}, {"include_dem": True},
            {"include_dem": "yes"}, {"include_dem": 1}, {"apply_water_mask": True}, {"unknown": 1},
            {"granules": SCENES[:1]}, {"granules": SCENES[:3]}, {"granules": []}, {"granules": SCENES[0]},
            {"granules": [SCENES[0], SCENES[1] + "_"]}, {"granules": [SCENES[0], 7]},
            {"granules": [SCENES[0], PASSES[0].burst(0)]}, {"granules": [SCENES[0], SCENES[1].replace("SLC_", "GRDH")]},
            {"granules": [PASSES[0].burst(0), PASSES[1].burst(0)[:-1]]}, {"reference": []}, {"secondary": [SCENES[0]]},
            {"resolution": 30.0}, {"resolution": 15}, {"resolution": "30"}, {"scale": "decibel"}, {"frame_id": -1},
            {"frame_id": 27397}, {"frame_id": 27398}, {"frame_id": 1.5}, {"reference_date": "20200106"},
            {"reference_date": "2020-13-01"}, {"secondary_date": 5},
        ):  # fmt: skip
            yield {"jobs": [{**job, "job_parameters": {**job["job_parameters"], **changes}}]}
        for name in job["job_parameters"]:
            yield {
                "jobs": [
                    {**job, "job_parameters": {k: v for k, v in job["job_parameters"].items() if k != name}}
                ]
            }
    yield {"jobs": [gamma_job()] * 200}
    yield {"jobs": [gamma_job()] * 201}
    yield from (
        {},
        [],
        None,
        "x",
        {"jobs": []},
        {"jobs": {}},
        {"jobs": None},
        {"jobs": [None]},
        {"jobs": ["x"]},
    )
    for extra in ({"validate_only": "true"}, {"validate_only": None}, {"validate_only": 1}, {"more": 1}):
        yield {"jobs": [gamma_job()], **extra}


# --- Errors, one test a row ---


def refused(url, path="/jobs", method="POST", value=None, headers=None, user="sandbox-anna"):
    """(code, detail) of a request that is refused in the service's own form."""
    status, answer_headers, body = call(url, path, method, value=value, headers=headers or bearer(user))
    status, kind, answer = read(status, answer_headers, body)
    assert kind == PROBLEM, (status, kind, answer)
    assert set(answer) == {"status", "title", "detail", "type"}
    assert answer["status"] == status
    return status, answer["detail"]


def test_no_token(url):
    headers = {"Accept": "*/*"}
    assert refused(url, "/user", "GET", headers=headers) == (401, "No authorization token provided")
    assert call(url, "/costs")[0] == 200


def test_a_bad_token_or_a_password(url):
    real = base64.urlsafe_b64encode(json.dumps({"uid": "anna", "exp": time.time() + 99}).encode()).decode()
    basic = "Basic " + base64.b64encode(b"sandbox-anna:any").decode()
    for value in ("Bearer tok", "Bearer a.b.c", f"Bearer h.{real}.s"):
        status, detail = refused(url, "/user", "GET", headers={"Authorization": value})
        assert (status, "Invalid authorization token" in detail) == (401, True)
    assert refused(url, "/user", "GET", headers={"Authorization": basic})[0] == 401


def test_an_expired_token(url):
    status, detail = refused(url, "/user", "GET", headers=bearer(life_s=-5))
    assert (status, "Signature has expired" in detail) == (401, True)
    plan_fault(url, route="/user", expire_token=True)
    assert refused(url, "/user", "GET")[0] == 401
    advance(url, 4000)
    assert "expired" in refused(url, "/user", "GET")[1]


def test_an_unknown_scene(url):
    job = gamma_job()
    missing = SCENES[1][:-4] + "FFFF"
    job["job_parameters"]["granules"][1] = missing
    status, detail = refused(url, value={"jobs": [job, gamma_job()]})
    assert (status, detail) == (400, f"Some requested scenes could not be found: {missing}")
    assert ask(url, "/jobs")[2]["jobs"] == []


def test_no_elevation_model():
    items = simulated_items()[:2]
    for item in items:
        polygon = item["umm"]["SpatialExtent"]["HorizontalSpatialDomain"]["Geometry"]["GPolygons"][0]
        for point in polygon["Boundary"]["Points"]:
            point["Longitude"], point["Latitude"] = point["Longitude"] - 23, point["Latitude"] - 65
    scenes = known_scenes(items)
    with SandboxServer([Hyp3Service(SandboxClock(), scenes)]) as server:
        job = {"job_type": "INSAR_GAMMA", "job_parameters": {"granules": list(scenes)}}
        status, detail = refused(server.base_url, value={"jobs": [job]})
    assert status == 400
    assert detail.startswith("Some requested scenes do not have DEM coverage: S1")


def test_too_few_credits(url):
    status, detail = refused(url, value={"jobs": [gamma_job()] * 4}, user="sandbox-poor")
    assert (status, detail) == (400, "These jobs would cost 40 credits, but you have only 35 remaining.")
    assert submit(url, *[gamma_job()] * 3, user="sandbox-poor")
    assert refused(url, value={"jobs": [gamma_job()], "validate_only": True}, user="sandbox-poor")[0] == 400


@pytest.mark.parametrize(
    ("user", "word"),
    [
        ("sandbox-new", "must request access"),
        ("sandbox-pending", "pending"),
        ("sandbox-rejected", "rejected"),
    ],
)
def test_an_account_without_approval(url, user, word):
    status, detail = refused(url, value={"jobs": [gamma_job()]}, user=user)
    assert (status, word in detail, "https://" in detail) == (403, True, True)
    assert ask(url, "/user", user=user)[2]["remaining_credits"] == 0


def test_a_fault_of_the_schema_repeats_the_request(url):
    jobs = [gamma_job(index % 30, 30, name=f"job {index}") for index in range(200)]
    jobs[150]["job_parameters"]["looks"] = "7x7"
    status, detail = refused(url, value={"jobs": jobs})
    assert status == 400
    assert 30_000 < len(detail) < 200_000
    assert "job 0" in detail
    assert "job 199" in detail
    assert refused(url, value={"jobs": [gamma_job(name="x" * 101)]})[1].endswith("any of the given schemas")
    assert refused(url, value={"jobs": [gamma_job()] * 201})[1].endswith("is too long")


def test_empty_lists_and_bad_values_are_named(url):
    assert "non-empty" in refused(url, value={"jobs": []})[1]
    for query, word in (
        ("status_code=DONE", "'DONE'"),
        ("job_type=NOPE", "'NOPE'"),
        ("start=2026-01-01", "'2026-01-01'"),
        ("end=2026-01-01T00:00:00", "'2026-01-01T00:00:00'"),
        ("start_token=abc", "start_token"),
    ):
        status, detail = refused(url, f"/jobs?{query}", "GET")
        assert (status, word in detail) == (400, True), detail
    assert refused(url, "/jobs/nope", "GET") == (400, "'nope' is not a 'uuid'")
    assert "at least one" in refused(url, "/jobs", "PATCH", {"job_ids": [], "name": "x"})[1]
    too_many = {"job_ids": [str(uuid.uuid4()) for _ in range(101)], "name": "x"}
    assert "100" in refused(url, "/jobs", "PATCH", too_many)[1]
    status, headers, body = call(url, "/jobs", "POST", body=b"{", headers=bearer())
    assert read(status, headers, body)[:2] == (400, PROBLEM)


def test_a_job_of_another_user(url):
    (job,) = submit(url, gamma_job())
    path = f"/jobs/{job['job_id']}"
    assert ask(url, path, user="sandbox-ben")[2]["job_id"] == job["job_id"], "any user may read it"
    assert len(ask(url, "/jobs?user_id=sandbox-anna", user="sandbox-ben")[2]["jobs"]) == 1
    status, detail = refused(url, path, "PATCH", {"name": "mine"}, user="sandbox-ben")
    assert (status, "cannot modify job" in detail) == (403, True)
    assert (
        refused(url, "/jobs", "PATCH", {"job_ids": [job["job_id"]], "name": "x"}, user="sandbox-ben")[0]
        == 403
    )


def test_unknown_jobs_and_routes(url):
    assert refused(url, f"/jobs/{UNKNOWN}", "GET") == (404, f"job_id does not exist: {UNKNOWN}")
    assert refused(url, f"/jobs/{UNKNOWN}", "PATCH", {"name": "x"})[0] == 404
    assert refused(url, "/jobs/a/b", "GET")[0] == 404


@pytest.mark.parametrize(
    ("method", "path"), [("DELETE", "/jobs"), ("POST", "/user"), ("PUT", f"/jobs/{UNKNOWN}")]
)
def test_a_wrong_method_gets_a_page(url, method, path):
    status, headers, body = call(url, path, method, headers=bearer())
    status, kind, text = read(status, headers, body)
    assert (status, kind) == (405, "text/html")
    assert "Method Not Allowed" in text


def test_metadata_that_cannot_be_asked(url):
    steer(url, "hyp3", is_cmr_down=True)
    unknown = gamma_job()
    unknown["job_parameters"]["granules"][1] = SCENES[1][:-4] + "FFFF"
    (job,) = submit(url, unknown)
    assert refused(url, value={"jobs": [burst_job()]})[0] == 503
    advance(url, 10)
    answer = ask(url, f"/jobs/{job['job_id']}")[2]
    assert answer["status_code"] == "FAILED", "accepted without a check, it fails when it is processed"


def test_maintenance(url):
    steer(url, "hyp3", is_unavailable=True)
    status, detail = refused(url, "/costs", "GET")
    assert (status, "unavailable" in detail) == (503, True)
    plan_fault(url, route="/user", status=503, body="<html>down</html>", content_type="text/html")
    status, headers, body = call(url, "/user", headers=bearer())
    assert read(status, headers, body) == (503, "text/html", "<html>down</html>")
    plan_fault(url, route="/user", status=500)
    assert refused(url, "/user", "GET")[0] == 500, "a planned error has the service's form"


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"secondary": []}, "at least 1"),
        ({"reference": [PASSES[0].burst(0)]}, "same number"),
        ({"reference": [PASSES[0].burst(0)] * 2}, "same for reference"),
        ({"reference": [PASSES[0].burst(0)] * 2, "secondary": [PASSES[1].burst(0)] * 2}, "unique"),
        ({"reference": [PASSES[0].burst(0), PASSES[2].burst(1)], "secondary": [PASSES[5].burst(0), PASSES[5].burst(1)]}, "2-minute"),
        ({"reference": [PASSES[9].burst(0), PASSES[9].burst(1)]}, "older"),
    ],
)  # fmt: skip
def test_sets_of_bursts(url, changes, word):
    job = multi_burst_job()
    job["job_parameters"].update(changes)
    status, detail = refused(url, value={"jobs": [job]})
    assert (status, word in detail) == (400, True), detail


def test_more_than_fifteen_bursts_and_other_burst_pairs(url):
    job = multi_burst_job()
    for side in ("reference", "secondary"):
        job["job_parameters"][side] *= 8
    assert "15" in refused(url, value={"jobs": [job]})[1]
    job = burst_job()
    job["job_parameters"]["granules"][1] = PASSES[1].burst(1)
    assert "different burst IDs" in refused(url, value={"jobs": [job]})[1]


def test_what_the_real_service_takes_is_taken(url):
    scenes = list(known_scenes(simulated_items()).values())
    other_track = next(scene.name for scene in scenes if scene.path == 8)
    single = next(scene.name for scene in scenes if scene.polarization == "VV")
    strange = [
        gamma_job(0, 0),
        gamma_job(3, 1),
        gamma_job(),
        gamma_job(),
        {"job_type": "INSAR_GAMMA", "job_parameters": {"granules": [SCENES[0], other_track]}},
        {"job_type": "INSAR_GAMMA", "job_parameters": {"granules": [other_track, single]}},
    ]
    jobs = submit(url, *strange)
    assert sum(job["credit_cost"] for job in jobs) == 60
    advance(url, 10)
    states = {job["job_id"]: job for job in ask(url, "/jobs")[2]["jobs"]}
    assert [states[job["job_id"]]["status_code"] for job in jobs] == [
        "FAILED", "SUCCEEDED", "SUCCEEDED", "SUCCEEDED", "FAILED", "SUCCEEDED",
    ]  # fmt: skip


# --- Credits ---


def test_one_post_is_all_or_nothing_and_a_dry_run_is_free(url):
    jobs = submit(url, gamma_job(), gamma_job(looks="10x2"), validate_only=True)
    assert [job["credit_cost"] for job in jobs] == [10, 15]
    assert [job["priority"] for job in jobs] == [8000, 7990]
    assert ask(url, "/user")[2]["remaining_credits"] == 8000
    assert refused(url, f"/jobs/{jobs[0]['job_id']}", "GET")[0] == 404, "its ids are thrown away"
    submit(url, gamma_job(), gamma_job(looks="10x2"), multi_burst_job(), burst_job(looks="5x1"))
    assert ask(url, "/user")[2]["remaining_credits"] == 8000 - 10 - 15 - 1 - 1
    wrong = gamma_job()
    wrong["job_parameters"]["granules"][0] = SCENES[0][:-4] + "FFFF"
    assert refused(url, value={"jobs": [gamma_job(), wrong]})[0] == 400
    assert ask(url, "/user")[2]["remaining_credits"] == 7973


def test_credits_come_back_with_the_month(url):
    submit(url, gamma_job(), user="sandbox-poor")
    advance(url, 32 * 86400)
    headers = bearer("sandbox-poor", 40 * 86400)
    answer = read(*call(url, "/user", headers=headers))[2]
    assert (answer["remaining_credits"], answer["credits_per_month"]) == (35, 35)


def test_without_limit(url):
    answer = ask(url, "/user", user="sandbox-unlimited")[2]
    assert answer["remaining_credits"] is None
    jobs = submit(url, *[gamma_job()] * 200, user="sandbox-unlimited")
    assert {job["priority"] for job in jobs} == {0}
    assert ask(url, "/user", user="sandbox-unlimited")[2]["remaining_credits"] is None


def test_an_application(url):
    def apply(user, **body):
        return ask(url, "/user", "PATCH", body, user)

    assert apply("sandbox-new", use_case="landslides")[2]["application_status"] == "PENDING"
    assert apply("sandbox-new", use_case="landslides", access_code="no")[0] == 403
    status, _, answer = apply("sandbox-new", use_case="landslides", access_code=ACCESS_CODE)
    assert (status, answer["application_status"], answer["remaining_credits"]) == (200, "APPROVED", 8000)
    assert answer["use_case"] == "landslides"
    assert apply("sandbox-new", use_case="again")[0] == 403
    assert apply("sandbox-rejected", use_case="please")[0] == 403
    assert apply("sandbox-pending", access_code=ACCESS_CODE)[0] == 400
    assert apply("sandbox-pending", use_case="x", more=1)[0] == 400


def test_priority_is_limited():
    accounts = Accounts(SandboxClock())
    account = accounts.change("sandbox-rich", credits_per_month=20_000, remaining_credits=10_005)
    assert accounts.priorities(account, [10, 10, 10]) == [9999, 9995, 9985]


def test_prices_of_bursts(url):
    for looks, price in (("20x4", 1), ("10x2", 1), ("5x1", 5)):
        (job,) = submit(url, multi_burst_job(looks=looks), validate_only=True)
        assert job["credit_cost"] == price


# --- Life, names, lists ---


def test_the_life_of_a_job(url):
    steer(url, "hyp3", failed_share=0.5)
    jobs = submit(url, gamma_job(name="a"), gamma_job(1, 2))
    path = f"/jobs/{jobs[0]['job_id']}"
    assert ask(url, path)[2]["execution_started"] is False
    advance(url, 3)
    answer = ask(url, path)[2]
    assert (answer["status_code"], answer["execution_started"]) == ("RUNNING", True)
    assert "files" not in answer
    assert "expiration_time" not in answer
    advance(url, 4)
    done, failed = (ask(url, f"/jobs/{job['job_id']}")[2] for job in jobs)
    assert (done["status_code"], failed["status_code"]) == ("SUCCEEDED", "FAILED")
    assert len(done["files"]) == 1
    assert done["files"][0]["filename"].endswith(".zip")
    assert failed["processing_times"] is None
    assert "files" not in failed
    status, _, log = call(url, urlsplit(failed["logs"][0]).path)
    assert (status, SCENES[1] in log.decode()) == (200, True)


def test_rename_one_and_many(url):
    jobs = submit(url, *[gamma_job(0, index, "old") for index in (1, 2, 3)])
    ids = [job["job_id"] for job in jobs]
    assert ask(url, f"/jobs/{ids[0]}", "PATCH", {"name": "new"})[2]["name"] == "new"
    assert ask(url, "/jobs", "PATCH", {"job_ids": ids[1:], "name": None}) == (200, "application/json", {})
    assert "name" not in ask(url, f"/jobs/{ids[1]}")[2]
    assert ask(url, "/user")[2]["job_names"] == ["new"]
    status, detail = refused(url, "/jobs", "PATCH", {"job_ids": [ids[2], UNKNOWN], "name": "x"})
    assert status == 404
    assert ask(url, f"/jobs/{ids[2]}")[2]["name"] == "x", "it is no transaction"
    assert refused(url, f"/jobs/{ids[0]}", "PATCH", {})[0] == 400
    assert refused(url, f"/jobs/{ids[0]}", "PATCH", {"name": "x" * 101})[0] == 400


def pages(url, query=""):
    """Pages of a list, in order."""
    found, path = [], f"/jobs?{query}"
    while path:
        status, _, answer = ask(url, path)
        assert status == 200, answer
        found.append(answer["jobs"])
        address = urlsplit(answer.get("next", ""))
        path = f"{address.path}?{address.query}" if address.path else ""
        assert len(found) < 100
    return found


def test_pages_are_cut_before_they_are_filtered(url):
    steer(url, "hyp3", page_jobs=3)
    for round_ in range(4):
        submit(url, *[gamma_job(0, index, f"round {round_}") for index in (1, 2, 3)])
        advance(url, 1)
    found = pages(url)
    assert [len(page) for page in found] == [3, 3, 3, 3]
    assert [page[0]["name"] for page in found] == [f"round {number}" for number in (3, 2, 1, 0)]
    assert [len(page) for page in pages(url, f"name={quote('round 1')}")] == [0, 0, 3, 0]
    plan_fault(url, route="/jobs", empty_page=True)
    found = pages(url)
    assert [len(page) for page in found] == [0, 3, 3, 3, 3]
    assert len({job["job_id"] for page in found for job in page}) == 12


def test_filters_of_a_list(url):
    submit(url, gamma_job(name="a"), burst_job())
    between = time.time() + 5
    advance(url, 10)
    submit(url, gamma_job(1, 2, name="b"))
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(between))

    def count(query):
        return sum(map(len, pages(url, query)))

    assert count("") == 3
    assert count("name=a") == 1
    assert count("name=none") == 0
    assert count("job_type=INSAR_ISCE_BURST") == 1
    assert count("status_code=SUCCEEDED") == 2
    assert count("status_code=PENDING") == 1
    assert count(f"start={moment}%2B00:00") == 1
    assert count(f"start={moment}+00:00") == 1, "a plus sign that was not encoded"
    assert count(f"end={moment}Z") == 2
    assert count("user_id=sandbox-ben") == 0


def test_2500_jobs_come_in_two_pages():
    store, settings = JobStore(), Hyp3Settings()
    parameters = gamma_job()["job_parameters"] | {f"include_{name}": False for name in range(8)}
    for index in range(2500):
        job_id = str(uuid.UUID(int=index))
        store.add(
            Hyp3Job(job_id, "anna", "INSAR_GAMMA", parameters, f"ifg_{index:04d}", "b", job_id, 1, 10, index)
        )
    first, token = store.page(JobFilter("anna"), None, 5000, settings)
    second, end = store.page(JobFilter("anna"), token, 5000, settings)
    assert end is None
    assert 1000 < len(first) < 2400
    assert [job.requested_s for job in (*first, *second)] == list(range(2499, -1, -1))


# --- Sign-in, faults, memory ---


def test_the_cookie_counts_too(url):
    cookie = f"other=1; asf-urs={make_sandbox_token('sandbox-carla', time.time() + 99)}"
    status, headers, body = call(url, "/user", headers={"Cookie": cookie})
    assert read(status, headers, body)[2]["user_id"] == "sandbox-carla"
    assert call(url, "/user", headers={"Cookie": "asf-urs=abc"})[0] == 401


def test_an_answer_that_is_lost_was_worked_on(url):
    plan_fault(url, route="/jobs", method="POST", lose_answer=True)
    assert ask(url, "/jobs")[2]["jobs"] == [], "the fault waits for its method"
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        submit(url, gamma_job(), gamma_job(1, 2))
    answer = read(*call(url, "/_sandbox/jobs"))[2]
    assert len(answer["jobs"]) == 2
    assert answer["charged"] == {"sandbox-anna": 20}


def test_a_request_that_never_came(url):
    plan_fault(url, route="/jobs", drop=True, skip=1)
    submit(url, gamma_job())
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        submit(url, gamma_job(1, 2))
    assert len(read(*call(url, "/_sandbox/jobs"))[2]["jobs"]) == 1


def test_what_was_accepted_can_be_read(url):
    (job,) = submit(url, gamma_job(name="a"))
    submit(url, burst_job(), user="sandbox-ben")
    first, second = read(*call(url, "/_sandbox/jobs"))[2]["jobs"]
    assert first == {
        "job_id": job["job_id"], "user": "sandbox-anna", "job_type": "INSAR_GAMMA", "granules": SCENES[:2],
        "parameters": job["job_parameters"], "credit_cost": 10, "name": "a", "status_code": "PENDING",
    }  # fmt: skip
    assert (second["user"], second["granules"]) == ("sandbox-ben", [PASSES[0].burst(0), PASSES[1].burst(0)])


def test_steering_that_is_not_known_is_refused(url):
    for path, value in (("hyp3", {"speed": 1}), ("account", {"user_id": "a", "charged": 0}), ("account", {})):
        assert call(url, f"/_sandbox/{path}", "POST", value=value)[0] == 400
    steer(url, "account", user_id="sandbox-anna", remaining_credits=12)
    assert ask(url, "/user")[2]["remaining_credits"] == 12


def test_reset_forgets_jobs_and_credits(url):
    submit(url, gamma_job())
    steer(url, "hyp3", page_jobs=1)
    call(url, "/_sandbox/reset", "POST")
    assert ask(url, "/jobs")[2] == {"jobs": []}
    assert ask(url, "/user")[2]["remaining_credits"] == 8000


def test_a_product_that_cannot_be_made_fails_its_job():
    def broken(jobs, folder, is_cancelled):
        raise RuntimeError("out of paper")
        yield

    items, clock = simulated_items(), SandboxClock()
    hyp3 = Hyp3Service(clock, known_scenes(items), broken)
    with SandboxServer([CmrService(items), hyp3], clock) as server:
        (job,) = submit(server.base_url, gamma_job())
        server.advance(10)
        answer = ask(server.base_url, f"/jobs/{job['job_id']}")[2]
        assert answer["status_code"] == "FAILED"
        assert b"out of paper" in call(server.base_url, urlsplit(answer["logs"][0]).path)[2]


def test_a_simulation_that_cannot_be_is_refused():
    with pytest.raises(Exception, match=r"simulate\.parameter"):
        make_sandbox(simulation=Simulate(output_folder="", width=1))

# SPDX-License-Identifier: GPL-2.0-or-later
"""What a client does, by hyp3_sdk as it comes, on the sandbox or on any HyP3.

Without settings the sandbox is asked. ``INSARHUB_HYP3_URL`` and ``INSARHUB_HYP3_TOKEN_FILE`` (a file that holds a bearer
token) point the same scenario at another HyP3: there jobs are only validated, and lists, costs and the user are read. Only
when ``INSARHUB_HYP3_SPEND_CREDITS`` is ``yes`` too is one real job submitted, renamed and looked at; it costs credits.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import hyp3_sdk
import hyp3_sdk.util
import pytest
import requests
from hyp3_sdk.exceptions import (
    AuthenticationError,
    HyP3Error,
    HyP3SDKError,
    ServerError,
    ServiceUnavailableError,
)

from insarhub_qgis.core.product_archive import read_product_archive
from insarhub_qgis.core.sandbox_credentials import make_sandbox_token
from insarhub_qgis.sandbox.hyp3_service import Hyp3Service
from insarhub_qgis.sandbox.known_scenes import known_scenes
from insarhub_qgis.sandbox.serve import make_sandbox
from insarhub_qgis.sandbox.server import SandboxServer
from insarhub_qgis.sandbox.service_state import SandboxClock
from insarhub_qgis.sandbox.simulated_catalogue import simulated_items
from tests.makers.hyp3_clients import PASSES, SCENES, SMALL, steer
from tests.makers.openapi_shapes import OPENAPI, OpenApi, faults
from tests.makers.sandbox_clients import plan_fault

#: Scenes that exist in the archive, and ones that do not; for another HyP3 than the sandbox.
REAL_SCENES = (
    "S1A_IW_SLC__1SDV_20180106T004006_20180106T004031_020027_0221EC_770D",
    "S1A_IW_SLC__1SDV_20180130T004005_20180130T004030_020377_022D0A_2062",
)
_OWN_TEST = "test_another_hyp3_is_only_validated_and_read"
NO_SCENE = "S1A_IW_SLC__1SDV_20180106T004006_20180106T004031_020027_0221EC_0000"


@dataclass(frozen=True)
class Place:
    """The HyP3 that is asked."""

    url: str
    token: str
    scenes: tuple[str, ...]
    is_sandbox: bool
    may_spend: bool

    def client(self) -> hyp3_sdk.HyP3:
        return hyp3_sdk.HyP3(api_url=self.url, token=self.token)


@pytest.fixture(scope="module")
def server():
    with make_sandbox(simulation=SMALL) as server:
        yield server


@pytest.fixture(scope="module")
def place(server):
    url = os.environ.get("INSARHUB_HYP3_URL", "")
    token_file = os.environ.get("INSARHUB_HYP3_TOKEN_FILE", "")
    if bool(url) != bool(token_file):
        pytest.fail("INSARHUB_HYP3_URL and INSARHUB_HYP3_TOKEN_FILE belong together")
    if not url:
        token = make_sandbox_token("sandbox-anna", time.time() + 90 * 86400)
        return Place(server.base_url, token, tuple(SCENES), is_sandbox=True, may_spend=True)
    may_spend = os.environ.get("INSARHUB_HYP3_SPEND_CREDITS", "") == "yes"
    token = Path(token_file).read_text(encoding="utf-8").strip()
    return Place(url.rstrip("/"), token, REAL_SCENES, is_sandbox=False, may_spend=may_spend)


@pytest.fixture(scope="module")
def submitted(place):
    """One job that was really submitted."""
    if not place.may_spend:
        pytest.skip("a real job costs credits: INSARHUB_HYP3_SPEND_CREDITS=yes allows one")
    return place.client().submit_insar_job(*place.scenes[:2], name="insarhub conformance")[0]


@pytest.fixture
def sandbox(server, place):
    """The server, for what only a sandbox can be asked to do."""
    if not place.is_sandbox:
        pytest.skip("only a sandbox can be steered")
    server.faults.clear()
    return server


def validate(place, *jobs):
    """Answer of a dry run, which the SDK does not know."""
    body = {"jobs": list(jobs), "validate_only": True}
    return place.client().session.post(f"{place.url}/jobs", json=body)


def must_fit(value, path, method):
    if OPENAPI.is_file():
        assert faults(value, OpenApi().answer(path, method)) == []


# --- Any HyP3 ---


def test_costs_and_user(place):
    client = place.client()
    costs = client.costs()
    assert {"20x4", "10x2"} <= set(costs["INSAR_GAMMA"]["cost_table"])
    user = client.my_info()
    assert {"user_id", "remaining_credits", "application_status", "job_names"} <= set(user)
    credits_left = client.check_credits()
    assert credits_left is None or credits_left >= 0
    if credits_left is not None:
        must_fit(user, "/user", "get")


def test_a_dry_run_costs_nothing(place):
    before = place.client().check_credits()
    prepared = [
        hyp3_sdk.HyP3.prepare_insar_job(*place.scenes[:2], name="dry", looks=looks)
        for looks in ("20x4", "10x2")
    ]
    answer = validate(place, *prepared)
    assert answer.status_code == 200, answer.text[:500]
    must_fit(answer.json(), "/jobs", "post")
    assert answer.json()["validate_only"] is True
    costs = place.client().costs()["INSAR_GAMMA"]["cost_table"]
    jobs = answer.json()["jobs"]
    assert [job["credit_cost"] for job in jobs] == [costs["20x4"], costs["10x2"]]
    assert all(job["status_code"] == "PENDING" for job in jobs)
    assert jobs[0]["job_parameters"]["phase_filter_parameter"] == 0.6
    assert place.client().check_credits() == before
    with pytest.raises(HyP3Error, match="404"):
        place.client().get_job_by_id(jobs[0]["job_id"])


def test_refusals(place):
    good = hyp3_sdk.HyP3.prepare_insar_job(*place.scenes[:2])
    missing = hyp3_sdk.HyP3.prepare_insar_job(place.scenes[0], NO_SCENE)
    for jobs, word in (
        ([missing], "could not be found"),
        ([], "non-empty"),
        ([{**good, "name": "x" * 101}], ""),
        ([{**good, "job_parameters": {**good["job_parameters"], "looks": "1x1"}}], ""),
        ([good] * 201, ""),
    ):
        answer = validate(place, *jobs)
        assert answer.status_code == 400, (word, answer.status_code)
        assert answer.headers["Content-Type"].startswith("application/problem+json")
        assert set(answer.json()) == {"status", "title", "detail", "type"}
        assert word in answer.json()["detail"]


def test_lists_with_filters(place):
    client = place.client()
    now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 86400 * 300))
    assert len(client.find_jobs(start=now)) == 0
    assert len(client.find_jobs(name="a name that nobody gave to a job")) == 0
    answer = client.session.get(f"{place.url}/jobs", params={"status_code": "DONE"})
    assert answer.status_code == 400
    answer = client.session.get(f"{place.url}/jobs", params={"start": "2026-01-01"})
    assert answer.status_code == 400
    must_fit(client.session.get(f"{place.url}/jobs").json(), "/jobs", "get")


def test_without_or_with_a_bad_token(place):
    assert requests.get(f"{place.url}/costs").status_code == 200
    for headers in ({}, {"Authorization": "Bearer a.b.c"}):
        answer = requests.get(f"{place.url}/user", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["Content-Type"].startswith("application/problem+json")
    with pytest.raises(HyP3Error, match="401"):
        hyp3_sdk.HyP3(place.url, token="a.b.c").my_info()


def test_wrong_addresses_and_methods(place):
    client = place.client()
    with pytest.raises(HyP3Error, match="404"):
        client.get_job_by_id("27836b79-e5b2-4d8f-932f-659724ea02c3")
    with pytest.raises(HyP3Error, match="400"):
        client.get_job_by_id("nope")
    answer = client.session.delete(f"{place.url}/jobs")
    assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (405, "text/html")


# --- A job that is paid ---


def test_a_submitted_job_is_listed_read_and_refreshed(place, submitted):
    client = place.client()
    assert submitted.credit_cost == client.costs()["INSAR_GAMMA"]["cost_table"]["20x4"]
    assert submitted.job_id in {job.job_id for job in client.find_jobs(name="insarhub conformance")}
    assert client.get_job_by_id(submitted.job_id).job_parameters["granules"] == list(place.scenes[:2])
    assert client.refresh(submitted).job_id == submitted.job_id
    must_fit(client.session.get(f"{place.url}/jobs/{submitted.job_id}").json(), "/jobs/{job_id}", "get")


def test_a_job_is_renamed(place, submitted):
    client = place.client()
    assert client.update_jobs(submitted, name="renamed").name == "renamed"
    assert "renamed" in client.my_info()["job_names"]
    assert client.update_jobs(hyp3_sdk.Batch([submitted]), name="insarhub conformance") is not None
    assert client.get_job_by_id(submitted.job_id).name == "insarhub conformance"


# --- The sandbox alone ---


def test_from_submission_to_unzipped_products(sandbox, place, tmp_path):
    client = place.client()
    prepared = [
        client.prepare_insar_job(*SCENES[:2], name="all", include_dem=True, include_look_vectors=True),
        client.prepare_insar_isce_burst_job(PASSES[0].burst(0), PASSES[1].burst(0), name="all"),
        client.prepare_insar_isce_multi_burst_job(
            [PASSES[0].burst(0), PASSES[0].burst(1)], [PASSES[1].burst(0), PASSES[1].burst(1)], name="all"
        ),
    ]
    before = client.check_credits()
    batch = client.submit_prepared_jobs(prepared)
    assert client.check_credits() == before - batch.total_credit_cost() == before - 12
    steer(place.url, "hyp3", pending_s=0.2, done_s=0.4)
    batch = client.watch(batch, timeout=30, interval=0.2)
    assert batch.succeeded()
    assert not batch.any_expired()
    paths = batch.download_files(tmp_path)
    kinds = []
    for path, job in zip(paths, batch):
        assert path.stat().st_size == job.files[0]["size"]
        kinds.append(read_product_archive(path).product.product_type)
        folder = hyp3_sdk.util.extract_zipped_product(path)
        assert (folder / f"{folder.name}.txt").is_file()
        assert len(list(folder.glob("*_unw_phase.tif"))) == 1
    assert kinds == ["gamma", "burst", "multi_burst"]


def test_lists_go_on_after_an_empty_page(sandbox, place):
    client = place.client()
    steer(place.url, "hyp3", page_jobs=4)
    jobs = [
        client.prepare_insar_job(SCENES[0], SCENES[index], name=f"page {index % 3}") for index in range(1, 11)
    ]
    ids = {job.job_id for job in client.submit_prepared_jobs(jobs)}
    plan_fault(place.url, route="/jobs", method="GET", empty_page=True)
    found = client.find_jobs()
    assert ids <= {job.job_id for job in found}
    assert len(found) == len({job.job_id for job in found})
    assert len(client.find_jobs(name="page 1")) == 4
    assert {job.job_id for job in client.find_jobs(user_id="sandbox-anna")} >= ids
    other = hyp3_sdk.HyP3(place.url, token=make_sandbox_token("sandbox-ben", time.time() + 99))
    assert len(other.find_jobs()) == 0
    assert {job.job_id for job in other.find_jobs(user_id="sandbox-anna")} >= ids
    steer(place.url, "hyp3", page_jobs=0)


def test_a_failed_job_is_submitted_again(sandbox, place):
    client = place.client()
    steer(place.url, "hyp3", failed_share=1.0)
    job = client.submit_insar_job(*SCENES[3:5], name="fails")[0]
    sandbox.advance(20)
    job = client.refresh(job)
    assert job.failed()
    assert SCENES[3] in requests.get(job.logs[0]).text
    steer(place.url, "hyp3", failed_share=0.0)
    again = client.submit_prepared_jobs(job.to_dict(for_resubmit=True))[0]
    assert again.job_id != job.job_id
    assert again.bucket_prefix == again.job_id
    sandbox.advance(20)
    assert client.refresh(again).succeeded()
    assert len(client.find_jobs(name="fails").filter_jobs(failed=True)) == 2


def test_products_that_have_expired(sandbox, place, tmp_path):
    client = place.client()
    job = client.submit_insar_job(*SCENES[5:7])[0]
    sandbox.advance(20)
    job = client.refresh(job)
    assert not job.expired()
    sandbox.advance(15 * 86400)
    with pytest.raises(HyP3SDKError, match="Unable to download"):
        job.download_files(tmp_path)
    sandbox.clock.reset()


def test_a_password_gives_a_session(sandbox, place, monkeypatch):
    monkeypatch.setattr(hyp3_sdk.util, "AUTH_URL", f"{place.url}/oauth/authorize?response_type=code")
    client = hyp3_sdk.HyP3(place.url, username="sandbox-dora", password="any")
    assert client.my_info()["user_id"] == "sandbox-dora"
    for password, word in (("eula", "licence"), ("wrong", "Was not able")):
        with pytest.raises(AuthenticationError, match=word):
            hyp3_sdk.HyP3(place.url, username="sandbox-dora", password=password)


def test_how_the_sdk_sees_faults(sandbox, place):
    client = place.client()
    plan_fault(place.url, route="/user", expire_token=True)
    with pytest.raises(HyP3Error, match="expired"):
        client.my_info()
    plan_fault(place.url, route="/user", status=503)
    with pytest.raises(ServiceUnavailableError):
        client.my_info()
    plan_fault(place.url, route="/user", status=500)
    with pytest.raises(ServerError):
        client.my_info()
    plan_fault(place.url, route="/user", status=503, body="<html>", content_type="text/html")
    with pytest.raises(requests.exceptions.JSONDecodeError):
        client.my_info()
    plan_fault(place.url, route="/jobs", method="POST", lose_answer=True)
    before = client.check_credits()
    with pytest.raises(requests.exceptions.ConnectionError):
        client.submit_insar_job(*SCENES[7:9])
    assert client.check_credits() == before - 10, "it was accepted and paid all the same"


def test_another_hyp3_is_only_validated_and_read(tmp_path):
    """The scenario as a person points it at another HyP3: it passes there, and nothing is submitted or charged."""
    items = simulated_items()[:2]
    for item, name in zip(items, REAL_SCENES):
        item["umm"]["DataGranule"]["Identifiers"][0]["Identifier"] = name
    clock = SandboxClock()
    with SandboxServer([Hyp3Service(clock, known_scenes(items))], clock) as other:
        token_file = tmp_path / "token"
        token_file.write_text(make_sandbox_token("sandbox-anna", time.time() + 600) + "\n")
        settings = {"INSARHUB_HYP3_URL": other.base_url, "INSARHUB_HYP3_TOKEN_FILE": str(token_file)}
        environment = {key: value for key, value in os.environ.items() if not key.startswith("INSARHUB_HYP3")}
        mine = Path(__file__)
        outcome = subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-p",
                "no:cacheprovider",
                str(mine),
                "-k",
                f"not {_OWN_TEST}",
            ],
            env={**environment, **settings},
            cwd=mine.parents[2],
            capture_output=True,
            text=True,
            timeout=120,
        )
        posts = [entry for entry in other.log.requests() if entry.method == "POST"]
        accepted = requests.get(f"{other.base_url}/_sandbox/jobs").json()
    assert outcome.returncode == 0, outcome.stdout[-3000:]
    assert "6 passed" in outcome.stdout
    assert posts
    assert accepted == {"jobs": [], "charged": {"sandbox-anna": 0}}

# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from insarhub_qgis.core.atomic_files import write_error
from insarhub_qgis.core.credentials import Credential
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.hyp3_files import find_job_files, read_job_file, read_product_cache, update_seen
from insarhub_qgis.core.hyp3_jobs import JobRow, find_local_products, job_rows, service_now
from insarhub_qgis.core.iso_times import iso
from insarhub_qgis.core.requests import RefreshHyp3
from insarhub_qgis.engine import hyp3_door, hyp3_refresh
from insarhub_qgis.engine.hyp3_refresh import run
from insarhub_qgis.sandbox.hyp3_jobs import Hyp3Settings
from insarhub_qgis.sandbox.server import SandboxServer
from insarhub_qgis.sandbox.service_state import Fault
from tests.makers.hyp3_results import noise_server, put_foreign_jobs, put_jobs, submit
from tests.makers.hyp3_submissions import (
    USER,
    Listener,
    endpoints_of,
    make_hyp3_server,
    set_account,
    token,
)

BERT = "sandbox-bert"


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxServer]:
    with noise_server() as server:
        yield server


@pytest.fixture()
def server(running: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> SandboxServer:
    monkeypatch.setattr(hyp3_door, "RETRY_WAITS_S", (0.0, 0.0, 0.0))
    running.reset()
    return running


def refresh(folder: Path, server: SandboxServer, listener: Listener | None = None) -> dict:
    request = RefreshHyp3(str(folder), endpoints_of(server).to_json())
    return json.loads(json.dumps(run(request, (listener or Listener()).context)))


def long_signed_in() -> Listener:
    listener = Listener()
    listener.context = replace(listener.context, credential=Credential(token=token(life_s=60 * 86400)))
    return listener


def rows_of(result: dict) -> dict[str, JobRow]:
    return {row["job_id"]: JobRow.from_json(row) for row in result["rows"]}


def calls(server: SandboxServer, beginning: str) -> list[str]:
    found = [request.path for request in server.log.requests() if request.method == "GET"]
    return [path for path in found if path.startswith(beginning)]


def test_what_the_service_says_is_shown_and_kept(server: SandboxServer, tmp_path: Path) -> None:
    jobs = submit(server, 3)
    put_jobs(tmp_path, jobs, submitted_at=iso(datetime.now(timezone.utc)))
    result = refresh(tmp_path, server)
    assert result["counts"]["SUCCEEDED"] == 3
    assert result["unreachable"] == result["problems"] == []
    row = rows_of(result)[jobs[0]["job_id"]]
    assert row.pair == tuple(jobs[0]["job_parameters"]["granules"])
    assert (row.status, row.credits, row.looks, row.job_type) == ("SUCCEEDED", 10.0, "20x4", "INSAR_GAMMA")
    assert row.url == f"{server.base_url}/products/{row.job_id}/{row.product}"
    assert row.size > 50_000
    assert row.expires_at - row.requested_at > timedelta(days=13)
    # The panel shows the same from the files alone.
    files, _ = find_job_files(tmp_path)
    assert [row.to_json() for row in job_rows(files, find_local_products([tmp_path]))] == result["rows"]
    assert read_product_cache(tmp_path).filenames == tuple(row["product"] for row in result["rows"])
    assert read_job_file(tmp_path / "hyp3_jobs.json").own["api_url"] == server.base_url


def test_a_life_from_pending_to_expired(server: SandboxServer, tmp_path: Path) -> None:
    server.services[0].settings.pending_s, server.services[0].settings.done_s = 100.0, 200.0
    put_jobs(tmp_path, submit(server, 1))
    states = []
    for seconds in (0, 120, 120, 15 * 86400):
        server.advance(seconds)
        (row,) = refresh(tmp_path, server, long_signed_in())["rows"]
        states.append(row["status"])
    assert states[:3] == ["PENDING", "RUNNING", "SUCCEEDED"]
    # The clock of the service is 15 days ahead now, and it counts.
    assert states[3] == "EXPIRED"


def test_failed_jobs_have_their_logs(server: SandboxServer, tmp_path: Path) -> None:
    server.services[0].settings.failed_share = 0.5
    put_jobs(tmp_path, submit(server, 4))
    result = refresh(tmp_path, server)
    assert result["counts"]["FAILED"] == 2
    failed = [row for row in rows_of(result).values() if row.status == "FAILED"]
    assert all(row.logs[0].startswith(server.base_url) for row in failed)
    assert {row.failure for row in failed} == {"Processing failed: the co-registration did not converge"}
    assert {row.message["code"] for row in failed} == {"hyp3_jobs.failed_because"}
    asked = len(calls(server, "/products/"))
    refresh(tmp_path, server)
    assert len(calls(server, "/products/")) == asked == 2, "a log is read once"


@pytest.mark.parametrize(
    ("fault", "failure", "asked_again"),
    [
        (Fault(route="/products/", status=404, times=9), "", 0),
        (Fault(route="/products/", drop=True, times=9), "", 1),
        (Fault(route="/products/", status=200, body="", times=9), "", 0),
        (Fault(route="/products/", status=200, body="one\n" + "x" * 9000 + "\nRuntimeError: no.\n\n  \n"), "RuntimeError: no", 0),
    ],
)  # fmt: skip
def test_a_log_that_cannot_be_read_hinders_nothing(
    server: SandboxServer, tmp_path: Path, fault: Fault, failure: str, asked_again: int
) -> None:
    server.services[0].settings.failed_share = 1.0
    put_jobs(tmp_path, submit(server, 1))
    server.faults.add(fault)
    (row,) = rows_of(refresh(tmp_path, server)).values()
    assert (row.status, row.failure) == ("FAILED", failure)
    asked = len(calls(server, "/products/"))
    refresh(tmp_path, server)
    assert len(calls(server, "/products/")) - asked == asked_again


def test_at_most_twenty_logs_are_read_at_once(server: SandboxServer, tmp_path: Path) -> None:
    server.services[0].settings.failed_share = 1.0
    put_jobs(tmp_path, submit(server, 25))
    read = [sum(bool(row.failure) for row in rows_of(refresh(tmp_path, server)).values()) for _ in range(2)]
    assert read == [20, 25]


def test_a_pair_that_fails_twice_for_one_reason_says_so(server: SandboxServer, tmp_path: Path) -> None:
    server.services[0].settings.failed_share = 1.0
    first, again = submit(server, 1), submit(server, 1)
    put_jobs(tmp_path, first)
    put_jobs(
        tmp_path, again, file="hyp3_retry_jobs_20260101T000000.json", retry_of={again[0]["job_id"]: first[0]["job_id"]}
    )  # fmt: skip
    row = rows_of(refresh(tmp_path, server))[again[0]["job_id"]]
    assert row.message["code"] == "hyp3_jobs.failed_alike"
    assert row.message["fields"] == {"times": 2, "reason": row.failure}


def test_files_by_insarhub_are_filled_in_and_stay_theirs(server: SandboxServer, tmp_path: Path) -> None:
    jobs = submit(server, 3, name="ifg_1")
    ids = [job["job_id"] for job in jobs]
    path = put_foreign_jobs(tmp_path, {USER: ids})
    before = json.loads(path.read_text())
    result = refresh(tmp_path, server)
    assert result["counts"]["SUCCEEDED"] == 3
    after = json.loads(path.read_text())
    own = after.pop("insarhub_qgis")
    assert after == before
    assert own["pairs"] == {job["job_id"]: job["job_parameters"]["granules"] for job in jobs}
    assert own["names"] == dict.fromkeys(ids, "ifg_1")
    assert own["submitted_at"] == jobs[0]["request_time"].replace("+00:00", "Z")
    assert own["job_type"] == "INSAR_GAMMA"
    assert own["parameters"]["include_dem"] is True
    assert "granules" not in own["parameters"]


def test_what_a_file_says_is_not_changed(server: SandboxServer, tmp_path: Path) -> None:
    jobs = submit(server, 1)
    path = put_jobs(
        tmp_path, jobs, names={jobs[0]["job_id"]: "mine"}, submitted_at="2020-01-01T00:00:00Z", job_type="X"
    )
    refresh(tmp_path, server)
    own = read_job_file(path).own
    assert (own["names"], own["submitted_at"], own["job_type"]) == (
        {jobs[0]["job_id"]: "mine"}, "2020-01-01T00:00:00Z", "X",
    )  # fmt: skip


def test_2500_jobs_in_one_account(tmp_path: Path) -> None:
    settings = Hyp3Settings(pending_s=0.0, done_s=0.0, page_jobs=300)
    with make_hyp3_server(settings) as server:
        set_account(server, remaining_credits=None)
        jobs = [job for _ in range(25) for job in submit(server, 100)]
        put_foreign_jobs(tmp_path, {USER: [job["job_id"] for job in jobs]})
        server.faults.add(Fault(route="/jobs", empty_page=True, times=2, skip=1))
        result = refresh(tmp_path, server)
        assert result["counts"]["SUCCEEDED"] == 2500
        assert len(calls(server, "/jobs")) == 9 + 2, "300 on a page, and two pages without jobs"
        assert calls(server, "/jobs/") == []


def test_only_the_time_since_the_submission_is_listed(server: SandboxServer, tmp_path: Path) -> None:
    submitted = datetime.now(timezone.utc) - timedelta(hours=1)
    put_jobs(tmp_path, submit(server, 2), submitted_at=iso(submitted))
    put_jobs(
        tmp_path,
        submit(server, 1),
        file="hyp3_retry_jobs_20260101T000000.json",
        submitted_at=iso(datetime.now(timezone.utc)),
    )
    refresh(tmp_path, server)
    (path,) = calls(server, "/jobs?")
    assert (submitted - timedelta(minutes=10)).strftime("%Y-%m-%dT%H%%3A%M") in path
    assert "%2B00%3A00" in path, "without an offset the service refuses"


def test_a_job_that_was_deleted_keeps_its_last_state(server: SandboxServer, tmp_path: Path) -> None:
    server.services[0].settings.done_s = 1000.0
    put_jobs(tmp_path, submit(server, 2))
    first = refresh(tmp_path, server)
    server.reset()
    result = refresh(tmp_path, server)
    assert result["counts"]["UNKNOWN"] == 2
    for job_id, row in rows_of(result).items():
        assert (row.status, row.known_status) == ("UNKNOWN", "RUNNING")
        assert row.last_checked == rows_of(first)[job_id].last_checked
        assert row.message["code"] == "hyp3_jobs.not_found"


def test_at_most_fifty_jobs_are_asked_for_singly(server: SandboxServer, tmp_path: Path) -> None:
    ids = [f"00000000-0000-4000-8000-{number:012d}" for number in range(60)]
    put_foreign_jobs(tmp_path, {USER: [*ids, "no-uuid"]})
    result = refresh(tmp_path, server)
    assert result["counts"]["UNKNOWN"] == 61
    assert len(calls(server, "/jobs/")) == 50
    assert "/jobs/no-uuid" in calls(server, "/jobs/"), "the newest first, and its refusal ends nothing"


def test_jobs_of_other_accounts_are_read_with_the_login_at_hand(
    server: SandboxServer, tmp_path: Path
) -> None:
    mine, theirs = submit(server, 1), submit(server, 2, BERT)
    put_jobs(tmp_path, mine)
    put_jobs(tmp_path, theirs, BERT)
    result = refresh(tmp_path, server)
    assert result["counts"]["SUCCEEDED"] == 3
    assert calls(server, "/jobs/") == []
    assert sum(f"user_id={BERT}" in path for path in calls(server, "/jobs")) == 1


def test_jobs_under_a_wrong_account_are_found_by_asking_for_one(
    server: SandboxServer, tmp_path: Path
) -> None:
    put_foreign_jobs(tmp_path, {"somebody": [job["job_id"] for job in submit(server, 20, BERT)]})
    assert refresh(tmp_path, server)["counts"]["SUCCEEDED"] == 20
    assert len(calls(server, "/jobs/")) == 1


def test_an_account_that_cannot_be_listed_keeps_its_memory(server: SandboxServer, tmp_path: Path) -> None:
    put_jobs(tmp_path, submit(server, 1))
    put_jobs(tmp_path, submit(server, 1, BERT), BERT)
    refresh(tmp_path, server)
    server.faults.add(Fault(route="/jobs", status=500, times=4))
    listener = Listener()
    result = refresh(tmp_path, server, listener)
    assert [(entry["account"], entry["code"]) for entry in result["unreachable"]] == [(USER, "hyp3.down")]
    assert result["counts"]["SUCCEEDED"] == 2
    assert any("next attempt" in line for line in listener.logs)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(route="/jobs", status=503, body="<html>", content_type="text/html", times=9), "hyp3.down"),
        (Fault(route="/jobs", expire_token=True, times=9), "hyp3.token_expired"),
        (Fault(route="/jobs", drop=True, times=9), "network.offline"),
        (Fault(route="/jobs", status=429, times=9), "hyp3.busy"),
    ],
)
def test_without_any_answer_the_files_stay(
    server: SandboxServer, tmp_path: Path, fault: Fault, code: str
) -> None:
    path = put_jobs(tmp_path, submit(server, 1))
    before = path.read_bytes()
    server.faults.add(fault)
    with pytest.raises(InsarError) as caught:
        refresh(tmp_path, server)
    assert caught.value.code == code
    assert path.read_bytes() == before


def test_an_empty_folder_needs_no_login(server: SandboxServer, tmp_path: Path) -> None:
    put_foreign_jobs(tmp_path, {})
    result = refresh(tmp_path, server)
    assert (result["rows"], result["checked_at"]) == ([], None)
    assert server.log.requests() == []
    with pytest.raises(InsarError, match=r"folder\.missing"):
        refresh(tmp_path / "none", server)


def test_jobs_of_another_service_are_not_taken_for_lost(server: SandboxServer, tmp_path: Path) -> None:
    put_jobs(tmp_path, submit(server, 1))
    other = put_jobs(
        tmp_path,
        [],
        BERT,
        "hyp3_plus.json",
        api_url="https://hyp3-plus.asf.alaska.edu",
        last_seen={"x": {"status": "RUNNING"}},
    )
    document = json.loads(other.read_text())
    document["job_ids"] = {BERT: ["x"]}
    other.write_text(json.dumps(document))
    result = refresh(tmp_path, server)
    assert rows_of(result)["x"].status == "RUNNING"
    assert [problem["code"] for problem in result["problems"]] == ["hyp3_jobs.other_service"]
    assert calls(server, "/jobs/x") == []


def test_a_sandbox_on_another_port_is_the_same_service(server: SandboxServer, tmp_path: Path) -> None:
    put_jobs(tmp_path, submit(server, 1), api_url="http://127.0.0.1:9")
    assert refresh(tmp_path, server)["counts"]["SUCCEEDED"] == 1


def test_files_that_cannot_be_written_are_still_shown(
    server: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put_jobs(tmp_path, submit(server, 1))

    def refuse(path: Path, *_: object) -> None:
        raise write_error(path, PermissionError(13, "no"))

    monkeypatch.setattr(hyp3_refresh, "update_seen", refuse)
    result = refresh(tmp_path, server)
    assert result["counts"]["SUCCEEDED"] == 1
    assert [problem["code"] for problem in result["problems"]] == ["file.not_writable"]
    assert read_job_file(path).last_seen == {}


def test_what_a_download_noted_meanwhile_stays(server: SandboxServer, tmp_path: Path) -> None:
    jobs = submit(server, 1)
    path = put_jobs(tmp_path, jobs)
    update_seen(path, {jobs[0]["job_id"]: {"verified": True}})
    refresh(tmp_path, server)
    assert read_job_file(path).last_seen[jobs[0]["job_id"]]["verified"] is True


def test_a_wrong_clock_here_does_not_shorten_the_countdown(
    server: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_jobs(tmp_path, submit(server, 1))
    month = timedelta(days=30)
    # A service that is a month behind this computer is a computer that is a month ahead.
    monkeypatch.setattr(hyp3_door.Hyp3Door, "server_now", lambda self: datetime.now(timezone.utc) - month)
    result = refresh(tmp_path, server)
    assert result["clock_offset_s"] == pytest.approx(-month.total_seconds(), abs=3)
    files, _ = find_job_files(tmp_path)
    now = datetime.now(timezone.utc)
    assert abs(service_now(files, now) - (now - month)) < timedelta(seconds=3)


def test_a_cancel_ends_it(server: SandboxServer, tmp_path: Path) -> None:
    put_jobs(tmp_path, submit(server, 3))
    with pytest.raises(Cancelled):
        refresh(tmp_path, server, Listener(is_cancelled=lambda: True))

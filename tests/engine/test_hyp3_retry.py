# SPDX-License-Identifier: GPL-2.0-or-later
"""Retrying failed and expired jobs on the sandbox: a file of its own, lineage, and no second charge."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from insarhub_qgis.core.hyp3_files import find_job_files, update_job_file
from insarhub_qgis.core.hyp3_journal import open_intents
from insarhub_qgis.core.hyp3_options import Hyp3Options
from insarhub_qgis.core.requests import RefreshHyp3, RetryHyp3, SubmitHyp3
from insarhub_qgis.engine import hyp3_door, hyp3_plan, hyp3_refresh, hyp3_retry, hyp3_submit
from insarhub_qgis.sandbox.hyp3_job_types import JOB_TYPES
from insarhub_qgis.sandbox.service_state import Fault
from tests.makers.hyp3_submissions import (
    USER,
    Listener,
    catalogue,
    endpoints_of,
    jobs_of_server,
    make_hyp3_job,
    make_hyp3_server,
    pairs_of_stack,
    stack_scenes,
    steer,
)

#: Tokens that outlive what the clock of the sandbox is moved by.
LONG_S = 90 * 86400


@pytest.fixture(scope="module")
def server():
    with make_hyp3_server() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(server, monkeypatch):
    monkeypatch.setattr(hyp3_door, "RETRY_WAITS_S", (0.01,))
    server.reset()
    return server


def submit(sandbox, folder, **values):
    request = SubmitHyp3(
        str(folder), Hyp3Options().to_json(), endpoints=endpoints_of(sandbox).to_json(), **values
    )
    return hyp3_submit.run(request, Listener(life_s=LONG_S).context)


def retry(sandbox, folder, listener=None, **values):
    request = RetryHyp3(str(folder), endpoints=endpoints_of(sandbox).to_json(), look_again_s=0.1, **values)
    return hyp3_retry.run(request, (listener or Listener(life_s=LONG_S)).context)


@pytest.fixture
def failed_job(sandbox, tmp_path):
    """Four jobs, of which two failed."""
    folder = make_hyp3_job(tmp_path / "job", pairs_of_stack(4))
    steer(sandbox, "hyp3", failed_share=0.5)
    submit(sandbox, folder)
    steer(sandbox, "hyp3", failed_share=0.0)
    steer(sandbox, "advance", seconds=60)
    return folder


def failed_ids(sandbox):
    return [job["job_id"] for job in jobs_of_server(sandbox)[0] if job["status_code"] == "FAILED"]


def test_failed_jobs_go_into_a_file_of_their_own(sandbox, failed_job):
    before = (failed_job / "hyp3_jobs.json").read_bytes()
    result = retry(sandbox, failed_job)
    assert (result["submitted"], result["credits"]) == (2, 20)
    path = Path(result["job_file"])
    assert path.name.startswith("hyp3_retry_jobs_")
    assert len(path.stem) == len("hyp3_retry_jobs_20260102T030405")
    assert (failed_job / "hyp3_jobs.json").read_bytes() == before
    document = json.loads(path.read_text())
    own = document["insarhub_qgis"]
    jobs = {job["job_id"]: job for job in jobs_of_server(sandbox)[0]}
    assert own["retry_of_file"] == "hyp3_jobs.json"
    assert sorted(own["retry_of"]) == sorted(document["job_ids"][USER])
    for new, old in own["retry_of"].items():
        for key in ("granules", "parameters", "name", "job_type"):
            assert jobs[new][key] == jobs[old][key]
        assert jobs[old]["status_code"] == "FAILED"
    assert len(jobs) == 6


def test_retrying_twice_pays_once(sandbox, failed_job):
    retry(sandbox, failed_job)
    again = retry(sandbox, failed_job)
    assert (again["submitted"], again["job_file"]) == (0, "")
    steer(sandbox, "advance", seconds=60)
    assert retry(sandbox, failed_job)["submitted"] == 0
    jobs, charged = jobs_of_server(sandbox)
    assert (len(jobs), charged[USER]) == (6, 60)


def test_a_retry_that_fails_can_be_retried(sandbox, failed_job):
    steer(sandbox, "hyp3", failed_share=1.0)
    first = retry(sandbox, failed_job)
    steer(sandbox, "advance", seconds=60)
    second = retry(sandbox, failed_job)
    assert second["submitted"] == 2
    assert second["job_file"] != first["job_file"]
    files, _ = find_job_files(failed_job)
    of_files = [file.retry_of for file in files]
    assert set(of_files[2].values()) == set(of_files[1])


def test_a_pair_that_was_submitted_again_by_hand_is_not_retried(sandbox, failed_job):
    assert submit(sandbox, failed_job, repeat_states=("failed",))["submitted"] == 2
    again = retry(sandbox, failed_job)
    assert again["submitted"] == 0
    assert {row["state"] for row in again["skipped"]} == {"in_flight"}


def test_expired_jobs_only_when_asked(sandbox, failed_job):
    steer(sandbox, "advance", seconds=15 * 86400)
    result = retry(sandbox, failed_job, dry_run=True)
    assert (result["submitted"], {row["state"] for row in result["skipped"]}) == (2, {"expired"})
    result = retry(sandbox, failed_job, include_expired=True)
    assert (result["submitted"], result["credits"]) == (4, 40)


def test_only_the_jobs_that_are_named(sandbox, failed_job):
    jobs, _ = jobs_of_server(sandbox)
    failed = [job["job_id"] for job in jobs if job["status_code"] == "FAILED"]
    good = [job["job_id"] for job in jobs if job["status_code"] != "FAILED"]
    result = retry(sandbox, failed_job, job_ids=(failed[1], good[0]))
    assert result["submitted"] == 1
    assert [row["state"] for row in result["skipped"]] == ["done"]
    assert jobs_of_server(sandbox)[0][-1]["granules"] == next(
        job["granules"] for job in jobs if job["job_id"] == failed[1]
    )
    assert retry(sandbox, failed_job, job_file="hyp3_retry_jobs_20200101T000000.json")["submitted"] == 0


def test_a_dry_run_of_a_retry_writes_nothing(sandbox, failed_job):
    before = {path: path.read_bytes() for path in failed_job.iterdir()}
    result = retry(sandbox, failed_job, dry_run=True)
    assert (result["submitted"], result["credits"]) == (2, 20)
    assert {path: path.read_bytes() for path in failed_job.iterdir()} == before
    assert len(jobs_of_server(sandbox)[0]) == 4


def test_a_lost_answer_of_a_retry_is_not_taken_for_the_failed_jobs(sandbox, failed_job):
    """The failed jobs have the same names, granules and parameters, and are as young."""
    sandbox.faults.add(Fault(route="/jobs", method="POST", drop=True))
    result = retry(sandbox, failed_job)
    assert result["stopped_by"]["code"] == "network.offline"
    assert (result["submitted"], result["job_file"]) == (0, "")
    sandbox.faults.add(Fault(route="/jobs", method="POST", lose_answer=True))
    result = retry(sandbox, failed_job)
    assert (result["submitted"], result["stopped_by"]) == (2, None)
    jobs, charged = jobs_of_server(sandbox)
    assert (len(jobs), charged[USER]) == (6, 60)
    files, _ = find_job_files(failed_job)
    assert sorted(job_id for file in files for job_id in file.ids) == sorted(job["job_id"] for job in jobs)
    assert len(files[1].retry_of) == 2
    assert open_intents(failed_job) == []


def test_jobs_that_the_service_lost_are_named(sandbox, failed_job):
    sandbox.reset()
    result = retry(sandbox, failed_job, include_expired=True)
    assert result["submitted"] == 0
    assert {row["reason"]["code"] for row in result["skipped"]} == {"hyp3_guard.gone"}
    # They were paid, so that the user decides whether the pairs are paid again.
    again = submit(sandbox, failed_job)
    assert (again["submitted"], {row["state"] for row in again["skipped"]}) == (0, {"expired"})
    assert submit(sandbox, failed_job, repeat_states=("expired",))["submitted"] == 4


@pytest.mark.parametrize("most", [50, 1])
def test_jobs_that_were_lost_after_they_had_ended_are_no_dead_end(sandbox, failed_job, monkeypatch, most):
    """As after a restart of a sandbox: a refresh says that they are unknown, and more refreshes would not help."""
    monkeypatch.setattr(hyp3_plan, "_MOST_SINGLE", most)
    refresh = RefreshHyp3(str(failed_job), endpoints_of(sandbox).to_json())
    listener = Listener(life_s=LONG_S)
    assert hyp3_refresh.run(refresh, listener.context)["counts"]["SUCCEEDED"] == 2
    sandbox.reset()
    assert hyp3_refresh.run(refresh, listener.context)["counts"]["UNKNOWN"] == 4
    result = retry(sandbox, failed_job, include_expired=True)
    assert {row["reason"]["code"] for row in result["skipped"]} == {"hyp3_guard.gone"}
    again = submit(sandbox, failed_job)
    assert (again["submitted"], {row["state"] for row in again["skipped"]}) == (0, {"expired"})
    assert again["messages"] == []
    assert submit(sandbox, failed_job, repeat_states=("expired",))["submitted"] == 4


def test_a_job_file_by_insarhub_can_be_retried(sandbox, failed_job, tmp_path):
    ids = json.loads((failed_job / "hyp3_jobs.json").read_text())["job_ids"]
    folder = make_hyp3_job(tmp_path / "other", pairs_of_stack(4))
    (folder / "hyp3_jobs.json").write_text(json.dumps({"job_ids": ids, "out_dir": "/nowhere"}))
    assert retry(sandbox, folder)["submitted"] == 2
    assert retry(sandbox, folder)["submitted"] == 0


def test_jobs_that_no_list_has_any_more_can_be_retried(sandbox, failed_job, tmp_path, monkeypatch):
    """Of a file by InSARHub, too many to be asked for one by one before."""
    ids = json.loads((failed_job / "hyp3_jobs.json").read_text())["job_ids"]
    folder = make_hyp3_job(tmp_path / "other", pairs_of_stack(4))
    monkeypatch.setattr(hyp3_plan, "_LOOK_BACK", timedelta(days=-1))
    document = json.loads((failed_job / "hyp3_jobs.json").read_text())
    known = {job_id: {"status": "FAILED", "at": "2026-01-01T00:00:00Z"} for job_id in failed_ids(sandbox)}
    own = {"pairs": document["insarhub_qgis"]["pairs"], "last_seen": known}
    (folder / "hyp3_jobs.json").write_text(json.dumps({"job_ids": ids, "insarhub_qgis": own}))
    monkeypatch.setattr(hyp3_plan, "_MOST_SINGLE", 0)
    result = retry(sandbox, folder)
    assert result["submitted"] == 2
    assert {row["code"] for row in result["messages"]} == {"hyp3_guard.not_all_asked"}


def test_a_lost_twin_keeps_no_failed_job_from_being_repeated(sandbox, failed_job):
    """The service lost a job of the same product: there is nothing better than the failed one."""
    file = failed_job / "hyp3_jobs.json"
    document = json.loads(file.read_text())
    own, lost = document["insarhub_qgis"], "00000000-0000-4000-8000-000000000001"
    twin = failed_ids(sandbox)[0]
    document["job_ids"][USER].append(lost)
    for section in ("pairs", "fingerprints"):
        own[section][lost] = own[section][twin]
    file.write_text(json.dumps(document))
    result = retry(sandbox, failed_job)
    assert result["submitted"] == 2


def test_jobs_of_other_kinds_are_named_and_the_others_repeated(sandbox, failed_job):
    steer(sandbox, "hyp3", failed_share=1.0)
    days = {"reference_date": "2020-01-06", "secondary_date": "2020-01-18", "frame_id": 12}
    others = [
        {"job_type": "RTC_GAMMA", "job_parameters": {"granules": [stack_scenes()[0]]}},
        {"job_type": "ARIA_S1_GUNW", "job_parameters": days},
    ]
    with hyp3_door.open_hyp3(endpoints_of(sandbox), Listener(life_s=LONG_S).context) as door:
        ids = [job["job_id"] for job in door.post_jobs(others, validate_only=False)]
    document = json.loads((failed_job / "hyp3_jobs.json").read_text())
    document["job_ids"][USER] += ids
    (failed_job / "hyp3_jobs.json").write_text(json.dumps(document))
    steer(sandbox, "advance", seconds=60)
    result = retry(sandbox, failed_job)
    assert result["submitted"] == 2
    reasons = [row["reason"] for row in result["skipped"]]
    assert [reason["code"] for reason in reasons] == ["hyp3_options.bad_value"] * 2
    assert [reason["fields"]["value"] for reason in reasons] == ["RTC_GAMMA", "ARIA_S1_GUNW"]


def test_a_job_type_that_is_offered_no_more_does_not_stop_the_others(sandbox, failed_job, monkeypatch):
    bursts = sorted(name for name in catalogue() if "S1_220001_IW1" in name and "_VV_" in name)[:2]
    old = [{"job_type": "INSAR_ISCE_BURST", "job_parameters": {"granules": bursts}}]
    steer(sandbox, "hyp3", failed_share=1.0)
    with hyp3_door.open_hyp3(endpoints_of(sandbox), Listener(life_s=LONG_S).context) as door:
        (job,) = door.post_jobs(old, validate_only=False)
    document = json.loads((failed_job / "hyp3_jobs.json").read_text())
    document["job_ids"][USER].append(job["job_id"])
    (failed_job / "hyp3_jobs.json").write_text(json.dumps(document))
    steer(sandbox, "advance", seconds=60)
    monkeypatch.delitem(JOB_TYPES, "INSAR_ISCE_BURST")
    result = retry(sandbox, failed_job)
    assert result["submitted"] == 2
    assert [row["reason"]["code"] for row in result["skipped"]] == ["hyp3_options.no_price"]


def test_a_retry_by_another_account(sandbox, failed_job):
    """Any account may read any job; who retries pays."""
    result = retry(sandbox, failed_job, Listener("sandbox-berta", life_s=LONG_S))
    assert (result["account"], result["submitted"]) == ("sandbox-berta", 2)
    assert jobs_of_server(sandbox)[1] == {USER: 40, "sandbox-berta": 20}


def test_products_of_a_retry_go_where_those_of_the_file_go(sandbox, failed_job, tmp_path):
    products = tmp_path / "products"
    products.mkdir()
    update_job_file(failed_job / "hyp3_jobs.json", {}, out_dir=products)
    steer(sandbox, "hyp3", failed_share=1.0)
    first = retry(sandbox, failed_job)
    assert json.loads(Path(first["job_file"]).read_text())["out_dir"] == products.as_posix()
    steer(sandbox, "advance", seconds=60)
    products.rmdir()
    again = retry(sandbox, failed_job)
    assert json.loads(Path(again["job_file"]).read_text())["out_dir"] == failed_job.as_posix()


def test_the_best_pairs_are_retried_first(sandbox, tmp_path):
    pairs = pairs_of_stack(4)
    scores = dict(zip(pairs, (20.0, 80.0, 50.0, 90.0)))
    folder = make_hyp3_job(tmp_path / "job", pairs)
    steer(sandbox, "hyp3", failed_share=1.0)
    submit(sandbox, folder)
    steer(sandbox, "hyp3", failed_share=0.0)
    steer(sandbox, "advance", seconds=60)
    make_hyp3_job(folder, pairs, scores=scores)
    result = retry(sandbox, folder)
    document = json.loads(Path(result["job_file"]).read_text())
    sent = [tuple(document["insarhub_qgis"]["pairs"][job_id]) for job_id in document["job_ids"][USER]]
    assert sent == sorted(pairs, key=scores.__getitem__, reverse=True)


def test_a_damaged_stack_stops_no_retry(sandbox, failed_job):
    (failed_job / "stack_p0_f0.json").write_text("{")
    assert retry(sandbox, failed_job)["submitted"] == 2

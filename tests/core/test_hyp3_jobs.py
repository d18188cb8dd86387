# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from insarhub_qgis.core.hyp3_files import JobFile, add_jobs, find_job_files, read_job_file, update_seen
from insarhub_qgis.core.hyp3_jobs import (
    AMBER,
    FAR,
    OVER,
    RED,
    JobRow,
    LocalProduct,
    counts,
    done_of,
    expiry_level,
    find_local_products,
    iso,
    job_rows,
    pair_of,
    seen_of,
    service_now,
)
from insarhub_qgis.core.job_folder import JobFolder
from tests.makers.job_folders import GAMMA, JOBS_040, A, B, C, put_json

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=timezone.utc)
ZIP = f"{GAMMA}.zip"
URL = f"https://products.example/{ZIP}"


def answer(job_id: str = "1", status: str = "SUCCEEDED", **changes: object) -> dict:
    """A job as the service gives it."""
    job = {
        "job_id": job_id,
        "user_id": "anna",
        "status_code": status,
        "request_time": "2026-11-20T02:12:39+00:00",
        "job_parameters": {"looks": "20x4", "granules": [A, B]},
        "job_type": "INSAR_GAMMA",
        "name": "ifg",
        "credit_cost": 10,
    }
    if status == "SUCCEEDED":
        job["expiration_time"] = "2026-12-05T00:00:00+00:00"
        job["files"] = [{"filename": ZIP, "size": 1000, "url": URL, "s3": {"bucket": "b", "key": "k"}}]
    if status == "FAILED":
        job["logs"] = ["https://products.example/1.log"]
    return {**job, **changes}


def one_row(
    folder: Path, seen: dict, local: dict[str, LocalProduct] | None = None, now: datetime = NOW
) -> JobRow:
    add_jobs(
        folder / "hyp3_jobs.json", "anna", ["1"], folder, {"last_seen": {"1": seen}, "pairs": {"1": [A, B]}}
    )
    (row,) = job_rows(find_job_files(folder)[0], local or {}, now)
    return row


def test_what_the_service_said_becomes_a_row(tmp_path: Path) -> None:
    row = one_row(tmp_path, seen_of(answer(), NOW))
    assert row == JobRow(
        job_id="1",
        account="anna",
        pair=(A, B),
        file="hyp3_jobs.json",
        status="SUCCEEDED",
        known_status="SUCCEEDED",
        credits=10.0,
        requested_at=datetime(2026, 11, 20, 2, 12, 39, tzinfo=timezone.utc),
        expires_at=datetime(2026, 12, 5, tzinfo=timezone.utc),
        last_checked=NOW,
        size=1000,
        product=ZIP,
        url=URL,
        job_type="INSAR_GAMMA",
        looks="20x4",
    )
    assert JobRow.from_json(json.loads(json.dumps(row.to_json()))) == row


def test_a_row_of_a_later_version_is_read(tmp_path: Path) -> None:
    row = one_row(tmp_path, seen_of(answer("1", "FAILED"), NOW))
    assert row.logs == ("https://products.example/1.log",)
    assert JobRow.from_json({**row.to_json(), "later": {"x": 1}}) == row


@pytest.mark.parametrize(
    ("seen", "expected", "code"),
    [
        ({}, "UNKNOWN", "hyp3_jobs.never_asked"),
        (seen_of(answer(status="PENDING"), NOW), "PENDING", None),
        (seen_of(answer(status="RUNNING"), NOW), "RUNNING", None),
        (seen_of(answer(), NOW), "SUCCEEDED", None),
        (seen_of(answer(status="FAILED"), NOW), "FAILED", "hyp3_jobs.failed"),
        (seen_of(answer(status="PAUSED"), NOW), "UNKNOWN", "hyp3_jobs.never_asked"),
        (seen_of(answer(expiration_time="2026-11-21T11:59:59Z"), NOW), "EXPIRED", "hyp3_jobs.expired"),
        (seen_of(answer(expiration_time=None), NOW), "SUCCEEDED", None),
        ({**seen_of(answer(), NOW), "gone": URL}, "EXPIRED", "product.gone"),
        ({**seen_of(answer(), NOW), "gone": URL + "?old"}, "SUCCEEDED", None),
        ({**seen_of(answer(status="RUNNING"), NOW), "missing": iso(NOW)}, "UNKNOWN", "hyp3_jobs.not_found"),
        (seen_of(answer(files=[{"filename": "../x.zip", "size": 1, "url": URL}]), NOW), "SUCCEEDED", "product.unsafe_name"),
        (
            {**seen_of(answer(), NOW), "problem": {"code": "product.wrong_size", "fields": {}}},
            "SUCCEEDED",
            "product.wrong_size",
        ),
    ],
)  # fmt: skip
def test_states(tmp_path: Path, seen: dict, expected: str, code: str | None) -> None:
    row = one_row(tmp_path, seen)
    assert row.status == expected
    assert (row.message or {}).get("code") == code


def test_a_job_that_vanished_keeps_what_was_known_and_when(tmp_path: Path) -> None:
    earlier = NOW - timedelta(days=2)
    row = one_row(tmp_path, {**seen_of(answer(status="RUNNING"), earlier), "missing": iso(NOW)})
    assert (row.status, row.known_status, row.last_checked) == ("UNKNOWN", "RUNNING", earlier)
    path = tmp_path / "hyp3_jobs.json"
    file = update_seen(path, {"1": seen_of(answer(), NOW)})
    assert job_rows([file], {}, NOW)[0].status == "SUCCEEDED", "an answer ends it, also within the second"


@pytest.mark.parametrize("seen", [seen_of(answer(), NOW), {**seen_of(answer(), NOW), "missing": iso(NOW)}])
def test_a_whole_product_on_disk_counts_however_old(tmp_path: Path, seen: dict) -> None:
    late = NOW + timedelta(days=400)
    path = tmp_path / ZIP
    assert one_row(tmp_path, seen, {ZIP: LocalProduct(path, 1000)}, late).status == "DOWNLOADED"
    assert one_row(tmp_path, seen, {ZIP: LocalProduct(path, 1000)}, late).product_path == str(path)
    assert one_row(tmp_path, seen, {ZIP: LocalProduct(path, 999)}, late).status in ("EXPIRED", "UNKNOWN")


def test_a_name_that_leaves_the_folder_is_no_product(tmp_path: Path) -> None:
    seen = seen_of(answer(files=[{"filename": f"../{ZIP}", "size": 1000, "url": URL}]), NOW)
    row = one_row(tmp_path, seen, {f"../{ZIP}": LocalProduct(tmp_path / ZIP, 1000)})
    assert (row.status, row.product, row.product_path) == ("SUCCEEDED", "", "")


def test_the_proper_zip_is_chosen_among_files() -> None:
    files = [{"filename": "browse.png"}, {"filename": ZIP, "size": 5, "url": URL}, "?"]
    seen = seen_of(answer(files=files), NOW)
    assert (seen["file"], seen["size"], seen["url"]) == (ZIP, 5, URL)
    assert seen_of(answer(files=None), NOW)["file"] is None
    assert seen_of({"job_id": "1"}, NOW)["status"] == ""


def test_pairs_of_all_job_types() -> None:
    assert pair_of(answer()) == (A, B)
    multi = {"job_parameters": {"reference": ["r1", "r2"], "secondary": ["s1", "s2"]}}
    assert pair_of(multi) == ("r1", "s1")
    for other in (
        {},
        {"job_parameters": {"granules": [A]}},
        {"job_parameters": {"reference": [], "secondary": []}},
    ):
        assert pair_of(other) is None


# --- lineage ---


def put_family(folder: Path, states: dict[str, str], retry_of: dict[str, str]) -> list[JobFile]:
    """Jobs without a parent in hyp3_jobs.json, each other one in a retry file of its own, in the order given."""
    for place, (job_id, status) in enumerate(states.items()):
        name = f"hyp3_retry_jobs_2026112{place}T000000.json" if job_id in retry_of else "hyp3_jobs.json"
        own = {"last_seen": {job_id: seen_of(answer(job_id, status), NOW)} if status else {}}
        if job_id in retry_of:
            own["retry_of"] = {job_id: retry_of[job_id]}
        add_jobs(folder / name, "anna", [job_id], folder, own)
    return find_job_files(folder)[0]


@pytest.mark.parametrize(
    ("states", "retry_of", "current"),
    [
        ({"a": "FAILED", "b": "RUNNING"}, {"b": "a"}, {"b"}),
        ({"a": "FAILED", "b": "FAILED", "c": "SUCCEEDED"}, {"b": "a", "c": "b"}, {"c"}),
        ({"a": "FAILED", "b": "SUCCEEDED", "c": "FAILED"}, {"b": "a", "c": "a"}, {"b"}),
        ({"a": "FAILED", "b": "FAILED", "c": "FAILED"}, {"b": "a", "c": "a"}, {"c"}),
        ({"a": "SUCCEEDED", "b": "FAILED"}, {"b": "a"}, {"b"}),
        ({"a": "FAILED", "b": "FAILED"}, {"b": "gone"}, {"a", "b"}),
        ({"a": "FAILED", "b": "FAILED"}, {"b": "a", "a": "b"}, {"b"}),
        ({"a": "FAILED"}, {"a": "a"}, {"a"}),
    ],
)
def test_one_job_speaks_for_a_pair(tmp_path: Path, states: dict, retry_of: dict, current: set[str]) -> None:
    rows = job_rows(put_family(tmp_path, states, retry_of), {}, NOW)
    assert {row.job_id for row in rows if row.is_current} == current
    assert {row.superseded_by for row in rows if not row.is_current} <= current
    assert sum(counts(rows).values()) == len(current)


def test_a_failure_that_repeats_says_so(tmp_path: Path) -> None:
    files = put_family(tmp_path, {"a": "FAILED", "b": "FAILED", "c": "FAILED"}, {"b": "a", "c": "b"})
    messages = [row.message for row in job_rows(files, {}, NOW)]
    assert messages[0] == {"code": "hyp3_jobs.failed", "fields": {"job_id": "a"}}
    assert messages[2] == {"code": "hyp3_jobs.failed_again", "fields": {"job_id": "c", "times": 3}}


@pytest.mark.parametrize(
    ("one", "other", "code"),
    [
        ("Error: job 5b1d0000-0000-4000-8000-000000000001 took 12 s", "Error: job 5b1d0000-0000-4000-8000-0000000000ff took 7 s", "hyp3_jobs.failed_alike"),
        ("no orbit", "no overlap", "hyp3_jobs.failed_again"),
        ("no orbit", "", "hyp3_jobs.failed_again"),
    ],
)  # fmt: skip
def test_a_failure_for_the_same_reason_says_so(tmp_path: Path, one: str, other: str, code: str) -> None:
    files = put_family(tmp_path, {"a": "FAILED", "b": "FAILED"}, {"b": "a"})
    update_seen(files[0].path, {"a": {"failure": one}})
    update_seen(files[1].path, {"b": {"failure": other}})
    rows = job_rows(find_job_files(tmp_path)[0], {}, NOW)
    assert rows[0].message["code"] == "hyp3_jobs.failed_because"
    assert rows[1].message["code"] == code


def test_the_total_never_shrinks_and_a_retry_does_not_raise_it(tmp_path: Path) -> None:
    files = put_family(tmp_path, {"a": "FAILED", "b": "", "c": "SUCCEEDED"}, {})
    assert done_of(job_rows(files, {}, NOW)) == (1, 0, 3)
    files = put_family(tmp_path, {"d": "PENDING"}, {"d": "a"})
    assert done_of(job_rows(files, {}, NOW)) == (1, 0, 3)
    here = {ZIP: LocalProduct(tmp_path / ZIP, 1000)}
    assert done_of(job_rows(files, here, NOW), here) == (1, 1, 3)


def test_an_id_in_two_files_is_one_row_with_the_newest_knowledge(tmp_path: Path) -> None:
    old = {"last_seen": {"1": seen_of(answer(status="PENDING"), NOW - timedelta(hours=1))}}
    new = {"last_seen": {"1": seen_of(answer(), NOW)}, "pairs": {"1": [B, C]}}
    add_jobs(tmp_path / "hyp3_jobs.json", "anna", ["1"], tmp_path, old)
    add_jobs(tmp_path / "hyp3_extra.json", "bert", ["1"], tmp_path, new)
    (row,) = job_rows(find_job_files(tmp_path)[0], {}, NOW)
    assert (row.account, row.file, row.status, row.pair) == ("anna", "hyp3_jobs.json", "SUCCEEDED", (B, C))


def test_files_by_insarhub_have_unknown_jobs_and_their_products_count(tmp_path: Path) -> None:
    file = read_job_file(put_json(tmp_path / "hyp3_jobs.json", JOBS_040))
    rows = job_rows([file], {}, NOW)
    assert [(row.job_id, row.account, row.status, row.pair) for row in rows] == [
        ("id-1", "anna", "UNKNOWN", None)
    ]
    assert done_of(rows) == (0, 0, 1)
    assert done_of(rows, [ZIP]) == (1, 1, 1)


def test_foreign_values_in_the_memory_harm_nothing(tmp_path: Path) -> None:
    seen = {
        "status": 7,
        "at": 3,
        "expires": "soon",
        "file": 5,
        "size": "big",
        "logs": 3,
        "credits": True,
        "missing": 1,
    }
    put_json(
        tmp_path / "hyp3_jobs.json",
        {"job_ids": {"a": ["1"]}, "out_dir": 3, "insarhub_qgis": {"last_seen": {"1": seen}, "names": 3, "parameters": []}},
    )  # fmt: skip
    (row,) = job_rows(find_job_files(tmp_path)[0], {}, NOW)
    assert (row.status, row.size, row.credits, row.product) == ("UNKNOWN", None, None, "")


def test_entries_merge_key_by_key(tmp_path: Path) -> None:
    path = tmp_path / "hyp3_jobs.json"
    add_jobs(
        path,
        "anna",
        ["1", "2"],
        tmp_path,
        {"last_seen": {"1": {"verified": True}, "2": {"status": "FAILED"}}},
    )
    file = update_seen(path, {"1": seen_of(answer(), NOW)})
    assert file.last_seen["1"]["verified"] is True
    assert file.last_seen["1"]["status"] == "SUCCEEDED"
    assert file.last_seen["2"] == {"status": "FAILED"}


def test_the_job_list_counts_by_the_same_rows(tmp_path: Path) -> None:
    files = put_family(tmp_path, {"a": "FAILED", "b": "SUCCEEDED"}, {"b": "a"})
    stage = JobFolder(tmp_path).state().stage("processor")
    assert (stage.state, stage.done_count, stage.total_count) == ("ready", 1, 1)
    (tmp_path / ZIP).write_bytes(bytes(999))
    assert JobFolder(tmp_path).state().stage("processor").state == "ready", "half a zip is no product"
    (tmp_path / ZIP).write_bytes(bytes(1000))
    assert JobFolder(tmp_path).state().stage("processor").state == "done"
    update_seen(files[1].path, {"b": {"expires": "2020-01-01T00:00:00Z"}})
    assert JobFolder(tmp_path).state().stage("processor").state == "done", "what is here does not expire"
    (tmp_path / ZIP).unlink()
    stage = JobFolder(tmp_path).state().stage("processor")
    assert (stage.state, stage.done_count, stage.total_count) == ("needs_you", 0, 1)


# --- products and times ---


def test_local_products(tmp_path: Path) -> None:
    (tmp_path / "hyp3").mkdir()
    (tmp_path / ZIP).write_bytes(b"12")
    (tmp_path / "hyp3" / ZIP).write_bytes(b"1234")
    (tmp_path / "other.zip").write_bytes(b"1")
    found = find_local_products([tmp_path, tmp_path / "hyp3", tmp_path / "none"])
    assert found == {ZIP: LocalProduct(tmp_path / "hyp3" / ZIP, 4)}


@pytest.mark.parametrize(
    ("left", "level"),
    [
        (timedelta(days=3, hours=4, minutes=5, seconds=59), FAR),
        (timedelta(days=2, hours=23), AMBER),
        (timedelta(hours=23, minutes=59), RED),
        (timedelta(seconds=1), RED),
        (timedelta(0), OVER),
        (timedelta(days=-3), OVER),
    ],
)
def test_time_left(left: timedelta, level: str) -> None:
    assert expiry_level(NOW + left, NOW) == level
    assert expiry_level(None, NOW) == FAR


def test_a_wrong_clock_does_not_make_products_expire(tmp_path: Path) -> None:
    own = {
        "last_seen": {"1": seen_of(answer(), NOW)},
        "clock_offset_s": -86400 * 30,
        "clock_compared_at": iso(NOW),
    }
    add_jobs(tmp_path / "hyp3_jobs.json", "anna", ["1"], tmp_path, own)
    older = {"clock_offset_s": 5.0, "clock_compared_at": iso(NOW - timedelta(days=1))}
    add_jobs(tmp_path / "hyp3_extra.json", "anna", ["2"], tmp_path, older)
    files, _ = find_job_files(tmp_path)
    a_month_ahead = NOW + timedelta(days=30)
    assert service_now(files, a_month_ahead) == NOW
    assert job_rows(files, {}, service_now(files, a_month_ahead))[0].status == "SUCCEEDED"
    assert job_rows(files, {}, a_month_ahead)[0].status == "EXPIRED"
    assert service_now([], NOW) == NOW
    # A damaged file must not keep a job from being listed.
    broken = {"clock_offset_s": 1e30, "clock_compared_at": iso(NOW + timedelta(days=1))}
    add_jobs(tmp_path / "hyp3_extra.json", "anna", ["2"], tmp_path, broken)
    files, _ = find_job_files(tmp_path)
    assert service_now(files, a_month_ahead) == NOW

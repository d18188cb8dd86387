# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from insarhub_qgis.core.atomic_files import file_lock
from insarhub_qgis.core.credentials import Credential
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.hyp3_files import find_job_files, read_job_file, read_product_cache
from insarhub_qgis.core.hyp3_jobs import find_local_products, job_rows
from insarhub_qgis.core.hyp3_watch_mark import (
    LOCK_NAME,
    WatchMark,
    forget_watch,
    read_watch_mark,
    write_watch_mark,
)
from insarhub_qgis.core.requests import WatchHyp3
from insarhub_qgis.engine import hyp3_door, hyp3_watch, product_download
from insarhub_qgis.engine.hyp3_watch import run
from insarhub_qgis.sandbox.server import SandboxServer
from insarhub_qgis.sandbox.service_state import Fault
from tests.makers.hyp3_results import noise_server, put_foreign_jobs, put_jobs, submit
from tests.makers.hyp3_submissions import Listener, endpoints_of, token
from tests.makers.waiting import NEVER_S

POLL_S = 0.1


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hyp3_door, "RETRY_WAITS_S", ())
    monkeypatch.setattr(product_download, "RETRY_WAITS_S", (0.01,) * 4)
    monkeypatch.setattr(hyp3_watch, "SHORTEST_POLL_S", 0.05)
    monkeypatch.setattr(hyp3_watch, "LONGEST_POLL_S", 0.4)


@pytest.fixture()
def server() -> Iterator[SandboxServer]:
    with noise_server() as found:
        yield found


class Watch:
    """A watch of a job folder, with what it told."""

    def __init__(self, server: SandboxServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.listener = Listener()
        self.is_cancelled = False
        self.on_refresh: Callable[[int], None] = lambda number: None
        self.context = replace(
            self.listener.context,
            item=self._note,
            is_cancelled=lambda: self.is_cancelled,
            credential=Credential(token=token(life_s=60 * 86400)),
        )

    def _note(self, item: dict) -> None:
        self.listener.items.append(item)
        if "rows" in item:
            self.on_refresh(len(self.refreshes))

    def __call__(self, **values: object) -> dict:
        wishes = {"poll_s": POLL_S, "endpoints": endpoints_of(self.server).to_json(), **values}
        request = WatchHyp3(str(self.folder), **wishes)
        return json.loads(json.dumps(run(request, self.context)))

    @property
    def refreshes(self) -> list[dict]:
        return [item for item in self.listener.items if "rows" in item]

    @property
    def done(self) -> list[str]:
        return [item["file"] for item in self.listener.items if item.get("state") == "done"]

    def states(self) -> list[str]:
        files, _ = find_job_files(self.folder)
        return sorted(row.status for row in job_rows(files, find_local_products([self.folder])))


@pytest.fixture()
def watch(server: SandboxServer, tmp_path: Path) -> Watch:
    return Watch(server, tmp_path)


def slow(server: SandboxServer) -> None:
    """Jobs that go on only when the clock is moved."""
    server.services[0].settings.pending_s, server.services[0].settings.done_s = 100.0, 200.0


def test_each_product_comes_as_its_job_ends(server: SandboxServer, watch: Watch) -> None:
    slow(server)
    first = submit(server, 1)
    server.advance(150)
    second = submit(server, 2)[1:]
    put_jobs(watch.folder, [*first, *second])
    at_first_product: list[str] = []

    def go_on(number: int) -> None:
        if number == 2:
            server.advance(100)
        if len(watch.done) == 1 and not at_first_product:
            at_first_product.extend(watch.states())
            server.advance(100)

    watch.on_refresh = go_on
    result = watch()
    assert result["is_complete"] is True
    assert result["counts"]["DOWNLOADED"] == 2
    assert len(result["downloaded"]) == 2
    assert at_first_product == ["DOWNLOADED", "RUNNING"]
    assert watch.states() == ["DOWNLOADED"] * 2
    assert set(read_product_cache(watch.folder).filenames) == set(result["downloaded"])
    assert read_watch_mark(watch.folder) is None
    assert watch.listener.texts[-1] == "2/2"


def test_jobs_that_ended_before_are_fetched_at_once(server: SandboxServer, watch: Watch) -> None:
    put_jobs(watch.folder, submit(server, 3))
    result = watch()
    assert (result["is_complete"], len(result["downloaded"])) == (True, 3)
    again = Watch(server, watch.folder)()
    assert (again["is_complete"], len(again["present"]), again["bytes"]) == (True, 3, 0)


def test_failed_jobs_do_not_keep_it_on(server: SandboxServer, watch: Watch) -> None:
    server.services[0].settings.failed_share = 0.5
    put_jobs(watch.folder, submit(server, 4))
    result = watch()
    assert result["is_complete"] is True
    assert (result["counts"]["DOWNLOADED"], result["counts"]["FAILED"]) == (2, 2)


def test_jobs_that_the_service_does_not_know_do_not_keep_it_on(server: SandboxServer, watch: Watch) -> None:
    slow(server)
    put_jobs(watch.folder, submit(server, 2))
    watch.on_refresh = lambda number: server.reset() if number == 2 else None
    result = watch()
    assert (result["is_complete"], result["counts"]["UNKNOWN"]) == (True, 2)


def test_jobs_of_another_service_do_not_keep_it_on(server: SandboxServer, watch: Watch) -> None:
    put_jobs(watch.folder, submit(server, 1))
    other = {"job_id": "x", "job_parameters": {"granules": ["a", "b"]}}
    put_jobs(watch.folder, [other], file="hyp3_plus.json", api_url="https://hyp3-plus.asf.alaska.edu")
    result = watch()
    assert (result["is_complete"], len(result["downloaded"])) == (True, 1)
    assert [problem["code"] for problem in result["problems"]] == ["hyp3_jobs.other_service"]


def test_it_slows_down_while_nothing_happens_and_wakes_up(server: SandboxServer, watch: Watch) -> None:
    slow(server)
    put_jobs(watch.folder, submit(server, 1))

    def go_on(number: int) -> None:
        if number in (6, 7):
            server.advance(100)

    watch.on_refresh = go_on
    watch()
    waits = [item["next_in_s"] for item in watch.refreshes]
    assert waits[:6] == pytest.approx([0.1, 0.15, 0.23, 0.34, 0.4, 0.4], abs=0.06)
    assert waits[6] == pytest.approx(POLL_S, abs=0.06), "the job had started"
    assert all(one <= other for one, other in zip(waits[:6], waits[1:6]))


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(route="/jobs", drop=True, times=3), "network.offline"),
        (Fault(route="/jobs", status=503, times=3), "hyp3.down"),
        (Fault(route="/jobs", status=429, times=3), "hyp3.busy"),
        (Fault(route="/jobs", status=200, body="<html>", content_type="text/html", times=3), "hyp3.not_json"),
    ],
)
def test_faults_of_the_way_never_end_it(server: SandboxServer, watch: Watch, fault: Fault, code: str) -> None:
    put_jobs(watch.folder, submit(server, 2))
    server.faults.add(fault)
    result = watch()
    assert result["is_complete"] is True
    problems = [item["problem"] for item in watch.refreshes]
    assert [problem["code"] for problem in problems[:3]] == [code] * 3
    assert problems[3] is None
    waits = [item["next_in_s"] for item in watch.refreshes]
    assert POLL_S < waits[0] < waits[1] == waits[2] == hyp3_watch.LONGEST_POLL_S
    assert len(result["downloaded"]) == 2


def test_a_service_that_goes_away_and_comes_back(watch: Watch, server: SandboxServer) -> None:
    slow(server)
    put_jobs(watch.folder, submit(server, 1))

    def go_on(number: int) -> None:
        if number == 1:
            server.faults.add(Fault(route="/", drop=True, times=4))
        if number == 4:
            server.advance(300)

    watch.on_refresh = go_on
    assert watch()["is_complete"] is True
    assert sum(item["problem"] is not None for item in watch.refreshes) >= 3


def test_a_product_that_fails_for_now_is_tried_again(server: SandboxServer, watch: Watch) -> None:
    put_jobs(watch.folder, submit(server, 2))
    server.faults.add(Fault(route="/products/", status=500, times=6))
    result = watch()
    assert (result["is_complete"], result["failed"]) == (True, [])
    assert len(result["downloaded"]) == 2


def test_a_product_that_is_bad_is_told_and_does_not_keep_it_on(server: SandboxServer, watch: Watch) -> None:
    jobs = submit(server, 2)
    put_jobs(watch.folder, jobs)
    bad = jobs[0]["job_id"]
    server.faults.add(Fault(route=f"/products/{bad}/", status=404, times=99))
    result = watch()
    assert result["is_complete"] is True
    assert [(entry["job_id"], entry["code"]) for entry in result["failed"]] == [(bad, "product.gone")]
    assert (result["counts"]["DOWNLOADED"], result["counts"]["EXPIRED"]) == (1, 1)


def test_a_token_that_expires_ends_it_with_all_downloads_kept(server: SandboxServer, watch: Watch) -> None:
    slow(server)
    done = submit(server, 2)
    server.advance(300)
    running = submit(server, 3)[2:]
    put_jobs(watch.folder, [*done, *running])
    server.faults.add(Fault(route="/products/", rate=100_000, times=2))
    server.faults.add(Fault(route="/jobs", expire_token=True, times=99, skip=1))
    with pytest.raises(InsarError) as caught:
        watch()
    assert caught.value.code == "hyp3.token_expired"
    assert watch.states() == ["DOWNLOADED", "DOWNLOADED", "PENDING"]
    assert (
        sum(
            entry.get("verified") is True
            for entry in read_job_file(watch.folder / "hyp3_jobs.json").last_seen.values()
        )
        == 2
    )
    assert read_watch_mark(watch.folder) is not None, "it can be offered again after signing in"
    server.faults.clear()
    server.advance(300)
    assert Watch(server, watch.folder)()["is_complete"] is True


def test_a_session_of_a_password_is_opened_again(
    server: SandboxServer, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_jobs(watch.folder, submit(server, 1))
    monkeypatch.setattr(hyp3_watch, "_SESSION_S", -1.0)
    opened: list[Credential] = []
    real = hyp3_watch.open_hyp3

    def open_hyp3(endpoints, context):
        opened.append(context.credential)
        return real(endpoints, replace(context, credential=Credential(token=token(life_s=60 * 86400))))

    monkeypatch.setattr(hyp3_watch, "open_hyp3", open_hyp3)
    watch.context = replace(watch.context, credential=Credential(user="sandbox-anna", password="sandbox"))
    server.faults.add(Fault(route="/jobs", expire_token=True))
    assert watch()["is_complete"] is True
    assert len(opened) == 2


def test_the_end_of_its_time_is_no_failure(server: SandboxServer, watch: Watch) -> None:
    slow(server)
    put_jobs(watch.folder, submit(server, 2))
    before = time.monotonic()
    result = watch(timeout_s=0.8)
    assert time.monotonic() - before > 0.7
    assert (result["is_complete"], result["counts"]["PENDING"]) == (False, 2)
    assert isinstance(read_watch_mark(watch.folder), WatchMark)


def test_a_cancel_ends_it_at_once_and_leaves_the_note(
    server: SandboxServer, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow(server)
    put_jobs(watch.folder, submit(server, 1))
    monkeypatch.setattr(hyp3_watch, "LONGEST_POLL_S", NEVER_S)
    watch.on_refresh = lambda number: setattr(watch, "is_cancelled", True)
    with pytest.raises(Cancelled):
        watch(poll_s=NEVER_S)
    assert len(watch.refreshes) == 1
    assert read_watch_mark(watch.folder) is not None
    assert not (watch.folder / LOCK_NAME).exists()


def test_one_watch_per_folder(server: SandboxServer, watch: Watch) -> None:
    put_jobs(watch.folder, submit(server, 1))
    with file_lock(watch.folder / LOCK_NAME, "watch-hyp3"):
        with pytest.raises(InsarError, match=r"hyp3_watch\.already_on"):
            watch()
    assert watch()["is_complete"] is True


def test_a_login_that_never_worked_leaves_no_note(server: SandboxServer, watch: Watch) -> None:
    put_jobs(watch.folder, submit(server, 1))
    watch.context = replace(watch.context, credential=None)
    with pytest.raises(InsarError, match=r"credentials\.missing"):
        watch()
    assert read_watch_mark(watch.folder) is None


def test_a_folder_without_jobs_is_done(server: SandboxServer, watch: Watch) -> None:
    put_foreign_jobs(watch.folder, {})
    assert watch()["is_complete"] is True


def test_jobs_added_during_a_watch_are_watched_too(server: SandboxServer, watch: Watch) -> None:
    slow(server)
    put_jobs(watch.folder, submit(server, 1))

    def go_on(number: int) -> None:
        if number == 1:
            server.services[0].settings.pending_s = server.services[0].settings.done_s = 0.0
            put_jobs(watch.folder, submit(server, 2)[1:], file="hyp3_retry_jobs_20260101T000000.json")

    watch.on_refresh = go_on
    assert len(watch()["downloaded"]) == 2


def test_the_note(tmp_path: Path) -> None:
    assert read_watch_mark(tmp_path) is None
    write_watch_mark(tmp_path, "/data/zips")
    assert read_watch_mark(tmp_path).folder == "/data/zips"
    assert read_watch_mark(tmp_path).since.tzinfo is not None
    forget_watch(tmp_path)
    forget_watch(tmp_path)
    assert read_watch_mark(tmp_path) is None
    (tmp_path / ".insarhub_watch.json").write_text("{")
    assert read_watch_mark(tmp_path) is None

# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from insarhub_qgis.core.credentials import Credential
from insarhub_qgis.core.endpoints import PRODUCTION
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.hyp3_files import (
    find_job_files,
    read_job_file,
    read_product_cache,
    update_job_file,
    update_seen,
)
from insarhub_qgis.core.hyp3_jobs import job_rows, seen_of
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.requests import DownloadHyp3, RefreshHyp3
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.core.scenes import Pair
from insarhub_qgis.engine import hyp3_door, hyp3_download, hyp3_refresh, product_download
from insarhub_qgis.engine.hyp3_download import run
from insarhub_qgis.sandbox.server import SandboxServer
from insarhub_qgis.sandbox.service_state import Fault as SandboxFault
from tests.makers.hyp3_results import noise_server, product_bytes, product_name, put_jobs, submit
from tests.makers.hyp3_submissions import Listener, endpoints_of, pairs_of_stack, token
from tests.makers.product_server import Fault, ProductServer, serving_products
from tests.makers.waiting import HANG_S

NOW = datetime.now(timezone.utc)


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hyp3_door, "RETRY_WAITS_S", (0.0, 0.0, 0.0))
    monkeypatch.setattr(product_download, "RETRY_WAITS_S", (0.01,) * 4)
    monkeypatch.setattr(hyp3_download, "_OTHER_WINDOW_POLL_S", 0.05)


@pytest.fixture()
def host() -> Iterator[ProductServer]:
    with serving_products() as server:
        yield server


class Products:
    """Jobs that a refresh found to have succeeded, with products at a host."""

    def __init__(self, host: ProductServer, folder: Path, count: int, size: int = 60_000) -> None:
        self.host = host
        self.folder = folder
        self.wholes: dict[str, bytes] = {}
        self.ids: list[str] = []
        jobs, seen = [], {}
        for number, pair in enumerate(pairs_of_stack(count)):
            name = f"{product_name(Pair(*pair), number)}.zip"
            self.wholes[name] = product_bytes(name[:-4], size)
            job = {
                "job_id": f"job-{number}",
                "status_code": "SUCCEEDED",
                "expiration_time": (NOW + timedelta(days=1 + number)).isoformat(),
                "job_parameters": {"granules": list(pair)},
                "files": [
                    {
                        "filename": name,
                        "size": len(self.wholes[name]),
                        "url": host.add(name, self.wholes[name]),
                    }
                ],
            }
            jobs.append(job)
            seen[job["job_id"]] = seen_of(job, NOW)
        self.ids = list(seen)
        self.path = put_jobs(folder, jobs, last_seen=seen)

    @property
    def names(self) -> list[str]:
        return list(self.wholes)

    @property
    def total(self) -> int:
        return sum(map(len, self.wholes.values()))

    def fault(self, number: int, *faults: Fault) -> None:
        self.host.faults[f"/products/{self.names[number]}"] = list(faults)

    def are_whole(self, folder: Path | None = None) -> bool:
        place = folder or self.folder
        return {name: (place / name).read_bytes() for name in self.names} == self.wholes

    def download(self, context: RunContext | None = None, **values: object) -> dict:
        request = DownloadHyp3(str(self.folder), **values)
        return json.loads(json.dumps(run(request, context or RunContext())))

    def states(self) -> list[str]:
        files, _ = find_job_files(self.folder)
        return [row.status for row in job_rows(files, hyp3_download.find_local_products([self.folder]))]


def left_overs(folder: Path) -> list[str]:
    known = ("hyp3_jobs.json", ".insarhub_cache.json")
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".zip" and path.name not in known)


# --- what must be shown ---


def test_forty_products_with_faults_in_every_second_one(host: ProductServer, tmp_path: Path) -> None:
    products = Products(host, tmp_path, 40, size=300_000)
    size = products.total // 40
    later = {"Retry-After": "0"}
    faults = [
        [Fault(cut_after=size // 3), Fault(cut_after=size // 3)],
        [Fault(announce=-500)],
        [Fault(cut_after=size // 4), Fault(headers={"ETag": '"made again"'})],
        [Fault(cut_after=size // 4), Fault(ignore_range=True)],
        [Fault(cut_after=size // 4), Fault(status=416, headers={"Content-Range": "bytes */7"})],
        [Fault(status=503), Fault(status=429, headers=later), Fault(cut_after=0)],
        [Fault(delay_s=0.3), Fault()],
        [Fault(status=404)],
        [Fault(body=b"<html>" + bytes(size - 6), headers={"Content-Type": "text/html"})],
        [Fault(corrupt_at=size // 2)],
    ]
    for number in range(20):
        products.fault(2 * number, *faults[number % len(faults)])
    result = products.download()
    assert products.are_whole()
    assert result["failed"] == []
    assert sorted(result["downloaded"]) == sorted(products.names)
    share = result["bytes"] / products.total
    print(f"\n40 products of 0.3 MB, faults in 20: {share:.3f} of their size came over the network")
    assert 1.0 <= share <= 1.1
    assert left_overs(tmp_path) == []
    assert products.states() == ["DOWNLOADED"] * 40


def test_four_workers_wait_for_the_host_at_the_same_time(host: ProductServer, tmp_path: Path) -> None:
    for workers in (1, 4):
        products = Products(host, tmp_path / str(workers), 16, size=20_000)
        host.most_at_once, host.answers_from = 0, workers
        products.download(max_workers=workers)
        assert host.most_at_once == workers
        assert products.are_whole()


# --- what the job folder knows afterwards ---


def test_what_arrived_is_noted_as_it_arrives(host: ProductServer, tmp_path: Path) -> None:
    products = Products(host, tmp_path, 3)
    seen: list[tuple[str, ...]] = []

    def note(item: dict) -> None:
        if item["state"] == "done":
            cache = read_product_cache(tmp_path)
            seen.append(cache.filenames if cache else ())

    products.fault(2, Fault(delay_s=1.0))
    result = products.download(RunContext(item=note), max_workers=3)
    assert len(seen) == 3
    assert set(seen[-1]) == set(products.names[:2]), "the first two were listed before the third was there"
    assert set(read_product_cache(tmp_path).filenames) == set(products.names)
    assert result == {
        "folder": str(tmp_path), "downloaded": result["downloaded"], "present": [], "failed": [],
        "bytes": products.total, "problems": [],
    }  # fmt: skip
    entry = read_job_file(products.path).last_seen["job-0"]
    assert (entry["verified"], entry["problem"], entry["status"]) == (True, None, "SUCCEEDED")


def test_items_and_progress_tell_how_far_it_is(host: ProductServer, tmp_path: Path) -> None:
    products = Products(host, tmp_path, 2, size=400_000)
    host.bytes_per_s = 400_000
    items: list[dict] = []
    fractions: list[float] = []
    products.download(RunContext(item=items.append, report=lambda fraction, _: fractions.append(fraction)))
    assert {item["state"] for item in items} == {"started", "progress", "done"}
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    done = [item for item in items if item["state"] == "done"]
    assert [item["bytes"] for item in done] == [item["size"] for item in done]
    assert {item["job_id"] for item in items} == {"job-0", "job-1"}


def test_soonest_expiry_first(host: ProductServer, tmp_path: Path) -> None:
    products = Products(host, tmp_path, 4)
    days = {"job-0": 9, "job-1": 1, "job-2": None, "job-3": 5}
    update_seen(
        products.path,
        {
            job_id: {"expires": (NOW + timedelta(days=count)).isoformat() if count else None}
            for job_id, count in days.items()
        },
    )
    products.download(max_workers=1)
    order = [path.rsplit("/", 1)[-1] for path, _ in host.requests]
    assert order == [products.names[number] for number in (1, 3, 0, 2)]


def test_a_bad_product_stops_no_other(host: ProductServer, tmp_path: Path) -> None:
    products = Products(host, tmp_path, 6)
    products.fault(1, *[Fault(status=404)] * 9)
    products.fault(2, *[Fault(corrupt_at=40_000)] * 9)
    products.fault(3, *[Fault(status=500)] * 9)
    update_seen(products.path, {"job-4": {"file": "../evil.zip"}})
    result = products.download()
    assert {entry["job_id"]: entry["code"] for entry in result["failed"]} == {
        "job-1": "product.gone",
        "job-2": "product.bad_download",
        "job-3": "archive.down",
        "job-4": "product.unsafe_name",
    }
    assert sorted(result["downloaded"]) == sorted([products.names[0], products.names[5]])
    assert products.states() == ["DOWNLOADED", "EXPIRED", "SUCCEEDED", "SUCCEEDED", "SUCCEEDED", "DOWNLOADED"]
    files, _ = find_job_files(tmp_path)
    messages = [(row.message or {}).get("code") for row in job_rows(files, {})]
    assert messages[1:5] == ["product.gone", "product.bad_download", None, "product.unsafe_name"]
    assert not (tmp_path.parent / "evil.zip").exists()
    # What is wrong with the host may be over the next time, also a product that was not there.
    host.faults.clear()
    result = products.download()
    assert sorted(result["downloaded"]) == sorted(products.names[1:4])
    assert products.states()[1:4] == ["DOWNLOADED"] * 3


def test_what_is_here_is_not_fetched_again(host: ProductServer, tmp_path: Path) -> None:
    products = Products(host, tmp_path, 3)
    (tmp_path / "hyp3").mkdir()
    (tmp_path / "hyp3" / products.names[0]).write_bytes(products.wholes[products.names[0]])
    result = products.download()
    assert result["present"] == [products.names[0]]
    assert len(result["downloaded"]) == 2
    asked = len(host.requests)
    again = products.download()
    assert (sorted(again["present"]), again["downloaded"], again["bytes"]) == (sorted(products.names), [], 0)
    assert len(host.requests) == asked


def test_a_zip_that_was_never_checked_is_checked(host: ProductServer, tmp_path: Path) -> None:
    products = Products(host, tmp_path, 1)
    (name,) = products.names
    broken = bytearray(products.wholes[name])
    broken[30_000] ^= 255
    (tmp_path / name).write_bytes(broken)
    result = products.download()
    assert result["downloaded"] == [name]
    assert products.are_whole()
    assert left_overs(tmp_path) == [f"{name}.bak"]


def test_only_the_jobs_that_were_asked_for(host: ProductServer, tmp_path: Path) -> None:
    products = Products(host, tmp_path, 3)
    update_seen(products.path, {"job-2": {"status": "RUNNING", "file": None, "url": None}})
    result = products.download(job_ids=("job-1", "job-2"))
    assert result["downloaded"] == [products.names[1]]
    assert [(entry["job_id"], entry["code"]) for entry in result["failed"]] == [
        ("job-2", "hyp3_jobs.no_product")
    ]


def test_a_folder_of_choice_is_found_again(host: ProductServer, tmp_path: Path) -> None:
    products = Products(host, tmp_path / "job", 2)
    elsewhere = tmp_path / "other disk" / "zips"
    result = products.download(folder=str(elsewhere))
    assert result["folder"] == str(elsewhere)
    assert products.are_whole(elsewhere)
    assert elsewhere in JobFolder(tmp_path / "job").product_folders()
    assert read_product_cache(tmp_path / "job").out_dir == elsewhere.as_posix()
    again = products.download()
    assert sorted(again["present"]) == sorted(products.names)


def test_a_retried_pair_is_fetched_once(host: ProductServer, tmp_path: Path) -> None:
    products = Products(host, tmp_path, 2)
    update_job_file(products.path, {"retry_of": {"job-1": "job-0"}})
    assert products.download()["downloaded"] == [products.names[1]]


def test_without_login_and_knowledge_the_next_step_is_told(host: ProductServer, tmp_path: Path) -> None:
    put_jobs(tmp_path, [{"job_id": "1", "job_parameters": {"granules": ["a", "b"]}}])
    with pytest.raises(InsarError, match=r"hyp3_jobs\.nothing_known"):
        run(DownloadHyp3(str(tmp_path)), RunContext())


# --- disk, cancel, two at once ---


def test_too_little_room_is_told_before_anything_is_asked(
    host: ProductServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    products = Products(host, tmp_path, 3)
    monkeypatch.setattr(
        product_download.shutil, "disk_usage", lambda path: type("Usage", (), {"free": products.total})
    )
    with pytest.raises(InsarError) as caught:
        products.download()
    assert caught.value.code == "product.no_space"
    assert caught.value.fields["needed_bytes"] == pytest.approx(1.1 * products.total, rel=0.01)
    assert host.requests == []


def test_room_counts_what_is_queued_already(
    host: ProductServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As products of a watch are, one by one."""
    products = Products(host, tmp_path, 2, size=200_000)
    products.fault(0, Fault(delay_s=1.0))
    free = int(1.5 * products.total / 2)
    monkeypatch.setattr(product_download, "_SPARE_BYTES", 0)
    monkeypatch.setattr(product_download.shutil, "disk_usage", lambda path: type("Usage", (), {"free": free}))
    files, _ = find_job_files(tmp_path)
    first, second = job_rows(files, {})
    downloads = hyp3_download.ProductDownloads(JobFolder(tmp_path), PRODUCTION, RunContext())
    downloads.add(files, [first])
    with pytest.raises(InsarError) as caught:
        downloads.add(files, [second])
    assert caught.value.code == "product.no_space"
    downloads.finish()
    assert downloads.downloaded == [first.product]
    # What has arrived needs no room any more.
    downloads = hyp3_download.ProductDownloads(JobFolder(tmp_path), PRODUCTION, RunContext())
    downloads.add(files, [first, second])
    downloads.finish()
    assert (downloads.present, downloads.downloaded) == ([first.product], [second.product])


def test_a_disk_that_fills_up_stops_all_and_keeps_all(
    host: ProductServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    products = Products(host, tmp_path, 8, size=200_000)
    real = product_download._Fetch._append
    left = [3 * 200_000 + 100_000]

    def append(self, part, chunk) -> None:
        left[0] -= len(chunk)
        if left[0] < 0:
            raise product_download.write_error(self._part, OSError(28, "No space left on device"))
        real(self, part, chunk)

    monkeypatch.setattr(product_download._Fetch, "_append", append)
    with pytest.raises(InsarError) as caught:
        products.download(max_workers=2)
    assert caught.value.code == "file.disk_full"
    done = products.states().count("DOWNLOADED")
    assert done >= 1
    assert (
        sum(entry.get("verified") is True for entry in read_job_file(products.path).last_seen.values())
        == done
    )
    assert any(name.endswith(".part") for name in left_overs(tmp_path))
    assert len(host.requests) <= done + 4, "no further product was asked for"
    monkeypatch.undo()
    monkeypatch.setattr(product_download, "RETRY_WAITS_S", (0.01,) * 4)
    again = products.download()
    assert products.are_whole()
    assert again["bytes"] < (8 - done) * 200_000
    assert left_overs(tmp_path) == []


def test_a_cancel_leaves_a_folder_to_go_on_with(host: ProductServer, tmp_path: Path) -> None:
    products = Products(host, tmp_path, 6, size=200_000)
    host.bytes_per_s = 400_000
    done: list[str] = []
    context = RunContext(
        item=lambda item: done.append(item["file"]) if item["state"] == "done" else None,
        is_cancelled=lambda: len(done) >= 2,
    )
    with pytest.raises(Cancelled):
        products.download(context, max_workers=2)
    files = read_job_file(products.path).last_seen
    assert (
        sum(entry.get("verified") is True for entry in files.values())
        == products.states().count("DOWNLOADED")
        >= 2
    )
    host.bytes_per_s = 0
    again = products.download()
    assert products.are_whole()
    assert sorted([*again["present"], *again["downloaded"]]) == sorted(products.names)
    assert left_overs(tmp_path) == []


def test_two_windows_download_into_one_folder(host: ProductServer, tmp_path: Path) -> None:
    products = Products(host, tmp_path, 8, size=200_000)
    host.bytes_per_s = 1_000_000
    code = (
        "import sys; from insarhub_qgis.core.requests import DownloadHyp3; from insarhub_qgis.core.run_context import RunContext;"
        "from insarhub_qgis.engine.hyp3_download import run; import json;"
        "print(json.dumps(run(DownloadHyp3(sys.argv[1], max_workers=3), RunContext())))"
    )
    root = Path(__file__).resolve().parents[2]
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=root,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    mine = products.download(max_workers=3)
    output, _ = other.communicate(timeout=HANG_S)
    theirs = json.loads(output)
    assert other.returncode == 0
    assert products.are_whole()
    assert mine["failed"] == theirs["failed"] == []
    assert sorted([*mine["downloaded"], *theirs["downloaded"]]) == sorted(products.names), "each came once"
    assert mine["bytes"] + theirs["bytes"] == products.total
    assert left_overs(tmp_path) == []
    assert products.states() == ["DOWNLOADED"] * 8


def test_job_files_that_another_window_holds_are_written_later(
    host: ProductServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    products = Products(host, tmp_path, 3)
    real, calls = hyp3_download.update_seen, []

    def update(path, seen):
        calls.append(set(seen))
        if len(calls) < 3:
            raise InsarError(
                "folder.locked", folder=str(tmp_path), owner="x", host="h", pid=1, started_at="?"
            )
        return real(path, seen)

    monkeypatch.setattr(hyp3_download, "update_seen", update)
    products.fault(1, Fault(delay_s=0.6))
    products.fault(2, Fault(delay_s=1.2))
    result = products.download(max_workers=3)
    assert result["problems"] == []
    assert {
        job_id for job_id, entry in read_job_file(products.path).last_seen.items() if entry.get("verified")
    } == set(products.ids)


# --- with the service ---


@pytest.fixture()
def sandbox() -> Iterator[SandboxServer]:
    with noise_server() as server:
        yield server


def run_signed_in(server: SandboxServer, folder: Path, **values: object) -> tuple[dict, Listener]:
    listener = Listener()
    listener.context = replace(listener.context, credential=Credential(token=token(life_s=60 * 86400)))
    return run(
        DownloadHyp3(str(folder), endpoints=endpoints_of(server).to_json(), **values), listener.context
    ), listener


def test_the_sandbox_from_submission_to_products(sandbox: SandboxServer, tmp_path: Path) -> None:
    put_jobs(tmp_path, submit(sandbox, 5))
    sandbox.faults.add(SandboxFault(route="/products/", truncate_after=20_000, times=2))
    sandbox.faults.add(SandboxFault(route="/products/", etag_change=True))
    sandbox.faults.add(SandboxFault(route="/products/", wrong_length=-10))
    sandbox.faults.add(SandboxFault(route="/products/", wrong_length=1000))
    result, _ = run_signed_in(sandbox, tmp_path)
    assert len(result["downloaded"]) == 5
    assert result["failed"] == []
    asked = [request for request in sandbox.log.requests() if request.path.startswith("/products/")]
    assert len(asked) >= 9
    assert not any(
        {"Authorization", "authorization", "Cookie", "cookie"} & set(request.headers) for request in asked
    )


def test_products_that_expire_between_refresh_and_download(sandbox: SandboxServer, tmp_path: Path) -> None:
    put_jobs(tmp_path, submit(sandbox, 2))
    context = replace(Listener().context, credential=Credential(token=token(life_s=60 * 86400)))
    hyp3_refresh.run(RefreshHyp3(str(tmp_path), endpoints_of(sandbox).to_json()), context)
    sandbox.advance(15 * 86400)
    result = run(DownloadHyp3(str(tmp_path), endpoints=endpoints_of(sandbox).to_json()), RunContext())
    assert [entry["code"] for entry in result["failed"]] == ["product.gone"] * 2
    files, _ = find_job_files(tmp_path)
    assert [row.status for row in job_rows(files, {})] == ["EXPIRED"] * 2


def test_a_service_that_is_down_does_not_hinder_known_products(
    sandbox: SandboxServer, tmp_path: Path
) -> None:
    put_jobs(tmp_path, submit(sandbox, 2))
    run_signed_in(sandbox, tmp_path, job_ids=("none",))
    sandbox.faults.add(SandboxFault(route="/jobs", status=503, times=9))
    result, listener = run_signed_in(sandbox, tmp_path)
    assert len(result["downloaded"]) == 2
    assert [problem["code"] for problem in result["problems"]] == ["hyp3.down"]
    assert any("not refreshed" in line for line in listener.logs)


def test_threads_end_with_the_run(host: ProductServer, tmp_path: Path) -> None:
    Products(host, tmp_path, 3).download()
    assert [thread for thread in threading.enumerate() if thread.name == "product download"] == []

# SPDX-License-Identifier: GPL-2.0-or-later
"""Pictures of Process window and processor page, inside QGIS Desktop against a sandbox of its own; see screenshots_in_qgis.py."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QMessageBox

DAY_S = 86400.0
AREA = "POLYGON((-1.8 37.6,-1.7 37.6,-1.7 37.7,-1.8 37.7,-1.8 37.6))"
#: The sandbox's archive has no scene with this last field.
LOST_VERSION = "DEAD"
SCENES, PAIRS = 14, 23
NARROW_PX, WIDE_PX, FULL_PX = 340, 400, 760


@dataclass(frozen=True)
class Stage:
    """What the caller has: the plugin, a folder for jobs, and its ways to wait and to take a picture."""

    plugin: Any
    work: Path
    shoot: Callable[..., None]
    settle: Callable[..., None]
    wait_until: Callable[..., None]
    dock_width: Callable[[int], None]


def take(stage: Stage) -> None:
    """Order, watch and download the pairs of one stack, with a picture of each state."""
    from insarhub_qgis.host.settings import settings

    context = stage.plugin.dock.context
    with running_sandbox() as url:
        settings().sandbox_url.setValue(url)
        settings().use_sandbox.setValue(True)
        context.services_changed.emit()
        try:
            job = make_job(stage.work)
            take_process_window(stage, job, url)
            take_jobs(stage, job, url)
        finally:
            context.turn_sandbox_off()
            stage.dock_width(WIDE_PX)
            stage.plugin.dock.show_page("home")


def take_process_window(stage: Stage, job: Path, url: str) -> None:
    dock = stage.plugin.dock
    dock.show_page("processor", job)
    stage.settle()
    stage.shoot("processor-empty")
    dialog = dock.context.open_process(job)
    stage.wait_until(lambda: dialog.plan is not None and dialog.card.lines, "the plan")
    stage.settle(1.0)
    stage.shoot("process-check", dialog)
    dialog.tabs.setCurrentIndex(2)
    stage.shoot("process-prices", dialog)
    dialog.dry_run()
    stage.wait_until(lambda: not dialog.is_sending, "the dry run")
    stage.shoot("process-dry-run", dialog)
    dialog.close()


def take_jobs(stage: Stage, job: Path, url: str) -> None:
    """Three batches on different days, so that their products expire on different days."""
    from insarhub_qgis.core.requests import DownloadHyp3, RefreshHyp3, RetryHyp3, WatchHyp3

    dock = stage.plugin.dock
    dock.show_page("processor", job)
    page = dock.page("processor")

    def refresh() -> None:
        page.runs.refresh(job)
        stage.wait_until(lambda: not page.runs.is_running(job, RefreshHyp3), "the refresh")
        stage.settle(1.0)

    def download(count: int) -> None:
        ready = [row.job_id for row in page.model.rows if row.status == "SUCCEEDED"]
        page.runs.download(job, 4, ready[:count])
        stage.wait_until(lambda: not page.runs.is_running(job, DownloadHyp3), "the downloads", 90)

    def end_processing() -> None:
        steer(url, "advance", seconds=10)
        stage.wait_until(lambda: has_ended(url), "the products", 120)

    steer(url, "hyp3", failed_share=0.15)
    submit(stage, job, 9)
    end_processing()
    refresh()
    download(3)
    steer(url, "advance", seconds=2.1 * DAY_S)
    submit(stage, job, 7)
    end_processing()
    steer(url, "advance", seconds=8.2 * DAY_S)
    dock.context.message_bar().clearWidgets()
    # The last ones take their time, so that some run and some wait.
    steer(url, "hyp3", pending_s=60.0, done_s=600.0)
    submit(stage, job, 4)
    stage.shoot("processor-submitted")
    dock.context.message_bar().clearWidgets()
    steer(url, "advance", seconds=120)
    submit(stage, job, 3)
    dock.context.message_bar().clearWidgets()
    refresh()
    stage.dock_width(FULL_PX)
    page.table.sortByColumn(0, Qt.SortOrder.DescendingOrder)
    page.table.scrollToTop()
    stage.shoot("processor-running")
    steer(url, "advance", seconds=700)
    end_processing()
    steer(url, "advance", seconds=3.1 * DAY_S)
    refresh()
    page.table.sortByColumn(4, Qt.SortOrder.AscendingOrder)
    page.table.scrollToTop()
    stage.shoot("processor-expiry")
    choose_failed(page)
    stage.shoot("processor-failed")
    stage.dock_width(NARROW_PX)
    stage.shoot("processor-narrow")
    stage.dock_width(FULL_PX)

    page.retry_button.click()
    stage.wait_until(lambda: not page.runs.is_running(job, RetryHyp3), "the price of the retry")
    box = page.findChild(QMessageBox, "insarhubRetryQuestion")
    stage.shoot("processor-retry", box)
    box.reject()

    page.table.clearSelection()
    page.table.sortByColumn(1, Qt.SortOrder.AscendingOrder)
    page.table.scrollToTop()
    steer(url, "fault", route="/products", method="GET", times=40, rate=60_000)
    page.download_button.click()
    stage.wait_until(
        lambda: sum("loading" in text and text != "loading 0 %" for text in statuses(page)) >= 3, "bytes"
    )
    page.table.scrollToTop()
    stage.shoot("processor-download")
    page.runs.stop(job, DownloadHyp3)
    stage.wait_until(lambda: not page.runs.is_running(job, DownloadHyp3), "the end of the downloads")
    steer(url, "fault", route="/nowhere")
    dock.context.message_bar().clearWidgets()
    stage.dock_width(WIDE_PX)
    page.watch_button.click()
    stage.wait_until(lambda: not page.runs.is_running(job, WatchHyp3), "the watch", 120)
    stage.settle(1.5)
    stage.shoot("processor-notification")
    dock.context.message_bar().clearWidgets()


def submit(stage: Stage, job: Path, count: int) -> None:
    """Order the next new pairs through the window, as a person does."""
    dialog = stage.plugin.dock.context.open_process(job)
    stage.wait_until(lambda: dialog.plan is not None, "the plan")
    bad = {row.pair for row in dialog.model.rows if LOST_VERSION in row.pair[1]}
    new = [row.pair for row in dialog.model.ticked_rows() if row.pair not in bad]
    dialog.model.tick([row.pair for row in dialog.model.rows], is_on=False)
    dialog.model.tick(new[:count], is_on=True)
    stage.wait_until(dialog.submit_button.isEnabled, "the check of the batch")
    dialog.submit()
    stage.wait_until(lambda: not dialog.is_sending, "the submission")
    stage.settle(0.5)


def statuses(page: Any) -> list[str]:
    return [page.model.status_text(row) for row in page.model.rows]


def choose_failed(page: Any) -> None:
    for row in range(page.table.proxy.rowCount()):
        index = page.table.proxy.index(row, 1)
        if index.data() == "failed":
            page.table.setCurrentIndex(index)
            page.table.scrollTo(index)
            return


def has_ended(url: str) -> bool:
    """Whether every job of the sandbox has ended."""
    with urllib.request.urlopen(f"{url}/_sandbox/jobs", timeout=10) as answer:
        jobs = json.load(answer)["jobs"]
    return all(job["status_code"] in ("SUCCEEDED", "FAILED") for job in jobs)


def make_job(work: Path) -> Path:
    """Search the simulated archive, add the longest stack as a job, and give it pairs with one lost scene."""
    from insarhub_qgis.core.job_folder import JobFolder
    from insarhub_qgis.core.requests import AddJobs, SearchScenes
    from insarhub_qgis.core.scenes import order_pair
    from insarhub_qgis.host.endpoints import endpoints
    from insarhub_qgis.host.engine_process import run_engine

    answer = work / "search"
    answer.mkdir(parents=True)
    found = run_engine(SearchScenes(aoi_wkt=AREA, answer_folder=str(answer), endpoints=endpoints().to_json()))
    longest = max(found["stacks"], key=lambda stack: stack["scene_count"])
    key = (longest["path"], longest["frame"])
    names = sorted(
        (scene["start"], scene["name"]) for scene in found["scenes"] if (scene["path"], scene["frame"]) == key
    )
    few = tuple(name for _, name in names[:SCENES])
    added = run_engine(AddJobs(str(answer), str(work / "lorca"), (key,), scene_names=few, aoi_wkt=AREA))
    job = JobFolder(Path(added["job_folders"][0]["path"]))
    stack = job.read_stack()
    scenes = list(stack.scenes)
    pairs = [
        order_pair(scenes[first], scenes[first + step]) for first in range(len(scenes) - 2) for step in (1, 2)
    ][:PAIRS]
    lost = f"{scenes[9][:-4]}{LOST_VERSION}"
    job.write_stack(replace(stack, pairs=(*pairs, order_pair(scenes[6], lost))))
    return job.path


def steer(url: str, what: str, **values: Any) -> None:
    """Change the sandbox: its clock, a fault, its HyP3."""
    request = urllib.request.Request(
        f"{url}/_sandbox/{what}",
        json.dumps(values).encode("utf-8"),
        {"Content-Type": "application/json"},
        method="POST",
    )
    urllib.request.urlopen(request, timeout=10).close()


@contextlib.contextmanager
def running_sandbox() -> Iterator[str]:
    """Serve the sandbox of the plugin under the engine's Python; it ends with the block."""
    from insarhub_qgis.core.installation import LAUNCH_FILE

    process = subprocess.Popen(
        [os.environ["INSARHUB_ENGINE_PYTHON"], "-I", str(LAUNCH_FILE), "sandbox", "serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )
    parameters = {"width": 480, "height": 400, "pending_s": 3.0, "done_s": 6.0}
    try:
        process.stdin.write(json.dumps({"cancel_on_eof": True, "parameters": parameters}) + "\n")
        process.stdin.flush()
        messages = (json.loads(line) for line in process.stdout)
        yield next(message["item"]["base_url"] for message in messages if message["type"] == "item")
    finally:
        process.stdin.close()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

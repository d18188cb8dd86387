# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs inside QGIS Desktop (``--code``): how long the main thread is deaf while a person searches, adds jobs and edits networks.

A timer beats every 5 ms on the main thread; what is told is the longest pause between two beats, and where the thread
was then.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

PLAN = json.loads(os.environ["BENCH_PLAN"])
sys.path.append(PLAN["tools"])

import qgis_driver as driver
from qgis import utils
from qgis.core import QgsProject
from qgis.PyQt.QtCore import QPoint, Qt, QTimer
from qgis.PyQt.QtWidgets import QApplication
from qgis.utils import iface

NAME = "insarhub_qgis"
BEAT_MS = 5
#: A pause this long is looked into.
LOOK_S = 0.04
REST_S = 0.4
SEARCH_S = 100.0
CONTROL = Qt.KeyboardModifier.ControlModifier


class Heartbeat:
    """Counts the pauses of the main thread; a second thread looks where it is during a long one."""

    def __init__(self) -> None:
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._last = time.perf_counter()
        self._main = threading.get_ident()
        self.start()
        self._timer.start(BEAT_MS)
        threading.Thread(target=self._watch, daemon=True).start()

    def start(self) -> None:
        """Forget earlier pauses."""
        self._last, self._worked = time.perf_counter(), time.thread_time()
        self.longest, self.busiest, self.where, self._seen = 0.0, 0.0, "", ""

    def _beat(self) -> None:
        now, worked = time.perf_counter(), time.thread_time()
        # What the thread worked itself between two beats: not the time for which others had the processor.
        self.busiest, self._worked = max(self.busiest, worked - self._worked), worked
        pause = now - self._last - BEAT_MS / 1000
        if pause > self.longest:
            self.longest, self.where = pause, self._seen
        self._last, self._seen = now, ""

    def _watch(self) -> None:
        while True:
            time.sleep(0.01)
            if time.perf_counter() - self._last > LOOK_S and not self._seen:
                frame = sys._current_frames().get(self._main)
                rows = traceback.extract_stack(frame)[-6:]
                # Held any longer, it would keep alive what the main thread paints with.
                del frame
                self._seen = " < ".join(
                    f"{Path(row.filename).name}:{row.lineno} {row.name}" for row in rows[::-1]
                )


def plugin() -> Any:
    return utils.plugins[NAME]


def is_idle() -> bool:
    context = plugin().dock.context
    return not context.runs and not context._reads and not iface.mapCanvas().isDrawing()


def rest() -> None:
    """Until nothing has been read, drawn and painted for a moment."""
    busy_at = time.monotonic()

    def has_rested() -> bool:
        nonlocal busy_at
        if not is_idle():
            busy_at = time.monotonic()
        return time.monotonic() - busy_at > REST_S

    try:
        driver.wait_until(has_rested, "readers and map")
    except TimeoutError as error:
        context = plugin().dock.context
        runs = [(run.title, run.fraction, run.text) for run in context.runs]
        reads = [(read.description(), read.status()) for read in context._reads]
        raise TimeoutError(f"{error}: runs {runs}, reads {reads}") from error


# --- what a person does


def open_dock() -> None:
    plugin().dock.setUserVisible(True)


def open_search() -> None:
    plugin().dock.show_page("search")


def search(paths: str) -> None:
    page = plugin().dock.page("search")
    page.form.setCollapsed(False)
    page.fill_form({"paths": (), "start": "", "end": ""})
    page.filters.paths.setText(paths)
    # A button of a form that has just unfolded is not in its place yet.
    driver.settle()
    before = page.answer
    driver.click(page.search_button)
    driver.wait_until(
        lambda: page.answer is not before and page._task is None, f"the answer of {paths}", SEARCH_S
    )


def choose_all_stacks() -> None:
    page = plugin().dock.page("search")
    page.stacks.selectAll()
    driver.settle(0.1)
    page.days.selectAll()


def sort_days() -> None:
    page = plugin().dock.page("search")
    for column in (2, 3, 0):
        page.days.sortByColumn(column, Qt.SortOrder.DescendingOrder)
        driver.settle(0.05)


def add_job() -> None:
    page = plugin().dock.page("search")
    driver.click(page.add_button)
    driver.wait_until(lambda: plugin().dock.page_key == "downloader", "the job")


def editor() -> Any:
    return plugin().dock.context.network_dock()


def open_editor(job: Path) -> None:
    editor().open_job(job)
    driver.wait_until(lambda: editor().session is not None and editor().session.folder == job, "the network")


def select_pairs() -> None:
    dock = editor()
    dock.tabs.setCurrentIndex(1)
    dock.parameters.max_degree.setValue(4)
    dock.parameters.min_degree.setValue(2)
    driver.wait_until(lambda: dock.preview.selection is not None, "the preview")
    driver.click(dock.parameters.apply_button)
    driver.wait_until(lambda: bool(dock.network.can_undo), "the selection")
    dock.tabs.setCurrentIndex(0)


def hover() -> None:
    canvas = editor().canvas
    left, top, width, height = canvas.view.area
    for step in range(60):
        driver.move(
            canvas, QPoint(round(left + width * step / 60), round(top + height * (0.3 + step % 7 / 20)))
        )
        driver.settle(0.01)


def edit() -> None:
    """Toggle pairs, draw one, exclude a date, undo and redo, choose all, sort and filter the table."""
    dock = editor()
    canvas = dock.canvas
    driver.activate(dock)
    for number in range(0, min(len(dock._keys), 40), 4):
        x, y = canvas.view.middle_pixels[number]
        driver.click(canvas, QPoint(round(x), round(y)))
        driver.settle(0.02)
    first, last = (QPoint(*(round(v) for v in canvas.view.date_pixels[i])) for i in (1, -2))
    driver.drag(canvas, [first, last])
    driver.settle(0.05)
    driver.click(canvas, QPoint(*(round(v) for v in canvas.view.date_pixels[5])))
    driver.settle(0.05)
    driver.press_key(canvas, Qt.Key.Key_Delete)
    driver.settle(0.05)
    for key in (Qt.Key.Key_Z, Qt.Key.Key_Z, Qt.Key.Key_Y, Qt.Key.Key_A):
        driver.press_key(canvas, key, CONTROL)
        driver.settle(0.05)
    driver.press_key(canvas, Qt.Key.Key_Escape)
    for column in (3, 4, 7, 0):
        dock.table.view.sortByColumn(column, Qt.SortOrder.DescendingOrder)
        driver.settle(0.02)
    driver.write(dock.table.filter, "good")
    driver.settle(0.1)
    dock.table.filter.clear()


def save() -> None:
    dock = editor()
    if not dock.session.is_dirty:
        dock.toggle_pairs(dock._keys[:1])
    driver.press_key(dock.canvas, Qt.Key.Key_S, CONTROL)
    driver.wait_until(lambda: not dock.session.is_dirty, "the save")


def check() -> None:
    dock = editor()
    dock.tabs.setCurrentIndex(2)
    driver.wait_until(lambda: bool(dock.check.lines), "the checks")


def measure() -> dict[str, Any]:
    from insarhub_qgis.host.settings import settings

    for entry, value in (
        ("use_sandbox", True),
        ("sandbox_url", PLAN["sandbox"]),
        ("work_directory", PLAN["jobs"]),
    ):
        getattr(settings(), entry).setValue(value)
    heartbeat = Heartbeat()
    driver.settle(1.0)
    found: dict[str, Any] = {}

    def phase(name: str, *acts: Callable[[], None]) -> None:
        heartbeat.start()
        for act in acts:
            act()
        rest()
        found[name] = {
            "longest": heartbeat.longest,
            "busiest": heartbeat.busiest,
            "where": heartbeat.where,
        }

    large = Path(PLAN["large_job"])
    phase("nothing", lambda: driver.settle(1.0))
    phase("open the panel", open_dock)
    phase("open the search", open_search)
    phase("search, 31 scenes", lambda: search("103"))
    phase("add the job", add_job)
    phase("open its network, the first one", lambda: open_editor(plugin().dock.job_folder))
    phase("select pairs", select_pairs)
    phase("hover", hover)
    phase("edit", edit)
    phase("save", save)
    phase("check", check)
    editor().tabs.setCurrentIndex(0)
    phase("open a network of 300 dates", lambda: open_editor(large))
    phase("hover, 300 dates", hover)
    phase("edit, 300 dates", edit)
    phase("save, 300 dates", save)
    phase("check, 300 dates", check)
    phase("select pairs, 300 dates", select_pairs)
    editor().session.network.mark_saved()
    editor().close()
    phase("search, 5000 scenes", open_search, lambda: search("1-50"))
    phase("choose all 5000", choose_all_stacks)
    phase("sort 5000 dates", sort_days)
    return found


def main() -> None:
    try:
        window = iface.mainWindow()
        window.showNormal()
        window.setGeometry(0, 0, 1280, 800)
        iface.newProject()
        answer = measure()
    except Exception:  # the end of the run: the reason goes to the caller
        answer = {"error": traceback.format_exc()}
    Path(PLAN["answer"]).write_text(json.dumps(answer), encoding="utf-8")
    QgsProject.instance().clear()
    QApplication.processEvents()
    os._exit(0)


QTimer.singleShot(1500, main)

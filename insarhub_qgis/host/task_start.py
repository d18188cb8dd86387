# SPDX-License-Identifier: GPL-2.0-or-later
"""The one way in which the plugin hands tasks to QGIS, such that none is lost and none keeps others waiting.

QGIS 3.40 runs as many tasks at once as there are processors; the next ones wait in the queue of a thread pool. Two
things follow. Engine runs, which only wait for their process, keep pages from reading files. And a task that waits can
be lost: when another one ends, the manager takes its runnable off the queue by the address that it remembers, and
by then that address may be the new task's (on two processors one task in a few hundred when many come and go).
It stays "queued" for ever. With places enough a task is in the queue only until a thread has woken up; the manager
looks there on the main thread alone, so that the main thread waits for that.
"""

from __future__ import annotations

import time

from qgis.core import QgsApplication, QgsTask

from insarhub_qgis.host.collector import collect_as_usual, collect_on_main_thread

#: More tasks than the plugin ever has at once.
PLACES = 64
#: A thread wakes up within 0.2 ms, on a busy computer within 30 ms.
WAKING_LIMIT_S, _POLL_S = 0.1, 0.0001

_usual_places: int | None = None
_working: set[QgsTask] = set()


def start_task(task: QgsTask) -> None:
    """Start a task now, whatever else is running; from the main thread. Its ``finished`` says `task_ended`."""
    global _usual_places
    manager = QgsApplication.taskManager()
    pool = manager.threadPool()
    if pool.maxThreadCount() < PLACES:
        _usual_places = pool.maxThreadCount()
        pool.setMaxThreadCount(PLACES)
    _working.add(task)
    collect_on_main_thread()
    manager.addTask(task)
    limit = time.monotonic() + WAKING_LIMIT_S
    while task.status() == QgsTask.TaskStatus.Queued and time.monotonic() < limit:
        time.sleep(_POLL_S)


def task_ended(task: QgsTask) -> None:
    """Say on the main thread that a task has ended; one that was never started is passed over."""
    _working.discard(task)
    if not _working:
        collect_as_usual()


def give_places_back() -> None:
    """Leave QGIS as it was; for the unload of the plugin."""
    global _usual_places
    _working.clear()
    collect_as_usual()
    if _usual_places is not None:
        QgsApplication.taskManager().threadPool().setMaxThreadCount(_usual_places)
        _usual_places = None

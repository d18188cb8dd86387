# SPDX-License-Identifier: GPL-2.0-or-later
"""Tasks start at once and none is lost, also when many come and go; QGIS gets its places back."""

from __future__ import annotations

import gc
import random
import threading
import time

import pytest
from qgis.core import QgsApplication, QgsTask
from qgis.PyQt.QtCore import QCoreApplication, QThread

from insarhub_qgis.host import collector
from insarhub_qgis.host.engine_process import EngineTask, start_engine_task
from insarhub_qgis.host.task_start import PLACES, give_places_back, start_task, task_ended
from tests.makers.faulty_engine import Misbehave

HANG_S = 120


@pytest.fixture(autouse=True)
def few_processors(qgis_app):
    """As on a computer with two."""
    pool = QgsApplication.taskManager().threadPool()
    usual = pool.maxThreadCount()
    pool.setMaxThreadCount(2)
    yield
    give_places_back()
    assert pool.maxThreadCount() == 2
    pool.setMaxThreadCount(usual)


def wait_until(condition):
    limit = time.monotonic() + HANG_S
    while not condition():
        assert time.monotonic() < limit, "not reached"
        QCoreApplication.processEvents()
        time.sleep(0.001)


class Brief(QgsTask):
    """Sleeps up to two milliseconds, then takes itself off ``alive``."""

    def __init__(self, alive, seconds):
        super().__init__("brief", QgsTask.Flag.CanCancel | QgsTask.Flag.Silent)
        self._alive, self._seconds = alive, seconds
        alive.add(self)

    def run(self):
        time.sleep(self._seconds)
        return True

    def finished(self, is_successful):
        task_ended(self)
        self._alive.discard(self)


def test_no_task_is_lost_when_many_come_and_go():
    chance = random.Random(1)
    alive = set()
    for _ in range(1200):
        for _ in range(chance.randint(1, 5)):
            start_task(Brief(alive, chance.choice((0.0, 0.0, 0.0005, 0.002))))
        if chance.random() < 0.5:
            QCoreApplication.processEvents()
        wait_until(lambda: len(alive) < PLACES // 2)
    wait_until(lambda: not alive)


class Hoarder(QgsTask):
    """Makes so many objects that Python would collect garbage in the thread of the task."""

    def run(self):
        gc.callbacks.append(self._note)
        self.kept = [[number] for number in range(200_000)]
        gc.callbacks.remove(self._note)
        return True

    def _note(self, phase, info):
        threads.add(threading.current_thread() is threading.main_thread())

    def finished(self, is_successful):
        task_ended(self)
        self.is_over = True


threads = set()


def test_garbage_is_collected_on_the_main_thread_alone():
    gc.enable()
    threads.clear()
    task = Hoarder("hoarding", QgsTask.Flag.Silent)
    task.is_over = False
    start_task(task)
    assert not gc.isenabled()
    wait_until(lambda: task.is_over)
    assert gc.isenabled()
    assert False not in threads
    started = []
    gc.callbacks.append(lambda phase, info: started.append(info["generation"]))
    try:
        collector.collect_on_main_thread()
        kept = [[number] for number in range(2000)]
        collector.collect_if_due()
        assert len(kept) == 2000
        assert started
    finally:
        gc.callbacks.pop()
        collector.collect_as_usual()


def test_engine_runs_do_not_keep_others_from_reading(faulty_engine):
    runs = [EngineTask(Misbehave("wait"), "a long run") for _ in range(QThread.idealThreadCount() + 2)]
    ended = []
    for run in runs:
        run.failed.connect(ended.append)
        start_engine_task(run)
    try:
        wait_until(lambda: all(run.status() == QgsTask.TaskStatus.Running for run in runs))
        alive = set()
        start_task(Brief(alive, 0.0))
        wait_until(lambda: not alive)
        assert ended == []
    finally:
        for run in runs:
            run.cancel()
        wait_until(lambda: len(ended) == len(runs))

# SPDX-License-Identifier: GPL-2.0-or-later
"""An engine for window tests that answers when the test says so; everything on QGIS's side of it is real."""

from __future__ import annotations

from typing import Any

from qgis.PyQt.QtCore import QObject, pyqtSignal

from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.gui import page_context


class FakeTask(QObject):
    """A started request; the test sends its items and ends it."""

    progressed = pyqtSignal(float, str)
    logged = pyqtSignal(str, str)
    item_received = pyqtSignal(object)
    succeeded = pyqtSignal(object)
    failed = pyqtSignal(object)

    def __init__(self, request: Any, text: str, python: Any, credential: Any, *, is_silent: bool) -> None:
        super().__init__()
        self.request, self.text, self.credential, self.is_silent = request, text, credential, is_silent
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True

    def end_cancelled(self) -> None:
        self.failed.emit(Cancelled())

    def fail(self, code: str, **fields: Any) -> None:
        self.failed.emit(InsarError(code, **fields))


class FakeEngine:
    """The requests in the order of their start."""

    def __init__(self) -> None:
        self.tasks: list[FakeTask] = []

    def make(self, *values: Any, **options: Any) -> FakeTask:
        task = FakeTask(*values, **options)
        self.tasks.append(task)
        return task

    def of(self, kind: type) -> list[FakeTask]:
        return [task for task in self.tasks if isinstance(task.request, kind)]


def install_fake_engine(monkeypatch: Any) -> FakeEngine:
    """Let every page context start its runs here."""
    engine = FakeEngine()
    monkeypatch.setattr(page_context, "EngineTask", engine.make)
    monkeypatch.setattr(page_context, "start_engine_task", lambda task: None)
    return engine

# SPDX-License-Identifier: GPL-2.0-or-later
"""QGIS's end of an engine run: one process per request, as a task of QGIS or blocking for an algorithm."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Optional

from qgis.core import QgsTask
from qgis.PyQt.QtCore import QDir, QProcess, QProcessEnvironment, pyqtSignal

from insarhub_qgis.core.atomic_files import let_others_run
from insarhub_qgis.core.credentials import Credential
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.installation import LAUNCH_FILE
from insarhub_qgis.core.requests import Request
from insarhub_qgis.host import log
from insarhub_qgis.host.engine_environment import engine_python, engine_variables, proxy_variables
from insarhub_qgis.host.paths import plugin_version
from insarhub_qgis.host.short_turns import short_turns
from insarhub_qgis.host.task_start import start_task, task_ended

PROTOCOL = 1
_POLL_MS = 100
_START_LIMIT_MS = 30_000
#: After closing stdin, then after the polite signal.
_CLOSE_GRACE_S = 5.0
_TERMINATE_GRACE_S = 3.0
_KEPT_STDERR_LINES = 200
#: Errors whose trace the reader gets to see.
_UNEXPECTED = ("engine.crashed", "engine.package_broken")


@dataclass(frozen=True)
class EngineListener:
    """Callables for what comes while the engine works, called in the thread that drives it."""

    report: Callable[[float, str], None]
    log: Callable[[str, str], None]
    item: Callable[[dict[str, Any]], None]


class _Lines:
    """Cuts a byte stream into lines of text."""

    def __init__(self) -> None:
        self._partial = bytearray()

    def feed(self, data: bytes) -> list[str]:
        if b"\n" not in data:
            self._partial.extend(data)
            return []
        head, _, tail = data.rpartition(b"\n")
        complete = bytes(self._partial) + head
        self._partial = bytearray(tail)
        return [line.decode("utf-8", errors="replace").rstrip("\r") for line in complete.split(b"\n")]

    def rest(self) -> list[str]:
        return self.feed(b"\n") if self._partial else []


class EngineRun:
    """One engine process from start to answer, driven without an event loop in the calling thread."""

    def __init__(
        self,
        request: Request,
        python: Path,
        variables: Optional[Mapping[str, str]] = None,
        credential: Optional[Credential] = None,
    ) -> None:
        self._request = request
        self._credential = credential
        self._python = python
        self._variables = dict(variables or {})
        self._stdout = _Lines()
        self._stderr = _Lines()
        self._stderr_tail: deque[str] = deque(maxlen=_KEPT_STDERR_LINES)
        self._result: Optional[dict[str, Any]] = None
        self._error: Optional[InsarError] = None

    def drive(self, listener: EngineListener, is_cancelled: Callable[[], bool]) -> dict[str, Any]:
        """Run the request and give its result; raises the `InsarError` that the engine or its end tells.

        Codes of its own: ``engine.not_started``, ``engine.version_skew``, ``engine.crashed``, ``run.cancelled``.
        """
        process = self._start()
        try:
            process.write(self._request_line())
            self._converse(process, listener, is_cancelled)
        finally:
            if process.state() != QProcess.ProcessState.NotRunning:
                _kill_group(process)
                process.waitForFinished(_POLL_MS * 20)
        self._read(process, listener)
        for line in self._stdout.rest():
            self._take_message(line, listener)
        for line in self._stderr.rest():
            self._take_stderr(line, listener)
        if self._result is not None:
            return self._result
        if self._error is not None:
            raise self._error
        if is_cancelled():
            raise Cancelled()
        raise InsarError("engine.crashed", reason=_end_of(process), details="\n".join(self._stderr_tail))

    def _start(self) -> QProcess:
        process = QProcess()
        environment = QProcessEnvironment()
        system = QProcessEnvironment.systemEnvironment()
        inherited = {name: system.value(name) for name in system.keys()}  # noqa: SIM118 - not a dict
        for name, value in engine_variables(inherited, self._python).items():
            environment.insert(name, value)
        process.setProcessEnvironment(environment)
        process.setWorkingDirectory(QDir.tempPath())
        process.setProgram(str(self._python))
        process.setArguments(
            ["-I", "-X", "utf8", str(LAUNCH_FILE), self._request.program, self._request.command]
        )
        process.start()
        if not process.waitForStarted(_START_LIMIT_MS):
            raise InsarError("engine.not_started", python=str(self._python), reason=process.errorString())
        return process

    def _request_line(self) -> bytes:
        request: dict[str, Any] = {
            "protocol": PROTOCOL,
            "plugin_version": plugin_version(),
            "cancel_on_eof": True,
            "environment": self._variables,
            "parameters": self._request.to_json(),
        }
        if self._credential is not None:
            request["credential"] = self._credential.to_json()
        return json.dumps(request, ensure_ascii=False, allow_nan=False).encode("utf-8") + b"\n"

    def _converse(
        self, process: QProcess, listener: EngineListener, is_cancelled: Callable[[], bool]
    ) -> None:
        cancelled_at: Optional[float] = None
        is_terminated = False
        while process.state() != QProcess.ProcessState.NotRunning:
            process.waitForReadyRead(_POLL_MS)
            self._read(process, listener)
            if cancelled_at is None:
                if is_cancelled() or self._is_skewed():
                    cancelled_at = time.monotonic()
                    process.closeWriteChannel()
                continue
            waited_s = time.monotonic() - cancelled_at
            if waited_s > _CLOSE_GRACE_S and not is_terminated:
                is_terminated = True
                process.terminate()
            elif waited_s > _CLOSE_GRACE_S + _TERMINATE_GRACE_S:
                return  # drive() kills what is still running

    def _is_skewed(self) -> bool:
        return self._error is not None and self._error.code == "engine.version_skew"

    def _read(self, process: QProcess, listener: EngineListener) -> None:
        for line in self._stdout.feed(bytes(process.readAllStandardOutput())):
            self._take_message(line, listener)
        for line in self._stderr.feed(bytes(process.readAllStandardError())):
            self._take_stderr(line, listener)

    def _take_stderr(self, line: str, listener: EngineListener) -> None:
        if line.strip():
            self._stderr_tail.append(line)
            listener.log("debug", line)

    def _take_message(self, line: str, listener: EngineListener) -> None:
        try:
            message = json.loads(line, object_hook=let_others_run)
            kind = message["type"]
        except (ValueError, KeyError, TypeError):
            # Printed before the engine took hold of stdout, by a start-up file of its Python.
            self._take_stderr(line, listener)
            return
        if kind == "progress":
            listener.report(float(message["fraction"]), str(message["text"]))
        elif kind == "log":
            listener.log(str(message["level"]), str(message["text"]))
        elif kind == "item":
            listener.item(message["item"])
        elif kind == "result":
            self._result = message["result"]
        elif kind == "hello":
            self._check_hello(message)
        elif kind == "error" and not self._is_skewed():
            self._error = self._error_from(message, listener)

    def _check_hello(self, hello: Mapping[str, Any]) -> None:
        if hello.get("version") != plugin_version() or hello.get("protocol") != PROTOCOL:
            self._error = InsarError(
                "engine.version_skew",
                plugin_version=plugin_version(),
                engine_version=str(hello.get("version")),
                plugin_protocol=PROTOCOL,
                engine_protocol=hello.get("protocol"),
            )

    def _error_from(self, message: Mapping[str, Any], listener: EngineListener) -> InsarError:
        error = InsarError.from_json(message)
        details = str(message.get("details") or "")
        if error.code in _UNEXPECTED:
            error.fields["details"] = details
        elif details and not isinstance(error, Cancelled):
            # The sentence says it all; the trace is for whoever asked the log panel for debug lines.
            log.debug(details)
        return error


def _end_of(process: QProcess) -> str:
    if process.exitStatus() == QProcess.ExitStatus.CrashExit:
        return f"signal {process.exitCode()}" if os.name == "posix" else "crash"
    return f"exit code {process.exitCode()}"


def _kill_group(process: QProcess) -> None:
    """End the engine with all that it started; it leads a process group of its own where there are any."""
    pid = int(process.processId())
    if pid and hasattr(os, "killpg"):
        try:
            if os.getpgid(pid) == pid:
                os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
    process.kill()


def _python_for(request: Request, python: Optional[Path]) -> Path:
    python = python or engine_python()
    if python is None:
        raise InsarError("engine.not_set_up", command=request.command)
    if not python.is_file():
        raise InsarError("engine.python_gone", python=str(python))
    return python


class EngineTask(QgsTask):
    """A request as a task of QGIS: in the task panel, with progress and cancel.

    All signals come on the main thread. Exactly one of ``succeeded`` and ``failed`` comes, last.
    """

    progressed = pyqtSignal(float, str)
    logged = pyqtSignal(str, str)
    item_received = pyqtSignal(object)
    succeeded = pyqtSignal(object)
    failed = pyqtSignal(object)

    def __init__(
        self,
        request: Request,
        description: str,
        python: Optional[Path] = None,
        credential: Optional[Credential] = None,
        *,
        is_silent: bool = True,
    ) -> None:
        # Silent: whoever started it says how it ended, and QGIS would say it a second time, to the whole desktop.
        flags = QgsTask.Flag.CanCancel | QgsTask.Flag.Silent if is_silent else QgsTask.Flag.CanCancel
        super().__init__(description, flags)
        self.request = request
        self._credential = credential
        # Read here, on the main thread: settings, and the proxy of its network access manager.
        self._python = python or engine_python()
        self._variables = proxy_variables()
        self._result: Optional[dict[str, Any]] = None
        self._error: Optional[InsarError] = None

    def run(self) -> bool:
        listener = EngineListener(self._on_report, self._on_log, self.item_received.emit)
        try:
            python = _python_for(self.request, self._python)
            run = EngineRun(self.request, python, self._variables, self._credential)
            with short_turns():
                self._result = run.drive(listener, self.isCanceled)
        except InsarError as error:
            self._error = error
        except Exception as error:  # the edge of the thread: kept for the reader, shown by finished()
            log.exception(self.description())
            self._error = InsarError("run.unexpected", reason=f"{type(error).__name__}: {error}")
        return self._error is None

    def finished(self, is_successful: bool) -> None:
        task_ended(self)
        _running.discard(self)
        if is_successful and self._result is not None:
            self.succeeded.emit(self._result)
            return
        error = self._error or Cancelled()
        if not isinstance(error, Cancelled):
            log.error(f"{self.description()}: {error}")
        self.failed.emit(error)

    def _on_report(self, fraction: float, text: str) -> None:
        self.setProgress(fraction * 100.0)
        self.progressed.emit(fraction, text)

    def _on_log(self, level: str, text: str) -> None:
        log.log_engine_line(level, text)
        self.logged.emit(level, text)


#: QGIS's task manager owns the C++ half of a task only; without this the Python half would be collected.
_running: set[EngineTask] = set()


def start_engine_task(task: EngineTask) -> None:
    """Hand the task to QGIS's task manager and keep it until it is finished."""
    if task.isCanceled():
        # The task manager would never say a word about it.
        task.finished(False)
        return
    _running.add(task)
    start_task(task)


def stop_engine_tasks(limit_ms: int = 15_000) -> None:
    """Cancel all engine tasks and wait for their processes to end; for the unload of the plugin."""
    tasks = list(_running)
    for task in tasks:
        task.cancel()
    for task in tasks:
        task.waitForFinished(limit_ms)
        _running.discard(task)


def run_engine(
    request: Request,
    feedback: Any = None,
    python: Optional[Path] = None,
    credential: Optional[Credential] = None,
    on_item: Optional[Callable[[dict[str, Any]], None]] = None,
) -> dict[str, Any]:
    """Run a request and wait for its result, from any thread; for Processing algorithms.

    Parameters
    ----------
    feedback
        A QgsFeedback, QgsProcessingFeedback, or None.
    on_item
        Takes partial results, in the calling thread.

    Raises
    ------
    InsarError
        What the engine says, or a code of `EngineRun.drive`, ``engine.not_set_up``, ``engine.python_gone``.
    """
    run = EngineRun(request, _python_for(request, python), proxy_variables(), credential)
    take_item = on_item or (lambda _: None)
    if feedback is None:
        return run.drive(EngineListener(lambda *_: None, log.log_engine_line, take_item), lambda: False)
    return run.drive(_listener_of(feedback, take_item), feedback.isCanceled)


def _listener_of(feedback: Any, take_item: Callable[[dict[str, Any]], None]) -> EngineListener:
    def report(fraction: float, text: str) -> None:
        feedback.setProgress(fraction * 100.0)
        if text and hasattr(feedback, "setProgressText"):
            feedback.setProgressText(text)

    def take_log(level: str, text: str) -> None:
        log.log_engine_line(level, text)
        push = getattr(feedback, _FEEDBACK_METHODS.get(level, "pushInfo"), None)
        if push is not None:
            push(text)

    return EngineListener(report, take_log, take_item)


#: reportError is left to the algorithm: in QGIS it marks the whole run as failed.
_FEEDBACK_METHODS = {
    "debug": "pushDebugInfo",
    "info": "pushInfo",
    "warning": "pushWarning",
    "error": "pushWarning",
}

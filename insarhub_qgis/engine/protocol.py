# SPDX-License-Identifier: GPL-2.0-or-later
"""The conversation of one engine process: one request on stdin, one JSON message per line on stdout.

stdin, first line: ``{"protocol", "plugin_version", "cancel_on_eof", "environment", "credential", "parameters"}``; only
``parameters`` is required. While ``cancel_on_eof`` is true, the end of stdin cancels the command, so an
engine never outlives the QGIS that started it. ``environment`` holds variables that may carry a secret
(a proxy address with its account) and so must not stand in the environment of the process from outside.
``credential`` is the login that the command may use (`core.credentials`).

stdout: ``hello`` (protocol, version, python, packages), then any of ``progress`` (fraction, text), ``log``
(level, text), ``item`` (item), and last ``result`` (result) or ``error`` (code, fields, message, details).
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import FrameType
from typing import Any, BinaryIO

from insarhub_qgis.core.credentials import Credential
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.installation import plugin_version, version_numbers, wanted_environment
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine.failures import error_from_exception

PROTOCOL = 1
#: Programs that speak this protocol, and the module with their table ``COMMANDS``.
PROGRAMS = {"engine": "insarhub_qgis.engine.commands", "sandbox": "insarhub_qgis.sandbox.commands"}
#: Commands that look at the packages themselves and must run without them.
_SET_UP_COMMANDS = ("check-environment", "create-environment")
_PROGRESS_INTERVAL_S = 0.1
#: How long a command may ignore the end of stdin before the process ends by itself.
_ORPHAN_LIMIT_S = 60.0


class MessageWriter:
    """Writes protocol messages, one per line, from any thread.

    Progress is thinned to ten messages a second; the newest one that was held back is written before
    any other message, or a moment later, so the reader always sees the last state. When the reader is gone,
    messages are dropped and ``reader_gone`` is set.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.RLock()
        self._held_progress: dict[str, Any] | None = None
        self._last_progress_s = -math.inf
        self._timer: threading.Timer | None = None
        self.reader_gone = threading.Event()

    def write(self, kind: str, **content: Any) -> None:
        with self._lock:
            if self._held_progress is not None:
                held, self._held_progress = self._held_progress, None
                self._write_line(held)
            self._write_line({"type": kind, **content})

    def report(self, fraction: float, text: str) -> None:
        fraction = min(max(float(fraction), 0.0), 1.0) if math.isfinite(fraction) else 0.0
        message = {"type": "progress", "fraction": round(fraction, 4), "text": str(text)}
        with self._lock:
            now = time.monotonic()
            if now - self._last_progress_s < _PROGRESS_INTERVAL_S:
                self._held_progress = message
                if self._timer is None:
                    # What comes next may take minutes.
                    self._timer = threading.Timer(_PROGRESS_INTERVAL_S, self._write_held)
                    self._timer.daemon = True
                    self._timer.start()
                return
            self._last_progress_s = now
            self._held_progress = None
            self._write_line(message)

    def _write_held(self) -> None:
        with self._lock:
            self._timer = None
            if self._held_progress is not None:
                held, self._held_progress = self._held_progress, None
                self._last_progress_s = time.monotonic()
                self._write_line(held)

    def log(self, text: str, level: str = "info") -> None:
        self.write("log", level=level, text=str(text))

    def item(self, item: Mapping[str, Any]) -> None:
        self.write("item", item=dict(item))

    def _write_line(self, message: dict[str, Any]) -> None:
        line = json.dumps(plain_json(message), ensure_ascii=False, allow_nan=False) + "\n"
        try:
            self._stream.write(line.encode("utf-8", errors="replace"))
            self._stream.flush()
        except (BrokenPipeError, ValueError):
            self.reader_gone.set()


def plain_json(value: Any) -> Any:
    """Give ``value`` as JSON: paths as text, numpy scalars and arrays as numbers and lists, not-finite as null.

    >>> plain_json({"a": (1.5, float("nan"))})
    {'a': [1.5, None]}
    """
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain_json(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain_json(entry) for entry in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return plain_json(value.tolist())
    return str(value)


class RequestReader:
    """Reads stdin in a thread of its own: first the request line, then nothing but its end."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._line = b""
        self._line_read = threading.Event()
        self.ended = threading.Event()
        threading.Thread(target=self._read, name="request reader", daemon=True).start()

    def _read(self) -> None:
        self._line = self._stream.readline()
        self._line_read.set()
        while self._stream.read(4096):
            pass
        self.ended.set()

    def request(self) -> dict[str, Any]:
        """The request; blocks until its line is complete. Raises ``engine.bad_request``."""
        self._line_read.wait()
        try:
            request = json.loads(self._line.decode("utf-8"))
        except ValueError as error:
            raise InsarError("engine.bad_request", reason=str(error)) from error
        if not isinstance(request, dict) or not isinstance(request.get("parameters"), dict):
            raise InsarError("engine.bad_request", reason="no object 'parameters'")
        return request


def take_standard_streams() -> tuple[BinaryIO, BinaryIO]:
    """Keep stdin and stdout for the protocol alone, and give them as (requests, messages).

    File descriptor 1 becomes stderr and 0 the null device, so that whatever a library or a program
    that it starts prints cannot break a message, and no prompt can eat the request.
    """
    sys.stdout.flush()
    requests_fd, messages_fd = os.dup(0), os.dup(1)
    null_fd = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null_fd, 0)
    os.close(null_fd)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return os.fdopen(requests_fd, "rb", buffering=0), os.fdopen(messages_fd, "wb", buffering=0)


def check_versions(request: Mapping[str, Any], own_version: str) -> None:
    """Refuse a request of another version of the plugin.

    Both sides come from the same folder; they differ when the plugin was updated on disk under a
    running QGIS. Raises ``engine.version_skew``.
    """
    plugin = request.get("plugin_version", own_version)
    protocol = request.get("protocol", PROTOCOL)
    if plugin != own_version or protocol != PROTOCOL:
        raise InsarError(
            "engine.version_skew",
            plugin_version=str(plugin),
            engine_version=own_version,
            plugin_protocol=protocol,
            engine_protocol=PROTOCOL,
        )


def installed_version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def check_packages(command: str) -> None:
    """Refuse to start a command that lacks a package; raises ``engine.package_missing`` or ``_outdated``."""
    for package in wanted_environment().packages:
        if command not in package.commands:
            continue
        found = installed_version(package.name)
        if found is None:
            raise InsarError(
                "engine.package_missing", package=package.name, wanted=package.pin, python=sys.executable
            )
        if version_numbers(found) < version_numbers(package.minimum):
            raise InsarError(
                "engine.package_outdated",
                package=package.name,
                version=found,
                wanted=package.minimum,
                python=sys.executable,
            )


class _OrphanGuard:
    """Ends a hosted process whose command ignores that the host is gone."""

    def __init__(self, reader: RequestReader, seconds: float) -> None:
        self._reader = reader
        self._seconds = seconds
        self._finished = threading.Event()
        threading.Thread(target=self._watch, name="orphan guard", daemon=True).start()

    def _watch(self) -> None:
        self._reader.ended.wait()
        if self._finished.wait(self._seconds):
            return
        if hasattr(os, "killpg") and os.getpgid(0) == os.getpid():
            os.killpg(os.getpid(), signal.SIGKILL)
        os._exit(1)

    def finish(self) -> None:
        self._finished.set()


def _cancel_on_terminate() -> None:
    """Make SIGTERM raise `Cancelled` in the command, so that temporary files and children are taken down."""

    def on_terminate(signal_number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Cancelled()

    signal.signal(signal.SIGTERM, on_terminate)


def _answer(program: str, command: str, reader: RequestReader, writer: MessageWriter) -> dict[str, Any]:
    request = reader.request()
    check_versions(request, plugin_version())
    os.environ.update({str(name): str(value) for name, value in (request.get("environment") or {}).items()})
    hosted = bool(request.get("cancel_on_eof", False))
    if hosted and hasattr(os, "setpgid") and os.getpgid(0) != os.getpid():
        # A group of its own, so that the host can end the engine with all that it started.
        os.setpgid(0, 0)
    if command not in _SET_UP_COMMANDS:
        check_packages(command)
    request_class, function = import_module(PROGRAMS[program]).COMMANDS.find(command)

    def is_cancelled() -> bool:
        return (hosted and reader.ended.is_set()) or writer.reader_gone.is_set()

    credential = request.get("credential")
    context = RunContext(
        report=writer.report,
        is_cancelled=is_cancelled,
        log=writer.log,
        item=writer.item,
        credential=Credential.from_json(credential) if isinstance(credential, Mapping) else None,
    )
    guard = _OrphanGuard(reader, _ORPHAN_LIMIT_S) if hosted else None
    try:
        result: dict[str, Any] = function(request_class.from_json(request["parameters"]), context)
    finally:
        if guard is not None:
            guard.finish()
    return result


def serve(program: str, command: str, requests: BinaryIO, messages: BinaryIO) -> int:
    """Answer one request and give the exit code: 0 result, 1 error, 130 cancelled."""
    writer = MessageWriter(messages)
    try:
        _cancel_on_terminate()
        writer.write(
            "hello",
            protocol=PROTOCOL,
            version=plugin_version(),
            python=sys.executable,
            packages={
                package.name: installed_version(package.name) for package in wanted_environment().packages
            },
        )
        result = _answer(program, command, RequestReader(requests), writer)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        writer.write("result", result=result)
    except BaseException as exception:  # the edge of the run: whatever happened becomes the error message
        error = error_from_exception(exception)
        writer.write(
            "error",
            **error.to_json(),
            message=str(error),
            details="".join(traceback.format_exception(type(exception), exception, exception.__traceback__)),
        )
        return 130 if isinstance(error, Cancelled) else 1
    return 0


def main(arguments: Sequence[str]) -> int:
    """Serve ``PROGRAM COMMAND`` on the standard streams."""
    if len(arguments) != 2 or arguments[0] not in PROGRAMS:
        sys.stderr.write(
            "usage: python -m insarhub_qgis.engine COMMAND, with one JSON line on standard input\n"
        )
        return 2
    requests, messages = take_standard_streams()
    return serve(arguments[0], arguments[1], requests, messages)

# SPDX-License-Identifier: GPL-2.0-or-later
"""The one door to other programs: started without a shell, in a group of their own, never left behind."""

from __future__ import annotations

import os
import queue
import signal
import subprocess  # nosec B404
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Callable

from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.progress import IsCancelled, never_cancelled

_POLL_SECONDS = 0.1
#: Of background work: on Unix added to the niceness; on Windows a constant of SetPriorityClass.
_BACKGROUND_NICENESS, _BELOW_NORMAL_PRIORITY_CLASS = 10, 0x4000
#: How long output may still come after the program ended, from something that it left running.
_AFTERMATH_SECONDS = 2.0


def leave_processor_to_others() -> None:
    """Lower the priority of this process for good, for work that nobody waits for."""
    if hasattr(os, "nice"):
        os.nice(_BACKGROUND_NICENESS)
    elif sys.platform == "win32":
        import ctypes

        kernel = ctypes.windll.kernel32
        kernel.SetPriorityClass(kernel.GetCurrentProcess(), _BELOW_NORMAL_PRIORITY_CLASS)


def run_process(
    arguments: Sequence[str],
    *,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    on_line: Callable[[str], None],
    is_cancelled: IsCancelled = never_cancelled,
    grace_seconds: float = 5.0,
    input_text: str = "",
) -> int:
    r"""Run a program to its end and give its exit code (negative: ended by that signal).

    stdout and stderr come merged, line by line (``\n``, ``\r\n`` or ``\r``), to ``on_line`` in the calling
    thread. The program gets ``input_text`` on a pipe that stays open; its end tells the program
    that this process died (`end_with_parent`).

    When ``is_cancelled`` turns true, or ``on_line`` raises, the whole process group is told to end
    (SIGTERM), and killed after ``grace_seconds``.

    Parameters
    ----------
    arguments
        Absolute path of the program, then its arguments.
    environment
        The complete environment of the program; None hands on the own one.

    Raises
    ------
    InsarError
        ``run.cancelled``; ``process.not_started`` (program, reason).
    """
    process = _start([str(argument) for argument in arguments], cwd, environment)
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_read_lines, args=(process, lines), name="program output", daemon=True).start()
    try:
        _send_input(process, input_text)
        while True:
            if is_cancelled():
                raise Cancelled()
            try:
                line = lines.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                if process.poll() is not None:
                    _pass_remaining(lines, on_line)
                    break
                continue
            if line is None:
                _wait_silently(process, is_cancelled)
                break
            on_line(line)
        return process.wait()
    finally:
        _end(process, grace_seconds)


def _start(
    arguments: list[str], cwd: Path | None, environment: Mapping[str, str] | None
) -> subprocess.Popen[str]:
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
    try:
        # An argument list without a shell, put together by the engine from absolute paths.
        return subprocess.Popen(  # nosec B603
            arguments,
            cwd=cwd,
            env=None if environment is None else dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            bufsize=1,
            start_new_session=True,
            creationflags=flags,
        )
    except OSError as error:
        raise InsarError(
            "process.not_started", program=arguments[0], reason=error.strerror or str(error)
        ) from error


def _read_lines(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    stream = process.stdout
    if stream is not None:
        # Text mode gives \r as an end of line too, so progress bars arrive as lines.
        for line in stream:
            lines.put(line.rstrip("\n"))
    lines.put(None)


def _send_input(process: subprocess.Popen[str], text: str) -> None:
    if not text or process.stdin is None:
        return
    try:
        process.stdin.write(text)
        process.stdin.flush()
    except BrokenPipeError:
        # The program ended without reading; its exit code and output tell why.
        return


def _wait_silently(process: subprocess.Popen[str], is_cancelled: IsCancelled) -> None:
    """Wait for a program that has closed its output."""
    while True:
        try:
            process.wait(timeout=_POLL_SECONDS)
        except subprocess.TimeoutExpired:
            if is_cancelled():
                raise Cancelled() from None
        else:
            return


def _pass_remaining(lines: queue.Queue[str | None], on_line: Callable[[str], None]) -> None:
    limit = time.monotonic() + _AFTERMATH_SECONDS
    while True:
        try:
            line = lines.get(timeout=max(limit - time.monotonic(), 0.0))
        except queue.Empty:
            return
        if line is None:
            return
        on_line(line)


def _end(process: subprocess.Popen[str], grace_seconds: float) -> None:
    """End the program and its group: politely first while it runs, then for good."""
    if process.stdin is not None:
        try:
            process.stdin.close()
        except OSError:
            process.stdin = None
    try:
        if process.poll() is None:
            _signal_group(process, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=grace_seconds)
    finally:
        # Also when a second cancel interrupts the wait: nothing may be left behind.
        if sys.platform != "win32":
            _signal_group(process, signal.SIGKILL)
        elif process.poll() is None:
            process.kill()
        process.wait()


def _signal_group(process: subprocess.Popen[str], number: int) -> None:
    if sys.platform == "win32":
        process.terminate()
        return
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        # The group is empty, or (macOS) holds only processes that already ended.
        return


def end_with_parent() -> None:
    """Call in a program that `run_process` started: it ends, with its group, when the starter dies.

    Takes stdin for itself. Works after a kill -9 of the starter too, because the pipe closes with it.
    """
    pipe = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)

    def watch() -> None:
        while os.read(pipe, 4096):
            pass
        if sys.platform != "win32":
            if os.getpgid(0) == os.getpid():
                os.killpg(os.getpid(), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=watch, name="parent watch", daemon=True).start()

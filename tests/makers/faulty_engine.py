# SPDX-License-Identifier: GPL-2.0-or-later
"""The real engine with one more command, ``misbehave``, that shows each way a command can go wrong.

Started in place of ``engine/launch.py``, with the same arguments and flags.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

FAULTY_LAUNCH_FILE = Path(__file__).resolve()
LAUNCH_FILE = FAULTY_LAUNCH_FILE.parents[2] / "insarhub_qgis" / "engine" / "launch.py"

if __name__ == "__main__":
    spec = importlib.util.spec_from_file_location("real_launch", LAUNCH_FILE)
    real_launch = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(real_launch)
    real_launch.register_package()

from insarhub_qgis.core.errors import InsarError  # noqa: E402 - importable only now
from insarhub_qgis.core.progress import stop_if_cancelled  # noqa: E402 - importable only now
from insarhub_qgis.core.requests import Request  # noqa: E402 - importable only now


@dataclass(frozen=True)
class Misbehave(Request):
    command: ClassVar[str] = "misbehave"
    mode: str
    folder: str = ""
    payload: str = ""


class Modes:
    """One method per mode; ``folder`` takes notes for the test."""

    def __init__(self, request, context):
        self.request = request
        self.context = context
        self.folder = Path(request.folder or ".")

    def echo(self):
        return {
            "payload": self.request.payload,
            "argv": sys.argv,
            "path": sys.path,
            "variables": dict(os.environ),
            "flags": {"isolated": sys.flags.isolated, "utf8": sys.flags.utf8_mode},
            "group_leader": os.getpgid(0) == os.getpid(),
            "initial_environment": Path("/proc/self/environ").read_bytes().decode("utf-8", "replace"),
            "command_line": Path("/proc/self/cmdline").read_bytes().decode("utf-8", "replace"),
        }

    def odd_values(self):
        import numpy as np

        return {
            "nan": float("nan"),
            "array": np.array([1.0, np.inf]),
            "count": np.int64(3),
            "path": Path("/a/b"),
            "set": {1},
        }

    def noise(self):
        print("printed by a library")
        os.write(1, b"written below Python\n")
        from insarhub_qgis.engine.process import run_process

        run_process(["/bin/echo", "said by a program"], on_line=self.context.log)
        os.spawnv(os.P_WAIT, "/bin/echo", ["echo", "inherited output"])
        return {}

    def prompt(self):
        try:
            return {"answer": input("password: ")}
        except EOFError:
            return {"answer": None}

    def storm(self):
        for index in range(20001):
            self.context.report(index / 20000, f"step {index}")
        return {}

    def items(self):
        for index in range(5):
            self.context.item({"index": index})
        self.context.log("careful", "warning")
        return {"done": True}

    def large(self):
        return {"text": "x" * 5_000_000}

    def wait(self):
        (self.folder / "pid").write_text(str(os.getpid()))
        while True:
            stop_if_cancelled(self.context.is_cancelled)
            time.sleep(0.02)

    def short_wait(self):
        time.sleep(0.5)
        return {"cancelled": self.context.is_cancelled()}

    def stubborn(self):
        (self.folder / "pid").write_text(str(os.getpid()))
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            time.sleep(0.05)

    def blocked(self):
        (self.folder / "pid").write_text(str(os.getpid()))
        try:
            time.sleep(1000)
        finally:
            (self.folder / "cleaned").write_text("yes")

    def child(self):
        from insarhub_qgis.engine.process import run_process

        code = (
            "import sys, os, time; sys.path.insert(0, sys.argv[2]);"
            "from insarhub_qgis.engine.process import end_with_parent; end_with_parent();"
            "open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(1000)"
        )
        arguments = [sys.executable, "-c", code, str(self.folder / "child"), str(LAUNCH_FILE.parents[2])]
        run_process(arguments, on_line=self.context.log, is_cancelled=self.context.is_cancelled)
        return {}

    def known_error(self):
        raise InsarError("disk.full", file="a.tif")

    def crash(self):
        raise ValueError("wrong shape")

    def disk_full(self):
        with Path("/dev/full").open("wb") as stream:
            stream.write(b"x" * 100_000)
        return {}

    def memory(self):
        return {"size": len(bytearray(2**62))}

    def lacking(self):
        import a_package_that_nobody_has

        return {"module": str(a_package_that_nobody_has)}

    def exit(self):
        sys.stderr.write("last words\n")
        sys.stderr.flush()
        os._exit(7)

    def segfault(self):
        os.kill(os.getpid(), signal.SIGSEGV)
        return {}


def run(request, context):
    return getattr(Modes(request, context), request.mode)()


if __name__ == "__main__":
    from insarhub_qgis.engine import commands, protocol

    sys.modules["faulty_engine"] = sys.modules["__main__"]
    commands.COMMANDS.add(Misbehave, "faulty_engine:run")
    sys.exit(protocol.main(sys.argv[1:]))

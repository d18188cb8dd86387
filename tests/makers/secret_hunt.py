# SPDX-License-Identifier: GPL-2.0-or-later
"""Looks for secrets where none may be: files, texts, and what processes show of themselves."""

from __future__ import annotations

import base64
import json
import os
import threading
import time
import zipfile
from pathlib import Path
from urllib.parse import quote

from tests.makers.waiting import HANG_S

PROC = Path("/proc")


def forms_of(*secrets):
    """The secrets as they could leak: plain, as UTF-8, escaped for JSON and addresses, and in base64."""
    forms = {}
    for secret in secrets:
        for text in {secret, quote(secret), json.dumps(secret)[1:-1]}:
            forms[text.encode("utf-8")] = secret
        forms[base64.b64encode(secret.encode("utf-8")).rstrip(b"=")[:-1]] = secret
    return forms


def found_in_bytes(data, forms, place):
    return [(place, secret) for form, secret in forms.items() if form in data]


def found_in_folder(folder, forms):
    """Every file below a folder that holds a secret, also inside zips (products, project files)."""
    found = []
    for path in sorted(Path(folder).rglob("*")):
        if not path.is_file() or path.is_symlink():
            continue
        data = path.read_bytes()
        found += found_in_bytes(data, forms, str(path))
        found += found_in_bytes(str(path).encode("utf-8"), forms, f"name of {path}")
        if data[:2] == b"PK" and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    found += found_in_bytes(archive.read(name), forms, f"{path}!{name}")
    return found


class ProcessHunt:
    """Reads argv and environment of this process and of all that it started, again and again while the block runs.

    ``commands`` holds what it saw, so that a test can tell that it looked at the right processes.
    """

    def __init__(self, forms):
        self._forms = forms
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._hunt, daemon=True)
        self._seen = {}
        self.commands = set()
        self.found = set()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def pids_of(self, *words):
        """Processes whose command line holds all these words."""
        return [
            pid for pid, command in self._commands_now() if all(word.encode() in command for word in words)
        ]

    def _hunt(self):
        while not self._stop.wait(0.03):
            for pid, command in self._commands_now():
                self.commands.add(command)
                self.found.update(found_in_bytes(command, self._forms, f"argv of {pid}"))
                # The environment of a process can change only by its own exec: a few looks are enough.
                if self._seen.get((pid, command), 0) < 3:
                    self._seen[pid, command] = self._seen.get((pid, command), 0) + 1
                    self.found.update(
                        found_in_bytes(_read(PROC / pid / "environ"), self._forms, f"environment of {pid}")
                    )

    @staticmethod
    def _commands_now():
        parents = {entry.name: _parent(entry) for entry in PROC.iterdir() if entry.name.isdecimal()}
        own = {str(os.getpid())}
        while True:
            more = {pid for pid, parent in parents.items() if parent in own and pid not in own}
            if not more:
                return [(pid, _read(PROC / pid / "cmdline")) for pid in own]
            own |= more


def _parent(entry):
    fields = _read(entry / "stat").decode("utf-8", errors="replace").rpartition(")")[2].split()
    return fields[1] if len(fields) > 1 else ""


def _read(path):
    try:
        return path.read_bytes()
    except OSError:
        # It ended, or belongs to somebody else.
        return b""


def wait_for_pid(hunt, *words):
    end = time.monotonic() + HANG_S
    while True:
        pids = hunt.pids_of(*words)
        if pids:
            return int(pids[0])
        assert time.monotonic() < end, f"no process with {words}"
        time.sleep(0.01)

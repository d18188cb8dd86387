# SPDX-License-Identifier: GPL-2.0-or-later
"""``mintpy_job.json``: the journal of a MintPy run, true at any moment, so that a killed run can go on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from insarhub_qgis.core.atomic_files import (
    folder_lock,
    lock_holder,
    read_json_object,
    write_error,
    write_json_atomically,
)
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.mintpy_steps import STEP_NAMES, option_values_of

JOB_FILE = "mintpy_job.json"
LOG_FILE = "mintpy.log"
#: Own folder of a run: its lock and the copies of files that a step changes in place.
RUN_FOLDER = ".insarhub_run"
#: What a new run found and set aside; one generation is kept.
PREVIOUS_FOLDER = ".insarhub_previous"
_OUR_KEY = "insarhub_qgis"
_RUN_OWNER = "run-analysis"

#: States of a step. ``skipped``: the options switch it off.
WAITING, RUNNING, DONE, FAILED, CANCELLED, SKIPPED, NOT_RUN = (
    "waiting", "running", "done", "failed", "cancelled", "skipped", "not_run",
)  # fmt: skip
#: States of a run besides RUNNING, FAILED and CANCELLED.
COMPLETED = "completed"


def utc_now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class StepRecord:
    """What is known about one step.

    Attributes
    ----------
    options
        Options that act on this step first and differ from MintPy's default, as it ran.
    files
        What it wrote, relative path to size in bytes.
    child_pid, child_start
        Process that ran it, and when that process started as the system counts it (empty if unknown).
    """

    name: str
    state: str = NOT_RUN
    started_at: str = ""
    ended_at: str = ""
    seconds: float | None = None
    options: dict[str, str] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)
    child_pid: int | None = None
    child_start: str = ""


@dataclass
class MintpyJob:
    """The journal. ``status``: running, completed, failed or cancelled; empty if there was no run."""

    path: Path
    job_id: str = ""
    status: str = ""
    script: str = ""
    log: str = ""
    started_at: str = ""
    ended_at: str = ""
    inputs: str = ""
    error: dict[str, Any] | None = None
    steps: list[StepRecord] = field(default_factory=list)
    _unknown: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> MintpyJob:
        """Read the journal of a MintPy folder; without one, or with one of InSARHub, no step is known.

        Raises ``file.malformed``.
        """
        path = folder / JOB_FILE
        if not path.is_file():
            return cls(path)
        value = read_json_object(path)
        ours = value.get(_OUR_KEY)
        ours = ours if isinstance(ours, dict) else {}
        names = {entry.name for entry in fields(StepRecord)}
        try:
            steps = [
                StepRecord(**{key: entry[key] for key in entry if key in names})
                for entry in ours.get("steps", [])
                if entry.get("name") in STEP_NAMES
            ]
        except (AttributeError, TypeError) as error:
            raise InsarError("file.malformed", file=str(path), line=1, column=1, reason=str(error)) from error
        known = ("job_id", "status", "script", "log", _OUR_KEY)
        return cls(
            path,
            **{name: str(value.get(name) or "") for name in ("job_id", "status", "script", "log")},
            **{name: str(ours.get(name) or "") for name in ("started_at", "ended_at", "inputs")},
            error=ours.get("error"),
            steps=steps,
            _unknown={key: entry for key, entry in value.items() if key not in known},
        )

    def write(self) -> None:
        value = {
            "job_id": self.job_id,
            "status": self.status,
            "script": self.script,
            "log": self.log,
            **self._unknown,
            _OUR_KEY: {
                "version": 1,
                "started_at": self.started_at,
                "ended_at": self.ended_at,
                "inputs": self.inputs,
                "error": self.error,
                "steps": [asdict(step) for step in self.steps],
            },
        }
        write_json_atomically(self.path, value)

    def step(self, name: str) -> StepRecord:
        """Give the record of a step, made on first use, in the order of the run."""
        for record in self.steps:
            if record.name == name:
                return record
        record = StepRecord(name)
        self.steps.append(record)
        self.steps.sort(key=lambda entry: STEP_NAMES.index(entry.name))
        return record

    @property
    def is_unfinished(self) -> bool:
        """Whether a run stopped before its end; one that is still alive counts too, see `running_analysis`."""
        return self.status in (RUNNING, FAILED, CANCELLED) and bool(self.steps)

    def first_outdated_step(self, values: Mapping[str, str]) -> str | None:
        """Give the first finished step whose options have changed since, for a proposal where to start."""
        for record in self.steps:
            if record.state == DONE and record.options != option_values_of(record.name, values):
                return record.name
        return None


@contextlib.contextmanager
def analysis_lock(folder: Path, owner: str = _RUN_OWNER) -> Iterator[None]:
    """Hold the run lock of a MintPy folder.

    It is not the lock of the job folder, so that settings can be saved while MintPy works. What MintPy reads or
    writes may change only under it.

    Raises
    ------
    InsarError
        ``analysis.already_running`` (host, pid, started_at); ``folder.locked`` while another command than a run
        holds it; ``file.not_writable``, ``file.disk_full``.
    """
    run_folder = folder / RUN_FOLDER
    try:
        run_folder.mkdir(exist_ok=True)
    except OSError as error:
        raise write_error(run_folder, error) from error
    try:
        with folder_lock(run_folder, owner, timeout_seconds=0.5):
            yield
    except InsarError as error:
        if error.code == "folder.locked" and error.fields.get("folder") == str(run_folder):
            raise _held_by_another(folder, error.fields) from error
        raise


def running_analysis(folder: Path) -> dict[str, Any] | None:
    """Give owner, host, pid and started_at of a run that is alive in this folder, or None."""
    holder = lock_holder(folder / RUN_FOLDER)
    return holder if holder is not None and holder["owner"] == _RUN_OWNER else None


def refuse_running_analysis(folder: Path) -> None:
    """Raise ``analysis.already_running`` while a run is alive; for what changes the job but not MintPy's files."""
    holder = running_analysis(folder)
    if holder is not None:
        raise _held_by_another(folder, holder)


def _held_by_another(folder: Path, holder: Mapping[str, Any]) -> InsarError:
    known = {key: holder.get(key) for key in ("host", "pid", "started_at")}
    owner = holder.get("owner")
    if owner == _RUN_OWNER:
        return InsarError("analysis.already_running", folder=str(folder), **known)
    return InsarError("folder.locked", folder=str(folder), owner=owner, **known)

# SPDX-License-Identifier: GPL-2.0-or-later
"""``isce_jobs.json``: the steps of an ISCE2 run and their states, as we and InSARHub write them."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from insarhub_qgis.core.atomic_files import folder_lock, malformed, read_json_object, write_json_atomically
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.job_config import OWN_SECTION, OWN_VERSION

ISCE_FOLDER = "isce"
ISCE_JOBS_NAME = "isce_jobs.json"

PENDING, RUNNING, SUCCEEDED, FAILED, UNKNOWN = "PENDING", "RUNNING", "SUCCEEDED", "FAILED", "UNKNOWN"


@dataclass(frozen=True)
class IsceStep:
    """One run file.

    Attributes
    ----------
    name
        Key in the file, e.g. ``run_01_unpack_topo_reference``.
    status
        ``PENDING``, ``RUNNING``, ``SUCCEEDED``, ``FAILED``, or ``UNKNOWN`` for any other word.
    slurm_job_ids
        Also those that InSARHub wrote under ``slurm_job_id``.
    is_hpc
        The step was given to SLURM, as an array or through a manager job.
    command_count
        None when the file does not say.
    """

    name: str
    status: str
    script: str | None = None
    log_folder: str | None = None
    slurm_job_ids: tuple[str, ...] = ()
    is_hpc: bool = False
    command_count: int | None = None


@dataclass(frozen=True)
class IsceJobs:
    """The file in memory; steps in the order of the file."""

    path: Path
    steps: tuple[IsceStep, ...]
    work_folder: str | None
    own: Mapping[str, Any] = field(default_factory=dict)
    source: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def is_hpc(self) -> bool:
        """The run was on SLURM, so that a retry goes there again."""
        return self.own.get("mode") == "slurm" or any(step.is_hpc for step in self.steps)


def find_isce_job_files(folder: Path) -> list[Path]:
    """Give ``isce_jobs*.json`` of ``isce/`` and of the folder itself, the documented name first."""
    found: list[Path] = []
    for place in (folder / ISCE_FOLDER, folder):
        found += sorted(
            place.glob("isce_jobs*.json"), key=lambda path: (path.name != ISCE_JOBS_NAME, path.name)
        )
    return found


def read_isce_jobs(path: Path) -> IsceJobs:
    """Read the state of an ISCE2 run.

    Raises
    ------
    InsarError
        ``file.malformed``, also without an object ``jobs``; ``file.missing``, ``file.not_readable``.
    """
    document = read_json_object(path)
    jobs = document.get("jobs")
    if not isinstance(jobs, Mapping):
        raise malformed(path, reason="jobs is missing or not an object")
    work_folder, own = document.get("workdir"), document.get(OWN_SECTION)
    return IsceJobs(
        path=path,
        steps=tuple(_step(name, entry) for name, entry in jobs.items() if isinstance(entry, Mapping)),
        work_folder=work_folder if isinstance(work_folder, str) else None,
        own=own if isinstance(own, Mapping) else {},
        source=document,
    )


def write_isce_jobs(
    path: Path,
    steps: Mapping[str, Mapping[str, Any]],
    work_folder: Path,
    own: Mapping[str, Any] | None = None,
) -> IsceJobs:
    """Write the entries of steps; other steps, and keys of these steps that are not given, stay.

    Raises
    ------
    InsarError
        ``file.malformed`` when the present file cannot be read: it is then left as it is. ``job.bad_status``
        for a status that is none of the four. Errors of `folder_lock` and `write_json_atomically`.
    """
    for name, entry in steps.items():
        if "status" in entry and entry["status"] not in (PENDING, RUNNING, SUCCEEDED, FAILED):
            raise InsarError("job.bad_status", step=name, status=str(entry["status"]))
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise InsarError("file.not_writable", file=str(path.parent)) from error
    with folder_lock(path.parent, "isce-jobs"):
        document = deepcopy(dict(read_isce_jobs(path).source)) if path.exists() else {"jobs": {}}
        jobs = document["jobs"]
        for name, entry in steps.items():
            old = jobs.get(name)
            jobs[name] = {"step": name, **(old if isinstance(old, Mapping) else {}), **entry}
        document["workdir"] = work_folder.absolute().as_posix()
        old_own = document.get(OWN_SECTION)
        document[OWN_SECTION] = {
            **(old_own if isinstance(old_own, Mapping) else {"version": OWN_VERSION}),
            **(own or {}),
        }
        write_json_atomically(path, document)
    return read_isce_jobs(path)


def _step(name: str, entry: Mapping[str, Any]) -> IsceStep:
    word = str(entry.get("status") or PENDING).split(":")[0].strip().upper()
    ids = entry.get("slurm_job_ids")
    found = [str(job_id) for job_id in ids] if isinstance(ids, list) else []
    if not found and entry.get("slurm_job_id"):
        found = [str(entry["slurm_job_id"])]
    script, log_folder, count = entry.get("script"), entry.get("log_dir"), entry.get("n_cmds")
    return IsceStep(
        name=name,
        status=word if word in (PENDING, RUNNING, SUCCEEDED, FAILED) else UNKNOWN,
        script=script if isinstance(script, str) else None,
        log_folder=log_folder if isinstance(log_folder, str) else None,
        slurm_job_ids=tuple(found),
        is_hpc=bool(found or entry.get("hpc_array") or entry.get("hpc_manager")),
        command_count=count if isinstance(count, int) and not isinstance(count, bool) else None,
    )

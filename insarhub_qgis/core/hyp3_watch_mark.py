# SPDX-License-Identifier: GPL-2.0-or-later
"""The note that a watch of HyP3 jobs was on, so that it can be offered again after a restart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from insarhub_qgis.core.atomic_files import read_json_object, write_error, write_json_atomically
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.iso_times import iso, moment_of

MARK_NAME = ".insarhub_watch.json"
LOCK_NAME = ".insarhub_watch.lock"


@dataclass(frozen=True)
class WatchMark:
    """A watch that was begun and has not come to its end.

    Attributes
    ----------
    since
        UTC; None in a damaged note.
    folder
        Where the products go; empty for the folder of the job file.
    """

    since: datetime | None = None
    folder: str = ""


def read_watch_mark(job_folder: Path) -> WatchMark | None:
    """Give the note of a job folder; None without one, or when it cannot be read, because it is an offer only."""
    try:
        document = read_json_object(job_folder / MARK_NAME)
    except InsarError:
        return None
    return WatchMark(moment_of(document.get("since")), str(document.get("folder") or ""))


def write_watch_mark(job_folder: Path, folder: str = "") -> None:
    """Note that a watch is on; errors of `write_json_atomically`."""
    write_json_atomically(
        job_folder / MARK_NAME, {"since": iso(datetime.now(timezone.utc)), "folder": folder}
    )


def forget_watch(job_folder: Path) -> None:
    """Remove the note: all jobs ended, or the user stopped the watch.

    Raises
    ------
    InsarError
        ``file.not_writable`` or ``file.write_failed``.
    """
    path = job_folder / MARK_NAME
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise write_error(path, error) from error

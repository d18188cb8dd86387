# SPDX-License-Identifier: GPL-2.0-or-later
"""Job folders as a whole: another name, or to the trash. Nothing is ever deleted for good."""

from __future__ import annotations

from pathlib import Path

from qgis.PyQt.QtCore import QFile

from insarhub_qgis.core.atomic_files import lock_holder
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.job_config import OWN_SECTION
from insarhub_qgis.core.job_folder import JobFolder, list_job_folders
from insarhub_qgis.core.mintpy_job import RUN_FOLDER


def rename_job(folder: Path, name: str) -> None:
    """Give a job another name in lists; its folder stays where jobs, logs and projects look for it.

    An empty name, or that of the folder, takes the name away again.

    Raises
    ------
    InsarError
        Errors of `JobFolder.write_config_section`.
    """
    text = name.strip()
    JobFolder(folder).write_config_section(
        OWN_SECTION, {"name": text if text and text != folder.name else None}
    )


def refuse_busy_job(folder: Path) -> None:
    """Raise ``job.is_busy`` (folder, owner, host) while this or another program works in a job folder."""
    for place in (folder, folder / RUN_FOLDER):
        holder = lock_holder(place)
        if holder is not None:
            raise InsarError(
                "job.is_busy", folder=str(folder), owner=holder["owner"], host=holder.get("host")
            )


def move_job_to_trash(folder: Path) -> Path | None:
    """Move a job folder to the trash of the desktop.

    Returns
    -------
    place
        Where it is now, None when the system does not tell.

    Raises
    ------
    InsarError
        ``job.is_busy``; ``job.holds_jobs``: other jobs lie inside; ``job.no_trash``: it stays where it is.
    """
    refuse_busy_job(folder)
    inside = [job.name for job in list_job_folders(folder) if job.path != folder]
    if inside:
        raise InsarError("job.holds_jobs", folder=str(folder), jobs=inside)
    is_moved, place = QFile.moveToTrash(str(folder))
    if not is_moved:
        raise InsarError("job.no_trash", folder=str(folder))
    return Path(place) if place else None

# SPDX-License-Identifier: GPL-2.0-or-later
"""Files, folders and the disk."""

from __future__ import annotations

MESSAGES: dict[str, tuple[str, str]] = {
    "disk.full": ("The disk is full. What was finished is kept.", "Free some space, then run it again."),
    "file.disk_full": (
        "The disk is full: {file} could not be written. What was finished is kept.",
        "Free some space, then run it again.",
    ),
    "file.not_writable": (
        "No right to write {file}.",
        "Choose another folder, or change the rights of this one.",
    ),
    "file.write_failed": ("{file} could not be written: {reason}.", "Check the disk, then run it again."),
    "file.not_readable": ("{file} could not be read: {reason}.", "Check its rights and the disk."),
    "file.unreadable": ("{file} could not be read: {reason}.", "Check its rights and the disk."),
    "file.missing": ("{file} does not exist.", "Check the path; the file may have been moved or deleted."),
    "file.malformed": (
        "{file} is damaged at line {line}, column {column}: {reason}. It was left as it is.",
        "Repair it, or rename it and let it be written anew; Set Damaged File Aside in the menu of a job does that.",
    ),
    "file.not_damaged": (
        "{file} can be read now, so it was not set aside.",
        "Read the jobs again.",
    ),
    "file.not_json": (
        "{file} was not written, because a value cannot be stored: {reason}.",
        "Report this with the details.",
    ),
    "file.no_name": ("The configuration has no file to be written to.", "Choose a file."),
    "file.unusable": (
        "{file} could not be used: {reason}.",
        "Check the path and the disk, then run it again.",
    ),
    "folder.missing": ("The folder {folder} does not exist.", "Choose an existing folder."),
    "folder.no_products": (
        "{folder} is no job folder and holds no zip.",
        "Drop the folder that holds the HyP3 zips themselves.",
    ),
    "folder.locked": (
        "{folder} is in use by {owner} on {host} (process {pid}, since {started_at}).",
        "Wait until that is finished, then try again.",
    ),
    "folder.not_inside": ("{file} is not inside {folder}.", "Choose a file of that folder."),
    "folder.not_understood": (
        "A file in {folder} has an unknown form: {reason}. It was left as it is.",
        "Open the folder with the program that wrote it, or report this.",
    ),
    "folder.not_a_job": ("{folder} is no job folder.", "Choose a folder that was opened as a job."),
}

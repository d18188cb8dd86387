# SPDX-License-Identifier: GPL-2.0-or-later
"""Job folders and the stack file in them."""

from __future__ import annotations

MESSAGES: dict[str, tuple[str, str]] = {
    "job.out_dir_missing": (
        "The download folder {out_dir} named in {file} does not exist.",
        "Move the products back, or open the folder that holds them now.",
    ),
    "job.bad_status": ("The step {step} has the unknown status {status}.", "Report this with the details."),
    "job.is_busy": (
        "{folder} is in use ({owner} on {host}).",
        "Wait until the work has ended, or cancel it, then try again.",
    ),
    "job.holds_jobs": (
        "{folder} also holds other jobs: {jobs}.",
        "Remove those first, or take the files of this job away in the file manager.",
    ),
    "job.no_trash": (
        "{folder} cannot be moved to the trash, so it stays where it is.",
        "Its disk may have no trash: remove the folder in the file manager.",
    ),
    "stack.missing": (
        "{folder} has no stack file.",
        "Open a folder of products in it, or search scenes for it.",
    ),
    "stack.changed_on_disk": (
        "{file} was changed by another program meanwhile. Nothing was overwritten.",
        "Read the job folder again, then repeat the change.",
    ),
    "stack.mixed_scales": (
        "The quality scores in {file} mix two scales.",
        "Compute the pair quality again.",
    ),
    "stack.not_understood": (
        "The entry {key} in {file} has an unknown form and was skipped: {value}.",
        "Open the file with the program that wrote it, or report this.",
    ),
    "scene.no_date": ("The scene name {scene} holds no date.", "Check the name of the scene."),
}

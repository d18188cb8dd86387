# SPDX-License-Identifier: GPL-2.0-or-later
"""Where answers of searches are kept: one folder per search in the profile, the newest few."""

from __future__ import annotations

import contextlib
import shutil
from datetime import datetime, timezone
from pathlib import Path

from insarhub_qgis.core.search_answer import SEARCH_ANSWER_NAME
from insarhub_qgis.host import paths

#: Footprint layers name the answer that they are from, so more than the last one is kept.
KEPT = 20


def searches_folder() -> Path:
    """Folder of all searches; it is not made here."""
    return paths.private_folder() / "searches"


def new_search_folder() -> Path:
    """Give the folder of a search that begins; older ones beyond `KEPT` are removed. The engine makes it."""
    _forget_old()
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S%f")
    return searches_folder() / stamp


def last_search_folder() -> Path | None:
    """Give the folder of the newest search that has an answer, or None."""
    kept = _folders()
    return next((folder for folder in reversed(kept) if (folder / SEARCH_ANSWER_NAME).is_file()), None)


def _folders() -> list[Path]:
    with contextlib.suppress(OSError):
        return sorted(folder for folder in searches_folder().iterdir() if folder.is_dir())
    return []


def _forget_old() -> None:
    folders = _folders()
    for folder in folders[: max(0, len(folders) - KEPT + 1)]:
        # A folder that stays is tried again at the next search.
        shutil.rmtree(folder, ignore_errors=True)

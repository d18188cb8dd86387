# SPDX-License-Identifier: GPL-2.0-or-later
"""The files of a MintPy folder between steps: what is set aside, protected, restored and made durable."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from insarhub_qgis.core.atomic_files import write_bytes_atomically
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.mintpy_job import PREVIOUS_FOLDER, RUN_FOLDER
from insarhub_qgis.core.mintpy_steps import STEP_BY_NAME, MintpyStep, wrote

#: MintPy's own copy of all options. It keeps values of keys that were since removed, so each run starts without it.
TEMPLATE_FILE = "smallbaselineApp.cfg"
_FOLDERS = ("", "inputs", "geo", "pic", "clip")
_COPIES_COMPLETE = "complete"


class MintpyWorkspace:
    """A MintPy folder.

    Parameters
    ----------
    folder
        Where ``.mintpy.cfg`` and the results are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run_folder = folder / RUN_FOLDER
        self._copies = self.run_folder / "before"

    def files_of(self, step: MintpyStep) -> dict[str, int]:
        """Give what a step wrote: relative path to size in bytes; ``.rsc`` files beside the clips not counted."""
        return {
            relative: path.stat().st_size
            for relative, path in self._files()
            if wrote(step, relative) and not relative.endswith(".rsc")
        }

    def has(self, files: Iterable[str]) -> bool:
        return all((self.folder / name).is_file() for name in files)

    def drop_template(self) -> None:
        """Set MintPy's copy of the options aside, also a half-written one; the first step makes it anew."""
        if (self.folder / TEMPLATE_FILE).is_file():
            previous = self.folder / PREVIOUS_FOLDER
            previous.mkdir(exist_ok=True)
            (self.folder / TEMPLATE_FILE).replace(previous / TEMPLATE_FILE)
        for name in (f"{TEMPLATE_FILE}.tmp", f"inputs/{TEMPLATE_FILE}", f"pic/{TEMPLATE_FILE}"):
            (self.folder / name).unlink(missing_ok=True)

    def set_aside(self, steps: Iterable[str], *, start_new: bool) -> list[str]:
        """Move what these steps wrote into ``.insarhub_previous`` and give the relative paths.

        ``start_new`` first deletes what an earlier call put there, so one generation is kept.
        """
        chosen = [STEP_BY_NAME[name] for name in steps]
        found = [
            (relative, path)
            for relative, path in self._files()
            if any(wrote(step, relative) for step in chosen)
        ]
        previous = self.folder / PREVIOUS_FOLDER
        if start_new and previous.is_dir() and found:
            shutil.rmtree(previous)
        moved = []
        for relative, path in found:
            if relative.endswith(".rsc"):
                path.unlink(missing_ok=True)
                continue
            target = previous / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
            moved.append(relative)
        return moved

    def protect(self, step: MintpyStep) -> None:
        """Copy the files that a step is going to change in place; a kill in its middle can then be undone."""
        names = [
            relative
            for relative, _ in self._files()
            if any(re.fullmatch(pattern, relative) for pattern in step.alters)
        ]
        needed = sum((self.folder / name).stat().st_size for name in names)
        free = shutil.disk_usage(self.folder).free
        if needed > free:
            raise InsarError(
                "analysis.disk_space",
                folder=str(self.folder),
                needed_bytes=needed,
                free_bytes=free,
            )
        self.forget_copies()
        for name in names:
            target = self._copies / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self.folder / name, target)
            _sync(target)
        if names:
            write_bytes_atomically(self._copies / _COPIES_COMPLETE, b"")

    def restore(self) -> list[str]:
        """Bring protected files back and give their names; copies that were cut short are dropped."""
        restored = []
        if (self._copies / _COPIES_COMPLETE).is_file():
            for path in sorted(self._copies.rglob("*.h5")):
                name = path.relative_to(self._copies).as_posix()
                partial = self.folder / f"{name}.insarhub_tmp"
                # Copied, not moved: a kill in the middle of restoring must leave the copy for the next time.
                shutil.copy2(path, partial)
                _sync(partial)
                partial.replace(self.folder / name)
                restored.append(name)
        self.forget_copies()
        return restored

    def forget_copies(self) -> None:
        # The mark goes first, so that a half-deleted set of copies is never restored.
        (self._copies / _COPIES_COMPLETE).unlink(missing_ok=True)
        if self._copies.is_dir():
            shutil.rmtree(self._copies)

    def make_durable(self, names: Iterable[str]) -> None:
        """Flush files to the disk before the journal calls their step done."""
        for name in names:
            _sync(self.folder / name)

    def _files(self) -> Iterator[tuple[str, Path]]:
        for name in _FOLDERS:
            folder = self.folder / name
            if folder.is_dir():
                for path in sorted(folder.iterdir()):
                    if path.is_file():
                        yield f"{name}/{path.name}" if name else path.name, path


def _sync(path: Path) -> None:
    # Read-only handles cannot be synced on Windows; a file that MintPy removed again needs none.
    with contextlib.suppress(OSError), path.open("rb+") as file:
        os.fsync(file.fileno())

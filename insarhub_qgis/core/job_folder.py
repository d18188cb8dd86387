# SPDX-License-Identifier: GPL-2.0-or-later
"""The job folder: where its files lie, how sections are saved, and how jobs are laid out in a work directory."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Callable

from insarhub_qgis.core.atomic_files import (
    folder_lock,
    read_json_object,
    remove_left_over_temporary_files,
    set_aside,
    write_json_atomically,
)
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.hyp3_files import (
    existing_folder,
    find_job_files,
    read_job_file,
    read_product_cache,
)
from insarhub_qgis.core.job_config import (
    CONFIG_NAME,
    LEGACY_DOWNLOADER_NAME,
    LEGACY_WORKFLOW_NAME,
    OWN_SECTION,
    OWN_VERSION,
    JobConfig,
    read_job_config,
    with_section,
)
from insarhub_qgis.core.job_state import JobState, read_job_state
from insarhub_qgis.core.stack_file import (
    FLAT,
    Stack,
    StackNumbers,
    find_stack_files,
    is_stack_name,
    numbers_of_folder_name,
    numbers_of_stack_name,
    read_stack_file,
)

#: Kinds of files that belong to the user: never replaced unasked.
CONFIG_FILE, STACK_FILE, JOB_FILE = "config", "stack", "jobs"


class JobFolder:
    """A job folder by its path. Making one, and reading from it, never writes.

    Parameters
    ----------
    path
        The folder; relative paths are taken from the present working directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path).absolute()

    def __repr__(self) -> str:
        return f"JobFolder({str(self.path)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, JobFolder) and other.path == self.path

    def __hash__(self) -> int:
        return hash(self.path)

    # --- What it is ---

    def is_job_folder(self) -> bool:
        """Tell whether the folder has a config or a stack file; False also when it cannot be listed."""
        try:
            return self.config_file().is_file() or bool(find_stack_files(self.path))
        except (InsarError, OSError):
            return False

    @property
    def name(self) -> str:
        """The name that the user gave, else that of the folder; also for a damaged config."""
        try:
            name = self.read_config().own.get("name")
        except InsarError:
            name = None
        return name if isinstance(name, str) and name.strip() else self.path.name

    def state(self) -> JobState:
        """Give the state of the three stages; what is wrong stands in ``problems``, nothing is raised."""
        return read_job_state(self)

    # --- Config ---

    def config_file(self) -> Path:
        return self.path / CONFIG_NAME

    def read_config(self) -> JobConfig:
        """Give the config as a dict, empty when there is none; raises ``file.malformed``, ``file.not_readable``."""
        return read_job_config(self.path)

    def write_config_section(self, name: str, value: Mapping[str, Any]) -> None:
        """Change one section of the config as `job_config.with_section` does, under the lock.

        The folder is made when it does not exist.

        Raises
        ------
        InsarError
            ``file.malformed``: the present config cannot be read and stays as it is, until `start_new_file`.
            Errors of `folder_lock` and `write_json_atomically`.
        """
        path = self.config_file()
        if name == OWN_SECTION:
            value = {"version": OWN_VERSION, **value}
        self._make()
        with folder_lock(self.path, "config"):
            document: dict[str, Any] = read_json_object(path) if path.exists() else {}
            write_json_atomically(path, with_section(document, name, value))
            remove_left_over_temporary_files(self.path)

    def start_new_file(self, path: Path) -> Path:
        """Set a damaged file of this folder aside, on the user's word, so that the next save begins a new one.

        Returns
        -------
        aside
            The new name, ``NAME.bak``, ``NAME.bak2``, ...

        Raises
        ------
        InsarError
            ``folder.not_inside``; ``file.not_damaged``: it can be read, or is no config, stack or job file. Errors of
            `folder_lock` and `set_aside`.
        """
        if path.absolute().parent != self.path:
            raise InsarError("folder.not_inside", folder=str(self.path), file=str(path))
        with folder_lock(self.path, "set-aside"):
            if not _is_damaged(path):
                raise InsarError("file.not_damaged", file=str(path))
            return set_aside(path)

    def damaged_files(self, problems: Iterable[InsarError]) -> list[Path]:
        """Give the files of the user that `state` found damaged: what `start_new_file` takes, each once."""
        named = (
            Path(str(problem.fields.get("file"))) for problem in problems if problem.code == "file.malformed"
        )
        return list(
            dict.fromkeys(path for path in named if path.parent == self.path and user_file_kind(path))
        )

    def aoi_wkt(self) -> str | None:
        """Give the job's area of interest, EPSG:4326, as stored; None without one. Errors as `read_config`."""
        return self.read_config().aoi_wkt

    # --- Stack ---

    def stack_file(self) -> Path | None:
        """Give the stack file: that of the folder's own numbers first, then flat ``p0_f0``, then by name."""
        try:
            files = find_stack_files(self.path)
        except InsarError:
            return None
        own = numbers_of_folder_name(self.path.name)
        preferred = [numbers.stack_name for numbers in (own, FLAT) if numbers is not None]
        for name in preferred:
            for file in files:
                if file.name == name:
                    return file
        return files[0] if files else None

    def read_stack(self) -> Stack:
        """Read the stack.

        Raises
        ------
        InsarError
            ``stack.missing`` without a stack file, else as `read_stack_file`.
        """
        file = self.stack_file()
        if file is None:
            raise InsarError("stack.missing", folder=str(self.path))
        return read_stack_file(file)

    def write_stack(self, stack: Stack, expected: tuple[int, int] | None = None) -> Path:
        """Save a stack, keeping what others wrote into the file, and give its path.

        Parameters
        ----------
        stack
            Its numbers name the file; without numbers the present file stays, or the folder's name decides.
        expected
            `stack_fingerprint` at the time of reading; a file changed since then is not replaced.

        Raises
        ------
        InsarError
            ``stack.changed_on_disk``; ``file.malformed``: the present file cannot be read and stays as it is.
            Errors of `folder_lock` and `write_json_atomically`.
        """
        self._make()
        with folder_lock(self.path, "stack"):
            present = self.stack_file()
            if expected is not None and expected != self.stack_fingerprint():
                raise InsarError("stack.changed_on_disk", file=str(present or self.path))
            path = self.path / self._stack_numbers(stack, present).stack_name
            # A present file that cannot be read belongs to the user; reading it here refuses to replace it.
            if present is not None:
                read_stack_file(present)
            source = read_stack_file(path).source if path.exists() else None
            write_json_atomically(path, stack.to_document(source))
            remove_left_over_temporary_files(self.path)
        return path

    def stack_fingerprint(self) -> tuple[int, int] | None:
        """Give (modified_ns, size) of the stack file, to notice a change by somebody else."""
        file = self.stack_file()
        try:
            status = file.stat() if file is not None else None
        except OSError:
            return None
        return (status.st_mtime_ns, status.st_size) if status is not None else None

    def numbers(self) -> StackNumbers:
        """Give the numbers that name the files of this folder."""
        return self._stack_numbers(Stack(), self.stack_file())

    def _stack_numbers(self, stack: Stack, present: Path | None) -> StackNumbers:
        if stack.numbers is not None:
            return stack.numbers
        if present is not None:
            found = numbers_of_stack_name(present.name)
            if found is not None:
                return found
        return numbers_of_folder_name(self.path.name) or FLAT

    # --- Where things lie ---

    def product_folders(self) -> list[Path]:
        """Give the folders that may hold product zips: this one, the ``out_dir`` of cache and job files, and ``hyp3/`` in each.

        Only folders that exist, each once. Damaged files are passed over; `state` names them.
        """
        named: list[str | None] = []
        try:
            cache = read_product_cache(self.path)
        except InsarError:
            cache = None
        if cache is not None:
            named.append(cache.out_dir)
        named += [file.out_dir for file in find_job_files(self.path)[0]]
        outside = [found for text in named if (found := existing_folder(text))]
        return _existing_once(
            place for folder in (self.path, *outside) for place in (folder, folder / "hyp3")
        )

    def analysis_folders(self) -> list[Path]:
        """Give the folders that may hold MintPy's files: this one, ``mintpy/``, ``*_mintpy/``, and ``geo/`` in each."""
        try:
            others = sorted(self.path.glob("*_mintpy"))
        except OSError:
            others = []
        folders: list[Path] = []
        for folder in (self.path, self.path / "mintpy", *others):
            folders += [folder, folder / "geo"]
        return _existing_once(folders)

    def network_image_file(self) -> Path:
        return self.path / self.numbers().network_image_name

    def dem_file(self) -> Path | None:
        """Give the DEM: ``dem_p*_f*.tif`` here, in ``dem/`` or in ``dem/p*_f*/``; None without one."""
        for pattern in (self.numbers().dem_name, "dem_p*.tif", "dem/dem_p*.tif", "dem/p*_f*/dem_p*.tif"):
            found = sorted(self.path.glob(pattern))
            if found:
                return found[0]
        return None

    def _make(self) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InsarError("file.not_writable", file=str(self.path)) from error


def user_file_kind(path: Path) -> str:
    """Tell by its name whether a file is a config, a stack or a job file; empty for one that may be made anew at any time."""
    if path.name in (CONFIG_NAME, LEGACY_WORKFLOW_NAME, LEGACY_DOWNLOADER_NAME):
        return CONFIG_FILE
    if is_stack_name(path.name):
        return STACK_FILE
    return JOB_FILE if path.name.startswith("hyp3") and path.suffix == ".json" else ""


def _is_damaged(path: Path) -> bool:
    readers: dict[str, Callable[[Path], object]] = {
        CONFIG_FILE: read_json_object,
        STACK_FILE: read_stack_file,
        JOB_FILE: read_job_file,
    }
    kind = user_file_kind(path)
    try:
        if kind:
            readers[kind](path)
    except InsarError as error:
        if error.code != "file.malformed":
            raise
        return True
    return False


def list_job_folders(work_directory: Path) -> list[JobFolder]:
    """Give the jobs of a work directory: itself when it is flat, then its sub-folders, numbers in order.

    A work directory that does not exist holds none.

    Raises
    ------
    InsarError
        ``file.not_readable`` when the work directory itself cannot be listed.
    """
    try:
        children = [
            path for path in Path(work_directory).iterdir() if not path.name.startswith(".") and path.is_dir()
        ]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise InsarError(
            "file.not_readable", file=str(work_directory), reason=error.strerror or str(error)
        ) from error
    folders = [JobFolder(path) for path in (Path(work_directory), *sorted(children, key=_natural_order))]
    return [folder for folder in folders if folder.is_job_folder()]


def place_new_stacks(work_directory: Path, stacks: Iterable[StackNumbers]) -> list[tuple[Path, StackNumbers]]:
    """Choose folder and file numbers for stacks that are added in one action; nothing is made.

    One stack in an empty work directory is flat with ``p0_f0`` names. Several stacks, or a work directory that
    holds jobs already, get sub-folders of their own numbers. What exists is not moved.

    Returns
    -------
    places
        (job folder, numbers for its file names), in the order given.
    """
    wanted = list(stacks)
    if len(wanted) == 1 and not list_job_folders(work_directory):
        return [(Path(work_directory), FLAT)]
    return [(Path(work_directory) / numbers.stem, numbers) for numbers in wanted]


def _existing_once(folders: Iterable[Path]) -> list[Path]:
    found: dict[Path, Path] = {}
    for folder in folders:
        try:
            if folder.is_dir():
                found.setdefault(folder.resolve(), folder)
        except OSError:
            continue
    return list(found.values())


def _natural_order(path: Path) -> list[tuple[bool, int, str]]:
    parts = re.split(r"(\d+)", path.name.lower())
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]

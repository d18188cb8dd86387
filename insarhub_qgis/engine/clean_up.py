# SPDX-License-Identifier: GPL-2.0-or-later
"""Clean up: what of a job folder can be made again or is loaded into MintPy's stack, its size, and its removal."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from insarhub_qgis.core.atomic_files import folder_lock, write_error
from insarhub_qgis.core.clip_manifest import CLIP_FOLDER, ClipManifest, read_clip_manifest
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.mintpy_job import PREVIOUS_FOLDER, analysis_lock
from insarhub_qgis.core.product_archive import find_product_archives
from insarhub_qgis.core.product_names import ProductName
from insarhub_qgis.core.progress import stop_if_cancelled
from insarhub_qgis.core.requests import CleanUp
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine.mintpy_hdf5 import MintpyFile
from insarhub_qgis.engine.mintpy_stack import stack_is_whole

STACK_FILE = Path("inputs") / "ifgramStack.h5"
_TEMPORARY_FOLDER = "tmp"
_PART_FOLDERS = ("", "inputs", "geo", ".insarhub_layers")
#: Endings of files that only a killed writer leaves. A ``.zip.part`` is a download that can go on.
_PART_ENDINGS = (".part", ".insarhub_tmp")

TMP, CLIP, PARTIAL, SET_ASIDE, ZIP = "tmp", "clip", "partial", "set_aside", "zip"


@dataclass
class _Item:
    """Something that can go. ``needs_stack``: it cannot be made again, MintPy's stack must hold it."""

    path: Path
    kind: str
    size: int
    needs_stack: bool = False
    deleted: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "path": str(self.path),
            "bytes": self.size,
            "kind": self.kind,
            "deleted": self.deleted,
            "needs_stack": self.needs_stack,
        }


def run(request: CleanUp, context: RunContext) -> dict[str, Any]:
    """Answer `CleanUp`; see the request for the result.

    Zips are always listed, so that their size can be shown before the user decides; ``bytes_freed`` counts them
    only with ``include_zips``, and with ``dry_run`` it is what would be freed. Further keys: ``bytes_by_kind``
    and ``stack_problem`` (an error as JSON, or None): why nothing that needs the stack may go.

    Raises
    ------
    InsarError
        ``folder.not_a_job``, ``clean_up.stack_needed`` (nothing was deleted then), ``analysis.already_running``,
        ``folder.locked``, ``file.not_writable``, ``run.cancelled``.
    """
    job = JobFolder(Path(request.job_folder))
    if not job.is_job_folder():
        raise InsarError("folder.not_a_job", folder=str(job.path))
    with ExitStack() as locks:
        if not request.dry_run:
            locks.enter_context(folder_lock(job.path, "clean-up"))
            locks.enter_context(analysis_lock(job.path, "clean-up"))
        items = _list_items(job)
        problem = _stack_problem(job) if any(item.needs_stack for item in items) else None
        chosen = [item for item in items if item.kind != ZIP or request.include_zips]
        if problem is not None:
            blocked = [item for item in chosen if item.needs_stack]
            if blocked and request.include_zips and not request.dry_run:
                raise problem
            chosen = [item for item in chosen if not item.needs_stack]
        if not request.dry_run:
            for index, item in enumerate(chosen):
                stop_if_cancelled(context.is_cancelled)
                context.report(index / len(chosen), item.path.name)
                _delete(job.path, item.path)
                item.deleted = True
                context.item(item.to_json())
    sizes: Counter[str] = Counter()
    for item in items:
        sizes[item.kind] += item.size
    return {
        "items": [item.to_json() for item in items],
        "bytes_freed": sum(item.size for item in chosen),
        "bytes_by_kind": dict(sizes),
        "stack_problem": problem.to_json() if problem else None,
    }


def _list_items(job: JobFolder) -> list[_Item]:
    """Give what can go, in the order of the kinds; links and whatever lies outside the folder are left out."""
    items = []
    manifest = _manifest(job)
    for name, kind in ((_TEMPORARY_FOLDER, TMP), (CLIP_FOLDER, CLIP), (PREVIOUS_FOLDER, SET_ASIDE)):
        folder = job.path / name
        if _is_real_folder(folder):
            is_last_copy = kind == CLIP and _is_last_copy(manifest)
            items.append(_Item(folder, kind, _size(folder), needs_stack=is_last_copy))
    for name in _PART_FOLDERS:
        folder = job.path / name if name else job.path
        if not _is_real_folder(folder):
            continue
        for path in sorted(folder.iterdir()):
            is_part = path.name.endswith(_PART_ENDINGS) and not path.name.endswith(".zip.part")
            if is_part and _is_real_file(path):
                items.append(_Item(path, PARTIAL, path.lstat().st_size))
    used = _used_pairs(job, manifest)
    folders = [folder for folder in (job.path, job.path / "hyp3") if _is_real_folder(folder)]
    for archive in find_product_archives(folders)[0]:
        # Of two products of one pair only the one that was prepared is in the stack.
        is_used = archive.product.name in manifest.products if manifest else archive.product.pair_id in used
        if is_used and _is_real_file(archive.path):
            items.append(_Item(archive.path, ZIP, archive.size_bytes, needs_stack=True))
    return items


def _manifest(job: JobFolder) -> ClipManifest | None:
    try:
        return read_clip_manifest(job.path)
    except InsarError:
        # A damaged manifest is part of the clips that go.
        return None


def _is_last_copy(manifest: ClipManifest | None) -> bool:
    """Tell whether the clips are real rasters whose zips are gone."""
    if manifest is None or not manifest.is_materialised:
        return False
    return any(not Path(str(entry.get("zip", ""))).is_file() for entry in manifest.products.values())


def _used_pairs(job: JobFolder, manifest: ClipManifest | None) -> set[str]:
    """Give the pairs that were prepared; without a manifest all pairs of the stack file."""
    if manifest is not None:
        found = (ProductName.at_start_of(name) for name in manifest.products)
        return {product.pair_id for product in found if product is not None}
    return {pair.pair_id for pair in job.read_stack().pairs} if job.stack_file() is not None else set()


def _stack_problem(job: JobFolder) -> InsarError | None:
    """Say why MintPy's stack does not hold every used pair, or None when it does."""
    path = job.path / STACK_FILE
    wanted = _used_pairs(job, _manifest(job))
    try:
        with MintpyFile(path) as stack:
            loaded = {f"{one:%Y%m%d}_{other:%Y%m%d}" for one, other in stack.date_pairs}
            is_complete = {"unwrapPhase", "coherence"} <= stack.datasets.keys()
    except InsarError as error:
        return InsarError("clean_up.stack_needed", file=str(path), reason=error.code, missing=[])
    if not is_complete or not stack_is_whole(path):
        return InsarError("clean_up.stack_needed", file=str(path), reason="hdf5.damaged", missing=[])
    missing = sorted(wanted - loaded)
    if missing or not wanted:
        return InsarError("clean_up.stack_needed", file=str(path), reason="pairs", missing=missing)
    return None


def _is_real_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode) and not _is_junction(path)
    except OSError:
        return False


def _is_real_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _is_junction(path: Path) -> bool:
    # Windows: a junction is a folder for lstat, and leads elsewhere.
    return bool(getattr(path.lstat(), "st_reparse_tag", 0))


def _walk(folder: Path) -> Iterator[tuple[Path, bool]]:
    """Give (path, is_folder) of what lies in a folder, contents before their folder; links are not followed."""
    with os.scandir(folder) as entries:
        paths = sorted(Path(entry.path) for entry in entries)
    for path in paths:
        if _is_real_folder(path):
            yield from _walk(path)
            yield path, True
        else:
            yield path, False


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path, is_folder in _walk(folder) if not is_folder)


def _delete(job_folder: Path, path: Path) -> None:
    """Delete a file or folder inside the job folder; a link inside it goes, what it points to stays."""
    if job_folder.resolve() not in path.parent.resolve().joinpath(path.name).parents:
        raise InsarError("folder.not_inside", folder=str(job_folder), file=str(path))
    current = path
    try:
        if not _is_real_folder(path):
            path.unlink()
            return
        for current, is_folder in list(_walk(path)):
            if is_folder:
                current.rmdir()
            else:
                current.unlink()
        path.rmdir()
    except OSError as error:
        raise write_error(current, error) from error

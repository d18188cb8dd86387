# SPDX-License-Identifier: GPL-2.0-or-later
"""HyP3 job files and the product cache: which jobs were paid for, and where their products lie."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import Any

from insarhub_qgis.core.atomic_files import (
    folder_lock,
    malformed,
    read_json_object,
    set_aside,
    write_json_atomically,
)
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.job_config import OWN_SECTION, OWN_VERSION
from insarhub_qgis.core.product_names import ProductName

JOBS_NAME = "hyp3_jobs.json"
CACHE_NAME = ".insarhub_cache.json"


def retry_jobs_name(now: datetime | None = None) -> str:
    """Give ``hyp3_retry_jobs_{YYYYMMDDTHHMMSS}.json`` in UTC; ``now`` with a time zone, else the clock."""
    moment = (now or datetime.now(timezone.utc)).astimezone(timezone.utc)
    return f"hyp3_retry_jobs_{moment:%Y%m%dT%H%M%S}.json"


@dataclass(frozen=True)
class JobFile:
    """One file of submitted jobs.

    Attributes
    ----------
    job_ids
        Account -> ids, in the order of submission.
    out_dir
        Folder of the products as written in the file; `product_folder` says where to look.
    own
        Our object: pairs, names, parameters, ``retry_of``, ``last_seen``; empty for files by InSARHub.
    source
        The document as read.

    Its properties are read once: tables of thousands of jobs look into them for each job.
    """

    path: Path
    job_ids: Mapping[str, tuple[str, ...]]
    out_dir: str | None
    own: Mapping[str, Any] = field(default_factory=dict)
    source: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        return tuple(job_id for ids in self.job_ids.values() for job_id in ids)

    @cached_property
    def pairs(self) -> dict[str, tuple[str, str]]:
        """Job id -> reference and secondary name, where known."""
        found = self.own.get("pairs")
        if not isinstance(found, Mapping):
            return {}
        return {
            job_id: (str(pair[0]), str(pair[1]))
            for job_id, pair in found.items()
            if isinstance(pair, list) and len(pair) >= 2
        }

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """Job id -> `hyp3_options.fingerprint` of the job, where known."""
        found = self.own.get("fingerprints")
        return (
            {str(job_id): str(text) for job_id, text in found.items()} if isinstance(found, Mapping) else {}
        )

    @cached_property
    def retry_of(self) -> dict[str, str]:
        """New job id -> the id that it repeats."""
        found = self.own.get("retry_of")
        return {str(new): str(old) for new, old in found.items()} if isinstance(found, Mapping) else {}

    @cached_property
    def last_seen(self) -> dict[str, Mapping[str, Any]]:
        """Job id -> what the service said last; a memory with its age, not the truth."""
        found = self.own.get("last_seen")
        if not isinstance(found, Mapping):
            return {}
        return {job_id: seen for job_id, seen in found.items() if isinstance(seen, Mapping)}

    @property
    def product_folder(self) -> Path:
        """``out_dir`` while it exists, else the folder of the file."""
        return existing_folder(self.out_dir) or self.path.parent

    @property
    def is_out_dir_missing(self) -> bool:
        return self.out_dir is not None and existing_folder(self.out_dir) is None


@dataclass(frozen=True)
class ProductCache:
    """The product zips that were seen: a hint for View Data, not a filter."""

    filenames: tuple[str, ...]
    out_dir: str | None
    source: Mapping[str, Any] = field(default_factory=dict, repr=False)


def read_job_file(path: Path) -> JobFile:
    """Read a job file of ours or of InSARHub.

    Raises
    ------
    InsarError
        ``file.malformed``, also when ``job_ids`` is no object of lists; ``file.missing``, ``file.not_readable``.
    """
    document = read_json_object(path)
    accounts = document.get("job_ids")
    if not isinstance(accounts, Mapping):
        raise malformed(path, reason="job_ids is missing or not an object")
    job_ids: dict[str, tuple[str, ...]] = {}
    for account, ids in accounts.items():
        if not isinstance(ids, list):
            raise malformed(path, reason=f"job_ids of {account} is not a list")
        job_ids[account] = tuple(str(job_id) for job_id in ids)
    out_dir, own = document.get("out_dir"), document.get(OWN_SECTION)
    return JobFile(
        path=path,
        job_ids=job_ids,
        out_dir=out_dir if isinstance(out_dir, str) and out_dir else None,
        own=own if isinstance(own, Mapping) else {},
        source=document,
    )


def find_job_files(folder: Path) -> tuple[list[JobFile], list[InsarError]]:
    """Give the job files of a folder, ``hyp3_jobs.json`` first, then by name, and what is wrong with others.

    Other ``hyp3*.json`` without ``job_ids`` are no job files; ``hyp3_jobs.json`` and retry files must be.
    """
    files: list[JobFile] = []
    problems: list[InsarError] = []
    try:
        paths = sorted(
            (path for path in folder.iterdir() if path.name.startswith("hyp3") and path.suffix == ".json"),
            key=lambda path: (path.name != JOBS_NAME, path.name),
        )
    except (FileNotFoundError, NotADirectoryError):
        return [], []
    except OSError as error:
        return [], [InsarError("file.not_readable", file=str(folder), reason=error.strerror or str(error))]
    for path in paths:
        try:
            is_ours = path.name == JOBS_NAME or path.name.startswith("hyp3_retry_jobs_")
            if is_ours or "job_ids" in read_json_object(path):
                files.append(read_job_file(path))
        except InsarError as error:
            problems.append(error)
    return files, problems


def add_jobs(
    path: Path,
    account: str,
    job_ids: Sequence[str],
    out_dir: Path,
    own: Mapping[str, Any] | None = None,
) -> JobFile:
    """Add accepted jobs to a job file at once, so that a crash cannot lose what was paid.

    Parameters
    ----------
    own
        Entries for our object. Objects in it (``pairs``, ``names``, ``last_seen`` ...) are merged by key.

    Raises
    ------
    InsarError
        ``file.malformed`` when the present file cannot be read: it is then left as it is. Errors of
        `folder_lock` and `write_json_atomically`.
    """
    with folder_lock(path.parent, "jobs"):
        document = deepcopy(dict(read_job_file(path).source)) if path.exists() else {"job_ids": {}}
        ids = document["job_ids"].setdefault(account, [])
        ids.extend(job_id for job_id in job_ids if job_id not in ids)
        document.setdefault("out_dir", out_dir.absolute().as_posix())
        _update_own(document, {"version": OWN_VERSION, **(own or {})})
        write_json_atomically(path, document)
    return read_job_file(path)


def update_job_file(path: Path, own: Mapping[str, Any], out_dir: Path | None = None) -> JobFile:
    """Change our object of a job file, and its ``out_dir`` when given; errors as `add_jobs`."""
    with folder_lock(path.parent, "jobs"):
        document = deepcopy(dict(read_job_file(path).source))
        if out_dir is not None:
            document["out_dir"] = out_dir.absolute().as_posix()
        _update_own(document, own)
        write_json_atomically(path, document)
    return read_job_file(path)


def update_seen(
    path: Path, seen: Mapping[str, Mapping[str, Any]], own: Mapping[str, Any] | None = None
) -> JobFile:
    """Change entries of ``last_seen`` key by key: what else an entry holds stays, whoever wrote it.

    Parameters
    ----------
    seen
        Job id -> changed keys.
    own
        Further changes of our object, as in `add_jobs`, whose errors this has.
    """
    with folder_lock(path.parent, "jobs"):
        file = with_seen(read_job_file(path), seen, own)
        return update_job_file(path, file.own)


def with_seen(
    file: JobFile, seen: Mapping[str, Mapping[str, Any]], own: Mapping[str, Any] | None = None
) -> JobFile:
    """Give the file as `update_seen` would make it, without writing."""
    merged = {job_id: {**file.last_seen.get(job_id, {}), **changes} for job_id, changes in seen.items()}
    document = {OWN_SECTION: dict(file.own)}
    _update_own(document, {"version": OWN_VERSION, **(own or {}), "last_seen": merged})
    return replace(file, own=document[OWN_SECTION])


def read_product_cache(folder: Path) -> ProductCache | None:
    """Read ``.insarhub_cache.json``; None when there is none. Names that are no product zips are left out.

    Raises
    ------
    InsarError
        ``file.malformed`` or ``file.not_readable``.
    """
    path = folder / CACHE_NAME
    try:
        document = read_json_object(path)
    except InsarError as error:
        if error.code == "file.missing":
            return None
        raise
    names, out_dir = document.get("filenames"), document.get("out_dir")
    return ProductCache(
        filenames=tuple(name for name in names if is_product_file_name(name))
        if isinstance(names, list)
        else (),
        out_dir=out_dir if isinstance(out_dir, str) and out_dir else None,
        source=document,
    )


def write_product_cache(folder: Path, filenames: Iterable[str], out_dir: Path) -> Path | None:
    """Add product zips to the cache, with the folder they lie in.

    Returns
    -------
    aside
        New name of a malformed cache that was set aside; None usually.
    """
    path = folder / CACHE_NAME
    aside = None
    with folder_lock(folder, "product-cache"):
        document: dict[str, Any] = {"filenames": [], "out_dir": ""}
        try:
            document = read_json_object(path)
        except InsarError as error:
            if error.code == "file.malformed":
                aside = set_aside(path)
            elif error.code != "file.missing":
                raise
        known = document.get("filenames")
        names = [name for name in known if isinstance(name, str)] if isinstance(known, list) else []
        document["filenames"] = list(dict.fromkeys([*names, *filenames]))
        document["out_dir"] = out_dir.absolute().as_posix()
        write_json_atomically(path, document)
    return aside


def is_product_file_name(name: Any) -> bool:
    """Tell whether a name from a file or an answer is a plain product zip name, safe to become a path."""
    if not isinstance(name, str) or not name.lower().endswith(".zip") or "/" in name or "\\" in name:
        return False
    try:
        ProductName.parse(name)
    except InsarError:
        return False
    return True


def existing_folder(text: str | None) -> Path | None:
    """Give an absolute folder named in a file while it exists here, else None."""
    if not text or "\0" in text:
        return None
    path = Path(text)
    try:
        return path if path.is_absolute() and path.is_dir() else None
    except OSError:
        return None


def _update_own(document: dict[str, Any], changes: Mapping[str, Any]) -> None:
    own = document.get(OWN_SECTION)
    own = dict(own) if isinstance(own, Mapping) else {}
    for key, value in changes.items():
        old = own.get(key)
        own[key] = {**old, **value} if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    document[OWN_SECTION] = own

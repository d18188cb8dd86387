# SPDX-License-Identifier: GPL-2.0-or-later
"""HyP3 jobs of a job folder as rows: what each one is, from the files alone; the one place that decides states."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.hyp3_files import JobFile, is_product_file_name
from insarhub_qgis.core.iso_times import iso, moment_of
from insarhub_qgis.core.stack_file import is_number

PENDING, RUNNING, SUCCEEDED, FAILED = "PENDING", "RUNNING", "SUCCEEDED", "FAILED"
EXPIRED, DOWNLOADED, UNKNOWN = "EXPIRED", "DOWNLOADED", "UNKNOWN"
#: In the order of the life of a job.
STATUSES = (PENDING, RUNNING, SUCCEEDED, DOWNLOADED, FAILED, EXPIRED, UNKNOWN)
ACTIVE = frozenset({PENDING, RUNNING})
#: Of two repetitions of one job, that with the more hopeful state speaks for it: it is the one that was worth its credits.
_HOPE = {DOWNLOADED: 4, SUCCEEDED: 3, RUNNING: 2, PENDING: 2, UNKNOWN: 1, EXPIRED: 0, FAILED: 0}

#: What differs between two logs of one failure: ids and numbers.
_DIFFERENT = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|\d+")

#: Clocks that differ by more, a century, are a damaged file.
_LONGEST_OFFSET_S = 3.2e9
AMBER_DAYS, RED_DAYS = 3, 1
#: Levels of `expiry_level`.
FAR, AMBER, RED, OVER = "far", "amber", "red", "over"


@dataclass(frozen=True)
class LocalProduct:
    """A product zip on disk; ``path`` absolute, ``size`` in bytes."""

    path: Path
    size: int


@dataclass(frozen=True)
class JobRow:
    """One HyP3 job.

    Attributes
    ----------
    account
        Under which the job file has it.
    pair
        Reference and secondary scene (first burst of each for bursts); None while unknown.
    file
        Name of the first job file that holds the id.
    name
        As given to the service; empty while unknown.
    status
        One of `STATUSES`, now. ``UNKNOWN``: never asked, or not found when it was asked last.
    known_status
        The word of the service itself when it last gave one; empty when it never did.
    is_current
        False when a repetition of the job speaks for its pair.
    superseded_by
        Id of that repetition; empty for a current job.
    retry_of
        Id of the job that this one repeats; empty for a first submission.
    credits
        Charged; None while unknown.
    requested_at, expires_at, last_checked
        UTC by the clock of the service; the last by that of this computer. None while unknown.
    size
        Of the product, bytes; None while unknown.
    product
        Name of the zip; empty before the job succeeded, and for a name that is not safe as a file name.
    product_path
        Where the whole zip lies; empty unless ``DOWNLOADED``.
    url
        Where the product can be fetched; empty before the job succeeded.
    message
        Error as JSON (``code``, ``fields``) that says what is wrong with the job, or None.
    logs
        Addresses of the logs of a failed job.
    failure
        Last line of that log; empty while it was not read.
    job_type, looks
        Empty while unknown.
    """

    job_id: str
    account: str
    pair: tuple[str, str] | None
    file: str
    name: str = ""
    status: str = UNKNOWN
    known_status: str = ""
    is_current: bool = True
    superseded_by: str = ""
    retry_of: str = ""
    credits: float | None = None
    requested_at: datetime | None = None
    expires_at: datetime | None = None
    last_checked: datetime | None = None
    size: int | None = None
    product: str = ""
    product_path: str = ""
    url: str = ""
    message: Mapping[str, Any] | None = None
    logs: tuple[str, ...] = ()
    failure: str = ""
    job_type: str = ""
    looks: str = ""

    def to_json(self) -> dict[str, Any]:
        values = asdict(self)
        for name in _MOMENTS:
            values[name] = iso(values[name])
        values["pair"] = list(self.pair) if self.pair is not None else None
        values["logs"] = list(self.logs)
        return values

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> JobRow:
        """Read what `to_json` gave; keys of a later version are passed over."""
        known = {field.name for field in fields(cls)}
        values = {name: entry for name, entry in value.items() if name in known}
        for name in _MOMENTS:
            values[name] = moment_of(values.get(name))
        pair = values.get("pair")
        values["pair"] = (str(pair[0]), str(pair[1])) if pair else None
        values["logs"] = tuple(values.get("logs") or ())
        return cls(**values)


_MOMENTS = ("requested_at", "expires_at", "last_checked")


# --- Rows ---


def job_rows(
    job_files: Sequence[JobFile],
    local_products: Mapping[str, LocalProduct],
    now: datetime | None = None,
) -> list[JobRow]:
    """Give a row for each job of the files, from what was last seen and what is on disk; no network.

    Parameters
    ----------
    job_files
        As `find_job_files` gives them: an id that stands in several belongs to the first.
    local_products
        `find_local_products` of the folders of the job.
    now
        By the clock of the service, as `service_now` gives it, which is also the default.

    Returns
    -------
    rows
        In the order of the files and of the submission.
    """
    moment = now or service_now(job_files)
    rows: dict[str, JobRow] = {}
    for file in job_files:
        for account, job_ids in file.job_ids.items():
            for job_id in job_ids:
                if job_id not in rows:
                    rows[job_id] = _row(job_id, account, file, job_files, local_products, moment)
    return _with_lineage(rows)


def find_local_products(folders: Iterable[Path]) -> dict[str, LocalProduct]:
    """Give the product zips of folders by name, of several the largest; a folder that cannot be listed has none."""
    found: dict[str, LocalProduct] = {}
    for folder in folders:
        try:
            paths = [path for path in folder.iterdir() if is_product_file_name(path.name)]
        except OSError:
            continue
        for path in paths:
            try:
                local = LocalProduct(path.absolute(), path.stat().st_size)
            except OSError:
                continue
            known = found.get(path.name)
            if known is None or local.size > known.size:
                found[path.name] = local
    return found


def counts(rows: Iterable[JobRow]) -> dict[str, int]:
    """Count the current rows by status, every status named; a repeated job counts once, through its repetition."""
    found = dict.fromkeys(STATUSES, 0)
    for row in rows:
        if row.is_current:
            found[row.status] += 1
    return found


def done_of(rows: Iterable[JobRow], product_names: Iterable[str] = ()) -> tuple[int, int, int]:
    """Say how far the jobs are, for ``37/40``.

    Parameters
    ----------
    product_names
        Zips in the folders of the job. Those that no row names stand for jobs of which the product is not known
        yet: files by InSARHub do not say which product is whose.

    Returns
    -------
    succeeded, downloaded, total
        Current jobs: those that the service finished, those of them whose product is here, all.
    """
    every = list(rows)
    current = [row for row in every if row.is_current]
    claimed = {row.product for row in every}
    others = len(set(product_names) - claimed)
    nameless = sum(row.status == UNKNOWN and not row.product for row in current)
    here = sum(row.status == DOWNLOADED for row in current) + min(others, nameless)
    waiting = sum(row.status == SUCCEEDED for row in current)
    return here + waiting, here, len(current)


def _row(
    job_id: str,
    account: str,
    file: JobFile,
    job_files: Sequence[JobFile],
    local_products: Mapping[str, LocalProduct],
    now: datetime,
) -> JobRow:
    seen = _latest_seen(job_id, job_files)
    name = str(seen.get("file") or "")
    is_safe = is_product_file_name(name)
    size = _whole(seen.get("size"))
    local = local_products.get(name) if is_safe else None
    if local is not None and (size is not None and local.size != size):
        local = None
    expires_at = moment_of(seen.get("expires"))
    logs = seen.get("logs")
    known = str(seen.get("status") or "").upper()
    status = _status(seen, known, local is not None, expires_at, now)
    submitted = moment_of(file.own.get("submitted_at"))
    parameters = file.own.get("parameters")
    names = file.own.get("names")
    looks = seen.get("looks") or (parameters.get("looks") if isinstance(parameters, Mapping) else None)
    row = JobRow(
        job_id=job_id,
        account=account,
        pair=file.pairs.get(job_id)
        or next((other.pairs[job_id] for other in job_files if job_id in other.pairs), None),
        file=file.path.name,
        name=str((names.get(job_id) if isinstance(names, Mapping) else None) or seen.get("name") or ""),
        status=status,
        known_status=known,
        retry_of=next((other.retry_of[job_id] for other in job_files if job_id in other.retry_of), ""),
        credits=float(seen["credits"]) if is_number(seen.get("credits")) else None,
        requested_at=moment_of(seen.get("requested")) or submitted,
        expires_at=expires_at,
        last_checked=moment_of(seen.get("at")),
        size=size,
        product=name if is_safe else "",
        product_path=str(local.path) if local is not None else "",
        url=str(seen.get("url") or ""),
        logs=tuple(str(log) for log in logs) if isinstance(logs, list) else (),
        failure=str(seen.get("failure") or "") if known == FAILED else "",
        job_type=str(seen.get("job_type") or file.own.get("job_type") or ""),
        looks=str(looks or ""),
    )
    return replace(row, message=_message(row, seen, name))


def _latest_seen(job_id: str, job_files: Sequence[JobFile]) -> Mapping[str, Any]:
    """Give what was last seen of a job; of an id in several files the newest entry."""
    found = [file.last_seen[job_id] for file in job_files if job_id in file.last_seen]
    return max(found, key=lambda seen: str(seen.get("at") or ""), default={})


def _status(
    seen: Mapping[str, Any], known: str, is_here: bool, expires_at: datetime | None, now: datetime
) -> str:
    if is_here:
        return DOWNLOADED
    if known not in (PENDING, RUNNING, SUCCEEDED, FAILED) or _is_missing(seen):
        return UNKNOWN
    if known == SUCCEEDED and (_is_gone(seen) or (expires_at is not None and expires_at <= now)):
        return EXPIRED
    return known


def _is_gone(seen: Mapping[str, Any]) -> bool:
    """Tell whether the product was not at its address when it was fetched."""
    return bool(seen.get("gone")) and seen.get("gone") == seen.get("url")


def _is_missing(seen: Mapping[str, Any]) -> bool:
    """Tell whether the service did not know the job when it was asked last."""
    missing = seen.get("missing")
    return bool(missing) and str(missing) >= str(seen.get("at") or "")


def _message(row: JobRow, seen: Mapping[str, Any], product: str) -> Mapping[str, Any] | None:
    if row.status == UNKNOWN and _is_missing(seen) and not row.known_status:
        return InsarError("hyp3_jobs.never_known", job_id=row.job_id, file=row.file).to_json()
    if row.status == UNKNOWN and _is_missing(seen):
        return InsarError("hyp3_jobs.not_found", job_id=row.job_id, known=row.known_status).to_json()
    if row.status == UNKNOWN:
        return InsarError("hyp3_jobs.never_asked", job_id=row.job_id).to_json()
    if row.status == FAILED and row.failure:
        return InsarError("hyp3_jobs.failed_because", job_id=row.job_id, reason=row.failure).to_json()
    if row.status == FAILED:
        return InsarError("hyp3_jobs.failed", job_id=row.job_id).to_json()
    if row.status == EXPIRED and _is_gone(seen):
        return InsarError("product.gone", file=row.product).to_json()
    if row.status == EXPIRED:
        return InsarError("hyp3_jobs.expired", file=row.product, expired_at=iso(row.expires_at)).to_json()
    if row.status != SUCCEEDED:
        return None
    if not row.product:
        return InsarError("product.unsafe_name", name=product[:120]).to_json()
    problem = seen.get("problem")
    return problem if isinstance(problem, Mapping) and isinstance(problem.get("code"), str) else None


def _with_lineage(rows: dict[str, JobRow]) -> list[JobRow]:
    """Mark the rows for which a repetition speaks, and failures that repeat a failure."""
    repeated = {row.retry_of for row in rows.values()}
    families: dict[str, list[JobRow]] = {}
    ancestors = {job_id: _ancestors(row, rows) for job_id, row in rows.items()}
    roots = {job_id: _root(older, rows) for job_id, older in ancestors.items()}
    for job_id, row in rows.items():
        families.setdefault(roots[job_id], []).append(row)
    speakers = {}
    for root, family in families.items():
        newest = [row for row in family if row.job_id not in repeated] or family
        # Two windows may have repeated a job at the same time: of equals the later one speaks.
        speakers[root] = sorted(newest, key=lambda row: _HOPE[row.status])[-1].job_id
    found = []
    for job_id, row in rows.items():
        speaker = speakers[roots[job_id]]
        failed = [rows[other] for other in ancestors[job_id] if rows[other].status == FAILED]
        if speaker != job_id:
            row = replace(row, is_current=False, superseded_by=speaker)
        if row.status == FAILED and len(failed) > 1:
            row = replace(row, message=_repeated_failure(failed).to_json())
        found.append(row)
    return found


def _repeated_failure(failed: Sequence[JobRow]) -> InsarError:
    """Say that jobs for one pair failed, the newest first, and whether all did for the same reason."""
    newest = failed[0]
    signatures = {_DIFFERENT.sub("#", row.failure) for row in failed}
    if newest.failure and len(signatures) == 1:
        return InsarError("hyp3_jobs.failed_alike", times=len(failed), reason=newest.failure)
    return InsarError("hyp3_jobs.failed_again", job_id=newest.job_id, times=len(failed))


def _ancestors(row: JobRow, rows: Mapping[str, JobRow]) -> list[str]:
    """Give the id of a job, of the one that it repeats, and so on; a circle in damaged files ends it."""
    found = [row.job_id]
    while (older := rows[found[-1]].retry_of) in rows and older not in found:
        found.append(older)
    return found


def _root(ancestors: list[str], rows: Mapping[str, JobRow]) -> str:
    """Give the first job of a family; of a circle the same one whichever job is looked at."""
    return min(ancestors) if rows[ancestors[-1]].retry_of in ancestors else ancestors[-1]


# --- What the service answers ---


def seen_of(job: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """Give the entry of ``last_seen`` for a job as the service gives it.

    Keys: ``status``, ``at``, ``expires``, ``file``, ``size``, ``url``, ``credits``, ``requested``, ``job_type``, ``looks``, ``logs``.
    Others have more to add, which stays when entries are merged: ``verified``, ``gone`` and ``problem`` of the
    download, ``failure`` of the log.
    """
    parameters = job.get("job_parameters")
    file = _product_file(job.get("files"))
    logs = job.get("logs")
    return {
        "status": str(job.get("status_code") or "").upper(),
        "at": iso(at),
        "expires": iso(moment_of(job.get("expiration_time"))),
        "file": str(file.get("filename") or "") or None,
        "size": _whole(file.get("size")),
        "url": str(file.get("url") or "") or None,
        "credits": job.get("credit_cost") if is_number(job.get("credit_cost")) else None,
        "requested": iso(moment_of(job.get("request_time"))),
        "job_type": str(job.get("job_type") or "") or None,
        "looks": parameters.get("looks") if isinstance(parameters, Mapping) else None,
        "logs": [str(log) for log in logs] if isinstance(logs, list) else [],
        "missing": None,
    }


def pair_of(job: Mapping[str, Any]) -> tuple[str, str] | None:
    """Give reference and secondary of a job as the service gives it, the first burst of each; None without them."""
    parameters = job.get("job_parameters")
    if not isinstance(parameters, Mapping):
        return None
    reference, secondary = parameters.get("reference"), parameters.get("secondary")
    granules = parameters.get("granules")
    if isinstance(granules, list) and len(granules) == 2:
        return str(granules[0]), str(granules[1])
    if isinstance(reference, list) and isinstance(secondary, list) and reference and secondary:
        return str(reference[0]), str(secondary[0])
    return None


def _product_file(files: Any) -> Mapping[str, Any]:
    """Choose the zip of a product among the files of a job; of none with a proper name the first entry."""
    entries = [entry for entry in files if isinstance(entry, Mapping)] if isinstance(files, list) else []
    proper = [entry for entry in entries if is_product_file_name(entry.get("filename"))]
    return next(iter([*proper, *entries]), {})


# --- Times ---


def service_now(job_files: Iterable[JobFile], now: datetime | None = None) -> datetime:
    """Give the present time by the clock of the service, as far as a refresh has compared the clocks.

    Parameters
    ----------
    now
        By the clock of this computer, with a time zone; the default is that clock.
    """
    moment = now or datetime.now(timezone.utc)
    compared = [
        (str(file.own.get("clock_compared_at") or ""), float(file.own["clock_offset_s"]))
        for file in job_files
        if is_number(file.own.get("clock_offset_s")) and abs(file.own["clock_offset_s"]) < _LONGEST_OFFSET_S
    ]
    return moment + timedelta(seconds=max(compared)[1]) if compared else moment


def expiry_level(expires_at: datetime | None, now: datetime) -> str:
    """Give ``far``, ``amber`` (under 3 days), ``red`` (under one) or ``over``; ``far`` without a date."""
    if expires_at is None:
        return FAR
    left = expires_at - now
    if left <= timedelta(0):
        return OVER
    if left < timedelta(days=RED_DAYS):
        return RED
    return AMBER if left < timedelta(days=AMBER_DAYS) else FAR


def _whole(value: Any) -> int | None:
    return int(value) if is_number(value) and value >= 0 else None

# SPDX-License-Identifier: GPL-2.0-or-later
"""The guard against paying twice: what is already there of a pair, in files, on the service, and on disk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from insarhub_qgis.core import hyp3_jobs
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.hyp3_files import JobFile
from insarhub_qgis.core.hyp3_jobs import JobRow, LocalProduct, job_rows, pair_of, seen_of
from insarhub_qgis.core.hyp3_journal import Intent
from insarhub_qgis.core.hyp3_options import (
    INSAR_GAMMA,
    MULTI_BURST,
    SINGLE_BURST,
    SPACING_M,
    PairJob,
    fingerprint,
)
from insarhub_qgis.core.iso_times import iso
from insarhub_qgis.core.product_names import BURST, GAMMA, ProductName
from insarhub_qgis.core.product_names import MULTI_BURST as MULTI_BURST_PRODUCT
from insarhub_qgis.core.scenes import scene_date, scene_start

#: States of a pair. Only new ones are sent unasked; refused ones never.
NEW, IN_FLIGHT, DONE, DOWNLOADED = "new", "in_flight", "done", "downloaded"
EXPIRED, FAILED, OTHER, REFUSED = "expired", "failed", "other_parameters", "refused"
STATES = (NEW, IN_FLIGHT, DONE, DOWNLOADED, EXPIRED, FAILED, OTHER, REFUSED)

#: What a job of the same product means for its pair, the best first.
_STATES_OF_JOBS = {
    hyp3_jobs.DOWNLOADED: DOWNLOADED,
    hyp3_jobs.SUCCEEDED: DONE,
    hyp3_jobs.RUNNING: IN_FLIGHT,
    hyp3_jobs.PENDING: IN_FLIGHT,
    hyp3_jobs.UNKNOWN: IN_FLIGHT,
    hyp3_jobs.EXPIRED: EXPIRED,
    hyp3_jobs.FAILED: FAILED,
}
_BEST = tuple(_STATES_OF_JOBS)
#: A job of the same pair in one of these has a product to re-use, whatever its parameters.
_WORTH = (hyp3_jobs.DOWNLOADED, hyp3_jobs.SUCCEEDED, hyp3_jobs.RUNNING, hyp3_jobs.PENDING)


@dataclass(frozen=True)
class KnownJob:
    """A job that exists.

    Attributes
    ----------
    row
        ``file`` is empty for a job that only the service knows.
    fingerprint
        Empty while its parameters are unknown.
    is_gone
        The service does not know it any more.
    """

    row: JobRow
    fingerprint: str
    is_gone: bool = False

    @property
    def is_lost(self) -> bool:
        """Gone, and nothing else is known of it."""
        return self.is_gone and self.row.status == hyp3_jobs.UNKNOWN


@dataclass(frozen=True)
class PairVerdict:
    """What is there of a pair.

    Attributes
    ----------
    state
        One of `STATES`.
    reason
        Why it is refused, or what it is that is there; None for a plain state.
    job_id, job_file, expires_at, file
        Of the job that is there, and its product; empty or None without one.
    """

    job: PairJob
    fingerprint: str
    state: str = NEW
    reason: InsarError | None = None
    job_id: str = ""
    job_file: str = ""
    expires_at: datetime | None = None
    file: str = ""


def known_jobs(
    job_files: Sequence[JobFile],
    service_jobs: Iterable[Mapping[str, Any]],
    local_products: Mapping[str, LocalProduct],
    now: datetime,
    missing: Iterable[str] = (),
) -> list[KnownJob]:
    """Put together the jobs of files and service; of a job in both the service knows the state.

    Parameters
    ----------
    service_jobs
        As the service gives them; jobs that no file has are among them.
    now
        By the clock of the service.
    missing
        Ids that the service was asked for and does not know.
    """
    answers = {str(job["job_id"]): job for job in service_jobs}
    gone = set(missing)
    files = [_with_answers(file, answers, gone, now) for file in job_files]
    in_files = {job_id for file in job_files for job_id in file.ids}
    files.append(_file_of([job for job_id, job in answers.items() if job_id not in in_files], now))
    fingerprints = {job_id: text for file in job_files for job_id, text in file.fingerprints.items()}
    fingerprints.update(
        (job_id, fingerprint(str(job.get("job_type")), _mapping(job.get("job_parameters"))))
        for job_id, job in answers.items()
    )
    return [
        KnownJob(row, fingerprints.get(row.job_id, ""), row.job_id in gone)
        for row in job_rows(files, local_products, now)
    ]


def classify_pairs(
    job_type: str,
    wanted: Sequence[tuple[PairJob, Mapping[str, Any]]],
    known: Sequence[KnownJob],
    local_products: Mapping[str, LocalProduct],
    open_intents: Iterable[Intent] = (),
    refusals: Mapping[int, InsarError] | None = None,
) -> list[PairVerdict]:
    """Say of each pair whether it is new.

    Parameters
    ----------
    wanted
        Jobs with their ``job_parameters``.
    open_intents
        Requests of the journal whose end is not known.
    refusals
        By index, from `hyp3_pair_checks.pair_refusals`.
    """
    by_fingerprint: dict[str, list[KnownJob]] = {}
    by_pair: dict[tuple[str, str], list[KnownJob]] = {}
    for known_job in known:
        if known_job.fingerprint:
            by_fingerprint.setdefault(known_job.fingerprint, []).append(known_job)
        if known_job.row.pair is not None:
            by_pair.setdefault(known_job.row.pair, []).append(known_job)
    sent = {intended.fingerprint for intent in open_intents for intended in intent.jobs}
    shelf = _Shelf(job_type, local_products, known)
    verdicts = []
    for index, (job, parameters) in enumerate(wanted):
        verdict = PairVerdict(job, fingerprint(job_type, parameters))
        refusal = (refusals or {}).get(index)
        if refusal is not None:
            verdicts.append(replace(verdict, state=REFUSED, reason=refusal))
            continue
        same = _of_same_product(verdict, by_fingerprint.get(verdict.fingerprint, []))
        there = shelf.verdict(verdict, parameters)
        if same is not None and same.state not in (EXPIRED, FAILED):
            found: PairVerdict | None = same
        elif there is not None and there.state == DOWNLOADED:
            # Also of a job that is over: its product came from somewhere.
            found = there
        elif verdict.fingerprint in sent:
            found = _unresolved(verdict)
        else:
            found = same or there or _of_same_pair(verdict, by_pair.get(job.pair, []))
        verdicts.append(found or verdict)
    return verdicts


def state_of_product(job_fingerprint: str, known: Iterable[KnownJob]) -> str:
    """Give the best state among the jobs of one product; new when there is none."""
    found = [_status_of(job) for job in known if job.fingerprint == job_fingerprint]
    return _STATES_OF_JOBS[min(found, key=_BEST.index)] if found else NEW


def _of_same_product(verdict: PairVerdict, jobs: Sequence[KnownJob]) -> PairVerdict | None:
    if not jobs:
        return None
    # The newest of several equal ones: a retry that failed again speaks for the pair.
    best = min(reversed(jobs), key=lambda job: _BEST.index(_status_of(job)))
    reason = None
    if best.is_gone:
        reason = InsarError("hyp3_guard.gone", job_id=best.row.job_id)
    elif best.row.status == hyp3_jobs.UNKNOWN:
        reason = InsarError("hyp3_guard.not_asked", job_id=best.row.job_id)
    return replace(_about(verdict, best.row), state=_STATES_OF_JOBS[_status_of(best)], reason=reason)


def _status_of(job: KnownJob) -> str:
    """A job that the service lost has no product to fetch, but was paid: it is like an expired one."""
    return hyp3_jobs.EXPIRED if job.is_lost else job.row.status


def _of_same_pair(verdict: PairVerdict, jobs: Sequence[KnownJob]) -> PairVerdict | None:
    worth = [
        job
        for job in jobs
        if job.row.status in _WORTH
        or (not job.fingerprint and not job.is_gone and job.row.status == hyp3_jobs.UNKNOWN)
    ]
    if not worth:
        return None
    best = min(reversed(worth), key=lambda job: _BEST.index(job.row.status))
    reason = InsarError(
        "hyp3_guard.other_parameters",
        job_type=best.row.job_type or "?",
        looks=best.row.looks or "?",
        status=best.row.status,
    )
    return replace(_about(verdict, best.row), state=OTHER, reason=reason)


def _unresolved(verdict: PairVerdict) -> PairVerdict:
    return replace(verdict, state=IN_FLIGHT, reason=InsarError("hyp3_guard.unresolved"))


def _about(verdict: PairVerdict, row: JobRow) -> PairVerdict:
    return replace(
        verdict,
        job_id=row.job_id,
        job_file=row.file,
        expires_at=row.expires_at,
        file=row.product,
    )


# --- Products on disk ---


class _Shelf:
    """Product zips of the folders, by what their names tell: type, times or days, bursts, polarisation."""

    def __init__(
        self, job_type: str, local_products: Mapping[str, LocalProduct], known: Iterable[KnownJob]
    ) -> None:
        self._fingerprints = {job.row.product: job.fingerprint for job in known if job.row.product}
        sizes = {job.row.product: job.row.size for job in known if job.row.product}
        kind = {INSAR_GAMMA: GAMMA, SINGLE_BURST: BURST, MULTI_BURST: MULTI_BURST_PRODUCT}[job_type]
        self._job_type = job_type
        self._found: dict[tuple[str, ...], list[tuple[Path, ProductName]]] = {}
        for local in local_products.values():
            try:
                product = ProductName.parse(local.path.name)
            except InsarError:
                continue
            is_whole = local.size > 0 and sizes.get(local.path.name) in (None, local.size)
            if product.product_type == kind and is_whole:
                self._found.setdefault(_key_of_product(product), []).append((local.path, product))

    def verdict(self, verdict: PairVerdict, parameters: Mapping[str, Any]) -> PairVerdict | None:
        """Give the verdict that the zips of the pair allow; None without any."""
        spacing = SPACING_M.get(str(parameters.get("looks")))
        is_masked = bool(parameters.get("apply_water_mask"))
        other = None
        for path, product in self._found.get(_key_of_job(self._job_type, verdict.job), []):
            is_other = self._fingerprints.get(path.name, "") not in ("", verdict.fingerprint)
            is_same = product.pixel_spacing_m == spacing and product.is_water_masked in (None, is_masked)
            if is_same and not is_other:
                return replace(verdict, state=DOWNLOADED, file=path.name)
            other = path.name
        if other is None:
            return None
        reason = InsarError("hyp3_guard.other_product", file=other)
        return replace(verdict, state=OTHER, reason=reason, file=other)


def _key_of_product(product: ProductName) -> tuple[str, ...]:
    return (
        product.reference_start or f"{product.reference_date:%Y%m%d}",
        product.secondary_start or f"{product.secondary_date:%Y%m%d}",
        product.bursts or "",
    )


def _key_of_job(job_type: str, job: PairJob) -> tuple[str, ...]:
    reference, secondary = job.pair
    if job_type == INSAR_GAMMA:
        return (scene_start(reference) or "", scene_start(secondary) or "", "")
    # A multi-burst of a pass over midnight is named after the last day of the secondary.
    last = max(map(scene_date, job.secondaries))
    days = (f"{min(map(scene_date, job.references)):%Y%m%d}", f"{last:%Y%m%d}")
    if job_type == SINGLE_BURST:
        return (*days, "_".join(reference.split("_")[1:3]))
    return (*days, _burst_part(job.references))


def _burst_part(names: Sequence[str]) -> str:
    """Give the burst part of the name of a multi-burst product: lowest burst and number of bursts per swath."""
    parts = []
    for swath in (1, 2, 3):
        ids = sorted(name.split("_")[1] for name in names if name.split("_")[2] == f"IW{swath}")
        parts.append(f"{ids[0] if ids else '000000'}s{swath}n{len(ids):02d}")
    return "-".join(parts)


# --- Jobs of files ---


def _with_answers(
    file: JobFile, answers: Mapping[str, Mapping[str, Any]], gone: set[str], now: datetime
) -> JobFile:
    """Give a job file as it would be after a refresh; nothing is written."""
    seen = {job_id: dict(entry) for job_id, entry in file.last_seen.items()}
    pairs = {job_id: list(pair) for job_id, pair in file.pairs.items()}
    for job_id in file.ids:
        if job_id in answers:
            seen[job_id] = {**seen.get(job_id, {}), **seen_of(answers[job_id], now)}
            found = pair_of(answers[job_id])
            if found is not None:
                pairs[job_id] = list(found)
        elif job_id in gone:
            seen[job_id] = {**seen.get(job_id, {}), "missing": iso(now)}
    return replace(file, own={**file.own, "last_seen": seen, "pairs": pairs})


def _file_of(jobs: Sequence[Mapping[str, Any]], now: datetime) -> JobFile:
    """Give the jobs that no file has in the form of a file; its name is empty."""
    job_ids: dict[str, list[str]] = {}
    for job in jobs:
        job_ids.setdefault(str(job.get("user_id") or ""), []).append(str(job["job_id"]))
    pairs = {str(job["job_id"]): pair_of(job) for job in jobs}
    own: dict[str, Any] = {
        "last_seen": {str(job["job_id"]): seen_of(job, now) for job in jobs},
        "names": {str(job["job_id"]): str(job.get("name") or "") for job in jobs},
        "pairs": {job_id: list(pair) for job_id, pair in pairs.items() if pair is not None},
    }
    return JobFile(Path(), {account: tuple(ids) for account, ids in job_ids.items()}, None, own)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}

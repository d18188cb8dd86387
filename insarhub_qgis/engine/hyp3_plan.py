# SPDX-License-Identifier: GPL-2.0-or-later
"""What a submission of the pairs of a job would do and cost; no job is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from insarhub_qgis.core import hyp3_jobs
from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.hyp3_files import JobFile
from insarhub_qgis.core.hyp3_guard import (
    NEW,
    REFUSED,
    STATES,
    KnownJob,
    PairVerdict,
    classify_pairs,
    known_jobs,
)
from insarhub_qgis.core.hyp3_jobs import LocalProduct, find_local_products
from insarhub_qgis.core.hyp3_journal import IntendedJob, open_intents
from insarhub_qgis.core.hyp3_options import (
    INSAR_GAMMA,
    JOB_TYPES,
    LOOKS,
    SINGLE_BURST,
    Hyp3Options,
    credits_per_job,
    job_name,
    pair_jobs,
)
from insarhub_qgis.core.hyp3_pair_checks import StackFacts, network_parts, pair_refusals
from insarhub_qgis.core.iso_times import iso
from insarhub_qgis.core.job_config import DOWNLOADER, utc_now
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.progress import Report, part_of
from insarhub_qgis.core.requests import PlanHyp3
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.core.scene_facts import read_scene_facts
from insarhub_qgis.core.scenes import Pair
from insarhub_qgis.core.stack_file import Stack, StackNumbers
from insarhub_qgis.engine.hyp3_door import Hyp3Door, open_hyp3
from insarhub_qgis.engine.hyp3_recovery import LOOK_AGAIN_S, resolve_open_intents
from insarhub_qgis.engine.hyp3_saving import readable_job_files
from insarhub_qgis.engine.hyp3_sending import check_service, submission_lock

#: Products live 14 or 30 days after processing: an older job that no file knows has nothing to re-use.
_LOOK_BACK = timedelta(days=45)
#: Jobs that are asked for one by one, since no list has them.
_MOST_SINGLE = 50


@dataclass(frozen=True)
class Surroundings:
    """What exists of the jobs of a folder, at the time of asking.

    Attributes
    ----------
    answers
        Jobs as the service gives them, by id.
    messages
        Notes and warnings for the user.
    """

    known: list[KnownJob]
    answers: dict[str, dict[str, Any]]
    products: dict[str, LocalProduct]
    messages: list[InsarError]


@dataclass(frozen=True)
class PlannedPair:
    """A verdict, with the job that would be sent for it and its price."""

    verdict: PairVerdict
    intended: IntendedJob
    credits: float

    def to_json(self) -> dict[str, Any]:
        verdict = self.verdict
        return {
            "pair": list(verdict.job.pair),
            "bursts": len(verdict.job.references),
            "state": verdict.state,
            "reason": verdict.reason.to_json() if verdict.reason is not None else None,
            "job_id": verdict.job_id,
            "job_file": verdict.job_file,
            "expires_at": iso(verdict.expires_at),
            "file": verdict.file,
            "credits": self.credits,
        }


@dataclass(frozen=True)
class SubmissionPlan:
    """The pairs of a job in the order of the stack, and what the account can pay.

    Attributes
    ----------
    bursts
        First burst of each pass -> names of all; empty for whole scenes.
    """

    rows: list[PlannedPair]
    user: Mapping[str, Any]
    costs: Mapping[str, Any]
    messages: list[InsarError]
    scores: Mapping[Pair, float]
    bursts: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def account(self) -> str:
        """The user as the service names it."""
        return str(self.user["user_id"])

    @property
    def credits_left(self) -> float | None:
        left = self.user.get("remaining_credits")
        return None if left is None else float(left)

    def best_first(self, rows: Iterable[PlannedPair]) -> list[PlannedPair]:
        """Order rows for submission: priority falls with the credits that are left, so the best pairs go first."""

        def score(row: PlannedPair) -> float:
            return max((self.scores.get(pair, -1.0) for pair in _pairs_of(row)), default=-1.0)

        return sorted(rows, key=lambda row: -score(row))


def run(request: PlanHyp3, context: RunContext) -> dict[str, Any]:
    """Answer `PlanHyp3`; see the request for the result."""
    options = Hyp3Options.from_json(request.options)
    endpoints = Endpoints.from_json(request.endpoints)
    job = open_job(request.job_folder, endpoints)
    with open_hyp3(endpoints, context) as door:
        adopted = _adopt_what_is_there(door, job, context)
        plan = make_plan(door, job, options, request.pairs, context.report)
        new = [row for row in plan.rows if row.verdict.state == NEW]
        return {
            "account": plan.account,
            "api_url": door.api_url,
            "rows": [row.to_json() for row in plan.rows],
            "counts": {state: sum(row.verdict.state == state for row in plan.rows) for state in STATES},
            "credits_each": _one_price(plan.rows),
            "credits_new": sum(row.credits for row in new),
            "credits_left": plan.credits_left,
            "application_status": plan.user.get("application_status"),
            "alternatives": _alternatives(plan, options, new),
            "costs": dict(plan.costs),
            "adopted": len(adopted),
            "messages": [error.to_json() for error in plan.messages],
            "asked_at": utc_now(),
        }


def _adopt_what_is_there(door: Hyp3Door, job: JobFolder, context: RunContext) -> list[dict[str, Any]]:
    """Save the jobs of a submission that broke off, as far as one look finds them: they are paid."""
    if not open_intents(job.path):
        return []
    try:
        with submission_lock(job.path):
            return resolve_open_intents(door, job, context, LOOK_AGAIN_S, may_wait=False)
    except InsarError as error:
        # The intent is that of a submission which is still at work.
        if error.code != "hyp3.submission_running":
            raise
        return []


def open_job(folder: str, endpoints: Endpoints) -> JobFolder:
    """Give the job folder of a request.

    Raises
    ------
    InsarError
        ``folder.missing``; codes of `check_service`.
    """
    job = JobFolder(Path(folder))
    if not job.path.is_dir():
        raise InsarError("folder.missing", folder=str(job.path))
    check_service(job, endpoints)
    return job


def make_plan(
    door: Hyp3Door,
    job: JobFolder,
    options: Hyp3Options,
    pairs: Sequence[Sequence[str]],
    report: Report,
) -> SubmissionPlan:
    """Ask the service for account, prices and jobs, and say of each pair what is there of it.

    Parameters
    ----------
    pairs
        (reference, secondary) in the order of time or not: it is checked, not mended. Empty: those of the stack file.
    """
    report(0.0, "Reading the pairs")
    stack = job.read_stack()
    wanted = [Pair(str(one), str(other)) for one, other in pairs] or list(stack.pairs)
    if not wanted:
        raise InsarError("hyp3.no_pairs", folder=str(job.path))
    facts = _stack_facts(job, stack)
    report(0.1, "Asking for account and prices")
    user, costs = door.user(), door.costs()
    around = look_around(door, job, part_of(report, 0.3, 0.9))
    jobs = pair_jobs(options.job_type, wanted, facts.bursts)
    parameters = [options.job_parameters(one.references, one.secondaries) for one in jobs]
    refusals = pair_refusals(options.job_type, jobs, facts)
    verdicts = classify_pairs(
        options.job_type,
        list(zip(jobs, parameters)),
        around.known,
        around.products,
        open_intents(job.path),
        refusals,
    )
    numbers = _Numbers(job, stack, facts)
    rows = [
        PlannedPair(
            verdict,
            IntendedJob(
                name=numbers.job_name(options.name_prefix, verdict),
                job_type=options.job_type,
                job_parameters=sent,
            ),
            0.0 if verdict.state == REFUSED else credits_per_job(costs, options.job_type, sent),
        )
        for verdict, sent in zip(verdicts, parameters)
    ]
    messages = list(around.messages)
    parts = network_parts(row.verdict.job for row in rows if row.verdict.state != REFUSED)
    if parts > 1:
        messages.append(InsarError("hyp3_pair.unconnected", parts=parts))
    report(1.0, "Plan ready")
    return SubmissionPlan(rows, user, costs, messages, stack.scores, facts.bursts)


def look_around(door: Hyp3Door, job: JobFolder, report: Report) -> Surroundings:
    """Collect the jobs of the folder's files, of the service and of the disk; nothing is written."""
    files = readable_job_files(job.path)
    now = door.server_now()
    answers: dict[str, dict[str, Any]] = {}
    report(0.0, "Asking for the jobs of the account")
    for answer in door.find_jobs(start=now - _LOOK_BACK):
        answers[str(answer["job_id"])] = answer
        if len(answers) % 200 == 0:
            report(0.5, f"Asking for the jobs of the account: {len(answers)}")
    lost = {job_id for file in files for job_id, seen in file.last_seen.items() if seen.get("missing")}
    # Those that the last refresh did not find come last: that they are gone is known without another question.
    unlisted = [job_id for job_id in _unclear_ids(files) if job_id not in answers]
    unlisted.sort(key=lambda job_id: job_id in lost)
    single, others = unlisted[:_MOST_SINGLE], unlisted[_MOST_SINGLE:]
    missing = [job_id for job_id in others if job_id in lost]
    for number, job_id in enumerate(single):
        report(0.5 + 0.5 * number / len(single), "Asking for older jobs")
        found = job_or_none(door, job_id)
        if found is None:
            missing.append(job_id)
        else:
            answers[job_id] = found
    messages = []
    unasked = sum(job_id not in lost for job_id in others)
    if unasked:
        messages.append(InsarError("hyp3_guard.not_all_asked", count=unasked))
    products = find_local_products(job.product_folders())
    # Asked again: only an answer tells the clock of the service, by which products expire.
    known = known_jobs(files, answers.values(), products, door.server_now(), missing)
    return Surroundings(known, answers, products, messages)


def _unclear_ids(files: Sequence[JobFile]) -> list[str]:
    """Give the jobs of which pair, options or end are not known: of another account, or of files by InSARHub."""
    found = []
    for file in files:
        pairs, seen, prints = file.pairs, file.last_seen, file.fingerprints
        for job_id in file.ids:
            last = seen.get(job_id, {})
            status = str(last.get("status") or "").upper()
            # One that was not found last time: only asking tells whether it is lost.
            has_ended = status in (hyp3_jobs.SUCCEEDED, hyp3_jobs.FAILED) and not last.get("missing")
            if job_id not in pairs or job_id not in prints or not has_ended:
                found.append(job_id)
    return found


def job_or_none(door: Hyp3Door, job_id: str) -> dict[str, Any] | None:
    """Give a job; None for one that the service does not know, or whose id is of no form that it knows."""
    try:
        return door.job(job_id)
    except InsarError as error:
        if error.code == "hyp3.refused":
            return None
        raise


class _Numbers:
    """Path and frame of scenes, for the names of jobs: the same in every run."""

    def __init__(self, job: JobFolder, stack: Stack, facts: StackFacts) -> None:
        self._facts = facts
        numbers = stack.numbers or StackNumbers(0, ())
        config = job.read_config().stage_options(DOWNLOADER)
        path, frame = config.get("relativeOrbit"), config.get("frame")
        self._path = numbers.path or (path if isinstance(path, int) else None)
        single = numbers.frames[0] if len(numbers.frames) == 1 else 0
        self._frame = single or (frame if isinstance(frame, int) else None)

    def job_name(self, prefix: str, verdict: PairVerdict) -> str:
        reference, secondary = verdict.job.pair
        known = self._facts.scenes.get(reference)
        path = self._path or (known.path if known is not None else None)
        frame = self._frame or (known.frame if known is not None else None)
        return job_name(prefix, path, frame, reference, secondary, verdict.fingerprint)


def _stack_facts(job: JobFolder, stack: Stack) -> StackFacts:
    frames = stack.numbers.frames if stack.numbers is not None else ()
    bursts = job.read_config().own.get("bursts")
    passes = (
        {
            str(name): tuple(str(one) for one in found)
            for name, found in bursts.items()
            if isinstance(found, list)
        }
        if isinstance(bursts, Mapping)
        else {}
    )
    return StackFacts(read_scene_facts(job.path), frozenset(frames), job.aoi_wkt(), passes)


def _pairs_of(row: PlannedPair) -> list[Pair]:
    return [Pair(one, other) for one, other in zip(row.verdict.job.references, row.verdict.job.secondaries)]


def _one_price(rows: Sequence[PlannedPair]) -> float | None:
    """Give the price of a job when it is one for all; None else."""
    prices = {row.credits for row in rows if row.verdict.state != REFUSED}
    return prices.pop() if len(prices) == 1 else None


def _alternatives(
    plan: SubmissionPlan, options: Hyp3Options, new: Sequence[PlannedPair]
) -> list[dict[str, Any]]:
    """Give the prices of the new pairs with other job types and looks, as far as their scenes allow them."""
    is_slc = options.job_type == INSAR_GAMMA
    pairs = [pair for row in new for pair in _pairs_of(row)]
    found = []
    for job_type in JOB_TYPES:
        if (job_type == INSAR_GAMMA) != is_slc or job_type not in plan.costs:
            continue
        if job_type == SINGLE_BURST and any(len(names) > 1 for names in plan.bursts.values()):
            # The stack has pairs of whole passes, not of each burst.
            continue
        is_chosen = job_type == options.job_type
        jobs = [row.verdict.job for row in new] if is_chosen else pair_jobs(job_type, pairs)
        for looks in LOOKS[job_type]:
            other = Hyp3Options(job_type=job_type, looks=looks)
            try:
                prices = [
                    credits_per_job(
                        plan.costs, job_type, other.job_parameters(job.references, job.secondaries)
                    )
                    for job in jobs
                ]
            except InsarError:
                # So many bursts in one job, or these looks, have no price: nothing is said about them.
                continue
            found.append(
                {
                    "job_type": job_type,
                    "looks": looks,
                    "credits_each": prices[0] if len(set(prices)) == 1 else None,
                    "credits_new": sum(prices),
                }
            )
    return found

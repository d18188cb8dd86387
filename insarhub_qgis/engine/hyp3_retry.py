# SPDX-License-Identifier: GPL-2.0-or-later
"""Submits failed jobs, and expired ones when asked, once more: same type, parameters and name, a file of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from insarhub_qgis.core import hyp3_jobs
from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.hyp3_files import retry_jobs_name
from insarhub_qgis.core.hyp3_guard import (
    EXPIRED,
    FAILED,
    REFUSED,
    KnownJob,
    PairVerdict,
    state_of_product,
)
from insarhub_qgis.core.hyp3_journal import IntendedJob
from insarhub_qgis.core.hyp3_options import (
    JOB_TYPES,
    LARGEST_CHUNK,
    PairJob,
    credits_per_job,
    fingerprint,
    granules_of,
)
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.progress import Report, part_of
from insarhub_qgis.core.requests import RetryHyp3
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.core.scenes import Pair
from insarhub_qgis.engine.hyp3_door import Hyp3Door, open_hyp3
from insarhub_qgis.engine.hyp3_plan import (
    PlannedPair,
    SubmissionPlan,
    Surroundings,
    job_or_none,
    look_around,
    open_job,
)
from insarhub_qgis.engine.hyp3_recovery import resolve_open_intents
from insarhub_qgis.engine.hyp3_saving import parameters_of, readable_job_files
from insarhub_qgis.engine.hyp3_sending import Sender, Target, submission_lock
from insarhub_qgis.engine.hyp3_submit import check_price, result_of, validate

#: Default of the service that it no longer wants to be told.
_DEPRECATED = "include_los_displacement"


def run(request: RetryHyp3, context: RunContext) -> dict[str, Any]:
    """Answer `RetryHyp3`; the result is that of `SubmitHyp3`."""
    endpoints = Endpoints.from_json(request.endpoints)
    job = open_job(request.job_folder, endpoints)
    with open_hyp3(endpoints, context) as door:
        if request.dry_run:
            around = look_around(door, job, part_of(context.report, 0.0, 0.4))
            plan, rows = _plan(door, around, request, _scores(job, context), context.report)
            check_price(rows, request.agreed_credits)
            outcome = validate(
                door, [row.intended for row in rows], LARGEST_CHUNK, context, plan.credits_left
            )
            return result_of(plan, rows, outcome, is_dry_run=True)
        with submission_lock(job.path):
            adopted = resolve_open_intents(door, job, context, request.look_again_s)
            around = look_around(door, job, part_of(context.report, 0.0, 0.2))
            scores = _scores(job, context)
            plan, rows = _plan(door, around, request, scores, part_of(context.report, 0.2, 0.3))
            check_price(rows, request.agreed_credits)
            files = sorted({row.verdict.job_file for row in rows})
            first = rows[0].intended if rows else None
            own = {
                "job_type": first.job_type if first is not None else "",
                "name": first.name if first is not None else "",
                "parameters": _without_granules(first.job_parameters) if first is not None else {},
                "retry_of_file": files[0] if len(files) == 1 else None,
            }
            target = Target(plan.account, job, _new_file(job.path), _out_dir(job, files), own)
            prices = {id(row.intended): row.credits for row in rows}
            sender = Sender(
                door,
                target,
                context,
                LARGEST_CHUNK,
                request.look_again_s,
                lambda intended: prices[id(intended)],
            )
            outcome = sender.send([row.intended for row in rows], part_of(context.report, 0.3, 1.0))
            job_file = target.file if outcome.accepted and target.file.exists() else None
            return result_of(plan, rows, outcome, job_file=job_file, adopted=len(adopted))


def _plan(
    door: Hyp3Door,
    around: Surroundings,
    request: RetryHyp3,
    scores: Mapping[Pair, float],
    report: Report,
) -> tuple[SubmissionPlan, list[PlannedPair]]:
    """Give the jobs that are asked for, and those of them to send, best pairs first: for which nothing better is there."""
    report(0.0, "Asking for account and prices")
    user, costs = door.user(), door.costs()
    wanted_states = {FAILED, EXPIRED} if request.include_expired else {FAILED}
    every: list[PlannedPair] = []
    chosen: dict[str, PlannedPair] = {}
    for known in around.known:
        if not _is_asked_for(known, request):
            continue
        row = _planned(door, known, around, costs)
        every.append(row)
        if row.verdict.state in wanted_states:
            # The same product twice among the failed ones is paid once.
            chosen[row.verdict.fingerprint] = row
    report(1.0, f"{len(chosen)} jobs to repeat")
    plan = SubmissionPlan(every, user, costs, around.messages, scores)
    return plan, plan.best_first(chosen.values())


def _scores(job: JobFolder, context: RunContext) -> Mapping[Pair, float]:
    try:
        return job.read_stack().scores
    except InsarError as error:
        # Jobs of a folder without a readable stack can be repeated; the scores only order them.
        context.log(f"order of the job files: {error}", "debug")
        return {}


def _out_dir(job: JobFolder, job_files: Sequence[str]) -> Path:
    """Give where the products of the old jobs go, when their files agree; else the job folder."""
    folders = {file.product_folder for file in readable_job_files(job.path) if file.path.name in job_files}
    return folders.pop() if len(folders) == 1 else job.path


def _is_asked_for(known: KnownJob, request: RetryHyp3) -> bool:
    row = known.row
    if not row.file or (request.job_file and row.file != request.job_file):
        return False
    if request.job_ids:
        return row.job_id in request.job_ids
    # What the service lost was paid and has no product any more: like an expired one.
    is_over = row.status in (hyp3_jobs.FAILED, hyp3_jobs.EXPIRED) or known.is_gone
    return row.is_current and is_over


def _planned(door: Hyp3Door, known: KnownJob, around: Surroundings, costs: Mapping[str, Any]) -> PlannedPair:
    row = known.row
    answer = around.answers.get(row.job_id) or (None if known.is_gone else job_or_none(door, row.job_id))
    if answer is None:
        return _refused(known, InsarError("hyp3_guard.gone", job_id=row.job_id))
    parameters = parameters_of(answer)
    if not parameters.get(_DEPRECATED, True):
        del parameters[_DEPRECATED]
    job_type = str(answer.get("job_type"))
    references, secondaries = granules_of(parameters)
    if job_type not in JOB_TYPES or not references or not secondaries:
        allowed = ", ".join(JOB_TYPES)
        return _refused(
            known, InsarError("hyp3_options.bad_value", name="job_type", value=job_type, allowed=allowed)
        )
    try:
        price = credits_per_job(costs, job_type, parameters)
    except InsarError as error:
        # A type that is no longer offered must not keep the others from being repeated.
        return _refused(known, error)
    own_fingerprint = fingerprint(job_type, parameters)
    # A job that the service lost is nothing better than a failed one. Of an old job that no list has, the
    # fingerprint was not known before.
    others = (job for job in around.known if not job.is_lost)
    jobs = [*others, replace(known, fingerprint=own_fingerprint)]
    verdict = PairVerdict(
        PairJob(references, secondaries),
        own_fingerprint,
        state_of_product(own_fingerprint, jobs),
        job_id=row.job_id,
        job_file=row.file,
        expires_at=row.expires_at,
        file=row.product,
    )
    intended = IntendedJob(str(answer.get("name") or ""), job_type, parameters, retry_of=row.job_id)
    return PlannedPair(verdict, intended, price)


def _refused(known: KnownJob, reason: InsarError) -> PlannedPair:
    """Give the row of a job that cannot be repeated."""
    reference, secondary = known.row.pair or ("", "")
    job = PairJob((reference,), (secondary,))
    verdict = PairVerdict(job, known.fingerprint, REFUSED, reason, known.row.job_id, known.row.file)
    return PlannedPair(verdict, IntendedJob("", "", {}), 0.0)


def _new_file(folder: Path) -> Path:
    """Give the retry file of this second, or of the next one that has none."""
    moment = datetime.now(timezone.utc)
    while (path := folder / retry_jobs_name(moment)).exists():
        moment += timedelta(seconds=1)
    return path


def _without_granules(parameters: Mapping[str, Any]) -> dict[str, Any]:
    sides = ("granules", "reference", "secondary")
    return {name: value for name, value in parameters.items() if name not in sides}

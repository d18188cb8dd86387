# SPDX-License-Identifier: GPL-2.0-or-later
"""Submits the pairs of a job to HyP3, or lets the service only validate them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.hyp3_files import JOBS_NAME
from insarhub_qgis.core.hyp3_guard import NEW, REFUSED
from insarhub_qgis.core.hyp3_journal import IntendedJob
from insarhub_qgis.core.hyp3_options import Hyp3Options
from insarhub_qgis.core.progress import Report, part_of, stop_if_cancelled
from insarhub_qgis.core.requests import SubmitHyp3
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine.hyp3_door import Hyp3Door, open_hyp3
from insarhub_qgis.engine.hyp3_plan import PlannedPair, SubmissionPlan, make_plan, open_job
from insarhub_qgis.engine.hyp3_recovery import resolve_open_intents
from insarhub_qgis.engine.hyp3_saving import charged, pair_of_job
from insarhub_qgis.engine.hyp3_sending import ABOUT_JOBS, Outcome, Sender, Target, isolate, submission_lock

#: Rounding of sums of credits.
_SAME = 1e-6


def run(request: SubmitHyp3, context: RunContext) -> dict[str, Any]:
    """Answer `SubmitHyp3`; see the request for items and result."""
    options = Hyp3Options.from_json(request.options)
    endpoints = Endpoints.from_json(request.endpoints)
    job = open_job(request.job_folder, endpoints)
    with open_hyp3(endpoints, context) as door:
        if request.dry_run:
            plan = make_plan(door, job, options, request.pairs, part_of(context.report, 0.0, 0.5))
            rows = _chosen(plan, request.repeat_states)
            check_price(rows, request.agreed_credits)
            outcome = validate(
                door,
                [row.intended for row in rows],
                options.submission_chunk_size,
                context,
                plan.credits_left,
            )
            return result_of(plan, rows, outcome, is_dry_run=True)
        with submission_lock(job.path):
            adopted = resolve_open_intents(door, job, context, request.look_again_s)
            plan = make_plan(door, job, options, request.pairs, part_of(context.report, 0.0, 0.2))
            rows = plan.best_first(_chosen(plan, request.repeat_states))
            check_price(rows, request.agreed_credits)
            own = {
                "job_type": options.job_type,
                "name": options.name_prefix,
                "parameters": options.parameters(),
                "retry_of_file": None,
            }
            target = Target(plan.account, job, job.path / JOBS_NAME, job.path, own)
            prices = {id(row.intended): row.credits for row in rows}
            sender = Sender(
                door,
                target,
                context,
                options.submission_chunk_size,
                request.look_again_s,
                lambda intended: prices[id(intended)],
            )
            outcome = sender.send([row.intended for row in rows], part_of(context.report, 0.2, 1.0))
            is_saved = bool(outcome.accepted or adopted) and target.file.exists()
            job_file = target.file if is_saved else None
            return result_of(plan, rows, outcome, job_file=job_file, adopted=len(adopted))


def check_price(rows: Sequence[PlannedPair], agreed: float | None) -> None:
    """Stop before anything is sent when it would cost more than was agreed; raises ``hyp3.price_higher``."""
    price = sum(row.credits for row in rows)
    if agreed is not None and price > agreed + _SAME:
        raise InsarError("hyp3.price_higher", credits=price, agreed=agreed)


def validate(
    door: Hyp3Door,
    jobs: Sequence[IntendedJob],
    chunk_size: int,
    context: RunContext,
    credits_left: float | None,
) -> Outcome:
    """Let the service check jobs without charging them; nothing is written."""
    outcome = Outcome()
    report: Report = part_of(context.report, 0.5, 1.0)
    try:
        for start in range(0, len(jobs), chunk_size):
            stop_if_cancelled(context.is_cancelled)
            report(start / len(jobs), f"Validating pairs: {start} of {len(jobs)}")
            _validate_chunk(door, jobs[start : start + chunk_size], context, outcome)
        if credits_left is not None and outcome.charged > credits_left + _SAME:
            # Each request fits by itself, together they do not.
            raise InsarError("hyp3.no_credits", cost=outcome.charged, left=credits_left, reason="")
    except InsarError as error:
        if error.code == "run.cancelled":
            raise
        outcome.stopped_by = error
    report(1.0, f"{len(outcome.accepted)} of {len(jobs)} pairs are valid")
    return outcome


def _validate_chunk(
    door: Hyp3Door, jobs: Sequence[IntendedJob], context: RunContext, outcome: Outcome
) -> None:
    good = list(jobs)
    bad: list[tuple[IntendedJob, InsarError]] = []
    try:
        answers = door.post_jobs([job.prepared() for job in good], validate_only=True)
    except InsarError as error:
        if error.code not in ABOUT_JOBS:
            raise
        good, bad = isolate(door, jobs, error)
        answers = door.post_jobs([job.prepared() for job in good], validate_only=True) if good else []
    outcome.charged += charged(answers)
    outcome.accepted += good
    outcome.rejected += bad
    for job in good:
        context.item({"pair": pair_of_job(job), "state": "valid", "reason": None})
    for job, reason in bad:
        context.item({"pair": pair_of_job(job), "state": "rejected", "reason": reason.to_json()})


def _chosen(plan: SubmissionPlan, repeat_states: Sequence[str]) -> list[PlannedPair]:
    """Give the pairs to send: the new ones, and those in states that the user wants again; refused ones never."""
    wanted = {NEW, *repeat_states} - {REFUSED}
    return [row for row in plan.rows if row.verdict.state in wanted]


def result_of(
    plan: SubmissionPlan,
    rows: Sequence[PlannedPair],
    outcome: Outcome,
    *,
    job_file: Path | None = None,
    adopted: int = 0,
    is_dry_run: bool = False,
) -> dict[str, Any]:
    """Give the result of `SubmitHyp3` and `RetryHyp3`."""
    sent = {id(row) for row in rows}
    left = plan.credits_left
    rejected = [{"pair": pair_of_job(job), "reason": reason.to_json()} for job, reason in outcome.rejected]
    return {
        "account": plan.account,
        "job_file": str(job_file) if job_file is not None else "",
        "submitted": len(outcome.accepted),
        "adopted": adopted,
        "credits": outcome.charged,
        "credits_left": left if left is None or is_dry_run else left - outcome.charged,
        "rejected": rejected,
        "skipped": [
            {
                "pair": list(row.verdict.job.pair),
                "state": row.verdict.state,
                "reason": row.verdict.reason.to_json() if row.verdict.reason is not None else None,
            }
            for row in plan.rows
            if id(row) not in sent
        ],
        "not_sent": len(rows) - len(outcome.accepted) - len(outcome.rejected),
        "stopped_by": outcome.stopped_by.to_json() if outcome.stopped_by is not None else None,
        "messages": [error.to_json() for error in plan.messages],
        "dry_run": is_dry_run,
    }

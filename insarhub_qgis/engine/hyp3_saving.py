# SPDX-License-Identifier: GPL-2.0-or-later
"""Accepted jobs on disk: their job file and the processor of the config; which answer belongs to which job that was sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.hyp3_files import JOBS_NAME, JobFile, add_jobs, find_job_files, read_job_file
from insarhub_qgis.core.hyp3_jobs import pair_of, seen_of
from insarhub_qgis.core.hyp3_journal import IntendedJob, Intent
from insarhub_qgis.core.hyp3_options import (
    MULTI_BURST,
    PROCESSOR_TYPE,
    Hyp3Options,
    fingerprint,
    granules_of,
    own_section,
)
from insarhub_qgis.core.iso_times import iso, moment_of
from insarhub_qgis.core.job_config import OWN_SECTION, PROCESSOR
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.core.stack_file import is_number
from insarhub_qgis.engine.failures import in_words


def readable_job_files(folder: Path) -> list[JobFile]:
    """Give the job files of a folder; raises the first error of one that cannot be read."""
    files, problems = find_job_files(folder)
    if problems:
        raise problems[0]
    return files


def match_answers(
    intent: Intent, answers: Sequence[Mapping[str, Any]]
) -> tuple[list[tuple[dict[str, Any], IntendedJob]], list[Mapping[str, Any]]]:
    """Give which jobs of the service are those of a request, oldest first, and the answers that are none of them.

    Only parameters that were sent are compared: a later version of the service may fill in others.
    """
    sent = {name for job in intent.jobs for name in job.job_parameters}
    waiting: dict[tuple[str, str], list[IntendedJob]] = {}
    for job in intent.jobs:
        waiting.setdefault((job.name, job.fingerprint), []).append(job)
    matched, others = [], []
    for answer in sorted(answers, key=lambda answer: str(answer.get("request_time") or "")):
        known = {name: value for name, value in parameters_of(answer).items() if name in sent}
        key = (str(answer.get("name") or ""), fingerprint(str(answer.get("job_type")), known))
        jobs = waiting.get(key)
        if jobs:
            matched.append((dict(answer), jobs[0] if len(jobs) == 1 else jobs.pop(0)))
        else:
            others.append(answer)
    return matched, others


def save_accepted(
    folder: Path, intent: Intent, answers: Sequence[Mapping[str, Any]], now: datetime
) -> JobFile:
    """Write accepted jobs into the job file of their request, in one step.

    Parameters
    ----------
    answers
        Jobs as the service gives them.
    now
        By the clock of the service.
    """
    path = folder / intent.job_file
    own_before = read_job_file(path).own if path.exists() else {}
    before = own_before.get("credits")
    submitted = [found for found in (moment_of(own_before.get("submitted_at")), intent.time) if found]
    matched, others = match_answers(intent, answers)
    pairs, names, prints, granules, retry_of = {}, {}, {}, {}, {}
    for answer, intended in [*matched, *((dict(answer), None) for answer in others)]:
        job_id, parameters = str(answer["job_id"]), parameters_of(answer)
        pair = pair_of(answer)
        if pair is not None:
            pairs[job_id] = list(pair)
        names[job_id] = str(answer.get("name") or "")
        prints[job_id] = fingerprint(str(answer.get("job_type")), parameters)
        if answer.get("job_type") == MULTI_BURST:
            references, secondaries = granules_of(parameters)
            granules[job_id] = {"reference": list(references), "secondary": list(secondaries)}
        if intended is not None and intended.retry_of:
            retry_of[job_id] = intended.retry_of
    ids = [str(answer["job_id"]) for answer in answers]
    own = {
        "api_url": intent.api_url,
        "submitted_at": iso(min(submitted)),
        **intent.own,
        "credits": (before if isinstance(before, (int, float)) else 0.0) + charged(answers),
        "pairs": pairs,
        "names": names,
        "fingerprints": prints,
        "requests": dict.fromkeys(ids, intent.intent_id),
        "last_seen": {str(answer["job_id"]): seen_of(answer, now) for answer in answers},
        **({"granules": granules} if granules else {}),
        "retry_of": retry_of,
    }
    return add_jobs(path, intent.account, ids, Path(intent.out_dir), own)


def write_processor(job: JobFolder, intent: Intent, context: RunContext) -> None:
    """Write the processor section of the config, so that its tag appears on the job.

    The jobs are safe by then: a config that cannot be written is told, and stops nothing.
    """
    if intent.job_file != JOBS_NAME:
        return
    sent = {**intent.own.get("parameters", {}), "job_type": intent.own.get("job_type")}
    sent = {**sent, "name_prefix": intent.own.get("name")}
    known = {name: value for name, value in sent.items() if name in Hyp3Options().to_json()}
    try:
        # What a submission does not name, as the size of its requests, stays as the user wrote it.
        options = replace(Hyp3Options.from_config(job.read_config())[0], **known)
        job.write_config_section(PROCESSOR, {"type": PROCESSOR_TYPE, "config": options.to_config()})
        job.write_config_section(OWN_SECTION, own_section(options.job_type))
    except InsarError as error:
        context.log(
            f"the options of the submission were not written into the config: {in_words(error)}", "warning"
        )


def parameters_of(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Give the parameters of a job as the service gives it; empty for what is no object."""
    parameters = answer.get("job_parameters")
    return dict(parameters) if isinstance(parameters, Mapping) else {}


def charged(answers: Sequence[Mapping[str, Any]]) -> float:
    """Give the credits of jobs as the service gives them."""
    costs: list[Any] = [answer.get("credit_cost") for answer in answers]
    return float(sum(cost for cost in costs if is_number(cost)))


def pair_of_job(job: IntendedJob) -> list[str]:
    references, secondaries = granules_of(job.job_parameters)
    return [references[0], secondaries[0]]

# SPDX-License-Identifier: GPL-2.0-or-later
"""Finds out what became of requests whose end is not known, before anything else is paid."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.hyp3_journal import (
    ABANDONED,
    ACCEPTED,
    ADOPTED,
    Intent,
    first_look,
    open_intents,
    write_end,
    write_look,
)
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.progress import stop_if_cancelled
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine.hyp3_door import Hyp3Door
from insarhub_qgis.engine.hyp3_saving import match_answers, readable_job_files, save_accepted, write_processor

#: The service may have noted a job so long before our clock says that we sent it.
_WINDOW = timedelta(minutes=10)
#: Between the two looks for the jobs of a request whose answer got lost.
LOOK_AGAIN_S = 60.0
_POLL_S = 0.1


def resolve_open_intents(
    door: Hyp3Door, job: JobFolder, context: RunContext, look_again_s: float, *, may_wait: bool = True
) -> list[dict[str, Any]]:
    """Find out what became of the requests of earlier runs, before anything is paid, and give the jobs that were adopted.

    Raises
    ------
    InsarError
        ``hyp3.other_service`` for a request to another service; errors of the service leave the intents open.
    """
    adopted: list[dict[str, Any]] = []
    for intent in open_intents(job.path):
        is_same = intent.api_url == door.api_url or (is_local(intent.api_url) and is_local(door.api_url))
        if not is_same:
            raise InsarError("hyp3.other_service", file=intent.job_file, api_url=intent.api_url)
        adopted += resolve_intent(door, job, intent, context, look_again_s, may_wait=may_wait)
    return adopted


def resolve_intent(
    door: Hyp3Door,
    job: JobFolder,
    intent: Intent,
    context: RunContext,
    look_again_s: float,
    *,
    may_wait: bool = True,
) -> list[dict[str, Any]]:
    """Look for the jobs of a request on the service, save what is there, and close the intent.

    Jobs count when name, granules and parameters are those of the request, and no job file has them yet. While some
    are missing there is a second look, ``look_again_s`` after the first one: the service may be at work still.

    Parameters
    ----------
    may_wait
        Wait for the second look. Else the first one is noted, and a later call has the second one.

    Returns
    -------
    jobs
        That were adopted, as the service gives them.
    """
    saved = _ids_of_intent(job.path, intent)
    if saved:
        # The crash came after the ids were saved.
        write_end(job.path, intent, ACCEPTED, saved)
        write_processor(job, intent, context)
        return []
    found, is_all = _look(door, job, intent, context)
    if not is_all:
        looked_at = first_look(job.path, intent)
        if looked_at is None:
            write_look(job.path, intent)
            looked_at = datetime.now(timezone.utc)
        left_s = look_again_s - (datetime.now(timezone.utc) - looked_at).total_seconds()
        if left_s > 0:
            if not may_wait:
                return []
            _wait(min(left_s, look_again_s), context)
            found, _ = _look(door, job, intent, context)
    if found:
        save_accepted(job.path, intent, found, door.server_now())
        write_end(job.path, intent, ADOPTED, [str(answer["job_id"]) for answer in found])
        write_processor(job, intent, context)
    else:
        write_end(job.path, intent, ABANDONED)
    return found


def _look(
    door: Hyp3Door, job: JobFolder, intent: Intent, context: RunContext
) -> tuple[list[dict[str, Any]], bool]:
    """Give the jobs of a request that the service has and no file, and whether they are all."""
    context.report(0.0, "Looking for jobs of a submission that broke off")
    known = {job_id for file in readable_job_files(job.path) for job_id in file.ids}
    listed = door.find_jobs(start=intent.time - _WINDOW, user_id=intent.account)
    matched, _ = match_answers(intent, [job for job in listed if str(job["job_id"]) not in known])
    is_all = len({id(intended) for _, intended in matched}) == len(intent.jobs)
    return [answer for answer, _ in matched], is_all


def _ids_of_intent(folder: Path, intent: Intent) -> list[str]:
    """Give the jobs that were saved for a request."""
    for file in readable_job_files(folder):
        sent_by = file.own.get("requests")
        if file.path.name == intent.job_file and isinstance(sent_by, Mapping):
            return [job_id for job_id in file.ids if sent_by.get(job_id) == intent.intent_id]
    return []


def _wait(seconds: float, context: RunContext) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        stop_if_cancelled(context.is_cancelled)
        context.report(0.0, f"Looking once more for jobs of a submission that broke off, in {left:.0f} s")
        time.sleep(min(_POLL_S, left))


def is_local(url: str) -> bool:
    """Tell whether an address is one that only a sandbox can have."""
    try:
        Endpoints.of_sandbox(url)
    except InsarError:
        return False
    return True

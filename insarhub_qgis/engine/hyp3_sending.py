# SPDX-License-Identifier: GPL-2.0-or-later
"""The loop that pays: intent on disk, request, ids on disk, end on disk; jobs that the service refuses are found singly."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from insarhub_qgis.core.atomic_files import folder_lock
from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.hyp3_files import read_job_file, update_job_file
from insarhub_qgis.core.hyp3_journal import ACCEPTED, REJECTED, IntendedJob, Intent, write_end, write_intent
from insarhub_qgis.core.hyp3_options import granules_of
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.progress import Report, stop_if_cancelled
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine.failures import in_words
from insarhub_qgis.engine.hyp3_door import Hyp3Door
from insarhub_qgis.engine.hyp3_recovery import is_local, resolve_intent
from insarhub_qgis.engine.hyp3_saving import (
    charged,
    match_answers,
    pair_of_job,
    readable_job_files,
    save_accepted,
    write_processor,
)

SUBMISSION_LOCK_NAME = ".insarhub_qgis_submission.lock"
#: Answers that are about single jobs; every other refusal is about the whole request.
ABOUT_JOBS = ("hyp3.refused", "hyp3.unknown_scenes", "hyp3.no_dem")


@dataclass
class Outcome:
    """What became of the jobs of a run.

    Attributes
    ----------
    accepted
        Jobs that the service accepted in answer to a request of this run, or that were found there afterwards.
    rejected
        Jobs that the service refuses, with its reason.
    charged
        Credits.
    stopped_by
        What ended the run before all jobs were sent; None when nothing did.
    """

    accepted: list[IntendedJob] = field(default_factory=list)
    rejected: list[tuple[IntendedJob, InsarError]] = field(default_factory=list)
    charged: float = 0.0
    stopped_by: InsarError | None = None


@dataclass(frozen=True)
class Target:
    """Where accepted jobs are written down: account, job file, folder of the products, entries for our object.

    Attributes
    ----------
    account
        As the service names it: what a user types may differ in case, and jobs are found by this name.
    """

    account: str
    job: JobFolder
    file: Path
    out_dir: Path
    own: Mapping[str, Any] = field(default_factory=dict)


@contextmanager
def submission_lock(folder: Path) -> Iterator[None]:
    """Keep other windows from submitting for the same folder.

    Raises
    ------
    InsarError
        ``hyp3.submission_running`` while another one does.
    """
    try:
        with folder_lock(folder, "submission", 0.0, SUBMISSION_LOCK_NAME):
            yield
    except InsarError as error:
        if error.code == "folder.locked" and error.fields.get("owner") == "submission":
            raise InsarError("hyp3.submission_running", **error.fields) from error
        raise


def check_service(job: JobFolder, endpoints: Endpoints) -> None:
    """Refuse to mix services: simulated scenes go to a sandbox, and the jobs of a folder belong to one service.

    Raises
    ------
    InsarError
        ``hyp3.sandbox_job`` (folder), ``hyp3.other_service`` (file, api_url); ``file.malformed`` for a job file that
        cannot be read: what it holds may be paid.
    """
    if job.read_config().own.get("is_sandbox") and not endpoints.is_sandbox:
        raise InsarError("hyp3.sandbox_job", folder=str(job.path))
    for file in readable_job_files(job.path):
        url = str(file.own.get("api_url") or "")
        is_same = url == endpoints.hyp3 or (is_local(url) and endpoints.is_sandbox)
        if url and file.ids and not is_same:
            raise InsarError("hyp3.other_service", file=str(file.path), api_url=url)


class Sender:
    """Sends the jobs of one run.

    Parameters
    ----------
    chunk_size
        Jobs per request, 1..200.
    look_again_s
        Seconds between the two looks for jobs of a request whose answer got lost.
    """

    def __init__(
        self,
        door: Hyp3Door,
        target: Target,
        context: RunContext,
        chunk_size: int,
        look_again_s: float,
        price_of: Callable[[IntendedJob], float],
    ) -> None:
        self._door = door
        self._target = target
        self._context = context
        self._chunk_size = chunk_size
        self._look_again_s = look_again_s
        self._price_of = price_of
        self._submission = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
        self._chunk = 0
        self.outcome = Outcome()

    def send(self, jobs: Sequence[IntendedJob], report: Report) -> Outcome:
        """Send jobs in their order and give what became of them; what stops the service stops the run cleanly.

        Raises
        ------
        InsarError
            ``run.cancelled`` only; a request that was under way is looked for at the next submission.
        """
        try:
            for start in range(0, len(jobs), self._chunk_size):
                stop_if_cancelled(self._context.is_cancelled)
                report(start / len(jobs), f"Submitting pairs: {start} of {len(jobs)}")
                self._send_chunk(jobs[start : start + self._chunk_size])
        except Cancelled:
            raise
        except InsarError as error:
            self.outcome.stopped_by = error
        self._save_rejected()
        report(1.0, f"{len(self.outcome.accepted)} of {len(jobs)} pairs submitted")
        return self.outcome

    def _send_chunk(self, jobs: Sequence[IntendedJob], *, is_checked: bool = False) -> None:
        try:
            self._pay(jobs)
        except InsarError as error:
            if error.code not in ABOUT_JOBS:
                raise
            if len(jobs) == 1:
                self._reject(jobs[0], error)
            elif is_checked:
                # Each one passed the check of the service by itself, but not together.
                for job in jobs:
                    self._send_chunk([job])
            else:
                good, bad = isolate(self._door, jobs, error)
                for job, reason in bad:
                    self._reject(job, reason)
                if good:
                    self._send_chunk(good, is_checked=True)

    def _pay(self, jobs: Sequence[IntendedJob]) -> None:
        self._chunk += 1
        intent = Intent(
            submission=self._submission,
            chunk=self._chunk,
            # The earlier one of both clocks: the look for lost jobs begins there.
            time=min(datetime.now(timezone.utc), self._door.server_now()),
            account=self._target.account,
            api_url=self._door.api_url,
            job_file=self._target.file.name,
            out_dir=self._target.out_dir.absolute().as_posix(),
            jobs=tuple(jobs),
            credits=sum(self._price_of(job) for job in jobs),
            own=self._target.own,
        )
        folder = self._target.job.path
        # A run that holds the folder for minutes would keep the ids of paid jobs from being saved.
        with folder_lock(folder, "jobs"):
            write_intent(folder, intent)
        try:
            answers = self._door.post_jobs([job.prepared() for job in jobs], validate_only=False)
        except Cancelled:
            # Nobody knows whether it left; the next run looks.
            raise
        except InsarError as error:
            if error.code == "hyp3.answer_lost":
                self._look_for(intent, error)
                return
            write_end(folder, intent, REJECTED, reason=error.to_json())
            raise
        # Paid, even if a full disk keeps the ids from being saved: the next run finds them then.
        self._note(jobs, answers)
        save_accepted(folder, intent, answers, self._door.server_now())
        write_end(folder, intent, ACCEPTED, [str(answer["job_id"]) for answer in answers])
        write_processor(self._target.job, intent, self._context)

    def _look_for(self, intent: Intent, error: InsarError) -> None:
        found = resolve_intent(self._door, self._target.job, intent, self._context, self._look_again_s)
        arrived = {id(job): job for _, job in match_answers(intent, found)[0]}
        self._note(list(arrived.values()), found)
        if len(arrived) < len(intent.jobs):
            cause = error.fields.get("cause")
            # Nothing arrived: then the fault itself is what the user should read.
            raise InsarError.from_json(cause) if cause and not arrived else error

    def _note(self, jobs: Sequence[IntendedJob], answers: Sequence[Mapping[str, Any]]) -> None:
        self.outcome.accepted.extend(jobs)
        self.outcome.charged += charged(answers)
        for job in jobs:
            self._context.item({"pair": pair_of_job(job), "state": "accepted", "reason": None})

    def _reject(self, job: IntendedJob, reason: InsarError) -> None:
        self.outcome.rejected.append((job, reason))
        self._context.item({"pair": pair_of_job(job), "state": "rejected", "reason": reason.to_json()})

    def _save_rejected(self) -> None:
        """Remember refusals in the job file, if there is one; those of pairs that were accepted later go."""
        if not self._target.file.exists():
            return
        rows = {
            tuple(pair_of_job(job)): {"pair": pair_of_job(job), "reason": reason.to_json()}
            for job, reason in self.outcome.rejected
        }
        try:
            file = read_job_file(self._target.file)
            accepted = set(file.pairs.values())
            old = file.own.get("rejected") or []
            for row in old if isinstance(old, list) else []:
                pair = row.get("pair") if isinstance(row, Mapping) else None
                if isinstance(pair, list) and tuple(pair) not in accepted:
                    rows.setdefault(tuple(pair), row)
            if list(rows.values()) != old:
                update_job_file(self._target.file, {"rejected": list(rows.values())})
        except InsarError as error:
            self._context.log(f"the refused pairs were not written down: {in_words(error)}", "warning")


def isolate(
    door: Hyp3Door, jobs: Sequence[IntendedJob], error: InsarError
) -> tuple[list[IntendedJob], list[tuple[IntendedJob, InsarError]]]:
    """Find the jobs for which the service refuses a request, by validating parts of it: that costs nothing.

    Parameters
    ----------
    jobs
        They are refused together, with ``error``.

    Returns
    -------
    good, bad
        Jobs in their order; the bad ones with the reason of each.

    Raises
    ------
    InsarError
        What is not about single jobs: the login, the credits, the service, the network.
    """
    if len(jobs) == 1:
        return [], [(jobs[0], error)]
    good: list[IntendedJob] = []
    bad: list[tuple[IntendedJob, InsarError]] = []
    for part in _parts(jobs, error):
        try:
            door.post_jobs([job.prepared() for job in part], validate_only=True)
        except InsarError as part_error:
            if part_error.code not in ABOUT_JOBS:
                raise
            more_good, more_bad = isolate(door, part, part_error)
            good += more_good
            bad += more_bad
        else:
            good += part
    order = {id(job): index for index, job in enumerate(jobs)}
    return sorted(good, key=lambda job: order[id(job)]), bad


def _parts(jobs: Sequence[IntendedJob], error: InsarError) -> list[list[IntendedJob]]:
    """Divide jobs: those with a scene that the error names from the others, else in the middle."""
    named = set(error.fields.get("scenes") or ())
    if named:
        with_them = [job for job in jobs if named & {*_scenes(job)}]
        others = [job for job in jobs if not named & {*_scenes(job)}]
        if with_them and others:
            return [others, with_them]
    middle = len(jobs) // 2
    return [list(jobs[:middle]), list(jobs[middle:])]


def _scenes(job: IntendedJob) -> tuple[str, ...]:
    references, secondaries = granules_of(job.job_parameters)
    return (*references, *secondaries)

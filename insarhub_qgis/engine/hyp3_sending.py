# SPDX-License-Identifier: GPL-2.0-or-later
"""The loop that pays: intent on disk, request, ids on disk, end on disk; and what follows when it broke off between."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from insarhub_qgis.core.atomic_files import folder_lock
from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.hyp3_files import (
    JOBS_NAME,
    JobFile,
    add_jobs,
    find_job_files,
    read_job_file,
    update_job_file,
)
from insarhub_qgis.core.hyp3_jobs import pair_of, seen_of
from insarhub_qgis.core.hyp3_journal import (
    ABANDONED,
    ACCEPTED,
    ADOPTED,
    REJECTED,
    IntendedJob,
    Intent,
    first_look,
    open_intents,
    write_end,
    write_intent,
    write_look,
)
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
from insarhub_qgis.core.progress import Report, stop_if_cancelled
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.core.stack_file import is_number
from insarhub_qgis.engine.hyp3_door import Hyp3Door

SUBMISSION_LOCK_NAME = ".insarhub_qgis_submission.lock"
#: The service may have noted a job so long before our clock says that we sent it.
_WINDOW = timedelta(minutes=10)
#: Between the two looks for the jobs of a request whose answer got lost.
LOOK_AGAIN_S = 60.0
_POLL_S = 0.1
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
    """Where accepted jobs are written down: the job file, the folder of the products, entries for our object."""

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
        is_same = url == endpoints.hyp3 or (_is_local(url) and endpoints.is_sandbox)
        if url and file.ids and not is_same:
            raise InsarError("hyp3.other_service", file=str(file.path), api_url=url)


def readable_job_files(folder: Path) -> list[JobFile]:
    """Give the job files of a folder; raises the first error of one that cannot be read."""
    files, problems = find_job_files(folder)
    if problems:
        raise problems[0]
    return files


def _is_local(url: str) -> bool:
    try:
        Endpoints.of_sandbox(url)
    except InsarError:
        return False
    return True


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
            account=self._door.account.account,
            api_url=self._door.api_url,
            job_file=self._target.file.name,
            out_dir=self._target.out_dir.absolute().as_posix(),
            jobs=tuple(jobs),
            credits=sum(self._price_of(job) for job in jobs),
            own=self._target.own,
        )
        folder = self._target.job.path
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
        save_accepted(folder, intent, answers, self._door.server_now())
        write_end(folder, intent, ACCEPTED, [str(answer["job_id"]) for answer in answers])
        self._note(jobs, answers)
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
        if not self.outcome.rejected or not self._target.file.exists():
            return
        rows = {
            tuple(pair_of_job(job)): {"pair": pair_of_job(job), "reason": reason.to_json()}
            for job, reason in self.outcome.rejected
        }
        try:
            file = read_job_file(self._target.file)
            accepted = set(file.pairs.values())
            old = file.own.get("rejected")
            for row in old if isinstance(old, list) else []:
                pair = row.get("pair") if isinstance(row, Mapping) else None
                if isinstance(pair, list) and tuple(pair) not in accepted:
                    rows.setdefault(tuple(pair), row)
            update_job_file(self._target.file, {"rejected": list(rows.values())})
        except InsarError as error:
            self._context.log(f"the refused pairs were not written down: {error}", "warning")


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


# --- Requests whose end is not known ---


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
        is_same = intent.api_url == door.api_url or (_is_local(intent.api_url) and _is_local(door.api_url))
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


def match_answers(
    intent: Intent, answers: Sequence[Mapping[str, Any]]
) -> tuple[list[tuple[dict[str, Any], IntendedJob]], list[Mapping[str, Any]]]:
    """Give which jobs of the service are those of a request, oldest first, and the answers that are none of them."""
    waiting: dict[tuple[str, str], list[IntendedJob]] = {}
    for job in intent.jobs:
        waiting.setdefault((job.name, job.fingerprint), []).append(job)
    matched, others = [], []
    for answer in sorted(answers, key=lambda answer: str(answer.get("request_time") or "")):
        parameters = answer.get("job_parameters")
        key = (
            str(answer.get("name") or ""),
            fingerprint(str(answer.get("job_type")), parameters if isinstance(parameters, Mapping) else {}),
        )
        jobs = waiting.get(key)
        if jobs:
            matched.append((dict(answer), jobs[0] if len(jobs) == 1 else jobs.pop(0)))
        else:
            others.append(answer)
    return matched, others


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


# --- Writing down ---


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
        job_id, parameters = str(answer["job_id"]), dict(answer.get("job_parameters") or {})
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
    options = replace(Hyp3Options(), **known)
    try:
        job.write_config_section(PROCESSOR, {"type": PROCESSOR_TYPE, "config": options.to_config()})
        job.write_config_section(OWN_SECTION, own_section(options.job_type))
    except InsarError as error:
        context.log(f"the options of the submission were not written into the config: {error}", "warning")


def charged(answers: Sequence[Mapping[str, Any]]) -> float:
    """Give the credits of jobs as the service gives them."""
    costs: list[Any] = [answer.get("credit_cost") for answer in answers]
    return float(sum(cost for cost in costs if is_number(cost)))


def pair_of_job(job: IntendedJob) -> list[str]:
    references, secondaries = granules_of(job.job_parameters)
    return [references[0], secondaries[0]]


def _scenes(job: IntendedJob) -> tuple[str, ...]:
    references, secondaries = granules_of(job.job_parameters)
    return (*references, *secondaries)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Ask HyP3 for the state of all jobs of a folder and keep it in the job files, with the time of asking."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.hyp3_files import (
    JobFile,
    existing_folder,
    find_job_files,
    read_product_cache,
    update_seen,
    with_seen,
    write_product_cache,
)
from insarhub_qgis.core.hyp3_jobs import (
    FAILED,
    JobRow,
    counts,
    find_local_products,
    job_rows,
    pair_of,
    seen_of,
)
from insarhub_qgis.core.hyp3_options import fingerprint
from insarhub_qgis.core.iso_times import iso, moment_of
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.progress import stop_if_cancelled
from insarhub_qgis.core.requests import RefreshHyp3
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine.failures import in_words
from insarhub_qgis.engine.hyp3_door import Hyp3Door, open_hyp3
from insarhub_qgis.engine.hyp3_logs import last_line_of_log
from insarhub_qgis.engine.product_download import open_session

#: A job file may be written a little after its jobs were accepted, by a clock that is a little wrong.
_BEFORE_SUBMISSION = timedelta(minutes=10)
#: Jobs asked for one by one, because no list had them.
MOST_SINGLE = 50
#: Logs of failed jobs that one refresh reads.
_MOST_LOGS = 20
#: Differences of the clocks that the travel of an answer explains.
_SAME_CLOCK_S = 3.0
#: The login is not accepted: no other account will be answered either.
LOGIN_CODES = frozenset({"hyp3.unauthorized", "hyp3.token_expired", "hyp3.not_approved"})
_LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass
class Refreshed:
    """What a refresh found.

    Attributes
    ----------
    files
        With the new ``last_seen``.
    unreachable
        ``account``, ``code``, ``fields`` of accounts whose jobs could not be listed: their rows are memories.
    problems
        Errors of files that could not be read or written, or that belong to another service.
    clock_offset_s
        Clock of the service minus that of this computer; 0 when they agree.
    asked
        Names of the job files whose jobs are at the service that was asked.
    """

    files: list[JobFile]
    rows: list[JobRow] = field(default_factory=list)
    checked_at: datetime | None = None
    unreachable: list[dict[str, Any]] = field(default_factory=list)
    problems: list[InsarError] = field(default_factory=list)
    clock_offset_s: float = 0.0
    asked: frozenset[str] = frozenset()

    def to_json(self) -> dict[str, Any]:
        return {
            "rows": [row.to_json() for row in self.rows],
            "counts": counts(self.rows),
            "checked_at": iso(self.checked_at),
            "unreachable": self.unreachable,
            "problems": [error.to_json() for error in self.problems],
            "clock_offset_s": self.clock_offset_s,
        }


def run(request: RefreshHyp3, context: RunContext) -> dict[str, Any]:
    """Answer `RefreshHyp3`. A folder without jobs is answered without login.

    Raises
    ------
    InsarError
        ``folder.missing``; codes of `hyp3_door.open_hyp3` and of the class `Hyp3Door` when no account could be listed.
    """
    job = open_job_folder(request.job_folder)
    endpoints = Endpoints.from_json(request.endpoints)
    files, problems = find_job_files(job.path)
    if not any(file.ids for file in files):
        return Refreshed(files, problems=problems).to_json()
    with open_hyp3(endpoints, context) as door:
        return refresh_jobs(job, door, endpoints, context).to_json()


def open_job_folder(path: str) -> JobFolder:
    """Give a job folder that exists; raises ``folder.missing``."""
    job = JobFolder(Path(path))
    if not job.path.is_dir():
        raise InsarError("folder.missing", folder=str(job.path))
    return job


def refresh_jobs(
    job: JobFolder, door: Hyp3Door, endpoints: Endpoints, context: RunContext, *, is_thorough: bool = True
) -> Refreshed:
    """Ask for all jobs of a folder.

    Parameters
    ----------
    is_thorough
        Ask again one by one for jobs that the service did not know last time.

    Raises
    ------
    InsarError
        As `run`.
    """
    files, problems = find_job_files(job.path)
    result = Refreshed(files, problems=list(problems))
    asked = []
    for file in files:
        if _is_of(file, door.api_url):
            asked.append(file)
        else:
            service = str(file.own.get("api_url"))
            result.problems.append(
                InsarError(
                    "hyp3_jobs.other_service", file=file.path.name, service=service, asked=door.api_url
                )
            )
    result.asked = frozenset(file.path.name for file in asked)
    answers, missing = _ask(asked, door, context, result, is_thorough)
    failures = _failures(asked, answers, endpoints, context)
    now = datetime.now(timezone.utc)
    offset_s = (door.server_now() - now).total_seconds()
    result.checked_at = now
    result.clock_offset_s = 0.0 if abs(offset_s) <= _SAME_CLOCK_S else round(offset_s)
    result.files = [
        _keep(file, answers, missing, failures, result, door.api_url) if file in asked else file
        for file in files
    ]
    folders = {*job.product_folders(), *(file.product_folder for file in result.files)}
    result.rows = job_rows(result.files, find_local_products(sorted(folders)))
    _keep_names(job, result)
    return result


def _ask(
    files: Sequence[JobFile], door: Hyp3Door, context: RunContext, result: Refreshed, is_thorough: bool
) -> tuple[dict[str, dict[str, Any]], set[str]]:
    """Give the answers by id, and the ids that the service does not know."""
    answers: dict[str, dict[str, Any]] = {}
    missing: set[str] = set()
    errors: list[InsarError] = []
    left = MOST_SINGLE
    accounts = list(dict.fromkeys(account for file in files for account in file.job_ids))
    for number, account in enumerate(accounts):
        context.report(number / len(accounts), account)
        wanted = {job_id for file in files for job_id in file.job_ids.get(account, ())} - set(answers)
        if not wanted:
            continue
        search = _Search(door, context, wanted, _start_of(files, account))
        try:
            search.list_account(account)
            left -= search.ask_singly(_worth_asking(files, search.missing, is_thorough), left)
        except Cancelled:
            raise
        except InsarError as error:
            if error.code in LOGIN_CODES:
                raise
            errors.append(error)
            result.unreachable.append({"account": account, **error.to_json()})
        else:
            missing |= search.missing
        answers.update(search.answers)
    if errors and not answers and len(errors) == len(accounts):
        raise errors[0]
    return answers, missing - set(answers)


class _Search:
    """The jobs of one account of the files, wherever the service has them."""

    def __init__(self, door: Hyp3Door, context: RunContext, wanted: set[str], start: datetime | None) -> None:
        self._door = door
        self._context = context
        self._wanted = wanted
        self._start = start
        self._listed: set[str] = set()
        self.answers: dict[str, dict[str, Any]] = {}

    @property
    def missing(self) -> set[str]:
        return self._wanted - set(self.answers)

    def list_account(self, account: str) -> None:
        """Look through the jobs of an account until all are found."""
        self._listed.add(account)
        own = self._door.account.account
        for job in self._door.find_jobs(start=self._start, user_id=None if account == own else account):
            stop_if_cancelled(self._context.is_cancelled)
            if job["job_id"] in self._wanted:
                self.answers[str(job["job_id"])] = job
                if not self.missing:
                    return

    def ask_singly(self, job_ids: Iterable[str], most: int) -> int:
        """Ask for jobs one by one; the account that one of them belongs to is listed. Give the number of questions."""
        asked = 0
        for job_id in job_ids:
            if job_id in self.answers or asked >= most:
                continue
            asked += 1
            job = self._single(job_id)
            if job is None:
                continue
            self.answers[job_id] = job
            owner = str(job.get("user_id") or "")
            if owner and owner not in self._listed:
                self.list_account(owner)
        return asked

    def _single(self, job_id: str) -> dict[str, Any] | None:
        stop_if_cancelled(self._context.is_cancelled)
        try:
            return self._door.job(job_id)
        except InsarError as error:
            # An id that is none, or a job that must not be read, is one that the service does not give.
            if error.code in ("hyp3.refused", "hyp3.forbidden"):
                self._context.log(f"{job_id}: {in_words(error)}", "warning")
                return None
            raise


def _worth_asking(files: Sequence[JobFile], missing: set[str], is_thorough: bool) -> list[str]:
    """Give the jobs to ask for one by one, the newest first."""
    known = {job_id: seen for file in files for job_id, seen in file.last_seen.items()}
    newest_first = [job_id for file in reversed(files) for job_id in reversed(file.ids) if job_id in missing]
    return [job_id for job_id in newest_first if is_thorough or not known.get(job_id, {}).get("missing")]


def _start_of(files: Sequence[JobFile], account: str) -> datetime | None:
    """Give the time from which on the jobs of an account were requested; None when a file does not tell."""
    moments: list[datetime] = []
    for file in files:
        job_ids = file.job_ids.get(account, ())
        requested = [moment_of(file.last_seen.get(job_id, {}).get("requested")) for job_id in job_ids]
        known = [moment for moment in requested if moment is not None]
        submitted = moment_of(file.own.get("submitted_at"))
        if job_ids and submitted is None and len(known) < len(job_ids):
            return None
        moments += known if submitted is None else [*known, submitted]
    return min(moments) - _BEFORE_SUBMISSION if moments else None


def _failures(
    files: Sequence[JobFile], answers: Mapping[str, dict[str, Any]], endpoints: Endpoints, context: RunContext
) -> dict[str, str]:
    """Give the last line of the log of failed jobs for which it is not known yet, of so many at once."""
    known = {job_id for file in files for job_id, seen in file.last_seen.items() if "failure" in seen}
    unread = {
        job_id: str(logs[0])
        for job_id, job in answers.items()
        if job_id not in known and job.get("status_code") == FAILED and (logs := job.get("logs"))
    }
    found: dict[str, str] = {}
    with open_session(endpoints) as session:
        for job_id, url in list(unread.items())[:_MOST_LOGS]:
            stop_if_cancelled(context.is_cancelled)
            try:
                found[job_id] = last_line_of_log(session, url, context.log)
            except InsarError as error:
                # The host is away: the logs are read with the next refresh.
                context.log(f"the log of a failed job cannot be read: {in_words(error)}", "warning")
                break
    return found


def _keep(
    file: JobFile,
    answers: Mapping[str, dict[str, Any]],
    missing: set[str],
    failures: Mapping[str, str],
    result: Refreshed,
    api_url: str,
) -> JobFile:
    """Write what was found into a job file and give it; a file that cannot be written is still shown so."""
    checked_at = result.checked_at or datetime.now(timezone.utc)
    seen: dict[str, dict[str, Any]] = {}
    for job_id in file.ids:
        if job_id in answers:
            seen[job_id] = seen_of(answers[job_id], checked_at)
            if job_id in failures:
                seen[job_id]["failure"] = failures[job_id]
        elif job_id in missing:
            seen[job_id] = {"missing": iso(checked_at)}
    if not seen:
        return file
    own = _filled_in(file, [answers[job_id] for job_id in file.ids if job_id in answers], api_url)
    own.update({"clock_offset_s": result.clock_offset_s, "clock_compared_at": iso(checked_at)})
    try:
        return update_seen(file.path, seen, own)
    except InsarError as error:
        result.problems.append(error)
        return with_seen(file, seen, own)


def _filled_in(file: JobFile, jobs: Sequence[Mapping[str, Any]], api_url: str) -> dict[str, Any]:
    """Give what the answers tell of a file that lacks it, as those of InSARHub do; what is written stays."""
    pairs, prints, names = file.pairs, file.fingerprints, file.own.get("names")
    names = names if isinstance(names, Mapping) else {}
    found: dict[str, Any] = {
        "pairs": {
            str(job["job_id"]): list(pair)
            for job in jobs
            if str(job["job_id"]) not in pairs and (pair := pair_of(job)) is not None
        },
        "names": {
            str(job["job_id"]): str(job["name"])
            for job in jobs
            if str(job["job_id"]) not in names and job.get("name")
        },
        # Without it a pair whose job is older than any list would count as new, and be paid unasked.
        "fingerprints": {
            str(job["job_id"]): fingerprint(str(job.get("job_type")), parameters)
            for job in jobs
            if str(job["job_id"]) not in prints
            and isinstance(parameters := job.get("job_parameters"), Mapping)
        },
    }
    requested = [moment for job in jobs if (moment := moment_of(job.get("request_time"))) is not None]
    if requested and not file.own.get("submitted_at"):
        found["submitted_at"] = iso(min(requested))
    if jobs and not file.own.get("api_url"):
        found["api_url"] = api_url
    job_types = {str(job.get("job_type") or "") for job in jobs}
    if len(job_types) == 1 and not file.own.get("job_type"):
        found["job_type"] = job_types.pop()
    options = [_options_of(job) for job in jobs]
    if options and not file.own.get("parameters") and all(entry == options[0] for entry in options):
        found["parameters"] = options[0]
    return {key: value for key, value in found.items() if value}


def _options_of(job: Mapping[str, Any]) -> dict[str, Any]:
    """Give the parameters of a job without its scenes."""
    parameters = job.get("job_parameters")
    scenes = ("granules", "reference", "secondary")
    return (
        {key: value for key, value in parameters.items() if key not in scenes}
        if isinstance(parameters, Mapping)
        else {}
    )


def _keep_names(job: JobFolder, result: Refreshed) -> None:
    """List the products of all job files in the cache."""
    names = list(dict.fromkeys(row.product for row in result.rows if row.product))
    try:
        cache = read_product_cache(job.path)
    except InsarError as error:
        result.problems.append(error)
        cache = None
    if not names or (cache is not None and set(names) <= set(cache.filenames)):
        return
    folder = existing_folder(cache.out_dir) if cache is not None else None
    try:
        write_product_cache(job.path, names, folder or result.files[0].product_folder)
    except InsarError as error:
        result.problems.append(error)


def _is_of(file: JobFile, api_url: str) -> bool:
    """Tell whether the jobs of a file are at a service; every sandbox is the same one, whatever its port."""
    own = file.own.get("api_url")
    if not isinstance(own, str) or not own:
        return True
    hosts = [urlsplit(address).hostname or "" for address in (own, api_url)]
    return hosts[0] == hosts[1] or set(hosts) <= _LOCAL_HOSTS

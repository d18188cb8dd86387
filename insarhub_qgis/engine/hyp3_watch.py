# SPDX-License-Identifier: GPL-2.0-or-later
"""Watch HyP3 jobs to their end, and download each product as it appears."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from insarhub_qgis.core.atomic_files import file_lock
from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.hyp3_files import find_job_files
from insarhub_qgis.core.hyp3_jobs import ACTIVE, DOWNLOADED, SUCCEEDED, UNKNOWN, JobRow, counts
from insarhub_qgis.core.hyp3_watch_mark import LOCK_NAME, forget_watch, write_watch_mark
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.progress import ignore_progress
from insarhub_qgis.core.requests import WatchHyp3
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine.failures import in_words
from insarhub_qgis.engine.hyp3_door import Hyp3Door, open_hyp3
from insarhub_qgis.engine.hyp3_download import ProductDownloads, rows_of
from insarhub_qgis.engine.hyp3_refresh import LOGIN_CODES, Refreshed, open_job_folder, refresh_jobs

LONGEST_POLL_S = 300.0
SHORTEST_POLL_S = 1.0
#: The sandbox is this computer: its jobs take seconds, and nobody else waits for it.
SANDBOX_POLL_S = 2.0
_SLOWER = 1.5
#: Jobs that the service did not know are looked for again each so many refreshes.
_THOROUGH_EACH = 10
#: A session of user and password that ends later than this is opened once more.
_SESSION_S = 60.0
#: Faults that pass; a watch waits for that.
_PASSING_GROUPS = ("network.", "archive.")
_PASSING = frozenset({"hyp3.busy", "hyp3.down", "hyp3.bad_answer", "hyp3.not_json", "folder.locked"})
#: Downloads that failed so may go better after the next refresh.
_LATER = frozenset({"product.in_other_window", "product.changed"})


def run(request: WatchHyp3, context: RunContext) -> dict[str, Any]:
    """Answer `WatchHyp3`.

    Raises
    ------
    InsarError
        ``folder.missing``, ``hyp3_watch.already_on``, codes of `hyp3_door.open_hyp3`; ``hyp3.token_expired``,
        ``hyp3.unauthorized`` and other refusals of the service, after the products that are on their way have arrived;
        what stops every download (`hyp3_download.run`); ``run.cancelled``.
    """
    job = open_job_folder(request.job_folder)
    try:
        with file_lock(job.path / LOCK_NAME, "watch-hyp3"):
            result = _Watch(job, request, context).run()
            if result["is_complete"]:
                forget_watch(job.path)
            return result
    except InsarError as error:
        if error.code == "folder.locked" and error.fields.get("owner") == "watch-hyp3":
            host, pid = error.fields.get("host"), error.fields.get("pid")
            raise InsarError("hyp3_watch.already_on", folder=str(job.path), host=host, pid=pid) from error
        raise


class _Watch:
    def __init__(self, job: JobFolder, request: WatchHyp3, context: RunContext) -> None:
        self._job = job
        self._request = request
        self._context = context
        self._endpoints = Endpoints.from_json(request.endpoints)
        # The progress of a watch is that of its jobs, not of one list of products.
        silent = replace(context, report=ignore_progress)
        self._silent = silent
        self._downloads = ProductDownloads(job, self._endpoints, silent, request.folder, request.max_workers)
        poll_s = min(request.poll_s, SANDBOX_POLL_S) if self._endpoints.is_sandbox else request.poll_s
        self._shortest_s = max(poll_s, SHORTEST_POLL_S)
        self._interval_s = self._shortest_s
        self._deadline = time.monotonic() + request.timeout_s if request.timeout_s > 0 else None
        self._states: dict[str, str] = {}
        self._asked: frozenset[str] | None = None
        self._refreshes = 0
        self._door: Hyp3Door | None = None
        self._opened_at = 0.0
        self._stack = ExitStack()

    def run(self) -> dict[str, Any]:
        with self._stack:
            try:
                is_complete = self._watch()
            except Cancelled:
                self._downloads.stop()
                raise
            except InsarError:
                # What is on its way needs no login and was paid for.
                self._downloads.finish()
                raise
            self._downloads.stop()
        rows = self._rows()
        result = self._downloads.to_json()
        return {
            **result,
            "failed": self._final_failures(),
            "rows": [row.to_json() for row in rows],
            "counts": counts(rows),
            "is_complete": is_complete,
        }

    def _watch(self) -> bool:
        """Refresh and download in turn; True when nothing is left to wait for, False at the end of the time."""
        is_noted = False
        while True:
            problem = self._refresh()
            if not is_noted:
                # Once only: the user who stops the watch has it forgotten at the same time.
                write_watch_mark(self._job.path, self._request.folder)
                is_noted = True
            rows = self._queue(self._rows())
            self._tell(rows, problem)
            if self._wait(self._interval_s):
                return True
            if self._is_late():
                return not self._is_waiting()

    def _wait(self, seconds: float) -> bool:
        """Let the downloads go on until the next refresh; True when all has ended before that."""
        end = time.monotonic() + seconds
        ended = -1
        while time.monotonic() < end and not self._is_late():
            self._downloads.pump(min(0.2, max(end - time.monotonic(), 0.0)))
            if ended != self._downloads.ended_count:
                ended = self._downloads.ended_count
                if not self._is_waiting() and self._downloads.is_idle:
                    return True
        return False

    def _is_late(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    # --- Asking ---

    def _refresh(self) -> InsarError | None:
        """Ask the service, while the downloads go on; gives the fault when it is one that passes."""
        found: list[Refreshed] = []
        errors: list[BaseException] = []

        def work() -> None:
            try:
                found.append(self._ask())
            # The edge of a thread: raised again where it is awaited.
            except BaseException as exception:
                errors.append(exception)

        thread = threading.Thread(target=work, name="refresh", daemon=True)
        thread.start()
        while thread.is_alive():
            self._downloads.pump(0.05)
            thread.join(0.05)
        if not errors:
            self._note_change(found[0])
            return InsarError.from_json(found[0].unreachable[0]) if found[0].unreachable else None
        error = errors[0]
        if isinstance(error, InsarError) and _passes(error):
            self._interval_s = min(max(self._interval_s, self._shortest_s) * 2, self._longest_s)
            self._context.log(f"not refreshed: {in_words(error)}", "warning")
            return error
        raise error

    def _ask(self) -> Refreshed:
        is_thorough = self._refreshes % _THOROUGH_EACH == 0
        self._refreshes += 1
        try:
            return self._ask_once(is_thorough)
        except InsarError as error:
            if error.code not in LOGIN_CODES or not self._may_sign_in_again():
                raise
            self._context.log(f"signing in again: {in_words(error)}", "info")
            self._stack.close()
            self._door = None
            return self._ask_once(is_thorough)

    def _ask_once(self, is_thorough: bool) -> Refreshed:
        return refresh_jobs(
            self._job, self._opened_door(), self._endpoints, self._silent, is_thorough=is_thorough
        )

    def _opened_door(self) -> Hyp3Door:
        if self._door is None:
            self._door = self._stack.enter_context(open_hyp3(self._endpoints, self._context))
            self._opened_at = time.monotonic()
        return self._door

    def _may_sign_in_again(self) -> bool:
        """Tell whether the login can give a new session: a token cannot."""
        credential = self._context.credential
        is_old = time.monotonic() - self._opened_at > _SESSION_S
        return credential is not None and not credential.token and is_old

    @property
    def _longest_s(self) -> float:
        return max(LONGEST_POLL_S, self._shortest_s)

    def _note_change(self, refreshed: Refreshed) -> None:
        states = {row.job_id: row.known_status for row in refreshed.rows}
        has_changed = states != self._states
        self._states = states
        self._asked = refreshed.asked
        self._downloads.problems += [
            problem
            for problem in refreshed.problems
            if str(problem) not in map(str, self._downloads.problems)
        ]
        if has_changed:
            self._interval_s = self._shortest_s
        else:
            self._interval_s = min(self._interval_s * _SLOWER, self._longest_s)

    # --- What is there ---

    def _rows(self) -> list[JobRow]:
        return rows_of(self._job, find_job_files(self._job.path)[0], self._request.folder)

    def _queue(self, rows: list[JobRow]) -> list[JobRow]:
        files, _ = find_job_files(self._job.path)
        self._downloads.add(files, [row for row in rows if self._is_wanted(row)])
        return rows

    def _is_wanted(self, row: JobRow) -> bool:
        """Tell whether a product is to be fetched or checked now: not yet tried, or failed for a reason that may be over."""
        if not row.is_current or self._downloads.is_known(row):
            return False
        if row.status == DOWNLOADED:
            return row.product not in (*self._downloads.downloaded, *self._downloads.present)
        return row.status == SUCCEEDED and bool(row.url and row.product) and not self._is_hopeless(row)

    def _is_hopeless(self, row: JobRow) -> bool:
        last = next(
            (found for found in reversed(self._downloads.failed) if found["job_id"] == row.job_id), None
        )
        return last is not None and not _may_pass(str(last["code"]))

    def _is_waiting(self) -> bool:
        """Tell whether something may still happen to a job: it is being worked on, or its product can be fetched."""
        rows = [row for row in self._rows() if row.is_current]
        is_open = [self._is_open(row) for row in rows]
        if rows:
            ended = is_open.count(False)
            self._context.report(ended / len(rows), f"{ended}/{len(rows)}")
        return any(is_open)

    def _is_open(self, row: JobRow) -> bool:
        if row.status == SUCCEEDED:
            return bool(row.url and row.product) and not self._is_hopeless(row)
        if self._asked is not None and row.file not in self._asked:
            return False
        # Of a job that the service does not know nothing can be expected; one that was never asked about is open.
        never_asked = row.status == UNKNOWN and (row.message or {}).get("code") == "hyp3_jobs.never_asked"
        return row.status in ACTIVE or never_asked

    def _final_failures(self) -> list[dict[str, Any]]:
        """Give the failures that stayed, the last one of each job."""
        done = set(self._downloads.downloaded) | set(self._downloads.present)
        last = {found["job_id"]: found for found in self._downloads.failed}
        return [found for found in last.values() if found["file"] not in done]

    def _tell(self, rows: list[JobRow], problem: InsarError | None) -> None:
        files, _ = find_job_files(self._job.path)
        compared = [str(file.own["clock_compared_at"]) for file in files if file.own.get("clock_compared_at")]
        self._context.item(
            {
                "rows": [row.to_json() for row in rows],
                "counts": counts(rows),
                "checked_at": max(compared, default=None),
                "problem": problem.to_json() if problem is not None else None,
                "next_in_s": round(self._interval_s, 1),
            }
        )


def _passes(error: InsarError) -> bool:
    return error.code in _PASSING or error.code.startswith(_PASSING_GROUPS)


def _may_pass(code: str) -> bool:
    return code in _LATER or code.startswith(_PASSING_GROUPS)

# SPDX-License-Identifier: GPL-2.0-or-later
"""The worker behind the HyP3 service: takes jobs that have started, and gives each its files or its log."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from insarhub_qgis.core.errors import Cancelled
from insarhub_qgis.core.progress import IsCancelled, stop_if_cancelled
from insarhub_qgis.sandbox.hyp3_jobs import Hyp3Job, Hyp3Settings, Outcome
from insarhub_qgis.sandbox.product_shelf import ProductShelf
from insarhub_qgis.sandbox.service_state import SandboxClock

#: Longest wait for the products of jobs that are due.
SETTLE_LIMIT_S = 300.0
_POLL_S = 0.05


class ProcessingFailed(Exception):
    """The scenes of a job give no product; the text goes to its log."""


#: Gives, for each job of a batch in any order, the file of its product or why there is none. Files go into the folder.
ProductMaker = Callable[
    [Sequence[Hyp3Job], Path, IsCancelled], Iterable[tuple[Hyp3Job, "Path | ProcessingFailed"]]
]


class Hyp3Processing:
    """Processes started jobs one batch after another in a thread of its own.

    Parameters
    ----------
    make_products
        None: jobs succeed without files.
    """

    def __init__(self, clock: SandboxClock, shelf: ProductShelf, make_products: ProductMaker | None) -> None:
        self._clock = clock
        self._shelf = shelf
        self._make_products = make_products
        self._changed = threading.Condition()
        self._waiting: list[Hyp3Job] = []
        self._settings = Hyp3Settings()
        self._thread: threading.Thread | None = None
        self._folder: Path | None = None
        self._is_closed = False
        #: Counts how often all was forgotten.
        self._era = 0

    def add(self, jobs: Sequence[Hyp3Job], settings: Hyp3Settings) -> None:
        with self._changed:
            self._settings = settings
            self._waiting += jobs
            if self._thread is None and not self._is_closed:
                self._thread = threading.Thread(target=self._run, name="hyp3-processing", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def settings_changed(self, settings: Hyp3Settings) -> None:
        with self._changed:
            self._settings = settings
            self._changed.notify_all()

    def clear(self) -> None:
        """Forget all jobs, and leave the work on those that had started."""
        with self._changed:
            self._waiting.clear()
            self._era += 1

    def wait_for(self, jobs: Sequence[Hyp3Job]) -> None:
        """Wait until the jobs have an outcome, `SETTLE_LIMIT_S` at most."""
        limit = time.monotonic() + SETTLE_LIMIT_S
        with self._changed:
            self._changed.notify_all()
            while (
                any(job.outcome is None for job in jobs) and not self._is_closed and time.monotonic() < limit
            ):
                self._changed.wait(_POLL_S)

    def close(self) -> None:
        """End the thread and remove the files."""
        with self._changed:
            self._is_closed = True
            self._waiting.clear()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    # --- The thread ---

    def _run(self) -> None:
        while True:
            with self._changed:
                batch = self._take_started()
                while not batch:
                    if self._is_closed:
                        return
                    # The clock can be moved from outside, so it is looked at rather than slept for.
                    self._changed.wait(_POLL_S if self._waiting else None)
                    batch = self._take_started()
                era = self._era
            try:
                self._process(batch, era)
            except Cancelled:
                # Nobody asks for these jobs any more.
                continue
            except Exception as error:
                # Whatever it was, the jobs must end, and their logs say why.
                for job in batch:
                    if job.outcome is None:
                        self._fail(job, f"{type(error).__name__}: {error}", time.monotonic())

    def _take_started(self) -> list[Hyp3Job]:
        limit = self._clock.now_s() - self._settings.pending_s
        started = [job for job in self._waiting if job.requested_s <= limit]
        if started:
            self._waiting = [job for job in self._waiting if job.requested_s > limit]
        return started

    def _process(self, batch: Sequence[Hyp3Job], era: int) -> None:
        started = time.monotonic()

        def is_cancelled() -> bool:
            return self._is_closed or self._era != era

        for job in batch:
            if job.is_to_fail:
                self._fail(job, "Processing failed: the co-registration did not converge.", started)
        wanted = [job for job in batch if not job.is_to_fail]
        if self._make_products is None:
            for job in wanted:
                self._deliver(job, Outcome((), None, self._clock.now_s(), time.monotonic() - started))
            return
        for job, made in self._make_products(wanted, self._work_folder(), is_cancelled):
            stop_if_cancelled(is_cancelled)
            if isinstance(made, ProcessingFailed):
                self._fail(job, str(made), started)
                continue
            now_s = self._clock.now_s()
            file = self._shelf.put(job.job_id, made, now_s)
            self._deliver(job, Outcome((file,), None, now_s, time.monotonic() - started))

    def _fail(self, job: Hyp3Job, reason: str, started: float) -> None:
        path = self._work_folder() / f"{job.job_id}.log"
        names = " ".join([*job.scenes[0], *job.scenes[1]])
        path.write_text(f"{job.job_type} {names}\n{reason}\n", encoding="utf-8")
        now_s = self._clock.now_s()
        log = self._shelf.put(job.job_id, path, now_s, content_type="text/plain; charset=utf-8")
        self._deliver(job, Outcome((), log, now_s, time.monotonic() - started))

    def _deliver(self, job: Hyp3Job, outcome: Outcome) -> None:
        with self._changed:
            job.outcome = outcome
            self._changed.notify_all()

    def _work_folder(self) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="insarhub_sandbox_"))
        return self._folder

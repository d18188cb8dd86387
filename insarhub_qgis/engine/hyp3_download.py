# SPDX-License-Identifier: GPL-2.0-or-later
"""Download the products of HyP3 jobs: several at once, soonest expiry first, each one on its own account."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.hyp3_files import (
    JobFile,
    find_job_files,
    update_job_file,
    update_seen,
    write_product_cache,
)
from insarhub_qgis.core.hyp3_jobs import (
    DOWNLOADED,
    EXPIRED,
    SUCCEEDED,
    JobRow,
    find_local_products,
    job_rows,
    service_now,
)
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.progress import ignore_progress
from insarhub_qgis.core.requests import DownloadHyp3
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine.failures import error_from_exception, in_words
from insarhub_qgis.engine.hyp3_door import open_hyp3
from insarhub_qgis.engine.hyp3_refresh import open_job_folder, refresh_jobs
from insarhub_qgis.engine.product_download import (
    Product,
    bytes_here,
    check_space,
    download_product,
    open_session,
)

MOST_WORKERS = 16
_PUMP_S = 0.2
#: Between two items about the progress of one product.
_ITEM_INTERVAL_S = 0.5
#: How long the threads may take to notice a stop. What they wrote is valid in any case.
_STOP_S = 3.0
#: How long another window that fetches a product may bring nothing before it is given up.
_OTHER_WINDOW_S = 120.0
_OTHER_WINDOW_POLL_S = 1.0
#: Faults of this computer that every further product would meet.
_STOPPING = frozenset({"file.disk_full", "file.not_writable", "file.write_failed"})
_LAST_TO_EXPIRE = datetime.max.replace(tzinfo=timezone.utc)


def run(request: DownloadHyp3, context: RunContext) -> dict[str, Any]:
    """Answer `DownloadHyp3`. With a credential the jobs are refreshed first.

    Raises
    ------
    InsarError
        ``folder.missing``, ``hyp3_jobs.nothing_known``: no address of a product is known and no login given;
        ``product.no_space``, ``file.disk_full``, ``file.not_writable``, ``file.write_failed``: parts are kept;
        ``run.cancelled``.
    """
    job = open_job_folder(request.job_folder)
    endpoints = Endpoints.from_json(request.endpoints)
    problems: list[InsarError] = []
    if context.credential is not None:
        problems = _refresh(job, endpoints, context)
    files, _ = find_job_files(job.path)
    rows = rows_of(job, files, request.folder)
    chosen = _chosen(rows, request.job_ids)
    if not chosen and not any(row.known_status for row in rows) and rows and context.credential is None:
        raise InsarError("hyp3_jobs.nothing_known", folder=str(job.path))
    downloads = ProductDownloads(job, endpoints, context, request.folder, request.max_workers)
    downloads.problems += problems + ([] if request.job_ids else _told_of_expired(rows))
    downloads.add(files, chosen)
    downloads.finish()
    return downloads.to_json()


def rows_of(job: JobFolder, files: Sequence[JobFile], folder: str = "") -> list[JobRow]:
    """Give the rows of a job; ``folder`` is looked at as well."""
    folders = [*job.product_folders(), *([Path(folder)] if folder else [])]
    return job_rows(files, find_local_products(folders), service_now(files))


def _refresh(job: JobFolder, endpoints: Endpoints, context: RunContext) -> list[InsarError]:
    """Refresh the addresses; what is known is good enough when the service cannot be asked."""
    try:
        with open_hyp3(endpoints, context) as door:
            return refresh_jobs(job, door, endpoints, replace(context, report=ignore_progress)).problems
    except Cancelled:
        raise
    except InsarError as error:
        context.log(f"not refreshed before the download: {in_words(error)}", "warning")
        return [error]


def _chosen(rows: Sequence[JobRow], job_ids: Sequence[str]) -> list[JobRow]:
    """Give the jobs whose products are wanted; without ids those that can be there."""
    if job_ids:
        wanted = set(job_ids)
        return [row for row in rows if row.job_id in wanted]
    return [
        row for row in rows if row.is_current and (row.status in (SUCCEEDED, DOWNLOADED) or _vanished(row))
    ]


def _told_of_expired(rows: Sequence[JobRow]) -> list[InsarError]:
    """Name the products that cannot be fetched any more: nobody misses what is silently passed over."""
    names = [row.product for row in rows if row.is_current and row.status == EXPIRED and not _vanished(row)]
    return [InsarError("hyp3_jobs.expired_products", count=len(names), files=names)] if names else []


def _vanished(row: JobRow) -> bool:
    """Tell whether a product was not at its address, though its time is not over."""
    return row.status == EXPIRED and (row.message or {}).get("code") == "product.gone"


@dataclass
class _Entry:
    """One product on its way."""

    row: JobRow
    product: Product
    file: Path
    order: tuple[datetime, int]
    have: int = 0
    is_running: bool = False
    is_over: bool = False
    not_before: float = 0.0
    other_window: tuple[float, int] | None = None
    last_item: float = 0.0


@dataclass
class ProductDownloads:
    """Products being fetched by a few threads; the files of the job are written by the thread that calls.

    Parameters
    ----------
    folder
        Where the products go; empty for the folder of each job file.
    max_workers
        1..16.

    Attributes
    ----------
    downloaded, present
        Names of products that came now, and that were here.
    failed
        ``job_id``, ``file``, ``code``, ``fields``.
    received_bytes
        All that came over the network, also what was thrown away.
    """

    job: JobFolder
    endpoints: Endpoints
    context: RunContext
    folder: str = ""
    max_workers: int = 4
    downloaded: list[str] = field(default_factory=list)
    present: list[str] = field(default_factory=list)
    failed: list[dict[str, Any]] = field(default_factory=list)
    problems: list[InsarError] = field(default_factory=list)
    received_bytes: int = 0

    def __post_init__(self) -> None:
        self.max_workers = min(max(self.max_workers, 1), MOST_WORKERS)
        self._entries: dict[str, _Entry] = {}
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._events: Queue[tuple[_Entry, bool | InsarError]] = Queue()
        self._threads: list[threading.Thread] = []
        self._fatal: InsarError | None = None
        self._default_folder: Path | None = None
        #: Job file -> job id -> changes that are still to be written; names for the cache by folder.
        self._seen: dict[Path, dict[str, dict[str, Any]]] = {}
        self._names: dict[Path, list[str]] = {}

    # --- What is wanted ---

    def add(self, files: Sequence[JobFile], rows: Iterable[JobRow]) -> None:
        """Queue the products of jobs that are not queued yet.

        Raises
        ------
        InsarError
            ``product.no_space``.
        """
        by_name = {file.path.name: file for file in files}
        if self._default_folder is None and files:
            self._default_folder = files[0].product_folder
        new: list[_Entry] = []
        for row in rows:
            known = self._entries.get(row.job_id)
            if known is not None and not known.is_over:
                continue
            file = by_name[row.file]
            is_verified = file.last_seen.get(row.job_id, {}).get("verified") is True
            if row.status == DOWNLOADED and (is_verified or not row.url):
                self._note_present(row)
                continue
            if not (row.url and row.product):
                self._refuse(row)
                continue
            folder = Path(self.folder) if self.folder else file.product_folder
            target = Path(row.product_path) if row.product_path else folder / row.product
            order = (row.expires_at or _LAST_TO_EXPIRE, len(self._entries) + len(new))
            entry = _Entry(row, Product(row.url, target, row.size), file.path, order)
            entry.have = bytes_here(target, row.size)
            new.append(entry)
        missing: dict[Path, int] = {}
        on_their_way = [entry for entry in self._entries.values() if not entry.is_over] if new else []
        for entry in (*on_their_way, *new):
            place = entry.product.target.parent
            missing[place] = missing.get(place, 0) + max((entry.product.size or 0) - entry.have, 0)
        check_space(missing)
        with self._changed:
            self._entries.update({entry.row.job_id: entry for entry in new})
            self._changed.notify_all()
        for _ in range(min(self.max_workers - len(self._threads), len(new))):
            thread = threading.Thread(target=self._work, name="product download", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _refuse(self, row: JobRow) -> None:
        message = (
            row.message or InsarError("hyp3_jobs.no_product", job_id=row.job_id, status=row.status).to_json()
        )
        self._note_failed(row, InsarError.from_json(message))

    @property
    def is_idle(self) -> bool:
        """Whether nothing is waiting, on its way, or to be written."""
        return all(entry.is_over for entry in self._entries.values()) and self._events.empty()

    @property
    def ended_count(self) -> int:
        """How many products have come to an end, good or bad; it grows with every event."""
        return len(self.downloaded) + len(self.present) + len(self.failed)

    def is_known(self, row: JobRow) -> bool:
        """Whether the product of a job is queued or on its way."""
        entry = self._entries.get(row.job_id)
        return entry is not None and not entry.is_over

    # --- What happens ---

    def pump(self, seconds: float = _PUMP_S) -> None:
        """Wait at most so long for something to happen, report it and write it into the files of the job.

        Raises
        ------
        InsarError
            What stops every download (full disk), or ``run.cancelled``; the threads have ended then.
        """
        end = time.monotonic() + seconds
        is_over = False
        while not is_over:
            try:
                event = self._events.get(timeout=max(min(end - time.monotonic(), _PUMP_S), 0.0))
                self._settle(*event)
                is_over = self.is_idle
            except Empty:
                is_over = time.monotonic() >= end
            if self._fatal is not None or self.context.is_cancelled():
                self.stop()
                raise self._fatal or Cancelled()
            self._report_progress()
        self._write()

    def finish(self) -> None:
        """Wait until all is fetched or failed; errors as `pump`."""
        while not self.is_idle:
            self.pump()
        self.stop()

    def stop(self) -> None:
        """End the threads; what has arrived is kept."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        deadline = time.monotonic() + _STOP_S
        for thread in self._threads:
            thread.join(max(deadline - time.monotonic(), 0.0))
        while not self._events.empty():
            self._settle(*self._events.get_nowait())
        self._write(is_last=True)

    def to_json(self) -> dict[str, Any]:
        """Give the result of `DownloadHyp3`."""
        folder = self.folder or (str(self._default_folder) if self._default_folder else str(self.job.path))
        return {
            "folder": folder,
            "downloaded": self.downloaded,
            "present": self.present,
            "failed": self.failed,
            "bytes": self.received_bytes,
            "problems": [error.to_json() for error in self.problems],
        }

    # --- The threads ---

    def _work(self) -> None:
        with open_session(self.endpoints) as session:
            while (entry := self._take()) is not None:
                try:
                    outcome: bool | InsarError = download_product(
                        session, entry.product, self._is_stopped, self._counter(entry), self.context.log
                    )
                # The edge of a thread: whatever happens to one product must not end the others.
                except Exception as exception:
                    outcome = error_from_exception(exception)
                self._events.put((entry, outcome))

    def _take(self) -> _Entry | None:
        """Give the product that expires first; None when the threads are to end."""
        with self._changed:
            while not self._stopping.is_set():
                now = time.monotonic()
                waiting = [
                    entry for entry in self._entries.values() if not entry.is_running and not entry.is_over
                ]
                ready = [entry for entry in waiting if entry.not_before <= now]
                if ready:
                    entry = min(ready, key=lambda entry: entry.order)
                    entry.is_running = True
                    return entry
                self._changed.wait(_OTHER_WINDOW_POLL_S if waiting else None)
        return None

    def _counter(self, entry: _Entry) -> Any:
        def count(arrived: int, have: int) -> None:
            entry.have = have
            with self._changed:
                self.received_bytes += arrived

        return count

    def _is_stopped(self) -> bool:
        return self._stopping.is_set() or self.context.is_cancelled()

    # --- What came of it ---

    def _settle(self, entry: _Entry, outcome: bool | InsarError) -> None:
        if isinstance(outcome, InsarError):
            if outcome.code == Cancelled.CODE:
                self._end(entry)
            elif outcome.code == "product.in_other_window" and self._wait_for_other_window(entry):
                return
            else:
                self._end(entry)
                self._note_failed(entry.row, outcome, entry)
                if outcome.code in _STOPPING:
                    self._fatal = self._fatal or outcome
            return
        self._end(entry)
        target = entry.product.target
        entry.have = entry.product.size or bytes_here(target)
        changes = {"verified": True, "problem": None, "gone": None}
        self._seen.setdefault(entry.file, {})[entry.row.job_id] = changes
        self._names.setdefault(target.parent, []).append(target.name)
        if outcome:
            self.downloaded.append(target.name)
            self._item(entry, "done")
        else:
            self._note_present(entry.row)

    def _end(self, entry: _Entry) -> None:
        with self._changed:
            entry.is_over, entry.is_running = True, False

    def _wait_for_other_window(self, entry: _Entry) -> bool:
        """Put a product back that another window is fetching, as long as it makes headway there."""
        now, have = time.monotonic(), bytes_here(entry.product.target, entry.product.size)
        if entry.other_window is None or entry.other_window[1] != have:
            entry.other_window = (now, have)
        if now - entry.other_window[0] > _OTHER_WINDOW_S:
            return False
        entry.have = have
        with self._changed:
            entry.not_before, entry.is_running = now + _OTHER_WINDOW_POLL_S, False
            self._changed.notify()
        return True

    def _note_present(self, row: JobRow) -> None:
        self.present.append(row.product)
        self.context.item(
            {"job_id": row.job_id, "file": row.product, "bytes": row.size, "size": row.size, "state": "done"}
        )

    def _note_failed(self, row: JobRow, error: InsarError, entry: _Entry | None = None) -> None:
        is_gone = error.code == "product.gone"
        self.failed.append({"job_id": row.job_id, "file": row.product, **error.to_json()})
        state = "expired" if is_gone or row.status == EXPIRED else "failed"
        item = {
            "job_id": row.job_id,
            "file": row.product,
            "size": row.size,
            "state": state,
            **error.to_json(),
        }
        self.context.item({**item, "bytes": entry.have if entry is not None else 0})
        if entry is None:
            return
        changes: dict[str, Any] = {"gone": row.url} if is_gone else {}
        if error.code.startswith("product.") and not is_gone:
            changes["problem"] = error.to_json()
        if changes:
            self._seen.setdefault(entry.file, {})[row.job_id] = changes

    def _report_progress(self) -> None:
        entries = list(self._entries.values())
        now = time.monotonic()
        for entry in entries:
            if entry.is_running and now - entry.last_item >= _ITEM_INTERVAL_S:
                self._item(entry, "progress" if entry.last_item else "started")
                entry.last_item = now
        wanted = sum(entry.product.size or 0 for entry in entries)
        have = sum(
            (entry.product.size or 0) if entry.is_over else min(entry.have, entry.product.size or 0)
            for entry in entries
        )
        over = sum(entry.is_over for entry in entries)
        if entries:
            self.context.report(have / wanted if wanted else over / len(entries), f"{over}/{len(entries)}")

    def _item(self, entry: _Entry, state: str) -> None:
        values = {"job_id": entry.row.job_id, "file": entry.product.target.name}
        self.context.item({**values, "bytes": entry.have, "size": entry.product.size, "state": state})

    # --- The files of the job ---

    def _write(self, is_last: bool = False) -> None:
        """Write what came of the products; while another window holds the files it is tried again later."""
        for path, seen in list(self._seen.items()):
            if self._written(lambda path=path, seen=seen: self._write_seen(path, seen), is_last):
                del self._seen[path]
        for folder, names in list(self._names.items()):
            if self._written(lambda folder=folder, names=names: self._write_names(folder, names), is_last):
                del self._names[folder]

    def _written(self, write: Any, is_last: bool) -> bool:
        try:
            write()
        except InsarError as error:
            if error.code == "folder.locked" and not is_last:
                return False
            self.problems.append(error)
            self.context.log(f"not noted in the job folder: {in_words(error)}", "warning")
        return True

    def _write_seen(self, path: Path, seen: Mapping[str, Mapping[str, Any]]) -> None:
        file = update_seen(path, seen)
        chosen = Path(self.folder).absolute() if self.folder else None
        # A folder that the user chose must be found again; one that was named before keeps its name.
        if chosen is not None and file.product_folder == self.job.path and chosen.is_dir():
            update_job_file(path, {}, out_dir=chosen)

    def _write_names(self, folder: Path, names: Sequence[str]) -> None:
        aside = write_product_cache(self.job.path, names, folder)
        if aside is not None:
            self.context.log(f"the damaged list of products is kept as {aside.name}", "warning")

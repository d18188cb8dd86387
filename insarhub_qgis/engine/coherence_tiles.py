# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads windows of the global seasonal coherence over HTTP: only the bytes of an area, four files at a time."""

from __future__ import annotations

import itertools
import os
import queue
import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import rasterio
import requests
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window

from insarhub_qgis.core.coherence_tiles import LEVELS_DAYS, CoherenceGrid, Piece
from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.progress import Report, ignore_progress
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine.archive_http import LONGEST_WAIT_S, ArchiveAdapter, causes_of
from insarhub_qgis.engine.remote_rasters import NO_RASTER

CONNECT_TIMEOUT_S, FILE_TIMEOUT_S = 10.0, 120.0
#: Waits before the second, third and fourth attempt.
RETRY_WAITS_S: tuple[float, ...] = (0.5, 1.5, 4.0)
PARALLEL_READS = 4

_POLL_S = 0.1
_STATUS = re.compile(r"HTTP (?:response code:|error code *:?|error) *(\d{3})", re.IGNORECASE)
_NO_ANSWER = re.compile(r"CURL error: *(.*)", re.IGNORECASE)
_ATTEMPTS = itertools.count()
_NOT_FOUND, _BUSY = 404, 429
_PASSING = (_BUSY, 500, 502, 503, 504)
#: A raster whose pixels are off by more is not on the lattice of the dataset.
_TOLERANCE_PX = 0.01

Numbers = NDArray[np.uint8]


@dataclass(frozen=True)
class CoherenceLevels:
    """Stored coherence of one season and polarisation, 100 x coherence, 0 = no data.

    Attributes
    ----------
    numbers
        Shape (n_levels, rows, cols).
    days
        Levels for which there is a file.
    """

    numbers: Numbers
    days: tuple[int, ...]


@dataclass
class _Task:
    piece: Piece
    level: int
    url: str
    started: float = 0.0
    found: Numbers | None = None
    error: BaseException | None = None
    is_done: bool = False


@dataclass
class CoherenceReader:
    """Reads from one address. Nothing is kept between reads, so a failure is asked for again."""

    endpoints: Endpoints
    context: RunContext = field(default_factory=RunContext)
    _quiet_until: float = field(default=float("-inf"), init=False)

    def read(
        self,
        grid: CoherenceGrid,
        is_inside: NDArray[np.bool_],
        season: str,
        polarization: str,
        report: Report = ignore_progress,
    ) -> CoherenceLevels:
        """Read all levels of a season. Files that do not exist are sea or were never made: no data.

        Parameters
        ----------
        is_inside
            Pixels of the area, shape (rows, cols); files without any are not asked for.

        Raises
        ------
        InsarError
            ``coherence.offline``, ``coherence.slow``, ``coherence.not_read``, ``coherence.damaged``, each with the file;
            ``run.cancelled`` within a second.
        """
        pieces = [piece for piece in grid.pieces() if is_inside[_target(piece)].any()]
        tasks = [
            _Task(piece, level, f"{self.endpoints.coherence}/{piece.path(season, polarization, days)}")
            for level, days in enumerate(LEVELS_DAYS)
            for piece in pieces
        ]
        self._run(tasks, grid.resolution.pixels_per_degree, f"{season} {polarization}", report)
        present = sorted({task.level for task in tasks if task.found is not None})
        numbers = np.zeros((len(present), grid.height, grid.width), dtype=np.uint8)
        for task in tasks:
            if task.found is not None:
                numbers[present.index(task.level)][_target(task.piece)] = task.found
        numbers[:, ~is_inside] = 0
        return CoherenceLevels(numbers, tuple(LEVELS_DAYS[level] for level in present))

    def _run(self, tasks: Sequence[_Task], per_degree: int, what: str, report: Report) -> None:
        waiting: queue.SimpleQueue[_Task] = queue.SimpleQueue()
        for task in tasks:
            waiting.put(task)
        stop = threading.Event()

        def work() -> None:
            session = self._session(stop)
            while not stop.is_set():
                try:
                    task = waiting.get_nowait()
                except queue.Empty:
                    return
                try:
                    task.found = self._read_file(session, task, per_degree, stop)
                except BaseException as error:  # the edge of the thread: raised again where it is awaited
                    task.error = error
                task.is_done = True

        # Daemons: a socket that waits for its answer cannot be interrupted, and must not hold up a cancel.
        for _ in range(min(PARALLEL_READS, len(tasks))):
            threading.Thread(target=work, name="coherence read", daemon=True).start()
        try:
            while not all(task.is_done for task in tasks):
                if self.context.is_cancelled():
                    raise Cancelled()
                self._check(tasks)
                done = sum(task.is_done for task in tasks)
                report(done / len(tasks), f"Coherence {what}: {done} of {len(tasks)} files")
                time.sleep(_POLL_S / 5)
            self._check(tasks)
        finally:
            stop.set()

    def _check(self, tasks: Sequence[_Task]) -> None:
        now = time.monotonic()
        for task in tasks:
            if task.error is not None:
                raise task.error
            if task.started and not task.is_done and now - task.started > FILE_TIMEOUT_S:
                raise InsarError(
                    "coherence.slow", file=_name(task.url), host=_host(task.url), seconds=FILE_TIMEOUT_S
                )

    def _session(self, stop: threading.Event) -> requests.Session:
        session = requests.Session()
        # Attempts are counted here, not by the adapter.
        adapter = ArchiveAdapter(self.endpoints, stop.is_set, expects_json=False, retry_waits_s=())
        for scheme in ("https://", "http://"):
            session.mount(scheme, adapter)
        session.auth = _no_login
        return session

    def _read_file(
        self, session: requests.Session, task: _Task, per_degree: int, stop: threading.Event
    ) -> Numbers | None:
        for attempt in range(len(RETRY_WAITS_S) + 1):
            # Who asks to be left alone means all four readers.
            if stop.wait(max(self._quiet_until - time.monotonic(), 0.0)):
                raise Cancelled()
            task.started = time.monotonic()
            try:
                # Asked before, since GDAL does not tell how long a busy service wants to be left alone.
                return self._read_once(task, per_degree) if _is_there(session, task.url) else None
            except _FailedAttemptError as failed:
                if attempt == len(RETRY_WAITS_S) or not failed.may_pass or failed.wait_s > LONGEST_WAIT_S:
                    raise failed.reason from failed
                wait_s = max(RETRY_WAITS_S[attempt], failed.wait_s)
                self.context.log(f"{failed.reason}: asking again in {wait_s:.0f} s", "debug")
                task.started = 0.0
                self._quiet_until = max(self._quiet_until, time.monotonic() + failed.wait_s)
                if stop.wait(wait_s):
                    raise failed.reason from failed
        raise AssertionError("the last attempt returns or raises")

    def _read_once(self, task: _Task, per_degree: int) -> Numbers | None:
        # GDAL remembers what it heard about an address, also a failure. A fragment is not sent, but makes it another one.
        source = f"/vsicurl/{task.url}#{next(_ATTEMPTS)}.tif"
        try:
            with rasterio.Env(**self._options()), rasterio.open(source) as raster:
                return _window_of(raster, task.piece, per_degree, _name(task.url))
        except (RasterioError, OSError) as error:
            texts = " ".join(str(cause) for cause in causes_of(error))
            status = _STATUS.search(texts)
            if status is not None and status.group(1) == "404":
                return None
            raise _failed_attempt(task.url, status, texts) from error

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {
            "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
            "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".tif",
            "GDAL_HTTP_CONNECTTIMEOUT": CONNECT_TIMEOUT_S,
            "GDAL_HTTP_TIMEOUT": FILE_TIMEOUT_S,
            # Attempts are counted here, where a cancel is heard while waiting.
            "GDAL_HTTP_MAX_RETRY": 0,
            "GDAL_PAM_ENABLED": "NO",
        }
        bundle = os.environ.get("REQUESTS_CA_BUNDLE")
        if bundle:
            options["GDAL_CURL_CA_BUNDLE"] = bundle
        return options


def _window_of(raster: Any, piece: Piece, per_degree: int, name: str) -> Numbers:
    """Read the pixels of a piece; what the file does not reach stays without data.

    Raises
    ------
    InsarError
        ``coherence.damaged``: other pixels than those of the dataset.
    """
    transform = raster.transform
    col, row = (transform.c + 180) * per_degree, (90 - transform.f) * per_degree
    drift = max(
        abs(transform.a * per_degree - 1) * raster.width, abs(transform.e * per_degree + 1) * raster.height
    )
    off_lattice = max(drift, abs(col - round(col)), abs(row - round(row)))
    if raster.dtypes[0] != "uint8" or off_lattice > _TOLERANCE_PX or raster.crs is None:
        raise InsarError("coherence.damaged", file=name, reason="other pixels than the dataset")
    numbers = np.zeros((piece.height, piece.width), dtype=np.uint8)
    col_first, row_first = piece.col_first - round(col), piece.row_first - round(row)
    left, top = max(col_first, 0), max(row_first, 0)
    right, bottom = (
        min(col_first + piece.width, raster.width),
        min(row_first + piece.height, raster.height),
    )
    if right > left and bottom > top:
        window = Window(left, top, right - left, bottom - top)
        numbers[top - row_first : bottom - row_first, left - col_first : right - col_first] = raster.read(
            1, window=window
        )
    return numbers


class _FailedAttemptError(Exception):
    def __init__(self, reason: InsarError, *, may_pass: bool, wait_s: float = 0.0) -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.may_pass = may_pass
        self.wait_s = wait_s


def _no_login(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """The dataset is open, and ``.netrc`` must not give it a login."""
    return request


def _is_there(session: requests.Session, url: str) -> bool:
    """Ask for the first bytes of a file; False for 404."""
    timeout = (CONNECT_TIMEOUT_S, FILE_TIMEOUT_S)
    try:
        session.get(url, headers={"Range": "bytes=0-15"}, timeout=timeout)
    except Cancelled:
        raise
    except InsarError as error:
        status = error.fields.get("status")
        if status == _NOT_FOUND:
            return False
        raise _failed_question(url, error) from error
    except requests.RequestException as error:
        # What the session finds itself, as redirects without end.
        reason = InsarError("coherence.not_read", file=_name(url), host=_host(url), reason=str(error)[:120])
        raise _FailedAttemptError(reason, may_pass=False) from error
    return True


def _failed_question(url: str, error: InsarError) -> _FailedAttemptError:
    name, host = _name(url), _host(url)
    status = _BUSY if error.code == "archive.busy" else error.fields.get("status")
    if status is not None:
        reason = InsarError("coherence.not_read", file=name, host=host, reason=f"HTTP {status}")
        wait_s = float(error.fields.get("retry_after_s") or 0.0)
        return _FailedAttemptError(reason, may_pass=status in _PASSING, wait_s=wait_s)
    if error.code == "network.timeout":
        reason = InsarError("coherence.slow", file=name, host=host, seconds=CONNECT_TIMEOUT_S)
    else:
        told = str(error.fields.get("reason") or "the answer broke off")
        reason = InsarError("coherence.offline", file=name, host=host, reason=told)
    return _FailedAttemptError(reason, may_pass=True)


def _failed_attempt(url: str, status: re.Match[str] | None, texts: str) -> _FailedAttemptError:
    name, host = _name(url), _host(url)
    if status is not None:
        code = int(status.group(1))
        error = InsarError("coherence.not_read", file=name, host=host, reason=f"HTTP {code}")
        return _FailedAttemptError(error, may_pass=code in _PASSING)
    no_answer = _NO_ANSWER.search(texts)
    if no_answer is None:
        reason = "no raster" if NO_RASTER in texts else texts[:120].rstrip(".")
        error = InsarError("coherence.damaged", file=name, reason=reason)
    elif "timed out" in texts.lower():
        error = InsarError("coherence.slow", file=name, host=host, seconds=CONNECT_TIMEOUT_S)
    else:
        error = InsarError("coherence.offline", file=name, host=host, reason=no_answer.group(1)[:120])
    return _FailedAttemptError(error, may_pass=True)


def _target(piece: Piece) -> tuple[slice, slice]:
    return (
        slice(piece.row_offset, piece.row_offset + piece.height),
        slice(piece.col_offset, piece.col_offset + piece.width),
    )


def _name(url: str) -> str:
    return url.rpartition("/")[2]


def _host(url: str) -> str:
    return urlsplit(url).hostname or "the service"

# SPDX-License-Identifier: GPL-2.0-or-later
"""What all services of a sandbox share: the clock, the planned faults, the log of requests."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from insarhub_qgis.core.errors import InsarError


class SandboxClock:
    """Time of the sandbox: the real time, moved forward on request."""

    def __init__(self) -> None:
        self._offset_s = 0.0

    def now_s(self) -> float:
        """Seconds since 1970, UTC."""
        return time.time() + self._offset_s

    def advance(self, seconds: float) -> None:
        self._offset_s += float(seconds)

    def reset(self) -> None:
        self._offset_s = 0.0


@dataclass(frozen=True)
class Fault:
    """A fault of the next ``times`` requests whose path begins with ``route``.

    Attributes
    ----------
    method
        Of those requests; empty for any.
    skip
        So many of those requests go through before.
    status
        Answer with this status instead of working; None works and spoils the answer as the other fields say.
    body, content_type
        Body of that answer, e.g. a page of HTML; without a body the form of the service's own errors.
    retry_after_s
        Value of ``Retry-After``.
    delay_s
        Wait before the answer.
    truncate_after
        Close the connection after so many bytes of the body; the length stays announced.
    cut_body
        Send only so many bytes of the body, and announce just those.
    rate
        Send the body at so many bytes a second.
    drop
        Close the connection without an answer; the request was not worked on.
    lose_answer
        Work on the request, and close the connection before the answer.
    keep_share
        Share 0..1 of the items of each page that is sent, ``hits`` stays.
    expire_token
        Treat every token as expired.
    empty_page
        Answer a list of jobs with none of them, and with ``next``.
    file_name
        Name that the files of jobs have in the answer.
    etag_change
        From this request on the file has another ETag, as if it had been made again.
    wrong_length
        So many bytes more (less, when negative) than the job says the file has.
    """

    route: str = "/"
    times: int = 1
    method: str = ""
    skip: int = 0
    status: int | None = None
    body: str | None = None
    content_type: str = "application/json"
    retry_after_s: float | None = None
    delay_s: float = 0.0
    truncate_after: int | None = None
    cut_body: int | None = None
    rate: float | None = None
    drop: bool = False
    lose_answer: bool = False
    keep_share: float | None = None
    expire_token: bool = False
    empty_page: bool = False
    file_name: str | None = None
    etag_change: bool = False
    wrong_length: int = 0

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Fault:
        try:
            fault = cls(**value)
        except TypeError as error:
            raise InsarError("sandbox.bad_fault", reason=str(error)) from error
        if fault.rate is not None and fault.rate <= 0:
            raise InsarError("sandbox.bad_fault", reason="rate is more than 0")
        return fault


class FaultPlan:
    """The faults that are still to come, oldest first."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def take(self, method: str, path: str) -> Fault | None:
        """Give the fault of this request, and count it."""
        with self._lock:
            for index, fault in enumerate(self._faults):
                if path.startswith(fault.route) and fault.method in ("", method):
                    if fault.skip > 0:
                        self._faults[index] = replace(fault, skip=fault.skip - 1)
                        continue
                    self._faults[index] = replace(fault, times=fault.times - 1)
                    if fault.times <= 1:
                        del self._faults[index]
                    return fault
        return None

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()


@dataclass(frozen=True)
class LoggedRequest:
    """One request as it came, with masked credentials, and the status that answered it.

    Attributes
    ----------
    answered_s
        When, in seconds of a clock that only goes forward.
    """

    method: str
    path: str
    headers: dict[str, str]
    form: list[tuple[str, str]] = field(default_factory=list)
    status: int = 0
    answered_s: float = 0.0


_SECRET_HEADERS = ("authorization", "proxy-authorization", "cookie")
_SECRET_FIELDS = ("token", "password", "access_token", "access_code")
#: The map key of FIRMS is a part of the path.
_KEY_IN_PATH = re.compile(r"^(/api/(?:area|data_availability)/\w+/)[^/?#]+")


def masked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Give the headers with credentials masked: of ``Authorization`` the kind stays.

    >>> masked_headers({"Authorization": "Bearer abc"})
    {'Authorization': 'Bearer ***'}
    """
    return {
        name: re.sub(r"^(\w+ )?.*$", r"\1***", value, flags=re.DOTALL)
        if name.lower() in _SECRET_HEADERS
        else value
        for name, value in headers.items()
    }


def masked_path(path: str) -> str:
    """Give the path without a key that stands in it.

    >>> masked_path("/api/area/csv/0123abcd/VIIRS_SNPP_SP/11,47,12,48/5/2020-01-01")
    '/api/area/csv/***/VIIRS_SNPP_SP/11,47,12,48/5/2020-01-01'
    """
    return _KEY_IN_PATH.sub(r"\1***", path)


class RequestLog:
    """Every request since the start or the last reset."""

    def __init__(self) -> None:
        self._requests: list[LoggedRequest] = []
        self._lock = threading.Lock()

    def add(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        form: list[tuple[str, str]],
        status: int,
    ) -> None:
        request = LoggedRequest(
            method,
            masked_path(path),
            masked_headers(headers),
            [(name, "***" if name in _SECRET_FIELDS else value) for name, value in form],
            status,
            time.monotonic(),
        )
        with self._lock:
            self._requests.append(request)

    def requests(self) -> list[LoggedRequest]:
        with self._lock:
            return list(self._requests)

    def to_json(self) -> list[dict[str, Any]]:
        return [asdict(request) for request in self.requests()]

    def clear(self) -> None:
        with self._lock:
            self._requests.clear()

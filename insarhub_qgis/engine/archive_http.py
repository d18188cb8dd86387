# SPDX-License-Identifier: GPL-2.0-or-later
"""How requests reach the archive: redirect to the sandbox, guard of credentials, retries, and errors with codes.

It is a transport adapter, because adapters survive whatever a client library does with its session.
"""

from __future__ import annotations

import math
import re
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from http.client import RemoteDisconnected
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ReadTimeoutError

from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.progress import IsCancelled, never_cancelled
from insarhub_qgis.core.sandbox_credentials import is_sandbox_authorization, is_sandbox_token

CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 15.0, 60.0
#: Waits before the second and the third attempt.
RETRY_WAITS_S: tuple[float, ...] = (2.0, 6.0)
#: A service that wants us to wait longer gets its answer shown instead.
LONGEST_WAIT_S = 60.0
_POLL_S = 0.1
#: Length of what a service said, in messages and logs.
_SHOWN = 300

#: Plain words for what systems and libraries word differently.
_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (socket.gaierror, "name not found"),
    (RemoteDisconnected, "connection closed without an answer"),
    (ConnectionRefusedError, "connection refused"),
    (ConnectionResetError, "connection reset"),
)

_USER_IN_URL = re.compile(r"//[^/\s@]+@")


class ArchiveAdapter(HTTPAdapter):
    """Sends requests of one session.

    Parameters
    ----------
    endpoints
        With a sandbox every request goes there, whatever host it names; the old host goes along in
        ``X-Forwarded-Host``.
    is_cancelled
        Looked at before each attempt and while waiting.
    log
        ``log(text, level)`` for retries.
    on_answer
        Called with each good answer.
    expects_json
        An answer that is no JSON is an error (a login page of a network, or a proxy's).
    retry_waits_s
        Waits before the second and each further attempt; None is `RETRY_WAITS_S`.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        is_cancelled: IsCancelled = never_cancelled,
        log: Callable[..., None] | None = None,
        on_answer: Callable[[requests.Response], None] | None = None,
        *,
        expects_json: bool = True,
        retry_waits_s: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.retry_waits_s = retry_waits_s
        self._endpoints = endpoints
        self._is_cancelled = is_cancelled
        self._log = log or (lambda *_: None)
        self._on_answer = on_answer or (lambda _: None)
        self._expects_json = expects_json

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: dict[str, str] | None = None,
    ) -> requests.Response:
        """Send a request, again after faults that pass.

        Raises
        ------
        InsarError
            ``archive.busy``, ``archive.down``, ``archive.refused``, ``archive.not_json``, ``archive.cut_answer``,
            ``network.offline``, ``network.proxy``, ``network.certificate``, ``network.timeout``,
            ``credentials.sandbox_only``, ``credentials.not_sandbox``, ``run.cancelled``.
        """
        check_credentials(request, self._endpoints)
        original_url = request.url
        if self._endpoints.is_sandbox:
            request = redirected(request, self._endpoints.sandbox_url)
            # A proxy for the real host has no business between two programs on this machine.
            proxies = {}
        waits_s = RETRY_WAITS_S if self.retry_waits_s is None else self.retry_waits_s
        for attempt in range(len(waits_s) + 1):
            if self._is_cancelled():
                raise Cancelled()
            try:
                response = super().send(
                    request, False, timeout or (CONNECT_TIMEOUT_S, READ_TIMEOUT_S), verify, cert, proxies
                )
                check_answer(response, expects_json=self._expects_json)
            except (requests.RequestException, InsarError) as exception:
                error = (
                    exception
                    if isinstance(exception, InsarError)
                    else network_error(exception, original_url, request.url)
                )
                wait_s = _wait_before_next(error, waits_s[attempt:])
                if wait_s is None:
                    raise error from exception
                self._log(f"{_told(error)}; next attempt in {wait_s:.0f} s", "warning")
                self.wait(wait_s)
                continue
            if original_url is not None:
                # Relative redirects then lead back here.
                response.url = original_url
            self._on_answer(response)
            return response
        raise InsarError("archive.down", service=_host(original_url), status=0, reason="")

    def wait(self, seconds: float) -> None:
        """Wait; raises ``run.cancelled`` within a moment."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._is_cancelled():
                raise Cancelled()
            time.sleep(min(_POLL_S, max(end - time.monotonic(), 0.0)))


def redirected(request: requests.PreparedRequest, base_url: str) -> requests.PreparedRequest:
    """Give the request with scheme and host of ``base_url``, and the old host in ``X-Forwarded-Host``."""
    parts, base = urlsplit(request.url or ""), urlsplit(base_url)
    copied = request.copy()
    copied.url = parts._replace(scheme=base.scheme, netloc=base.netloc).geturl()
    copied.headers["X-Forwarded-Host"] = parts.netloc.rpartition("@")[2]
    copied.headers.pop("Host", None)
    return copied


def check_credentials(request: requests.PreparedRequest, endpoints: Endpoints) -> None:
    """Refuse to send a real credential to a sandbox, or one of a sandbox to a real service.

    Raises
    ------
    InsarError
        ``credentials.not_sandbox``, ``credentials.sandbox_only``.
    """
    for is_of_sandbox in _credentials_of(request):
        if endpoints.is_sandbox and not is_of_sandbox:
            raise InsarError("credentials.not_sandbox", service=_host(request.url))
        if not endpoints.is_sandbox and is_of_sandbox:
            raise InsarError("credentials.sandbox_only", service=_host(request.url))


def _credentials_of(request: requests.PreparedRequest) -> list[bool]:
    """Give for each credential in the request whether it is one of a sandbox."""
    found = []
    authorization = request.headers.get("Authorization")
    if authorization:
        found.append(is_sandbox_authorization(_text(authorization)))
    cookies: SimpleCookie = SimpleCookie()
    try:
        cookies.load(_text(request.headers.get("Cookie") or ""))
    except CookieError:
        found.append(False)
    found += [is_sandbox_token(cookie.value) for cookie in cookies.values()]
    if request.body and "form-urlencoded" in str(request.headers.get("Content-Type")):
        fields = parse_qsl(_text(request.body))
        found += [is_sandbox_token(value) for name, value in fields if name == "token"]
    return found


def _text(value: Any) -> str:
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)


def check_answer(response: requests.Response, *, expects_json: bool) -> None:
    """Refuse an answer that is cut, an error, or no JSON.

    Raises
    ------
    InsarError
        ``archive.cut_answer``, ``archive.busy``, ``archive.down``, ``archive.refused``, ``archive.not_json``.
    """
    content = response.content
    announced = response.headers.get("Content-Length", "")
    is_plain = "Content-Encoding" not in response.headers
    if is_plain and announced.isdecimal() and int(announced) != len(content):
        raise InsarError(
            "archive.cut_answer",
            service=_service(response),
            bytes=len(content),
            announced_bytes=int(announced),
        )
    status = response.status_code
    if status == 429:
        raise InsarError(
            "archive.busy", service=_service(response), retry_after_s=retry_after_s(response.headers)
        )
    if status >= 500:
        asked_s = retry_after_s(response.headers)
        waits = {} if asked_s is None else {"retry_after_s": asked_s}
        raise InsarError(
            "archive.down", service=_service(response), status=status, reason=_said(response), **waits
        )
    if status >= 400:
        raise InsarError("archive.refused", service=_service(response), status=status, reason=_said(response))
    if expects_json and status == 200 and not _is_json(response):
        if content[:1] in (b"{", b"["):
            # JSON that ends early, though its length was announced as such.
            raise InsarError(
                "archive.cut_answer", service=_service(response), bytes=len(content), announced_bytes=None
            )
        raise InsarError("archive.not_json", service=_service(response), start=shown(response.text)[:80])


def _is_json(response: requests.Response) -> bool:
    try:
        response.json()
    except ValueError:
        return False
    return True


def network_error(
    exception: requests.RequestException, url: str | None, reached_url: str | None = None
) -> InsarError:
    """Give the error of a request that got no whole answer.

    Parameters
    ----------
    url
        What was asked; its host is the service of a message.
    reached_url
        Where the request went. With a sandbox that is its address, and it is what does not answer.
    """
    service = _host(url)
    place = service if reached_url in (None, url) else _address(reached_url)
    reason = _reason(exception)
    if isinstance(exception, requests.exceptions.ProxyError):
        return InsarError("network.proxy", service=service, reason=reason)
    if isinstance(exception, requests.exceptions.SSLError):
        return InsarError("network.certificate", service=service, reason=reason)
    if isinstance(exception, requests.exceptions.Timeout) or _is_timeout(exception):
        return InsarError("network.timeout", service=place)
    if isinstance(exception, requests.exceptions.ChunkedEncodingError):
        return InsarError("archive.cut_answer", service=service, bytes=None, announced_bytes=None)
    return InsarError("network.offline", service=place, reason=reason)


def _wait_before_next(error: InsarError, waits_s: Sequence[float]) -> float | None:
    """Seconds before the next attempt, with the waits that are left; None when another one makes no sense."""
    if not waits_s:
        return None
    passes = ("archive.busy", "archive.down", "archive.cut_answer", "network.timeout", "network.offline")
    if error.code not in passes:
        return None
    wait_s = waits_s[0] * (1 + secrets.randbelow(250) / 1000)
    asked_s = error.fields.get("retry_after_s")
    if asked_s is None:
        return wait_s
    return max(wait_s, float(asked_s)) if asked_s <= LONGEST_WAIT_S else None


def _told(error: InsarError) -> str:
    """Word a fault for the log of whoever waits."""
    detail = error.fields.get("reason") or error.code.partition(".")[2].replace("_", " ")
    return f"{error.fields.get('service')} gave no good answer ({detail})"


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Give the wait that an answer asks for, in seconds or as a date; None without one.

    >>> retry_after_s({"Retry-After": "Fri, 01 May 2020 00:00:07 GMT", "Date": "Fri, 01 May 2020 00:00:00 GMT"})
    7.0
    """
    asked = headers.get("Retry-After", "")
    try:
        seconds = float(asked)
    except ValueError:
        until, now = _moment(asked), _moment(headers.get("Date", "")) or datetime.now(timezone.utc)
        return None if until is None else max((until - now).total_seconds(), 0.0)
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)


def _said(response: requests.Response) -> str:
    """What the service says about its error, cut: it may repeat the whole request."""
    try:
        value = response.json()
    except ValueError:
        return shown(response.reason or "")
    said = value
    if isinstance(value, dict):
        # Some say only that it is an error, and why under another name.
        found = (
            value.get(name) for name in ("errors", "detail", "reason", "description", "message", "error")
        )
        said = next((each for each in found if each and each is not True), response.reason)
    return shown("; ".join(map(str, said)) if isinstance(said, list) else str(said))


def shown(text: str) -> str:
    """Cut a text for people, without accounts in addresses."""
    plain = " ".join(_USER_IN_URL.sub("//", text).split())
    return plain if len(plain) <= _SHOWN else f"{plain[:_SHOWN]}..."


def _is_timeout(exception: BaseException) -> bool:
    """Tell whether the answer stopped coming, which requests does not tell from a lost connection."""
    return any(isinstance(cause, (TimeoutError, ReadTimeoutError)) for cause in causes_of(exception))


def _reason(exception: BaseException) -> str:
    """Say in plain words why a request got nowhere."""
    causes = causes_of(exception)
    for kind, text in _REASONS:
        if any(isinstance(cause, kind) for cause in causes):
            return text
    told = [cause.strerror for cause in causes if isinstance(cause, OSError) and cause.strerror]
    if told:
        return shown(told[-1])
    # Object addresses in the text of a library help nobody.
    return (
        shown(re.sub(r"<[^<>]* object at 0x[0-9a-f]+>(: )?", "", str(causes[-1])))
        or type(causes[-1]).__name__
    )


def causes_of(exception: BaseException) -> list[BaseException]:
    """Give an exception and what caused it, outermost first; libraries hide causes in several places."""
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [exception]
    while waiting:
        current = waiting.pop(0)
        if current is None or current in found:
            continue
        found.append(current)
        hidden = [getattr(current, "reason", None), *current.args]
        waiting += [entry for entry in hidden if isinstance(entry, BaseException)]
        waiting += [current.__cause__, current.__context__]
    return found


def _service(response: requests.Response) -> str:
    forwarded = response.request.headers.get("X-Forwarded-Host") if response.request is not None else None
    return str(forwarded or _host(response.url))


def _host(url: str | None) -> str:
    return urlsplit(url or "").hostname or "the service"


def _address(url: str | None) -> str:
    """Give scheme, host and port of an address."""
    parts = urlsplit(url or "")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def run_interruptibly(work: Callable[[], Any], is_cancelled: IsCancelled) -> Any:
    """Run ``work`` in a thread and give its result; on cancel leave it behind at once.

    A socket that waits for its answer cannot be interrupted. The thread is left alone: it looks at
    ``is_cancelled`` before it goes on, and it ends with the process.
    """
    outcome: dict[str, Any] = {}
    finished = threading.Event()

    def target() -> None:
        try:
            outcome["result"] = work()
        except BaseException as exception:  # the edge of the thread: raised again where it is awaited
            outcome["exception"] = exception
        finished.set()

    threading.Thread(target=target, name="archive request", daemon=True).start()
    while not finished.wait(_POLL_S):
        if is_cancelled():
            raise Cancelled()
    if "exception" in outcome:
        raise outcome["exception"]
    return outcome["result"]

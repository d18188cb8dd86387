# SPDX-License-Identifier: GPL-2.0-or-later
"""The one module that imports hyp3_sdk: an account at HyP3, its prices, its jobs, and new jobs.

The library keeps the address of the service and what it says about itself; the requests are our own, because the library
has no timeouts, repeats nothing, loses the answer of a paid request that it cannot parse, and cannot ask for
a mere validation. The tests show these behaviours one by one.
"""

from __future__ import annotations

import re
import secrets
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import hyp3_sdk
import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from insarhub_qgis.core.earthdata_pages import ACCESS_PAGE, trusted_page
from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.installation import plugin_version
from insarhub_qgis.core.progress import IsCancelled
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine.archive_http import (
    READ_TIMEOUT_S,
    causes_of,
    check_credentials,
    network_error,
    retry_after_s,
    shown,
)
from insarhub_qgis.engine.earthdata_login import Account, sign_in
from insarhub_qgis.engine.failures import in_words

CONNECT_TIMEOUT_S = 15.0
#: Waits before the second, third and fourth attempt of a question. A request that is paid has one attempt.
RETRY_WAITS_S: tuple[float, ...] = (2.0, 6.0, 15.0)
#: A service that wants us to wait longer gets its answer shown instead.
_LONGEST_WAIT_S = 60.0
_POLL_S = 0.1
#: More pages than any account has; a list that never ends is no list.
_MOST_PAGES = 10_000
#: Scenes in an error of the service.
_SCENE = re.compile(r"S1[A-D]?_[A-Za-z0-9_]+(?:-BURST)?")
_AMOUNT = r"(\d+(?:\.\d+)?)"
#: A request that an error repeats, whole, before it says what is wrong.
_REPEATED = re.compile(r"^\s*[\[{].*[\]}]\s*", re.DOTALL)
_CREDITS = re.compile(rf"cost {_AMOUNT}\D+{_AMOUNT}")


class Hyp3Door:
    """HyP3 as one account sees it. Jobs are plain dicts as the service gives them. For one thread.

    Every method raises `InsarError`: ``hyp3.unauthorized``, ``hyp3.token_expired``, ``hyp3.not_approved``,
    ``hyp3.forbidden``, ``hyp3.busy``, ``hyp3.down``, ``hyp3.not_json``, ``hyp3.bad_answer``, ``hyp3.not_served``,
    ``hyp3.refused``, the codes ``network`` of `archive_http.network_error`, and ``run.cancelled``.

    Attributes
    ----------
    account
        Who is signed in, with ``account`` (the user name), ``kind`` and ``expires_at``.
    api_url
        Address of the service.
    """

    def __init__(
        self, session: requests.Session, transport: _Transport, account: Account, api_url: str
    ) -> None:
        # A token in the constructor keeps the library from signing in by itself; the session is ours afterwards.
        self._client = hyp3_sdk.HyP3(api_url=api_url, token="unused")  # nosec B106
        session.headers["User-Agent"] = (
            f"{self._client.session.headers['User-Agent']} insarhub-qgis/{plugin_version()}"
        )
        self._client.session.close()
        self._client.session = session
        self._session = session
        self._transport = transport
        self.account = account
        self.api_url = api_url

    def server_now(self) -> datetime:
        """Give the time of the service as far as its last answer told it, else our own (UTC)."""
        return datetime.now(timezone.utc) + (self._transport.clock_offset or timedelta())

    def user(self) -> dict[str, Any]:
        """Give the account: ``user_id``, ``application_status``, ``remaining_credits`` (None: unlimited) ...

        The service looks through all jobs of the account for it: not to be polled.
        """
        user = self._get("/user")
        if not user.get("user_id"):
            raise InsarError("hyp3.bad_answer", reason="no user_id")
        return user

    def costs(self) -> dict[str, Any]:
        """Give the prices: job type -> ``{cost}`` or ``{cost_parameters, cost_table}``."""
        return self._get("/costs")

    def find_jobs(
        self,
        start: datetime | None = None,
        name: str | None = None,
        status: str | None = None,
        job_type: str | None = None,
        end: datetime | None = None,
        user_id: str | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Give the jobs of the account, or of another one, newest first.

        Pages may be short or empty and still have a next one; only the lack of it ends the list.

        Parameters
        ----------
        start, end
            Limits of the time of request, with a time zone.
        name, status, job_type
            Exactly these; ``status`` as the service names it, e.g. ``SUCCEEDED``.
        """
        query = {
            "start": None if start is None else start.isoformat(timespec="seconds"),
            "end": None if end is None else end.isoformat(timespec="seconds"),
            "name": name,
            "status_code": status,
            "job_type": job_type,
            "user_id": user_id,
        }
        answer = self._get("/jobs", {key: value for key, value in query.items() if value is not None})
        for _ in range(_MOST_PAGES):
            yield from _jobs(answer)
            following = answer.get("next")
            if not following:
                return
            answer = self._get(self._own_address(str(following)))
        raise InsarError("hyp3.bad_answer", reason=f"more than {_MOST_PAGES} pages of jobs")

    def job(self, job_id: str) -> dict[str, Any] | None:
        """Give one job, of any account; None when the service does not know it."""
        try:
            return self._get(f"/jobs/{quote(job_id, safe='')}")
        except InsarError as error:
            if error.code == "hyp3.not_found":
                return None
            raise

    def post_jobs(self, prepared: Sequence[Mapping[str, Any]], validate_only: bool) -> list[dict[str, Any]]:
        """Send 1..200 prepared jobs (``job_type``, ``job_parameters``, ``name``) in one request, once.

        Parameters
        ----------
        validate_only
            Every check of the service, credits too, but nothing is charged or kept; the ids in the answer are void.

        Returns
        -------
        jobs
            In the order sent, with ``job_id``, ``credit_cost`` ...

        Raises
        ------
        InsarError
            Beside those of the class ``hyp3.no_credits``, ``hyp3.unknown_scenes``, ``hyp3.no_dem``: nothing was
            charged. ``hyp3.answer_lost`` (reason, status): the jobs may be there, or not; look before sending again.
        """
        body: dict[str, Any] = {"jobs": [dict(job) for job in prepared]}
        if validate_only:
            body["validate_only"] = True
        response = self._session.post(self._address("/jobs"), json=body, allow_redirects=False)
        try:
            if response.status_code != 200:
                raise InsarError("hyp3.bad_answer", reason=f"HTTP {response.status_code}")
            jobs = _jobs(_object(_json(response)))
            if len(jobs) != len(prepared):
                raise InsarError("hyp3.bad_answer", reason=f"{len(jobs)} jobs in answer to {len(prepared)}")
        except InsarError as error:
            if validate_only:
                raise
            raise _lost(error) from error
        return jobs

    def _get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        response = self._session.get(self._address(path), params=query)
        return _object(_json(response))

    def _address(self, path: str) -> str:
        return path if "://" in path else f"{self.api_url.rstrip('/')}{path}"

    def _own_address(self, following: str) -> str:
        """Give the address of the next page; one that leads elsewhere would take the login along."""
        address = urljoin(f"{self.api_url}/jobs", following)
        if urlsplit(address)[:2] != urlsplit(self.api_url)[:2]:
            raise InsarError("hyp3.bad_answer", reason=f"the next page is at {shown(address)[:80]}")
        return address


@contextmanager
def open_hyp3(endpoints: Endpoints, context: RunContext) -> Iterator[Hyp3Door]:
    """Sign in with the credential of the run and give the service; with a token nothing is sent for that.

    Raises
    ------
    InsarError
        Codes of `earthdata_login.sign_in`.
    """
    with requests.Session() as session:
        transport = _Transport(endpoints, context.is_cancelled, context.log)
        session.mount("https://", transport)
        session.mount("http://", transport)
        account = sign_in(session, endpoints, context.credential, context)
        yield Hyp3Door(session, transport, account, endpoints.hyp3)


class _Transport(HTTPAdapter):
    """Sends the requests of one session: timeouts, guard of logins, questions asked again, errors with codes."""

    def __init__(self, endpoints: Endpoints, is_cancelled: IsCancelled, log: Callable[..., None]) -> None:
        super().__init__()
        self._endpoints = endpoints
        self._is_cancelled = is_cancelled
        self._log = log
        #: Clock of the service minus ours.
        self.clock_offset: timedelta | None = None

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        check_credentials(request, self._endpoints)
        # A proxy has no business between two programs on this machine.
        proxies = {} if self._endpoints.is_sandbox else proxies
        is_payment = request.method == "POST" and not _is_validation(request)
        for wait_s in (*RETRY_WAITS_S, None):
            if self._is_cancelled():
                raise Cancelled()
            try:
                response = super().send(
                    request, False, (CONNECT_TIMEOUT_S, READ_TIMEOUT_S), verify, cert, proxies
                )
                self._note_clock(response)
                _check_length(response)
                if response.status_code >= 400:
                    raise api_error(response)
            except (requests.RequestException, InsarError) as exception:
                error = (
                    exception
                    if isinstance(exception, InsarError)
                    else network_error(exception, self._endpoints.hyp3, request.url)
                )
                if is_payment and _may_have_arrived(exception, error):
                    raise _lost(error) from exception
                pause_s = None if is_payment else _pause(error, wait_s)
                if pause_s is None:
                    raise error from exception
                self._log(f"{in_words(error)}; next attempt in {pause_s:.0f} s", "warning")
                self._wait(pause_s)
                continue
            return response
        raise InsarError("hyp3.down", service=urlsplit(self._endpoints.hyp3).hostname, status=0, reason="")

    def _note_clock(self, response: requests.Response) -> None:
        try:
            moment = parsedate_to_datetime(response.headers.get("Date", ""))
        except (TypeError, ValueError, IndexError):
            return
        if moment.tzinfo is not None:
            self.clock_offset = moment - datetime.now(timezone.utc)

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._is_cancelled():
                raise Cancelled()
            time.sleep(min(_POLL_S, max(end - time.monotonic(), 0.0)))


def api_error(response: requests.Response) -> InsarError:
    """Give the error of an answer with a status from 400 on; what the service says is cut to 300 characters."""
    status, service = response.status_code, urlsplit(response.url or "").hostname or "HyP3"
    said = _said(response)
    # What a refused request repeats stands further back; it must not be taken for the reason.
    text, lower = shown(_REPEATED.sub("the request ", said).rstrip(" .")), said[:300].lower()
    if status == 401:
        code = "hyp3.token_expired" if "expired" in lower else "hyp3.unauthorized"
        return InsarError(code, service=service, reason=text)
    if status == 403:
        if "modify job" in lower:
            return InsarError("hyp3.forbidden", service=service, reason=text)
        state = "rejected" if "reject" in lower else "pending" if "pending" in lower else "not asked for"
        named = re.search(r"https://[^\s\"'<>]*[^\s\"'<>.,)]", said)
        page = trusted_page(named.group() if named else "", ACCESS_PAGE)
        return InsarError("hyp3.not_approved", service=service, state=state, reason=text, page=page)
    if status == 404:
        return InsarError("hyp3.not_found", service=service, reason=text)
    if status == 405:
        return InsarError("hyp3.not_served", service=service, status=status)
    if status == 429:
        return InsarError("hyp3.busy", service=service, retry_after_s=retry_after_s(response.headers))
    if status >= 500:
        asked_s = retry_after_s(response.headers)
        waits = {} if asked_s is None else {"retry_after_s": asked_s}
        return InsarError("hyp3.down", service=service, status=status, reason=text, **waits)
    if "credits" in lower and "cost" in lower:
        amounts = _amounts(said)
        return InsarError("hyp3.no_credits", cost=amounts[0], left=amounts[1], reason=text)
    scenes = sorted(set(_SCENE.findall(said)))
    if "could not be found" in lower:
        return InsarError("hyp3.unknown_scenes", scenes=scenes, reason=text)
    if "dem coverage" in lower:
        return InsarError("hyp3.no_dem", scenes=scenes, reason=text)
    return InsarError("hyp3.refused", service=service, status=status, reason=text)


def _said(response: requests.Response) -> str:
    """What the service says about its error, whole; it may repeat the whole request."""
    try:
        value = response.json()
    except ValueError:
        return response.reason or ""
    said = value.get("detail") or value.get("title") or "" if isinstance(value, Mapping) else value
    return str(said)


def _amounts(text: str) -> tuple[float | None, float | None]:
    match = _CREDITS.search(text)
    return (float(match[1]), float(match[2])) if match else (None, None)


def _check_length(response: requests.Response) -> None:
    announced = response.headers.get("Content-Length", "")
    if "Content-Encoding" in response.headers or not announced.isdecimal():
        return
    if int(announced) != len(response.content):
        raise InsarError(
            "hyp3.bad_answer", reason=f"only {len(response.content)} of {announced} bytes arrived"
        )


def _may_have_arrived(exception: Exception, error: InsarError) -> bool:
    """Tell whether the service may have worked on a request that ended so."""
    if isinstance(exception, InsarError):
        return error.code in ("hyp3.down", "hyp3.bad_answer")
    if isinstance(exception, requests.exceptions.ProxyError):
        return False
    # Other faults of encryption also come while the answer is read.
    never_sent = (
        NewConnectionError,
        ConnectTimeoutError,
        ConnectionRefusedError,
        ssl.SSLCertVerificationError,
    )
    return not any(isinstance(cause, never_sent) for cause in causes_of(exception))


def _lost(error: InsarError) -> InsarError:
    reason = error.fields.get("reason") or error.code
    return InsarError(
        "hyp3.answer_lost",
        reason=shown(str(reason)),
        status=error.fields.get("status"),
        cause=error.to_json(),
    )


def _is_validation(request: requests.PreparedRequest) -> bool:
    body = request.body
    return isinstance(body, bytes) and b'"validate_only": true' in body


def _pause(error: InsarError, wait_s: float | None) -> float | None:
    """Seconds before the next attempt of a question; None when another one makes no sense."""
    passes = ("hyp3.busy", "hyp3.down", "hyp3.bad_answer", "network.timeout", "network.offline")
    if wait_s is None or error.code not in (*passes, "archive.cut_answer"):
        return None
    pause_s = wait_s * (1 + secrets.randbelow(250) / 1000)
    asked_s = error.fields.get("retry_after_s")
    if asked_s is None:
        return pause_s
    return max(pause_s, float(asked_s)) if asked_s <= _LONGEST_WAIT_S else None


def _json(response: requests.Response) -> Any:
    try:
        return response.json()
    except ValueError as error:
        raise InsarError(
            "hyp3.not_json", service=urlsplit(response.url or "").hostname, start=shown(response.text)[:80]
        ) from error


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InsarError("hyp3.bad_answer", reason="no JSON object")
    return value


def _jobs(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    jobs = answer.get("jobs")
    if not isinstance(jobs, list) or not all(isinstance(job, dict) and job.get("job_id") for job in jobs):
        raise InsarError("hyp3.bad_answer", reason="no list of jobs")
    return jobs

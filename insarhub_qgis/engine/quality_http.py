# SPDX-License-Identifier: GPL-2.0-or-later
"""The one way to the services of pair quality: one request at a time, four attempts, cancel within a moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlsplit

import requests

from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.installation import plugin_version
from insarhub_qgis.core.progress import IsCancelled, never_cancelled
from insarhub_qgis.engine.archive_http import ArchiveAdapter, network_error, run_interruptibly, shown

CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 10.0, 60.0
#: Waits before the second, third and fourth attempt.
RETRY_WAITS_S: tuple[float, ...] = (2.0, 4.0, 8.0)
_NOT_FOUND = 404


class QualityDoor:
    """Asks the services; a context manager.

    All requests go one after the other, so that none of the services is asked twice at the same time.

    Parameters
    ----------
    log
        ``log(text, level)`` for retries.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        is_cancelled: IsCancelled = never_cancelled,
        log: Callable[..., None] | None = None,
    ) -> None:
        self.endpoints = endpoints
        self.is_cancelled = is_cancelled
        self._log = log or (lambda *_: None)
        self._hidden: tuple[str, ...] = ()
        self._adapters = [
            ArchiveAdapter(
                endpoints,
                is_cancelled,
                self._log_safely,
                expects_json=expects_json,
                retry_waits_s=RETRY_WAITS_S,
            )
            for expects_json in (True, False)
        ]
        self._json, self._plain = (_session(adapter) for adapter in self._adapters)

    def __enter__(self) -> QualityDoor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._json.close()
        self._plain.close()

    def hide(self, secret: str) -> None:
        """Keep a key that stands in addresses out of logs and errors."""
        self._hidden = tuple(text for text in (secret, quote(secret, safe="")) if text)

    @property
    def retry_waits_s(self) -> tuple[float, ...]:
        """Waits before further attempts; none while no network was found."""
        return tuple(self._adapters[0].retry_waits_s or ())

    def wait(self, seconds: float, why: str) -> None:
        """Wait before a further attempt, and say so; raises ``run.cancelled``."""
        self._log_safely(f"{why}; next attempt in {seconds:.0f} s", "warning")
        self._adapters[0].wait(seconds)

    def json(self, url: str, query: Mapping[str, str] | None = None) -> Any:
        """Give the answer to a GET as JSON.

        Raises
        ------
        InsarError
            Codes of `ArchiveAdapter.send`.
        """
        response = self._get(self._json, url, query)
        try:
            return response.json()
        except ValueError as error:
            # Another status than 200 that is no error either, e.g. 204 without a body.
            start = self.safe(shown(response.text)[:80])
            raise InsarError("archive.not_json", service=urlsplit(url).netloc, start=start) from error

    def text(self, url: str) -> str:
        """Give the answer to a GET as text; errors as `json`."""
        return self._get(self._plain, url).text

    def has_file(self, url: str) -> bool:
        """Tell whether a file is there, by its first bytes; False for 404, other errors as `json`."""
        try:
            self._get(self._plain, url, headers={"Range": "bytes=0-15"})
        except InsarError as error:
            if error.code == "archive.refused" and error.fields.get("status") == _NOT_FOUND:
                return False
            raise
        return True

    def _get(
        self,
        session: requests.Session,
        url: str,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        timeout = (CONNECT_TIMEOUT_S, READ_TIMEOUT_S)

        def ask() -> requests.Response:
            return session.get(url, params=query, headers=headers, timeout=timeout)

        try:
            response: requests.Response = run_interruptibly(ask, self.is_cancelled)
        except Cancelled:
            raise
        except requests.RequestException as error:
            # What the session finds itself: redirects without end, an address that is none.
            raise self._safe_error(network_error(error, url)) from None
        except InsarError as error:
            if error.code == "network.offline":
                # Without a network each further host would cost four attempts as well.
                self._set_waits(())
            raise self._safe_error(error) from None
        self._set_waits(RETRY_WAITS_S)
        return response

    def _safe_error(self, error: InsarError) -> InsarError:
        return InsarError(
            error.code,
            **{
                name: self.safe(value) if isinstance(value, str) else value
                for name, value in error.fields.items()
            },
        )

    def _log_safely(self, text: str, level: str = "info") -> None:
        self._log(self.safe(text), level)

    def safe(self, text: str) -> str:
        """Give a text for logs and errors, without what `hide` hides."""
        for secret in self._hidden:
            text = text.replace(secret, "…")
        return text

    def _set_waits(self, waits_s: tuple[float, ...]) -> None:
        for adapter in self._adapters:
            adapter.retry_waits_s = waits_s


def _session(adapter: ArchiveAdapter) -> requests.Session:
    session = requests.Session()
    session.headers["User-Agent"] = f"insarhub-qgis/{plugin_version()}"
    # None of these services takes a login, and ``.netrc`` must not give them one.
    session.auth = _no_login
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _no_login(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request

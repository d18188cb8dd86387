# SPDX-License-Identifier: GPL-2.0-or-later
"""The one way to the services of pair quality: one request at a time, four attempts, cancel within a moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

import requests

from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.installation import plugin_version
from insarhub_qgis.core.progress import IsCancelled, never_cancelled
from insarhub_qgis.engine.archive_http import ArchiveAdapter, run_interruptibly

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
        self._hidden = ""
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
        self._hidden = secret

    def json(self, url: str, query: Mapping[str, str] | None = None) -> Any:
        """Give the answer to a GET as JSON.

        Raises
        ------
        InsarError
            Codes of `ArchiveAdapter.send`.
        """
        return self._get(self._json, url, query).json()

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
        except InsarError as error:
            if error.code == "network.offline":
                # Without a network each further host would cost four attempts as well.
                self._set_waits(())
            raise InsarError(
                error.code, **{name: self._safe(value) for name, value in error.fields.items()}
            ) from None
        self._set_waits(RETRY_WAITS_S)
        return response

    def _log_safely(self, text: str, level: str = "info") -> None:
        self._log(self._safe(text), level)

    def _safe(self, value: Any) -> Any:
        return value.replace(self._hidden, "…") if self._hidden and isinstance(value, str) else value

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

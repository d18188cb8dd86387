# SPDX-License-Identifier: GPL-2.0-or-later
"""Why a HyP3 job failed: the last line of its log, which lies where products lie and needs no login."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import requests

from insarhub_qgis.engine.archive_http import network_error, shown

_TIMEOUT_S = (10.0, 20.0)
#: End of a log that is read; a host that does not give ends sends all, of which only so much is taken.
_END_BYTES, _MOST_BYTES = 8192, 4_000_000


def last_line_of_log(session: requests.Session, url: str, log: Callable[..., None]) -> str:
    """Give the last line of a log that says something, cut for people; empty when there is none to be had.

    Parameters
    ----------
    session
        From `product_download.open_session`.
    log
        ``log(text, level)``, told why there is none.

    Raises
    ------
    InsarError
        Codes of `archive_http.network_error`: it may be there another time.
    """
    headers = {"Range": f"bytes=-{_END_BYTES}", "Accept-Encoding": "identity"}
    end = b""
    taken = 0
    try:
        with closing(session.get(url, headers=headers, stream=True, timeout=_TIMEOUT_S)) as response:
            if response.status_code not in (200, 206):
                log(f"the log of a failed job cannot be read: HTTP {response.status_code}", "debug")
                return ""
            for chunk in response.iter_content(_END_BYTES):
                end = (end + chunk)[-_END_BYTES:]
                taken += len(chunk)
                if taken > _MOST_BYTES:
                    # What comes after that is not known, so neither is the last line.
                    log(f"the log of a failed job is longer than {_MOST_BYTES} bytes", "debug")
                    return ""
    except requests.RequestException as error:
        raise network_error(error, url) from error
    lines = [line.strip() for line in end.decode("utf-8", errors="replace").splitlines()]
    return next((shown(line).rstrip(".") for line in reversed(lines) if line), "")

# SPDX-License-Identifier: GPL-2.0-or-later
"""Contents that are served whole or in parts as a content network does: ranges, ETag, Last-Modified."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from html import escape

from insarhub_qgis.sandbox.server import Answer, Body

_RANGE = re.compile(r"bytes\s*=\s*(\d*)-(\d*)")
#: Last-Modified of what is made on demand.
_MADE = "Wed, 01 Jun 2022 00:00:00 GMT"
_NOT_THERE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>"
)


def not_there() -> Answer:
    """Give what the store says of a key that it does not have, or no longer."""
    return Answer.of_text(_NOT_THERE, 404, "application/xml")


def ranged_answer(
    content: Body, etag: str, last_modified: str, content_type: str, headers: Mapping[str, str]
) -> Answer:
    """Give the whole content, or the range that was asked for when its condition holds.

    Parameters
    ----------
    etag
        With its quotes.
    headers
        Of the request, names in lower case.
    """
    size = len(content)
    fields = {"Accept-Ranges": "bytes", "ETag": etag, "Last-Modified": last_modified}
    condition = headers.get("if-range")
    wanted = _RANGE.fullmatch(headers.get("range", "").strip())
    is_same = condition is None or condition.strip() in (etag, last_modified)
    if wanted is None or wanted.groups() == ("", "") or not is_same:
        return Answer(200, content, content_type, fields)
    first, last = wanted.groups()
    if not first:
        start, stop = max(size - int(last), 0), size
    else:
        start, stop = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return Answer(200, content, content_type, fields)
    if start >= size or start == stop:
        return Answer(416, b"", content_type, {**fields, "Content-Range": f"bytes */{size}"})
    fields["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    return Answer(206, content[start:stop], content_type, fields)


def store_error(status: int, detail: str) -> Answer:
    """Give an error as a store of objects says it."""
    code = {403: "AccessDenied", 409: "PublicAccessNotPermitted", 503: "SlowDown"}.get(
        status, "InternalError"
    )
    return Answer.of_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{escape(detail)}</Message></Error>",
        status,
        "application/xml",
    )


def made_answer(name: str, content: Body, seed: int, headers: Mapping[str, str]) -> Answer:
    """Give a raster that is made anew for each run, in whole or in parts; the same seed has the same ETag."""
    digest = hashlib.md5(f"{seed}/{name}/{len(content)}".encode(), usedforsecurity=False).hexdigest()
    return ranged_answer(content, f'"{digest}"', _MADE, "image/tiff", headers)

# SPDX-License-Identifier: GPL-2.0-or-later
"""What a token of Earthdata Login says about itself, read without verifying it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime, timezone

from insarhub_qgis.core.earthdata_pages import BEARER_PAGE
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.sandbox_credentials import is_sandbox_token, token_claims

_PREFIX = "bearer "


@dataclass(frozen=True)
class BearerToken:
    """A token that is whole and not expired.

    Attributes
    ----------
    text
        The token alone.
    account
        Its user.
    expires_at
        Its end, ISO UTC.
    """

    text: str = field(repr=False)
    account: str
    expires_at: str

    @property
    def is_of_sandbox(self) -> bool:
        return is_sandbox_token(self.text)


def read_token(text: str) -> BearerToken:
    """Read a token as it was copied, with or without the word ``Bearer``.

    Raises
    ------
    InsarError
        ``credentials.token_malformed``, ``credentials.token_expired``; neither repeats any of the token.
    """
    plain = text.strip()
    if plain.lower().startswith(_PREFIX):
        plain = plain[len(_PREFIX) :].strip()
    claims = token_claims(plain) if plain.isascii() and not any(map(str.isspace, plain)) else None
    account, expires_s = (claims or {}).get("uid"), (claims or {}).get("exp")
    expires_at = iso_time(expires_s)
    if not account or not isinstance(expires_s, (int, float)) or expires_at is None:
        raise InsarError("credentials.token_malformed", page=BEARER_PAGE)
    if expires_s <= time.time():
        raise InsarError(
            "credentials.token_expired", account=str(account), expired_at=expires_at, page=BEARER_PAGE
        )
    return BearerToken(plain, str(account), expires_at)


def iso_time(seconds: object) -> str | None:
    """Give seconds since 1970 as ISO UTC; None for what is no time."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        return None
    try:
        return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return None

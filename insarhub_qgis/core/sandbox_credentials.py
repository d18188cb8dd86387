# SPDX-License-Identifier: GPL-2.0-or-later
"""Credentials of the sandbox, made so that they can be told from real ones before anything is sent."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

#: ``iss`` of every token that a sandbox gives.
SANDBOX_ISSUER = "insarhub-qgis-sandbox"
#: Names of accounts that only a sandbox knows begin with it.
SANDBOX_USER_PREFIX = "sandbox-"


def make_sandbox_token(uid: str, expires_at_s: float) -> str:
    """Give a JWT-shaped token with ``uid`` and ``exp``; it is not signed, a sandbox verifies nothing."""
    header = {"alg": "none", "typ": "JWT"}
    claims = {"iss": SANDBOX_ISSUER, "uid": uid, "exp": int(expires_at_s)}
    return ".".join((*(_encoded(part) for part in (header, claims)), "sandbox"))


def token_claims(token: str) -> dict[str, Any] | None:
    """Read the claims of a JWT without verifying it; None when the text is none."""
    parts = token.strip().split(".")
    if len(parts) != 3:
        return None
    try:
        padded = parts[1] + "=" * (-len(parts[1]) % 4)
        claims = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
    except (ValueError, binascii.Error, UnicodeError):
        return None
    return claims if isinstance(claims, dict) else None


def is_sandbox_token(token: str) -> bool:
    claims = token_claims(token)
    return claims is not None and claims.get("iss") == SANDBOX_ISSUER


def basic_credentials(authorization: str) -> tuple[str, str] | None:
    """Read (user, password) of a ``Basic`` header; None for any other header."""
    kind, _, encoded = authorization.partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        user, separator, password = base64.b64decode(encoded.strip()).decode("utf-8").partition(":")
    except (ValueError, binascii.Error):
        return None
    return (user, password) if separator else None


def is_sandbox_authorization(authorization: str) -> bool:
    """Tell whether an ``Authorization`` header carries a credential of the sandbox."""
    kind, _, token = authorization.partition(" ")
    if kind.lower() == "bearer":
        return is_sandbox_token(token)
    credentials = basic_credentials(authorization)
    return credentials is not None and credentials[0].startswith(SANDBOX_USER_PREFIX)


def _encoded(value: dict[str, Any]) -> str:
    text = json.dumps(value, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode("utf-8")).decode("ascii").rstrip("=")

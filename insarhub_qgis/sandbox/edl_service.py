# SPDX-License-Identifier: GPL-2.0-or-later
"""Earthdata Login of the sandbox: tokens and the cookie, for any account.

That no real account reaches it is the client's part: the door sends credentials of the sandbox only. Passwords stand for cases, so that each one can be shown: ``wrong`` is refused; ``eula`` and ``study-area``
send to a page with ``error_msg`` and ``resolution_url``, as the real one does; any other one is right.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from urllib.parse import urlencode

from insarhub_qgis.core.sandbox_credentials import (
    basic_credentials,
    make_sandbox_token,
    token_claims,
)
from insarhub_qgis.sandbox.server import Answer, Route, Service, ServiceRequest
from insarhub_qgis.sandbox.service_state import SandboxClock

#: Life of a token, as Earthdata Login gives it.
TOKEN_LIFE_S = 60 * 86400.0
COOKIE = "asf-urs"

#: Password -> what the redirect says.
_REFUSALS = {
    "eula": ("Please accept the licence of this data set.", "https://urs.earthdata.nasa.gov/accept_eula"),
    "study-area": ("Please add your study area to your profile.", "https://urs.earthdata.nasa.gov/profile"),
    "not-authorised": (
        "This application is not authorised.",
        "https://urs.earthdata.nasa.gov/approve_app",
    ),
}


class EdlService(Service):
    """Rows 2 to 5 of the table of sandbox endpoints."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock

    def routes(self) -> Sequence[Route]:
        return (
            ("POST", "/api/users/find_or_create_token", self.find_or_create_token),
            ("POST", "/oauth/tokens/user", self.user_of_token),
            ("GET", "/oauth/authorize", self.authorize),
            ("GET", "/login", self.login),
        )

    def find_or_create_token(self, request: ServiceRequest) -> Answer:
        user = _user(request)
        if user is None:
            return _invalid_credentials()
        expires_at_s = self._clock.now_s() + TOKEN_LIFE_S
        kind = "Bearer"
        return Answer.of_json(
            {
                "access_token": make_sandbox_token(user, expires_at_s),
                "token_type": kind,
                "expiration_date": time.strftime("%m/%d/%Y", time.gmtime(expires_at_s)),
            }
        )

    def user_of_token(self, request: ServiceRequest) -> Answer:
        """Verify a token: 401 for a text that is none, 403 for an expired one; signatures are not looked at."""
        token = dict(request.form).get("token") or dict(request.query).get("token") or ""
        claims = token_claims(token)
        if claims is None or not claims.get("uid") or not isinstance(claims.get("exp"), (int, float)):
            return Answer.of_json(
                {"error": "invalid_token", "error_description": "The token is either malformed or unknown"},
                401,
            )
        is_expired = request.fault is not None and request.fault.expire_token
        if is_expired or claims["exp"] <= self._clock.now_s():
            return Answer.of_json(
                {"error": "token_expired", "error_description": "The token has expired"}, 403
            )
        return Answer.of_json({"uid": claims["uid"]})

    def authorize(self, request: ServiceRequest) -> Answer:
        credentials = basic_credentials(request.headers.get("authorization", ""))
        if credentials is not None and credentials[1] in _REFUSALS:
            message, page = _REFUSALS[credentials[1]]
            query = urlencode({"error": "access_denied", "error_msg": message, "resolution_url": page})
            return Answer(302, headers={"Location": f"/login?{query}"})
        user = _user(request)
        if user is None:
            return _invalid_credentials()
        token = make_sandbox_token(user, self._clock.now_s() + TOKEN_LIFE_S)
        return Answer(
            302,
            headers={"Location": "/login?code=sandbox", "Set-Cookie": f"{COOKIE}={token}; Path=/; HttpOnly"},
        )

    def login(self, request: ServiceRequest) -> Answer:
        query = dict(request.query)
        text = query.get("error_msg") or "Signed in to the sandbox"
        return Answer.of_text(f"<html><body>{_plain(text)}</body></html>", 200, "text/html; charset=utf-8")


def _user(request: ServiceRequest) -> str | None:
    credentials = basic_credentials(request.headers.get("authorization", ""))
    if credentials is None or not credentials[0] or credentials[1] in ("", "wrong"):
        return None
    return credentials[0]


def _invalid_credentials() -> Answer:
    return Answer.of_json(
        {"error": "invalid_credentials", "error_description": "Invalid user credentials"}, 401
    )


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

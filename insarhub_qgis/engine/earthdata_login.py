# SPDX-License-Identifier: GPL-2.0-or-later
"""Signing in with Earthdata: a session that carries a token, or the cookie that user and password give.

Users take every refusal for a wrong password, so each case has a code of its own and the page that solves it.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import requests
from requests.cookies import get_cookie_header

from insarhub_qgis.core.bearer_token import iso_time, read_token
from insarhub_qgis.core.credentials import Credential
from insarhub_qgis.core.earthdata_pages import (
    APPLICATIONS_PAGE,
    BEARER_PAGE,
    LICENCE_PAGE,
    PROFILE_PAGE,
    SIGN_IN_PAGE,
    trusted_page,
)
from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.login_files import netrc_file, read_netrc
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.core.sandbox_credentials import SANDBOX_USER_PREFIX, token_claims
from insarhub_qgis.engine.archive_http import ArchiveAdapter

COOKIE = "asf-urs"
#: The application that HyP3 signs in as, as hyp3_sdk does.
_CLIENT_ID = "BO_n7nTIlMljdvU6kRRB3g"
_MOST_REDIRECTS = 10


@dataclass(frozen=True)
class Account:
    """Who is signed in.

    Attributes
    ----------
    account
        User name of Earthdata Login.
    kind
        ``token``, ``password`` or ``netrc``.
    expires_at
        End of the token or of the session, ISO UTC; None when it was not told.
    """

    account: str
    kind: str
    expires_at: str | None


def sign_in(
    session: requests.Session,
    endpoints: Endpoints,
    credential: Credential | None,
    context: RunContext | None = None,
) -> Account:
    """Make ``session`` speak for an account at HyP3, and say whose.

    A token is not sent anywhere here; whether HyP3 takes it shows with the first request. Its header goes to the
    HyP3 service only. User and password go to Earthdata Login only, in a session of their own; what ``session`` gets is the
    cookie, for the hosts that it was given for.

    Raises
    ------
    InsarError
        ``credentials.missing``, ``credentials.token_malformed``, ``credentials.token_expired``,
        ``credentials.wrong_password``, ``credentials.licence``, ``credentials.study_area``,
        ``credentials.not_authorised``, ``credentials.refused``, ``credentials.no_session``, ``credentials.not_sandbox``,
        ``credentials.sandbox_only``, codes of `core.login_files.read_netrc` and of `ArchiveAdapter.send`. All of
        ``credentials`` but the two of the sandbox have ``page``, the address that helps.
    """
    if credential is None:
        raise InsarError("credentials.missing", page=BEARER_PAGE)
    if credential.token.strip():
        return _with_token(session, endpoints, credential.token)
    user, password, kind = credential.user.strip(), credential.password, "password"
    if not user and credential.use_netrc:
        user, password = read_netrc(netrc_file())
        kind = "netrc"
    if not user or not password:
        raise InsarError("credentials.missing", page=BEARER_PAGE)
    check_belongs(endpoints, is_of_sandbox=user.startswith(SANDBOX_USER_PREFIX))
    cookie = _cookie_for(user, password, endpoints, context or RunContext())
    _carry(session, _Header())
    session.cookies.set_cookie(cookie)
    claims = token_claims(cookie.value) or {}
    expires_s = claims.get("exp") or cookie.expires
    return Account(str(claims.get("uid") or user), kind, iso_time(expires_s))


def check_belongs(endpoints: Endpoints, *, is_of_sandbox: bool) -> None:
    """Refuse a real login while the sandbox is on, and one of a sandbox for real services.

    Raises
    ------
    InsarError
        ``credentials.not_sandbox``, ``credentials.sandbox_only``.
    """
    service = urlsplit(endpoints.hyp3).hostname or endpoints.hyp3
    if endpoints.is_sandbox and not is_of_sandbox:
        raise InsarError("credentials.not_sandbox", service=service)
    if not endpoints.is_sandbox and is_of_sandbox:
        raise InsarError("credentials.sandbox_only", service=service)


def _with_token(session: requests.Session, endpoints: Endpoints, text: str) -> Account:
    token = read_token(text)
    check_belongs(endpoints, is_of_sandbox=token.is_of_sandbox)
    _carry(session, _Header(f"Bearer {token.text}", endpoints.hyp3))
    return Account(token.account, "token", token.expires_at)


class _Header:
    """Sets ``Authorization`` for one service, and takes it off every other request.

    requests replaces the header of a session without ``auth`` by an entry of ``.netrc``, after redirects as well;
    ``trust_env`` would stop that, and drop proxies and certificates with it.
    """

    def __init__(self, value: str = "", service: str = "") -> None:
        self._value = value
        self._origin = _origin(service)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.pop("Authorization", None)
        if self._value and _origin(request.url or "") == self._origin:
            request.headers["Authorization"] = self._value
        return request

    def after_redirect(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        self(prepared_request)


def _carry(session: requests.Session, header: _Header) -> None:
    session.auth = header
    session.rebuild_auth = header.after_redirect  # type: ignore[method-assign]


def _cookie_for(user: str, password: str, endpoints: Endpoints, context: RunContext) -> Any:
    """Walk from Earthdata Login to the login of ASF and give the cookie that HyP3 takes."""
    with requests.Session() as session:
        adapter = ArchiveAdapter(endpoints, context.is_cancelled, context.log, expects_json=False)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        encoded = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
        _carry(session, _Header(f"Basic {encoded}", endpoints.edl))
        url = authorize_address(endpoints)
        for _ in range(_MOST_REDIRECTS):
            try:
                response = session.get(url, allow_redirects=False)
            except InsarError as error:
                raise _refused(error, user) from error
            target = response.headers.get("Location") if response.is_redirect else None
            _check_redirect(urljoin(url, target) if target else url, user)
            cookie = _cookie_of(session, endpoints)
            if cookie is not None:
                return cookie
            if target is None:
                break
            url = urljoin(url, target)
    raise InsarError(
        "credentials.no_session", account=user, service=urlsplit(endpoints.hyp3).hostname, page=BEARER_PAGE
    )


def authorize_address(endpoints: Endpoints) -> str:
    """Give the address at which a sign-in begins."""
    query = urlencode(
        {
            "response_type": "code",
            "client_id": _CLIENT_ID,
            "redirect_uri": f"{endpoints.asf_login}/login",
            "app_type": "401",
        },
        safe=":/",
    )
    return f"{endpoints.edl}/oauth/authorize?{query}"


def _cookie_of(session: requests.Session, endpoints: Endpoints) -> Any:
    """The cookie that would be sent to HyP3; None when there is none yet, or it is for other hosts."""
    request = requests.Request("GET", f"{endpoints.hyp3}/user").prepare()
    header = get_cookie_header(session.cookies, request) or ""
    if not any(part.strip().startswith(f"{COOKIE}=") for part in header.split(";")):
        return None
    return next(cookie for cookie in session.cookies if cookie.name == COOKIE)


def _refused(error: InsarError, user: str) -> InsarError:
    """Give the refusal of a login service as a case of credentials; other errors as they are."""
    if error.code != "archive.refused":
        return error
    if error.fields.get("status") == 401:
        return InsarError("credentials.wrong_password", account=user, page=SIGN_IN_PAGE)
    reason = f"HTTP {error.fields.get('status')}, {error.fields.get('reason')}"
    return InsarError("credentials.refused", account=user, reason=reason, page=SIGN_IN_PAGE)


def _check_redirect(address: str, user: str) -> None:
    """Raise what the login service says in the address that it sends us to."""
    query = parse_qs(urlsplit(address).query)
    message = query.get("error_msg", [""])[0]
    error = query.get("error", [""])[0]
    if not message and not error:
        return
    page = query.get("resolution_url", [""])[0]
    text = f"{message} {page}".lower()
    if "study area" in text or "update your profile" in text:
        raise InsarError("credentials.study_area", account=user, page=trusted_page(page, PROFILE_PAGE))
    if "eula" in text or "licen" in text:
        raise InsarError("credentials.licence", account=user, page=trusted_page(page, LICENCE_PAGE))
    if "authori" in text or "approve_app" in text:
        raise InsarError(
            "credentials.not_authorised", account=user, page=trusted_page(page, APPLICATIONS_PAGE)
        )
    reason = (message or error)[:200].rstrip(".")
    raise InsarError(
        "credentials.refused", account=user, reason=reason, page=trusted_page(page, PROFILE_PAGE)
    )


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port

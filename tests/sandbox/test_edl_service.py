# SPDX-License-Identifier: GPL-2.0-or-later
"""Earthdata Login of the sandbox, by hand and with the login of asf_search as it comes."""

from __future__ import annotations

import base64
import json
from urllib.parse import parse_qs, urlsplit

import asf_search
import pytest

from insarhub_qgis.core.sandbox_credentials import is_sandbox_token, make_sandbox_token, token_claims
from insarhub_qgis.sandbox.serve import make_sandbox
from tests.makers.sandbox_clients import call, plain_asf_session, plan_fault


@pytest.fixture
def sandbox():
    with make_sandbox() as server:
        yield server


@pytest.fixture
def url(sandbox):
    return sandbox.base_url


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_a_token_for_a_password(sandbox, url):
    status, _, body = call(
        url, "/api/users/find_or_create_token", "POST", headers=basic("sandbox-anna", "any")
    )
    answer = json.loads(body)
    assert status == 200
    assert set(answer) == {"access_token", "token_type", "expiration_date"}
    claims = token_claims(answer["access_token"])
    assert claims["uid"] == "sandbox-anna"
    assert claims["exp"] == pytest.approx(sandbox.clock.now_s() + 60 * 86400, abs=5)
    assert is_sandbox_token(answer["access_token"])


@pytest.mark.parametrize("headers", [{}, basic("sandbox-anna", "wrong"), {"Authorization": "Basic %%%"}])
def test_a_wrong_password(url, headers):
    status, _, body = call(url, "/api/users/find_or_create_token", "POST", headers=headers)
    assert status == 401
    assert json.loads(body)["error"] == "invalid_credentials"
    assert call(url, "/oauth/authorize", headers=headers)[0] == 401


def test_a_token_is_good_until_it_expires(sandbox, url):
    form = (("token", make_sandbox_token("sandbox-anna", sandbox.clock.now_s() + 3600)),)
    path = "/oauth/tokens/user?client_id=x"
    status, _, body = call(url, path, "POST", form=form)
    assert (status, json.loads(body)) == (200, {"uid": "sandbox-anna"})
    plan_fault(url, route="/oauth", expire_token=True)
    assert call(url, path, "POST", form=form)[0] == 403
    assert call(url, path, "POST", form=form)[0] == 200
    call(url, "/_sandbox/advance", "POST", value={"seconds": 3700})
    assert call(url, path, "POST", form=form)[0] == 403
    assert call(url, path, "POST", form=(("token", "tok"),))[0] == 401


@pytest.mark.parametrize("case", ["eula", "study-area", "not-authorised"])
def test_refusals_name_the_page_that_helps(url, case):
    status, headers, _ = call(url, "/oauth/authorize", headers=basic("sandbox-anna", case))
    assert status == 302
    query = parse_qs(urlsplit(headers["Location"]).query)
    assert query["error_msg"][0].endswith(".")
    assert query["resolution_url"][0].startswith("https://urs.earthdata.nasa.gov/")
    status, _, body = call(url, headers["Location"])
    assert status == 200
    assert query["error_msg"][0].encode() in body


def test_login_page_escapes_what_it_is_told(url):
    _, _, body = call(url, "/login?error_msg=%3Cscript%3E")
    assert b"<script>" not in body


def test_asf_search_signs_in_with_a_password(url):
    session = plain_asf_session(url)
    session.auth_with_creds("sandbox-anna", "any")
    assert session.headers["Authorization"].startswith("Bearer ")
    assert is_sandbox_token(session.cookies.get_dict()["asf-urs"])


def test_asf_search_is_refused_with_a_wrong_password(url):
    with pytest.raises(asf_search.ASFAuthenticationError):
        plain_asf_session(url).auth_with_creds("sandbox-anna", "wrong")


def test_asf_search_signs_in_with_a_token(sandbox, url):
    token = make_sandbox_token("sandbox-anna", sandbox.clock.now_s() + 3600)
    session = plain_asf_session(url)
    session.auth_with_token(token)
    assert session.headers["Authorization"] == f"Bearer {token}"
    with pytest.raises(asf_search.ASFAuthenticationError):
        plain_asf_session(url).auth_with_token("tok")

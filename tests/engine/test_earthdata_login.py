# SPDX-License-Identifier: GPL-2.0-or-later
"""Signing in, against the login of the sandbox over real HTTP: each case told apart, and nothing sent astray."""

from __future__ import annotations

import base64
import socket
import ssl
import time
from dataclasses import replace
from urllib.parse import parse_qs, urlencode, urlsplit

import hyp3_sdk.util
import pytest
import requests

from insarhub_qgis.core.credentials import Credential
from insarhub_qgis.core.endpoints import PRODUCTION, Endpoints
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.sandbox_credentials import make_sandbox_token
from insarhub_qgis.engine import archive_http
from insarhub_qgis.engine.archive_http import ArchiveAdapter
from insarhub_qgis.engine.earthdata_login import authorize_address, sign_in
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.sandbox.serve import make_sandbox
from insarhub_qgis.sandbox.server import Answer, SandboxServer
from insarhub_qgis.sandbox.service_state import Fault
from tests.makers.tokens import unsigned_token

DAY_S = 86400.0
PROXIES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def looked_up(monkeypatch, tmp_path):
    """Hosts beyond this machine that anything tried to reach; no proxy, no ``.netrc`` of this user."""
    real, tried = socket.getaddrinfo, []

    def look_up(host, *arguments, **options):
        if host not in ("127.0.0.1", "localhost"):
            tried.append(host)
            raise socket.gaierror(-2, "Name or service not known")
        return real(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(archive_http, "RETRY_WAITS_S", (0.01, 0.01))
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    return tried


@pytest.fixture(scope="module")
def server():
    with make_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(server):
    server.reset()
    return server


class Login:
    """A service whose answer to the first request of a sign-in is given."""

    def __init__(self, answer):
        self._answer = answer

    def routes(self):
        return (
            ("GET", "/oauth/authorize", lambda _: self._answer),
            ("GET", "/login", lambda _: Answer.of_text("<html>signed in</html>", 200, "text/html")),
            ("GET", "/away", lambda _: Answer(302, headers=self._headers())),
        )

    elsewhere = cookie = ""

    def _headers(self):
        return {"Location": self.elsewhere, **({"Set-Cookie": self.cookie} if self.cookie else {})}

    def reset(self):
        pass

    def close(self):
        pass


def endpoints_of(sandbox):
    return Endpoints.of_sandbox(sandbox.base_url)


def with_password(sandbox, password, session=None):
    return sign_in(
        session or requests.Session(),
        endpoints_of(sandbox),
        Credential(user="sandbox-anna", password=password),
    )


def fails(code, endpoints, credential):
    with pytest.raises(InsarError) as caught:
        sign_in(requests.Session(), endpoints, credential)
    assert caught.value.code == code, caught.value
    assert "?" not in sentence(caught.value), sentence(caught.value)
    return caught.value


def requests_of(sandbox):
    return [
        (request.path.partition("?")[0], {name.lower(): value for name, value in request.headers.items()})
        for request in sandbox.log.requests()
    ]


# --- Token ---


def test_a_token_names_its_account_and_end_without_any_request(sandbox):
    expires_s = time.time() + 3 * DAY_S
    token = make_sandbox_token("sandbox-anna", expires_s)
    account = sign_in(
        requests.Session(), endpoints_of(sandbox), Credential(token=f"  Bearer {token}\n", user="other")
    )
    assert (account.account, account.kind) == ("sandbox-anna", "token")
    assert account.expires_at == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(expires_s)))
    assert requests_of(sandbox) == []


def test_netrc_replaces_no_token(sandbox, tmp_path):
    """An entry for the very host would do so in a session that only has the header."""
    (tmp_path / "netrc").write_text(
        "machine 127.0.0.1 login sandbox-netrc password any\ndefault login x password y\n"
    )
    token = make_sandbox_token("sandbox-anna", time.time() + DAY_S)
    plain = requests.Session()
    plain.headers["Authorization"] = f"Bearer {token}"
    plain.get(f"{sandbox.base_url}/login")
    session = requests.Session()
    sign_in(session, endpoints_of(sandbox), Credential(token=token))
    session.get(f"{sandbox.base_url}/login")
    assert session.trust_env
    assert [headers["authorization"] for _, headers in requests_of(sandbox)] == ["Basic ***", "Bearer ***"]


def test_a_token_goes_to_the_service_only(sandbox, tmp_path):
    (tmp_path / "netrc").write_text("machine localhost login sandbox-netrc password any\n")
    other = sandbox.base_url.replace("127.0.0.1", "localhost")
    login = Login(Answer())
    with SandboxServer([login]) as redirecting:
        login.elsewhere = f"{other}/login"
        session = requests.Session()
        token = make_sandbox_token("sandbox-anna", time.time() + DAY_S)
        sign_in(session, endpoints_of(redirecting), Credential(token=token))
        assert session.get(f"{redirecting.base_url}/away").status_code == 200
        session.get(f"{other}/login")
        ((_, first),) = requests_of(redirecting)
    assert first["authorization"] == "Bearer ***"
    assert [("authorization" in headers) for _, headers in requests_of(sandbox)] == [False, False]


@pytest.mark.parametrize(
    "token",
    ["abc", "a.b.c", "x" * 4000, "ey.ä.x", "Bearer", unsigned_token({"uid": "anna"}), unsigned_token({"exp": 9e9}),
     unsigned_token({"uid": "anna", "exp": "soon"}), f"{unsigned_token({'uid': 'anna', 'exp': 9e9})}\r\nX-Other: 1"],
)  # fmt: skip
def test_what_is_no_token(token):
    error = fails("credentials.token_malformed", PRODUCTION, Credential(token=token))
    assert error.fields["page"].startswith("https://urs.earthdata.nasa.gov/")
    assert token not in str(error) or len(token) < 7


def test_an_expired_token(sandbox):
    token = make_sandbox_token("sandbox-anna", time.time() - 60)
    error = fails("credentials.token_expired", endpoints_of(sandbox), Credential(token=token))
    assert error.fields["account"] == "sandbox-anna"
    assert error.fields["expired_at"].endswith("Z")
    assert token not in str(error) + sentence(error)


def test_no_login_at_all(sandbox):
    for credential in (
        None,
        Credential(),
        Credential(token=" "),
        Credential(user="sandbox-anna"),
        Credential(password="p"),
    ):
        fails("credentials.missing", endpoints_of(sandbox), credential)
    assert requests_of(sandbox) == []


# --- User and password ---


def test_a_password_gives_the_cookie_to_the_service_alone(sandbox):
    session = requests.Session()
    account = with_password(sandbox, "any", session)
    assert (account.account, account.kind) == ("sandbox-anna", "password")
    assert account.expires_at > time.strftime("%Y-%m-%dT", time.gmtime(time.time() + 50 * DAY_S))
    session.get(f"{sandbox.base_url}/login")
    session.get(f"{sandbox.base_url.replace('127.0.0.1', 'localhost')}/login")
    (first, with_cookie, elsewhere) = requests_of(sandbox)
    assert first == ("/oauth/authorize", first[1])
    assert first[1]["authorization"] == "Basic ***"
    assert with_cookie[1]["cookie"]
    assert "authorization" not in with_cookie[1]
    assert "cookie" not in elsewhere[1]


def test_the_request_is_that_of_the_library():
    ours, theirs = (urlsplit(url) for url in (authorize_address(PRODUCTION), hyp3_sdk.util.AUTH_URL))
    assert ours._replace(query="") == theirs._replace(query="")
    assert parse_qs(ours.query) == parse_qs(theirs.query)


def test_the_session_of_the_library_works_in_the_same_place(sandbox, monkeypatch):
    monkeypatch.setattr(hyp3_sdk.util, "AUTH_URL", authorize_address(endpoints_of(sandbox)))
    session = hyp3_sdk.util.get_authenticated_session("sandbox-anna", "any")
    assert session.cookies.get("asf-urs")


@pytest.mark.parametrize(
    ("password", "code", "page"),
    [
        ("wrong", "credentials.wrong_password", "https://urs.earthdata.nasa.gov/"),
        ("eula", "credentials.licence", "https://urs.earthdata.nasa.gov/accept_eula"),
        ("study-area", "credentials.study_area", "https://urs.earthdata.nasa.gov/profile"),
        ("not-authorised", "credentials.not_authorised", "https://urs.earthdata.nasa.gov/approve_app"),
    ],
)
def test_each_refusal_has_its_code_and_page(sandbox, password, code, page):
    error = fails(code, endpoints_of(sandbox), Credential(user="sandbox-anna", password=password))
    assert error.fields["page"] == page
    assert error.fields["account"] == "sandbox-anna"
    assert len(requests_of(sandbox)) == 1  # a wrong password is not tried again: accounts get locked


@pytest.mark.parametrize(
    ("message", "page", "code", "shown"),
    [
        ("Pre authorization required for this application, please authorize by visiting the resolution url",
         "https://urs.earthdata.nasa.gov/approve_app?client_id=x", "credentials.not_authorised",
         "https://urs.earthdata.nasa.gov/approve_app?client_id=x"),
        ("Please update your profile with your 'Study Area' information", "", "credentials.study_area",
         "https://urs.earthdata.nasa.gov/profile"),
        ("EULA Acceptance Failure - EULAs must be accepted", "https://urs.earthdata.nasa.gov/accept_eula?eula_id=a",
         "credentials.licence", "https://urs.earthdata.nasa.gov/accept_eula?eula_id=a"),
        ("Your account is locked.", "https://evil.example/urs.earthdata.nasa.gov", "credentials.refused",
         "https://urs.earthdata.nasa.gov/profile"),
        ("", "http://urs.earthdata.nasa.gov/x", "credentials.refused", "https://urs.earthdata.nasa.gov/profile"),
    ],
)  # fmt: skip
def test_refusals_in_the_words_of_the_service(message, page, code, shown):
    query = urlencode({"error": "access_denied", "error_msg": message, "resolution_url": page})
    answer = Answer(302, headers={"Location": f"/login?{query}"})
    with SandboxServer([Login(answer)]) as login:
        error = fails(code, endpoints_of(login), Credential(user="sandbox-anna", password="any"))
    assert error.fields["page"] == shown


def test_signed_in_but_without_a_session(sandbox):
    with SandboxServer([Login(Answer(302, headers={"Location": "/login?code=1"}))]) as login:
        fails("credentials.no_session", endpoints_of(login), Credential(user="sandbox-anna", password="any"))
        assert ["authorization" in headers for _, headers in requests_of(login)] == [True, True]
    with SandboxServer([Login(Answer(302, headers={"Location": "/oauth/authorize"}))]) as login:
        fails("credentials.no_session", endpoints_of(login), Credential(user="sandbox-anna", password="any"))
        assert len(requests_of(login)) == 10


def test_the_cookie_is_not_given_to_a_service_of_another_host():
    cookie = unsigned_token({"uid": "anna", "exp": time.time() + DAY_S})
    answer = Answer(302, headers={"Location": "/login?code=1", "Set-Cookie": f"asf-urs={cookie}; Path=/"})
    with SandboxServer([Login(answer)]) as login:
        url = login.base_url
        same = Endpoints(edl=url, asf_login=url, hyp3=url)
        assert sign_in(requests.Session(), same, Credential(user="anna", password="any")).account == "anna"
        split = Endpoints(edl=url, asf_login=url, hyp3=url.replace("127.0.0.1", "localhost"))
        fails("credentials.no_session", split, Credential(user="anna", password="any"))
        assert {headers["host"] for _, headers in requests_of(login)} == {urlsplit(url).netloc}


def test_the_walk_over_the_hosts_of_production(monkeypatch):
    """Names as in production, all at this machine: the cookie is for ASF, the password for Earthdata."""
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *arguments, **options: real("127.0.0.1", *arguments, **options)
    )
    monkeypatch.setenv("no_proxy", "*")
    cookie = unsigned_token({"uid": "anna", "exp": time.time() + DAY_S})
    login = Login(None)
    with SandboxServer([login]) as server:
        port = server.base_url.rpartition(":")[2]
        edl, asf, hyp3 = (
            f"http://{host}:{port}"
            for host in ("urs.earthdata.nasa.gov", "cumulus.asf.alaska.edu", "hyp3-api.asf.alaska.edu")
        )
        login._answer = Answer(302, headers={"Location": f"{asf}/away"})
        login.elsewhere = f"{asf}/login"
        login.cookie = f"asf-urs={cookie}; Domain=.asf.alaska.edu; Path=/"
        session = requests.Session()
        endpoints = Endpoints(edl=edl, asf_login=asf, hyp3=hyp3)
        account = sign_in(session, endpoints, Credential(user="anna", password="any"))
        assert (account.account, account.kind) == ("anna", "password")
        for host in (hyp3, "http://products.example:" + port):
            session.get(f"{host}/login")
        sent = [
            (headers["host"].partition(":")[0], "authorization" in headers, "cookie" in headers)
            for _, headers in requests_of(server)
        ]
    assert sent == [
        ("urs.earthdata.nasa.gov", True, False),
        ("cumulus.asf.alaska.edu", False, False),
        ("hyp3-api.asf.alaska.edu", False, True),
        ("products.example", False, False),
    ]


def test_the_password_goes_to_the_login_only():
    with make_sandbox() as second, SandboxServer([Login(None)]) as login:
        target = f"{second.base_url}/login"
        login.services[0]._answer = Answer(302, headers={"Location": target})
        split = Endpoints(edl=login.base_url, asf_login=second.base_url, hyp3=second.base_url)
        fails("credentials.no_session", split, Credential(user="anna", password="any"))
        assert "authorization" in requests_of(login)[0][1]
        assert [("authorization" in headers) for _, headers in requests_of(second)] == [False]


def test_any_character_in_a_password(sandbox):
    seen = []
    login = Login(Answer.of_json({"error": "invalid_credentials"}, 401))
    login.routes = lambda: (
        ("GET", "/oauth/authorize", lambda request: seen.append(request) or login._answer),
    )
    with SandboxServer([login]) as server:
        credential = Credential(user="sandbox-anna", password="pä:ss żółć 語 ")
        fails("credentials.wrong_password", endpoints_of(server), credential)
    encoded = seen[0].headers["authorization"].partition(" ")[2]
    assert base64.b64decode(encoded).decode("utf-8") == "sandbox-anna:pä:ss żółć 語 "


# --- netrc ---


def test_netrc_is_read_only_when_asked(sandbox, tmp_path):
    (tmp_path / "netrc").write_text(
        "machine other login a password b\nmachine urs.earthdata.nasa.gov\n  login sandbox-otto\n  password any\n"
    )
    fails("credentials.missing", endpoints_of(sandbox), Credential())
    account = sign_in(requests.Session(), endpoints_of(sandbox), Credential(use_netrc=True))
    assert (account.account, account.kind) == ("sandbox-otto", "netrc")


def test_a_netrc_that_does_not_help(sandbox, tmp_path):
    file = tmp_path / "netrc"
    fails("login_file.missing", endpoints_of(sandbox), Credential(use_netrc=True))
    file.write_text("default login sandbox-otto password any\n")
    fails("login_file.no_earthdata", endpoints_of(sandbox), Credential(use_netrc=True))
    file.write_text("machine urs.earthdata.nasa.gov login otto secret-word any\n")
    error = fails("login_file.not_readable", endpoints_of(sandbox), Credential(use_netrc=True))
    assert "secret-word" not in str(error)
    assert error.__cause__ is None
    file.write_text("machine urs.earthdata.nasa.gov login otto password real\n")
    fails("credentials.not_sandbox", endpoints_of(sandbox), Credential(use_netrc=True))
    assert requests_of(sandbox) == []


# --- Guard ---


def test_no_real_login_reaches_a_sandbox(sandbox):
    real = unsigned_token(
        {"uid": "anna", "exp": time.time() + DAY_S, "iss": "https://urs.earthdata.nasa.gov"}
    )
    for credential in (Credential(token=real), Credential(user="anna", password="any")):
        fails("credentials.not_sandbox", endpoints_of(sandbox), credential)
    assert requests_of(sandbox) == []


def test_no_login_of_a_sandbox_leaves_for_production(looked_up):
    token = make_sandbox_token("sandbox-anna", time.time() + DAY_S)
    for credential in (Credential(token=token), Credential(user="sandbox-anna", password="any")):
        fails("credentials.sandbox_only", PRODUCTION, credential)
    assert looked_up == []


def test_the_transport_guards_once_more(sandbox, looked_up):
    """A session that was signed in for one place and is used for the other."""
    session = requests.Session()
    sign_in(
        session, PRODUCTION, Credential(token=unsigned_token({"uid": "anna", "exp": time.time() + DAY_S}))
    )
    session.mount("https://", ArchiveAdapter(endpoints_of(sandbox)))
    with pytest.raises(InsarError) as caught:
        session.get(f"{PRODUCTION.hyp3}/user")
    assert caught.value.code == "credentials.not_sandbox"
    assert (requests_of(sandbox), looked_up) == ([], [])


# --- Network ---


def test_offline_is_no_wrong_password(looked_up):
    error = fails("network.offline", PRODUCTION, Credential(user="anna", password="any"))
    assert error.fields["service"] == "urs.earthdata.nasa.gov"
    assert set(looked_up) == {"urs.earthdata.nasa.gov"}


def test_a_proxy_that_does_not_work(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("https_proxy", f"http://user:pa55@127.0.0.1:{taken.getsockname()[1]}")
        error = fails("network.proxy", PRODUCTION, Credential(user="anna", password="any"))
    assert "pa55" not in str(error)


def test_a_certificate_that_is_not_trusted(monkeypatch):
    def refuse(*_, **__):
        raise requests.exceptions.SSLError(ssl.SSLCertVerificationError("self-signed certificate"))

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", refuse)
    fails("network.certificate", PRODUCTION, Credential(user="anna", password="any"))


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"status": 503, "times": 3}, "archive.down"),
        ({"status": 403}, "credentials.refused"),
        ({"drop": True, "times": 3}, "network.offline"),
    ],
)
def test_a_login_service_that_does_not_work(sandbox, fault, code):
    sandbox.faults.add(Fault(route="/oauth", **fault))
    fails(code, endpoints_of(sandbox), Credential(user="sandbox-anna", password="any"))


def test_a_short_failure_passes(sandbox):
    sandbox.faults.add(Fault(route="/oauth", status=503))
    assert with_password(sandbox, "any").account == "sandbox-anna"


def test_nothing_of_a_login_shows_in_texts(sandbox):
    secret = "s3cret-wörd"
    credential = Credential(token=secret, user="anna", password=secret)
    assert secret not in repr(credential)
    session = requests.Session()
    sign_in(
        session,
        endpoints_of(sandbox),
        Credential(token=make_sandbox_token("sandbox-anna", time.time() + DAY_S)),
    )
    assert "ey" not in repr(session.auth)
    with pytest.raises(InsarError) as caught:
        sign_in(requests.Session(), replace(PRODUCTION), credential)
    assert secret not in str(caught.value.to_json())

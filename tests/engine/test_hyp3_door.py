# SPDX-License-Identifier: GPL-2.0-or-later
"""The door to HyP3 on the sandbox: each error of the service, and what hyp3_sdk does by itself and the door does not."""

from __future__ import annotations

import ast
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import hyp3_sdk
import pytest
import requests
from urllib3.exceptions import MaxRetryError, SSLError

from insarhub_qgis.core.credentials import Credential
from insarhub_qgis.core.endpoints import PRODUCTION, Endpoints
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.hyp3_options import Hyp3Options, fingerprint
from insarhub_qgis.core.installation import LAUNCH_FILE
from insarhub_qgis.core.requests import Hyp3Account
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine import hyp3_account, hyp3_door
from insarhub_qgis.sandbox.serve import make_sandbox
from insarhub_qgis.sandbox.service_state import Fault
from tests.architecture.test_messages import message_rows
from tests.makers.hyp3_submissions import (
    USER,
    Listener,
    catalogue,
    endpoints_of,
    make_hyp3_server,
    set_account,
    stack_scenes,
    steer,
    token,
)
from tests.makers.tokens import unsigned_token
from tests.makers.waiting import NEVER_S, holding, wait_until

MESSAGES = message_rows()[1]


@pytest.fixture(scope="module")
def server():
    with make_hyp3_server() as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    monkeypatch.setattr(hyp3_door, "RETRY_WAITS_S", (0.01, 0.01, 0.01))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def sandbox(server):
    server.reset()
    return server


@pytest.fixture
def door(sandbox):
    with open_door(sandbox) as opened:
        yield opened


def open_door(sandbox, listener=None):
    return hyp3_door.open_hyp3(endpoints_of(sandbox), (listener or Listener()).context)


def plain_sdk(sandbox, life_s=3600.0):
    return hyp3_sdk.HyP3(api_url=sandbox.base_url, token=token(life_s=life_s))


def gamma(first=0, second=1, **parameters):
    granules = [stack_scenes()[first], stack_scenes()[second]]
    return {"job_type": "INSAR_GAMMA", "name": "x", "job_parameters": {"granules": granules, **parameters}}


def error_of(function, *arguments, **values):
    with pytest.raises(InsarError) as caught:
        result = function(*arguments, **values)
        if hasattr(result, "__next__"):
            list(result)
    assert caught.value.code in MESSAGES, caught.value
    return caught.value


# --- What the service answers: each row of the table of errors ---


@pytest.mark.parametrize("user", [USER, "sandbox-poor"])
def test_account(sandbox, user):
    request = Hyp3Account(endpoints=endpoints_of(sandbox).to_json())
    result = hyp3_account.run(request, Listener(user).context)
    assert result["account"] == user
    assert result["kind"] == "token"
    assert result["application_status"] == "APPROVED"
    assert result["credits_left"] == (35 if user == "sandbox-poor" else 8000)
    assert result["credits_per_month"] == (35 if user == "sandbox-poor" else None)
    assert result["costs"]["INSAR_GAMMA"]["cost_table"] == {"20x4": 10, "10x2": 15}
    assert result["expires_at"].endswith("Z")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("No authorization token provided", "hyp3.unauthorized"),
        ("Invalid authorization token provided", "hyp3.unauthorized"),
        ("Invalid authorization token: Signature has expired", "hyp3.token_expired"),
    ],
)
def test_401(door, sandbox, body, code):
    sandbox.faults.add(Fault(route="/user", status=401, body=json.dumps({"status": 401, "detail": body})))
    assert error_of(door.user).code == code


def test_a_token_that_expires_on_the_way(door, sandbox):
    steer(sandbox, "advance", seconds=2 * 86400)
    assert error_of(door.user).code == "hyp3.token_expired"


def test_unknown_scene(door):
    job = gamma()
    job["job_parameters"]["granules"][1] = stack_scenes()[1][:-4] + "0000"
    error = error_of(door.post_jobs, [job], validate_only=True)
    assert error.code == "hyp3.unknown_scenes"
    assert error.fields["scenes"] == [stack_scenes()[1][:-4] + "0000"]


def test_no_elevation_model(door, sandbox):
    detail = f"Some requested scenes do not have DEM coverage: {stack_scenes()[0]}"
    sandbox.faults.add(Fault(route="/jobs", status=400, body=json.dumps({"status": 400, "detail": detail})))
    error = error_of(door.post_jobs, [gamma()], validate_only=False)
    assert (error.code, error.fields["scenes"]) == ("hyp3.no_dem", [stack_scenes()[0]])


def test_too_few_credits(door, sandbox):
    set_account(sandbox, remaining_credits=25)
    error = error_of(door.post_jobs, [gamma(), gamma(0, 2), gamma(0, 3)], validate_only=False)
    assert (error.code, error.fields["cost"], error.fields["left"]) == ("hyp3.no_credits", 30, 25)


@pytest.mark.parametrize(
    ("user", "state"),
    [("sandbox-new", "not asked for"), ("sandbox-pending", "pending"), ("sandbox-rejected", "rejected")],
)
def test_not_approved(sandbox, user, state):
    with open_door(sandbox, Listener(user)) as door:
        error = error_of(door.post_jobs, [gamma()], validate_only=False)
    assert (error.code, error.fields["state"]) == ("hyp3.not_approved", state)
    assert error.fields["page"] == "https://hyp3-docs.asf.alaska.edu/using/requesting_access/"


def test_a_page_that_is_not_of_the_service_is_not_shown(door, sandbox):
    detail = "You must request access. Visit https://evil.example/asf.alaska.edu"
    sandbox.faults.add(Fault(route="/jobs", status=403, body=json.dumps({"detail": detail})))
    error = error_of(door.post_jobs, [gamma()], validate_only=False)
    assert error.fields["page"] == "https://hyp3-docs.asf.alaska.edu/using/requesting_access/"


@pytest.mark.parametrize(
    "parameters", [{"looks": "5x1"}, {"phase_filter_parameter": 2}, {"wind": True}, {"granules": ["a"]}]
)
def test_faults_of_the_schema_are_cut(door, parameters):
    """The service repeats the whole request, up to 186 KB, without naming the field."""
    jobs = [gamma(0, second) for second in range(1, 25)] + [gamma(**parameters)]
    error = error_of(door.post_jobs, jobs, validate_only=False)
    assert error.code == "hyp3.refused"
    assert len(error.fields["reason"]) <= 303


def test_too_many_and_no_jobs(door):
    assert error_of(door.post_jobs, [gamma()] * 201, validate_only=True).code == "hyp3.refused"
    assert error_of(door.post_jobs, [], validate_only=True).code == "hyp3.refused"


def test_what_a_request_repeats_is_not_taken_for_the_reason(door, sandbox):
    detail = "x" * 400 + " could not be found: these jobs would cost 3 credits, 2 credits"
    sandbox.faults.add(Fault(route="/jobs", status=400, body=json.dumps({"detail": detail})))
    assert error_of(door.post_jobs, [gamma()], validate_only=False).code == "hyp3.refused"


def test_bad_query_values(door):
    assert error_of(door.find_jobs, status="DONE").code == "hyp3.refused"
    assert error_of(door.job, "no-uuid").code == "hyp3.refused"


def test_job_of_another_user(door, sandbox):
    (job,) = door.post_jobs([gamma()], validate_only=False)
    with open_door(sandbox, Listener("sandbox-berta")) as other:
        # Any account may read any job.
        assert other.job(job["job_id"])["user_id"] == USER
        assert list(other.find_jobs()) == []
        assert [found["job_id"] for found in other.find_jobs(user_id=USER)] == [job["job_id"]]
        response = raw(other, "PATCH", f"/jobs/{job['job_id']}", json={"name": "mine"})
    assert response.code == "hyp3.forbidden"


def test_unknown_job_and_route(door):
    assert door.job("27836b79-e5b2-4d8f-932f-659724ea02c3") is None
    assert raw(door, "GET", "/jobs/27836b79-e5b2-4d8f-932f-659724ea02c3/more").code == "hyp3.not_found"


def test_wrong_method_is_answered_in_html(door):
    assert raw(door, "DELETE", "/jobs").code == "hyp3.not_served"


def raw(door, method, path, **values):
    """The error of a request that the door itself does not send."""
    with pytest.raises(InsarError) as caught:
        door._session.request(method, door.api_url + path, **values)
    assert caught.value.code in MESSAGES
    return caught.value


@pytest.mark.parametrize("body", ['{"detail": "Could not query CMR"}', "down", "<html>503</html>"])
def test_503_as_json_or_text(door, sandbox, body):
    sandbox.faults.add(Fault(route="/costs", status=503, body=body, times=9))
    error = error_of(door.costs)
    assert (error.code, error.fields["status"]) == ("hyp3.down", 503)


@pytest.mark.parametrize("status", [429, 503])
def test_the_service_is_left_alone_as_long_as_it_asks(door, sandbox, status):
    sandbox.faults.add(Fault(route="/costs", status=status, retry_after_s=1))
    begun = time.monotonic()
    assert door.costs()
    assert time.monotonic() - begun >= 1.0


def test_busy_for_long_is_not_waited_for(door, sandbox):
    sandbox.faults.add(Fault(route="/costs", status=429, retry_after_s=NEVER_S, times=9))
    error = error_of(door.costs)
    assert (error.code, error.fields["retry_after_s"]) == ("hyp3.busy", NEVER_S)
    assert len(sandbox.log.requests()) == 1


def test_validation_charges_nothing_and_names_the_price(door, sandbox):
    (job,) = door.post_jobs([gamma(looks="10x2")], validate_only=True)
    assert job["credit_cost"] == 15
    assert door.user()["remaining_credits"] == 8000
    assert list(door.find_jobs()) == []


# --- Lists ---


def test_empty_pages_are_followed(door, sandbox):
    door.post_jobs([gamma(0, second) for second in range(1, 12)], validate_only=False)
    steer(sandbox, "hyp3", page_jobs=3)
    sandbox.faults.add(Fault(route="/jobs", method="GET", empty_page=True, times=2))
    assert len(list(door.find_jobs())) == 11


def test_2500_jobs_of_one_account(door, sandbox):
    combinations = [(a, b) for a in range(31) for b in range(a + 1, 31)][:200]
    set_account(sandbox, remaining_credits=None)
    for _ in range(12):
        door.post_jobs([gamma(a, b) for a, b in combinations], validate_only=False)
    door.post_jobs([gamma(a, b) for a, b in combinations[:100]], validate_only=False)
    sandbox.log.clear()
    assert len({job["job_id"] for job in door.find_jobs()}) == 2500
    assert len(sandbox.log.requests()) >= 2


def test_filters(door, sandbox):
    (first,) = door.post_jobs([gamma()], validate_only=False)
    steer(sandbox, "advance", seconds=100)
    moment = datetime.now(timezone.utc) + timedelta(seconds=50)
    (second,) = door.post_jobs([{**gamma(0, 2), "name": "y"}], validate_only=False)
    assert [job["job_id"] for job in door.find_jobs(start=moment)] == [second["job_id"]]
    assert [job["job_id"] for job in door.find_jobs(end=moment)] == [first["job_id"]]
    assert [job["job_id"] for job in door.find_jobs(name="y")] == [second["job_id"]]
    assert [job["job_id"] for job in door.find_jobs(status="SUCCEEDED")] == [first["job_id"]]
    assert list(door.find_jobs(job_type="RTC_GAMMA")) == []


def test_the_login_does_not_follow_a_page_elsewhere(door, sandbox):
    page = {"jobs": [], "next": "https://example.com/jobs?start_token=1"}
    sandbox.faults.add(Fault(route="/jobs", status=200, body=json.dumps(page)))
    assert error_of(door.find_jobs).code == "hyp3.bad_answer"


@pytest.mark.parametrize("body", ["[]", "{}", '{"jobs": 3}', '{"jobs": [{}]}', '{"jobs": ["a"]}'])
def test_lists_of_another_form(door, sandbox, body):
    sandbox.faults.add(Fault(route="/jobs", status=200, body=body))
    assert error_of(door.find_jobs).code == "hyp3.bad_answer"


def test_unknown_keys_and_types_are_passed_on(door, sandbox):
    """The library raises KeyError for a job without a type, after it was paid."""
    job = {"job_id": "a", "job_type": "OPERA_DISP_TMS", "novelty": {"b": 1}}
    bare = {"job_id": "c"}
    sandbox.faults.add(Fault(route="/jobs", status=200, body=json.dumps({"jobs": [job, bare]}), times=2))
    assert list(door.find_jobs()) == [job, bare]
    with pytest.raises(KeyError):
        plain_sdk(sandbox).find_jobs()


# --- Pitfalls of the library, in the order of their table ---


def test_1_no_answer_does_not_hang(sandbox, door, monkeypatch):
    seen = []
    session = plain_sdk(sandbox).session
    monkeypatch.setattr(
        requests.adapters.HTTPAdapter, "send", lambda *_, timeout=None, **__: seen.append(timeout) or 1 / 0
    )
    with pytest.raises(ZeroDivisionError):
        session.get(sandbox.base_url + "/costs")
    assert seen == [None]
    monkeypatch.undo()
    monkeypatch.setattr(hyp3_door, "RETRY_WAITS_S", (0.01,))
    monkeypatch.setattr(hyp3_door, "READ_TIMEOUT_S", 0.2)
    with holding(sandbox, lambda request: request.path == "/costs"):
        assert error_of(door.costs).code == "network.timeout"
    # The service notes a request once it has answered: not in the middle of another test.
    wait_until(lambda: len(sandbox.log.requests()) == 2)


def test_2_questions_are_asked_again_and_payments_never(sandbox, door):
    sandbox.faults.add(Fault(route="/costs", status=503, times=1))
    with pytest.raises(hyp3_sdk.exceptions.HyP3SDKError):
        plain_sdk(sandbox).costs()
    sandbox.faults.add(Fault(route="/costs", status=503, times=2))
    sandbox.faults.add(Fault(route="/costs", drop=True))
    assert door.costs()["AUTORIFT"] == {"cost": 25}
    for fault in (
        Fault(status=503),
        Fault(status=429),
        Fault(drop=True),
        Fault(lose_answer=True),
        Fault(cut_body=9),
    ):
        sandbox.reset()
        sandbox.faults.add(Fault(**{**vars(fault), "route": "/jobs", "method": "POST"}))
        error_of(door.post_jobs, [gamma()], validate_only=False)
        assert len(sandbox.log.requests()) == 1
    # What costs nothing may be repeated.
    sandbox.reset()
    sandbox.faults.add(Fault(route="/jobs", method="POST", status=503))
    assert len(door.post_jobs([gamma()], validate_only=True)) == 1


@pytest.mark.parametrize(
    ("fault", "code", "is_paid"),
    [
        (Fault(lose_answer=True), "hyp3.answer_lost", True),
        (Fault(truncate_after=30), "hyp3.answer_lost", True),
        (Fault(cut_body=30), "hyp3.answer_lost", True),
        (Fault(drop=True), "hyp3.answer_lost", False),
        (Fault(status=500), "hyp3.answer_lost", False),
        (Fault(status=302), "hyp3.answer_lost", False),
        (Fault(status=200, body='{"jobs": []}'), "hyp3.answer_lost", False),
        (Fault(status=429), "hyp3.busy", False),
        (Fault(status=400, body='{"detail": "no"}'), "hyp3.refused", False),
    ],
)
def test_2_what_may_have_arrived_is_said_to_be_lost(sandbox, door, fault, code, is_paid):
    sandbox.faults.add(Fault(**{**vars(fault), "route": "/jobs", "method": "POST"}))
    assert error_of(door.post_jobs, [gamma()], validate_only=False).code == code
    assert len(list(door.find_jobs())) == int(is_paid)


def test_2_what_never_left_is_not_lost():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    endpoints = Endpoints.of_sandbox(f"http://127.0.0.1:{port}")
    with hyp3_door.open_hyp3(endpoints, Listener().context) as door:
        assert error_of(door.post_jobs, [gamma()], validate_only=False).code == "network.offline"


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (ssl.SSLCertVerificationError(1, "certificate verify failed"), "network.certificate"),
        # As a connection that was broken up on its way fails while the answer is read.
        (ssl.SSLError(1, "decryption failed or bad record mac"), "hyp3.answer_lost"),
    ],
)
def test_2_a_fault_of_encryption_in_the_answer_is_a_lost_answer(door, monkeypatch, cause, code):
    def fail(*_, **__):
        raise requests.exceptions.SSLError(MaxRetryError(None, "/jobs", SSLError(cause)))

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", fail)
    assert error_of(door.post_jobs, [gamma()], validate_only=False).code == code


@pytest.mark.parametrize("entry", ["machine 127.0.0.1", "default"])
def test_3_netrc_does_not_replace_the_token(sandbox, monkeypatch, tmp_path, entry):
    netrc = tmp_path / "netrc"
    netrc.write_text(f"{entry} login somebody password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with pytest.raises(hyp3_sdk.exceptions.HyP3Error):
        plain_sdk(sandbox).my_info()
    assert "Basic ***" in {entry.headers.get("Authorization") for entry in sandbox.log.requests()}
    with open_door(sandbox) as door:
        assert door.user()["user_id"] == USER
        door.post_jobs([gamma()], validate_only=True)
        list(door.find_jobs())
    ours = [entry for entry in sandbox.log.requests() if "insarhub-qgis" in entry.headers["User-Agent"]]
    assert len(ours) >= 3
    assert {entry.headers["Authorization"] for entry in ours} == {"Bearer ***"}


def test_3_settings_of_the_environment_stay(monkeypatch, tmp_path):
    """Proxies and certificates of the environment count, which trust_env off would drop as well."""
    monkeypatch.setenv("https_proxy", "http://proxy.invalid:3128")
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    real = unsigned_token({"uid": "anna", "exp": time.time() + 999})
    context = RunContext(credential=Credential(token=real))
    with hyp3_door.open_hyp3(PRODUCTION, context) as door:
        settings = door._session.merge_environment_settings(door.api_url, {}, False, None, None)
    assert settings["proxies"]["https"] == "http://proxy.invalid:3128"
    assert settings["verify"] == str(bundle)


def test_4_every_failure_has_a_code(sandbox, door):
    sandbox.faults.add(Fault(route="/user", status=500, times=1))
    with pytest.raises(hyp3_sdk.exceptions.ServerError) as caught:
        plain_sdk(sandbox).my_info()
    assert str(caught.value) == ""
    sandbox.faults.add(Fault(route="/user", status=405, body="<html>", times=2))
    with pytest.raises(requests.exceptions.JSONDecodeError):
        plain_sdk(sandbox).my_info()
    assert error_of(door.user).code == "hyp3.not_served"
    sandbox.faults.add(Fault(route="/user", status=200, body="<html>Sign in to the hotel</html>"))
    assert error_of(door.user).fields["start"] == "<html>Sign in to the hotel</html>"
    sandbox.faults.add(Fault(route="/user", status=500, times=9))
    assert error_of(door.user).fields["status"] == 500
    sandbox.faults.clear()
    sandbox.faults.add(Fault(route="/user", drop=True, times=9))
    assert error_of(door.user).code == "network.offline"
    sandbox.faults.clear()
    sandbox.faults.add(Fault(route="/user", cut_body=9, times=9))
    assert error_of(door.user).code == "hyp3.not_json"


def test_4_a_cancel_ends_the_waiting(sandbox, monkeypatch):
    monkeypatch.setattr(hyp3_door, "RETRY_WAITS_S", (NEVER_S,))
    sandbox.faults.add(Fault(route="/user", status=503, times=9))
    listener = Listener(is_cancelled=lambda: bool(sandbox.log.requests()))
    with open_door(sandbox, listener) as door, pytest.raises(Cancelled):
        door.user()
    assert len(sandbox.log.requests()) == 1


def test_5_6_what_the_library_does_badly_is_not_used(sandbox, door):
    """Its watch gives up as if it had failed, its refresh asks once per job, its downloads and renames print."""
    jobs = door.post_jobs([gamma(0, second) for second in range(1, 6)], validate_only=False)
    sdk = plain_sdk(sandbox)
    sandbox.log.clear()
    sdk.refresh(hyp3_sdk.Batch([sdk.get_job_by_id(job["job_id"]) for job in jobs]))
    assert len(sandbox.log.requests()) == 10
    with pytest.raises(hyp3_sdk.exceptions.HyP3Error, match="Timeout"):
        sdk.watch(sdk.get_job_by_id(jobs[0]["job_id"]), timeout=0.02, interval=0.01)
    sandbox.log.clear()
    assert len(list(door.find_jobs())) == 5
    assert len(sandbox.log.requests()) == 1
    tree = ast.parse(Path(hyp3_door.__file__).read_text(encoding="utf-8"))
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not names & {"watch", "refresh", "download_files", "update_jobs", "submit_prepared_jobs"}


def test_7_standard_output_holds_messages_only(sandbox):
    request = Hyp3Account(endpoints=endpoints_of(sandbox).to_json())
    secret = token()
    message = {"protocol": 1, "credential": {"token": secret}, "parameters": request.to_json()}
    ended = subprocess.run(
        [sys.executable, "-I", str(LAUNCH_FILE), "engine", request.command],
        input=json.dumps(message) + "\n", capture_output=True, text=True, encoding="utf-8", timeout=60, check=True,
    )  # fmt: skip
    messages = [json.loads(line) for line in ended.stdout.splitlines()]
    assert messages[0]["type"] == "hello"
    assert messages[-1]["result"]["account"] == USER
    assert secret not in ended.stdout + ended.stderr


def test_8_each_thread_has_a_door_of_its_own(sandbox):
    sessions, found = [], []

    def ask():
        with open_door(sandbox) as door:
            sessions.append(door._session)
            found.append(door.user()["user_id"])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [USER] * 4
    assert len({id(session) for session in sessions}) == 4


def test_9_the_credential_of_the_run_is_the_only_one(sandbox, monkeypatch):
    monkeypatch.setenv("EARTHDATA_TOKEN", token())
    context = RunContext()
    with pytest.raises(InsarError) as caught, hyp3_door.open_hyp3(endpoints_of(sandbox), context):
        pass
    assert caught.value.code == "credentials.missing"
    assert sandbox.log.requests() == []


def test_a_token_needs_no_network_to_sign_in(sandbox):
    with open_door(sandbox) as door:
        assert (door.account.account, door.account.kind) == (USER, "token")
        assert sandbox.log.requests() == []
        door.costs()
        agent = sandbox.log.requests()[0].headers["User-Agent"]
    assert agent.startswith("hyp3_sdk/")
    assert "insarhub-qgis/" in agent


def test_the_clock_of_the_service_is_known(door, sandbox):
    before = datetime.now(timezone.utc)
    assert before <= door.server_now() <= datetime.now(timezone.utc)
    steer(sandbox, "advance", seconds=86400)
    door.costs()
    ahead = door.server_now() - datetime.now(timezone.utc)
    assert timedelta(hours=23) < ahead <= timedelta(days=1)


def test_jobs_are_sent_as_the_library_prepares_them():
    """Apart from the deprecated layer, which the service adds by itself."""
    reference, secondary = stack_scenes()[:2]
    options = Hyp3Options(looks="10x2", phase_filter_parameter=0.4)
    theirs = hyp3_sdk.HyP3.prepare_insar_job(
        reference, secondary, "x", looks="10x2", phase_filter_parameter=0.4,
        include_dem=True, include_look_vectors=True, apply_water_mask=True,
    )  # fmt: skip
    ours = options.job_parameters([reference], [secondary])
    assert theirs["job_parameters"].pop("include_los_displacement") is False
    assert ours == theirs["job_parameters"]
    bursts = sorted(name for name, scene in catalogue().items() if scene.frame is None)
    multi = Hyp3Options(job_type="INSAR_ISCE_MULTI_BURST").job_parameters(bursts[:2], bursts[2:4])
    theirs = hyp3_sdk.HyP3.prepare_insar_isce_multi_burst_job(
        bursts[:2], bursts[2:4], "x", apply_water_mask=True
    )
    assert multi == theirs["job_parameters"]
    assert fingerprint("INSAR_ISCE_MULTI_BURST", multi) != fingerprint("INSAR_GAMMA", ours)


def test_user_and_password_work_as_well():
    """The cookie of the sign-in goes along; the password goes to the login alone."""
    with make_sandbox() as server:
        context = RunContext(credential=Credential(user=USER, password="right"))
        with hyp3_door.open_hyp3(endpoints_of(server), context) as door:
            assert (door.account.account, door.account.kind) == (USER, "password")
            (job,) = door.post_jobs([gamma()], validate_only=False)
            assert job["user_id"] == USER
            assert [found["job_id"] for found in door.find_jobs()] == [job["job_id"]]
        jobs = [entry for entry in server.log.requests() if entry.path.startswith("/jobs")]
        assert len(jobs) == 2
        assert all("Authorization" not in entry.headers for entry in jobs)

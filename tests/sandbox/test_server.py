# SPDX-License-Identifier: GPL-2.0-or-later
"""The server of the sandbox: routes, faults, clock, log, and its command as a process."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time

import pytest

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.installation import LAUNCH_FILE
from insarhub_qgis.sandbox.serve import make_sandbox
from insarhub_qgis.sandbox.server import SandboxServer
from tests.makers.sandbox_clients import call, plan_fault, search
from tests.makers.waiting import HANG_S

SEARCH = "/search/granules.umm_json"
FIELDS = (("provider", "ASF"), ("page_size", "5"))


@pytest.fixture
def sandbox():
    with make_sandbox() as server:
        yield server


@pytest.fixture
def url(sandbox):
    return sandbox.base_url


def test_it_listens_on_this_machine_only(sandbox):
    assert sandbox.base_url.startswith("http://127.0.0.1:")
    assert sandbox._server.server_address[0] == "127.0.0.1"


def test_unknown_routes_and_methods_get_json(url):
    status, headers, body = call(url, "/nope.zip")
    assert status == 404
    assert headers["Content-Type"].startswith("application/json")
    assert json.loads(body)["errors"]
    assert call(url, SEARCH)[0] == 405


def test_answers_have_a_length_and_keep_the_connection(url):
    connection = http.client.HTTPConnection(url.removeprefix("http://"))
    for _ in range(3):
        connection.request("HEAD", "/search/health")
        answer = connection.getresponse()
        assert answer.status == 200
        assert int(answer.headers["Content-Length"]) > 0
        assert answer.read() == b""
    connection.close()


def test_a_taken_port_is_an_error(sandbox):
    port = int(sandbox.base_url.rpartition(":")[2])
    with pytest.raises(InsarError) as caught:
        SandboxServer([], port=port)
    assert caught.value.code == "sandbox.port"
    assert caught.value.fields["port"] == port


def test_a_fault_with_a_status_comes_as_often_as_asked(url):
    plan_fault(url, route="/search", status=503, times=2)
    statuses = [call(url, SEARCH, "POST", form=FIELDS)[0] for _ in range(3)]
    assert statuses == [503, 503, 200]


def test_a_fault_hits_its_route_only(url):
    plan_fault(url, route="/oauth", status=500)
    assert call(url, SEARCH, "POST", form=FIELDS)[0] == 200
    assert call(url, "/oauth/authorize")[0] == 500


def test_a_page_of_html_and_retry_after(url):
    plan_fault(url, status=429, body="<html>wait</html>", content_type="text/html", retry_after_s=7)
    status, headers, body = call(url, SEARCH, "POST", form=FIELDS)
    assert (status, headers["Retry-After"], body) == (429, "7", b"<html>wait</html>")


def test_a_cut_body_is_shorter_than_announced(url):
    plan_fault(url, truncate_after=20)
    with pytest.raises(http.client.IncompleteRead) as caught:
        call(url, SEARCH, "POST", form=FIELDS)
    assert len(caught.value.partial) == 20


def test_a_cut_json_of_the_right_length(url):
    plan_fault(url, cut_body=30)
    status, headers, body = call(url, SEARCH, "POST", form=FIELDS)
    assert (status, headers["Content-Length"], len(body)) == (200, "30", 30)


def test_a_dropped_connection(url):
    plan_fault(url, drop=True)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        call(url, SEARCH, "POST", form=FIELDS)
    assert call(url, SEARCH, "POST", form=FIELDS)[0] == 200


def test_a_delay(url):
    plan_fault(url, delay_s=0.3)
    started = time.monotonic()
    assert call(url, SEARCH, "POST", form=FIELDS)[0] == 200
    assert time.monotonic() - started >= 0.3


def test_a_page_with_fewer_items_than_hits(url):
    plan_fault(url, keep_share=0.5)
    answer, headers = search(url, ("provider", "ASF"), ("page_size", "10"))
    assert len(answer["items"]) == 5
    assert answer["hits"] == int(headers["CMR-Hits"]) > 10


def test_a_fault_that_is_not_known_is_refused(url):
    assert call(url, "/_sandbox/fault", "POST", value={"explode": True})[0] == 400
    assert call(url, "/_sandbox/fault", "POST", body=b"{")[0] == 400
    assert call(url, "/_sandbox/advance", "POST", value={})[0] == 400
    assert call(url, "/_sandbox/other", "POST", value={})[0] == 404


def test_the_clock_moves_and_reset_restores(sandbox, url):
    before = sandbox.clock.now_s()
    call(url, "/_sandbox/advance", "POST", value={"seconds": 86400})
    assert sandbox.clock.now_s() - before == pytest.approx(86400, abs=5)
    plan_fault(url, status=500, times=100)
    assert call(url, "/_sandbox/reset", "POST")[0] == 200
    assert sandbox.clock.now_s() - before < 5
    assert call(url, SEARCH, "POST", form=FIELDS)[0] == 200
    assert len(sandbox.log.requests()) == 1


def test_the_log_masks_credentials(url):
    headers = {"Authorization": "Bearer very-secret", "Cookie": "asf-urs=very-secret"}
    call(url, "/oauth/tokens/user?client_id=x", "POST", form=(("token", "very-secret"),), headers=headers)
    status, _, body = call(url, "/_sandbox/log")
    assert status == 200
    assert b"very-secret" not in body
    (request,) = json.loads(body)["requests"]
    assert request["headers"]["Authorization"] == "Bearer ***"
    assert request["form"] == [["token", "***"]]
    assert request["path"] == "/oauth/tokens/user?client_id=x"


def test_many_clients_at_once(sandbox, url):
    answers = []

    def ask():
        answers.append(search(url, ("provider", "ASF"), ("page_size", "250"))[0])

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 12
    assert all(answer == answers[0] for answer in answers)
    assert len(sandbox.log.requests()) == 12


def test_a_client_that_goes_away_harms_nobody(url, capfd):
    connection = http.client.HTTPConnection(url.removeprefix("http://"))
    connection.putrequest("POST", SEARCH)
    connection.putheader("Content-Length", "100")
    connection.endheaders(b"half")
    connection.close()
    assert call(url, SEARCH, "POST", form=FIELDS)[0] == 200
    assert capfd.readouterr().err == ""


def test_serve_as_a_process_ends_with_its_host():
    process = subprocess.Popen(
        [sys.executable, "-I", str(LAUNCH_FILE), "sandbox", "serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    process.stdin.write(json.dumps({"cancel_on_eof": True, "parameters": {}}) + "\n")
    process.stdin.flush()
    item = None
    for line in process.stdout:
        message = json.loads(line)
        assert message["type"] != "error", message
        if message["type"] == "item":
            item = message["item"]
            break
    answer, _ = search(item["base_url"], ("provider", "ASF"), ("page_size", "0"))
    assert answer["hits"] == item["scenes"] > 100
    process.stdin.close()
    last = json.loads(process.stdout.readlines()[-1])
    assert process.wait(timeout=HANG_S) == 0
    assert last["result"] == {"base_url": item["base_url"], "requests": 1}


def test_a_file_that_holds_no_scenes(tmp_path):
    for content in ("", "[]", '{"items": [{"umm": {}}]}', "<html>"):
        file = tmp_path / "answer.json"
        file.write_text(content)
        with pytest.raises(InsarError) as caught:
            make_sandbox(str(file))
        assert caught.value.code == "sandbox.not_umm"
    with pytest.raises(InsarError) as caught:
        make_sandbox(str(tmp_path / "nothing.json"))
    assert caught.value.code == "file.not_readable"

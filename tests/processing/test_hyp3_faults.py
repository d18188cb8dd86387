# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults of HyP3 through the algorithms, against a sandbox with faults: what the person reads, and that nothing is lost or paid twice.

Each scenario has a user of its own, so that what it was charged can be counted while others are at work.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import signal
import threading
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from qgis.core import QgsApplication, QgsProcessingContext, QgsProcessingException, QgsProcessingUtils

from insarhub_qgis.core import requests
from insarhub_qgis.core.hyp3_files import find_job_files
from insarhub_qgis.core.sandbox_credentials import make_sandbox_token
from insarhub_qgis.host import accounts, paths
from insarhub_qgis.host.settings import settings
from tests.makers.auth_database import open_test_database
from tests.makers.hyp3_payments import assert_paid_once, jobs_of_user
from tests.makers.printed_sentences import Heard, assert_is_a_sentence, state_of
from tests.makers.sandbox_server import running_sandbox
from tests.makers.tokens import unsigned_token
from tests.makers.waiting import NEVER_S
from tests.processing.test_bad_input import disk, fill, parent_of, wait_for
from tests.processing.test_search_faults import without_network

DAY_S = 86400.0
#: Instead of a minute between the two looks for the jobs of a request whose answer got lost.
LOOK_AGAIN_S = 0.5
SMALL = {"width": 24, "height": 20, "noise": False, "pending_s": 0.0, "done_s": 0.0}
SIGN_IN_PAGE = {
    "status": 200,
    "body": "<html><body>Please sign in to the network</body></html>",
    "content_type": "text/html",
}
PAY = {"route": "/jobs", "method": "POST"}


def said(status, detail):
    """An error in the form of the service."""
    body = json.dumps({"status": status, "title": "Error", "detail": detail, "type": "about:blank"})
    return {"status": status, "body": body, "content_type": "application/problem+json"}


# --- The service -------------------------------------------------------------------------------------------


class Service:
    """A sandbox, steered by plain HTTP."""

    def __init__(self, url):
        self.url = url

    def ask(self, path, value=None, token=None):
        body = json.dumps(value).encode() if value is not None else None
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(self.url + path, body, headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()

    def fault(self, **fault):
        self.ask("/_sandbox/fault", fault)

    def advance(self, seconds):
        self.ask("/_sandbox/advance", {"seconds": seconds})

    def requests(self, beginning):
        log = json.loads(self.ask("/_sandbox/log"))["requests"]
        return [request for request in log if request["path"].startswith(beginning)]

    def use(self):
        settings().use_sandbox.setValue(True)
        settings().sandbox_url.setValue(self.url)


@pytest.fixture(scope="module")
def profile(run, tmp_path_factory):
    """Accounts and kept files of a profile of its own; lost answers are looked for twice within a second."""
    place = tmp_path_factory.mktemp("profile")
    with pytest.MonkeyPatch.context() as patch, open_test_database():
        patch.setattr(paths, "private_folder", lambda: place)
        for request in (requests.SubmitHyp3, requests.RetryHyp3):
            patch.setattr(requests, request.__name__, functools.partial(request, look_again_s=LOOK_AGAIN_S))
        yield
    for entry in (settings().use_sandbox, settings().sandbox_url, settings().earthdata_account):
        entry.remove()


@pytest.fixture(scope="module")
def services(engine, profile):
    """Three sandboxes, started side by side."""
    with contextlib.ExitStack() as stack, ThreadPoolExecutor() as pool:
        begun = [pool.submit(stack.enter_context, running_sandbox(engine, **SMALL)) for _ in range(3)]
        yield [Service(one.result()) for one in begun]


@pytest.fixture(scope="module")
def service(services):
    return services[0]


@pytest.fixture(scope="module")
def others(services):
    """Two more, whose faults and clocks disturb nobody."""
    return services[1:]


@pytest.fixture(autouse=True)
def _use_it(service):
    service.use()


# --- Runs --------------------------------------------------------------------------------------------------


class Reader(Heard):
    """Also hears the progress."""

    def setProgressText(self, text):
        self.everything.append(text)


class Run:
    """An algorithm in a thread of its own, as QGIS runs them from the toolbox."""

    def __init__(self, name, parameters):
        self.heard = Reader()
        self.answer, self.error = None, None
        self.seconds = 0.0
        self._begun = time.monotonic()
        self._parameters = parameters
        self._context = QgsProcessingContext()
        registry = QgsApplication.processingRegistry()
        self._algorithm = registry.createAlgorithmById(f"insarhub:{name}")
        assert self._algorithm.prepare(parameters, self._context, self.heard)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        try:
            self.answer = self._algorithm.runPrepared(self._parameters, self._context, self.heard)
        except QgsProcessingException as error:
            self.error = str(error)
        self.seconds = time.monotonic() - self._begun

    @property
    def is_running(self):
        return self._thread.is_alive()

    def wait(self):
        self._thread.join(90)
        assert not self.is_running
        assert not any("Traceback" in line for line in (*self.heard.everything, self.error or ""))
        return self

    @property
    def warned(self):
        """What a person reads in the log, without the lines about attempts that follow."""
        return [text for text in self.heard.warnings if "next attempt in" not in text]


@dataclass
class Job:
    """A job folder of one user, with the pairs of its stack."""

    service: Service
    user: str
    folder: Path
    pairs: list
    auth: str = ""
    parameters: dict = field(default_factory=dict)

    def __post_init__(self):
        self.auth = accounts.add_token(self.token)
        self.parameters = {"JOB_FOLDER": str(self.folder), "AUTH": self.auth}

    @property
    def token(self):
        return make_sandbox_token(self.user, time.time() + 70 * DAY_S)

    def start(self, name, **parameters):
        return Run(name, {**self.parameters, **parameters})

    def do(self, name, **parameters):
        return self.start(name, **parameters).wait()

    def submit(self):
        """Submit everything, undisturbed, and wait for the products."""
        assert self.do("submithyp3").error is None
        self.assert_paid(len(self.pairs))
        wait_for(lambda: {job["status_code"] for job in self.jobs} <= {"SUCCEEDED", "FAILED"})
        return self

    @property
    def jobs(self):
        return jobs_of_user(self.service.url, self.user)[0]

    def assert_paid(self, count):
        """So many of the pairs are paid, each once, and the folder knows the job of each."""
        paid = [tuple(job["granules"]) for job in self.jobs]
        assert len(paid) == count
        assert set(paid) <= {tuple(pair) for pair in self.pairs}
        assert_paid_once(self.service.url, self.user, self.folder, paid)

    def left(self, count):
        self.assert_paid(count)
        return f"{count} of {len(self.pairs)} pairs paid, each once: {count * 10} credits, {count} jobs known"

    def finish(self):
        """What is not paid yet is submitted once the fault is over; nothing else."""
        before = len(self.jobs)
        run = self.do("submithyp3")
        assert run.error is None
        assert run.answer["SUBMITTED"] == len(self.pairs) - before
        self.assert_paid(len(self.pairs))


@pytest.fixture(scope="module")
def stack(run, service, tmp_path_factory):
    """A job folder of a few months, made by the algorithms."""
    service.use()
    place = tmp_path_factory.mktemp("wörk")
    found = run(
        "searchscenes",
        {"AOI": "-2.5,-1.2,37.1,38.3 [EPSG:4326]", "PATH": "103", "FRAME": "121", "START": "2020-01-01",
         "END": "2020-05-31", "OUTPUT": "TEMPORARY_OUTPUT"},
    )["OUTPUT"]  # fmt: skip
    run("addjobs", {"SCENES": found, "WORK_DIRECTORY": str(place)})
    run("selectpairs", {"JOB_FOLDER": str(place), "DT_TARGETS": "12,24", "DT_MAX": 30, "PB_MAX": 500})
    return place


@pytest.fixture(scope="module")
def make_job(stack, service, tmp_path_factory):
    """``make_job(user, pairs)``: a job folder with so many pairs; ``chunk``: pairs of a request."""

    def make(user, count, *, chunk=200, at=service, more=()):
        folder = tmp_path_factory.mktemp("jobs") / user
        shutil.copytree(stack, folder)
        (file,) = folder.glob("stack_*.json")
        content = json.loads(file.read_text(encoding="utf-8"))
        assert len(content["pairs"]) >= count
        content["pairs"] = [*content["pairs"][:count], *more]
        file.write_text(json.dumps(content), encoding="utf-8")
        config = folder / "insarhub_config.json"
        values = json.loads(config.read_text(encoding="utf-8"))
        values["processor"] = {"type": "Hyp3_S1", "config": {"submission_chunk_size": chunk}}
        config.write_text(json.dumps(values), encoding="utf-8")
        return Job(at, f"sandbox-{user}", folder, content["pairs"])

    return make


@pytest.fixture
def told(table, tmp_path_factory):
    """``told(what, text, words, left)``: check a printed sentence and write its row."""

    def tell(what, text, words, left):
        for word in words:
            assert word in text, f"{what}: {word!r} is not in {text!r}"
        assert "(service=" not in text
        # The address of the report comes last and is no sentence.
        assert_is_a_sentence(text.partition(" The report: ")[0])
        for place in (str(tmp_path_factory.getbasetemp()), QgsProcessingUtils.tempFolder()):
            text = text.replace(place, "…")
        table.append((what, text, left))

    return tell


@pytest.fixture
def untold(table):
    """A fault that is overcome: no sentence, but the outcome."""

    def tell(what, run, left):
        assert run.error is None, run.error
        assert run.warned == []
        table.append((what, "(none: the run goes on by itself)", left))

    return tell


def test_the_slow_ones_are_begun(slow_runs, faulty_download):
    """First, so that they run beside the others."""
    _, run, _ = faulty_download
    assert run.is_running


# --- Questions: the service does not answer as it should ---------------------------------------------------

#: Each ends a run of `hyp3credits` at once.
ANSWERS = [
    ("401: no token, or Basic in place of it", said(401, "No authorization token provided"),
     ["127.0.0.1 does not take the login: No authorization token provided", "Test the account in Options"]),
    ("401: bad token", said(401, "Invalid authorization token provided"),
     ["does not take the login: Invalid authorization token provided", "renew its token or password"]),
    ("401: expired token", {"expire_token": True},
     ["The token has expired", "Make a new token"]),
    ("403: not approved", said(403, "User anna must request access before submitting jobs. Visit https://hyp3-docs.asf.alaska.edu/using/requesting_access/"),
     ["does not accept jobs of this account yet (access: not asked for)", "https://hyp3-docs.asf.alaska.edu/using/requesting_access/"]),
    ("404: no such route", said(404, "The requested URL was not found on the server."),
     ["does not know what was asked for", "check the address of HyP3 in Options"]),
    ("405 with HTML", {"status": 405, "body": "<html>Method Not Allowed</html>", "content_type": "text/html"},
     ["does not understand this call (HTTP 405)", "Check the address of HyP3 in Options"]),
    ("429, wait for an hour", {"status": 429, "retry_after_s": 3600},
     ["127.0.0.1 is busy", "Try again in some minutes"]),
    ("sign-in page of a network with 200", SIGN_IN_PAGE,
     ["Something else answered in place of 127.0.0.1", "Please sign in", "sign in, and try again"]),
    ("JSON of another form", {"status": 200, "body": '{"hits": 3}'},
     ["The answer of HyP3 is not understood", "update the plugin"]),
]  # fmt: skip


def test_answers_that_end_a_question(service, told):
    for _, fault, _ in ANSWERS:
        service.fault(route="/user", **fault)
    # Each one takes a fault; which one does not matter.
    texts = [run.wait().error for run in [Run("hyp3credits", {}) for _ in ANSWERS]]
    for what, _, words in ANSWERS:
        (text,) = [text for text in texts if all(word in text for word in words)]
        told(f"{what} (question)", text, words, "nothing was sent that is paid")
    assert Run("hyp3credits", {}).wait().answer["CREDITS"] > 0


def test_logins_that_the_library_would_confuse(service, untold, told, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login anna password wrong\ndefault login anna password wrong\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("EARTHDATA_TOKEN", unsigned_token({"uid": "anna", "exp": time.time() + DAY_S}))
    auth = accounts.add_token(make_sandbox_token("sandbox-nina", time.time() + DAY_S))
    run = Run("hyp3credits", {"AUTH": auth}).wait()
    assert run.answer["CREDITS"] > 0
    assert any("sandbox-nina" in text for text in run.heard.everything)
    untold(".netrc and EARTHDATA_TOKEN name another login", run, "the account of QGIS was used")


# --- Questions that are asked again ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def slow_runs(service, others, make_job, engine, tmp_path_factory):
    """What is tried several times over half a minute goes on beside the other tests."""
    one, two = others
    folder = make_job("rita", 2).submit()
    before = state_of(folder.folder)
    runs = []
    service.fault(route="/costs", delay_s=NEVER_S)
    answered = len(service.requests("/user"))
    hanging = Run("hyp3credits", {})
    wait_for(lambda: len(service.requests("/user")) > answered)
    # The next question is on its way by then.
    time.sleep(0.5)
    hanging.heard.cancel()

    def begin(what, words, name, **parameters):
        run = Run(name, parameters)
        # The engine was started by then, so settings and environment were read.
        wait_for(lambda: run.heard.everything or not run.is_running)
        runs.append((what, words, run))

    one.fault(route="/user", times=4, status=503, body="Service Unavailable", content_type="text/plain")
    one.fault(route="/jobs", times=4, status=429)
    two.fault(route="/user", times=4, status=500, body="")
    two.fault(route="/jobs", times=4, truncate_after=10)
    jobs = {"JOB_FOLDER": str(folder.folder), "AUTH": folder.auth, "OUTPUT": "TEMPORARY_OUTPUT"}
    one.use()
    begin("503 as text", ["127.0.0.1 has a fault (HTTP 503", "Try again in some minutes"], "hyp3credits")
    begin("429 without a time", ["127.0.0.1 is busy", "Try again in some minutes"], "refreshhyp3", **jobs)
    two.use()
    begin(
        "500 without a word", ["127.0.0.1 has a fault (HTTP 500", "Try again in some minutes"], "hyp3credits"
    )
    begin("answer broken off", ["only 10 of", "bytes arrived", "Try again"], "refreshhyp3", **jobs)
    settings().sandbox_url.setValue("http://127.0.0.1:9")
    begin("no sandbox at its address", ["http://127.0.0.1:9 cannot be reached", "start it or switch it off"],
          "retryhyp3", JOB_FOLDER=str(folder.folder), AUTH=folder.auth)  # fmt: skip
    settings().use_sandbox.setValue(False)
    auth = accounts.add_token(unsigned_token({"uid": "anna", "exp": time.time() + DAY_S}))
    with (
        contextlib.suppress(pytest.skip.Exception),
        without_network(engine, tmp_path_factory.mktemp("engine")),
    ):
        begin(
            "no network", ["cannot be reached: name not found", "Check the network"], "hyp3credits", AUTH=auth
        )
    service.use()

    def collect():
        for _, _, run in runs:
            run.wait()
        assert state_of(folder.folder) == before
        folder.assert_paid(2)
        return runs, hanging.wait()

    return collect


# --- Downloads ---------------------------------------------------------------------------------------------


def zips_in(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.zip")}


def served(job):
    """The product of each job as the service gives it: job id -> (name, bytes)."""
    found = {}
    for row in job.jobs:
        value = json.loads(job.service.ask(f"/jobs/{row['job_id']}", token=job.token))
        (file,) = value["files"]
        path = file["url"].removeprefix(job.service.url)
        found[row["job_id"]] = (file["filename"], job.service.ask(path))
    return found


@dataclass
class DownloadFault:
    """One product: its faults, the words of its sentence (none: it comes whole all the same)."""

    what: str
    faults: Callable
    words: tuple = ()
    name: str = ""
    route: str = ""


DOWNLOADS = [
    DownloadFault("cut download", lambda size: [{"truncate_after": size // 2}]),
    DownloadFault("download cut again and again", lambda size: 5 * [{"truncate_after": 700}],
                  ("The answer of 127.0.0.1 broke off", "Check the network and try again")),
    DownloadFault("product changed (ETag) between two parts; 200 where 206 was asked",
                  lambda size: [{"truncate_after": size // 2}, {"etag_change": True}]),
    DownloadFault("product longer than said", lambda size: 2 * [{"wrong_length": 5000}],
                  ("should have", "were offered or found", "Refresh and download again")),
    DownloadFault("product shorter than said", lambda size: 2 * [{"wrong_length": -3000}],
                  ("should have", "were offered or found", "Refresh and download again")),
    DownloadFault("product expired: 404", lambda size: 2 * [{"status": 404}],
                  ("is no longer at its address", "retry the job with expired jobs included")),
    DownloadFault("product expired: 403", lambda size: 2 * [{"status": 403}],
                  ("is no longer at its address", "retry the job with expired jobs included")),
    DownloadFault("sign-in page in place of the zip", lambda size: 2 * [SIGN_IN_PAGE],
                  ("sent something else in place of the zip", "sign in, and try again")),
    DownloadFault("500 once", lambda size: [{"status": 500}]),
    DownloadFault("416 to a part", lambda size: [{"truncate_after": size // 2}, {"status": 416}]),
    DownloadFault("damaged twice",
                  lambda size: 2 * [{"status": 200, "body": "PK\x03\x04" + "x" * (size - 4), "content_type": "application/zip"}],
                  ("arrived damaged twice", "kept with the ending .bad; download it again later")),
    DownloadFault("a product without fault beside them", lambda size: []),
]  # fmt: skip


@pytest.fixture(scope="module")
def faulty_download(service, make_job):
    """A download of a dozen products, almost each with a fault; it takes as long as the most stubborn of them."""
    job = make_job("dora", len(DOWNLOADS)).submit()
    whole = served(job)
    for case, (job_id, (name, content)) in zip(DOWNLOADS, whole.items()):
        case.name, case.route = name, f"/products/{job_id}"
        for fault in case.faults(len(content)):
            service.fault(route=case.route, **fault)
    run = job.start("downloadhyp3")
    wait_for(lambda: any(text.endswith("is there.") for text in run.heard.everything))
    return job, run, dict(whole.values())


# --- Submission --------------------------------------------------------------------------------------------


#: Each stops the second request of a submission. What may have arrived is looked for.
STOPS = [
    ("token expires during a submission", {"expire_token": True}, ["The token has expired", "and go on"]),
    ("503 at a submission", {"status": 503, "body": "down", "content_type": "text/plain"},
     ["127.0.0.1 has a fault (HTTP 503", "nothing is paid twice"]),
    ("429 at a submission", {"status": 429, "retry_after_s": 60},
     ["127.0.0.1 is busy", "nothing is paid twice"]),
    ("connection cut before the request arrives", {"drop": True},
     ["cannot be reached: connection closed without an answer", "Check the network"]),
    ("sign-in page in answer to a submission", SIGN_IN_PAGE,
     ["Something else answered in place of 127.0.0.1", "sign in, and try again"]),
]  # fmt: skip


def test_what_stops_a_submission(service, make_job, told):
    job = make_job("stella", len(STOPS) + 1, chunk=1)
    for count, (what, fault, words) in enumerate(STOPS, 1):
        service.fault(**PAY, skip=1, **fault)
        run = job.do("submithyp3")
        rest = len(job.pairs) - count
        left = f"{rest} pairs were not sent." if rest != 1 else "1 pair was not sent."
        told(
            what,
            run.error,
            [*words, f"1 job submitted for 10 credits. {left}", "The report: "],
            job.left(count),
        )
    job.finish()


def test_post_answered_but_the_connection_is_cut(service, make_job, untold):
    job = make_job("paul", 8, chunk=2)
    cuts = [
        ("POST worked on, connection cut before the answer", {"lose_answer": True}),
        ("POST worked on, answer cut off", {"truncate_after": 200}),
        ("POST worked on, half of the JSON arrives", {"cut_body": 200}),
    ]
    for _, fault in cuts:
        service.fault(**PAY, **fault)
    run = job.do("submithyp3")
    left = job.left(8)
    for what, _ in cuts:
        untold(what, run, f"the jobs were found by name; {left}")
    sent = [request for request in service.requests("/jobs") if request["method"] == "POST"]
    assert len(sent) >= 4
    job.finish()


def test_credits_run_out_in_the_third_chunk(service, make_job, told):
    job = make_job("kurt", 6, chunk=2)
    service.ask("/_sandbox/account", {"user_id": job.user, "remaining_credits": 45})
    run = job.do("submithyp3")
    words = ["these jobs would cost 20, and the account has 5 left", "Choose fewer pairs", "4 jobs submitted for 40 credits.",
             "2 pairs were not sent."]  # fmt: skip
    told("credits run out in the third chunk", run.error, words, job.left(4))
    service.ask("/_sandbox/account", {"user_id": job.user, "remaining_credits": 45})
    job.finish()


@pytest.mark.parametrize(
    ("user", "state"), [("new", "not asked for"), ("pending", "pending"), ("rejected", "rejected")]
)
def test_accounts_without_approval(make_job, told, user, state):
    job = make_job(user, 2)
    run = job.do("submithyp3")
    words = [f"does not accept jobs of this account yet (access: {state})", "Ask for access on the page"]
    told(f"403: application {state}", run.error, words, job.left(0))


def test_pairs_that_the_service_refuses(service, make_job, told):
    """One unknown scene, one without elevation model, one that does not fit the schema, and a good pair."""
    job = make_job("rosa", 3, chunk=1)
    scene, later = job.pairs[0]
    lost = f"{scene[:-4]}FFFF"
    (file,) = job.folder.glob("stack_*.json")
    content = json.loads(file.read_text(encoding="utf-8"))
    content["pairs"].append([lost, later])
    file.write_text(json.dumps(content), encoding="utf-8")
    echo = {"jobs": [{"job_parameters": {"granules": list(pair)}} for pair in job.pairs * 300]}
    service.fault(**PAY, **said(400, f"Some requested scenes do not have DEM coverage: {scene}"))
    service.fault(**PAY, **said(400, f"{echo!r} is not valid under any of the given schemas"))
    run = job.do("submithyp3")
    assert run.error is None, run.error
    assert run.answer["SUBMITTED"] == 1
    left = job.left(1)
    for what, words in (
        ("400: unknown scene", [lost, "The archive does not know S1", "search again"]),
        ("400: no elevation model", [scene, "no elevation model", "Remove their pairs"]),
        ("400: request does not fit the schema (repeats the whole request)",
         ["HyP3 refuses the job: the request is not valid under any of the given schemas", "Check options and pairs"]),
    ):  # fmt: skip
        (text,) = [text for text in run.warned if all(word in text for word in words)]
        assert len(text) < 600
        told(what, text, words, left)
    job.do("submithyp3")
    assert {tuple(row["granules"]) for row in job.jobs} == {tuple(pair) for pair in job.pairs}


def test_kill_between_payment_and_saving(service, make_job, told):
    job = make_job("karl", 5)
    service.fault(**PAY, rate=40)
    run = job.start("submithyp3")
    wait_for(lambda: len(job.jobs) == 5)
    os.kill(engine_of(b"submit-hyp3"), signal.SIGKILL)
    run.wait()
    assert not (job.folder / "hyp3_jobs.json").exists()
    again = job.do("submithyp3")
    assert again.error is None
    assert again.answer["SUBMITTED"] == 0
    assert "5 jobs of an earlier run were found at HyP3." in again.heard.everything
    words = ["The engine stopped unexpectedly (signal 9)", "Run it again"]
    told("kill -9 between POST and saving", run.error, words, f"the next run adopts them; {job.left(5)}")


def engine_of(command):
    """The engine of this program that runs a command."""
    mine = [
        path for path in Path("/proc").iterdir() if path.name.isdigit() and parent_of(path) == os.getpid()
    ]
    (pid,) = [int(path.name) for path in mine if (path / "cmdline").read_bytes().endswith(command + b"\0")]
    return pid


def test_two_windows_submit(service, make_job, told):
    job = make_job("zoe", 4)
    service.fault(**PAY, rate=1500)
    first = job.start("submithyp3")
    wait_for(lambda: len(job.jobs) == 4)
    second = job.do("submithyp3")
    assert first.is_running, "the answer was to take longer"
    assert first.wait().error is None
    words = ["Another window or program (process", str(job.folder), "Wait until it has ended"]
    told("two windows submit one job folder", second.error, words, job.left(4))
    job.finish()


def test_2500_jobs_in_one_account(service, make_job, untold):
    job = make_job("max", 4, chunk=2)
    service.ask("/_sandbox/account", {"user_id": job.user, "remaining_credits": None})
    # Jobs that fail are made in no time.
    service.ask("/_sandbox/hyp3", {"failed_share": 1.0})
    granules = [{"granules": pair} for pair in make_job("many", 8).pairs[4:]]
    jobs = [{"job_type": "INSAR_GAMMA", "name": "older", "job_parameters": one} for one in granules * 625]
    for start in range(0, 2500, 200):
        service.ask("/jobs", {"jobs": jobs[start : start + 200]}, job.token)
    service.ask("/_sandbox/hyp3", {"failed_share": 0.0})
    service.fault(route="/jobs", method="GET", empty_page=True, times=2)
    service.fault(**PAY, lose_answer=True)
    run = job.do("submithyp3")
    assert run.answer["SUBMITTED"] == 4
    own = [row for row in job.jobs if row["name"] != "older"]
    assert (len(job.jobs), len(own)) == (2504, 4)
    single = len(service.requests("/jobs/"))
    refreshed = job.do("refreshhyp3", OUTPUT="TEMPORARY_OUTPUT")
    assert len(service.requests("/jobs/")) == single, "the list has them all; none is asked for by itself"
    assert sum(refreshed.answer[f"COUNT_{name}"] for name in ("PENDING", "RUNNING", "SUCCEEDED")) == 4
    (file,) = find_job_files(job.folder)[0]
    assert sorted(file.ids) == sorted(row["job_id"] for row in own)
    assert jobs_of_user(service.url, job.user)[1] == 2504 * 10
    left = "4 pairs submitted and refreshed, each paid once, though an answer was lost; the older jobs stay out of it"
    untold("2500 other jobs in the account, two empty pages of its list", run, left)


# --- Jobs that are not what they were ----------------------------------------------------------------------


def test_jobs_deleted_failed_and_of_others(run, service, make_job, told, untold, table):
    owner = make_job("olga", 1).submit()
    job = make_job("carl", 2)
    service.ask("/_sandbox/hyp3", {"failed_share": 1.0})
    job.submit()
    service.ask("/_sandbox/hyp3", {"failed_share": 0.0})
    (theirs,) = [row["job_id"] for row in owner.jobs]
    gone, odd = "00000000-0000-4000-8000-000000000001", "no-uuid"
    file = job.folder / "hyp3_jobs.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["job_ids"][owner.user] = [theirs]
    content["job_ids"][job.user] += [gone, odd]
    pair = job.pairs[0]
    content["insarhub_qgis"]["pairs"] |= {gone: pair, theirs: owner.pairs[0]}
    file.write_text(json.dumps(content), encoding="utf-8")
    heard = Heard()
    answer = run("refreshhyp3", {**job.parameters, "OUTPUT": "TEMPORARY_OUTPUT"}, heard)
    rows = {row["job_id"]: row for row in answer["OUTPUT"].getFeatures()}
    assert len(rows) == 5
    assert rows[theirs]["status"] == "SUCCEEDED"
    assert rows[theirs]["account"] == owner.user
    table.append(("job of another account in the job file", "(none: any account may read it)",
                  "its row and product are there; nothing charged"))  # fmt: skip
    assert jobs_of_user(service.url, job.user)[1] == 20
    words = [
        "The service does not know the job",
        gone,
        "Check that the job file hyp3_jobs.json belongs to this service",
    ]
    told("job deleted (404)", rows[gone]["message"], words, "its id stays in the job file; UNKNOWN")
    told(
        "id that is no uuid (400)",
        rows[odd]["message"],
        [odd, "does not know the job"],
        "the others are told all the same",
    )
    failed = [row for row in rows.values() if row["status"] == "FAILED"]
    assert len(failed) == 2
    words = ["could not process the job", "did not converge", "a retry costs credits again"]
    told("job failed", failed[0]["message"], words, "its log is linked; nothing is repeated by itself")
    retried = job.do("retryhyp3")
    assert retried.error is None
    # The product of the other failed pair is there, made by the other account: it is not paid again.
    assert retried.answer["SUBMITTED"] == 1
    texts = [text for text in retried.warned if gone in text]
    assert len(texts) == 1, retried.heard.everything
    words = ["does not know the job", gone, "Submit the pair again if it is needed"]
    left = "the failed one without a product repeated once"
    told("retry of failed jobs, one of them deleted", texts[0], words, left)
    again = job.do("retryhyp3")
    assert again.error is not None or again.answer["SUBMITTED"] == 0
    assert jobs_of_user(service.url, job.user)[1] == 30


def test_a_name_that_leads_out_of_the_folder(service, make_job, told):
    job = make_job("eve", 1).submit()
    names = {path.name for path in job.folder.parent.rglob("*")}
    service.fault(route="/jobs", file_name="../evil.zip")
    run = job.do("downloadhyp3")
    assert {path.name for path in job.folder.parent.rglob("*")} - names <= {
        ".insarhub_qgis.lock",
        ".insarhub_cache.json",
    }
    (text,) = run.warned
    words = ["../evil.zip", "is not the name of a HyP3 zip", "report it to the operator"]
    told("product name with ../", text, words, f"nothing written; {job.left(1)}")
    whole = slowed(job, 20.0)
    run = job.start("downloadhyp3")
    wait_for(lambda: list(job.folder.glob("*.part")))
    run.heard.cancel()
    run.wait()
    assert run.seconds < 15
    assert zips_in(job.folder) == {}
    told(
        "download cancelled",
        run.error,
        ["Cancelled", "What was finished is kept"],
        "the next one goes on; the product is then whole",
    )
    assert job.do("downloadhyp3").answer["DOWNLOADED"] == 1
    assert zips_in(job.folder) == whole


# --- Watch -------------------------------------------------------------------------------------------------


def slowed(job, seconds):
    """The first product takes so long; gives all products as served."""
    whole = served(job)
    job_id, (_, content) = next(iter(whole.items()))
    job.service.fault(route=f"/products/{job_id}", rate=len(content) / seconds)
    return dict(whole.values())


def test_the_token_expires_during_a_watch(service, make_job, told):
    job = make_job("walt", 2).submit()
    whole = slowed(job, 3.0)
    service.fault(route="/jobs", method="GET", skip=1, expire_token=True)
    run = job.do("watchhyp3")
    assert zips_in(job.folder) == whole
    words = ["The token has expired", "Make a new token"]
    told(
        "token expires during a watch",
        run.error,
        words,
        f"products on their way arrived whole; {job.left(2)}",
    )


def test_a_watch_whose_time_ends_and_a_second_window(service, make_job, told, untold):
    job = make_job("wanda", 2).submit()
    whole = slowed(job, 4.5)
    run = job.do("watchhyp3", TIMEOUT=1.0)
    assert run.error is None
    (text,) = run.warned
    assert run.answer["COUNT_DOWNLOADED"] < 2
    told(
        "time of a watch is over",
        text,
        ["The time is over", "later"],
        f"no failure, parts are kept; {job.left(2)}",
    )
    slowed(job, 5.0)
    service.fault(route="/jobs", method="GET", skip=1, **SIGN_IN_PAGE)
    first = job.start("watchhyp3")
    wait_for(lambda: first.heard.everything)
    second = job.do("watchhyp3")
    words = ["are being watched already (process", str(job.folder), "end it there first"]
    told("two windows watch one job folder", second.error, words, "the first one goes on")
    wait_for(lambda: first.warned)
    third = job.do("downloadhyp3")
    assert first.wait().error is None
    assert zips_in(job.folder) == whole
    assert third.answer["DOWNLOADED"] == 2
    assert "0 downloaded, 2 there already, 0 failed." in third.heard.everything
    untold(
        "two windows download into one folder",
        third,
        "the second one waits for the first; each product came once",
    )
    (text,) = [text for text in first.warned if not text.startswith("not refreshed: 127.0.0.1: ")]
    words = ["Something else answered in place of 127.0.0.1", "sign in, and try again"]
    told("sign-in page during a watch", text, words, f"the watch goes on to its end; {job.left(2)}")


# --- Disk --------------------------------------------------------------------------------------------------


def test_a_disk_that_is_full(service, make_job, told, tmp_path):
    job = make_job("emil", 2).submit()
    whole = served(job)
    with disk(tmp_path / "disk", "14m") as place:
        ballast = place / "ballast"
        fill(ballast, place, leave=8_000)
        before = state_of(place)
        run = job.do("downloadhyp3", FOLDER=str(place))
        words = ["The products need", str(place), "Free some space"]
        told("disk too small for the products", run.error, words, "nothing was begun")
        assert state_of(place) == before
        ballast.unlink()
        job_id, (name, content) = list(whole.items())[1]
        service.fault(route=f"/products/{job_id}", rate=len(content) / 1.5)
        run = job.start("downloadhyp3", FOLDER=str(place))
        wait_for(lambda: (place / f"{name}.part").exists() and len(zips_in(place)) == 1)
        fill(ballast, place, leave=0)
        run.wait()
        words = ["The disk is full", name, "Free some space"]
        told("disk full during a download", run.error, words, f"the other product is whole; {job.left(2)}")
        finished = {path: path.stat().st_mtime_ns for path in place.glob("*.zip")}
        assert len(finished) == 1
        ballast.unlink()
        assert job.do("downloadhyp3", FOLDER=str(place)).answer["DOWNLOADED"] == 2
        assert zips_in(place) == dict(whole.values())
        assert all(path.stat().st_mtime_ns == moment for path, moment in finished.items())
        job.assert_paid(2)


# --- What was begun first ----------------------------------------------------------------------------------


def test_questions_that_are_asked_again_then_said(slow_runs, told):
    runs, hanging = slow_runs()
    words = ["Cancelled", "What was finished is kept"]
    told(
        "the service does not answer, and the user cancels",
        hanging.error,
        words,
        f"ended after {hanging.seconds:.0f} s; nothing paid",
    )
    assert hanging.seconds < 20, "before the service answered"
    for what, words, run in runs:
        attempts = [line for line in run.heard.warnings if "next attempt in" in line]
        assert len(attempts) == 3, (what, run.heard.everything)
        told(what, run.error, words, "asked 4 times; job files byte for byte; nothing paid")


def test_a_download_with_faults_in_almost_every_product(service, faulty_download, told, table):
    job, run, whole = faulty_download
    run.wait()
    assert run.error is None
    here = zips_in(job.folder)
    good = [case for case in DOWNLOADS if not case.words]
    assert run.answer["DOWNLOADED"] == len(good)
    assert here == {case.name: whole[case.name] for case in good}
    for case in DOWNLOADS:
        texts = [text for text in run.warned if case.name in text and "fetched once more" not in text]
        if not case.words:
            assert texts == [], texts
            table.append(
                (case.what, "(none: the run goes on by itself)", "byte for byte that of the service")
            )
            continue
        (text,) = texts
        told(
            case.what,
            text,
            case.words,
            f"the other products came: {len(good)} whole zips, none under a name of its own that is not whole",
        )
    ranges = [request["headers"].get("Range") for request in service.requests(DOWNLOADS[0].route)]
    assert len([one for one in ranges if one]) == 1, "the second part alone was asked for"
    moments = {path: path.stat().st_mtime_ns for path in job.folder.glob("*.zip")}
    last = job.do("downloadhyp3")
    assert last.answer["DOWNLOADED"] == len(DOWNLOADS)
    assert zips_in(job.folder) == whole
    assert all(path.stat().st_mtime_ns == moment for path, moment in moments.items())
    job.assert_paid(len(DOWNLOADS))


# --- Clocks ------------------------------------------------------------------------------------------------


def test_products_expire_and_clocks_differ(slow_runs, run, others, make_job, told, untold):
    slow_runs()
    service, _ = others
    service.use()
    job = make_job("xenia", 2, at=service).submit()
    assert job.do("downloadhyp3").answer["DOWNLOADED"] == 2
    kept, lost = sorted(job.folder.glob("*.zip"))
    content = kept.read_bytes()
    lost.unlink()
    service.advance(15 * DAY_S)
    answer = run("refreshhyp3", {**job.parameters, "OUTPUT": "TEMPORARY_OUTPUT"})
    assert (answer["COUNT_EXPIRED"], answer["COUNT_DOWNLOADED"]) == (1, 1)
    (text,) = [row["message"] for row in answer["OUTPUT"].getFeatures() if row["status"] == "EXPIRED"]
    words = [lost.name, "expired on", "Retry the job with expired jobs included", "costs credits again"]
    told("product expired before it was downloaded", text, words, job.left(2))
    download = job.do("downloadhyp3")
    assert download.answer["DOWNLOADED"] == 1
    assert kept.read_bytes() == content
    (text,) = download.warned
    words = [
        "One product expired before it was downloaded",
        lost.name,
        "Retry its job with expired jobs included",
    ]
    told("download of an expired product", text, words, "the product that is here stays byte for byte")
    assert job.do("retryhyp3").answer["SUBMITTED"] == 0
    job.assert_paid(2)
    for user, what, offset in (("yves", "the service's clock is 15 days ahead", 0),
                               ("ines", "the service's clock is 3 hours behind", -15 * DAY_S - 10800)):  # fmt: skip
        service.advance(offset)
        job = make_job(user, 3, at=service)
        service.fault(**PAY, lose_answer=True)
        lost_answer = job.do("submithyp3")
        left = job.left(3)
        untold(f"{what}, and the answer to a submission is lost", lost_answer, left)
        job.finish()
        (file,) = find_job_files(job.folder)[0]
        answer = run("refreshhyp3", {**job.parameters, "OUTPUT": "TEMPORARY_OUTPUT"})
        assert answer["COUNT_EXPIRED"] == 0
    service.advance(70 * DAY_S + 20000)
    ended = Run("hyp3credits", {}).wait()
    told(
        "token ended by the service's clock",
        ended.error,
        ["The token has expired", "Make a new token"],
        "nothing was sent that is paid",
    )

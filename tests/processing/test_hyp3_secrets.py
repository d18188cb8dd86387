# SPDX-License-Identifier: GPL-2.0-or-later
"""After the whole scenario at HyP3 no secret stands in argv, environment, logs, job, project, settings or crash files."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest
from qgis.core import (
    Qgis,
    QgsApplication,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProject,
    QgsSettings,
)

from insarhub_qgis.core.sandbox_credentials import SANDBOX_ISSUER, make_sandbox_token
from insarhub_qgis.host import accounts, log
from insarhub_qgis.host.settings import settings
from tests.makers.auth_database import MASTER_PASSWORD, open_test_database
from tests.makers.sandbox_server import running_sandbox
from tests.makers.secret_hunt import (
    ProcessHunt,
    forms_of,
    found_in_bytes,
    found_in_folder,
    wait_for_pid,
)
from tests.makers.waiting import HANG_S

ROOT = Path(__file__).resolve().parents[2]
DAY_S = 86400.0
USER, PASSWORD, WRONG_PASSWORD = "sandbox-anna", "s3cret-pässwort-7Q", "wr0ng-gehe1m-9Z"
#: Header and first claim of every token and cookie of a sandbox.
ANY_TOKEN = base64.urlsafe_b64encode(f'{{"iss":"{SANDBOX_ISSUER}","uid"'.encode()).decode()[:40]

pytestmark = pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")


class Words(QgsProcessingFeedback):
    """Everything that an algorithm says, also what it says to developers."""

    def __init__(self):
        super().__init__(False)
        self.texts = []

    def pushInfo(self, text):
        self.texts.append(text)

    def pushWarning(self, text):
        self.texts.append(text)

    def pushDebugInfo(self, text):
        self.texts.append(text)

    def setProgressText(self, text):
        self.texts.append(text)

    def reportError(self, text, fatalError=False):
        self.texts.append(text)


@pytest.fixture(scope="module")
def sandbox(engine):
    with running_sandbox(engine) as url:
        yield url


def steer(url, action, **values):
    request = urllib.request.Request(f"{url}/_sandbox/{action}", json.dumps(values).encode())
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()


def let_jobs_end(url):
    """Move the clock and wait until the products are made: a watch looks again after a minute only."""
    steer(url, "advance", seconds=3600)
    end = time.monotonic() + HANG_S
    while True:
        with urllib.request.urlopen(f"{url}/_sandbox/jobs", timeout=30) as answer:
            states = {job["status_code"] for job in json.loads(answer.read())["jobs"]}
        if states == {"SUCCEEDED"}:
            return
        assert time.monotonic() < end, states
        time.sleep(0.1)


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Folders of their own for whatever is written anywhere: job, temporary files, home."""
    found = {name: tmp_path / name for name in ("temporary", "home", "work")}
    for folder in found.values():
        folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(found["temporary"]))
    monkeypatch.setenv("HOME", str(found["home"]))
    return found


@pytest.fixture
def told():
    """All texts: the whole message log at its most talkative, feedback, errors, results."""
    texts = []
    message_log = QgsApplication.messageLog()

    def take(text, tag, level):
        texts.append(f"{tag}: {text}")

    message_log.messageReceived[str, str, Qgis.MessageLevel].connect(take)
    log.attach_log(10)
    yield texts
    log.detach_log()
    message_log.messageReceived[str, str, Qgis.MessageLevel].disconnect(take)


def make_job(run, work):
    """Five dates and their pairs; needs no login."""
    found = run(
        "searchscenes",
        {"AOI": "-2.5,-1.2,37.1,38.3 [EPSG:4326]", "PATH": "103", "FRAME": "121", "START": "2020-01-01",
         "END": "2020-02-28", "OUTPUT": "TEMPORARY_OUTPUT"},
    )["OUTPUT"]  # fmt: skip
    run("addjobs", {"SCENES": found, "WORK_DIRECTORY": str(work)})
    run("selectpairs", {"JOB_FOLDER": str(work), "DT_TARGETS": "12,24", "DT_MAX": 30, "PB_MAX": 500})
    return str(work)


def test_the_hunt_finds_what_is_there(tmp_path):
    forms = forms_of(PASSWORD, ANY_TOKEN)
    assert found_in_folder(tmp_path, forms) == []
    (tmp_path / "a.json").write_text(json.dumps({"x": PASSWORD}), encoding="utf-8")
    (tmp_path / "b.log").write_text(f"Bearer {make_sandbox_token('sandbox-x', 9e9)}", encoding="utf-8")
    (tmp_path / "c.txt").write_bytes(base64.b64encode(PASSWORD.encode("utf-8")))
    shutil.make_archive(str(tmp_path / "d"), "zip", tmp_path, "b.log")
    assert {Path(place.partition("!")[0]).name for place, _ in found_in_folder(tmp_path, forms)} == {
        "a.json", "b.log", "c.txt", "d.zip",
    }  # fmt: skip
    with ProcessHunt(forms) as hunt:
        sleeping = [sys.executable, "-c", "import time; time.sleep(0.5)"]
        subprocess.run([*sleeping, PASSWORD], check=True)
        subprocess.run(sleeping, check=True, env={**os.environ, "LEAK": PASSWORD})
    assert {place.split()[0] for place, _ in hunt.found} == {"argv", "environment"}


def test_nothing_is_left_by_the_whole_scenario_in_qgis(run, sandbox, places, told, tmp_path):
    token = make_sandbox_token("sandbox-otto", time.time() + 30 * DAY_S)
    forms = forms_of(
        token, token.split(".")[1], PASSWORD, WRONG_PASSWORD, f"{USER}:{PASSWORD}", MASTER_PASSWORD, ANY_TOKEN
    )
    settings().use_sandbox.setValue(True)
    settings().sandbox_url.setValue(sandbox)
    words = Words()
    failures = []

    def ask(name, **parameters):
        answer = run(name, parameters, words)
        told.append(repr(answer))
        return answer

    def fail(name, **parameters):
        with pytest.raises(QgsProcessingException) as caught:
            run(name, parameters, words)
        failures.append(str(caught.value))

    with open_test_database(), ProcessHunt(forms) as hunt:
        by_token = accounts.add_token(token)
        by_password = accounts.add_password(USER, PASSWORD)
        by_wrong = accounts.add_password("sandbox-wrong", WRONG_PASSWORD)
        accounts.set_default_account(by_token)
        job = make_job(run, places["work"] / "jöb")
        for auth_id in (by_token, by_password, ""):
            assert ask("hyp3credits", AUTH=auth_id)["CREDITS"] > 0
        steer(sandbox, "fault", route="/oauth", status=401)
        fail("hyp3credits", AUTH=by_wrong)
        steer(sandbox, "fault", route="/user", expire_token=True)
        fail("hyp3credits", AUTH=by_token)
        steer(
            sandbox, "fault", route="/user", status=200, body="<html>no JSON</html>", content_type="text/html"
        )
        fail("hyp3credits", AUTH=by_password)
        ask("submithyp3", JOB_FOLDER=job, AUTH=by_password, DRY_RUN=True, REPORT=str(tmp_path / "dry.html"))
        submitted = ask("submithyp3", JOB_FOLDER=job, AUTH=by_password, REPORT=str(tmp_path / "report.html"))
        assert submitted["SUBMITTED"] > 3
        table = ask("refreshhyp3", JOB_FOLDER=job, AUTH=by_token, OUTPUT=str(tmp_path / "jobs.gpkg"))[
            "OUTPUT"
        ]
        let_jobs_end(sandbox)
        assert ask("watchhyp3", JOB_FOLDER=job, AUTH=by_password, TIMEOUT=60)["COUNT_DOWNLOADED"] > 3
        ask("downloadhyp3", JOB_FOLDER=job, AUTH=by_token)
        ask("retryhyp3", JOB_FOLDER=job, AUTH=by_token)
        for number in (signal.SIGABRT, signal.SIGKILL):
            end_engine_at_work(sandbox, hunt, number, lambda: fail("hyp3credits", AUTH=by_password))

        project = QgsProject.instance()
        from qgis.core import QgsVectorLayer

        layer = QgsVectorLayer(table, "jobs", "ogr")
        assert layer.isValid()
        project.addMapLayer(layer)
        for name in ("project.qgz", "project.qgs"):
            assert project.write(str(tmp_path / name))
        project.clear()
        QgsSettings().sync()
        profile = Path(QgsApplication.qgisSettingsDirPath())
        assert by_token.encode() in Path(QgsSettings().fileName()).read_bytes()

        assert any(b"hyp3-account" in command for command in hunt.commands)
        assert any(b"watch-hyp3" in command for command in hunt.commands)
        assert found_in_folder(tmp_path, forms) == []
        assert found_in_folder(profile, forms) == []
    assert hunt.found == set()
    assert len(failures) == 5
    everything = "\n".join([*told, *words.texts, *failures])
    assert "InSARHub: " in everything
    assert found_in_bytes(everything.encode("utf-8"), forms, "texts") == []
    for entry in (settings().use_sandbox, settings().sandbox_url, settings().earthdata_account):
        entry.remove()


def end_engine_at_work(sandbox, hunt, number, ask):
    """Let an engine that holds a login die in the middle of a request."""
    steer(sandbox, "fault", route="/user", delay_s=3.0)
    ended = threading.Thread(target=lambda: os.kill(wait_for_pid(hunt, "launch.py", "hyp3-account"), number))
    timer = threading.Timer(1.0, ended.start)
    timer.start()
    ask()
    timer.join()
    ended.join()


@pytest.fixture(scope="module")
def headless(engine, sandbox, tmp_path_factory):
    """``qgis_process`` with a profile of its own: sandbox on, and accounts behind a master password."""
    if shutil.which("qgis_process") is None:
        pytest.skip("no qgis_process on this machine")
    stage = tmp_path_factory.mktemp("stage")
    subprocess.run([sys.executable, str(ROOT / "tools" / "stage.py"), str(stage)], check=True, timeout=60)
    profile = tmp_path_factory.mktemp("profile")
    key = tmp_path_factory.mktemp("key") / "master"
    key.write_text(MASTER_PASSWORD, encoding="utf-8")
    environment = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "QGIS_CUSTOM_CONFIG_PATH": str(profile),
        "QGIS_PLUGINPATH": str(stage),
        "QGIS_AUTH_PASSWORD_FILE": str(key),
        "INSARHUB_ENGINE_PYTHON": str(engine),
        "TMPDIR": str(tmp_path_factory.mktemp("temporary")),
    }

    def call(*arguments, text=None):
        return subprocess.run(
            ["qgis_process", *arguments], env=environment, input=text, capture_output=True, text=True, timeout=280,
            check=False,
        )  # fmt: skip

    enabled = call("plugins", "enable", "insarhub_qgis")
    assert enabled.returncode == 0, enabled.stdout
    token = make_sandbox_token("sandbox-otto", time.time() + 30 * DAY_S)
    wanted = {"url": sandbox, "token": token, "user": USER, "password": PASSWORD, "master": MASTER_PASSWORD}
    made = subprocess.run(
        [sys.executable, "-c", MAKE_ACCOUNTS], env={**environment, "PYTHONPATH": str(ROOT)}, input=json.dumps(wanted),
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    call.accounts = json.loads(made.stdout.splitlines()[-1])
    call.folders = (profile, Path(environment["TMPDIR"]))
    call.forms = forms_of(
        token, token.split(".")[1], PASSWORD, f"{USER}:{PASSWORD}", MASTER_PASSWORD, ANY_TOKEN
    )
    return call


#: Keeps accounts in the profile as Options does, and turns the sandbox on; secrets come by standard input.
MAKE_ACCOUNTS = """
import json, sys
from qgis.core import QgsApplication, QgsSettings
QgsApplication.setOrganizationName("QGIS")
QgsApplication.setApplicationName("QGIS3")
application = QgsApplication([], False)
application.initQgis()
from insarhub_qgis.host import accounts
from insarhub_qgis.host.settings import settings
wanted = json.load(sys.stdin)
assert QgsApplication.authManager().setMasterPassword(wanted["master"], True)
settings().use_sandbox.setValue(True)
settings().sandbox_url.setValue(wanted["url"])
made = {"token": accounts.add_token(wanted["token"]), "password": accounts.add_password(wanted["user"], wanted["password"])}
QgsSettings().sync()
print(json.dumps(made))
"""


def test_nothing_is_left_by_qgis_process(run, sandbox, headless, tmp_path):
    settings().use_sandbox.setValue(True)
    settings().sandbox_url.setValue(sandbox)
    steer(sandbox, "reset")
    job = make_job(run, tmp_path / "job")
    for entry in (settings().use_sandbox, settings().sandbox_url):
        entry.remove()
    token, password = headless.accounts["token"], headless.accounts["password"]
    said = []

    def ask(name, **inputs):
        finished = headless(
            "run", f"insarhub:{name}", *(f"--{key}={value}" for key, value in inputs.items()), "--json"
        )
        said.append(finished.stdout + finished.stderr)
        assert finished.returncode == 0, said[-1]
        return json.loads(finished.stdout[finished.stdout.index("{") :])["results"]

    with ProcessHunt(headless.forms) as hunt:
        assert ask("hyp3credits", AUTH=password)["CREDITS"] == 8000
        checked = ask(
            "submithyp3", JOB_FOLDER=job, AUTH=token, DRY_RUN="true", REPORT=str(tmp_path / "dry.html")
        )
        assert (checked["SUBMITTED"], checked["JOB_FILE"]) == (0, "")
        ordered = ask("submithyp3", JOB_FOLDER=job, AUTH=password, REPORT=str(tmp_path / "report.html"))
        count = ordered["SUBMITTED"]
        assert ordered["COST"] == checked["COST"] == 10 * count
        let_jobs_end(sandbox)
        watched = ask("watchhyp3", JOB_FOLDER=job, AUTH=token, TIMEOUT=60)
        assert watched["COUNT_DOWNLOADED"] == count
        counted = ask("refreshhyp3", JOB_FOLDER=job, AUTH=token, OUTPUT=str(tmp_path / "jobs.gpkg"))
        assert counted["COUNT_DOWNLOADED"] == count
        assert ask("downloadhyp3", JOB_FOLDER=job, AUTH=password)["DOWNLOADED"] == count
        assert ask("retryhyp3", JOB_FOLDER=job, AUTH=token)["SUBMITTED"] == 0
        refused = headless("run", "insarhub:hyp3credits", "--AUTH=zzzzzzz")
        assert refused.returncode != 0
        assert "no configuration zzzzzzz" in refused.stdout + refused.stderr
        said.append(refused.stdout + refused.stderr)
    assert any(b"qgis_process" in command and b"submithyp3" in command for command in hunt.commands)
    assert any(b"submit-hyp3" in command for command in hunt.commands)
    assert hunt.found == set()
    assert "Traceback" not in "".join(said)
    assert found_in_bytes("\n".join(said).encode("utf-8"), headless.forms, "output") == []
    for folder in (tmp_path, *headless.folders):
        assert list(folder.iterdir())
        assert found_in_folder(folder, headless.forms) == []

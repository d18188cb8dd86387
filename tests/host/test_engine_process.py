# SPDX-License-Identifier: GPL-2.0-or-later
"""Engine runs from QGIS: real processes, poisoned surroundings, cancel, kill, skew, secrets."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
from qgis.core import (
    QgsApplication,
    QgsFeedback,
    QgsNetworkAccessManager,
    QgsProcessingFeedback,
    QgsSettings,
    QgsTask,
)
from qgis.PyQt.QtCore import QCoreApplication, QThread

from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.requests import CheckEnvironment
from insarhub_qgis.host import engine_process, paths
from insarhub_qgis.host.engine_process import EngineTask, run_engine, start_engine_task, stop_engine_tasks
from tests.makers.faulty_engine import Misbehave
from tests.makers.waiting import HANG_S

POISON = {
    "PYTHONHOME": "/nowhere",
    "PYTHONPATH": "/nowhere",
    "PYTHONSTARTUP": "/nowhere",
    "GDAL_DATA": "/nowhere",
    "GDAL_DRIVER_PATH": "/nowhere",
    "PROJ_LIB": "/nowhere",
    "PROJ_DATA": "/nowhere",
    "LD_LIBRARY_PATH": "/nowhere",
    "QT_PLUGIN_PATH": "/nowhere",
    "QT_QPA_PLATFORM_PLUGIN_PATH": "/nowhere",
    "QGIS_PREFIX_PATH": "/nowhere",
    "VIRTUAL_ENV": "/nowhere",
}


def wait_until(condition):
    limit = time.monotonic() + HANG_S
    while not condition():
        assert time.monotonic() < limit, "not reached in time"
        QCoreApplication.processEvents()
        time.sleep(0.01)


def note(path):
    return path.read_text() if path.is_file() else ""


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Record:
    """What a task tells, with the thread that it tells it in."""

    def __init__(self, task):
        self.results, self.errors, self.items, self.progress, self.logs = [], [], [], [], []
        self.threads = set()
        task.succeeded.connect(lambda result: self._take(self.results, result))
        task.failed.connect(lambda error: self._take(self.errors, error))
        task.item_received.connect(lambda item: self._take(self.items, item))
        task.progressed.connect(lambda fraction, text: self._take(self.progress, (fraction, text)))
        task.logged.connect(lambda level, text: self._take(self.logs, (level, text)))

    def _take(self, into, value):
        self.threads.add(threading.current_thread())
        into.append(value)

    @property
    def is_over(self):
        return bool(self.results or self.errors)


def start(request, **options):
    task = EngineTask(request, "a piece of work", **options)
    record = Record(task)
    start_engine_task(task)
    return task, record


def test_a_task_tells_everything_on_the_main_thread(faulty_engine):
    task, record = start(Misbehave("items"))
    wait_until(lambda: record.is_over)
    assert record.results == [{"done": True}]
    assert record.errors == []
    assert [item["index"] for item in record.items] == [0, 1, 2, 3, 4]
    assert ("warning", "careful") in record.logs
    assert record.threads == {threading.main_thread()}
    assert task.status() == QgsTask.TaskStatus.Complete
    assert task not in engine_process._running
    assert task.flags() & QgsTask.Flag.Silent


def test_a_task_without_another_reference_lives_until_it_is_over(faulty_engine):
    results = []

    def begin():
        task = EngineTask(Misbehave("short_wait"), "a piece of work")
        task.succeeded.connect(results.append)
        start_engine_task(task)

    begin()
    wait_until(lambda: results)
    assert results == [{"cancelled": False}]


def test_progress_reaches_the_task_panel(faulty_engine):
    task, record = start(Misbehave("storm"))
    wait_until(lambda: record.is_over)
    assert record.progress[-1] == (1.0, "step 20000")
    fractions = [fraction for fraction, _ in record.progress]
    assert fractions == sorted(fractions)
    assert task.progress() == 100.0


def test_poisoned_surroundings_do_not_reach_the_engine(faulty_engine, monkeypatch):
    for name, value in POISON.items():
        monkeypatch.setenv(name, value)
    result = run_engine(Misbehave("echo", payload="Zürich"))
    assert result["payload"] == "Zürich"
    assert not set(POISON) & set(result["variables"])
    assert result["variables"]["PATH"].startswith(str(faulty_engine.parent))
    # The engine's own GDAL, PROJ and libraries work in the scrubbed environment.
    assert run_engine(CheckEnvironment())["is_complete"]


def test_parameters_are_on_stdin_only(faulty_engine):
    secret = "horse-battery-staple"
    result = run_engine(Misbehave("echo", payload=secret))
    assert result["payload"] == secret
    assert secret not in json.dumps(result["argv"])
    assert secret not in result["command_line"]
    assert secret not in result["initial_environment"]


def test_the_account_of_a_proxy_goes_to_the_engine_on_stdin(faulty_engine):
    settings = QgsSettings()
    values = {
        "proxyEnabled": True,
        "proxyType": "HttpProxy",
        "proxyHost": "proxy.example.org",
        "proxyPort": "3128",
        "proxyUser": "me",
        "proxyPassword": "p@ss word",
    }
    for name, value in values.items():
        settings.setValue(f"proxy/{name}", value)
    settings.setValue("proxy/proxyExcludedUrls", ["http://intranet.example.org"])
    access = QgsNetworkAccessManager.instance()
    try:
        access.setupDefaultProxyAndCache()
        result = run_engine(Misbehave("echo"))
    finally:
        settings.remove("proxy")
        access.setupDefaultProxyAndCache()
    variables = result["variables"]
    assert (
        variables["https_proxy"]
        == variables["HTTP_PROXY"]
        == "http://me:p%40ss%20word@proxy.example.org:3128"
    )
    assert "intranet.example.org" in variables["no_proxy"].split(",")
    assert "127.0.0.1" in variables["NO_PROXY"].split(",")
    assert "p%40ss" not in result["initial_environment"]
    assert "https_proxy" not in run_engine(Misbehave("echo"))["variables"]


def test_cancel_of_a_task_ends_the_engine(faulty_engine, tmp_path):
    task, record = start(Misbehave("wait", str(tmp_path)))
    wait_until(lambda: note(tmp_path / "pid"))
    task.cancel()
    wait_until(lambda: record.is_over)
    assert isinstance(record.errors[0], Cancelled)
    assert record.results == []
    assert not is_running(int(note(tmp_path / "pid")))


def test_cancel_before_the_task_begins(faulty_engine):
    task = EngineTask(Misbehave("items"), "a piece of work")
    record = Record(task)
    task.cancel()
    start_engine_task(task)
    wait_until(lambda: record.is_over)
    assert isinstance(record.errors[0], Cancelled)
    assert engine_process._running == set()


def test_cancel_while_the_task_waits_for_its_turn(faulty_engine):
    task = EngineTask(Misbehave("items"), "a piece of work")
    record = Record(task)
    task.hold()
    start_engine_task(task)
    assert task.status() == QgsTask.TaskStatus.OnHold
    task.cancel()
    wait_until(lambda: record.is_over)
    assert [error.code for error in record.errors] == ["run.cancelled"]
    assert record.results == []
    wait_until(lambda: not engine_process._running)


def test_an_engine_that_ignores_everything_is_killed_with_its_group(faulty_engine, tmp_path, monkeypatch):
    monkeypatch.setattr(engine_process, "_CLOSE_GRACE_S", 0.3)
    monkeypatch.setattr(engine_process, "_TERMINATE_GRACE_S", 0.3)
    task, record = start(Misbehave("stubborn", str(tmp_path)))
    wait_until(lambda: note(tmp_path / "pid"))
    pid = int(note(tmp_path / "pid"))
    assert os.getpgid(pid) == pid
    task.cancel()
    wait_until(lambda: record.is_over)
    assert isinstance(record.errors[0], Cancelled)
    wait_until(lambda: not is_running(pid))


def test_a_terminated_engine_takes_its_programs_along(faulty_engine, tmp_path):
    task, record = start(Misbehave("child", str(tmp_path)))
    wait_until(lambda: note(tmp_path / "child"))
    child = int(note(tmp_path / "child"))
    task.cancel()
    wait_until(lambda: record.is_over)
    wait_until(lambda: not is_running(child))


def test_kill_9_of_the_engine_is_told_as_a_crash(faulty_engine, tmp_path):
    _, record = start(Misbehave("wait", str(tmp_path)))
    wait_until(lambda: note(tmp_path / "pid"))
    os.kill(int(note(tmp_path / "pid")), signal.SIGKILL)
    wait_until(lambda: record.is_over)
    error = record.errors[0]
    assert (error.code, error.fields["reason"]) == ("engine.crashed", "signal 9")


@pytest.mark.parametrize(
    ("mode", "reason", "details"),
    [
        ("exit", "exit code 7", "last words"),
        ("segfault", "signal 11", ""),
        ("crash", "ValueError: wrong shape", "Traceback"),
    ],
)
def test_a_crash_has_a_reason_and_details(faulty_engine, mode, reason, details):
    with pytest.raises(InsarError) as caught:
        run_engine(Misbehave(mode))
    assert (caught.value.code, caught.value.fields["reason"]) == ("engine.crashed", reason)
    assert details in caught.value.fields["details"]


@pytest.mark.parametrize(
    ("mode", "code"),
    [("known_error", "disk.full"), ("lacking", "engine.package_missing"), ("disk_full", "file.disk_full")],
)
def test_errors_of_the_engine_keep_their_code(faulty_engine, mode, code):
    with pytest.raises(InsarError) as caught:
        run_engine(Misbehave(mode))
    assert caught.value.code == code


@pytest.mark.parametrize("version", ["0.0.9", "99.0.0"])
def test_a_plugin_updated_under_a_running_qgis(faulty_engine, tmp_path, monkeypatch, version):
    monkeypatch.setattr(paths, "PLUGIN_VERSION", version)
    with pytest.raises(InsarError) as caught:
        run_engine(Misbehave("wait", str(tmp_path)))
    assert caught.value.code == "engine.version_skew"
    assert caught.value.fields["plugin_version"] == version
    assert caught.value.fields["engine_version"] != version
    assert list(tmp_path.glob("pid")) == []


def test_an_engine_that_says_hello_with_another_protocol_is_stopped(engine_python, tmp_path, monkeypatch):
    launch_file = tmp_path / "older.py"
    launch_file.write_text(
        "import json, sys\n"
        "print(json.dumps({'type': 'hello', 'protocol': 0, 'version': '0.0.1'}), flush=True)\n"
        "sys.stdin.read()\n"
        "print(json.dumps({'type': 'error', 'code': 'engine.crashed', 'fields': {}}), flush=True)\n"
    )
    monkeypatch.setattr(engine_process, "LAUNCH_FILE", launch_file)
    with pytest.raises(InsarError) as caught:
        run_engine(CheckEnvironment(), python=engine_python)
    assert caught.value.code == "engine.version_skew"
    assert caught.value.fields["engine_version"] == "0.0.1"


def test_a_python_without_the_packages(faulty_engine, tmp_path):
    from insarhub_qgis.core.requests import RunAnalysis

    with pytest.raises(InsarError) as caught:
        run_engine(RunAnalysis(str(tmp_path)), python=Path("/usr/bin/python3"))
    assert caught.value.code == "engine.package_missing"


def test_no_engine_at_all():
    with pytest.raises(InsarError) as caught:
        run_engine(CheckEnvironment())
    assert caught.value.code == "engine.not_set_up"


def test_a_python_that_is_gone_or_no_program(tmp_path):
    with pytest.raises(InsarError) as caught:
        run_engine(CheckEnvironment(), python=tmp_path / "python")
    assert caught.value.code == "engine.python_gone"
    (tmp_path / "python").write_text("no program")
    with pytest.raises(InsarError) as caught:
        run_engine(CheckEnvironment(), python=tmp_path / "python")
    assert caught.value.code == "engine.not_started"


def test_a_task_without_an_engine_fails_with_the_same_error():
    _, record = start(CheckEnvironment())
    wait_until(lambda: record.is_over)
    assert record.errors[0].code == "engine.not_set_up"


class Feedback(QgsProcessingFeedback):
    def __init__(self):
        super().__init__(False)
        self.texts = []

    def pushInfo(self, text):
        self.texts.append(("info", text))

    def pushWarning(self, text):
        self.texts.append(("warning", text))

    def setProgressText(self, text):
        self.texts.append(("progress", text))


def test_a_feedback_hears_progress_and_log(faulty_engine):
    feedback = Feedback()
    assert run_engine(Misbehave("items"), feedback) == {"done": True}
    run_engine(Misbehave("storm"), feedback)
    assert ("warning", "careful") in feedback.texts
    assert feedback.texts[-1] == ("progress", "step 20000")
    assert feedback.progress() == 100.0


def test_a_plain_feedback_cancels_a_blocking_run(faulty_engine, tmp_path):
    feedback = QgsFeedback()

    def cancel_once_it_runs():
        while not note(tmp_path / "pid"):
            time.sleep(0.01)
        feedback.cancel()

    canceller = threading.Thread(target=cancel_once_it_runs, daemon=True)
    canceller.start()
    with pytest.raises(Cancelled):
        run_engine(Misbehave("wait", str(tmp_path)), feedback)
    canceller.join(HANG_S)
    assert not is_running(int(note(tmp_path / "pid")))


def test_a_blocking_run_in_a_worker_thread_without_event_loop(faulty_engine):
    results = []

    class Worker(QThread):
        def run(self):
            results.append(run_engine(Misbehave("items")))

    worker = Worker()
    worker.start()
    assert worker.wait(int(HANG_S * 1000))
    assert results == [{"done": True}]


def test_a_large_result_arrives_whole(faulty_engine):
    assert len(run_engine(Misbehave("large"))["text"]) == 5_000_000


def test_noise_of_libraries_is_logged(faulty_engine):
    _, record = start(Misbehave("noise"))
    wait_until(lambda: record.is_over)
    assert record.results == [{}]
    texts = [text for _, text in record.logs]
    for text in ("printed by a library", "written below Python", "inherited output", "said by a program"):
        assert text in texts


def test_unload_stops_all_engines(faulty_engine, tmp_path):
    folders = [tmp_path / name for name in ("a", "b")]
    records = []
    for folder in folders:
        folder.mkdir()
        records.append(start(Misbehave("wait", str(folder)))[1])
    wait_until(lambda: all(note(folder / "pid") for folder in folders))
    stop_engine_tasks()
    assert engine_process._running == set()
    assert not any(is_running(int(note(folder / "pid"))) for folder in folders)
    wait_until(lambda: QgsApplication.taskManager().countActiveTasks() == 0)


def test_the_engine_ends_when_qgis_is_killed(faulty_engine, tmp_path):
    script = tmp_path / "host.py"
    project = Path(engine_process.__file__).resolve().parents[2]
    script.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(project)!r})\n"
        "from qgis.core import QgsApplication\n"
        "app = QgsApplication([], False); app.initQgis()\n"
        "from insarhub_qgis.host import engine_process\n"
        "from tests.makers.faulty_engine import FAULTY_LAUNCH_FILE, Misbehave\n"
        "engine_process.LAUNCH_FILE = FAULTY_LAUNCH_FILE\n"
        f"engine_process.run_engine(Misbehave('wait', {str(tmp_path)!r}))\n"
    )
    pid = os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, str(script)])
    wait_until(lambda: note(tmp_path / "pid"))
    engine = int(note(tmp_path / "pid"))
    assert is_running(engine)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    wait_until(lambda: not is_running(engine))

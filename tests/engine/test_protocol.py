# SPDX-License-Identifier: GPL-2.0-or-later
"""The engine as a process: what comes out of it, whatever happens inside."""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.installation import LAUNCH_FILE, plugin_version, wanted_environment
from insarhub_qgis.engine import protocol
from insarhub_qgis.engine.commands import COMMANDS
from insarhub_qgis.engine.failures import error_from_exception
from insarhub_qgis.sandbox.commands import COMMANDS as SANDBOX_COMMANDS
from tests.makers.faulty_engine import FAULTY_LAUNCH_FILE
from tests.makers.waiting import HANG_S, wait_until

BASE_PYTHON = getattr(sys, "_base_executable", sys.executable)


class Engine:
    """A started engine process and its messages."""

    def __init__(self, *arguments, python=sys.executable, launch_file=FAULTY_LAUNCH_FILE, environment=None):
        self.process = subprocess.Popen(
            [python, "-I", "-X", "utf8", str(launch_file), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
        )

    def send(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def end(self, close_stdin=True):
        """Messages, text of stderr and exit code, once the process has ended."""
        if close_stdin:
            out, err = self.process.communicate(timeout=HANG_S)
        else:
            out, err = self.process.stdout.read(), self.process.stderr.read()
            self.process.wait(timeout=HANG_S)
            self.process.stdin.close()
        for stream in (self.process.stdout, self.process.stderr):
            stream.close()
        return [json.loads(line) for line in out.decode().splitlines()], err.decode(), self.process.returncode


def run(mode, *, envelope=None, environment=None, **parameters):
    engine = Engine("engine", "misbehave", environment=environment)
    engine.send(json.dumps({"parameters": {"mode": mode, **parameters}, **(envelope or {})}))
    return engine.end()


def wait_for(path):
    wait_until(lambda: path.is_file() and path.read_text(), str(path))
    return path.read_text()


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for_end(pid):
    wait_until(lambda: not is_running(pid), f"the end of process {pid}")


def test_hello_comes_first_and_the_result_last():
    messages, _, code = run("items")
    assert code == 0
    assert messages[0]["type"] == "hello"
    assert messages[0]["protocol"] == protocol.PROTOCOL
    assert messages[0]["version"] == plugin_version()
    assert set(messages[0]["packages"]) == {package.name for package in wanted_environment().packages}
    assert [message["item"]["index"] for message in messages if message["type"] == "item"] == [0, 1, 2, 3, 4]
    assert {"type": "log", "level": "warning", "text": "careful"} in messages
    assert messages[-1] == {"type": "result", "result": {"done": True}}


def test_whatever_is_printed_stays_out_of_the_messages():
    messages, stderr, code = run("noise")
    assert code == 0
    for text in ("printed by a library", "written below Python", "inherited output"):
        assert text in stderr
    assert [message["text"] for message in messages if message["type"] == "log"] == ["said by a program"]


def test_a_prompt_gets_no_answer_and_does_not_wait():
    messages, _, _ = run("prompt")
    assert messages[-1]["result"] == {"answer": None}


def test_progress_that_was_held_back_arrives_without_a_further_message():
    stream = io.BytesIO()
    writer = protocol.MessageWriter(stream)
    writer.report(0.1, "begun")
    writer.report(0.2, "goes on for minutes")
    wait_until(lambda: b"minutes" in stream.getvalue())
    assert len(stream.getvalue().splitlines()) == 2


def test_progress_is_thinned_and_its_last_state_arrives():
    start = time.monotonic()
    messages, _, _ = run("storm")
    seconds = time.monotonic() - start
    progress = [message for message in messages if message["type"] == "progress"]
    assert 2 <= len(progress) <= 10 * seconds + 2
    assert progress[-1] == {"type": "progress", "fraction": 1.0, "text": "step 20000"}
    assert messages[-1]["type"] == "result"


def test_values_that_json_does_not_know():
    messages, _, _ = run("odd_values")
    assert messages[-1]["result"] == {
        "nan": None,
        "array": [1.0, None],
        "count": 3,
        "path": "/a/b",
        "set": [1],
    }


def test_nothing_of_the_surroundings_is_importable(tmp_path):
    for name in ("networkx", "insarhub_qgis", "json"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('poisoned')")
    messages, _, code = run(
        "echo", payload="ü", environment={"PYTHONPATH": str(tmp_path), "PYTHONHOME": "/x"}
    )
    assert code == 0
    result = messages[-1]["result"]
    assert result["payload"] == "ü"
    assert result["flags"] == {"isolated": 1, "utf8": 1}
    project = str(LAUNCH_FILE.parents[2])
    assert not {project, str(LAUNCH_FILE.parent), str(FAULTY_LAUNCH_FILE.parent), str(tmp_path)} & set(
        result["path"]
    )


def test_variables_of_the_request_are_set_but_not_visible_from_outside():
    messages, _, _ = run("echo", envelope={"environment": {"https_proxy": "http://me:word@proxy:1"}})
    result = messages[-1]["result"]
    assert result["variables"]["https_proxy"] == "http://me:word@proxy:1"
    assert "word" not in result["initial_environment"]
    assert "word" not in result["command_line"]


def test_end_of_stdin_cancels_a_hosted_run(tmp_path):
    engine = Engine("engine", "misbehave")
    engine.send(json.dumps({"cancel_on_eof": True, "parameters": {"mode": "wait", "folder": str(tmp_path)}}))
    wait_for(tmp_path / "pid")
    messages, _, code = engine.end()
    assert (messages[-1]["type"], messages[-1]["code"], code) == ("error", "run.cancelled", 130)


def test_end_of_stdin_means_nothing_to_a_headless_run():
    messages, _, code = run("short_wait")
    assert (messages[-1]["result"], code) == ({"cancelled": False}, 0)


def test_terminate_cancels_inside_a_blocking_call(tmp_path):
    engine = Engine("engine", "misbehave")
    engine.send(json.dumps({"parameters": {"mode": "blocked", "folder": str(tmp_path)}}))
    wait_for(tmp_path / "pid")
    engine.process.send_signal(signal.SIGTERM)
    messages, _, code = engine.end()
    assert (messages[-1]["code"], code) == ("run.cancelled", 130)
    assert (tmp_path / "cleaned").is_file()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_child_outlives_the_engine(tmp_path, number):
    engine = Engine("engine", "misbehave")
    engine.send(json.dumps({"cancel_on_eof": True, "parameters": {"mode": "child", "folder": str(tmp_path)}}))
    child = int(wait_for(tmp_path / "child"))
    assert is_running(child)
    engine.process.send_signal(number)
    engine.end()
    wait_for_end(child)


def test_a_hosted_engine_that_ignores_the_end_of_its_host_ends_by_itself(tmp_path):
    launch_file = tmp_path / "impatient.py"
    text = (
        FAULTY_LAUNCH_FILE.read_text()
        .replace(
            "    from insarhub_qgis.engine import commands, protocol\n",
            "    from insarhub_qgis.engine import commands, protocol\n    protocol._ORPHAN_LIMIT_S = 0.5\n",
        )
        .replace("Path(__file__).resolve()", f"Path({str(FAULTY_LAUNCH_FILE)!r})")
    )
    launch_file.write_text(text)
    engine = Engine("engine", "misbehave", launch_file=launch_file)
    engine.send(
        json.dumps({"cancel_on_eof": True, "parameters": {"mode": "stubborn", "folder": str(tmp_path)}})
    )
    wait_for(tmp_path / "pid")
    _, _, code = engine.end()
    assert code != 0


@pytest.mark.parametrize(
    "envelope", [{"plugin_version": "0.0.1"}, {"protocol": 99}, {"plugin_version": "9.9.9", "protocol": 1}]
)
def test_another_version_is_refused_before_anything_is_done(tmp_path, envelope):
    messages, _, code = run("wait", folder=str(tmp_path), envelope=envelope)
    error = messages[-1]
    assert (error["code"], code) == ("engine.version_skew", 1)
    assert error["fields"]["engine_version"] == plugin_version()
    assert error["fields"]["plugin_version"] == envelope.get("plugin_version", plugin_version())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("line", ["", "not json", "[1]", '{"parameters": 3}', '{"protocol": 1}'])
def test_a_request_that_is_none(line):
    engine = Engine("engine", "misbehave")
    engine.send(line)
    messages, _, code = engine.end()
    assert (messages[-1]["code"], code) == ("engine.bad_request", 1)


@pytest.mark.parametrize("program", ["engine", "sandbox"])
def test_an_unknown_command(program):
    engine = Engine(program, "no-such-thing", launch_file=LAUNCH_FILE)
    engine.send('{"parameters": {}}')
    messages, _, code = engine.end()
    assert (messages[-1]["code"], code) == ("engine.unknown_command", 1)


def test_a_parameter_that_the_command_does_not_have():
    messages, _, _ = run("echo", colour="red")
    assert messages[-1]["code"] == "request.unknown_parameter"
    assert messages[-1]["fields"]["names"] == ["colour"]


@pytest.mark.parametrize(
    ("mode", "code", "field"),
    [
        ("known_error", "disk.full", ("file", "a.tif")),
        ("crash", "engine.crashed", ("reason", "ValueError: wrong shape")),
        ("disk_full", "file.disk_full", None),
        ("memory", "engine.out_of_memory", None),
        ("lacking", "engine.package_missing", ("package", "a_package_that_nobody_has")),
    ],
)
def test_failures_have_a_code_and_details(mode, code, field):
    messages, _, exit_code = run(mode)
    error = messages[-1]
    assert (error["type"], error["code"], exit_code) == ("error", code, 1)
    if field is not None:
        assert error["fields"][field[0]] == field[1]
    assert "Traceback" in error["details"]


def test_a_python_without_the_packages_says_which_one_is_missing():
    # The base Python below the engine environment has none of the packages.
    engine = Engine("engine", "run-analysis", python=BASE_PYTHON, launch_file=LAUNCH_FILE)
    engine.send(json.dumps({"parameters": {"job_folder": "/nowhere"}}))
    messages, _, code = engine.end()
    assert (messages[-1]["code"], code) == ("engine.package_missing", 1)
    assert messages[-1]["fields"]["package"] == "h5py"


def test_a_package_that_is_too_old_is_named(monkeypatch):
    monkeypatch.setattr(protocol, "installed_version", lambda name: "0.9" if name == "mintpy" else "99.0")
    with pytest.raises(InsarError) as caught:
        protocol.check_packages("run-analysis")
    assert caught.value.code == "engine.package_outdated"
    assert caught.value.fields["package"] == "mintpy"
    assert caught.value.fields["version"] == "0.9"
    protocol.check_packages("open-products")


def test_packages_are_wanted_by_commands_that_exist():
    known = {*COMMANDS, *SANDBOX_COMMANDS}
    for package in wanted_environment().packages:
        assert set(package.commands) <= known
        assert protocol.version_numbers(package.minimum) <= protocol.version_numbers(package.pin)


@pytest.mark.parametrize(
    ("exception", "code", "file"),
    [
        (OSError(errno.ENOSPC, "full", "/d/a"), "file.disk_full", "/d/a"),
        (OSError(errno.EROFS, "read-only", "/d/a"), "file.not_writable", "/d/a"),
        (PermissionError(errno.EACCES, "denied", "/d/a"), "file.not_writable", "/d/a"),
        (FileNotFoundError(errno.ENOENT, "gone", "/d/a"), "file.missing", "/d/a"),
        (
            OSError(
                "Unable to create file (unable to open file: name = '/d/a.h5', errno = 28, error message = 'x')"
            ),
            "file.disk_full",
            "/d/a.h5",
        ),
        (OSError("Can't write '/d/a.tif': No space left on device"), "file.disk_full", "/d/a.tif"),
    ],
)
def test_errors_of_files_are_told_apart(exception, code, file):
    error = error_from_exception(exception)
    assert (error.code, error.fields["file"]) == (code, file)


def test_the_cause_behind_an_exception_counts():
    try:
        try:
            raise OSError(errno.ENOSPC, "full", "/d/a")
        except OSError as error:
            raise RuntimeError("writing failed") from error
    except RuntimeError as error:
        assert error_from_exception(error).code == "file.disk_full"


def test_an_interrupt_is_a_cancel():
    assert isinstance(error_from_exception(KeyboardInterrupt()), Cancelled)


def test_an_incomplete_plugin_is_no_missing_package():
    error = ModuleNotFoundError("No module named 'insarhub_qgis.engine.x'", name="insarhub_qgis.engine.x")
    assert error_from_exception(error).code == "engine.crashed"


def test_headless_use_from_the_source_tree():
    done = subprocess.run(
        [sys.executable, "-m", "insarhub_qgis.engine", "check-environment"],
        input='{"parameters": {}}\n',
        capture_output=True,
        text=True,
        cwd=LAUNCH_FILE.parents[2],
        timeout=60,
        check=True,
    )
    assert json.loads(done.stdout.splitlines()[-1])["result"]["is_complete"] is True


def test_usage_is_told():
    done = subprocess.run(
        [sys.executable, "-I", str(LAUNCH_FILE)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "usage" in done.stderr

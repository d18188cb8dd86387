# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs through the one door: their lines, their end, and that nothing is left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.engine.process import run_process
from tests.makers.waiting import HANG_S, wait_until

PROJECT = Path(__file__).resolve().parents[2]


def python(code, *arguments):
    return [sys.executable, "-u", "-c", code, *arguments]


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for_end(pid):
    wait_until(lambda: not is_running(pid), f"the end of process {pid}")


def test_lines_of_both_streams_in_order():
    lines = []
    code = "import sys; print('a'); print('b', file=sys.stderr); print('10%', end='\\r'); print('20%\\r\\nend', end='')"
    assert run_process(python(code), on_line=lines.append) == 0
    assert lines == ["a", "b", "10%", "20%", "end"]


def test_text_that_is_no_utf8():
    lines = []
    run_process(python("import os; os.write(1, b'caf\\xe9 \\xc3\\xbc\\n')"), on_line=lines.append)
    assert lines == ["caf\ufffd ü"]


@pytest.mark.parametrize(
    ("code", "expected"), [("raise SystemExit(3)", 3), ("import os; os.kill(os.getpid(), 9)", -9)]
)
def test_exit_code(code, expected):
    assert run_process(python(code), on_line=print) == expected


def test_arguments_reach_the_program_as_they_are():
    lines = []
    odd = ["$HOME; rm -rf *", "a b", "'\"", "ü"]
    run_process(python("import sys; [print(a) for a in sys.argv[1:]]", *odd), on_line=lines.append)
    assert lines == odd


def test_folder_environment_and_input(tmp_path):
    lines = []
    code = "import os, sys; print(os.getcwd()); print(os.environ['ONLY']); print('HOME' in os.environ); print(sys.stdin.readline())"
    run_process(
        python(code), cwd=tmp_path, environment={"ONLY": "this"}, input_text="hello\n", on_line=lines.append
    )
    assert lines[:4] == [str(tmp_path), "this", "False", "hello"]


def test_a_program_that_does_not_exist():
    with pytest.raises(InsarError) as caught:
        run_process(["/no/such/program"], on_line=print)
    assert caught.value.code == "process.not_started"
    assert caught.value.fields["program"] == "/no/such/program"


def test_cancel_ends_the_program_and_what_it_started():
    lines = []
    code = (
        "import subprocess, time;p = subprocess.Popen(['/bin/sleep', '1000']); print(p.pid); time.sleep(1000)"
    )
    with pytest.raises(Cancelled):
        run_process(python(code), on_line=lines.append, is_cancelled=lambda: bool(lines))
    wait_for_end(int(lines[0]))


def test_a_program_that_ignores_the_signal_is_killed_after_the_grace_time():
    lines = []
    code = (
        "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print(os.getpid()); time.sleep(1000)"
    )
    start = time.monotonic()
    with pytest.raises(Cancelled):
        run_process(python(code), on_line=lines.append, is_cancelled=lambda: bool(lines), grace_seconds=0.5)
    assert time.monotonic() - start > 0.5
    wait_for_end(int(lines[0]))


def test_a_program_may_clean_up_within_the_grace_time(tmp_path):
    lines = []
    note = tmp_path / "note"
    code = (
        "import signal, sys, time\n"
        "def end(*_):\n"
        "    time.sleep(0.3); open(sys.argv[1], 'w').write('clean'); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end); print('ready'); time.sleep(1000)"
    )
    with pytest.raises(Cancelled):
        run_process(
            python(code, str(note)),
            on_line=lines.append,
            is_cancelled=lambda: bool(lines),
            grace_seconds=HANG_S,
        )
    assert note.read_text() == "clean"


def test_a_reader_that_fails_ends_the_program():
    pids = []

    def fail(line):
        pids.append(int(line))
        raise ValueError("reader failed")

    with pytest.raises(ValueError, match="reader failed"):
        run_process(python("import os, time; print(os.getpid()); time.sleep(1000)"), on_line=fail)
    wait_for_end(pids[0])


def test_a_silent_program_that_closed_its_output_can_be_cancelled(tmp_path):
    note = tmp_path / "pid"
    code = (
        "import os, sys, time; os.close(1); os.close(2);"
        "open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(1000)"
    )
    with pytest.raises(Cancelled):
        run_process(
            python(code, str(note)),
            on_line=print,
            is_cancelled=lambda: note.is_file() and bool(note.read_text()),
        )
    wait_for_end(int(note.read_text()))


def test_a_left_over_of_the_program_does_not_hold_the_caller():
    lines = []
    code = "import subprocess; p = subprocess.Popen(['/bin/sleep', '1000']); print(p.pid)"
    assert run_process(python(code), on_line=lines.append) == 0
    wait_for_end(int(lines[0]))


def test_a_program_that_watches_its_starter_ends_with_it(tmp_path):
    note = tmp_path / "pid"
    child = (
        "import os, sys, time; sys.path.insert(0, sys.argv[1])\n"
        "from insarhub_qgis.engine.process import end_with_parent\n"
        "end_with_parent(); open(sys.argv[2], 'w').write(str(os.getpid())); time.sleep(1000)"
    )
    starter = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from insarhub_qgis.engine.process import run_process\n"
        "run_process([sys.executable, '-c', sys.argv[3], *sys.argv[1:3]], on_line=print)"
    )
    process = subprocess.Popen([sys.executable, "-c", starter, str(PROJECT), str(note), child])
    wait_until(lambda: note.is_file() and note.read_text(), str(note))
    pid = int(note.read_text())
    assert is_running(pid)
    assert os.getpgid(pid) != os.getpgid(process.pid)
    process.kill()
    process.wait()
    wait_for_end(pid)

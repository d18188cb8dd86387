# SPDX-License-Identifier: GPL-2.0-or-later
"""kill -9 at random moments of a submission, and a crash after each line of it; then every pair has one job, all known.

``INSARHUB_KILLS=200`` for the full count; seed and moments are printed.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest

from insarhub_qgis.core import atomic_files, hyp3_files, hyp3_journal
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.hyp3_options import Hyp3Options
from insarhub_qgis.core.installation import LAUNCH_FILE
from insarhub_qgis.core.job_config import PROCESSOR
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.requests import RetryHyp3, SubmitHyp3
from insarhub_qgis.engine import hyp3_recovery, hyp3_retry, hyp3_saving, hyp3_sending, hyp3_submit
from tests.makers.hyp3_submissions import (
    USER,
    Listener,
    assert_paid_once,
    endpoints_of,
    jobs_of_server,
    make_hyp3_job,
    make_hyp3_server,
    pairs_of_stack,
    steer,
    token,
)
from tests.makers.waiting import HANG_S, holding, wait_until

KILLS = int(os.environ.get("INSARHUB_KILLS", "12"))
SEED = int(os.environ.get("INSARHUB_SEED", "0")) or None
#: Seconds that the service takes before its work and again before its answer, and seconds between two looks for lost
#: jobs: the second one must not come while the service may still be at work.
DELAY_S, LOOK_AGAIN_S = 0.1, 0.3
PAIRS = 450
#: A crash before each n-th line, 1 with the full count: every line takes minutes.
STEP = 1 if KILLS >= 200 else 29


@pytest.fixture(scope="module")
def server():
    with make_hyp3_server() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(server):
    server.reset()
    return server


def request_for(sandbox, folder, **values):
    return SubmitHyp3(
        str(folder),
        Hyp3Options(submission_chunk_size=values.pop("chunk", 200)).to_json(),
        endpoints=endpoints_of(sandbox).to_json(),
        **values,
    )


def start(request):
    process = subprocess.Popen(
        [sys.executable, "-I", str(LAUNCH_FILE), "engine", request.command],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8",
    )  # fmt: skip
    message = {
        "protocol": 1,
        "cancel_on_eof": False,
        "credential": {"token": token()},
        "parameters": request.to_json(),
    }
    process.stdin.write(json.dumps(message) + "\n")
    process.stdin.flush()
    return process


def finish(process):
    return result_in(process.communicate(timeout=HANG_S)[0])


def result_in(output):
    last = json.loads(output.splitlines()[-1])
    assert last["type"] == "result", last
    return last["result"]


def kill_after(process, seconds):
    """Kill the engine after so many seconds; its result if it had ended by itself."""
    # Read all the while: an engine whose messages nobody takes stands still.
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
    return None if process.returncode == -signal.SIGKILL else result_in(output)


@pytest.fixture
def slow(sandbox, monkeypatch):
    """A service that takes its time before it charges and after, so that kills fall on both sides of the payment."""
    answer = sandbox.answer

    def answer_slowly(request):
        is_payment = request.method == "POST" and request.path == "/jobs"
        time.sleep(DELAY_S if is_payment else 0)
        found = answer(request)
        time.sleep(DELAY_S if is_payment else 0)
        return found

    monkeypatch.setattr(sandbox, "answer", answer_slowly)
    return sandbox


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9")
@pytest.mark.timeout(3600)
def test_kills_of_a_submission_lose_and_repeat_nothing(slow, tmp_path):
    sandbox = slow
    pairs = pairs_of_stack(PAIRS)
    seed = SEED or int(np.random.default_rng().integers(2**31))
    generator = np.random.default_rng(seed)
    undisturbed = make_hyp3_job(tmp_path / "undisturbed", pairs)
    begun = time.monotonic()
    finish(start(request_for(sandbox, undisturbed, look_again_s=LOOK_AGAIN_S)))
    whole = time.monotonic() - begun
    assert_paid_once(sandbox, undisturbed, pairs)
    moments, submissions, ends = [], 0, Counter()
    while len(moments) < KILLS:
        sandbox.reset()
        submissions += 1
        folder = make_hyp3_job(tmp_path / f"job{submissions}", pairs)
        request = request_for(sandbox, folder, look_again_s=LOOK_AGAIN_S)
        result = None
        while result is None and len(moments) < KILLS:
            moment = float(generator.uniform(0.15, whole))
            result = kill_after(start(request), moment)
            if result is None:
                moments.append(round(moment, 2))
        result = result or finish(start(request))
        assert result["stopped_by"] is None
        assert_paid_once(sandbox, folder, pairs)
        assert JobFolder(folder).read_config().known_stage_type(PROCESSOR) == "Hyp3_S1"
        ends.update(events_of(folder))
    print(
        f"seed {seed}: {len(moments)} kills in {submissions} submissions of {PAIRS} pairs, {whole:.2f} s each"
    )
    print(f"journal: {dict(ends)}; moments {moments}")


def events_of(folder):
    lines = (folder / hyp3_journal.JOURNAL_NAME).read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["event"] for line in lines if line]


# --- After each line ---


class Crash(BaseException):
    """Stands for the end of the process: nothing handles it."""


TRACED = {
    module.__file__
    for module in (
        hyp3_submit,
        hyp3_sending,
        hyp3_saving,
        hyp3_recovery,
        hyp3_retry,
        hyp3_journal,
        hyp3_files,
    )
}


def crash_at(number, run):
    """Run with a crash before the traced line of this number; False when there are not so many."""
    count = 0

    def local(frame, event, _):
        nonlocal count
        if event == "line":
            count += 1
            if count == number:
                raise Crash
        return local

    def trace(frame, event, _):
        return local if frame.f_code.co_filename in TRACED else None

    sys.settrace(trace)
    try:
        run()
    except Crash:
        return True
    finally:
        sys.settrace(None)
    return False


@pytest.fixture
def _no_clean_up(monkeypatch):
    """A process that ends takes its locks and temporary files down with nothing; here only its locks, taken over later."""
    monkeypatch.setattr(atomic_files.os, "fsync", lambda _: None)


def submit_in_process(sandbox, folder):
    request = request_for(sandbox, folder, chunk=3, look_again_s=0.0)
    return hyp3_submit.run(request, Listener().context)


@pytest.mark.timeout(3600)
def test_a_crash_before_each_line_of_a_submission(sandbox, tmp_path, _no_clean_up):
    pairs = pairs_of_stack(7)
    number, crashes = 1, 0
    while True:
        sandbox.reset()
        folder = make_hyp3_job(tmp_path / f"job{number}", pairs)
        if not crash_at(number, functools.partial(submit_in_process, sandbox, folder)):
            break
        crashes += 1
        result = submit_in_process(sandbox, folder)
        assert result["stopped_by"] is None, number
        assert_paid_once(sandbox, folder, pairs)
        number += STEP
    print(f"{crashes} crashes")
    assert crashes >= 20


@pytest.mark.timeout(3600)
def test_a_crash_before_each_line_of_a_retry(sandbox, tmp_path, _no_clean_up):
    pairs = pairs_of_stack(4)
    number, crashes = 1, 0
    while True:
        sandbox.reset()
        steer(sandbox, "hyp3", failed_share=1.0)
        folder = make_hyp3_job(tmp_path / f"job{number}", pairs)
        submit_in_process(sandbox, folder)
        steer(sandbox, "advance", seconds=60)
        steer(sandbox, "hyp3", failed_share=0.0)

        def retry(folder=folder):
            request = RetryHyp3(str(folder), endpoints=endpoints_of(sandbox).to_json(), look_again_s=0.0)
            return hyp3_retry.run(request, Listener().context)

        is_over = not crash_at(number, retry)
        retry()
        jobs, charged = jobs_of_server(sandbox)
        assert Counter(tuple(job["granules"]) for job in jobs) == dict.fromkeys(pairs, 2), number
        assert charged[USER] == 2 * len(pairs) * 10
        files, _ = hyp3_files.find_job_files(folder)
        assert sorted(job_id for file in files for job_id in file.ids) == sorted(
            job["job_id"] for job in jobs
        )
        lineage = {new: old for file in files for new, old in file.retry_of.items()}
        assert len(lineage) == len(pairs)
        assert {job["job_id"] for job in jobs} == {*lineage, *lineage.values()}
        if is_over:
            break
        crashes += 1
        number += STEP
    print(f"{crashes} crashes")
    assert crashes >= 20


def test_a_torn_intent_was_never_sent(sandbox, tmp_path):
    pairs = pairs_of_stack(3)
    folder = make_hyp3_job(tmp_path / "job", pairs)
    (folder / hyp3_journal.JOURNAL_NAME).write_text(
        '{"event": "intent", "intent": "x-1", "jo', encoding="utf-8"
    )
    submit_in_process(sandbox, folder)
    assert_paid_once(sandbox, folder, pairs)


def test_a_whole_intent_that_is_not_understood_stops_everything(sandbox, tmp_path):
    folder = make_hyp3_job(tmp_path / "job", pairs_of_stack(3))
    line = json.dumps({"event": "intent", "intent": "x-1"})
    (folder / hyp3_journal.JOURNAL_NAME).write_text(line + "\n", encoding="utf-8")
    with pytest.raises(InsarError) as caught:
        submit_in_process(sandbox, folder)
    assert caught.value.code == "file.malformed"
    assert jobs_of_server(sandbox)[0] == []


def test_two_engines_at_once(sandbox, tmp_path):
    """Two windows of QGIS, each with an engine of its own."""
    pairs = pairs_of_stack(250)
    folder = make_hyp3_job(tmp_path / "job", pairs)
    with holding(sandbox, lambda request: (request.method, request.path) == ("POST", "/jobs")):
        engines = [start(request_for(sandbox, folder, look_again_s=LOOK_AGAIN_S)) for _ in range(2)]
        # The one that pays goes on after the other has been refused.
        wait_until(lambda: any(engine.poll() is not None for engine in engines), "a refusal")
    last = [json.loads(engine.communicate(timeout=HANG_S)[0].splitlines()[-1]) for engine in engines]
    (refused,) = [message for message in last if message["type"] == "error"]
    assert refused["code"] == "hyp3.submission_running"
    (done,) = [message["result"] for message in last if message["type"] == "result"]
    assert done["submitted"] == 250
    again = finish(start(request_for(sandbox, folder, look_again_s=LOOK_AGAIN_S)))
    assert again["submitted"] == 0
    assert {row["state"] for row in again["skipped"]} <= {"in_flight", "done"}
    assert_paid_once(sandbox, folder, pairs)

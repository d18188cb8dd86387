# SPDX-License-Identifier: GPL-2.0-or-later
"""kill -9 of the engine at random moments of prepare and analyse, on real products; then going on gives the same.

``INSARHUB_KILLS=20`` for the full count; the moments are printed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from insarhub_qgis.core.clip_manifest import read_clip_manifest
from insarhub_qgis.core.installation import LAUNCH_FILE
from insarhub_qgis.core.requests import OpenProducts, PrepareAnalysis, Request, RunAnalysis
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine import open_products
from insarhub_qgis.engine.mintpy_hdf5 import open_hdf5
from tests.makers.mexico_city import DATA

KILLS = int(os.environ.get("INSARHUB_KILLS", "4"))
pytestmark = [
    pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data/mexico_city is absent"),
    pytest.mark.skipif(sys.platform == "win32", reason="process groups"),
]


def start(request: Request) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-I", str(LAUNCH_FILE), "engine", request.command],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8",
    )  # fmt: skip
    message = {"protocol": 1, "cancel_on_eof": True, "parameters": request.to_json()}
    process.stdin.write(json.dumps(message) + "\n")
    process.stdin.flush()
    return process


def finish(process: subprocess.Popen[str]) -> dict:
    output = process.stdout.read()
    process.communicate(timeout=60)
    last = json.loads(output.splitlines()[-1])
    assert last["type"] == "result", last
    return last["result"]


def timed(request: Request) -> float:
    begun = time.monotonic()
    finish(start(request))
    return time.monotonic() - begun


def kill_at(request: Request, seconds: float) -> bool:
    """Kill the engine after so many seconds; False if it had ended by itself."""
    process = start(request)
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


def clips(job: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in sorted((job / "clip").iterdir())
        if path.name != "manifest.json" and path.suffix != ".rsc"
    }


def test_kills_of_prepare_and_analyse_do_not_change_the_result(tmp_path):
    job = tmp_path / "job"
    open_products.run(OpenProducts(str(DATA / "hyp3"), str(job)), RunContext())
    options = (DATA / "expected" / "options.cfg").read_text(encoding="utf-8")
    small = PrepareAnalysis(
        str(job), "POLYGON((-99.15 19.35,-99.05 19.35,-99.05 19.45,-99.15 19.45,-99.15 19.35))", True
    )
    whole = PrepareAnalysis(str(job), "", True)
    seconds = timed(whole)
    undisturbed = clips(job)
    generator = np.random.default_rng()
    done = []
    while len(done) < KILLS // 2:
        # Another window and back, so that each attempt has every clip to write.
        finish(start(small))
        moment = float(generator.uniform(0.2, seconds))
        if kill_at(whole, moment):
            done.append(("prepare", round(moment, 2)))
        manifest = read_clip_manifest(job)
        assert manifest is not None
    finish(start(whole))
    assert clips(job) == undisturbed
    assert not list(job.rglob("*.part"))

    request = RunAnalysis(str(job), options=options)
    seconds = timed(request)
    first = velocity(job)
    is_going_on = False
    while len(done) < KILLS:
        moment = float(generator.uniform(0.2, seconds))
        was_killed = kill_at(RunAnalysis(str(job), resume=is_going_on), moment)
        is_going_on = True
        if was_killed:
            done.append(("analyse", round(moment, 2)))
    finish(start(RunAnalysis(str(job))))
    last = velocity(job)
    expected = np.load(DATA / "expected" / "mintpy_1.6.4.npz")
    mask = expected["mask"].astype(bool)
    difference = float(np.max(np.abs(last[mask] - expected["velocity"][mask])))
    print(f"killed {len(done)} times: {done}")
    print(f"greatest difference to the expected velocity: {difference:.3g} m/yr")
    print(f"greatest difference to the undisturbed run: {float(np.max(np.abs(last - first))):.3g} m/yr")
    np.testing.assert_array_equal(last, first)
    assert difference <= 1e-6


def velocity(job: Path) -> np.ndarray:
    with open_hdf5(job / "velocity.h5") as file:
        return np.asarray(file["velocity"])

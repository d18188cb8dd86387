# SPDX-License-Identifier: GPL-2.0-or-later
"""kill -9 of the engine at random moments of a build of the pair database and of a fetch of decay maps.

After each kill every file is whole; going on asks for nothing that is there, and ends as an undisturbed run does.
``INSARHUB_KILLS=40`` for the full count; the moments are printed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import rasterio

from insarhub_qgis.core.decay_map_files import find_decay_maps
from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.core.installation import LAUNCH_FILE
from insarhub_qgis.core.quality_files import QUALITY_CACHE_NAME, read_pair_database
from insarhub_qgis.core.requests import BuildPairDatabase, FetchDecayMaps, Simulate
from insarhub_qgis.sandbox.serve import make_sandbox
from insarhub_qgis.sandbox.service_state import Fault
from tests.makers.network_jobs import make_network_job

KILLS = int(os.environ.get("INSARHUB_KILLS", "4"))
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")

SOURCES = ("weather", "snow", "landcover", "vegetation", "fire")
LAND = "POLYGON((-120.95 54.05,-120.9 54.05,-120.9 54.1,-120.95 54.1,-120.95 54.05))"
DAYS = [12 * number for number in range(8)]
#: Section of the cache that a source fills.
SECTIONS = {"weather": "weather", "snow": "snow_modis", "vegetation": "ndvi", "fire": "fire"}


@pytest.fixture(scope="module")
def server():
    with make_sandbox(simulation=Simulate(output_folder="", width=24, height=20)) as running:
        # A pause before each answer, so that kills also hit the waits.
        running.faults.add(Fault("/", times=10**9, delay_s=0.01))
        yield running


@pytest.fixture
def make_job(tmp_path):
    def make(name):
        config = {"downloader": {"type": "S1_SLC", "config": {"intersectsWith": LAND}}}
        return make_network_job(tmp_path / name, DAYS, config=config)

    return make


def start(request):
    process = subprocess.Popen(
        [sys.executable, "-I", str(LAUNCH_FILE), "engine", request.command],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8",
    )  # fmt: skip
    message = {"protocol": 1, "cancel_on_eof": True, "parameters": request.to_json()}
    process.stdin.write(json.dumps(message) + "\n")
    process.stdin.flush()
    return process


def finish(request):
    process = start(request)
    # The end of its input would cancel it.
    output = process.stdout.read()
    process.communicate(timeout=60)
    last = json.loads(output.splitlines()[-1])
    assert last["type"] == "result", last
    return last["result"]


def kill_after(request, seconds):
    """Kill the engine after so many seconds; False if it had ended by itself."""
    process = start(request)
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


def entries_of(job):
    """Section -> key -> entry without its time; every file of the folder is read on the way."""
    for path in job.rglob("*.json"):
        json.loads(path.read_text(encoding="utf-8"))
    path = job / QUALITY_CACHE_NAME
    document = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    found = {}
    for name in ("weather", "snow_modis", "landcover", "geometry", "ndvi", "fire"):
        rows = document.get(name, {})
        rows = rows.get("map", {}) if name == "ndvi" else rows
        found[name] = {
            key: {field: value for field, value in entry.items() if field != "_fetched_at"}
            for key, entry in rows.items()
        }
    return found


def bands_of(job):
    """Season -> bytes of its bands; a map that is not whole could not be read."""
    found = {}
    for (season, _), path in find_decay_maps(job).items():
        with rasterio.open(path) as raster:
            found[season] = raster.read().tobytes()
    return found


def test_kills_of_a_build_change_nothing(make_job, server, capsys):
    def request(job):
        endpoints = Endpoints.of_sandbox(server.base_url).to_json()
        return BuildPairDatabase(str(job), SOURCES, endpoints=endpoints)

    calm = make_job("calm")
    finish(request(calm))
    undisturbed, wanted = entries_of(calm), read_pair_database(calm)
    timed = make_job("timed")
    begun = time.monotonic()
    finish(request(timed))
    seconds = time.monotonic() - begun
    generator = np.random.default_rng()
    done = []
    while len(done) < KILLS // 2:
        job = make_job(f"job {len(done)}")
        moment = float(generator.uniform(0.15, 1.0)) * seconds
        if not kill_after(request(job), moment):
            continue
        known = entries_of(job)
        for name, rows in known.items():
            assert rows.items() <= undisturbed[name].items(), name
        database = read_pair_database(job)
        if database is not None and database.is_complete:
            assert database.scores == wanted.scores
        result = finish(request(job))
        for source, section in SECTIONS.items():
            lacked = len(undisturbed[section]) - len(known[section])
            assert result["fetched"].get(source, 0) == lacked, (source, moment)
        assert entries_of(job) == undisturbed
        last = read_pair_database(job)
        assert (last.scores, last.factors) == (wanted.scores, wanted.factors)
        assert result["failed"] == result["messages"] == []
        state = "none" if database is None else "complete" if database.is_complete else "begun"
        done.append((round(moment, 2), state, sum(len(rows) for rows in known.values())))
    with capsys.disabled():
        print(f"\nbuild of {seconds:.1f} s killed {len(done)} times (s, database, entries): {done}")


def test_kills_of_a_fetch_of_maps_change_nothing(make_job, server, capsys):
    def request(job):
        return FetchDecayMaps(job_folder=str(job), endpoints=Endpoints.of_sandbox(server.base_url).to_json())

    calm = make_job("calm")
    finish(request(calm))
    undisturbed = bands_of(calm)
    assert len(undisturbed) == 4
    timed = make_job("timed")
    begun = time.monotonic()
    finish(request(timed))
    seconds = time.monotonic() - begun
    generator = np.random.default_rng()
    done = []
    while len(done) < KILLS - KILLS // 2:
        job = make_job(f"job {len(done)}")
        moment = float(generator.uniform(0.15, 1.0)) * seconds
        if not kill_after(request(job), moment):
            continue
        known = bands_of(job)
        assert known.items() <= undisturbed.items()
        server.log.clear()
        rows = {row["season"]: row for row in finish(request(job))["seasons"]}
        assert {season for season, row in rows.items() if row["origin"] == "kept"} == set(known)
        asked = {entry["path"].split("_")[1] for entry in server.log.to_json() if "/s3/" in entry["path"]}
        assert asked == set(undisturbed) - set(known), moment
        assert bands_of(job) == undisturbed
        done.append((round(moment, 2), len(known)))
    with capsys.disabled():
        print(f"\nfetch of {seconds:.1f} s killed {len(done)} times (s, maps): {done}")

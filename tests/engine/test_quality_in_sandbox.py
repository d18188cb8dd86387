# SPDX-License-Identifier: GPL-2.0-or-later
"""The sources of pair quality against the sandbox's services, which have the shapes of the originals."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from datetime import date, datetime, timezone
from pathlib import Path

import numpy as np
import pytest

from insarhub_qgis.core.date_inputs import MODIS, SNOW, read_date_inputs
from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.job_config import JobConfig
from insarhub_qgis.core.progress import ignore_progress
from insarhub_qgis.core.quality_files import PAIR_DATABASE_NAME, QualityCache, read_pair_database
from insarhub_qgis.core.requests import BuildPairDatabase, Simulate
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine import pair_quality, quality_http
from insarhub_qgis.engine.land_cover_source import LandCoverSource
from insarhub_qgis.engine.quality_area import area_of_job
from insarhub_qgis.engine.quality_http import QualityDoor
from insarhub_qgis.engine.quality_sources import QualityStack
from insarhub_qgis.engine.snow_source import SnowSource
from insarhub_qgis.sandbox.land_cover_service import LandCoverService
from insarhub_qgis.sandbox.serve import make_sandbox
from insarhub_qgis.sandbox.service_state import Fault
from tests.makers.network_jobs import make_network_job
from tests.makers.waiting import holding, wait_until

NOW = datetime(2024, 6, 1, tzinfo=timezone.utc)
WINTER = (date(2020, 1, 10), date(2020, 1, 22))
ALL = ("weather", "snow", "landcover", "vegetation", "fire")


SMALL = {
    "downloader": {
        "type": "S1_SLC",
        "config": {
            "intersectsWith": "POLYGON((-120.95 54.05,-120.9 54.05,-120.9 54.1,-120.95 54.1,-120.95 54.05))"
        },
    }
}


def endpoints_of(server):
    return Endpoints.of_sandbox(server.base_url).to_json()


@pytest.fixture(scope="module")
def server():
    with make_sandbox(simulation=Simulate(output_folder="", width=100, height=80)) as running:
        yield running


@pytest.fixture(autouse=True)
def _fresh(server, monkeypatch):
    monkeypatch.setattr(quality_http, "RETRY_WAITS_S", (0.01, 0.01, 0.01))
    yield
    server.reset()


def stack_in(folder, wkt, days=WINTER):
    config = JobConfig({"downloader": {"type": "S1_SLC", "config": {"intersectsWith": wkt}}})
    return QualityStack(area_of_job(config, []), tuple(days), 5, QualityCache(folder), NOW)


def box(west, south, east, north):
    return f"POLYGON(({west} {south},{east} {south},{east} {north},{west} {north},{west} {south}))"


def fractions(folder, server, wkt):
    folder.mkdir()
    stack = stack_in(folder, wkt)
    with QualityDoor(Endpoints.of_sandbox(server.base_url)) as door:
        count = LandCoverSource().fetch(stack, door, ignore_progress)
    found = stack.cache.get("landcover", stack.area.hash, NOW)
    return None if not count else {name: value for name, value in found.items() if name.endswith("_frac")}


def expected(server, west, south, east, north, step_deg):
    """Shares of the classes at the middles of pixels, from the world itself."""
    (service,) = (each for each in server.services if isinstance(each, LandCoverService))
    world = service._world
    longitudes = np.arange(west + step_deg / 2, east, step_deg)
    latitudes = np.arange(north - step_deg / 2, south, -step_deg)
    classes = world.land_cover(longitudes, latitudes)
    return {number: float(np.mean(classes[classes > 0] == number)) for number in (10, 40, 80)}


# --- Land cover --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bounds",
    [(11.8, 47.8, 12.2, 48.2), (-0.2, 47.9, 0.2, 48.1), (11.0, 46.5, 11.3, 46.7)],
    ids=["corner of four tiles", "zero meridian", "one tile"],
)
def test_shares_of_land_cover_are_those_of_one_mosaic(tmp_path, server, bounds):
    found = fractions(tmp_path / "job", server, box(*bounds))
    assert sum(found.values()) == pytest.approx(1.0, abs=1e-4)
    wanted = expected(server, *bounds, 1 / 1500)
    shares = {10: found["tree_cover_frac"], 40: found["crop_frac"], 80: found["water_frac"]}
    assert shares == pytest.approx(wanted, abs=0.01)


def test_both_sides_of_a_tile_edge_add_up_to_the_whole(tmp_path, server):
    west, east, both = (
        fractions(tmp_path / str(number), server, box(x, 47.0, y, 47.2))
        for number, (x, y) in enumerate([(11.9, 12.0), (12.0, 12.1), (11.9, 12.1)])
    )
    for name, value in both.items():
        assert value == pytest.approx((west[name] + east[name]) / 2, abs=2e-4), name


def test_a_tiny_area_has_the_class_of_its_pixel(tmp_path, server):
    found = fractions(tmp_path / "job", server, box(11.50002, 46.50002, 11.50004, 46.50004))
    assert sorted(found.values())[-1] == 1.0


@pytest.mark.parametrize(
    "bounds", [(-40.0, 30.0, -39.8, 30.2), (10.0, 85.0, 11.0, 85.5)], ids=["sea", "pole"]
)
def test_without_tiles_nothing_is_kept(tmp_path, server, bounds):
    assert fractions(tmp_path / "job", server, box(*bounds)) is None
    assert not (tmp_path / "job" / ".insarhub_quality_cache.json").exists()


def test_a_tile_that_fails_keeps_no_half_answer(tmp_path, server):
    server.faults.add(Fault("/v200/2021/map/ESA_WorldCover_10m_2021_v200_N48E012", times=99, status=503))
    with pytest.raises(InsarError) as caught:
        fractions(tmp_path / "job", server, box(11.9, 47.9, 12.1, 48.1))
    assert caught.value.code == "archive.down"
    assert not (tmp_path / "job" / ".insarhub_quality_cache.json").exists()


# --- Snow --------------------------------------------------------------------------------------------


def test_snow_of_modis_stands_in_where_it_was_seen(tmp_path, server):
    days = tuple(date(2020, 1, 4 + 2 * number) for number in range(8))
    stack = stack_in(tmp_path, box(25.0, 60.5, 25.2, 60.6), days)
    with QualityDoor(Endpoints.of_sandbox(server.base_url)) as door:
        kept = SnowSource().fetch(stack, door, ignore_progress)
    assert 0 < kept <= len(days)
    assert SnowSource().missing(stack) == len(days) - kept
    inputs = read_date_inputs(stack.cache, stack.area.points, days, 5, use_modis_snow=True, now=NOW)
    seen = [source == MODIS for source in inputs.sources[SNOW]]
    assert sum(seen) == kept
    assert np.array_equal(np.isfinite(inputs.snow_cover), seen)
    assert np.nanmin(inputs.snow_cover) >= 0.0
    assert np.nanmax(inputs.snow_cover) <= 1.0


# --- All of them -------------------------------------------------------------------------------------


def test_with_all_sources_nothing_is_missing(tmp_path, server):
    job = make_network_job(tmp_path / "job", [0, 12, 24, 36])
    request = BuildPairDatabase(str(job), ALL, endpoints=Endpoints.of_sandbox(server.base_url).to_json())
    result = pair_quality.run(request, RunContext())
    assert (result["missing"], result["degraded"], result["failed"]) == ({}, 0, [])
    assert result["decay"] == {"landcover": 6}
    assert set(result["fetched"]) == set(ALL)
    document = json.loads((job / PAIR_DATABASE_NAME).read_text(encoding="utf-8"))
    assert set(next(iter(document["factors"].values()))) == {
        "dt_days", "bperp_diff", "coherence_expected", "snow_cover_d1", "snow_cover_d2", "precip_3d_d1",
        "precip_3d_d2", "score",
    }  # fmt: skip
    again = pair_quality.run(request, RunContext())
    assert {name: count for name, count in again["fetched"].items() if count} == {}
    assert again["is_new"] is False


def test_a_cancel_is_heard_while_a_raster_is_slow(tmp_path, server):
    # Behind the first request the reads are GDAL's, which cannot be interrupted.
    gets = []

    def is_held(request):
        if request.method == "GET" and request.path.startswith("/v200"):
            gets.append(request.path)
        return len(gets) > 1

    stack = stack_in(tmp_path, box(11.0, 46.5, 11.3, 46.7))
    with (
        holding(server, is_held) as held,
        QualityDoor(Endpoints.of_sandbox(server.base_url), held.arrived.is_set) as door,
        pytest.raises(InsarError) as caught,
    ):
        LandCoverSource().fetch(stack, door, ignore_progress)
    assert caught.value.code == "run.cancelled"


@pytest.fixture(scope="module")
def undisturbed(server, tmp_path_factory):
    """Scores and fetched entries of a build that nothing happened to."""
    job = make_network_job(tmp_path_factory.mktemp("calm") / "job", [0, 12, 24], config=SMALL)
    result = pair_quality.run(BuildPairDatabase(str(job), ALL, endpoints=endpoints_of(server)), RunContext())
    return read_pair_database(job).scores, result["fetched"]


@pytest.mark.parametrize("phase", [*ALL, pair_quality.MAPS, pair_quality.PAIRS])
def test_a_cancel_at_each_phase_keeps_what_came_and_the_next_build_goes_on(
    tmp_path, server, undisturbed, phase
):
    job = make_network_job(tmp_path / "job", [0, 12, 24], config=SMALL)
    request = BuildPairDatabase(str(job), ALL, endpoints=endpoints_of(server))
    pressed, done = threading.Event(), {}

    def hear(item):
        if item.get("state") == "done":
            done[item["phase"]] = item["fetched"]
        elif item.get("phase") == phase:
            pressed.set()

    with pytest.raises(InsarError) as caught:
        pair_quality.run(request, RunContext(item=hear, is_cancelled=pressed.is_set))
    assert caught.value.code == "run.cancelled"
    document = json.loads((job / PAIR_DATABASE_NAME).read_text(encoding="utf-8"))
    assert document["_complete"] is False
    assert "scores" not in document
    result = pair_quality.run(request, RunContext())
    scores, fetched = undisturbed
    assert result["state"] == "incomplete"
    for source, count in fetched.items():
        assert done.get(source, 0) + result["fetched"].get(source, 0) == count, source
    assert read_pair_database(job).scores == scores


def test_a_killed_build_goes_on_where_it_was(tmp_path, server):
    job = make_network_job(tmp_path / "job", [0, 12, 24, 36])
    endpoints = Endpoints.of_sandbox(server.base_url).to_json()
    request = BuildPairDatabase(str(job), ("weather", "vegetation"), endpoints=endpoints)
    program = (
        "import json, sys\n"
        "from insarhub_qgis.core.requests import BuildPairDatabase\n"
        "from insarhub_qgis.core.run_context import RunContext\n"
        "from insarhub_qgis.engine import pair_quality\n"
        "pair_quality.run(BuildPairDatabase.from_json(json.load(sys.stdin)), RunContext())\n"
    )
    root = Path(pair_quality.__file__).resolve().parents[2]
    with (
        holding(server, lambda request: request.path.startswith("/rst")),
        subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, cwd=root, text=True
        ) as process,
    ):
        process.stdin.write(json.dumps(request.to_json()))
        process.stdin.close()
        wait_until(lambda: QualityCache(job).path.exists(), "the cache")
        process.kill()
    document = json.loads((job / PAIR_DATABASE_NAME).read_text(encoding="utf-8"))
    assert document["_complete"] is False
    result = pair_quality.run(request, RunContext())
    assert (result["state"], result["fetched"]) == ("incomplete", {"vegetation": 20})
    assert json.loads((job / PAIR_DATABASE_NAME).read_text(encoding="utf-8"))["_complete"] is True


@pytest.mark.parametrize(
    ("wkt", "source"),
    [
        (box(179.7, -17.2, 180.3, -16.8), "landcover"),
        (box(12.0, 85.0, 13.0, 85.4), "climatology"),
        (box(-40.0, 30.0, -39.8, 30.2), "climatology"),
    ],
    ids=["antimeridian, south", "above 84 N", "open sea"],
)
def test_odd_places_are_judged_by_what_there_is(tmp_path, server, wkt, source):
    config = {"downloader": {"type": "S1_SLC", "config": {"intersectsWith": wkt}}}
    job = make_network_job(tmp_path / "job", [0, 12, 24], config=config)
    endpoints = Endpoints.of_sandbox(server.base_url).to_json()
    result = pair_quality.run(
        BuildPairDatabase(str(job), ("weather", "landcover"), endpoints=endpoints), RunContext()
    )
    assert result["failed"] == []
    assert result["decay"] == {source: 3}
    assert not {"rain_1", "rain_2", "freeze_thaw"} & set(result["missing"])

# SPDX-License-Identifier: GPL-2.0-or-later
"""The build of the pair database: complete, interrupted, grown, offline; and the editor reads what it wrote."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
import rasterio

from insarhub_qgis.core import decay_sources, network_files
from insarhub_qgis.core.atomic_files import file_lock
from insarhub_qgis.core.coherence_decay import coherence_after
from insarhub_qgis.core.decay_map_files import NODATA, SEASONS, decay_map_file
from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.network_files import load_network
from insarhub_qgis.core.pair_explanation import explain_pair
from insarhub_qgis.core.pair_score import PRESETS, count_missing
from insarhub_qgis.core.pair_table_files import KEPT_INPUTS_NAME, read_stack_quality
from insarhub_qgis.core.quality_files import (
    PAIR_DATABASE_NAME,
    QUALITY_CACHE_NAME,
    QualityCache,
    aoi_hash,
    ndvi_key,
    read_pair_database,
    weather_key,
)
from insarhub_qgis.core.requests import BuildPairDatabase, ReweightPairDatabase
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.core.search_answer import SEARCH_ANSWER_NAME
from insarhub_qgis.engine import pair_quality, quality_http
from insarhub_qgis.sandbox.server import SandboxServer
from insarhub_qgis.sandbox.service_state import Fault
from tests.makers.network_jobs import AOI, FIRST_DAY, make_network_job, scene_name
from tests.makers.quality_service import PredictableService

DAYS = [12 * number for number in range(10)]
PAIRS = len(DAYS) * (len(DAYS) - 1) // 2
SOURCES = ("weather", "vegetation")
#: Sample points of the area of the job.
POINTS = [(54.25, -120.5), (54.125, -120.75), (54.125, -120.25), (54.375, -120.75), (54.375, -120.25)]


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    monkeypatch.setattr(quality_http, "RETRY_WAITS_S", (0.01, 0.01, 0.01))


@pytest.fixture
def server():
    with SandboxServer([PredictableService()]) as running:
        yield running


@pytest.fixture
def job(tmp_path):
    return make_network_job(tmp_path / "job é", DAYS, pairs=[(0, 1), (1, 2)])


@pytest.fixture
def build(job, server):
    def run(sources=SOURCES, context=None, **values):
        endpoints = Endpoints.of_sandbox(server.base_url).to_json()
        request = BuildPairDatabase(str(job), tuple(sources), endpoints=endpoints, **values)
        return pair_quality.run(request, context or RunContext())

    return run


def document_of(job):
    return json.loads((job / PAIR_DATABASE_NAME).read_text(encoding="utf-8"))


def write_maps(job, g_inf=0.3, g0=0.8, tau=30.0, tags=None):
    """Decay maps of one value over the area, with nodata in the western half."""
    for season in SEASONS:
        path = decay_map_file(job, season, "vv")
        path.parent.mkdir(exist_ok=True)
        values = np.stack([np.full((50, 100), value, dtype=np.float32) for value in (g_inf, g0, tau)])
        values[:, :, :50] = NODATA
        with rasterio.open(
            path, "w", driver="GTiff", dtype="float32", count=3, height=50, width=100, crs="EPSG:4326",
            transform=rasterio.Affine(0.01, 0, -121, 0, -0.01, 54.5), nodata=NODATA,
        ) as raster:  # fmt: skip
            raster.write(values)
            raster.update_tags(**(tags or {}))


# --- A build -----------------------------------------------------------------------------------------


def test_all_pairs_are_scored_and_the_files_say_how(build, job):
    result = build()
    assert (result["state"], result["is_new"], result["pairs"], result["dates"]) == (
        "missing",
        True,
        PAIRS,
        10,
    )
    assert sum(result["counts"].values()) == PAIRS
    assert result["counts"]["unknown"] == 0
    assert result["missing"] == {"fire": PAIRS}
    assert result["decay"] == {"climatology": PAIRS}
    assert (result["failed"], result["hosts"], result["messages"]) == ([], [], [])
    assert result["fetched"] == {"weather": 50, "vegetation": 50}
    document = document_of(job)
    assert document["_complete"] is True
    assert len(document["scores"]) == len(document["factors"]) == document["_n_pairs"] == PAIRS
    quality = json.loads((job / "insarhub_config.json").read_text(encoding="utf-8"))["insarhub_qgis"][
        "quality"
    ]
    assert (quality["preset"], quality["statistic"], quality["missing"]) == (
        "standard",
        "median",
        {"fire": PAIRS},
    )
    assert quality["aoi_hash"] == aoi_hash(AOI)


def test_the_editor_reads_scores_and_coherence_of_the_database(build, job):
    write_maps(job)
    build()
    database = read_pair_database(job)
    network = load_network(job).network
    assert len(network.scores) == len(network.coherences) == PAIRS
    pair = network.pair((0, 1))
    (granules,) = network.granule_pairs((0, 1))
    assert pair.score == database.scores[granules]
    assert pair.coherence == pytest.approx(coherence_after(0.3, 0.8, 30.0, 12), abs=5e-4)
    # A pair that is not in the network has its score as well, for those who add it.
    assert network.pair((3, 7)).score is not None


def test_a_second_build_asks_nobody_and_writes_nothing(build, job, server):
    build()
    before = (job / PAIR_DATABASE_NAME).stat().st_mtime_ns
    server.log.clear()
    result = build()
    assert (result["state"], result["is_new"], result["fetched"]) == ("current", False, {})
    assert server.log.to_json() == []
    assert (job / PAIR_DATABASE_NAME).stat().st_mtime_ns == before


def test_new_scenes_are_fetched_alone_and_old_scores_stay(build, job, server, tmp_path):
    build()
    old = document_of(job)["scores"]
    server.log.clear()
    days = [*DAYS, 120]
    bperp = list(json.loads((job / "stack_p0_f0.json").read_text(encoding="utf-8"))["baselines"].values())
    make_network_job(job, days, [*bperp, 10.0], config=json.loads((job / "insarhub_config.json").read_text()))
    result = build()
    assert (result["state"], result["fetched"]) == ("grown", {"weather": 5, "vegetation": 5})
    (path,) = [entry["path"] for entry in server.log.to_json() if entry["path"].startswith("/v1/")]
    assert "start_date=2018-04-29&end_date=2018-05-01" in path
    grown = document_of(job)["scores"]
    assert len(grown) == 55
    assert {key: grown[key] for key in old} == old


def test_other_weights_need_no_service(build, job, server):
    build()
    server.log.clear()
    result = build(preset="coherence_only")
    assert (result["state"], result["is_new"], result["fetched"]) == ("reweighted", True, {})
    assert server.log.to_json() == []
    assert build(preset="coherence_only")["state"] == "current"
    assert build(weights={"rain": 0.1})["state"] == "reweighted"


def test_another_area_makes_the_database_outdated(build, job):
    build()
    path = job / "insarhub_config.json"
    path.write_text(path.read_text(encoding="utf-8").replace("54.5", "54.6"), encoding="utf-8")
    assert build()["state"] == "outdated"


# --- Decay -------------------------------------------------------------------------------------------


def test_maps_count_before_land_cover_before_latitude(build, job):
    cover = {"urban_frac": 1.0}
    cache = QualityCache(job)
    cache.put("landcover", aoi_hash(AOI), cover)
    cache.save()
    assert build()["decay"] == {"landcover": PAIRS}
    write_maps(job)
    result = build()
    assert (result["state"], result["decay"]) == ("outdated", {"s1_pixel": PAIRS})


def test_maps_of_another_area_are_not_used_and_told(build, job):
    write_maps(job, tags={"AOI_HASH": "00000000", "LEVELS": "6,12", "ALGORITHM": "x"})
    result = build()
    assert result["decay"] == {"climatology": PAIRS}
    assert {message["code"] for message in result["messages"]} == {"decay.other_area"}
    write_maps(job, tags={"AOI_HASH": aoi_hash(AOI)})
    assert build()["decay"] == {"s1_pixel": PAIRS}


def test_a_damaged_map_is_told_and_the_others_count(build, job):
    write_maps(job)
    decay_map_file(job, "summer", "vv").write_bytes(b"no raster")
    result = build()
    assert {message["code"] for message in result["messages"]} == {"decay.unreadable"}
    # January to April are of two seasons that are there.
    assert result["decay"]["s1_pixel"] == PAIRS


def test_without_an_area_the_common_footprint_counts_and_is_told(build, job):
    (job / "insarhub_config.json").write_text("{}", encoding="utf-8")
    result = build()
    assert result["area"] == "footprint"
    assert {message["code"] for message in result["messages"]} == {"quality.area_of_scenes"}
    assert result["counts"]["unknown"] == 0


def test_without_any_place_all_scores_are_unknown(build, job):
    (job / "insarhub_config.json").write_text("{}", encoding="utf-8")
    (job / SEARCH_ANSWER_NAME).unlink()
    result = build()
    assert (result["area"], result["fetched"]) == ("", {})
    assert result["counts"] == {"green": 0, "yellow": 0, "red": 0, "unknown": PAIRS}
    assert {message["code"] for message in result["messages"]} == {"quality.no_area"}
    assert document_of(job)["scores"] == {}


# --- Faults ------------------------------------------------------------------------------------------


def test_with_every_service_down_the_build_says_unknown_and_recovers(build, job, server):
    server.faults.add(Fault("/", times=99, status=503))
    result = build()
    assert {entry["source"] for entry in result["failed"]} == set(SOURCES)
    assert result["hosts"] == [server.base_url.removeprefix("http://")]
    assert set(result["missing"]) == {
        "rain_1", "rain_2", "snow_change", "dry_snow", "freeze_thaw", "vegetation", "fire",
    }  # fmt: skip
    assert not (job / QUALITY_CACHE_NAME).exists(), "a failure is not kept"
    assert document_of(job)["_complete"] is True
    server.faults.clear()
    result = build()
    assert (result["state"], result["is_new"], result["missing"]) == ("current", True, {"fire": PAIRS})


def test_one_service_that_fails_takes_nothing_from_the_others(build, server):
    server.faults.add(Fault("/rst", times=99, status=200, body="<html>"))
    result = build()
    assert result["missing"] == {"vegetation": PAIRS, "fire": PAIRS}
    assert [entry["code"] for entry in result["failed"]] == ["archive.not_json"]


def test_without_a_network_the_first_host_alone_costs_waits(job, monkeypatch):
    monkeypatch.setattr(quality_http, "RETRY_WAITS_S", (0.01, 0.01, 0.01))
    request = BuildPairDatabase(
        str(job), SOURCES, endpoints=Endpoints.of_sandbox("http://127.0.0.1:9").to_json()
    )
    logs = []
    result = pair_quality.run(request, RunContext(log=lambda text, level="info": logs.append(text)))
    assert sum("next attempt" in text for text in logs) == 3
    assert [entry["code"] for entry in result["failed"]] == ["network.offline"] * 2


@pytest.mark.parametrize("after", ["/v1/archive", "/rst"])
def test_a_cancel_keeps_what_came_and_the_next_build_goes_on(build, job, server, after):
    def is_cancelled():
        return any(after in entry["path"] for entry in server.log.to_json())

    with pytest.raises(InsarError) as caught:
        build(context=RunContext(is_cancelled=is_cancelled))
    assert caught.value.code == "run.cancelled"
    document = document_of(job)
    assert document["_complete"] is False
    assert "scores" not in document
    known = json.loads((job / QUALITY_CACHE_NAME).read_text()) if (job / QUALITY_CACHE_NAME).exists() else {}
    kept = len(known.get("weather", {}))
    assert kept == (50 if after == "/rst" else kept)
    server.log.clear()
    result = build()
    assert result["state"] == "incomplete"
    assert result["fetched"].get("weather", 0) == 50 - kept
    assert document_of(job)["_complete"] is True


def test_a_second_build_at_the_same_time_is_refused(build, job):
    with file_lock(job / pair_quality.LOCK_NAME, pair_quality.OWNER), pytest.raises(InsarError) as caught:
        build()
    assert caught.value.code == "quality.already_building"
    assert build()["is_new"] is True


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"sources": ("weather", "moon")}, "quality.unknown_source"),
        ({"preset": "sunny"}, "quality.unknown_preset"),
        ({"weights": {"rain": 2.0}}, "quality.bad_weight"),
        ({"weights": {"wind": 0.2}}, "quality.bad_weight"),
    ],
)
def test_bad_parameters_are_refused_before_anything_is_written(build, job, values, code):
    with pytest.raises(InsarError) as caught:
        build(**values)
    assert caught.value.code == code
    assert not (job / PAIR_DATABASE_NAME).exists()


def test_one_date_has_no_pairs(tmp_path):
    job = make_network_job(tmp_path / "one", [0])
    with pytest.raises(InsarError) as caught:
        pair_quality.run(BuildPairDatabase(str(job), ()), RunContext())
    assert caught.value.code == "quality.few_dates"


def test_damaged_files_are_set_aside_and_told(build, job):
    (job / PAIR_DATABASE_NAME).write_text("{", encoding="utf-8")
    (job / QUALITY_CACHE_NAME).write_text("[1", encoding="utf-8")
    result = build()
    assert [message["code"] for message in result["messages"]] == ["quality.damaged_file"] * 2
    assert document_of(job)["_complete"] is True
    assert len(list(job.glob("*.bak"))) == 2


def test_rows_and_phases_come_as_items(build):
    items = []
    build(context=RunContext(item=items.append), give_rows=True)
    phases = [(item["phase"], item["state"]) for item in items if "phase" in item]
    assert phases == [
        ("weather", "running"), ("weather", "done"), ("vegetation", "running"), ("vegetation", "done"),
        ("maps", "running"), ("maps", "done"), ("pairs", "running"), ("pairs", "done"),
    ]  # fmt: skip
    (rows,) = [item["rows"] for item in items if "rows" in item]
    assert len(rows) == PAIRS
    assert rows[0][:3] == [scene_name(0), scene_name(12), 12]
    assert rows[0][-1] == ["fire"]


def test_fires_without_a_key_are_missing_and_told(job):
    request = BuildPairDatabase(str(job), ("fire",))
    result = pair_quality.run(request, RunContext())
    assert [message["code"] for message in result["messages"]] == ["quality.no_map_key"]
    assert result["missing"]["fire"] == PAIRS


# --- What the editor reads ---------------------------------------------------------------------------


def assert_same_as_database(job):
    """Every pair of the database comes out of the files with the same score and factors; gives the table."""
    database = read_pair_database(job)
    found = read_stack_quality(job)
    assert found.problems == ()
    scores, factors = found.table.documents()
    assert scores == pytest.approx(database.scores, abs=1e-9)
    assert {pair: rounded(item) for pair, item in factors.items()} == dict(database.factors)
    return found


def rounded(item):
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in item.items()}


def signatures_of(monkeypatch):
    """Count the signatures that are evaluated."""
    counted = []
    original = decay_sources.coherence_statistics

    def count(parameters, days, is_cancelled):
        counted.append(len(days))
        return original(parameters, days, is_cancelled)

    monkeypatch.setattr(decay_sources, "coherence_statistics", count)
    return counted


@pytest.mark.parametrize("has_maps", [True, False], ids=["maps", "latitude"])
def test_without_rasters_every_pair_has_the_score_of_the_database(job, server, has_maps):
    if has_maps:
        write_maps(job)
    server.services[0].fires = [(date(2018, 2, 1), 54.25, -120.5, "n"), (date(2018, 3, 3), 54.4, -120.2, "h")]
    endpoints = Endpoints.of_sandbox(server.base_url).to_json()
    result = pair_quality.run(
        BuildPairDatabase(str(job), (*SOURCES, "fire"), preset="cold", endpoints=endpoints), RunContext()
    )
    assert result["missing"] == {}
    found = assert_same_as_database(job)
    assert found.state((*SOURCES, "fire")) == "current"
    assert found.table.pairs.weights == PRESETS["cold"]
    assert len(found.table.pairs) == PAIRS
    assert float(np.nanmax(found.table.pairs.burned_share)) > 0
    verdict = found.table.verdict(0, 3)
    assert verdict.source == ("s1_pixel" if has_maps else "climatology")
    assert explain_pair(found.table.pairs, found.table.row(0, 3)).largest


def test_no_raster_library_is_loaded_to_read_the_scores(build, job):
    build()
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path\n"
        "from insarhub_qgis.core.pair_table_files import read_stack_quality\n"
        "assert read_stack_quality(Path(sys.argv[2])).has_scores\n"
        "print([name for name in ('rasterio', 'shapely', 'osgeo', 'qgis', 'insarhub_qgis.engine') if name in sys.modules])"
    )
    root = Path(pair_quality.__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code, str(root), str(job)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_answers_that_expired_since_count_as_in_the_database(build, job, server, monkeypatch):
    server.services[0].today = date(2018, 4, 20)
    long_ago = datetime(2018, 4, 20, 12, tzinfo=timezone.utc)

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return long_ago

    monkeypatch.setattr(pair_quality, "datetime", Clock)
    build()
    monkeypatch.undo()
    cache = json.loads((job / QUALITY_CACHE_NAME).read_text(encoding="utf-8"))
    assert any(entry.get("provisional") for entry in cache["weather"].values())
    # Provisional weather is good for a week, and years have gone by.
    found = assert_same_as_database(job)
    assert "rain_1" not in count_missing(found.table.pairs.missing)


def test_only_new_signatures_are_evaluated(build, job, monkeypatch):
    write_maps(job)
    counted = signatures_of(monkeypatch)
    build()
    first = sum(counted)
    counted.clear()
    build(preset="arid")
    assert sum(counted) == 0
    days = [*DAYS, 126]
    config = json.loads((job / "insarhub_config.json").read_text(encoding="utf-8"))
    make_network_job(job, days, config=config)
    assert build()["state"] == "grown"
    assert 0 < sum(counted) <= len(DAYS) < first
    assert_same_as_database(job)
    # Other maps are other sources: all are evaluated again.
    write_maps(job, g_inf=0.4)
    counted.clear()
    assert build()["state"] == "outdated"
    assert sum(counted) > first
    assert_same_as_database(job)


def test_a_file_that_is_gone_or_damaged_comes_back(build, job):
    build()
    (job / KEPT_INPUTS_NAME).unlink()
    assert read_stack_quality(job).state(SOURCES) == "outdated"
    assert build()["is_new"] is False
    assert_same_as_database(job)
    (job / KEPT_INPUTS_NAME).write_bytes(b"PK no archive")
    scores = read_pair_database(job).scores
    network = load_network(job)
    assert [error.code for error in network.problems] == ["file.malformed"]
    assert len(network.network.scores) == len(scores)
    result = build(preset="arid")
    assert {message["code"] for message in result["messages"]} == {"file.malformed"}
    assert_same_as_database(job)


def test_the_network_has_scores_of_all_pairs_without_reading_the_database(build, job, monkeypatch):
    build()
    scores = read_pair_database(job).scores
    monkeypatch.setattr(network_files, "read_pair_database", lambda _: pytest.fail("read"))
    network = load_network(job).network
    keys = [(one, other) for one in range(10) for other in range(one + 1, 10)]
    wanted = {key: scores[network.granule_pairs(key)[0]] for key in keys}
    assert dict(network.scores) == pytest.approx(wanted, abs=1e-9)


def test_what_is_due_is_seen_without_the_engine(build, job, server):
    def state(sources=SOURCES, now=None):
        return read_stack_quality(job).state(sources, now)

    assert state() == "missing"
    server.faults.add(Fault("/rst", times=99, status=503))
    build()
    # A source that did not answer may be asked again at once.
    assert state() == "lacking"
    server.faults.clear()
    build()
    assert state() == "current"
    assert state((*SOURCES, "fire")) == "lacking"
    assert state(("landcover",)) == "lacking"
    config = job / "insarhub_config.json"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("54.5", "54.6"), encoding="utf-8")
    assert state() == "outdated"
    config.write_text(text, encoding="utf-8")
    write_maps(job)
    assert state() == "outdated"
    build()
    assert state() == "current"
    make_network_job(job, [*DAYS, 126], config=json.loads(config.read_text(encoding="utf-8")))
    assert state() == "grown"


def test_other_sources_are_other_scores(build, job, server):
    server.services[0].fires = [(date(2018, 2, 1), 54.25, -120.5, "n")]
    build((*SOURCES, "fire"))
    with_fire = read_pair_database(job).scores
    server.log.clear()
    # Fires that are known count only when they are wanted, and the files agree about it.
    result = build()
    assert (result["state"], result["is_new"], server.log.to_json()) == ("current", True, [])
    assert result["missing"] == {"fire": PAIRS}
    found = assert_same_as_database(job)
    assert (found.kept.sources, found.table.inputs.fires) == (SOURCES, None)
    build((*SOURCES, "fire"))
    assert read_pair_database(job).scores == with_fire
    assert server.log.to_json() == []


def test_without_a_key_fires_count_as_never_asked(job):
    pair_quality.run(BuildPairDatabase(str(job), ("fire",)), RunContext())
    assert read_stack_quality(job).state(("fire",)) == "lacking"


def test_days_that_the_archive_lacks_are_asked_again_after_five_days(build, job, server):
    service = server.services[0]
    service.archive_until = service.today = date(2018, 3, 1)
    build()
    now = datetime.now(timezone.utc)
    found = read_stack_quality(job)
    assert found.state(SOURCES, now) == "current"
    assert found.state(SOURCES, now + timedelta(days=5, minutes=1)) == "lacking"


def test_a_cancelled_build_leaves_the_scores_of_before_to_the_editor(build, job, server):
    build()
    before = dict(read_stack_quality(job).table.scores)
    make_network_job(
        job, [*DAYS, 132], config=json.loads((job / "insarhub_config.json").read_text(encoding="utf-8"))
    )
    server.log.clear()
    with pytest.raises(InsarError):
        build(context=RunContext(is_cancelled=lambda: bool(server.log.to_json())))
    found = read_stack_quality(job)
    assert found.state(SOURCES) == "incomplete"
    assert {pair: found.table.scores[pair] for pair in before} == before


# --- Other weights -----------------------------------------------------------------------------------


def reweighted(job, preset="standard", weights=None):
    return pair_quality.reweight(ReweightPairDatabase(str(job), preset, weights or {}), RunContext())


def test_other_weights_are_kept_without_any_service(build, job, server):
    write_maps(job)
    build()
    before = read_pair_database(job).scores
    server.log.clear()
    result = reweighted(job, weights={"rain": 1.0})
    assert (result["is_new"], server.log.to_json()) == (True, [])
    assert result["pairs"] == sum(result["counts"].values()) == PAIRS
    found = assert_same_as_database(job)
    after = read_pair_database(job).scores
    assert all(after[pair] <= score for pair, score in before.items())
    assert after != before
    assert (found.section["preset"], found.section["weights"]["rain"]) == ("own", 1.0)
    assert found.state(SOURCES) == "current"
    # A build that knows these weights finds nothing to do; one that wants others scores again.
    assert build(weights={"rain": 1.0})["state"] == "current"
    assert build()["state"] == "reweighted"
    assert read_pair_database(job).scores == before


def test_other_weights_make_no_database_complete(build, job, server):
    build()
    make_network_job(
        job, [*DAYS, 132], config=json.loads((job / "insarhub_config.json").read_text(encoding="utf-8"))
    )
    before = (job / PAIR_DATABASE_NAME).read_bytes()
    assert reweighted(job, weights={"rain": 1.0})["is_new"] is False
    assert (job / PAIR_DATABASE_NAME).read_bytes() == before
    found = read_stack_quality(job)
    # The scene that came is still to be asked for, and then judged with these weights.
    assert found.state(SOURCES) == "grown"
    assert found.table.pairs.weights.rain == 1.0
    assert build(weights={"rain": 1.0})["state"] == "grown"
    assert_same_as_database(job)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({}, "quality.not_built"),
        ({"preset": "sunny"}, "quality.unknown_preset"),
        ({"weights": {"snow_change": -0.1}}, "quality.bad_weight"),
    ],
)
def test_weights_without_a_build_are_refused(job, values, code):
    with pytest.raises(InsarError) as caught:
        reweighted(job, **values)
    assert caught.value.code == code
    assert not (job / PAIR_DATABASE_NAME).exists()


def test_weights_wait_for_no_other_build(build, job):
    build()
    with file_lock(job / pair_quality.LOCK_NAME, pair_quality.OWNER), pytest.raises(InsarError) as caught:
        reweighted(job)
    assert caught.value.code == "quality.already_building"


@pytest.mark.skipif(not hasattr(os, "nice"), reason="priorities of Unix")
def test_a_build_in_the_background_leaves_the_processor_to_others(job):
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1])\n"
        "from insarhub_qgis.core.requests import BuildPairDatabase\n"
        "from insarhub_qgis.core.run_context import RunContext\n"
        "from insarhub_qgis.engine import pair_quality\n"
        "before = os.nice(0)\n"
        "for is_background in (False, True):\n"
        "    pair_quality.run(BuildPairDatabase(sys.argv[2], (), is_background=is_background), RunContext())\n"
        "    print(os.nice(0) - before)\n"
    )
    root = Path(pair_quality.__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code, str(root), str(job)], capture_output=True, text=True, check=True
    )
    assert [int(line) > 0 for line in done.stdout.split()] == [False, True]


# --- Many dates -------------------------------------------------------------------------------------------


def test_300_dates_with_cached_inputs_ask_no_service(tmp_path):
    days = np.cumsum(np.random.default_rng(2).choice([6, 12], 300, p=[0.6, 0.4])).tolist()
    job = make_network_job(tmp_path / "large", days)
    write_maps(job)
    rng = np.random.default_rng(5)
    cache = QualityCache(job)
    now = datetime.now(timezone.utc)
    for number in days:
        day = date.fromordinal(FIRST_DAY.toordinal() + number)
        for point in POINTS:
            weather = {
                "precip_3d_mm": float(rng.exponential(6)),
                "temp_overpass_c": 4.0,
                "soil_temp_c": 5.0,
                "snow_depth_m": 0.0,
                "overpass_hour_utc": 5,
            }
            cache.put("weather", weather_key(*point, day), weather, now)
            cache.put("ndvi", ndvi_key(*point, day), {"ndvi": 0.4, "source": "made"}, now)
    cache.save()
    result = pair_quality.run(BuildPairDatabase(str(job), SOURCES), RunContext())
    assert (result["pairs"], result["fetched"]) == (44_850, {})
    assert set(result["missing"]) == {"fire"}
    assert (job / PAIR_DATABASE_NAME).stat().st_size < 20_000_000
    assert len(read_stack_quality(job).table.scores) == 44_850

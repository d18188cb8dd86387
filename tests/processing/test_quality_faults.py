# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults of pair quality and decay maps through their algorithms: what the person reads, what is left, and that it recovers.

``INSARHUB_QUALITY_FAULTS_TABLE=FILE`` writes the sentences as they were printed, as a table.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsProcessingUtils

from insarhub_qgis.core.decay_map_files import SEASONS, decay_map_file
from insarhub_qgis.core.quality_files import PAIR_DATABASE_NAME, QUALITY_CACHE_NAME, weather_key
from insarhub_qgis.host.settings import settings
from tests.makers.network_jobs import FIRST_DAY, make_network_job
from tests.makers.printed_sentences import assert_is_a_sentence
from tests.makers.sandbox_server import running_sandbox
from tests.makers.waiting import NEVER_S
from tests.processing.test_bad_input import disk, fill, wait_for
from tests.processing.test_hyp3_faults import Run, Service
from tests.processing.test_search_faults import without_network

gdal.UseExceptions()

SOURCES = ("weather", "landcover", "vegetation", "snow", "fire")
ROUTES = {
    "weather": "/v1/",
    "landcover": "/v200",
    "vegetation": "/rst",
    "snow": "/api/stac",
    "fire": "/api/area",
    "coherence": "/s3/",
}
#: Section of the cache that a source fills.
SECTIONS = {
    "weather": "weather",
    "landcover": "landcover",
    "vegetation": "ndvi",
    "snow": "snow_modis",
    "fire": "fire",
}
HTML = "<html><body>Please sign in to the network</body></html>"
ASKED_S = 3.0
FAULTS = {
    "down (503)": {"status": 503, "times": 999},
    "429, Retry-After 3": {"status": 429, "retry_after_s": ASKED_S},
    "wrong JSON": {"status": 200, "body": "[3]", "times": 999},
    "HTML instead of an answer": {"status": 200, "body": HTML, "content_type": "text/html", "times": 999},
    "stream cut": {"truncate_after": 40, "times": 999},
}
#: Longer than anybody waits: a run that was cancelled must have ended before.
SLOW_S = NEVER_S


def box(west, south, east, north):
    return f"POLYGON(({west} {south},{east} {south},{east} {north},{west} {north},{west} {south}))"


#: Land in Canada, small enough for one place of weather.
LAND = box(-120.95, 54.05, -120.9, 54.1)
DAYS = (0, 12, 24)
TILE = "/s3/sentinel-1-global-coherence-earthbigdata/data/tiles"


# --- Runs and what they leave ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def table():
    """Rows (case, sentence, what is left)."""
    rows = []
    yield rows
    target = os.environ.get("INSARHUB_QUALITY_FAULTS_TABLE")
    if target and rows:
        lines = ["| case | printed sentence | what is left |", "|---|---|---|"]
        lines += [
            f"| {' | '.join(' '.join(text.replace('|', '/').split()) for text in row)} |"
            for row in sorted(rows)
        ]
        Path(target).write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def services(run):
    """A sandbox for each fault, and one more for all that is not to be disturbed."""
    from tests.makers.engine_python import find_engine_python

    with contextlib.ExitStack() as stack, ThreadPoolExecutor() as pool:
        begun = [
            pool.submit(stack.enter_context, running_sandbox(find_engine_python(), width=24, height=20))
            for _ in range(len(FAULTS) + 1)
        ]
        yield [Service(one.result()) for one in begun]
    settings().use_sandbox.remove()
    settings().sandbox_url.remove()


@pytest.fixture(scope="module")
def service(services):
    return services[-1]


@pytest.fixture(autouse=True)
def _use_it(service):
    service.use()


@pytest.fixture(scope="module")
def make_job(tmp_path_factory):
    def make(aoi=LAND, days=DAYS, folder=None):
        config = {"downloader": {"type": "S1_SLC", "config": {"intersectsWith": aoi}}}
        place = folder or tmp_path_factory.mktemp("jobs") / "job é"
        return make_network_job(place, days, config=config)

    return make


def begin(name, job, **values):
    """Start an algorithm on a job; the settings were read when this returns."""
    started = Run(name, {"JOB_FOLDER": str(job), **values})
    wait_for(lambda: started.heard.everything or not started.is_running)
    return started


def score(job, sources=SOURCES, **values):
    return begin("scorepairs", job, SOURCES=list(sources), OUTPUT="memory:", **values)


def fetch(job, seasons=("winter",), **values):
    return begin("fetchdecaymaps", job, SEASONS=list(seasons), **values)


def wait_until_said(started, beginning):
    wait_for(lambda: any(beginning in text for text in started.heard.everything))


def good(started):
    """The end of a run that must not fail."""
    started.wait()
    assert started.error is None, started.error
    return started


def cache_of(job):
    """Section -> key -> entry without its time."""
    path = job / QUALITY_CACHE_NAME
    if not path.exists():
        return {}
    document = json.loads(path.read_text(encoding="utf-8"))
    found = {}
    for name in SECTIONS.values():
        entries = document.get(name, {})
        entries = entries.get("map", {}) if name == "ndvi" else entries
        found[name] = {
            key: {field: value for field, value in entry.items() if field != "_fetched_at"}
            for key, entry in entries.items()
        }
    return {name: entries for name, entries in found.items() if entries}


def database_of(job):
    path = job / PAIR_DATABASE_NAME
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def basis_of(job):
    """How the scores came about."""
    return json.loads((job / "insarhub_config.json").read_text(encoding="utf-8"))["insarhub_qgis"]["quality"]


def scores_of(job):
    document = database_of(job)
    return document["scores"] if document and document["_complete"] else None


def maps_of(job):
    """Season -> pixels of the three bands."""
    return {
        season: gdal.Open(str(path)).ReadAsArray()
        for season in SEASONS
        for path in [decay_map_file(job, season, pol) for pol in ("vv", "hh")]
        if path.exists()
    }


def left(job):
    """Say what a run left in the folder, after reading all of it."""
    document = database_of(job)
    parts = []
    if document is not None:
        state = (
            f"complete, {len(document['scores'])} scores"
            if document["_complete"]
            else "marked as not complete"
        )
        parts.append(f"database {state}")
    parts += [f"cache: {', '.join(f'{name} {len(rows)}' for name, rows in cache_of(job).items())}"] * bool(
        cache_of(job)
    )
    parts += [f"maps: {', '.join(maps_of(job))}"] * bool(maps_of(job))
    parts += [f"set aside: {path.name}" for path in sorted(job.rglob("*.bak"))]
    assert not list(job.rglob("*.insarhub_tmp")), "no half-written file"
    assert not list(job.rglob("*.lock")), "no lock"
    return "; ".join(parts) or "nothing"


@pytest.fixture
def told(table, tmp_path_factory):
    """``told(case, sentence, words, left)``: check a printed sentence and write its row."""

    def tell(case, text, words, outcome):
        for word in words:
            assert word in text, f"{case}: {word!r} is not in {text!r}"
        assert "(service=" not in text
        assert "Traceback" not in text
        assert_is_a_sentence(text)
        for place in (str(tmp_path_factory.getbasetemp()), QgsProcessingUtils.tempFolder()):
            text = text.replace(place, "…")
        table.append((case, re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text), outcome))

    return tell


@pytest.fixture
def untold(table):
    """A case without a sentence, but with an outcome."""

    def tell(case, started, outcome):
        assert good(started).warned == [], case
        table.append((case, "(none)", outcome))

    return tell


@pytest.fixture(scope="module")
def undisturbed(make_job, service):
    """Scores, cache and maps of a job that nothing happened to."""
    service.use()
    job = make_job()
    scores, maps = score(job), None
    good(scores)
    assert scores.warned == []
    result = scores_of(job), cache_of(job)
    assert set(result[1]) >= {"weather", "landcover", "ndvi", "fire"}
    maps = make_job()
    good(fetch(maps, ("winter", "summer")))
    return {"scores": result[0], "cache": result[1], "maps": maps_of(maps), "job": maps}


def missing_of(started):
    (line,) = [text for text in started.heard.everything if text.startswith("Missing inputs")] or [""]
    return line


# --- Services that fail: each source has each fault, and one run has five ----------------------------------


@pytest.fixture(scope="module")
def slow_runs(services, make_job, engine, tmp_path_factory):
    """Runs with faults; what is tried four times over some seconds goes on beside the other tests."""
    names = list(FAULTS)
    runs = []
    for turn, each in enumerate(services[:-1]):
        faults = {source: names[(turn + place) % len(names)] for place, source in enumerate(SOURCES)}
        faults["coherence"] = names[turn]
        for source, name in faults.items():
            each.fault(route=ROUTES[source], **FAULTS[name])
        each.use()
        job, maps = make_job(), make_job()
        runs.append((each, faults, job, score(job), maps, fetch(maps)))
    settings().sandbox_url.setValue("http://127.0.0.1:9")
    offline = make_job()
    nobody = (offline, score(offline))
    settings().use_sandbox.setValue(False)
    unplugged = make_job()
    bare = None
    with (
        contextlib.suppress(pytest.skip.Exception),
        without_network(engine, tmp_path_factory.mktemp("engine")),
    ):
        bare = (unplugged, score(unplugged, ("weather", "landcover", "vegetation")), fetch(unplugged))
    services[-1].use()
    return runs, nobody, bare


def test_the_slow_ones_are_begun(slow_runs):
    """First, so that they run beside the others."""
    assert any(started.is_running for _, _, _, started, _, _ in slow_runs[0])


# --- Tiles, seasons, months --------------------------------------------------------------------------------


def test_tiles_and_seasons_that_are_missing(service, make_job, told, untold, undisturbed):
    service.ask("/_sandbox/reset", {})
    service.fault(route=f"{TILE}/N55W122", status=404, times=999)
    job = make_job(box(-121.02, 54.05, -120.98, 54.08))
    started = fetch(job)
    good(started)
    (bands,) = maps_of(job).values()
    assert (bands[:, :, :24] == -9999).all() and (bands[0, :, 24:] != -9999).mean() > 0.5
    untold("one of two tiles missing (404)", started, f"no data there, {left(job)}")
    service.fault(route=f"{TILE}/N55W121/N55W121_summer", status=404, times=999)
    job = make_job()
    started = good(fetch(job, ("winter", "summer")))
    (sentence,) = started.warned
    told("season missing", sentence, ["JJA (file: summer)", "no pixel in the area for summer"], left(job))
    assert set(maps_of(job)) == {"winter"}
    service.ask("/_sandbox/reset", {})
    arctic = make_job(box(-80.0, 79.5, -79.9, 79.53))
    started = good(fetch(arctic))
    assert any("HH, fetched" in text for text in started.heard.everything)
    assert (
        decay_map_file(arctic, "winter", "hh").is_file()
        and not decay_map_file(arctic, "winter", "vv").exists()
    )
    untold("HH only", started, f"the map is named _hh; {left(arctic)}")


def test_june_in_chile_takes_the_files_of_june(service, make_job, untold):
    """The dataset names its seasons for the north, on the whole globe."""
    service.ask("/_sandbox/reset", {})
    days = [151, 163]  # 1 and 13 June 2018
    job = make_job(box(-71.5, -37.05, -71.45, -37.0), days)
    maps = good(fetch(job, tuple(SEASONS)))
    scores = good(score(job, ()))
    (row,) = database_of(job)["factors"].values()
    expected = {}
    for season, bands in maps_of(job).items():
        g_inf, g0, tau = (band[bands[0] != -9999] for band in bands)
        expected[season] = float(np.median(g_inf + (g0 - g_inf) * np.exp(-12 / tau)))
        raster = gdal.Open(str(decay_map_file(job, season, "vv")))
        assert raster.GetMetadataItem("MONTHS") == ",".join(map(str, SEASONS[season]))
    assert row["coherence_expected"] == pytest.approx(expected["summer"], abs=0.005)
    assert abs(expected["winter"] - expected["summer"]) > 0.02, "else the test could not tell them apart"
    for season, letters in (("summer", "JJA"), ("winter", "DJF")):
        assert any(f"{letters} (file: {season}) VV, fetched" in text for text in maps.heard.everything)
    untold(
        "June pair in Chile",
        scores,
        f"coherence {row['coherence_expected']:.3f} of JJA (file: summer {expected['summer']:.3f}, winter {expected['winter']:.3f})",
    )


# --- Weather that is not there yet -------------------------------------------------------------------------


def test_weather_of_the_newest_dates(service, make_job, told, untold, table):
    service.ask("/_sandbox/reset", {})
    today = datetime.now(timezone.utc).date()
    day = [today - timedelta(days=back) for back in (26, 14, 2)]
    job = make_job(days=[(each - FIRST_DAY).days for each in day])
    hours = [f"{today - timedelta(days=back)}T{hour:02d}:00" for back in (2, 1, 0) for hour in range(24)]
    nulls = {
        "daily": {"time": [str(today)], "precipitation_sum": [None]},
        "hourly": {
            "time": hours,
            **{name: [None] * 72 for name in ("temperature_2m", "soil_temperature_0_to_7cm", "snow_depth")},
        },
    }
    service.fault(route="/v1/forecast", status=200, body=json.dumps(nulls))
    started = good(score(job, ("weather",)))
    key = weather_key(54.075, -120.925, day[2])
    assert key not in cache_of(job)["weather"] and len(cache_of(job)["weather"]) == 2
    assert "rain_2 (2)" in missing_of(started)
    untold("weather of the newest date missing", started, f"{missing_of(started)}; {left(job)}")
    started = good(score(job, ("weather",)))
    assert cache_of(job)["weather"][key]["provisional"] is True
    assert "rain_2" not in missing_of(started)
    untold("weather of the newest date provisional", started, f"marked as provisional; {left(job)}")
    path = job / QUALITY_CACHE_NAME
    document = json.loads(path.read_text(encoding="utf-8"))
    older = weather_key(54.075, -120.925, day[1])
    settled = dict(document["weather"][older])
    document["weather"][older] |= {"provisional": True, "precip_3d_mm": 999.0}
    path.write_text(json.dumps(document), encoding="utf-8")
    service.ask("/_sandbox/reset", {})
    started = good(score(job, ("weather",)))
    assert cache_of(job)["weather"][older] == {
        name: value for name, value in settled.items() if name != "_fetched_at"
    }
    assert len(service.requests("/v1/")) == 1
    untold(
        "provisional weather once the archive has the day",
        started,
        "asked again, that day alone; no longer provisional",
    )


# --- Files of others ---------------------------------------------------------------------------------------


def test_files_that_are_damaged_or_of_others(service, make_job, told, untold, table, undisturbed):
    service.ask("/_sandbox/reset", {})
    job = make_job()
    good(score(job))
    whole = (job / QUALITY_CACHE_NAME).read_bytes()

    def again(case, words, *, asked):
        service.ask("/_sandbox/reset", {})
        started = good(score(job))
        assert scores_of(job) == undisturbed["scores"], case
        assert cache_of(job) == undisturbed["cache"], case
        assert bool(service.requests("/v1/archive")) is asked, case
        if words:
            (sentence,) = started.warned
            for word in words:
                assert word in sentence
            told(case, sentence, [], left(job))
        else:
            untold(case, started, left(job))
        for path in job.glob("*.bak"):
            path.unlink()

    (job / QUALITY_CACHE_NAME).write_bytes(whole.replace(b'"_schema_version":2', b'"_schema_version":9'))
    again("quality cache of another version", ["has version 9", "does not know", "ending .bak"], asked=True)
    (job / QUALITY_CACHE_NAME).write_bytes(whole[: len(whole) // 2])
    again("quality cache half written", ["is damaged", "and not used", "ending .bak"], asked=True)
    other = json.loads(whole)
    for section in ("weather", "landcover", "geometry", "fire", "snow_modis"):
        other[section] = {f"9{key}": entry for key, entry in other.get(section, {}).items()}
    other["ndvi"]["map"] = {f"{key}9": entry for key, entry in other["ndvi"]["map"].items()}
    (job / QUALITY_CACHE_NAME).write_text(json.dumps(other), encoding="utf-8")
    service.ask("/_sandbox/reset", {})
    started = good(score(job))
    assert scores_of(job) == undisturbed["scores"]
    kept = cache_of(job)
    assert all(kept[name].items() >= rows.items() for name, rows in undisturbed["cache"].items())
    assert all(len(kept[name]) > len(rows) for name, rows in undisturbed["cache"].items()), "theirs stay"
    untold(
        "quality cache of another area",
        started,
        f"all asked for this one, the others' entries stay; {left(job)}",
    )
    (job / QUALITY_CACHE_NAME).write_bytes(whole)
    database = (job / PAIR_DATABASE_NAME).read_bytes()
    (job / PAIR_DATABASE_NAME).write_bytes(database[: len(database) // 2])
    again("pair database half written", ["is damaged", "and not used", "ending .bak"], asked=False)
    (job / PAIR_DATABASE_NAME).write_text(
        '{"_schema_version": 4, "_complete": true, "_scene_names": ["x"], "status": {}, "their": 1}',
        encoding="utf-8",
    )
    again("pair database of InSARHub 0.4.2", [], asked=False)
    assert database_of(job)["their"] == 1

    maps = make_job()
    shutil.copytree(undisturbed["job"] / "decay_maps", maps / "decay_maps")
    path = decay_map_file(maps, "winter", "vv")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 3 // 4])
    started = good(score(maps, ()))
    (sentence,) = [text for text in started.warned if "decay map" in text]
    told("decay map half written, scores", sentence, [path.name, "could not be used"], left_of_scores(maps))
    started = good(fetch(maps, ("winter", "summer")))
    assert any("winter) VV, fetched" in text for text in started.heard.everything)
    assert any("summer) VV, kept" in text for text in started.heard.everything)
    assert np.array_equal(maps_of(maps)["winter"], undisturbed["maps"]["winter"])
    (line,) = started.warned
    assert path.name in line and "cannot be read and is made again" in line
    table.append(("decay map half written, maps", line, left(maps)))
    elsewhere = make_job(box(-120.85, 54.05, -120.8, 54.1), folder=maps)
    started = good(score(elsewhere, ()))
    sentence = next(text for text in started.warned if "winter" in text)
    told(
        "decay map of another area, scores",
        sentence,
        ["was made for another area and is not used"],
        left(maps),
    )


def left_of_scores(job):
    document = database_of(job)
    return f"database complete, {len(document['scores'])} scores; the map as it was"


# --- Amounts -----------------------------------------------------------------------------------------------


def test_one_two_and_300_scenes(service, make_job, told, untold):
    service.ask("/_sandbox/reset", {})
    job = make_job(days=[0])
    started = score(job).wait()
    told("1 scene", started.error, ["too few dates (1)", "pairs need two", "Add scenes"], left(job))
    assert not (job / PAIR_DATABASE_NAME).exists()
    job = make_job(days=[0, 12])
    started = good(score(job, ("weather", "landcover")))
    assert len(scores_of(job)) == 1
    untold("2 scenes", started, left(job))
    job = make_job(days=[6 * number for number in range(300)])
    started = good(score(job, ("weather", "landcover")))
    assert len(scores_of(job)) == 300 * 299 // 2
    assert (
        sum(started.answer[f"COUNT_{name}"] for name in ("GREEN", "YELLOW", "RED", "UNKNOWN"))
        == 300 * 299 // 2
    )
    assert (job / PAIR_DATABASE_NAME).stat().st_size < 20_000_000
    untold("300 scenes", started, f"{left(job)}; {(job / PAIR_DATABASE_NAME).stat().st_size / 1e6:.1f} MB")


# --- Two at once, and cancel -------------------------------------------------------------------------------


def test_two_builds_at_once(service, make_job, told, untold, undisturbed):
    service.ask("/_sandbox/reset", {})
    service.fault(route="/rst", delay_s=SLOW_S)
    job = make_job()
    first = score(job)
    wait_until_said(first, "Vegetation")
    second = score(job).wait()
    told(
        "two builds at once",
        second.error,
        ["is being built already", "Wait until it has ended"],
        "the first one goes on",
    )
    first.heard.cancel()
    first.wait()
    document = database_of(job)
    assert document["_complete"] is False and "scores" not in document
    assert set(cache_of(job)) >= {"weather", "landcover"} and "ndvi" not in cache_of(job)
    good(score(job))
    assert (scores_of(job), cache_of(job)) == (undisturbed["scores"], undisturbed["cache"])


#: What a source says before it asks.
BEFORE = {
    "weather": "Weather,",
    "landcover": "Land cover, tile",
    "vegetation": "Vegetation,",
    "snow": "Snow cover,",
    "fire": "Fires,",
    "coherence": "Coherence winter vv: 0 of",
}


def test_a_cancel_is_heard_while_a_service_is_slow(service, make_job, table):
    service.ask("/_sandbox/reset", {})
    begun = []
    for source, route in ROUTES.items():
        service.fault(route=route, delay_s=SLOW_S, times=99)
        job = make_job()
        begun.append((source, job, fetch(job) if source == "coherence" else score(job, (source,))))
    for source, job, started in begun:
        wait_until_said(started, BEFORE[source])
        # The question is on its way by then.
        time.sleep(0.3)
        started.heard.cancel()
        started.wait()
        assert cache_of(job) == {} and maps_of(job) == {}
        assert scores_of(job) is None
        said = " ".join(text for text in (*started.heard.everything, started.error or "") if "ancel" in text)
        table.append(
            (
                f"{source} slow, cancelled",
                said or "(none)",
                f"ended while the service was silent; {left(job)}",
            )
        )


# --- A full disk -------------------------------------------------------------------------------------------


def test_a_full_disk(service, make_job, told, undisturbed, tmp_path):
    service.ask("/_sandbox/reset", {})
    with disk(tmp_path / "disk", "4m") as place:
        job = make_job(folder=place / "job")
        fill(place / "ballast", place, leave=4096)
        started = score(job).wait()
        told("full disk, scores", started.error, ["The disk is full", "Free some space"], left(job))
        assert scores_of(job) is None and cache_of(job) == {}
        started = fetch(job).wait()
        told("full disk, maps", started.error, ["The disk is full", "Free some space"], left(job))
        assert maps_of(job) == {}
        (place / "ballast").unlink()
        good(score(job))
        assert (scores_of(job), cache_of(job)) == (undisturbed["scores"], undisturbed["cache"])
        good(fetch(job))
        assert np.array_equal(maps_of(job)["winter"], undisturbed["maps"]["winter"])


# --- The slow ones end -------------------------------------------------------------------------------------


def expected_words(source, fault):
    if fault == "down (503)":
        return ["has a fault (HTTP 503", "Try again in some minutes"]
    if source == "landcover":
        return ["A map of land cover or snow", "could not be read", "Update the pair database later"]
    if fault == "stream cut":
        return ["broke off", "try again"]
    if fault == "wrong JSON":
        return ["is not understood", "Try again"]
    return ["Something else answered in place of", "Please sign in"]


def waited_s(each, route):
    """Seconds between the answer 429 and the next request on a route."""
    log = each.requests(route)
    (busy,) = [entry for entry in log if entry["status"] == 429]
    same = [entry["answered_s"] for entry in log if entry["path"] == busy["path"]]
    return same[1] - same[0]


@pytest.fixture(scope="module")
def slow_ends(slow_runs):
    """The runs with faults, ended; the services are well again. Gives the waits after 429 as well."""
    waits = {}
    for each, faults, _, scores, _, maps in slow_runs[0]:
        scores.wait()
        maps.wait()
        for source, fault in faults.items():
            if fault.startswith("429"):
                waits[source] = waited_s(each, ROUTES[source])
        each.ask("/_sandbox/reset", {})
    return slow_runs[0], waits


def test_each_service_fails_in_each_way_and_all_recover(slow_ends, told, table, undisturbed):
    again = []
    for each, faults, job, started, _, _ in slow_ends[0]:
        good(started)
        kept = cache_of(job)
        said = {text.partition(": ")[0]: text for text in started.warned}
        for source in SOURCES:
            case = f"{source}: {faults[source]}"
            if faults[source].startswith("429"):
                seconds = slow_ends[1][source]
                assert seconds >= ASKED_S, case
                assert source not in said
                table.append((case, "(none)", f"asked again after {seconds:.1f} s; entries as undisturbed"))
            else:
                told(
                    case,
                    said[source],
                    expected_words(source, faults[source]),
                    f"nothing of {source}; {left(job)}",
                )
            is_there = faults[source].startswith("429")
            wanted = undisturbed["cache"].get(SECTIONS[source]) if is_there else None
            assert kept.get(SECTIONS[source]) == wanted, case
        assert len(said) == len(SOURCES) - 1
        assert database_of(job)["_complete"] is True
        each.use()
        again.append((job, score(job)))
    for job, started in again:
        assert good(started).warned == []
        assert (scores_of(job), cache_of(job)) == (undisturbed["scores"], undisturbed["cache"])
    table.append(
        (
            "all of these, with the services back",
            "(none)",
            "scores and cache equal those of an undisturbed build",
        )
    )


def test_coherence_fails_in_each_way_and_recovers(slow_ends, told, table, undisturbed):
    words = {
        "down (503)": ["refused", "HTTP 503", "Fetch the decay maps again later"],
        "wrong JSON": ["could not be read", "Nothing was stored"],
        "HTML instead of an answer": ["could not be read", "Nothing was stored"],
        "stream cut": ["Nothing was stored", "etch the decay maps again"],
    }
    for each, faults, _, _, job, started in slow_ends[0]:
        name = faults["coherence"]
        if name.startswith("429"):
            seconds = slow_ends[1]["coherence"]
            assert started.error is None and seconds >= ASKED_S
            assert np.array_equal(maps_of(job)["winter"], undisturbed["maps"]["winter"])
            table.append((f"coherence: {name}", "(none)", f"asked again after {seconds:.1f} s; {left(job)}"))
            continue
        told(f"coherence: {name}", started.error, words[name], left(job))
        assert maps_of(job) == {}
        each.use()
        good(fetch(job))
        assert np.array_equal(maps_of(job)["winter"], undisturbed["maps"]["winter"])


def test_without_any_service_scores_say_so_and_recover(slow_runs, told, table, undisturbed):
    _, (job, started), bare = slow_runs
    good(started)
    assert len(started.warned) == len(SOURCES)
    for text in started.warned:
        source = text.partition(": ")[0]
        told(f"all down, {source}", text, ["127.0.0.1 cannot be reached: connection refused", "start it or switch it off"],
             f"nothing cached; {left(job)}")  # fmt: skip
    assert cache_of(job) == {}
    names = ("rain_1", "rain_2", "freeze_thaw", "vegetation", "fire")
    assert all(name in missing_of(started) for name in names), missing_of(started)
    good(score(job))
    assert (scores_of(job), cache_of(job)) == (undisturbed["scores"], undisturbed["cache"])
    if bare is None:
        pytest.skip("this user may not start programs without network")
    job, started, maps = bare
    good(started)
    hosts = ("archive-api.open-meteo.com", "esa-worldcover.s3.eu-central-1.amazonaws.com", "modis.ornl.gov")
    assert len(started.warned) == len(hosts)
    for host, text in zip(hosts, started.warned):
        told(
            f"no network, {host}",
            text,
            [f"{host} cannot be reached: name not found", "Check the network"],
            left(job),
        )
    maps.wait()
    told("no network, maps", maps.error, ["cannot be reached", "Check the connection"], left(job))
    assert cache_of(job) == {} and maps_of(job) == {}


# --- Places ------------------------------------------------------------------------------------------------

#: Case, area, tiles of coherence that are asked, pixels of the area (None: no map), source of the scores.
PLACES = [
    ("over a tile edge", box(11.97, 47.2, 12.03, 47.23), {"N48E011", "N48E012"}, 72 * 36, "s1_pixel"),
    ("over a corner of four tiles, and of four of WorldCover", box(11.98, 47.98, 12.02, 48.02),
     {"N48E011", "N48E012", "N49E011", "N49E012"}, 48 * 48, "s1_pixel"),
    ("over the equator", box(30.0, -0.02, 30.03, 0.02), {"N00E030", "N01E030"}, 36 * 48, "s1_pixel"),
    ("over the 0 meridian", box(-0.02, 47.5, 0.02, 47.53), {"N48E000", "N48W001"}, 48 * 36, "s1_pixel"),
    ("over the dateline, longitudes beyond 180", box(179.98, -16.6, 180.02, -16.57), {"S16E179", "S16W180"}, 48 * 36, "s1_pixel"),
    ("over the dateline, two parts",
     "MULTIPOLYGON(((179.98 -16.6,180 -16.6,180 -16.57,179.98 -16.57,179.98 -16.6)),"
     "((-180 -16.6,-179.98 -16.6,-179.98 -16.57,-180 -16.57,-180 -16.6)))",
     {"S16E179", "S16W180"}, 48 * 36, "s1_pixel"),
    ("10 m wide", box(-120.95, 54.05, -120.94985, 54.05009), {"N55W121"}, 1, "s1_pixel"),
    ("a point", "POINT(-120.95 54.05)", {"N55W121"}, 1, "s1_pixel"),
    ("at sea", box(-40.0, 30.0, -39.97, 30.03), {"N31W040"}, None, "climatology"),
    ("above 82 N", box(-40.0, 83.0, -39.0, 83.4), set(), None, "landcover"),
    ("the pole", box(-180, 89, 180, 90), set(), None, "climatology"),
]  # fmt: skip


@pytest.mark.parametrize("group", range(0, len(PLACES), len(FAULTS)))
def test_places(services, slow_ends, make_job, told, table, group):
    """Side by side, each at a sandbox of its own, whose log tells what was asked."""
    places = PLACES[group : group + len(FAULTS)]
    jobs = [make_job(aoi) for _, aoi, _, _, _ in places]
    maps, scores = [], []
    for each, job in zip(services, jobs):
        each.ask("/_sandbox/reset", {})
        each.use()
        maps.append(fetch(job))
    for each, job, before in zip(services, jobs, maps):
        before.wait()
        each.use()
        scores.append(score(job, ("weather", "landcover")))
    for each, (case, _, tiles, pixels, source), job, before, after in zip(
        services, places, jobs, maps, scores
    ):
        assert good(after).warned == []
        assert {entry["path"].split("/")[-1][:7] for entry in each.requests(TILE)} == tiles, case
        assert basis_of(job)["decay_source"] == {source: 3}, case
        outcome = f"tiles {', '.join(sorted(tiles)) or 'none'}; scores from {source}; {left(job)}"
        if pixels is None:
            words = ["no pixel in the area"] if tiles else ["the global coherence ends at 82 N"]
            told(f"area {case}", before.error, words, outcome)
            assert maps_of(job) == {}
            continue
        assert before.error is None, f"{case}: {before.error}"
        (bands,) = maps_of(job).values()
        assert bands[0].size == pixels, case
        known = bands[0] != -9999
        assert known.sum() > 0 and (bands[0][known] <= bands[1][known] + 1e-6).all()
        table.append((f"area {case}", "(none)", f"{outcome}, {bands.shape[2]} x {bands.shape[1]} pixels"))

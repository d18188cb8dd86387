# SPDX-License-Identifier: GPL-2.0-or-later
"""The services of pair quality: only what is missing is asked, failures are not kept, waits and cancels are heard."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone

import numpy as np
import pytest

from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.job_config import JobConfig
from insarhub_qgis.core.progress import ignore_progress
from insarhub_qgis.core.quality_files import QualityCache, ndvi_key, weather_key
from insarhub_qgis.engine import archive_http, quality_http
from insarhub_qgis.engine.archive_http import retry_after_s
from insarhub_qgis.engine.fire_source import FireSource, read_fire_history
from insarhub_qgis.engine.quality_area import area_of_job
from insarhub_qgis.engine.quality_http import QualityDoor
from insarhub_qgis.engine.quality_sources import QualityStack
from insarhub_qgis.engine.vegetation_source import VegetationSource
from insarhub_qgis.engine.weather_source import WeatherSource
from insarhub_qgis.sandbox.server import Answer, SandboxServer
from insarhub_qgis.sandbox.service_state import Fault
from tests.makers.quality_service import PredictableService, air_c, ndvi_raw, rain_mm
from tests.makers.waiting import NEVER_S, holding

AREA = "POLYGON((11 47,11.1 47,11.1 47.1,11 47.1,11 47))"
WIDE = "POLYGON((11 47,12 47,12 48,11 48,11 47))"
HOUR = 5
NOW = datetime(2020, 6, 1, tzinfo=timezone.utc)
DAYS = tuple(date(2018, 1, 5) + timedelta(days=12 * number) for number in range(40))


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    monkeypatch.setattr(quality_http, "RETRY_WAITS_S", (0.01, 0.01, 0.01))


@pytest.fixture
def service():
    return PredictableService()


@pytest.fixture
def server(service):
    with SandboxServer([service]) as running:
        yield running


def stack_in(folder, wkt=AREA, days=DAYS, now=NOW, hour=HOUR):
    config = JobConfig({"downloader": {"type": "S1_SLC", "config": {"intersectsWith": wkt}}})
    return QualityStack(area_of_job(config, []), tuple(days), hour, QualityCache(folder), now)


def fetch(source, stack, server, **options):
    with QualityDoor(Endpoints.of_sandbox(server.base_url), **options) as door:
        return source.fetch(stack, door, ignore_progress)


def paths(server, beginning):
    return [entry["path"] for entry in server.log.to_json() if entry["path"].startswith(beginning)]


# --- Area --------------------------------------------------------------------------------------------


def test_a_narrow_area_has_one_point_and_a_wide_one_five(tmp_path):
    assert stack_in(tmp_path).area.points == [(47.05, 11.05)]
    points = stack_in(tmp_path, WIDE).area.points
    assert points[0] == (47.5, 11.5)
    assert sorted(points[1:]) == [(47.25, 11.25), (47.25, 11.75), (47.75, 11.25), (47.75, 11.75)]


def test_quarter_points_outside_the_area_are_left_out(tmp_path):
    triangle = "POLYGON((11 47,12 47,11 48,11 47))"
    assert stack_in(tmp_path, triangle).area.points == [(47.333, 11.333), (47.25, 11.25)]


def test_an_area_across_the_antimeridian_is_one_area_with_two_parts(tmp_path):
    area = stack_in(tmp_path, "POLYGON((179.5 60,180.5 60,180.5 61,179.5 61,179.5 60))").area
    assert area.geometry.bounds == (179.5, 60.0, 180.5, 61.0)
    assert [round(abs(x)) for _, x in area.points] == [180] * 5
    assert sorted(part.bounds for part in area.parts()) == [
        (-180.0, 60.0, -179.5, 61.0),
        (179.5, 60.0, 180.0, 61.0),
    ]


# --- Weather -----------------------------------------------------------------------------------------


def test_weather_is_kept_as_documented_and_asked_for_once(tmp_path, server):
    stack = stack_in(tmp_path)
    assert fetch(WeatherSource(), stack, server) == len(DAYS)
    for day in DAYS:
        entry = QualityCache(tmp_path).get("weather", weather_key(47.05, 11.05, day))
        assert entry["precip_3d_mm"] == sum(rain_mm(day - timedelta(days=back)) for back in range(3))
        assert entry["temp_overpass_c"] == pytest.approx(air_c(day, HOUR))
        assert entry["temp_mean_c"] == pytest.approx(
            np.mean([air_c(day, hour) for hour in range(24)]), abs=0.01
        )
        assert (entry["soil_temp_c"], entry["snow_depth_m"], entry["overpass_hour_utc"]) == (5.0, 0.0, HOUR)
        assert "provisional" not in entry
    # 40 dates of 16 months are two spans of at most a year.
    assert len(paths(server, "/v1/archive")) == 2
    again = replace(stack, cache=QualityCache(tmp_path))
    assert WeatherSource().missing(again) == 0
    assert fetch(WeatherSource(), again, server) == 0
    assert len(paths(server, "/v1/archive")) == 2


def test_only_missing_days_are_asked_and_all_points_at_once(tmp_path, server):
    fetch(WeatherSource(), stack_in(tmp_path, WIDE), server)
    server.log.clear()
    new = date(2019, 10, 1)
    stack = stack_in(tmp_path, WIDE, (*DAYS, new))
    assert WeatherSource().missing(stack) == 1
    assert fetch(WeatherSource(), stack, server) == 5
    (path,) = paths(server, "/v1/archive")
    assert "start_date=2019-09-29&end_date=2019-10-01" in path
    assert path.count("%2C") >= 8


def test_another_overpass_hour_is_fetched_again(tmp_path, server):
    fetch(WeatherSource(), stack_in(tmp_path), server)
    assert WeatherSource().missing(stack_in(tmp_path, hour=17)) == len(DAYS)


def test_the_last_days_are_provisional_until_the_archive_has_them(tmp_path, service, server):
    service.today, service.archive_until = date(2020, 6, 1), date(2020, 5, 27)
    days = (date(2020, 5, 19), date(2020, 5, 31), date(2020, 6, 12))
    stack = stack_in(tmp_path, days=days)
    assert fetch(WeatherSource(), stack, server) == 2
    key = weather_key(47.05, 11.05, days[1])
    assert stack.cache.get("weather", key, NOW)["provisional"] is True
    assert stack.cache.get("weather", weather_key(47.05, 11.05, days[2]), NOW) is None, (
        "the future is not asked"
    )
    assert WeatherSource().missing(stack) == 0
    service.archive_until = date(2020, 6, 5)
    later = stack_in(tmp_path, days=days[:2], now=NOW + timedelta(days=5))
    assert WeatherSource().missing(later) == 1
    assert fetch(WeatherSource(), later, server) == 1
    assert "provisional" not in later.cache.get("weather", key, later.now)


def test_a_day_without_any_value_is_not_kept(tmp_path, service, server):
    service.archive_until = date(2018, 1, 1)
    stack = stack_in(tmp_path, days=DAYS[:2])
    assert fetch(WeatherSource(), stack, server) == 0
    assert WeatherSource().missing(stack) == 2
    assert not stack.cache.path.exists()


# --- Faults ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault("/v1", times=9, status=503), "archive.down"),
        (Fault("/v1", times=9, status=400, body='{"error":true,"reason":"no"}'), "archive.refused"),
        (Fault("/v1", times=9, status=200, body="<html>log in</html>"), "archive.not_json"),
        (Fault("/v1", times=9, status=200, body='{"daily": 3}'), "archive.bad_answer"),
        (Fault("/v1", times=9, truncate_after=100), "archive.cut_answer"),
        (Fault("/v1", times=9, drop=True), "network.offline"),
    ],
)
def test_a_failure_has_a_code_and_nothing_is_kept(tmp_path, server, fault, code):
    server.faults.add(fault)
    stack = stack_in(tmp_path)
    with pytest.raises(InsarError) as caught:
        fetch(WeatherSource(), stack, server)
    assert caught.value.code == code
    assert not stack.cache.path.exists()
    asked = len(paths(server, "/v1/archive"))
    assert asked == (1 if code in ("archive.refused", "archive.not_json", "archive.bad_answer") else 4)
    server.faults.clear()
    assert fetch(WeatherSource(), stack, server) == len(DAYS)


def test_what_came_before_a_failure_is_kept(tmp_path, server):
    server.faults.add(Fault("/v1", skip=1, times=9, status=503))
    with pytest.raises(InsarError):
        fetch(WeatherSource(), stack_in(tmp_path), server)
    left = WeatherSource().missing(stack_in(tmp_path))
    assert 0 < left < len(DAYS)
    server.faults.clear()
    assert fetch(WeatherSource(), stack_in(tmp_path), server) == left


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_a_lower_bound(tmp_path, server, status):
    server.faults.add(Fault("/v1", status=status, retry_after_s=1.0))
    started = time.monotonic()
    assert fetch(WeatherSource(), stack_in(tmp_path, days=DAYS[:2]), server) == 2
    assert time.monotonic() - started >= 1.0


def test_a_date_in_retry_after_counts_from_the_date_of_the_answer():
    headers = {"Retry-After": "Fri, 01 May 2020 00:00:07 GMT", "Date": "Fri, 01 May 2020 00:00:00 GMT"}
    assert retry_after_s(headers) == 7.0
    assert retry_after_s({**headers, "Retry-After": "Thu, 30 Apr 2020 00:00:00 GMT"}) == 0.0
    assert retry_after_s({"Retry-After": "soon"}) is None


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Answer(204), "archive.not_json"),
        (Answer(302, headers={"Location": "/v1/archive"}), "network.offline"),
    ],
    ids=["no content", "redirects without end"],
)
def test_odd_answers_end_in_an_error_as_others_do(tmp_path, answer, code):
    class Odd(PredictableService):
        def archive(self, request):
            return answer

    stack = stack_in(tmp_path, days=DAYS[:2])
    with SandboxServer([Odd()]) as running, pytest.raises(InsarError) as caught:
        fetch(WeatherSource(), stack, running)
    assert caught.value.code == code
    assert not stack.cache.path.exists()


def test_a_cancel_does_not_wait_for_an_answer(tmp_path, server):
    with holding(server, lambda request: True) as held, pytest.raises(InsarError) as caught:
        fetch(WeatherSource(), stack_in(tmp_path), server, is_cancelled=held.arrived.is_set)
    assert caught.value.code == "run.cancelled"


def test_a_cancel_ends_the_wait_for_a_busy_service(tmp_path, server, monkeypatch):
    monkeypatch.setattr(archive_http, "LONGEST_WAIT_S", NEVER_S)
    server.faults.add(Fault("/v1", status=429, retry_after_s=NEVER_S))
    with pytest.raises(InsarError) as caught:
        fetch(WeatherSource(), stack_in(tmp_path), server, is_cancelled=lambda: bool(server.log.requests()))
    assert caught.value.code == "run.cancelled"
    assert len(server.log.requests()) == 1


# --- Vegetation --------------------------------------------------------------------------------------


def test_vegetation_takes_the_composite_of_each_day_in_short_lists(tmp_path, server):
    stack = stack_in(tmp_path)
    assert fetch(VegetationSource(), stack, server) == len(DAYS)
    first = stack.cache.get("ndvi", ndvi_key(47.05, 11.05, date(2018, 1, 17)), NOW)
    assert first == {**first, "ndvi": round(ndvi_raw(date(2018, 1, 17)) * 1e-4, 4), "source": "MOD13Q1"}
    other = stack.cache.get("ndvi", ndvi_key(47.05, 11.05, date(2018, 1, 29)), NOW)
    assert other["ndvi"] == first["ndvi"]
    asked = len(paths(server, "/rst"))
    assert VegetationSource().missing(stack_in(tmp_path)) == 0
    assert asked <= 5


@pytest.mark.parametrize(
    ("numbers", "ndvi"),
    [
        ([-3000, 3512], 0.3512),
        ([-3000], None),
        ([-2000], -0.2),
        ([32767, 3512], 0.3512),
        ([-0.3, 0.3512], 0.3512),
        ([-0.3], None),
        ([True, "x", None], None),
        ([], None),
    ],
)
def test_vegetation_is_read_stored_or_scaled_and_never_its_fill_value(tmp_path, numbers, ndvi):
    class Listed(PredictableService):
        def vegetation(self, request):
            rows = [
                {"modis_date": "A2018001", "band": "250m_16_days_EVI", "data": [9000]},
                {"modis_date": "A2018001", "band": "250m 16 days NDVI", "data": numbers},
                {"modis_date": "A2018001", "band": "250m_16_days_VI_Quality", "data": [2112]},
            ]
            return Answer.of_json({"subset": rows})

    stack = stack_in(tmp_path, days=(date(2018, 1, 5),))
    with SandboxServer([Listed()]) as running:
        assert fetch(VegetationSource(), stack, running) == (ndvi is not None)
    entry = stack.cache.get("ndvi", ndvi_key(47.05, 11.05, date(2018, 1, 5)), NOW) or {}
    assert entry.get("ndvi") == ndvi


def test_composites_that_cannot_be_there_yet_are_not_asked(tmp_path):
    stack = stack_in(tmp_path, days=(NOW.date() - timedelta(days=3),))
    assert VegetationSource().missing(stack) == 0


# --- Fire --------------------------------------------------------------------------------------------


def test_fires_count_by_the_share_of_the_area_that_they_cover(tmp_path, service, server):
    days = (date(2018, 2, 1), date(2018, 2, 13), date(2018, 2, 25))
    service.fires = [(date(2018, 2, 14), 47.05, 11.05, "n"), (date(2018, 2, 14), 47.06, 11.06, "low")]
    stack = stack_in(tmp_path, days=days)
    source = FireSource("0123456789abcdef0123456789abcdef")
    assert fetch(source, stack, server) == source.missing(stack_in(tmp_path / "none", days=days))
    assert source.missing(stack_in(tmp_path, days=days)) == 0
    history = read_fire_history(stack_in(tmp_path, days=days))
    burned = history.burned_shares(days, np.array([0, 1, 0]), np.array([1, 2, 2]))
    cell = 375.0**2 / (stack.area.area_km2 * 1e6)
    assert burned[0] == 0.0
    assert burned[1:] == pytest.approx([cell, cell], rel=0.02)


def test_recent_fires_come_from_the_fast_product_and_stay_provisional(tmp_path, server):
    days = (date(2018, 6, 28), date(2018, 7, 10))
    stack = stack_in(tmp_path, days=days, now=datetime(2018, 7, 12, tzinfo=timezone.utc))
    fetch(FireSource("0123456789abcdef0123456789abcdef"), stack, server)
    assert any("VIIRS_SNPP_NRT" in path for path in paths(server, "/api/area"))
    later = replace(stack, now=stack.now + timedelta(days=8))
    assert FireSource("key").missing(later) > 0


def test_the_map_key_stays_out_of_logs_and_errors(tmp_path, server):
    key = "feedfacefeedfacefeedfacefeedface"
    server.faults.add(Fault("/api", times=9, status=503, body=f"no {key}", content_type="text/plain"))
    heard = []
    with pytest.raises(InsarError) as caught:
        fetch(FireSource(key), stack_in(tmp_path), server, log=lambda *line: heard.append(str(line)))
    assert heard, "the retries are told"
    assert key not in "".join(heard) + str(caught.value)


def test_a_key_that_the_service_repeats_stays_out_of_errors_and_of_the_log_of_the_sandbox(tmp_path, server):
    key = "my key/1"
    stack = stack_in(tmp_path)
    server.faults.add(
        Fault("/api", times=1, status=200, body=f"no such key: {key}", content_type="text/plain")
    )
    with pytest.raises(InsarError) as caught:
        fetch(FireSource(key), stack, server)
    assert caught.value.code == "archive.bad_answer"
    assert fetch(FireSource(key), stack, server) > 0
    logged = str(server.log.to_json())
    for secret in (key, "my%20key", "my key"):
        assert secret not in f"{caught.value}{caught.value.to_json()}{logged}"
    assert "/api/area/csv/***/VIIRS_SNPP_SP/" in logged
    assert "/api/data_availability/csv/***/VIIRS_SNPP_SP" in logged


@pytest.mark.parametrize(
    "row", ["nan,11.05,2018-02-14,n", "47.05,1e99,2018-02-14,n", "47.05,11.05,14/02/2018,n", "47.05"]
)
def test_rows_of_fires_that_are_none_are_not_kept(tmp_path, server, row):
    body = f"latitude,longitude,acq_date,confidence\n{row}\n"
    server.faults.add(Fault("/api/area", status=200, body=body, content_type="text/csv"))
    stack = stack_in(tmp_path)
    with pytest.raises(InsarError) as caught:
        fetch(FireSource("x"), stack, server)
    assert caught.value.code == "archive.bad_answer"
    assert not stack.cache.path.exists()


@pytest.mark.parametrize(
    "body",
    [
        "data_id,min_date,max_date\nVIIRS_SNPP_SP,2012-01-20",
        "data_id,min_date,max_date\nVIIRS_SNPP_SP,2012-01-20,soon",
        "data_id,min_date,max_date\n",
    ],
)
def test_days_of_fires_that_are_cut_are_no_crash(tmp_path, server, body):
    server.faults.add(Fault("/api/data_availability", status=200, body=body))
    with pytest.raises(InsarError) as caught:
        fetch(FireSource("x"), stack_in(tmp_path), server)
    assert caught.value.code == "archive.bad_answer"


def test_entries_of_fires_in_another_form_are_asked_again(tmp_path, server):
    days = (date(2018, 2, 1), date(2018, 2, 13))
    stack = stack_in(tmp_path, days=days)
    count = fetch(FireSource("x"), stack, server)
    document = json.loads(stack.cache.path.read_text(encoding="utf-8"))
    for entry, detections in zip(document["fire"].values(), (5, [["2018-02-01"]], [["x", 1, 2]])):
        entry["detections"] = detections
    stack.cache.path.write_text(json.dumps(document), encoding="utf-8")
    again = stack_in(tmp_path, days=days)
    assert FireSource("x").missing(again) == min(count, 3)
    assert read_fire_history(again) is None
    fetch(FireSource("x"), again, server)
    assert read_fire_history(again) is not None


def test_a_refused_key_is_told_with_the_words_of_the_service(tmp_path, server):
    server.faults.add(Fault("/api", times=9, status=400, body="Invalid MAP_KEY.", content_type="text/plain"))
    with pytest.raises(InsarError) as caught:
        fetch(FireSource("x"), stack_in(tmp_path), server)
    assert caught.value.code == "archive.refused"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('{"error": true, "reason": "Too many variables"}', "Too many variables"),
        ('{"code": "Busy", "description": "try later"}', "try later"),
        ('{"error": true}', "Bad Request"),
        ("{}", "Bad Request"),
    ],
)
def test_what_a_service_says_of_its_error_is_told(tmp_path, server, body, reason):
    server.faults.add(Fault("/v1", status=400, body=body))
    with pytest.raises(InsarError) as caught:
        fetch(WeatherSource(), stack_in(tmp_path), server)
    assert caught.value.fields["reason"] == reason

# SPDX-License-Identifier: GPL-2.0-or-later
"""Open-Meteo of the sandbox: its shape, its refusals, its lag, and weather that makes sense."""

from __future__ import annotations

import datetime
import json
import threading

import numpy as np
import pytest

from insarhub_qgis.core.requests import Simulate
from insarhub_qgis.sandbox.serve import make_sandbox
from insarhub_qgis.sandbox.weather import Weather
from tests.makers.sandbox_clients import call, plan_fault

PLACE = "latitude=37.65&longitude=-1.76&timezone=UTC"
HOURLY = "temperature_2m,soil_temperature_0_to_7cm,snow_depth"
DAILY = "precipitation_sum,temperature_2m_mean,snowfall_sum,snow_depth_max,wind_gusts_10m_max"


@pytest.fixture(scope="module")
def sandbox():
    with make_sandbox(simulation=Simulate(output_folder="", width=40, height=40)) as server:
        yield server


@pytest.fixture
def url(sandbox):
    yield sandbox.base_url
    sandbox.reset()


def ask(url, path):
    status, headers, body = call(url, path)
    return status, headers, json.loads(body)


def today(sandbox):
    return datetime.datetime.fromtimestamp(sandbox.clock.now_s(), datetime.timezone.utc).date()


def test_an_answer_has_the_shape_of_the_original(url):
    status, _, answer = ask(
        url, f"/v1/archive?{PLACE}&start_date=2020-01-30&end_date=2020-03-02&hourly={HOURLY}&daily={DAILY}"
    )
    assert status == 200
    assert set(answer) == {
        "latitude",
        "longitude",
        "generationtime_ms",
        "utc_offset_seconds",
        "timezone",
        "timezone_abbreviation",
        "elevation",
        "hourly_units",
        "hourly",
        "daily_units",
        "daily",
    }
    assert answer["utc_offset_seconds"] == 0
    assert abs(answer["latitude"] - 37.65) <= 0.125
    assert answer["hourly_units"] == {
        "time": "iso8601",
        "temperature_2m": "°C",
        "soil_temperature_0_to_7cm": "°C",
        "snow_depth": "m",
    }
    assert answer["daily_units"]["precipitation_sum"] == "mm"
    assert answer["daily_units"]["snowfall_sum"] == "cm"
    assert answer["daily_units"]["wind_gusts_10m_max"] == "km/h"
    assert {len(values) for values in answer["hourly"].values()} == {33 * 24}
    assert {len(values) for values in answer["daily"].values()} == {33}
    assert answer["hourly"]["time"][:2] == ["2020-01-30T00:00", "2020-01-30T01:00"]
    assert answer["daily"]["time"][-1] == "2020-03-02"
    means = np.reshape(answer["hourly"]["temperature_2m"], (33, 24)).mean(axis=1)
    assert np.allclose(means, answer["daily"]["temperature_2m_mean"], atol=0.11)


def test_several_places_are_a_list(url):
    dates = "start_date=2020-01-01&end_date=2020-01-03&daily=precipitation_sum&timezone=UTC"
    _, _, answers = ask(url, f"/v1/archive?latitude=37.65,51,-45&longitude=-1.76,10,-71&{dates}")
    assert [answer.get("location_id") for answer in answers] == [None, 1, 2]
    _, _, alone = ask(url, f"/v1/archive?latitude=51&longitude=10&{dates}")
    assert answers[1]["daily"] == alone["daily"]


def test_a_day_has_the_same_weather_in_every_request(url):
    def day(path):
        answer = ask(url, path)[2]["daily"]
        place = answer["time"].index("2020-02-14")
        return {name: values[place] for name, values in answer.items()}

    base = f"/v1/archive?{PLACE}&daily={DAILY}"
    found = day(f"{base}&start_date=2020-02-14&end_date=2020-02-14")
    assert found == day(f"{base}&start_date=2018-12-01&end_date=2021-03-01")


def test_the_archive_lags_and_the_forecast_has_the_last_days(sandbox, url):
    now = today(sandbox)
    first = now - datetime.timedelta(days=9)
    query = f"{PLACE}&daily=precipitation_sum&hourly=temperature_2m"
    _, _, archive = ask(url, f"/v1/archive?{query}&start_date={first}&end_date={now}")
    rain = archive["daily"]["precipitation_sum"]
    assert [value is None for value in rain] == [False] * 5 + [True] * 5
    assert archive["hourly"]["temperature_2m"].count(None) == 5 * 24
    _, _, forecast = ask(url, f"/v1/forecast?{query}&past_days=9")
    assert len(forecast["daily"]["time"]) == 16
    assert forecast["daily"]["time"][0] == first.isoformat()
    assert forecast["daily"]["precipitation_sum"][:5] == rain[:5]
    assert None not in forecast["daily"]["precipitation_sum"]
    call(url, "/_sandbox/advance", "POST", value={"seconds": 5 * 86400})
    _, _, later = ask(url, f"/v1/archive?{query}&start_date={first}&end_date={now}")
    assert later["daily"]["precipitation_sum"][5:] == forecast["daily"]["precipitation_sum"][5:10]


@pytest.mark.parametrize(
    ("query", "gist"),
    [
        ("longitude=1&start_date=2020-01-01&end_date=2020-01-02", "latitude"),
        ("latitude=95&longitude=1&start_date=2020-01-01&end_date=2020-01-02", "Latitude must be in range"),
        ("latitude=5,6&longitude=1&start_date=2020-01-01&end_date=2020-01-02", "same number"),
        ("latitude=5&longitude=1", "start_date"),
        ("latitude=5&longitude=1&start_date=2020-02-01&end_date=2020-01-02", "End-date"),
        ("latitude=5&longitude=1&start_date=2020-02-01&end_date=2199-01-02", "out of allowed range"),
        ("latitude=5&longitude=1&start_date=1.2.2020&end_date=2020-03-01", "Invalid date format"),
        ("latitude=5&longitude=1&start_date=2020-02-01&end_date=2020-03-01&daily=mud", "mud"),
    ],
)
def test_refusals(url, query, gist):
    status, _, answer = ask(url, f"/v1/archive?{query}")
    assert (status, answer["error"]) == (400, True)
    assert gist in answer["reason"]


def test_too_many_past_days(url):
    assert ask(url, f"/v1/forecast?{PLACE}&past_days=93")[0] == 400
    assert ask(url, f"/v1/forecast?{PLACE}&past_days=92&daily=precipitation_sum")[0] == 200


def test_parallel_requests_are_refused_with_a_time_to_wait(url):
    path = f"/v1/archive?{PLACE}&start_date=2020-01-01&end_date=2020-12-31&hourly={HOURLY}"
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(ask(url, path))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statuses = sorted(status for status, _, _ in answers)
    assert set(statuses) == {200, 429}
    headers, answer = next((headers, answer) for status, headers, answer in answers if status == 429)
    assert float(headers["Retry-After"]) > 0
    assert answer["reason"] == "Too many concurrent requests"
    assert ask(url, path)[0] == 200


def test_a_planned_fault_has_the_form_of_the_service(url):
    plan_fault(url, route="/v1/archive", status=502)
    status, _, answer = ask(url, f"/v1/archive?{PLACE}")
    assert (status, answer["error"]) == (502, True)


def test_weather_makes_scores_vary():
    """Rain now and then in the dry south-east of Spain, snow that lies in winter farther north, seasons by hemisphere."""
    places = np.array([-1.75, 10.0, -71.0]), np.array([37.75, 51.0, -45.0])
    weather = Weather(1).hourly(*places, datetime.date(2020, 1, 1), 366)
    rain = weather.precipitation_mm.reshape(3, 366, 24).sum(axis=2)
    assert np.all((rain > 1).sum(axis=1) > 30)
    assert np.all((rain > 1).sum(axis=1) < 200)
    assert rain.max() < 150
    depth = weather.snow_depth_m.reshape(3, 366, 24).max(axis=2)
    assert (depth[1, :60] > 0.02).mean() > 0.3
    assert not depth[1, 180:240].any()
    assert (depth[2, 180:240] > 0.02).any()
    temperature = weather.temperature_c.reshape(3, 366, 24).mean(axis=2)
    assert temperature[1, 180:240].mean() > temperature[1, :60].mean() + 10
    assert temperature[2, 180:240].mean() < temperature[2, :60].mean() - 10
    assert np.all(weather.snow_depth_m >= 0)
    assert (weather.soil_temperature_c[1] < 0).any()

# SPDX-License-Identifier: GPL-2.0-or-later
"""Open-Meteo in the sandbox: history that lags five days behind the clock, and the forecast with the last days.

As the real service it answers one request at a time and refuses others meanwhile with 429. Limits per minute and day
are left to planned faults.
"""

from __future__ import annotations

import datetime
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from insarhub_qgis.sandbox.server import Answer, Route, Service, ServiceRequest
from insarhub_qgis.sandbox.service_state import SandboxClock
from insarhub_qgis.sandbox.weather import HourlyWeather, Weather, grid_place

Array = npt.NDArray[np.float64]

#: The archive has no values of the last days.
ARCHIVE_LAG_DAYS = 5
RETRY_AFTER_S = 1
#: How long an answer keeps the service busy, so that requests at the same time meet.
_BUSY_S = 0.02
_MOST_PAST_DAYS, _MOST_FORECAST_DAYS, _USUAL_FORECAST_DAYS = 92, 16, 7
_MOST_POINTS = 1000
_FIRST_DAY = datetime.date(1940, 1, 1)

#: Variable -> unit and its hours.
_HOURLY: dict[str, tuple[str, Callable[[HourlyWeather], Array]]] = {
    "temperature_2m": ("°C", lambda weather: weather.temperature_c),
    "soil_temperature_0_to_7cm": ("°C", lambda weather: weather.soil_temperature_c),
    "precipitation": ("mm", lambda weather: weather.precipitation_mm),
    "rain": ("mm", lambda weather: weather.rain_mm),
    "snowfall": ("cm", lambda weather: weather.snowfall_cm),
    "snow_depth": ("m", lambda weather: weather.snow_depth_m),
    "wind_gusts_10m": ("km/h", lambda weather: weather.gusts_km_h),
}
#: Variable -> hourly one that it sums up, and how.
_DAILY: dict[str, tuple[str, Callable[..., Array]]] = {
    "temperature_2m_mean": ("temperature_2m", np.mean),
    "temperature_2m_max": ("temperature_2m", np.max),
    "temperature_2m_min": ("temperature_2m", np.min),
    "soil_temperature_0_to_7cm_mean": ("soil_temperature_0_to_7cm", np.mean),
    "precipitation_sum": ("precipitation", np.sum),
    "rain_sum": ("rain", np.sum),
    "snowfall_sum": ("snowfall", np.sum),
    "snow_depth_max": ("snow_depth", np.max),
    "snow_depth_mean": ("snow_depth", np.mean),
    "wind_gusts_10m_max": ("wind_gusts_10m", np.max),
}
_DIGITS = {"°C": 1, "mm": 2, "cm": 2, "m": 2, "km/h": 1}


class _Refused(Exception):
    """A request that the service answers with 400 and this text."""


@dataclass(frozen=True)
class _Query:
    """What a request asks for.

    Attributes
    ----------
    known_days
        So many days from the first have values, the others are null.
    """

    points: list[tuple[float, float]]
    hourly: list[str]
    daily: list[str]
    first: datetime.date
    days: int
    known_days: int
    timezone: str


class WeatherService(Service):
    """Row 15 of the table of sandbox endpoints."""

    def __init__(self, clock: SandboxClock, weather: Weather) -> None:
        self._clock = clock
        self._weather = weather
        self._busy = threading.Lock()

    def routes(self) -> Sequence[Route]:
        return (("GET", "/v1/archive", self.archive), ("GET", "/v1/forecast", self.forecast))

    def error_answer(self, path: str, status: int, detail: str) -> Answer | None:
        if path in ("/v1/archive", "/v1/forecast"):
            return Answer.of_json({"reason": detail, "error": True}, status)
        return None

    def archive(self, request: ServiceRequest) -> Answer:
        return self._one_at_a_time(request, self._archive_query)

    def forecast(self, request: ServiceRequest) -> Answer:
        return self._one_at_a_time(request, self._forecast_query)

    def _one_at_a_time(self, request: ServiceRequest, read: Callable[[Mapping[str, str]], _Query]) -> Answer:
        if not self._busy.acquire(blocking=False):
            return Answer.of_json(
                {"reason": "Too many concurrent requests", "error": True},
                429,
                {"Retry-After": str(RETRY_AFTER_S)},
            )
        try:
            time.sleep(_BUSY_S)
            answers = self._answers(read(dict(request.query)))
        except _Refused as refusal:
            return Answer.of_json({"reason": str(refusal), "error": True}, 400)
        finally:
            self._busy.release()
        return Answer.of_json(answers[0] if len(answers) == 1 else answers)

    # --- Queries ---

    def _today(self) -> datetime.date:
        return datetime.datetime.fromtimestamp(self._clock.now_s(), datetime.timezone.utc).date()

    def _archive_query(self, fields: Mapping[str, str]) -> _Query:
        today = self._today()
        if not fields.get("start_date") or not fields.get("end_date"):
            raise _Refused("Parameter 'start_date' and 'end_date' must be set")
        first, last = _span(fields, _FIRST_DAY, today)
        newest = today - datetime.timedelta(days=ARCHIVE_LAG_DAYS)
        return _query(fields, first, last, newest)

    def _forecast_query(self, fields: Mapping[str, str]) -> _Query:
        today = self._today()
        past = _whole(fields, "past_days", 0, _MOST_PAST_DAYS)
        ahead = _whole(fields, "forecast_days", _USUAL_FORECAST_DAYS, _MOST_FORECAST_DAYS)
        last = today + datetime.timedelta(days=_MOST_FORECAST_DAYS - 1)
        if fields.get("start_date") or fields.get("end_date"):
            if "past_days" in fields or "forecast_days" in fields:
                raise _Refused("Parameter 'past_days' is mutually exclusive with 'start_date' and 'end_date'")
            first, last = _span(fields, today - datetime.timedelta(days=_MOST_PAST_DAYS), last)
        else:
            first = today - datetime.timedelta(days=past)
            last = today + datetime.timedelta(days=ahead - 1)
        return _query(fields, first, last, last)

    # --- Answers ---

    def _answers(self, query: _Query) -> list[dict[str, Any]]:
        places = [grid_place(longitude, latitude) for latitude, longitude in query.points]
        weather = self._weather.hourly(
            np.array([place[0] for place in places]),
            np.array([place[1] for place in places]),
            query.first,
            query.days,
        )
        answers = []
        for number, (longitude, latitude) in enumerate(places):
            answer: dict[str, Any] = {
                "latitude": latitude,
                "longitude": longitude,
                "generationtime_ms": 0.25,
                "utc_offset_seconds": 0,
                "timezone": query.timezone,
                "timezone_abbreviation": query.timezone,
                "elevation": 100.0,
            }
            # Of several places all but the first have a number.
            if number:
                answer["location_id"] = number
            answer.update(_columns(query, weather, number))
            answers.append(answer)
        return answers


def _columns(query: _Query, weather: HourlyWeather, number: int) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    days = [query.first + datetime.timedelta(days=index) for index in range(query.days)]
    if query.hourly:
        times = [f"{day.isoformat()}T{hour:02}:00" for day in days for hour in range(24)]
        columns["hourly_units"] = {"time": "iso8601"} | {name: _HOURLY[name][0] for name in query.hourly}
        columns["hourly"] = {"time": times} | {
            name: _rounded(_HOURLY[name][1](weather)[number], _HOURLY[name][0], 24 * query.known_days)
            for name in query.hourly
        }
    if query.daily:
        units = {name: _HOURLY[_DAILY[name][0]][0] for name in query.daily}
        columns["daily_units"] = {"time": "iso8601"} | units
        columns["daily"] = {"time": [day.isoformat() for day in days]}
        for name in query.daily:
            source, summed = _DAILY[name]
            hours = _HOURLY[source][1](weather)[number].reshape(query.days, 24)
            columns["daily"][name] = _rounded(summed(hours, axis=1), units[name], query.known_days)
    return columns


def _rounded(values: Array, unit: str, known: int) -> list[float | None]:
    """Give values as the service writes them; null where they are not known yet."""
    found: list[float | None] = (np.round(values, _DIGITS[unit]) + 0.0).tolist()
    return found[:known] + [None] * (len(found) - known)


def _query(
    fields: Mapping[str, str], first: datetime.date, last: datetime.date, newest: datetime.date
) -> _Query:
    days = (last - first).days + 1
    timezone = fields.get("timezone", "GMT")
    if timezone not in ("GMT", "UTC"):
        raise _Refused("Invalid timezone")
    return _Query(
        _points(fields),
        _names(fields, "hourly", _HOURLY),
        _names(fields, "daily", _DAILY),
        first,
        days,
        min(max((newest - first).days + 1, 0), days),
        timezone,
    )


def _points(fields: Mapping[str, str]) -> list[tuple[float, float]]:
    axes = []
    for name, limit in (("latitude", 90.0), ("longitude", 180.0)):
        text = fields.get(name)
        if not text:
            raise _Refused(f"Parameter '{name}' must be set")
        try:
            values = [float(part) for part in text.split(",")]
        except ValueError as error:
            raise _Refused(f"Parameter '{name}' is not a number: {text}") from error
        for value in values:
            if not -limit <= value <= limit:
                raise _Refused(
                    f"{name.capitalize()} must be in range of -{limit:g} to {limit:g}°. Given: {value}."
                )
        axes.append(values)
    if len(axes[0]) != len(axes[1]):
        raise _Refused("Parameter 'latitude' and 'longitude' must have the same number of elements")
    if len(axes[0]) > _MOST_POINTS:
        raise _Refused(f"Only up to {_MOST_POINTS} locations can be requested at once")
    return list(zip(axes[0], axes[1]))


def _names(fields: Mapping[str, str], field: str, known: Mapping[str, object]) -> list[str]:
    names = [name for name in fields.get(field, "").split(",") if name]
    for name in names:
        if name not in known:
            raise _Refused(
                f"Data corrupted at path ''. Cannot initialize Variable{field.capitalize()} from invalid "
                f"String value {name}."
            )
    return list(dict.fromkeys(names))


def _whole(fields: Mapping[str, str], name: str, usual: int, most: int) -> int:
    text = fields.get(name, str(usual))
    if not text.isdecimal() or int(text) > most:
        raise _Refused(f"Parameter '{name}' is out of range. Allowed range 0 to {most}.")
    return int(text)


def _span(
    fields: Mapping[str, str], lowest: datetime.date, highest: datetime.date
) -> tuple[datetime.date, datetime.date]:
    days = []
    for name in ("start_date", "end_date"):
        try:
            day = datetime.date.fromisoformat(fields.get(name, ""))
        except ValueError as error:
            raise _Refused("Invalid date format. Make sure to use 'YYYY-MM-DD'") from error
        if not lowest <= day <= highest:
            raise _Refused(f"Parameter '{name}' is out of allowed range from {lowest} to {highest}")
        days.append(day)
    if days[1] < days[0]:
        raise _Refused("End-date must be larger or equals than start-date")
    return days[0], days[1]

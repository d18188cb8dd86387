# SPDX-License-Identifier: GPL-2.0-or-later
"""FIRMS in the sandbox: detections of fires in an area as CSV.

Fires come in the dry and warm season, on ground that burns, and last some days. On the ground of each simulated stack
there is one a year; the simulated products know nothing of it.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from insarhub_qgis.core.sandbox_credentials import SANDBOX_USER_PREFIX
from insarhub_qgis.sandbox.lattice_noise import node_values
from insarhub_qgis.sandbox.server import Answer, Route, Service, ServiceRequest
from insarhub_qgis.sandbox.service_state import SandboxClock
from insarhub_qgis.sandbox.weather import Weather
from insarhub_qgis.sandbox.world import CROP, GRASS, MOSS, SHRUB, TREE, WETLAND, StackGround, World

Array = npt.NDArray[np.float64]

_ROOT = "/api"
MOST_DAYS = 5
#: A key has 32 hex digits; one of the sandbox may also say so.
_KEY = re.compile(rf"[0-9a-f]{{32}}|{SANDBOX_USER_PREFIX}[\w-]+")
#: Source -> satellite as the column has it.
_SOURCES = {
    "VIIRS_SNPP_SP": "N",
    "VIIRS_SNPP_NRT": "N",
    "VIIRS_NOAA20_SP": "N20",
    "VIIRS_NOAA20_NRT": "N20",
    "VIIRS_NOAA21_NRT": "N21",
}
_FIRST = datetime.date(2012, 1, 20)
#: The standard product lags so far behind; the fast one is kept for so long.
_STANDARD_LAG_DAYS, _FAST_DAYS = 90, 120
_COLUMNS = (
    "latitude",
    "longitude",
    "bright_ti4",
    "scan",
    "track",
    "acq_date",
    "acq_time",
    "satellite",
    "instrument",
    "confidence",
    "version",
    "bright_ti5",
    "frp",
    "daynight",
)
_BURNS = (TREE, SHRUB, GRASS, CROP, WETLAND, MOSS)

#: Fires start at most once in a cell of one degree and a span of days.
_SPAN_DAYS = 8
_LONGEST_FIRE_DAYS = 5
_SHARE_OF_SPANS = 0.12
_PIXEL_M = 375.0
_METRES_PER_DEGREE = 111_195.0


class _Refused(Exception):
    """A request that the service answers with 400 and this text."""


@dataclass(frozen=True)
class _Fire:
    longitude: float
    latitude: float
    radius_m: float
    first: datetime.date
    days: int


class FireService(Service):
    """Fire of row 16 of the table of sandbox endpoints."""

    def __init__(self, clock: SandboxClock, world: World, weather: Weather) -> None:
        self._clock = clock
        self._world = world
        self._weather = weather

    def routes(self) -> Sequence[Route]:
        area = rf"{_ROOT}/area/csv/([^/]+)/([^/]+)/([^/]+)/([^/]+)(?:/([^/]+))?"
        return (
            ("GET", area, self.area),
            ("GET", rf"{_ROOT}/data_availability/csv/([^/]+)/([^/]+)", self.availability),
        )

    def error_answer(self, path: str, status: int, detail: str) -> Answer | None:
        if path.startswith((f"{_ROOT}/area/", f"{_ROOT}/data_availability/")):
            return Answer.of_text(detail, status)
        return None

    def area(self, request: ServiceRequest) -> Answer:
        key, source, area, days_text, start_text = request.path_parts
        try:
            _check_key(key)
            if source not in _SOURCES:
                raise _Refused("Invalid source.")
            bounds = _bounds(area)
            if not days_text.isdecimal() or not 1 <= int(days_text) <= MOST_DAYS:
                raise _Refused(f"Invalid day range. Expects [1..{MOST_DAYS}].")
            days = int(days_text)
            first = self._first_day(start_text, days)
        except _Refused as refusal:
            return Answer.of_text(str(refusal), 400)
        columns = (*_COLUMNS, "type") if source.endswith("_SP") else _COLUMNS
        lines = [",".join(columns)]
        lowest, highest = self._available(source)
        for index in range(days):
            day = first + datetime.timedelta(days=index)
            if lowest <= day <= highest:
                lines += self._lines(source, bounds, day)
        return Answer.of_text("\n".join(lines) + "\n", 200, "text/csv; charset=utf-8")

    def availability(self, request: ServiceRequest) -> Answer:
        key, source = request.path_parts
        try:
            _check_key(key)
            if source not in (*_SOURCES, "ALL"):
                raise _Refused("Invalid source.")
        except _Refused as refusal:
            return Answer.of_text(str(refusal), 400)
        lines = ["data_id,min_date,max_date"]
        for name in _SOURCES if source == "ALL" else (source,):
            lines.append(",".join([name, *(day.isoformat() for day in self._available(name))]))
        return Answer.of_text("\n".join(lines) + "\n", 200, "text/csv; charset=utf-8")

    # --- Days ---

    def _today(self) -> datetime.date:
        return datetime.datetime.fromtimestamp(self._clock.now_s(), datetime.timezone.utc).date()

    def _available(self, source: str) -> tuple[datetime.date, datetime.date]:
        today = self._today()
        if source.endswith("_SP"):
            return _FIRST, today - datetime.timedelta(days=_STANDARD_LAG_DAYS)
        return today - datetime.timedelta(days=_FAST_DAYS), today

    def _first_day(self, text: str, days: int) -> datetime.date:
        if not text:
            return self._today() - datetime.timedelta(days=days - 1)
        try:
            return datetime.date.fromisoformat(text)
        except ValueError as error:
            raise _Refused("Invalid date. Expects YYYY-MM-DD.") from error

    # --- Fires ---

    def _lines(
        self, source: str, bounds: tuple[float, float, float, float], day: datetime.date
    ) -> Iterable[str]:
        west, south, east, north = bounds
        for fire in self._fires(bounds, day):
            longitudes, latitudes = self._detections(fire, day)
            inside = (longitudes >= west) & (longitudes <= east) & (latitudes >= south) & (latitudes <= north)
            for longitude, latitude in zip(longitudes[inside].tolist(), latitudes[inside].tolist()):
                yield _line(source, longitude, latitude, day)

    def _fires(self, bounds: tuple[float, float, float, float], day: datetime.date) -> list[_Fire]:
        """Give the fires of a day whose cells touch bounds."""
        west, south, east, north = bounds
        fires = []
        for back in (0, 1):
            span = day.toordinal() // _SPAN_DAYS - back
            fires += self._fires_of_span(west, south, east, north, span)
        for number, stack in enumerate(self._world.stacks):
            if west - 1 <= stack.longitude_deg <= east + 1 and south - 1 <= stack.latitude_deg <= north + 1:
                fires += self._yearly_fire(number, stack, day.year)
        return [fire for fire in fires if fire.first <= day < fire.first + datetime.timedelta(days=fire.days)]

    def _fires_of_span(self, west: float, south: float, east: float, north: float, span: int) -> list[_Fire]:
        seed = self._world.seed
        columns, rows = np.meshgrid(
            np.arange(math.floor(west) - 1, math.ceil(east) + 1),
            np.arange(math.floor(south), math.ceil(north)),
        )
        x, y = (columns.ravel() + 180) % 360 - 180, rows.ravel()
        chosen = node_values(seed, "fires", x, y, span) > 1.0 - 2.0 * _SHARE_OF_SPANS
        x, y = x[chosen], y[chosen]
        is_land = self._world.at(self._world.land_mask, x[np.newaxis] + 0.5, y[np.newaxis] + 0.5)[0]
        x, y = x[is_land], y[is_land]
        if not len(x):
            return []
        parts = [node_values(seed, f"fire {part}", x, y, span) for part in range(4)]
        longitudes, latitudes = x + 0.5 + 0.45 * parts[0], y + 0.5 + 0.45 * parts[1]
        start = datetime.date.fromordinal(span * _SPAN_DAYS)
        dryness = self._weather.dryness(longitudes, latitudes, start)
        return [
            _Fire(
                float(longitudes[index]),
                float(latitudes[index]),
                500.0 + 1500.0 * float(parts[2][index] + 1.0),
                start + datetime.timedelta(days=int(1.5 * (parts[3][index] + 1.0))),
                2 + int((_LONGEST_FIRE_DAYS - 2) * abs(float(parts[3][index]))),
            )
            for index in np.flatnonzero(dryness > 0.5)
        ]

    def _yearly_fire(self, number: int, stack: StackGround, year: int) -> list[_Fire]:
        """Give the fire on the ground of a stack in the local summer of a year; none where nothing burns."""
        offsets = np.linspace(-0.4, 0.4, 41)
        longitudes = stack.longitude_deg + offsets * stack.reach_deg[0]
        latitudes = stack.latitude_deg + offsets * stack.reach_deg[1]
        rows, columns = np.nonzero(np.isin(self._world.land_cover(longitudes, latitudes), _BURNS))
        if not len(rows):
            return []
        shares = [
            float(node_values(self._world.seed, f"yearly fire {part}", number, year)[0] + 1.0) / 2.0
            for part in range(2)
        ]
        chosen = int(shares[0] * len(rows))
        summer = datetime.date(year, 7 if stack.latitude_deg >= 0 else 1, 5)
        return [
            _Fire(
                float(longitudes[columns[chosen]]),
                float(latitudes[rows[chosen]]),
                1500.0,
                summer + datetime.timedelta(days=int(40 * shares[1])),
                _LONGEST_FIRE_DAYS,
            )
        ]

    def _detections(self, fire: _Fire, day: datetime.date) -> tuple[Array, Array]:
        """Give the middles of the burning pixels of a day: a ring that grows outwards."""
        age = (day - fire.first).days
        count = math.ceil(fire.radius_m / _PIXEL_M)
        steps = np.arange(-count, count + 1) * (_PIXEL_M / _METRES_PER_DEGREE)
        latitudes = fire.latitude + steps
        longitudes = fire.longitude + steps / math.cos(math.radians(fire.latitude))
        distance = np.hypot(steps[np.newaxis, :], steps[:, np.newaxis]) * _METRES_PER_DEGREE
        inner, outer = (fire.radius_m * step / fire.days for step in (age, age + 1))
        burning = (distance >= inner) & (distance < outer)
        burning &= np.isin(self._world.land_cover(longitudes, latitudes), _BURNS)
        rows, columns = np.nonzero(burning)
        return longitudes[columns], latitudes[rows]


def _line(source: str, longitude: float, latitude: float, day: datetime.date) -> str:
    """Give one detection as a line; what it says beside place and day follows from both."""
    place = (round(longitude * 1e5), round(latitude * 1e5), day.toordinal())
    shares = [(float(node_values(0, f"detection {part}", *place)[0]) + 1.0) / 2.0 for part in range(3)]
    is_day = shares[0] < 0.6
    confidence = "l" if shares[1] < 0.1 else "h" if shares[1] > 0.85 else "n"
    fields = [
        f"{latitude:.5f}",
        f"{longitude:.5f}",
        f"{310.0 + 55.0 * shares[1]:.2f}",
        f"{0.38 + 0.2 * shares[2]:.2f}",
        f"{0.36 + 0.2 * shares[2]:.2f}",
        day.isoformat(),
        "1248" if is_day else "148",
        _SOURCES[source],
        "VIIRS",
        confidence,
        "2" if source.endswith("_SP") else "2.0NRT",
        f"{285.0 + 15.0 * shares[2]:.2f}",
        f"{1.0 + 20.0 * shares[1] ** 2:.2f}",
        "D" if is_day else "N",
    ]
    return ",".join([*fields, "0"] if source.endswith("_SP") else fields)


def _check_key(key: str) -> None:
    if _KEY.fullmatch(key) is None:
        raise _Refused("Invalid MAP_KEY.")


def _bounds(text: str) -> tuple[float, float, float, float]:
    if text == "world":
        return -180.0, -90.0, 180.0, 90.0
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError as error:
        raise _Refused("Invalid area coordinates.") from error
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise _Refused("Invalid area coordinates.")
    return west, south, east, north

# SPDX-License-Identifier: GPL-2.0-or-later
"""The MODIS subset service of ORNL in the sandbox: vegetation index of the 16-day composites around a place."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from insarhub_qgis.sandbox import world as classes
from insarhub_qgis.sandbox.lattice_noise import series_noise
from insarhub_qgis.sandbox.modis_grid import TILE_M, project, tile_of, unproject, upper_left
from insarhub_qgis.sandbox.server import Answer, Route, Service, ServiceRequest
from insarhub_qgis.sandbox.service_state import SandboxClock
from insarhub_qgis.sandbox.weather import Weather
from insarhub_qgis.sandbox.world import World

Array = npt.NDArray[np.float64]

_ROOT = "/rst/api/v1"
BAND = "250m_16_days_NDVI"
MOST_DATES = 10
_MOST_KM = 100
#: Raw value of water and of what was not seen; others are 10 000 x NDVI.
FILL, SCALE = -3000, 0.0001
_PIXELS = 4800
CELL_M = TILE_M / _PIXELS
_FIRST = datetime.date(2000, 2, 18)
_COMPOSITE_DAYS = 16
#: A composite is there so long after its first day.
_LAG_DAYS = 24
_DATE = re.compile(r"A(\d{4})(\d{3})")

#: Class -> vegetation index in the dead season, and what the growing season adds.
_NDVI = {
    classes.TREE: (0.62, 0.22),
    classes.SHRUB: (0.28, 0.12),
    classes.GRASS: (0.32, 0.28),
    classes.CROP: (0.28, 0.45),
    classes.BUILT: (0.18, 0.06),
    classes.BARREN: (0.09, 0.03),
    classes.ICE: (0.02, 0.0),
    classes.WETLAND: (0.45, 0.25),
    classes.MANGROVE: (0.75, 0.05),
    classes.MOSS: (0.15, 0.25),
}


class _Refused(Exception):
    """A request that the service answers with 400 and this text."""


class VegetationService(Service):
    """Vegetation of row 16 of the table of sandbox endpoints."""

    def __init__(self, clock: SandboxClock, world: World, weather: Weather) -> None:
        self._clock = clock
        self._world = world
        self._weather = weather

    def routes(self) -> Sequence[Route]:
        return (
            ("GET", rf"{_ROOT}/MOD13Q1/subset", self.subset),
            ("GET", rf"{_ROOT}/MOD13Q1/dates", self.dates),
        )

    def error_answer(self, path: str, status: int, detail: str) -> Answer | None:
        return Answer.of_text(detail, status) if path.startswith(_ROOT) else None

    def dates(self, request: ServiceRequest) -> Answer:
        try:
            _place(dict(request.query))
        except _Refused as refusal:
            return Answer.of_text(str(refusal), 400)
        days = composites(_FIRST, self._newest())
        return Answer.of_json(
            {"dates": [{"modis_date": _modis_date(day), "calendar_date": day.isoformat()} for day in days]}
        )

    def subset(self, request: ServiceRequest) -> Answer:
        fields = dict(request.query)
        try:
            return Answer.of_json(self._subset(fields, request))
        except _Refused as refusal:
            return Answer.of_text(str(refusal), 400)

    def _newest(self) -> datetime.date:
        now = datetime.datetime.fromtimestamp(self._clock.now_s(), datetime.timezone.utc).date()
        return now - datetime.timedelta(days=_LAG_DAYS)

    def _subset(self, fields: Mapping[str, str], request: ServiceRequest) -> dict[str, Any]:
        longitude, latitude = _place(fields)
        band = fields.get("band", BAND)
        if band != BAND:
            raise _Refused(f"Band {band} is not available for MOD13Q1.")
        first, last = (_day(fields, name) for name in ("startDate", "endDate"))
        days = composites(max(first, _FIRST), min(last, self._newest()))
        if not days:
            raise _Refused("No data available for the dates requested.")
        if len(days) > MOST_DATES:
            raise _Refused(f"Number of MODIS dates exceeds the limit of {MOST_DATES} per request.")
        rows, columns = (1 + 2 * _cells(fields, name) for name in ("kmAboveBelow", "kmLeftRight"))
        left, bottom, xs, ys = _pixel_centres(longitude, latitude, rows, columns)
        h, v = tile_of(longitude, latitude)
        values = self._values(*unproject(*np.meshgrid(xs, ys)), days)
        return {
            "xllcorner": f"{left:.2f}",
            "yllcorner": f"{bottom:.2f}",
            "cellsize": CELL_M,
            "nrows": rows,
            "ncols": columns,
            "band": BAND,
            "units": "NDVI",
            "scale": str(SCALE),
            "latitude": latitude,
            "longitude": longitude,
            "header": f"http://{request.headers.get('host', '')}{_ROOT}/MOD13Q1/subset",
            "subset": [
                {
                    "modis_date": _modis_date(day),
                    "calendar_date": day.isoformat(),
                    "band": BAND,
                    "tile": f"h{h:02}v{v:02}",
                    "proc_date": f"{day + datetime.timedelta(days=_LAG_DAYS):%Y%j}120000",
                    "data": values[:, index].tolist(),
                }
                for index, day in enumerate(days)
            ],
        }

    def _values(
        self, longitudes: Array, latitudes: Array, days: Sequence[datetime.date]
    ) -> npt.NDArray[np.int64]:
        """Give raw values of pixels in rows from the north, shape (n_pixels, n_days)."""
        # Along a row of the grid the latitude is one; each row is a grid of its own on the plane.
        cover = np.concatenate(
            [self._world.land_cover(row, np.array([lats[0]]))[0] for row, lats in zip(longitudes, latitudes)]
        )
        longitude, latitude = longitudes.ravel(), latitudes.ravel()
        low, rise = (
            np.array([_NDVI.get(int(number), (0.0, 0.0))[part] for number in cover]) for part in (0, 1)
        )
        ordinals = np.array([day.toordinal() for day in days], dtype=np.float64)
        peak = np.where(latitude < 0, 12.0, 195.0)[:, np.newaxis]
        growth = 0.5 + 0.5 * np.cos(2 * np.pi * (ordinals - peak) / 365.25)
        years = series_noise(self._world.seed, "growth", longitude, latitude, ordinals, 1.0, 40.0)
        index = low[:, np.newaxis] + rise[:, np.newaxis] * growth * (1.0 + 0.25 * years)
        for column, day in enumerate(days):
            depth, _ = self._weather.snow_and_cloud(longitude[:1], latitude[:1], day)
            if depth[0] > 0.05:
                index[:, column] *= 0.2
        raw = np.round(np.clip(index, -0.2, 1.0) / SCALE).astype(np.int64)
        is_empty = (cover == classes.OPEN_WATER) | (cover == 0)
        raw[is_empty] = FILL
        return raw


def composites(first: datetime.date, last: datetime.date) -> list[datetime.date]:
    """Give the first days of the composites that begin from ``first`` to ``last``; each year begins anew."""
    days = [
        datetime.date(year, 1, 1) + datetime.timedelta(days=offset)
        for year in range(first.year, last.year + 1)
        for offset in range(0, 365, _COMPOSITE_DAYS)
    ]
    return [day for day in days if first <= day <= last]


def _modis_date(day: datetime.date) -> str:
    return f"A{day:%Y%j}"


def _place(fields: Mapping[str, str]) -> tuple[float, float]:
    values = []
    for name, limit in (("longitude", 180.0), ("latitude", 90.0)):
        try:
            value = float(fields.get(name, ""))
        except ValueError as error:
            raise _Refused(f"{name} is required and must be a number.") from error
        if not -limit <= value <= limit:
            raise _Refused(f"{name} must be between {-limit:g} and {limit:g}.")
        values.append(value)
    return values[0], values[1]


def _day(fields: Mapping[str, str], name: str) -> datetime.date:
    match = _DATE.fullmatch(fields.get(name, ""))
    if match is None or not 1 <= int(match.group(2)) <= 366:
        raise _Refused(f"{name} is required in the form AYYYYDDD.")
    return datetime.date(int(match.group(1)), 1, 1) + datetime.timedelta(days=int(match.group(2)) - 1)


def _cells(fields: Mapping[str, str], name: str) -> int:
    text = fields.get(name, "0")
    if not text.isdecimal() or int(text) > _MOST_KM:
        raise _Refused(f"{name} must be a whole number from 0 to {_MOST_KM}.")
    return math.ceil(int(text) * 1000 / CELL_M)


def _pixel_centres(
    longitude: float, latitude: float, rows: int, columns: int
) -> tuple[float, float, Array, Array]:
    """Give the lower left corner and the centres of the pixels around a place, rows from the north."""
    x, y = project(longitude, latitude)
    origin_x, origin_y = upper_left(0, 0)
    column = math.floor((x - origin_x) / CELL_M) - columns // 2
    row = math.floor((origin_y - y) / CELL_M) - rows // 2
    xs: Array = origin_x + (column + np.arange(columns) + 0.5) * CELL_M
    ys: Array = origin_y - (row + np.arange(rows) + 0.5) * CELL_M
    return float(xs[0] - CELL_M / 2), float(ys[-1] - CELL_M / 2), xs, ys

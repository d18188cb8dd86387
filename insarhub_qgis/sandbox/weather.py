# SPDX-License-Identifier: GPL-2.0-or-later
"""Weather of the sandbox: the same for a place and a day whenever it is asked for.

Temperature follows latitude and time of year with warm and cold spells, rain comes in events that pass over, falls as
snow when it is cold, and the snow stays until it melts. Nothing is kept: the snow of a winter is counted from the local
midsummer before it.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from insarhub_qgis.sandbox.lattice_noise import node_values, series_noise

Array = npt.NDArray[np.float64]

#: Grid of the reanalysis, degrees.
CELL_DEG = 0.25
_HOURS = np.arange(24)
#: Snow that 1 mm of water makes, cm.
_SNOW_CM_PER_MM = 0.7
_MELT_M_PER_DEGREE_DAY = 0.012
_SETTLING = 0.97
_DEEPEST_SNOW_M = 3.0


@dataclass(frozen=True)
class HourlyWeather:
    """Weather of points by the hour from midnight UTC of the first day; all of shape (n_points, 24 n_days).

    Attributes
    ----------
    temperature_c, soil_temperature_c
        Air at 2 m, and soil of 0 to 7 cm.
    precipitation_mm, rain_mm
        Of the hour before, snow as water in the first.
    snowfall_cm, snow_depth_m, gusts_km_h
    """

    temperature_c: Array
    soil_temperature_c: Array
    precipitation_mm: Array
    rain_mm: Array
    snowfall_cm: Array
    snow_depth_m: Array
    gusts_km_h: Array


@dataclass(frozen=True)
class _Days:
    """Values of each day, shape (n_points, n_days); the snow depth is that of the end of the day."""

    temperature_c: Array
    precipitation_mm: Array
    snow_share: Array
    snow_depth_m: Array
    depth_before_m: Array


def grid_place(longitude_deg: float, latitude_deg: float) -> tuple[float, float]:
    """Give the middle of the cell that answers for a place."""
    latitude = float(np.clip(round(latitude_deg / CELL_DEG) * CELL_DEG, -90.0, 90.0))
    longitude = round(longitude_deg / CELL_DEG) * CELL_DEG
    return (longitude + 180.0) % 360.0 - 180.0, latitude


class Weather:
    """Weather of a seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def hourly(self, longitudes: Array, latitudes: Array, first: datetime.date, days: int) -> HourlyWeather:
        """Give the weather of points from a day on."""
        # One more day on either side, between which the hours are interpolated.
        around = self._days(longitudes, latitudes, first - datetime.timedelta(days=1), days + 2)
        inner = slice(1, -1)
        hours = np.arange(24 * days)
        position: Array = (hours + 12.0) / 24.0
        smooth = _interpolated(around.temperature_c, position)
        solar = np.radians(15.0) * (hours + longitudes[:, np.newaxis] / 15.0 - 14.0)
        range_c = 1.0 + 4.0 * np.cos(np.radians(latitudes))[:, np.newaxis]
        share = self._shares_of_hours(longitudes, latitudes, first, days)
        precipitation = np.repeat(around.precipitation_mm[:, inner], 24, axis=1) * share
        snow = np.repeat(around.snow_share[:, inner], 24, axis=1)
        before, after = (
            np.repeat(depth[:, inner], 24, axis=1) for depth in (around.depth_before_m, around.snow_depth_m)
        )
        depth = before + (after - before) * (hours % 24 + 1) / 24.0
        annual = _annual_mean_c(latitudes)[:, np.newaxis]
        soil = 0.75 * smooth + 0.25 * annual + 0.35 * range_c * np.cos(solar - 0.6)
        # Snow keeps the ground near freezing.
        soil = np.where(depth > 0.05, np.clip(soil, -2.0, 0.5), soil)
        gusts = self._noise("gusts", longitudes, latitudes, _ordinals(first, days), 3.0, 2.0)
        gusts_daily = 30.0 + 25.0 * gusts + 1.2 * around.precipitation_mm[:, inner]
        return HourlyWeather(
            temperature_c=smooth + range_c * np.cos(solar),
            soil_temperature_c=soil,
            precipitation_mm=precipitation,
            rain_mm=precipitation * (1.0 - snow),
            snowfall_cm=precipitation * snow * _SNOW_CM_PER_MM,
            snow_depth_m=depth,
            gusts_km_h=np.maximum(np.repeat(gusts_daily, 24, axis=1) * (1.0 + 0.2 * np.cos(solar)), 3.0),
        )

    def snow_and_cloud(
        self, longitudes: Array, latitudes: Array, day: datetime.date
    ) -> tuple[Array, npt.NDArray[np.bool_]]:
        """Give snow depth (m) at the end of a day, and whether clouds hide the ground, both of shape (n_points,)."""
        days = self._days(longitudes, latitudes, day, 1)
        clouds = self._noise("clouds", longitudes, latitudes, _ordinals(day, 1), 1.0, 1.0)[:, 0]
        return days.snow_depth_m[:, 0], (clouds > 0.15) | (days.precipitation_mm[:, 0] > 3.0)

    def dryness(self, longitudes: Array, latitudes: Array, day: datetime.date) -> Array:
        """Give days of the dry and warm season near 1, others near 0, shape (n_points,)."""
        ordinals = _ordinals(day - datetime.timedelta(days=20), 21)
        temperature = self._temperature_c(longitudes, latitudes, ordinals).mean(axis=1)
        rain = self._precipitation_mm(longitudes, latitudes, ordinals).sum(axis=1)
        warm = np.clip((temperature - 15.0) / 10.0, 0.0, 1.0)
        return np.asarray(warm * np.clip(1.0 - rain / 80.0, 0.0, 1.0))

    # --- Days ---

    def _days(self, longitudes: Array, latitudes: Array, first: datetime.date, count: int) -> _Days:
        """Give days from ``first`` on, with the snow that fell since midsummer."""
        start = min(_snow_start(first, south=False), _snow_start(first, south=True))
        lead = (first - start).days
        ordinals = _ordinals(start, lead + count)
        temperature = self._temperature_c(longitudes, latitudes, ordinals)
        precipitation = self._precipitation_mm(longitudes, latitudes, ordinals)
        snow_share = np.clip((2.0 - temperature) / 2.5, 0.0, 1.0)
        fallen_m = precipitation * snow_share * _SNOW_CM_PER_MM / 100.0
        melt_m = np.maximum(temperature, 0.0) * _MELT_M_PER_DEGREE_DAY
        depth = np.zeros(len(longitudes))
        depths = np.zeros_like(temperature)
        before = np.zeros_like(temperature)
        is_south = latitudes < 0
        for index, ordinal in enumerate(ordinals.astype(int)):
            date = datetime.date.fromordinal(ordinal)
            if date.day == 1 and date.month in (2, 8):
                depth = np.where(is_south == (date.month == 2), 0.0, depth)
            before[:, index] = depth
            depth = np.maximum(depth * _SETTLING + fallen_m[:, index] - melt_m[:, index], 0.0)
            depth = np.minimum(depth, _DEEPEST_SNOW_M)
            depths[:, index] = depth
        kept = slice(lead, None)
        return _Days(
            temperature[:, kept],
            precipitation[:, kept],
            snow_share[:, kept],
            depths[:, kept],
            before[:, kept],
        )

    def _temperature_c(self, longitudes: Array, latitudes: Array, ordinals: Array) -> Array:
        swing = 0.22 * latitudes[:, np.newaxis]
        # Day 200 of the year is the warmest in the north; 365.25 days from the first of January of year 1.
        season = np.cos(2 * np.pi * (ordinals - 200.0) / 365.25)
        spells = 9.0 * self._noise("spells", longitudes, latitudes, ordinals, 6.0, 6.0)
        weeks = 6.0 * self._noise("weeks", longitudes, latitudes, ordinals, 12.0, 21.0)
        calm = np.clip(np.abs(latitudes) / 35.0, 0.3, 1.0)[:, np.newaxis]
        return _annual_mean_c(latitudes)[:, np.newaxis] + swing * season + calm * (spells + weeks)

    def _precipitation_mm(self, longitudes: Array, latitudes: Array, ordinals: Array) -> Array:
        events = self._noise("events", longitudes, latitudes, ordinals, 3.0, 1.6)
        wet_weeks = self._noise("wet weeks", longitudes, latitudes, ordinals, 9.0, 12.0)
        distance = np.abs(latitudes)[:, np.newaxis]
        dry = 0.06 * np.exp(-(((distance - 25.0) / 10.0) ** 2)) + 0.1 * np.clip(
            (distance - 60.0) / 20.0, 0, 1
        )
        excess = np.maximum(0.8 * events + 0.5 * wet_weeks - 0.15 - dry, 0.0)
        return np.asarray(np.where(excess > 0.01, 40.0 * excess**1.2, 0.0))

    def _shares_of_hours(self, longitudes: Array, latitudes: Array, first: datetime.date, days: int) -> Array:
        """Give the share of the day's rain in each hour: an event of some hours around one of them."""
        cell = np.round((longitudes + 180.0) / CELL_DEG) + 10_000 * np.round((latitudes + 90.0) / CELL_DEG)
        peak = 12.0 + 9.0 * node_values(
            self._seed, "hour of rain", cell.astype(int)[:, np.newaxis], _ordinals(first, days).astype(int)
        )
        weights = np.exp(-(((_HOURS - peak[:, :, np.newaxis]) / 3.0) ** 2))
        weights[weights < 0.05] = 0.0
        weights /= weights.sum(axis=2, keepdims=True)
        return np.asarray(weights.reshape(len(longitudes), -1))

    def _noise(
        self, name: str, longitudes: Array, latitudes: Array, ordinals: Array, cell: float, period: float
    ) -> Array:
        return series_noise(self._seed, name, longitudes, latitudes, ordinals, cell, period)


def _annual_mean_c(latitudes: Array) -> Array:
    return np.asarray(27.0 - 0.0085 * latitudes**2)


def _ordinals(first: datetime.date, count: int) -> Array:
    return np.arange(first.toordinal(), first.toordinal() + count, dtype=np.float64)


def _snow_start(day: datetime.date, *, south: bool) -> datetime.date:
    """Give the last local first of August (first of February in the south) up to a day."""
    start = datetime.date(day.year, 2 if south else 8, 1)
    return start if start <= day else start.replace(year=day.year - 1)


def _interpolated(values: Array, position: Array) -> Array:
    lower = np.floor(position).astype(int)
    return np.asarray(values[:, lower] + (values[:, lower + 1] - values[:, lower]) * (position - lower))

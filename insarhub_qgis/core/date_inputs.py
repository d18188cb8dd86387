# SPDX-License-Identifier: GPL-2.0-or-later
"""What is known of each date of a stack: rain, snow, temperatures and vegetation of the area, as arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from insarhub_qgis.core.quality_files import QualityCache, ndvi_key, vegetation_key, weather_key
from insarhub_qgis.core.scenes import scene_start
from insarhub_qgis.core.stack_file import is_number

# Runtime needs none of it, and importing it is a quarter of the start of the plugin.
if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import ArrayLike, NDArray

#: Snow cover of the area from which melting snow spoils a date, and the temperature above which it melts.
WET_SNOW_COVER, FREEZING_C = 0.30, 0.0
#: Snow of this depth covers the ground.
FULL_COVER_DEPTH_M = 0.10
_HOUR_S, _DAY_S = 3600, 86400
#: States of the wet-snow test of a date.
NOT_WET, WET, UNTESTED = 0, 1, -1

#: Names of the inputs, and of their sources.
RAIN, SNOW, AIR, SOIL, NDVI = "rain_mm", "snow_cover", "air_c", "soil_c", "ndvi"
INPUTS = (RAIN, SNOW, AIR, SOIL, NDVI)
ERA5, MODIS = "era5", "modis"

Floats: TypeAlias = "NDArray[np.float64]"


def snow_cover_of_depth(depth_m: ArrayLike) -> Floats:
    """Give the snow cover 0..1 of a snow depth in metres; NaN stays NaN."""
    return np.clip(np.asarray(depth_m, dtype=np.float64) / FULL_COVER_DEPTH_M, 0.0, 1.0)


def wet_snow_states(snow_cover: ArrayLike, air_c: ArrayLike) -> NDArray[np.int8]:
    """Test for wet snow: `WET`, `NOT_WET`, or `UNTESTED` where snow lies and the temperature is not known.

    Parameters
    ----------
    snow_cover
        0..1, NaN = unknown, which is no snow that could be tested.
    air_c
        At the overpass, degrees Celsius; NaN = unknown.
    """
    has_snow = np.asarray(snow_cover, dtype=np.float64) >= WET_SNOW_COVER
    air = np.asarray(air_c, dtype=np.float64)
    states = np.where(air > FREEZING_C, WET, np.where(np.isnan(air), UNTESTED, NOT_WET))
    return np.where(has_snow, states, NOT_WET).astype(np.int8)


@dataclass(frozen=True)
class DateInputs:
    """Inputs of the dates of a stack, arrays of shape (n_dates,); NaN = unknown.

    Attributes
    ----------
    rain_mm
        Sum of three days, the last of them the day of the acquisition.
    snow_cover
        0..1.
    air_c, soil_c
        At the overpass: air, and soil from 0 to 7 cm.
    ndvi
        -1..1.
    wet_snow
        `WET`, `NOT_WET` or `UNTESTED`.
    sources
        Input -> name of its source on each date, empty where unknown.
    """

    rain_mm: Floats
    snow_cover: Floats
    air_c: Floats
    soil_c: Floats
    ndvi: Floats
    wet_snow: NDArray[np.int8]
    sources: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        count: int,
        *,
        rain_mm: ArrayLike | None = None,
        snow_cover: ArrayLike | None = None,
        air_c: ArrayLike | None = None,
        soil_c: ArrayLike | None = None,
        ndvi: ArrayLike | None = None,
        wet_snow: NDArray[np.int8] | None = None,
        sources: Mapping[str, Sequence[str]] | None = None,
    ) -> DateInputs:
        """Make the inputs of ``count`` dates; what is not given is unknown.

        Without ``wet_snow`` the mean of the area is tested.

        Raises
        ------
        ValueError
            For arrays of another length.
        """

        def known(values: ArrayLike | None) -> Floats:
            array = (
                np.full(count, np.nan) if values is None else np.array(values, dtype=np.float64, copy=True)
            )
            if array.shape != (count,):
                raise ValueError(f"an input has shape {array.shape}, dates are {count}")
            return array

        snow, air = known(snow_cover), known(air_c)
        states = wet_snow_states(snow, air) if wet_snow is None else np.asarray(wet_snow, dtype=np.int8)
        if states.shape != (count,):
            raise ValueError(f"wet_snow has shape {states.shape}, dates are {count}")
        return cls(known(rain_mm), snow, air, known(soil_c), known(ndvi), states, dict(sources or {}))

    def __len__(self) -> int:
        return len(self.rain_mm)

    def source_of(self, name: str, index: int) -> str:
        """Give the source of an input on a date; empty when it is not known."""
        names = self.sources.get(name)
        return names[index] if names is not None and index < len(names) else ""


def read_date_inputs(
    cache: QualityCache,
    points: Sequence[tuple[float, float]],
    days: Sequence[date],
    overpass_hour_utc: int | None = None,
    *,
    use_modis_snow: bool = False,
    vegetation_sources: Sequence[str] = (),
    now: datetime | None = None,
) -> DateInputs:
    """Read the inputs of dates from the quality cache; nothing is fetched, what is not there is unknown.

    Parameters
    ----------
    points
        Sample points (latitude, longitude in degrees), the middle of the area first. Each value is the mean of them;
        snow is wet when it is wet at one of them.
    overpass_hour_utc
        Hour of the stack; entries of another one do not count.
    use_modis_snow
        Take the snow cover from MODIS on dates that have it.
    vegetation_sources
        Sources of monthly values that stand in for a missing NDVI, best first.
    """
    values: dict[str, list[float]] = {name: [] for name in INPUTS}
    sources: dict[str, list[str]] = {name: [] for name in INPUTS}
    wet = []
    for day in days:
        weather = cache.weather(points, day, overpass_hour_utc, now) or {}
        states, covers, snow_source = _snow(cache, points, day, bool(weather), use_modis_snow, now)
        ndvi, ndvi_source = _ndvi(cache, points, day, vegetation_sources, now)
        wet.append(WET if WET in states else UNTESTED if UNTESTED in states else NOT_WET)
        found = {
            RAIN: (weather.get("precip_3d_mm"), ERA5),
            SNOW: (_mean(covers), snow_source),
            AIR: (weather.get("temp_overpass_c"), ERA5),
            SOIL: (weather.get("soil_temp_c"), ERA5),
            NDVI: (ndvi, ndvi_source),
        }
        for name, (value, source) in found.items():
            values[name].append(float("nan") if value is None else value)
            sources[name].append("" if value is None else source)
    return DateInputs.of(len(days), **values, wet_snow=np.array(wet, dtype=np.int8), sources=sources)


def overpass_hour_utc(scenes: Iterable[str]) -> int | None:
    """Give the hour of the acquisitions of a stack, rounded; None when the names of its scenes tell no time."""
    starts = [start for scene in scenes if (start := scene_start(scene)) is not None]
    if not starts:
        return None
    seconds = [int(text[9:11]) * _HOUR_S + int(text[11:13]) * 60 + int(text[13:15]) for text in starts]
    # Around midnight some starts are early and some late; their middle would be noon.
    apart = [(second - seconds[0] + _DAY_S / 2) % _DAY_S - _DAY_S / 2 for second in seconds]
    middle = (seconds[0] + median(apart)) % _DAY_S
    # The last hour of a day stays on it: midnight would be that of the day before.
    return min(int(middle / _HOUR_S + 0.5), 23)


def _snow(
    cache: QualityCache,
    points: Sequence[tuple[float, float]],
    day: date,
    has_weather: bool,
    use_modis: bool,
    now: datetime | None,
) -> tuple[list[int], list[float], str]:
    """Give the state and the cover of each point that has them, and the source."""
    states: list[int] = []
    covers: list[float] = []
    source = ERA5
    for latitude, longitude in points:
        key = weather_key(latitude, longitude, day)
        entry: dict[str, Any] = (cache.get("weather", key, now) if has_weather else None) or {}
        modis = (cache.get("snow_modis", key, now) if use_modis else None) or {}
        if is_number(modis.get("snow_cover_frac")):
            cover, source = float(modis["snow_cover_frac"]), MODIS
        elif is_number(entry.get("snow_depth_m")):
            cover = float(snow_cover_of_depth(entry["snow_depth_m"]))
        else:
            continue
        air = float(entry["temp_overpass_c"]) if is_number(entry.get("temp_overpass_c")) else float("nan")
        covers.append(cover)
        states.append(int(wet_snow_states(cover, air)))
    return states, covers, source


def _ndvi(
    cache: QualityCache,
    points: Sequence[tuple[float, float]],
    day: date,
    monthly: Sequence[str],
    now: datetime | None,
) -> tuple[float | None, str]:
    entries = [cache.get("ndvi", ndvi_key(latitude, longitude, day), now) for latitude, longitude in points]
    found = [entry for entry in entries if entry is not None and is_number(entry.get("ndvi"))]
    if found:
        return _mean([float(entry["ndvi"]) for entry in found]), str(found[0].get("source", ""))
    for source in monthly:
        entries = [
            cache.get("veg", vegetation_key(source, latitude, longitude, day.year, day.month), now)
            for latitude, longitude in points
        ]
        value = _mean([float(entry["ndvi"]) for entry in entries if entry and is_number(entry.get("ndvi"))])
        if value is not None:
            return value, source
    return None, ""


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None

# SPDX-License-Identifier: GPL-2.0-or-later
"""Weather of the acquisition days from Open-Meteo: the archive, and its forecast service for the last days."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.progress import Report
from insarhub_qgis.core.quality_files import weather_key
from insarhub_qgis.core.stack_file import is_number
from insarhub_qgis.engine.quality_http import QualityDoor
from insarhub_qgis.engine.quality_sources import WEATHER, QualityStack, runs_of

#: The archive has a day about so many days later.
ARCHIVE_LAG_DAYS = 5
#: The forecast service goes back so far.
MOST_PAST_DAYS = 92
#: Rain counts over so many days, the last of them the acquisition's.
RAIN_DAYS = 3
MOST_DAYS = 366
#: A gap up to this long is asked along: a call of up to 14 days has the same price as one day.
LONGEST_GAP_DAYS = 14
#: What the archive lacks of a day this old will not come any more.
_SETTLED_DAYS = 30
_DAILY = ("precipitation_sum",)
_HOURLY = ("temperature_2m", "soil_temperature_0_to_7cm", "snow_depth")
_HOURS = 24

Point = tuple[float, float]


class WeatherSource:
    """Rain, temperatures and snow depth, an entry per point and day."""

    name = WEATHER

    def missing(self, stack: QualityStack) -> int:
        return len(self._days(stack))

    def fetch(self, stack: QualityStack, door: QualityDoor, report: Report) -> int:
        days = self._days(stack)
        newest = stack.today - timedelta(days=ARCHIVE_LAG_DAYS)
        points = stack.area.points
        old = [day for day in days if day <= newest]
        recent = [day for day in days if day > newest]
        spans = list(runs_of(old, LONGEST_GAP_DAYS + RAIN_DAYS, MOST_DAYS - RAIN_DAYS))
        steps = len(spans) + bool(recent)
        kept = 0
        for step, (first, last) in enumerate(spans):
            report(step / steps, f"Weather, {first} to {last}")
            query = {
                "start_date": (first - timedelta(days=RAIN_DAYS - 1)).isoformat(),
                "end_date": last.isoformat(),
            }
            answers = self._ask(door, f"{door.endpoints.weather_archive}/v1/archive", points, query)
            wanted = [day for day in old if first <= day <= last]
            kept += self._keep(stack, points, answers, wanted, is_provisional=False)
        if recent:
            report((steps - 1) / steps, f"Weather since {recent[0]}")
            back = min((stack.today - recent[0]).days + RAIN_DAYS, MOST_PAST_DAYS)
            query = {"past_days": str(back), "forecast_days": "1"}
            answers = self._ask(door, f"{door.endpoints.weather_forecast}/v1/forecast", points, query)
            kept += self._keep(stack, points, answers, recent, is_provisional=True)
        return kept

    def _days(self, stack: QualityStack) -> list[date]:
        """Give the days that a point lacks, or knows provisionally though the archive has them."""
        newest = stack.today - timedelta(days=ARCHIVE_LAG_DAYS)
        return [
            day
            for day in stack.days
            if day <= stack.today
            and any(self._is_open(stack, point, day, is_final=day <= newest) for point in stack.area.points)
        ]

    @staticmethod
    def _is_open(stack: QualityStack, point: Point, day: date, *, is_final: bool) -> bool:
        entry = stack.cache.get("weather", weather_key(*point, day), stack.now)
        if entry is None or (is_final and entry.get("provisional")):
            return True
        hour = entry.get("overpass_hour_utc")
        return stack.overpass_hour_utc is not None and hour not in (None, stack.overpass_hour_utc)

    @staticmethod
    def _ask(
        door: QualityDoor, url: str, points: Sequence[Point], query: Mapping[str, str]
    ) -> list[Mapping[str, Any]]:
        """Give one answer per point."""
        found = door.json(
            url,
            {
                "latitude": ",".join(f"{latitude:.3f}" for latitude, _ in points),
                "longitude": ",".join(f"{longitude:.3f}" for _, longitude in points),
                "timezone": "UTC",
                "daily": ",".join(_DAILY),
                "hourly": ",".join(_HOURLY),
                **query,
            },
        )
        answers = found if isinstance(found, list) else [found]
        if len(answers) != len(points) or not all(isinstance(answer, dict) for answer in answers):
            raise InsarError("archive.bad_answer", reason=f"weather of {len(points)} places expected")
        return answers

    def _keep(
        self,
        stack: QualityStack,
        points: Sequence[Point],
        answers: Sequence[Mapping[str, Any]],
        days: Iterable[date],
        *,
        is_provisional: bool,
    ) -> int:
        kept = 0
        series = [(point, _by_time(answer)) for point, answer in zip(points, answers)]
        for day in days:
            for point, values in series:
                entry = _entry(values, day, stack.overpass_hour_utc)
                if entry is None:
                    # Not there yet; nothing is kept, so that it is asked for again.
                    continue
                facts: dict[str, Any] = {"overpass_hour_utc": stack.overpass_hour_utc}
                lacks = entry["precip_3d_mm"] is None or entry["temp_mean_c"] is None
                if is_provisional or (lacks and (stack.today - day).days <= _SETTLED_DAYS):
                    facts["provisional"] = True
                stack.cache.put("weather", weather_key(*point, day), {**entry, **facts}, stack.now)
                kept += 1
        stack.cache.save()
        return kept


def _by_time(answer: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Give variable -> time -> value; a value that the service does not have is left out."""
    found: dict[str, dict[str, float]] = {}
    for part, names in (("daily", _DAILY), ("hourly", _HOURLY)):
        block = answer.get(part)
        times = block.get("time") if isinstance(block, Mapping) else None
        if not isinstance(times, list):
            raise InsarError("archive.bad_answer", reason=f"no {part}.time in the weather")
        for name in names:
            values = block.get(name) if isinstance(block, Mapping) else None
            if not isinstance(values, list) or len(values) != len(times):
                raise InsarError("archive.bad_answer", reason=f"no {part}.{name} in the weather")
            found[name] = {str(time): float(value) for time, value in zip(times, values) if is_number(value)}
    return found


def _entry(
    values: Mapping[str, Mapping[str, float]], day: date, hour: int | None
) -> dict[str, float | None] | None:
    """Give the documented values of a day; None when nothing was measured."""
    rain = [
        values["precipitation_sum"].get((day - timedelta(days=back)).isoformat()) for back in range(RAIN_DAYS)
    ]
    air = [values["temperature_2m"].get(f"{day.isoformat()}T{each:02d}:00") for each in range(_HOURS)]
    known_air = [value for value in air if value is not None]
    # Without a time of the overpass only the sums and means of the day are known.
    moment = None if hour is None else f"{day.isoformat()}T{hour:02d}:00"
    entry = {
        "precip_3d_mm": None if None in rain else round(sum(value for value in rain if value is not None), 2),
        "temp_mean_c": round(sum(known_air) / len(known_air), 2) if len(known_air) == _HOURS else None,
        "temp_overpass_c": None if moment is None else values["temperature_2m"].get(moment),
        "soil_temp_c": None if moment is None else values["soil_temperature_0_to_7cm"].get(moment),
        "snow_depth_m": None if moment is None else values["snow_depth"].get(moment),
    }
    return entry if any(value is not None for value in entry.values()) else None

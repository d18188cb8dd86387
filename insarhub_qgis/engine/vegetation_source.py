# SPDX-License-Identifier: GPL-2.0-or-later
"""NDVI of the acquisition days: the 16-day composites of MOD13Q1 from the subset service of ORNL DAAC."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.progress import Report
from insarhub_qgis.core.quality_files import ndvi_key
from insarhub_qgis.core.stack_file import is_number
from insarhub_qgis.engine.quality_http import QualityDoor
from insarhub_qgis.engine.quality_sources import VEGETATION, QualityStack

PRODUCT, BAND = "MOD13Q1", "250m_16_days_NDVI"
COMPOSITE_DAYS = 16
#: The service gives no more composites than this at once.
MOST_COMPOSITES = 10
#: A composite is there about so many days after its last day.
LAG_DAYS = 8
FIRST_COMPOSITE = date(2000, 2, 18)
#: Stored numbers are 10 000 x NDVI; what is outside of these, as -3000, is no value.
_SCALE, _LOWEST_NDVI, _LARGEST_NDVI = 0.0001, -0.2, 1.0

Point = tuple[float, float]


class VegetationSource:
    """NDVI, an entry per point and day: that of the composite which the day belongs to."""

    name = VEGETATION

    def missing(self, stack: QualityStack) -> int:
        return sum(len(days) for days in self._days(stack).values())

    def fetch(self, stack: QualityStack, door: QualityDoor, report: Report) -> int:
        work = [
            (point, group, days)
            for point, days in self._days(stack).items()
            for group in _groups(sorted({composite_of(day) for day in days}))
        ]
        kept = 0
        for number, (point, (first, last), days) in enumerate(work):
            report(number / len(work), f"Vegetation, {first} to {last}")
            found = _ask(door, point, first, last)
            before = kept
            for day in days:
                value = found.get(composite_of(day))
                if value is not None:
                    entry = {"ndvi": value, "source": PRODUCT}
                    stack.cache.put("ndvi", ndvi_key(*point, day), entry, stack.now)
                    kept += 1
            if kept > before:
                stack.cache.save()
        return kept

    def _days(self, stack: QualityStack) -> dict[Point, list[date]]:
        """Give the days that each point lacks and whose composite can be there."""
        newest = stack.today - timedelta(days=COMPOSITE_DAYS + LAG_DAYS)
        days = [day for day in stack.days if FIRST_COMPOSITE <= composite_of(day) <= newest]
        found = {
            point: [day for day in days if stack.cache.get("ndvi", ndvi_key(*point, day), stack.now) is None]
            for point in stack.area.points
        }
        return {point: missing for point, missing in found.items() if missing}


def composite_of(day: date) -> date:
    """Give the first day of the composite of a day; they begin anew each first of January.

    >>> composite_of(date(2023, 1, 20))
    datetime.date(2023, 1, 17)
    """
    first = date(day.year, 1, 1)
    return first + timedelta(days=(day - first).days // COMPOSITE_DAYS * COMPOSITE_DAYS)


def _groups(composites: list[date]) -> list[tuple[date, date]]:
    """Group composites into requests: none spans more composites than the service gives."""
    groups: list[tuple[date, date]] = []
    for day in composites:
        if groups and (day - groups[-1][0]).days < (MOST_COMPOSITES - 1) * COMPOSITE_DAYS:
            groups[-1] = (groups[-1][0], day)
        else:
            groups.append((day, day))
    return groups


def _ask(door: QualityDoor, point: Point, first: date, last: date) -> dict[date, float]:
    """Give the NDVI of the composites from ``first`` to ``last`` that have one."""
    latitude, longitude = point
    query = {
        "latitude": f"{latitude:.5f}",
        "longitude": f"{longitude:.5f}",
        "band": BAND,
        "startDate": f"A{first:%Y%j}",
        "endDate": f"A{last:%Y%j}",
        "kmAboveBelow": "0",
        "kmLeftRight": "0",
    }
    answer = door.json(f"{door.endpoints.vegetation}/rst/api/v1/{PRODUCT}/subset", query)
    rows = answer.get("subset") if isinstance(answer, Mapping) else None
    if not isinstance(rows, list):
        raise InsarError("archive.bad_answer", reason="no subset in the vegetation")
    composites = dict(_composite(row) for row in rows if _is_ndvi(row))
    is_scaled = all(abs(value) <= _LARGEST_NDVI for values in composites.values() for value in values)
    found = {}
    for day, values in composites.items():
        ndvi = [value if is_scaled else value * _SCALE for value in values]
        known = [value for value in ndvi if _LOWEST_NDVI <= value <= _LARGEST_NDVI]
        if known:
            found[day] = round(sum(known) / len(known), 4)
    return found


def _is_ndvi(row: Any) -> bool:
    """Tell whether a row is of the band that was asked for, whose name comes with blanks as well."""
    name = row.get("band", BAND) if isinstance(row, Mapping) else BAND
    return str(name).replace(" ", "_") == BAND


def _composite(row: Any) -> tuple[date, list[float]]:
    """Read the day of a row and the numbers of its pixels."""
    try:
        text = str(row["modis_date"])
        day = date(int(text[1:5]), 1, 1) + timedelta(days=int(text[5:8]) - 1)
        return day, [float(value) for value in row["data"] if is_number(value)]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InsarError("archive.bad_answer", reason=f"vegetation: {type(error).__name__}") from error

# SPDX-License-Identifier: GPL-2.0-or-later
"""Fires in the area from FIRMS: detections of VIIRS, asked for in windows of a few days."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import numpy as np
from shapely.geometry import box

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.fire_history import DAYS_BEFORE, FireHistory
from insarhub_qgis.core.progress import Report
from insarhub_qgis.core.quality_files import fire_key
from insarhub_qgis.engine.archive_http import shown
from insarhub_qgis.engine.quality_area import QualityArea
from insarhub_qgis.engine.quality_http import QualityDoor
from insarhub_qgis.engine.quality_sources import FIRE, QualityStack

#: Standard product, and the fast one for the time that the first does not reach yet.
STANDARD, FAST = "VIIRS_SNPP_SP", "VIIRS_SNPP_NRT"
#: The service takes no more days at once.
WINDOW_DAYS = 5
CELL_M = 375.0
_METRES_PER_DEGREE = 111_195.0
_LOW_CONFIDENCE = ("l", "low")

Box = tuple[float, float, float, float]
#: Day, latitude, longitude.
Detection = tuple[date, float, float]


class FireSource:
    """Detections, an entry per box of the area and window of days; windows without a fire are known as well.

    Parameters
    ----------
    map_key
        Of the user at FIRMS; it goes into the address of a request and nowhere else.
    """

    name = FIRE

    def __init__(self, map_key: str) -> None:
        self._map_key = map_key
        self._key_in_path = quote(map_key, safe="")

    def missing(self, stack: QualityStack) -> int:
        return len(self._open_windows(stack))

    def fetch(self, stack: QualityStack, door: QualityDoor, report: Report) -> int:
        windows = self._open_windows(stack)
        if not windows:
            return 0
        door.hide(self._map_key)
        standard_until = self._standard_until(door)
        for number, (area, first, last) in enumerate(windows):
            report(number / len(windows), f"Fires, {first} to {last}")
            products = [STANDARD] if first <= standard_until else []
            products += [FAST] if last > standard_until else []
            found: set[Detection] = set()
            for product in products:
                found |= self._ask(door, product, area, first, last)
            entry: dict[str, Any] = {
                "count": len(found),
                "last_day": last.isoformat(),
                "detections": [[day.isoformat(), y, x] for day, y, x in sorted(found)],
                "source": products[-1],
            }
            if FAST in products:
                entry["provisional"] = True
            stack.cache.put("fire", fire_key(area, first), entry, stack.now)
            stack.cache.save()
        return len(windows)

    def _open_windows(self, stack: QualityStack) -> list[tuple[Box, date, date]]:
        return [
            (area, first, last)
            for first, last in windows_of(stack)
            for area in boxes_of(stack.area)
            if _known(stack, area, first, last) is None
        ]

    def _standard_until(self, door: QualityDoor) -> date:
        """Give the last day that the standard product has."""
        text = door.text(f"{door.endpoints.fire}/api/data_availability/csv/{self._key_in_path}/{STANDARD}")
        rows = [row for row in _rows(door, text, "max_date") if row.get("data_id") == STANDARD]
        try:
            return date.fromisoformat(rows[0]["max_date"])
        except (IndexError, TypeError, ValueError) as error:
            raise InsarError("archive.bad_answer", reason=f"no days of {STANDARD}") from error

    def _ask(self, door: QualityDoor, product: str, area: Box, first: date, last: date) -> set[Detection]:
        place = ",".join(f"{value:.3f}" for value in area)
        days = (last - first).days + 1
        text = door.text(
            f"{door.endpoints.fire}/api/area/csv/{self._key_in_path}/{product}/{place}/{days}/{first.isoformat()}"
        )
        found: set[Detection] = set()
        for row in _rows(door, text, "latitude"):
            if str(row.get("confidence", "")).strip().lower() in _LOW_CONFIDENCE:
                continue
            found.add(_detection((row.get("acq_date"), row.get("latitude"), row.get("longitude"))))
        return found


def _detection(row: Sequence[Any]) -> Detection:
    """Read day, latitude and longitude; raises ``archive.bad_answer`` for what is none of these."""
    try:
        day, latitude, longitude = date.fromisoformat(row[0]), float(row[1]), float(row[2])
    except (IndexError, KeyError, ValueError, TypeError) as error:
        raise InsarError("archive.bad_answer", reason=f"fires: {type(error).__name__}") from error
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        raise InsarError("archive.bad_answer", reason=f"fires: no place {row[1]}, {row[2]}")
    return day, latitude, longitude


def windows_of(stack: QualityStack) -> list[tuple[date, date]]:
    """Give the windows from the first day on that counts; they begin on fixed days, so that a longer stack keeps them."""
    begin = stack.days[0] - timedelta(days=DAYS_BEFORE)
    end = min(stack.days[-1], stack.today)
    first = date.fromordinal(begin.toordinal() // WINDOW_DAYS * WINDOW_DAYS)
    found = []
    while first <= end:
        found.append((first, min(first + timedelta(days=WINDOW_DAYS - 1), stack.today)))
        first += timedelta(days=WINDOW_DAYS)
    return found


def boxes_of(area: QualityArea) -> list[Box]:
    """Give the boxes (west, south, east, north) of an area, half a cell wider, three decimals."""
    boxes = []
    for part in area.parts():
        west, south, east, north = part.bounds
        up = CELL_M / 2 / _METRES_PER_DEGREE
        right = up / max(math.cos(math.radians(max(abs(south), abs(north)))), 0.01)
        boxes.append(
            (
                max(math.floor((west - right) * 1000) / 1000, -180.0),
                max(math.floor((south - up) * 1000) / 1000, -90.0),
                min(math.ceil((east + right) * 1000) / 1000, 180.0),
                min(math.ceil((north + up) * 1000) / 1000, 90.0),
            )
        )
    return boxes


def read_fire_history(stack: QualityStack) -> FireHistory | None:
    """Give the fires that the cache knows, from the first window on without a gap; None when that one is missing."""
    detections: list[Detection] = []
    last_day: date | None = None
    for first, last in windows_of(stack):
        found = [_known(stack, area, first, last) for area in boxes_of(stack.area)]
        if any(rows is None for rows in found):
            break
        detections += [row for rows in found for row in rows or ()]
        last_day = last
    if last_day is None:
        return None
    begin = stack.days[0] - timedelta(days=DAYS_BEFORE)
    days, cells, shares = _cells(detections, stack.area)
    return FireHistory(begin, last_day, days, cells, shares)


def _known(stack: QualityStack, area: Box, first: date, last: date) -> list[Detection] | None:
    """Give the detections of a window that the cache knows as far as wanted; None asks for them again."""
    entry = stack.cache.get("fire", fire_key(area, first), stack.now)
    if entry is None or str(entry.get("last_day", "")) < last.isoformat():
        return None
    try:
        return [_detection(row) for row in entry.get("detections") or ()]
    except (InsarError, TypeError):
        # Written by somebody else, in another form.
        return None


def _cells(
    detections: list[Detection], area: QualityArea
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Give day and cell of each detection, and the share of the area in each cell."""
    geometry = area.geometry
    up = CELL_M / _METRES_PER_DEGREE
    right = up / max(math.cos(math.radians(geometry.centroid.y)), 0.01)
    numbers: dict[tuple[int, int], int] = {}
    days, cells, shares = [], [], []
    for day, latitude, longitude in detections:
        turns = round((geometry.centroid.x - longitude) / 360.0)
        place = (math.floor(latitude / up), math.floor((longitude + 360.0 * turns) / right))
        if place not in numbers:
            numbers[place] = len(numbers)
            row, column = place
            cell = box(column * right, row * up, (column + 1) * right, (row + 1) * up)
            if geometry.area > 0:
                shares.append(float(geometry.intersection(cell).area / geometry.area))
            else:
                shares.append(float(geometry.intersects(cell)))
        days.append(day.toordinal())
        cells.append(numbers[place])
    return (
        np.array(days, dtype=np.int64),
        np.array(cells, dtype=np.int64),
        np.array(shares, dtype=np.float64),
    )


def _rows(door: QualityDoor, text: str, column: str) -> list[dict[str, str]]:
    """Read a CSV answer; one without the column is an error text of the service, and a page is of somebody else."""
    start = shown(door.safe(text))[:80]
    if text.lstrip().startswith("<"):
        raise InsarError("archive.not_json", service=urlsplit(door.endpoints.fire).netloc, start=start)
    reader = csv.DictReader(io.StringIO(text))
    if column not in (reader.fieldnames or []):
        raise InsarError("archive.bad_answer", reason=start or "an empty list of fires")
    return list(reader)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Snow cover of the acquisition days from MODIS, at the sample points: a search by day, and signed rasters."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from rasterio.warp import transform

from insarhub_qgis.core.date_inputs import MODIS
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.progress import Report
from insarhub_qgis.core.quality_files import weather_key
from insarhub_qgis.engine.quality_http import QualityDoor
from insarhub_qgis.engine.quality_sources import SNOW, QualityStack
from insarhub_qgis.engine.remote_rasters import read_remote

COLLECTION, ASSET = "modis-10A1-061", "NDSI_Snow_Cover"
#: A day is there about so many days later.
LAG_DAYS = 4
FIRST_DAY = date(2000, 2, 24)
#: Larger numbers are codes: cloud, night, water, no data.
_LARGEST_COVER = 100
#: A signature holds for an hour or so.
_SIGNATURE_S = 1200.0
_MOST_ITEMS = 100

Point = tuple[float, float]


class SnowSource:
    """Snow cover, an entry per point and day that was seen; under clouds nothing is kept."""

    name = SNOW

    def __init__(self) -> None:
        self._signed = ""
        self._signed_at = float("-inf")

    def missing(self, stack: QualityStack) -> int:
        return sum(len(points) for points in self._open(stack).values())

    def fetch(self, stack: QualityStack, door: QualityDoor, report: Report) -> int:
        open_points = self._open(stack)
        kept = 0
        unreadable: InsarError | None = None
        for number, (day, points) in enumerate(open_points.items()):
            report(number / len(open_points), f"Snow cover, {day}")
            found: dict[Point, float] = {}
            for item in self._items(door, points, day):
                left = [point for point in points if point not in found]
                try:
                    found.update(self._covers(door, item, left) if left else {})
                except InsarError as error:
                    if error.code != "quality.raster_unreadable":
                        raise
                    # One damaged raster must not keep all later days from being asked, today and ever after.
                    unreadable = error
            for point, cover in found.items():
                entry = {"snow_cover_frac": cover, "source": MODIS}
                stack.cache.put("snow_modis", weather_key(*point, day), entry, stack.now)
            if found:
                stack.cache.save()
            kept += len(found)
        if unreadable is not None:
            raise unreadable
        return kept

    def _open(self, stack: QualityStack) -> dict[date, list[Point]]:
        newest = stack.today - timedelta(days=LAG_DAYS)
        found = {
            day: [
                point
                for point in stack.area.points
                if stack.cache.get("snow_modis", weather_key(*point, day), stack.now) is None
            ]
            for day in stack.days
            if FIRST_DAY <= day <= newest
        }
        return {day: points for day, points in found.items() if points}

    @staticmethod
    def _items(door: QualityDoor, points: Sequence[Point], day: date) -> list[Mapping[str, Any]]:
        """Give the rasters of a day around the points, those of the morning first: clouds gather later."""
        latitudes, longitudes = zip(*points)
        west, east = min(longitudes), max(longitudes)
        if east - west > 180:
            # Points on both sides of the antimeridian: such a box ends west of where it begins.
            west = min(value for value in longitudes if value > 0)
            east = max(value for value in longitudes if value <= 0)
        bounds = (west, min(latitudes), east, max(latitudes))
        query = {
            "collections": COLLECTION,
            "bbox": ",".join(f"{value:.3f}" for value in bounds),
            "datetime": f"{day.isoformat()}T00:00:00Z/{day.isoformat()}T23:59:59Z",
            "limit": str(_MOST_ITEMS),
        }
        answer = door.json(f"{door.endpoints.snow}/api/stac/v1/search", query)
        items = answer.get("features") if isinstance(answer, Mapping) else None
        if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
            raise InsarError("archive.bad_answer", reason="no features in the search for snow")
        wanted = [item for item in items if f".A{day:%Y%j}." in str(item.get("id"))]
        return sorted(wanted, key=lambda item: str(item.get("id")))

    def _covers(
        self, door: QualityDoor, item: Mapping[str, Any], points: Sequence[Point]
    ) -> dict[Point, float]:
        """Give the snow cover 0..1 of the points that this raster saw."""
        try:
            href = str(item["assets"][ASSET]["href"])
        except (KeyError, TypeError) as error:
            raise InsarError("archive.bad_answer", reason=f"no {ASSET} in an item") from error
        joint = "&" if "?" in href else "?"

        def read(raster: Any) -> dict[Point, float]:
            xs, ys = transform("EPSG:4326", raster.crs, [p[1] for p in points], [p[0] for p in points])
            left, bottom, right, top = raster.bounds
            inside = {
                point: (x, y)
                for point, x, y in zip(points, xs, ys)
                if left <= x < right and bottom < y <= top
            }
            values = [int(value[0]) for value in raster.sample(list(inside.values()))]
            return {
                point: value / _LARGEST_COVER
                for point, value in zip(inside, values)
                if value <= _LARGEST_COVER
            }

        return read_remote(f"{href}{joint}{self._signature(door)}", read, door) or {}

    def _signature(self, door: QualityDoor) -> str:
        if time.monotonic() - self._signed_at > _SIGNATURE_S:
            answer = door.json(f"{door.endpoints.snow}/api/sas/v1/token/{COLLECTION}")
            token = answer.get("token") if isinstance(answer, Mapping) else None
            if not isinstance(token, str) or not token:
                raise InsarError("archive.bad_answer", reason="no token for the snow cover")
            self._signed, self._signed_at = token, time.monotonic()
        return self._signed

# SPDX-License-Identifier: GPL-2.0-or-later
"""The area of pair quality: its polygon, the points where weather is asked for, and its boxes on the globe."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from shapely.affinity import translate
from shapely.geometry import Point, box
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

from insarhub_qgis.core.footprints import area_km2, polygons_of_wkt
from insarhub_qgis.core.job_config import JobConfig
from insarhub_qgis.core.quality_files import aoi_hash
from insarhub_qgis.core.scene_facts import SceneFacts
from insarhub_qgis.engine.search_area import footprint_of_rings, read_search_area

#: Areas narrower than this have one point.
WIDE_KM = 25.0
_KM_PER_DEGREE = 111.195
_FULL_TURN = 360.0
#: Where the area comes from.
OF_JOB, OF_SCENES = "aoi", "footprint"


@dataclass(frozen=True)
class QualityArea:
    """An area on the ground.

    Attributes
    ----------
    geometry
        Longitude and latitude in degrees; across the antimeridian longitudes run on beyond 180.
    wkt
        The text whose hash names the area in caches.
    origin
        ``aoi`` of the job, or the common ``footprint`` of its scenes.
    """

    geometry: BaseGeometry
    wkt: str
    origin: str

    @property
    def hash(self) -> str:
        return aoi_hash(self.wkt)

    @property
    def middle(self) -> tuple[float, float]:
        """Latitude and longitude of the centroid, degrees."""
        centre = self.geometry.centroid
        return float(centre.y), _wrapped(float(centre.x))

    @property
    def points(self) -> list[tuple[float, float]]:
        """Sample points (latitude, longitude): the centroid, and of a wide area the quarter points inside it."""
        west, south, east, north = self.geometry.bounds
        width_km = (east - west) * _KM_PER_DEGREE * math.cos(math.radians((south + north) / 2))
        found = [self.middle]
        if width_km >= WIDE_KM:
            for up in (0.25, 0.75):
                for right in (0.25, 0.75):
                    x, y = west + right * (east - west), south + up * (north - south)
                    if self.geometry.contains(Point(x, y)):
                        found.append((y, _wrapped(x)))
        return [(round(latitude, 3), round(longitude, 3)) for latitude, longitude in found]

    @property
    def area_km2(self) -> float:
        return area_km2(polygons_of_wkt(self.geometry.wkt))

    def parts(self) -> list[BaseGeometry]:
        """Give the area in pieces with longitudes from -180 to 180."""
        pieces = []
        for turn in (-_FULL_TURN, 0.0, _FULL_TURN):
            piece = translate(self.geometry, xoff=turn).intersection(box(-180, -90, 180, 90))
            if not piece.is_empty:
                pieces.append(piece)
        return [piece for piece in pieces if piece.area > 0] or pieces[:1]


def area_of_job(config: JobConfig, facts: Iterable[SceneFacts]) -> QualityArea | None:
    """Give the area of interest of a job, else what all its scenes have in common; None when nothing is known.

    Raises
    ------
    InsarError
        Codes of `read_search_area` for an area that cannot be read.
    """
    wkt = config.aoi_wkt
    if wkt is not None:
        area = read_search_area(wkt)
        if area is not None:
            return QualityArea(_unwrapped(area.geometry), wkt, OF_JOB)
    common: BaseGeometry | None = None
    for each in facts:
        footprint = footprint_of_rings([each.footprint]) if each.footprint else None
        if footprint is not None:
            unwrapped = _unwrapped(footprint)
            common = unwrapped if common is None else common.intersection(_near(unwrapped, common))
    if common is None or common.is_empty or common.area <= 0:
        return None
    return QualityArea(common, common.wkt, OF_SCENES)


def _unwrapped(geometry: BaseGeometry) -> BaseGeometry:
    """Join the pieces of an area that was cut at the antimeridian."""
    west, _, east, _ = geometry.bounds
    pieces = list(getattr(geometry, "geoms", [geometry]))
    if east - west <= _FULL_TURN / 2 or len(pieces) < 2:
        return geometry
    return unary_union(
        [translate(piece, xoff=_FULL_TURN) if piece.bounds[2] <= 0 else piece for piece in pieces]
    )


def _near(geometry: BaseGeometry, other: BaseGeometry) -> BaseGeometry:
    turns = round((other.centroid.x - geometry.centroid.x) / _FULL_TURN)
    return translate(geometry, xoff=_FULL_TURN * turns) if turns else geometry


def _wrapped(longitude: float) -> float:
    return (longitude + 180.0) % _FULL_TURN - 180.0

# SPDX-License-Identifier: GPL-2.0-or-later
"""What the HyP3 of the sandbox knows of the scenes in its catalogue: pass, frame, polarisation, footprint."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from shapely.affinity import translate
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

#: Open ocean of the South Atlantic: scenes that lie in it have no elevation model.
_WITHOUT_ELEVATION = Polygon([(-30.0, -35.0), (-20.0, -35.0), (-20.0, -20.0), (-30.0, -20.0)])


@dataclass(frozen=True)
class KnownScene:
    """One scene or burst of the catalogue.

    Attributes
    ----------
    name
        Granule name, as jobs give it.
    start
        UTC, without a time zone.
    path, frame
        Relative orbit and frame; ``frame`` None for bursts.
    orbit
        Absolute orbit number.
    footprint
        Longitude and latitude; east of 180 degrees when it crosses the antimeridian.
    item
        UMM item that it comes from.
    """

    name: str
    start: datetime.datetime
    path: int
    frame: int | None
    is_ascending: bool
    polarization: str
    orbit: int
    footprint: BaseGeometry
    item: Mapping[str, Any]

    @property
    def date(self) -> datetime.date:
        return self.start.date()

    @property
    def has_elevation(self) -> bool:
        return not _WITHOUT_ELEVATION.covers(self.footprint)

    @property
    def crosses_antimeridian(self) -> bool:
        return bool(self.footprint.bounds[2] > 180)

    def overlaps(self, other: KnownScene) -> bool:
        return any(
            self.footprint.intersects(translate(other.footprint, shift)) for shift in (0.0, -360.0, 360.0)
        )


def known_scenes(items: Iterable[Mapping[str, Any]]) -> dict[str, KnownScene]:
    """Give the scenes of UMM items by name; an item without time, path or footprint is left out."""
    scenes = {}
    for item in items:
        scene = _known_scene(item)
        if scene is not None:
            scenes[scene.name] = scene
    return scenes


def _known_scene(item: Mapping[str, Any]) -> KnownScene | None:
    umm = item["umm"]
    attributes = {
        str(entry["Name"]): str(entry["Values"][0])
        for entry in umm.get("AdditionalAttributes", [])
        if entry.get("Values")
    }
    extent = umm.get("TemporalExtent", {}).get("RangeDateTime", {})
    geometry = umm.get("SpatialExtent", {}).get("HorizontalSpatialDomain", {}).get("Geometry", {})
    polygons = geometry.get("GPolygons")
    if "BeginningDateTime" not in extent or "PATH_NUMBER" not in attributes or not polygons:
        return None
    points = [(point["Longitude"], point["Latitude"]) for point in polygons[0]["Boundary"]["Points"]]
    if max(x for x, _ in points) - min(x for x, _ in points) > 180:
        points = [(x + 360 if x < 0 else x, y) for x, y in points]
    start = datetime.datetime.fromisoformat(extent["BeginningDateTime"].replace("Z", "+00:00"))
    identifiers = umm.get("DataGranule", {}).get("Identifiers", [])
    names = [entry["Identifier"] for entry in identifiers if entry.get("Identifier")]
    domains = umm.get("OrbitCalculatedSpatialDomains") or [{}]
    return KnownScene(
        name=str(names[0]) if names else str(umm["GranuleUR"]).removesuffix("-SLC"),
        start=start.astimezone(datetime.timezone.utc).replace(tzinfo=None),
        path=int(attributes["PATH_NUMBER"]),
        frame=int(attributes["FRAME_NUMBER"]) if "FRAME_NUMBER" in attributes else None,
        is_ascending=attributes.get("ASCENDING_DESCENDING") == "ASCENDING",
        polarization=attributes.get("POLARIZATION", "VV"),
        orbit=int(domains[0].get("OrbitNumber") or 0),
        footprint=Polygon(points),
        item=item,
    )

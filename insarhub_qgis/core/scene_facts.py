# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kept search answer says about each scene: track, frame, mode, polarisation and footprint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from insarhub_qgis.core.search_answer import read_search_answer

#: Longitude, latitude in degrees.
Point = tuple[float, float]


@dataclass(frozen=True)
class SceneFacts:
    """Facts of one scene; None = the answer does not say.

    Attributes
    ----------
    footprint
        Outer ring, (longitude, latitude) in degrees, first point repeated; empty when unknown.
    """

    name: str
    path: int | None = None
    frame: int | None = None
    flight_direction: str | None = None
    beam_mode: str | None = None
    polarization: str | None = None
    footprint: tuple[Point, ...] = ()

    @property
    def centre(self) -> Point | None:
        """Mean of the corners of the footprint; across the antimeridian longitudes run on beyond 180."""
        if len(self.footprint) < 4:
            return None
        corners = unwrapped(self.footprint)[:-1]
        return (
            sum(corner[0] for corner in corners) / len(corners),
            sum(corner[1] for corner in corners) / len(corners),
        )


def read_scene_facts(folder: Path) -> dict[str, SceneFacts]:
    """Give the facts of the scenes in the kept search answer of a folder; empty without one.

    Raises
    ------
    InsarError
        ``file.malformed`` or ``file.not_readable``.
    """
    return facts_of_items(read_search_answer(folder) or [])


def facts_of_items(items: Iterable[Mapping[str, Any]]) -> dict[str, SceneFacts]:
    """Read UMM items; one without a scene name is passed over."""
    found = (_facts_of_item(item) for item in items)
    return {facts.name: facts for facts in found if facts is not None}


def unwrapped(ring: Iterable[Point]) -> tuple[Point, ...]:
    """Give a ring whose longitudes do not jump: no side is longer than half the globe.

    >>> unwrapped([(179.0, 0.0), (-179.0, 0.0)])
    ((179.0, 0.0), (181.0, 0.0))
    """
    result: list[Point] = []
    for longitude, latitude in ring:
        if result:
            turns = round((result[-1][0] - longitude) / 360.0)
            longitude += 360.0 * turns
        result.append((longitude, latitude))
    return tuple(result)


def _facts_of_item(item: Mapping[str, Any]) -> SceneFacts | None:
    umm = item.get("umm")
    umm = umm if isinstance(umm, Mapping) else item
    name = _scene_name(umm)
    if name is None:
        return None
    attributes: dict[str, str] = {}
    for entry in _list(umm.get("AdditionalAttributes")):
        values = _list(entry.get("Values")) if isinstance(entry, Mapping) else []
        if values:
            attributes[str(entry.get("Name"))] = str(values[0])
    return SceneFacts(
        name=name,
        path=_integer(attributes.get("PATH_NUMBER")),
        frame=_integer(attributes.get("FRAME_NUMBER")),
        flight_direction=attributes.get("ASCENDING_DESCENDING"),
        beam_mode=attributes.get("BEAM_MODE") or attributes.get("BEAM_MODE_TYPE"),
        polarization=attributes.get("POLARIZATION"),
        footprint=_footprint(umm),
    )


def _scene_name(umm: Mapping[str, Any]) -> str | None:
    granule = umm.get("DataGranule")
    for entry in _list(granule.get("Identifiers") if isinstance(granule, Mapping) else None):
        if isinstance(entry, Mapping) and entry.get("IdentifierType") == "ProducerGranuleId":
            name = entry.get("Identifier")
            if isinstance(name, str) and name:
                return name
    name = umm.get("GranuleUR")
    return name[: -len("-SLC")] if isinstance(name, str) and name.endswith("-SLC") else None


def _footprint(umm: Mapping[str, Any]) -> tuple[Point, ...]:
    place: Any = umm
    for key in ("SpatialExtent", "HorizontalSpatialDomain", "Geometry"):
        place = place.get(key) if isinstance(place, Mapping) else None
    polygons = _list(place.get("GPolygons")) if isinstance(place, Mapping) else []
    boundary = polygons[0].get("Boundary") if polygons and isinstance(polygons[0], Mapping) else None
    points = _list(boundary.get("Points")) if isinstance(boundary, Mapping) else []
    try:
        ring = tuple((float(point["Longitude"]), float(point["Latitude"])) for point in points)
    except (KeyError, TypeError, ValueError):
        return ()
    if len(ring) >= 3 and ring[0] != ring[-1]:
        ring = (*ring, ring[0])
    return ring if len(ring) >= 4 else ()


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _integer(text: str | None) -> int | None:
    try:
        return int(text) if text is not None else None
    except ValueError:
        return None

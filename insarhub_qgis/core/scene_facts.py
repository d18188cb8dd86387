# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kept search answer says about each scene or pass of bursts: track, frame, mode, polarisation and footprint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from insarhub_qgis.core.scenes import burst_id
from insarhub_qgis.core.search_answer import BURSTS_OF_PASSES, read_items_and_facts

#: Longitude, latitude in degrees.
Point = tuple[float, float]


@dataclass(frozen=True)
class SceneFacts:
    """Facts of one scene; None = the answer does not say.

    Of a pass of bursts the facts of its first burst are those of all: ``frame`` is the number of the lowest one.

    Attributes
    ----------
    footprint
        Outer ring, (longitude, latitude) in degrees, first point repeated; empty when unknown. Of several bursts
        the convex hull: a little more than they cover where their sub-swaths are no whole rectangle.
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
    items, facts = read_items_and_facts(folder)
    bursts = facts.get(BURSTS_OF_PASSES)
    return facts_of_items(items, bursts if isinstance(bursts, Mapping) else {})


def facts_of_items(
    items: Iterable[Mapping[str, Any]], bursts: Mapping[str, Sequence[str]] | None = None
) -> dict[str, SceneFacts]:
    """Read UMM items; one without a scene name is passed over.

    Parameters
    ----------
    bursts
        First burst of each pass -> names of all.
    """
    read = (_facts_of_item(item) for item in items)
    found = {facts.name: facts for facts in read if facts is not None}
    for name, members in (bursts or {}).items():
        wanted = members if isinstance(members, (list, tuple)) else ()
        of_pass = [found[member] for member in wanted if member in found]
        if name in found and wanted and len(of_pass) == len(wanted):
            found[name] = replace(
                found[name],
                frame=min((one.frame for one in of_pass if one.frame is not None), default=None),
                footprint=_hull([one.footprint for one in of_pass]),
            )
    return found


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
    burst = burst_id(name)
    return SceneFacts(
        name=name,
        path=_integer(attributes.get("PATH_NUMBER")),
        frame=_integer(burst.partition("_")[0] if burst else attributes.get("FRAME_NUMBER")),
        flight_direction=attributes.get("ASCENDING_DESCENDING"),
        beam_mode=attributes.get("BEAM_MODE") or attributes.get("BEAM_MODE_TYPE"),
        polarization=attributes.get("POLARIZATION"),
        footprint=_footprint(umm),
    )


def _hull(rings: Sequence[Sequence[Point]]) -> tuple[Point, ...]:
    """Give the convex hull of rings on the plane, closed; empty when one is not known."""
    if not rings or not all(rings):
        return ()
    # Each ring begins near the first one, whichever side of the antimeridian it is told on.
    starts = unwrapped([ring[0] for ring in rings])
    joined = [unwrapped([start, *ring[1:]]) for start, ring in zip(starts, rings)]
    points = sorted({point for ring in joined for point in ring})
    halves = []
    for ordered in (points, points[::-1]):
        half: list[Point] = []
        for x, y in ordered:
            while len(half) > 1:
                (x0, y0), (x1, y1) = half[-2:]
                if (x1 - x0) * (y - y0) > (y1 - y0) * (x - x0):
                    break
                half.pop()
            half.append((x, y))
        halves.append(half)
    hull = (*halves[0][:-1], *halves[1])
    return hull if len(hull) >= 4 else ()


def _scene_name(umm: Mapping[str, Any]) -> str | None:
    granule_ur = umm.get("GranuleUR")
    if isinstance(granule_ur, str) and granule_ur.endswith("-BURST"):
        return granule_ur
    granule = umm.get("DataGranule")
    for entry in _list(granule.get("Identifiers") if isinstance(granule, Mapping) else None):
        if isinstance(entry, Mapping) and entry.get("IdentifierType") == "ProducerGranuleId":
            name = entry.get("Identifier")
            if isinstance(name, str) and name:
                return name
    return granule_ur[: -len("-SLC")] if isinstance(granule_ur, str) and granule_ur.endswith("-SLC") else None


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

# SPDX-License-Identifier: GPL-2.0-or-later
"""The area of a search: read, repaired, cut at the antimeridian, and made simple enough to send.

Longitude and latitude in degrees, EPSG:4326, taken as a plane. The true area is kept for the comparison with
footprints; what is sent may be a little larger, never smaller.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import shapely
from shapely import wkt
from shapely.affinity import translate
from shapely.errors import GEOSException
from shapely.geometry import LineString, MultiPoint, MultiPolygon, Point, Polygon, box
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

from insarhub_qgis.core.errors import InsarError

#: Parts beyond this are sent as one hull, and the answer is compared with the true area.
MOST_PARTS = 8
#: asf_search simplifies by itself from about 300 vertices on, and not always to the outside.
MOST_VERTICES = 200
_FULL_TURN = 360.0
_TINY_DEG = 1e-9


@dataclass(frozen=True)
class SearchArea:
    """An area ready for the archive.

    Attributes
    ----------
    geometry
        The true area, longitudes -180..180, cut at the antimeridian.
    parts
        WKT of what is sent, one query each; together they cover the area.
    notes
        What was done to it, for the user: errors of level note.
    """

    geometry: BaseGeometry
    parts: tuple[str, ...]
    notes: tuple[InsarError, ...] = ()

    def coverage(self, footprint: BaseGeometry) -> float | None:
        """Share 0..1 of the area that a footprint covers, by area on the ellipsoid's latitude circle.

        A point or a line is covered or not, by its length.
        """
        return covered_share(self.geometry, footprint)


def read_search_area(text: str) -> SearchArea | None:
    """Read the WKT of an area; None for an empty text.

    Raises
    ------
    InsarError
        ``search.area_not_wkt``, ``search.area_empty``, ``search.area_outside`` (latitude beyond the poles, or
        coordinates that are no degrees).
    """
    if not text.strip():
        return None
    plain = text.strip()
    if plain.upper().startswith("SRID="):
        plain = plain.partition(";")[2]
    try:
        read = shapely.force_2d(wkt.loads(plain))
    except (GEOSException, ValueError, TypeError) as error:
        raise InsarError("search.area_not_wkt", text=text[:80]) from error
    if read.is_empty:
        raise InsarError("search.area_empty")
    _check_degrees(read)
    notes: list[InsarError] = []
    parts = [_unwrapped(part) for part in _simple_parts(read)]
    if not all(part.is_valid for part in parts):
        notes.append(InsarError("search.area_repaired"))
        parts = [piece for part in parts for piece in _simple_parts(_repaired(part))]
    geometry = unary_union([piece for part in parts for piece in _cut_at_antimeridian(part)])
    if geometry.is_empty:
        raise InsarError("search.area_empty")
    pieces = list(_simple_parts(geometry))
    if len(pieces) > MOST_PARTS:
        notes.append(InsarError("search.area_hull", parts=len(pieces)))
        pieces = _hulls(pieces)
    sent = [_with_few_vertices(piece) for piece in pieces]
    return SearchArea(geometry, tuple(piece.wkt for piece in sent), tuple(notes))


def footprint_of_rings(rings: Iterable[Sequence[tuple[float, float]]]) -> BaseGeometry | None:
    """Give a footprint from the rings of a scene, cut at the antimeridian; None where there is none to speak of."""
    pieces = []
    for ring in rings:
        if len(ring) < 4 or not all(math.isfinite(number) for point in ring for number in point):
            continue
        part = _unwrapped(Polygon(ring))
        part = part if part.is_valid else _repaired(part)
        pieces += _cut_at_antimeridian(part)
    whole = unary_union(pieces)
    return None if whole.is_empty else whole


def covered_share(area: BaseGeometry, footprint: BaseGeometry) -> float | None:
    """Share 0..1 of ``area`` inside ``footprint``; by area, length or count, as the area's dimension says."""
    common = area.intersection(footprint)
    if shapely.get_dimensions(area) == 2:
        whole = _weighted_area(area)
        return None if whole <= 0 else min(_weighted_area(common) / whole, 1.0)
    if area.length > 0:
        return min(float(common.length / area.length), 1.0)
    return len(list(_simple_parts(common))) / max(len(list(_simple_parts(area))), 1)


def _weighted_area(geometry: BaseGeometry) -> float:
    """Area with longitudes shortened by the cosine of the latitude, in square degrees."""
    return sum(
        float(part.area) * math.cos(math.radians(part.centroid.y))
        for part in _simple_parts(geometry)
        if isinstance(part, Polygon)
    )


def _check_degrees(geometry: BaseGeometry) -> None:
    west, south, east, north = geometry.bounds
    if not all(map(math.isfinite, geometry.bounds)) or south < -90 or north > 90:
        raise InsarError("search.area_outside", south=south, north=north)
    if west < -_FULL_TURN - 180 or east > _FULL_TURN + 180:
        raise InsarError("search.area_outside", south=west, north=east)


def _simple_parts(geometry: BaseGeometry) -> Iterable[BaseGeometry]:
    """Give the single points, lines and polygons of any geometry."""
    if hasattr(geometry, "geoms"):
        for part in geometry.geoms:
            yield from _simple_parts(part)
    elif not geometry.is_empty:
        yield geometry


def _unwrapped(part: BaseGeometry) -> BaseGeometry:
    """Make a ring that jumps from one side of the antimeridian to the other continuous.

    A ring with corners exactly on both sides of the map spans the whole world and stays as it is.
    """
    if not isinstance(part, (Polygon, LineString)):
        return part
    line = part.exterior if isinstance(part, Polygon) else part
    points = [(float(x), float(y)) for x, y in line.coords]
    longitudes = [x for x, _ in points]
    spans_world = min(longitudes) <= -180 + _TINY_DEG and max(longitudes) >= 180 - _TINY_DEG
    jumps = any(abs(b - a) > 180 for a, b in zip(longitudes, longitudes[1:]))
    if spans_world or not jumps:
        return part
    moved, shift = [points[0]], 0.0
    for (before, _), (x, y) in zip(points, points[1:]):
        if x - before > 180:
            shift -= _FULL_TURN
        elif x - before < -180:
            shift += _FULL_TURN
        moved.append((x + shift, y))
    if isinstance(part, LineString):
        return LineString(moved)
    if abs(moved[0][0] - moved[-1][0]) > _TINY_DEG:
        # The ring goes round a pole: it bounds everything between its latitudes and that pole.
        return _polar_cap(moved)
    return Polygon(moved)


def _polar_cap(ring: Sequence[tuple[float, float]]) -> Polygon:
    pole = 90.0 if sum(y for _, y in ring) > 0 else -90.0
    return Polygon([*ring, (ring[-1][0], pole), (ring[0][0], pole)])


def _repaired(part: BaseGeometry) -> BaseGeometry:
    """Give the area that a self-crossing ring encloses: all of its loops."""
    fixed = shapely.make_valid(part)
    areas = [piece for piece in _simple_parts(fixed) if isinstance(piece, Polygon)]
    return MultiPolygon(areas) if areas else fixed


def _cut_at_antimeridian(part: BaseGeometry) -> list[BaseGeometry]:
    """Give the pieces of a geometry between -180 and 180."""
    west, _, east, _ = part.bounds if not part.is_empty else (0.0, 0.0, 0.0, 0.0)
    if west >= -180 and east <= 180:
        return [] if part.is_empty else [part]
    pieces = []
    for turn in (-2, -1, 0, 1, 2):
        window = box(-180 + turn * _FULL_TURN, -90, 180 + turn * _FULL_TURN, 90)
        common = part.intersection(window)
        if isinstance(part, Polygon):
            # Where it only touches the edge nothing of the area lies on that side.
            common = unary_union([piece for piece in _simple_parts(common) if isinstance(piece, Polygon)])
        if not common.is_empty:
            pieces.append(translate(common, -turn * _FULL_TURN))
    return pieces


def _hulls(pieces: Sequence[BaseGeometry]) -> list[BaseGeometry]:
    """Give one convex hull per side of the Greenwich meridian, so that none stretches round the world."""
    sides = [[piece for piece in pieces if (piece.centroid.x < 0) == is_west] for is_west in (True, False)]
    hulls = [unary_union(side).convex_hull for side in sides if side]
    if len(hulls) == 2 and hulls[0].distance(hulls[1]) < 10:
        return [unary_union(hulls).convex_hull]
    return hulls


def _with_few_vertices(piece: BaseGeometry) -> BaseGeometry:
    """Give an area that covers the piece, without holes and with few enough vertices."""
    if isinstance(piece, (Point, MultiPoint)):
        return piece
    if isinstance(piece, LineString):
        return _few_vertices_of_line(piece)
    outline = Polygon(piece.exterior)
    tolerance = max(outline.length / 4000, _TINY_DEG)
    simple: BaseGeometry = outline
    while shapely.get_num_coordinates(simple) > MOST_VERTICES:
        # Mitred: a round outline would bring new vertices.
        grown = outline.buffer(tolerance, join_style="mitre").simplify(tolerance)
        window = box(-180, -90, 180, 90)
        simple = Polygon(grown.exterior) if isinstance(grown, Polygon) else grown.convex_hull
        simple = simple.intersection(window)
        tolerance *= 2
    return shapely.orient_polygons(simple) if hasattr(shapely, "orient_polygons") else simple


def _few_vertices_of_line(line: LineString) -> BaseGeometry:
    tolerance = max(line.length / 4000, _TINY_DEG)
    simple: BaseGeometry = line
    while shapely.get_num_coordinates(simple) > MOST_VERTICES:
        simple = line.simplify(tolerance)
        tolerance *= 2
    return simple

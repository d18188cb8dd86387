# SPDX-License-Identifier: GPL-2.0-or-later
"""Any geometry as an area that can be searched: one geometry in EPSG:4326, repaired, cut at the antimeridian."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsDistanceArea,
    QgsFeatureRequest,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
    QgsVectorLayerFeatureSource,
    QgsWkbTypes,
)

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.progress import IsCancelled, stop_if_cancelled
from insarhub_qgis.layers.area_of_interest import WGS84

#: Pieces along the longer side of a polygon, so that its edges stay where they are on the map.
_SEGMENTS = 40
_PLACES = 6
#: Turns of the globe that longitudes may be away from -180..180.
_TURNS = 2
_POLYGON, _LINE, _POINT = (
    QgsWkbTypes.GeometryType.PolygonGeometry,
    QgsWkbTypes.GeometryType.LineGeometry,
    QgsWkbTypes.GeometryType.PointGeometry,
)


def search_area(
    geometries: Iterable[QgsGeometry],
    crs: QgsCoordinateReferenceSystem,
    transform_context: QgsCoordinateTransformContext,
    is_cancelled: IsCancelled = lambda: False,
) -> QgsGeometry:
    """Dissolve geometries into one in EPSG:4326 with longitudes of -180..180.

    Polygons count where there are any, else lines and points. A polygon around a pole reaches to the pole.

    Raises
    ------
    InsarError
        ``aoi.no_crs``, ``aoi.nothing`` (no geometry), ``aoi.cannot_transform``, ``aoi.not_degrees``.
    """
    if not crs.isValid():
        raise InsarError("aoi.no_crs")
    area = _dissolved(geometries, is_cancelled)
    stop_if_cancelled(is_cancelled)
    if not crs.isGeographic():
        extent = area.boundingBox()
        spacing = max(extent.width(), extent.height()) / _SEGMENTS
        area = area.densifyByDistance(spacing) if spacing > 0.0 else area
    transform = QgsCoordinateTransform(crs, QgsCoordinateReferenceSystem(WGS84), transform_context)
    try:
        area.transform(transform)
    except QgsCsException as error:
        raise InsarError("aoi.cannot_transform", crs=WGS84, reason=str(error)) from error
    if not crs.isGeographic():
        # Degrees of a projected map jump at the antimeridian; those of a map in degrees are meant as they stand.
        area = _continuous(area)
    return _within_globe(area)


def search_area_of_wkt(text: str) -> QgsGeometry:
    """Read WKT in EPSG:4326 that a person typed.

    Raises
    ------
    InsarError
        ``aoi.not_wkt``, and what `search_area` raises.
    """
    geometry = QgsGeometry.fromWkt(text.strip())
    # QGIS reads a text that breaks off as far as it goes.
    if geometry.isNull() or text.count("(") != text.count(")"):
        raise InsarError("aoi.not_wkt", text=text.strip()[:80])
    return search_area([geometry], QgsCoordinateReferenceSystem(WGS84), QgsCoordinateTransformContext())


class LayerArea:
    """All features of a vector layer, or its selected ones, as an area. Made on the main thread, read in a task."""

    def __init__(self, layer: QgsVectorLayer, is_selection_only: bool) -> None:
        self._source = QgsVectorLayerFeatureSource(layer)
        self._crs = layer.crs()
        self._context = QgsProject.instance().transformContext()
        self._request = QgsFeatureRequest().setNoAttributes()
        if is_selection_only:
            self._request.setFilterFids(layer.selectedFeatureIds())

    def read(self, is_cancelled: IsCancelled) -> QgsGeometry:
        """Read the features; raises as `search_area`, and ``run.cancelled``."""
        features = self._source.getFeatures(self._request)
        return search_area(
            (feature.geometry() for feature in features if feature.hasGeometry()),
            self._crs,
            self._context,
            is_cancelled,
        )


def area_wkt(area: QgsGeometry) -> str:
    """WKT with six decimals, a tenth of a metre."""
    return area.asWkt(_PLACES)


def area_km2(area: QgsGeometry) -> float:
    """Area on the ellipsoid in km²; 0 for points and lines."""
    measure = QgsDistanceArea()
    measure.setSourceCrs(QgsCoordinateReferenceSystem(WGS84), QgsCoordinateTransformContext())
    measure.setEllipsoid("EPSG:7030")
    return measure.measureArea(area) / 1e6 if area.type() == _POLYGON else 0.0


def _dissolved(geometries: Iterable[QgsGeometry], is_cancelled: IsCancelled) -> QgsGeometry:
    found: dict[int, list[QgsGeometry]] = {}
    for geometry in geometries:
        stop_if_cancelled(is_cancelled)
        if geometry.isNull() or geometry.isEmpty():
            continue
        # A ring that crosses itself falls into parts, some of them lines.
        for part in QgsGeometry(geometry).makeValid().asGeometryCollection():
            is_flat = part.type() == _POLYGON and part.area() == 0.0
            if not is_flat:
                found.setdefault(int(part.type()), []).append(part)
    for kind in (_POLYGON, _LINE, _POINT):
        parts = found.get(int(kind))
        if parts:
            return QgsGeometry.unaryUnion(parts)
    raise InsarError("aoi.nothing")


def _continuous(area: QgsGeometry) -> QgsGeometry:
    """Give the geometry without jumps of longitude; they may then lie beyond 180 degrees."""
    kind = area.type()
    if kind == _POINT:
        return area
    if kind == _LINE:
        lines = area.asMultiPolyline() if area.isMultipart() else [area.asPolyline()]
        return QgsGeometry.fromMultiPolylineXY([_unrolled(line) for line in lines])
    polygons = area.asMultiPolygon() if area.isMultipart() else [area.asPolygon()]
    made = []
    for rings in polygons:
        outer = _unrolled(rings[0])
        if abs(outer[-1].x() - outer[0].x()) > 180.0:
            outer = _to_the_pole(outer)
        middle = QgsGeometry.fromPolygonXY([outer]).boundingBox().center().x()
        holes = [_near(_unrolled(ring), middle) for ring in rings[1:]]
        made.append(QgsGeometry.fromPolygonXY([outer, *holes]).makeValid())
    return QgsGeometry.unaryUnion(made)


def _unrolled(points: Sequence[QgsPointXY]) -> list[QgsPointXY]:
    result: list[QgsPointXY] = []
    for point in points:
        x = point.x()
        if result:
            x += 360.0 * round((result[-1].x() - x) / 360.0)
        result.append(QgsPointXY(x, point.y()))
    return result


def _to_the_pole(ring: Sequence[QgsPointXY]) -> list[QgsPointXY]:
    """Close a ring that runs once around the globe over the pole that it is near to."""
    pole = math.copysign(90.0, sum(point.y() for point in ring))
    return [*ring, QgsPointXY(ring[-1].x(), pole), QgsPointXY(ring[0].x(), pole), ring[0]]


def _near(ring: Sequence[QgsPointXY], x: float) -> list[QgsPointXY]:
    shift = 360.0 * round((x - sum(point.x() for point in ring) / len(ring)) / 360.0)
    return [QgsPointXY(point.x() + shift, point.y()) for point in ring]


def _within_globe(area: QgsGeometry) -> QgsGeometry:
    extent = area.boundingBox()
    numbers = (extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum())
    limit = 180.0 + 360.0 * _TURNS
    is_on_globe = all(map(math.isfinite, numbers)) and numbers[1] >= -90.0 and numbers[3] <= 90.0
    if not is_on_globe or numbers[0] < -limit or numbers[2] > limit:
        raise InsarError("aoi.not_degrees", bounds=", ".join(f"{number:.10g}" for number in numbers))
    if numbers[0] >= -180.0 and numbers[2] <= 180.0:
        return area
    pieces = []
    for turn in range(-_TURNS, _TURNS + 1):
        west = -180.0 + 360.0 * turn
        piece = area.intersection(QgsGeometry.fromRect(QgsRectangle(west, -90.0, west + 360.0, 90.0)))
        # A window that only touches gives a line along the antimeridian.
        for part in piece.asGeometryCollection() if not piece.isEmpty() else []:
            if part.type() == area.type():
                part.translate(-360.0 * turn, 0.0)
                pieces.append(part)
    return QgsGeometry.unaryUnion(pieces)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Any polygon features as one area of interest in EPSG:4326, for panel and algorithm alike."""

from __future__ import annotations

from collections.abc import Iterable

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsFeature,
    QgsGeometry,
)

from insarhub_qgis.core.errors import InsarError

#: Segments along the longer side of a polygon; keeps an edge where it is on the map after a transform.
_SEGMENTS = 20
WGS84 = "EPSG:4326"
#: Decimal places of degrees; a hundredth of a millimetre.
_PLACES = 9


def area_of_interest_wkt(
    features: Iterable[QgsFeature],
    crs: QgsCoordinateReferenceSystem,
    transform_context: QgsCoordinateTransformContext,
) -> str:
    """Dissolve polygon features and give them as (multi)polygon WKT in EPSG:4326.

    Raises ``aoi.no_crs``, ``aoi.empty`` (no polygon with an area) and ``aoi.cannot_transform``.
    """
    if not crs.isValid():
        raise InsarError("aoi.no_crs")
    parts = [QgsGeometry(feature.geometry()).makeValid() for feature in features if feature.hasGeometry()]
    area = QgsGeometry.unaryUnion(parts) if parts else QgsGeometry()
    if area.isNull() or area.isEmpty() or area.area() == 0.0:
        raise InsarError("aoi.empty")
    return transformed_polygon(area, QgsCoordinateTransform(crs, _crs(WGS84), transform_context)).asWkt(
        _PLACES
    )


def transformed_polygon(polygon: QgsGeometry, transform: QgsCoordinateTransform) -> QgsGeometry:
    """Give the polygon in the target CRS with its edges densified; raises ``aoi.cannot_transform``."""
    extent = polygon.boundingBox()
    spacing = max(extent.width(), extent.height()) / _SEGMENTS
    dense = polygon.densifyByDistance(spacing) if spacing > 0.0 else QgsGeometry(polygon)
    try:
        dense.transform(transform)
    except QgsCsException as error:
        raise InsarError(
            "aoi.cannot_transform", crs=transform.destinationCrs().authid(), reason=str(error)
        ) from error
    return dense


def _crs(authority_id: str) -> QgsCoordinateReferenceSystem:
    return QgsCoordinateReferenceSystem(authority_id)

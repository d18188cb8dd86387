# SPDX-License-Identifier: GPL-2.0-or-later
"""The footprints of the pair or date in focus on the map: two rubber bands, made once and reused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRectangle,
    QgsWkbTypes,
)
from qgis.gui import QgsMapCanvas, QgsRubberBand
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QColor

from insarhub_qgis.core.scene_facts import SceneFacts, unwrapped

#: Earlier and later date; line styles differ as well.
EARLIER_COLOUR, LATER_COLOUR = "#1f78b4", "#e66101"


class FootprintLink:
    """Shows footprints of scenes while something of the network is in focus."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        self._canvas = canvas
        self._facts: Mapping[str, SceneFacts] = {}
        self._geometries: dict[str, QgsGeometry | None] = {}
        self._bands: list[QgsRubberBand] = []

    def use(self, facts: Mapping[str, SceneFacts]) -> None:
        """Take the footprints of a stack."""
        self._facts = facts
        self.forget_places()

    def forget_places(self) -> None:
        """Transform anew: the map has another CRS now."""
        self._geometries = {}
        self.clear()

    def show(self, earlier: Sequence[str], later: Sequence[str] = ()) -> bool:
        """Show the footprints of two dates; False when none is known."""
        is_any = False
        if not self._bands:
            self._bands = [
                self._band(EARLIER_COLOUR, Qt.PenStyle.SolidLine),
                self._band(LATER_COLOUR, Qt.PenStyle.DashLine),
            ]
        for band, scenes in zip(self._bands, (earlier, later)):
            geometries = self.geometries(scenes)
            band.reset(QgsWkbTypes.GeometryType.PolygonGeometry)
            for geometry in geometries:
                band.addGeometry(geometry, QgsCoordinateReferenceSystem(), False)
            if geometries:
                is_any = True
                band.updatePosition()
                band.update()
                band.show()
        return is_any

    def clear(self) -> None:
        """Take the footprints off the map; the bands stay for the next time."""
        for band in self._bands:
            band.reset(QgsWkbTypes.GeometryType.PolygonGeometry)

    def zoom(self, scenes: Iterable[str]) -> bool:
        """Show the whole of some footprints on the map; False when none is known."""
        extent = QgsRectangle()
        for geometry in self.geometries(tuple(scenes)):
            extent.combineExtentWith(geometry.boundingBox())
        if extent.isNull() or extent.isEmpty():
            return False
        extent.scale(1.1)
        self._canvas.setExtent(extent)
        self._canvas.refresh()
        return True

    def close(self) -> None:
        """Remove the bands."""
        for band in self._bands:
            self._canvas.scene().removeItem(band)
        self._bands = []

    def geometries(self, scenes: Sequence[str]) -> list[QgsGeometry]:
        """Give the known footprints in the CRS of the map."""
        found = (self._geometry(name) for name in scenes)
        return [geometry for geometry in found if geometry is not None]

    def _geometry(self, scene: str) -> QgsGeometry | None:
        if scene not in self._geometries:
            self._geometries[scene] = self._transformed(scene)
        return self._geometries[scene]

    def _transformed(self, scene: str) -> QgsGeometry | None:
        facts = self._facts.get(scene)
        if facts is None or not facts.footprint:
            return None
        ring = [QgsPointXY(*corner) for corner in unwrapped(facts.footprint)]
        geometry = QgsGeometry.fromPolygonXY([ring])
        transform = QgsCoordinateTransform(
            QgsCoordinateReferenceSystem("EPSG:4326"),
            self._canvas.mapSettings().destinationCrs(),
            QgsProject.instance(),
        )
        try:
            geometry.transform(transform)
        except QgsCsException:
            return None
        return geometry

    def _band(self, colour: str, style: Qt.PenStyle) -> QgsRubberBand:
        band = QgsRubberBand(self._canvas, QgsWkbTypes.GeometryType.PolygonGeometry)
        outline = QColor(colour)
        band.setStrokeColor(outline)
        outline.setAlpha(36)
        band.setFillColor(outline)
        band.setLineStyle(style)
        band.setWidth(2)
        return band

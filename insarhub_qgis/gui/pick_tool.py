# SPDX-License-Identifier: GPL-2.0-or-later
"""Map tool that hands on the exact click, and the marks of picked places on the map."""

from __future__ import annotations

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsWkbTypes,
)
from qgis.gui import QgsMapCanvas, QgsMapMouseEvent, QgsMapToolEmitPoint, QgsRubberBand, QgsVertexMarker
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor

MARK_SIZE = 12
_ICONS = (
    QgsVertexMarker.IconType.ICON_CIRCLE,
    QgsVertexMarker.IconType.ICON_BOX,
    QgsVertexMarker.IconType.ICON_TRIANGLE,
    QgsVertexMarker.IconType.ICON_RHOMBUS,
    QgsVertexMarker.IconType.ICON_INVERTED_TRIANGLE,
    QgsVertexMarker.IconType.ICON_CROSS,
    QgsVertexMarker.IconType.ICON_X,
    QgsVertexMarker.IconType.ICON_DOUBLE_TRIANGLE,
)


class PickTool(QgsMapToolEmitPoint):
    """Emits the clicked place in the CRS of the canvas, not snapped to anything; Esc ends picking."""

    picked = pyqtSignal(QgsPointXY, QgsCoordinateReferenceSystem)
    ended = pyqtSignal()

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self.setCursor(Qt.CursorShape.CrossCursor)

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.picked.emit(event.mapPoint(), self.canvas().mapSettings().destinationCrs())
        elif event.button() == Qt.MouseButton.RightButton:
            self.ended.emit()

    def keyPressEvent(self, event) -> None:  # noqa: ANN001 (QKeyEvent)
        if event.key() == Qt.Key.Key_Escape:
            self.ended.emit()
            event.accept()


class MapMarks:
    """Markers and outlines of picked places; drawn above the map, gone with `clear`."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        self._canvas = canvas
        self._items: dict[str, QgsVertexMarker | QgsRubberBand] = {}

    def show_point(self, key: str, x: float, y: float, crs: str, colour: str, style: int) -> None:
        """Mark a point; one that cannot be shown in the map's CRS is left out."""
        self.remove(key)
        try:
            position = self._to_canvas(crs).transform(x, y)
        except QgsCsException:
            return
        marker = QgsVertexMarker(self._canvas)
        marker.setCenter(QgsPointXY(position))
        marker.setIconType(_ICONS[style % len(_ICONS)])
        marker.setIconSize(MARK_SIZE)
        marker.setPenWidth(3)
        marker.setColor(QColor(colour))
        self._items[key] = marker

    def show_zone(self, key: str, wkt: str, crs: str, colour: str) -> None:
        """Outline a polygon."""
        self.remove(key)
        band = QgsRubberBand(self._canvas, QgsWkbTypes.GeometryType.PolygonGeometry)
        outline = QColor(colour)
        band.setStrokeColor(outline)
        outline.setAlpha(40)
        band.setFillColor(outline)
        band.setWidth(2)
        band.setToGeometry(QgsGeometry.fromWkt(wkt), QgsCoordinateReferenceSystem(crs))
        self._items[key] = band

    def remove(self, key: str) -> None:
        item = self._items.pop(key, None)
        if item is not None:
            self._canvas.scene().removeItem(item)

    def clear(self) -> None:
        for key in list(self._items):
            self.remove(key)

    def _to_canvas(self, crs: str) -> QgsCoordinateTransform:
        return QgsCoordinateTransform(
            QgsCoordinateReferenceSystem(crs),
            self._canvas.mapSettings().destinationCrs(),
            QgsProject.instance(),
        )

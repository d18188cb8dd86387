# SPDX-License-Identifier: GPL-2.0-or-later
"""Map tools that draw an area, and the outline of the area on the map."""

from __future__ import annotations

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsGeometry,
    QgsPointXY,
    QgsRectangle,
    QgsWkbTypes,
)
from qgis.gui import QgsMapCanvas, QgsMapMouseEvent, QgsMapTool, QgsRubberBand
from qgis.PyQt.QtCore import QPoint, Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor, QKeyEvent

from insarhub_qgis.layers.area_of_interest import WGS84

#: Colour of the area, told from footprints and from QGIS's yellow of a selection.
AREA_COLOR = "#b3246b"
_FILL_ALPHA = 30
#: A drag shorter than this is a click by a hand that shook.
_SMALLEST_DRAG_PX = 4


class AreaTool(QgsMapTool):
    """Base: gives a geometry in the CRS of the map; Esc ends without one.

    Signals
    -------
    drawn(QgsGeometry)
        In the CRS of the canvas.
    ended
        Given up by Esc.
    """

    drawn = pyqtSignal(object)
    ended = pyqtSignal()

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.band = area_band(canvas)

    def deactivate(self) -> None:
        self.reset()
        super().deactivate()

    def reset(self) -> None:
        """Forget what is half drawn."""
        self.band.reset(QgsWkbTypes.GeometryType.PolygonGeometry)

    def close_tool(self) -> None:
        """Take the rubber band from the map."""
        if self.canvas() is not None and self.canvas().mapTool() is self:
            self.canvas().unsetMapTool(self)
        self.canvas().scene().removeItem(self.band)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.reset()
            self.ended.emit()
            event.accept()
        else:
            event.ignore()


class RectangleTool(AreaTool):
    """A rectangle by drag, or by two clicks."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self._first: QgsPointXY | None = None
        self._pressed_at = QPoint()
        self._waits_for_second_click = False

    def reset(self) -> None:
        super().reset()
        self._first = None
        self._waits_for_second_click = False

    def canvasPressEvent(self, event: QgsMapMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._first is None:
            self._first = event.mapPoint()
            self._pressed_at = event.pos()

    def canvasMoveEvent(self, event: QgsMapMouseEvent) -> None:
        if self._first is not None:
            self.band.setToGeometry(QgsGeometry.fromRect(QgsRectangle(self._first, event.mapPoint())), None)

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or self._first is None:
            return
        is_click = (event.pos() - self._pressed_at).manhattanLength() < _SMALLEST_DRAG_PX
        rectangle = QgsRectangle(self._first, event.mapPoint())
        if rectangle.isEmpty() or (is_click and not self._waits_for_second_click):
            self._waits_for_second_click = True
            return
        self.reset()
        self.drawn.emit(QgsGeometry.fromRect(rectangle))


class PolygonTool(AreaTool):
    """A polygon by clicks; right click, double click or Enter ends it, Backspace takes the last corner back."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self._corners: list[QgsPointXY] = []

    def reset(self) -> None:
        super().reset()
        self._corners = []

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            if not self._corners or self._corners[-1] != event.mapPoint():
                self._corners.append(event.mapPoint())
            self._show(event.mapPoint())
        elif event.button() == Qt.MouseButton.RightButton:
            self.finish()

    def canvasDoubleClickEvent(self, event: QgsMapMouseEvent) -> None:
        self.finish()

    def canvasMoveEvent(self, event: QgsMapMouseEvent) -> None:
        if self._corners:
            self._show(event.mapPoint())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.finish()
            event.accept()
        elif event.key() in (Qt.Key.Key_Backspace, Qt.Key.Key_Delete):
            # Otherwise the canvas deletes the selected features.
            if self._corners:
                self._corners.pop()
                self._show(self._corners[-1] if self._corners else None)
            event.accept()
        else:
            super().keyPressEvent(event)

    def finish(self) -> None:
        """Give the polygon; with fewer than three corners drawing goes on."""
        if len(self._corners) < 3:
            return
        polygon = QgsGeometry.fromPolygonXY([[*self._corners, self._corners[0]]])
        self.reset()
        self.drawn.emit(polygon)

    def _show(self, cursor: QgsPointXY | None) -> None:
        self.band.reset(QgsWkbTypes.GeometryType.PolygonGeometry)
        for corner in self._corners:
            self.band.addPoint(corner, False)
        if cursor is not None:
            self.band.addPoint(cursor, True)


class PointTool(AreaTool):
    """A place by one click."""

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.drawn.emit(QgsGeometry.fromPointXY(event.mapPoint()))


class AreaOutline:
    """The area as it will be searched, above the map."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        self._canvas = canvas
        self._band = area_band(canvas)
        self._area: QgsGeometry | None = None
        self._is_shown = False

    def show_area(self, area: QgsGeometry | None) -> None:
        """Outline an area in EPSG:4326, or none."""
        self._area = area
        self._draw()

    def set_shown(self, is_shown: bool) -> None:
        """Show the outline while its page is in front."""
        self._is_shown = is_shown
        self._draw()

    def close(self) -> None:
        self._canvas.scene().removeItem(self._band)

    def _draw(self) -> None:
        self._band.reset(self._area.type() if self._area else QgsWkbTypes.GeometryType.PolygonGeometry)
        if self._area is not None and self._is_shown:
            self._band.setToGeometry(self._area, QgsCoordinateReferenceSystem(WGS84))


def area_band(canvas: QgsMapCanvas) -> QgsRubberBand:
    """A rubber band in the colour of the area."""
    band = QgsRubberBand(canvas, QgsWkbTypes.GeometryType.PolygonGeometry)
    color = QColor(AREA_COLOR)
    band.setStrokeColor(color)
    color.setAlpha(_FILL_ALPHA)
    band.setFillColor(color)
    band.setWidth(2)
    band.setIcon(QgsRubberBand.IconType.ICON_CROSS)
    band.setIconSize(14)
    return band

# SPDX-License-Identifier: GPL-2.0-or-later
"""The value under the cursor: exact pixel of the top InSAR layer, with unit, sign and dates."""

from __future__ import annotations

from qgis.core import QgsPointXY
from qgis.PyQt.QtCore import Qt, QTimer
from qgis.PyQt.QtWidgets import QWidget

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.gui.page_context import PageContext
from insarhub_qgis.gui.short_text import ShortLabel

#: Mouse moves come faster than anybody reads; a zip member may take some ms to read.
THROTTLE_MS = 40


class ValueFooter(ShortLabel):
    """Follows the map canvas while it is shown."""

    def __init__(self, context: PageContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("insarhubValueFooter")
        self.setAccessibleName(self.tr("Value under the cursor"))
        self.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
        self._context = context
        self._reader = None
        self._point: QgsPointXY | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(THROTTLE_MS)
        self._timer.timeout.connect(self._read)
        context.canvas().xyCoordinates.connect(self._on_moved)
        context.project().layersWillBeRemoved.connect(self._forget)
        self.clear_value()

    def clear_value(self) -> None:
        self.setText(self.tr("Move over an InSAR layer to read its value."))

    def close_footer(self) -> None:
        """Stop following the canvas."""
        self._timer.stop()
        self._context.canvas().xyCoordinates.disconnect(self._on_moved)
        self._context.project().layersWillBeRemoved.disconnect(self._forget)
        self._forget()

    def _on_moved(self, point: QgsPointXY) -> None:
        if not self.isVisible():
            return
        self._point = QgsPointXY(point)
        # Started only when idle: a steady move is answered every THROTTLE_MS, not after it ends.
        if not self._timer.isActive():
            self._timer.start()

    def _forget(self) -> None:
        # The reader keeps files open that belong to layers.
        self._reader = None

    def _read(self) -> None:
        from insarhub_qgis.layers.pixel_values import PixelValueReader, top_insar_layer

        canvas = self._context.canvas()
        layer = top_insar_layer(canvas.layers())
        if layer is None or self._point is None:
            self.clear_value()
            return
        if self._reader is None:
            self._reader = PixelValueReader()
        try:
            value = self._reader.value_at(layer, self._point, canvas.mapSettings().destinationCrs())
        except InsarError as error:
            from insarhub_qgis.host import messages

            self.setText(messages.what_happened(error))
            return
        if value is None:
            self.clear_value()
            return
        self.setText(value.text())

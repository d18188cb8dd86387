# SPDX-License-Identifier: GPL-2.0-or-later
"""The plugin's own icons: monochrome SVG by path, drawn in the text colour of the current theme."""

from __future__ import annotations

from functools import lru_cache

from qgis.PyQt.QtCore import QByteArray, QRectF, QSize, Qt
from qgis.PyQt.QtGui import QColor, QIcon, QPainter, QPalette, QPixmap
from qgis.PyQt.QtSvg import QSvgRenderer
from qgis.PyQt.QtWidgets import QApplication

from insarhub_qgis.host.paths import icon_path

DRAWN_COLOR = "#4d4d4d"
_SIZES = (16, 20, 24, 32, 48)


def _pixmap(drawing: str, color: str, size: int) -> QPixmap:
    renderer = QSvgRenderer(QByteArray(drawing.replace(DRAWN_COLOR, color).encode()))
    pixmap = QPixmap(QSize(size, size))
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    renderer.render(painter, QRectF(0, 0, size, size))
    painter.end()
    return pixmap


def icon(name: str, color: QColor | None = None) -> QIcon:
    """Give an icon of the folder ``icons`` by its name without suffix.

    Qt draws SVG in the colours of the file, which vanish in a dark theme; the drawing is therefore coloured here.
    """
    palette = QApplication.palette()
    normal = color or palette.color(QPalette.ColorGroup.Active, QPalette.ColorRole.WindowText)
    disabled = palette.color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.WindowText)
    return _drawn_icon(name, normal.name(), disabled.name())


@lru_cache(maxsize=256)
def _drawn_icon(name: str, normal: str, disabled: str) -> QIcon:
    # Ten drawings take three milliseconds, and lists of jobs ask for the same few icons over and over.
    drawing = icon_path(name).read_text(encoding="utf-8")
    made = QIcon()
    for size in _SIZES:
        made.addPixmap(_pixmap(drawing, normal, size), QIcon.Mode.Normal)
        made.addPixmap(_pixmap(drawing, disabled, size), QIcon.Mode.Disabled)
    return made

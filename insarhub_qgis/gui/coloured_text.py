# SPDX-License-Identifier: GPL-2.0-or-later
"""Coloured cells that stay coloured under themes whose style sheet paints every row in one colour."""

from __future__ import annotations

from qgis.PyQt.QtCore import QModelIndex, Qt
from qgis.PyQt.QtGui import QColor, QPainter
from qgis.PyQt.QtWidgets import QApplication, QStyle, QStyledItemDelegate, QStyleOptionViewItem


class ColouredTextDelegate(QStyledItemDelegate):
    """Draws the text of cells that have a colour of their own; the style draws everything else."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        colour = index.data(Qt.ItemDataRole.ForegroundRole)
        if not isinstance(colour, QColor) or option.state & QStyle.StateFlag.State_Selected:
            super().paint(painter, option, index)
            return
        cell = QStyleOptionViewItem(option)
        self.initStyleOption(cell, index)
        style = cell.widget.style() if cell.widget is not None else QApplication.style()
        area = style.subElementRect(QStyle.SubElement.SE_ItemViewItemText, cell, cell.widget)
        text, cell.text = cell.text, ""
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, cell, painter, cell.widget)
        margin = style.pixelMetric(QStyle.PixelMetric.PM_FocusFrameHMargin, cell, cell.widget) + 1
        area.adjust(margin, 0, -margin, 0)
        painter.save()
        painter.setPen(colour)
        painter.setFont(cell.font)
        shown = cell.fontMetrics.elidedText(text, cell.textElideMode, area.width())
        alignment = QStyle.visualAlignment(cell.direction, cell.displayAlignment)
        painter.drawText(area, int(alignment), shown)
        painter.restore()

# SPDX-License-Identifier: GPL-2.0-or-later
"""Legend of the network: each class with its line, and how many active pairs it has."""

from __future__ import annotations

from qgis.PyQt.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from qgis.PyQt.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from qgis.PyQt.QtWidgets import QApplication, QSizePolicy, QWidget

from insarhub_qgis.gui.network_canvas import pen_of
from insarhub_qgis.gui.network_texts import class_legend, tr
from insarhub_qgis.layers.network_picture import (
    GOOD,
    MODERATE,
    NOT_JUDGED,
    PAIR_STYLES,
    POOR,
    REMOVED_ALPHA,
    REMOVED_STYLE,
    NetworkPicture,
    PairStyle,
)

SAMPLE_PX, GAP_PX, PAD_PX = 30, 6, 14


class NetworkLegend(QWidget):
    """Rows flow into as many lines as the width needs."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("insarhub_network_legend")
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self._rows: list[tuple[PairStyle | str, str, float]] = []

    def show_counts(self, picture: NetworkPicture) -> None:
        """Take the counts of a picture."""
        counts = picture.class_counts()
        rows: list[tuple[PairStyle | str, str, float]] = [
            (PAIR_STYLES[pair_class], f"{class_legend(pair_class)}: {counts[pair_class]}", 1.0)
            for pair_class in (GOOD, MODERATE, POOR, NOT_JUDGED)
        ]
        removed = int((~picture.is_active).sum())
        if removed:
            rows.append((REMOVED_STYLE, tr("removed: {n}").format(n=removed), REMOVED_ALPHA))
        for symbol, flag, text in (
            ("triangle", picture.is_relaxed, tr("breaks a limit: {n}")),
            ("diamond", picture.is_manual, tr("added by hand: {n}")),
        ):
            count = int((flag & picture.is_active).sum())
            if count:
                rows.append((symbol, text.format(n=count), 1.0))
        self._rows = rows
        self.setAccessibleName(tr("Legend: {rows}").format(rows="; ".join(text for _, text, _ in rows)))
        self.updateGeometry()
        self.update()

    def texts(self) -> list[str]:
        """Give the rows as text."""
        return [text for _, text, _ in self._rows]

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return int(self._flow(width)[1])

    def sizeHint(self) -> QSize:
        return QSize(400, self.heightForWidth(max(self.width(), 200)))

    def minimumSizeHint(self) -> QSize:
        return QSize(120, self.heightForWidth(max(self.width(), 120)))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.PaletteChange):
            self.updateGeometry()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text_colour = QApplication.palette().color(QPalette.ColorRole.WindowText)
        scale = self.logicalDpiX() / 72.0
        for (style, text, alpha), box in zip(self._rows, self._flow(self.width())[0]):
            middle = box.center().y()
            if isinstance(style, PairStyle):
                colour = QColor(style.colour)
                # A line this short would vanish at the strength that it has in the graph.
                colour.setAlphaF(max(alpha, 0.75))
                painter.setPen(pen_of(style, scale, colour))
                painter.drawLine(QPointF(box.left(), middle), QPointF(box.left() + SAMPLE_PX, middle))
            else:
                painter.setPen(QPen(Qt.PenStyle.NoPen))
                painter.setBrush(text_colour)
                painter.drawPolygon(_symbol(style, QPointF(box.left() + SAMPLE_PX / 2, middle)))
            painter.setPen(text_colour)
            box.setLeft(box.left() + SAMPLE_PX + GAP_PX)
            painter.drawText(box, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), text)
        painter.end()

    def _flow(self, width: float) -> tuple[list[QRectF], float]:
        metrics = QFontMetricsF(self.font())
        height = metrics.height() + 4.0
        x, y = 6.0, 2.0
        boxes = []
        for _style, text, _ in self._rows:
            sample = SAMPLE_PX
            needed = sample + GAP_PX + metrics.horizontalAdvance(text) + 2.0
            if boxes and x + needed > width - 6.0:
                x, y = 6.0, y + height
            boxes.append(QRectF(x, y, needed, height))
            x += needed + PAD_PX
        return boxes, y + height + 2.0


def _symbol(name: str, middle: QPointF) -> QPolygonF:
    corners = [(0, -4.5), (4.5, 4), (-4.5, 4)] if name == "triangle" else [(0, -5), (5, 0), (0, 5), (-5, 0)]
    return QPolygonF([middle + QPointF(x, y) for x, y in corners])

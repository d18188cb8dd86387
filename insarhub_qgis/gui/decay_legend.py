# SPDX-License-Identifier: GPL-2.0-or-later
"""One legend for the decay maps of all seasons: fixed ramps with units, and what derived maps on the canvas add."""

from __future__ import annotations

from collections.abc import Collection

from qgis.PyQt.QtCore import QRectF, QSize, Qt
from qgis.PyQt.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent, QPixmap
from qgis.PyQt.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QWidget

from insarhub_qgis.core.decay_map_files import BEST, LONGEST
from insarhub_qgis.gui.decay_texts import G_INF, TAU, months_text, season_title, tr
from insarhub_qgis.gui.flow_layout import FlowLayout
from insarhub_qgis.layers.styles import LayerStyle, style_for, value_range

BAR_HEIGHT_PX, SWATCH_PX = 12, 12
SEASON_OF_CLASS = {1: "winter", 2: "spring", 3: "summer", 4: "fall"}


class RampBar(QWidget):
    """The ramp of a style from low to high."""

    def __init__(self, style: LayerStyle, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colors = [QColor(color) for color in style.colors]
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(120, BAR_HEIGHT_PX)

    def minimumSizeHint(self) -> QSize:
        return QSize(40, BAR_HEIGHT_PX)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        area = QRectF(self.rect())
        gradient = QLinearGradient(area.topLeft(), area.topRight())
        for position, color in enumerate(self._colors):
            gradient.setColorAt(position / (len(self._colors) - 1), color)
        painter.fillRect(area, gradient)
        painter.end()


class DecayLegend(QWidget):
    """Coherence and decay time always; longest baseline and best season while they are on the map."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("insarhubDecayLegend")
        self._layout = QGridLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setHorizontalSpacing(6)
        self._layout.setVerticalSpacing(3)
        self._layout.setColumnStretch(2, 1)
        self._texts: list[str] = []
        self._rows: dict[str, list[QWidget]] = {}
        self._add_ramp(G_INF, tr("Coherence"), tr("{value}"), tr("{value}"))
        self._add_ramp(TAU, tr("Decay time"), tr("{value} d"), tr("≥ {value} d"))
        self._add_ramp(LONGEST, tr("Longest baseline"), tr("{value} d"), tr("≥ {value} d"))
        self._add_seasons()
        self.show_kinds(())

    def show_kinds(self, kinds: Collection[str]) -> None:
        """Take the kinds of the rasters that are on the map."""
        for kind in (LONGEST, BEST):
            for widget in self._rows[kind]:
                widget.setVisible(kind in kinds)
        shown = [rows for kind, rows in self._rows.items() if kind not in (LONGEST, BEST) or kind in kinds]
        self._texts = [
            " ".join(widget.text() for widget in row if isinstance(widget, QLabel) and widget.text())
            for row in shown
        ]
        self.setAccessibleName(tr("Legend: {rows}").format(rows="; ".join(self._texts)))

    def texts(self) -> list[str]:
        """Give the rows as text."""
        return list(self._texts)

    def _add_ramp(self, kind: str, title: str, low_text: str, high_text: str) -> None:
        style = style_for(kind)
        low, high = value_range(style, None)
        row = self._layout.rowCount()
        end = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        widgets = [
            QLabel(title, self),
            QLabel(low_text.format(value=f"{low:g}"), self),
            RampBar(style, self),
            QLabel(high_text.format(value=f"{high:g}"), self),
        ]
        widgets[1].setAlignment(end)
        for column, widget in enumerate(widgets):
            self._layout.addWidget(widget, row, column)
        self._rows[kind] = widgets

    def _add_seasons(self) -> None:
        row = self._layout.rowCount()
        box = QWidget(self)
        flow = FlowLayout(box)
        title = QLabel(tr("Best season"), self)
        title.setAlignment(Qt.AlignmentFlag.AlignTop)
        labels: list[QWidget] = [title]
        for number, color, _ in style_for(BEST).classes:
            entry = QWidget(box)
            swatch, text = QLabel(entry), QLabel(months_text(SEASON_OF_CLASS[number]), entry)
            text.setToolTip(season_title(SEASON_OF_CLASS[number]))
            picture = QPixmap(SWATCH_PX, SWATCH_PX)
            picture.fill(QColor(color))
            swatch.setPixmap(picture)
            pair = QHBoxLayout(entry)
            pair.setContentsMargins(0, 0, 6, 0)
            pair.setSpacing(6)
            pair.addWidget(swatch)
            pair.addWidget(text)
            flow.addWidget(entry)
            labels.append(text)
        self._layout.addWidget(title, row, 0)
        self._layout.addWidget(box, row, 1, 1, 3)
        self._rows[BEST] = [*labels, box]

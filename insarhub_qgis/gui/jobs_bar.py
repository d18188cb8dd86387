# SPDX-License-Identifier: GPL-2.0-or-later
"""How far the jobs are: one bar in parts, and the same in words."""

from __future__ import annotations

from collections.abc import Mapping

from qgis.PyQt.QtCore import QLocale, QRectF, QSize, Qt
from qgis.PyQt.QtGui import QBrush, QColor, QPainter, QPainterPath, QPaintEvent, QPalette
from qgis.PyQt.QtWidgets import QApplication, QLabel, QSizePolicy, QVBoxLayout, QWidget

from insarhub_qgis.core.hyp3_jobs import (
    DOWNLOADED,
    EXPIRED,
    FAILED,
    PENDING,
    RUNNING,
    SUCCEEDED,
    UNKNOWN,
)
from insarhub_qgis.gui.hyp3_jobs_table import alarm_text, care_text, status_word

HEIGHT_PX = 10
_ORDER = (DOWNLOADED, SUCCEEDED, RUNNING, PENDING, FAILED, EXPIRED, UNKNOWN)


class _Bar(QWidget):
    """The parts by their share: solid what is here, lighter what waits there, hatched what runs."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._counts: dict[str, int] = {}
        self.setFixedHeight(HEIGHT_PX)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def show_counts(self, counts: Mapping[str, int]) -> None:
        self._counts = dict(counts)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(120, HEIGHT_PX)

    def paintEvent(self, event: QPaintEvent) -> None:
        palette = QApplication.palette()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        outline = QPainterPath()
        outline.addRoundedRect(frame, 3, 3)
        painter.setClipPath(outline)
        painter.fillRect(self.rect(), palette.color(QPalette.ColorRole.Base))
        total = sum(self._counts.values())
        x = 0.0
        for status in _ORDER:
            width = self.width() * self._counts.get(status, 0) / total if total else 0.0
            part = QRectF(x, 0, width, self.height())
            if self.layoutDirection() == Qt.LayoutDirection.RightToLeft:
                part.moveLeft(self.width() - x - width)
            if width:
                painter.fillRect(part, self._brush(status, palette))
            x += width
        painter.setClipping(False)
        border = QColor(palette.color(QPalette.ColorRole.Text))
        border.setAlphaF(0.4)
        painter.setPen(border)
        painter.drawPath(outline)
        painter.end()

    def _brush(self, status: str, palette: QPalette) -> QBrush:
        colour = QColor(palette.color(QPalette.ColorRole.Highlight))
        if status == DOWNLOADED:
            return QBrush(colour)
        if status == SUCCEEDED:
            colour.setAlphaF(0.5)
            return QBrush(colour)
        if status == RUNNING:
            return QBrush(colour, Qt.BrushStyle.BDiagPattern)
        if status == FAILED:
            return QBrush(alarm_text(), Qt.BrushStyle.Dense3Pattern)
        if status == EXPIRED:
            return QBrush(care_text(), Qt.BrushStyle.Dense4Pattern)
        return QBrush(Qt.BrushStyle.NoBrush)


class JobsBar(QWidget):
    """Bar and words; hidden while there are no jobs."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("insarhubJobsBar")
        self.bar = _Bar(self)
        self.words = QLabel(self)
        self.words.setObjectName("insarhubJobCounts")
        self.words.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addWidget(self.bar)
        layout.addWidget(self.words)

    def show_counts(self, counts: Mapping[str, int]) -> None:
        """Show how many jobs have each status."""
        total = sum(counts.values())
        self.setVisible(total > 0)
        self.bar.show_counts(counts)
        locale = QLocale()
        parts = [
            f"{locale.toString(counts[status])} {status_word(status)}"
            for status in _ORDER
            if counts.get(status)
        ]
        text = self.tr("{parts}, {total} in all").format(parts=", ".join(parts), total=locale.toString(total))
        self.words.setText(text if len(parts) > 1 else self.tr("all {part}").format(part="".join(parts)))
        self.bar.setToolTip(text)
        self.bar.setAccessibleName(self.tr("Progress of the jobs: {words}").format(words=text))

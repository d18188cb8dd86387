# SPDX-License-Identifier: GPL-2.0-or-later
"""The Check tab: what should be looked at before money or hours are spent, each with a way to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Callable, Optional

from qgis.core import QgsApplication
from qgis.gui import QgsScrollArea
from qgis.PyQt.QtCore import QSize, Qt
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QFrame, QGridLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from insarhub_qgis.host.counts import counted

OK, NOTE, WARNING, STOP = "ok", "note", "warning", "stop"
_ICONS = {
    OK: "/mIconSuccess.svg",
    NOTE: "/mIconInfo.svg",
    WARNING: "/mIconWarning.svg",
    STOP: "/mIconCritical.svg",
}
_ICON_PX = 16


@dataclass(frozen=True)
class CheckLine:
    """One line of the card.

    Attributes
    ----------
    level
        ``ok``, ``note``, ``warning`` or ``stop``; only the last one blocks.
    text
        What was found, and what to do.
    button, action
        What mends it or shows it; empty without.
    """

    level: str
    text: str
    button: str = ""
    action: Optional[Callable[[], None]] = None


class _Lines(QWidget):
    """As high as its wrapped texts at the width that it has; Qt's own hint is that of the narrowest one."""

    def minimumSizeHint(self) -> QSize:
        return QSize(super().minimumSizeHint().width(), 0)


class NetworkCheckCard(QWidget):
    """Lines with an icon, the word of the level for those who cannot see it, and a button."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lines: tuple[CheckLine, ...] = ()
        self.buttons: list[QPushButton] = []
        self.head = QLabel(self)
        self.head.setWordWrap(True)
        font = self.head.font()
        font.setBold(True)
        self.head.setFont(font)
        area = QgsScrollArea(self)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._content = _Lines(area)
        self._grid = QGridLayout(self._content)
        self._grid.setContentsMargins(0, 0, 6, 0)
        self._grid.setHorizontalSpacing(6)
        self._grid.setVerticalSpacing(9)
        self._grid.setColumnStretch(1, 1)
        area.setWidget(self._content)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 9, 0, 0)
        layout.setSpacing(9)
        layout.addWidget(self.head)
        layout.addWidget(area, 1)

    def show_busy(self) -> None:
        self._fill((), self.tr("Checking…"))

    def show_lines(self, lines: Sequence[CheckLine]) -> None:
        """Show lines, the worst first."""
        order = {STOP: 0, WARNING: 1, NOTE: 2, OK: 3}
        rows = tuple(sorted(lines, key=lambda line: order.get(line.level, 2)))
        stops = sum(line.level == STOP for line in rows)
        warnings = sum(line.level == WARNING for line in rows)
        warned = counted(warnings, self.tr("{n} warning"), self.tr("{n} warnings"))
        if stops:
            head = counted(
                stops,
                self.tr("{n} stops processing, {warnings}"),
                self.tr("{n} stop processing, {warnings}"),
                warnings=warned,
            )
        elif warnings:
            head = self.tr("{warnings}, nothing blocks").format(warnings=warned)
        else:
            head = self.tr("Nothing stands in the way")
        self._fill(rows, head)

    def clear(self) -> None:
        self._fill((), self.tr("No stack is open."))

    def _fill(self, rows: tuple[CheckLine, ...], head: str) -> None:
        while self._grid.count():
            item = self._grid.takeAt(0)
            if item.widget() is not None:
                item.widget().deleteLater()
        self.lines, self.buttons = rows, []
        self.head.setText(head)
        words = {
            OK: self.tr("Good"),
            NOTE: self.tr("Note"),
            WARNING: self.tr("Warning"),
            STOP: self.tr("Stop"),
        }
        for row, line in enumerate(rows):
            icon = QLabel(self._content)
            theme: QIcon = QgsApplication.getThemeIcon(_ICONS.get(line.level, _ICONS[NOTE]))
            icon.setPixmap(theme.pixmap(_ICON_PX, _ICON_PX))
            icon.setToolTip(words.get(line.level, ""))
            text = QLabel(line.text, self._content)
            text.setTextFormat(Qt.TextFormat.PlainText)
            text.setWordWrap(True)
            text.setAccessibleName(f"{words.get(line.level, '')}: {line.text}")
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            text.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeading)
            # A scene name is one long word: it must not push the buttons out of sight.
            policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
            policy.setHeightForWidth(True)
            text.setSizePolicy(policy)
            self._grid.addWidget(icon, row, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(text, row, 1)
            if line.button and line.action is not None:
                button = QPushButton(line.button, self._content)
                action = line.action
                button.clicked.connect(lambda _=False, run=action: run())
                self._grid.addWidget(button, row, 2, Qt.AlignmentFlag.AlignTop)
                self.buttons.append(button)
        self._grid.setRowStretch(len(rows), 1)
        for row in range(len(rows)):
            self._grid.setRowStretch(row, 0)

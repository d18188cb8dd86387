# SPDX-License-Identifier: GPL-2.0-or-later
"""One row of a window that says what goes on: a picture, words, a thin bar, and what can be done about it."""

from __future__ import annotations

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

_ICON_PX = 16


class StatusRow(QWidget):
    """Hidden while there is nothing to say. Buttons come behind the bar, and each saying names those that it needs."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon = QLabel(self)
        self.label = QLabel(self)
        self.label.setWordWrap(True)
        self.label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.progress = QProgressBar(self)
        self.progress.setTextVisible(False)
        self.progress.setFixedSize(140, 8)
        self.progress.setAccessibleName(self.tr("Progress"))
        self._buttons: list[QPushButton] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(6)
        self._row.addWidget(self._icon)
        self._row.addWidget(self.label, 1)
        self._row.addWidget(self.progress)

    def add_button(self, button: QPushButton) -> QPushButton:
        self._buttons.append(button)
        self._row.addWidget(button)
        return button

    def say(self, text: str, icon: str = "", *buttons: QPushButton, is_busy: bool = False) -> None:
        """Say something, with a picture of QGIS's theme, and offer these buttons alone."""
        self.label.setText(text)
        self._icon.setVisible(bool(icon))
        if icon:
            self._icon.setPixmap(QgsApplication.getThemeIcon(icon).pixmap(_ICON_PX, _ICON_PX))
        self.progress.setVisible(is_busy)
        if is_busy:
            self.progress.setRange(0, 0)
        for button in self._buttons:
            button.setVisible(button in buttons)
        self.setVisible(bool(text))

    def show_progress(self, fraction: float, text: str) -> None:
        """Show how far a run is while one is told of."""
        if not self.progress.isVisible():
            return
        if fraction > 0:
            self.progress.setRange(0, 1000)
            self.progress.setValue(round(1000 * fraction))
        if text:
            self.label.setText(text)

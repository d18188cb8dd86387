# SPDX-License-Identifier: GPL-2.0-or-later
"""The line that says that nothing here is real."""

from __future__ import annotations

from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget


class SandboxBanner(QFrame):
    """First line of every page while simulated services answer instead of the real ones."""

    turn_off_requested = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("insarhubSandboxBanner")
        # The one fixed pair of colours outside data: it must look the same, and be noticed, in every theme.
        self.setStyleSheet(
            "#insarhubSandboxBanner { background: #ffe08a; border: 1px solid #b38600; border-radius: 3px; }"
            "#insarhubSandboxText { color: #3d2e00; background: transparent; }"
        )
        text = QLabel(self.tr("Sandbox: simulated data, no account, nothing is billed."), self)
        text.setObjectName("insarhubSandboxText")
        text.setWordWrap(True)
        button = QPushButton(self.tr("Turn off"), self)
        button.setObjectName("insarhubSandboxOff")
        button.clicked.connect(self.turn_off_requested)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(6, 3, 6, 3)
        layout.addWidget(text, 1)
        layout.addWidget(button)

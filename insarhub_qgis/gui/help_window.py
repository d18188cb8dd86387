# SPDX-License-Identifier: GPL-2.0-or-later
"""The offline help of a page in a window beside QGIS."""

from __future__ import annotations

from qgis.PyQt.QtCore import Qt, QUrl
from qgis.PyQt.QtWidgets import QDialog, QDialogButtonBox, QTextBrowser, QVBoxLayout, QWidget

from insarhub_qgis.host.paths import package_folder

HELP_WIDTH_PX, HELP_HEIGHT_PX = 520, 560


class HelpWindow(QDialog):
    """Shows ``help/<key>.html``; links lead from page to page, web links to the browser."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window | Qt.WindowType.WindowCloseButtonHint)
        self.setObjectName("insarhubHelp")
        self.setWindowTitle(self.tr("InSARHub Help"))
        self.browser = QTextBrowser(self)
        self.browser.setObjectName("insarhubHelpText")
        self.browser.setOpenExternalLinks(True)
        self.browser.setAccessibleName(self.windowTitle())
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(9, 9, 9, 9)
        layout.setSpacing(6)
        layout.addWidget(self.browser)
        layout.addWidget(buttons)
        self.resize(HELP_WIDTH_PX, HELP_HEIGHT_PX)

    def show_page(self, key: str) -> None:
        """Open the page ``key``; one without help of its own gets the overview."""
        folder = package_folder() / "help"
        file = folder / f"{key}.html"
        if not file.is_file():
            file = folder / "home.html"
        self.browser.setSource(QUrl.fromLocalFile(str(file)))
        self.show()
        self.raise_()
        self.activateWindow()

# SPDX-License-Identifier: GPL-2.0-or-later
"""The report of Prepare as a table: each product, used or excluded, with the reason."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import Qt, QUrl
from qgis.PyQt.QtGui import QDesktopServices
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

REPORT_NAME = "prepare_report.csv"


def read_report(job_folder: Path) -> list[dict[str, str]]:
    """Read ``prepare_report.csv``; empty when Prepare did not run yet."""
    path = job_folder / REPORT_NAME
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [dict(row) for row in csv.DictReader(line for line in file if not line.startswith("#"))]


class PrepareReportDialog(QDialog):
    """Read-only, sortable, copyable; excluded products first."""

    def __init__(
        self, rows: Sequence[dict[str, str]], job_folder: Path, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Report of Prepare: {job}").format(job=job_folder.name))
        self.resize(820, 420)
        self._rows = rows
        names = list(rows[0]) if rows else []
        table = QTableWidget(len(rows), len(names), self)
        table.setHorizontalHeaderLabels([name.replace("_", " ") for name in names])
        table.setAlternatingRowColors(True)
        table.setShowGrid(False)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.verticalHeader().hide()
        ordered = sorted(rows, key=lambda row: row.get("state") == "used")
        for number, row in enumerate(ordered):
            for column, name in enumerate(names):
                item = QTableWidgetItem(row[name] or "")
                item.setToolTip(row[name] or "")
                if (row[name] or "").replace(".", "", 1).isdigit():
                    item.setTextAlignment(int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter))
                table.setItem(number, column, item)
        table.setSortingEnabled(True)
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        table.resizeColumnsToContents()
        for column in range(len(names)):
            table.setColumnWidth(column, min(table.columnWidth(column), 330))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        copy = QPushButton(QgsApplication.getThemeIcon("/mActionEditCopy.svg"), self.tr("&Copy"), self)
        copy.clicked.connect(self._copy)
        reveal = QPushButton(self.tr("&Open CSV"), self)
        reveal.clicked.connect(
            lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(job_folder / REPORT_NAME)))
        )
        buttons.addButton(copy, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(reveal, QDialogButtonBox.ButtonRole.ActionRole)
        layout = QVBoxLayout(self)
        layout.addWidget(table, 1)
        layout.addWidget(buttons)

    def _copy(self) -> None:
        if self._rows:
            lines = ["\t".join(self._rows[0])] + [
                "\t".join(str(value) for value in row.values()) for row in self._rows
            ]
            QApplication.clipboard().setText("\n".join(lines))

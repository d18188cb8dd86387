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
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.host.counts import counted_products

REPORT_NAME = "prepare_report.csv"
NUMBERS = ("aoi_coverage", "width_px", "height_px", "gained_without_px", "valid_share", "zip_bytes")


def read_report(job_folder: Path) -> list[dict[str, str]]:
    """Read ``prepare_report.csv``; empty when Prepare did not run yet."""
    path = job_folder / REPORT_NAME
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [dict(row) for row in csv.DictReader(line for line in file if not line.startswith("#"))]


def _number(text: str | None) -> float | int | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return int(value) if value.is_integer() else value


class PrepareReportDialog(QDialog):
    """Read-only, sortable, copyable; excluded products first."""

    def __init__(
        self, rows: Sequence[dict[str, str]], job_folder: Path, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Report of Prepare: {job}").format(job=job_folder.name))
        self.resize(820, 420)
        self._rows = rows
        #: Columns that say nothing in this job (no reason, no AOI) only take room.
        names = [name for name in (rows[0] if rows else ()) if any(row[name] for row in rows)]
        table = self.table = QTableWidget(len(rows), len(names), self)
        table.setAccessibleName(self.tr("Products of the job"))
        titles = self._titles()
        table.setHorizontalHeaderLabels([titles.get(name, name.replace("_", " ")) for name in names])
        table.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 6)
        table.setAlternatingRowColors(True)
        table.setShowGrid(False)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.verticalHeader().hide()
        ordered = sorted(rows, key=lambda row: row.get("state") == "used")
        for number, row in enumerate(ordered):
            for column, name in enumerate(names):
                item = QTableWidgetItem()
                item.setToolTip(row[name] or "")
                number_value = _number(row[name]) if name in NUMBERS else None
                if number_value is None:
                    item.setText(row[name] or "")
                else:
                    # A number as such, so that the column sorts by size.
                    item.setData(Qt.ItemDataRole.DisplayRole, number_value)
                    item.setTextAlignment(int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter))
                table.setItem(number, column, item)
        # The order above until a header is clicked.
        table.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
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
        for button in (copy, reveal):
            button.setAutoDefault(False)
        close = buttons.button(QDialogButtonBox.StandardButton.Close)
        close.setDefault(True)
        excluded = sum(row.get("state") != "used" for row in rows)
        summary = QLabel(
            self.tr("{products} used, {excluded} excluded.").format(
                products=counted_products(len(rows) - excluded), excluded=excluded
            ),
            self,
        )
        layout = QVBoxLayout(self)
        layout.addWidget(summary)
        layout.addWidget(table, 1)
        layout.addWidget(buttons)

    def _titles(self) -> dict[str, str]:
        return {
            "product": self.tr("Product"),
            "state": self.tr("State"),
            "code": self.tr("Code"),
            "reason": self.tr("Reason"),
            "pair": self.tr("Pair"),
            "aoi_coverage": self.tr("AOI covered"),
            "width_px": self.tr("Width [px]"),
            "height_px": self.tr("Height [px]"),
            "gained_without_px": self.tr("Gain without it [px]"),
            "valid_share": self.tr("Valid share"),
            "zip_bytes": self.tr("Size [bytes]"),
            "file": self.tr("File"),
        }

    def _copy(self) -> None:
        if self._rows:
            lines = ["\t".join(self._rows[0])] + [
                "\t".join(str(value) for value in row.values()) for row in self._rows
            ]
            QApplication.clipboard().setText("\n".join(lines))

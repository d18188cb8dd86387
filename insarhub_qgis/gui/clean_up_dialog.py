# SPDX-License-Identifier: GPL-2.0-or-later
"""Clean up: shows what goes and how much it frees; product zips only on an explicit tick."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.PyQt import sip
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.requests import CleanUp
from insarhub_qgis.gui.page_context import PageContext
from insarhub_qgis.host.messages import sentence


class CleanUpDialog(QDialog):
    """Asks the engine for the list first; nothing is deleted before Delete."""

    def __init__(self, context: PageContext, job_folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Clean Up {job}").format(job=job_folder.name))
        self.resize(560, 360)
        self._context = context
        self._folder = job_folder
        self._list = QTreeWidget(self)
        self._list.setHeaderLabels([self.tr("What goes"), self.tr("Size [MB]")])
        self._list.setAccessibleName(self.tr("What goes"))
        self._list.setRootIsDecorated(False)
        self._list.setAlternatingRowColors(True)
        self._list.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self._list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self._list.header().setStretchLastSection(False)
        self._list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self._list.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self._zips = QCheckBox(
            self.tr("Also delete the product &zips: they are paid for and expire at the service"), self
        )
        self._zips.toggled.connect(self._ask)
        self._number = 0
        self._sum = QLabel(self)
        self._sum.setWordWrap(True)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self._delete = self._buttons.addButton(
            self.tr("&Delete"), QDialogButtonBox.ButtonRole.DestructiveRole
        )
        self._delete.setEnabled(False)
        self._delete.setAutoDefault(False)
        self._buttons.button(QDialogButtonBox.StandardButton.Cancel).setDefault(True)
        self._delete.clicked.connect(self._clean)
        self._buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel(self.tr("Configuration and all results of MintPy stay."), self))
        layout.addWidget(self._list, 1)
        layout.addWidget(self._zips)
        layout.addWidget(self._sum)
        layout.addWidget(self._buttons)
        self._ask()

    def _ask(self) -> None:
        self._delete.setEnabled(False)
        self._list.clear()
        self._sum.setText(self.tr("Looking…"))
        self._number += 1
        number = self._number

        # An answer to an earlier question must not be taken for one to this.
        def show(answer: dict[str, Any]) -> None:
            if number == self._number and not sip.isdeleted(self):
                self._show(answer)

        def fail(error: InsarError) -> None:
            if number == self._number and not sip.isdeleted(self):
                self._show_error(error)

        request = CleanUp(str(self._folder), self._zips.isChecked(), dry_run=True)
        self._context.start(request, self.tr("Look what can go"), show, fail)

    def _show(self, answer: dict[str, Any]) -> None:
        self._list.clear()
        items = answer["items"]
        for row in items:
            item = QTreeWidgetItem(self._list, [self._name(row), f"{row['bytes'] / 1e6:.1f}"])
            item.setToolTip(0, row["path"])
            item.setTextAlignment(1, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter))
        has_zips = any(row["kind"] == "zip" for row in items)
        total = sum(row["bytes"] for row in items) / 1e6
        self._sum.setText(
            self.tr("{count} items, {size:.1f} MB are freed.").format(count=len(items), size=total)
            if items
            else self.tr("Nothing is left to clean up.")
        )
        if self._zips.isChecked() and not has_zips:
            self._sum.setText(
                self._sum.text() + " " + self.tr("No zips lie in the job folder; those elsewhere are never touched.")
            )
        self._delete.setEnabled(bool(items))

    def _name(self, row: dict[str, Any]) -> str:
        path = Path(row["path"])
        return str(path.relative_to(self._folder)) if path.is_relative_to(self._folder) else str(path)

    def _show_error(self, error: InsarError) -> None:
        self._sum.setText("⚠ " + sentence(error))

    def _clean(self) -> None:
        request = CleanUp(str(self._folder), self._zips.isChecked(), dry_run=False)
        context, said = self._context, self.tr("{size:.1f} MB freed.")

        def say(answer: dict[str, Any]) -> None:
            context.show_success(said.format(size=answer["bytes_freed"] / 1e6))

        context.start(request, self.tr("Clean up {job}").format(job=self._folder.name), say)
        self.accept()

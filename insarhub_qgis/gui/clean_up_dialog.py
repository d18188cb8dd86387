# SPDX-License-Identifier: GPL-2.0-or-later
"""Clean up: shows what goes and how much it frees; product zips only on an explicit tick."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
from insarhub_qgis.host.counts import counted
from insarhub_qgis.host.messages import sentence

_ZIP = "zip"


class CleanUpDialog(QDialog):
    """Asks the engine for the list first; nothing is deleted before Delete."""

    def __init__(self, context: PageContext, job_folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Clean Up {job}").format(job=job_folder.name))
        self.resize(560, 360)
        self._context = context
        self._folder = job_folder
        self._answer: dict[str, Any] | None = None
        self._list = QTreeWidget(self)
        self._list.setAccessibleName(self.tr("What goes"))
        self._list.setHeaderLabels([self.tr("What goes"), self.tr("Is"), self.tr("Size [MB]")])
        self._list.setRootIsDecorated(False)
        self._list.setAlternatingRowColors(True)
        self._list.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self._list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self._list.header().setStretchLastSection(False)
        self._list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2):
            self._list.header().setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self._zips = QCheckBox(self.tr("Also delete the product &zips"), self)
        self._zips.setEnabled(False)
        self._zips.toggled.connect(self._show_items)
        self._note = QLabel(self)
        self._note.setWordWrap(True)
        self._note.hide()
        self._sum = QLabel(self.tr("Looking…"), self)
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
        layout.addWidget(self._note)
        layout.addWidget(self._sum)
        layout.addWidget(self._buttons)
        self._ask()

    def _ask(self) -> None:
        request = CleanUp(str(self._folder), include_zips=False, dry_run=True)
        self._context.start(request, self.tr("Look what can go"), self._show, self._show_error)

    def _show(self, answer: dict[str, Any]) -> None:
        self._answer = answer
        zips = [row for row in answer["items"] if row["kind"] == _ZIP]
        problem = answer.get("stack_problem")
        if zips:
            self._zips.setText(
                counted(
                    len(zips),
                    self.tr("Also delete the product &zip ({size:.1f} MB)"),
                    self.tr("Also delete the {n} product &zips ({size:.1f} MB)"),
                    size=sum(row["bytes"] for row in zips) / 1e6,
                )
            )
            self._note.setText(
                "⚠ " + sentence(InsarError.from_json(problem))
                if problem
                else self.tr("Zips are paid for, and they expire at the service.")
            )
        else:
            self._note.setText(
                self.tr("No used zips lie in the job folder; those elsewhere are never touched.")
            )
        self._note.show()
        self._zips.setEnabled(bool(zips) and not problem)
        self._show_items()

    def _chosen(self) -> list[dict[str, Any]]:
        """What Delete deletes."""
        if self._answer is None:
            return []
        is_blocked = bool(self._answer.get("stack_problem"))
        return [
            row
            for row in self._answer["items"]
            if (row["kind"] != _ZIP or self._zips.isChecked()) and not (is_blocked and row.get("needs_stack"))
        ]

    def _show_items(self) -> None:
        kinds = {
            "tmp": self.tr("temporary files"),
            "clip": self.tr("prepared rasters"),
            "partial": self.tr("unfinished file"),
            "set_aside": self.tr("results of an earlier run"),
            _ZIP: self.tr("product"),
        }
        self._list.clear()
        items = self._chosen()
        for row in items:
            texts = [self._name(row), kinds.get(row["kind"], row["kind"]), f"{row['bytes'] / 1e6:.1f}"]
            item = QTreeWidgetItem(self._list, texts)
            item.setToolTip(0, row["path"])
            item.setTextAlignment(2, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter))
        total = sum(row["bytes"] for row in items) / 1e6
        self._sum.setText(
            counted(
                len(items),
                self.tr("{n} item, {size:.1f} MB are freed."),
                self.tr("{n} items, {size:.1f} MB are freed."),
                size=total,
            )
            if items
            else self.tr("Nothing is left to clean up.")
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

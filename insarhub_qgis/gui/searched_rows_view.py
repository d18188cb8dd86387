# SPDX-License-Identifier: GPL-2.0-or-later
"""A table that is filtered by words and copied as text; its model gives the words and the text of rows."""

from __future__ import annotations

from typing import Any

from qgis.PyQt.QtCore import QEvent, QRegularExpression
from qgis.PyQt.QtGui import QKeyEvent, QKeySequence
from qgis.PyQt.QtWidgets import QApplication, QWidget

from insarhub_qgis.gui.coloured_text import ColouredTextDelegate
from insarhub_qgis.gui.stacks_table import ROW_ROLE, RowsModel, RowsView


class SearchedRowsView(RowsView):
    """Rows that hold every word of the filter; Ctrl+C copies the chosen ones.

    Parameters
    ----------
    model
        With ``table_text(rows)``, and the words to search under ``search_role`` of the first column.
    """

    def __init__(self, model: RowsModel, search_role: int, parent: QWidget | None = None) -> None:
        super().__init__(model, parent)
        self.setItemDelegate(ColouredTextDelegate(self))
        self.proxy.setFilterRole(search_role)
        self.proxy.setFilterKeyColumn(0)

    def set_filter(self, text: str) -> None:
        """Show the rows that hold every word."""
        pattern = "".join(f"(?=.*{QRegularExpression.escape(word)})" for word in text.split())
        options = (
            QRegularExpression.PatternOption.CaseInsensitiveOption
            | QRegularExpression.PatternOption.DotMatchesEverythingOption
        )
        self.proxy.setFilterRegularExpression(QRegularExpression(pattern, options))

    def listed_rows(self) -> list[Any]:
        """All rows that the filter shows, in their order."""
        return [self.proxy.index(row, 0).data(ROW_ROLE) for row in range(self.proxy.rowCount())]

    def copy(self) -> None:
        """Copy the chosen rows, or all listed ones."""
        rows = self.selected_rows() or self.listed_rows()
        QApplication.clipboard().setText(self.rows_model.table_text(rows))

    def event(self, event: QEvent) -> bool:
        # QGIS copies features by the same key; the table comes first while it has the keyboard.
        if event.type() == QEvent.Type.ShortcutOverride and event.matches(QKeySequence.StandardKey.Copy):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        else:
            super().keyPressEvent(event)

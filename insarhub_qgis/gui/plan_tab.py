# SPDX-License-Identifier: GPL-2.0-or-later
"""The Pairs tab of an order: a filter, ticks by rule, and the whole of what is known about the chosen pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qgis.gui import QgsFilterLineEdit
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QHBoxLayout, QLabel, QMenu, QToolButton, QVBoxLayout, QWidget

from insarhub_qgis.core.hyp3_guard import NEW
from insarhub_qgis.gui.hyp3_jobs_table import pair_text
from insarhub_qgis.gui.hyp3_runs import reason_text
from insarhub_qgis.gui.plan_table import NOTE, REJECTED, PlanModel, PlannedPair, PlanView


class PlanTab(QWidget):
    """The table of pairs with what chooses among them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.filter = QgsFilterLineEdit(self)
        self.filter.setObjectName("insarhubPlanFilter")
        self.filter.setShowSearchIcon(True)
        self.filter.setPlaceholderText(self.tr("Filter by date, state or verdict"))
        self.filter.setAccessibleName(self.tr("Filter pairs"))
        self.model = PlanModel(self)
        self.table = PlanView(self.model, self)
        self.filter.textChanged.connect(self.table.set_filter)
        self.tick_button = QToolButton(self)
        self.tick_button.setObjectName("insarhubTick")
        self.tick_button.setText(self.tr("&Tick"))
        self.tick_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.tick_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.tick_button)
        menu.addAction(self.tr("Only &New Pairs"), self._tick_new)
        menu.addAction(self.tr("&Listed Pairs"), lambda: self._tick_listed(is_on=True))
        menu.addAction(self.tr("None of the L&isted"), lambda: self._tick_listed(is_on=False))
        menu.addAction(self.tr("None That HyP3 &Refused"), self.untick_refused)
        self.tick_button.setMenu(menu)
        self.detail = QLabel(self)
        self.detail.setObjectName("insarhubPlanDetail")
        self.detail.setWordWrap(True)
        self.detail.setTextFormat(Qt.TextFormat.PlainText)
        self.detail.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.detail.hide()
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._show_detail())
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        head.setSpacing(6)
        head.addWidget(self.filter, 1)
        head.addWidget(self.tick_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 9, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(head)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.detail)

    def untick_refused(self) -> None:
        """Untick what HyP3 refused."""
        self.model.tick([row.pair for row in self.model.rows if row.verdict == REJECTED], is_on=False)

    def show_verdict(self, item: Mapping[str, Any]) -> None:
        """Show what HyP3 said about a pair, as an item of `SubmitHyp3` tells it."""
        verdict = str(item.get("state") or "")
        self.model.show_verdict(_pair(item), verdict, reason_text(item.get("reason")))

    def show_refused(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Show the pairs that HyP3 refused, the first of them chosen."""
        for row in rows:
            self.show_verdict({**row, "state": REJECTED})
        if rows:
            self.table.sortByColumn(NOTE, Qt.SortOrder.AscendingOrder)
            first = _pair(rows[0])
            self.table.select_rows(lambda row: row.pair == first)
            self._show_detail()

    def _tick_new(self) -> None:
        self.model.tick([row.pair for row in self.model.rows if row.state != NEW], is_on=False)
        self.model.tick([row.pair for row in self.model.rows if row.state == NEW], is_on=True)

    def _tick_listed(self, *, is_on: bool) -> None:
        self.model.tick([row.pair for row in self.table.listed_rows()], is_on=is_on)

    def _show_detail(self) -> None:
        """The whole of what is known about a chosen pair; its cell cuts it short."""
        rows: list[PlannedPair] = self.table.selected_rows()
        text = self.model.note(rows[0]) if len(rows) == 1 else ""
        self.detail.setText(f"{pair_text(rows[0].pair)}: {text}" if text else "")
        self.detail.setVisible(bool(text))


def _pair(row: Mapping[str, Any]) -> tuple[str, str]:
    return str(row["pair"][0]), str(row["pair"][1])

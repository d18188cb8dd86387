# SPDX-License-Identifier: GPL-2.0-or-later
"""Thresholds suggested from the coherence of a stack: each with its reason; only the ticked ones are taken."""

from __future__ import annotations

from typing import Any

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.core.mintpy_config import MintpyConfig
from insarhub_qgis.core.mintpy_options import PREFIX
from insarhub_qgis.host.counts import counted_dates, counted_pairs

KEY_ROLE = Qt.ItemDataRole.UserRole


class ThresholdsDialog(QDialog):
    """Answer of ``stack-facts`` beside the present values."""

    def __init__(self, facts: dict[str, Any], config: MintpyConfig, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Suggested Thresholds"))
        head = QLabel(
            self.tr("Looked at {pairs} of {dates}. Ticked values go into the options.").format(
                pairs=counted_pairs(len(facts["pairs"])), dates=counted_dates(len(facts["dates"]))
            ),
            self,
        )
        head.setWordWrap(True)
        self.list = QTreeWidget(self)
        self.list.setAccessibleName(self.tr("Suggested thresholds"))
        self.list.setHeaderLabels(
            [self.tr("Option"), self.tr("Now"), self.tr("Suggested"), self.tr("Reason")]
        )
        self.list.setRootIsDecorated(False)
        self.list.setAlternatingRowColors(True)
        self.list.setWordWrap(True)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        for row in facts["suggested"]:
            key, value = str(row["key"]), f"{row['value']:g}"
            now = config.effective(key)
            reason = self.reason(key, row["fields"])
            item = QTreeWidgetItem(self.list, [key.removeprefix(PREFIX), now, value, reason])
            item.setData(0, KEY_ROLE, key)
            item.setToolTip(3, reason)
            is_same = _same(now, value)
            item.setCheckState(0, Qt.CheckState.Unchecked if is_same else Qt.CheckState.Checked)
            for column in (1, 2):
                item.setTextAlignment(
                    column, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                )
        for column in range(3):
            self.list.header().setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.take_button = buttons.addButton(self.tr("&Take Ticked"), QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self.list.itemChanged.connect(self._refresh)
        layout = QVBoxLayout(self)
        layout.addWidget(head)
        layout.addWidget(self.list, 1)
        layout.addWidget(buttons)
        self.resize(800, 190)
        self._refresh()

    def values(self) -> dict[str, str]:
        """Key and value of the ticked rows."""
        items = [self.list.topLevelItem(row) for row in range(self.list.topLevelItemCount())]
        return {
            item.data(0, KEY_ROLE): item.text(2)
            for item in items
            if item.checkState(0) == Qt.CheckState.Checked
        }

    def reason(self, key: str, fields: dict[str, Any]) -> str:
        """Why this number, in a sentence."""
        if key.endswith("network.minCoherence"):
            return self.tr("Keeps all {dates} connected by at least {needed}, and leaves {pairs}.").format(
                dates=counted_dates(fields["dates"]),
                needed=counted_pairs(fields["needed"]),
                pairs=counted_pairs(fields["pairs"]),
            )
        if key.endswith("maskThreshold"):
            return self.tr("{percentile} % of the coherence of all pairs lies below it.").format(**fields)
        return self.tr("{percentile} % of the pixels have a lower mean coherence.").format(**fields)

    def _refresh(self) -> None:
        self.take_button.setEnabled(bool(self.values()))


def _same(now: str, suggested: str) -> bool:
    try:
        return float(now) == float(suggested)
    except ValueError:
        return False

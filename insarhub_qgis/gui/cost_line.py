# SPDX-License-Identifier: GPL-2.0-or-later
"""What a submission costs, as a line of figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from qgis.PyQt.QtCore import QLocale
from qgis.PyQt.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from insarhub_qgis.gui.hyp3_jobs_table import alarm_text, credits_text
from insarhub_qgis.gui.plan_table import PlannedPair


def sum_of(rows: Iterable[PlannedPair]) -> float | None:
    """Add the prices of pairs; None where one is not known."""
    prices = [row.credits for row in rows]
    if any(price is None for price in prices):
        return None
    return float(sum(prices))


class CostLine(QWidget):
    """What is ordered and what it costs, as figures with their names."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("insarhubCostLine")
        self.values: dict[str, QLabel] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(24)
        for key, name in (
            ("pairs", self.tr("Pairs")),
            ("each", self.tr("Credits Each")),
            ("sum", self.tr("Credits in All")),
            ("left", self.tr("Credits Left")),
            ("after", self.tr("Left Afterwards")),
            ("reused", self.tr("Re-used Pairs")),
        ):
            value, caption = QLabel("–", self), QLabel(name, self)
            font = value.font()
            font.setPointSizeF(font.pointSizeF() * 1.35)
            font.setBold(True)
            value.setFont(font)
            value.setObjectName(f"insarhubCost_{key}")
            column = QVBoxLayout()
            column.setSpacing(0)
            column.addWidget(value)
            column.addWidget(caption)
            row.addLayout(column)
            self.values[key] = value
        row.addStretch(1)

    def show_figures(
        self,
        ticked: Sequence[PlannedPair],
        reused: Sequence[PlannedPair],
        left: float | None,
        *,
        is_known: bool,
    ) -> None:
        """Show figures; dashes for what is not known."""
        locale = QLocale()
        prices = sorted({row.credits for row in ticked if row.credits is not None})
        total = sum_of(ticked)
        after = left - total if left is not None and total is not None else None
        texts = {
            "pairs": locale.toString(len(ticked)),
            "each": "–".join(credits_text(price) for price in dict.fromkeys((*prices[:1], *prices[-1:]))),
            "sum": credits_text(total),
            "left": credits_text(left) if left is not None or not is_known else self.tr("no limit"),
            "after": credits_text(after) if left is not None or not is_known else self.tr("no limit"),
            "reused": locale.toString(len(reused)) if is_known else "–",
        }
        for key, label in self.values.items():
            label.setText(texts[key] or "–")
            label.setAccessibleName(f"{self._caption(key)}: {label.text()}")
        is_short = after is not None and after < 0
        self.values["after"].setStyleSheet(f"color: {alarm_text().name()};" if is_short else "")

    def _caption(self, key: str) -> str:
        place = list(self.values).index(key)
        column = self.layout().itemAt(place).layout()
        return column.itemAt(1).widget().text()

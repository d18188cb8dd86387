# SPDX-License-Identifier: GPL-2.0-or-later
"""Why a pair has its score: every factor with its value, what it takes, and where the value comes from."""

from __future__ import annotations

from collections.abc import Collection

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QKeyEvent, QKeySequence
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QLabel,
    QSizePolicy,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.core import pair_explanation
from insarhub_qgis.core.pair_explanation import Explanation
from insarhub_qgis.gui.chart_style import faint_text
from insarhub_qgis.gui.network_texts import class_text, day_text, score_text
from insarhub_qgis.gui.quality_texts import (
    UNKNOWN,
    coherence_lines,
    factor_text,
    lost_text,
    missing_text,
    reason_text,
    season_text,
    source_text,
    value_text,
)
from insarhub_qgis.layers.network_picture import class_of

FACTOR, VALUE, POINTS, PENALTY, WEIGHT, MULTIPLIER, SOURCE, DATES = range(8)
RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


class FactorTable(QTreeWidget):
    """Ctrl+C copies all rows with tabs between the columns."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            QApplication.clipboard().setText(self.as_text())
        else:
            super().keyPressEvent(event)

    def as_text(self) -> str:
        """Give the head and all rows, tabs between the columns."""
        items = [self.headerItem(), *(self.topLevelItem(row) for row in range(self.topLevelItemCount()))]
        return "\n".join(
            "\t".join(item.text(column) for column in range(self.columnCount())) for item in items
        )


class PairWhy(QWidget):
    """The details of one pair; empty while none is chosen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.head = QLabel(self)
        self.head.setObjectName("insarhubWhyHead")
        self.head.setWordWrap(True)
        self.table = FactorTable(self)
        self.table.setObjectName("insarhubWhyTable")
        self.table.setAccessibleName(self.tr("Factors of the score"))
        self.table.setRootIsDecorated(False)
        self.table.setAlternatingRowColors(True)
        self.table.setUniformRowHeights(True)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setHeaderLabels(
            [
                self.tr("Factor"), self.tr("Value"), self.tr("Points"), self.tr("Penalty"), self.tr("Weight"),
                self.tr("Multiplier"), self.tr("Source"), self.tr("Dates"),
            ]
        )  # fmt: skip
        tips = {
            POINTS: self.tr("What the factor takes from what those above it leave of 100"),
            PENALTY: self.tr("How far the value is from harmless (0) to as bad as it counts (1)"),
            WEIGHT: self.tr("What a penalty of 1 takes; the weights above"),
            MULTIPLIER: self.tr("1 less penalty times weight"),
        }
        for column, tip in tips.items():
            self.table.headerItem().setToolTip(column, tip)
        for column in (POINTS, PENALTY, WEIGHT, MULTIPLIER):
            self.table.headerItem().setTextAlignment(column, RIGHT)
        header = self.table.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.notes = QLabel(self)
        self.notes.setObjectName("insarhubWhyNotes")
        self.notes.setWordWrap(True)
        self.notes.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.notes.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.head)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.notes)
        layout.addStretch()
        self.clear()

    def clear(self, text: str = "") -> None:
        """Show no pair; the text says how to choose one."""
        self._say(
            text or self.tr("Choose one pair in the graph or in View Pairs to see why it has its score.")
        )
        self.table.clear()
        self.table.hide()
        self.notes.hide()

    def show_pair(self, explanation: Explanation, asked: Collection[str]) -> None:
        """Show the factors of a pair.

        Parameters
        ----------
        asked
            Inputs that the build should have found; of others it is said that nobody was asked.
        """
        verdict = explanation.verdict
        first, second = explanation.dates
        score = self.tr("score {score}, {name}") if verdict.score is not None else self.tr("score {name}")
        self._say(
            self.tr("{first} → {second}: {score}").format(
                first=day_text(first),
                second=day_text(second),
                score=score.format(score=score_text(verdict.score), name=class_text(class_of(verdict.score))),
            ),
            is_title=True,
        )
        self.table.clear()
        for factor in explanation.factors:
            is_of_pair = factor.name == pair_explanation.COHERENCE
            days = tuple(dict.fromkeys(factor.dates))
            cells = [
                factor_text(factor.name), value_text(factor), lost_text(factor),
                UNKNOWN if factor.penalty is None else f"{factor.penalty:.2f}",
                UNKNOWN if factor.weight is None else f"{factor.weight:.2f}",
                f"{factor.multiplier:.2f}", source_text(factor.source),
                season_text(explanation.season_days) if is_of_pair else ", ".join(map(str, days)),
            ]  # fmt: skip
            self._add(cells)
        for name in verdict.missing:
            said = self.tr("not known") if name in asked else self.tr("nobody was asked")
            self._add([_capital(missing_text(name)), said, UNKNOWN, *[""] * 5], is_faint=True)
        self.table.show()
        notes = [reason_text(verdict, explanation.wet_dates)]
        if verdict.coherence is not None:
            notes.append(", ".join(coherence_lines(verdict)))
        if verdict.usable_fraction is not None:
            notes.append(
                self.tr("{percent} % of the area above 0.3").format(
                    percent=f"{100 * verdict.usable_fraction:.0f}"
                )
            )
        if verdict.has_few_pixels:
            notes.append(self.tr("The coherence rests on few pixels"))
        self.notes.setText(". ".join(note for note in notes if note) + ".")
        self.notes.show()

    def _say(self, text: str, *, is_title: bool = False) -> None:
        font = self.head.font()
        font.setBold(is_title)
        self.head.setFont(font)
        self.head.setText(text)

    def _add(self, cells: list[str], *, is_faint: bool = False) -> None:
        item = QTreeWidgetItem(cells)
        for column in range(self.table.columnCount()):
            item.setToolTip(column, cells[column])
            if POINTS <= column <= MULTIPLIER:
                item.setTextAlignment(column, RIGHT)
            if is_faint:
                item.setForeground(column, faint_text())
        self.table.addTopLevelItem(item)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

# SPDX-License-Identifier: GPL-2.0-or-later
"""The pairs of a submission: what would happen to each, which are ticked, and what HyP3 said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QModelIndex, QObject, QSize, Qt, pyqtSignal
from qgis.PyQt.QtGui import QKeyEvent
from qgis.PyQt.QtWidgets import QApplication, QHeaderView, QWidget

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.hyp3_guard import (
    DONE,
    DOWNLOADED,
    EXPIRED,
    FAILED,
    IN_FLIGHT,
    NEW,
    OTHER,
    REFUSED,
)
from insarhub_qgis.core.iso_times import moment_of
from insarhub_qgis.gui.chart_style import faint_text
from insarhub_qgis.gui.hyp3_jobs_table import alarm_text, credits_text, pair_order, pair_text, span_text
from insarhub_qgis.gui.searched_rows_view import SearchedRowsView
from insarhub_qgis.gui.stacks_table import ROW_ROLE, Column, RowsModel
from insarhub_qgis.host import messages

PAIR, STATE, CREDITS, NOTE = range(4)
ROW_PADDING_PX = 5
SEARCH_ROLE = ROW_ROLE + 2
#: What HyP3 said about a pair.
VALID, ACCEPTED, REJECTED = "valid", "accepted", "rejected"
UNASKED = ""


@dataclass(frozen=True)
class PlannedPair:
    """A pair of the plan.

    Attributes
    ----------
    pair
        Reference and secondary scene.
    state
        One of `core.hyp3_guard`; empty before HyP3 was asked.
    reason
        Why it is refused, or what is to be known, as an error in JSON; None without.
    credits
        Price if it were submitted; None while unknown.
    verdict, verdict_reason
        What HyP3 said to a dry run or a submission; empty before.
    """

    pair: tuple[str, str]
    state: str = UNASKED
    reason: Mapping[str, Any] | None = None
    job_id: str = ""
    job_file: str = ""
    expires_at: datetime | None = None
    file: str = ""
    credits: float | None = None
    verdict: str = ""
    verdict_reason: str = ""

    @classmethod
    def from_plan(cls, row: Mapping[str, Any]) -> PlannedPair:
        """Read a row of the answer to `PlanHyp3`."""
        return cls(
            pair=(str(row["pair"][0]), str(row["pair"][1])),
            state=str(row.get("state") or ""),
            reason=row.get("reason"),
            job_id=str(row.get("job_id") or ""),
            job_file=str(row.get("job_file") or ""),
            expires_at=moment_of(row.get("expires_at")),
            file=str(row.get("file") or ""),
            credits=row.get("credits"),
        )

    @property
    def can_be_sent(self) -> bool:
        return self.state not in (UNASKED, REFUSED)

    @property
    def is_reused(self) -> bool:
        """Whether there is a product, or will be, without paying again."""
        return self.state in (IN_FLIGHT, DONE, DOWNLOADED)


class PlanModel(RowsModel):
    """Pairs with a tick each; only new ones are ticked at first.

    Signals
    -------
    ticked_changed
        The user ticked or unticked pairs.
    """

    ticked_changed = pyqtSignal()

    def __init__(self, parent: QObject | None = None) -> None:
        self._ticked: set[tuple[str, str]] = set()
        self._row_of: dict[tuple[str, str], int] = {}
        self._is_locked = False
        super().__init__(parent)

    def make_columns(self) -> tuple[Column, ...]:
        tr = self.tr
        return (
            Column(
                tr("Pair"), tr("A tick means that the pair is submitted"), lambda row: pair_text(row.pair),
                lambda row: pair_order(row.pair), 0, "☑☑ 2018-08-08 → 08-08", is_number=False,
            ),
            Column(
                tr("State"), tr("Whether the pair was ordered before"), self.state_text,
                lambda row: f"{row.state} {row.pair}", 0, self.state_text_of(OTHER), is_number=False,
            ),
            Column(
                tr("Credits"), tr("What it costs if it is submitted"), lambda row: credits_text(row.credits),
                lambda row: row.credits, 0, "8,888",
            ),
            Column(
                tr("What HyP3 Says"), tr("Answer to the dry run or to the submission; before it, what is known here"),
                self.note, self._note_order, 0, 18 * "n", is_number=False,
            ),
        )  # fmt: skip

    # rows

    def show_pairs(
        self, rows: Sequence[PlannedPair], ticked: Iterable[tuple[str, str]] | None = None
    ) -> None:
        """Show pairs; ticked are the named ones, else the new ones."""
        self._ticked = (
            {row.pair for row in rows if row.state == NEW}
            if ticked is None
            else set(ticked) & {row.pair for row in rows if row.can_be_sent}
        )
        self._row_of = {row.pair: number for number, row in enumerate(rows)}
        self.show_rows(rows)

    def ticked_rows(self) -> list[PlannedPair]:
        return [row for row in self.rows if row.pair in self._ticked]

    def tick(self, pairs: Iterable[tuple[str, str]], *, is_on: bool) -> None:
        """Tick or untick pairs; those that cannot be sent stay off."""
        if self._is_locked:
            return
        possible = {row.pair for row in self.rows if row.can_be_sent} & set(pairs)
        before = set(self._ticked)
        self._ticked = self._ticked | possible if is_on else self._ticked - possible
        if self._ticked != before:
            self._tell()
            self.ticked_changed.emit()

    def lock(self, *, is_locked: bool) -> None:
        """Keep the ticks as they are while they are being sent."""
        self._is_locked = is_locked
        self._tell()

    def show_verdict(self, pair: tuple[str, str], verdict: str, reason: str = "") -> None:
        """Show what HyP3 said about a pair."""
        number = self._row_of.get(pair)
        if number is None:
            return
        rows = list(self.rows)
        rows[number] = replace(rows[number], verdict=verdict, verdict_reason=reason)
        self.rows = tuple(rows)
        self.dataChanged.emit(self.index(number, 0), self.index(number, len(self.columns) - 1))

    def forget_verdicts(self) -> None:
        if any(row.verdict for row in self.rows):
            self.rows = tuple(replace(row, verdict="", verdict_reason="") for row in self.rows)
            self._tell()

    def _tell(self) -> None:
        if self.rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.rows) - 1, len(self.columns) - 1))

    # words

    def state_text_of(self, state: str) -> str:
        """A state as a word."""
        return {
            UNASKED: self.tr("not asked yet"),
            NEW: self.tr("new"),
            IN_FLIGHT: self.tr("in flight"),
            DONE: self.tr("done"),
            DOWNLOADED: self.tr("downloaded"),
            EXPIRED: self.tr("expired"),
            FAILED: self.tr("failed"),
            OTHER: self.tr("other parameters"),
            REFUSED: self.tr("refused"),
        }.get(state, state)

    def state_text(self, row: PlannedPair) -> str:
        return self.state_text_of(row.state)

    def note(self, row: PlannedPair) -> str:
        """The verdict of HyP3; before it what is known here."""
        if row.verdict == REJECTED:
            return self.tr("refused: {reason}").format(reason=row.verdict_reason)
        if row.verdict == VALID:
            return self.tr("would be accepted")
        if row.verdict == ACCEPTED:
            return self.tr("accepted")
        if row.reason:
            return messages.what_happened(InsarError.from_json(row.reason))
        if row.state == IN_FLIGHT:
            return self.tr("runs already: {file}").format(file=row.job_file or row.job_id)
        if row.state == DONE:
            left = row.expires_at - datetime.now(timezone.utc) if row.expires_at else None
            if left is None:
                return self.tr("ready to be downloaded")
            return self.tr("ready to be downloaded for {span}").format(span=span_text(left))
        if row.state == DOWNLOADED:
            return self.tr("here: {file}").format(file=row.file) if row.file else self.tr("here")
        if row.state == EXPIRED:
            return self.tr("paid before, deleted by HyP3 meanwhile")
        if row.state == FAILED:
            return self.tr("failed before; Retry in the job list keeps its history")
        if row.state == OTHER:
            return self.tr("ordered before with other options")
        return ""

    def _note_order(self, row: PlannedPair) -> str:
        # What HyP3 refuses comes first.
        return f"{0 if row.verdict == REJECTED else 1}{self.note(row)}{pair_order(row.pair)}"

    # cells

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        flags = super().flags(index)
        if index.isValid() and index.column() == PAIR:
            row = self.rows[index.row()]
            if row.can_be_sent and not self._is_locked:
                flags |= Qt.ItemFlag.ItemIsUserCheckable
            elif not row.can_be_sent:
                # Its box is there, so that the column stays straight, and grey.
                flags &= ~Qt.ItemFlag.ItemIsEnabled
        return flags

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == SEARCH_ROLE and index.isValid():
            row = self.rows[index.row()]
            return " ".join((pair_text(row.pair), *row.pair, self.state_text(row), self.note(row)))
        return super().data(index, role)

    def setData(self, index: QModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.CheckStateRole or not index.isValid():
            return False
        row = self.rows[index.row()]
        self.tick([row.pair], is_on=row.pair not in self._ticked)
        return True

    def decoration(self, row: PlannedPair, column: int, role: int) -> Any:
        if role == Qt.ItemDataRole.CheckStateRole and column == PAIR:
            return Qt.CheckState.Checked if row.pair in self._ticked else Qt.CheckState.Unchecked
        if role == Qt.ItemDataRole.SizeHintRole:
            return QSize(0, QApplication.fontMetrics().height() + ROW_PADDING_PX)
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join((*row.pair, f"{self.state_text(row)}. {self.note(row)}".strip()))
        if role == Qt.ItemDataRole.AccessibleTextRole and column == PAIR:
            tick = self.tr("ticked") if row.pair in self._ticked else self.tr("not ticked")
            return ", ".join((pair_text(row.pair), tick, self.state_text(row), self.note(row)))
        if role == Qt.ItemDataRole.DecorationRole and column == NOTE and row.verdict:
            name = "/mIconWarning.svg" if row.verdict == REJECTED else "/mIconSuccess.svg"
            return QgsApplication.getThemeIcon(name)
        if role == Qt.ItemDataRole.ForegroundRole:
            is_bad = (row.state == REFUSED and column == STATE) or (
                column == NOTE and (row.verdict == REJECTED or row.state == REFUSED)
            )
            if is_bad:
                return alarm_text()
            if row.pair not in self._ticked:
                return faint_text()
        return None

    def table_text(self, rows: Sequence[PlannedPair]) -> str:
        """Rows with a header and tabs."""
        lines = [
            [
                self.tr("Reference"),
                self.tr("Secondary"),
                self.tr("State"),
                self.tr("Credits"),
                self.tr("What HyP3 Says"),
            ]
        ]
        for row in rows:
            credits = "" if row.credits is None else f"{row.credits:g}"
            lines.append([*row.pair, self.state_text(row), credits, " ".join(self.note(row).split())])
        return "\n".join("\t".join(line) for line in lines) + "\n"


class PlanView(SearchedRowsView):
    """The table of pairs; Space ticks the chosen rows, Ctrl+C copies them."""

    def __init__(self, model: PlanModel, parent: QWidget | None = None) -> None:
        super().__init__(model, SEARCH_ROLE, parent)
        self.setObjectName("insarhubPlanTable")
        self.setAccessibleName(self.tr("Pairs to submit; Space ticks"))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        rows = self.selected_rows()
        if event.key() == Qt.Key.Key_Space and rows:
            ticked = {row.pair for row in self.rows_model.ticked_rows()}
            is_on = any(row.pair not in ticked and row.can_be_sent for row in rows)
            self.rows_model.tick([row.pair for row in rows], is_on=is_on)
            return
        super().keyPressEvent(event)

    def _fit(self) -> None:
        super()._fit()
        header, has_note = self.header(), not self.isColumnHidden(NOTE)
        modes = QHeaderView.ResizeMode
        header.setSectionResizeMode(PAIR, modes.Fixed if has_note else modes.Stretch)
        header.setSectionResizeMode(NOTE, modes.Stretch if has_note else modes.Fixed)
        if has_note:
            widest = self.rows_model.columns[PAIR].widest
            header.resizeSection(PAIR, self.fontMetrics().horizontalAdvance(widest) + 14)

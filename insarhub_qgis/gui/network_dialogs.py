# SPDX-License-Identifier: GPL-2.0-or-later
"""Dialogs of the network editor: the steps of the history, and pairs that would join the parts of a split network."""

from __future__ import annotations

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.core.bridge_suggestions import BridgeSuggestion, best_spanning_set, suggest_bridges
from insarhub_qgis.core.network_graph import PairKey
from insarhub_qgis.core.network_model import StackNetwork
from insarhub_qgis.gui.chart_style import faint_text
from insarhub_qgis.gui.network_texts import UNKNOWN, metres_text, pair_id_text, score_text, step_text

STEPS_ROLE = int(Qt.ItemDataRole.UserRole)


class HistoryDialog(QDialog):
    """All steps, oldest first; undone ones are grey. `steps_to_go` says what the user chose."""

    def __init__(self, network: StackNetwork, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("History of the Network"))
        self.resize(420, 380)
        self.steps_to_go = 0
        self.list = QListWidget(self)
        self.list.setAccessibleName(self.tr("Steps"))
        done = list(reversed(network.undo_steps()))
        undone = network.redo_steps()
        self._add(self.tr("As opened"), -len(done), is_done=True)
        for number, step in enumerate(done, start=1):
            self._add(step_text(step), number - len(done), is_done=True)
        for number, step in enumerate(undone, start=1):
            self._add(step_text(step), number, is_done=False)
        self.list.setCurrentRow(len(done))
        self.list.itemDoubleClicked.connect(self.accept)
        buttons = QDialogButtonBox(self)
        buttons.addButton(self.tr("&Go There"), QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(QDialogButtonBox.StandardButton.Close)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel(self.tr("Choose the state to go to; later steps can be done again."), self))
        layout.addWidget(self.list, 1)
        layout.addWidget(buttons)

    def accept(self) -> None:
        item = self.list.currentItem()
        self.steps_to_go = int(item.data(STEPS_ROLE)) if item is not None else 0
        super().accept()

    def _add(self, text: str, steps: int, *, is_done: bool) -> None:
        item = QListWidgetItem(text if steps else self.tr("{step}  (now)").format(step=text), self.list)
        item.setData(STEPS_ROLE, steps)
        if not is_done:
            item.setForeground(faint_text())


class BridgesDialog(QDialog):
    """Suggestions for each gap, best first; one click adds a pair, another one a set that joins everything.

    Signals
    -------
    add_requested(list)
        Keys of pairs.
    hovered(object)
        Key of the pair under the mouse or at the keyboard, or None.
    """

    add_requested = pyqtSignal(list)
    hovered = pyqtSignal(object)

    def __init__(self, network: StackNetwork, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Suggested Bridges"))
        self.resize(720, 340)
        self._network = network
        self.head = QLabel(self)
        self.head.setWordWrap(True)
        self.list = QTreeWidget(self)
        self.list.setAccessibleName(self.tr("Pairs that would join parts of the network"))
        self.list.setHeaderLabels(
            [
                self.tr("Gap and pair"),
                self.tr("Δt [d]"),
                self.tr("B⊥ [m]"),
                self.tr("Score"),
                self.tr("Coherence"),
                self.tr("Needs"),
            ]
        )
        self.list.setAlternatingRowColors(True)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.header().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.list.setMouseTracking(True)
        self.list.itemEntered.connect(lambda item, _: self.hovered.emit(item.data(0, STEPS_ROLE)))
        self.list.currentItemChanged.connect(
            lambda item, _: self.hovered.emit(item.data(0, STEPS_ROLE) if item else None)
        )
        self.list.itemSelectionChanged.connect(self._enable)
        self.list.itemDoubleClicked.connect(lambda *_: self._add_selected())
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        self.add_button = QPushButton(self.tr("&Add Pair"), self)
        self.add_button.clicked.connect(self._add_selected)
        self.all_button = QPushButton(self.tr("Add &Best for All"), self)
        self.all_button.clicked.connect(self._add_best)
        buttons.addButton(self.add_button, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(self.all_button, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.head)
        layout.addWidget(self.list, 1)
        layout.addWidget(buttons)
        self.refresh()

    def refresh(self) -> None:
        """Look for suggestions in the present state of the network."""
        network = self._network
        components = network.structure.components
        self.suggestions = suggest_bridges(network)
        self.list.clear()
        if not self.suggestions:
            self.head.setText(self.tr("The network is in one piece: nothing has to be joined."))
        else:
            self.head.setText(
                self.tr(
                    "The network has {n} parts. These pairs would join them; an added pair counts as added by hand."
                ).format(n=len(components))
            )
        gaps: dict[tuple[int, int], QTreeWidgetItem] = {}
        for row in self.suggestions:
            if row.components not in gaps:
                gap = QTreeWidgetItem(self.list, [self._gap_text(*(components[i] for i in row.components))])
                gap.setFirstColumnSpanned(True)
                gap.setFlags(Qt.ItemFlag.ItemIsEnabled)
                gap.setExpanded(True)
                gaps[row.components] = gap
            pair = network.pair(row.key)
            item = QTreeWidgetItem(
                gaps[row.components],
                [
                    pair_id_text(pair.pair_id),
                    str(row.dt_days),
                    metres_text(row.bperp_m),
                    score_text(row.score),
                    UNKNOWN if row.coherence is None else f"{row.coherence:.2f}",
                    self._needs_text(row),
                ],
            )
            item.setData(0, STEPS_ROLE, row.key)
            for column in range(1, 5):
                item.setTextAlignment(
                    column, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                )
        self._enable()

    def _gap_text(self, one: tuple[int, ...], other: tuple[int, ...]) -> str:
        return self.tr("{one} and {other}").format(one=self._part_text(one), other=self._part_text(other))

    def _part_text(self, members: tuple[int, ...]) -> str:
        days = [self._network.nodes[index].date.isoformat() for index in members]
        if len(days) == 1:
            return days[0]
        return self.tr("{first} to {last} ({n} dates)").format(first=days[0], last=days[-1], n=len(days))

    def _needs_text(self, row: BridgeSuggestion) -> str:
        parts = [self.tr("was removed by hand")] if row.is_removed else []
        names = {
            "dt_max": self.tr("Max Temporal {value} d"),
            "pb_max": self.tr("Max Perp. Baseline {value} m"),
            "months": self.tr("months {value}"),
            "unknown_bperp": self.tr("unknown baselines allowed"),
        }
        for key, value in row.changes.items():
            shown = ", ".join(map(str, value)) if isinstance(value, list) else value
            parts.append(names.get(key, key).format(value=shown))
        return "; ".join(parts) or self.tr("within the limits")

    def _selected(self) -> list[PairKey]:
        keys = [item.data(0, STEPS_ROLE) for item in self.list.selectedItems()]
        return [tuple(key) for key in keys if key is not None]

    def _add_selected(self) -> None:
        keys = self._selected()
        if keys:
            self.add_requested.emit(keys)
            self.refresh()

    def _add_best(self) -> None:
        self.add_requested.emit(best_spanning_set(self._network, self.suggestions))
        self.refresh()

    def _enable(self) -> None:
        self.add_button.setEnabled(bool(self._selected()))
        self.all_button.setEnabled(bool(self.suggestions))

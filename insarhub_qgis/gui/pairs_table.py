# SPDX-License-Identifier: GPL-2.0-or-later
"""View Pairs: the network as a table, the twin of the graph and its accessible form."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any, Callable

from qgis.core import QgsApplication
from qgis.gui import QgsFilterLineEdit
from qgis.PyQt.QtCore import (
    QAbstractTableModel,
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QSortFilterProxyModel,
    Qt,
    QTimer,
    pyqtSignal,
)
from qgis.PyQt.QtGui import QColor, QIcon, QKeyEvent, QKeySequence, QPainter, QPalette, QPen, QPixmap
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHBoxLayout,
    QHeaderView,
    QMenu,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.core.network_budget import PairPrices
from insarhub_qgis.core.network_graph import PairKey
from insarhub_qgis.core.network_model import NetworkPair, StackNetwork
from insarhub_qgis.gui.chart_style import faint_text
from insarhub_qgis.gui.network_canvas import pen_of
from insarhub_qgis.gui.network_texts import (
    UNKNOWN,
    class_text,
    metres_text,
    pair_reason,
    score_text,
    state_text,
)
from insarhub_qgis.gui.short_text import ShortLabel
from insarhub_qgis.host.counts import counted_credits, counted_pairs
from insarhub_qgis.layers.network_picture import PAIR_STYLES, REMOVED_STYLE, class_of

EARLIER, LATER, DAYS, METRES, SCORE, CLASS, COHERENCE, STATE, REASON, CREDITS = range(10)
RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
#: Unknown values sort behind all known ones.
_LAST = 1e12


class PairsModel(QAbstractTableModel):
    """One row per pair of the network, removed ones too.

    Signals
    -------
    toggle_requested(list)
        Keys of pairs whose check box was clicked.
    """

    toggle_requested = pyqtSignal(list)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.keys: list[PairKey] = []
        self._row_of: dict[PairKey, int] = {}
        self._pairs: list[NetworkPair] = []
        self._network: StackNetwork | None = None
        self._sorting = (EARLIER, Qt.SortOrder.AscendingOrder)
        self._prices: PairPrices | None = None
        self._credits: dict[PairKey, float] = {}
        self._hover: PairKey | None = None
        self._headers = [
            self.tr("Earlier"), self.tr("Later"), self.tr("Δt [d]"), self.tr("B⊥ [m]"), self.tr("Score"),
            self.tr("Class"), self.tr("Coherence"), self.tr("State"), self.tr("Reason"), self.tr("Credits"),
        ]  # fmt: skip
        self._icons: dict[tuple[int, bool, bool], QIcon] = {}
        #: Lines that explain a score, and whether it lacks inputs; the editor knows.
        self.tip_of: Callable[[PairKey], list[str]] = lambda _: []
        self.is_degraded: Callable[[PairKey], bool] = lambda _: False

    def show_network(self, network: StackNetwork | None) -> None:
        """Show all pairs of a network."""
        self.beginResetModel()
        self._network = network
        self._credits = {}
        self._pairs = network.pairs() if network is not None else []
        self._hover = None
        self._arrange()
        self.endResetModel()

    def show_prices(self, prices: PairPrices | None) -> None:
        """Show what the pairs cost; None: not known."""
        self._prices = prices
        self._credits = {}
        if self.keys:
            self.dataChanged.emit(self.index(0, CREDITS), self.index(len(self.keys) - 1, CREDITS))

    def credits_of(self, key: PairKey) -> float | None:
        """Give the credits of a pair; None = not known."""
        if self._prices is None or self._network is None:
            return None
        if key not in self._credits:
            self._credits[key] = self._prices.of(self._network.granule_pairs(key))
        return self._credits[key]

    def active_credits(self) -> float | None:
        """Give the credits of all active pairs; None = not known."""
        found = [self.credits_of(pair.key) for pair in self._pairs if pair.is_active]
        return sum(value for value in found if value is not None) if self._prices is not None else None

    def refresh(self, keys: Iterable[PairKey]) -> bool:
        """Read the state of some pairs again; False when pairs came or went and all must be shown anew."""
        if self._network is None:
            return True
        if len(self._network.marks) != len(self.keys):
            return False
        for key in keys:
            row = self._row_of.get(key)
            if row is None or key not in self._network.marks:
                return False
            self._pairs[row] = self._network.pair(key)
            self.dataChanged.emit(self.index(row, 0), self.index(row, CREDITS))
        return True

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Arrange the rows; rows of edited pairs stay where they are until the next sort."""
        self.layoutAboutToBeChanged.emit()
        kept = [(index, self.keys[index.row()]) for index in self.persistentIndexList()]
        self._sorting = (column, order)
        self._arrange()
        self.changePersistentIndexList(
            [index for index, _ in kept], [self.index(self._row_of[key], index.column()) for index, key in kept]
        )  # fmt: skip
        self.layoutChanged.emit()

    def _arrange(self) -> None:
        column, order = self._sorting
        if column >= 0:
            # Left to the filter, every comparison would ask this model twice: a second for 3000 pairs.
            is_descending = order == Qt.SortOrder.DescendingOrder
            self._pairs.sort(key=lambda pair: self._sort_value(pair, column), reverse=is_descending)
        self.keys = [pair.key for pair in self._pairs]
        self._row_of = {key: row for row, key in enumerate(self.keys)}

    def row_of(self, key: PairKey) -> int | None:
        return self._row_of.get(key)

    def pair(self, row: int) -> NetworkPair:
        return self._pairs[row]

    def show_hover(self, key: PairKey | None) -> list[int]:
        """Mark the row of the pair that the graph points at; gives the rows that look different now."""
        before, self._hover = self._hover, key
        rows = (self._row_of.get(pair) for pair in (before, key) if pair is not None)
        return [row for row in rows if row is not None]

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 (as Qt declares it)
        return 0 if parent.isValid() else len(self.keys)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._headers)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = int(Qt.ItemDataRole.DisplayRole)
    ) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._headers[section]
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.TextAlignmentRole:
            return RIGHT if section in (DAYS, METRES, SCORE, COHERENCE, CREDITS) else None
        return None

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        flags = super().flags(index)
        if index.isValid() and index.column() == EARLIER:
            flags |= Qt.ItemFlag.ItemIsUserCheckable
        return flags

    def data(self, index: QModelIndex, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        if not index.isValid() or self._network is None:
            return None
        pair, column = self._pairs[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text(index.row(), column)
        if role == Qt.ItemDataRole.CheckStateRole and column == EARLIER:
            checked = pair.mark.is_active
            return int(Qt.CheckState.Checked if checked else Qt.CheckState.Unchecked)
        if role == Qt.ItemDataRole.TextAlignmentRole and column in (DAYS, METRES, SCORE, COHERENCE, CREDITS):
            return RIGHT
        if role == Qt.ItemDataRole.DecorationRole and column == CLASS:
            return self._icon(class_of(self._score(pair)), pair.is_active, self.is_degraded(pair.key))
        if role == Qt.ItemDataRole.ForegroundRole and not pair.is_active:
            return faint_text()
        if role == Qt.ItemDataRole.BackgroundRole and pair.key == self._hover:
            colour = QApplication.palette().color(QPalette.ColorRole.Highlight)
            colour.setAlpha(60)
            return colour
        if role == Qt.ItemDataRole.ToolTipRole:
            if column in (SCORE, CLASS, COHERENCE):
                return "\n".join(self.tip_of(pair.key)) or None
            return self.text(index.row(), column) if column == REASON else None
        return None

    def setData(self, index: QModelIndex, value: Any, role: int = int(Qt.ItemDataRole.EditRole)) -> bool:
        if role != Qt.ItemDataRole.CheckStateRole or not index.isValid():
            return False
        self.toggle_requested.emit([self.keys[index.row()]])
        return True

    def text(self, row: int, column: int) -> str:
        """Give a cell as it is read and copied."""
        pair = self._pairs[row]
        if column == EARLIER:
            return pair.reference_date.isoformat()
        if column == LATER:
            return pair.secondary_date.isoformat()
        if column == DAYS:
            return str(pair.dt_days)
        if column == METRES:
            return metres_text(pair.bperp_m)
        if column == SCORE:
            return score_text(self._score(pair))
        if column == CLASS:
            return class_text(class_of(self._score(pair)))
        if column == COHERENCE:
            coherence = self._coherence(pair)
            return UNKNOWN if coherence is None else f"{coherence:.2f}"
        if column == STATE:
            return state_text(self._network, pair) if self._network is not None else ""
        if column == REASON:
            return pair_reason(self._network, pair) if self._network is not None else ""
        credits = self.credits_of(pair.key)
        return UNKNOWN if credits is None else f"{credits:g}"

    def _score(self, pair: NetworkPair) -> float | None:
        # Not that of the pair as it was read: all scores change while a weight is moved.
        return self._network.scores.get(pair.key) if self._network is not None else None

    def _coherence(self, pair: NetworkPair) -> float | None:
        return self._network.coherences.get(pair.key) if self._network is not None else None

    def headers(self) -> list[str]:
        return list(self._headers)

    def _sort_value(self, pair: NetworkPair, column: int) -> Any:
        if column in (EARLIER, LATER):
            days = (pair.reference_date.toordinal(), pair.secondary_date.toordinal())
            return days[0] * 100000 + days[1] if column == EARLIER else days[1] * 100000 + days[0]
        if column == DAYS:
            return pair.dt_days
        values = {
            METRES: pair.bperp_m,
            SCORE: self._score(pair),
            COHERENCE: self._coherence(pair),
        }
        if column in values or column == CREDITS:
            value = values[column] if column in values else self.credits_of(pair.key)
            return _LAST if value is None else float(value)
        if column == CLASS:
            return class_of(self._score(pair))
        if self._network is None:
            return ""
        return (state_text if column == STATE else pair_reason)(self._network, pair)

    def _icon(self, pair_class: int, is_active: bool, is_degraded: bool) -> QIcon:
        key = (pair_class, is_active, is_degraded)
        if key not in self._icons:
            style = PAIR_STYLES[pair_class] if is_active else REMOVED_STYLE
            pixmap = QPixmap(26, 12)
            pixmap.fill(Qt.GlobalColor.transparent)
            painter = QPainter(pixmap)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(pen_of(style, 96.0 / 72.0, QColor(style.colour)))
            painter.drawLine(0, 6, 26, 6)
            if is_degraded:
                painter.setPen(QPen(faint_text(), 1.0))
                for x in range(2, 26, 6):
                    painter.drawLine(x, 11, x + 5, 1)
            painter.end()
            self._icons[key] = QIcon(pixmap)
        return self._icons[key]


class PairsFilter(QSortFilterProxyModel):
    """Rows that hold every word of the filter in some column."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._words: list[str] = []

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self.sourceModel().sort(column, order)

    def set_text(self, text: str) -> None:
        """List the rows that hold these words; the selection is lost."""
        self._words = text.lower().split()
        # Rows that go one by one cost the view a fifth of a second for 3000 pairs; a reset costs nothing.
        model: PairsModel = self.sourceModel()
        model.beginResetModel()
        model.endResetModel()

    def source_row(self, row: int) -> int:
        """Give the row of the model that a listed row shows."""
        # Without words all rows are listed, in their order: thousands need not be asked for one by one.
        return row if not self._words else self.mapToSource(self.index(row, 0)).row()

    def listed_row(self, source_row: int) -> int:
        """Give the listed row of a row of the model; -1 = not listed."""
        return (
            source_row
            if not self._words
            else self.mapFromSource(self.sourceModel().index(source_row, 0)).row()
        )

    def filterAcceptsRow(self, row: int, parent: QModelIndex) -> bool:
        if not self._words:
            return True
        model: PairsModel = self.sourceModel()
        whole = " ".join(model.text(row, column) for column in range(model.columnCount())).lower()
        return all(word in whole for word in self._words)


class PairsView(QTableView):
    """Space toggles all selected rows; Ctrl+C copies them."""

    toggle_requested = pyqtSignal()
    copy_requested = pyqtSignal()
    left = pyqtSignal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_requested.emit()
        elif event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.toggle_requested.emit()
        elif event.key() == Qt.Key.Key_Delete:
            # Removing is the editor's business: it knows what is selected in the graph, too.
            event.ignore()
        else:
            super().keyPressEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.left.emit()


class PairsTable(QWidget):
    """Filter and table.

    Signals
    -------
    hovered(object)
        Key of the pair under the mouse, or None.
    selection_changed(list)
        Keys of the selected rows.
    toggle_requested(list)
        Keys to toggle in one step.
    csv_requested()
    """

    hovered = pyqtSignal(object)
    selection_changed = pyqtSignal(list)
    toggle_requested = pyqtSignal(list)
    csv_requested = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = PairsModel(self)
        self.proxy = PairsFilter(self)
        self.proxy.setSourceModel(self.model)
        self.filter = QgsFilterLineEdit(self)
        self.filter.setPlaceholderText(self.tr("Filter: date, class, state…"))
        self.filter.setShowSearchIcon(True)
        self.filter.setAccessibleName(self.tr("Filter of the pairs"))
        # Letters that come together are one filter: each one asks for every cell.
        self._filter_timer = QTimer(self)
        self._filter_timer.setSingleShot(True)
        self._filter_timer.timeout.connect(self._on_filter)
        self.filter.textChanged.connect(lambda: self._filter_timer.start(0))
        self.more = QToolButton(self)
        self.more.setIcon(QgsApplication.getThemeIcon("/mActionFileSave.svg"))
        self.more.setToolTip(self.tr("Copy or save the listed pairs"))
        self.more.setAccessibleName(self.more.toolTip())
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.more)
        menu.addAction(self.tr("C&opy"), self.copy)
        menu.addAction(self.tr("Save as &CSV…"), self.csv_requested.emit)
        self.more.setMenu(menu)
        self.view = PairsView(self)
        self.view.setObjectName("insarhub_pairs_table")
        self.view.setAccessibleName(
            self.tr("Pairs of the network; the check box tells whether a pair is active")
        )
        self.view.setModel(self.proxy)
        self.view.setSortingEnabled(True)
        self.view.sortByColumn(EARLIER, Qt.SortOrder.AscendingOrder)
        self.view.setShowGrid(False)
        self.view.setAlternatingRowColors(True)
        self.view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.view.setMouseTracking(True)
        self.view.setTabKeyNavigation(False)
        self.view.setWordWrap(False)
        self.view.verticalHeader().hide()
        self.view.verticalHeader().setDefaultSectionSize(self.view.fontMetrics().height() + 6)
        header = self.view.horizontalHeader()
        header.setHighlightSections(False)
        # It would ask for the flags of every cell with each painting, to know whether whole columns are selected.
        header.setSelectionModel(QItemSelectionModel(self.proxy, header))
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(False)
        self._size_columns()
        self.view.entered.connect(lambda index: self.hovered.emit(self._key_of(index)))
        self.view.left.connect(lambda: self.hovered.emit(None))
        self.view.toggle_requested.connect(lambda: self._ask_toggle(self.selected_keys()))
        self.view.copy_requested.connect(self.copy)
        self.model.toggle_requested.connect(self._on_check)
        self.view.selectionModel().selectionChanged.connect(self._on_selection)
        self.count = ShortLabel(self)
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        head.addWidget(self.filter, 1)
        head.addWidget(self.more)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 6, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(head)
        layout.addWidget(self.view, 1)
        layout.addWidget(self.count)
        self._is_telling = True

    def show_network(self, network: StackNetwork | None) -> None:
        """Show all pairs of a network; the selection stays where its pairs are still there."""
        chosen = self.selected_keys()
        self._is_telling = False
        self.model.show_network(network)
        self._is_telling = True
        self.select(chosen)
        self._count()

    def show_prices(self, prices: PairPrices | None) -> None:
        """Show what the pairs cost; None: not known."""
        self.model.show_prices(prices)
        self._count()

    def show_scores(self) -> None:
        """Show the scores of now; the order of the rows stays."""
        # Told as changed data, every row would be filtered anew while a weight is moved.
        self.view.viewport().update()

    def refresh(self, network: StackNetwork, keys: Iterable[PairKey]) -> None:
        """Show the new state of some pairs."""
        if not self.model.refresh(keys):
            self.show_network(network)
        self._count()

    def selected_keys(self) -> list[PairKey]:
        """Give the selected pairs in the order of the rows."""
        return [self.model.keys[self.proxy.source_row(row)] for row in self._selected_rows()]

    def _selected_rows(self) -> list[int]:
        # selectedRows() would ask the model about the flags of every cell.
        parts = self.view.selectionModel().selection()
        return sorted({row for part in parts for row in range(part.top(), part.bottom() + 1)})

    def select(self, keys: Iterable[PairKey]) -> None:
        """Select rows without telling about it."""
        wanted = set(keys)
        if wanted == set(self.selected_keys()):
            return
        sources = (self.model.row_of(key) for key in wanted)
        listed = (self.proxy.listed_row(row) for row in sources if row is not None)
        rows = sorted(row for row in listed if row >= 0)
        selection = QItemSelection()
        start = 0
        for end in range(1, len(rows) + 1):
            # Rows that follow each other are one range: Qt takes a second over thousands of single ones.
            if end == len(rows) or rows[end] != rows[end - 1] + 1:
                selection.select(self.proxy.index(rows[start], 0), self.proxy.index(rows[end - 1], CREDITS))
                start = end
        flags = QItemSelectionModel.SelectionFlag
        self._is_telling = False
        self.view.selectionModel().select(selection, flags.ClearAndSelect | flags.Rows)
        self._is_telling = True
        if rows:
            self.view.scrollTo(self.proxy.index(rows[0], 0))

    def show_hover(self, key: PairKey | None) -> None:
        """Mark the pair that the graph points at."""
        port = self.view.viewport()
        # Told as changed data, a row would have the whole table painted anew, with each move of the mouse.
        for row in self.model.show_hover(key):
            index = self.proxy.mapFromSource(self.model.index(row, 0))
            if index.isValid():
                top = self.view.rowViewportPosition(index.row())
                port.update(0, top, port.width(), self.view.rowHeight(index.row()))

    def copy(self) -> None:
        """Copy the selected rows, or all listed ones, with tabs between the columns."""
        rows = self._selected_rows()
        QApplication.clipboard().setText(self._text(rows or None, "\t"))

    def csv_text(self) -> str:
        """Give the listed rows as CSV, in their order."""
        return self._text(None, ",")

    def _text(self, rows: list[int] | None, delimiter: str) -> str:
        out = io.StringIO()
        writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
        writer.writerow(self.model.headers())
        chosen = sorted(rows) if rows is not None else range(self.proxy.rowCount())
        for row in chosen:
            source = self.proxy.source_row(row)
            texts = [self.model.text(source, column) for column in range(self.model.columnCount())]
            writer.writerow(["" if text == UNKNOWN else text for text in texts])
        return out.getvalue()

    def _key_of(self, index: QModelIndex) -> PairKey:
        return self.model.keys[self.proxy.mapToSource(index).row()]

    def _ask_toggle(self, keys: list[PairKey]) -> None:
        if keys:
            self.toggle_requested.emit(keys)

    def _on_check(self, keys: list[PairKey]) -> None:
        """A click on one check box of several selected rows counts for all of them."""
        selected = self.selected_keys()
        if keys[0] not in selected or len(selected) == 1:
            self._ask_toggle(keys)
            return
        row = self.model.row_of(keys[0])
        state = self.model.pair(row).mark.is_active if row is not None else False
        same = [k for k in selected if self.model.pair(self.model.row_of(k) or 0).mark.is_active == state]
        self._ask_toggle(same)

    def _on_filter(self) -> None:
        chosen = self.selected_keys()
        self._is_telling = False
        self.proxy.set_text(self.filter.text())
        self._is_telling = True
        self.select(chosen)
        self._count()

    def _on_selection(self) -> None:
        if self._is_telling:
            self.selection_changed.emit(self.selected_keys())

    def _count(self) -> None:
        listed, all_pairs = self.proxy.rowCount(), self.model.rowCount()
        active = sum(self.model.pair(row).is_active for row in range(all_pairs))
        text = self.tr("{active} of {pairs} active").format(active=active, pairs=counted_pairs(all_pairs))
        credits = self.model.active_credits()
        if credits is not None:
            text += ", " + counted_credits(credits)
        if listed != all_pairs:
            text += self.tr(", {n} listed").format(n=listed)
        self.count.setText(text)

    def _size_columns(self) -> None:
        metrics = self.view.fontMetrics()
        samples = {
            EARLIER: "0000-00-00" + 3 * "0", LATER: "0000-00-00", DAYS: "Δt [d]0", METRES: "B⊥ [m]0", SCORE: "Score0",
            CLASS: "not judged" + 3 * "0", COHERENCE: "Coherence", STATE: "date excluded", REASON: 20 * "0",
            CREDITS: "Credits0",
        }  # fmt: skip
        for column, sample in samples.items():
            self.view.setColumnWidth(column, metrics.horizontalAdvance(sample) + 12)

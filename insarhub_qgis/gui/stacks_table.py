# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables of a search: its stacks by path and frame or set of bursts, and the days of the chosen stacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Callable

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import (
    QAbstractTableModel,
    QItemSelection,
    QItemSelectionModel,
    QLocale,
    QModelIndex,
    QObject,
    QSortFilterProxyModel,
    Qt,
    pyqtSignal,
)
from qgis.PyQt.QtGui import QColor, QFont, QPalette, QResizeEvent
from qgis.PyQt.QtWidgets import QAbstractItemView, QApplication, QHeaderView, QTreeView, QWidget

from insarhub_qgis.core.hyp3_options import MOST_BURSTS
from insarhub_qgis.core.scene_stacks import COVERED, SceneStack, StackDate
from insarhub_qgis.host.counts import counted, counted_dates, counted_scenes

ROW_ROLE = int(Qt.ItemDataRole.UserRole)
SORT_ROLE = ROW_ROLE + 1
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
_ARROWS = {"ASCENDING": "↗", "DESCENDING": "↙"}
NOTHING = "–"
_CELL_PADDING_PX = 14


@dataclass(frozen=True)
class Column:
    """A column of one of the tables.

    Attributes
    ----------
    title, tip
        Header and its tooltip.
    text
        What a row shows.
    sort
        Value that rows are sorted by; None sorts first.
    rank
        Columns of a higher rank go first when the table is narrow; 0 always stays.
    widest
        Text that the column makes room for.
    """

    title: str
    tip: str
    text: Callable[[Any], str]
    sort: Callable[[Any], Any]
    rank: int
    widest: str
    is_number: bool = True


@dataclass(frozen=True)
class DayRow:
    """A row of the days: a day of a stack, or one on which its frame or a burst is missing (``day`` None)."""

    stack: SceneStack
    date: date
    day: StackDate | None

    @property
    def is_after_gap(self) -> bool:
        """A revisit or more was left out before this day."""
        days = self.day.days_since_previous if self.day is not None else None
        revisit = self.stack.revisit_days
        return days is not None and revisit is not None and days > 1.5 * revisit


def percent(share: float | None) -> str:
    """A share in percent; never rounded up to 100."""
    if share is None:
        return NOTHING
    shown = 100.0 if share >= COVERED else min(share * 100.0, 99.0)
    return f"{QLocale().toString(shown, 'f', 0)} %"


def stack_title(stack: SceneStack) -> str:
    """``13 / 411 ↙``: path, frame and direction; of bursts ``103 / 220001-220002 (2) ↗``, with their number."""
    what = bursts_text(stack.burst_ids) if stack.burst_ids else stack.frame
    return f"{stack.path} / {what} {_ARROWS.get(stack.direction or '', '')}".strip()


def bursts_text(burst_ids: Sequence[str]) -> str:
    """Lowest and highest number of a set of bursts, and how many it has; a single one with its sub-swath.

    >>> bursts_text(["220001_IW1", "220002_IW1", "220001_IW2"])
    '220001-220002 (3)'
    """
    if len(burst_ids) == 1:
        return burst_ids[0]
    numbers = sorted(burst_id.partition("_")[0] for burst_id in burst_ids)
    span = numbers[0] if numbers[0] == numbers[-1] else f"{numbers[0]}-{numbers[-1]}"
    return f"{span} ({len(numbers)})"


class RowsModel(QAbstractTableModel):
    """Rows by columns; what a column shows is the column's own.

    Attributes
    ----------
    is_arranging
        Sorts its rows itself: thousands, asked one by one by Qt, would keep the window waiting.

    Signals
    -------
    columns_changed
        The columns have other heads and widths.
    """

    columns_changed = pyqtSignal()
    is_arranging = False

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.columns = self.make_columns()
        self.rows: tuple[Any, ...] = ()
        self._sorting = (0, Qt.SortOrder.AscendingOrder)

    def make_columns(self) -> tuple[Column, ...]:
        """The columns of the table."""
        raise NotImplementedError

    def show_rows(self, rows: Sequence[Any]) -> None:
        self.beginResetModel()
        self.rows = self._sorted(rows)
        self.endResetModel()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Arrange the rows by what a column sorts by; None comes first."""
        self.layoutAboutToBeChanged.emit()
        kept = [(index, self.rows[index.row()]) for index in self.persistentIndexList()]
        self._sorting = (column, order)
        self.rows = self._sorted(self.rows)
        # By identity: rows are large, and equal ones may stand in the table twice.
        place = {id(row): number for number, row in enumerate(self.rows)}
        self.changePersistentIndexList(
            [index for index, _ in kept], [self.index(place[id(row)], index.column()) for index, row in kept]
        )
        self.layoutChanged.emit()

    def _sorted(self, rows: Sequence[Any]) -> tuple[Any, ...]:
        column, order = self._sorting
        if not self.is_arranging or not 0 <= column < len(self.columns):
            return tuple(rows)
        value = self.columns[column].sort
        is_descending = order == Qt.SortOrder.DescendingOrder

        def place(row: Any) -> tuple[bool, Any]:
            found = value(row)
            return (False, 0) if found is None else (True, found)

        return tuple(sorted(rows, key=place, reverse=is_descending))

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        return 0 if parent.isValid() else len(self.columns)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        column = self.columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return column.tip
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if column.is_number else _LEFT
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row, column = self.rows[index.row()], self.columns[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.text(row)
        if role == ROW_ROLE:
            return row
        if role == SORT_ROLE:
            return column.sort(row)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if column.is_number else _LEFT
        return self.decoration(row, index.column(), role)

    def decoration(self, row: Any, column: int, role: int) -> Any:
        """Further roles of a cell; None for most."""
        return None


class StacksModel(RowsModel):
    """Stacks."""

    is_arranging = True

    def __init__(self, parent: QObject | None = None) -> None:
        self.is_burst = False
        super().__init__(parent)

    def show_rows(self, rows: Sequence[SceneStack]) -> None:
        """Show stacks; those of bursts under heads of their own."""
        is_burst = any(stack.burst_ids for stack in rows)
        is_other = is_burst != self.is_burst
        if is_other:
            self.is_burst = is_burst
            self.columns = self.make_columns()
        super().show_rows(rows)
        if is_other:
            self.columns_changed.emit()

    def make_columns(self) -> tuple[Column, ...]:
        tr = self.tr
        head = (
            Column(
                tr("Path / Bursts"),
                tr(
                    "Path of the stack, its lowest and highest burst, how many they are, and its direction of flight"
                ),
                stack_title,
                _stack_order,
                0,
                "888 / 888888-888888 (88) ↗",
                is_number=False,
            )
            if self.is_burst
            else Column(
                tr("Path / Frame"),
                tr("Path and frame of the stack, and its direction of flight"),
                stack_title,
                _stack_order,
                0,
                "888 / 8888 ↗",
                is_number=False,
            )
        )
        return (
            head,
            Column(
                tr("Passes") if self.is_burst else tr("Scenes"),
                tr("Number of passes that have all bursts") if self.is_burst else tr("Number of scenes"),
                lambda row: _count(len(row.scenes)),
                lambda row: len(row.scenes),
                3,
                "8888",
            ),
            Column(
                tr("Dates"),
                tr("Number of days; slices of a day count once"),
                lambda row: _count(len(row.dates)),
                lambda row: len(row.dates),
                0,
                "8888",
            ),
            Column(
                tr("Span"),
                tr("First and last day"),
                lambda row: f"{row.first} – {row.last}",
                lambda row: row.first.toordinal(),
                5,
                "2018-08-08 – 2018-08-08",
            ),
            Column(
                tr("Revisit"),
                tr("Usual number of days between dates"),
                lambda row: _days(row.revisit_days),
                lambda row: row.revisit_days,
                4,
                "888 d",
            ),
            Column(
                tr("Gap"),
                tr("Longest number of days between dates"),
                lambda row: _days(row.longest_gap_days),
                lambda row: row.longest_gap_days,
                1,
                "8888 d",
            ),
            Column(
                tr("Missing"),
                tr("Days on which the path was taken, but not all of these bursts")
                if self.is_burst
                else tr("Days on which the path was taken, but not this frame"),
                lambda row: _count(len(row.dates_without)),
                lambda row: len(row.dates_without),
                2,
                "888",
            ),
            Column(
                tr("Area"),
                tr("Share of the area that the bursts cover, median of the dates")
                if self.is_burst
                else tr("Share of the area that the frame covers, median of the dates"),
                lambda row: percent(row.aoi_coverage),
                lambda row: row.aoi_coverage,
                0,
                "100 %",
            ),
        )

    def decoration(self, row: SceneStack, column: int, role: int) -> Any:
        if role == Qt.ItemDataRole.ToolTipRole:
            return self.summary(row)
        if role == Qt.ItemDataRole.AccessibleTextRole and column == 0:
            return self.summary(row)
        if role == Qt.ItemDataRole.DecorationRole and column == 0 and row.burst_count > MOST_BURSTS:
            return QgsApplication.getThemeIcon("/mIconWarning.svg")
        return None

    def summary(self, stack: SceneStack) -> str:
        """The stack in words, line by line."""
        directions = {"ASCENDING": self.tr("ascending"), "DESCENDING": self.tr("descending")}
        place = (
            self.tr("Path {path}, bursts {bursts} ({count}), {direction}")
            if stack.burst_ids
            else self.tr("Path {path}, frame {frame}, {direction}")
        )
        number = len(stack.scenes)
        scenes = (
            counted(number, self.tr("{n} pass"), self.tr("{n} passes"))
            if stack.burst_ids
            else counted_scenes(number)
        )
        lines = [
            place.format(
                path=stack.path,
                frame=stack.frame,
                bursts=stack.burst_ranges,
                count=stack.burst_count,
                direction=directions.get(stack.direction or "", self.tr("direction unknown")),
            ),
            self.tr("{scenes} on {dates}, {first} to {last}").format(
                scenes=scenes, dates=counted_dates(len(stack.dates)), first=stack.first, last=stack.last
            ),
        ]
        if stack.burst_count > MOST_BURSTS:
            lines.append(
                self.tr("HyP3 takes {limit} bursts at most: search a smaller area, or whole scenes.").format(
                    limit=MOST_BURSTS
                )
            )
        if stack.revisit_days is not None:
            lines.append(self.tr("usually every {days} days").format(days=stack.revisit_days))
        for gap in stack.gaps[:5]:
            lines.append(
                self.tr("gap of {days} days: {after} to {before}").format(
                    days=gap.days, after=gap.after, before=gap.before
                )
            )
        if len(stack.gaps) > 5:
            lines.append(counted(len(stack.gaps) - 5, self.tr("{n} more gap"), self.tr("{n} more gaps")))
        if stack.dates_without:
            missing = (
                self.tr("bursts missing on {dates} of the path")
                if stack.burst_ids
                else self.tr("frame missing on {dates} of the path")
            )
            lines.append(missing.format(dates=counted_dates(len(stack.dates_without))))
        if stack.aoi_coverage is not None:
            lines.append(
                self.tr("covers {share} of the area (median), {least} at least").format(
                    share=percent(stack.aoi_coverage), least=percent(stack.least_coverage)
                )
            )
        lines.append(", ".join((*stack.platforms, *stack.polarizations)))
        return "\n".join(lines)


class DaysModel(RowsModel):
    """Days of the chosen stacks, the missing ones too."""

    is_arranging = True

    def make_columns(self) -> tuple[Column, ...]:
        tr = self.tr
        return (
            Column(
                tr("Date"),
                tr("Day of the scene, UTC"),
                lambda row: row.date.isoformat(),
                lambda row: row.date.toordinal() * 10**9 + _stack_order(row.stack),
                0,
                "2018-08-08 ⚠",
                is_number=False,
            ),
            Column(
                tr("Stack"),
                tr("Path and frame, or path and bursts"),
                lambda row: stack_title(row.stack),
                lambda row: _stack_order(row.stack),
                3,
                "888 / 8888 ↗",
                is_number=False,
            ),
            Column(
                tr("Days"),
                tr("Days since the date before"),
                _step,
                lambda row: row.day.days_since_previous if row.day else None,
                0,
                "+8888",
            ),
            Column(
                tr("Area"),
                tr("Share of the area that the frame or the bursts cover on this day"),
                lambda row: percent(row.day.aoi_coverage) if row.day else self.tr("missing"),
                lambda row: row.day.aoi_coverage if row.day else -1.0,
                0,
                "missing",
            ),
            Column(
                tr("Path"),
                tr("Share of the area that all frames of the path cover on this day"),
                lambda row: percent(row.day.path_coverage) if row.day else NOTHING,
                lambda row: row.day.path_coverage if row.day else None,
                2,
                "100 %",
            ),
            Column(
                tr("Scenes"),
                tr("Scenes of the day"),
                lambda row: _count(len(row.day.scenes)) if row.day else NOTHING,
                lambda row: len(row.day.scenes) if row.day else 0,
                5,
                "8888",
            ),
            Column(
                tr("Platform"),
                tr("Satellite"),
                lambda row: (
                    ", ".join(sorted({scene.platform or NOTHING for scene in row.day.scenes}))
                    if row.day
                    else NOTHING
                ),
                lambda row: row.day.scenes[0].platform or "" if row.day else "",
                4,
                "S1A, S1B",
                is_number=False,
            ),
        )

    def show_stacks(self, stacks: Sequence[SceneStack]) -> None:
        """Show the days of stacks, by date."""
        rows = [DayRow(stack, day.date, day) for stack in stacks for day in stack.dates]
        rows += [DayRow(stack, day, None) for stack in stacks for day in stack.dates_without]
        self.show_rows(sorted(rows, key=lambda row: (row.date, row.stack.key)))

    def decoration(self, row: DayRow, column: int, role: int) -> Any:
        if role == Qt.ItemDataRole.FontRole and (row.day is None or (row.is_after_gap and column == 2)):
            font = QFont()
            font.setItalic(row.day is None)
            font.setBold(row.day is not None)
            return font
        if role == Qt.ItemDataRole.ForegroundRole and row.day is None:
            color = QColor(QApplication.palette().color(QPalette.ColorRole.Text))
            color.setAlphaF(0.75)
            return color
        if role == Qt.ItemDataRole.DecorationRole and column == 0 and row.is_after_gap:
            return QgsApplication.getThemeIcon("/mIconWarning.svg")
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(row)
        return None

    def _tip(self, row: DayRow) -> str:
        if row.day is None and row.stack.burst_ids:
            return counted(
                row.stack.burst_count,
                self.tr("On {date} the burst of the stack is missing."),
                self.tr("On {date} not all of the {n} bursts of the stack are there."),
                date=row.date,
            )
        if row.day is None:
            return self.tr("Other frames of path {path} were taken on {date}, frame {frame} was not.").format(
                path=row.stack.path, date=row.date, frame=row.stack.frame
            )
        lines = [name for scene in row.day.scenes for name in scene.bursts or (scene.name,)]
        if row.is_after_gap:
            lines.append(
                self.tr("{days} days since the date before; usually {usual}").format(
                    days=row.day.days_since_previous, usual=row.stack.revisit_days
                )
            )
        return "\n".join(lines)


class RowsFilter(QSortFilterProxyModel):
    """Filters and sorts; a model that arranges its rows itself is left to do so."""

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        if self.sourceModel().is_arranging:
            self.sourceModel().sort(column, order)
        else:
            super().sort(column, order)


class RowsView(QTreeView):
    """A table that drops its least important columns instead of scrolling sideways.

    Signals
    -------
    rows_selected
        The user chose rows; not sent for `select_rows`.
    """

    rows_selected = pyqtSignal()

    def __init__(self, model: RowsModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows_model = model
        self.proxy = RowsFilter(self)
        self.proxy.setSourceModel(model)
        self.proxy.setSortRole(SORT_ROLE)
        self.setModel(self.proxy)
        self._is_told = False
        self._unwanted: set[int] = set()
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setAlternatingRowColors(True)
        self.setSortingEnabled(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAllColumnsShowFocus(True)
        header = self.header()
        header.setStretchLastSection(False)
        header.setMinimumSectionSize(24)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self.selectionModel().selectionChanged.connect(self._on_selected)
        model.columns_changed.connect(self._fit)
        self._fit()

    def leave_out(self, columns: set[int]) -> None:
        """Hide columns that say nothing about the present rows."""
        self._unwanted = set(columns)
        self._fit()

    def selected_rows(self) -> list[Any]:
        """Chosen rows in the order that is shown."""
        chosen = sorted(
            row
            for part in self.selectionModel().selection()
            if not part.left()
            for row in range(part.top(), part.bottom() + 1)
        )
        source = self.proxy.mapToSource
        return [self.rows_model.rows[source(self.proxy.index(row, 0)).row()] for row in chosen]

    def select_rows(self, is_wanted: Callable[[Any], bool]) -> None:
        """Choose rows without telling so, and scroll to the first."""
        selection = self.selectionModel()
        flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        numbers = [number for number, row in enumerate(self.rows_model.rows) if is_wanted(row)]
        found = (self.proxy.mapFromSource(self.rows_model.index(number, 0)) for number in numbers)
        wanted = [index for index in found if index.isValid()]
        chosen = QItemSelection()
        for index in wanted:
            chosen.select(index, index)
        self._is_told = True
        try:
            selection.clearSelection()
            selection.select(chosen, flags)
            if wanted:
                selection.setCurrentIndex(wanted[0], QItemSelectionModel.SelectionFlag.NoUpdate)
        finally:
            self._is_told = False
        if wanted:
            self.scrollTo(wanted[0])

    def _on_selected(self) -> None:
        if not self._is_told:
            self.rows_selected.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        metrics = self.fontMetrics()
        columns = self.rows_model.columns
        mark = metrics.height() if self.isSortingEnabled() else 0
        widths = [
            max(metrics.horizontalAdvance(column.widest), metrics.horizontalAdvance(column.title) + mark // 2)
            + _CELL_PADDING_PX
            for column in columns
        ]
        left = self.viewport().width()
        shown = set()
        for number in sorted(range(len(columns)), key=lambda number: (columns[number].rank, number)):
            if number in self._unwanted:
                continue
            if columns[number].rank == 0 or widths[number] <= left:
                shown.add(number)
                left -= widths[number]
            else:
                left = 0
        for number, width in enumerate(widths):
            self.setColumnHidden(number, number not in shown)
            if number:
                self.header().resizeSection(number, width)


def _stack_order(stack: SceneStack) -> int:
    return stack.path * 10**6 + stack.frame


def _count(number: int) -> str:
    return QLocale().toString(number)


def _days(number: int | None) -> str:
    return NOTHING if number is None else f"{QLocale().toString(number)} d"


def _step(row: DayRow) -> str:
    days = row.day.days_since_previous if row.day is not None else None
    return NOTHING if days is None else f"+{QLocale().toString(days)}"

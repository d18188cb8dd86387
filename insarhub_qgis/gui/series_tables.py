# SPDX-License-Identifier: GPL-2.0-or-later
"""The chart in figures: a table of the points with their fits, and one of all values by date."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Callable

import numpy as np
from qgis.PyQt.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRectF,
    Qt,
    pyqtSignal,
)
from qgis.PyQt.QtGui import (
    QBrush,
    QColor,
    QIcon,
    QKeySequence,
    QPainter,
    QPen,
    QPixmap,
    QPolygonF,
    QResizeEvent,
)
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QMenu,
    QShortcut,
    QTableView,
    QTableWidget,
    QTableWidgetItem,
    QTabWidget,
    QWidget,
)

from insarhub_qgis.core.series_entries import MARKER_NAMES, SeriesEntry, SeriesView
from insarhub_qgis.core.time_series_fit import SeriesFit
from insarhub_qgis.host.counts import counted_pixels

NAME = 0
RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_ICON_PX = 14
#: Corners of each marker in a square of -1..1; the circle is drawn as such.
_SHAPES: dict[str, tuple[tuple[float, float], ...]] = {
    "s": ((-0.8, -0.8), (0.8, -0.8), (0.8, 0.8), (-0.8, 0.8)),
    "^": ((0, -0.9), (0.9, 0.8), (-0.9, 0.8)),
    "D": ((0, -1), (1, 0), (0, 1), (-1, 0)),
    "v": ((0, 0.9), (0.9, -0.8), (-0.9, -0.8)),
    "P": ((-0.3, -1), (0.3, -1), (0.3, -0.3), (1, -0.3), (1, 0.3), (0.3, 0.3), (0.3, 1), (-0.3, 1), (-0.3, 0.3),
          (-1, 0.3), (-1, -0.3), (-0.3, -0.3)),
    "X": ((-1, -0.6), (-0.6, -1), (0, -0.4), (0.6, -1), (1, -0.6), (0.4, 0), (1, 0.6), (0.6, 1), (0, 0.4), (-0.6, 1),
          (-1, 0.6), (-0.4, 0)),
    "*": ((0, -1), (0.24, -0.32), (0.95, -0.31), (0.38, 0.12), (0.59, 0.81), (0, 0.4), (-0.59, 0.81), (-0.38, 0.12),
          (-0.95, -0.31), (-0.24, -0.32)),
}  # fmt: skip


def marker_icon(entry: SeriesEntry) -> QIcon:
    """Draw the marker of an entry in its colour, as the chart does."""
    pixmap = QPixmap(_ICON_PX, _ICON_PX)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(Qt.PenStyle.NoPen))
    painter.setBrush(QBrush(QColor(entry.colour)))
    half = _ICON_PX / 2
    if entry.marker in _SHAPES:
        corners = [QPointF(half + x * (half - 1), half + y * (half - 1)) for x, y in _SHAPES[entry.marker]]
        painter.drawPolygon(QPolygonF(corners))
    else:
        painter.drawEllipse(QRectF(1.5, 1.5, _ICON_PX - 3, _ICON_PX - 3))
    painter.end()
    return QIcon(pixmap)


class SeriesTables(QTabWidget):
    """Points and Values; both can be read and copied without the mouse.

    Signals
    -------
    renamed(int, str)
    reference_chosen(str)
        Name of the entry that the others are to be shown relative to; empty: as processed.
    zoom_requested(int)
    remove_requested(list)
        Rows.
    """

    renamed = pyqtSignal(int, str)
    reference_chosen = pyqtSignal(str)
    zoom_requested = pyqtSignal(int)
    remove_requested = pyqtSignal(list)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setDocumentMode(True)
        self._entries: tuple[SeriesEntry, ...] = ()
        self._reference_name = ""
        self.points = self._make_points()
        self.model = ValuesModel(self)
        self.values = self._make_values()
        self.addTab(self.points, self.tr("Points"))
        self.addTab(self.values, self.tr("Values"))

    def show_series(
        self,
        dates: Sequence[dt.date],
        entries: Sequence[SeriesEntry],
        view: SeriesView,
        fits: Mapping[str, SeriesFit],
    ) -> None:
        """Fill both tables."""
        self._entries = tuple(entries)
        self._reference_name = view.reference.name if view.reference else ""
        self._fill_points(view, fits)
        self.model.show_values(
            dates,
            [self.tr("{name} [{unit}]").format(name=entry.name, unit=view.unit) for entry in entries],
            [view.shown(entry, dates) for entry in entries],
            _places(view.unit) + 1,
        )

    def selected_rows(self) -> list[int]:
        return sorted({index.row() for index in self.points.selectionModel().selectedRows()})

    # --- widgets

    def _make_points(self) -> QTableWidget:
        table = QTableWidget(0, 1, self)
        table.setObjectName("insarhub_series_table")
        table.setAccessibleName(self.tr("Picked points and zones"))
        _dress(table)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        table.itemChanged.connect(self._on_item_changed)
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        table.customContextMenuRequested.connect(
            lambda place: self.menu().exec(table.viewport().mapToGlobal(place))
        )
        delete = QShortcut(QKeySequence(Qt.Key.Key_Delete), table)
        delete.setContext(Qt.ShortcutContext.WidgetShortcut)
        delete.activated.connect(lambda: self.remove_requested.emit(self.selected_rows()))
        copy = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), table)
        copy.setContext(Qt.ShortcutContext.WidgetShortcut)
        copy.activated.connect(lambda: copy_table(table))
        return table

    def _make_values(self) -> QTableView:
        table = QTableView(self)
        table.setObjectName("insarhub_series_values")
        table.setAccessibleName(self.tr("Displacement by date"))
        table.setModel(self.model)
        _dress(table)
        copy = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), table)
        copy.setContext(Qt.ShortcutContext.WidgetShortcut)
        copy.activated.connect(lambda: copy_table(table))
        return table

    def menu(self) -> QMenu:
        """Menu of the selected entry."""
        menu = QMenu(self.points)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        rows = self.selected_rows()
        if len(rows) == 1:
            entry = self._entries[rows[0]]
            menu.addAction(
                self.tr("Show Relative to {name}").format(name=entry.name),
                lambda: self.reference_chosen.emit(entry.name),
            )
            menu.addAction(
                self.tr("Zoom to {name}").format(name=entry.name), lambda: self.zoom_requested.emit(rows[0])
            )
            menu.addAction(self.tr("Rename"), lambda: self.points.editItem(self.points.item(rows[0], NAME)))
        if rows:
            menu.addAction(self.tr("Remove"), lambda: self.remove_requested.emit(rows))
        if self._reference_name:
            menu.addAction(self.tr("Reference as Processed"), lambda: self.reference_chosen.emit(""))
        return menu

    # --- points

    def _columns(
        self, view: SeriesView, fits: Mapping[str, SeriesFit]
    ) -> list[tuple[str, str, Callable[[SeriesEntry, SeriesFit | None], str]]]:
        """Give (header, tip, text of an entry) of what the model has, after the name."""
        unit = view.unit
        model = next(iter(fits.values())).model if fits else None
        names = model.names if model is not None else ()

        def of_fit(text: Callable[[SeriesFit], str]) -> Callable[[SeriesEntry, SeriesFit | None], str]:
            return lambda _, fit: text(fit) if fit is not None else ""

        columns: list[tuple[str, str, Callable[[SeriesEntry, SeriesFit | None], str]]] = []
        independent = self.tr("The uncertainty (one sigma) assumes that the dates are independent.")
        if "rate" in names:
            columns.append(
                (
                    self.tr("{unit}/yr").format(unit=unit),
                    independent,
                    of_fit(lambda fit: _pm(fit.velocity, unit)),
                )
            )
        if "acceleration_half" in names:
            header = self.tr("{unit}/yr²").format(unit=unit)
            columns.append((header, independent, of_fit(lambda fit: _pm(fit.acceleration, unit))))
        if "annual_sine" in names:
            header = self.tr("annual [{unit}]").format(unit=unit)
            tip = self.tr("Amplitude of the annual term.") + " " + independent
            columns.append(
                (header, tip, of_fit(lambda fit: _pm(fit.annual_amplitude, unit, is_signed=False)))
            )
        for date in model.step_dates if model is not None else ():
            header = self.tr("step {date} [{unit}]").format(date=date.isoformat(), unit=unit)
            name = f"step_{date:%Y%m%d}"
            columns.append(
                (header, independent, of_fit(lambda fit, name=name: _pm(fit.parameter(name), unit)))
            )
        if model is not None:
            columns += [
                (
                    self.tr("RMSE"),
                    self.tr("Root of the mean squared residual, {unit}").format(unit=unit),
                    of_fit(lambda fit: f"{fit.rmse:.{_places(unit)}f}"),
                ),
                (
                    "R²",
                    self.tr("Share of the variance that the model explains"),
                    of_fit(lambda fit: _share(fit.r2)),
                ),
                (self.tr("n"), self.tr("Dates in the fit"), of_fit(lambda fit: str(fit.n))),
            ]
        columns.append((self.tr("Pixel"), self.tr("Row and column, or pixels of a zone"), self._place))
        return columns

    def _place(self, entry: SeriesEntry, _: SeriesFit | None) -> str:
        if entry.is_zone:
            return counted_pixels(entry.pixel_count)
        if entry.row is None:
            return self.tr("no data")
        return self.tr("row {row}, col {col}").format(row=entry.row, col=entry.col)

    def _fill_points(self, view: SeriesView, fits: Mapping[str, SeriesFit]) -> None:
        table = self.points
        selected = self.selected_rows()
        columns = self._columns(view, fits)
        table.blockSignals(True)
        table.setColumnCount(1 + len(columns))
        table.setHorizontalHeaderLabels([self.tr("Name"), *(header for header, _, _ in columns)])
        table.setRowCount(len(self._entries))
        for column, (_, tip, _) in enumerate(columns, start=1):
            table.horizontalHeaderItem(column).setToolTip(tip)
        for row, entry in enumerate(self._entries):
            table.setItem(row, NAME, self._name_item(entry))
            for column, (_, _, text_of) in enumerate(columns, start=1):
                item = QTableWidgetItem(text_of(entry, fits.get(entry.name)))
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
                item.setTextAlignment(RIGHT)
                table.setItem(row, column, item)
        table.blockSignals(False)
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        for row in selected:
            if row < len(self._entries):
                table.selectRow(row)
        self._show_place_if_it_fits()

    def _show_place_if_it_fits(self) -> None:
        """Row and column only where no other column has to give way; the tip of the name has them always."""
        table = self.points
        place = table.columnCount() - 1
        if place <= NAME:
            return
        table.setColumnHidden(place, False)
        needed = sum(table.horizontalHeader().sectionSize(column) for column in range(place + 1))
        table.setColumnHidden(place, needed > table.viewport().width())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_place_if_it_fits()

    def _name_item(self, entry: SeriesEntry) -> QTableWidgetItem:
        item = QTableWidgetItem(marker_icon(entry), entry.name)
        marker = MARKER_NAMES[entry.style % len(MARKER_NAMES)]
        item.setToolTip(
            self.tr("{place}; {marker}; double-click or F2 to rename").format(
                place=self._place(entry, None), marker=marker
            )
        )
        if entry.name == self._reference_name:
            font = item.font()
            font.setBold(True)
            item.setFont(font)
            item.setToolTip(self.tr("All series are shown relative to this one."))
        return item

    def _on_item_changed(self, item: QTableWidgetItem) -> None:
        if item.column() == NAME:
            self.renamed.emit(item.row(), item.text().strip())


class ValuesModel(QAbstractTableModel):
    """Dates in rows, one column of values per entry."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._dates: tuple[dt.date, ...] = ()
        self._headers: tuple[str, ...] = ()
        self._values: tuple[np.ndarray, ...] = ()
        self._places = 2

    def show_values(
        self, dates: Sequence[dt.date], headers: Sequence[str], values: Sequence[np.ndarray], places: int
    ) -> None:
        """Show ``values``, one array of shape (n_dates,) per header, NaN where nothing was measured."""
        self.beginResetModel()
        self._dates, self._headers, self._values = tuple(dates), tuple(headers), tuple(values)
        self._places = places
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() or not self._headers else len(self._dates)

    def columnCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else 1 + len(self._headers)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self.tr("Date") if section == 0 else self._headers[section - 1]
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() > 0:
            return RIGHT
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        if index.column() == 0:
            return self._dates[index.row()].isoformat()
        value = float(self._values[index.column() - 1][index.row()])
        return f"{value:+.{self._places}f}" if np.isfinite(value) else self.tr("no data")


def copy_table(table: QTableView) -> None:
    """Copy the selected cells, or all of them, with their headers; tabs between columns."""
    model = table.model()
    chosen = [(index.row(), index.column()) for index in table.selectedIndexes()]
    rows = sorted({row for row, _ in chosen}) or list(range(model.rowCount()))
    columns = sorted({column for _, column in chosen}) or list(range(model.columnCount()))
    header = [str(model.headerData(column, Qt.Orientation.Horizontal)) for column in columns]
    lines = [[str(model.index(row, column).data() or "") for column in columns] for row in rows]
    QApplication.clipboard().setText("\n".join("\t".join(line) for line in [header, *lines]))


def _dress(table: QTableView) -> None:
    table.setAlternatingRowColors(True)
    table.setShowGrid(False)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(table.fontMetrics().height() + 6)
    table.horizontalHeader().setHighlightSections(False)
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)


def _places(unit: str) -> int:
    return {"mm": 1, "cm": 2, "m": 4}[unit]


def _pm(value: tuple[float, float], unit: str, is_signed: bool = True) -> str:
    places = _places(unit)
    number = f"{value[0]:+.{places}f}" if is_signed else f"{value[0]:.{places}f}"
    return f"{number} ± {value[1]:.{places}f}"


def _share(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "–"

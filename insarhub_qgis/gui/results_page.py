# SPDX-License-Identifier: GPL-2.0-or-later
"""The Results page: velocity, series and diagnostics as layers, reference point and date, series, exports."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsGeometry,
    QgsPointXY,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import Qt, QTimer
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QGridLayout,
    QGroupBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QMenu,
    QPushButton,
    QStackedWidget,
    QToolButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.requests import CopyDataset
from insarhub_qgis.gui.export_dialog import ExportDialog, FootprintDialog, PointsDialog
from insarhub_qgis.gui.job_page import JobPage
from insarhub_qgis.gui.page_context import PageContext
from insarhub_qgis.gui.pick_tool import MapMarks, PickTool
from insarhub_qgis.gui.short_text import ShortLabel
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.layers.hdf5_file import read_hdf5
from insarhub_qgis.layers.reference_shift import ReferencePoint, reference_of, set_job_reference
from insarhub_qgis.layers.result_layers import (
    add_result_layer,
    find_result_layer,
    remove_result_layer,
    result_layers,
)
from insarhub_qgis.layers.result_sources import ResultSource, list_results

if TYPE_CHECKING:
    from insarhub_qgis.gui.series_dock import SeriesDock

SOURCE_ROLE = Qt.ItemDataRole.UserRole
TREE, MESSAGE = 0, 1
#: Style of the mark of the reference on the map: a cross that shows on both ends of the diverging ramp.
MARK_COLOUR, MARK_STYLE = "#000000", 5


@dataclass(frozen=True)
class _JobResults:
    """What the files of a job offer; ``dates`` are those of the most corrected series."""

    sources: list[ResultSource]
    dates: list[dt.date]
    problem: InsarError | None = None


def _read_results(folder: Path) -> _JobResults:
    sources = list_results(folder)
    series = best_series(sources)
    if series is None:
        return _JobResults(sources, [])
    try:
        return _JobResults(sources, list(read_hdf5(series.path).dates))
    except InsarError as error:
        return _JobResults(sources, [], error)


def best_series(sources: Sequence[ResultSource]) -> ResultSource | None:
    """The most corrected displacement series that can be read."""
    return next((row for row in sources if row.kind == "time_series" and row.problem is None), None)


class ResultsPage(JobPage):
    """A click on a row puts the result on the map, another takes it away."""

    def __init__(self, context: PageContext, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self.setObjectName("insarhubResultsPage")
        self.title = self.tr("Results")
        self._sources: list[ResultSource] = []
        self._series_dock: SeriesDock | None = None
        self._marks = MapMarks(context.canvas())
        self._tool = PickTool(context.canvas())
        self._tool.picked.connect(self._on_reference_picked)
        self._tool.ended.connect(self._end_picking)
        self._tool.deactivated.connect(lambda: self._pick_button.setChecked(False))
        self._sync_timer = QTimer(self)
        self._sync_timer.setSingleShot(True)
        self._sync_timer.setInterval(0)
        self._sync_timer.timeout.connect(self._sync)
        self._build()
        project = context.project()
        project.layersAdded.connect(self._sync_timer.start)
        project.layersRemoved.connect(self._sync_timer.start)
        project.readProject.connect(self._sync_timer.start)
        context.canvas().destinationCrsChanged.connect(self._show_mark)

    # --- page contract

    def open_job(self, job_folder: Path) -> None:
        if job_folder != self._folder:
            self._folder = job_folder
            self._sources = []
            self._tree.clear()
        self._read()

    def close_page(self) -> None:
        super().close_page()
        self._end_picking()
        project = self._context.project()
        project.layersAdded.disconnect(self._sync_timer.start)
        project.layersRemoved.disconnect(self._sync_timer.start)
        project.readProject.disconnect(self._sync_timer.start)
        self._context.canvas().destinationCrsChanged.disconnect(self._show_mark)
        self._marks.clear()
        self._sync_timer.stop()

    # --- widgets

    def _build(self) -> None:
        self._tree = QTreeWidget(self)
        self._tree.setObjectName("insarhubResults")
        self._tree.setAccessibleName(self.tr("Results of the analysis"))
        self._tree.setHeaderHidden(True)
        self._tree.setAlternatingRowColors(True)
        self._tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self._tree.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._tree.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self._tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self._tree.itemClicked.connect(self._on_clicked)
        self._tree.itemActivated.connect(self._on_clicked)
        self._message = QLabel(
            self.tr(
                "No results yet. Prepare and run the analysis; velocity and time series then appear here."
            ),
            self,
        )
        self._message.setWordWrap(True)
        self._message.setMargin(18)
        self._message.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter)
        self._pages = QStackedWidget(self)
        self._pages.addWidget(self._tree)
        self._pages.addWidget(self._message)

        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self._pages, 1)
        layout.addWidget(self._make_reference(self))
        layout.addLayout(self._make_buttons())

    def _make_reference(self, parent: QWidget) -> QWidget:
        box = QGroupBox(self.tr("Reference"), parent)
        box.setFlat(True)
        grid = QGridLayout(box)
        grid.setContentsMargins(0, 6, 0, 0)
        grid.setSpacing(6)
        self._place = ShortLabel(box)
        self._place.setAccessibleName(self.tr("Reference point"))
        self._pick_button = QPushButton(self.tr("P&ick Point"), box)
        self._pick_button.setCheckable(True)
        self._pick_button.setToolTip(
            self.tr("Show velocity and displacement relative to a clicked pixel; files stay as they are")
        )
        self._pick_button.clicked.connect(self._toggle_picking)
        more = QToolButton(box)
        more.setText(self.tr("Mo&re"))
        more.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(more)
        menu.addAction(self.tr("&Median of Selected Polygon"), self._reference_to_polygon)
        menu.addAction(self.tr("&As Processed"), lambda: self._apply_reference(None, None))
        more.setMenu(menu)
        self._date_box = QComboBox(box)
        self._date_box.setAccessibleName(self.tr("Reference date"))
        self._date_box.setToolTip(self.tr("Date on which the displacement is zero"))
        self._date_box.activated.connect(self._on_date_chosen)
        grid.addWidget(QLabel(self.tr("Point"), box), 0, 0)
        grid.addWidget(self._place, 0, 1)
        grid.addWidget(self._pick_button, 0, 2)
        grid.addWidget(more, 0, 3)
        date_label = QLabel(self.tr("&Date"), box)
        date_label.setBuddy(self._date_box)
        grid.addWidget(date_label, 1, 0)
        grid.addWidget(self._date_box, 1, 1, 1, 3)
        grid.setColumnStretch(1, 1)
        self._reference_box = box
        return box

    def _make_buttons(self) -> QHBoxLayout:
        self._export_button = QPushButton(self.tr("&Export…"), self)
        self._export_button.setToolTip(self.tr("Write results as GeoTIFF or COG"))
        self._export_button.clicked.connect(lambda: self._open_dialog(ExportDialog))
        self._more_button = QToolButton(self)
        self._more_button.setText(self.tr("More E&xports"))
        self._more_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._more_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self._more_button)
        menu.addAction(self.tr("&Points…"), lambda: self._open_dialog(PointsDialog))
        menu.addAction(self.tr("&Footprint…"), lambda: self._open_dialog(FootprintDialog))
        self._more_button.setMenu(menu)
        self._series_button = QPushButton(self.tr("Plot &Time Series"), self)
        self._series_button.setDefault(True)
        self._series_button.clicked.connect(self._plot_series)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self._export_button)
        row.addWidget(self._more_button)
        row.addStretch(1)
        row.addWidget(self._series_button)
        return row

    # --- reading

    def _read_job(self, folder: Path) -> None:
        self._reading.start(
            self.tr("Reading the results of {job}").format(job=folder.name),
            lambda _: _read_results(folder),
            self._show_results,
        )

    def _show_results(self, results: _JobResults) -> None:
        sources = self._sources = results.sources
        self._tree.clear()
        groups = {
            False: QTreeWidgetItem([self.tr("Results")]),
            True: QTreeWidgetItem([self.tr("Diagnostics")]),
        }
        for source in sources:
            item = QTreeWidgetItem(groups[source.is_overview], [source.label[:1].upper() + source.label[1:]])
            item.setData(0, SOURCE_ROLE, source)
            item.setCheckState(0, Qt.CheckState.Unchecked)
            item.setToolTip(0, f"{source.path.name}: {source.dataset}")
            if source.problem is not None and source.problem.code != "hdf5.needs_copy":
                item.setToolTip(0, f"{source.path.name}: {sentence(source.problem)}")
                item.setDisabled(True)
        for group in groups.values():
            if group.childCount():
                self._tree.addTopLevelItem(group)
                group.setExpanded(True)
                group.setFlags(Qt.ItemFlag.ItemIsEnabled)
        self._pages.setCurrentIndex(TREE if sources else MESSAGE)
        self._export_button.setEnabled(bool(sources))
        self._more_button.setEnabled(bool(sources))
        self._series_button.setEnabled(best_series(sources) is not None)
        self._date_box.clear()
        self._date_box.addItem(self.tr("as processed"), None)
        for date in results.dates:
            self._date_box.addItem(date.isoformat(), date.isoformat())
        if results.problem is not None:
            self._context.show_error(results.problem)
        self._sync()

    def _items(self) -> list[QTreeWidgetItem]:
        groups = [self._tree.topLevelItem(row) for row in range(self._tree.topLevelItemCount())]
        return [group.child(row) for group in groups for row in range(group.childCount())]

    def _sync(self) -> None:
        """Ticks follow the project, also when layers come and go elsewhere."""
        project = self._context.project()
        for item in self._items():
            is_shown = find_result_layer(project, item.data(0, SOURCE_ROLE)) is not None
            item.setCheckState(0, Qt.CheckState.Checked if is_shown else Qt.CheckState.Unchecked)
        self._show_reference()

    # --- layers

    def _on_clicked(self, item: QTreeWidgetItem) -> None:
        source = item.data(0, SOURCE_ROLE)
        if source is None or item.isDisabled():
            return
        if find_result_layer(self._context.project(), source) is not None:
            remove_result_layer(self._context.project(), source)
        else:
            self.add_layer(source)
        self._sync()

    def add_layer(self, source: ResultSource) -> None:
        """Add a result; a dataset that GDAL cannot read is copied by the engine first."""
        folder = self._folder
        if folder is None:
            return
        try:
            add_result_layer(self._context.project(), folder, folder.name, source)
        except InsarError as error:
            if error.code != "hdf5.needs_copy":
                self._context.show_error(error)
                return
            self._context.start(
                CopyDataset(str(source.path), source.dataset),
                self.tr("Copy {name} for the map").format(name=source.path.name),
                lambda _: self._add_copied(folder, source),
            )
            return
        self._carry_reference()

    def _add_copied(self, folder: Path, source: ResultSource) -> None:
        try:
            add_result_layer(self._context.project(), folder, folder.name, source)
        except InsarError as error:
            self._context.show_error(error)

    def _carry_reference(self) -> None:
        """A layer that joins others of the job gets their reference, so that all of them agree."""
        reference, date = self._present_reference()
        if reference is not None or date is not None:
            self._apply_reference(reference, date)

    # --- reference

    def _present_reference(self) -> tuple[ReferencePoint | None, str | None]:
        for layer in result_layers(self._context.project(), self._folder) if self._folder else ():
            reference, date = reference_of(layer)
            if reference is not None or date is not None:
                return reference, date
        return None, None

    def _show_reference(self) -> None:
        reference, date = self._present_reference()
        self._place.setText(reference.name if reference else self.tr("as processed"))
        self._show_mark()
        index = self._date_box.findData(date)
        self._date_box.setCurrentIndex(max(index, 0))
        self._reference_box.setEnabled(
            bool(self._folder and result_layers(self._context.project(), self._folder))
        )

    def _show_mark(self) -> None:
        """Mark the reference on the map."""
        self._marks.clear()
        reference, _ = self._present_reference()
        if reference is None:
            return
        if reference.polygon_wkt:
            self._marks.show_zone("reference", reference.polygon_wkt, reference.crs, MARK_COLOUR)
        else:
            self._marks.show_point(
                "reference", reference.x, reference.y, reference.crs, MARK_COLOUR, MARK_STYLE
            )

    def _toggle_picking(self, is_on: bool) -> None:
        if is_on:
            self._context.canvas().setMapTool(self._tool)
            self._context.show_info(self.tr("Click the pixel that is to be the reference. Esc ends picking."))
        else:
            self._end_picking()

    def _end_picking(self) -> None:
        self._context.canvas().unsetMapTool(self._tool)

    def _on_reference_picked(self, point: QgsPointXY, crs: QgsCoordinateReferenceSystem) -> None:
        name = (
            f"{point.x():.5g}, {point.y():.5g}" if crs.isGeographic() else f"{point.x():.0f}, {point.y():.0f}"
        )
        authority = crs.authid() or crs.toWkt(QgsCoordinateReferenceSystem.WktVariant.WKT2_2019)
        self._apply_reference(
            ReferencePoint(name, point.x(), point.y(), authority), self._date_box.currentData()
        )

    def _reference_to_polygon(self) -> None:
        layer = self._context.iface.activeLayer()
        is_polygons = (
            isinstance(layer, QgsVectorLayer)
            and layer.geometryType() == QgsWkbTypes.GeometryType.PolygonGeometry
        )
        features = list(layer.selectedFeatures()) if is_polygons else []
        if len(features) != 1 or not features[0].hasGeometry():
            self._context.show_info(
                self.tr("Select one polygon of the active layer: its median becomes the reference.")
            )
            return
        geometry = QgsGeometry(features[0].geometry())
        middle = geometry.pointOnSurface().asPoint()
        name = self.tr("polygon {id} of {layer}").format(id=features[0].id(), layer=layer.name())
        reference = ReferencePoint(name, middle.x(), middle.y(), layer.crs().authid(), geometry.asWkt(9))
        self._apply_reference(reference, self._date_box.currentData())

    def _on_date_chosen(self) -> None:
        self._apply_reference(self._present_reference()[0], self._date_box.currentData())

    def _apply_reference(self, reference: ReferencePoint | None, date: str | None) -> None:
        if self._folder is None:
            return
        try:
            set_job_reference(self._context.project(), self._folder, reference, date)
        except InsarError as error:
            self._context.show_error(error)
        self._show_reference()
        self._share_reference()

    # --- series and exports

    def _plot_series(self) -> None:
        series = best_series(self._sources)
        if series is not None:
            dock = self._series_dock = self._context.series_dock()
            dock.show_series(series)
            self._share_reference()
            dock.start_picking()

    def _share_reference(self) -> None:
        """Map and chart are to say the same, so the chart takes the reference of the layers."""
        dock, series = self._series_dock, best_series(self._sources)
        if dock is not None and series is not None and dock.source in self._sources:
            dock.follow_reference(*self._present_reference())

    def _open_dialog(self, dialog_class: Any) -> None:
        if self._folder is not None:
            item = self._tree.currentItem()
            chosen = item.data(0, SOURCE_ROLE) if item is not None else None
            dialog = dialog_class(self._context, self._folder, self._sources, chosen, self)
            dialog.exec()
            dialog.deleteLater()

# SPDX-License-Identifier: GPL-2.0-or-later
"""The time-series dock: click a pixel or take polygons, compare, fit, export."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsGeometry,
    QgsPointXY,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QDate, QSize, Qt
from qgis.PyQt.QtGui import QColor, QIcon, QKeyEvent, QPainter, QPen, QPixmap
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QAction,
    QApplication,
    QComboBox,
    QDateEdit,
    QDialog,
    QDialogButtonBox,
    QDockWidget,
    QFileDialog,
    QFormLayout,
    QHeaderView,
    QLabel,
    QMenu,
    QSplitter,
    QTableWidget,
    QTableWidgetItem,
    QToolBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.core.atomic_files import write_text_atomically
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.requests import IndexSeries, ZonalSeries
from insarhub_qgis.core.series_entries import (
    MARKER_NAMES,
    SeriesEntry,
    SeriesView,
    next_name,
    next_style,
    series_csv,
)
from insarhub_qgis.core.time_series_fit import SeriesFit, TimeModel
from insarhub_qgis.gui.pick_tool import MapMarks, PickTool
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.layers.area_of_interest import transformed_polygon
from insarhub_qgis.layers.pixel_values import top_insar_layer
from insarhub_qgis.layers.result_sources import ResultSource, list_results
from insarhub_qgis.layers.series_reader import SeriesReader

if TYPE_CHECKING:
    from insarhub_qgis.gui.page_context import PageContext

PROJECT_SCOPE = "InSARHub"
PROJECT_KEY = "series_points"
OUTLIER_MADS = 3.0
MAX_ZONES_AT_ONCE = 50
NAME, PIXEL = 0, 1


class SeriesDock(QDockWidget):
    """Series of points and zones of one time series at a time, kept with the project."""

    def __init__(self, context: PageContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("insarhub_series_dock")
        self.setWindowTitle(self.tr("InSARHub Time Series"))
        self._context = context
        self._reader: SeriesReader | None = None
        self._source: ResultSource | None = None
        self._sources: list[ResultSource] = []
        self._entries: list[SeriesEntry] = []
        self._fits: dict[str, SeriesFit] = {}
        self._reference_name = ""
        self._step_dates: tuple[dt.date, ...] = ()
        self._marks = MapMarks(context.canvas())
        self._tool = PickTool(context.canvas())
        self._tool.picked.connect(self._on_picked)
        self._tool.ended.connect(self.stop_picking)
        self._tool.deactivated.connect(self._on_tool_deactivated)
        self._build()
        context.project().readProject.connect(self._restore)
        context.project().cleared.connect(self._on_project_cleared)
        context.canvas().destinationCrsChanged.connect(self._refresh_marks)
        context.job_changed.connect(self._on_job_changed)

    # --- what others call

    def show_series(self, source: ResultSource) -> None:
        """Make ``source`` the series that is sampled; picked places stay and are read from it."""
        try:
            reader = SeriesReader(source.path)
        except InsarError as error:
            self._context.show_error(error)
            return
        if self._reader is not None:
            self._reader.close()
        self._reader, self._source = reader, source
        self._list_sources(source.path.parent)
        self._zero_box.blockSignals(True)
        self._zero_box.clear()
        self._zero_box.addItem(self.tr("Zero: as processed"), None)
        for date in reader.dates:
            self._zero_box.addItem(self.tr("Zero: {date}").format(date=date.isoformat()), date)
        self._zero_box.blockSignals(False)
        self._sample_again()
        self.show()
        self.raise_()
        if not reader.is_indexed:
            self._index(source)

    def _index(self, source: ResultSource) -> None:
        """Let the engine look up where each chunk of the file lies: clicks then take microseconds."""

        def use(answer: dict[str, Any]) -> None:
            if self._source is source and answer["index_file"] and self._reader is not None:
                self._reader.close()
                self._reader = SeriesReader(source.path)

        self._context.start(
            IndexSeries(str(source.path)), self.tr("Index of {name}").format(name=source.path.name), use, _ignore
        )

    def start_picking(self) -> None:
        """Take clicks on the map until Esc, a right click or another tool."""
        self.show()
        self.raise_()
        self._context.canvas().setMapTool(self._tool)
        self._pick_action.setChecked(True)
        self._say(self.tr("Click a pixel of an InSAR result on the map. Esc ends picking."))

    def stop_picking(self) -> None:
        self._context.canvas().unsetMapTool(self._tool)

    def add_point(self, x: float, y: float, crs: QgsCoordinateReferenceSystem, name: str = "") -> bool:
        """Add the series of the pixel that contains (x, y); says why when there is none."""
        if self._reader is None:
            return False
        try:
            place = self._to_series_crs(crs).transform(QgsPointXY(x, y))
        except QgsCsException:
            self._say(self.tr("This place cannot be expressed in {crs}.").format(crs=self._reader.crs))
            return False
        pixel = self._reader.pixel_at(place.x(), place.y())
        if pixel is None:
            self._say(self.tr("No data here: outside {name}.").format(name=self._source_label()))
            return False
        row, col = pixel
        if any((entry.row, entry.col) == pixel for entry in self._entries):
            self._say(self.tr("Row {row}, column {col} is already in the chart.").format(row=row, col=col))
            return False
        try:
            values = self._reader.series_at(row, col)
        except InsarError as error:
            self._context.show_error(error)
            return False
        if not _has_values(values):
            self._say(
                self.tr("No data here: row {row}, column {col} was not measured.").format(row=row, col=col)
            )
            return False
        entry = SeriesEntry(
            name or next_name(self._entries, is_zone=False),
            place.x(),
            place.y(),
            self._reader.crs,
            row,
            col,
            values,
            style=next_style(self._entries),
        )
        self._add(entry)
        self._say(self.tr("{name}: row {row}, column {col}.").format(name=entry.name, row=row, col=col))
        return True

    def add_zone(self, geometry: QgsGeometry, crs: QgsCoordinateReferenceSystem, name: str = "") -> None:
        """Ask the engine for the median series of a polygon; the zone appears when the answer is there."""
        if self._reader is None or self._source is None:
            return
        try:
            zone = transformed_polygon(geometry, self._to_series_crs(crs))
        except InsarError as error:
            self._say(sentence(error))
            return
        source = self._source
        wkt, middle = zone.asWkt(3), zone.pointOnSurface().asPoint()

        def show(answer: dict[str, Any]) -> None:
            if self._source is not source or self._reader is None:
                return
            row = answer["zones"][0]
            label = name or next_name(self._entries, is_zone=True)
            if row.get("reason"):
                self._say(f"{label}: {sentence(InsarError(row['reason']))}")
            if not row["median_mm"]:
                return
            self._entries = [entry for entry in self._entries if entry.name != label]
            self._add(
                SeriesEntry(
                    label,
                    middle.x(),
                    middle.y(),
                    self._reader.crs,
                    None,
                    None,
                    _metres(row["median_mm"]),
                    _metres(row["mad_mm"]),
                    int(row["n"]),
                    wkt,
                    next_style(self._entries),
                )
            )

        self._context.start(ZonalSeries(str(source.path), (wkt,)), self.tr("Zonal time series"), show)

    def close_dock(self) -> None:
        """Give back map tool and marks, close the reader and leave the project's signals."""
        self.stop_picking()
        self._marks.clear()
        project = self._context.project()
        for signal, slot in (
            (project.readProject, self._restore),
            (project.cleared, self._on_project_cleared),
            (self._context.canvas().destinationCrsChanged, self._refresh_marks),
            (self._context.job_changed, self._on_job_changed),
        ):
            signal.disconnect(slot)
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    # --- widgets

    def _build(self) -> None:
        content = QWidget(self)
        layout = QVBoxLayout(content)
        layout.setContentsMargins(6, 3, 6, 3)
        layout.setSpacing(3)
        layout.addWidget(self._make_toolbar(content))
        splitter = QSplitter(Qt.Orientation.Horizontal, content)
        splitter.addWidget(self._make_chart(splitter))
        splitter.addWidget(self._make_table(splitter))
        splitter.setStretchFactor(0, 3)
        splitter.setStretchFactor(1, 2)
        layout.addWidget(splitter, 1)
        self._status = QLabel(content)
        self._status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout.addWidget(self._status)
        self.setWidget(content)
        self._redraw()

    def _make_toolbar(self, parent: QWidget) -> QToolBar:
        bar = QToolBar(parent)
        bar.setIconSize(QSize(20, 20))
        self._series_box = _combo(bar, self.tr("Time series that is sampled"), 190)
        self._series_box.activated.connect(self._on_series_chosen)
        self._pick_action = QAction(
            QgsApplication.getThemeIcon("/mActionIdentify.svg"), self.tr("&Pick"), self, checkable=True
        )
        self._pick_action.setToolTip(self.tr("Pick pixels on the map (P)"))
        self._pick_action.triggered.connect(lambda on: self.start_picking() if on else self.stop_picking())
        bar.addAction(self._pick_action)
        zones = bar.addAction(
            QgsApplication.getThemeIcon("/mActionAddPolygon.svg"), self.tr("&Zones"), self._add_selected_zones
        )
        zones.setToolTip(self.tr("Add the selected polygons of the active layer: median and spread"))
        bar.addSeparator()
        self._model_box = _combo(bar, self.tr("Fitted model"), 120)
        for text, model in (
            (self.tr("No fit"), None),
            (self.tr("Linear"), TimeModel()),
            (self.tr("Linear + annual"), TimeModel(annual=True)),
            (self.tr("Quadratic"), TimeModel(polynomial_degree=2)),
            (self.tr("Quadratic + annual"), TimeModel(polynomial_degree=2, annual=True)),
        ):
            self._model_box.addItem(text, model)
        self._model_box.setCurrentIndex(1)
        self._model_box.currentIndexChanged.connect(self._redraw)
        self._step_button = QToolButton(bar)
        self._step_button.setText(self.tr("&Steps…"))
        self._step_button.setToolTip(self.tr("Dates of steps (earthquakes, works) in the fitted model"))
        self._step_button.clicked.connect(self._edit_steps)
        bar.addWidget(self._step_button)
        self._outlier_action = bar.addAction(self.tr("3 &MAD"))
        self._outlier_action.setCheckable(True)
        self._outlier_action.setToolTip(self.tr("Leave out dates further than 3 MAD from the fit"))
        self._outlier_action.toggled.connect(self._redraw)
        self._residual_action = bar.addAction(self.tr("&Residuals"))
        self._residual_action.setCheckable(True)
        self._residual_action.setToolTip(self.tr("Show observed minus fitted"))
        self._residual_action.toggled.connect(self._redraw)
        bar.addSeparator()
        self._zero_box = _combo(bar, self.tr("Date on which each series is zero"), 140)
        self._zero_box.currentIndexChanged.connect(self._redraw)
        self._unit_box = _combo(bar, self.tr("Unit"), 56)
        for unit in ("mm", "cm", "m"):
            self._unit_box.addItem(unit)
        self._unit_box.currentIndexChanged.connect(self._redraw)
        bar.addSeparator()
        export = QToolButton(bar)
        export.setText(self.tr("&Export"))
        export.setIcon(QgsApplication.getThemeIcon("/mActionFileSave.svg"))
        export.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        export.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(export)
        menu.addAction(self.tr("Values as &CSV…"), lambda: self._export("csv"))
        menu.addAction(self.tr("Picture as &PNG…"), lambda: self._export("png"))
        menu.addAction(self.tr("Picture as &SVG…"), lambda: self._export("svg"))
        menu.addSeparator()
        menu.addAction(self.tr("C&opy values"), lambda: QApplication.clipboard().setText(self._csv()))
        export.setMenu(menu)
        bar.addWidget(export)
        bar.addAction(
            QgsApplication.getThemeIcon("/mActionDeleteSelected.svg"), self.tr("C&lear"), self.clear
        )
        return bar

    def _make_chart(self, parent: QWidget) -> QWidget:
        try:
            from insarhub_qgis.gui.series_chart import SeriesChart
        except ImportError as error:
            self._chart = None
            missing = QLabel(
                self.tr(
                    "The chart needs matplotlib, which this QGIS lacks ({reason}). The table works without."
                ).format(reason=error),
                parent,
            )
            missing.setWordWrap(True)
            missing.setAlignment(Qt.AlignmentFlag.AlignCenter)
            return missing
        self._chart = SeriesChart(parent)
        self._chart.hovered.connect(self._say)
        return self._chart

    def _make_table(self, parent: QWidget) -> QTableWidget:
        table = QTableWidget(0, 6, parent)
        table.setObjectName("insarhub_series_table")
        table.setAccessibleName(self.tr("Picked points and zones"))
        table.setAlternatingRowColors(True)
        table.setShowGrid(False)
        table.verticalHeader().hide()
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        table.horizontalHeader().setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        table.itemChanged.connect(self._on_item_changed)
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        table.customContextMenuRequested.connect(self._show_menu)
        self._table = table
        return table

    # --- map and files

    def _on_picked(self, point: QgsPointXY, crs: QgsCoordinateReferenceSystem) -> None:
        if self._reader is None and not self._adopt_series_of_top_layer():
            self._say(self.tr("There is no displacement time series here. Open the results of a job first."))
            return
        self.add_point(point.x(), point.y(), crs)

    def _adopt_series_of_top_layer(self) -> bool:
        """Take the final series of the job whose layer is on top of the map."""
        layer = top_insar_layer(self._context.canvas().layers())
        job = Path(str(layer.customProperty("insarhub/job") or "")) if layer is not None else None
        if job is None or not job.is_dir():
            return False
        series = [row for row in list_results(job) if row.kind == "time_series"]
        if not series:
            return False
        self.show_series(series[0])
        return self._reader is not None

    def _add_selected_zones(self) -> None:
        layer = self._context.iface.activeLayer()
        is_polygons = (
            isinstance(layer, QgsVectorLayer)
            and layer.geometryType() == QgsWkbTypes.GeometryType.PolygonGeometry
        )
        if not is_polygons or not layer.selectedFeatureCount():
            self._say(self.tr("Select polygons of a layer first, and make that layer the active one."))
            return
        if layer.selectedFeatureCount() > MAX_ZONES_AT_ONCE:
            self._say(
                self.tr(
                    "{count} polygons are too many for a chart: use the algorithm Zonal time series."
                ).format(count=layer.selectedFeatureCount())
            )
            return
        if self._reader is None and not self._adopt_series_of_top_layer():
            self._say(self.tr("There is no displacement time series here. Open the results of a job first."))
            return
        for feature in layer.selectedFeatures():
            if feature.hasGeometry():
                self.add_zone(feature.geometry(), layer.crs())

    def _to_series_crs(self, crs: QgsCoordinateReferenceSystem) -> QgsCoordinateTransform:
        target = QgsCoordinateReferenceSystem(self._reader.crs if self._reader else "")
        return QgsCoordinateTransform(crs, target, self._context.project())

    def _list_sources(self, folder: Path) -> None:
        self._sources = [row for row in list_results(folder) if row.kind == "time_series"]
        self._series_box.clear()
        for source in self._sources:
            self._series_box.addItem(source.label, source)
        index = next((i for i, row in enumerate(self._sources) if row.path == self._source.path), -1)
        self._series_box.setCurrentIndex(index)

    def _on_series_chosen(self, index: int) -> None:
        self.show_series(self._sources[index])

    def _sample_again(self) -> None:
        """Read every picked place from the present series: zones ask the engine, points are read here."""
        kept, self._entries = self._entries, []
        for entry in kept:
            crs = QgsCoordinateReferenceSystem(entry.crs)
            if entry.is_zone:
                self.add_zone(QgsGeometry.fromWkt(entry.zone_wkt), crs, entry.name)
            else:
                self.add_point(entry.x, entry.y, crs, entry.name)
        self._refresh()

    def _on_job_changed(self, job_folder: Path) -> None:
        if (
            self._source is not None
            and self._source.path.is_relative_to(job_folder)
            and self._source.path.exists()
        ):
            self.show_series(self._source)

    # --- entries

    def _add(self, entry: SeriesEntry) -> None:
        self._entries.append(entry)
        self._refresh()

    def clear(self) -> None:
        self._entries = []
        self._reference_name = ""
        self._refresh()

    def _remove_selected(self) -> None:
        rows = {index.row() for index in self._table.selectionModel().selectedRows()}
        self._entries = [entry for number, entry in enumerate(self._entries) if number not in rows]
        if self._reference_name not in {entry.name for entry in self._entries}:
            self._reference_name = ""
        self._refresh()

    def _view(self) -> SeriesView:
        model = self._model_box.currentData()
        if self._step_dates:
            base = model or TimeModel()
            model = TimeModel(base.polynomial_degree, base.annual, self._step_dates)
        reference = next((entry for entry in self._entries if entry.name == self._reference_name), None)
        return SeriesView(
            reference=reference,
            zero_date=self._zero_box.currentData(),
            unit=self._unit_box.currentText() or "mm",
            model=model,
            outlier_mads=OUTLIER_MADS if self._outlier_action.isChecked() else None,
        )

    def _refresh(self) -> None:
        self._store()
        self._redraw()
        self._refresh_marks()

    def _redraw(self) -> None:
        view = self._view()
        dates = self._reader.dates if self._reader is not None else ()
        self._fits = {}
        for entry in self._entries:
            try:
                fit = view.fit(entry, dates)
            except InsarError as error:
                self._say(f"{entry.name}: {sentence(error)}")
                continue
            if fit is not None:
                self._fits[entry.name] = fit
        self._fill_table(view)
        if self._chart is None:
            return
        quantity = self.tr("LOS displacement (+ toward satellite)")
        if view.reference is not None:
            quantity = self.tr("LOS displacement relative to {name} (+ toward satellite)").format(
                name=view.reference.name
            )
        self._chart.show_series(
            dates,
            self._entries,
            view,
            self._fits,
            quantity=quantity,
            residuals=self._residual_action.isChecked(),
            empty_text=self.tr(
                "Press Pick and click a pixel of a result on the map,\nor select polygons and press Zones."
            ),
        )

    def _fill_table(self, view: SeriesView) -> None:
        self._table.blockSignals(True)
        headers = (
            self.tr("Name"),
            self.tr("Pixel"),
            self.tr("{unit}/yr").format(unit=view.unit),
            "± 1σ",
            self.tr("RMSE [{unit}]").format(unit=view.unit),
            self.tr("Dates"),
        )
        self._table.setHorizontalHeaderLabels(headers)
        self._table.setRowCount(len(self._entries))
        for row, entry in enumerate(self._entries):
            fit = self._fits.get(entry.name)
            name = QTableWidgetItem(_swatch(entry), entry.name)
            name.setToolTip(
                self.tr("{marker}; double-click to rename").format(
                    marker=MARKER_NAMES[entry.style % len(MARKER_NAMES)]
                )
            )
            if entry.name == self._reference_name:
                font = name.font()
                font.setBold(True)
                name.setFont(font)
            place = (
                self.tr("{count} pixels").format(count=entry.pixel_count)
                if entry.is_zone
                else f"{entry.row}, {entry.col}"
            )
            cells = [place, "", "", "", ""]
            if fit is not None:
                rate, sigma = fit.velocity if "rate" in fit.model.names else (float("nan"), float("nan"))
                cells[1:] = [f"{rate:+.2f}", f"{sigma:.2f}", f"{fit.rmse:.2f}", str(fit.n)]
            self._table.setItem(row, NAME, name)
            for column, text in enumerate(cells, start=PIXEL):
                item = QTableWidgetItem(text)
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
                item.setTextAlignment(int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter))
                self._table.setItem(row, column, item)
        self._table.blockSignals(False)

    def _on_item_changed(self, item: QTableWidgetItem) -> None:
        entry = self._entries[item.row()]
        name = item.text().strip()
        if not name or any(other.name == name for other in self._entries if other is not entry):
            self._say(self.tr("The name '{name}' is taken or empty; the old one stays.").format(name=name))
        else:
            if self._reference_name == entry.name:
                self._reference_name = name
            self._entries[item.row()] = entry.renamed(name)
        self._refresh()

    def _show_menu(self, position: Any) -> None:
        menu = QMenu(self._table)
        row = self._table.rowAt(position.y())
        if 0 <= row < len(self._entries):
            entry = self._entries[row]
            menu.addAction(
                self.tr("Show relative to {name}").format(name=entry.name),
                lambda: self.set_reference(entry.name),
            )
            menu.addAction(self.tr("Zoom to {name}").format(name=entry.name), lambda: self._zoom_to(entry))
            menu.addAction(self.tr("Remove"), self._remove_selected)
        if self._reference_name:
            menu.addAction(self.tr("Reference as processed"), lambda: self.set_reference(""))
        menu.exec(self._table.viewport().mapToGlobal(position))

    def set_reference(self, name: str) -> None:
        """Show all series relative to the entry of that name; empty: as processed."""
        self._reference_name = name
        self._refresh()

    def _zoom_to(self, entry: SeriesEntry) -> None:
        canvas = self._context.canvas()
        transform = QgsCoordinateTransform(
            QgsCoordinateReferenceSystem(entry.crs),
            canvas.mapSettings().destinationCrs(),
            self._context.project(),
        )
        canvas.setCenter(transform.transform(QgsPointXY(entry.x, entry.y)))
        canvas.refresh()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete and self._table.hasFocus():
            self._remove_selected()
        elif event.key() == Qt.Key.Key_P and not event.modifiers():
            self.start_picking()
        else:
            super().keyPressEvent(event)

    def _refresh_marks(self) -> None:
        self._marks.clear()
        for entry in self._entries:
            if entry.is_zone:
                self._marks.show_zone(entry.name, entry.zone_wkt, entry.crs, entry.colour)
            else:
                self._marks.show_point(entry.name, entry.x, entry.y, entry.crs, entry.colour, entry.style)

    def _on_tool_deactivated(self) -> None:
        self._pick_action.setChecked(False)

    # --- steps and exports

    def _edit_steps(self) -> None:
        if self._reader is None:
            self._say(self.tr("Open a time series first."))
            return
        dialog = QDialog(self)
        dialog.setWindowTitle(self.tr("Step in the Model"))
        form = QFormLayout(dialog)
        date_edit = QDateEdit(dialog, calendarPopup=True)
        date_edit.setDisplayFormat("yyyy-MM-dd")
        middle = self._step_dates[0] if self._step_dates else self._reader.dates[len(self._reader.dates) // 2]
        date_edit.setDate(QDate(middle.year, middle.month, middle.day))
        form.addRow(self.tr("&First date after the step"), date_edit)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok
            | QDialogButtonBox.StandardButton.Reset
            | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.accepted.connect(dialog.accept)
        buttons.rejected.connect(dialog.reject)
        buttons.button(QDialogButtonBox.StandardButton.Reset).setText(self.tr("No Steps"))
        buttons.button(QDialogButtonBox.StandardButton.Reset).clicked.connect(lambda: dialog.done(2))
        form.addRow(buttons)
        answer = dialog.exec()
        if answer == QDialog.DialogCode.Accepted:
            chosen = date_edit.date().toPyDate()
            self._step_dates = tuple(sorted({*self._step_dates, chosen}))
        elif answer == 2:
            self._step_dates = ()
        self._step_button.setText(
            self.tr("&Steps ({count})…").format(count=len(self._step_dates))
            if self._step_dates
            else self.tr("&Steps…")
        )
        self._redraw()

    def _csv(self) -> str:
        dates = self._reader.dates if self._reader is not None else ()
        return series_csv(dates, self._entries, self._view(), self._fits, self._source_label())

    def _export(self, kind: str) -> None:
        if not self._entries:
            self._say(self.tr("There is nothing to export yet: pick a pixel first."))
            return
        filters = {
            "csv": self.tr("CSV (*.csv)"),
            "png": self.tr("PNG (*.png)"),
            "svg": self.tr("SVG (*.svg)"),
        }
        start = (
            str(self._source.path.parent / f"{self._source.path.stem}_series.{kind}") if self._source else ""
        )
        chosen, _ = QFileDialog.getSaveFileName(self, self.tr("Export Time Series"), start, filters[kind])
        if chosen:
            self.export_to(Path(chosen).with_suffix(f".{kind}"))

    def export_to(self, path: Path) -> None:
        """Write what is shown as .csv, .png or .svg."""
        try:
            if path.suffix == ".csv":
                write_text_atomically(path, self._csv())
            elif self._chart is not None:
                self._chart.export(path)
            else:
                self._say(self.tr("Pictures need matplotlib, which this QGIS lacks."))
                return
        except OSError as error:
            self._context.show_error(
                self.tr("{file} could not be written: {reason}").format(file=path, reason=error.strerror)
            )
            return
        self._context.show_success(self.tr("Written: {file}").format(file=path))

    # --- project

    def _store(self) -> None:
        text = json.dumps(
            {
                "series": self._context.project().writePath(str(self._source.path)) if self._source else "",
                "reference": self._reference_name,
                "entries": [entry.to_json() for entry in self._entries],
            }
        )
        stored, _ = self._context.project().readEntry(PROJECT_SCOPE, PROJECT_KEY, "")
        if self._entries or stored:
            self._context.project().writeEntry(PROJECT_SCOPE, PROJECT_KEY, text)

    def _restore(self) -> None:
        """Read the places of a project that was opened."""
        text, _ = self._context.project().readEntry(PROJECT_SCOPE, PROJECT_KEY, "")
        if not text:
            return
        try:
            stored = json.loads(text)
            path = Path(self._context.project().readPath(stored["series"]))
            rows = [
                SeriesEntry(
                    row["name"],
                    row["x"],
                    row["y"],
                    row["crs"],
                    None,
                    None,
                    _metres([]),
                    zone_wkt=row["zone_wkt"],
                    style=row["style"],
                )
                for row in stored["entries"]
            ]
        except (ValueError, KeyError, TypeError) as error:
            self._context.show_error(
                self.tr(
                    "The picked points of this project could not be read ({reason}); pick them again."
                ).format(reason=error)
            )
            return
        source = (
            next((row for row in list_results(path.parent) if row.path == path), None)
            if path.parent.is_dir()
            else None
        )
        if source is None:
            self._say(self.tr("The time series {file} of this project is not there.").format(file=path))
            return
        self._entries, self._reference_name = rows, stored["reference"]
        self.show_series(source)

    def _on_project_cleared(self) -> None:
        self._entries = []
        self._reference_name = ""
        self._marks.clear()
        if self._reader is not None:
            self._reader.close()
        self._reader = self._source = None
        self._series_box.clear()
        self._zero_box.clear()
        self._redraw()

    def _source_label(self) -> str:
        return self._source.path.name if self._source is not None else ""

    def _say(self, text: str) -> None:
        self._status.setText(text)


def _ignore(error: InsarError) -> None:
    """An index that could not be made costs milliseconds per click, nothing else; the engine has logged why."""


def _combo(bar: QToolBar, name: str, width: int) -> QComboBox:
    box = QComboBox(bar)
    box.setAccessibleName(name)
    box.setToolTip(name)
    box.setMinimumWidth(width)
    bar.addWidget(box)
    return box


def _metres(values_mm: list[Any]) -> Any:
    """Give millimetres of the engine's JSON (None for missing) as an array of metres."""
    return np.array([np.nan if value is None else value / 1000.0 for value in values_mm], dtype=np.float64)


def _has_values(values: Any) -> bool:
    return bool(np.isfinite(values).any())


def _swatch(entry: SeriesEntry) -> QIcon:
    """Give a small square in the colour of the entry, crossed by its line; the chart's legend has the marker."""
    pixmap = QPixmap(14, 14)
    pixmap.fill(QColor(entry.colour))
    painter = QPainter(pixmap)
    painter.setPen(QPen(QColor("#ffffff"), 1))
    painter.drawRect(0, 0, 13, 13)
    painter.end()
    return QIcon(pixmap)

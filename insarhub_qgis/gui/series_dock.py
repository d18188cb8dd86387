# SPDX-License-Identifier: GPL-2.0-or-later
"""The time-series dock: click a pixel or take polygons, compare, fit, export."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import numpy as np
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsGeometry,
    QgsPointXY,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QKeySequence
from qgis.PyQt.QtWidgets import (
    QApplication,
    QDockWidget,
    QFileDialog,
    QShortcut,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.core.atomic_files import write_text_atomically
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.layers_cache import fingerprint, job_folder_of
from insarhub_qgis.core.requests import IndexSeries, ZonalSeries
from insarhub_qgis.core.series_entries import SeriesEntry, SeriesView, next_name, next_style, series_csv
from insarhub_qgis.core.time_series_fit import SeriesFit
from insarhub_qgis.gui.chart_style import missing_chart
from insarhub_qgis.gui.pick_tool import MapMarks, PickTool
from insarhub_qgis.gui.series_tables import SeriesTables
from insarhub_qgis.gui.series_toolbar import SeriesToolbar
from insarhub_qgis.gui.short_text import ShortLabel
from insarhub_qgis.host.counts import counted_pixels
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.layers.area_of_interest import transformed_polygon
from insarhub_qgis.layers.pixel_values import top_insar_layer
from insarhub_qgis.layers.reference_shift import ReferencePoint
from insarhub_qgis.layers.result_sources import ResultSource, list_results
from insarhub_qgis.layers.series_reader import SeriesReader

if TYPE_CHECKING:
    from insarhub_qgis.gui.page_context import PageContext

PROJECT_SCOPE = "InSARHub"
PROJECT_KEY = "series_points"
MAX_ZONES_AT_ONCE = 50
TABLE_WIDTH_PX, CHART_WIDTH_PX = 250, 300


class SeriesDock(QDockWidget):
    """Series of points and zones of one time series at a time, kept with the project."""

    def __init__(self, context: PageContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("insarhub_series_dock")
        self.setWindowTitle(self.tr("InSARHub Time Series"))
        self._context = context
        self._reader: SeriesReader | None = None
        self._source: ResultSource | None = None
        self._entries: list[SeriesEntry] = []
        self._fits: dict[str, SeriesFit] = {}
        self._reference_name = ""
        #: Files whose index was asked for, as they were; one that cannot be indexed is not asked for again.
        self._indexed: set[tuple[Path, tuple[int, int]]] = set()
        self._marks = MapMarks(context.canvas())
        self._tool = PickTool(context.canvas())
        self._tool.picked.connect(self._on_picked)
        self._tool.ended.connect(self.stop_picking)
        self._tool.deactivated.connect(self._on_tool_deactivated)
        self._build()
        context.project().readProject.connect(self._restore)
        context.project().cleared.connect(self._on_project_cleared)
        context.project().writeProject.connect(self._on_project_written)
        context.canvas().destinationCrsChanged.connect(self._refresh_marks)
        context.job_changed.connect(self._on_job_changed)

    # --- what others call

    @property
    def entries(self) -> tuple[SeriesEntry, ...]:
        """Points and zones in the order of the table."""
        return tuple(self._entries)

    @property
    def fits(self) -> dict[str, SeriesFit]:
        """Fits by name of the entry, in the unit that is shown."""
        return dict(self._fits)

    @property
    def source(self) -> ResultSource | None:
        return self._source

    def show_series(self, source: ResultSource) -> None:
        """Open the dock on ``source``; picked places stay and are read from it."""
        if self._load(source):
            self.show()
            self.raise_()

    def start_picking(self) -> None:
        """Take clicks on the map until Esc, a right click or another tool."""
        self.show()
        self.raise_()
        self._context.canvas().setMapTool(self._tool)
        self.toolbar.pick_action.setChecked(True)
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
        present = next((entry for entry in self._entries if (entry.row, entry.col) == pixel), None)
        if present is not None:
            self._say(
                self.tr("Row {row}, column {col} is already in the chart as {name}.").format(
                    row=row, col=col, name=present.name
                )
            )
            return False
        entry = SeriesEntry(
            name or next_name(self._entries, is_zone=False),
            place.x(),
            place.y(),
            self._reader.crs,
            row,
            col,
            self._missing(),
            style=next_style(self._entries),
        )
        entry = self._read_point(entry)
        if not _has_values(entry):
            self._say(
                self.tr("No data here: row {row}, column {col} was not measured.").format(row=row, col=col)
            )
            return False
        self._entries.append(entry)
        self._refresh()
        self._say(self.tr("{name}: row {row}, column {col}.").format(name=entry.name, row=row, col=col))
        return True

    def add_zones(
        self,
        geometries: Sequence[QgsGeometry],
        crs: QgsCoordinateReferenceSystem,
        name: str = "",
    ) -> None:
        """Ask the engine for the median series of polygons; they appear when the answer is there.

        ``name`` is for a single polygon; others are named Z1, Z2...
        """
        if self._reader is None:
            return
        zones = []
        for geometry in geometries:
            try:
                polygon = transformed_polygon(geometry, self._to_series_crs(crs))
            except InsarError as error:
                self._say(sentence(error))
                continue
            middle = polygon.pointOnSurface().asPoint()
            taken = [*self._entries, *zones]
            zones.append(
                SeriesEntry(
                    name or next_name(taken, is_zone=True),
                    middle.x(),
                    middle.y(),
                    self._reader.crs,
                    None,
                    None,
                    self._missing(),
                    pixel_count=0,
                    zone_wkt=polygon.asWkt(3),
                    style=next_style(taken),
                )
            )
        self._ask_zones(zones)

    def follow_reference(self, reference: ReferencePoint | None, date: str | None) -> None:
        """Show what the map layers show: relative to their reference place and date."""
        self.toolbar.choose_zero(dt.date.fromisoformat(date) if date else None)
        if reference is None:
            self.set_reference("")
            return
        name = self.tr("Reference")
        self._entries = [entry for entry in self._entries if entry.name != name]
        self._reference_name = name
        crs = QgsCoordinateReferenceSystem(reference.crs or (self._reader.crs if self._reader else ""))
        if reference.polygon_wkt:
            self.add_zones([QgsGeometry.fromWkt(reference.polygon_wkt)], crs, name)
        elif not self.add_point(reference.x, reference.y, crs, name):
            # The pixel may be there already, under the name that the user gave.
            present = self._entry_at(reference.x, reference.y, crs)
            self.set_reference(present.name if present else "")

    def set_reference(self, name: str) -> None:
        """Show all series relative to the entry of that name; empty: as processed."""
        self._reference_name = name
        self._refresh()

    def clear(self) -> None:
        """Remove all points and zones."""
        self._entries = []
        self._reference_name = ""
        self._refresh()

    def export_to(self, path: Path) -> None:
        """Write what is shown as .csv, .png or .svg."""
        try:
            if path.suffix == ".csv":
                write_text_atomically(path, self._csv())
            elif self.chart is not None:
                self.chart.export(path)
            else:
                self._say(self.tr("Pictures need matplotlib, which this QGIS lacks."))
                return
        except InsarError as error:
            self._context.show_error(error)
            return
        except OSError as error:
            self._context.show_error(
                self.tr("{file} could not be written: {reason}").format(file=path, reason=error.strerror)
            )
            return
        self._context.show_success(self.tr("Written: {file}").format(file=path))

    def close_dock(self) -> None:
        """Give back map tool and marks, close the reader and leave the project's signals."""
        self.stop_picking()
        self._marks.clear()
        project = self._context.project()
        for signal, slot in (
            (project.readProject, self._restore),
            (project.cleared, self._on_project_cleared),
            (project.writeProject, self._on_project_written),
            (self._context.canvas().destinationCrsChanged, self._refresh_marks),
            (self._context.job_changed, self._on_job_changed),
        ):
            signal.disconnect(slot)
        self._close_reader()

    # --- widgets

    def _build(self) -> None:
        content = QWidget(self)
        layout = QVBoxLayout(content)
        layout.setContentsMargins(6, 0, 6, 3)
        layout.setSpacing(3)
        self.toolbar = SeriesToolbar(content)
        self.toolbar.series_chosen.connect(self.show_series)
        self.toolbar.pick_toggled.connect(lambda on: self.start_picking() if on else self.stop_picking())
        self.toolbar.zones_requested.connect(self._add_selected_zones)
        self.toolbar.view_changed.connect(self._redraw)
        self.toolbar.clear_requested.connect(self.clear)
        self.toolbar.export_requested.connect(self._export)
        self.toolbar.copy_requested.connect(lambda: QApplication.clipboard().setText(self._csv()))
        layout.addWidget(self.toolbar)
        splitter = QSplitter(Qt.Orientation.Horizontal, content)
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(self._make_chart(splitter))
        self.tables = SeriesTables(splitter)
        self.tables.renamed.connect(self._rename)
        self.tables.reference_chosen.connect(self.set_reference)
        self.tables.zoom_requested.connect(self._zoom_to)
        self.tables.remove_requested.connect(self._remove)
        splitter.addWidget(self.tables)
        # All further width goes to the chart; the table needs what its columns need.
        splitter.setStretchFactor(0, 1)
        splitter.setStretchFactor(1, 0)
        splitter.setSizes([CHART_WIDTH_PX, TABLE_WIDTH_PX])
        layout.addWidget(splitter, 1)
        self.status = ShortLabel(content)
        self.status.setObjectName("insarhub_series_status")
        layout.addWidget(self.status)
        self.setWidget(content)
        pick = QShortcut(QKeySequence(Qt.Key.Key_P), content)
        pick.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        pick.activated.connect(self.start_picking)
        end = QShortcut(QKeySequence(Qt.Key.Key_Escape), content)
        end.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        end.activated.connect(self.stop_picking)
        self._redraw()

    def _make_chart(self, parent: QWidget) -> QWidget:
        try:
            from insarhub_qgis.gui.series_chart import SeriesChart
        except ImportError as error:
            self.chart = None
            return missing_chart(error, parent)
        self.chart = SeriesChart(parent)
        self.chart.hovered.connect(self._say)
        return self.chart

    # --- series

    def _load(self, source: ResultSource) -> bool:
        try:
            reader = SeriesReader(source.path)
        except InsarError as error:
            self._context.show_error(error)
            return False
        self._close_reader()
        self._reader, self._source = reader, source
        self._list_sources(source)
        self.toolbar.show_dates(reader.dates)
        self._sample_again()
        if not reader.is_indexed:
            self._index(source)
        return True

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _list_sources(self, source: ResultSource) -> None:
        self.toolbar.show_sources([source], source.path)
        job = job_folder_of(source.path)

        def show(sources: list[ResultSource]) -> None:
            if self._source is source:
                self.toolbar.show_sources(_series_of(sources), source.path)

        self._context.read(
            self.tr("Reading the time series of {job}").format(job=job.name),
            lambda _: list_results(job),
            show,
        )

    def _index(self, source: ResultSource) -> None:
        """Let the engine look up where each chunk of the file lies: clicks then take microseconds."""
        state = (source.path, fingerprint(source.path))
        if state in self._indexed:
            return
        self._indexed.add(state)

        def use(answer: dict[str, Any]) -> None:
            if self._source is not source or not answer["index_file"]:
                return
            try:
                reader = SeriesReader(source.path)
            except InsarError as error:
                self._context.show_error(error)
                return
            self._close_reader()
            self._reader = reader

        self._context.start(
            IndexSeries(str(source.path)),
            self.tr("Index of {name}").format(name=source.path.name),
            use,
            _ignore,
        )

    def _missing(self) -> Any:
        return np.full(len(self._reader.dates) if self._reader else 0, np.nan)

    def _entry_at(self, x: float, y: float, crs: QgsCoordinateReferenceSystem) -> SeriesEntry | None:
        if self._reader is None:
            return None
        try:
            place = self._to_series_crs(crs).transform(QgsPointXY(x, y))
        except QgsCsException:
            return None
        pixel = self._reader.pixel_at(place.x(), place.y())
        return next((entry for entry in self._entries if pixel and (entry.row, entry.col) == pixel), None)

    def _read_point(self, entry: SeriesEntry) -> SeriesEntry:
        """Read a point from the present series; without values where it has none there."""
        missing = replace(entry, row=None, col=None, values_m=self._missing(), spread_m=None)
        crs = QgsCoordinateReferenceSystem(entry.crs)
        try:
            place = self._to_series_crs(crs).transform(QgsPointXY(entry.x, entry.y))
            pixel = self._reader.pixel_at(place.x(), place.y())
            if pixel is None:
                return missing
            return replace(missing, row=pixel[0], col=pixel[1], values_m=self._reader.series_at(*pixel))
        except QgsCsException:
            return missing
        except InsarError as error:
            self._context.show_error(error)
            return missing

    def _sample_again(self) -> None:
        """Read every picked place from the present series: points here, zones by the engine."""
        self._entries = [
            replace(entry, values_m=self._missing(), spread_m=None, pixel_count=0)
            if entry.is_zone
            else self._read_point(entry)
            for entry in self._entries
        ]
        self._refresh()
        self._ask_zones([entry for entry in self._entries if entry.is_zone])

    def _ask_zones(self, zones: Sequence[SeriesEntry]) -> None:
        source = self._source
        if not zones or source is None:
            return

        def show(answer: dict[str, Any]) -> None:
            if self._source is not source or self._reader is None:
                return
            texts = [self._take_zone(zone, row) for zone, row in zip(zones, answer["zones"])]
            self._refresh()
            self._say(" ".join(texts))

        target = QgsCoordinateReferenceSystem(self._reader.crs)
        polygons = []
        for zone in zones:
            geometry = QgsGeometry.fromWkt(zone.zone_wkt)
            if zone.crs != self._reader.crs:
                transform = QgsCoordinateTransform(
                    QgsCoordinateReferenceSystem(zone.crs), target, self._context.project()
                )
                try:
                    geometry = transformed_polygon(geometry, transform)
                except InsarError as error:
                    self._say(sentence(error))
                    return
            polygons.append(geometry.asWkt(3))
        self._context.start(
            ZonalSeries(str(source.path), tuple(polygons)), self.tr("Zonal time series"), show
        )

    def _take_zone(self, zone: SeriesEntry, row: dict[str, Any]) -> str:
        """Put the engine's answer into the entry of the zone, new or present; gives what to say."""
        place = next((i for i, entry in enumerate(self._entries) if entry.zone_wkt == zone.zone_wkt), None)
        reason = f"{zone.name}: {sentence(InsarError(row['reason']))}" if row.get("reason") else ""
        if not row["median_mm"]:
            return reason
        filled = {
            "values_m": _metres(row["median_mm"]),
            "spread_m": _metres(row["mad_mm"]),
            "pixel_count": int(row["n"]),
        }
        if place is not None:
            self._entries[place] = replace(self._entries[place], **filled)
        else:
            names = {entry.name for entry in self._entries}
            name = zone.name if zone.name not in names else next_name(self._entries, is_zone=True)
            self._entries.append(replace(zone, name=name, style=next_style(self._entries), **filled))
        return reason or self.tr("{name}: median and spread of {pixels}.").format(
            name=zone.name, pixels=counted_pixels(int(row["n"]))
        )

    # --- map

    def _on_picked(self, point: QgsPointXY, crs: QgsCoordinateReferenceSystem) -> None:
        place = QgsPointXY(point)
        self._with_series(lambda: self.add_point(place.x(), place.y(), crs))

    def _with_series(self, then: Callable[[], Any]) -> None:
        """Call ``then`` with a series loaded; the first time it is that of the job on top of the map."""
        if self._reader is not None:
            then()
            return
        layer = top_insar_layer(self._context.canvas().layers())
        job = Path(str(layer.customProperty("insarhub/job") or "")) if layer is not None else Path()
        if layer is None or not job.is_dir():
            self._say(self.tr("There is no displacement time series here. Open the results of a job first."))
            return

        def use(sources: list[ResultSource]) -> None:
            readable = [source for source in _series_of(sources) if source.problem is None]
            if not readable:
                self._say(self.tr("{job} has no time series yet: run the analysis.").format(job=job.name))
            elif self._reader is not None or self._load(readable[0]):
                then()

        self._context.read(
            self.tr("Reading the time series of {job}").format(job=job.name),
            lambda _: list_results(job),
            use,
        )

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
        polygons = [
            QgsGeometry(feature.geometry()) for feature in layer.selectedFeatures() if feature.hasGeometry()
        ]
        crs = layer.crs()
        self._with_series(lambda: self.add_zones(polygons, crs))

    def _to_series_crs(self, crs: QgsCoordinateReferenceSystem) -> QgsCoordinateTransform:
        target = QgsCoordinateReferenceSystem(self._reader.crs if self._reader else "")
        return QgsCoordinateTransform(crs, target, self._context.project())

    def _refresh_marks(self) -> None:
        self._marks.clear()
        for entry in self._entries:
            if entry.is_zone:
                self._marks.show_zone(entry.name, entry.zone_wkt, entry.crs, entry.colour)
            else:
                self._marks.show_point(entry.name, entry.x, entry.y, entry.crs, entry.colour, entry.style)

    def _on_tool_deactivated(self) -> None:
        self.toolbar.pick_action.setChecked(False)

    def _on_job_changed(self, job_folder: Path) -> None:
        source = self._source
        if source is not None and job_folder_of(source.path) == job_folder and source.path.exists():
            self._load(source)

    # --- entries

    def _rename(self, row: int, name: str) -> None:
        entry = self._entries[row]
        if not name or any(other.name == name for other in self._entries if other is not entry):
            self._say(self.tr("The name '{name}' is taken or empty; the old one stays.").format(name=name))
        else:
            if self._reference_name == entry.name:
                self._reference_name = name
            self._entries[row] = entry.renamed(name)
        self._refresh()

    def _remove(self, rows: Sequence[int]) -> None:
        self._entries = [entry for number, entry in enumerate(self._entries) if number not in rows]
        if self._reference_name not in {entry.name for entry in self._entries}:
            self._reference_name = ""
        self._refresh()

    def _zoom_to(self, row: int) -> None:
        entry = self._entries[row]
        canvas = self._context.canvas()
        transform = QgsCoordinateTransform(
            QgsCoordinateReferenceSystem(entry.crs),
            canvas.mapSettings().destinationCrs(),
            self._context.project(),
        )
        try:
            canvas.setCenter(transform.transform(QgsPointXY(entry.x, entry.y)))
        except QgsCsException:
            self._say(self.tr("{name} cannot be shown in the map's CRS.").format(name=entry.name))
            return
        canvas.refresh()

    def _view(self) -> SeriesView:
        reference = next((entry for entry in self._entries if entry.name == self._reference_name), None)
        return self.toolbar.view(reference)

    def _refresh(self) -> None:
        self._store()
        self._redraw()
        self._refresh_marks()

    def _redraw(self) -> None:
        view = self._view()
        dates = self._reader.dates if self._reader is not None else ()
        self._fits = {}
        for entry in self._entries:
            if not _has_values(entry):
                continue
            try:
                fit = view.fit(entry, dates)
            except InsarError as error:
                self._say(f"{entry.name}: {sentence(error)}")
                continue
            if fit is not None:
                self._fits[entry.name] = fit
        self.tables.show_series(dates, self._entries, view, self._fits)
        if self.chart is None:
            return
        self.chart.show_series(
            dates,
            self._entries,
            view,
            self._fits,
            quantity=self._quantity(view),
            residuals=self.toolbar.residual_action.isChecked(),
            legend=self.toolbar.legend_action.isChecked(),
            empty_text=self.tr(
                "Press Pick and click a pixel on the map,\nor select polygons and press Zones."
            ),
        )

    def _quantity(self, view: SeriesView) -> str:
        """Title of the chart: what, unit, sign, relative to what."""
        if self.toolbar.residual_action.isChecked() and view.model is not None:
            return self.tr("Residual: observed minus fitted [{unit}]").format(unit=view.unit)
        quantity = self.tr("LOS displacement [{unit}, + toward satellite]").format(unit=view.unit)
        against = []
        if view.reference is not None:
            against.append(self.tr("relative to {name}").format(name=view.reference.name))
        if view.zero_date is not None:
            against.append(self.tr("since {date}").format(date=view.zero_date.isoformat()))
        # On a line of its own: in a narrow chart both would not fit into one.
        return "\n".join([quantity, *([" ".join(against)] if against else [])])

    # --- files

    def _csv(self) -> str:
        dates = self._reader.dates if self._reader is not None else ()
        return series_csv(dates, self._entries, self._view(), self._fits, self._source_label())

    def _export(self, kind: str) -> None:
        if not self._entries or self._source is None:
            self._say(self.tr("There is nothing to export yet: pick a pixel first."))
            return
        filters = {
            "csv": self.tr("CSV (*.csv)"),
            "png": self.tr("PNG (*.png)"),
            "svg": self.tr("SVG (*.svg)"),
        }
        start = self._source.path.with_name(f"{self._source.path.stem}_series.{kind}")
        chosen, _ = QFileDialog.getSaveFileName(
            self, self.tr("Export Time Series"), str(start), filters[kind]
        )
        if chosen:
            self.export_to(Path(chosen).with_suffix(f".{kind}"))

    # --- project

    def _store(self) -> None:
        """Keep the places with the project; one that is unchanged does not become dirty."""
        project = self._context.project()
        text, _ = project.readEntry(PROJECT_SCOPE, PROJECT_KEY, "")
        entries = [entry.to_json() for entry in self._entries]
        if not text and not entries:
            return
        path = str(self._source.path) if self._source else ""
        try:
            stored = json.loads(text or "{}")
            present = (project.readPath(stored["series"]), stored["reference"], stored["entries"])
        except (ValueError, KeyError, TypeError):
            present = None
        if present != (path, self._reference_name, entries):
            self._write_entry(path, entries)

    def _on_project_written(self) -> None:
        """Write the path again: it is relative to the file that the project is saved to."""
        if self._entries and self._source is not None:
            self._write_entry(str(self._source.path), [entry.to_json() for entry in self._entries])

    def _write_entry(self, path: str, entries: list[dict[str, Any]]) -> None:
        project = self._context.project()
        value = {"series": project.writePath(path), "reference": self._reference_name, "entries": entries}
        project.writeEntry(PROJECT_SCOPE, PROJECT_KEY, json.dumps(value))

    def _restore(self) -> None:
        """Read the places of a project that was opened."""
        text, _ = self._context.project().readEntry(PROJECT_SCOPE, PROJECT_KEY, "")
        if not text:
            return
        try:
            stored = json.loads(text)
            path = Path(self._context.project().readPath(stored["series"]))
            reference = str(stored["reference"])
            entries = [_stored_entry(row) for row in stored["entries"]]
        except (ValueError, KeyError, TypeError) as error:
            self._context.show_error(
                self.tr(
                    "The picked points of this project could not be read ({reason}); pick them again."
                ).format(reason=error)
            )
            return

        def use(sources: list[ResultSource]) -> None:
            source = next((row for row in _series_of(sources) if row.path == path), None)
            if self._source is not None:
                return
            if source is None:
                self._say(self.tr("The time series {file} of this project is not there.").format(file=path))
                return
            self._entries, self._reference_name = entries, reference
            self._load(source)

        job = job_folder_of(path)
        self._context.read(
            self.tr("Reading the time series of {job}").format(job=job.name),
            lambda _: list_results(job) if job.is_dir() else [],
            use,
        )

    def _on_project_cleared(self) -> None:
        self._entries = []
        self._reference_name = ""
        self._source = None
        self._close_reader()
        self._marks.clear()
        self.toolbar.show_sources((), None)
        self.toolbar.show_dates(())
        self._redraw()

    def _source_label(self) -> str:
        return self._source.path.name if self._source is not None else ""

    def _say(self, text: str) -> None:
        self.status.setText(text)


def _ignore(error: InsarError) -> None:
    """An index that could not be made costs milliseconds per click, nothing else; the engine has logged why."""


def _series_of(sources: Sequence[ResultSource]) -> list[ResultSource]:
    return [source for source in sources if source.kind == "time_series"]


def _metres(values_mm: Sequence[Any]) -> Any:
    """Give millimetres of the engine's JSON (None for missing) as an array of metres."""
    return np.array([np.nan if value is None else value / 1000.0 for value in values_mm], dtype=np.float64)


def _has_values(entry: SeriesEntry) -> bool:
    return bool(np.isfinite(entry.values_m).any())


def _stored_entry(row: dict[str, Any]) -> SeriesEntry:
    """Give the entry of a project without its values; raises KeyError, TypeError and ValueError."""
    return SeriesEntry(
        str(row["name"]),
        float(row["x"]),
        float(row["y"]),
        str(row["crs"]),
        None,
        None,
        _metres(()),
        zone_wkt=str(row["zone_wkt"]),
        style=int(row["style"]),
    )

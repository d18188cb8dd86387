# SPDX-License-Identifier: GPL-2.0-or-later
"""Dialogs of the exports: rasters, points, footprint. Each builds the request that its algorithm builds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qgis.core import QgsRasterLayer, QgsVectorLayer
from qgis.gui import QgsFileWidget
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.core.requests import ExportFootprint, ExportPoints, ExportResults, Request
from insarhub_qgis.gui.page_context import PageContext
from insarhub_qgis.layers import layer_tree
from insarhub_qgis.layers.result_sources import ResultSource

EXPORTS = "exports"


def source_text(source: ResultSource) -> str:
    """Give what a list calls a result: quantity and file."""
    return f"{source.label[:1].upper()}{source.label[1:]}  ({source.path.name})"


def layer_name(stem: str, unit: str) -> str:
    """Give the name of an exported raster, with its unit where the export could choose it."""
    if stem.startswith("velocity"):
        return f"{stem} [{unit}/yr]"
    return f"{stem} [{unit}]" if stem.startswith("timeseries") else stem


class _Dialog(QDialog):
    """Form, "Add to project", Export and Cancel; the run shows in the dock."""

    def __init__(
        self,
        context: PageContext,
        job_folder: Path,
        sources: Sequence[ResultSource],
        chosen: ResultSource | None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._context = context
        self._folder = job_folder
        self._sources = [
            source for source in sources if source.problem is None or source.problem.code == "hdf5.needs_copy"
        ]
        self._chosen = chosen
        self.form = QFormLayout()
        self.form.setSpacing(6)
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.fill_form()
        self.add_to_project = QCheckBox(self.tr("&Add to the project"), self)
        self.add_to_project.setChecked(True)
        self.form.addRow("", self.add_to_project)
        self._problem = QLabel(self)
        self._problem.setWordWrap(True)
        self._problem.hide()
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        export = buttons.addButton(self.tr("&Export"), QDialogButtonBox.ButtonRole.AcceptRole)
        export.setDefault(True)
        buttons.accepted.connect(self._start)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addLayout(self.form)
        layout.addWidget(self._problem)
        layout.addWidget(buttons)
        self.resize(520, self.sizeHint().height())

    def fill_form(self) -> None:
        raise TypeError(type(self).__name__)

    def request(self) -> Request | str:
        """Give the request, or a sentence that says what is missing."""
        raise TypeError(type(self).__name__)

    @staticmethod
    def outputs(request: Any, answer: dict[str, Any]) -> list[tuple[str, str]]:
        """Give (path, layer name) of what the engine wrote."""
        return [(f"{answer['output']}|layername={answer['layer']}", answer["layer"])]

    @staticmethod
    def make_layer(path: str, name: str) -> Any:
        return QgsVectorLayer(path, name, "ogr")

    def series_box(self) -> QComboBox:
        box = QComboBox(self)
        for source in self._sources:
            if source.kind == "time_series":
                box.addItem(source_text(source), source)
                if source == self._chosen:
                    box.setCurrentIndex(box.count() - 1)
        return box

    def mask_widget(self) -> QgsFileWidget:
        widget = QgsFileWidget(self)
        widget.setFilter(self.tr("Masks (*.h5 *.tif);;All files (*)"))
        mask = next((source.path for source in self._sources if source.key == "maskTempCoh"), None)
        if mask is not None:
            widget.setFilePath(str(mask))
        widget.setToolTip(self.tr("Zeros of the mask become nodata; empty exports every measured pixel"))
        return widget

    def file_widget(self, name: str, file_filter: str) -> QgsFileWidget:
        widget = QgsFileWidget(self)
        widget.setStorageMode(QgsFileWidget.StorageMode.SaveFile)
        widget.setFilter(file_filter)
        widget.setFilePath(str(self._folder / EXPORTS / name))
        return widget

    def _start(self) -> None:
        request = self.request()
        if isinstance(request, str):
            self._problem.setText(request)
            self._problem.show()
            return
        is_wanted = self.add_to_project.isChecked()
        context, folder = self._context, self._folder
        # The dialog is gone when the engine answers: only plain values and static functions are used then.
        outputs, make_layer, said = self.outputs, self.make_layer, self.tr("Exported: {names}")

        def show(answer: dict[str, Any]) -> None:
            written = outputs(request, answer)
            if is_wanted:
                for path, name in written:
                    layer = make_layer(path, name)
                    if layer.isValid():
                        layer_tree.place_layer(
                            context.project(), layer, folder, folder.name, layer_tree.RESULTS, ("Exports",)
                        )
            names = dict.fromkeys(Path(path.split("|")[0]).name for path, _ in written)
            context.show_success(said.format(names=", ".join(names)))

        context.start(request, self.windowTitle(), show)
        self.accept()


class ExportDialog(_Dialog):
    """Results as GeoTIFF or COG."""

    def fill_form(self) -> None:
        self.setWindowTitle(self.tr("Export Results"))
        self.list = QListWidget(self)
        self.list.setAccessibleName(self.tr("Results to export"))
        self.list.setAlternatingRowColors(True)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        preselected = [self._chosen] if self._chosen is not None else self._usual()
        for source in self._sources:
            item = QListWidgetItem(source_text(source), self.list)
            item.setToolTip(str(source.path))
            item.setData(Qt.ItemDataRole.UserRole, source)
            item.setCheckState(Qt.CheckState.Checked if source in preselected else Qt.CheckState.Unchecked)
        self.unit = QComboBox(self)
        self.unit.addItem(self.tr("metres, metres per year"), "m")
        self.unit.addItem(self.tr("millimetres, millimetres per year"), "mm")
        self.format = QComboBox(self)
        self.format.addItem("GeoTIFF", "GTiff")
        self.format.addItem(self.tr("Cloud optimised GeoTIFF (COG)"), "COG")
        self.mask = self.mask_widget()
        self.folder = QgsFileWidget(self)
        self.folder.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        self.folder.setFilePath(str(self._folder / EXPORTS))
        self.form.addRow(self.list)
        self.form.addRow(self.tr("&Unit"), self.unit)
        self.form.addRow(self.tr("For&mat"), self.format)
        self.form.addRow(self.tr("Mas&k"), self.mask)
        self.form.addRow(self.tr("&Folder"), self.folder)

    def _usual(self) -> list[ResultSource]:
        """Velocity and the most corrected series."""
        series = [source for source in self._sources if source.kind == "time_series"]
        return [source for source in self._sources if source.key == "velocity"] + series[:1]

    def request(self) -> Request | str:
        rows = [self.list.item(row) for row in range(self.list.count())]
        keys = [
            row.data(Qt.ItemDataRole.UserRole).key
            for row in rows
            if row.checkState() == Qt.CheckState.Checked
        ]
        if not keys:
            return self.tr("Tick at least one result.")
        if not self.folder.filePath():
            return self.tr("Choose a folder for the files.")
        return ExportResults(
            str(self._folder),
            self.folder.filePath(),
            tuple(keys),
            mask=self.mask.filePath(),
            unit=self.unit.currentData(),
            raster_format=self.format.currentData(),
        )

    @staticmethod
    def outputs(request: ExportResults, answer: dict[str, Any]) -> list[tuple[str, str]]:
        return [(row["path"], layer_name(Path(row["path"]).stem, request.unit)) for row in answer["files"]]

    @staticmethod
    def make_layer(path: str, name: str) -> Any:
        return QgsRasterLayer(path, name, "gdal")


class PointsDialog(_Dialog):
    """One point per pixel, readable by InSAR Explorer."""

    def fill_form(self) -> None:
        self.setWindowTitle(self.tr("Export Points"))
        self.series = self.series_box()
        self.mask = self.mask_widget()
        self.step = QSpinBox(self)
        self.step.setRange(1, 100)
        self.step.setToolTip(self.tr("1 takes every pixel, 2 every second row and column"))
        self.file = self.file_widget("points.gpkg", self.tr("GeoPackage (*.gpkg);;Shapefile (*.shp)"))
        self.form.addRow(self.tr("&Series"), self.series)
        self.form.addRow(self.tr("Mas&k"), self.mask)
        self.form.addRow(self.tr("Eve&ry n-th pixel"), self.step)
        self.form.addRow(self.tr("&File"), self.file)

    def request(self) -> Request | str:
        source = self.series.currentData()
        if source is None:
            return self.tr("There is no time series to export.")
        if not self.file.filePath():
            return self.tr("Choose a file to write.")
        return ExportPoints(
            str(source.path), self.file.filePath(), self.mask.filePath(), step=self.step.value()
        )


class FootprintDialog(_Dialog):
    """Bounds or valid data of one result."""

    def fill_form(self) -> None:
        self.setWindowTitle(self.tr("Export Footprint"))
        self.source = QComboBox(self)
        for source in self._sources:
            self.source.addItem(source_text(source), source)
            if source == self._chosen:
                self.source.setCurrentIndex(self.source.count() - 1)
        self.method = QComboBox(self)
        self.method.addItem(self.tr("polygon around the valid pixels"), "valid")
        self.method.addItem(self.tr("bounds of the raster"), "bounds")
        self.file = self.file_widget("footprint.gpkg", self.tr("GeoPackage (*.gpkg);;Shapefile (*.shp)"))
        self.form.addRow(self.tr("&Result"), self.source)
        self.form.addRow(self.tr("&Method"), self.method)
        self.form.addRow(self.tr("&File"), self.file)

    def request(self) -> Request | str:
        source = self.source.currentData()
        if source is None:
            return self.tr("There is no result to outline.")
        if not self.file.filePath():
            return self.tr("Choose a file to write.")
        return ExportFootprint(str(source.path), self.file.filePath(), self.method.currentData())

# SPDX-License-Identifier: GPL-2.0-or-later
"""Exports from the Results page: what the dialogs ask for, what the engine writes, what comes into the project."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, ogr
from qgis.core import QgsProject
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QDialogButtonBox

from insarhub_qgis.core.requests import ExportFootprint, ExportPoints, ExportResults
from insarhub_qgis.gui.export_dialog import ExportDialog, FootprintDialog, PointsDialog, layer_name
from insarhub_qgis.layers.result_sources import list_results
from insarhub_qgis.layers.series_reader import SeriesReader
from tests.gui.test_analyzer_page import settle


@pytest.fixture
def open_dialog(context, analysed_job, iface):
    sources = list_results(analysed_job)

    def open_one(dialog_class, key=None):
        chosen = next((row for row in sources if row.key == key), None)
        dialog = dialog_class(context, analysed_job, sources, chosen, iface.window)
        dialog.show()
        return dialog

    return open_one


def press(dialog, role):
    box = dialog.findChild(QDialogButtonBox)
    button = next(button for button in box.buttons() if box.buttonRole(button) == role)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def export(dialog, context, patience):
    press(dialog, QDialogButtonBox.ButtonRole.AcceptRole)
    dialog.deleteLater()
    settle(context, patience)
    QTest.qWait(20)


def layer_names():
    return sorted(layer.name() for layer in QgsProject.instance().mapLayers().values())


def test_rasters_are_exported_in_the_chosen_unit_and_shown(
    open_dialog, context, patience, analysed_job, iface
):
    dialog = open_dialog(ExportDialog)
    ticked = [
        dialog.list.item(row).data(Qt.ItemDataRole.UserRole).key
        for row in range(dialog.list.count())
        if dialog.list.item(row).checkState() == Qt.CheckState.Checked
    ]
    assert ticked[0] == "velocity"
    assert ticked[1].startswith("timeseries")
    assert len(ticked) == 2
    dialog.unit.setCurrentIndex(1)
    dialog.mask.setFilePath("")
    export(dialog, context, patience)
    exports = analysed_job / "exports"
    assert sorted(path.name for path in exports.glob("*.tif")) == sorted(f"{key}.tif" for key in ticked)
    reader = SeriesReader(analysed_job / f"{ticked[1]}.h5")
    raster = gdal.Open(str(exports / f"{ticked[1]}.tif"))
    assert raster.RasterCount == len(reader.dates)
    np.testing.assert_allclose(raster.ReadAsArray()[:, 12, 15], reader.series_at(12, 15) * 1000, rtol=1e-6)
    assert layer_names() == sorted(layer_name(key, "mm") for key in ticked)
    assert "velocity.tif" in iface.texts()


def test_nothing_ticked_or_no_folder_is_said_and_nothing_runs(open_dialog, context):
    dialog = open_dialog(ExportDialog)
    for row in range(dialog.list.count()):
        dialog.list.item(row).setCheckState(Qt.CheckState.Unchecked)
    press(dialog, QDialogButtonBox.ButtonRole.AcceptRole)
    assert dialog.isVisible()
    assert "Tick at least one" in dialog._problem.text()
    dialog.list.item(0).setCheckState(Qt.CheckState.Checked)
    dialog.folder.setFilePath("")
    press(dialog, QDialogButtonBox.ButtonRole.AcceptRole)
    assert "folder" in dialog._problem.text()
    assert context.runs == []


def test_the_selected_result_is_the_one_that_is_ticked(open_dialog, analysed_job):
    dialog = open_dialog(ExportDialog, "temporalCoherence")
    request = dialog.request()
    assert isinstance(request, ExportResults)
    assert request.datasets == ("temporalCoherence",)
    assert request.mask == str(analysed_job / "maskTempCoh.h5")


def test_points_are_written_for_every_nth_pixel(open_dialog, context, patience, analysed_job):
    dialog = open_dialog(PointsDialog)
    dialog.mask.setFilePath("")
    dialog.step.setValue(4)
    assert isinstance(dialog.request(), ExportPoints)
    export(dialog, context, patience)
    data = ogr.Open(str(analysed_job / "exports" / "points.gpkg"))
    layer = data.GetLayer(0)
    rows, cols = SeriesReader(next(analysed_job.glob("timeseries*.h5"))).shape
    assert 0 < layer.GetFeatureCount() <= -(-rows // 4) * -(-cols // 4)
    assert {"VEL", "V_STDEV", "COHERENCE"} <= {field.name for field in layer.schema}
    assert len(layer_names()) == 1


def test_a_footprint_without_being_added(open_dialog, context, patience, analysed_job, iface):
    dialog = open_dialog(FootprintDialog, "velocity")
    dialog.add_to_project.setChecked(False)
    assert isinstance(dialog.request(), ExportFootprint)
    export(dialog, context, patience)
    assert (analysed_job / "exports" / "footprint.gpkg").is_file()
    assert layer_names() == []
    assert "footprint.gpkg" in iface.texts()


@pytest.mark.parametrize("dialog_class", [PointsDialog, FootprintDialog])
def test_a_missing_file_name_is_said(open_dialog, dialog_class, context):
    dialog = open_dialog(dialog_class)
    dialog.file.setFilePath("")
    press(dialog, QDialogButtonBox.ButtonRole.AcceptRole)
    assert "file" in dialog._problem.text()
    assert context.runs == []


def test_an_export_that_fails_is_told_after_the_dialog_is_gone(
    open_dialog, context, patience, iface, tmp_path
):
    blocked = tmp_path / "a file"
    blocked.write_text("", encoding="utf-8")
    dialog = open_dialog(ExportDialog)
    dialog.folder.setFilePath(str(blocked / "exports"))
    export(dialog, context, patience)
    assert iface.bar.items()
    assert layer_names() == []


def test_cancel_writes_nothing(open_dialog, context, analysed_job):
    dialog = open_dialog(ExportDialog)
    press(dialog, QDialogButtonBox.ButtonRole.RejectRole)
    assert not dialog.isVisible()
    assert context.runs == []
    assert not Path(analysed_job / "exports").exists()

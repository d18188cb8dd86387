# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures of the window tests: a QGIS-like window with a real canvas and message bar, and small product zips."""

from __future__ import annotations

import shutil
import struct
import sys
import time
import zipfile
from datetime import date

import pytest
from osgeo import gdal, osr
from qgis.core import QgsApplication, QgsProject
from qgis.gui import QgsMapCanvas, QgsMessageBar
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QMainWindow, QMenu

from insarhub_qgis.host import engine_environment, settings
from tests.makers.engine_python import find_engine_python
from tests.makers.finished_job import make_finished_job

METADATA = """Reference Granule: S1A_IW_SLC__1SDV_20210104T004006_20210104T004033_036013_0438A1_AAAA
Secondary Granule: S1A_IW_SLC__1SDV_20210116T004005_20210116T004032_036188_043E9B_BBBB
Reference Orbit Number: 36013
Secondary Orbit Number: 36188
Baseline: {baseline}
UTC time: 2406.5
Heading: -12.4
Spacecraft height: 693000.0
Earth radius at nadir: 6377000.0
Slant range near: 799000.0
Range looks: 20
Azimuth looks: 4
Unwrapping type: mcf
"""
ALL_KINDS = ("unw_phase", "corr", "dem", "lv_theta", "lv_phi", "water_mask")


class Window:
    """What the plugin asks of ``iface``, with real widgets behind it."""

    def __init__(self) -> None:
        self.window = QMainWindow()
        self.canvas = QgsMapCanvas(self.window)
        self.window.setCentralWidget(self.canvas)
        self.bar = QgsMessageBar(self.window)
        self.raster_menu = QMenu(self.window)
        self.factories = []
        self.window.resize(1000, 700)

    def mainWindow(self):
        return self.window

    def mapCanvas(self):
        return self.canvas

    def messageBar(self):
        return self.bar

    def rasterMenu(self):
        return self.raster_menu

    def addToolBar(self, name):
        return self.window.addToolBar(name)

    def addDockWidget(self, area, dock):
        self.window.addDockWidget(area, dock)

    def addTabifiedDockWidget(self, area, dock, others, is_raised):
        self.window.addDockWidget(area, dock)

    def removeDockWidget(self, dock):
        self.window.removeDockWidget(dock)

    def registerOptionsWidgetFactory(self, factory):
        self.factories.append(factory)

    def unregisterOptionsWidgetFactory(self, factory):
        self.factories.remove(factory)

    def layerTreeView(self):
        return None

    def texts(self) -> str:
        return " | ".join(item.text() for item in self.bar.items())


@pytest.fixture(autouse=True)
def _no_hidden_exception(monkeypatch):
    caught = []
    monkeypatch.setattr(sys, "excepthook", lambda *error: caught.append(error))
    yield
    assert caught == []


@pytest.fixture(autouse=True)
def _own_settings(qgis_app, tmp_path, monkeypatch):
    monkeypatch.setattr(engine_environment, "private_folder", lambda: tmp_path / "private")
    monkeypatch.delenv(engine_environment.OVERRIDE_VARIABLE, raising=False)
    yield
    for entry in vars(settings.settings()).values():
        entry.remove()
    settings.unregister_settings()
    QgsProject.instance().clear()


@pytest.fixture
def iface(qgis_app):
    window = Window()
    window.window.show()
    QTest.qWaitForWindowExposed(window.window)
    yield window
    window.window.close()


@pytest.fixture
def engine(monkeypatch):
    python = find_engine_python()
    if python is None:
        pytest.skip("no engine environment: run make setup")
    monkeypatch.setenv(engine_environment.OVERRIDE_VARIABLE, str(python))
    return python


@pytest.fixture
def dock(iface):
    from insarhub_qgis.gui.dock import InsarHubDock

    dock = InsarHubDock(iface, iface.window)
    dock._is_restored = True
    iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
    dock.show()
    yield dock
    dock.close_dock()
    dock.deleteLater()


def write_zip(folder, reference: date, secondary: date, baseline="12.5", kinds=("unw_phase", "corr", "amp")):
    """A product zip of 8 x 6 pixels; the value of a pixel is 10 * row + column."""
    days = (secondary - reference).days
    code = f"{reference.toordinal() * 31 + secondary.toordinal():X}"[-4:]
    name = f"S1AA_{reference:%Y%m%d}T004006_{secondary:%Y%m%d}T004005_VVP{days:03d}_INT80_G_ueF_{code}"
    folder.mkdir(parents=True, exist_ok=True)
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(32614)
    path = folder / f"{name}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            f"{name}/{name}.txt", METADATA.format(baseline=baseline) if baseline else "Heading: -12.4\n"
        )
        for kind in kinds:
            memory = f"/vsimem/{name}_{kind}.tif"
            raster = gdal.GetDriverByName("GTiff").Create(memory, 8, 6, 1, gdal.GDT_Float32)
            raster.SetGeoTransform((480000, 80, 0, 2150400, 0, -80))
            raster.SetProjection(crs.ExportToWkt())
            values = b"".join(struct.pack("<8f", *(10.0 * row + col for col in range(8))) for row in range(6))
            raster.GetRasterBand(1).WriteRaster(0, 0, 8, 6, values)
            raster = None
            size = gdal.VSIStatL(memory).size
            file = gdal.VSIFOpenL(memory, "rb")
            archive.writestr(f"{name}/{name}_{kind}.tif", bytes(gdal.VSIFReadL(1, size, file)))
            gdal.VSIFCloseL(file)
            gdal.Unlink(memory)
    return path


@pytest.fixture
def job(tmp_path):
    """A job folder of three pairs, one without baseline, and a zip that is cut off."""
    folder = tmp_path / "work ñ" / "valley"
    dates = [date(2021, 1, 4), date(2021, 1, 16), date(2021, 1, 28)]
    first = write_zip(folder, dates[0], dates[1], "-104.6")
    write_zip(folder, dates[1], dates[2], "3")
    write_zip(folder, dates[0], dates[2], "")
    (folder / "S1AA_broken.zip").write_bytes(first.read_bytes()[:700])
    (folder / "insarhub_config.json").write_text(
        '{"processor": {"type": "Hyp3_S1", "config": {}}}', encoding="utf-8"
    )
    settings.settings().work_directory.setValue(str(folder.parent))
    return folder


#: Nothing that works takes this long; only a hang does, on a slow machine too.
HANG_S = 240.0


class Patience:
    """Lets QGIS work until something is so."""

    def waitUntil(self, is_reached, timeout=0):
        end = time.monotonic() + max(timeout / 1000, HANG_S)
        while not is_reached():
            if time.monotonic() > end:
                raise AssertionError(
                    f"not reached within {HANG_S:.0f} s; still working: {_unfinished_tasks()}"
                )
            QTest.qWait(10)


def _unfinished_tasks() -> str:
    tasks = QgsApplication.taskManager().tasks()
    return (
        ", ".join(f"{task.description()} ({task.status()}, {task.progress():.0f} %)" for task in tasks) or "-"
    )


@pytest.fixture
def patience():
    return Patience()


@pytest.fixture(scope="session")
def analysed_once(qgis_app, tmp_path_factory):
    python = find_engine_python()
    if python is None:
        pytest.skip("no engine environment: run make setup")
    return make_finished_job(tmp_path_factory.mktemp("analysed"), python)


@pytest.fixture
def analysed_job(analysed_once, tmp_path, engine):
    """A copy of an analysed job, free to be changed."""
    folder = tmp_path / "jobs" / analysed_once.name
    shutil.copytree(analysed_once, folder)
    return folder


@pytest.fixture
def context(dock):
    return dock.context

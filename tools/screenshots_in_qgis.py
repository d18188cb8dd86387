# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs inside QGIS Desktop (``--code``): shows each panel as a person would and saves a picture of it."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from qgis.core import QgsApplication, QgsProject
from qgis.PyQt.QtCore import QEventLoop, QSize, Qt, QTimer
from qgis.PyQt.QtGui import QPainter
from qgis.PyQt.QtWidgets import QApplication, QDialog, QWidget
from qgis.utils import iface, plugins

PLAN = json.loads(os.environ["INSARHUB_SCREENSHOT_PLAN"])
WINDOW = QSize(1280, 800)
NARROW_PX = 340
WAIT_S = 60

problems: list[str] = []


def wait_until(is_reached: Callable[[], bool], what: str, seconds: float = WAIT_S) -> None:
    """Let QGIS work until something is so."""
    end = time.monotonic() + seconds
    while not is_reached():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 50)


def settle(seconds: float = 0.6) -> None:
    """Let pending painting, reading tasks and map rendering end."""
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > end, "a moment")
    wait_until(lambda: not iface.mapCanvas().isDrawing(), "the map")


def shoot(name: str, *windows: QWidget) -> None:
    """Save the main window, with other windows drawn over its middle."""
    settle()
    picture = iface.mainWindow().grab()
    painter = QPainter(picture)
    for window in windows:
        grabbed = window.grab()
        x, y = (picture.width() - grabbed.width()) // 2, (picture.height() - grabbed.height()) // 2
        painter.drawPixmap(x, y, grabbed)
        # There is no window manager here to frame it.
        painter.drawRect(x - 1, y - 1, grabbed.width() + 1, grabbed.height() + 1)
    painter.end()
    picture.save(str(Path(PLAN["folder"]) / f"{name}-{PLAN['suffix']}.png"))


def dock_width(pixels: int) -> None:
    window = iface.mainWindow()
    window.resizeDocks([plugin.dock], [pixels], Qt.Orientation.Horizontal)
    settle(0.2)


def job_folder() -> Path:
    """The analysed job, else one made from the products."""
    if PLAN["job"]:
        return Path(PLAN["job"])
    job = Path(PLAN["work"]) / Path(PLAN["products"]).parent.name
    if not job.exists():
        plugin.dock.open_folders([Path(PLAN["products"])])
        wait_until(lambda: plugin.dock.page_key == "products", "the products to be opened")
        settle()
    return job


def setup() -> None:
    plugin.dock.show_page("setup")
    shoot("setup")


def checked_setup() -> None:
    plugin.dock.show_page("setup")
    page = plugin.dock.page("setup")
    wait_until(lambda: page.pieces.topLevelItemCount() > 0, "the check of the engine")
    shoot("setup-checked")


def home_empty() -> None:
    plugin.dock.show_page("home")
    shoot("home-empty")


def home() -> None:
    folder = job_folder()
    work = Path(PLAN["work"])
    if PLAN["job"]:
        work.mkdir(parents=True, exist_ok=True)
        link = work / folder.name
        if not link.exists():
            link.symlink_to(folder)
    damaged = work / "old_job"
    damaged.mkdir(exist_ok=True)
    (damaged / "insarhub_config.json").write_text('{"downloader": ', encoding="utf-8")
    plugin.dock.show_page("home")
    wait_until(lambda: plugin.dock.page("home").model.rowCount() > 1, "the list of jobs")
    shoot("home")


def products() -> None:
    plugin.show_job(job_folder(), "products")
    page = plugin.dock.page("products")
    wait_until(lambda: page.proxy.rowCount() > 0, "the products")
    for row in range(2):
        page._on_clicked(page.proxy.index(row, 0, page.proxy.index(0, 0)))
    settle(2.0)
    shoot("products")
    dock_width(NARROW_PX)
    shoot("products-narrow")
    dock_width(400)
    page.remove_all()


def open_products() -> None:
    from insarhub_qgis.gui.open_products import OpenProductsDialog

    dialog = OpenProductsDialog(
        iface.mainWindow(), Path(PLAN["products"]) if PLAN["products"] else job_folder()
    )
    dialog.show()
    shoot("open-products", dialog)
    dialog.close()


def analyzer() -> None:
    plugin.show_job(job_folder(), "analyzer")
    settle(2.0)
    shoot("analyzer")


def results() -> None:
    from insarhub_qgis.layers.result_layers import add_result_layer
    from insarhub_qgis.layers.result_sources import list_results

    job = Path(PLAN["job"])
    sources = list_results(job)
    layer = add_result_layer(
        QgsProject.instance(), job, job.name, next(row for row in sources if row.kind == "velocity")
    )
    QgsProject.instance().setCrs(layer.crs())
    iface.mapCanvas().setExtent(layer.extent())
    plugin.show_job(job, "results")
    settle(2.0)
    shoot("results")
    plugin.show_series(
        job, max((row for row in sources if row.kind == "time_series"), key=lambda row: row.rank)
    )
    settle(2.0)
    shoot("time-series")


def forecast() -> None:
    sys.path.insert(0, PLAN["tools"])
    import screenshots_forecast
    from screenshots_hyp3 import Stage

    stage = Stage(plugin, Path(PLAN["work"]) / "forecast", shoot, settle, wait_until, dock_width)
    screenshots_forecast.take(stage)


def options() -> None:
    def shoot_dialog() -> None:
        dialog = QApplication.activeModalWidget()
        try:
            shoot("options", dialog)
        finally:
            dialog.reject()

    QTimer.singleShot(1500, shoot_dialog)
    iface.showOptionsDialog(iface.mainWindow(), "insarhub")


def hyp3() -> None:
    sys.path.insert(0, PLAN["tools"])
    import screenshots_hyp3

    stage = screenshots_hyp3.Stage(plugin, Path(PLAN["work"]) / "hyp3", shoot, settle, wait_until, dock_width)
    screenshots_hyp3.take(stage)


def network() -> None:
    sys.path.insert(0, PLAN["tools"])
    import screenshots_network
    from screenshots_hyp3 import Stage

    stage = Stage(plugin, Path(PLAN["work"]) / "network", shoot, settle, wait_until, dock_width)
    screenshots_network.take(stage)


def bursts() -> None:
    sys.path.insert(0, PLAN["tools"])
    import screenshots_bursts
    from screenshots_hyp3 import Stage

    stage = Stage(plugin, Path(PLAN["work"]) / "small", shoot, settle, wait_until, dock_width)
    screenshots_bursts.take(stage)


def quality() -> None:
    sys.path.insert(0, PLAN["tools"])
    import screenshots_quality
    from screenshots_hyp3 import Stage

    stage = Stage(plugin, Path(PLAN["work"]) / "quality", shoot, settle, wait_until, dock_width)
    screenshots_quality.take(stage)


def decay() -> None:
    sys.path.insert(0, PLAN["tools"])
    import screenshots_decay
    from screenshots_hyp3 import Stage

    stage = Stage(plugin, Path(PLAN["work"]) / "decay", shoot, settle, wait_until, dock_width)
    screenshots_decay.take(stage)


def help_window() -> None:
    plugin.dock.show_page("home")
    plugin.dock.show_help()
    window: QDialog = plugin.dock._help_window
    shoot("help", window)
    window.close()


WITH_ENGINE = [
    home_empty,
    checked_setup,
    open_products,
    home,
    products,
    forecast,
    options,
    help_window,
    network,
    quality,
    hyp3,
    bursts,
    decay,
]
WITH_JOB = [analyzer, results]
BARE = [setup]


def take_pictures() -> None:
    settings = plugin_settings()
    settings.work_directory.setValue(PLAN["work"])
    Path(PLAN["work"]).mkdir(parents=True, exist_ok=True)
    plugin.dock.setUserVisible(True)
    dock_width(400)
    pictures = BARE if not PLAN["has_engine"] else WITH_ENGINE + (WITH_JOB if PLAN["job"] else [])
    for picture in pictures:
        if PLAN["only"] and picture.__name__ not in PLAN["only"]:
            continue
        try:
            picture()
        except Exception:  # the other pictures are wanted all the same; the caller exits with an error
            problems.append(f"{picture.__name__}: {traceback.format_exc()}")


def plugin_settings():
    from insarhub_qgis.host.settings import settings

    return settings()


def finish() -> None:
    Path(PLAN["outcome"]).write_text(json.dumps(problems), encoding="utf-8")
    QgsProject.instance().clear()
    QgsProject.instance().setDirty(False)
    shutil.rmtree(PLAN["work"], ignore_errors=True)
    iface.actionExit().trigger()


def main() -> None:
    global plugin
    try:
        plugin = plugins["insarhub_qgis"]
        window = iface.mainWindow()
        window.showNormal()
        window.setGeometry(0, 0, WINDOW.width(), WINDOW.height())
        iface.newProject()
        for name in ("Browser", "Layers"):
            QgsApplication.processEvents()
            dock = window.findChild(QWidget, name)
            if dock is not None and name == "Browser":
                dock.hide()
        take_pictures()
    except Exception:  # the end of the run: the reason goes to the caller
        problems.append(traceback.format_exc())
    QTimer.singleShot(200, finish)


plugin = None
QTimer.singleShot(1000, main)

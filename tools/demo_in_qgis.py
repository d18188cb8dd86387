# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs inside QGIS Desktop (``--code``): the job of the demo with the plugin's own algorithms and layers."""

from __future__ import annotations

import json
import os
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import processing
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingFeedback,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QTimer
from qgis.utils import iface, plugins

PLAN = json.loads(Path(os.environ["INSARHUB_DEMO_PLAN"]).read_text(encoding="utf-8"))
SCREENSHOT_DELAY_MS = 2500


class Log(QgsProcessingFeedback):
    """Keeps warnings and the time of each algorithm for the demo's own output."""

    def __init__(self) -> None:
        super().__init__(False)
        self.lines: list[str] = []

    def pushWarning(self, warning: str) -> None:
        self.lines.append(warning if warning.startswith("warning") else f"warning: {warning}")

    def reportError(self, error: str, fatalError: bool = False) -> None:
        self.lines.append(f"error: {error}")


Run = Callable[[str, dict[str, Any]], dict[str, Any]]


def order_products(run: Run, log: Log) -> None:
    """From the area to the downloaded products, as an analyst orders them."""
    from insarhub_qgis.host.settings import settings

    settings().sandbox_url.setValue(PLAN["sandbox_url"])
    settings().use_sandbox.setValue(True)
    plugins["insarhub_qgis"].dock.context.services_changed.emit()
    job = PLAN["job_folder"]
    Path(job).mkdir(parents=True, exist_ok=True)
    search = Path(PLAN["search"])
    search.mkdir(parents=True, exist_ok=True)
    area = QgsRasterLayer(PLAN["area"], "area")
    extent = area.extent()
    extent.scale(0.8)
    sides = (extent.xMinimum(), extent.xMaximum(), extent.yMinimum(), extent.yMaximum())
    text = ",".join(f"{side:.1f}" for side in sides) + f" [{area.crs().authid()}]"
    wanted = {"EXTENT": text, "DIRECTION": "ASCENDING", "OUTPUT": str(search / "scenes.gpkg")}
    found = run("searchscenes", wanted)
    scenes = QgsVectorLayer(found["OUTPUT"], "scenes")
    stacks = Counter((scene["path"], scene["frame"]) for scene in scenes.getFeatures())
    (path, frame), count = stacks.most_common(1)[0]
    scenes.selectByExpression(f'"path" = {path} AND "frame" = {frame}')
    log.lines.append(f"{found['SCENE_COUNT']} scenes; path {path}, frame {frame} has {count}")
    QgsProject.instance().addMapLayer(scenes, False)
    run(
        "addjobs",
        {"SCENES": QgsProcessingFeatureSourceDefinition(scenes.id(), True), "WORK_DIRECTORY": job},
    )
    QgsProject.instance().removeMapLayer(scenes.id())
    selected = run("selectpairs", {"JOB_FOLDER": job, "MODE": "nearest", "N_NEAREST": 3})
    checks = {"JOB_FOLDER": job, "OUTPUT": str(search / "check.gpkg"), "HTML": str(search / "check.html")}
    run("checknetwork", checks)
    dry = run("submithyp3", {"JOB_FOLDER": job, "DRY_RUN": True, "REPORT": str(search / "dry_run.html")})
    log.lines.append(f"{selected['PAIR_COUNT']} pairs; dry run: {dry['COST']:.0f} credits")
    sent = run("submithyp3", {"JOB_FOLDER": job})
    log.lines.append(f"{sent['SUBMITTED']} jobs submitted for {sent['COST']:.0f} credits")
    run("watchhyp3", {"JOB_FOLDER": job, "TIMEOUT": 1200})


def run_algorithms(log: Log) -> None:
    job = PLAN["job_folder"]
    exports = Path(PLAN["exports"])
    exports.mkdir(parents=True, exist_ok=True)

    def run(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
        started = time.monotonic()
        answer = processing.run(f"insarhub:{name}", parameters, feedback=log)
        log.lines.append(f"{name}: {time.monotonic() - started:.1f} s")
        return answer

    if PLAN["sandbox_url"]:
        order_products(run, log)
    else:
        run("openproducts", {"PRODUCTS": PLAN["products"], "JOB_FOLDER": job})
    run("prepareanalysis", {"JOB_FOLDER": job})
    run("runanalysis", {"JOB_FOLDER": job, "OPTIONS": PLAN["options"]})
    run("exportresults", {"INPUT": job, "OUTPUT_FOLDER": str(exports), "UNIT": "mm"})
    run(
        "exportfootprint",
        {
            "INPUT": f"{job}/velocity.h5",
            "METHOD": "valid",
            "OUTPUT": str(exports / "velocity_footprint.gpkg"),
        },
    )
    from insarhub_qgis.layers.result_sources import list_results

    series = next(row for row in list_results(Path(job)) if row.kind == "time_series")
    run("exportpoints", {"INPUT": str(series.path), "OUTPUT": str(exports / "points.gpkg")})


def show_results() -> None:
    """Load the layers as a person would, pick three points, zoom, save the project."""
    from insarhub_qgis.layers.result_layers import add_result_layer
    from insarhub_qgis.layers.result_sources import list_results

    job = Path(PLAN["job_folder"])
    project = QgsProject.instance()
    results = list_results(job)
    series = next(row for row in results if row.kind == "time_series")
    velocity_source = next(row for row in results if row.key == "velocity")
    coherence = [row for row in results if row.key == "temporalCoherence"]
    for source in [*coherence, series, velocity_source]:
        layer = add_result_layer(project, job, job.name, source)
        node = project.layerTreeRoot().findLayer(layer.id())
        node.setItemVisibilityCheckedParentRecursive(True)
        node.setItemVisibilityChecked(source is velocity_source)
    project.setCrs(layer.crs())
    iface.setActiveLayer(layer)
    plugin = plugins["insarhub_qgis"]
    plugin.show_job(job, page="results")
    plugin.show_series(job, series)
    pick_telling_points(plugin.dock.context.series_dock(), job, series.path)
    extent = QgsCoordinateTransform(layer.crs(), project.crs(), project).transformBoundingBox(layer.extent())
    extent.scale(1.05)
    iface.mapCanvas().setExtent(extent)
    iface.mapCanvas().refresh()


def pick_telling_points(dock: Any, job: Path, series_file: Path) -> None:
    """Put the fastest away, the fastest toward and an average coherent pixel into the chart."""
    import numpy as np
    from osgeo import gdal

    from insarhub_qgis.layers.series_reader import SeriesReader

    def read(name: str) -> np.ndarray:
        return gdal.Open(f'HDF5:"{job / name}.h5"://{name}').ReadAsArray()

    velocity, coherence = read("velocity"), read("temporalCoherence")
    usable = np.flatnonzero(
        (coherence >= np.nanpercentile(coherence[coherence > 0], 60)) & np.isfinite(velocity)
    )
    ordered = usable[np.argsort(velocity.ravel()[usable])]
    reader = SeriesReader(series_file)
    crs = QgsCoordinateReferenceSystem(reader.crs)
    for name, share in (("fastest away", 0.0), ("middle", 0.5), ("fastest toward", 1.0)):
        index = ordered[round(share * (len(ordered) - 1))]
        dock.add_point(*reader.centre_of(*divmod(int(index), velocity.shape[1])), crs, name)
    reader.close()


def finish(log: Log, error: str) -> None:
    project = QgsProject.instance()
    if not error:
        iface.mainWindow().grab().save(PLAN["screenshot"])
        if not project.write(PLAN["project"]):
            error = f"the project {PLAN['project']} could not be written: {project.error()}"
    Path(PLAN["outcome"]).write_text(json.dumps({"log": log.lines, "error": error}), encoding="utf-8")
    # An empty project asks nothing on exit, wherever its layers lie.
    project.clear()
    project.setDirty(False)
    iface.actionExit().trigger()


def main() -> None:
    log = Log()
    error = ""
    try:
        window = iface.mainWindow()
        window.showNormal()
        window.setGeometry(0, 0, 1280, 800)
        iface.newProject()
        run_algorithms(log)
        show_results()
    except Exception as failure:  # the end of the run: the reason goes to the person who started the demo
        error = str(failure) or type(failure).__name__
        log.lines.append(traceback.format_exc())
    QTimer.singleShot(SCREENSHOT_DELAY_MS, lambda: finish(log, error))


QTimer.singleShot(1000, main)

# SPDX-License-Identifier: GPL-2.0-or-later
"""One piece of work inside QGIS (offscreen), under the clock: ``in_qgis.py WORK ARGUMENTS``."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(1, str(Path(__file__).resolve().parent.parent))

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from qgis.core import (
    QgsApplication,
    QgsMapRendererSequentialJob,
    QgsMapSettings,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
)
from qgis.PyQt.QtCore import QSize
from timing import answer, clock

MAP_SIZE = QSize(640, 480)


def _draw(layer: QgsRasterLayer) -> bool:
    """Draw a layer as a map of its whole extent; tells whether there is a picture."""
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setDestinationCrs(layer.crs())
    settings.setExtent(QgsRectangle(layer.extent()))
    settings.setOutputSize(MAP_SIZE)
    job = QgsMapRendererSequentialJob(settings)
    job.start()
    job.waitForFinished()
    image = job.renderedImage()
    return image.width() == MAP_SIZE.width() and len({image.pixel(x, x // 2) for x in range(200, 900, 5)}) > 2


def show(source: str, dataset: str, job: str, warm: str) -> None:
    """A result as the plugin shows it: from the click to the picture, with an empty layer cache."""
    from insarhub_qgis.layers.result_layers import add_result_layer
    from insarhub_qgis.layers.result_sources import list_results

    folder = Path(job)
    project = QgsProject.instance()
    for place, name in ((Path(warm).parent, "velocity"), (folder, dataset)):
        shutil.rmtree(place / ".insarhub_layers", ignore_errors=True)
        source_of = {found.key: found for found in list_results(place)}
        opened, layer = clock(lambda p=place, s=source_of[name]: add_result_layer(project, p, p.name, s))
        drawn, is_drawn = clock(lambda one=layer: _draw(one))
    if not is_drawn or layer.bandCount() != len(_stored(source, dataset)):
        raise SystemExit("the layer shows nothing")
    answer(
        opened + drawn,
        open=opened,
        draw=drawn,
        bands=layer.bandCount(),
        equal=_is_equal(layer, source, dataset),
    )


def show_raster(path: str, warm: str) -> None:
    """A finished GeoTIFF as QGIS shows it."""
    for name in (warm, path):
        opened, layer = clock(lambda n=name: QgsRasterLayer(n, "raster"))
        drawn, is_drawn = clock(lambda one=layer: _draw(one))
    if not is_drawn:
        raise SystemExit("the layer shows nothing")
    answer(opened + drawn, open=opened, draw=drawn)


def _stored(source: str, dataset: str) -> list[int]:
    from osgeo import gdal

    root = gdal.OpenEx(source, gdal.OF_MULTIDIM_RASTER).GetRootGroup()
    shape = [size.GetSize() for size in root.OpenMDArray(dataset).GetDimensions()]
    return list(range(1, shape[0] + 1)) if len(shape) == 3 else [1]


def _is_equal(layer: QgsRasterLayer, source: str, dataset: str) -> bool:
    """Compare every pixel of the first, a middle and the last band with the HDF5; missing ones must be zeros there."""
    from osgeo import gdal

    shown = gdal.Open(layer.source())
    name = f'HDF5:"{source}"://{dataset}'
    stored = gdal.Open(name)
    if stored.RasterCount != shown.RasterCount:
        return False
    for band in sorted({1, shown.RasterCount // 2 or 1, shown.RasterCount}):
        values = shown.GetRasterBand(band).ReadAsArray()
        expected = stored.GetRasterBand(band).ReadAsArray()
        is_missing = np.isnan(values)
        if not np.array_equal(values[~is_missing], expected[~is_missing]) or expected[is_missing].any():
            return False
    return True


def click(source: str, clicks: str) -> None:
    """Clicks on a series, each as the panel does it: pixel of the point, then the values of all dates."""
    from insarhub_qgis.layers.series_reader import SeriesReader

    points = json.loads(Path(clicks).read_text(encoding="utf-8"))
    reader = SeriesReader(Path(source))
    if not reader.is_indexed:
        raise SystemExit("no index of the series")
    times, pixels, values = [], [], []
    for point in points:

        def work(x: float = point["x"], y: float = point["y"]) -> tuple[tuple[int, int] | None, np.ndarray]:
            pixel = reader.pixel_at(x, y)
            return pixel, reader.series_at(*pixel) if pixel else np.empty(0)

        seconds, (pixel, series) = clock(work)
        times.append(seconds)
        pixels.append(pixel)
        values.append([None if np.isnan(value) else float(value) for value in series])
    p95 = float(np.percentile(times, 95))
    answer(float(np.median(times)), p95=p95, cold=times[0], pixels=pixels, values=values)


WORKS = {function.__name__: function for function in (show, show_raster, click)}

if __name__ == "__main__":
    application = QgsApplication([], True)
    application.initQgis()
    WORKS[sys.argv[1]](*sys.argv[2:])
    QgsProject.instance().clear()
    # Layers are gone; leaving QGIS in order takes longer than the work and proves nothing here.
    sys.stdout.flush()
    os._exit(0)

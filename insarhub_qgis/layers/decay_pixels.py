# SPDX-License-Identifier: GPL-2.0-or-later
"""All bands of a decay map at one place, straight from its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsPointXY,
    QgsProject,
)

from insarhub_qgis.core.decay_map_files import CRS, NODATA
from insarhub_qgis.layers.hdf5_file import gdal_exceptions


class DecayPixelReader:
    """Reads pixels of decay maps; keeps GDAL handles open, so the main thread only. `close` lets the files go."""

    def __init__(self) -> None:
        self._open: dict[Path, Any] = {}

    def values_at(
        self, path: Path, point: QgsPointXY, point_crs: QgsCoordinateReferenceSystem
    ) -> tuple[float, ...] | None:
        """Give floor coherence, initial coherence and decay time (days) of the pixel that contains a point.

        None outside the map, without data there, and while the file cannot be read.
        """
        transform = QgsCoordinateTransform(
            point_crs, QgsCoordinateReferenceSystem(CRS), QgsProject.instance().transformContext()
        )
        try:
            place = transform.transform(point)
        except QgsCsException:
            return None
        with gdal_exceptions():
            try:
                return self._read(path, place.x(), place.y())
            except (RuntimeError, AttributeError):
                self._open.pop(path, None)
                return None

    def close(self) -> None:
        """Close all files."""
        self._open.clear()

    def _read(self, path: Path, longitude: float, latitude: float) -> tuple[float, ...] | None:
        if path not in self._open:
            self._open[path] = gdal.Open(str(path))
        dataset = self._open[path]
        west, step, _, north, _, down = dataset.GetGeoTransform()
        # A map across the antimeridian goes on beyond 180 E.
        for turn in (0.0, 360.0):
            col, row = int((longitude + turn - west) // step), int((latitude - north) // down)
            if 0 <= col < dataset.RasterXSize and 0 <= row < dataset.RasterYSize:
                data = dataset.ReadRaster(col, row, 1, 1, buf_type=gdal.GDT_Float32)
                values = np.frombuffer(data, dtype=np.float32)
                is_known = np.isfinite(values).all() and not (values == np.float32(NODATA)).any()
                return tuple(float(value) for value in values) if is_known else None
        return None

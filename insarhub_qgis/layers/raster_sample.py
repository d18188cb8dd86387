# SPDX-License-Identifier: GPL-2.0-or-later
"""A few thousand values of a raster, spread over it, for the range of a style; never the whole raster."""

from __future__ import annotations

from typing import Sequence

import numpy as np
from osgeo import gdal

from insarhub_qgis.layers.hdf5_file import gdal_exceptions

#: Below this many pixels a band is read as a whole.
_SMALL_PIXELS = 200_000
_WINDOW = 24


def sample_values(name: str, bands: Sequence[int], windows_per_side: int = 10) -> np.ndarray:
    """Read small windows on a lattice from some bands.

    Parameters
    ----------
    name
        As GDAL opens it.
    bands
        From 1.

    Returns
    -------
    numpy.ndarray
        Finite values without nodata, float64 (n,), stored unit. Empty when nothing can be read: the range then
        falls back to the style's minimum, and drawing shows GDAL's own error.
    """
    parts: list[np.ndarray] = []
    with gdal_exceptions():
        try:
            dataset = gdal.Open(name)
            for number in bands:
                band = dataset.GetRasterBand(number)
                nodata = band.GetNoDataValue()
                for window in _windows(dataset.RasterXSize, dataset.RasterYSize, windows_per_side):
                    values = band.ReadAsArray(*window).astype(np.float64).ravel()
                    keep = np.isfinite(values)
                    if nodata is not None:
                        keep &= values != nodata
                    parts.append(values[keep])
        except (RuntimeError, AttributeError):
            return np.empty(0)
    return np.concatenate(parts) if parts else np.empty(0)


def _windows(width: int, height: int, per_side: int) -> list[tuple[int, int, int, int]]:
    if width * height <= _SMALL_PIXELS:
        return [(0, 0, width, height)]
    columns = np.linspace(0, max(width - _WINDOW, 0), min(per_side, width)).astype(int)
    rows = np.linspace(0, max(height - _WINDOW, 0), min(per_side, height)).astype(int)
    # Top to bottom: a deflated zip member is inflated once, in order.
    return [
        (int(x), int(y), min(_WINDOW, width - int(x)), min(_WINDOW, height - int(y))) for y in rows for x in columns
    ]

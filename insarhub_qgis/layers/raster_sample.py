# SPDX-License-Identifier: GPL-2.0-or-later
"""A few thousand values of a raster, spread over it, for the range of a style; never the whole raster."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from osgeo import gdal

from insarhub_qgis.layers.hdf5_file import gdal_exceptions

#: Below this many pixels a band is read as a whole.
_SMALL_PIXELS = 200_000
_WINDOW = 12


def sample_bands(name: str, bands: Iterable[int], is_zero_missing: bool = False) -> dict[int, np.ndarray]:
    """Read small windows on a lattice from some bands.

    Parameters
    ----------
    name
        As GDAL opens it.
    bands
        From 1.
    is_zero_missing
        Zeros are left out, too.

    Returns
    -------
    dict
        Per band the finite values without nodata, float64 (n,), stored unit. Empty when nothing can be read: the range
        then falls back to the style's minimum, and drawing shows GDAL's own error.
    """
    chosen = sorted(set(bands))
    per_side = 10 if len(chosen) == 1 else 5
    sample: dict[int, np.ndarray] = {}
    with gdal_exceptions():
        try:
            dataset = gdal.Open(name)
            windows = _windows(dataset.RasterXSize, dataset.RasterYSize, per_side)
            for number in chosen:
                band = dataset.GetRasterBand(number)
                nodata = band.GetNoDataValue()
                read = [band.ReadAsArray(*window).ravel() for window in windows]
                values = np.concatenate(read).astype(np.float64)
                keep = np.isfinite(values)
                if nodata is not None:
                    keep &= values != nodata
                if is_zero_missing:
                    keep &= values != 0
                sample[number] = values[keep]
        except (RuntimeError, AttributeError):
            return {}
    return sample


def spread_bands(count: int, wanted: int = 5) -> list[int]:
    """Give about ``wanted`` band numbers spread over a series, the last one included."""
    return sorted(
        {int(number) for number in np.linspace(1, count, min(wanted, count) + 1)[1:].round()} | {count}
    )


def _windows(width: int, height: int, per_side: int) -> list[tuple[int, int, int, int]]:
    if width * height <= _SMALL_PIXELS:
        return [(0, 0, width, height)]
    columns = np.linspace(0, max(width - _WINDOW, 0), min(per_side, width)).astype(int)
    rows = np.linspace(0, max(height - _WINDOW, 0), min(per_side, height)).astype(int)
    # Top to bottom: a deflated zip member is inflated once, in order.
    return [
        (int(x), int(y), min(_WINDOW, width - int(x)), min(_WINDOW, height - int(y)))
        for y in rows
        for x in columns
    ]

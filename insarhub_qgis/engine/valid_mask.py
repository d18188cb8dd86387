# SPDX-License-Identifier: GPL-2.0-or-later
"""A mask from another file on the same grid, read window by window."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import numpy as np
import rasterio
from rasterio.windows import Window

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.georeference import Georeference
from insarhub_qgis.engine.mintpy_hdf5 import MintpyFile, is_hdf5


class ValidMask:
    """Pixels to keep: True where a mask is set, or where a quality reaches the threshold.

    Parameters
    ----------
    path
        HDF5 (``maskTempCoh.h5``, ``temporalCoherence.h5``) or any raster.
    threshold
        Values below are masked out. With 0, masks keep what is not 0, and so do qualities.
    georeference
        Grid that the mask must share.

    Raises
    ------
    InsarError
        ``mask.other_grid`` when it does not; ``file.missing``; ``raster.unreadable``.
    """

    def __init__(self, path: Path, threshold: float, georeference: Georeference) -> None:
        self._threshold = threshold
        self._hdf5: MintpyFile | None = None
        self._raster: rasterio.DatasetReader | None = None
        if not path.is_file():
            raise InsarError("file.missing", file=str(path))
        if is_hdf5(path):
            self._hdf5 = MintpyFile(path)
            grid: Georeference | None = self._hdf5.georeference
            dataset = self._hdf5.primary or next(iter(self._hdf5.datasets.values()), None)
            if dataset is None or dataset.is_cube:
                self.close()
                raise InsarError("mask.not_a_mask", file=str(path))
            self._dataset_name = dataset.name
        else:
            self._raster = open_raster(path)
            grid = raster_georeference(self._raster)
        if grid is None or not grid.is_same_grid(georeference):
            self.close()
            raise InsarError("mask.other_grid", file=str(path))

    def __enter__(self) -> ValidMask:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        for source in (self._hdf5, self._raster):
            if source is not None:
                source.close()

    def read(self, rows: slice, cols: slice) -> np.ndarray:
        """Give bool of shape (rows, cols): True where the pixel is kept."""
        if self._hdf5 is not None:
            values = self._hdf5.read(self._dataset_name, rows, cols)
            has_value = ~self._hdf5.missing(self._hdf5.datasets[self._dataset_name], values, rows, cols)
        elif self._raster is not None:
            window = Window.from_slices(rows, cols)
            values = self._raster.read(1, window=window)
            nodata = self._raster.nodata
            has_value = np.ones(values.shape, dtype=bool)
            if nodata is not None and not np.isnan(nodata):
                has_value = values != nodata
        if values.dtype.kind == "b":
            is_set: np.ndarray = values & has_value
            return is_set
        if values.dtype.kind == "f":
            has_value = has_value & np.isfinite(values)
        is_kept = values >= self._threshold if self._threshold > 0 else values != 0
        kept: np.ndarray = is_kept & has_value
        return kept


def open_raster(path: Path) -> rasterio.DatasetReader:
    """Open a raster; raises ``file.missing`` or ``raster.unreadable``."""
    if not str(path).startswith("/vsi") and not path.exists():
        raise InsarError("file.missing", file=str(path))
    try:
        return rasterio.open(path)
    except rasterio.errors.RasterioIOError as error:
        raise InsarError("raster.unreadable", file=str(path), reason=str(error)) from error


def raster_georeference(raster: rasterio.DatasetReader) -> Georeference | None:
    """Give the grid of a north-up raster with an EPSG code, else None."""
    transform = raster.transform
    epsg = raster.crs.to_epsg() if raster.crs else None
    if epsg is None or transform.b or transform.d or transform.a <= 0 or transform.e >= 0:
        return None
    return Georeference(
        transform.c, transform.f, transform.a, transform.e, raster.width, raster.height, f"EPSG:{epsg}"
    )

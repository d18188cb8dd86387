# SPDX-License-Identifier: GPL-2.0-or-later
"""The displacement series of one pixel, fast: by a chunk index of the engine, or by GDAL where there is none."""

from __future__ import annotations

import datetime
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from osgeo import gdal

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.layers_cache import fingerprint, series_index_path
from insarhub_qgis.layers.hdf5_file import gdal_exceptions, open_quietly, read_hdf5, read_pixel
from insarhub_qgis.layers.hdf5_vrt import raster_source, validity_of

OUTSIDE, NOT_INVERTED, NO_DATA = "outside", "not_inverted", "no_data"


@dataclass(frozen=True)
class PixelSeries:
    """Series of one pixel.

    Attributes
    ----------
    values_m
        (n_dates,) metres, + toward the satellite, NaN = missing.
    reason
        Why all is missing: ``outside``, ``not_inverted``, ``no_data``; else empty.
    """

    values_m: np.ndarray
    reason: str = ""


class SeriesReader:
    """Reads series of single pixels from a MintPy time-series file.

    One reader belongs to one thread at a time; it may be made and used off the main thread. A file that MintPy writes
    again is noticed at the next read.

    Raises
    ------
    InsarError
        ``hdf5.missing``, ``hdf5.busy``, ``hdf5.unreadable``, ``hdf5.no_dataset``, ``hdf5.no_dates``,
        ``hdf5.needs_copy`` (lzf: run CopyDataset first), ``raster.radar_coded``, ``raster.no_crs``.
    """

    def __init__(self, path: Path, dataset: str = "timeseries") -> None:
        self.path = Path(path)
        self.dataset = dataset
        self._chunks: _ChunkIndex | None = None
        self._array: Any = None
        self._copy: Any = None
        self._root: Any = None
        self._validity: Any = None
        self._load()

    def _load(self) -> None:
        self._stamp = fingerprint(self.path) if self.path.is_file() else (0, 0)
        file = read_hdf5(self.path)
        shape = file.array(self.dataset).shape
        if len(shape) != 3 or len(file.dates) != shape[0]:
            raise InsarError("hdf5.no_dates", file=str(self.path), dataset=self.dataset)
        self._file = file
        self._grid = file.georeference(self.dataset)
        self.dates: list[datetime.date] = list(file.dates)
        self.crs = self._grid.crs
        self.close()
        self._chunks = _ChunkIndex.open(self.path, shape) if self.dataset == "timeseries" else None
        if self._chunks is None:
            source = raster_source(file, self.dataset)
            with gdal_exceptions():
                if source.file == self.path:
                    self._root = open_quietly(self.path)
                    self._array = self._root.GetRootGroup().OpenMDArray(self.dataset)
                else:
                    self._copy = gdal.Open(str(source.file))

    @property
    def is_indexed(self) -> bool:
        """True while pixels are read by the chunk index; else each read goes through GDAL (a few milliseconds)."""
        return self._chunks is not None

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self._grid.height, self._grid.width

    @property
    def reference_pixel(self) -> tuple[int, int] | None:
        return self._file.reference_pixel

    @property
    def reference_date(self) -> datetime.date | None:
        return self._file.reference_date

    def pixel_at(self, x: float, y: float) -> tuple[int, int] | None:
        """Give (row, column) of the pixel that contains a point in ``crs``; None outside."""
        return self._grid.pixel_at(x, y)

    def centre_of(self, row: int, col: int) -> tuple[float, float]:
        """Give (x, y) of the centre of a pixel in ``crs``."""
        return self._grid.centre_of(row, col)

    def series_at(self, row: int, col: int) -> np.ndarray:
        """Give the series of a pixel: (n_dates,) float64 metres, + toward the satellite, NaN = missing."""
        return self.read(row, col).values_m

    def read(self, row: int, col: int) -> PixelSeries:
        """Give the series of a pixel and, where there is none, the reason."""
        if self.path.is_file() and fingerprint(self.path) != self._stamp:
            self._load()
        missing = np.full(len(self.dates), np.nan)
        if not (0 <= row < self._grid.height and 0 <= col < self._grid.width):
            return PixelSeries(missing, OUTSIDE)
        values = self._read_values(row, col)
        nodata = self._file.nodata
        if nodata is not None and nodata != 0:
            values[values == nodata] = np.nan
        if not np.isfinite(values).any():
            return PixelSeries(missing, NO_DATA)
        if not np.nan_to_num(values).any() and not self._is_inverted(row, col):
            return PixelSeries(missing, NOT_INVERTED)
        return PixelSeries(values)

    def close(self) -> None:
        """Let the files go; the reader opens them again when it is used again."""
        if self._chunks is not None:
            self._chunks.close()
        self._chunks = self._array = self._copy = self._root = None
        self._validity = None

    def _read_values(self, row: int, col: int) -> np.ndarray:
        if self._chunks is None and self._array is None and self._copy is None:
            self._load()
        if self._chunks is not None:
            return self._chunks.read(row, col)
        try:
            with gdal_exceptions():
                if self._array is not None:
                    values = self._array.ReadAsArray([0, row, col], [len(self.dates), 1, 1])
                else:
                    values = self._copy.ReadAsArray(col, row, 1, 1).astype(np.float64)
                    values[values == self._copy.GetRasterBand(1).GetNoDataValue()] = np.nan
        except RuntimeError as error:
            raise InsarError("hdf5.unreadable", file=str(self.path), reason=str(error)) from error
        return np.array(values, dtype=np.float64).reshape(-1)

    def _is_inverted(self, row: int, col: int) -> bool:
        """Tell a true all-zero series from a pixel that MintPy did not invert."""
        if (row, col) == self._file.reference_pixel:
            return True
        if self._validity is None:
            self._validity = validity_of(self._file, self.dataset) or ()
        return bool(self._validity) and bool(read_pixel(*self._validity, row, col)[0] > 0)


class _ChunkIndex:
    """Positions of the chunks of an uncompressed dataset in its file, as the engine's ``index-series`` wrote them.

    Values are read by position, not through a memory map: when MintPy truncates a mapped file, touching the map would
    end QGIS with a bus error.
    """

    def __init__(self, file: IO[bytes], index: dict[str, np.ndarray]) -> None:
        self._file = file
        self._offsets = index["offsets"]
        self._chunk = tuple(int(n) for n in index["chunk_shape"])
        self._shape = tuple(int(n) for n in index["shape"])
        self._dtype = np.dtype(str(index["dtype"]))
        self._fill_value = float(index["fill_value"])

    @classmethod
    def open(cls, path: Path, shape: tuple[int, ...]) -> _ChunkIndex | None:
        """Give the index of a file; None where there is none that fits the file as it is now."""
        index_file = series_index_path(path)
        try:
            with np.load(index_file, allow_pickle=False) as stored:
                index = {name: stored[name] for name in stored.files}
            is_current = (
                tuple(int(n) for n in index["shape"]) == tuple(shape)
                and (int(index["file_size"]), int(index["modified_ns"])) == fingerprint(path)
                and index["offsets"].ndim == 3
            )
            return cls(path.open("rb", buffering=0), index) if is_current else None
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            # No index, or one that cannot be read: it only makes reading faster.
            return None

    def read(self, row: int, col: int) -> np.ndarray:
        """Values of a pixel (n_dates,) float64, stored unit."""
        dates = self._shape[0]
        lead, rows, cols = self._chunk
        starts = self._offsets[:, row // rows, col // cols]
        size = self._dtype.itemsize
        within = ((row % rows) * cols + col % cols) * size
        plane = rows * cols * size
        values = np.full(dates, self._fill_value, dtype=self._dtype)
        buffer = memoryview(values).cast("B")
        for date in range(dates):
            start = int(starts[date // lead])
            if start < 0:
                continue
            self._file.seek(start + (date % lead) * plane + within)
            if self._file.readinto(buffer[date * size : (date + 1) * size]) != size:  # type: ignore[attr-defined]
                raise InsarError(
                    "hdf5.unreadable", file=str(self._file.name), reason="shorter than its index says"
                )
        return values.astype(np.float64)

    def close(self) -> None:
        self._file.close()

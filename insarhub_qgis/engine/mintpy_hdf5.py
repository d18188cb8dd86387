# SPDX-License-Identifier: GPL-2.0-or-later
"""The door to HDF5: MintPy files with their attributes, dates, grids and windows of values.

No other module of the engine imports h5py. Reads are windows, so memory follows the window and never the cube.
"""

from __future__ import annotations

import datetime as dt
import errno
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.georeference import Georeference

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
#: A file that cannot be opened but changed this recently is taken to be in the making.
_BUSY_SECONDS = 120.0
#: File types whose 0 marks a pixel that was not inverted.
_ZERO_IS_MISSING = {"timeseries", "velocity", "temporalCoherence", "coherence", "dem", "ifgramStack"}
_BANDS_AT_ONCE = 64
_PHASE_NAMES = ("unwrapPhase", "wrapPhase", "ionPhase")


@dataclass(frozen=True)
class Dataset:
    """One raster of a file.

    Attributes
    ----------
    shape
        (rows, cols) or (bands, rows, cols).
    chunks
        Shape of a chunk, or None when the data are contiguous.
    compression
        ``gzip``, ``lzf`` or None.
    unit
        As MintPy writes it: ``m``, ``m/year``, ``radian``, ``1``; empty when not said.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunks: tuple[int, ...] | None
    compression: str | None
    unit: str

    @property
    def is_cube(self) -> bool:
        return len(self.shape) == 3

    @property
    def bands(self) -> int:
        return self.shape[0] if self.is_cube else 1

    @property
    def is_mask(self) -> bool:
        """True for bool and 8-bit data."""
        return self.dtype.kind == "b" or self.dtype.itemsize == 1


@dataclass(frozen=True)
class ChunkTable:
    """Where the chunks of an uncompressed dataset lie in the file.

    Attributes
    ----------
    offsets
        Byte offset of each chunk, int64 with the shape of the chunk grid; -1 for a chunk never written.
    chunk_shape
        Shape of one chunk; edge chunks are stored in full. Contiguous data are one chunk.
    """

    offsets: np.ndarray
    chunk_shape: tuple[int, ...]
    fill_value: float


class MintpyFile:
    """An open MintPy file, read-only; use as a context manager.

    Raises
    ------
    InsarError
        ``file.missing``; ``hdf5.busy`` while another program writes it; ``hdf5.damaged``;
        ``hdf5.not_mintpy`` when it is no HDF5 file or has no MintPy attributes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = _open(path)
        self.attributes: dict[str, str] = {key: _text(value) for key, value in self._file.attrs.items()}
        try:
            self.file_type = self.attributes["FILE_TYPE"]
            self.width = int(self.attributes["WIDTH"])
            self.height = int(self.attributes["LENGTH"])
        except (KeyError, ValueError) as error:
            self._file.close()
            raise InsarError("hdf5.not_mintpy", file=str(path)) from error
        self._last_zeros: tuple[tuple[str, int, int, int, int], np.ndarray] | None = None
        self.datasets: dict[str, Dataset] = self._list_datasets()

    def __enter__(self) -> MintpyFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    @property
    def stem(self) -> str:
        """File stem without ``geo_``."""
        return self.path.stem.removeprefix("geo_")

    @property
    def georeference(self) -> Georeference:
        """Grid of the file; raises ``raster.radar_coded`` or ``raster.no_crs``."""
        return Georeference.from_attributes(self.attributes, self.width, self.height, str(self.path))

    @property
    def primary(self) -> Dataset | None:
        """The dataset that the file is named for, or its only one; None when several are equals."""
        for name in ("timeseries", "velocity", self.file_type):
            if name in self.datasets:
                return self.datasets[name]
        return next(iter(self.datasets.values())) if len(self.datasets) == 1 else None

    @property
    def dates(self) -> list[dt.date]:
        """Dates of the bands of a time series; raises ``hdf5.no_dates`` where there are none."""
        values = self._date_array()
        if values is None or values.ndim != 1:
            raise InsarError("hdf5.no_dates", file=str(self.path), dataset="date")
        return [_parse_date(value, self.path) for value in values]

    @property
    def date_pairs(self) -> list[tuple[dt.date, dt.date]]:
        """Dates of the bands of an interferogram stack."""
        values = self._date_array()
        if values is None or values.ndim != 2:
            raise InsarError("hdf5.no_dates", file=str(self.path), dataset="date")
        return [(_parse_date(a, self.path), _parse_date(b, self.path)) for a, b in values]

    def band_names(self, dataset: Dataset) -> list[str]:
        """ISO date, or two joined by ``_``, per band; the name of the dataset for 2-D data."""
        values = self._date_array()
        if not dataset.is_cube:
            return [dataset.name]
        if values is None or len(values) != dataset.bands:
            return [f"{dataset.name} {index + 1}" for index in range(dataset.bands)]
        if values.ndim == 2:
            return [f"{a}_{b}" for a, b in self.date_pairs]
        return [date.isoformat() for date in self.dates]

    @property
    def reference_pixel(self) -> tuple[int, int] | None:
        """(row, column) of REF_Y, REF_X inside the file, or None."""
        try:
            row, col = int(self.attributes["REF_Y"]), int(self.attributes["REF_X"])
        except (KeyError, ValueError):
            return None
        return (row, col) if 0 <= row < self.height and 0 <= col < self.width else None

    @property
    def nodata(self) -> float | None:
        """NO_DATA_VALUE as a number, or None."""
        try:
            value = float(self.attributes["NO_DATA_VALUE"])
        except (KeyError, ValueError):
            return None
        return value if np.isfinite(value) else None

    def zero_is_missing(self, dataset: Dataset) -> bool:
        """Tell whether 0 marks pixels that MintPy did not invert."""
        return self.file_type in _ZERO_IS_MISSING and dataset.dtype.kind == "f"

    def dataset(self, name: str) -> Dataset:
        """Give a dataset by name; raises ``hdf5.no_dataset``."""
        if name not in self.datasets:
            raise InsarError(
                "hdf5.no_dataset", file=str(self.path), dataset=name, known=sorted(self.datasets)
            )
        return self.datasets[name]

    def read(self, name: str, rows: slice, cols: slice, bands: Sequence[int] | None = None) -> np.ndarray:
        """Read a window.

        Parameters
        ----------
        rows, cols
            Half-open, inside the file.
        bands
            Band indices in increasing order; all when None. Ignored for 2-D data.

        Returns
        -------
        np.ndarray
            (rows, cols) or (bands, rows, cols), as stored.
        """
        source = self._file[name]
        try:
            if source.ndim == 2:
                return np.asarray(source[rows, cols])
            if bands is None:
                return np.asarray(source[:, rows, cols])
            if len(bands) and bands[-1] - bands[0] + 1 == len(bands):
                return np.asarray(source[bands[0] : bands[-1] + 1, rows, cols])
            return np.asarray(source[list(bands), rows, cols])
        except OSError as error:
            raise InsarError("hdf5.damaged", file=str(self.path), reason=str(error)) from error

    def missing(
        self,
        dataset: Dataset,
        values: np.ndarray,
        rows: slice,
        cols: slice,
        bands: Sequence[int] | None = None,
    ) -> np.ndarray:
        """Tell which values of a window are missing.

        Missing is what is not finite, equals NO_DATA_VALUE, or belongs to a pixel that was not inverted: 0 on
        **all** dates of the file, and not the reference pixel.

        Parameters
        ----------
        values
            What `read` gave for the same window and bands.

        Returns
        -------
        np.ndarray
            bool of the shape of ``values``, or (1, rows, cols) that stands for all bands of a cube.
        """
        lacks = self._never_inverted(dataset, values, rows, cols, bands)
        gaps = self._gaps(dataset, values)
        if gaps is None:
            return lacks[None] if values.ndim == 3 else lacks
        result: np.ndarray = gaps | lacks
        return result

    def _gaps(self, dataset: Dataset, values: np.ndarray) -> np.ndarray | None:
        """Tell which values are not finite or NO_DATA_VALUE; None when there are none."""
        gaps = None
        if values.dtype.kind == "f":
            # A finite sum proves that every term is finite, at a fraction of the cost of isfinite.
            with np.errstate(over="ignore", invalid="ignore"):
                total = values.sum()
            if not np.isfinite(total):
                gaps = ~np.isfinite(values)
        nodata = self.nodata
        if nodata is not None and nodata != 0 and dataset.dtype.kind != "b":
            matches = values == nodata
            gaps = matches if gaps is None else gaps | matches
        return gaps

    def _never_inverted(
        self, dataset: Dataset, values: np.ndarray, rows: slice, cols: slice, bands: Sequence[int] | None
    ) -> np.ndarray:
        if not self.zero_is_missing(dataset):
            return np.zeros(values.shape[-2:], dtype=bool)
        key = (dataset.name, rows.start, rows.stop, cols.start, cols.stop)
        if self._last_zeros is not None and self._last_zeros[0] == key:
            return self._last_zeros[1]
        if self.file_type == "velocity" and dataset.name != "velocity" and "velocity" in self.datasets:
            zeros: np.ndarray = self.read("velocity", rows, cols) == 0
        elif values.ndim == 2:
            zeros = values == 0
        else:
            zeros = _all_zero(values)
            seen = set(range(dataset.bands) if bands is None else bands)
            others = [band for band in range(dataset.bands) if band not in seen]
            for start in range(0, len(others), _BANDS_AT_ONCE):
                if not zeros.any():
                    break
                zeros &= _all_zero(
                    self.read(dataset.name, rows, cols, others[start : start + _BANDS_AT_ONCE])
                )
        reference = self.reference_pixel
        if reference is not None:
            row, col = reference[0] - rows.start, reference[1] - cols.start
            if 0 <= row < zeros.shape[0] and 0 <= col < zeros.shape[1]:
                zeros[row, col] = False
        self._last_zeros = (key, zeros)
        return zeros

    def read_pixel(self, name: str, row: int, col: int) -> np.ndarray:
        """Read all bands of one pixel as float64, NaN where missing; shape (bands,)."""
        dataset = self.dataset(name)
        rows, cols = slice(row, row + 1), slice(col, col + 1)
        values = self.read(name, rows, cols)
        missing = np.broadcast_to(self.missing(dataset, values, rows, cols), values.shape)
        series: np.ndarray = np.where(missing, np.nan, values.astype(np.float64)).reshape(-1)
        return series

    def chunk_table(self, name: str) -> ChunkTable | None:
        """Give the byte offsets of an uncompressed dataset; None when compressed or filtered."""
        source = self._file[self.dataset(name).name]
        if (
            source.compression is not None
            or source.shuffle
            or source.fletcher32
            or source.scaleoffset is not None
        ):
            return None
        if source.chunks is None:
            offset = source.id.get_offset()
            if offset is None:
                return None
            return ChunkTable(
                np.full((1,) * source.ndim, offset, np.int64), source.shape, float(source.fillvalue)
            )
        grid = tuple(-(-size // chunk) for size, chunk in zip(source.shape, source.chunks))
        offsets = np.full(grid, -1, dtype=np.int64)

        def note(info: Any) -> None:
            position = tuple(start // size for start, size in zip(info.chunk_offset, source.chunks))
            if all(index < limit for index, limit in zip(position, grid)):
                offsets[position] = info.byte_offset

        source.id.chunk_iter(note)
        return ChunkTable(offsets, source.chunks, float(source.fillvalue))

    def _date_array(self) -> np.ndarray | None:
        if "date" not in self._file or not isinstance(self._file["date"], h5py.Dataset):
            return None
        values = np.asarray(self._file["date"][()])
        return np.array([_text(value) for value in values.ravel()], dtype=object).reshape(values.shape)

    def _list_datasets(self) -> dict[str, Dataset]:
        found = {}
        for name, item in self._file.items():
            if not isinstance(item, h5py.Dataset) or item.ndim not in (2, 3) or item.dtype.kind not in "bfiu":
                continue
            if item.shape[-2:] != (self.height, self.width) or 0 in item.shape:
                continue
            found[name] = Dataset(
                name, item.shape, item.dtype, item.chunks, item.compression, self._unit(name, item)
            )
        return found

    def _unit(self, name: str, item: h5py.Dataset) -> str:
        if "UNIT" in item.attrs:
            return _text(item.attrs["UNIT"])
        if name in _PHASE_NAMES:
            return "radian"
        if name == "coherence" or item.dtype.kind == "b":
            return "1"
        if self.file_type == "velocity":
            if name.endswith("Phase"):
                return "radian"
            return "m/year" if name.startswith("velocity") else "m"
        return {"timeseries": "m", "dem": "m"}.get(self.file_type, self.attributes.get("UNIT", ""))


def _all_zero(values: np.ndarray) -> np.ndarray:
    """Tell which pixels are 0 in all bands of (bands, rows, cols)."""
    zeros: np.ndarray = (values[0] == 0) & (values[-1] == 0)
    if zeros.any():
        zeros[zeros] = ~values[:, zeros].any(axis=0)
    return zeros


def open_hdf5(path: Path, mode: str = "r") -> h5py.File:
    """Open any HDF5 file; errors are h5py's own."""
    return h5py.File(path, mode)


def is_hdf5(path: Path) -> bool:
    """Tell by its first bytes whether a file is HDF5; False where there is none."""
    try:
        with path.open("rb") as file:
            return file.read(len(_SIGNATURE)) == _SIGNATURE
    except OSError:
        return False


def _open(path: Path) -> h5py.File:
    if not path.is_file():
        raise InsarError("file.missing", file=str(path))
    try:
        return open_hdf5(path)
    except OSError as error:
        reason = str(error)
        is_locked = error.errno in (errno.EAGAIN, errno.EACCES) or any(
            text in reason for text in ("unable to lock", "open for write")
        )
        is_fresh = time.time() - path.stat().st_mtime < _BUSY_SECONDS
        if is_locked or (is_hdf5(path) and is_fresh):
            raise InsarError("hdf5.busy", file=str(path)) from error
        code = "hdf5.damaged" if is_hdf5(path) else "hdf5.not_mintpy"
        raise InsarError(code, file=str(path), reason=reason) from error


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray) and value.size == 1:
        return _text(value.reshape(-1)[0])
    return str(value)


def _parse_date(text: str, path: Path) -> dt.date:
    """Read ``YYYYMMDD``, with or without ``THHMM`` after it."""
    try:
        return dt.datetime.strptime(text[:8], "%Y%m%d").date()
    except ValueError as error:
        raise InsarError("hdf5.no_dates", file=str(path), dataset="date") from error

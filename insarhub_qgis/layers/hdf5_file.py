# SPDX-License-Identifier: GPL-2.0-or-later
"""What a MintPy HDF5 file holds, read by GDAL's multidimensional API: attributes, datasets, dates. No pixels."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from osgeo import gdal

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.georeference import Georeference

try:
    import fcntl
except ImportError:  # Windows: HDF5 takes no advisory lock there either
    fcntl = None  # type: ignore[assignment]

#: Filter pipeline message: id 32000, length of the name, flags, number of values, name.
_LZF_FILTER = re.compile(rb"\x00\x7d[\x03-\x08]\x00.{4}lzf", re.DOTALL)
_HEADER_BYTES = 65536


@dataclass(frozen=True)
class Hdf5Array:
    """One dataset: name without leading slash, shape (rows, cols) or (dates, rows, cols), GDAL number type."""

    name: str
    shape: tuple[int, ...]
    gdal_type: int


@dataclass(frozen=True)
class Hdf5File:
    """Content of a MintPy file.

    Attributes
    ----------
    attributes
        Root attributes as text.
    arrays
        Datasets of two or three dimensions by name.
    dates
        Acquisition dates of a time series, else empty.
    """

    path: Path
    attributes: Mapping[str, str]
    arrays: Mapping[str, Hdf5Array]
    dates: tuple[datetime.date, ...]

    def array(self, name: str) -> Hdf5Array:
        found = self.arrays.get(name)
        if found is None:
            raise InsarError("hdf5.no_dataset", file=str(self.path), dataset=name, known=sorted(self.arrays))
        return found

    def georeference(self, name: str) -> Georeference:
        """Grid of a dataset; raises ``raster.radar_coded`` or ``raster.no_crs``."""
        rows, cols = self.array(name).shape[-2:]
        return Georeference.from_attributes(self.attributes, cols, rows, str(self.path))

    @property
    def reference_pixel(self) -> tuple[int, int] | None:
        """(row, col) of MintPy's reference point; None where the file names none."""
        try:
            return int(self.attributes["REF_Y"]), int(self.attributes["REF_X"])
        except (KeyError, ValueError):
            return None

    @property
    def reference_date(self) -> datetime.date | None:
        return _date_or_none(self.attributes.get("REF_DATE", ""))

    @property
    def nodata(self) -> float | None:
        """Declared nodata value; None where the file declares none."""
        try:
            return float(self.attributes["NO_DATA_VALUE"])
        except (KeyError, ValueError):
            return None


def read_hdf5(path: Path) -> Hdf5File:
    """Read names, shapes, attributes and dates; takes milliseconds whatever the size.

    Raises
    ------
    InsarError
        ``hdf5.missing``, ``hdf5.busy`` while another process writes it, ``hdf5.no_driver`` when GDAL was built
        without HDF5, ``hdf5.unreadable``.
    """
    if not path.is_file():
        raise InsarError("hdf5.missing", file=str(path))
    refuse_busy(path)
    if gdal.GetDriverByName("HDF5") is None:
        raise InsarError("hdf5.no_driver", file=str(path))
    try:
        dataset = open_quietly(path)
        group = dataset.GetRootGroup()
        attributes = {a.GetName(): _text(a) for a in group.GetAttributes()}
        arrays = {}
        dates: tuple[datetime.date, ...] = ()
        for name in group.GetMDArrayNames():
            array = group.OpenMDArray(name)
            shape = tuple(int(d.GetSize()) for d in array.GetDimensions())
            number = array.GetDataType().GetNumericDataType()
            if name == "date" and shape:
                dates = _dates(array, shape)
            elif len(shape) in (2, 3) and number != gdal.GDT_Unknown and 0 not in shape:
                arrays[name] = Hdf5Array(name, shape, number)
    except (RuntimeError, AttributeError, ValueError) as error:
        raise InsarError("hdf5.unreadable", file=str(path), reason=str(error)) from error
    return Hdf5File(path, attributes, arrays, dates)


def refuse_busy(path: Path) -> None:
    """Raise ``hdf5.busy`` while a writer holds HDF5's exclusive lock on the file.

    GDAL opens HDF5 without looking at the lock and would show a half-written file.
    """
    if fcntl is None:
        return
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise InsarError("hdf5.busy", file=str(path)) from error
    except OSError:
        # File systems without locks (some network disks): nothing can be told, reading goes on.
        if not path.is_file():
            raise InsarError("hdf5.missing", file=str(path)) from None


def open_quietly(path: Path) -> Any:
    """Open a file with the multidimensional API; RuntimeError when it cannot be."""
    with gdal_exceptions():
        dataset = gdal.OpenEx(str(path), gdal.OF_MULTIDIM_RASTER)
        if dataset is None:
            raise RuntimeError(gdal.GetLastErrorMsg() or "not an HDF5 file")
        return dataset


def is_readable_by_layers(file: Hdf5File, name: str) -> bool:
    """Tell whether GDAL's classic driver, which serves the map, can read a dataset.

    It refuses booleans (an HDF5 enumeration), and chunks compressed by a filter that is not there (lzf). HDF5 stores
    chunks that do not shrink uncompressed, so single chunks of an lzf dataset may be readable: the filter's own
    mark is looked for first, then a few pixels spread over the raster are read.
    """
    array = file.array(name)
    if _names_lzf_filter(file.path):
        return False
    with gdal_exceptions():
        try:
            dataset = gdal.Open(subdataset(str(file.path), name))
            band = dataset.GetRasterBand(1)
            if band.DataType == gdal.GDT_Unknown:
                return False
            rows, cols = array.shape[-2:]
            for row, col in (
                (0, 0),
                (0, cols - 1),
                (rows // 2, cols // 2),
                (rows - 1, 0),
                (rows - 1, cols - 1),
            ):
                band.ReadRaster(col, row, 1, 1)
        except (RuntimeError, AttributeError):
            return False
    return True


def _names_lzf_filter(path: Path) -> bool:
    with path.open("rb") as file:
        return _LZF_FILTER.search(file.read(_HEADER_BYTES)) is not None


def subdataset(path: str, name: str) -> str:
    """Name under which GDAL's classic driver opens one dataset of a file."""
    return f'HDF5:"{path}"://{name}'


class gdal_exceptions:  # noqa: N801 (used like a function in with statements)
    """GDAL errors as exceptions inside, the caller's setting restored after: other plugins rely on theirs."""

    def __enter__(self) -> None:
        self._were_on = gdal.GetUseExceptions()
        gdal.UseExceptions()

    def __exit__(self, *_: object) -> None:
        if not self._were_on:
            gdal.DontUseExceptions()


def _text(attribute: Any) -> str:
    value = attribute.Read()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


def _dates(array: Any, shape: tuple[int, ...]) -> tuple[datetime.date, ...]:
    """Dates of a series (N,); pairs (N, 2) come back flattened and belong to interferograms, not to a series."""
    if len(shape) != 1:
        return ()
    values = array.Read()
    dates = [_date_or_none(v.decode() if isinstance(v, bytes) else str(v)) for v in values]
    known = tuple(d for d in dates if d is not None)
    if len(known) != len(dates):
        raise ValueError("a date of the series is no date")
    return known


def _date_or_none(text: str) -> datetime.date | None:
    digits = text.strip()[:8]
    try:
        return datetime.date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return None


def read_pixel(file: Hdf5File, name: str, row: int, col: int) -> np.ndarray:
    """Values of one pixel, one per band (n_dates,), read at once; stored unit."""
    array = file.array(name)
    lead = len(array.shape) - 2
    with gdal_exceptions():
        try:
            dataset = open_quietly(file.path)
            group = dataset.GetRootGroup()
            start = [0] * lead + [row, col]
            count = [*array.shape[:lead], 1, 1]
            return np.asarray(group.OpenMDArray(name).ReadAsArray(start, count), dtype=np.float64).reshape(-1)
        except RuntimeError as error:
            raise InsarError("hdf5.unreadable", file=str(file.path), reason=str(error)) from error

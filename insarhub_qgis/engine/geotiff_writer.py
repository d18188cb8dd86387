# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes large GeoTIFFs window by window: bounded memory, and nothing half done under the final name.

ZSTD level 1 without predictor: on a 1.8 GB series, deflate level 1 with predictor 3 took 2.8 times as long
for a file one per cent smaller. Every GDAL that ships with QGIS 3.40 reads it. Overviews are averaged from the
windows as they pass, which costs a tenth of reading the finished file again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from osgeo import gdal, gdal_array, osr

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.georeference import Georeference
from insarhub_qgis.core.progress import (
    IsCancelled,
    Report,
    ignore_progress,
    never_cancelled,
    stop_if_cancelled,
)
from insarhub_qgis.engine.failures import export_failure

gdal.UseExceptions()
osr.UseExceptions()

FLOAT_NODATA = -9999.0
MASK_NODATA = 255
#: Most bytes of one window of values; two of them live at a time.
WINDOW_BYTES = 16 * 2**20
#: Windows of few bands stop here, so that reading, averaging and compressing take turns often.
_USUAL_WINDOW_BYTES = 4 * 2**20
TILE = 256
#: Overviews are 4, 16, 64... times coarser: one window of whole tiles makes whole tiles of the first.
_OVERVIEW_STEP = 4
_OVERVIEW_TILE = TILE // _OVERVIEW_STEP
_SMALLEST_OVERVIEW = 256
#: Small, so that GDAL compresses while the next window is read, and not all at the end.
_CACHE_BYTES = 8 * 2**20
_THREADS = max(2, min(4, os.cpu_count() or 2))


def nodata_for(dtype: np.dtype[Any]) -> float:
    """Nodata value of an export: 255 for 8-bit and bool, else -9999."""
    return MASK_NODATA if dtype.kind == "b" or dtype.itemsize == 1 else FLOAT_NODATA


def output_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Data type that holds all values and the nodata value of an export.

    bool and 8-bit become uint8; unsigned and long integers become a signed type or float64.
    """
    if dtype.kind == "b" or dtype.itemsize == 1:
        return np.dtype(np.uint8)
    if dtype.kind == "f":
        return np.dtype(np.float64 if dtype.itemsize == 8 else np.float32)
    if dtype.itemsize == 2:
        return np.dtype(np.int16 if dtype.kind == "i" else np.int32)
    return np.dtype(np.int32 if dtype.kind == "i" and dtype.itemsize == 4 else np.float64)


@dataclass(frozen=True)
class RasterPlan:
    """What a raster will be before its first pixel is known."""

    path: Path
    georeference: Georeference
    dtype: np.dtype[Any]
    band_names: tuple[str, ...]
    tags: dict[str, str] = field(default_factory=dict)
    raster_format: str = "GTiff"
    unit: str = ""

    @property
    def nodata(self) -> float:
        return nodata_for(self.dtype)

    def windows(self) -> Iterator[tuple[slice, slice, slice]]:
        """Cover the raster with (bands, rows, cols) of whole tiles; the bands of a place in a row."""
        width, height, count = self.georeference.width, self.georeference.height, len(self.band_names)
        tile_bytes = TILE * TILE * self.dtype.itemsize
        bands_step = min(count, max(1, WINDOW_BYTES // tile_bytes))
        across = -(-width // TILE)
        tiles = max(1, _USUAL_WINDOW_BYTES // (tile_bytes * bands_step))
        rows_step = TILE * max(1, tiles // across)
        cols_step = TILE * min(tiles, across)
        for row in range(0, height, rows_step):
            rows = slice(row, min(row + rows_step, height))
            for col in range(0, width, cols_step):
                cols = slice(col, min(col + cols_step, width))
                for band in range(0, count, bands_step):
                    yield slice(band, min(band + bands_step, count)), rows, cols


@dataclass(frozen=True)
class PreparedWindow:
    """Values with nodata in the gaps, and the same four times coarser (None for a small raster)."""

    values: np.ndarray
    coarse: np.ndarray | None


class GeotiffWriter:
    """A raster in the making, as a context manager: finished and renamed on success, removed otherwise.

    Raises
    ------
    InsarError
        ``export.write_failed``, e.g. when the disk is full.
    """

    def __init__(
        self, plan: RasterPlan, report: Report = ignore_progress, is_cancelled: IsCancelled = never_cancelled
    ) -> None:
        self._plan = plan
        self._report = report
        self._is_cancelled = is_cancelled
        self._part = plan.path.with_name(plan.path.name + ".part")
        self._copy = plan.path.with_name(plan.path.name + ".cog.part")
        self._samples: list[_BandStatistics] = [_BandStatistics() for _ in plan.band_names]
        self._is_averaged = plan.dtype.kind == "f"
        self._levels = self._choose_levels()
        self._raster: Any = None
        self._old_settings: dict[str, str | None] = {}

    def __enter__(self) -> GeotiffWriter:
        self._plan.path.parent.mkdir(parents=True, exist_ok=True)
        settings = {"GDAL_PAM_ENABLED": "NO", "GDAL_TIFF_OVR_BLOCKSIZE": str(_OVERVIEW_TILE)}
        self._old_settings = {key: gdal.GetThreadLocalConfigOption(key) for key in settings}
        self._old_cache = gdal.GetCacheMax()
        gdal.SetCacheMax(_CACHE_BYTES)
        for key, value in settings.items():
            gdal.SetThreadLocalConfigOption(key, value)
        try:
            self._create()
        except BaseException as error:
            self._clean_up()
            if isinstance(error, RuntimeError):
                raise self._failed(error) from error
            raise
        return self

    def prepare(self, values: np.ndarray, missing: np.ndarray) -> PreparedWindow:
        """Fill gaps and average the overview of a window; may run in another thread than `write`.

        Parameters
        ----------
        values
            Shape (bands, rows, cols); overwritten.
        missing
            bool of the same shape, or (1, rows, cols) for all bands.
        """
        plan = self._plan
        values = np.ascontiguousarray(values, dtype=plan.dtype)
        has_gaps = bool(missing.any())
        coarse = self._coarsen(values, missing if has_gaps else None) if self._levels else None
        if has_gaps:
            _fill(values, missing, plan.nodata)
        return PreparedWindow(values, coarse)

    def write(self, prepared: PreparedWindow, bands: slice, rows: slice, cols: slice) -> None:
        """Write a window of `RasterPlan.windows`."""
        stop_if_cancelled(self._is_cancelled)
        values = prepared.values
        first = bands.start + 1
        try:
            self._raster.WriteRaster(
                cols.start,
                rows.start,
                values.shape[2],
                values.shape[1],
                values.data.cast("B"),
                buf_type=gdal_array.NumericTypeCodeToGDALTypeCode(values.dtype),
                band_list=list(range(first, first + values.shape[0])),
            )
            if prepared.coarse is not None:
                for index, band in enumerate(prepared.coarse, start=first):
                    self._raster.GetRasterBand(index).GetOverview(0).WriteArray(
                        band, cols.start // _OVERVIEW_STEP, rows.start // _OVERVIEW_STEP
                    )
        except RuntimeError as error:
            raise self._failed(error) from error
        nodata = values.dtype.type(self._plan.nodata)
        for band, statistics in zip(values[:, ::4, ::4], self._samples[bands]):
            statistics.add(band[band != nodata])

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        except RuntimeError as error:
            raise self._failed(error) from error
        finally:
            self._clean_up()

    def _create(self) -> None:
        plan = self._plan
        grid = plan.georeference
        self._raster = gdal.GetDriverByName("GTiff").Create(
            str(self._part),
            grid.width,
            grid.height,
            len(plan.band_names),
            gdal_array.NumericTypeCodeToGDALTypeCode(plan.dtype),
            options=[
                "TILED=YES",
                f"BLOCKXSIZE={TILE}",
                f"BLOCKYSIZE={TILE}",
                "INTERLEAVE=BAND",
                "COMPRESS=ZSTD",
                "ZSTD_LEVEL=1",
                f"NUM_THREADS={_THREADS}",
                "BIGTIFF=IF_SAFER",
            ],
        )
        reference = osr.SpatialReference()
        reference.ImportFromEPSG(grid.epsg)
        self._raster.SetSpatialRef(reference)
        self._raster.SetGeoTransform(grid.geotransform)
        self._raster.SetMetadata({**plan.tags, "AREA_OR_POINT": "Area"})
        for index, name in enumerate(plan.band_names, start=1):
            band = self._raster.GetRasterBand(index)
            band.SetNoDataValue(plan.nodata)
            band.SetDescription(name)
            if plan.unit:
                band.SetUnitType(plan.unit)
        if self._levels:
            self._raster.BuildOverviews("NONE", self._levels)

    def _choose_levels(self) -> list[int]:
        size = max(self._plan.georeference.width, self._plan.georeference.height)
        levels, level = [], _OVERVIEW_STEP
        while size * _OVERVIEW_STEP / level > _SMALLEST_OVERVIEW:
            levels.append(level)
            level *= _OVERVIEW_STEP
        return levels

    def _coarsen(self, values: np.ndarray, missing: np.ndarray | None) -> np.ndarray:
        return coarsen(values, missing, self._plan.nodata, self._is_averaged)

    def _add_coarser_overviews(self) -> None:
        """Make each further overview from the one before, in strips of whole tiles."""
        nodata = self._plan.nodata
        strip = _OVERVIEW_TILE * _OVERVIEW_STEP
        for index in range(1, self._raster.RasterCount + 1):
            stop_if_cancelled(self._is_cancelled)
            band = self._raster.GetRasterBand(index)
            for level in range(1, len(self._levels)):
                source, target = band.GetOverview(level - 1), band.GetOverview(level)
                for row in range(0, source.YSize, strip):
                    values = source.ReadAsArray(0, row, source.XSize, min(strip, source.YSize - row))[None]
                    missing = values == nodata
                    coarse = self._coarsen(values, missing if missing.any() else None)
                    target.WriteArray(coarse[0], 0, row // _OVERVIEW_STEP)
            self._report(0.5 * index / self._raster.RasterCount, self._plan.path.name)

    def _finish(self) -> None:
        for index, statistics in enumerate(self._samples, start=1):
            band = self._raster.GetRasterBand(index)
            for key, value in statistics.tags().items():
                band.SetMetadataItem(key, value)
        if len(self._levels) > 1:
            self._add_coarser_overviews()
        self._raster.FlushCache()
        finished = self._part
        if self._plan.raster_format == "COG":
            self._write_cog()
            finished = self._copy
        self._raster = None
        stop_if_cancelled(self._is_cancelled)
        with finished.open("rb+") as file:
            os.fsync(file.fileno())
        finished.replace(self._plan.path)
        # A statistics file of an earlier raster of this name would be read as ours.
        self._plan.path.with_name(self._plan.path.name + ".aux.xml").unlink(missing_ok=True)

    def _write_cog(self) -> None:
        def tell(fraction: float, message: str, data: Any) -> int:
            self._report(0.5 + 0.4 * fraction, self._plan.path.name)
            return 0 if self._is_cancelled() else 1

        try:
            gdal.GetDriverByName("COG").CreateCopy(
                str(self._copy),
                self._raster,
                options=[
                    "COMPRESS=ZSTD",
                    "LEVEL=1",
                    f"BLOCKSIZE={TILE}",
                    "OVERVIEWS=AUTO",
                    f"NUM_THREADS={_THREADS}",
                    "BIGTIFF=IF_SAFER",
                ],
                callback=tell,
            )
        except RuntimeError:
            stop_if_cancelled(self._is_cancelled)
            raise

    def _failed(self, error: Exception) -> InsarError:
        return export_failure(self._plan.path, error)

    def _clean_up(self) -> None:
        self._raster = None
        for key, value in self._old_settings.items():
            gdal.SetThreadLocalConfigOption(key, value)
        gdal.SetCacheMax(self._old_cache)
        for path in (self._part, self._copy):
            path.unlink(missing_ok=True)


def coarsen(values: np.ndarray, missing: np.ndarray | None, nodata: float, is_averaged: bool) -> np.ndarray:
    """Make an array four times coarser.

    Parameters
    ----------
    values
        Shape (bands, rows, cols).
    missing
        bool of that shape or (1, rows, cols), or None when nothing is missing.
    is_averaged
        Mean of the values that are there; else the first value of each 4 x 4 block.

    Returns
    -------
    np.ndarray
        Shape (bands, ceil(rows / 4), ceil(cols / 4)); nodata where a block has no value.
    """
    if not is_averaged:
        coarse: np.ndarray = values[:, ::_OVERVIEW_STEP, ::_OVERVIEW_STEP].copy()
        if missing is not None:
            gaps = missing[:, ::_OVERVIEW_STEP, ::_OVERVIEW_STEP]
            _fill(coarse, gaps, nodata)
        return coarse
    if missing is not None:
        _fill(values, missing, 0)
        has_value = ~missing
    else:
        has_value = np.ones((1, *values.shape[1:]), dtype=bool)
    total = _block_sum(values, values.dtype)
    count = _block_sum(has_value, np.dtype(np.uint8))
    total /= np.maximum(count, 1)
    if missing is not None:
        _fill(total, count == 0, nodata)
    return total


def _block_sum(values: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """Sum of 4 x 4 blocks; blocks at the right and lower edge may have fewer members."""
    step = _OVERVIEW_STEP
    # Whole lines first: those are contiguous, and a quarter of the data is left for the strided sums.
    lines = values[:, ::step].astype(dtype)
    for down in range(1, step):
        part = values[:, down::step]
        lines[:, : part.shape[1]] += part
    total = lines[:, :, ::step].copy()
    for right in range(1, step):
        part = lines[:, :, right::step]
        total[:, :, : part.shape[2]] += part
    return total


def _fill(values: np.ndarray, missing: np.ndarray, value: float) -> None:
    """Set values where ``missing``, of the same shape or (1, rows, cols), is True."""
    np.copyto(values, values.dtype.type(value), where=missing)


class _BandStatistics:
    """Minimum, maximum, mean and standard deviation of values that arrive in pieces."""

    def __init__(self) -> None:
        self._count = 0
        self._sum = 0.0
        self._squares = 0.0
        self._low = np.inf
        self._high = -np.inf

    def add(self, values: np.ndarray) -> None:
        if values.size == 0:
            return
        wide = values.astype(np.float64)
        self._count += values.size
        self._sum += float(wide.sum())
        self._squares += float(np.dot(wide, wide))
        self._low = min(self._low, float(wide.min()))
        self._high = max(self._high, float(wide.max()))

    def tags(self) -> dict[str, str]:
        """GDAL's statistics items, marked approximate: every fourth row and column is counted."""
        if self._count == 0:
            return {}
        mean = self._sum / self._count
        deviation = max(self._squares / self._count - mean * mean, 0.0) ** 0.5
        return {
            "STATISTICS_APPROXIMATE": "YES",
            "STATISTICS_MINIMUM": repr(self._low),
            "STATISTICS_MAXIMUM": repr(self._high),
            "STATISTICS_MEAN": repr(mean),
            "STATISTICS_STDDEV": repr(deviation),
        }

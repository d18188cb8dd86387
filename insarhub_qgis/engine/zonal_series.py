# SPDX-License-Identifier: GPL-2.0-or-later
"""Time series of zones: median and spread of the valid pixels whose centre is inside. docs: analysis.md 8."""

from __future__ import annotations

import datetime as dt
import math
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from osgeo import gdal, gdal_array, ogr

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.georeference import Georeference
from insarhub_qgis.core.progress import stop_if_cancelled
from insarhub_qgis.core.requests import ZonalSeries
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.core.time_series_fit import fit_series, median_and_mad
from insarhub_qgis.engine.mintpy_hdf5 import Dataset, MintpyFile
from insarhub_qgis.engine.sample_series import series_dataset, to_json_values
from insarhub_qgis.engine.valid_mask import ValidMask

gdal.UseExceptions()
ogr.UseExceptions()

OUTSIDE = "zone.outside"
NO_PIXEL = "zone.no_pixel"
FEW_PIXELS = "zone.few_pixels"
_FEW = 3
_LAST_YEAR = dt.timedelta(days=365)
_BLOCK_VALUES = 6_000_000


def run(request: ZonalSeries, context: RunContext) -> dict[str, Any]:
    """Answer `ZonalSeries`.

    A zone without valid pixels has ``n`` 0, no values and a reason; one with fewer than three has values and
    the reason ``zone.few_pixels``.

    Raises
    ------
    InsarError
        ``zone.bad_geometry``, ``mask.*``, ``hdf5.*``, ``raster.*``, ``file.missing``.
    """
    source = Path(request.source)
    with ExitStack() as stack:
        file = stack.enter_context(MintpyFile(source))
        dataset = series_dataset(file)
        mask_path = Path(request.mask) if request.mask else _mask_beside(source)
        mask = stack.enter_context(ValidMask(mask_path, 0.0, file.georeference)) if mask_path else None
        zones = []
        for index, text in enumerate(request.zones):
            stop_if_cancelled(context.is_cancelled)
            zones.append(_zone(file, dataset, mask, _polygon(text, index)))
            context.report((index + 1) / len(request.zones), "")
        return {"dates": [date.isoformat() for date in file.dates], "zones": zones}


def _mask_beside(source: Path) -> Path | None:
    names = (
        ("geo_maskTempCoh.h5", "maskTempCoh.h5") if source.stem.startswith("geo_") else ("maskTempCoh.h5",)
    )
    return next((path for path in (source.with_name(name) for name in names) if path.is_file()), None)


def _polygon(text: str, index: int) -> ogr.Geometry:
    try:
        geometry = ogr.CreateGeometryFromWkt(text)
    except RuntimeError as error:
        raise InsarError("zone.bad_geometry", zone=index + 1) from error
    kinds = (ogr.wkbPolygon, ogr.wkbMultiPolygon)
    if geometry is None or ogr.GT_Flatten(geometry.GetGeometryType()) not in kinds:
        raise InsarError("zone.bad_geometry", zone=index + 1)
    return geometry


def _zone(
    file: MintpyFile, dataset: Dataset, mask: ValidMask | None, polygon: ogr.Geometry
) -> dict[str, Any]:
    window = _window_of(polygon, file.georeference)
    if window is None:
        return _without_values(OUTSIDE)
    rows, cols = window
    is_inside = pixels_inside(polygon, file.georeference, rows, cols)
    if mask is not None:
        is_inside &= mask.read(rows, cols)
    median, mad, counts = _statistics(file, dataset, rows, cols, is_inside)
    count = int(counts.max(initial=0))
    if count == 0:
        return _without_values(NO_PIXEL)
    dates = file.dates
    velocity, deviation = _rate(dates, median * 1000)
    recent = dates[-1] - _LAST_YEAR
    last_rate, _ = _rate(dates, median * 1000, recent) if dates[0] <= recent else (None, None)
    return {
        "n": count,
        "median_mm": to_json_values(median * 1000),
        "mad_mm": to_json_values(mad * 1000),
        "velocity_mm_per_year": velocity,
        "velocity_std_mm_per_year": deviation,
        "last_year_rate_mm_per_year": last_rate,
        "reason": FEW_PIXELS if count < _FEW else None,
    }


def _without_values(reason: str) -> dict[str, Any]:
    names = (
        "median_mm",
        "mad_mm",
        "velocity_mm_per_year",
        "velocity_std_mm_per_year",
        "last_year_rate_mm_per_year",
    )
    return {"n": 0, **dict.fromkeys(names), "reason": reason}


def _statistics(
    file: MintpyFile, dataset: Dataset, rows: slice, cols: slice, is_inside: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Median, MAD and number of values per date; dates are read in groups to bound the memory."""
    group = max(1, _BLOCK_VALUES // max(is_inside.size, 1))
    medians, mads, counts = [], [], []
    for start in range(0, dataset.bands, group):
        bands = range(start, min(start + group, dataset.bands))
        values = file.read(dataset.name, rows, cols, bands)
        missing = np.broadcast_to(file.missing(dataset, values, rows, cols, bands), values.shape)
        series = values[:, is_inside].astype(np.float64)
        series[missing[:, is_inside]] = np.nan
        median, mad, count = median_and_mad(series)
        medians.append(median)
        mads.append(mad)
        counts.append(count)
    return np.concatenate(medians), np.concatenate(mads), np.concatenate(counts)


def _window_of(polygon: ogr.Geometry, grid: Georeference) -> tuple[slice, slice] | None:
    x_min, x_max, y_min, y_max = polygon.GetEnvelope()
    first_col = max(math.floor((x_min - grid.x_first) / grid.x_step), 0)
    last_col = min(math.floor((x_max - grid.x_first) / grid.x_step) + 1, grid.width)
    first_row = max(math.floor((y_max - grid.y_first) / grid.y_step), 0)
    last_row = min(math.floor((y_min - grid.y_first) / grid.y_step) + 1, grid.height)
    if first_col >= last_col or first_row >= last_row:
        return None
    return slice(first_row, last_row), slice(first_col, last_col)


def pixels_inside(polygon: ogr.Geometry, grid: Georeference, rows: slice, cols: slice) -> np.ndarray:
    """Tell which pixels of a window have their centre inside a polygon; bool (rows, cols)."""
    inside = np.zeros((rows.stop - rows.start, cols.stop - cols.start), dtype=np.uint8)
    raster = gdal_array.OpenArray(inside)
    x_first, y_first = grid.x_first + cols.start * grid.x_step, grid.y_first + rows.start * grid.y_step
    raster.SetGeoTransform((x_first, grid.x_step, 0, y_first, 0, grid.y_step))
    memory = ogr.GetDriverByName("Memory").CreateDataSource("")
    layer = memory.CreateLayer("zone", None, ogr.wkbUnknown)
    feature = ogr.Feature(layer.GetLayerDefn())
    feature.SetGeometry(polygon)
    layer.CreateFeature(feature)
    gdal.RasterizeLayer(raster, [1], layer, burn_values=[1])
    raster.FlushCache()
    return inside.astype(bool)


def _rate(
    dates: list[dt.date], values: np.ndarray, start: dt.date | None = None
) -> tuple[float | None, float | None]:
    try:
        return fit_series(dates, values, start=start).velocity
    except InsarError as error:
        if error.code not in ("fit.not_enough_dates", "fit.undetermined"):
            raise
        return None, None

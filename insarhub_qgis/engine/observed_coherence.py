# SPDX-License-Identifier: GPL-2.0-or-later
"""The coherence that a product shows inside an area, read straight from its zip."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.features import geometry_mask
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform
from rasterio.windows import Window
from shapely.geometry.base import BaseGeometry

from insarhub_qgis.core.coherence_decay import USABLE_COHERENCE
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.product_archive import ProductArchive
from insarhub_qgis.core.progress import IsCancelled, never_cancelled, stop_if_cancelled

COHERENCE_KIND, WATER_KIND = "corr", "water_mask"
#: Fewer pixels with their middle inside: all that the area touches count, as in decay maps.
_FEW_PIXELS = 3
#: Values read at once; a cancel is heard in between.
_BLOCK_VALUES = 1 << 20
#: An estimate of 1 may be stored a little larger.
_LARGEST = 1.0 + 1e-6


@dataclass(frozen=True)
class ObservedCoherence:
    """Figures of the valid pixels of one product inside an area; never without a pixel.

    Attributes
    ----------
    median, p25
        Of the coherence, 0..1.
    usable_share
        Share of the valid pixels above 0.3.
    pixels
        Valid pixels.
    covered
        Share of the area that they cover; water is not covered.
    is_water_masked
        False for a product without water mask: what is water counted too.
    """

    median: float
    p25: float
    usable_share: float
    pixels: int
    covered: float
    is_water_masked: bool


def read_observed_coherence(
    archive: ProductArchive, area: BaseGeometry, is_cancelled: IsCancelled = never_cancelled
) -> ObservedCoherence:
    """Read the coherence of a product inside an area.

    A pixel is valid when it is finite, not nodata, above 0 and at most 1, and not water. Its middle must be inside; of
    an area with fewer than three such pixels all that it touches count.

    Parameters
    ----------
    area
        Longitude and latitude in degrees; across the antimeridian longitudes run on beyond 180.

    Raises
    ------
    InsarError
        ``product.incomplete`` without coherence, ``product.raster_unreadable``, ``forecast.outside`` without a
        valid pixel, ``run.cancelled``.
    """
    if COHERENCE_KIND not in archive.members:
        raise InsarError("product.incomplete", missing=[COHERENCE_KIND])
    member = archive.members[COHERENCE_KIND]
    try:
        with ExitStack() as opened:
            raster = opened.enter_context(rasterio.open(archive.gdal_path(COHERENCE_KIND)))
            grid = raster.transform
            if raster.crs is None or grid.b or grid.d or grid.a <= 0 or grid.e >= 0:
                raise InsarError(
                    "product.raster_unreadable", member=member, reason="no north-up georeference"
                )
            placed = _on_map(area, raster.crs)
            window = None if placed is None else _window(placed, raster)
            if placed is None or window is None:
                raise InsarError("forecast.outside", product=archive.product.name)
            water = None
            if WATER_KIND in archive.members:
                member = archive.members[WATER_KIND]
                water = opened.enter_context(rasterio.open(archive.gdal_path(WATER_KIND)))
                water = opened.enter_context(_same_grid(water, raster))
            inside = _inside(placed, window, raster)
            values = np.concatenate(list(_valid_values(raster, water, window, inside, is_cancelled)))
    except RasterioError as error:
        raise InsarError("product.raster_unreadable", member=member, reason=str(error)) from error
    if not len(values):
        raise InsarError("forecast.outside", product=archive.product.name)
    # The same quantile as of the places of the decay model: the value that reaches it, or the mean of two.
    p25, median = np.quantile(values, (0.25, 0.5), method="averaged_inverted_cdf").tolist()
    pixel_area = grid.a * -grid.e
    return ObservedCoherence(
        median=round(median, 6),
        p25=round(p25, 6),
        usable_share=round(float(np.count_nonzero(values > USABLE_COHERENCE)) / len(values), 6),
        pixels=len(values),
        covered=min(round(len(values) * pixel_area / placed.area, 4), 1.0) if placed.area else 1.0,
        is_water_masked=water is not None,
    )


def _on_map(area: BaseGeometry, crs: Any) -> BaseGeometry | None:
    """Give an area in a map's coordinates; None where the map cannot show it.

    Edges are densified before, since a straight line in degrees is a curve in metres.
    """
    west, south, east, north = area.bounds
    dense = shapely.segmentize(area, max(max(east - west, north - south) / 200, 1e-6))
    points = shapely.get_coordinates(dense)
    try:
        xs, ys = transform("EPSG:4326", crs, points[:, 0].tolist(), points[:, 1].tolist())
    except Exception as error:
        # The class of GDAL's own errors is private to rasterio.
        if not type(error).__module__.startswith("rasterio"):
            raise
        return None
    placed = np.column_stack([xs, ys])
    if not np.isfinite(placed).all():
        return None
    return shapely.make_valid(shapely.set_coordinates(dense, placed))


def _window(placed: BaseGeometry, raster: Any) -> Window | None:
    """Give the pixels of a raster that an area may touch; None when it lies beside."""
    grid = raster.transform
    left, bottom, right, top = placed.bounds
    cols = (
        max(math.floor((left - grid.c) / grid.a), 0),
        min(math.ceil((right - grid.c) / grid.a), raster.width),
    )
    rows = (
        max(math.floor((top - grid.f) / grid.e), 0),
        min(math.ceil((bottom - grid.f) / grid.e), raster.height),
    )
    if cols[0] >= cols[1] or rows[0] >= rows[1]:
        return None
    return Window(cols[0], rows[0], cols[1] - cols[0], rows[1] - rows[0])


def _inside(placed: BaseGeometry, window: Window, raster: Any) -> NDArray[np.bool_]:
    grid = raster.transform
    x, y = grid.c + window.col_off * grid.a, grid.f + window.row_off * grid.e
    corner = rasterio.Affine(grid.a, 0.0, x, 0.0, grid.e, y)
    shape = (window.height, window.width)
    inside = geometry_mask([placed], shape, corner, invert=True)
    if np.count_nonzero(inside) < _FEW_PIXELS:
        inside = geometry_mask([placed], shape, corner, all_touched=True, invert=True)
    return np.asarray(inside, dtype=bool)


def _same_grid(water: Any, raster: Any) -> Any:
    """Give a water mask on the pixels of the coherence; beyond it there is water."""
    return WarpedVRT(
        water,
        crs=raster.crs,
        transform=raster.transform,
        width=raster.width,
        height=raster.height,
        resampling=Resampling.nearest,
    )


def _valid_values(
    raster: Any, water: Any, window: Window, inside: NDArray[np.bool_], is_cancelled: IsCancelled
) -> Iterator[NDArray[np.float32]]:
    rows_at_once = max(_BLOCK_VALUES // window.width, 1)
    for first in range(0, window.height, rows_at_once):
        stop_if_cancelled(is_cancelled)
        count = min(rows_at_once, window.height - first)
        block = Window(window.col_off, window.row_off + first, window.width, count)
        values = raster.read(1, window=block).astype(np.float32)
        valid = inside[first : first + count] & np.isfinite(values) & (values > 0) & (values <= _LARGEST)
        if raster.nodata is not None and not math.isnan(raster.nodata):
            valid &= values != raster.nodata
        if water is not None:
            valid &= water.read(1, window=block) != 0
        yield values[valid]

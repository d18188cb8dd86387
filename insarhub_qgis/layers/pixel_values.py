# SPDX-License-Identifier: GPL-2.0-or-later
"""The value under the cursor: the exact pixel of an InSAR layer, no resampling, with unit and sign."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsDateTimeRange,
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
)

from insarhub_qgis.core.georeference import Georeference
from insarhub_qgis.host.translation import tr
from insarhub_qgis.layers import layer_tree
from insarhub_qgis.layers.hdf5_file import gdal_exceptions
from insarhub_qgis.layers.layer_tree import top_insar_layer
from insarhub_qgis.layers.result_layers import source_of
from insarhub_qgis.layers.styles import LayerStyle, style_for
from insarhub_qgis.layers.temporal import band_at

__all__ = ["PixelValue", "PixelValueReader", "top_insar_layer"]

OUTSIDE, NO_DATA, NOT_READABLE, NO_DATE = "outside", "no_data", "not_readable", "no_date"
_MAX_OPEN = 16


@dataclass(frozen=True)
class PixelValue:
    """What one pixel of a layer holds.

    Attributes
    ----------
    value
        Shown unit; None where there is none, see ``reason``.
    stored_value
        As in the file (metres, m/yr, radians).
    row, col
        None outside the raster.
    reason
        ``outside``, ``no_data``, ``not_readable``, ``no_date`` (the map's time range has no date of the layer) or empty.
    when
        ``2018-01-06 → 2018-01-30`` of a pair, the date of a band, or empty.
    """

    quantity: str
    value: float | None
    stored_value: float | None
    unit: str
    sign: str
    row: int | None
    col: int | None
    reason: str = ""
    when: str = ""
    value_text: str = ""

    def text(self) -> str:
        """Give e.g. ``unwrapped phase 3.42 rad (+ away) · 2018-01-06 → 2018-01-30``."""
        reasons = {
            OUTSIDE: tr("no data here (outside the layer)"),
            NO_DATA: tr("no data here"),
            NOT_READABLE: tr("the file cannot be read now"),
            NO_DATE: tr("no date in the map's time range"),
        }
        shown = (
            f"{self.quantity} {self.value_text}"
            if not self.reason
            else f"{self.quantity}: {reasons[self.reason]}"
        )
        return f"{shown} · {self.when}" if self.when else shown


@dataclass
class _OpenRaster:
    dataset: Any
    grid: Georeference
    stamp: tuple[Any, ...]


class PixelValueReader:
    """Reads pixels of InSAR layers; keeps GDAL handles open, so the main thread only. `close` lets the files go."""

    def __init__(self) -> None:
        self._open: dict[str, _OpenRaster] = {}
        self._transforms: dict[tuple[str, str], QgsCoordinateTransform] = {}

    def value_at(
        self,
        layer: QgsRasterLayer,
        point: QgsPointXY,
        point_crs: QgsCoordinateReferenceSystem,
        time_range: QgsDateTimeRange | None = None,
    ) -> PixelValue | None:
        """Give the value of the pixel that contains a point; None for layers that are not of this plugin.

        A pixel owns its left and upper edge. ``time_range`` is that of the map: it chooses the band of a series.
        """
        kind = layer.customProperty(layer_tree.KIND)
        if not kind:
            return None
        style = style_for(str(kind))
        raster = self._raster_of(layer)
        if raster is None:
            return _none(style, layer, NOT_READABLE)
        band = band_at(layer, time_range)
        if band < 1:
            return _none(style, layer, NO_DATE)
        when = _when(layer, raster, band)
        try:
            place = self._transform(layer, point_crs).transform(point)
        except QgsCsException:
            return _none(style, layer, OUTSIDE, when=when)
        pixel = raster.grid.pixel_at(place.x(), place.y())
        if pixel is None:
            return _none(style, layer, OUTSIDE, when=when)
        return _read(layer, style, raster, band, pixel, when)

    def close(self) -> None:
        """Close all files."""
        self._open.clear()

    def _raster_of(self, layer: QgsRasterLayer) -> _OpenRaster | None:
        name = layer.source()
        stamp = _stamp(layer)
        present = self._open.get(name)
        if present is not None and present.stamp == stamp:
            return present
        self._open.pop(name, None)
        with gdal_exceptions():
            try:
                dataset = gdal.Open(name)
            except RuntimeError:
                return None
        x_first, x_step, _, y_first, _, y_step = dataset.GetGeoTransform()
        grid = Georeference(x_first, y_first, x_step, y_step, dataset.RasterXSize, dataset.RasterYSize, "")
        while len(self._open) >= _MAX_OPEN:
            self._open.pop(next(iter(self._open)))
        self._open[name] = _OpenRaster(dataset, grid, stamp)
        return self._open[name]

    def _transform(self, layer: QgsRasterLayer, crs: QgsCoordinateReferenceSystem) -> QgsCoordinateTransform:
        key = (crs.authid() or crs.toWkt(), layer.crs().authid() or layer.crs().toWkt())
        if key not in self._transforms:
            self._transforms[key] = QgsCoordinateTransform(
                crs, layer.crs(), QgsProject.instance().transformContext()
            )
        return self._transforms[key]


def _read(
    layer: QgsRasterLayer,
    style: LayerStyle,
    raster: _OpenRaster,
    number: int,
    pixel: tuple[int, int],
    when: str,
) -> PixelValue:
    row, col = pixel
    with gdal_exceptions():
        try:
            band = raster.dataset.GetRasterBand(number)
            data = band.ReadRaster(col, row, 1, 1, buf_type=gdal.GDT_Float64)
        except RuntimeError:
            return _none(style, layer, NOT_READABLE, pixel, when)
        stored = float(np.frombuffer(data, dtype=np.float64)[0])
        nodata = band.GetNoDataValue()
    provider = layer.dataProvider()
    is_missing = not np.isfinite(stored) or (nodata is not None and stored == nodata)
    is_missing = is_missing or any(r.contains(stored) for r in provider.userNoDataValues(number))
    if is_missing:
        return _none(style, layer, NO_DATA, pixel, when)
    return PixelValue(
        _quantity(layer, style),
        stored * style.factor,
        stored,
        style.unit,
        style.sign,
        row,
        col,
        when=when,
        value_text=style.value_text(stored),
    )


def _none(
    style: LayerStyle,
    layer: QgsRasterLayer,
    reason: str,
    pixel: tuple[int, int] | None = None,
    when: str = "",
) -> PixelValue:
    row, col = pixel or (None, None)
    return PixelValue(_quantity(layer, style), None, None, style.unit, style.sign, row, col, reason, when)


def _quantity(layer: QgsRasterLayer, style: LayerStyle) -> str:
    return str(layer.customProperty(layer_tree.LABEL) or style.quantity)


def _when(layer: QgsRasterLayer, raster: _OpenRaster, band: int) -> str:
    """Date of the band of a series, else the dates that end a layer's name."""
    if layer.customProperty(layer_tree.DATASET):
        description = str(raster.dataset.GetRasterBand(band).GetDescription())
        if description:
            return description
    return str(layer.customProperty(layer_tree.DATES) or "")


def _stamp(layer: QgsRasterLayer) -> tuple[Any, ...]:
    """Size and time of the files behind a layer; another stamp means that the handle shows old pixels."""
    source = source_of(layer)
    name = layer.source()
    files = [name] if source is None else [name, str(source)]
    if name.startswith("/vsizip/{"):
        files = [name[len("/vsizip/{") :].split("}")[0]]
    stamps: list[Any] = []
    for file in files:
        try:
            status = Path(file).stat()
            stamps.append((status.st_size, status.st_mtime_ns))
        except OSError:
            stamps.append(None)
    return tuple(stamps)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Polygon of what a raster or HDF5 file covers: its bounds, or its valid data. docs: analysis.md 7."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import numpy as np
from osgeo import gdal, gdal_array, ogr, osr
from rasterio.windows import Window
from scipy import ndimage

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.georeference import Georeference
from insarhub_qgis.core.progress import stop_if_cancelled
from insarhub_qgis.core.requests import ExportFootprint
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine.export_results import to_wgs84
from insarhub_qgis.engine.mintpy_hdf5 import MintpyFile, is_hdf5
from insarhub_qgis.engine.valid_mask import open_raster, raster_georeference
from insarhub_qgis.engine.vector_writer import VectorPlan, VectorWriter

_EQUAL_AREA_EPSG = 6933
#: Side of a mask cell in pixels for large rasters; a power of two that divides a machine word of bools.
_COARSE = 8
#: Rasters up to this side are outlined pixel by pixel.
_EXACT_SIDE = 1024
_BLOCK_VALUES = 6_000_000

#: ``read(rows, cols)``: True where any band has a value.
_ReadValid = Callable[[slice, slice], np.ndarray]


@dataclass(frozen=True)
class _Source:
    product: str
    georeference: Georeference
    bands: int
    dates: list[dt.date]


def run(request: ExportFootprint, context: RunContext) -> dict[str, Any]:
    """Answer `ExportFootprint`.

    Raises
    ------
    InsarError
        ``footprint.no_data`` when none is valid; ``export.*``, ``hdf5.*``, ``raster.*``, ``file.missing``.
    """
    if request.method not in ("bounds", "valid"):
        raise InsarError("export.bad_option", option="method", value=request.method)
    path = Path(request.source)
    if path.is_file() and is_hdf5(path):
        with MintpyFile(path) as file:
            source = _describe_hdf5(file)
            outline = _outline(source, _hdf5_reader(file), request, context)
    else:
        with open_raster(path) as raster:
            source = _describe_raster(raster, path)
            outline = _outline(source, _raster_reader(raster), request, context)
    area_km2 = _area_km2(outline, source.georeference.epsg)
    epsg = source.georeference.epsg
    if request.to_wgs84 and epsg != 4326:
        outline.Segmentize(max(source.georeference.width, 1) * source.georeference.x_step / 16)
        outline.Transform(to_wgs84(epsg))
        epsg = 4326
    stop_if_cancelled(context.is_cancelled)
    layer = f"{source.product}_footprint"
    plan = VectorPlan(
        Path(request.output), layer, epsg, ogr.wkbMultiPolygon, _FIELDS, replaces=request.replace
    )
    with VectorWriter(plan) as writer:
        feature = ogr.Feature(writer.layer.GetLayerDefn())
        feature.SetGeometry(outline)
        values = {
            "product": source.product,
            "source": path.name,
            "method": request.method,
            "area_km2": area_km2,
            "date_first": min(source.dates).isoformat() if source.dates else None,
            "date_last": max(source.dates).isoformat() if source.dates else None,
            "n_dates": len(source.dates) or None,
        }
        for name, value in values.items():
            if value is not None:
                feature.SetField(name, value)
        writer.layer.CreateFeature(feature)
    context.report(1.0, layer)
    return {
        "output": request.output,
        "layer": layer,
        "polygons": outline.GetGeometryCount(),
        "area_km2": area_km2,
    }


_FIELDS = (
    ("product", ogr.OFTString),
    ("source", ogr.OFTString),
    ("method", ogr.OFTString),
    ("area_km2", ogr.OFTReal),
    ("date_first", ogr.OFTDate),
    ("date_last", ogr.OFTDate),
    ("n_dates", ogr.OFTInteger),
)


def _describe_hdf5(file: MintpyFile) -> _Source:
    bands = max((dataset.bands for dataset in file.datasets.values()), default=0)
    if bands == 0:
        raise InsarError("hdf5.no_dataset", file=str(file.path), dataset="", known=[])
    dates: list[dt.date] = []
    if file.file_type == "timeseries":
        dates = file.dates
    elif file.file_type == "ifgramStack":
        dates = sorted({date for pair in file.date_pairs for date in pair})
    return _Source(file.stem, file.georeference, bands, dates)


def _describe_raster(raster: Any, path: Path) -> _Source:
    grid = raster_georeference(raster)
    if grid is None:
        raise InsarError("raster.no_crs", file=str(path))
    dates = []
    for description in raster.descriptions:
        try:
            dates.append(dt.date.fromisoformat(description or ""))
        except ValueError:
            continue
    return _Source(path.stem, grid, raster.count, dates)


def _hdf5_reader(file: MintpyFile) -> _ReadValid:
    dataset = file.primary or next(iter(file.datasets.values()))

    def read(rows: slice, cols: slice) -> np.ndarray:
        values = file.read(dataset.name, rows, cols)
        has_value: np.ndarray = ~file.missing(dataset, values, rows, cols)
        any_band: np.ndarray = np.any(has_value, axis=0) if has_value.ndim == 3 else has_value
        return any_band

    return read


def _raster_reader(raster: Any) -> _ReadValid:
    def read(rows: slice, cols: slice) -> np.ndarray:
        window = Window.from_slices(rows, cols)
        is_valid = np.zeros((rows.stop - rows.start, cols.stop - cols.start), dtype=bool)
        for index, nodata in enumerate(raster.nodatavals, start=1):
            values = raster.read(index, window=window)
            has_value = np.isfinite(values) if values.dtype.kind == "f" else np.ones(values.shape, dtype=bool)
            if nodata is not None and np.isfinite(nodata):
                has_value &= values != nodata
            is_valid |= has_value
        return is_valid

    return read


def _outline(
    source: _Source, read: _ReadValid, request: ExportFootprint, context: RunContext
) -> ogr.Geometry:
    if request.method == "bounds":
        outline = ogr.Geometry(ogr.wkbMultiPolygon)
        outline.AddGeometry(_box(source.georeference.bounds))
        return outline
    return _outline_valid(source, read, request.sieve_pixels, context)


def _outline_valid(source: _Source, read: _ReadValid, sieve: int, context: RunContext) -> ogr.Geometry:
    grid = source.georeference
    cell = 1 if max(grid.width, grid.height) <= _EXACT_SIDE else _COARSE
    counts = np.zeros((-(-grid.height // cell), -(-grid.width // cell)), dtype=np.uint8)
    for rows in _row_blocks(grid, source.bands, cell):
        stop_if_cancelled(context.is_cancelled)
        is_valid = read(rows, slice(0, grid.width))
        part = count_cells(is_valid, cell)
        first = rows.start // cell
        counts[first : first + part.shape[0]] = part
        context.report(0.8 * rows.stop / grid.height, source.product)
    is_covered = clean_mask(counts, sieve)
    if not is_covered.any():
        raise InsarError("footprint.no_data", file=source.product)
    return _polygonise(is_covered, grid, cell)


def _row_blocks(grid: Georeference, bands: int, cell: int) -> Iterator[slice]:
    step = max(cell, _BLOCK_VALUES // (grid.width * bands) // cell * cell)
    for row in range(0, grid.height, step):
        yield slice(row, min(row + step, grid.height))


def count_cells(is_valid: np.ndarray, cell: int) -> np.ndarray:
    """Count the valid pixels of each cell of ``cell`` x ``cell`` pixels (at most 8); uint8."""
    if cell == 1:
        return is_valid.astype(np.uint8)
    height, width = is_valid.shape
    rows, cols = -(-height // cell), -(-width // cell)
    if (rows * cell, cols * cell) != is_valid.shape:
        padded = np.zeros((rows * cell, cols * cell), dtype=bool)
        padded[:height, :width] = is_valid
        is_valid = padded
    down = is_valid.view(np.uint8).reshape(rows, cell, cols * cell)
    columns = down[:, 0].copy()
    for index in range(1, cell):
        columns += down[:, index]
    counts: np.ndarray = columns.reshape(rows, cols, cell).sum(axis=2, dtype=np.uint8)
    return counts


def clean_mask(counts: np.ndarray, sieve: int) -> np.ndarray:
    """Drop islands of fewer than ``sieve`` valid pixels and fill holes of fewer than ``sieve`` cells."""
    is_covered = counts > 0
    if sieve <= 1:
        return is_covered
    labels, count = ndimage.label(is_covered, structure=np.ones((3, 3), dtype=int))
    if count:
        pixels = np.bincount(labels.ravel(), weights=counts.ravel(), minlength=count + 1)
        is_covered &= (pixels >= sieve)[labels]
    holes, count = ndimage.label(~is_covered)
    if count:
        sizes = np.bincount(holes.ravel(), minlength=count + 1)
        at_edge = np.unique(np.concatenate([holes[0], holes[-1], holes[:, 0], holes[:, -1]]))
        is_small = sizes < sieve
        is_small[0] = False
        is_small[at_edge] = False
        is_covered |= is_small[holes]
    return is_covered


def _polygonise(is_covered: np.ndarray, grid: Georeference, cell: int) -> ogr.Geometry:
    """Outline the covered cells; simplified outwards, so that every covered pixel stays inside."""
    raster = gdal_array.OpenArray(np.ascontiguousarray(is_covered, dtype=np.uint8))
    raster.SetGeoTransform((grid.x_first, grid.x_step * cell, 0, grid.y_first, 0, grid.y_step * cell))
    memory = ogr.GetDriverByName("Memory").CreateDataSource("")
    layer = memory.CreateLayer("cells", None, ogr.wkbPolygon)
    band = raster.GetRasterBand(1)
    gdal.Polygonize(band, band, layer, -1, [])
    outline = ogr.Geometry(ogr.wkbMultiPolygon)
    for feature in layer:
        outline.AddGeometry(feature.GetGeometryRef())
    if cell > 1:
        # Grown by a cell (arcs of two segments a quarter: at least 0.92), then simplified by less than that.
        margin = cell * max(grid.x_step, -grid.y_step)
        outline = outline.Buffer(margin, 2).SimplifyPreserveTopology(0.9 * margin)
        outline = outline.Intersection(_box(grid.bounds))
    return ogr.ForceToMultiPolygon(outline)


def _box(bounds: tuple[float, float, float, float]) -> ogr.Geometry:
    x_min, y_min, x_max, y_max = bounds
    ring = ogr.Geometry(ogr.wkbLinearRing)
    for x, y in [(x_min, y_min), (x_max, y_min), (x_max, y_max), (x_min, y_max), (x_min, y_min)]:
        ring.AddPoint_2D(x, y)
    box = ogr.Geometry(ogr.wkbPolygon)
    box.AddGeometry(ring)
    return box


def _area_km2(outline: ogr.Geometry, epsg: int) -> float:
    """Area on the WGS84 ellipsoid, by an equal-area projection of densified edges."""
    source, target = osr.SpatialReference(), osr.SpatialReference()
    source.ImportFromEPSG(epsg)
    target.ImportFromEPSG(_EQUAL_AREA_EPSG)
    for reference in (source, target):
        reference.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    flat = outline.Clone()
    flat.Segmentize(0.01 if source.IsGeographic() else 1000.0)
    flat.Transform(osr.CoordinateTransformation(source, target))
    return float(flat.GetArea()) / 1e6

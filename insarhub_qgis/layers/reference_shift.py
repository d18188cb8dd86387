# SPDX-License-Identifier: GPL-2.0-or-later
"""Results relative to another place or date: a VRT that subtracts on the fly. The HDF5 file is never touched.

The VRT of a reference is named after its content and never changes afterwards, so a saved project keeps showing what
it was saved with, and undoing is going back to the other file.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from osgeo import gdal, ogr
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsDataProvider,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
)

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.georeference import Georeference
from insarhub_qgis.layers import hdf5_vrt, layer_tree
from insarhub_qgis.layers.hdf5_file import Hdf5File, gdal_exceptions, read_hdf5
from insarhub_qgis.layers.layer_metadata import describe_result
from insarhub_qgis.layers.result_layers import (
    has_fitting_style,
    result_layer_name,
    result_layers,
    set_fitting_style,
    source_of,
    style_of,
    write_base_vrt,
)

REFERENCE = "insarhub/reference"


@dataclass(frozen=True)
class ReferencePoint:
    """Place that results are shown relative to: one pixel, or the median of a polygon.

    Attributes
    ----------
    name
        For names and legends, e.g. ``point 2`` or ``stable rock``.
    x, y
        Any point of the pixel, in ``crs``; for a polygon the place of its label.
    crs
        ``EPSG:n`` or WKT; empty for the CRS of the layer.
    polygon_wkt
        Empty for a single pixel.
    """

    name: str
    x: float
    y: float
    crs: str = ""
    polygon_wkt: str = ""


def set_reference(layer: QgsRasterLayer, reference: ReferencePoint | None, date: str | None = None) -> None:
    """Show a result relative to a place, and a time series also relative to one of its dates.

    Parameters
    ----------
    reference
        None for MintPy's own reference point.
    date
        ISO; None for MintPy's own reference date. Ignored by layers that are no time series.

    Raises
    ------
    InsarError
        ``reference.not_relative`` for layers whose values are not relative, ``reference.outside``,
        ``reference.no_data``, ``reference.unknown_date``, and those of reading the file.
    """
    file = _file_of(layer)
    style = style_of(layer)
    if not style.is_relative:
        raise InsarError("reference.not_relative", layer=layer.name())
    has_own_style = not has_fitting_style(layer)
    dataset = str(layer.customProperty(layer_tree.DATASET))
    base = write_base_vrt(file, dataset, style)
    is_series = len(file.dates) == layer.bandCount() and len(file.dates) > 1
    chosen_date = _date_in(file, date) if date and is_series else None
    vrt, text = base, ""
    if reference is not None or chosen_date is not None:
        grid = file.georeference(dataset)
        offsets = (
            _reference_values(base, grid, reference)
            if reference is not None
            else np.zeros(layer.bandCount(), dtype=np.float64)
        )
        vrt = _write_reference_vrt(file, base, grid, offsets, chosen_date)
        text = _relative_text(reference, chosen_date)
    _show(layer, vrt)
    if not has_own_style:
        set_fitting_style(layer, style)
    layer.setName(
        result_layer_name(
            file, style, str(layer.customProperty(layer_tree.LABEL)), text and f"relative to {text}"
        )
    )
    _store(layer, reference, chosen_date.isoformat() if chosen_date else None)
    describe_result(layer, file, dataset, style, text)
    layer.triggerRepaint()
    layer.emitStyleChanged()


def reference_of(layer: QgsRasterLayer) -> tuple[ReferencePoint | None, str | None]:
    """Give what a layer is shown relative to: (place, ISO date), None for MintPy's own."""
    stored = layer.customProperty(REFERENCE)
    if not stored:
        return None, None
    values = json.loads(stored)
    point = values.get("point")
    return ReferencePoint(**point) if point else None, values.get("date")


def reapply_reference(layer: QgsRasterLayer, file: Hdf5File) -> None:
    """Load a layer again after its file changed, with the reference that it had."""
    reference, date = reference_of(layer)
    if reference is not None or date is not None:
        set_reference(layer, reference, date)
        return
    base = write_base_vrt(file, str(layer.customProperty(layer_tree.DATASET)), style_of(layer))
    _show(layer, base)
    layer.triggerRepaint()


def set_job_reference(
    project: QgsProject, job_folder: Path, reference: ReferencePoint | None, date: str | None = None
) -> list[QgsRasterLayer]:
    """Apply one reference to all relative results of a job in the project; gives the layers that changed.

    All layers are checked before the first is changed, so velocity and series never disagree.
    """
    layers = [layer for layer in result_layers(project, job_folder) if style_of(layer).is_relative]
    for layer in layers:
        if reference is not None:
            reference_values(layer, reference)
    for layer in layers:
        set_reference(layer, reference, date)
    return layers


def reference_values(layer: QgsRasterLayer, reference: ReferencePoint) -> np.ndarray:
    """Values of a reference place in the file's own frame, (n_bands,), stored unit.

    Raises
    ------
    InsarError
        ``reference.outside`` or ``reference.no_data``.
    """
    file = _file_of(layer)
    dataset = str(layer.customProperty(layer_tree.DATASET))
    base = write_base_vrt(file, dataset, style_of(layer))
    return _reference_values(base, file.georeference(dataset), reference)


def _file_of(layer: QgsRasterLayer) -> Hdf5File:
    source = source_of(layer)
    if source is None:
        raise InsarError("reference.not_relative", layer=layer.name())
    return read_hdf5(source)


def _date_in(file: Hdf5File, date: str) -> datetime.date:
    for day in file.dates:
        if day.isoformat() == date:
            return day
    raise InsarError("reference.unknown_date", date=date, file=str(file.path))


def _write_reference_vrt(
    file: Hdf5File, base: Path, grid: Georeference, offsets: np.ndarray, date: datetime.date | None
) -> Path:
    descriptions = (
        [day.isoformat() for day in file.dates] if len(file.dates) == len(offsets) else [""] * len(offsets)
    )
    date_band = file.dates.index(date) + 1 if date is not None else 0
    status = file.path.stat()
    text = hdf5_vrt.reference_vrt_text(
        base,
        grid,
        descriptions,
        [float(v) for v in offsets],
        date_band,
        f"{status.st_size}-{status.st_mtime_ns}",
    )
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()[:12]
    path = base.with_name(f"{base.stem}-relative-{digest}.vrt")
    hdf5_vrt.write_if_different(path, text)
    return path


def _reference_values(base: Path, grid: Georeference, reference: ReferencePoint) -> np.ndarray:
    if reference.polygon_wkt:
        values = _polygon_medians(base, grid, reference)
    else:
        point = _transform(grid, reference.crs).transform(QgsPointXY(reference.x, reference.y))
        pixel = grid.pixel_at(point.x(), point.y())
        if pixel is None:
            raise InsarError("reference.outside", name=reference.name)
        with gdal_exceptions():
            dataset = gdal.Open(str(base))
            values = dataset.ReadAsArray(pixel[1], pixel[0], 1, 1).astype(np.float64).reshape(-1)
    if not np.isfinite(values).all():
        raise InsarError("reference.no_data", name=reference.name)
    return values


def _polygon_medians(base: Path, grid: Georeference, reference: ReferencePoint) -> np.ndarray:
    """Median per band of the pixels whose centre is inside and that have a value in every band."""
    geometry = QgsGeometry.fromWkt(reference.polygon_wkt)
    geometry.transform(_transform(grid, reference.crs))
    box = geometry.boundingBox()
    _, _, x_max, y_max = grid.bounds
    col = max(0, int((box.xMinimum() - grid.x_first) // grid.x_step))
    row = max(0, int((box.yMaximum() - grid.y_first) // grid.y_step))
    cols = min(grid.width, int((box.xMaximum() - grid.x_first) // grid.x_step) + 1) - col
    rows = min(grid.height, int((box.yMinimum() - grid.y_first) // grid.y_step) + 1) - row
    if geometry.isEmpty() or cols < 1 or rows < 1 or box.xMinimum() >= x_max or box.yMinimum() >= y_max:
        raise InsarError("reference.outside", name=reference.name)
    corner = (
        grid.x_first + col * grid.x_step,
        grid.x_step,
        0.0,
        grid.y_first + row * grid.y_step,
        0.0,
        grid.y_step,
    )
    inside = _centres_inside(geometry, corner, rows, cols)
    with gdal_exceptions():
        dataset = gdal.Open(str(base))
        bands = [
            dataset.GetRasterBand(band).ReadAsArray(col, row, cols, rows)[inside].astype(np.float64)
            for band in range(1, dataset.RasterCount + 1)
        ]
    values = np.stack(bands)
    values = values[:, np.isfinite(values).all(axis=0)]
    if values.shape[1] == 0:
        raise InsarError("reference.no_data", name=reference.name)
    return np.asarray(np.median(values, axis=1))


def _centres_inside(
    geometry: QgsGeometry, geotransform: tuple[float, ...], rows: int, cols: int
) -> np.ndarray:
    """Boolean (rows, cols); GDAL's default rule burns pixels whose centre is inside."""
    with gdal_exceptions():
        raster = gdal.GetDriverByName("MEM").Create("", cols, rows, 1, gdal.GDT_Byte)
        raster.SetGeoTransform(geotransform)
        vector = ogr.GetDriverByName("Memory").CreateDataSource("")
        layer = vector.CreateLayer("zone")
        feature = ogr.Feature(layer.GetLayerDefn())
        feature.SetGeometry(ogr.CreateGeometryFromWkb(bytes(geometry.asWkb())))
        layer.CreateFeature(feature)
        gdal.RasterizeLayer(raster, [1], layer, burn_values=[1])
        return np.asarray(raster.ReadAsArray() == 1)


def _transform(grid: Georeference, crs: str) -> QgsCoordinateTransform:
    target = QgsCoordinateReferenceSystem(grid.crs)
    source = QgsCoordinateReferenceSystem(crs) if crs else target
    return QgsCoordinateTransform(source, target, QgsProject.instance().transformContext())


def _relative_text(reference: ReferencePoint | None, date: datetime.date | None) -> str:
    place = reference.name if reference is not None else "the reference point"
    return f"{place} on {date.isoformat()}" if date is not None else place


def _show(layer: QgsRasterLayer, vrt: Path) -> None:
    """Point the layer at another VRT; id, style, times and properties stay."""
    layer.setDataSource(str(vrt), layer.name(), "gdal", QgsDataProvider.ProviderOptions())


def _store(layer: QgsRasterLayer, reference: ReferencePoint | None, date: str | None) -> None:
    if reference is None and date is None:
        layer.removeCustomProperty(REFERENCE)
        return
    layer.setCustomProperty(
        REFERENCE, json.dumps({"point": asdict(reference) if reference else None, "date": date})
    )

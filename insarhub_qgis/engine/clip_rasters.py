# SPDX-License-Identifier: GPL-2.0-or-later
"""A window of a raster in a zip: as a VRT that points into the zip, or as a real GeoTIFF."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np

from insarhub_qgis.core.atomic_files import write_error
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.progress import IsCancelled, stop_if_cancelled
from insarhub_qgis.core.xml_text import escape
from insarhub_qgis.engine.raster_windows import Lattice, PixelBox, RasterHeader

PART_SUFFIX = ".part"
_TILE = 256
#: Rows read at once; with a width of 10 000 pixels this is 10 MB.
_ROWS_AT_ONCE = _TILE
_VRT_TYPES = {
    "uint8": "Byte",
    "uint16": "UInt16",
    "int16": "Int16",
    "uint32": "UInt32",
    "int32": "Int32",
    "float32": "Float32",
    "float64": "Float64",
}


def has_vrt_type(data_type: str) -> bool:
    return data_type in _VRT_TYPES


def vrt_of_window(header: RasterHeader, lattice: Lattice, window: PixelBox) -> str:
    """Give the text of a VRT with the pixels of ``window``, which must lie inside the raster.

    The path is absolute: GDAL resolves no relative one inside /vsizip/.
    """
    x_first, y_first = lattice.corner(window)
    box = lattice.box_of(header)
    data_type = _VRT_TYPES[header.data_type]
    size = f'xSize="{window.width}" ySize="{window.height}"'
    col, row = window.col_first - box.col_first, window.row_first - box.row_first
    nodata = "" if header.nodata is None else f"    <NoDataValue>{header.nodata!r}</NoDataValue>\n"
    return (
        f'<VRTDataset rasterXSize="{window.width}" rasterYSize="{window.height}">\n'
        f'  <SRS dataAxisToSRSAxisMapping="1,2">{escape(lattice.crs)}</SRS>\n'
        f"  <GeoTransform>{x_first!r}, {lattice.x_step!r}, 0.0, {y_first!r}, 0.0, {lattice.y_step!r}"
        "</GeoTransform>\n"
        '  <Metadata><MDI key="AREA_OR_POINT">Area</MDI></Metadata>\n'
        # MintPy notes it: the same attribute as from a GeoTIFF of one band.
        '  <Metadata domain="IMAGE_STRUCTURE"><MDI key="INTERLEAVE">BAND</MDI></Metadata>\n'
        f'  <VRTRasterBand dataType="{data_type}" band="1">\n'
        f"{nodata}"
        "    <SimpleSource>\n"
        f'      <SourceFilename relativeToVRT="0">{escape(header.source)}</SourceFilename>\n'
        "      <SourceBand>1</SourceBand>\n"
        f'      <SourceProperties RasterXSize="{header.width}" RasterYSize="{header.height}"'
        f' DataType="{data_type}" BlockXSize="{header.block_width}" BlockYSize="{header.block_height}"/>\n'
        f'      <SrcRect xOff="{col}" yOff="{row}" {size}/>\n'
        f'      <DstRect xOff="0" yOff="0" {size}/>\n'
        "    </SimpleSource>\n"
        "  </VRTRasterBand>\n"
        "</VRTDataset>\n"
    )


def raw_bytes(header: RasterHeader, window: PixelBox) -> int:
    """Give the size of a window without compression."""
    return window.pixels * np.dtype(header.data_type).itemsize


def write_window(
    header: RasterHeader, lattice: Lattice, window: PixelBox, target: Path, is_cancelled: IsCancelled
) -> float:
    """Write a window as tiled, deflated GeoTIFF of the source's type and nodata, and give its valid share.

    Valid is what is finite and not nodata; the share is 0..1. The file appears under its name when it is whole.

    Raises
    ------
    InsarError
        ``product.raster_unreadable`` when the source cannot be read, ``file.disk_full``,
        ``file.not_writable`` or ``file.write_failed`` when the target cannot be written, ``run.cancelled``.
    """
    import rasterio
    from rasterio.windows import Window

    part = target.with_name(target.name + PART_SUFFIX)
    box = lattice.box_of(header)
    col, row = window.col_first - box.col_first, window.row_first - box.row_first
    x_first, y_first = lattice.corner(window)
    is_float = header.data_type.startswith("float")
    valid = 0
    try:
        _reserve(part)
        with (
            rasterio.open(header.source) as source,
            rasterio.open(
                part,
                "w",
                driver="GTiff",
                width=window.width,
                height=window.height,
                count=1,
                dtype=header.data_type,
                crs=lattice.crs,
                transform=rasterio.Affine(lattice.x_step, 0.0, x_first, 0.0, lattice.y_step, y_first),
                nodata=header.nodata,
                tiled=True,
                blockxsize=_TILE,
                blockysize=_TILE,
                compress="deflate",
                predictor=3 if is_float else 2,
                bigtiff="IF_SAFER",
            ) as copy,
        ):
            for first in range(0, window.height, _ROWS_AT_ONCE):
                stop_if_cancelled(is_cancelled)
                rows = min(_ROWS_AT_ONCE, window.height - first)
                try:
                    values = source.read(1, window=Window(col, row + first, window.width, rows))
                except rasterio.errors.RasterioError as error:
                    raise InsarError(
                        "product.raster_unreadable", member=header.source, reason=str(error)
                    ) from error
                valid += _count_valid(values, header.nodata)
                copy.write(values, 1, window=Window(0, first, window.width, rows))
        _make_durable(part)
        part.replace(target)
    except (OSError, rasterio.errors.RasterioError) as error:
        raise _write_failure(target, error, raw_bytes(header, window)) from error
    finally:
        part.unlink(missing_ok=True)
    return valid / window.pixels


def _reserve(part: Path) -> None:
    """Fail with the system's own reason where a file cannot be made; GDAL would only give a text."""
    part.unlink(missing_ok=True)
    part.touch()


def _make_durable(part: Path) -> None:
    """Bring a file to the disk and read every tile back: GDAL may close a cut file without an error."""
    import rasterio

    with part.open("rb+") as file:
        os.fsync(file.fileno())
    with rasterio.open(part) as raster:
        raster.checksum(1)


def _write_failure(target: Path, error: Exception, needed_bytes: int) -> InsarError:
    # GDAL's errors carry no system code.
    if isinstance(error, OSError) and error.errno is not None:
        return write_error(target, error)
    if shutil.disk_usage(target.parent).free < needed_bytes:
        return InsarError("file.disk_full", file=str(target))
    return InsarError("file.write_failed", file=str(target), reason=str(error))


def _count_valid(values: np.ndarray, nodata: float | None) -> int:
    valid = np.isfinite(values)
    if nodata is not None and not np.isnan(nodata):
        valid &= values != nodata
    return int(np.count_nonzero(valid))

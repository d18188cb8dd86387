# SPDX-License-Identifier: GPL-2.0-or-later
"""VRT text that shows MintPy HDF5 data as a georeferenced raster, one band per date, without copying a pixel.

MintPy marks pixels that were not inverted with 0, and 0 is also the true value of the reference pixel and of the
whole reference date. Sources of a band are therefore stacked, later over earlier, on a background of nodata (NaN):

1. in a series, zero wherever the pixel was inverted (temporal coherence above 0, or another date has a value),
2. the values, without their zeros,
3. the reference pixel, when nothing else makes it visible.

What stays NaN was not inverted. Only what GDAL 3.4 and later do in every build is used: no Python pixel functions.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from osgeo import gdal

from insarhub_qgis.core.atomic_files import write_text_atomically
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.georeference import Georeference
from insarhub_qgis.core.layers_cache import cache_name, dataset_copy_path, fingerprint, is_current
from insarhub_qgis.core.xml_text import escape
from insarhub_qgis.layers.hdf5_file import (
    Hdf5File,
    gdal_exceptions,
    is_readable_by_layers,
    read_hdf5,
    read_pixel,
    subdataset,
)

#: Stem and dataset of the files that tell what was inverted, best first.
_VALIDITY = ("temporalCoherence", "avgSpatialCoh")
_TYPE_NAMES = {gdal.GDT_Byte: "Byte", gdal.GDT_Float64: "Float64"}


@dataclass(frozen=True)
class RasterSource:
    """What a VRT source element points to: ``name`` as GDAL opens it, and the file it is in."""

    file: Path
    dataset: str
    width: int
    height: int
    type_name: str
    nodata: float | None = None

    @property
    def is_copy(self) -> bool:
        """True for the engine's GeoTIFF, in which what is missing is nodata already."""
        return not self.dataset

    def opened_name(self, folder: Path | None) -> str:
        """Name relative to the folder of a VRT, so that a job folder can be moved with its project; None: absolute."""
        path = self.file.as_posix()
        if folder is not None:
            # Another drive has no relative path.
            with contextlib.suppress(ValueError):
                path = Path(os.path.relpath(self.file, folder)).as_posix()
        return subdataset(path, self.dataset) if self.dataset else path


def raster_source(file: Hdf5File, name: str) -> RasterSource:
    """Give what the map reads for a dataset: the HDF5 itself, or its GeoTIFF copy.

    Raises
    ------
    InsarError
        ``hdf5.needs_copy`` (fields source, dataset) when GDAL cannot read the dataset and no current copy exists.
    """
    array = file.array(name)
    rows, cols = array.shape[-2:]
    type_name = _TYPE_NAMES.get(array.gdal_type, "Float32")
    if is_readable_by_layers(file, name):
        return RasterSource(file.path, name, cols, rows, type_name)
    copy = dataset_copy_path(file.path, name)
    if not is_current(copy, file.path):
        raise InsarError("hdf5.needs_copy", source=str(file.path), dataset=name)
    with gdal_exceptions():
        try:
            dataset = gdal.Open(str(copy))
            band = dataset.GetRasterBand(1)
            type_name = _TYPE_NAMES.get(band.DataType, "Float32")
            return RasterSource(copy, "", cols, rows, type_name, band.GetNoDataValue())
        except RuntimeError as error:
            raise InsarError("hdf5.needs_copy", source=str(file.path), dataset=name) from error


def validity_of(file: Hdf5File, name: str) -> tuple[Hdf5File, str] | None:
    """Find the file beside a result that is above 0 exactly where pixels were inverted, on the same grid."""
    if name in _VALIDITY:
        return None
    prefix = "geo_" if file.path.name.startswith("geo_") else ""
    for stem in _VALIDITY:
        path = file.path.with_name(f"{prefix}{stem}.h5")
        if not path.is_file():
            continue
        try:
            found = read_hdf5(path)
            dataset = stem if stem in found.arrays else next(iter(found.arrays), stem)
            is_usable = found.georeference(dataset).is_same_grid(file.georeference(name))
            is_usable = is_usable and is_readable_by_layers(found, dataset)
        except InsarError:
            # A file that cannot be read tells nothing; zeros then count as missing.
            continue
        if is_usable:
            return found, dataset
    return None


def result_vrt_text(file: Hdf5File, name: str, folder: Path, zero_is_missing: bool) -> str:
    """Make the VRT of one dataset.

    Parameters
    ----------
    folder
        Where the VRT will lie; sources are named relative to it.
    zero_is_missing
        Not-inverted zeros become nodata as described above; else all values are shown.
    """
    source = raster_source(file, name)
    grid = file.georeference(name)
    shape = file.array(name).shape
    bands = shape[0] if len(shape) == 3 else 1
    descriptions = [day.isoformat() for day in file.dates] if len(file.dates) == bands else [""] * bands
    nodata = file.nodata if file.nodata is not None and math.isfinite(file.nodata) else None
    if source.is_copy:
        elements = [[_source(source, folder, band, nodata=source.nodata)] for band in range(1, bands + 1)]
    elif not zero_is_missing:
        elements = [[_source(source, folder, band, nodata=nodata)] for band in range(1, bands + 1)]
    else:
        elements = _stacked_sources(file, name, source, folder, bands, nodata)
    # A file that MintPy wrote again gives another text, so that no cache serves its old pixels.
    stamp = "{}-{}".format(*fingerprint(source.file))
    return _vrt(grid, source.type_name, descriptions, elements, nodata=_nodata_text(source), stamp=stamp)


def reference_vrt_text(
    base: Path,
    grid: Georeference,
    descriptions: Sequence[str],
    offsets: Sequence[float],
    date_band: int,
    stamp: str,
) -> str:
    """Make the VRT that shows a base VRT relative to a reference; it lies beside the base.

    Parameters
    ----------
    offsets
        Value of the reference per band, stored unit; subtracted.
    date_band
        Band (from 1) that is subtracted from all bands; 0 for none.
    stamp
        State of the HDF5 file that the offsets were read from.
    """
    folder = base.parent
    source = RasterSource(base, "", grid.width, grid.height, "Float32")
    elements = []
    for band, offset in enumerate(offsets, start=1):
        sources = [_source(source, folder, band, offset=-offset)]
        if date_band:
            sources.append(_source(source, folder, date_band, offset=-offsets[date_band - 1]))
        elements.append(sources)
    return _vrt(
        grid,
        "Float32",
        descriptions,
        elements,
        nodata="nan",
        function="diff" if date_band else "",
        stamp=stamp,
    )


def write_if_different(path: Path, text: str) -> None:
    """Write a VRT unless it is there with this very text; readers never see half of it."""
    if path.is_file() and path.read_bytes() == text.encode("utf-8"):
        return
    write_text_atomically(path, text)


def result_vrt_name(file: Hdf5File, name: str) -> str:
    return f"{cache_name(file.path, name)}.vrt"


def _nodata_text(source: RasterSource) -> str:
    if source.type_name != "Byte":
        return "nan"
    return "" if source.nodata is None else f"{source.nodata:g}"


def _stacked_sources(
    file: Hdf5File, name: str, source: RasterSource, folder: Path, bands: int, nodata: float | None
) -> list[list[str]]:
    # A map of one band follows MintPy's convention alone and is drawn from one source, twice as fast.
    validity = validity_of(file, name) if bands > 1 else None
    background = None
    if validity is not None:
        background = raster_source(*validity)
    pixel = _reference_pixel_to_add(file, source, validity)
    reference_band = file.dates.index(file.reference_date) + 1 if file.reference_date in file.dates else 0
    elements = []
    for band in range(1, bands + 1):
        sources = []
        if background is not None:
            sources.append(_source(background, folder, 1, nodata=0.0, ratio=0.0))
        elif band == reference_band and bands > 1:
            # The reference date is 0 everywhere; any other date tells where pixels were inverted.
            other = bands if band != bands else 1
            sources.append(_source(source, folder, other, nodata=0.0, ratio=0.0))
        sources.append(_source(source, folder, band, nodata=0.0 if nodata is None else nodata))
        if pixel is not None:
            sources.append(_source(source, folder, band, window=(pixel[1], pixel[0], 1, 1)))
        elements.append(sources)
    return elements


def _reference_pixel_to_add(
    file: Hdf5File, source: RasterSource, validity: tuple[Hdf5File, str] | None
) -> tuple[int, int] | None:
    pixel = file.reference_pixel
    if pixel is None or not (0 <= pixel[0] < source.height and 0 <= pixel[1] < source.width):
        return None
    if validity is not None and read_pixel(*validity, *pixel)[0] > 0:
        return None
    return pixel


def _source(
    source: RasterSource,
    folder: Path,
    band: int,
    *,
    nodata: float | None = None,
    ratio: float | None = None,
    offset: float | None = None,
    window: tuple[int, int, int, int] | None = None,
) -> str:
    x, y, width, height = window or (0, 0, source.width, source.height)
    rect = f'xOff="{x}" yOff="{y}" xSize="{width}" ySize="{height}"'
    is_plain = nodata is None and ratio is None and offset is None
    kind = "SimpleSource" if is_plain else "ComplexSource"
    name = source.opened_name(folder)
    relative = int(not Path(name).is_absolute() and not name.startswith('HDF5:"/'))
    # The sizes and the type let GDAL open the source only when pixels are asked for.
    text = (
        f'<{kind}><SourceFilename relativeToVRT="{relative}">{escape(name)}</SourceFilename>'
        f"<SourceBand>{band}</SourceBand>"
        f'<SourceProperties RasterXSize="{source.width}" RasterYSize="{source.height}"'
        f' DataType="{source.type_name}" BlockXSize="128" BlockYSize="128"/>'
        f"<SrcRect {rect}/><DstRect {rect}/>"
    )
    if ratio is not None or offset is not None:
        text += f"<ScaleOffset>{offset or 0.0!r}</ScaleOffset><ScaleRatio>{1.0 if ratio is None else ratio!r}</ScaleRatio>"
    if nodata is not None:
        text += f"<NODATA>{nodata!r}</NODATA>"
    return f"{text}</{kind}>"


def _vrt(
    grid: Georeference,
    type_name: str,
    descriptions: Sequence[str],
    elements: Sequence[Sequence[str]],
    *,
    nodata: str,
    stamp: str,
    function: str = "",
) -> str:
    transform = ", ".join(repr(number) for number in grid.geotransform)
    lines = [
        f'<VRTDataset rasterXSize="{grid.width}" rasterYSize="{grid.height}">',
        f"<SRS>{escape(grid.crs)}</SRS>",
        f"<GeoTransform>{transform}</GeoTransform>",
        f'<Metadata domain="insarhub"><MDI key="source">{escape(stamp)}</MDI></Metadata>',
    ]
    for band, (description, sources) in enumerate(zip(descriptions, elements), start=1):
        derived = ' subClass="VRTDerivedRasterBand"' if function else ""
        lines.append(f'<VRTRasterBand dataType="{type_name}" band="{band}"{derived}>')
        if description:
            lines.append(f"<Description>{escape(description)}</Description>")
        if nodata:
            lines.append(f"<NoDataValue>{nodata}</NoDataValue>")
        if function:
            lines.append(f"<PixelFunctionType>{function}</PixelFunctionType>")
        lines.extend(sources)
        lines.append("</VRTRasterBand>")
    lines.append("</VRTDataset>\n")
    return "\n".join(lines)

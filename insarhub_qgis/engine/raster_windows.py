# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a raster lies: header, pixel lattice, boxes of whole pixels, and an AOI as such a box."""

from __future__ import annotations

import math
import struct
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Callable

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.product_archive import ProductArchive

#: Lattices that differ by less are the same (fraction of a pixel).
LATTICE_TOLERANCE_PX = 0.01
_HEADER_BYTES = (16384, 262144)
_GEO_KEYS_READ = {1024, 1025, 1026, 2048, 2049, 2052, 2054, 2057, 2058, 2059, 2061, 3072, 3073, 3076}
_TYPES = {
    (8, 1): "uint8",
    (16, 1): "uint16",
    (32, 1): "uint32",
    (16, 2): "int16",
    (32, 2): "int32",
    (32, 3): "float32",
    (64, 3): "float64",
}
#: What zipfile raises for a member that is damaged, encrypted or packed in an unknown way.
UNREADABLE_MEMBER = (
    OSError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    RuntimeError,
    KeyError,
)
_VALUE_FORMATS = {1: "B", 2: "c", 3: "H", 4: "I", 12: "d"}


@dataclass(frozen=True)
class RasterHeader:
    """Size, georeference and type of a north-up raster of one band.

    ``x_first``, ``y_first`` is the upper-left corner of the first pixel, ``y_step`` negative.
    """

    source: str
    width: int
    height: int
    x_first: float
    y_first: float
    x_step: float
    y_step: float
    crs: str
    data_type: str
    nodata: float | None
    block_width: int
    block_height: int


@dataclass(frozen=True)
class PixelBox:
    """Whole pixels of a lattice: first column and row inclusive, end exclusive."""

    col_first: int
    row_first: int
    col_end: int
    row_end: int

    @property
    def width(self) -> int:
        return max(0, self.col_end - self.col_first)

    @property
    def height(self) -> int:
        return max(0, self.row_end - self.row_first)

    @property
    def pixels(self) -> int:
        return self.width * self.height

    def intersection(self, other: PixelBox) -> PixelBox:
        return PixelBox(
            max(self.col_first, other.col_first),
            max(self.row_first, other.row_first),
            min(self.col_end, other.col_end),
            min(self.row_end, other.row_end),
        )


def common_box(boxes: Iterable[PixelBox]) -> PixelBox:
    """Give the intersection of boxes; it may be empty. At least one box is needed."""
    iterator = iter(boxes)
    common = next(iterator)
    for box in iterator:
        common = common.intersection(box)
    return common


@dataclass(frozen=True)
class Lattice:
    """The grid of pixels that rasters share, whatever their extents; column 0, row 0 is at the origin."""

    crs: str
    x_origin: float
    y_origin: float
    x_step: float
    y_step: float

    @classmethod
    def of(cls, header: RasterHeader) -> Lattice:
        return cls(header.crs, header.x_first, header.y_first, header.x_step, header.y_step)

    def offset_px(self, header: RasterHeader) -> tuple[float, float]:
        """Give how far a raster's corner is from the nearest corner of this lattice, in pixels."""
        col = (header.x_first - self.x_origin) / self.x_step
        row = (header.y_first - self.y_origin) / self.y_step
        return col - round(col), row - round(row)

    def difference(self, header: RasterHeader) -> InsarError | None:
        """Say why a raster is not on this lattice, or None when it is."""
        if header.crs != self.crs:
            return InsarError("product.other_crs", crs=header.crs, expected=self.crs)
        # Steps may differ by so little that the far corner of the raster is still on the lattice.
        drift_x = abs(header.x_step / self.x_step - 1) * header.width
        drift_y = abs(header.y_step / self.y_step - 1) * header.height
        if max(drift_x, drift_y) >= LATTICE_TOLERANCE_PX:
            return InsarError("product.other_pixel_size", size=abs(header.x_step), expected=abs(self.x_step))
        offset_x, offset_y = self.offset_px(header)
        if max(abs(offset_x), abs(offset_y)) >= LATTICE_TOLERANCE_PX:
            return InsarError(
                "product.other_lattice", offset_x_px=round(offset_x, 3), offset_y_px=round(offset_y, 3)
            )
        return None

    def box_of(self, header: RasterHeader) -> PixelBox:
        col = round((header.x_first - self.x_origin) / self.x_step)
        row = round((header.y_first - self.y_origin) / self.y_step)
        return PixelBox(col, row, col + header.width, row + header.height)

    def corner(self, box: PixelBox) -> tuple[float, float]:
        """Give x, y of the upper-left corner of a box."""
        return (
            self.x_origin + box.col_first * self.x_step,
            self.y_origin + box.row_first * self.y_step,
        )

    def lonlat_bounds(self, box: PixelBox) -> list[float]:
        """Give west, south, east, north of a box in degrees, rounded to 1e-5."""
        from rasterio.warp import transform_bounds

        left, top = self.corner(box)
        right, bottom = left + box.width * self.x_step, top + box.height * self.y_step
        bounds = transform_bounds(self.crs, "EPSG:4326", left, bottom, right, top, densify_pts=21)
        return [round(value, 5) for value in bounds]


def aoi_box(aoi_wkt: str, lattice: Lattice) -> PixelBox:
    """Give the pixels that cover a polygon in EPSG:4326, snapped outward to the lattice.

    Edges are densified before they are projected, since a straight line in degrees is a curve in metres.

    Raises
    ------
    InsarError
        ``aoi.not_a_polygon``, ``aoi.not_degrees``, ``aoi.not_projected``.
    """
    import shapely
    from rasterio.warp import transform

    try:
        polygon = shapely.from_wkt(aoi_wkt)
    except shapely.errors.GEOSException as error:
        raise InsarError("aoi.not_a_polygon", reason=str(error)) from error
    if polygon is None or polygon.is_empty or polygon.geom_type not in ("Polygon", "MultiPolygon"):
        raise InsarError("aoi.not_a_polygon", reason="" if polygon is None else polygon.geom_type)
    west, south, east, north = polygon.bounds
    if west < -360 or east > 360 or south < -90 or north > 90:
        raise InsarError("aoi.not_degrees", bounds=[west, south, east, north])
    longest = max(east - west, north - south)
    points = shapely.get_coordinates(shapely.segmentize(polygon, max(longest / 200, 1e-6)))
    try:
        xs, ys = transform("EPSG:4326", lattice.crs, points[:, 0].tolist(), points[:, 1].tolist())
    except Exception as error:
        # The class of GDAL's own errors is private to rasterio.
        if not type(error).__module__.startswith("rasterio"):
            raise
        raise InsarError("aoi.not_projected", crs=lattice.crs) from error
    cols = [(x - lattice.x_origin) / lattice.x_step for x in xs]
    rows = [(y - lattice.y_origin) / lattice.y_step for y in ys]
    if not all(map(math.isfinite, cols + rows)):
        raise InsarError("aoi.not_projected", crs=lattice.crs)
    # An edge along the lattice adds no further pixel, although it curves a little between its corners.
    slack = LATTICE_TOLERANCE_PX
    return PixelBox(
        math.floor(min(cols) + slack),
        math.floor(min(rows) + slack),
        math.ceil(max(cols) - slack),
        math.ceil(max(rows) - slack),
    )


def read_header(package: zipfile.ZipFile, archive: ProductArchive, kind: str) -> RasterHeader:
    """Read the header of a raster in an open zip, without inflating more than its first kilobytes.

    Raises
    ------
    InsarError
        ``product.raster_unreadable`` with ``member`` and ``reason``.
    """
    member = archive.members[kind]
    try:
        with package.open(member) as stream:
            header = _read_tiff_header(stream.read, archive.gdal_path(kind))
    except UNREADABLE_MEMBER as error:
        raise InsarError("product.raster_unreadable", member=member, reason=str(error)) from error
    return header or _read_gdal_header(archive, kind)


def _read_gdal_header(archive: ProductArchive, kind: str) -> RasterHeader:
    """Let GDAL read what the short reader leaves aside (BigTIFF, header at the end, unusual CRS)."""
    import rasterio

    source = archive.gdal_path(kind)
    try:
        with rasterio.open(source) as raster:
            transform, crs = raster.transform, raster.crs
            if crs is None or transform.b or transform.d or transform.a <= 0 or transform.e >= 0:
                raise InsarError(
                    "product.raster_unreadable",
                    member=archive.members[kind],
                    reason="no north-up georeference",
                )
            epsg = crs.to_epsg()
            block_height, block_width = raster.block_shapes[0]
            return RasterHeader(
                source,
                raster.width,
                raster.height,
                transform.c,
                transform.f,
                transform.a,
                transform.e,
                f"EPSG:{epsg}" if epsg else crs.to_wkt(),
                raster.dtypes[0],
                raster.nodata,
                block_width,
                block_height,
            )
    except rasterio.errors.RasterioError as error:
        raise InsarError(
            "product.raster_unreadable", member=archive.members[kind], reason=str(error)
        ) from error


def _read_tiff_header(read: Callable[[int], bytes], source: str) -> RasterHeader | None:
    """Read a plain GeoTIFF header from the start of a stream; None = let GDAL read it.

    Opening a raster inside a zip with GDAL costs over a millisecond; a stack has hundreds of them.
    """
    data = read(_HEADER_BYTES[0])
    tags = _tiff_tags(data)
    if tags is None and len(data) == _HEADER_BYTES[0]:
        data += read(_HEADER_BYTES[1] - len(data))
        tags = _tiff_tags(data)
    if (
        tags is None
        or tags.get(277, (1,))[0] != 1
        or 34264 in tags
        or not {33550, 33922, 34735} <= tags.keys()
    ):
        return None
    crs = _crs_of_geo_keys(tags[34735])
    data_type = _TYPES.get((int(tags.get(258, (1,))[0]), int(tags.get(339, (1,))[0])))
    x_step, y_step = tags[33550][:2]
    if crs is None or data_type is None or len(tags[33922]) != 6 or x_step <= 0 or y_step <= 0:
        return None
    col, row, _, x, y, _ = tags[33922]
    width, height = int(tags[256][0]), int(tags[257][0])
    nodata_text = b"".join(tags.get(42113, ())).rstrip(b"\0 ").decode("ascii", "replace")
    try:
        nodata = float(nodata_text) if nodata_text else None
    except ValueError:
        return None
    return RasterHeader(
        source,
        width,
        height,
        x - col * x_step,
        y + row * y_step,
        x_step,
        -y_step,
        crs,
        data_type,
        nodata,
        int(tags.get(322, (width,))[0]),
        int(tags.get(323, tags.get(278, (height,)))[0]),
    )


def _tiff_tags(data: bytes) -> dict[int, tuple[Any, ...]] | None:
    """Give the tags of the first directory of a classic TIFF, or None when they are not all in ``data``."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None or len(data) < 8:
        return None
    start = struct.unpack_from(order + "I", data, 4)[0]
    if start + 2 > len(data):
        return None
    count = struct.unpack_from(order + "H", data, start)[0]
    if start + 2 + 12 * count > len(data):
        return None
    tags: dict[int, tuple[Any, ...]] = {}
    for index in range(count):
        entry = start + 2 + 12 * index
        tag, value_type, length = struct.unpack_from(order + "HHI", data, entry)
        # Offsets and byte counts of the tiles: long, and of no interest here.
        if tag in (273, 279, 324, 325) or value_type not in _VALUE_FORMATS:
            continue
        layout = f"{order}{length}{_VALUE_FORMATS[value_type]}"
        size = struct.calcsize(layout)
        position = entry + 8 if size <= 4 else struct.unpack_from(order + "I", data, entry + 8)[0]
        if position + size > len(data):
            return None
        tags[tag] = struct.unpack_from(layout, data, position)
    return tags if {256, 257} <= tags.keys() else None


def _crs_of_geo_keys(keys: Sequence[int]) -> str | None:
    """Give ``EPSG:n`` of a plain projected, metric, pixel-is-area CRS, else None."""
    values = {keys[i]: (keys[i + 1], keys[i + 3]) for i in range(4, 4 + 4 * keys[3], 4) if i + 3 < len(keys)}
    plain = {key: value for key, (location, value) in values.items() if location == 0}
    if not values.keys() <= _GEO_KEYS_READ or plain.get(1024) != 1 or plain.get(1025, 1) != 1:
        return None
    code = plain.get(3072, 0)
    return f"EPSG:{code}" if 1024 <= code < 32767 and plain.get(3076, 9001) == 9001 else None

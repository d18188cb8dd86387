# SPDX-License-Identifier: GPL-2.0-or-later
"""GeoTIFFs that exist only while they are read: a header in memory, and blocks that are made when a range asks for them.

The blocks are not compressed, so that each has its place in the file before its pixels are known. A raster of the whole
globe then costs its header (some kilobytes) and the blocks that were read last, and nothing on disk. Blocks without
data are sparse: offset and length 0, as GDAL writes them with ``SPARSE_OK``. Overviews follow in the same file.
"""

from __future__ import annotations

import struct
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from rasterio import Affine
from rasterio.io import MemoryFile

Axis = npt.NDArray[np.float64]
Pixels = npt.NDArray[np.uint8]

_ASCII, _SHORT, _LONG, _DOUBLE = 2, 3, 4, 12
_CODES = {_SHORT: "H", _LONG: "I", _DOUBLE: "d"}
_SIZES = {_ASCII: 1, _SHORT: 2, _LONG: 4, _DOUBLE: 8}
#: Pixel scale, tie point, the three tags of the coordinate system, and GDAL's nodata.
_GEO_TAGS = (33550, 33922, 34735, 34736, 34737, 42113)
_SMALLEST_OVERVIEW = 512
#: Longer values stand behind all directories.
_LONGEST_VALUE = 256


@dataclass(frozen=True)
class RasterGrid:
    """Size, blocks and place of a north-up raster of bytes.

    Attributes
    ----------
    crs
        Whatever rasterio takes.
    block
        Rows and columns of a block, a multiple of 16.
    """

    width: int
    height: int
    crs: str
    transform: Affine
    block: int = 512
    nodata: int = 0

    def factors(self) -> list[int]:
        """1, and those of the overviews: halved until the longer side fits in 512 pixels."""
        factors = [1]
        while max(self.width, self.height) / factors[-1] > _SMALLEST_OVERVIEW:
            factors.append(2 * factors[-1])
        return factors


class BoundedCache:
    """Values by key; the ones not used for longest go when all together have too many bytes."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._values: OrderedDict[Hashable, Any] = OrderedDict()
        self._bytes = 0
        self._lock = threading.RLock()

    @property
    def held_bytes(self) -> int:
        return self._bytes

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Give the value of a key, bytes or an array; made when it is not there, by one thread at a time."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
            value = make()
            self._values[key] = value
            self._bytes += _size(value)
            while self._bytes > self._limit_bytes and len(self._values) > 1:
                _, oldest = self._values.popitem(last=False)
                self._bytes -= _size(oldest)
            return value

    def clear(self) -> None:
        with self._lock:
            self._values.clear()
            self._bytes = 0


def _size(value: Any) -> int:
    return int(value.nbytes) if isinstance(value, np.ndarray) else len(value)


class VirtualGeotiff:
    """A tiled GeoTIFF of one band of bytes as a body of an answer: its length, and its bytes by slices.

    Parameters
    ----------
    name
        Key of its blocks in ``cache``.
    has_block
        Whether there may be data inside (west, south, east, north), in the units of the grid.
    make_block
        Gives the pixels whose centres are at ``xs`` and ``ys``, shape (len(ys), len(xs)), for an overview factor.
        At the right and lower edge the centres lie beyond the raster.
    """

    def __init__(
        self,
        name: str,
        grid: RasterGrid,
        has_block: Callable[[float, float, float, float], bool],
        make_block: Callable[[Axis, Axis, int], Pixels],
        cache: BoundedCache,
    ) -> None:
        self._name = name
        self._grid = grid
        self._make_block = make_block
        self._cache = cache
        present = {
            factor: [place for place in _places(grid, factor) if has_block(*_bounds(grid, factor, *place))]
            for factor in grid.factors()
        }
        self._blocks = [(factor, *place) for factor, places in present.items() for place in places]
        header_bytes = len(_header(grid, {}))
        step = grid.block * grid.block
        offsets = {block: header_bytes + step * index for index, block in enumerate(self._blocks)}
        self._header = _header(grid, offsets)
        self._starts = [offsets[block] for block in self._blocks]

    def __len__(self) -> int:
        return len(self._header) + len(self._blocks) * self._grid.block**2

    def __getitem__(self, part: slice) -> bytes:
        start, stop, step = part.indices(len(self))
        if step != 1:
            raise ValueError("only contiguous parts")
        pieces = []
        while start < stop:
            if start < len(self._header):
                piece = self._header[start:stop]
            else:
                number = bisect_right(self._starts, start) - 1
                offset = start - self._starts[number]
                piece = self._block(number)[offset : offset + stop - start]
            pieces.append(piece)
            start += len(piece)
        return b"".join(pieces)

    def _block(self, number: int) -> bytes:
        factor, row, column = self._blocks[number]

        def make() -> bytes:
            size, transform = self._grid.block, self._grid.transform
            centres = (np.arange(size) + 0.5) * factor
            xs = transform.c + transform.a * (centres + column * size * factor)
            ys = transform.f + transform.e * (centres + row * size * factor)
            return np.ascontiguousarray(self._make_block(xs, ys, factor), dtype=np.uint8).tobytes()

        return bytes(self._cache.get((self._name, number), make))


def _places(grid: RasterGrid, factor: int) -> list[tuple[int, int]]:
    """Rows and columns of the blocks of a level."""
    step = grid.block * factor
    return [
        (row, column) for row in range(-(-grid.height // step)) for column in range(-(-grid.width // step))
    ]


def _bounds(grid: RasterGrid, factor: int, row: int, column: int) -> tuple[float, float, float, float]:
    step = grid.block * factor
    left, top = grid.transform @ (column * step, row * step)
    right, bottom = grid.transform @ (
        min((column + 1) * step, grid.width),
        min((row + 1) * step, grid.height),
    )
    return left, bottom, right, top


# --- TIFF ---

_Entry = tuple[int, int, int, bytes]


def _entry(tag: int, kind: int, values: Sequence[float]) -> _Entry:
    return tag, kind, len(values), struct.pack(f"<{len(values)}{_CODES[kind]}", *values)


def _header(grid: RasterGrid, offsets: dict[tuple[int, int, int], int]) -> bytes:
    """Give signature and directories; its length does not depend on the offsets of the blocks.

    All directories stand at the beginning, the long lists of blocks behind them: who opens the file has all levels
    with its first read.
    """
    levels = [_entries(grid, factor, offsets) for factor in grid.factors()]
    lists_at = 8 + sum(_directory_bytes(entries) for entries in levels)
    header, lists = struct.pack("<2sHI", b"II", 42, 8), b""
    for number, entries in enumerate(levels):
        following = len(header) + _directory_bytes(entries)
        values_at = len(header) + 2 + 12 * len(entries) + 4
        lines, values = b"", b""
        for tag, kind, count, data in entries:
            if len(data) <= 4:
                field = data.ljust(4, b"\0")
            elif len(data) <= _LONGEST_VALUE:
                field = struct.pack("<I", values_at + len(values))
                values += _even(data)
            else:
                field = struct.pack("<I", lists_at + len(lists))
                lists += _even(data)
            lines += struct.pack("<HHI", tag, kind, count) + field
        last = number == len(levels) - 1
        header += (
            struct.pack("<H", len(entries)) + lines + struct.pack("<I", 0 if last else following) + values
        )
    return header + lists


def _entries(grid: RasterGrid, factor: int, offsets: dict[tuple[int, int, int], int]) -> list[_Entry]:
    starts = [offsets.get((factor, *place), 0) for place in _places(grid, factor)]
    return [
        _entry(254, _LONG, [0 if factor == 1 else 1]),
        _entry(256, _LONG, [-(-grid.width // factor)]),
        _entry(257, _LONG, [-(-grid.height // factor)]),
        _entry(258, _SHORT, [8]),
        _entry(259, _SHORT, [1]),
        _entry(262, _SHORT, [1]),
        _entry(277, _SHORT, [1]),
        _entry(284, _SHORT, [1]),
        _entry(322, _LONG, [grid.block]),
        _entry(323, _LONG, [grid.block]),
        _entry(324, _LONG, starts),
        _entry(325, _LONG, [grid.block**2 if start else 0 for start in starts]),
        _entry(339, _SHORT, [1]),
        *(entry for entry in _geo_entries(grid) if factor == 1 or entry[0] == _GEO_TAGS[-1]),
    ]


def _directory_bytes(entries: Sequence[_Entry]) -> int:
    """Length of a directory with the values behind it."""
    values = sum(len(_even(data)) for *_, data in entries if 4 < len(data) <= _LONGEST_VALUE)
    return 2 + 12 * len(entries) + 4 + values


def _even(data: bytes) -> bytes:
    return data + b"\0" * (len(data) % 2)


def _geo_entries(grid: RasterGrid) -> list[_Entry]:
    """Take the tags of place and nodata from a file of one pixel that GDAL writes."""
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            width=1,
            height=1,
            count=1,
            dtype="uint8",
            crs=grid.crs,
            transform=grid.transform,
            nodata=grid.nodata,
        ):
            pass
        data = bytes(memory.getbuffer())
    (position,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, position)
    entries = []
    for number in range(count):
        at = position + 2 + 12 * number
        tag, kind, values = struct.unpack_from("<HHI", data, at)
        if tag not in _GEO_TAGS:
            continue
        size = values * _SIZES[kind]
        start = at + 8 if size <= 4 else struct.unpack_from("<I", data, at + 8)[0]
        entries.append((tag, kind, values, data[start : start + size]))
    return entries

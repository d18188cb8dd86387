# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads the next rasters of MintPy's load step in threads, while MintPy writes the present one.

MintPy 1.6.4 reads one raster after the other and inflates each twice, out of the zip and out of the GeoTIFF, on one
core. Here only the pixels come early; which rasters are loaded, how, and what is written stays MintPy's own code, so
that its HDF5 files are the same to the bit. What was not foreseen is read as MintPy reads it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from insarhub_qgis.core.mintpy_config import MintpyConfig
from insarhub_qgis.engine.mintpy_checks import input_files

#: In the order in which MintPy asks; the incidence comes a second time, for the slant range.
_GEOMETRY = ("demFile", "incAngleFile", "azAngleFile", "shadowMaskFile", "waterMaskFile", "incAngleFile")
_STACK = ("unwFile", "corFile", "connCompFile")
#: MintPy then reads other windows, or none at all.
_KEPT_WHOLE = {
    "mintpy.subset.yx": "no",
    "mintpy.subset.lalo": "no",
    "mintpy.multilook.xstep": "1",
    "mintpy.multilook.ystep": "1",
    "mintpy.load.autoPath": "no",
}
_OUTPUTS = ("inputs/ifgramStack.h5", "inputs/geometryGeo.h5")
_THREADS = max(2, min(4, os.cpu_count() or 2))
#: Rasters that are there before MintPy asks for them.
_AHEAD = _THREADS + 1
_CACHE_BYTES = 32 * 2**20


def rasters_in_order(folder: Path, config: MintpyConfig) -> list[Path]:
    """List the rasters that MintPy's load step will read whole, in its order; empty when it would read otherwise."""
    values = config.effective_values()
    if values["mintpy.load.processor"] != "hyp3":
        return []
    if any(values[key] != value for key, value in _KEPT_WHOLE.items()):
        return []
    if values["mintpy.load.updateMode"] != "no" and all((folder / name).exists() for name in _OUTPUTS):
        return []
    found = input_files(folder, config)
    geometry = [found.get(f"mintpy.load.{name}", [])[:1] for name in _GEOMETRY]
    stack = [found.get(f"mintpy.load.{name}", []) for name in _STACK]
    return [path for paths in (*geometry, *stack) for path in paths]


class ReadAhead:
    """Context manager: as long as it lasts, MintPy's ``readfile.read_gdal`` is served from what was read before.

    Reading begins when the object is made, so that MintPy's own start goes on at the same time.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._waiting = list(paths)[::-1]
        self._running: list[tuple[str, Future[np.ndarray]]] = []
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="read-ahead")
        self._readfile: Any = None
        self._read_gdal: Any = None
        self._fill()

    def __enter__(self) -> ReadAhead:
        from mintpy.utils import readfile

        self._readfile, self._read_gdal = readfile, readfile.read_gdal
        readfile.read_gdal = self._serve
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._readfile.read_gdal = self._read_gdal
        self._running.clear()
        self._pool.shutdown(cancel_futures=True)

    def _serve(
        self,
        fname: str,
        box: Any = None,
        band: int = 1,
        cpx_band: str = "phase",
        xstep: int = 1,
        ystep: int = 1,
    ) -> np.ndarray:
        name = os.path.abspath(fname)  # noqa: PTH100 - links stay as they are
        place = next((index for index, entry in enumerate(self._running) if entry[0] == name), None)
        if place is not None and band == 1 and xstep * ystep == 1:
            values = self._running.pop(place)[1].result()
            self._fill()
            if box is None or tuple(box) == (0, 0, values.shape[1], values.shape[0]):
                return values
        own: np.ndarray = self._read_gdal(
            fname, box=box, band=band, cpx_band=cpx_band, xstep=xstep, ystep=ystep
        )
        return own

    def _fill(self) -> None:
        while self._waiting and len(self._running) < _AHEAD:
            path = str(self._waiting.pop())
            self._running.append((path, self._pool.submit(_read, path)))


def _read(path: str) -> np.ndarray:
    """Give the first band; its type is kept, as MintPy's own reading does."""
    from osgeo import gdal

    gdal.UseExceptions()
    # Every block is asked for once: a cache of the usual size would only take memory.
    gdal.SetCacheMax(_CACHE_BYTES)
    raster = gdal.Open(path)
    values: np.ndarray = raster.GetRasterBand(1).ReadAsArray()
    return values

# SPDX-License-Identifier: GPL-2.0-or-later
"""Decay maps and rasters made from them as GeoTIFFs: written whole or not at all, read as one stack of seasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.features import rasterize
from rasterio.io import MemoryFile
from rasterio.vrt import WarpedVRT
from shapely.geometry.base import BaseGeometry

from insarhub_qgis.core.atomic_files import write_bytes_atomically
from insarhub_qgis.core.coherence_decay import DecayParameters
from insarhub_qgis.core.decay_map_files import (
    BAND_DESCRIPTIONS,
    CRS,
    DECAY_FOLDER,
    NODATA,
    POLARIZATIONS,
    SEASONS,
    DecayMapFacts,
    find_decay_maps,
)
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.engine.remote_rasters import why

_TILE = 256
#: Maps whose corners differ by less are on one grid (fraction of a pixel).
_TOLERANCE_PX = 0.01
#: With fewer pixel centres inside, every pixel that an area touches counts.
_FEW_CENTRES = 3

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class RasterGrid:
    """Place and size of a north-up raster in EPSG:4326; ``west``, ``north`` is its upper-left corner."""

    west: float
    north: float
    pixel_deg: float
    width: int
    height: int

    @property
    def transform(self) -> rasterio.Affine:
        return rasterio.Affine(self.pixel_deg, 0, self.west, 0, -self.pixel_deg, self.north)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        south, east = self.north - self.height * self.pixel_deg, self.west + self.width * self.pixel_deg
        return self.west, south, east, self.north

    def is_like(self, other: RasterGrid) -> bool:
        if (self.width, self.height) != (other.width, other.height):
            return False
        tolerance = _TOLERANCE_PX * self.pixel_deg
        return all(abs(a - b) < tolerance for a, b in zip(self.bounds, other.bounds))

    def pixels_inside(self, area: BaseGeometry) -> NDArray[np.bool_]:
        """Tell which pixels have their centre in an area; of one with less than three, which ones it touches."""
        burn = {"out_shape": (self.height, self.width), "transform": self.transform, "dtype": "uint8"}
        inside = np.asarray(rasterize([(area, 1)], **burn)).astype(bool)
        if np.count_nonzero(inside) >= _FEW_CENTRES:
            return inside
        touched = np.asarray(rasterize([(area, 1)], all_touched=True, **burn)).astype(bool)
        if touched.any():
            return touched
        # A point or line on the border of pixels is in none of them, or in one beside the grid.
        wider = area.buffer(_TOLERANCE_PX * self.pixel_deg)
        return np.asarray(rasterize([(wider, 1)], all_touched=True, **burn)).astype(bool)


@dataclass(frozen=True)
class DecayMaps:
    """Decay maps of one folder on one grid.

    Attributes
    ----------
    g_inf, g0, tau_days
        Shape (4, rows, cols), seasons from December-February on; NaN = no data, or no map of the season.
    seasons
        Seasons that have a map, with its polarisation.
    source
        As the maps name it; ``InSARHub`` for maps without our tags.
    """

    grid: RasterGrid
    g_inf: Float32
    g0: Float32
    tau_days: Float32
    seasons: dict[str, str]
    source: str

    def of_season(self, season: str) -> tuple[Float32, Float32, Float32]:
        """Give floor, start and tau of one season; raises ``decay.no_season``."""
        if season not in self.seasons:
            raise InsarError("decay.no_season", season=season, known=sorted(self.seasons))
        number = list(SEASONS).index(season)
        return self.g_inf[number], self.g0[number], self.tau_days[number]

    def parameters(self, pixels: NDArray[Any]) -> DecayParameters:
        """Give the parameters of pixels, by their numbers in the flattened grid."""
        taken = [
            each.reshape(len(SEASONS), -1)[:, pixels].astype(np.float64)
            for each in (self.g_inf, self.g0, self.tau_days)
        ]
        return DecayParameters(taken[0], taken[1], taken[2])


def write_float_raster(
    path: Path,
    grid: RasterGrid,
    bands: Sequence[Float32],
    descriptions: Sequence[str],
    units: Sequence[str],
    tags: Mapping[str, str],
    nodata: float = NODATA,
) -> None:
    """Write float32 bands as a tiled GeoTIFF with overviews. NaN becomes nodata.

    Raises
    ------
    InsarError
        ``file.disk_full``, ``file.not_writable``, ``file.write_failed``; an old file is then untouched.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InsarError("file.not_writable", file=str(path)) from error
    profile = {
        "driver": "GTiff",
        "width": grid.width,
        "height": grid.height,
        "count": len(bands),
        "dtype": "float32",
        "crs": CRS,
        "transform": grid.transform,
        "nodata": nodata,
        "compress": "lzw",
        "tiled": True,
        "blockxsize": _TILE,
        "blockysize": _TILE,
    }
    with MemoryFile() as memory:
        with memory.open(**profile) as raster:
            for number, values in enumerate(bands, start=1):
                raster.write(np.where(np.isnan(values), np.float32(nodata), values), number)
                raster.set_band_description(number, descriptions[number - 1])
                if units[number - 1]:
                    raster.set_band_unit(number, units[number - 1])
            raster.update_tags(**tags)
            factors = [2**n for n in range(1, 16) if max(grid.width, grid.height) / 2**n >= _TILE / 2]
            if factors:
                raster.build_overviews(factors, Resampling.nearest)
        write_bytes_atomically(path, bytes(memory.getbuffer()))


def read_map_facts(path: Path) -> DecayMapFacts:
    """Read what decides about a map; raises ``decay.map_unreadable``."""
    try:
        with rasterio.open(path) as raster:
            crs = raster.crs.to_string() if raster.crs else ""
            west, south, east, north = raster.bounds
            return DecayMapFacts(raster.count, crs, (west, south, east, north), raster.tags())
    except (RasterioError, OSError) as error:
        raise InsarError("decay.map_unreadable", file=str(path), reason=why(error)) from error


def read_decay_map(path: Path) -> tuple[RasterGrid, Float32, dict[str, str]]:
    """Read grid, three bands (3, rows, cols; NaN = no data) and tags of a map; raises ``decay.map_unreadable``."""
    try:
        with rasterio.open(path) as raster:
            transform = raster.transform
            is_plain = (
                raster.count == len(BAND_DESCRIPTIONS)
                and raster.crs is not None
                and raster.crs.to_epsg() == 4326
                and abs(transform.a + transform.e) < 1e-9
            )
            if not is_plain:
                raise InsarError(
                    "decay.map_unreadable",
                    file=str(path),
                    reason="not three bands of square pixels in EPSG:4326",
                )
            values = raster.read(out_dtype="float32")
            values[:, (~np.isfinite(values) | (values == np.float32(NODATA))).any(axis=0)] = np.nan
            grid = RasterGrid(transform.c, transform.f, transform.a, raster.width, raster.height)
            return grid, values, raster.tags()
    except (RasterioError, OSError) as error:
        raise InsarError("decay.map_unreadable", file=str(path), reason=why(error)) from error


def maps_folder_of(folder: Path) -> Path:
    """Give the folder above ``decay_maps``; a job folder or the folder of the maps itself may be chosen."""
    return folder.parent if folder.name == DECAY_FOLDER else folder


def read_decay_maps(folder: Path) -> DecayMaps:
    """Read the maps of a job folder (or of its folder ``decay_maps``), VV where a season has both.

    Raises
    ------
    InsarError
        ``decay.no_maps``; ``decay.other_grids``: they are of different areas; ``decay.map_unreadable``.
    """
    found = find_decay_maps(maps_folder_of(folder))
    chosen = {
        season: polarization
        for season in SEASONS
        for polarization in reversed(POLARIZATIONS)
        if (season, polarization) in found
    }
    if not chosen:
        raise InsarError("decay.no_maps", folder=str(folder))
    read = {
        season: (found[(season, polarization)], *read_decay_map(found[(season, polarization)]))
        for season, polarization in chosen.items()
    }
    ours = [(path, tags["AOI_HASH"]) for path, _, _, tags in read.values() if "AOI_HASH" in tags]
    for path, area in ours:
        if area != ours[0][1]:
            raise InsarError("decay.other_grids", file=path.name, other=ours[0][0].name)
    # Of maps with our tags when there are any; others, by InSARHub or of another resolution, are put on it.
    _, grid, _, tags = next(
        (each for each in read.values() if "AOI_HASH" in each[3]), next(iter(read.values()))
    )
    values = np.full((3, len(SEASONS), grid.height, grid.width), np.nan, dtype=np.float32)
    for season, (path, own_grid, bands, _) in read.items():
        is_same = own_grid.is_like(grid)
        values[:, list(SEASONS).index(season)] = bands if is_same else _resampled(path, grid)
    return DecayMaps(grid, values[0], values[1], values[2], chosen, tags.get("SOURCE", "InSARHub"))


def _resampled(path: Path, grid: RasterGrid) -> Float32:
    """Read the nearest pixels of a map on another grid; NaN where it has none."""
    place = {"crs": CRS, "transform": grid.transform, "width": grid.width, "height": grid.height}
    try:
        with (
            rasterio.open(path) as raster,
            WarpedVRT(raster, resampling=Resampling.nearest, nodata=NODATA, **place) as same,
        ):
            values = same.read(out_dtype="float32")
    except (RasterioError, OSError) as error:
        raise InsarError("decay.map_unreadable", file=str(path), reason=why(error)) from error
    values[:, (~np.isfinite(values) | (values == np.float32(NODATA))).any(axis=0)] = np.nan
    return np.asarray(values)

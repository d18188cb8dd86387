# SPDX-License-Identifier: GPL-2.0-or-later
"""The decay maps of a job folder as places of the decay model: pixels of the area in four seasons."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.features import geometry_mask
from rasterio.vrt import WarpedVRT
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry

from insarhub_qgis.core.coherence_decay import DecayParameters, sample_decay_maps
from insarhub_qgis.core.decay_map_files import (
    BAND_DESCRIPTIONS,
    CRS,
    POLARIZATIONS,
    SEASONS,
    find_decay_maps,
)
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.engine.remote_rasters import why

#: Fewer pixels with their middle inside: all that the area touches count.
_FEW_PIXELS = 3
_TOLERANCE_PX = 0.01
_FULL_TURN = 360.0


def read_decay_parameters(
    job_folder: Path, geometry: BaseGeometry, area_hash: str
) -> tuple[DecayParameters | None, list[InsarError]]:
    """Read the decay of the pixels of an area.

    Seasons of vv count, those of hh where vv has no map. Maps with our tags of another area are left out.

    Parameters
    ----------
    geometry
        Area in degrees; across the antimeridian longitudes run on beyond 180.

    Returns
    -------
    parameters
        None without a map that can be used.
    problems
        ``decay.other_area`` and ``decay.unreadable`` of maps that were left out.
    """
    found = find_decay_maps(job_folder)
    problems: list[InsarError] = []
    usable: dict[str, Path] = {}
    for season in SEASONS:
        for polarization in POLARIZATIONS:
            path = found.get((season, polarization))
            if path is not None and season not in usable:
                problem = _problem_of(path, area_hash)
                if problem is None:
                    usable[season] = path
                else:
                    problems.append(problem)
    if not usable:
        return None, problems
    parameters, unreadable = _sampled(usable, geometry)
    return parameters, [*problems, *unreadable]


def _problem_of(path: Path, area_hash: str) -> InsarError | None:
    try:
        with rasterio.open(path) as raster:
            own = raster.tags().get("AOI_HASH")
            if raster.count != len(BAND_DESCRIPTIONS) or raster.crs is None or raster.crs != CRS:
                return InsarError("decay.unreadable", file=str(path), reason="not three bands in EPSG:4326")
    except RasterioError as error:
        return InsarError("decay.unreadable", file=str(path), reason=why(error))
    if own is not None and own != area_hash:
        return InsarError("decay.other_area", file=str(path))
    return None


def _sampled(
    files: Mapping[str, Path], geometry: BaseGeometry
) -> tuple[DecayParameters | None, list[InsarError]]:
    """Put all seasons on the grid of the first map, which is the one of all unless they come from elsewhere.

    A map whose pixels cannot be read leaves its season without data, and is named.
    """
    with rasterio.open(next(iter(files.values()))) as raster:
        grid = {"crs": raster.crs, "transform": raster.transform}
        height, width = raster.height, raster.width
        middle = (raster.bounds.left + raster.bounds.right) / 2
    turns = round((middle - geometry.centroid.x) / _FULL_TURN)
    placed = translate(geometry, xoff=_FULL_TURN * turns)
    inside = geometry_mask([placed], (height, width), grid["transform"], invert=True)
    if inside.sum() < _FEW_PIXELS:
        inside = geometry_mask([placed], (height, width), grid["transform"], all_touched=True, invert=True)
    if not inside.any():
        # A point on the border of pixels is in none of them.
        wider = placed.buffer(_TOLERANCE_PX * grid["transform"].a)
        inside = geometry_mask([wider], (height, width), grid["transform"], all_touched=True, invert=True)
    if not inside.any():
        return None, []
    problems: list[InsarError] = []
    layers: NDArray[np.float32] = np.full(
        (len(BAND_DESCRIPTIONS), len(SEASONS), height, width), np.nan, dtype=np.float32
    )
    for number, season in enumerate(SEASONS):
        if season not in files:
            continue
        try:
            with rasterio.open(files[season]) as raster:
                if (raster.transform, raster.height, raster.width) == (grid["transform"], height, width):
                    layers[:, number] = _without_nodata(raster)
                else:
                    options = {"width": width, "height": height, "resampling": Resampling.nearest, **grid}
                    with WarpedVRT(raster, **options) as same:
                        layers[:, number] = _without_nodata(same)
        except RasterioError as error:
            problems.append(InsarError("decay.unreadable", file=str(files[season]), reason=why(error)))
    g_inf, g0, tau_days = layers
    # A map made elsewhere may hold anything.
    layers[:, (g_inf < 0) | (g_inf > 1) | (g0 < 0) | (g0 > 1) | (tau_days <= 0)] = np.nan
    return sample_decay_maps(g_inf, g0, tau_days, inside), problems


def _without_nodata(raster: Any) -> NDArray[np.float32]:
    values: NDArray[np.float32] = raster.read(out_dtype="float32")
    for band, nodata in zip(values, raster.nodatavals):
        if nodata is not None:
            band[band == np.float32(nodata)] = np.nan
    return values

# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads rasters of a sandbox as the engine does: GDAL over HTTP, windows only."""

from __future__ import annotations

import rasterio
from rasterio.windows import from_bounds

COHERENCE = "/s3/sentinel-1-global-coherence-earthbigdata/data"
_SETTINGS = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".tif",
    "GDAL_HTTP_MAX_RETRY": "0",
}


def read_raster(url, bounds=None, shape=None):
    """(pixels, facts) of a window given as west, south, east, north in the raster's units."""
    with rasterio.Env(**_SETTINGS), rasterio.open(f"/vsicurl/{url}") as raster:
        window = None
        if bounds is not None:
            window = from_bounds(*bounds, raster.transform).round_offsets().round_lengths()
        facts = {
            "shape": raster.shape,
            "crs": raster.crs,
            "nodata": raster.nodata,
            "dtype": raster.dtypes[0],
            "transform": raster.transform,
            "overviews": raster.overviews(1),
            "compression": raster.compression,
            "is_tiled": raster.block_shapes[0][1] != raster.width,
        }
        return raster.read(1, window=window, out_shape=shape), facts


def tile_url(base_url, tile, season="winter", polarization="vv", level="12"):
    return f"{base_url}{COHERENCE}/tiles/{tile}/{tile}_{season}_{polarization}_COH{level}.tif"


def mosaic_url(base_url, season="winter", polarization="vv", level="12"):
    return f"{base_url}{COHERENCE}/mosaics/Global_{season}_{polarization}_COH{level}_100ppd.tif"

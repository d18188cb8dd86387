# SPDX-License-Identifier: GPL-2.0-or-later
"""Small reads from rasters on the web, which a cancel leaves behind at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import rasterio
from rasterio.errors import RasterioError

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.progress import IsCancelled
from insarhub_qgis.engine.archive_http import run_interruptibly, shown
from insarhub_qgis.engine.quality_http import CONNECT_TIMEOUT_S, READ_TIMEOUT_S

_Value = TypeVar("_Value")


def read_remote(url: str, read: Callable[[Any], _Value], is_cancelled: IsCancelled) -> _Value:
    """Open a raster on the web and give what ``read(raster)`` takes out of it.

    Raises
    ------
    InsarError
        ``quality.raster_unreadable`` (fields service, reason), ``run.cancelled``.
    """
    parts = urlsplit(url)
    options: dict[str, Any] = {
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        # What GDAL heard about an address before does not count: a failure is asked for again.
        "CPL_VSIL_CURL_NON_CACHED": f"/vsicurl/{parts.scheme}://{parts.netloc}",
        "GDAL_HTTP_CONNECTTIMEOUT": CONNECT_TIMEOUT_S,
        "GDAL_HTTP_TIMEOUT": READ_TIMEOUT_S,
        "GDAL_HTTP_MAX_RETRY": 3,
        "GDAL_HTTP_RETRY_DELAY": 2,
        "GDAL_PAM_ENABLED": "NO",
    }
    bundle = os.environ.get("REQUESTS_CA_BUNDLE")
    if bundle:
        options["GDAL_CURL_CA_BUNDLE"] = bundle

    def work() -> _Value:
        with rasterio.Env(**options), rasterio.open(f"/vsicurl/{url}") as raster:
            return read(raster)

    try:
        found: _Value = run_interruptibly(work, is_cancelled)
    except (RasterioError, OSError) as error:
        # The address may carry a signature.
        reason = shown(str(error).replace(url, parts.path))
        raise InsarError("quality.raster_unreadable", service=parts.hostname or "", reason=reason) from error
    return found

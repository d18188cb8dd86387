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
from insarhub_qgis.engine.archive_http import causes_of, run_interruptibly, shown
from insarhub_qgis.engine.quality_http import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, QualityDoor

#: GDAL on a file of another kind.
NO_RASTER = "not recognized as being in a supported file format"

_Value = TypeVar("_Value")


def why(error: BaseException, url: str = "", name: str = "") -> str:
    """Say why a raster could not be read: what its first cause says, as those after it only point to that.

    ``url`` gives way to ``name``, since it may carry a signature.
    """
    text = str(causes_of(error)[-1])
    return shown(text.replace(url, name) if url else text).rstrip(".")


def read_remote(url: str, read: Callable[[Any], _Value], door: QualityDoor) -> _Value | None:
    """Open a raster on the web and give what ``read(raster)`` takes out of it; None when there is no such file.

    Raises
    ------
    InsarError
        ``quality.raster_unreadable`` (fields service, reason), codes of `QualityDoor.json`.
    """
    for wait_s in (*door.retry_waits_s, None):
        # Asked before, since GDAL neither tells a service that is busy from others nor waits as long as it wants.
        if not door.has_file(url):
            return None
        try:
            return _read_once(url, read, door.is_cancelled)
        except _UnreadableError as failed:
            if wait_s is None or not failed.may_pass:
                raise failed.reason from failed
            told = failed.reason.fields
            door.wait(wait_s, f"{told['service']} gave no good answer ({told['reason']})")
    raise AssertionError("the last attempt returns or raises")


class _UnreadableError(Exception):
    def __init__(self, reason: InsarError, *, may_pass: bool) -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.may_pass = may_pass


def _read_once(url: str, read: Callable[[Any], _Value], is_cancelled: IsCancelled) -> _Value:
    parts = urlsplit(url)
    options: dict[str, Any] = {
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        # What GDAL heard about an address before does not count: a failure is asked for again.
        "CPL_VSIL_CURL_NON_CACHED": f"/vsicurl/{parts.scheme}://{parts.netloc}",
        "GDAL_HTTP_CONNECTTIMEOUT": CONNECT_TIMEOUT_S,
        "GDAL_HTTP_TIMEOUT": READ_TIMEOUT_S,
        "GDAL_HTTP_MAX_RETRY": 0,
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
        # What came whole and is no raster stays so.
        is_other = NO_RASTER in str(error)
        name = parts.path.rpartition("/")[2]
        reason = f"{name} is no raster" if is_other else why(error, url, name)
        unreadable = InsarError("quality.raster_unreadable", service=parts.netloc, reason=reason)
        raise _UnreadableError(unreadable, may_pass=not is_other) from error
    return found

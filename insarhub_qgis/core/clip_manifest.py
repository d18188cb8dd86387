# SPDX-License-Identifier: GPL-2.0-or-later
"""``clip/manifest.json``: the window of the prepared rasters and what each of them was made from."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from insarhub_qgis.core.atomic_files import read_json, write_json_atomically
from insarhub_qgis.core.errors import InsarError

CLIP_FOLDER = "clip"
MANIFEST_NAME = "manifest.json"
MANIFEST_VERSION = 1


@dataclass(frozen=True)
class ClipWindow:
    """The common window: upper-left corner and steps in the units of ``crs``, size in pixels.

    ``y_step`` is negative. ``crs`` is ``EPSG:n`` or WKT.
    """

    crs: str
    x_first: float
    y_first: float
    x_step: float
    y_step: float
    width: int
    height: int


@dataclass
class ClipManifest:
    """What ``clip/`` holds.

    Attributes
    ----------
    is_complete
        False from the first change until the last file is written: a prepare that was cut short.
    is_materialised
        Real rasters, else VRTs into the zips.
    aoi_hash
        First 8 hex digits of the SHA-256 of the AOI's WKT, or empty.
    products
        Product name -> ``{"zip", "size", "mtime_ns", "files": {name: bytes}}``.
    """

    window: ClipWindow
    is_complete: bool = False
    is_materialised: bool = False
    aoi_hash: str = ""
    products: dict[str, dict[str, Any]] = field(default_factory=dict)

    def write(self, job_folder: Path) -> None:
        value = {"version": MANIFEST_VERSION, **asdict(self)}
        write_json_atomically(job_folder / CLIP_FOLDER / MANIFEST_NAME, value)


def read_clip_manifest(job_folder: Path) -> ClipManifest | None:
    """Read the manifest, or give None when there is none that this version understands.

    Raises
    ------
    InsarError
        ``file.malformed``.
    """
    path = job_folder / CLIP_FOLDER / MANIFEST_NAME
    if not path.is_file():
        return None
    value = read_json(path)
    if not isinstance(value, dict) or value.pop("version", None) != MANIFEST_VERSION:
        return None
    try:
        return ClipManifest(**{**value, "window": ClipWindow(**value["window"])})
    except (KeyError, TypeError) as error:
        raise InsarError("file.malformed", file=str(path), line=1, column=1, reason=str(error)) from error

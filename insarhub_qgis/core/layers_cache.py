# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the files that only serve the map lie: ``.insarhub_layers`` of a job folder, and how they are named.

Layers write VRTs there, the engine the GeoTIFF copies and the indexes that QGIS reads. Everything in it can be made
again, so it may be deleted at any time. Naming a path creates nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

CACHE_FOLDER = ".insarhub_layers"


def job_folder_of(source: Path) -> Path:
    """Give the job folder that a MintPy file belongs to: its folder, or the one above ``geo`` and ``mintpy``.

    Examples
    --------
    >>> job_folder_of(Path("/jobs/p5/mintpy/geo/geo_velocity.h5")).as_posix()
    '/jobs/p5'
    >>> job_folder_of(Path("/jobs/p5/velocity.h5")).as_posix()
    '/jobs/p5'
    """
    folder = source.parent
    while folder.name in ("geo", "inputs", "mintpy") or folder.name.endswith("_mintpy"):
        folder = folder.parent
    return folder


def layers_cache_of(source: Path) -> Path:
    """Give the cache folder for a MintPy file; it may not exist."""
    return job_folder_of(source) / CACHE_FOLDER


def cache_name(source: Path, dataset: str) -> str:
    """Give the name, without suffix, that belongs to one dataset of one file of a job.

    Examples
    --------
    >>> cache_name(Path("/jobs/p5/geo/geo_velocity.h5"), "velocityStd")
    'geo-geo_velocity-velocityStd'
    """
    parts = source.relative_to(job_folder_of(source)).with_suffix("").parts
    return "-".join((*parts, *dataset.strip("/").split("/")))


def dataset_copy_path(source: Path, dataset: str) -> Path:
    """GeoTIFF copy that ``copy-dataset`` writes: one band per date, descriptions as ISO dates."""
    return layers_cache_of(source) / f"{source.stem}_{dataset.strip('/')}.tif"


def series_index_path(source: Path) -> Path:
    """Chunk index that ``index-series`` writes for a time series; a file in ``geo`` has its own.

    Arrays used by readers: ``offsets`` int64 of the shape of the chunk grid (dates, rows, columns), byte offset of each
    chunk in the file, -1 where the chunk was never written; ``chunk_shape``; ``shape`` as (dates, rows, columns);
    ``dtype`` text such as ``<f4``; ``fill_value``; ``file_size`` and ``modified_ns`` of the HDF5 file.
    """
    cache = layers_cache_of(source)
    prefix = "" if source.parent == cache.parent else f"{source.parent.name}_"
    return cache / f"{prefix}{source.stem}.index.npz"


def fingerprint(source: Path) -> tuple[int, int]:
    """Give (size in bytes, time of change in ns): another pair means that the file was written again."""
    status: Any = source.stat()
    return int(status.st_size), int(status.st_mtime_ns)


def is_current(made: Path, source: Path) -> bool:
    """Tell whether a file made from ``source`` exists and is not older than it."""
    return made.is_file() and made.stat().st_mtime_ns >= source.stat().st_mtime_ns

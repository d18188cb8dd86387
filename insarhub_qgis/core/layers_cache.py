# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the files that only serve the map lie: ``.insarhub_layers`` of a job folder, and how they are named.

Layers write VRTs there, the engine the GeoTIFF copies and the indexes that QGIS reads. Everything in it can be made
again, so it may be deleted at any time. Naming a path creates nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

CACHE_FOLDER = ".insarhub_layers"
#: Layout of the index files; one of another version is not read.
SERIES_INDEX_VERSION = 1


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
    return layers_cache_of(source) / f"{cache_name(source, dataset)}.tif"


def series_index_path(source: Path, dataset: str = "timeseries") -> Path:
    """Chunk index that ``index-series`` writes, by ``numpy.savez``.

    Arrays: ``version`` (`SERIES_INDEX_VERSION`), ``offsets`` int64 of the shape of the chunk grid (dates, rows,
    columns), byte offset of each chunk in the file, -1 where the chunk was never written (fill value 0);
    ``chunk_shape`` int64 (3,); ``shape`` int64 (3,) as (dates, rows, columns); ``dtype`` text such as ``<f4``;
    ``size_bytes`` and ``modified_ns`` int64, the fingerprint of the HDF5 file. A contiguous dataset is one chunk of
    the whole shape.
    """
    return layers_cache_of(source) / f"{cache_name(source, dataset)}.series.npz"


def fingerprint(source: Path) -> tuple[int, int]:
    """Give (size in bytes, time of change in ns): another pair means that the file was written again."""
    status: Any = source.stat()
    return int(status.st_size), int(status.st_mtime_ns)


def is_current(made: Path, source: Path) -> bool:
    """Tell whether a file made from ``source`` exists and is not older than it."""
    return made.is_file() and made.stat().st_mtime_ns >= source.stat().st_mtime_ns

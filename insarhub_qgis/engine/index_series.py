# SPDX-License-Identifier: GPL-2.0-or-later
"""Index of where the chunks of an uncompressed time series lie, for reading pixels by memory map."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Any

import numpy as np

from insarhub_qgis.core.requests import IndexSeries
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine.mintpy_hdf5 import MintpyFile, cache_folder
from insarhub_qgis.engine.sample_series import series_dataset


def run(request: IndexSeries, context: RunContext) -> dict[str, Any]:
    """Answer `IndexSeries`.

    The ``.npz`` holds ``offsets`` (int64, one per chunk in grid order, -1 never written), ``chunk_shape``,
    ``shape``, ``dtype`` (numpy text with byte order), ``fill_value``, ``dates`` (YYYYMMDD), ``reference_pixel``
    (row, col or -1, -1), ``file_size`` and ``modified_ns`` of the source. An index whose size or time differs
    from the file's is stale.

    Raises
    ------
    InsarError
        ``file.missing``, ``hdf5.*``.
    """
    source = Path(request.source)
    with MintpyFile(source) as file:
        status = source.stat()
        dataset = series_dataset(file)
        table = file.chunk_table(dataset.name)
        if table is None:
            return {"index_file": ""}
        output = index_path(source)
        output.parent.mkdir(parents=True, exist_ok=True)
        arrays = {
            "offsets": table.offsets,
            "chunk_shape": np.array(table.chunk_shape, dtype=np.int64),
            "shape": np.array(dataset.shape, dtype=np.int64),
            "dtype": np.array(dataset.dtype.str),
            "fill_value": np.array(table.fill_value),
            "dates": np.array([f"{date:%Y%m%d}" for date in file.dates]),
            "reference_pixel": np.array(file.reference_pixel or (-1, -1), dtype=np.int64),
            "file_size": np.array(status.st_size, dtype=np.int64),
            "modified_ns": np.array(status.st_mtime_ns, dtype=np.int64),
        }
    part = output.with_name(f".{output.name}.{uuid.uuid4().hex}.part")
    try:
        with part.open("wb") as stream:
            np.savez(stream, **arrays)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)
    context.report(1.0, output.name)
    return {"index_file": str(output)}


def index_path(source: Path) -> Path:
    """Give where the index of a series is kept; a file in ``geo`` has its own."""
    prefix = "" if source.parent == cache_folder(source).parent else f"{source.parent.name}_"
    return cache_folder(source) / f"{prefix}{source.stem}.index.npz"

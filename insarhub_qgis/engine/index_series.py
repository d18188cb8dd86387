# SPDX-License-Identifier: GPL-2.0-or-later
"""Index of where the chunks of an uncompressed time series lie, for reading pixels by memory map."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Any

import numpy as np

from insarhub_qgis.core.layers_cache import SERIES_INDEX_VERSION, fingerprint, series_index_path
from insarhub_qgis.core.requests import IndexSeries
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine.mintpy_hdf5 import MintpyFile
from insarhub_qgis.engine.sample_series import series_dataset


def run(request: IndexSeries, context: RunContext) -> dict[str, Any]:
    """Answer `IndexSeries`; ``core.layers_cache.series_index_path`` says what the file holds.

    Raises
    ------
    InsarError
        ``file.missing``, ``hdf5.*``.
    """
    source = Path(request.source).absolute()
    with MintpyFile(source) as file:
        size_bytes, modified_ns = fingerprint(source)
        dataset = series_dataset(file)
        table = file.chunk_table(dataset.name)
        # A chunk that was never written reads as the fill value; the index can only say 0.
        if table is None or (table.fill_value != 0 and (table.offsets < 0).any()):
            return {"index_file": ""}
    output = series_index_path(source, dataset.name)
    output.parent.mkdir(parents=True, exist_ok=True)
    part = output.with_name(f".{output.name}.{uuid.uuid4().hex}.part")
    try:
        with part.open("wb") as stream:
            np.savez(
                stream,
                version=np.int64(SERIES_INDEX_VERSION),
                offsets=table.offsets,
                chunk_shape=np.array(table.chunk_shape, dtype=np.int64),
                shape=np.array(dataset.shape, dtype=np.int64),
                dtype=np.array(dataset.dtype.str),
                size_bytes=np.int64(size_bytes),
                modified_ns=np.int64(modified_ns),
            )
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)
    context.report(1.0, output.name)
    return {"index_file": str(output)}

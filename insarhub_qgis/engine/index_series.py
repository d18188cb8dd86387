# SPDX-License-Identifier: GPL-2.0-or-later
"""Index of where the chunks of an uncompressed time series lie, for reading pixels by memory map."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Any

import numpy as np

from insarhub_qgis.core.layers_cache import fingerprint, series_index_path
from insarhub_qgis.core.requests import IndexSeries
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine.mintpy_hdf5 import MintpyFile
from insarhub_qgis.engine.sample_series import series_dataset


def run(request: IndexSeries, context: RunContext) -> dict[str, Any]:
    """Answer `IndexSeries`; ``core.layers_cache.series_index_path`` says what the file holds.

    Besides: ``dates`` (YYYYMMDD) and ``reference_pixel`` (row, column; -1, -1 when there is none).

    Raises
    ------
    InsarError
        ``file.missing``, ``hdf5.*``.
    """
    source = Path(request.source).absolute()
    with MintpyFile(source) as file:
        file_size, modified_ns = fingerprint(source)
        dates = [f"{date:%Y%m%d}" for date in file.dates]
        reference = file.reference_pixel or (-1, -1)
        dataset = series_dataset(file)
        table = file.chunk_table(dataset.name)
        if table is None:
            return {"index_file": ""}
    output = series_index_path(source)
    output.parent.mkdir(parents=True, exist_ok=True)
    part = output.with_name(f".{output.name}.{uuid.uuid4().hex}.part")
    try:
        with part.open("wb") as stream:
            np.savez(
                stream,
                offsets=table.offsets,
                chunk_shape=np.array(table.chunk_shape, dtype=np.int64),
                shape=np.array(dataset.shape, dtype=np.int64),
                dtype=np.array(dataset.dtype.str),
                fill_value=np.float64(table.fill_value),
                dates=np.array(dates),
                reference_pixel=np.array(reference, dtype=np.int64),
                file_size=np.int64(file_size),
                modified_ns=np.int64(modified_ns),
            )
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)
    context.report(1.0, output.name)
    return {"index_file": str(output)}

# SPDX-License-Identifier: GPL-2.0-or-later
"""Time series of single pixels. docs: analysis.md 6 and 8."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.progress import stop_if_cancelled
from insarhub_qgis.core.requests import SampleSeries
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine.mintpy_hdf5 import Dataset, MintpyFile

#: Reasons of a sample without values.
OUTSIDE = "series.outside"
NO_VALUE = "series.no_value"


def run(request: SampleSeries, context: RunContext) -> dict[str, Any]:
    """Answer `SampleSeries`.

    Raises
    ------
    InsarError
        ``file.missing``, ``hdf5.*``, ``raster.radar_coded``, ``raster.no_crs``.
    """
    with MintpyFile(Path(request.source)) as file:
        dataset = series_dataset(file)
        grid = file.georeference
        samples = []
        for index, (x, y) in enumerate(request.points):
            stop_if_cancelled(context.is_cancelled)
            pixel = grid.pixel_at(float(x), float(y))
            samples.append(_sample(file, dataset, pixel))
            context.report((index + 1) / len(request.points), "")
        return {"dates": [date.isoformat() for date in file.dates], "samples": samples, "unit": "mm"}


def series_dataset(file: MintpyFile) -> Dataset:
    """Give the time series of a file; raises ``hdf5.no_dataset``."""
    if file.file_type != "timeseries":
        raise InsarError(
            "hdf5.no_dataset", file=str(file.path), dataset="timeseries", known=sorted(file.datasets)
        )
    return file.dataset("timeseries")


def to_json_values(values: np.ndarray) -> list[float | None]:
    """Give plain numbers, None for NaN."""
    return [float(value) if np.isfinite(value) else None for value in values]


def _sample(file: MintpyFile, dataset: Dataset, pixel: tuple[int, int] | None) -> dict[str, Any]:
    if pixel is None:
        return {"row": None, "col": None, "values_mm": None, "reason": OUTSIDE}
    row, col = pixel
    values = file.read_pixel(dataset.name, row, col)
    if not np.isfinite(values).any():
        return {"row": None, "col": None, "values_mm": None, "reason": NO_VALUE}
    return {"row": row, "col": col, "values_mm": to_json_values(values * 1000)}

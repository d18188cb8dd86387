# SPDX-License-Identifier: GPL-2.0-or-later
"""GeoTIFF copies of datasets that GDAL's HDF5 driver cannot read (bool, lzf), in the job's layer cache."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from insarhub_qgis.core.layers_cache import dataset_copy_path
from insarhub_qgis.core.requests import CopyDataset
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine.export_results import raster_tags, write_dataset
from insarhub_qgis.engine.geotiff_writer import RasterPlan, output_dtype
from insarhub_qgis.engine.mintpy_hdf5 import MintpyFile


def run(request: CopyDataset, context: RunContext) -> dict[str, Any]:
    """Answer `CopyDataset`: values and units as stored, missing ones nodata.

    Raises
    ------
    InsarError
        ``file.missing``, ``hdf5.*``, ``raster.radar_coded``, ``raster.no_crs``, ``export.write_failed``.
    """
    source = Path(request.source).absolute()
    with MintpyFile(source) as file:
        dataset = file.dataset(request.dataset)
        output = dataset_copy_path(source, dataset.name)
        plan = RasterPlan(
            path=output,
            georeference=file.georeference,
            dtype=output_dtype(dataset.dtype),
            band_names=tuple(file.band_names(dataset)),
            tags=raster_tags(file, dataset, dataset.unit),
            unit="" if dataset.unit == "1" else dataset.unit,
        )
        write_dataset(file, dataset, list(range(dataset.bands)), plan, None, None, context, context.report)
    return {"output": str(output)}

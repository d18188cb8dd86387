# SPDX-License-Identifier: GPL-2.0-or-later
"""One piece of work by the plugin's engine, under the clock: ``ours.py WORK ARGUMENTS``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(1, str(Path(__file__).resolve().parent.parent))

from timing import answer, clock

from insarhub_qgis.core.requests import (
    ExportFootprint,
    ExportResults,
    IndexSeries,
    OpenProducts,
    PrepareAnalysis,
    RunAnalysis,
)
from insarhub_qgis.core.run_context import RunContext


def export(source: str, output: str, warm: str) -> None:
    """HDF5 to GeoTIFF: tiled, compressed, with overviews and statistics, on the disk."""
    from insarhub_qgis.engine import export_results

    export_results.run(ExportResults(warm, str(Path(output) / "warm")), RunContext())
    seconds, _ = clock(lambda: export_results.run(ExportResults(source, output), RunContext()))
    answer(seconds)


def footprint(source: str, output: str, warm: str) -> None:
    """Outline of the valid pixels."""
    from insarhub_qgis.engine import export_footprint

    warm_request = ExportFootprint(warm, str(Path(output).with_name("warm.gpkg")), method="valid")
    export_footprint.run(warm_request, RunContext())
    request = ExportFootprint(source, output, method="valid")
    seconds, result = clock(lambda: export_footprint.run(request, RunContext()))
    answer(seconds, polygons=result["polygons"], area_km2=result["area_km2"])


def prepare(products: str, job: str, load: str) -> None:
    """Prepare a job folder, and with ``load`` = yes run MintPy's step load_data as the analysis does."""
    from insarhub_qgis.engine import mintpy_run, open_products, prepare_analysis

    open_products.run(OpenProducts(products, job), RunContext())
    before = {path: path.stat().st_size for path in Path(job).rglob("*") if path.is_file()}
    prepared, result = clock(lambda: prepare_analysis.run(PrepareAnalysis(job), RunContext()))
    written = sum(
        path.stat().st_size for path in Path(job).rglob("*") if path.is_file() and path not in before
    )
    loaded = 0.0
    if load == "yes":
        request = RunAnalysis(job, steps=("load_data",))
        loaded, _ = clock(lambda: mintpy_run.run(request, RunContext()))
    answer(
        prepared + loaded,
        prepare=prepared,
        load=loaded,
        written=written,
        raster_bytes=result["bytes_written"],
    )


def index(source: str) -> None:
    """What the engine does once per series before pixels are clicked."""
    from insarhub_qgis.engine import index_series

    seconds, _ = clock(lambda: index_series.run(IndexSeries(source), RunContext()))
    answer(seconds)


WORKS = {function.__name__: function for function in (export, footprint, prepare, index)}

if __name__ == "__main__":
    WORKS[sys.argv[1]](*sys.argv[2:])

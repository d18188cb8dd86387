# SPDX-License-Identifier: GPL-2.0-or-later
"""One point per valid pixel with its velocity and dates, as InSAR Explorer reads them. docs: analysis.md 7.

Fields: CODE, HEIGHT (m), H_STDEV (m), VEL, V_STDEV (mm/yr), COHERENCE, EFF_AREA (m2), then D{YYYYMMDD} (mm).
What no file tells is NULL.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from osgeo import ogr

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.georeference import Georeference
from insarhub_qgis.core.progress import stop_if_cancelled
from insarhub_qgis.core.requests import ExportPoints
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.core.time_series_fit import fit_velocities
from insarhub_qgis.engine.export_results import to_wgs84
from insarhub_qgis.engine.mintpy_hdf5 import Dataset, MintpyFile
from insarhub_qgis.engine.sample_series import series_dataset
from insarhub_qgis.engine.valid_mask import ValidMask
from insarhub_qgis.engine.vector_writer import VectorPlan, VectorWriter

_BLOCK_VALUES = 4_000_000


@dataclass(frozen=True)
class _Companions:
    """Files beside the series on the same grid; None where there is none."""

    velocity: MintpyFile | None
    coherence: MintpyFile | None
    geometry: MintpyFile | None


def run(request: ExportPoints, context: RunContext) -> dict[str, Any]:
    """Answer `ExportPoints`. VEL and V_STDEV come from velocity.h5 beside the series, else from a linear fit.

    Raises
    ------
    InsarError
        ``export.no_points`` when no pixel is left; ``export.*``, ``mask.*``, ``hdf5.*``, ``raster.*``.
    """
    if request.step < 1:
        raise InsarError("export.bad_option", option="step", value=request.step)
    source = Path(request.source)
    with ExitStack() as stack:
        file = stack.enter_context(MintpyFile(source))
        dataset = series_dataset(file)
        grid = file.georeference
        companions = _find_companions(file, stack)
        mask = None
        if request.mask:
            mask = stack.enter_context(ValidMask(Path(request.mask), request.mask_threshold, grid))
        fields = _fields(file)
        output = Path(request.output)
        epsg = 4326 if request.to_wgs84 else grid.epsg
        plan = VectorPlan(output, file.stem, epsg, ogr.wkbPoint, fields, replaces=request.replace)
        with VectorWriter(plan) as writer:
            points = 0
            for rows in _row_blocks(grid, dataset, request.step):
                stop_if_cancelled(context.is_cancelled)
                block = _read_block(file, dataset, companions, mask, rows, request.step)
                points = _write_block(writer.layer, block, grid, request.to_wgs84, points)
                context.report(rows.stop / grid.height, f"{points}")
            if points == 0:
                raise InsarError("export.no_points", file=str(source))
    layer = output.stem if output.suffix.lower() == ".shp" else plan.layer
    return {"output": request.output, "layer": layer, "points": points}


def _fields(file: MintpyFile) -> list[tuple[str, int]]:
    numbers = ("HEIGHT", "H_STDEV", "VEL", "V_STDEV", "COHERENCE", "EFF_AREA")
    return [
        ("CODE", ogr.OFTString),
        *((name, ogr.OFTReal) for name in numbers),
        *((f"D{date:%Y%m%d}", ogr.OFTReal) for date in file.dates),
    ]


def _find_companions(file: MintpyFile, stack: ExitStack) -> _Companions:
    folder = file.path.parent
    home = folder.parent if folder.name == "geo" else folder

    def first(*places: Path) -> MintpyFile | None:
        for path in places:
            if not path.is_file():
                continue
            other = MintpyFile(path)
            try:
                is_same = other.georeference.is_same_grid(file.georeference)
            except InsarError:
                # A radar-coded file lies on another grid by nature.
                is_same = False
            if is_same:
                return stack.enter_context(other)
            other.close()
        return None

    return _Companions(
        first(folder / "velocity.h5", folder / "geo_velocity.h5"),
        first(folder / "temporalCoherence.h5", folder / "geo_temporalCoherence.h5"),
        first(
            home / "inputs" / "geometryGeo.h5",
            folder / "geo_geometryRadar.h5",
            folder / "geometryGeo.h5",
        ),
    )


def _row_blocks(grid: Georeference, dataset: Dataset, step: int) -> Iterator[slice]:
    count = max(1, _BLOCK_VALUES // (grid.width * dataset.bands) // step) * step
    for row in range(0, grid.height, count):
        yield slice(row, min(row + count, grid.height))


@dataclass(frozen=True)
class _Block:
    """Pixels of some rows: indices (n,), attributes (n, 6) and series in mm (n, dates); NaN is NULL."""

    rows: np.ndarray
    cols: np.ndarray
    attributes: np.ndarray
    series_mm: np.ndarray


def _read_block(
    file: MintpyFile,
    dataset: Dataset,
    companions: _Companions,
    mask: ValidMask | None,
    rows: slice,
    step: int,
) -> _Block:
    cols = slice(0, file.width)
    values = file.read(dataset.name, rows, cols)
    missing = np.broadcast_to(file.missing(dataset, values, rows, cols), values.shape)
    is_kept = ~missing.all(axis=0)
    if mask is not None:
        is_kept &= mask.read(rows, cols)
    # Block starts are multiples of the step.
    on_step = np.zeros_like(is_kept)
    on_step[::step, ::step] = True
    row_index, col_index = np.nonzero(is_kept & on_step)
    series = values[:, row_index, col_index].astype(np.float64)
    series[missing[:, row_index, col_index]] = np.nan

    def of(other: MintpyFile | None, name: str) -> np.ndarray:
        if other is None or name not in other.datasets:
            return np.full(len(row_index), np.nan)
        window = other.read(name, rows, cols)
        gaps = other.missing(other.datasets[name], window, rows, cols)
        return np.where(gaps, np.nan, window.astype(np.float64))[row_index, col_index]

    if companions.velocity is not None:
        velocity, deviation = of(companions.velocity, "velocity"), of(companions.velocity, "velocityStd")
    else:
        velocity, deviation = fit_velocities(file.dates, series)
    attributes = np.column_stack(
        [
            of(companions.geometry, "height"),
            np.full(len(row_index), np.nan),
            velocity * 1000,
            deviation * 1000,
            of(companions.coherence, "temporalCoherence"),
            _pixel_area(file.georeference, row_index + rows.start),
        ]
    )
    return _Block(row_index + rows.start, col_index, attributes, series.T * 1000)


def _pixel_area(grid: Georeference, rows: np.ndarray) -> np.ndarray:
    """Area of a pixel in m2, shape (n,); on a sphere for geographic grids."""
    if grid.crs != "EPSG:4326":
        return np.full(len(rows), grid.x_step * -grid.y_step)
    metres = math.radians(1) * 6371008.8
    latitudes = np.radians(grid.y_first + (rows + 0.5) * grid.y_step)
    areas: np.ndarray = grid.x_step * -grid.y_step * metres**2 * np.cos(latitudes)
    return areas


def _write_block(layer: Any, block: _Block, grid: Georeference, as_wgs84: bool, written: int) -> int:
    x = grid.x_first + (block.cols + 0.5) * grid.x_step
    y = grid.y_first + (block.rows + 0.5) * grid.y_step
    if as_wgs84 and grid.epsg != 4326 and len(x):
        moved = np.asarray(to_wgs84(grid.epsg).TransformPoints(np.column_stack([x, y]).tolist()))
        x, y = moved[:, 0], moved[:, 1]
    definition = layer.GetLayerDefn()
    table = np.column_stack([block.attributes, block.series_mm])
    has_value = np.isfinite(table)
    for index in range(len(x)):
        written += 1
        feature = ogr.Feature(definition)
        feature.SetField(0, f"{written:08x}")
        for column in np.flatnonzero(has_value[index]).tolist():
            feature.SetField(column + 1, float(table[index, column]))
        point = ogr.Geometry(ogr.wkbPoint)
        point.SetPoint_2D(0, float(x[index]), float(y[index]))
        feature.SetGeometryDirectly(point)
        layer.CreateFeature(feature)
    return written

# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the datasets of MintPy files as GeoTIFF or COG. docs: analysis.md 7."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from osgeo import osr

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.progress import Report, part_of
from insarhub_qgis.core.requests import ExportResults
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine.geotiff_writer import GeotiffWriter, PreparedWindow, RasterPlan, output_dtype
from insarhub_qgis.engine.mintpy_hdf5 import Dataset, MintpyFile
from insarhub_qgis.engine.valid_mask import ValidMask

DISPLACEMENT_SIGN = "positive toward the satellite"
#: Suffixes of corrected series, in the order in which MintPy adds them.
CORRECTIONS = {
    "LOD": "local oscillator drift",
    "SET": "solid Earth tides",
    "ion": "ionosphere",
    "ERA5": "troposphere (ERA5)",
    "tropHgt": "troposphere (height correlation)",
    "GACOS": "troposphere (GACOS)",
    "OPERA": "troposphere (OPERA)",
    "ramp": "ramp removed",
    "demErr": "topographic residual",
}
_MM_UNITS = {"m": "mm", "m/year": "mm/year"}


@dataclass(frozen=True)
class _Job:
    """One dataset to write."""

    file: Path
    dataset: str
    output: Path


def run(request: ExportResults, context: RunContext) -> dict[str, Any]:
    """Answer `ExportResults`.

    Raises
    ------
    InsarError
        ``file.missing``, ``export.nothing``, ``export.bad_option``, ``export.no_dates``, ``hdf5.*``,
        ``raster.radar_coded``, ``raster.no_crs``, ``mask.*``.
    """
    if request.unit not in ("m", "mm"):
        raise InsarError("export.bad_option", option="unit", value=request.unit)
    if request.raster_format not in ("GTiff", "COG"):
        raise InsarError("export.bad_option", option="raster_format", value=request.raster_format)
    dates = parse_date(request.start_date), parse_date(request.end_date)
    jobs, skipped = _plan_jobs(request)
    sizes = [_bytes_of(job) for job in jobs]
    done, written = 0, []
    for job, size in zip(jobs, sizes):
        report = part_of(context.report, done / sum(sizes), (done + size) / sum(sizes))
        written.append(_export(job, request, dates, context, report))
        done += size
    return {
        "output_folder": request.output_folder,
        "files": written,
        "skipped": [{"file": str(path), **error.to_json()} for path, error in skipped],
    }


def parse_date(text: str) -> dt.date | None:
    """Read an ISO date; empty is None. Raises ``export.bad_option``."""
    if not text:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise InsarError("export.bad_option", option="date", value=text) from error


def output_name(file: MintpyFile, dataset: Dataset) -> str:
    """Give the stem of the raster of a dataset: ``velocity``, ``velocity_velocityStd``.

    The primary dataset of a file takes the name of the file without ``geo_``; the others add their own.
    """
    primary = file.primary
    is_named_by_file = primary is not None and primary.name == dataset.name
    return file.stem if is_named_by_file else f"{file.stem}_{dataset.name}"


def find_results(folder: Path) -> list[Path]:
    """List MintPy results of a job folder: root, ``mintpy``, ``*_mintpy``, and ``geo`` inside each.

    Of files with the same stem (``geo_`` left out) a geocoded copy comes before a radar-coded one, then the
    newest.
    """
    homes = [folder, folder / "mintpy", *sorted(folder.glob("*_mintpy"))]
    homes = list(dict.fromkeys(home for home in homes if home.is_dir()))
    found: dict[str, Path] = {}
    for home in homes:
        for path in [*home.glob("*.h5"), *(home / "geo").glob("*.h5")]:
            stem = path.stem.removeprefix("geo_")
            if stem not in found or _rank(path) > _rank(found[stem]):
                found[stem] = path
    return [found[stem] for stem in sorted(found)]


def _rank(path: Path) -> tuple[bool, int]:
    return path.stem.startswith("geo_"), path.stat().st_mtime_ns


def _plan_jobs(request: ExportResults) -> tuple[list[_Job], list[tuple[Path, InsarError]]]:
    """Give what is to be written, and the files of a job folder that cannot be exported with the reason."""
    source = Path(request.source)
    if source.is_dir():
        files = find_results(source)
        if request.datasets:
            files += [path for path in sorted(source.glob("**/inputs/*.h5")) if path not in files]
    elif source.is_file():
        files = [source]
    else:
        raise InsarError("file.missing", file=str(source))
    jobs: list[_Job] = []
    matched: set[str] = set()
    skipped: list[tuple[Path, InsarError]] = []
    for path in files:
        wanted = _wanted_of(path, request.datasets)
        if request.datasets and not wanted:
            continue
        try:
            names = _datasets_of(path, wanted, request)
        except InsarError as error:
            if source.is_file() or request.datasets or not _can_be_skipped(error):
                raise
            skipped.append((path, error))
            continue
        matched.update(wanted)
        jobs += [_Job(path, name, Path(request.output_folder) / f"{stem}.tif") for name, stem in names]
    missing = [entry for entry in request.datasets if entry not in matched]
    if missing:
        raise InsarError("export.nothing", source=str(source), datasets=missing)
    if not jobs:
        raise skipped[-1][1] if skipped else InsarError("export.nothing", source=str(source), datasets=[])
    return jobs, skipped


def _can_be_skipped(error: InsarError) -> bool:
    return error.code in ("hdf5.not_mintpy", "raster.radar_coded", "raster.no_crs")


def _wanted_of(path: Path, entries: tuple[str, ...]) -> list[str]:
    stem = path.stem.removeprefix("geo_")
    return [entry for entry in entries if entry.split("/")[0].removeprefix("geo_") == stem]


def _datasets_of(path: Path, wanted: list[str], request: ExportResults) -> list[tuple[str, str]]:
    """Give (dataset, output stem) of what is asked of one file; checks that it is geocoded."""
    with MintpyFile(path) as file:
        if not file.datasets:
            return []
        _ = file.georeference
        chosen: list[Dataset] = []
        for entry in wanted:
            if "/" in entry:
                chosen.append(file.dataset(entry.split("/", 1)[1]))
            elif file.primary is not None:
                chosen.append(file.primary)
            else:
                chosen += file.datasets.values()
        if not request.datasets:
            chosen = list(file.datasets.values())
        return list(dict.fromkeys((dataset.name, output_name(file, dataset)) for dataset in chosen))


def _bytes_of(job: _Job) -> int:
    with MintpyFile(job.file) as file:
        dataset = file.datasets[job.dataset]
        return int(np.prod(dataset.shape)) * dataset.dtype.itemsize


def _export(
    job: _Job,
    request: ExportResults,
    dates: tuple[dt.date | None, dt.date | None],
    context: RunContext,
    report: Report,
) -> dict[str, Any]:
    with ExitStack() as stack:
        file = stack.enter_context(MintpyFile(job.file))
        dataset = file.datasets[job.dataset]
        mask = None
        if request.mask:
            mask = stack.enter_context(
                ValidMask(Path(request.mask), request.mask_threshold, file.georeference)
            )
        bands = _choose_bands(file, dataset, dates)
        names = file.band_names(dataset)
        scales = request.unit == "mm" and dataset.unit in _MM_UNITS and _is_displacement(file)
        unit = _MM_UNITS[dataset.unit] if scales else dataset.unit
        plan = RasterPlan(
            path=job.output,
            georeference=file.georeference,
            dtype=output_dtype(dataset.dtype),
            band_names=tuple(names[index] for index in bands) if dataset.is_cube else tuple(names),
            tags=raster_tags(file, dataset, unit),
            raster_format=request.raster_format,
            unit="" if unit == "1" else unit,
        )
        factor = 1000.0 if scales else None
        write_dataset(file, dataset, bands, plan, mask, factor, context, report)
    return {
        "path": str(job.output),
        "source": str(job.file),
        "dataset": job.dataset,
        "bands": len(plan.band_names),
    }


def write_dataset(
    file: MintpyFile,
    dataset: Dataset,
    bands: list[int],
    plan: RasterPlan,
    mask: ValidMask | None,
    factor: float | None,
    context: RunContext,
    report: Report,
) -> None:
    """Copy one dataset into a raster, window by window; missing values become nodata.

    ``factor`` multiplies the values. The next window is read while the present one is compressed.
    """
    windows = list(plan.windows())
    text = plan.path.name

    def read(writer: GeotiffWriter, window: tuple[slice, slice, slice]) -> PreparedWindow:
        places, rows, cols = window
        selected = bands[places]
        values = file.read(dataset.name, rows, cols, selected)
        missing = file.missing(dataset, values, rows, cols, selected)
        if values.ndim == 2:
            values, missing = values[None], missing[None]
        if mask is not None:
            missing = missing | ~mask.read(rows, cols)
        if factor is not None:
            values = values * values.dtype.type(factor)
        return writer.prepare(values, missing)

    with (
        GeotiffWriter(plan, part_of(report, 0.85, 1.0), context.is_cancelled) as writer,
        ThreadPoolExecutor(max_workers=1) as reader,
    ):
        following = reader.submit(read, writer, windows[0])
        for index, window in enumerate(windows):
            prepared = following.result()
            if index + 1 < len(windows):
                following = reader.submit(read, writer, windows[index + 1])
            writer.write(prepared, *window)
            report(0.85 * (index + 1) / len(windows), text)
    report(1.0, text)


def _choose_bands(
    file: MintpyFile, dataset: Dataset, limits: tuple[dt.date | None, dt.date | None]
) -> list[int]:
    if not dataset.is_cube or limits == (None, None):
        return list(range(dataset.bands))
    start, end = limits[0] or dt.date.min, limits[1] or dt.date.max
    spans = [(date, date) for date in file.dates] if file.file_type == "timeseries" else file.date_pairs
    chosen = [index for index, (first, last) in enumerate(spans) if start <= first and last <= end]
    if not chosen:
        raise InsarError("export.no_dates", file=str(file.path), start=str(limits[0]), end=str(limits[1]))
    return chosen


def to_wgs84(epsg: int) -> osr.CoordinateTransformation:
    """Give the transformation from a CRS to longitude and latitude, x before y on both sides."""
    source, target = osr.SpatialReference(), osr.SpatialReference()
    source.ImportFromEPSG(epsg)
    target.ImportFromEPSG(4326)
    for reference in (source, target):
        reference.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    return osr.CoordinateTransformation(source, target)


def _is_displacement(file: MintpyFile) -> bool:
    return file.file_type in ("velocity", "timeseries")


def raster_tags(file: MintpyFile, dataset: Dataset, unit: str) -> dict[str, str]:
    """Give the GeoTIFF tags of a dataset: unit, sign, reference, sensor, corrections, origin."""
    attributes = file.attributes
    tags = {
        "UNIT": unit,
        "SOURCE": file.path.name,
        "DATASET": dataset.name,
        "FILE_TYPE": file.file_type,
        "SOFTWARE": "InSARHub for QGIS, MintPy",
    }
    if _is_displacement(file) and not dataset.name.endswith(("Std", "Phase")) and dataset.name != "residue":
        tags["SIGN"] = DISPLACEMENT_SIGN
    elif dataset.name == "unwrapPhase":
        tags["SIGN"] = "positive away from the satellite"
    for key in ("REF_DATE", "WAVELENGTH", "ORBIT_DIRECTION", "START_DATE", "END_DATE", "PLATFORM", "HEADING"):
        if attributes.get(key, "").lower() not in ("", "none"):
            tags[key] = attributes[key]
    if "relative_orbit" in attributes:
        tags["RELATIVE_ORBIT"] = attributes["relative_orbit"]
    corrections = [text for suffix, text in CORRECTIONS.items() if suffix in file.stem.split("_")[1:]]
    if file.file_type == "timeseries":
        tags["CORRECTIONS"] = ", ".join(corrections) or "none"
    reference = file.reference_pixel
    if reference is not None:
        row, col = reference
        x, y = file.georeference.centre_of(row, col)
        longitude, latitude = to_wgs84(file.georeference.epsg).TransformPoint(x, y)[:2]
        tags |= {
            "REFERENCE_ROW": str(row),
            "REFERENCE_COLUMN": str(col),
            "REFERENCE_X": f"{x:.9g}",
            "REFERENCE_Y": f"{y:.9g}",
            "REFERENCE_LON": f"{longitude:.8f}",
            "REFERENCE_LAT": f"{latitude:.8f}",
        }
    return tags

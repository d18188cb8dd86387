# SPDX-License-Identifier: GPL-2.0-or-later
"""The command ``demo-report``: figures and pictures of a demo run as ``report.json`` and ``report.html``.

With the simulator's truth the recovered velocity is compared with it; real products are shown as they are.
"""

from __future__ import annotations

import base64
import datetime
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from insarhub_qgis.core.atomic_files import write_json_atomically, write_text_atomically
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.requests import DemoReport
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.sandbox import demo_pictures
from insarhub_qgis.sandbox.compare_with_truth import Comparison, compare, read_dataset
from insarhub_qgis.sandbox.demo_pictures import PointSeries
from insarhub_qgis.sandbox.truth import Truth, read_truth

Array = npt.NDArray[np.float64]

_LABELS = {
    "rmse_mm_per_year": "RMSE of the recovered velocity",
    "predicted_rmse_mm_per_year": "RMSE that the simulated noise predicts",
    "bias_mm_per_year": "Bias (mean error, both maps aligned on stable ground)",
    "predicted_bias_sigma_mm_per_year": "Standard deviation of the bias that the noise predicts",
    "bias_deforming_mm_per_year": "Mean error over deforming ground",
    "predicted_bias_deforming_sigma_mm_per_year": "Its standard deviation that the noise predicts",
    "rmse_stable_mm_per_year": "RMSE over stable ground",
    "predicted_rmse_stable_mm_per_year": "RMSE over stable ground that the noise predicts",
    "reference_offset_mm_per_year": "Offset by the noise of the reference pixel, taken off",
    "rmse_at_reference_mm_per_year": "RMSE relative to the reference pixel, offset not taken off",
    "median_abs_error_mm_per_year": "Median absolute error",
    "predicted_turbulence_mm_per_year": "Predicted part of turbulence",
    "predicted_stratified_mm_per_year": "Predicted part of stratified delay",
    "predicted_decorrelation_mm_per_year": "Predicted part of decorrelation",
    "predicted_elevation_error_mm_per_year": "Predicted part of elevation error",
    "correlation": "Correlation of recovered and true velocity",
    "slope": "Slope of recovered on true velocity",
    "true_minimum_mm_per_year": "Smallest true velocity",
    "true_maximum_mm_per_year": "Largest true velocity",
    "minimum_mm_per_year": "Smallest velocity",
    "maximum_mm_per_year": "Largest velocity",
    "median_mm_per_year": "Median velocity",
    "pixels": "Pixels",
    "stable_pixels": "Pixels on stable ground",
    "dates_used": "Dates",
    "wall_seconds": "Wall time",
}
_CAPTIONS = {
    "velocity_recovered": "Recovered line-of-sight velocity; blue toward the satellite, red away.",
    "velocity_true": "True velocity: slope of a straight line through the planted series.",
    "velocity_difference": "Recovered minus true.",
    "velocity_scatter": "Recovered against true velocity, one dot per pixel.",
    "series": "Displacement of three pixels, + toward the satellite.",
}


def run(request: DemoReport, context: RunContext) -> dict[str, Any]:
    """Draw the pictures of an analysed job and write the report.

    Raises
    ------
    InsarError
        As ``compare_with_truth``; ``report.folder`` when the demo folder cannot be written.
    """
    demo, job = Path(request.demo_folder), Path(request.job_folder)
    pictures_folder = demo / "pictures"
    try:
        pictures_folder.mkdir(parents=True, exist_ok=True)
        context.report(0.1, "Drawing pictures")
        if request.truth_file:
            comparison = compare(job, Path(request.truth_file))
            figures = dict(comparison.figures)
            pictures = _pictures_with_truth(
                pictures_folder, job, comparison, read_truth(Path(request.truth_file))
            )
        else:
            figures, pictures = _pictures_of_job(pictures_folder, job)
        figures["wall_seconds"] = request.wall_seconds
        pictures = [Path(name) for name in request.pictures] + pictures
        context.report(0.8, "Writing the report")
        write_report(demo, figures, pictures)
    except OSError as error:
        raise InsarError("report.folder", folder=str(demo), reason=str(error)) from error
    return {
        "report_json": str(demo / "report.json"),
        "report_html": str(demo / "report.html"),
        "figures": figures,
    }


def write_report(demo_folder: Path, figures: Mapping[str, Any], pictures: Sequence[Path]) -> None:
    """Write ``report.json`` (the figures) and ``report.html`` (table and pictures, everything in one file).

    Pictures that do not exist are named as missing in the page.
    """
    write_json_atomically(demo_folder / "report.json", dict(figures))
    rows = "\n".join(
        f"<tr><td>{escape(_LABELS.get(key, key))}</td><td>{escape(_figure_text(key, value))}</td></tr>"
        for key, value in figures.items()
    )
    shown = "\n".join(_figure_element(path) for path in pictures)
    page = f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>InSARHub demo</title>
<style>
body {{ font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 1180px; padding: 0 1rem; color: #222; background: #fff; }}
h1 {{ font-size: 1.5rem; }} h2 {{ font-size: 1.15rem; margin-top: 2rem; }}
table {{ border-collapse: collapse; }} td {{ padding: .2rem .9rem .2rem 0; border-bottom: 1px solid #ddd; }}
td:last-child {{ text-align: right; font-variant-numeric: tabular-nums; }}
.pictures {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(460px, 1fr)); gap: 1.2rem; }}
figure {{ margin: 0; }} figure.wide {{ grid-column: 1 / -1; }} img {{ max-width: 100%; border: 1px solid #ddd; }} figcaption {{ color: #555; font-size: .9rem; }}
.verdict {{ font-size: 1.05rem; }}
</style></head><body>
<h1>From HyP3 products to a displacement map</h1>
{_verdict(figures)}
<h2>Pictures</h2>
<div class="pictures">
{shown}
</div>
<h2>Figures</h2>
<table>
{rows}
</table>
</body></html>
"""
    write_text_atomically(demo_folder / "report.html", page)


def _verdict(figures: Mapping[str, Any]) -> str:
    if "rmse_mm_per_year" not in figures:
        low, high = figures.get("minimum_mm_per_year"), figures.get("maximum_mm_per_year")
        if low is None or high is None:
            return ""
        return f'<p class="verdict">Line-of-sight velocity from {low:.1f} to {high:.1f} mm/yr, + toward the satellite.</p>'
    rmse, predicted = figures["rmse_mm_per_year"], figures["predicted_rmse_mm_per_year"]
    against = (
        f"{rmse / predicted:.2f} times the {predicted:.2f} mm/yr that the simulated noise predicts"
        if predicted > 0
        else "without simulated noise"
    )
    return (
        f'<p class="verdict">Recovered against true velocity: RMSE {rmse:.3g} mm/yr, {against}; '
        f"bias {figures['bias_mm_per_year']:+.3g} mm/yr.</p>\n"
        "<p>The true velocity is the slope of a straight line through the planted series on the same dates. "
        "A velocity map is relative to its reference pixel; both maps are aligned on stable ground "
        "(true velocity below 1 mm/yr) before they are compared, and the offset is listed below.</p>"
    )


def _figure_text(key: str, value: object) -> str:
    if value is None:
        return "unknown"
    unit = " mm/yr" if key.endswith("mm_per_year") else " s" if key == "wall_seconds" else ""
    return f"{value:.4g}{unit}" if isinstance(value, float) else f"{value}{unit}"


def _figure_element(path: Path) -> str:
    caption = escape(_CAPTIONS.get(path.stem, path.stem.replace("_", " ").capitalize()))
    wide = "" if path.stem.startswith("velocity") else ' class="wide"'
    if not path.is_file():
        return (
            f"<figure{wide}><figcaption>{caption}: there is no file {escape(path.name)}</figcaption></figure>"
        )
    content = base64.b64encode(path.read_bytes()).decode("ascii")
    return (
        f'<figure{wide}><img src="data:image/png;base64,{content}" alt="{caption}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def read_series(job: Path, attributes: Mapping[str, str]) -> tuple[list[datetime.date], Path]:
    """Dates and file of the series that the velocity was fitted to; raises ``compare.no_velocity``."""
    path = job / Path(attributes.get("FILE_PATH", "timeseries.h5")).name
    try:
        with h5py.File(path, "r") as file:
            dates = [datetime.datetime.strptime(text.decode(), "%Y%m%d").date() for text in file["date"][:]]
    except (OSError, KeyError, ValueError) as error:
        raise InsarError("compare.no_velocity", file=str(path), reason=str(error)) from error
    return dates, path


def _pixel_series_mm(path: Path, row: int, column: int) -> Array:
    with h5py.File(path, "r") as file:
        return np.asarray(file["timeseries"][:, row, column], dtype=np.float64) * 1e3


def _pictures_with_truth(folder: Path, job: Path, comparison: Comparison, truth: Truth) -> list[Path]:
    velocity, attributes = read_dataset(job / "velocity.h5", "velocity")
    window = truth.window(float(attributes["X_FIRST"]), float(attributes["Y_FIRST"]), *velocity.shape)
    dates, series_file = read_series(job, attributes)
    maps = truth.deformation.maps_m[:, window[0], window[1]].astype(np.float64)
    true_series = {
        (row, column): 1e3
        * truth.deformation.courses.T
        @ (maps[:, row, column] - maps[:, comparison.reference[0], comparison.reference[1]])
        for row, column in _three_pixels(comparison.truth)
    }
    points = []
    for (row, column), planted in true_series.items():
        recovered = _pixel_series_mm(series_file, row, column)
        if recovered.size == planted.size:
            recovered = recovered - np.mean(recovered - planted)
        points.append(
            PointSeries(f"row {row}, column {column}", dates, recovered, list(truth.dates), planted)
        )
    mm = 1e3
    recovered_map, true_map = mm * comparison.recovered, mm * comparison.truth
    reach = max(float(np.nanpercentile(np.abs(recovered_map), 98)), 1e-3)
    difference = recovered_map - true_map
    draw = demo_pictures
    return [
        draw.draw_map(
            folder / "velocity_recovered.png",
            recovered_map,
            reach,
            "Recovered velocity",
            comparison.reference,
        ),
        draw.draw_map(folder / "velocity_true.png", true_map, reach, "True velocity", comparison.reference),
        draw.draw_map(
            folder / "velocity_difference.png",
            difference,
            max(float(np.nanpercentile(np.abs(difference), 98)), 1e-6),
            "Recovered - true",
            comparison.reference,
        ),
        draw.draw_scatter(
            folder / "velocity_scatter.png", true_map[comparison.compared], recovered_map[comparison.compared]
        ),
        draw.draw_series(folder / "series.png", points),
    ]


def _pictures_of_job(folder: Path, job: Path) -> tuple[dict[str, Any], list[Path]]:
    velocity, attributes = read_dataset(job / "velocity.h5", "velocity")
    mask_file = job / "maskTempCoh.h5"
    shown = np.isfinite(velocity)
    if mask_file.is_file():
        shown &= read_dataset(mask_file, "mask")[0].astype(bool)
    if not shown.any():
        raise InsarError("compare.too_few_pixels", stable=0, wanted=1)
    values = np.where(shown, 1e3 * velocity, np.nan)
    dates, series_file = read_series(job, attributes)
    reference = (int(attributes["REF_Y"]), int(attributes["REF_X"]))
    points = [
        PointSeries(f"row {row}, column {column}", dates, _pixel_series_mm(series_file, row, column))
        for row, column in _three_pixels(values)
    ]
    reach = max(float(np.nanpercentile(np.abs(values), 98)), 1e-3)
    figures = {
        "minimum_mm_per_year": float(f"{np.nanmin(values):.5g}"),
        "maximum_mm_per_year": float(f"{np.nanmax(values):.5g}"),
        "median_mm_per_year": float(f"{np.nanmedian(values):.5g}"),
        "pixels": int(shown.sum()),
        "dates_used": len(dates),
    }
    return figures, [
        demo_pictures.draw_map(
            folder / "velocity_recovered.png", values, reach, "Line-of-sight velocity", reference
        ),
        demo_pictures.draw_series(folder / "series.png", points),
    ]


def _three_pixels(velocity: Array) -> list[tuple[int, int]]:
    """Row and column of the smallest, the largest and the stillest velocity; NaN never chosen."""
    filled = [
        np.where(np.isnan(velocity), np.inf, velocity),
        np.where(np.isnan(velocity), np.inf, -velocity),
        np.where(np.isnan(velocity), np.inf, np.abs(velocity)),
    ]
    found = [np.unravel_index(int(np.argmin(values)), values.shape) for values in filled]
    return [(int(row), int(column)) for row, column in found]

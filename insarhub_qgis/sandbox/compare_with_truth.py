# SPDX-License-Identifier: GPL-2.0-or-later
"""The command ``compare-with-truth``: how far the recovered velocity is from the planted one.

MintPy's velocity is relative to its reference pixel, whose own noise shifts the whole map by a constant (with 5 mm of
turbulence per date, by about 3 mm/yr). That constant says nothing about the map, and every user removes it by
referencing to firm ground. So here:

* error of a pixel = recovered - true, both relative to the reference pixel;
* ``reference_offset_mm_per_year`` = mean error over stable ground (true velocity below 1 mm/yr), reported
  and then taken off;
* ``bias_mm_per_year`` = mean of the errors over all compared pixels; ``bias_deforming_mm_per_year`` = over
  those that are not stable;
* ``rmse_mm_per_year`` = their root mean square; ``rmse_at_reference_mm_per_year`` is that before the constant
  is taken off;
* ``predicted_rmse_mm_per_year`` = what the simulated noise makes of a correct analysis (``prediction.py``).

The true velocity is the slope of a straight line through the true series on the dates that MintPy used: the same
estimator on data without error, so the step, the acceleration and the seasonal term are in both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from insarhub_qgis.core.clip_manifest import CLIP_FOLDER
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.product_metadata import ProductMetadata
from insarhub_qgis.core.requests import CompareWithTruth, Simulate
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.sandbox.pair_simulation import dem_error_m
from insarhub_qgis.sandbox.prediction import ElevationModel, Prediction, predict
from insarhub_qgis.sandbox.scene import make_scene
from insarhub_qgis.sandbox.truth import Truth, read_truth

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: Fewer stable pixels than this give no level to compare at.
MIN_STABLE_PIXELS = 20


@dataclass(frozen=True)
class Comparison:
    """Recovered and true velocity on the grid of velocity.h5, m/yr, + toward, NaN where not compared.

    ``recovered`` and ``truth`` are both relative to the mean of stable ground.
    """

    recovered: Array
    truth: Array
    compared: Mask
    stable: Mask
    reference: tuple[int, int]
    prediction: Prediction
    figures: dict[str, Any]


def run(request: CompareWithTruth, context: RunContext) -> dict[str, Any]:
    """Give the figures of the comparison.

    Raises
    ------
    InsarError
        ``truth.unreadable``, ``compare.no_velocity``, ``compare.grid``, ``compare.dates``, ``compare.too_few_pixels``.
    """
    context.report(0.1, "Comparing with the truth")
    return compare(Path(request.job_folder), Path(request.truth_file)).figures


def compare(job_folder: Path, truth_file: Path) -> Comparison:
    """Compare ``velocity.h5`` of a job folder with the truth; errors as `run`."""
    truth = read_truth(truth_file)
    velocity, attributes = read_dataset(job_folder / "velocity.h5", "velocity")
    rows, columns = velocity.shape
    window = truth.window(float(attributes["X_FIRST"]), float(attributes["Y_FIRST"]), rows, columns)
    pairs = used_pairs(job_folder, truth)
    used = used_dates(job_folder, truth, pairs)
    true_velocity = truth.deformation.fitted_velocity(truth.years, used)[window]
    reference = (int(attributes["REF_Y"]), int(attributes["REF_X"]))

    compared = np.isfinite(velocity)
    mask_file = job_folder / "maskTempCoh.h5"
    if mask_file.is_file():
        compared &= read_dataset(mask_file, "mask")[0].astype(bool)
    stable = compared & truth.stable[window]
    if np.count_nonzero(stable) < MIN_STABLE_PIXELS:
        raise InsarError(
            "compare.too_few_pixels", stable=int(np.count_nonzero(stable)), wanted=MIN_STABLE_PIXELS
        )

    error = (velocity - velocity[reference]) - (true_velocity - true_velocity[reference])
    offset = float(error[stable].mean())
    error = error - offset
    simulation = Simulate.from_json(truth.simulation)
    if not isinstance(simulation, Simulate):
        raise InsarError("truth.unreadable", file=str(truth_file), reason="simulation")
    scene = replace(make_scene(simulation), pairs=pairs)
    prediction = predict(
        simulation,
        scene,
        dem_error_m(simulation, scene),
        window,
        compared,
        stable,
        used,
        elevation_model(attributes, truth),
        filter_strength(job_folder),
    )
    level = float(true_velocity[stable].mean())
    figures = _figures(error, true_velocity, compared, stable, offset, prediction)
    figures["dates_used"] = int(used.sum())
    return Comparison(
        recovered=np.where(compared, error + true_velocity - level, np.nan),
        truth=np.where(compared, true_velocity - level, np.nan),
        compared=compared,
        stable=stable,
        reference=reference,
        prediction=prediction,
        figures=figures,
    )


def _figures(
    error: Array, true_velocity: Array, compared: Mask, stable: Mask, offset: float, prediction: Prediction
) -> dict[str, Any]:
    values = 1e3 * error[compared]
    deforming = compared & ~stable
    recovered = (error + true_velocity)[compared]
    rmse = float(np.sqrt(np.mean(values**2)))
    correlation = float(np.corrcoef(recovered, true_velocity[compared])[0, 1])
    slope = float(np.polyfit(true_velocity[compared], recovered, 1)[0])

    def rounded(value: float) -> float:
        return float(f"{value:.5g}")

    return {
        "rmse_mm_per_year": rounded(rmse),
        "predicted_rmse_mm_per_year": rounded(prediction.rmse),
        "bias_mm_per_year": rounded(float(values.mean())),
        "predicted_bias_sigma_mm_per_year": rounded(prediction.bias_sigma),
        "bias_deforming_mm_per_year": rounded(1e3 * float(error[deforming].mean()))
        if deforming.any()
        else None,
        "predicted_bias_deforming_sigma_mm_per_year": rounded(prediction.deforming_bias_sigma),
        "rmse_stable_mm_per_year": rounded(1e3 * float(np.sqrt(np.mean(error[stable] ** 2)))),
        "predicted_rmse_stable_mm_per_year": rounded(prediction.rmse_stable),
        "reference_offset_mm_per_year": rounded(1e3 * offset),
        "rmse_at_reference_mm_per_year": rounded(float(np.sqrt(np.mean((values + 1e3 * offset) ** 2)))),
        "median_abs_error_mm_per_year": rounded(float(np.median(np.abs(values)))),
        "predicted_turbulence_mm_per_year": rounded(prediction.turbulence),
        "predicted_stratified_mm_per_year": rounded(prediction.stratified),
        "predicted_decorrelation_mm_per_year": rounded(prediction.decorrelation),
        "predicted_elevation_error_mm_per_year": rounded(prediction.elevation_error),
        "correlation": rounded(correlation),
        "slope": rounded(slope),
        "true_minimum_mm_per_year": rounded(1e3 * float(true_velocity[compared].min())),
        "true_maximum_mm_per_year": rounded(1e3 * float(true_velocity[compared].max())),
        "pixels": int(np.count_nonzero(compared)),
        "stable_pixels": int(np.count_nonzero(stable)),
    }


def read_dataset(path: Path, name: str) -> tuple[Array, dict[str, str]]:
    """A dataset and the attributes of a MintPy file; raises ``compare.no_velocity``."""
    try:
        with h5py.File(path, "r") as file:
            attributes = {
                key: value.decode() if isinstance(value, bytes) else str(value)
                for key, value in file.attrs.items()
            }
            return np.asarray(file[name][:], dtype=np.float64), attributes
    except (OSError, KeyError) as error:
        raise InsarError("compare.no_velocity", file=str(path), reason=str(error)) from error


def used_pairs(job_folder: Path, truth: Truth) -> tuple[tuple[int, int], ...]:
    """Give the pairs that MintPy inverted, as numbers of the true dates; raises ``compare.no_velocity``, ``compare.dates``."""
    path = job_folder / "inputs" / "ifgramStack.h5"
    try:
        with h5py.File(path, "r") as file:
            days = [[day.decode() for day in pair] for pair in file["date"][:]]
            is_kept = [bool(kept) for kept in file["dropIfgram"][:]]
    except (OSError, KeyError) as error:
        raise InsarError("compare.no_velocity", file=str(path), reason=str(error)) from error
    numbers = {f"{date:%Y%m%d}": index for index, date in enumerate(truth.dates)}
    unknown = sorted({day for pair in days for day in pair} - set(numbers))
    if unknown:
        raise InsarError("compare.dates", file=str(path), dates=unknown)
    return tuple((numbers[first], numbers[second]) for (first, second), kept in zip(days, is_kept) if kept)


def used_dates(job_folder: Path, truth: Truth, pairs: Sequence[tuple[int, int]]) -> Mask:
    """Dates of the velocity: those in pairs, but not those that MintPy's own ``exclude_date.txt`` names, (n_dates,)."""
    excluded: set[str] = set()
    path = job_folder / "exclude_date.txt"
    if path.is_file():
        excluded = set(path.read_text(encoding="utf-8").split())
    in_pairs = {index for pair in pairs for index in pair}
    return np.array(
        [index in in_pairs and f"{date:%Y%m%d}" not in excluded for index, date in enumerate(truth.dates)]
    )


def filter_strength(job_folder: Path) -> float:
    """Strength of the phase filter of the products, 0..1, from their texts beside the clips; 0 without texts."""
    found = [0.0]
    for path in sorted((job_folder / CLIP_FOLDER).glob("*.txt")):
        metadata = ProductMetadata.parse(path.read_text(encoding="utf-8", errors="replace"))
        if metadata.get("INSAR phase filter") == "yes":
            found.append(metadata.number("Phase filter parameter") or 0.0)
    return max(found)


def elevation_model(attributes: Mapping[str, str], truth: Truth) -> ElevationModel | None:
    """How MintPy estimated the elevation error before the velocity, from the attributes of velocity.h5."""
    if "demErr" not in Path(attributes.get("FILE_PATH", "")).name:
        return None
    order = int(attributes.get("mintpy.topographicResidual.polyOrder", "2"))
    listed = attributes.get("mintpy.topographicResidual.stepDate", "")
    days = [f"{date:%Y%m%d}" for date in truth.dates]
    return ElevationModel(order, tuple(index for index, day in enumerate(days) if day in listed))

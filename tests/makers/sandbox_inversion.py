# SPDX-License-Identifier: GPL-2.0-or-later
"""A small-baseline inversion in a few lines of numpy, independent of MintPy and of the prediction."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import rasterio

from insarhub_qgis.core.product_archive import find_product_archives

WAVELENGTH_M = 299_792_458.0 / 5.405e9


def invert_phase(phase, coherence, pairs, years):
    """Velocity (pixels,), m/yr, + toward, from (pairs, pixels) phase; weights from coherence as MintPy's var."""
    dates = len(years)
    design = np.zeros((len(pairs), dates))
    for index, (first, second) in enumerate(pairs):
        design[index, first], design[index, second] = -1, 1
    design = design[:, 1:]
    weights = coherence**2 / (1 - coherence**2)
    normal = np.einsum("ki,kp,kj->pij", design, weights, design, optimize=True)
    right = np.einsum("ki,kp,kp->pi", design, weights, phase, optimize=True)
    series = np.linalg.solve(normal, right[..., np.newaxis])[..., 0]
    series = np.hstack([np.zeros((series.shape[0], 1)), series]) * (-WAVELENGTH_M / (4 * np.pi))
    return series, np.polyfit(years, series.T, 1)[0]


def read_common_window(products: Path):
    """Phase and coherence (pairs, rows, cols) of all products on their common window, its corner, and the pairs."""
    archives, problems = find_product_archives([products])
    assert not problems
    bounds = []
    for archive in archives:
        with rasterio.open(archive.gdal_path("unw_phase")) as raster:
            bounds.append(raster.bounds)
    left, right = max(b.left for b in bounds), min(b.right for b in bounds)
    bottom, top = max(b.bottom for b in bounds), min(b.top for b in bounds)
    stacks: dict[str, list[np.ndarray]] = {"unw_phase": [], "corr": []}
    for archive in archives:
        for kind, stack in stacks.items():
            with rasterio.open(archive.gdal_path(kind)) as raster:
                window = rasterio.windows.from_bounds(left, bottom, right, top, raster.transform)
                stack.append(raster.read(1, window=window.round_offsets().round_lengths()).astype(np.float64))
    days = sorted({d for a in archives for d in (a.product.reference_date, a.product.secondary_date)})
    pairs = [(days.index(a.product.reference_date), days.index(a.product.secondary_date)) for a in archives]
    return np.stack(stacks["unw_phase"]), np.stack(stacks["corr"]), (left, top), days, pairs


def analyse(products: Path, job_folder: Path, reference=(6, 5)) -> None:
    """Write velocity.h5, timeseries.h5, maskTempCoh.h5 and the stack's dates, in MintPy's layout."""
    phase, coherence, (left, top), days, pairs = read_common_window(products)
    rows, columns = phase.shape[1:]
    years = np.array([(day - days[0]).days for day in days]) / 365.25
    phase -= phase[:, reference[0], reference[1]][:, None, None]
    flat = phase.reshape(len(pairs), -1)
    weights = np.clip(coherence.reshape(len(pairs), -1), 0.02, 0.99)
    series, velocity = invert_phase(flat, weights, pairs, years)
    mask = coherence.mean(axis=0) > 0.25
    attributes = {
        "X_FIRST": str(left),
        "Y_FIRST": str(top),
        "REF_Y": str(reference[0]),
        "REF_X": str(reference[1]),
        "FILE_PATH": "/elsewhere/timeseries.h5",
    }
    job_folder.mkdir(parents=True, exist_ok=True)
    with h5py.File(job_folder / "velocity.h5", "w") as file:
        file["velocity"] = velocity.reshape(rows, columns).astype(np.float32)
        file.attrs.update(attributes)
    with h5py.File(job_folder / "timeseries.h5", "w") as file:
        file["timeseries"] = series.T.reshape(-1, rows, columns).astype(np.float32)
        file["date"] = np.array([f"{day:%Y%m%d}".encode() for day in days])
    with h5py.File(job_folder / "maskTempCoh.h5", "w") as file:
        file["mask"] = mask
    (job_folder / "inputs").mkdir(exist_ok=True)
    with h5py.File(job_folder / "inputs" / "ifgramStack.h5", "w") as file:
        file["date"] = np.array([[f"{days[index]:%Y%m%d}".encode() for index in pair] for pair in pairs])
        file["dropIfgram"] = np.ones(len(pairs), bool)

# SPDX-License-Identifier: GPL-2.0-or-later
"""What the simulated noise does to the velocity: the error that a correct analysis must show.

The velocity of a pixel is linear in the dates' displacements, ``v = h . d``: ``h`` are the weights of a straight
line, and where the elevation error was estimated and removed, ``h <- h - (h . b) k`` with the baselines b
and k the first row of the pseudo-inverse of ``[b, polynomial, step]``. Four independent parts add up:

======================= =====================================================================================
turbulence              ``|h|^2 s^2 Q``: s the rms per date; Q the mean square of a unit screen over the
                        compared pixels after its mean over stable ground is removed (mean of independent
                        screens of the same spectrum)
stratified delay        ``|h|^2 k^2 (z - z_stable)^2``: k the rms per date of the delay per metre of height
decorrelation           ``h G C G' h'`` per pixel: G the weighted least-squares inverse of the network, weights
                        from coherence, and C the covariance of the pairs' phases,
                        ``C_ij,kl = (g_ik g_jl - g_il g_jk) / (2 L g_ij g_kl)``, scaled to metres; where the
                        phase was filtered, times the share of the variance that the filter leaves, measured per
                        land cover on a few simulated pairs
elevation error         ``(h . b)^2 (dz / (r sin incidence))^2``, nothing where it was estimated
======================= =====================================================================================

The covariance is the multilook asymptote (Rodriguez and Martin 1992; for pairs of pairs e.g. Agram and Simons
2015, doi 10.1002/2014JB011271): its diagonal is ``(1 - g^2) / (2 L g^2)``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from insarhub_qgis.core.progress import ignore_progress, never_cancelled
from insarhub_qgis.core.requests import Simulate
from insarhub_qgis.sandbox.atmosphere import STRATIFIED_RMS_M_PER_M, turbulence
from insarhub_qgis.sandbox.decorrelation import expected_coherence, phase_variance, simulate_pairs
from insarhub_qgis.sandbox.phase_filter import filtered_noise
from insarhub_qgis.sandbox.scene import DECAY_PARAMETERS, EFFECTIVE_LOOKS, WATER, WAVELENGTH_M, Scene
from insarhub_qgis.sandbox.truth import slope_weights

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: Simulated pairs on which the effect of the phase filter is measured.
_SAMPLE_PAIRS = 3


@dataclass(frozen=True)
class ElevationModel:
    """How the elevation error was estimated: polynomial order of the deformation and its step dates (indexes)."""

    polynomial_order: int
    steps: tuple[int, ...] = ()


@dataclass(frozen=True)
class Prediction:
    """Expected errors, mm/yr, after both maps are aligned on stable ground.

    ``sigma_map`` is the standard deviation per pixel from decorrelation alone, (rows, cols) of the window.
    """

    rmse: float
    rmse_stable: float
    bias_sigma: float
    deforming_bias_sigma: float
    turbulence: float
    stratified: float
    decorrelation: float
    elevation_error: float
    sigma_map: npt.NDArray[np.float32]


def velocity_weights(years: Array, baselines_m: Array, used: Mask, elevation: ElevationModel | None) -> Array:
    """Weights h of the dates in the velocity, 1/yr, (n_dates,)."""
    weights = slope_weights(years, used)
    if elevation is None:
        return weights
    columns = [baselines_m] + [years**power for power in range(elevation.polynomial_order + 1)]
    columns += [(np.arange(years.size) >= step).astype(np.float64) for step in elevation.steps]
    design = np.stack(columns, axis=1) * used[:, np.newaxis]
    scaled = design / np.maximum(np.abs(design).max(axis=0), 1e-12)
    row = np.linalg.pinv(scaled)[0] / max(float(np.abs(design[:, 0]).max()), 1e-12)
    return np.asarray(weights - (weights @ baselines_m) * row)


def network_matrix(pairs: tuple[tuple[int, int], ...], dates: int) -> Array:
    """Design matrix of the pairs in the dates after the first, (n_pairs, n_dates - 1)."""
    matrix = np.zeros((len(pairs), dates))
    for index, (first, second) in enumerate(pairs):
        matrix[index, first], matrix[index, second] = -1.0, 1.0
    return matrix[:, 1:]


def phase_covariance(coherence: Array, pairs: tuple[tuple[int, int], ...], looks: float) -> Array:
    """Covariance of the phases of all pairs, rad^2, (n_pairs, n_pairs), from coherence between all dates."""
    first, second = np.array(pairs).T
    own = coherence[first, second]
    crossed = (
        coherence[np.ix_(first, first)] * coherence[np.ix_(second, second)]
        - coherence[np.ix_(first, second)] * coherence[np.ix_(second, first)]
    )
    return np.asarray(crossed / (2 * looks * np.outer(own, own)))


def decorrelation_variance(
    scene: Scene, weights: Array, parameters: tuple[float, float, float], looks: float = EFFECTIVE_LOOKS
) -> float:
    """Variance of the velocity of a pixel with the given (g_inf, g0, tau), (m/yr)^2."""
    days = np.array([(date - scene.dates[0]).days for date in scene.dates], dtype=np.float64)
    g_inf, g0, tau = (np.asarray(value) for value in parameters)
    coherence = expected_coherence(g_inf, g0, tau, np.abs(days[:, np.newaxis] - days))
    first, second = np.array(scene.pairs).T
    inverse_variance = 1 / phase_variance(coherence[first, second], looks)
    design = network_matrix(scene.pairs, len(scene.dates))
    weighted = design * inverse_variance[:, np.newaxis]
    # A date in no pair has no column; its weight in the velocity is 0, and so is its row here.
    from_pairs = np.linalg.pinv(design.T @ weighted, hermitian=True) @ weighted.T
    gain = (WAVELENGTH_M / (4 * np.pi)) * (weights[1:] @ from_pairs)
    return float(gain @ phase_covariance(coherence, scene.pairs, looks) @ gain)


def predict(
    request: Simulate,
    scene: Scene,
    dem_error_m: Array,
    window: tuple[slice, slice],
    compared: Mask,
    stable: Mask,
    used: Mask,
    elevation: ElevationModel | None,
    filter_strength: float = 0.0,
) -> Prediction:
    """Expected errors over the compared pixels of a window of the scene.

    Parameters
    ----------
    compared, stable
        (rows, cols) of the window; stable is a part of compared.
    used
        Dates that the velocity was fitted to, (n_dates,).
    filter_strength
        Of the phase filter of the products, 0..1.
    """
    weights = velocity_weights(scene.years, scene.baselines_m, used, elevation)
    variances = np.zeros(len(DECAY_PARAMETERS))
    if request.noise:
        for cover, parameters in DECAY_PARAMETERS.items():
            if cover != WATER:
                variances[cover] = decorrelation_variance(scene, weights, parameters)
        variances *= filtered_share(request, scene, filter_strength)
    variance_map = variances[scene.land_cover[window]]
    rms_m = request.atmosphere_rms_mm * 1e-3 if request.noise else 0.0
    per_date = float(weights @ weights)

    squares = np.zeros(4)
    if rms_m > 0:
        squares = per_date * rms_m**2 * _screen_statistics(request, scene, window, compared, stable)
    heights = scene.elevation_m[window] - scene.elevation_m[window][stable].mean()
    height_rate = per_date * (STRATIFIED_RMS_M_PER_M**2 if rms_m > 0 else 0.0)
    geometry = (dem_error_m / (scene.slant_range_m * np.sin(scene.incidence_rad)))[window]
    baseline_rate = float(weights @ scene.baselines_m) ** 2

    def total(pixels: Mask, turbulent: float) -> float:
        return (
            turbulent
            + height_rate * float(np.mean(heights[pixels] ** 2))
            + float(np.mean(variance_map[pixels]))
            + baseline_rate * float(np.mean(geometry[pixels] ** 2))
        )

    def offset(pixels: Mask, turbulent: float) -> float:
        """Of a mean over pixels against stable ground; decorrelation averages out."""
        return float(
            turbulent
            + height_rate * heights[pixels].mean() ** 2
            + baseline_rate * (geometry[pixels].mean() - geometry[stable].mean()) ** 2
            + variance_map[pixels].mean() / max(int(pixels.sum()), 1)
        )

    deforming = compared & ~stable
    has_deforming = bool(deforming.any())
    mm = 1e3
    return Prediction(
        rmse=mm * np.sqrt(total(compared, squares[0])),
        rmse_stable=mm * np.sqrt(total(stable, squares[1])),
        bias_sigma=mm * np.sqrt(offset(compared, squares[2])),
        deforming_bias_sigma=mm * np.sqrt(offset(deforming, squares[3])) if has_deforming else 0.0,
        turbulence=mm * np.sqrt(squares[0]),
        stratified=mm * np.sqrt(height_rate * float(np.mean(heights[compared] ** 2))),
        decorrelation=mm * np.sqrt(float(np.mean(variance_map[compared]))),
        elevation_error=mm * np.sqrt(baseline_rate * float(np.mean(geometry[compared] ** 2))),
        sigma_map=(mm * np.sqrt(variance_map)).astype(np.float32),
    )


def filtered_share(request: Simulate, scene: Scene, strength: float) -> Array:
    """Share of the variance of the phase noise that the filter leaves, per land cover, (n_covers,)."""
    share = np.ones(len(DECAY_PARAMETERS))
    if strength <= 0:
        return share
    pairs = [(0, second) for second in range(1, min(_SAMPLE_PAIRS + 1, len(scene.dates)))]
    noise = np.empty((len(pairs), scene.height, scene.width), dtype=np.float32)
    coherence = np.empty_like(noise)
    simulate_pairs(scene, request.seed, noise, coherence, ignore_progress, never_cancelled, pairs)
    left = np.stack([filtered_noise(*values, strength) for values in zip(noise, coherence)])
    for cover in DECAY_PARAMETERS:
        area = scene.land_cover == cover
        if area.any():
            share[cover] = np.mean(left[:, area] ** 2) / np.mean(noise[:, area] ** 2)
    return share


def _screen_statistics(
    request: Simulate, scene: Scene, window: tuple[slice, slice], compared: Mask, stable: Mask
) -> Array:
    """Expected squares of unit screens relative to their mean over stable ground.

    Of single pixels over compared and over stable ground, of the mean over compared and over deforming ground.
    """
    shape = (scene.height, scene.width)
    count = int(np.clip(4e6 / (shape[0] * shape[1]), 12, 64))
    deforming = compared & ~stable
    squares = np.zeros(4)
    for index in range(count):
        screen = turbulence(request.seed, "prediction", index, shape)[window]
        screen = screen - screen[stable].mean()
        values = screen[compared]
        squares += (
            np.mean(values**2),
            np.mean(screen[stable] ** 2),
            values.mean() ** 2,
            screen[deforming].mean() ** 2 if deforming.any() else 0.0,
        )
    return squares / count

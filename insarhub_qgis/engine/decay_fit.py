# SPDX-License-Identifier: GPL-2.0-or-later
"""Fits the decay model to the seasonal coherence of millions of pixels at once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insarhub_qgis.core.coherence_decay import LONGEST_TAU_DAYS, SHORTEST_TAU_DAYS
from insarhub_qgis.core.progress import (
    IsCancelled,
    Report,
    ignore_progress,
    never_cancelled,
    stop_if_cancelled,
)

#: Pixels with fewer levels have no data.
FEWEST_LEVELS = 3
#: Coherence of the global data set is stored in hundredths; 0 and 255 are no data.
LEVELS_PER_UNIT, NODATA_DN = 100.0, (0, 255)

_TAU_COUNT = 32
#: Noise that a fit is not expected to explain, coherence.
_NOISE = 0.01
#: A fit that explains less than this is a constant.
_LEAST_F = 3.0
#: Pixels of one block; its arrays stay in the processor's cache.
_BLOCK_PIXELS = 8192
#: Pixels between two looks at the cancel button, about half a second; they are grouped by the levels they have.
_TURN_PIXELS = 1 << 18
_WORKERS = 2

Floats = NDArray[np.float64]
Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class DecayFit:
    """Fitted parameters per pixel, float32; NaN where there is no data.

    Attributes
    ----------
    g_inf, g0
        Floor and start of the coherence, 0 <= g_inf <= g0 <= 1.
    tau_days
        2..200; 200 where the coherence is constant.
    rmse
        Of the fit at its levels.
    is_constant
        The decay could not be told from noise.
    """

    g_inf: Float32
    g0: Float32
    tau_days: Float32
    rmse: Float32
    is_constant: NDArray[np.bool_]


def coherence_of_dn(dn: NDArray[np.uint8]) -> Float32:
    """Give the coherence 0..1 of stored values; NaN where there is no data."""
    table = (np.arange(256) / LEVELS_PER_UNIT).astype(np.float32)
    table[list(NODATA_DN)] = np.nan
    return np.asarray(table[dn])


def fit_decay(
    coherence: NDArray[Any],
    levels_days: Sequence[float],
    report: Report = ignore_progress,
    is_cancelled: IsCancelled = never_cancelled,
) -> DecayFit:
    """Fit the model to every pixel by least squares within its bounds.

    For each tau of a grid floor and start have a closed form; the tau of least error stays. All levels of a pixel count
    the same. Where an F test does not tell the fit from the mean, the pixel is a constant.

    Parameters
    ----------
    coherence
        Shape (n_levels, ...): 0..1 with NaN for no data, or uint8 as in the data set.
    levels_days
        Temporal baseline of each level in days.

    Returns
    -------
    fit
        Arrays of the shape of one level. Pixels with fewer than three levels have no data.

    Raises
    ------
    ValueError
        When the levels are not as many as the layers, or are not positive and different.
    Cancelled
        When the user cancels.
    """
    days = np.asarray(levels_days, dtype=np.float64)
    if len(coherence) != len(days) or np.any(days <= 0) or len(np.unique(days)) != len(days):
        raise ValueError(f"{len(coherence)} layers for levels {days.tolist()}")
    shape = coherence.shape[1:]
    layers = coherence.reshape(len(days), -1)
    count = layers.shape[1]
    g_inf, g0, tau, rmse = (np.full(count, np.nan, dtype=np.float32) for _ in range(4))
    is_constant = np.zeros(count, dtype=bool)
    grids: dict[int, _TauGrid] = {}

    def fit_block(block: tuple[int, NDArray[np.intp]]) -> None:
        mask, pixels = block
        used = [level for level in range(len(days)) if mask >> level & 1]
        grid = grids.setdefault(mask, _TauGrid(days[used]))
        values = _as_coherence(layers[np.array(used)[:, None], pixels]).astype(np.float64)
        g_inf[pixels], g0[pixels], tau[pixels], rmse[pixels], is_constant[pixels] = grid.fit(values)

    with ThreadPoolExecutor(_WORKERS) as executor:
        for start in range(0, count, _TURN_PIXELS):
            stop_if_cancelled(is_cancelled)
            end = min(start + _TURN_PIXELS, count)
            list(executor.map(fit_block, _blocks(layers[:, start:end], start)))
            report(end / count, "Fitting coherence decay")
    return DecayFit(
        g_inf.reshape(shape),
        g0.reshape(shape),
        tau.reshape(shape),
        rmse.reshape(shape),
        is_constant.reshape(shape),
    )


def _as_coherence(layers: NDArray[Any]) -> NDArray[Any]:
    return coherence_of_dn(layers) if layers.dtype == np.uint8 else layers


def _blocks(layers: NDArray[Any], start: int) -> list[tuple[int, NDArray[np.intp]]]:
    """Group pixels by the levels that they have: (bit set of the levels, numbers of at most `_BLOCK_PIXELS`)."""
    masks = np.zeros(layers.shape[1], dtype=np.int64)
    for level, layer in enumerate(layers):
        masks |= np.isfinite(_as_coherence(layer)).astype(np.int64) << level
    blocks = []
    for mask in np.unique(masks).tolist():
        if bin(mask).count("1") < FEWEST_LEVELS:
            continue
        pixels = start + np.flatnonzero(masks == mask)
        blocks += [
            (mask, pixels[first : first + _BLOCK_PIXELS]) for first in range(0, len(pixels), _BLOCK_PIXELS)
        ]
    return blocks


class _TauGrid:
    """What depends on the levels alone: the shape of the decay at each tau, and its sums."""

    def __init__(self, days: Floats) -> None:
        self.count = len(days)
        self.tau = np.geomspace(SHORTEST_TAU_DAYS, LONGEST_TAU_DAYS, _TAU_COUNT)
        self.decay = np.exp(-days / self.tau[:, None])
        self.sum = self.decay.sum(axis=1)
        self.square = (self.decay**2).sum(axis=1)

    def fit(self, values: Floats) -> tuple[Floats, Floats, Floats, Floats, NDArray[np.bool_]]:
        """Fit pixels that all have these levels, shape (n_levels, n): g_inf, g0, tau, rmse, is_constant."""
        n = self.count
        total = values.sum(axis=0)
        mean = total / n
        power = (values**2).sum(axis=0)
        products = self.decay @ values
        least = np.full(values.shape[1], np.inf)
        floor, drop, tau = np.zeros_like(least), np.zeros_like(least), np.zeros_like(least)
        for each, s, q, product in zip(self.tau.tolist(), self.sum.tolist(), self.square.tolist(), products):
            # floor + drop * decay, free; then on the edge of the bound that it breaks. A negative drop ends at the
            # mean, which the test below covers.
            a = np.maximum((product - total * (s / n)) / (q - s * s / n), 0.0)
            f = mean - a * (s / n)
            is_low = f < 0
            if is_low.any():
                a = np.where(is_low, np.clip(product / q, 0.0, 1.0), a)
                f = np.where(is_low, 0.0, f)
            is_high = f + a >= 1
            if is_high.any():
                along = np.clip((product - total - (s - n)) / (q - 2 * s + n), 0.0, 1.0)
                a = np.where(is_high, along, a)
                f = np.where(is_high, 1.0 - along, f)
            # Sum of squares by its parts, without the one of the values, which is the same for every tau.
            error = f * (n * f + 2 * (s * a - total)) + a * (q * a - 2 * product)
            is_better = error < least
            np.copyto(least, error, where=is_better)
            np.copyto(floor, f, where=is_better)
            np.copyto(drop, a, where=is_better)
            np.copyto(tau, each, where=is_better)
        error_of_fit = np.maximum(least + power, 0.0)
        error_of_mean = ((values - mean) ** 2).sum(axis=0)
        gain = (error_of_mean - error_of_fit) / 2
        is_constant = gain < _LEAST_F * (error_of_fit / max(n - 3, 1) + _NOISE**2)
        g_inf = np.where(is_constant, mean, floor)
        g0 = np.where(is_constant, mean, np.minimum(floor + drop, 1.0))
        rmse = np.sqrt(np.where(is_constant, error_of_mean, error_of_fit) / n)
        return g_inf, g0, np.where(is_constant, LONGEST_TAU_DAYS, tau), rmse, is_constant

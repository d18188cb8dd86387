# SPDX-License-Identifier: GPL-2.0-or-later
"""Coherence of each pair by the decay model, and the phase noise that belongs to it.

Every pixel is a distributed target of `EFFECTIVE_LOOKS` independent looks. The signal of a look on date j is

``z_j = sqrt(g_inf) a + sqrt(g0 - g_inf) b_j + sqrt(1 - g0) n_j``

with a persistent part a, a part b_j that forgets as exp(-dt/tau) (first-order autoregression) and fresh
noise n_j, all circular Gaussian. The coherence of two dates is then exactly
``g(dt) = g_inf + (g0 - g_inf) exp(-dt/tau)``, and the interferograms, their estimated coherence and the
correlation of their noise follow as for real multilooked data: the phase has the exact multilook
distribution, with variance (1 - g^2) / (2 L g^2) for good coherence, and the noise of pairs that share a date
is correlated.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from insarhub_qgis.core.progress import IsCancelled, Report, stop_if_cancelled
from insarhub_qgis.sandbox.random_fields import generator
from insarhub_qgis.sandbox.scene import EFFECTIVE_LOOKS, Scene

Array = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]

#: Pixels of one block: a date's looks then fit the processor's cache.
BLOCK_PIXELS = 4_096
WORKERS = 2


def expected_coherence(g_inf: Array, g0: Array, tau_days: Array, days: Array | float) -> Array:
    """The decay model, any shapes that broadcast; 1 at zero days.

    Examples
    --------
    >>> float(np.round(expected_coherence(np.array(0.3), np.array(0.8), np.array(40.0), 12.0), 4))
    0.6704
    """
    decayed = g_inf + (g0 - g_inf) * np.exp(-np.asarray(days) / tau_days)
    return np.asarray(np.where(np.asarray(days) == 0, 1.0, decayed))


def phase_variance(coherence: Array, looks: float = EFFECTIVE_LOOKS) -> Array:
    """Asymptotic variance of multilooked phase, rad^2 (Rodriguez and Martin 1992)."""
    return np.asarray((1 - coherence**2) / (2 * looks * coherence**2))


def simulate_pairs(
    scene: Scene,
    seed: int,
    noise_rad: npt.NDArray[np.float32],
    coherence: npt.NDArray[np.float32],
    report: Report,
    is_cancelled: IsCancelled,
    pairs: Sequence[tuple[int, int]] | None = None,
) -> None:
    """Fill phase noise and estimated coherence of pairs, both (n_pairs, rows, cols).

    The arrays may be memory maps: each block of pixels is written once, in any order, and has a random
    stream of its own. The signals of the dates do not depend on ``pairs`` (those of the scene when None), so a
    pair has the same noise whichever other pairs are asked for with it.
    """
    wanted = scene.pairs if pairs is None else pairs
    pixels = scene.height * scene.width
    starts = range(0, pixels, BLOCK_PIXELS)
    parameters = [values.reshape(-1) for values in scene.decay_parameters()]
    days = [(date - scene.dates[0]).days for date in scene.dates]
    flat_noise = noise_rad.reshape(len(wanted), pixels)
    flat_coherence = coherence.reshape(len(wanted), pixels)
    looks = scene.site.effective_looks

    def fill(start: int) -> None:
        if is_cancelled():
            return
        block = slice(start, min(start + BLOCK_PIXELS, pixels))
        g_inf, g0, tau = (values[block] for values in parameters)
        phase, estimated = simulate_block(
            generator(seed, "decorrelation", start), g_inf, g0, tau, days, wanted, looks
        )
        flat_noise[:, block] = phase
        flat_coherence[:, block] = estimated

    with ThreadPoolExecutor(WORKERS) as executor:
        for done, _ in enumerate(executor.map(fill, starts)):
            report((done + 1) / len(starts), "Simulating decorrelation")
    stop_if_cancelled(is_cancelled)


def simulate_block(
    numbers: np.random.Generator,
    g_inf: Array,
    g0: Array,
    tau_days: Array,
    days: Sequence[int],
    pairs: Sequence[tuple[int, int]],
    looks: int = EFFECTIVE_LOOKS,
) -> tuple[Float32, Float32]:
    """Phase noise (rad) and estimated coherence of all pairs, (n_pairs, n_pixels) each."""
    count = g_inf.size

    def circular() -> npt.NDArray[np.complex64]:
        values = numbers.standard_normal((looks, count, 2), dtype=np.float32)
        return values.view(np.complex64)[..., 0]

    persistent = np.sqrt(g_inf).astype(np.float32) * circular()
    fresh_share = np.sqrt(1 - g0).astype(np.float32)
    fading_share = np.sqrt(g0 - g_inf).astype(np.float32)
    fading = circular()
    ends: dict[int, list[int]] = {}
    last_use: dict[int, int] = {}
    for k, (first, second) in enumerate(pairs):
        ends.setdefault(second, []).append(k)
        last_use[first] = max(last_use.get(first, 0), second)
    signals: dict[int, npt.NDArray[np.complex64]] = {}
    powers: dict[int, Float32] = {}
    phase = np.empty((len(pairs), count), dtype=np.float32)
    estimated = np.empty((len(pairs), count), dtype=np.float32)
    for j, day in enumerate(days[: max(ends) + 1]):
        if j:
            kept = np.exp(-(day - days[j - 1]) / tau_days)
            fading = fading * kept.astype(np.float32) + circular() * np.sqrt(1 - kept**2).astype(np.float32)
        signal = persistent + fading_share * fading + fresh_share * circular()
        signals[j] = signal
        powers[j] = np.einsum("ij,ij->j", signal.real, signal.real) + np.einsum(
            "ij,ij->j", signal.imag, signal.imag
        )
        for k in ends.get(j, ()):
            i = pairs[k][0]
            product = np.einsum("ij,ij->j", signal, signals[i].conj())
            phase[k] = np.angle(product)
            estimated[k] = np.abs(product) / np.sqrt(powers[i] * powers[j])
        for i in [i for i in signals if last_use.get(i, 0) <= j]:
            del signals[i], powers[i]
    return phase, np.clip(estimated, 1e-3, 0.9999)

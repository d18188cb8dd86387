# SPDX-License-Identifier: GPL-2.0-or-later
"""Seeded random numbers by name, and random fields with a power-law spectrum."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
from scipy import fft

Array = npt.NDArray[np.float64]


def generator(seed: int, *stream: object) -> np.random.Generator:
    """A generator of its own for each named part of the simulation.

    Parts do not share numbers, so one can be left out, or computed in another order or in another
    thread, and the rest keeps its bytes.
    """
    digest = hashlib.sha256("/".join(str(part) for part in stream).encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])


def power_law_field(
    numbers: np.random.Generator,
    shape: tuple[int, int],
    pixel_m: float,
    exponent: float,
    outer_m: float,
    knee_m: float | None = None,
    exponent_below_knee: float | None = None,
) -> Array:
    """A random field of zero mean and unit rms over ``shape``, with an isotropic power spectrum.

    The spectral density falls as k^-exponent; wavelengths beyond ``outer_m`` gain no more power, and
    wavelengths below ``knee_m`` follow their own, steeper exponent. The field is cut out of a periodic one
    twice as large, so that opposite edges are not alike.

    Parameters
    ----------
    exponent
        Of the two-dimensional power spectrum, e.g. 8/3 for a structure function that grows as r^(2/3).
    """
    rows, columns = (fft.next_fast_len(2 * size, real=True) for size in shape)
    frequency = np.hypot(
        fft.fftfreq(rows, pixel_m)[:, np.newaxis], fft.rfftfreq(columns, pixel_m)[np.newaxis, :]
    )
    limited = np.maximum(frequency, 1.0 / outer_m)
    amplitude = limited ** (-exponent / 2)
    if knee_m is not None and exponent_below_knee is not None:
        knee = 1.0 / knee_m
        steep = knee ** (-exponent / 2) * (limited / knee) ** (-exponent_below_knee / 2)
        amplitude = np.where(limited > knee, steep, amplitude)
    amplitude[0, 0] = 0.0
    white = numbers.standard_normal((rows, columns), dtype=np.float32)
    field = fft.irfft2(fft.rfft2(white) * amplitude, s=(rows, columns))[: shape[0], : shape[1]]
    field = np.asarray(field - field.mean(), dtype=np.float64)
    return np.asarray(field / np.sqrt(np.mean(field**2)))

# SPDX-License-Identifier: GPL-2.0-or-later
"""The adaptive phase filter of Goldstein and Werner (1998) on simulated phase noise.

The spectrum of each patch is weighted with a power of its own smoothed magnitude. The simulated signal is smooth
within a patch, so it is left out and the filter sees the noise alone, at its coherence.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import fft
from scipy.ndimage import uniform_filter

Float32 = npt.NDArray[np.float32]

#: Side of a patch, pixels; neighbours overlap by half.
PATCH = 32
_SMOOTHING = 3


def filtered_noise(phase_rad: Float32, coherence: Float32, strength: float) -> Float32:
    """Give the noise (rows, cols) that is left; strength 0..1, 0 leaves it as it is."""
    if strength <= 0:
        return phase_rad
    rows, columns = phase_rad.shape
    half = PATCH // 2
    pad = tuple((half, half + -size % PATCH + half) for size in (rows, columns))
    signal = np.pad(
        coherence * np.exp(1j * phase_rad), pad, mode="reflect" if min(rows, columns) > PATCH * 2 else "wrap"
    )
    ramp = 1 - np.abs(np.arange(PATCH) - (PATCH - 1) / 2) / half
    taper = np.outer(ramp, ramp)
    total = np.zeros_like(signal)
    for top in (0, half):
        for left in (0, half):
            bottom = top + (signal.shape[0] - top) // PATCH * PATCH
            right = left + (signal.shape[1] - left) // PATCH * PATCH
            area = signal[top:bottom, left:right]
            patches = area.reshape(area.shape[0] // PATCH, PATCH, area.shape[1] // PATCH, PATCH).swapaxes(
                1, 2
            )
            spectrum = fft.fft2(patches)
            weight = uniform_filter(np.abs(spectrum), size=(1, 1, _SMOOTHING, _SMOOTHING), mode="wrap")
            weight /= weight.max(axis=(2, 3), keepdims=True)
            filtered = fft.ifft2(spectrum * weight**strength) * taper
            total[top:bottom, left:right] += filtered.swapaxes(1, 2).reshape(area.shape)
    return np.asarray(np.angle(total[half : half + rows, half : half + columns]), dtype=np.float32)

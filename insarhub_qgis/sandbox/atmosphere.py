# SPDX-License-Identifier: GPL-2.0-or-later
"""Delay of the troposphere on each date: turbulence and a part that follows the terrain.

Both are metres of displacement along the line of sight, + toward the satellite, as an interferogram shows them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from insarhub_qgis.sandbox.random_fields import generator, power_law_field
from insarhub_qgis.sandbox.scene import PIXEL_M, Scene

Array = npt.NDArray[np.float64]

#: Turbulence in three dimensions below the thickness of the wet layer, in two dimensions above it
#: (Hanssen 2001, section 4.7): spectra k^-11/3 and k^-8/3.
LAYER_M = 2_000.0
OUTER_M = 30_000.0
#: Standard deviation over dates of the delay per metre of height.
STRATIFIED_RMS_M_PER_M = 5.0e-6


def turbulence(seed: int, stream: str, index: int, shape: tuple[int, int], pixel_m: float = PIXEL_M) -> Array:
    """A turbulent screen of zero mean and unit rms, (rows, cols)."""
    return power_law_field(
        generator(seed, stream, index),
        shape,
        pixel_m,
        exponent=8 / 3,
        outer_m=OUTER_M,
        knee_m=LAYER_M,
        exponent_below_knee=11 / 3,
    )


def stratified_slopes(seed: int, dates: int) -> Array:
    """Delay per metre of height on each date, (n_dates,)."""
    return generator(seed, "stratified").normal(0.0, STRATIFIED_RMS_M_PER_M, dates)


def delay_m(scene: Scene, seed: int, date_index: int, rms_mm: float) -> Array:
    """Turbulent and stratified delay of one date, (rows, cols)."""
    shape = (scene.height, scene.width)
    screen = turbulence(seed, "turbulence", date_index, shape, scene.pixel_m) * (rms_mm * 1e-3)
    if rms_mm > 0:
        slope = stratified_slopes(seed, len(scene.dates))[date_index]
        screen += slope * (scene.elevation_m - scene.elevation_m.mean())
    return screen

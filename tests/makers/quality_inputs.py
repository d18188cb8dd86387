# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes inputs of pair quality: a stack of dates with weather, snow, vegetation and decay of pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np

from insarhub_qgis.core.coherence_decay import DecayParameters
from insarhub_qgis.core.date_inputs import INPUTS, DateInputs
from insarhub_qgis.core.decay_sources import DecaySources
from insarhub_qgis.core.fire_history import FireHistory
from insarhub_qgis.core.pair_database import QualityInputs
from tests.makers.network_jobs import make_stack, random_bperp

NAN = float("nan")


def random_decay(count: int = 1024, seed: int = 1) -> DecayParameters:
    """Pixels of all kinds, different in each season."""
    rng = np.random.default_rng(seed)
    g_inf = rng.uniform(0, 0.5, (4, count))
    g0 = g_inf + rng.uniform(0, 1, (4, count)) * (1 - g_inf)
    tau = np.exp(rng.uniform(np.log(3), np.log(150), (4, count)))
    return DecayParameters(g_inf, g0, tau, area_pixels=count)


def random_inputs(days: Sequence[int], seed: int = 1, gaps: float = 0.0, pixels: int = 256) -> QualityInputs:
    """Inputs of dates at days, of which each value is unknown with the probability ``gaps``."""
    count = len(days)
    rng = np.random.default_rng(seed)

    def some(values):
        return np.where(rng.random(count) < gaps, NAN, values)

    nodes, baselines = make_stack(days, random_bperp(count, seed))
    dates = DateInputs.of(
        count,
        rain_mm=some(rng.exponential(6, count)),
        snow_cover=some(np.clip(rng.normal(0, 0.3, count), 0, 1)),
        air_c=some(rng.normal(4, 8, count)),
        soil_c=some(rng.normal(5, 6, count)),
        ndvi=some(rng.uniform(0, 0.9, count)),
        sources={name: ["made"] * count for name in INPUTS},
    )
    first, last = nodes[0].date, nodes[-1].date
    detections = rng.integers(first.toordinal() - 3, last.toordinal() + 1, 20)
    fires = FireHistory(
        first.fromordinal(first.toordinal() - 3),
        last,
        detections.astype(np.int64),
        rng.integers(0, 8, 20),
        np.full(8, 0.02),
    )
    sources = DecaySources.ranked(random_decay(pixels, seed), {"crop_frac": 1.0}, 47.0)
    return QualityInputs(nodes, dates, baselines, sources, fires, aoi_hash="0c5e91ab")


def without_dates(inputs: QualityInputs, gone: Sequence[int]) -> QualityInputs:
    """The same stack without some of its dates."""
    kept = [number for number in range(len(inputs.nodes)) if number not in set(gone)]
    values = {
        item.name: (
            {name: [rows[number] for number in kept] for name, rows in inputs.dates.sources.items()}
            if item.name == "sources"
            else getattr(inputs.dates, item.name)[kept]
        )
        for item in fields(DateInputs)
    }
    return replace(inputs, nodes=tuple(inputs.nodes[number] for number in kept), dates=DateInputs(**values))

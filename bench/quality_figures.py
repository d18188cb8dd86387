# SPDX-License-Identifier: GPL-2.0-or-later
"""Documented figures of pair quality beside those that are computed, row by row: ``quality_figures.py`` in the engine's Python.

Three tables: accuracy of the decay fit, pairs within and across seasons, scores. Ends with 1 when a row is off.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from insarhub_qgis.core.coherence_decay import DecayParameters, chained_coherence, coherence_after
from insarhub_qgis.core.date_inputs import DateInputs
from insarhub_qgis.core.pair_score import (
    ScoreWeights,
    missing_inputs,
    missing_names,
    pair_penalties,
    score_pairs,
)
from insarhub_qgis.engine.decay_fit import fit_decay

FOUR, SIX = (12, 24, 36, 48), (6, 12, 18, 24, 36, 48)
PIXELS = 1_000_000
NAN = float("nan")

#: Case, result, wanted, tolerance, good.
Row = tuple[str, str, str, str, bool]


# --- Decay fit ---------------------------------------------------------------------------------------


def _fitted(levels: np.ndarray) -> tuple[float, float, float, bool]:
    fit = fit_decay(levels[:, None], FOUR)
    return float(fit.g_inf[0]), float(fit.g0[0]), float(fit.tau_days[0]), bool(fit.is_constant[0])


def fit_rows() -> Iterator[Row]:
    """Rows of the table of accuracy: constants, decays whose levels are stored as hundredths, random pixels."""
    for levels, wanted, tolerance in (
        ((0.70, 0.70, 0.70, 0.70), 0.70, 0.005),
        ((0.80, 0.81, 0.80, 0.82), 0.81, 0.01),
        ((0.12, 0.12, 0.12, 0.12), 0.12, 0.005),
        ((0.70, 0.70, 0.70, 0.69), 0.70, 0.01),
    ):
        g_inf, g0, tau, is_constant = _fitted(np.array(levels))
        after = [float(coherence_after(g_inf, g0, tau, days)) for days in (12, 48, 96)]
        good = is_constant and tau == 200 and all(abs(value - wanted) <= tolerance for value in after)
        found = f"{_listed(after)}, {'constant' if is_constant else 'decay'}, tau {tau:.0f}"
        yield f"levels {_listed(levels, 2)}", found, f"{wanted:.2f} x 3, constant", f"{tolerance}", good
    for truth, wanted, tolerances, further in (
        ((0.05, 0.50, 8.0), (0.15, 0.05, 0.05), (0.015, 0.015, 0.015), {"g0": 0.06, "tau": 1.5}),
        ((0.20, 0.80, 20.0), (0.53, 0.25, 0.20), (0.015, 0.015, 0.015), {"tau": 3.0}),
        ((0.40, 0.90, 60.0), (0.81, 0.62, 0.50), (0.015, 0.015, 0.05), {}),
    ):
        exact = coherence_after(*truth, np.array(FOUR, dtype=float))
        g_inf, g0, tau, _ = _fitted(np.rint(exact * 100).astype(np.uint8))
        after = [float(coherence_after(g_inf, g0, tau, days)) for days in (12, 48, 96)]
        # The documented figures have two decimals.
        good = all(
            abs(value - each) <= limit + 0.005 for value, each, limit in zip(after, wanted, tolerances)
        )
        good &= abs(g0 - truth[1]) <= further.get("g0", 1) and abs(tau - truth[2]) <= further.get("tau", 1e9)
        limits = ", ".join([*map(str, tolerances), *(f"{name} {limit}" for name, limit in further.items())])
        found = f"{_listed(after)}; g_inf {g_inf:.3f}, g0 {g0:.3f}, tau {tau:.1f}"
        yield f"truth {truth}, stored as hundredths", found, _listed(wanted, 2), limits, good
    yield from _random_rows()


def _random_rows() -> Iterator[Row]:
    rng = np.random.default_rng(1)
    g_inf = rng.uniform(0, 0.5, PIXELS)
    g0 = g_inf + rng.uniform(0, 0.95, PIXELS) * (1 - g_inf)
    tau = np.exp(rng.uniform(np.log(3), np.log(120), PIXELS))
    levels = np.stack([coherence_after(g_inf, g0, tau, days) for days in SIX])
    levels += rng.normal(0, 0.01, levels.shape)
    fit = fit_decay(np.clip(levels, 0, 1).astype(np.float32), SIX)
    for days in (*SIX, 96):
        error = coherence_after(fit.g_inf, fit.g0, fit.tau_days, days) - coherence_after(g_inf, g0, tau, days)
        rms, limit = float(np.sqrt(np.mean(error**2))), 0.05 if days == 96 else 0.015
        yield f"1 million random pixels, RMS error at {days} d", f"{rms:.4f}", f"< {limit}", "-", rms < limit
    low, high = float(fit.tau_days.min()), float(fit.tau_days.max())
    yield "... smallest and largest tau", f"{low:.1f}, {high:.1f}", "2..200", "-", low >= 2 and high <= 200


# --- Pairs -------------------------------------------------------------------------------------------


def season_rows() -> Iterator[Row]:
    """Winter (0.30, 0.80, 40 d) and spring (0.20, 0.70, 20 d), days of the pair in each."""
    values = np.array([[0.30, 0.80, 40.0], [0.20, 0.70, 20.0], [NAN] * 3, [NAN] * 3])
    place = DecayParameters(values[:, :1], values[:, 1:2], values[:, 2:])
    for text, days, wanted in (
        ("12 d winter", (12, 0, 0, 0), 0.6704),
        ("8 d winter + 4 d spring", (8, 4, 0, 0), 0.6018),
        ("50 d winter + 40 d spring", (50, 40, 0, 0), 0.2749),
    ):
        found = float(chained_coherence(place, np.array([days]))[0, 0])
        yield text, f"{found:.4f}", f"{wanted:.4f}", "0.00005", abs(found - wanted) <= 5e-5


def score_rows() -> Iterator[Row]:
    """The documented scores; what is not given is benign."""
    for text, g, given, wanted, missing in (
        ("g 0.40", 0.40, {}, 100.0, ()),
        ("g 0.28", 0.28, {}, 60.0, ()),
        ("g 0.19", 0.19, {}, 30.0, ()),
        ("g 0.10", 0.10, {}, 0.0, ()),
        ("g 0.31, bperp 50 m", 0.31, {"bperp": 50.0}, 69.3, ()),
        ("g 0.40, rain 15 mm on one date", 0.40, {"rain_mm": (15, 0)}, 82.5, ()),
        ("g 0.40, rain 30 and 45 mm", 0.40, {"rain_mm": (30, 45)}, 42.3, ()),
        ("g 0.36, s 0 -> 0.6, cold", 0.36, {"snow_cover": (0, 0.6), "air_c": (-5, -5)}, 49.8, ()),
        ("g 0.50, freeze-thaw", 0.50, {"air_c": (-3, 3)}, 70.0, ()),
        ("g 0.34, NDVI change 0.2", 0.34, {"ndvi": (0.3, 0.5)}, 68.0, ()),
        ("g 0.40, fire p = 1", 0.40, {"fire": 0.10}, 50.0, ()),
        ("g 0.55, bperp 150 m, rain 6 and 3 mm, freeze-thaw", 0.55,
         {"bperp": 150.0, "rain_mm": (6, 3), "air_c": (-1, 4)}, 60.9, ()),
        ("g 0.40, rain unknown on date 2", 0.40, {"rain_mm": (0, NAN)}, 100.0, ("rain_2",)),
        ("g 0.70, s 0.5 and +2 C on date 2", 0.70, {"snow_cover": (0, 0.5), "air_c": (5, 2)}, 0.0, ()),
    ):  # fmt: skip
        score, lacked = _score(g, **given)
        shown = f"{score:.1f}" + (f", missing {', '.join(lacked)}" if lacked else "")
        expected = f"{wanted:.1f}" + (f", missing {', '.join(missing)}" if missing else "")
        yield text, shown, expected, "exact", (score, lacked) == (wanted, missing)


def _score(g: float, bperp: float = 0.0, fire: float = 0.0, **given: object) -> tuple[float, tuple[str, ...]]:
    benign = {
        "rain_mm": (0, 0),
        "snow_cover": (0, 0),
        "air_c": (5, 5),
        "soil_c": (NAN, NAN),
        "ndvi": (0.5, 0.5),
    }
    dates = DateInputs.of(2, **{**benign, **given})
    penalties = pair_penalties(
        dates, np.array([0]), np.array([1]), np.array([float(bperp)]), np.array([float(fire)])
    )
    score = score_pairs(np.array([g]), penalties, ScoreWeights())[0]
    return float(score), missing_names(int(missing_inputs(penalties, [g])[0]))


# --- Output ------------------------------------------------------------------------------------------


def _listed(values: object, decimals: int = 3) -> str:
    return " / ".join(f"{value:.{decimals}f}" for value in values)


def print_table(title: str, rows: Callable[[], Iterator[Row]]) -> bool:
    """Print a table; True when all its rows are good."""
    found = list(rows())
    print(f"\n{title}")
    for case, result, wanted, tolerance, good in found:
        print(f"  {'ok ' if good else 'OFF'} {case:52} {result:52} wanted {wanted}; tolerance {tolerance}")
    return all(good for *_, good in found)


if __name__ == "__main__":
    results = [
        print_table("Decay fit, coherence after 12 / 48 / 96 d", fit_rows),
        print_table("Pairs within and across seasons", season_rows),
        print_table("Scores", score_rows),
    ]
    sys.exit(0 if all(results) else 1)

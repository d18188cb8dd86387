# SPDX-License-Identifier: GPL-2.0-or-later
"""Pair quality under the clock, in the engine's Python: ``quality.py WORK ARGUMENTS``; rows 5 and 9."""

from __future__ import annotations

import sys
import time
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(1, str(Path(__file__).resolve().parent.parent))

import numpy as np
from timing import answer, clock

from insarhub_qgis.core.coherence_decay import (
    chained_coherence,
    coherence_after,
    sample_decay_maps,
    season_days,
)
from insarhub_qgis.core.date_inputs import read_date_inputs
from insarhub_qgis.core.decay_sources import DecaySources
from insarhub_qgis.core.pair_database import PairTable, QualityInputs, build_pair_table
from insarhub_qgis.core.quality_files import (
    PAIR_DATABASE_NAME,
    QualityCache,
    ndvi_key,
    read_pair_database,
    weather_key,
)
from tests.makers.network_jobs import make_stack, random_bperp

PIXELS, SAMPLE = 1_000_000, 2000
LEVELS = (6, 12, 18, 24, 36, 48)
SHORT_DAYS, LONG_DAYS = (6, 12, 18, 24, 36, 48), (96,)
DATES = 300
MAP_SHAPE = (1200, 1200)
HOUR = 16
POINTS = [(47.25, 11.40), (47.20, 11.35), (47.30, 11.35), (47.20, 11.45), (47.30, 11.45)]


# --- Decay fit ---------------------------------------------------------------------------------------


def make_levels(path: str) -> None:
    """A million pixels of known decay as the data set stores them: noise of 0.01, hundredths in one byte."""
    rng = np.random.default_rng(9)
    g_inf = rng.uniform(0, 0.5, PIXELS)
    g0 = g_inf + rng.uniform(0, 0.95, PIXELS) * (1 - g_inf)
    tau = np.exp(rng.uniform(np.log(3), np.log(120), PIXELS))
    truth = np.stack([g_inf, g0, tau]).astype(np.float32)
    exact = np.stack([coherence_after(g_inf, g0, tau, days) for days in LEVELS])
    noisy = exact + rng.normal(0, 0.01, exact.shape)
    levels = np.clip(np.rint(noisy * 100), 1, 100).astype(np.uint8)
    np.save(path, levels)
    np.save(Path(path).with_suffix(".truth.npy"), truth)
    answer(0.0)


def _errors(fitted: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Root mean square error of the coherence at 6 to 48 d and at 96 d; parameters of shape (3, n)."""
    short, long = (
        np.concatenate([coherence_after(*fitted, days) - coherence_after(*truth, days) for days in group])
        for group in (SHORT_DAYS, LONG_DAYS)
    )
    return {"rms_short": float(np.sqrt(np.mean(short**2))), "rms_long": float(np.sqrt(np.mean(long**2)))}


def _sample() -> np.ndarray:
    return np.random.default_rng(3).choice(PIXELS, SAMPLE, replace=False)


def fit(path: str) -> None:
    """All pixels at once."""
    from insarhub_qgis.engine.decay_fit import fit_decay

    levels, truth = np.load(path), np.load(Path(path).with_suffix(".truth.npy"))
    fit_decay(levels[:, :2000], LEVELS)
    seconds, found = clock(lambda: fit_decay(levels, LEVELS))
    fitted = np.stack([found.g_inf, found.g0, found.tau_days])
    is_within = bool(fitted[2].min() >= 2 and fitted[2].max() <= 200)
    chosen = _sample()
    answer(
        seconds,
        per_pixel=seconds / PIXELS,
        tau_within=is_within,
        **_errors(fitted, truth),
        sample=_errors(fitted[:, chosen], truth[:, chosen]),
    )


def curve_fit(path: str) -> None:
    """The same pixels one by one with scipy, a sample of them."""
    from scipy import optimize

    levels, truth = np.load(path), np.load(Path(path).with_suffix(".truth.npy"))
    chosen = _sample()
    values = levels[:, chosen].astype(np.float64) / 100
    days = np.array(LEVELS, dtype=np.float64)

    def model(t: np.ndarray, floor: float, drop: float, tau: float) -> np.ndarray:
        return floor + drop * np.exp(-t / tau)

    def one(pixel: np.ndarray) -> np.ndarray:
        first = (float(pixel.min()), float(np.ptp(pixel)), 20.0)
        found, _ = optimize.curve_fit(model, days, pixel, p0=first, bounds=([0, 0, 2], [1, 1, 200]))
        return np.array([found[0], found[0] + found[1], found[2]])

    one(values[:, 0])
    seconds, found = clock(lambda: np.stack([one(pixel) for pixel in values.T], axis=1))
    answer(seconds, per_pixel=seconds / SAMPLE, **_errors(found, truth[:, chosen]))


# --- Database of all pairs ---------------------------------------------------------------------------


def _stack_days() -> list[int]:
    return np.cumsum(np.random.default_rng(2).choice([6, 12], DATES, p=[0.6, 0.4])).tolist()


def make_quality(folder: str) -> None:
    """Decay maps of a full tile in four seasons, and a quality cache of 300 dates at five points."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(5)
    rows, cols = MAP_SHAPE
    y, x = np.mgrid[0:rows, 0:cols] / max(MAP_SHAPE)
    wave = 0.5 + 0.25 * np.sin(23 * x + 11 * y) + 0.25 * np.cos(17 * y - 9 * x)
    maps = np.empty((3, 4, rows, cols), dtype=np.float32)
    for season, level in enumerate((1.0, 0.9, 0.7, 0.85)):
        maps[0, season] = np.clip(0.5 * level * wave + rng.normal(0, 0.03, MAP_SHAPE), 0, 0.9)
        maps[1, season] = np.clip(maps[0, season] + 0.4 * level, 0, 1)
        maps[2, season] = np.clip(60 * level * wave + rng.normal(0, 3, MAP_SHAPE), 2, 200)
    maps[:, :, :, :100] = np.nan
    np.save(target / "maps.npy", maps)
    now = datetime.now(timezone.utc)
    cache = QualityCache(target)
    first = make_stack(_stack_days())[0][0].date
    for day in (first + timedelta(days=offset - _stack_days()[0]) for offset in _stack_days()):
        _put_day(cache, day, rng, now)
    cache.save()
    answer(0.0)


def _put_day(cache: QualityCache, day: date, rng: np.random.Generator, now: datetime) -> None:
    warmth = -10 * np.cos(2 * np.pi * (day.timetuple().tm_yday - 15) / 365) + rng.normal(8, 4)
    for latitude, longitude in POINTS:
        values = {
            "precip_3d_mm": round(float(rng.exponential(6)), 1),
            "temp_overpass_c": round(float(warmth + rng.normal(0, 1)), 1),
            "soil_temp_c": round(float(warmth + 1), 1),
            "snow_depth_m": round(float(max(0.0, -0.01 * warmth)), 3),
            "overpass_hour_utc": HOUR,
        }
        cache.put("weather", weather_key(latitude, longitude, day), values, now)
    cache.put("ndvi", ndvi_key(*POINTS[0], day), {"ndvi": round(float(rng.uniform(0.1, 0.8)), 3), "source": "m"}, now)  # fmt: skip


def database(folder: str) -> None:
    """From cached inputs and maps in memory to the written database of 300 dates; then what the editor asks of it."""
    source = Path(folder)
    nodes, baselines = make_stack(_stack_days(), random_bperp(DATES, 4))
    maps = np.load(source / "maps.npy")
    inside = np.ones(MAP_SHAPE, dtype=bool)

    def build(count: int, previous: PairTable | None = None) -> PairTable:
        cache = QualityCache(source)
        dates = read_date_inputs(cache, POINTS, [node.date for node in nodes[:count]], HOUR)
        pixels = sample_decay_maps(*maps, inside)
        sources = DecaySources.ranked(pixels, None, POINTS[0][0])
        inputs = QualityInputs(nodes[:count], dates, baselines, sources)
        return build_pair_table(inputs, previous=previous)

    build(10)
    built, table = clock(lambda: build(DATES))
    written, _ = clock(lambda: table.write(source))
    before = build(DATES - 1)
    grown, _ = clock(lambda: build(DATES, before))
    read, found = clock(lambda: read_pair_database(source))
    chosen = np.random.default_rng(1).choice(DATES, (1000, 2))
    scenes = [node.scenes[0] for node in nodes]
    table.verdict_of_scenes(scenes[0], scenes[1])
    lookups = []
    for one, other in chosen.tolist():
        begun = time.perf_counter()
        table.verdict_of_scenes(scenes[one], scenes[other])
        lookups.append(time.perf_counter() - begun)
    answer(
        built + written,
        build=built,
        write=written,
        grow=grown,
        read=read,
        lookup=float(np.median(lookups)),
        lookup_p95=float(np.percentile(lookups, 95)),
        bytes=(source / PAIR_DATABASE_NAME).stat().st_size,
        pairs=len(table.pairs),
        scores=len(found.scores),
        known=int(np.isfinite(table.pairs.score).sum()),
    )


def check_database(folder: str) -> None:
    """Medians of the written database against every pixel of the maps with exact days."""
    source = Path(folder)
    maps = np.load(source / "maps.npy")
    everything = sample_decay_maps(*maps, np.ones(MAP_SHAPE, dtype=bool), limit=10**9)
    factors = list(read_pair_database(source).factors.items())
    chosen = np.random.default_rng(7).choice(len(factors), 12, replace=False)
    differences = []
    for index in chosen.tolist():
        pair, values = factors[index]
        days = np.array([season_days(pair.reference_date, pair.secondary_date)])
        exact = float(np.median(chained_coherence(everything, days)))
        differences.append(abs(exact - values["coherence_expected"]))
    answer(0.0, difference=max(differences))


WORKS = {
    function.__name__: function
    for function in (make_levels, fit, curve_fit, make_quality, database, check_database)
}

if __name__ == "__main__":
    WORKS[sys.argv[1]](*sys.argv[2:])

# SPDX-License-Identifier: GPL-2.0-or-later
"""Pair quality under the clock, in the engine's Python: ``quality.py WORK ARGUMENTS``; rows 5 and 9."""

from __future__ import annotations

import json
import sys
import time
from datetime import date, datetime, timezone
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
from insarhub_qgis.core.decay_map_files import NODATA, SEASONS, decay_map_file
from insarhub_qgis.core.decay_sources import DecaySources
from insarhub_qgis.core.pair_database import PairTable, QualityInputs, build_pair_table
from insarhub_qgis.core.quality_files import (
    PAIR_DATABASE_NAME,
    QualityCache,
    ndvi_key,
    read_pair_database,
    weather_key,
)
from insarhub_qgis.core.scenes import order_pair
from tests.makers.network_jobs import make_stack, random_bperp

PIXELS, SAMPLE = 1_000_000, 2000
LEVELS = (6, 12, 18, 24, 36, 48)
SHORT_DAYS, LONG_DAYS = (6, 12, 18, 24, 36, 48), (96,)
DATES = 300
MAP_SHAPE = (1200, 1200)
HOUR = 16
#: A whole tile of the data set, its middle first.
AREA = "POLYGON((11 47,12 47,12 48,11 48,11 47))"
POINTS = [(47.5, 11.5), (47.25, 11.25), (47.75, 11.25), (47.25, 11.75), (47.75, 11.75)]
#: Pairs that the peer judges; all of them would take it hours.
PEER_PAIRS = 12


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
    """Decay maps of a full tile in four seasons, and a quality cache of 300 dates at five points.

    The folder ``peer`` has the same in the files that InSARHub 0.4.2 reads.
    """
    target = Path(folder)
    peer = target / "peer"
    peer.mkdir(parents=True, exist_ok=True)
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
    _write_maps(peer, maps)
    now = datetime.now(timezone.utc)
    cache = QualityCache(target)
    nodes, _ = make_stack(_stack_days())
    means = {node.date: _put_day(cache, node.date, rng, now) for node in nodes}
    cache.save()
    weather = {
        f"{POINTS[0][0]:.3f}:{POINTS[0][1]:.3f}:{day.isoformat()}": {
            "temp": values["temp_overpass_c"],
            "soil_temp": values["soil_temp_c"],
            "precip_3day": values["precip_3d_mm"],
            "snow_depth": values["snow_depth_m"],
        }
        for day, values in means.items()
    }
    put = {
        ".insarhub_quality_cache.json": {"_schema_version": 3, "weather": weather},
        "insarhub_config.json": {"downloader": {"type": "S1_SLC", "config": {"intersectsWith": AREA}}},
        "plan.json": {
            "scenes": [node.scenes[0] for node in nodes],
            "baselines": {node.scenes[0]: value for node, value in zip(nodes, random_bperp(DATES, 4))},
            "pairs": _peer_pairs(),
        },
    }
    for name, document in put.items():
        (peer / name).write_text(json.dumps(document), encoding="utf-8")
    answer(0.0)


def _peer_pairs() -> list[list[int]]:
    """Every so many of all pairs, so that short and long ones are judged in their proportions."""
    first, second = np.triu_indices(DATES, 1)
    chosen = np.linspace(0, len(first) - 1, PEER_PAIRS + 2).astype(int)[1:-1]
    return [[int(first[place]), int(second[place])] for place in chosen]


def _write_maps(folder: Path, maps: np.ndarray) -> None:
    import rasterio
    from rasterio.transform import Affine

    for season, layers in zip(SEASONS, np.where(np.isnan(maps), NODATA, maps).transpose(1, 0, 2, 3)):
        path = decay_map_file(folder, season, "vv")
        path.parent.mkdir(exist_ok=True)
        profile = {
            "driver": "GTiff",
            "dtype": "float32",
            "count": 3,
            "height": MAP_SHAPE[0],
            "width": MAP_SHAPE[1],
            "crs": "EPSG:4326",
            "transform": Affine(1 / MAP_SHAPE[1], 0, 11, 0, -1 / MAP_SHAPE[0], 48),
            "nodata": NODATA,
            "compress": "lzw",
        }
        with rasterio.open(path, "w", **profile) as raster:
            raster.write(layers.astype(np.float32))


def _put_day(cache: QualityCache, day: date, rng: np.random.Generator, now: datetime) -> dict[str, float]:
    """Put a day's weather at all points into the cache, and give it of the last one."""
    warmth = -10 * np.cos(2 * np.pi * (day.timetuple().tm_yday - 15) / 365) + rng.normal(8, 4)
    values: dict[str, float] = {}
    for latitude, longitude in POINTS:
        values = {
            "precip_3d_mm": round(float(rng.exponential(6)), 1),
            "temp_overpass_c": round(float(warmth + rng.normal(0, 1)), 1),
            "soil_temp_c": round(float(warmth + 1), 1),
            "snow_depth_m": round(float(max(0.0, -0.01 * warmth)), 3),
            "overpass_hour_utc": HOUR,
        }
        cache.put("weather", weather_key(latitude, longitude, day), values, now)
    ndvi = {"ndvi": round(float(rng.uniform(0.1, 0.8)), 3), "source": "made"}
    cache.put("ndvi", ndvi_key(*POINTS[0], day), ndvi, now)
    return values


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


def check_database(folder: str, theirs: str) -> None:
    """Medians of the written database, and means that the peer gave, against every pixel of the maps with exact days.

    ``theirs`` is the JSON list of the peer's coherences; it takes the mean of the area.
    """
    source = Path(folder)
    maps = np.load(source / "maps.npy")
    everything = sample_decay_maps(*maps, np.ones(MAP_SHAPE, dtype=bool), limit=10**9)
    factors = read_pair_database(source).factors
    nodes, _ = make_stack(_stack_days())
    own, peer = [], []
    for (first, second), mean in zip(_peer_pairs(), json.loads(theirs)):
        days = np.array([season_days(nodes[first].date, nodes[second].date)])
        exact = chained_coherence(everything, days)
        pair = order_pair(nodes[first].scenes[0], nodes[second].scenes[0])
        if pair in factors:
            own.append(abs(float(np.median(exact)) - factors[pair]["coherence_expected"]))
        peer.append(abs(float(np.mean(exact)) - mean))
    answer(0.0, difference=max(own), compared=len(own), peer_difference=max(peer))


WORKS = {
    function.__name__: function
    for function in (make_levels, fit, curve_fit, make_quality, database, check_database)
}

if __name__ == "__main__":
    WORKS[sys.argv[1]](*sys.argv[2:])

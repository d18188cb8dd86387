# SPDX-License-Identifier: GPL-2.0-or-later
"""Rasters and figures made from decay maps: what coherence to expect, how long pairs may be, and how zones compare."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from shapely.affinity import translate

from insarhub_qgis.core.coherence_decay import (
    best_season,
    chained_coherence,
    coherence_after,
    longest_usable_days,
    season_days,
    season_days_of_pairs,
)
from insarhub_qgis.core.coherence_tiles import season_label
from insarhub_qgis.core.decay_map_files import BEST, EXPECTED, LONGEST, NETWORK, SEASONS
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.network_files import load_network
from insarhub_qgis.core.progress import stop_if_cancelled
from insarhub_qgis.core.requests import DeriveFromDecay, ZonalDecay
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine.decay_maps import joined_at_antimeridian
from insarhub_qgis.engine.decay_rasters import DecayMaps, read_decay_maps, write_float_raster
from insarhub_qgis.engine.search_area import read_search_area

LONGEST_DAYS = 3650.0
#: Values of pairs x pixels that are evaluated at once: 32 MB.
_BLOCK_VALUES = 1 << 22
_NO_SEASON = 0.0

Floats = NDArray[np.float64]


def run(request: DeriveFromDecay, context: RunContext) -> dict[str, Any]:
    """Answer `DeriveFromDecay`.

    Raises
    ------
    InsarError
        ``decay.no_maps``, ``decay.other_grids``, ``decay.map_unreadable``, ``decay.no_season``, ``decay.bad_option``,
        ``decay.no_pairs``, ``decay.no_common_pixel``, errors of the stack file, ``file.*``.
    """
    makers: dict[str, Callable[[DecayMaps, DeriveFromDecay, RunContext], dict[str, Any]]] = {
        EXPECTED: _expected,
        LONGEST: _longest,
        BEST: _best,
        NETWORK: _network,
    }
    if request.quantity not in makers:
        raise InsarError("decay.bad_option", option="quantity", value=request.quantity)
    maps = read_decay_maps(Path(request.maps_folder or request.job_folder))
    made = makers[request.quantity](maps, request, context)
    values, facts = made.pop("values"), made.pop("tags")
    stop_if_cancelled(context.is_cancelled)
    nodata = _NO_SEASON if request.quantity == BEST else -9999.0
    known = values[np.isfinite(values)]
    if not known.size:
        raise InsarError("decay.no_common_pixel")
    tags = {"QUANTITY": request.quantity, "SOURCE": maps.source, **facts}
    write_float_raster(
        Path(request.output),
        maps.grid,
        (values.astype(np.float32),),
        (made["description"],),
        (made["unit"],),
        tags,
        nodata,
    )
    context.report(1.0, made["description"])
    return {
        "output": request.output,
        "quantity": request.quantity,
        "source": maps.source,
        "valid_pixels": int(known.size),
        "median": round(float(np.median(known)), 4),
        "low": round(float(known.min()), 4),
        "high": round(float(known.max()), 4),
        **made,
    }


def _expected(maps: DecayMaps, request: DeriveFromDecay, context: RunContext) -> dict[str, Any]:
    if request.first or request.second:
        return _expected_of_dates(maps, request, context)
    days = _checked("days", request.days, 0.0, LONGEST_DAYS)
    values = coherence_after(*maps.of_season(request.season), days)
    return {
        "values": values,
        "unit": "",
        "description": f"expected coherence after {days:g} d, {season_label(request.season)}",
        "tags": {**_season_tags(request.season), "DAYS": f"{days:g}"},
    }


def _expected_of_dates(maps: DecayMaps, request: DeriveFromDecay, context: RunContext) -> dict[str, Any]:
    try:
        first, second = date.fromisoformat(request.first), date.fromisoformat(request.second)
    except ValueError as error:
        raise InsarError(
            "decay.bad_option", option="dates", value=f"{request.first} {request.second}"
        ) from error
    if not 0 < (second - first).days <= LONGEST_DAYS:
        raise InsarError("decay.bad_option", option="dates", value=f"{first} {second}")
    counts = np.array([season_days(first, second)])
    for number, season in enumerate(SEASONS):
        if counts[0, number]:
            maps.of_season(season)
    return {
        "values": _mean_coherence(maps, counts, np.ones(1), context),
        "unit": "",
        "description": f"expected coherence {first} to {second}",
        "tags": {"FIRST_DATE": str(first), "SECOND_DATE": str(second)},
    }


def _longest(maps: DecayMaps, request: DeriveFromDecay, context: RunContext) -> dict[str, Any]:
    coherence = _checked("coherence", request.coherence, 0.01, 0.99)
    values = longest_usable_days(*maps.of_season(request.season), coherence)
    return {
        "values": values,
        "unit": "d",
        "description": f"longest temporal baseline for coherence {coherence:g}, {season_label(request.season)}",
        "tags": {**_season_tags(request.season), "COHERENCE": f"{coherence:g}"},
    }


def _best(maps: DecayMaps, request: DeriveFromDecay, context: RunContext) -> dict[str, Any]:
    days = _checked("days", request.days, 0.0, LONGEST_DAYS)
    found = best_season(maps.g_inf, maps.g0, maps.tau_days, days).astype(np.float64)
    found[found == _NO_SEASON] = np.nan
    return {
        "values": found,
        "unit": "",
        "description": f"best season after {days:g} d",
        "tags": {"DAYS": f"{days:g}", "CLASSES": "1=DJF,2=MAM,3=JJA,4=SON"},
    }


def _network(maps: DecayMaps, request: DeriveFromDecay, context: RunContext) -> dict[str, Any]:
    network = load_network(Path(request.job_folder)).network
    keys = network.active_keys()
    if not keys:
        raise InsarError("decay.no_pairs", folder=request.job_folder)
    dates = [node.date for node in network.nodes]
    first, second = (np.array([key[side] for key in keys]) for side in (0, 1))
    counts = season_days_of_pairs(dates, first, second)
    is_missing = np.array([season not in maps.seasons for season in SEASONS])
    is_usable = ~(counts[:, is_missing] > 0).any(axis=1)
    if not is_usable.any():
        missing = [season for season, absent in zip(SEASONS, is_missing) if absent]
        raise InsarError("decay.no_season", season=", ".join(missing), known=sorted(maps.seasons))
    signatures, repeats = np.unique(counts[is_usable], axis=0, return_counts=True)
    used = int(np.count_nonzero(is_usable))
    return {
        "values": _mean_coherence(maps, signatures, repeats.astype(np.float64), context),
        "unit": "",
        "description": f"mean expected coherence of {used} pairs",
        "pairs": len(keys),
        "pairs_used": used,
        "tags": {"PAIRS": str(len(keys)), "PAIRS_USED": str(used)},
    }


def _mean_coherence(maps: DecayMaps, counts: NDArray[Any], weights: Floats, context: RunContext) -> Floats:
    """Mean over pairs; a pixel has one only where all seasons of all pairs are known, so that pixels compare."""
    needed = np.flatnonzero(counts.sum(axis=0) > 0)
    is_known = np.isfinite(maps.g_inf[needed]).all(axis=0).ravel()
    pixels = np.flatnonzero(is_known)
    mean = np.full(is_known.shape, np.nan)
    step = max(_BLOCK_VALUES // max(len(counts), 1), 1)
    for start in range(0, len(pixels), step):
        stop_if_cancelled(context.is_cancelled)
        block = pixels[start : start + step]
        mean[block] = weights @ chained_coherence(maps.parameters(block), counts) / weights.sum()
        context.report(0.95 * (start + len(block)) / len(pixels), "Expected coherence of the network")
    return mean.reshape(maps.g_inf.shape[1:])


def _season_tags(season: str) -> dict[str, str]:
    return {"season": season, "MONTHS": ",".join(str(month) for month in SEASONS[season])}


def _checked(option: str, value: float, low: float, high: float) -> float:
    if not low <= value <= high:
        raise InsarError("decay.bad_option", option=option, value=value, low=low, high=high)
    return float(value)


# --- Figures of zones ---


def statistics(request: ZonalDecay, context: RunContext) -> dict[str, Any]:
    """Answer `ZonalDecay`.

    Raises
    ------
    InsarError
        ``decay.no_maps``, ``decay.other_grids``, ``decay.map_unreadable``, ``decay.bad_option``, ``search.area_*``.
    """
    threshold = _checked("coherence", request.coherence, 0.01, 0.99)
    days = np.array([_checked("days", each, 0.0, LONGEST_DAYS) for each in request.days])
    maps = read_decay_maps(Path(request.maps_folder))
    everywhere = np.ones((maps.grid.height, maps.grid.width), dtype=bool)
    zones = [_inside_zone(maps, text) for text in request.zones] if request.zones else [everywhere]
    rows = []
    for number, is_inside in enumerate(zones):
        stop_if_cancelled(context.is_cancelled)
        for season, polarization in maps.seasons.items():
            figures = _figures(maps, season, is_inside, days, threshold)
            rows.append({"zone": number, "season": season, "polarization": polarization, **figures})
        context.report((number + 1) / len(zones), f"Zone {number + 1} of {len(zones)}")
    return {"rows": rows, "days": days.tolist(), "coherence": threshold, "source": maps.source}


def _inside_zone(maps: DecayMaps, text: str) -> NDArray[np.bool_]:
    area = read_search_area(text)
    if area is None:
        raise InsarError("search.area_empty")
    geometry = joined_at_antimeridian(area.geometry)
    inside = maps.grid.pixels_inside(geometry)
    if maps.grid.bounds[2] > 180:
        # The grid goes on beyond 180 E; a zone there has longitudes from -180 on.
        inside |= maps.grid.pixels_inside(translate(geometry, 360.0))
    return inside


def _figures(
    maps: DecayMaps, season: str, is_inside: NDArray[np.bool_], days: Floats, threshold: float
) -> dict[str, Any]:
    """Medians of the bands, and of the coherence after each number of days with the usable share."""
    g_inf, g0, tau = (band[is_inside].astype(np.float64) for band in maps.of_season(season))
    is_known = np.isfinite(g_inf)
    g_inf, g0, tau = g_inf[is_known], g0[is_known], tau[is_known]
    found: dict[str, Any] = {"pixels": int(g_inf.size), "zone_pixels": int(np.count_nonzero(is_inside))}
    if not g_inf.size:
        empty = [None] * len(days)
        return {**found, "gamma_inf": None, "gamma_0": None, "tau": None, "coherence": empty,
                "p25": empty, "usable_share": empty, "longest_days": None}  # fmt: skip
    after = coherence_after(g_inf, g0, tau, days[:, None])
    found.update(
        zip(("gamma_inf", "gamma_0", "tau"), (_figure(np.median(band)) for band in (g_inf, g0, tau)))
    )
    found["coherence"] = [_figure(value) for value in np.median(after, axis=1)]
    found["p25"] = [_figure(value) for value in np.quantile(after, 0.25, axis=1)]
    found["usable_share"] = [_figure(value) for value in (after >= threshold).mean(axis=1)]
    found["longest_days"] = _figure(np.median(longest_usable_days(g_inf, g0, tau, threshold)))
    return found


def _figure(value: Any) -> float:
    return round(float(value), 4)

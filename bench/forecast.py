# SPDX-License-Identifier: GPL-2.0-or-later
"""Row 11 of ``make bench``: how well the forecast of coherence agrees with products, in the engine's Python.

``forecast.py simulated FOLDER PLOT`` pairs of simulated stacks, with decay maps fetched from the sandbox, which has the same
ground; ``forecast.py mexico FOLDER PLOT`` the real stack of Mexico City. Real decay maps cannot be had offline, so that the
real stack is forecast from land cover and latitude alone; that its ground is built-up is assumed, not fetched.
"""

from __future__ import annotations

import logging
import sys
import warnings
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(1, str(Path(__file__).resolve().parent.parent))

import numpy as np
from timing import answer, clock

from insarhub_qgis.core.forecast_figures import forecast_figures, rank_correlation
from insarhub_qgis.core.forecast_plot import (
    COHERENCE_STEP,
    FORECAST_STYLES,
    MarkerStyle,
    PlotPoint,
    PlotSeries,
    scatter_svg,
)
from insarhub_qgis.core.requests import CheckForecast
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.core.series_entries import COLOURS, MARKERS
from insarhub_qgis.engine import forecast_check
from tests.makers.forecast_jobs import MEXICO, make_mexico_job, make_simulated_jobs

SEEDS = (1, 2, 3)
SHUFFLES = 200


def check(job: Path) -> dict[str, Any]:
    return forecast_check.run(CheckForecast(str(job)), RunContext())


def values(rows: list[dict[str, Any]], source: str) -> tuple[np.ndarray, np.ndarray]:
    """Expected and observed coherence of pairs."""
    predicted = [np.nan if row["expected"][source] is None else row["expected"][source] for row in rows]
    return np.array(predicted), np.array([row["observed"] for row in rows])


def figures_of(rows: list[dict[str, Any]], sources: list[str]) -> dict[str, dict[str, Any]]:
    return {source: forecast_figures(*values(rows, source)).to_json() for source in sources}


def points(rows: list[dict[str, Any]], source: str) -> list[PlotPoint]:
    return [
        PlotPoint(row["expected"][source], row["observed"], f"{row['reference_date']} {row['dt_days']} d")
        for row in rows
        if row["expected"][source] is not None
    ]


def write_plot(path: str, series: list[PlotSeries]) -> None:
    titles = ("expected coherence", "observed coherence, median of the area", "expected = observed")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(scatter_svg(series, COHERENCE_STEP, *titles) + "\n", encoding="utf-8")


def simulated(folder: str, plot: str) -> None:
    """Whole scenes, and town, fields, forest and bare ground within them: pairs of all are ranked together."""
    grounds: dict[str, list[dict[str, Any]]] = {}
    whole, seconds = [], 0.0
    for seed in SEEDS:
        root = Path(folder) / f"seed{seed}"
        for name, job in make_simulated_jobs(root, seed).items():
            took, found = clock(lambda job=job: check(job))
            if name == "all":
                seconds += took
                whole.append(found["figures"]["s1_pixel"]["coherence"])
            else:
                grounds.setdefault(name, []).extend(found["pairs"])
    rows = [row for found in grounds.values() for row in found]
    predicted, observed = values(rows, "s1_pixel")
    rng = np.random.default_rng(0)
    shuffled = [rank_correlation(rng.permutation(predicted), observed) for _ in range(SHUFFLES)]
    write_plot(
        plot,
        [
            PlotSeries(name, MarkerStyle(marker, colour), points(found, "s1_pixel"))
            for (name, found), marker, colour in zip(grounds.items(), MARKERS, COLOURS)
        ],
    )
    answer(
        seconds,
        pairs=len(rows),
        stacks=whole,
        grounds={name: figures_of(found, ["s1_pixel"])["s1_pixel"] for name, found in grounds.items()},
        pooled=figures_of(rows, ["s1_pixel", "landcover", "climatology"]),
        days=rank_correlation([-row["dt_days"] for row in rows], observed),
        shuffled=max(abs(value) for value in shuffled if value is not None),
    )


def mexico(folder: str, plot: str) -> None:
    """The real stack; ``pairs`` is 0 where its data is absent."""
    if not MEXICO.is_dir():
        answer(0.0, pairs=0)
        return
    job = make_mexico_job(Path(folder) / "mexico")
    check(job)
    seconds, found = clock(lambda: check(job))
    sources = [source for source in FORECAST_STYLES if source in found["figures"] and source != "combined"]
    write_plot(
        plot,
        [PlotSeries(source, FORECAST_STYLES[source], points(found["pairs"], source)) for source in sources],
    )
    answer(
        seconds,
        pairs=len(found["pairs"]),
        figures={source: found["figures"][source]["coherence"] for source in sources},
        days=found["temporal_baseline"]["rank_correlation"],
        missing=found["missing_sources"],
    )


WORKS = {function.__name__: function for function in (simulated, mexico)}

if __name__ == "__main__":
    # Of the raster libraries, about rasters in memory.
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    WORKS[sys.argv[1]](*sys.argv[2:])

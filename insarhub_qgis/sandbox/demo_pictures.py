# SPDX-License-Identifier: GPL-2.0-or-later
"""Pictures of the demo report, drawn without a window."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

Array = npt.NDArray[np.float64]

#: Red below zero (away), blue above (toward); told apart by colour-blind readers.
_DIVERGING = "RdBu"
_NO_DATA = "#d9d9d9"
_COLOURS = ("#0072B2", "#D55E00", "#009E73")


@dataclass(frozen=True)
class PointSeries:
    """Recovered series of a pixel and, with a truth, the planted one; mm, + toward the satellite."""

    label: str
    dates: Sequence[datetime.date]
    recovered_mm: Array
    true_dates: Sequence[datetime.date] = ()
    true_mm: Array | None = None


def _save(figure: Figure, path: Path) -> Path:
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    return path


def draw_map(path: Path, values_mm: Array, reach_mm: float, title: str, reference: tuple[int, int]) -> Path:
    """Velocity map in mm/yr with a colour range of +-``reach_mm``; NaN is grey."""
    rows, columns = values_mm.shape
    height = float(np.clip(6.0 * rows / columns, 2.5, 9.0))
    figure = Figure(figsize=(7.4, height + 0.6), layout="constrained")
    axes = figure.add_subplot()
    axes.set_facecolor(_NO_DATA)
    image = axes.imshow(
        np.ma.masked_invalid(values_mm),
        cmap=_DIVERGING,
        vmin=-reach_mm,
        vmax=reach_mm,
        interpolation="nearest",
    )
    axes.plot(reference[1], reference[0], "s", color="black", markersize=5, label="reference pixel")
    axes.legend(loc="lower left", fontsize="small")
    axes.set(title=title, xlabel="column", ylabel="row")
    figure.colorbar(image, ax=axes, label="mm/yr, + toward the satellite", extend="both")
    return _save(figure, path)


def draw_scatter(path: Path, true_mm: Array, recovered_mm: Array) -> Path:
    """Density of recovered against true velocity, both mm/yr."""
    figure = Figure(figsize=(7.4, 5.6), layout="constrained")
    axes = figure.add_subplot()
    low, high = float(min(true_mm.min(), recovered_mm.min())), float(max(true_mm.max(), recovered_mm.max()))
    low, high = np.floor(low) - 1, np.ceil(high) + 1
    *_, image = axes.hist2d(
        true_mm, recovered_mm, bins=160, range=((low, high), (low, high)), norm=LogNorm(), cmap="viridis"
    )
    axes.plot((low, high), (low, high), color="#D55E00", linewidth=1, label="equal")
    axes.set(title="Recovered against true velocity", xlabel="true, mm/yr", ylabel="recovered, mm/yr")
    axes.legend(loc="upper left")
    figure.colorbar(image, ax=axes, label="pixels")
    return _save(figure, path)


def draw_series(path: Path, points: Sequence[PointSeries]) -> Path:
    """Series of a few pixels; dots recovered, lines planted."""
    figure = Figure(figsize=(11.0, 4.6), layout="constrained")
    axes = figure.add_subplot()
    for point, colour in zip(points, _COLOURS):
        axes.plot(point.dates, point.recovered_mm, "o", color=colour, markersize=4, label=f"{point.label}")
        if point.true_mm is not None:
            axes.plot(point.true_dates, point.true_mm, "-", color=colour, linewidth=1.2, label="planted")
        else:
            axes.plot(point.dates, point.recovered_mm, "-", color=colour, linewidth=0.6)
    axes.axhline(0.0, color="0.6", linewidth=0.8)
    axes.set(title="Displacement series", ylabel="mm, + toward the satellite")
    axes.legend(fontsize="small", ncols=len(points))
    axes.grid(alpha=0.3)
    return _save(figure, path)

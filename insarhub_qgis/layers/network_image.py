# SPDX-License-Identifier: GPL-2.0-or-later
"""The network image of a job folder: graph, pairs per date, legend and counts on white, without a display."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from qgis.PyQt.QtCore import QBuffer, QIODevice
from qgis.PyQt.QtGui import QImage

from insarhub_qgis.core.atomic_files import write_bytes_atomically
from insarhub_qgis.core.network_model import StackNetwork
from insarhub_qgis.host.counts import counted, counted_dates, counted_pairs
from insarhub_qgis.host.translation import tr
from insarhub_qgis.layers.network_picture import (
    EXCLUDED,
    GOOD,
    MODERATE,
    NOT_JUDGED,
    PAIR_STYLES,
    POOR,
    REMOVED_ALPHA,
    REMOVED_STYLE,
    NetworkPicture,
    PairStyle,
    PlacedPairs,
    date_fills,
    draw_dates,
    draw_pairs,
)

SIZE_INCHES = (18.0, 7.0)
DPI = 200
#: Above this number of dates the labels thin out.
ALL_LABELS = 40
CONTEXT = "NetworkImage"
_BACKGROUND, _TEXT, _GRID = "#ffffff", "#202020", "#d8d8d8"
_FONT = {"size": 9}


def save_network_image(network: StackNetwork, path: Path, stack_name: str) -> Path:
    """Write the image of a network, PNG or SVG by the ending, whole or not at all.

    Raises
    ------
    InsarError
        Errors of `write_bytes_atomically`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE_INCHES, dpi=DPI, facecolor=_BACKGROUND)
    canvas = FigureCanvasAgg(figure)
    draw_network_image(figure, network, stack_name)
    if path.suffix == ".svg":
        text = io.BytesIO()
        figure.savefig(text, format="svg")
        data = text.getvalue()
    else:
        canvas.draw()
        data = _png(np.asarray(canvas.buffer_rgba()))
    figure.clear()
    write_bytes_atomically(path, data)
    return path


def _png(pixels: np.ndarray) -> bytes:
    """Give an image, (rows, columns, 4) of 8 bit RGBA, as PNG.

    matplotlib's own writer would stop all other threads, the window's too, for as long as it compresses.
    """
    height, width = pixels.shape[:2]
    image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGBA8888)
    per_metre = round(DPI / 0.0254)
    image.setDotsPerMeterX(per_metre)
    image.setDotsPerMeterY(per_metre)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    return bytes(buffer.data())


def draw_network_image(figure: Any, network: StackNetwork, stack_name: str) -> None:
    """Draw the graph on the left and the pairs per date on the right of a matplotlib figure."""
    picture = NetworkPicture.of(network)
    grid = figure.add_gridspec(
        1, 2, width_ratios=(3.6, 1.0), left=0.055, right=0.985, top=0.82, bottom=0.16, wspace=0.13
    )
    graph, bars = figure.add_subplot(grid[0]), figure.add_subplot(grid[1])
    for axes in (graph, bars):
        _dress(axes)
    _draw_graph(graph, picture)
    _draw_bars(bars, picture)
    parts = len(network.structure.components)
    title = tr("{stack}: {pairs}, {dates}, {components}", CONTEXT).format(
        stack=stack_name,
        pairs=counted_pairs(int(picture.is_active.sum())),
        dates=counted_dates(len(picture.dates)),
        components=counted(parts, tr("{n} component", CONTEXT), tr("{n} components", CONTEXT)),
    )
    figure.suptitle(title, x=0.055, y=0.965, ha="left", color=_TEXT, fontsize=13)
    figure.legend(
        handles=_legend(picture),
        loc="lower left",
        bbox_to_anchor=(0.05, 0.005),
        ncol=7,
        frameon=False,
        labelcolor=_TEXT,
        fontsize=_FONT["size"],
        handlelength=3.2,
    )


def label_positions(count: int) -> list[int]:
    """Give which dates get a label: all up to 40, then every second, third ... one.

    >>> len(label_positions(40)), len(label_positions(300))
    (40, 38)
    """
    step = max(1, -(-count // ALL_LABELS))
    return list(range(0, count, step))


def _draw_graph(axes: Any, picture: NetworkPicture) -> None:
    (left, right), (low, high) = picture.limits()
    axes.set_xlim(left, right)
    axes.set_ylim(low, high)
    y = picture.heights(low, high)
    draw_pairs(axes, picture, PlacedPairs.of(picture, y, low, high), at_once=50)
    draw_dates(axes, picture, y, _TEXT, _BACKGROUND)
    axes.set_ylabel(tr("perpendicular baseline (m)", CONTEXT), color=_TEXT, fontsize=_FONT["size"])
    if not picture.dates:
        axes.set_xticks([])
        axes.text(
            0.5,
            0.5,
            tr("no scenes", CONTEXT),
            transform=axes.transAxes,
            ha="center",
            va="center",
            color=_TEXT,
        )
        return
    chosen = label_positions(len(picture.dates))
    axes.set_xticks(picture.days[chosen])
    axes.set_xticklabels(_labels(picture.dates, chosen), rotation=90, fontsize=_FONT["size"] - 1, color=_TEXT)
    first = float(picture.days[0])
    above = axes.secondary_xaxis("top", functions=(lambda day: day - first, lambda days: days + first))
    above.set_xlabel(
        tr("days since {date}", CONTEXT).format(date=picture.dates[0].isoformat()),
        color=_TEXT,
        fontsize=_FONT["size"],
    )
    above.tick_params(colors=_TEXT, labelsize=_FONT["size"] - 1, width=0.8, length=3)
    above.spines["top"].set_visible(False)
    if picture.has_unknown_bperp:
        axes.text(
            0.004, 0.012, tr("baseline unknown", CONTEXT), transform=axes.transAxes, color=_TEXT,
            fontsize=_FONT["size"] - 1, style="italic",
        )  # fmt: skip


def _draw_bars(axes: Any, picture: NetworkPicture) -> None:
    count = len(picture.dates)
    degree = picture.degree
    places = np.arange(count)
    axes.barh(places, degree, height=0.8, color=date_fills(picture, degree, EXCLUDED))
    axes.set_ylim(count - 0.5 if count else 0.5, -0.5)
    axes.set_xlim(0, max(int(degree.max()) if count else 0, picture.min_degree) + 1)
    axes.grid(False, axis="y")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel(tr("pairs per date", CONTEXT), color=_TEXT, fontsize=_FONT["size"])
    chosen = label_positions(count)
    axes.set_yticks(chosen)
    axes.set_yticklabels(_labels(picture.dates, chosen), fontsize=_FONT["size"] - 2, color=_TEXT)
    used = degree[~picture.is_excluded]
    if len(used):
        mean = float(used.mean())
        axes.axvline(mean, color=_TEXT, linewidth=1.0, linestyle=(0, (4, 3)))
        axes.set_title(
            tr("mean {mean}", CONTEXT).format(mean=f"{mean:.1f}"),
            color=_TEXT,
            fontsize=_FONT["size"],
            loc="right",
        )


def _legend(picture: NetworkPicture) -> list[Any]:
    from matplotlib.lines import Line2D

    counts = picture.class_counts()
    texts = {
        GOOD: tr("good, score ≥ 60", CONTEXT),
        MODERATE: tr("moderate, 30-59", CONTEXT),
        POOR: tr("poor, < 30", CONTEXT),
        NOT_JUDGED: tr("not judged", CONTEXT),
    }

    def line(style: PairStyle, label: str, alpha: float = 1.0) -> Any:
        dashes = (0, style.dashes) if style.dashes else "solid"
        return Line2D(
            [], [], color=style.colour, linewidth=style.width, linestyle=dashes, alpha=alpha, label=label
        )

    handles = [
        line(PAIR_STYLES[pair_class], f"{text}: {counts[pair_class]}") for pair_class, text in texts.items()
    ]
    removed = int((~picture.is_active).sum())
    if removed:
        handles.append(
            line(REMOVED_STYLE, tr("removed: {count}", CONTEXT).format(count=removed), REMOVED_ALPHA)
        )
    for flag, marker, text in (
        (picture.is_relaxed, "^", tr("breaks a limit: {count}", CONTEXT)),
        (picture.is_manual, "D", tr("added by hand: {count}", CONTEXT)),
    ):
        count = int((flag & picture.is_active).sum())
        if count:
            label = text.format(count=count)
            handles.append(
                Line2D([], [], color=EXCLUDED, marker=marker, linestyle="none", markersize=5, label=label)
            )
    return handles


def _labels(dates: Sequence[date], chosen: Sequence[int]) -> list[str]:
    return [dates[index].isoformat() for index in chosen]


def _dress(axes: Any) -> None:
    axes.set_facecolor(_BACKGROUND)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(_TEXT)
        spine.set_linewidth(0.8)
    axes.tick_params(colors=_TEXT, labelsize=_FONT["size"] - 1, width=0.8, length=3)
    axes.grid(True, color=_GRID, linewidth=0.6)
    axes.set_axisbelow(True)

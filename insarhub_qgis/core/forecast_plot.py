# SPDX-License-Identifier: GPL-2.0-or-later
"""Observed over predicted as a scatter plot: how each forecast is drawn, the range of both axes, and an SVG."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from insarhub_qgis.core.decay_sources import CLIMATOLOGY, LANDCOVER, S1_PIXEL
from insarhub_qgis.core.forecast_figures import COMBINED
from insarhub_qgis.core.series_entries import COLOURS, MARKERS
from insarhub_qgis.core.xml_text import escape


@dataclass(frozen=True)
class MarkerStyle:
    """Shape (a marker of matplotlib) and colour of a forecast; each alone tells them apart.

    ``is_open``: an outline that leaves the marker inside it visible.
    """

    marker: str
    colour: str
    is_open: bool = False


#: The combined forecast lies on the one that it took, so that its marker goes around that one.
FORECAST_STYLES = {
    S1_PIXEL: MarkerStyle(MARKERS[0], COLOURS[0]),
    LANDCOVER: MarkerStyle(MARKERS[1], COLOURS[1]),
    CLIMATOLOGY: MarkerStyle(MARKERS[2], COLOURS[2]),
    COMBINED: MarkerStyle(MARKERS[3], COLOURS[3], is_open=True),
}

#: Unit of an axis -> distance of its ticks.
COHERENCE_STEP, SCORE_STEP = 0.1, 20.0

_WIDTH, _HEIGHT = 720, 510
_LEFT, _TOP, _SIDE = 70, 20, 430
_RADIUS = 5.0
_TEXT, _GRID, _AXIS = "#202020", "#d8d8d8", "#606060"
_CORNERS = {
    "s": ((-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)),
    "^": ((0.0, -1.0), (1.0, 0.85), (-1.0, 0.85)),
    "D": ((0.0, -1.6), (1.6, 0.0), (0.0, 1.6), (-1.6, 0.0)),
}


@dataclass(frozen=True)
class PlotPoint:
    """One pair; ``title`` is what its tip says."""

    predicted: float
    observed: float
    title: str


@dataclass(frozen=True)
class PlotSeries:
    """The pairs of one forecast."""

    name: str
    style: MarkerStyle
    points: Sequence[PlotPoint]


def axis_range(values: Iterable[float], step: float) -> tuple[float, float]:
    """Give the common range of both axes: whole steps around all values, at least two of them.

    >>> axis_range([0.23, 0.61], 0.1)
    (0.2, 0.7)
    """
    known = list(values)
    if not known:
        return 0.0, round(10 * step, 9)
    low = math.floor(min(known) / step + 1e-9)
    high = math.ceil(max(known) / step - 1e-9)
    if high - low < 2:
        low, high = low - (2 - high + low), high
    if low < 0:
        low, high = 0, max(high, 2)
    return round(low * step, 9), round(high * step, 9)


def scatter_svg(
    series: Sequence[PlotSeries], step: float, predicted_title: str, observed_title: str, line_title: str
) -> str:
    """Give a plot of observed over predicted with the 1:1 line, as an SVG element for a page on white.

    Parameters
    ----------
    line_title
        What the legend calls the 1:1 line.
    """
    values = [value for one in series for point in one.points for value in (point.predicted, point.observed)]
    low, high = axis_range(values, step)

    def x_of(value: float) -> float:
        return _LEFT + _SIDE * (value - low) / (high - low)

    def y_of(value: float) -> float:
        return _TOP + _SIDE * (high - value) / (high - low)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" role="img" font-family="sans-serif" font-size="12" fill="{_TEXT}">',
        f"<title>{escape(f'{observed_title} / {predicted_title}')}</title>",
    ]
    bottom, right = _TOP + _SIDE, _LEFT + _SIDE
    for number in range(round((high - low) / step) + 1):
        value = low + number * step
        x, y = x_of(value), y_of(value)
        parts.append(
            f'<path d="M{x:.1f} {_TOP}V{bottom}M{_LEFT} {y:.1f}H{right}" stroke="{_GRID}" fill="none"/>'
            f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{value:g}</text>'
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>'
        )
    parts.append(
        f'<path d="M{_LEFT} {_TOP}V{bottom}H{right}" stroke="{_AXIS}" fill="none"/>'
        f'<path d="M{_LEFT} {bottom}L{right} {_TOP}" stroke="{_AXIS}" stroke-dasharray="6 4" fill="none"/>'
        f'<text x="{_LEFT + _SIDE / 2}" y="{bottom + 42}" text-anchor="middle">{escape(predicted_title)}</text>'
        f'<text transform="translate(18 {_TOP + _SIDE / 2}) rotate(-90)" text-anchor="middle">'
        f"{escape(observed_title)}</text>"
    )
    for one in series:
        parts += [
            _marker(x_of(point.predicted), y_of(point.observed), one.style, escape(point.title))
            for point in one.points
        ]
    place = right + 16
    for row, one in enumerate(series):
        y = _TOP + 12 + 20 * row
        parts.append(_marker(place, y, one.style, escape(one.name)))
        parts.append(f'<text x="{place + 14}" y="{y + 4}">{escape(one.name)}</text>')
    y = _TOP + 12 + 20 * len(series)
    parts.append(
        f'<path d="M{place - 8} {y}h16" stroke="{_AXIS}" stroke-dasharray="6 4"/>'
        f'<text x="{place + 14}" y="{y + 4}">{escape(line_title)}</text></svg>'
    )
    return "\n".join(parts)


def _marker(x: float, y: float, style: MarkerStyle, title: str) -> str:
    look = (
        f'fill="none" stroke="{style.colour}" stroke-width="1.6"'
        if style.is_open
        else f'fill="{style.colour}" stroke="#ffffff" stroke-width="0.6"'
    )
    corners = _CORNERS.get(style.marker)
    if corners is None:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_RADIUS}" {look}><title>{title}</title></circle>'
    points = " ".join(f"{x + _RADIUS * dx:.1f},{y + _RADIUS * dy:.1f}" for dx, dy in corners)
    return f'<polygon points="{points}" {look}><title>{title}</title></polygon>'

# SPDX-License-Identifier: GPL-2.0-or-later
"""Observed over predicted as a scatter plot on a matplotlib canvas; a point is a pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QKeyEvent
from qgis.PyQt.QtWidgets import QWidget

from insarhub_qgis.core.forecast_plot import COHERENCE_STEP, MarkerStyle, axis_range
from insarhub_qgis.gui.chart_canvas import ChartCanvas
from insarhub_qgis.gui.chart_style import ChartColours, say_empty, style_axes, style_legend

#: The mouse finds a point within this distance.
REACH_PX = 12.0
NO_PAIR = -1


@dataclass(frozen=True)
class ChartForecast:
    """One forecast of all pairs.

    Attributes
    ----------
    predicted, observed
        Shape (n_pairs,), NaN where the forecast knows nothing.
    """

    name: str
    style: MarkerStyle
    predicted: np.ndarray
    observed: np.ndarray


@dataclass(frozen=True)
class ChartTexts:
    """Titles of the axes, name of the 1:1 line, and what stands in place of an empty chart."""

    predicted: str = ""
    observed: str = ""
    line: str = ""
    empty: str = ""


class ForecastChart(ChartCanvas):
    """Draws what it is given; knows no job.

    Signals
    -------
    hovered(int, int)
        Numbers of the forecast and of the pair under the mouse; -1, -1 when there is none.
    picked(int)
        A pair was clicked, or chosen with the arrow keys.
    """

    hovered = pyqtSignal(int, int)
    picked = pyqtSignal(int)

    EXPORT_INCHES = (7.5, 5.5)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("insarhubForecastChart")
        self.setAccessibleName(
            self.tr("Chart of observed over predicted coherence; the table below it holds the same figures")
        )
        self.setMinimumSize(240, 200)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._forecasts: tuple[ChartForecast, ...] = ()
        self._step = COHERENCE_STEP
        self._texts = ChartTexts()
        self._selected = NO_PAIR
        self.mpl_connect("motion_notify_event", self._on_motion)
        self.mpl_connect("button_press_event", self._on_click)

    def show_forecasts(self, forecasts: Sequence[ChartForecast], step: float, texts: ChartTexts) -> None:
        """Draw forecasts of the same pairs; ``step`` is the distance of the ticks."""
        self._forecasts, self._step, self._texts = tuple(forecasts), step, texts
        self.redraw_soon()

    def select(self, pair: int) -> None:
        """Mark a pair in every forecast; `NO_PAIR` for none."""
        if pair != self._selected:
            self._selected = pair
            self.redraw_soon()

    @property
    def selected(self) -> int:
        return self._selected

    def pair_at(self, x_px: float, y_px: float) -> tuple[int, int]:
        """Give forecast and pair nearest to a place of the canvas (matplotlib's pixels); -1, -1 when none is near."""
        best, found = REACH_PX, (NO_PAIR, NO_PAIR)
        if self._axes is None:
            return found
        for number, forecast in enumerate(self._forecasts):
            places = self._axes.transData.transform(np.column_stack([forecast.predicted, forecast.observed]))
            distance = np.hypot(places[:, 0] - x_px, places[:, 1] - y_px)
            if np.isfinite(distance).any():
                nearest = int(np.nanargmin(distance))
                if distance[nearest] < best:
                    best, found = float(distance[nearest]), (number, nearest)
        return found

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right go through the pairs in order of the first forecast."""
        steps = {int(Qt.Key.Key_Left): -1, int(Qt.Key.Key_Right): 1}
        step = steps.get(int(event.key()))
        order = self._order()
        if step is None or not order:
            super().keyPressEvent(event)
            return
        place = order.index(self._selected) + step if self._selected in order else 0
        self.picked.emit(order[min(max(place, 0), len(order) - 1)])

    def _order(self) -> list[int]:
        if not self._forecasts:
            return []
        predicted = self._forecasts[0].predicted
        return [int(pair) for pair in np.argsort(predicted, kind="stable") if np.isfinite(predicted[pair])]

    def _draw(self, figure: Figure, colours: ChartColours, point_size: float, is_export: bool = False) -> Any:
        axes = figure.add_subplot()
        style_axes(axes, colours, point_size)
        values = [
            value
            for forecast in self._forecasts
            for value in (*forecast.predicted, *forecast.observed[np.isfinite(forecast.predicted)])
            if np.isfinite(value)
        ]
        if not values:
            say_empty(axes, self._texts.empty, colours, point_size)
            return None
        low, high = axis_range(values, self._step)
        axes.plot(
            [low, high],
            [low, high],
            linestyle=(0, (6, 4)),
            linewidth=1.0,
            color=colours.text,
            alpha=0.7,
            zorder=1,
            label=self._texts.line,
        )
        for forecast in self._forecasts:
            self._draw_forecast(axes, forecast, colours)
        # Room for the markers on the border.
        margin = 0.03 * (high - low)
        axes.set_xlim(low - margin, high + margin)
        axes.set_ylim(low - margin, high + margin)
        axes.set_aspect("equal", adjustable="box")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MultipleLocator(self._step))
        axes.set_xlabel(self._texts.predicted)
        axes.set_ylabel(self._texts.observed)
        if is_export:
            legend = axes.legend(fontsize=point_size, loc="upper left", bbox_to_anchor=(1.01, 1.0))
            style_legend(legend, colours)
        return axes

    def _draw_forecast(self, axes: Any, forecast: ChartForecast, colours: ChartColours) -> None:
        style = forecast.style
        look = (
            {
                "markerfacecolor": "none",
                "markeredgecolor": style.colour,
                "markeredgewidth": 1.6,
                "markersize": 11,
            }
            if style.is_open
            # An edge in the colour of the text keeps dark markers apart from a dark ground.
            else {
                "color": style.colour,
                "markeredgecolor": colours.text,
                "markeredgewidth": 0.5,
                "markersize": 7,
            }
        )
        axes.plot(
            forecast.predicted,
            forecast.observed,
            linestyle="none",
            marker=style.marker,
            zorder=3 if style.is_open else 2,
            clip_on=False,
            label=forecast.name,
            **look,
        )
        if self._selected != NO_PAIR and self._selected < len(forecast.predicted):
            axes.plot(
                forecast.predicted[self._selected],
                forecast.observed[self._selected],
                linestyle="none",
                marker="o",
                markersize=19,
                markerfacecolor="none",
                markeredgecolor=colours.text,
                markeredgewidth=1.8,
                clip_on=False,
                zorder=4,
            )

    def _on_motion(self, event: Any) -> None:
        self.hovered.emit(*self.pair_at(event.x, event.y))

    def _on_click(self, event: Any) -> None:
        _, pair = self.pair_at(event.x, event.y)
        if pair != NO_PAIR:
            self.picked.emit(pair)

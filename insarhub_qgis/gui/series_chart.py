# SPDX-License-Identifier: GPL-2.0-or-later
"""The chart of the time-series dock: series, spread, fits and residuals on a matplotlib canvas."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QWidget

from insarhub_qgis.core.series_entries import SeriesEntry, SeriesView
from insarhub_qgis.core.time_series_fit import SeriesFit
from insarhub_qgis.gui.chart_canvas import ChartCanvas
from insarhub_qgis.gui.chart_style import ChartColours, say_empty, style_axes, style_legend

CURVE_STEPS = 200


class SeriesChart(ChartCanvas):
    """Draws what it is given; knows neither files nor the map.

    Signals
    -------
    hovered(str)
        Text for the value under the mouse, empty when there is none.
    """

    hovered = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("insarhub_series_chart")
        self.setAccessibleName(
            self.tr("Chart of displacement over time; the table beside it holds the same figures")
        )
        self.setMinimumSize(200, 120)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._dates: tuple[dt.date, ...] = ()
        self._entries: tuple[SeriesEntry, ...] = ()
        self._view = SeriesView()
        self._fits: dict[str, SeriesFit] = {}
        self._residuals = False
        self._legend = False
        self._quantity = ""
        self._empty_text = ""
        self.mpl_connect("motion_notify_event", self._on_motion)

    def show_series(
        self,
        dates: Sequence[dt.date],
        entries: Sequence[SeriesEntry],
        view: SeriesView,
        fits: Mapping[str, SeriesFit],
        *,
        quantity: str,
        empty_text: str,
        residuals: bool = False,
        legend: bool = False,
    ) -> None:
        """Draw the entries; ``quantity`` is the title: what, unit, sign. The table beside is the legend, too."""
        self._dates, self._entries, self._view = tuple(dates), tuple(entries), view
        self._fits, self._residuals, self._legend = dict(fits), residuals, legend
        self._quantity, self._empty_text = quantity, empty_text
        # A reference and its date change in one go.
        self.redraw_soon()

    def _draw(self, figure: Figure, colours: ChartColours, point_size: float, is_export: bool = False) -> Any:
        axes = figure.add_subplot()
        style_axes(axes, colours, point_size)
        if not self._entries or not self._dates:
            say_empty(axes, self._empty_text, colours, point_size)
            return None
        days = date2num(self._dates)
        for entry in self._entries:
            if np.isfinite(entry.values_m).any():
                self._draw_entry(axes, entry, days)
        locator = AutoDateLocator(minticks=3, maxticks=9)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
        axes.xaxis.get_offset_text().set_color(colours.text)
        axes.xaxis.get_offset_text().set_fontsize(point_size)
        axes.axhline(0.0, color=colours.text, linewidth=0.6)
        axes.margins(x=0.02, y=0.08)
        axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))
        # Above, from the left edge: beside the axes it would be cut in a dock of little height.
        figure.suptitle(self._quantity, x=0.01, ha="left", fontsize=point_size, color=colours.text)
        if is_export:
            legend = axes.legend(fontsize=point_size, loc="upper left", bbox_to_anchor=(1.01, 1.0))
        elif self._legend:
            legend = axes.legend(
                fontsize=point_size, framealpha=0.9, loc="best", borderpad=0.3, labelspacing=0.2
            )
            legend.set_draggable(True)
        else:
            return axes
        style_legend(legend, colours)
        return axes

    def _draw_entry(self, axes: Any, entry: SeriesEntry, days: np.ndarray) -> None:
        fit = self._fits.get(entry.name)
        shown = self._view.shown(entry, self._dates)
        if self._residuals and fit is not None:
            shown = fit.residuals
        spread = self._view.spread(entry)
        if spread is not None:
            axes.fill_between(
                days, shown - spread, shown + spread, color=entry.colour, alpha=0.18, linewidth=0
            )
        axes.plot(
            days,
            shown,
            linestyle="none",
            marker=entry.marker,
            markersize=4.5,
            color=entry.colour,
            label=self._label(entry, fit),
        )
        if fit is None:
            axes.plot(days, shown, color=entry.colour, linewidth=0.8, alpha=0.6)
            return
        if fit.is_outlier.any():
            axes.plot(
                days[fit.is_outlier],
                shown[fit.is_outlier],
                linestyle="none",
                marker="x",
                markersize=8,
                color=entry.colour,
            )
        if not self._residuals:
            first, last = self._dates[0].toordinal(), self._dates[-1].toordinal()
            curve = [
                dt.date.fromordinal(day)
                for day in np.unique(np.linspace(first, last, CURVE_STEPS).astype(int))
            ]
            axes.plot(date2num(curve), fit.predict(curve), color=entry.colour, linewidth=1.4)

    def _label(self, entry: SeriesEntry, fit: SeriesFit | None) -> str:
        if fit is None or "rate" not in fit.model.names:
            return entry.name
        rate, sigma = fit.velocity
        return f"{entry.name}: {rate:+.1f} ± {sigma:.1f} {self._view.unit}/yr"

    def _on_motion(self, event: Any) -> None:
        if event.inaxes is None or not self._entries or not self._dates:
            self.hovered.emit("")
            return
        days = date2num(self._dates)
        nearest = int(np.argmin(np.abs(days - event.xdata)))
        values = []
        for entry in self._entries:
            value = self._view.shown(entry, self._dates)[nearest]
            text = f"{value:+.1f} {self._view.unit}" if np.isfinite(value) else self.tr("no data")
            values.append(f"{entry.name} {text}")
        self.hovered.emit(f"{self._dates[nearest].isoformat()}: " + ", ".join(values))

# SPDX-License-Identifier: GPL-2.0-or-later
"""One look for every chart: colours of the palette, thin axes, light grid; exports on white."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qgis.PyQt.QtCore import QCoreApplication, Qt
from qgis.PyQt.QtGui import QColor, QPalette
from qgis.PyQt.QtWidgets import QApplication, QLabel, QWidget


@dataclass(frozen=True)
class ChartColours:
    """Background, text and grid of a chart, as ``#rrggbb``."""

    background: str
    text: str
    grid: str


#: What exported pictures use, whatever the theme is.
ON_WHITE = ChartColours(background="#ffffff", text="#202020", grid="#d8d8d8")


def palette_colours() -> ChartColours:
    """Give the colours of QGIS's palette, so that charts follow the theme.

    That of a widget would not do: a theme's style sheet paints over it without changing it.
    """
    palette = QApplication.palette()
    base = palette.color(QPalette.ColorRole.Base)
    text = palette.color(QPalette.ColorRole.Text)
    mixed = [round(0.82 * a + 0.18 * b) for a, b in zip(base.getRgb()[:3], text.getRgb()[:3])]
    return ChartColours(base.name(), text.name(), "#{:02x}{:02x}{:02x}".format(*mixed))


def faint_text() -> QColor:
    """Give the colour of text that steps back; themes by style sheet leave that of disabled text bright."""
    palette = QApplication.palette()
    base = palette.color(QPalette.ColorRole.Base).getRgb()[:3]
    text = palette.color(QPalette.ColorRole.Text).getRgb()[:3]
    return QColor(*(round(0.55 * a + 0.45 * b) for a, b in zip(base, text)))


def style_axes(axes: Any, colours: ChartColours, point_size: float) -> None:
    """Dress matplotlib axes: no top and right spine, light grid, palette text."""
    axes.set_facecolor(colours.background)
    axes.figure.set_facecolor(colours.background)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(colours.text)
        spine.set_linewidth(0.8)
    axes.tick_params(colors=colours.text, labelsize=point_size, width=0.8, length=3)
    axes.grid(True, color=colours.grid, linewidth=0.6)
    axes.set_axisbelow(True)
    for label in (axes.xaxis.label, axes.yaxis.label, axes.title):
        label.set_color(colours.text)
        label.set_fontsize(point_size)


def style_legend(legend: Any, colours: ChartColours) -> None:
    """Dress a legend of matplotlib as the axes."""
    legend.get_frame().set_facecolor(colours.background)
    legend.get_frame().set_edgecolor(colours.grid)
    for text in legend.get_texts():
        text.set_color(colours.text)


def say_empty(axes: Any, text: str, colours: ChartColours, point_size: float) -> None:
    """Say in place of a chart why there is none."""
    axes.set_axis_off()
    place = {"transform": axes.transAxes, "ha": "center", "va": "center", "wrap": True}
    axes.text(0.5, 0.5, text, color=colours.text, fontsize=point_size, **place)


def missing_chart(error: ImportError, parent: QWidget) -> QLabel:
    """Give what stands in place of a chart in a QGIS without matplotlib."""
    text = QCoreApplication.translate(
        "Chart", "The chart needs matplotlib, which this QGIS lacks ({reason}). The tables work without."
    )
    label = QLabel(text.format(reason=error), parent)
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    return label


def load_fonts() -> None:
    """Draw a text, at the first of which matplotlib looks for fonts; for worker threads, because it takes long."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure()
    FigureCanvasAgg(figure)
    figure.add_subplot().set_ylabel("0")
    figure.canvas.draw()

# SPDX-License-Identifier: GPL-2.0-or-later
"""A chart on a matplotlib canvas that follows the theme, and the same chart as a picture on white."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
from matplotlib.figure import Figure
from qgis.PyQt.QtCore import QEvent, QTimer
from qgis.PyQt.QtWidgets import QSizePolicy, QWidget

from insarhub_qgis.gui.chart_style import ON_WHITE, ChartColours, palette_colours

EXPORT_DPI = 200
_EXPORT_POINT_SIZE = 10.0


class ChartCanvas(FigureCanvasQTAgg):
    """Base of the charts: a subclass draws."""

    EXPORT_INCHES = (9.0, 5.0)

    @classmethod
    def _fix_ipython_backend2gui(cls) -> None:
        """Nothing: matplotlib would keep this class for ever, and with it all of a plugin that was reloaded since."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Figure(layout="constrained"))
        self.setParent(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._axes: Any = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self.redraw)

    def redraw_soon(self) -> None:
        """Draw once after several changes in one go."""
        self._timer.start()

    def redraw(self) -> None:
        """Draw again, e.g. after a change of theme."""
        self.figure.clear()
        self._axes = self._draw(self.figure, palette_colours(), max(self.font().pointSizeF(), 7.0))
        self.draw_idle()

    def export(self, target: Path | BinaryIO, ending: str | None = None) -> None:
        """Write PNG or SVG, by the ending, on white and independent of the window's size."""
        figure = Figure(figsize=self.EXPORT_INCHES, layout="constrained")
        FigureCanvasAgg(figure)
        self._draw(figure, ON_WHITE, _EXPORT_POINT_SIZE, is_export=True)
        figure.savefig(target, format=ending, dpi=EXPORT_DPI, facecolor=ON_WHITE.background)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        changes = (QEvent.Type.PaletteChange, QEvent.Type.FontChange, QEvent.Type.StyleChange)
        if event.type() in changes and hasattr(self, "_timer"):
            self._timer.start()

    def _draw(self, figure: Figure, colours: ChartColours, point_size: float, is_export: bool = False) -> Any:
        """Draw on an empty figure, and give the axes; None when there is nothing to show."""
        raise NotImplementedError

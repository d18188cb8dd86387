# SPDX-License-Identifier: GPL-2.0-or-later
"""The graph of the network editor: draws a picture, turns mouse and keys into wishes; it changes no network itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Any, Callable, Optional

import numpy as np
from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from qgis.PyQt.QtCore import QEvent, QLineF, QPoint, QPointF, QRectF, Qt, QTimer, pyqtSignal
from qgis.PyQt.QtGui import (
    QColor,
    QContextMenuEvent,
    QFocusEvent,
    QFontMetricsF,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QPixmap,
    QPolygonF,
    QResizeEvent,
    QWheelEvent,
)
from qgis.PyQt.QtWidgets import QApplication, QSizePolicy, QWidget

from insarhub_qgis.gui.chart_style import palette_colours, style_axes
from insarhub_qgis.gui.network_view import Item, NetworkView
from insarhub_qgis.layers.network_picture import (
    DATE_SIZE,
    EXCLUDED,
    LANE_TOP,
    PAIR_STYLES,
    REMOVED_STYLE,
    NetworkPicture,
    PairStyle,
    date_fills,
    draw_dates,
    draw_degrees,
    draw_pairs,
)

WHEEL_FACTOR = 1.25
SNAP_PX = 14.0
STRIP_PX = 46
GAP_PX = 6
#: How much of the rest is left when something is in focus.
FADE_ALPHA = 185
REDRAW_MS = 30
#: Turns of the event loop before a drawing: clicks and keys that wait come first, and a layout that settles is drawn once.
TURNS_BEFORE = 2
#: Pause after new colours before all is drawn properly.
RECOLOUR_MS = 200
MANY_PAIRS = 200
LEAST_TIP_PX = 330.0


def pen_of(style: PairStyle, scale: float, colour: QColor, wider_px: float = 0.0) -> QPen:
    """Give the pen of a class of pairs; ``scale`` makes pixels of points."""
    width = style.width * scale
    pen = QPen(colour, width + wider_px)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    if style.dashes:
        pen.setDashPattern([length * scale / (width + wider_px) for length in style.dashes])
    return pen


class MetresLocator(MaxNLocator):
    """No ticks in the lane of unknown baselines: there a height means nothing."""

    lane = 0.0

    def tick_values(self, low: float, high: float) -> Any:
        ticks = super().tick_values(low, high)
        return ticks[ticks >= low + self.lane * (high - low)]


class NetworkCanvas(FigureCanvasQTAgg):
    """Graph of dates and pairs above a strip with the pairs per date.

    Signals
    -------
    hovered(object)
        `Item` under the mouse or at the keyboard, or None.
    pair_clicked(int)
        Toggle that pair.
    pair_drawn(int, int)
        A line was drawn from date to date, earlier first.
    selection_changed()
        `selected_dates` or `selected_pairs` are others.
    menu_requested(object, QPoint)
        `Item` or None, place on the screen.
    """

    hovered = pyqtSignal(object)
    pair_clicked = pyqtSignal(int)
    pair_drawn = pyqtSignal(int, int)
    selection_changed = pyqtSignal()
    menu_requested = pyqtSignal(object, QPoint)

    @classmethod
    def _fix_ipython_backend2gui(cls) -> None:
        """Nothing: matplotlib would keep this class for ever, and with it all of a plugin that was reloaded since."""

    def __init__(self, parent: QWidget | None = None) -> None:
        # Font sizes are in points: the figure counts them as Qt does.
        super().__init__(Figure(dpi=QApplication.primaryScreen().logicalDotsPerInch()))
        self.setParent(parent)
        # matplotlib gives its canvas a white palette, which would keep changes of theme away.
        self.setPalette(QPalette())
        self.setObjectName("insarhub_network_canvas")
        self.setAccessibleName(self.tr("Graph of dates and pairs; the table View Pairs holds the same"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(240, 160)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.view = NetworkView()
        self.selected_dates: set[int] = set()
        self.selected_pairs: set[int] = set()
        self.hover: Optional[Item] = None
        #: Where the keyboard is.
        self.current: Optional[Item] = None
        self.empty_text = ""
        #: Lines of the tip of an item; lines of the preview of a pair that is being drawn (from, to or None, day, m).
        self.tip_of: Callable[[Item], list[str]] = lambda _: []
        self.preview_of: Callable[[int, Optional[int], date, float], list[str]] = lambda *_: []
        self._plain = QPixmap()
        self._faded = QPixmap()
        self._colours = palette_colours()
        self._fills: list[QColor] = []
        self._artists: list[Any] = []
        self._built_for: Any = None
        self._anchor = 0
        self._mode = ""
        self._press = QPointF()
        self._at = QPointF()
        self._pressed: Optional[Item] = None
        self._is_space_down = False
        self._was_space_used = False
        self._pan_offset = QPointF()
        self._redraw_timer = QTimer(self)
        self._redraw_timer.setSingleShot(True)
        self._redraw_timer.timeout.connect(self._on_redraw_due)
        self._turns_left = 0
        self._recolour_timer = QTimer(self)
        self._recolour_timer.setSingleShot(True)
        self._recolour_timer.setInterval(RECOLOUR_MS)
        self._recolour_timer.timeout.connect(self._draw_recoloured)
        #: Lines of all pairs in pixels, and the view that they belong to.
        self._lines: list[QLineF] = []
        self._line_view: Any = None
        self.axes = self.figure.add_axes([0.1, 0.3, 0.8, 0.6])
        self.strip = self.figure.add_axes([0.1, 0.1, 0.8, 0.15], sharex=self.axes)
        for axis in (self.axes.xaxis, self.axes.yaxis, self.strip.xaxis, self.strip.yaxis):
            # The titles are texts of the figure; to find room for labels that are empty takes a tenth of a redraw.
            axis.set_label_coords(0.0, 0.0)
        self._grid = LineCollection([], linewidths=0.6, zorder=0.3, transform=self.axes.get_xaxis_transform())
        self.axes.add_collection(self._grid, autolim=False)
        self._titles = [
            self.figure.text(0, 0, text, rotation=90, ha="center", va="center")
            for text in (self.tr("Perpendicular baseline [m]"), self.tr("Pairs"))
        ]
        self._bars: list[Any] = []
        self._metres = MetresLocator(nbins=6, steps=[1, 2, 2.5, 5, 10])
        self._dress()

    # --- what is shown

    @property
    def picture(self) -> NetworkPicture:
        return self.view.picture

    def show_picture(self, picture: NetworkPicture, *, fit: bool = False) -> None:
        """Draw another state of the network; ``fit``: show everything."""
        is_other = len(picture.dates) != len(self.picture.dates) or len(picture.first) != len(
            self.picture.first
        )
        self.view.show(picture)
        self._line_view = None
        self._recolour_timer.stop()
        if is_other:
            # Positions mean something else now: nothing may point to them.
            self.hover = self._kept(self.hover)
            self.current = self._kept(self.current)
            self.selected_dates = {i for i in self.selected_dates if i < len(picture.dates)}
            self.selected_pairs = {i for i in self.selected_pairs if i < len(picture.first)}
        if fit:
            self.view.fit()
        self._rebuild()
        self.draw_idle()

    def recolour(self, pair_class: np.ndarray) -> None:
        """Show other classes of the same pairs: at once by painting over those that changed, properly when it is quiet.

        Parameters
        ----------
        pair_class
            Shape (m,), see `NetworkPicture`.
        """
        before = self.picture
        changed = np.flatnonzero(before.is_active & (before.pair_class != pair_class))
        self.view.picture = replace(before, pair_class=pair_class)
        if not len(changed):
            return
        self._recolour_timer.start()
        if self._plain.isNull() or not self.is_up_to_date:
            return
        if self._line_view != self.view.limits:
            self._lines = [QLineF(*row) for row in self.view.straight_pixels().tolist()]
            self._line_view = self.view.limits
        painter = QPainter(self._plain)
        painter.setClipRect(QRectF(*self.view.area))
        for number, style in enumerate(PAIR_STYLES):
            lines = [self._lines[i] for i in changed[pair_class[changed] == number].tolist()]
            # Thin lines without dashes are drawn ten times as fast; the drawing that follows has them.
            painter.setPen(QPen(QColor(style.colour), 0 if len(changed) > MANY_PAIRS else style.width))
            painter.drawLines(lines)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for index in range(len(self.picture.dates)):
            self._paint_date(painter, index, 0.0)
        painter.end()
        self._faded = QPixmap()
        self.update()

    def fit(self) -> None:
        """Show everything."""
        self.view.fit()
        self._redraw_soon()

    def _draw_recoloured(self) -> None:
        self._rebuild()
        self.draw_idle()

    def zoom_to(self, dates: Iterable[int]) -> None:
        """Show some dates."""
        self.view.show_dates(dates)
        self._redraw_soon()

    def select(self, dates: Iterable[int], pairs: Iterable[int], *, tell: bool = True) -> None:
        """Select dates and pairs."""
        chosen = (set(dates), set(pairs))
        if chosen == (self.selected_dates, self.selected_pairs):
            return
        self.selected_dates, self.selected_pairs = chosen
        self._compose()
        self.update()
        if tell:
            self.selection_changed.emit()

    def show_hover(self, item: Item | None) -> None:
        """Highlight what the table points at."""
        if item != self.hover:
            self.hover = item
            self.update()

    def dispose(self) -> None:
        """Free figure and pictures; the canvas is not used afterwards."""
        self._redraw_timer.stop()
        self._recolour_timer.stop()
        self.tip_of, self.preview_of = (lambda _: []), (lambda *_: [])
        self.figure.clear()
        self._plain, self._faded = QPixmap(), QPixmap()

    # --- drawing

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        changes = (QEvent.Type.PaletteChange, QEvent.Type.FontChange, QEvent.Type.StyleChange)
        if event.type() in changes and hasattr(self, "_bars"):
            self._dress()
            self._arrange()
            self._rebuild()
            self.draw_idle()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if hasattr(self, "_bars"):
            self._arrange()

    @property
    def is_up_to_date(self) -> bool:
        """No drawing waits."""
        return not self._redraw_timer.isActive()

    def draw_idle(self, *_: Any, **__: Any) -> None:
        """Draw everything soon; meanwhile the former drawing stays."""
        self._turns_left = TURNS_BEFORE
        if not self._redraw_timer.isActive():
            self._redraw_timer.start(0)

    def _on_redraw_due(self) -> None:
        if self._turns_left > 1:
            self._turns_left -= 1
            self._redraw_timer.start(0)
        else:
            self.draw()

    def draw(self) -> None:
        """Draw everything now; highlights come on top in `paintEvent`."""
        self._redraw_timer.stop()
        self._turns_left = 0
        self._pan_offset = QPointF()
        self._place_artists()
        super().draw()
        self._compose()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._plain.isNull() and self.is_up_to_date:
            self.draw()
        painter = QPainter(self)
        try:
            if self._plain.isNull():
                painter.fillRect(self.rect(), QColor(self._colours.background))
            else:
                self._paint(painter)
        finally:
            # An error that left it open would end QGIS with the next stroke of another widget.
            painter.end()

    def _paint(self, painter: QPainter) -> None:
        item = self._shown_item()
        is_focus = (item is not None and item.is_date) or self._mode == "draw"
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.drawPixmap(0, 0, self._faded_picture() if is_focus else self._plain)
        if not self._pan_offset.isNull():
            self._paint_moved(painter)
        painter.save()
        painter.setClipRect(QRectF(*self.view.area).adjusted(-6, -6, 6, 6))
        if self._mode == "draw" and isinstance(self._pressed, Item):
            self._paint_drawing(painter, self._pressed.index)
        elif item is not None and self._pan_offset.isNull():
            self._paint_item(painter, item)
        if self._mode == "box":
            self._paint_box(painter)
        painter.restore()
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self._highlight(), 1.0))
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))
        if self._mode == "draw" and isinstance(self._pressed, Item):
            self._paint_tip(painter, self._preview_lines(self._pressed.index), self._at)
        elif item is not None and self._mode == "" and self._pan_offset.isNull():
            place = self._at if item == self.hover and self.underMouse() else self._place_of(item)
            self._paint_tip(painter, self.tip_of(item), place)
        if not self.picture.dates:
            painter.setPen(self._text())
            painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter), self.empty_text)

    def _dress(self) -> None:
        colours = self._colours = palette_colours()
        points = max(self.font().pointSizeF() - 1.0, 7.0)
        for axes in (self.axes, self.strip):
            style_axes(axes, colours, points)
        # Ticks cost as much as all pairs: the lines at the labelled dates are one collection.
        self.axes.xaxis.set_visible(False)
        self._grid.set_color(colours.grid)
        self.axes.yaxis.set_major_locator(self._metres)
        self.strip.yaxis.set_major_locator(MaxNLocator(nbins=2, integer=True, steps=[1, 2, 5, 10]))
        self.strip.grid(False)
        for title in self._titles:
            title.set(color=colours.text, fontsize=points)
        metrics = QFontMetricsF(self.font())
        self._label_px = metrics.horizontalAdvance("2020-00-00") + 12.0
        self._line_px = metrics.height()

    def _arrange(self) -> None:
        """Lay the axes out in whole pixels, whatever the size of the window."""
        width, height = max(self.width(), 1), max(self.height(), 1)
        left, right, top = 4.0 * self._line_px, 12.0, 8.0
        below = self._line_px + 10.0
        strip_top = height - below - STRIP_PX
        area = (left, top, width - left - right, strip_top - GAP_PX - top)
        self.view.set_area(*area)
        self.axes.set_position(
            [left / width, 1.0 - (top + area[3]) / height, area[2] / width, area[3] / height]
        )
        self.strip.set_position([left / width, below / height, area[2] / width, STRIP_PX / height])
        for axes, title in zip((self.axes, self.strip), self._titles):
            box = axes.get_position()
            title.set_position((0.55 * self._line_px / width, box.y0 + box.height / 2))
        self._titles[0].set_visible(area[3] > 10 * self._line_px)

    def _rebuild(self) -> None:
        """Make the artists of the present picture instead of the former ones."""
        for artist in self._artists:
            artist.remove()
        colours = self._colours
        view, picture = self.view, self.picture
        self._fills = [QColor(fill) for fill in date_fills(picture, picture.degree, colours.background)]
        self._bars = draw_degrees(self.strip, picture, colours.text)
        self._artists = [
            *draw_pairs(self.axes, picture, view.placed),
            *draw_dates(self.axes, picture, view.heights, colours.text, colours.background),
            *self._bars,
        ]
        self._metres.lane = LANE_TOP if picture.has_unknown_bperp else 0.0
        if picture.has_unknown_bperp:
            self._artists += self._lane(colours.text)
        highest = int(picture.degree.max()) if len(picture.dates) else 0
        self.strip.set_ylim(0, max(highest, picture.min_degree) + 1)
        self._built_for = view.y_limits

    def _lane(self, text: str) -> list[Any]:
        """Set the lane of unknown baselines off from the axis."""
        shade = self.axes.axhspan(0, 1, facecolor=text, alpha=0.07, linewidth=0, zorder=0.4)
        corners = [[0, 0], [0, LANE_TOP], [1, LANE_TOP], [1, 0], [0, 0]]
        shade.set_transform(self.axes.transAxes)
        shade.set_xy(corners)
        note = self.axes.text(
            0.004, LANE_TOP + 0.01, self.tr("baseline unknown"), transform=self.axes.transAxes,
            color=text, fontsize=max(self.font().pointSizeF() - 2.0, 6.0), va="bottom", alpha=0.8,
        )  # fmt: skip
        return [shade, note]

    def _place_artists(self) -> None:
        """Follow the view: in days and metres most artists stay as they are."""
        view, picture = self.view, self.picture
        # Only dates of unknown baseline move with the view.
        if self._built_for != view.y_limits and picture.has_unknown_bperp:
            self._rebuild()
        self.axes.set_xlim(*view.x_limits)
        self.axes.set_ylim(*view.y_limits)
        labelled = view.labelled_dates(self._label_px)
        days = [float(picture.days[i]) for i in labelled]
        self.strip.set_xticks(days, [picture.dates[i].isoformat() for i in labelled])
        self._grid.set_segments([((day, 0.0), (day, 1.0)) for day in days])
        bar_px = 8.0
        if len(picture.days) > 1:
            gap = max(float(np.median(np.diff(picture.days))), 1.0)
            bar_px = min(max(0.6 * gap / (view.x_limits[1] - view.x_limits[0]) * view.area[2], 1.0), 10.0)
        if self._artists:
            self._bars[0].set_linewidth(bar_px / self._pixels_per_point())

    def _compose(self) -> None:
        """Keep the drawn figure, with the selection in it, as the background of all highlights."""
        if not hasattr(self, "renderer"):
            return
        buffer = np.asarray(self.buffer_rgba())
        height, width = buffer.shape[:2]
        image = QImage(buffer.data, width, height, 4 * width, QImage.Format.Format_RGBA8888)
        image.setDevicePixelRatio(self.device_pixel_ratio)
        self._plain = QPixmap.fromImage(image)
        self._plain.setDevicePixelRatio(self.device_pixel_ratio)
        self._faded = QPixmap()
        if self.selected_dates or self.selected_pairs:
            painter = QPainter(self._plain)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setClipRect(QRectF(*self.view.area))
            self._paint_selection(painter)
            painter.end()

    def _faded_picture(self) -> QPixmap:
        if self._faded.isNull():
            self._faded = self._plain.copy()
            self._faded.setDevicePixelRatio(self.device_pixel_ratio)
            veil = QColor(self._colours.background)
            veil.setAlpha(FADE_ALPHA)
            painter = QPainter(self._faded)
            painter.fillRect(QRectF(*self.view.area), veil)
            painter.end()
        return self._faded

    def _paint_moved(self, painter: QPainter) -> None:
        """Show the content where it is being dragged to, until it is drawn anew."""
        background = QColor(self._colours.background)
        left, top, width, height = self.view.area
        strip = QRectF(left, top + height + GAP_PX, width, self.height() - top - height - GAP_PX)
        for area, offset in (
            (QRectF(left, top, width, height), self._pan_offset),
            (strip, QPointF(self._pan_offset.x(), 0.0)),
        ):
            painter.save()
            painter.setClipRect(area)
            painter.fillRect(area, background)
            source = QRectF(
                area.x() * self.device_pixel_ratio, area.y() * self.device_pixel_ratio,
                area.width() * self.device_pixel_ratio, area.height() * self.device_pixel_ratio,
            )  # fmt: skip
            painter.drawPixmap(area.translated(offset), self._plain, source)
            painter.restore()

    def _paint_selection(self, painter: QPainter) -> None:
        colour = self._highlight()
        colour.setAlpha(150)
        pen = QPen(colour, 6.0)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if len(self.selected_pairs) > MANY_PAIRS:
            # Round and smooth, thousands take a second; among so many nobody sees the difference.
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            painter.setPen(pen)
        chosen = np.array(sorted(self.selected_pairs), dtype=np.intp)
        is_arc = self.picture.is_arc[chosen]
        painter.drawLines([QLineF(*ends) for ends in self.view.straight_pixels()[chosen[~is_arc]].tolist()])
        for index in chosen[is_arc].tolist():
            painter.drawPolyline(self._polyline(index))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(QPen(self._highlight(), 2.5))
        for index in self.selected_dates:
            painter.drawEllipse(QPointF(*self.view.date_pixels[index]), 8.0, 8.0)

    def _paint_item(self, painter: QPainter, item: Item) -> None:
        if item.is_date:
            pairs = np.flatnonzero((self.picture.first == item.index) | (self.picture.second == item.index))
            active = self.picture.is_active[pairs]
            for index in (*pairs[~active], *pairs[active]):
                self._paint_pair(painter, int(index), 0.8)
            near = set(self.picture.first[pairs[active]]) | set(self.picture.second[pairs[active]])
            for index in near - {item.index}:
                self._paint_date(painter, int(index), 0.0)
            self._paint_date(painter, item.index, 2.0)
            return
        self._paint_pair(painter, item.index, 2.2)
        for index in (self.picture.first[item.index], self.picture.second[item.index]):
            self._paint_date(painter, int(index), 1.5)

    def _paint_pair(self, painter: QPainter, index: int, wider: float) -> None:
        is_active = bool(self.picture.is_active[index])
        style = PAIR_STYLES[self.picture.pair_class[index]] if is_active else REMOVED_STYLE
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(pen_of(style, self._pixels_per_point(), QColor(style.colour), wider))
        painter.drawPolyline(self._polyline(index))

    def _paint_date(self, painter: QPainter, index: int, wider: float) -> None:
        radius = np.sqrt(DATE_SIZE) / 2 * self._pixels_per_point() + wider
        place = QPointF(*self.view.date_pixels[index])
        painter.setPen(QPen(self._text(), 1.0 + wider / 2))
        if self.picture.is_excluded[index]:
            painter.setPen(QPen(QColor(EXCLUDED), 2.0 + wider / 2))
            offset = QPointF(radius, radius)
            painter.drawLine(place - offset, place + offset)
            offset.setY(-offset.y())
            painter.drawLine(place - offset, place + offset)
            return
        painter.setBrush(self._fills[index])
        painter.drawEllipse(place, radius, radius)

    def _paint_drawing(self, painter: QPainter, start: int) -> None:
        target = self._snapped(start)
        end = QPointF(*self.view.date_pixels[target]) if target is not None else self._at
        painter.setPen(QPen(self._highlight(), 2.0, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(*self.view.date_pixels[start]), end)
        self._paint_date(painter, start, 2.0)
        if target is not None:
            self._paint_date(painter, target, 2.5)

    def _paint_box(self, painter: QPainter) -> None:
        colour = self._highlight()
        painter.setPen(QPen(colour, 1.0))
        colour.setAlpha(40)
        painter.setBrush(colour)
        painter.drawRect(QRectF(self._press, self._at).normalized())

    def _paint_tip(self, painter: QPainter, lines: list[str], place: QPointF) -> None:
        """Write beside a place; a tip of the window system would come late and lag behind."""
        if not lines:
            return
        font = painter.font()
        bold = painter.font()
        bold.setBold(True)
        fonts = [bold, *([font] * (len(lines) - 1))]
        # Names of scenes are long: what they would cover is what the tip is about.
        widest = max(0.45 * self.width(), LEAST_TIP_PX)
        middle = Qt.TextElideMode.ElideMiddle
        lines = [QFontMetricsF(used).elidedText(line, middle, widest) for used, line in zip(fonts, lines)]
        widths = [QFontMetricsF(used).horizontalAdvance(line) for used, line in zip(fonts, lines)]
        line_px = QFontMetricsF(font).lineSpacing()
        box = QRectF(0, 0, max(widths) + 14.0, line_px * len(lines) + 9.0)
        x = (
            place.x() + 14.0
            if place.x() + 14.0 + box.width() < self.width()
            else place.x() - 14.0 - box.width()
        )
        y = (
            place.y() + 14.0
            if place.y() + 14.0 + box.height() < self.height()
            else place.y() - 14.0 - box.height()
        )
        box.moveTo(max(x, 2.0), max(y, 2.0))
        palette = QApplication.palette()
        back, front = QColor(self._colours.background), QColor(self._colours.text)
        back.setAlpha(242)
        painter.setPen(QPen(palette.color(QPalette.ColorRole.Mid), 1.0))
        painter.setBrush(back)
        painter.drawRoundedRect(box, 3.0, 3.0)
        painter.setPen(front)
        for row, (used, line) in enumerate(zip(fonts, lines)):
            painter.setFont(used)
            base = box.top() + 4.5 + row * line_px + QFontMetricsF(used).ascent()
            painter.drawText(QPointF(box.left() + 7.0, base), line)

    # --- mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._press = self._at = _place(event)
        if self._mode:
            return
        left = event.button() == Qt.MouseButton.LeftButton
        if event.button() == Qt.MouseButton.MiddleButton or (left and self._is_space_down):
            self._was_space_used = self._is_space_down
            self._begin("pan", Qt.CursorShape.ClosedHandCursor)
        elif left and event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._begin("box", Qt.CursorShape.CrossCursor)
        elif left:
            self._pressed = self.view.hit(self._press.x(), self._press.y())
            self._begin("press", None)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        before, self._at = self._at, _place(event)
        if self._mode == "pan":
            self._pan(self._at - before)
            return
        if self._mode == "press":
            moved = (self._at - self._press).manhattanLength() >= QApplication.startDragDistance()
            if not moved or self._pressed is None or not self._pressed.is_date:
                return
            self._mode = "draw"
            self.setCursor(Qt.CursorShape.CrossCursor)
        if self._mode in ("draw", "box"):
            self.update()
            return
        self._set_hover(self.view.hit(self._at.x(), self._at.y()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._at = _place(event)
        mode, self._mode = self._mode, ""
        pressed, self._pressed = self._pressed, None
        self.unsetCursor()
        if mode == "box":
            dates, pairs = self.view.inside(self._press.x(), self._press.y(), self._at.x(), self._at.y())
            if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
                dates, pairs = dates | self.selected_dates, pairs | self.selected_pairs
            self.select(dates, pairs)
        elif mode == "draw" and pressed is not None:
            target = self._snapped(pressed.index)
            if target is not None:
                self.pair_drawn.emit(*sorted((pressed.index, target)))
        elif mode == "press":
            self._click(pressed, bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier))
        self._set_hover(self.view.hit(self._at.x(), self._at.y()))
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        if not self._mode:
            self._set_hover(None)

    def enterEvent(self, event: QEvent) -> None:
        """Nothing: the first move tells where the mouse is."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        place = event.position()
        steps = event.angleDelta().y() / 120.0
        if steps and self.view.contains(place.x(), place.y()):
            self.view.zoom(place.x(), place.y(), WHEEL_FACTOR**steps)
            self._at = QPointF(place)
            self._redraw_soon()
            if not self._mode:
                self._set_hover(self.view.hit(place.x(), place.y()))
        event.accept()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self._mode:
            return
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            item = self.current
            place = self._place_of(item) if item is not None else QPointF(self.rect().center())
            self.menu_requested.emit(item, self.mapToGlobal(place.toPoint()))
        else:
            item = self.view.hit(event.pos().x(), event.pos().y())
            self.menu_requested.emit(item, event.globalPos())
        event.accept()

    def _click(self, item: Item | None, is_more: bool) -> None:
        self.current = item
        if item is None:
            if not is_more:
                self.select((), ())
        elif item.is_date:
            dates = self.selected_dates ^ {item.index} if is_more else {item.index}
            self.select(dates, self.selected_pairs if is_more else ())
        elif is_more:
            self.select(self.selected_dates, self.selected_pairs ^ {item.index})
        else:
            self.pair_clicked.emit(item.index)

    def _begin(self, mode: str, cursor: Any) -> None:
        self._mode = mode
        if cursor is not None:
            self.setCursor(cursor)

    def _pan(self, by: QPointF) -> None:
        self._pan_offset += by
        self.view.pan(by.x(), by.y())
        self._redraw_soon()
        self.update()

    def _redraw_soon(self) -> None:
        if not self._redraw_timer.isActive():
            self._redraw_timer.start(REDRAW_MS)

    def _snapped(self, start: int) -> int | None:
        target = self.view.date_at(self._at.x(), self._at.y(), SNAP_PX)
        return None if target is None or target == start else target

    def _preview_lines(self, start: int) -> list[str]:
        day, metres = self.view.value_at(self._at.x(), self._at.y())
        # Days of matplotlib count from 1970-01-01.
        there = date.fromordinal(date(1970, 1, 1).toordinal() + round(day))
        return self.preview_of(start, self._snapped(start), there, metres)

    def _set_hover(self, item: Item | None) -> None:
        if item == self.hover:
            if item is not None:
                self.update()
            return
        self.hover = item
        self.setCursor(Qt.CursorShape.PointingHandCursor if item else Qt.CursorShape.ArrowCursor)
        self.update()
        self.hovered.emit(item)

    def abort(self) -> bool:
        """Give up drawing a pair, a box or panning; False when nothing went on."""
        if not self._mode:
            return False
        self._mode, self._pressed = "", None
        self.unsetCursor()
        self.update()
        return True

    # --- keys

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self._is_space_down, self._was_space_used = True, False
            return
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._activate()
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self._walk_dates(1 if key == Qt.Key.Key_Right else -1)
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._walk_pairs(1 if key == Qt.Key.Key_Down else -1)
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_F):
            self.fit()
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            left, top, width, height = self.view.area
            place = (
                self._place_of(self.current) if self.current else QPointF(left + width / 2, top + height / 2)
            )
            self.view.zoom(place.x(), place.y(), WHEEL_FACTOR ** (-1 if key == Qt.Key.Key_Minus else 1))
            self._redraw_soon()
        elif key == Qt.Key.Key_Escape and self.abort():
            pass
        elif key == Qt.Key.Key_Escape and (self.selected_dates or self.selected_pairs or self.current):
            self._set_current(None)
            self.select((), ())
        else:
            # Qt's own handling, not matplotlib's: what is not ours goes on to the dock.
            event.ignore()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() != Qt.Key.Key_Space:
            event.ignore()
        elif not event.isAutoRepeat():
            if self._is_space_down and not self._was_space_used:
                self._activate()
            self._is_space_down = False

    def focusInEvent(self, event: QFocusEvent) -> None:
        if event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason):
            last = len(self.picture.dates) - 1
            if self.current is None and last >= 0:
                is_forward = event.reason() == Qt.FocusReason.TabFocusReason
                self._set_current(Item(True, 0 if is_forward else last))
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._is_space_down = False
        self.update()

    def focusNextPrevChild(self, is_next: bool) -> bool:
        """Walk the dates with Tab; past the last one the focus goes on, so nobody is caught here."""
        if self.hasFocus() and self.picture.dates:
            start = self.current.index if self.current is not None and self.current.is_date else None
            if start is None and self.current is not None:
                ends = (self.picture.first[self.current.index], self.picture.second[self.current.index])
                start = int(ends[0] if is_next else ends[1])
            target = (
                (0 if is_next else len(self.picture.dates) - 1)
                if start is None
                else start + (1 if is_next else -1)
            )
            if 0 <= target < len(self.picture.dates):
                self._set_current(Item(True, target))
                return True
        return QWidget.focusNextPrevChild(self, is_next)

    def _activate(self) -> None:
        if self.current is None:
            return
        if self.current.is_date:
            self.select(self.selected_dates ^ {self.current.index}, self.selected_pairs)
        else:
            self.pair_clicked.emit(self.current.index)

    def _walk_dates(self, step: int) -> None:
        count = len(self.picture.dates)
        if not count:
            return
        if self.current is None:
            self._set_current(Item(True, 0 if step > 0 else count - 1))
        elif self.current.is_date:
            self._set_current(Item(True, min(max(self.current.index + step, 0), count - 1)))
        else:
            ends = (self.picture.first[self.current.index], self.picture.second[self.current.index])
            self._set_current(Item(True, int(ends[1] if step > 0 else ends[0])))

    def _walk_pairs(self, step: int) -> None:
        """From a date to its pairs, then through them in order of their other date."""
        if self.current is None:
            self._walk_dates(1)
            return
        anchor = self._anchor if not self.current.is_date else self.current.index
        mine = np.flatnonzero((self.picture.first == anchor) | (self.picture.second == anchor))
        if not len(mine):
            return
        others = self.picture.first[mine] + self.picture.second[mine] - anchor
        mine = mine[np.argsort(others, kind="stable")].tolist()
        if self.current.is_date or self.current.index not in mine:
            target = mine[0 if step > 0 else -1]
        else:
            target = mine[(mine.index(self.current.index) + step) % len(mine)]
        self._set_current(Item(False, target), anchor)

    def _set_current(self, item: Item | None, anchor: int | None = None) -> None:
        self.current = item
        if item is not None:
            self._anchor = anchor if anchor is not None else item.index
            self._bring_into_view(item)
            self.setAccessibleDescription("\n".join(self.tip_of(item)))
        self.hover = None
        self.update()
        self.hovered.emit(item)

    def _bring_into_view(self, item: Item) -> None:
        place = self._place_of(item)
        left, top, width, height = self.view.area
        dx = min(max(place.x(), left + 8), left + width - 8) - place.x()
        dy = min(max(place.y(), top + 8), top + height - 8) - place.y()
        if dx or dy:
            self.view.pan(dx, dy)
            self._redraw_soon()

    # --- small answers

    def _shown_item(self) -> Item | None:
        """What is highlighted: under the mouse, else where the keyboard is."""
        if self._mode in ("pan", "box"):
            return None
        return self.hover or (self.current if self.hasFocus() else None)

    def _kept(self, item: Item | None) -> Item | None:
        count = len(self.picture.dates if item and item.is_date else self.picture.first)
        return item if item is not None and item.index < count else None

    def _place_of(self, item: Item) -> QPointF:
        places = self.view.date_pixels if item.is_date else self.view.middle_pixels
        return QPointF(*places[item.index])

    def _polyline(self, index: int) -> QPolygonF:
        return QPolygonF([QPointF(x, y) for x, y in self.view.line_pixels(index)])

    def _pixels_per_point(self) -> float:
        return self._logical_dpi() / 72.0

    def _logical_dpi(self) -> float:
        return float(self.figure.dpi) / self.device_pixel_ratio

    def _highlight(self) -> QColor:
        return QApplication.palette().color(QPalette.ColorRole.Highlight)

    def _text(self) -> QColor:
        return QColor(self._colours.text)


def _place(event: QMouseEvent) -> QPointF:
    """Give the logical pixel of an event, in Qt5 and Qt6."""
    return event.position() if hasattr(event, "position") else QPointF(event.localPos())

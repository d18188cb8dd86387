# SPDX-License-Identifier: GPL-2.0-or-later
"""Which part of a network is seen, where its dates and pairs lie on the screen, and what a pixel hits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Optional

import numpy as np

from insarhub_qgis.layers.network_picture import NetworkPicture, PlacedPairs

PICK_RADIUS_PX = 8.0
MIN_DAYS, MIN_METRES = 2.0, 1.0
#: How much larger than everything the view may get.
MAX_ZOOM_OUT = 4.0


class Item(NamedTuple):
    """A date or a pair by its position in the picture."""

    is_date: bool
    index: int


class NetworkView:
    """View limits and pixel places of one picture; pixels are logical, y counts down.

    Everything in pixels is computed once per view, so that a hit test is a handful of array operations.
    """

    def __init__(self) -> None:
        self.area = (0.0, 0.0, 1.0, 1.0)
        self.x_limits, self.y_limits = (0.0, 1.0), (-1.0, 1.0)
        empty = NetworkPicture.from_values(
            (), (), (), (), is_active=(), is_relaxed=(), is_manual=(), is_excluded=()
        )
        self.placed = PlacedPairs.of(empty, empty.bperp_m, *self.y_limits)
        self.show(empty)

    # --- what is seen

    def show(self, picture: NetworkPicture) -> None:
        """Take another picture; the limits stay."""
        self.picture = picture
        self._place()

    def set_area(self, left: float, top: float, width: float, height: float) -> None:
        """Say where the axes are in the widget."""
        self.area = (left, top, max(width, 1.0), max(height, 1.0))
        self._place()

    def fit(self) -> None:
        """Show everything."""
        self.x_limits, self.y_limits = self.picture.limits()
        self._place()

    def zoom(self, x: float, y: float, factor: float) -> None:
        """Zoom by ``factor`` (> 1: closer) about a pixel."""
        whole = self.picture.limits()
        limits = []
        for place, now, everything, least in zip(
            self.value_at(x, y), (self.x_limits, self.y_limits), whole, (MIN_DAYS, MIN_METRES)
        ):
            span = now[1] - now[0]
            most = MAX_ZOOM_OUT * (everything[1] - everything[0])
            new = min(max(span / factor, least), most)
            low = place - (place - now[0]) * new / span
            limits.append((low, low + new))
        self.x_limits, self.y_limits = limits
        self._place()

    def pan(self, dx: float, dy: float) -> None:
        """Move the content by pixels."""
        _, _, width, height = self.area
        days = dx * (self.x_limits[1] - self.x_limits[0]) / width
        metres = dy * (self.y_limits[1] - self.y_limits[0]) / height
        self.x_limits = (self.x_limits[0] - days, self.x_limits[1] - days)
        self.y_limits = (self.y_limits[0] + metres, self.y_limits[1] + metres)
        self._place()

    def show_dates(self, indices: Iterable[int]) -> None:
        """Zoom to some dates, with room around them."""
        chosen = np.array(sorted(set(indices)), dtype=np.intp)
        if not len(chosen):
            return
        days = self.picture.days[chosen]
        known = self.picture.bperp_m[chosen]
        known = known[~np.isnan(known)]
        half = max(float(days.max() - days.min()) * 0.7, 30.0)
        middle = float(days.max() + days.min()) / 2
        self.x_limits = (middle - half, middle + half)
        if len(known):
            whole = self.picture.limits()[1]
            half = max(float(known.max() - known.min()) * 0.8, 0.2 * (whole[1] - whole[0]))
            middle = float(known.max() + known.min()) / 2
            self.y_limits = (middle - half, middle + half)
        self._place()

    # --- pixels

    def value_at(self, x: float, y: float) -> tuple[float, float]:
        """Give day and metres of a pixel."""
        left, top, width, height = self.area
        day = self.x_limits[0] + (x - left) / width * (self.x_limits[1] - self.x_limits[0])
        metres = self.y_limits[1] - (y - top) / height * (self.y_limits[1] - self.y_limits[0])
        return day, metres

    def to_pixels(self, points: np.ndarray) -> np.ndarray:
        """Give the pixels of (..., 2) days and metres."""
        left, top, width, height = self.area
        x = left + (points[..., 0] - self.x_limits[0]) / (self.x_limits[1] - self.x_limits[0]) * width
        y = top + (self.y_limits[1] - points[..., 1]) / (self.y_limits[1] - self.y_limits[0]) * height
        return np.stack([x, y], axis=-1)

    def line_pixels(self, index: int) -> list[list[float]]:
        """Give the pixels along a pair: its two dates, or the steps of its arc."""
        if self.picture.is_arc[index]:
            return self.to_pixels(self.placed.line(index)).tolist()
        ends = (self.picture.first[index], self.picture.second[index])
        return self.date_pixels[ends, :].tolist()

    def contains(self, x: float, y: float) -> bool:
        left, top, width, height = self.area
        return left <= x <= left + width and top <= y <= top + height

    def date_at(self, x: float, y: float, radius: float = PICK_RADIUS_PX) -> Optional[int]:
        """Give the nearest date within the pick radius."""
        if not len(self.date_pixels):
            return None
        distance = np.hypot(self.date_pixels[:, 0] - x, self.date_pixels[:, 1] - y)
        nearest = int(distance.argmin())
        return nearest if distance[nearest] <= radius else None

    def pair_at(self, x: float, y: float, radius: float = PICK_RADIUS_PX) -> Optional[int]:
        """Give the pair whose line is nearest within the pick radius; of equally near ones an active one."""
        if not len(self._owner):
            return None
        to_x, to_y = x - self._start[:, 0], y - self._start[:, 1]
        along = np.clip((to_x * self._step[:, 0] + to_y * self._step[:, 1]) / self._length2, 0.0, 1.0)
        distance2 = (to_x - along * self._step[:, 0]) ** 2 + (to_y - along * self._step[:, 1]) ** 2
        # A removed pair yields to an active one that is less than a pixel farther.
        nearest = int((np.sqrt(distance2) + self._handicap).argmin())
        return int(self._owner[nearest]) if distance2[nearest] <= radius * radius else None

    @property
    def limits(self) -> tuple[float, ...]:
        """Everything that places depend on, besides the picture."""
        return (*self.area, *self.x_limits, *self.y_limits)

    def straight_pixels(self) -> np.ndarray:
        """Give both ends of every pair in pixels, (m, 4) of x, y, x, y; arcs as their chords."""
        return self.to_pixels(self.placed.straight).reshape(-1, 4)

    def hit(self, x: float, y: float) -> Optional[Item]:
        """Give what a pixel hits: dates before pairs, nothing outside the axes."""
        if not self.contains(x, y):
            return None
        index = self.date_at(x, y)
        if index is not None:
            return Item(True, index)
        index = self.pair_at(x, y)
        return None if index is None else Item(False, index)

    def inside(self, x0: float, y0: float, x1: float, y1: float) -> tuple[set[int], set[int]]:
        """Give the dates in a box, and the pairs that have both dates or their middle in it."""
        low, high = np.array([min(x0, x1), min(y0, y1)]), np.array([max(x0, x1), max(y0, y1)])

        def within(points: np.ndarray) -> np.ndarray:
            return ((points >= low) & (points <= high)).all(axis=-1) if len(points) else np.zeros(0, bool)

        dates = within(self.date_pixels)
        pairs = within(self.middle_pixels)
        if len(self.picture.first):
            pairs = pairs | (dates[self.picture.first] & dates[self.picture.second])
        return set(np.flatnonzero(dates).tolist()), set(np.flatnonzero(pairs).tolist())

    def labelled_dates(self, label_px: float) -> list[int]:
        """Give dates in view whose labels of that width do not overlap, evenly thinned."""
        left, _, width, _ = self.area
        x = self.date_pixels[:, 0] if len(self.date_pixels) else np.zeros(0)
        seen = np.flatnonzero((x >= left - 1) & (x <= left + width + 1))
        chosen: list[int] = []
        for index in seen.tolist():
            if not chosen or x[index] - x[chosen[-1]] >= label_px:
                chosen.append(index)
        return chosen

    def _place(self) -> None:
        picture = self.picture
        low, high = self.y_limits
        self.heights = picture.heights(low, high)
        placed = PlacedPairs.of(picture, self.heights, low, high)
        if not self.placed.is_same(placed):
            self.placed = placed
        self.date_pixels = self.to_pixels(np.column_stack([picture.days, self.heights]).reshape(-1, 2))
        self.middle_pixels = self.to_pixels(self.placed.middles())
        # Arcs are followed step by step.
        straight = self.to_pixels(self.placed.straight)
        arcs = self.to_pixels(self.placed.arcs)
        owner = np.arange(len(straight))
        if len(arcs):
            owner = np.setdiff1d(owner, self.placed.arc_pairs)
            straight = straight[owner]
        ends = np.concatenate([straight[:, 1], arcs[:, 1:].reshape(-1, 2)])
        self._start = np.concatenate([straight[:, 0], arcs[:, :-1].reshape(-1, 2)])
        self._step = ends - self._start
        self._length2 = np.maximum((self._step**2).sum(axis=1), 1e-9)
        self._owner = np.concatenate([owner, np.repeat(self.placed.arc_pairs, arcs.shape[1] - 1)])
        self._handicap = np.where(picture.is_active[self._owner], 0.0, 0.9)

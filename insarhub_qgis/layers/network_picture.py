# SPDX-License-Identifier: GPL-2.0-or-later
"""A network as arrays, and how its dates, pairs and degrees are drawn: the same in the editor and in the image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.dates import date2num
from matplotlib.path import Path

from insarhub_qgis.core.network_model import StackNetwork
from insarhub_qgis.core.stack_file import GREEN, YELLOW

GOOD, MODERATE, POOR, NOT_JUDGED = range(4)
#: Steps of an arc between two dates of unknown baseline.
ARC_POINTS = 13
#: Where the dates of unknown baseline lie, as a part of the height, counted from the bottom.
LANE = 0.05
#: Height of the lane that is kept free for them.
LANE_TOP = 0.10


@dataclass(frozen=True)
class PairStyle:
    """Colour, dashes (lengths in points, empty: solid) and width (points) of a class of pairs."""

    colour: str
    dashes: tuple[float, ...]
    width: float


#: By class; colours never stand alone, the line style says the same.
PAIR_STYLES = (
    PairStyle("#2e9e4f", (), 1.8),
    PairStyle("#d9a400", (7.0, 2.5, 1.5, 2.5), 1.6),
    PairStyle("#d23b3b", (5.0, 2.5), 1.4),
    PairStyle("#808080", (1.4, 2.0), 1.2),
)
REMOVED_STYLE = PairStyle("#808080", (3.0, 5.0), 0.8)
REMOVED_ALPHA = 0.4
DATE_SIZE = 44.0
#: Fill of a date with fewer pairs than the goal, as many, more.
BELOW, MET, ABOVE = "#f0a35e", "#7fb2e5", "#2f6fb5"
EXCLUDED = "#808080"


def class_of(score: float | None) -> int:
    """Give the class of a score of 0..100; an unknown score is not judged."""
    if score is None:
        return NOT_JUDGED
    return GOOD if score >= GREEN else MODERATE if score >= YELLOW else POOR


def picture_classes(scores: np.ndarray) -> np.ndarray:
    """Give the classes of scores, shape (n,); NaN is not judged."""
    return np.where(
        np.isnan(scores),
        NOT_JUDGED,
        np.where(scores >= GREEN, GOOD, np.where(scores >= YELLOW, MODERATE, POOR)),
    ).astype(np.int8)


@dataclass(frozen=True)
class NetworkPicture:
    """What is drawn of a network of n dates and m pairs; arrays are never changed.

    Attributes
    ----------
    days
        (n,) days as matplotlib counts them, ascending.
    bperp_m
        (n,) signed metres relative to the earliest date; NaN = unknown.
    is_excluded
        (n,) bool.
    first, second
        (m,) positions of the earlier and the later date.
    pair_class
        (m,) `GOOD`, `MODERATE`, `POOR` or `NOT_JUDGED`.
    is_active, is_relaxed, is_manual
        (m,) bool. Removed pairs are not active, and stay visible.
    min_degree
        Goal of pairs per date.
    """

    dates: tuple[date, ...]
    days: np.ndarray
    bperp_m: np.ndarray
    is_excluded: np.ndarray
    first: np.ndarray
    second: np.ndarray
    pair_class: np.ndarray
    is_active: np.ndarray
    is_relaxed: np.ndarray
    is_manual: np.ndarray
    min_degree: int = 3

    @classmethod
    def of(cls, network: StackNetwork) -> NetworkPicture:
        """Give the present state of a network; pairs in the order of ``network.pair_keys()``."""
        keys = network.pair_keys()
        marks = [network.marks[key] for key in keys]
        return cls.from_values(
            [node.date for node in network.nodes],
            [node.bperp_m for node in network.nodes],
            keys,
            [network.scores.get(key) for key in keys],
            is_active=[network.is_active(key) for key in keys],
            is_relaxed=[bool(mark.relaxed) for mark in marks],
            is_manual=[mark.is_manual for mark in marks],
            is_excluded=[node.is_excluded for node in network.nodes],
            min_degree=network.parameters.min_degree,
        )

    @classmethod
    def from_values(
        cls,
        dates: Sequence[date],
        bperp_m: Sequence[float | None],
        pairs: Sequence[tuple[int, int]],
        scores: Sequence[float | None],
        *,
        is_active: Sequence[bool],
        is_relaxed: Sequence[bool],
        is_manual: Sequence[bool],
        is_excluded: Sequence[bool],
        min_degree: int = 3,
    ) -> NetworkPicture:
        """Make the arrays from values in the order of dates and pairs."""
        ends = np.array(pairs, dtype=np.intp).reshape(-1, 2)
        return cls(
            dates=tuple(dates),
            days=np.asarray(date2num(list(dates)), dtype=np.float64).reshape(-1),
            bperp_m=np.array([np.nan if value is None else value for value in bperp_m], dtype=np.float64),
            is_excluded=np.array(is_excluded, dtype=bool),
            first=ends[:, 0],
            second=ends[:, 1],
            pair_class=np.array([class_of(score) for score in scores], dtype=np.int8),
            is_active=np.array(is_active, dtype=bool),
            is_relaxed=np.array(is_relaxed, dtype=bool),
            is_manual=np.array(is_manual, dtype=bool),
            min_degree=min_degree,
        )

    @property
    def has_unknown_bperp(self) -> bool:
        return bool(np.isnan(self.bperp_m).any())

    @cached_property
    def degree(self) -> np.ndarray:
        """(n,) active pairs per date."""
        ends = np.concatenate([self.first[self.is_active], self.second[self.is_active]])
        return np.bincount(ends, minlength=len(self.dates))

    def class_counts(self) -> tuple[int, int, int, int]:
        """Give the number of active pairs per class."""
        counts = np.bincount(self.pair_class[self.is_active], minlength=4)
        return tuple(int(count) for count in counts)  # type: ignore[return-value]

    def limits(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Give the x range in days and the y range in metres that show everything, with room for the lane."""
        if not len(self.days):
            return (0.0, 1.0), (-1.0, 1.0)
        span = max(float(self.days[-1] - self.days[0]), 12.0)
        known = self.bperp_m[~np.isnan(self.bperp_m)]
        low, high = (float(known.min()), float(known.max())) if len(known) else (-10.0, 10.0)
        height = max(high - low, 20.0)
        middle = (low + high) / 2
        low, high = middle - height * 0.57, middle + height * 0.57
        if self.has_unknown_bperp:
            low = high - (high - low) / (1 - LANE_TOP - 0.03)
        return (float(self.days[0]) - 0.03 * span, float(self.days[-1]) + 0.03 * span), (low, high)

    def heights(self, low: float, high: float) -> np.ndarray:
        """Give the y of each date, (n,) metres; unknown baselines lie in a lane at the bottom of the view."""
        return np.where(np.isnan(self.bperp_m), low + LANE * (high - low), self.bperp_m)

    @cached_property
    def is_arc(self) -> np.ndarray:
        """(m,) bool, pairs inside the lane: straight they would lie on each other."""
        unknown = np.isnan(self.bperp_m)
        return unknown[self.first] & unknown[self.second]

    def straight_lines(self, y: np.ndarray) -> np.ndarray:
        """Give both ends of every pair, (m, 2, 2) of day and metres."""
        ends = np.empty((len(self.first), 2, 2))
        for column, index in enumerate((self.first, self.second)):
            ends[:, column, 0] = self.days[index]
            ends[:, column, 1] = y[index]
        return ends

    def arcs(self, y: np.ndarray, low: float, high: float) -> np.ndarray:
        """Give the points of the pairs inside the lane, (k, `ARC_POINTS`, 2), in the order of `is_arc`."""
        ends = self.straight_lines(y)[self.is_arc]
        if not len(ends):
            return np.zeros((0, ARC_POINTS, 2))
        days = ends[:, 1, 0] - ends[:, 0, 0]
        room = (0.85 if np.isnan(self.bperp_m).all() else 0.16) * (high - low)
        top = room * np.sqrt(days / days.max())
        along = np.linspace(0.0, 1.0, ARC_POINTS)
        x = ends[:, 0, 0, None] + days[:, None] * along
        rise = ends[:, 0, 1, None] + top[:, None] * 4.0 * along * (1.0 - along)
        return np.stack([x, rise], axis=-1)


@dataclass(frozen=True)
class PlacedPairs:
    """Lines of all pairs for one view: straight ones (m, 2, 2), and arcs (k, `ARC_POINTS`, 2) for `arc_pairs`."""

    straight: np.ndarray
    arcs: np.ndarray
    arc_pairs: np.ndarray

    @classmethod
    def of(cls, picture: NetworkPicture, y: np.ndarray, low: float, high: float) -> PlacedPairs:
        return cls(picture.straight_lines(y), picture.arcs(y, low, high), np.flatnonzero(picture.is_arc))

    def line(self, index: int) -> np.ndarray:
        """Give the points of one pair."""
        at = np.searchsorted(self.arc_pairs, index)
        is_arc = at < len(self.arc_pairs) and self.arc_pairs[at] == index
        return self.arcs[at] if is_arc else self.straight[index]

    def is_same(self, other: PlacedPairs) -> bool:
        """Whether the lines are the same, whatever became of the pairs."""
        return np.array_equal(self.straight, other.straight) and np.array_equal(self.arcs, other.arcs)

    @cached_property
    def paths(self) -> list[Path]:
        """One path per pair, in their order: to make them takes as long as to draw them."""
        paths = [Path(ends) for ends in self.straight]
        for index, points in zip(self.arc_pairs.tolist(), self.arcs):
            paths[index] = Path(points)
        return paths

    def middles(self, shift: float = 0.0) -> np.ndarray:
        """Give the middle of each pair's line, (m, 2), or a point beside it, ``shift`` in parts of the length."""
        start, end = self.straight[:, 0], self.straight[:, 1]
        middles = start + (0.5 + shift) * (end - start)
        if len(self.arc_pairs):
            middles[self.arc_pairs] = self.arcs[:, ARC_POINTS // 2 + round(shift * ARC_POINTS)]
        return middles


def draw_pairs(axes: Any, picture: NetworkPicture, placed: PlacedPairs, at_once: int = 0) -> list[Any]:
    """Put one line collection per class and state on the axes, and the marks of relaxed and manual pairs.

    Parameters
    ----------
    at_once
        Lines per collection, for a worker: while one is drawn no other thread runs. 0: all in one, which is faster.
    """

    def put(chosen: np.ndarray, style: PairStyle, alpha: float, order: float) -> None:
        paths = [placed.paths[index] for index in np.flatnonzero(chosen).tolist()]
        step = at_once or len(paths)
        for start in range(0, len(paths), step):
            artists.append(_collection(axes, paths[start : start + step], style, alpha, order))

    artists: list[Any] = []
    removed = ~picture.is_active
    if removed.any():
        put(removed, REMOVED_STYLE, REMOVED_ALPHA, 1.0)
    # Good ones last: they carry the network.
    for pair_class in (NOT_JUDGED, POOR, MODERATE, GOOD):
        chosen = picture.is_active & (picture.pair_class == pair_class)
        if chosen.any():
            put(chosen, PAIR_STYLES[pair_class], 1.0, 2.0)
    # A pair can be both: its marks lie beside each other.
    for flag, marker, shift in ((picture.is_relaxed, "^", -0.05), (picture.is_manual, "D", 0.05)):
        chosen = np.flatnonzero(picture.is_active & flag)
        if len(chosen):
            colours = [PAIR_STYLES[picture.pair_class[i]].colour for i in chosen]
            artists.append(
                axes.scatter(
                    *placed.middles(shift)[chosen].T, s=26, marker=marker, c=colours, linewidths=0, zorder=2.5
                )
            )
    return artists


def draw_dates(axes: Any, picture: NetworkPicture, y: np.ndarray, text: str, background: str) -> list[Any]:
    """Put the dates on the axes: filled by degree, unpaired ones hollow, excluded ones as crosses."""
    artists: list[Any] = []
    degree = picture.degree
    used = ~picture.is_excluded
    if used.any():
        fills = date_fills(picture, degree, background)
        artists.append(
            axes.scatter(
                picture.days[used],
                y[used],
                s=DATE_SIZE,
                c=[fills[i] for i in np.flatnonzero(used)],
                edgecolors=text,
                linewidths=0.9,
                zorder=3,
            )
        )
    if picture.is_excluded.any():
        artists.append(
            axes.scatter(
                picture.days[picture.is_excluded],
                y[picture.is_excluded],
                s=DATE_SIZE,
                c=EXCLUDED,
                marker="x",
                linewidths=1.4,
                zorder=3,
            )
        )
    return artists


def date_fills(picture: NetworkPicture, degree: np.ndarray, background: str) -> list[str]:
    """Give the fill of each date."""
    goal = picture.min_degree
    return [
        background if count == 0 else BELOW if count < goal else MET if count == goal else ABOVE
        for count in degree.tolist()
    ]


def draw_degrees(axes: Any, picture: NetworkPicture, text: str, width_points: float = 5.0) -> list[Any]:
    """Put a bar of active pairs per date on the axes, and a line at the goal; x is shared with the graph."""
    degree = picture.degree
    fills = date_fills(picture, degree, EXCLUDED)
    bars = [((day, 0.0), (day, float(count))) for day, count in zip(picture.days, degree)]
    collection = LineCollection(
        bars, colors=fills, linewidths=width_points, capstyle="butt", antialiaseds=False
    )
    axes.add_collection(collection, autolim=False)
    goal = axes.axhline(picture.min_degree, color=text, linewidth=0.7, linestyle=(0, (3, 3)), zorder=0.5)
    return [collection, goal]


def _collection(
    axes: Any, paths: Sequence[Path], style: PairStyle, alpha: float, order: float
) -> PathCollection:
    # Dashes of a collection are given in units of the line's width.
    dashes = (0, tuple(length / style.width for length in style.dashes)) if style.dashes else "solid"
    collection = PathCollection(
        paths,
        facecolors="none",
        edgecolors=style.colour,
        linewidths=style.width,
        linestyles=[dashes],
        alpha=alpha,
        zorder=order,
        capstyle="butt",
    )
    axes.add_collection(collection, autolim=False)
    return collection

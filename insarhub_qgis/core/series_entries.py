# SPDX-License-Identifier: GPL-2.0-or-later
"""Points and zones of the time-series panel: their series, reference, fit, and the CSV of them."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from insarhub_qgis.core.time_series_fit import SeriesFit, TimeModel, fit_series

#: Okabe and Ito's colours: told apart with every kind of colour vision; the marker is the second carrier.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a6d00", "#555555")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
MARKER_NAMES = ("circle", "square", "triangle", "diamond", "down triangle", "plus", "cross", "star")
METRES_TO = {"mm": 1000.0, "cm": 100.0, "m": 1.0}


@dataclass(frozen=True)
class SeriesEntry:
    """One point or zone with its series as stored.

    Attributes
    ----------
    name
        Given by the user, or P1, P2, Z1...
    x, y
        Where it was asked for, in ``crs``; for a zone a point on its surface.
    row, col
        Pixel of a point; None for a zone.
    values_m
        Shape (n_dates,), metres, + toward the satellite, NaN where nothing was measured.
    spread_m
        Shape (n_dates,), 1.4826 x MAD of a zone; None for a point.
    pixel_count
        Pixels behind the series, 1 for a point.
    zone_wkt
        Polygon of a zone in ``crs``; empty for a point.
    style
        Index into `COLOURS` and `MARKERS`; stays with the entry when others go.
    """

    name: str
    x: float
    y: float
    crs: str
    row: int | None
    col: int | None
    values_m: np.ndarray
    spread_m: np.ndarray | None = None
    pixel_count: int = 1
    zone_wkt: str = ""
    style: int = 0

    @property
    def is_zone(self) -> bool:
        return bool(self.zone_wkt)

    @property
    def colour(self) -> str:
        return COLOURS[self.style % len(COLOURS)]

    @property
    def marker(self) -> str:
        return MARKERS[self.style % len(MARKERS)]

    def renamed(self, name: str) -> SeriesEntry:
        return replace(self, name=name)

    def to_json(self) -> dict[str, Any]:
        """Give what is needed to sample the entry again; the values are read anew."""
        return {
            "name": self.name,
            "x": self.x,
            "y": self.y,
            "crs": self.crs,
            "zone_wkt": self.zone_wkt,
            "style": self.style,
        }


@dataclass(frozen=True)
class SeriesView:
    """How series are shown: relative to what, in which unit, with which model.

    ``reference`` is subtracted date by date (None: as processed); ``zero_date`` is where each series is 0
    (None: the reference date of the processing). With both, the reference reads 0 on all dates.
    """

    reference: SeriesEntry | None = None
    zero_date: dt.date | None = None
    unit: str = "mm"
    model: TimeModel | None = None
    outlier_mads: float | None = None

    def shown(self, entry: SeriesEntry, dates: Sequence[dt.date]) -> np.ndarray:
        """Give the values to draw, shape (n_dates,), in ``unit``, + toward the satellite."""
        values = entry.values_m.astype(np.float64)
        if self.reference is not None:
            values = values - self.reference.values_m
        if self.zero_date is not None and self.zero_date in dates:
            values = values - values[list(dates).index(self.zero_date)]
        return values * METRES_TO[self.unit]

    def spread(self, entry: SeriesEntry) -> np.ndarray | None:
        """Give the spread of a zone in ``unit``, shape (n_dates,)."""
        return None if entry.spread_m is None else entry.spread_m * METRES_TO[self.unit]

    def fit(self, entry: SeriesEntry, dates: Sequence[dt.date]) -> SeriesFit | None:
        """Fit the model to what is shown; raises ``fit.not_enough_dates`` and ``fit.undetermined``."""
        if self.model is None:
            return None
        return fit_series(dates, self.shown(entry, dates), self.model, outlier_mads=self.outlier_mads)


def next_name(entries: Sequence[SeriesEntry], is_zone: bool) -> str:
    """Give the first free name of the form P1, P2... or Z1, Z2..."""
    taken = {entry.name for entry in entries}
    letter = "Z" if is_zone else "P"
    return next(
        f"{letter}{number}" for number in range(1, len(entries) + 2) if f"{letter}{number}" not in taken
    )


def next_style(entries: Sequence[SeriesEntry]) -> int:
    """Give the lowest style that no entry has."""
    taken = {entry.style for entry in entries}
    return next(number for number in range(len(entries) + 1) if number not in taken)


def series_csv(
    dates: Sequence[dt.date],
    entries: Sequence[SeriesEntry],
    view: SeriesView,
    fits: Mapping[str, SeriesFit],
    source: str,
) -> str:
    """Give the shown series as CSV: comment header, ISO dates, one column per entry, its spread and its fit.

    Decimal point and comma always, so that every program reads it alike.
    """
    out = io.StringIO()
    out.write(f"# source: {source}\n# unit: {view.unit}\n# sign: positive toward the satellite\n")
    reference = view.reference.name if view.reference else "as processed"
    out.write(f"# reference point: {reference}\n")
    out.write(f"# zero date: {view.zero_date.isoformat() if view.zero_date else 'as processed'}\n")
    for entry in entries:
        place = f"pixels {entry.pixel_count}" if entry.is_zone else f"row {entry.row}, column {entry.col}"
        out.write(f"# {entry.name}: x {entry.x:.3f}, y {entry.y:.3f}, {entry.crs}, {place}\n")
    writer = csv.writer(out, lineterminator="\n")
    header = ["date"]
    columns: list[np.ndarray] = []
    for entry in entries:
        header.append(entry.name)
        columns.append(view.shown(entry, dates))
        spread = view.spread(entry)
        if spread is not None:
            header.append(f"{entry.name} spread")
            columns.append(spread)
        if entry.name in fits:
            header.append(f"{entry.name} fit")
            columns.append(fits[entry.name].predict(dates))
    writer.writerow(header)
    for number, date in enumerate(dates):
        cells = [f"{column[number]:.4f}" if np.isfinite(column[number]) else "" for column in columns]
        writer.writerow([date.isoformat(), *cells])
    return out.getvalue()

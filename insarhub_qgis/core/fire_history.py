# SPDX-License-Identifier: GPL-2.0-or-later
"""Fires of an area: which share of it burned between the dates of each pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

# Runtime needs none of it, and importing it is a quarter of the start of the plugin.
if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

#: A fire up to this many days before the earlier date still changes the ground after it.
DAYS_BEFORE = 3

Floats: TypeAlias = "NDArray[np.float64]"


@dataclass(frozen=True)
class FireHistory:
    """Detections of an area in the days that were asked for.

    Attributes
    ----------
    first_day, last_day
        Days of the request, both included; outside of them nothing is known.
    days, cells
        Of each detection: ordinal of its day (`date.toordinal`), and number of its detection cell. Shape (n,).
    cell_share
        Part of the area inside one cell, by its number. Shape (n_cells,).
    """

    first_day: date
    last_day: date
    days: NDArray[np.int64]
    cells: NDArray[np.int64]
    cell_share: Floats

    def burned_shares(self, dates: Sequence[date], first: NDArray[Any], second: NDArray[Any]) -> Floats:
        """Give the share of the area that burned from three days before the earlier date to the later one.

        A cell that burned twice counts once.

        Parameters
        ----------
        first, second
            Numbers of the earlier and the later date of each pair, shape (n,).

        Returns
        -------
        ndarray
            Shape (n,), 0..1; NaN where the days of the pair were not all asked for.
        """
        ordinals = np.array([day.toordinal() for day in dates], dtype=np.int64)
        shares = np.full(len(first), np.nan)
        order = np.argsort(self.days, kind="stable")
        days, cells = self.days[order], self.cells[order]
        for number in np.unique(first).tolist():
            rows = np.flatnonzero(first == number)
            begin = ordinals[number] - DAYS_BEFORE
            if begin < self.first_day.toordinal():
                continue
            start = np.searchsorted(days, begin)
            burned, places = np.unique(cells[start:], return_index=True)
            # Of each cell the first day from `begin` on; its share counts for all later dates.
            arrival = np.argsort(places)
            total = np.concatenate(([0.0], np.cumsum(self.cell_share[burned[arrival]])))
            first_days = days[start:][places[arrival]]
            ends = ordinals[second[rows]]
            found = total[np.searchsorted(first_days, ends, side="right")]
            shares[rows] = np.where(ends <= self.last_day.toordinal(), np.minimum(found, 1.0), np.nan)
        return shares

# SPDX-License-Identifier: GPL-2.0-or-later
"""What each source of pair quality is: it knows what the cache lacks, fetches that, and keeps it step by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from insarhub_qgis.core.progress import Report
from insarhub_qgis.core.quality_files import QualityCache
from insarhub_qgis.engine.quality_area import QualityArea
from insarhub_qgis.engine.quality_http import QualityDoor

#: Names of the sources in requests.
WEATHER, LANDCOVER, VEGETATION, SNOW, FIRE = "weather", "landcover", "vegetation", "snow", "fire"


@dataclass(frozen=True)
class QualityStack:
    """The dates of a stack, where it is, and what is known of it.

    Attributes
    ----------
    days
        In order of time, each once.
    overpass_hour_utc
        Hour of the acquisitions; None when the names of the scenes do not tell.
    now
        Time of the run, with a time zone.
    """

    area: QualityArea
    days: tuple[date, ...]
    overpass_hour_utc: int | None
    cache: QualityCache
    now: datetime

    @property
    def today(self) -> date:
        return self.now.date()


class QualitySource(Protocol):
    """One service."""

    #: One of the names of this module.
    name: str

    def missing(self, stack: QualityStack) -> int:
        """Count what the cache lacks and the service may have; 0 means that nothing is asked."""

    def fetch(self, stack: QualityStack, door: QualityDoor, report: Report) -> int:
        """Fetch what is missing and save it after each answer.

        Returns
        -------
        count
            Entries that are new in the cache.

        Raises
        ------
        InsarError
            Codes of `ArchiveAdapter.send`, ``archive.bad_answer``; what came before is kept. ``run.cancelled``.
        """


def runs_of(days: Sequence[date], longest_gap_days: int, most_days: int) -> Iterator[tuple[date, date]]:
    """Group days, in order, into spans (first, last) without a gap longer than this, of at most ``most_days``.

    >>> [(str(a), str(b)) for a, b in runs_of([date(2024, 1, 1), date(2024, 1, 3), date(2024, 2, 1)], 5, 366)]
    [('2024-01-01', '2024-01-03'), ('2024-02-01', '2024-02-01')]
    """
    first: date | None = None
    last: date | None = None
    for day in days:
        if first is None or last is None:
            first = day
        elif (day - last).days > longest_gap_days or (day - first).days >= most_days:
            yield first, last
            first = day
        last = day
    if first is not None and last is not None:
        yield first, last

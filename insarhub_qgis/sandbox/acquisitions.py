# SPDX-License-Identifier: GPL-2.0-or-later
"""The simulated passes: dates, satellites, orbits and granule names, the same in products and in the catalogue."""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import dataclass

TIME_OF_DAY = datetime.time(18, 2, 11)
RELATIVE_ORBIT = 103
BURSTS = (220_001, 220_002)


@dataclass(frozen=True)
class Acquisition:
    """One simulated pass: date, satellite (``S1A``...), start time and absolute orbit.

    ``polarization`` is the code in the name, ``DV`` or ``SV``; another ``version`` of the same pass has another last field.
    """

    date: datetime.date
    satellite: str
    start: datetime.datetime
    orbit: int
    polarization: str = "DV"
    version: int = 0

    @property
    def granule(self) -> str:
        stop = self.start + datetime.timedelta(seconds=27)
        text = (
            f"{self.satellite}_IW_SLC__1S{self.polarization}_{self.start:%Y%m%dT%H%M%S}_{stop:%Y%m%dT%H%M%S}"
        )
        text = f"{text}_{self.orbit:06d}_{self.orbit * 7 % 0xFFFFFF:06X}"
        return f"{text}_{short_hash(text + '/' * self.version)}"

    def burst(self, index: int) -> str:
        text = f"S1_{BURSTS[index]}_IW{index + 1}_{self.start:%Y%m%dT%H%M%S}_VV"
        return f"{text}_{short_hash(text)}-BURST"


def short_hash(text: str) -> str:
    """Four upper-case hex digits that belong to a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:4].upper()


def acquisition(date: datetime.date, first: datetime.date) -> Acquisition:
    """The pass of a date: S1A on its 12-day cycle, S1B on the days between."""
    days = (date - first).days
    satellite, offset = ("S1A", 73) if days % 12 == 0 else ("S1B", 202)
    cycle = 175 * (days // 12 + 170)
    start = datetime.datetime.combine(date, TIME_OF_DAY) + datetime.timedelta(seconds=days % 5)
    return Acquisition(date, satellite, start, offset + RELATIVE_ORBIT - 1 + cycle)

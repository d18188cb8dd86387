# SPDX-License-Identifier: GPL-2.0-or-later
"""The simulated passes: dates, satellites, orbits and granule names, the same in products and in the catalogue."""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import dataclass

TIME_OF_DAY = datetime.time(18, 2, 11)
RELATIVE_ORBIT = 103
#: Number and sub-swath of the bursts that simulated burst products are of.
BURSTS = ((220_001, 1), (220_002, 2))
#: From the start of a burst to that of the next one in its sub-swath, as ESA's burst identifiers count.
BURST_CYCLE_S = 2.758273
#: The sub-swaths are scanned one after the other.
_SWATH_STARTS_S = {1: 0.0, 2: 0.93, 3: 1.98}
#: Burst 220002 of IW1 begins so long after its scene: near the middle of the frame.
_FIRST_START_S = 13.3


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
        """Name of one of `BURSTS`."""
        return self.burst_name(*BURSTS[index])

    def burst_start(self, number: int, swath: int) -> datetime.datetime:
        seconds = _FIRST_START_S + (number - BURSTS[1][0]) * BURST_CYCLE_S + _SWATH_STARTS_S[swath]
        return self.start + datetime.timedelta(seconds=seconds)

    def burst_name(self, number: int, swath: int, polarization: str = "VV") -> str:
        """Name of a burst; its last field is that of the scene it is cut out of."""
        start = self.burst_start(number, swath)
        return f"S1_{number:06d}_IW{swath}_{start:%Y%m%dT%H%M%S}_{polarization}_{self.granule[-4:]}-BURST"


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

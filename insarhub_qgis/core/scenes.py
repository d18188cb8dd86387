# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenes and pairs: what a granule name tells, and which of two scenes is the earlier one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from insarhub_qgis.core.errors import InsarError

_DATE_AFTER_UNDERSCORE = re.compile(r"(?<=_)\d{8}(?!\d)")
_DATE_ANYWHERE = re.compile(r"(?<!\d)\d{8}(?!\d)")
_START = re.compile(r"(?<!\d)(\d{8})T(\d{6})(?!\d)")
_PLATFORM = re.compile(r"^S1([A-D])_")
_POLARIZATION = re.compile(r"_1S(SV|SH|DV|DH)_|_(VV|VH|HH|HV)_")
_BURST = re.compile(r"^S1_(\d{6}_IW\d)_.*-BURST$")
_POLARIZATIONS = {"SV": "VV", "SH": "HH", "DV": "VV+VH", "DH": "HH+HV"}


def scene_date(name: str) -> date:
    """Give the acquisition date in a name: the first 8 digits after an underscore, else the first 8 digits.

    Runs of digits that are no date are passed over.

    Raises
    ------
    InsarError
        ``scene.no_date`` (field scene).

    Examples
    --------
    >>> scene_date("S1A_IW_SLC__1SDV_20180106T004006_20180106T004031_020027_0221EC_770D")
    datetime.date(2018, 1, 6)
    """
    for pattern in (_DATE_AFTER_UNDERSCORE, _DATE_ANYWHERE):
        for match in pattern.finditer(name):
            found = parse_date(match.group())
            if found is not None:
                return found
    raise InsarError("scene.no_date", scene=name)


def parse_date(text: str) -> date | None:
    """Read ``YYYYMMDD``; None when it is no day of the calendar."""
    try:
        return (
            date(int(text[:4]), int(text[4:6]), int(text[6:]))
            if len(text) == 8 and text.isdecimal()
            else None
        )
    except ValueError:
        return None


def scene_start(name: str) -> str | None:
    """Give the first acquisition start in a name as ``YYYYMMDDTHHMMSS`` UTC, or None."""
    match = _START.search(name)
    return match.group() if match and parse_date(match.group(1)) else None


def burst_id(name: str) -> str | None:
    """Give number and sub-swath of a burst by its name; None for another one.

    >>> burst_id("S1_220001_IW1_20200107T180010_VV_1A2B-BURST")
    '220001_IW1'
    """
    match = _BURST.match(name)
    return match.group(1) if match else None


@dataclass(frozen=True)
class Scene:
    """One acquisition, by its full granule name.

    Attributes
    ----------
    start
        UTC start ``YYYYMMDDTHHMMSS``; None for short names.
    platform, polarization
        ``S1A``, ``VV+VH``; None when the name does not tell.
    footprint_wkt
        Polygon in EPSG:4326; None unless a search gave it. The same for path and frame.
    """

    name: str
    date: date
    start: str | None = None
    platform: str | None = None
    polarization: str | None = None
    footprint_wkt: str | None = None
    path: int | None = None
    frame: int | None = None

    @classmethod
    def from_name(cls, name: str) -> Scene:
        """Read what a name tells; raises ``scene.no_date``."""
        platform = _PLATFORM.match(name)
        polarization = _POLARIZATION.search(name)
        code = (polarization.group(1) or polarization.group(2)) if polarization else None
        return cls(
            name=name,
            date=scene_date(name),
            start=scene_start(name),
            platform=f"S1{platform.group(1)}" if platform else None,
            polarization=_POLARIZATIONS.get(code, code) if code else None,
        )


# A pair database names each scene once per pair.
@lru_cache(maxsize=8192)
def acquisition_order(name: str) -> tuple[str, str]:
    """Give the sort key of scenes: acquisition time, then name; raises ``scene.no_date``."""
    return (scene_start(name) or scene_date(name).strftime("%Y%m%d"), name)


class Pair(NamedTuple):
    """Two scenes, the earlier one first. Build it with `order_pair`."""

    reference: str
    secondary: str

    @property
    def reference_date(self) -> date:
        return scene_date(self.reference)

    @property
    def secondary_date(self) -> date:
        return scene_date(self.secondary)

    @property
    def temporal_baseline_days(self) -> int:
        return (self.secondary_date - self.reference_date).days

    @property
    def pair_id(self) -> str:
        """``YYYYMMDD_YYYYMMDD``, as in product names and MintPy."""
        return f"{self.reference_date:%Y%m%d}_{self.secondary_date:%Y%m%d}"


def order_pair(one: str, other: str) -> Pair:
    """Make a pair, the earlier acquisition first and then by name; raises ``scene.no_date``."""
    is_reversed = acquisition_order(other) < acquisition_order(one)
    return Pair(other, one) if is_reversed else Pair(one, other)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Names of HyP3 interferogram products: the three grammars and what each field says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.scenes import parse_date

GAMMA = "gamma"
BURST = "burst"
MULTI_BURST = "multi_burst"

# Spacing is read as any number: the documentation shows combinations that the service's list lacks.
_GRAMMARS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        GAMMA,
        re.compile(
            r"S1(?P<reference_platform>[A-D])(?P<secondary_platform>[A-D])"
            r"_(?P<reference>\d{8}T\d{6})_(?P<secondary>\d{8}T\d{6})"
            r"_(?P<polarization>VV|VH|HH|HV)(?P<orbit>[PRO])(?P<days>\d{3,4})"
            r"_INT(?P<spacing>\d{1,4})_G_(?P<water>[wu])(?P<extent>[ec])(?P<swath>[F123])_(?P<id>[0-9A-Fa-f]{4})"
        ),
    ),
    (
        BURST,
        re.compile(
            r"S1_(?P<bursts>\d{6}_IW[1-3])_(?P<reference>\d{8})_(?P<secondary>\d{8})"
            r"_(?P<polarization>VV|VH|HH|HV)_INT(?P<spacing>\d{1,4})_(?P<id>[0-9A-Fa-f]{4})"
        ),
    ),
    (
        MULTI_BURST,
        re.compile(
            r"S1_(?P<path>\d{3})_(?P<bursts>\d{6}s1n\d{2}-\d{6}s2n\d{2}-\d{6}s3n\d{2})_IW"
            r"_(?P<reference>\d{8})_(?P<secondary>\d{8})"
            r"_(?P<polarization>VV|VH|HH|HV)_INT(?P<spacing>\d{1,4})_(?P<id>[0-9A-Fa-f]{4})"
        ),
    ),
)


@dataclass(frozen=True)
class ProductName:
    """A product name and its fields.

    Attributes
    ----------
    name
        The name itself, without folder and ending.
    reference_date, secondary_date
        As the name says them; `read_product_archive` puts the first day of an acquisition over midnight there.
    product_type
        ``gamma``, ``burst`` or ``multi_burst``.
    reference_start, secondary_start
        ``YYYYMMDDTHHMMSS`` UTC; None for bursts, whose names hold days only.
    is_water_masked, is_entire
        None where the name does not tell (bursts).
    swath
        ``F`` (full) or ``1``..``3``; for one burst its sub-swath; None for multi-bursts.
    path
        Relative orbit; only multi-burst names hold it.
    bursts
        Burst part of the name; None for GAMMA.
    orbit
        ``P`` precise, ``R`` restituted, ``O`` original; None for bursts.
    """

    name: str
    product_type: str
    reference_date: date
    secondary_date: date
    polarization: str
    pixel_spacing_m: int
    unique_id: str
    reference_start: str | None = None
    secondary_start: str | None = None
    reference_platform: str | None = None
    secondary_platform: str | None = None
    is_water_masked: bool | None = None
    is_entire: bool | None = None
    swath: str | None = None
    orbit: str | None = None
    path: int | None = None
    bursts: str | None = None

    @classmethod
    def parse(cls, text: str) -> ProductName:
        """Read a product name; a folder before it and a ``.zip`` behind it are ignored.

        Raises
        ------
        InsarError
            ``product.name`` (field name).

        Examples
        --------
        >>> ProductName.parse("S1AA_20180106T004006_20180130T004005_VVP024_INT80_G_ueF_3BEA.zip").pair_id
        '20180106_20180130'
        """
        stem = re.split(r"[/\\]", text.rstrip("/\\"))[-1]
        if stem.lower().endswith(".zip"):
            stem = stem[:-4]
        found = cls.at_start_of(stem)
        if found is None or found.name != stem:
            raise InsarError("product.name", name=stem)
        return found

    @classmethod
    def at_start_of(cls, text: str) -> ProductName | None:
        """Give the product whose name a file name begins with, e.g. that of a raster; None when none does."""
        for product_type, grammar in _GRAMMARS:
            match = grammar.match(text)
            if match is None or text[match.end() : match.end() + 1].isalnum():
                continue
            fields = match.groupdict()
            reference_date = parse_date(fields["reference"][:8])
            secondary_date = parse_date(fields["secondary"][:8])
            if reference_date is None or secondary_date is None:
                continue
            has_times = product_type == GAMMA
            swath = fields.get("swath")
            if product_type == BURST:
                swath = fields["bursts"][-1]
            return cls(
                name=match.group(),
                product_type=product_type,
                reference_date=reference_date,
                secondary_date=secondary_date,
                polarization=fields["polarization"],
                pixel_spacing_m=int(fields["spacing"]),
                unique_id=fields["id"],
                reference_start=fields["reference"] if has_times else None,
                secondary_start=fields["secondary"] if has_times else None,
                reference_platform=f"S1{fields['reference_platform']}" if has_times else None,
                secondary_platform=f"S1{fields['secondary_platform']}" if has_times else None,
                is_water_masked=fields["water"] == "w" if has_times else None,
                is_entire=fields["extent"] == "e" if has_times else None,
                swath=swath,
                orbit=fields.get("orbit"),
                path=int(fields["path"]) if fields.get("path") else None,
                bursts=fields.get("bursts"),
            )
        return None

    @property
    def pair_id(self) -> str:
        """``YYYYMMDD_YYYYMMDD``: reference and secondary day."""
        return f"{self.reference_date:%Y%m%d}_{self.secondary_date:%Y%m%d}"

    @property
    def name_by_days(self) -> str:
        """The name with `reference_date` and `secondary_date` in it; only of a multi-burst another one than ``name``."""
        if self.product_type != MULTI_BURST:
            return self.name
        parts = self.name.split("_")
        return "_".join([*parts[:4], self.pair_id, *parts[6:]])

    @property
    def temporal_baseline_days(self) -> int:
        return (self.secondary_date - self.reference_date).days

    def __str__(self) -> str:
        return self.name

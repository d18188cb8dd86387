# SPDX-License-Identifier: GPL-2.0-or-later
"""The ``.txt`` of a HyP3 product: its keys, and which of them MintPy cannot do without."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from insarhub_qgis.core.product_names import GAMMA

#: What MintPy 1.6.4 reads from every product, and with numbers it must be able to parse.
_MINTPY_KEYS = (
    "UTC time",
    "Azimuth looks",
    "Range looks",
    "Earth radius at nadir",
    "Spacecraft height",
    "Slant range near",
    "Heading",
    "Unwrapping type",
    "Baseline",
)
_MINTPY_GAMMA_KEYS = ("Reference Granule", "Reference Orbit Number")
_MINTPY_TEXT_KEYS = frozenset({"Unwrapping type", "Reference Granule"})


def _folded(key: str) -> str:
    return "".join(key.split()).lower()


@dataclass(frozen=True)
class ProductMetadata:
    """The lines ``Key: value`` of a product.

    Attributes
    ----------
    text
        The file as it was; it is copied verbatim beside the clipped rasters.
    values
        Key without blanks and in lower case -> value.
    lines_without_colon
        Numbers of the lines, from 1, that MintPy would stop at.
    """

    text: str
    values: Mapping[str, str]
    lines_without_colon: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: str) -> ProductMetadata:
        """Read the text of the file; lines without a colon are noted and passed over."""
        values: dict[str, str] = {}
        without_colon: list[int] = []
        for number, line in enumerate(text.lstrip("\ufeff").splitlines(), start=1):
            key, colon, value = line.partition(":")
            if colon:
                values.setdefault(_folded(key), value.strip())
            else:
                without_colon.append(number)
        return cls(text=text, values=values, lines_without_colon=tuple(without_colon))

    def get(self, key: str, default: str | None = None) -> str | None:
        """Give the value of a key, compared without case and blanks; empty values count as absent."""
        return self.values.get(_folded(key)) or default

    def number(self, key: str) -> float | None:
        """Give a finite number, or None when the key is absent or holds none."""
        text = self.get(key)
        try:
            value = float(text) if text is not None else math.nan
        except ValueError:
            return None
        return value if math.isfinite(value) else None

    @property
    def reference_granule(self) -> str | None:
        return self.get("Reference Granule")

    @property
    def secondary_granule(self) -> str | None:
        return self.get("Secondary Granule")

    @property
    def perpendicular_baseline_m(self) -> float | None:
        """Signed perpendicular baseline, secondary relative to reference, in metres; None when unknown."""
        return self.number("Baseline")

    @property
    def heading_deg(self) -> float | None:
        """Flight direction in degrees, clockwise from north."""
        return self.number("Heading")

    def missing_for_mintpy(self, product_type: str) -> list[str]:
        """Give the keys that MintPy 1.6.4 needs and that are absent or hold no number."""
        wanted = _MINTPY_KEYS + (_MINTPY_GAMMA_KEYS if product_type == GAMMA else ())
        return [
            key
            for key in wanted
            if (self.get(key) is None if key in _MINTPY_TEXT_KEYS else self.number(key) is None)
        ]

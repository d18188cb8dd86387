# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the pixels of a MintPy file lie on the ground: corner, step, CRS and the pixel of a point."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from insarhub_qgis.core.errors import InsarError

_UTM_ZONE = re.compile(r"^\s*(\d{1,2})\s*([A-Za-z]?)")
_SOUTHERN_BANDS = "CDEFGHJKLM"
_NORTHERN_BANDS = "NPQRSTUVWX"


@dataclass(frozen=True)
class Georeference:
    """North-up grid of a geocoded file.

    Attributes
    ----------
    x_first, y_first
        Upper-left **corner** of the first pixel, in the CRS.
    x_step, y_step
        Pixel size; ``y_step`` is negative.
    width, height
        Number of columns and rows.
    crs
        ``EPSG:n``.
    """

    x_first: float
    y_first: float
    x_step: float
    y_step: float
    width: int
    height: int
    crs: str

    @classmethod
    def from_attributes(
        cls, attributes: Mapping[str, object], width: int, height: int, file: str = ""
    ) -> Georeference:
        """Read the root attributes of a MintPy file.

        Parameters
        ----------
        attributes
            Attribute texts (numbers are accepted).
        width, height
            Shape of the datasets; the attributes WIDTH and LENGTH may be of another file.
        file
            Name for the error.

        Raises
        ------
        InsarError
            ``raster.radar_coded`` without X_FIRST or Y_FIRST, ``raster.no_crs`` when no CRS can be told.

        Source
        ------
        docs: analysis.md 6. ``mintpy.utils.utils0.utm_zone2epsg_code`` agrees for N and S.
        """
        try:
            x_first, y_first, x_step, y_step = (
                float(str(attributes[key])) for key in ("X_FIRST", "Y_FIRST", "X_STEP", "Y_STEP")
            )
        except (KeyError, ValueError) as error:
            raise InsarError("raster.radar_coded", file=file) from error
        if not (x_step > 0 > y_step and math.isfinite(x_first) and math.isfinite(y_first)):
            raise InsarError("raster.radar_coded", file=file)
        return cls(x_first, y_first, x_step, y_step, width, height, _find_crs(attributes, file))

    @property
    def geotransform(self) -> tuple[float, float, float, float, float, float]:
        """Coefficients in GDAL's order."""
        return (self.x_first, self.x_step, 0.0, self.y_first, 0.0, self.y_step)

    @property
    def epsg(self) -> int:
        return int(self.crs.split(":")[1])

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Outer edges as (x_min, y_min, x_max, y_max)."""
        return (
            self.x_first,
            self.y_first + self.y_step * self.height,
            self.x_first + self.x_step * self.width,
            self.y_first,
        )

    def pixel_at(self, x: float, y: float) -> tuple[int, int] | None:
        """Give (row, column) of the pixel that contains a point; None outside, never the nearest.

        Examples
        --------
        >>> grid = Georeference(500000.0, 2000000.0, 80.0, -80.0, 10, 5, "EPSG:32614")
        >>> grid.pixel_at(500079.9, 1999920.1)
        (0, 0)
        >>> grid.pixel_at(499999.9, 1999999.0) is None
        True
        """
        if not (math.isfinite(x) and math.isfinite(y)):
            return None
        col = math.floor((x - self.x_first) / self.x_step)
        row = math.floor((y - self.y_first) / self.y_step)
        if 0 <= row < self.height and 0 <= col < self.width:
            return row, col
        return None

    def centre_of(self, row: float, col: float) -> tuple[float, float]:
        """Give (x, y) of the centre of a pixel."""
        return self.x_first + (col + 0.5) * self.x_step, self.y_first + (row + 0.5) * self.y_step

    def is_same_grid(self, other: Georeference) -> bool:
        """Tell whether two rasters share CRS, shape and corners within a hundredth of a pixel."""
        tolerance = 0.01
        return (
            self.crs == other.crs
            and (self.width, self.height) == (other.width, other.height)
            and abs(self.x_first - other.x_first) < tolerance * self.x_step
            and abs(self.y_first - other.y_first) < tolerance * -self.y_step
            and abs(self.x_step - other.x_step) * self.width < tolerance * self.x_step
            and abs(self.y_step - other.y_step) * self.height < tolerance * -self.y_step
        )


def _find_crs(attributes: Mapping[str, object], file: str) -> str:
    epsg = str(attributes.get("EPSG", "")).strip()
    if epsg.isdigit() and int(epsg) > 0:
        return f"EPSG:{int(epsg)}"
    zone_text = str(attributes.get("UTM_ZONE", "")).strip()
    match = _UTM_ZONE.match(zone_text)
    if match and 1 <= int(match.group(1)) <= 60:
        is_north = _is_northern(match.group(2).upper(), attributes)
        if is_north is None:
            raise InsarError("raster.no_crs", file=file, utm_zone=zone_text)
        return f"EPSG:{(32600 if is_north else 32700) + int(match.group(1))}"
    if str(attributes.get("X_UNIT", "")).strip().lower().startswith("deg"):
        return "EPSG:4326"
    raise InsarError("raster.no_crs", file=file, utm_zone=zone_text)


def _is_northern(letter: str, attributes: Mapping[str, object]) -> bool | None:
    """Tell the hemisphere of a UTM zone letter; None when nothing tells.

    S is both "south" and the latitude band 32-40 degrees north; the latitude decides where it is known.
    """
    latitude = _latitude(attributes)
    if letter == "S":
        return latitude is not None and latitude > 0
    if letter in _NORTHERN_BANDS and letter:
        return True
    if letter in _SOUTHERN_BANDS and letter:
        return False
    return None if latitude is None else latitude >= 0


def _latitude(attributes: Mapping[str, object]) -> float | None:
    """Mean of the latitude attributes in degrees; None where there are none.

    MintPy 1.6.4 fills LAT_REF1..4 and REF_LAT with northings in metres for UTM files: those are no latitudes.
    """
    latitudes = []
    for key in ("LAT_REF1", "LAT_REF2", "LAT_REF3", "LAT_REF4", "REF_LAT"):
        try:
            value = float(str(attributes[key]))
        except (KeyError, ValueError):
            continue
        if abs(value) <= 90:
            latitudes.append(value)
    return sum(latitudes) / len(latitudes) if latitudes else None

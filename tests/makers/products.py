# SPDX-License-Identifier: GPL-2.0-or-later
"""Small HyP3-like product zips with rasters whose values say where they lie."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import rasterio
from rasterio.io import MemoryFile

GAMMA_KINDS = ("unw_phase", "corr", "dem", "lv_theta", "lv_phi", "water_mask")
BURST_KINDS = (*GAMMA_KINDS, "conncomp")
#: 12-day dates of one S1A track (absolute orbits 175 apart).
DATES = tuple(date(2021, 1, 4) + timedelta(days=12 * index) for index in range(5))
_FIRST_ORBIT = 36013
X_FIRST, Y_FIRST, STEP = 480000.0, 2150400.0, 80.0


@dataclass(frozen=True)
class ProductSpec:
    """One product to write.

    ``col``, ``row``: upper-left pixel on the lattice of (X_FIRST, Y_FIRST); ``shift_px`` moves it off the lattice.
    """

    reference: date = DATES[0]
    secondary: date = DATES[1]
    product_type: str = "gamma"
    width: int = 40
    height: int = 30
    col: int = 0
    row: int = 0
    shift_px: float = 0.0
    step: float = STEP
    epsg: int = 32614
    baseline_m: float | None = 10.0
    kinds: Sequence[str] | None = None
    has_metadata: bool = True
    metadata_extra: str = ""
    without_keys: Sequence[str] = ()
    start_time: str = "004006"
    unique: str = ""
    direction: str = "ASCENDING"
    orbit_offset: int = 0
    platform: str = "S1A"

    @property
    def name(self) -> str:
        code = hashlib.sha256(repr(self).encode()).hexdigest()[:4].upper()
        days = (self.secondary - self.reference).days
        spacing = round(self.step)
        one, two = f"{self.reference:%Y%m%d}", f"{self.secondary:%Y%m%d}"
        if self.product_type == "gamma":
            platform = self.platform[-1] * 2
            return f"S1{platform}_{one}T{self.start_time}_{two}T{self.start_time}_VVP{days:03d}_INT{spacing}_G_ueF_{code}"
        if self.product_type == "burst":
            return f"S1_136231_IW2_{one}_{two}_VV_INT{spacing}_{code}"
        # After the first day of the reference and the last day of the secondary.
        two = self._burst_stamp(self.secondary, 1)[:8]
        return f"S1_064_000000s1n00-136231s2n02-000000s3n00_IW_{one}_{two}_VV_INT{spacing}_{code}"

    def orbit(self, day: date) -> int:
        return _FIRST_ORBIT + round((day - DATES[0]).days * 175 / 12) + self.orbit_offset

    def _burst_stamp(self, day: date, index: int) -> str:
        start = datetime.strptime(f"{day:%Y%m%d}T{self.start_time}", "%Y%m%dT%H%M%S")
        return f"{start + timedelta(seconds=3 * index):%Y%m%dT%H%M%S}"

    def granules(self, day: date) -> str:
        stamp = f"{day:%Y%m%d}T{self.start_time}"
        if self.product_type == "gamma":
            return f"{self.platform}_IW_SLC__1SDV_{stamp}_{stamp}_{self.orbit(day):06d}_0221EC_770D"
        first = f"S1_136231_IW2_{stamp}_VV_7C85-BURST"
        if self.product_type == "burst":
            return first
        return f"{first}, S1_136232_IW2_{self._burst_stamp(day, 1)}_VV_7C85-BURST"

    def metadata(self) -> str:
        lines = {
            "Reference Granule": self.granules(self.reference),
            "Secondary Granule": self.granules(self.secondary),
            "Reference Pass Direction": self.direction,
            "Reference Orbit Number": self.orbit(self.reference),
            "Secondary Pass Direction": self.direction,
            "Secondary Orbit Number": self.orbit(self.secondary),
            "Baseline": "" if self.baseline_m is None else self.baseline_m,
            "UTC time": 2421.89,
            "Heading": -12.27 if self.direction == "ASCENDING" else -167.7,
            "Spacecraft height": 698030.25,
            "Earth radius at nadir": 6375868.94,
            "Slant range near": 798980.14,
            "Slant range center": 878319.19,
            "Slant range far": 957658.25,
            "Range looks": 20,
            "Azimuth looks": 4,
            "Phase filter parameter": 0.6,
            "Unwrapping type": "mcf",
        }
        kept = {key: value for key, value in lines.items() if key not in self.without_keys}
        return "".join(f"{key}: {value}\n" for key, value in kept.items()) + self.metadata_extra


def values_at(kind: str, cols: np.ndarray, rows: np.ndarray, spec: ProductSpec) -> np.ndarray:
    """Give the values of a kind at absolute lattice columns and rows, shape (rows, cols)."""
    x, y = np.meshgrid(cols, rows)
    days = (spec.secondary - spec.reference).days
    ramps = {
        "unw_phase": 0.001 * days * (x + 2 * y) + 0.5,
        "corr": 0.5 + 0.4 * np.sin(x / 7.0) * np.cos(y / 5.0),
        "dem": 2000.0 + x - y,
        "lv_theta": 0.85 + 0.001 * x,
        "lv_phi": -2.9 + 0.001 * y,
        "water_mask": np.ones_like(x),
        "conncomp": np.ones_like(x),
        "amp": 1.0 + x,
    }
    is_mask = kind in ("water_mask", "conncomp")
    return ramps[kind].astype("uint8" if is_mask else "float32")


def raster_bytes(kind: str, spec: ProductSpec, options: dict[str, object] | None = None) -> bytes:
    cols = np.arange(spec.col, spec.col + spec.width)
    rows = np.arange(spec.row, spec.row + spec.height)
    values = values_at(kind, cols, rows, spec)
    x_first = X_FIRST + (spec.col + spec.shift_px) * spec.step
    y_first = Y_FIRST - spec.row * spec.step
    profile = {
        "driver": "GTiff",
        "width": spec.width,
        "height": spec.height,
        "count": 1,
        "dtype": values.dtype,
        "crs": f"EPSG:{spec.epsg}",
        "transform": rasterio.Affine(spec.step, 0, x_first, 0, -spec.step, y_first),
        "nodata": None if values.dtype == np.uint8 else 0.0,
        "compress": "lzw",
        **(options or {}),
    }
    with MemoryFile() as memory:
        with memory.open(**profile) as raster:
            raster.write(values, 1)
        return memory.read()


def write_product(folder: Path, spec: ProductSpec, options: dict[str, object] | None = None) -> Path:
    """Write the zip of a product and give its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{spec.name}.zip"
    kinds = spec.kinds
    if kinds is None:
        kinds = GAMMA_KINDS if spec.product_type == "gamma" else BURST_KINDS
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        if spec.has_metadata:
            package.writestr(f"{spec.name}/{spec.name}.txt", spec.metadata())
        for kind in kinds:
            package.writestr(f"{spec.name}/{spec.name}_{kind}.tif", raster_bytes(kind, spec, options))
    return path


def chain(
    product_type: str = "gamma", dates: Sequence[date] = DATES[:4], **changes: object
) -> list[ProductSpec]:
    """Give the pairs (n, n + 1) and (n, n + 2) of a sequence, each product one pixel further right and down."""
    pairs = [(i, j) for i in range(len(dates)) for j in (i + 1, i + 2) if j < len(dates)]
    return [
        ProductSpec(
            reference=dates[i],
            secondary=dates[j],
            product_type=product_type,
            col=index % 3,
            row=index % 2,
            baseline_m=10.0 * (j * j - i * i),
            **changes,
        )
        for index, (i, j) in enumerate(pairs)
    ]


def write_chain(folder: Path, product_type: str = "gamma", **changes: object) -> list[Path]:
    return [write_product(folder, spec) for spec in chain(product_type, **changes)]


def truncate(path: Path, share: float = 0.6) -> None:
    """Cut a file as a broken download leaves it."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])

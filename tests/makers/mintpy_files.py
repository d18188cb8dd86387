# SPDX-License-Identifier: GPL-2.0-or-later
"""Files as MintPy 1.6.4 writes them, of any size, with known content."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

GRIDS: dict[str, dict[str, str]] = {
    "utm_north": {
        "X_FIRST": "480000.0", "Y_FIRST": "2160000.0", "X_STEP": "80.0", "Y_STEP": "-80.0",
        "X_UNIT": "meters", "Y_UNIT": "meters", "UTM_ZONE": "14N", "EPSG": "32614",
    },
    "utm_south": {
        "X_FIRST": "340000.0", "Y_FIRST": "6300000.0", "X_STEP": "80.0", "Y_STEP": "-80.0",
        "X_UNIT": "meters", "Y_UNIT": "meters", "UTM_ZONE": "19S",
    },
    "utm_band": {
        "X_FIRST": "480000.0", "Y_FIRST": "2160000.0", "X_STEP": "40.0", "Y_STEP": "-40.0",
        "X_UNIT": "meters", "Y_UNIT": "meters", "UTM_ZONE": "14Q",
    },
    "degrees": {
        "X_FIRST": "-99.25", "Y_FIRST": "19.5", "X_STEP": "0.001", "Y_STEP": "-0.001",
        "X_UNIT": "degrees", "Y_UNIT": "degrees",
    },
    "radar": {},
}  # fmt: skip


def make_dates(count: int, first: dt.date = dt.date(2020, 1, 5), step_days: int = 12) -> list[dt.date]:
    return [first + dt.timedelta(days=step_days * index) for index in range(count)]


def attributes(
    file_type: str, width: int, height: int, grid: str = "utm_north", unit: str = "m", **more: Any
) -> dict[str, str]:
    """Root attributes of a file; ``more`` overrides, None removes."""
    found: dict[str, Any] = {
        "FILE_TYPE": file_type, "WIDTH": width, "LENGTH": height, "UNIT": unit, "PROCESSOR": "hyp3",
        "WAVELENGTH": "0.05546576", "ORBIT_DIRECTION": "ASCENDING", "HEADING": "-12.3", "PLATFORM": "Sen",
        "ALOOKS": "4", "RLOOKS": "20", "CENTER_LINE_UTC": "2405.0", "relative_orbit": "5",
        "REF_Y": min(2, height - 1), "REF_X": min(3, width - 1), "NO_DATA_VALUE": "none",
        "mintpy.deramp": "linear", "mintpy.topographicResidual": "yes",
        **GRIDS[grid],
    }  # fmt: skip
    found.update(more)
    return {key: str(value) for key, value in found.items() if value is not None}


def write_file(
    path: Path, datasets: dict[str, np.ndarray], attrs: dict[str, str], compression: str | None = None
) -> Path:
    """Write arrays as ``mintpy.utils.writefile.write`` does: chunks chosen by h5py, attributes as text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, data in datasets.items():
            file.create_dataset(name, data=data, chunks=True, compression=compression)
        file.attrs.update(attrs)
    return path


def surface(width: int, height: int, seed: int = 1) -> np.ndarray:
    """A smooth velocity field in m/yr with noise; no value is exactly 0."""
    rows, cols = np.mgrid[0:height, 0:width].astype(np.float32)
    bowl = -0.12 * np.exp(-(((rows / height - 0.5) ** 2 + (cols / width - 0.6) ** 2) / 0.04))
    noise = np.random.default_rng(seed).normal(0, 0.002, (height, width))
    return (bowl + noise + 1e-5).astype(np.float32)


def write_velocity(
    path: Path, width: int = 60, height: int = 40, grid: str = "utm_north", compression: str | None = None,
    velocity: np.ndarray | None = None, is_valid: np.ndarray | None = None, **more: Any,
) -> Path:  # fmt: skip
    """velocity.h5; not inverted pixels are 0, the reference pixel is 0 too."""
    attrs = attributes(
        "velocity", width, height, grid, "m/year", START_DATE="20200105", END_DATE="20211227", **more
    )
    attrs.setdefault("REF_DATE", "20200105")
    values = surface(width, height) if velocity is None else velocity.astype(np.float32)
    if is_valid is not None:
        values = np.where(is_valid, values, np.float32(0))
    if "REF_Y" in attrs:
        values[int(attrs["REF_Y"]), int(attrs["REF_X"])] = 0
    deviation = np.where(values == 0, np.float32(0), np.float32(0.001)).astype(np.float32)
    datasets = {"velocity": values, "velocityStd": deviation, "intercept": values * 0, "residue": deviation}
    return write_file(path, datasets, attrs, compression)


def series_rows(
    width: int, height: int, dates: list[dt.date], is_valid: np.ndarray | None = None, seed: int = 1
) -> Iterator[tuple[int, np.ndarray]]:
    """Displacement per row block: (first row, (n_dates, rows, width)) in metres, first date 0."""
    velocity = surface(width, height, seed)
    years = np.array([(date - dates[0]).days / 365.25 for date in dates], dtype=np.float32)
    for start in range(0, height, 64):
        block = velocity[start : start + 64]
        cube = years[:, None, None] * block[None] + 0.003 * np.sin(2 * np.pi * years)[:, None, None]
        if is_valid is not None:
            cube = np.where(is_valid[start : start + 64][None], cube, 0)
        yield start, cube.astype(np.float32)


def write_time_series(
    path: Path, width: int = 60, height: int = 40, n_dates: int = 12, grid: str = "utm_north",
    compression: str | None = None, is_valid: np.ndarray | None = None, chunks: Any = True,
    dates: list[dt.date] | None = None, **more: Any,
) -> Path:  # fmt: skip
    """timeseries*.h5 with datasets date, bperp and timeseries; written row by row, so any size fits."""
    dates = dates or make_dates(n_dates)
    attrs = attributes("timeseries", width, height, grid, "m", **more)
    attrs.setdefault("REF_DATE", f"{dates[0]:%Y%m%d}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file.create_dataset("date", data=np.array([f"{date:%Y%m%d}" for date in dates], dtype="S8"))
        file.create_dataset("bperp", data=np.linspace(-80, 90, len(dates), dtype=np.float32))
        shape = (len(dates), height, width)
        cube = file.create_dataset(
            "timeseries",
            shape,
            "f4",
            chunks=chunks if chunks is True or chunks else None,
            compression=compression,
        )
        for start, block in series_rows(width, height, dates, is_valid):
            cube[:, start : start + block.shape[1]] = block
        if "REF_Y" in attrs:
            cube[:, int(attrs["REF_Y"]), int(attrs["REF_X"])] = 0
        file.attrs.update(attrs)
    return path


def write_temporal_coherence(
    path: Path, width: int = 60, height: int = 40, grid: str = "utm_north", values: np.ndarray | None = None,
    compression: str | None = None, **more: Any,
) -> Path:  # fmt: skip
    if values is None:
        values = np.random.default_rng(2).uniform(0.2, 1.0, (height, width))
    attrs = attributes("temporalCoherence", width, height, grid, "1", **more)
    return write_file(path, {"temporalCoherence": values.astype(np.float32)}, attrs, compression)


def write_mask(
    path: Path, is_valid: np.ndarray, grid: str = "utm_north", dtype: Any = np.bool_, **more: Any
) -> Path:
    """maskTempCoh.h5: bool as MintPy writes it, or uint8."""
    height, width = is_valid.shape
    attrs = attributes("mask", width, height, grid, "1", **more)
    return write_file(path, {"mask": is_valid.astype(dtype)}, attrs)


def write_geometry(
    path: Path, width: int = 60, height: int = 40, grid: str = "utm_north", **more: Any
) -> Path:
    rows, cols = np.mgrid[0:height, 0:width].astype(np.float32)
    datasets = {
        "height": 2200 + rows + cols / 10,
        "incidenceAngle": 35 + cols / 100,
        "slantRangeDistance": 850e3 + cols,
    }
    datasets = {name: data.astype(np.float32) for name, data in datasets.items()}
    return write_file(path, datasets, attributes("geometry", width, height, grid, "1", **more))


def write_interferogram_stack(
    path: Path, width: int = 60, height: int = 40, n_dates: int = 5, grid: str = "utm_north", **more: Any
) -> Path:
    """ifgramStack.h5 of sequential pairs; ``date`` has shape (n_pairs, 2)."""
    dates = make_dates(n_dates)
    pairs = [(f"{a:%Y%m%d}", f"{b:%Y%m%d}") for a, b in zip(dates, dates[1:])]
    generator = np.random.default_rng(4)
    shape = (len(pairs), height, width)
    datasets = {
        "date": np.array(pairs, dtype="S8"),
        "dropIfgram": np.ones(len(pairs), dtype=np.bool_),
        "bperp": np.zeros(len(pairs), dtype=np.float32),
        "unwrapPhase": generator.normal(0, 3, shape).astype(np.float32),
        "coherence": generator.uniform(0, 1, shape).astype(np.float32),
        "connectComponent": np.ones(shape, dtype=np.int16),
    }
    return write_file(path, datasets, attributes("ifgramStack", width, height, grid, "radian", **more))

# SPDX-License-Identifier: GPL-2.0-or-later
"""Input of the benchmark, of the sizes that docs/performance.md states: seeded, made once, kept between runs."""

from __future__ import annotations

import datetime as dt
import zipfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Callable

import h5py
import numpy as np
import rasterio
from rasterio.crs import CRS
from rasterio.io import MemoryFile
from rasterio.transform import Affine
from scipy import ndimage

ROOT = Path(__file__).resolve().parent.parent

VELOCITY_SHAPE = (3000, 4000)
CUBE_SHAPE = (60, 3000, 2500)
#: As many dates on three times the rows (5.4 GB): shows that memory does not grow with the cube.
LARGE_CUBE_SHAPE = (60, 9000, 2500)
PRODUCTS = 12
PRODUCT_SHAPE = (2880, 3040)
FIRST_DATE = dt.date(2021, 1, 4)
_TIME_OF_DAY, _FIRST_ORBIT = dt.time(18, 2, 11), 36_000
_X_FIRST, _Y_FIRST, _STEP, _EPSG = 440_000.0, 3_900_000.0, 80.0, 32636
_ATTRIBUTES = {
    "PROCESSOR": "hyp3",
    "WAVELENGTH": "0.05546576",
    "ORBIT_DIRECTION": "ASCENDING",
    "HEADING": "-12.3",
    "PLATFORM": "Sen",
    "X_FIRST": str(_X_FIRST),
    "Y_FIRST": str(_Y_FIRST),
    "X_STEP": str(_STEP),
    "Y_STEP": str(-_STEP),
    "X_UNIT": "meters",
    "Y_UNIT": "meters",
    "UTM_ZONE": "36N",
    "EPSG": str(_EPSG),
    "REF_Y": "1500",
    "REF_X": "1200",
    "REF_DATE": f"{FIRST_DATE:%Y%m%d}",
    "NO_DATA_VALUE": "none",
    "START_DATE": f"{FIRST_DATE:%Y%m%d}",
    "END_DATE": "20221213",
}


def make_all(folder: Path, say: Callable[[str], None] = print) -> dict[str, Path]:
    """Make what is missing and give the paths: velocity, cube, speckle, products (a folder)."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {
        "warm": folder / "warm" / "velocity.h5",
        "warm_raster": folder / "warm_raster" / "warm.tif",
        "velocity": folder / "velocity" / "velocity.h5",
        "cube": folder / "cube" / "timeseries.h5",
        "large_cube": folder / "large_cube" / "timeseries.h5",
        "speckle": folder / "speckle" / "speckle.tif",
        "products": folder / "products",
    }
    makers: dict[str, Callable[[Path], None]] = {
        "warm": _warm,
        "warm_raster": _warm_raster,
        "velocity": _velocity,
        "cube": _cube,
        "large_cube": _large_cube,
        "speckle": _speckle,
        "products": _products,
    }
    for name, path in paths.items():
        if not path.exists():
            say(f"making {path.relative_to(folder.parent)}")
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f"{path.name}.part")
            makers[name](part)
            part.replace(path)
    return paths


def _surface(shape: tuple[int, int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Velocity in m/yr (a bowl, turbulence, noise) and where it is known (not in lakes)."""
    generator = np.random.default_rng(seed)
    rows, cols = np.ogrid[0 : shape[0], 0 : shape[1]]
    bowl = -0.12 * np.exp(-(((rows / shape[0] - 0.5) ** 2 + (cols / shape[1] - 0.6) ** 2) / 0.04))
    coarse = ndimage.zoom(generator.normal(0, 1, (13, 13)), (shape[0] / 13, shape[1] / 13), order=3)
    coarse = coarse[: shape[0], : shape[1]]
    velocity = bowl + 0.004 * coarse + generator.normal(0, 0.002, shape) + 1e-6
    return velocity.astype(np.float32), coarse > -1.3


def _write_velocity(path: Path, velocity: np.ndarray, **more: str) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("velocity", data=velocity, chunks=True)
        size = {"WIDTH": str(velocity.shape[1]), "LENGTH": str(velocity.shape[0])}
        file.attrs.update({**_ATTRIBUTES, **size, "FILE_TYPE": "velocity", "UNIT": "m/year", **more})


def _warm(path: Path) -> None:
    """A file of some kilobytes: every timed process opens it first, so that no library start is measured."""
    values = np.random.default_rng(6).normal(0, 0.01, (40, 60)).astype(np.float32)
    _write_velocity(path, values, REF_Y="5", REF_X="5")


def _velocity(path: Path) -> None:
    velocity, is_known = _surface(VELOCITY_SHAPE, 1)
    velocity = np.where(is_known, velocity, np.float32(0))
    velocity[1500, 1200] = 0
    _write_velocity(path, velocity)


def _large_cube(path: Path) -> None:
    _cube(path, LARGE_CUBE_SHAPE)


def _cube(path: Path, shape: tuple[int, int, int] = CUBE_SHAPE) -> None:
    count, height, width = shape
    velocity, is_known = _surface((height, width), 2)
    dates = [FIRST_DATE + dt.timedelta(days=12 * index) for index in range(count)]
    noise = np.random.default_rng(3).normal(0, 0.003, (height + count, width)).astype(np.float32)
    with h5py.File(path, "w") as file:
        file.create_dataset("date", data=np.array([f"{date:%Y%m%d}" for date in dates], dtype="S8"))
        file.create_dataset("bperp", data=np.linspace(-80, 90, count, dtype=np.float32))
        cube = file.create_dataset("timeseries", shape, "f4", chunks=True)
        rows_step = cube.chunks[1]
        for row in range(0, height, rows_step):
            end = min(row + rows_step, height)
            block = np.zeros((count, end - row, width), np.float32)
            for index, date in enumerate(dates[1:], start=1):
                years = np.float32((date - dates[0]).days / 365.25)
                block[index] = velocity[row:end] * years + noise[row + index : end + index]
                block[index][~is_known[row:end]] = 0
            if row <= 1500 < end:
                block[:, 1500 - row, 1200] = 0
            cube[:, row:end] = block
        size = {"WIDTH": str(width), "LENGTH": str(height)}
        file.attrs.update({**_ATTRIBUTES, **size, "FILE_TYPE": "timeseries", "UNIT": "m"})


def _warm_raster(path: Path) -> None:
    values = np.random.default_rng(7).uniform(-1, 2, (50, 60)).clip(0).astype(np.float32)
    _write_raster(path, values)


def _speckle(path: Path) -> None:
    """A tilted frame with a ragged coast, and holes of a few pixels where the phase was lost."""
    height, width = VELOCITY_SHAPE
    generator = np.random.default_rng(4)
    rows, cols = np.ogrid[0:height, 0:width]
    along, across = cols - 0.18 * rows, rows + 0.12 * cols
    is_valid = (along > 60) & (along < width - 640) & (across > 420) & (across < height - 60)
    coarse = ndimage.zoom(generator.normal(0, 1, (9, 12)), (height / 9, width / 12), order=3)
    is_valid &= coarse[:height, :width] > -1.4
    speckle = ndimage.gaussian_filter(generator.normal(0, 1, (height, width)).astype(np.float32), 0.9)
    is_valid &= speckle < 1.81 * float(speckle.std())
    _write_raster(path, np.where(is_valid, generator.normal(5, 1, (height, width)), 0).astype(np.float32))


def _write_raster(path: Path, values: np.ndarray) -> None:
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=values.shape[1],
        height=values.shape[0],
        count=1,
        dtype="float32",
        nodata=0,
        crs=CRS.from_epsg(_EPSG),
        transform=Affine(_STEP, 0, _X_FIRST, 0, -_STEP, _Y_FIRST),
        tiled=True,
        compress="deflate",
        zlevel=1,
    ) as raster:
        raster.write(values, 1)


def _products(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(_product, [folder] * PRODUCTS, range(PRODUCTS)))


def _product(folder: Path, index: int) -> None:
    """One zip as HyP3 packs it: deflated tiled GeoTIFFs, deflated once more by the zip; each of another extent."""
    generator = np.random.default_rng(100 + index)
    reference, secondary = (
        dt.datetime.combine(FIRST_DATE + dt.timedelta(days=12 * turn), _TIME_OF_DAY)
        for turn in (index, index + 1)
    )
    name = f"S1AA_{reference:%Y%m%dT%H%M%S}_{secondary:%Y%m%dT%H%M%S}_VVP012_INT80_G_ueF_{0xB0 + index:04X}"
    path = folder / f"{name}.zip"
    if path.exists():
        return
    left, top, right, bottom = (int(number) for number in generator.integers(0, 12, 4))
    height, width = PRODUCT_SHAPE[0] - bottom, PRODUCT_SHAPE[1] - right
    x_first, y_first = _X_FIRST + left * _STEP, _Y_FIRST - top * _STEP
    rows, cols = np.ogrid[top : top + height, left : left + width]
    is_valid = ((cols - 0.18 * rows > -300) & (rows + 0.12 * cols > 120)).astype(np.float32)
    noise = generator.normal(0, 1, (height, width)).astype(np.float32)
    smooth = np.sin(rows / 240) * np.cos(cols / 330)
    rasters: dict[str, tuple[np.ndarray, float | None]] = {
        "unw_phase": ((6 * smooth + 0.4 * noise + 9).astype(np.float32) * is_valid, 0.0),
        "corr": (np.clip(0.6 + 0.2 * smooth + 0.1 * noise, 0.01, 1).astype(np.float32) * is_valid, 0.0),
        "dem": ((900 + 400 * smooth + 0.5 * noise).astype(np.float32), None),
        "lv_theta": ((0.9 - cols * 2e-5 + 0.01 * smooth + 1e-4 * noise).astype(np.float32) * is_valid, 0.0),
        "lv_phi": ((0.2 + rows * 1e-6 + 0.01 * smooth + 1e-4 * noise).astype(np.float32) * is_valid, 0.0),
        "water_mask": ((smooth > -0.9).astype(np.uint8), None),
    }
    part = path.with_name(f"{path.name}.part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package:
        package.writestr(f"{name}/{name}.txt", _text(index, float(generator.normal(0, 60))))
        for kind, (values, nodata) in rasters.items():
            package.writestr(f"{name}/{name}_{kind}.tif", _geotiff(values, x_first, y_first, nodata))
    part.replace(path)


def _geotiff(values: np.ndarray, x_first: float, y_first: float, nodata: float | None) -> bytes:
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            width=values.shape[1],
            height=values.shape[0],
            count=1,
            dtype=values.dtype.name,
            nodata=nodata,
            crs=CRS.from_epsg(_EPSG),
            transform=Affine(_STEP, 0, x_first, 0, -_STEP, y_first),
            tiled=True,
            blockxsize=256,
            blockysize=256,
            compress="deflate",
            zlevel=1,
        ) as raster:
            raster.write(values, 1)
        memory.seek(0)
        return bytes(memory.read())


def _granule(turn: int) -> str:
    start = dt.datetime.combine(FIRST_DATE + dt.timedelta(days=12 * turn), _TIME_OF_DAY)
    stop = start + dt.timedelta(seconds=27)
    orbit = _FIRST_ORBIT + 175 * turn
    return (
        f"S1A_IW_SLC__1SDV_{start:%Y%m%dT%H%M%S}_{stop:%Y%m%dT%H%M%S}_{orbit:06d}_{orbit * 7:06X}_{turn:04X}"
    )


def _text(index: int, baseline_m: float) -> str:
    lines = {
        "Reference Granule": _granule(index),
        "Secondary Granule": _granule(index + 1),
        "Reference Pass Direction": "ASCENDING",
        "Reference Orbit Number": _FIRST_ORBIT + 175 * index,
        "Secondary Pass Direction": "ASCENDING",
        "Secondary Orbit Number": _FIRST_ORBIT + 175 * (index + 1),
        "Baseline": f"{baseline_m:.4f}",
        "UTC time": "64944.513206",
        "Heading": "-12.3456789",
        "Spacecraft height": "693000.1234",
        "Earth radius at nadir": "6371009.0000",
        "Slant range near": "799000.0000",
        "Slant range center": "877000.0000",
        "Slant range far": "955000.0000",
        "Range looks": 20,
        "Azimuth looks": 4,
        "Unwrapping type": "mcf",
    }
    return "".join(f"{key}: {value}\n" for key, value in lines.items())


if __name__ == "__main__":
    make_all(ROOT / "build" / "bench" / "data")

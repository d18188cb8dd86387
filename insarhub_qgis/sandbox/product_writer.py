# SPDX-License-Identifier: GPL-2.0-or-later
"""HyP3-like product packages: names, metadata text, GeoTIFFs, and the zip that holds them in one folder."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.crs import CRS
from rasterio.io import MemoryFile
from rasterio.transform import Affine

from insarhub_qgis.sandbox.acquisitions import BURSTS, RELATIVE_ORBIT, Acquisition, short_hash
from insarhub_qgis.sandbox.scene import (
    AZIMUTH_LOOKS,
    EARTH_RADIUS_M,
    EPSG,
    HEADING_DEG,
    PIXEL_M,
    RANGE_LOOKS,
    SPACECRAFT_HEIGHT_M,
    Scene,
)

#: One fixed time for all members: the same request gives the same bytes.
_ZIP_TIME = (2024, 1, 1, 0, 0, 0)


def product_name(product_type: str, reference: Acquisition, secondary: Acquisition, seed: int) -> str:
    """Name of a product of ``gamma``, ``burst`` or ``multi_burst`` type."""
    dates = f"{reference.date:%Y%m%d}_{secondary.date:%Y%m%d}"
    if product_type == "gamma":
        days = (secondary.date - reference.date).days
        name = (
            f"S1{reference.satellite[-1]}{secondary.satellite[-1]}_{reference.start:%Y%m%dT%H%M%S}_"
            f"{secondary.start:%Y%m%dT%H%M%S}_VVP{days:03d}_INT80_G_ueF"
        )
    elif product_type == "burst":
        name = f"S1_{BURSTS[0]}_IW1_{dates}_VV_INT80"
    else:
        name = f"S1_{RELATIVE_ORBIT:03d}_{BURSTS[0]}s1n02-{BURSTS[1]}s2n02-000000s3n00_IW_{dates}_VV_INT80"
    return f"{name}_{short_hash(f'{name}/{seed}')}"


def metadata_text(
    scene: Scene, product_type: str, reference: Acquisition, secondary: Acquisition, baseline_m: float
) -> str:
    """The ``.txt`` of a product: ``Key: value`` lines, every key that MintPy reads.

    ``baseline_m`` is that of the secondary minus that of the reference, the sense in which MintPy adds them up.
    """
    is_gamma = product_type == "gamma"
    if is_gamma:
        granules = (reference.granule, secondary.granule)
    else:
        bursts = range(1 if product_type == "burst" else 2)
        granules = (
            ", ".join(reference.burst(index) for index in bursts),
            ", ".join(secondary.burst(index) for index in bursts),
        )
    start = reference.start
    seconds = start.hour * 3600 + start.minute * 60 + start.second + 13.5
    slant = scene.slant_range_m
    x = scene.x_first + scene.width // 2 * PIXEL_M
    y = scene.y_first - scene.height // 2 * PIXEL_M
    lines = [
        f"Reference Granule: {granules[0]}",
        f"Secondary Granule: {granules[1]}",
        "Reference Pass Direction: ASCENDING",
        f"Reference Orbit Number: {reference.orbit}",
        "Secondary Pass Direction: ASCENDING",
        f"Secondary Orbit Number: {secondary.orbit}",
        f"Baseline: {baseline_m:.4f}",
        f"UTC time: {seconds:.6f}",
        f"Heading: {HEADING_DEG:.7f}",
        f"Spacecraft height: {SPACECRAFT_HEIGHT_M:.4f}",
        f"Earth radius at nadir: {EARTH_RADIUS_M:.4f}",
        f"Slant range near: {slant.min():.4f}",
        f"Slant range center: {(slant.min() + slant.max()) / 2:.4f}",
        f"Slant range far: {slant.max():.4f}",
        f"Range looks: {RANGE_LOOKS}",
        f"Azimuth looks: {AZIMUTH_LOOKS}",
        "INSAR phase filter: no",
        "Phase filter parameter: 0.0",
        "Range bandpass filter: no",
        "Azimuth bandpass filter: no",
        "DEM source: SIMULATED",
        "DEM resolution (m): 160",
        f"Unwrapping type: {'mcf' if is_gamma else 'snaphu_mcf'}",
        "Phase at reference point: 0.0",
        "Azimuth line of the reference point in SAR space: 0",
        "Range pixel of the reference point in SAR space: 0",
        f"Y coordinate of the reference point in the map projection: {y:.1f}",
        f"X coordinate of the reference point in the map projection: {x:.1f}",
        "Unwrapping threshold: none",
        "Speckle filter: no",
        "Water mask applied: no",
    ]
    return "\n".join(lines) + "\n"


def geotiff(values: npt.NDArray[np.generic], x_first: float, y_first: float, nodata: float | None) -> bytes:
    """One band as the bytes of a tiled, deflated GeoTIFF on the scene's lattice."""
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            height=values.shape[0],
            width=values.shape[1],
            count=1,
            dtype=values.dtype.name,
            crs=CRS.from_epsg(EPSG),
            transform=Affine(PIXEL_M, 0.0, x_first, 0.0, -PIXEL_M, y_first),
            nodata=nodata,
            tiled=True,
            blockxsize=256,
            blockysize=256,
            compress="deflate",
            zlevel=1,
        ) as raster:
            raster.write(values, 1)
        memory.seek(0)
        return bytes(memory.read())


def write_product(folder: Path, name: str, text: str, members: dict[str, bytes]) -> Path:
    """Write ``NAME.zip`` with one folder NAME; rasters are stored as they are, since they are deflated inside.

    ``members``: kind key (``unw_phase``...) to GeoTIFF bytes. The file appears complete or not at all.
    """
    path = folder / f"{name}.zip"
    part = folder / f"{name}.zip.part"
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
            text_info = zipfile.ZipInfo(f"{name}/{name}.txt", _ZIP_TIME)
            archive.writestr(text_info, text, zipfile.ZIP_DEFLATED)
            for kind, content in members.items():
                archive.writestr(zipfile.ZipInfo(f"{name}/{name}_{kind}.tif", _ZIP_TIME), content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def write_raster(
    path: Path, values: npt.NDArray[np.float32], x_first: float, y_first: float, **tags: str
) -> None:
    """A GeoTIFF beside the products, e.g. the true velocity."""
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=values.shape[0],
        width=values.shape[1],
        count=1,
        dtype="float32",
        crs=CRS.from_epsg(EPSG),
        transform=Affine(PIXEL_M, 0.0, x_first, 0.0, -PIXEL_M, y_first),
        tiled=True,
        compress="deflate",
    ) as raster:
        raster.write(values, 1)
        raster.update_tags(**tags)

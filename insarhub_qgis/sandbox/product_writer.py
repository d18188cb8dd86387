# SPDX-License-Identifier: GPL-2.0-or-later
"""HyP3-like product packages: names, metadata text, GeoTIFFs, and the zip that holds them in one folder."""

from __future__ import annotations

import datetime
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.crs import CRS
from rasterio.io import MemoryFile
from rasterio.transform import Affine

from insarhub_qgis.sandbox.acquisitions import Acquisition, short_hash
from insarhub_qgis.sandbox.scene import EARTH_RADIUS_M, SPACECRAFT_HEIGHT_M, Scene, Site

#: One fixed time for all members: the same request gives the same bytes.
_ZIP_TIME = (2024, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class ProductSide:
    """What a product says of its reference or of its secondary.

    Attributes
    ----------
    granules
        One scene, or the bursts of one pass.
    satellite
        ``S1A``...
    """

    granules: tuple[str, ...]
    satellite: str
    start: datetime.datetime
    orbit: int

    @classmethod
    def of(cls, one: Acquisition, product_type: str) -> ProductSide:
        """Give the side of a simulated pass for a product of a type."""
        bursts = range({"gamma": 0, "burst": 1, "multi_burst": 2}[product_type])
        granules = tuple(one.burst(index) for index in bursts) or (one.granule,)
        return cls(granules, one.satellite, one.start, one.orbit)


@dataclass(frozen=True)
class ProductOptions:
    """What a product holds beside phase and coherence; the defaults are those of the command ``simulate``.

    Burst products hold everything that their processor makes, so most options are for ``gamma`` only.

    Attributes
    ----------
    is_water_masked
        Water has no phase.
    filter_strength
        Of the adaptive phase filter, 0..1; 0 = not filtered.
    """

    product_type: str = "gamma"
    has_dem: bool = True
    has_look_vectors: bool = True
    has_incidence: bool = False
    has_displacement: bool = False
    has_wrapped_phase: bool = False
    is_water_masked: bool = False
    filter_strength: float = 0.0


def product_name(
    options: ProductOptions,
    site: Site,
    path: int,
    reference: ProductSide,
    secondary: ProductSide,
    salt: object,
) -> str:
    """Name of a product as HyP3 builds it; ``salt`` decides the last field."""
    # Of a multi-burst over midnight the last day of the secondary.
    secondary_day = max([f"{secondary.start:%Y%m%d}", *map(_burst_day, secondary.granules)])
    dates = f"{reference.start:%Y%m%d}_{secondary_day}"
    spacing = f"INT{site.pixel_m:.0f}"
    if options.product_type == "gamma":
        days = abs((secondary.start.date() - reference.start.date()).days)
        water = "w" if options.is_water_masked else "u"
        name = (
            f"S1{reference.satellite[-1]}{secondary.satellite[-1]}_{reference.start:%Y%m%dT%H%M%S}_"
            f"{secondary.start:%Y%m%dT%H%M%S}_{_co_polarization(reference)}P{days:03d}_{spacing}_G_{water}eF"
        )
    else:
        bursts = [granule.split("_")[1:3] for granule in reference.granules]
        polarization = reference.granules[0].split("_")[4]
        if options.product_type == "burst":
            place = "_".join(bursts[0])
        else:
            swaths = []
            for swath in "123":
                ids = sorted(burst for burst, name in bursts if name == f"IW{swath}")
                swaths.append(f"{ids[0] if ids else '000000'}s{swath}n{len(ids):02d}")
            place = f"{path:03d}_{'-'.join(swaths)}_IW"
        name = f"S1_{place}_{dates}_{polarization}_{spacing}"
    return f"{name}_{short_hash(f'{name}/{salt}')}"


def _burst_day(granule: str) -> str:
    return granule.split("_")[3][:8] if granule.endswith("-BURST") else ""


def _co_polarization(side: ProductSide) -> str:
    return 2 * side.granules[0][15]


def metadata_text(
    scene: Scene, options: ProductOptions, reference: ProductSide, secondary: ProductSide, baseline_m: float
) -> str:
    """The ``.txt`` of a product: ``Key: value`` lines, every key that MintPy reads.

    ``baseline_m`` is that of the secondary minus that of the reference, the sense in which MintPy adds them up.
    """
    start, site = reference.start, scene.site
    direction = "ASCENDING" if site.is_ascending else "DESCENDING"
    seconds = start.hour * 3600 + start.minute * 60 + start.second + 13.5
    slant = scene.slant_range_m
    x = scene.x_first + scene.width // 2 * site.pixel_m
    y = scene.y_first - scene.height // 2 * site.pixel_m
    is_filtered = options.filter_strength > 0
    lines = [
        f"Reference Granule: {', '.join(reference.granules)}",
        f"Secondary Granule: {', '.join(secondary.granules)}",
        f"Reference Pass Direction: {direction}",
        f"Reference Orbit Number: {reference.orbit}",
        f"Secondary Pass Direction: {direction}",
        f"Secondary Orbit Number: {secondary.orbit}",
        f"Baseline: {baseline_m:.4f}",
        f"UTC time: {seconds:.6f}",
        f"Heading: {site.heading_deg:.7f}",
        f"Spacecraft height: {SPACECRAFT_HEIGHT_M:.4f}",
        f"Earth radius at nadir: {EARTH_RADIUS_M:.4f}",
        f"Slant range near: {slant.min():.4f}",
        f"Slant range center: {(slant.min() + slant.max()) / 2:.4f}",
        f"Slant range far: {slant.max():.4f}",
        f"Range looks: {site.range_looks}",
        f"Azimuth looks: {site.azimuth_looks}",
        f"INSAR phase filter: {'yes' if is_filtered else 'no'}",
        f"Phase filter parameter: {float(options.filter_strength)}",
        "Range bandpass filter: no",
        "Azimuth bandpass filter: no",
        "DEM source: SIMULATED",
        f"DEM resolution (m): {2 * site.pixel_m:.0f}",
        f"Unwrapping type: {'mcf' if options.product_type == 'gamma' else 'snaphu_mcf'}",
        "Phase at reference point: 0.0",
        "Azimuth line of the reference point in SAR space: 0",
        "Range pixel of the reference point in SAR space: 0",
        f"Y coordinate of the reference point in the map projection: {y:.1f}",
        f"X coordinate of the reference point in the map projection: {x:.1f}",
        "Unwrapping threshold: none",
        "Speckle filter: no",
        f"Water mask applied: {'yes' if options.is_water_masked else 'no'}",
    ]
    return "\n".join(lines) + "\n"


def geotiff(
    values: npt.NDArray[np.generic], site: Site, x_first: float, y_first: float, nodata: float | None
) -> bytes:
    """One band as the bytes of a tiled, deflated GeoTIFF on the site's lattice."""
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            height=values.shape[0],
            width=values.shape[1],
            count=1,
            dtype=values.dtype.name,
            crs=CRS.from_epsg(site.epsg),
            transform=Affine(site.pixel_m, 0.0, x_first, 0.0, -site.pixel_m, y_first),
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


def write_raster(path: Path, values: npt.NDArray[np.float32], scene: Scene, **tags: str) -> None:
    """A GeoTIFF of the whole scene beside the products, e.g. the true velocity."""
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=values.shape[0],
        width=values.shape[1],
        count=1,
        dtype="float32",
        crs=CRS.from_epsg(scene.site.epsg),
        transform=Affine(scene.pixel_m, 0.0, scene.x_first, 0.0, -scene.pixel_m, scene.y_first),
        tiled=True,
        compress="deflate",
    ) as raster:
        raster.write(values, 1)
        raster.update_tags(**tags)

# SPDX-License-Identifier: GPL-2.0-or-later
"""A MintPy-ready folder from the real Mexico City products, independent of the plugin's own preparation."""

from __future__ import annotations

import zipfile
from pathlib import Path

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "mexico_city"
KINDS = ("unw_phase", "corr", "dem", "lv_theta", "lv_phi", "water_mask")


def write_clips(job_folder: Path, products: Path = DATA / "hyp3") -> set[str]:
    """Write ``clip/*_clip.tif`` as VRTs into the zips, on the common overlap of all products.

    Returns
    -------
    set of str
        The kinds written.
    """
    from osgeo import gdal

    gdal.UseExceptions()
    clip = job_folder / "clip"
    clip.mkdir(parents=True)
    archives = sorted(products.glob("*.zip"))
    paths = {z: f"/vsizip/{{{z}}}/{z.stem}/{z.stem}" for z in archives}
    bounds = []
    for archive in archives:
        raster = gdal.Open(f"{paths[archive]}_unw_phase.tif")
        x, step_x, _, y, _, step_y = raster.GetGeoTransform()
        bounds.append((x, y, x + step_x * raster.RasterXSize, y + step_y * raster.RasterYSize))
    window = [
        max(b[0] for b in bounds), min(b[1] for b in bounds), min(b[2] for b in bounds), max(b[3] for b in bounds),
    ]  # fmt: skip
    for index, archive in enumerate(archives):
        kinds = KINDS if index == 0 else KINDS[:2]
        for kind in kinds:
            target = clip / f"{archive.stem}_{kind}_clip.tif"
            gdal.Translate(str(target), f"{paths[archive]}_{kind}.tif", format="VRT", projWin=window)
        with zipfile.ZipFile(archive) as package:
            text = package.read(f"{archive.stem}/{archive.stem}.txt")
        (clip / f"{archive.stem}.txt").write_bytes(text)
    return set(KINDS)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Job folders whose forecast can be checked: made by hand, real (Mexico City), and simulated with maps of the sandbox."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import rasterio
from rasterio.io import MemoryFile
from rasterio.warp import transform_bounds
from scipy import ndimage

from insarhub_qgis.core.decay_map_files import NODATA, decay_map_file
from insarhub_qgis.core.decay_sources import landcover_fraction_names
from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.core.job_config import DOWNLOADER
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.quality_files import QualityCache, aoi_hash
from insarhub_qgis.core.requests import FetchDecayMaps, OpenProducts, Simulate
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine import decay_maps, open_products
from insarhub_qgis.sandbox import simulate
from insarhub_qgis.sandbox.scene import BARE, FIELD, FOREST, MARGIN_PIXELS, TOWN, Scene, make_scene
from insarhub_qgis.sandbox.serve import make_sandbox
from insarhub_qgis.sandbox.world import WORLDCOVER
from tests.makers.products import DATES, X_FIRST, Y_FIRST, ProductSpec, raster_bytes

MEXICO = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "mexico_city"
#: Grounds of a simulated scene that decay differently.
GROUNDS = {"town": TOWN, "field": FIELD, "forest": FOREST, "bare": BARE}
#: Days from January to March: seasons of the maps that pairs of `SIMULATION` need.
SEASONS = ("winter", "spring")
SIMULATION = Simulate("", width=64, height=56, dates=8, connections=7)
#: Pixels along the sides of an area on one ground.
_SIDE = 8
_SIZE = (40, 30)


def area_of_window(
    col: int,
    row: int,
    width: int,
    height: int,
    epsg: int = 32614,
    corner: tuple[float, float] = (X_FIRST, Y_FIRST),
) -> str:
    """Give the WKT in degrees of a window of 80 m pixels."""
    left, top = corner[0] + col * 80.0, corner[1] - row * 80.0
    bounds = (left, top - height * 80.0, left + width * 80.0, top)
    west, south, east, north = transform_bounds(f"EPSG:{epsg}", "EPSG:4326", *bounds)
    return f"POLYGON(({west} {south},{east} {south},{east} {north},{west} {north},{west} {south}))"


#: The middle of the products that are written by hand.
AREA = area_of_window(10, 10, 20, 10)


def spec_of(first: int, second: int, **changes: object) -> ProductSpec:
    return ProductSpec(DATES[first], DATES[second], width=_SIZE[0], height=_SIZE[1], **changes)


def write_coherence(
    folder: Path,
    spec: ProductSpec,
    coherence: float | np.ndarray,
    water: np.ndarray | None = None,
    has_mask: bool = True,
) -> Path:
    """Write a product that has coherence, water mask and metadata only; ``coherence`` (30, 40) or one value."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{spec.name}.zip"
    values = np.broadcast_to(np.asarray(coherence, dtype=np.float32), _SIZE[::-1])
    land = np.ones(_SIZE[::-1], dtype=np.uint8) if water is None else (~water).astype(np.uint8)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        if spec.has_metadata:
            package.writestr(f"{spec.name}/{spec.name}.txt", spec.metadata())
        package.writestr(f"{spec.name}/{spec.name}_corr.tif", _raster(values, spec, 0.0))
        if has_mask:
            package.writestr(f"{spec.name}/{spec.name}_water_mask.tif", _raster(land, spec, None))
    return path


def _raster(values: np.ndarray, spec: ProductSpec, nodata: float | None) -> bytes:
    # The grid is that of the other products of the maker.
    with MemoryFile(raster_bytes("corr", spec)) as memory, memory.open() as raster:
        profile = {**raster.profile, "dtype": values.dtype, "nodata": nodata}
    with MemoryFile() as memory:
        with memory.open(**profile) as raster:
            raster.write(values, 1)
        return memory.read()


def make_forecast_job(
    folder: Path,
    dates: Sequence[int] = range(5),
    area: str | None = AREA,
    land: Mapping[str, float] | None = None,
) -> Path:
    """Make a job of some of `DATES` with an area and its land cover; products come from `write_coherence`."""
    folder.mkdir(parents=True)
    spec = spec_of(0, 1)
    scenes = [spec.granules(DATES[number]) for number in dates]
    stack = {
        "pairs": [list(pair) for pair in zip(scenes, scenes[1:])],
        "baselines": dict.fromkeys(scenes, 0.0),
        "scenes": scenes,
    }
    (folder / "stack_p0_f0.json").write_text(json.dumps(stack), encoding="utf-8")
    config = {} if area is None else {"intersectsWith": area}
    (folder / "insarhub_config.json").write_text(
        json.dumps({"downloader": {"type": "S1_SLC", "config": config}}), encoding="utf-8"
    )
    if area is not None:
        put_land_cover(folder, area, {"urban_frac": 1.0} if land is None else land)
    return folder


def make_small_job(folder: Path) -> Path:
    """Make a job of five dates with a product for each of its ten pairs, decay maps and land cover.

    The coherence falls with the days, from 0.62 after 12 d, and differs a little from pair to pair.
    """
    make_forecast_job(folder, land={"urban_frac": 0.4, "crop_frac": 0.6})
    pairs = [(first, second) for second in range(5) for first in range(second)]
    for number, (first, second) in enumerate(pairs):
        coherence = 0.5 ** (second - first) * 0.8 + 0.22 + 0.01 * (number % 3)
        write_coherence(folder, spec_of(first, second), coherence)
    write_maps(folder)
    return folder


def put_land_cover(job: Path, area: str, fractions: Mapping[str, float]) -> None:
    """Put shares of land cover into the quality cache of a job, as a source does."""
    cache = QualityCache(job)
    cache.put("landcover", aoi_hash(area), dict(fractions))
    cache.save()


def make_mexico_job(folder: Path) -> Path:
    """Open the real products of Mexico City as a job with their area.

    Its land cover is **assumed**, not fetched: built-up. Any share above one half has the same median.
    """
    area = json.loads((MEXICO / "stack.json").read_text(encoding="utf-8"))["aoi_wkt"]
    open_products.run(OpenProducts(str(MEXICO / "hyp3"), str(folder)), RunContext())
    set_area(folder, area)
    put_land_cover(folder, area, {"urban_frac": 1.0})
    return folder


def set_area(job: Path, area: str) -> None:
    folder = JobFolder(job)
    section = folder.read_config()[DOWNLOADER]
    folder.write_config_section(
        DOWNLOADER, {**section, "config": {**section["config"], "intersectsWith": area}}
    )


def make_simulated_jobs(
    root: Path, seed: int, simulation: Simulate = SIMULATION, grounds: Sequence[str] = tuple(GROUNDS)
) -> dict[str, Path]:
    """Simulate a stack, and make one job per kind of ground in it with decay maps fetched from the sandbox.

    Returns
    -------
    jobs
        Name of the ground -> job folder; ``all`` is the whole scene.
    """
    request = replace(simulation, output_folder=str(root / "simulated"), seed=seed)
    simulate.run(request, RunContext())
    scene = make_scene(request)
    margin = MARGIN_PIXELS
    areas = {"all": (margin, margin, scene.width - 2 * margin, scene.height - 2 * margin)}
    areas |= {name: (*_place_of(scene, GROUNDS[name]), _SIDE, _SIDE) for name in grounds}
    jobs = {}
    with make_sandbox(simulation=request, seed=seed) as server:
        endpoints = Endpoints.of_sandbox(server.base_url).to_json()
        for name, window in areas.items():
            job = jobs[name] = root / name
            open_products.run(OpenProducts(str(root / "simulated" / "products"), str(job)), RunContext())
            area = area_of_window(*window, epsg=scene.site.epsg, corner=(scene.x_first, scene.y_first))
            set_area(job, area)
            put_land_cover(job, area, _shares(scene, window))
            decay_maps.run(FetchDecayMaps(str(job), seasons=SEASONS, endpoints=endpoints), RunContext())
    return jobs


def make_pictured_job(folder: Path) -> Path:
    """Make a job of a simulated stack with all that a check compares; its products and neighbours lie beside it."""
    simulation = replace(SIMULATION, width=100, height=80, connections=5)
    job = make_simulated_jobs(folder.parent, 1, simulation, grounds=())["all"]
    return job.rename(folder)


def _shares(scene: Scene, window: tuple[int, int, int, int]) -> dict[str, float]:
    """Give the land cover of a window as the quality cache has it."""
    col, row, width, height = window
    cover = scene.land_cover[row : row + height, col : col + width]
    names = landcover_fraction_names()
    return {names[WORLDCOVER[kind]]: float(np.mean(cover == kind)) for kind in range(len(WORLDCOVER))}


def _place_of(scene: Scene, kind: int) -> tuple[int, int]:
    """Give column and row of the square that has most of one kind of ground, inside what all products show."""
    share = ndimage.uniform_filter((scene.land_cover == kind).astype(float), _SIDE, origin=-(_SIDE // 2))
    inside = np.zeros(share.shape, dtype=bool)
    inside[
        MARGIN_PIXELS : scene.height - MARGIN_PIXELS - _SIDE,
        MARGIN_PIXELS : scene.width - MARGIN_PIXELS - _SIDE,
    ] = True
    row, col = np.unravel_index(np.argmax(np.where(inside, share, -1.0)), share.shape)
    return int(col), int(row)


def write_maps(
    job: Path, floor: float = 0.3, start: float = 0.8, tau_days: float = 30.0, **tags: str
) -> None:
    """Write decay maps of one value around `AREA` for the seasons of `DATES`."""
    west, south, east, north = transform_bounds(
        "EPSG:32614", "EPSG:4326", X_FIRST - 8000, Y_FIRST - 8000, X_FIRST + 8000, Y_FIRST + 8000
    )
    for season in SEASONS:
        path = decay_map_file(job, season, "vv")
        path.parent.mkdir(exist_ok=True)
        with rasterio.open(
            path, "w", driver="GTiff", dtype="float32", count=3, width=200, height=200, crs="EPSG:4326",
            transform=rasterio.transform.from_bounds(west, south, east, north, 200, 200), nodata=NODATA,
        ) as raster:  # fmt: skip
            raster.write(
                np.stack([np.full((200, 200), value, np.float32) for value in (floor, start, tau_days)])
            )
            raster.update_tags(**tags)

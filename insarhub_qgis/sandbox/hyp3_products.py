# SPDX-License-Identifier: GPL-2.0-or-later
"""Products of HyP3 jobs: which simulated stack a job belongs to, and the product of its pair from it.

Scenes of the simulated products' own stack give exactly the products of the command ``simulate``. Any other track and
frame of the catalogue, e.g. of a CMR answer that is served, is simulated where its scenes lie, with their dates and
baselines and on less ground. Pairs that no processor can make fail, with the reason in their log.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rasterio.warp import transform as transform_coordinates

from insarhub_qgis.core.progress import IsCancelled, ignore_progress
from insarhub_qgis.core.requests import Simulate
from insarhub_qgis.core.scenes import scene_start
from insarhub_qgis.engine.baselines import compute_baselines
from insarhub_qgis.sandbox.acquisitions import RELATIVE_ORBIT, acquisition
from insarhub_qgis.sandbox.decorrelation import simulate_pairs
from insarhub_qgis.sandbox.hyp3_jobs import Hyp3Job
from insarhub_qgis.sandbox.hyp3_processing import ProcessingFailed
from insarhub_qgis.sandbox.known_scenes import KnownScene
from insarhub_qgis.sandbox.pair_simulation import PairNoise, PairSimulation
from insarhub_qgis.sandbox.product_writer import ProductOptions, ProductSide, product_name
from insarhub_qgis.sandbox.random_fields import generator
from insarhub_qgis.sandbox.scene import (
    FIRST_DATE,
    HEADING_DEG,
    PIXEL_M,
    Site,
    scene_at,
    simulated_baselines_m,
    simulated_dates,
)

#: Most ground of other stacks, columns and rows of 80 m.
OTHER_WIDTH, OTHER_HEIGHT = 120, 100
#: Memory for the noise of the pairs that are simulated together.
_NOISE_BYTES = 96_000_000
_PRODUCT_TYPES = {
    "INSAR_GAMMA": "gamma",
    "INSAR_ISCE_BURST": "burst",
    "INSAR_ISCE_MULTI_BURST": "multi_burst",
}


@dataclass(frozen=True)
class _StackKey:
    """A simulated stack: ``frame`` None for that of the simulated products."""

    path: int
    frame: int | None
    range_looks: int
    azimuth_looks: int


@dataclass(frozen=True)
class _Plan:
    """One job as the simulator sees it."""

    job: Hyp3Job
    key: _StackKey
    pair: tuple[int, int]
    sides: tuple[ProductSide, ProductSide]
    options: ProductOptions
    name: str


class StackProducts:
    """Makes the products of batches of jobs; see `hyp3_processing.ProductMaker`.

    Parameters
    ----------
    scenes
        The catalogue.
    request
        Size, dates, noise and seed of the simulated products' own stack.
    """

    def __init__(self, scenes: Mapping[str, KnownScene], request: Simulate) -> None:
        self._scenes = scenes
        self._request = request
        self._simulations: dict[_StackKey, PairSimulation] = {}
        self._references: dict[tuple[int, int], KnownScene] = {}
        for scene in sorted(scenes.values(), key=lambda scene: (scene.start, scene.name)):
            if scene.frame is not None and not self._is_of_own_stack(scene):
                self._references.setdefault((scene.path, scene.frame or 0), scene)

    def __call__(
        self, jobs: Sequence[Hyp3Job], folder: Path, is_cancelled: IsCancelled
    ) -> Iterator[tuple[Hyp3Job, Path | ProcessingFailed]]:
        plans: dict[_StackKey, list[_Plan]] = {}
        for job in jobs:
            try:
                plan = self._plan(job)
            except ProcessingFailed as failure:
                yield job, failure
                continue
            plans.setdefault(plan.key, []).append(plan)
        for key, of_stack in plans.items():
            simulation = self._simulation(key)
            shape = (simulation.scene.height, simulation.scene.width)
            at_once = max(_NOISE_BYTES // (8 * shape[0] * shape[1]), 1)
            for start in range(0, len(of_stack), at_once):
                yield from self._make(simulation, of_stack[start : start + at_once], folder, is_cancelled)

    def own_stack(self) -> PairSimulation:
        """Give the simulation of the simulated products' own stack at 80 m, e.g. for its truth."""
        return self._simulation(_StackKey(RELATIVE_ORBIT, None, 20, 4))

    def other_stacks(self) -> list[KnownScene]:
        """Give the earliest scene of each other track and frame: the stack is simulated where it lies."""
        return list(self._references.values())

    def stack_of(self, reference: KnownScene) -> PairSimulation:
        """Give the simulation at 80 m of one of `other_stacks`."""
        return self._simulation(_StackKey(reference.path, reference.frame or 0, 20, 4))

    def _make(
        self, simulation: PairSimulation, plans: Sequence[_Plan], folder: Path, is_cancelled: IsCancelled
    ) -> Iterator[tuple[Hyp3Job, Path]]:
        """Make the products of some jobs of one stack; one that is there already is not made again."""
        scene = simulation.scene
        missing = [plan for plan in plans if not (folder / f"{plan.name}.zip").is_file()]
        pairs = list(dict.fromkeys(plan.pair for plan in missing))
        noise: dict[tuple[int, int], PairNoise] = {}
        if pairs and self._request.noise:
            phases = np.empty((len(pairs), scene.height, scene.width), dtype=np.float32)
            coherences = np.empty_like(phases)
            seed = simulation.request.seed
            simulate_pairs(scene, seed, phases, coherences, ignore_progress, is_cancelled, pairs)
            noise = {
                pair: PairNoise(phase, coherence) for pair, phase, coherence in zip(pairs, phases, coherences)
            }
        for plan in plans:
            path = folder / f"{plan.name}.zip"
            if not path.is_file():
                simulation.write(folder, plan.name, plan.pair, plan.sides, plan.options, noise.get(plan.pair))
            yield plan.job, path

    # --- What a job asks for ---

    def _plan(self, job: Hyp3Job) -> _Plan:
        if job.job_type not in _PRODUCT_TYPES:
            raise ProcessingFailed(f"The sandbox makes interferograms only, no {job.job_type}.")
        sides = [self._known(names) for names in job.scenes]
        sides.sort(key=lambda side: side[0].start)
        reference, secondary = sides[0][0], sides[1][0]
        if reference.name == secondary.name or reference.date == secondary.date:
            raise ProcessingFailed("Reference and secondary are of the same pass.")
        if (reference.path, reference.is_ascending) != (secondary.path, secondary.is_ascending):
            raise ProcessingFailed(
                f"The scenes are of different tracks, path {reference.path} and path {secondary.path}."
            )
        if not reference.overlaps(secondary):
            raise ProcessingFailed("The scenes do not overlap.")
        if reference.frame is None and not self._is_of_own_stack(reference):
            raise ProcessingFailed(f"The sandbox makes products of bursts of path {RELATIVE_ORBIT} only.")
        range_looks, azimuth_looks = (int(part) for part in job.parameters["looks"].split("x"))
        frame = None if self._is_of_own_stack(reference) else reference.frame or 0
        key = _StackKey(reference.path, frame, range_looks, azimuth_looks)
        scene = self._simulation(key).scene
        pair = (scene.dates.index(reference.date), scene.dates.index(secondary.date))
        options = _options(job.job_type, job.parameters)
        both = (_side(sides[0]), _side(sides[1]))
        salt = f"{self._request.seed}/{options}"
        name = product_name(options, scene.site, reference.path, *both, salt)
        return _Plan(job, key, pair, both, options, name)

    def _known(self, names: Sequence[str]) -> list[KnownScene]:
        missing = [name for name in names if name not in self._scenes]
        if missing:
            raise ProcessingFailed(f"These scenes could not be downloaded: {', '.join(missing)}.")
        return [self._scenes[name] for name in names]

    # --- Stacks ---

    def _is_of_own_stack(self, scene: KnownScene) -> bool:
        if scene.path != RELATIVE_ORBIT:
            return False
        # Bursts are simulated of this stack only.
        return scene.frame is None or scene.name == acquisition(scene.date, FIRST_DATE).granule

    def _simulation(self, key: _StackKey) -> PairSimulation:
        if key not in self._simulations:
            if key.frame is None:
                self._simulations[key] = self._own_simulation(key)
            else:
                reference = self._references[key.path, key.frame]
                self._simulations[key] = self._simulation_elsewhere(key, reference)
        return self._simulations[key]

    def _own_simulation(self, key: _StackKey) -> PairSimulation:
        request = self._request
        site = Site(range_looks=key.range_looks, azimuth_looks=key.azimuth_looks)
        dates = simulated_dates(request.dates, request.revisit_days)
        baselines = simulated_baselines_m(request.seed, request.dates)
        return PairSimulation(request, scene_at(site, request, dates, baselines))

    def _simulation_elsewhere(self, key: _StackKey, reference: KnownScene) -> PairSimulation:
        """Simulate the stack of a scene where it lies, with all passes of its track that overlap it."""
        digest = hashlib.sha256(f"{self._request.seed}/{key.path}/{key.frame}".encode()).digest()
        request = replace(
            self._request,
            seed=int.from_bytes(digest[:4], "big") >> 1,
            width=min(self._request.width, OTHER_WIDTH),
            height=min(self._request.height, OTHER_HEIGHT),
        )
        stack = [
            scene
            for scene in self._scenes.values()
            if scene.path == reference.path and scene.frame is not None and scene.overlaps(reference)
        ]
        dates = tuple(sorted({scene.date for scene in stack}))
        frame = {scene.date: scene for scene in stack if scene.frame == reference.frame}
        baselines = _baselines_m(request.seed, dates, frame)
        site = _site_of(reference, request, key)
        return PairSimulation(request, scene_at(site, request, dates, baselines))


def _site_of(scene: KnownScene, request: Simulate, key: _StackKey) -> Site:
    """Give the site in the middle of a footprint, on the 80 m lattice of its UTM zone."""
    centre = scene.footprint.centroid
    longitude = (centre.x + 180) % 360 - 180
    epsg = (32600 if centre.y >= 0 else 32700) + int((longitude + 180) // 6) + 1
    xs, ys = transform_coordinates("EPSG:4326", f"EPSG:{epsg}", [longitude], [centre.y])
    return Site(
        epsg=epsg,
        corner_x=round(xs[0] / PIXEL_M - request.width / 2) * PIXEL_M,
        corner_y=round(ys[0] / PIXEL_M + request.height / 2) * PIXEL_M,
        heading_deg=HEADING_DEG if scene.is_ascending else -180.0 - HEADING_DEG,
        range_looks=key.range_looks,
        azimuth_looks=key.azimuth_looks,
    )


def _baselines_m(
    seed: int, dates: Sequence[datetime.date], frame: Mapping[datetime.date, KnownScene]
) -> npt.NDArray[np.float64]:
    """Give the perpendicular baselines of dates from the orbits of their scenes, relative to the first date.

    A processor knows every orbit; the catalogue lacks some, for which a plausible value is drawn.
    """
    known = compute_baselines([scene.item for scene in frame.values()]).known_m
    values = [known.get(frame[date].name) if date in frame else None for date in dates]
    drawn = generator(seed, "baselines").normal(0.0, 60.0, len(dates))
    baselines = np.array([drawn[i] if value is None else value for i, value in enumerate(values)])
    return np.asarray(np.round(baselines - baselines[0], 4))


def _side(scenes: Sequence[KnownScene]) -> ProductSide:
    first = scenes[0]
    # The name has whole seconds, as product names have.
    text = scene_start(first.name)
    start = datetime.datetime.strptime(text, "%Y%m%dT%H%M%S") if text else first.start
    satellite = first.name[:3] if first.frame is not None else "S1A"
    return ProductSide(tuple(scene.name for scene in scenes), satellite, start, first.orbit)


def _options(job_type: str, parameters: Mapping[str, Any]) -> ProductOptions:
    """Give what the parameters of a job ask for."""
    is_masked = parameters["apply_water_mask"]
    if job_type != "INSAR_GAMMA":
        return ProductOptions(_PRODUCT_TYPES[job_type], is_water_masked=is_masked)
    return ProductOptions(
        "gamma",
        has_dem=parameters["include_dem"],
        has_look_vectors=parameters["include_look_vectors"],
        has_incidence=parameters["include_inc_map"],
        has_displacement=parameters["include_displacement_maps"] or parameters["include_los_displacement"],
        has_wrapped_phase=parameters["include_wrapped_phase"],
        is_water_masked=is_masked,
        filter_strength=float(parameters["phase_filter_parameter"]),
    )

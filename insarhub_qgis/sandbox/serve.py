# SPDX-License-Identifier: GPL-2.0-or-later
"""The command that serves the sandbox until it is cancelled."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from rasterio.warp import transform as transform_coordinates

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.requests import ServeSandbox, Simulate
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.sandbox.cmr_service import CmrService
from insarhub_qgis.sandbox.coherence_service import CoherenceService
from insarhub_qgis.sandbox.edl_service import EdlService
from insarhub_qgis.sandbox.fire_service import FireService
from insarhub_qgis.sandbox.hyp3_jobs import Hyp3Settings
from insarhub_qgis.sandbox.hyp3_products import OTHER_HEIGHT, OTHER_WIDTH, StackProducts
from insarhub_qgis.sandbox.hyp3_service import Hyp3Service
from insarhub_qgis.sandbox.known_scenes import KnownScene, known_scenes
from insarhub_qgis.sandbox.land_cover_service import LandCoverService
from insarhub_qgis.sandbox.scene import CORNER_X, CORNER_Y, EPSG, MARGIN_PIXELS, PIXEL_M, Scene, check_request
from insarhub_qgis.sandbox.server import SandboxServer, Service
from insarhub_qgis.sandbox.service_state import SandboxClock
from insarhub_qgis.sandbox.simulate import write_truth_files
from insarhub_qgis.sandbox.simulated_catalogue import read_items, simulated_burst_items, simulated_items
from insarhub_qgis.sandbox.snow_service import SnowService
from insarhub_qgis.sandbox.vegetation_service import VegetationService
from insarhub_qgis.sandbox.weather import Weather
from insarhub_qgis.sandbox.weather_service import WeatherService
from insarhub_qgis.sandbox.world import StackGround, World

_POLL_S = 0.2


def make_sandbox(
    umm_file: str = "",
    port: int = 0,
    seed: int = 1,
    settings: Hyp3Settings | None = None,
    simulation: Simulate | None = None,
    truth_folder: str = "",
) -> SandboxServer:
    """Make a sandbox with all its services; it is not started yet.

    Parameters
    ----------
    settings
        Of the HyP3 service.
    simulation
        Size, dates and noise of the products; its seed gives way to ``seed``.
    truth_folder
        Where the truth of the simulated stack is written, whatever scenes are served; empty for nowhere.

    Raises
    ------
    InsarError
        ``sandbox.port``, ``sandbox.not_umm``, ``file.not_readable``, ``simulate.parameter``, ``simulate.folder``.
    """
    request = replace(simulation or Simulate(output_folder=""), seed=seed)
    check_request(request)
    if umm_file:
        items = read_items(Path(umm_file))
    else:
        stack = (seed, request.dates, request.revisit_days)
        items = [*simulated_items(*stack), *simulated_burst_items(*stack)]
    clock = SandboxClock()
    scenes = known_scenes(items)
    products = StackProducts(scenes, request)
    if truth_folder:
        try:
            Path(truth_folder).mkdir(parents=True, exist_ok=True)
            write_truth_files(Path(truth_folder), products.own_stack())
        except OSError as error:
            raise InsarError("simulate.folder", folder=truth_folder, reason=str(error)) from error
    hyp3 = Hyp3Service(clock, scenes, products, settings)
    services = [CmrService(items), EdlService(clock), hyp3, *quality_services(clock, request, products)]
    return SandboxServer(services, clock, port)


def quality_services(clock: SandboxClock, request: Simulate, products: StackProducts) -> list[Service]:
    """Give the sources of pair quality, consistent with the products that are simulated."""
    world, weather = World(request.seed, _grounds(request, products)), Weather(request.seed)
    return [
        CoherenceService(world),
        WeatherService(clock, weather),
        LandCoverService(world),
        VegetationService(clock, world, weather),
        SnowService(clock, world, weather),
        FireService(clock, world, weather),
    ]


def _grounds(request: Simulate, products: StackProducts) -> list[StackGround]:
    """Give the ground of the simulated products' own stack, and of each other track and frame."""
    xs, ys = transform_coordinates(
        f"EPSG:{EPSG}",
        "EPSG:4326",
        [CORNER_X + request.width * PIXEL_M / 2],
        [CORNER_Y - request.height * PIXEL_M / 2],
    )
    margin = 2 * MARGIN_PIXELS
    own_m = (max(request.width, request.height) + margin) * PIXEL_M
    other_m = (max(OTHER_WIDTH, OTHER_HEIGHT) + margin) * PIXEL_M
    grounds = [StackGround.around(xs[0], ys[0], own_m, lambda: products.own_stack().scene)]
    for reference in products.other_stacks():
        centre = reference.footprint.centroid
        grounds.append(
            StackGround.around(
                (centre.x + 180) % 360 - 180,
                centre.y,
                other_m,
                partial(_scene_of, products, reference),
            )
        )
    return grounds


def _scene_of(products: StackProducts, reference: KnownScene) -> Scene:
    return products.stack_of(reference).scene


def run(request: ServeSandbox, context: RunContext) -> dict[str, Any]:
    """Answer `ServeSandbox`; see the request for the item and the result."""
    simulation = Simulate(
        output_folder="",
        width=request.width,
        height=request.height,
        dates=request.dates,
        revisit_days=request.revisit_days,
        noise=request.noise,
        atmosphere_rms_mm=request.atmosphere_rms_mm,
    )
    settings = Hyp3Settings(
        pending_s=request.pending_s, done_s=request.done_s, failed_share=request.failed_share
    )
    server = make_sandbox(
        request.umm_file, request.port, request.seed, settings, simulation, request.truth_folder
    )
    with server:
        scenes = sum(len(service) for service in server.services if isinstance(service, CmrService))
        context.item({"base_url": server.base_url, "scenes": scenes})
        context.report(0.0, server.base_url)
        while not context.is_cancelled():
            time.sleep(_POLL_S)
    return {"base_url": server.base_url, "requests": len(server.log.requests())}

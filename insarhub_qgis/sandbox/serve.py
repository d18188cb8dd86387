# SPDX-License-Identifier: GPL-2.0-or-later
"""The command that serves the sandbox until it is cancelled."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.requests import ServeSandbox, Simulate
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.sandbox.cmr_service import CmrService
from insarhub_qgis.sandbox.edl_service import EdlService
from insarhub_qgis.sandbox.hyp3_jobs import Hyp3Settings
from insarhub_qgis.sandbox.hyp3_products import StackProducts
from insarhub_qgis.sandbox.hyp3_service import Hyp3Service
from insarhub_qgis.sandbox.known_scenes import bursts_of_simulated_stack, known_scenes
from insarhub_qgis.sandbox.scene import check_request
from insarhub_qgis.sandbox.server import SandboxServer
from insarhub_qgis.sandbox.service_state import SandboxClock
from insarhub_qgis.sandbox.simulate import write_truth_files
from insarhub_qgis.sandbox.simulated_catalogue import read_items, simulated_items

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
    items = (
        read_items(Path(umm_file)) if umm_file else simulated_items(seed, request.dates, request.revisit_days)
    )
    clock = SandboxClock()
    scenes = known_scenes(items)
    scenes |= bursts_of_simulated_stack(scenes)
    products = StackProducts(scenes, request)
    if truth_folder:
        try:
            Path(truth_folder).mkdir(parents=True, exist_ok=True)
            write_truth_files(Path(truth_folder), products.own_stack())
        except OSError as error:
            raise InsarError("simulate.folder", folder=truth_folder, reason=str(error)) from error
    hyp3 = Hyp3Service(clock, scenes, products, settings)
    return SandboxServer([CmrService(items), EdlService(clock), hyp3], clock, port)


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

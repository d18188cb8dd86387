# SPDX-License-Identifier: GPL-2.0-or-later
"""The command that serves the sandbox until it is cancelled."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from insarhub_qgis.core.requests import ServeSandbox
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.sandbox.cmr_service import CmrService
from insarhub_qgis.sandbox.edl_service import EdlService
from insarhub_qgis.sandbox.hyp3_jobs import Hyp3Settings
from insarhub_qgis.sandbox.hyp3_service import Hyp3Service
from insarhub_qgis.sandbox.known_scenes import bursts_of_simulated_stack, known_scenes
from insarhub_qgis.sandbox.server import SandboxServer
from insarhub_qgis.sandbox.service_state import SandboxClock
from insarhub_qgis.sandbox.simulated_catalogue import read_items, simulated_items

_POLL_S = 0.2


def make_sandbox(
    umm_file: str = "", port: int = 0, seed: int = 1, settings: Hyp3Settings | None = None
) -> SandboxServer:
    """Make a sandbox with all its services; it is not started yet.

    Raises
    ------
    InsarError
        ``sandbox.port``, ``sandbox.not_umm``, ``file.not_readable``.
    """
    items = read_items(Path(umm_file)) if umm_file else simulated_items(seed)
    clock = SandboxClock()
    scenes = known_scenes(items)
    scenes |= bursts_of_simulated_stack(scenes)
    hyp3 = Hyp3Service(clock, scenes, settings=settings)
    return SandboxServer([CmrService(items), EdlService(clock), hyp3], clock, port)


def run(request: ServeSandbox, context: RunContext) -> dict[str, Any]:
    """Answer `ServeSandbox`; see the request for the item and the result."""
    server = make_sandbox(request.umm_file, request.port, request.seed)
    with server:
        scenes = sum(len(service) for service in server.services if isinstance(service, CmrService))
        context.item({"base_url": server.base_url, "scenes": scenes})
        context.report(0.0, server.base_url)
        while not context.is_cancelled():
            time.sleep(_POLL_S)
    return {"base_url": server.base_url, "requests": len(server.log.requests())}

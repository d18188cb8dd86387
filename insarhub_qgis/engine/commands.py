# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands of the engine: request class and the function that answers, imported on use."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Callable

from insarhub_qgis.core import requests
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.run_context import RunContext

#: request class -> "module:function"; the function takes (request, context) and gives a JSON object.
_COMMANDS: dict[type[requests.Request], str] = {
    requests.CheckEnvironment: "insarhub_qgis.engine.environment:check",
    requests.CreateEnvironment: "insarhub_qgis.engine.environment:create",
    requests.OpenProducts: "insarhub_qgis.engine.open_products:run",
    requests.PrepareAnalysis: "insarhub_qgis.engine.prepare_analysis:run",
    requests.RunAnalysis: "insarhub_qgis.engine.mintpy_run:run",
    requests.StackFacts: "insarhub_qgis.engine.stack_facts:run",
    requests.CleanUp: "insarhub_qgis.engine.clean_up:run",
    requests.ExportResults: "insarhub_qgis.engine.export_results:run",
    requests.ExportFootprint: "insarhub_qgis.engine.export_footprint:run",
    requests.ExportPoints: "insarhub_qgis.engine.export_points:run",
    requests.SampleSeries: "insarhub_qgis.engine.sample_series:run",
    requests.ZonalSeries: "insarhub_qgis.engine.zonal_series:run",
    requests.IndexSeries: "insarhub_qgis.engine.index_series:run",
    requests.CopyDataset: "insarhub_qgis.engine.copy_dataset:run",
    requests.SearchScenes: "insarhub_qgis.engine.search:run",
    requests.OpenSearchAnswer: "insarhub_qgis.engine.search:open_answer",
    requests.AddJobs: "insarhub_qgis.engine.add_jobs:run",
    requests.ComputeBaselines: "insarhub_qgis.engine.baselines:run",
}

Command = Callable[[Any, RunContext], "dict[str, Any]"]

REQUEST_BY_COMMAND: dict[str, type[requests.Request]] = {request.command: request for request in _COMMANDS}


def find_command(name: str) -> tuple[type[requests.Request], Command]:
    """Give the request class and the function of a command; raises ``engine.unknown_command``."""
    request_class = REQUEST_BY_COMMAND.get(name)
    if request_class is None:
        raise InsarError("engine.unknown_command", command=name, known=sorted(REQUEST_BY_COMMAND))
    module_name, function_name = _COMMANDS[request_class].split(":")
    return request_class, getattr(import_module(module_name), function_name)

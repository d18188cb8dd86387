# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands of the sandbox: request class and the function that answers, imported on use."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Callable

from insarhub_qgis.core import requests
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.run_context import RunContext

#: request class -> "module:function"; the function takes (request, context) and gives a JSON object.
_COMMANDS: dict[type[requests.Request], str] = {
    requests.Simulate: "insarhub_qgis.sandbox.simulate:run",
    requests.CompareWithTruth: "insarhub_qgis.sandbox.compare_with_truth:run",
    requests.DemoReport: "insarhub_qgis.sandbox.demo_report:run",
    requests.ServeSandbox: "insarhub_qgis.sandbox.serve:run",
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

# SPDX-License-Identifier: GPL-2.0-or-later
"""Which function answers which request; the module of the function is imported on use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Callable

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.requests import Request
from insarhub_qgis.core.run_context import RunContext

#: Takes the request and the context of the run, gives a JSON object.
Command = Callable[[Any, RunContext], "dict[str, Any]"]


class CommandTable:
    """Requests of one program and the functions that answer, as ``module:function``."""

    def __init__(self, functions: Mapping[type[Request], str]) -> None:
        self._functions = dict(functions)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(request.command for request in self._functions))

    def add(self, request: type[Request], function: str) -> None:
        self._functions[request] = function

    def find(self, name: str) -> tuple[type[Request], Command]:
        """Give the request class and the function of a command; raises ``engine.unknown_command``."""
        for request, place in self._functions.items():
            if request.command == name:
                module_name, function_name = place.split(":")
                return request, getattr(import_module(module_name), function_name)
        raise InsarError("engine.unknown_command", command=name, known=list(self))

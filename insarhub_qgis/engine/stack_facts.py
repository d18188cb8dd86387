# SPDX-License-Identifier: GPL-2.0-or-later
"""Answers ``stack-facts``: size, pairs and coherence of the loaded stack, and the thresholds they suggest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.mintpy_steps import STACK_FILE
from insarhub_qgis.core.requests import StackFacts
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine.mintpy_stack import read_stack_facts, stack_is_whole


def run(request: StackFacts, context: RunContext) -> dict[str, Any]:
    """Answer `StackFacts`; raises ``stack.not_loaded`` and ``stack.damaged``."""
    path = Path(request.job_folder) / STACK_FILE
    if not path.is_file():
        raise InsarError("stack.not_loaded", file=str(path))
    if not stack_is_whole(path):
        raise InsarError("stack.damaged", file=str(path))
    return read_stack_facts(path)

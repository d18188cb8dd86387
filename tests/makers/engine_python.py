# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the tests find the engine environment."""

from __future__ import annotations

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def find_engine_python() -> Path | None:
    """The project's engine environment, else the one that INSARHUB_ENGINE_PYTHON names, else None."""
    python = PROJECT / ".venv" / "engine" / "bin" / "python"
    if python.is_file():
        return python
    named = os.environ.get("INSARHUB_ENGINE_PYTHON")
    return Path(named) if named and Path(named).is_file() else None

# SPDX-License-Identifier: GPL-2.0-or-later
"""Job folders of `forecast_jobs` for tests in QGIS's Python, which has no raster library of the engine."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_PROGRAM = (
    "import sys; from pathlib import Path; from tests.makers import forecast_jobs; "
    "getattr(forecast_jobs, sys.argv[1])(Path(sys.argv[2]))"
)


def write_forecast_job(engine: Path, folder: Path, maker: str = "make_small_job") -> Path:
    """Run a maker of `forecast_jobs` in the engine's Python and give the folder."""
    subprocess.run(
        [str(engine), "-c", _PROGRAM, maker, str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return folder

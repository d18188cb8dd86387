# SPDX-License-Identifier: GPL-2.0-or-later
"""A small simulated job that went through prepare and MintPy, made by the engine as the plugin does."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsProcessingFeedback

from insarhub_qgis.core.requests import OpenProducts, PrepareAnalysis, RunAnalysis, Simulate
from insarhub_qgis.host.engine_process import run_engine

#: Small enough for seconds, large enough for MintPy's reference point and masks.
WIDTH, HEIGHT, DATES = 64, 56, 8


def make_finished_job(folder: Path, python: Path) -> Path:
    """Simulate products below ``folder`` and analyse them; gives the job folder."""
    feedback = QgsProcessingFeedback(False)
    simulated = run_engine(
        Simulate(
            str(folder / "simulated"), width=WIDTH, height=HEIGHT, dates=DATES, connections=2, noise=True
        ),
        feedback,
        python=python,
    )
    job = folder / "small job é"
    options = Path(simulated["options_file"]).read_text(encoding="utf-8")
    options += "\nmintpy.topographicResidual = no\n"
    run_engine(OpenProducts(simulated["products_folder"], str(job)), feedback, python=python)
    run_engine(PrepareAnalysis(str(job)), feedback, python=python)
    run_engine(RunAnalysis(str(job), options=options), feedback, python=python)
    return job

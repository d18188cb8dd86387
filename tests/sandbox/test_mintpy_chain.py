# SPDX-License-Identifier: GPL-2.0-or-later
"""Simulated products through the engine and the real MintPy: the planted velocity comes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from insarhub_qgis.core.requests import OpenProducts, PrepareAnalysis, RunAnalysis, Simulate
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.sandbox import compare_with_truth, simulate

pytest.importorskip("mintpy")


def recovered(folder: Path, **values) -> dict:
    from insarhub_qgis.engine import mintpy_run, open_products, prepare_analysis

    context, job = RunContext(), folder / "job"
    request = Simulate(output_folder=str(folder / "simulated"), width=96, height=80, **values)
    answer = simulate.run(request, context)
    open_products.run(OpenProducts(products_folder=answer["products_folder"], job_folder=str(job)), context)
    prepare_analysis.run(PrepareAnalysis(job_folder=str(job)), context)
    options = Path(answer["options_file"]).read_text(encoding="utf-8")
    mintpy_run.run(RunAnalysis(job_folder=str(job), options=options), context)
    return compare_with_truth.compare(job, Path(answer["truth_file"])).figures


def test_without_noise_mintpy_gives_the_planted_velocity(tmp_path):
    figures = recovered(tmp_path, noise=False)
    assert figures["rmse_mm_per_year"] < 0.1
    assert abs(figures["bias_mm_per_year"]) < 0.1
    assert figures["rmse_at_reference_mm_per_year"] < 0.1, "nothing hides behind the alignment"
    assert figures["pixels"] > 7000


def test_with_noise_mintpy_errs_as_the_noise_predicts(tmp_path):
    figures = recovered(tmp_path)
    assert 1 / 1.5 < figures["rmse_mm_per_year"] / figures["predicted_rmse_mm_per_year"] < 1.5
    assert abs(figures["bias_mm_per_year"]) < 3 * figures["predicted_bias_sigma_mm_per_year"]
    # the alignment takes one constant off; the noise of a single pixel explains it
    assert abs(figures["reference_offset_mm_per_year"]) < 4 * figures["predicted_rmse_stable_mm_per_year"]

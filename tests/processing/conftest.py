# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures of the algorithm tests: the provider, the engine, and one small job that went through all steps."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from qgis.core import QgsApplication, QgsProcessingFeedback

from insarhub_qgis.core.requests import Simulate
from insarhub_qgis.host.engine_environment import OVERRIDE_VARIABLE
from insarhub_qgis.host.engine_process import run_engine
from insarhub_qgis.processing.provider import InsarHubProvider
from tests.makers.engine_python import find_engine_python

#: Small enough for seconds, large enough for MintPy's reference point and masks.
WIDTH, HEIGHT, DATES = 64, 56, 8


@pytest.fixture(autouse=True)
def _no_hidden_exception(monkeypatch):
    caught = []
    monkeypatch.setattr(sys, "excepthook", lambda *error: caught.append(error))
    yield
    assert caught == []


@pytest.fixture(scope="session")
def engine():
    python = find_engine_python()
    if python is None:
        pytest.skip("no engine environment: run make setup")
    before = os.environ.get(OVERRIDE_VARIABLE)
    os.environ[OVERRIDE_VARIABLE] = str(python)
    yield python
    if before is None:
        del os.environ[OVERRIDE_VARIABLE]
    else:
        os.environ[OVERRIDE_VARIABLE] = before


@pytest.fixture(scope="session")
def run_offline(qgis_app, qgis_processing):
    """Run an algorithm that asks no engine; the one place that registers the provider."""
    import processing

    provider = InsarHubProvider()
    QgsApplication.processingRegistry().addProvider(provider)

    def run_algorithm(name, parameters, feedback=None):
        return processing.run(
            f"insarhub:{name}", parameters, feedback=feedback or QgsProcessingFeedback(False)
        )

    yield run_algorithm
    QgsApplication.processingRegistry().removeProvider(provider)


@pytest.fixture(scope="session")
def run(run_offline, engine):
    """Run an algorithm of the provider: ``run("openproducts", {...})``."""
    return run_offline


@dataclass(frozen=True)
class FinishedJob:
    """A job folder after MintPy, with the truth that its products were made from."""

    folder: Path
    products: Path
    truth_file: Path
    options: str

    @property
    def series(self) -> Path:
        return self.folder / "timeseries.h5"


@pytest.fixture(scope="session")
def simulated(engine, tmp_path_factory):
    """Products of a small simulated stack."""
    folder = tmp_path_factory.mktemp("simulated blank ü")
    request = Simulate(str(folder), width=WIDTH, height=HEIGHT, dates=DATES, connections=2, noise=True)
    return run_engine(request, QgsProcessingFeedback(False))


@pytest.fixture(scope="session")
def finished_job(run, simulated, tmp_path_factory):
    """Open, prepare and analyse the small stack once, by the algorithms."""
    job = tmp_path_factory.mktemp("jobs") / "small job é"
    options = Path(simulated["options_file"]).read_text(encoding="utf-8")
    options += "\nmintpy.topographicResidual = no\n"
    run("openproducts", {"PRODUCTS": simulated["products_folder"], "JOB_FOLDER": str(job)})
    run("prepareanalysis", {"JOB_FOLDER": str(job)})
    run("runanalysis", {"JOB_FOLDER": str(job), "OPTIONS": options})
    return FinishedJob(job, Path(simulated["products_folder"]), Path(simulated["truth_file"]), options)

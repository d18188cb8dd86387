# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures of the algorithm tests: the provider, the engine, one small job that went through all steps, and faults.

``INSARHUB_FAULTS_TABLE=FILE`` writes the sentences of faulty input as they were printed, as a table.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from qgis.core import QgsApplication, QgsProcessingException, QgsProcessingFeedback

from insarhub_qgis.core.requests import Simulate
from insarhub_qgis.host.engine_environment import OVERRIDE_VARIABLE
from insarhub_qgis.host.engine_process import run_engine
from insarhub_qgis.processing.provider import InsarHubProvider
from tests.makers.engine_python import find_engine_python
from tests.makers.printed_sentences import Heard, assert_is_a_sentence, state_of

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


@pytest.fixture(scope="session")
def table():
    """Rows (input, sentence, what is intact)."""
    rows = []
    yield rows
    target = os.environ.get("INSARHUB_FAULTS_TABLE")
    if target and rows:
        lines = ["| input | printed sentence | files |", "|---|---|---|"]
        lines += [
            f"| {' | '.join(' '.join(text.replace('|', '/').split()) for text in row)} |" for row in rows
        ]
        Path(target).write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def refused(run, table, tmp_path):
    """Run an algorithm that must fail and give its sentence; ``kept`` are folders and files that must stay."""

    def check(what, name, parameters, *, kept, words):
        before = state_of(kept)
        feedback = Heard()
        with pytest.raises(QgsProcessingException) as caught:
            run(name, parameters, feedback)
        text = str(caught.value)
        for word in words:
            assert word in text, f"{word!r} is not in {text!r}"
        assert_is_a_sentence(text)
        assert not any("Traceback" in line for line in feedback.everything)
        assert state_of(kept) == before
        table.append((what, text.replace(str(tmp_path), "…"), f"{len(before)} files byte for byte"))
        return text

    return check

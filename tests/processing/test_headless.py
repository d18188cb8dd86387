# SPDX-License-Identifier: GPL-2.0-or-later
"""``qgis_process`` on the staged plugin: the list, the shipped model, an error's exit code."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STAGE = ROOT / "build" / "stage"
MODEL = "insarhub:Products to exports"


@pytest.fixture(scope="module")
def qgis_process(tmp_path_factory, engine):
    if shutil.which("qgis_process") is None:
        pytest.skip("no qgis_process on this machine")
    if not (STAGE / "insarhub_qgis" / "metadata.txt").is_file():
        pytest.skip("no staged plugin: run make stage")
    profile = tmp_path_factory.mktemp("profile")
    environment = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "QGIS_CUSTOM_CONFIG_PATH": str(profile),
        "QGIS_PLUGINPATH": str(STAGE),
        "INSARHUB_ENGINE_PYTHON": str(engine),
    }

    def run(*arguments, text=None):
        return subprocess.run(
            ["qgis_process", *arguments], env=environment, input=text, capture_output=True, text=True, timeout=280,
            check=False,
        )  # fmt: skip

    enabled = run("plugins", "enable", "insarhub_qgis")
    assert enabled.returncode == 0, enabled.stdout
    return run


def test_all_algorithms_and_the_model_are_listed(qgis_process):
    listed = qgis_process("list").stdout
    for name in ("openproducts", "loadproducts", "prepareanalysis", "runanalysis", "exportresults", "exportfootprint",
                 "exportpoints", "sampletimeseries", "zonaltimeseries", "Products to exports"):  # fmt: skip
        assert f"insarhub:{name}\t" in listed, name


def test_the_shipped_model_goes_from_products_to_exports(qgis_process, simulated, tmp_path):
    options = (
        Path(simulated["options_file"]).read_text(encoding="utf-8") + "\nmintpy.topographicResidual = no\n"
    )
    inputs = {
        "products": simulated["products_folder"],
        "job_folder": str(tmp_path / "job"),
        "exports": str(tmp_path / "exports"),
        "options": options,
        "unit": "mm",
    }
    finished = qgis_process("run", MODEL, "-", text=json.dumps({"inputs": inputs}))
    assert finished.returncode == 0, finished.stdout + finished.stderr
    written = {path.name for path in (tmp_path / "exports").glob("*.tif")}
    assert {"velocity.tif", "timeseries.tif", "temporalCoherence.tif"} <= written


def test_a_failure_has_an_exit_code_and_a_sentence(qgis_process, tmp_path):
    (tmp_path / "empty").mkdir()
    finished = qgis_process(
        "run", "insarhub:openproducts", f"--PRODUCTS={tmp_path / 'empty'}", f"--JOB_FOLDER={tmp_path / 'job'}"
    )
    assert finished.returncode != 0
    assert "zip" in (finished.stdout + finished.stderr)
    assert "Traceback" not in finished.stdout + finished.stderr

# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures of the layer tests: a project of its own, and MintPy-like files made by the engine's Python (it has h5py)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from qgis.core import QgsProject

from tests.makers.engine_python import PROJECT, find_engine_python

MAKER = Path(__file__).with_name("make_job.py")


@pytest.fixture(autouse=True)
def _no_hidden_exception(monkeypatch):
    caught = []
    monkeypatch.setattr(sys, "excepthook", lambda *error: caught.append(error))
    yield
    assert caught == []


@pytest.fixture
def project(qgis_app):
    project = QgsProject()
    yield project
    project.clear()


@pytest.fixture(scope="session")
def engine_python():
    python = find_engine_python()
    if python is None:
        pytest.skip("no engine environment: run make setup")
    return python


def run_engine_code(python: Path, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        [str(python), *arguments], capture_output=True, text=True, env=environment, cwd=PROJECT, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def make_job(engine_python, tmp_path):
    """``make_job(**options)``: a job folder with MintPy files at a path with blanks and non-ASCII letters."""

    def make(name: str = "Ciudad de México job", **options) -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True, exist_ok=True)
        run_engine_code(engine_python, str(MAKER), str(folder), json.dumps(options))
        return folder

    return make


@pytest.fixture
def engine_command(engine_python):
    """Run an engine command function in the engine's Python: ``engine_command("CopyDataset", source=..., ...)``."""

    def run(request: str, **parameters) -> dict:
        code = (
            "import json, sys\n"
            "from insarhub_qgis.core import requests\n"
            "from insarhub_qgis.core.run_context import RunContext\n"
            "from insarhub_qgis.engine.commands import COMMANDS\n"
            "cls = getattr(requests, sys.argv[1])\n"
            "request, function = COMMANDS.find(cls.command)\n"
            "print(json.dumps(function(cls.from_json(json.loads(sys.argv[2])), RunContext())))\n"
        )
        return json.loads(run_engine_code(engine_python, "-c", code, request, json.dumps(parameters)))

    return run

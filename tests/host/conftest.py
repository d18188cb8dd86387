# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures of the tests that run inside a QGIS application."""

from __future__ import annotations

import sys

import pytest

from insarhub_qgis.host import engine_environment, engine_process, settings
from tests.makers.engine_python import find_engine_python
from tests.makers.faulty_engine import FAULTY_LAUNCH_FILE


@pytest.fixture(autouse=True)
def _no_hidden_exception(monkeypatch):
    """An exception in a slot or a task thread fails the test instead of being printed."""
    caught = []
    monkeypatch.setattr(sys, "excepthook", lambda *error: caught.append(error))
    yield
    assert caught == []


@pytest.fixture(autouse=True)
def _own_profile(qgis_app, tmp_path, monkeypatch):
    """Settings entries that are registered for this test only, and a private folder of its own."""
    monkeypatch.setattr(engine_environment, "private_folder", lambda: tmp_path / "private folder ü")
    monkeypatch.delenv(engine_environment.OVERRIDE_VARIABLE, raising=False)
    yield
    entries = settings.settings()
    for entry in vars(entries).values():
        entry.remove()
    settings.unregister_settings()


@pytest.fixture
def engine_python():
    python = find_engine_python()
    if python is None:
        pytest.skip("no engine environment: run make setup")
    return python


@pytest.fixture
def faulty_engine(engine_python, monkeypatch):
    """The real engine with the command ``misbehave``, chosen as the engine of this QGIS."""
    monkeypatch.setattr(engine_process, "LAUNCH_FILE", FAULTY_LAUNCH_FILE)
    monkeypatch.setenv(engine_environment.OVERRIDE_VARIABLE, str(engine_python))
    return engine_python

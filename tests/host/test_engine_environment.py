# SPDX-License-Identifier: GPL-2.0-or-later
"""Which Python is the engine, and what its files say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from insarhub_qgis.core.installation import (
    MARKER_NAME,
    UNFINISHED_MARKER_NAME,
    environment_python,
    wanted_environment,
)
from insarhub_qgis.host import engine_environment as environment
from insarhub_qgis.host.engine_environment import EngineState
from insarhub_qgis.host.settings import settings


def make_environment(folder, packages=None, is_finished=True):
    python = environment_python(folder)
    python.parent.mkdir(parents=True)
    python.write_text("")
    if is_finished:
        (folder / MARKER_NAME).write_text(json.dumps({"packages": packages or wanted_environment().pins}))
    else:
        (folder / UNFINISHED_MARKER_NAME).write_text("")
    return python


def test_nothing_is_set_up_at_first():
    assert environment.engine_python() is None
    assert environment.engine_environment() == environment.EngineEnvironment(EngineState.MISSING, None)
    assert not environment.default_environment_folder().exists()


def test_the_environment_of_set_up_is_found_without_a_setting():
    python = make_environment(environment.default_environment_folder())
    assert environment.engine_environment() == environment.EngineEnvironment(EngineState.READY, python)


def test_an_interrupted_set_up_is_no_engine():
    make_environment(environment.default_environment_folder(), is_finished=False)
    assert environment.engine_environment() == environment.EngineEnvironment(EngineState.UNFINISHED, None)


def test_packages_of_another_plugin_version_are_outdated():
    packages = {**wanted_environment().pins, "mintpy": "1.6.1"}
    python = make_environment(environment.default_environment_folder(), packages)
    assert environment.engine_environment() == environment.EngineEnvironment(EngineState.OUTDATED, python)


def test_a_setting_comes_before_the_default_and_a_variable_before_both(tmp_path, monkeypatch):
    make_environment(environment.default_environment_folder())
    chosen, named = tmp_path / "chosen", tmp_path / "named"
    for path in (chosen, named):
        path.write_text("")
    settings().engine_python.setValue(str(chosen))
    assert environment.engine_environment() == environment.EngineEnvironment(EngineState.CHOSEN, chosen)
    monkeypatch.setenv("INSARHUB_ENGINE_PYTHON", str(named))
    assert environment.engine_python() == named


def test_a_chosen_python_that_is_gone(tmp_path):
    settings().engine_python.setValue(str(tmp_path / "gone"))
    assert environment.engine_environment().state is EngineState.MISSING


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_a_damaged_marker_is_no_crash(text):
    python = make_environment(environment.default_environment_folder())
    (environment.default_environment_folder() / MARKER_NAME).write_text(text)
    assert environment.engine_environment().state is EngineState.MISSING
    settings().engine_python.setValue(str(python))
    assert environment.engine_environment().state is EngineState.CHOSEN


def test_the_first_base_python_runs_and_is_that_of_qgis():
    first = environment.base_python_candidates()[0]
    done = subprocess.run(
        [first, "-I", "-c", "import sys; print(sys.base_prefix, *sys.version_info[:2])"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [sys.base_prefix, *(str(part) for part in sys.version_info[:2])]


def test_each_base_python_is_named_once():
    candidates = environment.base_python_candidates()
    assert len({path.resolve() for path in candidates}) == len(candidates)


def test_variables_keep_what_is_the_users_own():
    python = Path("/e/bin/python")
    kept = environment.engine_variables(
        {"HOME": "/h", "PATH": "/usr/bin", "TMPDIR": "/t", "Qt_x": "1"}, python
    )
    assert kept["HOME"] == "/h"
    assert kept["TMPDIR"] == "/t"
    assert kept["PATH"] == os.pathsep.join(["/e/bin", "/usr/bin"])
    assert kept["MPLBACKEND"] == "Agg"
    assert kept["PYTHONNOUSERSITE"] == "1"
    assert "Qt_x" not in kept


def test_networkx_is_copied_only_where_qgis_has_none(tmp_path, monkeypatch):
    source = tmp_path / "site-packages" / "networkx"
    (source / "tests").mkdir(parents=True)
    (source / "__init__.py").write_text("origin = 'engine'")
    assert environment.provide_networkx(source) is False
    monkeypatch.setattr(environment, "find_spec", lambda name: None)
    assert environment.provide_networkx(source) is True
    assert environment.provide_networkx(source) is True
    try:
        copied = environment.library_folder() / "networkx"
        assert [path.name for path in copied.iterdir()] == ["__init__.py"]
        assert sys.path[-1] == str(environment.library_folder())
        assert sys.path.count(str(environment.library_folder())) == 1
    finally:
        environment.forget_private_libraries()
    assert str(environment.library_folder()) not in sys.path

# SPDX-License-Identifier: GPL-2.0-or-later
"""The engine environment: what a check names, what set-up refuses, and a real one made, broken and repaired."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.installation import (
    LAUNCH_FILE,
    UNFINISHED_MARKER_NAME,
    environment_python,
    plugin_version,
    read_environment_marker,
    version_numbers,
    wanted_environment,
)
from insarhub_qgis.core.requests import CheckEnvironment, CreateEnvironment
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine import environment, package_installer
from insarhub_qgis.engine.environment import BaseFacts

BASE_PYTHON = Path(getattr(sys, "_base_executable", sys.executable))
FIT = BaseFacts("3.11.2", "1.24.2", "3.6.3", True, ())


def run_create(folder, extra_environment=None, **options):
    """Run the real command under the base Python, as the Set-up page does."""
    return subprocess.Popen(
        [BASE_PYTHON, "-I", "-X", "utf8", LAUNCH_FILE, "engine", "create-environment"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **(extra_environment or {})},
        **options,
    )


def create(folder, extra_environment=None):
    """Messages of a whole run of set-up."""
    process = run_create(folder, extra_environment)
    out, _ = process.communicate(json.dumps({"parameters": {"folder": str(folder)}}) + "\n", timeout=280)
    return [json.loads(line) for line in out.splitlines() if line.startswith("{")]


@pytest.mark.parametrize(
    ("facts", "constraints"),
    [
        (FIT, ["numpy<2", "matplotlib==3.6.3"]),
        (BaseFacts("3.13.5", "2.2.4", "3.10.1", True, ()), ["matplotlib==3.10.1"]),
        (BaseFacts("3.12.0", "1.26.4", None, True, ()), ["numpy<2"]),
        (BaseFacts("3.12.0", None, None, True, ()), []),
    ],
)
def test_constraints_keep_what_the_base_is_compiled_against(facts, constraints):
    assert facts.constraints() == constraints


def test_facts_of_the_base_are_its_own_and_not_those_of_this_environment():
    facts = environment.base_facts(BASE_PYTHON, RunContext())
    answer = subprocess.run(
        [BASE_PYTHON, "-I", "-c", "import numpy, sys; print(numpy.__version__, sys.version.split()[0])"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert [facts.numpy, facts.python] == answer.stdout.split()
    assert facts.has_gdal


def test_the_check_of_a_complete_environment():
    state = environment.check(CheckEnvironment(), RunContext())
    assert state["is_complete"]
    assert {row["name"]: row["version"] for row in state["packages"]} == wanted_environment().pins
    assert [row["name"] for row in state["checks"]] == [
        "Python",
        "GDAL binding (osgeo)",
        "GDAL HDF5 driver",
        "NumPy with GDAL",
        "matplotlib",
    ]
    assert (Path(state["networkx_folder"]) / "__init__.py").is_file()


def test_the_check_of_a_bare_python_names_each_missing_package():
    done = subprocess.run(
        [BASE_PYTHON, "-I", LAUNCH_FILE, "engine", "check-environment"],
        input='{"parameters": {}}\n',
        capture_output=True,
        text=True,
        check=True,
    )
    state = json.loads(done.stdout.splitlines()[-1])["result"]
    missing = {row["name"] for row in state["packages"] if row["state"] == "missing"}
    assert {"asf_search", "hyp3_sdk", "rasterio", "mintpy"} <= missing
    assert all(
        row["code"] == "engine.package_missing" for row in state["packages"] if row["state"] == "missing"
    )
    assert not state["is_complete"]


def check_with_libraries(folder, sources):
    """Result of a check in a process where ``sources`` (path: text) stand before the real libraries."""
    for name, source in sources.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    code = (
        f"import sys; sys.path[:0] = [{str(folder)!r}, {str(LAUNCH_FILE.parents[2])!r}]\n"
        "from insarhub_qgis.engine import environment\n"
        "from insarhub_qgis.core.run_context import RunContext\n"
        "import json; print(json.dumps(environment.check(None, RunContext())))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def failed_checks(state):
    return {row["name"]: row["code"] for row in state["checks"] if row["state"] != "ok"}


def test_a_package_that_cannot_be_loaded_is_broken(tmp_path):
    state = check_with_libraries(tmp_path, {"h5py.py": "raise ImportError('libhdf5.so: cannot open')"})
    row = next(row for row in state["packages"] if row["name"] == "h5py")
    assert (row["state"], row["code"]) == ("broken", "engine.package_broken")
    assert "libhdf5.so" in row["fields"]["reason"]
    assert not state["is_complete"]


GDAL = "__version__ = '3.9'\ndef GetDriverByName(name): return {driver}\n"


def test_a_gdal_without_hdf5_is_named(tmp_path):
    sources = {"osgeo/__init__.py": "", "osgeo/gdal.py": GDAL.format(driver=None), "osgeo/gdal_array.py": ""}
    state = check_with_libraries(tmp_path, sources)
    assert failed_checks(state) == {"GDAL HDF5 driver": "environment.no_hdf5_driver"}
    assert not state["is_complete"]


def test_a_numpy_that_does_not_fit_gdal_is_named(tmp_path):
    sources = {
        "osgeo/__init__.py": "",
        "osgeo/gdal.py": GDAL.format(driver=True),
        "osgeo/gdal_array.py": "raise ImportError('numpy.core.multiarray failed to import')",
    }
    state = check_with_libraries(tmp_path, sources)
    assert failed_checks(state) == {"NumPy with GDAL": "environment.numpy_conflict"}


def test_two_mixed_versions_of_matplotlib_are_named(tmp_path):
    # The toolkits of the base then meet a matplotlib that is not theirs.
    sources = {"matplotlib/__init__.py": ""}
    state = check_with_libraries(tmp_path, sources)
    assert failed_checks(state) == {"matplotlib": "environment.matplotlib_mix"}


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (BaseFacts("3.10.9", "1.24.2", None, True, ()), "environment.python_too_old"),
        (BaseFacts("3.11.2", "1.24.2", None, True, ("ensurepip",)), "environment.no_venv_module"),
        (BaseFacts("3.11.2", None, None, False, ()), "environment.no_gdal"),
    ],
)
def test_a_base_that_cannot_serve_is_refused_before_anything_is_written(tmp_path, monkeypatch, facts, code):
    monkeypatch.setattr(environment, "base_facts", lambda base, context: facts)
    folder = tmp_path / "engine"
    with pytest.raises(InsarError) as caught:
        environment.create(CreateEnvironment(str(folder)), RunContext())
    assert caught.value.code == code
    assert not folder.exists()


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(InsarError) as caught:
        environment.create(CreateEnvironment(str(tmp_path)), RunContext())
    assert caught.value.code == "environment.folder_in_use"
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("lines", "code", "fields"),
    [
        (
            [
                "WARNING: Retrying ... NewConnectionError('<pip>: Failed to establish')",
                "ERROR: No matching distribution found for mintpy==1.6.4",
            ],
            "environment.no_network",
            {"reason": "NewConnectionError"},
        ),
        (
            ["ERROR: No matching distribution found for mintpy==1.6.4"],
            "environment.no_matching_package",
            {"package": "mintpy==1.6.4"},
        ),
        (
            ["ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"],
            "file.disk_full",
            {},
        ),
        (["ERROR: [Errno 13] Permission denied: '/x'"], "file.not_writable", {}),
        (["ERROR: ResolutionImpossible"], "environment.install_failed", {"reason": "ResolutionImpossible"}),
        ([], "environment.install_failed", {"reason": "exit code 2"}),
    ],
)
def test_what_pip_says_becomes_one_error(lines, code, fields):
    error = package_installer._error_of(lines, 2, Path("/e/bin/python"))
    assert error.code == code
    assert fields.items() <= error.fields.items()


def test_the_package_index_out_of_reach_and_the_next_set_up_begins_anew(tmp_path):
    folder = tmp_path / "engine"
    nowhere = {
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_CACHE_DIR": "1",
    }
    unset = {"PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": ""}
    messages = create(folder, {**nowhere, **unset})
    assert (messages[-1]["type"], messages[-1]["code"]) == ("error", "environment.no_network")
    assert (folder / UNFINISHED_MARKER_NAME).is_file()
    assert read_environment_marker(folder) is None


@pytest.mark.parametrize(
    ("folder", "code"),
    [("/sys/insarhub-engine", "file.not_writable"), ("/etc/hostname/engine", "file.unusable")],
)
def test_a_folder_that_cannot_be_made_is_named(folder, code):
    error = create(Path(folder))[-1]
    assert (error["type"], error["code"]) == ("error", code)
    assert error["fields"]["file"].startswith(folder.rpartition("/")[0])


@pytest.mark.slow
def test_a_real_environment_is_made_kept_killed_and_repaired(tmp_path):
    folder = tmp_path / "engine with ümlaut"
    killed = run_create(folder)
    killed.stdin.write(json.dumps({"cancel_on_eof": True, "parameters": {"folder": str(folder)}}) + "\n")
    killed.stdin.flush()
    for line in killed.stdout:
        if "Collecting" in line:
            break
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert (folder / UNFINISHED_MARKER_NAME).is_file()

    messages = create(folder)
    assert messages[-1]["type"] == "result", messages[-1]
    assert messages[-1]["result"]["changed"] is True
    fractions = [message["fraction"] for message in messages if message["type"] == "progress"]
    assert fractions == sorted(fractions)
    assert len(fractions) > 20
    python = environment_python(folder)
    assert messages[-1]["result"]["python"] == str(python)
    assert not (folder / UNFINISHED_MARKER_NAME).exists()
    marker = read_environment_marker(folder)
    assert marker["packages"] == wanted_environment().pins
    assert marker["plugin_version"] == plugin_version()

    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if "__pycache__" not in path.parts}
    messages = create(folder)
    assert messages[-1]["result"]["changed"] is False
    after = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if "__pycache__" not in path.parts}
    assert {path for path in after if path.suffix != ".pyc" and path.is_file()} == {
        path for path in before if path.is_file()
    }

    site_packages = next((folder / "lib").glob("python*/site-packages"))
    for entry in [*site_packages.glob("h5py"), *site_packages.glob("h5py-*.dist-info")]:
        shutil.rmtree(entry)
    messages = create(folder)
    assert messages[-1]["result"]["changed"] is True
    done = subprocess.run(
        [python, "-I", "-c", "import h5py, numpy, osgeo.gdal_array; print(numpy.__version__)"],
        capture_output=True,
        text=True,
        check=True,
    )
    base = environment.base_facts(BASE_PYTHON, RunContext())
    assert version_numbers(done.stdout.strip())[0] == version_numbers(base.numpy)[0]

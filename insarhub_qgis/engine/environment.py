# SPDX-License-Identifier: GPL-2.0-or-later
"""The engine environment: made from a base Python that has GDAL, filled with pinned packages, and checked.

`create` runs under that base Python and needs the standard library alone; `check` runs under the Python that
is checked. The environment sees the base's packages, because MintPy needs ``osgeo`` and no package index
has a build that fits the base's GDAL. What is compiled against the base's numpy and matplotlib must go on working,
so those two are held to the base's by constraints.
"""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Callable

from insarhub_qgis.core.atomic_files import write_json_atomically, write_text_atomically
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.installation import (
    LAUNCH_FILE,
    MARKER_NAME,
    UNFINISHED_MARKER_NAME,
    WantedPackage,
    environment_python,
    plugin_version,
    read_environment_marker,
    version_numbers,
    wanted_environment,
)
from insarhub_qgis.core.progress import stop_if_cancelled
from insarhub_qgis.core.requests import CheckEnvironment, CreateEnvironment
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine.package_installer import install_packages
from insarhub_qgis.engine.process import run_process
from insarhub_qgis.engine.protocol import installed_version

#: Asked of the base Python itself: this process may run in a virtual environment on top of it.
_BASE_FACTS_CODE = """
import importlib.metadata, importlib.util, json, sys
def version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
print(json.dumps({
    "python": sys.version.split()[0],
    "numpy": version("numpy"),
    "matplotlib": version("matplotlib"),
    "has_gdal": importlib.util.find_spec("osgeo") is not None,
    "lacks": [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None],
}))
"""


@dataclass(frozen=True)
class BaseFacts:
    """What the base Python brings: versions (None: not installed) and modules that venv needs but that it lacks."""

    python: str
    numpy: str | None
    matplotlib: str | None
    has_gdal: bool
    lacks: tuple[str, ...]

    def constraints(self) -> list[str]:
        """Requirements that keep the base's compiled packages working beside the new ones."""
        lines = []
        if self.numpy is not None and version_numbers(self.numpy) < (2,):
            # osgeo.gdal_array and matplotlib of the base are compiled against numpy 1.
            lines.append("numpy<2")
        if self.matplotlib is not None:
            # A second matplotlib would share mpl_toolkits with the first one, which breaks both.
            lines.append(f"matplotlib=={self.matplotlib}")
        return lines


def check(request: CheckEnvironment, context: RunContext) -> dict[str, Any]:
    """Look at this Python: each wanted package loaded once, and what must fit together.

    States: ``ok``, ``missing``, ``outdated`` (below the lowest usable version), ``broken`` (installed, cannot be loaded).
    Each check has the code and fields of its sentence when its state is not ``ok``.
    """
    wanted = wanted_environment()
    rows = []
    for index, package in enumerate(wanted.packages):
        stop_if_cancelled(context.is_cancelled)
        context.report(index / len(wanted.packages), package.name)
        rows.append(_package_row(package))
    checks = [
        _check_row("Python", lambda: _check_python(wanted.python)),
        _check_row("GDAL binding (osgeo)", _check_gdal),
        _check_row("GDAL HDF5 driver", _check_hdf5_driver),
        _check_row("NumPy with GDAL", _check_numpy),
        _check_row("matplotlib", _check_matplotlib),
    ]
    networkx = find_spec("networkx")
    return {
        "python": sys.executable,
        "python_version": sys.version.split()[0],
        "plugin_version": plugin_version(),
        "is_complete": all(row["state"] == "ok" for row in [*rows, *checks]),
        "packages": rows,
        "checks": checks,
        "networkx_folder": str(Path(networkx.origin).parent) if networkx and networkx.origin else None,
    }


def _package_row(package: WantedPackage) -> dict[str, Any]:
    found = installed_version(package.name)
    row: dict[str, Any] = {"name": package.name, "version": found, "wanted": package.pin, "state": "ok"}
    python = sys.executable
    error: InsarError | None = None
    if found is None:
        row["state"] = "missing"
        error = InsarError("engine.package_missing", package=package.name, wanted=package.pin, python=python)
    elif version_numbers(found) < version_numbers(package.minimum):
        row["state"] = "outdated"
        error = InsarError(
            "engine.package_outdated",
            package=package.name,
            version=found,
            wanted=package.minimum,
            python=python,
        )
    else:
        try:
            import_module(package.name)
        except Exception as failure:  # a broken package may raise anything while it is loaded
            row["state"] = "broken"
            error = InsarError(
                "engine.package_broken", package=package.name, reason=_reason(failure), python=python
            )
    if error is not None:
        row.update(error.to_json())
    return row


def _check_row(name: str, look: Callable[[], str]) -> dict[str, Any]:
    try:
        return {"name": name, "state": "ok", "version": look()}
    except InsarError as error:
        return {"name": name, "state": "failed", "version": None, **error.to_json()}


def _reason(failure: Exception) -> str:
    lines = str(failure).strip().splitlines()
    return f"{type(failure).__name__}: {lines[0]}" if lines else type(failure).__name__


def _check_python(lowest: str) -> str:
    found = sys.version.split()[0]
    if version_numbers(found) < version_numbers(lowest):
        raise InsarError("environment.python_too_old", python=sys.executable, version=found, wanted=lowest)
    return found


def _check_gdal() -> str:
    try:
        gdal = import_module("osgeo.gdal")
    except ImportError as error:
        if find_spec("osgeo") is None:
            raise InsarError("environment.no_gdal", python=sys.executable) from error
        raise InsarError(
            "engine.package_broken", package="osgeo", reason=_reason(error), python=sys.executable
        ) from error
    return str(gdal.__version__)


def _check_hdf5_driver() -> str:
    version = _check_gdal()
    if import_module("osgeo.gdal").GetDriverByName("HDF5") is None:
        raise InsarError("environment.no_hdf5_driver", python=sys.executable)
    return version


def _check_numpy() -> str:
    version = installed_version("numpy")
    if version is None:
        raise InsarError("engine.package_missing", package="numpy", wanted=None, python=sys.executable)
    _check_gdal()
    try:
        import_module("osgeo.gdal_array")
    except Exception as failure:  # numpy raises different errors for a wrong binary interface
        raise InsarError("environment.numpy_conflict", version=version, reason=_reason(failure)) from failure
    return version


def _check_matplotlib() -> str:
    version = installed_version("matplotlib")
    if version is None:
        raise InsarError("engine.package_missing", package="matplotlib", wanted=None, python=sys.executable)
    try:
        own = Path(str(import_module("matplotlib").__file__)).parent.parent
        toolkit = Path(str(import_module("mpl_toolkits.axes_grid1").__file__)).parent.parent.parent
    except Exception as failure:  # mixed versions fail in different ways
        raise InsarError("environment.matplotlib_mix", reason=_reason(failure)) from failure
    if own != toolkit:
        raise InsarError("environment.matplotlib_mix", reason=f"{own}, {toolkit}")
    return version


def create(request: CreateEnvironment, context: RunContext) -> dict[str, Any]:
    """Make, complete or repair the environment in ``request.folder``; a complete one is only checked.

    An interrupted set-up leaves its unfinished marker and is begun anew; an environment whose packages
    are those of another plugin version is updated in place.

    Raises
    ------
    InsarError
        ``environment.*`` as in the table of messages, ``file.disk_full``, ``file.not_writable``, ``run.cancelled``.
    """
    folder = Path(request.folder).expanduser().resolve()
    python = environment_python(folder)
    unfinished = folder / UNFINISHED_MARKER_NAME
    context.report(0.0, "Looking at the environment")
    if python.is_file() and not unfinished.exists():
        state = _check_with(python, context)
        if state is not None and state["is_complete"] and _has_pins(state):
            if read_environment_marker(folder) is None:
                _write_marker(folder, state)
            context.report(1.0, "The engine environment is complete")
            return {"python": str(python), "state": state, "changed": False}
    base = _base_python()
    facts = base_facts(base, context)
    _refuse_unfit(base, facts)
    is_usable = read_environment_marker(folder) is not None and not unfinished.exists()
    _begin(folder, unfinished)
    if not (is_usable and _runs(python)):
        _make_venv(base, folder, unfinished, context)
    constraints = folder / "constraints.txt"
    write_text_atomically(constraints, "\n".join(facts.constraints()) + "\n")
    requirements = [package.requirement for package in wanted_environment().packages]
    install_packages(python, requirements, constraints, context, start=0.08, end=0.96)
    context.report(0.97, "Checking the environment")
    state = _check_with(python, context)
    if state is None or not state["is_complete"]:
        raise InsarError("environment.incomplete", folder=str(folder), missing=_missing(state))
    _write_marker(folder, state)
    unfinished.unlink()
    context.report(1.0, "The engine environment is complete")
    return {"python": str(python), "state": state, "changed": True}


def _base_python() -> Path:
    """The Python below any virtual environment that this process runs in."""
    return Path(getattr(sys, "_base_executable", None) or sys.executable)


def base_facts(base: Path, context: RunContext) -> BaseFacts:
    """Ask the base Python what it brings."""
    lines: list[str] = []
    code = run_process(
        [str(base), "-I", "-c", _BASE_FACTS_CODE], on_line=lines.append, is_cancelled=context.is_cancelled
    )
    if code != 0 or not lines:
        raise InsarError(
            "engine.not_started", python=str(base), reason=lines[-1] if lines else f"exit code {code}"
        )
    facts = json.loads(lines[-1])
    return BaseFacts(
        facts["python"], facts["numpy"], facts["matplotlib"], facts["has_gdal"], tuple(facts["lacks"])
    )


def _refuse_unfit(base: Path, facts: BaseFacts) -> None:
    lowest = wanted_environment().python
    if version_numbers(facts.python) < version_numbers(lowest):
        raise InsarError("environment.python_too_old", python=str(base), version=facts.python, wanted=lowest)
    if facts.lacks:
        raise InsarError("environment.no_venv_module", python=str(base), module=", ".join(facts.lacks))
    if not facts.has_gdal:
        raise InsarError("environment.no_gdal", python=str(base))


def _begin(folder: Path, unfinished: Path) -> None:
    """Take the folder for set-up; refuses one that holds anything else."""
    is_ours = any((folder / name).exists() for name in ("pyvenv.cfg", UNFINISHED_MARKER_NAME, MARKER_NAME))
    if folder.is_dir() and not is_ours and any(folder.iterdir()):
        raise InsarError("environment.folder_in_use", folder=str(folder))
    folder.mkdir(parents=True, exist_ok=True)
    write_text_atomically(unfinished, plugin_version() + "\n")
    (folder / MARKER_NAME).unlink(missing_ok=True)


def _make_venv(base: Path, folder: Path, unfinished: Path, context: RunContext) -> None:
    context.report(0.02, "Creating the Python environment")
    for entry in folder.iterdir():
        if entry == unfinished:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    lines: list[str] = []

    def take(line: str) -> None:
        lines.append(line)
        context.log(line)

    code = run_process(
        [str(base), "-I", "-m", "venv", "--system-site-packages", str(folder)],
        on_line=take,
        is_cancelled=context.is_cancelled,
    )
    if code != 0:
        raise InsarError(
            "environment.venv_failed",
            folder=str(folder),
            reason=lines[-1] if lines else f"exit code {code}",
        )


def _runs(python: Path) -> bool:
    """False for a Python whose base is gone, as after an update of the system."""
    try:
        return run_process([str(python), "-I", "-c", ""], on_line=lambda line: None) == 0
    except InsarError:
        return False


def _check_with(python: Path, context: RunContext) -> dict[str, Any] | None:
    """Result of ``check-environment`` under another Python, or None when that cannot answer."""
    results: list[dict[str, Any]] = []

    def take(line: str) -> None:
        try:
            message = json.loads(line)
        except ValueError:
            context.log(line, "debug")
            return
        if isinstance(message, dict) and message.get("type") == "result":
            results.append(message["result"])

    try:
        run_process(
            [str(python), "-I", "-X", "utf8", str(LAUNCH_FILE), "engine", CheckEnvironment.command],
            on_line=take,
            is_cancelled=context.is_cancelled,
            input_text='{"parameters": {}}\n',
        )
    except InsarError as error:
        if error.code != "process.not_started":
            raise
        context.log(str(error), "warning")
    return results[0] if results else None


def _has_pins(state: dict[str, Any]) -> bool:
    return all(row["version"] == row["wanted"] for row in state["packages"])


def _missing(state: dict[str, Any] | None) -> str:
    if state is None:
        return "Python"
    return ", ".join(row["name"] for row in [*state["packages"], *state["checks"]] if row["state"] != "ok")


def _write_marker(folder: Path, state: dict[str, Any]) -> None:
    write_json_atomically(
        folder / MARKER_NAME,
        {
            "plugin_version": plugin_version(),
            "python_version": state["python_version"],
            "packages": {row["name"]: row["version"] for row in state["packages"]},
        },
    )

# SPDX-License-Identifier: GPL-2.0-or-later
"""Imports run one way through the rooms; the compiler does not check that, this does."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from insarhub_qgis.core.installation import wanted_environment
from insarhub_qgis.engine.commands import COMMANDS

PACKAGE = Path(__file__).resolve().parents[2] / "insarhub_qgis"

ALLOWED_ROOMS = {
    "core": {"core"},
    "engine": {"core", "engine"},
    "sandbox": {"core", "engine", "sandbox"},
    "host": {"core", "host"},
    "layers": {"core", "host", "layers"},
    "processing": {"core", "host", "layers", "processing"},
    "gui": {"core", "host", "layers", "gui"},
}
HEAVY = {"h5py", "rasterio", "asf_search", "hyp3_sdk", "mintpy"}
NETWORK = {"requests", "urllib3", "http", "socket"}
FORBIDDEN = {
    "core": {"qgis", "PyQt5", "PyQt6", "osgeo", "matplotlib", "subprocess", *HEAVY, *NETWORK},
    "engine": {"qgis", "PyQt5", "PyQt6"},
    "sandbox": {"qgis", "PyQt5", "PyQt6"},
    "host": {"PyQt5", "PyQt6", "subprocess", *HEAVY},
    "layers": {"PyQt5", "PyQt6", "subprocess", *HEAVY},
    "processing": {"PyQt5", "PyQt6", "subprocess", *HEAVY},
    "gui": {"PyQt5", "PyQt6", "subprocess", *HEAVY},
}


def imports(path: Path) -> list[tuple[str, int]]:
    """Full names that a file imports, wherever in the file, with their lines."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise AssertionError(f"{path}:{node.lineno}: relative import")
            found += [(f"{node.module}.{alias.name}", node.lineno) for alias in node.names]
    return found


def files(room: str) -> list[Path]:
    return sorted((PACKAGE / room).rglob("*.py"))


@pytest.mark.parametrize("room", sorted(ALLOWED_ROOMS))
def test_a_room_imports_only_what_it_stands_on(room):
    wrong = []
    for path in files(room):
        for name, line in imports(path):
            parts = name.split(".")
            if parts[0] in FORBIDDEN[room]:
                wrong.append(f"{path.name}:{line} imports {name}")
            if parts[0] == "insarhub_qgis" and parts[1] not in ALLOWED_ROOMS[room]:
                wrong.append(f"{path.name}:{line} imports {name}")
    assert files(room), f"no files in {room}"
    assert wrong == []


def test_widgets_stay_in_gui():
    wrong = []
    for room in ("host", "layers", "processing"):
        for path in files(room):
            for name, line in imports(path):
                if name.startswith(("qgis.PyQt.QtWidgets", "qgis.gui", "qgis.utils.iface")):
                    wrong.append(f"{room}/{path.name}:{line} imports {name}")
    assert wrong == []


@pytest.mark.parametrize(
    ("library", "door"),
    [
        ("subprocess", {"process.py"}),
        ("h5py", {"mintpy_hdf5.py"}),
        ("asf_search", {"asf_door.py"}),
        ("hyp3_sdk", {"hyp3_door.py"}),
    ],
)
def test_a_library_has_one_door_in_the_engine(library, door):
    users = {
        path.name for path in files("engine") for name, _ in imports(path) if name.split(".")[0] == library
    }
    assert users <= door


def test_legacy_qt_is_absent():
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        wrong += [
            f"{path.name}: {word}"
            for word in (".exec_(", "pyplot")
            if word in text and "sandbox" not in path.parts
        ]
    assert wrong == []


def test_every_file_names_its_licence():
    root = PACKAGE.parent
    listed = [path for folder in (PACKAGE, root / "tests", root / "tools") for path in folder.rglob("*.py")]
    assert [
        path.name
        for path in listed
        if "SPDX-License-Identifier: GPL-2.0-or-later" not in path.read_text("utf-8")[:200]
    ] == []


def test_commands_that_reach_a_library_name_it_as_needed():
    """Without that, a missing package shows as a broken import instead of a sentence."""
    for library, door in (("hyp3_sdk", "hyp3_door"), ("asf_search", "asf_door")):
        wanted = next(
            package for package in wanted_environment().packages if package.name == library
        ).commands
        needing = {
            request.command
            for request, place in command_places()
            if f"insarhub_qgis.engine.{door}" in reached_from(place.split(":")[0])
        }
        assert needing, library
        assert needing <= set(wanted), f"{sorted(needing - set(wanted))} lack {library}"


def command_places():
    """(request class, place of the function) of each engine command."""
    return list(COMMANDS._functions.items())


def reached_from(module: str) -> set[str]:
    """The modules of the package that one imports, directly or not."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = PACKAGE.parent / (name.replace(".", "/") + ".py")
        if name in found or not path.is_file():
            continue
        found.add(name)
        for imported, _ in imports(path):
            waiting += [imported, imported.rpartition(".")[0]]
    return found

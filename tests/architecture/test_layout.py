# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules of the layout that a person forgets: icons in the manifest, help and tests for algorithms."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "insarhub_qgis"


def test_resources_manifest_equals_the_icon_folder():
    manifest = set(
        re.findall(
            r"<file[^>]*>insarhub_qgis/icons/([^<]+)</file>", (ROOT / "resources.qrc").read_text("utf-8")
        )
    )
    assert manifest == {
        path.name for path in (PACKAGE / "icons").iterdir() if path.suffix in (".svg", ".png")
    }


def algorithm_names() -> list[str]:
    names = []
    for path in sorted((PACKAGE / "processing").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Assign) and any(
                getattr(target, "id", "") == "NAME" for target in node.targets
            ):
                value = ast.literal_eval(node.value)
                if value:
                    names.append(value)
    return names


def test_every_algorithm_is_tested():
    tests = "".join(path.read_text("utf-8") for path in (ROOT / "tests" / "processing").glob("*.py"))
    names = algorithm_names()
    assert len(names) >= 9
    assert [name for name in names if f"insarhub:{name}" not in tests] == []


def test_tests_mirror_the_rooms():
    for room in ("core", "engine", "sandbox", "host", "layers", "processing", "gui"):
        assert list((ROOT / "tests" / room).glob("test_*.py")), room

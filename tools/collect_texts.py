# SPDX-License-Identifier: GPL-2.0-or-later
"""Collect the translatable texts into ``insarhub_qgis/i18n/insarhub_LANGUAGE.ts`` and compile what is translated.

Qt finds a translation by context and text. pylupdate5 takes the context of each ``tr`` from the place of the call; here it is
that of the function that is called, and texts also stand in tables (sentences of errors, titles and helps of algorithms). So
the texts are read here and handed to it as a file of calls. Needs pyqt5-dev-tools and qttools5-dev-tools.
"""

from __future__ import annotations

import argparse
import ast
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "insarhub_qgis"
FUNCTIONS = ("tr", "_tr")
_Scope = tuple[ast.AST, ...]


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def literals_of(node: ast.AST) -> list[str]:
    """A literal text, or both of a conditional; nothing for a text that is computed."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return [*literals_of(node.body), *literals_of(node.orelse)]
    return []


def value_of(node: ast.AST, path: Path) -> str:
    """A literal text, or that of a constant of the module."""
    if isinstance(node, ast.Name):
        for statement in tree_of(path).body:
            names = {getattr(target, "id", "") for target in getattr(statement, "targets", ())}
            if isinstance(statement, ast.Assign) and node.id in names:
                return value_of(statement.value, path)
    found = literals_of(node)
    if len(found) != 1:
        raise ValueError(f"{path}:{node.lineno}: no literal: {ast.unparse(node)}")
    return found[0]


def context_of(name: str, path: Path) -> str:
    """The context of a function ``tr`` as a module knows it by this name: its own or an imported one."""
    for statement in tree_of(path).body:
        if isinstance(statement, ast.ImportFrom) and name in {alias.name for alias in statement.names}:
            return context_of(name, ROOT.joinpath(*str(statement.module).split(".")).with_suffix(".py"))
        if isinstance(statement, ast.FunctionDef) and statement.name == name:
            if statement.args.defaults and statement.args.args[-1].arg == "context":
                return value_of(statement.args.defaults[-1], path)
            call = next(node for node in ast.walk(statement) if _is_method(node, "translate"))
            return value_of(call.args[0], path)
    raise ValueError(f"{path}: unknown function {name}")


def _is_method(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == name


def _calls(node: ast.AST, scope: _Scope = ()) -> Iterator[tuple[ast.Call, _Scope]]:
    """Each call with the classes and functions round it, the outermost first."""
    if isinstance(node, ast.Call):
        yield node, scope
    inside = (*scope, node) if isinstance(node, (ast.ClassDef, ast.FunctionDef)) else scope
    for child in ast.iter_child_nodes(node):
        yield from _calls(child, inside)


def _is_own(name: str, scope: _Scope) -> bool:
    """Whether a function round the call has ``tr = self.tr``."""
    return any(
        isinstance(node, ast.Assign)
        and name in {getattr(target, "id", "") for target in node.targets}
        and ast.unparse(node.value) == "self.tr"
        for function in scope
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
    )


def _subclasses() -> dict[str, set[str]]:
    """Each class of the package with its subclasses: ``self.tr`` has the context of the object's own class."""
    bases = {
        node.name: {getattr(base, "id", "") for base in node.bases}
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ClassDef)
    }
    found = {name: {name} for name in bases}
    for _ in bases:
        for name, above in bases.items():
            for base in above & found.keys():
                found[base] |= found[name]
    return found


def called_texts() -> list[tuple[str, str]]:
    """(context, text) of the literals that are handed to a function of translation.

    Raises
    ------
    ValueError
        For a call whose context is no literal.
    """
    texts: list[tuple[str, str]] = []
    subclasses = _subclasses()
    for path in sorted(PACKAGE.rglob("*.py")):
        for call, scope in _calls(tree_of(path)):
            name = getattr(call.func, "id", "")
            is_own = name in FUNCTIONS and _is_own(name, scope)
            if is_own or (_is_method(call, "tr") and ast.unparse(call.func) == "self.tr"):
                owner = next(node.name for node in reversed(scope) if isinstance(node, ast.ClassDef))
                contexts = sorted(subclasses[owner])
                found = literals_of(call.args[0])
            elif name in FUNCTIONS:
                found = literals_of(call.args[0])
                contexts = [value_of(call.args[1], path) if len(call.args) > 1 else context_of(name, path)]
            elif ast.unparse(call.func) == "QCoreApplication.translate":
                found = literals_of(call.args[1])
                contexts = [value_of(call.args[0], path)] if found else []
            else:
                continue
            texts += [(context, text) for context in contexts for text in found]
    return texts


def table_texts() -> list[tuple[str, str]]:
    """(context, text) of the texts that stand in tables and class attributes."""
    texts: list[tuple[str, str]] = []
    for path in sorted((PACKAGE / "host" / "message_tables").glob("*.py")):
        for node in tree_of(path).body:
            name = getattr(node.target, "id", "") if isinstance(node, ast.AnnAssign) and node.value else ""
            if name in ("MESSAGES", "SINGULAR"):
                texts += [("Messages", text) for row in ast.literal_eval(node.value).values() for text in row]
    for path in sorted((PACKAGE / "processing").glob("*.py")):
        for node in ast.walk(tree_of(path)):
            names = {getattr(target, "id", "") for target in getattr(node, "targets", [])}
            if isinstance(node, ast.Assign) and names & {"TITLE", "HELP"}:
                texts.append(("InSARHubProcessing", ast.literal_eval(node.value)))
    return [(context, text) for context, text in texts if text]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("language", help="two letters, e.g. de")
    arguments = parser.parse_args()
    if shutil.which("pylupdate5") is None or shutil.which("lrelease") is None:
        sys.exit("pylupdate5 or lrelease is missing: install pyqt5-dev-tools and qttools5-dev-tools.")
    target = PACKAGE / "i18n" / f"insarhub_{arguments.language}.ts"
    target.parent.mkdir(exist_ok=True)
    texts = sorted({*called_texts(), *table_texts()})
    with tempfile.TemporaryDirectory() as folder:
        calls = Path(folder) / "texts.py"
        lines = [f"QCoreApplication.translate({context!r}, {text!r})" for context, text in texts]
        calls.write_text("\n".join(lines) + "\n", encoding="utf-8")
        subprocess.run(["pylupdate5", "-noobsolete", str(calls), "-ts", str(target)], check=True)
    subprocess.run(["lrelease", "-silent", str(target)], check=True)
    print(f"{target.relative_to(ROOT)}: translate it with Qt Linguist, then run this again")
    return 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: GPL-2.0-or-later
"""Collect the translatable texts into ``insarhub_qgis/i18n/insarhub_LANGUAGE.ts`` and compile what is translated.

Texts of ``self.tr`` are read by pylupdate5. Those that stand in tables (sentences of errors, titles and helps of algorithms)
are no calls, so they are handed to it as a file of calls. Needs pyqt5-dev-tools and qttools5-dev-tools.
"""

from __future__ import annotations

import argparse
import ast
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "insarhub_qgis"


def table_texts() -> list[tuple[str, str]]:
    """(context, text) of the texts that stand in tables and class attributes."""
    texts: list[tuple[str, str]] = []
    for path in sorted((PACKAGE / "host" / "message_tables").glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            name = getattr(node.target, "id", "") if isinstance(node, ast.AnnAssign) and node.value else ""
            if name in ("MESSAGES", "SINGULAR"):
                texts += [("Messages", text) for row in ast.literal_eval(node.value).values() for text in row]
    for path in sorted((PACKAGE / "processing").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
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
    with tempfile.TemporaryDirectory() as folder:
        calls = Path(folder) / "tables.py"
        lines = [f"QCoreApplication.translate({context!r}, {text!r})" for context, text in table_texts()]
        calls.write_text("\n".join(lines) + "\n", encoding="utf-8")
        sources = [str(path) for path in sorted(PACKAGE.rglob("*.py"))]
        subprocess.run(["pylupdate5", "-noobsolete", *sources, str(calls), "-ts", str(target)], check=True)
    subprocess.run(["lrelease", "-silent", str(target)], check=True)
    print(f"{target.relative_to(ROOT)}: translate it with Qt Linguist, then run this again")
    return 0


if __name__ == "__main__":
    sys.exit(main())

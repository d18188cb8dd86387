# SPDX-License-Identifier: GPL-2.0-or-later
"""Check the installable zip against the rules of the plugin repository."""

from __future__ import annotations

import configparser
import sys
import zipfile
from pathlib import PurePosixPath

PACKAGE = "insarhub_qgis"
REQUIRED = ("__init__.py", "metadata.txt", "LICENSE")
ALLOWED = {".py", ".json", ".svg", ".html", ".qm", ".model3", ".cfg", ".png", ".css", ".txt", ""}
METADATA = [
    "name",
    "description",
    "version",
    "qgisMinimumVersion",
    "qgisMaximumVersion",
    "author",
    "email",
    "about",
    "tracker",
    "repository",
    "homepage",
    "changelog",
    "tags",
    "category",
    "icon",
    "experimental",
    "deprecated",
    "server",
    "hasProcessingProvider",
    "license",
]
MAX_BYTES = 25_000_000


def problems(archive: str) -> list[str]:
    """Give a line for each rule that the zip breaks."""
    found = []
    with zipfile.ZipFile(archive) as packed:
        names = [PurePosixPath(name) for name in packed.namelist()]
        found += [f"outside the top folder: {name}" for name in names if name.parts[0] != PACKAGE]
        found += [f"kind of file: {name}" for name in names if name.suffix not in ALLOWED]
        found += [
            f"cache or hidden: {name}"
            for name in names
            if "__pycache__" in name.parts or name.name.startswith(".")
        ]
        found += [f"missing: {name}" for name in REQUIRED if PurePosixPath(PACKAGE, name) not in names]
        found += ["tests are in it" for name in names if "tests" in name.parts]
        size = sum(entry.compress_size for entry in packed.infolist())
        if size > MAX_BYTES:
            found.append(f"{size} bytes")
        parser = configparser.ConfigParser(interpolation=None)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string(packed.read(f"{PACKAGE}/metadata.txt").decode("utf-8"))
        general = parser["general"]
        found += [f"metadata: {key} is missing" for key in METADATA if not general.get(key)]
        if "plugin" in PACKAGE or "/" in general.get("author", ""):
            found.append("metadata: name or author")
        icon = general.get("icon", "")
        if icon and PurePosixPath(PACKAGE, icon) not in names:
            found.append(f"metadata: icon {icon} is not in the package")
    return found


if __name__ == "__main__":
    lines = problems(sys.argv[1])
    print("\n".join(lines))
    sys.exit(1 if lines else 0)

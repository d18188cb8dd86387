# SPDX-License-Identifier: GPL-2.0-or-later
"""What is installed: version of the plugin, wanted packages of the engine, marker of an engine environment.

Read by QGIS and by the engine alike, so that both mean the same version and the same packages.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from insarhub_qgis.core.errors import InsarError

PACKAGE_FOLDER = Path(__file__).resolve().parent.parent
WANTED_PACKAGES_FILE = PACKAGE_FOLDER / "engine" / "packages.json"
LAUNCH_FILE = PACKAGE_FOLDER / "engine" / "launch.py"

#: Written last into a complete engine environment.
MARKER_NAME = "insarhub_environment.json"
#: Stands in the environment folder while set-up changes it; one that is left over means an interrupted set-up.
UNFINISHED_MARKER_NAME = "insarhub_environment.unfinished"


def plugin_version() -> str:
    """Version in metadata.txt, which stands beside the package (source tree: one level up) or inside it."""
    for folder in (PACKAGE_FOLDER, PACKAGE_FOLDER.parent):
        metadata_file = folder / "metadata.txt"
        if metadata_file.is_file():
            for line in metadata_file.read_text(encoding="utf-8").splitlines():
                key, _, value = line.partition("=")
                if key.strip() == "version" and value.strip():
                    return value.strip()
    raise InsarError("plugin.no_version", folder=str(PACKAGE_FOLDER))


def version_numbers(version: str) -> tuple[int, ...]:
    """Leading numbers of a version, for comparison.

    >>> version_numbers("1.26.4.post1") < version_numbers("2.0")
    True
    """
    numbers = []
    for part in version.split("."):
        digits = ""
        for character in part:
            if not character.isdigit():
                break
            digits += character
        if not digits:
            break
        numbers.append(int(digits))
        if digits != part:
            break
    return tuple(numbers)


@dataclass(frozen=True)
class WantedPackage:
    """A package of the engine environment.

    Attributes
    ----------
    pin
        The version that set-up installs, tested together with the other pins.
    minimum
        The oldest version that the engine accepts in an environment that somebody else made.
    commands
        Commands that cannot run without it.
    """

    name: str
    pin: str
    minimum: str
    commands: tuple[str, ...]

    @property
    def requirement(self) -> str:
        return f"{self.name}=={self.pin}"


@dataclass(frozen=True)
class WantedEnvironment:
    """Content of ``engine/packages.json``: the lowest Python and the packages."""

    python: str
    packages: tuple[WantedPackage, ...]

    @property
    def pins(self) -> dict[str, str]:
        return {package.name: package.pin for package in self.packages}


def wanted_environment() -> WantedEnvironment:
    """What a complete engine environment has, from ``engine/packages.json``."""
    content = json.loads(WANTED_PACKAGES_FILE.read_text(encoding="utf-8"))
    return WantedEnvironment(
        python=content["python"],
        packages=tuple(
            WantedPackage(row["name"], row["pin"], row["minimum"], tuple(row["commands"]))
            for row in content["packages"]
        ),
    )


def environment_python(folder: Path) -> Path:
    """Path of the Python of a virtual environment; it need not exist."""
    return folder / "Scripts" / "python.exe" if os.name == "nt" else folder / "bin" / "python"


def read_environment_marker(folder: Path) -> dict[str, Any] | None:
    """Marker of a complete environment, or None where set-up did not finish or the marker cannot be read."""
    try:
        marker = json.loads((folder / MARKER_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return marker if isinstance(marker, dict) else None

# SPDX-License-Identifier: GPL-2.0-or-later
"""Open QGIS for a person: staged plugin, profile below build/, the given project when it exists."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import qgis_session


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", type=Path)
    arguments = parser.parse_args()
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        raise SystemExit(
            "make run opens a window, and there is no display here: start it from a desktop session."
        )
    profile = qgis_session.make_profile(qgis_session.ROOT / "build" / "profile")
    script = qgis_session.ROOT / "tools" / "show_dock.py"
    command = ["qgis", "--nologo", "--profiles-path", str(profile), "--code", str(script)]
    variables = {}
    if arguments.project and arguments.project.exists():
        command.append(str(arguments.project))
        variables["INSARHUB_DEMO_JOB"] = str(arguments.project.absolute().parent / "job")
    else:
        print("No demo project yet: 'make demo' makes it. QGIS opens empty.")
    return subprocess.run(command, env=qgis_session.environment(variables), check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

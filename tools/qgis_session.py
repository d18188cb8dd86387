# SPDX-License-Identifier: GPL-2.0-or-later
"""Start the real QGIS Desktop with the staged plugin and a profile of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STAGE = ROOT / "build" / "stage"
ENGINE_PYTHON = ROOT / ".venv" / "engine" / "bin" / "python"

#: A profile that starts without questions: plugin and Processing on, no news, no version check.
SEED = """[PythonPlugins]
insarhub_qgis=true
processing=true
MetaSearch=false
db_manager=false
grassprovider=false

[fonts]
downloadMissingFonts=false

[qgis]
checkVersion=false
newsFeed=false
showTips=false

[app]
askToSaveMemoryLayers=false
projections\\unknownCrsBehavior=NoAction

[UI]
UITheme={theme}
"""


def make_profile(folder: Path, theme: str = "default") -> Path:
    """Write the seed of a new profile below ``folder``; an existing profile is kept."""
    settings = folder / "profiles" / "default" / "QGIS" / "QGIS3.ini"
    if not settings.exists():
        settings.parent.mkdir(parents=True, exist_ok=True)
        settings.write_text(SEED.format(theme=theme), encoding="utf-8")
    return folder


def environment(
    extra: Mapping[str, str] | None = None, engine_python: Path | None = ENGINE_PYTHON
) -> dict[str, str]:
    """Environment of the session: the staged plugin, the engine, whole pixels."""
    values = {**os.environ, "QGIS_PLUGINPATH": str(STAGE), "QT_SCALE_FACTOR_ROUNDING_POLICY": "Round"}
    # QGIS embeds the python3 that comes first on PATH; another one (pyenv, conda) has no PyQGIS.
    qgis_python = Path(os.environ.get("QGIS_PYTHON", "/usr/bin/python3"))
    values["PATH"] = os.pathsep.join([str(qgis_python.parent), values.get("PATH", "")])
    if engine_python is not None:
        values["INSARHUB_ENGINE_PYTHON"] = str(engine_python)
    return {**values, **(extra or {})}


@contextlib.contextmanager
def virtual_display(width: int = 1280, height: int = 800) -> Iterator[dict[str, str]]:
    """Run an X server of our own; gives the variables that a program needs to show itself there."""
    if shutil.which("Xvfb") is None:
        raise SystemExit("Xvfb is missing: run 'make setup' first.")
    # With -displayfd the server picks a free number itself and tells it, so two sessions never meet.
    read_end, write_end = os.pipe()
    server = subprocess.Popen(
        [
            "Xvfb",
            "-displayfd",
            str(write_end),
            "-screen",
            "0",
            f"{width}x{height}x24",
            "-dpi",
            "96",
            "-nolisten",
            "tcp",
        ],
        pass_fds=[write_end],
        stderr=subprocess.DEVNULL,
    )
    os.close(write_end)
    try:
        with os.fdopen(read_end) as pipe:
            number = pipe.readline().strip()
        if not number:
            raise SystemExit("Xvfb did not start: is the machine out of memory?")
        yield {"DISPLAY": f":{number}"}
    finally:
        server.terminate()
        server.wait(timeout=10)


def run_script(
    script: Path, profile: Path, variables: Mapping[str, str], seconds: int, log: Path | None = None
) -> int:
    """Run QGIS with ``--code script`` and give its exit code; it is ended after ``seconds``."""
    command = ["qgis", "--nologo", "--noversioncheck", "--profiles-path", str(profile), "--code", str(script)]
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(log.open("w", encoding="utf-8")) if log else subprocess.DEVNULL
        try:
            return subprocess.run(
                command,
                env=environment(variables),
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=seconds,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            return 124

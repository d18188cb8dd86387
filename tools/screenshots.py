# SPDX-License-Identifier: GPL-2.0-or-later
"""Pictures of every panel at 1280x800, in the default theme and in Night Mapping, from the real QGIS Desktop."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import qgis_session

THEMES = {"light": "default", "dark": "Night Mapping"}
SCRIPT = Path(__file__).resolve().parent / "screenshots_in_qgis.py"
SECONDS = 420


def take(folder: Path, job: Path | None, products: Path | None, only: list[str]) -> list[str]:
    """Run QGIS once per theme and state of the engine; give what went wrong."""
    problems: list[str] = []
    folder.mkdir(parents=True, exist_ok=True)
    with qgis_session.virtual_display() as display, tempfile.TemporaryDirectory() as temporary:
        for suffix, theme in THEMES.items():
            for has_engine in (True, False):
                profile = Path(temporary) / f"{suffix}-{has_engine}"
                outcome = Path(temporary) / f"{suffix}-{has_engine}.json"
                qgis_session.make_profile(profile, theme)
                plan = {
                    "folder": str(folder),
                    "suffix": suffix,
                    "job": str(job) if job else "",
                    "products": str(products) if products else "",
                    "work": str(profile / "work"),
                    "has_engine": has_engine,
                    "only": only,
                    "outcome": str(outcome),
                    "tools": str(SCRIPT.parent),
                }
                # QGIS embeds the python3 that comes first on PATH, which must be the one with PyQGIS.
                path = f"{qgis_session.ROOT / '.venv' / 'qgis' / 'bin'}{os.pathsep}{os.environ['PATH']}"
                variables = {
                    **display,
                    "PATH": path,
                    "INSARHUB_SCREENSHOT_PLAN": json.dumps(plan),
                    "HOME": str(profile),
                }
                if not has_engine:
                    variables["INSARHUB_ENGINE_PYTHON"] = ""
                log = folder / f"qgis-{suffix}-{'engine' if has_engine else 'bare'}.log"
                code = qgis_session.run_script(SCRIPT, profile, variables, SECONDS, log)
                if not outcome.exists():
                    problems.append(
                        f"{suffix}: QGIS ended with {code} before the pictures were taken, see {log}"
                    )
                    continue
                problems += [f"{suffix}: {line}" for line in json.loads(outcome.read_text(encoding="utf-8"))]
                log.unlink()
                shutil.rmtree(profile, ignore_errors=True)
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--job", type=Path, help="analysed job folder for the analysis and result panels")
    parser.add_argument(
        "--products", type=Path, help="folder of HyP3 zips for View Data; default: those of the job"
    )
    parser.add_argument("--only", nargs="*", default=[], help="names of single pictures")
    arguments = parser.parse_args()
    demo_job = qgis_session.ROOT / "build" / "demo" / "job"
    job = arguments.job or (demo_job if demo_job.is_dir() else None)
    if job is None and arguments.products is None:
        raise SystemExit("There is no job to show yet: run 'make demo' first, or give --job or --products.")
    problems = take(
        arguments.folder.resolve(),
        job.resolve() if job else None,
        arguments.products.resolve() if arguments.products else None,
        arguments.only,
    )
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{len(list(arguments.folder.glob('*.png')))} pictures in {arguments.folder}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

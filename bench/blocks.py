# SPDX-License-Identifier: GPL-2.0-or-later
"""The longest time for which QGIS does not answer while scenes are searched and networks edited; row 6c of ``make bench``.

Runs the real QGIS against the sandbox several times; the shortest of each step counts, because the machine is shared.
Nothing here decides a test.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "bench"), str(ROOT / "tools")]

import editor

from insarhub_qgis.sandbox.simulated_catalogue import simulated_items
from tests.makers.sandbox_clients import many_items
from tests.makers.sandbox_server import running_sandbox

SCENES, PATHS = 5000, 50
LIMIT_S = 0.1


def catalogue(file: Path) -> Path:
    """Write the simulated stacks and 5000 more scenes in 50 stacks side by side, as an answer of CMR."""
    items = simulated_items()
    more = many_items(items[0], SCENES)
    for index, item in enumerate(more):
        path, umm = 1 + index % PATHS, item["umm"]
        for attribute in umm["AdditionalAttributes"]:
            if attribute["Name"] == "PATH_NUMBER":
                attribute["Values"] = [str(path)]
        polygon = umm["SpatialExtent"]["HorizontalSpatialDomain"]["Geometry"]["GPolygons"][0]
        for point in polygon["Boundary"]["Points"]:
            point["Longitude"] = round(point["Longitude"] + 0.5 * path, 6)
    file.write_text(json.dumps({"items": [*items, *more]}), encoding="utf-8")
    return file


def measure(runs: int = 3) -> dict[str, dict[str, Any]]:
    """Give the longest pause of each step: the shortest of some runs, seconds, and where the thread was."""
    best: dict[str, dict[str, Any]] = {}
    work = Path(tempfile.mkdtemp(prefix="insarhub-blocks-"))
    try:
        umm = catalogue(work / "umm.json")
        with running_sandbox(ROOT / ".venv" / "engine" / "bin" / "python", str(umm)) as url:
            for run in range(runs):
                place = work / str(run)
                plan = {
                    "sandbox": url,
                    "tools": str(ROOT / "tools"),
                    "jobs": str(place / "jobs"),
                    "large_job": str(editor.make_job(place / "jobs" / "p44_f117")),
                }
                for name, found in editor.run_in_qgis("blocks_in_qgis.py", place, plan).items():
                    before = best.setdefault(name, {**found, "runs": []})
                    before["runs"].append(found["longest"])
                    before["busiest"] = min(before["busiest"], found["busiest"])
                    if found["longest"] < before["longest"]:
                        before.update(longest=found["longest"], where=found["where"])
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return best


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    best = measure(parser.parse_args().runs)
    editor.FOLDER.mkdir(parents=True, exist_ok=True)
    (editor.FOLDER / "blocks.json").write_text(json.dumps(best, indent=1), encoding="utf-8")
    for name, found in best.items():
        runs = ", ".join(f"{value * 1000:.0f}" for value in found["runs"])
        figures = f"{found['longest'] * 1000:4.0f} ms, {found['busiest'] * 1000:4.0f} ms of work"
        line = f"{name:34} | {figures} | runs {runs}"
        print(f"{line} | {found['where']}" if found["longest"] > LIMIT_S else line)
    print(f"target < {LIMIT_S * 1000:.0f} ms; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: GPL-2.0-or-later
"""Search, baselines and pair selection in figures: ``.venv/engine/bin/python bench/search_and_network.py [STACK]``.

STACK is a folder with a recorded stack (granules.umm.json, expected_baselines.json, client_requests.json); without it
only the selection is measured. Runs in the engine's Python. Nothing here decides a test.
"""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

from timing import clock

from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.pair_selection import select_pairs
from insarhub_qgis.core.requests import AddJobs, SearchScenes
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.core.selection_parameters import SelectionParameters
from insarhub_qgis.engine import add_jobs, search
from insarhub_qgis.sandbox.serve import make_sandbox
from tests.makers.network_jobs import make_stack, random_bperp, random_days
from tests.makers.sandbox_clients import call

RECORDED = ROOT.parent / "shared" / "data" / "asf_p13_f411_2019"
AREA = "POLYGON((-121 54,-120.5 54,-120.5 54.5,-121 54.5,-121 54))"
_ROUNDS = 5
_SEEDS = 20


def show(what: str, figure: str) -> None:
    print(f"{what:<62} {figure}", flush=True)


def recorded_stack(folder: Path) -> None:
    """Serve a recorded stack, search it, compute its baselines, and send the recorded requests."""
    items = len(json.loads((folder / "granules.umm.json").read_text(encoding="utf-8"))["items"])
    expected = json.loads((folder / "expected_baselines.json").read_text(encoding="utf-8"))
    requests = json.loads((folder / "client_requests.json").read_text(encoding="utf-8"))
    with make_sandbox(str(folder / "granules.umm.json")) as sandbox, tempfile.TemporaryDirectory() as place:
        answer, work = Path(place) / "answer", Path(place) / "work"
        wish = SearchScenes(
            aoi_wkt=AREA,
            answer_folder=str(answer),
            endpoints=Endpoints.of_sandbox(sandbox.base_url).to_json(),
        )
        seconds, result = clock(lambda: search.run(wish, RunContext()))
        show("scenes found / recorded; seconds", f"{len(result['scenes'])} / {items}; {seconds:.2f}")
        stack = result["stacks"][0]
        ask = AddJobs(str(answer), str(work), ((stack["path"], stack["frame"]),))
        seconds, _ = clock(lambda: add_jobs.run(ask, RunContext()))
        baselines = JobFolder(work).read_stack().baselines
        apart_m = [abs(baselines[name] - row["perpendicularBaseline"]) for name, row in expected.items()]
        show(
            "baselines in the stack file / expected; largest difference, m",
            f"{len(baselines)} / {len(expected)}; {max(apart_m):g}",
        )
        show("job folder with baselines, seconds", f"{seconds:.2f}")
        statuses = Counter()
        for entry in requests:
            headers = {name: value for name, value in entry["h"].items() if name != "Host"}
            form = entry["kv"] if entry["m"] == "POST" else None
            status, _, _ = call(sandbox.base_url, entry["p"], entry["m"], form=form, headers=headers)
            statuses[entry["p"].partition("?")[0], status] += 1
    show("recorded requests answered", f"{sum(statuses.values())} of {len(requests)}")
    for (path, status), count in sorted(statuses.items()):
        show(f"  {path}", f"{status} x {count}")


def selection(count: int, step_days: int) -> None:
    """Time the default selection of a stack with scores and pairwise baselines."""
    nodes, baselines = make_stack([step_days * number for number in range(count)], random_bperp(count, 0))
    names = [node.scenes[0] for node in nodes]
    near = [(one, other) for one in range(count) for other in range(one + 1, min(one + 130, count))]
    known = baselines.scenes_m
    pairs_m = {
        (names[one], names[other]): known[names[other]] - known[names[one]] + 1.0 for one, other in near
    }
    scores = {pair: float((pair[0] * pair[1]) % 100) for pair in near}
    table = replace(baselines, pairs_m=pairs_m)
    times = []
    for _ in range(_ROUNDS):
        seconds, chosen = clock(lambda: select_pairs(nodes, table, scores, SelectionParameters()))
        times.append(seconds)
    show(
        f"selection of {count} dates, one in {step_days} days: median, largest of {_ROUNDS}; pairs",
        f"{statistics.median(times):.2f} s, {max(times):.2f} s; {len(chosen.pairs)}",
    )


def fingerprint() -> str:
    """Give what a selection of an irregular stack gives, as a digest."""
    days = random_days(7, gaps=True)
    nodes, baselines = make_stack(days, random_bperp(len(days), 7))
    chosen = select_pairs(nodes, baselines, {}, SelectionParameters())
    text = f"{chosen.pairs} {sorted(chosen.origins.items())} {chosen.diagnostics.to_json()}"
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def hash_seeds() -> None:
    found = Counter()
    for seed in range(_SEEDS):
        environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
        done = subprocess.run(
            [sys.executable, __file__, "--fingerprint"],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        found[done.stdout.strip()] += 1
    show(f"different results over {_SEEDS} hash seeds", str(len(found)))


def main() -> None:
    if "--fingerprint" in sys.argv:
        print(fingerprint())
        return
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else RECORDED
    if (folder / "granules.umm.json").is_file():
        recorded_stack(folder)
    else:
        show("recorded stack", f"skipped: none in {folder}")
    for count, step_days in ((300, 6), (1000, 6), (1000, 1)):
        selection(count, step_days)
    hash_seeds()


if __name__ == "__main__":
    main()

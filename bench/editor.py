# SPDX-License-Identifier: GPL-2.0-or-later
"""The network editor in the real QGIS at 300 dates and 2945 pairs: rows 6 and 6b of ``make bench``, or alone.

Alone it prints every figure and writes ``build/bench/editor.json``: speed at the size that the editor opens with and
on a full screen, memory over 1000 toggles and over 50 reloads of the plugin. Nothing here decides a test.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "bench"), str(ROOT / "tools")]

import qgis_session

from insarhub_qgis.core.quality_files import write_pair_database
from insarhub_qgis.core.scenes import order_pair
from insarhub_qgis.core.search_answer import write_search_answer
from insarhub_qgis.core.stack_file import read_stack_file
from tests.makers.networks import footprint_item, write_network_job

HERE = ROOT / "bench"
FOLDER = ROOT / "build" / "bench"
DATES, CONNECTIONS = 300, 10
SCREEN = (1920, 1200)
_QGIS_SECONDS = 1200


def make_job(folder: Path) -> Path:
    """A job of 300 dates, each joined with the next 10; footprints, and a database of all pairs."""
    write_network_job(folder, DATES, CONNECTIONS)
    names = read_stack_file(next(folder.glob("stack_*.json"))).scenes
    write_search_answer(folder, [footprint_item(name, 14.0 + 0.001 * i) for i, name in enumerate(names)])
    chance = random.Random(2)
    scores = {order_pair(*pair): chance.uniform(2.0, 99.0) for pair in itertools.combinations(names, 2)}
    factors = {
        pair: {"coherence_expected": score / 120.0, "dt_days": abs((pair.secondary_date - pair.reference_date).days)}
        for pair, score in scores.items()
    }  # fmt: skip
    write_pair_database(folder, names, scores, factors)
    return folder


def run_in_qgis(script: str, work: Path, plan: dict[str, Any], theme: str = "default") -> dict[str, Any]:
    """Run a script in QGIS Desktop with the staged plugin, and give its answer; ``work`` is for its files."""
    stage, profile, answer = work / "stage", work / "profile", work / "answer.json"
    answer.unlink(missing_ok=True)
    stage_tool = [str(ROOT / ".venv" / "qgis" / "bin" / "python"), str(ROOT / "tools" / "stage.py")]
    subprocess.run([*stage_tool, str(stage)], check=True, capture_output=True)
    qgis_session.make_profile(profile, theme)
    log = work / "qgis.log"
    with qgis_session.virtual_display(*SCREEN) as display:
        variables = {
            **display,
            "HOME": str(work),
            "QGIS_PLUGINPATH": str(stage),
            "PATH": f"{ROOT / '.venv' / 'qgis' / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "BENCH_PLAN": json.dumps({**plan, "work": str(work), "answer": str(answer)}),
        }
        qgis_session.run_script(HERE / script, profile, variables, _QGIS_SECONDS, log)
    if not answer.exists():
        raise RuntimeError(f"{script}: {log.read_text(encoding='utf-8', errors='replace')[-1500:]}")
    found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    if "error" in found:
        raise RuntimeError(f"{script}: {found['error']}")
    return found


def measure(*, rounds: int = 5, hovers: int = 500, toggles: int = 1000, reloads: int = 50) -> dict[str, Any]:
    """Run everything in a QGIS of its own."""
    work = Path(tempfile.mkdtemp(prefix="insarhub-editor-"))
    try:
        plan = {
            "tools": str(ROOT / "tools"),
            "job": str(make_job(work / "jobs" / "p44_f117")),
            "rounds": rounds,
            "hovers": hovers,
            "toggles": toggles,
            "reloads": reloads,
        }
        return run_in_qgis("editor_in_qgis.py", work, plan)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def per_reload(found: dict[str, Any]) -> float:
    """Give the MB that stay with each reload; the first ten fill what QGIS and Qt keep once and for all."""
    after = [row["rss"] for row in found["reloads"]["after"]]
    start = min(10, len(after) - 1)
    return float((after[-1] - after[start]) / max(len(after) - 1 - start, 1))


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms"


def lines(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Give (what, figure, target) of an answer."""
    speed = found["speed"]
    opened = speed["open"]
    rows = [
        (f"open {speed['dates']} dates, {speed['pairs']} pairs: first in this QGIS", ms(speed["open_first"]), ""),
        ("... again, fastest and median of 5", f"{ms(opened[0])}, {ms(opened[len(opened) // 2])}", "<= 500 ms"),
    ]  # fmt: skip
    targets = {"redraw": "<= 35 ms", "hover": "<= 2 ms", "hit": "< 1 ms", "zoom": "< 100 ms"}
    titles = {
        "redraw": "full redraw",
        "zoom": "zoom and redraw",
        "hover": "hover to highlight",
        "hit": "hit test",
    }
    for suffix in ("", "_large"):
        size = "{} x {}".format(*speed[f"canvas{suffix}"])
        for name, title in titles.items():
            one = speed[f"{name}{suffix}"]
            spread = f"{ms(min(one['rounds']))} to {ms(max(one['rounds']))}"
            target = targets[name] if not suffix or name in ("hit", "zoom") else ""
            shown = f"p50 {ms(one['p50'])}, p95 {spread}; processor p50 {ms(one['cpu50'])}, p95 {ms(one['cpu95'])}"
            rows.append((f"{title}, graph {size}", shown, target))
    if "toggles" in found:
        one = found["toggles"]
        rows.append(
            ("click on a pair until all is painted", f"p50 {ms(one['p50'])}, p95 {ms(one['p95'])}", "")
        )
        grown = one["rss_after"] - one["rss_before"]
        rows.append(
            (
                f"memory over {one['count']} toggles",
                f"{one['rss_before']:.0f} -> {one['rss_after']:.0f} MB ({grown:+.1f})",
                "",
            )
        )
    if "reloads" in found:
        after = found["reloads"]["after"]
        first, last = after[0], after[-1]
        settled = after[min(10, len(after) - 1)]
        rows.append(
            (
                f"memory after reload 1, 11 and {len(after)}",
                f"{first['rss']:.0f}, {settled['rss']:.0f}, {last['rss']:.0f} MB ({per_reload(found):+.2f} MB each)",
                "",
            )
        )
        for name in ("widgets", "objects"):
            rows.append((f"{name} after the same", f"{first[name]}, {settled[name]}, {last[name]}", "equal"))
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--hovers", type=int, default=500)
    parser.add_argument("--toggles", type=int, default=1000)
    parser.add_argument("--reloads", type=int, default=50)
    arguments = parser.parse_args()
    found = measure(**vars(arguments))
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "editor.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    rows = lines(found)
    width, middle = max(len(row[0]) for row in rows), max(len(row[1]) for row in rows)
    for what, figure, target in rows:
        print(f"{what:{width}} | {figure:{middle}} | {target}".rstrip(" |"))
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()

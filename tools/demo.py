# SPDX-License-Identifier: GPL-2.0-or-later
"""The whole job: products, job folder, prepare, MintPy, layers, exports, project, picture, report.

Without ``--products`` the sandbox simulates them, and the report compares the recovered velocity with the truth.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import qgis_session

ROOT = qgis_session.ROOT
LAUNCH = ROOT / "insarhub_qgis" / "engine" / "launch.py"
SESSION_SECONDS = 3600


def ask(program: str, command: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Run one engine or sandbox command and give its result; its error ends the demo with the sentence."""
    process = subprocess.Popen(
        [str(qgis_session.ENGINE_PYTHON), "-I", str(LAUNCH), program, command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    answer: dict[str, Any] | None = None
    if process.stdin is None or process.stdout is None:
        raise SystemExit("demo: no pipe to the engine.")
    process.stdin.write(json.dumps({"parameters": parameters}) + "\n")
    process.stdin.close()
    for line in process.stdout:
        message = json.loads(line)
        if message["type"] == "error":
            raise SystemExit(
                f"demo: {command}: {message.get('message') or message['code']} {message.get('details', '')}"
            )
        if message["type"] == "result":
            answer = message["result"]
    process.wait()
    if answer is None:
        raise SystemExit(f"demo: {command} stopped without an answer (exit code {process.returncode}).")
    return answer


def step(text: str) -> None:
    print(f"demo: {text}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", type=Path, required=True, help="folder for everything that the demo makes")
    parser.add_argument("--products", type=Path, help="folder of real HyP3 zips instead of simulated ones")
    parser.add_argument("--options", type=Path, help="MintPy options, lines of key = value")
    parser.add_argument("--no-noise", action="store_true", help="simulate without atmosphere and phase noise")
    arguments = parser.parse_args()
    started = time.monotonic()
    demo = arguments.demo.absolute()
    demo.mkdir(parents=True, exist_ok=True)
    if arguments.products and not arguments.products.is_dir():
        raise SystemExit(f"demo: PRODUCTS: there is no folder '{arguments.products}'.")
    if arguments.options and not arguments.options.is_file():
        raise SystemExit(f"demo: OPTIONS: there is no file '{arguments.options}'.")

    truth_file = ""
    if arguments.products:
        products = arguments.products.absolute()
        options = arguments.options.read_text(encoding="utf-8") if arguments.options else ""
    else:
        step("simulating products")
        answer = ask(
            "sandbox", "simulate", {"output_folder": str(demo / "simulated"), "noise": not arguments.no_noise}
        )
        products, truth_file = Path(answer["products_folder"]), answer["truth_file"]
        options_file = arguments.options or Path(answer["options_file"])
        options = options_file.read_text(encoding="utf-8")

    step("QGIS: open products, prepare, analyse, load, export")
    plan = {
        "products": str(products),
        "job_folder": str(demo / "job"),
        "exports": str(demo / "exports"),
        "project": str(demo / "demo.qgz"),
        "screenshot": str(demo / "screenshot.png"),
        "options": options,
        "outcome": str(demo / "session.json"),
    }
    outcome_file = Path(plan["outcome"])
    outcome_file.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as scratch, qgis_session.virtual_display() as display:
        plan_file = Path(scratch) / "plan.json"
        plan_file.write_text(json.dumps(plan), encoding="utf-8")
        runtime = Path(scratch) / "run"
        runtime.mkdir(mode=0o700)
        variables = {**display, "INSARHUB_DEMO_PLAN": str(plan_file), "XDG_RUNTIME_DIR": str(runtime)}
        profile = qgis_session.make_profile(Path(scratch) / "profile")
        code = qgis_session.run_script(
            ROOT / "tools" / "demo_in_qgis.py", profile, variables, SESSION_SECONDS, demo / "qgis.log"
        )
    if not outcome_file.exists():
        raise SystemExit(
            f"demo: QGIS ended with code {code} before the job was done; its log is {demo / 'qgis.log'}."
        )
    outcome = json.loads(outcome_file.read_text(encoding="utf-8"))
    for line in outcome["log"]:
        print(f"      {line}")
    if outcome["error"]:
        raise SystemExit(f"demo: {outcome['error']}")

    step("report")
    ask(
        "sandbox",
        "demo-report",
        {
            "demo_folder": str(demo),
            "job_folder": plan["job_folder"],
            "truth_file": truth_file,
            "wall_seconds": round(time.monotonic() - started, 1),
            "pictures": [plan["screenshot"]],
        },
    )
    report = json.loads((demo / "report.json").read_text(encoding="utf-8"))
    for key, value in report.items():
        if isinstance(value, (int, float, str)):
            print(f"      {key}: {value}")
    print(
        f"demo: done in {time.monotonic() - started:.0f} s; see {os.path.relpath(demo / 'report.html')}, 'make run' opens the project."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

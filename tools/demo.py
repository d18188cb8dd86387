# SPDX-License-Identifier: GPL-2.0-or-later
"""The whole job: search, network, HyP3, download, prepare, MintPy, layers, exports, project, picture, report.

The sandbox answers for all services, and the report compares the recovered velocity with the truth. With
``--products`` the job begins at a folder of real products instead.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import qgis_session

ROOT = qgis_session.ROOT
LAUNCH = ROOT / "insarhub_qgis" / "engine" / "launch.py"
SESSION_SECONDS = 3600
#: Jobs of the sandbox wait and run so long, seconds.
PENDING_S, DONE_S = 1.0, 3.0


def start(program: str, command: str, parameters: dict[str, Any]) -> subprocess.Popen[str]:
    """Start one engine or sandbox command; it is cancelled when its stdin is closed."""
    process = subprocess.Popen(
        [str(qgis_session.ENGINE_PYTHON), "-I", str(LAUNCH), program, command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps({"cancel_on_eof": True, "parameters": parameters}) + "\n")
    process.stdin.flush()
    return process


def wait_for(process: subprocess.Popen[str], kind: str, command: str) -> dict[str, Any]:
    """Give the first item or the result of a command; its error ends the demo with the sentence."""
    assert process.stdout is not None
    for line in process.stdout:
        message = json.loads(line)
        if message["type"] == "error":
            raise SystemExit(
                f"demo: {command}: {message.get('message') or message['code']} {message.get('details', '')}"
            )
        if message["type"] == kind:
            answer: dict[str, Any] = message[kind]
            return answer
    raise SystemExit(f"demo: {command} stopped without an answer (exit code {process.wait()}).")


def ask(program: str, command: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Run one engine or sandbox command and give its result."""
    process = start(program, command, parameters)
    answer = wait_for(process, "result", command)
    process.communicate()
    return answer


@contextlib.contextmanager
def sandbox(truth_folder: Path, has_noise: bool) -> Iterator[str]:
    """Serve simulated ASF, Earthdata Login and HyP3; gives their address."""
    parameters = {
        "truth_folder": str(truth_folder),
        "noise": has_noise,
        "pending_s": PENDING_S,
        "done_s": DONE_S,
    }
    process = start("sandbox", "serve", parameters)
    try:
        url = wait_for(process, "item", "serve")["base_url"]
        # Its progress is read, so that its pipe never fills.
        threading.Thread(target=process.stdout.read, daemon=True).start()  # type: ignore[union-attr]
        yield url
    finally:
        process.stdin.close()  # type: ignore[union-attr]
        process.wait(timeout=60)


def remove_sandbox_job(folder: Path) -> None:
    """Remove the job of an earlier demo; one that is not of the sandbox is nobody's to remove."""
    config = folder / "insarhub_config.json"
    if not folder.exists() or not any(folder.iterdir()):
        return
    try:
        own = json.loads(config.read_text(encoding="utf-8")).get("insarhub_qgis", {})
    except (OSError, ValueError):
        own = {}
    if not own.get("is_sandbox"):
        raise SystemExit(f"demo: {folder} holds another job. Move it away, or choose another DEMO=DIR.")
    shutil.rmtree(folder)


def step(text: str) -> None:
    print(f"demo: {text}", flush=True)


def run_session(demo: Path, plan: dict[str, Any]) -> None:
    """Do the job of the plan in QGIS, and print what it tells; an error ends the demo with the sentence."""
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

    job = demo / "job"
    plan: dict[str, Any] = {
        "sandbox_url": "",
        "job_folder": str(job),
        "exports": str(demo / "exports"),
        "project": str(demo / "demo.qgz"),
        "screenshot": str(demo / "screenshot.png"),
        "outcome": str(demo / "session.json"),
    }
    with contextlib.ExitStack() as stack:
        if arguments.products:
            plan["products"] = str(arguments.products.absolute())
            options = arguments.options
        else:
            remove_sandbox_job(job)
            truth = demo / "truth"
            step("sandbox: simulated ASF search, Earthdata Login and HyP3")
            plan["sandbox_url"] = stack.enter_context(sandbox(truth, not arguments.no_noise))
            plan |= {"area": str(truth / "true_velocity.tif"), "search": str(demo / "search")}
            options = arguments.options or truth / "options.cfg"
        plan["options"] = options.read_text(encoding="utf-8") if options else ""
        begins = (
            "open products" if arguments.products else "search, network, dry run, submit, watch, download"
        )
        step(f"QGIS: {begins}, prepare, analyse, load, export")
        run_session(demo, plan)

    step("report")
    truth_file = "" if arguments.products else str(demo / "truth" / "truth.npz")
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

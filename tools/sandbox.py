# SPDX-License-Identifier: GPL-2.0-or-later
"""Serve the sandbox for a person, and say where it is and how it is used, until Ctrl+C."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LAUNCH = ROOT / "insarhub_qgis" / "engine" / "launch.py"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8090, help="0 takes a free port")
    parser.add_argument(
        "--umm", type=Path, help="answer of CMR (UMM JSON) to serve instead of simulated stacks"
    )
    parser.add_argument("--truth", type=Path, help="folder for the truth of the simulated stack")
    parser.add_argument("--failed-share", type=float, default=0.0, help="0..1 of the HyP3 jobs that fail")
    arguments = parser.parse_args()
    parameters = {
        "umm_file": str(arguments.umm.absolute()) if arguments.umm else "",
        "port": arguments.port,
        "truth_folder": str(arguments.truth.absolute()) if arguments.truth else "",
        "failed_share": arguments.failed_share,
    }
    process = subprocess.Popen(
        [sys.executable, "-I", str(LAUNCH), "sandbox", "serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    if process.stdin is None or process.stdout is None:
        raise SystemExit("sandbox: no pipe to the engine.")
    # Its stdin stays open: the sandbox ends with this program, however that ends.
    process.stdin.write(json.dumps({"cancel_on_eof": True, "parameters": parameters}) + "\n")
    process.stdin.flush()
    failed = False
    try:
        for line in process.stdout:
            message = json.loads(line)
            if message["type"] == "item":
                _say(message["item"])
            elif message["type"] == "error":
                failed = True
                print(f"sandbox: {message.get('message') or message['code']}", file=sys.stderr)
    except KeyboardInterrupt:
        # A second one while the sandbox ends has nothing more to say.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        print("\nsandbox: stopped")
    process.stdin.close()
    process.wait()
    return 1 if failed else 0


def _say(item: dict[str, object]) -> None:
    url = item["base_url"]
    print(f"sandbox: {item['scenes']} scenes at {url}")
    print(f"  in QGIS: InSARHub > Options > Sandbox, address {url}")
    print(
        f"  HyP3 is at the same address: costs at {url}/costs, jobs that were accepted at {url}/_sandbox/jobs"
    )
    print(
        "  accounts: any name that begins with sandbox-, any password but 'wrong'; see hyp3_accounts.py for cases"
    )
    print(
        f'  a fault: curl -X POST {url}/_sandbox/fault -d \'{{"route": "/search", "status": 503, "times": 3}}\''
    )
    print(f"  the log: curl {url}/_sandbox/log")
    print("  Ctrl+C ends it", flush=True)


if __name__ == "__main__":
    sys.exit(main())

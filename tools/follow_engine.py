# SPDX-License-Identifier: GPL-2.0-or-later
"""Read the engine's lines on stdin, show the log as a person wants it, fail with its error."""

from __future__ import annotations

import json
import sys
import time

#: A check of a complete environment is over before this; only real work is worth a line.
QUIET_SECONDS = 4.0


def main(title: str) -> int:
    shown = False
    started = time.monotonic()
    for line in sys.stdin:
        message = json.loads(line)
        kind = message.get("type")
        if kind == "log" and message.get("level") in ("warning", "error"):
            print(f"{title}: {message['text']}", file=sys.stderr)
        elif kind == "progress" and not shown and time.monotonic() - started > QUIET_SECONDS:
            print(f"set-up: {title}, once, about a minute", flush=True)
            shown = True
        elif kind == "error":
            print(f"set-up: {message.get('message') or message.get('code')}", file=sys.stderr)
            return 1
        elif kind == "result":
            return 0
    print(f"set-up: the {title} stopped without an answer; run again.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

# SPDX-License-Identifier: GPL-2.0-or-later
"""Read the engine's lines on stdin, show the log as a person wants it, fail with its error."""

from __future__ import annotations

import json
import sys


def main(title: str) -> int:
    shown = False
    for line in sys.stdin:
        message = json.loads(line)
        kind = message.get("type")
        if kind == "log" and message.get("level") in ("warning", "error"):
            print(f"{title}: {message['text']}", file=sys.stderr)
        elif kind == "progress" and message.get("text") and not shown:
            print(f"set-up: {title}")
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

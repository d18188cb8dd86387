# SPDX-License-Identifier: GPL-2.0-or-later
"""What every timed process does: warm up, work under the clock, print one line of JSON with seconds and memory."""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any, Callable

ROOT = Path(__file__).resolve().parent.parent
MARK = "bench-result "


def peak_mb() -> float:
    """Largest resident memory of this process, or of a program that it ran, MB."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(place).ru_maxrss for place in who) / 1024


def clock(work: Callable[[], Any]) -> tuple[float, Any]:
    """Wall seconds of a call, and what it gave."""
    begun = time.perf_counter()
    result = work()
    return time.perf_counter() - begun, result


@contextlib.contextmanager
def silence() -> Any:
    """Keep the talk of the peers away from the result line, also that of their C libraries."""
    sys.stdout.flush()
    saved = os.dup(1)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                yield
        finally:
            os.dup2(saved, 1)
            os.close(saved)


def answer(seconds: float, **more: Any) -> None:
    """Print the line that the bench reads."""
    print(MARK + json.dumps({"seconds": seconds, "rss_mb": peak_mb(), **more}), flush=True)

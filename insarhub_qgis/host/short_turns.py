# SPDX-License-Identifier: GPL-2.0-or-later
"""Shorter turns of Python's threads while a worker works, so that the window need not wait for each of its own."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: A worker gives way after this time, seconds. Python's own five milliseconds add up: painting asks for many turns.
TURN_S = 0.0005

_lock = threading.Lock()
_workers = 0
_usual_s = 0.0


@contextmanager
def short_turns() -> Iterator[None]:
    """Let the other threads have their turn soon, as long as any worker is inside."""
    global _workers, _usual_s
    with _lock:
        if _workers == 0:
            _usual_s = sys.getswitchinterval()
            sys.setswitchinterval(min(TURN_S, _usual_s))
        _workers += 1
    try:
        yield
    finally:
        with _lock:
            _workers -= 1
            if _workers == 0:
                sys.setswitchinterval(_usual_s)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Waiting for what another thread or process does, and requests that a sandbox holds back meanwhile.

No speed decides a test: the limit of a wait is for what hangs, and what must not be waited for never ends.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from insarhub_qgis.sandbox.server import Answer, SandboxServer, ServiceRequest

#: Nothing that works takes this long, on a busy machine either.
HANG_S = 240.0
#: Longer than a test may take: whoever waits for this hangs.
NEVER_S = 3600.0


def wait_until(is_reached: Callable[[], object], what: str = "it") -> None:
    end = time.monotonic() + HANG_S
    while not is_reached():
        assert time.monotonic() < end, f"{what} was not reached within {HANG_S:.0f} s"
        time.sleep(0.01)


@dataclass(frozen=True)
class Held:
    """Requests of a sandbox that stay without an answer until ``released`` is set."""

    arrived: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)


@contextlib.contextmanager
def holding(server: SandboxServer, is_held: Callable[[ServiceRequest], bool]) -> Iterator[Held]:
    """Hold back the answers to some requests, to the end of the block at the longest."""
    held, answer = Held(), server.answer

    def answer_later(request: ServiceRequest) -> Answer:
        if is_held(request):
            held.arrived.set()
            held.released.wait()
        return answer(request)

    server.answer = answer_later
    try:
        yield held
    finally:
        server.answer = answer
        held.released.set()

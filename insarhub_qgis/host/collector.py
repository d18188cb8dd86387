# SPDX-License-Identifier: GPL-2.0-or-later
"""Python's garbage collector: where it works, and what it need not look at.

It works in whatever thread happens to ask for memory. In a worker it may then delete widgets that nobody holds any
longer, which only the main thread may do: QGIS crashes. So it rests while workers work, and a timer of the main thread
stands in for it. It also looks at every object there is from time to time, and no thread works meanwhile: with QGIS, numpy and
matplotlib loaded that is a tenth of a second in which the window does not answer. What is loaded is left out.
"""

from __future__ import annotations

import gc

from qgis.PyQt.QtCore import QTimer

INTERVAL_MS = 500

_timer: QTimer | None = None


def leave_out_what_is_there() -> None:
    """Keep the collector from looking again and again at what is loaded by now; later objects are collected as ever."""
    gc.freeze()


def look_at_all_again() -> None:
    """Let the collector see everything, as before; for the unload of the plugin."""
    gc.unfreeze()


def collect_on_main_thread() -> None:
    """Keep the collector to the main thread until `collect_as_usual`; both are called there."""
    global _timer
    if _timer is not None or not gc.isenabled():
        return
    gc.disable()
    _timer = QTimer()
    _timer.timeout.connect(collect_if_due)
    _timer.start(INTERVAL_MS)


def collect_as_usual() -> None:
    """Let the collector work by itself again."""
    global _timer
    if _timer is not None:
        _timer.stop()
        _timer = None
        gc.enable()


def collect_if_due() -> None:
    """Collect the oldest generation that is due, as Python itself would have."""
    due = [
        number
        for number, (count, limit) in enumerate(zip(gc.get_count(), gc.get_threshold()))
        if count > limit
    ]
    if due:
        gc.collect(max(due))

# SPDX-License-Identifier: GPL-2.0-or-later
"""Progress and cancel as two callables, and how the progress of parts adds up."""

from __future__ import annotations

from typing import Callable

from insarhub_qgis.core.errors import Cancelled

#: ``report(fraction, text)``: fraction 0..1 of the whole work, text for people.
Report = Callable[[float, str], None]
#: ``is_cancelled()``: True once the user wants the work to stop.
IsCancelled = Callable[[], bool]


def ignore_progress(fraction: float, text: str) -> None:
    """A report that nobody reads."""


def never_cancelled() -> bool:
    """The answer of a caller that cannot cancel."""
    return False


def part_of(report: Report, start: float, end: float) -> Report:
    """Give a report whose 0..1 covers ``start``..``end`` of the outer one."""

    def report_part(fraction: float, text: str) -> None:
        report(start + (end - start) * min(max(fraction, 0.0), 1.0), text)

    return report_part


def stop_if_cancelled(is_cancelled: IsCancelled) -> None:
    """Raise `Cancelled` when the user has cancelled."""
    if is_cancelled():
        raise Cancelled()

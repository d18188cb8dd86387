# SPDX-License-Identifier: GPL-2.0-or-later
"""What an engine command gets besides its request: where to report, to log and to look for a cancel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable

from insarhub_qgis.core.credentials import Credential
from insarhub_qgis.core.progress import IsCancelled, Report, ignore_progress, never_cancelled


def _ignore_log(text: str, level: str = "info") -> None:
    return None


def _ignore_item(item: dict[str, Any]) -> None:
    return None


@dataclass(frozen=True)
class RunContext:
    """Callables of one run. The defaults make a command callable from a test or a script.

    Attributes
    ----------
    report
        ``report(fraction, text)`` with the fraction of the whole command, 0..1.
    is_cancelled
        True once the command should stop by raising `Cancelled`.
    log
        ``log(text, level)`` with level ``debug``, ``info``, ``warning`` or ``error``.
    item
        ``item(values)``: a partial result, e.g. the new state of one step.
    credential
        Login that the run may use; None when none was given.
    """

    report: Report = ignore_progress
    is_cancelled: IsCancelled = never_cancelled
    log: Callable[..., None] = _ignore_log
    item: Callable[[dict[str, Any]], None] = _ignore_item
    credential: Credential | None = None

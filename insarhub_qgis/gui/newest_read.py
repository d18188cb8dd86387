# SPDX-License-Identifier: GPL-2.0-or-later
"""Reading files for one view, of which only the newest counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.progress import IsCancelled
from insarhub_qgis.gui.page_context import PageContext, ReadTask, call_if_alive


class NewestRead:
    """Starts `PageContext.read` for a view; an older reading ends without a word."""

    def __init__(self, context: PageContext) -> None:
        self._context = context
        self._task: ReadTask | None = None

    @property
    def is_running(self) -> bool:
        return self._task is not None

    def start(
        self,
        description: str,
        read: Callable[[IsCancelled], Any],
        on_success: Callable[[Any], None],
        on_error: Callable[[InsarError], None] | None = None,
    ) -> None:
        """Read in a worker thread, in place of what is being read; callbacks as of `PageContext.read`."""
        self.cancel()

        def end(callback: Callable[[Any], None] | None, value: Any) -> None:
            if task is self._task:
                self._task = None
                call_if_alive(callback, value)

        def fail(error: InsarError) -> None:
            is_quiet = on_error is None and isinstance(error, Cancelled)
            end(None if is_quiet else (on_error or self._context.show_error), error)

        task = self._context.read(description, read, lambda value: end(on_success, value), fail)
        self._task = task

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

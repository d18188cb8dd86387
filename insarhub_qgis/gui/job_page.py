# SPDX-License-Identifier: GPL-2.0-or-later
"""A page of the dock about one job: read when it opens, and again when the files of the job change."""

from __future__ import annotations

from pathlib import Path

from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QWidget

from insarhub_qgis.gui.newest_read import NewestRead
from insarhub_qgis.gui.page_context import PageContext


class JobPage(QWidget):
    """Base of these pages: a subclass reads and shows.

    Signals
    -------
    back_requested
        The page before it is to be shown.
    page_requested(str, str)
        Key of another page, and the folder of a job.
    """

    back_requested = pyqtSignal()
    page_requested = pyqtSignal(str, str)

    def __init__(self, context: PageContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._folder: Path | None = None
        self._reading = NewestRead(context)
        context.job_changed.connect(self._on_job_changed)

    @property
    def job_folder(self) -> Path | None:
        """The job that is shown."""
        return self._folder

    def close_page(self) -> None:
        """Let go of what outlives the page."""
        self._context.job_changed.disconnect(self._on_job_changed)
        self._reading.cancel()

    def _on_job_changed(self, folder: Path) -> None:
        if folder == self._folder:
            self._read()

    def _read(self) -> None:
        if self._folder is not None:
            self._read_job(self._folder)

    def _read_job(self, folder: Path) -> None:
        """Start reading the files of a job."""
        raise NotImplementedError

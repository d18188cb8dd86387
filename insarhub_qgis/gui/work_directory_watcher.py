# SPDX-License-Identifier: GPL-2.0-or-later
"""Notices what other programs do in the work directory and its jobs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from qgis.PyQt.QtCore import QFileSystemWatcher, QObject, QTimer, pyqtSignal

#: A run writes many files; the jobs are read again at most this often.
INTERVAL_MS = 1000
#: Each watched folder costs the system a handle.
MOST_FOLDERS = 400


class WorkDirectoryWatcher(QObject):
    """Watches the work directory and the folders of its jobs, one level deep.

    Signals
    -------
    changed
        Something came, went or was replaced; at most once per `INTERVAL_MS`.
    """

    changed = pyqtSignal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._watcher = QFileSystemWatcher(self)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self.changed)
        self._watcher.directoryChanged.connect(self._on_changed)

    def watch(self, work_directory: Path | None, jobs: Iterable[Path]) -> None:
        """Watch these folders from now on, and no others."""
        wanted: set[str] = set()
        if work_directory is not None:
            folders = [work_directory, *jobs][:MOST_FOLDERS]
            wanted = {str(folder) for folder in folders if folder.is_dir()}
        present = set(self._watcher.directories())
        if present - wanted:
            self._watcher.removePaths(sorted(present - wanted))
        if wanted - present:
            self._watcher.addPaths(sorted(wanted - present))

    def stop(self) -> None:
        """Watch nothing any more."""
        self._timer.stop()
        self.watch(None, ())

    def _on_changed(self) -> None:
        # Not restarted: a run that writes all the time would put the reading off for ever.
        if not self._timer.isActive():
            self._timer.start()

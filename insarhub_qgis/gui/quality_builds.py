# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds of pair databases in the background: one per job, begun after a selection or by the user."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Optional

from qgis.PyQt.QtCore import QObject, pyqtSignal

from insarhub_qgis.core import pair_database
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.pair_score import ScoreWeights
from insarhub_qgis.core.pair_table_files import StackQuality
from insarhub_qgis.host import log
from insarhub_qgis.host.quality_requests import build_request, reweight_request, usable_sources

if TYPE_CHECKING:
    from insarhub_qgis.gui.page_context import PageContext
    from insarhub_qgis.host.engine_process import EngineTask

#: What a build did not find is not looked for again by itself for this time: a service may stay silent all day.
PATIENCE_S = 600.0
_RUNNING = "running"


@dataclass
class Build:
    """A build that goes on.

    Attributes
    ----------
    phase
        What it asks or makes now, as the items of `BuildPairDatabase` name it; empty at first.
    fraction
        0..1 of all.
    """

    task: EngineTask
    phase: str = ""
    fraction: float = 0.0
    is_cancelling: bool = False


class QualityBuilds(QObject):
    """Runs and their outcomes by job folder. Nobody waits for them; failures are kept for whoever shows the job.

    Signals
    -------
    changed(Path)
        A build of that job began, went on or ended.
    """

    changed = pyqtSignal(object)

    def __init__(self, context: PageContext) -> None:
        super().__init__(context)
        self._context = context
        self._builds: dict[Path, Build] = {}
        self._failures: dict[Path, InsarError] = {}
        self._silent: dict[Path, tuple[str, ...]] = {}
        self._begun_at: dict[Path, float] = {}
        self._cancelled: set[Path] = set()

    def running(self, folder: Path) -> Optional[Build]:
        """Give the build of a job that goes on, or None."""
        return self._builds.get(folder)

    def failure(self, folder: Path) -> InsarError | None:
        """Give why the last build of a job failed; None when it did not, or was cancelled."""
        return self._failures.get(folder)

    def silent_hosts(self, folder: Path) -> tuple[str, ...]:
        """Give the hosts that did not answer the last build of a job."""
        return self._silent.get(folder, ())

    def begin(self, folder: Path, section: Mapping[str, Any], *, is_asking: bool = True) -> bool:
        """Build or complete the pair database of a job; False when it is being built already.

        Parameters
        ----------
        section
            What the config keeps of the last build, see `StackQuality.section`.
        is_asking
            The user began it, and may be asked for a password.
        """
        if folder in self._builds:
            return False
        try:
            request, credential = build_request(folder, section, is_asking=is_asking)
        except InsarError as error:
            self._end(folder, error)
            return False
        self._forget(folder)
        self._begun_at[folder] = time.monotonic()
        task = self._context.start(
            request,
            self.tr("Building pair database of {job}").format(job=folder.name),
            lambda answer: self._end(folder, None, answer),
            lambda error: self._end(folder, error),
            lambda item: self._on_item(folder, item),
            credential=credential,
            is_background=True,
        )
        build = self._builds[folder] = Build(task)

        def report(fraction: float, _text: str) -> None:
            build.fraction = fraction
            self.changed.emit(folder)

        task.progressed.connect(report)
        self.changed.emit(folder)
        return True

    def begin_if_needed(self, folder: Path, quality: StackQuality) -> None:
        """Begin a build after a selection, unless all is known or the user cancelled one."""
        if folder in self._builds or folder in self._cancelled:
            return
        has_tried = time.monotonic() - self._begun_at.get(folder, -PATIENCE_S) < PATIENCE_S
        state = quality.state(usable_sources())
        is_same_again = has_tried and state in (pair_database.LACKING, pair_database.INCOMPLETE)
        is_known = state in (pair_database.CURRENT, pair_database.REWEIGHTED)
        if not is_same_again and not is_known and len(quality.scene_names) > 1:
            self.begin(folder, quality.section, is_asking=False)

    def reweight(
        self, folder: Path, weights: ScoreWeights, on_end: Callable[[Optional[InsarError]], None]
    ) -> None:
        """Keep other weights of a job; ``on_end(error or None)``."""
        self._context.start(
            reweight_request(folder, weights),
            self.tr("Scoring the pairs of {job}").format(job=folder.name),
            lambda _: on_end(None),
            on_end,
        )

    def cancel(self, folder: Path) -> None:
        """Stop a build; what it fetched stays."""
        build = self._builds.get(folder)
        if build is not None:
            build.is_cancelling = True
            build.task.cancel()
            self.changed.emit(folder)

    def _on_item(self, folder: Path, item: Mapping[str, Any]) -> None:
        build = self._builds.get(folder)
        if build is not None and item.get("state") == _RUNNING:
            build.phase = str(item.get("phase", ""))
            self.changed.emit(folder)

    def _end(self, folder: Path, error: InsarError | None, answer: Mapping[str, Any] | None = None) -> None:
        self._builds.pop(folder, None)
        if isinstance(error, Cancelled):
            self._cancelled.add(folder)
        elif error is not None:
            self._failures[folder] = error
            log.warning(f"pair database of {folder.name}: {error}")
        if answer is not None:
            self._silent[folder] = tuple(str(host) for host in answer.get("hosts") or ())
        self.changed.emit(folder)

    def _forget(self, folder: Path) -> None:
        for kept in (self._failures, self._silent):
            kept.pop(folder, None)
        self._cancelled.discard(folder)

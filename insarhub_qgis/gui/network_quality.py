# SPDX-License-Identifier: GPL-2.0-or-later
"""What the network editor does with the quality of pairs: reads it, shows it, has it built, weighs it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Callable, Optional

from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.network_graph import PairKey
from insarhub_qgis.core.pair_score import ScoreWeights
from insarhub_qgis.core.pair_table_files import StackQuality, quality_stamp, read_stack_quality
from insarhub_qgis.gui.network_session import NetworkSession
from insarhub_qgis.gui.newest_read import NewestRead
from insarhub_qgis.gui.quality_line import QualityLine
from insarhub_qgis.gui.quality_panel import QualityPanel
from insarhub_qgis.host import log
from insarhub_qgis.host.quality_requests import usable_sources

if TYPE_CHECKING:
    from insarhub_qgis.gui.page_context import PageContext


class NetworkQuality(QObject):
    """Joins the panel of weights and the line about the database with the session that is shown.

    Signals
    -------
    scores_changed()
        The scores of the network are others: while a weight is moved, or after a build.
    """

    scores_changed = pyqtSignal()

    def __init__(self, context: PageContext, panel: QualityPanel, line: QualityLine, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._builds = context.quality_builds()
        self._panel, self._line = panel, line
        self._session: Optional[NetworkSession] = None
        self._key: PairKey | None = None
        self._reading = NewestRead(context)
        self._is_keeping = False
        # A slider tells more positions than can be drawn: the newest one counts.
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._weigh)
        panel.weights_changed.connect(lambda _: self._timer.start())
        panel.reset_requested.connect(self.reset)
        panel.keep_requested.connect(self.keep)
        line.build_requested.connect(self.build)
        line.cancel_requested.connect(self.cancel)
        self._builds.changed.connect(self._on_build)
        context.services_changed.connect(self.show_state)

    @property
    def has_table(self) -> bool:
        """The pairs of the present session are judged."""
        return self._session is not None and self._session.table is not None

    def use(self, session: NetworkSession | None) -> None:
        """Show another stack, or none."""
        self._session = session
        self._key = None
        self._timer.stop()
        self._reading.cancel()
        self._show_weights()
        self.show_pair(None)
        self.show_state()
        # A build may have ended while another stack was shown.
        self.check_files()

    def close(self) -> None:
        """Leave all signals."""
        self._timer.stop()
        self._reading.cancel()
        self._builds.changed.disconnect(self._on_build)
        self._context.services_changed.disconnect(self.show_state)
        self._session = None

    # --- reading

    def check_files(self) -> None:
        """Read again when a build, of this QGIS or another program, has written."""
        session = self._session
        quality = session.opened.quality if session is not None else None
        if session is not None and quality is not None and quality_stamp(session.folder) != quality.stamp:
            self.read()

    def read(self, then: Callable[[StackQuality], None] | None = None) -> None:
        """Read the judged pairs in a worker thread; ``then`` gets them when they are still wanted."""
        session = self._session
        if session is None:
            return
        folder = session.folder

        def show(quality: StackQuality) -> None:
            self._take(session, quality)
            if then is not None:
                then(quality)

        self._reading.start(
            self.tr("Reading the pair database of {job}").format(job=session.name),
            lambda is_cancelled: read_stack_quality(folder, is_cancelled),
            show,
            lambda error: log.warning(f"pair database of {folder.name}: {error}"),
        )

    def _take(self, session: NetworkSession, quality: StackQuality) -> None:
        shown = session.table.pairs.weights if session.has_other_weights and session.table else None
        if not session.use_quality(quality):
            # The stack itself is another one; the editor reads that by itself, or asks first.
            return
        if shown is not None:
            session.show_weights(shown)
        self._show_weights()
        self.show_state()
        self.scores_changed.emit()
        self.show_pair(self._key)

    # --- building

    def build(self) -> None:
        """Build, resume or update the pair database, because the user said so."""
        session = self._session
        if session is not None and session.opened.quality is not None:
            self._builds.begin(session.folder, session.opened.quality.section)

    def cancel(self) -> None:
        if self._session is not None:
            self._builds.cancel(self._session.folder)

    def begin_after_selection(self) -> None:
        """Begin a build by itself, unless all is known."""
        session = self._session
        quality = session.opened.quality if session is not None else None
        if session is None or quality is None:
            return
        if quality_stamp(session.folder) == quality.stamp:
            self._builds.begin_if_needed(session.folder, quality)
        else:
            self.read(lambda found: self._builds.begin_if_needed(session.folder, found))

    def _on_build(self, folder: Path) -> None:
        if self._session is not None and folder == self._session.folder:
            self.show_state()

    def show_state(self) -> None:
        """Say how far the database is, and what can be done with the weights."""
        session = self._session
        quality = session.opened.quality if session is not None else None
        if session is None or quality is None:
            self._line.clear()
            self._panel.set_state(can_weigh=False, is_kept=True)
            return
        build = self._builds.running(session.folder)
        if build is not None:
            self._line.show_build(build)
        else:
            self._line.show_quality(
                quality,
                quality.state(usable_sources()),
                self._builds.failure(session.folder),
                self._builds.silent_hosts(session.folder),
            )
        self._show_panel_state()

    def _show_panel_state(self) -> None:
        session = self._session
        if session is not None:
            self._panel.set_state(
                can_weigh=session.table is not None,
                is_kept=not session.has_other_weights,
                is_keeping=self._is_keeping or self._builds.running(session.folder) is not None,
            )

    # --- weights

    def reset(self) -> None:
        """Go back to the weights that the job keeps."""
        if self._session is not None and self._session.kept_table is not None:
            self._session.show_weights(self._session.kept_table.pairs.weights)
            self._show_weights()
            self._weigh()

    def keep(self) -> None:
        """Write the pair database with the weights that are shown."""
        session = self._session
        if session is None or self._is_keeping or not session.has_other_weights:
            return
        self._is_keeping = True
        self.show_state()

        def end(error: InsarError | None) -> None:
            self._is_keeping = False
            if error is not None and not isinstance(error, Cancelled):
                self._context.show_error(error)
            self.show_state()
            self.check_files()

        self._builds.reweight(session.folder, self._panel.weights, end)

    def _weigh(self) -> None:
        session = self._session
        if session is None or session.table is None:
            return
        session.show_weights(self._panel.weights)
        self.scores_changed.emit()
        self.show_pair(self._key)
        self._show_panel_state()

    def _show_weights(self) -> None:
        table = self._session.table if self._session is not None else None
        self._panel.show_weights(table.pairs.weights if table is not None else ScoreWeights())

    # --- one pair

    def show_pair(self, key: PairKey | None) -> None:
        """Explain a pair in the panel; None: none is chosen."""
        self._key = key
        session = self._session
        explanation = session.explanation(key) if session is not None and key is not None else None
        if explanation is not None and session is not None and session.opened.quality is not None:
            self._panel.why.show_pair(explanation, session.opened.quality.expected_inputs)
        elif key is not None:
            self._panel.why.clear(self.tr("The pairs are not judged yet: build the pair database."))
        else:
            self._panel.why.clear()

# SPDX-License-Identifier: GPL-2.0-or-later
"""One line about the pair database of a job: how far its build is, what is not known, and the button that helps."""

from __future__ import annotations

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QWidget

from insarhub_qgis.core import pair_database
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.pair_table_files import StackQuality
from insarhub_qgis.gui.quality_builds import Build
from insarhub_qgis.gui.quality_texts import service_text, state_hint, table_text
from insarhub_qgis.gui.short_text import ShortLabel
from insarhub_qgis.host.messages import sentence, what_happened


class QualityLine(QWidget):
    """Text and a button: Cancel while a build goes on, else Build, Resume or Update.

    Signals
    -------
    build_requested()
    cancel_requested()
    """

    build_requested = pyqtSignal()
    cancel_requested = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.label = ShortLabel(self)
        self.label.setObjectName("insarhubQualityState")
        self.label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.button = QToolButton(self)
        self.button.setObjectName("insarhubQualityButton")
        self.button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.button.clicked.connect(self._on_clicked)
        self._is_building = False
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.label, 1)
        layout.addWidget(self.button)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        # The graph above must not jump when the button comes and goes.
        self.button.setText(self.tr("Build"))
        self.setMinimumHeight(self.button.sizeHint().height())
        self.clear()

    def clear(self) -> None:
        """Say nothing: no job is shown."""
        self._is_building = False
        self.label.setText("")
        self.button.hide()

    def show_build(self, build: Build) -> None:
        """Say how far a build is."""
        self._is_building = True
        if build.is_cancelling:
            text = self.tr("Building pair database: cancelling…")
        elif build.phase:
            text = self.tr("Building pair database: {phase} {percent} %").format(
                phase=service_text(build.phase), percent=int(build.fraction * 100)
            )
        else:
            text = self.tr("Building pair database…")
        self.label.setText(text)
        tip = self.tr("Stop the build; what it has fetched stays")
        self._offer(self.tr("Cancel"), tip, is_enabled=not build.is_cancelling)

    def show_quality(
        self,
        quality: StackQuality,
        state: str,
        failure: InsarError | None = None,
        silent_hosts: tuple[str, ...] = (),
    ) -> None:
        """Say what a database holds, what it lacks, and why.

        Parameters
        ----------
        state
            Of `StackQuality.state`.
        silent_hosts
            Hosts that did not answer the last build.
        """
        self._is_building = False
        parts = []
        if quality.table is not None and state != pair_database.MISSING:
            parts.append(table_text(quality.table, quality.expected_inputs))
        hint = state_hint(state)
        if hint:
            parts.append(hint)
        if silent_hosts:
            parts.append(self.tr("no answer from {hosts}").format(hosts=", ".join(silent_hosts)))
        if failure is not None:
            parts.append(what_happened(failure))
        self.label.setText(self.tr("Pair database: {text}").format(text="; ".join(parts)))
        if failure is not None:
            self.label.setToolTip(f"{self.label.text()}\n{sentence(failure)}")
        if state == pair_database.MISSING:
            self._offer(self.tr("Build"), self.tr("Ask the services, then score all pairs"))
        elif state == pair_database.INCOMPLETE:
            self._offer(
                self.tr("Resume"), self.tr("Go on with the build; what was fetched is not fetched again")
            )
        elif state != pair_database.CURRENT or silent_hosts:
            self._offer(
                self.tr("Update"), self.tr("Ask for what is missing, then score the pairs that change")
            )
        else:
            self.button.hide()

    def _offer(self, text: str, tip: str, *, is_enabled: bool = True) -> None:
        self.button.setText(text)
        self.button.setToolTip(tip)
        self.button.setEnabled(is_enabled)
        self.button.show()

    def _on_clicked(self) -> None:
        (self.cancel_requested if self._is_building else self.build_requested).emit()

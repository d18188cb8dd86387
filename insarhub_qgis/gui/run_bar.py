# SPDX-License-Identifier: GPL-2.0-or-later
"""The newest engine run as a thin bar: what it does, how far it is, Cancel."""

from __future__ import annotations

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.gui.page_context import PageContext, Run
from insarhub_qgis.gui.short_text import ShortLabel

BAR_HEIGHT_PX = 6


class RunBar(QFrame):
    """Hidden while nothing runs. With several runs the newest is shown, the others counted as "+2"."""

    def __init__(self, context: PageContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("insarhubRunBar")
        self._context = context
        self._run: Run | None = None

        self.label = ShortLabel(self)
        self.label.setObjectName("insarhubRunText")
        self.percent = QLabel(self)
        self.percent.setObjectName("insarhubRunPercent")
        self.count = QLabel(self)
        self.count.setObjectName("insarhubRunCount")
        self.cancel_button = QToolButton(self)
        self.cancel_button.setObjectName("insarhubRunCancel")
        self.cancel_button.setText(self.tr("Cancel"))
        self.cancel_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.cancel_button.clicked.connect(self._cancel)
        self.progress = QProgressBar(self)
        self.progress.setObjectName("insarhubRunProgress")
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(BAR_HEIGHT_PX)
        self.progress.setRange(0, 1000)
        self.progress.setAccessibleName(self.tr("Progress of the newest run"))

        first = QHBoxLayout()
        first.setSpacing(6)
        first.addWidget(self.label, 1)
        first.addWidget(self.percent)
        first.addWidget(self.count)
        first.addWidget(self.cancel_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 3, 0, 3)
        layout.setSpacing(3)
        layout.addLayout(first)
        layout.addWidget(self.progress)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

        context.runs_changed.connect(self._choose_run)
        self._choose_run()

    def _choose_run(self) -> None:
        runs = self._context.runs
        newest = runs[-1] if runs else None
        if newest is not self._run:
            if self._run is not None and self._run in runs:
                self._run.changed.disconnect(self._show)
            self._run = newest
            if newest is not None:
                newest.changed.connect(self._show)
        others = len(runs) - 1
        self.count.setText(f"+{others}" if others > 0 else "")
        self.count.setVisible(others > 0)
        self.count.setToolTip("\n".join(run.title for run in runs[:-1]))
        self.setVisible(newest is not None)
        self._show()

    def _show(self) -> None:
        run = self._run
        if run is None:
            return
        if run.is_cancelling:
            text = self.tr("{run}: cancelling…").format(run=run.title)
        else:
            text = f"{run.title}: {run.text}" if run.text else run.title
        self.label.setText(text)
        # Nothing reported yet: an undecided bar instead of a 0 that looks stuck.
        is_undecided = run.fraction <= 0.0
        self.progress.setRange(0, 0 if is_undecided else 1000)
        self.progress.setValue(round(run.fraction * 1000))
        self.percent.setText("" if is_undecided else f"{int(run.fraction * 100)} %")
        self.cancel_button.setEnabled(not run.is_cancelling)

    def _cancel(self) -> None:
        if self._run is not None:
            self._run.cancel()

# SPDX-License-Identifier: GPL-2.0-or-later
"""The stages of a job in one line: mark and word per stage, click to go there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qgis.PyQt.QtCore import QEvent, QSize, Qt, pyqtSignal
from qgis.PyQt.QtGui import QResizeEvent
from qgis.PyQt.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolButton, QWidget

from insarhub_qgis.gui.icons import icon

NOT_BEGUN, READY, RUNNING, NEEDS_YOU, DONE = "not_begun", "ready", "running", "needs_you", "done"
COMPACT_ICON_PX, COMPACT_AIR_PX = 12, 11
STATES = (NOT_BEGUN, READY, RUNNING, NEEDS_YOU, DONE)


@dataclass(frozen=True)
class StageMark:
    """One stage as shown.

    Attributes
    ----------
    page_key
        Page that opens on click; empty while this version has none for the stage.
    tag
        Documented tag name, e.g. ``Hyp3_SBAS``.
    state
        One of `STATES`.
    count
        Short text such as ``37/40``, or empty.
    """

    page_key: str
    tag: str
    state: str
    count: str = ""

    @property
    def text(self) -> str:
        return f"{self.tag} {self.count}".strip()


class StageLine(QWidget):
    """Stepper of a job page."""

    page_chosen = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("insarhubStageLine")
        self.setAccessibleName(self.tr("Stages of the job"))
        self._marks: tuple[StageMark, ...] = ()
        self._current = ""
        self._is_compact = False
        self._full_width = 0
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def state_word(self, state: str) -> str:
        """The state as a word, for tooltip and screen reader."""
        return {
            NOT_BEGUN: self.tr("not begun"),
            READY: self.tr("ready"),
            RUNNING: self.tr("running"),
            NEEDS_YOU: self.tr("needs you"),
            DONE: self.tr("done"),
        }[state]

    def show_stages(self, marks: Sequence[StageMark], current_page: str) -> None:
        """Show the stages; the one of the current page is marked by a checked button."""
        if tuple(marks) == self._marks and current_page == self._current:
            return
        self._marks, self._current = tuple(marks), current_page
        self._is_compact = False
        self._rebuild()
        self._fit()

    def _fit(self) -> None:
        # What a narrow dock can spare: counts, and the name of a stage without a page.
        is_compact = self._full_width > self.width()
        if is_compact != self._is_compact:
            self._is_compact = is_compact
            self._rebuild()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._marks:
            self._fit()

    def sizeHint(self) -> QSize:
        return QSize(320, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange and self._marks:
            self._rebuild()
        super().changeEvent(event)

    def _rebuild(self) -> None:
        while self._layout.count():
            widget = self._layout.takeAt(0).widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for position, mark in enumerate(self._marks):
            if position:
                arrow = QLabel("›", self)
                if not self._is_compact:
                    arrow.setContentsMargins(1, 0, 1, 0)
                arrow.setAlignment(Qt.AlignmentFlag.AlignCenter)
                self._layout.addWidget(arrow)
            self._layout.addWidget(self._button(mark) if mark.page_key else self._plain(mark))
        self._layout.addStretch(1)
        if not self._is_compact:
            # Not the layout's own hint: it leaves out children that are not shown yet.
            items = (self._layout.itemAt(place).widget() for place in range(self._layout.count()))
            self._full_width = sum(widget.sizeHint().width() for widget in items if widget is not None)

    def _button(self, mark: StageMark) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName(f"insarhubStage_{mark.page_key}")
        button.setAutoRaise(True)
        button.setIcon(icon(f"stage_{mark.state}"))
        button.setIconSize(QSize(14, 14))
        button.setText(mark.tag if self._is_compact else mark.text)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        word = self.state_word(mark.state)
        button.setAccessibleName(f"{mark.text}: {word}")
        is_current = mark.page_key == self._current
        button.setCheckable(is_current)
        button.setChecked(is_current)
        button.setToolTip(self.tr("{stage}: {state}. Click to go there.").format(stage=mark.tag, state=word))
        button.clicked.connect(lambda: self._choose(button, mark.page_key))
        if self._is_compact:
            # Less air than the style gives it, so that the names stay whole in a narrow dock.
            button.setIconSize(QSize(COMPACT_ICON_PX, COMPACT_ICON_PX))
            text_px = button.fontMetrics().horizontalAdvance(mark.tag)
            button.setFixedWidth(COMPACT_ICON_PX + text_px + COMPACT_AIR_PX)
        return button

    def _plain(self, mark: StageMark) -> QWidget:
        """A stage without a page of its own: to be read, not to be clicked."""
        stage = QWidget(self)
        stage.setObjectName(f"insarhubStage_{mark.tag}")
        stage.setToolTip(f"{mark.tag}: {self.state_word(mark.state)}")
        picture = QLabel(stage)
        picture.setPixmap(icon(f"stage_{mark.state}").pixmap(QSize(14, 14)))
        layout = QHBoxLayout(stage)
        layout.setContentsMargins(0, 0, 1, 0)
        layout.setSpacing(3)
        layout.addWidget(picture)
        if not self._is_compact:
            layout.addWidget(QLabel(mark.text, stage))
        return stage

    def _choose(self, button: QToolButton, page_key: str) -> None:
        if button.isCheckable():
            button.setChecked(True)
        if page_key != self._current:
            self.page_chosen.emit(page_key)

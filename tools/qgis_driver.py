# SPDX-License-Identifier: GPL-2.0-or-later
"""Drives QGIS from inside as a person does: real mouse and key events, and patience in between."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QEvent, QEventLoop, QPoint, QPointF, Qt, QTimer
from qgis.PyQt.QtGui import QMouseEvent
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication, QWidget

LEFT, NO_BUTTON = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
NO_KEY = Qt.KeyboardModifier.NoModifier
WAIT_S = 60.0
_STEP_PX = 24
_REACHED, _LATE = 0, 1


def wait_until(is_reached: Callable[[], bool], what: str, seconds: float = WAIT_S) -> None:
    """Let QGIS work until something is so; between its events this thread sleeps, so that others can run."""
    end = time.monotonic() + seconds
    loop, timer = QEventLoop(), QTimer()

    def look() -> None:
        # What was so once counts, also when the events of the same turn change it again.
        if is_reached():
            loop.exit(_REACHED)
        elif time.monotonic() > end:
            loop.exit(_LATE)

    timer.timeout.connect(look)
    timer.start(2)
    outcome = loop.exec()
    timer.stop()
    if outcome != _REACHED:
        raise TimeoutError(f"waited {seconds:.0f} s for {what}")


def settle(seconds: float = 0.3) -> None:
    """Let pending painting and reading end."""
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > end, "a moment")


def activate(window: QWidget) -> None:
    """Give a window the keyboard; without a window manager none gets it by itself."""
    window.raise_()
    window.activateWindow()
    QApplication.setActiveWindow(window)
    settle(0.05)


def click(widget: QWidget, place: QPoint | None = None, modifier: Qt.KeyboardModifier = NO_KEY) -> None:
    """Click on the middle of a widget, or on a place of it."""
    QTest.mouseClick(widget, LEFT, modifier, place if place is not None else widget.rect().center())


def move(widget: QWidget, place: QPoint) -> None:
    """Move the mouse over a widget, no button pressed."""
    _move(widget, QPointF(place), NO_BUTTON, NO_KEY)


def drag(
    widget: QWidget, places: Iterable[QPoint], modifier: Qt.KeyboardModifier = NO_KEY, *, is_dropped: bool = True
) -> None:  # fmt: skip
    """Press at the first place, move over the others in small steps, and let go at the last one."""
    path = list(places)
    QTest.mousePress(widget, LEFT, modifier, path[0])
    for start, end in zip(path, path[1:]):
        way = end - start
        steps = max(round(max(abs(way.x()), abs(way.y())) / _STEP_PX), 2)
        for step in range(1, steps + 1):
            _move(widget, QPointF(start) + QPointF(way) * step / steps, LEFT, modifier)
            settle(0.01)
    if is_dropped:
        QTest.mouseRelease(widget, LEFT, modifier, path[-1])


def write(widget: QWidget, text: str) -> None:
    """Replace what a field holds by typing."""
    widget.setFocus()
    QTest.keyClick(widget, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(widget, text)


def press_key(widget: QWidget, key: Qt.Key, modifier: Qt.KeyboardModifier = NO_KEY) -> None:
    QTest.keyClick(widget, key, modifier)


def named(parent: QWidget, name: str) -> QWidget:
    """Give the widget of an object name; one that is not there is an error of the driver."""
    found = parent.findChild(QWidget, name)
    if found is None:
        raise LookupError(f"no widget {name}")
    return found


def has_no_tasks() -> bool:
    """Whether QGIS has no task left."""
    return QgsApplication.taskManager().countActiveTasks() == 0


def _move(widget: QWidget, place: QPointF, button: Qt.MouseButton, modifier: Qt.KeyboardModifier) -> None:
    # QTest's own moves come without the pressed button.
    event = QMouseEvent(
        QEvent.Type.MouseMove, place, QPointF(widget.mapToGlobal(place.toPoint())), NO_BUTTON, button, modifier
    )  # fmt: skip
    QApplication.sendEvent(widget, event)

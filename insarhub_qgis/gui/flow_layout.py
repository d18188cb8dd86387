# SPDX-License-Identifier: GPL-2.0-or-later
"""Buttons side by side that go on in the next line where the panel is narrow or a language long."""

from __future__ import annotations

from qgis.PyQt.QtCore import QPoint, QRect, QSize, Qt
from qgis.PyQt.QtWidgets import QLayout, QLayoutItem, QWidget

SPACING_PX = 6


class FlowLayout(QLayout):
    """Items from left to right, line by line; hidden widgets take no room."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self.setContentsMargins(0, 0, 0, 0)
        self.setSpacing(SPACING_PX)

    def addItem(self, item: QLayoutItem) -> None:
        self._items.append(item)

    def count(self) -> int:
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._place(QRect(0, 0, width, 0), is_trial=True)

    def setGeometry(self, area: QRect) -> None:
        super().setGeometry(area)
        self._place(area, is_trial=False)

    def sizeHint(self) -> QSize:
        hints = [item.sizeHint() for item in self._shown()]
        width = sum(hint.width() for hint in hints) + self.spacing() * max(0, len(hints) - 1)
        return QSize(width, max((hint.height() for hint in hints), default=0))

    def minimumSize(self) -> QSize:
        hints = [item.sizeHint() for item in self._shown()]
        return QSize(
            max((hint.width() for hint in hints), default=0),
            max((hint.height() for hint in hints), default=0),
        )

    def _shown(self) -> list[QLayoutItem]:
        return [item for item in self._items if not item.isEmpty()]

    def _place(self, area: QRect, *, is_trial: bool) -> int:
        """Put the items into lines and give their height together."""
        is_mirrored = self.parentWidget() is not None and self.parentWidget().isRightToLeft()
        x, y, line = area.left(), area.top(), 0
        for item in self._shown():
            size = item.sizeHint()
            if x > area.left() and x + size.width() > area.left() + area.width():
                x, y, line = area.left(), y + line + self.spacing(), 0
            width = min(size.width(), area.width()) if area.width() > 0 else size.width()
            if not is_trial:
                left = area.right() - (x - area.left()) - width + 1 if is_mirrored else x
                item.setGeometry(QRect(QPoint(left, y), QSize(width, size.height())))
            x += size.width() + self.spacing()
            line = max(line, size.height())
        return y + line - area.top()

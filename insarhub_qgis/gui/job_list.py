# SPDX-License-Identifier: GPL-2.0-or-later
"""The jobs of a work directory as a list: name, summary and one clickable tag per stage."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    pyqtSignal,
)
from qgis.PyQt.QtGui import QColor, QFontMetrics, QHelpEvent, QMouseEvent, QPainter, QPalette
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolTip,
    QWidget,
)

from insarhub_qgis.gui.icons import icon
from insarhub_qgis.gui.job_overview import JobOverview
from insarhub_qgis.gui.stage_line import StageMark
from insarhub_qgis.host import messages

OVERVIEW_ROLE = int(Qt.ItemDataRole.UserRole)
SEARCH_ROLE = OVERVIEW_ROLE + 1

MARGIN_PX = 6
TAG_PADDING_PX = 5
TAG_GAP_PX = 5
ICON_PX = 14


class JobListModel(QAbstractListModel):
    """Overviews in the order of the work directory."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._jobs: list[JobOverview] = []

    def show_jobs(self, jobs: Sequence[JobOverview]) -> None:
        """Replace the list; unchanged lists keep selection and scroll position."""
        if list(jobs) == self._jobs:
            return
        if [job.path for job in jobs] == [job.path for job in self._jobs]:
            self._jobs = list(jobs)
            self.dataChanged.emit(self.index(0), self.index(len(jobs) - 1))
            return
        self.beginResetModel()
        self._jobs = list(jobs)
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        return 0 if parent.isValid() else len(self._jobs)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        job = self._jobs[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return job.name
        if role == OVERVIEW_ROLE:
            return job
        if role == SEARCH_ROLE:
            return " ".join((job.name, job.summary, *(mark.text for mark in job.marks)))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join((job.name, job.summary, *(f"{mark.text} {mark.state}" for mark in job.marks)))
        return None


@dataclass(frozen=True)
class _Tag:
    area: QRect
    mark: StageMark


class JobDelegate(QStyledItemDelegate):
    """Draws a job in two lines, or three where tags do not fit beside each other."""

    tag_clicked = pyqtSignal(object, str)
    details_clicked = pyqtSignal(object)

    def __init__(self, view: QListView) -> None:
        super().__init__(view)
        self._view = view

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        width = self._view.viewport().width()
        job: JobOverview = index.data(OVERVIEW_ROLE)
        area = QRect(0, 0, width, 0)
        tags = self._tags(job, area, option)
        metrics = option.fontMetrics
        bottom = tags[-1].area.bottom() + 1 if tags else MARGIN_PX + metrics.height()
        if job.problems:
            bottom += metrics.height() + 3
        return QSize(0, bottom + MARGIN_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        self.initStyleOption(option, index)
        job: JobOverview = index.data(OVERVIEW_ROLE)
        option.text = ""
        style = option.widget.style() if option.widget else QApplication.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, option.widget)

        is_selected = bool(option.state & QStyle.StateFlag.State_Selected)
        role = QPalette.ColorRole.HighlightedText if is_selected else QPalette.ColorRole.Text
        color = option.palette.color(QPalette.ColorGroup.Active, role)
        quiet = QColor(color)
        quiet.setAlphaF(0.78)
        area = option.rect
        top = area.top() + MARGIN_PX
        line_height = option.fontMetrics.height()
        font = option.font
        font.setBold(True)
        bold_metrics = QFontMetrics(font)

        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(color)
        painter.setFont(font)
        whole_width = area.width() - 2 * MARGIN_PX
        gap = 12 if job.summary else 0
        # The name comes first; the summary takes what it leaves, but a third at least.
        wanted = option.fontMetrics.horizontalAdvance(job.summary) + 2 if job.summary else 0
        left_over = whole_width - gap - bold_metrics.horizontalAdvance(job.name) - 2
        summary_width = min(wanted, max(left_over, whole_width // 3))
        name_width = whole_width - gap - summary_width
        name = bold_metrics.elidedText(job.name, Qt.TextElideMode.ElideMiddle, name_width)
        painter.drawText(QRect(area.left() + MARGIN_PX, top, name_width, line_height), 0, name)
        font.setBold(False)
        painter.setFont(font)
        painter.setPen(quiet)
        summary = option.fontMetrics.elidedText(job.summary, Qt.TextElideMode.ElideRight, summary_width)
        painter.drawText(
            QRect(area.right() - MARGIN_PX - summary_width, top, summary_width, line_height),
            int(Qt.AlignmentFlag.AlignRight),
            summary,
        )
        tags = self._tags(job, area, option)
        for position, tag in enumerate(tags):
            self._paint_tag(painter, tag, color, is_last=position == len(tags) - 1)
        if job.problems:
            self._paint_problem(painter, job, option, color)
        painter.restore()

    def _paint_tag(self, painter: QPainter, tag: _Tag, color: QColor, is_last: bool) -> None:
        outline = QColor(color)
        outline.setAlphaF(0.45 if tag.mark.page_key else 0.0)
        painter.setPen(outline)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(QRectF(tag.area).adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)
        inside = tag.area.adjusted(TAG_PADDING_PX, 0, -TAG_PADDING_PX, 0)
        icon_area = QRect(inside.left(), inside.center().y() - ICON_PX // 2, ICON_PX, ICON_PX)
        icon(f"stage_{tag.mark.state}", color).paint(painter, icon_area)
        painter.setPen(color)
        text_area = inside.adjusted(ICON_PX + 3, 0, 0, 0)
        text = painter.fontMetrics().elidedText(tag.mark.text, Qt.TextElideMode.ElideRight, text_area.width())
        painter.drawText(text_area, int(Qt.AlignmentFlag.AlignVCenter), text)
        if not is_last:
            x = tag.area.right() + TAG_GAP_PX
            y = tag.area.center().y() + 0.5
            painter.drawPolyline(QPointF(x, y - 3), QPointF(x + 3, y), QPointF(x, y + 3))

    def _paint_problem(
        self, painter: QPainter, job: JobOverview, option: QStyleOptionViewItem, color: QColor
    ) -> None:
        line_height = option.fontMetrics.height()
        top = option.rect.bottom() - MARGIN_PX - line_height
        left = option.rect.left() + MARGIN_PX
        QgsApplication.getThemeIcon("/mIconWarning.svg").paint(
            painter, QRect(left, top, line_height, line_height)
        )
        width = option.rect.width() - 2 * MARGIN_PX - line_height - 4
        # The row says which folder it is; its path would push the reason out of sight.
        reason = messages.what_happened(job.problems[0]).replace(f"{job.path}{os.sep}", "")
        text = option.fontMetrics.elidedText(reason, Qt.TextElideMode.ElideRight, width)
        painter.setPen(color)
        painter.drawText(QRect(left + line_height + 4, top, width, line_height), 0, text)

    def editorEvent(
        self, event: QEvent, model: QAbstractListModel, option: QStyleOptionViewItem, index: QModelIndex
    ) -> bool:
        if (
            event.type() == QEvent.Type.MouseButtonRelease
            and isinstance(event, QMouseEvent)
            and event.button() == Qt.MouseButton.LeftButton
        ):
            job: JobOverview = index.data(OVERVIEW_ROLE)
            for tag in self._tags(job, option.rect, option):
                if tag.area.contains(event.pos()) and tag.mark.page_key:
                    self.tag_clicked.emit(job.path, tag.mark.page_key)
                    return True
            if (
                job.problems
                and event.pos().y() > option.rect.bottom() - MARGIN_PX - option.fontMetrics.height()
            ):
                self.details_clicked.emit(job)
                return True
        return super().editorEvent(event, model, option, index)

    def helpEvent(
        self, event: QHelpEvent, view: QAbstractItemView, option: QStyleOptionViewItem, index: QModelIndex
    ) -> bool:
        if event.type() != QEvent.Type.ToolTip or not index.isValid():
            return super().helpEvent(event, view, option, index)
        job: JobOverview = index.data(OVERVIEW_ROLE)
        lines = [str(job.path), *(messages.sentence(problem) for problem in job.problems)]
        QToolTip.showText(event.globalPos(), "\n".join(lines), view)
        return True

    def tag_area(self, index: QModelIndex, page_key: str) -> QRect:
        """Where the tag of a page stands in the view; empty when the job has none."""
        option = QStyleOptionViewItem()
        option.initFrom(self._view)
        option.rect = self._view.visualRect(index)
        for tag in self._tags(index.data(OVERVIEW_ROLE), option.rect, option):
            if tag.mark.page_key == page_key:
                return tag.area
        return QRect()

    def _tags(self, job: JobOverview, area: QRect, option: QStyleOptionViewItem) -> list[_Tag]:
        metrics = option.fontMetrics
        height = metrics.height() + 4
        left = area.left() + MARGIN_PX
        x = left
        y = area.top() + MARGIN_PX + metrics.height() + 4
        tags: list[_Tag] = []
        for mark in job.tags:
            width = metrics.horizontalAdvance(mark.text) + ICON_PX + 5 + 2 * TAG_PADDING_PX
            width = min(width, area.width() - 2 * MARGIN_PX)
            if x > left and x + width > area.right() - MARGIN_PX:
                x, y = left, y + height + 3
            tags.append(_Tag(QRect(x, y, width, height), mark))
            x += width + 2 * TAG_GAP_PX + 3
        return tags


class JobListView(QListView):
    """List of jobs. Enter or a double click opens the job where its work stands; a tag opens that stage."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("insarhubJobs")
        self.setAccessibleName(self.tr("Jobs of the work directory"))
        self.setAlternatingRowColors(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        # Tags wrap by width, so heights are measured again when it changes.
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.job_delegate = JobDelegate(self)
        self.setItemDelegate(self.job_delegate)

# SPDX-License-Identifier: GPL-2.0-or-later
"""HyP3 jobs as a table: pair, status, credits, age, time until the product expires, size and message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from qgis.PyQt.QtCore import QCoreApplication, QLocale, QObject, Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor, QFont, QIcon, QPalette
from qgis.PyQt.QtWidgets import QApplication, QHeaderView, QWidget

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.hyp3_jobs import (
    AMBER,
    DOWNLOADED,
    EXPIRED,
    FAILED,
    FAR,
    PENDING,
    RUNNING,
    SUCCEEDED,
    UNKNOWN,
    JobRow,
    expiry_level,
    iso,
)
from insarhub_qgis.core.scenes import scene_date
from insarhub_qgis.gui.chart_style import faint_text
from insarhub_qgis.gui.icons import icon
from insarhub_qgis.gui.searched_rows_view import SearchedRowsView
from insarhub_qgis.gui.stacks_table import NOTHING, ROW_ROLE, SORT_ROLE, Column, RowsModel
from insarhub_qgis.host import messages

SEARCH_ROLE = SORT_ROLE + 1
PAIR, STATUS, CREDITS, AGE, EXPIRES, SIZE, MESSAGE, FILE = range(8)
_ICONS = {
    PENDING: "job_pending",
    RUNNING: "stage_running",
    SUCCEEDED: "stage_done",
    DOWNLOADED: "job_downloaded",
    FAILED: "job_failed",
    EXPIRED: "job_expired",
    UNKNOWN: "job_unknown",
}
_CONTEXT = "Hyp3Jobs"
_SHORT_ID = 8


def _tr(text: str) -> str:
    return QCoreApplication.translate(_CONTEXT, text)


def status_word(status: str) -> str:
    """The documented status in the words of the user."""
    return {
        PENDING: _tr("pending"),
        RUNNING: _tr("running"),
        SUCCEEDED: _tr("succeeded"),
        DOWNLOADED: _tr("downloaded"),
        FAILED: _tr("failed"),
        EXPIRED: _tr("expired"),
        UNKNOWN: _tr("unknown"),
    }.get(status, status.lower())


def span_text(span: timedelta) -> str:
    """A span of time as short as it is useful: ``12 d 4 h``, ``14 h``, ``35 min``."""
    minutes = max(0, int(span.total_seconds() // 60))
    days, hours = divmod(minutes // 60, 24)
    if days:
        return _tr("{days} d {hours} h").format(days=QLocale().toString(days), hours=hours)
    return _tr("{hours} h").format(hours=hours) if hours else _tr("{minutes} min").format(minutes=minutes)


def age_text(span: timedelta) -> str:
    """A span of time in its largest unit: ``12 d``, ``5 h``, ``7 min``."""
    minutes = max(0, int(span.total_seconds() // 60))
    if minutes >= 48 * 60:
        return _tr("{days} d").format(days=QLocale().toString(minutes // (24 * 60)))
    if minutes >= 60:
        return _tr("{hours} h").format(hours=minutes // 60)
    return _tr("{minutes} min").format(minutes=minutes)


def credits_text(credits: float | None) -> str:
    """Credits as a number of the user's language; a dash when they are not known."""
    if credits is None:
        return NOTHING
    return QLocale().toString(float(credits), "f", 0 if float(credits).is_integer() else 2)


def size_text(size: float | None) -> str:
    """Bytes as MB or GB; a dash when they are not known."""
    if size is None:
        return NOTHING
    locale = QLocale()
    if size >= 1e9:
        return _tr("{size} GB").format(size=locale.toString(size / 1e9, "f", 1))
    if size >= 1e5:
        return _tr("{size} MB").format(size=locale.toString(size / 1e6, "f", 0 if size >= 1e7 else 1))
    return _tr("{size} kB").format(size=locale.toString(size / 1e3, "f", 1))


def pair_text(pair: Sequence[str] | None) -> str:
    """Two dates, the year once where it is the same: ``2018-01-06 → 01-18``; a dash when not known."""
    if not pair:
        return NOTHING
    try:
        first, second = scene_date(pair[0]), scene_date(pair[1])
    except InsarError:
        return f"{pair[0]} → {pair[1]}"
    other = f"{second:%m-%d}" if first.year == second.year else second.isoformat()
    return f"{first.isoformat()} → {other}"


def care_text() -> QColor:
    """The colour of text that warns, amber with enough contrast to the theme's background."""
    return QColor("#ffbf47") if _is_dark() else QColor("#8a5300")


def alarm_text() -> QColor:
    """The colour of text that is about a loss, red with enough contrast to the theme's background."""
    return QColor("#ff8f85") if _is_dark() else QColor("#b3261e")


def _is_dark() -> bool:
    return QApplication.palette().color(QPalette.ColorRole.Base).lightness() < 128


@dataclass(frozen=True)
class Transfer:
    """How far the download of a product is, in bytes; `size` None when it is not known."""

    done: int
    size: int | None

    @property
    def percent(self) -> int | None:
        return int(100 * self.done / self.size) if self.size else None


class Hyp3JobsModel(RowsModel):
    """Jobs as rows. What changes with the clock is shown anew by `tick`."""

    def __init__(self, parent: QObject | None = None) -> None:
        self._now = datetime.now(timezone.utc)
        self._transfers: dict[str, Transfer] = {}
        self._icons: dict[tuple[str, str], QIcon] = {}
        super().__init__(parent)

    def make_columns(self) -> tuple[Column, ...]:
        tr = self.tr
        return (
            Column(
                tr("Pair"), tr("Days of the reference and the secondary scene"), lambda row: pair_text(row.pair),
                lambda row: pair_order(row.pair), 0, "2018-08-08 → 08-08", is_number=False,
            ),
            Column(
                tr("Status"), tr("What HyP3 said last"), self.status_text, self._status_order, 0,
                "♦loading 88 %", is_number=False,
            ),
            Column(
                tr("Credits"), tr("What the job cost"), lambda row: credits_text(row.credits),
                lambda row: row.credits, 4, "8,888",
            ),
            Column(tr("Age"), tr("Time since the job was submitted"), self._age, _requested_order, 3, "888 min"),
            Column(
                tr("Expires"), tr("Time until HyP3 deletes the product; a product that is here stays"),
                self.expiry_text, self._expiry_order, 0, "88 d 88 h",
            ),
            Column(
                tr("Size"), tr("Size of the product"), lambda row: size_text(row.size),
                lambda row: row.size, 1, "888 MB",
            ),
            Column(
                tr("Message"), tr("Why it failed, or what is special"), self.short_message,
                self.short_message, 2, 24 * "n", is_number=False,
            ),
            Column(
                tr("Job file"), tr("File of the job folder that holds the job"), lambda row: row.file,
                lambda row: row.file, 5, "hyp3_retry_jobs_20240808", is_number=False,
            ),
        )  # fmt: skip

    # what is shown

    def show_jobs(self, rows: Sequence[JobRow]) -> None:
        """Show jobs; the same jobs in the same order keep selection and scroll position."""
        known = {row.job_id for row in rows}
        self._transfers = {job: transfer for job, transfer in self._transfers.items() if job in known}
        if rows and [row.job_id for row in rows] == [row.job_id for row in self.rows]:
            self.rows = tuple(rows)
            self._tell(0, len(self.columns) - 1)
        else:
            self.show_rows(rows)

    def show_transfer(self, job_id: str, transfer: Transfer | None) -> None:
        """Show how far a download is; None when it has ended."""
        if transfer is None:
            self._transfers.pop(job_id, None)
        else:
            self._transfers[job_id] = transfer
        for number, row in enumerate(self.rows):
            if row.job_id == job_id:
                self.dataChanged.emit(self.index(number, STATUS), self.index(number, STATUS))

    def forget_transfers(self) -> None:
        """No download goes on."""
        if self._transfers:
            self._transfers = {}
            self._tell(STATUS, STATUS)

    def tick(self, now: datetime) -> None:
        """Let the clock go on; ``now`` by the clock of the service, with a time zone."""
        self._now = now
        if self.rows:
            self._tell(AGE, EXPIRES)

    def forget_icons(self) -> None:
        """Draw the marks anew: the theme has changed."""
        self._icons = {}

    def _tell(self, first: int, last: int) -> None:
        self.dataChanged.emit(self.index(0, first), self.index(len(self.rows) - 1, last))

    # cells

    def status_text(self, row: JobRow) -> str:
        """The status as a word, or how far the download is."""
        transfer = self._transfers.get(row.job_id)
        if transfer is None:
            return status_word(row.status)
        if transfer.percent is None:
            return self.tr("loading")
        if transfer.percent >= 100:
            return self.tr("checking")
        return self.tr("loading {percent} %").format(percent=transfer.percent)

    def expiry_text(self, row: JobRow) -> str:
        """Time that is left, for products that are still at the service only."""
        left = self.time_left(row)
        return NOTHING if left is None else span_text(left)

    def time_left(self, row: JobRow) -> timedelta | None:
        """Time until the product is deleted; None where there is nothing to lose."""
        if row.status != SUCCEEDED or row.expires_at is None:
            return None
        return row.expires_at - self._now

    def level(self, row: JobRow) -> str:
        """How near the end of the product is: one of the levels of `core.hyp3_jobs`."""
        return FAR if self.time_left(row) is None else expiry_level(row.expires_at, self._now)

    def message(self, row: JobRow) -> str:
        """Why a job failed, or what became of it."""
        if row.superseded_by:
            return self.tr("Submitted again as {job}.").format(job=row.superseded_by)
        return messages.what_happened(message_of(row)) if row.message else ""

    def short_message(self, row: JobRow) -> str:
        """The bare reason of a failure: that it failed stands beside it."""
        return row.failure if row.failure and not row.superseded_by else self.message(row)

    def summary(self, row: JobRow) -> str:
        """The job in words, line by line."""
        lines = [f"{pair_text(row.pair)}: {self.status_text(row)}"]
        lines += list(row.pair or ())
        if message := self.message(row):
            lines.append(message)
        left = self.time_left(row)
        if left is not None:
            lines.append(
                self.tr("The product is deleted on {moment}.").format(moment=moment_text(row.expires_at))
            )
        if row.requested_at is not None:
            lines.append(self.tr("Submitted on {moment}").format(moment=moment_text(row.requested_at)))
        if row.last_checked is not None:
            lines.append(self.tr("Last answer of {moment}").format(moment=moment_text(row.last_checked)))
        lines.append(self.tr("Job {job} of {account}").format(job=row.job_id, account=row.account))
        return "\n".join(lines)

    def _age(self, row: JobRow) -> str:
        return NOTHING if row.requested_at is None else age_text(self._now - row.requested_at)

    def _status_order(self, row: JobRow) -> str:
        # What moves comes first, then what waits for the user.
        if row.job_id in self._transfers:
            return f" {pair_order(row.pair)}"
        order = (FAILED, EXPIRED, UNKNOWN, SUCCEEDED, RUNNING, PENDING, DOWNLOADED)
        number = order.index(row.status) if row.status in order else len(order)
        return f"{number}{pair_order(row.pair)}"

    def _expiry_order(self, row: JobRow) -> float:
        left = self.time_left(row)
        return float("inf") if left is None else left.total_seconds()

    def data(self, index: Any, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == SEARCH_ROLE and index.isValid():
            row = self.rows[index.row()]
            scenes = " ".join(row.pair or ())
            texts = (pair_text(row.pair), scenes, self.status_text(row), self.message(row))
            return " ".join((*texts, row.file, row.job_id, row.product or "", row.account))
        return super().data(index, role)

    def decoration(self, row: JobRow, column: int, role: int) -> Any:
        if role == Qt.ItemDataRole.ToolTipRole:
            return self.summary(row)
        if role == Qt.ItemDataRole.AccessibleTextRole and column == PAIR:
            return self.summary(row)
        if role == Qt.ItemDataRole.DecorationRole and column == STATUS:
            return self._mark(row)
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._colour(row, column)
        if role == Qt.ItemDataRole.FontRole and column == EXPIRES and self.level(row) not in (FAR, AMBER):
            font = QFont(QApplication.font())
            font.setBold(True)
            return font
        return None

    def _colour(self, row: JobRow, column: int) -> QColor | None:
        if not row.is_current:
            return faint_text()
        if column == EXPIRES:
            level = self.level(row)
            return None if level == FAR else care_text() if level == AMBER else alarm_text()
        if column == STATUS and row.status == FAILED:
            return alarm_text()
        if column == STATUS and row.status == EXPIRED:
            return care_text()
        return None

    def _mark(self, row: JobRow) -> QIcon:
        name = "job_downloaded" if row.job_id in self._transfers else _ICONS.get(row.status, "job_unknown")
        colour = self._colour(row, STATUS) or QApplication.palette().color(QPalette.ColorRole.Text)
        key = (name, colour.name())
        if key not in self._icons:
            mark = icon(name, colour)
            # A dark theme chooses rows by its style sheet, which leaves the palette as it is.
            role = QPalette.ColorRole.Text if _is_dark() else QPalette.ColorRole.HighlightedText
            chosen = icon(name, QApplication.palette().color(role))
            for size in chosen.availableSizes():
                mark.addPixmap(chosen.pixmap(size), QIcon.Mode.Selected)
            self._icons[key] = mark
        return self._icons[key]

    # copy

    def table_text(self, rows: Sequence[JobRow]) -> str:
        """Rows with a header and tabs between exact values: ISO times, whole names, bytes."""
        names = [
            self.tr("Reference"), self.tr("Secondary"), self.tr("Status"), self.tr("Credits"), self.tr("Submitted"),
            self.tr("Expires"), self.tr("Size [bytes]"), self.tr("Message"), self.tr("Product"), self.tr("Job file"),
            self.tr("Job"), self.tr("Account"),
        ]  # fmt: skip
        lines = [names]
        for row in rows:
            reference, secondary = row.pair or ("", "")
            values = (
                reference, secondary, row.status, row.credits, iso(row.requested_at), iso(row.expires_at), row.size,
                self.message(row), row.product, row.file, row.job_id, row.account,
            )  # fmt: skip
            lines.append(["" if value is None else _one_line(value) for value in values])
        return "\n".join("\t".join(line) for line in lines) + "\n"


class Hyp3JobsView(SearchedRowsView):
    """The table: filtered by words, sorted by any column, copied as text.

    Signals
    -------
    menu_requested(QPoint)
        A context menu was asked for; the place on the screen.
    """

    menu_requested = pyqtSignal(object)

    def __init__(self, model: Hyp3JobsModel, parent: QWidget | None = None) -> None:
        super().__init__(model, SEARCH_ROLE, parent)
        self.setObjectName("insarhubJobsTable")
        self.setAccessibleName(self.tr("Jobs: pair, status and time until the product expires"))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(
            lambda place: self.menu_requested.emit(self.viewport().mapToGlobal(place))
        )

    def current_row(self) -> JobRow | None:
        """The row that the keyboard is on, if it is chosen."""
        index = self.currentIndex()
        if index.isValid() and self.selectionModel().isRowSelected(index.row(), index.parent()):
            return index.data(ROW_ROLE)
        return None

    def _fit(self) -> None:
        super()._fit()
        # The message takes what is left, once it is shown at all; else the pair does.
        header = self.header()
        has_message = not self.isColumnHidden(MESSAGE)
        modes = QHeaderView.ResizeMode
        header.setSectionResizeMode(PAIR, modes.Fixed if has_message else modes.Stretch)
        header.setSectionResizeMode(MESSAGE, modes.Stretch if has_message else modes.Fixed)
        if has_message:
            widest = self.rows_model.columns[PAIR].widest
            header.resizeSection(PAIR, self.fontMetrics().horizontalAdvance(widest) + 14)


def message_of(row: JobRow) -> InsarError:
    """What is to be said about a job that has a message; the row tells which job it is, so its id is cut short."""
    error = InsarError.from_json(row.message or {})
    if error.fields.get("job_id") == row.job_id and len(row.job_id) > _SHORT_ID:
        return InsarError(error.code, **{**error.fields, "job_id": f"{row.job_id[:_SHORT_ID]}…"})
    return error


def moment_text(moment: datetime) -> str:
    """A time of the user's clock in prose."""
    local = moment.astimezone()
    date = QLocale().toString(local.date(), "d MMM yyyy")
    return f"{date} {local:%H:%M}"


def transfer_of(item: Mapping[str, Any]) -> Transfer:
    """Read the progress of an item of a download."""
    size = item.get("size")
    return Transfer(int(item.get("bytes") or 0), int(size) if size else None)


def pair_order(pair: Sequence[str] | None) -> str:
    """What pairs are sorted by: reference date, then secondary date."""
    try:
        return "".join(f"{scene_date(name):%Y%m%d}" for name in pair or ())
    except InsarError:
        return " ".join(pair or ())


def _requested_order(row: JobRow) -> float:
    return float("-inf") if row.requested_at is None else row.requested_at.timestamp()


def _one_line(value: Any) -> str:
    return " ".join(str(value).split())

# SPDX-License-Identifier: GPL-2.0-or-later
"""The processor stage of a job: its HyP3 jobs, what to do next with them, and how far they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from qgis.core import QgsApplication
from qgis.gui import QgsFilterLineEdit
from qgis.PyQt.QtCore import QEvent, QLocale, QPoint, Qt, QTimer, QUrl, pyqtSignal
from qgis.PyQt.QtGui import QDesktopServices, QHideEvent, QShowEvent
from qgis.PyQt.QtWidgets import (
    QApplication,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.hyp3_files import find_job_files
from insarhub_qgis.core.hyp3_jobs import (
    ACTIVE,
    DOWNLOADED,
    EXPIRED,
    FAILED,
    SUCCEEDED,
    UNKNOWN,
    JobRow,
    counts,
    find_local_products,
    job_rows,
    service_now,
)
from insarhub_qgis.core.hyp3_options import Hyp3Options
from insarhub_qgis.core.hyp3_watch_mark import WatchMark, forget_watch, read_watch_mark
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.network_graph import UnionFind
from insarhub_qgis.core.requests import DownloadHyp3, RefreshHyp3, RetryHyp3, WatchHyp3
from insarhub_qgis.core.scenes import scene_date
from insarhub_qgis.gui.flow_layout import FlowLayout
from insarhub_qgis.gui.hyp3_jobs_table import (
    FILE,
    Hyp3JobsModel,
    Hyp3JobsView,
    Transfer,
    age_text,
    credits_text,
    message_of,
    moment_text,
    pair_text,
)
from insarhub_qgis.gui.hyp3_runs import Hyp3Runs
from insarhub_qgis.gui.job_page import JobPage
from insarhub_qgis.gui.jobs_bar import JobsBar
from insarhub_qgis.gui.page_context import PageContext
from insarhub_qgis.gui.short_text import ShortLabel
from insarhub_qgis.host import messages
from insarhub_qgis.host.accounts import accounts
from insarhub_qgis.host.counts import counted_credits, counted_jobs, counted_pairs, counted_products
from insarhub_qgis.host.endpoints import is_sandbox_on

TABLE, MESSAGE = 0, 1
#: Ages and countdowns are shown in minutes.
_TICK_MS = 30_000
_ALL = ""


@dataclass(frozen=True)
class ProcessorFacts:
    """What the files of a job say about its processor stage.

    Attributes
    ----------
    files
        Name of each job file and how many jobs it holds.
    clock_offset
        How far the clock of the service is ahead of that of this computer.
    watch_mark
        A watch was begun and neither ended nor was stopped.
    pair_count
        Pairs of the stack file.
    workers
        Downloads at a time, as the job says.
    problems
        What could not be read.
    """

    rows: tuple[JobRow, ...] = ()
    files: tuple[tuple[str, int], ...] = ()
    clock_offset: timedelta = field(default_factory=timedelta)
    watch_mark: WatchMark | None = None
    pair_count: int = 0
    product_count: int = 0
    workers: int = 4
    problems: tuple[InsarError, ...] = ()


def read_processor_facts(folder: Path) -> ProcessorFacts:
    """Read the jobs of a folder, without network; a damaged file is named and hides no other."""
    job = JobFolder(folder)
    job_files, problems = find_job_files(folder)
    local = find_local_products(job.product_folders())
    options = Hyp3Options()
    try:
        options, _ = Hyp3Options.from_config(job.read_config())
    except InsarError as error:
        problems.append(error)
    pair_count = 0
    try:
        if job.stack_file() is not None:
            pair_count = len(job.read_stack().pairs)
    except InsarError as error:
        problems.append(error)
    problems += [
        InsarError("job.out_dir_missing", file=str(file.path), out_dir=str(file.out_dir))
        for file in job_files
        if file.is_out_dir_missing
    ]
    now = datetime.now(timezone.utc)
    return ProcessorFacts(
        rows=tuple(job_rows(job_files, local)),
        files=tuple((file.path.name, len(file.ids)) for file in job_files),
        clock_offset=service_now(job_files, now) - now,
        watch_mark=read_watch_mark(folder),
        pair_count=pair_count,
        product_count=len(local),
        workers=options.max_workers,
        problems=tuple(problems),
    )


class ProcessorPage(JobPage):
    """Job files, counts, the table of jobs, and the actions; the primary one is what comes next."""

    product_requested = pyqtSignal(str, str)

    def __init__(self, context: PageContext, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self.setObjectName("insarhubProcessorPage")
        self.title = self.tr("Processor")
        self._watch_words: dict[Path, str] = {}
        self.facts = ProcessorFacts()
        self.runs = Hyp3Runs(context, self)
        self._build()
        self.runs.rows_arrived.connect(self._on_rows)
        self.runs.watch_told.connect(self._on_watch_told)
        self.runs.transfer_changed.connect(self._on_transfer)
        self.runs.account_told.connect(self._on_account)
        self.runs.page_wanted.connect(self.page_requested)
        self._clock = QTimer(self)
        self._clock.setInterval(_TICK_MS)
        self._clock.timeout.connect(self._tick)
        context.runs_changed.connect(self._show_state)
        context.services_changed.connect(self._forget_account)
        self._show_state()

    # widgets

    def _build(self) -> None:
        label = QLabel(self.tr("&Job file"), self)
        self.file_box = QComboBox(self)
        self.file_box.setObjectName("insarhubJobFile")
        self.file_box.setToolTip(self.tr("Which jobs are shown, retried and downloaded"))
        self.file_box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.file_box.setMinimumContentsLength(8)
        self.file_box.activated.connect(self._on_file_chosen)
        label.setBuddy(self.file_box)
        self.credits_button = QPushButton(self.tr("&Credits"), self)
        self.credits_button.setObjectName("insarhubCredits")
        self.credits_button.clicked.connect(lambda: self._ask_credits())
        self.credits_button.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        self.file_row = QWidget(self)
        top = QHBoxLayout(self.file_row)
        top.setContentsMargins(0, 0, 0, 0)
        top.setSpacing(6)
        top.addWidget(label)
        top.addWidget(self.file_box, 1)
        top.addWidget(self.credits_button)

        self.bar = JobsBar(self)
        self._build_notes()

        self.filter = QgsFilterLineEdit(self)
        self.filter.setObjectName("insarhubJobFilter")
        self.filter.setShowSearchIcon(True)
        self.filter.setPlaceholderText(self.tr("Filter by date, status or message"))
        self.filter.setAccessibleName(self.tr("Filter jobs"))
        self.filter.textChanged.connect(self._on_filter)
        self.model = Hyp3JobsModel(self)
        self.table = Hyp3JobsView(self.model, self)
        self.table.menu_requested.connect(self._show_menu)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._show_detail())
        self.table.selectionModel().currentChanged.connect(lambda *_: self._show_detail())
        self.message = QLabel(self)
        self.message.setObjectName("insarhubProcessorMessage")
        self.message.setWordWrap(True)
        self.message.setMargin(18)
        self.message.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter)
        self.table_or_message = QStackedWidget(self)
        self.table_or_message.addWidget(self.table)
        self.table_or_message.addWidget(self.message)
        self._build_detail()
        self.state = ShortLabel(self)
        self.state.setObjectName("insarhubJobsState")

        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.file_row)
        layout.addWidget(self.bar)
        layout.addWidget(self.note_row)
        layout.addWidget(self.filter)
        layout.addWidget(self.table_or_message, 1)
        layout.addWidget(self.detail_row)
        layout.addWidget(self.state)
        layout.addLayout(self._make_actions())
        layout.addLayout(self._make_next())
        self.setFocusProxy(self.table)

    def _build_notes(self) -> None:
        self.note_icon = QLabel(self)
        self.note_icon.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.note = QLabel(self)
        self.note.setObjectName("insarhubProcessorNote")
        self.note.setWordWrap(True)
        self.resume_button = QPushButton(self.tr("&Resume"), self)
        self.resume_button.setObjectName("insarhubResumeWatch")
        self.resume_button.clicked.connect(self._watch)
        self.dismiss_button = QToolButton(self)
        self.dismiss_button.setObjectName("insarhubForgetWatch")
        self.dismiss_button.setAutoRaise(True)
        self.dismiss_button.setIcon(QgsApplication.getThemeIcon("/mIconClose.svg"))
        self.dismiss_button.setToolTip(self.tr("Leave the watch off"))
        self.dismiss_button.setAccessibleName(self.dismiss_button.toolTip())
        self.dismiss_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.dismiss_button.clicked.connect(self._forget_watch)
        self.note_row = QWidget(self)
        row = QHBoxLayout(self.note_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.note_icon)
        row.addWidget(self.note, 1)
        row.addWidget(self.resume_button)
        row.addWidget(self.dismiss_button)

    def _build_detail(self) -> None:
        self.detail = QLabel(self)
        self.detail.setObjectName("insarhubJobDetail")
        self.detail.setWordWrap(True)
        self.detail.setTextFormat(Qt.TextFormat.PlainText)
        self.detail.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.log_button = QPushButton(self.tr("Open &Log"), self)
        self.log_button.setObjectName("insarhubOpenLog")
        self.log_button.setToolTip(self.tr("The log that HyP3 kept of the failed job, in the browser"))
        self.log_button.clicked.connect(self._open_log)
        self.detail_row = QWidget(self)
        row = QHBoxLayout(self.detail_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.detail, 1)
        row.addWidget(self.log_button, 0, Qt.AlignmentFlag.AlignTop)
        self.detail_row.hide()

    def _make_actions(self) -> FlowLayout:
        self.process_button = self._button("insarhubProcess", self.tr("&Process…"), self._process)
        self.process_button.setToolTip(self.tr("Check pairs and price, then submit them to HyP3"))
        self.refresh_button = self._button("insarhubRefresh", self.tr("Re&fresh"), self._refresh)
        self.refresh_button.setToolTip(self.tr("Ask HyP3 for the state of all jobs"))
        self.retry_button = QToolButton(self)
        self.retry_button.setObjectName("insarhubRetry")
        self.retry_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.retry_button.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        self.retry_button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.retry_button.clicked.connect(lambda: self._retry(include_expired=not self._count(FAILED)))
        menu = QMenu(self.retry_button)
        menu.setObjectName("insarhubRetryMenu")
        self.retry_failed_action = menu.addAction("", lambda: self._retry(include_expired=False))
        self.retry_expired_action = menu.addAction("", lambda: self._retry(include_expired=True))
        self.retry_button.setMenu(menu)
        self.watch_button = self._button("insarhubWatch", self.tr("&Watch"), self._toggle_watch)
        row = FlowLayout()
        for button in (self.process_button, self.refresh_button, self.watch_button, self.retry_button):
            row.addWidget(button)
        # A tool button is lower than its neighbours in some styles.
        self.retry_button.setMinimumHeight(self.refresh_button.sizeHint().height())
        return row

    def _make_next(self) -> QHBoxLayout:
        self.view_button = self._button("insarhubViewData", self.tr("&View Data"), self._view_data)
        self.view_button.setToolTip(self.tr("The products that are here, for the map"))
        self.analyzer_button = self._button("insarhubInitAnalyzer", self.tr("Run &Analyzer"), self._analyse)
        self.download_button = self._button("insarhubDownload", self.tr("&Download"), self._download)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.view_button)
        row.addWidget(self.analyzer_button)
        row.addStretch(1)
        row.addWidget(self.download_button)
        return row

    def _button(self, name: str, text: str, slot: Any) -> QPushButton:
        button = QPushButton(text, self)
        button.setObjectName(name)
        button.clicked.connect(lambda: slot())
        button.setAutoDefault(False)
        return button

    # the job

    def open_job(self, job_folder: Path) -> None:
        """Show what the files of a job say; the same job is read again."""
        if job_folder != self._folder:
            self._folder = job_folder
            self.facts = ProcessorFacts()
            self.file_box.clear()
            self.filter.clear()
            self.model.show_jobs(())
            self.message.setText(self.tr("Reading the jobs…"))
            self.table_or_message.setCurrentIndex(MESSAGE)
            self._show_state()
        self._read()

    def close_page(self) -> None:
        super().close_page()
        self._clock.stop()
        self.runs.close()

    def _read_job(self, folder: Path) -> None:
        self._reading.start(
            self.tr("Reading the jobs of {job}").format(job=folder.name),
            lambda _: read_processor_facts(folder),
            self._show_facts,
            self._on_read_failed,
        )

    def _on_read_failed(self, error: InsarError) -> None:
        self.message.setText(messages.sentence(error))
        self.table_or_message.setCurrentIndex(MESSAGE)

    # what it shows

    def _show_facts(self, facts: ProcessorFacts) -> None:
        self.facts = facts
        self._fill_file_box()
        self._show_rows()

    def _fill_file_box(self) -> None:
        chosen = self.file_box.currentData()
        self.file_box.clear()
        names = self.facts.files
        if len(names) != 1:
            self.file_box.addItem(self.tr("All ({count} files)").format(count=len(names)), _ALL)
        for name, count in names:
            self.file_box.addItem(self.tr("{file} ({count})").format(file=name, count=count), name)
            self.file_box.setItemData(self.file_box.count() - 1, name, int(Qt.ItemDataRole.ToolTipRole))
        self.file_box.setCurrentIndex(max(0, self.file_box.findData(chosen)))

    def _show_rows(self) -> None:
        self.model.tick(self._service_now())
        # Over all files the newest job of a pair speaks for it; a file of its own shows all that it holds.
        self.model.show_jobs(self.rows_of_choice())
        for job_id, transfer in self.runs.transfers(self._folder).items() if self._folder else ():
            self.model.show_transfer(job_id, transfer)
        self.table.leave_out(set() if not self._chosen_file and len(self.facts.files) > 1 else {FILE})
        self._show_state()

    def rows_of_choice(self) -> list[JobRow]:
        """The jobs of the chosen file; of all files those that speak for a pair."""
        if self._chosen_file and len(self.facts.files) > 1:
            return [row for row in self.facts.rows if row.file == self._chosen_file]
        if len(self.facts.files) == 1:
            return list(self.facts.rows)
        return [row for row in self.facts.rows if row.is_current]

    @property
    def _chosen_file(self) -> str:
        """Name of a job file; empty for all."""
        return str(self.file_box.currentData() or _ALL)

    def _service_now(self) -> datetime:
        return datetime.now(timezone.utc) + self.facts.clock_offset

    def _count(self, status: str) -> int:
        return sum(row.status == status and row.is_current for row in self.model.rows)

    def _show_state(self) -> None:
        """Everything that depends on rows and runs."""
        rows = self.model.rows
        has_rows, has_job = bool(rows), self._folder is not None
        folder = self._folder
        is_watching = self.runs.is_running(folder, WatchHyp3)
        is_loading = self.runs.is_running(folder, DownloadHyp3)
        self.file_row.setVisible(bool(self.facts.files))
        self.bar.show_counts(counts(rows))
        self.filter.setVisible(has_rows)
        if has_rows:
            self.table_or_message.setCurrentIndex(TABLE)
        elif not self._reading.is_running:
            self._show_empty()
        waiting = [row for row in rows if row.is_current and row.status == SUCCEEDED]
        is_active = any(row.is_current and row.status in (*ACTIVE, UNKNOWN) for row in rows)
        failed, expired, here = self._count(FAILED), self._count(EXPIRED), self._count(DOWNLOADED)

        self.process_button.setEnabled(has_job and self.facts.pair_count > 0)
        self.refresh_button.setVisible(has_rows)
        self.refresh_button.setEnabled(not is_watching and not self.runs.is_running(folder, RefreshHyp3))
        self._show_retry(failed, expired, self.runs.is_running(folder, RetryHyp3))
        self.watch_button.setVisible(has_rows)
        self.watch_button.setText(self.tr("Stop &Watching") if is_watching else self.tr("&Watch"))
        self.watch_button.setToolTip(
            self.tr("End the watch; what is downloaded stays")
            if is_watching
            else self.tr("Ask HyP3 again and again until every job has ended, and download what is ready")
        )
        self.watch_button.setEnabled(is_watching or (not is_loading and (is_active or bool(waiting))))
        self.download_button.setVisible(has_rows)
        self.download_button.setText(
            self.tr("&Stop Download")
            if is_loading
            else self.tr("&Download {count}").format(count=QLocale().toString(len(waiting)))
            if waiting
            else self.tr("&Download")
        )
        self.download_button.setEnabled(is_loading or (bool(waiting) and not is_watching))
        self.view_button.setVisible(has_rows or self.facts.product_count > 0)
        self.view_button.setEnabled(self.facts.product_count > 0)
        is_enough, why = self._is_enough()
        self.analyzer_button.setVisible(has_rows or self.facts.product_count > 0)
        self.analyzer_button.setEnabled(is_enough)
        self.analyzer_button.setToolTip(why)
        self._choose_primary(has_rows, bool(waiting) and not is_watching, is_active, bool(here) and is_enough)
        self._show_note(is_watching)
        self._show_checked(is_watching)
        self._show_detail()

    def _show_retry(self, failed: int, expired: int, is_running: bool) -> None:
        locale = QLocale()
        self.retry_button.setVisible(bool(failed or expired))
        self.retry_button.setEnabled(not is_running)
        self.retry_button.setText(
            self.tr("Retry {count} Failed").format(count=locale.toString(failed))
            if failed
            else self.tr("Retry {count} Expired").format(count=locale.toString(expired))
        )
        self.retry_button.setToolTip(
            self.tr("Submit them again; the price is told first. HyP3 does not pay failed jobs back.")
        )
        self.retry_failed_action.setText(self.tr("&Failed ({count})…").format(count=locale.toString(failed)))
        self.retry_failed_action.setEnabled(failed > 0)
        self.retry_expired_action.setText(
            self.tr("Failed and &Expired ({count})…").format(count=locale.toString(failed + expired))
        )
        self.retry_expired_action.setEnabled(expired > 0)

    def _choose_primary(self, has_rows: bool, can_load: bool, is_active: bool, can_analyse: bool) -> None:
        primary = (
            self.process_button
            if not has_rows
            else self.download_button
            if can_load
            else self.watch_button
            if is_active
            else self.analyzer_button
            if can_analyse
            else self.refresh_button
        )
        for button in (
            self.process_button,
            self.download_button,
            self.watch_button,
            self.analyzer_button,
            self.refresh_button,
        ):
            button.setDefault(button is primary)

    def _show_empty(self) -> None:
        if self.facts.problems:
            text = "\n\n".join(messages.sentence(problem) for problem in self.facts.problems)
        elif self.facts.pair_count:
            text = self.tr(
                "No pair of this job is submitted yet. Process first checks {pairs} and what is to be paid; "
                "nothing is billed before you agree."
            ).format(pairs=counted_pairs(self.facts.pair_count))
        elif self.facts.product_count:
            text = self.tr("The products of this job were not ordered here. View Data shows them.")
        else:
            text = self.tr("This job has no pairs yet. Select pairs in its network, then process them here.")
        self.message.setText(text)
        self.table_or_message.setCurrentIndex(MESSAGE)

    def _is_enough(self) -> tuple[bool, str]:
        """Whether an analysis makes sense now, and why."""
        if not self.model.rows:
            has = self.facts.product_count > 0
            return has, self.tr("Prepare and run the time-series analysis") if has else ""
        current = [row for row in self.facts.rows if row.is_current]
        here = [row for row in current if row.status == DOWNLOADED]
        if not here:
            return False, self.tr("It needs products: download some first.")
        if all(row.status in (DOWNLOADED, FAILED, EXPIRED) for row in current):
            return True, self.tr("Prepare and run the time-series analysis")
        is_enough = are_dates_connected(here, current)
        if is_enough:
            text = self.tr("{count} of {products} here, enough to connect all dates.")
        else:
            text = self.tr("{count} of {products} here, too few to connect all dates.")
        return is_enough, text.format(count=len(here), products=counted_products(len(current)))

    def _show_note(self, is_watching: bool) -> None:
        is_open = self.facts.watch_mark is not None and not is_watching
        problems = [messages.sentence(problem) for problem in self.facts.problems]
        words = self._watch_words.get(self._folder, "") if is_watching and self._folder else ""
        if words:
            problems.insert(0, words)
        lines = [*([self.tr("Watch was on.")] if is_open else []), *problems[:3]]
        self.note.setText("\n".join(lines))
        name = "/mIconWarning.svg" if problems else "/mIconInfo.svg"
        self.note_icon.setPixmap(QgsApplication.getThemeIcon(name).pixmap(16, 16))
        self.resume_button.setVisible(is_open)
        self.dismiss_button.setVisible(is_open)
        self.note_row.setVisible(bool(lines) and (bool(self.model.rows) or is_open))

    def _show_checked(self, is_watching: bool) -> None:
        moments = [row.last_checked for row in self.model.rows if row.last_checked is not None]
        if not self.model.rows:
            text = ""
        elif not moments:
            text = self.tr("Never asked: Refresh asks HyP3.")
        else:
            newest = max(moments)
            age = datetime.now(timezone.utc) - newest
            text = (
                self.tr("Checked just now, {moment}")
                if age < timedelta(minutes=1)
                else self.tr("Checked {age} ago, {moment}")
            ).format(age=age_text(age), moment=moment_text(newest))
        if is_watching:
            text = self.tr("Watching. {checked}").format(checked=text)
        shown, every = self.table.proxy.rowCount(), len(self.model.rows)
        if shown != every:
            text = self.tr("{shown} of {jobs} listed. {checked}").format(
                shown=QLocale().toString(shown), jobs=counted_jobs(every), checked=text
            )
        self.state.setText(text)
        self.state.setVisible(bool(text))

    def _show_detail(self) -> None:
        row = self.table.current_row()
        text = self.model.message(row) if row is not None else ""
        if row is not None and row.message and not row.superseded_by:
            text = messages.sentence(message_of(row))
        self.detail.setText(f"{pair_text(row.pair)}: {text}" if row is not None and text else "")
        self.log_button.setVisible(row is not None and bool(_log_of(row)))
        self.detail_row.setVisible(bool(text))

    def _on_filter(self, text: str) -> None:
        self.table.set_filter(text)
        self._show_checked(self.runs.is_running(self._folder, WatchHyp3))

    def _on_file_chosen(self, _: int) -> None:
        self._show_rows()

    def _tick(self) -> None:
        self.model.tick(self._service_now())
        self._show_checked(self.runs.is_running(self._folder, WatchHyp3))

    # what runs tell

    def _on_rows(self, folder: Path, rows: Sequence[JobRow]) -> None:
        if folder == self._folder:
            # What is being read is older than the answer that is here.
            self._reading.cancel()
            self.facts = replace(self.facts, rows=tuple(rows))
            self._show_rows()

    def _on_watch_told(self, folder: Path, item: dict[str, Any]) -> None:
        problem = item.get("problem")
        if problem:
            self._watch_words[folder] = self.tr(
                "{problem} The watch goes on, next try in {seconds} s."
            ).format(
                problem=messages.what_happened(InsarError.from_json(problem)),
                seconds=QLocale().toString(round(float(item.get("next_in_s") or 0))),
            )
        else:
            self._watch_words.pop(folder, None)
        if folder == self._folder:
            self._show_state()

    def _on_transfer(self, folder: Path, job_id: str, transfer: Transfer | None) -> None:
        if folder == self._folder:
            self.model.show_transfer(job_id, transfer)

    def _on_account(self, answer: dict[str, Any]) -> None:
        left = answer.get("credits_left")
        self.credits_button.setText(
            self.tr("No Limit") if left is None else self.tr("{left} cr.").format(left=credits_text(left))
        )
        lines = [
            self.tr("{credits} left.").format(credits=counted_credits(left))
            if left is not None
            else self.tr("HyP3 counts no credits for this account."),
        ]
        if answer.get("account"):
            lines.append(self.tr("Account {account}").format(account=answer["account"]))
        if answer.get("credits_per_month") is not None:
            lines.append(
                self.tr("{credits} each month").format(credits=credits_text(answer["credits_per_month"]))
            )
        lines.append(
            self.tr("Asked {moment}. Click to ask again.").format(
                moment=moment_text(datetime.now(timezone.utc))
            )
        )
        self.credits_button.setToolTip("\n".join(lines))
        self.credits_button.setAccessibleName(lines[0])

    def _ask_credits(self) -> None:
        """Ask for the credits of the account; of several, the user says which."""
        several = [] if is_sandbox_on() else accounts()
        if len(several) < 2:
            self.runs.ask_account()
            return
        menu = QMenu(self)
        menu.setObjectName("insarhubCreditsMenu")
        for account in several:
            menu.addAction(account.name, lambda auth_id=account.auth_id: self.runs.ask_account(auth_id))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self.credits_button.mapToGlobal(self.credits_button.rect().bottomLeft()))

    def _forget_account(self) -> None:
        self.credits_button.setText(self.tr("&Credits"))
        self.credits_button.setToolTip(self.tr("Ask HyP3 how many credits are left"))
        self.credits_button.setAccessibleName(self.credits_button.toolTip())

    # actions

    def _process(self) -> None:
        if self._folder is not None:
            self._context.open_process(self._folder)

    def _refresh(self) -> None:
        if self._folder is not None:
            self.runs.refresh(self._folder)

    def _watch(self) -> None:
        if self._folder is not None:
            self.runs.watch(self._folder, self.facts.workers)

    def _toggle_watch(self) -> None:
        if self._folder is None:
            return
        if self.runs.is_running(self._folder, WatchHyp3):
            self.runs.stop(self._folder, WatchHyp3)
            self._forget_watch()
        else:
            self._watch()

    def _forget_watch(self) -> None:
        folder = self._folder
        if folder is None:
            return
        self._context.read(
            self.tr("Turning the watch of {job} off").format(job=folder.name),
            lambda _: forget_watch(folder),
            lambda _: self._context.job_changed.emit(folder),
        )

    def _retry(self, *, include_expired: bool) -> None:
        if self._folder is not None:
            file = self._chosen_file if len(self.facts.files) > 1 else ""
            self.runs.ask_retry(self._folder, file, include_expired=include_expired)

    def _download(self) -> None:
        if self._folder is None:
            return
        if self.runs.is_running(self._folder, DownloadHyp3):
            self.runs.stop(self._folder, DownloadHyp3)
            return
        chosen = [row.job_id for row in self.model.rows if row.is_current and row.status == SUCCEEDED]
        every = [row for row in self.facts.rows if row.is_current and row.status == SUCCEEDED]
        self.runs.download(self._folder, self.facts.workers, chosen if len(chosen) < len(every) else ())

    def _view_data(self) -> None:
        if self._folder is not None:
            self.page_requested.emit("products", str(self._folder))

    def _analyse(self) -> None:
        if self._folder is not None:
            self.page_requested.emit("analyzer", str(self._folder))

    def _open_log(self) -> None:
        row = self.table.current_row()
        if row is not None:
            self._open_address(_log_of(row))

    def _open_address(self, address: str) -> None:
        if address:
            QDesktopServices.openUrl(QUrl(address))

    def _show_menu(self, place: QPoint) -> None:
        rows: list[JobRow] = self.table.selected_rows()
        if not rows or self._folder is None:
            return
        menu = self.row_menu(rows)
        menu.exec(place)
        menu.deleteLater()

    def row_menu(self, rows: Sequence[JobRow]) -> QMenu:
        """The actions of chosen jobs."""
        folder = self._folder
        menu = QMenu(self)
        menu.setObjectName("insarhubJobMenu")
        first = rows[0]
        show = menu.addAction(
            self.tr("&Show in View Data"), lambda: self.product_requested.emit(str(folder), first.product)
        )
        show.setEnabled(len(rows) == 1 and first.status == DOWNLOADED)
        log = menu.addAction(self.tr("Open &Log"), lambda: self._open_address(_log_of(first)))
        log.setEnabled(len(rows) == 1 and bool(_log_of(first)))
        menu.addSeparator()
        lost = [row.job_id for row in rows if row.is_current and row.status in (FAILED, EXPIRED)]
        retry = menu.addAction(
            self.tr("&Retry {count}…").format(count=len(lost)) if lost else self.tr("&Retry…"),
            lambda: self.runs.ask_retry(folder, job_ids=lost, include_expired=True),
        )
        retry.setEnabled(bool(lost) and not self.runs.is_running(folder, RetryHyp3))
        ready = [row.job_id for row in rows if row.is_current and row.status == SUCCEEDED]
        load = menu.addAction(
            self.tr("&Download {count}").format(count=len(ready)) if ready else self.tr("&Download"),
            lambda: self.runs.download(folder, self.facts.workers, ready),
        )
        load.setEnabled(bool(ready) and not self.runs.is_running(folder, WatchHyp3, DownloadHyp3))
        menu.addSeparator()
        copy = menu.addAction(
            QgsApplication.getThemeIcon("/mActionEditCopy.svg"), self.tr("&Copy Rows"), self.table.copy
        )
        copy.setShortcut("Ctrl+C")
        menu.addAction(
            self.tr("Copy Job &Id"),
            lambda: QApplication.clipboard().setText("\n".join(row.job_id for row in rows)),
        )
        return menu

    # Qt

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._tick()
        self._clock.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._clock.stop()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self.model.forget_icons()
        super().changeEvent(event)


def are_dates_connected(here: Sequence[JobRow], wanted: Sequence[JobRow]) -> bool:
    """Whether the pairs that are here connect all dates of the wanted ones; False where a pair is not known."""
    numbers: dict[Any, int] = {}
    pairs: list[tuple[int, int]] = []
    for rows, is_here in ((wanted, False), (here, True)):
        for row in rows:
            if row.pair is None:
                return False
            key = tuple(numbers.setdefault(scene_date(name), len(numbers)) for name in row.pair)
            if is_here:
                pairs.append((key[0], key[1]))
    parts = UnionFind(len(numbers))
    return sum(parts.join(*pair) for pair in pairs) == len(numbers) - 1


def _log_of(row: JobRow) -> str:
    """The address of the log of a failed job, if it is one that a browser may open."""
    allowed = ("https://", "http://127.0.0.1:", "http://localhost:") if is_sandbox_on() else ("https://",)
    return next((log for log in row.logs if row.status == FAILED and log.startswith(allowed)), "")

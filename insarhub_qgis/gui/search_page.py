# SPDX-License-Identifier: GPL-2.0-or-later
"""Search: from an area and dates to stacks of scenes, and from stacks to jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qgis.core import QgsApplication, QgsFeature
from qgis.gui import QgsCollapsibleGroupBox, QgsDateEdit
from qgis.PyQt.QtCore import (
    QDate,
    QDateTime,
    QEvent,
    QLocale,
    QObject,
    QSignalBlocker,
    QSize,
    Qt,
    QTimer,
    pyqtSignal,
)
from qgis.PyQt.QtGui import QFontMetrics, QHideEvent, QPaintEvent, QResizeEvent, QShowEvent
from qgis.PyQt.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    QStyle,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.progress import IsCancelled
from insarhub_qgis.core.requests import AddJobs, OpenSearchAnswer, SearchScenes
from insarhub_qgis.core.scene_stacks import FoundScene, SceneStack, SearchAnswer
from insarhub_qgis.gui.area_block import AreaBlock
from insarhub_qgis.gui.page_context import PageContext
from insarhub_qgis.gui.scene_detail import SceneDetail
from insarhub_qgis.gui.scene_link import SceneLink
from insarhub_qgis.gui.search_filters import BURST, SLC, SearchFilters
from insarhub_qgis.gui.short_text import ShortLabel
from insarhub_qgis.gui.stacks_table import DayRow, DaysModel, RowsView, StacksModel, bursts_text
from insarhub_qgis.host import messages
from insarhub_qgis.host.counts import counted, counted_bursts, counted_scenes
from insarhub_qgis.host.endpoints import endpoints
from insarhub_qgis.host.engine_process import EngineTask
from insarhub_qgis.host.search_folders import last_search_folder, new_search_folder
from insarhub_qgis.host.settings import settings
from insarhub_qgis.layers.scene_coverage import UncoveredPart, uncovered_parts
from insarhub_qgis.layers.scene_layers import (
    add_scene_file,
    add_uncovered_layer,
    scene_features,
    write_scene_file,
)

RESULTS, MESSAGE = 0, 1
LOWEST_FORM_PX = 120
LOWEST_TABLE_PX = 64
#: Pause before footprints are added to the map.
_FOOTPRINTS_MS = 10
#: The first dates that a new search offers: this long until today.
_FIRST_SPAN_DAYS = 365


class FormArea(QScrollArea):
    """As high as its content where there is room; it scrolls where a window is low."""

    def __init__(self, inside: QWidget, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("insarhubSearchFormArea")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.setWidget(inside)

    def sizeHint(self) -> QSize:
        return self.widget().sizeHint() + QSize(0, 2)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        is_answered = super().eventFilter(watched, event)
        if watched is self.widget() and event.type() == QEvent.Type.LayoutRequest:
            # Only now does the content know how high it is with a group that was folded or unfolded.
            self.updateGeometry()
        return is_answered

    def minimumSizeHint(self) -> QSize:
        bar = self.style().pixelMetric(QStyle.PixelMetric.PM_ScrollBarExtent)
        width = self.widget().minimumSizeHint().width() + bar
        return QSize(width, min(LOWEST_FORM_PX, self.sizeHint().height()))


class ResultsStack(QStackedWidget):
    """The message leaves its room to the form; the tables keep some of theirs."""

    def minimumSizeHint(self) -> QSize:
        return super().minimumSizeHint() if self.currentIndex() == RESULTS else QSize(0, 0)

    def hasHeightForWidth(self) -> bool:
        # The wrapped message would ask for its height before the form has its own.
        return False


class MessageLabel(QLabel):
    """What the page is for stands there whole or not at all; an answer as far as there is room."""

    is_introduction = True

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.is_introduction or self.height() >= self.heightForWidth(self.width()):
            super().paintEvent(event)


class SearchPage(QWidget):
    """A form that folds away once there is an answer; stacks, their days and the chosen scene below it."""

    back_requested = pyqtSignal()
    page_requested = pyqtSignal(str, str)

    def __init__(self, context: PageContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("insarhubSearchPage")
        self.title = self.tr("Search Scenes")
        self._context = context
        self._answer = SearchAnswer()
        self._features: Sequence[QgsFeature] = ()
        self._folder: Path | None = None
        self._task: EngineTask | None = None
        self._adding: EngineTask | None = None
        self._is_opened = self._is_prepared = False
        self.link = SceneLink(context, self)
        # Thousands of footprints take as long as all tables: these are painted first.
        self._footprints_timer = QTimer(self)
        self._footprints_timer.setSingleShot(True)
        self._footprints_timer.setInterval(_FOOTPRINTS_MS)
        self._footprints_timer.timeout.connect(self.show_footprints)
        self._build()
        self.link.scenes_selected.connect(self._on_map_selected)
        self.link.layer_changed.connect(self._show_buttons)
        self._show_form_state()
        self._show_answer(SearchAnswer(), ())

    # widgets

    def _build(self) -> None:
        self.form = self._make_form()
        self.note = QLabel(self)
        self.note.setObjectName("insarhubSearchNote")
        self.note.setWordWrap(True)
        self.note_icon = QLabel(self)
        self.note_icon.setPixmap(QgsApplication.getThemeIcon("/mIconWarning.svg").pixmap(16, 16))
        self.note_icon.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.note_row = QWidget(self)
        note_layout = QHBoxLayout(self.note_row)
        note_layout.setContentsMargins(0, 0, 0, 0)
        note_layout.setSpacing(6)
        note_layout.addWidget(self.note_icon)
        note_layout.addWidget(self.note, 1)

        self.stacks_model = StacksModel(self)
        self.stacks = RowsView(self.stacks_model, self)
        self.stacks.setObjectName("insarhubStacks")
        self.stacks.setAccessibleName(self.tr("Stacks by path and frame, or by path and bursts"))
        self.stacks.rows_selected.connect(self._on_stacks_selected)
        self.days_model = DaysModel(self)
        self.days = RowsView(self.days_model, self)
        self.days.setObjectName("insarhubStackDays")
        self.days.setAccessibleName(self.tr("Dates of the chosen stacks"))
        self.days.rows_selected.connect(self._on_days_selected)
        self.detail = SceneDetail(self)
        self.tabs = QTabWidget(self)
        self.tabs.setObjectName("insarhubSearchTabs")
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(self.days, self.tr("Da&tes"))
        self.tabs.addTab(self.detail, self.tr("Sc&ene"))
        for table in (self.stacks, self.days, self.detail):
            table.setMinimumHeight(LOWEST_TABLE_PX)
        self.splitter = QSplitter(Qt.Orientation.Vertical, self)
        self.splitter.setObjectName("insarhubSearchSplitter")
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(self.stacks)
        self.splitter.addWidget(self.tabs)
        self.splitter.setStretchFactor(0, 0)
        self.splitter.setStretchFactor(1, 1)

        self.message = MessageLabel(self)
        self.message.setObjectName("insarhubSearchMessage")
        self.message.setWordWrap(True)
        self.message.setMargin(18)
        self.message.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter)
        self.results_or_message = ResultsStack(self)
        self.results_or_message.addWidget(self.splitter)
        self.results_or_message.addWidget(self.message)

        # The form comes first; the results take what it leaves.
        self.results_or_message.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Ignored)

        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.form)
        layout.addWidget(self.note_row)
        layout.addWidget(self.results_or_message, 1)
        layout.addLayout(self._make_buttons())
        self.setFocusProxy(self.area.text)

    def _make_form(self) -> QgsCollapsibleGroupBox:
        box = QgsCollapsibleGroupBox(self)
        box.setObjectName("insarhubSearchForm")
        box.setSaveCollapsedState(False)
        box.setFlat(True)
        inside = QWidget(box)
        self.area = AreaBlock(self._context, inside)
        self.area.area_changed.connect(self._on_form_changed)
        self.start = self._date("insarhubSearchStart", self.tr("First day, included"), inside)
        self.end = self._date("insarhubSearchEnd", self.tr("Last day, included"), inside)
        today = QDate.currentDate()
        self.start.setDate(today.addDays(-_FIRST_SPAN_DAYS))
        self.end.setDate(today)
        dates = QHBoxLayout()
        # In a narrow dock every pixel counts: the first digits of the days would be cut off.
        dates.setSpacing(2)
        start_label = QLabel(self.tr("&Start"), inside)
        start_label.setBuddy(self.start)
        end_label = QLabel(self.tr("&End"), inside)
        end_label.setBuddy(self.end)
        for widget, stretch in ((start_label, 0), (self.start, 1), (end_label, 0), (self.end, 1)):
            dates.addWidget(widget, stretch)
        self.filters = SearchFilters(self._context, inside)
        self.filters.changed.connect(self._on_form_changed)
        for field in (self.start, self.end):
            field.dateValueChanged.connect(self._on_form_changed)
            field.dateValueChanged.connect(lambda _, field=field: self._show_any(field))
        form = QVBoxLayout(inside)
        form.setContentsMargins(0, 0, 0, 0)
        form.setSpacing(6)
        form.addWidget(self.area)
        form.addLayout(dates)
        form.addWidget(self.filters)

        # With all filters open the form is taller than a small window.
        self.form_area = FormArea(inside, box)

        self.hint = ShortLabel(box)
        self.hint.setObjectName("insarhubSearchHint")
        self.search_button = QPushButton(self)
        self.search_button.setObjectName("insarhubSearchButton")
        self.search_button.clicked.connect(self._on_search_clicked)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.hint, 1)
        row.addWidget(self.search_button)
        layout = QVBoxLayout(box)
        layout.setContentsMargins(0, 6, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.form_area)
        layout.addLayout(row)
        return box

    def _show_any(self, field: QgsDateEdit) -> None:
        """Cleared by its button, a field shows the present day in grey: it says "any" instead."""
        if field.isNull() and field.lineEdit().text() != field.nullRepresentation():
            with QSignalBlocker(field):
                field.setDateTime(QDateTime())

    def _date(self, name: str, tip: str, parent: QWidget) -> QgsDateEdit:
        field = QgsDateEdit(parent)
        field.setObjectName(name)
        field.setAllowNull(True)
        field.setNullRepresentation(self.tr("any"))
        field.setDisplayFormat("yyyy-MM-dd")
        field.setCalendarPopup(True)
        field.setToolTip(tip)
        field.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        return field

    def _make_buttons(self) -> QHBoxLayout:
        self.layer_button = QToolButton(self)
        self.layer_button.setObjectName("insarhubSearchLayer")
        self.layer_button.setText(self.tr("&Layer"))
        self.layer_button.setToolTip(self.tr("Footprints of the scenes as a layer"))
        self.layer_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.layer_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.layer_button)
        menu.setObjectName("insarhubSearchLayerMenu")
        self.show_layer_action = menu.addAction(self.tr("&Show Footprints"), self.show_footprints)
        self.save_layer_action = menu.addAction(self.tr("Save as &GeoPackage…"), self._ask_layer_file)
        self.layer_button.setMenu(menu)
        self.coverage_button = QPushButton(self.tr("&Coverage"), self)
        self.coverage_button.setObjectName("insarhubSearchCoverage")
        self.coverage_button.setToolTip(
            self.tr("Show on the map which part of the area each date leaves uncovered")
        )
        self.coverage_button.clicked.connect(self.show_coverage)
        self.add_button = QPushButton(self.tr("Add &Job"), self)
        self.add_button.setObjectName("insarhubAddJob")
        self.add_button.clicked.connect(self.add_jobs)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.layer_button)
        row.addWidget(self.coverage_button)
        row.addStretch(1)
        row.addWidget(self.add_button)
        return row

    # the page

    @property
    def answer(self) -> SearchAnswer:
        """The answer that is shown."""
        return self._answer

    def open_page(self) -> None:
        """Show the last answer again; it is read from disk, without network."""
        if self._is_opened or self._task is not None:
            return
        self._is_opened = True
        folder = last_search_folder()
        if folder is None:
            return
        self._show_message(self.tr("Opening the last answer…"))
        self._run(OpenSearchAnswer(str(folder)), self.tr("Opening the last search"), folder, is_kept=True)

    def close_page(self) -> None:
        self._footprints_timer.stop()
        self.link.close()
        self.area.close_block()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.area.set_shown(True)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.area.set_shown(False)

    # the form

    def request(self, folder: Path) -> SearchScenes:
        """What the form says.

        Raises
        ------
        InsarError
            As `SearchFilters.values`.
        """
        return SearchScenes(
            aoi_wkt=self.area.wkt,
            start=_iso(self.start),
            end=_iso(self.end),
            answer_folder=str(folder),
            endpoints=endpoints().to_json(),
            **self.filters.values(),
        )

    def fill_form(self, request: Mapping[str, Any]) -> None:
        """Show what an earlier request asked for."""
        try:
            self.area.set_wkt(str(request.get("aoi_wkt") or ""))
        except InsarError as error:
            self._context.show_error(error)
        for field, name in ((self.start, "start"), (self.end, "end")):
            day = QDate.fromString(str(request.get(name) or ""), Qt.DateFormat.ISODate)
            if day.isValid():
                field.setDate(day)
            else:
                # Its own clear() shows the present day in grey.
                field.setDateTime(QDateTime())
        self.filters.set_values(request)

    def prepare(self, request: Mapping[str, Any]) -> None:
        """Show the form filled for a search that another page asks for; the answer that is shown stays."""
        self._is_opened = self._is_prepared = True
        self.fill_form(request)
        self.form.setCollapsed(False)
        self.filters.setCollapsed(False)
        self._show_form_state()

    def missing(self) -> str:
        """What the form still lacks, in words; empty when it can be sent."""
        try:
            values = self.filters.values()
        except InsarError as error:
            return messages.what_happened(error)
        if values["scene_names"]:
            return ""
        start, end = _iso(self.start), _iso(self.end)
        if start and end and end < start:
            return self.tr("The end lies before the start.")
        if self.area.area is None and self.filters.is_burst:
            return self.tr("Give an area: bursts are searched by it.")
        if self.area.area is None and not values["paths"]:
            return self.tr("Give an area, a path or scene names.")
        return ""

    def _on_form_changed(self, *_: Any) -> None:
        self._show_form_state()

    def _show_form_state(self) -> None:
        is_running = self._task is not None
        missing = self.missing()
        self.search_button.setText(self.tr("&Cancel Search") if is_running else self.tr("Searc&h"))
        self.search_button.setEnabled(is_running or not missing)
        if not is_running:
            self.hint.setText(missing)
        self._show_form_title()
        is_answered = bool(self._answer.stacks) and not self._is_form_new()
        self.search_button.setDefault(not is_answered)
        self.add_button.setDefault(is_answered)

    def _form_title(self) -> str:
        if not self.form.isCollapsed():
            return self.tr("Search For")
        days = " – ".join(text for text in (_iso(self.start), _iso(self.end)) if text)
        # What is searched comes first: the end of a long title is cut off.
        product = self.tr("bursts") if self.filters.is_burst else ""
        parts = [part for part in (product, self.area.words, days) if part]
        count = self.filters.set_count()
        if count:
            parts.append(counted(count, self.tr("{n} filter"), self.tr("{n} filters")))
        return self.tr("Search: {what}").format(what=", ".join(parts)) if parts else self.tr("Search For")

    def _show_form_title(self) -> None:
        """A folded form says in its title what was asked, as far as there is room."""
        text = self._form_title()
        font = self.form.font()
        font.setBold(True)
        room = self.form.width() - 2 * self.style().pixelMetric(QStyle.PixelMetric.PM_IndicatorWidth) - 12
        shown = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, max(room, 60))
        if self.form.title() != shown:
            self.form.setTitle(shown)
        self.form.setToolTip(text if shown != text else "")

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_form_title()

    def _is_form_new(self) -> bool:
        """Whether the form asks for something else than the answer that is shown."""
        try:
            asked = self.request(self._folder or Path()).to_json()
        except InsarError:
            return True
        # Answers that were kept before there were bursts do not name their product.
        old = {"product": SLC, **self._answer.request}
        names = set(asked) - {"answer_folder", "endpoints"}
        return any(_plain(asked[name]) != _plain(old.get(name)) for name in names)

    # searching

    def _on_search_clicked(self) -> None:
        if self._task is not None:
            self.hint.setText(self.tr("Cancelling…"))
            self._task.cancel()
        else:
            self.search()

    def search(self) -> None:
        """Send what the form says; the answer before it stays until there is a new one."""
        if self._task is not None or self.missing():
            return
        folder = new_search_folder()
        self._is_opened = True
        self._run(self.request(folder), self.tr("Searching scenes"), folder, is_kept=False)

    def _run(self, request: SearchScenes | OpenSearchAnswer, text: str, folder: Path, is_kept: bool) -> None:
        self._task = self._context.start(
            request,
            text,
            lambda result: self._on_result(result, folder, is_kept),
            lambda error: self._on_failed(error, is_kept),
            on_item=self._on_found,
        )
        if not is_kept:
            self.hint.setText(self.tr("Asking the archive…"))
        self._show_form_state()

    def _on_found(self, item: Mapping[str, Any]) -> None:
        found, hits = item.get("found"), item.get("hits")
        if found is None:
            return
        is_burst = self.filters.is_burst
        in_words = counted_bursts if is_burst else counted_scenes
        if hits is None:
            self.hint.setText(self.tr("{found} so far").format(found=in_words(int(found))))
        else:
            count = QLocale().toString(int(found))
            self.hint.setText(self.tr("{count} of {hits}").format(count=count, hits=in_words(int(hits))))

    def _on_failed(self, error: InsarError, is_kept: bool) -> None:
        self._task = None
        self._show_form_state()
        if not self._answer.stacks:
            self._show_message("")
        if isinstance(error, Cancelled):
            self.hint.setText(self.tr("Cancelled."))
        elif not is_kept:
            self._context.show_error(error)
            if not self._answer.stacks:
                self._show_message(messages.sentence(error))
        elif error.code != "search.no_answer":
            self._context.show_error(error)

    def _on_result(self, result: Mapping[str, Any], folder: Path, is_kept: bool) -> None:
        def read(is_cancelled: IsCancelled) -> tuple[SearchAnswer, list[QgsFeature]]:
            answer = SearchAnswer.from_json(result)
            return answer, scene_features(answer.scenes, str(folder))

        def show(value: tuple[SearchAnswer, list[QgsFeature]]) -> None:
            self._task = None
            self._folder = folder
            self.link.follow(folder)
            self._show_answer(*value)
            if is_kept and not self._is_prepared:
                self.fill_form(value[0].request)
            self.form.setCollapsed(bool(value[0].stacks) and not (is_kept and self._is_prepared))
            if not is_kept:
                self._footprints_timer.start()
            self._show_form_state()

        def fail(error: InsarError) -> None:
            self._on_failed(error, is_kept)

        self._context.read(self.tr("Reading the answer"), read, show, fail)

    # the answer

    def _show_answer(self, answer: SearchAnswer, features: Sequence[QgsFeature]) -> None:
        self._answer, self._features = answer, features
        self.stacks_model.show_rows(answer.stacks)
        has_area = any(stack.aoi_coverage is not None for stack in answer.stacks)
        has_missing = any(stack.dates_without for stack in answer.stacks)
        self.stacks.leave_out((set() if has_area else {7}) | (set() if has_missing else {6}))
        self._show_note()
        if answer.stacks:
            self.results_or_message.setCurrentIndex(RESULTS)
            self._fit_tables()
            best = max(answer.stacks, key=_worth)
            self.stacks.select_rows(lambda row: row.key == best.key)
            self._show_days()
        else:
            self._show_message("")
        self._show_buttons()

    def _fit_tables(self) -> None:
        """Few stacks leave the room to their dates."""
        whole = max(self.splitter.height(), 2 * LOWEST_TABLE_PX)
        rows = min(self.stacks_model.rowCount() + 1, 12)
        wanted = self.stacks.header().sizeHint().height() + rows * self.stacks.sizeHintForRow(0)
        height = max(LOWEST_TABLE_PX, min(wanted, whole * 2 // 5))
        self.splitter.setSizes([height, whole - height])

    def _show_note(self) -> None:
        """Whether the answer is whole, when it was made, and what the search had to remark."""
        answer = self._answer
        if not answer.searched_at:
            self.note_row.hide()
            return
        # The archive counts bursts, and a row here is a pass over several.
        is_burst = answer.request.get("product") == BURST
        count, hits = len(answer.scenes), answer.hits
        locale = QLocale()
        time = QDateTime.fromString(answer.searched_at, Qt.DateFormat.ISODate).toLocalTime()
        when = locale.toString(time, QLocale.FormatType.ShortFormat)
        lines = []
        if not answer.is_complete and is_burst:
            lines.append(self.tr("<b>Partial answer:</b> passes may be missing."))
        elif not answer.is_complete and hits is not None and hits > count:
            lines.append(
                self.tr("<b>Partial answer:</b> {count} of {hits}.").format(
                    count=locale.toString(count), hits=counted_scenes(hits)
                )
            )
        elif not answer.is_complete:
            lines.append(self.tr("<b>Partial answer:</b> scenes may be missing."))
        lines += [_escaped(messages.sentence(message)) for message in answer.messages[:3]]
        if len(answer.messages) > 3:
            more = len(answer.messages) - 3
            lines.append(counted(more, self.tr("{n} more remark"), self.tr("{n} more remarks")))
        found = (
            counted(count, self.tr("{n} pass over bursts"), self.tr("{n} passes over bursts"))
            if is_burst
            else counted_scenes(count)
        )
        text = self.tr("{found}, answer of {time}").format(found=found, time=when)
        lines.append(text if not answer.is_sandbox else self.tr("{text}, simulated").format(text=text))
        self.note.setText("<br>".join(lines))
        self.note_icon.setVisible(not answer.is_complete)
        self.note_row.setVisible(True)

    def _show_message(self, text: str) -> None:
        """Say what the page is for, or why there is nothing."""
        is_empty = not text and self._answer.searched_at and not self._answer.stacks
        if is_empty and self._answer.request.get("product") == BURST:
            text = self.tr(
                "No bursts found. Sentinel-1 passes most places every 6 or 12 days: make the dates longer, take filters "
                "away, or search whole scenes."
            )
        elif is_empty:
            text = self.tr(
                "No scenes found. Sentinel-1 passes most places every 6 or 12 days: make the dates longer, the area "
                "larger, or take filters away."
            )
        self.message.is_introduction = not text
        self.message.setText(
            text
            or self.tr(
                "Find Sentinel-1 scenes: draw an area on the map or take one from a layer, choose dates, press Search."
            )
        )
        self.results_or_message.setCurrentIndex(MESSAGE)

    def _show_buttons(self) -> None:
        has_stacks = bool(self._answer.stacks)
        self.layer_button.setEnabled(has_stacks)
        self.show_layer_action.setEnabled(self.link.layer is None)
        self.coverage_button.setEnabled(has_stacks and bool(self._answer.request.get("aoi_wkt")))
        count = len(self.stacks.selected_rows())
        self.add_button.setText(
            self.tr("Add {count} &Jobs").format(count=count) if count > 1 else self.tr("Add &Job")
        )
        self.add_button.setEnabled(count > 0 and self._adding is None)

    # selection

    def _on_stacks_selected(self) -> None:
        self._show_days()
        self._show_buttons()
        self.link.select(scene.name for stack in self.stacks.selected_rows() for scene in stack.scenes)

    def _show_days(self) -> None:
        chosen = self.stacks.selected_rows()
        self.days_model.show_stacks(chosen)
        has_area = any(stack.aoi_coverage is not None for stack in chosen)
        has_neighbours = any(
            row.path_coverage is not None and row.path_coverage != row.aoi_coverage
            for stack in chosen
            for row in stack.dates
        )
        unwanted = set() if len(chosen) > 1 else {1}
        unwanted |= set() if has_area else {3}
        unwanted |= set() if has_neighbours else {4}
        self.days.leave_out(unwanted)
        self.detail.show_scene(None)

    def _on_days_selected(self) -> None:
        scenes = _scenes_of(self.days.selected_rows())
        self.detail.show_scene(scenes[0] if scenes else None)
        if scenes:
            self.link.select(scene.name for scene in scenes)

    def _on_map_selected(self, names: list[str]) -> None:
        wanted = set(names)
        scenes = [scene for scene in self._answer.scenes if scene.name in wanted]
        keys = {(scene.path, scene.frame) for scene in scenes}
        if not keys:
            return
        if not keys <= {stack.key for stack in self.stacks.selected_rows()}:
            self.stacks.select_rows(lambda row: row.key in keys)
            self._show_days()
            self._show_buttons()
        self.days.select_rows(
            lambda row: row.day is not None and any(scene.name in wanted for scene in row.day.scenes)
        )
        self.detail.show_scene(scenes[0])

    # layers

    def show_footprints(self) -> None:
        """Add the footprints to the project."""
        self.link.show(self._features, self.tr("Search"))
        self._show_buttons()

    def save_footprints(self, file: Path) -> None:
        """Write the footprints and show the file instead of the temporary layer."""
        features, folder = self._features, self._folder
        context = self._context.project().transformContext()
        if folder is None:
            return

        def show(_: None) -> None:
            try:
                add_scene_file(self._context.project(), folder, self.tr("Search"), file)
            except InsarError as error:
                self._context.show_error(error)
            else:
                self._context.show_success(self.tr("Footprints saved to {file}").format(file=file))

        self._context.read(
            self.tr("Saving footprints"), lambda _: write_scene_file(features, file, context), show
        )

    def _ask_layer_file(self) -> None:
        folder = settings().work_directory.value()
        path, _ = QFileDialog.getSaveFileName(
            self,
            self.tr("Save Footprints"),
            str(Path(folder) / "scenes.gpkg"),
            self.tr("GeoPackage (*.gpkg)"),
        )
        if path:
            self.save_footprints(Path(path).with_suffix(".gpkg"))

    def show_coverage(self) -> None:
        """Add what each date leaves uncovered; made in a task."""
        area, folder = self.area_of_answer(), self._folder
        stacks = self._answer.stacks
        if area is None or folder is None:
            return

        def show(parts: list[UncoveredPart]) -> None:
            if not parts:
                self._context.show_success(self.tr("Every date covers the whole area."))
                return
            add_uncovered_layer(self._context.project(), folder, self.tr("Search"), parts)
            self._context.show_info(
                counted(
                    len(parts),
                    self.tr("{n} date does not cover the whole area."),
                    self.tr("{n} dates do not cover the whole area."),
                )
            )

        self._context.read(
            self.tr("Comparing footprints with the area"),
            lambda is_cancelled: uncovered_parts(area, stacks, is_cancelled),
            show,
        )

    def area_of_answer(self) -> Any:
        """The area that was searched, EPSG:4326; None without one."""
        from insarhub_qgis.layers.search_area import search_area_of_wkt

        text = str(self._answer.request.get("aoi_wkt") or "")
        return search_area_of_wkt(text) if text else None

    # jobs

    def add_jobs(self) -> None:
        """Make a job folder of each chosen stack; asks for the work directory when there is none."""
        stacks: list[SceneStack] = self.stacks.selected_rows()
        directory = settings().work_directory.value() or self._ask_work_directory()
        if not stacks or self._folder is None or not directory or self._adding is not None:
            return
        request = AddJobs(
            answer_folder=str(self._folder),
            work_directory=directory,
            stacks=tuple(stack.key for stack in stacks),
        )
        self._adding = self._context.start(
            request, self.tr("Adding jobs"), self._on_added, self._on_not_added
        )
        self._show_buttons()

    def _ask_work_directory(self) -> str:
        folder = QFileDialog.getExistingDirectory(self, self.tr("Work Directory: the Folder for Your Jobs"))
        if folder:
            settings().work_directory.setValue(folder)
            self._context.work_directory_changed.emit()
        return folder

    def _on_not_added(self, error: InsarError) -> None:
        self._adding = None
        self._show_buttons()
        self._context.show_error(error)

    def _on_added(self, result: Mapping[str, Any]) -> None:
        self._adding = None
        self._show_buttons()
        jobs = [(Path(row["path"]), row) for row in result["job_folders"]]
        bursts = {stack.key: bursts_text(stack.burst_ids) for stack in self._answer.stacks if stack.burst_ids}
        for row in result.get("excluded", ()):
            path, frame = row["stack"]
            reason = messages.sentence(InsarError.from_json(row))
            found = bursts.get((path, frame), "")
            text = (
                self.tr("Path {path}, bursts {bursts}: {reason}")
                if found
                else self.tr("Path {path}, frame {frame}: {reason}")
            )
            self._context.show_warning(text.format(path=path, frame=frame, bursts=found, reason=reason))
        for folder, _ in jobs:
            self._context.job_changed.emit(folder)
        if not jobs:
            return
        names = ", ".join(folder.name for folder, _ in jobs[:4]) + ("…" if len(jobs) > 4 else "")
        is_new = any(row.get("is_new", True) for _, row in jobs)
        added = self.tr("Job added: {names}.") if len(jobs) == 1 else self.tr("Jobs added: {names}.")
        text = added if is_new else self.tr("Scenes added to {names}.")
        self._context.show_success(text.format(names=names))
        if len(jobs) == 1:
            self.page_requested.emit("downloader", str(jobs[0][0]))
        else:
            self.page_requested.emit("home", "")


def _worth(stack: SceneStack) -> tuple[float, int]:
    """The stack to look at first: the one that covers most, then the longest."""
    return (round(stack.aoi_coverage or 0.0, 2), len(stack.dates))


def _scenes_of(rows: Sequence[DayRow]) -> list[FoundScene]:
    return [scene for row in rows if row.day is not None for scene in row.day.scenes]


def _iso(field: QgsDateEdit) -> str:
    return "" if field.isNull() else field.date().toString(Qt.DateFormat.ISODate)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, (tuple, list)) else (value or "")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

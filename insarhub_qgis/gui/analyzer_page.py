# SPDX-License-Identifier: GPL-2.0-or-later
"""The Analyzer page: prepare, options, MintPy step by step, log; overview, results, clean up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

from qgis.core import Qgis, QgsApplication, QgsMapLayerProxyModel, QgsVectorLayer
from qgis.gui import QgsMapLayerComboBox
from qgis.PyQt.QtCore import QObject, Qt, QTimer
from qgis.PyQt.QtGui import QFontDatabase, QTextCursor
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QMenu,
    QMessageBox,
    QPlainTextEdit,
    QPushButton,
    QTabWidget,
    QToolButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.core import mintpy_job
from insarhub_qgis.core.clip_manifest import MANIFEST_NAME
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.mintpy_config import CONFIG_NAME, MintpyConfig
from insarhub_qgis.core.mintpy_job import MintpyJob
from insarhub_qgis.core.mintpy_steps import enabled_steps, steps_after
from insarhub_qgis.core.requests import CopyDataset, PrepareAnalysis, Request, RunAnalysis, StackFacts
from insarhub_qgis.gui.clean_up_dialog import CleanUpDialog
from insarhub_qgis.gui.job_page import JobPage
from insarhub_qgis.gui.options_table import OptionsTable
from insarhub_qgis.gui.page_context import PageContext
from insarhub_qgis.gui.prepare_report_dialog import PrepareReportDialog, read_report
from insarhub_qgis.gui.short_text import ShortLabel
from insarhub_qgis.gui.thresholds_dialog import ThresholdsDialog
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.layers.area_of_interest import area_of_interest_wkt
from insarhub_qgis.layers.result_layers import add_result_layer
from insarhub_qgis.layers.result_sources import ResultSource, list_results

LOG_LINES = 5000
CONFIG_TAB = 1
_TROPOSPHERE = "mintpy.troposphericDelay.method"
#: mark, so that the state is not told by colour alone
_MARKS = {
    mintpy_job.WAITING: "○",
    mintpy_job.RUNNING: "▶",
    mintpy_job.DONE: "✓",
    mintpy_job.FAILED: "✗",
    mintpy_job.CANCELLED: "■",
    mintpy_job.SKIPPED: "–",
    mintpy_job.NOT_RUN: "○",
}


@dataclass(frozen=True)
class _AnalysisState:
    """What the files of a job say about its analysis."""

    config: MintpyConfig
    job: MintpyJob
    log: str
    is_prepared: bool
    report: tuple[dict[str, str], ...]


def _read_state(folder: Path) -> _AnalysisState:
    log_file = folder / mintpy_job.LOG_FILE
    log = ""
    if log_file.is_file():
        lines = log_file.read_text(encoding="utf-8", errors="replace").splitlines()
        log = "\n".join(lines[-LOG_LINES:])
    return _AnalysisState(
        MintpyConfig.read(folder / CONFIG_NAME),
        MintpyJob.read(folder),
        log,
        (folder / "clip" / MANIFEST_NAME).is_file(),
        tuple(read_report(folder)),
    )


class AnalyzerPage(JobPage):
    """From products to results of one job."""

    def __init__(self, context: PageContext, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self.setObjectName("insarhubAnalyzerPage")
        self.title = self.tr("Analyzer")
        self._state: _AnalysisState | None = None
        self._error: InsarError | None = None
        self._overview: list[tuple[Path, ResultSource, bool]] = []
        self._overview_timer = QTimer(self)
        self._overview_timer.setSingleShot(True)
        self._overview_timer.setInterval(0)
        self._overview_timer.timeout.connect(self._add_next_overview)
        self._build()
        context.runs_changed.connect(self._refresh_buttons)
        context.project().cleared.connect(self._forget_overview)

    # --- page contract

    def open_job(self, job_folder: Path) -> None:
        if job_folder != self._folder:
            self._folder = job_folder
            self._state = None
            self._error = None
            self._log.clear()
            self._steps.clear()
        self._read()

    def close_page(self) -> None:
        super().close_page()
        self._context.runs_changed.disconnect(self._refresh_buttons)
        self._context.project().cleared.disconnect(self._forget_overview)
        self._forget_overview()

    @property
    def is_running(self) -> bool:
        """Whether this job, not another one, is being prepared or analysed."""
        return any(
            run.job_folder == self._folder and isinstance(run.task.request, (PrepareAnalysis, RunAnalysis))
            for run in self._context.runs
        )

    # --- widgets

    def _build(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self._make_prepare(self))
        self._tabs = QTabWidget(self)
        self._tabs.setDocumentMode(True)
        self._tabs.addTab(self._make_steps(self._tabs), self.tr("St&eps"))
        self._tabs.addTab(self._make_options(self._tabs), self.tr("Co&nfig"))
        self._tabs.addTab(self._make_log(self._tabs), self.tr("&Log"))
        layout.addWidget(self._tabs, 1)
        self._hint = QLabel(self)
        self._hint.setWordWrap(True)
        layout.addWidget(self._hint)
        layout.addWidget(self._make_choices(self))
        layout.addLayout(self._make_buttons())

    def _make_prepare(self, parent: QWidget) -> QWidget:
        box = QWidget(parent)
        form = QFormLayout(box)
        form.setContentsMargins(0, 0, 0, 0)
        form.setSpacing(6)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._aoi_box = QgsMapLayerComboBox(box)
        self._aoi_box.setFilters(QgsMapLayerProxyModel.Filter.PolygonLayer)
        self._aoi_box.setAllowEmptyLayer(True, self.tr("job's own AOI, else common overlap"))
        self._aoi_box.setLayer(None)
        self._aoi_box.setAccessibleName(self.tr("Area of interest"))
        self._aoi_box.setSizeAdjustPolicy(
            self._aoi_box.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self._aoi_box.setMinimumContentsLength(8)
        self._selected_only = QCheckBox(self.tr("&Selected only"), box)
        self._selected_only.setToolTip(self.tr("Only the selected features of the AOI layer"))
        self._selected_only.setEnabled(False)
        self._aoi_box.layerChanged.connect(lambda layer: self._selected_only.setEnabled(layer is not None))
        self._materialise = QCheckBox(self.tr("&Write real files"), box)
        self._materialise.setToolTip(
            self.tr(
                "Copies the pixels instead of pointing into the zips: for zips that will move or lie on a network disk"
            )
        )
        self._prepare_button = QPushButton(self.tr("&Prepare"), box)
        self._prepare_button.setObjectName("insarhubPrepare")
        self._prepare_button.setToolTip(self.tr("Check the products and find their common window"))
        self._prepare_button.clicked.connect(self._prepare)
        self._report_button = QPushButton(self.tr("Repor&t…"), box)
        self._report_button.clicked.connect(self._show_report)
        self._prepared = ShortLabel(box)
        form.addRow(self.tr("&AOI"), self._aoi_box)
        checks = QHBoxLayout()
        checks.setSpacing(9)
        checks.addWidget(self._selected_only)
        checks.addWidget(self._materialise)
        checks.addStretch(1)
        form.addRow("", checks)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self._prepared, 1)
        row.addWidget(self._report_button)
        row.addWidget(self._prepare_button)
        form.addRow(self.tr("Products"), row)
        return box

    def _make_steps(self, parent: QWidget) -> QTreeWidget:
        tree = QTreeWidget(parent)
        tree.setObjectName("insarhubAnalysisSteps")
        tree.setAccessibleName(self.tr("Steps of the analysis"))
        tree.setHeaderLabels([self.tr("Step"), self.tr("State"), self.tr("Time [s]")])
        tree.setRootIsDecorated(False)
        tree.setAlternatingRowColors(True)
        tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        tree.header().setStretchLastSection(False)
        tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        tree.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        tree.header().setSectionResizeMode(2, QHeaderView.ResizeMode.ResizeToContents)
        tree.itemChanged.connect(self._refresh_buttons)
        self._steps = tree
        return tree

    def _make_options(self, parent: QWidget) -> QWidget:
        page = QWidget(parent)
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        self._options = OptionsTable(page)
        self._options.edited.connect(self._on_option_edited)
        self._options.suggestion_requested.connect(self._ask_thresholds)
        layout.addWidget(self._options, 1)
        return page

    def _make_log(self, parent: QWidget) -> QPlainTextEdit:
        self._log = QPlainTextEdit(parent)
        self._log.setReadOnly(True)
        self._log.setMaximumBlockCount(LOG_LINES)
        self._log.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._log.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self._log.setAccessibleName(self.tr("Log of MintPy"))
        return self._log

    def _make_choices(self, parent: QWidget) -> QWidget:
        """What to do without the weather service; the correction is never changed unasked."""
        self._choices = QWidget(parent)
        row = QHBoxLayout(self._choices)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for text, tip, slot in (
            (
                self.tr("No Correct&ion"),
                self.tr("Leave the troposphere in the series"),
                lambda: self._choose_troposphere("no"),
            ),
            (
                self.tr("By &Height"),
                self.tr("Remove what correlates with height; needs no weather data"),
                lambda: self._choose_troposphere("height_correlation"),
            ),
            (
                self.tr("&Further Options…"),
                self.tr("GACOS, OPERA or another weather folder"),
                self._show_troposphere_options,
            ),
        ):
            button = QPushButton(text, self._choices)
            button.setToolTip(tip)
            button.clicked.connect(slot)
            row.addWidget(button)
        row.addStretch(1)
        self._choices.hide()
        return self._choices

    def _make_buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(6)
        self._overview_button = QPushButton(self.tr("&Overview"), self)
        self._overview_button.setToolTip(
            self.tr("Show mean coherence, unwrapping errors and masks on the map")
        )
        self._overview_button.clicked.connect(self._show_overview)
        self._results_button = QPushButton(self.tr("View Res&ults"), self)
        self._results_button.clicked.connect(lambda: self.page_requested.emit("results", str(self._folder)))
        self._more_button = QToolButton(self)
        self._more_button.setText(self.tr("&More"))
        self._more_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._more_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        menu = QMenu(self._more_button)
        self._clean_action = menu.addAction(self.tr("&Clean Up…"), self._clean_up)
        self._more_button.setMenu(menu)
        self._run_button = QPushButton(self.tr("&Run"), self)
        self._run_button.setObjectName("insarhubRunAnalysis")
        self._run_button.setDefault(True)
        self._run_button.clicked.connect(self._run)
        for button in (self._overview_button, self._results_button, self._more_button):
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(self._run_button)
        return row

    # --- reading

    def _read_job(self, folder: Path) -> None:
        self._reading.start(
            self.tr("Reading the analysis of {job}").format(job=folder.name),
            lambda _: _read_state(folder),
            self._show_state,
        )

    def _show_state(self, state: _AnalysisState) -> None:
        self._state = state
        used = [row for row in state.report if row.get("state") == "used"]
        excluded = len(state.report) - len(used)
        if not state.is_prepared:
            self._prepared.setText(self.tr("not prepared"))
        elif excluded:
            self._prepared.setText(
                self.tr("{used} used, {excluded} excluded").format(used=len(used), excluded=excluded)
            )
        else:
            self._prepared.setText(self.tr("{used} used").format(used=len(used)))
        self._report_button.setEnabled(bool(state.report))
        self._options.show_config(state.config)
        if not self.is_running or self._log.document().isEmpty():
            self._log.setPlainText(state.log)
            self._log.moveCursor(QTextCursor.MoveOperation.End)
        self._fill_steps(state)
        self._refresh_buttons()

    def _fill_steps(self, state: _AnalysisState) -> None:
        enabled = enabled_steps(state.config.effective_values())
        states = {record.name: record for record in state.job.steps}
        todo = self._steps_to_run(state, enabled)
        self._steps.blockSignals(True)
        self._steps.clear()
        for name in enabled:
            record = states.get(name)
            item = QTreeWidgetItem(self._steps, [name, "", ""])
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(0, Qt.CheckState.Checked if name in todo else Qt.CheckState.Unchecked)
            item.setTextAlignment(2, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter))
            self._show_step(
                item, record.state if record else mintpy_job.NOT_RUN, record.seconds if record else None
            )
        self._steps.blockSignals(False)

    def _steps_to_run(self, state: _AnalysisState, enabled: list[str]) -> set[str]:
        """What is left of an unfinished run; after a finished one what a changed option outdates; else all."""
        done = {record.name for record in state.job.steps if record.state == mintpy_job.DONE}
        outdated = state.job.first_outdated_step(state.config.effective_values())
        if outdated is not None:
            return set(steps_after([outdated])) & set(enabled) | (set(enabled) - done)
        left = set(enabled) - done
        return left or set(enabled)

    def _show_step(self, item: QTreeWidgetItem, state: str, seconds: float | None) -> None:
        words = {
            mintpy_job.WAITING: self.tr("waiting"),
            mintpy_job.RUNNING: self.tr("running"),
            mintpy_job.DONE: self.tr("done"),
            mintpy_job.FAILED: self.tr("failed"),
            mintpy_job.CANCELLED: self.tr("cancelled"),
            mintpy_job.SKIPPED: self.tr("switched off"),
            mintpy_job.NOT_RUN: self.tr("not run"),
        }
        item.setText(1, f"{_MARKS.get(state, '○')} {words.get(state, state)}")
        item.setText(2, f"{seconds:.1f}" if seconds is not None else "")

    def _ticked(self) -> list[str]:
        items = [self._steps.topLevelItem(row) for row in range(self._steps.topLevelItemCount())]
        return [item.text(0) for item in items if item.checkState(0) == Qt.CheckState.Checked]

    def _refresh_buttons(self) -> None:
        state = self._state
        is_prepared = state is not None and state.is_prepared
        is_unfinished = state is not None and state.job.is_unfinished
        is_running = self.is_running
        self._prepare_button.setEnabled(state is not None and not is_running)
        self._options.setEnabled(is_prepared and not is_running)
        self._run_button.setEnabled(is_prepared and not is_running and bool(self._ticked()))
        self._run_button.setText(self.tr("&Resume") if is_unfinished else self.tr("&Run"))
        self._clean_action.setEnabled(state is not None and not is_running)
        self._steps.setEnabled(is_prepared)
        self._results_button.setEnabled(state is not None)
        error = self._error
        if error is None and is_unfinished and state.job.error:
            error = InsarError.from_json(state.job.error)
        if is_running or isinstance(error, Cancelled):
            error = None
        self._choices.setVisible(error is not None and error.code.startswith("era5."))
        if is_running or state is None:
            text = ""
        elif error is not None:
            text = "⚠ " + sentence(error)
        elif not is_prepared:
            text = self.tr("Prepare first: it checks the products and writes what MintPy reads.")
        elif is_unfinished:
            text = self.tr("The last run was interrupted. Resume goes on with the ticked steps.")
        else:
            text = ""
        self._hint.setText(text)
        self._hint.setVisible(bool(text))

    # --- actions

    def _prepare(self) -> None:
        if self._folder is None:
            return
        layer = self._aoi_box.currentLayer()
        aoi_wkt = ""
        if isinstance(layer, QgsVectorLayer):
            features = layer.getSelectedFeatures() if self._selected_only.isChecked() else layer.getFeatures()
            try:
                aoi_wkt = area_of_interest_wkt(
                    features, layer.crs(), self._context.project().transformContext()
                )
            except InsarError as error:
                self._context.show_error(error)
                return
        request = PrepareAnalysis(str(self._folder), aoi_wkt, self._materialise.isChecked())
        self._start(request, self.tr("Prepare {job}").format(job=self._folder.name), self._on_prepared)

    def _start(self, request: Request, text: str, on_success: Callable[[dict[str, Any]], None]) -> None:
        folder = self._folder
        self._error = None
        self._log.clear()
        watch = _RunWatch(self, folder)
        self._context.start(
            request,
            text,
            on_success,
            lambda error: self._on_failed(folder, error),
            on_item=watch.take_item,
            on_log=watch.take_log,
        )

    def _on_prepared(self, answer: dict[str, Any]) -> None:
        self._context.show_success(
            self.tr("Prepared: {width} x {height} pixels, {size:.1f} kB written.").format(
                width=answer["width"], height=answer["height"], size=answer["bytes_written"] / 1000.0
            )
        )

    def _run(self) -> None:
        if self._folder is None or self._state is None:
            return
        ticked = self._ticked()
        enabled = [self._steps.topLevelItem(row).text(0) for row in range(self._steps.topLevelItemCount())]
        is_new_run = ticked == enabled and not self._state.job.is_unfinished
        if is_new_run and self._state.job.status == mintpy_job.COMPLETED and not self._confirm_new_run():
            return
        is_rest = self._state.job.is_unfinished and set(ticked) == self._steps_to_run(self._state, enabled)
        steps = () if is_new_run or is_rest else tuple(ticked)
        request = RunAnalysis(str(self._folder), steps=steps, resume=not is_new_run)
        folder = self._folder
        self._start(
            request, self.tr("Analyse {job}").format(job=folder.name), lambda _: self._on_run_done(folder)
        )

    def _confirm_new_run(self) -> bool:
        answer = QMessageBox.question(
            self,
            self.tr("Run Again"),
            self.tr(
                "All steps of this job are done. Start again from the first? The present results are set aside."
            ),
            QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.No,
            QMessageBox.StandardButton.No,
        )
        return answer == QMessageBox.StandardButton.Yes

    def take_item(self, item: dict[str, Any]) -> None:
        found = self._steps.findItems(str(item.get("step")), Qt.MatchFlag.MatchExactly, 0)
        if found:
            self._steps.blockSignals(True)
            self._show_step(found[0], str(item.get("state")), item.get("seconds"))
            self._steps.blockSignals(False)
            self._steps.scrollToItem(found[0])

    def _on_run_done(self, folder: Path) -> None:
        bar = self._context.message_bar()
        message = bar.createMessage(
            "InSARHub", self.tr("The analysis of {job} is done.").format(job=folder.name)
        )
        button = QPushButton(self.tr("View Results"), message)
        button.clicked.connect(lambda: self.page_requested.emit("results", str(folder)))
        message.layout().addWidget(button)
        bar.pushWidget(message, Qgis.MessageLevel.Success, 10)

    def _on_failed(self, folder: Path, error: InsarError) -> None:
        if folder == self._folder:
            self._error = error
            self._refresh_buttons()
        self._context.show_error(error)

    def take_log(self, level: str, text: str) -> None:
        self._log.appendPlainText(text if level in ("info", "debug") else f"{level.upper()}: {text}")

    def _on_option_edited(self) -> None:
        try:
            self._options.config.write()
        except (InsarError, OSError) as error:
            self._context.show_error(error if isinstance(error, InsarError) else str(error))
            return
        if self._state is not None and not self.is_running:
            self._fill_steps(self._state)
            self._refresh_buttons()

    def _show_report(self) -> None:
        if self._state is not None and self._folder is not None:
            dialog = PrepareReportDialog(self._state.report, self._folder, self)
            dialog.exec()
            dialog.deleteLater()

    def _show_overview(self) -> None:
        """Add the overview layers that are there; those that cannot be shown say why."""
        folder = self._folder
        if folder is not None:
            self._context.read(
                self.tr("Reading the results of {job}").format(job=folder.name),
                lambda _: [source for source in list_results(folder) if source.is_overview],
                lambda sources: self._add_overview(folder, sources),
            )

    def _add_overview(self, folder: Path, sources: Sequence[ResultSource]) -> None:
        if not sources:
            self._context.show_info(
                self.tr("Overview layers appear after the steps reference_point and quick_overview.")
            )
            return
        self._overview += [(folder, source, False) for source in sources]
        self._overview_timer.start()

    def _add_next_overview(self) -> None:
        """One layer at a time, so that the window stays alive between two; what GDAL cannot read is copied first."""
        folder, source, is_copied = self._overview.pop(0)
        try:
            add_result_layer(self._context.project(), folder, folder.name, source)
        except InsarError as error:
            if error.code != "hdf5.needs_copy" or is_copied:
                self._context.show_error(error)
            else:
                self._context.start(
                    CopyDataset(str(source.path), source.dataset),
                    self.tr("Copy {name} for the map").format(name=source.path.name),
                    lambda _: self._add_copied(folder, source),
                )
        if self._overview:
            self._overview_timer.start()

    def _forget_overview(self) -> None:
        """Layers that still wait were meant for the project that is closed."""
        self._overview = []
        self._overview_timer.stop()

    def _add_copied(self, folder: Path, source: ResultSource) -> None:
        self._overview.append((folder, source, True))
        self._overview_timer.start()

    def _clean_up(self) -> None:
        if self._folder is not None:
            dialog = CleanUpDialog(self._context, self._folder, QgsApplication.activeWindow() or self)
            dialog.exec()
            dialog.deleteLater()

    # --- options

    def _choose_troposphere(self, method: str) -> None:
        """The user's answer to a weather service that cannot be used; the run then goes on by Resume."""
        self._error = None
        self._options.set_values({_TROPOSPHERE: method})
        self._refresh_buttons()

    def _show_troposphere_options(self) -> None:
        self._tabs.setCurrentIndex(CONFIG_TAB)
        self._options.show_group(_TROPOSPHERE.rpartition(".")[0].removeprefix("mintpy."))
        self._options.view.setFocus()

    def _ask_thresholds(self) -> None:
        folder = self._folder
        if folder is None:
            return
        self._context.start(
            StackFacts(str(folder)),
            self.tr("Look at the coherence of {job}").format(job=folder.name),
            lambda facts: self._offer_thresholds(folder, facts),
        )

    def _offer_thresholds(self, folder: Path, facts: dict[str, Any]) -> None:
        if folder != self._folder:
            return
        if not facts["suggested"]:
            self._context.show_info(self.tr("This stack holds no coherence to suggest thresholds from."))
            return
        dialog = ThresholdsDialog(facts, self._options.config, self)
        dialog.accepted.connect(lambda: self._options.set_values(dialog.values()))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()


class _RunWatch(QObject):
    """Hands what a run tells to the page while it shows the job of that run."""

    def __init__(self, page: AnalyzerPage, folder: Path | None) -> None:
        super().__init__(page)
        self._page = page
        self._folder = folder

    def take_item(self, item: dict[str, Any]) -> None:
        if self._page.job_folder == self._folder:
            self._page.take_item(item)

    def take_log(self, level: str, text: str) -> None:
        if self._page.job_folder == self._folder:
            self._page.take_log(level, text)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Process: options, checks, price and pairs of a job before anything is ordered; dry run and submission."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from qgis.core import QgsApplication
from qgis.gui import QgsScrollArea
from qgis.PyQt.QtCore import QEvent, Qt, QTimer, pyqtSignal
from qgis.PyQt.QtGui import QKeyEvent
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QDialog,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.hyp3_options import PROCESSOR_TYPE, Hyp3Options
from insarhub_qgis.core.network_checks import STOP, WARNING, CheckRow
from insarhub_qgis.core.requests import PlanHyp3
from insarhub_qgis.gui.account_box import AccountBox
from insarhub_qgis.gui.cost_line import CostLine
from insarhub_qgis.gui.hyp3_options_form import Hyp3OptionsForm
from insarhub_qgis.gui.network_check_card import NetworkCheckCard
from insarhub_qgis.gui.newest_read import NewestRead
from insarhub_qgis.gui.order_sending import OrderSending, ask_to_pay_again, submit_text
from insarhub_qgis.gui.page_context import PageContext
from insarhub_qgis.gui.plan_tab import PlanTab
from insarhub_qgis.gui.plan_table import VALID, PlannedPair
from insarhub_qgis.gui.price_table import PriceTab
from insarhub_qgis.gui.process_checks import CheckActions, check_lines
from insarhub_qgis.gui.process_facts import ProcessFacts, check_pairs, read_process_facts
from insarhub_qgis.gui.process_order import ProcessOrder, proposed_type, unavailable_types
from insarhub_qgis.gui.sandbox_banner import SandboxBanner
from insarhub_qgis.gui.status_row import StatusRow
from insarhub_qgis.host import messages
from insarhub_qgis.host.counts import counted_credits, counted_pairs
from insarhub_qgis.host.endpoints import endpoints, is_sandbox_on
from insarhub_qgis.host.engine_process import EngineTask

#: Options that are changed one after another are one question.
_ASK_DELAY_MS = 700
_CHECK_DELAY_MS = 250
WIDTH_PX, HEIGHT_PX = 1000, 680
CHECK_TAB, PAIRS_TAB, PRICES_TAB = range(3)


class ProcessDialog(QDialog):
    """Options at the left; checks, pairs and prices at the right; cost and actions below.

    The window does not block QGIS. HyP3 is asked for a plan when it opens and after each changed option.

    Signals
    -------
    submitted(Path, dict)
        Jobs were submitted: the job folder and the answer of `SubmitHyp3`.
    """

    submitted = pyqtSignal(object, object)

    def __init__(self, context: PageContext, folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("insarhubProcessDialog")
        self.setWindowTitle(self.tr("Process {job}").format(job=folder.name))
        self.setWindowFlag(Qt.WindowType.WindowContextHelpButtonHint, False)
        self._context = context
        self._folder = folder
        self.facts: ProcessFacts | None = None
        self.plan: Mapping[str, Any] | None = None
        self._planning: EngineTask | None = None
        self._sending = OrderSending(context, folder, self)
        self._plan_number = 0
        self._checking = NewestRead(context)
        self._rows: list[CheckRow] = []
        self._is_checked = False
        self._check_actions = CheckActions(self._edit_network, self._show_reused, self._show_price_tab)
        self._ask_timer = self._timer(_ASK_DELAY_MS, self._ask_plan)
        self._check_timer = self._timer(_CHECK_DELAY_MS, self._check)
        self._build()
        self._sending.progressed.connect(self.status_row.show_progress)
        self._sending.item_received.connect(self._take_item)
        self._sending.checked.connect(self._on_dry_run)
        self._sending.submitted.connect(self._on_submitted)
        self._sending.failed.connect(self._on_send_failed)
        self.resize(WIDTH_PX, HEIGHT_PX)
        context.services_changed.connect(self._on_services_changed)
        context.job_changed.connect(self._on_job_changed)
        self._read()

    # widgets

    def _build(self) -> None:
        self.banner = SandboxBanner(self)
        self.banner.turn_off_requested.connect(self._context.turn_sandbox_off)
        self.banner.setVisible(is_sandbox_on())
        self.tabs = QTabWidget(self)
        self.tabs.setObjectName("insarhubProcessTabs")
        self.tabs.setDocumentMode(True)
        self.card = NetworkCheckCard(self.tabs)
        self.card.show_busy()
        self.tabs.addTab(self.card, self.tr("Chec&k"))
        self.pairs = PlanTab(self.tabs)
        self.model, self.table = self.pairs.model, self.pairs.table
        self.model.ticked_changed.connect(self._on_ticked)
        self.tabs.addTab(self.pairs, self.tr("P&airs"))
        self.price_tab = PriceTab(self.tabs)
        self.prices = self.price_tab.prices
        self.prices.chosen.connect(self._choose_price)
        self.price_tab.search_requested.connect(self._search_bursts)
        self.tabs.addTab(self.price_tab, self.tr("P&rices"))
        splitter = QSplitter(Qt.Orientation.Horizontal, self)
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(self._make_options())
        splitter.addWidget(self.tabs)
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([330, WIDTH_PX - 330])
        self.cost = CostLine(self)
        line = QFrame(self)
        line.setFrameShape(QFrame.Shape.HLine)
        line.setFrameShadow(QFrame.Shadow.Sunken)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(9, 9, 9, 9)
        layout.setSpacing(9)
        layout.addWidget(self.banner)
        layout.addWidget(splitter, 1)
        layout.addWidget(line)
        layout.addWidget(self.cost)
        layout.addLayout(self._make_notice())
        layout.addWidget(self._make_status())
        layout.addLayout(self._make_buttons())
        self._show_state()

    def _make_options(self) -> QWidget:
        side = QWidget(self)
        self.processor_box = QComboBox(side)
        self.processor_box.setObjectName("insarhubProcessorType")
        self.processor_box.addItem(PROCESSOR_TYPE, PROCESSOR_TYPE)
        self.processor_box.setToolTip(self.tr("HyP3 processes in the cloud of the Alaska Satellite Facility"))
        self.account_box = AccountBox(side)
        self.account_box.account_chosen.connect(self._ask_timer.start)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setSpacing(6)
        form.addRow(self.tr("Pro&cessor"), self.processor_box)
        form.addRow(self.tr("Acc&ount"), self.account_box)
        self.form = Hyp3OptionsForm(side)
        self.form.changed.connect(self._on_options_changed)
        self.form.name_changed.connect(self._show_state)
        area = QgsScrollArea(side)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(self.form)
        layout = QVBoxLayout(side)
        layout.setContentsMargins(0, 0, 6, 0)
        layout.setSpacing(9)
        layout.addLayout(form)
        layout.addWidget(area, 1)
        layout.addWidget(self.form.help)
        side.setMinimumWidth(270)
        return side

    def _make_notice(self) -> QHBoxLayout:
        picture = QLabel(self)
        picture.setPixmap(QgsApplication.getThemeIcon("/mIconInfo.svg").pixmap(16, 16))
        self.notice = QLabel(
            self.tr(
                "Jobs on HyP3 are publicly visible: anyone with an account can read their names, scenes and owner."
            ),
            self,
        )
        self.notice.setObjectName("insarhubPublicNotice")
        self.notice.setWordWrap(True)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.notice, 1)
        return row

    def _make_status(self) -> QWidget:
        self.status_row = StatusRow(self)
        self.status, self.progress = self.status_row.label, self.status_row.progress
        self.status.setObjectName("insarhubProcessStatus")
        self.progress.setObjectName("insarhubProcessProgress")
        self.cancel_button = self._button("insarhubProcessCancel", self.tr("Cance&l"), self._cancel)
        self.untick_button = self._button("insarhubProcessUntick", "", self._untick_refused)
        self.again_button = self._button("insarhubProcessAgain", self.tr("Try A&gain"), self._ask_plan)
        self.options_button = self._button("insarhubProcessOptions", self.tr("&Options…"), self._open_options)
        for button in (self.cancel_button, self.untick_button, self.again_button, self.options_button):
            self.status_row.add_button(button)
        return self.status_row

    def _make_buttons(self) -> QHBoxLayout:
        self.close_button = self._button("insarhubProcessClose", self.tr("&Close"), self.close)
        self.dry_button = self._button("insarhubDryRun", self.tr("&Dry Run"), self.dry_run)
        self.dry_button.setToolTip(
            self.tr(
                "HyP3 checks the ticked pairs and says what it thinks of each; nothing is ordered or billed"
            )
        )
        self.submit_button = self._button("insarhubSubmit", self.tr("&Submit"), self.submit)
        # Enter must not spend credits.
        self.close_button.setDefault(True)
        self.defaults_button = self._button("insarhubDefaults", self.tr("D&efaults"), self._show_defaults)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.defaults_button)
        row.addStretch(1)
        for button in (self.close_button, self.dry_button, self.submit_button):
            row.addWidget(button)
        return row

    def _button(self, name: str, text: str, slot: Callable[[], Any]) -> QPushButton:
        button = QPushButton(text, self)
        button.setObjectName(name)
        button.setAutoDefault(False)
        button.clicked.connect(lambda: slot())
        return button

    def _timer(self, delay_ms: int, slot: Callable[[], Any]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(delay_ms)
        timer.timeout.connect(slot)
        return timer

    # the job

    @property
    def job_folder(self) -> Path:
        return self._folder

    @property
    def is_sending(self) -> bool:
        """Whether a dry run or a submission goes on."""
        return self._sending.is_running

    @property
    def order(self) -> ProcessOrder:
        """What is known of the order now."""
        rows, ticked = tuple(self.model.rows), tuple(self.model.ticked_rows())
        return ProcessOrder(self.facts, self.plan, rows, ticked, self.form.fields["looks"].currentData())

    def _read(self) -> None:
        if self.facts is None:
            self._say(self.tr("Reading the network…"), is_busy=True)
        self._context.read(
            self.tr("Reading the network of {job}").format(job=self._folder.name),
            lambda _: read_process_facts(self._folder),
            self._on_read,
            self._on_error,
        )

    def _on_read(self, facts: ProcessFacts) -> None:
        before, self.facts = self.facts, facts
        if before is not None and before.pairs == facts.pairs:
            # HyP3 is asked again for other pairs only; a submission looks at all orders anyway.
            self._check()
            return
        if before is None:
            self.form.show_options(facts.options)
        unavailable = unavailable_types(facts)
        self.form.show_unavailable(unavailable)
        if self.form.options().job_type in unavailable:
            self.form.show_options(replace(self.form.options(), job_type=proposed_type(facts)))
        self._show_prices()
        self.model.show_pairs([PlannedPair(pair) for pair in facts.pairs], ())
        self._check()
        self._ask_plan()

    def _on_job_changed(self, folder: Path) -> None:
        # Its own submission is told by its own answer.
        if folder == self._folder and not self.is_sending and self.isVisible():
            self._read()

    def _on_services_changed(self) -> None:
        self.banner.setVisible(is_sandbox_on())
        self.account_box.show_accounts()
        self.plan = None
        if self.isVisible():
            self._ask_timer.start()

    # the plan

    def _on_options_changed(self) -> None:
        self.plan = None
        self.model.forget_verdicts()
        self._ask_timer.start()
        self._show_state()

    def _ask_plan(self) -> None:
        """Ask HyP3 what each pair would cost and whether it was ordered before."""
        self._ask_timer.stop()
        if self.facts is None or self.is_sending:
            return
        self._stop_planning()
        self.plan = None
        try:
            options = self.form.options()
            credential = self.account_box.credential()
        except InsarError as error:
            self._on_error(error)
            return
        self._plan_number += 1
        number = self._plan_number
        request = PlanHyp3(str(self._folder), options.to_json(), endpoints=endpoints().to_json())
        self._planning = self._context.start(
            request,
            self.tr("Plan {job}").format(job=self._folder.name),
            lambda answer: self._on_plan(number, answer),
            lambda error: self._on_plan_failed(number, error),
            credential=credential,
            is_reading=True,
        )
        self._planning.progressed.connect(self.status_row.show_progress)
        self._say(self.tr("Asking HyP3 for prices and earlier orders…"), is_busy=True)
        self._show_state()

    def _on_plan(self, number: int, answer: Mapping[str, Any]) -> None:
        if number != self._plan_number:
            return
        self._planning = None
        self.plan = answer
        rows = [PlannedPair.from_plan(row) for row in answer["rows"]]
        self.model.show_pairs(rows)
        self._say("")
        self._show_prices()
        self._check()
        self._show_state()

    def _on_plan_failed(self, number: int, error: InsarError) -> None:
        if number == self._plan_number:
            self._planning = None
            self._on_error(error)

    def _stop_planning(self) -> None:
        self._plan_number += 1
        if self._planning is not None:
            self._planning.cancel()
            self._planning = None

    # checks

    def _on_ticked(self) -> None:
        self._check_timer.start()
        self._show_state()

    def _check(self) -> None:
        """Check the network that the ticked pairs and those that are there already make."""
        self._check_timer.stop()
        facts = self.facts
        if facts is None:
            return
        kept, prices = self.order.network_pairs()

        def show(found: list[CheckRow]) -> None:
            # The price of what is ticked is told by the plan itself.
            self._rows = [row for row in found if row.check != "credits"]
            self._is_checked = True
            self._show_state()

        self._checking.start(
            self.tr("Checking {job}").format(job=self._folder.name),
            lambda _: check_pairs(facts.opened, kept, prices),
            show,
        )

    def _has_unsaved_edits(self) -> bool:
        dock = self._context.open_network_dock()
        return dock is not None and any(session.folder == self._folder for session in dock.dirty_sessions)

    def _show_price_tab(self) -> None:
        self.tabs.setCurrentIndex(PRICES_TAB)
        self.prices.setFocus()

    def _search_bursts(self) -> None:
        """Fill the form of a search with the area of the job."""
        if self.facts is not None:
            self._context.search_requested.emit(dict(self.facts.burst_search))
            self.close()

    def _show_reused(self) -> None:
        self.tabs.setCurrentIndex(PAIRS_TAB)
        self.table.setFocus()

    def _edit_network(self) -> None:
        self._context.network_dock().open_job(self._folder)

    def _show_prices(self) -> None:
        self.price_tab.show_order(self.order, self.form.options())

    def _choose_price(self, job_type: str, looks: str) -> None:
        if not self.is_sending:
            self.form.choose(job_type, looks)

    def _untick_refused(self) -> None:
        self.pairs.untick_refused()
        self.untick_button.hide()

    def _show_defaults(self) -> None:
        before = self.form.options()
        options = Hyp3Options()
        if self.facts is not None:
            options = replace(options, job_type=proposed_type(self.facts))
        if options != before:
            self.form.show_options(options)
            self._on_options_changed()

    # what it shows

    def _show_state(self) -> None:
        order, is_planned = self.order, self.plan is not None
        ticked = order.ticked
        reused = [row for row in order.rows if row.is_reused and row not in ticked]
        self.cost.show_figures(ticked, reused, order.credits_left, is_known=is_planned)
        if self._is_checked:
            lines = check_lines(
                order, self._rows, self._check_actions, has_unsaved_edits=self._has_unsaved_edits()
            )
            if tuple(lines) != self.card.lines:
                self.card.show_lines(lines)
            worst = [line for line in lines if line.level in (STOP, WARNING)]
            self.tabs.setTabText(
                CHECK_TAB,
                self.tr("Chec&k ({count})").format(count=len(worst)) if worst else self.tr("Chec&k"),
            )
        self.tabs.setTabText(
            PAIRS_TAB,
            self.tr("P&airs ({ticked} of {count})").format(ticked=len(ticked), count=len(order.rows))
            if order.rows
            else self.tr("P&airs"),
        )
        stops = [line for line in self.card.lines if line.level == STOP]
        is_ready = is_planned and not self.is_sending and bool(ticked)
        self.dry_button.setEnabled(is_ready)
        self.submit_button.setEnabled(is_ready and not stops and self._is_checked)
        self.submit_button.setToolTip("\n".join(line.text for line in stops))
        self.submit_button.setText(submit_text(ticked) if is_planned and ticked else self.tr("&Submit"))
        for widget in (
            self.form,
            self.account_box,
            self.processor_box,
            self.defaults_button,
            self.pairs.tick_button,
        ):
            widget.setEnabled(not self.is_sending)

    def _say(self, text: str, icon: str = "", *buttons: QPushButton, is_busy: bool = False) -> None:
        if is_busy and (self._planning is not None or self.is_sending):
            buttons = (self.cancel_button, *buttons)
        self.status_row.say(text, icon, *buttons, is_busy=is_busy)

    def _on_error(self, error: InsarError) -> None:
        buttons = [self.again_button]
        if error.code.startswith("credentials."):
            buttons.append(self.options_button)
        icon = "/mIconInfo.svg" if isinstance(error, Cancelled) else "/mIconWarning.svg"
        self._say(messages.sentence(error), icon, *buttons)
        self._show_state()

    def _open_options(self) -> None:
        self._context.iface.showOptionsDialog(self._context.iface.mainWindow(), "insarhub")
        self.account_box.show_accounts()
        self._ask_plan()

    # dry run and submission

    def dry_run(self) -> None:
        """Let HyP3 check the ticked pairs."""
        self._send(is_dry=True)

    def submit(self) -> None:
        """Order the ticked pairs; what was paid before is asked about once more."""
        ask_to_pay_again(self.model.ticked_rows(), lambda: self._send(is_dry=False), self)

    def _send(self, *, is_dry: bool) -> None:
        ticked = self.model.ticked_rows()
        if not ticked or self.plan is None or self.is_sending:
            return
        try:
            credential = self.account_box.credential()
            options = self.form.options()
        except InsarError as error:
            self._on_error(error)
            return
        self.model.forget_verdicts()
        self.model.lock(is_locked=True)
        self._sending.send(ticked, options, credential, is_dry=is_dry)
        words = (
            self.tr("HyP3 checks {pairs}; nothing is ordered…") if is_dry else self.tr("Submitting {pairs}…")
        )
        self._say(words.format(pairs=counted_pairs(len(ticked))), is_busy=True)
        self.tabs.setCurrentIndex(PAIRS_TAB)
        self._show_state()

    def _take_item(self, item: Mapping[str, Any]) -> None:
        if item.get("pair"):
            self.pairs.show_verdict(item)

    def _on_dry_run(self, answer: Mapping[str, Any]) -> None:
        self.model.lock(is_locked=False)
        refused = answer.get("rejected") or []
        self.pairs.show_refused(refused)
        valid = sum(row.verdict == VALID for row in self.model.rows)
        stopped = answer.get("stopped_by")
        if stopped:
            self._on_error(InsarError.from_json(stopped))
            return
        if refused:
            text = self.tr("HyP3 would refuse {count} of {pairs}; the rest costs {credits}.").format(
                count=len(refused),
                pairs=counted_pairs(len(refused) + valid),
                credits=counted_credits(answer.get("credits")),
            )
            self.untick_button.setText(self.tr("&Untick the {count}").format(count=len(refused)))
            self._say(text, "/mIconWarning.svg", self.untick_button)
        else:
            text = self.tr("HyP3 would accept {pairs} for {credits}. Nothing was ordered.").format(
                pairs=counted_pairs(valid), credits=counted_credits(answer.get("credits"))
            )
            self._say(text, "/mIconSuccess.svg")
        self._show_state()

    def _on_submitted(self, answer: Mapping[str, Any]) -> None:
        self.model.lock(is_locked=False)
        refused = answer.get("rejected") or []
        self.pairs.show_refused(refused)
        self.submitted.emit(self._folder, dict(answer))
        stopped = answer.get("stopped_by")
        if not refused and not stopped:
            self.close()
            return
        if stopped:
            self._on_error(InsarError.from_json(stopped))
        else:
            text = self.tr("{pairs} submitted. HyP3 refused {count}.").format(
                pairs=counted_pairs(answer.get("submitted") or 0), count=len(refused)
            )
            self._say(text, "/mIconWarning.svg")
        # What was sent must not be sent again: the next plan knows.
        self.plan = None
        self._show_state()

    def _on_send_failed(self, error: InsarError, is_dry: bool) -> None:
        self.model.lock(is_locked=False)
        self._on_error(error)
        if not is_dry:
            self.plan = None
            self._show_state()
            if not self.isVisible():
                self._context.show_error(error)

    def _cancel(self) -> None:
        if self.is_sending:
            self._sending.cancel()
        elif self._planning is not None:
            self._stop_planning()
            self._on_error(Cancelled())

    # Qt

    def done(self, result: int) -> None:
        """Close by any way. A submission goes on without its window; the message bar tells how it ended."""
        self._ask_timer.stop()
        self._stop_planning()
        super().done(result)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_F1:
            from insarhub_qgis.gui.help_window import HelpWindow

            (self.findChild(HelpWindow) or HelpWindow(self)).show_page("processor")
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "cost"):
            self._show_state()
        super().changeEvent(event)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Process: options, checks, price and pairs of a job before anything is ordered; dry run and submission."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from qgis.core import QgsApplication
from qgis.gui import QgsFilterLineEdit, QgsScrollArea
from qgis.PyQt.QtCore import QEvent, QLocale, Qt, QTimer, pyqtSignal
from qgis.PyQt.QtGui import QKeyEvent
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QDialog,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QSplitter,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.core import network_checks
from insarhub_qgis.core.burst_estimate import burst_prices
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.hyp3_guard import NEW, REFUSED
from insarhub_qgis.core.hyp3_options import (
    INSAR_GAMMA,
    MOST_BURSTS,
    MULTI_BURST,
    PROCESSOR_TYPE,
    SINGLE_BURST,
    Hyp3Options,
)
from insarhub_qgis.core.network_budget import PairPrices, pair_stamp
from insarhub_qgis.core.network_checks import CREDIT_SHARE, CheckRow
from insarhub_qgis.core.requests import PlanHyp3, Request, SubmitHyp3
from insarhub_qgis.core.scenes import Pair
from insarhub_qgis.gui.account_box import AccountBox
from insarhub_qgis.gui.cost_line import CostLine, sum_of
from insarhub_qgis.gui.hyp3_jobs_table import credits_text, pair_text
from insarhub_qgis.gui.hyp3_options_form import Hyp3OptionsForm
from insarhub_qgis.gui.hyp3_runs import reason_text
from insarhub_qgis.gui.network_check_card import CheckLine, NetworkCheckCard
from insarhub_qgis.gui.page_context import PageContext
from insarhub_qgis.gui.plan_table import (
    NOTE,
    REJECTED,
    UNASKED,
    VALID,
    PlanModel,
    PlannedPair,
    PlanView,
)
from insarhub_qgis.gui.price_table import PriceTable
from insarhub_qgis.gui.process_facts import ProcessFacts, check_pairs, read_process_facts
from insarhub_qgis.gui.sandbox_banner import SandboxBanner
from insarhub_qgis.gui.stacks_table import bursts_text
from insarhub_qgis.host import messages
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
        self._sending: EngineTask | None = None
        self._plan_number = 0
        self._check_number = 0
        self._rows: list[CheckRow] = []
        self._is_checked = False
        self._unavailable: dict[str, str] = {}
        self._ask_timer = self._timer(_ASK_DELAY_MS, self._ask_plan)
        self._check_timer = self._timer(_CHECK_DELAY_MS, self._check)
        self._build()
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
        self.tabs.addTab(self._make_pairs(), self.tr("P&airs"))
        self.tabs.addTab(self._make_prices(), self.tr("P&rices"))
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

    def _make_pairs(self) -> QWidget:
        page = QWidget(self.tabs)
        self.filter = QgsFilterLineEdit(page)
        self.filter.setObjectName("insarhubPlanFilter")
        self.filter.setShowSearchIcon(True)
        self.filter.setPlaceholderText(self.tr("Filter by date, state or verdict"))
        self.filter.setAccessibleName(self.tr("Filter pairs"))
        self.model = PlanModel(page)
        self.model.ticked_changed.connect(self._on_ticked)
        self.table = PlanView(self.model, page)
        self.filter.textChanged.connect(self.table.set_filter)
        self.tick_button = QToolButton(page)
        self.tick_button.setObjectName("insarhubTick")
        self.tick_button.setText(self.tr("&Tick"))
        self.tick_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.tick_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.tick_button)
        menu.addAction(self.tr("Only &New Pairs"), self._tick_new)
        menu.addAction(self.tr("&Listed Pairs"), lambda: self._tick_listed(is_on=True))
        menu.addAction(self.tr("None of the L&isted"), lambda: self._tick_listed(is_on=False))
        menu.addAction(self.tr("None That HyP3 &Refused"), self._untick_refused)
        self.tick_button.setMenu(menu)
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        head.setSpacing(6)
        head.addWidget(self.filter, 1)
        head.addWidget(self.tick_button)
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 9, 0, 0)
        layout.setSpacing(6)
        self.detail = QLabel(page)
        self.detail.setObjectName("insarhubPlanDetail")
        self.detail.setWordWrap(True)
        self.detail.setTextFormat(Qt.TextFormat.PlainText)
        self.detail.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.detail.hide()
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._show_detail())
        layout.addLayout(head)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.detail)
        return page

    def _make_prices(self) -> QWidget:
        page = QWidget(self.tabs)
        self.prices = PriceTable(page)
        self.prices.chosen.connect(self._choose_price)
        self.burst_hint = QLabel(page)
        self.burst_hint.setObjectName("insarhubBurstHint")
        self.burst_hint.setWordWrap(True)
        self.burst_button = self._button(
            "insarhubBurstSearch", self.tr("Search B&ursts…"), self._search_bursts
        )
        self.burst_row = QWidget(page)
        row = QHBoxLayout(self.burst_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.burst_hint, 1)
        row.addWidget(self.burst_button, 0, Qt.AlignmentFlag.AlignTop)
        self.burst_row.hide()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 9, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.prices, 1)
        layout.addWidget(self.burst_row)
        return page

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
        self.status_icon = QLabel(self)
        self.status = QLabel(self)
        self.status.setObjectName("insarhubProcessStatus")
        self.status.setWordWrap(True)
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.progress = QProgressBar(self)
        self.progress.setObjectName("insarhubProcessProgress")
        self.progress.setTextVisible(False)
        self.progress.setFixedSize(140, 8)
        self.progress.setAccessibleName(self.tr("Progress"))
        self.cancel_button = self._button("insarhubProcessCancel", self.tr("Cance&l"), self._cancel)
        self.untick_button = self._button("insarhubProcessUntick", "", self._untick_refused)
        self.again_button = self._button("insarhubProcessAgain", self.tr("Try A&gain"), self._ask_plan)
        self.options_button = self._button("insarhubProcessOptions", self.tr("&Options…"), self._open_options)
        self.status_row = QWidget(self)
        row = QHBoxLayout(self.status_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.status_icon)
        row.addWidget(self.status, 1)
        row.addWidget(self.progress)
        for button in (self.cancel_button, self.untick_button, self.again_button, self.options_button):
            row.addWidget(button)
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
        return self._sending is not None

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
        self._unavailable = self._reasons(facts)
        self.form.show_unavailable(self._unavailable)
        if self.form.options().job_type in self._unavailable:
            self.form.show_options(replace(self.form.options(), job_type=_proposed_type(facts)))
        self._show_prices()
        self.model.show_pairs([PlannedPair(pair) for pair in facts.pairs], ())
        self._check()
        self._ask_plan()

    def _reasons(self, facts: ProcessFacts) -> dict[str, str]:
        """Say which job types the stack does not fit, and why."""
        if not facts.is_burst:
            burst = self.tr("Needs a stack of bursts; this one holds whole scenes.")
            return {MULTI_BURST: burst, SINGLE_BURST: burst}
        reasons = {INSAR_GAMMA: self.tr("Needs whole scenes; this stack holds bursts.")}
        count = len(facts.burst_ids)
        if count > 1:
            reasons[SINGLE_BURST] = self.tr("Takes one burst; each date of this stack has {count}.").format(
                count=count
            )
        if count > MOST_BURSTS:
            reasons[MULTI_BURST] = self.tr(
                "Takes {limit} bursts at most; each date of this stack has {count}. Search a smaller area, or whole scenes."
            ).format(limit=MOST_BURSTS, count=count)
        return reasons

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
        self._planning = self._start(
            request,
            self.tr("Plan {job}").format(job=self._folder.name),
            lambda answer: self._on_plan(number, answer),
            lambda error: self._on_plan_failed(number, error),
            credential=credential,
            is_reading=True,
        )
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

    @property
    def credits_left(self) -> float | None:
        return self.plan.get("credits_left") if self.plan is not None else None

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
        self._check_number += 1
        number = self._check_number
        rows, ticked = list(self.model.rows), {row.pair for row in self.model.ticked_rows()}
        each = self.plan.get("credits_each") if self.plan is not None else None
        prices = None
        kept = {row.pair for row in rows}
        if self.plan is not None:
            kept = ticked | {row.pair for row in rows if row.is_reused}
        if each is not None:
            stamps = frozenset(pair_stamp(Pair(*pair)) for pair in kept - ticked)
            prices = PairPrices(float(each), stamps)

        def show(found: list[CheckRow]) -> None:
            if number == self._check_number:
                # The price of what is ticked is told by the plan itself.
                self._rows = [row for row in found if row.check != "credits"]
                self._is_checked = True
                self._show_state()

        self._context.read(
            self.tr("Checking {job}").format(job=self._folder.name),
            lambda _: check_pairs(facts.opened, kept, prices),
            show,
        )

    def _lines(self) -> list[CheckLine]:
        lines = [self._line(row) for row in (*self._rows, *self._credit_rows())]
        status = str((self.plan or {}).get("application_status") or "APPROVED")
        if status != "APPROVED":
            lines.append(
                CheckLine(
                    network_checks.STOP,
                    self.tr(
                        "HyP3 has not approved this account yet: {status}. Ask for access on its page."
                    ).format(status=status),
                )
            )
        for message in (self.plan or {}).get("messages") or ():
            error = InsarError.from_json(message)
            lines.append(CheckLine(network_checks.NOTE, messages.sentence(error)))
        lines += self._burst_lines()
        dock = self._context.open_network_dock()
        if dock is not None and any(session.folder == self._folder for session in dock.dirty_sessions):
            lines.append(
                CheckLine(
                    network_checks.WARNING,
                    self.tr("The network has unsaved edits: the pairs here are those of the last save."),
                    self.tr("Edit Network"),
                    self._edit_network,
                )
            )
        if self.facts is not None:
            lines += [CheckLine(network_checks.NOTE, messages.sentence(note)) for note in self.facts.notes]
        return lines

    def _burst_lines(self) -> list[CheckLine]:
        """Bursts of the stack, or that bursts of the same area would be cheaper."""
        facts = self.facts
        if facts is None:
            return []
        if MULTI_BURST in self._unavailable and facts.is_burst:
            text = self.tr("{job_type}: {reason}")
            return [
                CheckLine(
                    network_checks.STOP,
                    text.format(job_type=MULTI_BURST, reason=self._unavailable[MULTI_BURST]),
                )
            ]
        if len(facts.burst_ids) > 1:
            text = self.tr("Each pair merges bursts {bursts}.").format(bursts=bursts_text(facts.burst_ids))
            return [CheckLine(network_checks.OK, text)]
        each, bursts = (self.plan or {}).get("credits_each"), self._price_of_bursts()
        if bursts is None or each is None or bursts >= each:
            return []
        text = self.tr(
            "Bursts of the same area would cost about {credits} instead of {now} credits per pair ({count}, estimated from "
            "the footprint of a scene). Search the area again with the product Bursts to order them."
        ).format(credits=credits_text(bursts), now=credits_text(each), count=self._burst_count_text())
        return [CheckLine(network_checks.NOTE, text, self.tr("Prices"), self._show_price_tab)]

    def _burst_count_text(self) -> str:
        count = (self.facts.estimated_bursts if self.facts is not None else None) or 0
        return self.tr("one burst") if count == 1 else self.tr("about {count} bursts").format(count=count)

    def _burst_estimates(self) -> list[dict[str, Any]]:
        """What bursts of the area of whole scenes would cost, in rows of the price table."""
        facts, plan = self.facts, self.plan
        if facts is None or plan is None or not facts.estimated_bursts:
            return []
        new = sum(row.state == NEW for row in self.model.rows)
        return burst_prices(plan.get("costs") or {}, facts.estimated_bursts, new)

    def _price_of_bursts(self) -> float | None:
        """Credits per pair with the looks that are chosen; None when they cannot be estimated."""
        looks = self.form.fields["looks"].currentData()
        return next((row["credits_each"] for row in self._burst_estimates() if row["looks"] == looks), None)

    def _show_price_tab(self) -> None:
        self.tabs.setCurrentIndex(PRICES_TAB)
        self.prices.setFocus()

    def _search_bursts(self) -> None:
        """Fill the form of a search with the area of the job."""
        if self.facts is not None:
            self._context.search_requested.emit(dict(self.facts.burst_search))
            self.close()

    def _credit_rows(self) -> list[CheckRow]:
        total, left = sum_of(self.model.ticked_rows()), self.credits_left
        if self.plan is None or total is None:
            return []
        if left is None:
            return [CheckRow("credits", network_checks.NOTE, "check.price", {"credits": total})]
        fields = {"credits": total, "left": left}
        if total > left:
            return [
                CheckRow(
                    "credits", network_checks.STOP, "check.too_dear", {**fields, "missing": total - left}
                )
            ]
        is_dear = total > CREDIT_SHARE * left
        level, code = (
            (network_checks.WARNING, "check.dear") if is_dear else (network_checks.OK, "check.affordable")
        )
        return [CheckRow("credits", level, code, fields)]

    def _line(self, row: CheckRow) -> CheckLine:
        error = row.as_error()
        text = messages.what_happened(error) if row.level == network_checks.OK else messages.sentence(error)
        if row.fix == network_checks.REUSE:
            return CheckLine(network_checks.NOTE, text, self.tr("Show"), self._show_reused)
        if row.fix or row.dates or row.pairs:
            return CheckLine(row.level, text, self.tr("Edit Network"), self._edit_network)
        return CheckLine(row.level, text)

    def _show_reused(self) -> None:
        self.tabs.setCurrentIndex(PAIRS_TAB)
        self.table.setFocus()

    def _edit_network(self) -> None:
        self._context.network_dock().open_job(self._folder)

    def _show_prices(self) -> None:
        alternatives, estimates = (self.plan or {}).get("alternatives") or (), self._burst_estimates()
        self.prices.show_prices(alternatives, self._unavailable, self.form.options(), estimates)
        self.burst_hint.setText(
            self.tr(
                "The area of this job takes {count}, estimated from the footprint of a scene. To order bursts, search the "
                "area again with the product Bursts and add them as a job of their own."
            ).format(count=self._burst_count_text())
        )
        self.burst_row.setVisible(bool(estimates))

    def _choose_price(self, job_type: str, looks: str) -> None:
        if not self.is_sending:
            self.form.choose(job_type, looks)

    # ticks

    def _tick_new(self) -> None:
        self.model.tick([row.pair for row in self.model.rows if row.state != NEW], is_on=False)
        self.model.tick([row.pair for row in self.model.rows if row.state == NEW], is_on=True)

    def _tick_listed(self, *, is_on: bool) -> None:
        self.model.tick([row.pair for row in self.table.listed_rows()], is_on=is_on)

    def _untick_refused(self) -> None:
        self.model.tick([row.pair for row in self.model.rows if row.verdict == REJECTED], is_on=False)
        self.untick_button.hide()

    def _show_detail(self) -> None:
        """The whole of what is known about a chosen pair; its cell cuts it short."""
        rows: list[PlannedPair] = self.table.selected_rows()
        text = self.model.note(rows[0]) if len(rows) == 1 else ""
        self.detail.setText(f"{pair_text(rows[0].pair)}: {text}" if text else "")
        self.detail.setVisible(bool(text))

    def _show_defaults(self) -> None:
        before = self.form.options()
        options = Hyp3Options()
        if self.facts is not None:
            options = replace(options, job_type=_proposed_type(self.facts))
        if options != before:
            self.form.show_options(options)
            self._on_options_changed()

    # what it shows

    def _show_state(self) -> None:
        ticked = self.model.ticked_rows()
        reused = [row for row in self.model.rows if row.is_reused and row not in ticked]
        is_planned = self.plan is not None
        self.cost.show_figures(ticked, reused, self.credits_left, is_known=is_planned)
        if self._is_checked:
            lines = self._lines()
            if tuple(lines) != self.card.lines:
                self.card.show_lines(lines)
            worst = [line for line in lines if line.level in (network_checks.STOP, network_checks.WARNING)]
            self.tabs.setTabText(
                CHECK_TAB,
                self.tr("Chec&k ({count})").format(count=len(worst)) if worst else self.tr("Chec&k"),
            )
        self.tabs.setTabText(
            PAIRS_TAB,
            self.tr("P&airs ({ticked} of {count})").format(ticked=len(ticked), count=len(self.model.rows))
            if self.model.rows
            else self.tr("P&airs"),
        )
        stops = [line for line in self.card.lines if line.level == network_checks.STOP]
        is_ready = is_planned and not self.is_sending and bool(ticked)
        self.dry_button.setEnabled(is_ready)
        self.submit_button.setEnabled(is_ready and not stops and self._is_checked)
        self.submit_button.setToolTip("\n".join(line.text for line in stops))
        total = sum_of(ticked)
        self.submit_button.setText(
            self.tr("&Submit {count} Pairs, {credits} Credits").format(
                count=QLocale().toString(len(ticked)), credits=credits_text(total)
            )
            if is_planned and ticked
            else self.tr("&Submit")
        )
        for widget in (
            self.form,
            self.account_box,
            self.processor_box,
            self.defaults_button,
            self.tick_button,
        ):
            widget.setEnabled(not self.is_sending)

    def _say(
        self,
        text: str,
        icon: str = "",
        *,
        is_busy: bool = False,
        can_retry: bool = False,
        is_account: bool = False,
    ) -> None:
        self.status.setText(text)
        self.status_icon.setVisible(bool(icon))
        if icon:
            self.status_icon.setPixmap(QgsApplication.getThemeIcon(icon).pixmap(16, 16))
        self.progress.setVisible(is_busy)
        if is_busy:
            self.progress.setRange(0, 0)
        self.cancel_button.setVisible(is_busy and (self._planning is not None or self._sending is not None))
        self.untick_button.hide()
        self.again_button.setVisible(can_retry)
        self.options_button.setVisible(is_account)
        self.status_row.setVisible(bool(text))

    def _on_error(self, error: InsarError) -> None:
        is_account = error.code.startswith("credentials.")
        icon = "/mIconInfo.svg" if isinstance(error, Cancelled) else "/mIconWarning.svg"
        self._say(messages.sentence(error), icon, can_retry=True, is_account=is_account)
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
        again = [row for row in self.model.ticked_rows() if row.state != NEW]
        if not again:
            self._send(is_dry=False)
            return
        box = QMessageBox(self)
        box.setObjectName("insarhubRepeatQuestion")
        box.setIcon(QMessageBox.Icon.Warning)
        box.setWindowTitle(self.tr("Order Again"))
        box.setText(
            self.tr(
                "{count} of the ticked pairs were ordered before. Pay {credits} credits for them again?"
            ).format(count=len(again), credits=credits_text(sum_of(again)))
        )
        submit = box.addButton(
            self.tr("&Submit {count} Pairs, {credits} Credits").format(
                count=len(self.model.ticked_rows()), credits=credits_text(sum_of(self.model.ticked_rows()))
            ),
            QMessageBox.ButtonRole.AcceptRole,
        )
        submit.setAutoDefault(False)
        cancel = box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(cancel)
        box.setEscapeButton(cancel)
        box.finished.connect(lambda _: self._send(is_dry=False) if box.clickedButton() is submit else None)
        box.finished.connect(box.deleteLater)
        box.open()

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
        request = SubmitHyp3(
            str(self._folder),
            options.to_json(),
            pairs=tuple(row.pair for row in ticked),
            repeat_states=tuple(sorted({row.state for row in ticked} - {NEW, UNASKED, REFUSED})),
            dry_run=is_dry,
            agreed_credits=sum_of(ticked),
            endpoints=endpoints().to_json(),
        )
        name = self.tr("Dry run of {job}") if is_dry else self.tr("Submit {job}")
        self.model.lock(is_locked=True)
        self._sending = self._start(
            request,
            name.format(job=self._folder.name),
            self._on_dry_run if is_dry else self._on_submitted,
            lambda error: self._on_send_failed(error, is_dry),
            self._take_item,
            credential=credential,
            is_reading=is_dry,
        )
        count = QLocale().toString(len(ticked))
        words = (
            self.tr("HyP3 checks {count} pairs; nothing is ordered…")
            if is_dry
            else self.tr("Submitting {count} pairs…")
        )
        self._say(words.format(count=count), is_busy=True)
        self.tabs.setCurrentIndex(PAIRS_TAB)
        self._show_state()

    def _take_item(self, item: Mapping[str, Any]) -> None:
        if item.get("pair"):
            verdict = str(item.get("state") or "")
            self.model.show_verdict(_pair(item), verdict, reason_text(item.get("reason")))

    def _on_dry_run(self, answer: Mapping[str, Any]) -> None:
        self._end_sending()
        refused = answer.get("rejected") or []
        self._show_refused(refused)
        valid = sum(row.verdict == VALID for row in self.model.rows)
        stopped = answer.get("stopped_by")
        if stopped:
            self._on_error(InsarError.from_json(stopped))
            return
        if refused:
            text = self.tr(
                "HyP3 would refuse {count} of {all} pairs; the others cost {credits} credits."
            ).format(
                count=len(refused), all=len(refused) + valid, credits=credits_text(answer.get("credits"))
            )
            self._say(text, "/mIconWarning.svg")
            self.untick_button.setText(self.tr("&Untick the {count}").format(count=len(refused)))
            self.untick_button.show()
        else:
            text = self.tr(
                "HyP3 would accept all {count} pairs for {credits} credits. Nothing was ordered."
            ).format(count=valid, credits=credits_text(answer.get("credits")))
            self._say(text, "/mIconSuccess.svg")
        self._show_state()

    def _on_submitted(self, answer: Mapping[str, Any]) -> None:
        self._end_sending()
        refused = answer.get("rejected") or []
        self._show_refused(refused)
        self.submitted.emit(self._folder, dict(answer))
        stopped = answer.get("stopped_by")
        if not refused and not stopped:
            self.close()
            return
        if stopped:
            self._on_error(InsarError.from_json(stopped))
        else:
            text = self.tr("{sent} pairs are submitted. HyP3 refused {count}.").format(
                sent=answer.get("submitted"), count=len(refused)
            )
            self._say(text, "/mIconWarning.svg")
        # What was sent must not be sent again: the next plan knows.
        self.plan = None
        self._show_state()

    def _on_send_failed(self, error: InsarError, is_dry: bool) -> None:
        self._end_sending()
        self._on_error(error)
        if not is_dry:
            self.plan = None
            self._show_state()
            if not self.isVisible():
                self._context.show_error(error)

    def _end_sending(self) -> None:
        self._sending = None
        self.model.lock(is_locked=False)

    def _show_refused(self, rows: Iterable[Mapping[str, Any]]) -> None:
        refused = list(rows)
        for row in refused:
            self.model.show_verdict(_pair(row), REJECTED, reason_text(row.get("reason")))
        if refused:
            self.table.sortByColumn(NOTE, Qt.SortOrder.AscendingOrder)
            first = _pair(refused[0])
            self.table.select_rows(lambda row: row.pair == first)
            self._show_detail()

    def _start(
        self,
        request: Request,
        text: str,
        on_success: Callable[[dict[str, Any]], None],
        on_error: Callable[[InsarError], None],
        on_item: Callable[[dict[str, Any]], None] | None = None,
        **options: Any,
    ) -> EngineTask:
        task = self._context.start(request, text, on_success, on_error, on_item, **options)
        task.progressed.connect(self._on_progress)
        return task

    def _on_progress(self, fraction: float, text: str) -> None:
        if self.progress.isVisible() and fraction > 0:
            self.progress.setRange(0, 1000)
            self.progress.setValue(round(1000 * fraction))
        if text and self.progress.isVisible():
            self.status.setText(text)

    def _cancel(self) -> None:
        if self._sending is not None:
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


def _proposed_type(facts: ProcessFacts) -> str:
    return MULTI_BURST if facts.is_burst else INSAR_GAMMA


def _pair(row: Mapping[str, Any]) -> tuple[str, str]:
    return str(row["pair"][0]), str(row["pair"][1])

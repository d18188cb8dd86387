# SPDX-License-Identifier: GPL-2.0-or-later
"""How an order is sent: what was paid before is asked about, then HyP3 checks or takes the ticked pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from qgis.PyQt.QtCore import QObject, pyqtSignal
from qgis.PyQt.QtWidgets import QMessageBox, QWidget

from insarhub_qgis.core.credentials import Credential
from insarhub_qgis.core.hyp3_guard import NEW, REFUSED
from insarhub_qgis.core.hyp3_options import Hyp3Options
from insarhub_qgis.core.requests import SubmitHyp3
from insarhub_qgis.gui.cost_line import sum_of
from insarhub_qgis.gui.hyp3_jobs_table import credits_text
from insarhub_qgis.gui.page_context import PageContext
from insarhub_qgis.gui.plan_table import UNASKED, PlannedPair
from insarhub_qgis.gui.process_order import tr
from insarhub_qgis.host.counts import counted, counted_credits
from insarhub_qgis.host.endpoints import endpoints
from insarhub_qgis.host.engine_process import EngineTask


class OrderSending(QObject):
    """One dry run or submission of a job at a time.

    Signals
    -------
    progressed(float, str)
        How far it is, and what it does.
    item_received(dict)
        What HyP3 said about a pair.
    checked(dict), submitted(dict)
        The answer of `SubmitHyp3` to a dry run, and to a submission.
    failed(InsarError, bool)
        Why there is no answer, and whether it was a dry run.
    """

    progressed = pyqtSignal(float, str)
    item_received = pyqtSignal(object)
    checked = pyqtSignal(object)
    submitted = pyqtSignal(object)
    failed = pyqtSignal(object, bool)

    def __init__(self, context: PageContext, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._folder = folder
        self._task: EngineTask | None = None

    @property
    def is_running(self) -> bool:
        return self._task is not None

    def send(
        self, pairs: Sequence[PlannedPair], options: Hyp3Options, credential: Credential, *, is_dry: bool
    ) -> None:
        """Let HyP3 check pairs, or order them for the price that the plan named."""
        request = SubmitHyp3(
            str(self._folder),
            options.to_json(),
            pairs=tuple(row.pair for row in pairs),
            repeat_states=tuple(sorted({row.state for row in pairs} - {NEW, UNASKED, REFUSED})),
            dry_run=is_dry,
            agreed_credits=sum_of(pairs),
            endpoints=endpoints().to_json(),
        )
        name = tr("Dry run of {job}") if is_dry else tr("Submit {job}")
        self._task = self._context.start(
            request,
            name.format(job=self._folder.name),
            lambda answer: self._end(self.checked if is_dry else self.submitted, answer),
            lambda error: self._end(self.failed, error, is_dry),
            self._take_item,
            credential=credential,
            is_reading=is_dry,
        )
        self._task.progressed.connect(self.progressed)

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _take_item(self, item: dict[str, Any]) -> None:
        self.item_received.emit(item)

    def _end(self, signal: Any, *values: Any) -> None:
        self._task = None
        signal.emit(*values)


def submit_text(pairs: Sequence[PlannedPair]) -> str:
    """Give the words of the button that spends credits."""
    price = sum_of(pairs)
    return tr("&Submit {pairs}, {credits}").format(
        pairs=counted(len(pairs), tr("{n} Pair"), tr("{n} Pairs")),
        credits=counted(price, tr("{n} Credit"), tr("{n} Credits"))
        if price is not None
        else tr("{n} Credits").format(n=credits_text(None)),
    )


def ask_to_pay_again(pairs: Sequence[PlannedPair], submit: Callable[[], None], parent: QWidget) -> None:
    """Submit pairs, after a question when some of them were ordered before."""
    again = [row for row in pairs if row.state != NEW]
    if not again:
        submit()
        return
    box = QMessageBox(parent)
    box.setObjectName("insarhubRepeatQuestion")
    box.setIcon(QMessageBox.Icon.Warning)
    box.setWindowTitle(tr("Order Again"))
    box.setText(
        counted(
            len(again),
            tr("{n} of the ticked pairs was ordered before. Pay {credits} for it again?"),
            tr("{n} of the ticked pairs were ordered before. Pay {credits} for them again?"),
            credits=counted_credits(sum_of(again)),
        )
    )
    yes = box.addButton(submit_text(pairs), QMessageBox.ButtonRole.AcceptRole)
    yes.setAutoDefault(False)
    cancel = box.addButton(QMessageBox.StandardButton.Cancel)
    box.setDefaultButton(cancel)
    box.setEscapeButton(cancel)
    box.finished.connect(lambda _: submit() if box.clickedButton() is yes else None)
    box.finished.connect(box.deleteLater)
    box.open()

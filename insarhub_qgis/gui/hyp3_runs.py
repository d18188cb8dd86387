# SPDX-License-Identifier: GPL-2.0-or-later
"""Engine runs about the HyP3 jobs of a job folder: started here, followed here, whatever page is open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Callable

from qgis.core import Qgis
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal
from qgis.PyQt.QtWidgets import QApplication, QMessageBox, QPushButton, QWidget

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.hyp3_jobs import DOWNLOADED, EXPIRED, FAILED, JobRow
from insarhub_qgis.core.requests import (
    DownloadHyp3,
    Hyp3Account,
    RefreshHyp3,
    Request,
    RetryHyp3,
    WatchHyp3,
)
from insarhub_qgis.gui.hyp3_jobs_table import Transfer, credits_text, transfer_of
from insarhub_qgis.gui.page_context import PageContext
from insarhub_qgis.host import messages
from insarhub_qgis.host.accounts import credential_of
from insarhub_qgis.host.counts import counted, counted_credits, counted_jobs, counted_products
from insarhub_qgis.host.endpoints import endpoints

#: Products that arrive one after another are one reading of the folder.
_ARRIVAL_MS = 800
_NOTICE_S = 12
_NOTICE_DELAY_MS = 250


class Hyp3Runs(QObject):
    """Starts refresh, watch, download, retry and the question for credits.

    Signals
    -------
    rows_arrived(Path, list)
        A watch asked HyP3: the rows (`JobRow`) of the job folder as they are now.
    watch_told(Path, dict)
        What else that answer said: ``checked_at``, ``problem``, ``next_in_s``.
    transfer_changed(Path, str, Transfer or None)
        How far the download of a job is; None when it has ended.
    account_told(dict)
        The answer of `Hyp3Account`.
    page_wanted(str, str)
        A page that a button of a notice leads to, and its job folder.
    """

    rows_arrived = pyqtSignal(object, object)
    watch_told = pyqtSignal(object, object)
    transfer_changed = pyqtSignal(object, str, object)
    account_told = pyqtSignal(object)
    page_wanted = pyqtSignal(str, str)

    def __init__(self, context: PageContext, parent: QWidget) -> None:
        super().__init__(parent)
        self._context = context
        self._window = parent
        self._transfers: dict[Path, dict[str, Transfer]] = {}
        self._arrived: set[Path] = set()
        self._arrival_timer = QTimer(self)
        self._arrival_timer.setSingleShot(True)
        self._arrival_timer.setInterval(_ARRIVAL_MS)
        self._arrival_timer.timeout.connect(self._tell_arrivals)

    def close(self) -> None:
        """Forget what would be told later."""
        self._arrival_timer.stop()

    def is_running(self, folder: Path | None, *kinds: type[Request]) -> bool:
        """Whether a run of one of the kinds works on a job folder."""
        return any(
            run.job_folder == folder and isinstance(run.task.request, kinds) for run in self._context.runs
        )

    def transfers(self, folder: Path) -> Mapping[str, Transfer]:
        """The downloads that go on, by job id."""
        return self._transfers.get(folder, {})

    # actions

    def refresh(self, folder: Path) -> None:
        """Ask HyP3 for the state of all jobs of a folder."""
        self._start(
            RefreshHyp3(str(folder), endpoints=endpoints().to_json()),
            self.tr("Refresh {job}").format(job=folder.name),
            lambda answer: self._on_refreshed(folder, answer),
        )

    def watch(self, folder: Path, workers: int) -> None:
        """Refresh until every job has ended, and download each product as it appears."""
        self._start(
            WatchHyp3(str(folder), max_workers=workers, endpoints=endpoints().to_json()),
            self.tr("Watch {job}").format(job=folder.name),
            lambda answer: self._on_watched(folder, answer),
            lambda item: self._take_item(folder, item),
            has_system_notice=True,
        )

    def stop(self, folder: Path, *kinds: type[Request]) -> None:
        """Cancel the runs of some kinds on a folder; what was finished is kept."""
        for run in list(self._context.runs):
            if run.job_folder == folder and isinstance(run.task.request, kinds):
                run.cancel()

    def download(self, folder: Path, workers: int, job_ids: Sequence[str] = ()) -> None:
        """Download products, all that are ready unless some are named, ``workers`` at a time."""
        self._start(
            DownloadHyp3(str(folder), tuple(job_ids), max_workers=workers, endpoints=endpoints().to_json()),
            self.tr("Download {job}").format(job=folder.name),
            lambda answer: self._on_downloaded(folder, answer),
            lambda item: self._take_item(folder, item),
            has_system_notice=True,
            needs_account=False,
        )

    def ask_account(self, auth_id: str = "") -> None:
        """Ask HyP3 for the credits that are left, of the usual account unless another one is named."""
        self._start(
            Hyp3Account(endpoints=endpoints().to_json()),
            self.tr("Ask HyP3 for the credits"),
            self.account_told.emit,
            auth_id=auth_id,
        )

    def ask_retry(
        self,
        folder: Path,
        job_file: str = "",
        job_ids: Sequence[str] = (),
        *,
        include_expired: bool = False,
    ) -> None:
        """Ask HyP3 what submitting again would cost, then the user, then submit."""
        request = RetryHyp3(
            str(folder),
            job_file=job_file,
            job_ids=tuple(job_ids),
            include_expired=include_expired,
            dry_run=True,
            endpoints=endpoints().to_json(),
        )
        self._start(
            request,
            self.tr("Price of a retry in {job}").format(job=folder.name),
            lambda answer: self._confirm_retry(request, folder, answer),
        )

    # how they end

    def _start(
        self,
        request: Request,
        text: str,
        on_success: Callable[[dict[str, Any]], None],
        on_item: Callable[[dict[str, Any]], None] | None = None,
        *,
        has_system_notice: bool = False,
        needs_account: bool = True,
        auth_id: str = "",
    ) -> None:
        folder = Path(request.job_folder) if getattr(request, "job_folder", "") else None
        if folder is not None and self.is_running(folder, type(request)):
            return
        try:
            credential = credential_of(auth_id) if needs_account else None
        except InsarError as error:
            self._context.show_error(error)
            return

        def fail(error: InsarError) -> None:
            self._forget_transfers(folder)
            self._context.show_error(error)

        self._context.start(
            request,
            text,
            on_success,
            fail,
            on_item,
            credential=credential,
            has_system_notice=has_system_notice,
            is_reading=bool(getattr(request, "dry_run", False)),
        )

    def _on_refreshed(self, folder: Path, answer: Mapping[str, Any]) -> None:
        problems = [
            *(messages.sentence(InsarError.from_json(row)) for row in answer.get("unreachable") or ()),
            *(messages.sentence(InsarError.from_json(row)) for row in answer.get("problems") or ()),
        ]
        if problems:
            self._context.show_warning(problems[0], "\n".join(problems) if len(problems) > 1 else "")

    def _on_watched(self, folder: Path, answer: Mapping[str, Any]) -> None:
        self._forget_transfers(folder)
        counts = answer.get("counts") or {}
        if not answer.get("is_complete", True):
            self._notice(
                folder,
                self.tr("The watch of {job} has ended, jobs are still open.").format(job=folder.name),
                Qgis.MessageLevel.Info,
            )
            return
        lost = counts.get(FAILED, 0) + counts.get(EXPIRED, 0)
        here = counts.get(DOWNLOADED, 0)
        text = (
            self.tr("{job}: {products}, {jobs} failed or expired.")
            if lost
            else self.tr("{job}: all jobs are done, {products}.")
        ).format(
            job=folder.name,
            products=counted(here, self.tr("{n} product is here"), self.tr("{n} products are here")),
            jobs=counted_jobs(lost),
        )
        self._notice(folder, text, Qgis.MessageLevel.Warning if lost else Qgis.MessageLevel.Success)

    def _on_downloaded(self, folder: Path, answer: Mapping[str, Any]) -> None:
        self._forget_transfers(folder)
        failed = answer.get("failed") or []
        text = self.tr("{job}: {products} downloaded.").format(
            job=folder.name, products=counted_products(len(answer.get("downloaded") or ()))
        )
        details = ""
        if failed:
            text += " " + self.tr("{count} could not be fetched.").format(count=len(failed))
            details = "\n".join(
                f"{row.get('file') or row.get('job_id')}: {messages.sentence(InsarError.from_json(row))}"
                for row in failed
            )
        self._notice(
            folder, text, Qgis.MessageLevel.Warning if failed else Qgis.MessageLevel.Success, details
        )

    def _confirm_retry(self, request: RetryHyp3, folder: Path, answer: Mapping[str, Any]) -> None:
        count, credits = int(answer.get("submitted") or 0), answer.get("credits")
        if not count:
            self._context.show_info(
                self.tr("Nothing to submit again: each of these pairs has a newer job that runs or is done.")
            )
            return
        box = QMessageBox(self._window)
        box.setObjectName("insarhubRetryQuestion")
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle(self.tr("Retry"))
        box.setText(
            self.tr("Submit {jobs} again for {credits}?").format(
                jobs=counted_jobs(count), credits=counted_credits(credits)
            )
        )
        left = answer.get("credits_left")
        if left is not None:
            box.setInformativeText(
                self.tr("{credits} left. HyP3 does not pay failed jobs back.").format(
                    credits=counted_credits(left)
                )
            )
        submit = box.addButton(
            self.tr("&Submit {jobs}, {credits}").format(
                jobs=counted(count, self.tr("{n} Job"), self.tr("{n} Jobs")),
                credits=self.tr("{n} Credits").format(n=credits_text(credits))
                if credits != 1
                else self.tr("1 Credit"),
            ),
            QMessageBox.ButtonRole.AcceptRole,
        )
        submit.setAutoDefault(False)
        cancel = box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(cancel)
        box.setEscapeButton(cancel)
        box.finished.connect(
            lambda _: self._retry(request, folder, credits) if box.clickedButton() is submit else None
        )
        box.finished.connect(box.deleteLater)
        box.open()

    def _retry(self, request: RetryHyp3, folder: Path, credits: float | None) -> None:
        self._start(
            RetryHyp3(
                request.job_folder,
                job_file=request.job_file,
                job_ids=request.job_ids,
                include_expired=request.include_expired,
                agreed_credits=credits,
                endpoints=request.endpoints,
            ),
            self.tr("Retry {job}").format(job=folder.name),
            lambda answer: self.tell_submission(folder, answer),
        )

    def tell_submission(self, folder: Path, answer: Mapping[str, Any]) -> None:
        """Say how a submission ended."""
        count, rejected = int(answer.get("submitted") or 0), answer.get("rejected") or []
        text = self.tr("{jobs} submitted for {credits}.").format(
            jobs=counted_jobs(count), credits=counted_credits(answer.get("credits"))
        )
        left = answer.get("credits_left")
        if left is not None:
            text += " " + counted(left, self.tr("{n} is left."), self.tr("{n} are left."))
        if answer.get("adopted"):
            text += " " + counted(
                answer["adopted"],
                self.tr("{n} was found on HyP3 and taken over."),
                self.tr("{n} were found on HyP3 and taken over."),
            )
        details = []
        if rejected:
            text += " " + self.tr("HyP3 refused {count}.").format(count=len(rejected))
            details += [
                f"{row['pair'][0]} / {row['pair'][1]}: {reason_text(row.get('reason'))}" for row in rejected
            ]
        stopped = answer.get("stopped_by")
        if stopped:
            error = InsarError.from_json(stopped)
            text += " " + messages.sentence(error)
            if answer.get("not_sent"):
                text += " " + counted(
                    answer["not_sent"], self.tr("{n} was not sent."), self.tr("{n} were not sent.")
                )
        is_whole = not rejected and not stopped
        level = Qgis.MessageLevel.Success if is_whole else Qgis.MessageLevel.Warning
        # The page of the jobs is in front: no way there is needed.
        self._notice(folder, text, level, "\n".join(details), page="")
        if not isinstance(stopped, Mapping) or count:
            self.account_told.emit({"credits_left": left})

    def _notice(
        self, folder: Path, text: str, level: Qgis.MessageLevel, details: str = "", page: str = "products"
    ) -> None:
        """Say that something is done; a moment later, so that it lies above QGIS's own word about the task."""
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.timeout.connect(lambda: self._push(folder, text, level, details, page))
        timer.timeout.connect(timer.deleteLater)
        timer.start(_NOTICE_DELAY_MS)

    def _push(self, folder: Path, text: str, level: Qgis.MessageLevel, details: str, page: str) -> None:
        bar = self._context.message_bar()
        item = bar.createMessage("InSARHub", text)
        if details:
            button = QPushButton(self.tr("Details"), item)
            button.clicked.connect(lambda: self._context.show_details(details))
            item.layout().addWidget(button)
        if page:
            button = QPushButton(self.tr("View Data"), item)
            button.clicked.connect(lambda: self.page_wanted.emit(page, str(folder)))
            item.layout().addWidget(button)
        bar.pushWidget(item, level, _NOTICE_S if level == Qgis.MessageLevel.Success else 0)
        # Where QGIS is not in front, its entry in the task bar asks to be looked at.
        QApplication.alert(self._window.window())

    # what comes meanwhile

    def _take_item(self, folder: Path, item: Mapping[str, Any]) -> None:
        if "rows" in item:
            self.rows_arrived.emit(folder, [JobRow.from_json(row) for row in item["rows"]])
            self.watch_told.emit(folder, dict(item))
            return
        job_id, state = str(item.get("job_id") or ""), item.get("state")
        if not job_id:
            return
        if state in ("started", "progress"):
            transfer = transfer_of(item)
            self._transfers.setdefault(folder, {})[job_id] = transfer
            self.transfer_changed.emit(folder, job_id, transfer)
            return
        self._transfers.get(folder, {}).pop(job_id, None)
        self.transfer_changed.emit(folder, job_id, None)
        self._arrived.add(folder)
        if not self._arrival_timer.isActive():
            self._arrival_timer.start()

    def _tell_arrivals(self) -> None:
        folders, self._arrived = self._arrived, set()
        for folder in folders:
            self._context.job_changed.emit(folder)

    def _forget_transfers(self, folder: Path | None) -> None:
        if folder is not None:
            for job_id in list(self._transfers.pop(folder, {})):
                self.transfer_changed.emit(folder, job_id, None)


def reason_text(reason: Any) -> str:
    """Why a pair was refused: an error as JSON, or the words of the service."""
    if isinstance(reason, Mapping) and "code" in reason:
        return messages.sentence(InsarError.from_json(reason))
    return str(reason or "")

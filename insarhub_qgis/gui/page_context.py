# SPDX-License-Identifier: GPL-2.0-or-later
"""What every page of the dock shares: the project, the message bar, engine runs and reading tasks."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

from qgis.core import Qgis, QgsProject, QgsTask
from qgis.gui import QgisInterface, QgsMapCanvas, QgsMessageBar, QgsMessageViewer
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject, Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QPushButton

from insarhub_qgis.core.credentials import Credential
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.progress import IsCancelled
from insarhub_qgis.core.requests import Request
from insarhub_qgis.host import log, messages
from insarhub_qgis.host.engine_process import EngineTask, start_engine_task
from insarhub_qgis.host.settings import settings
from insarhub_qgis.host.short_turns import short_turns
from insarhub_qgis.host.task_start import start_task, task_ended

if TYPE_CHECKING:
    from insarhub_qgis.gui.network_dock import NetworkDock
    from insarhub_qgis.gui.process_dialog import ProcessDialog
    from insarhub_qgis.gui.quality_builds import QualityBuilds
    from insarhub_qgis.gui.series_dock import SeriesDock

ERROR_SECONDS = 0  # stays until it is closed
INFO_SECONDS = 6


def is_alive(callback: Callable[..., Any]) -> bool:
    """True unless ``callback`` is a method of a Qt object that has been deleted meanwhile."""
    owner = getattr(callback, "__self__", None)
    return not (isinstance(owner, QObject) and sip.isdeleted(owner))


def call_if_alive(callback: Callable[..., Any] | None, *values: Any) -> None:
    """Call ``callback`` unless it is None or its page is gone."""
    if callback is not None and is_alive(callback):
        callback(*values)


class ReadTask(QgsTask):
    """Reads files in a worker thread and hands plain values back on the main thread.

    ``read(is_cancelled)`` must not touch widgets, layers or the project.
    """

    succeeded = pyqtSignal(object)
    failed = pyqtSignal(object)

    def __init__(self, description: str, read: Callable[[IsCancelled], Any]) -> None:
        super().__init__(description, QgsTask.Flag.CanCancel | QgsTask.Flag.Silent)
        self._read = read
        self._result: Any = None
        self._error: InsarError | None = None

    def run(self) -> bool:
        try:
            with short_turns():
                self._result = self._read(self.isCanceled)
        except InsarError as error:
            self._error = error
        except Exception as error:  # the edge of the thread: kept for the reader, shown by finished()
            log.exception(self.description())
            self._error = InsarError("run.unexpected", reason=f"{type(error).__name__}: {error}")
        return self._error is None and not self.isCanceled()

    def finished(self, is_successful: bool) -> None:
        task_ended(self)
        if is_successful:
            self.succeeded.emit(self._result)
        else:
            self.failed.emit(self._error or Cancelled())


class Run(QObject):
    """One engine run as the run bar shows it."""

    changed = pyqtSignal()
    ended = pyqtSignal()

    def __init__(self, task: EngineTask, text: str, job_folder: Path | None, parent: QObject) -> None:
        super().__init__(parent)
        self.task = task
        self.title = text
        self.job_folder = job_folder
        self.fraction = 0.0
        self.text = ""
        self.is_cancelling = False
        self.started_at = datetime.now()
        task.progressed.connect(self._on_progress)

    def _on_progress(self, fraction: float, text: str) -> None:
        self.fraction = fraction
        self.text = text or self.text
        self.changed.emit()

    def cancel(self) -> None:
        """Ask the engine to stop; the run ends a moment later."""
        self.is_cancelling = True
        self.changed.emit()
        self.task.cancel()


class PageContext(QObject):
    """The surroundings of a page. Made once by the dock, handed to every page.

    Signals
    -------
    runs_changed
        A run began or ended; `runs` holds those that go on, newest last.
    job_changed(Path)
        Files of a job folder changed (a run ended): pages and the job list read it again.
    engine_changed
        Another engine environment was chosen or created.
    work_directory_changed
        Another work directory was chosen.
    services_changed
        The sandbox was turned on or off, or has another address.
    jobs_submitted(Path, dict)
        Pairs of a job folder were submitted; the answer of `SubmitHyp3`.
    search_requested(dict)
        The form of a search is to be shown, filled with these values of `SearchScenes`.

    A page asks for the time-series dock by `series_dock`: it is made on first use, docked at the bottom and
    removed by `close`. ``gui/series_dock.py`` offers ``SeriesDock(context, parent)`` with ``start_picking()``
    and ``close_dock()`` (gives back the map tool, stops readers). The network editor, `network_dock`, is made the
    same way; ``open_job(job_folder)`` shows a network. `open_process` opens the window that orders its products.
    """

    runs_changed = pyqtSignal()
    job_changed = pyqtSignal(object)
    engine_changed = pyqtSignal()
    work_directory_changed = pyqtSignal()
    services_changed = pyqtSignal()
    jobs_submitted = pyqtSignal(object, object)
    search_requested = pyqtSignal(object)

    def __init__(self, iface: QgisInterface, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.iface = iface
        self.runs: list[Run] = []
        self._reads: list[ReadTask] = []
        self._series_dock: SeriesDock | None = None
        self._network_dock: NetworkDock | None = None
        self._quality_builds: QualityBuilds | None = None
        self._process_dialogs: dict[Path, ProcessDialog] = {}

    def project(self) -> QgsProject:
        return QgsProject.instance()

    def canvas(self) -> QgsMapCanvas:
        return self.iface.mapCanvas()

    def message_bar(self) -> QgsMessageBar:
        return self.iface.messageBar()

    def show_error(
        self,
        error: InsarError | str,
        details: str = "",
        action: tuple[str, Callable[[], None]] | None = None,
    ) -> None:
        """Say what happened and what to do; Details holds code, fields and trace, copyable.

        ``action``: text and function of a button; the message goes when it is pressed.
        """
        if isinstance(error, Cancelled):
            self.show_info(messages.sentence(error))
            return
        text = messages.sentence(error) if isinstance(error, InsarError) else error
        if isinstance(error, InsarError):
            details = details or str(error.fields.get("details") or "")
            details = "\n\n".join(part for part in (text, str(error), details) if part)
            log.warning(str(error))
        self._push(text, Qgis.MessageLevel.Warning, ERROR_SECONDS, details, action)

    def show_info(self, text: str) -> None:
        self._push(text, Qgis.MessageLevel.Info, INFO_SECONDS)

    def show_warning(self, text: str, details: str = "") -> None:
        """Something went through in part; Details names what did not."""
        self._push(text, Qgis.MessageLevel.Warning, ERROR_SECONDS, details)

    def show_success(self, text: str) -> None:
        self._push(text, Qgis.MessageLevel.Success, INFO_SECONDS)

    def start(
        self,
        request: Request,
        description: str,
        on_success: Callable[[dict[str, Any]], None] | None = None,
        on_error: Callable[[InsarError], None] | None = None,
        on_item: Callable[[dict[str, Any]], None] | None = None,
        on_log: Callable[[str, str], None] | None = None,
        *,
        job_folder: Path | None = None,
        python: Path | None = None,
        credential: Credential | None = None,
        has_system_notice: bool = False,
        is_reading: bool = False,
        is_background: bool = False,
    ) -> EngineTask:
        """Run ``request`` in the engine; the run shows in the run bar and in the task panel of QGIS.

        Callbacks come on the main thread and are skipped when their page is gone. ``on_log(level, text)``.
        Without ``on_error`` a failure is shown in the message bar. ``job_folder``: announced by
        `job_changed` when the run ends, also after a failure; default is the request's own job folder.
        ``is_reading``: the run writes nothing, so that nothing is announced. ``is_background``: nobody waits for it, and
        other runs are shown before it. ``has_system_notice``: for work that one walks away from; QGIS tells the desktop when it has ended.
        """
        if job_folder is None and getattr(request, "job_folder", ""):
            job_folder = Path(request.job_folder)
        task = EngineTask(request, description, python, credential, is_silent=not has_system_notice)
        run = Run(task, description, job_folder, self)

        def end(callback: Callable[..., None] | None, value: Any) -> None:
            if sip.isdeleted(self) or run not in self.runs:
                return
            self.runs.remove(run)
            run.ended.emit()
            self.runs_changed.emit()
            call_if_alive(callback, value)
            if job_folder is not None and not is_reading:
                self.job_changed.emit(job_folder)
            run.deleteLater()

        task.succeeded.connect(lambda result: end(on_success, result))
        task.failed.connect(lambda error: end(on_error or self.show_error, error))
        if on_item is not None:
            task.item_received.connect(lambda item: call_if_alive(on_item, item))
        if on_log is not None:
            task.logged.connect(lambda level, text: call_if_alive(on_log, level, text))
        self.runs.insert(0 if is_background else len(self.runs), run)
        self.runs_changed.emit()
        start_engine_task(task)
        return task

    def read(
        self,
        description: str,
        read: Callable[[IsCancelled], Any],
        on_success: Callable[[Any], None],
        on_error: Callable[[InsarError], None] | None = None,
    ) -> ReadTask:
        """Read files in a worker thread; ``on_success(value)`` comes on the main thread."""
        task = ReadTask(description, read)

        def end(callback: Callable[..., None] | None, value: Any) -> None:
            if sip.isdeleted(self) or task not in self._reads:
                return
            self._reads.remove(task)
            call_if_alive(callback, value)

        def fail(error: InsarError) -> None:
            is_quiet = isinstance(error, Cancelled) and on_error is None
            end(None if is_quiet else (on_error or self.show_error), error)

        task.succeeded.connect(lambda value: end(on_success, value))
        task.failed.connect(fail)
        self._reads.append(task)
        start_task(task)
        return task

    def quality_builds(self) -> QualityBuilds:
        """The builds of pair databases, made on first use."""
        if self._quality_builds is None:
            from insarhub_qgis.gui.quality_builds import QualityBuilds

            self._quality_builds = QualityBuilds(self)
        return self._quality_builds

    def series_dock(self) -> SeriesDock:
        """The time-series dock, made on first use."""
        if self._series_dock is None:
            from insarhub_qgis.gui.series_dock import SeriesDock

            self._series_dock = SeriesDock(self, self.iface.mainWindow())
            self.iface.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, self._series_dock)
        return self._series_dock

    def network_dock(self) -> NetworkDock:
        """The network editor, made on first use: floating, so that it has room; it can be docked at the bottom."""
        if self._network_dock is None:
            from insarhub_qgis.gui.network_dock import NetworkDock

            window = self.iface.mainWindow()
            self._network_dock = NetworkDock(self, window)
            self.iface.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, self._network_dock)
            self._network_dock.float_over(window)
        return self._network_dock

    def open_network_dock(self) -> NetworkDock | None:
        """The network editor if it was opened before, else None."""
        return self._network_dock

    def open_process(self, job_folder: Path) -> ProcessDialog:
        """Open the window that checks, prices and orders the pairs of a job; one per job."""
        from insarhub_qgis.gui.process_dialog import ProcessDialog

        dialog = self._process_dialogs.get(job_folder)
        if dialog is None or not (dialog.isVisible() or dialog.is_sending):
            if dialog is not None:
                dialog.deleteLater()
            dialog = ProcessDialog(self, job_folder, self.iface.mainWindow())
            dialog.submitted.connect(self.jobs_submitted)
            self._process_dialogs[job_folder] = dialog
        dialog.show()
        dialog.raise_()
        dialog.activateWindow()
        return dialog

    def turn_sandbox_off(self) -> None:
        """Go back to the real services."""
        settings().use_sandbox.setValue(False)
        self.services_changed.emit()

    def close(self) -> None:
        """Stop everything that was started here; no callback comes afterwards."""
        dialogs, self._process_dialogs = self._process_dialogs, {}
        for dialog in dialogs.values():
            dialog.close()
            dialog.deleteLater()
        if self._network_dock is not None:
            self._network_dock.close_dock()
            self.iface.removeDockWidget(self._network_dock)
            self._network_dock.deleteLater()
            self._network_dock = None
        if self._series_dock is not None:
            self._series_dock.close_dock()
            self.iface.removeDockWidget(self._series_dock)
            self._series_dock.deleteLater()
            self._series_dock = None
        reads, self._reads = self._reads, []
        runs, self.runs = self.runs, []
        for task in reads:
            task.cancel()
        for run in runs:
            run.task.cancel()

    def _push(
        self,
        text: str,
        level: Qgis.MessageLevel,
        seconds: int,
        details: str = "",
        action: tuple[str, Callable[[], None]] | None = None,
    ) -> None:
        bar = self.message_bar()
        item = bar.createMessage("InSARHub", text)
        if action is not None:
            label, act = action
            button = QPushButton(label, item)
            button.clicked.connect(lambda: bar.popWidget(item))
            button.clicked.connect(lambda: act())
            item.layout().addWidget(button)
        if details:
            button = QPushButton(self.tr("Details"), item)
            button.clicked.connect(lambda: self.show_details(details))
            item.layout().addWidget(button)
        bar.pushWidget(item, level, seconds)

    def show_details(self, details: str) -> None:
        """Show a longer text that can be copied."""
        viewer = QgsMessageViewer(self.iface.mainWindow())
        viewer.setTitle(self.tr("InSARHub: Details"))
        viewer.setMessageAsPlainText(details)
        viewer.showMessage(False)

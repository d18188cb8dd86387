# SPDX-License-Identifier: GPL-2.0-or-later
"""Home: the jobs of the work directory, and the ways to a new one."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsApplication
from qgis.gui import QgsFileWidget, QgsFilterLineEdit
from qgis.PyQt.QtCore import QModelIndex, QPoint, QSortFilterProxyModel, Qt, QTimer, pyqtSignal
from qgis.PyQt.QtGui import QKeySequence
from qgis.PyQt.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QShortcut,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.gui.icons import icon
from insarhub_qgis.gui.job_actions import JobActions
from insarhub_qgis.gui.job_list import OVERVIEW_ROLE, SEARCH_ROLE, JobListModel, JobListView
from insarhub_qgis.gui.job_overview import JobOverview, read_jobs
from insarhub_qgis.gui.newest_read import NewestRead
from insarhub_qgis.gui.page_context import PageContext
from insarhub_qgis.gui.work_directory_watcher import WorkDirectoryWatcher
from insarhub_qgis.host.settings import settings

JOBS, EMPTY = 0, 1
#: Several runs that end together are one reading.
REFRESH_DELAY_MS = 150


class HomePage(QWidget):
    """The first page of the dock."""

    back_requested = pyqtSignal()
    page_requested = pyqtSignal(str, str)
    products_requested = pyqtSignal()
    options_requested = pyqtSignal()

    def __init__(self, context: PageContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("insarhubHomePage")
        self.title = self.tr("Jobs")
        self._context = context
        self._reading = NewestRead(context)
        self._refresh_timer = QTimer(self)
        self._refresh_timer.setSingleShot(True)
        self._refresh_timer.setInterval(REFRESH_DELAY_MS)
        self._refresh_timer.timeout.connect(self.refresh)
        self.actions = JobActions(context, self)
        self._watcher = WorkDirectoryWatcher(self)
        self._watcher.changed.connect(self._on_disk_changed)
        self._build()
        context.job_changed.connect(lambda folder: self._refresh_timer.start())
        context.runs_changed.connect(self._refresh_timer.start)
        context.work_directory_changed.connect(self._on_work_directory_changed)

    def _build(self) -> None:
        self.search_button = QPushButton(
            QgsApplication.getThemeIcon("/search.svg"), self.tr("&Search Scenes"), self
        )
        self.search_button.setObjectName("insarhubSearchScenes")
        self.search_button.setDefault(True)
        self.search_button.setToolTip(self.tr("Find Sentinel-1 scenes of an area and make jobs of them"))
        self.search_button.clicked.connect(lambda: self.page_requested.emit("search", ""))
        self.open_button = QPushButton(icon("open_products"), self.tr("Open &Products…"), self)
        self.open_button.setObjectName("insarhubOpenProducts")
        self.open_button.setToolTip(self.tr("Make a job from a folder of HyP3 zips. Nothing is copied."))
        self.open_button.clicked.connect(self.products_requested)
        self.refresh_button = self._tool(
            "insarhubRefresh", "/mActionRefresh.svg", self.tr("Read the jobs again (F5)")
        )
        self.refresh_button.setShortcut("F5")
        self.refresh_button.clicked.connect(self.refresh)
        self.options_button = self._tool(
            "insarhubOptions", "/mActionOptions.svg", self.tr("InSARHub options")
        )
        self.options_button.clicked.connect(self.options_requested)
        first = QHBoxLayout()
        first.setSpacing(6)
        first.addWidget(self.search_button)
        first.addWidget(self.open_button)
        first.addStretch(1)
        first.addWidget(self.refresh_button)
        first.addWidget(self.options_button)

        self.folder_widget = QgsFileWidget(self)
        self.folder_widget.setObjectName("insarhubWorkDirectory")
        self.folder_widget.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        self.folder_widget.setDialogTitle(self.tr("Work Directory"))
        self.folder_widget.lineEdit().setPlaceholderText(self.tr("Folder with your jobs"))
        self.folder_widget.setFilePath(settings().work_directory.value())
        self.folder_widget.setToolTip(self.tr("Each job is a folder in here."))
        self.folder_widget.lineEdit().editingFinished.connect(self._on_folder_edited)
        self.folder_widget.fileChanged.connect(self._on_folder_chosen)
        label = QLabel(self.tr("&Work directory"), self)
        label.setBuddy(self.folder_widget.lineEdit())
        second = QHBoxLayout()
        second.setSpacing(6)
        second.addWidget(label)
        second.addWidget(self.folder_widget, 1)

        self.filter = QgsFilterLineEdit(self)
        self.filter.setObjectName("insarhubJobFilter")
        self.filter.setShowSearchIcon(True)
        self.filter.setPlaceholderText(self.tr("Filter jobs…"))
        self.filter.setAccessibleName(self.tr("Filter jobs"))

        self.model = JobListModel(self)
        self.proxy = QSortFilterProxyModel(self)
        self.proxy.setSourceModel(self.model)
        self.proxy.setFilterRole(SEARCH_ROLE)
        self.proxy.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.filter.textChanged.connect(self.proxy.setFilterFixedString)
        self.view = JobListView(self)
        self.view.setModel(self.proxy)
        self.view.activated.connect(self._open_index)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._show_menu)
        for keys, action in (("F2", self._rename_current), ("Del", self._remove_current)):
            shortcut = QShortcut(QKeySequence(keys), self.view)
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
            shortcut.activated.connect(action)
        self.view.job_delegate.tag_clicked.connect(lambda path, key: self.page_requested.emit(key, str(path)))
        self.view.job_delegate.details_clicked.connect(self._show_problems)

        self.empty = QLabel(self)
        self.empty.setObjectName("insarhubNoJobs")
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter)
        self.empty.setTextInteractionFlags(
            Qt.TextInteractionFlag.LinksAccessibleByMouse | Qt.TextInteractionFlag.LinksAccessibleByKeyboard
        )
        self.empty.setMargin(18)
        self.empty.linkActivated.connect(self._on_link)
        self.jobs_or_empty = QStackedWidget(self)
        self.jobs_or_empty.addWidget(self.view)
        self.jobs_or_empty.addWidget(self.empty)

        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(first)
        layout.addLayout(second)
        layout.addWidget(self.filter)
        layout.addWidget(self.jobs_or_empty, 1)
        self.setFocusProxy(self.view)
        self._show_jobs([])

    def _tool(self, name: str, theme_icon: str, tip: str) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName(name)
        button.setAutoRaise(True)
        button.setIcon(QgsApplication.getThemeIcon(theme_icon))
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        return button

    def open_job(self, job_folder: Path) -> None:
        """Home shows all jobs; the given one is selected."""
        for row in range(self.proxy.rowCount()):
            index = self.proxy.index(row, 0)
            if index.data(OVERVIEW_ROLE).path == job_folder:
                self.view.setCurrentIndex(index)

    def open_page(self) -> None:
        self.refresh()

    def close_page(self) -> None:
        self._refresh_timer.stop()
        self._watcher.stop()
        self._reading.cancel()

    def refresh(self) -> None:
        """Read the work directory in a task; the list stays as it is meanwhile."""
        self._refresh_timer.stop()
        self._reading.cancel()
        directory = settings().work_directory.value()
        if not directory:
            self._show_jobs([])
            return
        running = {
            run.job_folder: type(run.task.request).__name__ for run in self._context.runs if run.job_folder
        }
        self._reading.start(
            self.tr("Reading the jobs in {folder}").format(folder=directory),
            lambda is_cancelled: read_jobs(Path(directory), running, is_cancelled),
            self._show_jobs,
            self._on_read_failed,
        )

    def _on_read_failed(self, error: InsarError) -> None:
        self._show_jobs([])
        self._context.show_error(error)

    def _on_disk_changed(self) -> None:
        # Opening the page reads anyway.
        if self.isVisible():
            self.refresh()

    def _show_jobs(self, jobs: list[JobOverview]) -> None:
        directory = settings().work_directory.value()
        self._watcher.watch(Path(directory) if directory else None, [job.path for job in jobs])
        self.model.show_jobs(jobs)
        self.filter.setVisible(bool(jobs))
        if jobs:
            self.jobs_or_empty.setCurrentIndex(JOBS)
            return
        if settings().work_directory.value():
            first = self.tr("No jobs here yet.")
        else:
            first = self.tr("Choose a work directory: the folder that will hold your jobs.")
        self.empty.setText(
            f"<p><b>{first}</b></p><p>"
            + self.tr('<a href="search">Search scenes</a> of an area to plan a job.')
            + "</p><p>"
            + self.tr(
                '<a href="open">Open a folder of HyP3 products</a>, or drop it here. '
                "Its interferograms become a job; nothing is copied."
            )
            + "</p>"
        )
        self.jobs_or_empty.setCurrentIndex(EMPTY)

    def _on_link(self, link: str) -> None:
        if link == "open":
            self.products_requested.emit()
        elif link == "search":
            self.page_requested.emit("search", "")

    def _on_folder_edited(self) -> None:
        self._on_folder_chosen(self.folder_widget.filePath())

    def _on_folder_chosen(self, text: str) -> None:
        # Typing passes through folders that exist by chance; only a finished entry counts.
        if self.folder_widget.lineEdit().hasFocus() and self.sender() is self.folder_widget:
            return
        text = text.strip()
        if text == settings().work_directory.value():
            return
        if text and not Path(text).is_dir():
            self._context.show_error(InsarError("folder.missing", folder=text))
            return
        settings().work_directory.setValue(text)
        self._context.work_directory_changed.emit()

    def _on_work_directory_changed(self) -> None:
        self.folder_widget.setFilePath(settings().work_directory.value())
        self.refresh()

    def _open_index(self, index: QModelIndex) -> None:
        job: JobOverview = index.data(OVERVIEW_ROLE)
        if job.best_page:
            self.page_requested.emit(job.best_page, str(job.path))
        else:
            self._show_problems(job)

    def _show_problems(self, job: JobOverview) -> None:
        for problem in job.problems:
            action = None
            for file in JobFolder(job.path).damaged_files([problem]):
                action = (self.tr("Set Aside…"), lambda file=file: self.actions.ask_new_file(job.path, file))
            self._context.show_error(problem, action=action)

    def _current_job(self) -> JobOverview | None:
        index = self.view.currentIndex()
        return index.data(OVERVIEW_ROLE) if index.isValid() else None

    def _rename_current(self) -> None:
        job = self._current_job()
        if job is not None:
            self.actions.ask_name(job.path, job.name)

    def _remove_current(self) -> None:
        job = self._current_job()
        if job is not None:
            self.actions.ask_removal(job.path, job.name)

    def _show_menu(self, place: QPoint) -> None:
        index = self.view.indexAt(place)
        if not index.isValid():
            return
        job: JobOverview = index.data(OVERVIEW_ROLE)
        menu = QMenu(self)
        for mark in job.marks:
            if mark.page_key:
                action = menu.addAction(
                    icon(f"stage_{mark.state}"), self.tr("Open {stage}").format(stage=mark.tag)
                )
                action.triggered.connect(
                    lambda checked=False, key=mark.page_key: self.page_requested.emit(key, str(job.path))
                )
        menu.addAction(
            QgsApplication.getThemeIcon("/mIconRaster.svg"),
            self.tr("&Decay Maps"),
            lambda: self.page_requested.emit("decay", str(job.path)),
        )
        menu.addSeparator()
        menu.addAction(
            QgsApplication.getThemeIcon("/mActionFileOpen.svg"),
            self.tr("Show &Folder"),
            lambda: self.actions.reveal(job.path),
        )
        menu.addAction(
            QgsApplication.getThemeIcon("/mActionEditCopy.svg"),
            self.tr("&Copy Folder Path"),
            lambda: QApplication.clipboard().setText(str(job.path)),
        )
        menu.addAction(self.tr("Re&name…"), lambda: self.actions.ask_name(job.path, job.name)).setShortcut(
            "F2"
        )
        menu.addAction(
            QgsApplication.getThemeIcon("/mActionDeleteSelected.svg"),
            self.tr("&Remove…"),
            lambda: self.actions.ask_removal(job.path, job.name),
        ).setShortcut("Del")
        if job.problems:
            menu.addSeparator()
            menu.addAction(
                QgsApplication.getThemeIcon("/mIconWarning.svg"),
                self.tr("Show &Details"),
                lambda: self._show_problems(job),
            )
        damaged = JobFolder(job.path).damaged_files(job.problems)
        for file in damaged:
            one = self.tr("Set Damaged &File Aside…")
            menu.addAction(
                one if len(damaged) == 1 else self.tr("Set {file} Aside…").format(file=file.name),
                lambda file=file: self.actions.ask_new_file(job.path, file),
            )
        menu.exec(self.view.viewport().mapToGlobal(place))
        menu.deleteLater()

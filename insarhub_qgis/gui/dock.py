# SPDX-License-Identifier: GPL-2.0-or-later
"""The InSARHub dock: a stack of pages that drills down from the job list, and what surrounds each page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qgis.core import QgsApplication
from qgis.gui import QgisInterface, QgsDockWidget
from qgis.PyQt.QtCore import QEvent, QSize, Qt, QTimer, QUrl, pyqtSignal
from qgis.PyQt.QtGui import QDesktopServices, QDragEnterEvent, QDropEvent, QKeySequence, QShowEvent
from qgis.PyQt.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QMenu,
    QShortcut,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.gui.icons import icon
from insarhub_qgis.gui.page_context import PageContext
from insarhub_qgis.gui.run_bar import RunBar
from insarhub_qgis.gui.sandbox_banner import SandboxBanner
from insarhub_qgis.gui.short_text import ShortLabel
from insarhub_qgis.gui.stage_line import StageLine, StageMark
from insarhub_qgis.gui.value_footer import ValueFooter
from insarhub_qgis.host.collector import leave_out_what_is_there
from insarhub_qgis.host.endpoints import is_sandbox_on
from insarhub_qgis.host.engine_environment import EngineState, engine_environment
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.host.settings import settings

HOME, SETUP, SEARCH = "home", "setup", "search"
DOWNLOADER, PROCESSOR, PRODUCTS = "downloader", "processor", "products"
ANALYZER, RESULTS = "analyzer", "results"
DECAY = "decay"

#: Page key -> "module:class". A page is imported when it is first opened; a new page is one line here.
PAGES: dict[str, str] = {
    HOME: "insarhub_qgis.gui.home_page:HomePage",
    SETUP: "insarhub_qgis.gui.setup_page:SetupPage",
    SEARCH: "insarhub_qgis.gui.search_page:SearchPage",
    DOWNLOADER: "insarhub_qgis.gui.downloader_page:DownloaderPage",
    DECAY: "insarhub_qgis.gui.decay_page:DecayPage",
    PROCESSOR: "insarhub_qgis.gui.processor_page:ProcessorPage",
    PRODUCTS: "insarhub_qgis.gui.products_page:ProductsPage",
    ANALYZER: "insarhub_qgis.gui.analyzer_page:AnalyzerPage",
    RESULTS: "insarhub_qgis.gui.results_page:ResultsPage",
}
JOB_PAGES = (DOWNLOADER, DECAY, PROCESSOR, PRODUCTS, ANALYZER, RESULTS)

PREFERRED_WIDTH_PX = 380
USABLE_WIDTH_PX = 340
MINIMUM_WIDTH_PX = 320


class PageStack(QStackedWidget):
    """Takes the size of the page that is shown, not of the largest one."""

    def sizeHint(self) -> QSize:
        page = self.currentWidget()
        return page.sizeHint() if page is not None else super().sizeHint()

    def minimumSizeHint(self) -> QSize:
        page = self.currentWidget()
        return page.minimumSizeHint() if page is not None else super().minimumSizeHint()


class InsarHubDock(QgsDockWidget):
    """Home, Set-up and the pages of one job."""

    options_requested = pyqtSignal()

    def __init__(self, iface: QgisInterface, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("InsarHubDock")
        self.setWindowTitle("InSARHub")
        self.context = PageContext(iface, self)
        self.job_folder: Path | None = None
        self._pages: dict[str, QWidget] = {}
        self._page_key = ""
        self._trail: list[str] = []
        self._help_window = None
        self._is_restored = False
        self._stage_request = 0
        self._build()
        self.setAcceptDrops(True)
        self.context.job_changed.connect(self._on_job_changed)
        self.context.runs_changed.connect(self._read_stages)
        self.context.engine_changed.connect(self._on_engine_changed)
        self.context.services_changed.connect(self._show_services)
        self.context.jobs_submitted.connect(self._on_submitted)
        self.context.search_requested.connect(self._prepare_search)

    def _build(self) -> None:
        content = QWidget(self)
        content.setObjectName("insarhubDockContent")
        self.banner = SandboxBanner(content)
        self.banner.turn_off_requested.connect(self.context.turn_sandbox_off)
        self._show_services()

        self.back_button = QToolButton(content)
        self.back_button.setObjectName("insarhubBack")
        self.back_button.setAutoRaise(True)
        self.back_button.setIcon(icon("back"))
        self.back_button.setToolTip(self.tr("Back (Esc)"))
        self.back_button.setAccessibleName(self.tr("Back"))
        self.back_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.back_button.clicked.connect(self.go_back)
        self.title = ShortLabel(content, Qt.TextElideMode.ElideMiddle)
        self.title.setObjectName("insarhubPageTitle")
        font = self.title.font()
        font.setBold(True)
        self.title.setFont(font)
        self.menu_button = QToolButton(content)
        self.menu_button.setObjectName("insarhubJobMenu")
        self.menu_button.setAutoRaise(True)
        self.menu_button.setIcon(icon("more"))
        self.menu_button.setToolTip(self.tr("Job folder and help"))
        self.menu_button.setAccessibleName(self.menu_button.toolTip())
        self.menu_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu_button.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        self.menu_button.setMenu(self._job_menu())

        self.header = QWidget(content)
        header_layout = QHBoxLayout(self.header)
        header_layout.setContentsMargins(0, 0, 0, 0)
        header_layout.setSpacing(6)
        header_layout.addWidget(self.back_button)
        header_layout.addWidget(self.title, 1)
        header_layout.addWidget(self.menu_button)

        self.stage_line = StageLine(content)
        self.stage_line.page_chosen.connect(lambda key: self.show_page(key, self.job_folder))
        self.run_bar = RunBar(self.context, content)
        self.stack = PageStack(content)
        self.stack.setObjectName("insarhubPages")
        self.stack.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        line = QFrame(content)
        line.setFrameShape(QFrame.Shape.HLine)
        line.setFrameShadow(QFrame.Shadow.Sunken)
        self.footer = ValueFooter(self.context, content)

        layout = QVBoxLayout(content)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(6)
        for widget in (self.banner, self.header, self.stage_line, self.run_bar):
            layout.addWidget(widget)
        layout.addWidget(self.stack, 1)
        layout.addWidget(line)
        layout.addWidget(self.footer)
        # Pages take what they get, so the dock itself keeps the width that they were made for.
        content.setMinimumWidth(MINIMUM_WIDTH_PX)
        self.setWidget(content)

        for keys, slot in (
            (QKeySequence(Qt.Key.Key_Escape), self.go_back),
            (QKeySequence("F1"), self.show_help),
        ):
            shortcut = QShortcut(keys, content)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(slot)

    def _job_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.setObjectName("insarhubJobMenuEntries")
        self.open_folder_action = menu.addAction(
            QgsApplication.getThemeIcon("/mActionFileOpen.svg"), self.tr("&Show Folder"), self._show_folder
        )
        self.copy_path_action = menu.addAction(
            QgsApplication.getThemeIcon("/mActionEditCopy.svg"), self.tr("&Copy Folder Path"), self._copy_path
        )
        self.decay_action = menu.addAction(
            QgsApplication.getThemeIcon("/mIconRaster.svg"),
            self.tr("&Decay Maps"),
            lambda: self.show_page(DECAY, self.job_folder),
        )
        menu.addSeparator()
        menu.addAction(
            QgsApplication.getThemeIcon("/mActionOptions.svg"),
            self.tr("&Options…"),
            self.options_requested.emit,
        )
        menu.addAction(
            QgsApplication.getThemeIcon("/mActionHelpContents.svg"), self.tr("&Help"), self.show_help
        )
        return menu

    # pages

    @property
    def page_key(self) -> str:
        """Key of the page that is shown; empty before the first one."""
        return self._page_key

    def page(self, key: str) -> QWidget:
        """The page, imported and made on first use."""
        if key not in self._pages:
            module_name, class_name = PAGES[key].split(":")
            # Not importlib: QGIS notes what the statement imports, and forgets only that when the plugin is reloaded.
            module = __import__(module_name, fromlist=[class_name])
            page = getattr(module, class_name)(self.context, self.stack)
            page.back_requested.connect(self.go_back)
            page.page_requested.connect(
                lambda wanted, job: self.show_page(wanted, Path(job) if job else None)
            )
            if key == HOME:
                page.products_requested.connect(self.choose_products)
                page.options_requested.connect(self.options_requested)
            if key == PROCESSOR:
                page.product_requested.connect(self._show_product)
            self._pages[key] = page
            self.stack.addWidget(page)
        return self._pages[key]

    def show_page(self, key: str, job_folder: Path | None = None) -> None:
        """Show a page; job pages need the job folder. Back leads to the page that was shown before."""
        if key in JOB_PAGES and job_folder is None:
            raise ValueError(f"page {key} needs a job folder")
        page = self.page(key)
        has_changed_job = key in JOB_PAGES and job_folder != self.job_folder
        if key == HOME:
            self._trail = []
        elif self._page_key and self._page_key != key and key not in self._trail:
            # Between the stages of a job Back leads home at once, not through every page looked at. The decay maps are
            # a look aside from a stage.
            is_stage = self._page_key in JOB_PAGES and key in JOB_PAGES and key != DECAY
            if is_stage:
                self._trail = [page for page in self._trail if page not in JOB_PAGES]
            else:
                self._trail.append(self._page_key)
        elif key in self._trail:
            del self._trail[self._trail.index(key) :]
        self._page_key = key
        if key in JOB_PAGES:
            self.job_folder = job_folder
            if has_changed_job:
                self.stage_line.show_stages((), key)
            page.open_job(job_folder)
        elif hasattr(page, "open_page"):
            page.open_page()
        self.stack.setCurrentWidget(page)
        self.stack.updateGeometry()
        self._show_header(page)
        self._read_stages()
        self._remember()
        if self.isVisible() and self.isAncestorOf(QApplication.focusWidget() or self):
            page.setFocus()

    def go_back(self) -> None:
        """One step up; nothing happens on the first page."""
        if self._page_key == HOME or (self._page_key == SETUP and not self._trail):
            return
        target = self._trail[-1] if self._trail else HOME
        self.show_page(target, self.job_folder if target in JOB_PAGES else None)

    def show_first_page(self) -> None:
        """Job list, or Set-up on a QGIS that has no engine yet."""
        self.show_page(SETUP if engine_environment().state is EngineState.MISSING else HOME)

    def show_help(self) -> None:
        if self._help_window is None:
            from insarhub_qgis.gui.help_window import HelpWindow

            self._help_window = HelpWindow(self)
        self._help_window.show_page(self._page_key or HOME)

    def _show_services(self) -> None:
        self.banner.setVisible(is_sandbox_on())

    def open_folders(self, folders: Sequence[Path]) -> None:
        """Open folders of products or job folders, as after a drop."""
        from insarhub_qgis.gui.open_products import OpenProductsFlow

        for folder in folders:
            OpenProductsFlow(self.context, self, self._on_opened).open_dropped(folder)

    def choose_products(self) -> None:
        """Ask for a folder of products and open it."""
        from insarhub_qgis.gui.open_products import OpenProductsFlow

        OpenProductsFlow(self.context, self, self._on_opened).ask()

    def close_dock(self) -> None:
        """Stop pages, runs and the footer; called once, before the dock is deleted."""
        for page in self._pages.values():
            page.close_page()
        self._pages.clear()
        self.footer.close_footer()
        self.context.close()
        if self._help_window is not None:
            self._help_window.close()

    # what surrounds the page

    def _show_header(self, page: QWidget) -> None:
        is_job_page = self._page_key in JOB_PAGES
        self.header.setVisible(self._page_key != HOME)
        self.back_button.setVisible(bool(self._trail) or self._page_key not in (HOME, SETUP))
        if is_job_page and self.job_folder is not None:
            self.title.setText(f"{self.job_folder.name} – {page.title}")
            self.title.setToolTip(str(self.job_folder))
        else:
            self.title.setText(page.title)
        self.stage_line.setVisible(is_job_page)
        self.open_folder_action.setEnabled(is_job_page)
        self.copy_path_action.setEnabled(is_job_page)
        self.decay_action.setEnabled(is_job_page and self._page_key != DECAY)

    def _read_stages(self) -> None:
        if self._page_key not in JOB_PAGES or self.job_folder is None:
            return
        from insarhub_qgis.gui.job_overview import read_job

        folder = self.job_folder
        self._stage_request += 1
        number = self._stage_request
        running = {
            run.job_folder: type(run.task.request).__name__ for run in self.context.runs if run.job_folder
        }

        def show(overview: object) -> None:
            if number == self._stage_request and self._page_key in JOB_PAGES:
                self._show_stages(overview.marks)
                self.title.setText(f"{overview.name} – {self.page(self._page_key).title}")
                self.title.setToolTip(str(folder))

        self.context.read(
            self.tr("Reading the state of {job}").format(job=folder.name),
            lambda is_cancelled: read_job(folder, running.get(folder, "")),
            show,
        )

    def _show_stages(self, marks: Sequence[StageMark]) -> None:
        self.stage_line.show_stages(marks, self._page_key)

    def _on_job_changed(self, folder: Path) -> None:
        from insarhub_qgis.layers.result_layers import refresh_result_layers

        # Whatever page is open: what MintPy wrote anew is what the map shows.
        for layer, error in refresh_result_layers(self.context.project(), folder):
            self.context.show_error(f"{layer.name()}: {sentence(error)}")
        if folder == self.job_folder:
            self._read_stages()

    def _on_engine_changed(self) -> None:
        if (
            self._page_key == SETUP
            and engine_environment().state is not EngineState.MISSING
            and not self._trail
        ):
            self._trail = [HOME]
            self._show_header(self.page(SETUP))

    def _on_opened(self, job_folder: Path) -> None:
        self.context.job_changed.emit(job_folder)
        self.show_page(PRODUCTS, job_folder)

    def _show_product(self, job_folder: str, product: str) -> None:
        self.show_page(PRODUCTS, Path(job_folder))
        self.page(PRODUCTS).show_product(product)

    def _on_submitted(self, job_folder: Path, answer: dict[str, Any]) -> None:
        self.setUserVisible(True)
        self.show_page(PROCESSOR, job_folder)
        self.page(PROCESSOR).runs.tell_submission(job_folder, answer)

    def _prepare_search(self, request: dict[str, Any]) -> None:
        self.setUserVisible(True)
        # Filled first: a page that opens looks for the last answer else.
        self.page(SEARCH).prepare(request)
        self.show_page(SEARCH)

    def _show_folder(self) -> None:
        if self.job_folder is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.job_folder)))

    def _copy_path(self) -> None:
        if self.job_folder is not None:
            QApplication.clipboard().setText(str(self.job_folder))

    def _remember(self) -> None:
        is_job_page = self._page_key in JOB_PAGES
        settings().last_page.setValue(self._page_key if is_job_page else "")
        settings().last_job.setValue(str(self.job_folder) if is_job_page else "")

    def _restore(self) -> None:
        if self._page_key:
            return
        key, job = settings().last_page.value(), settings().last_job.value()
        has_engine = engine_environment().state is not EngineState.MISSING
        if has_engine and key in JOB_PAGES and job and Path(job).is_dir():
            self.show_page(HOME)
            self.show_page(key, Path(job))
        else:
            self.show_first_page()
        leave_out_what_is_there()

    # Qt

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._is_restored:
            # After the start of QGIS, so that a dock that was left open costs no start-up time.
            self._is_restored = True
            QTimer.singleShot(0, self._restore)

    def sizeHint(self) -> QSize:
        return QSize(PREFERRED_WIDTH_PX, super().sizeHint().height())

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self.back_button.setIcon(icon("back"))
            self.menu_button.setIcon(icon("more"))
        super().changeEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped_folders(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        folders = dropped_folders(event)
        if folders:
            event.acceptProposedAction()
            # The file manager waits for the end of the drop; a dialog may follow.
            QTimer.singleShot(0, lambda: self.open_folders(folders))


def dropped_folders(event: QDropEvent) -> list[Path]:
    """Folders of a drop; of zips that are dropped one by one, the folder that holds them."""
    folders: list[Path] = []
    for url in event.mimeData().urls():
        path = Path(url.toLocalFile()) if url.isLocalFile() else None
        if path is None:
            continue
        folder = path if path.is_dir() else path.parent if path.suffix.lower() == ".zip" else None
        if folder is not None and folder not in folders:
            folders.append(folder)
    return folders

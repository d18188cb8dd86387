# SPDX-License-Identifier: GPL-2.0-or-later
"""The plugin: composes dock, toolbar, menu, options page and Processing provider, and takes all of it down again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

from qgis.core import QgsApplication

from insarhub_qgis.host import log
from insarhub_qgis.host.engine_environment import forget_private_libraries, use_private_libraries
from insarhub_qgis.host.settings import settings, unregister_settings
from insarhub_qgis.host.translation import install_translation, remove_translation, tr

if TYPE_CHECKING:
    from insarhub_qgis.gui.dock import InsarHubDock
    from insarhub_qgis.processing.provider import InsarHubProvider

CONTEXT = "Plugin"


class InsarHubPlugin:
    """What QGIS holds. ``iface`` is None under ``qgis_process``, where only `initProcessing` is called."""

    def __init__(self, iface: Any) -> None:
        self._iface = iface
        self._dock: InsarHubDock | None = None
        self._provider: InsarHubProvider | None = None
        #: What takes down each thing that was put up, in the order of putting up.
        self._undo: list[Callable[[], None]] = []

    @property
    def dock(self) -> InsarHubDock | None:
        """The dock; None outside QGIS Desktop."""
        return self._dock

    def initProcessing(self) -> None:
        """Register the algorithms; also the whole start under ``qgis_process``, so nothing of gui is imported."""
        if self._provider is not None:
            return
        from insarhub_qgis.processing.provider import InsarHubProvider

        self._start_host()
        self._provider = InsarHubProvider()
        QgsApplication.processingRegistry().addProvider(self._provider)
        self._undo.append(self._remove_provider)

    def initGui(self) -> None:
        """Put everything up; what was put up before an error is taken down by `unload`."""
        try:
            self._start_host()
            self.initProcessing()
            self._add_dock()
            self._add_actions()
            self._add_options_page()
        except Exception:
            # QGIS does not unload a plugin whose start failed; half of it must not stay.
            self.unload()
            raise

    def unload(self) -> None:
        """Take everything down in reverse; also after a partial start and when QGIS closes during a run."""
        while self._undo:
            undo = self._undo.pop()
            try:
                undo()
            except Exception:  # one thing that fails to go must not keep the others
                log.exception("unload")

    # for scripts and the demo

    def show_job(self, job_folder: Path, page: str = "products") -> None:
        """Open the dock on a page of a job: ``products``, ``analyzer`` or ``results``."""
        self._dock.setUserVisible(True)
        self._dock.show_page(page, Path(job_folder))

    def show_series(self, job_folder: Path, source: Any) -> None:
        """Open the time-series dock on a time series of a job (`layers.result_sources.ResultSource`)."""
        dock = self._dock.context.series_dock()
        dock.show()
        dock.show_series(source)

    # put up

    def _start_host(self) -> None:
        if self._undo:
            return
        log.attach_log()
        self._undo.append(log.detach_log)
        settings()
        self._undo.append(unregister_settings)
        use_private_libraries()
        self._undo.append(forget_private_libraries)
        install_translation()
        self._undo.append(remove_translation)
        self._undo.append(self._stop_tasks)

    def _stop_tasks(self) -> None:
        from insarhub_qgis.host.collector import look_at_all_again
        from insarhub_qgis.host.engine_process import stop_engine_tasks
        from insarhub_qgis.host.task_start import give_places_back

        stop_engine_tasks()
        give_places_back()
        look_at_all_again()

    def _remove_provider(self) -> None:
        QgsApplication.processingRegistry().removeProvider(self._provider)
        self._provider = None

    def _add_dock(self) -> None:
        from qgis.PyQt.QtCore import Qt

        from insarhub_qgis.gui.dock import InsarHubDock

        self._dock = InsarHubDock(self._iface, self._iface.mainWindow())
        self._undo.append(self._remove_dock)
        self._dock.options_requested.connect(self._show_options)
        # Beside Layer Styling where that is shown; hidden until asked for, or as QGIS was left.
        self._iface.addTabifiedDockWidget(
            Qt.DockWidgetArea.RightDockWidgetArea, self._dock, ["LayerStyling", "ProcessingToolbox"], False
        )
        self._dock.hide()
        self._iface.mainWindow().restoreDockWidget(self._dock)

    def _remove_dock(self) -> None:
        self._dock.close_dock()
        self._iface.removeDockWidget(self._dock)
        self._dock.deleteLater()
        self._dock = None

    def _add_actions(self) -> None:
        from qgis.PyQt.QtWidgets import QAction, QMenu

        from insarhub_qgis.gui.icons import icon

        window = self._iface.mainWindow()
        toolbar = self._iface.addToolBar("InSARHub")
        toolbar.setObjectName("InsarHubToolBar")
        self._undo.append(lambda: self._remove_toolbar(toolbar))
        menu = QMenu("&InSARHub", window)
        menu.setObjectName("InsarHubMenu")
        menu.setIcon(icon("insarhub"))
        self._iface.rasterMenu().addMenu(menu)
        self._undo.append(lambda: self._remove_menu(menu))

        def add(
            name: str, picture: Any, text: str, slot: Callable[[], None], *, in_toolbar: bool = True
        ) -> None:
            action = QAction(picture, text, window)
            action.setObjectName(name)
            action.triggered.connect(lambda checked=False: slot())
            menu.addAction(action)
            if in_toolbar:
                toolbar.addAction(action)
            self._undo.append(action.deleteLater)

        panel = self._dock.toggleViewAction()
        panel.setObjectName("insarhubTogglePanel")
        panel.setIcon(icon("insarhub"))
        panel.setText(tr("InSARHub &Panel", CONTEXT))
        panel.setToolTip(tr("Show or hide the InSARHub panel", CONTEXT))
        menu.addAction(panel)
        toolbar.addAction(panel)
        theme = QgsApplication.getThemeIcon
        add("insarhubSearchAction", theme("/search.svg"), tr("Search &Scenes…", CONTEXT), self._show_search)
        add(
            "insarhubOpenProductsAction",
            icon("open_products"),
            tr("&Open Products…", CONTEXT),
            self._open_products,
        )
        add(
            "insarhubPickTimeSeries", icon("time_series"), tr("Pick &Time Series", CONTEXT), self._pick_series
        )
        menu.addSeparator()
        add(
            "insarhubOptionsAction",
            theme("/mActionOptions.svg"),
            tr("O&ptions…", CONTEXT),
            self._show_options,
        )
        setup_icon = theme("/processingAlgorithm.svg")
        add("insarhubSetupAction", setup_icon, tr("&Set-up…", CONTEXT), self._show_setup, in_toolbar=False)
        add("insarhubHelpAction", theme("/mActionHelpContents.svg"), tr("&Help", CONTEXT), self._show_help)

    def _remove_toolbar(self, toolbar: Any) -> None:
        self._iface.mainWindow().removeToolBar(toolbar)
        toolbar.deleteLater()

    def _remove_menu(self, menu: Any) -> None:
        self._iface.rasterMenu().removeAction(menu.menuAction())
        menu.deleteLater()

    def _add_options_page(self) -> None:
        from insarhub_qgis.gui.options_page import OptionsPageFactory

        factory = OptionsPageFactory(self._on_options_applied, self._show_setup)
        self._iface.registerOptionsWidgetFactory(factory)
        self._undo.append(lambda: self._iface.unregisterOptionsWidgetFactory(factory))

    # actions

    def _show_search(self) -> None:
        from insarhub_qgis.gui.dock import SEARCH

        self._dock.setUserVisible(True)
        self._dock.show_page(SEARCH)

    def _open_products(self) -> None:
        self._dock.setUserVisible(True)
        self._dock.choose_products()

    def _pick_series(self) -> None:
        self._dock.context.series_dock().start_picking()

    def _show_options(self) -> None:
        self._iface.showOptionsDialog(self._iface.mainWindow(), "insarhub")

    def _show_setup(self) -> None:
        from insarhub_qgis.gui.dock import SETUP

        self._dock.setUserVisible(True)
        self._dock.show_page(SETUP)

    def _show_help(self) -> None:
        self._dock.show_help()

    def _on_options_applied(
        self, is_other_engine: bool, is_other_directory: bool, has_other_services: bool
    ) -> None:
        if is_other_engine:
            self._dock.context.engine_changed.emit()
        if is_other_directory:
            self._dock.context.work_directory_changed.emit()
        if has_other_services:
            self._dock.context.services_changed.emit()

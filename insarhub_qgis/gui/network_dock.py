# SPDX-License-Identifier: GPL-2.0-or-later
"""The network editor: graph, View Pairs, parameters and checks of one stack at a time."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Optional

from qgis.core import Qgis
from qgis.gui import QgsMessageBar
from qgis.PyQt.QtCore import QEvent, QFileSystemWatcher, QPoint, QSize, Qt, QTimer
from qgis.PyQt.QtGui import QCloseEvent, QKeyEvent, QKeySequence
from qgis.PyQt.QtWidgets import (
    QDockWidget,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QMenu,
    QMessageBox,
    QPushButton,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.core import network_checks
from insarhub_qgis.core.atomic_files import write_text_atomically
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.job_folder import list_job_folders
from insarhub_qgis.core.network_budget import PairPrices
from insarhub_qgis.core.network_checks import CheckRow, check_network
from insarhub_qgis.core.network_files import OpenNetwork, load_network, save_network
from insarhub_qgis.core.network_graph import PairKey
from insarhub_qgis.core.network_model import NEW_BRIDGE, SPLIT, Change, StackNetwork, Warned
from insarhub_qgis.core.processed_pairs import prices_for
from insarhub_qgis.core.progress import IsCancelled, stop_if_cancelled
from insarhub_qgis.core.quality_files import PAIR_DATABASE_NAME
from insarhub_qgis.gui import network_texts
from insarhub_qgis.gui.network_check_card import CheckLine, NetworkCheckCard
from insarhub_qgis.gui.network_dialogs import BridgesDialog, HistoryDialog
from insarhub_qgis.gui.network_map_link import FootprintLink
from insarhub_qgis.gui.network_quality import NetworkQuality
from insarhub_qgis.gui.network_session import NetworkSession, poor_pairs_to_spare
from insarhub_qgis.gui.network_toolbar import NetworkToolbar
from insarhub_qgis.gui.network_view import Item
from insarhub_qgis.gui.newest_read import NewestRead
from insarhub_qgis.gui.pairs_table import PairsTable
from insarhub_qgis.gui.parameters_panel import ParametersPanel
from insarhub_qgis.gui.quality_line import QualityLine
from insarhub_qgis.gui.quality_panel import QualityPanel
from insarhub_qgis.gui.selection_preview import SelectionPreview
from insarhub_qgis.gui.short_text import ShortLabel
from insarhub_qgis.host.collector import leave_out_what_is_there
from insarhub_qgis.host.messages import sentence, what_happened
from insarhub_qgis.layers.network_picture import NetworkPicture, picture_classes

if TYPE_CHECKING:
    from insarhub_qgis.gui.network_canvas import NetworkCanvas
    from insarhub_qgis.gui.network_legend import NetworkLegend
    from insarhub_qgis.gui.page_context import PageContext

SIZE = QSize(1100, 600)
SAVE, DISCARD, KEEP, CANCEL = "save", "discard", "keep", "cancel"
#: Pause after an edit before the crash copy is written.
COPY_MS = 800
PICTURE_DELAY_S = 0.5
PAIRS_TAB, PARAMETERS_TAB, CHECK_TAB, QUALITY_TAB = range(4)


class NetworkDock(QDockWidget):
    """Edits networks; every change goes through the commands of `StackNetwork` and can be undone.

    ``ask`` and ``confirm`` put the questions, so that tests can answer them: ``ask(session, can_keep)`` gives
    `SAVE`, `DISCARD`, `KEEP` or `CANCEL`; ``ask_reload(session)`` gives True to reload, False to keep, None to cancel.
    """

    def __init__(self, context: PageContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("insarhub_network_dock")
        self._context = context
        self._sessions: dict[Path, NetworkSession] = {}
        self.session: Optional[NetworkSession] = None
        self._graph: Optional[tuple[Optional[NetworkCanvas], Optional[NetworkLegend]]] = None
        self._keys: list[PairKey] = []
        #: Position of a pair in the picture.
        self._place: dict[PairKey, int] = {}
        self._warned: list[Warned] = []
        self._checking = NewestRead(context)
        self._wanted: Optional[Path] = None
        self.ask: Callable[[NetworkSession, bool], str] = self._ask
        self.ask_reload: Callable[[NetworkSession], Optional[bool]] = self._ask_reload
        self._link = FootprintLink(context.canvas())
        self._copy_timer = QTimer(self)
        self._copy_timer.setSingleShot(True)
        self._copy_timer.setInterval(COPY_MS)
        self._copy_timer.timeout.connect(self._write_copy)
        self._disk_timer = QTimer(self)
        self._disk_timer.setSingleShot(True)
        self._disk_timer.setInterval(300)
        self._disk_timer.timeout.connect(self.check_disk)
        self._watcher = QFileSystemWatcher(self)
        self._watcher.fileChanged.connect(lambda _: self._disk_timer.start())
        self._build()
        # The graph takes as long as all the rest: the window is there a turn before it.
        self._graph_timer = QTimer(self)
        self._graph_timer.setSingleShot(True)
        self._graph_timer.timeout.connect(lambda: self.canvas)
        self._graph_timer.start(0)
        self._show_title()
        context.canvas().destinationCrsChanged.connect(self._link.forget_places)
        context.job_changed.connect(self._on_job_changed)
        context.project().cleared.connect(self._on_project_cleared)
        self._window = context.iface.mainWindow()
        self._window.installEventFilter(self)

    # --- what others call

    @property
    def network(self) -> StackNetwork | None:
        return self.session.network if self.session is not None else None

    @property
    def dirty_sessions(self) -> list[NetworkSession]:
        """Stacks with unsaved edits."""
        return [session for session in self._sessions.values() if session.is_dirty]

    def open_job(self, job_folder: Path) -> None:
        """Show the network of a job folder; unsaved edits of the present one are asked about first."""
        folder = Path(job_folder).absolute()
        self.show()
        self.raise_()
        if self.session is not None and self.session.folder == folder:
            self.check_disk()
            return
        if not self._may_leave():
            self.toolbar.choose_stack(self.session.folder if self.session else None)
            return
        self._wanted = folder
        present = self._sessions.get(folder)
        if present is not None:
            self._use(present)
            return
        self._say(self.tr("Reading the network of {job}…").format(job=folder.name))
        self._context.read(
            self.tr("Reading the network of {job}").format(job=folder.name),
            lambda _: load_network(folder),
            self._on_loaded,
            self._on_not_loaded,
        )

    def save(self) -> bool:
        """Save stack file and picture in a worker thread; False when that was not begun."""
        session = self.session
        if session is None or session.is_saving:
            return False
        overwrite = self._may_overwrite(session)
        if overwrite is None:
            return False
        frozen = session.begin_save()
        self._show_state()
        self._say(self.tr("Saving…"))
        self._context.read(
            self.tr("Saving the network of {job}").format(job=session.name),
            lambda _: save_network(frozen, overwrite=overwrite),
            lambda path: self._on_saved(session, frozen, path),
            lambda error: self._on_not_saved(session, error),
        )
        return True

    def save_now(self, session: NetworkSession) -> bool:
        """Save before something else goes on; False when it was not saved."""
        overwrite = self._may_overwrite(session)
        if overwrite is None:
            return False
        frozen = session.begin_save()
        try:
            path = save_network(frozen, overwrite=overwrite)
        except InsarError as error:
            self._on_not_saved(session, error)
            return False
        self._on_saved(session, frozen, path)
        return True

    def _may_overwrite(self, session: NetworkSession) -> bool | None:
        """Whether to save over what another program wrote; None: not to save."""
        if not session.opened.has_changed_on_disk:
            return False
        answer = self.ask_reload(session)
        if answer:
            self._reload(session)
        return None if answer is None or answer else True

    def _on_saved(self, session: NetworkSession, frozen: OpenNetwork, path: Path) -> None:
        session.end_save(frozen)
        if self.session is session:
            self._watch()
            self._show_state()
        self._say(self.tr("Saved: {file}").format(file=path.name))
        self._write_picture(frozen, session.name)
        self._context.job_changed.emit(session.folder)

    def _on_not_saved(self, session: NetworkSession, error: InsarError) -> None:
        session.fail_save()
        self._say("")
        self._show_state()
        self._context.show_error(error)

    def check_disk(self) -> None:
        """Take over what another program wrote; with edits of our own, ask."""
        self.quality.check_files()
        session = self.session
        if session is None or session.is_saving or not session.opened.has_changed_on_disk:
            return
        if not session.is_dirty:
            self._reload(session)
            return
        self.bar.clearWidgets()
        item = self.bar.createMessage(
            self.tr("{file} was changed by another program.").format(file=session.name)
        )
        reload_button = QPushButton(self.tr("Reload, lose my edits"), item)
        reload_button.clicked.connect(lambda: self._reload(session))
        keep_button = QPushButton(self.tr("Keep mine"), item)
        keep_button.clicked.connect(self.bar.clearWidgets)
        item.layout().addWidget(reload_button)
        item.layout().addWidget(keep_button)
        self.bar.pushWidget(item, Qgis.MessageLevel.Warning, 0)

    def close_dock(self) -> None:
        """Leave all signals, remove footprints, free the canvas. Unsaved edits stay as crash copies."""
        self._window.removeEventFilter(self)
        for signal, slot in (
            (self._context.canvas().destinationCrsChanged, self._link.forget_places),
            (self._context.job_changed, self._on_job_changed),
            (self._context.project().cleared, self._on_project_cleared),
        ):
            signal.disconnect(slot)
        for timer in (self._copy_timer, self._disk_timer):
            timer.stop()
        for session in self._sessions.values():
            session.write_copy()
        self._sessions.clear()
        self.session = None
        self._checking.cancel()
        self.preview.use(None)
        self._link.close()
        self.quality.close()
        self._graph_timer.stop()
        if self._graph is not None and self._graph[0] is not None:
            self._graph[0].dispose()

    # --- widgets

    def sizeHint(self) -> QSize:
        return SIZE

    def float_over(self, window: QWidget) -> None:
        """Float in the middle of a window, as large as there is room."""
        area = window.geometry()
        size = SIZE.boundedTo(QSize(max(area.width() - 40, 480), max(area.height() - 80, 320)))
        self.setFloating(True)
        self.resize(size)
        self.move(area.center() - QPoint(size.width() // 2, size.height() // 2))

    def _build(self) -> None:
        content = QWidget(self)
        layout = QVBoxLayout(content)
        layout.setContentsMargins(6, 0, 6, 3)
        layout.setSpacing(3)
        self.toolbar = NetworkToolbar(content)
        bar = self.toolbar
        bar.stack_chosen.connect(self.open_job)
        bar.save_action.triggered.connect(self.save)
        bar.undo_action.triggered.connect(self.undo)
        bar.redo_action.triggered.connect(self.redo)
        bar.history_action.triggered.connect(self.show_history)
        bar.remove_action.triggered.connect(self.remove_selected)
        bar.restore_action.triggered.connect(self.restore_selected)
        bar.invert_action.triggered.connect(self.invert_selected)
        bar.poor_action.triggered.connect(lambda: self.remove_poor())
        bar.bridges_action.triggered.connect(self.suggest_bridges)
        bar.export_requested.connect(self._export)
        layout.addWidget(bar)
        self.bar = QgsMessageBar(content)
        layout.addWidget(self.bar)
        self.splitter = QSplitter(Qt.Orientation.Horizontal, content)
        self.splitter.setChildrenCollapsible(False)
        self._graph_place = QWidget(self.splitter)
        QVBoxLayout(self._graph_place).setContentsMargins(0, 0, 0, 0)
        self.splitter.addWidget(self._graph_place)
        self.tabs = QTabWidget(self.splitter)
        self.tabs.setDocumentMode(True)
        self.table = PairsTable(self.tabs)
        self.table.hovered.connect(self._on_table_hover)
        self.table.selection_changed.connect(self._on_table_selection)
        self.table.toggle_requested.connect(self.toggle_pairs)
        self.table.csv_requested.connect(lambda: self._export("csv"))
        self.table.model.tip_of = self._pair_tip
        self.table.model.is_degraded = self._is_degraded
        self.table.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.view.customContextMenuRequested.connect(self._show_table_menu)
        self.parameters = ParametersPanel(self.tabs)
        self.preview = SelectionPreview(self._context, self.parameters, self)
        self.parameters.apply_requested.connect(self.apply_parameters)
        self.check = NetworkCheckCard(self.tabs)
        self.tabs.addTab(self.table, self.tr("View Pairs"))
        self.tabs.addTab(self.parameters, self.tr("Parameters"))
        self.tabs.addTab(self.check, self.tr("Check"))
        self.quality_panel = QualityPanel(self.tabs)
        self.tabs.addTab(self.quality_panel, self.tr("&Quality"))
        self.tabs.currentChanged.connect(self._on_tab)
        self.splitter.addWidget(self.tabs)
        self.splitter.setStretchFactor(0, 3)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setSizes([610, 470])
        layout.addWidget(self.splitter, 1)
        self.status = ShortLabel(content)
        self.status.setObjectName("insarhub_network_status")
        self.quality_line = QualityLine(content)
        lines = QHBoxLayout()
        lines.setSpacing(9)
        lines.addWidget(self.status, 2)
        lines.addWidget(self.quality_line, 3)
        layout.addLayout(lines)
        self.quality = NetworkQuality(self._context, self.quality_panel, self.quality_line, self)
        self.quality.scores_changed.connect(self._show_scores)
        self.setWidget(content)
        bar.side_action.toggled.connect(self.tabs.setVisible)
        self._enable()

    @property
    def canvas(self) -> NetworkCanvas | None:
        """The graph, made when first asked for; None without matplotlib."""
        return self._made_graph()[0]

    @property
    def legend(self) -> NetworkLegend | None:
        return self._made_graph()[1]

    def _made_graph(self) -> tuple[NetworkCanvas | None, NetworkLegend | None]:
        if self._graph is None:
            self._graph = self._make_graph(self._graph_place)
            # matplotlib came with it.
            leave_out_what_is_there()
        return self._graph

    def _make_graph(self, place: QWidget) -> tuple[NetworkCanvas | None, NetworkLegend | None]:
        layout = place.layout()
        try:
            from insarhub_qgis.gui.network_canvas import NetworkCanvas
            from insarhub_qgis.gui.network_legend import NetworkLegend
        except ImportError as error:
            missing = QLabel(
                self.tr(
                    "The graph needs matplotlib, which this QGIS lacks ({reason}). The table works without."
                ).format(reason=error),
                place,
            )
            missing.setWordWrap(True)
            layout.addWidget(missing)
            return None, None
        layout.setSpacing(0)
        legend = NetworkLegend(place)
        legend.setVisible(self.toolbar.legend_action.isChecked())
        canvas = NetworkCanvas(place)
        canvas.empty_text = self.tr("No stack is open. Press Edit Network in a job.")
        canvas.tip_of = self._tip
        canvas.preview_of = self._pair_preview
        canvas.hovered.connect(self._on_canvas_hover)
        canvas.pair_clicked.connect(lambda index: self.toggle_pairs([self._keys[index]]))
        canvas.pair_drawn.connect(lambda one, other: self.add_pair((one, other)))
        canvas.selection_changed.connect(self._on_canvas_selection)
        canvas.menu_requested.connect(self._show_menu)
        self.toolbar.fit_action.triggered.connect(canvas.fit)
        self.toolbar.legend_action.toggled.connect(legend.setVisible)
        layout.addWidget(legend)
        layout.addWidget(canvas, 1)
        return canvas, legend

    # --- stacks

    def _on_loaded(self, opened: OpenNetwork) -> None:
        if opened.job.path != self._wanted:
            return
        session = NetworkSession(opened)
        self._sessions[session.folder] = session
        self._use(session)
        if opened.problems:
            self._context.show_warning(
                self.tr("Parts of the network of {job} could not be read.").format(job=session.name),
                "\n".join(sentence(problem) for problem in opened.problems),
            )
        self._offer_copy(session)

    def _on_not_loaded(self, error: InsarError) -> None:
        self._say(sentence(error))
        self._context.show_error(error)
        self.toolbar.choose_stack(self.session.folder if self.session else None)

    def _use(self, session: NetworkSession) -> None:
        self.session = session
        self._warned = []
        self.bar.clearWidgets()
        self._link.use(session.network.facts)
        self._list_stacks()
        self._watch()
        self.parameters.show_parameters(session.network.parameters)
        self.preview.use(session)
        if self.canvas is not None:
            self.canvas.select((), (), tell=False)
        self.table.select(())
        self.table.show_prices(session.prices)
        self.quality.use(session)
        self._show_network(fit=True)
        self._read_prices()
        self._on_tab(self.tabs.currentIndex())
        is_empty = not session.network.marks and bool(session.network.nodes)
        hint = self.tr("No pairs yet: choose them by rules under Parameters, or drag from date to date.")
        self._say(hint if is_empty else "")

    def _read_prices(self) -> None:
        """Find what the pairs cost: the price in the parameters, else what was paid in this folder."""
        session = self.session
        if session is None:
            return
        job, parameters = session.opened.job, session.network.parameters

        def show(prices: PairPrices | None) -> None:
            session.prices = prices
            if self.session is session:
                self.table.show_prices(prices)

        self._context.read(
            self.tr("Reading the prices of {job}").format(job=session.name),
            lambda _: prices_for(job, parameters),
            show,
        )

    def _reload(self, session: NetworkSession) -> None:
        session.drop_copy()
        self._sessions.pop(session.folder, None)
        self.bar.clearWidgets()
        folder, self._wanted = session.folder, session.folder
        self._context.read(
            self.tr("Reading the network of {job}").format(job=folder.name),
            lambda _: load_network(folder),
            self._on_loaded,
            self._on_not_loaded,
        )

    def _list_stacks(self) -> None:
        if self.session is None:
            return
        here = self.session
        known = {session.folder: session.name for session in self._sessions.values()}

        def show(found: list[tuple[str, Path]]) -> None:
            if self.session is here:
                rows = {**{folder: name for name, folder in found}, **known}
                self.toolbar.show_stacks([(name, folder) for folder, name in rows.items()], here.folder)

        self.toolbar.show_stacks([(name, folder) for folder, name in known.items()], here.folder)
        parent = here.folder.parent
        self._context.read(
            self.tr("Listing the stacks beside {job}").format(job=here.name),
            lambda _: [
                (job.name, job.path) for job in list_job_folders(parent) if job.stack_file() is not None
            ],
            show,
            lambda _: None,
        )

    def _watch(self) -> None:
        present = self._watcher.files()
        if present:
            self._watcher.removePaths(present)
        if self.session is None:
            return
        job = self.session.opened.job
        for file in (job.stack_file(), job.path / PAIR_DATABASE_NAME):
            if file is not None and file.exists():
                self._watcher.addPath(str(file))

    def _offer_copy(self, session: NetworkSession) -> None:
        saved_at = session.found_copy()
        if saved_at is None:
            return
        item = self.bar.createMessage(
            self.tr("Edits of {time} were left unsaved.").format(
                time=saved_at.astimezone().strftime("%Y-%m-%d %H:%M")
            )
        )

        def restore() -> None:
            self.bar.clearWidgets()
            try:
                session.restore_copy()
            except InsarError as error:
                self._context.show_error(error)
                return
            if self.session is session:
                self.parameters.show_parameters(session.network.parameters)
                self._show_network()
                self._read_prices()

        def drop() -> None:
            session.drop_copy()
            self.bar.clearWidgets()

        for text, action in ((self.tr("Restore"), restore), (self.tr("Discard"), drop)):
            button = QPushButton(text, item)
            button.clicked.connect(action)
            item.layout().addWidget(button)
        self.bar.pushWidget(item, Qgis.MessageLevel.Info, 0)

    # --- unsaved edits

    def _may_leave(self) -> bool:
        """Ask about unsaved edits of the present stack before another one is shown."""
        session = self.session
        if session is None or not session.is_dirty:
            return True
        return self._settle(session, self.ask(session, True))

    def _settle(self, session: NetworkSession, answer: str) -> bool:
        if answer == SAVE:
            return self.save_now(session)
        if answer == DISCARD:
            session.drop_copy()
            self._sessions.pop(session.folder, None)
            if self.session is session:
                self.session = None
                self.preview.use(None)
                self.quality.use(None)
                self._show_network()
        elif answer == KEEP:
            session.write_copy()
        return answer != CANCEL

    def may_close(self) -> bool:
        """Ask about every stack with unsaved edits; False when one is to stay open."""
        return all(self._settle(session, self.ask(session, False)) for session in self.dirty_sessions)

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.may_close():
            self._link.clear()
            super().closeEvent(event)
        else:
            event.ignore()

    def eventFilter(self, watched: Any, event: QEvent) -> bool:
        """QGIS itself is being closed."""
        if watched is self._window and event.type() == QEvent.Type.Close and not self.may_close():
            event.ignore()
            return True
        return False

    def _on_project_cleared(self) -> None:
        """Nothing here belongs to the project, but the map does: footprints go, edits stay and are told."""
        self._link.clear()
        names = ", ".join(session.name for session in self.dirty_sessions)
        if names:
            self.bar.pushInfo("", self.tr("Unsaved edits are kept: {names}.").format(names=names))

    def _on_job_changed(self, folder: Path) -> None:
        if self.session is not None and Path(folder) == self.session.folder:
            self.check_disk()
            self._read_prices()

    def _write_copy(self) -> None:
        if self.session is not None:
            self.session.write_copy()

    def _ask(self, session: NetworkSession, can_keep: bool) -> str:
        box = QMessageBox(self)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle(self.tr("Unsaved Edits"))
        box.setText(self.tr("The network of {job} has unsaved edits.").format(job=session.name))
        buttons = {
            box.addButton(QMessageBox.StandardButton.Save): SAVE,
            box.addButton(QMessageBox.StandardButton.Discard): DISCARD,
            box.addButton(QMessageBox.StandardButton.Cancel): CANCEL,
        }
        if can_keep:
            keep = box.addButton(self.tr("&Keep for Later"), QMessageBox.ButtonRole.ActionRole)
            buttons[keep] = KEEP
        box.setDefaultButton(QMessageBox.StandardButton.Save)
        box.exec()
        answer = buttons.get(box.clickedButton(), CANCEL)
        box.deleteLater()
        return answer

    def _ask_reload(self, session: NetworkSession) -> bool | None:
        box = QMessageBox(self)
        box.setIcon(QMessageBox.Icon.Warning)
        box.setWindowTitle(self.tr("Changed on Disk"))
        box.setText(
            self.tr("Another program has changed the stack file of {job} since it was read.").format(
                job=session.name
            )
        )
        reload_button = box.addButton(
            self.tr("&Reload, lose my edits"), QMessageBox.ButtonRole.DestructiveRole
        )
        overwrite = box.addButton(self.tr("&Save mine"), QMessageBox.ButtonRole.AcceptRole)
        cancel = box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(cancel)
        box.exec()
        answer = {reload_button: True, overwrite: False}.get(box.clickedButton())
        box.deleteLater()
        return answer

    # --- commands

    def toggle_pairs(self, keys: Iterable[PairKey]) -> None:
        """Remove active pairs and restore removed ones, in one step."""
        keys = list(keys)
        if self.network is not None and keys:
            is_one = len(keys) == 1
            self._changed(self.network.toggle_pair(keys[0]) if is_one else self.network.invert_pairs(keys))

    def add_pair(self, key: PairKey) -> None:
        """Put a pair in by hand; says why when it cannot be."""
        if self.network is None:
            return
        try:
            change = self.network.add_pair(key)
        except InsarError as error:
            self._say(sentence(error))
            return
        if not change:
            self._say(self.tr("This pair is active already."))
        self._changed(change)

    def add_pairs(self, keys: Iterable[PairKey]) -> None:
        """Put several pairs in by hand, in one step."""
        if self.network is None:
            return
        try:
            self._changed(self.network.add_pairs(keys))
        except InsarError as error:
            self._context.show_error(error)

    def remove_selected(self) -> None:
        """Exclude the selected dates; without dates remove the selected pairs."""
        dates, keys = self._selected()
        if self.network is None:
            return
        if dates:
            self._changed(self.network.exclude_dates(dates))
        if keys:
            self._changed(self.network.remove_pairs(key for key in keys if not set(key) & dates))

    def restore_selected(self) -> None:
        dates, keys = self._selected()
        if self.network is not None:
            if dates:
                self._changed(self.network.include_dates(dates))
            if keys:
                self._changed(self.network.restore_pairs(keys))

    def invert_selected(self) -> None:
        _, keys = self._selected()
        if self.network is not None and keys:
            self._changed(self.network.invert_pairs(keys))

    def exclude_dates(self, dates: Iterable[int]) -> None:
        if self.network is not None:
            self._changed(self.network.exclude_dates(dates))

    def include_dates(self, dates: Iterable[int]) -> None:
        if self.network is not None:
            self._changed(self.network.include_dates(dates))

    def remove_poor(self, among: Collection[PairKey] | None = None) -> None:
        """Remove red pairs, all or some, except those that hold the network together."""
        if self.network is None:
            return
        keys = poor_pairs_to_spare(self.network, among)
        if keys:
            self._changed(self.network.remove_pairs(keys))
        else:
            self._say(self.tr("No red pair can go without splitting the network."))

    def undo(self) -> None:
        if self.network is not None:
            self._changed(self.network.undo(), self.tr("Undone: {step}"))

    def redo(self) -> None:
        if self.network is not None:
            self._changed(self.network.redo(), self.tr("Done again: {step}"))

    def select_all(self) -> None:
        """Select all dates and pairs."""
        if self.canvas is not None:
            self.canvas.select(range(len(self.canvas.picture.dates)), range(len(self._keys)))
        else:
            self.table.view.selectAll()

    def show_history(self) -> None:
        """Show all steps; the chosen one becomes the present state."""
        if self.network is None:
            return
        dialog = HistoryDialog(self.network, self)
        if dialog.exec():
            self.go_to_step(dialog.steps_to_go)
        dialog.deleteLater()

    def go_to_step(self, count: int) -> None:
        """Undo (negative) or redo that many steps."""
        for _ in range(abs(count)):
            self.undo() if count < 0 else self.redo()

    def suggest_bridges(self) -> None:
        """Show pairs that would join the parts of the network."""
        if self.network is None:
            return
        dialog = BridgesDialog(self.network, self)
        dialog.add_requested.connect(self.add_pairs)
        dialog.hovered.connect(lambda key: self._show_footprints(None, tuple(key) if key else None))
        dialog.exec()
        self._link.clear()
        dialog.deleteLater()

    # --- parameters

    def apply_parameters(self) -> None:
        """Take the previewed selection over, as one step."""
        network, selection = self.network, self.preview.selection
        if network is None or selection is None or self.session is None:
            return
        keep = self.parameters.keep_manual.isChecked()
        loses_hand_work = (
            not keep and self.session.is_dirty and bool(network.manual_keys() or network.removed_keys())
        )
        if loses_hand_work:
            answer = self.ask(self.session, False)
            if answer == CANCEL or (answer == SAVE and not self.save()):
                return
        self._changed(network.apply_selection(selection, keep_manual=keep))
        self.preview.forget()
        self.parameters.ask_preview_soon()
        self.quality.begin_after_selection()

    # --- after a change

    def _changed(self, change: Change, said: str = "{step}") -> None:
        if not change or self.network is None:
            self._show_state()
            return
        if change.step is not None:
            self._say(said.format(step=network_texts.step_text(change.step)))
        self._show_network(change)
        if change.parameters_changed:
            self.parameters.show_parameters(self.network.parameters)
            self._read_prices()
        self._show_warnings(change)
        self._copy_timer.start()

    def _show_network(self, change: Change | None = None, *, fit: bool = False) -> None:
        network = self.network
        shown = network or StackNetwork(())
        keys = shown.pair_keys()
        has_same_keys = keys == self._keys
        if not has_same_keys:
            place = {key: index for index, key in enumerate(keys)}
            if self.canvas is not None:
                self._keep_focus(self.canvas, place)
            self._keys, self._place = keys, place
        if self.canvas is not None:
            picture = NetworkPicture.of(shown)
            self.canvas.show_picture(picture, fit=fit)
            self.legend.show_counts(picture)
        if change is None or not has_same_keys or network is None:
            self.table.show_network(network)
        else:
            dates = set(change.dates)
            of_dates = [key for key in keys if key[0] in dates or key[1] in dates] if dates else []
            self.table.refresh(network, {*change.pairs, *of_dates})
        if self.tabs.currentIndex() == CHECK_TAB:
            self._run_check()
        self._show_state()

    def _show_scores(self) -> None:
        """Show the scores of now in the same network: only colours and numbers change."""
        session = self.session
        if session is None:
            return
        if self.canvas is not None and session.table is not None:
            picture = self.canvas.picture
            rows = session.table.rows(picture.first, picture.second)
            self.canvas.recolour(picture_classes(session.table.pairs.score[rows]))
            self.legend.show_counts(self.canvas.picture)
        self.table.show_scores()
        self._watch()
        if self.tabs.currentIndex() == CHECK_TAB:
            self._run_check()
        elif self.tabs.currentIndex() == PARAMETERS_TAB:
            self.parameters.ask_preview()
        else:
            # What was selected by other scores is selected anew when somebody looks.
            self.preview.forget()

    def _keep_focus(self, canvas: NetworkCanvas, place: dict[PairKey, int]) -> None:
        """Positions of pairs become others; the pairs of the selection may still be there."""
        chosen = (self._keys[index] for index in canvas.selected_pairs if index < len(self._keys))
        canvas.selected_pairs = {place[key] for key in chosen if key in place}
        if canvas.current is not None and not canvas.current.is_date:
            old = self._keys[canvas.current.index]
            canvas.current = Item(False, place[old]) if old in place else None
        if canvas.hover is not None and not canvas.hover.is_date:
            canvas.hover = None

    def _show_state(self) -> None:
        self._show_title()
        self._enable()

    def _show_title(self) -> None:
        name = self.tr("InSARHub Network")
        if self.session is not None:
            star = "*" if self.session.is_dirty else ""
            name = f"{self.session.name}{star} – {name}"
        self.setWindowTitle(name)

    def _enable(self) -> None:
        network = self.network
        bar = self.toolbar
        dates, keys = self._selected() if network is not None else (set(), [])
        bar.save_action.setEnabled(self.session is not None and self.session.is_dirty)
        for action, steps, text in (
            (bar.undo_action, network.undo_steps() if network else [], self.tr("Undo: {step} (Ctrl+Z)")),
            (
                bar.redo_action,
                network.redo_steps() if network else [],
                self.tr("Redo: {step} (Ctrl+Shift+Z)"),
            ),
        ):
            action.setEnabled(bool(steps))
            if steps:
                action.setToolTip(text.format(step=network_texts.step_text(steps[0])))
        bar.history_action.setEnabled(network is not None and (network.can_undo or network.can_redo))
        for action in (bar.remove_action, bar.restore_action):
            action.setEnabled(bool(dates or keys))
        bar.invert_action.setEnabled(bool(keys))
        for action in (bar.poor_action, bar.bridges_action, bar.fit_action):
            action.setEnabled(network is not None)
        self.parameters.setEnabled(network is not None)

    def _show_warnings(self, change: Change) -> None:
        """Say what the edit made worse, as long as it is so."""
        network = self.network
        if network is None:
            return
        structure = network.structure
        warned = [*change.warnings, *self._warned]
        still = []
        for row in warned:
            if row.kind == SPLIT:
                is_so = len(structure.paired_components) > 1
            elif row.kind == NEW_BRIDGE:
                is_so = bool(set(row.pairs) & set(structure.bridges))
            else:
                is_so = bool(set(row.dates) & set(structure.unpaired))
            if is_so and row.kind not in {other.kind for other in still}:
                still.append(row)
        if still == self._warned:
            return
        self._warned = still
        self.bar.clearWidgets()
        if not still:
            return
        first = still[0]
        item = self.bar.createMessage("  ".join(network_texts.warning_text(network, row) for row in still))
        button = QPushButton(self.tr("Show"), item)
        dates = {*first.dates, *(index for key in first.pairs for index in key)}
        button.clicked.connect(lambda: self._show_dates(dates))
        item.layout().addWidget(button)
        if first.kind == SPLIT:
            bridges = QPushButton(self.tr("Suggest Bridges"), item)
            bridges.clicked.connect(self.suggest_bridges)
            item.layout().addWidget(bridges)
        self.bar.pushWidget(item, Qgis.MessageLevel.Warning, 0)

    def _show_dates(self, dates: Iterable[int]) -> None:
        """Select some dates and zoom to them."""
        chosen = set(dates)
        if self.canvas is not None and chosen:
            self.canvas.select(chosen, ())
            self.canvas.zoom_to(chosen)

    def _run_check(self) -> None:
        """Check in a worker thread; the lines come a moment later."""
        session = self.session
        if session is None:
            self.check.clear()
            return
        frozen = replace(session.opened, network=session.copy_of_network())
        if not self.check.lines:
            self.check.show_busy()

        def show(rows: list[CheckRow]) -> None:
            self.check.show_lines([self._check_line(row) for row in rows])

        self._checking.start(
            self.tr("Checking the network of {job}").format(job=session.name),
            lambda _: check_network(frozen, prices=prices_for(frozen.job, frozen.network.parameters)),
            show,
        )

    def _check_line(self, row: CheckRow) -> CheckLine:
        error = row.as_error()
        dates = {*row.dates, *(index for key in row.pairs for index in key)}
        fixes: dict[str, tuple[str, Callable[[], Any]]] = {
            network_checks.SUGGEST_BRIDGES: (self.tr("Suggest Bridges"), self.suggest_bridges),
            network_checks.EXCLUDE_DATES: (self.tr("Exclude"), lambda: self.exclude_dates(row.dates)),
            network_checks.SELECT_PAIRS: (
                self.tr("Parameters"), lambda: self.tabs.setCurrentIndex(PARAMETERS_TAB),
            ),
            network_checks.REMOVE_PAIRS: (self.tr("Remove"), lambda: self.remove_poor(row.pairs)),
            network_checks.SAVE: (self.tr("Save"), self.save),
        }  # fmt: skip
        show = (self.tr("Show"), lambda: self._show_rows(dates, row.pairs)) if dates else ("", None)
        button, action = fixes.get(row.fix, show)
        text = what_happened(error) if row.level == network_checks.OK else sentence(error)
        return CheckLine(row.level, text, button, action)

    def _show_rows(self, dates: Iterable[int], pairs: Iterable[PairKey]) -> None:
        """Select what a check names, and zoom to it."""
        self._show_dates(dates)
        if self.canvas is not None:
            chosen = [self._place[key] for key in pairs if key in self._place]
            self.canvas.select(() if chosen else self.canvas.selected_dates, chosen)

    def _on_tab(self, index: int) -> None:
        if index == PARAMETERS_TAB and self.preview.selection is None:
            self.parameters.ask_preview()
        elif index == CHECK_TAB:
            self._run_check()

    # --- graph, table and map agree

    def _selected(self) -> tuple[set[int], list[PairKey]]:
        if self.canvas is None:
            return set(), self.table.selected_keys()
        dates = set(self.canvas.selected_dates)
        return dates, [self._keys[index] for index in sorted(self.canvas.selected_pairs)]

    def _on_canvas_selection(self) -> None:
        chosen = [self._keys[index] for index in self.canvas.selected_pairs]
        self.table.select(chosen)
        if len(chosen) == 1:
            self.quality.show_pair(chosen[0])
        self._enable()

    def _on_table_selection(self, keys: list[PairKey]) -> None:
        if len(keys) == 1:
            self.quality.show_pair(keys[0])
        if self.canvas is not None:
            self.canvas.select((), (self._place[key] for key in keys), tell=False)
        self._enable()

    def _on_canvas_hover(self, item: Item | None) -> None:
        key = self._keys[item.index] if item is not None and not item.is_date else None
        self.table.show_hover(key)
        if key is not None and self.canvas is not None and self.canvas.hover is None:
            # The keyboard went there; where the mouse only passes, nothing is chosen.
            self.quality.show_pair(key)
        self._show_footprints(item.index if item is not None and item.is_date else None, key)

    def _on_table_hover(self, key: PairKey | None) -> None:
        if self.canvas is not None:
            place = self._place.get(key) if key is not None else None
            self.canvas.show_hover(Item(False, place) if place is not None else None)
        self._show_footprints(None, key)

    def _show_footprints(self, date: int | None, key: PairKey | None) -> None:
        network = self.network
        if network is None or (date is None and key is None):
            self._link.clear()
        elif key is not None:
            self._link.show(network.nodes[key[0]].scenes, network.nodes[key[1]].scenes)
        elif date is not None:
            self._link.show(network.nodes[date].scenes)

    def _tip(self, item: Item) -> list[str]:
        if self.network is None:
            return []
        if item.is_date:
            return network_texts.date_tip(self.network, item.index)
        return self._pair_tip(self._keys[item.index])

    def _pair_tip(self, key: PairKey) -> list[str]:
        session = self.session
        if session is None:
            return []
        quality = session.opened.quality
        return network_texts.pair_tip(
            session.network,
            key,
            self.table.model.credits_of(key),
            session.explanation(key),
            quality.expected_inputs if quality is not None else (),
        )

    def _is_degraded(self, key: PairKey) -> bool:
        return self.session is not None and self.session.is_degraded(key)

    def explain(self, key: PairKey) -> None:
        """Show why a pair has its score, with the focus on its factors."""
        self.toolbar.side_action.setChecked(True)
        self.tabs.setCurrentIndex(QUALITY_TAB)
        self.quality.show_pair(key)
        why = self.quality_panel.why.table
        if why.isVisible():
            why.setCurrentItem(why.topLevelItem(0))
            why.setFocus(Qt.FocusReason.OtherFocusReason)

    def _pair_preview(self, start: int, target: int | None, day: Any, metres: float) -> list[str]:
        if self.network is None:
            return []
        return network_texts.preview_tip(self.network, start, target, day, metres)

    def show_on_map(self, dates: Iterable[int]) -> None:
        """Zoom the map to the footprints of some dates."""
        if self.network is None:
            return
        scenes = [scene for index in dates for scene in self.network.nodes[index].scenes]
        if self._link.zoom(scenes):
            self._link.show(scenes)
        else:
            self._say(self.tr("The footprints of these scenes are not known: search for them first."))

    def _show_menu(self, item: Item | None, place: QPoint) -> None:
        menu = self.menu_for(item)
        menu.exec(place)
        menu.deleteLater()

    def _show_table_menu(self, place: QPoint) -> None:
        """The same menu as in the graph, of the row under the mouse or at the keyboard."""
        view = self.table.view
        index = view.indexAt(place)
        if not index.isValid():
            index = view.currentIndex()
        keys = self.table.model.keys
        row = self.table.proxy.mapToSource(index).row() if index.isValid() else -1
        item = Item(False, self._place[keys[row]]) if 0 <= row < len(keys) else None
        self._show_menu(item, view.viewport().mapToGlobal(place))

    def menu_for(self, item: Item | None) -> QMenu:
        """Give the context menu of a date, a pair or the background."""
        menu = QMenu(self)
        network = self.network
        if network is None:
            return menu
        if item is not None and item.is_date:
            index = item.index
            if network.nodes[index].is_excluded:
                menu.addAction(self.tr("&Include Date"), lambda: self.include_dates([index]))
            else:
                menu.addAction(self.tr("&Exclude Date"), lambda: self.exclude_dates([index]))
            menu.addAction(self.tr("Show Scenes on the &Map"), lambda: self.show_on_map([index]))
            menu.addSeparator()
        elif item is not None:
            key = self._keys[item.index]
            text = self.tr("&Remove Pair") if network.marks[key].is_active else self.tr("&Restore Pair")
            menu.addAction(text, lambda: self.toggle_pairs([key]))
            menu.addAction(self.tr("&Why This Score?"), lambda: self.explain(key))
            menu.addAction(self.tr("Show Scenes on the &Map"), lambda: self.show_on_map(key))
            menu.addSeparator()
        dates, keys = self._selected()
        if dates or keys:
            for text, action in (
                (self.tr("Remove Se&lected"), self.remove_selected),
                (self.tr("Res&tore Selected"), self.restore_selected),
            ):
                menu.addAction(text, action)
            if keys:
                menu.addAction(self.tr("&Invert Selected"), self.invert_selected)
            menu.addSeparator()
        menu.addAction(self.toolbar.poor_action)
        menu.addAction(self.toolbar.bridges_action)
        menu.addAction(self.toolbar.fit_action)
        return menu

    # --- keys

    def event(self, event: QEvent) -> bool:
        """Keep our keys from the main window, which has Ctrl+S and Ctrl+Z too."""
        if event.type() == QEvent.Type.ShortcutOverride and self._command_of(event) is not None:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        command = self._command_of(event)
        if command is None:
            super().keyPressEvent(event)
        else:
            command()

    def _command_of(self, event: Any) -> Callable[[], Any] | None:
        keys = QKeySequence.StandardKey
        for key, command in (
            (keys.Save, self.save),
            (keys.Redo, self.redo),
            (keys.Undo, self.undo),
            (keys.SelectAll, self.select_all),
            (keys.Delete, self.remove_selected),
        ):
            if event.matches(key):
                return command
        is_backspace = event.key() == Qt.Key.Key_Backspace and not event.modifiers()
        return self.remove_selected if is_backspace else None

    # --- files

    def _write_picture(self, frozen: OpenNetwork, title: str) -> None:
        """Draw the picture in a worker thread: it takes longer than a click may."""
        from insarhub_qgis.layers.network_image import save_network_image

        def draw(is_cancelled: IsCancelled) -> None:
            # The window has work of its own after a save, and strokes of the picture do not let it in between.
            time.sleep(PICTURE_DELAY_S)
            stop_if_cancelled(is_cancelled)
            save_network_image(frozen.network, frozen.job.network_image_file(), title)

        self._context.read(self.tr("Drawing the network of {job}").format(job=title), draw, lambda _: None)

    def _export(self, kind: str) -> None:
        if self.session is None:
            return
        filters = {
            "csv": self.tr("CSV (*.csv)"),
            "png": self.tr("PNG (*.png)"),
            "svg": self.tr("SVG (*.svg)"),
        }
        start = (
            self.session.folder
            / f"{self.session.folder.name}_{'pairs' if kind == 'csv' else 'network'}.{kind}"
        )
        chosen, _ = QFileDialog.getSaveFileName(self, self.tr("Export Network"), str(start), filters[kind])
        if chosen:
            self.export_to(Path(chosen).with_suffix(f".{kind}"))

    def export_to(self, path: Path) -> None:
        """Write the listed pairs as .csv, or the picture as .png or .svg."""
        if self.session is None:
            return
        try:
            if path.suffix == ".csv":
                write_text_atomically(path, self.table.csv_text())
            else:
                from insarhub_qgis.layers.network_image import save_network_image

                save_network_image(self.session.network, path, self.session.name)
        except InsarError as error:
            self._context.show_error(error)
            return
        self._context.show_success(self.tr("Written: {file}").format(file=path))

    def _say(self, text: str) -> None:
        self.status.setText(text)

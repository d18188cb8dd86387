# SPDX-License-Identifier: GPL-2.0-or-later
"""Set-up: create the engine environment or choose a Python, and see each piece with its state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import QgsApplication
from qgis.gui import QgsCollapsibleGroupBox, QgsFileWidget
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.requests import CheckEnvironment, CreateEnvironment
from insarhub_qgis.gui.page_context import PageContext
from insarhub_qgis.host import messages
from insarhub_qgis.host.engine_environment import (
    EngineEnvironment,
    EngineState,
    base_python_candidates,
    default_environment_folder,
    engine_environment,
    engine_python,
    provide_networkx,
)
from insarhub_qgis.host.engine_process import EngineTask
from insarhub_qgis.host.settings import settings

KEPT_LOG_LINES = 2000
NAME_COLUMN, STATE_COLUMN, VERSION_COLUMN = 0, 1, 2


class SetupPage(QWidget):
    """The page of a QGIS that has no engine yet; later the place to check and repair it."""

    back_requested = pyqtSignal()
    page_requested = pyqtSignal(str, str)

    def __init__(self, context: PageContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("insarhubSetupPage")
        self.title = self.tr("Set-up")
        self._context = context
        self._creation: EngineTask | None = None
        self._check: EngineTask | None = None
        self._build()
        context.engine_changed.connect(self._on_engine_changed)

    def _build(self) -> None:
        self.state = QLabel(self)
        self.state.setObjectName("insarhubEngineState")
        self.state.setWordWrap(True)
        font = self.state.font()
        font.setBold(True)
        self.state.setFont(font)
        self.explanation = QLabel(self)
        self.explanation.setObjectName("insarhubEngineExplanation")
        self.explanation.setWordWrap(True)

        self.create_button = QPushButton(self)
        self.create_button.setObjectName("insarhubCreateEnvironment")
        self.create_button.clicked.connect(self._create_or_cancel)
        self.start_button = QPushButton(self.tr("&Go to Jobs"), self)
        self.start_button.setObjectName("insarhubGoToJobs")
        self.start_button.clicked.connect(lambda: self.page_requested.emit("home", ""))
        create_row = QHBoxLayout()
        create_row.setSpacing(6)
        create_row.addWidget(self.create_button)
        create_row.addWidget(self.start_button)
        create_row.addStretch(1)

        self.python = QgsFileWidget(self)
        self.python.setObjectName("insarhubExistingPython")
        self.python.setStorageMode(QgsFileWidget.StorageMode.GetFile)
        self.python.setDialogTitle(self.tr("Python of a conda or venv Environment"))
        self.python.lineEdit().setPlaceholderText(self.tr("…/bin/python of conda or venv"))
        self.python.fileChanged.connect(self._show_state)
        self.use_button = QPushButton(self.tr("&Use"), self)
        self.use_button.setObjectName("insarhubUsePython")
        self.use_button.clicked.connect(self._use_python)
        label = QLabel(self.tr("Or use an existing &Python:"), self)
        label.setBuddy(self.python.lineEdit())
        python_row = QHBoxLayout()
        python_row.setSpacing(6)
        python_row.addWidget(self.python, 1)
        python_row.addWidget(self.use_button)

        self.pieces = QTreeWidget(self)
        self.pieces.setObjectName("insarhubEnginePieces")
        self.pieces.setAccessibleName(self.tr("Pieces of the engine environment"))
        self.pieces.setHeaderLabels([self.tr("Piece"), self.tr("State"), self.tr("Version")])
        self.pieces.setRootIsDecorated(False)
        self.pieces.setAlternatingRowColors(True)
        self.pieces.setUniformRowHeights(True)
        self.pieces.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.pieces.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.pieces.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(NAME_COLUMN, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(STATE_COLUMN, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(VERSION_COLUMN, QHeaderView.ResizeMode.ResizeToContents)
        self.pieces.currentItemChanged.connect(self._explain_piece)
        self.piece_text = QLabel(self)
        self.piece_text.setObjectName("insarhubPieceText")
        self.piece_text.setWordWrap(True)
        self.piece_text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.check_button = QPushButton(self.tr("Chec&k"), self)
        self.check_button.setObjectName("insarhubCheckEnvironment")
        self.check_button.setToolTip(self.tr("Look for each piece of the engine environment"))
        self.check_button.clicked.connect(self.check)

        self.log = QPlainTextEdit(self)
        self.log.setObjectName("insarhubSetupLog")
        self.log.setAccessibleName(self.tr("Log of the set-up"))
        self.log.setReadOnly(True)
        self.log.setMaximumBlockCount(KEPT_LOG_LINES)
        self.log.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        self.log_box = QgsCollapsibleGroupBox(self.tr("Log"), self)
        self.log_box.setObjectName("insarhubSetupLogBox")
        self.log_box.setFlat(True)
        self.log_box.setSaveCollapsedState(False)
        self.log_box.setCollapsed(True)
        box_layout = QVBoxLayout(self.log_box)
        box_layout.setContentsMargins(0, 0, 0, 0)
        box_layout.addWidget(self.log)

        check_row = QHBoxLayout()
        check_row.setSpacing(6)
        check_row.addWidget(self.check_button)
        check_row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.state)
        layout.addWidget(self.explanation)
        layout.addLayout(create_row)
        layout.addSpacing(3)
        layout.addWidget(label)
        layout.addLayout(python_row)
        layout.addSpacing(3)
        layout.addWidget(self.pieces, 1)
        layout.addWidget(self.piece_text)
        layout.addLayout(check_row)
        layout.addWidget(self.log_box)
        layout.addStretch(0)
        self.log_box.collapsedStateChanged.connect(self._share_height)
        self._show_state()

    # page of the dock

    def open_page(self) -> None:
        """Show the state as the files tell it; a check starts when there is an engine to check."""
        self._show_state()
        if not self.pieces.topLevelItemCount() and engine_environment().state is not EngineState.MISSING:
            self.check()

    def open_job(self, job_folder: Path) -> None:
        """The page does not depend on the job."""
        self.open_page()

    def close_page(self) -> None:
        for task in (self._creation, self._check):
            if task is not None:
                task.cancel()
        self._creation = self._check = None

    # create, choose, check

    def _create_or_cancel(self) -> None:
        if self._creation is not None:
            self._creation.cancel()
            return
        candidates = base_python_candidates()
        if not candidates:
            self._context.show_error(InsarError("engine.no_base_python"))
            return
        self.log.clear()
        self.log_box.setCollapsed(False)
        folder = default_environment_folder()
        self.log.appendPlainText(self.tr("Base Python: {python}").format(python=candidates[0]))
        self.log.appendPlainText(self.tr("Folder: {folder}").format(folder=folder))
        self._creation = self._context.start(
            CreateEnvironment(str(folder)),
            self.tr("Create the engine environment"),
            self._on_created,
            self._on_creation_failed,
            on_log=self._on_log,
            python=candidates[0],
        )
        self._creation.progressed.connect(self._on_progress)
        self._show_state()

    def _on_progress(self, fraction: float, text: str) -> None:
        if text:
            self._append(text)

    def _on_log(self, level: str, text: str) -> None:
        self._append(text)

    def _append(self, text: str) -> None:
        if self.log.document().lastBlock().text() != text:
            self.log.appendPlainText(text)

    def _on_created(self, result: dict[str, Any]) -> None:
        self._creation = None
        # Empty means the environment in the profile, which is the new one.
        settings().engine_python.setValue("")
        self._append(self.tr("Done: {python}").format(python=result["python"]))
        self._context.engine_changed.emit()
        self._context.show_success(self.tr("The engine environment is ready."))

    def _on_creation_failed(self, error: InsarError) -> None:
        self._creation = None
        self._append(messages.sentence(error))
        if not isinstance(error, Cancelled):
            self._context.show_error(error, self.log.toPlainText())
        self._show_state()

    def _use_python(self) -> None:
        text = self.python.filePath().strip()
        if not Path(text).is_file():
            self._context.show_error(InsarError("engine.python_gone", python=text))
            return
        settings().engine_python.setValue(text)
        self._context.engine_changed.emit()

    def check(self) -> None:
        """Start the engine once and list every piece."""
        if self._check is not None or engine_python() is None:
            return
        self._check = self._context.start(
            CheckEnvironment(),
            self.tr("Check the engine environment"),
            self._on_checked,
            self._on_check_failed,
        )
        self._show_state()

    def _on_checked(self, result: dict[str, Any]) -> None:
        self._check = None
        if result.get("networkx_folder"):
            provide_networkx(Path(result["networkx_folder"]))
        self.show_pieces([*result["packages"], *result["checks"]])
        self._show_state()

    def _on_check_failed(self, error: InsarError) -> None:
        self._check = None
        self._show_state()
        self._context.show_error(error)

    def _on_engine_changed(self) -> None:
        self.pieces.clear()
        self._show_state()
        self.check()

    # what is shown

    def show_pieces(self, rows: list[dict[str, Any]]) -> None:
        """List packages and checks, what needs attention first."""
        words = {
            "ok": self.tr("ok"),
            "missing": self.tr("missing"),
            "outdated": self.tr("too old"),
            "broken": self.tr("broken"),
            "failed": self.tr("failed"),
        }
        self.pieces.clear()
        self.piece_text.clear()
        for row in sorted(rows, key=lambda row: row["state"] == "ok"):
            is_good = row["state"] == "ok"
            version = str(row.get("version") or "–")
            item = QTreeWidgetItem([row["name"], words.get(row["state"], row["state"]), version])
            theme_icon = "/mIconSuccess.svg" if is_good else "/mIconWarning.svg"
            item.setIcon(STATE_COLUMN, QgsApplication.getThemeIcon(theme_icon))
            item.setTextAlignment(
                VERSION_COLUMN, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            )
            if row.get("wanted"):
                item.setToolTip(VERSION_COLUMN, self.tr("wanted: {version}").format(version=row["wanted"]))
            if not is_good and row.get("code"):
                sentence = messages.sentence(InsarError.from_json(row))
                item.setData(NAME_COLUMN, Qt.ItemDataRole.UserRole, sentence)
                for column in (NAME_COLUMN, STATE_COLUMN):
                    item.setToolTip(column, sentence)
            self.pieces.addTopLevelItem(item)
        if any(row["state"] != "ok" for row in rows):
            self.pieces.setCurrentItem(self.pieces.topLevelItem(0))

    def _explain_piece(self, item: QTreeWidgetItem | None) -> None:
        self.piece_text.setText((item.data(NAME_COLUMN, Qt.ItemDataRole.UserRole) or "") if item else "")

    def _is_checked_complete(self) -> bool | None:
        """What the last check said; None before it."""
        count = self.pieces.topLevelItemCount()
        if not count:
            return None
        return all(
            not self.pieces.topLevelItem(row).data(NAME_COLUMN, Qt.ItemDataRole.UserRole)
            for row in range(count)
        )

    def _show_state(self) -> None:
        environment = engine_environment()
        is_creating = self._creation is not None
        title, text = self._words(environment)
        self.state.setText(title)
        self.explanation.setText(text)
        is_usable = environment.state in (EngineState.READY, EngineState.CHOSEN, EngineState.OUTDATED)
        if is_creating:
            self.create_button.setText(self.tr("&Cancel"))
        elif environment.state in (EngineState.UNFINISHED, EngineState.OUTDATED):
            self.create_button.setText(self.tr("&Complete Environment"))
        elif is_usable:
            self.create_button.setText(self.tr("&Create New Environment"))
        else:
            self.create_button.setText(self.tr("&Create Environment"))
        self.start_button.setVisible(is_usable and not is_creating)
        self.start_button.setDefault(is_usable)
        self.create_button.setDefault(not is_usable)
        self.use_button.setEnabled(bool(self.python.filePath().strip()) and not is_creating)
        self.check_button.setEnabled(is_usable and self._check is None and not is_creating)
        has_pieces = self.pieces.topLevelItemCount() > 0
        self.pieces.setVisible(has_pieces)
        self.piece_text.setVisible(has_pieces)
        self.check_button.setVisible(is_usable)
        self._share_height()

    def _share_height(self) -> None:
        # Without the list nothing else may stretch: an open log takes the room, else the end of the page.
        layout = self.layout()
        has_pieces = self.pieces.topLevelItemCount() > 0
        is_open = not self.log_box.isCollapsed()
        layout.setStretch(layout.indexOf(self.log_box), 1 if is_open else 0)
        layout.setStretch(layout.count() - 1, 0 if has_pieces or is_open else 1)

    def _words(self, environment: EngineEnvironment) -> tuple[str, str]:
        if self._creation is not None:
            return (
                self.tr("Creating the engine environment…"),
                self.tr("Packages are downloaded and installed. This takes some minutes; QGIS stays usable."),
            )
        where = self.tr("Python: {python}").format(python=environment.python or "")
        if environment.state is EngineState.MISSING:
            return (
                self.tr("One step before the first job"),
                self.tr(
                    "Heavy packages (MintPy, rasterio, h5py …) get a Python environment of their own in your profile. "
                    "Nothing is installed into QGIS's Python. It needs about 1 GB and a network connection, once."
                ),
            )
        if environment.state is EngineState.UNFINISHED:
            return (
                self.tr("The engine environment is not finished"),
                self.tr("Its creation was interrupted. Complete it; what is there already is kept."),
            )
        if environment.state is EngineState.OUTDATED:
            return (
                self.tr("The engine environment is older than the plugin"),
                self.tr("This version of the plugin wants other packages. Complete the environment.")
                + "\n"
                + where,
            )
        if self._is_checked_complete() is False:
            return (self.tr("The engine environment lacks something"), where)
        if self._check is not None:
            return (self.tr("Checking the engine environment…"), where)
        return (self.tr("The engine environment is ready"), where)

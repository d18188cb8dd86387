# SPDX-License-Identifier: GPL-2.0-or-later
"""Options > InSARHub: engine environment, work directory, Earthdata accounts, services, limits, pair quality."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

from qgis.gui import QgsFileWidget, QgsOptionsPageWidget, QgsOptionsWidgetFactory
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QFormLayout,
    QGroupBox,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.gui.earthdata_accounts import EarthdataAccounts
from insarhub_qgis.gui.icons import icon
from insarhub_qgis.gui.quality_options import QualityOptions
from insarhub_qgis.host.endpoints import is_sandbox_url
from insarhub_qgis.host.engine_environment import EngineState, default_environment_folder, engine_environment
from insarhub_qgis.host.settings import settings

PAGE_KEY = "insarhub"


class OptionsPage(QgsOptionsPageWidget):
    """Nothing is saved before OK, except accounts: those are kept by QGIS's authentication database."""

    def __init__(
        self, on_applied: Callable[[bool, bool, bool], None], on_setup: Callable[[], None], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setObjectName("insarhubOptionsPage")
        self._on_applied = on_applied

        self.python = QgsFileWidget(self)
        self.python.setObjectName("insarhubOptionPython")
        self.python.setStorageMode(QgsFileWidget.StorageMode.GetFile)
        self.python.setDialogTitle(self.tr("Python of the Engine"))
        self.python.setFilePath(settings().engine_python.value())
        self.python.lineEdit().setPlaceholderText(
            self.tr("environment made by Set-up in {folder}").format(folder=default_environment_folder())
        )
        self.python.setToolTip(
            self.tr("Leave empty to use the environment that Set-up makes in your profile.")
        )
        self.state = QLabel(self)
        self.state.setObjectName("insarhubOptionEngineState")
        self.state.setWordWrap(True)
        self.state.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.state.setText(self._state_text())
        setup = QPushButton(self.tr("&Set-up Page…"), self)
        setup.setObjectName("insarhubOptionSetup")
        setup.setToolTip(self.tr("Create the environment, or check each piece of it"))
        setup.clicked.connect(on_setup)
        engine = QFormLayout()
        engine.addRow(self.tr("&Python"), self.python)
        engine.addRow("", self.state)
        engine.addRow("", setup)

        self.directory = QgsFileWidget(self)
        self.directory.setObjectName("insarhubOptionWorkDirectory")
        self.directory.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        self.directory.setDialogTitle(self.tr("Work Directory"))
        self.directory.setFilePath(settings().work_directory.value())
        self.directory.setToolTip(self.tr("Each job is a folder in here."))
        work = QFormLayout()
        work.addRow(self.tr("&Work directory"), self.directory)

        self.workers = QSpinBox(self)
        self.workers.setObjectName("insarhubOptionWorkers")
        self.workers.setRange(1, 64)
        self.workers.setValue(settings().max_workers.value())
        self.workers.setToolTip(self.tr("Processes that one piece of work may use at the same time"))
        self.memory = QDoubleSpinBox(self)
        self.memory.setObjectName("insarhubOptionMemory")
        self.memory.setRange(0.5, 1024.0)
        self.memory.setSingleStep(0.5)
        self.memory.setDecimals(1)
        self.memory.setSuffix(" GB")
        self.memory.setValue(settings().memory_gb.value())
        self.memory.setToolTip(self.tr("Memory that an analysis is told to stay below"))
        limits = QFormLayout()
        limits.addRow(self.tr("&Processes"), self.workers)
        limits.addRow(self.tr("&Memory"), self.memory)

        self.sandbox = QCheckBox(self.tr("Use the &sandbox instead of the real services"), self)
        self.sandbox.setObjectName("insarhubOptionSandbox")
        self.sandbox.setToolTip(
            self.tr("Simulated search and orders on this computer: no account, nothing is billed")
        )
        self.sandbox.setChecked(settings().use_sandbox.value())
        self.sandbox_url = QLineEdit(settings().sandbox_url.value(), self)
        self.sandbox_url.setObjectName("insarhubOptionSandboxUrl")
        self.sandbox_url.setToolTip(self.tr("Address that make sandbox prints; it must be on this computer"))
        self.sandbox_url.setEnabled(self.sandbox.isChecked())
        self.sandbox.toggled.connect(self.sandbox_url.setEnabled)
        self.sandbox_state = QLabel(self)
        self.sandbox_state.setObjectName("insarhubOptionSandboxState")
        self.sandbox_state.setWordWrap(True)
        self.sandbox_state.hide()
        services = QFormLayout()
        services.addRow(self.sandbox)
        services.addRow(self.tr("&Address"), self.sandbox_url)
        services.addRow("", self.sandbox_state)

        self.accounts = EarthdataAccounts(self)
        self.accounts.setObjectName("insarhubOptionAccounts")
        self.quality = QualityOptions(self)
        self.quality.setObjectName("insarhubOptionQuality")

        layout = QVBoxLayout(self)
        layout.setSpacing(9)
        for title, form in (
            (self.tr("Engine Environment"), engine),
            (self.tr("Jobs"), work),
            (self.tr("Services"), services),
            (self.tr("Limits"), limits),
        ):
            form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
            box = QGroupBox(title, self)
            box.setFlat(True)
            box.setLayout(form)
            layout.addWidget(box)
        # Between what is on this computer and what is beyond it.
        layout.insertWidget(2, self.accounts)
        layout.addWidget(self.quality)
        layout.addStretch(1)

    def apply(self) -> None:
        """Save what the fields say; called by the Options dialog on OK."""
        python, directory = self.python.filePath().strip(), self.directory.filePath().strip()
        is_other_engine = python != settings().engine_python.value()
        is_other_directory = directory != settings().work_directory.value()
        settings().engine_python.setValue(python)
        settings().work_directory.setValue(directory)
        settings().max_workers.setValue(self.workers.value())
        settings().memory_gb.setValue(self.memory.value())
        before = (settings().use_sandbox.value(), settings().sandbox_url.value())
        settings().use_sandbox.setValue(self.sandbox.isChecked())
        settings().sandbox_url.setValue(self.sandbox_url.text().strip())
        has_other_accounts = self.accounts.apply()
        has_other_services = before != (settings().use_sandbox.value(), settings().sandbox_url.value())
        is_other_quality = self.quality.apply()
        self._on_applied(
            is_other_engine,
            is_other_directory,
            has_other_services or has_other_accounts or is_other_quality,
        )

    def isValid(self) -> bool:
        """Keep the dialog open while a path leads nowhere."""
        python, directory = self.python.filePath().strip(), self.directory.filePath().strip()
        if python and not Path(python).is_file():
            self.python.lineEdit().setFocus()
            self.state.setText(self.tr("There is no such file: {file}").format(file=python))
            return False
        if directory and not Path(directory).is_dir():
            self.directory.lineEdit().setFocus()
            self.state.setText(self.tr("There is no such folder: {folder}").format(folder=directory))
            return False
        if self.sandbox.isChecked() and not is_sandbox_url(self.sandbox_url.text()):
            self.sandbox_url.setFocus()
            self.sandbox_state.setText(
                self.tr("A sandbox has an address of this computer, like http://127.0.0.1:8090.")
            )
            self.sandbox_state.show()
            return False
        return True

    def _state_text(self) -> str:
        environment = engine_environment()
        return {
            EngineState.READY: self.tr("Ready."),
            EngineState.CHOSEN: self.tr("Chosen by you; the Set-up page checks it."),
            EngineState.OUTDATED: self.tr("Older than the plugin: complete it on the Set-up page."),
            EngineState.UNFINISHED: self.tr("Not finished: complete it on the Set-up page."),
            EngineState.MISSING: self.tr("Not set up yet."),
        }[environment.state]


class OptionsPageFactory(QgsOptionsWidgetFactory):
    """Makes the page each time the Options dialog opens."""

    def __init__(self, on_applied: Callable[[bool, bool, bool], None], on_setup: Callable[[], None]) -> None:
        super().__init__("InSARHub", icon("insarhub"), PAGE_KEY)
        self._on_applied = on_applied
        self._on_setup = on_setup

    def icon(self):  # noqa: ANN201 - QIcon of Qt
        return icon("insarhub")

    def createWidget(self, parent: QWidget | None = None) -> OptionsPage:
        return OptionsPage(self._on_applied, self._on_setup, parent)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Toolbar of the network editor: which stack, save, history, what to do with the selection, view and exports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QSize, Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QAction, QComboBox, QMenu, QSizePolicy, QToolBar, QToolButton, QWidget


class NetworkToolbar(QToolBar):
    """Actions are attributes; the dock connects and enables them.

    Signals
    -------
    stack_chosen(Path)
    export_requested(str)
        ``png``, ``svg`` or ``csv``.
    """

    stack_chosen = pyqtSignal(object)
    export_requested = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("insarhub_network_toolbar")
        self.setIconSize(QSize(18, 18))
        self.stack_box = QComboBox(self)
        self.stack_box.setAccessibleName(self.tr("Stack that is edited"))
        self.stack_box.setToolTip(self.stack_box.accessibleName())
        self.stack_box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.stack_box.setMinimumContentsLength(14)
        self.stack_box.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.stack_box.activated.connect(lambda index: self.stack_chosen.emit(self.stack_box.itemData(index)))
        self.addWidget(self.stack_box)
        self.save_action = self._action(
            "/mActionFileSave.svg", self.tr("&Save"), self.tr("Save network and picture (Ctrl+S)")
        )
        self.addSeparator()
        self.undo_action = self._action("/mActionUndo.svg", self.tr("&Undo"), self.tr("Undo (Ctrl+Z)"))
        self.redo_action = self._action("/mActionRedo.svg", self.tr("&Redo"), self.tr("Redo (Ctrl+Shift+Z)"))
        self.history_action = self._action(
            "/mIconHistory.svg", self.tr("&History…"), self.tr("All steps, to go back or forth")
        )
        self.addSeparator()
        self.remove_action = self._action(
            "/mActionDeleteSelected.svg",
            self.tr("Re&move"),
            self.tr("Remove the selected pairs, exclude the selected dates (Del)"),
        )
        self.restore_action = self._action(
            "/mActionRefresh.svg",
            self.tr("Res&tore"),
            self.tr("Restore the selected pairs, include the selected dates"),
        )
        self.invert_action = self._action(
            "/mActionInvertSelection.svg", self.tr("&Invert"), self.tr("Toggle every selected pair")
        )
        self.addSeparator()
        self.poor_action = QAction(self.tr("Remove &Red Pairs (never bridges)"), self)
        self.bridges_action = QAction(self.tr("Suggest &Bridges…"), self)
        self.bridges_action.setIcon(QgsApplication.getThemeIcon("/mActionLink.svg"))
        self.addAction(self.bridges_action)
        self.widgetForAction(self.bridges_action).setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.bridges_action.setToolTip(self.tr("Pairs that would join the parts of a split network"))
        self.addSeparator()
        self.fit_action = self._action(
            "/mActionZoomFullExtent.svg", self.tr("&Fit"), self.tr("Show the whole network (Home or F)")
        )
        self.legend_action = self._toggle(
            "/mActionAddLegend.svg", self.tr("&Legend"), self.tr("Show the legend")
        )
        self.side_action = self._toggle(
            "/mActionOpenTable.svg",
            self.tr("&View Pairs"),
            self.tr("Show table, parameters and checks beside the graph"),
        )
        self._build_export()

    def show_stacks(self, stacks: Sequence[tuple[str, Path]], present: Path | None) -> None:
        """List (name, job folder); ``present`` is edited."""
        self.stack_box.clear()
        for name, folder in stacks:
            self.stack_box.addItem(name, folder)
            self.stack_box.setItemData(
                self.stack_box.count() - 1, str(folder), int(Qt.ItemDataRole.ToolTipRole)
            )
        self.choose_stack(present)

    def choose_stack(self, present: Path | None) -> None:
        """Show which stack is edited."""
        for row in range(self.stack_box.count()):
            if self.stack_box.itemData(row) == present:
                self.stack_box.setCurrentIndex(row)
                return
        self.stack_box.setCurrentIndex(-1)

    def _action(self, icon: str, text: str, tip: str) -> QAction:
        action = self.addAction(QgsApplication.getThemeIcon(icon), text)
        action.setToolTip(tip)
        self.widgetForAction(action).setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        return action

    def _toggle(self, icon: str, text: str, tip: str) -> QAction:
        action = self._action(icon, text, tip)
        action.setCheckable(True)
        action.setChecked(True)
        return action

    def _build_export(self) -> None:
        menu = QMenu(self)
        menu.addAction(self.tr("Picture as &PNG…"), lambda: self.export_requested.emit("png"))
        menu.addAction(self.tr("Picture as &SVG…"), lambda: self.export_requested.emit("svg"))
        menu.addAction(self.tr("Pairs as &CSV…"), lambda: self.export_requested.emit("csv"))
        menu.addSeparator()
        menu.addAction(self.poor_action)
        self.export_button = QToolButton(self)
        self.export_button.setIcon(QgsApplication.getThemeIcon("/mActionSharingExport.svg"))
        name = self.tr("Export picture or pairs, further actions")
        self.export_button.setToolTip(name)
        self.export_button.setAccessibleName(name)
        self.export_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.export_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu.setParent(self.export_button, menu.windowFlags())
        self.export_button.setMenu(menu)
        self.addWidget(self.export_button)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Toolbar of the time-series dock: which series, picking, model, zero date, unit, exports."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QDate, QSize, Qt, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QAction,
    QActionGroup,
    QComboBox,
    QDateEdit,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QMenu,
    QSizePolicy,
    QToolBar,
    QToolButton,
    QWidget,
)

from insarhub_qgis.core.series_entries import METRES_TO, SeriesEntry, SeriesView
from insarhub_qgis.core.time_series_fit import TimeModel
from insarhub_qgis.layers.result_sources import ResultSource

OUTLIER_MADS = 3.0
_NO_STEPS = 2


class SeriesToolbar(QToolBar):
    """Fits a dock of 540 px, so that nothing moves into the overflow beside two side panels at 1280 px.

    Signals
    -------
    view_changed
        Model, zero date, unit, residuals or legend.
    series_chosen(ResultSource)
    pick_toggled(bool)
    zones_requested, clear_requested, copy_requested
    export_requested(str)
        ``csv``, ``png`` or ``svg``.
    """

    view_changed = pyqtSignal()
    series_chosen = pyqtSignal(object)
    pick_toggled = pyqtSignal(bool)
    zones_requested = pyqtSignal()
    clear_requested = pyqtSignal()
    copy_requested = pyqtSignal()
    export_requested = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("insarhub_series_toolbar")
        self.setIconSize(QSize(18, 18))
        self._step_dates: tuple[dt.date, ...] = ()
        self._dates: tuple[dt.date, ...] = ()
        theme = QgsApplication.getThemeIcon

        self.series_box = self._combo(self.tr("Time series that is sampled"), 6)
        self.series_box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.series_box.activated.connect(
            lambda index: self.series_chosen.emit(self.series_box.itemData(index))
        )
        self.pick_action = self._action(
            theme("/mActionIdentify.svg"), self.tr("&Pick"), self.tr("Pick pixels on the map (P)")
        )
        self.pick_action.setCheckable(True)
        self.pick_action.triggered.connect(self.pick_toggled)
        self.zones_action = self._action(
            theme("/mActionAddPolygon.svg"),
            self.tr("&Zones"),
            self.tr("Add the selected polygons of the active layer: median and spread"),
        )
        self.zones_action.triggered.connect(self.zones_requested)
        self.addSeparator()
        self._build_model(theme("/mActionOptions.svg"))
        self.zero_box = self._combo(self.tr("Date on which each series is zero"), 11)
        self.zero_box.addItem(self.tr("Zero as processed"), None)
        self.zero_box.currentIndexChanged.connect(self.view_changed)
        self.addSeparator()
        self._build_export(theme("/mActionFileSave.svg"))
        self.clear_action = self._action(
            theme("/mActionDeleteSelected.svg"), self.tr("C&lear"), self.tr("Remove all points and zones")
        )
        self.clear_action.triggered.connect(self.clear_requested)

    # --- what is shown and chosen

    def show_sources(self, sources: Sequence[ResultSource], present: Path | None) -> None:
        """List the series of the job; ``present`` is the file that is sampled."""
        self.series_box.clear()
        for source in sources:
            self.series_box.addItem(source.label, source)
            self.series_box.setItemData(
                self.series_box.count() - 1, source.path.name, Qt.ItemDataRole.ToolTipRole
            )
            if source.path == present:
                self.series_box.setCurrentIndex(self.series_box.count() - 1)
        self.series_box.setToolTip(self.series_box.currentText() or self.tr("Time series that is sampled"))

    def show_dates(self, dates: Sequence[dt.date]) -> None:
        """Offer dates for the zero; a chosen one that the new series has too stays chosen."""
        self._dates = tuple(dates)
        chosen = self.zero_box.currentData()
        self.zero_box.blockSignals(True)
        self.zero_box.clear()
        self.zero_box.addItem(self.tr("Zero as processed"), None)
        for date in dates:
            self.zero_box.addItem(self.tr("Zero {date}").format(date=date.isoformat()), date)
        self.zero_box.setCurrentIndex(self._dates.index(chosen) + 1 if chosen in self._dates else 0)
        self.zero_box.blockSignals(False)

    def choose_zero(self, date: dt.date | None) -> None:
        """Choose the zero date; None or an unknown date: as processed."""
        self.zero_box.setCurrentIndex(self._dates.index(date) + 1 if date in self._dates else 0)

    def view(self, reference: SeriesEntry | None) -> SeriesView:
        """Give what is chosen."""
        model = self.model_box.currentData()
        if self._step_dates:
            base = model or TimeModel()
            model = TimeModel(base.polynomial_degree, base.annual, self._step_dates)
        return SeriesView(
            reference=reference,
            zero_date=self.zero_box.currentData(),
            unit=self.unit_group.checkedAction().text(),
            model=model,
            outlier_mads=OUTLIER_MADS if self.outlier_action.isChecked() else None,
        )

    # --- widgets

    def _combo(self, name: str, letters: int) -> QComboBox:
        box = QComboBox(self)
        box.setAccessibleName(name)
        box.setToolTip(name)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(letters)
        box.view().setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.addWidget(box)
        return box

    def _action(self, icon: object, text: str, tip: str) -> QAction:
        action = self.addAction(icon, text)
        action.setToolTip(tip)
        self.widgetForAction(action).setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        return action

    def _menu_button(self, icon: object, name: str, menu: QMenu) -> QToolButton:
        button = QToolButton(self)
        button.setIcon(icon)
        button.setToolTip(name)
        button.setAccessibleName(name)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu.setParent(button, menu.windowFlags())
        button.setMenu(menu)
        self.addWidget(button)
        return button

    def _build_model(self, icon: object) -> None:
        self.model_box = self._combo(self.tr("Fitted model"), 9)
        for text, model in (
            (self.tr("No fit"), None),
            (self.tr("Linear"), TimeModel()),
            (self.tr("Linear + annual"), TimeModel(annual=True)),
            (self.tr("Quadratic"), TimeModel(polynomial_degree=2)),
            (self.tr("Quadratic + annual"), TimeModel(polynomial_degree=2, annual=True)),
        ):
            self.model_box.addItem(text, model)
        self.model_box.setCurrentIndex(1)
        self.model_box.currentIndexChanged.connect(self.view_changed)
        menu = QMenu(self)
        self.steps_action = menu.addAction(self.tr("&Steps…"), self.edit_steps)
        self.outlier_action = self._check(menu, self.tr("Leave Out &Outliers (3 MAD)"))
        menu.addSeparator()
        self.residual_action = self._check(menu, self.tr("Show &Residuals"))
        self.legend_action = self._check(menu, self.tr("Show &Legend"))
        units = menu.addMenu(self.tr("&Unit"))
        self.unit_group = QActionGroup(self)
        for unit in METRES_TO:
            action = units.addAction(unit)
            action.setCheckable(True)
            action.setChecked(unit == "mm")
            self.unit_group.addAction(action)
        self.unit_group.triggered.connect(self.view_changed)
        self.options_button = self._menu_button(icon, self.tr("Steps, outliers, residuals, unit"), menu)

    def _check(self, menu: QMenu, text: str) -> QAction:
        action = menu.addAction(text)
        action.setCheckable(True)
        action.toggled.connect(self.view_changed)
        return action

    def _build_export(self, icon: object) -> None:
        menu = QMenu(self)
        menu.addAction(self.tr("Values as &CSV…"), lambda: self.export_requested.emit("csv"))
        menu.addAction(self.tr("Picture as &PNG…"), lambda: self.export_requested.emit("png"))
        menu.addAction(self.tr("Picture as &SVG…"), lambda: self.export_requested.emit("svg"))
        menu.addSeparator()
        menu.addAction(self.tr("C&opy Values"), self.copy_requested.emit)
        self.export_button = self._menu_button(icon, self.tr("Export values or picture"), menu)

    # --- steps

    def edit_steps(self) -> None:
        """Ask for the date of a step (earthquake, works); several add up."""
        dialog = StepDialog(self._dates, self._step_dates, self)
        answer = dialog.exec()
        if answer == QDialog.DialogCode.Accepted:
            self.set_steps((*self._step_dates, dialog.date()))
        elif answer == _NO_STEPS:
            self.set_steps(())
        dialog.deleteLater()

    def set_steps(self, dates: Sequence[dt.date]) -> None:
        """Set the first date after each step."""
        self._step_dates = tuple(sorted(set(dates)))
        self.steps_action.setText(
            self.tr("&Steps ({dates})…").format(
                dates=", ".join(date.isoformat() for date in self._step_dates)
            )
            if self._step_dates
            else self.tr("&Steps…")
        )
        self.view_changed.emit()


class StepDialog(QDialog):
    """First date after a step, or none at all."""

    def __init__(
        self, dates: Sequence[dt.date], steps: Sequence[dt.date], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Step in the Model"))
        form = QFormLayout(self)
        self._edit = QDateEdit(self)
        self._edit.setCalendarPopup(True)
        self._edit.setDisplayFormat("yyyy-MM-dd")
        if dates:
            middle = steps[-1] if steps else dates[len(dates) // 2]
            # A step needs a date on either side.
            self._edit.setMinimumDate(QDate(dates[0].year, dates[0].month, dates[0].day).addDays(1))
            self._edit.setMaximumDate(QDate(dates[-1].year, dates[-1].month, dates[-1].day))
            self._edit.setDate(QDate(middle.year, middle.month, middle.day))
        form.addRow(self.tr("&First date after the step"), self._edit)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel, self
        )
        none = buttons.addButton(self.tr("&No Steps"), QDialogButtonBox.ButtonRole.ResetRole)
        none.setEnabled(bool(steps))
        none.clicked.connect(lambda: self.done(_NO_STEPS))
        buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(len(dates) > 1)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        form.addRow(buttons)

    def date(self) -> dt.date:
        chosen = self._edit.date()
        return dt.date(chosen.year(), chosen.month(), chosen.day())

# SPDX-License-Identifier: GPL-2.0-or-later
"""Small forms of what can be made from decay maps; each builds the request that its algorithm builds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QRadioButton,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.core.decay_map_files import BEST, EXPECTED, LONGEST, NETWORK, derived_map_file
from insarhub_qgis.core.requests import DeriveFromDecay
from insarhub_qgis.gui.decay_texts import months_text, season_title, tr
from insarhub_qgis.gui.flow_layout import FlowLayout
from insarhub_qgis.host.counts import counted

SHARE = "usable_share"
MOST_DAYS = 3650
#: Temporal baselines of the usable share.
SHARE_DAYS = (6.0, 12.0, 18.0, 24.0, 36.0, 48.0, 72.0, 96.0, 144.0, 192.0)


class DecayForms(QWidget):
    """A button per quantity; pressing one unfolds its form.

    Signals
    -------
    map_requested(DeriveFromDecay)
        Make this raster.
    share_requested(float)
        Show the usable share for this coherence.
    """

    map_requested = pyqtSignal(object)
    share_requested = pyqtSignal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("insarhubDecayForms")
        self._folder = Path()
        self._seasons: tuple[str, ...] = ()
        self._dates: tuple[date, ...] = ()
        self._pair_count = 0
        self._is_ready = False
        self.buttons: dict[str, QToolButton] = {}
        self.make_buttons: dict[str, QPushButton] = {}
        self._season_boxes: list[QComboBox] = []
        flow = FlowLayout()
        self._forms = {
            EXPECTED: self._expected_form(),
            LONGEST: self._longest_form(),
            BEST: self._best_form(),
            NETWORK: self._network_form(),
            SHARE: self._share_form(),
        }
        for quantity, title, tip in (
            (EXPECTED, tr("E&xpected Coherence"), tr("Coherence that a pair will have")),
            (
                LONGEST,
                tr("&Longest Usable Baseline"),
                tr("How many days a pair may span to keep a coherence"),
            ),
            (BEST, tr("&Best Season"), tr("In which months pairs keep most coherence, pixel by pixel")),
            (NETWORK, tr("&Network Mean"), tr("Mean expected coherence of the present network")),
            (SHARE, tr("&Usable Share"), tr("Part of the area above a coherence, as table and chart")),
        ):
            button = QToolButton(self)
            button.setText(title)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            button.setObjectName(f"insarhubDecayForm_{quantity}")
            button.setCheckable(True)
            button.setToolTip(tip)
            button.clicked.connect(lambda checked, name=quantity: self._unfold(name if checked else ""))
            flow.addWidget(button)
            self.buttons[quantity] = button
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(flow)
        # No stack of pages: it would be as high as the highest form.
        for form in self._forms.values():
            layout.addWidget(form)
        self._unfold("")

    # --- what can be chosen

    def show_choices(
        self, job_folder: Path, seasons: Sequence[str], dates: Sequence[date], pair_count: int
    ) -> None:
        """Take the seasons that have a map that may be used, and dates and pairs of the stack."""
        self._folder = job_folder
        if tuple(seasons) != self._seasons:
            self._seasons = tuple(seasons)
            for box in self._season_boxes:
                before = box.currentData()
                box.clear()
                for season in self._seasons:
                    box.addItem(months_text(season), season)
                    box.setItemData(box.count() - 1, season_title(season), Qt.ItemDataRole.ToolTipRole)
                box.setCurrentIndex(max(box.findData(before), 0))
        if tuple(dates) != self._dates:
            self._dates = tuple(dates)
            for box, place in ((self.first, 0), (self.second, 1)):
                box.clear()
                for day in self._dates:
                    box.addItem(day.isoformat(), day)
                box.setCurrentIndex(min(place, box.count() - 1))
        has_dates = len(self._dates) > 1
        for widget in (self.of_dates, self.first, self.second):
            widget.setEnabled(has_dates)
        if not has_dates:
            self.after_days.setChecked(True)
        self.network_text.setText(
            counted(
                pair_count,
                tr("Mean over the active pair of the saved network."),
                tr("Mean over the {n} active pairs of the saved network."),
            )
            if pair_count
            else tr("The network has no active pairs yet. Select pairs first.")
        )
        self._pair_count = pair_count
        self._check_dates()

    def set_ready(self, is_ready: bool, tip: str = "") -> None:
        """Allow to make maps, or say in the tooltips why not."""
        for quantity, button in self.make_buttons.items():
            button.setEnabled(is_ready and (quantity != NETWORK or self._pair_count > 0))
            button.setToolTip(tip)
        self._is_ready = is_ready
        self._check_dates()

    def request(self, quantity: str) -> DeriveFromDecay:
        """Give the request of a form; its raster goes beside the maps."""
        values: dict[str, object] = {}
        if quantity == EXPECTED and self.of_dates.isChecked():
            values = {"first": self.first.currentText(), "second": self.second.currentText()}
        elif quantity == EXPECTED:
            values = {"days": float(self.days.value()), "season": self.season.currentData()}
        elif quantity == LONGEST:
            values = {"coherence": self.coherence.value(), "season": self.longest_season.currentData()}
        elif quantity == BEST:
            values = {"days": float(self.best_days.value())}
        output = derived_map_file(self._folder, quantity, **values)
        return DeriveFromDecay(quantity, str(output), job_folder=str(self._folder), **values)

    # --- forms

    def _unfold(self, quantity: str) -> None:
        for name, button in self.buttons.items():
            button.setChecked(name == quantity)
            self._forms[name].setVisible(name == quantity)

    def _expected_form(self) -> QWidget:
        form = QWidget(self)
        self.after_days = QRadioButton(tr("&After"), form)
        self.of_dates = QRadioButton(tr("F&rom"), form)
        choice = QButtonGroup(form)
        choice.addButton(self.after_days)
        choice.addButton(self.of_dates)
        self.after_days.setChecked(True)
        self.days = self._days_box(form)
        self.season = self._season_box(form)
        self.first, self.second = QComboBox(form), QComboBox(form)
        self.first.setAccessibleName(tr("Reference date"))
        self.second.setAccessibleName(tr("Secondary date"))
        for widget in (self.days, self.season):
            # A value that is changed is the one that is meant.
            signal = widget.activated if isinstance(widget, QComboBox) else widget.valueChanged
            signal.connect(lambda _: self.after_days.setChecked(True))
        for box in (self.first, self.second):
            box.activated.connect(lambda _: self.of_dates.setChecked(True))
        choice.buttonToggled.connect(lambda *_: self._check_dates())
        self.first.currentIndexChanged.connect(self._check_dates)
        self.second.currentIndexChanged.connect(self._check_dates)
        grid = QGridLayout(form)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(6)
        for column, widget in enumerate((self.after_days, self.days, QLabel(tr("in"), form), self.season)):
            grid.addWidget(widget, 0, column)
        # One below the other: two dates side by side do not fit a narrow dock.
        grid.addWidget(self.of_dates, 1, 0)
        grid.addWidget(self.first, 1, 1, 1, 3)
        grid.addWidget(QLabel(tr("to"), form), 2, 0, Qt.AlignmentFlag.AlignRight)
        grid.addWidget(self.second, 2, 1, 1, 3)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(3, 1)
        grid.addLayout(self._make_row(EXPECTED, form), 3, 0, 1, 4)
        return form

    def _longest_form(self) -> QWidget:
        form, rows = self._simple_form()
        self.coherence = self._coherence_box(form)
        self.longest_season = self._season_box(form)
        rows.addRow(tr("&Coherence to keep"), self.coherence)
        rows.addRow(tr("M&onths"), self.longest_season)
        rows.addRow(self._make_row(LONGEST, form))
        return form

    def _best_form(self) -> QWidget:
        form, rows = self._simple_form()
        self.best_days = self._days_box(form)
        rows.addRow(tr("&Days"), self.best_days)
        rows.addRow(self._make_row(BEST, form))
        return form

    def _network_form(self) -> QWidget:
        form, rows = self._simple_form()
        self.network_text = QLabel(form)
        self.network_text.setWordWrap(True)
        rows.addRow(self.network_text)
        rows.addRow(self._make_row(NETWORK, form))
        return form

    def _share_form(self) -> QWidget:
        form, rows = self._simple_form()
        self.share_coherence = self._coherence_box(form)
        rows.addRow(tr("&Coherence at least"), self.share_coherence)
        rows.addRow(self._make_row(SHARE, form))
        return form

    def _simple_form(self) -> tuple[QWidget, QFormLayout]:
        form = QWidget(self)
        rows = QFormLayout(form)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(6)
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        return form, rows

    def _make_row(self, quantity: str, parent: QWidget) -> QHBoxLayout:
        button = QPushButton(tr("Show &Table and Chart") if quantity == SHARE else tr("&Make Map"), parent)
        button.setObjectName(f"insarhubDecayMake_{quantity}")
        button.clicked.connect(lambda: self._ask(quantity))
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(button)
        self.make_buttons[quantity] = button
        return row

    def _season_box(self, parent: QWidget) -> QComboBox:
        box = QComboBox(parent)
        box.setAccessibleName(tr("Season"))
        self._season_boxes.append(box)
        return box

    def _days_box(self, parent: QWidget) -> QSpinBox:
        box = QSpinBox(parent)
        box.setRange(1, MOST_DAYS)
        box.setValue(12)
        box.setSuffix(tr(" d"))
        box.setToolTip(tr("Temporal baseline of the pair"))
        box.setAccessibleName(tr("Temporal baseline in days"))
        return box

    def _coherence_box(self, parent: QWidget) -> QDoubleSpinBox:
        box = QDoubleSpinBox(parent)
        box.setRange(0.01, 0.99)
        box.setSingleStep(0.05)
        box.setValue(0.3)
        box.setAccessibleName(tr("Coherence"))
        return box

    def _check_dates(self) -> None:
        if EXPECTED not in self.make_buttons:
            return
        first, second = self.first.currentData(), self.second.currentData()
        is_ordered = first is not None and second is not None and first < second
        is_good = is_ordered or not self.of_dates.isChecked()
        self.make_buttons[EXPECTED].setEnabled(self._is_ready and is_good)

    def _ask(self, quantity: str) -> None:
        if quantity == SHARE:
            self.share_requested.emit(self.share_coherence.value())
        else:
            self.map_requested.emit(self.request(quantity))

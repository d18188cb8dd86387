# SPDX-License-Identifier: GPL-2.0-or-later
"""Parameters of pair selection: documented ones first, the rest under More; a preview says what Apply would give."""

from __future__ import annotations

from collections.abc import Iterable

from qgis.gui import QgsCollapsibleGroupBox, QgsScrollArea
from qgis.PyQt.QtCore import QDate, QLocale, Qt, QTimer, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.selection_parameters import (
    ALLOW,
    BOTH,
    BUDGET,
    EITHER,
    EXCLUDE,
    NEAREST,
    TARGETS,
    CostWeights,
    SelectionParameters,
)
from insarhub_qgis.host.messages import sentence

PREVIEW_MS = 300


class ParametersPanel(QWidget):
    """Edits `SelectionParameters`; selecting is the dock's business.

    Signals
    -------
    preview_requested(object)
        `SelectionParameters` that are in the fields, a moment after the last change.
    apply_requested()
    changed()
        At once: what was previewed is out of date.
    """

    changed = pyqtSignal()
    preview_requested = pyqtSignal(object)
    apply_requested = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_filling = False
        self._looks = SelectionParameters().looks
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PREVIEW_MS)
        self._timer.timeout.connect(self.ask_preview)
        area = QgsScrollArea(self)
        area.setWidgetResizable(True)
        area.setFrameShape(QgsScrollArea.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        content = QWidget(area)
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 6, 6, 0)
        column.setSpacing(9)
        column.addLayout(self._documented())
        column.addWidget(self._more())
        column.addStretch(1)
        area.setWidget(content)
        self.preview = QLabel(self)
        self.preview.setWordWrap(True)
        self.preview.setTextFormat(Qt.TextFormat.PlainText)
        self.preview.setAccessibleName(self.tr("What Apply would give"))
        self.keep_manual = QCheckBox(self.tr("&Keep what I added and removed by hand"), self)
        self.keep_manual.setChecked(True)
        self.keep_manual.toggled.connect(self._on_changed)
        self.apply_button = QPushButton(self.tr("&Apply"), self)
        self.apply_button.setToolTip(self.tr("Select the pairs anew, as one step that can be undone"))
        self.apply_button.clicked.connect(self.apply_requested)
        self.defaults_button = QPushButton(self.tr("&Defaults"), self)
        self.defaults_button.clicked.connect(self.restore_defaults)
        buttons = QHBoxLayout()
        buttons.addWidget(self.defaults_button)
        buttons.addStretch(1)
        buttons.addWidget(self.apply_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(area, 1)
        layout.addWidget(self.keep_manual)
        layout.addWidget(self.preview)
        layout.addLayout(buttons)
        self.show_parameters(SelectionParameters())

    # --- what is shown and chosen

    def show_parameters(self, parameters: SelectionParameters) -> None:
        """Fill the fields."""
        self._is_filling = True
        self._looks = parameters.looks
        self.dt_targets.setText(", ".join(f"{target:g}" for target in parameters.dt_targets))
        self.dt_tol.setValue(parameters.dt_tol)
        self.dt_max.setValue(parameters.dt_max)
        self.pb_max.setValue(parameters.pb_max)
        self.min_degree.setValue(parameters.min_degree)
        self.max_degree.setValue(parameters.max_degree)
        self.force_connect.setChecked(parameters.force_connect)
        self.mode.setCurrentIndex(self.mode.findData(parameters.mode))
        self.n_nearest.setValue(parameters.n_nearest)
        self.credits.setValue(-1.0 if parameters.credits is None else parameters.credits)
        self.credits_per_pair.setValue(parameters.credits_per_pair or 0.0)
        for month, button in enumerate(self.months, start=1):
            button.setChecked(month in parameters.months)
        self.month_rule.setCurrentIndex(self.month_rule.findData(parameters.month_rule))
        self.yearly.setChecked(parameters.yearly)
        self.min_score.setValue(-1.0 if parameters.min_score is None else parameters.min_score)
        self.unknown_bperp.setCurrentIndex(self.unknown_bperp.findData(parameters.unknown_bperp))
        for box, value in zip(
            self.weights, (parameters.weights.quality, parameters.weights.time, parameters.weights.baseline)
        ):
            box.setValue(value)
        self._is_filling = False
        self._enable_mode()

    def parameters(self) -> SelectionParameters:
        """Give what is in the fields.

        Raises
        ------
        InsarError
            ``selection.parameter``.
        """
        chosen = SelectionParameters(
            dt_targets=_numbers(self.dt_targets.text()),
            dt_tol=self.dt_tol.value(),
            dt_max=self.dt_max.value(),
            pb_max=self.pb_max.value(),
            min_degree=self.min_degree.value(),
            max_degree=self.max_degree.value(),
            force_connect=self.force_connect.isChecked(),
            mode=self.mode.currentData(),
            n_nearest=self.n_nearest.value(),
            credits=self.credits.value() if self.credits.value() >= 0 else None,
            credits_per_pair=self.credits_per_pair.value() or None,
            months=tuple(month for month, button in enumerate(self.months, start=1) if button.isChecked()),
            month_rule=self.month_rule.currentData(),
            yearly=self.yearly.isChecked(),
            min_score=self.min_score.value() if self.min_score.value() >= 0 else None,
            unknown_bperp=self.unknown_bperp.currentData(),
            weights=CostWeights(*(box.value() for box in self.weights)),
            looks=self._looks,
        )
        chosen.check()
        return chosen

    def restore_defaults(self) -> None:
        """Fill in the defaults; nothing is selected yet."""
        self.show_parameters(SelectionParameters())
        self._on_changed()

    def show_preview(self, text: str, *, can_apply: bool) -> None:
        """Say what Apply would give, or why it cannot."""
        self.preview.setText(text)
        self.apply_button.setEnabled(can_apply)

    def ask_preview_soon(self) -> None:
        """The same a moment from now: what was clicked shows its effect first."""
        self._timer.start()

    def ask_preview(self) -> None:
        """Ask for the counts of the present fields; wrong ones are named instead."""
        self._timer.stop()
        try:
            chosen = self.parameters()
        except InsarError as error:
            self.show_preview(sentence(error), can_apply=False)
            return
        self.preview_requested.emit(chosen)

    # --- widgets

    def _documented(self) -> QFormLayout:
        form = QFormLayout()
        form.setSpacing(6)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.dt_targets = QLineEdit(self)
        self.dt_targets.setToolTip(self.tr("Days around which pairs are formed, with commas between them"))
        self.dt_targets.textChanged.connect(self._on_changed)
        self.dt_tol = self._decimal(0, 100, self.tr(" d"), self.tr("Allowed deviation from a target"))
        self.dt_max = self._decimal(
            1, 36525, self.tr(" d"), self.tr("No pair is longer, unless a gap forces it")
        )
        self.pb_max = self._decimal(0, 100000, self.tr(" m"), self.tr("Limit of the perpendicular baseline"))
        self.min_degree = self._whole(0, 50, self.tr("Pairs that every date should have"))
        self.max_degree = self._whole(
            1, 100, self.tr("Pairs of a date; what holds the network together may exceed it")
        )
        self.force_connect = QCheckBox(self.tr("&Force Connected Network"), self)
        self.force_connect.setToolTip(
            self.tr("Joins what the limits split, by pairs that break a limit and are listed")
        )
        self.force_connect.toggled.connect(self._on_changed)
        form.addRow(self.tr("&Target Temporal Baselines"), self.dt_targets)
        form.addRow(self.tr("T&olerance"), self.dt_tol)
        form.addRow(self.tr("Max &Temporal"), self.dt_max)
        form.addRow(self.tr("Max Per&p. Baseline"), self.pb_max)
        form.addRow(self.tr("M&in Connections"), self.min_degree)
        form.addRow(self.tr("Ma&x Connections"), self.max_degree)
        form.addRow(self.force_connect)
        return form

    def _more(self) -> QgsCollapsibleGroupBox:
        box = QgsCollapsibleGroupBox(self.tr("More"), self)
        box.setSaveCollapsedState(False)
        box.setFlat(True)
        form = QFormLayout(box)
        form.setSpacing(6)
        self.mode = self._choice(
            (self.tr("Targets"), TARGETS),
            (self.tr("Nearest dates"), NEAREST),
            (self.tr("Credit budget"), BUDGET),
        )
        self.mode.currentIndexChanged.connect(self._enable_mode)
        self.n_nearest = self._whole(1, 50, self.tr("Pairs with each of the next dates"))
        self.credits = self._decimal(-1, 1e7, "", self.tr("Upper limit of HyP3 credits"), step=10)
        self.credits.setSpecialValueText(self.tr("not set"))
        self.credits_per_pair = self._decimal(
            0, 1e5, "", self.tr("Price of a pair as the service names it; the last one paid here, if not set")
        )
        self.credits_per_pair.setSpecialValueText(self.tr("as paid last"))
        self.min_score = self._decimal(
            -1, 100, "", self.tr("Worse pairs are left out, unless they hold the network together")
        )
        self.min_score.setSpecialValueText(self.tr("off"))
        self.yearly = QCheckBox(self.tr("Add pairs near one year, two years…"), self)
        self.yearly.toggled.connect(self._on_changed)
        self.month_rule = self._choice((self.tr("Both dates"), BOTH), (self.tr("Either date"), EITHER))
        self.unknown_bperp = self._choice((self.tr("Allow, flagged"), ALLOW), (self.tr("Leave out"), EXCLUDE))
        form.addRow(self.tr("Mode"), self.mode)
        form.addRow(self.tr("Nearest dates"), self.n_nearest)
        form.addRow(self.tr("Credits"), self.credits)
        form.addRow(self.tr("Credits per pair"), self.credits_per_pair)
        form.addRow(self.tr("Months"), self._month_buttons())
        form.addRow(self.tr("In these months"), self.month_rule)
        form.addRow(self.yearly)
        form.addRow(self.tr("Min score"), self.min_score)
        form.addRow(self.tr("Unknown baseline"), self.unknown_bperp)
        self.weights = [
            self._decimal(0, 10, "", tip, step=0.05, decimals=2)
            for tip in (
                self.tr("Weight of the score"),
                self.tr("Weight of time"),
                self.tr("Weight of the baseline"),
            )
        ]
        for text, weight in zip(
            (self.tr("Weight of score"), self.tr("Weight of time"), self.tr("Weight of baseline")),
            self.weights,
        ):
            form.addRow(text, weight)
        box.setCollapsed(True)
        self.more = box
        return box

    def _month_buttons(self) -> QWidget:
        holder = QWidget(self)
        grid = QGridLayout(holder)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(2)
        locale = QLocale()
        self.months: list[QToolButton] = []
        for month in range(1, 13):
            button = QToolButton(holder)
            button.setText(
                locale.standaloneMonthName(month, QLocale.FormatType.ShortFormat)
                or QDate(2000, month, 1).toString("MMM")
            )
            button.setAccessibleName(locale.standaloneMonthName(month, QLocale.FormatType.LongFormat))
            button.setCheckable(True)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            button.toggled.connect(self._on_changed)
            grid.addWidget(button, (month - 1) // 4, (month - 1) % 4)
            self.months.append(button)
        return holder

    def _decimal(
        self, low: float, high: float, suffix: str, tip: str, step: float = 1.0, decimals: int = 1
    ) -> QDoubleSpinBox:
        box = QDoubleSpinBox(self)
        box.setDecimals(decimals)
        box.setRange(low, high)
        box.setSingleStep(step)
        box.setSuffix(suffix)
        box.setToolTip(tip)
        box.valueChanged.connect(self._on_changed)
        return box

    def _whole(self, low: int, high: int, tip: str) -> QSpinBox:
        box = QSpinBox(self)
        box.setRange(low, high)
        box.setToolTip(tip)
        box.valueChanged.connect(self._on_changed)
        return box

    def _choice(self, *rows: tuple[str, str]) -> QComboBox:
        box = QComboBox(self)
        for text, value in rows:
            box.addItem(text, value)
        box.currentIndexChanged.connect(self._on_changed)
        return box

    def _enable_mode(self) -> None:
        mode = self.mode.currentData()
        self.n_nearest.setEnabled(mode == NEAREST)
        self.credits.setEnabled(mode == BUDGET)

    def _on_changed(self) -> None:
        if not self._is_filling:
            self.changed.emit()
            self._timer.start()


def _numbers(text: str) -> tuple[float, ...]:
    """Read numbers between commas, semicolons or blanks.

    Raises
    ------
    InsarError
        ``selection.not_a_number`` for a part that is no number.
    """
    parts: Iterable[str] = text.replace(";", " ").replace(",", " ").split()
    found = []
    for part in parts:
        try:
            found.append(float(part))
        except ValueError as error:
            raise InsarError("selection.not_a_number", name="dt_targets", value=part) from error
    return tuple(sorted(set(found)))

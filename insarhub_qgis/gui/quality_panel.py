# SPDX-License-Identifier: GPL-2.0-or-later
"""The Quality tab of the network editor: weights of the factors, seen at once in graph and table, and why a pair scores as it does."""

from __future__ import annotations

from dataclasses import replace

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.core.pair_database import OWN_WEIGHTS
from insarhub_qgis.core.pair_score import PRESETS, ScoreWeights, preset_of
from insarhub_qgis.gui.pair_why import PairWhy
from insarhub_qgis.gui.quality_texts import preset_text, weight_text, weight_tip

#: Positions of a slider from weight 0 to 1.
STEPS = 100
_PAGE_STEPS = 10


class QualityPanel(QWidget):
    """Edits `ScoreWeights`; scoring is the dock's business.

    Signals
    -------
    weights_changed(object)
        `ScoreWeights` as they are moved.
    reset_requested()
        Back to the weights that are kept.
    keep_requested()
    """

    weights_changed = pyqtSignal(object)
    reset_requested = pyqtSignal()
    keep_requested = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._weights = ScoreWeights()
        self._is_filling = False
        self.preset = QComboBox(self)
        self.preset.setObjectName("insarhubQualityPreset")
        for name in (*PRESETS, OWN_WEIGHTS):
            self.preset.addItem(preset_text(name), name)
        self.preset.activated.connect(self._on_preset)
        label = QLabel(self.tr("&Preset"), self)
        label.setBuddy(self.preset)
        self.sliders: dict[str, QSlider] = {}
        self.numbers: dict[str, QDoubleSpinBox] = {}
        grid = QGridLayout()
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(3)
        grid.setColumnStretch(1, 1)
        grid.addWidget(label, 0, 0)
        grid.addWidget(self.preset, 0, 1, 1, 2)
        for row, name in enumerate(self._weights.to_json(), start=1):
            self._add_weight(grid, row, name)
        self.reset_button = QPushButton(self.tr("&Reset"), self)
        self.reset_button.setToolTip(self.tr("Back to the weights that are kept for this job"))
        self.reset_button.clicked.connect(self.reset_requested)
        self.keep_button = QPushButton(self.tr("&Keep"), self)
        self.keep_button.setToolTip(
            self.tr(
                "Keep these weights for this job, and write its pair database with them; no service is asked"
            )
        )
        self.keep_button.clicked.connect(self.keep_requested)
        self.state = QLabel(self)
        self.state.setWordWrap(True)
        buttons = QHBoxLayout()
        buttons.setSpacing(6)
        buttons.addWidget(self.reset_button)
        buttons.addWidget(self.state, 1)
        buttons.addWidget(self.keep_button)
        self.why = PairWhy(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 6, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(grid)
        layout.addLayout(buttons)
        layout.addSpacing(3)
        layout.addWidget(self.why, 1)
        self.show_weights(self._weights)
        self.set_state(can_weigh=False, is_kept=True)

    @property
    def weights(self) -> ScoreWeights:
        """Weights as the sliders have them."""
        return self._weights

    def show_weights(self, weights: ScoreWeights) -> None:
        """Put the sliders to some weights; nothing is told."""
        self._is_filling = True
        self._weights = weights
        for name, value in weights.to_json().items():
            self.sliders[name].setValue(round(value * STEPS))
            self.numbers[name].setValue(value)
        self._show_preset()
        self._is_filling = False

    def set_state(self, *, can_weigh: bool, is_kept: bool, is_keeping: bool = False) -> None:
        """Say what can be done.

        Parameters
        ----------
        can_weigh
            The pairs are judged, so that weights mean something.
        is_kept
            The weights are those that the job keeps.
        is_keeping
            They are being written.
        """
        for widget in (self.preset, *self.sliders.values(), *self.numbers.values()):
            widget.setEnabled(can_weigh)
        self.reset_button.setEnabled(can_weigh and not is_kept)
        self.keep_button.setEnabled(can_weigh and not is_kept and not is_keeping)
        if not can_weigh:
            self.state.setText(self.tr("Build the pair database to weigh its factors."))
        elif is_keeping:
            self.state.setText(self.tr("Scoring all pairs…"))
        else:
            self.state.setText("" if is_kept else self.tr("Only shown, not kept."))

    def _add_weight(self, grid: QGridLayout, row: int, name: str) -> None:
        slider = QSlider(Qt.Orientation.Horizontal, self)
        slider.setObjectName(f"insarhubWeight_{name}")
        slider.setRange(0, STEPS)
        slider.setPageStep(_PAGE_STEPS)
        slider.setAccessibleName(weight_text(name))
        number = QDoubleSpinBox(self)
        number.setRange(0.0, 1.0)
        number.setDecimals(2)
        number.setSingleStep(0.05)
        number.setKeyboardTracking(False)
        number.setAccessibleName(weight_text(name))
        label = QLabel(weight_text(name), self)
        label.setBuddy(slider)
        for widget in (label, slider, number):
            widget.setToolTip(weight_tip(name))
        slider.valueChanged.connect(lambda value: self._on_moved(name, value / STEPS))
        number.valueChanged.connect(lambda value: self._on_moved(name, value))
        for column, widget in enumerate((label, slider, number)):
            grid.addWidget(widget, row, column)
        self.sliders[name], self.numbers[name] = slider, number

    def _on_moved(self, name: str, value: float) -> None:
        if self._is_filling:
            return
        self._change(replace(self._weights, **{name: round(value, 2)}))

    def _on_preset(self) -> None:
        chosen = PRESETS.get(self.preset.currentData())
        if chosen is None:
            # Own weights are made by the sliders.
            self._show_preset()
        else:
            self._change(chosen)

    def _change(self, weights: ScoreWeights) -> None:
        if weights != self._weights:
            self.show_weights(weights)
            self.weights_changed.emit(weights)

    def _show_preset(self) -> None:
        self.preset.setCurrentIndex(self.preset.findData(preset_of(self._weights) or OWN_WEIGHTS))

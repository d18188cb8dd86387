# SPDX-License-Identifier: GPL-2.0-or-later
"""The options of a HyP3 submission as a form: defaults, ranges and help of each field."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from qgis.gui import QgsCollapsibleGroupBox
from qgis.PyQt.QtCore import QEvent, QObject, Qt, pyqtSignal
from qgis.PyQt.QtGui import QStandardItemModel
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.core.hyp3_options import (
    FIELDS,
    INSAR_GAMMA,
    JOB_TYPES,
    LOOKS,
    MULTI_BURST,
    SINGLE_BURST,
    SPACING_M,
    Hyp3Options,
    Option,
)

_LAYERS = (
    "include_dem",
    "include_look_vectors",
    "apply_water_mask",
    "include_inc_map",
    "include_displacement_maps",
    "include_wrapped_phase",
)
_TRANSFER = ("submission_chunk_size", "max_workers")


class Hyp3OptionsForm(QWidget):
    """Fields by the table of options; what the chosen job type does not know is not shown.

    `help` says what the field under the mouse or the keyboard is; whoever shows the form finds a place for it.

    Signals
    -------
    changed
        An option that changes what is ordered.
    name_changed
        The prefix of the names.
    """

    changed = pyqtSignal()
    name_changed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("insarhubHyp3Options")
        self.fields: dict[str, QWidget] = {}
        self._labels: dict[str, QWidget] = {}
        self._unavailable: dict[str, str] = {}
        self._is_filling = False
        self._helps = self._help_texts()
        main, layers, transfer = QFormLayout(), QVBoxLayout(), QFormLayout()
        for option in FIELDS:
            widget = self._field(option)
            self.fields[option.name] = widget
            self._labels[option.name] = widget
            if option.name in _LAYERS:
                layers.addWidget(widget)
            else:
                form = transfer if option.name in _TRANSFER else main
                label = QLabel(self._label(option.name), self)
                label.setBuddy(widget)
                label.setToolTip(widget.toolTip())
                self._labels[option.name] = label
                form.addRow(label, widget)
        for form in (main, transfer):
            form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
            form.setContentsMargins(0, 0, 0, 0)
            form.setSpacing(6)
        self.layers_box = self._box(self.tr("Layers of the Product"), layers, is_collapsed=False)
        self.transfer_box = self._box(self.tr("Transfer"), transfer, is_collapsed=True)
        self.help = QLabel(self)
        self.help.setObjectName("insarhubOptionHelp")
        self.help.setWordWrap(True)
        self.help.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.help.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.help.setFixedHeight(6 * self.help.fontMetrics().lineSpacing())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 6, 0)
        layout.setSpacing(9)
        layout.addLayout(main)
        layout.addWidget(self.layers_box)
        layout.addWidget(self.transfer_box)
        layout.addStretch(1)
        self.show_options(Hyp3Options())
        self._show_help("job_type")

    # values

    def options(self) -> Hyp3Options:
        """What the form says; the form offers no values that are out of range.

        Raises
        ------
        InsarError
            ``hyp3_options.name``: no letter or number in the prefix.
        """
        options = Hyp3Options(**{name: self._value(name) for name in self.fields})
        options.check()
        return options

    def show_options(self, options: Hyp3Options) -> None:
        """Fill the form; tells nobody."""
        self._is_filling = True
        try:
            for option in FIELDS:
                self._show_value(option.name, getattr(options, option.name))
            self._show_job_type(options.looks)
        finally:
            self._is_filling = False

    def choose(self, job_type: str, looks: str) -> None:
        """Take over a job type and looks, as from the table of prices."""
        if (job_type, looks) == (self._value("job_type"), self._value("looks")):
            return
        self.show_options(replace(self.options(), job_type=job_type, looks=looks))
        self.changed.emit()

    def show_unavailable(self, reasons: dict[str, str]) -> None:
        """Job types that cannot be ordered for this stack, and why."""
        self._unavailable = dict(reasons)
        box = self.fields["job_type"]
        model = box.model()
        for row in range(box.count()):
            reason = self._unavailable.get(box.itemData(row), "")
            if isinstance(model, QStandardItemModel):
                model.item(row).setEnabled(not reason)
            box.setItemData(row, reason, int(Qt.ItemDataRole.ToolTipRole))

    # fields

    def _field(self, option: Option) -> QWidget:
        widget: QWidget
        if option.kind == "choice":
            widget = QComboBox(self)
            widget.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            widget.setMinimumContentsLength(14)
            for value in option.values:
                widget.addItem(self._choice(option.name, value), value)
            widget.currentIndexChanged.connect(lambda _, name=option.name: self._on_changed(name))
        elif option.kind == "flag":
            widget = QCheckBox(self._label(option.name), self)
            widget.toggled.connect(lambda _, name=option.name: self._on_changed(name))
        elif option.kind == "number":
            widget = QDoubleSpinBox(self)
            widget.setRange(*option.values)
            widget.setSingleStep(0.1)
            widget.setDecimals(2)
            widget.valueChanged.connect(lambda _, name=option.name: self._on_changed(name))
        elif option.kind == "integer":
            widget = QSpinBox(self)
            widget.setRange(*option.values)
            widget.valueChanged.connect(lambda _, name=option.name: self._on_changed(name))
        else:
            widget = QLineEdit(self)
            widget.setMaxLength(60)
            widget.textEdited.connect(lambda _, name=option.name: self._on_changed(name))
        widget.setObjectName(f"insarhubOption_{option.name}")
        widget.setAccessibleName(self._label(option.name).replace("&", ""))
        widget.setToolTip(self._helps.get(option.name, ""))
        widget.installEventFilter(self)
        return widget

    def _value(self, name: str) -> Any:
        widget = self.fields[name]
        if isinstance(widget, QComboBox):
            return widget.currentData()
        if isinstance(widget, QCheckBox):
            return widget.isChecked()
        if isinstance(widget, QLineEdit):
            return widget.text().strip()
        return widget.value()

    def _show_value(self, name: str, value: Any) -> None:
        widget = self.fields[name]
        if isinstance(widget, QComboBox):
            if widget.findData(value) < 0:
                self._fill_looks(self._value("job_type"))
            widget.setCurrentIndex(widget.findData(value))
        elif isinstance(widget, QCheckBox):
            widget.setChecked(bool(value))
        elif isinstance(widget, QLineEdit):
            widget.setText(str(value))
        else:
            widget.setValue(value)

    def _on_changed(self, name: str) -> None:
        if self._is_filling:
            return
        if name == "job_type":
            self._is_filling = True
            try:
                self._show_job_type(self._value("looks"))
            finally:
                self._is_filling = False
        if name == "name_prefix":
            self.name_changed.emit()
        else:
            self.changed.emit()

    def _show_job_type(self, looks: str) -> None:
        job_type = self._value("job_type")
        self._fill_looks(job_type)
        place = self.fields["looks"].findData(looks)
        self.fields["looks"].setCurrentIndex(max(0, place))
        for option in FIELDS:
            # Those that every type knows stay as they are: a folded box has hidden its own.
            if option.job_types != JOB_TYPES:
                is_known = job_type in option.job_types
                self.fields[option.name].setVisible(is_known)
                self._labels[option.name].setVisible(is_known)

    def _fill_looks(self, job_type: str) -> None:
        box = self.fields["looks"]
        box.clear()
        for value in LOOKS[job_type]:
            box.addItem(self._choice("looks", value), value)

    # words

    def _box(self, title: str, inside: Any, *, is_collapsed: bool) -> QgsCollapsibleGroupBox:
        box = QgsCollapsibleGroupBox(title, self)
        box.setSaveCollapsedState(False)
        box.setFlat(True)
        inside.setSpacing(6)
        box.setLayout(inside)
        box.setCollapsed(is_collapsed)
        return box

    def _choice(self, name: str, value: str) -> str:
        if name == "looks":
            return self.tr("{looks} ({spacing} m)").format(looks=value, spacing=SPACING_M[value])
        return value

    def _label(self, name: str) -> str:
        return {
            "job_type": self.tr("&Job type"),
            "name_prefix": self.tr("&Name prefix"),
            "looks": self.tr("&Looks"),
            "phase_filter_parameter": self.tr("Phase &filter"),
            "include_dem": self.tr("&DEM"),
            "include_look_vectors": self.tr("Look &vectors"),
            "apply_water_mask": self.tr("&Water mask applied"),
            "include_inc_map": self.tr("&Incidence angle map"),
            "include_displacement_maps": self.tr("Displace&ment maps"),
            "include_wrapped_phase": self.tr("Wrapped &phase"),
            "submission_chunk_size": self.tr("Jobs per re&quest"),
            "max_workers": self.tr("Downloads at a &time"),
        }.get(name, name)

    def _help_texts(self) -> dict[str, str]:
        defaults = {option.name: option.default for option in FIELDS}
        texts = {
            "job_type": self.tr(
                "{gamma}: whole scenes. {multi}: up to 15 bursts of a stack of bursts, cheaper for a small area. "
                "{single}: one burst, to be retired by HyP3."
            ).format(gamma=INSAR_GAMMA, multi=MULTI_BURST, single=SINGLE_BURST),
            "name_prefix": self.tr(
                "Names of the jobs begin with it; path, frame and dates follow. Anyone can read them."
            ),
            "looks": self.tr(
                "Looks in range x azimuth. Fewer looks give smaller pixels, more noise, and cost more."
            ),
            "phase_filter_parameter": self.tr(
                "Strength of the adaptive phase filter: 0 switches it off, 0.2 to 1 are useful."
            ),
            "include_dem": self.tr("MintPy needs it. It cannot be added after the order."),
            "include_look_vectors": self.tr(
                "MintPy needs them for incidence and azimuth angles. They cannot be added after the order."
            ),
            "apply_water_mask": self.tr("Water is left out before the phase is unwrapped."),
            "include_inc_map": self.tr("Local incidence angles. Larger products; MintPy does not need it."),
            "include_displacement_maps": self.tr(
                "Line-of-sight and vertical displacement of each pair. Larger products; MintPy does not need it."
            ),
            "include_wrapped_phase": self.tr("The phase before unwrapping. Larger products."),
            "submission_chunk_size": self.tr("Jobs that go to HyP3 in one request, 200 at most."),
            "max_workers": self.tr("Products that are downloaded in parallel."),
        }
        words = {True: self.tr("on"), False: self.tr("off")}
        return {
            name: self.tr("{text} Default: {default}.").format(
                text=text,
                default=words[defaults[name]] if isinstance(defaults[name], bool) else defaults[name],
            )
            for name, text in texts.items()
        }

    def _show_help(self, name: str) -> None:
        self.help.setText(self._helps.get(name, ""))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.Enter):
            name = next((name for name, widget in self.fields.items() if widget is watched), "")
            if name:
                self._show_help(name)
        return super().eventFilter(watched, event)

# SPDX-License-Identifier: GPL-2.0-or-later
"""What narrows a search besides area and dates: product, direction, track, polarisation, platform, months, names, maximum."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from qgis.gui import QgsCollapsibleGroupBox
from qgis.PyQt.QtCore import QLocale, QSignalBlocker, Qt, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QWidget,
)

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.hyp3_options import MOST_BURSTS
from insarhub_qgis.core.search_texts import numbers_of_text, scene_names_of_text
from insarhub_qgis.gui.page_context import PageContext

PLATFORMS = ("S1A", "S1B", "S1C", "S1D")
#: Values of `requests.SearchScenes.product`.
SLC, BURST = "SLC", "BURST"
#: Product -> its polarisations. Interferograms of bursts are made of co-polarised ones only.
POLARIZATIONS = {SLC: ("VV", "VV+VH", "HH", "HH+HV"), BURST: ("VV", "HH")}
_MONTHS_PER_ROW = 6
_MOST_SCENES = 100_000


class SearchFilters(QgsCollapsibleGroupBox):
    """Collapsed at first; its title names the product unless it is whole scenes, and counts the filters that are set."""

    changed = pyqtSignal()

    def __init__(self, context: PageContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("insarhubSearchFilters")
        self._context = context
        self.setSaveCollapsedState(False)
        self.setFlat(True)
        self._build()
        self.setCollapsed(True)
        self.collapsedStateChanged.connect(self._show_fields)
        self._show_title()

    def _build(self) -> None:
        self.product = QComboBox(self)
        self.product.setObjectName("insarhubSearchProduct")
        self.product.addItem(self.tr("Whole scenes (SLC)"), SLC)
        self.product.addItem(self.tr("Bursts (small areas)"), BURST)
        self.product.setToolTip(
            self.tr(
                "A whole scene covers about 250 by 180 km, a burst about 85 by 20 km of it. HyP3 makes interferograms of up "
                "to {limit} bursts, for fewer credits and with smaller files: choose bursts for a small area, whole scenes "
                "for a region."
            ).format(limit=MOST_BURSTS)
        )
        self.direction = QComboBox(self)
        self.direction.setObjectName("insarhubSearchDirection")
        for text, value in (
            (self.tr("any"), ""),
            (self.tr("ascending"), "ASCENDING"),
            (self.tr("descending"), "DESCENDING"),
        ):
            self.direction.addItem(text, value)
        self.paths = self._numbers("insarhubSearchPath", self.tr("e.g. 13, 93"), self.tr("Empty: any path"))
        self.frames = self._numbers(
            "insarhubSearchFrame", self.tr("e.g. 406-412"), self.tr("Empty: any frame")
        )
        self.polarization = QComboBox(self)
        self.polarization.setObjectName("insarhubSearchPolarization")
        self.polarization.addItem(self.tr("any"), "")
        for value in POLARIZATIONS[SLC]:
            self.polarization.addItem(value, value)

        platforms = QHBoxLayout()
        platforms.setSpacing(2)
        self.platforms: dict[str, QToolButton] = {}
        for name in PLATFORMS:
            self.platforms[name] = self._choice(f"insarhubSearch{name}", name, f"Sentinel-1{name[-1]}")
            platforms.addWidget(self.platforms[name])

        months = QGridLayout()
        months.setSpacing(2)
        self.months: list[QToolButton] = []
        for number in range(12):
            button = self._choice(
                f"insarhubSearchMonth{number + 1}",
                QLocale().standaloneMonthName(number + 1, QLocale.FormatType.ShortFormat),
                QLocale().standaloneMonthName(number + 1),
            )
            self.months.append(button)
            months.addWidget(button, number // _MONTHS_PER_ROW, number % _MONTHS_PER_ROW)

        self.names = QPlainTextEdit(self)
        self.names.setObjectName("insarhubSearchNames")
        self.names.setAccessibleName(self.tr("Scene names"))
        self.names.setPlaceholderText(self.tr("Paste names; they replace all other filters"))
        self.names.setTabChangesFocus(True)
        self.names.setFixedHeight(2 * self.fontMetrics().lineSpacing() + 12)
        self.names.textChanged.connect(self._on_changed)
        self.from_file = QPushButton(self.tr("Names From &File…"), self)
        self.from_file.setObjectName("insarhubSearchNamesFile")
        self.from_file.setToolTip(self.tr("Read scene names from a text or CSV file"))
        self.from_file.clicked.connect(self._ask_names)

        self.maximum = QSpinBox(self)
        self.maximum.setObjectName("insarhubSearchMaximum")
        self.maximum.setRange(0, _MOST_SCENES)
        self.maximum.setSingleStep(100)
        self.maximum.setGroupSeparatorShown(True)
        self.maximum.setSpecialValueText(self.tr("no limit"))
        self.maximum.valueChanged.connect(self._on_changed)

        form = QFormLayout(self)
        form.setSpacing(6)
        form.setContentsMargins(0, 6, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(self.tr("Prod&uct"), self.product)
        form.addRow(self.tr("D&irection"), self.direction)
        track = QHBoxLayout()
        track.setSpacing(6)
        self.frame_label = QLabel(self.tr("F&rame"), self)
        self.frame_label.setBuddy(self.frames)
        track.addWidget(self.paths, 1)
        track.addWidget(self.frame_label)
        track.addWidget(self.frames, 1)
        form.addRow(self.tr("Pat&h"), track)
        form.labelForField(track).setBuddy(self.paths)
        form.addRow(self.tr("Pol&arisation"), self.polarization)
        form.addRow(self.tr("Platform"), platforms)
        form.addRow(self.tr("Months"), months)
        form.addRow(self.tr("Scene &names"), self.names)
        self.names_label = form.labelForField(self.names)
        limits = QHBoxLayout()
        limits.setSpacing(6)
        limits.addWidget(self.maximum, 1)
        limits.addWidget(self.from_file)
        form.addRow(self.tr("Ma&ximum"), limits)
        form.labelForField(limits).setBuddy(self.maximum)
        self.product.currentIndexChanged.connect(self._on_product)
        for box in (self.direction, self.polarization):
            box.currentIndexChanged.connect(self._on_changed)

    def _choice(self, name: str, text: str, tip: str) -> QToolButton:
        """One of several that can be chosen together; none chosen means all."""
        button = QToolButton(self)
        button.setObjectName(name)
        button.setText(text)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setCheckable(True)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        button.toggled.connect(self._on_changed)
        return button

    def _numbers(self, name: str, hint: str, tip: str) -> QLineEdit:
        field = QLineEdit(self)
        field.setObjectName(name)
        field.setPlaceholderText(hint)
        field.setToolTip(tip)
        field.setClearButtonEnabled(True)
        field.textChanged.connect(self._on_changed)
        return field

    # values

    def values(self) -> dict[str, Any]:
        """What is set, as keywords of `requests.SearchScenes`.

        Raises
        ------
        InsarError
            ``search.not_numbers``, ``search.no_scene_names``.
        """
        polarization = self.polarization.currentData()
        text = "" if self.is_burst else self.names.toPlainText().strip()
        names = scene_names_of_text(text)
        if text and not names:
            raise InsarError("search.no_scene_names")
        return {
            "product": self.product.currentData(),
            "direction": self.direction.currentData(),
            "paths": numbers_of_text(self.paths.text()),
            "frames": () if self.is_burst else numbers_of_text(self.frames.text()),
            "polarizations": (polarization,) if polarization else (),
            "platforms": tuple(name for name, box in self.platforms.items() if box.isChecked()),
            "months": tuple(number for number, button in enumerate(self.months, 1) if button.isChecked()),
            "scene_names": names,
            "max_results": self.maximum.value(),
        }

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show the filters of a request; absent ones are cleared."""
        self.product.setCurrentIndex(max(0, self.product.findData(values.get("product") or SLC)))
        self.direction.setCurrentIndex(max(0, self.direction.findData(values.get("direction") or "")))
        self.paths.setText(_text_of(values.get("paths") or ()))
        self.frames.setText(_text_of(values.get("frames") or ()))
        polarizations: Sequence[str] = values.get("polarizations") or ()
        self.polarization.setCurrentIndex(
            max(0, self.polarization.findData(polarizations[0])) if polarizations else 0
        )
        for name, box in self.platforms.items():
            box.setChecked(name in (values.get("platforms") or ()))
        for number, button in enumerate(self.months, 1):
            button.setChecked(number in (values.get("months") or ()))
        self.names.setPlainText("\n".join(values.get("scene_names") or ()))
        self.maximum.setValue(int(values.get("max_results") or 0))

    @property
    def is_burst(self) -> bool:
        """Whether bursts are searched."""
        return self.product.currentData() == BURST

    def set_count(self) -> int:
        """Number of filters that are set, the product not counted."""
        return sum(
            (
                bool(self.direction.currentData()),
                bool(self.paths.text().strip()),
                bool(self.frames.text().strip()) and not self.is_burst,
                bool(self.polarization.currentData()),
                any(box.isChecked() for box in self.platforms.values()),
                any(button.isChecked() for button in self.months),
                bool(self.names.toPlainText().strip()) and not self.is_burst,
                bool(self.maximum.value()),
            )
        )

    def read_names(self, path: Path) -> None:
        """Add the scene names of a text file."""
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            self._context.show_error(
                InsarError("file.not_readable", file=str(path), reason=error.strerror or str(error))
            )
            return
        names = scene_names_of_text(text)
        if not names:
            self._context.show_error(InsarError("search.no_scene_names"))
            return
        present = scene_names_of_text(self.names.toPlainText())
        self.names.setPlainText("\n".join(dict.fromkeys((*present, *names))))

    def _ask_names(self) -> None:
        filters = self.tr("Lists (*.txt *.csv *.json *.geojson);;All files (*)")
        path, _ = QFileDialog.getOpenFileName(self, self.tr("Scene Names From List"), "", filters)
        if path:
            self.read_names(Path(path))

    def _show_fields(self) -> None:
        # A folded group has hidden its fields, and shows all of them when it is unfolded.
        if not self.isCollapsed():
            for field in (self.frames, self.frame_label, self.names, self.names_label, self.from_file):
                field.setVisible(not self.is_burst)

    def _on_product(self) -> None:
        """Show what the product knows: bursts have no frame, are searched by area, and each is of one polarisation."""
        self._show_fields()
        kept = self.polarization.currentData()
        with QSignalBlocker(self.polarization):
            self.polarization.clear()
            self.polarization.addItem(self.tr("any"), "")
            for value in POLARIZATIONS[self.product.currentData()]:
                self.polarization.addItem(value, value)
            # Of VV+VH the bursts are those of VV.
            place = max(self.polarization.findData(kept), self.polarization.findData(kept.partition("+")[0]))
            self.polarization.setCurrentIndex(max(0, place))
        self._on_changed()

    def _on_changed(self) -> None:
        self._show_title()
        self.changed.emit()

    def _show_title(self) -> None:
        count = self.set_count()
        parts = [self.tr("bursts")] if self.is_burst else []
        parts += [QLocale().toString(count)] if count else []
        self.setTitle(
            self.tr("Filters ({what})").format(what=", ".join(parts)) if parts else self.tr("Filters")
        )


def _text_of(numbers: Iterable[int]) -> str:
    return ", ".join(str(number) for number in numbers)

# SPDX-License-Identifier: GPL-2.0-or-later
"""What narrows a search besides area and dates: direction, track, polarisation, platform, months, names, maximum."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from qgis.gui import QgsCollapsibleGroupBox
from qgis.PyQt.QtCore import QLocale, Qt, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QWidget,
)

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.search_texts import numbers_of_text, scene_names_of_text
from insarhub_qgis.gui.page_context import PageContext

PLATFORMS = ("S1A", "S1B", "S1C", "S1D")
POLARIZATIONS = ("VV", "VV+VH", "HH", "HH+HV")
_MONTHS_PER_ROW = 6
_MOST_SCENES = 100_000


class SearchFilters(QgsCollapsibleGroupBox):
    """Collapsed at first; its title counts the filters that are set."""

    changed = pyqtSignal()

    def __init__(self, context: PageContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("insarhubSearchFilters")
        self._context = context
        self.setSaveCollapsedState(False)
        self.setFlat(True)
        self._build()
        self.setCollapsed(True)
        self._show_title()

    def _build(self) -> None:
        self.direction = QComboBox(self)
        self.direction.setObjectName("insarhubSearchDirection")
        for text, value in (
            (self.tr("any"), ""),
            (self.tr("ascending"), "ASCENDING"),
            (self.tr("descending"), "DESCENDING"),
        ):
            self.direction.addItem(text, value)
        self.paths = self._numbers("insarhubSearchPath", self.tr("any, e.g. 13, 93"))
        self.frames = self._numbers("insarhubSearchFrame", self.tr("any, e.g. 406-412"))
        self.polarization = QComboBox(self)
        self.polarization.setObjectName("insarhubSearchPolarization")
        self.polarization.addItem(self.tr("any"), "")
        for value in POLARIZATIONS:
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
        from_file = QPushButton(self.tr("Names From &File…"), self)
        from_file.setObjectName("insarhubSearchNamesFile")
        from_file.setToolTip(self.tr("Read scene names from a text or CSV file"))
        from_file.clicked.connect(self._ask_names)

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
        form.addRow(self.tr("D&irection"), self.direction)
        form.addRow(self.tr("Pat&h"), self.paths)
        form.addRow(self.tr("F&rame"), self.frames)
        form.addRow(self.tr("Pol&arisation"), self.polarization)
        form.addRow(self.tr("Platform"), platforms)
        form.addRow(self.tr("Months"), months)
        form.addRow(self.tr("Scene &names"), self.names)
        limits = QHBoxLayout()
        limits.setSpacing(6)
        limits.addWidget(self.maximum, 1)
        limits.addWidget(from_file)
        form.addRow(self.tr("Ma&ximum"), limits)
        form.labelForField(limits).setBuddy(self.maximum)
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

    def _numbers(self, name: str, hint: str) -> QLineEdit:
        field = QLineEdit(self)
        field.setObjectName(name)
        field.setPlaceholderText(hint)
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
        names = scene_names_of_text(self.names.toPlainText())
        if self.names.toPlainText().strip() and not names:
            raise InsarError("search.no_scene_names")
        return {
            "direction": self.direction.currentData(),
            "paths": numbers_of_text(self.paths.text()),
            "frames": numbers_of_text(self.frames.text()),
            "polarizations": (polarization,) if polarization else (),
            "platforms": tuple(name for name, box in self.platforms.items() if box.isChecked()),
            "months": tuple(number for number, button in enumerate(self.months, 1) if button.isChecked()),
            "scene_names": names,
            "max_results": self.maximum.value(),
        }

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show the filters of a request; absent ones are cleared."""
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

    def set_count(self) -> int:
        """Number of filters that are set."""
        return sum(
            (
                bool(self.direction.currentData()),
                bool(self.paths.text().strip()),
                bool(self.frames.text().strip()),
                bool(self.polarization.currentData()),
                any(box.isChecked() for box in self.platforms.values()),
                any(button.isChecked() for button in self.months),
                bool(self.names.toPlainText().strip()),
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

    def _on_changed(self) -> None:
        self._show_title()
        self.changed.emit()

    def _show_title(self) -> None:
        count = self.set_count()
        self.setTitle(self.tr("Filters ({count})").format(count=count) if count else self.tr("Filters"))


def _text_of(numbers: Iterable[int]) -> str:
    return ", ".join(str(number) for number in numbers)

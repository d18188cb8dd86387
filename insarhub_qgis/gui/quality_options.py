# SPDX-License-Identifier: GPL-2.0-or-later
"""Options of the pair quality: which services may be asked and what they are told, the key of FIRMS, the usual weights."""

from __future__ import annotations

from qgis.gui import QgsPasswordLineEdit
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.pair_score import PRESETS, STANDARD
from insarhub_qgis.core.pair_table_files import FIRES, LANDCOVER, SNOW_COVER, VEGETATION_INDEX, WEATHER
from insarhub_qgis.gui.quality_texts import preset_text
from insarhub_qgis.host import firms_key
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.host.quality_requests import SOURCES, allow_sources, allowed_sources
from insarhub_qgis.host.settings import settings


class QualityOptions(QGroupBox):
    """The key is kept and removed at once, as accounts are; the rest waits for OK."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTitle(self.tr("Pair Quality"))
        self.setFlat(True)
        self._before = self._kept()
        note = QLabel(
            self.tr(
                "Services that may be asked, and what they are told; nobody gets names, scenes or pairs. Without any, "
                "scores rest on decay maps and latitude."
            ),
            self,
        )
        note.setWordWrap(True)
        grid = QGridLayout()
        grid.setHorizontalSpacing(9)
        grid.setVerticalSpacing(3)
        grid.setColumnStretch(1, 1)
        self.sources: dict[str, QCheckBox] = {}
        allowed = allowed_sources()
        for row, name in enumerate(SOURCES):
            label, told = self._texts(name)
            box = QCheckBox(label, self)
            box.setObjectName(f"insarhubQualitySource_{name}")
            box.setChecked(name in allowed)
            box.setToolTip(told)
            text = QLabel(told, self)
            text.setWordWrap(True)
            text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            grid.addWidget(box, row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(text, row, 1)
            self.sources[name] = box
        self.key = QgsPasswordLineEdit(self)
        self.key.setObjectName("insarhubFirmsKey")
        self.key.setToolTip(self.tr("Kept in QGIS's authentication database, under its master password"))
        self.key.textChanged.connect(self._enable)
        self.keep_button = QPushButton(self.tr("Keep Key"), self)
        self.keep_button.setObjectName("insarhubKeepFirmsKey")
        self.keep_button.clicked.connect(self._keep)
        self.remove_button = QPushButton(self.tr("Remove Key"), self)
        self.remove_button.setObjectName("insarhubRemoveFirmsKey")
        self.remove_button.clicked.connect(self._remove)
        key_label = QLabel(self.tr("FIRMS map &key"), self)
        key_label.setBuddy(self.key)
        keys = QHBoxLayout()
        keys.setSpacing(6)
        for widget in (key_label, self.key, self.keep_button, self.remove_button):
            keys.addWidget(widget, 1 if widget is self.key else 0)
        self.state = QLabel(self)
        self.state.setObjectName("insarhubFirmsState")
        self.state.setWordWrap(True)
        self.state.setOpenExternalLinks(True)
        self.state.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.preset = QComboBox(self)
        self.preset.setObjectName("insarhubQualityDefault")
        for name in PRESETS:
            self.preset.addItem(preset_text(name), name)
        chosen = self.preset.findData(settings().quality_preset.value())
        self.preset.setCurrentIndex(chosen if chosen >= 0 else self.preset.findData(STANDARD))
        self.preset.setToolTip(self.tr("Weights of jobs that keep none of their own"))
        preset_label = QLabel(self.tr("Usual pr&eset"), self)
        preset_label.setBuddy(self.preset)
        presets = QHBoxLayout()
        presets.setSpacing(6)
        presets.addWidget(preset_label)
        presets.addWidget(self.preset)
        presets.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setSpacing(6)
        layout.addWidget(note)
        layout.addLayout(grid)
        layout.addLayout(keys)
        layout.addWidget(self.state)
        layout.addLayout(presets)
        self._say()
        self._enable()

    def apply(self) -> bool:
        """Save what is ticked and chosen; True when anything is other than at the beginning."""
        allow_sources(name for name, box in self.sources.items() if box.isChecked())
        settings().quality_preset.setValue(self.preset.currentData())
        return self._before != self._kept()

    def _kept(self) -> tuple[object, ...]:
        return (allowed_sources(), settings().quality_preset.value(), firms_key.map_key_id())

    def _texts(self, name: str) -> tuple[str, str]:
        """Give the name of a source, and who is told what."""
        return {
            WEATHER: (
                self.tr("Weather"),
                self.tr("Open-Meteo: up to five points of the area, to 100 m, and the dates"),
            ),
            LANDCOVER: (
                self.tr("Land cover"),
                self.tr("ESA WorldCover on AWS: which part of a map of 3° is read"),
            ),
            VEGETATION_INDEX: (
                self.tr("Vegetation"),
                self.tr("ORNL DAAC (MODIS): the same points, and the dates"),
            ),
            SNOW_COVER: (
                self.tr("Snow cover"),
                self.tr(
                    "Microsoft Planetary Computer (MODIS): the box of the area, and the dates; else snow depth counts"
                ),
            ),
            FIRES: (
                self.tr("Fires"),
                self.tr("NASA FIRMS: the box of the area, the dates, and your map key"),
            ),
        }[name]

    def _enable(self) -> None:
        self.keep_button.setEnabled(firms_key.is_map_key(self.key.text()))
        self.remove_button.setEnabled(bool(firms_key.map_key_id()))

    def _say(self, text: str = "") -> None:
        if not text:
            text = (
                self.tr("A key is kept in QGIS's authentication database.")
                if firms_key.map_key_id()
                else self.tr('Fires need a key, which is free: <a href="{page}">{page}</a>').format(
                    page=firms_key.KEY_PAGE
                )
            )
        self.state.setText(text)

    def _keep(self) -> None:
        try:
            firms_key.keep_map_key(self.key.text())
        except InsarError as error:
            self._say(sentence(error))
            return
        self.key.clear()
        self.sources[FIRES].setChecked(True)
        self._say()
        self._enable()

    def _remove(self) -> None:
        try:
            firms_key.remove_map_key()
        except InsarError as error:
            self._say(sentence(error))
            return
        self._say()
        self._enable()

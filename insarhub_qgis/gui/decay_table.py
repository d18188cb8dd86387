# SPDX-License-Identifier: GPL-2.0-or-later
"""Decay maps as a table of buttons: one row per season, one button per band with its median and range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QResizeEvent
from qgis.PyQt.QtWidgets import QGridLayout, QLabel, QSizePolicy, QToolButton, QWidget

from insarhub_qgis.core.decay_map_files import BAND_DESCRIPTIONS, SEASONS
from insarhub_qgis.gui.decay_texts import (
    band_heading,
    band_tip,
    map_mark,
    map_reason,
    months_text,
    range_text,
    resolution_text,
    season_name,
    season_tip,
    season_title,
    size_text,
    tr,
    value_text,
)
from insarhub_qgis.gui.short_text import ShortLabel
from insarhub_qgis.layers.decay_facts import DecayMap

#: Narrower, and the months stand below the name.
COMPACT_PX = 350


@dataclass(frozen=True)
class MissingMap:
    """Why a season has no map: a few words, and the whole sentence."""

    text: str
    tip: str = ""


class DecayTable(QWidget):
    """Rows follow `show_maps`; buttons follow `show_bands`, never the click itself.

    Signals
    -------
    band_clicked(DecayMap, str)
        A button was pressed: the map and the kind of its band.
    """

    band_clicked = pyqtSignal(object, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("insarhubDecayMaps")
        self.setAccessibleName(tr("Decay maps by season"))
        self._maps: tuple[DecayMap, ...] = ()
        self._missing: dict[str, MissingMap] = {}
        self._buttons: dict[tuple[Path, str], QToolButton] = {}
        self._words: dict[str, ShortLabel] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(6)
        self._grid.setVerticalSpacing(6)
        for column, kind in enumerate(BAND_DESCRIPTIONS, 1):
            heading = QLabel(band_heading(kind), self)
            heading.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            heading.setToolTip(band_tip(kind))
            heading.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            self._grid.addWidget(heading, 0, column)
            self._grid.setColumnStretch(column, 1)
        self._row_widgets: list[QWidget] = []
        self._heads: list[tuple[QLabel, str, str]] = []
        self._is_compact = False

    def button(self, season: str, kind: str) -> QToolButton | None:
        """The button of a band, of vv where a season has both polarisations; None without a map."""
        for decay_map in self._maps:
            if decay_map.season == season:
                return self._buttons.get((decay_map.path, kind))
        return None

    def word(self, season: str) -> str:
        """What stands in place of the map of a season; empty when there is one."""
        label = self._words.get(season)
        return label.text() if label is not None else ""

    def show_maps(self, maps: Sequence[DecayMap], missing: Mapping[str, MissingMap]) -> None:
        """Show maps, and a few words for each season without one."""
        if (tuple(maps), dict(missing)) == (self._maps, self._missing) and self._row_widgets:
            return
        self._maps, self._missing = tuple(maps), dict(missing)
        for widget in self._row_widgets:
            self._grid.removeWidget(widget)
            widget.hide()
            widget.deleteLater()
        self._row_widgets, self._heads, self._buttons, self._words = [], [], {}, {}
        row = 1
        for season in SEASONS:
            of_season = [each for each in self._maps if each.season == season]
            for decay_map in of_season:
                self._add_map(decay_map, row)
                row += 1
            if not of_season:
                self._add_missing(season, row)
                row += 1

    def show_bands(self, shown: Mapping[Path, str]) -> None:
        """Press the buttons of the bands that are on the map: file -> kind."""
        for (path, kind), button in self._buttons.items():
            button.setChecked(shown.get(path) == kind)

    def _add(self, widget: QWidget, row: int, column: int, span: int = 1) -> None:
        self._grid.addWidget(widget, row, column, 1, span)
        self._row_widgets.append(widget)

    def _head(self, season: str, second: str, tip: str) -> QLabel:
        label = QLabel(self)
        label.setTextFormat(Qt.TextFormat.RichText)
        label.setToolTip("\n".join(part for part in (season_tip(season), tip) if part))
        self._heads.append((label, season, second))
        self._write_head(label, season, second)
        return label

    def _write_head(self, label: QLabel, season: str, second: str) -> None:
        between = "<br>" if self._is_compact else ", "
        lines = [f"<b>{season_name(season)}</b>{between}{months_text(season)}", second]
        label.setText("<br>".join(line for line in lines if line))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        is_compact = self.width() < COMPACT_PX
        if is_compact != self._is_compact:
            self._is_compact = is_compact
            for head in self._heads:
                self._write_head(*head)

    def _add_map(self, decay_map: DecayMap, row: int) -> None:
        polarization = decay_map.polarization.upper()
        mark = map_mark(decay_map)
        # A mark matters more than the size, and both would not fit.
        second = f"{polarization} · {mark or size_text(decay_map.size_bytes)}"
        facts = decay_map.facts
        tip = map_reason(decay_map)
        if facts is not None:
            size = tr(
                "{polarization}, {width} × {height} pixels of {resolution}, {valid} of them valid, {size}"
            )
            tip += ("\n" if tip else "") + size.format(
                polarization=polarization,
                width=facts.width,
                height=facts.height,
                resolution=resolution_text(decay_map.resolution) or tr("unknown size"),
                valid=facts.valid_pixels,
                size=size_text(decay_map.size_bytes),
            )
        self._add(self._head(decay_map.season, second, tip), row, 0)
        bands = facts.bands if facts is not None else ()
        if len(bands) != len(BAND_DESCRIPTIONS):
            self._add_word(decay_map.season, MissingMap(tr("cannot be shown"), map_reason(decay_map)), row)
            return
        for column, (kind, figures) in enumerate(zip(BAND_DESCRIPTIONS, bands), 1):
            button = QToolButton(self)
            button.setObjectName(f"insarhubDecay_{decay_map.season}_{decay_map.polarization}_{kind}")
            button.setCheckable(True)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            button.setMinimumWidth(40)
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            title = f"{season_title(decay_map.season)}, {band_heading(kind)}"
            if figures is None:
                button.setText(tr("no data"))
                button.setEnabled(False)
                button.setAccessibleName(f"{title}: {button.text()}")
            else:
                median, span = value_text(kind, figures.median), range_text(kind, figures)
                button.setText(f"{median}\n{span}")
                button.setAccessibleName(
                    tr("{title}: median {median}, {span}").format(title=title, median=median, span=span)
                )
            button.setToolTip(
                "\n".join(
                    (band_tip(kind), tr("Median and range of the valid pixels. Click to show or hide."))
                )
            )
            button.clicked.connect(lambda checked, each=decay_map, name=kind: self._click(each, name))
            self._add(button, row, column)
            self._buttons[(decay_map.path, kind)] = button

    def _add_missing(self, season: str, row: int) -> None:
        self._add(self._head(season, "", ""), row, 0)
        self._add_word(season, self._missing.get(season, MissingMap(tr("not fetched yet"))), row)

    def _add_word(self, season: str, word: MissingMap, row: int) -> None:
        label = ShortLabel(self)
        label.setText(word.text)
        label.setToolTip(word.tip or word.text)
        self._words[season] = label
        self._add(label, row, 1, len(BAND_DESCRIPTIONS))

    def _click(self, decay_map: DecayMap, kind: str) -> None:
        # The project decides whether the button is down.
        button = self._buttons[(decay_map.path, kind)]
        button.setChecked(not button.isChecked())
        self.band_clicked.emit(decay_map, kind)

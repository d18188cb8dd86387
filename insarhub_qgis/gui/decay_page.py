# SPDX-License-Identifier: GPL-2.0-or-later
"""Decay maps of a job: how coherence falls with time, season by season, and what follows for its pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import QgsCoordinateTransform, QgsCsException, QgsPointXY, QgsRectangle
from qgis.gui import QgsCollapsibleGroupBox, QgsScrollArea
from qgis.PyQt.QtCore import QLocale, Qt, QTimer
from qgis.PyQt.QtGui import QHideEvent, QKeySequence
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QShortcut,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.core.coherence_tiles import AUTO, COARSE, FINE, MOSAIC, TILES
from insarhub_qgis.core.decay_map_files import (
    BAND_DESCRIPTIONS,
    BEST,
    INSARHUB_MAP,
    NETWORK,
    OUTDATED,
    OWN_MAP,
    SEASONS,
    UNUSABLE,
    is_simulated,
)
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.requests import DeriveFromDecay, FetchDecayMaps, ZonalDecay
from insarhub_qgis.gui.chart_style import load_fonts
from insarhub_qgis.gui.decay_forms import SHARE_DAYS, DecayForms
from insarhub_qgis.gui.decay_legend import DecayLegend
from insarhub_qgis.gui.decay_table import DecayTable, MissingMap
from insarhub_qgis.gui.decay_texts import (
    failure_text,
    map_reason,
    months_text,
    resolution_text,
    season_name,
    season_tip,
    value_text,
)
from insarhub_qgis.gui.flow_layout import FlowLayout
from insarhub_qgis.gui.job_page import JobPage
from insarhub_qgis.gui.page_context import PageContext
from insarhub_qgis.gui.short_text import ShortLabel
from insarhub_qgis.gui.value_footer import THROTTLE_MS
from insarhub_qgis.host import messages
from insarhub_qgis.host.counts import counted_pairs
from insarhub_qgis.host.endpoints import endpoints, is_sandbox_on
from insarhub_qgis.layers.decay_facts import DecayMap, DerivedMap, JobDecay, Stamp, facts_of, read_job_decay
from insarhub_qgis.layers.styles import style_for

DERIVED_ROLE = Qt.ItemDataRole.UserRole
DOI = "https://doi.org/10.1038/s41597-022-01189-6"
#: Rows of the list of derived maps that are seen without scrolling in it.
MOST_ROWS = 5
AVAILABLE = "available"


class DecayPage(JobPage):
    """Buttons follow the project: a band is down while its layer is ticked in the layer tree."""

    def __init__(self, context: PageContext, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self.setObjectName("insarhubDecayPage")
        self.title = self.tr("Decay Maps")
        self.decay = JobDecay()
        #: Why seasons of a job have no map, as its last fetch told.
        self._failures: dict[Path, dict[str, InsarError]] = {}
        self._answered: dict[Path, set[str]] = {}
        self._stamps: dict[Path, Stamp] = {}
        self._is_read = False
        self._wanted: Path | None = None
        self._pixels = None
        self._point: QgsPointXY | None = None
        self._dialogs: list[QWidget] = []
        self._seen: list[DecayMap] = []
        self._sync_timer = QTimer(self)
        self._sync_timer.setSingleShot(True)
        self._sync_timer.setInterval(0)
        self._sync_timer.timeout.connect(self._sync)
        self._cursor_timer = QTimer(self)
        self._cursor_timer.setSingleShot(True)
        self._cursor_timer.setInterval(THROTTLE_MS)
        self._cursor_timer.timeout.connect(self._show_cursor)
        self._build()
        project = context.project()
        project.layersAdded.connect(self._sync_timer.start)
        project.layersRemoved.connect(self._sync_timer.start)
        project.readProject.connect(self._sync_timer.start)
        project.layerTreeRoot().visibilityChanged.connect(self._sync_timer.start)
        context.canvas().xyCoordinates.connect(self._on_moved)
        context.runs_changed.connect(self._show_runs)
        context.services_changed.connect(self._read)

    # --- widgets

    def _build(self) -> None:
        area = QgsScrollArea(self)
        area.setObjectName("insarhubDecayScroll")
        area.setWidgetResizable(True)
        area.setFrameShape(QgsScrollArea.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        content = QWidget(area)
        self.intro = self._text(content, "insarhubDecayIntro")
        self.intro.setText(
            self.tr(
                "How coherence falls with the days between two acquisitions, fitted to one year of Sentinel-1. Fetch the maps "
                "of this job's area to see them here."
            )
        )
        self.note = self._text(content, "insarhubDecayNote")
        self.table = DecayTable(content)
        self.table.band_clicked.connect(self._toggle_band)
        self.legend = DecayLegend(content)
        self.cursor_value = QLabel(content)
        self.cursor_value.setObjectName("insarhubDecayCursor")
        self.cursor_value.setAccessibleName(self.tr("Values under the cursor"))
        self.cursor_value.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.source = self._text(content, "insarhubDecaySource")
        self.source.setTextFormat(Qt.TextFormat.RichText)
        self.source.setOpenExternalLinks(True)
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 6, 0)
        column.setSpacing(9)
        for widget in (self.intro, self.note, self.table, self.legend, self.cursor_value, self.source):
            column.addWidget(widget)
        column.addWidget(self._make_derived(content))
        column.addWidget(self._make_options(content))
        column.addStretch(1)
        area.setWidget(content)

        self.state = ShortLabel(self)
        self.state.setObjectName("insarhubDecayState")
        self.fetch_button = QPushButton(self.tr("&Fetch"), self)
        self.fetch_button.setObjectName("insarhubDecayFetch")
        self.fetch_button.clicked.connect(self.fetch)
        buttons = QHBoxLayout()
        buttons.setSpacing(6)
        buttons.addWidget(self.state, 1)
        buttons.addWidget(self.fetch_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(area, 1)
        layout.addLayout(buttons)
        # Not the button: while it is disabled nothing would have the keyboard, and Esc would not lead back.
        self.setFocusProxy(area)

    def _text(self, parent: QWidget, name: str) -> QLabel:
        label = QLabel(parent)
        label.setObjectName(name)
        label.setWordWrap(True)
        label.hide()
        return label

    def _make_derived(self, parent: QWidget) -> QWidget:
        self.derived_box = QWidget(parent)
        heading = QLabel(self.tr("Derived Maps"), self.derived_box)
        font = heading.font()
        font.setBold(True)
        heading.setFont(font)
        self.forms = DecayForms(self.derived_box)
        self.forms.map_requested.connect(self.make_map)
        self.forms.share_requested.connect(self.show_share)
        self.list = QListWidget(self.derived_box)
        self.list.setObjectName("insarhubDecayDerived")
        self.list.setAccessibleName(self.tr("Maps made from the decay maps"))
        self.list.setAlternatingRowColors(True)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.list.itemClicked.connect(self._toggle_derived)
        for key in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            # Not by activation: where one click activates, a click would count twice.
            shortcut = QShortcut(QKeySequence(key), self.list)
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
            shortcut.activated.connect(self._toggle_current)
        column = QVBoxLayout(self.derived_box)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(heading)
        column.addWidget(self.forms)
        column.addWidget(self.list)
        return self.derived_box

    def _make_options(self, parent: QWidget) -> QWidget:
        self.options = QgsCollapsibleGroupBox(self.tr("What to Fetch"), parent)
        self.options.setObjectName("insarhubDecayOptions")
        self.options.setFlat(True)
        self.options.setSaveCollapsedState(False)
        self.resolution = QComboBox(self.options)
        self.resolution.setToolTip(
            self.tr("Automatic: pixels of 90 m where the area touches at most four tiles of one degree")
        )
        for text, value in (
            (self.tr("Automatic"), AUTO),
            (resolution_text(TILES.name), FINE),
            (resolution_text(MOSAIC.name), COARSE),
        ):
            self.resolution.addItem(text, value)
        self.polarization = QComboBox(self.options)
        self.polarization.setToolTip(self.tr("Automatic: VV, and HH where VV has no data, as near the poles"))
        for text, value in ((self.tr("Automatic"), AUTO), ("VV", "vv"), ("HH", "hh")):
            self.polarization.addItem(text, value)
        self.season_boxes: dict[str, QCheckBox] = {}
        seasons = FlowLayout()
        for season in SEASONS:
            box = QCheckBox(months_text(season), self.options)
            box.setObjectName(f"insarhubDecaySeason_{season}")
            box.setToolTip(season_tip(season))
            box.setChecked(True)
            box.toggled.connect(lambda _: self._show_state())
            self.season_boxes[season] = box
            seasons.addWidget(box)
        for combo in (self.resolution, self.polarization):
            combo.currentIndexChanged.connect(lambda _: self._show_state())
        form = QFormLayout(self.options)
        form.setContentsMargins(6, 6, 6, 6)
        form.setSpacing(6)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(self.tr("&Resolution"), self.resolution)
        form.addRow(self.tr("&Polarisation"), self.polarization)
        form.addRow(self.tr("Months"), seasons)
        return self.options

    # --- page contract

    def open_job(self, job_folder: Path) -> None:
        """Read the maps of a job; files that did not change are not read again."""
        if job_folder != self._folder:
            self._folder = job_folder
            self.decay = JobDecay()
            self._is_read = False
            self._wanted = None
            self._show()
        self._read()

    def close_page(self) -> None:
        super().close_page()
        self._sync_timer.stop()
        self._cursor_timer.stop()
        dialogs, self._dialogs = self._dialogs, []
        for dialog in dialogs:
            dialog.close()
        project = self._context.project()
        project.layersAdded.disconnect(self._sync_timer.start)
        project.layersRemoved.disconnect(self._sync_timer.start)
        project.readProject.disconnect(self._sync_timer.start)
        project.layerTreeRoot().visibilityChanged.disconnect(self._sync_timer.start)
        self._context.canvas().xyCoordinates.disconnect(self._on_moved)
        self._context.runs_changed.disconnect(self._show_runs)
        self._context.services_changed.disconnect(self._read)
        self._let_files_go()

    # --- reading

    def _read_job(self, folder: Path) -> None:
        known, is_sandbox = facts_of(self.decay), is_sandbox_on()
        self._reading.start(
            self.tr("Reading the decay maps of {job}").format(job=folder.name),
            lambda is_cancelled: read_job_decay(folder, is_sandbox, known, is_cancelled),
            self._on_read,
            self._context.show_error,
        )

    def _on_read(self, decay: JobDecay) -> None:
        self._is_read = True
        self._reload_changed(decay)
        self.decay = decay
        self._show()
        self._show_wanted()

    def _reload_changed(self, decay: JobDecay) -> None:
        """Layers show what a run wrote over their files."""
        from insarhub_qgis.layers.decay_layers import reload_decay_layer

        for path, facts in facts_of(decay).items():
            if self._stamps.get(path, facts.stamp) != facts.stamp:
                self._let_files_go()
                reload_decay_layer(self._context.project(), path)
            self._stamps[path] = facts.stamp

    # --- what it shows

    def _show(self) -> None:
        decay = self.decay
        self.table.show_maps(decay.maps, self._missing())
        self.intro.setVisible(self._is_read and not decay.maps)
        self._show_note()
        self._show_source()
        usable = [season for season in SEASONS if any(each.season == season for each in self._usable())]
        if self._folder is not None:
            self.forms.show_choices(self._folder, usable, decay.dates, decay.pair_count)
        self._show_derived()
        # Nothing of it helps before there are maps.
        for widget in (self.derived_box, self.legend):
            widget.setVisible(bool(decay.maps))
        if self._is_read:
            self.options.setCollapsed(bool(decay.maps))
        self._show_state()
        self._sync()

    def _usable(self) -> list[DecayMap]:
        return [each for each in self.decay.maps if each.is_usable]

    def _missing(self) -> dict[str, MissingMap]:
        if self._folder is None or not self._is_read:
            return {season: MissingMap("") for season in SEASONS}
        fetching = self._fetching()
        failures = self._failures.get(self._folder, {})
        words: dict[str, MissingMap] = {}
        is_first = True
        for season in SEASONS:
            if any(each.season == season for each in self.decay.maps):
                continue
            if fetching is not None and season in self._pending(fetching):
                words[season] = MissingMap(self.tr("fetching…") if is_first else self.tr("waiting…"))
                is_first = False
            elif season in failures:
                error = failures[season]
                words[season] = MissingMap(failure_text(error), messages.sentence(error))
            else:
                words[season] = MissingMap(self.tr("not fetched yet"))
        return words

    def _show_note(self) -> None:
        lines = [messages.sentence(problem) for problem in self.decay.problems]
        outdated = [each for each in self.decay.maps if each.state == OUTDATED]
        if outdated:
            seasons = ", ".join(dict.fromkeys(months_text(each.season) for each in outdated))
            lines.append(
                self.tr("Outdated: {seasons}. {reason} Fetch again.").format(
                    seasons=seasons, reason=map_reason(outdated[0])
                )
            )
        for decay_map in self.decay.maps:
            if decay_map.state == UNUSABLE:
                reason = map_reason(decay_map)
                lines.append(reason if decay_map.problem else f"{decay_map.path.name}: {reason}")
        foreign = [each.season for each in self.decay.maps if each.state == INSARHUB_MAP]
        if foreign and self.decay.is_south:
            warning = InsarError(
                "decay.insarhub_south", seasons=", ".join(months_text(season) for season in foreign)
            )
            lines.append(messages.sentence(warning))
        elif self.decay.is_south and self.decay.maps:
            lines.append(
                self.tr(
                    "South of the equator: go by the months. The names are the northern ones of the dataset."
                )
            )
        for season, error in self._failures.get(self._folder or Path(), {}).items():
            if any(each.season == season for each in self.decay.maps):
                lines.append(
                    self.tr("{months} was not fetched again, {reason}.").format(
                        months=months_text(season), reason=failure_text(error)
                    )
                )
        self.note.setText("\n".join(lines))
        self.note.setVisible(bool(lines))

    def _show_source(self) -> None:
        maps = [each for each in self.decay.maps if each.facts is not None]
        ours = [each for each in maps if each.source]
        lines = []
        if ours:
            link = self.tr('<a href="{address}">Kellndorfer et al. 2022</a>, CC BY 4.0').format(address=DOI)
            if any(is_simulated(each.source) for each in ours):
                link = self.tr("Simulated by the sandbox, as in {source}").format(source=link)
            sizes = ", ".join(
                dict.fromkeys(resolution_text(each.resolution) for each in ours if each.resolution)
            )
            days = sorted({each.fetched_at.astimezone().date() for each in ours if each.fetched_at})
            shown = " – ".join(
                QLocale().toString(day, QLocale.FormatType.ShortFormat)
                for day in dict.fromkeys((days[0], days[-1]))
            )
            lines.append(
                self.tr("{source} · {size} · fetched {days}").format(source=link, size=sizes, days=shown)
            )
        if len(ours) < len(maps):
            lines.append(
                self.tr("Some maps were made by InSARHub.") if ours else self.tr("Made by InSARHub.")
            )
        self.source.setText("<br>".join(lines))
        self.source.setVisible(bool(lines))

    def _show_derived(self) -> None:
        current = self.list.currentItem()
        chosen = current.data(DERIVED_ROLE).path if current is not None else None
        self.list.clear()
        for derived in self.decay.derived:
            text = derived.description[:1].upper() + derived.description[1:]
            item = QListWidgetItem(f"{text} · {self.tr('older than its maps')}" if derived.is_older else text)
            item.setData(DERIVED_ROLE, derived)
            # The project ticks it, not the click.
            item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Unchecked)
            item.setToolTip(self._derived_tip(derived))
            if derived.problem is not None:
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEnabled)
            self.list.addItem(item)
            if derived.path == chosen:
                self.list.setCurrentItem(item)
        rows = min(self.list.count(), MOST_ROWS)
        self.list.setVisible(rows > 0)
        if rows:
            self.list.setFixedHeight(rows * self.list.sizeHintForRow(0) + 2 * self.list.frameWidth())

    def _derived_tip(self, derived: DerivedMap) -> str:
        lines = [derived.description, derived.path.name]
        figures = derived.facts.bands[0] if derived.facts is not None and derived.facts.bands else None
        if derived.problem is not None:
            lines.append(messages.sentence(derived.problem))
        elif figures is not None and derived.kind != BEST:
            style = style_for(derived.kind)
            lines.append(
                self.tr("Median {median}, from {low} to {high}").format(
                    median=style.value_text(figures.median),
                    low=style.number_text(figures.low),
                    high=style.value_text(figures.high),
                )
            )
        if derived.is_older:
            lines.append(
                self.tr("The network or the decay maps changed since. Make it again.")
                if derived.kind == NETWORK
                else self.tr("The decay maps changed since. Make it again.")
            )
        return "\n".join(lines)

    def _show_state(self) -> None:
        is_fetching = self._fetching() is not None
        wanted = self._wanted_seasons()
        is_complete = bool(wanted) and all(self._has_wanted(season) for season in wanted)
        self.fetch_button.setText(self.tr("&Fetch Again") if is_complete else self.tr("&Fetch"))
        self.fetch_button.setDefault(not is_complete)
        self.fetch_button.setEnabled(self._is_read and bool(wanted) and not is_fetching)
        self.fetch_button.setToolTip(
            self.tr("Read the coherence anew and replace the maps, also those made by InSARHub")
            if is_complete
            else self.tr("Fetch the maps that are missing or outdated")
        )
        count = len({each.season for each in self._usable()})
        self.state.setText(
            self.tr("{count} of {seasons} seasons").format(count=count, seasons=len(SEASONS))
            if self.decay.maps
            else ""
        )
        blockers = [each for each in self.decay.maps if each.state in (OUTDATED, UNUSABLE)]
        if blockers:
            self.forms.set_ready(False, self.tr("Fetch the maps again first: some are not up to date."))
        else:
            self.forms.set_ready(bool(self.decay.maps) and not is_fetching)

    def _wanted_seasons(self) -> tuple[str, ...]:
        return tuple(season for season, box in self.season_boxes.items() if box.isChecked())

    def _has_wanted(self, season: str) -> bool:
        names = {FINE: TILES.name, COARSE: MOSAIC.name}
        resolution, polarization = self.resolution.currentData(), self.polarization.currentData()
        return any(
            each.season == season
            and each.state in (OWN_MAP, INSARHUB_MAP)
            and polarization in (AUTO, each.polarization)
            and (each.state == INSARHUB_MAP or resolution == AUTO or names[resolution] == each.resolution)
            for each in self.decay.maps
        )

    def _sync(self) -> None:
        """Buttons follow the project, also when layers come, go or are unticked elsewhere."""
        from insarhub_qgis.layers.decay_layers import shown_kind

        self._sync_timer.stop()
        project = self._context.project()
        shown = {each.path: shown_kind(project, each.path) for each in self.decay.maps}
        self.table.show_bands(shown)
        kinds = {kind for kind in shown.values() if kind}
        for row in range(self.list.count()):
            item = self.list.item(row)
            kind = shown_kind(project, item.data(DERIVED_ROLE).path)
            item.setCheckState(Qt.CheckState.Checked if kind else Qt.CheckState.Unchecked)
            kinds |= {kind} if kind else set()
        self.legend.show_kinds(kinds)
        self._seen = [each for each in self.decay.maps if shown.get(each.path)]
        self.cursor_value.setVisible(bool(self._seen))
        if not self._seen:
            self._let_files_go()
        self._show_cursor()

    # --- layers

    def _toggle_band(self, decay_map: DecayMap, kind: str) -> None:
        from insarhub_qgis.layers.decay_layers import remove_decay_layer, show_band, shown_kind

        project = self._context.project()
        if shown_kind(project, decay_map.path) == kind:
            remove_decay_layer(project, decay_map.path)
            self._context.canvas().refresh()
        else:
            self._show_layer(
                lambda folder: show_band(project, folder, self.decay.name, decay_map, kind), decay_map.path
            )
        self._sync()

    def _toggle_derived(self, item: QListWidgetItem) -> None:
        from insarhub_qgis.layers.decay_layers import remove_decay_layer, shown_kind

        derived = item.data(DERIVED_ROLE)
        project = self._context.project()
        if shown_kind(project, derived.path):
            remove_decay_layer(project, derived.path)
            self._context.canvas().refresh()
        elif derived.problem is None:
            self._add_derived(derived)
        self._sync()

    def _toggle_current(self) -> None:
        item = self.list.currentItem()
        if item is not None:
            self._toggle_derived(item)

    def _add_derived(self, derived: DerivedMap) -> None:
        from insarhub_qgis.layers.decay_layers import show_derived

        project = self._context.project()
        self._show_layer(lambda folder: show_derived(project, folder, self.decay.name, derived), derived.path)

    def _show_layer(self, show: Any, path: Path) -> None:
        """Show a layer, and the place where it lies when the map looks elsewhere."""
        from insarhub_qgis.layers.decay_layers import find_decay_layer

        if self._folder is None:
            return
        project, canvas = self._context.project(), self._context.canvas()
        is_first = not project.mapLayers()
        is_new = find_decay_layer(project, path) is None
        try:
            layer = show(self._folder)
        except InsarError as error:
            self._context.show_error(error)
            return
        if is_first:
            project.setCrs(layer.crs())
        extent = QgsRectangle(layer.extent())
        try:
            extent = QgsCoordinateTransform(
                layer.crs(), canvas.mapSettings().destinationCrs(), project
            ).transformBoundingBox(extent)
        except QgsCsException:
            return
        if is_first or (is_new and not canvas.extent().intersects(extent)):
            extent.scale(1.05)
            canvas.setExtent(extent)
        canvas.refresh()

    def _show_wanted(self) -> None:
        """Put the raster on the map that was asked for, once it is read."""
        wanted, self._wanted = self._wanted, None
        for derived in self.decay.derived:
            if derived.path == wanted:
                self._add_derived(derived)
                self._sync()

    # --- values under the cursor

    def _on_moved(self, point: QgsPointXY) -> None:
        if not self.isVisible() or not self._seen:
            return
        self._point = QgsPointXY(point)
        # Started only when idle: a steady move is answered every THROTTLE_MS, not after it ends.
        if not self._cursor_timer.isActive():
            self._cursor_timer.start()

    def _show_cursor(self) -> None:
        if not self._seen:
            return
        if self._point is None:
            self.cursor_value.setText(self.tr("Move over the map to read g∞, g₀ and τ there."))
            return
        if self._pixels is None:
            from insarhub_qgis.layers.decay_pixels import DecayPixelReader

            self._pixels = DecayPixelReader()
        crs = self._context.canvas().mapSettings().destinationCrs()
        lines = []
        for decay_map in self._seen:
            values = self._pixels.values_at(decay_map.path, self._point, crs)
            symbols = ("g∞", "g₀", "τ")
            text = self.tr("no data here")
            if values is not None:
                text = " · ".join(
                    f"{symbol} {value_text(kind, value)}"
                    for symbol, kind, value in zip(symbols, BAND_DESCRIPTIONS, values)
                )
            lines.append(f"{season_name(decay_map.season)}: {text}")
        self.cursor_value.setText("\n".join(lines))

    def _let_files_go(self) -> None:
        if self._pixels is not None:
            self._pixels.close()
            self._pixels = None

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._let_files_go()

    # --- runs

    def fetch(self) -> None:
        """Fetch what is missing or outdated; everything that is ticked when nothing is."""
        folder = self._folder
        if folder is None or self._fetching() is not None:
            return
        seasons = self._wanted_seasons()
        is_complete = all(self._has_wanted(season) for season in seasons)
        try:
            request = FetchDecayMaps(
                job_folder=str(folder),
                seasons=seasons,
                polarization=self.polarization.currentData(),
                resolution=self.resolution.currentData(),
                force=is_complete,
                endpoints=endpoints().to_json(),
            )
        except InsarError as error:
            self._context.show_error(error)
            return
        self._failures[folder] = {}
        self._answered[folder] = set()
        self._let_files_go()
        self._context.start(
            request,
            self.tr("Fetch decay maps"),
            lambda answer: self._on_fetched(folder, answer),
            on_item=lambda row: self._on_season(folder, row),
        )

    def _fetching(self) -> FetchDecayMaps | None:
        for run in self._context.runs:
            if run.job_folder == self._folder and isinstance(run.task.request, FetchDecayMaps):
                return run.task.request
        return None

    def _pending(self, request: FetchDecayMaps) -> list[str]:
        answered = self._answered.get(self._folder or Path(), set())
        return [season for season in SEASONS if season in request.seasons and season not in answered]

    def _on_season(self, folder: Path, row: dict[str, Any]) -> None:
        self._answered.setdefault(folder, set()).add(row["season"])
        if row["state"] != AVAILABLE:
            self._failures.setdefault(folder, {})[row["season"]] = InsarError.from_json(row)
        if folder == self._folder:
            self._show_runs()
            self._read()

    def _on_fetched(self, folder: Path, answer: dict[str, Any]) -> None:
        told = [InsarError.from_json(message) for message in answer["messages"]]
        # That warning stands on the page as long as it holds.
        for message in told:
            if message.code != "decay.insarhub_south":
                self._context.show_info(messages.sentence(message))
        failed = [row for row in answer["seasons"] if row["state"] == "failed"]
        if failed:
            errors = {months_text(row["season"]): InsarError.from_json(row) for row in failed}
            lines = [f"{months}: {messages.sentence(error)}" for months, error in errors.items()]
            self._context.show_warning(
                self.tr("Decay maps of {job}, {months}: {reason}").format(
                    job=folder.name,
                    months=", ".join(errors),
                    reason=messages.sentence(next(iter(errors.values()))),
                ),
                "\n".join(lines),
            )

    def _show_runs(self) -> None:
        if self._folder is not None:
            self.table.show_maps(self.decay.maps, self._missing())
            self._show_state()
            self._sync()

    def make_map(self, request: DeriveFromDecay) -> None:
        """Make a raster from the maps; it comes on the map when it is there."""
        folder = Path(request.job_folder)
        self._context.start(
            request, self.tr("Make map"), lambda answer: self._on_made(folder, request, answer)
        )

    def _on_made(self, folder: Path, request: DeriveFromDecay, answer: dict[str, Any]) -> None:
        left_out = answer.get("pairs", 0) - answer.get("pairs_used", 0)
        if left_out:
            self._context.show_warning(
                self.tr("Left out for lack of a decay map of the season: {count} of {pairs}.").format(
                    count=left_out, pairs=counted_pairs(answer["pairs"])
                )
            )
        if folder == self._folder:
            # The end of the run announces a changed job, and its files are read.
            self._wanted = Path(request.output)

    def show_share(self, coherence: float) -> None:
        """Count which part of the area keeps a coherence, and show it as table and chart."""
        folder, name = self._folder, self.decay.name
        if folder is None:
            return
        self._context.start(
            ZonalDecay(str(folder), (), SHARE_DAYS, coherence),
            self.tr("Usable share"),
            lambda answer: self._context.read(
                self.tr("Loading the chart"),
                lambda _: _load_chart(),
                lambda _: self._open_share(name, answer),
            ),
            job_folder=folder,
            is_reading=True,
        )

    def _open_share(self, name: str, answer: dict[str, Any]) -> None:
        from insarhub_qgis.gui.usable_share_dialog import UsableShareDialog

        dialog = UsableShareDialog(self._context, name, answer, self._context.iface.mainWindow())
        self._dialogs.append(dialog)
        dialog.finished.connect(lambda _: self._dialogs.remove(dialog) if dialog in self._dialogs else None)
        dialog.show()


def _load_chart() -> None:
    """Load what the chart draws with; in a worker, because it takes long the first time."""
    from insarhub_qgis.gui import usable_share_dialog  # noqa: F401 - only loaded

    load_fonts()

# SPDX-License-Identifier: GPL-2.0-or-later
"""The downloader stage of a job: what was searched, which scenes and pairs it has, and the way to its network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from qgis.core import QgsGeometry
from qgis.PyQt.QtCore import QLocale, Qt
from qgis.PyQt.QtGui import QKeySequence
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QShortcut,
    QStackedWidget,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.hyp3_options import MOST_BURSTS
from insarhub_qgis.core.job_config import DOWNLOADER
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.network_files import load_network
from insarhub_qgis.core.scenes import Scene, burst_id
from insarhub_qgis.gui.chart_style import load_fonts
from insarhub_qgis.gui.flow_layout import FlowLayout
from insarhub_qgis.gui.job_page import JobPage
from insarhub_qgis.gui.page_context import PageContext
from insarhub_qgis.gui.stacks_table import NOTHING, bursts_text
from insarhub_qgis.host import messages
from insarhub_qgis.host.counts import counted_dates, counted_parts
from insarhub_qgis.layers.search_area import area_km2

FACTS, MESSAGE = 0, 1
#: Tabs of the network dock.
PAIRS_TAB, PARAMETERS_TAB = 0, 1


@dataclass(frozen=True)
class DownloaderFacts:
    """What the files of a job say about its downloader stage; None and empty = unknown.

    Attributes
    ----------
    frame
        Empty for bursts.
    burst_ids
        ``220001_IW1``: bursts that each date has; empty for whole scenes.
    isolated_count
        Dates without any pair, excluded ones not counted.
    part_count
        Parts that the pairs fall into; 1 = all dates hang together.
    problems
        What could not be read.
    """

    start: str = ""
    end: str = ""
    path: str = ""
    frame: str = ""
    burst_ids: tuple[str, ...] = ()
    direction: str = ""
    aoi_wkt: str = ""
    platforms: tuple[str, ...] = ()
    polarizations: tuple[str, ...] = ()
    scene_count: int = 0
    date_count: int = 0
    excluded_count: int = 0
    pair_count: int = 0
    unknown_baselines: int = 0
    part_count: int = 0
    isolated_count: int = 0
    first: date | None = None
    last: date | None = None
    problems: tuple[InsarError, ...] = ()


def read_downloader_facts(folder: Path) -> DownloaderFacts:
    """Read the facts of a job; a damaged file is named and hides nothing else."""
    job = JobFolder(folder)
    problems: list[InsarError] = []
    options: dict[str, Any] = {}
    aoi: str | None = None
    burst_ids: tuple[str, ...] = ()
    try:
        config = job.read_config()
        options, aoi, burst_ids = config.stage_options(DOWNLOADER), config.aoi_wkt, config.burst_ids
    except InsarError as error:
        problems.append(error)
    network = None
    try:
        if job.stack_file() is not None:
            opened = load_network(folder)
            network = opened.network
            problems += [error for error in opened.problems if error not in problems]
    except InsarError as error:
        if error.code not in {problem.code for problem in problems}:
            problems.append(error)
    known = network.facts if network is not None else {}
    numbers = job.numbers()
    nodes = network.nodes if network is not None else ()
    used = [node for node in nodes if not node.is_excluded]
    names = [name for node in nodes for name in node.scenes]
    scenes = [Scene.from_name(name) for name in names]
    # One burst per date: opened products tell it by the names of the scenes only.
    burst_ids = burst_ids or tuple(dict.fromkeys(found for name in names if (found := burst_id(name))))
    directions = Counter(fact.flight_direction for fact in known.values() if fact.flight_direction)
    structure = network.structure if network is not None else None
    has_pairs = network is not None and bool(network.active_keys())
    # The number that names the stack of bursts in the file is the lowest of them.
    frame = options.get("frame") or ", ".join(str(frame) for frame in numbers.frames if frame)
    return DownloaderFacts(
        start=str(options.get("start") or ""),
        end=str(options.get("end") or ""),
        path=str(options.get("relativeOrbit") or (numbers.path or "")),
        frame="" if burst_ids else str(frame),
        burst_ids=burst_ids,
        direction=str(
            options.get("flightDirection") or (directions.most_common(1)[0][0] if directions else "")
        ),
        aoi_wkt=aoi or "",
        platforms=tuple(sorted({scene.platform for scene in scenes if scene.platform})),
        polarizations=tuple(sorted({scene.polarization for scene in scenes if scene.polarization})),
        scene_count=len(names),
        date_count=len(nodes),
        excluded_count=len(nodes) - len(used),
        pair_count=len(network.active_keys()) if network is not None else 0,
        unknown_baselines=sum(node.bperp_m is None for node in used),
        part_count=len(structure.paired_components) if structure is not None else 0,
        isolated_count=len(structure.unpaired) if structure is not None and has_pairs else 0,
        first=nodes[0].date if nodes else None,
        last=nodes[-1].date if nodes else None,
        problems=tuple(problems),
    )


def load_editor() -> None:
    """Load what the network editor draws with; in a worker, because a click that did so would stop the window."""
    from insarhub_qgis.gui import network_dock, network_legend  # noqa: F401 - only loaded

    load_fonts()


class DownloaderPage(JobPage):
    """A table of facts; the network dock does the rest."""

    def __init__(self, context: PageContext, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self.setObjectName("insarhubDownloaderPage")
        self.title = self.tr("Scenes and Network")
        self._is_editor_loaded = False
        self.facts = DownloaderFacts()
        self._build()

    def _build(self) -> None:
        self.table = QTreeWidget(self)
        self.table.setObjectName("insarhubDownloaderFacts")
        self.table.setAccessibleName(self.tr("Facts of the stack"))
        self.table.setColumnCount(2)
        self.table.setHeaderHidden(True)
        self.table.setRootIsDecorated(False)
        self.table.setUniformRowHeights(True)
        self.table.setAlternatingRowColors(True)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.table.header().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        self.table.header().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        copy = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), self.table)
        copy.setContext(Qt.ShortcutContext.WidgetShortcut)
        copy.activated.connect(self._copy_value)

        self.message = QLabel(self)
        self.message.setObjectName("insarhubDownloaderMessage")
        self.message.setWordWrap(True)
        self.message.setMargin(18)
        self.message.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter)
        self.facts_or_message = QStackedWidget(self)
        self.facts_or_message.addWidget(self.table)
        self.facts_or_message.addWidget(self.message)
        self.note = QLabel(self)
        self.note.setObjectName("insarhubDownloaderNote")
        self.note.setWordWrap(True)
        self.note.hide()

        self.select_button = QPushButton(self.tr("&Select Pairs…"), self)
        self.select_button.setObjectName("insarhubSelectPairs")
        self.select_button.setToolTip(self.tr("Choose pairs by rules: targets, nearest dates or a budget"))
        self.select_button.clicked.connect(lambda: self._open_network(PARAMETERS_TAB))
        self.pairs_button = QPushButton(self.tr("&View Pairs"), self)
        self.pairs_button.setObjectName("insarhubViewPairs")
        self.pairs_button.setToolTip(self.tr("The pairs as a table"))
        self.pairs_button.clicked.connect(lambda: self._open_network(PAIRS_TAB))
        self.process_button = QPushButton(self.tr("&Process…"), self)
        self.process_button.setObjectName("insarhubProcessPairs")
        self.process_button.setToolTip(self.tr("Check pairs and price, then order their interferograms"))
        self.process_button.clicked.connect(self._process)
        self.edit_button = QPushButton(self.tr("&Edit Network"), self)
        self.edit_button.setObjectName("insarhubEditNetwork")
        self.edit_button.setDefault(True)
        self.edit_button.setToolTip(self.tr("The network as a graph, to add and remove pairs by hand"))
        self.edit_button.clicked.connect(lambda: self._open_network(None))
        self.decay_button = QPushButton(self.tr("&Decay Maps"), self)
        self.decay_button.setObjectName("insarhubDecayMapsButton")
        self.decay_button.setToolTip(self.tr("How coherence falls with time in the area, season by season"))
        self.decay_button.clicked.connect(lambda: self.page_requested.emit("decay", str(self._folder)))
        others = FlowLayout()
        for button in (self.select_button, self.pairs_button, self.decay_button, self.process_button):
            others.addWidget(button)
        buttons = QHBoxLayout()
        buttons.setSpacing(6)
        buttons.addLayout(others, 1)
        buttons.addWidget(self.edit_button, 0, Qt.AlignmentFlag.AlignBottom)

        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.facts_or_message, 1)
        layout.addWidget(self.note)
        layout.addLayout(buttons)
        self.setFocusProxy(self.table)
        self._show_facts()

    # the job

    def open_job(self, job_folder: Path) -> None:
        """Read the facts of a job; the same job is read again."""
        if job_folder != self._folder:
            self._folder = job_folder
            self.facts = DownloaderFacts()
            self._show_facts()
        self._read()

    def _read_job(self, folder: Path) -> None:
        self._reading.start(
            self.tr("Reading the stack of {job}").format(job=folder.name),
            lambda _: read_downloader_facts(folder),
            self._on_read,
            self._on_read_failed,
        )

    def _on_read(self, facts: DownloaderFacts) -> None:
        self.facts = facts
        self._show_facts()
        if facts.date_count and not self._is_editor_loaded:
            self._is_editor_loaded = True
            text = self.tr("Loading the network editor")
            self._context.read(text, lambda _: load_editor(), lambda _: None, lambda _: None)

    def _on_read_failed(self, error: InsarError) -> None:
        self.message.setText(messages.sentence(error))
        self.facts_or_message.setCurrentIndex(MESSAGE)

    # what it shows

    def _show_facts(self) -> None:
        facts = self.facts
        has_network = facts.date_count > 0
        for button in (self.edit_button, self.select_button, self.pairs_button):
            button.setEnabled(has_network)
        self.process_button.setEnabled(facts.pair_count > 0)
        self.table.clear()
        for label, value in self._rows(facts):
            item = QTreeWidgetItem([label, value or NOTHING])
            item.setToolTip(1, value)
            self.table.addTopLevelItem(item)
        problems = [messages.sentence(problem) for problem in facts.problems]
        self.note.setText("\n".join(problems[:3]))
        self.note.setVisible(bool(problems))
        if has_network or facts.aoi_wkt or facts.start or facts.problems:
            self.facts_or_message.setCurrentIndex(FACTS)
        else:
            self.message.setText(
                self.tr(
                    "This job has no stack of scenes. Search scenes and add them as a job to choose pairs here."
                )
            )
            self.facts_or_message.setCurrentIndex(MESSAGE)

    def _rows(self, facts: DownloaderFacts) -> list[tuple[str, str]]:
        directions = {"ASCENDING": self.tr("ascending"), "DESCENDING": self.tr("descending")}
        return [
            (self.tr("Start"), facts.start or _iso(facts.first)),
            (self.tr("End"), facts.end or _iso(facts.last)),
            (self.tr("Path"), facts.path),
            (self.tr("Bursts"), self._bursts_text(facts.burst_ids))
            if facts.burst_ids
            else (self.tr("Frame"), facts.frame),
            (self.tr("Direction"), directions.get(facts.direction.upper(), facts.direction)),
            (self.tr("Area"), self._area_text(facts.aoi_wkt)),
            (self.tr("Platform"), ", ".join(facts.platforms)),
            (self.tr("Polarisation"), ", ".join(facts.polarizations)),
            (self.tr("Scenes"), self._scenes_text(facts)),
            (self.tr("Baselines"), self._baselines_text(facts)),
            (self.tr("Pairs"), _count(facts.pair_count) if facts.date_count else ""),
            (self.tr("Network"), self._network_text(facts)),
        ]

    def _area_text(self, wkt: str) -> str:
        geometry = QgsGeometry.fromWkt(wkt) if wkt else QgsGeometry()
        if geometry.isNull():
            return wkt
        size = area_km2(geometry)
        if size <= 0.0:
            return wkt
        return self.tr("{size} km²").format(size=QLocale().toString(size, "f", 0 if size >= 100 else 1))

    def _bursts_text(self, burst_ids: Sequence[str]) -> str:
        text = bursts_text(burst_ids)
        if len(burst_ids) > MOST_BURSTS:
            return self.tr("{bursts}, more than the {limit} that HyP3 takes").format(
                bursts=text, limit=MOST_BURSTS
            )
        return text

    def _scenes_text(self, facts: DownloaderFacts) -> str:
        if not facts.date_count:
            return ""
        if facts.scene_count == facts.date_count:
            text = _count(facts.scene_count)
        else:
            text = self.tr("{scenes} on {dates}").format(
                scenes=_count(facts.scene_count), dates=counted_dates(facts.date_count)
            )
        if facts.excluded_count:
            text = self.tr("{scenes}, {dates} excluded").format(
                scenes=text, dates=counted_dates(facts.excluded_count)
            )
        return text

    def _baselines_text(self, facts: DownloaderFacts) -> str:
        if not facts.date_count:
            return ""
        if not facts.unknown_baselines:
            return self.tr("known for all dates")
        return self.tr("unknown for {count} of {dates}").format(
            count=_count(facts.unknown_baselines),
            dates=counted_dates(facts.date_count - facts.excluded_count),
        )

    def _network_text(self, facts: DownloaderFacts) -> str:
        if not facts.date_count:
            return ""
        if not facts.pair_count:
            return self.tr("no pairs yet")
        if facts.part_count <= 1 and not facts.isolated_count:
            return self.tr("connected")
        parts = []
        if facts.part_count > 1:
            parts.append(counted_parts(facts.part_count))
        if facts.isolated_count:
            parts.append(self.tr("{dates} without pair").format(dates=counted_dates(facts.isolated_count)))
        return ", ".join(parts)

    def _copy_value(self) -> None:
        item = self.table.currentItem()
        if item is not None:
            QApplication.clipboard().setText(item.toolTip(1))

    def _process(self) -> None:
        if self._folder is not None:
            self._context.open_process(self._folder)

    def _open_network(self, tab: int | None) -> None:
        if self._folder is None:
            return
        dock = self._context.network_dock()
        dock.open_job(self._folder)
        if tab is not None:
            dock.tabs.setCurrentIndex(tab)


def _count(number: int) -> str:
    return QLocale().toString(number)


def _iso(day: date | None) -> str:
    return day.isoformat() if day is not None else ""

# SPDX-License-Identifier: GPL-2.0-or-later
"""All metadata of one scene, or of a pass over a set of bursts, as a list that can be copied."""

from __future__ import annotations

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QLocale, QPoint, Qt, QUrl
from qgis.PyQt.QtGui import QDesktopServices, QKeySequence
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QMenu,
    QShortcut,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from insarhub_qgis.core.scene_stacks import FoundScene
from insarhub_qgis.gui.stacks_table import NOTHING, percent


class SceneDetail(QTreeWidget):
    """Name and value; what the archive does not say shows as a dash."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("insarhubSceneDetail")
        self.setAccessibleName(self.tr("Metadata of the scene"))
        self.setColumnCount(2)
        self.setHeaderHidden(True)
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setAlternatingRowColors(True)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.header().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        self.header().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._show_menu)
        shortcut = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), self)
        shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
        shortcut.activated.connect(self._copy_value)

    def show_scene(self, scene: FoundScene | None) -> None:
        """Show a scene; None says what to do."""
        self.clear()
        if scene is None:
            hint = QTreeWidgetItem([self.tr("Choose a date or a footprint."), ""])
            hint.setFlags(Qt.ItemFlag.ItemIsEnabled)
            self.addTopLevelItem(hint)
            hint.setFirstColumnSpanned(True)
            return
        for label, value in self._rows(scene):
            item = QTreeWidgetItem([label, value or NOTHING])
            item.setToolTip(1, value)
            self.addTopLevelItem(item)

    def _rows(self, scene: FoundScene) -> list[tuple[str, str]]:
        directions = {"ASCENDING": self.tr("ascending"), "DESCENDING": self.tr("descending")}
        vectors = {True: self.tr("yes"), False: self.tr("no: its baseline stays unknown")}
        size = f"{QLocale().toString(scene.bytes / 1e9, 'f', 2)} GB" if scene.bytes is not None else ""
        name, place = [(self.tr("Scene"), scene.name)], [(self.tr("Frame"), _number(scene.frame))]
        if scene.bursts:
            # Its ``frame`` is the number of a burst, and the first burst names the pass.
            name = [(self.tr("First burst"), scene.name)]
            if len(scene.bursts) > 1:
                name.append((self.tr("Other bursts"), ", ".join(scene.bursts[1:])))
            place = [(self.tr("Bursts"), ", ".join(scene.burst_ids))]
        return [
            *name,
            (self.tr("Date"), scene.date.isoformat()),
            (self.tr("Start"), _time(scene.start)),
            (self.tr("Stop"), _time(scene.stop)),
            (self.tr("Platform"), scene.platform or ""),
            (self.tr("Beam mode"), scene.beam_mode or ""),
            (self.tr("Polarisation"), scene.polarization or ""),
            (self.tr("Path"), _number(scene.path)),
            *place,
            (self.tr("Direction"), directions.get(scene.direction or "", scene.direction or "")),
            (self.tr("Absolute orbit"), _number(scene.orbit)),
            (self.tr("Covers"), percent(scene.aoi_coverage) if scene.aoi_coverage is not None else ""),
            (self.tr("Orbit state vectors"), vectors.get(scene.has_state_vectors, "")),
            (self.tr("Size"), size),
            (self.tr("Processed"), _time(scene.processing_date)),
            (self.tr("First download") if len(scene.bursts) > 1 else self.tr("Download"), scene.url or ""),
            (self.tr("Quicklook"), scene.browse_url or ""),
            (self.tr("Footprint"), scene.footprint_wkt or ""),
        ]

    def _copy_value(self) -> None:
        item = self.currentItem()
        if item is not None:
            QApplication.clipboard().setText(item.text(1))

    def _copy_all(self) -> None:
        rows = [self.topLevelItem(row) for row in range(self.topLevelItemCount())]
        QApplication.clipboard().setText("\n".join(f"{item.text(0)}\t{item.text(1)}" for item in rows))

    def _show_menu(self, place: QPoint) -> None:
        item = self.itemAt(place)
        if item is None or not item.text(1):
            return
        menu = QMenu(self)
        copy = QgsApplication.getThemeIcon("/mActionEditCopy.svg")
        menu.addAction(copy, self.tr("&Copy Value"), self._copy_value)
        menu.addAction(self.tr("Copy &All"), self._copy_all)
        if item.text(1).startswith("https://"):
            menu.addAction(self.tr("&Open in Browser"), lambda: QDesktopServices.openUrl(QUrl(item.text(1))))
        menu.exec(self.viewport().mapToGlobal(place))
        menu.deleteLater()


def _time(text: str | None) -> str:
    return (text or "").replace("T", " ").replace("Z", " UTC")


def _number(value: int | None) -> str:
    # Numbers of tracks and orbits are names: no separators.
    return "" if value is None else str(value)

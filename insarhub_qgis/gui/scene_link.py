# SPDX-License-Identifier: GPL-2.0-or-later
"""The link between the tables of a search and its footprints on the map."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Optional

from qgis.core import (
    QgsCoordinateTransform,
    QgsCsException,
    QgsFeature,
    QgsFeatureRequest,
    QgsGeometry,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from insarhub_qgis.gui.page_context import PageContext
from insarhub_qgis.layers.scene_layers import NAME_FIELD, add_scene_layer, find_scene_layer

#: Room around what is zoomed to.
_ZOOM = 1.15


class SceneLink(QObject):
    """Selects footprints for the tables, and tells the tables what was selected on the map.

    Signals
    -------
    scenes_selected(list of names)
        The selection of the layer changed, not by `select`.
    layer_changed
        The layer was added, removed or replaced.
    """

    scenes_selected = pyqtSignal(list)
    layer_changed = pyqtSignal()

    def __init__(self, context: PageContext, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._folder: Path | None = None
        self._layer: QgsVectorLayer | None = None
        #: Scene -> feature; None = not read yet.
        self._ids: Optional[dict[str, int]] = None
        self._is_telling = False
        self._find_timer = QTimer(self)
        self._find_timer.setSingleShot(True)
        self._find_timer.setInterval(0)
        self._find_timer.timeout.connect(self._find)
        project = context.project()
        project.layersAdded.connect(self._find_timer.start)
        project.layersRemoved.connect(self._find_timer.start)

    def close(self) -> None:
        """Let go of project and layer."""
        self._find_timer.stop()
        project = self._context.project()
        project.layersAdded.disconnect(self._find_timer.start)
        project.layersRemoved.disconnect(self._find_timer.start)
        self._let_go()

    @property
    def layer(self) -> QgsVectorLayer | None:
        """The layer of footprints, while it is in the project."""
        return self._layer if self._layer is not None and not sip.isdeleted(self._layer) else None

    def follow(self, folder: Path | None) -> None:
        """Follow the layer of another search, once it is there."""
        self._folder = folder
        self._find()

    def show(self, features: Sequence[QgsFeature], group_name: str) -> None:
        """Add footprints to the project, instead of earlier ones of the search, and zoom to them."""
        if self._folder is None or not features:
            return
        is_empty = not self._context.project().mapLayers()
        layer = add_scene_layer(self._context.project(), self._folder, group_name, features)
        if is_empty:
            self._context.project().setCrs(layer.crs())
        self._find()
        self._zoom(layer.extent(), (feature.geometry() for feature in features))

    def select(self, names: Iterable[str]) -> None:
        """Select footprints by scene and zoom to them; an empty choice only clears the selection."""
        layer = self.layer
        if layer is None:
            return
        known = self._feature_ids(layer)
        ids = [known[name] for name in names if name in known]
        self._is_telling = True
        try:
            layer.selectByIds(ids)
        finally:
            self._is_telling = False
        if ids:
            geometries = (feature.geometry() for feature in layer.getSelectedFeatures())
            self._zoom(layer.boundingBoxOfSelected(), geometries)

    def _zoom(self, extent: QgsRectangle, geometries: Iterable[QgsGeometry]) -> None:
        """Show an extent in EPSG:4326 on the map; one that spans the globe is measured by its geometries."""
        self._show_extent(extent if extent.width() < 180.0 else _joined_extent(geometries))

    def _show_extent(self, extent: QgsRectangle) -> None:
        layer = self.layer
        if extent.isNull() or layer is None:
            return
        canvas = self._context.canvas()
        transform = QgsCoordinateTransform(
            layer.crs(), canvas.mapSettings().destinationCrs(), self._context.project()
        )
        transform.setBallparkTransformsAreAppropriate(True)
        try:
            extent = transform.transformBoundingBox(extent)
        except QgsCsException:
            # The map's own coordinate system does not reach there; it stays where it is.
            return
        if not extent.isFinite():
            return
        extent.scale(_ZOOM)
        canvas.setExtent(extent)
        canvas.refresh()

    def _find(self) -> None:
        found = find_scene_layer(self._context.project(), self._folder) if self._folder is not None else None
        if found is self._layer:
            return
        self._let_go()
        self._layer = found
        if found is not None:
            found.selectionChanged.connect(self._on_selected)
        self.layer_changed.emit()

    def _feature_ids(self, layer: QgsVectorLayer) -> dict[str, int]:
        """Give the features by scene: read when first asked for, which a new layer need not wait for."""
        if self._ids is None:
            field = layer.fields().indexFromName(NAME_FIELD)
            request = QgsFeatureRequest().setFlags(QgsFeatureRequest.Flag.NoGeometry)
            request.setSubsetOfAttributes([field])
            self._ids = {str(feature[field]): feature.id() for feature in layer.getFeatures(request)}
        return self._ids

    def _let_go(self) -> None:
        layer = self.layer
        if layer is not None:
            layer.selectionChanged.disconnect(self._on_selected)
        self._layer = None
        self._ids = None

    def _on_selected(self) -> None:
        layer = self.layer
        if layer is None or self._is_telling:
            return
        chosen = set(layer.selectedFeatureIds())
        known = self._feature_ids(layer)
        self.scenes_selected.emit([name for name, number in known.items() if number in chosen])


def _joined_extent(geometries: Iterable[QgsGeometry]) -> QgsRectangle:
    """Give an extent that does not tear apart what lies on both sides of the antimeridian."""
    extent = QgsRectangle()
    for geometry in geometries:
        for part in geometry.asGeometryCollection():
            box = part.boundingBox()
            if extent.isNull():
                extent = QgsRectangle(box)
                continue
            turn = 360.0 * round((extent.center().x() - box.center().x()) / 360.0)
            extent.combineExtentWith(
                QgsRectangle(box.xMinimum() + turn, box.yMinimum(), box.xMaximum() + turn, box.yMaximum())
            )
    return extent

# SPDX-License-Identifier: GPL-2.0-or-later
"""Footprints of scenes as a vector layer with their metadata, styled by direction of flight."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from qgis.core import (
    Qgis,
    QgsCategorizedSymbolRenderer,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsFeature,
    QgsFeatureRequest,
    QgsField,
    QgsFields,
    QgsFillSymbol,
    QgsGeometry,
    QgsMemoryProviderUtils,
    QgsProject,
    QgsRendererCategory,
    QgsSimpleFillSymbolLayer,
    QgsSingleSymbolRenderer,
    QgsVectorFileWriter,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QCoreApplication, QDate, QMetaType

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.scene_stacks import FoundScene
from insarhub_qgis.layers import layer_tree
from insarhub_qgis.layers.area_of_interest import WGS84
from insarhub_qgis.layers.scene_coverage import UncoveredPart

SCENES, UNCOVERED = "scenes", "uncovered"
STAGE = "Scenes"
#: Direction of flight -> colour; the pair is told apart by every kind of colour vision.
DIRECTION_COLORS = {"ASCENDING": "#c65a11", "DESCENDING": "#2a78b8"}
OTHER_COLOR = "#808080"
#: Outline of a selected footprint: seen on any map, and thirty of them on top of each other stay readable.
SELECTED_COLOR = "#ffd400"
SELECTED_CASING = "#403500"
NAME_FIELD, DATE_FIELD, PATH_FIELD, FRAME_FIELD = "name", "date", "path", "frame"
#: What the bursts of a pass are, "220001_IW1, 220002_IW1"; NULL for whole scenes. Their frame field holds the lowest burst.
BURSTS_FIELD = "bursts"
DIRECTION_FIELD = "direction"
#: Folder of the search answer that a scene is from: `insarhub:addjobs` makes jobs from it.
ANSWER_FIELD = "answer"

_TEXT, _INTEGER, _LONG, _DOUBLE, _BOOL, _DATE = (
    QMetaType.Type.QString,
    QMetaType.Type.Int,
    QMetaType.Type.LongLong,
    QMetaType.Type.Double,
    QMetaType.Type.Bool,
    QMetaType.Type.QDate,
)
_FIELDS = (
    (NAME_FIELD, _TEXT),
    (DATE_FIELD, _DATE),
    (PATH_FIELD, _INTEGER),
    (FRAME_FIELD, _INTEGER),
    (BURSTS_FIELD, _TEXT),
    (DIRECTION_FIELD, _TEXT),
    ("platform", _TEXT),
    ("polarization", _TEXT),
    ("start", _TEXT),
    ("stop", _TEXT),
    ("orbit", _INTEGER),
    ("coverage_percent", _DOUBLE),
    ("has_state_vectors", _BOOL),
    ("bytes", _LONG),
    ("beam_mode", _TEXT),
    ("processing_date", _TEXT),
    ("url", _TEXT),
    ("browse_url", _TEXT),
    (ANSWER_FIELD, _TEXT),
)


def _tr(text: str) -> str:
    return QCoreApplication.translate("SceneLayers", text)


def scene_fields() -> QgsFields:
    """Attributes of a footprint; the share of the area is given in percent."""
    fields = QgsFields()
    for name, kind in _FIELDS:
        fields.append(QgsField(name, kind))
    return fields


def scene_features(scenes: Iterable[FoundScene], answer_folder: str = "") -> list[QgsFeature]:
    """Give one feature per scene with a footprint; may run in a task."""
    fields = scene_fields()
    features = []
    for scene in scenes:
        geometry = QgsGeometry.fromWkt(scene.footprint_wkt or "")
        if geometry.isNull():
            continue
        geometry.convertToMultiType()
        feature = QgsFeature(fields)
        feature.setGeometry(geometry)
        coverage = scene.aoi_coverage
        feature.setAttributes(
            [
                scene.name,
                QDate(scene.date.year, scene.date.month, scene.date.day),
                scene.path,
                scene.frame,
                ", ".join(scene.burst_ids) or None,
                scene.direction,
                scene.platform,
                scene.polarization,
                scene.start,
                scene.stop,
                scene.orbit,
                None if coverage is None else round(coverage * 100.0, 2),
                scene.has_state_vectors,
                scene.bytes,
                scene.beam_mode,
                scene.processing_date,
                scene.url,
                scene.browse_url,
                answer_folder or None,
            ]
        )
        features.append(feature)
    return features


def add_scene_layer(
    project: QgsProject, folder: Path, group_name: str, features: Sequence[QgsFeature]
) -> QgsVectorLayer:
    """Show footprints as a memory layer under ``InSARHub / <group> / Scenes`` instead of earlier ones of the folder."""
    layer = QgsMemoryProviderUtils.createMemoryLayer(
        _tr("Footprints"), scene_fields(), Qgis.WkbType.MultiPolygon, QgsCoordinateReferenceSystem(WGS84)
    )
    layer.dataProvider().addFeatures(list(features))
    layer.updateExtents()
    _replace(project, layer, folder, group_name, SCENES)
    return layer


def add_scene_file(project: QgsProject, folder: Path, group_name: str, file: Path) -> QgsVectorLayer:
    """Show the footprints of a file written by `write_scene_file` instead of earlier ones of the folder.

    Raises
    ------
    InsarError
        ``scenes.file_not_read``.
    """
    layer = QgsVectorLayer(str(file), file.stem, "ogr")
    if not layer.isValid():
        raise InsarError("scenes.file_not_read", file=str(file))
    _replace(project, layer, folder, group_name, SCENES)
    return layer


def write_scene_file(
    features: Sequence[QgsFeature], file: Path, context: QgsCoordinateTransformContext
) -> None:
    """Write footprints as a GeoPackage with one layer; an existing file is replaced. May run in a task.

    Raises
    ------
    InsarError
        ``scenes.file_not_written``.
    """
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName = "GPKG"
    options.layerName = "scenes"
    writer = QgsVectorFileWriter.create(
        str(file),
        scene_fields(),
        Qgis.WkbType.MultiPolygon,
        QgsCoordinateReferenceSystem(WGS84),
        context,
        options,
    )
    if writer.hasError() == QgsVectorFileWriter.WriterError.NoError:
        writer.addFeatures(list(features))
    has_failed, reason = writer.hasError() != QgsVectorFileWriter.WriterError.NoError, writer.errorMessage()
    # Closing writes the rest.
    del writer
    if has_failed:
        raise InsarError("scenes.file_not_written", file=str(file), reason=reason[:300])


def add_uncovered_layer(
    project: QgsProject, folder: Path, group_name: str, parts: Sequence[UncoveredPart]
) -> QgsVectorLayer:
    """Show what each date leaves uncovered, instead of an earlier such layer of the folder."""
    fields = QgsFields()
    for name, kind in (
        (PATH_FIELD, _INTEGER),
        (DATE_FIELD, _DATE),
        ("frames", _TEXT),
        (BURSTS_FIELD, _TEXT),
        ("uncovered_km2", _DOUBLE),
        ("uncovered_percent", _DOUBLE),
    ):
        fields.append(QgsField(name, kind))
    layer = QgsMemoryProviderUtils.createMemoryLayer(
        _tr("Uncovered area by date"), fields, Qgis.WkbType.MultiPolygon, QgsCoordinateReferenceSystem(WGS84)
    )
    features = []
    for part in parts:
        feature = QgsFeature(fields)
        geometry = QgsGeometry(part.geometry)
        geometry.convertToMultiType()
        feature.setGeometry(geometry)
        day = QDate(part.date.year, part.date.month, part.date.day)
        frames = ", ".join(str(frame) for frame in part.frames)
        feature.setAttributes(
            [
                part.path,
                day,
                frames or None,
                ", ".join(part.burst_ids) or None,
                round(part.area_km2, 3),
                round(part.share * 100.0, 2),
            ]
        )
        features.append(feature)
    layer.dataProvider().addFeatures(features)
    layer.updateExtents()
    symbol = QgsFillSymbol.createSimple(
        {
            "color": "204,51,51,40",
            "style": "b_diagonal",
            "outline_color": "204,51,51,255",
            "outline_width": "0.3",
        }
    )
    layer.setRenderer(QgsSingleSymbolRenderer(symbol))
    _replace(project, layer, folder, group_name, UNCOVERED)
    return layer


def find_scene_layer(project: QgsProject, folder: Path, kind: str = SCENES) -> QgsVectorLayer | None:
    """Give the layer of footprints (or of what is uncovered) of a folder."""
    for layer in project.mapLayers().values():
        if (
            isinstance(layer, QgsVectorLayer)
            and layer.customProperty(layer_tree.KIND) == kind
            and layer.customProperty(layer_tree.JOB) == str(folder)
        ):
            return layer
    return None


def style_scene_layer(layer: QgsVectorLayer) -> None:
    """Outline footprints in the colour of their direction; many on top of each other keep the map visible."""
    names = {"ASCENDING": _tr("ascending"), "DESCENDING": _tr("descending")}
    categories = [
        QgsRendererCategory(value, _outline(color, 0.4), names[value])
        for value, color in DIRECTION_COLORS.items()
    ]
    categories.append(QgsRendererCategory(None, _outline(OTHER_COLOR, 0.4), _tr("direction unknown")))
    layer.setRenderer(QgsCategorizedSymbolRenderer(DIRECTION_FIELD, categories))
    # Footprints of a stack lie on top of each other: what is selected comes last.
    layer.renderer().setOrderBy(QgsFeatureRequest.OrderBy([QgsFeatureRequest.OrderByClause("is_selected()")]))
    layer.renderer().setOrderByEnabled(True)
    symbol = _outline(SELECTED_CASING, 1.2)
    symbol.appendSymbolLayer(QgsSimpleFillSymbolLayer.create(_outline_properties(SELECTED_COLOR, 0.7)))
    selection = layer.selectionProperties()
    selection.setSelectionSymbol(symbol)
    selection.setSelectionRenderingMode(Qgis.SelectionRenderingMode.CustomSymbol)
    layer.setDisplayExpression(f'"{NAME_FIELD}"')
    if _holds_bursts(layer):
        layer.setFieldAlias(layer.fields().indexFromName(FRAME_FIELD), _tr("lowest burst"))
    layer.setMapTipTemplate(
        f'<b>[% "{DATE_FIELD}" %]</b> [% "platform" %]<br>[% "{PATH_FIELD}" %] / '
        f"[% coalesce(attribute(@feature, '{BURSTS_FIELD}'), \"{FRAME_FIELD}\") %], "
        f'[% lower("{DIRECTION_FIELD}") %]<br>[% "coverage_percent" %] %'
    )


def _holds_bursts(layer: QgsVectorLayer) -> bool:
    """Whether the footprints are those of bursts: a search finds either bursts or scenes, so that the first one tells."""
    if layer.fields().indexFromName(BURSTS_FIELD) < 0:
        return False
    first = next(layer.getFeatures(QgsFeatureRequest().setLimit(1)), None)
    return first is not None and isinstance(first[BURSTS_FIELD], str)


def _outline(color: str, width_mm: float) -> QgsFillSymbol:
    return QgsFillSymbol.createSimple(_outline_properties(color, width_mm))


def _outline_properties(color: str, width_mm: float) -> dict[str, str]:
    return {"style": "no", "outline_color": color, "outline_width": str(width_mm), "outline_width_unit": "MM"}


def _replace(project: QgsProject, layer: QgsVectorLayer, folder: Path, group_name: str, kind: str) -> None:
    present = find_scene_layer(project, folder, kind)
    if present is not None:
        layer_tree.remove_layer(project, present)
    layer.setCustomProperty(layer_tree.JOB, str(folder))
    layer.setCustomProperty(layer_tree.KIND, kind)
    if kind == SCENES:
        style_scene_layer(layer)
    if layer.providerType() == "memory":
        # It is made again from the kept answer, so QGIS need not ask what to do with it.
        layer.setCustomProperty("skipMemoryLayersCheck", 1)
    layer_tree.place_layer(project, layer, folder, group_name, STAGE)

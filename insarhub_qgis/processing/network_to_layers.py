# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:networktolayers``: pairs as lines and scenes as polygons."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    NULL,
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFeatureSink,
    QgsFields,
    QgsGeometry,
    QgsPointXY,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFile,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QDate, QMetaType

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.network_files import load_network
from insarhub_qgis.core.network_graph import PairKey
from insarhub_qgis.core.network_model import StackNetwork
from insarhub_qgis.core.scene_facts import SceneFacts, unwrapped
from insarhub_qgis.core.scenes import Pair, Scene, burst_id
from insarhub_qgis.core.stack_file import GREEN, YELLOW, rounded_score
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.processing.base import NETWORK, InsarAlgorithm, existing_folder, table_fields, tr

_TEXT, _INTEGER, _DOUBLE, _BOOL, _DATE = (
    QMetaType.Type.QString,
    QMetaType.Type.Int,
    QMetaType.Type.Double,
    QMetaType.Type.Bool,
    QMetaType.Type.QDate,
)
_PAIR_FIELDS = (
    ("pair", _TEXT),
    ("reference", _TEXT),
    ("secondary", _TEXT),
    ("reference_date", _DATE),
    ("secondary_date", _DATE),
    ("dt_days", _INTEGER),
    ("bperp_m", _DOUBLE),
    ("score", _DOUBLE),
    ("class", _TEXT),
    ("coherence", _DOUBLE),
    ("state", _TEXT),
    ("is_manual", _BOOL),
    ("relaxed", _TEXT),
    ("origin", _TEXT),
    ("is_bridge", _BOOL),
    ("has_loop", _BOOL),
)
_SCENE_FIELDS = (
    ("scene", _TEXT),
    ("date", _DATE),
    ("path", _INTEGER),
    ("frame", _INTEGER),
    ("direction", _TEXT),
    ("platform", _TEXT),
    ("polarization", _TEXT),
    ("bperp_m", _DOUBLE),
    ("degree", _INTEGER),
    ("component", _INTEGER),
    ("is_articulation", _BOOL),
    ("excluded", _TEXT),
)
_WGS84 = "EPSG:4326"


class NetworkToLayers(InsarAlgorithm):
    """All attributes of pairs and scenes; what is unknown is NULL."""

    NAME = "networktolayers"
    TITLE = "Network to layers"
    GROUP = NETWORK
    HELP = (
        "Pairs of a job folder as lines between the centres of the scene footprints, removed pairs too, and the scenes as "
        "polygons, with all attributes: days, perpendicular baseline, score, class, coherence, state, limits that are "
        "broken, bridges, loops, pairs per date, component. Footprints come from the kept search answer; a scene without "
        "one has attributes only. Unknown values are NULL."
    )

    JOB_FOLDER = "JOB_FOLDER"
    PAIRS = "PAIRS"
    SCENES = "SCENES"

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.addParameter(
            QgsProcessingParameterFile(
                self.JOB_FOLDER, tr("Job folder"), behavior=QgsProcessingParameterFile.Behavior.Folder
            )
        )
        self.addParameter(
            QgsProcessingParameterFeatureSink(
                self.PAIRS, tr("Pairs"), QgsProcessing.SourceType.TypeVectorLine
            )
        )
        self.addParameter(
            QgsProcessingParameterFeatureSink(
                self.SCENES, tr("Scenes"), QgsProcessing.SourceType.TypeVectorPolygon
            )
        )

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        folder = existing_folder(self.parameterAsFile(parameters, self.JOB_FOLDER, context), self.JOB_FOLDER)
        try:
            opened = load_network(folder)
        except InsarError as error:
            raise QgsProcessingException(sentence(error)) from error
        for problem in opened.problems:
            feedback.pushWarning(sentence(problem))
        network = opened.network
        missing = sum(
            1
            for node in network.nodes
            for name in node.scenes
            if name not in network.facts or not network.facts[name].footprint
        )
        if missing:
            feedback.pushWarning(
                tr(
                    "{count} scenes have no footprint: search them again to draw them and their pairs."
                ).format(count=missing)
            )
        pairs = self._write(
            self.PAIRS,
            QgsWkbTypes.Type.LineString,
            _PAIR_FIELDS,
            _pair_rows(network),
            parameters,
            context,
            feedback,
        )
        scenes = self._write(
            self.SCENES,
            QgsWkbTypes.Type.Polygon,
            _SCENE_FIELDS,
            _scene_rows(network),
            parameters,
            context,
            feedback,
        )
        return {self.PAIRS: pairs, self.SCENES: scenes}

    def _write(
        self,
        name: str,
        kind: QgsWkbTypes.Type,
        columns: tuple[tuple[str, QMetaType.Type], ...],
        rows: list[tuple[QgsGeometry, list[Any]]],
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> str:
        fields: QgsFields = table_fields(columns)
        sink, destination = self.parameterAsSink(
            parameters, name, context, fields, kind, QgsCoordinateReferenceSystem(_WGS84)
        )
        if sink is None:
            raise QgsProcessingException(self.invalidSinkError(parameters, name))
        for geometry, values in rows:
            if feedback.isCanceled():
                break
            feature = QgsFeature(fields)
            feature.setAttributes([NULL if value is None else value for value in values])
            feature.setGeometry(geometry)
            sink.addFeature(feature, QgsFeatureSink.Flag.FastInsert)
        return str(destination)


def _pair_rows(network: StackNetwork) -> list[tuple[QgsGeometry, list[Any]]]:
    bridges = set(network.structure.bridges)
    alone = set(network.keys_without_loop())
    rows = []
    for key in network.pair_keys():
        for names in network.granule_pairs(key):
            rows.append((_line(network, names), _pair_values(network, key, names, bridges, alone)))
    return rows


def _pair_values(
    network: StackNetwork, key: PairKey, names: Pair, bridges: set[PairKey], alone: set[PairKey]
) -> list[Any]:
    pair = network.pair(key)
    state = "active" if pair.is_active else "removed" if not pair.mark.is_active else "excluded"
    return [
        pair.pair_id,
        names.reference,
        names.secondary,
        _day(pair.reference_date),
        _day(pair.secondary_date),
        pair.dt_days,
        network.baselines.of_scenes(names.reference, names.secondary),
        pair.score,
        _class_of(pair.score),
        pair.coherence,
        state,
        pair.mark.is_manual,
        ",".join(pair.mark.relaxed),
        pair.mark.origin,
        key in bridges if pair.is_active else None,
        key not in alone if pair.is_active else None,
    ]


def _scene_rows(network: StackNetwork) -> list[tuple[QgsGeometry, list[Any]]]:
    structure = network.structure
    component = {
        index: number for number, members in enumerate(structure.components, start=1) for index in members
    }
    articulation = set(structure.articulation)
    rows = []
    for index, node in enumerate(network.nodes):
        for name in node.scenes:
            facts = network.facts.get(name, SceneFacts(name))
            scene = Scene.from_name(name)
            values = [
                name,
                _day(node.date),
                facts.path,
                # The number that is known of a burst is its own.
                None if burst_id(name) else facts.frame,
                facts.flight_direction,
                scene.platform,
                facts.polarization or scene.polarization,
                network.baselines.scenes_m.get(name),
                structure.degrees[index],
                component.get(index),
                index in articulation,
                node.excluded_reason,
            ]
            rows.append((_polygon(facts), values))
    return rows


def _line(network: StackNetwork, names: Pair) -> QgsGeometry:
    """Give the line between the centres, the short way round the globe; empty where a footprint is unknown."""
    facts = [network.facts.get(name) for name in (names.reference, names.secondary)]
    ends = [found.centre for found in facts if found is not None and found.centre is not None]
    if len(ends) < 2:
        return QgsGeometry()
    return QgsGeometry.fromPolylineXY([QgsPointXY(*point) for point in unwrapped(ends)])


def _polygon(facts: SceneFacts) -> QgsGeometry:
    if not facts.footprint:
        return QgsGeometry()
    return QgsGeometry.fromPolygonXY([[QgsPointXY(*point) for point in unwrapped(facts.footprint)]])


def _class_of(score: float | None) -> str | None:
    if score is None:
        return None
    value = rounded_score(score)
    return "green" if value >= GREEN else "yellow" if value >= YELLOW else "red"


def _day(value: Any) -> QDate:
    return QDate(value.year, value.month, value.day)

# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:networktolayers``: pairs as lines and scenes as polygons."""

from __future__ import annotations

from itertools import takewhile
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QDate

from insarhub_qgis.core.network_files import load_network
from insarhub_qgis.core.network_graph import PairKey
from insarhub_qgis.core.network_model import StackNetwork
from insarhub_qgis.core.scene_facts import SceneFacts, unwrapped
from insarhub_qgis.core.scenes import Pair, Scene, burst_id
from insarhub_qgis.core.stack_file import GREEN, YELLOW, rounded_score
from insarhub_qgis.host.counts import counted
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.layers.area_of_interest import WGS84
from insarhub_qgis.processing.base import LINE, NETWORK, POLYGON, InsarAlgorithm, in_words, tr
from insarhub_qgis.processing.table_layers import (
    BOOL,
    DATE,
    DOUBLE,
    INTEGER,
    PAIR_COLUMNS,
    TEXT,
    feature_of,
    table_fields,
)

_LINE_COLUMNS = (
    ("pair", TEXT),
    *PAIR_COLUMNS,
    ("class", TEXT),
    ("coherence", DOUBLE),
    ("state", TEXT),
    ("is_manual", BOOL),
    ("relaxed", TEXT),
    ("origin", TEXT),
    ("is_bridge", BOOL),
    ("has_loop", BOOL),
)
_POLYGON_COLUMNS = (
    ("scene", TEXT),
    ("date", DATE),
    ("path", INTEGER),
    ("frame", INTEGER),
    ("direction", TEXT),
    ("platform", TEXT),
    ("polarization", TEXT),
    ("bperp_m", DOUBLE),
    ("degree", INTEGER),
    ("component", INTEGER),
    ("is_articulation", BOOL),
    ("excluded", TEXT),
)


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

    PAIRS = "PAIRS"
    SCENES = "SCENES"

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add_job_folder()
        self.add_sink(self.PAIRS, tr("Pairs"), LINE)
        self.add_sink(self.SCENES, tr("Scenes"), POLYGON)

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        folder = self.job_folder(parameters, context)
        with in_words():
            opened = load_network(folder)
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
                counted(
                    missing,
                    tr("{n} scene has no footprint: search it again to draw it and its pairs."),
                    tr("{n} scenes have no footprint: search them again to draw them and their pairs."),
                )
            )
        layers = (
            (self.PAIRS, _LINE_COLUMNS, QgsWkbTypes.Type.LineString, _pair_rows(network)),
            (self.SCENES, _POLYGON_COLUMNS, QgsWkbTypes.Type.Polygon, _scene_rows(network)),
        )
        crs = QgsCoordinateReferenceSystem(WGS84)
        written = {}
        for name, columns, kind, rows in layers:
            fields = table_fields(columns)
            features = (feature_of(fields, values, geometry) for geometry, values in rows)
            wanted = takewhile(lambda _: not feedback.isCanceled(), features)
            written[name] = self.write_features(parameters, name, context, fields, wanted, kind, crs)
        return written


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
        QDate(pair.reference_date),
        QDate(pair.secondary_date),
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
                QDate(node.date),
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

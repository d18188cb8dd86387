# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:suggestbridges``: pairs that would join the parts of a split network."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    NULL,
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFeatureSink,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFile,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QDate, QMetaType

from insarhub_qgis.core.bridge_suggestions import suggest_bridges
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.network_files import load_network
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.processing.base import NETWORK, InsarAlgorithm, existing_folder, table_fields, tr

_FIELDS = (
    ("component_1", QMetaType.Type.Int),
    ("component_2", QMetaType.Type.Int),
    ("rank", QMetaType.Type.Int),
    ("reference", QMetaType.Type.QString),
    ("secondary", QMetaType.Type.QString),
    ("reference_date", QMetaType.Type.QDate),
    ("secondary_date", QMetaType.Type.QDate),
    ("dt_days", QMetaType.Type.Int),
    ("bperp_m", QMetaType.Type.Double),
    ("score", QMetaType.Type.Double),
    ("coherence", QMetaType.Type.Double),
    ("changes", QMetaType.Type.QString),
)


class SuggestBridges(InsarAlgorithm):
    """Three pairs for each gap, the best by expected coherence."""

    NAME = "suggestbridges"
    TITLE = "Suggest bridges"
    GROUP = NETWORK
    HELP = (
        "For a network in several parts: the three best pairs that would join each two neighbouring parts, with days, "
        "perpendicular baseline, score, expected coherence, and the smallest change of the parameters that would admit "
        "each. The table is empty for a connected network. Nothing is changed."
    )

    JOB_FOLDER = "JOB_FOLDER"
    OUTPUT = "OUTPUT"

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.addParameter(
            QgsProcessingParameterFile(
                self.JOB_FOLDER, tr("Job folder"), behavior=QgsProcessingParameterFile.Behavior.Folder
            )
        )
        self.addParameter(
            QgsProcessingParameterFeatureSink(
                self.OUTPUT, tr("Suggested bridges"), QgsProcessing.SourceType.TypeVector
            )
        )

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        folder = existing_folder(self.parameterAsFile(parameters, self.JOB_FOLDER, context), self.JOB_FOLDER)
        try:
            network = load_network(folder).network
            found = suggest_bridges(network)
        except InsarError as error:
            raise QgsProcessingException(sentence(error)) from error
        fields = table_fields(_FIELDS)
        sink, destination = self.parameterAsSink(
            parameters,
            self.OUTPUT,
            context,
            fields,
            QgsWkbTypes.Type.NoGeometry,
            QgsCoordinateReferenceSystem(),
        )
        if sink is None:
            raise QgsProcessingException(self.invalidSinkError(parameters, self.OUTPUT))
        for row in found:
            first, second = (network.nodes[index] for index in row.key)
            names = network.granule_pairs(row.key)[0]
            feature = QgsFeature(fields)
            feature.setAttributes(
                [
                    row.components[0] + 1,
                    row.components[1] + 1,
                    row.rank,
                    names.reference,
                    names.secondary,
                    QDate(first.date.year, first.date.month, first.date.day),
                    QDate(second.date.year, second.date.month, second.date.day),
                    row.dt_days,
                    NULL if row.bperp_m is None else row.bperp_m,
                    NULL if row.score is None else row.score,
                    NULL if row.coherence is None else row.coherence,
                    ", ".join(f"{name} = {value}" for name, value in row.changes.items()),
                ]
            )
            sink.addFeature(feature, QgsFeatureSink.Flag.FastInsert)
        feedback.pushInfo(
            tr("{count} suggestions for {parts} parts").format(
                count=len(found), parts=len(network.structure.components)
            )
        )
        return {self.OUTPUT: destination}

# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:exportfootprint``: outline of a raster or MintPy file."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterVectorDestination,
)

from insarhub_qgis.core import requests
from insarhub_qgis.processing.base import EXPORT, InsarAlgorithm, existing_file, output_file, tr


class ExportFootprint(InsarAlgorithm):
    """Bounds, or the polygon of the valid pixels."""

    NAME = "exportfootprint"
    TITLE = "Export footprint"
    GROUP = EXPORT
    HELP = (
        "Outline of a raster or a MintPy HDF5 file: its bounds, or the polygon around its valid pixels (specks below ten "
        "pixels removed, no valid pixel left outside). The area is geodesic. In an existing GeoPackage only the layer of this "
        "footprint is written, others stay as they are."
    )

    INPUT = "INPUT"
    METHOD = "METHOD"
    OUTPUT = "OUTPUT"

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.addParameter(QgsProcessingParameterFile(self.INPUT, tr("Raster or MintPy HDF5 file")))
        method = QgsProcessingParameterEnum(
            self.METHOD, tr("Method"), options=["bounds", "valid"], defaultValue="bounds"
        )
        method.setUsesStaticStrings(True)
        self.addParameter(method)
        self.addParameter(
            QgsProcessingParameterVectorDestination(
                self.OUTPUT, tr("Footprint"), QgsProcessing.SourceType.TypeVectorPolygon
            )
        )

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        request = requests.ExportFootprint(
            source=str(existing_file(self.parameterAsFile(parameters, self.INPUT, context), self.INPUT)),
            output=output_file(self.parameterAsOutputLayer(parameters, self.OUTPUT, context), self.OUTPUT),
            method=self.parameterAsEnumString(parameters, self.METHOD, context),
        )
        answer = self.ask_engine(request, feedback)
        feedback.pushInfo(tr("Area: {area:.3f} km² (geodesic)").format(area=answer["area_km2"]))
        return {self.OUTPUT: answer["output"]}

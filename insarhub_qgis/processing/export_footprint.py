# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:exportfootprint``: outline of a raster or MintPy file."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterFile,
    QgsProcessingParameterVectorDestination,
)

from insarhub_qgis.core import requests
from insarhub_qgis.processing.base import EXPORT, POLYGON, InsarAlgorithm, output_file, tr


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

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.addParameter(QgsProcessingParameterFile(self.INPUT, tr("Raster or MintPy HDF5 file")))
        self.add_choice(self.METHOD, tr("Method"), ["bounds", "valid"], "bounds")
        self.addParameter(QgsProcessingParameterVectorDestination(self.OUTPUT, tr("Footprint"), POLYGON))

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        request = requests.ExportFootprint(
            source=str(self.file(parameters, self.INPUT, context)),
            output=output_file(self.parameterAsOutputLayer(parameters, self.OUTPUT, context), self.OUTPUT),
            method=self.parameterAsEnumString(parameters, self.METHOD, context),
        )
        answer = self.ask_engine(request, feedback)
        feedback.pushInfo(tr("Area: {area:.3f} km² (geodesic)").format(area=answer["area_km2"]))
        return {self.OUTPUT: answer["output"]}

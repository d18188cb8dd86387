# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:exportpoints``: one point per pixel with velocity and dates."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterFile,
    QgsProcessingParameterVectorDestination,
)

from insarhub_qgis.core import requests
from insarhub_qgis.host.counts import counted
from insarhub_qgis.processing.base import EXPORT, POINT, InsarAlgorithm, output_file, tr


class ExportPoints(InsarAlgorithm):
    """Points as InSAR Explorer reads them."""

    NAME = "exportpoints"
    TITLE = "Export points"
    GROUP = EXPORT
    HELP = (
        "One point at the centre of each valid pixel of a time series: CODE, HEIGHT, H_STDEV, VEL and V_STDEV (mm/yr), "
        "COHERENCE, EFF_AREA, then one field D{YYYYMMDD} per date (mm). Positive is toward the satellite. InSAR Explorer "
        "opens the result. Mask: an HDF5 or raster on the same grid; empty uses maskTempCoh.h5 beside the series."
    )

    INPUT = "INPUT"
    MASK = "MASK"

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add_series_file(self.INPUT)
        self.addParameter(QgsProcessingParameterFile(self.MASK, tr("Mask"), optional=True))
        self.addParameter(QgsProcessingParameterVectorDestination(self.OUTPUT, tr("Points"), POINT))

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        request = requests.ExportPoints(
            source=str(self.file(parameters, self.INPUT, context)),
            output=output_file(self.parameterAsOutputLayer(parameters, self.OUTPUT, context), self.OUTPUT),
            mask=self.optional_file(parameters, self.MASK, context),
        )
        answer = self.ask_engine(request, feedback)
        feedback.pushInfo(counted(answer["points"], tr("{n} point"), tr("{n} points")))
        return {self.OUTPUT: answer["output"]}

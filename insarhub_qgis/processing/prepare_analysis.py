# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:prepareanalysis``: one common window for MintPy, and its configuration."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputFile,
    QgsProcessingOutputFolder,
    QgsProcessingParameterBoolean,
)

from insarhub_qgis.core import requests
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.processing.base import POLYGON, InsarAlgorithm, dissolved_polygon_wkt, tr


class PrepareAnalysis(InsarAlgorithm):
    """Clips to the AOI and the common overlap, without copying pixels unless asked."""

    NAME = "prepareanalysis"
    TITLE = "Prepare analysis"
    HELP = (
        "Checks each product of a job folder, finds the window that all usable products share (inside the AOI, if one is "
        "given) and writes what MintPy loads: virtual rasters into the zips and .mintpy.cfg. 'Write real files' copies the "
        "pixels instead, for zips that will move or lie on a network disk. The report lists each product, used or "
        "excluded, with the reason."
    )

    AOI = "AOI"
    MATERIALISE = "MATERIALISE"
    CLIP_FOLDER = "CLIP_FOLDER"
    REPORT = "REPORT"

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add_job_folder()
        self.add_source(self.AOI, tr("Area of interest"), POLYGON, is_optional=True)
        self.addParameter(
            QgsProcessingParameterBoolean(
                self.MATERIALISE, tr("Write real files instead of virtual rasters"), defaultValue=False
            )
        )
        self.addOutput(QgsProcessingOutputFolder(self.JOB_FOLDER, tr("Job folder")))
        self.addOutput(QgsProcessingOutputFolder(self.CLIP_FOLDER, tr("Folder of clipped rasters")))
        self.addOutput(QgsProcessingOutputFile(self.REPORT, tr("Report per product")))

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        job_folder = self.job_folder(parameters, context)
        source = self.parameterAsSource(parameters, self.AOI, context)
        request = requests.PrepareAnalysis(
            job_folder=str(job_folder),
            aoi_wkt=dissolved_polygon_wkt(source, context) if source is not None else "",
            materialise=self.parameterAsBool(parameters, self.MATERIALISE, context),
        )
        answer = self.ask_engine(request, feedback)
        for row in answer["rows"]:
            if row["state"] == "excluded":
                feedback.pushWarning(f"{row['product']}: {sentence(InsarError.from_json(row))}")
        return {
            self.JOB_FOLDER: str(job_folder),
            self.CLIP_FOLDER: answer["clip_folder"],
            self.REPORT: answer["report_file"],
        }

# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:openproducts``: a folder of HyP3 zips becomes a job folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputFolder,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFolderDestination,
)

from insarhub_qgis.core import requests
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.processing.base import InsarAlgorithm, tr


class OpenProducts(InsarAlgorithm):
    """Reads names, pairs and baselines from the zips; copies nothing."""

    NAME = "openproducts"
    TITLE = "Open products"
    HELP = (
        "Makes a job folder from a folder of HyP3 interferogram zips (INSAR_GAMMA, INSAR_ISCE_BURST or "
        "INSAR_ISCE_MULTI_BURST). Names, dates, pairs and perpendicular baselines are read from the zips, which stay "
        "where they are. A zip that cannot be used is named in the log with the reason.\n\n"
        "The job folder may be the products folder itself."
    )

    PRODUCTS = "PRODUCTS"
    PAIR_COUNT = "PAIR_COUNT"

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add_folder(self.PRODUCTS, tr("Folder of HyP3 zips"))
        self.addParameter(QgsProcessingParameterFolderDestination(self.JOB_FOLDER, tr("Job folder")))
        self.addOutput(QgsProcessingOutputFolder(self.JOB_FOLDER, tr("Job folder")))
        self.addOutput(QgsProcessingOutputNumber(self.PAIR_COUNT, tr("Number of pairs")))

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        products = self.folder(parameters, self.PRODUCTS, context)
        job_folder = (
            Path(self.parameterAsString(parameters, self.JOB_FOLDER, context)).expanduser().absolute()
        )
        answer = self.ask_engine(requests.OpenProducts(str(products), str(job_folder)), feedback)
        for row in answer["excluded"]:
            feedback.pushWarning(f"{Path(row['file']).name}: {sentence(InsarError.from_json(row))}")
        return {self.JOB_FOLDER: answer["job_folder"], self.PAIR_COUNT: answer["pair_count"]}

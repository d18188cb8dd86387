# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:exportresults``: MintPy HDF5 to GeoTIFF or COG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputFolder,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterString,
    QgsProperty,
)

from insarhub_qgis.core import requests
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.processing.base import EXPORT, InsarAlgorithm, tr


class FileOrFolderParameter(QgsProcessingParameterFile):
    """A path with a file button that takes a folder as well; QGIS's own refuses one or the other."""

    def checkValueIsAcceptable(self, value: Any, context: QgsProcessingContext | None = None) -> bool:
        return bool(value) and isinstance(value, (str, QgsProperty))

    def clone(self) -> FileOrFolderParameter:
        return FileOrFolderParameter(self.name(), self.description())


class ExportResults(InsarAlgorithm):
    """One GeoTIFF per dataset; a time series has one band per date."""

    NAME = "exportresults"
    TITLE = "Export results"
    GROUP = EXPORT
    HELP = (
        "Writes results of MintPy as GeoTIFF or cloud optimised GeoTIFF (COG). Input: one HDF5 file, or a job folder for "
        "everything in it. Displacement and velocity are positive toward the satellite; the unit stands in the "
        "metadata of each file. A time series has one band per date, described YYYY-MM-DD. Datasets: comma separated, e.g. "
        "'velocity, timeseries_demErr, velocity/velocityStd'; empty exports all. Mask: an HDF5 or raster on the same "
        "grid whose zeros become nodata."
    )

    INPUT = "INPUT"
    OUTPUT_FOLDER = "OUTPUT_FOLDER"
    DATASETS = "DATASETS"
    MASK = "MASK"
    UNIT = "UNIT"
    FORMAT = "FORMAT"

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.addParameter(FileOrFolderParameter(self.INPUT, tr("MintPy HDF5 file or job folder")))
        self.addParameter(QgsProcessingParameterString(self.DATASETS, tr("Datasets"), optional=True))
        self.addParameter(QgsProcessingParameterFile(self.MASK, tr("Mask"), optional=True))
        self.add_choice(self.UNIT, tr("Unit of displacement"), ["m", "mm"], "m")
        self.add_choice(self.FORMAT, tr("Format"), ["GTiff", "COG"], "GTiff")
        self.addParameter(QgsProcessingParameterFolderDestination(self.OUTPUT_FOLDER, tr("Output folder")))
        self.addOutput(QgsProcessingOutputFolder(self.OUTPUT_FOLDER, tr("Output folder")))

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        source = Path(self.parameterAsFile(parameters, self.INPUT, context)).expanduser().absolute()
        if not source.exists():
            raise QgsProcessingException(
                tr("INPUT: there is no file or folder '{path}'.").format(path=source)
            )
        folder = Path(self.parameterAsString(parameters, self.OUTPUT_FOLDER, context)).expanduser().absolute()
        datasets = self.parameterAsString(parameters, self.DATASETS, context)
        request = requests.ExportResults(
            source=str(source),
            output_folder=str(folder),
            datasets=tuple(name.strip() for name in datasets.replace(";", ",").split(",") if name.strip()),
            mask=self.optional_file(parameters, self.MASK, context),
            unit=self.parameterAsEnumString(parameters, self.UNIT, context),
            raster_format=self.parameterAsEnumString(parameters, self.FORMAT, context),
        )
        answer = self.ask_engine(request, feedback)
        for row in answer["skipped"]:
            feedback.pushWarning(f"{Path(row['file']).name}: {sentence(InsarError.from_json(row))}")
        for row in answer["files"]:
            feedback.pushInfo(tr("{file}: {bands} band(s)").format(file=row["path"], bands=row["bands"]))
        return {self.OUTPUT_FOLDER: answer["output_folder"]}

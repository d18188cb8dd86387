# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:runanalysis``: MintPy on a prepared job folder."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputFolder,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterString,
)

from insarhub_qgis.core import requests
from insarhub_qgis.core.mintpy_steps import STEPS
from insarhub_qgis.processing.base import InsarAlgorithm, existing_folder, tr


class RunAnalysis(InsarAlgorithm):
    """Runs the steps one after another and goes on where an unfinished run stopped."""

    NAME = "runanalysis"
    TITLE = "Run analysis"
    HELP = (
        "Runs MintPy on a prepared job folder, step by step in a process of its own. A run that was cancelled or stopped by "
        "a crash goes on where it was. Steps: empty runs all that the options enable. Options: lines 'key = value' "
        "as in .mintpy.cfg; an invalid value is refused before anything starts."
    )

    JOB_FOLDER = "JOB_FOLDER"
    STEPS = "STEPS"
    OPTIONS = "OPTIONS"
    RESULTS_FOLDER = "RESULTS_FOLDER"

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.addParameter(
            QgsProcessingParameterFile(
                self.JOB_FOLDER, tr("Job folder"), behavior=QgsProcessingParameterFile.Behavior.Folder
            )
        )
        steps = QgsProcessingParameterEnum(
            self.STEPS, tr("Steps"), options=[step.name for step in STEPS], allowMultiple=True, optional=True
        )
        steps.setUsesStaticStrings(True)
        self.addParameter(steps)
        self.addParameter(
            QgsProcessingParameterString(self.OPTIONS, tr("MintPy options"), multiLine=True, optional=True)
        )
        self.addOutput(QgsProcessingOutputFolder(self.RESULTS_FOLDER, tr("Results folder")))

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        job_folder = existing_folder(
            self.parameterAsFile(parameters, self.JOB_FOLDER, context), self.JOB_FOLDER
        )
        request = requests.RunAnalysis(
            job_folder=str(job_folder),
            steps=tuple(
                name for name in self.parameterAsEnumStrings(parameters, self.STEPS, context) if name
            ),
            options=self.parameterAsString(parameters, self.OPTIONS, context),
        )
        return {self.RESULTS_FOLDER: self.ask_engine(request, feedback)["results_folder"]}

# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:runanalysis``: MintPy on a prepared job folder."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputFolder,
    QgsProcessingParameterString,
)

from insarhub_qgis.core import requests
from insarhub_qgis.core.mintpy_steps import STEPS
from insarhub_qgis.processing.base import InsarAlgorithm, tr


class RunAnalysis(InsarAlgorithm):
    """Runs the steps one after another and goes on where an unfinished run stopped."""

    NAME = "runanalysis"
    TITLE = "Run analysis"
    HELP = (
        "Runs MintPy on a prepared job folder, step by step in a process of its own. A run that was cancelled or stopped by "
        "a crash goes on where it was. Steps: empty runs all that the options enable. Options: lines 'key = value' "
        "as in .mintpy.cfg; an invalid value is refused before anything starts."
    )

    STEPS = "STEPS"
    OPTIONS = "OPTIONS"
    RESULTS_FOLDER = "RESULTS_FOLDER"

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add_job_folder()
        self.add_choices(self.STEPS, tr("Steps"), [step.name for step in STEPS], is_optional=True)
        self.addParameter(
            QgsProcessingParameterString(self.OPTIONS, tr("MintPy options"), multiLine=True, optional=True)
        )
        self.addOutput(QgsProcessingOutputFolder(self.RESULTS_FOLDER, tr("Results folder")))

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        request = requests.RunAnalysis(
            job_folder=str(self.job_folder(parameters, context)),
            steps=self.words(parameters, self.STEPS, context),
            options=self.parameterAsString(parameters, self.OPTIONS, context),
        )
        return {self.RESULTS_FOLDER: self.ask_engine(request, feedback)["results_folder"]}

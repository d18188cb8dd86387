# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:retryhyp3``: failed jobs once more."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputFile,
    QgsProcessingOutputNumber,
    QgsProcessingParameterBoolean,
)

from insarhub_qgis.core import requests
from insarhub_qgis.core.hyp3_guard import REFUSED
from insarhub_qgis.processing.base import tr
from insarhub_qgis.processing.hyp3_algorithm import Hyp3Algorithm, warn_of
from insarhub_qgis.processing.submit_hyp3 import tell_submission


class RetryHyp3(Hyp3Algorithm):
    """Pressing it twice costs nothing: a pair with a live or finished repetition is not sent again."""

    NAME = "retryhyp3"
    TITLE = "Retry HyP3 jobs"
    HELP = (
        "Orders the failed jobs of a job folder once more, with the same parameters, and writes a retry file beside the job "
        "file. With 'expired ones too' also those whose product was deleted by HyP3 before it was downloaded. A job that is "
        "repeated already is not ordered again. Failed jobs are not paid back; a retry costs what the job cost."
    )

    INCLUDE_EXPIRED = "INCLUDE_EXPIRED"
    JOB_FILE = "JOB_FILE"
    SUBMITTED = "SUBMITTED"

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add_job_folder()
        self.add_account()
        self.addParameter(
            QgsProcessingParameterBoolean(self.INCLUDE_EXPIRED, tr("Expired ones too"), defaultValue=False)
        )
        self.addOutput(QgsProcessingOutputFile(self.JOB_FILE, tr("Retry file")))
        self.addOutput(QgsProcessingOutputNumber(self.SUBMITTED, tr("Number of jobs submitted")))

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        answer = self.ask_service(
            requests.RetryHyp3,
            feedback,
            job_folder=str(self.job_folder(parameters, context)),
            include_expired=self.parameterAsBool(parameters, self.INCLUDE_EXPIRED, context),
        )
        refused = [row for row in answer["skipped"] if row["state"] == REFUSED]
        warn_of([row["reason"] for row in (*refused, *answer["rejected"])], feedback)
        tell_submission(answer, feedback)
        return {self.JOB_FILE: answer["job_file"], self.SUBMITTED: answer["submitted"]}

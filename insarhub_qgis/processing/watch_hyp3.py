# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:watchhyp3``: wait for the jobs of a folder and download each product as it appears."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputFolder,
)

from insarhub_qgis.core import requests
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.hyp3_jobs import STATUSES
from insarhub_qgis.core.hyp3_watch_mark import forget_watch
from insarhub_qgis.host import log
from insarhub_qgis.processing.base import tr
from insarhub_qgis.processing.download_hyp3 import tell_product
from insarhub_qgis.processing.hyp3_algorithm import Hyp3Algorithm, count_outputs, reason_text, warn_of


class WatchHyp3(Hyp3Algorithm):
    """Ends when every job has ended; a network that is away for a while does not end it."""

    NAME = "watchhyp3"
    TITLE = "Watch HyP3 jobs"
    HELP = (
        "Asks HyP3 for the jobs of a folder again and again and downloads each product as soon as it is there, until every "
        "job has ended or the time is over. Reaching the time is no failure: the jobs go on at HyP3, and a later run "
        "goes on from here."
    )

    TIMEOUT = "TIMEOUT"
    FOLDER = "FOLDER"

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add_job_folder()
        self.add_account()
        self.add_number(self.TIMEOUT, tr("Stop after so many seconds (0: no limit)"), 0.0)
        self.addOutput(QgsProcessingOutputFolder(self.FOLDER, tr("Folder of products")))
        self.add_counts()

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        folder = str(self.job_folder(parameters, context))
        try:
            answer = self.ask_service(
                requests.WatchHyp3,
                feedback,
                _tell_watch(feedback),
                job_folder=folder,
                timeout_s=self.parameterAsDouble(parameters, self.TIMEOUT, context),
            )
        except QgsProcessingException:
            if feedback.isCanceled():
                # Stopped by the user: nothing to offer again later.
                _forget(folder)
            raise
        warn_of(answer["failed"], feedback, "file")
        warn_of(answer["problems"], feedback)
        if not answer["is_complete"]:
            feedback.pushWarning(
                tr(
                    "The time is over, and not all jobs have ended yet. They go on at HyP3; watch or refresh later."
                )
            )
        return {self.FOLDER: answer["folder"], **count_outputs(answer["counts"])}


def _forget(folder: str) -> None:
    try:
        forget_watch(Path(folder))
    except InsarError as error:
        log.warning(str(error))


def _tell_watch(feedback: QgsProcessingFeedback) -> Any:
    """Give what tells new counts and passing problems while it watches."""
    tell = tell_product(feedback)
    last = [""]

    def tell_item(item: Mapping[str, Any]) -> None:
        tell(item)
        if item.get("problem"):
            feedback.pushWarning(reason_text(item["problem"]))
        counts = item.get("counts")
        if counts:
            text = ", ".join(f"{counts[status]} {status}" for status in STATUSES if counts.get(status))
            if text != last[0]:
                feedback.pushInfo(text)
            last[0] = text

    return tell_item

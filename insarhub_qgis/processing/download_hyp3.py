# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:downloadhyp3``: the products of finished jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFolderDestination,
)

from insarhub_qgis.core import requests
from insarhub_qgis.processing.base import tr
from insarhub_qgis.processing.hyp3_algorithm import Hyp3Algorithm, warn_of


class DownloadHyp3(Hyp3Algorithm):
    """Needs no login when the addresses are known from a refresh."""

    NAME = "downloadhyp3"
    TITLE = "Download HyP3 products"
    HELP = (
        "Downloads the product of each job that succeeded, several at a time, into a folder; empty is the folder that the job "
        "file names. A download that broke off goes on where it stopped; a product is checked before it gets its name; one "
        "that is there already is left alone. A product that fails is a warning and does not stop the others; when none is "
        "there at the end, the run fails."
    )
    NEEDS_LOGIN = False

    FOLDER = "FOLDER"
    DOWNLOADED = "DOWNLOADED"

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add_job_folder()
        self.add_account()
        self.addParameter(
            QgsProcessingParameterFolderDestination(
                self.FOLDER, tr("Folder of products"), optional=True, createByDefault=False
            )
        )
        self.addOutput(QgsProcessingOutputNumber(self.DOWNLOADED, tr("Number of products that are there")))

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        answer = self.ask_service(
            requests.DownloadHyp3,
            feedback,
            tell_product(feedback),
            job_folder=str(self.job_folder(parameters, context)),
            folder=self.parameterAsString(parameters, self.FOLDER, context),
        )
        return {self.FOLDER: answer["folder"], self.DOWNLOADED: told_products(answer, feedback)}


def tell_product(feedback: QgsProcessingFeedback) -> Any:
    """Give what tells the end of each download while it runs."""

    def tell(item: Mapping[str, Any]) -> None:
        if item.get("state") == "done":
            feedback.pushInfo(tr("{file} is there.").format(file=item.get("file")))

    return tell


def told_products(answer: Mapping[str, Any], feedback: QgsProcessingFeedback) -> int:
    """Tell what came, was there and failed, and give how many are there; raises when all failed."""
    downloaded, present, failed = answer["downloaded"], answer["present"], answer["failed"]
    warn_of(failed, feedback, "file")
    warn_of(answer["problems"], feedback)
    feedback.pushInfo(
        tr("{new} downloaded, {present} there already, {failed} failed.").format(
            new=len(downloaded), present=len(present), failed=len(failed)
        )
    )
    if failed and not downloaded and not present:
        raise QgsProcessingException(
            tr("No product could be downloaded ({count} failed); the log has the reasons.").format(
                count=len(failed)
            )
        )
    return len(downloaded) + len(present)

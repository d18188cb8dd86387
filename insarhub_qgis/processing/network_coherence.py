# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:networkcoherence``: mean expected coherence of the pairs of a job."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsProcessingContext, QgsProcessingFeedback

from insarhub_qgis.host.counts import counted_pairs
from insarhub_qgis.processing.base import tr
from insarhub_qgis.processing.decay_algorithm import DecayAlgorithm


class NetworkCoherence(DecayAlgorithm):
    """Each pair with its own dates, chained over the seasons that it crosses."""

    NAME = "networkcoherence"
    TITLE = "Mean expected coherence of a network"
    HELP = (
        "Mean of the expected coherence (0 to 1) over all active pairs of a job, per pixel, from the decay maps of its folder. "
        "A pair that crosses seasons decays in each of them. Pairs in a season without decay map are left out and counted."
    )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add_job_folder()
        self.add_raster(tr("Mean expected coherence"))

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        folder = str(self.job_folder(parameters, context))
        answer = self.derive(parameters, context, feedback, "network_coherence", job_folder=folder)
        left_out = answer["pairs"] - answer["pairs_used"]
        if left_out:
            feedback.pushWarning(
                tr("Left out for lack of a decay map of the season: {count} of {pairs}.").format(
                    count=left_out, pairs=counted_pairs(answer["pairs"])
                )
            )
        return {self.OUTPUT: answer["output"]}

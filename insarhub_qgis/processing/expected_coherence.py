# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:expectedcoherence``: what coherence a pair of some days will have."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsProcessingContext, QgsProcessingFeedback

from insarhub_qgis.processing.base import tr
from insarhub_qgis.processing.decay_algorithm import DecayAlgorithm


class ExpectedCoherence(DecayAlgorithm):
    """The decay model at one temporal baseline."""

    NAME = "expectedcoherence"
    TITLE = "Expected coherence"
    HELP = (
        "Coherence (0 to 1) that a pair of a temporal baseline is expected to have in one season, per pixel, from the decay maps "
        "of a folder. Seasons go by the months of the dataset: JJA is 'summer' on both hemispheres."
    )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add_maps()
        self.add_days()
        self.add_season()
        self.add_raster(tr("Expected coherence"))

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        answer = self.derive(
            parameters,
            context,
            feedback,
            "expected_coherence",
            maps_folder=self.maps_folder(parameters, context),
            days=self.parameterAsDouble(parameters, self.DAYS, context),
            season=self.season(parameters, context),
        )
        return {self.OUTPUT: answer["output"]}

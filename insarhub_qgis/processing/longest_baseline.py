# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:longestbaseline``: how long pairs may be to keep a coherence."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsProcessingContext, QgsProcessingFeedback

from insarhub_qgis.processing.base import tr
from insarhub_qgis.processing.decay_algorithm import DecayAlgorithm


class LongestBaseline(DecayAlgorithm):
    """The decay model solved for time."""

    NAME = "longestbaseline"
    TITLE = "Longest usable temporal baseline"
    HELP = (
        "Longest temporal baseline in days that keeps a coherence in one season, per pixel, from the decay maps of a folder. 0: "
        "even the shortest pair is below it. 365: at least a year, since the coherence never falls below it or later."
    )

    COHERENCE = "COHERENCE"

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add_maps()
        self.add_number(self.COHERENCE, tr("Coherence to keep"), 0.3, 0.01, 0.99)
        self.add_season()
        self.add_raster(tr("Longest usable temporal baseline"))

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        answer = self.derive(
            parameters,
            context,
            feedback,
            "longest_baseline",
            maps_folder=self.maps_folder(parameters, context),
            coherence=self.parameterAsDouble(parameters, self.COHERENCE, context),
            season=self.season(parameters, context),
        )
        return {self.OUTPUT: answer["output"]}

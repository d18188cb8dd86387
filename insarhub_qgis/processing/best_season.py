# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:bestseason``: in which months pairs of some days keep most coherence."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsProcessingContext, QgsProcessingFeedback

from insarhub_qgis.processing.base import tr
from insarhub_qgis.processing.decay_algorithm import DecayAlgorithm


class BestSeason(DecayAlgorithm):
    """The season of the largest expected coherence; of equal ones the first."""

    NAME = "bestseason"
    TITLE = "Best season"
    HELP = (
        "Season in which a pair of a temporal baseline is expected to keep most coherence, per pixel, from the decay maps of a "
        "folder: 1 DJF, 2 MAM, 3 JJA, 4 SON, 0 no data. Seasons go by the months of the dataset, on both hemispheres."
    )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add_maps()
        self.add_days()
        self.add_raster(tr("Best season"))

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        answer = self.derive(
            parameters,
            context,
            feedback,
            "best_season",
            maps_folder=self.maps_folder(parameters, context),
            days=self.parameterAsDouble(parameters, self.DAYS, context),
        )
        return {self.OUTPUT: answer["output"]}

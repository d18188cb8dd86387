# SPDX-License-Identifier: GPL-2.0-or-later
"""What the algorithms on decay maps share: their parameters, and how a raster is made, named and styled."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingLayerPostProcessorInterface,
    QgsProcessingParameterRasterDestination,
    QgsRasterLayer,
)

from insarhub_qgis.core import requests
from insarhub_qgis.core.decay_map_files import BEST, SEASONS
from insarhub_qgis.host.counts import counted_pixels
from insarhub_qgis.layers.decay_layers import decay_layer_name, style_decay_layer
from insarhub_qgis.processing.base import QUALITY, InsarAlgorithm, tr


class DecayAlgorithm(InsarAlgorithm):
    """Makes one raster from the decay maps of a folder."""

    GROUP = QUALITY

    DECAY_MAPS = "DECAY_MAPS"
    DAYS = "DAYS"
    SEASON = "SEASON"

    def add_maps(self) -> None:
        self.add_folder(self.DECAY_MAPS, tr("Folder with decay maps (job folder or its decay_maps)"))

    def add_days(self) -> None:
        self.add_number(self.DAYS, tr("Temporal baseline [days]"), 12, 0, 3650)

    def add_season(self) -> None:
        text = tr("Season (winter DJF, spring MAM, summer JJA, fall SON, also south of the equator)")
        self.add_choice(self.SEASON, text, list(SEASONS), next(iter(SEASONS)))

    def add_raster(self, text: str) -> None:
        self.addParameter(QgsProcessingParameterRasterDestination(self.OUTPUT, text))

    def maps_folder(self, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        return str(self.folder(parameters, self.DECAY_MAPS, context))

    def season(self, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        return str(self.parameterAsEnumString(parameters, self.SEASON, context))

    def derive(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
        quantity: str,
        **values: Any,
    ) -> dict[str, Any]:
        """Make the raster; it loads with name and style of its quantity. Gives the engine's answer."""
        output = self.parameterAsOutputLayer(parameters, self.OUTPUT, context)
        if Path(output).suffix.lower() not in (".tif", ".tiff"):
            raise QgsProcessingException(
                tr("{parameter}: '{file}' is no name of a GeoTIFF. Choose a file that ends in .tif.").format(
                    parameter=self.OUTPUT, file=output
                )
            )
        path = str(Path(output).expanduser().absolute())
        request = requests.DeriveFromDecay(quantity=quantity, output=path, **values)
        answer = self.ask_engine(request, feedback)
        unit = f" {answer['unit']}" if answer["unit"] else ""
        # The seasons are classes: a median of their numbers would mean nothing.
        text = (
            tr("{description}: {pixels}")
            if quantity == BEST
            else tr("{description}: median {median}{unit}, from {low} to {high}, {pixels}")
        )
        feedback.pushInfo(
            text.format(
                **{name: answer[name] for name in ("description", "median", "low", "high")},
                unit=unit,
                pixels=counted_pixels(answer["valid_pixels"]),
            )
        )
        if context.willLoadLayerOnCompletion(output):
            details = context.layerToLoadOnCompletionDetails(output)
            details.name = decay_layer_name(quantity, answer["description"])
            details.forceName = True
            details.setPostProcessor(styler_of(quantity))
        return answer


class DecayStyler(QgsProcessingLayerPostProcessorInterface):
    """Styles a raster by its quantity when it is loaded."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self._kind = kind

    def postProcessLayer(
        self, layer: QgsRasterLayer, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> None:
        if isinstance(layer, QgsRasterLayer) and layer.isValid():
            style_decay_layer(layer, self._kind)


@cache
def styler_of(kind: str) -> DecayStyler:
    """Give the one styler of a quantity. QGIS holds no reference, and the algorithm is gone when the layer loads."""
    return DecayStyler(kind)

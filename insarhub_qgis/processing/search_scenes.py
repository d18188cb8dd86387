# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:searchscenes``: Sentinel-1 scenes or bursts of an area as footprints."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsFeatureRequest,
    QgsGeometry,
    QgsProcessingContext,
    QgsProcessingFeatureSource,
    QgsProcessingFeedback,
    QgsProcessingLayerPostProcessorInterface,
    QgsProcessingOutputNumber,
    QgsProcessingParameterDateTime,
    QgsProcessingParameterExtent,
    QgsProcessingParameterString,
    QgsProject,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QDate, QDateTime, Qt

from insarhub_qgis.core import requests
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.scene_stacks import SearchAnswer
from insarhub_qgis.core.search_texts import day_of_text, numbers_of_text
from insarhub_qgis.host.counts import counted
from insarhub_qgis.host.endpoints import endpoints
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.host.search_folders import new_search_folder
from insarhub_qgis.layers.area_of_interest import WGS84
from insarhub_qgis.layers.scene_layers import scene_features, scene_fields, style_scene_layer
from insarhub_qgis.layers.search_area import area_wkt, search_area
from insarhub_qgis.processing.base import ANY_GEOMETRY, POLYGON, SEARCH, InsarAlgorithm, in_words, tr

DIRECTIONS = ["any", "ASCENDING", "DESCENDING"]
POLARIZATIONS = ["VV", "VV+VH", "HH", "HH+HV"]
#: Choice -> `requests.SearchScenes.product`; the first one is the default.
PRODUCTS = {"whole scenes": "SLC", "bursts": "BURST"}
PLATFORMS = ["S1A", "S1B", "S1C", "S1D"]


class SearchScenes(InsarAlgorithm):
    """The same search as the panel's."""

    NAME = "searchscenes"
    TITLE = "Search scenes"
    GROUP = SEARCH
    HELP = (
        "Searches the archive of ASF for Sentinel-1 scenes (IW) and gives their footprints with all metadata. No account is "
        "needed.\n\nProduct: whole scenes (SLC, about 250 by 180 km), or bursts (about 85 by 20 km each) for a small area, of "
        "which HyP3 makes cheaper interferograms. Bursts need an area, have no frames, and are VV or HH. A footprint is then "
        "one pass that has all bursts of the area: it is named by its first burst, its frame is the number of the lowest one, "
        "and passes that lack a burst are left out with a warning.\n\nThe area is a vector layer, all its features dissolved, "
        "in any coordinate system; or an extent. Without an area a path is needed. Both days are included. Path and Frame "
        "take lists such as 13, 93 or 406-412. Several polarisations or platforms may be chosen; none means all. Maximum 0 "
        "means no limit.\n\nAn answer that is not complete gives a warning. The answer is kept in the profile, so that Add "
        "jobs can make jobs from the footprints."
    )

    PRODUCT = "PRODUCT"
    AOI = "AOI"
    EXTENT = "EXTENT"
    START = "START"
    END = "END"
    DIRECTION = "DIRECTION"
    PATH = "PATH"
    FRAME = "FRAME"
    POLARIZATION = "POLARIZATION"
    PLATFORM = "PLATFORM"
    MAX_RESULTS = "MAX_RESULTS"
    SCENE_COUNT = "SCENE_COUNT"

    def __init__(self) -> None:
        super().__init__()
        self._styler = SceneStyler()

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add_choice(self.PRODUCT, tr("Product"), list(PRODUCTS), next(iter(PRODUCTS)))
        self.add_source(self.AOI, tr("Area of interest"), ANY_GEOMETRY, is_optional=True)
        self.addParameter(
            QgsProcessingParameterExtent(self.EXTENT, tr("Extent, instead of a layer"), optional=True)
        )
        for name, text in ((self.START, tr("Start")), (self.END, tr("End"))):
            self.addParameter(
                QgsProcessingParameterDateTime(
                    name, text, QgsProcessingParameterDateTime.Type.Date, optional=True
                )
            )
        self.add_choice(self.DIRECTION, tr("Direction of flight"), DIRECTIONS, "any")
        self.addParameter(QgsProcessingParameterString(self.PATH, tr("Path"), optional=True))
        self.addParameter(QgsProcessingParameterString(self.FRAME, tr("Frame"), optional=True))
        self.add_choices(self.POLARIZATION, tr("Polarisation"), POLARIZATIONS, is_optional=True)
        self.add_choices(self.PLATFORM, tr("Platform"), PLATFORMS, is_optional=True)
        most = tr("Maximum number of scenes or bursts (0: no limit)")
        self.add_number(self.MAX_RESULTS, most, 0, is_whole=True)
        self.add_sink(self.OUTPUT, tr("Footprints"), POLYGON)
        self.addOutput(QgsProcessingOutputNumber(self.SCENE_COUNT, tr("Number of scenes or passes")))

    def checkParameterValues(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> tuple[bool, str]:
        try:
            # QGIS itself takes fewer forms of a day than a search.
            days = {name: _day(parameters.get(name)) or None for name in (self.START, self.END)}
            for name in (self.PATH, self.FRAME):
                value = parameters.get(name)
                if isinstance(value, (str, int)):
                    numbers_of_text(str(value))
        except InsarError as error:
            return False, sentence(error)
        return super().checkParameterValues(self._sorted({**parameters, **days}), context)

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        parameters = self._sorted(parameters)
        folder = new_search_folder()
        direction = self.parameterAsEnumString(parameters, self.DIRECTION, context)
        with in_words():
            request = requests.SearchScenes(
                product=PRODUCTS[self.parameterAsEnumString(parameters, self.PRODUCT, context)],
                aoi_wkt=self._area(parameters, context, feedback),
                start=_day(parameters.get(self.START)),
                end=_day(parameters.get(self.END)),
                direction="" if direction == "any" else direction,
                paths=numbers_of_text(self.parameterAsString(parameters, self.PATH, context)),
                frames=numbers_of_text(self.parameterAsString(parameters, self.FRAME, context)),
                polarizations=self.words(parameters, self.POLARIZATION, context),
                platforms=self.words(parameters, self.PLATFORM, context),
                max_results=self.parameterAsInt(parameters, self.MAX_RESULTS, context),
                answer_folder=str(folder),
                endpoints=endpoints().to_json(),
            )
            answer = SearchAnswer.from_json(self.ask_engine(request, feedback))
        if not answer.is_complete:
            feedback.pushWarning(tr("The answer is not complete: scenes may be missing."))
        for message in answer.messages:
            feedback.pushWarning(sentence(message))
        features = scene_features(answer.scenes, str(folder))
        output = self.write_features(
            parameters,
            self.OUTPUT,
            context,
            scene_fields(),
            features,
            Qgis.WkbType.MultiPolygon,
            QgsCoordinateReferenceSystem(WGS84),
        )
        if not answer.scenes:
            feedback.pushWarning(sentence(InsarError("search.nothing_found")))
        if len(features) < len(answer.scenes):
            feedback.pushWarning(
                counted(
                    len(answer.scenes) - len(features),
                    tr("{n} scene has no footprint and is left out."),
                    tr("{n} scenes have no footprint and are left out."),
                )
            )
        if context.willLoadLayerOnCompletion(output):
            context.layerToLoadOnCompletionDetails(output).setPostProcessor(self._styler)
        return {self.OUTPUT: output, self.SCENE_COUNT: len(features)}

    def _sorted(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Take an extent that was given as AOI where it belongs."""
        value = parameters.get(self.AOI)
        is_extent = not isinstance(value, QgsVectorLayer) and _is_extent(value)
        if not is_extent:
            return parameters
        return {**{key: item for key, item in parameters.items() if key != self.AOI}, self.EXTENT: value}

    def _area(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> str:
        project = context.project() or QgsProject.instance()
        source = self.parameterAsSource(parameters, self.AOI, context)
        if source is not None:
            # They are repaired here; QGIS would refuse them.
            flag = QgsProcessingFeatureSource.Flag.FlagSkipGeometryValidityChecks
            features = source.getFeatures(QgsFeatureRequest().setNoAttributes(), flag)
            geometries = [row.geometry() for row in features if row.hasGeometry()]
            crs = source.sourceCrs()
            if not all(geometry.isGeosValid() for geometry in geometries):
                feedback.pushWarning(sentence(InsarError("search.area_repaired")))
        else:
            extent = self.parameterAsExtent(parameters, self.EXTENT, context)
            if extent.isNull():
                return ""
            geometries = [QgsGeometry.fromRect(extent)]
            crs = self.parameterAsExtentCrs(parameters, self.EXTENT, context)
            crs = crs if crs.isValid() else QgsCoordinateReferenceSystem(WGS84)
        area = search_area(geometries, crs, project.transformContext(), feedback.isCanceled)
        return area_wkt(area)


class SceneStyler(QgsProcessingLayerPostProcessorInterface):
    """Styles footprints by direction when they are loaded."""

    def postProcessLayer(
        self, layer: QgsVectorLayer, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> None:
        if isinstance(layer, QgsVectorLayer):
            style_scene_layer(layer)
            layer.triggerRepaint()


def _is_extent(value: Any) -> bool:
    """Tell texts like ``-2.5,-1.0,37.0,38.5 [EPSG:4326]`` from names of layers."""
    if not isinstance(value, str):
        return False
    numbers = value.partition("[")[0].split(",")
    try:
        return len([float(number) for number in numbers]) == 4
    except ValueError:
        return False


def _day(value: Any) -> str:
    if isinstance(value, (QDate, QDateTime)):
        day = value.date() if isinstance(value, QDateTime) else value
        return day.toString(Qt.DateFormat.ISODate) if day.isValid() else ""
    return day_of_text(str(value)) if value not in (None, "") else ""

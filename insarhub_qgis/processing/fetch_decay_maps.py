# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:fetchdecaymaps``: how coherence falls with time in an area, season by season."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsFeatureRequest,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingFeedback,
    QgsProcessingParameterFolderDestination,
    QgsProject,
)

from insarhub_qgis.core import requests
from insarhub_qgis.core.coherence_tiles import season_label
from insarhub_qgis.core.decay_map_files import SEASONS
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.host.endpoints import endpoints
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.layers.search_area import area_wkt, search_area
from insarhub_qgis.processing.base import ANY_GEOMETRY, QUALITY, InsarAlgorithm, in_words, tr


class FetchDecayMaps(InsarAlgorithm):
    """Maps that fit the area are kept, so that a second run needs no network."""

    NAME = "fetchdecaymaps"
    TITLE = "Fetch decay maps"
    GROUP = QUALITY
    HELP = (
        "Reads the global seasonal coherence of Sentinel-1 (Kellndorfer et al. 2022) for an area, fits how it decays, and writes "
        "one GeoTIFF per season into the folder decay_maps: floor (gamma_inf), start (gamma_0), and decay time (tau, days).\n\n"
        "The area is that of the job folder, or a layer; with a layer and no job folder choose where the maps go. Seasons go "
        "by the months of the dataset: JJA is 'summer' on both hemispheres. Polarisation auto takes HH where VV was not "
        "acquired. Resolution auto takes 90 m for an area of at most four degree tiles, else 0.01 degree. Maps that are there "
        "and fit are kept, also without network."
    )

    AOI = "AOI"
    SEASONS = "SEASONS"
    POLARIZATION = "POLARIZATION"
    RESOLUTION = "RESOLUTION"
    FOLDER = "FOLDER"

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add_job_folder(is_optional=True)
        area = tr("Area of interest, instead of the job's")
        self.add_source(self.AOI, area, ANY_GEOMETRY, is_optional=True)
        seasons = tr("Seasons (winter DJF, spring MAM, summer JJA, fall SON)")
        self.add_choices(self.SEASONS, seasons, list(SEASONS), list(SEASONS))
        self.add_choice(self.POLARIZATION, tr("Polarisation"), ["auto", "vv", "hh"], "auto")
        self.add_choice(self.RESOLUTION, tr("Resolution"), ["auto", "90m", "1km"], "auto")
        self.addParameter(
            QgsProcessingParameterFolderDestination(
                self.FOLDER, tr("Folder for the maps, without a job folder"), None, True, False
            )
        )

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        job = self.parameterAsFile(parameters, self.JOB_FOLDER, context)
        folder = self.parameterAsString(parameters, self.FOLDER, context)
        with in_words():
            request = requests.FetchDecayMaps(
                job_folder=str(self.job_folder(parameters, context)) if job else "",
                folder=str(Path(folder).expanduser().absolute()) if folder and not job else "",
                aoi_wkt=self._area(parameters, context),
                seasons=self.words(parameters, self.SEASONS, context),
                polarization=self.parameterAsEnumString(parameters, self.POLARIZATION, context),
                resolution=self.parameterAsEnumString(parameters, self.RESOLUTION, context),
                endpoints=endpoints().to_json(),
            )
        answer = self.ask_engine(request, feedback)
        for message in answer["messages"]:
            feedback.pushWarning(sentence(InsarError.from_json(message)))
        missing = [row for row in answer["seasons"] if row["state"] != "available"]
        if len(missing) == len(answer["seasons"]):
            # A failure tells more than an area without coherence.
            told = sorted(missing, key=lambda row: row["state"] != "failed")[0]
            raise QgsProcessingException(sentence(InsarError.from_json(told)))
        for row in answer["seasons"]:
            label = season_label(row["season"])
            if row["state"] != "available":
                feedback.pushWarning(f"{label}: {sentence(InsarError.from_json(row))}")
            else:
                feedback.pushInfo(_season_text(label, row))
        return {self.FOLDER: answer["folder"]}

    def _area(self, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        source = self.parameterAsSource(parameters, self.AOI, context)
        if source is None:
            return ""
        # Geometries are repaired by the engine; QGIS would refuse them.
        flag = QgsProcessingFeatureSource.Flag.FlagSkipGeometryValidityChecks
        features = source.getFeatures(QgsFeatureRequest().setNoAttributes(), flag)
        geometries = [row.geometry() for row in features if row.hasGeometry()]
        project = context.project() or QgsProject.instance()
        return area_wkt(search_area(geometries, source.sourceCrs(), project.transformContext()))


def _season_text(label: str, row: dict[str, Any]) -> str:
    bands = ", ".join(
        f"{band['name']} {band['median']:g} ({band['low']:g} to {band['high']:g}){' ' if band['unit'] else ''}{band['unit']}"
        for band in row["bands"]
        if band["median"] is not None
    )
    origin = {"fetched": tr("fetched"), "kept": tr("kept"), "insarhub": tr("made by InSARHub")}[row["origin"]]
    return f"{label} {row['polarization'].upper()}, {origin}, {row['bytes'] / 1e6:.1f} MB: {bands}"

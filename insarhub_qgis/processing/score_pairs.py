# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:scorepairs``: the forecast quality of all pairs of a stack, as a table and as its pair database."""

from __future__ import annotations

from typing import Any, Optional

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFeatureSink,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputFile,
    QgsProcessingOutputNumber,
    QgsProcessingParameterAuthConfig,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFile,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QDate, QMetaType

from insarhub_qgis.core import requests
from insarhub_qgis.core.credentials import Credential
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.pair_score import PRESETS, STANDARD
from insarhub_qgis.core.pair_table_files import FIRES
from insarhub_qgis.core.scenes import Pair
from insarhub_qgis.host.accounts import credential_of
from insarhub_qgis.host.endpoints import endpoints, is_sandbox_on
from insarhub_qgis.host.firms_key import map_key_credential
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.processing.base import QUALITY, InsarAlgorithm, existing_folder, table_fields, tr

_FIELDS = (
    ("reference", QMetaType.Type.QString),
    ("secondary", QMetaType.Type.QString),
    ("reference_date", QMetaType.Type.QDate),
    ("secondary_date", QMetaType.Type.QDate),
    ("dt_days", QMetaType.Type.Int),
    ("bperp_m", QMetaType.Type.Double),
    ("score", QMetaType.Type.Double),
    ("class", QMetaType.Type.QString),
    ("coherence", QMetaType.Type.Double),
    ("coherence_p25", QMetaType.Type.Double),
    ("decay_source", QMetaType.Type.QString),
    ("reason", QMetaType.Type.QString),
    ("missing", QMetaType.Type.QString),
)
#: Sources of the engine, in the order of the parameter.
_SOURCES = ("weather", "landcover", "vegetation", "snow", "fire")
_CLASSES = ("green", "yellow", "red", "unknown")


class ScorePairs(InsarAlgorithm):
    """The same build as the panel's."""

    NAME = "scorepairs"
    TITLE = "Score pairs"
    GROUP = QUALITY
    HELP = (
        "Forecasts the quality of all pairs of a job's stack, 0 to 100, and writes its pair database, which the network "
        "editor reads. The expected coherence comes from the decay maps of the job folder, else from land cover, else from "
        "latitude; rain, snow, frost, vegetation, fire and perpendicular baseline take from it. Only what the quality cache "
        "of the folder lacks is asked for. An input that is not known is named and never counts as good or bad. Snow cover "
        "of MODIS stands in for the snow depth of the weather; fires need a map key of FIRMS: that of Options, or one kept as "
        "the password of an authentication configuration of the kind Basic. A service that does not answer is named; run the algorithm again "
        "later to complete the scores."
    )

    JOB_FOLDER = "JOB_FOLDER"
    SOURCES = "SOURCES"
    PRESET = "PRESET"
    AUTH = "AUTH"
    OUTPUT = "OUTPUT"
    DATABASE = "DATABASE"

    def __init__(self) -> None:
        super().__init__()
        self._credential: Optional[Credential] = None
        self._endpoints: dict[str, str] = {}
        self._refusal: Optional[InsarError] = None

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.addParameter(
            QgsProcessingParameterFile(
                self.JOB_FOLDER, tr("Job folder"), behavior=QgsProcessingParameterFile.Behavior.Folder
            )
        )
        sources = QgsProcessingParameterEnum(
            self.SOURCES,
            tr("Sources to ask"),
            options=list(_SOURCES),
            allowMultiple=True,
            defaultValue=list(requests.BuildPairDatabase.sources),
            optional=True,
        )
        sources.setUsesStaticStrings(True)
        self.addParameter(sources)
        preset = QgsProcessingParameterEnum(
            self.PRESET, tr("Preset"), options=list(PRESETS), defaultValue=STANDARD
        )
        preset.setUsesStaticStrings(True)
        self.addParameter(preset)
        key = QgsProcessingParameterAuthConfig(self.AUTH, tr("Map key of FIRMS, for fires"), optional=True)
        key.setFlags(key.flags() | QgsProcessingParameterDefinition.Flag.FlagAdvanced)
        self.addParameter(key)
        self.addParameter(
            QgsProcessingParameterFeatureSink(
                self.OUTPUT, tr("Scores of pairs"), QgsProcessing.SourceType.TypeVector
            )
        )
        self.addOutput(QgsProcessingOutputFile(self.DATABASE, tr("Pair database")))
        for name in _CLASSES:
            text = tr("Number of pairs: {name}").format(name=name)
            self.addOutput(QgsProcessingOutputNumber(f"COUNT_{name.upper()}", text))

    def prepareAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> bool:
        auth_id = self.parameterAsString(parameters, self.AUTH, context)
        try:
            self._endpoints = endpoints().to_json()
            # A sandbox has a key of its own and must not get a real one.
            if auth_id and not is_sandbox_on():
                self._credential = credential_of(auth_id)
            elif FIRES in self._sources(parameters, context) and not is_sandbox_on():
                self._credential = map_key_credential()
        except InsarError as error:
            # Raised in processAlgorithm: QGIS drops the words of what is raised here.
            self._refusal = error
        return True

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        if self._refusal is not None:
            raise QgsProcessingException(sentence(self._refusal)) from self._refusal
        folder = existing_folder(self.parameterAsFile(parameters, self.JOB_FOLDER, context), self.JOB_FOLDER)
        request = requests.BuildPairDatabase(
            str(folder),
            sources=self._sources(parameters, context),
            preset=self.parameterAsEnumString(parameters, self.PRESET, context),
            give_rows=True,
            endpoints=self._endpoints,
        )
        rows: list[list[Any]] = []
        answer = self.ask_engine(
            request, feedback, self._credential, on_item=lambda item: rows.extend(item.get("rows") or [])
        )
        _tell(answer, feedback)
        fields = table_fields(_FIELDS)
        sink, destination = self.parameterAsSink(
            parameters,
            self.OUTPUT,
            context,
            fields,
            QgsWkbTypes.Type.NoGeometry,
            QgsCoordinateReferenceSystem(),
        )
        if sink is None:
            raise QgsProcessingException(self.invalidSinkError(parameters, self.OUTPUT))
        for row in rows:
            feature = QgsFeature(fields)
            feature.setAttributes(_attributes(row))
            sink.addFeature(feature, QgsFeatureSink.Flag.FastInsert)
        del sink
        counts = {f"COUNT_{name.upper()}": int(answer["counts"][name]) for name in _CLASSES}
        return {self.OUTPUT: destination, self.DATABASE: answer["database"], **counts}

    def _sources(self, parameters: dict[str, Any], context: QgsProcessingContext) -> tuple[str, ...]:
        # An empty choice asks nobody; QGIS would take it for the default.
        if parameters.get(self.SOURCES) in ([], (), ""):
            return ()
        return tuple(self.parameterAsEnumStrings(parameters, self.SOURCES, context))


def _tell(answer: dict[str, Any], feedback: QgsProcessingFeedback) -> None:
    """Say which services failed, what is missing, and how the pairs are spread over the classes."""
    for failure in answer["failed"]:
        feedback.pushWarning(f"{failure['source']}: {sentence(InsarError.from_json(failure))}")
    for message in answer["messages"]:
        feedback.pushWarning(sentence(InsarError.from_json(message)))
    if answer["missing"]:
        names = ", ".join(f"{name} ({count})" for name, count in answer["missing"].items())
        feedback.pushInfo(tr("Missing inputs, with the number of pairs: {names}").format(names=names))
    counts = ", ".join(f"{name} {answer['counts'][name]}" for name in _CLASSES)
    feedback.pushInfo(tr("{pairs} pairs: {counts}").format(pairs=answer["pairs"], counts=counts))


def _attributes(row: list[Any]) -> list[Any]:
    reference, secondary, *values, missing = row
    pair = Pair(reference, secondary)
    days = [QDate(day.year, day.month, day.day) for day in (pair.reference_date, pair.secondary_date)]
    return [reference, secondary, *days, *values, ", ".join(missing) or None]

# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:scorepairs``: the forecast quality of all pairs of a stack, as a table and as its pair database."""

from __future__ import annotations

from typing import Any, Optional

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputFile,
    QgsProcessingOutputNumber,
    QgsProcessingParameterAuthConfig,
    QgsProcessingParameterDefinition,
)
from qgis.PyQt.QtCore import QDate

from insarhub_qgis.core import requests
from insarhub_qgis.core.credentials import Credential
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.pair_score import PRESETS, STANDARD
from insarhub_qgis.core.pair_table_files import FIRES
from insarhub_qgis.core.scenes import Pair
from insarhub_qgis.host.accounts import credential_of
from insarhub_qgis.host.counts import counted_pairs
from insarhub_qgis.host.endpoints import is_sandbox_on
from insarhub_qgis.host.firms_key import map_key_credential
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.processing.base import QUALITY, tr
from insarhub_qgis.processing.service_algorithm import ServiceAlgorithm
from insarhub_qgis.processing.table_layers import DOUBLE, PAIR_COLUMNS, TEXT

_COLUMNS = (
    *PAIR_COLUMNS,
    ("class", TEXT),
    ("coherence", DOUBLE),
    ("coherence_p25", DOUBLE),
    ("decay_source", TEXT),
    ("reason", TEXT),
    ("missing", TEXT),
)
#: Sources of the engine, in the order of the parameter.
_SOURCES = ("weather", "landcover", "vegetation", "snow", "fire")
_CLASSES = ("green", "yellow", "red", "unknown")


class ScorePairs(ServiceAlgorithm):
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

    SOURCES = "SOURCES"
    PRESET = "PRESET"
    DATABASE = "DATABASE"

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add_job_folder()
        usual = requests.BuildPairDatabase.sources
        self.add_choices(self.SOURCES, tr("Sources to ask"), _SOURCES, usual, is_optional=True)
        self.add_choice(self.PRESET, tr("Preset"), list(PRESETS), STANDARD)
        key = QgsProcessingParameterAuthConfig(self.AUTH, tr("Map key of FIRMS, for fires"), optional=True)
        key.setFlags(key.flags() | QgsProcessingParameterDefinition.Flag.FlagAdvanced)
        self.addParameter(key)
        self.add_sink(self.OUTPUT, tr("Scores of pairs"))
        self.addOutput(QgsProcessingOutputFile(self.DATABASE, tr("Pair database")))
        for name in _CLASSES:
            text = tr("Number of pairs: {name}").format(name=name)
            self.addOutput(QgsProcessingOutputNumber(f"COUNT_{name.upper()}", text))

    def login(
        self, auth_id: str, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> Optional[Credential]:
        # A sandbox has a key of its own and must not get a real one.
        if is_sandbox_on():
            return None
        if auth_id:
            return credential_of(auth_id)
        return map_key_credential() if FIRES in self._sources(parameters, context) else None

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        rows: list[list[Any]] = []
        answer = self.ask_service(
            requests.BuildPairDatabase,
            feedback,
            lambda item: rows.extend(item.get("rows") or []),
            job_folder=str(self.job_folder(parameters, context)),
            sources=self._sources(parameters, context),
            preset=self.parameterAsEnumString(parameters, self.PRESET, context),
            give_rows=True,
        )
        _tell(answer, feedback)
        table = self.write_table(parameters, context, _COLUMNS, map(_values, rows))
        counts = {f"COUNT_{name.upper()}": int(answer["counts"][name]) for name in _CLASSES}
        return {self.OUTPUT: table, self.DATABASE: answer["database"], **counts}

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
    feedback.pushInfo(tr("{pairs}: {counts}").format(pairs=counted_pairs(answer["pairs"]), counts=counts))


def _values(row: list[Any]) -> list[Any]:
    reference, secondary, *values, missing = row
    pair = Pair(reference, secondary)
    days = QDate(pair.reference_date), QDate(pair.secondary_date)
    return [reference, secondary, *days, *values, ", ".join(missing) or None]

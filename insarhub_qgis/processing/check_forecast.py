# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:forecastcheck``: what pair quality expected of a job's pairs, against what its products show."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFeatureSink,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingUtils,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QDate, QMetaType

from insarhub_qgis.core import requests
from insarhub_qgis.core.atomic_files import write_text_atomically
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.forecast_figures import COMBINED, FORECASTS
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.host.forecast_texts import COHERENCE, UNKNOWN, figure_rows, said, summary_text
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.processing.base import QUALITY, InsarAlgorithm, existing_folder, table_fields, tr
from insarhub_qgis.processing.forecast_page import forecast_page

_TEXT, _DATE = QMetaType.Type.QString, QMetaType.Type.QDate
_INT, _DOUBLE = QMetaType.Type.Int, QMetaType.Type.Double
_FIELDS = (
    ("reference", _TEXT),
    ("secondary", _TEXT),
    ("reference_date", _DATE),
    ("secondary_date", _DATE),
    ("dt_days", _INT),
    ("bperp_m", _DOUBLE),
    ("score", _DOUBLE),
    *((f"exp_{key}", _DOUBLE) for key in FORECASTS),
    ("decay_source", _TEXT),
    ("observed", _DOUBLE),
    ("observed_p25", _DOUBLE),
    ("usable_share", _DOUBLE),
    ("difference", _DOUBLE),
    ("pixels", _INT),
    ("product", _TEXT),
)


class CheckForecast(InsarAlgorithm):
    """The same check as View Data's."""

    NAME = "forecastcheck"
    TITLE = "Check forecast"
    GROUP = QUALITY
    HELP = (
        "Compares the forecast of pair quality with the coherence of the products that the job has by now: one row per pair "
        "with its score, the coherence expected from decay maps, land cover and latitude (exp_...), and median, lower quartile "
        "and share above 0.3 of the observed coherence inside the area of interest, water left out where the product has a "
        "mask. difference is expected minus observed. The report has rank correlation, correlation, bias, MAD and RMSE of each "
        "forecast and of the temporal baseline alone, the classes, and a plot. No service is asked: only decay maps and quality "
        "cache of the job folder count, and what they lack is named. Products estimate coherence in a window, which is too "
        "high where there is little; the rank correlation suffers least from that."
    )

    JOB_FOLDER = "JOB_FOLDER"
    OUTPUT = "OUTPUT"
    HTML = "HTML"
    PAIRS = "PAIRS"
    RANK_CORRELATION = "RANK_CORRELATION"
    BIAS = "BIAS"

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.addParameter(
            QgsProcessingParameterFile(
                self.JOB_FOLDER, tr("Job folder"), behavior=QgsProcessingParameterFile.Behavior.Folder
            )
        )
        self.addParameter(
            QgsProcessingParameterFeatureSink(
                self.OUTPUT, tr("Forecast and observation"), QgsProcessing.SourceType.TypeVector
            )
        )
        self.addParameter(
            QgsProcessingParameterFileDestination(
                self.HTML, tr("Report"), tr("HTML files (*.html)"), optional=True
            )
        )
        self.addOutput(QgsProcessingOutputNumber(self.PAIRS, tr("Number of pairs")))
        self.addOutput(
            QgsProcessingOutputNumber(self.RANK_CORRELATION, tr("Rank correlation of the combined forecast"))
        )
        self.addOutput(QgsProcessingOutputNumber(self.BIAS, tr("Bias of the combined forecast")))

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        folder = existing_folder(self.parameterAsFile(parameters, self.JOB_FOLDER, context), self.JOB_FOLDER)
        page = self.parameterAsFileOutput(parameters, self.HTML, context) or (
            QgsProcessingUtils.generateTempFilename("forecast_check.html", context)
        )
        answer = self.ask_engine(requests.CheckForecast(str(folder)), feedback)
        try:
            write_text_atomically(Path(page), forecast_page(JobFolder(folder).name, answer))
        except InsarError as error:
            raise QgsProcessingException(sentence(error)) from error
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
        for row in answer["pairs"]:
            feature = QgsFeature(fields)
            feature.setAttributes(_attributes(row))
            sink.addFeature(feature, QgsFeatureSink.Flag.FastInsert)
        del sink
        figures = answer["figures"][COMBINED][COHERENCE]
        return {
            self.OUTPUT: destination,
            self.HTML: page,
            self.PAIRS: len(answer["pairs"]),
            self.RANK_CORRELATION: figures["rank_correlation"],
            self.BIAS: figures["bias"],
        }


def _tell(answer: Mapping[str, Any], feedback: QgsProcessingFeedback) -> None:
    """Say what is missing, what was left out, and the figures of each forecast."""
    for text in (*said(answer["messages"]), *said(answer["excluded"])):
        feedback.pushWarning(text)
    feedback.pushInfo(summary_text(answer))
    for _, cells, reason in figure_rows(answer, COHERENCE):
        name, count, rank, _, bias, *_ = cells
        text = tr("{name}: {count} pairs, rank correlation {rank}.")
        if bias != UNKNOWN:
            text = tr("{name}: {count} pairs, rank correlation {rank}, bias {bias}.")
        text = text.format(name=name, count=count, rank=rank, bias=bias)
        feedback.pushInfo(" ".join(part for part in (text, reason) if part))


def _attributes(row: Mapping[str, Any]) -> list[Any]:
    expected = row["expected"]
    combined = expected.get(COMBINED)
    return [
        row["reference"],
        row["secondary"],
        QDate.fromString(row["reference_date"], "yyyy-MM-dd"),
        QDate.fromString(row["secondary_date"], "yyyy-MM-dd"),
        row["dt_days"],
        row["bperp_m"],
        row["scores"].get(COMBINED),
        *(expected.get(key) for key in FORECASTS),
        row["source"],
        row["observed"],
        row["observed_p25"],
        row["usable_share"],
        None if combined is None else round(combined - row["observed"], 6),
        row["pixels"],
        row["product"],
    ]

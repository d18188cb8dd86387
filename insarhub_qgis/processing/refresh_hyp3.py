# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:refreshhyp3``: the state of all HyP3 jobs of a job folder, as a table."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFeatureSink,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterFeatureSink,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QDateTime, QMetaType, QTimeZone

from insarhub_qgis.core import requests
from insarhub_qgis.core.hyp3_jobs import JobRow
from insarhub_qgis.processing.base import table_fields, tr
from insarhub_qgis.processing.hyp3_algorithm import Hyp3Algorithm, count_outputs, reason_text, warn_of

_TEXT, _TIME = QMetaType.Type.QString, QMetaType.Type.QDateTime
_FIELDS = (
    ("job_id", _TEXT),
    ("account", _TEXT),
    ("reference", _TEXT),
    ("secondary", _TEXT),
    ("status", _TEXT),
    ("known_status", _TEXT),
    ("is_current", QMetaType.Type.Bool),
    ("superseded_by", _TEXT),
    ("retry_of", _TEXT),
    ("credits", QMetaType.Type.Double),
    ("requested_at", _TIME),
    ("expires_at", _TIME),
    ("last_checked", _TIME),
    ("size", QMetaType.Type.LongLong),
    ("product", _TEXT),
    ("product_path", _TEXT),
    ("url", _TEXT),
    ("message", _TEXT),
    ("logs", _TEXT),
    ("job_type", _TEXT),
    ("looks", _TEXT),
    ("name", _TEXT),
    ("file", _TEXT),
)


class RefreshHyp3(Hyp3Algorithm):
    """One row per job, as the panel shows them."""

    NAME = "refreshhyp3"
    TITLE = "Refresh HyP3 jobs"
    HELP = (
        "Asks HyP3 for the state of all jobs in the job files of a folder and keeps the answer there. The table has a row "
        "per job: pair, status, credits, times (UTC), size, product, message. A job that was repeated has is_current false "
        "and is not counted; its repetition is. A job that HyP3 does not give is UNKNOWN, with what was known last."
    )

    OUTPUT = "OUTPUT"

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add_job_folder()
        self.add_account()
        self.addParameter(
            QgsProcessingParameterFeatureSink(
                self.OUTPUT, tr("HyP3 jobs"), QgsProcessing.SourceType.TypeVector
            )
        )
        self.add_counts()

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        folder = self.job_folder(parameters, context)
        answer = self.ask_hyp3(requests.RefreshHyp3, feedback, job_folder=folder)
        warn_of(answer["problems"], feedback)
        warn_of(answer["unreachable"], feedback, "account")
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
        for value in answer["rows"]:
            feature = QgsFeature(fields)
            feature.setAttributes(_attributes(JobRow.from_json(value)))
            sink.addFeature(feature, QgsFeatureSink.Flag.FastInsert)
        del sink
        return {self.OUTPUT: destination, **count_outputs(answer["counts"])}


def _attributes(row: JobRow) -> list[Any]:
    reference, secondary = row.pair or (None, None)
    values = {
        "reference": reference,
        "secondary": secondary,
        "message": reason_text(row.message) or None,
        "logs": " ".join(row.logs) or None,
        "requested_at": _time(row.requested_at),
        "expires_at": _time(row.expires_at),
        "last_checked": _time(row.last_checked),
    }
    texts = {name for name, kind in _FIELDS if kind == _TEXT}
    return [
        values[name]
        if name in values
        else (getattr(row, name) or None if name in texts else getattr(row, name))
        for name, _ in _FIELDS
    ]


def _time(moment: Any) -> Any:
    if moment is None:
        return None
    return QDateTime.fromSecsSinceEpoch(int(moment.timestamp()), QTimeZone.utc())

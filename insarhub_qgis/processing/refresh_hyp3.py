# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:refreshhyp3``: the state of all HyP3 jobs of a job folder, as a table."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsProcessingContext, QgsProcessingFeedback
from qgis.PyQt.QtCore import QDateTime, QMetaType, QTimeZone

from insarhub_qgis.core import requests
from insarhub_qgis.core.hyp3_jobs import JobRow
from insarhub_qgis.processing.base import tr
from insarhub_qgis.processing.hyp3_algorithm import Hyp3Algorithm, count_outputs, reason_text, warn_of
from insarhub_qgis.processing.table_layers import BOOL, DOUBLE, TEXT

_TIME = QMetaType.Type.QDateTime
_COLUMNS = (
    ("job_id", TEXT),
    ("account", TEXT),
    ("reference", TEXT),
    ("secondary", TEXT),
    ("status", TEXT),
    ("known_status", TEXT),
    ("is_current", BOOL),
    ("superseded_by", TEXT),
    ("retry_of", TEXT),
    ("credits", DOUBLE),
    ("requested_at", _TIME),
    ("expires_at", _TIME),
    ("last_checked", _TIME),
    ("size", QMetaType.Type.LongLong),
    ("product", TEXT),
    ("product_path", TEXT),
    ("url", TEXT),
    ("message", TEXT),
    ("logs", TEXT),
    ("job_type", TEXT),
    ("looks", TEXT),
    ("name", TEXT),
    ("file", TEXT),
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

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add_job_folder()
        self.add_account()
        self.add_sink(self.OUTPUT, tr("HyP3 jobs"))
        self.add_counts()

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        folder = str(self.job_folder(parameters, context))
        answer = self.ask_service(requests.RefreshHyp3, feedback, job_folder=folder)
        warn_of(answer["problems"], feedback)
        warn_of(answer["unreachable"], feedback, "account")
        rows = (_row_values(JobRow.from_json(row)) for row in answer["rows"])
        table = self.write_table(parameters, context, _COLUMNS, rows)
        return {self.OUTPUT: table, **count_outputs(answer["counts"])}


def _row_values(row: JobRow) -> list[Any]:
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
    texts = {name for name, kind in _COLUMNS if kind == TEXT}
    return [
        values[name]
        if name in values
        else (getattr(row, name) or None if name in texts else getattr(row, name))
        for name, _ in _COLUMNS
    ]


def _time(moment: Any) -> Any:
    if moment is None:
        return None
    return QDateTime.fromSecsSinceEpoch(int(moment.timestamp()), QTimeZone.utc())

# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:forecastcheck``: what pair quality expected of a job's pairs, against what its products show."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qgis.core import QgsProcessingContext, QgsProcessingFeedback, QgsProcessingOutputNumber
from qgis.PyQt.QtCore import QDate

from insarhub_qgis.core import requests
from insarhub_qgis.core.atomic_files import write_text_atomically
from insarhub_qgis.core.forecast_figures import COMBINED, FORECASTS
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.host.counts import counted_pairs
from insarhub_qgis.host.forecast_texts import COHERENCE, UNKNOWN, figure_rows, said, summary_text
from insarhub_qgis.processing.base import QUALITY, InsarAlgorithm, in_words, tr
from insarhub_qgis.processing.forecast_page import forecast_page
from insarhub_qgis.processing.table_layers import DOUBLE, INTEGER, PAIR_COLUMNS, TEXT

_COLUMNS = (
    *PAIR_COLUMNS,
    *((f"exp_{key}", DOUBLE) for key in FORECASTS),
    ("decay_source", TEXT),
    ("observed", DOUBLE),
    ("observed_p25", DOUBLE),
    ("usable_share", DOUBLE),
    ("difference", DOUBLE),
    ("pixels", INTEGER),
    ("product", TEXT),
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

    HTML = "HTML"
    PAIRS = "PAIRS"
    RANK_CORRELATION = "RANK_CORRELATION"
    BIAS = "BIAS"

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add_job_folder()
        self.add_sink(self.OUTPUT, tr("Forecast and observation"))
        self.add_report(self.HTML)
        self.addOutput(QgsProcessingOutputNumber(self.PAIRS, tr("Number of pairs")))
        self.addOutput(
            QgsProcessingOutputNumber(self.RANK_CORRELATION, tr("Rank correlation of the combined forecast"))
        )
        self.addOutput(QgsProcessingOutputNumber(self.BIAS, tr("Bias of the combined forecast")))

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        folder = self.job_folder(parameters, context)
        page = self.report_file(parameters, self.HTML, context, "forecast_check.html")
        answer = self.ask_engine(requests.CheckForecast(str(folder)), feedback)
        with in_words():
            write_text_atomically(Path(page), forecast_page(JobFolder(folder).name, answer))
        _tell(answer, feedback)
        figures = answer["figures"][COMBINED][COHERENCE]
        return {
            self.OUTPUT: self.write_table(parameters, context, _COLUMNS, map(_values, answer["pairs"])),
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
        text = tr("{name}: {pairs}, rank correlation {rank}.")
        if bias != UNKNOWN:
            text = tr("{name}: {pairs}, rank correlation {rank}, bias {bias}.")
        text = text.format(name=name, pairs=counted_pairs(int(count)), rank=rank, bias=bias)
        feedback.pushInfo(" ".join(part for part in (text, reason) if part))


def _values(row: Mapping[str, Any]) -> list[Any]:
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

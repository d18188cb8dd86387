# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:checknetwork``: what to look at before money or hours are spent on a network."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from qgis.core import QgsProcessingContext, QgsProcessingFeedback

from insarhub_qgis.core.atomic_files import write_text_atomically
from insarhub_qgis.core.network_checks import NOTE, OK, STOP, WARNING, CheckRow, check_network
from insarhub_qgis.core.network_files import OpenNetwork, load_network
from insarhub_qgis.core.processed_pairs import prices_for
from insarhub_qgis.host.counts import counted, counted_dates, counted_pairs
from insarhub_qgis.host.messages import sentence, what_happened, what_to_do
from insarhub_qgis.processing.base import NETWORK, InsarAlgorithm, in_words, tr
from insarhub_qgis.processing.report_page import BAD, CAREFUL, GOOD, NEUTRAL, report_page, word_cell
from insarhub_qgis.processing.table_layers import TEXT

_COLUMNS = [
    (name, TEXT) for name in ("check", "level", "code", "text", "what_to_do", "fix", "dates", "pairs")
]
_COLOURS = {STOP: BAD, WARNING: CAREFUL, NOTE: NEUTRAL, OK: GOOD}


class CheckNetwork(InsarAlgorithm):
    """The rows of the check card, as a table and as a page."""

    NAME = "checknetwork"
    TITLE = "Check network"
    GROUP = NETWORK
    HELP = (
        "Checks the network of a job folder before it is processed: coverage of the area of interest per date, missing "
        "frames, mixed geometry, scene names, reversed and duplicate pairs, components, bridges, pairs per date, loops, "
        "quality, price, pairs that are processed already, expiry of products, disk space. Each row has a level: ok, "
        "note, warning or stop. Only stop blocks processing."
    )

    HTML = "HTML"

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add_job_folder()
        self.add_sink(self.OUTPUT, tr("Network check"))
        self.add_report(self.HTML)

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        folder = self.job_folder(parameters, context)
        page = self.report_file(parameters, self.HTML, context, "network_check.html")
        with in_words():
            opened = load_network(folder)
            for problem in opened.problems:
                feedback.pushWarning(sentence(problem))
            rows = check_network(opened, prices=prices_for(opened.job, opened.network.parameters))
            write_text_atomically(Path(page), html_page(opened.job.name, opened, rows))
        values = [_values(opened, row) for row in rows]
        table = self.write_table(parameters, context, _COLUMNS, values)
        for row in rows:
            say = feedback.pushWarning if row.level in (STOP, WARNING) else feedback.pushInfo
            say(f"{row.level}: {what_happened(row.as_error())}")
        return {self.OUTPUT: table, self.HTML: page}


def html_page(name: str, opened: OpenNetwork, rows: list[CheckRow]) -> str:
    """Give the rows as one page without anything to load."""
    network = opened.network
    words = {STOP: tr("Stop"), WARNING: tr("Warning"), NOTE: tr("Note"), OK: tr("Good")}
    lines = []
    for row in rows:
        error = row.as_error()
        lines.append(
            f"<tr>{word_cell(words[row.level], _COLOURS[row.level])}"
            f"<td>{escape(what_happened(error))}</td><td>{escape(what_to_do(error))}</td></tr>"
        )
    title = tr("Network check of {name}").format(name=name)
    parts = len(network.structure.components)
    summary = tr("{dates}, {pairs}, {components}").format(
        dates=counted_dates(network.date_count),
        pairs=counted_pairs(len(network.active_keys())),
        components=counted(parts, tr("{n} component"), tr("{n} components")),
    )
    style = "td{padding:4px 12px 4px 0;vertical-align:top;border-bottom:1px solid #ddd}"
    table = "\n".join(lines)
    return report_page(title, summary, style, f"<table>\n{table}\n</table>")


def _values(opened: OpenNetwork, row: CheckRow) -> list[str]:
    nodes, error = opened.network.nodes, row.as_error()
    dates = ", ".join(nodes[index].date.isoformat() for index in row.dates)
    pairs = ", ".join(f"{nodes[one].date:%Y%m%d}_{nodes[other].date:%Y%m%d}" for one, other in row.pairs)
    return [row.check, row.level, row.code, what_happened(error), what_to_do(error), row.fix, dates, pairs]

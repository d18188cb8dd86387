# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:checknetwork``: what to look at before money or hours are spent on a network."""

from __future__ import annotations

from html import escape
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
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingUtils,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QMetaType

from insarhub_qgis.core.atomic_files import write_text_atomically
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.network_checks import NOTE, OK, STOP, WARNING, CheckRow, check_network
from insarhub_qgis.core.network_files import OpenNetwork, load_network
from insarhub_qgis.core.processed_pairs import prices_for
from insarhub_qgis.host.messages import sentence, what_happened, what_to_do
from insarhub_qgis.processing.base import NETWORK, InsarAlgorithm, existing_folder, table_fields, tr

_FIELDS = (
    ("check", QMetaType.Type.QString),
    ("level", QMetaType.Type.QString),
    ("code", QMetaType.Type.QString),
    ("text", QMetaType.Type.QString),
    ("what_to_do", QMetaType.Type.QString),
    ("fix", QMetaType.Type.QString),
    ("dates", QMetaType.Type.QString),
    ("pairs", QMetaType.Type.QString),
)
_COLOURS = {STOP: "#b3261e", WARNING: "#8a5a00", NOTE: "#30588c", OK: "#2c6e3f"}


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

    JOB_FOLDER = "JOB_FOLDER"
    OUTPUT = "OUTPUT"
    HTML = "HTML"

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.addParameter(
            QgsProcessingParameterFile(
                self.JOB_FOLDER, tr("Job folder"), behavior=QgsProcessingParameterFile.Behavior.Folder
            )
        )
        self.addParameter(
            QgsProcessingParameterFeatureSink(
                self.OUTPUT, tr("Network check"), QgsProcessing.SourceType.TypeVector
            )
        )
        self.addParameter(
            QgsProcessingParameterFileDestination(
                self.HTML, tr("Report"), tr("HTML files (*.html)"), optional=True
            )
        )

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        folder = existing_folder(self.parameterAsFile(parameters, self.JOB_FOLDER, context), self.JOB_FOLDER)
        page = self.parameterAsFileOutput(parameters, self.HTML, context) or (
            QgsProcessingUtils.generateTempFilename("network_check.html", context)
        )
        try:
            opened = load_network(folder)
            for problem in opened.problems:
                feedback.pushWarning(sentence(problem))
            rows = check_network(opened, prices=prices_for(opened.job, opened.network.parameters))
            write_text_atomically(Path(page), html_page(opened.job.name, opened, rows))
        except InsarError as error:
            raise QgsProcessingException(sentence(error)) from error
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
            error = row.as_error()
            dates, pairs = _concerned(opened, row)
            feature = QgsFeature(fields)
            feature.setAttributes(
                [
                    row.check,
                    row.level,
                    row.code,
                    what_happened(error),
                    what_to_do(error),
                    row.fix,
                    dates,
                    pairs,
                ]
            )
            sink.addFeature(feature, QgsFeatureSink.Flag.FastInsert)
            say = feedback.pushWarning if row.level in (STOP, WARNING) else feedback.pushInfo
            say(f"{row.level}: {what_happened(error)}")
        return {self.OUTPUT: destination, self.HTML: page}


def html_page(name: str, opened: OpenNetwork, rows: list[CheckRow]) -> str:
    """Give the rows as one page without anything to load."""
    network = opened.network
    words = {STOP: tr("Stop"), WARNING: tr("Warning"), NOTE: tr("Note"), OK: tr("Good")}
    lines = []
    for row in rows:
        error = row.as_error()
        lines.append(
            f'<tr><td style="color:{_COLOURS[row.level]};font-weight:bold">{escape(words[row.level])}</td>'
            f"<td>{escape(what_happened(error))}</td><td>{escape(what_to_do(error))}</td></tr>"
        )
    title = tr("Network check of {name}").format(name=name)
    summary = tr("{dates} dates, {pairs} pairs, {components} components").format(
        dates=network.date_count,
        pairs=len(network.active_keys()),
        components=len(network.structure.components),
    )
    return (
        '<!DOCTYPE html>\n<html><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title>"
        "<style>body{font-family:sans-serif;margin:2em;background:#fff;color:#202020}"
        "td{padding:4px 12px 4px 0;vertical-align:top;border-bottom:1px solid #ddd}</style></head>"
        f"<body><h1>{escape(title)}</h1><p>{escape(summary)}</p><table>\n"
        + "\n".join(lines)
        + "\n</table></body></html>\n"
    )


def _concerned(opened: OpenNetwork, row: CheckRow) -> tuple[str, str]:
    nodes = opened.network.nodes
    dates = ", ".join(nodes[index].date.isoformat() for index in row.dates)
    pairs = ", ".join(f"{nodes[one].date:%Y%m%d}_{nodes[other].date:%Y%m%d}" for one, other in row.pairs)
    return dates, pairs

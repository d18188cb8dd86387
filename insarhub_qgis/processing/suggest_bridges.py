# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:suggestbridges``: pairs that would join the parts of a split network."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsProcessingContext, QgsProcessingFeedback
from qgis.PyQt.QtCore import QDate

from insarhub_qgis.core.bridge_suggestions import BridgeSuggestion, suggest_bridges
from insarhub_qgis.core.network_files import load_network
from insarhub_qgis.core.network_model import StackNetwork
from insarhub_qgis.host.counts import counted, counted_parts
from insarhub_qgis.processing.base import NETWORK, InsarAlgorithm, in_words, tr
from insarhub_qgis.processing.table_layers import DOUBLE, INTEGER, PAIR_COLUMNS, TEXT

_COLUMNS = (
    ("component_1", INTEGER),
    ("component_2", INTEGER),
    ("rank", INTEGER),
    *PAIR_COLUMNS,
    ("coherence", DOUBLE),
    ("changes", TEXT),
)


class SuggestBridges(InsarAlgorithm):
    """Three pairs for each gap, the best by expected coherence."""

    NAME = "suggestbridges"
    TITLE = "Suggest bridges"
    GROUP = NETWORK
    HELP = (
        "For a network in several parts: the three best pairs that would join each two neighbouring parts, with days, "
        "perpendicular baseline, score, expected coherence, and the smallest change of the parameters that would admit "
        "each. The table is empty for a connected network. Nothing is changed."
    )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add_job_folder()
        self.add_sink(self.OUTPUT, tr("Suggested bridges"))

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        folder = self.job_folder(parameters, context)
        with in_words():
            network = load_network(folder).network
            found = suggest_bridges(network)
        table = self.write_table(parameters, context, _COLUMNS, [_values(network, row) for row in found])
        feedback.pushInfo(
            tr("{suggestions} for {parts}").format(
                suggestions=counted(len(found), tr("{n} suggestion"), tr("{n} suggestions")),
                parts=counted_parts(len(network.structure.components)),
            )
        )
        return {self.OUTPUT: table}


def _values(network: StackNetwork, row: BridgeSuggestion) -> list[Any]:
    names = network.granule_pairs(row.key)[0]
    return [
        row.components[0] + 1,
        row.components[1] + 1,
        row.rank,
        names.reference,
        names.secondary,
        *(QDate(network.nodes[index].date) for index in row.key),
        row.dt_days,
        row.bperp_m,
        row.score,
        row.coherence,
        ", ".join(f"{name} = {value}" for name, value in row.changes.items()),
    ]

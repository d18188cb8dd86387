# SPDX-License-Identifier: GPL-2.0-or-later
"""One stack as it is edited: its network, whether it is saved, and the copy that survives a crash."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from insarhub_qgis.core.atomic_files import read_json_object, write_json_atomically
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.network_budget import PairPrices
from insarhub_qgis.core.network_dates import Node
from insarhub_qgis.core.network_files import OpenNetwork
from insarhub_qgis.core.network_graph import PairKey, UnionFind
from insarhub_qgis.core.network_model import PairMark, StackNetwork
from insarhub_qgis.core.pair_database import PairTable
from insarhub_qgis.core.pair_explanation import Explanation, explain_pair
from insarhub_qgis.core.pair_score import ScoreWeights
from insarhub_qgis.core.pair_table_files import StackQuality
from insarhub_qgis.core.selection_parameters import SelectionParameters
from insarhub_qgis.core.stack_file import YELLOW
from insarhub_qgis.host import log
from insarhub_qgis.host.paths import private_folder

COPIES_FOLDER = "network_edits"
_VERSION = 1


class NetworkSession:
    """An open network of one job folder; keeps its edits and its undo while others are shown."""

    def __init__(self, opened: OpenNetwork) -> None:
        self.opened = opened
        #: Edits that came from a crash copy: not saved, and not in the history.
        self.is_recovered = False
        self._edits_before_save: tuple[int, bool] | None = None
        #: What a pair costs; None = not known.
        self.prices: PairPrices | None = None
        #: All pairs with the weights that are shown, which may not be kept yet; None = not judged.
        self.table: PairTable | None = None
        if opened.quality is not None:
            self.use_quality(opened.quality)

    @property
    def folder(self) -> Path:
        return self.opened.job.path

    @property
    def name(self) -> str:
        return self.opened.job.name

    @property
    def network(self) -> StackNetwork:
        return self.opened.network

    @property
    def is_dirty(self) -> bool:
        return self.network.is_dirty or self.is_recovered

    @property
    def is_saving(self) -> bool:
        """A worker writes the files."""
        return self._edits_before_save is not None

    # --- quality

    @property
    def kept_table(self) -> PairTable | None:
        """All pairs with the weights that are kept."""
        quality = self.opened.quality
        return quality.table if quality is not None and quality.has_scores else None

    @property
    def has_other_weights(self) -> bool:
        """The weights that are shown are not kept."""
        kept = self.kept_table
        return kept is not None and self.table is not None and kept.pairs.weights != self.table.pairs.weights

    def use_quality(self, quality: StackQuality) -> bool:
        """Take over what a build found; False when it is of other dates, so that the network has to be read again."""
        table = quality.table
        if table is not None and [node.scenes for node in table.inputs.nodes] != [
            node.scenes for node in self.network.nodes
        ]:
            return False
        self.opened.quality = quality
        self._show_table(self.kept_table)
        return True

    def show_weights(self, weights: ScoreWeights) -> None:
        """Score with other weights; nothing is kept."""
        if self.table is not None:
            self._show_table(self.table.with_weights(weights))

    def _show_table(self, table: PairTable | None) -> None:
        self.table = table
        if table is not None:
            self.network.scores, self.network.coherences = table.scores, table.coherences

    def explanation(self, key: PairKey) -> Explanation | None:
        """Explain the score of a pair of dates; None when the pairs are not judged."""
        if self.table is None:
            return None
        return explain_pair(self.table.pairs, self.table.row(*key))

    def is_degraded(self, key: PairKey) -> bool:
        """Whether a pair has a score that lacks an input which was asked for."""
        table, quality = self.table, self.opened.quality
        if table is None or quality is None or key not in table.scores:
            return False
        return bool(int(table.pairs.missing[table.row(*key)]) & quality.expected_bits)

    # --- saving

    def begin_save(self) -> OpenNetwork:
        """Give what a worker writes by `save_network`; edits from now on count as unsaved.

        Scores are saved with the weights that are kept.
        """
        network = self.copy_of_network()
        if self.kept_table is not None:
            network.scores = self.kept_table.scores
        frozen = replace(self.opened, network=network)
        self._edits_before_save = (self.network.mark_saved(), self.is_recovered)
        self.is_recovered = False
        return frozen

    def end_save(self, frozen: OpenNetwork) -> None:
        """The worker has written the files."""
        self.opened.fingerprint, self.opened.stack = frozen.fingerprint, frozen.stack
        self._edits_before_save = None
        self.write_copy()

    def fail_save(self) -> None:
        """The worker could not write: what was edited before is unsaved again."""
        if self._edits_before_save is not None:
            state, self.is_recovered = self._edits_before_save
            self.network.mark_saved(state)
            self._edits_before_save = None

    def copy_of_network(self) -> StackNetwork:
        """Give the present state for a worker thread: later edits do not touch it."""
        return self._with(self.network.nodes, dict(self.network.marks), self.network.parameters)

    # --- crash copy

    @property
    def copy_file(self) -> Path:
        """Where the edits of this folder are kept until they are saved."""
        key = hashlib.sha256(str(self.folder).encode("utf-8")).hexdigest()[:16]
        return private_folder() / COPIES_FOLDER / f"{key}.json"

    def write_copy(self) -> None:
        """Keep the edits; without edits nothing is kept. A profile that cannot be written costs only the copy."""
        if not self.is_dirty:
            self.drop_copy()
            return
        try:
            self.copy_file.parent.mkdir(parents=True, exist_ok=True)
            write_json_atomically(self.copy_file, self._document(), compact=True)
        except (InsarError, OSError) as error:
            log.warning(f"copy of unsaved edits: {error}")

    def drop_copy(self) -> None:
        try:
            self.copy_file.unlink(missing_ok=True)
        except OSError as error:
            log.warning(f"copy of unsaved edits: {error}")

    def found_copy(self) -> datetime | None:
        """Tell when edits of this folder were left unsaved, or None."""
        try:
            document = read_json_object(self.copy_file)
            return datetime.fromisoformat(str(document["saved_at"]))
        except (InsarError, KeyError, ValueError):
            return None

    def restore_copy(self) -> None:
        """Take the unsaved edits over.

        Raises
        ------
        InsarError
            ``file.missing``, ``file.malformed`` or ``file.not_readable``.
        """
        document = read_json_object(self.copy_file)
        network = self.network
        number = {node.date.isoformat(): index for index, node in enumerate(network.nodes)}
        reasons = _mapping(document.get("excluded"))
        nodes = tuple(
            replace(node, excluded_reason=_text(reasons.get(node.date.isoformat()))) for node in network.nodes
        )
        marks: dict[PairKey, PairMark] = {}
        for row in document.get("pairs") or ():
            if isinstance(row, list) and len(row) == 6 and row[0] in number and row[1] in number:
                key = (number[row[0]], number[row[1]])
                marks[key] = PairMark(bool(row[2]), bool(row[3]), tuple(map(str, row[4] or ())), str(row[5]))
        self.opened.network = self._with(
            nodes, marks, SelectionParameters.from_json(document.get("parameters"))
        )
        self.is_recovered = True

    def _with(
        self, nodes: tuple[Node, ...], marks: dict[PairKey, PairMark], parameters: SelectionParameters
    ) -> StackNetwork:
        network = self.network
        return StackNetwork(
            nodes=nodes,
            marks=marks,
            baselines=network.baselines,
            scores=network.scores,
            coherences=network.coherences,
            granules=network.granules,
            facts=network.facts,
            parameters=parameters,
        )

    def _document(self) -> dict[str, Any]:
        network = self.network

        def day(index: int) -> str:
            return network.nodes[index].date.isoformat()

        return {
            "version": _VERSION,
            "job_folder": str(self.folder),
            "saved_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "parameters": network.parameters.to_json(),
            "excluded": {
                node.date.isoformat(): node.excluded_reason for node in network.nodes if node.is_excluded
            },
            "pairs": [
                [day(key[0]), day(key[1]), mark.is_active, mark.is_manual, list(mark.relaxed), mark.origin]
                for key, mark in sorted(network.marks.items())
            ],
        }


def poor_pairs_to_spare(network: StackNetwork, among: Collection[PairKey] | None = None) -> list[PairKey]:
    """Give the active pairs of red score that can go without splitting the network any further.

    Of the red pairs that hold parts together the better ones stay.

    Parameters
    ----------
    among
        Only these may go; None: any.
    """
    active = network.active_keys()
    red = [
        key for key in active if network.scores.get(key, YELLOW) < YELLOW and (among is None or key in among)
    ]
    parts = UnionFind(network.date_count)
    spared = set(red)
    for key in active:
        if key not in spared:
            parts.join(*key)
    return sorted(
        key for key in sorted(red, key=lambda key: (-network.scores[key], key)) if not parts.join(*key)
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None

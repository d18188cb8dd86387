# SPDX-License-Identifier: GPL-2.0-or-later
"""Pairs that would join the parts of a split network, with what would have to change to admit each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from insarhub_qgis.core.network_dates import granule_pairs
from insarhub_qgis.core.network_graph import PairKey, UnionFind
from insarhub_qgis.core.network_model import StackNetwork
from insarhub_qgis.core.pair_candidates import PairField
from insarhub_qgis.core.selection_parameters import ALLOW, DT_MAX, MONTHS, PB_MAX

#: Suggestions for each two components.
PER_GAP = 3


@dataclass(frozen=True)
class BridgeSuggestion:
    """A pair that joins two components.

    Attributes
    ----------
    components
        Numbers of the components in `StackNetwork.structure`, ascending.
    rank
        1 for the best of this gap.
    coherence
        Expected coherence 0..1; None = unknown, such pairs come after the others, cheapest first.
    changes
        Smallest change of parameters that would admit the pair, by key: ``dt_max``, ``pb_max``, ``months``,
        ``unknown_bperp``; empty when the limits admit it as they are.
    is_removed
        The pair was removed by hand.
    """

    key: PairKey
    components: tuple[int, int]
    rank: int
    dt_days: int
    bperp_m: float | None
    score: float | None
    coherence: float | None
    changes: Mapping[str, Any]
    is_removed: bool = False


def suggest_bridges(network: StackNetwork, per_gap: int = PER_GAP) -> list[BridgeSuggestion]:
    """Give the best joining pairs for each two neighbouring components; empty for a network in one piece.

    Components are neighbours when a date of one follows a date of the other directly: through such neighbours
    every component can be reached.

    Returns
    -------
    suggestions
        By component numbers, best first.
    """
    components = network.structure.components
    if len(components) < 2:
        return []
    of_date = {index: number for number, members in enumerate(components) for index in members}
    in_order = sorted(of_date)
    gaps = sorted(
        {
            (min(of_date[one], of_date[other]), max(of_date[one], of_date[other]))
            for one, other in zip(in_order, in_order[1:])
            if of_date[one] != of_date[other]
        }
    )
    area = PairField(network.nodes, network.baselines, network.scores, network.parameters)
    removed = set(network.removed_keys())
    found: list[BridgeSuggestion] = []
    for gap in gaps:
        keys = [
            (min(one, other), max(one, other)) for one in components[gap[0]] for other in components[gap[1]]
        ]
        for rank, key in enumerate(_best(network, area, keys, per_gap), start=1):
            pair = network.pair(key)
            found.append(
                BridgeSuggestion(
                    key=key,
                    components=gap,
                    rank=rank,
                    dt_days=pair.dt_days,
                    bperp_m=pair.bperp_m,
                    score=pair.score,
                    coherence=pair.coherence,
                    changes=changes_to_admit(network, key),
                    is_removed=key in removed,
                )
            )
    return found


def best_spanning_set(network: StackNetwork, suggestions: Sequence[BridgeSuggestion]) -> list[PairKey]:
    """Give the pairs that join all components ("Add best for all"): the best of each gap, ascending."""
    best = [suggestion for suggestion in suggestions if suggestion.rank == 1]
    sets = UnionFind(len(network.structure.components))
    chosen = []
    for suggestion in sorted(best, key=lambda item: (_order(item), item.key)):
        if sets.join(*suggestion.components):
            chosen.append(suggestion.key)
    return sorted(chosen)


def changes_to_admit(network: StackNetwork, key: PairKey) -> dict[str, Any]:
    """Give the smallest change of the network's parameters that puts a pair inside the limits.

    Limits go up to the next whole day or metre.
    """
    pair, parameters = network.pair(key), network.parameters
    months = (pair.reference_date.month, pair.secondary_date.month)
    broken = parameters.limits_broken(pair.dt_days, pair.bperp_m, months)
    changes: dict[str, Any] = {}
    if DT_MAX in broken:
        changes["dt_max"] = pair.dt_days
    if PB_MAX in broken and pair.bperp_m is not None:
        changes["pb_max"] = math.ceil(abs(pair.bperp_m))
    if MONTHS in broken:
        changes["months"] = sorted({*parameters.months, *months})
    if pair.bperp_m is None and parameters.unknown_bperp != ALLOW:
        changes["unknown_bperp"] = ALLOW
    return changes


def _best(network: StackNetwork, area: PairField, keys: Sequence[PairKey], count: int) -> list[PairKey]:
    nodes = network.nodes
    several = {index for index, node in enumerate(nodes) if len(node.scenes) > 1}
    candidates = area.some(sorted(keys))
    # In order of cost already; a stable sort keeps it among pairs of equal coherence.
    coherence = np.array([network.coherences.get(key, -1.0) for key in candidates.pair_keys()])
    best: list[PairKey] = []
    for index in np.argsort(-coherence, kind="stable").tolist():
        key = candidates.key(index)
        if not several.isdisjoint(key) and not granule_pairs(nodes[key[0]], nodes[key[1]], network.facts):
            continue
        best.append(key)
        if len(best) == count:
            break
    return best


def _order(suggestion: BridgeSuggestion) -> tuple[float, int, float]:
    known = suggestion.coherence is not None
    bperp = abs(suggestion.bperp_m) if suggestion.bperp_m is not None else math.inf
    return (-(suggestion.coherence or 0.0) if known else 1.0, suggestion.dt_days, bperp)

# SPDX-License-Identifier: GPL-2.0-or-later
"""What a network is worth, as data: how it holds together, degrees, loops, unknowns, histogram of separations, price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from insarhub_qgis.core.network_dates import Node
from insarhub_qgis.core.network_graph import PairKey, pairs_without_loop, structure_of, triangle_count
from insarhub_qgis.core.network_model import StackNetwork
from insarhub_qgis.core.pair_baselines import PairBaselines
from insarhub_qgis.core.selection_parameters import NEAREST, SelectionParameters

#: A network without a pair of at least this length is dominated by the bias of short pairs, which fades only
#: over some weeks (Ansari, De Zan and Parizzi 2021, doi 10.1109/TGRS.2020.3003421).
LONG_PAIR_DAYS = 60
#: Reason of a used date that has no pair: nothing inside the limits reaches it.
NO_FEASIBLE_PAIR, NO_PAIR_CHOSEN = "no_feasible_pair", "no_pair"


@dataclass(frozen=True)
class NetworkDiagnostics:
    """Figures and lists of one network; dates by number, pairs by the numbers of their dates.

    Attributes
    ----------
    dates
        All dates of the stack.
    components, bridges, articulation
        As in `network_graph.GraphStructure`, over the dates that are not excluded.
    rank, full_rank
        Of the design matrix that inverts pairs to dates, and what it must be: used dates - 1.
    degrees
        Pairs per date.
    under_min_degree, over_max_degree
        Dates that miss the goals.
    without_loop
        Pairs in no triangle.
    loops
        Number of triangles.
    relaxed
        Pair -> limits that it breaks.
    unscored, unknown_bperp
        Pairs whose score or baseline is unknown.
    below_min_score
        Pairs kept although their score is worse than asked: they hold the network together.
    unpaired
        Date -> reason: an exclusion, ``no_feasible_pair`` or ``no_pair``.
    histogram
        (target in days, pairs that meet it), by target; None for pairs off every target.
    by_origin
        Step of the selection -> number of pairs that it chose.
    filled
        (target in days, pairs that the filling step chose for it).
    credits
        Price of the network; None = no prices known.
    mean_score, min_score
        Of the pairs with a score; None without one.
    has_scores
        False: no pair of the stack has a score, the cost function went without.
    short_pairs_only
        No pair of `LONG_PAIR_DAYS` or more (asked of mode nearest only).
    ineffective_targets
        Targets above ``dt_max``.
    """

    dates: tuple[date, ...]
    components: tuple[tuple[int, ...], ...]
    bridges: tuple[PairKey, ...]
    articulation: tuple[int, ...]
    rank: int
    full_rank: int
    degrees: tuple[int, ...]
    under_min_degree: tuple[int, ...]
    over_max_degree: tuple[int, ...]
    without_loop: tuple[PairKey, ...]
    loops: int
    relaxed: Mapping[PairKey, tuple[str, ...]]
    unscored: tuple[PairKey, ...]
    unknown_bperp: tuple[PairKey, ...]
    below_min_score: tuple[PairKey, ...]
    unpaired: Mapping[int, str]
    histogram: tuple[tuple[float | None, int], ...]
    by_origin: Mapping[str, int] = field(default_factory=dict)
    filled: tuple[tuple[float, int], ...] = ()
    credits: float | None = None
    mean_score: float | None = None
    min_score: float | None = None
    has_scores: bool = False
    short_pairs_only: bool = False
    ineffective_targets: tuple[float, ...] = ()

    @property
    def pair_count(self) -> int:
        return sum(self.degrees) // 2

    def to_json(self) -> dict[str, Any]:
        """Give everything with dates as ``YYYY-MM-DD`` and pairs as ``[earlier, later]``."""

        def day(index: int) -> str:
            return self.dates[index].isoformat()

        def days(indices: Sequence[int]) -> list[str]:
            return [day(index) for index in indices]

        def pairs(keys: Sequence[PairKey]) -> list[list[str]]:
            return [days(key) for key in keys]

        return {
            "dates": len(self.dates),
            "pairs": self.pair_count,
            "components": [days(members) for members in self.components],
            "bridges": pairs(self.bridges),
            "articulation_dates": days(self.articulation),
            "rank": self.rank,
            "full_rank": self.full_rank,
            "degrees": {day(index): degree for index, degree in enumerate(self.degrees)},
            "under_min_degree": days(self.under_min_degree),
            "over_max_degree": days(self.over_max_degree),
            "pairs_without_loop": pairs(self.without_loop),
            "loops": self.loops,
            "relaxed": [
                {"pair": days(key), "limits": list(limits)} for key, limits in sorted(self.relaxed.items())
            ],
            "unscored": pairs(self.unscored),
            "unknown_bperp": pairs(self.unknown_bperp),
            "below_min_score": pairs(self.below_min_score),
            "unpaired": {day(index): reason for index, reason in sorted(self.unpaired.items())},
            "histogram": [{"target_days": target, "pairs": count} for target, count in self.histogram],
            "filled": [{"target_days": target, "pairs": count} for target, count in self.filled],
            "by_origin": dict(self.by_origin),
            "credits": self.credits,
            "mean_score": self.mean_score,
            "min_score": self.min_score,
            "has_scores": self.has_scores,
            "short_pairs_only": self.short_pairs_only,
            "ineffective_targets": list(self.ineffective_targets),
        }


def diagnose(
    nodes: Sequence[Node],
    pairs: Sequence[PairKey],
    baselines: PairBaselines,
    scores: Mapping[PairKey, float],
    parameters: SelectionParameters,
    *,
    relaxed: Mapping[PairKey, tuple[str, ...]] | None = None,
    unpaired_reasons: Mapping[int, str] | None = None,
    origins: Mapping[PairKey, str] | None = None,
    filled: Sequence[tuple[float, int]] = (),
    credits: float | None = None,
) -> NetworkDiagnostics:
    """Judge a network of active pairs.

    Parameters
    ----------
    relaxed
        Pairs that break a limit; computed from the parameters when not given.
    unpaired_reasons
        Why a used date has no pair, where the caller knows better than ``no_pair``.
    """
    used = [index for index, node in enumerate(nodes) if not node.is_excluded]
    pairs = sorted(pairs)
    structure = structure_of(len(nodes), pairs, used)
    degrees = [0] * len(nodes)
    for one, other in pairs:
        degrees[one] += 1
        degrees[other] += 1
    bperp = {key: baselines.of_dates(nodes[key[0]].scenes, nodes[key[1]].scenes) for key in pairs}
    days = {key: (nodes[key[1]].date - nodes[key[0]].date).days for key in pairs}
    if relaxed is None:
        relaxed = {}
        for key in pairs:
            months = (nodes[key[0]].date.month, nodes[key[1]].date.month)
            broken = parameters.limits_broken(days[key], bperp[key], months)
            if broken:
                relaxed = {**relaxed, key: broken}
    known = [scores[key] for key in pairs if key in scores]
    reasons = unpaired_reasons or {}
    unpaired = {
        index: node.excluded_reason or reasons.get(index, NO_PAIR_CHOSEN)
        for index, node in enumerate(nodes)
        if degrees[index] == 0
    }
    by_origin: dict[str, int] = {}
    for key in pairs:
        origin = (origins or {}).get(key, "")
        if origin:
            by_origin[origin] = by_origin.get(origin, 0) + 1
    limit = parameters.min_score
    return NetworkDiagnostics(
        dates=tuple(node.date for node in nodes),
        components=structure.components,
        bridges=structure.bridges,
        articulation=structure.articulation,
        rank=len(used) - len(structure.components),
        full_rank=max(len(used) - 1, 0),
        degrees=tuple(degrees),
        under_min_degree=tuple(index for index in used if degrees[index] < parameters.min_degree),
        over_max_degree=tuple(index for index in used if degrees[index] > parameters.max_degree),
        without_loop=tuple(pairs_without_loop(len(nodes), pairs)),
        loops=triangle_count(len(nodes), pairs),
        relaxed=dict(relaxed),
        unscored=tuple(key for key in pairs if key not in scores),
        unknown_bperp=tuple(key for key in pairs if bperp[key] is None),
        below_min_score=tuple(key for key in pairs if limit is not None and scores.get(key, limit) < limit),
        unpaired=unpaired,
        histogram=_histogram(list(days.values()), parameters),
        by_origin=dict(sorted(by_origin.items())),
        filled=tuple(filled),
        credits=credits,
        mean_score=round(sum(known) / len(known), 2) if known else None,
        min_score=min(known) if known else None,
        has_scores=bool(scores),
        short_pairs_only=(parameters.mode == NEAREST and bool(days) and max(days.values()) < LONG_PAIR_DAYS),
        ineffective_targets=parameters.ineffective_targets,
    )


def diagnose_network(network: StackNetwork, credits: float | None = None) -> NetworkDiagnostics:
    """Judge the present state of a network as it is edited."""
    active = network.active_keys()
    marks = network.marks
    return diagnose(
        network.nodes,
        active,
        network.baselines,
        network.scores,
        network.parameters,
        relaxed={key: marks[key].relaxed for key in active if marks[key].relaxed},
        origins={key: marks[key].origin for key in active},
        credits=credits,
    )


def _histogram(days: Sequence[int], parameters: SelectionParameters) -> tuple[tuple[float | None, int], ...]:
    """Count pairs by the target that they meet: the nearest one within the tolerance, the shorter of two."""
    counts: dict[float | None, int] = dict.fromkeys(sorted(parameters.dt_targets), 0)
    counts[None] = 0
    for value in days:
        near = [
            (abs(value - target), target)
            for target in parameters.dt_targets
            if abs(value - target) <= parameters.dt_tol
        ]
        counts[min(near)[1] if near else None] += 1
    return tuple(counts.items())

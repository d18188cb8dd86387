# SPDX-License-Identifier: GPL-2.0-or-later
"""The feasible pairs of a stack as arrays: separation, baseline, score, target and cost, in the order of choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from insarhub_qgis.core.network_dates import (
    AUTOMATIC_REASONS,
    MONTH_FILTER,
    UNKNOWN_BASELINE,
    Node,
    granule_pairs,
)
from insarhub_qgis.core.network_graph import PairKey
from insarhub_qgis.core.pair_baselines import PairBaselines
from insarhub_qgis.core.scene_facts import SceneFacts
from insarhub_qgis.core.scenes import Pair
from insarhub_qgis.core.selection_parameters import (
    BOTH,
    EXCLUDE,
    YEAR_DAYS,
    YEARLY_TOLERANCE_DAYS,
    SelectionParameters,
)

# Runtime needs none of it, and importing it is a quarter of the start of the plugin.
if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

#: Cost of a pair that meets no target, while the backbone is built.
OFF_TARGET_COST = 0.3
#: Term of an unknown score or baseline.
UNKNOWN_TERM = 0.5

Ints: TypeAlias = "NDArray[np.intp]"
Floats: TypeAlias = "NDArray[np.float64]"
Bools: TypeAlias = "NDArray[np.bool_]"


@dataclass(frozen=True)
class Candidates:
    """Pairs in the order in which steps 1 to 5 choose; arrays of shape (n,), read only.

    Attributes
    ----------
    first, second
        Numbers of the earlier and the later date.
    dt_days, bperp_m, score
        NaN = unknown baseline or score.
    target
        Number of the target that the pair meets, -1 for none. Whole years follow the given targets.
    cost
        Of the pair itself, without the extra of a pair off every target.
    is_poor
        Score below ``min_score``: comes after all others.
    """

    first: Ints
    second: Ints
    dt_days: Floats
    bperp_m: Floats
    score: Floats
    target: Ints
    cost: Floats
    is_poor: Bools

    def __len__(self) -> int:
        return len(self.first)

    def key(self, index: int) -> PairKey:
        return (int(self.first[index]), int(self.second[index]))

    def pair_keys(self) -> list[PairKey]:
        return list(zip(self.first.tolist(), self.second.tolist()))


class PairField:
    """What pairs of a stack can be, and what each would cost.

    Parameters
    ----------
    nodes
        All dates in order; those excluded by the user or a check are not used.
    scores
        Pair -> 0..100; absent = unknown.

    Attributes
    ----------
    excluded
        Date -> reason, for dates that the parameters leave out.
    used
        Numbers of the dates that may have pairs.
    has_scores
        False when no pair of the stack has a known score; the other terms then share its weight.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        baselines: PairBaselines,
        scores: Mapping[PairKey, float],
        parameters: SelectionParameters,
        facts: Mapping[str, SceneFacts] | None = None,
        avoid: Sequence[PairKey] = (),
    ) -> None:
        self._nodes = nodes
        self._baselines = baselines
        self._scores = scores
        self._parameters = parameters
        self._facts = facts
        self._avoid = frozenset(avoid)
        self._days = np.array([node.date.toordinal() for node in nodes], dtype=np.float64)
        self.excluded = self._automatic_exclusions()
        self.used: Ints = np.array(
            [
                index
                for index, node in enumerate(nodes)
                if index not in self.excluded
                and (node.excluded_reason is None or node.excluded_reason in AUTOMATIC_REASONS)
            ],
            dtype=np.intp,
        )
        self.has_scores = bool(scores)
        self.targets = self._all_targets()

    def feasible(self) -> Candidates:
        """Give the pairs inside all limits (graph F)."""
        first, second = self._within_time()
        return self._candidates(first, second, is_feasible=True)

    def violating(self, component: Sequence[int]) -> Candidates:
        """Give the pairs that join two components by breaking ``dt_max`` or ``pb_max``.

        Parameters
        ----------
        component
            Number of the component of each date.
        """
        rows, columns = np.triu_indices(len(self.used), 1)
        first, second = self.used[rows], self.used[columns]
        of_node = np.asarray(component, dtype=np.intp)
        apart = of_node[first] != of_node[second]
        return self._candidates(first[apart], second[apart], is_feasible=False)

    def some(self, keys: Sequence[PairKey]) -> Candidates:
        """Give facts and costs of given pairs, whatever limits they break."""
        ends = np.array(keys, dtype=np.intp).reshape(-1, 2)
        return self._candidates(ends[:, 0], ends[:, 1], is_feasible=None)

    def granules(self, key: PairKey) -> tuple[Pair, ...]:
        """Give the granule pairs of a pair of dates."""
        return granule_pairs(self._nodes[key[0]], self._nodes[key[1]], self._facts)

    def limits_broken(self, key: PairKey) -> tuple[str, ...]:
        """Give the limits that a pair breaks; an unknown baseline breaks none."""
        first, second = self._nodes[key[0]], self._nodes[key[1]]
        return self._parameters.limits_broken(
            (second.date - first.date).days,
            self._baselines.of_dates(first.scenes, second.scenes),
            (first.date.month, second.date.month),
        )

    def date_texts(self) -> list[str]:
        return [node.date.isoformat() for node in self._nodes]

    # --- Inside ---

    def _automatic_exclusions(self) -> dict[int, str]:
        excluded: dict[int, str] = {}
        parameters = self._parameters
        in_table = (
            {
                name
                for pair, value in self._baselines.pairs_m.items()
                if value is not None and np.isfinite(value)
                for name in pair
            }
            if parameters.unknown_bperp == EXCLUDE
            else set()
        )
        for index, node in enumerate(self._nodes):
            if node.excluded_reason is not None and node.excluded_reason not in AUTOMATIC_REASONS:
                continue
            if parameters.month_rule == BOTH and node.date.month not in parameters.months:
                excluded[index] = MONTH_FILTER
            elif (
                parameters.unknown_bperp == EXCLUDE
                and self._baselines.of_date(node.scenes) is None
                and in_table.isdisjoint(node.scenes)
            ):
                excluded[index] = UNKNOWN_BASELINE
        return excluded

    def _all_targets(self) -> tuple[float, ...]:
        targets = [float(target) for target in dict.fromkeys(self._parameters.dt_targets)]
        if self._parameters.yearly and len(self.used):
            span = float(self._days[self.used[-1]] - self._days[self.used[0]]) + YEARLY_TOLERANCE_DAYS
            targets += [float(YEAR_DAYS * year) for year in range(1, int(span // YEAR_DAYS) + 1)]
        return tuple(targets)

    def _within_time(self) -> tuple[Ints, Ints]:
        """Give the pairs of used dates inside ``dt_max``, or near whole years, by bisection on the sorted days."""
        days = self._days[self.used]
        if self._parameters.yearly:
            rows, columns = np.triu_indices(len(days), 1)
            separation = days[columns] - days[rows]
            inside = (separation <= self._parameters.dt_max) | _is_yearly(separation)
            rows, columns = rows[inside], columns[inside]
        else:
            end = np.searchsorted(days, days + self._parameters.dt_max, side="right")
            counts = np.maximum(end - np.arange(len(days)) - 1, 0)
            rows = np.repeat(np.arange(len(days)), counts)
            starts = np.repeat(np.cumsum(counts) - counts, counts)
            columns = rows + 1 + (np.arange(len(rows)) - starts)
        return self.used[rows], self.used[columns]

    def _candidates(self, first: Ints, second: Ints, *, is_feasible: bool | None) -> Candidates:
        parameters = self._parameters
        separation = self._days[second] - self._days[first]
        scenes = [node.scenes for node in self._nodes]
        bperp = self._baselines.of_many(scenes, first, second)
        if is_feasible is not None:
            known = ~np.isnan(bperp)
            in_time = separation <= parameters.dt_max
            if parameters.yearly:
                in_time |= _is_yearly(separation)
            with np.errstate(invalid="ignore"):
                in_space = ~known | (np.abs(bperp) <= parameters.pb_max)
            kept = (in_time & in_space) if is_feasible else ~(in_time & in_space)
            if parameters.unknown_bperp == EXCLUDE:
                kept &= known
            if not parameters.uses_all_months:
                inside = np.array([node.date.month in parameters.months for node in self._nodes], dtype=bool)
                kept &= (
                    (inside[first] & inside[second])
                    if parameters.month_rule == BOTH
                    else (inside[first] | inside[second])
                )
            kept &= self._may_pair(first, second)
            first, second, separation, bperp = first[kept], second[kept], separation[kept], bperp[kept]
        get = self._scores.get
        unknown = float("nan")
        score = np.array(
            [get(key, unknown) for key in zip(first.tolist(), second.tolist())], dtype=np.float64
        )
        target = self._target_of(separation)
        cost = self._cost(separation, bperp, score)
        # Rounded, so that no last bit of a sum decides between equal pairs on another platform.
        shaped = np.round(cost + np.where(target < 0, OFF_TARGET_COST, 0.0), 9)
        with np.errstate(invalid="ignore"):
            is_poor = (
                score < parameters.min_score
                if parameters.min_score is not None
                else np.zeros(len(score), dtype=bool)
            )
        length = np.where(np.isnan(bperp), np.inf, np.abs(bperp))
        order = np.lexsort((second, first, length, separation, shaped, is_poor))
        return Candidates(
            first[order],
            second[order],
            separation[order],
            bperp[order],
            score[order],
            target[order],
            np.round(cost, 9)[order],
            is_poor[order],
        )

    def _may_pair(self, first: Ints, second: Ints) -> Bools:
        """Leave out pairs to avoid, and dates of several granules that have no ground in common."""
        allowed = np.ones(len(first), dtype=bool)
        several = np.array([len(node.scenes) > 1 for node in self._nodes], dtype=bool)
        doubtful = several[first] | several[second]
        if self._avoid:
            ends = zip(first.tolist(), second.tolist())
            allowed &= np.array([key not in self._avoid for key in ends], dtype=bool)
        for index in np.flatnonzero(doubtful & allowed).tolist():
            one, other = self._nodes[first[index]], self._nodes[second[index]]
            allowed[index] = bool(granule_pairs(one, other, self._facts))
        return allowed

    def _target_of(self, separation: Floats) -> Ints:
        """Give the number of the nearest target within its tolerance, the shorter one of two equally near."""
        best = np.full(len(separation), -1, dtype=np.intp)
        nearest = np.full(len(separation), np.inf)
        given = len(set(self._parameters.dt_targets))
        for number in sorted(range(len(self.targets)), key=lambda number: self.targets[number]):
            off = np.abs(separation - self.targets[number])
            tolerance = self._parameters.dt_tol if number < given else YEARLY_TOLERANCE_DAYS
            closer = (off <= tolerance) & (off < nearest)
            best[closer] = number
            nearest[closer] = off[closer]
        return best

    def _cost(self, separation: Floats, bperp: Floats, score: Floats) -> Floats:
        weights, parameters = self._parameters.weights, self._parameters
        quality, time, baseline = weights.quality, weights.time, weights.baseline
        if not self.has_scores:
            others = time + baseline
            shares = (time / others, baseline / others) if others > 0 else (0.5, 0.5)
            quality, time, baseline = 0.0, time + quality * shares[0], baseline + quality * shares[1]
        quality_term = np.where(np.isnan(score), UNKNOWN_TERM, 1.0 - score / 100.0)
        # With a limit of 0 m every pair inside it has the same baseline.
        scale = parameters.pb_max if parameters.pb_max > 0 else 1.0
        baseline_term = np.where(np.isnan(bperp), UNKNOWN_TERM, np.abs(bperp) / scale)
        cost: Floats = (
            quality * quality_term + time * separation / parameters.dt_max + baseline * baseline_term
        )
        return cost


def _is_yearly(separation: Floats) -> Bools:
    years = np.round(separation / YEAR_DAYS)
    result: Bools = (years >= 1) & (np.abs(separation - years * YEAR_DAYS) <= YEARLY_TOLERANCE_DAYS)
    return result

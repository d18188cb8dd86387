# SPDX-License-Identifier: GPL-2.0-or-later
"""Pair selection: the network that the parameters ask for, built up step by step with guarantees.

Connectivity comes before two ways around every pair, that before the goals per date, those before the targets.
Nothing that a step has put in is taken out by a later one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.network_budget import (
    BudgetStep,
    PairPrices,
    pair_weights,
    refuse_if_too_small,
    spend_budget,
)
from insarhub_qgis.core.network_dates import Node, with_reasons
from insarhub_qgis.core.network_diagnostics import NO_FEASIBLE_PAIR, NetworkDiagnostics, diagnose
from insarhub_qgis.core.network_graph import PairKey, RootedForest, UnionFind
from insarhub_qgis.core.network_model import StackNetwork
from insarhub_qgis.core.pair_baselines import PairBaselines
from insarhub_qgis.core.pair_candidates import Candidates, Floats, PairField
from insarhub_qgis.core.progress import (
    IsCancelled,
    Report,
    ignore_progress,
    never_cancelled,
    part_of,
    stop_if_cancelled,
)
from insarhub_qgis.core.scene_facts import SceneFacts
from insarhub_qgis.core.selection_parameters import BUDGET, NEAREST, SelectionParameters

#: Origins of pairs: the step that chose them.
BY_HAND, NEAREST_DATES = "manual", "nearest"
BACKBONE, RELAXED, SECOND_WAY = "backbone", "relaxed", "second_way"
DEGREE, LOOP, TARGET, GAIN = "degree", "loop", "target", "gain"


@dataclass(frozen=True)
class Selection:
    """A network as selected.

    Attributes
    ----------
    pairs
        Ascending.
    origins
        Pair -> the step that chose it: ``backbone``, ``relaxed``, ``second_way``, ``degree``, ``loop``, ``target``,
        ``nearest``, ``gain`` (budget) or ``manual``.
    relaxed
        Pair -> limits that it breaks (``dt_max``, ``pb_max``, ``months``); pairs of `force_connect` and by hand.
    excluded
        Date -> reason, for dates that the parameters leave out (``month_filter``, ``unknown_bperp``).
    unscored, unknown_bperp
        Pairs whose score or baseline is unknown.
    credits
        Price of the network; None = no prices given.
    curve
        Mode budget: total variance of the dates against credits, beyond the budget as well.
    """

    pairs: tuple[PairKey, ...]
    parameters: SelectionParameters
    origins: Mapping[PairKey, str] = field(default_factory=dict)
    relaxed: Mapping[PairKey, tuple[str, ...]] = field(default_factory=dict)
    excluded: Mapping[int, str] = field(default_factory=dict)
    unscored: tuple[PairKey, ...] = ()
    unknown_bperp: tuple[PairKey, ...] = ()
    diagnostics: NetworkDiagnostics | None = None
    credits: float | None = None
    curve: tuple[BudgetStep, ...] = ()


def select_for(
    network: StackNetwork,
    parameters: SelectionParameters,
    *,
    keep_manual: bool = True,
    prices: PairPrices | None = None,
    report: Report = ignore_progress,
    is_cancelled: IsCancelled = never_cancelled,
) -> Selection:
    """Select pairs for a network as it is edited; `StackNetwork.apply_selection` then takes the result over.

    Parameters
    ----------
    keep_manual
        Pairs added by hand are kept and count; pairs removed by hand are not chosen again.
    """
    return select_pairs(
        network.nodes,
        network.baselines,
        network.scores,
        parameters,
        coherences=network.coherences,
        prices=prices,
        facts=network.facts,
        keep=network.manual_keys() if keep_manual else (),
        avoid=network.removed_keys() if keep_manual else (),
        report=report,
        is_cancelled=is_cancelled,
    )


def select_pairs(
    nodes: Sequence[Node],
    bperp: PairBaselines,
    scores: Mapping[PairKey, float],
    parameters: SelectionParameters,
    *,
    coherences: Mapping[PairKey, float] | None = None,
    prices: PairPrices | None = None,
    facts: Mapping[str, SceneFacts] | None = None,
    keep: Sequence[PairKey] = (),
    avoid: Sequence[PairKey] = (),
    report: Report = ignore_progress,
    is_cancelled: IsCancelled = never_cancelled,
) -> Selection:
    """Select pairs; the same input gives the same network on every platform.

    Parameters
    ----------
    nodes
        Dates in order, see `network_dates.nodes_of_scenes`. Dates excluded by the user or a check get no pair.
    scores
        Pair -> 0..100; absent = unknown.
    coherences
        Pair -> expected coherence 0..1, for the mode budget; absent = unknown.
    prices
        For the mode budget, and to price the result.
    facts
        Of the scenes, to match frames of dates with several granules.
    keep, avoid
        Pairs that are in the network whatever it costs, and pairs that are never chosen.

    Returns
    -------
    selection
        With F the graph of all pairs inside the limits: its components are those of F, or one with
        ``force_connect``; no pair is a bridge that is none in F; dates have ``min_degree`` pairs where F allows it.

    Raises
    ------
    InsarError
        Errors of `SelectionParameters.check`; ``budget.too_small``, ``budget.no_pair``, ``budget.no_prices``. `Cancelled`.
    """
    parameters.check()
    report(0.0, "")
    area = PairField(nodes, bperp, scores, parameters, facts, avoid)
    feasible = area.feasible()
    stop_if_cancelled(is_cancelled)
    build = _Build(len(nodes), feasible, parameters, is_cancelled)
    used = {int(index) for index in area.used}
    for key in sorted({(min(key), max(key)) for key in keep}):
        if key[0] in used and key[1] in used and key[0] != key[1]:
            build.add(key, BY_HAND)
    report(0.1, "")
    curve: tuple[BudgetStep, ...] = ()
    if parameters.mode == BUDGET:
        curve = _with_budget(area, build, parameters, coherences or {}, prices, report, is_cancelled)
    else:
        if parameters.mode == NEAREST:
            build.add_nearest(parameters.n_nearest)
        build.add_backbone()
        report(0.2, "")
        if parameters.force_connect:
            build.join_components(area)
        report(0.3, "")
        build.close_bridges()
        report(0.5, "")
        if parameters.mode != NEAREST:
            build.raise_degrees()
        report(0.6, "")
        build.close_loops()
        report(0.7, "")
        if parameters.mode != NEAREST:
            build.fill_targets(area.targets)
            # Where there is room left, the pairs of the filling step get their loops as well.
            build.close_loops()
    report(0.9, "")
    selection = _finish(nodes, area, feasible, build, bperp, scores, parameters, prices, curve)
    report(1.0, "")
    return selection


class _Build:
    """A network that grows."""

    def __init__(
        self, count: int, candidates: Candidates, parameters: SelectionParameters, is_cancelled: IsCancelled
    ) -> None:
        self.count = count
        self.candidates = candidates
        self.keys = candidates.pair_keys()
        self.min_degree, self.max_degree = parameters.min_degree, parameters.max_degree
        self.is_cancelled = is_cancelled
        self.number = {key: index for index, key in enumerate(self.keys)}
        self.is_taken = np.zeros(len(candidates), dtype=bool)
        self.origins: dict[PairKey, str] = {}
        self.neighbours: list[set[int]] = [set() for _ in range(count)]
        self.degrees = [0] * count
        self.sets = UnionFind(count)
        self.filled: list[int] = []

    def add(self, key: PairKey, origin: str) -> None:
        if key in self.origins:
            return
        self.origins[key] = origin
        one, other = key
        self.neighbours[one].add(other)
        self.neighbours[other].add(one)
        self.degrees[one] += 1
        self.degrees[other] += 1
        self.sets.join(one, other)
        index = self.number.get(key)
        if index is not None:
            self.is_taken[index] = True

    def replace(self, keys: Sequence[PairKey], origin: str) -> None:
        """Take over a network; pairs that are new in it get the origin."""
        before = self.origins
        self.origins = {key: before.get(key, origin) for key in keys}

    def add_nearest(self, count: int) -> None:
        """Mode nearest: each date with the next dates inside the limits."""
        left = [count] * self.count
        poor = self.candidates.is_poor
        by_date = np.lexsort((self.candidates.second, self.candidates.first))
        for index in by_date.tolist():
            one = int(self.candidates.first[index])
            if left[one] > 0 and not poor[index]:
                left[one] -= 1
                self.add(self.keys[index], NEAREST_DATES)

    def add_backbone(self, price: Floats | None = None) -> None:
        """Step 1: a spanning forest of least cost; components are then those of all feasible pairs.

        Prices (mode budget) count before the cost: what is paid for already comes first.
        """
        numbers = np.arange(len(self.keys))
        order = numbers if price is None else np.lexsort((numbers, price, self.candidates.is_poor))
        for index in order.tolist():
            key = self.keys[index]
            if self.sets.find(key[0]) != self.sets.find(key[1]):
                self.add(key, BACKBONE)

    def join_components(self, area: PairField) -> None:
        """Step 2: join what the limits split, by the cheapest pairs that break them."""
        component = [self.sets.find(index) for index in range(self.count)]
        if len({component[index] for index in area.used.tolist()}) <= 1:
            return
        for key in area.violating(component).pair_keys():
            if self.sets.find(key[0]) != self.sets.find(key[1]):
                self.add(key, RELAXED)

    def close_bridges(self, price: Floats | None = None, credits: float = 0.0) -> None:
        """Step 3: across the cut of each bridge the cheapest feasible pair, until only bridges of F are left.

        With prices (mode budget) only while the credits reach.

        The network has one spanning forest throughout: a pair that is added makes a cycle with the tree path
        between its dates, and no pair of a cycle is a bridge. So each tree pair is looked at once.
        """
        forest = RootedForest(self.count, sorted(self.origins))
        cycles = _CoveredPaths(forest)
        for one, other in sorted(self.origins):
            if forest.parent[one] != other and forest.parent[other] != one:
                cycles.cover(one, other)
        entered = np.array(forest.entered, dtype=np.intp)
        first, second = entered[self.candidates.first], entered[self.candidates.second]
        # The ends of the branches first: what closes them also covers much of the way to the root.
        for child in sorted(range(self.count), key=lambda node: -forest.entered[node]):
            if forest.parent[child] < 0 or cycles.is_covered(child):
                continue
            stop_if_cancelled(self.is_cancelled)
            low, high = forest.entered[child], forest.left[child]
            across = ((first >= low) & (first <= high)) != ((second >= low) & (second <= high))
            across &= ~self.is_taken
            if price is not None:
                across &= price <= credits + 1e-9
            index = int(across.argmax()) if len(across) else 0
            if len(across) and across[index]:
                key = self.keys[index]
                self.add(key, SECOND_WAY)
                credits -= float(price[index]) if price is not None else 0.0
                cycles.cover(*key)

    def raise_degrees(self) -> None:
        """Step 4: pairs for dates under `min_degree`: between two such dates, then with dates that have room."""
        low, high, degrees = self.min_degree, self.max_degree, self.degrees
        rest = np.flatnonzero(~self.is_taken & ~self.candidates.is_poor).tolist()
        for rule in range(3):
            stop_if_cancelled(self.is_cancelled)
            left = []
            for index in rest:
                one, other = self.keys[index]
                fewer, more = sorted((degrees[one], degrees[other]))
                if fewer < low and (more < low if rule == 0 else more < high if rule == 1 else True):
                    self.add(self.keys[index], DEGREE)
                else:
                    left.append(index)
            rest = left

    def close_loops(self) -> None:
        """Step 5: for each pair in no triangle the cheapest feasible third side between dates with room."""
        has_added = True
        # A pair that closes one loop may be the way to another.
        while has_added:
            stop_if_cancelled(self.is_cancelled)
            has_added = False
            for key in sorted(self.origins):
                best = self._third_side(key)
                if best is not None:
                    self.add(self.keys[best], LOOP)
                    has_added = True

    def _third_side(self, key: PairKey) -> int | None:
        """Give the cheapest candidate that puts a pair into a triangle; None when it is in one or none fits."""
        one, other = key
        if not self.neighbours[one].isdisjoint(self.neighbours[other]):
            return None
        offers = []
        for near, far in ((one, other), (other, one)):
            if self.degrees[far] >= self.max_degree:
                continue
            for third in self.neighbours[near]:
                index = self.number.get((min(third, far), max(third, far)))
                if index is None or self.is_taken[index] or self.candidates.is_poor[index]:
                    continue
                if self.degrees[third] < self.max_degree:
                    offers.append(index)
        # Candidates are in order of cost, so the number decides, not the order of the set.
        return min(offers, default=None)

    def fill_targets(self, targets: Sequence[float]) -> None:
        """Step 6: one pair per target per turn, the best first, while its dates have room."""
        fill = _TargetFill(self, len(targets))
        fill.go_round()
        # Towards the end the room that is left suits some targets only. Exchanges level that out.
        while fill.level_one():
            stop_if_cancelled(self.is_cancelled)
            fill.go_round(is_level=True)
        self.filled = [len(pairs) for pairs in fill.chosen]

    def remove(self, key: PairKey) -> None:
        """Take a pair of the present step out again; the sets of connected dates must not depend on it."""
        del self.origins[key]
        one, other = key
        self.neighbours[one].discard(other)
        self.neighbours[other].discard(one)
        self.degrees[one] -= 1
        self.degrees[other] -= 1
        self.is_taken[self.number[key]] = False

    def has_room(self, index: int) -> bool:
        one, other = self.keys[index]
        return max(self.degrees[one], self.degrees[other]) < self.max_degree


class _TargetFill:
    """Step 6: pairs for the targets in turn, as many for each as the dates have room for.

    Attributes
    ----------
    chosen
        Numbers of the candidates chosen for each target.
    """

    def __init__(self, build: _Build, target_count: int) -> None:
        self._build = build
        self._all: list[list[int]] = [[] for _ in range(target_count)]
        candidates = build.candidates
        order = np.lexsort((np.arange(len(candidates)), candidates.cost))
        for index in order.tolist():
            target = int(candidates.target[index])
            if target >= 0 and not build.is_taken[index] and not candidates.is_poor[index]:
                self._all[target].append(index)
        self.chosen: list[list[int]] = [[] for _ in range(target_count)]
        #: Targets that can get no further pair, whatever is exchanged.
        self._is_stuck = [not pairs for pairs in self._all]

    def go_round(self, is_level: bool = False) -> None:
        """Give each target its best pair in turn until no date has room.

        Parameters
        ----------
        is_level
            Only to targets that are not ahead of any other that can still get pairs.
        """
        places = [0] * len(self._all)
        is_open = [True] * len(self._all)
        while any(is_open):
            for target, queue in enumerate(self._all):
                if is_level and not self._may_grow(target):
                    is_open[target] = False
                    continue
                while is_open[target]:
                    if places[target] >= len(queue):
                        is_open[target] = False
                        break
                    index = queue[places[target]]
                    places[target] += 1
                    if not self._build.is_taken[index] and self._build.has_room(index):
                        self._add(target, index)
                        break

    def level_one(self) -> bool:
        """Exchange pairs of targets that are ahead for one of the target that is furthest behind; False when level."""
        counts = [len(pairs) for pairs in self.chosen]
        behind = sorted((count, target) for target, count in enumerate(counts) if not self._is_stuck[target])
        for count, target in behind:
            ahead = {other for other, found in enumerate(counts) if found >= count + 2}
            if not ahead:
                return False
            for index in self._all[target]:
                if self._build.is_taken[index]:
                    continue
                given_up = self._pairs_to_give_up(index, ahead, count)
                if given_up is None:
                    continue
                for other, number in given_up:
                    self.chosen[other].remove(number)
                    self._build.remove(self._build.keys[number])
                self._add(target, index)
                return True
            self._is_stuck[target] = True
        return False

    def _add(self, target: int, index: int) -> None:
        self._build.add(self._build.keys[index], TARGET)
        self.chosen[target].append(index)

    def _may_grow(self, target: int) -> bool:
        lowest = min(
            (len(pairs) for pairs, stuck in zip(self.chosen, self._is_stuck) if not stuck), default=0
        )
        return not self._is_stuck[target] and len(self.chosen[target]) <= lowest

    def _pairs_to_give_up(self, index: int, ahead: set[int], count: int) -> list[tuple[int, int]] | None:
        """Give (target, candidate) of the dearest pairs that make room for a candidate; None when none can."""
        left = {target: len(self.chosen[target]) for target in ahead}
        found: list[tuple[int, int]] = []
        for date_number in self._build.keys[index]:
            if self._build.degrees[date_number] < self._build.max_degree:
                continue
            offers = [
                (left[target], place, target, number)
                for target in ahead
                if left[target] >= count + 2
                for place, number in enumerate(self.chosen[target])
                if date_number in self._build.keys[number] and (target, number) not in found
            ]
            if not offers:
                return None
            _, _, target, number = max(offers)
            left[target] -= 1
            found.append((target, number))
        return found


class _CoveredPaths:
    """Which pairs of a forest lie on a cycle, as cycles are added; each pair is walked over once."""

    def __init__(self, forest: RootedForest) -> None:
        self._forest = forest
        self._top = list(range(len(forest.parent)))

    def is_covered(self, child: int) -> bool:
        """Whether the pair of a node and its parent lies on a cycle."""
        return self._top[child] != child

    def cover(self, one: int, other: int) -> None:
        """Add the cycle that a pair makes with the path between its nodes."""
        parent, depth = self._forest.parent, self._forest.depth
        one, other = self._find(one), self._find(other)
        while one != other:
            if depth[one] < depth[other]:
                one, other = other, one
            self._top[one] = parent[one]
            one = self._find(parent[one])

    def _find(self, node: int) -> int:
        top = self._top
        root = node
        while top[root] != root:
            root = top[root]
        while top[node] != root and node != root:
            top[node], node = root, top[node]
        return root


def _with_budget(
    area: PairField,
    build: _Build,
    parameters: SelectionParameters,
    coherences: Mapping[PairKey, float],
    prices: PairPrices | None,
    report: Report,
    is_cancelled: IsCancelled,
) -> tuple[BudgetStep, ...]:
    """Mode budget: forest and closed bridges first, as far as the credits reach, then what lowers the variance most."""
    if prices is None:
        raise InsarError("budget.no_prices")
    credits = float(parameters.credits or 0.0)
    # Whole pairs: a rest of the credits buys nothing.
    candidates = build.candidates
    price = np.array([prices.of(area.granules(key)) for key in build.keys], dtype=np.float64)
    build.add_backbone(price)
    if parameters.force_connect:
        build.join_components(area)
    forest = [(key, prices.of(area.granules(key))) for key in sorted(build.origins)]
    refuse_if_too_small(credits, forest, area.date_texts())
    spent = sum(cost for _, cost in forest)
    build.close_bridges(price, credits - spent)
    stop_if_cancelled(is_cancelled)
    report(0.3, "")
    keys = sorted(build.origins)
    weight = pair_weights([*build.keys, *keys], coherences, parameters.looks)
    start = [
        (key, float(value), prices.of(area.granules(key)))
        for key, value in zip(keys, weight[len(build.keys) :])
    ]
    fixed = frozenset(key for key, origin in build.origins.items() if origin in (BY_HAND, RELAXED))
    pairs, curve = spend_budget(
        build.count,
        candidates,
        weight[: len(build.keys)],
        price,
        start,
        fixed,
        credits,
        lambda index: build.add(build.keys[index], GAIN),
        part_of(report, 0.3, 0.9),
        is_cancelled,
    )
    build.replace(pairs, GAIN)
    return tuple(curve)


def _finish(
    nodes: Sequence[Node],
    area: PairField,
    feasible: Candidates,
    build: _Build,
    bperp: PairBaselines,
    scores: Mapping[PairKey, float],
    parameters: SelectionParameters,
    prices: PairPrices | None,
    curve: tuple[BudgetStep, ...],
) -> Selection:
    pairs = sorted(build.origins)
    outside = [key for key in pairs if key not in build.number]
    relaxed = {key: limits for key in outside if (limits := area.limits_broken(key))}
    credits = sum(prices.of(area.granules(key)) for key in pairs) if prices is not None else None
    reachable = {int(index) for ends in (feasible.first, feasible.second) for index in ends}
    chosen_nodes = with_reasons(nodes, area.excluded)
    diagnostics = diagnose(
        chosen_nodes,
        pairs,
        bperp,
        scores,
        parameters,
        relaxed=relaxed,
        unpaired_reasons={index: NO_FEASIBLE_PAIR for index in range(len(nodes)) if index not in reachable},
        origins=build.origins,
        filled=list(zip(area.targets, build.filled)),
        credits=credits,
    )
    return Selection(
        pairs=tuple(pairs),
        parameters=parameters,
        origins={key: build.origins[key] for key in pairs},
        relaxed=relaxed,
        excluded=dict(area.excluded),
        unscored=diagnostics.unscored,
        unknown_bperp=diagnostics.unknown_bperp,
        diagnostics=diagnostics,
        credits=credits,
        curve=curve,
    )

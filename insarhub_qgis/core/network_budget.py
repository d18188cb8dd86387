# SPDX-License-Identifier: GPL-2.0-or-later
"""The best network for a number of credits: the one whose dates have the least total variance.

A pair of expected coherence g weighs ``2 L g^2 / (1 - g^2)``, the inverse of its phase variance at L looks. The
total variance of the dates is the trace of the pseudo-inverse of the weighted graph Laplacian. A pair that is
added changes that inverse by rank one, so that the gain of every other pair is known at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.network_graph import PairKey, structure_of
from insarhub_qgis.core.progress import IsCancelled, Report, never_cancelled, stop_if_cancelled
from insarhub_qgis.core.scenes import Pair, scene_start

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    from insarhub_qgis.core.pair_candidates import Candidates

#: Expected coherences are clipped to this range: a pair is never worthless and never perfect.
LOWEST_COHERENCE, HIGHEST_COHERENCE = 0.05, 0.95
#: How much more than the budget the curve shows, so that one sees where more money stops helping.
CURVE_BEYOND = 0.5
#: Exchanges looked at for the finishing touch: bounds the time by a number that is the same on every computer.
_EXCHANGES = 3000
#: Pairs taken times pairs left of the stacks that are small enough for double exchanges.
_SMALL = 150
#: Smaller parts of the total are rounding.
_TINY = 1e-9

Floats: TypeAlias = "NDArray[np.float64]"
Ints: TypeAlias = "NDArray[np.intp]"
Bools: TypeAlias = "NDArray[np.bool_]"


def pair_stamp(pair: Pair) -> tuple[str, str]:
    """Give what identifies a pair in names of products: the start times of its scenes, else their days."""
    return (
        scene_start(pair.reference) or f"{pair.reference_date:%Y%m%d}",
        scene_start(pair.secondary) or f"{pair.secondary_date:%Y%m%d}",
    )


def is_processed(pair: Pair, stamps: frozenset[tuple[str, str]]) -> bool:
    """Tell whether a granule pair has a product among `pair_stamp` of products; those of bursts name days only."""
    days = (f"{pair.reference_date:%Y%m%d}", f"{pair.secondary_date:%Y%m%d}")
    return pair_stamp(pair) in stamps or days in stamps


@dataclass(frozen=True)
class PairPrices:
    """What a granule pair costs, and which ones are paid for already.

    Attributes
    ----------
    credits_per_pair
        As the service says for the chosen options.
    processed
        `pair_stamp` of pairs whose product is in the folder or on the way: they cost nothing.
    """

    credits_per_pair: float
    processed: frozenset[tuple[str, str]] = field(default_factory=frozenset)

    def of(self, pairs: Sequence[Pair]) -> float:
        """Give the credits of the granule pairs of one pair of dates."""
        return self.credits_per_pair * sum(not is_processed(pair, self.processed) for pair in pairs)


@dataclass(frozen=True)
class BudgetStep:
    """A point of the curve: what a network costs, and how well it determines the dates.

    Attributes
    ----------
    variance
        Sum over the dates, rad^2; its mean over each component is the zero.
    is_within_budget
        False for what more credits would give.
    """

    credits: float
    pairs: int
    variance: float
    is_within_budget: bool = True


def pair_weights(keys: Sequence[PairKey], coherences: Mapping[PairKey, float], looks: float) -> Floats:
    """Give the weight of each pair, rad^-2; an unknown coherence counts as the median of the known ones.

    >>> pair_weights([(0, 1), (1, 2)], {}, 80.0).tolist()
    [1.0, 1.0]
    """
    found = np.array([coherences.get(key, np.nan) for key in keys], dtype=np.float64)
    known = ~np.isnan(found)
    if not known.any():
        return np.ones(len(keys))
    clipped = np.clip(np.where(known, found, np.median(found[known])), LOWEST_COHERENCE, HIGHEST_COHERENCE)
    weights: Floats = 2.0 * looks * clipped**2 / (1.0 - clipped**2)
    return weights


def total_variance(count: int, keys: Sequence[PairKey], weights: Floats) -> float:
    """Give the trace of the pseudo-inverse of the weighted Laplacian."""
    return float(np.trace(_Variance(count, keys, weights).inverse))


class _Variance:
    """Pseudo-inverse P of the Laplacian and its square, kept up to date as pairs come and go."""

    def __init__(self, count: int, keys: Sequence[PairKey], weights: Floats) -> None:
        laplacian = np.zeros((count, count))
        for (one, other), weight in zip(keys, weights.tolist()):
            laplacian[one, one] += weight
            laplacian[other, other] += weight
            laplacian[one, other] -= weight
            laplacian[other, one] -= weight
        self.inverse = np.zeros((count, count))
        for component in structure_of(count, list(keys)).components:
            if len(component) == 1:
                continue
            block = np.ix_(component, component)
            # A constant added to the block makes it regular; it is the null space that is taken out again.
            constant = np.full((len(component), len(component)), 1.0 / len(component))
            scale = float(np.trace(laplacian[block])) / len(component)
            self.inverse[block] = np.linalg.inv(laplacian[block] + constant * scale) - constant / scale
        self.square = self.inverse @ self.inverse

    @property
    def total(self) -> float:
        return float(np.trace(self.inverse))

    def terms(self, first: Ints, second: Ints) -> tuple[Floats, Floats]:
        """Give ``b'Pb`` and ``|Pb|^2`` of pairs."""
        return _form(self.inverse, first, second), _form(self.square, first, second)

    def columns(self, key: PairKey) -> tuple[Floats, Floats]:
        """Give ``Pb`` and ``PPb`` of a pair."""
        one, other = key
        return (
            self.inverse[:, one] - self.inverse[:, other],
            self.square[:, one] - self.square[:, other],
        )

    def change(self, key: PairKey, weight: float) -> None:
        """Add a pair, or take it out with its weight negative."""
        one, other = key
        u, v = self.columns(key)
        factor = weight / (1.0 + weight * float(u[one] - u[other]))
        self.inverse -= np.outer(factor * u, u)
        self.square += np.outer(u, factor**2 * float(u @ u) * u - factor * v)
        self.square -= np.outer(factor * v, u)


def _form(matrix: Floats, first: Ints, second: Ints) -> Floats:
    diagonal = np.diagonal(matrix).copy()
    # One flat index is several times as fast as two.
    between = matrix.take(first * len(matrix) + second)
    result: Floats = diagonal.take(first) + diagonal.take(second) - 2.0 * between
    return result


def refuse_if_too_small(
    credits: float, forest: Sequence[tuple[PairKey, float]], dates: Sequence[str]
) -> None:
    """Refuse a budget that cannot even connect the dates.

    Parameters
    ----------
    forest
        (pair, price) of the spanning forest.
    dates
        All dates as text.

    Raises
    ------
    InsarError
        ``budget.too_small`` (fields credits, needed, missing, count, first, last, dates): ``dates`` lists those of
        the largest connected part that fits; ``budget.no_pair`` (fields credits, needed, missing).
    """
    needed = sum(price for _, price in forest)
    if needed <= credits + _TINY:
        return
    amounts = {"credits": _whole(credits), "needed": _whole(needed), "missing": _whole(needed - credits)}
    fitting = [dates[index] for index in _largest_part(credits, forest)]
    if not fitting:
        raise InsarError("budget.no_pair", **amounts)
    raise InsarError(
        "budget.too_small",
        **amounts,
        count=len(fitting),
        first=fitting[0],
        last=fitting[-1],
        dates=fitting,
    )


def _largest_part(credits: float, forest: Sequence[tuple[PairKey, float]]) -> list[int]:
    """Give the dates of the largest tree of the forest that fits, or of the largest part of one."""
    best: list[int] = []
    keys = [key for key, _ in forest]
    count = max((key[1] for key in keys), default=-1) + 1
    for component in structure_of(count, keys).components:
        members = set(component)
        rest = {key: price for key, price in forest if key[0] in members}
        total = sum(rest.values())
        while rest and total > credits + _TINY:
            degree: dict[int, int] = {}
            for key in rest:
                for index in key:
                    degree[index] = degree.get(index, 0) + 1
            # The dearest end goes first, of equal ones the latest.
            price, _, key = max(
                (price, max(index for index in key if degree[index] == 1), key)
                for key, price in rest.items()
                if any(degree[index] == 1 for index in key)
            )
            del rest[key]
            total -= price
        found = sorted({index for key in rest for index in key})
        if len(found) > len(best):
            best = found
    return best


def spend_budget(
    count: int,
    candidates: Candidates,
    weights: Floats,
    prices: Floats,
    taken: Sequence[tuple[PairKey, float, float]],
    fixed: frozenset[PairKey],
    credits: float,
    add: Callable[[int], None],
    report: Report,
    is_cancelled: IsCancelled = never_cancelled,
) -> tuple[list[PairKey], list[BudgetStep]]:
    """Add the pairs that lower the total variance most per credit, then exchange pairs while that helps.

    Parameters
    ----------
    weights, prices
        Of the candidates, shape (n,).
    taken
        (pair, weight, price) of the network to start from: connected, bridges closed.
    fixed
        Pairs that are never exchanged.
    credits
        Budget for the whole network.
    add
        Called with the number of each candidate that is added before any exchange.

    Returns
    -------
    pairs
        The network.
    curve
        From the start on, beyond the budget as well.
    """
    state = _Spending(count, candidates, weights, prices, taken, fixed)
    curve = [state.point()]
    while True:
        stop_if_cancelled(is_cancelled)
        index = state.best_candidate(credits)
        if index is None:
            break
        state.take(index)
        add(index)
        curve.append(state.point())
        if len(curve) % 64 == 0:
            report(min(state.spent / credits, 1.0) if credits else 1.0, "")
    state.exchange(credits, is_cancelled)
    state.exchange_twice(credits, is_cancelled)
    pairs = state.taken_keys()
    curve[-1] = state.point()
    limit = len(pairs) * (1.0 + CURVE_BEYOND)
    while len(state.keys) < limit:
        stop_if_cancelled(is_cancelled)
        index = state.best_candidate(float("inf"))
        if index is None:
            break
        state.take(index)
        curve.append(state.point(is_within_budget=False))
    return pairs, curve


class _Spending:
    """A network that is bought, with its pairs as arrays."""

    def __init__(
        self,
        count: int,
        candidates: Candidates,
        weights: Floats,
        prices: Floats,
        taken: Sequence[tuple[PairKey, float, float]],
        fixed: frozenset[PairKey],
    ) -> None:
        self.count = count
        self.candidates = candidates
        self.weights, self.prices = weights, prices
        self.fixed = fixed
        self.number = {key: index for index, key in enumerate(candidates.pair_keys())}
        self.keys: list[PairKey] = [key for key, _, _ in taken]
        self.spent = sum(price for _, _, price in taken)
        # Of the pairs taken, in the order of `keys`, with room for all candidates.
        room = len(taken) + len(candidates)
        self._ends: Ints = np.zeros((room, 2), dtype=np.intp)
        self._weight: Floats = np.zeros(room)
        self._price: Floats = np.zeros(room)
        self._is_free_to_go: Bools = np.zeros(room, dtype=bool)
        for place, (key, weight, price) in enumerate(taken):
            self._put(place, key, weight, price)
        is_taken = frozenset(self.keys)
        self.is_open: Bools = ~candidates.is_poor & np.array(
            [key not in is_taken for key in self.number], dtype=bool
        )
        self.variance = _Variance(count, self.keys, self._weight[: len(self.keys)])

    def taken_keys(self) -> list[PairKey]:
        return sorted(self.keys)

    def point(self, *, is_within_budget: bool = True) -> BudgetStep:
        return BudgetStep(self.spent, len(self.keys), self.variance.total, is_within_budget)

    def best_candidate(self, credits: float) -> int | None:
        """Give the candidate with the largest fall of variance per credit that can be paid; free ones first."""
        chosen = np.flatnonzero(self.is_open & (self.prices <= credits - self.spent + _TINY))
        if not len(chosen):
            return None
        gain = self._gains(chosen)
        price = self.prices[chosen]
        free = price <= 0
        if free.any():
            chosen, gain = chosen[free], gain[free]
        else:
            gain = gain / price
        # The first of those that differ by rounding only: candidates are in the order of ties.
        return int(chosen[int((gain >= gain.max() * (1.0 - _TINY)).argmax())])

    def take(self, index: int) -> None:
        key, weight, price = self.candidates.key(index), float(self.weights[index]), float(self.prices[index])
        self.variance.change(key, weight)
        self._put(len(self.keys), key, weight, price)
        self.keys.append(key)
        self.spent += price
        self.is_open[index] = False

    def exchange(self, credits: float, is_cancelled: IsCancelled) -> None:
        """Put a pair in and take another one out, while the variance falls and no bridge comes of it."""
        bridges = len(structure_of(self.count, self.taken_keys()).bridges)
        left = _EXCHANGES
        is_better = True
        while is_better and left > 0:
            is_better = False
            chosen = np.flatnonzero(self.is_open)
            # The most promising first; equal gains in the order of ties.
            order = np.lexsort((chosen, -np.round(self._gains(chosen) / self.variance.total, 9)))
            for index in chosen[order][:left].tolist():
                stop_if_cancelled(is_cancelled)
                left -= 1
                place = self._best_exchange(index, credits)
                if place is None:
                    continue
                out = self.keys[place]
                rest = sorted({*self.keys, self.candidates.key(index)} - {out})
                found = len(structure_of(self.count, rest).bridges)
                if found > bridges:
                    continue
                bridges = found
                self.take(index)
                self._give_back(place)
                is_better = True

    def exchange_twice(self, credits: float, is_cancelled: IsCancelled) -> None:
        """Small stacks: also exchanges that help only together with further ones."""
        is_better = True
        while is_better and len(self.keys) * int(self.is_open.sum()) <= _SMALL:
            is_better = False
            best = self.variance.total
            bridges = len(structure_of(self.count, self.taken_keys()).bridges)
            for index in np.flatnonzero(self.is_open).tolist():
                for key in self.taken_keys():
                    stop_if_cancelled(is_cancelled)
                    before = self._snapshot()
                    self.take(index)
                    place = self.keys.index(key)
                    if self._may_go(place, credits):
                        self._give_back(place)
                        self.exchange(credits, is_cancelled)
                        found = len(structure_of(self.count, self.taken_keys()).bridges)
                        if found <= bridges and self.variance.total < best * (1.0 - 1e-6):
                            is_better = True
                            break
                    self._restore(before)
                if is_better:
                    break

    def _may_go(self, place: int, credits: float) -> bool:
        one, other = self.keys[place]
        u, _ = self.variance.columns(self.keys[place])
        is_needed = 1.0 - float(self._weight[place]) * float(u[one] - u[other]) < 1e-7
        is_paid = self.spent - float(self._price[place]) <= credits + _TINY
        return bool(self._is_free_to_go[place]) and is_paid and not is_needed

    def _snapshot(self) -> tuple[Any, ...]:
        arrays = (self._ends, self._weight, self._price, self._is_free_to_go, self.is_open)
        matrices = (self.variance.inverse, self.variance.square)
        return (list(self.keys), self.spent, *(array.copy() for array in (*arrays, *matrices)))

    def _restore(self, before: tuple[Any, ...]) -> None:
        self.keys, self.spent = before[0], before[1]
        self._ends, self._weight, self._price, self._is_free_to_go, self.is_open = before[2:7]
        self.variance.inverse, self.variance.square = before[7:]

    def _put(self, place: int, key: PairKey, weight: float, price: float) -> None:
        self._ends[place] = key
        self._weight[place], self._price[place] = weight, price
        self._is_free_to_go[place] = key not in self.fixed

    def _give_back(self, place: int) -> None:
        key, last = self.keys[place], len(self.keys) - 1
        self.variance.change(key, -float(self._weight[place]))
        self.spent -= float(self._price[place])
        self._put(place, self.keys[last], float(self._weight[last]), float(self._price[last]))
        self.keys[place] = self.keys[last]
        self.keys.pop()
        index = self.number.get(key)
        if index is not None and not self.candidates.is_poor[index]:
            self.is_open[index] = True

    def _gains(self, chosen: Ints) -> Floats:
        resistance, length = self.variance.terms(
            self.candidates.first[chosen], self.candidates.second[chosen]
        )
        weight = self.weights[chosen]
        gains: Floats = weight * length / (1.0 + weight * resistance)
        return gains

    def _best_exchange(self, index: int, credits: float) -> int | None:
        """Give the place of the pair whose loss costs less than a candidate gains, and whose price makes room for it."""
        key, weight = self.candidates.key(index), float(self.weights[index])
        count = len(self.keys)
        allowed = self._is_free_to_go[:count] & (
            self.prices[index] <= credits - self.spent + self._price[:count] + _TINY
        )
        first, second, weights = self._ends[:count, 0], self._ends[:count, 1], self._weight[:count]
        resistance, length = self.variance.terms(first, second)
        u, v = self.variance.columns(key)
        factor = weight / (1.0 + weight * float(u[key[0]] - u[key[1]]))
        square = float(u @ u)
        du, dv = u[first] - u[second], v[first] - v[second]
        resistance = resistance - factor * du**2
        length = length - 2.0 * factor * du * dv + factor**2 * square * du**2
        rest = 1.0 - weights * resistance
        # A pair whose loss would split the network has nothing left.
        allowed &= rest > 1e-7
        if not allowed.any():
            return None
        loss = np.where(allowed, weights * length / np.where(allowed, rest, 1.0), np.inf)
        best = int((loss <= loss.min() * (1.0 + _TINY)).argmax())
        return best if factor * square - float(loss[best]) > 1e-6 * self.variance.total else None


def _whole(credits: float) -> float | int:
    return int(credits) if float(credits).is_integer() else round(credits, 2)

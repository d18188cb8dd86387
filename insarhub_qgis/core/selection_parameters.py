# SPDX-License-Identifier: GPL-2.0-or-later
"""The parameters of pair selection: documented names, defaults, checks, and how they are stored."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from insarhub_qgis.core.errors import InsarError

TARGETS, NEAREST, BUDGET = "targets", "nearest", "budget"
MODES = (TARGETS, NEAREST, BUDGET)
BOTH, EITHER = "both", "either"
ALLOW, EXCLUDE = "allow", "exclude"

#: Limits that a pair can break.
DT_MAX, PB_MAX, MONTHS = "dt_max", "pb_max", "months"

YEAR_DAYS = 365
YEARLY_TOLERANCE_DAYS = 20
#: Longer separations than a century are a slip of the pen.
_LONGEST_DAYS = 36525.0
_MONTH_NUMBERS = frozenset(range(1, 13))


@dataclass(frozen=True)
class CostWeights:
    """Weights of the cost of a pair; only their ratios count when a term is unknown for all pairs."""

    quality: float = 0.6
    time: float = 0.25
    baseline: float = 0.15


@dataclass(frozen=True)
class SelectionParameters:
    """What the user asks of a network.

    Attributes
    ----------
    dt_targets
        Separations to form pairs around, days.
    dt_tol
        Allowed deviation from a target, days.
    dt_max, pb_max
        Limits: days, and metres of perpendicular baseline.
    min_degree, max_degree
        Goals for the pairs per date; tree and repair pairs may exceed the upper one.
    force_connect
        Join what the limits split, by pairs that break a limit and are listed.
    mode
        ``targets``, ``nearest`` or ``budget``.
    n_nearest
        Pairs with each of the next dates (mode nearest).
    credits
        Upper limit of credits (mode budget); None otherwise.
    credits_per_pair
        Price of a granule pair as the service says; None = what was paid in this folder before.
    months
        Months 1..12 in which dates may be used.
    month_rule
        ``both``: dates outside `months` are not used; ``either``: one date of a pair in `months` is enough.
    yearly
        Adds pairs near 365, 730 ... days, 20 days of tolerance, exempt from `dt_max`.
    min_score
        Leaves out pairs of a lower score unless they hold the network together; None = off.
    unknown_bperp
        ``allow``: pairs of unknown baseline count by time alone and are listed; ``exclude``.
    looks
        Number of looks, for the variance of a pair (mode budget); only its ratio between networks counts.
    """

    dt_targets: tuple[float, ...] = (6.0, 12.0, 24.0, 36.0, 48.0, 72.0, 96.0)
    dt_tol: float = 3.0
    dt_max: float = 120.0
    pb_max: float = 150.0
    min_degree: int = 3
    max_degree: int = 5
    force_connect: bool = True
    mode: str = TARGETS
    n_nearest: int = 3
    credits: float | None = None
    credits_per_pair: float | None = None
    months: tuple[int, ...] = tuple(range(1, 13))
    month_rule: str = BOTH
    yearly: bool = False
    min_score: float | None = None
    unknown_bperp: str = ALLOW
    weights: CostWeights = field(default_factory=CostWeights)
    looks: float = 80.0

    def check(self) -> None:
        """Refuse parameters that mean nothing.

        Raises
        ------
        InsarError
            The first wrong one: ``selection.not_a_number``, ``selection.out_of_range``, ``selection.not_whole``,
            ``selection.unknown_choice``, ``selection.months``, ``selection.no_targets``, ``selection.degrees``,
            ``selection.no_credits`` or ``selection.no_weights``.
        """
        _check_number("dt_tol", self.dt_tol, 0.0, _LONGEST_DAYS)
        _check_number("dt_max", self.dt_max, 1.0, _LONGEST_DAYS)
        _check_number("pb_max", self.pb_max, 0.0, math.inf)
        _check_number("looks", self.looks, 1.0, math.inf)
        for target in self.dt_targets:
            _check_number("dt_targets", target, 1.0, _LONGEST_DAYS)
        if not self.dt_targets and self.mode == TARGETS:
            raise InsarError("selection.no_targets")
        _check_whole("min_degree", self.min_degree, 0)
        _check_whole("max_degree", self.max_degree, 1)
        _check_whole("n_nearest", self.n_nearest, 1)
        if self.min_degree > self.max_degree:
            raise InsarError("selection.degrees", min_degree=self.min_degree, max_degree=self.max_degree)
        _check_choice("mode", self.mode, MODES)
        _check_choice("month_rule", self.month_rule, (BOTH, EITHER))
        _check_choice("unknown_bperp", self.unknown_bperp, (ALLOW, EXCLUDE))
        if not self.months or any(_number(month) not in _MONTH_NUMBERS for month in self.months):
            raise InsarError("selection.months", value=", ".join(str(month) for month in self.months))
        if self.min_score is not None:
            _check_number("min_score", self.min_score, 0.0, 100.0)
        if self.credits is not None:
            _check_number("credits", self.credits, 0.0, math.inf)
        elif self.mode == BUDGET:
            raise InsarError("selection.no_credits")
        if self.credits_per_pair is not None:
            _check_number("credits_per_pair", self.credits_per_pair, 0.0, math.inf)
        for name in ("quality", "time", "baseline"):
            _check_number(f"weights.{name}", getattr(self.weights, name), 0.0, math.inf)
        if self.weights.quality + self.weights.time + self.weights.baseline <= 0:
            raise InsarError("selection.no_weights")

    @property
    def ineffective_targets(self) -> tuple[float, ...]:
        """Targets that no pair within `dt_max` can meet."""
        return tuple(target for target in self.dt_targets if target - self.dt_tol > self.dt_max)

    @property
    def uses_all_months(self) -> bool:
        return set(self.months) == set(range(1, 13))

    def limits_broken(
        self, dt_days: float, bperp_m: float | None, months: tuple[int, int] | None = None
    ) -> tuple[str, ...]:
        """Give the limits that a pair breaks: ``dt_max``, ``pb_max``, ``months``; an unknown baseline breaks none.

        Parameters
        ----------
        months
            Months of the two dates, where the month rule counts.
        """
        broken = []
        if dt_days > self.dt_max and not (self.yearly and is_yearly(dt_days)):
            broken.append(DT_MAX)
        if bperp_m is not None and abs(bperp_m) > self.pb_max:
            broken.append(PB_MAX)
        if months is not None:
            inside = [month in self.months for month in months]
            if not (all(inside) if self.month_rule == BOTH else any(inside)):
                broken.append(MONTHS)
        return tuple(broken)

    def to_json(self) -> dict[str, Any]:
        """Give all parameters as JSON values, under their keys."""
        values: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, tuple):
                value = [_plain(entry) for entry in value]
            elif isinstance(value, CostWeights):
                value = {entry.name: _plain(getattr(value, entry.name)) for entry in fields(value)}
            values[item.name] = _plain(value)
        return values

    @classmethod
    def from_json(cls, value: Any) -> SelectionParameters:
        """Read stored parameters; what is absent, not understood or wrong keeps its default."""
        chosen = cls()
        if not isinstance(value, Mapping):
            return chosen
        # Mode last: that of a budget is wrong without its credits. Degrees widest first, for the same reason.
        for name in sorted((item.name for item in fields(cls)), key=lambda name: (name == "mode", name)):
            found = value.get(name)
            read = None if found is None else _read_value(name, found, getattr(chosen, name))
            if read is None:
                continue
            candidate = replace(chosen, **{name: read})
            if name == "max_degree" and candidate.min_degree > candidate.max_degree:
                candidate = replace(candidate, min_degree=candidate.max_degree)
            try:
                candidate.check()
            except InsarError:
                continue
            chosen = candidate
        return chosen


def is_yearly(dt_days: float) -> bool:
    """Tell whether a separation lies within 20 days of a whole number of years (365 days each).

    >>> is_yearly(380), is_yearly(400), is_yearly(12)
    (True, False, False)
    """
    years = round(dt_days / YEAR_DAYS)
    return years >= 1 and abs(dt_days - years * YEAR_DAYS) <= YEARLY_TOLERANCE_DAYS


def _read_value(name: str, found: Any, default: Any) -> Any:
    if isinstance(default, bool):
        return found if isinstance(found, bool) else None
    if isinstance(default, str):
        return found if isinstance(found, str) else None
    if isinstance(default, CostWeights):
        if not isinstance(found, Mapping):
            return None
        weights = {entry.name: _number(found.get(entry.name)) for entry in fields(CostWeights)}
        return CostWeights(**{key: number for key, number in weights.items() if number is not None})
    if isinstance(default, tuple):
        numbers = [_number(entry) for entry in found] if isinstance(found, (list, tuple)) else [None]
        if any(number is None for number in numbers):
            return None
        known = [number for number in numbers if number is not None]
        return tuple(int(number) for number in known) if name == "months" else tuple(known)
    number = _number(found)
    if isinstance(default, int) and number is not None:
        return int(number) if number == int(number) else None
    return number


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)


def _plain(value: Any) -> Any:
    """Whole numbers without a point: ``6`` rather than ``6.0``."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _check_number(name: str, value: Any, low: float, high: float) -> None:
    number = _number(value)
    if number is None:
        raise InsarError("selection.not_a_number", name=name, value=str(value))
    if not low <= number <= high:
        raise InsarError("selection.out_of_range", name=name, value=str(value), low=_plain(low))


def _check_whole(name: str, value: Any, low: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InsarError("selection.not_whole", name=name, value=str(value))
    _check_number(name, value, low, math.inf)


def _check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InsarError("selection.unknown_choice", name=name, value=str(value), choices=", ".join(choices))

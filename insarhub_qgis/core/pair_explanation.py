# SPDX-License-Identifier: GPL-2.0-or-later
"""Why a pair has its score: each factor with its value, what it takes, and where the value comes from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from insarhub_qgis.core.coherence_decay import season_days
from insarhub_qgis.core.date_inputs import AIR, NDVI, RAIN, SNOW, SOIL
from insarhub_qgis.core.pair_database import JudgedPairs, PairVerdict
from insarhub_qgis.core.pair_score import (
    DRY_SNOW,
    FIRE,
    FREEZE_THAW,
    GEOMETRIC,
    MODIFIERS,
    RAIN_1,
    RAIN_2,
    SNOW_CHANGE,
    VEGETATION,
    coherence_factor,
)

COHERENCE = "coherence"
#: Sources of values that no service gives.
ORBITS, FIRE_LIST = "orbits", "firms"
MILLIMETRES, METRES, CELSIUS, SHARE = "mm", "m", "°C", ""


@dataclass(frozen=True)
class Factor:
    """One factor of a score.

    Attributes
    ----------
    values
        Raw values, one per entry of `dates`, or one of the whole pair.
    unit
        Of the values; empty for shares and coherence.
    penalty, weight
        p and w of ``1 - w p``; None for the coherence and the baseline, whose multiplier has no weight.
    points_lost
        Against the running product, in the order of the factors; None when the coherence is unknown.
    dates
        Days that the values belong to; both dates of the pair for a value of the whole pair.
    """

    name: str
    values: tuple[float, ...]
    unit: str
    penalty: float | None
    weight: float | None
    multiplier: float
    points_lost: float | None
    source: str
    dates: tuple[date, ...]


@dataclass(frozen=True)
class Explanation:
    """All that a tooltip or a details pane says of a pair.

    Attributes
    ----------
    factors
        In the order of the running product; a factor whose input is missing is not among them.
    season_days
        Days of the pair in December-February, March-May, June-August, September-November.
    wet_dates
        Dates with wet snow, which make the score 0.
    """

    dates: tuple[date, date]
    verdict: PairVerdict
    factors: tuple[Factor, ...]
    season_days: tuple[int, int, int, int]
    wet_dates: tuple[date, ...]

    @property
    def largest(self) -> tuple[Factor, ...]:
        """The three factors that cost most points, the dearest first; those that take nothing are left out.

        Without points, as the coherence is unknown, the smallest multipliers.
        """
        costly = [factor for factor in self.factors if factor.multiplier < 1.0]
        return tuple(sorted(costly, key=lambda factor: (-(factor.points_lost or 0.0), factor.multiplier))[:3])


def explain_pair(pairs: JudgedPairs, row: int) -> Explanation:
    """Explain the verdict on the pair at a place of the arrays."""
    verdict = pairs.verdict(row)
    days = pairs.inputs.days
    dates = (days[int(pairs.first[row])], days[int(pairs.second[row])])
    factors: list[Factor] = []
    product = None if verdict.coherence is None else 100.0

    def add(
        name: str,
        values: tuple[float, ...],
        unit: str,
        multiplier: float,
        source: str,
        of_dates: tuple[date, ...] = dates,
        penalty: float | None = None,
        weight: float | None = None,
    ) -> None:
        nonlocal product
        lost = None
        if product is not None:
            lost = product * (1.0 - multiplier)
            product -= lost
        factors.append(Factor(name, values, unit, penalty, weight, multiplier, lost, source, of_dates))

    if verdict.coherence is not None:
        factor = float(coherence_factor(verdict.coherence))
        add(COHERENCE, (verdict.coherence,), SHARE, factor, verdict.source or "")
    if verdict.bperp_m is not None:
        add(GEOMETRIC, (verdict.bperp_m,), METRES, float(pairs.penalties.geometric[row]), ORBITS)
    weights = pairs.weights.of_modifiers().tolist()
    for name, weight, penalty in zip(MODIFIERS, weights, pairs.penalties.penalties[:, row].tolist()):
        if penalty == penalty:
            values, unit, source, of_dates = _raw(pairs, row, name, dates)
            add(name, values, unit, 1.0 - weight * penalty, source, of_dates, penalty, weight)
    wet = int(pairs.penalties.wet_dates[row])
    return Explanation(
        dates=dates,
        verdict=verdict,
        factors=tuple(factors),
        season_days=season_days(*dates),
        wet_dates=tuple(day for bit, day in enumerate(dates) if wet >> bit & 1),
    )


def _raw(
    pairs: JudgedPairs, row: int, name: str, dates: tuple[date, date]
) -> tuple[tuple[float, ...], str, str, tuple[date, ...]]:
    """Give values, unit, source and dates of a modifier."""
    inputs = pairs.inputs.dates
    numbers = (int(pairs.first[row]), int(pairs.second[row]))
    if name == FIRE:
        return (float(pairs.burned_share[row]),), SHARE, FIRE_LIST, dates
    if name in (RAIN_1, RAIN_2):
        place = (RAIN_1, RAIN_2).index(name)
        number = numbers[place]
        return (float(inputs.rain_mm[number]),), MILLIMETRES, inputs.source_of(RAIN, number), (dates[place],)
    if name == FREEZE_THAW:
        names = tuple(AIR if inputs.soil_c[number] != inputs.soil_c[number] else SOIL for number in numbers)
        unit = CELSIUS
    else:
        names = {SNOW_CHANGE: (SNOW, SNOW), DRY_SNOW: (SNOW, SNOW), VEGETATION: (NDVI, NDVI)}[name]
        unit = SHARE
    values = tuple(float(getattr(inputs, each)[number]) for each, number in zip(names, numbers))
    sources = dict.fromkeys(inputs.source_of(each, number) for each, number in zip(names, numbers))
    return values, unit, ", ".join(source for source in sources if source), dates

# SPDX-License-Identifier: GPL-2.0-or-later
"""The score of pairs, 0..100: expected coherence times what weather, snow, vegetation, fire and baseline take from it.

Everything works on arrays of pairs, so that new weights score all pairs of a stack while a slider moves. Unknown is
NaN, never 0: a modifier whose input is missing is left out and named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from insarhub_qgis.core.date_inputs import FREEZING_C, UNTESTED, WET, DateInputs
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.stack_file import GREEN, YELLOW, is_number

# Runtime needs none of it, and importing it is a quarter of the start of the plugin.
if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import ArrayLike, NDArray

#: Coherence that scores 0, about the noise floor of its estimate, and the range from there to 100.
LOWEST_COHERENCE, COHERENCE_RANGE = 0.10, 0.30
CRITICAL_BASELINE_M = 5000.0
FULL_RAIN_MM = 30.0
FULL_NDVI_CHANGE = 0.4
FULL_FIRE_SHARE = 0.10

GEOMETRIC = "geometric"
RAIN_1, RAIN_2, SNOW_CHANGE, DRY_SNOW = "rain_1", "rain_2", "snow_change", "dry_snow"
FREEZE_THAW, VEGETATION, FIRE = "freeze_thaw", "vegetation", "fire"
#: Modifiers with a weight, in the order of the running product.
MODIFIERS = (RAIN_1, RAIN_2, SNOW_CHANGE, DRY_SNOW, FREEZE_THAW, VEGETATION, FIRE)
#: What can be missing besides; `DECAY` makes the score unknown, the others only leave a modifier out.
WET_SNOW_TEST, DECAY = "wet_snow_test", "decay"
#: Bit of each name in `PairPenalties.missing`.
MISSING_NAMES = (GEOMETRIC, *MODIFIERS, WET_SNOW_TEST, DECAY)
#: Reason of a score that is 0 whatever the rest says.
WET_SNOW = "wet_snow"

#: Classes of scores.
UNKNOWN_CLASS, RED_CLASS, YELLOW_CLASS, GREEN_CLASS = range(4)

STANDARD, ARID, COLD, TROPICS, COHERENCE_ONLY = "standard", "arid", "cold", "tropics", "coherence_only"

Floats: TypeAlias = "NDArray[np.float64]"
#: Keeps a half a half: a sum of floats may fall just short of it.
_HALF = 0.5 + 1e-9


@dataclass(frozen=True)
class ScoreWeights:
    """How much each modifier can take, 0..1; both dates have the weight of rain.

    The baseline has no weight: its factor is physics.
    """

    rain: float = 0.35
    snow_change: float = 0.50
    dry_snow: float = 0.30
    freeze_thaw: float = 0.30
    vegetation: float = 0.30
    fire: float = 0.50

    def check(self) -> None:
        """Raise ``quality.bad_weight`` for a weight that is no number from 0 to 1."""
        for item in fields(self):
            value = getattr(self, item.name)
            if not is_number(value) or not 0.0 <= value <= 1.0:
                raise InsarError("quality.bad_weight", name=item.name, value=str(value))

    def of_modifiers(self) -> Floats:
        """Give the weights in the order of `MODIFIERS`, shape (7,)."""
        return np.array(
            [
                self.rain,
                self.rain,
                self.snow_change,
                self.dry_snow,
                self.freeze_thaw,
                self.vegetation,
                self.fire,
            ]
        )

    def to_json(self) -> dict[str, float]:
        return {item.name: float(getattr(self, item.name)) for item in fields(self)}

    @classmethod
    def from_json(cls, value: Any) -> ScoreWeights:
        """Read stored weights; what is absent or wrong keeps its standard value."""
        found = value if isinstance(value, Mapping) else {}
        known = {
            item.name: float(found[item.name])
            for item in fields(cls)
            if is_number(found.get(item.name)) and 0.0 <= found[item.name] <= 1.0
        }
        return cls(**known)


_STANDARD_WEIGHTS = ScoreWeights()
#: Preset -> its weights.
PRESETS: dict[str, ScoreWeights] = {
    STANDARD: _STANDARD_WEIGHTS,
    ARID: replace(_STANDARD_WEIGHTS, rain=0.50, vegetation=0.10),
    COLD: replace(_STANDARD_WEIGHTS, snow_change=0.6, dry_snow=0.4, freeze_thaw=0.4),
    TROPICS: replace(_STANDARD_WEIGHTS, rain=0.25, vegetation=0.40),
    COHERENCE_ONLY: ScoreWeights(0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
}


def preset_of(weights: ScoreWeights) -> str | None:
    """Give the preset that has these weights; None when they are the user's own."""
    return next((name for name, preset in PRESETS.items() if preset == weights), None)


@dataclass(frozen=True)
class PairPenalties:
    """What takes from the score of each pair, without weights.

    Attributes
    ----------
    geometric
        Factor 0..1, shape (n,); NaN = unknown baseline.
    penalties
        0..1 in the order of `MODIFIERS`, shape (7, n); NaN = missing input.
    wet_dates
        0 none, 1 earlier, 2 later, 3 both dates have wet snow, shape (n,).
    missing
        Bit set of `MISSING_NAMES`, shape (n,); `DECAY` is not known here.
    """

    geometric: Floats
    penalties: Floats
    wet_dates: NDArray[np.int8]
    missing: NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.geometric)


def pair_penalties(
    dates: DateInputs,
    first: NDArray[Any],
    second: NDArray[Any],
    bperp_m: ArrayLike | None = None,
    burned_share: ArrayLike | None = None,
) -> PairPenalties:
    """Turn the inputs of dates into penalties of pairs.

    Parameters
    ----------
    first, second
        Numbers of the earlier and the later date of each pair, shape (n,).
    bperp_m
        Perpendicular baseline in metres, any sign, shape (n,); NaN or None = unknown.
    burned_share
        Share of the area 0..1 that burned, shape (n,); NaN or None = unknown.
    """
    count = len(first)
    bperp = np.full(count, np.nan) if bperp_m is None else np.asarray(bperp_m, dtype=np.float64)
    burned = np.full(count, np.nan) if burned_share is None else np.asarray(burned_share, dtype=np.float64)
    rain = np.clip(dates.rain_mm / FULL_RAIN_MM, 0.0, 1.0)
    snow_1, snow_2 = dates.snow_cover[first], dates.snow_cover[second]
    ground = np.where(np.isnan(dates.soil_c), dates.air_c, dates.soil_c)
    frozen = np.where(np.isnan(ground), np.nan, ground <= FREEZING_C)
    penalties = np.empty((len(MODIFIERS), count))
    penalties[0], penalties[1] = rain[first], rain[second]
    penalties[2] = np.abs(snow_2 - snow_1)
    penalties[3] = _dry_snow(snow_1, snow_2, dates.air_c[first], dates.air_c[second])
    penalties[4] = np.abs(frozen[second] - frozen[first])
    penalties[5] = np.minimum(np.abs(dates.ndvi[second] - dates.ndvi[first]) / FULL_NDVI_CHANGE, 1.0)
    penalties[6] = np.minimum(burned / FULL_FIRE_SHARE, 1.0)
    geometric = np.maximum(0.0, 1.0 - np.abs(bperp) / CRITICAL_BASELINE_M)
    wet_1, wet_2 = dates.wet_snow[first], dates.wet_snow[second]
    wet_dates = ((wet_1 == WET) + 2 * (wet_2 == WET)).astype(np.int8)
    is_untested = ((wet_1 == UNTESTED) | (wet_2 == UNTESTED)) & (wet_dates == 0)
    missing = np.isnan(geometric).astype(np.uint16)
    for bit, values in enumerate(penalties, start=1):
        missing |= np.isnan(values).astype(np.uint16) << np.uint16(bit)
    missing |= is_untested.astype(np.uint16) << np.uint16(MISSING_NAMES.index(WET_SNOW_TEST))
    return PairPenalties(geometric, penalties, wet_dates, missing)


def _dry_snow(snow_1: Floats, snow_2: Floats, air_1: Floats, air_2: Floats) -> Floats:
    """Give the larger snow cover where it is cold on the date that has it; without snow no temperature is needed."""
    most = np.maximum(snow_1, snow_2)
    is_cold_1, is_cold_2 = _is_cold(air_1), _is_cold(air_2)
    is_cold = np.where(
        snow_1 > snow_2, is_cold_1, np.where(snow_2 > snow_1, is_cold_2, np.fmax(is_cold_1, is_cold_2))
    )
    # The same snow on both dates, one of them not cold and one unknown: it may have been cold.
    is_open = (snow_1 == snow_2) & (is_cold == 0.0) & (np.isnan(is_cold_1) | np.isnan(is_cold_2))
    is_cold = np.where(is_open, np.nan, is_cold)
    return np.where(most == 0.0, 0.0, most * is_cold)


def _is_cold(air_c: Floats) -> Floats:
    return np.where(np.isnan(air_c), np.nan, air_c <= FREEZING_C)


def coherence_factor(coherence: ArrayLike) -> Floats:
    """Give 0 at a coherence of 0.10 and below, 1 at 0.40 and above; NaN stays NaN."""
    return np.clip((np.asarray(coherence, dtype=np.float64) - LOWEST_COHERENCE) / COHERENCE_RANGE, 0.0, 1.0)


def score_pairs(coherence: ArrayLike, penalties: PairPenalties, weights: ScoreWeights) -> Floats:
    """Score pairs.

    Parameters
    ----------
    coherence
        Expected coherence of each pair, shape (n,); NaN = unknown.

    Returns
    -------
    ndarray
        0..100, rounded to 0.1, shape (n,); NaN = unknown. Wet snow is 0, also where the coherence is unknown.
    """
    product = 100.0 * coherence_factor(coherence)
    product *= np.where(np.isnan(penalties.geometric), 1.0, penalties.geometric)
    for weight, values in zip(weights.of_modifiers(), penalties.penalties):
        if weight > 0:
            product *= np.where(np.isnan(values), 1.0, 1.0 - weight * values)
    product[penalties.wet_dates > 0] = 0.0
    return rounded_scores(product)


def rounded_scores(scores: ArrayLike) -> Floats:
    """Round scores, which are not negative, to 0.1: first to 0.01, then halves up; NaN stays NaN.

    >>> rounded_scores([42.25, 49.747, 69.3]).tolist()
    [42.3, 49.8, 69.3]
    """
    hundredths = np.floor(np.asarray(scores, dtype=np.float64) * 100.0 + _HALF)
    rounded: Floats = np.floor(hundredths / 10.0 + _HALF) / 10.0
    return rounded


def missing_inputs(penalties: PairPenalties, coherence: ArrayLike) -> NDArray[np.uint16]:
    """Give the bit sets of what is missing, the decay among it, shape (n,)."""
    is_unknown = np.isnan(np.asarray(coherence, dtype=np.float64)).astype(np.uint16)
    found: NDArray[np.uint16] = penalties.missing | (is_unknown << np.uint16(MISSING_NAMES.index(DECAY)))
    return found


def missing_names(bits: int) -> tuple[str, ...]:
    """Give the names in a bit set.

    >>> missing_names(0b101)
    ('geometric', 'rain_2')
    """
    return tuple(name for place, name in enumerate(MISSING_NAMES) if bits >> place & 1)


def count_missing(missing: NDArray[np.uint16]) -> dict[str, int]:
    """Give name -> number of pairs that lack it; names that no pair lacks are left out."""
    counts = {
        name: int(np.count_nonzero(missing >> np.uint16(place) & np.uint16(1)))
        for place, name in enumerate(MISSING_NAMES)
    }
    return {name: count for name, count in counts.items() if count}


@dataclass(frozen=True)
class ClassLimits:
    """Scores from which a pair is green and yellow; below is red."""

    green: float = GREEN
    yellow: float = YELLOW


_STANDARD_LIMITS = ClassLimits()


def score_classes(scores: ArrayLike, limits: ClassLimits = _STANDARD_LIMITS) -> NDArray[np.int8]:
    """Give `UNKNOWN_CLASS`, `RED_CLASS`, `YELLOW_CLASS` or `GREEN_CLASS` of rounded scores, shape (n,)."""
    values = np.asarray(scores, dtype=np.float64)
    classes = np.where(
        values >= limits.green, GREEN_CLASS, np.where(values >= limits.yellow, YELLOW_CLASS, RED_CLASS)
    )
    return np.where(np.isnan(values), UNKNOWN_CLASS, classes).astype(np.int8)


def snow_penalty(penalties: Floats) -> Floats:
    """Give the largest snow penalty of pairs, shape (7, n) -> (n,); NaN when none is known."""
    return _largest(penalties, (SNOW_CHANGE, DRY_SNOW))


def rain_penalty(penalties: Floats) -> Floats:
    """Give the larger rain penalty of pairs, shape (7, n) -> (n,); NaN when none is known."""
    return _largest(penalties, (RAIN_1, RAIN_2))


def _largest(penalties: Floats, names: Sequence[str]) -> Floats:
    rows = [penalties[MODIFIERS.index(name)] for name in names]
    largest: Floats = np.fmax(rows[0], rows[1])
    return largest

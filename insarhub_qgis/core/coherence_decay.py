# SPDX-License-Identifier: GPL-2.0-or-later
"""How coherence falls with the days of a pair: the decay model, pairs that cross seasons, and figures of an area.

The model is ``g(t) = g_inf + (g0 - g_inf) exp(-t / tau)``. Seasons are those of the months, in the order
December-February, March-May, June-August, September-November, the same in both hemispheres.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Callable

import numpy as np

from insarhub_qgis.core.decay_map_files import SEASONS
from insarhub_qgis.core.progress import IsCancelled, never_cancelled, stop_if_cancelled

# Runtime needs none of it, and importing it is a quarter of the start of the plugin.
if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

SEASON_COUNT = len(SEASONS)
#: Limits of tau in days.
SHORTEST_TAU_DAYS, LONGEST_TAU_DAYS = 2.0, 200.0
#: Pixels of an area that are evaluated.
SAMPLE_PIXELS = 1024
#: Pixels above this coherence count for the usable fraction.
USABLE_COHERENCE = 0.3
#: Fewer valid pixels, or a smaller share of the area, are said to be few.
FEW_PIXELS, FEW_SHARE = 10, 0.2
#: Longest answer of `longest_usable_days`.
LONGEST_ANSWER_DAYS = 365.0

#: Pairs longer than the first number have their day counts rounded to the second one.
_ROUNDING = ((365, 10), (180, 2))
#: Values of one block of an evaluation: 2 MB, so that it stays in the processor's cache.
_BLOCK_VALUES = 1 << 18
_CODE_BITS = 15
#: Decimals of the figures. The last bits depend on how many pairs are evaluated together; a score must not.
_DECIMALS = 9
_GOLDEN = 0.6180339887498949

Floats: TypeAlias = "NDArray[np.float64]"
Ints: TypeAlias = "NDArray[np.int64]"
Bools: TypeAlias = "NDArray[np.bool_]"


# --- Days of a pair in each season -------------------------------------------------------------------


def season_days(first: date, second: date) -> tuple[int, int, int, int]:
    """Give the days from ``first`` (included) to ``second`` (excluded) in each season.

    >>> season_days(date(2023, 2, 21), date(2023, 3, 5))
    (8, 4, 0, 0)
    """
    counts = season_days_of_pairs((first, second), np.array([0]), np.array([1]))[0].tolist()
    return (counts[0], counts[1], counts[2], counts[3])


def season_days_of_pairs(dates: Sequence[date], first: NDArray[Any], second: NDArray[Any]) -> Ints:
    """Give the days of many pairs in each season.

    Parameters
    ----------
    first, second
        Numbers of the earlier and the later date of each pair, shape (n,).

    Returns
    -------
    ndarray
        Shape (n, 4).

    Raises
    ------
    ValueError
        When a pair's second date is earlier than its first one.
    """
    ordinals = np.array([day.toordinal() for day in dates], dtype=np.int64)
    if not len(first):
        return np.zeros((0, SEASON_COUNT), dtype=np.int64)
    if np.any(ordinals[second] < ordinals[first]):
        raise ValueError("a pair ends before it begins")
    begin, end = int(ordinals.min()), int(ordinals.max())
    epoch = date(1970, 1, 1).toordinal()
    days = np.arange(begin - epoch, end - epoch).astype("datetime64[D]")
    month = days.astype("datetime64[M]").astype(np.int64) % 12 + 1
    counts = np.zeros((end - begin + 1, SEASON_COUNT), dtype=np.int64)
    # December is month 12, so that 12 % 12 // 3 is season 0 like January and February.
    np.cumsum((month % 12 // 3)[:, None] == np.arange(SEASON_COUNT), axis=0, out=counts[1:])
    found: Ints = counts[ordinals[second] - begin] - counts[ordinals[first] - begin]
    return found


def rounded_season_days(counts: NDArray[Any]) -> Ints:
    """Round the day counts of long pairs, so that fewer signatures differ: to 2 d above 180 d, to 10 d above 365 d.

    Parameters
    ----------
    counts
        Days in each season, shape (n, 4). Only the pair itself decides how it is rounded.
    """
    exact = np.asarray(counts, dtype=np.int64)
    total = exact.sum(axis=1, keepdims=True)
    rounded = exact
    for longer_than, step in reversed(_ROUNDING):
        # Halves to even: always upwards would make every pair longer.
        steps = (np.rint(exact / step) * step).astype(np.int64)
        rounded = np.where(total > longer_than, steps, rounded)
    return rounded


def signature_codes(counts: NDArray[Any]) -> Ints:
    """Give one whole number per row of day counts, shape (n, 4) -> (n,); equal rows have equal numbers.

    Raises
    ------
    ValueError
        For counts above 32767 days, about 90 years in one season.
    """
    values = np.asarray(counts, dtype=np.int64)
    if values.size and (values.min() < 0 or values.max() >= 1 << _CODE_BITS):
        raise ValueError("day counts out of range")
    codes: Ints = np.zeros(len(values), dtype=np.int64)
    for season in range(SEASON_COUNT):
        codes = (codes << _CODE_BITS) | values[:, season]
    return codes


def days_of_codes(codes: NDArray[Any]) -> Ints:
    """Give the day counts of signature codes, shape (n,) -> (n, 4)."""
    shifts = _CODE_BITS * np.arange(SEASON_COUNT - 1, -1, -1, dtype=np.int64)
    counts: Ints = (np.asarray(codes, dtype=np.int64)[:, None] >> shifts) & ((1 << _CODE_BITS) - 1)
    return counts


# --- The model ---------------------------------------------------------------------------------------


def coherence_after(
    g_inf: NDArray[Any] | float, g0: NDArray[Any] | float, tau_days: NDArray[Any] | float, days: Any
) -> Floats:
    """Give the coherence of the model within one season; shapes broadcast, NaN stays NaN.

    >>> round(float(coherence_after(0.30, 0.80, 40.0, 12.0)), 4)
    0.6704
    """
    return np.asarray(g_inf + (np.subtract(g0, g_inf)) * np.exp(-np.asarray(days) / tau_days))


def longest_usable_days(
    g_inf: NDArray[Any] | float, g0: NDArray[Any] | float, tau_days: NDArray[Any] | float, coherence: float
) -> Floats:
    """Give the longest pair in days that keeps a coherence within one season, 0..365; NaN stays NaN.

    0 where even the shortest pair is below, 365 where the floor is above.
    """
    floor, start, tau = np.broadcast_arrays(
        np.asarray(g_inf, dtype=np.float64), np.asarray(g0, np.float64), np.asarray(tau_days, np.float64)
    )
    is_between = (floor < coherence) & (start > coherence)
    share = np.where(is_between, (coherence - floor) / np.where(is_between, start - floor, 1.0), 1.0)
    days = np.where(is_between, np.minimum(-tau * np.log(share), LONGEST_ANSWER_DAYS), 0.0)
    days = np.where(floor >= coherence, LONGEST_ANSWER_DAYS, days)
    return np.where(np.isnan(floor) | np.isnan(start) | np.isnan(tau), np.nan, days)


def best_season(
    g_inf: NDArray[Any], g0: NDArray[Any], tau_days: NDArray[Any], days: float
) -> NDArray[np.uint8]:
    """Give the season of the largest coherence after some days: 1 December-February ... 4 September-November.

    Parameters
    ----------
    g_inf, g0, tau_days
        Shape (4, ...), NaN = not known in that season.

    Returns
    -------
    ndarray
        Shape (...); the first season of a tie; 0 where no season is known.
    """
    coherence = coherence_after(g_inf, g0, tau_days, days)
    is_known = np.isfinite(coherence)
    best = np.argmax(np.where(is_known, coherence, -1.0), axis=0) + 1
    return np.where(is_known.any(axis=0), best, 0).astype(np.uint8)


# --- Places and their figures ------------------------------------------------------------------------


@dataclass(frozen=True)
class DecayParameters:
    """Decay parameters of places (pixels, or classes of land) in the four seasons.

    Attributes
    ----------
    g_inf, g0, tau_days
        Shape (4, n); a place that is not known in a season has NaN in all three.
    weights
        Shape (n,), shares of the area; None when all places count the same.
    area_pixels
        Pixels of the area, valid or not; 0 when the places are no pixels.
    valid_pixels
        Shape (16,): valid pixels of the whole area in all seasons of a set, numbered by the sum of
        1, 2, 4 and 8 for the seasons in it; None when every pixel of the area is a place.
    """

    g_inf: Floats
    g0: Floats
    tau_days: Floats
    weights: Floats | None = None
    area_pixels: int = 0
    valid_pixels: Ints | None = None

    def __post_init__(self) -> None:
        values = [np.array(each, dtype=np.float64) for each in (self.g_inf, self.g0, self.tau_days)]
        shapes = {each.shape for each in values}
        if len(shapes) != 1 or values[0].ndim != 2 or len(values[0]) != SEASON_COUNT:
            raise ValueError(f"parameters have shapes {sorted(shapes)}, not (4, n)")
        is_unknown = ~(np.isfinite(values[0]) & np.isfinite(values[1]) & np.isfinite(values[2]))
        for name, each in zip(("g_inf", "g0", "tau_days"), values):
            each[is_unknown] = np.nan
            object.__setattr__(self, name, each)

    @property
    def count(self) -> int:
        """Number of places."""
        return int(self.g_inf.shape[1])

    def are_valid(self, seasons: Sequence[int]) -> Bools:
        """Tell which places are known in all of these seasons, shape (n,)."""
        return np.asarray(np.isfinite(self.g_inf[list(seasons)]).all(axis=0))

    def are_few(self, seasons: Sequence[int]) -> bool:
        """Tell whether these seasons rest on fewer than 10 valid pixels, or on less than 20 % of the area."""
        if not self.area_pixels:
            return False
        if self.valid_pixels is None:
            valid = int(self.are_valid(seasons).sum())
        else:
            valid = int(self.valid_pixels[sum(1 << season for season in seasons)])
        return valid < FEW_PIXELS or valid < FEW_SHARE * self.area_pixels


def sample_decay_maps(
    g_inf: NDArray[Any],
    g0: NDArray[Any],
    tau_days: NDArray[Any],
    is_inside: NDArray[np.bool_],
    limit: int = SAMPLE_PIXELS,
) -> DecayParameters:
    """Take the pixels of an area out of decay maps, at most ``limit``, always the same ones.

    Parameters
    ----------
    g_inf, g0, tau_days
        Shape (4, rows, cols), NaN where there is no data.
    is_inside
        Shape (rows, cols): pixels of the area.
    """
    is_valid = np.isfinite(g_inf) & np.isfinite(g0) & np.isfinite(tau_days) & is_inside
    codes = np.zeros(is_inside.shape, dtype=np.uint8)
    for season in range(SEASON_COUNT):
        codes |= is_valid[season].astype(np.uint8) << season
    by_code = np.bincount(codes.ravel(), minlength=1 << SEASON_COUNT)
    sets = np.arange(1 << SEASON_COUNT)
    valid_pixels = np.array([by_code[(sets & wanted) == wanted].sum() for wanted in sets], dtype=np.int64)
    found = np.flatnonzero(codes)
    if len(found) > limit:
        steps = np.arange(limit)
        # One pixel of each of `limit` equal runs. Where in its run wanders by the golden ratio: at a fixed place
        # all would lie in one column when a run is as long as a row.
        found = found[((steps + steps * _GOLDEN % 1.0) * (len(found) / limit)).astype(np.int64)]
    sampled = [np.asarray(each).reshape(SEASON_COUNT, -1)[:, found] for each in (g_inf, g0, tau_days)]
    return DecayParameters(
        sampled[0], sampled[1], sampled[2], area_pixels=int(is_inside.sum()), valid_pixels=valid_pixels
    )


@dataclass(frozen=True)
class DecayStatistics:
    """Expected coherence over the places of an area, one entry per signature; arrays of shape (n,).

    Attributes
    ----------
    median, p25
        NaN = unknown.
    usable_fraction
        Share of the area with a coherence above 0.3; NaN = unknown.
    place_count
        Pixels or classes that were evaluated; 0 = unknown.
    is_few
        They stand for fewer than 10 valid pixels or less than 20 % of the area.
    """

    median: Floats
    p25: Floats
    usable_fraction: Floats
    place_count: Ints
    is_few: Bools

    @classmethod
    def unknown(cls, count: int) -> DecayStatistics:
        median, p25, usable_fraction = (np.full(count, np.nan) for _ in range(3))
        return cls(median, p25, usable_fraction, np.zeros(count, dtype=np.int64), np.zeros(count, dtype=bool))

    @property
    def is_known(self) -> Bools:
        known: Bools = self.place_count > 0
        return known

    def take(self, index: NDArray[Any]) -> DecayStatistics:
        return DecayStatistics(*(each[index] for each in self._arrays()))

    def put(self, index: NDArray[Any], values: DecayStatistics) -> None:
        """Replace the entries at ``index``."""
        for each, found in zip(self._arrays(), values._arrays()):
            each[index] = found

    def _arrays(self) -> tuple[NDArray[Any], ...]:
        return (self.median, self.p25, self.usable_fraction, self.place_count, self.is_few)


def chained_coherence(parameters: DecayParameters, counts: NDArray[Any]) -> Floats:
    """Give the coherence of pairs at every place, also of pairs that cross seasons.

    Floor and start are weighted by the days in each season, the exponents of the segments add up.

    Parameters
    ----------
    counts
        Days in each season, shape (m, 4).

    Returns
    -------
    ndarray
        Shape (m, n); NaN where a place is not known in all seasons of the pair, or the pair has no days.
    """
    coherence = np.full((len(counts), parameters.count), np.nan)

    def keep(rows: Ints, places: Bools, values: Floats) -> None:
        coherence[np.ix_(rows, places)] = values

    _evaluate(parameters, counts, keep, never_cancelled)
    return coherence


def coherence_statistics(
    parameters: DecayParameters, counts: NDArray[Any], is_cancelled: IsCancelled = never_cancelled
) -> DecayStatistics:
    """Give median, lower quartile and usable fraction over the places for each row of day counts, shape (m, 4).

    The quantile of shares is the value where the sorted shares reach it, or the mean of two values where they meet
    it exactly; of pixels it is the usual median.
    """
    found = DecayStatistics.unknown(len(counts))

    def summarise(rows: Ints, places: Bools, values: Floats) -> None:
        weights = None if parameters.weights is None else parameters.weights[places]
        if weights is None:
            found.usable_fraction[rows] = (
                np.count_nonzero(values > USABLE_COHERENCE, axis=1) / values.shape[1]
            )
            found.p25[rows], found.median[rows] = _quartile_and_median(values)
        else:
            found.usable_fraction[rows] = ((values > USABLE_COHERENCE) * weights).sum(axis=1) / weights.sum()
            found.p25[rows], found.median[rows] = _weighted_quantiles(values, weights)
        found.place_count[rows] = values.shape[1]

    for seasons, rows in _evaluate(parameters, counts, summarise, is_cancelled):
        found.is_few[rows] = parameters.are_few(seasons)
    for figures in (found.median, found.p25):
        np.round(figures, _DECIMALS, out=figures)
    return found


def _evaluate(
    parameters: DecayParameters,
    counts: NDArray[Any],
    take: Callable[[Ints, Bools, Floats], None],
    is_cancelled: IsCancelled,
) -> list[tuple[list[int], Ints]]:
    """Give blocks of coherence, (rows, valid places), to ``take``; returns the rows of each set of seasons."""
    days = np.asarray(counts, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        rate = 1.0 / parameters.tau_days
    is_concerned = days > 0
    sets = (is_concerned * (1 << np.arange(SEASON_COUNT))).sum(axis=1)
    groups = []
    for number in np.unique(sets[sets > 0]).tolist():
        seasons = [season for season in range(SEASON_COUNT) if number >> season & 1]
        places = parameters.are_valid(seasons)
        valid = int(places.sum())
        if not valid:
            continue
        rows = np.flatnonzero(sets == number)
        groups.append((seasons, rows))
        floor = parameters.g_inf[seasons][:, places]
        drop = parameters.g0[seasons][:, places] - floor
        exponent = -rate[seasons][:, places]
        size = max(1, _BLOCK_VALUES // valid)
        for start in range(0, len(rows), size):
            stop_if_cancelled(is_cancelled)
            block = rows[start : start + size]
            segments = days[block][:, seasons]
            shares = segments / segments.sum(axis=1, keepdims=True)
            coherence = segments @ exponent
            np.exp(coherence, out=coherence)
            coherence *= shares @ drop
            coherence += shares @ floor
            take(block, places, coherence)
    return groups


def _quartile_and_median(values: Floats) -> tuple[Floats, Floats]:
    count = values.shape[1]
    wanted = [_ranks(count, 4), _ranks(count, 2)]
    ordered = np.partition(values, sorted({rank for ranks in wanted for rank in ranks}), axis=1)
    quartile, median = (ordered[:, ranks].mean(axis=1) for ranks in wanted)
    return quartile, median


def _ranks(count: int, part: int) -> list[int]:
    """Places of the 1/part quantile among ``count`` sorted values."""
    whole, rest = divmod(count, part)
    return [whole] if rest else [whole - 1, whole]


def _weighted_quantiles(values: Floats, weights: Floats) -> tuple[Floats, Floats]:
    order = np.argsort(values, axis=1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=1)
    reached = np.cumsum(weights[order], axis=1) / weights.sum()
    found = []
    for quantile in (0.25, 0.5):
        # Sums of shares carry rounding errors; a share is never as small as this.
        low = np.argmax(reached >= quantile - 1e-9, axis=1)
        high = np.minimum(np.argmax(reached > quantile + 1e-9, axis=1), values.shape[1] - 1)
        rows = np.arange(len(values))
        found.append((ordered[rows, low] + ordered[rows, high]) / 2)
    return found[0], found[1]

# SPDX-License-Identifier: GPL-2.0-or-later
"""How well a forecast of coherence agrees with what was observed: correlations, bias, spread, and classes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from insarhub_qgis.core.decay_sources import SOURCE_LABELS
from insarhub_qgis.core.pair_score import (
    GREEN_CLASS,
    RED_CLASS,
    YELLOW_CLASS,
    coherence_factor,
    rounded_scores,
    score_classes,
)

# Runtime needs none of it, and importing it is a quarter of the start of the plugin.
if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import ArrayLike, NDArray

#: The first source that knows the seasons of a pair: what the scores rest on.
COMBINED = "combined"
#: Forecasts that are checked, in the order of tables.
FORECASTS = (*SOURCE_LABELS, COMBINED)
#: Fewer pairs tell nothing of a relation.
FEWEST_PAIRS = 3
#: Why figures are missing.
FEW_PAIRS, PREDICTED_CONSTANT, OBSERVED_CONSTANT = "few_pairs", "predicted_constant", "observed_constant"
#: Classes in the order of tables.
CLASSES = (GREEN_CLASS, YELLOW_CLASS, RED_CLASS)

Floats: TypeAlias = "NDArray[np.float64]"


@dataclass(frozen=True)
class ForecastFigures:
    """Figures of one forecast; None = not known.

    Attributes
    ----------
    count
        Pairs with both a forecast and an observation.
    rank_correlation
        Of Spearman, with mean ranks for ties; -1..1.
    correlation
        Of Pearson; -1..1.
    bias
        Median of predicted minus observed; positive = the forecast promised too much.
    mad
        Median distance of the differences from the bias; not scaled to a standard deviation.
    rmse
        Root mean square of the differences, with the bias in it.
    reason
        Why something is None: `FEW_PAIRS`, `PREDICTED_CONSTANT` or `OBSERVED_CONSTANT`; None when all is known.
    """

    count: int
    rank_correlation: float | None = None
    correlation: float | None = None
    bias: float | None = None
    mad: float | None = None
    rmse: float | None = None
    reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def forecast_figures(predicted: ArrayLike, observed: ArrayLike) -> ForecastFigures:
    """Compare a forecast with observations in the same unit, both of shape (n,); NaN = unknown.

    Fewer than three pairs have no figures; a forecast or an observation without spread has no correlations.
    """
    one, other = _both_known(predicted, observed)
    if len(one) < FEWEST_PAIRS:
        return ForecastFigures(len(one), reason=FEW_PAIRS)
    difference = one - other
    bias = float(np.median(difference))
    reason = None
    if _is_constant(one):
        reason = PREDICTED_CONSTANT
    elif _is_constant(other):
        reason = OBSERVED_CONSTANT
    return ForecastFigures(
        count=len(one),
        rank_correlation=rank_correlation(one, other),
        correlation=linear_correlation(one, other),
        bias=bias,
        mad=float(np.median(np.abs(difference - bias))),
        rmse=float(np.sqrt(np.mean(difference**2))),
        reason=reason,
    )


def score_figures(scores: ArrayLike, observed_coherence: ArrayLike) -> ForecastFigures:
    """Compare scores 0..100 with observed coherence, both of shape (n,); NaN = unknown.

    Correlations are with the coherence itself. Bias, MAD and RMSE are in points of the score, against the score that
    the observed coherence earns; that one ends at 100, where the coherence still grows.
    """
    related = forecast_figures(scores, observed_coherence)
    points = forecast_figures(scores, scores_of_coherence(observed_coherence))
    return replace(related, bias=points.bias, mad=points.mad, rmse=points.rmse)


def rank_correlation(one: ArrayLike, other: ArrayLike) -> float | None:
    """Give Spearman's rank correlation, ties with their mean rank; None for fewer than three pairs or no spread.

    Pairs with NaN are left out.

    >>> rank_correlation([1, 2, 3, 4], [1, 4, 9, 16])
    1.0
    """
    first, second = _both_known(one, other)
    return linear_correlation(mean_ranks(first), mean_ranks(second))


def linear_correlation(one: ArrayLike, other: ArrayLike) -> float | None:
    """Give Pearson's correlation; None for fewer than three pairs or no spread. Pairs with NaN are left out."""
    first, second = _both_known(one, other)
    if len(first) < FEWEST_PAIRS or _is_constant(first) or _is_constant(second):
        return None
    first, second = first - first.mean(), second - second.mean()
    # Scaled first, so that the squares of very small or very large values neither vanish nor overflow.
    first, second = first / np.abs(first).max(), second / np.abs(second).max()
    found = float((first * second).sum() / np.sqrt((first**2).sum() * (second**2).sum()))
    return min(max(round(found, 12), -1.0), 1.0)


def mean_ranks(values: ArrayLike) -> Floats:
    """Give the ranks 1..n of values without NaN, shape (n,); equal values share the mean of their ranks.

    >>> mean_ranks([0.2, 0.5, 0.5, 0.1]).tolist()
    [2.0, 3.5, 3.5, 1.0]
    """
    array = np.asarray(values, dtype=np.float64)
    _, group, counts = np.unique(array, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Floats = (last - (counts - 1) / 2.0)[group.reshape(array.shape)]
    return ranks


def scores_of_coherence(coherence: ArrayLike) -> Floats:
    """Give the scores 0..100 that coherences earn when nothing takes from them, rounded to 0.1; NaN stays NaN.

    >>> scores_of_coherence([0.28, 0.19, 0.10]).tolist()
    [60.0, 30.0, 0.0]
    """
    return rounded_scores(100.0 * coherence_factor(coherence))


@dataclass(frozen=True)
class ClassTable:
    """How often each class was forecast and observed.

    Attributes
    ----------
    counts
        Rows: forecast; columns: observed; both green, yellow, red.
    """

    counts: tuple[tuple[int, int, int], ...]

    @property
    def total(self) -> int:
        return sum(sum(row) for row in self.counts)

    @property
    def agreement(self) -> float | None:
        """Share of the pairs whose class was right, 0..1; None without pairs."""
        total = self.total
        return sum(self.counts[place][place] for place in range(len(CLASSES))) / total if total else None

    def to_json(self) -> dict[str, Any]:
        return {"counts": [list(row) for row in self.counts], "agreement": self.agreement}


def class_table(predicted_scores: ArrayLike, observed_coherence: ArrayLike) -> ClassTable:
    """Count forecast classes against those that the observed coherence earns, both of shape (n,); NaN = unknown."""
    scores, coherence = _both_known(predicted_scores, observed_coherence)
    predicted, observed = score_classes(scores), score_classes(scores_of_coherence(coherence))
    counts = [
        [int(np.count_nonzero((predicted == row) & (observed == column))) for column in CLASSES]
        for row in CLASSES
    ]
    return ClassTable(tuple((row[0], row[1], row[2]) for row in counts))


def _both_known(one: ArrayLike, other: ArrayLike) -> tuple[Floats, Floats]:
    first, second = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"{first.shape} forecasts for {second.shape} observations")
    is_known = np.isfinite(first) & np.isfinite(second)
    return first[is_known], second[is_known]


def _is_constant(values: Floats) -> bool:
    return float(np.ptp(values)) == 0.0

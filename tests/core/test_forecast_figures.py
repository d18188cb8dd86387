# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures of a forecast: vectors worked by hand, scipy as an oracle, and what has no figure."""

from __future__ import annotations

import numpy as np
import pytest

from insarhub_qgis.core.forecast_figures import (
    FEW_PAIRS,
    OBSERVED_CONSTANT,
    PREDICTED_CONSTANT,
    ForecastFigures,
    class_table,
    forecast_figures,
    linear_correlation,
    mean_ranks,
    rank_correlation,
    score_figures,
    scores_of_coherence,
)

NAN = float("nan")


@pytest.mark.parametrize(
    ("values", "ranks"),
    [
        ([], []),
        ([7.0], [1.0]),
        ([3.0, 1.0, 2.0], [3.0, 1.0, 2.0]),
        ([1.0, 1.0, 1.0], [2.0, 2.0, 2.0]),
        ([5.0, 2.0, 5.0, 2.0, 9.0], [3.5, 1.5, 3.5, 1.5, 5.0]),
    ],
)
def test_ties_share_the_mean_of_their_ranks(values, ranks):
    assert mean_ranks(values).tolist() == ranks


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [
        ([1, 2, 3], [10, 20, 400], 1.0),
        ([1, 2, 3], [3, 2, 1], -1.0),
        # Differences of ranks 1, 1, 0, 0: 1 - 6 * 2 / (4 * 15).
        ([1, 2, 3, 4], [2, 1, 3, 4], 0.8),
        # Ranks 1.5 1.5 3 and 1 2 3: covariance 1.5, variances 1.5 and 2.
        ([1, 1, 2], [1, 2, 3], 1.5 / np.sqrt(1.5 * 2.0)),
        ([1, 2, NAN, 3, 4], [2, 1, 9, 3, 4], 0.8),
        ([1, 2], [1, 2], None),
        ([1, NAN, 3, 4], [1, 2, NAN, 4], None),
        ([2, 2, 2, 2], [1, 2, 3, 4], None),
        ([1, 2, 3, 4], [0.3, 0.3, 0.3, 0.3], None),
        ([], [], None),
    ],
)
def test_rank_correlation_by_hand(one, other, wanted):
    found = rank_correlation(one, other)
    assert found == (None if wanted is None else pytest.approx(wanted, abs=1e-12))


@pytest.mark.parametrize("seed", range(5))
def test_correlations_are_those_of_scipy(seed):
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(seed)
    one = rng.integers(0, 12, 60) / 10.0
    other = one + rng.normal(0, 0.3, 60).round(1)
    assert rank_correlation(one, other) == pytest.approx(stats.spearmanr(one, other).statistic, abs=1e-10)
    assert linear_correlation(one, other) == pytest.approx(stats.pearsonr(one, other).statistic, abs=1e-10)


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_a_correlation_knows_no_scale(scale):
    values = np.array([1.0, 2.0, 4.0, 8.0])
    assert linear_correlation(values * scale, values) == 1.0
    assert linear_correlation(-values * scale, values) == -1.0


def test_figures_by_hand():
    found = forecast_figures([0.5, 0.6, 0.7, 0.9, NAN, 0.4], [0.4, 0.6, 0.5, 0.8, 0.3, NAN])
    # Differences 0.1, 0.0, 0.2, 0.1.
    assert found.count == 4
    assert found.bias == pytest.approx(0.1)
    assert found.mad == pytest.approx(0.05)
    assert found.rmse == pytest.approx(np.sqrt(0.06 / 4))
    assert found.rank_correlation == pytest.approx(0.8)
    assert found.correlation == pytest.approx(np.corrcoef([0.5, 0.6, 0.7, 0.9], [0.4, 0.6, 0.5, 0.8])[0, 1])
    assert found.reason is None


def test_the_sign_of_the_bias_is_predicted_minus_observed():
    assert forecast_figures([0.5, 0.6, 0.7], [0.2, 0.3, 0.4]).bias == pytest.approx(0.3)
    assert forecast_figures([0.2, 0.3, 0.4], [0.5, 0.6, 0.7]).bias == pytest.approx(-0.3)


def test_one_outlier_moves_rmse_but_not_bias_and_mad():
    predicted, observed = np.full(9, 0.5) + np.arange(9) / 100, np.full(9, 0.4) + np.arange(9) / 100
    predicted[8] = 1.0
    found = forecast_figures(predicted, observed)
    assert found.bias == pytest.approx(0.1)
    assert found.mad == pytest.approx(0.0, abs=1e-12)
    assert found.rmse > 0.15


@pytest.mark.parametrize(
    ("predicted", "observed", "count"),
    [([], [], 0), ([0.5], [0.5], 1), ([0.5, NAN, 0.7], [0.4, 0.4, 0.5], 2), ([NAN] * 4, [0.5] * 4, 0)],
)
def test_fewer_than_three_pairs_have_no_figures(predicted, observed, count):
    assert forecast_figures(predicted, observed) == ForecastFigures(count, reason=FEW_PAIRS)


@pytest.mark.parametrize(
    ("predicted", "observed", "reason"),
    [
        ([0.5] * 4, [0.1, 0.2, 0.3, 0.5], PREDICTED_CONSTANT),
        ([0.1, 0.2, 0.3, 0.5], [0.5] * 4, OBSERVED_CONSTANT),
    ],
)
def test_without_spread_there_is_a_bias_but_no_correlation(predicted, observed, reason):
    found = forecast_figures(predicted, observed)
    assert (found.rank_correlation, found.correlation, found.reason) == (None, None, reason)
    assert found.bias is not None
    assert found.rmse is not None


def test_lengths_that_differ_are_refused():
    with pytest.raises(ValueError, match="forecasts"):
        forecast_figures([0.1, 0.2, 0.3], [0.1, 0.2])


def test_scores_of_observed_coherence_use_the_mapping_of_the_forecast():
    assert scores_of_coherence([0.05, 0.10, 0.19, 0.28, 0.40, 0.9]).tolist() == [
        0.0,
        0.0,
        30.0,
        60.0,
        100.0,
        100.0,
    ]
    assert np.isnan(scores_of_coherence([NAN])).all()


def test_figures_of_scores_rank_against_coherence_and_measure_in_points():
    # Above 0.40 the score of the coherence ends, its order does not.
    found = score_figures([70.0, 80.0, 90.0, 100.0], [0.40, 0.50, 0.60, 0.70])
    assert found.rank_correlation == 1.0
    assert found.bias == pytest.approx(-15.0)
    assert found.rmse == pytest.approx(np.sqrt((900 + 400 + 100) / 4))


def test_classes_are_counted_forecast_by_observed():
    scores = [100.0, 60.0, 59.9, 30.0, 29.9, 0.0, 80.0, NAN, 50.0]
    observed = [0.50, 0.28, 0.28, 0.19, 0.18, 0.25, 0.12, 0.50, NAN]
    found = class_table(scores, observed)
    assert found.counts == ((2, 0, 1), (1, 1, 0), (0, 1, 1))
    assert found.total == 7
    assert found.agreement == pytest.approx(4 / 7)
    assert class_table([], []).agreement is None
    assert found.to_json()["counts"] == [[2, 0, 1], [1, 1, 0], [0, 1, 1]]


def test_shuffled_forecasts_have_no_relation():
    rng = np.random.default_rng(4)
    observed = rng.uniform(0.1, 0.8, 60)
    good = observed + rng.normal(0, 0.02, 60)
    assert rank_correlation(good, observed) > 0.95
    for _ in range(20):
        assert abs(rank_correlation(rng.permutation(good), observed)) < 0.5

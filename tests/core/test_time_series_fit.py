# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pytest

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.time_series_fit import (
    TimeModel,
    bootstrap_sigmas,
    fit_series,
    fit_velocities,
    median_and_mad,
    years_since,
)

DATES = tuple(dt.date(2020, 1, 5) + dt.timedelta(days=12 * index) for index in range(80))
YEARS = years_since(DATES, DATES[0])
STEP = DATES[30]


def days_after(date: dt.date) -> np.ndarray:
    return np.array([max((each - date).days, 0) for each in DATES], dtype=float)


def test_all_terms_together_recover_the_truth_without_noise() -> None:
    late = DATES[55]
    values = (
        3.0
        - 20.0 * YEARS
        + 1.5 * YEARS**2
        + 4.0 * np.sin(2 * np.pi * YEARS)
        - 2.0 * np.cos(2 * np.pi * YEARS)
        + 15.0 * (np.arange(80) >= 30)
        + 6.0 * (1 - np.exp(-days_after(STEP) / 60))
        - 3.0 * np.log1p(days_after(late) / 20)
    )
    model = TimeModel(2, True, (STEP,), ((STEP, 60.0),), ((late, 20.0),))
    fit = fit_series(DATES, values, model)
    np.testing.assert_allclose(fit.values, [3, -20, 1.5, 4, -2, 15, 6, -3], atol=1e-8)
    np.testing.assert_allclose(fit.predict(DATES), values, atol=1e-8)
    assert fit.rmse < 1e-9 and fit.r2 == pytest.approx(1) and fit.n == 80
    assert fit.acceleration[0] == pytest.approx(3.0)
    assert fit.annual_amplitude[0] == pytest.approx(math.hypot(4, 2))
    peak_years = fit.annual_peak_day[0] / 365.25
    wave = lambda t: 4 * math.sin(2 * math.pi * t) - 2 * math.cos(2 * math.pi * t)  # noqa: E731
    assert wave(peak_years) == pytest.approx(math.hypot(4, 2))


def test_quadratic_velocity_is_the_rate_in_the_middle() -> None:
    values = 1 + 2 * YEARS + 3 * YEARS**2
    fit = fit_series(DATES, values, TimeModel(2))
    assert fit.velocity[0] == pytest.approx(2 + 6 * YEARS[-1] / 2)


@pytest.mark.parametrize("model", [TimeModel(), TimeModel(1, True), TimeModel(1, True, (STEP,))])
def test_sigma_is_within_ten_per_cent_of_monte_carlo(model: TimeModel) -> None:
    generator = np.random.default_rng(3)
    truth = np.array([1.0, -8.0, 5.0, 3.0, 10.0][: len(model.names)])
    clean = model.design_matrix(DATES, DATES[0]) @ truth
    draws, sigmas, amplitudes, amplitude_sigmas = [], [], [], []
    for _ in range(2000):
        fit = fit_series(DATES, clean + generator.normal(0, 2.0, len(DATES)), model)
        draws.append(fit.values)
        sigmas.append(fit.sigmas)
        if model.annual:
            amplitudes.append(fit.annual_amplitude[0])
            amplitude_sigmas.append(fit.annual_amplitude[1])
    np.testing.assert_allclose(np.mean(sigmas, axis=0), np.std(draws, axis=0), rtol=0.1)
    np.testing.assert_allclose(np.mean(draws, axis=0), truth, atol=0.15)
    if model.annual:
        assert np.mean(amplitude_sigmas) == pytest.approx(np.std(amplitudes), rel=0.1)


def test_predicted_sigma_and_covariance_agree_with_monte_carlo() -> None:
    generator = np.random.default_rng(4)
    clean = 4 - 9 * YEARS
    fits = [fit_series(DATES, clean + generator.normal(0, 3, len(DATES))) for _ in range(1500)]
    ends = np.array([fit.predict(DATES[-1:])[0] for fit in fits])
    assert np.mean([fit.predict_sigma(DATES[-1:])[0] for fit in fits]) == pytest.approx(ends.std(), rel=0.1)
    drawn = np.cov(np.array([fit.values for fit in fits]).T)
    np.testing.assert_allclose(np.mean([fit.covariance for fit in fits], axis=0), drawn, rtol=0.15)


def test_bootstrap_agrees_with_the_formula() -> None:
    generator = np.random.default_rng(5)
    values = 2 - 5 * YEARS + generator.normal(0, 2, len(DATES))
    fit = fit_series(DATES, values)
    np.testing.assert_allclose(bootstrap_sigmas(fit, DATES, values, 800), fit.sigmas, rtol=0.25)


def test_outliers_are_taken_out_and_reported() -> None:
    generator = np.random.default_rng(6)
    values = -12 * YEARS + generator.normal(0, 1, len(DATES))
    spoiled = values.copy()
    spoiled[[10, 60]] += [40, -55]
    fit = fit_series(DATES, spoiled, outlier_mads=3)
    assert fit.is_outlier[[10, 60]].all() and fit.is_outlier.sum() < 6
    assert fit.n == len(DATES) - fit.is_outlier.sum()
    assert fit.velocity[0] == pytest.approx(-12, abs=0.5)
    assert abs(fit.residuals[10]) > 30, "an outlier keeps its residual"
    assert abs(fit_series(DATES, spoiled).velocity[0] + 12) > 0.6


def test_gaps_exclusions_and_range() -> None:
    values = 7.0 * YEARS
    values[5] = np.nan
    values[6] = 1e6
    values[70:] = -1e6
    excluded = np.arange(80) == 6
    fit = fit_series(DATES, values, is_excluded=excluded, start=DATES[1], end=DATES[69])
    assert fit.velocity[0] == pytest.approx(7)
    assert fit.n == 69 - 2
    assert math.isnan(fit.residuals[5])
    assert not fit.is_outlier.any()
    assert (fit.first_used, fit.last_used) == (DATES[1], DATES[69])


def test_what_cannot_be_fitted_is_said() -> None:
    with pytest.raises(InsarError) as caught:
        fit_series(DATES[:2], [1.0, 2.0])
    assert caught.value.code == "fit.not_enough_dates" and caught.value.fields == {"n": 2, "needed": 3}
    with pytest.raises(InsarError) as caught:
        fit_series(DATES, np.full(80, np.nan))
    assert caught.value.fields["n"] == 0
    with pytest.raises(InsarError) as caught:
        fit_series(DATES, YEARS, TimeModel(1, step_dates=(dt.date(2010, 1, 1),)))
    assert caught.value.code == "fit.undetermined"


def test_annual_over_less_than_one_and_a_half_years_warns() -> None:
    values = YEARS[:40] + np.sin(YEARS[:40])
    assert fit_series(DATES[:40], values, TimeModel(1, True)).warnings == ("fit.short_for_annual",)
    assert fit_series(DATES[:60], np.resize(values, 60), TimeModel(1, True)).warnings == ()


def test_many_lines_at_once_equal_single_fits() -> None:
    generator = np.random.default_rng(7)
    values = generator.normal(0, 3, (80, 50)) + YEARS[:, None] * generator.normal(0, 20, 50)
    values[generator.random(values.shape) < 0.2] = np.nan
    values[2:, 0] = np.nan
    values[:, 1] = np.nan
    velocity, sigma = fit_velocities(DATES, values)
    assert np.isnan(velocity[:2]).all() and np.isnan(sigma[:2]).all()
    for index in range(2, 50):
        single = fit_series(DATES, values[:, index]).velocity
        assert (velocity[index], sigma[index]) == pytest.approx(single, rel=1e-9)


def test_median_and_mad() -> None:
    generator = np.random.default_rng(8)
    values = generator.normal(5, 2, (4, 20001))
    values[0, 100:] = np.nan
    values[1] = np.nan
    median, mad, count = median_and_mad(values)
    assert list(count) == [100, 0, 20001, 20001]
    assert math.isnan(median[1]) and math.isnan(mad[1])
    assert median[0] == np.median(values[0, :100])
    assert mad[2] == pytest.approx(2, rel=0.03)
    assert median_and_mad(np.empty((3, 0)))[2].tolist() == [0, 0, 0]


def test_linear_fit_equals_mintpys_time_function() -> None:
    time_func = pytest.importorskip("mintpy.utils.time_func")
    generator = np.random.default_rng(9)
    values = generator.normal(0, 3e-3, (80, 6)) - 0.03 * YEARS[:, None]
    model = {"polynomial": 1, "periodic": [], "stepDate": [], "polyline": [], "exp": {}, "log": {}}
    names = [f"{date:%Y%m%d}" for date in DATES]
    _, parameters, _ = time_func.estimate_time_func(model, names, values.astype(np.float32))
    np.testing.assert_allclose(fit_velocities(DATES, values)[0], parameters[1], rtol=3e-7)

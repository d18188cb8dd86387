# SPDX-License-Identifier: GPL-2.0-or-later
"""The bounded decay fit: documented accuracy, bounds, missing levels, speed and memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from insarhub_qgis.core.coherence_decay import coherence_after
from insarhub_qgis.core.errors import Cancelled
from insarhub_qgis.engine.decay_fit import coherence_of_dn, fit_decay

FOUR, SIX = (12, 24, 36, 48), (6, 12, 18, 24, 36, 48)


def fitted(values, levels=FOUR):
    """g_inf, g0, tau and the expected coherence at 12, 48 and 96 d of one pixel."""
    fit = fit_decay(np.asarray(values)[:, None], levels)
    parameters = [float(each[0]) for each in (fit.g_inf, fit.g0, fit.tau_days)]
    return parameters, [float(coherence_after(*parameters, days)) for days in (12, 48, 96)], fit


@pytest.mark.parametrize(
    ("values", "expected", "tolerance"),
    [
        ([0.70] * 4, 0.70, 0.005),
        ([0.80, 0.81, 0.80, 0.82], 0.81, 0.01),
        ([0.12] * 4, 0.12, 0.005),
        ([0.70, 0.70, 0.70, 0.69], 0.70, 0.01),
    ],
)
def test_documented_constants(values, expected, tolerance):
    (g_inf, g0, tau), after, fit = fitted(values)
    assert g_inf == g0 == pytest.approx(np.mean(values))
    assert tau == 200.0
    assert fit.is_constant[0]
    assert after == pytest.approx([expected] * 3, abs=tolerance)
    rounded = np.rint(np.multiply(values, 100)).astype(np.uint8)
    assert fitted(rounded)[0] == pytest.approx([g_inf, g0, tau])


@pytest.mark.parametrize(
    ("truth", "documented", "tolerances"),
    [
        ((0.05, 0.50, 8.0), (0.15, 0.05, 0.05), (0.015, 0.015, 0.015)),
        ((0.20, 0.80, 20.0), (0.53, 0.25, 0.20), (0.015, 0.015, 0.015)),
        ((0.40, 0.90, 60.0), (0.81, 0.62, 0.50), (0.015, 0.015, 0.05)),
    ],
)
@pytest.mark.parametrize("is_rounded", [True, False])
def test_documented_decays(truth, documented, tolerances, is_rounded):
    exact = coherence_after(*truth, np.array(FOUR, dtype=float))
    values = np.rint(exact * 100).astype(np.uint8) if is_rounded else exact
    (g_inf, g0, tau), after, fit = fitted(values)
    assert not fit.is_constant[0]
    for found, days, figure, tolerance in zip(after, (12, 48, 96), documented, tolerances):
        assert found == pytest.approx(float(coherence_after(*truth, days)), abs=tolerance)
        assert found == pytest.approx(figure, abs=tolerance + 0.005)
    if truth[2] == 8.0:
        assert g0 == pytest.approx(0.50, abs=0.06)
        assert tau == pytest.approx(8.0, abs=1.5)
    if truth[2] == 20.0:
        assert tau == pytest.approx(20.0, abs=3.0)
    if truth[2] == 60.0 and is_rounded:
        # Four rounded levels within one decay time do not determine the floor.
        assert (g_inf, tau) == (pytest.approx(0.27, abs=0.01), pytest.approx(82, abs=1))


def random_pixels(count: int, seed: int = 1):
    rng = np.random.default_rng(seed)
    g_inf = rng.uniform(0, 0.5, count)
    g0 = g_inf + rng.uniform(0, 0.95, count) * (1 - g_inf)
    tau = np.exp(rng.uniform(np.log(3), np.log(120), count))
    values = np.stack([coherence_after(g_inf, g0, tau, days) for days in SIX])
    values += rng.normal(0, 0.01, values.shape)
    return (g_inf, g0, tau), np.clip(values, 0, 1).astype(np.float32)


def test_a_million_random_pixels():
    truth, values = random_pixels(1_000_000)
    fit = fit_decay(values, SIX)
    for days in (6, 12, 18, 24, 36, 48, 96):
        error = coherence_after(fit.g_inf, fit.g0, fit.tau_days, days) - coherence_after(*truth, days)
        assert np.sqrt(np.mean(error**2)) < (0.05 if days == 96 else 0.015), days
    assert fit.tau_days.min() >= 2
    assert fit.tau_days.max() <= 200
    assert fit.g_inf.min() >= 0
    assert fit.g0.max() <= 1
    assert (fit.g0 >= fit.g_inf).all()
    assert np.median(fit.rmse) == pytest.approx(0.01, abs=0.004)


def test_memory_of_a_large_fit():
    dn = np.random.default_rng(2).integers(0, 101, (6, 1_500_000), dtype=np.uint8)
    tracemalloc.start()
    fit = fit_decay(dn, SIX)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    results = sum(each.nbytes for each in vars(fit).values())
    assert peak - results < 100e6


@pytest.mark.parametrize("levels", [FOUR, SIX, (6, 24, 48)])
def test_no_parameters_within_the_bounds_fit_better(levels):
    """Against every floor and start on a fine grid at every tau of the fit, for noise that breaks every bound."""
    rng = np.random.default_rng(7)
    days = np.array(levels, dtype=float)
    hard = np.stack(
        [
            np.where(days > 12, 0.0, 1.0),
            np.where(days > 24, 0.99, 1.0),
            np.linspace(1, 0.9, len(days)),
            np.linspace(0.1, 0.9, len(days)),
            np.where(days > 12, 0.02, 0.9),
        ]
    )
    floor, drop = rng.uniform(-0.3, 0.9, (60, 1)), rng.uniform(0.2, 1.3, (60, 1))
    decays = floor + drop * np.exp(-days / rng.uniform(3, 90, (60, 1))) + rng.normal(0, 0.03, (60, len(days)))
    values = np.clip(np.concatenate([hard, decays]), 0, 1).T
    fit = fit_decay(values, levels)
    steps = np.linspace(0, 1, 101)
    floor, start = (each.ravel() for each in np.meshgrid(steps, steps))
    is_allowed = start >= floor
    floor, start = floor[is_allowed], start[is_allowed]
    least = np.full(values.shape[1], np.inf)
    for tau in np.geomspace(2, 200, 32):
        models = coherence_after(floor[:, None], start[:, None], tau, days)
        for pixel in range(values.shape[1]):
            least[pixel] = min(least[pixel], ((models - values[:, pixel]) ** 2).sum(axis=1).min())
    own = (fit.rmse.astype(float) ** 2) * len(days)
    for pixel in np.flatnonzero(~fit.is_constant):
        assert own[pixel] <= least[pixel] + 1e-5, values[:, pixel]
    assert (~fit.is_constant).sum() > 10
    assert ((fit.g_inf == 0) & ~fit.is_constant).any()
    assert ((fit.g0 == 1) & ~fit.is_constant).any()


def test_rising_coherence_is_a_constant():
    (g_inf, g0, tau), _, fit = fitted([0.2, 0.3, 0.4, 0.5])
    assert (g_inf, g0, tau) == (pytest.approx(0.35), pytest.approx(0.35), 200.0)
    assert fit.rmse[0] == pytest.approx(np.std([0.2, 0.3, 0.4, 0.5]))


@pytest.mark.parametrize("levels", [FOUR, SIX])
def test_a_decay_counts_from_an_f_of_three_on(levels):
    """Without error of the fit, F is half the squares of the mean over the noise of 0.01: three at 6e-4."""
    shape = np.exp(-np.array(levels) / np.geomspace(2, 200, 32)[15])
    limit = np.sqrt(6e-4 / np.sum((shape - shape.mean()) ** 2))
    below, above = (fitted(0.5 + 0.99 * limit * shape, levels), fitted(0.5 + 1.01 * limit * shape, levels))
    assert below[2].is_constant[0]
    assert not above[2].is_constant[0]
    assert above[0][0] == pytest.approx(0.5, abs=1e-6)


def test_stored_values():
    found = coherence_of_dn(np.array([0, 1, 70, 100, 255], dtype=np.uint8))
    np.testing.assert_allclose(found, [np.nan, 0.01, 0.7, 1.0, np.nan], atol=1e-7)


def test_each_pixel_is_fitted_with_the_levels_it_has():
    truth, values = random_pixels(5000)
    rng = np.random.default_rng(8)
    gaps = rng.random(values.shape) < 0.25
    fit = fit_decay(np.where(gaps, np.nan, values), SIX)
    has_data = (~gaps).sum(axis=0) >= 3
    assert 100 < (~has_data).sum() < 4900
    for each in (fit.g_inf, fit.g0, fit.tau_days, fit.rmse):
        np.testing.assert_array_equal(np.isfinite(each), has_data)
    for pixel in np.flatnonzero(has_data)[::500]:
        used = np.flatnonzero(~gaps[:, pixel])
        alone = fit_decay(values[used, pixel][:, None], [SIX[level] for level in used])
        for name in ("g_inf", "g0", "tau_days", "rmse"):
            assert getattr(fit, name)[pixel] == pytest.approx(getattr(alone, name)[0], abs=1e-6), name


def test_two_levels_are_no_data():
    fit = fit_decay(np.array([[0.5], [0.4], [np.nan]]), (12, 24, 36))
    assert np.isnan(fit.g_inf[0])
    assert not fit.is_constant[0]


def test_images_keep_their_shape():
    dn = np.full((4, 3, 5), 70, dtype=np.uint8)
    dn[:, 0, 0] = 255
    fit = fit_decay(dn, FOUR)
    assert fit.g_inf.shape == (3, 5)
    assert np.isnan(fit.g_inf[0, 0])
    assert fit.g_inf[2, 4] == pytest.approx(0.7)
    assert fit.g_inf.dtype == np.float32


def test_levels_must_fit_the_layers():
    values = np.full((4, 2), 0.5)
    for levels in ((12, 24, 36), (12, 12, 24, 36), (0, 12, 24, 36)):
        with pytest.raises(ValueError, match="layers for levels"):
            fit_decay(values, levels)


def test_progress_and_cancel():
    values = np.full((4, 700_000), 0.5, dtype=np.float32)
    seen = []
    fit_decay(values, FOUR, lambda fraction, _: seen.append(fraction))
    assert len(seen) > 2
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    begun = []
    with pytest.raises(Cancelled):
        fit_decay(values, FOUR, lambda fraction, _: begun.append(fraction), lambda: len(begun) == 2)
    assert len(begun) == 2

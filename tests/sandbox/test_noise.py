# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import math

import numpy as np
import pytest

from insarhub_qgis.core.requests import Simulate
from insarhub_qgis.sandbox import decorrelation
from insarhub_qgis.sandbox.atmosphere import delay_m, turbulence
from insarhub_qgis.sandbox.decorrelation import expected_coherence, phase_variance, simulate_block
from insarhub_qgis.sandbox.pair_simulation import dem_error_m, range_change_source
from insarhub_qgis.sandbox.phase_filter import filtered_noise
from insarhub_qgis.sandbox.prediction import (
    ElevationModel,
    decorrelation_variance,
    phase_covariance,
    predict,
    velocity_weights,
)
from insarhub_qgis.sandbox.random_fields import generator
from insarhub_qgis.sandbox.scene import (
    BARE,
    DECAY_PARAMETERS,
    FIELD,
    FOREST,
    TOWN,
    WATER,
    make_scene,
)
from insarhub_qgis.sandbox.truth import make_deformation, make_stable, slope_weights
from tests.makers.sandbox_inversion import WAVELENGTH_M, invert_phase

DAYS = [0, 12, 24, 36, 48]
PAIRS = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3), (2, 4), (3, 4)]


def simulated(parameters, count=8000, looks=41, seed=5):
    g_inf, g0, tau = (np.full(count, value) for value in parameters)
    return simulate_block(generator(seed, "test"), g_inf, g0, tau, DAYS, PAIRS, looks)


def exact_phase_variance(g, looks):
    """Integral of the multilook phase density (Lee et al. 1994) with the hypergeometric function by its series."""
    phi = np.linspace(-np.pi, np.pi, 4001)
    beta = g * np.cos(phi)
    n = looks
    first = math.exp(math.lgamma(n + 0.5) - math.lgamma(n)) * (1 - g**2) ** n * beta
    density = first / (2 * math.sqrt(math.pi) * (1 - beta**2) ** (n + 0.5))
    series, term = np.ones_like(beta), np.ones_like(beta)
    for k in range(400):
        term = term * (n + k) / (0.5 + k) * beta**2
        series = series + term
    density += (1 - g**2) ** n / (2 * math.pi) * series
    assert np.sum(density[1:]) * (phi[1] - phi[0]) == pytest.approx(1, abs=1e-3)
    return float(np.sum(phi**2 * density) / np.sum(density))


@pytest.mark.parametrize("cover", [TOWN, BARE, FIELD, FOREST])
def test_phase_noise_has_the_exact_multilook_variance(cover):
    phase, _ = simulated(DECAY_PARAMETERS[cover])
    for index, (first, second) in enumerate(PAIRS):
        g = float(expected_coherence(*map(np.float64, DECAY_PARAMETERS[cover]), DAYS[second] - DAYS[first]))
        assert np.mean(phase[index]) == pytest.approx(0, abs=5 * phase[index].std() / math.sqrt(8000))
        assert phase[index].var() == pytest.approx(exact_phase_variance(g, 41), rel=0.07)


def test_asymptotic_variance_holds_for_good_coherence():
    phase, _ = simulated(DECAY_PARAMETERS[BARE], count=20_000)
    g = expected_coherence(*map(np.float64, DECAY_PARAMETERS[BARE]), 12.0)
    assert phase[0].var() == pytest.approx(float(phase_variance(g, 41)), rel=0.05)
    assert float(phase_variance(np.array(0.5), 41)) == pytest.approx(0.75 / (2 * 41 * 0.25))


@pytest.mark.parametrize("cover", [TOWN, FIELD])
def test_estimated_coherence_follows_the_decay_model(cover):
    _, estimated = simulated(DECAY_PARAMETERS[cover])
    for index, (first, second) in enumerate(PAIRS):
        g = float(expected_coherence(*map(np.float64, DECAY_PARAMETERS[cover]), DAYS[second] - DAYS[first]))
        # the sample coherence is biased up by less than about (1 - g^2)/(4 L g)
        assert -0.01 < estimated[index].mean() - g < 0.01 + (1 - g**2) / (4 * 41 * g)


def test_water_is_pure_noise():
    phase, estimated = simulated(DECAY_PARAMETERS[WATER])
    assert phase[0].var() == pytest.approx(np.pi**2 / 3, rel=0.05)
    assert estimated[0].mean() == pytest.approx(math.sqrt(math.pi / (4 * 41)), rel=0.05)


def test_noise_of_pairs_is_correlated_as_predicted():
    phase, _ = simulated(DECAY_PARAMETERS[TOWN], count=20_000)
    days = np.array(DAYS, dtype=float)
    g_inf, g0, tau = map(np.float64, DECAY_PARAMETERS[TOWN])
    coherence = expected_coherence(g_inf, g0, tau, np.abs(days[:, None] - days))
    predicted = phase_covariance(coherence, tuple(PAIRS), 41)
    assert np.allclose(np.cov(phase), predicted, rtol=0.10, atol=0.03 * predicted.max())
    assert predicted[0, 1] > 0.3 * predicted[0, 0]  # pairs that share a date


def test_screens_have_unit_rms_and_a_red_spectrum():
    shape = (200, 240)
    screens = np.stack([turbulence(3, "test", index, shape) for index in range(12)])
    assert np.allclose(np.sqrt((screens**2).mean(axis=(1, 2))), 1)
    assert np.allclose(screens.mean(axis=(1, 2)), 0, atol=1e-9)

    def structure(lag):
        return float(np.mean((screens[:, :, lag:] - screens[:, :, :-lag]) ** 2))

    # structure function r^(5/3) well below 2 km, r^(2/3) well above it (Hanssen 2001)
    assert 1.2 < math.log2(structure(8) / structure(4)) < 1.75
    assert 0.3 < math.log2(structure(120) / structure(60)) < 1.0
    assert not np.array_equal(screens[0], screens[1])


def test_atmosphere_of_a_date_has_the_rms_that_was_asked_for():
    scene = make_scene(Simulate(output_folder="", width=100, height=100))
    flat = np.array([delay_m(scene, 1, index, 5.0).std() for index in range(8)])
    assert np.all((flat > 4.7e-3) & (flat < 6.5e-3))  # turbulence 5 mm and a little stratification
    assert np.all(delay_m(scene, 1, 0, 0.0) == 0)


def test_elevation_estimate_makes_the_velocity_blind_to_baselines():
    years = np.arange(31) * 12 / 365.25
    baselines = generator(1, "b").normal(0, 60, 31)
    baselines -= baselines[0]
    used = np.ones(31, dtype=bool)
    plain = velocity_weights(years, baselines, used, None)
    corrected = velocity_weights(years, baselines, used, ElevationModel(6, (18,)))
    assert np.array_equal(plain, slope_weights(years, used))
    assert abs(plain @ baselines) > 1e-3
    assert corrected @ baselines == pytest.approx(0, abs=1e-9)
    assert corrected @ years == pytest.approx(1)
    assert corrected @ np.ones(31) == pytest.approx(0, abs=1e-9)
    used[4] = False
    assert velocity_weights(years, baselines, used, ElevationModel(2))[4] == 0


@pytest.mark.parametrize("cover", [TOWN, FIELD])
def test_decorrelation_of_the_velocity_against_monte_carlo(cover):
    scene = make_scene(Simulate(output_folder="", width=16, height=16, dates=16, connections=3))
    days = [(date - scene.dates[0]).days for date in scene.dates]
    parameters = DECAY_PARAMETERS[cover]
    arrays = [np.full(3000, value) for value in parameters]
    phase, coherence = simulate_block(generator(2, "monte carlo", cover), *arrays, days, scene.pairs)
    _, velocity = invert_phase(phase.astype(float), coherence.astype(float), scene.pairs, scene.years)
    weights = slope_weights(scene.years)
    predicted = math.sqrt(decorrelation_variance(scene, weights, parameters))
    assert velocity.std() == pytest.approx(predicted, rel=0.15)


@pytest.mark.parametrize("strength", [0.0, 0.6])
def test_predicted_rmse_against_monte_carlo(strength):
    squares, predicted, biases, bias_sigmas = [], [], [], []
    for seed in range(14):
        request = Simulate(output_folder="", width=64, height=56, dates=13, connections=2, seed=seed)
        scene = make_scene(request)
        deformation = make_deformation(scene)
        shape = (len(scene.pairs), scene.height, scene.width)
        noise, coherence = np.empty(shape, np.float32), np.empty(shape, np.float32)
        decorrelation.simulate_pairs(scene, seed, noise, coherence, lambda *_: None, lambda: False)
        on_date = range_change_source(request, scene, deformation)
        for index, (first, second) in enumerate(scene.pairs):
            noise[index] = filtered_noise(noise[index], coherence[index], strength)
            noise[index] += -4 * np.pi / WAVELENGTH_M * (on_date(second) - on_date(first))
        flat = (shape[0], -1)
        _, velocity = invert_phase(
            noise.reshape(flat).astype(float), coherence.reshape(flat).astype(float), scene.pairs, scene.years
        )
        compared = np.isin(scene.land_cover, (TOWN, BARE, FIELD))
        stable = compared & make_stable(scene, deformation)
        error = velocity.reshape(shape[1:]) - deformation.fitted_velocity(scene.years)
        error = 1e3 * (error - error[stable].mean())
        prediction = predict(
            request,
            scene,
            dem_error_m(request, scene),
            (slice(None), slice(None)),
            compared,
            stable,
            np.ones(13, dtype=bool),
            None,
            strength,
        )
        squares.append(np.mean(error[compared] ** 2))
        predicted.append(prediction.rmse**2)
        biases.append(error[compared].mean())
        bias_sigmas.append(prediction.bias_sigma)
    assert math.sqrt(np.mean(squares)) == pytest.approx(math.sqrt(np.mean(predicted)), rel=0.15)
    # 14 draws know their own spread to about 20 %
    assert 0.5 < np.std(biases) / np.mean(bias_sigmas) < 1.6

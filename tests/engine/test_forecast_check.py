# SPDX-License-Identifier: GPL-2.0-or-later
"""The check of a forecast: what is observed, what is left out and why, real products, and simulated ones with truth."""

from __future__ import annotations

import json
import socket
import statistics
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from insarhub_qgis.core.coherence_decay import coherence_after
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.forecast_figures import rank_correlation
from insarhub_qgis.core.product_archive import read_product_archive
from insarhub_qgis.core.quality_files import QualityCache, weather_key
from insarhub_qgis.core.requests import CheckForecast
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine import forecast_check
from insarhub_qgis.engine.observed_coherence import read_observed_coherence
from insarhub_qgis.engine.search_area import read_search_area
from tests.makers.forecast_jobs import (
    AREA,
    MEXICO,
    area_of_window,
    make_forecast_job,
    make_mexico_job,
    make_simulated_jobs,
    spec_of,
    write_coherence,
    write_maps,
)
from tests.makers.products import DATES, raster_bytes, truncate

PAIRS = [(0, 1), (1, 2), (2, 3), (0, 2), (1, 3)]
DAYS = [12, 12, 12, 24, 24]


def check(job, context=None):
    return forecast_check.run(CheckForecast(str(job)), context or RunContext())


def codes(entries):
    return [entry["code"] for entry in entries]


def observe(path, area=AREA):
    return read_observed_coherence(read_product_archive(path), read_search_area(area).geometry)


@pytest.fixture
def job(tmp_path):
    """A job with a product for each of `PAIRS`; their coherence falls with the days."""
    folder = make_forecast_job(tmp_path / "job é")
    for number, (first, second) in enumerate(PAIRS):
        write_coherence(folder, spec_of(first, second), 0.75 - 0.01 * DAYS[number] - 0.001 * number)
    return folder


# --- What is observed --------------------------------------------------------------------------------


def test_figures_are_those_of_the_pixels_inside_the_area(tmp_path):
    coherence = np.full((30, 40), 0.05, dtype=np.float32)
    coherence[10:20, 10:30] = np.linspace(0.2, 0.6, 200).reshape(10, 20)
    found = observe(write_coherence(tmp_path, spec_of(0, 1), coherence))
    values = np.sort(coherence[10:20, 10:30].ravel())
    assert found.pixels == pytest.approx(200, abs=20)
    assert found.median == pytest.approx(statistics.median(values.tolist()), abs=0.02)
    assert found.p25 == pytest.approx(0.3, abs=0.02)
    assert found.usable_share == pytest.approx(0.75, abs=0.03)
    assert found.covered == pytest.approx(1.0, abs=0.05)
    assert found.is_water_masked


def test_median_and_quartile_are_exact(tmp_path):
    # The area holds the whole product: 1200 values, of which an even number is valid.
    coherence = np.arange(1, 1201, dtype=np.float32).reshape(30, 40) / 2000
    found = observe(write_coherence(tmp_path, spec_of(0, 1), coherence), area_of_window(-5, -5, 60, 60))
    assert found.pixels == 1200
    assert found.median == pytest.approx((600 + 601) / 2 / 2000, abs=1e-6)
    assert found.p25 == pytest.approx((300 + 301) / 2 / 2000, abs=1e-6)
    assert found.usable_share == pytest.approx(0.5, abs=1e-6)
    assert found.covered == pytest.approx(1200 / 3600, abs=0.02)


def test_water_nodata_and_values_that_are_no_coherence_do_not_count(tmp_path):
    coherence = np.full((30, 40), 0.5, dtype=np.float32)
    water = np.zeros((30, 40), dtype=bool)
    coherence[11, :], water[11, :] = 0.02, True
    coherence[12, :], coherence[13, :], coherence[14, :] = 0.0, np.nan, 7.0
    area = area_of_window(-5, -5, 60, 60)
    found = observe(write_coherence(tmp_path, spec_of(0, 1), coherence, water), area)
    assert (found.pixels, found.median, found.p25, found.usable_share) == (26 * 40, 0.5, 0.5, 1.0)
    assert found.is_water_masked
    without = observe(write_coherence(tmp_path / "no mask", spec_of(0, 1), coherence, has_mask=False), area)
    assert (without.pixels, without.is_water_masked) == (27 * 40, False)
    assert without.usable_share == pytest.approx(26 / 27, abs=1e-6)


def test_a_water_mask_of_other_extent_is_laid_over_the_coherence(tmp_path):
    """Beyond the mask nothing is known of the ground, and nothing counts."""
    spec = spec_of(0, 1)
    path = write_coherence(tmp_path, spec, 0.5, has_mask=False)
    with zipfile.ZipFile(path, "a") as package:
        mask = raster_bytes("water_mask", replace(spec, col=10, row=5))
        package.writestr(f"{spec.name}/{spec.name}_water_mask.tif", mask)
    assert observe(path, area_of_window(-5, -5, 60, 60)).pixels == (40 - 10) * (30 - 5)


def test_an_area_smaller_than_a_pixel_has_the_pixel_that_it_touches(tmp_path):
    coherence = np.full((30, 40), 0.2, dtype=np.float32)
    coherence[15, 20] = 0.8
    found = observe(write_coherence(tmp_path, spec_of(0, 1), coherence), area_of_window(20.4, 15.4, 0.1, 0.1))
    assert (found.pixels, found.median, found.covered) == (1, pytest.approx(0.8), 1.0)


@pytest.mark.parametrize(
    "area", [area_of_window(400, 10, 20, 10), "POLYGON((10 47,11 47,11 48,10 48,10 47))"]
)
def test_an_area_beside_the_product_is_told(tmp_path, area):
    path = write_coherence(tmp_path, spec_of(0, 1), 0.5)
    with pytest.raises(InsarError) as caught:
        observe(path, area)
    assert caught.value.code == "forecast.outside"


# --- The check ---------------------------------------------------------------------------------------


def test_each_pair_has_forecast_and_observation(job):
    result = check(job)
    assert [(row["reference_date"], row["dt_days"]) for row in result["pairs"]] == [
        ("2021-01-04", 12), ("2021-01-04", 24), ("2021-01-16", 12), ("2021-01-16", 24), ("2021-01-28", 12),
    ]  # fmt: skip
    first = result["pairs"][0]
    assert first["expected"]["landcover"] == pytest.approx(coherence_after(0.5, 0.8, 60.0, 12))
    assert first["expected"]["combined"] == first["expected"]["landcover"]
    assert first["source"] == "landcover"
    assert first["observed"] == pytest.approx(0.63)
    assert set(result["figures"]) == {"landcover", "climatology", "combined"}
    assert result["missing_sources"] == ["s1_pixel"]
    assert codes(result["messages"]) == ["forecast.no_decay_maps"]
    assert (result["excluded"], result["area"]) == ([], "aoi")
    figures = result["figures"]["landcover"]["coherence"]
    # Two ties of three and two against no ties: sqrt(1 - (27 - 3 + 8 - 2) / (125 - 5)).
    assert figures["rank_correlation"] == pytest.approx(np.sqrt(1 - 30 / 120), abs=1e-6)
    differences = [row["expected"]["landcover"] - row["observed"] for row in result["pairs"]]
    assert figures["bias"] == pytest.approx(statistics.median(differences))
    assert result["temporal_baseline"]["rank_correlation"] == figures["rank_correlation"]


def test_maps_count_first_and_each_source_is_checked_alone(job):
    write_maps(job)
    result = check(job)
    row = result["pairs"][0]
    assert row["expected"]["s1_pixel"] == pytest.approx(coherence_after(0.3, 0.8, 30.0, 12), abs=1e-6)
    assert row["expected"]["combined"] == row["expected"]["s1_pixel"] != row["expected"]["landcover"]
    assert set(result["figures"]) == {"s1_pixel", "landcover", "climatology", "combined"}
    assert (result["missing_sources"], result["messages"]) == ([], [])


def test_simulated_maps_are_never_taken_for_real_ones(job):
    write_maps(job, SOURCE="Sandbox, simulated: something")
    assert codes(check(job)["messages"]) == ["forecast.simulated_maps"]


def test_an_area_of_water_has_no_forecast_by_land_and_latitude(tmp_path):
    folder = make_forecast_job(tmp_path / "job", land={"water_frac": 0.97, "urban_frac": 0.03})
    for first, second in PAIRS[:3]:
        write_coherence(folder, spec_of(first, second), 0.5)
    result = check(folder)
    assert codes(result["messages"]) == ["forecast.no_decay_maps", "forecast.no_land"]
    assert set(result["figures"]) == {"combined"}
    assert [row["expected"] for row in result["pairs"]] == [{"combined": None}] * 3
    assert result["figures"]["combined"]["coherence"]["count"] == 0
    write_maps(folder)
    assert codes(check(folder)["messages"]) == ["forecast.no_land"]


def test_no_service_is_asked(job, monkeypatch):
    def refuse(*_):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert len(check(job)["pairs"]) == len(PAIRS)


def test_nothing_is_written(job):
    before = {path: path.stat().st_mtime_ns for path in job.rglob("*")}
    check(job)
    assert {path: path.stat().st_mtime_ns for path in job.rglob("*")} == before


def test_scores_have_the_weights_of_the_job(job):
    path = job / "insarhub_config.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["insarhub_qgis"] = {"version": 1, "quality": {"weights": {"rain": 1.0}}}
    path.write_text(json.dumps(document), encoding="utf-8")
    cache = QualityCache(job)
    centre = read_search_area(AREA).geometry.centroid
    for number, day in enumerate(DATES):
        weather = {"precip_3d_mm": 0.0 if number else 30.0, "overpass_hour_utc": 1}
        cache.put("weather", weather_key(round(centre.y, 3), round(centre.x, 3), day), weather)
    cache.save()
    result = check(job)
    scores = {(row["reference_date"], row["dt_days"]): row["scores"]["combined"] for row in result["pairs"]}
    assert scores[("2021-01-04", 12)] == 0.0
    assert scores[("2021-01-16", 12)] == 100.0
    assert result["figures"]["combined"]["classes"]["counts"][2][0] == 2


def test_two_pairs_have_no_figures_and_say_why(tmp_path):
    folder = make_forecast_job(tmp_path / "job")
    for first, second in PAIRS[:2]:
        write_coherence(folder, spec_of(first, second), 0.5)
    result = check(folder)
    for figures in result["figures"].values():
        assert figures["coherence"]["reason"] == "few_pairs"
        assert figures["coherence"]["bias"] is None
    assert result["temporal_baseline"]["reason"] == "few_pairs"


def test_pairs_of_one_length_have_a_bias_but_no_correlation(tmp_path):
    folder = make_forecast_job(tmp_path / "job")
    for number in range(4):
        write_coherence(folder, spec_of(number, number + 1), 0.5 + 0.01 * number)
    figures = check(folder)["figures"]["landcover"]["coherence"]
    assert (figures["count"], figures["rank_correlation"], figures["reason"]) == (
        4,
        None,
        "predicted_constant",
    )
    assert figures["bias"] == pytest.approx(coherence_after(0.5, 0.8, 60.0, 12) - 0.515, abs=1e-6)


# --- Faults ------------------------------------------------------------------------------------------


def test_a_truncated_and_a_damaged_zip_are_left_out_with_their_reason(job):
    truncate(next(job.glob("*20210104*20210116*.zip")))
    other = next(job.glob("*20210116*20210128*.zip"))
    data = bytearray(other.read_bytes())
    # Inside the coherence raster, behind the metadata.
    start = data.index(b"_corr.tif") + 40
    data[start : start + 200] = b"\0" * 200
    other.write_bytes(bytes(data))
    result = check(job)
    assert sorted(codes(result["excluded"])) == ["product.raster_unreadable", "product.truncated"]
    assert len(result["pairs"]) == 3


def test_products_of_another_stack_are_left_out(tmp_path, job):
    for path in job.glob("*.zip"):
        path.rename(tmp_path / path.name)
    folder = make_forecast_job(tmp_path / "other", dates=(0, 1, 2))
    for path in tmp_path.glob("*.zip"):
        path.rename(folder / path.name)
    result = check(folder)
    assert codes(result["excluded"]) == ["forecast.not_in_stack", "forecast.not_in_stack"]
    assert result["excluded"][0]["fields"]["pair"].endswith("20210209")
    assert len(result["pairs"]) == 3


def test_products_of_another_track_on_the_same_days_are_left_out(job):
    write_coherence(job, spec_of(3, 4, start_time="123456"), 0.5)
    result = check(job)
    assert codes(result["excluded"]) == ["product.other_track"]
    assert result["excluded"][0]["fields"] == {
        "track": "a pass at 12:34 UTC",
        "expected": "a pass at 00:40 UTC",
    }
    assert len(result["pairs"]) == len(PAIRS)


def test_only_products_of_another_stack_are_told(tmp_path):
    folder = make_forecast_job(tmp_path / "job", dates=(0, 1, 2))
    write_coherence(folder, spec_of(3, 4), 0.5)
    with pytest.raises(InsarError) as caught:
        check(folder)
    assert caught.value.code == "forecast.no_usable_product"
    assert codes(caught.value.fields["reasons"]) == ["forecast.not_in_stack"]


def test_a_product_beside_the_area_is_left_out(job):
    write_coherence(job, spec_of(3, 4, col=500), 0.5)
    result = check(job)
    assert codes(result["excluded"]) == ["forecast.outside"]


def test_of_two_products_of_a_pair_the_one_that_shows_more_counts(job):
    half = np.full((30, 40), 0.9, dtype=np.float32)
    half[:, :20] = 0.0
    write_coherence(job, spec_of(0, 1, unique="half"), half)
    result = check(job)
    assert codes(result["excluded"]) == ["product.duplicate_pair"]
    assert result["pairs"][0]["observed"] == pytest.approx(0.63)


def test_a_product_without_water_mask_is_told(job):
    write_coherence(job, spec_of(3, 4), 0.6, has_mask=False)
    result = check(job)
    (message,) = [entry for entry in result["messages"] if entry["code"] == "forecast.water_counted"]
    assert message["fields"] == {"count": 1}


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda folder: make_forecast_job(folder), "forecast.no_products"),
        (lambda folder: make_forecast_job(folder, area=None), "forecast.no_area"),
        (lambda folder: make_forecast_job(folder, dates=(0,)), "quality.few_dates"),
        (lambda folder: folder.mkdir(), "stack.missing"),
        (lambda folder: None, "folder.missing"),
    ],
    ids=["no products", "no area", "one date", "no stack", "no folder"],
)
def test_what_cannot_be_checked_is_told(tmp_path, make, code):
    make(tmp_path / "job")
    with pytest.raises(InsarError) as caught:
        check(tmp_path / "job")
    assert caught.value.code == code


def test_a_cancel_ends_the_reading(job):
    seen = []

    def report(fraction, text):
        seen.append(fraction)

    with pytest.raises(Cancelled):
        check(job, RunContext(report=report, is_cancelled=lambda: bool(seen)))
    assert len(seen) <= 2
    with pytest.raises(Cancelled):
        check(job, RunContext(is_cancelled=lambda: True))


# --- Real products -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mexico(tmp_path_factory):
    if not MEXICO.is_dir():
        pytest.skip("no ../shared/data/mexico_city")
    return check(make_mexico_job(tmp_path_factory.mktemp("mexico") / "job"))


def test_the_real_stack_of_mexico_city(mexico):
    pairs = mexico["pairs"]
    assert len(pairs) == 30
    days = {row["reference_date"] for row in pairs} | {row["secondary_date"] for row in pairs}
    assert (len(days), min(days), max(days)) == (13, "2018-01-06", "2018-07-17")
    observed = [row["observed"] for row in pairs]
    assert all(0.5 < value < 0.7 for value in observed)
    assert all(row["observed_p25"] < row["observed"] for row in pairs)
    assert all(row["pixels"] > 18_000 and 0.85 < row["covered"] <= 1.0 for row in pairs)
    assert all(abs(row["bperp_m"]) < 200 for row in pairs)
    assert mexico["excluded"] == []
    assert mexico["missing_sources"] == ["s1_pixel"]
    assert codes(mexico["messages"]) == ["forecast.no_decay_maps"]


def test_the_figures_of_mexico_city_can_be_reproduced(mexico):
    """Figures once computed; land cover is assumed built-up, the climatology is that of 19 degrees north."""
    land, latitude = (mexico["figures"][name]["coherence"] for name in ("landcover", "climatology"))
    assert land["rank_correlation"] == pytest.approx(0.889, abs=0.001)
    assert land["bias"] == pytest.approx(0.034, abs=0.001)
    assert latitude["rank_correlation"] == pytest.approx(0.865, abs=0.001)
    assert latitude["bias"] == pytest.approx(-0.241, abs=0.001)
    # One kind of ground: the forecast says no more than the days do.
    assert mexico["temporal_baseline"]["rank_correlation"] == pytest.approx(land["rank_correlation"])
    stats = pytest.importorskip("scipy.stats")
    for name in ("landcover", "climatology"):
        predicted = [row["expected"][name] for row in mexico["pairs"]]
        observed = [row["observed"] for row in mexico["pairs"]]
        wanted = stats.spearmanr(predicted, observed).statistic
        assert mexico["figures"][name]["coherence"]["rank_correlation"] == pytest.approx(wanted, abs=1e-9)


# --- Simulated products, maps of the sandbox ---------------------------------------------------------


@pytest.fixture(scope="module", params=[1, 5])
def simulated(request, tmp_path_factory):
    """Answers for the whole scene and for four kinds of ground in it, of one seed."""
    jobs = make_simulated_jobs(tmp_path_factory.mktemp(f"seed{request.param}"), request.param)
    return {name: check(job) for name, job in jobs.items()}


def pooled(simulated, source="s1_pixel"):
    rows = [row for name, answer in simulated.items() if name != "all" for row in answer["pairs"]]
    return (
        np.array([row["expected"][source] for row in rows]),
        np.array([row["observed"] for row in rows]),
        np.array([row["dt_days"] for row in rows]),
    )


def test_maps_rank_the_pairs_of_a_simulated_stack(simulated):
    whole = simulated["all"]
    assert len(whole["pairs"]) == 28
    assert codes(whole["messages"]) == ["forecast.simulated_maps"]
    figures = whole["figures"]["s1_pixel"]["coherence"]
    assert figures["rank_correlation"] > 0.9
    assert abs(figures["bias"]) < 0.05


def test_maps_rank_pairs_of_different_grounds_better_than_their_days(simulated):
    predicted, observed, days = pooled(simulated)
    assert len(predicted) == 4 * 28
    assert rank_correlation(predicted, observed) > 0.9
    assert rank_correlation(-days, observed) < 0.6


def test_shuffled_forecasts_fail_the_same_test(simulated):
    predicted, observed, _ = pooled(simulated)
    rng = np.random.default_rng(2)
    found = [rank_correlation(rng.permutation(predicted), observed) for _ in range(50)]
    assert max(map(abs, found)) < 0.5
    # Also maps of the wrong ground: what the town promises says nothing of the field.
    wrong = {**simulated, "field": {"pairs": [
        {**own, "expected": other["expected"]}
        for own, other in zip(simulated["field"]["pairs"], simulated["town"]["pairs"])
    ]}}  # fmt: skip
    assert rank_correlation(*pooled(wrong)[:2]) < 0.9


def test_where_little_is_coherent_the_estimate_promises_more_than_the_model(simulated):
    """The known bias of estimated coherence at few looks: forests look better than they are, towns do not."""
    assert simulated["forest"]["figures"]["s1_pixel"]["coherence"]["bias"] < -0.05
    assert abs(simulated["town"]["figures"]["s1_pixel"]["coherence"]["bias"]) < 0.03

# SPDX-License-Identifier: GPL-2.0-or-later
"""Inputs of dates from the quality cache: means over points, sources, what is unknown."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import numpy as np
import pytest

from insarhub_qgis.core.date_inputs import (
    NOT_WET,
    UNTESTED,
    WET,
    DateInputs,
    overpass_hour_utc,
    read_date_inputs,
    snow_cover_of_depth,
    wet_snow_states,
)
from insarhub_qgis.core.quality_files import QualityCache, ndvi_key, vegetation_key, weather_key

NAN = float("nan")
NOW = datetime(2024, 5, 2, 9, tzinfo=timezone.utc)
POINTS = [(60.0, 25.0), (60.1, 25.2)]
DAYS = [date(2024, 1, 6), date(2024, 1, 18), date(2024, 1, 30)]


def weather(cache: QualityCache, point: int, day: date, **values) -> None:
    cache.put("weather", weather_key(*POINTS[point], day), {"overpass_hour_utc": 16, **values}, NOW)


def test_snow_of_a_decimetre_covers_the_ground():
    np.testing.assert_allclose(snow_cover_of_depth([0, 0.05, 0.1, 3, NAN]), [0, 0.5, 1, 1, NAN])


def test_the_wet_snow_test():
    states = wet_snow_states([0.3, 0.3, 0.3, 0.29, NAN], [0.1, 0.0, NAN, 9, 9])
    assert states.tolist() == [WET, NOT_WET, UNTESTED, NOT_WET, NOT_WET]


def test_what_is_not_given_is_unknown():
    inputs = DateInputs.of(2, snow_cover=[0.5, 0.5], air_c=[1, NAN])
    assert len(inputs) == 2
    assert inputs.wet_snow.tolist() == [WET, UNTESTED]
    assert np.isnan([*inputs.rain_mm, *inputs.soil_c, *inputs.ndvi]).all()
    assert inputs.source_of("rain_mm", 0) == ""
    with pytest.raises(ValueError, match="dates are 3"):
        DateInputs.of(3, rain_mm=[1, 2])
    with pytest.raises(ValueError, match="dates are 3"):
        DateInputs.of(3, wet_snow=np.zeros(2, dtype=np.int8))


def test_an_empty_cache_knows_nothing(tmp_path):
    inputs = read_date_inputs(
        QualityCache(tmp_path), POINTS, DAYS, 16, use_modis_snow=True, vegetation_sources=["x"]
    )
    for name in ("rain_mm", "snow_cover", "air_c", "soil_c", "ndvi"):
        assert np.isnan(getattr(inputs, name)).all(), name
        assert list(inputs.sources[name]) == ["", "", ""]
    assert inputs.wet_snow.tolist() == [NOT_WET] * 3


def test_means_over_points_and_wet_snow_at_any_of_them(tmp_path):
    cache = QualityCache(tmp_path)
    weather(cache, 0, DAYS[0], precip_3d_mm=4, temp_overpass_c=-6, soil_temp_c=-1, snow_depth_m=0.02)
    weather(cache, 1, DAYS[0], precip_3d_mm=8, temp_overpass_c=2, soil_temp_c=1, snow_depth_m=0.5)
    weather(cache, 0, DAYS[1], precip_3d_mm=1, temp_overpass_c=-6, snow_depth_m=0.1)
    weather(cache, 1, DAYS[1], precip_3d_mm=2, snow_depth_m=0.1)
    # The third date has one point only: it is not known yet.
    weather(cache, 0, DAYS[2], precip_3d_mm=1, temp_overpass_c=1, snow_depth_m=0.1)
    inputs = read_date_inputs(cache, POINTS, DAYS, 16, now=NOW)
    np.testing.assert_allclose(inputs.rain_mm, [6, 1.5, NAN])
    np.testing.assert_allclose(inputs.snow_cover, [0.6, 1.0, NAN])
    np.testing.assert_allclose(inputs.air_c, [-2, -6, NAN])
    np.testing.assert_allclose(inputs.soil_c, [0, NAN, NAN])
    # The mean of the first date is cold; one of its points is wet.
    assert inputs.wet_snow.tolist() == [WET, UNTESTED, NOT_WET]
    assert list(inputs.sources["rain_mm"]) == ["era5", "era5", ""]


def test_another_overpass_hour_does_not_count(tmp_path):
    cache = QualityCache(tmp_path)
    for point in (0, 1):
        weather(cache, point, DAYS[0], precip_3d_mm=4, snow_depth_m=0.5, temp_overpass_c=3)
    assert np.isnan(read_date_inputs(cache, POINTS, DAYS[:1], 5, now=NOW).rain_mm[0])
    assert read_date_inputs(cache, POINTS, DAYS[:1], 5, now=NOW).wet_snow.tolist() == [NOT_WET]
    assert read_date_inputs(cache, POINTS, DAYS[:1], 16, now=NOW).wet_snow.tolist() == [WET]


@pytest.mark.parametrize(
    ("starts", "hour"),
    [
        (["20200106T052959", "20200118T052958"], 5),
        (["20200106T053001", "20200118T053002"], 6),
        (["20200106T234500"], 23),
        # A frame that is passed at midnight, now before it and now after it.
        (["20200106T235958", "20200119T000002"], 0),
        (["20200107T000003", "20200118T235959", "20200130T235957", "20200212T000001"], 0),
    ],
)
def test_the_hour_of_the_overpass(starts, hour):
    assert overpass_hour_utc(f"S1A_IW_SLC__1SDV_{start}_X" for start in starts) == hour


def test_modis_snow_where_it_is_asked_for_and_there(tmp_path):
    cache = QualityCache(tmp_path)
    for point in (0, 1):
        for day in DAYS[:2]:
            weather(cache, point, day, snow_depth_m=0.1, temp_overpass_c=-3)
        cache.put("snow_modis", weather_key(*POINTS[point], DAYS[0]), {"snow_cover_frac": 0.2}, NOW)
    used = read_date_inputs(cache, POINTS, DAYS[:2], 16, use_modis_snow=True, now=NOW)
    np.testing.assert_allclose(used.snow_cover, [0.2, 1.0])
    assert list(used.sources["snow_cover"]) == ["modis", "era5"]
    unused = read_date_inputs(cache, POINTS, DAYS[:2], 16, now=NOW)
    np.testing.assert_allclose(unused.snow_cover, [1.0, 1.0])


def test_ndvi_of_the_day_before_monthly_values(tmp_path):
    cache = QualityCache(tmp_path)
    cache.put("ndvi", ndvi_key(*POINTS[0], DAYS[0]), {"ndvi": 0.6, "source": "mod13q1"}, NOW)
    for day, value in ((DAYS[0], 0.1), (DAYS[1], 0.2)):
        cache.put("veg", vegetation_key("table", *POINTS[0], day.year, day.month), {"ndvi": value}, NOW)
    inputs = read_date_inputs(
        cache, POINTS, [*DAYS, date(2024, 3, 1)], 16, vegetation_sources=["none", "table"], now=NOW
    )
    np.testing.assert_allclose(inputs.ndvi, [0.6, 0.2, 0.2, NAN])
    assert list(inputs.sources["ndvi"]) == ["mod13q1", "table", "table", ""]
    without = read_date_inputs(cache, POINTS, DAYS, 16, now=NOW)
    np.testing.assert_allclose(without.ndvi, [0.6, NAN, NAN])


def test_provisional_weather_expires(tmp_path):
    cache = QualityCache(tmp_path)
    for point in (0, 1):
        weather(cache, point, DAYS[0], precip_3d_mm=4, provisional=True)
    late = NOW + timedelta(days=8)
    assert read_date_inputs(cache, POINTS, DAYS[:1], 16, now=NOW).rain_mm[0] == 4
    assert np.isnan(read_date_inputs(cache, POINTS, DAYS[:1], 16, now=late).rain_mm[0])

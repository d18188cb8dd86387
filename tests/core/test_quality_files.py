# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import itertools
import json
import math
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.quality_files import (
    PAIR_DATABASE_NAME,
    QUALITY_CACHE_NAME,
    QualityCache,
    aoi_hash,
    begin_pair_database,
    coherence_key,
    ndvi_key,
    read_pair_database,
    vegetation_key,
    weather_key,
    write_pair_database,
)
from insarhub_qgis.core.scenes import order_pair
from insarhub_qgis.core.search_answer import SEARCH_ANSWER_NAME, read_search_answer, write_search_answer
from tests.makers.job_folders import AOI, DATABASE, DATABASE_042, QUALITY_CACHE, A, B, C, get_json, put_json

CACHE_NAME, DATABASE_NAME = ".insarhub_quality_cache.json", ".insarhub_pair_quality_db.json"
AB, BC, AC = order_pair(A, B), order_pair(B, C), order_pair(A, C)
DAY = date(2023, 3, 5)
NOW = datetime(2024, 5, 2, 9, tzinfo=timezone.utc)


def test_keys() -> None:
    assert weather_key(40.85, 14.35, DAY) == "40.850:14.350:2023-03-05"
    assert weather_key(-0.0001, -70.12349, DAY) == "0.000:-70.123:2023-03-05"
    assert vegetation_key("modis", 1, 2, 2023, 3) == "modis:1.000:2.000:2023:3"
    assert ndvi_key(1, 2, DAY) == "ndvi:1.000:2.000:2023-03-05"
    assert coherence_key("0c5e91ab", "vv", "v1", (8, 4, 0, 0)) == "sig:0c5e91ab:vv:v1:8-4-0-0"
    assert len(aoi_hash(AOI)) == 8
    assert aoi_hash(AOI) != aoi_hash(AOI + " ")


def test_the_documented_cache_is_read_and_completed(tmp_path: Path) -> None:
    put_json(
        tmp_path / CACHE_NAME, {**QUALITY_CACHE, "strange": [1], "veg": {"x": {"ndvi": 0.5, "extra": 1}}}
    )
    cache = QualityCache(tmp_path)
    entry = cache.get("weather", "40.850:14.350:2023-03-05")
    assert entry is not None
    assert (entry["precip_3d_mm"], entry["temp_mean_c"]) == (4.2, 9.1)
    cache.put("ndvi", ndvi_key(1, 2, DAY), {"ndvi": 0.25, "source": "s2"}, NOW)
    assert cache.save() is None
    after = get_json(tmp_path / CACHE_NAME)
    assert after.pop("ndvi") == {
        "map": {
            ndvi_key(1, 2, DAY): {"ndvi": 0.25, "source": "s2", "_fetched_at": "2024-05-02T09:00:00+00:00"}
        }
    }
    assert after == {**QUALITY_CACHE, "strange": [1], "veg": {"x": {"ndvi": 0.5, "extra": 1}}}
    assert "\n" not in (tmp_path / CACHE_NAME).read_text().strip()


def test_two_caches_of_one_folder_lose_nothing(tmp_path: Path) -> None:
    one, two = QualityCache(tmp_path), QualityCache(tmp_path)
    one.put("veg", "a", {"ndvi": 0.1})
    two.put("veg", "b", {"ndvi": 0.2})
    one.save()
    two.save()
    again = QualityCache(tmp_path)
    assert again.get("veg", "a") is not None
    assert again.get("veg", "b") is not None


def test_expiry() -> None:
    entry = {"area_km2": 5.0, "_fetched_at": "2023-05-03T09:00:00+00:00"}
    weather = {"temp_mean_c": 1.0, "_fetched_at": "2010-01-01T00:00:00Z"}
    cases = [
        ("geometry", entry, NOW, True),
        ("geometry", entry, NOW + timedelta(days=1), False),
        ("geometry", {"area_km2": 5.0}, NOW, False),
        ("landcover", {"urban_frac": 0.5, "_fetched_at": "2022-01-01"}, NOW, False),
        ("weather", weather, NOW, True),
        ("weather", {**weather, "provisional": True}, NOW, False),
        ("weather", {**weather, "provisional": True, "_fetched_at": "2024-04-26T09:00:00"}, NOW, True),
        (
            "weather",
            {"temp_mean_c": None, "overpass_hour_utc": 5, "_fetched_at": "2024-05-02T00:00:00Z"},
            NOW,
            False,
        ),
        ("weather", "no object", NOW, False),
    ]
    for section, value, now, is_found in cases:
        cache = QualityCache(Path("/nonexistent"))
        cache._document = {section: {"k": value}}
        assert (cache.get(section, "k", now) is not None) is is_found, (section, value)


def test_names_of_0_4_are_understood(tmp_path: Path) -> None:
    put_json(
        tmp_path / CACHE_NAME,
        {
            "_schema_version": 3,
            "weather": {"k": {"temp": 3.5, "precip_3day": 12, "snow_depth": None}},
            "landcover": {
                "h": {
                    "lc_tree_fraction": 0.4,
                    "lc_urban_fraction": 0.1,
                    "_fetched_at": "2024-05-01T00:00:00Z",
                }
            },
        },
    )
    cache = QualityCache(tmp_path)
    assert cache.get("weather", "k") == {"temp_mean_c": 3.5, "precip_3d_mm": 12}
    cover = cache.get("landcover", "h", NOW)
    assert cover is not None
    assert (cover["tree_cover_frac"], cover["urban_frac"]) == (0.4, 0.1)


def test_failures_are_never_kept(tmp_path: Path) -> None:
    cache = QualityCache(tmp_path)
    for values in ({}, {"source": "x"}, {"temp_mean_c": None, "overpass_hour_utc": 5}, {"ndvi": math.nan}):
        with pytest.raises(InsarError, match=r"quality\.no_measurement"):
            cache.put("weather", "k", values)
    with pytest.raises(InsarError, match=r"quality\.unknown_section"):
        cache.put("moon", "k", {"phase": 1})
    assert cache.save() is None
    assert list(tmp_path.iterdir()) == []


def test_weather_is_the_mean_of_the_points(tmp_path: Path) -> None:
    cache = QualityCache(tmp_path)
    cache.put(
        "weather", weather_key(1, 1, DAY), {"temp_mean_c": 2.0, "snow_depth_m": 0.5, "overpass_hour_utc": 5}
    )
    cache.put("weather", weather_key(1, 2, DAY), {"temp_mean_c": 4.0, "overpass_hour_utc": 5})
    assert cache.weather([(1, 1), (1, 2)], DAY, 5) == {"temp_mean_c": 3.0, "snow_depth_m": 0.5}
    assert cache.weather([(1, 1), (1, 2)], DAY, 6) is None
    assert cache.weather([(1, 1), (9, 9)], DAY) is None


def test_a_damaged_cache_is_set_aside_and_rebuilt(tmp_path: Path) -> None:
    (tmp_path / CACHE_NAME).write_text('{"weather": {')
    cache = QualityCache(tmp_path)
    assert cache.problem is not None
    assert cache.problem.code == "file.malformed"
    assert [path.name for path in tmp_path.iterdir()] == [CACHE_NAME]
    cache.put("veg", "k", {"ndvi": 0.5})
    aside = cache.save()
    assert aside == tmp_path / f"{CACHE_NAME}.bak"
    assert aside.read_text() == '{"weather": {'
    assert QualityCache(tmp_path).get("veg", "k") is not None


# --- database ---


def test_the_documented_database_round_trip(tmp_path: Path) -> None:
    put_json(tmp_path / DATABASE_NAME, {**DATABASE, "foreign": {"a": 1}})
    database = read_pair_database(tmp_path)
    assert database is not None
    assert database.scores == {AB: 70.7}
    assert (database.is_complete, database.scene_names, database.pair_count) == (True, (A, B), 1)
    built_at = datetime.fromisoformat(database.built_at or "")
    write_pair_database(tmp_path, database.scene_names, database.scores, database.factors, built_at)
    assert get_json(tmp_path / DATABASE_NAME) == {**DATABASE, "foreign": {"a": 1}}


def test_scales_and_orders_of_the_database_give_the_same_model(tmp_path: Path) -> None:
    models = []
    for document in (
        DATABASE,
        {**DATABASE, "scores": {f"{B}:{A}": 70.7}, "factors": {f"{B},{A}": {"dt_days": 12, "score": 70.7}}},
    ):
        put_json(tmp_path / DATABASE_NAME, document)
        database = read_pair_database(tmp_path)
        assert database is not None
        models.append((database.scores, round(database.factors[AB]["score"], 9)))
    assert models == [({AB: 70.7}, 0.707)] * 2


def test_version_4_tells_labels_only(tmp_path: Path) -> None:
    factors = {f"{A}:{B}": {"coherence_expected": 0.4, "events": []}}
    put_json(tmp_path / DATABASE_NAME, {**DATABASE_042, "factors": factors})
    database = read_pair_database(tmp_path)
    assert database is not None
    assert (database.version, database.scores, database.labels) == (4, {}, {AB: "concern"})
    assert database.factors == {}
    write_pair_database(tmp_path, [A, B], {}, {})
    after = get_json(tmp_path / DATABASE_NAME)
    assert after["_schema_version"] == 1
    assert "status" not in after
    assert after["thresholds"] == {"rain": 20}


def test_a_build_that_goes_on(tmp_path: Path) -> None:
    begin_pair_database(tmp_path, 30, NOW)
    assert get_json(tmp_path / DATABASE_NAME) == {
        "_schema_version": 1,
        "_built_at": "2024-05-02T09:00:00+00:00",
        "_n_scenes": 30,
        "_n_pairs": 435,
        "_complete": False,
    }
    database = read_pair_database(tmp_path)
    assert database is not None
    assert not database.is_complete


def test_unknown_is_absent_and_numbers_have_three_decimals(tmp_path: Path) -> None:
    scores = {AB: 33.33333, BC: math.nan}
    factors = {AB: {"dt_days": 12, "bperp_diff": 41.61234, "precip_3d_d1": None, "snow_cover_d1": math.nan}}
    write_pair_database(tmp_path, [C, A, B], scores, factors, NOW)
    after = get_json(tmp_path / DATABASE_NAME)
    assert after["scores"] == {f"{A}:{B}": 0.333}
    assert after["factors"] == {f"{A}:{B}": {"dt_days": 12, "bperp_diff": 41.612}}
    assert (after["_n_scenes"], after["_n_pairs"], after["_scene_names"]) == (3, 3, [A, B, C])


def test_the_size_limit_drops_factors_of_the_longest_pairs_only(tmp_path: Path) -> None:
    start = date(2020, 1, 1)
    names = [f"S1A_{start + timedelta(days=6 * n):%Y%m%d}_x" for n in range(40)]
    pairs = [order_pair(one, other) for one, other in itertools.combinations(names, 2)]
    factors = {
        pair: {"dt_days": pair.temporal_baseline_days, "coherence_expected": 0.123}
        for pair in reversed(pairs)
    }
    scores = dict.fromkeys(pairs, 50.0)
    write_pair_database(tmp_path, names, scores, factors, NOW, byte_limit=60_000)
    size = (tmp_path / DATABASE_NAME).stat().st_size
    assert 59_000 < size <= 60_000
    database = read_pair_database(tmp_path)
    assert database is not None
    assert len(database.scores) == 780
    kept = [item["dt_days"] for item in database.factors.values()]
    assert 0 < len(kept) < 780
    dropped = [pair.temporal_baseline_days for pair in pairs if pair not in database.factors]
    assert max(kept) <= min(dropped)


def test_a_damaged_database_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / DATABASE_NAME).write_text("{")
    with pytest.raises(InsarError, match=r"file\.malformed"):
        read_pair_database(tmp_path)
    assert write_pair_database(tmp_path, [A, B], {AB: 50}, {}) == tmp_path / f"{DATABASE_NAME}.bak"
    assert json.loads((tmp_path / DATABASE_NAME).read_text())["scores"] == {f"{A}:{B}": 0.5}
    assert read_pair_database(tmp_path / "none") is None


# --- search answer ---


def test_search_answer(tmp_path: Path) -> None:
    assert read_search_answer(tmp_path) is None
    items = [{"umm": {"GranuleUR": "é"}, "meta": {}}]
    assert write_search_answer(tmp_path, items) is None
    first = (tmp_path / SEARCH_ANSWER_NAME).read_bytes()
    assert read_search_answer(tmp_path) == items
    write_search_answer(tmp_path, items)
    assert (tmp_path / SEARCH_ANSWER_NAME).read_bytes() == first
    for length in range(0, len(first), 10):
        (tmp_path / SEARCH_ANSWER_NAME).write_bytes(first[:length])
        with pytest.raises(InsarError, match=r"file\.malformed"):
            read_search_answer(tmp_path)
    assert write_search_answer(tmp_path, items) == tmp_path / f"{SEARCH_ANSWER_NAME}.bak"
    assert read_search_answer(tmp_path) == items


def test_a_cache_of_another_version_is_set_aside_and_not_mixed(tmp_path):
    path = tmp_path / QUALITY_CACHE_NAME
    entry = {"precip_3d_mm": 1.0, "_fetched_at": "2024-05-02T08:40:00+00:00"}
    key = weather_key(1.0, 2.0, date(2023, 3, 5))
    for version, is_read in ((2, True), (3, True), (4, False), (1, False), ("2", False), (None, False)):
        document = {"_schema_version": version, "weather": {key: entry}}
        path.write_text(json.dumps(document), encoding="utf-8")
        cache = QualityCache(tmp_path)
        assert (cache.get("weather", key) is not None) is is_read, version
        assert (cache.problem is None) is is_read
        cache.put("weather", weather_key(1.0, 2.0, date(2023, 3, 6)), entry)
        aside = cache.save()
        assert (aside is None) is is_read
        kept = json.loads(path.read_text(encoding="utf-8"))
        assert len(kept["weather"]) == (2 if is_read else 1)
        if aside is not None:
            assert cache.problem is None
            assert json.loads(aside.read_text(encoding="utf-8")) == document
            assert kept["_schema_version"] == 2


@pytest.mark.parametrize("limit", [1_000, 60_000, 118_000, 120_000, 10**9])
def test_factors_fill_the_file_up_to_its_limit_and_no_further(tmp_path, limit):
    names = [
        f"S1A_IW_SLC__1SDV_2018{1 + day // 28:02d}{1 + day % 28:02d}T051234_20180101T051334_020027_000022_1F20"
        for day in range(46)
    ]
    pairs = [order_pair(one, other) for number, one in enumerate(names) for other in names[number + 1 :]]
    factors = {pair: {"dt_days": number % 97, "score": 0.1234567} for number, pair in enumerate(pairs)}
    write_pair_database(tmp_path, names, dict.fromkeys(pairs, 12.3), {}, byte_limit=0)
    least = (tmp_path / PAIR_DATABASE_NAME).stat().st_size
    write_pair_database(tmp_path, names, dict.fromkeys(pairs, 12.3), factors, byte_limit=least + limit)
    size = (tmp_path / PAIR_DATABASE_NAME).stat().st_size
    kept = read_pair_database(tmp_path).factors
    wanted = sorted(pairs, key=lambda pair: factors[pair]["dt_days"])[: len(kept)]
    assert list(kept) == wanted
    assert all(item == {**factors[pair], "score": 0.123} for pair, item in kept.items())
    one = 200
    assert size <= least + limit
    assert len(kept) == len(pairs) or size > least + limit - one
    assert read_pair_database(tmp_path).scores == dict.fromkeys(pairs, pytest.approx(12.3))

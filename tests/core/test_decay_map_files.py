# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from insarhub_qgis.core.decay_map_files import (
    BEST,
    EXPECTED,
    NETWORK,
    SEASONS,
    SIMULATED,
    DecayMapBuild,
    DecayMapFacts,
    decay_map_file,
    decay_map_name,
    derived_map_file,
    find_decay_maps,
    find_derived_maps,
    reuse_of,
)
from insarhub_qgis.core.errors import InsarError

WANTED = DecayMapBuild("0c5e91ab", (6, 12, 18, 24, 36, 48), "v1", "90 m", "s1_global_coherence")
AOI = (14.2, 40.7, 14.5, 41.0)
BOUNDS = (14.0, 40.5, 15.0, 41.5)
TAGS = WANTED.tags("winter", "VV", 0.0123)


def test_names(tmp_path: Path) -> None:
    assert decay_map_name("winter", "VV") == "S1_coherence_decay_winter_vv.tif"
    for season, polarization in (("autumn", "vv"), ("winter", "vh"), ("../winter", "vv")):
        with pytest.raises(InsarError, match=r"decay\.bad_name"):
            decay_map_name(season, polarization)
    path = decay_map_file(tmp_path, "fall", "hh")
    path.parent.mkdir()
    path.touch()
    (path.parent / "S1_coherence_decay_monsoon_vv.tif").touch()
    assert find_decay_maps(tmp_path) == {("fall", "hh"): path}
    assert find_decay_maps(tmp_path / "none") == {}


def test_rasters_made_from_the_maps_are_found_again(tmp_path: Path) -> None:
    files = [
        derived_map_file(tmp_path, EXPECTED, season="summer", days=12.5),
        derived_map_file(tmp_path, EXPECTED, first="2019-12-01", second="2020-03-06"),
        derived_map_file(tmp_path, BEST, days=24),
        derived_map_file(tmp_path, NETWORK),
    ]
    assert [file.stem for file in files] == [
        "expected_coherence_summer_12.5d",
        "expected_coherence_20191201_20200306",
        "best_season_24d",
        "network_coherence",
    ]
    files[0].parent.mkdir()
    for file in [*files, decay_map_file(tmp_path, "fall", "vv"), files[0].parent / "best_seasons.tif"]:
        file.touch()
    assert find_derived_maps(tmp_path) == [
        (EXPECTED, files[1]),
        (EXPECTED, files[0]),
        (BEST, files[2]),
        (NETWORK, files[3]),
    ]


def test_seasons_are_those_of_the_file_in_both_hemispheres() -> None:
    months = {month: season for season, found in SEASONS.items() for month in found}
    assert [months[month] for month in (12, 1, 2, 3, 5, 6, 8, 9, 11)] == [
        "winter", "winter", "winter", "spring", "spring", "summer", "summer", "fall", "fall",
    ]  # fmt: skip


def test_tags() -> None:
    assert TAGS == {
        "season": "winter",
        "pol": "vv",
        "band1": "gamma_inf_PS_floor",
        "band2": "gamma0_initial_coherence",
        "band3": "tau_decorrelation_days",
        "AOI_HASH": "0c5e91ab",
        "LEVELS": "6,12,18,24,36,48",
        "ALGORITHM": "v1",
        "RESOLUTION": "90 m",
        "FIT_RMSE_MEDIAN": "0.0123",
        "MONTHS": "12,1,2",
        "SOURCE": "s1_global_coherence",
    }
    assert "FIT_RMSE_MEDIAN" not in WANTED.tags("summer", "vv")


FOREIGN = {key: value for key, value in TAGS.items() if key.islower() or key.startswith("band")}


@pytest.mark.parametrize(
    ("bands", "crs", "bounds", "tags", "decision"),
    [
        (3, "EPSG:4326", BOUNDS, TAGS, "own"),
        (3, "EPSG:4326", AOI, TAGS, "own"),
        (3, "EPSG:4326", BOUNDS, {**TAGS, "AOI_HASH": "11111111"}, "outdated"),
        (3, "EPSG:4326", BOUNDS, {**TAGS, "LEVELS": "12,24"}, "outdated"),
        (3, "EPSG:4326", BOUNDS, {**TAGS, "ALGORITHM": "v0"}, "outdated"),
        (3, "EPSG:4326", BOUNDS, {**TAGS, "SOURCE": f"{SIMULATED}s1_global_coherence"}, "outdated"),
        (3, "EPSG:4326", (14.3, 40.5, 15.0, 41.5), TAGS, "outdated"),
        (2, "EPSG:4326", BOUNDS, TAGS, "outdated"),
        (3, "EPSG:4326", BOUNDS, FOREIGN, "insarhub"),
        (3, "EPSG:4326", (14.0, 40.5, 14.4, 41.5), FOREIGN, "unusable"),
        (3, "EPSG:32633", BOUNDS, FOREIGN, "unusable"),
        (4, "EPSG:4326", BOUNDS, {}, "unusable"),
    ],
)
def test_reuse(bands: int, crs: str, bounds: tuple, tags: dict, decision: str) -> None:
    assert reuse_of(DecayMapFacts(bands, crs, bounds, tags), WANTED, AOI) == decision

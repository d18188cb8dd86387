# SPDX-License-Identifier: GPL-2.0-or-later
"""Rasters and figures made from decay maps, against values computed pixel by pixel."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pytest
import rasterio

from insarhub_qgis.core.decay_map_files import BAND_DESCRIPTIONS, DecayMapBuild, decay_map_file
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.network_files import load_network
from insarhub_qgis.core.requests import DeriveFromDecay, ZonalDecay
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine import decay_derived
from insarhub_qgis.engine.decay_rasters import RasterGrid, read_decay_maps, write_float_raster
from tests.makers.networks import write_network_job

GRID = RasterGrid(10.0, 48.0, 0.01, 4, 3)
#: Winter and spring of the first pixel are the documented example of a pair that crosses seasons.
SEASONS = {
    "winter": (0.30, 0.80, 40.0),
    "spring": (0.20, 0.70, 20.0),
    "summer": (0.10, 0.90, 60.0),
    "fall": (0.2, 0.5, 9.0),
}


def write_maps(folder, seasons=SEASONS, grid=GRID):
    build = DecayMapBuild("abcd1234", (12, 24, 36), "test", "0.01 deg", "made up")
    for season, values in seasons.items():
        bands = [np.full((grid.height, grid.width), value, dtype=np.float32) for value in values]
        bands[0][0, 1] += 0.1
        for band in bands:
            band[2, 3] = np.nan
        write_float_raster(decay_map_file(folder, season, "vv"), grid, bands, BAND_DESCRIPTIONS, ("", "", "d"),
                           build.tags(season, "vv"))  # fmt: skip
    return folder


@pytest.fixture
def maps(tmp_path):
    return write_maps(tmp_path / "job")


def derive(maps, quantity, tmp_path, **values):
    output = tmp_path / f"{quantity}.tif"
    answer = decay_derived.run(DeriveFromDecay(quantity, str(output), str(maps), **values), RunContext())
    with rasterio.open(output) as raster:
        assert (raster.dtypes, raster.crs.to_epsg(), raster.bounds.left) == (("float32",), 4326, 10.0)
        assert raster.descriptions == (answer["description"],)
        assert (raster.units[0] or "") == answer["unit"]
        return answer, raster.read(1), {**raster.tags(), "nodata": raster.nodata}


def model(season, days):
    floor, start, tau = SEASONS[season]
    return floor + (start - floor) * math.exp(-days / tau)


def test_expected_coherence_of_a_season(maps, tmp_path):
    answer, values, tags = derive(maps, "expected_coherence", tmp_path, days=12, season="winter")
    assert values[0, 0] == pytest.approx(0.6704, abs=1e-4)
    assert values[0, 1] == pytest.approx(0.40 + 0.40 * math.exp(-12 / 40), abs=1e-6)
    assert (values[2, 3], tags["nodata"], answer["valid_pixels"]) == (-9999, -9999, 11)
    assert answer["description"] == "expected coherence after 12 d, DJF (file: winter)"
    assert tags["MONTHS"] == "12,1,2"
    assert answer["source"] == "made up"


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [("2023-02-09", "2023-02-21", 0.6704), ("2023-02-21", "2023-03-05", 0.6018), ("2023-01-10", "2023-04-10", 0.2749)],
)  # fmt: skip
def test_expected_coherence_of_two_dates_is_chained(maps, tmp_path, first, second, expected):
    _, values, _ = derive(maps, "expected_coherence", tmp_path, first=first, second=second)
    assert values[0, 0] == pytest.approx(expected, abs=1e-4)


def test_longest_usable_baseline(maps, tmp_path):
    answer, values, _ = derive(maps, "longest_baseline", tmp_path, coherence=0.5, season="winter")
    assert values[0, 0] == pytest.approx(-40 * math.log(0.2 / 0.5), rel=1e-6)
    assert answer["unit"] == "d"
    assert derive(maps, "longest_baseline", tmp_path, coherence=0.25, season="winter")[1][0, 0] == 365
    assert derive(maps, "longest_baseline", tmp_path, coherence=0.95, season="winter")[1][0, 0] == 0


def test_best_season(maps, tmp_path):
    _, values, tags = derive(maps, "best_season", tmp_path, days=12)
    at_12 = {season: model(season, 12) for season in SEASONS}
    assert values[0, 0] == 1 + list(SEASONS).index(max(at_12, key=at_12.get)) == 3
    assert derive(maps, "best_season", tmp_path, days=200)[1][0, 0] == 1
    assert (values[2, 3], tags["nodata"]) == (0, 0)


def test_mean_coherence_of_a_network_equals_the_mean_over_its_pairs(maps, tmp_path):
    job = write_network_job(tmp_path / "p44_f117")
    answer, values, _ = derive(maps, "network_coherence", tmp_path, job_folder=str(job))
    network = load_network(job).network
    keys = network.active_keys()
    assert answer["pairs"] == answer["pairs_used"] == len(keys) > 0
    total = 0.0
    for key in keys:
        days = [0, 0, 0, 0]
        first, second = (network.nodes[side].date.toordinal() for side in key)
        for ordinal in range(first, second):
            days[date.fromordinal(ordinal).month % 12 // 3] += 1
        parts = [(count, *SEASONS[season]) for count, season in zip(days, SEASONS) if count]
        floor = sum(count * values[0] for count, *values in parts) / sum(days)
        start = sum(count * values[1] for count, *values in parts) / sum(days)
        total += floor + (start - floor) * math.exp(-sum(count / values[2] for count, *values in parts))
    assert values[0, 0] == pytest.approx(total / len(keys), abs=1e-6)


def test_pairs_in_a_season_without_map_are_left_out_and_counted(tmp_path):
    job = write_network_job(tmp_path / "p44_f117")
    write_maps(job, {"winter": SEASONS["winter"]})
    answer, values, _ = derive("", "network_coherence", tmp_path, job_folder=str(job))
    assert 0 < answer["pairs_used"] < answer["pairs"]
    assert f"{answer['pairs_used']} pairs" in answer["description"]
    assert 0.3 < values[0, 0] < 0.8


@pytest.mark.parametrize(
    ("quantity", "values", "code"),
    [
        ("expected_coherence", {"days": -1, "season": "winter"}, "decay.bad_option"),
        ("expected_coherence", {"days": 12, "season": "autumn"}, "decay.no_season"),
        ("expected_coherence", {"first": "2023-02-21", "second": "2023-02-21"}, "decay.bad_option"),
        ("expected_coherence", {"first": "21.2.2023", "second": "2023-03-01"}, "decay.bad_option"),
        ("longest_baseline", {"coherence": 0.0, "season": "winter"}, "decay.bad_option"),
        ("velocity", {}, "decay.bad_option"),
    ],
)
def test_bad_input(maps, tmp_path, quantity, values, code):
    with pytest.raises(InsarError) as caught:
        derive(maps, quantity, tmp_path, **values)
    assert caught.value.code == code
    assert list(tmp_path.glob("*.tif*")) == []


def test_maps_of_different_areas_are_refused(maps):
    with rasterio.open(decay_map_file(maps, "fall", "vv"), "r+") as raster:
        raster.update_tags(AOI_HASH="00000000")
    with pytest.raises(InsarError) as caught:
        read_decay_maps(maps)
    assert caught.value.code == "decay.other_grids"


def test_a_map_of_another_resolution_is_put_on_the_grid_of_the_others(maps):
    write_maps(maps, {"fall": SEASONS["fall"]}, RasterGrid(9.9925, 48.0075, 0.005, 12, 10))
    read = read_decay_maps(maps)
    assert read.grid.is_like(GRID)
    # The finer map goes beyond the others on all sides; its pixel without data holds no centre of theirs.
    assert read.g0[3] == pytest.approx(np.full((3, 4), SEASONS["fall"][1]))
    with rasterio.open(decay_map_file(maps, "winter", "vv")) as raster:
        bands, profile = raster.read(), raster.profile
    decay_map_file(maps, "winter", "vv").unlink()
    with rasterio.open(decay_map_file(maps, "winter", "vv"), "w", **profile) as raster:
        raster.write(bands)  # without our tags, as InSARHub writes them
    assert read_decay_maps(maps).source == "made up"


def test_damaged_and_missing_maps(maps, tmp_path):
    with pytest.raises(InsarError, match=r"decay\.no_maps"):
        read_decay_maps(tmp_path)
    assert read_decay_maps(maps / "decay_maps").seasons == dict.fromkeys(SEASONS, "vv")
    decay_map_file(maps, "fall", "vv").write_bytes(b"II*\0 cut")
    with pytest.raises(InsarError, match=r"decay\.map_unreadable"):
        read_decay_maps(maps)


def test_figures_of_zones(maps):
    left = "POLYGON ((10 47.97, 10.02 47.97, 10.02 48, 10 48, 10 47.97))"
    tiny = "POLYGON ((10.031 47.971, 10.032 47.971, 10.032 47.972, 10.031 47.972, 10.031 47.971))"
    far = "POLYGON ((20 47, 21 47, 21 48, 20 48, 20 47))"
    answer = decay_derived.statistics(
        ZonalDecay(str(maps), (left, tiny, far), days=(12.0, 48.0)), RunContext()
    )
    rows = {(row["zone"], row["season"]): row for row in answer["rows"]}
    assert len(rows) == 3 * 4
    row = rows[(0, "winter")]
    assert (row["pixels"], row["zone_pixels"]) == (6, 6)
    assert row["tau"] == 40
    assert row["coherence"] == [pytest.approx(model("winter", days), abs=1e-4) for days in (12, 48)]
    assert rows[(0, "fall")]["usable_share"] == [
        pytest.approx(1 / 6, abs=1e-4),
        pytest.approx(1 / 6, abs=1e-4),
    ]
    # The only pixel that the second zone touches has no data; the third one is elsewhere.
    assert (rows[(1, "winter")]["pixels"], rows[(1, "winter")]["zone_pixels"]) == (0, 1)
    assert rows[(1, "winter")]["coherence"] == [None, None]
    assert rows[(2, "winter")]["zone_pixels"] == 0


def test_figures_without_zones_are_those_of_the_maps(maps):
    answer = decay_derived.statistics(ZonalDecay(str(maps)), RunContext())
    assert [(row["season"], row["pixels"]) for row in answer["rows"]] == [(season, 11) for season in SEASONS]

# SPDX-License-Identifier: GPL-2.0-or-later
"""Decay maps from a small store of coherence: what is read, written, kept, and said when something is missing."""

from __future__ import annotations

import json
import os
import time

import numpy as np
import pytest
import rasterio

from insarhub_qgis.core.decay_map_files import decay_map_file
from insarhub_qgis.core.endpoints import PRODUCTION
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.requests import FetchDecayMaps
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.core.scene_facts import read_scene_facts
from insarhub_qgis.engine import coherence_tiles, decay_maps
from insarhub_qgis.engine.decay_map_reader import read_decay_parameters
from insarhub_qgis.engine.quality_area import area_of_job
from tests.makers.coherence_server import serving_coherence, truth
from tests.makers.network_jobs import make_network_job, scene_name, umm_item
from tests.makers.waiting import NEVER_S

LAND = "POLYGON ((10.1 47.7, 10.15 47.7, 10.15 47.75, 10.1 47.75, 10.1 47.7))"
SEASONS = ["winter", "spring", "summer", "fall"]


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(coherence_tiles, "RETRY_WAITS_S", (0.01, 0.01, 0.01))
    with serving_coherence() as running:
        yield running


@pytest.fixture
def job(tmp_path):
    return job_with(tmp_path / "job é", LAND)


def job_with(folder, aoi):
    folder.mkdir()
    config = {"downloader": {"type": "S1_SLC", "config": {"intersectsWith": aoi}}}
    (folder / "insarhub_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def fetch(server, job="", context=None, **values):
    address = {**PRODUCTION.to_json(), "coherence": getattr(server, "url", server)}
    request = FetchDecayMaps(job_folder=str(job) if job else "", endpoints=address, **values)
    return decay_maps.run(request, context or RunContext())


def states(answer):
    return {row["season"]: row["state"] for row in answer["seasons"]}


def box(west, south, east, north):
    return f"POLYGON (({west} {south}, {east} {south}, {east} {north}, {west} {north}, {west} {south}))"


# --- The product ---


def test_maps_are_as_documented(server, job):
    items = []
    answer = fetch(server, job, RunContext(item=items.append))
    assert states(answer) == dict.fromkeys(SEASONS, "available")
    assert items == answer["seasons"]
    assert answer["resolution"] == "90 m"
    assert (answer["width"], answer["height"], answer["area_pixels"]) == (60, 60, 3600)
    row = answer["seasons"][2]
    assert (row["polarization"], row["origin"], row["valid_pixels"]) == ("vv", "fetched", 3600)
    assert row["levels"] == [6, 12, 18, 24, 36, 48]
    assert row["bytes"] == decay_map_file(job, "summer", "vv").stat().st_size
    with rasterio.open(decay_map_file(job, "summer", "vv")) as raster:
        assert (raster.count, set(raster.dtypes), raster.crs.to_epsg()) == (3, {"float32"}, 4326)
        assert raster.nodatavals == (-9999.0,) * 3
        assert raster.compression.name == "lzw"
        assert raster.block_shapes == [(256, 256)] * 3
        assert raster.descriptions == ("gamma_inf", "gamma_0", "tau")
        assert raster.units == (None, None, "d")
        tags = raster.tags()
        values = raster.read()
    assert {name: tags[name] for name in ("season", "pol", "band1", "band2", "band3", "LEVELS", "MONTHS", "RESOLUTION")} == {
        "season": "summer", "pol": "vv", "band1": "gamma_inf_PS_floor", "band2": "gamma0_initial_coherence",
        "band3": "tau_decorrelation_days", "LEVELS": "6,12,18,24,36,48", "MONTHS": "6,7,8", "RESOLUTION": "90 m",
    }  # fmt: skip
    assert "10.1038/s41597-022-01189-6" in tags["SOURCE"]
    assert float(tags["FIT_RMSE_MEDIAN"]) < 0.005
    floor, start, tau = truth("summer")
    assert np.abs(values[0] - floor).max() < 0.02
    assert np.abs(values[1] - start).max() < 0.02
    assert np.abs(values[2] - tau).max() < 5
    assert [band["median"] for band in row["bands"]] == pytest.approx(
        np.median(values, axis=(1, 2)), abs=1e-4
    )


def test_pixels_outside_the_polygon_and_on_sea_have_no_data(server, job):
    triangle = "POLYGON ((10.4 47.4, 10.6 47.4, 10.4 47.6, 10.4 47.4))"
    answer = fetch(server, job, aoi_wkt=triangle, seasons=("fall",))
    with rasterio.open(decay_map_file(job, "fall", "vv")) as raster:
        has_data = raster.read(1) != -9999
        bands_agree = ((raster.read() != -9999) == has_data).all()
    assert bands_agree
    assert has_data.shape == (240, 240)
    # The south-east quarter of the tile is sea: east of 10.5 and south of 47.5.
    assert not has_data[120:, 120:].any()
    assert not has_data[:100, 150:].any()
    assert has_data.sum() == answer["seasons"][0]["valid_pixels"] < answer["area_pixels"]


def test_only_a_window_of_the_mosaic_is_read(server, job):
    wide = box(9.2, 47.2, 13.2, 47.4)
    answer = fetch(server, job, aoi_wkt=wide, seasons=("summer",))
    assert answer["resolution"] == "0.01 deg"
    assert (answer["width"], answer["height"]) == (400, 20)
    assert all("mosaics" in path for path in server.paths)
    whole = sum(len(server.content(path)) for path in set(server.paths))
    assert server.sent_bytes < 0.8 * whole
    assert server.most_at_once <= 4


# --- Maps that are kept ---


def test_a_second_fetch_needs_no_network(server, job):
    first = fetch(server, job)
    asked = len(server.paths)
    server.faults = {"": [500] * 1000}
    second = fetch(server, job)
    assert len(server.paths) == asked
    assert [row["origin"] for row in second["seasons"]] == ["kept"] * 4
    assert [row["bands"] for row in second["seasons"]] == [row["bands"] for row in first["seasons"]]


def test_another_area_resolution_or_a_forced_fetch_makes_them_again(server, job):
    fetch(server, job, seasons=("fall",))
    other = fetch(server, job, seasons=("fall",), aoi_wkt=box(10.2, 47.7, 10.25, 47.75))
    assert other["seasons"][0]["origin"] == "fetched"
    coarse = fetch(server, job, seasons=("fall",), resolution="1km")
    assert (coarse["seasons"][0]["origin"], coarse["seasons"][0]["resolution"]) == ("fetched", "0.01 deg")
    # Without a wish further seasons lie on the grid of those that are there.
    both = fetch(server, job, seasons=("summer", "fall"))
    assert [(row["origin"], row["resolution"]) for row in both["seasons"]] == [
        ("fetched", "0.01 deg"),
        ("kept", "0.01 deg"),
    ]
    forced = fetch(server, job, seasons=("fall",), force=True)
    assert (forced["seasons"][0]["origin"], forced["resolution"]) == ("fetched", "90 m")


def test_a_map_without_our_tags_is_used_and_one_elsewhere_is_set_aside(server, job):
    fetch(server, job, seasons=("fall", "summer"))
    for season in ("fall", "summer"):
        path = decay_map_file(job, season, "vv")
        with rasterio.open(path) as raster:
            values, profile = raster.read(), raster.profile
        if season == "summer":
            profile["transform"] @= rasterio.Affine.translation(10_000, 0)
        path.unlink()
        with rasterio.open(path, "w", **profile) as raster:
            raster.write(values)
    foreign = decay_map_file(job, "summer", "vv").read_bytes()
    answer = fetch(server, job, seasons=("fall", "summer"))
    assert {row["season"]: row["origin"] for row in answer["seasons"]} == {
        "summer": "fetched",
        "fall": "insarhub",
    }
    assert decay_map_file(job, "summer", "vv").with_suffix(".tif.bak").read_bytes() == foreign
    assert answer["messages"] == []


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 0.6, 0.9, 0.99])
def test_a_map_that_is_cut_is_set_aside_and_made_again(server, job, share):
    first = fetch(server, job, seasons=("fall", "summer"))
    path = decay_map_file(job, "fall", "vv")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    second = fetch(server, job, seasons=("fall", "summer"))
    assert [row["origin"] for row in second["seasons"]] == ["kept", "fetched"]
    assert [row["bands"] for row in second["seasons"]] == [row["bands"] for row in first["seasons"]]
    # Ours as far as its tags tell is replaced; what else it may be stays beside the new one.
    asides = [aside.stat().st_size for aside in path.parent.glob("*.bak")]
    assert asides == ([] if share == 0.3 else [int(len(whole) * share)])


def test_what_a_killed_fetch_left_behind_is_removed(server, job):
    fetch(server, job, seasons=("fall",))
    folder = decay_map_file(job, "fall", "vv").parent
    old, new = folder / ".old.tif.1-0a.insarhub_tmp", folder / ".new.tif.2-0b.insarhub_tmp"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    fetch(server, job, seasons=("fall",))
    # The new one may belong to a fetch that runs now.
    assert (old.exists(), new.exists()) == (False, True)


def test_simulated_maps_are_not_taken_for_real_ones(server, job):
    fetch(server, job, seasons=("fall",))
    path = decay_map_file(job, "fall", "vv")
    with rasterio.open(path, "r+") as raster:
        raster.update_tags(SOURCE=f"Sandbox, simulated: {raster.tags()['SOURCE']}")
    assert fetch(server, job, seasons=("fall",))["seasons"][0]["origin"] == "fetched"


# --- Places ---


def test_the_southern_hemisphere_gets_the_months_of_the_dataset(server, tmp_path):
    answer = fetch(server, folder=str(tmp_path), aoi_wkt=box(-70.4, -33.3, -70.35, -33.25))
    for row in answer["seasons"]:
        floor, start, _ = truth(row["season"])
        assert row["bands"][0]["median"] == pytest.approx(floor, abs=0.02), row["season"]
        assert row["bands"][1]["median"] == pytest.approx(start, abs=0.02), row["season"]
    # June in Chile is in the file that holds June.
    assert {row["season"]: row["months"] for row in answer["seasons"]}["summer"] == [6, 7, 8]
    assert all(f"S33W071_{row['season']}_" in "".join(server.paths) for row in answer["seasons"])


def test_maps_by_insarhub_are_doubted_south_of_the_equator(server, tmp_path):
    chile = box(-70.4, -33.3, -70.35, -33.25)
    fetch(server, folder=str(tmp_path), aoi_wkt=chile, seasons=("fall",))
    path = decay_map_file(tmp_path, "fall", "vv")
    with rasterio.open(path) as raster:
        values, profile = raster.read(), raster.profile
    path.unlink()
    with rasterio.open(path, "w", **profile) as raster:
        raster.write(values)
    answer = fetch(server, folder=str(tmp_path), aoi_wkt=chile, seasons=("fall",))
    assert [message["code"] for message in answer["messages"]] == ["decay.insarhub_south"]
    assert path.is_file()


def test_an_area_across_the_antimeridian_is_one_map(server, tmp_path):
    fiji = "POLYGON ((179.95 -16.1, -179.95 -16.1, -179.95 -16.05, 179.95 -16.05, 179.95 -16.1))"
    answer = fetch(server, folder=str(tmp_path), aoi_wkt=fiji, seasons=("winter",))
    assert (answer["width"], answer["height"]) == (120, 60)
    assert answer["seasons"][0]["valid_pixels"] == 120 * 60
    with rasterio.open(decay_map_file(tmp_path, "winter", "vv")) as raster:
        assert raster.bounds.left == pytest.approx(179.95)
        assert raster.bounds.right == pytest.approx(180.05)
    assert (
        fetch(server, folder=str(tmp_path), aoi_wkt=fiji, seasons=("winter",))["seasons"][0]["origin"]
        == "kept"
    )


def test_an_area_over_a_corner_of_four_tiles(server, tmp_path):
    server.missing = r"_hh_|N48E009"
    answer = fetch(server, folder=str(tmp_path), aoi_wkt=box(9.99, 47.99, 10.01, 48.01), seasons=("winter",))
    # One tile is sea; of N49E009 the south-east quarter is sea too, which is what lies here.
    assert answer["area_pixels"] == 24 * 24
    assert answer["seasons"][0]["valid_pixels"] == 2 * 12 * 12
    assert {path.split("/")[3] for path in server.paths} == {"N49E009", "N49E010", "N48E009", "N48E010"}


def test_an_area_smaller_than_a_pixel_has_the_pixels_that_it_touches(server, tmp_path):
    tiny = box(10.10001, 47.70001, 10.10002, 47.70002)
    answer = fetch(server, folder=str(tmp_path), aoi_wkt=tiny, seasons=("winter",))
    assert (answer["area_pixels"], answer["seasons"][0]["valid_pixels"]) == (1, 1)


def test_beyond_the_dataset_nothing_is_asked(server, tmp_path):
    with pytest.raises(InsarError, match=r"coherence\.outside"):
        fetch(server, folder=str(tmp_path), aoi_wkt=box(20, 83, 21, 84))
    assert server.paths == []


# --- What is missing ---


def test_at_sea_a_season_is_not_available(server, tmp_path):
    answer = fetch(
        server, folder=str(tmp_path), aoi_wkt=box(10.6, 47.1, 10.7, 47.2), seasons=("winter", "fall")
    )
    assert states(answer) == {"winter": "not_available", "fall": "not_available"}
    assert [row["code"] for row in answer["seasons"]] == ["decay.no_pixel"] * 2
    assert list(tmp_path.rglob("*.tif")) == []


def test_hh_where_there_is_no_vv(server, job):
    server.missing = "_vv_"
    answer = fetch(server, job, seasons=("winter",))
    assert answer["seasons"][0]["polarization"] == "hh"
    assert decay_map_file(job, "winter", "hh").is_file()
    assert fetch(server, job, seasons=("winter",))["seasons"][0]["origin"] == "kept"
    assert states(fetch(server, job, seasons=("winter",), polarization="vv")) == {"winter": "not_available"}


@pytest.mark.parametrize(("missing", "levels"), [("COH(06|18)", [12, 24, 36, 48]), ("COH(06|12|18)", [24, 36, 48]),
                                                 ("COH(06|12|18|24)", None)])  # fmt: skip
def test_a_missing_level_reduces_the_set(server, job, missing, levels):
    server.missing = f"_hh_|{missing}"
    row = fetch(server, job, seasons=("summer",))["seasons"][0]
    assert row.get("levels") == levels
    assert row["state"] == ("available" if levels else "not_available")


def test_a_season_that_fails_is_named_and_the_others_are_made(server, job):
    server.faults = {"_spring_vv_COH12": [403]}
    answer = fetch(server, job)
    assert states(answer) == {
        "winter": "available",
        "spring": "failed",
        "summer": "available",
        "fall": "available",
    }
    row = answer["seasons"][1]
    assert (row["code"], row["fields"]["file"], row["fields"]["reason"]) == (
        "coherence.not_read", "N48E010_spring_vv_COH12.tif", "HTTP 403")  # fmt: skip
    assert not decay_map_file(job, "spring", "vv").exists()
    # Nothing of the failure is kept: the next fetch asks again.
    assert states(fetch(server, job))["spring"] == "available"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_fault_that_passes_is_asked_again(server, job, status):
    server.faults = {"_fall_vv_COH24": [status, status, status]}
    assert states(fetch(server, job, seasons=("fall",))) == {"fall": "available"}
    server.faults = {"_fall_vv_COH24": [status] * 4}
    row = fetch(server, job, seasons=("fall",), force=True)["seasons"][0]
    assert (row["state"], row["fields"]["reason"]) == ("failed", f"HTTP {status}")


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_service_is_left_alone_as_long_as_it_wants(server, job, status):
    server.faults = {"_fall_vv_COH24": [status]}
    server.retry_after_s = 2
    before = time.monotonic()
    assert states(fetch(server, job, seasons=("fall",))) == {"fall": "available"}
    assert time.monotonic() - before >= 2
    server.faults, server.retry_after_s = {"_fall_vv_COH24": [status] * 4}, 3600
    asked = len(server.paths)
    row = fetch(server, job, seasons=("fall",), force=True)["seasons"][0]
    assert (row["state"], row["fields"]["reason"]) == ("failed", f"HTTP {status}")
    assert sum("_fall_vv_COH24" in path for path in server.paths[asked:]) == 1


def test_a_file_that_is_no_raster_is_named(server, job):
    server._made["/data/tiles/N48E010/N48E010_fall_vv_COH12.tif"] = b"<html>login</html>" * 100
    row = fetch(server, job, seasons=("fall",))["seasons"][0]
    assert (row["state"], row["code"]) == ("failed", "coherence.damaged")


def test_without_the_service_all_seasons_fail_after_the_first(server, job, monkeypatch):
    reads, read = [], coherence_tiles.CoherenceReader.read

    def counted(self, *arguments):
        reads.append(arguments)
        return read(self, *arguments)

    monkeypatch.setattr(coherence_tiles.CoherenceReader, "read", counted)
    answer = fetch("http://127.0.0.1:1", job)
    assert len(reads) == 1
    assert states(answer) == dict.fromkeys(SEASONS, "failed")
    assert {row["code"] for row in answer["seasons"]} == {"coherence.offline"}
    assert list(job.rglob("*.tif")) == []
    assert states(fetch(server, job)) == dict.fromkeys(SEASONS, "available")


def test_an_answer_that_does_not_come_is_given_up(server, job, monkeypatch):
    monkeypatch.setattr(coherence_tiles, "FILE_TIMEOUT_S", 0.3)
    server.delay_s = NEVER_S
    row = fetch(server, job, seasons=("fall",))["seasons"][0]
    assert (row["state"], row["code"]) == ("failed", "coherence.slow")


def test_a_cancel_does_not_wait_for_the_service(server, job):
    server.delay_s = NEVER_S
    with pytest.raises(Cancelled):
        fetch(server, job, RunContext(is_cancelled=lambda: bool(server.paths)))
    assert server.paths
    assert list(job.rglob("*.tif*")) == []


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"seasons": ("autumn",)}, "decay.bad_season"),
        ({"seasons": ()}, "decay.bad_season"),
        ({"polarization": "vh"}, "decay.bad_name"),
        ({"resolution": "30m"}, "coherence.bad_resolution"),
        ({"aoi_wkt": "POLYGON"}, "search.area_not_wkt"),
        ({"aoi_wkt": box(0, 0, 50, 50)}, "coherence.too_large"),
    ],
)
def test_bad_input_is_refused_before_anything_is_asked(server, job, values, code):
    with pytest.raises(InsarError) as caught:
        fetch(server, job, **values)
    assert caught.value.code == code
    assert server.paths == []


def test_a_job_without_area_takes_that_of_its_scenes_as_its_pair_quality_does(server, tmp_path):
    items = [umm_item(scene_name(day), shift_deg=-6.2) for day in (0, 12)]
    config = {"downloader": {"type": "S1_SLC", "config": {"relativeOrbit": 5}}}
    job = make_network_job(tmp_path / "job", [0, 12], items=items, config=config)
    answer = fetch(server, job, seasons=("winter",))
    assert answer["seasons"][0]["state"] == "available"
    assert [message["code"] for message in answer["messages"]] == ["quality.area_of_scenes"]
    facts = read_scene_facts(job)
    area = area_of_job(JobFolder(job).read_config(), [facts[name] for name in sorted(facts)])
    decay, problems = read_decay_parameters(job, area.geometry, area.hash)
    assert problems == []
    assert decay.g_inf[0] == pytest.approx(truth("winter")[0], abs=0.02)


def test_a_job_without_area_and_no_folder_at_all(server, tmp_path):
    with pytest.raises(InsarError, match=r"decay\.no_area"):
        fetch(server, tmp_path)
    with pytest.raises(InsarError, match=r"decay\.no_folder"):
        fetch(server, aoi_wkt=LAND)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Land cover, vegetation, snow and fire of the sandbox over HTTP: the shapes of the originals, and one world."""

from __future__ import annotations

import csv
import datetime
import io
import json
from urllib.parse import quote

import numpy as np
import pytest
from rasterio.warp import transform

from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.core.requests import Simulate
from insarhub_qgis.sandbox.land_cover_service import LandCoverService
from insarhub_qgis.sandbox.modis_grid import tile_of, tiles_in
from insarhub_qgis.sandbox.serve import make_sandbox
from insarhub_qgis.sandbox.snow_service import SnowService
from tests.makers.sandbox_clients import call, plan_fault
from tests.makers.sandbox_rasters import COHERENCE, read_raster

KEY = "0123456789abcdef" * 2
SMALL = Simulate(output_folder="", width=100, height=80)


@pytest.fixture(scope="module")
def sandbox():
    with make_sandbox(simulation=SMALL) as server:
        yield server


@pytest.fixture
def url(sandbox):
    yield sandbox.base_url
    sandbox.reset()


def world(sandbox):
    return next(service for service in sandbox.services if hasattr(service, "coverage"))._world


def test_the_endpoints_of_a_sandbox_lead_to_its_services(url):
    endpoints = Endpoints.of_sandbox(url)
    assert endpoints.coherence == url + COHERENCE.removesuffix("/data")
    assert {endpoints.land_cover, endpoints.vegetation, endpoints.snow, endpoints.fire} == {url}


class EmptiedTable(dict):
    """A table of kept files that another thread empties right after anything is put into it."""

    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        self.clear()


def test_a_file_that_another_thread_lets_go_is_answered(sandbox, url, monkeypatch):
    for service in sandbox.services:
        if isinstance(service, LandCoverService):
            monkeypatch.setattr(service, "_tiles", EmptiedTable())
        elif isinstance(service, SnowService):
            monkeypatch.setattr(service, "_files", EmptiedTable())
    assert call(url, land_cover_url("", "N36W003"), "HEAD")[0] == 200
    item = items(url, bbox=[10, 51, 10.4, 51.3], datetime="2020-01-15")["features"][0]
    path = item["assets"]["NDSI_Snow_Cover"]["href"].removeprefix(url)
    token = json.loads(call(url, "/api/sas/v1/token/modiseuwest/modis-061-cogs")[2])["token"]
    assert call(url, f"{path}?{token}", "HEAD")[0] == 200


# --- Land cover ---


def land_cover_url(url, tile):
    return f"{url}/v200/2021/map/ESA_WorldCover_10m_2021_v200_{tile}_Map.tif"


def test_land_cover_has_the_shape_of_the_dataset(url):
    pixels, facts = read_raster(land_cover_url(url, "N36W003"), (-1.9, 37.5, -1.6, 37.8), (375, 375))
    assert facts["shape"] == (36_000, 36_000)
    assert (facts["nodata"], facts["dtype"], facts["is_tiled"]) == (0, "uint8", True)
    assert (facts["transform"].c, facts["transform"].f) == (-3, 39)
    assert facts["overviews"][:3] == [2, 4, 8]
    assert set(np.unique(pixels)) <= {10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 100}
    assert len(np.unique(pixels)) > 3


@pytest.mark.parametrize(
    ("tile", "status"),
    [
        ("N36W003", 200),
        ("S36W072", 200),
        ("N36W021", 404),
        ("N37W003", 404),
        ("S63E050", 404),
        ("N84E000", 404),
    ],
)
def test_tiles_of_land_cover(url, tile, status):
    answered, headers, _ = call(url, land_cover_url("", tile), "HEAD")
    assert answered == status
    if status == 200:
        assert int(headers["Content-Length"]) < 2**32


def test_land_cover_over_the_stack_is_that_of_the_simulator(sandbox, url):
    scene = world(sandbox).stacks[0].scene
    rows, columns = np.mgrid[3 : scene.height - 3 : 4, 3 : scene.width - 3 : 4]
    x = scene.x_first + (columns.ravel() + 0.5) * scene.pixel_m
    y = scene.y_first - (rows.ravel() + 0.5) * scene.pixel_m
    longitudes, latitudes = (np.array(part) for part in transform("EPSG:32630", "EPSG:4326", x, y))
    bounds = (longitudes.min(), latitudes.min(), longitudes.max(), latitudes.max())
    pixels, _ = read_raster(land_cover_url(url, "N36W003"), bounds)
    column = np.clip(((longitudes - bounds[0]) * 12_000).astype(int), 0, pixels.shape[1] - 1)
    row = np.clip(((bounds[3] - latitudes) * 12_000).astype(int), 0, pixels.shape[0] - 1)
    classes = np.array([80, 50, 40, 10, 60])[scene.land_cover[rows, columns].ravel()]
    assert np.array_equal(pixels[row, column], classes)


# --- Vegetation ---


def subset(url, query):
    return call(url, f"/rst/api/v1/MOD13Q1/subset?{query}")


def test_vegetation_has_the_shape_of_the_original(url):
    place = "latitude=51.2&longitude=10.3&band=250m_16_days_NDVI&kmAboveBelow=0&kmLeftRight=0"
    status, _, body = subset(url, f"{place}&startDate=A2020001&endDate=A2020140")
    answer = json.loads(body)
    assert status == 200
    assert (answer["nrows"], answer["ncols"], answer["scale"]) == (1, 1, "0.0001")
    assert answer["cellsize"] == pytest.approx(231.656, abs=1e-3)
    assert [entry["modis_date"] for entry in answer["subset"]][:3] == ["A2020001", "A2020017", "A2020033"]
    for entry in answer["subset"]:
        assert set(entry) == {"modis_date", "calendar_date", "band", "tile", "proc_date", "data"}
        assert entry["tile"] == "h18v03"
        assert len(entry["data"]) == 1
        assert -2000 <= entry["data"][0] <= 10_000
    summer = json.loads(subset(url, f"{place}&startDate=A2020190&endDate=A2020230")[2])["subset"][0]["data"]
    assert summer[0] > answer["subset"][0]["data"][0]


def test_vegetation_of_several_pixels_and_of_the_sea(url):
    dates = "startDate=A2020001&endDate=A2020016"
    answer = json.loads(subset(url, f"latitude=51.2&longitude=10.3&kmAboveBelow=1&kmLeftRight=2&{dates}")[2])
    assert len(answer["subset"][0]["data"]) == answer["nrows"] * answer["ncols"] == 11 * 19
    sea = json.loads(subset(url, f"latitude=40&longitude=-40&{dates}")[2])
    assert sea["subset"][0]["data"] == [-3000]


@pytest.mark.parametrize(
    "query",
    [
        "latitude=51&longitude=10&startDate=A2020001&endDate=A2020365",
        "latitude=51&longitude=10&startDate=2020-01-01&endDate=A2020365",
        "latitude=51&startDate=A2020001&endDate=A2020020",
        "latitude=51&longitude=10&startDate=A2020001&endDate=A2020020&band=other",
        "latitude=51&longitude=10&startDate=A2099001&endDate=A2099020",
    ],
)
def test_vegetation_refuses(url, query):
    assert subset(url, query)[0] == 400


# --- Snow ---


def items(url, **query):
    status, _, body = call(
        url, "/api/stac/v1/search", "POST", value={"collections": ["modis-10A1-061"], **query}
    )
    assert status == 200, body
    return json.loads(body)


def test_tiles_of_the_sinusoidal_grid():
    # As the MODIS tile calculator gives them.
    assert tile_of(-1.76, 37.65) == (17, 5)
    assert tile_of(10.3, 51.2) == (18, 3)
    assert tile_of(-70.6, -33.4) == (12, 12)
    assert tiles_in(-0.5, 39.5, 0.5, 40.5) == [(17, 4), (18, 4), (17, 5), (18, 5)]


def test_a_search_finds_both_satellites_of_the_day(url):
    answer = items(url, bbox=[10, 51, 10.4, 51.3], datetime="2020-01-15T00:00:00Z/2020-01-15T23:59:59Z")
    assert answer["type"] == "FeatureCollection"
    assert [item["properties"]["platform"] for item in answer["features"]] == ["terra", "aqua"]
    item = answer["features"][0]
    assert item["id"].startswith("MOD10A1.A2020015.h18v03.061.")
    assert item["properties"]["start_datetime"] == "2020-01-15T00:00:00Z"
    west, south, east, north = item["bbox"]
    assert west <= 10
    assert south <= 51
    assert east >= 10.4
    assert north >= 51.3
    assert item["assets"]["NDSI_Snow_Cover"]["href"].startswith(url)
    assert items(url, collections=["sentinel-2-l2a"], bbox=[10, 51, 11, 52])["features"] == []
    assert items(url, bbox=[-40, 39, -39, 40], datetime="2020-01-15")["features"] == []


def test_pages_follow_each_other(url):
    query = {"bbox": [10, 51, 10.4, 51.3], "datetime": "2020-01-01/2020-01-05", "limit": 4}
    page, seen = items(url, **query), []
    while True:
        seen += [item["id"] for item in page["features"]]
        following = [link for link in page["links"] if link["rel"] == "next"]
        if not following:
            break
        page = json.loads(call(url, "/api/stac/v1/search", "POST", value=following[0]["body"])[2])
    assert len(seen) == len(set(seen)) == 10
    whole = json.loads(
        call(
            url,
            "/api/stac/v1/search?collections=modis-10A1-061&bbox=10,51,10.4,51.3&datetime=2020-01-01/2020-01-05",
        )[2]
    )
    assert [item["id"] for item in whole["features"]] == seen


def test_rasters_want_a_signature_and_hold_snow(url):
    item = items(url, bbox=[10, 51, 10.4, 51.3], datetime="2020-01-15")["features"][0]
    href = item["assets"]["NDSI_Snow_Cover"]["href"]
    assert call(url, href.removeprefix(url))[0] == 409
    status, _, body = call(url, f"/api/sas/v1/sign?href={quote(href, safe='')}")
    signed = json.loads(body)
    assert status == 200
    assert set(signed) == {"msft:expiry", "href"}
    pixels, facts = read_raster(signed["href"], shape=(600, 600))
    assert facts["shape"] == (2400, 2400)
    assert facts["transform"].a == pytest.approx(463.3127, abs=1e-3)
    assert facts["crs"].to_dict()["proj"] == "sinu"
    values = set(np.unique(pixels).tolist())
    assert values <= {*range(101), 211, 237, 239, 250, 255}
    assert {0, 239, 250} & values
    assert any(10 <= value <= 100 for value in values)
    assert not any(1 <= value <= 9 for value in values)
    call(url, "/_sandbox/advance", "POST", value={"seconds": 7200})
    assert call(url, signed["href"].removeprefix(url))[0] == 403
    _, _, body = call(url, "/api/sas/v1/token/modiseuwest/modis-061-cogs")
    assert call(url, f"{href.removeprefix(url)}?{json.loads(body)['token']}", "HEAD")[0] == 200


@pytest.mark.parametrize(
    "value", [{"bbox": [1, 2, 3]}, {"bbox": [0, 95, 1, 96]}, {"datetime": "yesterday"}, {"limit": 0}]
)
def test_bad_searches_are_refused(url, value):
    status, _, body = call(url, "/api/stac/v1/search", "POST", value=value)
    assert status == 400
    assert json.loads(body)["description"]


# --- Fire ---


def fires(url, source="VIIRS_SNPP_SP", area="-2.1,37.3,-1.4,38", days=5, start="2020-07-05", key=KEY):
    status, headers, body = call(url, f"/api/area/csv/{key}/{source}/{area}/{days}/{start}")
    assert status == 200, body
    assert headers["Content-Type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(body.decode())))


def test_the_stack_burns_once_a_summer_on_ground_that_burns(sandbox, url):
    found = []
    for offset in range(0, 60, 5):
        found += fires(url, start=(datetime.date(2020, 7, 1) + datetime.timedelta(days=offset)).isoformat())
    assert len(found) > 5
    assert len({row["acq_date"] for row in found}) <= 10
    for row in found:
        assert row["confidence"] in {"l", "n", "h"}
        assert row["type"] == "0"
        place = np.array([float(row["longitude"])]), np.array([float(row["latitude"])])
        assert world(sandbox).land_cover(*place)[0, 0] not in (0, 50, 60, 70, 80)
    assert fires(url, start="2020-01-10") == []
    assert list(found[0]) == [
        *("latitude", "longitude", "bright_ti4", "scan", "track", "acq_date", "acq_time", "satellite"),
        *("instrument", "confidence", "version", "bright_ti5", "frp", "daynight", "type"),
    ]


def test_parts_of_an_area_make_the_whole(url):
    whole = fires(url, area="-10,5,20,20", start="2020-01-20")
    parts = fires(url, area="-10,5,5,20", start="2020-01-20") + fires(
        url, area="5,5,20,20", start="2020-01-20"
    )
    keys = [sorted(tuple(row.values()) for row in rows) for rows in (whole, parts)]
    assert keys[0] == keys[1]
    assert keys[0]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("badkey/VIIRS_SNPP_SP/0,0,1,1/1", b"Invalid MAP_KEY."),
        (f"{KEY}/OTHER/0,0,1,1/1", b"Invalid source."),
        (f"{KEY}/VIIRS_SNPP_SP/0,0,1/1", b"Invalid area coordinates."),
        (f"{KEY}/VIIRS_SNPP_SP/0,0,1,1/6", b"Invalid day range. Expects [1..5]."),
        (f"{KEY}/VIIRS_SNPP_SP/0,0,1,1/1/today", b"Invalid date. Expects YYYY-MM-DD."),
    ],
)
def test_fire_refuses(url, path, text):
    status, _, body = call(url, f"/api/area/csv/{path}")
    assert (status, body) == (400, text)


def test_which_days_of_fire_there_are(sandbox, url):
    _, _, body = call(url, f"/api/data_availability/csv/{KEY}/ALL")
    rows = {row["data_id"]: row for row in csv.DictReader(io.StringIO(body.decode()))}
    assert rows["VIIRS_SNPP_SP"]["min_date"] == "2012-01-20"
    now = datetime.datetime.fromtimestamp(sandbox.clock.now_s(), datetime.timezone.utc).date()
    assert rows["VIIRS_SNPP_NRT"]["max_date"] == now.isoformat()
    assert fires(url, area="world", days=1, start=now.isoformat()) == []


@pytest.mark.parametrize("route", ["/v200", "/rst/", "/api/stac", "/api/area", "/modis-061-cogs"])
def test_planned_faults_reach_every_service(url, route):
    plan_fault(url, route=route, status=503, retry_after_s=3)
    status, headers, body = call(url, f"{route}/x")
    assert (status, headers["Retry-After"]) == (503, "3")
    assert body

# SPDX-License-Identifier: GPL-2.0-or-later
"""Seasonal coherence of the sandbox over HTTP: tiles, mosaics, what is missing, ranges, faults, and the truth."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from rasterio.errors import RasterioIOError
from rasterio.warp import transform

from insarhub_qgis.core.decay_sources import landcover_fraction_names, landcover_parameters
from insarhub_qgis.core.requests import Simulate
from insarhub_qgis.sandbox.coherence_service import CoherenceKind, CoherenceService
from insarhub_qgis.sandbox.decorrelation import expected_coherence
from insarhub_qgis.sandbox.scene import DECAY_PARAMETERS, WATER
from insarhub_qgis.sandbox.serve import make_sandbox
from insarhub_qgis.sandbox.world import WORLDCOVER
from tests.makers.sandbox_clients import call, plan_fault
from tests.makers.sandbox_rasters import COHERENCE, mosaic_url, read_raster, tile_url

#: Tile of the simulated stack, and the middle of its scene.
SITE_TILE = "N38W002"
SMALL = Simulate(output_folder="", width=100, height=80)


@pytest.fixture(scope="module")
def sandbox():
    with make_sandbox(simulation=SMALL) as server:
        yield server


@pytest.fixture
def url(sandbox):
    yield sandbox.base_url
    sandbox.faults.clear()


@pytest.fixture(scope="module")
def service(sandbox):
    return next(service for service in sandbox.services if isinstance(service, CoherenceService))


@pytest.fixture
def scene(service):
    return service._world.stacks[0].scene


def status(url, address):
    return call(url, address.removeprefix(url), "HEAD")[0]


# --- Shape of the originals ---


def test_a_tile_has_the_shape_of_the_dataset(url):
    pixels, facts = read_raster(tile_url(url, SITE_TILE))
    assert facts["shape"] == (1200, 1200)
    assert facts["crs"].to_epsg() == 4326
    assert (facts["nodata"], facts["dtype"], facts["overviews"]) == (0, "uint8", [])
    assert facts["compression"].name == "lzw"
    assert not facts["is_tiled"]
    assert (facts["transform"].c, facts["transform"].f) == (-2, 38)
    assert facts["transform"].a == pytest.approx(1 / 1200)
    assert pixels[pixels > 0].min() >= 1
    assert pixels.max() <= 100
    # The Mediterranean is in it.
    assert 0.05 < np.mean(pixels == 0) < 0.9


def test_a_mosaic_is_the_whole_globe(url):
    pixels, facts = read_raster(mosaic_url(url), shape=(281, 563))
    assert facts["shape"] == (18_000, 36_000)
    assert facts["crs"].to_epsg() == 4326
    assert (facts["nodata"], facts["dtype"], facts["is_tiled"]) == (0, "uint8", True)
    assert (facts["transform"].c, facts["transform"].f) == (-180, 90)
    assert facts["transform"].a == pytest.approx(0.01)
    assert 0.2 < np.mean(pixels > 0) < 0.4
    # Rows of a half of a degree and more: the Arctic Sea, and Antarctica, have no vv.
    assert not pixels[:18].any()
    assert not pixels[int(281 * 152 / 180) :].any()


def test_mosaic_and_tile_agree(url):
    bounds = (-1.9, 37.55, -1.6, 37.85)
    fine, _ = read_raster(tile_url(url, SITE_TILE, "summer", level="48"), bounds)
    coarse, _ = read_raster(mosaic_url(url, "summer", level="48"), bounds)
    squares = np.where(fine > 0, fine, np.nan).reshape(30, 12, 30, 12)
    difference = np.nanmean(squares, axis=(1, 3)) - coarse
    assert np.nanmean(np.abs(difference)) < 0.7
    assert abs(np.nanmean(difference)) < 0.2
    # Over the stack every tile pixel counts.
    middle = difference[12:22, 8:18]
    assert np.nanmax(np.abs(middle)) <= 1.0


@pytest.mark.parametrize(
    ("tile", "there"),
    [
        ("N38W002", True),
        ("N53E010", True),
        ("S33W071", True),
        ("N00W060", True),
        ("S00W060", False),
        ("N01E000", False),
        ("N38W020", False),
        ("S30W025", False),
        ("N90E000", False),
        ("N38W190", False),
        ("nonsense", False),
    ],
)
def test_sea_and_nonsense_are_missing(url, tile, there):
    assert status(url, tile_url(url, tile)) == (200 if there else 404)


def test_levels_6_and_18_are_missing_in_part(service, url):
    corners = list(itertools.product(range(-120, 150, 15), range(-50, 60, 10)))
    there, flown, flown_18 = (
        {corner for corner in corners if service._has_tile(CoherenceKind("winter", "vv", days), *corner)}
        for days in (24, 6, 18)
    )
    assert 20 < len(there) < len(corners) - 20
    assert flown < there
    assert flown == flown_18
    assert status(url, tile_url(url, SITE_TILE, level="06")) == 200


def test_polar_regions_have_hh_and_few_seasons(url):
    greenland, antarctica, between, north = "N78W041", "S74E050", "N74E098", "N82W041"
    assert status(url, tile_url(url, antarctica, polarization="vv")) == 404
    assert status(url, tile_url(url, antarctica, polarization="hh")) == 200
    for polarization in ("vv", "hh"):
        assert status(url, tile_url(url, between, polarization=polarization)) == 200
    assert status(url, tile_url(url, greenland, polarization="hh")) == 200
    assert status(url, tile_url(url, SITE_TILE, polarization="hh")) == 404
    seasons = [
        season
        for season in ("winter", "spring", "summer", "fall")
        if status(url, tile_url(url, north, season, "hh")) == 200
    ]
    assert seasons == ["summer", "fall"]
    assert status(url, tile_url(url, "N83W041", "summer", "hh")) == 404
    assert status(url, tile_url(url, "S78E050", "summer", "hh")) == 404


def test_neighbouring_tiles_fit(url):
    left, _ = read_raster(tile_url(url, "N52E009"))
    right, _ = read_raster(tile_url(url, "N52E010"))
    steps = np.abs(np.diff(left.astype(int), axis=1))
    across = np.abs(left[:, -1].astype(int) - right[:, 0])
    assert across.mean() < 2 * steps.mean() + 0.5


# --- Truth ---


def test_classes_decay_as_the_table_says():
    names = landcover_fraction_names()
    for number, decay in DECAY_PARAMETERS.items():
        if number == WATER:
            continue
        parameters = landcover_parameters({names[WORLDCOVER[number]]: 1.0})
        found = (parameters.g_inf[0, 0], parameters.g0[0, 0], parameters.tau_days[0, 0])
        assert found == pytest.approx(decay)


@pytest.mark.parametrize("season", ["winter", "summer"])
@pytest.mark.parametrize("level", ["06", "12", "48"])
def test_over_the_stack_it_is_the_simulators_truth(url, scene, season, level):
    pixels, facts = read_raster(tile_url(url, SITE_TILE, season, level=level))
    rows, columns = np.mgrid[2 : scene.height - 2 : 5, 2 : scene.width - 2 : 5]
    x = scene.x_first + (columns + 0.5) * scene.pixel_m
    y = scene.y_first - (rows + 0.5) * scene.pixel_m
    longitudes, latitudes = (
        np.array(values) for values in transform("EPSG:32630", "EPSG:4326", x.ravel(), y.ravel())
    )
    tile_columns, tile_rows = ~facts["transform"] @ (longitudes, latitudes)
    found = pixels[tile_rows.astype(int), tile_columns.astype(int)] / 100.0
    g_inf, g0, tau = (values[rows, columns].ravel() for values in scene.decay_parameters())
    true = expected_coherence(g_inf, g0, tau, float(level))
    # A tile pixel is not centred on that of the scene: at the edge of a class it may have its neighbour's.
    equal = np.abs(found - true) <= 0.00501
    assert equal.mean() > 0.85
    assert set(np.unique(pixels[tile_rows.astype(int), tile_columns.astype(int)])) <= {
        0,
        *(
            int(np.floor(100 * expected_coherence(*(np.array(part) for part in decay), float(level)) + 0.5))
            for decay in DECAY_PARAMETERS.values()
        ),
    }


def test_southern_winter_is_in_the_files_called_summer(url):
    """In Patagonia June is cold: JJA, in the file of summer, has less coherence than DJF."""
    winter, summer = (
        read_raster(mosaic_url(url, season, level="12"), (-72, -46, -70, -44))[0]
        for season in ("winter", "summer")
    )
    there = (winter > 0) & (summer > 0)
    assert there.mean() > 0.5
    assert np.median(winter[there]) > np.median(summer[there])


def test_seeds_make_different_worlds_and_the_same_seed_the_same():
    contents = []
    for seed in (1, 1, 2):
        with make_sandbox(simulation=SMALL, seed=seed) as server:
            path = tile_url("", "N52E010")
            contents.append(call(server.base_url, path)[1:])
    assert contents[0][1] == contents[1][1] != contents[2][1]
    assert contents[0][0]["ETag"] == contents[1][0]["ETag"] != contents[2][0]["ETag"]


# --- HTTP ---


def test_ranges_and_conditions(url):
    path = tile_url("", SITE_TILE)
    answered, headers, whole = call(url, path)
    assert (answered, headers["Accept-Ranges"]) == (200, "bytes")
    answered, headers, part = call(url, path, headers={"Range": "bytes=100-299"})
    assert (answered, part) == (206, whole[100:300])
    assert headers["Content-Range"] == f"bytes 100-299/{len(whole)}"
    answered, headers, body = call(url, path, headers={"Range": f"bytes={len(whole)}-"})
    assert (answered, headers["Content-Range"], body) == (416, f"bytes */{len(whole)}", b"")
    answered, _, body = call(url, path, headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert (answered, body) == (200, whole)


def test_head_of_a_mosaic_makes_nothing_and_ranges_are_consistent(url):
    path = mosaic_url("", "fall", level="36")
    answered, headers, body = call(url, path, "HEAD")
    assert (answered, body) == (200, b"")
    size = int(headers["Content-Length"])
    assert 100_000_000 < size < 2**32
    start = size - 300_000
    _, _, first = call(url, path, headers={"Range": f"bytes={start}-{start + 199_999}"})
    _, _, again = call(url, path, headers={"Range": f"bytes={start + 100_000}-{start + 299_999}"})
    assert first[100_000:] == again[:100_000]


@pytest.mark.parametrize(
    "path",
    [
        f"{COHERENCE}/tiles/{SITE_TILE}/",
        f"{COHERENCE}/tiles/{SITE_TILE}",
        f"{COHERENCE}/tiles/{SITE_TILE}/{SITE_TILE}_winter_vv_COH12.tif.aux.xml",
        f"{COHERENCE}/tiles/{SITE_TILE}/{SITE_TILE}_winter_vv_COH12.tif.ovr",
        f"{COHERENCE}/tiles/N39W002/{SITE_TILE}_winter_vv_COH12.tif",
        f"{COHERENCE}/tiles/{SITE_TILE}/{SITE_TILE}_winter_vv_COH13.tif",
        f"{COHERENCE}/tiles/{SITE_TILE}/{SITE_TILE}_winter_vh_COH12.tif",
        f"{COHERENCE}/mosaics/Global_autumn_vv_COH12_100ppd.tif",
        f"{COHERENCE}/",
    ],
)
def test_probes_get_404_as_from_the_store(url, path):
    answered, headers, body = call(url, path)
    assert answered == 404
    assert headers["Content-Type"] == "application/xml"
    assert b"NoSuchKey" in body


def test_gdal_sees_a_missing_tile_and_a_fault_as_errors(url):
    with pytest.raises(RasterioIOError, match="404"):
        read_raster(tile_url(url, "N38W020"))
    plan_fault(url, route=COHERENCE, status=503, times=20)
    with pytest.raises(RasterioIOError):
        read_raster(tile_url(url, SITE_TILE, "fall"))
    plan_fault(url, route=COHERENCE, status=503)
    answered, headers, body = call(url, tile_url("", SITE_TILE))
    assert (answered, headers["Content-Type"]) == (503, "application/xml")
    assert b"SlowDown" in body

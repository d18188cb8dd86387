# SPDX-License-Identifier: GPL-2.0-or-later
"""Names of the tiles, and which pixels of which files an area needs."""

from __future__ import annotations

import pytest

from insarhub_qgis.core.coherence_tiles import (
    MOSAIC,
    TILES,
    Piece,
    choose_grid,
    grid_of,
    season_label,
    tile_id,
)
from insarhub_qgis.core.errors import InsarError


@pytest.mark.parametrize(
    ("latitude", "longitude", "name"),
    [
        (47.5, -89.5, "N48W090"),
        (-1.5, 12.3, "S01E012"),
        (-0.5, 0.5, "N00E000"),
        (0.5, -0.5, "N01W001"),
        (48.0, 10.0, "N49E010"),  # an edge belongs to the tile north and east of it
        (-1.0, -1.0, "N00W001"),
        (10.0, 180.0, "N11W180"),
        (10.0, 179.999, "N11E179"),
        (10.0, -180.0, "N11W180"),
        (90.0, 0.0, "N90E000"),
        (-90.0, 0.0, "S89E000"),
    ],
)
def test_a_tile_is_named_by_its_upper_left_corner(latitude, longitude, name):
    assert tile_id(latitude, longitude) == name


def test_a_latitude_beyond_the_pole_has_no_tile():
    with pytest.raises(ValueError, match="latitude 90.1"):
        tile_id(90.1, 0)


def test_file_names():
    tile, mosaic = Piece("N48W090", 0, 0, 1, 1, 0, 0), Piece("", 0, 0, 1, 1, 0, 0)
    assert tile.path("summer", "vv", 6) == "data/tiles/N48W090/N48W090_summer_vv_COH06.tif"
    assert mosaic.path("winter", "hh", 48) == "data/mosaics/Global_winter_hh_COH48_100ppd.tif"
    with pytest.raises(ValueError, match="autumn"):
        tile.path("autumn", "vv", 6)


def test_labels_name_the_months_of_the_dataset():
    assert [season_label(name) for name in ("winter", "spring", "summer", "fall")] == [
        "DJF (file: winter)",
        "MAM (file: spring)",
        "JJA (file: summer)",
        "SON (file: fall)",
    ]


def test_an_area_over_a_corner_has_four_tiles():
    grid = choose_grid((9.99, 47.99, 10.01, 48.01))
    assert grid.resolution is TILES
    assert [piece.tile for piece in grid.pieces()] == ["N49E009", "N49E010", "N48E009", "N48E010"]
    assert [(piece.width, piece.height) for piece in grid.pieces()] == [(12, 12)] * 4
    assert [(piece.col_offset, piece.row_offset) for piece in grid.pieces()] == [
        (0, 0),
        (12, 0),
        (0, 12),
        (12, 12),
    ]


def test_an_area_that_ends_on_an_edge_does_not_touch_the_next_tile():
    grid = choose_grid((9.0, 47.0, 10.0, 48.0))
    assert [piece.tile for piece in grid.pieces()] == ["N48E009"]
    assert (grid.width, grid.height, grid.west, grid.north) == (1200, 1200, 9.0, 48.0)


def test_more_than_four_tiles_are_read_from_the_mosaic():
    bounds = (9.5, 47.5, 11.5, 48.5)
    assert choose_grid((9.5, 47.5, 10.5, 48.5)).resolution is TILES
    grid = choose_grid(bounds)
    assert grid.resolution is MOSAIC
    assert [(piece.tile, piece.width, piece.height) for piece in grid.pieces()] == [("", 200, 100)]
    assert choose_grid(bounds, "90m").resolution is TILES
    assert choose_grid((9.0, 47.0, 9.1, 47.1), "1km").resolution is MOSAIC


@pytest.mark.parametrize("resolution", [TILES, MOSAIC])
def test_an_area_across_the_antimeridian_is_one_grid_of_two_windows(resolution):
    grid = grid_of((179.9, -17.0, 180.1, -16.9), resolution)
    left, right = grid.pieces()
    per_degree = resolution.pixels_per_degree
    assert (grid.west, grid.width) == (pytest.approx(179.9), per_degree // 5)
    assert (left.col_first + left.width, right.col_first) == (360 * per_degree, 0)
    assert right.col_offset == left.width == per_degree // 10
    if resolution is TILES:
        assert (left.tile, right.tile) == ("S16E179", "S16W180")


def test_an_area_smaller_than_a_pixel_has_one():
    for point in ((10.00001, 48.00001, 10.00002, 48.00002), (10.0, 48.0, 10.0, 48.0)):
        grid = grid_of(point, TILES)
        assert grid.width == 1
    assert grid_of((10.00001, 48.00001, 10.00002, 48.00002), TILES).pixels == 1


def test_beyond_the_dataset():
    with pytest.raises(InsarError, match=r"coherence\.outside"):
        choose_grid((10, 82.5, 11, 83))
    with pytest.raises(InsarError, match=r"coherence\.outside"):
        choose_grid((10, -89, 11, -80))
    assert choose_grid((10, 81.5, 11, 82.5)).north == 82.5


def test_an_area_that_is_too_large_is_refused_before_anything_is_read():
    with pytest.raises(InsarError) as caught:
        choose_grid((0, 0, 40, 40))
    assert caught.value.fields == {"resolution": "0.01 deg", "million_pixels": 16, "limit": 12}
    with pytest.raises(InsarError, match=r"coherence\.bad_resolution"):
        choose_grid((0, 0, 1, 1), "30m")

# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import math

import pytest

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.georeference import Georeference

UTM = {"X_FIRST": "480000", "Y_FIRST": "2160000", "X_STEP": "80", "Y_STEP": "-80", "X_UNIT": "meters"}


def grid(**attributes: str) -> Georeference:
    return Georeference.from_attributes({**UTM, **attributes}, 30, 20, file="velocity.h5")


@pytest.mark.parametrize(
    ("attributes", "crs"),
    [
        ({"EPSG": "32614", "UTM_ZONE": "15N"}, "EPSG:32614"),
        ({"UTM_ZONE": "14N"}, "EPSG:32614"),
        ({"UTM_ZONE": "14S"}, "EPSG:32714"),
        ({"UTM_ZONE": "14S", "LAT_REF1": "35.1"}, "EPSG:32614"),
        ({"UTM_ZONE": "14S", "LAT_REF1": "-35.1"}, "EPSG:32714"),
        ({"UTM_ZONE": "14S", "LAT_REF1": "3884000.0"}, "EPSG:32714"),
        ({"UTM_ZONE": "14Q"}, "EPSG:32614"),
        ({"UTM_ZONE": "33X"}, "EPSG:32633"),
        ({"UTM_ZONE": "19H"}, "EPSG:32719"),
        ({"UTM_ZONE": "7M"}, "EPSG:32707"),
        ({"UTM_ZONE": "14", "LAT_REF1": "19.4"}, "EPSG:32614"),
        ({"UTM_ZONE": "14", "REF_LAT": "-19.4"}, "EPSG:32714"),
        ({"X_UNIT": "degrees"}, "EPSG:4326"),
        ({"X_UNIT": "deg"}, "EPSG:4326"),
    ],
)
def test_crs(attributes: dict[str, str], crs: str) -> None:
    assert grid(**attributes).crs == crs


@pytest.mark.parametrize("attributes", [{}, {"UTM_ZONE": "14"}, {"UTM_ZONE": "61N"}, {"EPSG": "0"}])
def test_unknown_crs_is_refused(attributes: dict[str, str]) -> None:
    with pytest.raises(InsarError) as caught:
        grid(**attributes)
    assert caught.value.code == "raster.no_crs"
    assert caught.value.fields["file"] == "velocity.h5"


@pytest.mark.parametrize("missing", ["X_FIRST", "Y_FIRST", "X_STEP", "Y_STEP"])
def test_radar_coded_is_refused(missing: str) -> None:
    attributes = {key: value for key, value in UTM.items() if key != missing}
    with pytest.raises(InsarError) as caught:
        Georeference.from_attributes({**attributes, "EPSG": "32614"}, 30, 20)
    assert caught.value.code == "raster.radar_coded"


def test_first_is_the_corner_of_the_first_pixel() -> None:
    found = grid(EPSG="32614")
    assert found.geotransform == (480000.0, 80.0, 0.0, 2160000.0, 0.0, -80.0)
    assert found.bounds == (480000.0, 2158400.0, 482400.0, 2160000.0)
    assert found.centre_of(0, 0) == (480040.0, 2159960.0)


def test_four_corners_of_a_pixel_give_that_pixel() -> None:
    found = grid(EPSG="32614")
    for row, col in [(0, 0), (7, 11), (19, 29)]:
        x, y = found.centre_of(row, col)
        for dx in (-39.99, 39.99):
            for dy in (-39.99, 39.99):
                assert found.pixel_at(x + dx, y + dy) == (row, col)


def test_outside_is_none_and_never_the_nearest_pixel() -> None:
    found = grid(EPSG="32614")
    x_min, y_min, x_max, y_max = found.bounds
    for x, y in [
        (x_min - 1, y_max - 1),
        (x_max + 1, y_max - 1),
        (x_min + 1, y_max + 1),
        (x_min + 1, y_min - 1),
    ]:
        assert found.pixel_at(x, y) is None
    assert found.pixel_at(math.nan, y_max) is None
    assert found.pixel_at(x_max, y_max - 1) is None, "the right edge belongs to the next pixel"


def test_same_grid() -> None:
    first = grid(EPSG="32614")
    assert first.is_same_grid(grid(EPSG="32614", X_FIRST="480000.5"))
    assert not first.is_same_grid(grid(EPSG="32614", X_FIRST="480080"))
    assert not first.is_same_grid(grid(EPSG="32615"))
    assert not first.is_same_grid(Georeference.from_attributes({**UTM, "EPSG": "32614"}, 30, 21))

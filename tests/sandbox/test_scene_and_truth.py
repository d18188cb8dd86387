# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.requests import Simulate
from insarhub_qgis.sandbox import truth
from insarhub_qgis.sandbox.scene import PIXEL_M, WATER, incidence_and_range, make_scene


@pytest.fixture(scope="module")
def scene():
    return make_scene(Simulate(output_folder="", width=120, height=100))


def test_look_vectors_point_to_a_right_looking_satellite_in_the_west(scene):
    east, north, up = scene.line_of_sight()
    assert np.allclose(east**2 + north**2 + up**2, 1)
    assert np.allclose(up, np.cos(scene.incidence_rad))
    # ascending, right-looking: the satellite stands in the west-south-west
    assert (east < -0.5).all()
    assert (north < 0).all()
    bearing = np.degrees(np.arctan2(east, north)) % 360
    assert np.allclose(bearing, 360 - 13 + 90 + 180 - 360)


def test_incidence_grows_away_from_the_track_and_covers_a_sentinel_swath(scene):
    assert scene.incidence_rad[50, -1] > scene.incidence_rad[50, 0]
    incidence, slant = incidence_and_range(np.array([-60e3, 0.0, 60e3]))
    assert np.degrees(incidence[1]) == pytest.approx(38.0)
    assert 32 < np.degrees(incidence[0]) < 35
    assert 41 < np.degrees(incidence[2]) < 44
    # sine rule in the triangle of Earth centre, satellite and pixel, by hand for the centre
    look = np.arcsin(np.sin(np.radians(38)) * 6371 / (6371 + 698))
    assert slant[1] == pytest.approx(6371e3 * np.sin(np.radians(38) - look) / np.sin(look), rel=1e-9)


def test_pairs_connect_each_date_to_the_next_three(scene):
    assert len(scene.pairs) == 28 * 3 + 2 + 1
    assert {second - first for first, second in scene.pairs} == {1, 2, 3}
    assert scene.baselines_m[0] == 0


def test_signs_of_the_sources(scene):
    deformation = truth.make_deformation(scene)
    velocity = deformation.fitted_velocity(scene.years)
    bowl, inflation = deformation.maps_m[0], deformation.maps_m[1]
    assert bowl.min() < -0.04
    assert bowl.max() <= 0
    assert inflation.max() > 0.02
    assert velocity[np.unravel_index(bowl.argmin(), bowl.shape)] < -0.04
    assert deformation.maps_m[2].max() > 0 > deformation.maps_m[2].min()
    assert np.all(deformation.courses[:, 0] == 0)


def test_mogi_by_hand():
    side = np.linspace(-5000, 5000, 101)
    east, north = np.meshgrid(side, side)
    ux, uy, uz = truth.mogi_source(east, north)
    centre = np.unravel_index(uz.argmax(), uz.shape)
    assert uz.max() == pytest.approx(truth.INFLATION_M_PER_YEAR, rel=0.01)
    # at a horizontal distance of one depth, uz falls to 2^-1.5 and the radial part equals it
    depth = 0.08 * 10_000
    step = round(depth / 100)
    assert uz[centre[0], centre[1] + step] == pytest.approx(uz.max() * 2**-1.5, rel=0.02)
    assert ux[centre[0], centre[1] + step] == pytest.approx(uz[centre[0], centre[1] + step], rel=0.02)
    assert abs(uy[centre[0], centre[1] + step]) < 1e-3


def test_fault_jumps_by_the_slip_on_its_trace_and_only_there():
    side = np.arange(-5000, 5000, 20.0)
    east, north = np.meshgrid(side, side[::-1])
    fault_east, fault_north = truth.fault_slip(east, north)
    slip = np.hypot(fault_east, fault_north)
    assert slip.max() == pytest.approx(truth.FAULT_SLIP_M / 2, rel=0.05)
    jump = np.abs(np.diff(fault_east, axis=0)).max()
    assert jump == pytest.approx(truth.FAULT_SLIP_M * np.sin(np.radians(75)), rel=0.05)


def test_fitted_velocity_is_the_line_through_the_series(scene):
    deformation = truth.make_deformation(scene)
    used = np.ones(len(scene.dates), dtype=bool)
    used[[3, 17]] = False
    series = np.stack([deformation.displacement_m(index)[40:60, 50:70] for index in range(len(scene.dates))])
    expected = np.polyfit(scene.years[used], series[used].reshape(int(used.sum()), -1), 1)[0].reshape(20, 20)
    assert np.allclose(deformation.fitted_velocity(scene.years, used)[40:60, 50:70], expected, atol=1e-9)


def test_truth_file_round_trip_and_window(tmp_path, scene):
    deformation = truth.make_deformation(scene)
    truth.write_truth(tmp_path / "truth.npz", scene, deformation, {"seed": 1})
    read = truth.read_truth(tmp_path / "truth.npz")
    assert read.dates == scene.dates
    assert np.array_equal(read.deformation.maps_m, deformation.maps_m)
    assert read.simulation == {"seed": 1}
    rows, columns = read.window(scene.x_first + 3 * PIXEL_M, scene.y_first - 2 * PIXEL_M, 50, 60)
    assert (rows, columns) == (slice(2, 52), slice(3, 63))
    for x, y, height in ((40.0, 0.0, 50), (-PIXEL_M, 0.0, 50), (0.0, 0.0, scene.height + 1)):
        with pytest.raises(InsarError, match=r"compare\.grid"):
            read.window(scene.x_first + x, scene.y_first - y, height, 60)


def test_unreadable_truth(tmp_path):
    (tmp_path / "truth.npz").write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(InsarError, match=r"truth\.unreadable"):
        truth.read_truth(tmp_path / "truth.npz")
    with pytest.raises(InsarError, match=r"truth\.unreadable"):
        truth.read_truth(tmp_path / "absent.npz")


@pytest.mark.parametrize(
    "values",
    [
        {"width": 0},
        {"dates": 2},
        {"product_type": "raw"},
        {"unwrap_error_share": 2.0},
        {"atmosphere_rms_mm": -1.0},
    ],
)
def test_bad_parameters_are_named(values):
    with pytest.raises(InsarError) as caught:
        make_scene(Simulate(output_folder="", **values))
    assert caught.value.code == "simulate.parameter"
    assert caught.value.fields["name"] in values


def test_stable_ground_is_dry_and_still(scene):
    deformation = truth.make_deformation(scene)
    stable = truth.make_stable(scene, deformation)
    assert 0.2 < stable.mean() < 0.9
    assert not stable[scene.land_cover == WATER].any()
    assert np.abs(deformation.fitted_velocity(scene.years)[stable]).max() < 1e-3

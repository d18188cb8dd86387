# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from datetime import date

import pytest

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.scenes import Scene, order_pair, scene_date, scene_start
from tests.makers.job_folders import A, B


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (A, date(2023, 3, 5)),
        ("S1_136231_IW2_20200604T022312_VV_7C85-BURST", date(2020, 6, 4)),
        ("20190101x_20200202", date(2020, 2, 2)),
        ("scene20190101", date(2019, 1, 1)),
        ("S1A_20230305_1F20", date(2023, 3, 5)),
        ("S1A_123456789_20230305", date(2023, 3, 5)),
        ("S1A_20239999_20230305", date(2023, 3, 5)),
    ],
)
def test_date_of_a_name(name: str, expected: date) -> None:
    assert scene_date(name) == expected


@pytest.mark.parametrize("name", ["", "S1A_...1F20", "S1A_123456789", "S1A_20231332"])
def test_a_name_without_a_date(name: str) -> None:
    with pytest.raises(InsarError) as caught:
        scene_date(name)
    assert caught.value.code == "scene.no_date"
    assert caught.value.fields == {"scene": name}


def test_pairs_are_ordered_by_time_then_name() -> None:
    assert order_pair(B, A) == order_pair(A, B)
    pair = order_pair(B, A)
    assert (pair.reference, pair.secondary) == (A, B)
    assert pair.pair_id == "20230305_20230317"
    assert pair.temporal_baseline_days == 12
    later = A.replace("T051234", "T051259")
    assert order_pair(later, A).reference == A
    assert order_pair("S1B_20230305_x", "S1A_20230305_x").reference == "S1A_20230305_x"


def test_what_a_name_tells() -> None:
    scene = Scene.from_name(A)
    assert (scene.start, scene.platform, scene.polarization) == ("20230305T051234", "S1A", "VV+VH")
    assert scene.path is None
    assert scene_start("S1A_20230305") is None

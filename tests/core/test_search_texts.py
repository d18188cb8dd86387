# SPDX-License-Identifier: GPL-2.0-or-later
"""Numbers, days and scene names as people write them."""

from __future__ import annotations

import pytest

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.search_texts import day_of_text, numbers_of_text, scene_names_of_text


def test_lists_of_numbers_are_read():
    assert numbers_of_text("") == ()
    assert numbers_of_text(" 13;93 406–408 13") == (13, 93, 406, 407, 408)


@pytest.mark.parametrize("text", ["x", "3-1", "-1", "1--2", "13.5", "99999"])
def test_what_is_no_list_of_numbers_is_refused(text):
    with pytest.raises(InsarError) as caught:
        numbers_of_text(text)
    assert caught.value.code == "search.not_numbers"


def test_days_are_read_in_iso_only():
    assert day_of_text("") == ""
    assert day_of_text(" 2020-03-04 ") == "2020-03-04"
    assert day_of_text("20200304") == "2020-03-04"
    assert day_of_text("2020-03-04T23:59:59Z") == "2020-03-04"
    for text in ("03/04/2020", "4 March 2020", "2020-13-01", "20201301", "2020-02-30"):
        with pytest.raises(InsarError) as caught:
            day_of_text(text)
        assert caught.value.code == "search.not_a_day"


def test_scene_names_are_found_in_any_text():
    name = "S1B_IW_SLC__1SDV_20190107T141855_20190107T141922_014389_01AC7A_B9C7"
    assert scene_names_of_text(f'"x","{name}-SLC",\n{name}.zip') == (name,)
    assert scene_names_of_text("S1B_IW_GRDH_1SDV_20190107T141855") == ()

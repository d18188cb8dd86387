# SPDX-License-Identifier: GPL-2.0-or-later
"""View Data with real mouse and key events on real layers."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from qgis.core import QgsProject
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest

from insarhub_qgis.gui.products_model import ARCHIVE_ROLE, KIND_ROLE
from tests.gui.conftest import write_zip


@pytest.fixture
def page(dock, job, patience):
    dock.show_page("products", job)
    page = dock.page("products")
    patience.waitUntil(lambda: page.proxy.rowCount() == 3, timeout=10_000)
    return page


def leaf(page, row, kind):
    pair = page.proxy.index(row, 0)
    page.tree.expand(pair)
    for child_row in range(page.proxy.rowCount(pair)):
        child = page.proxy.index(child_row, 0, pair)
        page.tree.expand(child)
        for index in (child, *(page.proxy.index(n, 0, child) for n in range(page.proxy.rowCount(child)))):
            if index.data(KIND_ROLE) == kind:
                return index
    raise AssertionError(f"{kind} is not shown")


def click(page, index):
    QTest.qWait(20)
    page.tree.scrollTo(index)
    QTest.mouseClick(
        page.tree.viewport(), Qt.MouseButton.LeftButton, pos=page.tree.visualRect(index).center()
    )


def is_ticked(index):
    return index.data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked


def test_a_click_adds_the_layer_and_another_takes_it_away(page):
    index = leaf(page, 0, "unw_phase")
    click(page, index)
    layers = list(QgsProject.instance().mapLayers().values())
    assert len(layers) == 1
    assert layers[0].source() == index.data(ARCHIVE_ROLE).gdal_path("unw_phase")
    assert is_ticked(index)
    click(page, index)
    assert not QgsProject.instance().mapLayers()
    assert not is_ticked(index)


def test_space_toggles_as_a_click_does(page):
    index = leaf(page, 1, "corr")
    page.tree.setCurrentIndex(index)
    QTest.keyClick(page.tree, Qt.Key.Key_Space)
    assert len(QgsProject.instance().mapLayers()) == 1
    QTest.keyClick(page.tree, Qt.Key.Key_Space)
    assert not QgsProject.instance().mapLayers()


def test_a_layer_removed_elsewhere_loses_its_tick(page, patience):
    index = leaf(page, 0, "corr")
    click(page, index)
    QgsProject.instance().removeAllMapLayers()
    patience.waitUntil(lambda: not is_ticked(index), timeout=2000)
    assert not page.remove_button.isEnabled()


def test_other_kinds_stand_under_more(page):
    assert leaf(page, 0, "amp").parent().data() == "More"
    assert leaf(page, 0, "unw_phase").parent().parent().isValid() is False


def test_baselines_are_shown_and_unknown_is_not_zero(page):
    shown = {
        page.proxy.index(row, 0).data(): page.proxy.index(row, 2).data()
        for row in range(page.proxy.rowCount())
    }
    assert shown == {
        "2021-01-04 → 2021-01-16": "−105",
        "2021-01-04 → 2021-01-28": "–",
        "2021-01-16 → 2021-01-28": "3",
    }


def test_the_filter_limits_what_load_all_adds(page, patience):
    page.filter.setText("01-04 corr")
    assert page.proxy.rowCount() == 2
    page.load_all("corr")
    patience.waitUntil(lambda: not page.progress_row.isVisible(), timeout=10_000)
    assert len(QgsProject.instance().mapLayers()) == 2
    page.load_all("corr")
    patience.waitUntil(lambda: not page.progress_row.isVisible(), timeout=10_000)
    assert len(QgsProject.instance().mapLayers()) == 2
    QTest.mouseClick(page.remove_button, Qt.MouseButton.LeftButton)
    assert not QgsProject.instance().mapLayers()


def test_a_cut_off_zip_is_named_and_hides_no_pair(page, iface):
    assert page.problems_button.isVisible()
    QTest.mouseClick(page.problems_button, Qt.MouseButton.LeftButton)
    assert "problems: 1" in iface.texts()


def test_three_hundred_pairs_are_shown_within_two_seconds(dock, tmp_path, patience):
    folder = tmp_path / "many"
    first = date(2021, 1, 4)
    for number in range(300):
        write_zip(folder, first + timedelta(days=number), first + timedelta(days=number + 12))
    dock.show_page("products", folder)
    page = dock.page("products")
    patience.waitUntil(lambda: page.proxy.rowCount() == 300, timeout=2000)

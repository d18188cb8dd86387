# SPDX-License-Identifier: GPL-2.0-or-later
"""View Pairs with real keys and clicks: sort, filter, selection, check boxes, copy and CSV."""

from __future__ import annotations

import csv
import io

import pytest
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication, QStyle, QStyleOptionViewItem

from insarhub_qgis.core.network_files import load_network
from insarhub_qgis.core.pair_baselines import PairBaselines
from insarhub_qgis.gui.pairs_table import COHERENCE, DAYS, EARLIER, METRES, SCORE, STATE, PairsTable
from tests.makers.networks import write_network_job


@pytest.fixture
def network(tmp_path):
    return load_network(write_network_job(tmp_path / "p44_f117", 8, 3, unknown=(3,))).network


@pytest.fixture
def table(qgis_app, network):
    made = PairsTable()
    made.resize(900, 420)
    made.show_network(network)
    made.show()
    QTest.qWaitForWindowExposed(made)
    QApplication.setActiveWindow(made)
    yield made
    made.close()
    made.deleteLater()


def column(table, number):
    return [table.proxy.index(row, number).data() for row in range(table.proxy.rowCount())]


def check_box(table, row):
    """Where a person clicks to tick a row."""
    index = table.proxy.index(row, EARLIER)
    option = QStyleOptionViewItem()
    option.initFrom(table.view)
    option.rect = table.view.visualRect(index)
    option.features |= QStyleOptionViewItem.ViewItemFeature.HasCheckIndicator
    return (
        table.view.style()
        .subElementRect(QStyle.SubElement.SE_ItemViewItemCheckIndicator, option, table.view)
        .center()
    )


def test_rows_say_what_the_network_knows(table, network):
    assert table.proxy.rowCount() == len(network.pair_keys()) == 18
    assert column(table, EARLIER)[0] == "2019-01-03"
    assert set(column(table, DAYS)) == {"12", "24", "36"}
    unknown = [row for row, key in enumerate(table.model.keys) if 3 in key]
    assert all(table.model.text(row, METRES) == "–" for row in unknown)
    assert column(table, SCORE).count("–") == 1


def test_numbers_sort_as_numbers_and_unknown_ones_last(table):
    table.view.sortByColumn(SCORE, Qt.SortOrder.AscendingOrder)
    shown = column(table, SCORE)
    known = [float(text) for text in shown if text != "–"]
    assert known == sorted(known)
    assert shown[-1] == "–"
    table.view.sortByColumn(METRES, Qt.SortOrder.AscendingOrder)
    metres = [float(text) for text in column(table, METRES) if text != "–"]
    assert metres == sorted(metres)


def test_filter_takes_every_word(table, patience):
    QTest.keyClicks(table.filter, "2019-01-15 active")
    patience.waitUntil(lambda: "listed" in table.count.text())
    assert table.proxy.rowCount() > 0
    for row in range(table.proxy.rowCount()):
        source = table.proxy.mapToSource(table.proxy.index(row, 0)).row()
        whole = " ".join(table.model.text(source, number) for number in range(10))
        assert "2019-01-15" in whole
        assert "active" in whole
    table.filter.clear()
    patience.waitUntil(lambda: table.proxy.rowCount() == 18)
    assert "listed" not in table.count.text()


def test_the_selection_stays_over_a_filter(table, patience):
    chosen = [key for key in table.model.keys if key[0] == 0][:1]
    table.select(chosen)
    day = table.model.text(table.model.row_of(chosen[0]), 0)
    table.filter.setText(day)
    patience.waitUntil(lambda: "listed" in table.count.text())
    assert table.selected_keys() == chosen


def test_a_click_on_the_box_asks_to_toggle(table):
    asked = []
    table.toggle_requested.connect(asked.append)
    QTest.mouseClick(
        table.view.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, check_box(table, 2)
    )
    assert asked == [[table.model.keys[2]]]


def test_box_of_one_selected_row_counts_for_all_of_them(table):
    asked = []
    table.toggle_requested.connect(asked.append)
    keys = table.model.keys[1:4]
    table.select(keys)
    index = table.proxy.index(2, EARLIER)
    table.proxy.setData(index, int(Qt.CheckState.Unchecked), int(Qt.ItemDataRole.CheckStateRole))
    assert [sorted(found) for found in asked] == [sorted(keys)]


def test_space_toggles_all_selected_rows(table):
    asked = []
    table.toggle_requested.connect(asked.append)
    table.view.setFocus()
    table.view.selectRow(0)
    QTest.keyClick(table.view, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClick(table.view, Qt.Key.Key_Space)
    assert asked == [table.model.keys[:2]]


def test_state_follows_the_network(table, network):
    key = table.model.keys[4]
    change = network.toggle_pair(key)
    table.refresh(network, change.pairs)
    assert table.model.text(4, STATE) == "removed"
    assert "17 of 18" in table.count.text()
    change = network.exclude_dates([0])
    table.refresh(network, [key for key in table.model.keys if 0 in key])
    assert table.model.text(0, STATE) == "date excluded"


def test_a_pair_added_by_hand_appears_and_says_so(table, network):
    change = network.add_pair((0, 7))
    table.select([(0, 1)])
    table.refresh(network, change.pairs)
    row = table.model.row_of((0, 7))
    assert row is not None
    assert "by hand" in table.model.text(row, 8)
    assert table.selected_keys() == [(0, 1)]


def test_selection_is_told_and_can_be_set_quietly(table):
    told = []
    table.selection_changed.connect(told.append)
    table.select([(1, 2), (2, 4)])
    assert told == []
    assert table.selected_keys() == [(1, 2), (2, 4)]
    table.view.selectRow(0)
    assert told[-1] == [(0, 1)]


def test_mouse_over_a_row_is_told(table):
    told = []
    table.hovered.connect(told.append)
    for row in (1, 3):
        place = table.view.visualRect(table.proxy.index(row, DAYS)).center()
        QTest.mouseMove(table.view.viewport(), place + QPoint(1, 1))
        QTest.qWait(20)
        table.view.entered.emit(table.proxy.index(row, DAYS))
    assert told[-1] == table.model.keys[3]


def test_hovered_row_stands_out(table):
    index = table.proxy.index(2, DAYS)
    assert index.data(int(Qt.ItemDataRole.BackgroundRole)) is None
    table.show_hover(table.model.keys[2])
    assert index.data(int(Qt.ItemDataRole.BackgroundRole)) is not None
    table.show_hover(None)
    assert index.data(int(Qt.ItemDataRole.BackgroundRole)) is None


def test_copy_and_csv_hold_what_is_listed(table):
    table.view.sortByColumn(DAYS, Qt.SortOrder.DescendingOrder)
    rows = list(csv.reader(io.StringIO(table.csv_text())))
    assert len(rows) == 19
    assert [row[DAYS] for row in rows[1:]] == column(table, DAYS)
    assert "–" not in table.csv_text()
    table.view.setFocus()
    table.view.selectRow(0)
    QTest.keyClick(table.view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    copied = QApplication.clipboard().text().splitlines()
    assert len(copied) == 2
    assert copied[1].split("\t")[COHERENCE] == column(table, COHERENCE)[0].replace("–", "")


def test_baselines_of_three_thousand_rows_are_asked_for_together(qgis_app, tmp_path, monkeypatch):
    asked, of_many = [], PairBaselines.of_many

    def count(self, scenes, first, second):
        asked.append(len(first))
        return of_many(self, scenes, first, second)

    def one(*_):
        raise AssertionError("asked for one by one")

    network = load_network(write_network_job(tmp_path / "p1_f1", 300, 10)).network
    made = PairsTable()
    monkeypatch.setattr(PairBaselines, "of_many", count)
    monkeypatch.setattr(PairBaselines, "of_dates", one)
    made.show_network(network)
    assert made.proxy.rowCount() == 2945
    assert asked == [2945]
    made.deleteLater()

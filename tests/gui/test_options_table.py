# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of MintPy's options: edits by keyboard, refusals, filter, and what differs from the default."""

from __future__ import annotations

import pytest
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest

from insarhub_qgis.core.mintpy_config import MintpyConfig
from insarhub_qgis.core.mintpy_options import OPTIONS
from insarhub_qgis.gui.options_table import OPTION_COLUMN, VALUE_COLUMN, OptionsTable

TEXT = "# mine\nmintpy.networkInversion.minTempCoh = 0.6\nmintpy.foo.bar = 3\n"


@pytest.fixture
def table(qgis_app, tmp_path):
    path = tmp_path / ".mintpy.cfg"
    path.write_text(TEXT, encoding="utf-8")
    widget = OptionsTable()
    widget.show_config(MintpyConfig.read(path))
    widget.resize(328, 500)
    widget.show()
    QTest.qWaitForWindowExposed(widget)
    yield widget
    widget.close()


def names(table):
    model = table.view.model()
    return [model.index(row, OPTION_COLUMN).data() for row in range(model.rowCount())]


def index_of(table, name, column=VALUE_COLUMN):
    row = next(row for row, text in enumerate(names(table)) if text.startswith(name))
    return table.view.model().index(row, column)


def type_value(table, name, text):
    """Edit as a person does: double-click, overwrite, Enter."""
    index = index_of(table, name)
    table.view.scrollTo(index)
    place = table.view.visualRect(index).center()
    QTest.mouseClick(table.view.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)
    QTest.mouseDClick(table.view.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)
    editor = table.view.indexWidget(index)
    assert editor is not None, "no editor opened"
    line = editor.lineEdit() if hasattr(editor, "lineEdit") else editor
    line.selectAll()
    QTest.keyClicks(line, text)
    QTest.keyClick(line, Qt.Key.Key_Return)
    QTest.qWait(50)  # Qt hands the text on after the key event


def test_all_options_are_there_with_their_defaults(table):
    assert len(names(table)) == len(OPTIONS) + 1
    assert index_of(table, "networkInversion.minTempCoh").data() == "0.6 (0.7)"
    assert index_of(table, "networkInversion.maskThreshold").data() == "auto (0.4)"


def test_what_differs_is_marked_by_sign_and_weight(table):
    name = index_of(table, "networkInversion.minTempCoh", OPTION_COLUMN)
    assert name.data().endswith("●")
    assert name.data(Qt.ItemDataRole.FontRole).bold()
    assert name.data(Qt.ItemDataRole.AccessibleDescriptionRole)
    other = index_of(table, "networkInversion.maskThreshold", OPTION_COLUMN)
    assert "●" not in other.data()
    assert other.data(Qt.ItemDataRole.FontRole) is None


def test_a_value_is_typed_into_the_cell(table):
    edits = []
    table.edited.connect(lambda: edits.append(1))
    type_value(table, "networkInversion.minTempCoh", "0.55")
    assert table.config.get("mintpy.networkInversion.minTempCoh") == "0.55"
    assert edits == [1]
    assert "Default: 0.7." in table.help.text()


@pytest.mark.parametrize("wrong", ["high", "1.5", "-1"])
def test_an_invalid_value_is_refused_with_the_reason(table, wrong):
    edits = []
    table.edited.connect(lambda: edits.append(1))
    type_value(table, "networkInversion.minTempCoh", wrong)
    assert table.config.get("mintpy.networkInversion.minTempCoh") == "0.6"
    assert edits == []
    assert "number from 0 to 1" in table.help.text()
    assert table.help.text().startswith("⚠")


def test_an_option_with_fixed_values_offers_them(table):
    index = index_of(table, "networkInversion.weightFunc")
    table.view.scrollTo(index)
    table.view.setCurrentIndex(index)
    table.view.edit(index)
    box = table.view.indexWidget(index)
    texts = [box.itemText(row) for row in range(box.count())]
    assert texts[0] == "auto"
    assert {"var", "fim", "coh", "no"} <= set(texts)


def test_words_filter_by_name_help_and_value(table):
    QTest.keyClicks(table.search, "coherence reference")
    shown = names(table)
    assert 0 < len(shown) < len(OPTIONS)
    assert any(name.startswith("reference.") for name in shown)
    assert not any(name.startswith("deramp") for name in shown)


def test_changed_only_shows_changed_and_unknown_keys(table):
    QTest.mouseClick(table.only_changed, Qt.MouseButton.LeftButton)
    assert names(table) == ["networkInversion.minTempCoh ●", "foo.bar"]


def test_an_unknown_key_and_comments_survive_an_edit(table):
    type_value(table, "networkInversion.minTempCoh", "0.5")
    table.config.write()
    assert table.config.path.read_text(encoding="utf-8") == TEXT.replace("0.6", "0.5")


def test_reading_the_same_file_again_keeps_the_place(table):
    table.view.setCurrentIndex(index_of(table, "networkInversion.minTempCoh"))
    table.show_config(MintpyConfig.read(table.config.path))
    assert table.view.currentIndex().data() == "0.6 (0.7)"


def test_no_column_is_pushed_out_at_the_width_of_a_narrow_dock(table):
    header = table.view.horizontalHeader()
    assert header.length() <= table.view.viewport().width()


def test_malformed_lines_are_told(qgis_app, tmp_path):
    path = tmp_path / ".mintpy.cfg"
    path.write_text("mintpy.deramp linear\n", encoding="utf-8")
    widget = OptionsTable()
    widget.show_config(MintpyConfig.read(path))
    assert "mintpy.deramp linear" in widget.help.text()

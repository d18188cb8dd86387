# SPDX-License-Identifier: GPL-2.0-or-later
"""The network editor on real job folders: graph, table and map agree, every edit can be undone, nothing is lost."""

from __future__ import annotations

import json

import pytest
from qgis.core import QgsCoordinateReferenceSystem, QgsProject
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication, QPushButton

from insarhub_qgis.core.network_files import load_network
from insarhub_qgis.core.search_answer import write_search_answer
from insarhub_qgis.core.selection_parameters import BUDGET
from insarhub_qgis.core.stack_file import read_stack_file
from insarhub_qgis.gui import network_session
from insarhub_qgis.gui.network_dialogs import BridgesDialog, HistoryDialog
from insarhub_qgis.gui.network_dock import CANCEL, CHECK_TAB, DISCARD, KEEP, PARAMETERS_TAB, SAVE
from insarhub_qgis.gui.network_view import Item
from insarhub_qgis.gui.pairs_table import CREDITS
from tests.makers.networks import footprint_item, scene_names, write_network_job

LEFT, NO_MODIFIER = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture(autouse=True)
def _own_profile(tmp_path, monkeypatch):
    monkeypatch.setattr(network_session, "private_folder", lambda: tmp_path / "profile")


@pytest.fixture
def job(tmp_path):
    return write_network_job(tmp_path / "work ñ" / "p44_f117", 10, 3)


@pytest.fixture
def editor(context, job, patience):
    dock = context.network_dock()
    dock.ask = lambda *_: DISCARD
    dock.open_job(job)
    settle(context, patience)
    QApplication.setActiveWindow(dock)
    dock.canvas.draw()
    yield dock
    for session in dock.dirty_sessions:
        session.network.mark_saved()
        session.is_recovered = False


def settle(context, patience):
    patience.waitUntil(lambda: not context.runs and not context._reads, timeout=20000)
    QTest.qWait(20)


def spot(dock, item):
    places = dock.canvas.view.date_pixels if item.is_date else dock.canvas.view.middle_pixels
    return QPoint(*(round(v) for v in places[item.index]))


def free_pair(dock):
    view = dock.canvas.view
    return next(i for i in range(len(dock._keys)) if view.hit(*view.middle_pixels[i]) == Item(False, i))


def stack_pairs(job):
    return len(read_stack_file(next(job.glob("stack_*.json"))).pairs)


def column(table, number):
    return [table.proxy.index(row, number).data() for row in range(table.proxy.rowCount())]


def bar_text(dock):
    return " | ".join(item.text() for item in dock.bar.items())


def press(dock, text):
    """Press a button in the editor's message bar."""
    button = next(b for b in dock.bar.findChildren(QPushButton) if text in b.text().replace("&", ""))
    button.click()


def test_opens_with_graph_table_and_legend_of_the_same_network(editor):
    assert len(editor.canvas.picture.dates) == 10
    assert editor.table.model.rowCount() == 24
    counts = [int(text.rsplit(" ", 1)[1]) for text in editor.legend.texts()]
    assert sum(counts[:4]) == 24
    assert "not judged: 2" in editor.legend.texts()[3]
    assert editor.windowTitle().startswith("p44_f117 ")
    assert not editor.toolbar.save_action.isEnabled()


@pytest.mark.parametrize("width", [1100, 700])
def test_legend_has_room_for_all_its_rows(editor, width):
    editor.toggle_pairs([(0, 1)])
    editor.add_pair((0, 7))
    editor.resize(width, 520)
    QTest.qWait(100)
    assert editor.legend.height() >= editor.legend.heightForWidth(editor.legend.width())


def test_a_network_without_pairs_says_how_to_begin(editor, job, context, patience):
    other = write_network_job(job.parent / "p1_f1", 5, 0)
    editor.open_job(other)
    settle(context, patience)
    assert "No pairs yet" in editor.status.text()


def test_click_removes_a_pair_everywhere_and_undo_brings_it_back(editor):
    index = free_pair(editor)
    key = editor._keys[index]
    QTest.mouseClick(editor.canvas, LEFT, NO_MODIFIER, spot(editor, Item(False, index)))
    assert not editor.network.is_active(key)
    assert not editor.canvas.picture.is_active[index]
    assert editor.table.model.text(editor.table.model.row_of(key), 7) == "removed"
    assert "removed: 1" in editor.legend.texts()[4]
    assert editor.windowTitle().startswith("p44_f117* ")
    QTest.keyClick(editor.canvas, Qt.Key.Key_Z, CONTROL)
    assert editor.network.is_active(key)
    assert "*" not in editor.windowTitle()
    QTest.keyClick(editor.canvas, Qt.Key.Key_Z, CONTROL | SHIFT)
    assert not editor.network.is_active(key)


def test_drag_adds_a_pair_by_hand(editor):
    start, end = spot(editor, Item(True, 0)), spot(editor, Item(True, 8))
    QTest.mousePress(editor.canvas, LEFT, NO_MODIFIER, start)
    for place in (start + QPoint(30, 0), end):
        QTest.mouseMove(editor.canvas, place)
        QTest.qWait(10)
    QTest.mouseRelease(editor.canvas, LEFT, NO_MODIFIER, end)
    assert editor.network.is_active((0, 8))
    assert editor.network.marks[(0, 8)].is_manual
    index = editor._keys.index((0, 8))
    assert editor.canvas.picture.is_manual[index]
    assert editor.table.model.row_of((0, 8)) is not None
    tip = "\n".join(editor._tip(Item(False, index)))
    assert "96 d" in tip
    assert "added by hand" in tip
    assert "Not known" in tip


def test_drawing_a_removed_pair_restores_it_and_an_excluded_date_says_why_not(editor):
    editor.toggle_pairs([(2, 3)])
    editor.add_pair((2, 3))
    assert editor.network.is_active((2, 3))
    assert not editor.network.marks[(2, 3)].is_manual
    editor.exclude_dates([7])
    editor.add_pair((0, 7))
    assert (0, 7) not in editor.network.marks
    assert "2019-03-28" in editor.status.text()


def test_delete_excludes_selected_dates_in_one_step(editor):
    QTest.mouseClick(editor.canvas, LEFT, NO_MODIFIER, spot(editor, Item(True, 4)))
    QTest.keyClick(editor.canvas, Qt.Key.Key_Delete)
    assert editor.network.nodes[4].is_excluded
    assert all(4 not in key for key in editor.network.active_keys())
    assert len(editor.network.undo_steps()) == 1
    assert editor.canvas.picture.is_excluded[4]
    assert "Excluded: by you" in "\n".join(editor._tip(Item(True, 4)))
    editor.undo()
    assert not editor.network.nodes[4].is_excluded


def test_selection_is_common_to_graph_and_table(editor):
    editor.canvas.select((), (3, 5))
    assert [editor._keys.index(key) for key in editor.table.selected_keys()] == [3, 5]
    editor.table.view.selectRow(7)
    assert editor.canvas.selected_pairs == {7}
    editor.toolbar.remove_action.trigger()
    assert not editor.network.is_active(editor._keys[7])
    editor.toolbar.restore_action.trigger()
    assert editor.network.is_active(editor._keys[7])
    editor.toolbar.invert_action.trigger()
    assert not editor.network.is_active(editor._keys[7])


def test_hover_is_common_to_graph_and_table(editor):
    editor._on_table_hover(editor._keys[6])
    assert editor.canvas.hover == Item(False, 6)
    editor._on_canvas_hover(Item(False, 2))
    assert editor.table.model._hover == editor._keys[2]


def test_select_all_and_invert(editor):
    QTest.keyClick(editor.canvas, Qt.Key.Key_A, CONTROL)
    assert len(editor.canvas.selected_pairs) == 24
    assert len(editor.canvas.selected_dates) == 10


def test_table_box_and_space_toggle_in_one_step(editor):
    editor.table.view.setFocus()
    editor.table.view.selectRow(0)
    QTest.keyClick(editor.table.view, Qt.Key.Key_Down, SHIFT)
    QTest.keyClick(editor.table.view, Qt.Key.Key_Space)
    assert [editor.network.is_active(key) for key in editor._keys[:2]] == [False, False]
    assert len(editor.network.undo_steps()) == 1


def test_two_hundred_steps_can_be_undone(editor):
    for turn in range(205):
        editor.toggle_pairs([editor._keys[turn % 24]])
    for _ in range(205):
        editor.undo()
    assert not editor.session.is_dirty
    assert editor.network.active_keys() == editor._keys


def test_history_names_the_steps_and_goes_there(editor):
    editor.toggle_pairs([(0, 1)])
    editor.exclude_dates([5])
    editor.undo()
    dialog = HistoryDialog(editor.network, editor)
    texts = [dialog.list.item(row).text() for row in range(dialog.list.count())]
    assert texts == ["As opened", "Toggle 2019-01-03 → 2019-01-15  (now)", "Exclude 2019-03-04"]
    dialog.list.setCurrentRow(0)
    dialog.accept()
    editor.go_to_step(dialog.steps_to_go)
    assert not editor.session.is_dirty
    editor.go_to_step(2)
    assert editor.network.nodes[5].is_excluded


def test_parameters_preview_and_apply_in_one_step(editor, context, patience):
    editor.add_pair((0, 9))
    editor.tabs.setCurrentIndex(PARAMETERS_TAB)
    editor.parameters.max_degree.setValue(3)
    editor.parameters.min_degree.setValue(2)
    patience.waitUntil(lambda: editor.preview.selection is not None, timeout=8000)
    assert "pairs" in editor.parameters.preview.text()
    before = len(editor.network.undo_steps())
    count = len(editor.preview.selection.pairs)
    editor.parameters.apply_button.click()
    assert len(editor.network.undo_steps()) == before + 1
    assert len(editor.network.active_keys()) == count
    assert editor.network.is_active((0, 9))
    assert editor.network.parameters.max_degree == 3
    editor.undo()
    assert editor.network.parameters.max_degree == 5
    assert editor.parameters.max_degree.value() == 5
    settle(context, patience)


def test_a_budget_is_selected_with_the_price_that_the_user_gives(editor, job, context, patience):
    editor.tabs.setCurrentIndex(PARAMETERS_TAB)
    panel = editor.parameters
    panel.mode.setCurrentIndex(panel.mode.findData(BUDGET))
    panel.credits.setValue(120.0)
    patience.waitUntil(lambda: "price of a pair" in panel.preview.text(), timeout=8000)
    assert not panel.apply_button.isEnabled()
    panel.credits_per_pair.setValue(10.0)
    patience.waitUntil(lambda: editor.preview.selection is not None, timeout=8000)
    assert "12 pairs" in panel.preview.text()
    assert "120 credits" in panel.preview.text()
    panel.apply_button.click()
    settle(context, patience)
    assert len(editor.network.active_keys()) == 12
    assert column(editor.table, CREDITS) == ["10"] * 12
    assert ", 120 credits" in editor.table.count.text()
    assert "10 credits" in editor._tip(Item(False, 0))
    editor.save()
    settle(context, patience)
    assert load_network(job).network.parameters.credits_per_pair == 10.0
    editor.undo()
    settle(context, patience)
    assert panel.credits_per_pair.value() == 0.0
    assert column(editor.table, CREDITS) == ["–"] * 24


def test_wrong_parameters_are_named_and_cannot_be_applied(editor, patience):
    editor.tabs.setCurrentIndex(PARAMETERS_TAB)
    editor.parameters.dt_targets.setText("12, soon")
    patience.waitUntil(lambda: "soon" in editor.parameters.preview.text())
    assert not editor.parameters.apply_button.isEnabled()
    editor.parameters.dt_targets.setText("12, 24")
    editor.parameters.min_degree.setValue(9)
    patience.waitUntil(lambda: "9" in editor.parameters.preview.text())
    assert not editor.parameters.apply_button.isEnabled()


def test_splitting_warns_until_it_is_mended(editor):
    crossing = [key for key in editor._keys if key[0] < 5 <= key[1]]
    editor.toggle_pairs(crossing)
    assert "split" in bar_text(editor)
    press(editor, "Show")
    assert editor.canvas.selected_dates
    editor.add_pair(crossing[0])
    assert "split" not in bar_text(editor)
    editor.add_pair(crossing[1])
    assert "single pair" not in bar_text(editor)


def test_stranding_a_date_warns(editor):
    editor.toggle_pairs([key for key in editor._keys if 9 in key])
    assert "2019-04-21" in bar_text(editor)


def test_bridges_are_suggested_and_added(editor):
    editor.toggle_pairs([key for key in editor._keys if key[0] < 5 <= key[1]])
    dialog = BridgesDialog(editor.network, editor)
    dialog.add_requested.connect(editor.add_pairs)
    assert 1 <= len(dialog.suggestions) <= 3
    dialog.all_button.click()
    assert editor.network.structure.is_connected
    assert "one piece" in dialog.head.text()
    assert not dialog.all_button.isEnabled()
    dialog.deleteLater()


def test_red_pairs_go_but_never_bridges(editor):
    network = editor.network
    red = [key for key in network.active_keys() if network.scores.get(key, 100) < 30]
    editor.remove_poor()
    assert any(not network.is_active(key) for key in red)
    assert network.structure.is_connected
    assert len(network.undo_steps()) == 1


def test_red_bridge_stays(editor):
    network = editor.network
    network.scores = dict.fromkeys(network.pair_keys(), 5.0)
    editor.remove_poor()
    assert network.structure.is_connected
    assert len(network.active_keys()) == 9


def test_save_writes_stack_and_picture_and_drops_the_star(editor, job, context, patience):
    before = stack_pairs(job)
    editor.toggle_pairs([(0, 1)])
    QTest.keyClick(editor.canvas, Qt.Key.Key_S, CONTROL)
    settle(context, patience)
    assert stack_pairs(job) == before - 1
    assert "*" not in editor.windowTitle()
    picture = job / "network_p44_f117.png"
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert not list(job.glob("*.tmp"))
    editor.undo()
    assert editor.session.is_dirty


def test_edits_during_a_save_are_not_saved_with_it(editor, job, context, patience):
    before = stack_pairs(job)
    editor.toggle_pairs([(0, 1)])
    assert editor.save()
    assert not editor.save()
    editor.toggle_pairs([(1, 2)])
    settle(context, patience)
    assert stack_pairs(job) == before - 1
    assert editor.session.is_dirty
    editor.undo()
    assert not editor.session.is_dirty
    assert bar_text(editor) == ""


def test_saved_network_opens_again_as_it_was(editor, job, context, patience):
    editor.toggle_pairs([(0, 1)])
    editor.add_pair((0, 7))
    editor.exclude_dates([9])
    editor.save()
    settle(context, patience)
    editor._sessions.clear()
    editor.session = None
    editor.open_job(job)
    settle(context, patience)
    assert not editor.network.is_active((0, 1))
    assert (0, 1) in editor.network.marks
    assert editor.network.marks[(0, 7)].is_manual
    assert editor.network.nodes[9].is_excluded


@pytest.mark.parametrize("answer", [SAVE, DISCARD, CANCEL])
def test_closing_asks_about_unsaved_edits(editor, job, context, patience, answer):
    before = stack_pairs(job)
    asked = []
    editor.ask = lambda session, can_keep: asked.append(session.name) or answer
    editor.toggle_pairs([(0, 1)])
    editor.close()
    settle(context, patience)
    assert asked == ["p44_f117"]
    assert editor.isVisible() == (answer == CANCEL)
    assert stack_pairs(job) == before - (answer == SAVE)
    assert bool(editor.dirty_sessions) == (answer == CANCEL)


def test_closing_without_edits_does_not_ask(editor):
    editor.ask = lambda *_: pytest.fail("asked")
    editor.close()
    assert not editor.isVisible()


@pytest.mark.parametrize("answer", [SAVE, DISCARD, KEEP, CANCEL])
def test_switching_the_stack_asks_and_each_keeps_its_own_edits(editor, job, context, patience, answer):
    other = write_network_job(job.parent / "p93_f121", 6, 2)
    editor.toggle_pairs([(0, 1)])
    editor.ask = lambda session, can_keep: answer
    editor.open_job(other)
    settle(context, patience)
    if answer == CANCEL:
        assert editor.session.folder == job
        assert editor.toolbar.stack_box.currentData() == job
        return
    assert editor.session.folder == other
    assert len(editor.canvas.picture.dates) == 6
    assert {editor.toolbar.stack_box.itemData(i) for i in range(editor.toolbar.stack_box.count())} == {
        job,
        other,
    }
    editor.open_job(job)
    settle(context, patience)
    assert editor.network.is_active((0, 1)) == (answer == DISCARD)
    assert editor.network.can_undo == (answer in (SAVE, KEEP))


def test_closing_qgis_asks(editor, iface):
    editor.toggle_pairs([(0, 1)])
    editor.ask = lambda *_: CANCEL
    assert not iface.window.close()
    assert iface.window.isVisible()


def test_edits_survive_a_crash(editor, job, context, patience):
    editor.toggle_pairs([(0, 1)])
    editor.add_pair((0, 7))
    editor.exclude_dates([3])
    patience.waitUntil(lambda: editor.session.copy_file.exists(), timeout=4000)
    # As after a crash: nothing is known but what is on disk.
    editor._sessions.clear()
    editor.session = None
    editor.open_job(job)
    settle(context, patience)
    assert not editor.session.is_dirty
    assert "left unsaved" in bar_text(editor)
    press(editor, "Restore")
    assert not editor.network.is_active((0, 1))
    assert editor.network.marks[(0, 7)].is_manual
    assert editor.network.nodes[3].is_excluded
    assert editor.session.is_dirty
    assert editor.toolbar.save_action.isEnabled()
    editor.save()
    settle(context, patience)
    assert not editor.session.copy_file.exists()


def test_crash_copy_can_be_refused_and_a_damaged_one_harms_nobody(editor, job, context, patience):
    editor.toggle_pairs([(0, 1)])
    editor.session.write_copy()
    file = editor.session.copy_file
    editor._sessions.clear()
    editor.session = None
    editor.open_job(job)
    settle(context, patience)
    press(editor, "Discard")
    assert not file.exists()
    file.write_text('{"saved_at": ', encoding="utf-8")
    editor._sessions.clear()
    editor.session = None
    editor.open_job(job)
    settle(context, patience)
    assert len(editor.canvas.picture.dates) == 10
    assert bar_text(editor) == ""


def change_on_disk(job):
    file = next(job.glob("stack_*.json"))
    document = json.loads(file.read_text(encoding="utf-8"))
    document["pairs"] = document["pairs"][:-2]
    file.write_text(json.dumps(document, indent=1), encoding="utf-8")


def test_change_by_another_program_is_taken_over_without_edits(editor, job, context, patience):
    change_on_disk(job)
    patience.waitUntil(lambda: len(editor.network.active_keys()) == 22, timeout=6000)


def test_change_by_another_program_asks_with_edits(editor, job, context, patience):
    editor.toggle_pairs([(0, 1)])
    change_on_disk(job)
    patience.waitUntil(lambda: "another program" in bar_text(editor), timeout=6000)
    editor.ask_reload = lambda session: None
    assert not editor.save()
    assert stack_pairs(job) == 22
    press(editor, "Reload")
    settle(context, patience)
    assert editor.network.is_active((0, 1))
    assert len(editor.network.active_keys()) == 22


def test_mine_can_be_saved_over_a_change_on_disk(editor, job, context, patience):
    editor.toggle_pairs([(0, 1)])
    change_on_disk(job)
    editor.ask_reload = lambda session: False
    assert editor.save()
    settle(context, patience)
    assert stack_pairs(job) == 23


def test_folder_that_cannot_be_written_keeps_the_edits(editor, iface, monkeypatch, context, patience):
    from insarhub_qgis.core import job_folder
    from insarhub_qgis.core.errors import InsarError

    def refuse(path, *_, **__):
        raise InsarError("file.not_writable", file=str(path))

    editor.toggle_pairs([(0, 1)])
    monkeypatch.setattr(job_folder, "write_json_atomically", refuse)
    assert editor.save()
    settle(context, patience)
    assert editor.session.is_dirty
    assert not editor.save_now(editor.session)
    assert editor.session.is_dirty
    assert "stack_p44_f117.json" in iface.texts()


def test_job_without_stack_is_told(editor, tmp_path, iface, context, patience):
    empty = tmp_path / "empty"
    empty.mkdir()
    editor.open_job(empty)
    settle(context, patience)
    assert "no stack file" in iface.texts()
    assert editor.session.name == "p44_f117"


@pytest.mark.parametrize("dates", [0, 1])
def test_empty_stack_and_stack_of_one_date(editor, job, context, patience, dates):
    other = write_network_job(job.parent / "p1_f1", dates, 3)
    editor.open_job(other)
    settle(context, patience)
    editor.grab()
    for tab in (PARAMETERS_TAB, CHECK_TAB):
        editor.tabs.setCurrentIndex(tab)
        settle(context, patience)
    assert len(editor.canvas.picture.dates) == dates


def test_footprints_of_the_hovered_pair_are_on_the_map(editor, job, iface, context, patience):
    names = scene_names(10)
    write_search_answer(job, [footprint_item(name, 14.0 + 0.1 * i) for i, name in enumerate(names)])
    editor._sessions.clear()
    editor.session = None
    iface.canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:3857"))
    editor.open_job(job)
    settle(context, patience)
    editor._on_canvas_hover(Item(False, 0))
    bands = editor._link._bands
    assert [round(band.asGeometry().boundingBox().xMinimum() / 111319.49, 2) for band in bands] == [
        14.0,
        14.1,
    ]
    editor._on_table_hover(editor._keys[-1])
    assert editor._link._bands is bands
    assert round(bands[1].asGeometry().boundingBox().xMinimum() / 111319.49, 2) == 14.9
    editor._on_canvas_hover(None)
    assert all(band.asGeometry().isEmpty() for band in bands)
    editor.show_on_map([0])
    assert iface.canvas.extent().contains(editor._link.geometries([names[0]])[0].boundingBox().center())


def test_unknown_footprints_are_said(editor):
    editor.show_on_map([0])
    assert "not known" in editor.status.text()


def test_context_menu_offers_what_fits(editor):
    def texts(item):
        return [action.text().replace("&", "") for action in editor.menu_for(item).actions() if action.text()]

    assert texts(Item(True, 2))[:2] == ["Exclude Date", "Show Scenes on the Map"]
    editor.exclude_dates([2])
    assert texts(Item(True, 2))[0] == "Include Date"
    assert texts(Item(False, 0))[0] == "Remove Pair"
    assert any("never bridges" in text for text in texts(None))


def test_clearing_the_project_keeps_the_edits(editor):
    editor.toggle_pairs([(0, 1)])
    QgsProject.instance().clear()
    assert editor.session.is_dirty
    assert "kept" in bar_text(editor)


def test_exports(editor, tmp_path):
    editor.export_to(tmp_path / "pairs.csv")
    assert len((tmp_path / "pairs.csv").read_text(encoding="utf-8").splitlines()) == 25
    editor.export_to(tmp_path / "network.png")
    assert (tmp_path / "network.png").stat().st_size > 10000


def test_reload_with_open_editor_leaves_nothing(editor, context, iface):
    editor.toggle_pairs([(0, 1)])
    copy = editor.session.copy_file
    items = len(iface.canvas.scene().items())
    editor._on_canvas_hover(Item(False, 0))
    context.close()
    assert copy.exists()
    assert len(iface.canvas.scene().items()) <= items
    assert context._network_dock is None
    QTest.qWait(20)


def test_removing_a_pair_by_keyboard_alone(editor):
    editor.canvas.setFocus()
    QTest.keyClick(editor.canvas, Qt.Key.Key_Right)
    QTest.keyClick(editor.canvas, Qt.Key.Key_Down)
    QTest.keyClick(editor.canvas, Qt.Key.Key_Return)
    assert not editor.network.is_active((0, 1))
    QTest.keyClick(editor.canvas, Qt.Key.Key_Z, CONTROL)
    assert editor.network.is_active((0, 1))

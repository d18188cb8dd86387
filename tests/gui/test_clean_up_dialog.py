# SPDX-License-Identifier: GPL-2.0-or-later
"""Clean up: shows what goes, deletes only on Delete, keeps zips unless they are ticked."""

from __future__ import annotations

import shutil

import pytest
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QDialogButtonBox

from insarhub_qgis.gui.clean_up_dialog import CleanUpDialog
from tests.gui.test_analyzer_page import settle


@pytest.fixture
def dialog(context, analysed_job, analysed_once, iface, patience):
    zips = list((analysed_once.parent / "simulated" / "products").glob("*.zip"))
    for path in zips:
        shutil.copy(path, analysed_job)
    dialog = CleanUpDialog(context, analysed_job, iface.window)
    dialog.show()
    settle(context, patience)
    yield dialog
    dialog.close()


def rows(dialog):
    items = [dialog._list.topLevelItem(row) for row in range(dialog._list.topLevelItemCount())]
    return {item.text(0): item.text(2) for item in items}


def test_it_lists_what_goes_and_deletes_nothing_yet(dialog, analysed_job):
    assert "clip" in rows(dialog)
    assert not any(name.endswith(".zip") for name in rows(dialog))
    assert "MB" in dialog._sum.text()
    assert (analysed_job / "clip").is_dir()


def test_the_harmless_button_is_the_default(dialog):
    assert dialog._buttons.button(QDialogButtonBox.StandardButton.Cancel).isDefault()
    assert not dialog._delete.isDefault()
    QTest.keyClick(dialog, Qt.Key.Key_Return)
    assert not dialog.isVisible()


def test_delete_removes_what_was_listed_and_keeps_zips_and_results(
    dialog, context, patience, analysed_job, iface
):
    zips = set(analysed_job.glob("*.zip"))
    QTest.mouseClick(dialog._delete, Qt.MouseButton.LeftButton)
    settle(context, patience)
    assert not (analysed_job / "clip").exists()
    assert zips == set(analysed_job.glob("*.zip"))
    assert (analysed_job / "velocity.h5").is_file()
    assert (analysed_job / ".mintpy.cfg").is_file()
    assert "MB freed" in iface.texts()


def test_zips_go_only_when_ticked(dialog, context, patience, analysed_job):
    QTest.mouseClick(dialog._zips, Qt.MouseButton.LeftButton, pos=box_of(dialog))
    names = {name for name in rows(dialog) if name.endswith(".zip")}
    assert names == {path.name for path in analysed_job.glob("*.zip")}
    QTest.mouseClick(dialog._delete, Qt.MouseButton.LeftButton)
    settle(context, patience)
    assert list(analysed_job.glob("*.zip")) == []
    assert (analysed_job / "velocity.h5").is_file()


def box_of(dialog):
    """Place of the box itself: a click beside the text of a wide check box does nothing."""
    return QPoint(8, dialog._zips.height() // 2)


def test_a_stack_that_misses_pairs_keeps_the_zips(context, analysed_job, dialog, iface, patience):
    (analysed_job / "inputs" / "ifgramStack.h5").unlink()
    again = CleanUpDialog(context, analysed_job, iface.window)
    settle(context, patience)
    assert not again._zips.isEnabled()
    assert again._note.text().startswith("⚠")
    assert "ifgramStack.h5" in again._note.text()
    again.close()


def test_a_job_that_is_gone_is_told(context, tmp_path, iface, patience):
    dialog = CleanUpDialog(context, tmp_path / "gone", iface.window)
    settle(context, patience)
    assert "⚠" in dialog._sum.text()
    assert not dialog._delete.isEnabled()
    dialog.close()

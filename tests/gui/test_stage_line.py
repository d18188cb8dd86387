# SPDX-License-Identifier: GPL-2.0-or-later
"""The stages of a job in a narrow dock."""

from __future__ import annotations

import pytest
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QToolButton, QVBoxLayout, QWidget

from insarhub_qgis.gui.dock import USABLE_WIDTH_PX
from insarhub_qgis.gui.stage_line import DONE, NOT_BEGUN, READY, RUNNING, StageLine, StageMark

MARKS = (
    StageMark("downloader", "S1_SLC", DONE),
    StageMark("processor", "Hyp3_S1", RUNNING, "137/140"),
    StageMark("analyzer", "Hyp3_SBAS", READY),
    StageMark("results", "Results", NOT_BEGUN),
)


@pytest.fixture
def line(qgis_app):
    window = QWidget()
    layout = QVBoxLayout(window)
    layout.setContentsMargins(6, 0, 6, 0)
    made = StageLine(window)
    layout.addWidget(made)
    window.show()
    yield made
    window.close()
    window.deleteLater()


def test_names_of_stages_stay_whole_in_a_narrow_dock(line):
    line.window().resize(USABLE_WIDTH_PX, 40)
    line.show_stages(MARKS, "downloader")
    QTest.qWait(50)
    buttons = line.findChildren(QToolButton)
    shown = [button for button in buttons if button.isVisible()]
    assert [button.text() for button in shown] == [mark.tag for mark in MARKS]
    assert max(button.geometry().right() for button in shown) <= line.width()
    for button in shown:
        room = button.width() - button.iconSize().width()
        assert room > button.fontMetrics().horizontalAdvance(button.text())


def test_counts_come_back_where_there_is_room(line):
    line.window().resize(USABLE_WIDTH_PX, 40)
    line.show_stages(MARKS, "downloader")
    line.window().resize(700, 40)
    QTest.qWait(50)
    texts = [button.text() for button in line.findChildren(QToolButton) if button.isVisible()]
    assert "Hyp3_S1 137/140" in texts

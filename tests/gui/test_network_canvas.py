# SPDX-License-Identifier: GPL-2.0-or-later
"""The graph of the network editor with real mouse and key events; figures of its speed are printed, with wide limits."""

from __future__ import annotations

import datetime as dt
import gc
import tracemalloc

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from qgis.PyQt.QtCore import QEvent, QPoint, QPointF, Qt
from qgis.PyQt.QtGui import QColor, QContextMenuEvent, QMouseEvent, QPalette, QWheelEvent
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication, QLineEdit, QVBoxLayout, QWidget

from insarhub_qgis.gui.network_canvas import NetworkCanvas
from insarhub_qgis.gui.network_view import Item
from insarhub_qgis.layers.network_picture import GOOD, MODERATE, NOT_JUDGED, POOR, NetworkPicture, class_of

DAY = dt.date(2019, 1, 3)
LEFT, NO_BUTTON = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
NO_MODIFIER = Qt.KeyboardModifier.NoModifier


def make_picture(dates=8, connections=2, unknown=(), removed=(), excluded=(), scores=True):
    chance = np.random.default_rng(7)
    metres = [None if i in unknown else float(v) for i, v in enumerate(chance.normal(0, 60, dates))]
    pairs = [(i, j) for i in range(dates) for j in range(i + 1, min(dates, i + connections + 1))]
    values = [
        float(v) if scores and n % 10 != 9 else None for n, v in enumerate(chance.uniform(0, 100, len(pairs)))
    ]
    return NetworkPicture.from_values(
        [DAY + dt.timedelta(12 * i) for i in range(dates)],
        metres,
        pairs,
        values,
        is_active=[n not in removed for n in range(len(pairs))],
        is_relaxed=[n == 1 for n in range(len(pairs))],
        is_manual=[n == 2 for n in range(len(pairs))],
        is_excluded=[i in excluded for i in range(dates)],
    )


@pytest.fixture
def canvas(qgis_app):
    window = QWidget()
    layout = QVBoxLayout(window)
    made = NetworkCanvas(window)
    before, after = QLineEdit(window), QLineEdit(window)
    QWidget.setTabOrder(before, made)
    QWidget.setTabOrder(made, after)
    layout.addWidget(before)
    layout.addWidget(made, 1)
    layout.addWidget(after)
    window.resize(900, 520)
    window.show()
    QTest.qWaitForWindowExposed(window)
    # Without a window manager no window becomes active by itself.
    QApplication.setActiveWindow(window)
    made.before, made.after = before, after
    made.show_picture(make_picture(), fit=True)
    made.draw()
    yield made
    made.dispose()
    window.close()
    window.deleteLater()


def spot(canvas, item):
    places = canvas.view.date_pixels if item.is_date else canvas.view.middle_pixels
    return QPoint(*(round(v) for v in places[item.index]))


def hover(canvas, place):
    place = QPointF(place)
    event = QMouseEvent(
        QEvent.Type.MouseMove,
        place,
        QPointF(canvas.mapToGlobal(place.toPoint())),
        NO_BUTTON,
        NO_BUTTON,
        NO_MODIFIER,
    )
    QApplication.sendEvent(canvas, event)


def drag(canvas, start, *places, button=LEFT, modifier=NO_MODIFIER, is_released=True):
    QTest.mousePress(canvas, button, modifier, start)
    for place in places:
        event = QMouseEvent(
            QEvent.Type.MouseMove,
            QPointF(place),
            QPointF(canvas.mapToGlobal(place)),
            NO_BUTTON,
            button,
            modifier,
        )
        QApplication.sendEvent(canvas, event)
    if is_released:
        QTest.mouseRelease(canvas, button, modifier, places[-1])


def lonely_pair(canvas):
    """A pair whose middle hits nothing else."""
    for index in range(len(canvas.picture.first)):
        place = canvas.view.middle_pixels[index]
        if canvas.view.hit(*place) == Item(False, index):
            return index
    raise AssertionError("no pair can be hit in its middle")


def test_classes_follow_the_scores():
    assert [class_of(score) for score in (None, 0.0, 29.9, 30.0, 59.9, 60.0)] == [
        NOT_JUDGED, POOR, POOR, MODERATE, MODERATE, GOOD,
    ]  # fmt: skip


def test_hover_finds_dates_before_pairs_and_nothing_in_the_open(canvas):
    seen = []
    canvas.hovered.connect(seen.append)
    hover(canvas, spot(canvas, Item(True, 3)))
    assert canvas.hover == Item(True, 3)
    index = lonely_pair(canvas)
    hover(canvas, spot(canvas, Item(False, index)))
    assert canvas.hover == Item(False, index)
    hover(canvas, QPoint(5, 5))
    assert canvas.hover is None
    assert seen == [Item(True, 3), Item(False, index), None]


def test_hovered_date_fades_the_rest_and_tips(canvas, patience):
    canvas.tip_of = lambda item: [f"date {item.index}", "tip"]
    patience.waitUntil(lambda: canvas.is_up_to_date)
    far = spot(canvas, Item(True, 7))
    plain = canvas.grab().toImage().pixelColor(far)
    hover(canvas, spot(canvas, Item(True, 0)))
    faded = canvas.grab().toImage().pixelColor(far)
    background = canvas.palette().color(QPalette.ColorRole.Base)

    def distance(colour):
        return abs(colour.lightness() - background.lightness())

    assert distance(faded) < distance(plain)


def test_pick_radius_is_eight_pixels(canvas):
    x, y = canvas.view.date_pixels[0]
    assert canvas.view.date_at(x - 7.5, y) == 0
    assert canvas.view.date_at(x - 8.5, y) is None


def test_click_on_a_pair_asks_to_toggle_it(canvas):
    asked = []
    canvas.pair_clicked.connect(asked.append)
    index = lonely_pair(canvas)
    QTest.mouseClick(canvas, LEFT, NO_MODIFIER, spot(canvas, Item(False, index)))
    assert asked == [index]


def test_click_on_a_date_selects_and_on_nothing_unselects(canvas):
    QTest.mouseClick(canvas, LEFT, NO_MODIFIER, spot(canvas, Item(True, 2)))
    assert canvas.selected_dates == {2}
    QTest.mouseClick(canvas, LEFT, Qt.KeyboardModifier.ControlModifier, spot(canvas, Item(True, 4)))
    assert canvas.selected_dates == {2, 4}
    QTest.mouseClick(
        canvas, LEFT, NO_MODIFIER, QPoint(int(canvas.view.area[0]) + 3, int(canvas.view.area[1]) + 3)
    )
    assert canvas.selected_dates == set()


def test_drag_from_date_to_date_draws_a_pair_earlier_first(canvas):
    drawn, previews = [], []
    canvas.pair_drawn.connect(lambda one, other: drawn.append((one, other)))
    canvas.preview_of = lambda *values: previews.append(values) or ["12 d"]
    start, end = spot(canvas, Item(True, 6)), spot(canvas, Item(True, 1))
    drag(canvas, start, (start + end) / 2, end, is_released=False)
    canvas.repaint()
    assert previews[-1][:2] == (6, 1)
    assert drawn == []
    QTest.mouseRelease(canvas, LEFT, NO_MODIFIER, end)
    assert drawn == [(1, 6)]


def test_drop_beside_every_date_and_esc_draw_nothing(canvas):
    drawn = []
    canvas.pair_drawn.connect(lambda *ends: drawn.append(ends))
    start = spot(canvas, Item(True, 6))
    drag(canvas, start, QPoint(int(canvas.view.area[0]) + 4, int(canvas.view.area[1]) + 4))
    end = spot(canvas, Item(True, 1))
    drag(canvas, start, end, is_released=False)
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    QTest.mouseRelease(canvas, LEFT, NO_MODIFIER, end)
    assert drawn == []


def test_live_preview_tells_days_and_metres_of_the_open_place(canvas):
    previews = []
    canvas.preview_of = lambda *values: previews.append(values) or ["preview"]
    start = spot(canvas, Item(True, 0))
    open_place = QPoint(int(canvas.view.area[0] + canvas.view.area[2] / 2), int(canvas.view.area[1]) + 5)
    drag(canvas, start, open_place, is_released=False)
    canvas.repaint()
    _, target, day, metres = previews[-1]
    assert target is None
    assert abs((day - (DAY + dt.timedelta(42))).days) <= 2
    assert metres > max(canvas.picture.bperp_m)
    canvas.abort()


def wheel(canvas, place, steps):
    place = QPointF(place)
    event = QWheelEvent(
        place, QPointF(canvas.mapToGlobal(place.toPoint())), QPoint(), QPoint(0, 120 * steps), NO_BUTTON, NO_MODIFIER,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(canvas, event)


def test_wheel_zooms_about_the_cursor_and_home_fits(canvas, patience):
    whole = canvas.view.x_limits, canvas.view.y_limits
    place = spot(canvas, Item(True, 2))
    wheel(canvas, place, 3)
    patience.waitUntil(lambda: canvas.is_up_to_date)
    assert canvas.view.x_limits[1] - canvas.view.x_limits[0] < (whole[0][1] - whole[0][0]) / 1.8
    assert np.allclose(canvas.view.date_pixels[2], (place.x(), place.y()), atol=1.0)
    assert np.allclose(canvas.axes.get_xlim(), canvas.view.x_limits)
    QTest.keyClick(canvas, Qt.Key.Key_Home)
    assert np.allclose([canvas.view.x_limits, canvas.view.y_limits], whole)
    wheel(canvas, place, 2)
    QTest.keyClick(canvas, Qt.Key.Key_F)
    assert np.allclose([canvas.view.x_limits, canvas.view.y_limits], whole)


def test_zoom_has_limits(canvas):
    for steps in (-40, 200):
        wheel(canvas, spot(canvas, Item(True, 2)), steps)
        span = canvas.view.x_limits[1] - canvas.view.x_limits[0]
        assert 1.9 <= span <= 4.1 * 100


def test_hover_is_right_while_zooming(canvas):
    place = spot(canvas, Item(True, 4))
    hover(canvas, place)
    wheel(canvas, place, 2)
    hover(canvas, place)
    assert canvas.hover == Item(True, 4)


@pytest.mark.parametrize("way", ["middle", "space"])
def test_pan_by_middle_button_and_by_space(canvas, way, patience):
    before = canvas.view.x_limits
    start = QPoint(400, 150)
    selected = []
    canvas.selection_changed.connect(lambda: selected.append(1))
    if way == "middle":
        drag(canvas, start, start + QPoint(60, 20), button=Qt.MouseButton.MiddleButton)
    else:
        canvas.setFocus()
        QTest.keyPress(canvas, Qt.Key.Key_Space)
        drag(canvas, start, start + QPoint(60, 20))
        QTest.keyRelease(canvas, Qt.Key.Key_Space)
    moved = (before[0] - canvas.view.x_limits[0]) / (before[1] - before[0]) * canvas.view.area[2]
    assert moved == pytest.approx(60, abs=0.5)
    assert selected == []
    patience.waitUntil(lambda: canvas.is_up_to_date)
    assert np.allclose(canvas.axes.get_xlim(), canvas.view.x_limits)


def test_shift_box_selects_dates_and_pairs(canvas):
    left, top, width, height = (int(v) for v in canvas.view.area)
    x = int(canvas.view.date_pixels[2][0]) + 8
    drag(
        canvas,
        QPoint(left + 1, top + 1),
        QPoint(x, top + height - 1),
        modifier=Qt.KeyboardModifier.ShiftModifier,
    )
    assert canvas.selected_dates == {0, 1, 2}
    inside = {i for i in range(len(canvas.picture.first)) if canvas.picture.second[i] <= 2}
    assert inside <= canvas.selected_pairs


def test_resize_while_dragging_keeps_the_drag(canvas, patience):
    drawn = []
    canvas.pair_drawn.connect(lambda *ends: drawn.append(ends))
    start = spot(canvas, Item(True, 0))
    drag(canvas, start, start + QPoint(40, 10), is_released=False)
    canvas.window().resize(700, 420)
    patience.waitUntil(lambda: canvas.width() <= 700 and canvas.is_up_to_date)
    end = spot(canvas, Item(True, 5))
    event = QMouseEvent(
        QEvent.Type.MouseMove, QPointF(end), QPointF(canvas.mapToGlobal(end)), NO_BUTTON, LEFT, NO_MODIFIER
    )
    QApplication.sendEvent(canvas, event)
    QTest.mouseRelease(canvas, LEFT, NO_MODIFIER, end)
    assert drawn == [(0, 5)]


def test_context_menu_names_what_it_was_asked_for(canvas):
    asked = []
    canvas.menu_requested.connect(lambda item, place: asked.append(item))
    place = spot(canvas, Item(True, 1))
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, canvas.mapToGlobal(place))
    QApplication.sendEvent(canvas, event)
    assert asked == [Item(True, 1)]


def test_keyboard_walks_dates_and_pairs_and_toggles(canvas):
    toggled = []
    canvas.pair_clicked.connect(toggled.append)
    canvas.setFocus()
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Right):
        QTest.keyClick(canvas, key)
    assert canvas.current == Item(True, 2)
    QTest.keyClick(canvas, Qt.Key.Key_Left)
    assert canvas.current == Item(True, 1)
    walked = []
    for _ in range(3):
        QTest.keyClick(canvas, Qt.Key.Key_Down)
        walked.append(canvas.current)
    mine = [
        i
        for i in range(len(canvas.picture.first))
        if 1 in (canvas.picture.first[i], canvas.picture.second[i])
    ]
    assert {item.index for item in walked} == set(mine)
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    QTest.keyClick(canvas, Qt.Key.Key_Space)
    assert toggled == [canvas.current.index] * 2
    QTest.keyClick(canvas, Qt.Key.Key_Right)
    assert canvas.current == Item(True, int(canvas.picture.second[walked[-1].index]))
    QTest.keyClick(canvas, Qt.Key.Key_Space)
    assert canvas.selected_dates == {canvas.current.index}
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert canvas.current is None
    assert canvas.selected_dates == set()


def test_tab_walks_the_dates_and_leaves_after_the_last(canvas):
    canvas.before.setFocus()
    QTest.keyClick(canvas.before, Qt.Key.Key_Tab)
    assert canvas.hasFocus()
    assert canvas.current == Item(True, 0)
    for _ in range(len(canvas.picture.dates) - 1):
        QTest.keyClick(canvas, Qt.Key.Key_Tab)
    assert canvas.current == Item(True, 7)
    QTest.keyClick(canvas, Qt.Key.Key_Tab)
    assert canvas.after.hasFocus()


def test_focus_is_visible(canvas):
    canvas.setFocus()
    QTest.qWait(20)
    focused = canvas.grab().toImage()
    canvas.before.setFocus()
    QTest.qWait(20)
    assert canvas.grab().toImage() != focused
    assert focused.pixelColor(0, focused.height() // 2) != canvas.grab().toImage().pixelColor(
        0, focused.height() // 2
    )


def test_current_item_is_told_to_assistive_technology(canvas):
    canvas.tip_of = lambda item: [f"date {item.index}"]
    canvas.setFocus()
    QTest.keyClick(canvas, Qt.Key.Key_Right)
    assert canvas.accessibleDescription() == "date 0"


def test_unknown_baselines_lie_in_the_lane_and_their_pairs_can_be_hit(canvas):
    canvas.show_picture(make_picture(unknown=(2, 3, 4)), fit=True)
    canvas.draw()
    bottom = canvas.view.area[1] + canvas.view.area[3]
    lane = canvas.view.date_pixels[[2, 3, 4], 1]
    assert np.allclose(lane, lane[0])
    assert bottom - 40 < lane[0] < bottom
    assert canvas.view.date_pixels[[0, 1, 5, 6, 7], 1].max() < lane[0] - 5
    wheel(canvas, spot(canvas, Item(True, 0)), 2)
    assert np.allclose(canvas.view.date_pixels[[2, 3, 4], 1], lane, atol=0.5)
    pairs = [
        i
        for i in range(len(canvas.picture.first))
        if {2, 4} == {canvas.picture.first[i], canvas.picture.second[i]}
    ]
    canvas.fit()
    assert canvas.view.hit(*canvas.view.middle_pixels[pairs[0]]) == Item(False, pairs[0])


@pytest.mark.parametrize("dates", [0, 1, 2])
def test_small_stacks(canvas, dates):
    canvas.empty_text = "No stack"
    canvas.show_picture(make_picture(dates), fit=True)
    canvas.draw()
    canvas.grab()
    hover(canvas, QPoint(300, 200))
    QTest.keyClick(canvas, Qt.Key.Key_Right)
    QTest.keyClick(canvas, Qt.Key.Key_Down)
    assert (canvas.current is None) == (dates == 0)


def test_selection_and_hover_survive_fewer_pairs(canvas):
    canvas.select({7}, {10, 12})
    canvas.show_hover(Item(False, 12))
    canvas.show_picture(make_picture(4), fit=True)
    canvas.grab()
    assert canvas.selected_dates == set()
    assert canvas.hover is None


def test_labels_never_overlap(canvas):
    canvas.show_picture(make_picture(300, 3), fit=True)
    canvas.draw()
    renderer = canvas.get_renderer()
    boxes = [
        label.get_window_extent(renderer) for label in canvas.strip.get_xticklabels() if label.get_text()
    ]
    assert len(boxes) >= 3
    assert all(one.x1 <= other.x0 for one, other in zip(boxes, boxes[1:]))


def test_palette_change_repaints_in_the_new_colours(canvas):
    before = QApplication.palette()
    dark = QPalette(before)
    dark.setColor(QPalette.ColorRole.Base, QColor("#202020"))
    dark.setColor(QPalette.ColorRole.Text, QColor("#f0f0f0"))
    try:
        QApplication.setPalette(dark)
        QTest.qWait(60)
        corner = (
            canvas.grab().toImage().pixelColor(int(canvas.view.area[0]) + 20, int(canvas.view.area[1]) + 20)
        )
        assert corner.lightness() < 80
    finally:
        QApplication.setPalette(before)


def test_right_to_left_keeps_time_running_to_the_right(canvas):
    canvas.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    canvas.draw()
    assert (np.diff(canvas.view.date_pixels[:, 0]) > 0).all()
    hover(canvas, spot(canvas, Item(True, 3)))
    assert canvas.hover == Item(True, 3)


def test_high_dpi_hits_the_same_places(canvas):
    canvas._set_device_pixel_ratio(2)
    canvas.draw()
    assert canvas._plain.devicePixelRatio() == 2
    assert np.asarray(canvas.buffer_rgba()).shape[1] >= 2 * canvas.width() - 2
    hover(canvas, spot(canvas, Item(True, 3)))
    assert canvas.hover == Item(True, 3)
    canvas._set_device_pixel_ratio(1)


def test_hovering_300_scenes_and_3000_pairs_draws_nothing_anew(canvas, patience, monkeypatch):
    canvas.window().resize(1900, 1060)
    canvas.show_picture(make_picture(300, 10), fit=True)
    patience.waitUntil(lambda: canvas.width() > 1000 and canvas.is_up_to_date)
    assert len(canvas.picture.first) == 2945
    chance = np.random.default_rng(1)
    left, top, width, height = canvas.view.area
    places = chance.uniform((left, top), (left + width, top + height), (200, 2))
    canvas.tip_of = lambda item: ["6 Jan 2018", "12 d, +34 m", "Score 45, moderate"]
    drawn, draw = [], FigureCanvasAgg.draw
    monkeypatch.setattr(FigureCanvasAgg, "draw", lambda self: drawn.append(self) or draw(self))
    seen = set()
    for place in places:
        hover(canvas, QPointF(*place))
        canvas.repaint()
        seen.add(canvas.hover)
    assert len(seen) > 20
    assert drawn == []
    canvas.draw()
    assert drawn == [canvas]


def test_toggling_a_thousand_times_keeps_memory(canvas):
    pictures = [make_picture(30, 3, removed=removed) for removed in ((), (5,))]

    def toggle(times):
        for turn in range(times):
            canvas.show_picture(pictures[turn % 2])
            if turn % 20 == 0:
                canvas.draw()

    toggle(100)
    gc.collect()
    artists = len(canvas.axes.collections) + len(canvas.strip.collections)
    tracemalloc.start()
    toggle(100)
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    toggle(1000)
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(canvas.axes.collections) + len(canvas.strip.collections) == artists
    assert after - before < 500_000

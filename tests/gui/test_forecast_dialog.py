# SPDX-License-Identifier: GPL-2.0-or-later
"""How good was the forecast: the window on a real check, with mouse and keyboard, in chart, tables and files."""

from __future__ import annotations

import csv
import shutil

import numpy as np
import pytest
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtGui import QColor, QImage, QPalette
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication

from tests.makers.engine_python import find_engine_python
from tests.makers.forecast_job_process import write_forecast_job

PAIRS = 10
COHERENCE_MAPS, LAND, LATITUDE, COMBINED = "s1_pixel", "landcover", "climatology", "combined"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    python = find_engine_python()
    if python is None:
        pytest.skip("no engine environment: run make setup")
    return write_forecast_job(python, tmp_path_factory.mktemp("forecast") / "valley é")


@pytest.fixture
def forecast_job(made, tmp_path):
    folder = tmp_path / made.name
    shutil.copytree(made, folder)
    return folder


@pytest.fixture
def page(dock, engine, forecast_job, patience):
    dock.show_page("products", forecast_job)
    page = dock.page("products")
    patience.waitUntil(lambda: page.proxy.rowCount() > 0)
    return page


@pytest.fixture
def dialog(page, patience):
    dialog = page.open_forecast()
    patience.waitUntil(lambda: not dialog.is_running)
    QTest.qWaitForWindowExposed(dialog)
    settle(dialog, patience)
    yield dialog


def settle(dialog, patience):
    """Until the chart is drawn in the size that it has."""
    patience.waitUntil(lambda: not dialog.chart._timer.isActive() and not dialog.chart._draw_pending)


def place_of(dialog, key, pair):
    """Where a pair of a forecast is on the canvas, in Qt's pixels."""
    forecast = dialog.chart._forecasts[dialog._shown().index(key)]
    x, y = dialog.chart._axes.transData.transform((forecast.predicted[pair], forecast.observed[pair]))
    ratio = dialog.chart.device_pixel_ratio
    return QPoint(round(x / ratio), round(dialog.chart.height() - y / ratio))


def texts(table):
    return [
        [table.item(row, column).text() for column in range(table.columnCount())]
        for row in range(table.rowCount())
    ]


def chosen(table):
    return [index.data(Qt.ItemDataRole.UserRole) for index in table.selectionModel().selectedRows()]


def test_the_menu_of_view_data_opens_it_and_the_check_is_a_task(page, patience):
    (action,) = [
        action
        for action in page.more_button.menu().actions()
        if action.objectName() == "insarhubCheckForecast"
    ]
    assert page.more_button.isEnabled()
    action.trigger()
    dialog = page._forecast
    assert dialog.is_running
    assert [run.title for run in page._context.runs] == ["Check the forecast of valley é"]
    assert not dialog.table_button.isEnabled()
    patience.waitUntil(lambda: not dialog.is_running)
    assert "10 pairs compared: rank correlation 0.96" in dialog.summary.text()
    assert page.open_forecast() is dialog


def test_figures_and_pairs_say_what_the_chart_shows(dialog):
    figures = texts(dialog.figures)
    assert [row[0] for row in figures] == [
        "Coherence maps",
        "Land cover",
        "Latitude",
        "Combined",
        "Temporal baseline",
    ]
    assert [row[1] for row in figures] == [str(PAIRS)] * 5
    assert figures[0][2:] == figures[3][2:]
    assert figures[0][4].startswith("+")
    pairs = texts(dialog.pairs)
    assert len(pairs) == PAIRS
    assert pairs[0][:2] == ["2021-01-04 → 2021-01-16", "12"]
    forecasts = dialog.chart._forecasts
    assert [forecast.name for forecast in forecasts] == [
        "Coherence maps",
        "Land cover",
        "Latitude",
        "Combined",
    ]
    for row in range(PAIRS):
        pair = dialog.pairs.item(row, 0).data(Qt.ItemDataRole.UserRole)
        assert float(pairs[row][4]) == pytest.approx(forecasts[0].predicted[pair], abs=6e-4)
        assert float(pairs[row][7]) == pytest.approx(forecasts[0].observed[pair], abs=6e-4)
        difference = float(pairs[row][9].replace("−", "-"))
        assert difference == pytest.approx(
            forecasts[3].predicted[pair] - forecasts[3].observed[pair], abs=6e-4
        )


def test_forecasts_differ_in_shape_and_in_colour(dialog):
    styles = [forecast.style for forecast in dialog.chart._forecasts]
    assert len({style.marker for style in styles}) == len({style.colour for style in styles}) == 4
    assert all(not box.icon().isNull() for box in dialog.boxes.values())


def test_hovering_names_the_pair_and_a_click_chooses_it_in_the_table(dialog):
    pair = 4
    place = place_of(dialog, LATITUDE, pair)
    QTest.mouseMove(dialog.chart, place)
    assert dialog.chart.pair_at(*_matplotlib(dialog, place)) == (2, pair)
    row = dialog._answer["pairs"][pair]
    wanted = f"{row['reference_date']} → {row['secondary_date']}, {row['dt_days']} d, Latitude: expected"
    QTest.qWait(20)
    assert dialog.hover.text().startswith(wanted)
    QTest.mouseClick(dialog.chart, Qt.MouseButton.LeftButton, pos=place)
    assert chosen(dialog.pairs) == [pair]
    assert dialog.chart.selected == pair


def _matplotlib(dialog, place):
    ratio = dialog.chart.device_pixel_ratio
    return place.x() * ratio, (dialog.chart.height() - place.y()) * ratio


def test_far_from_every_pair_nothing_is_named_or_chosen(dialog):
    QTest.mouseMove(dialog.chart, QPoint(3, 3))
    QTest.qWait(20)
    assert dialog.hover.text() == ""
    QTest.mouseClick(dialog.chart, Qt.MouseButton.LeftButton, pos=QPoint(3, 3))
    assert chosen(dialog.pairs) == []


def test_a_row_of_the_table_is_marked_in_the_chart(dialog, patience):
    dialog.pairs.setFocus()
    QTest.keyClick(dialog.pairs, Qt.Key.Key_Home, Qt.KeyboardModifier.ControlModifier)
    dialog.pairs.setCurrentCell(2, 0)
    (pair,) = chosen(dialog.pairs)
    assert dialog.chart.selected == pair
    patience.waitUntil(lambda: any(line.get_markersize() == 19 for line in dialog.chart._axes.lines))
    (ring, *_) = [line for line in dialog.chart._axes.lines if line.get_markersize() == 19]
    assert ring.get_xdata() == pytest.approx(dialog.chart._forecasts[0].predicted[pair])
    assert dialog.hover.text().startswith(dialog.pairs.item(2, 0).text())


def test_arrow_keys_go_through_the_pairs_in_order_of_the_forecast(dialog):
    seen = []
    for _ in range(PAIRS + 2):
        QTest.keyClick(dialog.chart, Qt.Key.Key_Right)
        seen += chosen(dialog.pairs)
    predicted = dialog.chart._forecasts[0].predicted[seen]
    assert sorted(set(seen)) == list(range(PAIRS))
    assert np.all(np.diff(predicted) >= 0)
    QTest.keyClick(dialog.chart, Qt.Key.Key_Left)
    assert chosen(dialog.pairs) == [seen[PAIRS - 2]]


def test_choosing_forecasts_and_the_quantity(dialog, patience):
    for key in (COHERENCE_MAPS, LAND, COMBINED):
        dialog.boxes[key].click()
    assert [forecast.name for forecast in dialog.chart._forecasts] == ["Latitude"]
    dialog.quantity_box.setCurrentIndex(1)
    (forecast,) = dialog.chart._forecasts
    assert forecast.predicted.max() > 1
    assert forecast.observed.max() == 100.0
    # One more decimal would be more than scores have.
    assert [len(row[5].partition(".")[2]) for row in texts(dialog.figures)[:-1]] == [1] * 4
    dialog.select_pair(0)
    assert "Combined: score" in dialog.hover.text()
    patience.waitUntil(lambda: dialog.chart._axes.get_xlabel() == "Predicted score")
    dialog.boxes[LATITUDE].click()
    patience.waitUntil(lambda: dialog.chart._axes is None)
    assert dialog.chart.figure.axes[0].texts[0].get_text() == "Choose a forecast above to see its pairs."
    QTest.mouseMove(dialog.chart, QPoint(100, 100))


def test_the_table_sorts_by_value(dialog):
    dialog.pairs.sortByColumn(9, Qt.SortOrder.AscendingOrder)
    values = [float(row[9].replace("−", "-")) for row in texts(dialog.pairs)]
    assert values == sorted(values)
    dialog.select_pair(3)
    assert chosen(dialog.pairs) == [3]


def test_the_table_goes_to_the_clipboard(dialog):
    dialog.pairs.setFocus()
    QTest.keyClick(dialog.pairs, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QApplication.clipboard().text().splitlines()
    assert lines[0].startswith("Pair\tDays\t")
    assert len(lines) == 1 + PAIRS


@pytest.mark.parametrize("ending", ["csv", "png", "svg"])
def test_table_and_picture_are_written(dialog, iface, tmp_path, ending):
    path = tmp_path / f"out.{ending}"
    dialog.export_to(path)
    assert str(path) in iface.texts()
    if ending == "csv":
        text = path.read_text(encoding="utf-8")
        rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
        assert len(rows) == PAIRS
        assert float(rows[0]["expected_s1_pixel"]) - float(rows[0]["observed"]) == pytest.approx(
            float(rows[0]["difference"]), abs=2e-6
        )
        assert "# combined: count 10, rank_correlation 0.96" in text
    elif ending == "png":
        image = QImage(str(path))
        assert (image.width(), image.height()) == (1500, 1100)
        assert image.pixelColor(2, 2) == QColor("#ffffff")
    else:
        assert "Combined" in path.read_text(encoding="utf-8") or path.read_bytes().startswith(b"<?xml")


def test_a_place_that_cannot_be_written_is_told(dialog, iface, tmp_path):
    dialog.export_to(tmp_path / "nowhere" / "out.png")
    assert "could not be written" in iface.texts()


def test_it_follows_the_theme(dialog, patience):
    application = QApplication.instance()
    before = application.palette()
    dark = QPalette(before)
    dark.setColor(QPalette.ColorRole.Base, QColor("#202326"))
    dark.setColor(QPalette.ColorRole.Text, QColor("#eeeeee"))
    try:
        application.setPalette(dark)
        patience.waitUntil(lambda: dialog.chart.figure.get_facecolor()[0] < 0.2)
        label = dialog.chart._axes.xaxis.label
        assert label.get_color() == "#eeeeee"
    finally:
        application.setPalette(before)


def test_a_fault_is_said_in_the_window_and_can_be_tried_again(dock, engine, forecast_job, page, patience):
    hidden = forecast_job / "insarhub_config.json"
    text = hidden.read_text(encoding="utf-8")
    hidden.write_text("{}", encoding="utf-8")
    dialog = page.open_forecast()
    patience.waitUntil(lambda: not dialog.is_running)
    assert "no area of interest" in dialog._message.text()
    assert not dialog.table_button.isEnabled()
    hidden.write_text(text, encoding="utf-8")
    dialog.again_button.click()
    patience.waitUntil(lambda: not dialog.is_running)
    assert dialog.pairs.rowCount() == PAIRS


def test_a_cancel_ends_the_check_and_closing_cancels(page, patience):
    dialog = page.open_forecast()
    dialog._cancel_button.click()
    assert not dialog._cancel_button.isEnabled()
    patience.waitUntil(lambda: not dialog.is_running)
    assert dialog._message.text() == "The check was cancelled."
    dialog.again_button.click()
    assert dialog.is_running
    dialog.close()
    patience.waitUntil(lambda: not page._context.runs)
    assert dialog._answer == {}


def test_without_products_there_is_nothing_to_open(dock, engine, tmp_path, patience):
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / "insarhub_config.json").write_text("{}", encoding="utf-8")
    dock.show_page("products", folder)
    page = dock.page("products")
    patience.waitUntil(lambda: "no product zips" in page.message.text())
    assert not page.more_button.isEnabled()


def test_what_is_missing_and_left_out_is_said(page, forecast_job, patience):
    shutil.rmtree(forecast_job / "decay_maps")
    zips = sorted(forecast_job.glob("*.zip"))
    zips[0].write_bytes(zips[0].read_bytes()[:500])
    dialog = page.open_forecast()
    patience.waitUntil(lambda: not dialog.is_running)
    assert "What to keep in mind" in dialog.remarks.toPlainText()
    assert "There are no decay maps" in dialog.remarks.toPlainText()
    assert "Products left out: 1." in dialog.remarks.toPlainText()
    assert not dialog.boxes[COHERENCE_MAPS].isVisible()
    assert dialog.pairs.rowCount() == PAIRS - 1

# SPDX-License-Identifier: GPL-2.0-or-later
"""The page of the decay maps against the sandbox: fetching, faults, layers, derived maps, and both hemispheres."""

from __future__ import annotations

import json
import os
import shutil
import urllib.request

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsApplication, QgsPointXY, QgsProject
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication

from insarhub_qgis.core.decay_map_files import BAND_DESCRIPTIONS, SEASONS, decay_map_file
from insarhub_qgis.core.requests import FetchDecayMaps
from insarhub_qgis.gui.decay_forms import SHARE, SHARE_DAYS
from insarhub_qgis.gui.dock import USABLE_WIDTH_PX
from insarhub_qgis.host import engine_environment
from insarhub_qgis.host.endpoints import endpoints
from insarhub_qgis.host.engine_process import run_engine
from insarhub_qgis.host.settings import settings
from insarhub_qgis.layers.decay_layers import find_decay_layer
from insarhub_qgis.layers.styles import shown_range
from tests.makers.decay_jobs import CANADA, CHILE, SEA, write_area, write_decay_job
from tests.makers.engine_python import find_engine_python
from tests.makers.sandbox_server import running_sandbox

gdal.UseExceptions()
G_INF, G_0, TAU = BAND_DESCRIPTIONS
TILES = "/s3/sentinel-1-global-coherence-earthbigdata/data/tiles"
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def sandbox(qgis_app):
    python = find_engine_python()
    if python is None:
        pytest.skip("no engine environment: run make setup")
    with running_sandbox(python) as url:
        yield url


@pytest.fixture(autouse=True)
def _use_sandbox(sandbox, engine, patience):
    settings().use_sandbox.setValue(True)
    settings().sandbox_url.setValue(sandbox)
    yield
    steer(sandbox, "reset")
    # A reading that goes on when Python ends takes the process down.
    patience.waitUntil(lambda: QgsApplication.taskManager().countActiveTasks() == 0)


@pytest.fixture(scope="module")
def fetched(sandbox, tmp_path_factory):
    """A job with the maps of all seasons, made once."""
    settings().use_sandbox.setValue(True)
    settings().sandbox_url.setValue(sandbox)
    before = os.environ.get(engine_environment.OVERRIDE_VARIABLE)
    os.environ[engine_environment.OVERRIDE_VARIABLE] = str(find_engine_python())
    folder = write_decay_job(tmp_path_factory.mktemp("decay") / "fetched")
    run_engine(FetchDecayMaps(job_folder=str(folder), endpoints=endpoints().to_json()))
    if before is None:
        del os.environ[engine_environment.OVERRIDE_VARIABLE]
    return folder


@pytest.fixture
def job(fetched, tmp_path):
    """A copy of the job with maps, free to be changed."""
    folder = tmp_path / "arbeit ü" / "canada"
    shutil.copytree(fetched, folder)
    return folder


def steer(url, what, **values):
    request = urllib.request.Request(
        f"{url}/_sandbox/{what}",
        json.dumps(values).encode("utf-8"),
        {"Content-Type": "application/json"},
        method="POST",
    )
    urllib.request.urlopen(request, timeout=60).close()


def open_page(dock, folder, patience):
    dock.show_page("decay", folder)
    page = dock.page("decay")
    patience.waitUntil(lambda: not page._reading.is_running)
    return page


def run_to_the_end(dock, page, patience):
    """Wait until what was started has ended and its files are read."""
    patience.waitUntil(lambda: not dock.context.runs)
    patience.waitUntil(lambda: not page._reading.is_running)


def click(widget):
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def bands_of(folder, season):
    values = gdal.Open(str(decay_map_file(folder, season, "vv"))).ReadAsArray().astype(np.float64)
    return np.where(values == -9999, np.nan, values)


def layer_names():
    return sorted(layer.name() for layer in QgsProject.instance().mapLayers().values())


def pressed(page):
    return [(season, kind) for season in SEASONS for kind in BAND_DESCRIPTIONS
            if (button := page.table.button(season, kind)) is not None and button.isChecked()]  # fmt: skip


# --- Fetching ---


def test_fetch_fills_the_page_and_later_openings_need_no_network(dock, tmp_path, patience, sandbox, iface):
    folder = write_decay_job(tmp_path / "canada")
    page = open_page(dock, folder, patience)
    assert [page.table.word(season) for season in SEASONS] == ["not fetched yet"] * 4
    assert page.intro.isVisible() and not page.derived_box.isVisible()
    assert (page.fetch_button.text(), page.fetch_button.isDefault()) == ("&Fetch", True)
    click(page.fetch_button)
    assert not page.fetch_button.isEnabled()
    assert page.table.word("winter") == "fetching…"
    run_to_the_end(dock, page, patience)
    assert iface.texts() == ""
    for season in SEASONS:
        for values, kind in zip(bands_of(folder, season), BAND_DESCRIPTIONS):
            button = page.table.button(season, kind)
            median = float(button.text().split("\n")[0].removesuffix(" d"))
            assert median == pytest.approx(np.nanmedian(values), abs=0.51 if kind == TAU else 0.006)
    low, high = np.nanmin(bands_of(folder, "fall")[0]), np.nanmax(bands_of(folder, "fall")[0])
    assert page.table.button("fall", G_INF).text().split("\n")[1] == f"{low:.2f}–{high:.2f}"
    assert "Kellndorfer et al. 2022" in page.source.text() and "CC BY 4.0" in page.source.text()
    assert "Simulated by the sandbox" in page.source.text() and "90 m" in page.source.text()
    assert (page.fetch_button.text(), page.fetch_button.isDefault()) == ("&Fetch Again", False)

    settings().sandbox_url.setValue(NOWHERE)
    dock.show_page("home")
    again = open_page(dock, folder, patience)
    assert again.table.button("summer", TAU) is not None
    assert not dock.context.runs and iface.texts() == ""


def test_without_network_each_season_says_so_and_nothing_is_stored(dock, tmp_path, patience, iface):
    folder = write_decay_job(tmp_path / "canada")
    settings().sandbox_url.setValue(NOWHERE)
    page = open_page(dock, folder, patience)
    click(page.fetch_button)
    run_to_the_end(dock, page, patience)
    assert [page.table.word(season) for season in SEASONS] == ["failed: no connection"] * 4
    assert "127.0.0.1 cannot be reached" in iface.texts()
    assert page.fetch_button.isEnabled() and page.fetch_button.text() == "&Fetch"
    assert not list(folder.glob("decay_maps/*.tif"))


def test_a_season_that_fails_hides_no_other_and_comes_with_the_next_fetch(
    dock, tmp_path, patience, sandbox, iface
):
    folder = write_decay_job(tmp_path / "canada")
    steer(sandbox, "fault", route=f"{TILES}/N55W121/N55W121_spring", status=403, times=50)
    page = open_page(dock, folder, patience)
    click(page.fetch_button)
    run_to_the_end(dock, page, patience)
    assert page.table.word("spring") == "failed: the server refused"
    assert page.table.button("winter", TAU) is not None and page.table.button("fall", TAU) is not None
    assert "Mar–May" in iface.texts()
    assert page.state.text() == "3 of 4 seasons"
    steer(sandbox, "reset")
    untouched = decay_map_file(folder, "winter", "vv").stat().st_mtime_ns
    click(page.fetch_button)
    run_to_the_end(dock, page, patience)
    assert page.table.button("spring", TAU) is not None
    assert decay_map_file(folder, "winter", "vv").stat().st_mtime_ns == untouched


def test_an_area_at_sea_has_no_map_and_is_told_apart_from_a_failure(dock, tmp_path, patience):
    page = open_page(dock, write_decay_job(tmp_path / "sea", SEA), patience)
    for season in ("spring", "summer", "fall"):
        page.season_boxes[season].setChecked(False)
    click(page.fetch_button)
    run_to_the_end(dock, page, patience)
    assert page.table.word("winter") == "no data in the area"
    assert page.table.word("summer") == "not fetched yet"


def test_cancel_keeps_what_is_there_and_the_page_usable(dock, tmp_path, patience, sandbox, iface):
    folder = write_decay_job(tmp_path / "canada")
    steer(sandbox, "fault", route=f"{TILES}/N55W121/N55W121_spring", delay_s=3.0, times=100)
    page = open_page(dock, folder, patience)
    click(page.fetch_button)
    patience.waitUntil(lambda: page.table.button("winter", TAU) is not None)
    click(dock.run_bar.cancel_button)
    run_to_the_end(dock, page, patience)
    assert "Cancelled" in iface.texts()
    assert page.table.word("spring") == "not fetched yet"
    assert page.table.button("winter", TAU) is not None
    assert page.fetch_button.isEnabled() and page.fetch_button.text() == "&Fetch"


# --- Layers ---


def test_a_band_is_a_layer_another_band_switches_it_and_a_second_click_takes_it_away(dock, job, patience):
    page = open_page(dock, job, patience)
    project = QgsProject.instance()
    click(page.table.button("summer", G_INF))
    layer = find_decay_layer(project, decay_map_file(job, "summer", "vv"))
    assert layer_names() == ["floor coherence, JJA (file: summer), VV"]
    assert (layer.renderer().inputBand(), shown_range(layer)) == (1, (0.0, 1.0))
    groups = [layer_tree_names(project.layerTreeRoot().findLayer(layer.id()))]
    assert groups == [["Decay maps", "canada", "InSARHub"]]
    assert "Kellndorfer" in layer.metadata().abstract()
    assert pressed(page) == [("summer", G_INF)]
    click(page.table.button("summer", TAU))
    assert layer_names() == ["decay time, JJA (file: summer), VV [d]"]
    assert (layer.renderer().inputBand(), shown_range(layer)) == (3, (2.0, 100.0))
    click(page.table.button("winter", G_0))
    assert pressed(page) == [("winter", G_0), ("summer", TAU)]
    click(page.table.button("summer", TAU))
    assert layer_names() == ["initial coherence, DJF (file: winter), VV"]
    # No statistics were computed for the layer: they would lie beside the maps.
    assert not list((job / "decay_maps").glob("*.aux.xml"))


def layer_tree_names(node):
    names = []
    while node.parent() is not None and node.parent().name():
        node = node.parent()
        names.append(node.name())
    return names


def test_buttons_follow_the_layer_tree(dock, job, patience):
    page = open_page(dock, job, patience)
    project = QgsProject.instance()
    click(page.table.button("fall", G_0))
    node = project.layerTreeRoot().findLayer(
        find_decay_layer(project, decay_map_file(job, "fall", "vv")).id()
    )
    node.setItemVisibilityChecked(False)
    patience.waitUntil(lambda: pressed(page) == [])
    click(page.table.button("fall", G_0))
    assert node.isVisible() and pressed(page) == [("fall", G_0)]
    project.removeMapLayer(node.layerId())
    patience.waitUntil(lambda: pressed(page) == [])
    assert not page.cursor_value.isVisible()


def test_a_saved_project_brings_its_layers_back(dock, job, patience, tmp_path):
    page = open_page(dock, job, patience)
    project = QgsProject.instance()
    click(page.table.button("spring", TAU))
    assert project.write(str(tmp_path / "work.qgz"))
    project.clear()
    patience.waitUntil(lambda: pressed(page) == [])
    assert project.read(str(tmp_path / "work.qgz"))
    patience.waitUntil(lambda: pressed(page) == [("spring", TAU)])
    click(page.table.button("spring", TAU))
    assert layer_names() == []


def test_the_cursor_reads_all_bands_of_each_season_shown(dock, job, patience, iface):
    page = open_page(dock, job, patience)
    click(page.table.button("winter", G_INF))
    click(page.table.button("summer", TAU))
    raster = gdal.Open(str(decay_map_file(job, "winter", "vv")))
    west, step, _, north, _, down = raster.GetGeoTransform()
    row, col = np.argwhere(np.isfinite(bands_of(job, "winter")[0]))[0]
    place = QgsPointXY(west + (col + 0.5) * step, north + (row + 0.5) * down)
    iface.canvas.xyCoordinates.emit(place)
    g_inf, g0, tau = bands_of(job, "winter")[:, row, col]
    days = f"{tau:.0f}" if tau >= 9.95 else f"{tau:.1f}"
    expected = f"Winter: g∞ {g_inf:.2f} · g₀ {g0:.2f} · τ {days} d"
    patience.waitUntil(lambda: page.cursor_value.text().split("\n")[0] == expected)
    assert page.cursor_value.text().split("\n")[1].startswith("Summer: g∞ ")
    # In QGIS the layer tree tells the canvas.
    iface.canvas.setLayers([find_decay_layer(QgsProject.instance(), decay_map_file(job, "summer", "vv"))])
    iface.canvas.xyCoordinates.emit(place)
    patience.waitUntil(lambda: dock.footer.text().startswith("decay time"))
    assert dock.footer.text().endswith("JJA (file: summer)")
    iface.canvas.xyCoordinates.emit(QgsPointXY(west - 1, north))
    patience.waitUntil(lambda: page.cursor_value.text().startswith("Winter: no data here"))


def test_the_legend_is_one_for_all_seasons(dock, job, patience):
    page = open_page(dock, job, patience)
    assert page.legend.texts() == ["Coherence 0 1", "Decay time 2 d ≥ 100 d"]


# --- Hemispheres, other makers, other areas ---


def test_south_of_the_equator_june_is_in_summer_as_in_the_files(dock, tmp_path, patience):
    folder = write_decay_job(tmp_path / "chile", CHILE)
    page = open_page(dock, folder, patience)
    for season in ("winter", "spring", "fall"):
        page.season_boxes[season].setChecked(False)
    click(page.fetch_button)
    run_to_the_end(dock, page, patience)
    raster = gdal.Open(str(decay_map_file(folder, "summer", "vv")))
    assert raster.GetMetadataItem("MONTHS") == "6,7,8"
    assert page.table.button("summer", TAU).accessibleName().startswith("Summer, Jun–Aug")
    heads = {label.text(): label.toolTip() for label in page.table._row_widgets if hasattr(label, "toolTip")}
    head, tip = next((text, tip) for text, tip in heads.items() if "Summer" in text)
    # In a narrow dock the months stand below the name.
    assert "<b>Summer</b>" in head and "Jun–Aug" in head
    assert "June, July, August" in tip and "“summer”" in tip
    assert "South of the equator: go by the months" in page.note.text()
    assert "about 1 km" not in page.source.text()


def without_tags(path):
    """The map as another program leaves it: no tags of ours."""
    source = gdal.Open(str(path))
    values, transform, crs = source.ReadAsArray(), source.GetGeoTransform(), source.GetProjection()
    source = None
    target = gdal.GetDriverByName("GTiff").Create(
        str(path), values.shape[2], values.shape[1], 3, gdal.GDT_Float32
    )
    target.SetGeoTransform(transform)
    target.SetProjection(crs)
    for number, band in enumerate(values, 1):
        target.GetRasterBand(number).SetNoDataValue(-9999)
        target.GetRasterBand(number).WriteArray(band)
    target = None


def test_maps_made_by_insarhub_are_used_and_warned_of_in_the_south(dock, job, tmp_path, patience):
    without_tags(decay_map_file(job, "winter", "vv"))
    page = open_page(dock, job, patience)
    assert page.table.button("winter", TAU) is not None
    assert "made by InSARHub" in page.source.text() and not page.note.isVisible()
    assert page.forms.make_buttons["longest_baseline"].isEnabled()
    south = write_decay_job(tmp_path / "south", CHILE)
    shutil.copytree(job / "decay_maps", south / "decay_maps")
    for path in (south / "decay_maps").glob("*.tif"):
        if "winter" not in path.name:
            path.unlink()
    raster = gdal.Open(str(decay_map_file(south, "winter", "vv")), gdal.GA_Update)
    raster.SetGeoTransform((-70.5, 0.005, 0, -33.2, 0, -0.005))
    raster = None
    page = open_page(dock, south, patience)
    assert "another half of the year" in page.note.text() and "Dec–Feb" in page.note.text()


def test_maps_of_another_area_are_outdated_until_they_are_fetched_again(dock, job, patience):
    write_area(job, CANADA.replace("54.1", "54.05"))
    page = open_page(dock, job, patience)
    assert page.note.text().startswith("Outdated: Dec–Feb, Mar–May, Jun–Aug, Sep–Nov.")
    assert "another area" in page.note.text()
    assert not page.forms.make_buttons["best_season"].isEnabled()
    assert page.fetch_button.text() == "&Fetch"
    click(page.table.button("summer", TAU))
    layer = find_decay_layer(QgsProject.instance(), decay_map_file(job, "summer", "vv"))
    before = layer.extent().height()
    click(page.fetch_button)
    run_to_the_end(dock, page, patience)
    assert not page.note.isVisible()
    assert page.forms.make_buttons["best_season"].isEnabled()
    # The layer on the map shows the new file.
    assert layer.extent().height() == pytest.approx(before / 2, rel=0.1)
    assert (pressed(page), layer.renderer().inputBand()) == ([("summer", TAU)], 3)


def test_simulated_maps_are_outdated_where_real_ones_are_wanted(dock, job, patience):
    settings().use_sandbox.setValue(False)
    page = open_page(dock, job, patience)
    assert "simulated coherence of the sandbox" in page.note.text()


def test_a_damaged_map_is_named_and_hides_no_other(dock, job, patience):
    decay_map_file(job, "fall", "vv").write_bytes(b"no raster")
    page = open_page(dock, job, patience)
    assert "S1_coherence_decay_fall_vv.tif" in page.note.text()
    assert page.table.button("fall", TAU) is None and page.table.button("spring", TAU) is not None
    assert page.fetch_button.text() == "&Fetch"


# --- Derived maps ---


def make(dock, page, quantity, patience):
    click(page.forms.buttons[quantity])
    click(page.forms.make_buttons[quantity])
    run_to_the_end(dock, page, patience)


def test_derived_maps_come_on_the_map_and_are_there_at_the_next_opening(dock, job, patience, iface):
    page = open_page(dock, job, patience)
    page.forms.days.setValue(24)
    page.forms.season.setCurrentIndex(page.forms.season.findData("summer"))
    make(dock, page, "expected_coherence", patience)
    page.forms.of_dates.setChecked(True)
    page.forms.first.setCurrentIndex(page.forms.first.findText("2020-02-11"))
    page.forms.second.setCurrentIndex(page.forms.second.findText("2020-03-06"))
    click(page.forms.make_buttons["expected_coherence"])
    run_to_the_end(dock, page, patience)
    make(dock, page, "longest_baseline", patience)
    make(dock, page, "best_season", patience)
    make(dock, page, "network_coherence", patience)
    assert iface.texts() == ""
    assert layer_names() == [
        "best season after 12 d",
        "expected coherence 2020-02-11 to 2020-03-06",
        "expected coherence after 24 d, JJA (file: summer)",
        "longest temporal baseline for coherence 0.3, DJF (file: winter) [d]",
        "mean expected coherence of 6 pairs",
    ]
    values = gdal.Open(str(job / "decay_maps" / "expected_coherence_summer_24d.tif")).ReadAsArray()
    g_inf, g0, tau = bands_of(job, "summer")
    expected = g_inf + (g0 - g_inf) * np.exp(-24 / tau)
    np.testing.assert_allclose(np.where(values == -9999, np.nan, values), expected, atol=1e-5)
    assert page.legend.texts()[2:] == [
        "Longest baseline 0 d ≥ 365 d",
        "Best season Dec–Feb Mar–May Jun–Aug Sep–Nov",
    ]
    # All of it fits beside a scroll bar in the narrowest dock.
    assert page.table.parentWidget().minimumSizeHint().width() <= USABLE_WIDTH_PX - 30
    items = [page.list.item(row) for row in range(page.list.count())]
    assert [item.checkState() for item in items] == [Qt.CheckState.Checked] * 5
    place = page.list.visualItemRect(items[0]).center()
    QTest.mouseClick(page.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert len(layer_names()) == 4 and items[0].checkState() == Qt.CheckState.Unchecked
    QApplication.setActiveWindow(dock.window())
    page.list.setFocus()
    page.list.setCurrentRow(1)
    QTest.keyClick(page.list, Qt.Key.Key_Space)
    patience.waitUntil(lambda: len(layer_names()) == 3)
    assert items[1].checkState() == Qt.CheckState.Unchecked

    QgsProject.instance().clear()
    dock.show_page("home")
    again = open_page(dock, job, patience)
    assert again.list.count() == 5
    assert again.list.item(0).text() == "Expected coherence 2020-02-11 to 2020-03-06"
    os.utime(decay_map_file(job, "fall", "vv"))
    again = open_page(dock, job, patience)
    assert again.list.item(0).text().endswith("older than its maps")


def test_a_pair_needs_a_second_date_after_the_first(dock, job, patience):
    page = open_page(dock, job, patience)
    forms = page.forms
    click(forms.buttons["expected_coherence"])
    forms.of_dates.setChecked(True)
    assert forms.make_buttons["expected_coherence"].isEnabled()
    forms.first.setCurrentIndex(3)
    forms.second.setCurrentIndex(3)
    assert not forms.make_buttons["expected_coherence"].isEnabled()
    forms.after_days.setChecked(True)
    assert forms.make_buttons["expected_coherence"].isEnabled()


def test_the_usable_share_as_table_and_chart(dock, job, patience, tmp_path):
    page = open_page(dock, job, patience)
    page.forms.share_coherence.setValue(0.35)
    click(page.forms.buttons[SHARE])
    click(page.forms.make_buttons[SHARE])
    patience.waitUntil(lambda: page._dialogs)
    dialog = page._dialogs[0]
    for row, season in enumerate(SEASONS):
        g_inf, g0, tau = bands_of(job, season)
        known = np.isfinite(g_inf)
        for column, days in enumerate(SHARE_DAYS):
            share = ((g_inf + (g0 - g_inf) * np.exp(-days / tau))[known] >= 0.35).mean()
            shown = float(dialog.table.item(row, column).text().removesuffix(" %"))
            assert shown == pytest.approx(100 * share, abs=0.6)
    assert len(dialog.chart.figure.axes[0].lines) == 4
    for name in ("share.png", "share.svg", "share.csv"):
        dialog.write(tmp_path / name)
    assert (tmp_path / "share.csv").read_text("utf-8").startswith("season,6 d,12 d")
    assert (tmp_path / "share.png").read_bytes().startswith(b"\x89PNG")
    dialog.close()
    assert page._dialogs == []


# --- The way there and back ---


def test_the_way_from_the_downloader_and_back(dock, job, patience):
    dock.show_page("home")
    dock.show_page("downloader", job)
    click(dock.page("downloader").decay_button)
    assert dock.page_key == "decay"
    QApplication.setActiveWindow(dock.window())
    QTest.keyClick(dock.page("decay"), Qt.Key.Key_Escape)
    patience.waitUntil(lambda: dock.page_key == "downloader")
    dock.show_page("decay", job)
    dock.show_page("results", job)
    dock.go_back()
    assert dock.page_key == "home"
    dock.show_page("results", job)
    dock.decay_action.trigger()
    assert dock.page_key == "decay" and not dock.decay_action.isEnabled()
    dock.go_back()
    assert dock.page_key == "results"

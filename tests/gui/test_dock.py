# SPDX-License-Identifier: GPL-2.0-or-later
"""The dock: pages, job list, Back, run bar, drop, set-up, and a clean end."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from qgis.core import QgsApplication, QgsPointXY, QgsProject, QgsTask
from qgis.PyQt.QtCore import QMimeData, QPointF, Qt, QUrl
from qgis.PyQt.QtGui import QDropEvent
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication, QDockWidget, QToolBar

from insarhub_qgis.core.requests import CheckEnvironment
from insarhub_qgis.gui.dock import JOB_PAGES, USABLE_WIDTH_PX
from insarhub_qgis.host.paths import package_folder
from insarhub_qgis.host.settings import settings
from tests.gui.conftest import ALL_KINDS, write_zip
from tests.makers.hyp3_job_files import write_job_file, write_stack_file


def drop(dock, path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    event = QDropEvent(
        QPointF(20, 20),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    dock.dropEvent(event)


def home_with_jobs(dock, patience, count):
    dock.show_page("home")
    home = dock.page("home")
    patience.waitUntil(lambda: home.model.rowCount() == count, timeout=10_000)
    return home


def test_a_bad_job_is_shown_as_bad_beside_the_good_one(dock, job, patience, iface):
    bad = job.parent / "zz old"
    bad.mkdir()
    (bad / "insarhub_config.json").write_text('{"downloader": ', encoding="utf-8")
    home = home_with_jobs(dock, patience, 2)
    overviews = {job.name: job for job in home.model._jobs}
    assert overviews["valley"].problems == ()
    assert [problem.code for problem in overviews["zz old"].problems] == ["file.malformed"]
    QTest.qWait(50)
    row = next(n for n in range(2) if home.proxy.index(n, 0).data() == "zz old")
    area = home.view.visualRect(home.proxy.index(row, 0))
    place = area.bottomLeft()
    place.setX(area.left() + 60)
    place.setY(area.bottom() - 10)
    QTest.mouseClick(home.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert "insarhub_config.json" in iface.texts()


def test_a_tag_opens_its_stage_and_escape_leads_back(dock, job, patience):
    home = home_with_jobs(dock, patience, 1)
    area = home.view.job_delegate.tag_area(home.proxy.index(0, 0), "products")
    QTest.mouseClick(home.view.viewport(), Qt.MouseButton.LeftButton, pos=area.center())
    assert (dock.page_key, dock.job_folder) == ("products", job)
    QApplication.setActiveWindow(dock.window())
    QTest.keyClick(dock.page("products").tree, Qt.Key.Key_Escape)
    patience.waitUntil(lambda: dock.page_key == "home", timeout=2000)


def test_the_filter_finds_jobs_by_name(dock, job, patience):
    home = home_with_jobs(dock, patience, 1)
    QTest.keyClicks(home.filter, "vall")
    assert home.proxy.rowCount() == 1
    QTest.keyClicks(home.filter, "x")
    assert home.proxy.rowCount() == 0


def test_the_stage_line_leads_to_another_stage(dock, job, patience):
    dock.show_page("products", job)
    patience.waitUntil(
        lambda: dock.stage_line.findChild(object, "insarhubStage_products") is not None, timeout=5000
    )
    chosen = []
    dock.stage_line.page_chosen.disconnect()
    dock.stage_line.page_chosen.connect(chosen.append)
    QTest.mouseClick(dock.stage_line.findChild(object, "insarhubStage_analyzer"), Qt.MouseButton.LeftButton)
    assert chosen == ["analyzer"]


@pytest.mark.parametrize(
    "key", ["home", "setup", "search", "downloader", "decay", "processor", "products", "analyzer", "results"]
)
def test_every_page_fits_a_narrow_dock(dock, job, key):
    dock.show_page(key, job if key in JOB_PAGES else None)
    assert dock.page(key).minimumSizeHint().width() <= USABLE_WIDTH_PX - 12
    assert dock.minimumSizeHint().width() <= USABLE_WIDTH_PX
    assert (package_folder() / "help" / f"{key}.html").is_file()


def test_a_dropped_folder_of_products_becomes_a_job(dock, engine, tmp_path, patience):
    work = tmp_path / "work"
    work.mkdir()
    settings().work_directory.setValue(str(work))
    products = tmp_path / "lake" / "hyp3"
    write_zip(products, date(2021, 1, 4), date(2021, 1, 16), kinds=ALL_KINDS)
    before = sorted(path.name for path in products.iterdir())
    drop(dock, products)
    patience.waitUntil(lambda: dock.page_key == "products", timeout=20_000)
    assert dock.job_folder == work / "lake"
    assert sorted(path.name for path in products.iterdir()) == before
    patience.waitUntil(lambda: dock.page("products").proxy.rowCount() == 1, timeout=10_000)


def test_a_dropped_folder_without_zips_is_refused_with_a_sentence(dock, tmp_path, patience, iface):
    drop(dock, tmp_path)
    patience.waitUntil(lambda: "holds no zip" in iface.texts(), timeout=2000)


def test_the_run_bar_shows_the_run_and_cancel_ends_it(dock, engine, patience):
    errors = []
    dock.context.start(CheckEnvironment(), "First", lambda result: None, errors.append)
    dock.context.start(CheckEnvironment(), "Second", lambda result: None, errors.append)
    assert dock.run_bar.isVisible()
    assert dock.run_bar.label.text().startswith("Second")
    assert dock.run_bar.count.text() == "+1"
    QTest.mouseClick(dock.run_bar.cancel_button, Qt.MouseButton.LeftButton)
    patience.waitUntil(lambda: not dock.context.runs, timeout=60_000)
    assert [error.code for error in errors] == ["run.cancelled"]
    assert not dock.run_bar.isVisible()


def test_a_bare_qgis_opens_on_set_up(dock):
    dock.show_first_page()
    assert dock.page_key == "setup"
    page = dock.page("setup")
    assert page.create_button.isVisible() and not page.start_button.isVisible()
    QTest.keyClick(page, Qt.Key.Key_Escape)
    assert dock.page_key == "setup"


def test_the_check_names_each_piece(dock, engine, patience):
    dock.show_page("setup")
    page = dock.page("setup")
    patience.waitUntil(lambda: page.pieces.topLevelItemCount() > 0, timeout=60_000)
    names = {page.pieces.topLevelItem(row).text(0) for row in range(page.pieces.topLevelItemCount())}
    assert {"mintpy", "rasterio", "h5py"} <= names


def test_the_footer_gives_the_exact_pixel(dock, job, patience, iface):
    dock.show_page("products", job)
    page = dock.page("products")
    patience.waitUntil(lambda: page.proxy.rowCount() == 3, timeout=10_000)
    page.toggle(page._products.archives[0], "unw_phase")
    iface.canvas.setLayers(list(QgsProject.instance().mapLayers().values()))
    iface.canvas.setDestinationCrs(iface.canvas.layers()[0].crs())
    # Row 2, column 3; the north-west corner belongs to the pixel.
    iface.canvas.xyCoordinates.emit(QgsPointXY(480000 + 3 * 80 + 79, 2150400 - 2 * 80 - 79))
    patience.waitUntil(lambda: "23" in dock.footer.text() and "rad" in dock.footer.text(), timeout=3000)


def test_the_plugin_takes_everything_down_and_starts_again(iface, patience):
    from insarhub_qgis.plugin import InsarHubPlugin

    for _ in range(2):
        plugin = InsarHubPlugin(iface)
        plugin.initGui()
        assert QgsApplication.processingRegistry().providerById("insarhub") is not None
        assert len(iface.factories) == 1
        plugin.unload()
        plugin.unload()
        QTest.qWait(50)
        assert QgsApplication.processingRegistry().providerById("insarhub") is None
        assert iface.factories == []
        assert not iface.raster_menu.actions()
        assert not iface.window.findChildren(QToolBar)
        assert not iface.window.findChildren(QDockWidget)


def test_a_failed_start_leaves_nothing_behind(iface, monkeypatch):
    from insarhub_qgis.plugin import InsarHubPlugin

    plugin = InsarHubPlugin(iface)

    def fail(*_):
        raise RuntimeError("no options")

    monkeypatch.setattr(iface, "registerOptionsWidgetFactory", fail)
    with pytest.raises(RuntimeError, match="no options"):
        plugin.initGui()
    QTest.qWait(50)
    assert QgsApplication.processingRegistry().providerById("insarhub") is None
    assert not iface.window.findChildren(QToolBar)


def test_unload_ends_a_run_that_goes_on(iface, engine, patience):
    from insarhub_qgis.plugin import InsarHubPlugin

    plugin = InsarHubPlugin(iface)
    plugin.initGui()
    task = plugin.dock.context.start(CheckEnvironment(), "Check")
    patience.waitUntil(lambda: task.status() == QgsTask.TaskStatus.Running)
    plugin.unload()
    assert not task.isActive()


def test_manifest_and_folder_of_icons_agree():
    manifest = (package_folder().parent / "resources.qrc").read_text(encoding="utf-8")
    listed = {line.split(">")[1].split("<")[0] for line in manifest.splitlines() if "<file>" in line}
    assert listed == {
        f"insarhub_qgis/icons/{path.name}" for path in (package_folder() / "icons").glob("*.svg")
    }


def test_layers_of_a_job_are_loaded_again_when_a_run_changed_it(dock, job, monkeypatch):
    from insarhub_qgis.layers import result_layers

    seen = []
    monkeypatch.setattr(
        result_layers, "refresh_result_layers", lambda project, folder: seen.append(folder) or []
    )
    dock.context.job_changed.emit(job)
    assert seen == [job]


def test_the_tag_of_the_processor_opens_its_jobs_or_the_products(dock, job, patience, tmp_path):
    write_stack_file(job.parent / "p44_f117", 4)
    write_stack_file(job.parent / "p44_f118", 4)
    write_job_file(job.parent / "p44_f118", ["RUNNING"])
    home = home_with_jobs(dock, patience, 3)
    pages = {
        overview.name: next(mark.page_key for mark in overview.marks if mark.tag == "Hyp3_S1")
        for overview in home.model._jobs
    }
    # Products that were not ordered here have no jobs to show.
    assert pages == {"valley": "products", "p44_f117": "processor", "p44_f118": "processor"}
    best = {overview.name: overview.best_page for overview in home.model._jobs}
    assert best == {"valley": "products", "p44_f117": "downloader", "p44_f118": "processor"}


def test_a_job_leads_to_its_product_in_view_data(dock, job, patience):
    dock.show_page("processor", job)
    name = sorted(path.name for path in job.glob("S1AA_*.zip") if "broken" not in path.name)[1]
    dock.page("processor").product_requested.emit(str(job), name)
    assert dock.page_key == "products"
    tree, page = dock.page("products").tree, dock.page("products")
    patience.waitUntil(lambda: tree.currentIndex().isValid() and not page._wanted, timeout=20_000)
    assert name.split("_")[1][:8] == tree.currentIndex().data()[:10].replace("-", "")

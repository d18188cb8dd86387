# SPDX-License-Identifier: GPL-2.0-or-later
"""From a small area to the price of its bursts, in pictures, inside QGIS Desktop against a sandbox; see screenshots_in_qgis.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import qgis_driver as driver
from qgis.core import QgsProject
from qgis.PyQt.QtCore import Qt
from screenshots_hyp3 import AREA, NARROW_PX, WIDE_PX, Stage, running_sandbox
from screenshots_network import open_group, show_world, write_date

#: All bursts that the sandbox has of a path.
LARGE_AREA = "POLYGON((-2.8 37.2,-0.8 37.2,-0.8 38.1,-2.8 38.1,-2.8 37.2))"
CHECK_TAB, PAIRS_TAB, PRICES_TAB = range(3)


def take(stage: Stage) -> None:
    """Search bursts, add them as a job, see their price; then the same area by whole scenes."""
    from insarhub_qgis.host.settings import settings

    context = stage.plugin.dock.context
    with running_sandbox() as url:
        settings().sandbox_url.setValue(url)
        settings().use_sandbox.setValue(True)
        context.services_changed.emit()
        try:
            stage.work.mkdir(parents=True, exist_ok=True)
            show_world(stage)
            take_search(stage)
            take_order(stage, add_job(stage, "bursts"), "process-bursts")
            take_too_many(stage)
            search(stage, AREA, is_burst=False)
            take_order(stage, add_job(stage, "scenes"), "process-scenes-of-small-area")
        finally:
            QgsProject.instance().clear()
            context.turn_sandbox_off()
            settings().work_directory.setValue(str(stage.work.parent))
            stage.dock_width(WIDE_PX)
            stage.plugin.dock.show_page("home")


def take_search(stage: Stage) -> None:
    page = fill(stage, AREA, is_burst=True)
    open_group(page.filters)
    stage.settle()
    stage.shoot("search-bursts-filters")
    stage.dock_width(NARROW_PX)
    stage.shoot("search-bursts-filters-narrow")
    stage.dock_width(WIDE_PX)
    open_group(page.filters)
    run_search(stage, page)
    stage.shoot("search-bursts")
    stage.dock_width(NARROW_PX)
    stage.shoot("search-bursts-narrow")
    stage.dock_width(WIDE_PX)
    driver.click(page.days.viewport(), page.days.visualRect(page.days.model().index(3, 0)).center())
    page.tabs.setCurrentWidget(page.detail)
    stage.settle(1.0)
    stage.shoot("search-bursts-pass")
    page.tabs.setCurrentWidget(page.days)


def take_too_many(stage: Stage) -> None:
    search(stage, LARGE_AREA, is_burst=True)
    stage.shoot("search-bursts-too-many")


def fill(stage: Stage, area: str, *, is_burst: bool) -> Any:
    """Fill the form of a search."""
    stage.plugin.dock.show_page("search")
    page = stage.plugin.dock.page("search")
    page.form.setCollapsed(False)
    page.area.set_wkt(area)
    write_date(page.start, "2020-01-01")
    write_date(page.end, "2020-12-31")
    page.filters.paths.setText("103")
    page.filters.product.setCurrentIndex(1 if is_burst else 0)
    stage.settle()
    return page


def run_search(stage: Stage, page: Any) -> None:
    before = page.answer.searched_at
    driver.click(page.search_button)
    stage.wait_until(lambda: page.answer.searched_at != before and page._task is None, "the answer")
    stage.settle(2.0)


def search(stage: Stage, area: str, *, is_burst: bool) -> None:
    run_search(stage, fill(stage, area, is_burst=is_burst))


def add_job(stage: Stage, name: str) -> Path:
    """Make a job of the first stack, with a network."""
    from insarhub_qgis.core.network_files import load_network
    from insarhub_qgis.core.pair_selection import select_for
    from insarhub_qgis.core.selection_parameters import SelectionParameters
    from insarhub_qgis.host.settings import settings

    dock = stage.plugin.dock
    work = stage.work / name
    work.mkdir()
    settings().work_directory.setValue(str(work))
    page = dock.page("search")
    page.stacks.select_rows(lambda row: row is page.stacks_model.rows[0])
    page._on_stacks_selected()
    driver.click(page.add_button)
    stage.wait_until(lambda: dock.page_key == "downloader", "the job")
    job = dock.job_folder
    opened = load_network(job)
    opened.network.apply_selection(select_for(opened.network, SelectionParameters()))
    opened.save()
    dock.context.job_changed.emit(job)
    downloader = dock.page("downloader")
    stage.wait_until(lambda: downloader.facts.pair_count > 0, "the pairs of the job")
    stage.settle(1.0)
    if name == "bursts":
        stage.shoot("downloader-bursts")
    return job


def take_order(stage: Stage, job: Path, name: str) -> None:
    dialog = stage.plugin.dock.context.open_process(job)
    stage.wait_until(lambda: dialog.plan is not None and dialog.card.lines, "the plan")
    stage.settle(1.5)
    stage.shoot(f"{name}-check", dialog)
    dialog.tabs.setCurrentIndex(PRICES_TAB)
    stage.shoot(f"{name}-prices", dialog)
    dialog.tabs.setCurrentIndex(PAIRS_TAB)
    dialog.table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
    stage.shoot(f"{name}-pairs", dialog)
    dialog.close()

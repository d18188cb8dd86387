# SPDX-License-Identifier: GPL-2.0-or-later
"""Pictures of the decay maps, inside QGIS Desktop against a sandbox of its own; see screenshots_in_qgis.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import QgsProject
from qgis.gui import QgsMapCanvas
from screenshots_hyp3 import NARROW_PX, WIDE_PX, Stage, make_job, running_sandbox

#: Around the simulated stack, and in the Andes of central Chile.
SPAIN = "POLYGON((-2.1 37.3,-1.4 37.3,-1.4 37.9,-2.1 37.9,-2.1 37.3))"
CHILE = "POLYGON((-70.9 -33.8,-70.2 -33.8,-70.2 -33.2,-70.9 -33.2,-70.9 -33.8))"


def take(stage: Stage) -> None:
    """Fetch, show and evaluate the maps of a job in the north and of one in the south."""
    from insarhub_qgis.core.job_folder import JobFolder
    from insarhub_qgis.host.settings import settings

    context = stage.plugin.dock.context
    with running_sandbox() as url:
        settings().sandbox_url.setValue(url)
        settings().use_sandbox.setValue(True)
        context.services_changed.emit()
        try:
            job = make_job(stage.work)
            JobFolder(job).write_config_section("downloader", {"config": {"intersectsWith": SPAIN}})
            take_maps(stage, job)
            take_derived(stage, job)
            southern = stage.work / "maipo_p83"
            southern.mkdir()
            section = {"type": "S1_SLC", "config": {"intersectsWith": CHILE, "relativeOrbit": 83}}
            JobFolder(southern).write_config_section("downloader", section)
            take_south(stage, southern)
        finally:
            QgsProject.instance().clear()
            context.turn_sandbox_off()
            stage.dock_width(WIDE_PX)
            stage.plugin.dock.show_page("home")


def take_maps(stage: Stage, job: Path) -> None:
    dock = stage.plugin.dock
    dock.show_page("downloader", job)
    stage.settle(1.0)
    stage.shoot("decay-way")
    page = open_page(stage, job)
    stage.shoot("decay-empty")
    fetch(stage, page)
    page.table.button("summer", "gamma_inf").click()
    look_at_the_middle(stage, dock.context.canvas())
    stage.shoot("decay")
    page.table.button("summer", "tau").click()
    page.table.button("winter", "gamma_0").click()
    stage.settle(1.0)
    stage.dock_width(NARROW_PX)
    stage.shoot("decay-narrow")
    stage.dock_width(WIDE_PX)
    for season, kind in (("summer", "tau"), ("winter", "gamma_0")):
        page.table.button(season, kind).click()


def take_derived(stage: Stage, job: Path) -> None:
    page = open_page(stage, job)
    for quantity in ("network_coherence", "best_season", "longest_baseline", "expected_coherence"):
        page.forms.buttons[quantity].click()
        page.forms.make_buttons[quantity].click()
        end_of_runs(stage, page)
        stage.settle(1.0)
        # At the end of the page, where the list is.
        page.list.scrollToBottom()
        bar = page.findChild(object, "insarhubDecayScroll").verticalScrollBar()
        bar.setValue(bar.maximum())
        stage.shoot(f"decay-{quantity.replace('_', '-')}")
        if quantity == "expected_coherence":
            stage.dock_width(NARROW_PX)
            stage.shoot("decay-derived-narrow")
            stage.dock_width(WIDE_PX)
        bar.setValue(0)
    page.forms.buttons["usable_share"].click()
    page.forms.make_buttons["usable_share"].click()
    stage.wait_until(lambda: bool(page._dialogs), "the usable share")
    stage.settle(1.0)
    dialog = page._dialogs[0]
    stage.shoot("decay-share", dialog)
    dialog.close()
    QgsProject.instance().clear()


def take_south(stage: Stage, job: Path) -> None:
    page = open_page(stage, job)
    fetch(stage, page)
    page.table.button("summer", "gamma_0").click()
    look_at_the_middle(stage, stage.plugin.dock.context.canvas())
    stage.shoot("decay-south")


def open_page(stage: Stage, job: Path) -> Any:
    stage.plugin.dock.show_page("decay", job)
    page = stage.plugin.dock.page("decay")
    stage.wait_until(lambda: page._reading is None, "the maps")
    stage.settle(0.5)
    return page


def fetch(stage: Stage, page: Any) -> None:
    page.fetch_button.click()
    end_of_runs(stage, page)


def end_of_runs(stage: Stage, page: Any) -> None:
    stage.wait_until(lambda: not stage.plugin.dock.context.runs, "the engine", 120)
    stage.wait_until(lambda: page._reading is None, "the maps")


def look_at_the_middle(stage: Stage, canvas: QgsMapCanvas) -> None:
    """Move the cursor over the map, so that its value is told."""
    stage.settle(1.5)
    canvas.xyCoordinates.emit(canvas.center())
    stage.settle(0.5)

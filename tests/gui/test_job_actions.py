# SPDX-License-Identifier: GPL-2.0-or-later
"""Job folders in the list: rename, removal to the trash only, what refuses it, and changes by other programs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from qgis.core import QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import QApplication, QMessageBox, QPushButton

from insarhub_qgis.core.atomic_files import folder_lock
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.mintpy_job import analysis_lock
from insarhub_qgis.gui.job_list import OVERVIEW_ROLE
from insarhub_qgis.host.job_files import move_job_to_trash
from insarhub_qgis.layers.layer_tree import place_layer


@pytest.fixture
def trash(tmp_path, monkeypatch):
    """A trash of the test's own, on the disk of its files."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    return tmp_path / "data" / "Trash" / "files"


@pytest.fixture
def home(dock, job, patience):
    dock.show_page("home")
    home = dock.page("home")
    patience.waitUntil(lambda: home.model.rowCount() == 1)
    return home


def names(home) -> list[str]:
    return [home.model.index(row, 0).data() for row in range(home.model.rowCount())]


def test_a_job_gets_another_name_and_keeps_its_folder(home, job, patience):
    layer = QgsVectorLayer("Point?crs=EPSG:4326", "x", "memory")
    place_layer(QgsProject.instance(), layer, job, "valley", "Scenes")
    home.actions.rename(job, " Dam of the valley ")
    patience.waitUntil(lambda: names(home) == ["Dam of the valley"])
    config = json.loads((job / "insarhub_config.json").read_text(encoding="utf-8"))
    assert config["insarhub_qgis"]["name"] == "Dam of the valley"
    assert config["processor"] == {"type": "Hyp3_S1", "config": {}}
    assert QgsProject.instance().layerTreeRoot().findGroup("Dam of the valley") is not None
    home.actions.rename(job, "")
    patience.waitUntil(lambda: names(home) == ["valley"])


def test_a_removed_job_is_in_the_trash_and_its_layers_are_gone(home, job, trash, patience, iface):
    layer = QgsVectorLayer("Point?crs=EPSG:4326", "x", "memory")
    place_layer(QgsProject.instance(), layer, job, "valley", "Scenes")
    files = sorted(path.name for path in job.iterdir())
    home.actions.remove(job, "valley")
    patience.waitUntil(lambda: names(home) == [])
    assert not job.exists()
    moved = next(trash.parent.rglob("insarhub_config.json")).parent
    assert sorted(path.name for path in moved.iterdir()) == files
    assert QgsProject.instance().mapLayers() == {}
    assert QgsProject.instance().layerTreeRoot().findGroup("InSARHub") is None
    assert "in the trash" in iface.texts()


def test_nothing_is_removed_without_a_yes(home, job, trash):
    seen = []

    def press_enter():
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        seen.append(box.text())
        box.defaultButton().click()

    QTimer.singleShot(200, press_enter)
    home.actions.ask_removal(job, "valley")
    assert "valley" in seen[0]
    assert job.is_dir()


def overview(home, job):
    (found,) = [
        found
        for row in range(home.model.rowCount())
        if (found := home.model.index(row, 0).data(OVERVIEW_ROLE)).path == job
    ]
    return found


def press(role, seen):
    """Press the button of a role in the question that opens next."""

    def act():
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        seen.append(f"{box.text()} {box.informativeText()}")
        next(button for button in box.buttons() if box.buttonRole(button) == role).click()

    QTimer.singleShot(200, act)


def damage(home, job, patience, name="insarhub_config.json"):
    (job / "stack_p0_f0.json").write_text('{"pairs": []}', encoding="utf-8")
    (job / name).write_text('{"job_ids": ', encoding="utf-8")
    home.refresh()
    patience.waitUntil(
        lambda: [problem.code for problem in overview(home, job).problems] == ["file.malformed"]
    )


@pytest.mark.parametrize(
    ("name", "lost"),
    [
        ("insarhub_config.json", "loses its name"),
        ("hyp3_jobs.json", "they are paid"),
        ("stack_p0_f0.json", "loses its scenes"),
    ],
)
def test_a_damaged_file_is_set_aside_by_the_button_of_its_message(home, job, patience, iface, name, lost):
    damage(home, job, patience, name)
    bytes_before = (job / name).read_bytes()
    home._show_problems(overview(home, job))
    (button,) = [one for one in iface.bar.findChildren(QPushButton) if one.text() == "Set Aside…"]
    seen = []
    press(QMessageBox.ButtonRole.DestructiveRole, seen)
    button.click()
    assert f"{name}.bak" in seen[0]
    assert lost in seen[0]
    patience.waitUntil(lambda: (job / f"{name}.bak").exists())
    patience.waitUntil(lambda: overview(home, job).problems == ())
    assert (job / f"{name}.bak").read_bytes() == bytes_before
    assert not (job / name).exists()
    assert f"{name} is now {name}.bak" in iface.texts()


def test_no_file_is_set_aside_without_a_yes(home, job, patience):
    damage(home, job, patience)
    (job / "insarhub_config.json.bak").write_text("of last time", encoding="utf-8")
    seen = []
    press(QMessageBox.ButtonRole.RejectRole, seen)
    home.actions.ask_new_file(job, job / "insarhub_config.json")
    assert "insarhub_config.json.bak2" in seen[0]
    assert (job / "insarhub_config.json").exists()
    assert not (job / "insarhub_config.json.bak2").exists()


@pytest.mark.parametrize("is_run", [True, False])
def test_no_file_of_a_busy_job_is_set_aside(home, job, patience, iface, is_run):
    class Running:
        job_folder = job
        title = "Preparing"

    damage(home, job, patience)
    if is_run:
        home._context.runs.append(Running())
        try:
            home.actions.ask_new_file(job, job / "insarhub_config.json")
        finally:
            home._context.runs.clear()
    else:
        with folder_lock(job, "prepare-analysis"):
            home.actions.ask_new_file(job, job / "insarhub_config.json")
    assert "is in use" in iface.texts()
    assert (job / "insarhub_config.json").exists()


def test_a_file_that_was_mended_meanwhile_stays(home, job, patience, iface):
    damage(home, job, patience)
    (job / "insarhub_config.json").write_text("{}", encoding="utf-8")
    home.actions.set_file_aside(job, job / "insarhub_config.json")
    patience.waitUntil(lambda: "can be read now" in iface.texts())
    assert (job / "insarhub_config.json").read_text(encoding="utf-8") == "{}"
    patience.waitUntil(lambda: overview(home, job).problems == ())


def test_the_menu_of_a_job_offers_its_damaged_files_alone(home, job, patience, monkeypatch):
    texts = []
    monkeypatch.setattr(
        "insarhub_qgis.gui.home_page.QMenu.exec",
        lambda menu, *_: texts.append([action.text().replace("&", "") for action in menu.actions()]),
    )

    def open_menu():
        home._show_menu(home.view.visualRect(home.proxy.index(0, 0)).center())
        return [text for text in texts[-1] if "Aside" in text]

    assert open_menu() == []
    damage(home, job, patience)
    assert open_menu() == ["Set Damaged File Aside…"]
    (job / "hyp3_jobs.json").write_text("[]", encoding="utf-8")
    # A cache is made anew by itself.
    (job / ".insarhub_cache.json").write_text("{", encoding="utf-8")
    home.refresh()
    patience.waitUntil(lambda: len(overview(home, job).problems) == 3)
    assert open_menu() == ["Set insarhub_config.json Aside…", "Set hyp3_jobs.json Aside…"]


@pytest.mark.parametrize("lock", ["job", "run"])
def test_a_job_in_use_is_not_removed(home, job, trash, iface, lock):
    holder = folder_lock(job, "prepare-analysis") if lock == "job" else analysis_lock(job)
    with holder:
        home.actions.remove(job, "valley")
        assert (job / "insarhub_config.json").is_file()
    assert "is in use" in iface.texts()


def test_a_job_that_a_run_of_this_window_works_on_is_not_removed(home, job, trash, iface):
    class Running:
        job_folder = job
        title = "Preparing"

    home._context.runs.append(Running())
    try:
        home.actions.ask_removal(job, "valley")
    finally:
        home._context.runs.clear()
    assert job.is_dir()
    assert "Preparing" in iface.texts()


def test_a_flat_job_that_holds_others_is_not_removed(job, trash):
    (job.parent / "insarhub_config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InsarError) as caught:
        move_job_to_trash(job.parent)
    assert caught.value.code == "job.holds_jobs"
    assert job.is_dir()


def test_a_disk_without_trash_keeps_the_job(job, monkeypatch):
    from insarhub_qgis.host import job_files

    monkeypatch.setattr(job_files.QFile, "moveToTrash", lambda path: (False, ""), raising=False)
    with pytest.raises(InsarError) as caught:
        move_job_to_trash(job)
    assert caught.value.code == "job.no_trash"
    assert job.is_dir()


def test_jobs_that_other_programs_make_or_take_away_are_noticed(home, job, patience):
    other = job.parent / "from elsewhere"
    shutil.copytree(job, other)
    patience.waitUntil(lambda: "from elsewhere" in names(home), timeout=5000)
    (other / "insarhub_config.json").unlink()
    (other / "new.tmp").write_text('{"insarhub_qgis": {"name": "lake"}}', encoding="utf-8")
    (other / "new.tmp").replace(other / "insarhub_config.json")
    patience.waitUntil(lambda: "lake" in names(home), timeout=5000)
    shutil.rmtree(other)
    patience.waitUntil(lambda: names(home) == ["valley"], timeout=5000)


def test_a_hidden_list_reads_nothing(dock, home, job, patience):
    dock.show_page("setup")
    reads = []
    home.refresh = lambda: reads.append(1)
    Path(job.parent / "x").mkdir()
    from qgis.PyQt.QtTest import QTest

    QTest.qWait(1300)
    assert reads == []

# SPDX-License-Identifier: GPL-2.0-or-later
"""Job folders in the list: rename, removal to the trash only, what refuses it, and changes by other programs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from qgis.core import QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import QApplication, QMessageBox

from insarhub_qgis.core.atomic_files import folder_lock
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.mintpy_job import analysis_lock
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

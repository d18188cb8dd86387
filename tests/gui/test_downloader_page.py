# SPDX-License-Identifier: GPL-2.0-or-later
"""The downloader stage: facts of a stack, the state of its network, damaged files, and the way to the editor."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest

from insarhub_qgis.gui.downloader_page import read_downloader_facts
from insarhub_qgis.host.settings import settings
from tests.makers.hyp3_job_files import write_burst_job


def granule(day: date, platform: str = "S1A") -> str:
    return f"{platform}_IW_SLC__1SDV_{day:%Y%m%d}T051234_{day:%Y%m%d}T051301_047512_05B4A1_{day.toordinal() % 65536:04X}"


def write_stack(folder, count=5, pairs=((0, 1), (1, 2), (2, 3), (3, 4)), unknown=()):
    folder.mkdir(parents=True, exist_ok=True)
    names = [granule(date(2023, 3, 5) + timedelta(days=12 * number)) for number in range(count)]
    document = {
        "pairs": [[names[first], names[second]] for first, second in pairs],
        "baselines": {name: 10.0 * number for number, name in enumerate(names) if number not in unknown},
        "scenes": names,
    }
    (folder / "stack_p44_f117.json").write_text(json.dumps(document), encoding="utf-8")
    config = {
        "downloader": {
            "type": "S1_SLC",
            "config": {
                "start": "2023-03-01",
                "end": "2023-11-30",
                "relativeOrbit": 44,
                "frame": 117,
                "flightDirection": "ASCENDING",
                "intersectsWith": "POLYGON((14.2 40.7,14.5 40.7,14.5 41,14.2 41,14.2 40.7))",
            },
        }
    }
    (folder / "insarhub_config.json").write_text(json.dumps(config), encoding="utf-8")
    return names


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "work ü" / "p44_f117"
    settings().work_directory.setValue(str(folder.parent))
    return folder


def rows_of(dock, patience):
    page = dock.page("downloader")
    patience.waitUntil(lambda: not page._reading.is_running)
    items = [page.table.topLevelItem(row) for row in range(page.table.topLevelItemCount())]
    return {item.text(0): item.text(1) for item in items}


def test_the_table_tells_the_facts_of_the_stack(dock, folder, patience):
    write_stack(folder)
    dock.show_page("downloader", folder)
    rows = rows_of(dock, patience)
    assert (rows["Start"], rows["End"]) == ("2023-03-01", "2023-11-30")
    assert (rows["Path"], rows["Frame"], rows["Direction"]) == ("44", "117", "ascending")
    assert rows["Area"].endswith("km²")
    assert (rows["Platform"], rows["Polarisation"]) == ("S1A", "VV+VH")
    assert (rows["Scenes"], rows["Pairs"], rows["Network"]) == ("5", "4", "connected")
    assert rows["Baselines"] == "known for all dates"
    assert dock.page("downloader").edit_button.isDefault()


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ((), "no pairs yet"),
        (((0, 1), (2, 3)), "2 parts, 1 date without pair"),
        (((0, 1), (1, 2), (2, 3)), "1 date without pair"),
    ],
)
def test_a_network_that_does_not_hold_together_is_told(dock, folder, patience, pairs, expected):
    write_stack(folder, pairs=pairs)
    dock.show_page("downloader", folder)
    assert rows_of(dock, patience)["Network"] == expected


def test_unknown_baselines_are_counted(dock, folder, patience):
    write_stack(folder, unknown=(1, 3))
    dock.show_page("downloader", folder)
    assert rows_of(dock, patience)["Baselines"] == "unknown for 2 of 5 dates"


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, "220001_IW1"),
        (2, "220001-220002 (2)"),
        (16, "220001-220016 (16), more than the 15 that HyP3 takes"),
    ],
)
def test_a_job_of_bursts_names_its_bursts_and_no_frame(dock, folder, patience, count, expected):
    write_burst_job(folder, 5, count)
    dock.show_page("downloader", folder)
    rows = rows_of(dock, patience)
    assert (rows["Path"], rows["Bursts"], rows["Direction"]) == ("103", expected, "ascending")
    assert "Frame" not in rows
    assert (rows["Scenes"], rows["Pairs"], rows["Polarisation"]) == ("5", "4", "VV")
    # Opened products of single bursts tell it by the names of their scenes.
    config = json.loads((folder / "insarhub_config.json").read_text(encoding="utf-8"))
    del config["insarhub_qgis"]
    (folder / "insarhub_config.json").write_text(json.dumps(config), encoding="utf-8")
    assert read_downloader_facts(folder).burst_ids == ("220001_IW1",)


def test_a_damaged_stack_is_named_and_the_rest_shown(dock, folder, patience):
    write_stack(folder)
    (folder / "stack_p44_f117.json").write_text('{"pairs": [', encoding="utf-8")
    dock.show_page("downloader", folder)
    rows = rows_of(dock, patience)
    page = dock.page("downloader")
    assert rows["Start"] == "2023-03-01"
    assert "stack_p44_f117.json" in page.note.text()
    assert not page.edit_button.isEnabled()


def test_a_job_without_stack_offers_the_search(dock, job, patience):
    dock.show_page("downloader", job)
    rows_of(dock, patience)
    page = dock.page("downloader")
    assert "Search scenes" in page.message.text()
    assert not page.edit_button.isEnabled()


def test_reading_writes_nothing(folder):
    write_stack(folder)
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert read_downloader_facts(folder).pair_count == 4
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_the_facts_follow_the_files(dock, folder, patience):
    write_stack(folder)
    dock.show_page("downloader", folder)
    assert rows_of(dock, patience)["Pairs"] == "4"
    write_stack(folder, pairs=((0, 1),))
    dock.context.job_changed.emit(folder)
    assert rows_of(dock, patience)["Pairs"] == "1"


def test_the_buttons_open_the_network_dock(dock, folder, patience):
    write_stack(folder)
    dock.show_page("downloader", folder)
    rows_of(dock, patience)
    page = dock.page("downloader")
    QTest.mouseClick(page.select_button, Qt.MouseButton.LeftButton)
    editor = dock.context.network_dock()
    patience.waitUntil(lambda: editor.network is not None)
    assert editor.network.date_count == 5
    assert "Parameters" in editor.tabs.tabText(editor.tabs.currentIndex()).replace("&", "")
    QTest.mouseClick(page.pairs_button, Qt.MouseButton.LeftButton)
    assert "Pairs" in editor.tabs.tabText(editor.tabs.currentIndex()).replace("&", "")


def test_process_opens_the_window_of_the_order(dock, folder, patience, monkeypatch):
    write_stack(folder, pairs=())
    dock.show_page("downloader", folder)
    rows_of(dock, patience)
    page = dock.page("downloader")
    assert not page.process_button.isEnabled()
    write_stack(folder)
    dock.context.job_changed.emit(folder)
    rows_of(dock, patience)
    opened = []
    monkeypatch.setattr(dock.context, "open_process", opened.append)
    QTest.mouseClick(page.process_button, Qt.MouseButton.LeftButton)
    assert opened == [folder]

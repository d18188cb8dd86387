# SPDX-License-Identifier: GPL-2.0-or-later
"""The processor stage: jobs from files alone, counts, countdown, filter, copy, and what each button asks for."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QColor, QPalette
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication, QMenu, QMessageBox

from insarhub_qgis.core.credentials import Credential
from insarhub_qgis.core.hyp3_files import find_job_files
from insarhub_qgis.core.hyp3_jobs import JobRow, job_rows
from insarhub_qgis.core.hyp3_watch_mark import read_watch_mark, write_watch_mark
from insarhub_qgis.core.requests import DownloadHyp3, Hyp3Account, RefreshHyp3, RetryHyp3, WatchHyp3
from insarhub_qgis.gui import hyp3_runs, processor_page
from insarhub_qgis.gui.dock import USABLE_WIDTH_PX
from insarhub_qgis.gui.hyp3_jobs_table import (
    EXPIRES,
    MESSAGE,
    PAIR,
    SIZE,
    STATUS,
    age_text,
    alarm_text,
    care_text,
    span_text,
)
from insarhub_qgis.gui.processor_page import ProcessorPage, are_dates_connected, read_processor_facts
from insarhub_qgis.gui.stacks_table import ROW_ROLE
from insarhub_qgis.host.accounts import StoredAccount
from insarhub_qgis.host.settings import settings
from tests.makers.fake_engine import install_fake_engine
from tests.makers.hyp3_job_files import pair_of, write_job_file, write_stack_file

MIXED = ["DOWNLOADED", "SUCCEEDED", "SUCCEEDED", "RUNNING", "PENDING", "FAILED", "EXPIRED", ""]


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "work ü" / "p44_f117"
    write_stack_file(folder, 12)
    settings().work_directory.setValue(str(folder.parent))
    settings().use_sandbox.setValue(True)
    return folder


@pytest.fixture
def engine_runs(monkeypatch):
    return install_fake_engine(monkeypatch)


@pytest.fixture
def page(dock, folder, engine_runs, patience):
    """Opens the page on the job files that are there."""

    def open_page():
        dock.show_page("processor", folder)
        page = dock.page("processor")
        patience.waitUntil(lambda: not page._reading.is_running, timeout=20_000)
        return page

    return open_page


def texts(page, column):
    return [page.table.proxy.index(row, column).data() for row in range(page.table.proxy.rowCount())]


def index_of(page, job_id, column=PAIR):
    for row in range(page.table.proxy.rowCount()):
        index = page.table.proxy.index(row, column)
        if index.data(ROW_ROLE).job_id == job_id:
            return index
    raise AssertionError(f"{job_id} is not listed")


def click(button):
    assert button.isEnabled() and button.isVisible()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def open_box():
    boxes = [widget for widget in QApplication.topLevelWidgets() if isinstance(widget, QMessageBox)]
    return next((box for box in boxes if box.isVisible()), None)


def test_the_jobs_are_shown_from_the_files_alone(page, folder, engine_runs):
    write_job_file(folder, MIXED)
    shown = page()
    assert sorted(texts(shown, STATUS)) == sorted(
        ["downloaded", "succeeded", "succeeded", "running", "pending", "failed", "expired", "unknown"]
    )
    assert texts(shown, PAIR)[0] == "2023-03-05 → 03-17"
    words = shown.bar.words.text()
    assert "1 downloaded, 2 succeeded" in words and "1 failed" in words and words.endswith("8 in all")
    assert shown.state.text().startswith("Checked 5 min ago")
    assert shown.download_button.text().replace("&", "") == "Download 2"
    assert shown.download_button.isDefault()
    assert shown.retry_button.text() == "Retry 1 Failed"
    # Nothing is asked of the network by looking.
    assert engine_runs.tasks == []


def test_a_page_without_jobs_offers_to_process(page, folder):
    shown = page()
    assert "12 pairs" in shown.message.text()
    assert shown.process_button.isDefault() and shown.process_button.isEnabled()
    assert not shown.refresh_button.isVisible() and not shown.file_row.isVisible()


def test_a_damaged_job_file_is_named_beside_the_others(page, folder):
    write_job_file(folder, ["RUNNING"])
    (folder / "hyp3_retry_jobs_20260102T030405.json").write_text('{"job_ids": ', encoding="utf-8")
    shown = page()
    assert texts(shown, STATUS) == ["running"]
    assert "hyp3_retry_jobs_20260102T030405.json" in shown.note.text() and shown.note_row.isVisible()


def test_the_drop_down_chooses_a_file_and_all_merges_by_lineage(page, folder):
    old = write_job_file(folder, ["FAILED", "SUCCEEDED"])
    name = "hyp3_retry_jobs_20260102T030405.json"
    write_job_file(folder, ["RUNNING"], name=name, prefix="new", retry_of={"new-0": old[0]})
    shown = page()
    assert shown.file_box.itemText(0) == "All (2 files)"
    assert sorted(texts(shown, STATUS)) == ["running", "succeeded"]
    shown.file_box.setCurrentIndex(shown.file_box.findData("hyp3_jobs.json"))
    shown.file_box.activated.emit(shown.file_box.currentIndex())
    assert sorted(texts(shown, STATUS)) == ["failed", "succeeded"]
    # What has been submitted again is not offered once more.
    assert not shown.retry_button.isVisible()
    assert "Submitted again as new-0" in index_of(shown, old[0]).data(Qt.ItemDataRole.ToolTipRole)
    shown.file_box.setCurrentIndex(shown.file_box.findData(name))
    shown.file_box.activated.emit(shown.file_box.currentIndex())
    assert texts(shown, STATUS) == ["running"]


@pytest.mark.parametrize(
    ("left", "text", "colour"),
    [
        (timedelta(days=12, hours=4, minutes=30), "12 d 4 h", None),
        (timedelta(days=2, hours=23, minutes=30), "2 d 23 h", care_text),
        (timedelta(hours=14, minutes=20, seconds=30), "14 h", alarm_text),
        (timedelta(minutes=7, seconds=30), "7 min", alarm_text),
    ],
)
def test_the_countdown_warns_under_three_days_and_under_one(page, folder, left, text, colour):
    write_job_file(folder, ["SUCCEEDED"], expires_in=left)
    shown = page()
    index = index_of(shown, "id-0", EXPIRES)
    assert index.data() == text
    found = index.data(Qt.ItemDataRole.ForegroundRole)
    assert found == (colour() if colour else None)
    font = index.data(Qt.ItemDataRole.FontRole)
    assert bool(font and font.bold()) == (colour is alarm_text)


def test_the_countdown_goes_on_and_the_clock_of_the_service_counts(page, folder):
    write_job_file(folder, ["SUCCEEDED"], expires_in=timedelta(days=5, minutes=1))
    document = json.loads((folder / "hyp3_jobs.json").read_text("utf-8"))
    document["insarhub_qgis"] |= {"clock_offset_s": 86400.0, "clock_compared_at": "2026-01-01T00:00:00Z"}
    (folder / "hyp3_jobs.json").write_text(json.dumps(document), encoding="utf-8")
    shown = page()
    assert index_of(shown, "id-0", EXPIRES).data() == "4 d 0 h"
    shown.model.tick(datetime.now(timezone.utc) + timedelta(days=3))
    assert index_of(shown, "id-0", EXPIRES).data() == "2 d 0 h"


@pytest.mark.parametrize("base", ["#ffffff", "#1e1e1e"])
def test_warning_colours_have_contrast_in_both_themes(qgis_app, base):
    def light(colour):
        parts = [value / 255 for value in colour.getRgb()[:3]]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    before = QApplication.palette()
    palette = QPalette(before)
    palette.setColor(QPalette.ColorRole.Base, QColor(base))
    QApplication.setPalette(palette)
    try:
        for colour in (care_text(), alarm_text()):
            high, low = sorted((light(colour), light(QColor(base))), reverse=True)
            assert (high + 0.05) / (low + 0.05) >= 4.5
    finally:
        QApplication.setPalette(before)


def test_spans_in_words():
    assert span_text(timedelta(days=12, hours=4)) == "12 d 4 h"
    assert span_text(timedelta(hours=5, minutes=20)) == "5 h"
    assert span_text(timedelta(seconds=-5)) == "0 min"
    assert [age_text(timedelta(minutes=m)) for m in (5, 61, 60 * 49)] == ["5 min", "1 h", "2 d"]


def test_filter_sort_and_copy(page, folder):
    write_job_file(folder, MIXED)
    shown = page()
    QTest.keyClicks(shown.filter, "fail 2023")
    assert texts(shown, STATUS) == ["failed"]
    assert shown.state.text().startswith("1 of 8 jobs listed")
    shown.table.copy()
    lines = QApplication.clipboard().text().splitlines()
    assert len(lines) == 2
    row = dict(zip(lines[0].split("\t"), lines[1].split("\t")))
    assert [row["Reference"], row["Secondary"]] == pair_of(5)
    assert (row["Status"], row["Job"], row["Account"]) == ("FAILED", "id-5", "anna")
    shown.filter.clear()
    shown.table.sortByColumn(STATUS, Qt.SortOrder.AscendingOrder)
    assert texts(shown, STATUS)[:2] == ["failed", "expired"]
    shown.table.sortByColumn(EXPIRES, Qt.SortOrder.AscendingOrder)
    assert texts(shown, STATUS)[:2] == ["succeeded", "succeeded"]
    shown.table.setFocus()
    shown.table.setCurrentIndex(index_of(shown, "id-0"))
    QTest.keyClick(shown.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.clipboard().text().count("\n") == 2


def test_a_failed_job_shows_its_message_and_its_log(page, folder, monkeypatch):
    write_job_file(folder, MIXED)
    shown = page()
    opened = []
    monkeypatch.setattr(shown, "_open_address", opened.append)
    assert not shown.detail_row.isVisible()
    shown.table.setCurrentIndex(index_of(shown, "id-5"))
    assert shown.detail_row.isVisible() and "2023-05-04" not in shown.detail.text().split(":")[1]
    click(shown.log_button)
    assert opened == ["https://example.com/log.txt"]
    shown.table.setCurrentIndex(index_of(shown, "id-3"))
    assert not shown.detail_row.isVisible()
    menu = shown.row_menu([index_of(shown, "id-5").data(ROW_ROLE)])
    enabled = {
        action.text().replace("&", ""): action.isEnabled() for action in menu.actions() if action.text()
    }
    assert enabled["Open Log"] and enabled["Retry 1…"]
    assert not enabled["Show in View Data"] and not enabled["Download"]


def test_a_log_address_that_is_no_web_page_is_not_opened(page, folder):
    write_job_file(folder, ["FAILED"])
    document = json.loads((folder / "hyp3_jobs.json").read_text("utf-8"))
    document["insarhub_qgis"]["last_seen"]["id-0"]["logs"] = ["file:///etc/passwd", "javascript:alert(1)"]
    (folder / "hyp3_jobs.json").write_text(json.dumps(document), encoding="utf-8")
    shown = page()
    shown.table.setCurrentIndex(index_of(shown, "id-0"))
    assert not shown.log_button.isVisible()


def test_refresh_asks_once_and_shows_what_the_files_then_say(page, folder, engine_runs, patience):
    write_job_file(folder, ["RUNNING"])
    shown = page()
    click(shown.refresh_button)
    assert not shown.refresh_button.isEnabled()
    task = engine_runs.of(RefreshHyp3)[0]
    assert task.request.job_folder == str(folder)
    assert task.request.endpoints["sandbox_url"] and task.credential.token
    write_job_file(folder, ["SUCCEEDED"])
    task.succeeded.emit({"rows": [], "counts": {}, "checked_at": "", "unreachable": [], "problems": []})
    patience.waitUntil(lambda: texts(shown, STATUS) == ["succeeded"], timeout=20_000)
    assert shown.refresh_button.isEnabled()


def test_an_account_that_cannot_be_asked_is_told(page, folder, engine_runs, iface):
    write_job_file(folder, ["RUNNING"])
    shown = page()
    click(shown.refresh_button)
    engine_runs.of(RefreshHyp3)[0].succeeded.emit(
        {"unreachable": [{"account": "bert", "code": "credentials.missing", "fields": {}}], "problems": []}
    )
    assert "password" in iface.texts() or "token" in iface.texts()
    assert texts(shown, STATUS) == ["running"]


def test_without_an_account_a_sentence_comes_and_nothing_starts(
    page, folder, engine_runs, iface, monkeypatch
):
    write_job_file(folder, ["RUNNING"])
    shown = page()
    settings().use_sandbox.setValue(False)
    click(shown.refresh_button)
    assert engine_runs.tasks == []
    assert "account" in iface.texts()


def test_retry_tells_the_price_before_anything_is_sent(page, folder, engine_runs, patience):
    write_job_file(folder, MIXED)
    shown = page()
    click(shown.retry_button)
    price = engine_runs.of(RetryHyp3)[0]
    assert price.request.dry_run and not price.request.include_expired
    price.succeeded.emit({"submitted": 1, "credits": 10.0, "credits_left": 8000.0})
    box = open_box()
    assert box is not None and "1 job again for 10 credits" in box.text()
    assert "8,000" in box.informativeText()
    # Enter and Escape are harmless.
    assert box.defaultButton().text().replace("&", "") == "Cancel"
    QTest.keyClick(box, Qt.Key.Key_Return)
    QTest.qWait(20)
    assert len(engine_runs.of(RetryHyp3)) == 1

    shown.retry_expired_action.trigger()
    price = engine_runs.of(RetryHyp3)[1]
    assert price.request.dry_run and price.request.include_expired
    price.succeeded.emit({"submitted": 2, "credits": 20.0, "credits_left": None})
    box = open_box()
    button = next(b for b in box.buttons() if "20 Credits" in b.text())
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    patience.waitUntil(lambda: len(engine_runs.of(RetryHyp3)) == 3)
    sent = engine_runs.of(RetryHyp3)[2].request
    assert not sent.dry_run and sent.agreed_credits == 20.0 and sent.include_expired


def test_a_retry_that_has_nothing_to_send_asks_nothing(page, folder, engine_runs, iface):
    write_job_file(folder, ["FAILED"])
    shown = page()
    click(shown.retry_button)
    engine_runs.of(RetryHyp3)[0].succeeded.emit({"submitted": 0, "credits": 0.0, "credits_left": 10.0})
    assert open_box() is None
    assert "Nothing to submit again" in iface.texts()


def test_download_shows_progress_and_the_products_as_they_arrive(page, folder, engine_runs, patience, dock):
    write_job_file(folder, ["SUCCEEDED", "SUCCEEDED"])
    shown = page()
    changed = []
    dock.context.job_changed.connect(changed.append)
    click(shown.download_button)
    task = engine_runs.of(DownloadHyp3)[0]
    assert task.request.job_ids == () and task.credential is None
    assert not task.is_silent
    assert shown.download_button.text().replace("&", "") == "Stop Download"
    task.item_received.emit(
        {"job_id": "id-0", "file": "a.zip", "bytes": 41_000_000, "size": 82_000_000, "state": "progress"}
    )
    assert index_of(shown, "id-0", STATUS).data() == "loading 50 %"
    task.item_received.emit({"job_id": "id-0", "file": "a.zip", "bytes": 8, "size": 8, "state": "progress"})
    assert index_of(shown, "id-0", STATUS).data() == "checking"
    write_job_file(folder, ["DOWNLOADED", "SUCCEEDED"])
    task.item_received.emit({"job_id": "id-0", "file": "a.zip", "bytes": 1, "size": 1, "state": "done"})
    patience.waitUntil(lambda: folder in changed, timeout=10_000)
    patience.waitUntil(lambda: index_of(shown, "id-0", STATUS).data() == "downloaded", timeout=20_000)
    click(shown.download_button)
    assert task.is_cancelled
    task.item_received.emit({"job_id": "id-1", "file": "b.zip", "bytes": 1, "size": 4, "state": "progress"})
    task.end_cancelled()
    assert index_of(shown, "id-1", STATUS).data() == "succeeded"


def test_a_chosen_file_limits_what_is_downloaded(page, folder, engine_runs):
    write_job_file(folder, ["SUCCEEDED"])
    name = "hyp3_retry_jobs_20260102T030405.json"
    write_job_file(folder, ["SUCCEEDED"], name=name, prefix="new", first=3)
    shown = page()
    shown.file_box.setCurrentIndex(shown.file_box.findData(name))
    shown.file_box.activated.emit(shown.file_box.currentIndex())
    click(shown.download_button)
    assert engine_runs.of(DownloadHyp3)[0].request.job_ids == ("new-0",)


def test_watch_shows_each_answer_survives_trouble_and_tells_the_end(
    page, folder, engine_runs, patience, iface, dock
):
    write_job_file(folder, ["RUNNING", "PENDING"])
    shown = page()
    assert shown.watch_button.isDefault()
    click(shown.watch_button)
    task = engine_runs.of(WatchHyp3)[0]
    assert not task.is_silent
    assert shown.watch_button.text().replace("&", "") == "Stop Watching"
    assert not shown.refresh_button.isEnabled()
    files, _ = find_job_files(folder)
    rows = job_rows(files, {})
    now = [JobRow.from_json({**row.to_json(), "status": "SUCCEEDED"}).to_json() for row in rows]
    task.item_received.emit({"rows": now, "counts": {}, "checked_at": "", "problem": None, "next_in_s": 60})
    assert texts(shown, STATUS) == ["succeeded", "succeeded"]
    trouble = {"code": "network.offline", "fields": {"host": "hyp3", "service": "HyP3", "reason": "down"}}
    task.item_received.emit(
        {"rows": now, "counts": {}, "checked_at": "", "problem": trouble, "next_in_s": 120}
    )
    assert "next try in 120 s" in shown.note.text() and shown.note_row.isVisible()
    task.item_received.emit({"rows": now, "counts": {}, "checked_at": "", "problem": None, "next_in_s": 60})
    assert "next try" not in shown.note.text()
    # Another page is open when it ends.
    dock.show_page("home")
    task.succeeded.emit({"rows": [], "counts": {"DOWNLOADED": 2, "FAILED": 0}, "is_complete": True})
    patience.waitUntil(lambda: "all jobs are done, 2 products are here" in iface.texts())
    patience.waitUntil(lambda: not shown._reading.is_running, timeout=20_000)
    assert shown.watch_button.text().replace("&", "") == "Watch"


def test_a_watch_that_was_on_is_offered_and_touches_nothing_unasked(page, folder, engine_runs, patience):
    write_job_file(folder, ["RUNNING"])
    write_watch_mark(folder)
    shown = page()
    assert "Watch was on" in shown.note.text()
    assert engine_runs.tasks == []
    click(shown.resume_button)
    assert len(engine_runs.of(WatchHyp3)) == 1
    assert "Watch was on" not in shown.note.text()
    click(shown.watch_button)
    assert engine_runs.of(WatchHyp3)[0].is_cancelled
    patience.waitUntil(lambda: read_watch_mark(folder) is None, timeout=20_000)
    engine_runs.of(WatchHyp3)[0].end_cancelled()
    patience.waitUntil(lambda: not shown.note_row.isVisible(), timeout=20_000)


def test_the_offer_to_watch_can_be_declined(page, folder, engine_runs, patience):
    write_job_file(folder, ["RUNNING"])
    write_watch_mark(folder)
    shown = page()
    click(shown.dismiss_button)
    patience.waitUntil(lambda: read_watch_mark(folder) is None, timeout=20_000)
    patience.waitUntil(lambda: not shown.note_row.isVisible(), timeout=20_000)
    assert engine_runs.tasks == []


def test_credits_are_shown_in_the_button(page, folder, engine_runs):
    write_job_file(folder, ["RUNNING"])
    shown = page()
    click(shown.credits_button)
    engine_runs.of(Hyp3Account)[0].succeeded.emit({"account": "anna", "credits_left": 7420.0})
    assert shown.credits_button.text() == "7,420 cr."
    assert "anna" in shown.credits_button.toolTip()
    click(shown.credits_button)
    engine_runs.of(Hyp3Account)[1].succeeded.emit({"account": "anna", "credits_left": None})
    assert shown.credits_button.text() == "No Limit"


def test_an_analysis_is_offered_once_the_dates_are_connected(page, folder, patience, dock):
    # Pairs 0..3 join the dates 0-1, 0-2, 1-2, 1-3.
    write_job_file(folder, ["DOWNLOADED", "DOWNLOADED", "RUNNING", "RUNNING"])
    shown = page()
    assert not shown.analyzer_button.isEnabled() and "too few to connect" in shown.analyzer_button.toolTip()
    write_job_file(folder, ["DOWNLOADED", "DOWNLOADED", "RUNNING", "DOWNLOADED"])
    dock.context.job_changed.emit(folder)
    patience.waitUntil(lambda: shown.analyzer_button.isEnabled(), timeout=20_000)
    assert "3 of 4 products" in shown.analyzer_button.toolTip()
    wanted = []
    shown.page_requested.disconnect()
    shown.page_requested.connect(lambda key, job: wanted.append(key))
    click(shown.analyzer_button)
    click(shown.view_button)
    assert wanted == ["analyzer", "products"]


def test_a_pair_that_is_not_known_connects_nothing():
    row = JobRow("a", "anna", None, "hyp3_jobs.json")
    assert not are_dates_connected([row], [row])


def test_450_rows_fit_340_pixels_and_only_seen_ones_are_painted(page, folder, dock, patience, monkeypatch):
    write_job_file(folder, (["SUCCEEDED", "RUNNING", "FAILED"] * 150))
    dock.setFixedWidth(USABLE_WIDTH_PX)
    shown = page()
    QTest.qWait(50)
    assert shown.width() <= USABLE_WIDTH_PX
    assert shown.minimumSizeHint().width() <= USABLE_WIDTH_PX - 12
    header = shown.table.header()
    assert header.length() <= shown.table.viewport().width()
    assert not shown.table.isColumnHidden(EXPIRES) and not shown.table.isColumnHidden(STATUS)
    assert shown.table.proxy.rowCount() == 450
    asked, data = set(), type(shown.model).data

    def counted(self, index, role=Qt.ItemDataRole.DisplayRole):
        asked.add(index.row())
        return data(self, index, role)

    monkeypatch.setattr(type(shown.model), "data", counted)
    shown.table.viewport().repaint()
    assert 0 < len(asked) < 60
    monkeypatch.undo()
    shown.filter.setText("failed")
    patience.waitUntil(lambda: shown.table.proxy.rowCount() == 150)
    shown.filter.clear()
    patience.waitUntil(lambda: shown.table.proxy.rowCount() == 450)
    for button in (shown.process_button, shown.refresh_button, shown.watch_button, shown.retry_button):
        assert button.geometry().right() <= shown.width()


def test_the_same_jobs_keep_choice_and_place(page, folder, patience, dock):
    write_job_file(folder, ["RUNNING"] * 60)
    shown = page()
    shown.table.setCurrentIndex(index_of(shown, "id-40"))
    write_job_file(folder, ["RUNNING"] * 40 + ["SUCCEEDED"] + ["RUNNING"] * 19)
    dock.context.job_changed.emit(folder)
    patience.waitUntil(lambda: "succeeded" in texts(shown, STATUS), timeout=20_000)
    assert shown.table.current_row().job_id == "id-40"


def test_reading_writes_nothing(folder):
    write_job_file(folder, MIXED)
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert len(read_processor_facts(folder).rows) == 8
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_everything_has_a_name_for_a_reader(page, folder):
    write_job_file(folder, MIXED)
    shown: ProcessorPage = page()
    for widget in (shown.table, shown.filter, shown.dismiss_button, shown.bar.bar):
        assert widget.accessibleName()
    tip = index_of(shown, "id-5").data(Qt.ItemDataRole.AccessibleTextRole)
    assert "failed" in tip and "id-5" in tip
    assert index_of(shown, "id-1", SIZE).data() == "82 MB"


def test_colours_stay_under_a_theme_that_paints_rows_by_style_sheet(page, folder, dock):
    write_job_file(folder, ["FAILED", "RUNNING"])
    dock.setStyleSheet("QTreeView::item { color: #dddddd; background: #101010; }")
    shown = page()
    QTest.qWait(50)

    def has_colour(job_id, wanted):
        area = shown.table.visualRect(index_of(shown, job_id, STATUS))
        picture = shown.table.viewport().grab(area).toImage()
        wanted = QColor(wanted)
        return any(
            abs(c.red() - wanted.red()) + abs(c.green() - wanted.green()) + abs(c.blue() - wanted.blue()) < 60
            for x in range(26, picture.width())
            for y in range(picture.height())
            for c in [picture.pixelColor(x, y)]
        )

    assert has_colour("id-0", alarm_text()) and not has_colour("id-1", alarm_text())
    assert has_colour("id-1", "#dddddd")


def test_the_table_tells_the_bare_reason_and_the_detail_the_whole(page, folder):
    write_job_file(folder, ["FAILED"])
    document = json.loads((folder / "hyp3_jobs.json").read_text("utf-8"))
    document["insarhub_qgis"]["last_seen"]["id-0"]["failure"] = "the co-registration did not converge"
    (folder / "hyp3_jobs.json").write_text(json.dumps(document), encoding="utf-8")
    shown = page()
    assert index_of(shown, "id-0", MESSAGE).data() == "the co-registration did not converge"
    shown.table.setCurrentIndex(index_of(shown, "id-0"))
    assert "HyP3 could not process" in shown.detail.text() and "converge" in shown.detail.text()


def test_of_several_accounts_the_user_says_whose_credits(page, folder, engine_runs, monkeypatch):
    write_job_file(folder, ["RUNNING"])
    shown = page()
    settings().use_sandbox.setValue(False)
    both = [StoredAccount("a1", "Earthdata anna", "token"), StoredAccount("b2", "Earthdata bert", "token")]
    monkeypatch.setattr(processor_page, "accounts", lambda: both)
    monkeypatch.setattr(hyp3_runs, "credential_of", lambda auth_id: Credential(token=f"token of {auth_id}"))
    click(shown.credits_button)
    menu = shown.findChild(QMenu, "insarhubCreditsMenu")
    assert [action.text() for action in menu.actions()] == ["Earthdata anna", "Earthdata bert"]
    assert engine_runs.tasks == []
    menu.actions()[1].trigger()
    assert engine_runs.of(Hyp3Account)[0].credential.token == "token of b2"
    menu.close()

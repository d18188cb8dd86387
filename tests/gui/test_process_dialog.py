# SPDX-License-Identifier: GPL-2.0-or-later
"""Process: what is asked and shown before credits are spent, what is ticked, and what is sent."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication, QDialog, QMessageBox

from insarhub_qgis.core.hyp3_files import find_job_files
from insarhub_qgis.core.requests import PlanHyp3, SubmitHyp3, WatchHyp3
from insarhub_qgis.gui.network_check_card import OK, STOP
from insarhub_qgis.gui.plan_table import NOTE, PAIR, STATE
from insarhub_qgis.gui.process_dialog import CHECK_TAB, PAIRS_TAB, PRICES_TAB
from insarhub_qgis.host.settings import settings
from insarhub_qgis.sandbox.acquisitions import acquisition
from insarhub_qgis.sandbox.hyp3_job_types import JOB_TYPES
from insarhub_qgis.sandbox.scene import FIRST_DATE, simulated_dates
from tests.makers.fake_engine import install_fake_engine
from tests.makers.hyp3_job_files import write_burst_job, write_stack_file
from tests.makers.network_jobs import make_network_job
from tests.makers.sandbox_server import running_sandbox

STATES = [*["new"] * 6, "in_flight", "done", "downloaded", "expired", "other_parameters", "refused"]


@pytest.fixture
def engine_runs(monkeypatch):
    return install_fake_engine(monkeypatch)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "work ü" / "p44_f117"
    write_stack_file(folder, len(STATES))
    settings().work_directory.setValue(str(folder.parent))
    settings().use_sandbox.setValue(True)
    return folder


@pytest.fixture
def dialog(dock, folder, engine_runs, patience):
    dialog = dock.context.open_process(folder)
    patience.waitUntil(lambda: engine_runs.of(PlanHyp3), timeout=20_000)
    return dialog


def plan_of(folder: Path, states=STATES, each=10.0, left=8000.0, **values):
    pairs = json.loads((folder / "stack_p44_f117.json").read_text("utf-8"))["pairs"]
    rows = [
        {
            "pair": pair,
            "state": state,
            "reason": {"code": "scene.no_date", "fields": {"scene": "x"}} if state == "refused" else None,
            "job_id": "" if state == "new" else "id",
            "job_file": "" if state == "new" else "hyp3_jobs.json",
            "expires_at": None,
            "file": "",
            "credits": 0.0 if state == "refused" else each,
        }
        for pair, state in zip(pairs, states)
    ]
    return {
        "account": "anna",
        "rows": rows,
        "credits_each": each,
        "credits_new": each * states.count("new"),
        "credits_left": left,
        "application_status": "APPROVED",
        "alternatives": [
            {"job_type": "INSAR_GAMMA", "looks": "20x4", "credits_each": 10.0, "credits_new": 60.0},
            {"job_type": "INSAR_GAMMA", "looks": "10x2", "credits_each": 15.0, "credits_new": 90.0},
            {"job_type": "INSAR_ISCE_MULTI_BURST", "looks": "20x4", "credits_each": 1.0, "credits_new": 6.0},
        ],
        **values,
    }


@pytest.fixture
def planned(dialog, folder, engine_runs, patience):
    def answer(**values):
        engine_runs.of(PlanHyp3)[-1].succeeded.emit(plan_of(folder, **values))
        patience.waitUntil(lambda: dialog._is_checked and not dialog._check_timer.isActive(), timeout=20_000)
        QTest.qWait(50)
        return dialog

    return answer


def note_of(dialog, number):
    return dialog.model.note(dialog.model.rows[number])


def open_box():
    boxes = [widget for widget in QApplication.topLevelWidgets() if isinstance(widget, QMessageBox)]
    return next((box for box in boxes if box.isVisible()), None)


def test_hyp3_is_asked_when_the_window_opens_and_nothing_blocks(dialog, engine_runs, folder):
    task = engine_runs.of(PlanHyp3)[0]
    assert task.request.job_folder == str(folder)
    assert task.request.options["job_type"] == "INSAR_GAMMA" and task.request.options["include_dem"]
    assert task.credential.token and task.request.endpoints["sandbox_url"]
    assert not dialog.isModal()
    assert dialog.progress.isVisible() and "Asking HyP3" in dialog.status.text()
    task.progressed.emit(0.5, "Asking for the jobs of the account")
    assert dialog.progress.value() == 500
    assert not dialog.submit_button.isEnabled() and not dialog.dry_button.isEnabled()
    assert dialog.banner.isVisible()
    assert "publicly visible" in dialog.notice.text()


def test_only_new_pairs_are_ticked_and_the_button_says_the_number(planned):
    dialog = planned()
    assert [row.state for row in dialog.model.ticked_rows()] == ["new"] * 6
    assert dialog.submit_button.text().replace("&", "") == "Submit 6 Pairs, 60 Credits"
    assert dialog.submit_button.isEnabled()
    texts = {key: label.text() for key, label in dialog.cost.values.items()}
    assert texts == {
        "pairs": "6", "each": "10", "sum": "60", "left": "8,000", "after": "7,940", "reused": "3",
    }  # fmt: skip
    assert not dialog.status_row.isVisible()
    # Enter is harmless.
    assert dialog.close_button.isDefault()
    assert not dialog.submit_button.autoDefault()


def test_the_card_holds_the_checks_with_the_price(planned):
    dialog = planned()
    texts = [line.text for line in dialog.card.lines]
    assert any("60" in text and "8,000" in text for text in texts)
    assert next(line for line in dialog.card.lines if "60" in line.text).level == OK


def test_credits_that_do_not_suffice_stop_until_fewer_are_ticked(planned, patience):
    dialog = planned(left=45.0)
    stops = [line for line in dialog.card.lines if line.level == STOP]
    assert len(stops) == 1 and "45" in stops[0].text
    assert not dialog.submit_button.isEnabled() and stops[0].text in dialog.submit_button.toolTip()
    assert dialog.cost.values["after"].text() in ("-15", "−15")
    dialog.model.tick([row.pair for row in dialog.model.rows[:2]], is_on=False)
    patience.waitUntil(lambda: dialog.submit_button.isEnabled(), timeout=20_000)
    assert dialog.cost.values["sum"].text() == "40"


def test_an_account_that_is_not_approved_stops(planned):
    dialog = planned(application_status="PENDING")
    assert any(line.level == STOP and "PENDING" in line.text for line in dialog.card.lines)
    assert not dialog.submit_button.isEnabled()


def test_unlimited_credits_are_said(planned):
    dialog = planned(left=None)
    assert dialog.cost.values["left"].text() == "no limit"
    assert dialog.submit_button.isEnabled()


def test_space_ticks_the_chosen_rows_and_refused_ones_stay_off(planned):
    dialog = planned()
    dialog.tabs.setCurrentIndex(PAIRS_TAB)
    dialog.table.setFocus()
    dialog.table.select_rows(lambda row: row.state in ("done", "refused"))
    QTest.keyClick(dialog.table, Qt.Key.Key_Space)
    assert sorted(row.state for row in dialog.model.ticked_rows()) == ["done", *["new"] * 6]
    QTest.keyClick(dialog.table, Qt.Key.Key_Space)
    assert [row.state for row in dialog.model.ticked_rows()] == ["new"] * 6


def test_a_click_on_the_box_ticks(planned):
    dialog = planned()
    dialog.tabs.setCurrentIndex(PAIRS_TAB)
    QTest.qWait(50)
    index = dialog.table.proxy.index(0, PAIR)
    place = dialog.table.visualRect(index)
    pos = place.topLeft()
    pos.setX(place.left() + 9)
    pos.setY(place.center().y())
    QTest.mouseClick(dialog.table.viewport(), Qt.MouseButton.LeftButton, pos=pos)
    assert len(dialog.model.ticked_rows()) == 5


def test_the_dry_run_shows_a_verdict_per_pair_and_offers_to_untick(planned, engine_runs):
    dialog = planned()
    QTest.mouseClick(dialog.dry_button, Qt.MouseButton.LeftButton)
    task = engine_runs.of(SubmitHyp3)[0]
    request = task.request
    assert request.dry_run and len(request.pairs) == 6 and request.agreed_credits == 60.0
    assert dialog.tabs.currentIndex() == PAIRS_TAB and not dialog.submit_button.isEnabled()
    for pair in request.pairs[:5]:
        task.item_received.emit({"pair": list(pair), "state": "valid", "reason": None})
    assert note_of(dialog, 0) == "would be accepted"
    bad = list(request.pairs[5])
    reason = {"code": "hyp3.unknown_scenes", "fields": {"scenes": ["S1A_X"], "count": 1, "detail": "gone"}}
    task.succeeded.emit(
        {"submitted": 5, "credits": 50.0, "rejected": [{"pair": bad, "reason": reason}], "stopped_by": None}
    )
    assert "HyP3 would refuse 1 of 6 pairs" in dialog.status.text()
    assert note_of(dialog, 5).startswith("refused:")
    assert dialog.pairs.detail.isVisible() and "S1A_X" in dialog.pairs.detail.text()
    assert dialog.untick_button.isVisible()
    QTest.mouseClick(dialog.untick_button, Qt.MouseButton.LeftButton)
    assert dialog.submit_button.text().replace("&", "") == "Submit 5 Pairs, 50 Credits"


def test_a_dry_run_without_refusal_says_so(planned, engine_runs):
    dialog = planned()
    dialog.dry_run()
    task = engine_runs.of(SubmitHyp3)[0]
    for pair in task.request.pairs:
        task.item_received.emit({"pair": list(pair), "state": "valid", "reason": None})
    task.succeeded.emit({"submitted": 6, "credits": 60.0, "rejected": [], "stopped_by": None})
    assert "would accept 6 pairs for 60 credits" in dialog.status.text()
    assert dialog.isVisible() and dialog.submit_button.isEnabled()


def test_submitting_sends_what_is_ticked_and_leads_to_the_jobs(
    planned, engine_runs, dock, folder, iface, patience
):
    dialog = planned()
    QTest.mouseClick(dialog.submit_button, Qt.MouseButton.LeftButton)
    task = engine_runs.of(SubmitHyp3)[0]
    assert not task.request.dry_run and task.request.agreed_credits == 60.0
    assert task.request.repeat_states == () and len(task.request.pairs) == 6
    assert not dialog.form.isEnabled()
    task.succeeded.emit(
        {
            "submitted": 6,
            "adopted": 0,
            "credits": 60.0,
            "credits_left": 7940.0,
            "rejected": [],
            "stopped_by": None,
        }
    )
    assert not dialog.isVisible()
    assert (dock.page_key, dock.job_folder) == ("processor", folder)
    patience.waitUntil(lambda: "6 jobs submitted for 60 credits. 7,940 are left" in iface.texts())


def test_refused_pairs_keep_the_window_open_and_nothing_is_sent_twice(planned, engine_runs, iface, patience):
    dialog = planned()
    dialog.submit()
    task = engine_runs.of(SubmitHyp3)[0]
    bad = list(task.request.pairs[0])
    reason = {"code": "hyp3.unknown_scenes", "fields": {"scenes": ["S1A_X"], "count": 1, "detail": "gone"}}
    task.succeeded.emit(
        {"submitted": 5, "credits": 50.0, "credits_left": 7950.0, "stopped_by": None,
         "rejected": [{"pair": bad, "reason": reason}]}
    )  # fmt: skip
    assert dialog.isVisible() and "HyP3 refused 1" in dialog.status.text()
    patience.waitUntil(lambda: "HyP3 refused 1" in iface.texts())
    assert not dialog.submit_button.isEnabled()


def test_a_submission_that_stopped_says_why(planned, engine_runs):
    dialog = planned()
    dialog.submit()
    stopped = {"code": "engine.crashed", "fields": {"reason": "signal 9"}}
    engine_runs.of(SubmitHyp3)[0].succeeded.emit(
        {
            "submitted": 2,
            "credits": 20.0,
            "credits_left": 0.0,
            "rejected": [],
            "not_sent": 4,
            "stopped_by": stopped,
        }
    )
    assert "signal 9" in dialog.status.text() and dialog.again_button.isVisible()


def test_paying_again_is_asked_about(planned, engine_runs):
    dialog = planned()
    dialog.model.tick([row.pair for row in dialog.model.rows if row.state == "done"], is_on=True)
    QTest.qWait(400)
    dialog.submit()
    box = open_box()
    assert box is not None and "10 credits" in box.text()
    assert box.defaultButton().text().replace("&", "") == "Cancel"
    QTest.keyClick(box, Qt.Key.Key_Escape)
    QTest.qWait(20)
    assert engine_runs.of(SubmitHyp3) == []
    dialog.submit()
    button = next(b for b in open_box().buttons() if "70 Credits" in b.text())
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    QTest.qWait(20)
    assert engine_runs.of(SubmitHyp3)[0].request.repeat_states == ("done",)


def test_a_changed_option_asks_for_a_new_plan_and_forgets_the_old(planned, engine_runs, patience):
    dialog = planned()
    box = dialog.form.fields["looks"]
    box.setCurrentIndex(box.findData("10x2"))
    assert not dialog.submit_button.isEnabled()
    patience.waitUntil(lambda: len(engine_runs.of(PlanHyp3)) == 2, timeout=20_000)
    assert engine_runs.of(PlanHyp3)[1].request.options["looks"] == "10x2"
    dialog.form.fields["include_inc_map"].setChecked(True)
    patience.waitUntil(lambda: len(engine_runs.of(PlanHyp3)) == 3, timeout=20_000)
    # The older question is given up, and a late answer to it changes nothing.
    assert engine_runs.of(PlanHyp3)[1].is_cancelled
    engine_runs.of(PlanHyp3)[1].succeeded.emit({"rows": [], "credits_left": 1.0})
    assert dialog.plan is None and len(dialog.model.rows) == len(STATES)
    dialog.form.fields["name_prefix"].setFocus()
    QTest.keyClicks(dialog.form.fields["name_prefix"], "x")
    QTest.qWait(900)
    assert len(engine_runs.of(PlanHyp3)) == 3


def test_prices_stand_side_by_side_and_a_missing_type_says_why(planned, engine_runs, patience):
    dialog = planned()
    dialog.tabs.setCurrentIndex(PRICES_TAB)
    items = [dialog.prices.topLevelItem(row) for row in range(dialog.prices.topLevelItemCount())]
    texts = [[item.text(column) for column in range(4)] for item in items]
    assert texts[0] == ["INSAR_GAMMA (chosen)", "20x4 (80 m)", "10", "60"]
    assert texts[1] == ["INSAR_GAMMA", "10x2 (40 m)", "15", "90"]
    assert "INSAR_ISCE_MULTI_BURST: Needs a stack of bursts" in texts[2][0]
    dialog.prices.itemActivated.emit(items[1], 0)
    assert dialog.form.options().looks == "10x2"
    patience.waitUntil(lambda: len(engine_runs.of(PlanHyp3)) == 2, timeout=20_000)
    jobs = dialog.form.fields["job_type"]
    row = jobs.findData("INSAR_ISCE_MULTI_BURST")
    assert not jobs.model().item(row).isEnabled()
    assert "bursts" in jobs.itemData(row, Qt.ItemDataRole.ToolTipRole)


COSTS = {name: definition.cost_definition() for name, definition in JOB_TYPES.items()}


def rows_of_prices(dialog):
    items = [dialog.prices.topLevelItem(row) for row in range(dialog.prices.topLevelItemCount())]
    return [[item.text(column) for column in range(4)] for item in items]


@pytest.fixture
def opened(dock, engine_runs, patience):
    """Open a job and answer its plan, all pairs new."""

    def show(folder, pairs, each, **values):
        settings().use_sandbox.setValue(True)
        dialog = dock.context.open_process(folder)
        patience.waitUntil(lambda: engine_runs.of(PlanHyp3), timeout=20_000)
        rows = [{"pair": pair, "state": "new", "reason": None, "credits": each} for pair in pairs]
        engine_runs.of(PlanHyp3)[-1].succeeded.emit(
            {"account": "anna", "rows": rows, "credits_each": each, "credits_new": each * len(rows), "credits_left": 8000.0,
             "application_status": "APPROVED", "alternatives": [], "costs": COSTS, **values}
        )  # fmt: skip
        patience.waitUntil(lambda: dialog._is_checked and not dialog._check_timer.isActive(), timeout=20_000)
        return dialog

    return show


def test_a_job_of_bursts_proposes_multi_bursts_and_prices_what_fits(opened, engine_runs, tmp_path):
    folder = tmp_path / "p103_b220001"
    pairs = write_burst_job(folder, 5, 2)
    alternatives = [
        {"job_type": job_type, "looks": looks, "credits_each": 1.0, "credits_new": 4.0}
        for job_type in ("INSAR_ISCE_MULTI_BURST", "INSAR_ISCE_BURST")
        for looks in ("20x4", "10x2", "5x1")
    ]
    dialog = opened(folder, pairs, 1.0, alternatives=alternatives)
    assert engine_runs.of(PlanHyp3)[0].request.options["job_type"] == "INSAR_ISCE_MULTI_BURST"
    assert rows_of_prices(dialog) == [
        ["INSAR_ISCE_MULTI_BURST (chosen)", "20x4 (80 m)", "1", "4"],
        ["INSAR_ISCE_MULTI_BURST", "10x2 (40 m)", "1", "4"],
        ["INSAR_ISCE_MULTI_BURST", "5x1 (20 m)", "1", "4"],
        ["INSAR_GAMMA: Needs whole scenes; this stack holds bursts.", "", "", ""],
        ["INSAR_ISCE_BURST: Takes one burst; each date of this stack has 2.", "", "", ""],
    ]
    assert not dialog.price_tab.burst_row.isVisibleTo(dialog.prices.parentWidget())
    assert any(line.text == "Each pair merges bursts 220001-220002 (2)." for line in dialog.card.lines)
    assert dialog.submit_button.text().replace("&", "") == "Submit 4 Pairs, 4 Credits"
    dialog.form.choose("INSAR_ISCE_MULTI_BURST", "5x1")
    dialog._show_defaults()
    assert (dialog.form.options().job_type, dialog.form.options().looks) == ("INSAR_ISCE_MULTI_BURST", "20x4")


def test_one_burst_may_be_ordered_by_either_type(opened, tmp_path):
    folder = tmp_path / "p103_b220001"
    dialog = opened(folder, write_burst_job(folder, 4, 1), 1.0)
    jobs = dialog.form.fields["job_type"]
    enabled = [jobs.itemData(row) for row in range(jobs.count()) if jobs.model().item(row).isEnabled()]
    assert enabled == ["INSAR_ISCE_MULTI_BURST", "INSAR_ISCE_BURST"]


def test_more_bursts_than_hyp3_takes_stop_with_what_to_do(opened, tmp_path):
    folder = tmp_path / "p103_b220001"
    dialog = opened(folder, write_burst_job(folder, 4, 16), 1.0)
    (stop,) = [line for line in dialog.card.lines if line.level == STOP]
    assert "Takes 15 bursts at most; each date of this stack has 16. Search a smaller area" in stop.text
    assert not dialog.submit_button.isEnabled()


def small_area_job(folder, north=53.9):
    """Whole scenes over an area within the first sub-swath."""
    area = f"POLYGON((-122.3 53.8,-122.2 53.8,-122.2 {north},-122.3 {north},-122.3 53.8))"
    options = {
        "intersectsWith": area,
        "relativeOrbit": 5,
        "start": "2019-01-01",
        "flightDirection": "DESCENDING",
    }
    make_network_job(
        folder,
        [0, 12, 24],
        pairs=[(0, 1), (1, 2)],
        config={"downloader": {"type": "S1_SLC", "config": options}},
    )
    return area, json.loads((folder / "stack_p0_f0.json").read_text("utf-8"))["pairs"]


def test_whole_scenes_over_a_small_area_say_what_bursts_would_cost(opened, dock, tmp_path):
    area, pairs = small_area_job(tmp_path / "valley")
    dialog = opened(tmp_path / "valley", pairs, 10.0)
    count = dialog.facts.estimated_bursts
    assert count in (1, 2)
    (note,) = [line for line in dialog.card.lines if "Bursts" in line.text]
    assert "about 1 instead of 10 credits per pair" in note.text and "estimated" in note.text
    assert "Search the area again" in note.text
    note.action()
    assert dialog.tabs.currentIndex() == PRICES_TAB
    assert [row[1:] for row in rows_of_prices(dialog) if row[0] == "INSAR_ISCE_MULTI_BURST"] == [
        ["20x4 (80 m)", "about 1", "about 2"],
        ["10x2 (40 m)", "about 1", "about 2"],
        ["5x1 (20 m)", *[f"about {n}" for n in ((1, 2) if count == 1 else (5, 10))]],
    ]
    # They cannot be chosen, neither by the mouse nor by the keyboard.
    estimate = dialog.prices.topLevelItem(0)
    assert estimate.font(0).italic() and "Needs a stack of bursts" in estimate.toolTip(2)
    dialog.prices.itemActivated.emit(estimate, 0)
    assert dialog.form.options().job_type == "INSAR_GAMMA"
    assert (
        dialog.price_tab.burst_row.isVisible()
        and "search the area again" in dialog.price_tab.burst_hint.text()
    )
    QTest.mouseClick(dialog.price_tab.burst_button, Qt.MouseButton.LeftButton)
    assert not dialog.isVisible() and dock.page_key == "search"
    page = dock.page("search")
    request = page.request(tmp_path)
    assert (request.product, request.paths, request.start) == ("BURST", (5,), "2019-01-01")
    assert (request.direction, page.area.area.isNull()) == ("DESCENDING", False)
    assert request.aoi_wkt.upper().replace(" ", "").startswith(area.upper().replace(" ", "")[:20])


def test_nothing_is_said_of_bursts_that_are_not_cheaper_or_too_many(opened, tmp_path):
    _, pairs = small_area_job(tmp_path / "long", north=55.1)
    dialog = opened(tmp_path / "long", pairs, 1.0)
    assert dialog.facts.estimated_bursts > 4
    assert not any("Bursts" in line.text for line in dialog.card.lines)
    assert any("about 5" in row[2] for row in rows_of_prices(dialog))


@pytest.mark.parametrize(
    ("code", "has_options"), [("credentials.token_expired", True), ("engine.crashed", False)]
)
def test_a_plan_that_fails_says_why_and_can_be_asked_again(dialog, engine_runs, code, has_options):
    fields = {"account": "anna", "expired_at": "2026-01-01", "page": "https://x", "reason": "signal 9"}
    engine_runs.of(PlanHyp3)[0].fail(code, **fields)
    assert dialog.again_button.isVisible() and dialog.options_button.isVisible() == has_options
    assert dialog.status.text() and not dialog.submit_button.isEnabled()
    QTest.mouseClick(dialog.again_button, Qt.MouseButton.LeftButton)
    assert len(engine_runs.of(PlanHyp3)) == 2


def test_without_an_account_the_checks_are_there_all_the_same(dock, folder, engine_runs, patience):
    settings().use_sandbox.setValue(False)
    dialog = dock.context.open_process(folder)
    patience.waitUntil(lambda: dialog.card.lines and dialog.status.text(), timeout=20_000)
    assert engine_runs.tasks == []
    assert dialog.options_button.isVisible() and not dialog.submit_button.isEnabled()
    assert dialog.account_box.currentText() == "No account yet"
    assert len(dialog.model.rows) == len(STATES) and not dialog.banner.isVisible()


def test_closing_gives_up_the_plan_but_not_a_submission(planned, engine_runs, dock, folder, iface, patience):
    dialog = planned()
    dialog.submit()
    dialog.close()
    task = engine_runs.of(SubmitHyp3)[0]
    assert not task.is_cancelled
    assert dock.context.open_process(folder) is dialog
    dialog.close()
    task.succeeded.emit(
        {"submitted": 6, "credits": 60.0, "credits_left": 7940.0, "rejected": [], "stopped_by": None}
    )
    patience.waitUntil(lambda: "6 jobs submitted" in iface.texts())
    assert dock.context.open_process(folder) is not dialog


def test_escape_closes_and_gives_up_the_question(dialog, engine_runs):
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible() and engine_runs.of(PlanHyp3)[0].is_cancelled


def test_f1_opens_the_help_of_the_order(dialog):
    QTest.keyClick(dialog, Qt.Key.Key_F1)
    window = dialog.findChild(QDialog, "insarhubHelp")
    assert window.isVisible() and "Dry Run" in window.browser.toPlainText()
    window.close()


def test_cancel_stops_the_question(dialog, engine_runs):
    QTest.mouseClick(dialog.cancel_button, Qt.MouseButton.LeftButton)
    assert engine_runs.of(PlanHyp3)[0].is_cancelled
    assert dialog.again_button.isVisible() and not dialog.progress.isVisible()


def test_unsaved_edits_of_the_network_are_told(planned, dock, folder, patience):
    editor = dock.context.network_dock()
    editor.open_job(folder)
    patience.waitUntil(lambda: editor.network is not None, timeout=20_000)
    editor.network.toggle_pair(editor.network.pair_keys()[0])
    dialog = planned()
    assert any("unsaved edits" in line.text for line in dialog.card.lines)
    editor.ask = lambda session, can_keep: "discard"


def test_each_option_has_help_and_its_default(dialog):
    for name, widget in dialog.form.fields.items():
        assert "Default:" in widget.toolTip(), name
        assert widget.accessibleName(), name
    dialog.form.fields["looks"].setFocus()
    QTest.qWait(20)
    assert "range x azimuth" in dialog.form.help.text()
    assert dialog.form.transfer_box.isCollapsed()
    assert not dialog.form.fields["max_workers"].isVisible()


def test_burst_types_show_only_what_they_know(dialog):
    dialog.form.choose("INSAR_ISCE_MULTI_BURST", "5x1")
    assert not dialog.form.fields["include_dem"].isVisible()
    assert dialog.form.fields["apply_water_mask"].isVisible()
    assert dialog.form.options().looks == "5x1"
    dialog.form.choose("INSAR_GAMMA", "20x4")
    assert dialog.form.fields["include_dem"].isVisible()
    assert [dialog.form.fields["looks"].itemData(row) for row in range(2)] == ["20x4", "10x2"]


def test_filter_and_copy_of_the_pairs(planned):
    dialog = planned()
    dialog.tabs.setCurrentIndex(PAIRS_TAB)
    QTest.keyClicks(dialog.pairs.filter, "refused")
    assert dialog.table.proxy.rowCount() == 1
    dialog.table.copy()
    lines = QApplication.clipboard().text().splitlines()
    assert len(lines) == 2 and lines[1].split("\t")[2] == "refused"
    index = dialog.table.proxy.index(0, NOTE)
    assert index.data() and dialog.table.proxy.index(0, STATE).data() == "refused"
    assert dialog.tabs.tabText(CHECK_TAB).startswith("Chec")


def test_from_the_order_to_the_products_on_the_sandbox(dock, engine, tmp_path, patience, iface):
    scenes = [acquisition(date, FIRST_DATE).granule for date in simulated_dates(3, 12)]
    pairs = [[scenes[0], scenes[1]], [scenes[1], scenes[2]], [scenes[0], scenes[2]]]
    folder = tmp_path / "work" / "p103_f1"
    folder.mkdir(parents=True)
    (folder / "stack_p103_f1.json").write_text(
        json.dumps({"pairs": pairs, "scenes": scenes, "baselines": {}})
    )
    config = {"downloader": {"type": "S1_SLC", "config": {}}, "insarhub_qgis": {"is_sandbox": True}}
    (folder / "insarhub_config.json").write_text(json.dumps(config))
    with running_sandbox(engine) as url:
        settings().sandbox_url.setValue(url)
        settings().use_sandbox.setValue(True)
        dock.context.services_changed.emit()

        dialog = dock.context.open_process(folder)
        patience.waitUntil(lambda: dialog.submit_button.isEnabled(), timeout=60_000)
        assert dialog.submit_button.text().replace("&", "") == "Submit 3 Pairs, 30 Credits"
        dialog.dry_run()
        patience.waitUntil(lambda: "would accept 3 pairs" in dialog.status.text(), timeout=60_000)
        assert find_job_files(folder)[0] == []
        dialog.submit()
        patience.waitUntil(lambda: dock.page_key == "processor", timeout=60_000)
        page = dock.page("processor")
        patience.waitUntil(lambda: len(page.model.rows) == 3, timeout=20_000)

        # Asked again, the same pairs are known and nothing is ticked.
        again = dock.context.open_process(folder)
        patience.waitUntil(lambda: again.plan is not None, timeout=60_000)
        assert {row.state for row in again.model.rows} == {"in_flight"}
        assert not again.submit_button.isEnabled() and again.cost.values["reused"].text() == "3"
        again.close()

        request = urllib.request.Request(f"{url}/_sandbox/advance", b'{"seconds": 60}', method="POST")
        urllib.request.urlopen(request, timeout=60).close()

        def has_ended():
            QTest.qWait(300)
            with urllib.request.urlopen(f"{url}/_sandbox/jobs", timeout=60) as answer:
                return all(job["status_code"] == "SUCCEEDED" for job in json.load(answer)["jobs"])

        patience.waitUntil(has_ended, timeout=60_000)
        page._watch()
        patience.waitUntil(lambda: not page.runs.is_running(folder, WatchHyp3), timeout=60_000)
        patience.waitUntil(lambda: "3 products are here" in iface.texts(), timeout=5_000)
        patience.waitUntil(lambda: {row.status for row in page.model.rows} == {"DOWNLOADED"}, timeout=20_000)
        assert len(list(folder.glob("S1AA_*.zip"))) == 3
        assert page.analyzer_button.isEnabled() and page.analyzer_button.isDefault()
        dock.show_page("products", folder)
        products = dock.page("products")
        patience.waitUntil(lambda: products.proxy.rowCount() == 3, timeout=20_000)

# SPDX-License-Identifier: GPL-2.0-or-later
"""The editor and the pair database: colours, tips and reasons, weights that are moved, builds that are begun, fail and go on."""

from __future__ import annotations

import json

import pytest
from qgis.core import QgsProcessingFeedback
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication

from insarhub_qgis.core.atomic_files import file_lock
from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.core.network_files import load_network
from insarhub_qgis.core.pair_score import ScoreWeights
from insarhub_qgis.core.pair_table_files import KEPT_INPUTS_NAME
from insarhub_qgis.core.quality_files import (
    QualityCache,
    aoi_hash,
    read_pair_database,
    weather_key,
)
from insarhub_qgis.core.requests import BuildPairDatabase
from insarhub_qgis.gui import network_session, quality_builds
from insarhub_qgis.gui.network_dock import CHECK_TAB, DISCARD, PARAMETERS_TAB, QUALITY_TAB
from insarhub_qgis.gui.network_view import Item
from insarhub_qgis.gui.pairs_table import CLASS, EARLIER
from insarhub_qgis.host.engine_process import run_engine
from insarhub_qgis.host.settings import settings
from insarhub_qgis.layers.network_picture import GOOD, MODERATE, NOT_JUDGED, POOR, class_of
from insarhub_qgis.sandbox.server import SandboxServer
from insarhub_qgis.sandbox.service_state import Fault
from tests.makers.network_jobs import AOI, make_network_job
from tests.makers.quality_service import PredictableService

DAYS = [12 * number for number in range(6)]
#: Sample points of the area of the job.
POINTS = [(54.25, -120.5), (54.125, -120.75), (54.125, -120.25), (54.375, -120.75), (54.375, -120.25)]


@pytest.fixture(autouse=True)
def _own_profile(tmp_path, monkeypatch):
    monkeypatch.setattr(network_session, "private_folder", lambda: tmp_path / "profile")


@pytest.fixture
def job(tmp_path, engine):
    """Six dates over a town; wet snow on the third of them."""
    folder = make_network_job(tmp_path / "p5_f1", DAYS, pairs=[(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)])
    cache = QualityCache(folder)
    cache.put("landcover", aoi_hash(AOI), {"urban_frac": 1.0})
    for node in load_network(folder).network.nodes:
        is_wet = node.date.isoformat() == "2018-01-25"
        for point in POINTS:
            weather = {
                "precip_3d_mm": 0.0, "temp_overpass_c": 3.0, "soil_temp_c": 3.0,
                "snow_depth_m": 0.2 if is_wet else 0.0, "overpass_hour_utc": 5,
            }  # fmt: skip
            cache.put("weather", weather_key(*point, node.date), weather)
    cache.save()
    return folder


@pytest.fixture
def server():
    """Weather and vegetation that can be told in advance; the sandbox is on."""
    with SandboxServer([PredictableService()]) as running:
        settings().sandbox_url.setValue(running.base_url)
        settings().use_sandbox.setValue(True)
        settings().quality_sources.setValue("weather,vegetation")
        yield running


def settle(context, patience):
    patience.waitUntil(lambda: not context.runs and not context._reads, timeout=60_000)
    QTest.qWait(20)


def open_job(context, patience, job):
    dock = context.network_dock()
    dock.ask = lambda *_: DISCARD
    dock.open_job(job)
    settle(context, patience)
    dock.canvas.draw()
    return dock


def build(job, sources=(), server=None):
    """Build in the engine; only the sandbox is ever asked."""
    places = {} if server is None else Endpoints.of_sandbox(server.base_url).to_json()
    assert server is not None or not sources
    return run_engine(BuildPairDatabase(str(job), sources, endpoints=places), QgsProcessingFeedback(False))


def tip(editor, key):
    return "\n".join(editor._tip(Item(False, editor._keys.index(key))))


def line(editor):
    return editor.quality_line.label.text()


def button(editor):
    found = editor.quality_line.button
    return found.text() if found.isVisibleTo(editor) else ""


def rows_of(why):
    items = [why.table.topLevelItem(row) for row in range(why.table.topLevelItemCount())]
    return [[item.text(column) for column in range(why.table.columnCount())] for item in items]


def quality_of(job):
    return json.loads((job / "insarhub_config.json").read_text(encoding="utf-8"))["insarhub_qgis"]["quality"]


def test_colours_and_tips_come_from_the_database(context, patience, job):
    build(job)
    scores = read_pair_database(job).scores
    editor = open_job(context, patience, job)
    shown = {}
    for index, key in enumerate(editor._keys):
        (pair,) = editor.network.granule_pairs(key)
        assert editor.canvas.picture.pair_class[index] == class_of(scores[pair])
        assert f"Score {scores[pair]:.0f}" in tip(editor, key)
        shown[key] = class_of(scores[pair])
    assert shown == {(0, 1): GOOD, (1, 2): POOR, (2, 3): POOR, (3, 4): GOOD, (4, 5): GOOD}
    editor.add_pair((0, 5))
    assert editor.canvas.picture.pair_class[editor._keys.index((0, 5))] == GOOD
    editor.network.mark_saved()


def test_without_a_database_the_editor_opens_and_judges_nothing(context, patience, job):
    editor = open_job(context, patience, job)
    assert set(editor.canvas.picture.pair_class.tolist()) == {NOT_JUDGED}
    assert "Expected coherence" not in tip(editor, (0, 1))
    assert "not judged" in tip(editor, (0, 1))
    assert (line(editor), button(editor)) == ("Pair database: not built yet", "Build")
    assert not editor.quality_panel.keep_button.isEnabled()
    assert not any(slider.isEnabled() for slider in editor.quality_panel.sliders.values())


# --- Reasons -----------------------------------------------------------------------------------------


def test_the_tip_says_what_a_score_rests_on(context, patience, job, server):
    server.faults.add(Fault("/rst", times=999, status=400))
    build(job, ("vegetation",), server)
    editor = open_job(context, patience, job)
    lines = editor._tip(Item(False, editor._keys.index((0, 1))))
    assert lines[2].startswith("Score ")
    assert lines[2].endswith(", good")
    assert lines[3].startswith("Expected coherence 0.7")
    assert "lower quartile 0.7" in lines[3]
    assert lines[4] == "from land cover, low confidence"
    (baseline,) = [text for text in lines if text.startswith("Perpendicular baseline")]
    assert " m: −" in baseline
    # What was asked for is named, what nobody was asked for is not.
    assert "Not known: vegetation" in lines
    assert "fires" not in "\n".join(lines)
    wet = tip(editor, (1, 2))
    assert "Score 0, poor" in wet
    assert "Wet snow on 2018-01-25" in wet


def test_a_pair_outside_the_network_is_judged_while_it_is_drawn(context, patience, job):
    build(job)
    editor = open_job(context, patience, job)
    assert len(editor.network.scores) == len(editor.network.coherences) == 15
    days = editor.network.nodes
    assert any("Score" in text and "good" in text for text in editor._pair_preview(0, 4, days[4].date, 0.0))
    assert any("Score 0, poor" in text for text in editor._pair_preview(0, 2, days[2].date, 0.0))


def test_pairs_that_lack_inputs_are_hatched(context, patience, job, server):
    server.faults.add(Fault("/rst", times=999, status=400))
    build(job, ("vegetation",), server)
    editor = open_job(context, patience, job)
    model = editor.table.model

    def swatch(key):
        index = model.index(model.row_of(key), CLASS)
        return model.data(index, Qt.ItemDataRole.DecorationRole).pixmap(26, 12).toImage()

    degraded = swatch((0, 1))
    assert editor._is_degraded((0, 1))
    build(job, ())
    editor.quality.check_files()
    settle(context, patience)
    # Nobody was asked for vegetation now: nothing that was expected is missing.
    assert not editor._is_degraded((0, 1))
    assert swatch((0, 1)) != degraded


@pytest.mark.parametrize("way", ["graph", "table", "keyboard"])
def test_why_a_pair_scores_as_it_does_is_told_in_full(context, patience, job, way):
    build(job)
    editor = open_job(context, patience, job)
    QApplication.setActiveWindow(editor)
    index = editor._keys.index((3, 4))
    why = editor.quality_panel.why
    assert why.table.isHidden()
    if way == "graph":
        action = next(a for a in editor.menu_for(Item(False, index)).actions() if "Why" in a.text())
        action.trigger()
    elif way == "table":
        menus = []
        editor._show_menu = lambda item, place: menus.append(editor.menu_for(item))
        row = editor.table.proxy.mapFromSource(
            editor.table.model.index(editor.table.model.row_of((3, 4)), EARLIER)
        )
        editor.table.view.customContextMenuRequested.emit(editor.table.view.visualRect(row).center())
        next(a for a in menus[0].actions() if "Why" in a.text()).trigger()
    else:
        editor.canvas.setFocus(Qt.FocusReason.TabFocusReason)
        editor.canvas._set_current(Item(False, index))
        editor.tabs.setCurrentIndex(QUALITY_TAB)
        editor.quality_panel.why.table.setFocus()
    assert editor.tabs.currentIndex() == QUALITY_TAB
    assert "6 Feb 2018 → 18 Feb 2018: score" in why.head.text()
    rows = {row[0]: row[1:] for row in rows_of(why)}
    assert rows["Expected coherence"][0].startswith("0.7")
    assert rows["Expected coherence"][5:] == ["land cover", "12 d Dec–Feb"]
    assert rows["Rain before the later date"][:5] == ["0.0 mm", "0", "0.00", "0.35", "1.00"]
    assert rows["Freeze and thaw"][0] == "+3.0 → +3.0 °C"
    assert rows["Fires"][0] == "nobody was asked"
    assert rows["Perpendicular baseline"][2:4] == ["–", "–"]
    # The points lost and the score make a hundred.
    lost = sum(float(row[1].replace("−", "-")) for row in rows.values() if row[1] not in ("–", ""))
    assert 100.0 + lost == pytest.approx(editor.network.scores[(3, 4)], abs=0.3)
    QTest.keyClick(why.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert "Freeze and thaw\t+3.0 → +3.0 °C" in QApplication.clipboard().text()


def test_the_reasons_follow_what_is_chosen(context, patience, job):
    build(job)
    editor = open_job(context, patience, job)
    editor.tabs.setCurrentIndex(QUALITY_TAB)
    editor.table.view.selectRow(0)
    assert "1 Jan 2018 → 13 Jan 2018" in editor.quality_panel.why.head.text()
    editor.canvas.select((), (2,))
    assert "25 Jan 2018 → 6 Feb 2018" in editor.quality_panel.why.head.text()
    assert "Wet snow on 2018-01-25" in editor.quality_panel.why.notes.text()
    # The mouse that only passes chooses nothing.
    editor.canvas._set_hover(Item(False, 4))
    assert "25 Jan 2018" in editor.quality_panel.why.head.text()


def test_the_check_removes_what_melting_snow_spoils_and_no_bridge(context, patience, job):
    config = json.loads((job / "insarhub_config.json").read_text(encoding="utf-8"))
    make_network_job(job, DAYS, pairs=[(0, 1), (0, 2), (1, 2), (1, 3), (2, 3), (3, 4), (4, 5)], config=config)
    build(job)
    editor = open_job(context, patience, job)
    editor.tabs.setCurrentIndex(CHECK_TAB)
    patience.waitUntil(lambda: bool(editor.check.lines), timeout=60_000)
    row = next(found for found in editor.check.lines if "melting snow" in found.text)
    assert row.text.startswith("3 pairs have melting snow")
    assert any("The mean score is" in found.text and "lowest 0" in found.text for found in editor.check.lines)
    row.action()
    # One of the three still holds its date.
    active = editor.network.active_keys()
    assert len(active) == 5
    assert sum(2 in key for key in active) == 1
    editor.network.mark_saved()


# --- Weights -----------------------------------------------------------------------------------------


@pytest.fixture
def rainy(job):
    """Thirty millimetres before the last two dates; judged."""
    cache = QualityCache(job)
    for node in load_network(job).network.nodes[4:]:
        for point in POINTS:
            weather = {
                "precip_3d_mm": 30.0, "temp_overpass_c": 3.0, "soil_temp_c": 3.0, "snow_depth_m": 0.0,
                "overpass_hour_utc": 5,
            }  # fmt: skip
            cache.put("weather", weather_key(*point, node.date), weather)
    cache.save()
    build(job)
    return job


def test_a_slider_recolours_graph_and_table_and_a_higher_weight_never_raises_a_score(
    context, patience, rainy
):
    editor = open_job(context, patience, rainy)
    editor.tabs.setCurrentIndex(QUALITY_TAB)
    index = editor._keys.index((4, 5))
    artists = list(editor.canvas._artists)
    before = dict(editor.network.scores)
    seen = []
    for position in (0, 35, 60, 80, 100):
        editor.quality_panel.sliders["rain"].setValue(position)
        QTest.qWait(1)
        patience.waitUntil(lambda: not editor.quality._timer.isActive(), timeout=60_000)
        weight = position / 100
        assert editor.quality_panel.numbers["rain"].value() == weight
        after = dict(editor.network.scores)
        assert set(after) == set(before)
        assert seen == [] or all(after[key] <= score for key, score in seen[-1].items())
        assert after[(4, 5)] == pytest.approx(after[(3, 4)] * (1 - weight), rel=0.02, abs=0.2)
        assert editor.canvas.picture.pair_class[index] == class_of(after[(4, 5)])
        assert editor.table.model.text(editor.table.model.row_of((4, 5)), CLASS - 1) == f"{after[(4, 5)]:.0f}"
        seen.append(after)
    assert [class_of(scores[(4, 5)]) for scores in (seen[0], seen[-1])] == [GOOD, POOR]
    # Nothing was built anew for it yet; a moment later the picture is drawn properly.
    assert editor.canvas._artists == artists
    patience.waitUntil(lambda: editor.canvas._artists != artists, timeout=60_000)
    counts = [int(text.rsplit(" ", 1)[1]) for text in editor.legend.texts()[:4]]
    assert sum(counts) == 5
    assert counts[POOR] == editor.canvas.picture.pair_class.tolist().count(POOR)
    assert editor.quality_panel.preset.currentText() == "Own weights"
    # Nothing is kept, and nothing is an edit.
    assert read_pair_database(rainy).scores == {
        editor.network.granule_pairs(key)[0]: pytest.approx(score) for key, score in before.items()
    }
    assert not editor.session.is_dirty


def test_many_positions_of_a_slider_are_one_recolouring(context, patience, rainy, monkeypatch):
    editor = open_job(context, patience, rainy)
    shown = []
    original = editor.session.show_weights
    monkeypatch.setattr(
        editor.session, "show_weights", lambda weights: (shown.append(weights), original(weights))
    )
    for position in range(100):
        editor.quality_panel.sliders["rain"].setValue(position)
    patience.waitUntil(lambda: bool(shown) and not editor.quality._timer.isActive(), timeout=60_000)
    assert len(shown) == 1
    assert shown[0].rain == 0.99


def test_reset_brings_the_kept_weights_back(context, patience, rainy):
    editor = open_job(context, patience, rainy)
    before = dict(editor.network.scores)
    panel = editor.quality_panel
    panel.preset.setCurrentIndex(panel.preset.findData("coherence_only"))
    panel.preset.activated.emit(panel.preset.currentIndex())
    patience.waitUntil(lambda: not editor.quality._timer.isActive(), timeout=60_000)
    assert editor.network.scores[(4, 5)] > before[(4, 5)]
    assert panel.state.text() == "Only shown, not kept."
    panel.reset_button.click()
    assert dict(editor.network.scores) == before
    assert panel.weights == ScoreWeights()
    assert (panel.reset_button.isEnabled(), panel.keep_button.isEnabled()) == (False, False)


def test_keep_writes_config_and_database_without_asking_any_service(context, patience, rainy, server):
    editor = open_job(context, patience, rainy)
    panel = editor.quality_panel
    panel.sliders["rain"].setValue(100)
    patience.waitUntil(lambda: panel.keep_button.isEnabled(), timeout=60_000)
    panel.keep_button.click()
    assert not panel.keep_button.isEnabled()
    settle(context, patience)
    assert server.log.to_json() == []
    assert quality_of(rainy)["weights"]["rain"] == 1.0
    scores = read_pair_database(rainy).scores
    assert {
        editor.network.granule_pairs(key)[0]: pytest.approx(score)
        for key, score in editor.network.scores.items()
    } == scores
    assert panel.state.text() == ""
    # Another session begins with what was kept, and a build goes on with it.
    found = load_network(rainy)
    assert found.quality.table.pairs.weights.rain == 1.0
    editor.quality.build()
    settle(context, patience)
    assert quality_of(rainy)["weights"]["rain"] == 1.0


def test_saving_the_network_saves_the_scores_that_are_kept(context, patience, rainy):
    editor = open_job(context, patience, rainy)
    kept = editor.network.scores[(4, 5)]
    editor.quality_panel.sliders["rain"].setValue(100)
    patience.waitUntil(lambda: editor.network.scores[(4, 5)] != kept, timeout=60_000)
    editor.toggle_pairs([(0, 1)])
    editor.save()
    settle(context, patience)
    stack = load_network(rainy).stack
    (pair,) = editor.network.granule_pairs((4, 5))
    assert stack.scores[pair] == pytest.approx(kept)


# --- Builds ------------------------------------------------------------------------------------------


def test_with_every_service_down_the_editor_says_so_and_recovers(context, patience, job, server):
    (job / ".insarhub_quality_cache.json").unlink()
    server.faults.add(Fault("/", times=999, status=400))
    editor = open_job(context, patience, job)
    editor.quality_line.button.click()
    patience.waitUntil(lambda: button(editor) == "Cancel", timeout=60_000)
    assert line(editor).startswith("Building pair database")
    # Nobody waits for it.
    editor.toggle_pairs([(0, 1)])
    editor.undo()
    settle(context, patience)
    host = server.base_url.removeprefix("http://")
    text = "Pair database: 15 pairs; weather missing for 6 dates; vegetation missing for 6 dates"
    assert line(editor).startswith(text)
    assert line(editor).endswith(f"no answer from {host}")
    assert button(editor) == "Update"
    assert "Not known: rain before the earlier date" in tip(editor, (0, 1))
    # The latitude still tells something, and what is not known is no 0.
    assert set(editor.canvas.picture.pair_class.tolist()) <= {MODERATE, POOR}
    assert all(score > 0 for score in editor.network.scores.values())
    server.faults.clear()
    editor.quality_line.button.click()
    settle(context, patience)
    assert (line(editor), button(editor)) == ("Pair database: 15 pairs", "")
    assert "Not known" not in tip(editor, (0, 1))
    assert not editor.session.is_dirty


def test_a_cancelled_build_is_resumed(context, patience, job, server):
    (job / ".insarhub_quality_cache.json").unlink()
    server.faults.add(Fault("/rst", times=1, delay_s=30.0))
    editor = open_job(context, patience, job)
    editor.quality_line.button.click()
    patience.waitUntil(lambda: "vegetation" in line(editor), timeout=60_000)
    assert "Building pair database: vegetation" in line(editor)
    assert line(editor).endswith(" %")
    editor.quality_line.button.click()
    assert "cancelling" in line(editor)
    settle(context, patience)
    assert button(editor) == "Resume"
    assert "not complete" in line(editor)
    # The user said no: nothing begins by itself.
    editor.quality.begin_after_selection()
    assert not context.runs
    server.faults.clear()
    server.log.clear()
    editor.quality_line.button.click()
    settle(context, patience)
    assert (line(editor), button(editor)) == ("Pair database: 15 pairs", "")
    assert not any("/v1/archive" in entry["path"] for entry in server.log.to_json()), "fetched twice"


def test_a_selection_begins_a_build_by_itself_once(context, patience, job, server, monkeypatch):
    begun = []
    original = quality_builds.QualityBuilds.begin
    monkeypatch.setattr(
        quality_builds.QualityBuilds,
        "begin",
        lambda self, folder, section, **values: (
            begun.append(values),
            original(self, folder, section, **values),
        )[1],
    )
    editor = open_job(context, patience, job)
    editor.tabs.setCurrentIndex(PARAMETERS_TAB)
    patience.waitUntil(lambda: editor.preview.selection is not None, timeout=60_000)
    editor.apply_parameters()
    # The editor goes on at once.
    editor.undo()
    editor.redo()
    settle(context, patience)
    assert begun == [{"is_asking": False}]
    assert "Scores: mean " in editor.parameters.preview.text()
    assert "lowest 0" in editor.parameters.preview.text()
    assert read_pair_database(job).is_complete
    assert line(editor).startswith("Pair database: 15 pairs")
    editor.apply_parameters()
    settle(context, patience)
    assert len(begun) == 1
    editor.network.mark_saved()


def test_a_build_that_ended_behind_another_stack_is_seen(tmp_path, context, patience, job):
    other = make_network_job(tmp_path / "p6_f1", DAYS, pairs=[(0, 1)])
    editor = open_job(context, patience, job)
    open_job(context, patience, other)
    build(job)
    open_job(context, patience, job)
    assert len(editor.network.scores) == 15
    assert editor.canvas.picture.pair_class[0] == GOOD
    assert line(editor).startswith("Pair database: 15 pairs")


def test_what_nobody_answered_is_not_asked_by_itself_again_and_again(context, patience, job, server):
    server.faults.add(Fault("/", times=999, status=400))
    (job / ".insarhub_quality_cache.json").unlink()
    editor = open_job(context, patience, job)
    editor.quality.begin_after_selection()
    settle(context, patience)
    asked = len(server.log.to_json())
    assert asked > 0
    editor.quality.begin_after_selection()
    settle(context, patience)
    assert len(server.log.to_json()) == asked
    # New scenes are another matter.
    config = json.loads((job / "insarhub_config.json").read_text(encoding="utf-8"))
    make_network_job(job, [*DAYS, 72], pairs=[(0, 1)], config=config)
    editor.check_disk()
    settle(context, patience)
    editor.quality.begin_after_selection()
    settle(context, patience)
    assert len(server.log.to_json()) > asked
    assert line(editor).startswith("Pair database: 21 pairs")


def test_one_build_per_job_and_another_program_may_have_it(context, patience, job, server):
    editor = open_job(context, patience, job)
    builds = context.quality_builds()
    assert builds.begin(job, {})
    assert not builds.begin(job, {})
    assert len([run for run in context.runs if run.job_folder == job]) == 1
    settle(context, patience)
    before = dict(editor.network.scores)
    with file_lock(job / ".insarhub_pair_database.lock", "build-pair-database"):
        builds.begin(job, {})
        settle(context, patience)
    assert "being built already" in line(editor)
    assert dict(editor.network.scores) == before
    assert builds.begin(job, {})
    settle(context, patience)
    assert "being built already" not in line(editor)


def test_what_another_program_built_is_read(context, patience, job):
    editor = open_job(context, patience, job)
    assert len(editor.network.scores) == 0
    build(job)
    patience.waitUntil(lambda: editor.session.table is not None or editor.check_disk(), timeout=60_000)
    settle(context, patience)
    assert len(editor.network.scores) == 15
    assert editor.canvas.picture.pair_class[0] == GOOD
    assert not editor.session.is_dirty


@pytest.mark.parametrize("count", [1, 2])
def test_jobs_of_few_dates_are_shown(tmp_path, context, patience, server, engine, count):
    job = make_network_job(tmp_path / "few", DAYS[:count], pairs=[(0, 1)][: count - 1])
    editor = open_job(context, patience, job)
    editor.quality_line.button.click()
    settle(context, patience)
    if count == 1:
        assert "pairs need two" in line(editor)
        assert button(editor) == "Build"
    else:
        assert line(editor) == "Pair database: 1 pair"
        assert "Score" in tip(editor, (0, 1))
        editor.explain((0, 1))
        assert rows_of(editor.quality_panel.why)


def test_without_an_engine_the_editor_works_and_says_what_is_missing(context, patience, tmp_path):
    job = make_network_job(tmp_path / "p5_f1", DAYS, pairs=[(0, 1)])
    editor = open_job(context, patience, job)
    editor.quality_line.button.click()
    settle(context, patience)
    assert "not built yet" in line(editor)
    assert "engine" in line(editor).lower()
    assert button(editor) == "Build"
    editor.toggle_pairs([(0, 1)])
    editor.undo()


def test_a_damaged_file_of_the_build_costs_the_reasons_only(context, patience, job):
    build(job)
    (job / KEPT_INPUTS_NAME).write_bytes(b"no archive")
    editor = open_job(context, patience, job)
    assert len(editor.network.scores) == 15
    assert editor.session.table is None
    assert button(editor) == "Update"
    assert "Score" in tip(editor, (0, 1))
    editor.explain((0, 1))
    assert "not judged yet" in editor.quality_panel.why.head.text()

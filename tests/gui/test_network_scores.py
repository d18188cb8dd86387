# SPDX-License-Identifier: GPL-2.0-or-later
"""The editor shows what the engine wrote into the pair database: colours, tips, and scores of pairs to be added."""

from __future__ import annotations

import pytest
from qgis.core import QgsProcessingFeedback
from qgis.PyQt.QtTest import QTest

from insarhub_qgis.core.network_files import load_network
from insarhub_qgis.core.quality_files import QualityCache, aoi_hash, read_pair_database, weather_key
from insarhub_qgis.core.requests import BuildPairDatabase
from insarhub_qgis.gui import network_session
from insarhub_qgis.gui.network_dock import DISCARD
from insarhub_qgis.gui.network_view import Item
from insarhub_qgis.host.engine_process import run_engine
from insarhub_qgis.layers.network_picture import GOOD, NOT_JUDGED, POOR, class_of
from tests.makers.network_jobs import AOI, make_network_job

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


def open_job(context, patience, job):
    dock = context.network_dock()
    dock.ask = lambda *_: DISCARD
    dock.open_job(job)
    patience.waitUntil(lambda: not context.runs and not context._reads, timeout=20000)
    QTest.qWait(20)
    dock.canvas.draw()
    return dock


def test_colours_and_tips_come_from_the_database(context, patience, job):
    run_engine(BuildPairDatabase(str(job), ()), QgsProcessingFeedback(False))
    scores = read_pair_database(job).scores
    editor = open_job(context, patience, job)
    shown = {}
    for index, key in enumerate(editor._keys):
        (pair,) = editor.network.granule_pairs(key)
        assert editor.canvas.picture.pair_class[index] == class_of(scores[pair])
        assert f"Score {scores[pair]:.0f}" in "\n".join(editor._tip(Item(False, index)))
        shown[key] = class_of(scores[pair])
    assert shown == {(0, 1): GOOD, (1, 2): POOR, (2, 3): POOR, (3, 4): GOOD, (4, 5): GOOD}
    editor.add_pair((0, 5))
    assert editor.canvas.picture.pair_class[editor._keys.index((0, 5))] == GOOD
    editor.network.mark_saved()


def test_without_a_database_the_editor_opens_and_judges_nothing(context, patience, job):
    editor = open_job(context, patience, job)
    assert set(editor.canvas.picture.pair_class.tolist()) == {NOT_JUDGED}
    assert "Expected coherence" not in "\n".join(editor._tip(Item(False, 0)))

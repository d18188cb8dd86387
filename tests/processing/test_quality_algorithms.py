# SPDX-License-Identifier: GPL-2.0-or-later
"""Scoring pairs by its algorithm: a table, a database that the editor reads, and sentences for what is missing."""

from __future__ import annotations

import pytest
from qgis.core import NULL, QgsProcessingFeedback, QgsProcessingUtils

from insarhub_qgis.core.network_files import load_network
from insarhub_qgis.core.quality_files import QualityCache, aoi_hash, read_pair_database
from insarhub_qgis.host.settings import settings
from insarhub_qgis.sandbox.server import SandboxServer
from tests.makers.network_jobs import AOI, make_network_job

DAYS = [12 * number for number in range(8)]
PAIRS = 28


class Words(QgsProcessingFeedback):
    def __init__(self):
        super().__init__(False)
        self.warnings, self.infos = [], []

    def pushWarning(self, text):
        self.warnings.append(text)

    def pushInfo(self, text):
        self.infos.append(text)


@pytest.fixture
def job(tmp_path):
    return make_network_job(tmp_path / "job é", DAYS)


@pytest.fixture
def no_service():
    """A server that knows none of the services."""
    with SandboxServer([]) as server:
        settings().use_sandbox.setValue(True)
        settings().sandbox_url.setValue(server.base_url)
        yield server
    settings().use_sandbox.remove()
    settings().sandbox_url.remove()


def rows_of(output) -> list[dict]:
    layer = output if hasattr(output, "getFeatures") else QgsProcessingUtils.mapLayerFromString(output, None)
    names = [field.name() for field in layer.fields()]
    return [dict(zip(names, feature.attributes())) for feature in layer.getFeatures()]


def score(run, job, feedback=None, **values):
    return run("scorepairs", {"JOB_FOLDER": str(job), "OUTPUT": "memory:", **values}, feedback)


def test_scorepairs_gives_a_row_per_pair_and_the_database(run, job, no_service):  # insarhub:scorepairs
    cache = QualityCache(job)
    cache.put("landcover", aoi_hash(AOI), {"urban_frac": 1.0})
    cache.save()
    words = Words()
    answer = score(run, job, words, SOURCES=[])
    rows = rows_of(answer["OUTPUT"])
    assert (
        len(rows) == PAIRS == sum(answer[f"COUNT_{name}"] for name in ("GREEN", "YELLOW", "RED", "UNKNOWN"))
    )
    assert {row["decay_source"] for row in rows} == {"landcover"}
    assert {row["reason"] for row in rows} == {NULL}
    assert "rain_1" in rows[0]["missing"]
    assert words.warnings == []
    assert no_service.log.to_json() == [], "an empty choice of sources asks nobody"
    database = read_pair_database(job)
    assert answer["DATABASE"].startswith(str(job))
    assert database.is_complete
    for row in rows:
        assert database.scores[(row["reference"], row["secondary"])] == pytest.approx(row["score"], abs=0.05)
    assert load_network(job).network.pair((0, 1)).score == pytest.approx(rows[0]["score"], abs=0.05)


def test_scorepairs_names_the_hosts_that_do_not_answer(run, job, no_service):
    words = Words()
    answer = score(run, job, words, SOURCES=["vegetation"])
    (warning,) = words.warnings
    assert warning.startswith("vegetation: ")
    assert no_service.base_url.removeprefix("http://") in warning
    assert [entry["path"][:4] for entry in no_service.log.to_json()] == ["/rst"]
    assert len(rows_of(answer["OUTPUT"])) == PAIRS


def test_scorepairs_refuses_a_folder_without_stack(refused, tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    refused(
        "Score pairs: a folder without stack file",
        "scorepairs",
        {"JOB_FOLDER": str(folder), "OUTPUT": "memory:"},
        kept=[folder],
        words=[str(folder)],
    )

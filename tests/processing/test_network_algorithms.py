# SPDX-License-Identifier: GPL-2.0-or-later
"""Selecting, checking, bridging and drawing a network by algorithms, without an engine and without a display."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from qgis.core import NULL, QgsProcessingException, QgsProcessingUtils

from insarhub_qgis.core.network_files import load_network
from insarhub_qgis.processing.select_pairs import months_of
from tests.makers.network_jobs import AOI, make_network_job, scene_name

ROOT = Path(__file__).resolve().parents[2]
DAYS = [12 * number for number in range(12)]


@pytest.fixture
def job(tmp_path):
    return make_network_job(tmp_path / "job é", DAYS)


def rows_of(output) -> list[dict]:
    layer = output if hasattr(output, "getFeatures") else QgsProcessingUtils.mapLayerFromString(output, None)
    names = [field.name() for field in layer.fields()]
    return [dict(zip(names, feature.attributes())) for feature in layer.getFeatures()]


def test_selectpairs_writes_stack_image_and_diagnostics(run_offline, job):  # insarhub:selectpairs
    answer = run_offline("selectpairs", {"JOB_FOLDER": str(job)})
    stack = json.loads(Path(answer["STACK_FILE"]).read_text(encoding="utf-8"))
    assert Path(answer["STACK_FILE"]).parent == job
    assert len(stack["pairs"]) == answer["PAIR_COUNT"] > len(DAYS)
    assert Path(answer["NETWORK_IMAGE"]).name == "network_p0_f0.png"
    assert Path(answer["NETWORK_IMAGE"]).read_bytes().startswith(b"\x89PNG")
    figures = json.loads(answer["DIAGNOSTICS"])
    assert len(figures["components"]) == 1
    assert figures["bridges"] == []
    assert figures["rank"] == figures["full_rank"] == len(DAYS) - 1
    assert figures["pairs"] == answer["PAIR_COUNT"]
    config = json.loads((job / "insarhub_config.json").read_text(encoding="utf-8"))
    assert config["insarhub_qgis"]["network"]["parameters"]["dt_max"] == 120
    assert config["downloader"]["config"]["intersectsWith"] == AOI
    again = run_offline("selectpairs", {"JOB_FOLDER": str(job)})
    assert json.loads(Path(again["STACK_FILE"]).read_text(encoding="utf-8")) == stack


def test_selectpairs_takes_its_parameters(run_offline, job):
    answer = run_offline(
        "selectpairs",
        {"JOB_FOLDER": str(job), "MODE": "nearest", "N_NEAREST": 1, "DT_MAX": 12, "MIN_DEGREE": 1},
    )
    assert answer["PAIR_COUNT"] == len(DAYS) - 1
    assert json.loads(answer["DIAGNOSTICS"])["short_pairs_only"] is True
    answer = run_offline("selectpairs", {"JOB_FOLDER": str(job), "MONTHS": "1-2"})
    unpaired = json.loads(answer["DIAGNOSTICS"])["unpaired"]
    assert set(unpaired.values()) == {"month_filter"}
    assert all(day >= "2018-03" for day in unpaired)
    assert months_of("11-2") == (1, 2, 11, 12)


def test_selectpairs_with_a_budget(run_offline, job):
    parameters = {"JOB_FOLDER": str(job), "MODE": "budget", "CREDITS": 200, "CREDITS_PER_PAIR": 10}
    answer = run_offline("selectpairs", parameters)
    figures = json.loads(answer["DIAGNOSTICS"])
    assert answer["PAIR_COUNT"] == 20
    assert figures["credits"] == 200
    inside = [step["variance"] for step in figures["variance_of_credits"] if step["within_budget"]]
    assert inside == sorted(inside, reverse=True)
    before = (job / "stack_p0_f0.json").read_bytes()
    with pytest.raises(QgsProcessingException, match="110 are needed, 60 more"):
        run_offline("selectpairs", {**parameters, "CREDITS": 50})
    assert (job / "stack_p0_f0.json").read_bytes() == before


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"MIN_DEGREE": 6}, "above Max Connections"),
        ({"DT_TARGETS": "six"}, "DT_TARGETS"),
        ({"DT_TARGETS": "-6"}, "dt_targets"),
        ({"MONTHS": "13"}, "MONTHS"),
        ({"MODE": "budget"}, "number of credits"),
        ({"MODE": "budget", "CREDITS": 500}, "credits per pair"),
    ],
)
def test_selectpairs_refuses_parameters_in_a_sentence(run_offline, job, parameters, sentence):
    before = (job / "stack_p0_f0.json").read_bytes()
    with pytest.raises(QgsProcessingException, match=sentence):
        run_offline("selectpairs", {"JOB_FOLDER": str(job), **parameters})
    assert (job / "stack_p0_f0.json").read_bytes() == before


def test_selectpairs_on_folders_that_cannot_be_used(run_offline, tmp_path):
    with pytest.raises(QgsProcessingException, match="no folder"):
        run_offline("selectpairs", {"JOB_FOLDER": str(tmp_path / "none")})
    with pytest.raises(QgsProcessingException, match="no stack file"):
        run_offline("selectpairs", {"JOB_FOLDER": str(tmp_path)})
    (tmp_path / "stack_p0_f0.json").write_text('{"pairs": [', encoding="utf-8")
    with pytest.raises(QgsProcessingException, match="stack_p0_f0.json"):
        run_offline("selectpairs", {"JOB_FOLDER": str(tmp_path)})
    assert (tmp_path / "stack_p0_f0.json").read_text(encoding="utf-8") == '{"pairs": ['


def test_checknetwork_gives_rows_and_a_page(run_offline, tmp_path):  # insarhub:checknetwork
    job = make_network_job(tmp_path / "job", DAYS, pairs=[(0, 1), (1, 2), (4, 5)])
    page = tmp_path / "check.html"
    parameters = {"JOB_FOLDER": str(job), "OUTPUT": "TEMPORARY_OUTPUT", "HTML": str(page)}
    answer = run_offline("checknetwork", parameters)
    rows = {row["code"]: row for row in rows_of(answer["OUTPUT"])}
    assert rows["check.split"]["level"] == "warning"
    assert rows["check.split"]["fix"] == "suggest_bridges"
    assert rows["check.bridges"]["pairs"] == "20180101_20180113, 20180113_20180125, 20180218_20180302"
    assert rows["check.covered"]["level"] == "ok"
    text = page.read_text(encoding="utf-8")
    assert rows["check.split"]["text"] in text
    assert "?" not in "".join(row["text"] + row["what_to_do"] for row in rows.values())
    without_page = run_offline("checknetwork", {"JOB_FOLDER": str(job), "OUTPUT": "TEMPORARY_OUTPUT"})
    assert Path(without_page["HTML"]).is_file()


def test_suggestbridges_is_empty_for_a_connected_network(run_offline, tmp_path):  # insarhub:suggestbridges
    job = make_network_job(tmp_path / "job", [0, 12, 24, 200, 212, 224], [0, 5, 9, 20, 12, -3], [(0, 1), (1, 2), (3, 4), (4, 5)])  # fmt: skip
    parameters = {"JOB_FOLDER": str(job), "OUTPUT": "TEMPORARY_OUTPUT"}
    rows = rows_of(run_offline("suggestbridges", parameters)["OUTPUT"])
    assert [row["rank"] for row in rows] == [1, 2, 3]
    assert rows[0]["dt_days"] == 176
    assert rows[0]["changes"] == "dt_max = 176"
    assert rows[0]["reference"] == scene_name(24)
    assert rows[0]["score"] == NULL
    run_offline("selectpairs", {"JOB_FOLDER": str(job)})
    assert rows_of(run_offline("suggestbridges", parameters)["OUTPUT"]) == []


def test_networktolayers_has_all_pairs_and_scenes(run_offline, job):  # insarhub:networktolayers
    run_offline("selectpairs", {"JOB_FOLDER": str(job)})
    opened = load_network(job)
    opened.network.remove_pairs(opened.network.active_keys()[:2])
    opened.network.exclude_dates([11])
    opened.save()
    parameters = {"JOB_FOLDER": str(job), "PAIRS": "TEMPORARY_OUTPUT", "SCENES": "TEMPORARY_OUTPUT"}
    answer = run_offline("networktolayers", parameters)
    pairs, scenes = rows_of(answer["PAIRS"]), rows_of(answer["SCENES"])
    states = [row["state"] for row in pairs]
    assert states.count("active") == len(opened.network.active_keys())
    assert states.count("removed") == 2
    assert "excluded" in states
    assert [row["scene"] for row in scenes] == [scene_name(day) for day in DAYS]
    assert scenes[11]["excluded"] == "user"
    assert scenes[11]["degree"] == 0
    assert scenes[0]["frame"] == 411
    assert pairs[0]["score"] == NULL
    line = next(iter(answer["PAIRS"].getFeatures())).geometry()
    assert line.asPolyline()[0].x() == pytest.approx(-120.5)
    polygon = next(iter(answer["SCENES"].getFeatures())).geometry()
    assert polygon.boundingBox().yMaximum() == pytest.approx(55.2)
    assert answer["PAIRS"].crs().authid() == "EPSG:4326"


def test_networktolayers_without_footprints_keeps_the_attributes(run_offline, job):
    (job / ".insarhub_qgis_umm.json.gz").unlink()
    parameters = {"JOB_FOLDER": str(job), "PAIRS": "TEMPORARY_OUTPUT", "SCENES": "TEMPORARY_OUTPUT"}
    scenes = run_offline("networktolayers", parameters)["SCENES"]
    assert scenes.featureCount() == len(DAYS)
    assert all(feature.geometry().isNull() for feature in scenes.getFeatures())


def test_image_needs_no_display_and_draws_every_size(tmp_path):
    """The drawing code by itself, in a process whose environment names no display."""
    script = (
        "from pathlib import Path\n"
        "from insarhub_qgis.core.network_model import StackNetwork\n"
        "from insarhub_qgis.core.pair_selection import select_for\n"
        "from insarhub_qgis.core.selection_parameters import SelectionParameters\n"
        "from insarhub_qgis.layers.network_image import save_network_image\n"
        "from tests.makers.network_jobs import make_stack\n"
        "for count in (0, 1, 2, 45):\n"
        "    nodes, baselines = make_stack([12 * n for n in range(count)], [None if n == 3 else 0.0 for n in range(count)])\n"
        "    network = StackNetwork(nodes, baselines=baselines)\n"
        "    network.apply_selection(select_for(network, SelectionParameters()))\n"
        f"    path = save_network_image(network, Path({str(tmp_path)!r}) / f'{{count}}.png', 'p5_f411')\n"
        "    print(count, path.read_bytes()[16:24].hex())\n"
    )
    environment = {
        name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")
    }
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT, env={**environment, "QT_QPA_PLATFORM": "offscreen"}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    size = f"{18 * 200:08x}{7 * 200:08x}"
    assert done.stdout.split() == [word for count in (0, 1, 2, 45) for word in (str(count), size)]

# SPDX-License-Identifier: GPL-2.0-or-later
"""insarhub:searchscenes and insarhub:addjobs against the sandbox."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from qgis.core import (
    NULL,
    QgsFeature,
    QgsGeometry,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)

from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.host import paths
from insarhub_qgis.host.settings import settings
from tests.makers.sandbox_server import running_sandbox

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "asf_p13_f411_2019"
#: Around the simulated site.
EXTENT = "-2.5,-1.2,37.1,38.3 [EPSG:4326]"
SMALL_AREA = "-1.80,-1.70,37.60,37.70 [EPSG:4326]"


class Words(QgsProcessingFeedback):
    def __init__(self):
        super().__init__(False)
        self.warnings = []

    def pushWarning(self, text):
        self.warnings.append(text)


@pytest.fixture(scope="module")
def sandbox(engine):
    with running_sandbox(engine) as url:
        yield url


@pytest.fixture(autouse=True)
def _own_settings(qgis_app, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "private_folder", lambda: tmp_path / "private")
    yield
    settings().use_sandbox.remove()
    settings().sandbox_url.remove()


def use(url):
    settings().use_sandbox.setValue(True)
    settings().sandbox_url.setValue(url)


@pytest.fixture
def search(run, sandbox):
    use(sandbox)

    def search(feedback=None, **parameters):
        return run("searchscenes", {"OUTPUT": "TEMPORARY_OUTPUT", **parameters}, feedback)

    return search


def area_layer(*rectangles, crs="EPSG:4326"):
    layer = QgsVectorLayer(f"Polygon?crs={crs}", "areas", "memory")
    for rectangle in rectangles:
        feature = QgsFeature()
        feature.setGeometry(QgsGeometry.fromRect(QgsRectangle(*rectangle)))
        layer.dataProvider().addFeature(feature)
    layer.updateExtents()
    QgsProject.instance().addMapLayer(layer)
    return layer


def stacks_of(layer) -> set[tuple[int, int]]:
    return {(feature["path"], feature["frame"]) for feature in layer.getFeatures()}


def test_an_extent_as_area_finds_the_stacks(search):
    answer = search(AOI=EXTENT)
    layer = answer["OUTPUT"]
    assert layer.crs().authid() == "EPSG:4326"
    assert answer["SCENE_COUNT"] == layer.featureCount() > 100
    assert stacks_of(layer) == {(8, 463), (103, 121), (103, 126)}
    assert search(EXTENT=EXTENT)["SCENE_COUNT"] == answer["SCENE_COUNT"]


def test_all_features_of_a_layer_are_the_area_in_any_crs(search):
    site = area_layer(
        (550000, 4110000, 600000, 4160000), (610000, 4170000, 640000, 4200000), crs="EPSG:32630"
    )
    assert (103, 121) in stacks_of(search(AOI=site)["OUTPUT"])


def test_filters_narrow_the_search(search):
    layer = search(
        AOI=EXTENT, START="2020-03-01", END="2020-04-30", DIRECTION="ASCENDING", PATH="100-103", FRAME=121
    )["OUTPUT"]
    assert stacks_of(layer) == {(103, 121)}
    days = sorted(feature["date"].toString("yyyy-MM-dd") for feature in layer.getFeatures())
    assert days[0] >= "2020-03-01"
    assert days[-1] <= "2020-04-30"
    assert len(days) == 5
    assert {
        feature["platform"] for feature in search(AOI=EXTENT, PLATFORM=["S1B"])["OUTPUT"].getFeatures()
    } == {"S1B"}


def test_bursts_of_a_small_area_are_passes_with_all_of_them(search):
    words = Words()
    answer = search(words, PRODUCT="bursts", AOI=SMALL_AREA)
    rows = {feature["date"].toString("yyyy-MM-dd"): feature for feature in answer["OUTPUT"].getFeatures()}
    # One of the 31 passes lacks a burst.
    assert answer["SCENE_COUNT"] == len(rows) == 30
    assert any("burst" in text for text in words.warnings)
    first = rows[min(rows)]
    bursts = first["bursts"].split(", ")
    assert 1 < len(bursts) <= 4
    assert {row["bursts"] for row in rows.values()} == {first["bursts"]}
    assert (first["path"], first["frame"]) == (103, min(int(burst[:6]) for burst in bursts))
    assert first["name"].startswith(f"S1_{bursts[0]}_") and first["polarization"] == "VV"
    assert first["coverage_percent"] > 99.0
    # The bursts of the area are a small part of a whole scene.
    area = QgsGeometry.fromRect(QgsRectangle(-1.8, 37.6, -1.7, 37.7))
    assert first.geometry().contains(area)
    whole = next(search(AOI=SMALL_AREA, PATH=103)["OUTPUT"].getFeatures())
    assert whole["bursts"] == NULL
    assert first.geometry().area() < whole.geometry().area() / 3


def test_an_area_of_more_bursts_than_hyp3_takes_is_said(search):
    words = Words()
    layer = search(words, PRODUCT="bursts", AOI="-4.0,0.0,37.0,38.4 [EPSG:4326]")["OUTPUT"]
    assert layer.featureCount() > 0
    assert any("15" in text and "area" in text for text in words.warnings)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"AOI": SMALL_AREA, "FRAME": "121"}, "Bursts belong to no frame"),
        ({"PATH": "103"}, "bursts needs an area"),
        ({"AOI": SMALL_AREA, "POLARIZATION": ["VV+VH"]}, "Use one of: VV, HH"),
    ],
)
def test_what_bursts_do_not_know_is_refused_with_a_sentence(search, parameters, expected):
    with pytest.raises(QgsProcessingException) as caught:
        search(PRODUCT="bursts", **parameters)
    assert expected in str(caught.value)


def test_a_limit_is_said(search):
    words = Words()
    assert search(words, AOI=EXTENT, MAX_RESULTS=7)["SCENE_COUNT"] == 7
    assert words.warnings


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"AOI": EXTENT, "START": "03/04/2020"}, "is no day"),
        ({"AOI": EXTENT, "START": "2020-02-01", "END": "2020-01-01"}, "before"),
        ({"AOI": EXTENT, "PATH": "13, x"}, "no list of numbers"),
        ({}, "area"),
    ],
)
def test_what_cannot_be_searched_is_refused_with_a_sentence(search, parameters, expected):
    with pytest.raises(QgsProcessingException) as caught:
        search(**parameters)
    assert expected in str(caught.value)


def test_an_empty_layer_is_refused(search):
    with pytest.raises(QgsProcessingException) as caught:
        search(AOI=area_layer())
    assert "no geometry to search" in str(caught.value)


def test_no_server_is_said_in_a_sentence(run):
    use("http://127.0.0.1:9")
    with pytest.raises(QgsProcessingException) as caught:
        run("searchscenes", {"AOI": EXTENT, "OUTPUT": "TEMPORARY_OUTPUT"})
    assert "Traceback" not in str(caught.value)
    assert "reached" in str(caught.value)


def test_footprints_become_job_folders(search, run, tmp_path):
    layer = search(AOI=EXTENT, PATH="103")["OUTPUT"]
    work = tmp_path / "work ñ"
    work.mkdir()
    answer = run("addjobs", {"SCENES": layer, "WORK_DIRECTORY": str(work)})
    folders = [Path(text) for text in answer["JOB_FOLDERS"].split(";")]
    assert sorted(folder.name for folder in folders) == ["p103_f121", "p103_f126"]
    job = JobFolder(work / "p103_f121")
    stack = job.read_stack()
    wanted = {feature["name"] for feature in layer.getFeatures() if feature["frame"] == 121}
    assert set(stack.scenes) == wanted
    assert set(stack.baselines) == wanted
    options = job.read_config().stage_options("downloader")
    assert (options["relativeOrbit"], options["frame"]) == (103, 121)
    # Once more changes nothing.
    before = {path: path.read_bytes() for path in (work / "p103_f121").glob("stack_*.json")}
    run("addjobs", {"SCENES": layer, "WORK_DIRECTORY": str(work)})
    assert {path: path.read_bytes() for path in before} == before


def test_one_stack_goes_flat_into_an_empty_work_directory_and_selected_scenes_only(search, run, tmp_path):
    from qgis.core import QgsProcessingFeatureSourceDefinition

    layer = search(AOI=EXTENT, PATH="103", FRAME="121")["OUTPUT"]
    QgsProject.instance().addMapLayer(layer)
    layer.selectByExpression("\"date\" < '2020-04-01'")
    chosen = layer.selectedFeatureCount()
    work = tmp_path / "flat"
    work.mkdir()
    scenes = QgsProcessingFeatureSourceDefinition(layer.id(), True)
    answer = run("addjobs", {"SCENES": scenes, "WORK_DIRECTORY": str(work)})
    assert Path(answer["JOB_FOLDERS"]) == work
    assert (work / "stack_p0_f0.json").is_file()
    assert 0 < len(JobFolder(work).read_stack().scenes) == chosen < layer.featureCount()


def test_a_layer_that_is_not_from_a_search_is_refused(run, tmp_path):
    with pytest.raises(QgsProcessingException) as caught:
        run("addjobs", {"SCENES": area_layer((0, 0, 1, 1)), "WORK_DIRECTORY": str(tmp_path)})
    assert "not from Search scenes" in str(caught.value)


def test_an_answer_that_is_gone_is_named(search, run, tmp_path):
    layer = search(AOI=EXTENT, PATH="103", FRAME="121")["OUTPUT"]
    for file in Path(next(layer.getFeatures())["answer"]).iterdir():
        file.unlink()
    with pytest.raises(QgsProcessingException) as caught:
        run("addjobs", {"SCENES": layer, "WORK_DIRECTORY": str(tmp_path)})
    assert "earch" in str(caught.value)


def test_real_scenes_of_the_archive_are_found(run, engine, tmp_path):
    umm = REAL / "granules.umm.json"
    if not umm.is_file():
        pytest.skip(f"no real scenes in {REAL}")
    expected = {
        item["umm"]["GranuleUR"].removesuffix("-SLC") for item in json.loads(umm.read_text("utf-8"))["items"]
    }
    with running_sandbox(engine, str(umm)) as url:
        use(url)
        layer = run(
            "searchscenes",
            {"AOI": "-122,-120.5,53.7,54.7 [EPSG:4326]", "PATH": "13", "FRAME": "411", "START": "2019-01-01",
             "END": "2019-12-31", "OUTPUT": "TEMPORARY_OUTPUT"},
        )["OUTPUT"]  # fmt: skip
    assert {feature["name"] for feature in layer.getFeatures()} == expected
    assert len(expected) == 30
    # insarhub:searchscenes, then insarhub:addjobs, without any server.
    run("addjobs", {"SCENES": layer, "WORK_DIRECTORY": str(tmp_path)})
    assert set(JobFolder(tmp_path).read_stack().scenes) == expected

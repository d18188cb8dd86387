# SPDX-License-Identifier: GPL-2.0-or-later
"""Searches that go wrong, against a sandbox with faults: what the person reads, and that kept answers stay."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
import threading
from pathlib import Path

import pytest
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsGeometry,
    QgsProcessingContext,
    QgsProject,
    QgsVectorLayer,
)

from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.host import paths
from insarhub_qgis.host.engine_environment import OVERRIDE_VARIABLE
from insarhub_qgis.host.settings import settings
from tests.makers.printed_sentences import Heard, assert_is_a_sentence, state_of
from tests.makers.sandbox_clients import plan_fault
from tests.makers.sandbox_server import running_sandbox
from tests.makers.waiting import HANG_S, wait_until

ROOT = Path(__file__).resolve().parents[2]
EXTENT = "-2.5,-1.2,37.1,38.3 [EPSG:4326]"
SEARCH = {"EXTENT": EXTENT, "PATH": "103", "OUTPUT": "TEMPORARY_OUTPUT"}
ROUTE = "/search"
HTML = "<html><body>Please sign in to the network</body></html>"

_WRITE_CATALOGUE = """
import json, sys
from insarhub_qgis.sandbox.simulated_catalogue import simulated_items
from tests.makers.sandbox_clients import many_items
items = many_items(simulated_items()[0], int(sys.argv[2]))
json.dump({"hits": len(items), "took": 1, "items": items}, open(sys.argv[1], "w"))
"""


@pytest.fixture(scope="module")
def server(engine):
    with running_sandbox(engine) as url:
        yield url


@pytest.fixture(scope="module")
def large_server(engine, tmp_path_factory):
    """5000 scenes, twenty pages."""
    file = tmp_path_factory.mktemp("catalogue") / "umm.json"
    command = [str(engine), "-c", _WRITE_CATALOGUE, str(file), "5000"]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)
    with running_sandbox(engine, str(file)) as url:
        yield url


@pytest.fixture(autouse=True)
def searches(qgis_app, tmp_path, monkeypatch):
    """The kept answers of a profile of its own."""
    monkeypatch.setattr(paths, "private_folder", lambda: tmp_path / "private")
    yield tmp_path / "private" / "searches"
    settings().use_sandbox.remove()
    settings().sandbox_url.remove()


def use(url):
    settings().use_sandbox.setValue(True)
    settings().sandbox_url.setValue(url)


@pytest.fixture
def kept_answer(run, server, searches):
    """A good search came before; its answer is what must stay."""
    use(server)
    run("searchscenes", {**SEARCH, "FRAME": "121"})
    assert len(state_of(searches)) == 1
    return searches


@pytest.fixture
def told(run, table, tmp_path):
    """A search that ends well with a remark: gives the result."""

    def check(what, parameters, words, outcome):
        feedback = Heard()
        answer = run("searchscenes", {"OUTPUT": "TEMPORARY_OUTPUT", **parameters}, feedback)
        text = " ".join(feedback.warnings)
        for word in words:
            assert word in text, f"{word!r} is not in {text!r}"
        for sentence in feedback.warnings:
            assert "(service=" not in sentence
        if words:
            assert_is_a_sentence(feedback.warnings[-1])
        else:
            assert feedback.warnings == []
        shown = text.replace(str(tmp_path), "…") or "(none)"
        table.append((what, shown, outcome.format(count=answer["SCENE_COUNT"])))
        return answer

    return check


def area_layer(*wkts, crs="EPSG:4326"):
    layer = QgsVectorLayer(f"Polygon?crs={crs}", "areas", "memory")
    for wkt in wkts:
        feature = QgsFeature()
        feature.setGeometry(QgsGeometry.fromWkt(wkt))
        layer.dataProvider().addFeature(feature)
    layer.updateExtents()
    QgsProject.instance().addMapLayer(layer)
    return layer


# --- Areas -------------------------------------------------------------------------------------------------


def test_a_self_crossing_area_is_repaired_and_said(told, server):
    use(server)
    bow = area_layer("Polygon((-2.2 37.4,-1.4 37.9,-1.4 37.4,-2.2 37.9,-2.2 37.4))")
    words = ["The outline of the area crosses itself", "everything that it encloses was searched"]
    answer = told("self-crossing AOI", {"AOI": bow}, words, "{count} scenes of the repaired area found")
    assert {feature["path"] for feature in answer["OUTPUT"].getFeatures()} == {8, 103}


def test_an_empty_layer(refused, kept_answer):
    refused(
        "empty layer as AOI", "searchscenes", {"AOI": area_layer(), "OUTPUT": "TEMPORARY_OUTPUT"}, kept=kept_answer,
        words=["no geometry to search", "select features, or choose another layer"],
    )  # fmt: skip


def test_a_layer_without_crs(refused, kept_answer):
    layer = area_layer("Polygon((-2 37,-1 37,-1 38,-2 38,-2 37))")
    layer.setCrs(QgsCoordinateReferenceSystem())
    assert not layer.crs().isValid()
    refused(
        "AOI without coordinate system", "searchscenes", {"AOI": layer, "OUTPUT": "TEMPORARY_OUTPUT"}, kept=kept_answer,
        words=["no coordinate system", "Set the layer's coordinate system"],
    )  # fmt: skip


@pytest.mark.parametrize(
    "wkt",
    [
        "Polygon((179 -17,181 -17,181 -16,179 -16,179 -17))",
        "MultiPolygon(((179 -17,180 -17,180 -16,179 -16,179 -17)),((-180 -17,-179 -17,-179 -16,-180 -16,-180 -17)))",
    ],
)
def test_an_area_over_the_dateline(told, server, wkt):
    use(server)
    answer = told(f"AOI over the dateline ({wkt.partition('(')[0]})", {"AOI": area_layer(wkt)}, [],
                  "the {count} scenes on both sides found")  # fmt: skip
    assert answer["SCENE_COUNT"] == 12


def test_an_area_over_the_pole(told, server):
    use(server)
    cap = area_layer("Polygon((-500000 -500000,500000 -500000,500000 500000,-500000 500000,-500000 -500000))",
                     crs="EPSG:3413")  # fmt: skip
    words = ["The archive has no scene in this area", "Make the area larger"]
    assert (
        told("AOI over the pole", {"AOI": cap}, words, "{count} scenes; the cap was searched")["SCENE_COUNT"]
        == 0
    )


def test_an_area_that_is_not_in_degrees(refused, kept_answer):
    metres = area_layer(
        "Polygon((550000 4110000,600000 4110000,600000 4160000,550000 4160000,550000 4110000))"
    )
    refused(
        "AOI in metres called degrees", "searchscenes", {"AOI": metres, "OUTPUT": "TEMPORARY_OUTPUT"}, kept=kept_answer,
        words=["550000", "is not in degrees", "EPSG:4326"],
    )  # fmt: skip


# --- Dates and amounts -------------------------------------------------------------------------------------


def test_dates_that_make_no_period(refused, kept_answer):
    refused(
        "end before start", "searchscenes", {**SEARCH, "START": "2020-02-01", "END": "2020-01-01"}, kept=kept_answer,
        words=["The end 2020-01-01 is before the start 2020-02-01", "Exchange"],
    )  # fmt: skip
    for text in ("03/04/2020", "1.2.2020", "2020-02-30", "March 2020"):
        refused(
            f"date as {text}", "searchscenes", {**SEARCH, "START": text}, kept=kept_answer,
            words=[f"{text} is no day", "YYYY-MM-DD"],
        )  # fmt: skip


def test_dates_in_other_forms_that_are_clear(told, server):
    use(server)
    period = {"START": "20200106", "END": "2020-01-18T00:00:00"}
    answer = told("dates as 20200106 and 2020-01-18T00:00:00", {**SEARCH, **period, "FRAME": "121"}, [],
                  "both understood, both days included: {count} scenes")  # fmt: skip
    assert answer["SCENE_COUNT"] == 2


def test_no_results(told, server):
    use(server)
    words = ["The archive has no scene in this area and period", "leave out path, frame"]
    told(
        "0 results",
        {**SEARCH, "START": "1999-01-01", "END": "1999-12-31"},
        words,
        "{count} scenes, empty layer",
    )


def test_5000_results(told, large_server):
    use(large_server)
    answer = told("5000 results", {"PATH": "8,103", "EXTENT": EXTENT}, [], "{count} footprints")
    assert answer["SCENE_COUNT"] == answer["OUTPUT"].featureCount() == 5000
    words = ["The search stopped at its maximum (300)", "Raise the maximum"]
    answer = told("5000 results, maximum 300", {"PATH": "8,103", "EXTENT": EXTENT, "MAX_RESULTS": 300}, words,
                  "the {count} newest")  # fmt: skip
    assert answer["SCENE_COUNT"] == 300


# --- Answers of the service --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "fault", "words"),
    [
        ("service answers HTML with 200", {"status": 200, "body": HTML, "content_type": "text/html"},
         ["Something else answered in place of cmr.earthdata.nasa.gov", "Please sign in", "sign in, and try again"]),
        ("service answers 429 and asks for an hour", {"status": 429, "retry_after_s": 3600},
         ["cmr.earthdata.nasa.gov is busy", "Try again in some minutes"]),
        ("service answers 400", {"status": 400},
         ["cmr.earthdata.nasa.gov refuses the request (HTTP 400): planned fault", "Check area, dates and filters"]),
        ("JSON of another form", {"status": 200, "body": '{"hits": 3}'},
         ["The archive's answer is not understood", "update the plugin"]),
    ],
)  # fmt: skip
def test_answers_that_cannot_be_used(refused, kept_answer, server, what, fault, words):
    plan_fault(server, route=ROUTE, **fault)
    refused(what, "searchscenes", SEARCH, kept=kept_answer, words=words)


def test_half_the_pages(told, server, large_server):
    use(server)
    plan_fault(server, route=ROUTE, keep_share=0.5, times=9)
    words = [
        "not complete",
        "The archive sent 30 of 60 scenes, so scenes may be missing",
        "Search again later",
    ]
    told("half of each page", SEARCH, words, "{count} scenes, marked as not complete")
    use(large_server)
    # The first page comes whole.
    plan_fault(large_server, route=ROUTE, delay_s=0.01)
    plan_fault(large_server, route=ROUTE, status=200, body=HTML, content_type="text/html")
    words = ["not complete", "Part 1 of 1 of the search failed, so scenes may be missing", "Search again"]
    answer = told("sign-in page after the first page", SEARCH, words,
                  "{count} scenes, marked as not complete")  # fmt: skip
    assert answer["SCENE_COUNT"] == 250


class Reader(Heard):
    """Also hears progress and the error that ends a run in the background."""

    def __init__(self):
        super().__init__()
        self.errors = []

    def setProgressText(self, text):
        self.everything.append(text)

    def reportError(self, error, fatalError=False):
        self.errors.append(error)


class BackgroundSearch:
    """The algorithm in a thread of its own, as a model in the background runs it."""

    def __init__(self, parameters):
        self.heard = Reader()
        self.is_good = None
        self._parameters = parameters
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        # The engine was asked by then, so the settings were read.
        wait_until(lambda: "Asking the archive" in self.heard.everything, "the archive")

    def _run(self):
        context = QgsProcessingContext()
        algorithm = QgsApplication.processingRegistry().createAlgorithmById("insarhub:searchscenes")
        _, self.is_good = algorithm.run(self._parameters, context, self.heard)

    def wait(self):
        self._thread.join(HANG_S)
        assert not self._thread.is_alive()


@contextlib.contextmanager
def without_network(engine, folder):
    """An engine whose Python sees no network; skips where this user may not take it away."""
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-n", "true"], check=False).returncode:
        pytest.skip("this user may not start programs without network")
    wrapper = folder / "python"
    wrapper.write_text(f'#!/bin/sh\nexec unshare -n "{engine}" "$@"\n', encoding="utf-8")
    wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
    before = os.environ[OVERRIDE_VARIABLE]
    os.environ[OVERRIDE_VARIABLE] = str(wrapper)
    try:
        yield
    finally:
        os.environ[OVERRIDE_VARIABLE] = before


#: What passes is tried three times over some seconds, so these run side by side, each at a sandbox of its own.
PASSING = (
    ("service answers 500", {"status": 500},
     ["cmr.earthdata.nasa.gov has a fault (HTTP 500: planned fault of the sandbox)", "Try again in some minutes"]),
    ("service answers 503 with HTML", {"status": 503, "body": "<html>maintenance</html>", "content_type": "text/html"},
     ["cmr.earthdata.nasa.gov has a fault (HTTP 503: Service Unavailable)", "Try again in some minutes"]),
    ("service answers 429", {"status": 429}, ["cmr.earthdata.nasa.gov is busy", "Try again in some minutes"]),
    ("answer breaks off", {"truncate_after": 500},
     ["The answer of cmr.earthdata.nasa.gov broke off", "Check the network and try again"]),
    ("JSON that ends early", {"cut_body": 500},
     ["The answer of cmr.earthdata.nasa.gov broke off", "Check the network and try again"]),
    ("connection closed without an answer", {"drop": True},
     ["cannot be reached: connection closed without an answer", "Check the network"]),
)  # fmt: skip


def test_faults_that_pass_are_tried_again_then_said(kept_answer, engine, table, tmp_path):
    before = state_of(kept_answer)
    searches = []
    with contextlib.ExitStack() as stack:
        for what, fault, words in PASSING:
            url = stack.enter_context(running_sandbox(engine))
            plan_fault(url, route=ROUTE, times=9, **fault)
            use(url)
            words = [url, *words] if "cannot be reached" in words[0] else words
            searches.append((what, words, BackgroundSearch(SEARCH)))
        use("http://127.0.0.1:9")
        words = [
            "http://127.0.0.1:9 cannot be reached: connection refused",
            "start it or switch it off in Options",
        ]
        searches.append(("no sandbox at its address", words, BackgroundSearch(SEARCH)))
        settings().use_sandbox.setValue(False)
        with without_network(engine, tmp_path):
            words = [
                "cmr.earthdata.nasa.gov cannot be reached: name not found",
                "Check the network",
                "kept",
            ]
            searches.append(("no network", words, BackgroundSearch(SEARCH)))
        for _, _, search in searches:
            search.wait()
    for what, words, search in searches:
        assert search.is_good is False
        text = search.heard.errors[0]
        for word in words:
            assert word in text, f"{what}: {word!r} is not in {text!r}"
        assert_is_a_sentence(text)
        told = [line for line in search.heard.warnings if "next attempt in" in line]
        assert len(told) == 2
        assert not any("(service=" in line or "Traceback" in line for line in search.heard.warnings)
        table.append((what, text, f"tried 3 times; {len(before)} kept answer byte for byte"))
    assert state_of(kept_answer) == before


# --- Scenes that lack something ----------------------------------------------------------------------------


def test_scenes_without_state_vectors(run, server, table, tmp_path):
    use(server)
    layer = run("searchscenes", {**SEARCH, "PATH": "8"})["OUTPUT"]
    feedback = Heard()
    run("addjobs", {"SCENES": layer, "WORK_DIRECTORY": str(tmp_path / "job")}, feedback)
    (text,) = feedback.warnings
    assert_is_a_sentence(text)
    stack = JobFolder(tmp_path / "job").read_stack()
    (missing,) = set(stack.scenes) - set(stack.baselines)
    assert missing in text
    assert "no orbit for scenes" in text
    assert "paired by time alone" in text
    feedback = Heard()
    run("selectpairs", {"JOB_FOLDER": str(tmp_path / "job")}, feedback)
    answer = run("checknetwork", {"JOB_FOLDER": str(tmp_path / "job"), "OUTPUT": "TEMPORARY_OUTPUT"})
    rows = {row["code"]: row for row in answer["OUTPUT"].getFeatures()}
    row = rows["check.unknown_bperp"]
    assert missing[17:25] in row["pairs"]
    paired = {
        name
        for pair in JobFolder(tmp_path / "job").read_stack().pairs
        for name in (pair.reference, pair.secondary)
    }
    assert missing in paired
    table.append(
        (
            "scenes without state vectors",
            text.replace(str(tmp_path), "…"),
            "job made; the other baselines known",
        )
    )
    table.append(("the same in the check", f"{row['text']} {row['what_to_do']}", f"{row['level']}"))

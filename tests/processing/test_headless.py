# SPDX-License-Identifier: GPL-2.0-or-later
"""``qgis_process`` on the staged plugin: the list, the shipped model, an error's exit code."""

from __future__ import annotations

import configparser
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from osgeo import gdal, ogr

from insarhub_qgis.core.job_folder import JobFolder
from tests.makers.sandbox_server import running_sandbox

ROOT = Path(__file__).resolve().parents[2]
STAGE = ROOT / "build" / "stage"
MODEL = "insarhub:Products to exports"
NETWORK_MODEL = "insarhub:Search to network"
EXTENT = "-2.5,-1.2,37.1,38.3 [EPSG:4326]"


@pytest.fixture(scope="module")
def qgis_process(tmp_path_factory, engine):
    if shutil.which("qgis_process") is None:
        pytest.skip("no qgis_process on this machine")
    if not (STAGE / "insarhub_qgis" / "metadata.txt").is_file():
        pytest.skip("no staged plugin: run make stage")
    profile = tmp_path_factory.mktemp("profile")
    environment = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "QGIS_CUSTOM_CONFIG_PATH": str(profile),
        "QGIS_PLUGINPATH": str(STAGE),
        "INSARHUB_ENGINE_PYTHON": str(engine),
    }

    def run(*arguments, text=None):
        return subprocess.run(
            ["qgis_process", *arguments], env=environment, input=text, capture_output=True, text=True, timeout=280,
            check=False,
        )  # fmt: skip

    run.profile = profile
    enabled = run("plugins", "enable", "insarhub_qgis")
    assert enabled.returncode == 0, enabled.stdout
    return run


def test_all_algorithms_and_the_model_are_listed(qgis_process):
    listed = qgis_process("list").stdout
    for name in ("openproducts", "loadproducts", "prepareanalysis", "runanalysis", "exportresults", "exportfootprint",
                 "exportpoints", "sampletimeseries", "zonaltimeseries", "Products to exports", "searchscenes", "addjobs",
                 "selectpairs", "checknetwork", "suggestbridges", "networktolayers", "scorepairs",
                 "forecastcheck", "Search to network"):  # fmt: skip
        assert f"insarhub:{name}\t" in listed, name


def test_the_shipped_model_goes_from_products_to_exports(qgis_process, simulated, tmp_path):
    options = (
        Path(simulated["options_file"]).read_text(encoding="utf-8") + "\nmintpy.topographicResidual = no\n"
    )
    inputs = {
        "products": simulated["products_folder"],
        "job_folder": str(tmp_path / "job"),
        "exports": str(tmp_path / "exports"),
        "options": options,
        "unit": "mm",
    }
    finished = qgis_process("run", MODEL, "-", text=json.dumps({"inputs": inputs}))
    assert finished.returncode == 0, finished.stdout + finished.stderr
    written = {path.name for path in (tmp_path / "exports").glob("*.tif")}
    assert {"velocity.tif", "timeseries.tif", "temporalCoherence.tif"} <= written


@pytest.fixture
def use_sandbox(qgis_process, engine):
    """The sandbox runs and the profile of qgis_process points to it, as Options would write it."""
    file = next(qgis_process.profile.rglob("QGIS3.ini"))
    before = file.read_text(encoding="utf-8")
    with running_sandbox(engine) as url:
        chosen = configparser.RawConfigParser(strict=False)
        chosen.optionxform = str
        chosen.read_string(before)
        if not chosen.has_section("plugins"):
            chosen.add_section("plugins")
        chosen.set("plugins", "insarhub\\use-sandbox", "true")
        chosen.set("plugins", "insarhub\\sandbox-url", url)
        with file.open("w", encoding="utf-8") as written:
            chosen.write(written, space_around_delimiters=False)
        yield url
    file.write_text(before, encoding="utf-8")


def rows_of(file):
    source = ogr.Open(file)
    return [feature.items() for feature in source.GetLayer(0)]


def test_the_shipped_model_goes_from_search_to_network(qgis_process, use_sandbox, tmp_path):
    work = tmp_path / "work é"
    work.mkdir()
    layers = {
        name: str(tmp_path / f"{name}.gpkg") for name in ("footprints", "network_check", "pairs", "scenes")
    }
    inputs = {
        "extent": EXTENT, "start": "2020-01-01", "end": "2020-12-31", "path": 103, "frame": 121, "dt_max": 60,
        "work_directory": str(work), "report": str(tmp_path / "report.html"), **layers,
    }  # fmt: skip
    finished = qgis_process("run", NETWORK_MODEL, "-", text=json.dumps({"inputs": inputs}))
    assert finished.returncode == 0, finished.stdout + finished.stderr
    found = {name: rows_of(file) for name, file in layers.items()}
    job = JobFolder(work)
    stack = job.read_stack()
    options = job.read_config().stage_options("downloader")
    assert (options["relativeOrbit"], options["frame"]) == (103, 121)
    assert {(row["path"], row["frame"]) for row in found["footprints"]} == {(103, 121)}
    assert {row["name"] for row in found["footprints"]} == set(stack.scenes) == set(stack.baselines)
    assert {(row["reference"], row["secondary"]) for row in found["pairs"]} == {
        (pair.reference, pair.secondary) for pair in stack.pairs
    }
    assert max(row["dt_days"] for row in found["pairs"]) <= 60
    assert {row["scene"] for row in found["scenes"]} == set(stack.scenes)
    levels = {row["code"]: row["level"] for row in found["network_check"]}
    assert levels["check.connected"] == levels["check.covered"] == "ok"
    assert "Stop" not in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert (work / "network_p0_f0.png").read_bytes().startswith(b"\x89PNG")


def test_a_failing_step_stops_the_model_with_its_sentence(qgis_process, tmp_path):
    inputs = {"extent": EXTENT, "start": "2020-02-01", "end": "2020-01-01", "path": 103, "frame": 121,
              "work_directory": str(tmp_path)}  # fmt: skip
    finished = qgis_process("run", NETWORK_MODEL, "-", text=json.dumps({"inputs": inputs}))
    told = finished.stdout + finished.stderr
    assert finished.returncode != 0
    assert "The end 2020-01-01 is before the start 2020-02-01" in told
    assert "Traceback" not in told
    assert list(tmp_path.iterdir()) == []


def test_a_failure_has_an_exit_code_and_a_sentence(qgis_process, tmp_path):
    (tmp_path / "empty").mkdir()
    finished = qgis_process(
        "run", "insarhub:openproducts", f"--PRODUCTS={tmp_path / 'empty'}", f"--JOB_FOLDER={tmp_path / 'job'}"
    )
    assert finished.returncode != 0
    assert "zip" in (finished.stdout + finished.stderr)
    assert "Traceback" not in finished.stdout + finished.stderr


def test_decay_maps_and_what_is_made_from_them(qgis_process, use_sandbox, tmp_path):
    job = tmp_path / "job é"
    job.mkdir()
    area = "POLYGON((-121 54,-120.95 54,-120.95 54.05,-121 54.05,-121 54))"
    config = {"downloader": {"type": "S1_SLC", "config": {"intersectsWith": area}}}
    (job / "insarhub_config.json").write_text(json.dumps(config), encoding="utf-8")
    output = tmp_path / "longest.tif"
    for name, inputs in (
        ("fetchdecaymaps", {"JOB_FOLDER": str(job), "SEASONS": ["summer"]}),
        ("longestbaseline", {"DECAY_MAPS": str(job), "SEASON": "summer", "OUTPUT": str(output)}),
    ):
        finished = qgis_process("run", f"insarhub:{name}", "-", text=json.dumps({"inputs": inputs}))
        assert finished.returncode == 0, finished.stdout + finished.stderr
    assert [path.name for path in (job / "decay_maps").iterdir()] == ["S1_coherence_decay_summer_vv.tif"]
    raster = gdal.Open(str(output))
    assert raster.GetRasterBand(1).GetUnitType() == "d"
    assert 0 <= raster.GetRasterBand(1).ComputeRasterMinMax(False)[0] <= 365

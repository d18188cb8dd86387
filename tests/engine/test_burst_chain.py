# SPDX-License-Identifier: GPL-2.0-or-later
"""Bursts from search to prepared products against the sandbox, and jobs of bursts that exist already."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import rasterio

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.hyp3_options import Hyp3Options
from insarhub_qgis.core.job_folder import JobFolder, list_job_folders
from insarhub_qgis.core.network_checks import check_network
from insarhub_qgis.core.network_files import load_network
from insarhub_qgis.core.pair_selection import select_for
from insarhub_qgis.core.requests import (
    AddJobs,
    ComputeBaselines,
    DownloadHyp3,
    PlanHyp3,
    PrepareAnalysis,
    RefreshHyp3,
    RetryHyp3,
    SearchScenes,
    SubmitHyp3,
)
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.core.scene_facts import read_scene_facts
from insarhub_qgis.core.scenes import Pair, scene_date
from insarhub_qgis.core.search_answer import SEARCH_ANSWER_NAME, read_search_answer
from insarhub_qgis.core.selection_parameters import SelectionParameters
from insarhub_qgis.engine import (
    add_jobs,
    baselines,
    hyp3_download,
    hyp3_plan,
    hyp3_refresh,
    hyp3_retry,
    hyp3_submit,
    prepare_analysis,
    search,
)
from insarhub_qgis.sandbox.cmr_service import CmrService
from insarhub_qgis.sandbox.scene import simulated_baselines_m
from insarhub_qgis.sandbox.serve import make_sandbox
from insarhub_qgis.sandbox.server import SandboxServer
from tests.makers.burst_items import burst_item
from tests.makers.hyp3_clients import SMALL
from tests.makers.hyp3_submissions import Listener, endpoints_of, jobs_of_server, make_hyp3_server, steer

#: At the corner of four bursts; the products of `SMALL` lie in its north-west.
AREA = "POLYGON((-1.88 37.6,-1.7 37.6,-1.7 37.74,-1.88 37.74,-1.88 37.6))"
SET = ["220001_IW1", "220001_IW2", "220002_IW1", "220002_IW2"]
MULTI = Hyp3Options(job_type="INSAR_ISCE_MULTI_BURST")


@pytest.fixture(scope="module")
def server():
    with make_sandbox(simulation=SMALL) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def answer(server, tmp_path_factory):
    """Folder of a kept answer with one stack of 30 passes."""
    folder = tmp_path_factory.mktemp("answer")
    find(server, folder, aoi_wkt=AREA)
    return folder


def find(server, folder, **wishes):
    request = SearchScenes(
        product="BURST", answer_folder=str(folder), endpoints=endpoints_of(server).to_json(), **wishes
    )
    return search.run(request, RunContext())


def add(answer, work, *stacks, **more):
    return add_jobs.run(AddJobs(str(answer), str(work), stacks or ((103, 220001),), **more), RunContext())


def ask(work, server, folder, **values):
    """Run a request of HyP3 of the job folder."""
    listener = Listener()
    module = {
        PlanHyp3: hyp3_plan, SubmitHyp3: hyp3_submit, RefreshHyp3: hyp3_refresh, DownloadHyp3: hyp3_download,
        RetryHyp3: hyp3_retry,
    }[work]  # fmt: skip
    return module.run(work(str(folder), endpoints=endpoints_of(server).to_json(), **values), listener.context)


def config_of(folder):
    return json.loads((folder / "insarhub_config.json").read_text())


# --- The chain ---


def test_from_search_to_prepared_products(server, tmp_path):
    found = find(server, tmp_path / "answer", aoi_wkt=AREA)
    (stack,) = found["stacks"]
    assert (stack["burst_ids"], stack["scene_count"], stack["dates_without"]) == (SET, 30, ["2020-06-22"])

    folder = tmp_path / "job"
    (row,) = add(tmp_path / "answer", folder)["job_folders"]
    assert (row["track"], row["frame"], row["burst_count"]) == (103, 220001, 4)
    assert (row["scene_count"], row["without_baseline"]) == (30, [])
    job = JobFolder(folder)
    assert job.read_config().burst_ids == tuple(SET)

    network = load_network(folder)
    assert list(network.problems) == []
    selection = select_for(network.network, SelectionParameters(dt_targets=(12, 24)))
    network.network.apply_selection(selection)
    network.save()
    rules = [(row.code, row.level) for row in check_network(load_network(folder))]
    assert "stop" not in [level for _, level in rules], rules
    pairs = job.read_stack().pairs
    assert len(pairs) > 30

    options = MULTI.to_json()
    plan = ask(PlanHyp3, server, folder, options=options)
    assert {row["state"] for row in plan["rows"]} == {"new"}
    assert {(row["bursts"], row["credits"]) for row in plan["rows"]} == {(4, 1)}
    assert (plan["credits_each"], plan["credits_new"]) == (1, len(pairs))
    prices = {(row["job_type"], row["looks"]): row["credits_each"] for row in plan["alternatives"]}
    assert prices == {
        ("INSAR_ISCE_MULTI_BURST", "20x4"): 1,
        ("INSAR_ISCE_MULTI_BURST", "10x2"): 5,
        ("INSAR_ISCE_MULTI_BURST", "5x1"): 15,
    }
    assert plan["costs"]["INSAR_GAMMA"], "what whole scenes cost stands beside them"

    first = [list(pair) for pair in pairs[:3]]
    dry = ask(SubmitHyp3, server, folder, options=options, pairs=first, dry_run=True)
    assert (dry["submitted"], dry["credits"], dry["rejected"]) == (3, 3, [])
    assert jobs_of_server(server)[0] == []
    sent = ask(SubmitHyp3, server, folder, options=options, pairs=first, agreed_credits=3)
    assert (sent["submitted"], sent["credits"], sent["stopped_by"]) == (3, 3, None)
    accepted = sorted(jobs_of_server(server)[0], key=lambda one: one["granules"])
    passes = job.read_config().own["bursts"]
    assert [one["granules"] for one in accepted] == sorted(
        [*passes[pair[0]], *passes[pair[1]]] for pair in first
    )
    assert all(one["name"].startswith("ifg_p103_f220001_") for one in accepted)
    assert {tuple(one[3:13] for one in passes[pair[0]]) for pair in first} == {tuple(SET)}
    counts = ask(PlanHyp3, server, folder, options=options)["counts"]
    assert (counts["in_flight"], counts["new"]) == (3, len(pairs) - 3)

    server.advance(60)
    rows = ask(RefreshHyp3, server, folder)["rows"]
    assert [row["pair"] for row in sorted(rows, key=lambda row: row["pair"])] == sorted(first)
    assert {row["status"] for row in rows} == {"SUCCEEDED"}
    downloaded = ask(DownloadHyp3, server, folder)["downloaded"]
    assert len(downloaded) == 3
    assert all(name.startswith("S1_103_220001s1n02-220001s2n02-000000s3n00_IW_") for name in downloaded), (
        downloaded
    )
    counts = ask(PlanHyp3, server, folder, options=options)["counts"]
    assert (counts["downloaded"], counts["new"]) == (3, len(pairs) - 3)

    prepared = prepare_analysis.run(PrepareAnalysis(str(folder)), RunContext())
    used = {(row["product"], row["state"]) for row in prepared["rows"]}
    assert {state for _, state in used} == {"used"}, prepared["rows"]
    days = sorted(f"{scene_date(one):%Y%m%d}_{scene_date(other):%Y%m%d}" for one, other in first)
    clips = sorted(Path(prepared["clip_folder"]).rglob("*_corr*.tif"))
    assert len(clips) == 3
    assert all(pair in clip.name for pair, clip in zip(days, clips))
    with rasterio.open(clips[0]) as raster:
        assert (raster.width, raster.height) == (prepared["width"], prepared["height"])


# --- Add Job ---


def test_what_a_job_of_bursts_holds(answer, tmp_path):
    add(answer, tmp_path / "job")
    config = config_of(tmp_path / "job")
    assert config["downloader"]["type"] == "S1_Burst"
    assert config["downloader"]["config"] == {
        "start": "2020-01-06",
        "end": "2020-12-31",
        "relativeOrbit": 103,
        "intersectsWith": AREA,
        "flightDirection": "ASCENDING",
    }
    own = config["insarhub_qgis"]
    assert own["burst_ids"] == SET
    assert len(own["bursts"]) == 30
    stack = json.loads((tmp_path / "job" / "stack_p0_f0.json").read_text())
    assert stack["scenes"] == sorted(own["bursts"], key=lambda name: name[14:])
    for first, names in own["bursts"].items():
        assert (names[0], [name[3:13] for name in names]) == (first, SET)
    assert len(read_search_answer(tmp_path / "job")) == 4 * 30
    # from the orbit of the first burst of each pass; of 31 simulated passes one lacks a burst
    expected = [value for index, value in enumerate(simulated_baselines_m(1, 31)) if index != 14]
    values = [stack["baselines"][name] for name in stack["scenes"]]
    assert max(abs(one - other) for one, other in zip(values, expected)) < 10
    again = baselines.run(ComputeBaselines(str(tmp_path / "job")), RunContext())
    assert (again["scenes"], again["unknown"], again["without_metadata"]) == (stack["scenes"], [], [])
    assert [again["baselines"][name] for name in again["scenes"]] == values


def test_facts_of_a_pass_are_those_of_all_its_bursts(answer, tmp_path):
    add(answer, tmp_path / "job")
    facts = read_scene_facts(tmp_path / "job")
    assert len(facts) == 4 * 30
    for first, names in config_of(tmp_path / "job")["insarhub_qgis"]["bursts"].items():
        whole = facts[first]
        assert (whole.path, whole.frame, whole.polarization, whole.beam_mode) == (103, 220001, "VV", "IW")
        assert whole.flight_direction == "ASCENDING"
        corners = {point for name in names[1:] for point in facts[name].footprint}
        west, south = (min(point[axis] for point in whole.footprint) for axis in (0, 1))
        assert whole.footprint[0] == whole.footprint[-1]
        assert west <= min(x for x, _ in corners) and south <= min(y for _, y in corners)
        assert len(whole.footprint) >= 5
        assert whole.centre == pytest.approx((-1.64, 37.66), abs=0.02)


def test_part_of_a_stack_and_later_the_rest(server, answer, tmp_path):
    work = tmp_path / "work"
    find(server, tmp_path / "half", aoi_wkt=AREA, end="2020-06-01")
    (first,) = add(tmp_path / "half", work)["job_folders"]
    assert (first["scene_count"], first["is_new"]) == (13, True)
    job = JobFolder(work)
    names = job.read_stack().scenes
    job.write_stack(replace(job.read_stack(), pairs=(Pair(names[0], names[1]),)))
    (second,) = add(answer, work)["job_folders"]
    assert (second["scene_count"], second["new_scenes"], second["is_new"]) == (30, 17, False)
    assert second["path"] == first["path"]
    assert job.read_stack().pairs == (Pair(names[0], names[1]),)
    config = config_of(work)
    assert len(config["insarhub_qgis"]["bursts"]) == 30
    assert config["downloader"]["config"]["end"] == "2020-12-31"
    assert len(read_search_answer(work)) == 120
    # bursts that were kept before count on when the new answer lacks them
    assert add(tmp_path / "half", work)["job_folders"][0]["new_scenes"] == 0
    assert len(config_of(work)["insarhub_qgis"]["bursts"]) == 30
    assert read_scene_facts(work)[job.read_stack().scenes[-1]].frame == 220001


def test_chosen_passes_only(answer, tmp_path):
    names = sorted(name for name in read_names(answer) if "_202002" in name)
    (row,) = add(answer, tmp_path / "job", scene_names=tuple(names))["job_folders"]
    assert row["scene_count"] == len(names) == 2
    assert len(read_search_answer(tmp_path / "job")) == 8


def read_names(answer):
    opened = search.open_answer(search.OpenSearchAnswer(str(answer)), RunContext())
    return [scene["name"] for scene in opened["scenes"]]


def test_other_bursts_do_not_join_a_job(server, answer, tmp_path):
    work = tmp_path / "work"
    add(answer, work)
    before = {file.name: file.read_bytes() for file in work.iterdir() if file.is_file()}
    find(server, tmp_path / "small", aoi_wkt="POINT(-1.75 37.6)")
    with pytest.raises(InsarError) as caught:
        add(tmp_path / "small", work)
    assert caught.value.code == "jobs.other_bursts"
    assert caught.value.fields["present"] == SET
    assert caught.value.fields["wanted"] == ["220001_IW1", "220001_IW2"]
    assert {file.name: file.read_bytes() for file in work.iterdir() if file.is_file()} == before
    # bursts of another place on the path are a job of their own
    find(server, tmp_path / "north", aoi_wkt="POINT(-1.5 38.05)")
    (row,) = add(tmp_path / "north", work, (103, 220003))["job_folders"]
    assert Path(row["path"]).name == "p103_f220003"
    assert (work / "p103_f220003" / "stack_p103_f220003.json").is_file()
    (again,) = add(tmp_path / "north", work, (103, 220003))["job_folders"]
    assert (again["is_new"], again["new_scenes"], again["path"]) == (False, 0, row["path"])


def test_whole_scenes_and_bursts_of_one_place_are_two_jobs(server, answer, tmp_path):
    work = tmp_path / "work"
    request = SearchScenes(
        aoi_wkt=AREA,
        paths=(103,),
        answer_folder=str(tmp_path / "slc"),
        endpoints=endpoints_of(server).to_json(),
    )
    search.run(request, RunContext())
    add(tmp_path / "slc", work, (103, 121))
    add(answer, work)
    types = {job.path.name: job.read_config().stage_type("downloader") for job in list_job_folders(work)}
    assert types == {"work": "S1_SLC", "p103_f220001": "S1_Burst"}
    assert JobFolder(work / "p103_f220001").read_config().burst_ids == tuple(SET)


def test_a_pass_that_was_processed_again_keeps_its_name_in_the_job(tmp_path):
    days = ("2020-01-06", "2020-01-18")
    area = "POLYGON((10.2 50.55,10.3 50.55,10.3 50.6,10.2 50.6,10.2 50.55))"
    old = [burst_item(1003, swath, day) for day in days for swath in (1,)]
    with SandboxServer([CmrService(old)]) as server:
        find(server, tmp_path / "old", aoi_wkt=area)
    new = [burst_item(1003, 1, days[0], version="FFFF", processed="2023-01-01")]
    new += [burst_item(1003, 1, day) for day in (days[1], "2020-01-30")]
    with SandboxServer([CmrService([*old, *new[:1], *new[2:]])]) as server:
        find(server, tmp_path / "new", aoi_wkt=area)
    (first,) = add(tmp_path / "old", tmp_path / "job", (44, 1003))["job_folders"]
    names = JobFolder(tmp_path / "job").read_stack().scenes
    (second,) = add(tmp_path / "new", tmp_path / "job", (44, 1003))["job_folders"]
    after = JobFolder(tmp_path / "job").read_stack().scenes
    assert (first["scene_count"], second["scene_count"], second["new_scenes"]) == (2, 3, 1)
    assert after[:2] == names
    assert [name[-10:-6] for name in second["older_versions"]] == ["FFFF"]
    assert set(config_of(tmp_path / "job")["insarhub_qgis"]["bursts"]) == set(after)


def test_polarisations_and_antimeridian_come_through(tmp_path):
    days = ("2020-01-06", "2020-01-18")
    items = [
        burst_item(1000, swath, day, polarization="HH", west=179.2, south=-17.0)
        for day in days
        for swath in (1, 2)
    ]
    with SandboxServer([CmrService(items)]) as server:
        find(
            server,
            tmp_path / "answer",
            aoi_wkt="POLYGON((179.9 -16.95,180.3 -16.95,180.3 -16.9,179.9 -16.9,179.9 -16.95))",
        )
    add(tmp_path / "answer", tmp_path / "job", (44, 1000))
    facts = read_scene_facts(tmp_path / "job")
    names = JobFolder(tmp_path / "job").read_stack().scenes
    assert [scene_date(name) for name in names] == [date.fromisoformat(day) for day in days]
    assert facts[names[0]].polarization == "HH"
    longitudes = [x for x, _ in facts[names[0]].footprint]
    assert (min(longitudes), max(longitudes)) == (pytest.approx(179.2), pytest.approx(181.02))
    assert facts[names[0]].centre[0] == pytest.approx(180.11)


def test_a_damaged_kept_answer_is_said(answer, tmp_path):
    (tmp_path / SEARCH_ANSWER_NAME).write_bytes((answer / SEARCH_ANSWER_NAME).read_bytes()[:-9])
    with pytest.raises(InsarError) as caught:
        add(tmp_path, tmp_path / "work")
    assert caught.value.code == "file.malformed"


# --- What HyP3 must not be sent ---


def test_one_burst_of_several_is_not_sent_alone(server, answer, tmp_path):
    add(answer, tmp_path / "job")
    names = JobFolder(tmp_path / "job").read_stack().scenes
    pairs = [(names[0], names[1])]
    single = Hyp3Options(job_type="INSAR_ISCE_BURST").to_json()
    plan = ask(PlanHyp3, server, tmp_path / "job", options=single, pairs=pairs)
    (row,) = plan["rows"]
    assert (row["state"], row["reason"]["code"]) == ("refused", "hyp3_pair.several_bursts")
    assert {one["job_type"] for one in plan["alternatives"]} == {"INSAR_ISCE_MULTI_BURST"}


def test_a_single_burst_has_the_choice_of_both_types(server, tmp_path):
    find(server, tmp_path / "answer", aoi_wkt="POINT(-2.3 37.5)")
    (row,) = add(tmp_path / "answer", tmp_path / "job", (103, 220001))["job_folders"]
    assert row["burst_count"] == 1
    names = JobFolder(tmp_path / "job").read_stack().scenes
    pairs = [(names[7], names[11])]
    for job_type in ("INSAR_ISCE_BURST", "INSAR_ISCE_MULTI_BURST"):
        options = Hyp3Options(job_type=job_type).to_json()
        plan = ask(PlanHyp3, server, tmp_path / "job", options=options, pairs=pairs)
        assert (plan["rows"][0]["state"], plan["credits_each"]) == ("new", 1)
        assert {one["job_type"] for one in plan["alternatives"]} == {
            "INSAR_ISCE_BURST", "INSAR_ISCE_MULTI_BURST",
        }  # fmt: skip
        dry = ask(SubmitHyp3, server, tmp_path / "job", options=options, pairs=pairs, dry_run=True)
        assert dry["submitted"] == 1


def test_a_failed_job_goes_out_again_with_its_whole_set(answer, tmp_path):
    add(answer, tmp_path / "job")
    names = JobFolder(tmp_path / "job").read_stack().scenes
    pairs = [(names[0], names[1])]
    with make_hyp3_server() as failing:
        steer(failing, "hyp3", failed_share=1.0)
        ask(SubmitHyp3, failing, tmp_path / "job", options=MULTI.to_json(), pairs=pairs)
        failing.advance(60)
        plan = ask(PlanHyp3, failing, tmp_path / "job", options=MULTI.to_json(), pairs=pairs)
        assert plan["counts"]["failed"] == 1
        again = ask(RetryHyp3, failing, tmp_path / "job", look_again_s=0.1)
        assert (again["submitted"], again["credits"]) == (1, 1)
        first, second = jobs_of_server(failing)[0]
    assert first["granules"] == second["granules"]
    assert len(second["granules"]) == 8


def test_too_many_bursts_are_refused_before_they_are_paid(server, tmp_path):
    find(server, tmp_path / "answer", aoi_wkt="POLYGON((-2.6 37.0,-0.4 37.0,-0.4 38.3,-2.6 38.3,-2.6 37.0))")
    (row,) = add(tmp_path / "answer", tmp_path / "job", (103, 219999))["job_folders"]
    assert row["burst_count"] == 18
    names = JobFolder(tmp_path / "job").read_stack().scenes
    plan = ask(PlanHyp3, server, tmp_path / "job", options=MULTI.to_json(), pairs=[(names[0], names[1])])
    assert plan["rows"][0]["reason"]["code"] == "hyp3_pair.too_many_bursts"
    assert plan["credits_new"] == 0

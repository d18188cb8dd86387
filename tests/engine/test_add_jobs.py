# SPDX-License-Identifier: GPL-2.0-or-later
"""Add Job: folders and files as documented, stacks that exist already, damaged ones, versions of one scene."""

from __future__ import annotations

import hashlib
import json
import os

import pytest

from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.installation import plugin_version
from insarhub_qgis.core.job_folder import JobFolder, list_job_folders
from insarhub_qgis.core.pairwise_file import PAIRWISE_NAME, read_pairwise_file
from insarhub_qgis.core.requests import AddJobs, ComputeBaselines, SearchScenes
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.core.scenes import order_pair
from insarhub_qgis.core.search_answer import (
    SEARCH_ANSWER_NAME,
    read_search_answer,
    read_search_facts,
    write_search_answer,
)
from insarhub_qgis.core.stack_file import Stack
from insarhub_qgis.engine import add_jobs, baselines, search
from insarhub_qgis.sandbox.serve import make_sandbox
from insarhub_qgis.sandbox.simulated_catalogue import simulated_items

SITE = "POLYGON((-2 37.5,-1.6 37.4,-1.5 37.9,-2 37.9,-2 37.5))"


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """An answer with the stacks (103, 121), (103, 126) and (8, 463), and one with the first half of (8, 463)."""
    folder = tmp_path_factory.mktemp("answers")
    with make_sandbox() as sandbox:
        endpoints = Endpoints.of_sandbox(sandbox.base_url).to_json()
        for name, wishes in (
            ("site", {"aoi_wkt": SITE}),
            ("paths", {"paths": (103, 8)}),
            ("half", {"aoi_wkt": SITE, "paths": (8,), "start": "2020-01-01", "end": "2020-06-30"}),
        ):
            search.run(
                SearchScenes(endpoints=endpoints, answer_folder=str(folder / name), **wishes), RunContext()
            )
    return folder


@pytest.fixture
def work(tmp_path):
    return tmp_path / "work ü"


def add(answer_folder, work, *stacks, context=None, **more):
    return add_jobs.run(AddJobs(str(answer_folder), str(work), stacks, **more), context or RunContext())


def config_of(folder):
    return json.loads((folder / "insarhub_config.json").read_text())


def stack_of(folder, name):
    return json.loads((folder / name).read_text())


def fails(code, *arguments, **more):
    with pytest.raises(InsarError) as caught:
        add(*arguments, **more)
    assert caught.value.code == code
    return caught.value


# --- What is written ---


def test_one_stack_in_an_empty_work_directory_is_flat(answers, work):
    result = add(answers / "site", work, (8, 463))
    (row,) = result["job_folders"]
    assert row["path"] == str(work)
    assert sorted(path.name for path in work.iterdir()) == sorted(
        [SEARCH_ANSWER_NAME, PAIRWISE_NAME, "insarhub_config.json", "stack_p0_f0.json"]
    )
    config = config_of(work)
    assert config["downloader"] == {
        "type": "S1_SLC",
        "config": {
            "start": "2020-01-08",
            "end": "2021-07-07",
            "relativeOrbit": 8,
            "frame": 463,
            "intersectsWith": SITE,
            "flightDirection": "DESCENDING",
        },
    }
    assert config["updated_at"].endswith("Z")
    assert config["insarhub_qgis"] == {
        "version": 1,
        "plugin_version": plugin_version(),
        "layout": "flat",
        "aoi_hash": hashlib.sha256(SITE.encode()).hexdigest()[:8],
        "is_sandbox": True,
    }


def test_the_stack_file_has_scenes_and_baselines(answers, work):
    add(answers / "site", work, (8, 463))
    document = stack_of(work, "stack_p0_f0.json")
    assert list(document) == ["pairs", "baselines", "scenes"]
    assert document["pairs"] == []
    assert len(document["scenes"]) == 79
    starts = [name[17:32] for name in document["scenes"]]
    assert starts == sorted(starts)
    assert document["baselines"][document["scenes"][0]] == 0.0
    # The scene without state vectors is absent, not 0.
    assert len(document["baselines"]) == 78
    assert all(isinstance(value, float) for value in document["baselines"].values())


def test_several_stacks_get_folders_of_their_numbers(answers, work):
    result = add(answers / "paths", work, (103, 121), (103, 126), (8, 463))
    assert [row["path"] for row in result["job_folders"]] == [
        str(work / name) for name in ("p103_f121", "p103_f126", "p8_f463")
    ]
    assert sorted(path.name for path in work.iterdir()) == ["p103_f121", "p103_f126", "p8_f463"]
    assert (work / "p103_f126" / "stack_p103_f126.json").is_file()
    assert config_of(work / "p103_f126")["insarhub_qgis"]["layout"] == "sub"
    assert "intersectsWith" not in config_of(work / "p103_f126")["downloader"]["config"]
    assert [row["scene_count"] for row in result["job_folders"]] == [31, 29, 79]
    assert [job.path.name for job in list_job_folders(work)] == ["p8_f463", "p103_f121", "p103_f126"]
    for job in list_job_folders(work):
        state = job.state()
        assert state.problems == ()


def test_a_further_stack_beside_a_flat_one_goes_into_a_folder(answers, work):
    add(answers / "site", work, (8, 463))
    before = (work / "stack_p0_f0.json").read_bytes()
    result = add(answers / "site", work, (103, 121))
    assert result["job_folders"][0]["path"] == str(work / "p103_f121")
    assert (work / "stack_p0_f0.json").read_bytes() == before


def test_the_kept_metadata_gives_the_baselines_again(answers, work):
    add(answers / "site", work, (103, 121))
    before = {path.name: path.read_bytes() for path in work.iterdir()}
    baselines.run(ComputeBaselines(str(work)), RunContext())
    assert {path.name: path.read_bytes() for path in work.iterdir()} == before
    assert len(read_search_answer(work)) == 31
    assert len(read_pairwise_file(work)) == 31 * 30 // 2
    facts = read_search_facts(work)
    assert facts["is_sandbox"]
    assert facts["request"]["aoi_wkt"] == SITE


def test_of_two_versions_of_a_scene_the_newer_one_stays(answers, work):
    row = add(answers / "site", work, (8, 463))["job_folders"][0]
    (older,) = row["older_versions"]
    scenes = stack_of(work, "stack_p0_f0.json")["scenes"]
    assert older not in scenes
    assert [name for name in scenes if name[17:32] == older[17:32]] != []
    assert row["scene_count"] == row["date_count"] == 79


def test_a_version_that_the_stack_has_stays(answers, work):
    """Its pairs name it, and a second version of the same scene would be a second scene of that day."""
    row = add(answers / "site", work, (8, 463))["job_folders"][0]
    (older,) = row["older_versions"]
    job = JobFolder(work)
    newer = next(name for name in job.read_stack().scenes if name[:-5] == older[:-5])
    stack = job.read_stack()
    document = stack.to_document()
    document["scenes"] = [older if name == newer else name for name in document["scenes"]]
    document["baselines"].pop(newer)
    (work / "stack_p0_f0.json").write_text(json.dumps(document))
    again = add(answers / "site", work, (8, 463))["job_folders"][0]
    assert again["new_scenes"] == 0
    assert again["scene_count"] == 79
    assert older in job.read_stack().scenes
    assert newer not in job.read_stack().scenes
    assert older in job.read_stack().baselines


def test_period_and_area_of_the_request_win(answers, work):
    area = "POLYGON((-1.8 37.6,-1.7 37.6,-1.7 37.7,-1.8 37.6))"
    add(answers / "site", work, (103, 121), aoi_wkt=area, start="2019-01-01", end="2022-12-31")
    options = config_of(work)["downloader"]["config"]
    assert (options["start"], options["end"], options["intersectsWith"]) == ("2019-01-01", "2022-12-31", area)


def test_the_period_that_was_searched_is_kept(answers, work):
    add(answers / "half", work, (8, 463))
    options = config_of(work)["downloader"]["config"]
    assert (options["start"], options["end"]) == ("2020-01-01", "2020-06-30")


def test_chosen_scenes_only(answers, work):
    names = [
        name
        for item in simulated_items()
        if "_202003" in (name := item["umm"]["GranuleUR"].removesuffix("-SLC"))
    ]
    row = add(answers / "site", work, (103, 121), scene_names=tuple(names))["job_folders"][0]
    assert row["scene_count"] == 3
    assert set(stack_of(work, "stack_p0_f0.json")["scenes"]) <= set(names)


# --- Stacks that exist ---


def test_a_stack_that_exists_gets_what_it_lacks(answers, work):
    first = add(answers / "half", work, (8, 463))["job_folders"][0]
    job = JobFolder(work)
    stack = job.read_stack()
    pair = order_pair(stack.scenes[0], stack.scenes[1])
    job.write_stack(stack.with_pairs([pair]))
    job.write_config_section("processor", {"type": "Hyp3_S1", "config": {"looks": "10x2"}})
    job.write_config_section("insarhub_qgis", {"network": {"mode": "targets"}, "name": "my job"})
    second = add(answers / "site", work, (8, 463))["job_folders"][0]
    assert (first["is_new"], second["is_new"]) == (True, False)
    assert second["new_scenes"] == 79 - first["scene_count"]
    assert second["path"] == str(work)
    stack = job.read_stack()
    assert stack.pairs == (pair,)
    assert len(stack.scenes) == 79
    config = config_of(work)
    assert config["processor"]["config"] == {"looks": "10x2"}
    assert config["insarhub_qgis"]["name"] == "my job"
    assert config["insarhub_qgis"]["network"] == {"mode": "targets"}
    options = config["downloader"]["config"]
    assert (options["start"], options["end"]) == ("2020-01-01", "2021-07-07")
    third = add(answers / "half", work, (8, 463))["job_folders"][0]
    assert third["new_scenes"] == 0
    assert len(job.read_stack().scenes) == len(read_search_answer(work)) == 79


def test_the_area_of_a_job_stays(answers, work):
    add(answers / "site", work, (103, 121))
    add(answers / "paths", work, (103, 121), aoi_wkt="POINT(-1.7 37.6)")
    assert config_of(work)["downloader"]["config"]["intersectsWith"] == SITE


def test_simulated_and_real_scenes_do_not_mix(answers, work):
    add(answers / "site", work, (103, 121))
    job = JobFolder(work)
    job.write_config_section("insarhub_qgis", {"is_sandbox": None})
    before = {path.name: path.read_bytes() for path in work.iterdir()}
    fails("jobs.sandbox_mix", answers / "paths", work, (103, 121))
    assert {path.name: path.read_bytes() for path in work.iterdir()} == before


def test_one_damaged_stack_does_not_stop_the_others(answers, work):
    add(answers / "paths", work, (103, 121), (103, 126))
    damaged = work / "p103_f126" / "insarhub_config.json"
    damaged.write_text('{"downloader": ')
    result = add(answers / "paths", work, (103, 126), (8, 463), (1, 1))
    assert [row["track"] for row in result["job_folders"]] == [8]
    assert [(row["stack"], row["code"]) for row in result["excluded"]] == [
        ([1, 1], "jobs.no_scenes"),
        ([103, 126], "file.malformed"),
    ]
    assert damaged.read_text() == '{"downloader": '


def test_damaged_metadata_of_a_job_is_set_aside(answers, work):
    add(answers / "half", work, (8, 463))
    (work / SEARCH_ANSWER_NAME).write_bytes(b"no gzip")
    add(answers / "half", work, (8, 463))
    assert read_search_answer(work)
    assert (work / f"{SEARCH_ANSWER_NAME}.bak").read_bytes() == b"no gzip"


# --- Bad input ---


def test_bad_requests(answers, work, tmp_path):
    fails("jobs.no_stacks", answers / "site", work)
    fails("jobs.no_scenes", answers / "site", work, (103, 126))
    fails("search.no_answer", tmp_path, work, (8, 463))
    assert not work.exists()


def test_a_work_directory_that_cannot_be_made(answers, tmp_path):
    (tmp_path / "file").write_text("in the way")
    error = fails("file.write_failed", answers / "site", tmp_path / "file" / "work", (103, 121))
    assert error.fields["file"] == str(tmp_path / "file" / "work")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="this user may write everywhere")
def test_a_work_directory_without_right(answers, tmp_path):
    tmp_path.chmod(0o500)
    fails("file.not_writable", answers / "site", tmp_path / "work", (103, 121))
    tmp_path.chmod(0o700)


def test_a_failure_leaves_no_empty_folder(answers, work, monkeypatch):
    def refuse(*_, **__):
        raise InsarError("file.disk_full", file="x")

    monkeypatch.setattr(add_jobs, "write_search_answer", refuse)
    fails("file.disk_full", answers / "site", work, (103, 121))
    assert not work.exists()


def test_cancel_keeps_what_is_finished(answers, work):
    asked = []

    def is_cancelled():
        asked.append(len(list(work.iterdir())) if work.exists() else 0)
        return asked[-1] >= 1

    with pytest.raises(Cancelled):
        add(answers / "paths", work, (103, 121), (8, 463), context=RunContext(is_cancelled=is_cancelled))
    assert [path.name for path in work.iterdir()] == ["p103_f121"]
    assert JobFolder(work / "p103_f121").read_stack().baselines


def test_progress_rises_over_all_stacks(answers, work):
    fractions = []
    add(
        answers / "paths", work, (103, 121), (8, 463),
        context=RunContext(report=lambda fraction, _: fractions.append(fraction)),
    )  # fmt: skip
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)


def test_a_broken_item_of_an_answer_is_passed_over(answers, work, tmp_path):
    items = read_search_answer(answers / "site")
    folder = tmp_path / "answer"
    folder.mkdir()
    write_search_answer(folder, [{"umm": {"GranuleUR": "x"}}, *items])
    assert add(folder, work, (103, 121))["job_folders"][0]["scene_count"] == 31


def test_a_stack_of_inherited_names_keeps_them(answers, work):
    """A folder that InSARHub made flat with real numbers."""
    work.mkdir()
    (work / "stack_p103_f121.json").write_text(json.dumps({"pairs": [], "mine": 1}))
    (work / "insarhub_config.json").write_text(
        json.dumps(
            {"downloader": {"type": "S1_SLC", "config": {"relativeOrbit": 103, "frame": 121, "other": 2}}}
        )
    )
    row = add(answers / "site", work, (103, 121))["job_folders"][0]
    assert row["path"] == str(work)
    document = stack_of(work, "stack_p103_f121.json")
    assert document["mine"] == 1
    assert len(document["scenes"]) == 31
    assert config_of(work)["downloader"]["config"]["other"] == 2
    assert not (work / "stack_p0_f0.json").exists()
    assert isinstance(JobFolder(work).read_stack(), Stack)

# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from insarhub_qgis.core import mintpy_job
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.hyp3_files import add_jobs, write_product_cache
from insarhub_qgis.core.job_folder import JobFolder, list_job_folders, place_new_stacks
from insarhub_qgis.core.job_state import DONE, NEEDS_YOU, NOT_BEGUN, READY, RUNNING
from insarhub_qgis.core.mintpy_job import MintpyJob
from insarhub_qgis.core.stack_file import FLAT, StackNumbers
from tests.makers.job_folders import (
    BURST,
    CONFIG,
    GAMMA,
    ISCE_JOBS,
    JOBS,
    STACK,
    get_json,
    make_job_folder,
    make_product_zip,
    put_json,
)


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


# --- layouts ---


def test_layouts_are_all_listed_with_the_right_numbers(tmp_path: Path) -> None:
    make_job_folder(tmp_path)
    for name in ("p100_f466", "p93_f121", "p100_merged_f466_f471"):
        (tmp_path / name).mkdir()
        put_json(tmp_path / name / f"stack_{name}.json", STACK)
    put_json(tmp_path / "other name" / "stack_p7_f8.json", STACK)
    put_json(tmp_path / "only config" / "insarhub_config.json", CONFIG)
    put_json(tmp_path / ".hidden" / "insarhub_config.json", CONFIG)
    (tmp_path / "no job").mkdir()
    (tmp_path / "stack_p1_f1.json.bak").touch()
    found = list_job_folders(tmp_path)
    assert [(job.path.name, job.numbers()) for job in found] == [
        (tmp_path.name, FLAT),
        ("only config", FLAT),
        ("other name", StackNumbers(7, (8,))),
        ("p93_f121", StackNumbers(93, (121,))),
        ("p100_f466", StackNumbers(100, (466,))),
        ("p100_merged_f466_f471", StackNumbers(100, (466, 471))),
    ]
    assert list_job_folders(tmp_path / "none") == []


def test_where_new_stacks_go(tmp_path: Path) -> None:
    one, two = StackNumbers(100, (466,)), StackNumbers(93, (121,))
    assert place_new_stacks(tmp_path, [one]) == [(tmp_path, FLAT)]
    assert place_new_stacks(tmp_path, [one, two]) == [
        (tmp_path / "p100_f466", one),
        (tmp_path / "p93_f121", two),
    ]
    make_job_folder(tmp_path)
    assert place_new_stacks(tmp_path, [two]) == [(tmp_path / "p93_f121", two)]
    assert not (tmp_path / "p93_f121").exists()


def test_the_stack_of_the_folders_own_numbers_comes_first(tmp_path: Path) -> None:
    folder = tmp_path / "p9_f9"
    for name in ("stack_p1_f1.json", "stack_p9_f9.json", "pairs.json"):
        put_json(folder / name, STACK)
    job = JobFolder(folder)
    assert job.stack_file() == folder / "stack_p9_f9.json"
    assert job.network_image_file().name == "network_p9_f9.png"


def test_where_products_results_and_dems_lie(tmp_path: Path) -> None:
    job = JobFolder(make_job_folder(tmp_path / "job"))
    other = tmp_path / "wide – disk"
    other.mkdir()
    (job.path / "hyp3").mkdir()
    write_product_cache(job.path, [], other)
    add_jobs(job.path / "hyp3_jobs.json", "anna", ["1"], other)
    add_jobs(job.path / "hyp3_retry_jobs_20240502T081530.json", "anna", ["2"], tmp_path / "gone")
    assert job.product_folders() == [job.path, job.path / "hyp3", other]
    for name in ("mintpy/geo", "hyp3_mintpy", "geo"):
        (job.path / name).mkdir(parents=True)
    assert [folder.relative_to(job.path).as_posix() for folder in job.analysis_folders()] == [
        ".", "geo", "mintpy", "mintpy/geo", "hyp3_mintpy",
    ]  # fmt: skip
    assert job.dem_file() is None
    (job.path / "dem" / "p1_f2").mkdir(parents=True)
    (job.path / "dem" / "p1_f2" / "dem_p1_f2.tif").touch()
    assert job.dem_file() == job.path / "dem" / "p1_f2" / "dem_p1_f2.tif"
    (job.path / "dem_p0_f0.tif").touch()
    assert job.dem_file() == job.path / "dem_p0_f0.tif"


# --- opening ---


def test_opening_never_writes(tmp_path: Path) -> None:
    make_job_folder(tmp_path)
    put_json(tmp_path / "hyp3_jobs.json", JOBS)
    (tmp_path / ".insarhub_cache.json").write_text("{ damaged")
    before = tree(tmp_path)
    for job in list_job_folders(tmp_path):
        assert job.is_job_folder()
        assert job.name == "bay"
        assert job.aoi_wkt() is not None
        job.state()
        job.product_folders()
        job.analysis_folders()
        job.dem_file()
        job.numbers()
        job.read_stack()
    assert tree(tmp_path) == before


def test_a_name_that_is_missing_or_damaged_is_the_folders(tmp_path: Path) -> None:
    folder = tmp_path / "bay of naples"
    make_job_folder(folder, config={"insarhub_qgis": {"name": 7}})
    assert JobFolder(folder).name == "bay of naples"
    (folder / "insarhub_config.json").write_text("{")
    assert JobFolder(folder).name == "bay of naples"


def test_one_bad_folder_hides_no_other(tmp_path: Path) -> None:
    for name in ("p1_f1", "p2_f2", "p3_f3"):
        put_json(tmp_path / name / f"stack_{name}.json", STACK)
    (tmp_path / "p2_f2" / "stack_p2_f2.json").write_text('{"pairs": [')
    (tmp_path / "p3_f3" / "insarhub_config.json").mkdir()
    states = [job.state() for job in list_job_folders(tmp_path)]
    assert [(state.path.name, [problem.code for problem in state.problems]) for state in states] == [
        ("p1_f1", []),
        ("p2_f2", ["file.malformed"]),
        ("p3_f3", ["file.not_readable"]),
    ]
    assert states[1].stage("downloader").state == NEEDS_YOU


@pytest.mark.parametrize(
    "content",
    ["", "[]", "7", "null", '{"downloader": 3, "processor": [], "analyzer": {"type": {}}, "insarhub_qgis": "x"}',
     '{"downloader": {"config": []}, "insarhub_qgis": {"name": {}}}'],
)  # fmt: skip
def test_state_never_raises_whatever_stands_in_a_file(tmp_path: Path, content: str) -> None:
    names = (
        "insarhub_config.json", "stack_p0_f0.json", "hyp3_jobs.json", ".insarhub_cache.json", "isce_jobs.json",
        "mintpy_job.json", "downloader_config.json", "insarhub_workflow.json",
    )  # fmt: skip
    for name in names:
        (tmp_path / name).write_text(content)
    job = JobFolder(tmp_path)
    assert len(job.state().stages) == 3
    assert job.product_folders() == [tmp_path]
    assert isinstance(job.name, str)
    for name in names:
        (tmp_path / name).unlink()
        assert len(job.state().stages) == 3
    assert len(JobFolder(tmp_path / "none").state().stages) == 3


def test_a_path_outside_is_not_set_aside(tmp_path: Path) -> None:
    outside = put_json(tmp_path / "x.json", {})
    job = JobFolder(make_job_folder(tmp_path / "job"))
    with pytest.raises(InsarError, match=r"folder\.not_inside"):
        job.start_new_file(outside)
    assert outside.exists()


@pytest.mark.parametrize(
    "name", ["insarhub_config.json", "stack_p0_f0.json", "hyp3_jobs.json", ".insarhub_cache.json"]
)
def test_only_a_damaged_file_of_the_user_is_set_aside(tmp_path: Path, name: str) -> None:
    job = JobFolder(make_job_folder(tmp_path / "job"))
    path = put_json(job.path / name, {"pairs": [], "job_ids": {}})
    before = path.read_bytes()
    with pytest.raises(InsarError, match=r"file\.not_damaged"):
        job.start_new_file(path)
    assert path.read_bytes() == before
    path.write_text("{", encoding="utf-8")
    problem = InsarError("file.malformed", file=str(path))
    if name.startswith("."):
        assert job.damaged_files([problem]) == []
        with pytest.raises(InsarError, match=r"file\.not_damaged"):
            job.start_new_file(path)
        return
    assert job.damaged_files([problem, problem]) == [path]
    assert job.start_new_file(path).name == f"{name}.bak"


def test_a_read_only_folder_says_so(tmp_path: Path) -> None:
    folder = make_job_folder(tmp_path / "job")
    folder.chmod(0o555)
    try:
        if os.access(folder, os.W_OK):
            pytest.skip("this user may write everywhere")
        with pytest.raises(InsarError, match=r"file\.not_writable"):
            JobFolder(folder).write_config_section("insarhub_qgis", {"name": "x"})
        assert get_json(folder / "insarhub_config.json") == CONFIG
    finally:
        folder.chmod(0o755)


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "job").touch()
    with pytest.raises(InsarError, match=r"file\.not_writable"):
        JobFolder(tmp_path / "job").write_config_section("insarhub_qgis", {"name": "x"})


# --- state ---


def stage(job: JobFolder, role: str) -> tuple:
    found = job.state().stage(role)
    return found.state, found.done_count, found.total_count


def test_a_job_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    job = JobFolder(tmp_path / "job")
    assert [found.state for found in job.state().stages] == [NOT_BEGUN] * 3
    job.write_config_section("downloader", {"type": "S1_SLC", "config": {"flightDirection": "ASCENDING"}})
    assert [found.state for found in job.state().stages] == [READY, NOT_BEGUN, NOT_BEGUN]
    put_json(job.path / "stack_p0_f0.json", STACK)
    state = job.state()
    assert [found.state for found in state.stages] == [DONE, READY, NOT_BEGUN]
    assert (state.date_count, state.pair_count, state.flight_direction) == (2, 1, "ASCENDING")
    assert (state.first_date, state.last_date) == (date(2023, 3, 5), date(2023, 3, 17))
    make_product_zip(job.path / f"{GAMMA}.zip")
    assert stage(job, "processor") == (DONE, 1, 1)
    (job.path / ".mintpy.cfg").touch()
    assert stage(job, "analyzer") == (READY, None, None)
    (job.path / "geo").mkdir()
    (job.path / "geo" / "geo_velocity.h5").touch()
    assert stage(job, "analyzer") == (DONE, None, None)
    assert job.state().problems == ()


def test_products_without_a_stack_count(tmp_path: Path) -> None:
    make_product_zip(tmp_path / f"{GAMMA}.zip")
    make_product_zip(tmp_path / "hyp3" / f"{BURST}.zip", BURST)
    make_product_zip(tmp_path / "hyp3" / f"{GAMMA}.zip")
    state = JobFolder(tmp_path).state()
    assert (state.pair_count, state.date_count, state.first_date) == (2, 4, date(2017, 4, 11))
    assert stage(JobFolder(tmp_path), "processor") == (DONE, 2, 2)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"1": "RUNNING", "2": "SUCCEEDED"}, (RUNNING, 1, 2)),
        ({"1": "FAILED", "2": "RUNNING"}, (NEEDS_YOU, 0, 2)),
        ({"1": "SUCCEEDED", "2": "SUCCEEDED"}, (READY, 2, 2)),
        ({"1": "SUCCEEDED"}, (NEEDS_YOU, 1, 2)),
        ({}, (NEEDS_YOU, 0, 2)),
    ],
)
def test_hyp3_stage(tmp_path: Path, words: dict, expected: tuple) -> None:
    own = {"last_seen": {job_id: {"status": word} for job_id, word in words.items()}}
    add_jobs(tmp_path / "hyp3_jobs.json", "anna", ["1", "2"], tmp_path, own)
    assert stage(JobFolder(tmp_path), "processor") == expected


def test_a_retry_speaks_for_its_pair(tmp_path: Path) -> None:
    add_jobs(tmp_path / "hyp3_jobs.json", "anna", ["1"], tmp_path, {"last_seen": {"1": {"status": "FAILED"}}})
    own = {"retry_of": {"2": "1"}, "last_seen": {"2": {"status": "RUNNING"}}}
    add_jobs(tmp_path / "hyp3_retry_jobs_20240502T081530.json", "anna", ["2"], tmp_path, own)
    assert stage(JobFolder(tmp_path), "processor") == (RUNNING, 0, 1)


def test_isce_stage(tmp_path: Path) -> None:
    put_json(tmp_path / "isce" / "isce_jobs.json", ISCE_JOBS)
    assert stage(JobFolder(tmp_path), "processor") == (DONE, 1, 1)
    jobs = {"jobs": {**ISCE_JOBS["jobs"], "run_02": {"status": "RUNNING:12"}}}
    put_json(tmp_path / "isce" / "isce_jobs.json", jobs)
    assert stage(JobFolder(tmp_path), "processor") == (RUNNING, 1, 2)


def put_run(folder: Path, status: str, **states: str) -> None:
    job = MintpyJob(folder / mintpy_job.JOB_FILE, job_id="1", status=status)
    for name, word in states.items():
        job.step(name).state = word
    job.write()


def test_analyzer_stage(tmp_path: Path) -> None:
    job = JobFolder(tmp_path)
    (tmp_path / ".mintpy.cfg").touch()
    put_run(tmp_path, "completed", load_data="done", geocode="skipped", velocity="not_run")
    assert stage(job, "analyzer") == (READY, 1, 2)
    for status in ("failed", "cancelled"):
        put_run(tmp_path, status, load_data="done", velocity=status)
        assert stage(job, "analyzer") == (NEEDS_YOU, 1, 2)
    (tmp_path / "velocity.h5").touch()
    assert stage(job, "analyzer") == (NEEDS_YOU, 1, 2)
    put_run(tmp_path, "completed", load_data="done", velocity="done")
    assert stage(job, "analyzer") == (DONE, 2, 2)


def test_a_run_is_running_while_its_process_lives(tmp_path: Path) -> None:
    job = JobFolder(tmp_path)
    put_run(tmp_path, "running", load_data="running")
    assert stage(job, "analyzer") == (NEEDS_YOU, 0, 1)
    with mintpy_job.analysis_lock(tmp_path):
        assert stage(job, "analyzer") == (RUNNING, 0, 1)
    assert stage(job, "analyzer") == (NEEDS_YOU, 0, 1)


def test_the_job_file_of_0_4(tmp_path: Path) -> None:
    (tmp_path / ".mintpy.cfg").touch()
    put_json(
        tmp_path / "mintpy_job.json", {"job_id": "local_1", "status": "RUNNING", "script": "x", "log": "y"}
    )
    assert stage(JobFolder(tmp_path), "analyzer") == (READY, None, None)
    put_json(tmp_path / "mintpy_job.json", {"job_id": "local_1", "status": "FAILED"})
    assert stage(JobFolder(tmp_path), "analyzer") == (NEEDS_YOU, None, None)


def test_an_out_dir_that_is_gone_is_told(tmp_path: Path) -> None:
    put_json(tmp_path / "hyp3_jobs.json", JOBS)
    assert [problem.code for problem in JobFolder(tmp_path).state().problems] == ["job.out_dir_missing"]

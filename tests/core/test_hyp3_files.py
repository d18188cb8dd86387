# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.hyp3_files import (
    add_jobs,
    find_job_files,
    is_product_file_name,
    read_job_file,
    read_product_cache,
    retry_jobs_name,
    update_job_file,
    write_product_cache,
)
from insarhub_qgis.core.isce_files import find_isce_job_files, read_isce_jobs, write_isce_jobs
from tests.makers.job_folders import (
    BURST,
    CACHE,
    GAMMA,
    ISCE_JOBS,
    JOBS,
    JOBS_040,
    A,
    B,
    get_json,
    put_json,
    without_own,
)


@pytest.mark.parametrize("sample", [JOBS, JOBS_040])
def test_job_files_survive_a_rewrite(tmp_path: Path, sample: dict) -> None:
    path = put_json(tmp_path / "hyp3_jobs.json", sample)
    file = update_job_file(
        path, {"last_seen": {"5b1d-01": {"status": "RUNNING", "at": "2024-05-02T09:00:00Z"}}}
    )
    after = get_json(path)
    assert without_own(after) == without_own(sample)
    assert {**after["insarhub_qgis"], "last_seen": None} == {
        **sample.get("insarhub_qgis", {}),
        "last_seen": None,
    }
    assert file.last_seen["5b1d-01"]["status"] == "RUNNING"


def test_the_documented_job_file(tmp_path: Path) -> None:
    file = read_job_file(put_json(tmp_path / "hyp3_jobs.json", JOBS))
    assert file.ids == ("5b1d-01", "5b1d-02")
    assert file.pairs == {"5b1d-01": (A, B)}
    assert file.retry_of == {}
    assert file.is_out_dir_missing
    assert file.product_folder == tmp_path


def test_jobs_are_added_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "hyp3_jobs.json"
    add_jobs(path, "anna", ["1", "2"], tmp_path, {"pairs": {"1": [A, B]}, "job_type": "INSAR_GAMMA"})
    add_jobs(path, "anna", ["2", "3"], tmp_path / "else", {"pairs": {"3": [B, A]}})
    add_jobs(path, "bert", ["4"], tmp_path)
    after = get_json(path)
    assert after["job_ids"] == {"anna": ["1", "2", "3"], "bert": ["4"]}
    assert after["out_dir"] == tmp_path.as_posix()
    assert after["insarhub_qgis"]["pairs"] == {"1": [A, B], "3": [B, A]}
    assert after["insarhub_qgis"]["version"] == 1


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"job_ids": []}', '{"job_ids": {"a": "id"}}'])
def test_a_damaged_job_file_is_never_replaced(tmp_path: Path, content: str) -> None:
    path = tmp_path / "hyp3_jobs.json"
    path.write_text(content)
    with pytest.raises(InsarError, match=r"file\.malformed"):
        add_jobs(path, "anna", ["1"], tmp_path)
    assert path.read_text() == content


def test_which_files_are_job_files(tmp_path: Path) -> None:
    put_json(tmp_path / "hyp3_retry_jobs_20240502t081530.json", JOBS_040)
    put_json(tmp_path / "hyp3_jobs.json", {"job_ids": {}, "out_dir": ""})
    put_json(tmp_path / "hyp3_extra.json", JOBS)
    put_json(tmp_path / "hyp3_settings.json", {"looks": 1})
    put_json(tmp_path / "hyp3_retry_jobs_20240503T081530.json", {"ids": 1})
    (tmp_path / "hyp3_cut.json").write_text('{"job_ids')
    files, problems = find_job_files(tmp_path)
    assert [file.path.name for file in files] == [
        "hyp3_jobs.json",
        "hyp3_extra.json",
        "hyp3_retry_jobs_20240502t081530.json",
    ]
    assert [Path(error.fields["file"]).name for error in problems] == [
        "hyp3_cut.json",
        "hyp3_retry_jobs_20240503T081530.json",
    ]
    assert files[0].ids == ()


def test_retry_name_is_utc() -> None:
    moment = datetime(2024, 5, 2, 10, 15, 30, tzinfo=timezone(timedelta(hours=2)))
    assert retry_jobs_name(moment) == "hyp3_retry_jobs_20240502T081530.json"
    assert re.fullmatch(r"hyp3_retry_jobs_\d{8}T\d{6}\.json", retry_jobs_name())


def test_product_cache(tmp_path: Path) -> None:
    assert read_product_cache(tmp_path) is None
    put_json(tmp_path / ".insarhub_cache.json", {**CACHE, "more": True})
    assert write_product_cache(tmp_path, [f"{BURST}.zip", f"{GAMMA}.zip"], tmp_path) is None
    assert get_json(tmp_path / ".insarhub_cache.json") == {
        "filenames": [f"{GAMMA}.zip", f"{BURST}.zip"],
        "out_dir": tmp_path.as_posix(),
        "more": True,
    }
    cache = read_product_cache(tmp_path)
    assert cache is not None
    assert cache.filenames == (f"{GAMMA}.zip", f"{BURST}.zip")


def test_names_that_are_no_plain_product_names() -> None:
    assert is_product_file_name(f"{GAMMA}.zip")
    for name in (f"../{GAMMA}.zip", f"a\\{GAMMA}.zip", f"{GAMMA}", f"{GAMMA}.zip.exe", "x.zip", None, 3):
        assert not is_product_file_name(name)


# --- ISCE2 ---


def test_isce_jobs_survive_a_rewrite(tmp_path: Path) -> None:
    path = put_json(tmp_path / "isce" / "isce_jobs.json", ISCE_JOBS)
    jobs = write_isce_jobs(path, {}, Path("/data/p5"))
    assert get_json(path) == ISCE_JOBS
    assert jobs.is_hpc
    assert jobs.steps[0].slurm_job_ids == ("4711",)
    write_isce_jobs(
        path, {"run_02": {"status": "PENDING"}, "run_01_unpack_topo_reference": {"n_cmds": 2}}, tmp_path
    )
    jobs = read_isce_jobs(path)
    assert [(step.name, step.status) for step in jobs.steps] == [
        ("run_01_unpack_topo_reference", "SUCCEEDED"),
        ("run_02", "PENDING"),
    ]
    assert jobs.steps[0].command_count == 2
    with pytest.raises(InsarError, match=r"job\.bad_status"):
        write_isce_jobs(path, {"run_02": {"status": "maybe"}}, tmp_path)


def test_isce_files_of_0_4(tmp_path: Path) -> None:
    old = {
        "jobs": {
            "run_1": {"slurm_job_id": 12, "hpc_manager": "x", "status": "FAILED:12"},
            "run_2": {"status": "?"},
        }
    }
    path = put_json(tmp_path / "isce_jobs_old.json", old)
    jobs = read_isce_jobs(path)
    assert [(step.status, step.slurm_job_ids, step.is_hpc) for step in jobs.steps] == [
        ("FAILED", ("12",), True),
        ("UNKNOWN", (), False),
    ]
    new = put_json(tmp_path / "isce" / "isce_jobs.json", ISCE_JOBS)
    assert find_isce_job_files(tmp_path) == [new, path]


def test_a_new_isce_file_and_an_empty_one(tmp_path: Path) -> None:
    path = tmp_path / "isce" / "isce_jobs.json"
    write_isce_jobs(path, {"run_1": {"status": "RUNNING"}}, tmp_path, {"mode": "local"})
    assert get_json(path) == {
        "jobs": {"run_1": {"step": "run_1", "status": "RUNNING"}},
        "workdir": tmp_path.as_posix(),
        "insarhub_qgis": {"version": 1, "mode": "local"},
    }
    path.write_text("")
    with pytest.raises(InsarError, match=r"file\.malformed"):
        write_isce_jobs(path, {"run_1": {"status": "FAILED"}}, tmp_path)
    assert path.read_text() == ""

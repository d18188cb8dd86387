# SPDX-License-Identifier: GPL-2.0-or-later
"""Cut files, killed writers, two writers: nothing is lost and every file stays whole."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable

import pytest

from insarhub_qgis.core.atomic_files import LOCK_NAME, remove_left_over_temporary_files
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.hyp3_files import (
    add_jobs,
    find_job_files,
    read_product_cache,
    update_job_file,
    write_product_cache,
)
from insarhub_qgis.core.isce_files import read_isce_jobs, write_isce_jobs
from insarhub_qgis.core.job_folder import JobFolder, list_job_folders
from insarhub_qgis.core.quality_files import (
    QualityCache,
    begin_pair_database,
    read_pair_database,
    write_pair_database,
)
from insarhub_qgis.core.scenes import order_pair
from insarhub_qgis.core.stack_file import Stack
from tests.makers.job_folders import (
    CACHE,
    CONFIG,
    DATABASE,
    ISCE_JOBS,
    JOBS,
    QUALITY_CACHE,
    STACK,
    A,
    B,
    C,
    get_json,
    make_job_folder,
    put_json,
)

ROOT = Path(__file__).resolve().parents[2]
Action = Callable[[Path], object]


def save_quality(folder: Path) -> None:
    cache = QualityCache(folder)
    cache.put("veg", "k", {"ndvi": 0.5})
    cache.save()


#: Files of the user: (name, content, actions that read, actions that write).
USER_FILES: list[tuple[str, dict, list[Action], list[Action]]] = [
    (
        "insarhub_config.json",
        CONFIG,
        [lambda folder: JobFolder(folder).read_config(), lambda folder: JobFolder(folder).aoi_wkt()],
        [
            lambda folder: JobFolder(folder).write_config_section("insarhub_qgis", {"name": "x"}),
            lambda folder: JobFolder(folder).write_config_section(
                "processor", {"type": "Hyp3_S1", "config": {}}
            ),
        ],
    ),
    (
        "stack_p0_f0.json",
        STACK,
        [lambda folder: JobFolder(folder).read_stack()],
        [lambda folder: JobFolder(folder).write_stack(Stack(pairs=(order_pair(A, B),)))],
    ),
    (
        "hyp3_jobs.json",
        JOBS,
        [],
        [
            lambda folder: add_jobs(folder / "hyp3_jobs.json", "anna", ["1"], folder),
            lambda folder: update_job_file(folder / "hyp3_jobs.json", {"name": "x"}),
        ],
    ),
    (
        "isce/isce_jobs.json",
        ISCE_JOBS,
        [lambda folder: read_isce_jobs(folder / "isce" / "isce_jobs.json")],
        [
            lambda folder: write_isce_jobs(
                folder / "isce" / "isce_jobs.json", {"a": {"status": "FAILED"}}, folder
            )
        ],
    ),
]

#: Caches: (name, content, action that writes).
CACHE_FILES: list[tuple[str, dict, Action]] = [
    (".insarhub_cache.json", CACHE, lambda folder: write_product_cache(folder, ["a.zip"], folder)),
    (".insarhub_quality_cache.json", QUALITY_CACHE, save_quality),
    (".insarhub_pair_quality_db.json", DATABASE, lambda folder: write_pair_database(folder, [A, B], {}, {})),
    (".insarhub_pair_quality_db.json", DATABASE, lambda folder: begin_pair_database(folder, 3)),
]


@pytest.mark.parametrize(
    ("name", "content", "readers", "writers"), USER_FILES, ids=[row[0] for row in USER_FILES]
)
def test_a_cut_file_of_the_user_is_reported_and_kept(
    tmp_path: Path, name: str, content: dict, readers: list[Action], writers: list[Action]
) -> None:
    job = JobFolder(make_job_folder(tmp_path / "one"))
    make_job_folder(tmp_path / "two")
    path = put_json(job.path / name, content)
    whole = path.read_bytes()
    for length in range(0, len(whole), 100):
        path.write_bytes(whole[:length])
        for action in (*readers, *writers):
            with pytest.raises(InsarError) as caught:
                action(job.path)
            assert caught.value.code == "file.malformed"
            assert caught.value.fields["file"] == str(path)
            assert caught.value.fields["line"] >= 1
        problems = job.state().problems
        assert "file.malformed" in [problem.code for problem in problems]
        assert [found.path.name for found in list_job_folders(tmp_path)] == ["one", "two"]
        assert path.read_bytes() == whole[:length]
    assert not list(job.path.rglob("*.bak*"))
    if path.parent == job.path:
        aside = job.start_new_file(path)
        assert aside.read_bytes() == whole[:length]
        writers[0](job.path)
        assert isinstance(get_json(path), dict)


@pytest.mark.parametrize(
    ("name", "content", "write"), CACHE_FILES, ids=["cache", "quality", "database", "begin"]
)
def test_a_cut_cache_is_set_aside_and_rebuilt(
    tmp_path: Path, name: str, content: dict, write: Action
) -> None:
    whole = json.dumps(content, indent=2).encode()
    for number, length in enumerate(range(0, len(whole), 100)):
        folder = make_job_folder(tmp_path / str(number))
        path = folder / name
        path.write_bytes(whole[:length])
        JobFolder(folder).state()
        JobFolder(folder).product_folders()
        assert path.read_bytes() == whole[:length]
        write(folder)
        assert (folder / f"{name}.bak").read_bytes() == whole[:length]
        assert isinstance(get_json(path), dict)


def start_writer(folder: Path, name: str, rounds: int) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-m", "tests.makers.job_folder_writer", str(folder), name, str(rounds)]
    return subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def numbers_in(folder: Path, name: str) -> tuple[int, int]:
    """The last round in the config and in the job file; all files must be whole."""
    own = get_json(folder / "insarhub_config.json")["insarhub_qgis"]
    ids = get_json(folder / "hyp3_jobs.json")["job_ids"].get(name, [])
    cache = QualityCache(folder)
    assert cache.problem is None
    stack = JobFolder(folder).read_stack()
    assert order_pair(A, B) in stack.pairs
    assert stack.source["pair_quality"] == STACK["pair_quality"]
    for reader in (read_product_cache, read_pair_database):
        assert reader(folder) is not None
    assert find_job_files(folder)[1] == []
    assert [int(job_id.split("-")[-1]) for job_id in ids] == sorted(
        int(job_id.split("-")[-1]) for job_id in ids
    )
    return own.get(f"round_{name}", 0), len(ids)


def test_fifty_kills_during_saves_leave_whole_files(tmp_path: Path) -> None:
    folder = make_job_folder(tmp_path / "Arbeit – 1")
    first = start_writer(folder, "a", 1)
    assert first.wait(timeout=60) == 0
    before, killed_inside = 1, 0
    for number in range(500):
        if number >= 50 and killed_inside >= 10:
            break
        writer = start_writer(folder, "a", 0)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        time.sleep(0.001 + 0.0011 * (number % 50))
        writer.kill()
        writer.wait(timeout=60)
        writer.stdout.close()
        killed_inside += (folder / LOCK_NAME).exists() or (folder / "isce" / LOCK_NAME).exists()
        last, id_count = numbers_in(folder, "a")
        assert last >= before
        # A kill between the two files of a round leaves the jobs at most this round behind.
        before = last
        assert id_count <= last
    assert killed_inside >= 10, "the kills missed the saves"
    final = start_writer(folder, "a", 1)
    assert final.wait(timeout=60) == 0
    assert numbers_in(folder, "a")[0] == before + 1
    config = get_json(folder / "insarhub_config.json")
    assert config["downloader"] == CONFIG["downloader"]
    assert config["processor"] == CONFIG["processor"]
    assert not list(folder.rglob("*.bak*"))
    assert not (folder / LOCK_NAME).exists()
    remove_left_over_temporary_files(folder, older_than_seconds=-1)
    remove_left_over_temporary_files(folder / "isce", older_than_seconds=-1)
    assert not list(folder.rglob("*tmp*"))


def test_two_processes_write_one_folder_and_lose_nothing(tmp_path: Path) -> None:
    rounds = 30
    folder = make_job_folder(tmp_path / "job")
    writers = [start_writer(folder, name, rounds) for name in ("a", "b")]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0]
    own = get_json(folder / "insarhub_config.json")["insarhub_qgis"]
    assert (own["round_a"], own["round_b"]) == (rounds, rounds)
    ids = get_json(folder / "hyp3_jobs.json")["job_ids"]
    assert ids == {name: [f"{name}-{number}" for number in range(1, rounds + 1)] for name in ids}
    assert sorted(ids) == ["a", "b"]
    veg = get_json(folder / ".insarhub_quality_cache.json")["veg"]
    assert len(veg) == 2 * rounds
    assert len(get_json(folder / ".insarhub_cache.json")["filenames"]) == 2 * rounds
    assert sorted(get_json(folder / "isce" / "isce_jobs.json")["jobs"]) == ["a", "b"]
    stack = JobFolder(folder).read_stack()
    assert set(stack.pairs) == {order_pair(A, B), order_pair(A, C)}
    assert not (folder / LOCK_NAME).exists()


def test_a_reader_beside_a_writer_always_sees_whole_files(tmp_path: Path) -> None:
    folder = make_job_folder(tmp_path / "job")
    start_writer(folder, "a", 1).wait(timeout=60)
    writer = start_writer(folder, "a", 0)
    try:
        rounds = set()
        # Reads fall between and into the writes of many rounds, however slow both are.
        for _ in range(100_000):
            assert JobFolder(folder).state().problems == ()
            rounds.add(numbers_in(folder, "a")[0])
            if len(rounds) > 20:
                break
        assert len(rounds) > 20
    finally:
        writer.kill()
        writer.wait(timeout=60)

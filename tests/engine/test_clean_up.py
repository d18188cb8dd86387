# SPDX-License-Identifier: GPL-2.0-or-later
"""Clean up lists with sizes, deletes only inside the job folder, and keeps zips that are not loaded yet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import pytest

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.mintpy_job import analysis_lock
from insarhub_qgis.core.requests import CleanUp, OpenProducts, PrepareAnalysis
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine import clean_up, open_products, prepare_analysis
from tests.makers.products import chain, write_chain


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """Give a prepared job whose zips lie in its own folder, with what a run leaves."""
    folder = tmp_path / "job"
    write_chain(folder)
    open_products.run(OpenProducts(str(folder), str(folder)), RunContext())
    prepare_analysis.run(PrepareAnalysis(str(folder)), RunContext())
    (folder / "tmp" / "deep").mkdir(parents=True)
    (folder / "tmp" / "deep" / "old.tif").write_bytes(bytes(1000))
    (folder / ".insarhub_previous").mkdir()
    (folder / ".insarhub_previous" / "velocity.h5").write_bytes(bytes(500))
    (folder / "velocity.tif.part").write_bytes(bytes(70))
    (folder / "coming.zip.part").write_bytes(bytes(9))
    (folder / "velocity.h5").write_bytes(b"result")
    return folder


def write_stack(job: Path, pair_ids: Sequence[str]) -> None:
    """Write a loaded stack as MintPy does, tiny."""
    (job / "inputs").mkdir(exist_ok=True)
    count = len(pair_ids)
    with h5py.File(job / "inputs" / "ifgramStack.h5", "w") as stack:
        stack.attrs.update({"FILE_TYPE": "ifgramStack", "WIDTH": "3", "LENGTH": "2"})
        stack["date"] = np.array([pair.split("_") for pair in pair_ids], dtype="S8")
        stack["dropIfgram"] = np.ones(count, dtype=bool)
        stack["bperp"] = np.zeros(count, dtype=np.float32)
        for name in ("unwrapPhase", "coherence"):
            stack[name] = np.ones((count, 2, 3), dtype=np.float32)


def pair_ids() -> list[str]:
    return [f"{spec.reference:%Y%m%d}_{spec.secondary:%Y%m%d}" for spec in chain()]


def clean(job: Path, include_zips: bool = False, dry_run: bool = False) -> dict:
    return clean_up.run(CleanUp(str(job), include_zips, dry_run), RunContext())


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_list_shows_sizes_and_deletes_nothing(job: Path) -> None:
    before = tree(job)
    result = clean(job, dry_run=True)
    assert tree(job) == before
    sizes = result["bytes_by_kind"]
    clips = sum(path.stat().st_size for path in (job / "clip").iterdir())
    zips = sum(path.stat().st_size for path in job.glob("*.zip"))
    assert sizes == {"tmp": 1000, "clip": clips, "set_aside": 500, "partial": 70, "zip": zips}
    assert result["bytes_freed"] == clips + 1570
    assert not any(item["deleted"] for item in result["items"])
    assert result["stack_problem"]["fields"]["reason"] == "file.missing"


def test_zips_are_kept_unless_asked(job: Path) -> None:
    write_stack(job, pair_ids())
    result = clean(job)
    assert not {"tmp", "clip", ".insarhub_previous", "velocity.tif.part"} & tree(job)
    assert len(list(job.glob("*.zip"))) == 5
    assert (job / "velocity.h5").read_bytes() == b"result"
    assert {"insarhub_config.json", "stack_p0_f0.json", ".mintpy.cfg", "coming.zip.part"} <= tree(job)
    assert {item["kind"] for item in result["items"] if item["deleted"]} == {
        "tmp",
        "clip",
        "set_aside",
        "partial",
    }


def test_zips_go_when_the_stack_holds_every_pair(job: Path) -> None:
    write_stack(job, pair_ids())
    listed = clean(job, include_zips=True, dry_run=True)
    result = clean(job, include_zips=True)
    assert list(job.glob("*.zip")) == []
    assert result["bytes_freed"] == listed["bytes_freed"] > 0
    assert clean(job, include_zips=True)["bytes_freed"] == 0


@pytest.mark.parametrize("fault", ["none", "one pair less", "cut"])
def test_zips_stay_when_the_stack_lacks_anything(job: Path, fault: str) -> None:
    stack = job / "inputs" / "ifgramStack.h5"
    if fault != "none":
        write_stack(job, pair_ids()[1:] if fault == "one pair less" else pair_ids())
    if fault == "cut":
        stack.write_bytes(stack.read_bytes()[:1500])
    before = tree(job)
    with pytest.raises(InsarError) as error:
        clean(job, include_zips=True)
    assert error.value.code == "clean_up.stack_needed"
    assert error.value.fields["missing"] == (pair_ids()[:1] if fault == "one pair less" else [])
    assert tree(job) == before | {".insarhub_run"}


def test_links_are_not_followed(job: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious.tif").write_bytes(bytes(10))
    (job / "clip" / "link.tif").symlink_to(outside / "precious.tif")
    (job / "tmp" / "link").symlink_to(outside, target_is_directory=True)
    clean(job)
    assert (outside / "precious.tif").stat().st_size == 10
    assert not (job / "tmp").exists()


def test_a_linked_folder_is_left_alone(job: Path, tmp_path: Path) -> None:
    outside = tmp_path / "scratch"
    (job / "clip").rename(outside)
    (job / "clip").symlink_to(outside, target_is_directory=True)
    assert "clip" not in clean(job)["bytes_by_kind"]
    assert (job / "clip").is_symlink()
    assert (outside / "manifest.json").is_file()


def test_linked_zips_are_left_alone(job: Path, tmp_path: Path) -> None:
    write_stack(job, pair_ids())
    store = tmp_path / "store"
    store.mkdir()
    for path in list(job.glob("*.zip")):
        path.rename(store / path.name)
        path.symlink_to(store / path.name)
    assert "zip" not in clean(job, include_zips=True)["bytes_by_kind"]
    assert len(list(store.iterdir())) == 5


def test_zips_of_another_folder_are_not_listed(tmp_path: Path) -> None:
    write_chain(tmp_path / "zips")
    open_products.run(OpenProducts(str(tmp_path / "zips"), str(tmp_path / "job")), RunContext())
    prepare_analysis.run(PrepareAnalysis(str(tmp_path / "job")), RunContext())
    write_stack(tmp_path / "job", pair_ids())
    assert "zip" not in clean(tmp_path / "job", include_zips=True)["bytes_by_kind"]
    assert len(list((tmp_path / "zips").iterdir())) == 5


def test_real_clips_whose_zips_are_gone_need_the_stack(job: Path) -> None:
    prepare_analysis.run(PrepareAnalysis(str(job), materialise=True), RunContext())
    for path in job.glob("*.zip"):
        path.unlink()
    clean(job)
    assert (job / "clip").is_dir()
    assert not (job / "tmp").exists()
    write_stack(job, pair_ids())
    clean(job)
    assert not (job / "clip").exists()


def test_not_while_an_analysis_runs(job: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    before = tree(job)
    with analysis_lock(job), ThreadPoolExecutor(1) as other_thread:
        with pytest.raises(InsarError, match=r"analysis\.already_running"):
            other_thread.submit(clean, job).result()
        assert before <= tree(job)


def test_only_job_folders(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    with pytest.raises(InsarError, match=r"folder\.not_a_job"):
        clean(tmp_path)
    assert (tmp_path / "tmp").is_dir()

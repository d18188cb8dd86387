# SPDX-License-Identifier: GPL-2.0-or-later
"""Zips become one common window: what is checked, cut, reused and reported, and what survives faults."""

from __future__ import annotations

import csv
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import h5py
import numpy as np
import pytest
import rasterio
from mintpy.prep_hyp3 import add_hyp3_metadata
from rasterio.warp import transform

from insarhub_qgis.core.clip_manifest import read_clip_manifest
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.product_archive import read_product_archive
from insarhub_qgis.core.product_metadata import ProductMetadata
from insarhub_qgis.core.relative_orbit import relative_orbit
from insarhub_qgis.core.requests import OpenProducts, PrepareAnalysis
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine import clip_rasters, open_products, prepare_analysis, raster_windows
from tests.makers.products import (
    DATES,
    STEP,
    X_FIRST,
    Y_FIRST,
    ProductSpec,
    chain,
    raster_bytes,
    values_at,
    write_chain,
    write_product,
)

ROOT = Path(__file__).resolve().parents[2]
MEXICO = ROOT.parent / "shared" / "data" / "mexico_city"
# chain() shifts products by 0..2 columns and 0..1 rows: 40 x 30 px become 38 x 29.
COMMON = (2, 1, 38, 29)


def open_job(products: Path, job: Path) -> Path:
    open_products.run(OpenProducts(str(products), str(job)), RunContext())
    return job


def prepare(job: Path, aoi: str = "", materialise: bool = False, context: RunContext | None = None) -> dict:
    return prepare_analysis.run(PrepareAnalysis(str(job), aoi, materialise), context or RunContext())


def caught(job: Path, aoi: str = "", materialise: bool = False) -> InsarError:
    with pytest.raises(InsarError) as error:
        prepare(job, aoi, materialise)
    return error.value


def rows_of(job: Path) -> dict[str, dict[str, str]]:
    with (job / "prepare_report.csv").open(newline="", encoding="utf-8") as file:
        return {row["product"]: row for row in csv.DictReader(file)}


def clip_state(job: Path) -> dict[str, tuple[bytes, int]]:
    return {
        path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in sorted((job / "clip").iterdir())
    }


def aoi_of(col: float, row: float, width: float, height: float) -> str:
    """Polygon in degrees around a box given in lattice pixels."""
    xs = [X_FIRST + STEP * (col + width * i) for i in (0, 1, 1, 0, 0)]
    ys = [Y_FIRST - STEP * (row + height * j) for j in (0, 0, 1, 1, 0)]
    lons, lats = transform("EPSG:32614", "EPSG:4326", xs, ys)
    return "POLYGON((" + ",".join(f"{lon:.9f} {lat:.9f}" for lon, lat in zip(lons, lats)) + "))"


@pytest.fixture
def job(tmp_path: Path) -> Path:
    write_chain(tmp_path / "zips")
    return open_job(tmp_path / "zips", tmp_path / "job")


# --- The normal case -------------------------------------------------------------------------------------


@pytest.mark.parametrize("materialise", [False, True])
@pytest.mark.parametrize("product_type", ["gamma", "burst", "multi_burst"])
def test_clips_hold_the_pixels_of_the_common_window(
    tmp_path: Path, product_type: str, materialise: bool
) -> None:
    write_chain(tmp_path / "zips", product_type)
    job = open_job(tmp_path / "zips", tmp_path / "job")
    result = prepare(job, materialise=materialise)
    col, row, width, height = COMMON
    assert (result["width"], result["height"], result["used"], result["excluded"]) == (width, height, 5, 0)
    cols, rows = np.arange(col, col + width), np.arange(row, row + height)
    for spec in chain(product_type):
        kinds = ["unw_phase", "corr", *(["conncomp"] if product_type != "gamma" else [])]
        for kind in kinds:
            with rasterio.open(job / "clip" / f"{spec.name}_{kind}_clip.tif") as raster:
                assert raster.driver == ("GTiff" if materialise else "VRT")
                assert tuple(raster.transform)[:6] == (
                    STEP,
                    0,
                    X_FIRST + col * STEP,
                    0,
                    -STEP,
                    Y_FIRST - row * STEP,
                )
                assert raster.crs.to_epsg() == 32614
                assert raster.nodata == (None if kind == "conncomp" else 0.0)
                if materialise:
                    assert (raster.block_shapes, raster.compression.value) == ([(256, 256)], "DEFLATE")
                np.testing.assert_array_equal(raster.read(1), values_at(kind, cols, rows, spec))
        text = (job / "clip" / f"{spec.name}.txt").read_text()
        assert text == spec.metadata()
    for kind in ("dem", "lv_theta", "lv_phi", "water_mask"):
        assert len(list((job / "clip").glob(f"*_{kind}_clip.tif"))) == 1
    assert not list((job / "clip").glob("*.part"))
    shares = {row["valid_share"] for row in result["rows"]}
    assert shares == ({1.0} if materialise else {None})


def test_config_points_to_the_clips(job: Path) -> None:
    prepare(job)
    text = (job / ".mintpy.cfg").read_text()
    assert f"{job.as_posix()}/clip/*_unw_phase_clip.tif" in text
    assert "mintpy.load.updateMode" in text


def test_report_and_manifest(job: Path) -> None:
    result = prepare(job)
    rows = rows_of(job)
    assert {row["state"] for row in rows.values()} == {"used"}
    assert rows.keys() == {spec.name for spec in chain()}
    assert {row["width_px"] for row in rows.values()} == {"40"}
    # Without the one product at column 2 the window would be one column wider.
    assert max(int(row["gained_without_px"]) for row in rows.values()) == 29
    manifest = read_clip_manifest(job)
    assert manifest.is_complete
    assert (manifest.window.width, manifest.window.height) == (result["width"], result["height"])


def test_no_pixel_is_copied(job: Path) -> None:
    zips = sum(path.stat().st_size for path in (job.parent / "zips").iterdir())
    written = prepare(job)["bytes_written"]
    assert written == sum(
        path.stat().st_size for path in (job / "clip").iterdir() if path.name != "manifest.json"
    )
    assert written < zips


# --- Reuse -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("materialise", [False, True])
def test_same_run_reuses(job: Path, materialise: bool) -> None:
    prepare(job, materialise=materialise)
    before = clip_state(job)
    again = prepare(job, materialise=materialise)
    assert (again["reused"], again["bytes_written"]) == (True, 0)
    assert clip_state(job) == before


@pytest.mark.parametrize("materialise", [False, True])
def test_other_aoi_rewrites_every_clip(job: Path, materialise: bool) -> None:
    prepare(job, materialise=materialise)
    stale = job / "clip" / f"{chain()[0].name}_corr_clip.tif.rsc"
    stale.write_text("WIDTH 38\n")
    result = prepare(job, aoi_of(10, 10, 8, 6), materialise)
    assert (result["width"], result["height"], result["reused"]) == (8, 6, False)
    assert not stale.exists()
    for path in (job / "clip").glob("*_clip.tif"):
        with rasterio.open(path) as raster:
            assert (raster.width, raster.height) == (8, 6)
            assert (raster.transform.c, raster.transform.f) == (X_FIRST + 10 * STEP, Y_FIRST - 10 * STEP)


def test_changed_zip_is_cut_again(job: Path) -> None:
    prepare(job, materialise=True)
    spec = chain()[0]
    path = job.parent / "zips" / f"{spec.name}.zip"
    os.utime(path, (1_700_000_000, 1_700_000_000))
    before = clip_state(job)
    assert prepare(job, materialise=True)["reused"] is False
    changed = {name for name, state in clip_state(job).items() if state != before.get(name)}
    assert {name for name in changed if name.endswith(".tif")} == {
        name for name in before if name.startswith(spec.name) and name.endswith(".tif")
    }


def test_clips_follow_when_the_products_move(tmp_path: Path) -> None:
    job = tmp_path / "one"
    write_chain(job)
    open_job(job, job)
    prepare(job)
    moved = tmp_path / "two"
    job.rename(moved)
    result = prepare(moved)
    assert result["reused"] is False
    for path in (moved / "clip").glob("*_clip.tif"):
        with rasterio.open(path) as raster:
            assert np.isfinite(raster.read(1)).all()


def test_real_files_outlive_a_run_without_materialise(job: Path) -> None:
    prepare(job, materialise=True)
    before = clip_state(job)
    assert prepare(job, materialise=False)["materialised"] is True
    assert clip_state(job) == before


def test_zips_on_a_network_disk_become_real_files(job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare_analysis, "is_network_disk", lambda path: path == job.parent / "zips")
    assert prepare(job)["materialised"] is True


def test_product_that_left_the_stack_leaves_the_clips(job: Path) -> None:
    prepare(job)
    folder = JobFolder(job)
    stack = folder.read_stack()
    folder.write_stack(stack.with_pairs(stack.pairs[1:]))
    result = prepare(job)
    assert result["used"] == 4
    assert len(list((job / "clip").glob("*_unw_phase_clip.tif"))) == 4
    assert rows_of(job)[chain()[0].name]["code"] == "product.not_in_stack"


@pytest.mark.parametrize("materialise", [False, True])
def test_passes_over_midnight_stay_one_network(tmp_path: Path, materialise: bool) -> None:
    """MintPy takes the dates from the names in ``clip/``; by the names of the products nothing would connect."""
    dates = [date(2020, 2, 28) + timedelta(days=12 * index) for index in range(3)]
    specs = chain("multi_burst", dates, start_time="235958")
    for spec in specs:
        write_product(tmp_path, spec)
    job = open_job(tmp_path, tmp_path)
    result = prepare(job, materialise=materialise)
    assert (result["used"], result["dates_lost"]) == (3, [])
    names = sorted(path.name for path in (job / "clip").glob("*_unw_phase_clip.tif"))
    assert [name.split("_")[4:6] for name in names] == [
        ["20200228", "20200311"],
        ["20200228", "20200323"],
        ["20200311", "20200323"],
    ]
    found = [add_hyp3_metadata(str(job / "clip" / name), _raster_keys()) for name in names]
    assert [meta["DATE12"] for meta in found] == ["200228-200311", "200228-200323", "200311-200323"]
    assert set(read_clip_manifest(job).products) == {spec.name for spec in specs}
    assert prepare(job, materialise=materialise)["reused"]


def _raster_keys() -> dict[str, str]:
    keys = ("X_FIRST", "Y_FIRST", "X_STEP", "Y_STEP", "LENGTH", "WIDTH")
    return dict.fromkeys(keys, "1")


def test_rasters_of_others_are_kept_under_another_name(job: Path) -> None:
    (job / "clip").mkdir()
    theirs = job / "clip" / f"{ProductSpec(DATES[0], DATES[4]).name}_unw_phase_clip.tif"
    theirs.write_bytes(b"II*\0 made by another program")
    note = job / "clip" / "note.txt"
    note.write_text("mine")
    prepare(job)
    assert not theirs.exists()
    assert theirs.with_name(theirs.name + ".bak").read_bytes() == b"II*\0 made by another program"
    assert note.read_text() == "mine"


# --- AOI -------------------------------------------------------------------------------------------------


def test_aoi_is_snapped_outward(job: Path) -> None:
    result = prepare(job, aoi_of(10.3, 11.6, 5.1, 4.2))
    # Columns 10.3..15.4 and rows 11.6..15.8.
    assert (result["window"]["x_first"], result["width"]) == (X_FIRST + 10 * STEP, 6)
    assert (result["window"]["y_first"], result["height"]) == (Y_FIRST - 11 * STEP, 5)
    assert result["aoi_coverage"] == 1.0


def test_aoi_of_the_job_is_used(job: Path) -> None:
    JobFolder(job).write_config_section("downloader", {"config": {"intersectsWith": aoi_of(10, 10, 8, 6)}})
    assert (prepare(job)["width"], prepare(job)["height"]) == (8, 6)


def test_aoi_partly_outside_is_cut_and_said(job: Path) -> None:
    result = prepare(job, aoi_of(-8, 5, 20, 10))
    assert (result["width"], result["height"]) == (10, 10)
    assert result["aoi_coverage"] == 0.5
    shares = {row["product"]: row["aoi_coverage"] for row in result["rows"]}
    assert sorted(set(shares.values())) == [0.5, 0.55, 0.6]


def test_long_aoi_edge_is_densified() -> None:
    """A parallel across a whole zone bulges against the straight line between its projected corners."""
    lattice = raster_windows.Lattice("EPSG:32614", 0.0, 5_000_000.0, 80.0, -80.0)
    box = raster_windows.aoi_box("POLYGON((-102 40,-96 40,-96 41,-102 41,-102 40))", lattice)
    _, (corner, middle) = transform("EPSG:4326", "EPSG:32614", [-102, -99], [40, 40])
    assert corner - middle > 4000
    bottom = lattice.y_origin + box.row_end * lattice.y_step
    assert middle - 80 < bottom <= middle


@pytest.mark.parametrize(
    ("aoi", "code"),
    [
        ("POLYGON((10 50,11 50,11 51,10 51,10 50))", "prepare.aoi_outside"),
        ("POINT(1 2)", "aoi.not_a_polygon"),
        ("nonsense", "aoi.not_a_polygon"),
        ("POLYGON((480000 2150000,490000 2150000,490000 2140000,480000 2150000))", "aoi.not_degrees"),
    ],
)
def test_bad_aoi(job: Path, aoi: str, code: str) -> None:
    assert caught(job, aoi).code == code
    assert not (job / "clip").exists()


def test_aoi_that_only_some_products_see(tmp_path: Path) -> None:
    write_chain(tmp_path / "zips")
    far = write_product(tmp_path / "zips", ProductSpec(DATES[0], DATES[3], col=25, baseline_m=90))
    job = open_job(tmp_path / "zips", tmp_path / "job")
    error = caught(job, aoi_of(5, 5, 10, 10))
    assert error.code == "prepare.aoi_not_common"
    assert error.fields["products"] == [far.stem]
    assert (error.fields["width_without"], error.fields["height_without"]) == (10, 10)


# --- Products that cannot be used --------------------------------------------------------------------------


def test_empty_overlap_names_who_shrinks_it(tmp_path: Path) -> None:
    write_chain(tmp_path / "zips")
    far = write_product(tmp_path / "zips", ProductSpec(DATES[0], DATES[3], col=500, baseline_m=90))
    job = open_job(tmp_path / "zips", tmp_path / "job")
    error = caught(job)
    assert error.code == "prepare.no_overlap"
    assert error.fields["products"] == [far.stem]
    assert (error.fields["width_without"], error.fields["height_without"]) == (38, 29)
    assert (job / "prepare_report.csv").is_file()


def test_bad_products_are_excluded_and_named(tmp_path: Path) -> None:
    folder = tmp_path / "zips"
    write_chain(folder)
    job = open_job(folder, tmp_path / "job")
    # Arrived after the job was opened, so that each is judged here.
    (job / "stack_p0_f0.json").unlink()
    bad = {
        write_product(folder, ProductSpec(DATES[0], DATES[3], shift_px=0.02)).stem: "product.other_lattice",
        write_product(folder, ProductSpec(DATES[0], DATES[4], epsg=32613)).stem: "product.other_crs",
        write_product(folder, ProductSpec(DATES[1], DATES[4], step=40.0)).stem: "product.other_pixel_size",
        write_product(
            folder, ProductSpec(DATES[2], DATES[4], has_metadata=False)
        ).stem: "product.no_metadata",
        write_product(folder, ProductSpec(DATES[3], DATES[4], without_keys=["Heading"])).stem: (
            "product.metadata_incomplete"
        ),
        write_product(
            folder, ProductSpec(DATES[0], DATES[3], kinds=["unw_phase"])
        ).stem: "product.incomplete",
    }
    (folder / "broken.zip").write_bytes(b"PK\x03\x04 cut")
    bad["broken"] = "product.truncated"
    result = prepare(job)
    assert (result["used"], result["width"]) == (5, 38)
    rows = rows_of(job)
    assert {name: row["code"] for name, row in rows.items() if row["state"] == "excluded"} == bad
    assert result["dates_lost"] == [DATES[4].isoformat()]


def test_shift_below_the_tolerance_is_the_same_lattice(tmp_path: Path) -> None:
    write_chain(tmp_path / "zips")
    write_product(tmp_path / "zips", ProductSpec(DATES[0], DATES[3], shift_px=0.005, baseline_m=90))
    assert prepare(open_job(tmp_path / "zips", tmp_path / "job"))["used"] == 6


def test_members_on_different_lattices(tmp_path: Path) -> None:
    folder = tmp_path / "zips"
    write_chain(folder)
    path = write_product(folder, ProductSpec(DATES[0], DATES[3], kinds=("unw_phase", "dem")))
    stem = path.stem
    moved = ProductSpec(DATES[0], DATES[3], shift_px=0.5)
    with zipfile.ZipFile(path, "a") as package:
        package.writestr(f"{stem}/{stem}_corr.tif", raster_bytes("corr", moved))
    result = open_products.run(OpenProducts(str(folder), str(tmp_path / "job")), RunContext())
    assert [entry["code"] for entry in result["excluded"]] == ["product.members_differ"]
    assert result["pair_count"] == 5


def test_smaller_member_shrinks_the_overlap(tmp_path: Path) -> None:
    folder = tmp_path / "zips"
    write_chain(folder)
    path = write_product(folder, ProductSpec(DATES[0], DATES[3], kinds=("unw_phase", "dem"), baseline_m=90))
    with zipfile.ZipFile(path, "a") as package:
        package.writestr(
            f"{path.stem}/{path.stem}_corr.tif", raster_bytes("corr", ProductSpec(width=20, height=15))
        )
    result = prepare(open_job(folder, tmp_path / "job"))
    assert (result["width"], result["height"]) == (18, 14)


def test_conncomp_needs_every_product(tmp_path: Path) -> None:
    specs = chain("burst")
    for spec in specs[1:]:
        write_product(tmp_path / "zips", spec)
    first = ProductSpec(**{**specs[0].__dict__, "kinds": ("unw_phase", "corr", "dem")})
    write_product(tmp_path / "zips", first)
    job = open_job(tmp_path / "zips", tmp_path / "job")
    logged: list[str] = []
    prepare(job, context=RunContext(log=lambda text, level="info": logged.append(f"{level} {text}")))
    assert not list((job / "clip").glob("*conncomp*"))
    assert "warning conncomp is left out: not every product has it" in logged
    # The geometry then comes from the first product that has it.
    assert [path.name.split("_lv_theta")[0] for path in (job / "clip").glob("*lv_theta*")] == [specs[1].name]


def test_network_in_parts_stops_with_the_dates(tmp_path: Path) -> None:
    folder = tmp_path / "zips"
    for one, other in ((0, 1), (1, 2), (2, 3), (3, 4)):
        write_product(folder, ProductSpec(DATES[one], DATES[other]))
    job = open_job(folder, tmp_path / "job")
    prepare(job)
    before = clip_state(job)
    middle = folder / f"{ProductSpec(DATES[1], DATES[2]).name}.zip"
    middle.write_bytes(middle.read_bytes()[:2000])
    error = caught(job)
    assert error.code == "prepare.network_disconnected"
    assert error.fields["broken_dates"] == [day.isoformat() for day in DATES[:2]]
    assert error.fields["parts"][0] == [day.isoformat() for day in DATES[2:]]
    assert middle.stem in error.fields["excluded"]
    assert clip_state(job) == before


def test_damaged_pixels_exclude_a_product_when_they_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "zips"
    write_chain(folder, width=400, height=300)
    spec = ProductSpec(DATES[0], DATES[3], width=400, height=300, baseline_m=90)
    path = write_product(folder, spec)
    job = open_job(folder, tmp_path / "job")
    archive = read_product_archive(path)
    with zipfile.ZipFile(path) as package:
        info = package.getinfo(archive.members["corr"])
    data = bytearray(path.read_bytes())
    middle = info.header_offset + info.compress_size // 2
    data[middle : middle + 3000] = bytes(3000)
    path.write_bytes(data)
    result = prepare(job, materialise=True)
    row = next(row for row in result["rows"] if row["product"] == spec.name)
    assert (row["state"], row["code"]) == ("excluded", "product.raster_unreadable")
    assert result["used"] == 5
    assert not list((job / "clip").glob(f"{spec.name}*"))


def test_text_that_mintpy_would_stop_at_is_cleaned(tmp_path: Path) -> None:
    folder = tmp_path / "zips"
    write_chain(folder, metadata_extra="\nno colon here\n")
    job = open_job(folder, tmp_path / "job")
    prepare(job)
    for path in (job / "clip").glob("*.txt"):
        lines = path.read_text().splitlines()
        assert len(lines) == 18
        assert all(":" in line for line in lines)


def test_no_products(tmp_path: Path) -> None:
    write_chain(tmp_path / "zips")
    job = open_job(tmp_path / "zips", tmp_path / "job")
    shutil.rmtree(tmp_path / "zips")
    assert caught(job).code == "prepare.no_products"
    assert caught(tmp_path / "nowhere").code == "folder.missing"


# --- Faults ------------------------------------------------------------------------------------------------


def test_non_ascii_and_blank_paths(tmp_path: Path) -> None:
    products = tmp_path / "Días & [prueba] 1"
    write_chain(products)
    job = open_job(products, tmp_path / "目 录 <ñ>")
    prepare(job)
    for path in (job / "clip").glob("*_clip.tif"):
        with rasterio.open(path) as raster:
            assert np.isfinite(raster.read(1)).all()


def test_estimate_stops_before_the_disk_is_full(job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(job)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    error = caught(job, materialise=True)
    assert error.code == "disk.too_small"
    assert error.fields["free_bytes"] == 1000
    raw = 38 * 29 * (5 * 8 + 4 + 4 + 4 + 1)
    assert error.fields["needed_bytes"] >= raw
    assert list((job / "clip").iterdir()) == []


def test_disk_that_fills_meanwhile(job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace = Path.replace
    done = []

    def fail_later(path: Path, target: Path) -> Path:
        if path.name.endswith(".part"):
            done.append(path.name)
            if len(done) > 4:
                raise OSError(errno.ENOSPC, "No space left on device")
        return replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fail_later)
        assert caught(job, materialise=True).code == "file.disk_full"
    assert not list((job / "clip").glob("*.part"))
    assert read_clip_manifest(job).is_complete is False
    assert prepare(job, materialise=True)["used"] == 5
    assert read_clip_manifest(job).is_complete


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a disk of 1.5 MB of its own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("free", [0, 20_000, 100_000, 300_000])
def test_disk_that_is_really_full(
    tmp_path: Path, small_disk: Path, free: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_chain(tmp_path / "zips", width=300, height=200)
    job = open_job(tmp_path / "zips", small_disk / "job")
    if free > 100_000:
        prepare(job, aoi_of(10, 10, 20, 20))
    files = {path: path.read_bytes() for path in job.iterdir() if path.is_file()}
    usage = shutil.disk_usage(small_disk)
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(max(0, usage.free - free - 8192)))
    # Another program fills the disk after the estimate.
    guesses = iter([usage._replace(free=10**12)])
    measure = shutil.disk_usage
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: next(guesses, None) or measure(path))
        assert caught(job, materialise=True).code == "file.disk_full"
    assert not list(job.rglob("*.part"))
    for path, data in files.items():
        if path.name != "prepare_report.csv":
            assert path.read_bytes() == data
    ballast.unlink()
    assert prepare(job)["used"] == 5
    assert read_clip_manifest(job).is_complete


def test_clip_folder_that_cannot_be_made(job: Path) -> None:
    (job / "clip").write_text("a file in the way")
    assert caught(job).code in ("file.write_failed", "file.not_writable")
    assert (job / "clip").read_text() == "a file in the way"


def test_malformed_manifest_is_kept_aside(job: Path) -> None:
    prepare(job)
    manifest = job / "clip" / "manifest.json"
    manifest.write_text(manifest.read_text()[:50])
    assert prepare(job)["used"] == 5
    assert read_clip_manifest(job).is_complete
    assert (job / "clip" / "manifest.json.bak").is_file()


@pytest.mark.parametrize("after", [0, 2, 6, 14])
def test_cancel_in_the_middle_then_again(job: Path, after: int) -> None:
    asked = []

    def is_cancelled() -> bool:
        asked.append(1)
        return len(asked) > after

    with pytest.raises(Cancelled):
        prepare(job, materialise=True, context=RunContext(is_cancelled=is_cancelled))
    assert not list(job.rglob("*.part"))
    assert JobFolder(job).read_stack().pairs
    assert prepare(job, materialise=True)["used"] == 5
    assert_same_as_fresh(job, materialise=True)


@pytest.mark.parametrize(("materialise", "after"), [(False, 1), (False, 7), (True, 1), (True, 6), (True, 13)])
def test_kill_then_run_again_gives_the_same(job: Path, materialise: bool, after: int) -> None:
    """The process dies by SIGKILL in the middle of writing a window that replaces another one."""
    prepare(job, materialise=materialise)
    aoi = aoi_of(4, 3, 20, 12)
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from insarhub_qgis.core.requests import PrepareAnalysis\n"
        "from insarhub_qgis.core.run_context import RunContext\n"
        "from insarhub_qgis.engine import prepare_analysis\n"
        "replace, done = Path.replace, []\n"
        "def die(path, target):\n"
        "    done.append(1)\n"
        "    if path.name.endswith('.part') and len(done) > int(sys.argv[3]):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return replace(path, target)\n"
        "Path.replace = die\n"
        "prepare_analysis.run(PrepareAnalysis(sys.argv[1], sys.argv[2], sys.argv[4] == 'True'), RunContext())\n"
    )
    child = subprocess.run(
        [sys.executable, "-c", script, str(job), aoi, str(after + 1), str(materialise)], cwd=ROOT, check=False
    )
    assert child.returncode == -signal.SIGKILL
    assert read_clip_manifest(job).is_complete is False
    result = prepare(job, aoi, materialise)
    assert (result["width"], result["height"], result["reused"]) == (20, 12, False)
    assert not list(job.rglob("*.part"))
    assert_same_as_fresh(job, aoi, materialise)


def assert_same_as_fresh(job: Path, aoi: str = "", materialise: bool = False) -> None:
    fresh = open_job(job.parent / "zips", job.parent / "fresh")
    prepare(fresh, aoi, materialise)

    def rasters(folder: Path) -> dict[str, bytes]:
        return {
            path.name: path.read_bytes()
            for path in (folder / "clip").iterdir()
            if path.name != "manifest.json"
        }

    assert rasters(job) == rasters(fresh)
    assert json.loads((job / "clip" / "manifest.json").read_text())["is_complete"] is True


# --- Headers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"tiled": True, "blockxsize": 16, "blockysize": 16, "compress": "deflate", "predictor": 3},
        {"driver": "COG"},
        {"BIGTIFF": "YES"},
        {"nodata": float("nan")},
        {"nodata": -9999.25},
        {"crs": "EPSG:32714"},
        {"crs": "+proj=lcc +lat_1=20 +lat_2=30 +lon_0=-100 +datum=WGS84"},
    ],
)
def test_short_reader_agrees_with_gdal(tmp_path: Path, options: dict[str, object]) -> None:
    path = write_product(tmp_path, ProductSpec(kinds=("unw_phase",), width=64, height=48), options)
    archive = read_product_archive(path)
    with zipfile.ZipFile(path) as package:
        quick = raster_windows.read_header(package, archive, "unw_phase")
    reference = raster_windows._read_gdal_header(archive, "unw_phase")
    if quick.nodata is not None and np.isnan(quick.nodata):
        assert np.isnan(reference.nodata)
        quick, reference = (
            clip_rasters.RasterHeader(**{**h.__dict__, "nodata": None}) for h in (quick, reference)
        )
    assert quick == reference


def test_relative_orbit_agrees_with_mintpy(tmp_path: Path) -> None:
    from mintpy.prep_hyp3 import add_hyp3_metadata

    for platform, orbits in {
        "S1A": (20027, 73),
        "S1B": (14000, 202),
        "S1C": (1681, 8018, 8019),
        "S1D": (2389,),
    }.items():
        for orbit in orbits:
            spec = ProductSpec(platform=platform)
            text = spec.metadata().replace(
                f"Reference Orbit Number: {spec.orbit(spec.reference)}", f"Reference Orbit Number: {orbit}"
            )
            (tmp_path / f"{spec.name}.txt").write_text(text)
            corner = {"X_FIRST": 0, "Y_FIRST": 0, "X_STEP": 80, "Y_STEP": -80, "WIDTH": 1, "LENGTH": 1}
            meta = add_hyp3_metadata(str(tmp_path / f"{spec.name}_unw_phase_clip.tif"), dict(corner))
            assert relative_orbit(platform, orbit) == meta["relative_orbit"]
            assert ProductMetadata.parse(text).missing_for_mintpy("gamma") == []


# --- Real data ---------------------------------------------------------------------------------------------


@pytest.mark.skipif(not MEXICO.is_dir(), reason="real data not present beside the project")
def test_real_products_load_into_mintpy(tmp_path: Path) -> None:
    job = open_job(MEXICO / "hyp3", tmp_path / "job")
    result = prepare(job)
    expected = np.load(MEXICO / "expected" / "mintpy_1.6.4.npz")
    assert (result["width"], result["height"], result["used"]) == (173, 106, 30)
    assert result["window"]["x_first"] == float(expected["x_first"])
    assert result["window"]["y_first"] == float(expected["y_first"])
    quick = {}
    for path in sorted((MEXICO / "hyp3").glob("*.zip"))[:3]:
        archive = read_product_archive(path)
        with zipfile.ZipFile(path) as package:
            for kind in archive.members:
                quick[path, kind] = raster_windows.read_header(package, archive, kind)
                assert quick[path, kind] == raster_windows._read_gdal_header(archive, kind)
    subprocess.run(
        [sys.executable, "-m", "mintpy.cli.smallbaselineApp", ".mintpy.cfg", "--dostep", "load_data"],
        cwd=job,
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "MPLBACKEND": "Agg"},
    )
    window = rasterio.windows
    with h5py.File(job / "inputs" / "ifgramStack.h5") as stack:
        pairs = [b"_".join(pair).decode() for pair in stack["date"][:]]
        assert len(pairs) == 30
        for name, kind in (("unwrapPhase", "unw_phase"), ("coherence", "corr")):
            for index, pair in enumerate(pairs):
                path = next((MEXICO / "hyp3").glob(f"S1AA_{pair[:8]}T*_{pair[9:]}T*.zip"))
                with rasterio.open(read_product_archive(path).gdal_path(kind)) as raster:
                    row, col = raster.index(float(expected["x_first"]) + 1, float(expected["y_first"]) - 1)
                    source = raster.read(1, window=window.Window(col, row, 173, 106))
                np.testing.assert_array_equal(stack[name][index], source)
    with h5py.File(job / "inputs" / "geometryGeo.h5") as geometry:
        assert {"height", "incidenceAngle", "azimuthAngle", "waterMask"} <= set(geometry)
        assert float(geometry.attrs["X_FIRST"]) == float(expected["x_first"])

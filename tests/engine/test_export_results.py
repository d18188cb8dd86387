# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pytest
import rasterio

from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.requests import CopyDataset, ExportResults
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine import copy_dataset
from insarhub_qgis.engine.export_results import run
from insarhub_qgis.engine.geotiff_writer import coarsen
from tests.makers import mintpy_files as make

W, H = 700, 530


@pytest.fixture
def valid() -> np.ndarray:
    keep = np.random.default_rng(0).random((H, W)) > 0.1
    keep[2, 3] = True
    return keep


def export(source: Path, **options: Any) -> dict[str, Any]:
    folder = source.parent if source.is_file() else source
    return run(ExportResults(str(source), str(folder / "out"), **options), RunContext())


def read(path: str | Path) -> tuple[np.ndarray, SimpleNamespace]:
    names = ("nodata", "crs", "transform", "block_shapes", "dtypes", "descriptions", "units", "name")
    with rasterio.open(path) as raster:
        return raster.read(), SimpleNamespace(**{name: getattr(raster, name) for name in names})


def test_velocity_is_bit_identical_where_valid(tmp_path: Path, valid: np.ndarray) -> None:
    path = make.write_velocity(tmp_path / "velocity.h5", W, H, is_valid=valid)
    with h5py.File(path, "a") as file:
        file["velocity"][7, 8] = np.nan
        stored = file["velocity"][:]
    result = export(path)
    names = sorted(Path(entry["path"]).name for entry in result["files"])
    expected = ["velocity.tif", "velocity_intercept.tif", "velocity_residue.tif", "velocity_velocityStd.tif"]
    assert names == expected
    values, raster = read(tmp_path / "out" / "velocity.tif")
    is_value = valid & np.isfinite(stored)
    np.testing.assert_array_equal(values[0][is_value].view(np.int32), stored[is_value].view(np.int32))
    assert (values[0][~is_value] == -9999).all() and values[0][2, 3] == 0, "the reference pixel is kept"
    assert raster.nodata == -9999 and raster.crs.to_epsg() == 32614
    assert tuple(raster.transform)[:6] == (80, 0, 480000, 0, -80, 2160000)
    assert raster.block_shapes == [(256, 256)] and raster.dtypes == ("float32",)
    tags = raster_tags(tmp_path / "out" / "velocity.tif")
    assert tags["UNIT"] == "m/year" and tags["SIGN"] == "positive toward the satellite"
    assert tags["REF_DATE"] == "20200105" and tags["REFERENCE_X"] == "480280" and tags["WAVELENGTH"]
    assert float(tags["REFERENCE_LON"]) == pytest.approx(-99.1889, abs=1e-3)
    assert not list((tmp_path / "out").glob("*part*"))


def raster_tags(path: Path) -> dict[str, str]:
    with rasterio.open(path) as raster:
        return raster.tags()


def test_series_names_bands_overviews_and_statistics(tmp_path: Path, valid: np.ndarray) -> None:
    path = make.write_time_series(tmp_path / "geo_timeseries_ERA5_ramp_demErr.h5", W, H, 9, is_valid=valid)
    entry = export(path)["files"][0]
    assert Path(entry["path"]).name == "timeseries_ERA5_ramp_demErr.tif" and entry["bands"] == 9
    with h5py.File(path) as file:
        stored = file["timeseries"][:]
    with rasterio.open(entry["path"]) as raster:
        assert raster.descriptions[1] == "2020-01-17" and len(raster.descriptions) == 9
        assert set(raster.nodatavals) == {-9999.0}
        values = raster.read()
        np.testing.assert_array_equal(values[:, valid], stored[:, valid])
        assert (values[:, ~valid] == -9999).all()
        assert raster.overviews(1) == [4], "700 columns need one overview"
        tags = raster.tags()
        assert tags["CORRECTIONS"] == "troposphere (ERA5), ramp removed, topographic residual"
        statistics = raster.tags(9)
        part = stored[8, ::4, ::4][valid[::4, ::4]]
        assert float(statistics["STATISTICS_MINIMUM"]) == pytest.approx(part.min())
        assert float(statistics["STATISTICS_MEAN"]) == pytest.approx(part.mean(dtype=float), rel=1e-5)
    with rasterio.open(entry["path"], overview_level=0) as overview:
        small = overview.read(9)
    block = stored[8, 100:104, 200:204][valid[100:104, 200:204]]
    assert small.shape == (133, 175)
    assert small[25, 50] == pytest.approx(block.mean(), rel=1e-5)


def test_further_overviews_average_the_one_before(tmp_path: Path) -> None:
    path = make.write_velocity(tmp_path / "velocity.h5", 2300, 1100)
    entry = export(path, datasets=("velocity",))["files"][0]
    with rasterio.open(entry["path"]) as raster:
        full = raster.read(1)
        assert raster.overviews(1) == [4, 16]
    with rasterio.open(entry["path"], overview_level=1) as overview:
        small = overview.read(1)
    np.testing.assert_allclose(small[20, 30], full[320:336, 480:496].mean(), rtol=1e-4)
    assert small.shape == (69, 144)


def test_coarsen_counts_only_what_is_there() -> None:
    values = np.arange(2 * 6 * 5, dtype=np.float32).reshape(2, 6, 5)
    missing = np.zeros((1, 6, 5), dtype=bool)
    missing[0, :4, :4] = True
    missing[0, 0, 0] = False
    coarse = coarsen(values.copy(), missing, -9999, True)
    assert coarse.shape == (2, 2, 2)
    assert coarse[:, 0, 0].tolist() == [0, 30]
    assert coarse[0, 1, 1] == values[0, 4:, 4:].mean()
    missing[0, 0, 0] = True
    assert coarsen(values.copy(), missing, -9999, True)[0, 0, 0] == -9999


def test_date_range_mm_and_the_reference_date_alone(tmp_path: Path, valid: np.ndarray) -> None:
    path = make.write_time_series(tmp_path / "timeseries.h5", W, H, 9, is_valid=valid)
    with h5py.File(path) as file:
        stored = file["timeseries"][:]
    entry = export(path, start_date="2020-01-29", end_date="2020-03-05", unit="mm")["files"][0]
    values, raster = read(entry["path"])
    assert raster.descriptions == ("2020-01-29", "2020-02-10", "2020-02-22", "2020-03-05")
    np.testing.assert_array_equal(values[:, valid], stored[2:6][:, valid] * np.float32(1000))
    assert raster.units[0] == "mm" and raster_tags(Path(entry["path"]))["UNIT"] == "mm"
    entry = export(path, end_date="2020-01-05")["files"][0]
    values, _ = read(entry["path"])
    np.testing.assert_array_equal(values[0] == -9999, ~valid, "zeros of the reference date are values")
    with pytest.raises(InsarError) as caught:
        export(path, start_date="2031-01-01")
    assert caught.value.code == "export.no_dates"


def test_masks_are_bytes_and_classes(tmp_path: Path, valid: np.ndarray) -> None:
    path = make.write_mask(tmp_path / "maskTempCoh.h5", valid)
    values, raster = read(export(path)["files"][0]["path"])
    assert raster.dtypes == ("uint8",) and raster.nodata == 255
    np.testing.assert_array_equal(values[0], valid.astype(np.uint8))


@pytest.mark.parametrize("kind", ["bool", "uint8", "coherence", "raster"])
def test_mask_option(tmp_path: Path, valid: np.ndarray, kind: str) -> None:
    path = make.write_velocity(tmp_path / "velocity.h5", W, H)
    threshold = 0.0
    if kind == "coherence":
        quality = np.where(valid, 0.8, 0.5)
        mask = make.write_temporal_coherence(tmp_path / "temporalCoherence.h5", W, H, values=quality)
        threshold = 0.7
    elif kind == "raster":
        mask = Path(export(make.write_mask(tmp_path / "maskTempCoh.h5", valid))["files"][0]["path"])
    else:
        mask = make.write_mask(tmp_path / "maskTempCoh.h5", valid, dtype=np.dtype(kind))
    result = export(path, datasets=("velocity",), mask=str(mask), mask_threshold=threshold)
    values, _ = read(result["files"][0]["path"])
    np.testing.assert_array_equal(values[0] == -9999, ~valid)


def test_mask_of_another_grid_is_refused(tmp_path: Path, valid: np.ndarray) -> None:
    path = make.write_velocity(tmp_path / "velocity.h5", W, H)
    mask = make.write_mask(tmp_path / "maskTempCoh.h5", valid[:-1])
    with pytest.raises(InsarError) as caught:
        export(path, mask=str(mask))
    assert caught.value.code == "mask.other_grid"
    assert not list((tmp_path / "out").glob("*")) if (tmp_path / "out").exists() else True


@pytest.mark.parametrize(("grid", "epsg"), [("utm_south", 32719), ("utm_band", 32614), ("degrees", 4326)])
def test_grids(tmp_path: Path, grid: str, epsg: int) -> None:
    path = make.write_velocity(tmp_path / "velocityERA5.h5", grid=grid)
    _, raster = read(export(path, datasets=("velocityERA5",))["files"][0]["path"])
    assert raster.crs.to_epsg() == epsg and Path(raster.name).name == "velocityERA5.tif"


@pytest.mark.parametrize("compression", ["lzf", "gzip"])
def test_cog_and_compressed_source(tmp_path: Path, compression: str) -> None:
    path = make.write_velocity(tmp_path / "velocity.h5", W, H, compression=compression)
    entry = export(path, datasets=("velocity",), raster_format="COG")["files"][0]
    with rasterio.open(entry["path"]) as raster, h5py.File(path) as file:
        assert raster.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert raster.tags()["UNIT"] == "m/year" and raster.descriptions == ("velocity",)
        values = raster.read(1)
        keep = values != -9999
        np.testing.assert_array_equal(values[keep], file["velocity"][:][keep])
        assert raster.overviews(1)
    assert [child.name for child in (tmp_path / "out").iterdir()] == ["velocity.tif"]


def test_job_folder_takes_geocoded_results_and_named_inputs(tmp_path: Path) -> None:
    make.write_velocity(tmp_path / "velocity.h5", grid="radar")
    make.write_velocity(tmp_path / "geo" / "geo_velocity.h5")
    make.write_temporal_coherence(tmp_path / "temporalCoherence.h5")
    make.write_time_series(tmp_path / "timeseries.h5", grid="radar")
    make.write_geometry(tmp_path / "inputs" / "geometryGeo.h5")
    make.write_interferogram_stack(tmp_path / "inputs" / "ifgramStack.h5")
    names = {Path(entry["path"]).name for entry in export(tmp_path)["files"]}
    assert names == {
        "velocity.tif", "velocity_velocityStd.tif", "velocity_intercept.tif", "velocity_residue.tif",
        "temporalCoherence.tif",
    }  # fmt: skip
    result = export(tmp_path, datasets=("geometryGeo/height", "ifgramStack/coherence", "velocity"))
    names = {Path(entry["path"]).name for entry in result["files"]}
    assert names == {"geometryGeo_height.tif", "ifgramStack_coherence.tif", "velocity.tif"}
    _, raster = read(tmp_path / "out" / "ifgramStack_coherence.tif")
    assert raster.descriptions[0] == "2020-01-05_2020-01-17"
    with pytest.raises(InsarError) as caught:
        export(tmp_path, datasets=("timeseries",))
    assert caught.value.code == "raster.radar_coded"
    with pytest.raises(InsarError) as caught:
        export(tmp_path, datasets=("nothing",))
    assert caught.value.code == "export.nothing"


def test_cancel_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = make.write_time_series(tmp_path / "timeseries.h5", 900, 800, 6)
    old = tmp_path / "out" / "timeseries.tif"
    old.parent.mkdir()
    old.write_text("old")
    calls = []

    def is_cancelled() -> bool:
        calls.append(1)
        return len(calls) > 1

    with pytest.raises(Cancelled):
        run(ExportResults(str(path), str(old.parent)), RunContext(is_cancelled=is_cancelled))
    assert [child.name for child in old.parent.iterdir()] == ["timeseries.tif"]
    assert old.read_text() == "old"


def test_progress_rises_to_one(tmp_path: Path) -> None:
    path = make.write_velocity(tmp_path / "velocity.h5", W, H)
    seen: list[float] = []
    folder = tmp_path / "out"
    run(
        ExportResults(str(path), str(folder)), RunContext(report=lambda fraction, text: seen.append(fraction))
    )
    assert seen == sorted(seen) and seen[-1] == pytest.approx(1)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_memory_does_not_follow_the_cube(tmp_path: Path) -> None:
    path = make.write_time_series(tmp_path / "timeseries.h5", 900, 800, 200)
    script = (
        "import sys\n"
        "from insarhub_qgis.core.requests import ExportResults\n"
        "from insarhub_qgis.core.run_context import RunContext\n"
        "from insarhub_qgis.engine.export_results import run\n"
        "run(ExportResults(sys.argv[1], sys.argv[2]), RunContext())\n"
        "lines = open('/proc/self/status').read().splitlines()\n"
        "print(next(int(line.split()[1]) // 1024 for line in lines if line.startswith('VmHWM')))\n"
    )
    root = Path(__file__).parents[2]
    finished = subprocess.run(
        [sys.executable, "-c", script, str(path), str(tmp_path / "out")],
        capture_output=True, text=True, check=True, cwd=root,
    )  # fmt: skip
    peak_mb = int(finished.stdout)
    assert path.stat().st_size > 550e6
    assert peak_mb < 270, f"{peak_mb} MB"
    with rasterio.open(tmp_path / "out" / "timeseries.tif") as raster, h5py.File(path) as file:
        np.testing.assert_array_equal(raster.read(200), file["timeseries"][199])


@pytest.mark.parametrize("dataset", ["velocity", "velocityStd"])
def test_copy_of_lzf_data_lies_in_the_cache(tmp_path: Path, dataset: str) -> None:
    path = make.write_velocity(tmp_path / "geo" / "geo_velocity.h5", compression="lzf")
    output = Path(copy_dataset.run(CopyDataset(str(path), dataset), RunContext())["output"])
    assert output == tmp_path / ".insarhub_layers" / f"geo_velocity_{dataset}.tif"
    values, raster = read(output)
    with h5py.File(path) as file:
        keep = values[0] != -9999
        np.testing.assert_array_equal(values[0][keep], file[dataset][:][keep])
    assert keep.all(), "every pixel was inverted"


def test_copy_of_a_bool_mask(tmp_path: Path) -> None:
    keep = np.random.default_rng(1).random((40, 60)) > 0.5
    path = make.write_mask(tmp_path / "maskTempCoh.h5", keep)
    output = copy_dataset.run(CopyDataset(str(path), "mask"), RunContext())["output"]
    np.testing.assert_array_equal(read(output)[0][0], keep)
    with pytest.raises(InsarError) as caught:
        copy_dataset.run(CopyDataset(str(path), "nothing"), RunContext())
    assert caught.value.code == "hdf5.no_dataset"

# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio

from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.product_archive import find_product_archives, read_product_archive
from insarhub_qgis.core.requests import Simulate
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.sandbox.scene import PIXEL_M
from insarhub_qgis.sandbox.simulate import run
from insarhub_qgis.sandbox.truth import read_truth
from tests.makers.sandbox_inversion import WAVELENGTH_M

SMALL = {"width": 60, "height": 48, "dates": 5, "connections": 2}


def simulate(folder, **values):
    return run(Simulate(output_folder=str(folder), **{**SMALL, **values}), RunContext())


def digest(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".json"
    }


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quiet")
    return folder, simulate(folder, noise=False)


@pytest.mark.parametrize("product_type", ["gamma", "burst", "multi_burst"])
def test_products_of_all_types_are_read_by_core(tmp_path, product_type):
    answer = simulate(tmp_path, product_type=product_type)
    archives, problems = find_product_archives([Path(answer["products_folder"])])
    assert not problems
    assert len(archives) == answer["products"] == answer["pairs"] == 7
    for archive in archives:
        assert archive.product.product_type == product_type
        assert archive.product.pixel_spacing_m == 80
        metadata = archive.read_metadata()
        assert metadata.missing_for_mintpy(product_type) == []
        assert {"unw_phase", "corr", "dem", "lv_theta", "lv_phi", "water_mask"} <= set(archive.members)
        assert ("conncomp" in archive.members) == (product_type != "gamma")
        if product_type == "gamma":
            assert archive.product.reference_date.strftime("%Y%m%d") in metadata.reference_granule
    assert len({archive.product.pair_id for archive in archives}) == 7


@pytest.mark.parametrize("product_type", ["gamma", "burst", "multi_burst"])
def test_mintpy_reads_the_metadata(tmp_path, product_type):
    prep_hyp3 = pytest.importorskip("mintpy.prep_hyp3")
    answer = simulate(tmp_path / "run", product_type=product_type)
    archive = read_product_archive(next(iter(sorted(Path(answer["products_folder"]).glob("*.zip")))))
    name = archive.product.name
    (tmp_path / f"{name}.txt").write_text(metadata_of(archive), encoding="utf-8")
    grid = {"Y_FIRST": "0", "X_FIRST": "0", "Y_STEP": "-80", "X_STEP": "80", "LENGTH": "4", "WIDTH": "4"}
    meta = prep_hyp3.add_hyp3_metadata(str(tmp_path / f"{name}_unw_phase_clip.tif"), dict(grid), is_ifg=True)
    assert meta["ORBIT_DIRECTION"] == "ASCENDING"
    assert float(meta["WAVELENGTH"]) == pytest.approx(WAVELENGTH_M)
    assert meta["DATE12"] == "200106-200118"
    if product_type == "gamma":
        assert meta["relative_orbit"] == 103


def metadata_of(archive) -> str:
    with zipfile.ZipFile(archive.path) as file:
        return file.read(archive.metadata_member).decode()


def test_products_differ_in_extent_but_share_a_lattice_and_hold_the_common_window(quiet):
    _, answer = quiet
    truth = read_truth(Path(answer["truth_file"]))
    bounds = []
    for path in sorted(Path(answer["products_folder"]).glob("*.zip")):
        archive = read_product_archive(path)
        shapes = set()
        for kind in archive.members:
            with rasterio.open(archive.gdal_path(kind)) as raster:
                shapes.add((raster.shape, raster.transform))
                assert raster.crs.to_epsg() == 32630
                assert raster.profile["tiled"]
                assert raster.nodata == (None if kind in ("water_mask", "conncomp") else 0)
                if kind not in ("water_mask", "conncomp"):
                    assert raster.dtypes == ("float32",)
                    assert (raster.read(1) != 0).all()
        assert len(shapes) == 1
        _, transform = shapes.pop()
        assert (transform.c - truth.x_first) % PIXEL_M == 0
        assert (truth.y_first - transform.f) % PIXEL_M == 0
        with rasterio.open(archive.gdal_path("unw_phase")) as raster:
            bounds.append(raster.bounds)
    assert len(set(bounds)) > 2
    width = (min(b.right for b in bounds) - max(b.left for b in bounds)) / PIXEL_M
    height = (min(b.top for b in bounds) - max(b.bottom for b in bounds)) / PIXEL_M
    assert (width, height) == (60, 48)


def test_phase_is_positive_where_the_ground_moves_away(quiet):
    _, answer = quiet
    truth = read_truth(Path(answer["truth_file"]))
    archive = read_product_archive(sorted(Path(answer["products_folder"]).glob("*.zip"))[1])
    first = truth.dates.index(archive.product.reference_date)
    second = truth.dates.index(archive.product.secondary_date)
    moved = truth.deformation.displacement_m(second) - truth.deformation.displacement_m(first)
    with rasterio.open(archive.gdal_path("unw_phase")) as raster:
        phase = raster.read(1).astype(float)
        window = truth.window(raster.transform.c, raster.transform.f, *raster.shape)
    moved = moved[window]
    sinking = np.unravel_index(moved.argmin(), moved.shape)
    assert moved[sinking] < -5e-4
    assert phase[sinking] > np.median(phase) + 0.1
    residual = phase + 4 * np.pi / WAVELENGTH_M * moved
    assert np.ptp(residual) < 1e-5


def test_same_request_same_bytes_and_another_seed_other_bytes(tmp_path):
    for name, seed in (("a", 4), ("b", 4), ("c", 5)):
        simulate(tmp_path / name, seed=seed)
    first, again, other = (digest(tmp_path / name) for name in "abc")
    # the truth names its own folder; its arrays are equal
    first_truth, again_truth = (read_truth(tmp_path / name / "truth.npz") for name in "ab")
    assert np.array_equal(first_truth.deformation.maps_m, again_truth.deformation.maps_m)
    first.pop("truth.npz")
    again.pop("truth.npz")
    assert first == again
    assert not set(first) & {name for name in other if name.startswith("products/")}


def test_a_second_run_removes_only_its_own_products(tmp_path):
    simulate(tmp_path, dates=5)
    foreign = tmp_path / "products" / "mine.zip"
    foreign.write_bytes(b"mine")
    answer = simulate(tmp_path, dates=4, seed=9)
    zips = list((tmp_path / "products").glob("S1*.zip"))
    assert len(zips) == answer["products"] == 5
    assert foreign.read_bytes() == b"mine"
    assert json.loads((tmp_path / "simulation.json").read_text())["request"]["seed"] == 9


def test_unwrapping_errors_are_whole_cycles_in_some_pairs(tmp_path):
    clean = simulate(tmp_path / "clean", noise=False)
    simulate(tmp_path / "broken", noise=False, unwrap_error_share=0.3)
    jumps = 0
    for path in sorted(Path(clean["products_folder"]).glob("*.zip")):
        values = []
        for folder in ("clean", "broken"):
            archive = read_product_archive(tmp_path / folder / "products" / path.name)
            with rasterio.open(archive.gdal_path("unw_phase")) as raster:
                values.append(raster.read(1).astype(float))
        cycles = (values[1] - values[0]) / (2 * np.pi)
        assert np.allclose(cycles, np.round(cycles), atol=1e-5)
        jumps += bool(np.round(cycles).any())
    assert jumps == 2


def test_cancel_leaves_no_unfinished_zip(tmp_path):
    asked = []

    def cancel_late() -> bool:
        asked.append(1)
        return len(asked) > 6

    with pytest.raises(Cancelled):
        run(Simulate(output_folder=str(tmp_path), **SMALL), RunContext(is_cancelled=cancel_late))
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert all(path.suffix == ".zip" or path.name == "simulation.json" for path in left)
    assert not list(tmp_path.glob(".simulate_*"))
    for path in left:
        if path.suffix == ".zip":
            read_product_archive(path)
    simulate(tmp_path, seed=7, dates=3)
    assert len(list((tmp_path / "products").iterdir())) == 3, "what the cancelled run had written is gone"


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InsarError, match=r"simulate\.folder"):
        simulate(tmp_path / "file" / "below")


def test_options_name_reference_and_step(tmp_path):
    simulate(tmp_path, dates=31, connections=1, noise=False)
    text = (tmp_path / "options.cfg").read_text(encoding="utf-8")
    options = dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))
    options = {key.strip(): value.strip() for key, value in options.items()}
    latitude, longitude = map(float, options["mintpy.reference.lalo"].split(","))
    assert 37 < latitude < 38
    assert -3 < longitude < 0
    truth = read_truth(tmp_path / "truth.npz")
    shown = truth.deformation.courses[truth.deformation.names.index("fault")]
    step = truth.dates[int(np.argmax(shown > 0))]
    assert options["mintpy.topographicResidual.stepDate"] == f"{step:%Y%m%d}"


def test_large_scene_stays_within_memory(tmp_path):
    request = Simulate(output_folder=str(tmp_path), width=1000, height=1200, dates=4, connections=1)
    script = (
        "import json, pathlib, re, sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from insarhub_qgis.core.requests import Simulate\n"
        "from insarhub_qgis.core.run_context import RunContext\n"
        "from insarhub_qgis.sandbox.simulate import run\n"
        "answer = run(Simulate(**json.loads(sys.argv[2])), RunContext())\n"
        # Not ru_maxrss: Linux counts the peak of the process that forks as that of its child, too.
        "status = pathlib.Path('/proc/self/status').read_text()\n"
        "print(answer['products'], re.search(r'VmHWM:\\s+(\\d+) kB', status)[1])\n"
    )
    root = Path(__file__).resolve().parents[2]
    output = subprocess.run(
        [sys.executable, "-c", script, str(root), json.dumps(request.to_json())],
        check=True,
        capture_output=True,
        text=True,
        timeout=200,
    ).stdout.split()
    assert int(output[0]) == 3
    assert int(output[1]) / 1024 < 1200, "MiB at the peak"

# SPDX-License-Identifier: GPL-2.0-or-later
"""Rasters read ahead: MintPy's load step writes the same files, byte for byte of every dataset, as without."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from insarhub_qgis.core.mintpy_config import CONFIG_NAME, MintpyConfig, write_initial_config
from insarhub_qgis.core.requests import OpenProducts, PrepareAnalysis
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine import mintpy_step, open_products, prepare_analysis
from insarhub_qgis.engine.mintpy_run import step_environment
from insarhub_qgis.engine.process import run_process
from insarhub_qgis.engine.read_ahead import ReadAhead, rasters_in_order
from tests.makers import products
from tests.makers.mexico_city import DATA, write_clips

STEP = Path(mintpy_step.__file__)
PLAIN = "import sys; from mintpy.cli import smallbaselineApp; smallbaselineApp.main(sys.argv[1:])"
#: Differs between two runs of MintPy itself.
_TIME_ATTRIBUTE = "MODIFICATION_TIME"


def _load(folder: Path, ahead: bool) -> None:
    config = str(folder / CONFIG_NAME)
    command = [sys.executable, str(STEP), config, str(folder), "load_data"]
    if not ahead:
        command = [sys.executable, "-c", PLAIN, config, "--dir", str(folder), "--dostep", "load_data"]
    lines: list[str] = []
    code = run_process(
        command,
        cwd=folder,
        environment=step_environment(folder),
        on_line=lines.append,
        is_cancelled=lambda: False,
    )
    assert code == 0, "\n".join(lines[-20:])


def _content(path: Path) -> dict[str, object]:
    """Everything that a reader can see of an HDF5 file, except the times of writing."""
    found: dict[str, object] = {}
    with h5py.File(path) as file:
        for name, item in file.items():
            storage = (item.shape, item.dtype.str, item.chunks, item.compression, item.maxshape, item.shuffle)
            attributes = sorted(
                (key, str(value)) for key, value in item.attrs.items() if key != _TIME_ATTRIBUTE
            )
            found[name] = (storage, tuple(attributes), item[()].tobytes())
        found["attributes"] = {key: (type(value).__name__, str(value)) for key, value in file.attrs.items()}
    return found


def _assert_same_with_and_without(folder: Path) -> None:
    contents = []
    for ahead in (False, True):
        for made in ("inputs", "pic"):
            shutil.rmtree(folder / made, ignore_errors=True)
        (folder / "smallbaselineApp.cfg").unlink(missing_ok=True)
        _load(folder, ahead)
        contents.append(
            {name: _content(folder / "inputs" / name) for name in ("ifgramStack.h5", "geometryGeo.h5")}
        )
    plain, early = contents
    for name, expected in plain.items():
        assert early[name].keys() == expected.keys()
        for part, value in expected.items():
            assert early[name][part] == value, f"{name} {part}"


@pytest.fixture
def mexico_city(tmp_path):
    folder = tmp_path / "ein Auftrag é"
    write_initial_config(folder, write_clips(folder), "hyp3", inputs_changed=True)
    return folder


@pytest.fixture(params=["gamma", "burst", "multi_burst"])
def synthetic(request, tmp_path):
    products.write_chain(tmp_path / "zips", request.param)
    folder = tmp_path / "job"
    open_products.run(OpenProducts(str(tmp_path / "zips"), str(folder)), RunContext())
    prepare_analysis.run(PrepareAnalysis(str(folder)), RunContext())
    return folder


@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data/mexico_city is absent")
def test_real_stack_is_loaded_alike(mexico_city):
    _assert_same_with_and_without(mexico_city)


def test_synthetic_stack_is_loaded_alike(synthetic):
    _assert_same_with_and_without(synthetic)


@pytest.mark.parametrize(
    "options", ["mintpy.multilook.xstep = 2\nmintpy.multilook.ystep = 2", "mintpy.subset.yx = 5:20,4:25"]
)
def test_other_windows_are_left_to_mintpy(options, tmp_path):
    products.write_chain(tmp_path / "zips", "gamma")
    folder = tmp_path / "job"
    open_products.run(OpenProducts(str(tmp_path / "zips"), str(folder)), RunContext())
    prepare_analysis.run(PrepareAnalysis(str(folder)), RunContext())
    config = MintpyConfig.read(folder / CONFIG_NAME)
    assert len(rasters_in_order(folder, config)) > 8
    config.merge_lines(options)
    config.write()
    assert rasters_in_order(folder, config) == []
    _assert_same_with_and_without(folder)


def test_nothing_is_read_early_for_a_stack_that_is_kept(synthetic):
    _load(synthetic, ahead=True)
    config = MintpyConfig.read(synthetic / CONFIG_NAME)
    assert rasters_in_order(synthetic, config) != []
    config.set("mintpy.load.updateMode", "yes")
    assert rasters_in_order(synthetic, config) == []


def test_order_and_window_of_the_asking_do_not_matter(synthetic):
    from mintpy.utils import readfile

    paths = rasters_in_order(synthetic, MintpyConfig.read(synthetic / CONFIG_NAME))
    expected = {path: readfile.read_gdal(str(path)) for path in paths}
    plain = readfile.read_gdal
    with ReadAhead(paths):
        for path in [*reversed(paths), *paths]:
            np.testing.assert_array_equal(readfile.read_gdal(str(path)), expected[path])
            window = readfile.read_gdal(str(path), box=(1, 2, 5, 7))
            np.testing.assert_array_equal(window, expected[path][2:7, 1:5])
            np.testing.assert_array_equal(
                readfile.read_gdal(str(path), xstep=2, ystep=2), plain(str(path), xstep=2, ystep=2)
            )
    assert readfile.read_gdal is plain


def test_a_raster_that_cannot_be_read_fails_as_without(synthetic):
    from mintpy.utils import readfile

    paths = rasters_in_order(synthetic, MintpyConfig.read(synthetic / CONFIG_NAME))
    broken = paths[-1]
    broken.write_text(broken.read_text().replace(".zip", ".gone"))
    with pytest.raises(RuntimeError) as without:
        readfile.read_gdal(str(broken))
    with ReadAhead(paths), pytest.raises(RuntimeError) as early:
        for path in paths:
            readfile.read_gdal(str(path))
    assert str(early.value) == str(without.value)

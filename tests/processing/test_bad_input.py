# SPDX-License-Identifier: GPL-2.0-or-later
"""Bad input through the algorithms: the sentence names what is wrong, where, and what to do; files stay as they were."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsGeometry, QgsPointXY, QgsProject

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.mintpy_job import MintpyJob
from insarhub_qgis.host.engine_environment import OVERRIDE_VARIABLE
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.layers.result_layers import add_result_layer
from insarhub_qgis.layers.result_sources import list_results
from insarhub_qgis.layers.series_reader import SeriesReader
from tests.makers.printed_sentences import Heard, assert_is_a_sentence, state_of
from tests.makers.waiting import HANG_S
from tests.processing.test_algorithms import memory_layer

ROOT = Path(__file__).resolve().parents[2]
UTM = "EPSG:32614"
PAIR = ("2021-01-04", "2021-02-09")

_WRITE_PRODUCTS = """
import json, sys
from datetime import date
from pathlib import Path
from tests.makers.products import DATES, ProductSpec, write_chain, write_product
folder, specs = Path(sys.argv[1]), json.loads(sys.argv[2])
if specs is None:
    print(json.dumps([str(path) for path in write_chain(folder)]))
else:
    days = [date.fromisoformat(specs.pop(name)) for name in ("reference", "secondary")]
    print(json.dumps([str(write_product(folder, ProductSpec(*days, **specs)))]))
"""


@pytest.fixture(scope="session")
def write_products(engine):
    """``write_products(folder)``: five good products; with options: one product more."""

    def write(folder, **options):
        answer = subprocess.run(
            [str(engine), "-c", _WRITE_PRODUCTS, str(folder), json.dumps(options or None)],
            cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        paths = [Path(path) for path in json.loads(answer.stdout)]
        return paths if not options else paths[0]

    return write


# --- Products ----------------------------------------------------------------------------------------------


def test_each_bad_zip_has_its_sentence_and_the_rest_is_opened(run, write_products, table, tmp_path):
    zips = tmp_path / "zips"
    good = write_products(zips)
    first, last = "2021-01-04", "2021-02-21"
    cut = write_products(zips, reference=first, secondary=last)
    cut.write_bytes(cut.read_bytes()[:4000])
    (zips / "letter.zip").write_bytes(b"no zip at all")
    with zipfile.ZipFile(zips / "holiday.zip", "w") as package:
        package.writestr("picture.txt", "hello")
    bare = write_products(zips, reference=first, secondary="2021-02-09", has_metadata=False)
    zone = write_products(zips, reference="2021-01-28", secondary=last, epsg=32613)
    grid = write_products(zips, reference="2021-02-09", secondary=last, shift_px=0.3)
    double = write_products(zips, reference=first, secondary="2021-01-16", unique="again")
    os.utime(double, (1.6e9, 1.6e9))
    before = state_of(zips)
    feedback = Heard()
    answer = run("openproducts", {"PRODUCTS": str(zips), "JOB_FOLDER": str(tmp_path / "job")}, feedback)
    assert answer["PAIR_COUNT"] == len(good)
    wanted = {
        "truncated zip": (cut, ["is cut off (4.0 kB arrived)", "Download it again"]),
        "zip that is no zip": (zips / "letter.zip", ["is no zip file", "Download it again"]),
        "zip that is no product": (zips / "holiday.zip", ["holds no HyP3 InSAR product", "Leave it out"]),
        "missing .txt": (bare, ["lacks its metadata file (.txt)", "Download it again"]),
        "other UTM zone": (zone, ["EPSG:32613", "EPSG:32614", "open those of the other zone as another job"]),
        "other grid": (grid, ["columns 0.3, rows 0", "never resampled silently"]),
        "two products of one pair": (double, ["two products of pair 20210104_20210116", "Move the other one away"]),
    }  # fmt: skip
    for what, (path, words) in wanted.items():
        told = [text for text in feedback.warnings if text.startswith(f"{path.name}: ")]
        assert len(told) == 1, (what, feedback.warnings)
        assert_is_a_sentence(told[0])
        assert all(word in told[0] for word in words), told
        table.append(
            (
                what,
                told[0].replace(str(tmp_path), "…"),
                f"all {len(before)} zips byte for byte; 5 pairs opened",
            )
        )
    assert len(feedback.warnings) == len(wanted)
    assert state_of(zips) == before
    # The same, when they go bad after they were opened.
    good[0].write_bytes(good[0].read_bytes()[:4000])
    feedback = Heard()
    run("prepareanalysis", {"JOB_FOLDER": str(tmp_path / "job")}, feedback)
    told = [text for text in feedback.warnings if text.startswith(good[0].stem)]
    assert len(told) == 1 and "is cut off" in told[0]
    assert_is_a_sentence(told[0])


def test_a_folder_without_products(refused, write_products, tmp_path):
    zips, job = tmp_path / "zips", tmp_path / "job"
    zips.mkdir()
    parameters = {"PRODUCTS": str(zips), "JOB_FOLDER": str(job)}
    refused("folder without zips", "openproducts", parameters, kept=zips, words=[str(zips), "holds no zip"])
    for name in ("a.zip", "b.zip"):
        (zips / name).write_bytes(b"no zip at all")
    refused(
        "folder of broken zips only", "openproducts", parameters, kept=zips,
        words=["among its zip files (2)", "a.zip is no zip file (and 1 more)"],
    )  # fmt: skip
    assert not job.exists()


@pytest.fixture
def job(run, write_products, tmp_path):
    """A job of five small products, not yet prepared."""
    write_products(tmp_path / "zips")
    run("openproducts", {"PRODUCTS": str(tmp_path / "zips"), "JOB_FOLDER": str(tmp_path / "job")})
    return tmp_path / "job"


def test_products_without_a_common_area(run, refused, write_products, tmp_path):
    zips, job = tmp_path / "zips", tmp_path / "job"
    write_products(zips)
    away = write_products(zips, reference="2021-01-04", secondary="2021-02-09", col=500)
    run("openproducts", {"PRODUCTS": str(zips), "JOB_FOLDER": str(job)})
    refused(
        "empty overlap", "prepareanalysis", {"JOB_FOLDER": str(job)}, kept=[zips, job],
        words=["no area in common", away.stem, "remove these pairs"],
    )  # fmt: skip
    assert not (job / "clip").exists() or not list((job / "clip").glob("*.tif"))


def test_an_area_of_interest_outside(job, refused, run, tmp_path):
    run("prepareanalysis", {"JOB_FOLDER": str(job)})
    africa = memory_layer("Polygon", "EPSG:4326", [QgsGeometry.fromWkt("Polygon((0 0,1 0,1 1,0 1,0 0))")])
    refused(
        "AOI on another continent", "prepareanalysis", {"JOB_FOLDER": str(job), "AOI": africa}, kept=[tmp_path / "zips", job],
        words=["area of interest cannot be projected to EPSG:32614", "Draw an area near the products"],
    )  # fmt: skip
    beside = "Polygon((-98.5 19.3,-98.4 19.3,-98.4 19.4,-98.5 19.4,-98.5 19.3))"
    far = memory_layer("Polygon", "EPSG:4326", [QgsGeometry.fromWkt(beside)])
    refused(
        "AOI outside", "prepareanalysis", {"JOB_FOLDER": str(job), "AOI": far}, kept=[tmp_path / "zips", job],
        words=["area of interest", "outside all products", "Draw the area inside"],
    )  # fmt: skip


# --- Files of the job --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["insarhub_config.json", "stack_p5_f0.json"])
def test_malformed_json(job, refused, tmp_path, name):
    path = job / name
    if name.startswith("stack"):
        (path,) = job.glob("stack_*.json")
    path.write_text(path.read_text(encoding="utf-8")[:60], encoding="utf-8")
    parameters = {"PRODUCTS": str(tmp_path / "zips"), "JOB_FOLDER": str(job)}
    for algorithm in ("openproducts", "prepareanalysis"):
        refused(
            f"malformed {path.name} ({algorithm})", algorithm, parameters if algorithm == "openproducts" else {"JOB_FOLDER": str(job)},
            kept=[tmp_path / "zips", job], words=[path.name, "line", "column", "It was left as it is"],
        )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("mintpy.networkInversion.minTempCoh = much", ["minTempCoh", "much"]),
        ("mintpy.deramp linear", ["no ="]),
    ],
)
def test_malformed_cfg(job, refused, run, tmp_path, line, words):
    run("prepareanalysis", {"JOB_FOLDER": str(job)})
    config = job / ".mintpy.cfg"
    number = len(config.read_text(encoding="utf-8").splitlines()) + 1
    config.write_text(config.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")
    refused(
        f"malformed .mintpy.cfg: {line}", "runanalysis", {"JOB_FOLDER": str(job)}, kept=[tmp_path / "zips", job],
        words=[".mintpy.cfg", f"line {number}", "nothing was started", *words],
    )  # fmt: skip


def test_analysis_before_preparing(job, refused, tmp_path):
    refused(
        "analysis of a job that is not prepared", "runanalysis", {"JOB_FOLDER": str(job)}, kept=[tmp_path / "zips", job],
        words=["is not prepared", "Prepare the analysis first"],
    )  # fmt: skip


def test_prepare_and_open_while_an_analysis_runs(job, refused, run, engine, tmp_path):
    run("prepareanalysis", {"JOB_FOLDER": str(job)})
    code = (
        "import sys; from pathlib import Path; from insarhub_qgis.core.mintpy_job import analysis_lock\n"
        "with analysis_lock(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()\n"
    )
    with held_by([str(engine), "-c", code, str(job)]) as holder:
        words = [str(job), f"process {holder.pid}", "Wait for it, or cancel it"]
        parameters = {"PRODUCTS": str(tmp_path / "zips"), "JOB_FOLDER": str(job)}
        kept = [tmp_path / "zips", job]
        refused("open while MintPy runs", "openproducts", parameters, kept=kept, words=words)
        refused(
            "prepare while MintPy runs", "prepareanalysis", {"JOB_FOLDER": str(job)}, kept=kept, words=words
        )
        refused(
            "second run while MintPy runs", "runanalysis", {"JOB_FOLDER": str(job)}, kept=kept, words=words
        )
    run("prepareanalysis", {"JOB_FOLDER": str(job)})


@contextlib.contextmanager
def held_by(command):
    """A program that prints a word once it holds something, until the end of the block."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as holder:
        assert holder.stdout.readline()
        try:
            yield holder
        finally:
            holder.stdin.close()


# --- Disks -------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def disk(folder, size, options="rw"):
    """A small disk of its own; skips where this user may not mount."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def make_read_only(folder):
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)


def test_a_read_only_folder(run, refused, write_products, finished_job, tmp_path):
    zips = tmp_path / "zips"
    write_products(zips)
    with disk(tmp_path / "disk", "20m") as place:
        job = place / "job"
        run("openproducts", {"PRODUCTS": str(zips), "JOB_FOLDER": str(job)})
        run("prepareanalysis", {"JOB_FOLDER": str(job)})
        shutil.copy(finished_job.folder / "velocity.h5", place)
        make_read_only(place)
        kept, words = [zips, place], ["No right to write", str(place), "Choose another folder"]
        parameters = {"PRODUCTS": str(zips), "JOB_FOLDER": str(place / "new")}
        refused("open into a read-only folder", "openproducts", parameters, kept=kept, words=words)
        refused(
            "prepare in a read-only folder",
            "prepareanalysis",
            {"JOB_FOLDER": str(job)},
            kept=kept,
            words=words,
        )
        refused(
            "analysis in a read-only folder", "runanalysis", {"JOB_FOLDER": str(job)}, kept=kept, words=words
        )
        parameters = {"INPUT": str(place / "velocity.h5"), "OUTPUT_FOLDER": str(place / "tif")}
        refused("export into a read-only folder", "exportresults", parameters, kept=kept, words=words)
        parameters = {
            "INPUT": str(place / "velocity.h5"),
            "METHOD": "bounds",
            "OUTPUT": str(place / "footprint.gpkg"),
        }
        refused("footprint into a read-only folder", "exportfootprint", parameters, kept=kept, words=words)
        # Reading needs no right to write.
        parameters = {"INPUT": str(place / "velocity.h5"), "OUTPUT_FOLDER": str(tmp_path / "tif")}
        run("exportresults", parameters)
        project = QgsProject()
        source = next(source for source in list_results(place) if source.key == "velocity")
        assert add_result_layer(project, place, "read-only", source).isValid()
        project.clear()


def test_a_full_disk(run, refused, simulated, finished_job, tmp_path):
    products = Path(simulated["products_folder"])
    with disk(tmp_path / "disk", "6m") as place:
        job = place / "job"
        run("openproducts", {"PRODUCTS": str(products), "JOB_FOLDER": str(job)})
        ballast = place / "ballast"
        fill(ballast, place, leave=300_000)
        kept = [products, job]
        refused(
            "disk too small for real files", "prepareanalysis", {"JOB_FOLDER": str(job), "MATERIALISE": True}, kept=kept,
            words=["Preparing needs up to", "MB", "are free", "Free some space"],
        )  # fmt: skip
        ballast.unlink()
        run("prepareanalysis", {"JOB_FOLDER": str(job)})
        fill(ballast, place, leave=300_000)
        refused(
            "disk too small for the analysis", "runanalysis", {"JOB_FOLDER": str(job)}, kept=kept,
            words=["The analysis needs about", str(job), "Free some space"],
        )  # fmt: skip
        fill(place / "ballast2", place, leave=8_000)
        kept = [finished_job.folder / "timeseries.h5", job]
        full = ["The disk is full", "Free some space"]
        parameters = {"INPUT": str(finished_job.series), "OUTPUT_FOLDER": str(place / "tif")}
        refused("export to a full disk", "exportresults", parameters, kept=kept, words=full)
        assert not list(place.rglob("*.tif.part")) and not list((place / "tif").glob("*.tif"))
        parameters = {"INPUT": str(finished_job.series), "OUTPUT": str(place / "points.gpkg")}
        refused("points to a full disk", "exportpoints", parameters, kept=kept, words=full)
        assert not (place / "points.gpkg").exists()
        fill(place / "ballast3", place, leave=0)
        parameters = {"PRODUCTS": str(products), "JOB_FOLDER": str(place / "other job")}
        refused("open on a full disk", "openproducts", parameters, kept=kept, words=full)
        for name in ("ballast", "ballast2", "ballast3"):
            (place / name).unlink()
        run("prepareanalysis", {"JOB_FOLDER": str(job)})


def fill(file, place, leave):
    """Write a file until ``leave`` bytes are free; tmpfs gives pages of 4096 bytes."""
    file.write_bytes(bytes(max(0, shutil.disk_usage(place).free - leave)))


# --- HDF5 --------------------------------------------------------------------------------------------------


def test_a_file_that_mintpy_is_writing(refused, finished_job, engine, tmp_path, table):
    job = tmp_path / "job"
    job.mkdir()
    for name in ("timeseries.h5", "velocity.h5", "temporalCoherence.h5"):
        shutil.copy(finished_job.folder / name, job)
        # Not of this moment, so that only the lock can tell.
        os.utime(job / name, (1.6e9, 1.6e9))
    code = (
        "import sys\n"
        "from mintpy.utils import writefile\n"
        "import h5py\n"
        "with h5py.File(sys.argv[1], 'r+') as file:\n"
        "    file['timeseries'][0, 0, 0] = 0\n"
        "    print('open', flush=True); sys.stdin.read()\n"
    )
    series = str(job / "timeseries.h5")
    points = memory_layer("Point", UTM, [QgsGeometry.fromPointXY(QgsPointXY(480500, 2150000))])
    zones = memory_layer(
        "Polygon", UTM, [QgsGeometry.fromPointXY(QgsPointXY(480500, 2150000)).buffer(300, 4)]
    )
    attempts = {
        "exportresults": {"INPUT": series, "OUTPUT_FOLDER": str(tmp_path / "tif")},
        "exportfootprint": {"INPUT": series, "METHOD": "valid", "OUTPUT": str(tmp_path / "f.gpkg")},
        "exportpoints": {"INPUT": series, "OUTPUT": str(tmp_path / "p.gpkg")},
        "sampletimeseries": {"INPUT": series, "POINTS": points, "OUTPUT": "memory:"},
        "zonaltimeseries": {"INPUT": series, "ZONES": zones, "OUTPUT": "memory:"},
    }
    with held_by([str(engine), "-c", code, series]):
        for name, parameters in attempts.items():
            refused(
                f"HDF5 being written ({name})", name, parameters, kept=[job],
                words=["timeseries.h5", "is being written at this moment", "Wait until"],
            )  # fmt: skip
        source = next(source for source in list_results(job) if source.key == "timeseries")
        assert source.problem.code == "hdf5.busy"
        for attempt in (
            lambda: add_result_layer(QgsProject(), job, "job", source),
            lambda: SeriesReader(Path(series)),
        ):
            with pytest.raises(InsarError) as caught:
                attempt()
            text = sentence(caught.value)
            assert "is being written at this moment" in text
        table.append(
            ("HDF5 being written (layer, series panel)", text.replace(str(tmp_path), "…"), "nothing written")
        )
    assert not list(tmp_path.glob("*.gpkg")) and not list(tmp_path.glob("tif/*"))
    project = QgsProject()
    source = next(source for source in list_results(job) if source.key == "timeseries")
    assert add_result_layer(project, job, "job", source).isValid()
    project.clear()


def test_a_file_of_another_program_beside_the_results(run, finished_job, table, tmp_path):
    job = tmp_path / "job"
    job.mkdir()
    shutil.copy(finished_job.folder / "velocity.h5", job)
    (job / "notes.h5").write_text("no HDF5 at all", encoding="utf-8")
    before = state_of(job)
    feedback = Heard()
    run("exportresults", {"INPUT": str(job), "OUTPUT_FOLDER": str(tmp_path / "tif")}, feedback)
    assert (tmp_path / "tif" / "velocity.tif").is_file()
    (told,) = feedback.warnings
    assert told.startswith("notes.h5: ")
    assert_is_a_sentence(told)
    assert state_of(job) == before
    table.append(
        ("foreign .h5 in an exported job folder", told.replace(str(tmp_path), "…"), "the others are exported")
    )


def test_lzf_compressed_hdf5(run, finished_job, engine, tmp_path):
    code = (
        "import sys, h5py\n"
        "with h5py.File(sys.argv[1]) as old, h5py.File(sys.argv[2], 'w') as new:\n"
        "    for name in old:\n"
        "        data = old[name][()]\n"
        "        new.create_dataset(name, data=data, compression='lzf' if data.ndim > 1 else None)\n"
        "    new.attrs.update(old.attrs)\n"
    )
    job = tmp_path / "lzf"
    job.mkdir()
    for name in ("timeseries.h5", "velocity.h5"):
        subprocess.run(
            [str(engine), "-c", code, str(finished_job.folder / name), str(job / name)], check=True
        )
    reader = SeriesReader(finished_job.series)
    row, col = 30, 25
    x, y = reader.centre_of(row, col)
    points = memory_layer("Point", reader.crs, [QgsGeometry.fromPointXY(QgsPointXY(x, y))])
    reader.close()
    answers = {}
    for source in (finished_job.folder, job):
        run(
            "exportresults",
            {"INPUT": str(source / "timeseries.h5"), "OUTPUT_FOLDER": str(tmp_path / "tif" / source.name)},
        )
        sampled = run(
            "sampletimeseries",
            {"INPUT": str(source / "timeseries.h5"), "POINTS": points, "OUTPUT": "memory:"},
        )
        raster = gdal.Open(str(tmp_path / "tif" / source.name / "timeseries.tif"))
        (feature,) = sampled["OUTPUT"].getFeatures()
        answers[source.name] = (raster.ReadAsArray(), feature.attributes())
    plain, lzf = answers.values()
    np.testing.assert_array_equal(plain[0], lzf[0])
    assert plain[1] == lzf[1]
    # In the map the engine's copy stands in; the sentence says so until it is made.
    source = next(source for source in list_results(job) if source.key == "timeseries")
    with pytest.raises(InsarError) as caught:
        add_result_layer(QgsProject(), job, "job", source)
    assert caught.value.code == "hdf5.needs_copy"
    assert_is_a_sentence(sentence(caught.value))


# --- Engine environment ------------------------------------------------------------------------------------


def test_an_engine_environment_without_packages(refused, job, monkeypatch, tmp_path):
    monkeypatch.setenv(OVERRIDE_VARIABLE, sys.executable)
    refused(
        "engine environment that lacks a package", "prepareanalysis", {"JOB_FOLDER": str(job)}, kept=[tmp_path / "zips", job],
        words=["lacks the package", "Set-up page", sys.executable],
    )  # fmt: skip


def test_an_engine_environment_that_is_older(refused, job, engine, monkeypatch, tmp_path):
    subprocess.run([str(engine), "-m", "venv", "--without-pip", str(tmp_path / "old")], check=True)
    (packages,) = (tmp_path / "old" / "lib").glob("python*/site-packages")
    told = subprocess.run(
        [str(engine), "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"], capture_output=True, text=True, check=True
    )  # fmt: skip
    (packages / "engine.pth").write_text(told.stdout)
    (packages / "rasterio-1.0.1.dist-info").mkdir()
    (packages / "rasterio-1.0.1.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: rasterio\nVersion: 1.0.1\n"
    )
    monkeypatch.setenv(OVERRIDE_VARIABLE, str(tmp_path / "old" / "bin" / "python"))
    refused(
        "engine environment older than the plugin", "prepareanalysis", {"JOB_FOLDER": str(job)}, kept=[tmp_path / "zips", job],
        words=["rasterio 1.0.1", "or newer is needed", "Update the environment"],
    )  # fmt: skip


def test_an_engine_environment_that_is_gone(refused, job, monkeypatch, tmp_path):
    monkeypatch.setenv(OVERRIDE_VARIABLE, str(tmp_path / "nowhere" / "python"))
    refused(
        "engine environment that is gone", "prepareanalysis", {"JOB_FOLDER": str(job)}, kept=[tmp_path / "zips", job],
        words=["nowhere", "Set-up page"],
    )  # fmt: skip


# --- The whole way -----------------------------------------------------------------------------------------

_HOST = """
import sys
from pathlib import Path
from qgis.core import QgsApplication
from insarhub_qgis.core.requests import RunAnalysis
from insarhub_qgis.host.engine_process import run_engine
application = QgsApplication([], False)
QgsApplication.initQgis()
run_engine(RunAnalysis(sys.argv[1], options=sys.argv[2]), None, Path(sys.argv[3]))
"""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are looked up in /proc")
def test_qgis_killed_while_mintpy_runs(run, finished_job, engine, table, tmp_path):
    job = tmp_path / "job"
    run("openproducts", {"PRODUCTS": str(finished_job.products), "JOB_FOLDER": str(job)})
    run("prepareanalysis", {"JOB_FOLDER": str(job)})
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-c", _HOST, str(job), finished_job.options, str(engine)]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as host:
        child = wait_for(lambda: running_child(job, "invert_network"))
        (engine_pid,) = children_of(host.pid)
        os.kill(host.pid, signal.SIGKILL)
    wait_for(lambda: not is_alive(child) and not is_alive(engine_pid))
    assert MintpyJob.read(job).status in ("running", "cancelled")
    assert not (job / "velocity.h5").exists()
    run("runanalysis", {"JOB_FOLDER": str(job), "OPTIONS": finished_job.options})
    assert MintpyJob.read(job).status == "completed"
    velocities = [
        gdal.Open(f'HDF5:"{folder}/velocity.h5"://velocity').ReadAsArray()
        for folder in (job, finished_job.folder)
    ]
    np.testing.assert_array_equal(*velocities)
    table.append(
        ("QGIS killed (-9) while MintPy runs", "(no one is there to read it; engine and MintPy ended)",
         "going on gives the velocity of an undisturbed run, bit for bit")
    )  # fmt: skip


def running_child(job, step):
    with contextlib.suppress(InsarError, ValueError):
        record = MintpyJob.read(job).step(step)
        return record.child_pid if record.state == "running" else None


def children_of(pid):
    return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()] or [
        int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit() and parent_of(path) == pid
    ]


def parent_of(process):
    with contextlib.suppress(OSError):
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])


def is_alive(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def wait_for(condition):
    limit = time.monotonic() + HANG_S
    while time.monotonic() < limit:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {HANG_S:.0f} s")


def test_non_ascii_and_blank_paths_from_products_to_layers(run, simulated, finished_job, table, tmp_path):
    place = tmp_path / "Ünïcode bläck [1] & co" / "目 录 $HOME #2"
    products, job = place / "zips [a-z]*", place / "job <ñ> 'q'"
    shutil.copytree(simulated["products_folder"], products)
    before = state_of(products)
    run("openproducts", {"PRODUCTS": str(products), "JOB_FOLDER": str(job)})
    layers = run("loadproducts", {"JOB_FOLDER": str(job), "KINDS": ["unw_phase"], "PAIRS": ""})["LAYERS"]
    project = QgsProject.instance()
    assert layers and all(project.mapLayer(layer).isValid() for layer in layers)
    project.clear()
    run("prepareanalysis", {"JOB_FOLDER": str(job)})
    run("runanalysis", {"JOB_FOLDER": str(job), "OPTIONS": finished_job.options})
    series = job / "timeseries.h5"
    velocities = [
        gdal.Open(f'HDF5:"{folder}/velocity.h5"://velocity').ReadAsArray()
        for folder in (job, finished_job.folder)
    ]
    np.testing.assert_array_equal(*velocities)
    exports = place / "exports é"
    run("exportresults", {"INPUT": str(job), "OUTPUT_FOLDER": str(exports)})
    assert gdal.Open(str(exports / "velocity.tif")).ReadAsArray().shape == velocities[0].shape
    run("exportfootprint", {"INPUT": str(series), "METHOD": "valid", "OUTPUT": str(exports / "Fläche.gpkg")})
    points = run("exportpoints", {"INPUT": str(series), "OUTPUT": str(exports / "Pünkte.gpkg")})["OUTPUT"]
    assert Path(str(points).partition("|")[0]).is_file()
    for source in list_results(job):
        if source.key in ("velocity", "timeseries", "temporalCoherence"):
            assert add_result_layer(project, job, job.name, source).isValid()
    project.clear()
    reader = SeriesReader(series)
    assert np.isfinite(reader.series_at(30, 25)).all()
    reader.close()
    assert state_of(products) == before
    table.append((f"path `{place.relative_to(tmp_path)}`", "(none: open, load, prepare, analyse, export and layers work)",
                  "velocity bit for bit that of a plain path; zips byte for byte"))  # fmt: skip

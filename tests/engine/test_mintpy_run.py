# SPDX-License-Identifier: GPL-2.0-or-later
"""MintPy on the real Mexico City stack: same result as published, whatever interrupts the run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.mintpy_config import MintpyConfig, write_initial_config
from insarhub_qgis.core.mintpy_job import MintpyJob, analysis_lock, running_analysis
from insarhub_qgis.core.mintpy_steps import STEP_BY_NAME
from insarhub_qgis.core.requests import RunAnalysis
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine import mintpy_run
from insarhub_qgis.engine.mintpy_checks import check_weather_service
from insarhub_qgis.engine.mintpy_stack import stack_is_whole, undo_stack_changes
from insarhub_qgis.engine.mintpy_workspace import MintpyWorkspace
from tests.makers.mexico_city import DATA, write_clips
from tests.makers.waiting import HANG_S, wait_until

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data/mexico_city is absent")
LAUNCH = Path(mintpy_run.__file__).with_name("launch.py")


@pytest.fixture(scope="module")
def expected():
    with np.load(DATA / "expected" / "mintpy_1.6.4.npz") as arrays:
        return {name: arrays[name] for name in arrays}


@pytest.fixture(scope="module")
def options():
    # One process: starting the workers takes longer than the small stack does.
    return (DATA / "expected" / "options.cfg").read_text() + "\nmintpy.compute.cluster = none\n"


def _prepared(folder: Path) -> Path:
    kinds = write_clips(folder)
    write_initial_config(folder, kinds, "hyp3", inputs_changed=True)
    return folder


@pytest.fixture
def job(tmp_path):
    return _prepared(tmp_path / "ein Auftrag é")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, options):
    folder = _prepared(tmp_path_factory.mktemp("finished") / "job")
    items: list[dict] = []
    reports: list[float] = []
    context = RunContext(item=items.append, report=lambda fraction, text: reports.append(fraction))
    result = mintpy_run.run(RunAnalysis(str(folder), options=options), context)
    return folder, result, items, reports


@pytest.fixture
def copied(finished, tmp_path):
    """A finished run in a folder of its own, as a user would have moved it."""
    folder = tmp_path / "job"
    shutil.copytree(finished[0], folder)
    kinds = {"unw_phase", "corr", "dem", "lv_theta", "lv_phi", "water_mask"}
    write_initial_config(folder, kinds, "hyp3", inputs_changed=False)
    return folder


def _velocity(folder: Path) -> np.ndarray:
    with h5py.File(folder / "velocity.h5") as file:
        return file["velocity"][:]


def _assert_expected(folder: Path, expected) -> None:
    mask = expected["mask"]
    assert mask.sum() > 1000
    assert np.abs(_velocity(folder) - expected["velocity"])[mask].max() < 1e-6


def _states(folder: Path) -> dict[str, str]:
    return {record.name: record.state for record in MintpyJob.read(folder).steps}


# --- The run -------------------------------------------------------------------------------------------


@needs_data
def test_a_run_gives_the_published_velocity(finished, expected):
    folder, result, items, reports = finished
    _assert_expected(folder, expected)
    with h5py.File(folder / "velocity.h5") as file:
        assert (int(file.attrs["REF_Y"]), int(file.attrs["REF_X"])) == (expected["ref_y"], expected["ref_x"])
    assert result["final_series"] == "timeseries_demErr.h5"
    states = {entry["step"]: entry["state"] for entry in result["steps"]}
    assert states["velocity"] == "done"
    assert states["deramp"] == "skipped"
    assert reports == sorted(reports)
    assert reports[-1] == 1.0
    assert len([value for value in reports if 0 < value < 1]) > len(states) / 2
    assert [item["state"] for item in items if item.get("step") == "velocity"] == [
        "waiting",
        "running",
        "done",
    ]


@needs_data
def test_the_journal_and_the_log_tell_what_happened(finished):
    folder = finished[0]
    value = json.loads((folder / "mintpy_job.json").read_text())
    assert value["status"] == "completed"
    assert {"job_id", "status", "script", "log"} <= set(value)
    record = MintpyJob.read(folder).step("invert_network")
    assert set(record.files) == {"timeseries.h5", "temporalCoherence.h5", "numInvIfgram.h5", "maskTempCoh.h5"}
    assert record.options == {"mintpy.networkInversion.minTempCoh": "0.5"}
    log = (folder / "mintpy.log").read_text()
    assert "step - velocity" in log
    assert "[=>" not in log


@needs_data
def test_facts_about_the_stack_come_after_loading(finished):
    facts = next(item["stack"] for item in finished[2] if "stack" in item)
    assert (facts["rows"], facts["columns"], len(facts["pairs"]), len(facts["dates"])) == (106, 173, 30, 13)
    assert all(0 < mean < 1 for mean in facts["mean_coherence"])
    suggested = {entry["key"]: entry["value"] for entry in facts["suggested"]}
    assert 0 < suggested["mintpy.network.minCoherence"] <= 0.6
    assert 0 < suggested["mintpy.networkInversion.maskThreshold"] <= 0.6
    assert 0.3 <= suggested["mintpy.reference.minCoherence"] <= 0.85


@needs_data
def test_a_second_run_is_not_led_astray_by_leftovers(copied, expected):
    (copied / "exclude_date.txt").write_text("20180319\n20180412\n20180506\n")
    (copied / "reference_date.txt").write_text("20180319\n")
    shutil.copy(copied / "timeseries.h5", copied / "timeseries_ERA5_demErr.h5")
    (copied / "notes.txt").write_text("mine")
    mintpy_run.run(RunAnalysis(str(copied)), RunContext())
    _assert_expected(copied, expected)
    assert not (copied / "timeseries_ERA5_demErr.h5").exists()
    assert (copied / ".insarhub_previous" / "timeseries_ERA5_demErr.h5").is_file()
    assert (copied / "notes.txt").read_text() == "mine"


@needs_data
def test_single_steps_can_be_repeated(copied, expected):
    before = (copied / "timeseries_demErr.h5").stat().st_mtime_ns
    mintpy_run.run(
        RunAnalysis(str(copied), steps=("velocity",), options="mintpy.timeFunc.polynomial = 2"), RunContext()
    )
    with h5py.File(copied / "velocity.h5") as file:
        assert "acceleration" in file or "poly2" in file
    assert (copied / "timeseries_demErr.h5").stat().st_mtime_ns == before
    mintpy_run.run(
        RunAnalysis(str(copied), steps=("velocity",), options="mintpy.timeFunc.polynomial = auto"),
        RunContext(),
    )
    _assert_expected(copied, expected)


@needs_data
def test_a_changed_option_tells_where_to_start(copied):
    config = MintpyConfig.read(copied / ".mintpy.cfg")
    job_file = MintpyJob.read(copied)
    assert job_file.first_outdated_step(config.effective_values()) is None
    config.set("mintpy.networkInversion.minTempCoh", "0.6")
    assert job_file.first_outdated_step(config.effective_values()) == "invert_network"


# --- Interruptions -------------------------------------------------------------------------------------


def _cancel_in(step: str, share: float = 0.0) -> RunContext:
    """A context that cancels once ``step`` has been running for ``share`` seconds."""
    begun: list[float] = []

    def item(values):
        if values.get("step") == step and values["state"] == "running":
            begun.append(time.monotonic())

    return RunContext(item=item, is_cancelled=lambda: bool(begun) and time.monotonic() - begun[0] > share)


@needs_data
@pytest.mark.parametrize(("step", "seconds"), [("invert_network", 1.0), ("reference_date", 1.5)])
def test_cancel_inside_a_step_then_go_on(copied, expected, step, seconds):
    with pytest.raises(Cancelled):
        mintpy_run.run(RunAnalysis(str(copied), resume=False), _cancel_in(step, seconds))
    states = _states(copied)
    assert states[step] == "cancelled"
    assert states["velocity"] == "not_run"
    assert not (copied / "velocity.h5").exists()
    items: list[dict] = []
    mintpy_run.run(RunAnalysis(str(copied)), RunContext(item=items.append))
    assert {item["step"] for item in items if item.get("state") == "running"} & {"load_data", step} == {step}
    _assert_expected(copied, expected)


def _start_engine(folder: Path, **parameters) -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, "-I", str(LAUNCH), "engine", "run-analysis"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
    )  # fmt: skip
    message = {"protocol": 1, "cancel_on_eof": True, "parameters": {"job_folder": str(folder), **parameters}}
    process.stdin.write(json.dumps(message) + "\n")
    process.stdin.flush()
    return process


def _finish_engine(process: subprocess.Popen) -> dict:
    # stdin has to stay open until the end: closing it cancels.
    output = process.stdout.read()
    process.communicate(timeout=HANG_S)
    return json.loads(output.splitlines()[-1])


@needs_data
def test_kill_the_engine_at_random_moments_then_go_on(copied, expected):
    moments = np.random.default_rng().uniform(0.5, 14.0, int(os.environ.get("INSARHUB_KILLS", "3")))
    print("killed after", moments.round(2).tolist(), "s")
    for number, seconds in enumerate(moments):
        process = _start_engine(copied, resume=number > 0)
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert MintpyJob.read(copied).status in ("running", "completed")
    last = _finish_engine(_start_engine(copied))
    assert last["type"] == "result", last
    _assert_expected(copied, expected)


@needs_data
@pytest.mark.skipif(sys.platform == "win32", reason="process groups")
def test_a_killed_engine_leaves_no_step_behind(job, options):
    process = _start_engine(job, options=options)

    def child() -> int | None:
        return MintpyJob.read(job).step("load_data").child_pid if (job / "mintpy_job.json").exists() else None

    wait_until(lambda: child() is not None, "the first step")
    pid = child()
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), "the end of the step")


@needs_data
def test_a_damaged_stack_is_loaded_again(copied, expected):
    job_file = MintpyJob.read(copied)
    job_file.status = "running"
    job_file.step("reference_point").state = "running"
    job_file.write()
    with (copied / "inputs" / "ifgramStack.h5").open("r+b") as file:
        file.truncate(20000)
    mintpy_run.run(RunAnalysis(str(copied)), RunContext())
    _assert_expected(copied, expected)


@needs_data
def test_two_runs_in_one_folder_refuse(job):
    with analysis_lock(job):
        assert running_analysis(job)["pid"] == os.getpid()
        last = _finish_engine(_start_engine(job))
    assert last["code"] == "analysis.already_running"
    assert last["fields"]["pid"] == os.getpid()
    assert running_analysis(job) is None


# --- Failures ------------------------------------------------------------------------------------------


@needs_data
def test_a_failed_step_has_its_cause_and_the_rest_is_not_run(copied, expected):
    with pytest.raises(InsarError) as caught:
        mintpy_run.run(
            RunAnalysis(str(copied), steps=("invert_network", "correct_topography"), options="mintpy.networkInversion.minNumPixel = 99999999"),
            RunContext(),
        )  # fmt: skip
    assert caught.value.code == "analysis.too_few_pixels"
    assert caught.value.fields["pixels"] == "99999999"
    states = _states(copied)
    assert (states["invert_network"], states["correct_topography"], states["velocity"]) == (
        "failed",
        "not_run",
        "not_run",
    )
    assert MintpyJob.read(copied).error["code"] == "analysis.too_few_pixels"
    mintpy_run.run(
        RunAnalysis(str(copied), options="mintpy.networkInversion.minNumPixel = auto"), RunContext()
    )
    _assert_expected(copied, expected)


@needs_data
def test_a_reference_point_outside_the_data(copied):
    with pytest.raises(InsarError) as caught:
        mintpy_run.run(
            RunAnalysis(str(copied), steps=("reference_point",), options="mintpy.reference.yx = 5000,2"),
            RunContext(),
        )
    assert caught.value.code == "analysis.reference_outside"


@needs_data
def test_bad_options_change_nothing(job):
    before = (job / ".mintpy.cfg").read_bytes()
    for text, code in (
        ("mintpy.deramp = cubic", "mintpy.option_invalid"),
        ("mintpy.deramp linear", "mintpy.line_malformed"),
        ("mintpy.derampp = linear", "mintpy.option_unknown"),
    ):
        with pytest.raises(InsarError) as caught:
            mintpy_run.run(RunAnalysis(str(job), options=text), RunContext())
        assert caught.value.code == code
    assert (job / ".mintpy.cfg").read_bytes() == before
    assert not (job / "mintpy_job.json").exists()


@needs_data
def test_a_malformed_config_names_the_line(job):
    path = job / ".mintpy.cfg"
    path.write_text("mintpy.plot = no\nwhat is this\n" + path.read_text())
    with pytest.raises(InsarError) as caught:
        mintpy_run.run(RunAnalysis(str(job)), RunContext())
    assert caught.value.code == "mintpy.config_invalid"
    assert caught.value.fields["line"] == 2


@needs_data
def test_steps_need_what_comes_before_them(job, options):
    with pytest.raises(InsarError) as caught:
        mintpy_run.run(RunAnalysis(str(job), steps=("velocity",), options=options), RunContext())
    assert caught.value.code == "analysis.step_not_ready"
    assert caught.value.fields["missing"] == "timeseries.h5"
    with pytest.raises(InsarError) as caught:
        mintpy_run.run(RunAnalysis(str(job), steps=("inversion",)), RunContext())
    assert caught.value.code == "analysis.unknown_step"


def test_a_folder_that_was_not_prepared(tmp_path):
    with pytest.raises(InsarError) as caught:
        mintpy_run.run(RunAnalysis(str(tmp_path)), RunContext())
    assert caught.value.code == "analysis.not_prepared"
    write_initial_config(tmp_path, {"unw_phase", "corr", "dem"}, "hyp3", inputs_changed=True)
    with pytest.raises(InsarError) as caught:
        mintpy_run.run(
            RunAnalysis(str(tmp_path), options="mintpy.troposphericDelay.method = no"), RunContext()
        )
    assert caught.value.code == "analysis.not_prepared"
    assert caught.value.fields["missing"] == "mintpy.load.unwFile"


def test_the_weather_correction_asks_for_a_key_first(tmp_path):
    config = MintpyConfig("")
    key_file = tmp_path / "rc"
    environment = {"CDSAPI_RC": str(key_file)}
    with pytest.raises(InsarError) as caught:
        check_weather_service(tmp_path, config, environment)
    assert caught.value.code == "era5.no_key"
    assert "height_correlation" in caught.value.fields["choices"]
    key_file.write_text("url: https://example.org\nkey: abc\n")
    assert check_weather_service(tmp_path, config, environment) is None
    key_file.unlink()
    (tmp_path / "ERA5").mkdir()
    (tmp_path / "ERA5" / "ERA5_20180106_01.grb").write_bytes(b"x")
    assert check_weather_service(tmp_path, config, environment) == "era5.only_existing_files"
    config.set("mintpy.troposphericDelay.method", "no")
    assert check_weather_service(tmp_path, config, {}) is None


@pytest.mark.skipif(sys.platform == "win32", reason="advisory locks")
def test_what_a_step_writes_is_locked(tmp_path, monkeypatch):
    """Layers and exports tell by the lock that a file is being written, whatever the user's own environment says."""
    import fcntl

    monkeypatch.setenv("HDF5_USE_FILE_LOCKING", "FALSE")
    path = tmp_path / "timeseries.h5"
    script = (
        "import sys\nfrom mintpy.objects import timeseries\n"
        "import h5py\nfile = h5py.File(sys.argv[1], 'w'); print('open', flush=True); sys.stdin.read()\n"
    )
    environment = mintpy_run.step_environment(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as writer:
        assert writer.stdout.readline().strip() == b"open"
        with path.open("rb") as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        writer.stdin.close()


def test_perfect_unwrapping_does_not_stop_the_overview(tmp_path, capsys):
    from mintpy.utils import plot

    from insarhub_qgis.engine.mintpy_step import _skip_empty_histogram

    path = tmp_path / "numTriNonzeroIntAmbiguity.h5"
    with h5py.File(path, "w") as file:
        file["mask"] = np.zeros((8, 9), np.float32)
        file.attrs.update({"FILE_TYPE": "mask", "LENGTH": "8", "WIDTH": "9", "ORBIT_DIRECTION": "ASCENDING"})
    original = plot.plot_num_triplet_with_nonzero_integer_ambiguity
    with pytest.raises(ValueError, match="bins"):
        original(str(path))
    try:
        _skip_empty_histogram()
        plot.plot_num_triplet_with_nonzero_integer_ambiguity(str(path))
    finally:
        plot.plot_num_triplet_with_nonzero_integer_ambiguity = original
    assert not path.with_suffix(".png").exists()


# --- Files between the steps ---------------------------------------------------------------------------


def _series(path: Path, values: np.ndarray) -> None:
    with h5py.File(path, "w") as file:
        file["timeseries"] = values


def test_files_changed_in_place_come_back(tmp_path):
    workspace = MintpyWorkspace(tmp_path)
    values = np.arange(24.0).reshape(2, 3, 4)
    for name in ("timeseries.h5", "timeseries_demErr.h5", "timeseriesResidual.h5"):
        _series(tmp_path / name, values)
    workspace.protect(STEP_BY_NAME["reference_date"])
    _series(tmp_path / "timeseries.h5", values - values[1])
    (tmp_path / "timeseries_demErr.h5").write_bytes(b"half")
    (tmp_path / "timeseriesResidual.h5").unlink()
    assert workspace.restore() == ["timeseries.h5", "timeseries_demErr.h5"]
    for name in ("timeseries.h5", "timeseries_demErr.h5"):
        with h5py.File(tmp_path / name) as file:
            np.testing.assert_array_equal(file["timeseries"][:], values)
    assert workspace.restore() == []


def test_copies_that_were_cut_short_are_not_used(tmp_path):
    workspace = MintpyWorkspace(tmp_path)
    _series(tmp_path / "timeseries.h5", np.ones((2, 3, 4)))
    workspace.protect(STEP_BY_NAME["reference_date"])
    (tmp_path / ".insarhub_run" / "before" / "complete").unlink()
    (tmp_path / ".insarhub_run" / "before" / "timeseries.h5").write_bytes(b"half")
    assert workspace.restore() == []
    assert stack_is_whole(tmp_path / "timeseries.h5") is False
    with h5py.File(tmp_path / "timeseries.h5") as file:
        assert file["timeseries"].shape == (2, 3, 4)


def test_what_steps_put_into_the_stack_is_taken_out(tmp_path):
    path = tmp_path / "ifgramStack.h5"
    with h5py.File(path, "w") as file:
        file["unwrapPhase"] = file["unwrapPhase_bridging"] = np.ones((2, 3, 4), np.float32)
        file["date"] = np.array([["20180106", "20180130"], ["20180130", "20180211"]], dtype="S8")
        file["bperp"], file["dropIfgram"] = np.zeros(2), np.ones(2, bool)
        file.attrs.update({"LENGTH": "3", "WIDTH": "4", "REF_Y": "1", "REF_X": "2"})
    assert undo_stack_changes(path, "correct_unwrap_error")
    with h5py.File(path) as file:
        assert "unwrapPhase_bridging" not in file
        assert file.attrs["REF_Y"] == "1"
    assert undo_stack_changes(path, "reference_point")
    with h5py.File(path, "r+") as file:
        assert "REF_Y" not in file.attrs
        del file["dropIfgram"]
    assert not undo_stack_changes(path, "reference_point")


def test_one_generation_of_earlier_results_is_kept(tmp_path):
    workspace = MintpyWorkspace(tmp_path)
    for content in (b"first", b"second"):
        (tmp_path / "velocity.h5").write_bytes(content)
        assert workspace.set_aside(["velocity"], start_new=True) == ["velocity.h5"]
    assert (tmp_path / ".insarhub_previous" / "velocity.h5").read_bytes() == b"second"
    assert workspace.set_aside(["velocity"], start_new=True) == []
    assert (tmp_path / ".insarhub_previous" / "velocity.h5").is_file()

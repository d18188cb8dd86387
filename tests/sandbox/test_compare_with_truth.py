# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.requests import CompareWithTruth, DemoReport, Simulate
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.sandbox import compare_with_truth, demo_report, simulate
from insarhub_qgis.sandbox.truth import read_truth
from tests.makers.sandbox_inversion import analyse

SIZE = {"width": 80, "height": 64, "dates": 31, "connections": 3}


def analysed(folder: Path, **values) -> tuple[Path, Path]:
    answer = simulate.run(Simulate(output_folder=str(folder), **{**SIZE, **values}), RunContext())
    analyse(Path(answer["products_folder"]), folder / "job")
    return folder / "job", Path(answer["truth_file"])


@pytest.fixture(scope="module")
def noisy(tmp_path_factory):
    return analysed(tmp_path_factory.mktemp("noisy"))


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    return analysed(tmp_path_factory.mktemp("quiet"), noise=False)


def figures_of(job: Path, truth: Path) -> dict:
    request = CompareWithTruth(job_folder=str(job), truth_file=str(truth))
    return compare_with_truth.run(request, RunContext())


def test_without_noise_the_truth_comes_back(quiet):
    figures = figures_of(*quiet)
    assert figures["rmse_mm_per_year"] < 0.01
    assert abs(figures["bias_mm_per_year"]) < 0.01
    assert figures["predicted_rmse_mm_per_year"] == 0
    assert figures["slope"] == pytest.approx(1, abs=1e-4)
    assert figures["true_minimum_mm_per_year"] < -40


def test_with_noise_the_error_is_what_the_noise_predicts(noisy):
    figures = figures_of(*noisy)
    ratio = figures["rmse_mm_per_year"] / figures["predicted_rmse_mm_per_year"]
    assert 1 / 1.5 < ratio < 1.5
    assert abs(figures["bias_mm_per_year"]) < 3 * figures["predicted_bias_sigma_mm_per_year"]
    assert figures["predicted_turbulence_mm_per_year"] > 1
    assert figures["dates_used"] == 31
    parts = ("turbulence", "stratified", "decorrelation", "elevation_error")
    total = sum(figures[f"predicted_{part}_mm_per_year"] ** 2 for part in parts)
    assert total**0.5 == pytest.approx(figures["predicted_rmse_mm_per_year"], rel=1e-3)


def changed(job: Path, folder: Path, change) -> Path:
    copy = folder / "job"
    shutil.copytree(job, copy)
    with h5py.File(copy / "velocity.h5", "r+") as file:
        file["velocity"][:] = change(file["velocity"][:])
    return copy


def test_a_constant_is_the_reference_pixels_and_is_reported(quiet, tmp_path):
    job, truth = quiet
    copy = tmp_path / "job"
    shutil.copytree(job, copy)
    with h5py.File(copy / "velocity.h5", "r+") as file:
        values = file["velocity"][:] + 0.004
        values[6, 5] = 0.0
        file["velocity"][:] = values
    figures = figures_of(copy, truth)
    assert figures["reference_offset_mm_per_year"] == pytest.approx(4, abs=0.02)
    assert figures["bias_mm_per_year"] == pytest.approx(0, abs=0.02)
    assert figures["rmse_at_reference_mm_per_year"] == pytest.approx(4, abs=0.05)


def test_wrong_scale_and_wrong_sign_are_not_hidden(quiet, tmp_path):
    job, truth = quiet
    scaled = figures_of(changed(job, tmp_path / "a", lambda v: 0.8 * v), truth)
    assert scaled["slope"] == pytest.approx(0.8, abs=0.01)
    assert scaled["bias_deforming_mm_per_year"] > 0.5
    assert scaled["rmse_mm_per_year"] > 1
    flipped = figures_of(changed(job, tmp_path / "b", lambda v: -v), truth)
    assert flipped["correlation"] < -0.99


def test_excluded_dates_are_excluded_from_the_truth_too(quiet, tmp_path):
    job, truth_file = quiet
    truth = read_truth(truth_file)
    copy = tmp_path / "job"
    shutil.copytree(job, copy)
    excluded = [5, 20, 28]
    kept = np.array([index not in excluded for index in range(31)])
    (copy / "exclude_date.txt").write_text("".join(f"{truth.dates[i]:%Y%m%d}\n" for i in excluded))
    with h5py.File(copy / "timeseries.h5") as series, h5py.File(copy / "velocity.h5", "r+") as file:
        values = series["timeseries"][:].astype(float)[kept]
        slope = np.polyfit(truth.years[kept], values.reshape(values.shape[0], -1), 1)[0]
        difference = np.abs(slope.reshape(values.shape[1:]) - file["velocity"][:]).max()
        file["velocity"][:] = slope.reshape(values.shape[1:])
    assert difference > 1e-4, "the step and the seasonal term make the dates matter"
    figures = figures_of(copy, truth_file)
    assert figures["dates_used"] == 28
    assert figures["rmse_mm_per_year"] < 0.01


def test_the_prediction_counts_the_pairs_that_were_inverted(noisy, tmp_path):
    job, truth_file = noisy
    copy = tmp_path / "job"
    shutil.copytree(job, copy)
    with h5py.File(copy / "inputs" / "ifgramStack.h5", "r+") as file:
        pairs = file["date"][:]
        days = sorted(set(pairs.ravel()))
        neighbours = [days.index(second) - days.index(first) == 1 for first, second in pairs]
        file["dropIfgram"][:] = neighbours
    assert sum(neighbours) == 30
    key = "predicted_decorrelation_mm_per_year"
    assert figures_of(copy, truth_file)[key] > 1.05 * figures_of(job, truth_file)[key]


def test_a_job_of_other_dates_is_refused(noisy, tmp_path):
    job, truth_file = noisy
    copy = tmp_path / "job"
    shutil.copytree(job, copy)
    with h5py.File(copy / "inputs" / "ifgramStack.h5", "r+") as file:
        days = file["date"][:]
        days[0, 0] = b"19990101"
        file["date"][:] = days
    with pytest.raises(InsarError, match=r"compare\.dates") as caught:
        figures_of(copy, truth_file)
    assert caught.value.fields["dates"] == ["19990101"]


def test_missing_or_foreign_results_are_named(quiet, tmp_path):
    job, truth = quiet
    with pytest.raises(InsarError, match=r"compare\.no_velocity"):
        figures_of(tmp_path, truth)
    copy = tmp_path / "moved"
    shutil.copytree(job, copy)
    with h5py.File(copy / "velocity.h5", "r+") as file:
        file.attrs["X_FIRST"] = "100.0"
    with pytest.raises(InsarError, match=r"compare\.grid"):
        figures_of(copy, truth)
    copy = tmp_path / "empty"
    shutil.copytree(job, copy)
    with h5py.File(copy / "maskTempCoh.h5", "r+") as file:
        file["mask"][:] = False
    with pytest.raises(InsarError, match=r"compare\.too_few_pixels"):
        figures_of(copy, truth)


def test_report_with_truth(noisy, tmp_path):
    job, truth = noisy
    request = DemoReport(
        demo_folder=str(tmp_path),
        job_folder=str(job),
        truth_file=str(truth),
        wall_seconds=12.5,
        pictures=(str(tmp_path / "screenshot.png"),),
    )
    answer = demo_report.run(request, RunContext())
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    wanted = {"rmse_mm_per_year", "predicted_rmse_mm_per_year", "bias_mm_per_year", "wall_seconds"}
    assert wanted <= set(report)
    assert report["wall_seconds"] == 12.5
    assert report == answer["figures"]
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 5
    assert "there is no file screenshot.png" in page
    assert "http" not in page
    names = {path.name for path in (tmp_path / "pictures").iterdir()}
    assert names == {
        "velocity_recovered.png",
        "velocity_true.png",
        "velocity_difference.png",
        "velocity_scatter.png",
        "series.png",
    }


def test_report_of_real_products_needs_no_truth(noisy, tmp_path):
    job, _ = noisy
    demo_report.run(
        DemoReport(demo_folder=str(tmp_path), job_folder=str(job), wall_seconds=3.0), RunContext()
    )
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["minimum_mm_per_year"] < -30
    assert "rmse_mm_per_year" not in report
    assert "Line-of-sight velocity from" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_report_text_is_escaped(tmp_path):
    demo_report.write_report(tmp_path, {"<b>": "a & b"}, [tmp_path / "<x>.png"])
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<b>" not in page
    assert "a &amp; b" in page
    assert "&lt;x&gt;" in page


def test_the_filter_is_read_from_the_products(tmp_path):
    assert compare_with_truth.filter_strength(tmp_path) == 0
    (tmp_path / "clip").mkdir()
    for name, is_filtered, strength in (("a", "yes", 0.4), ("b", "no", 0.9), ("c", "yes", 0.6)):
        text = f"INSAR phase filter: {is_filtered}\nPhase filter parameter: {strength}\n"
        (tmp_path / "clip" / f"{name}.txt").write_text(text, encoding="utf-8")
    assert compare_with_truth.filter_strength(tmp_path) == 0.6

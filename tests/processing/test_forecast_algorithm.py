# SPDX-License-Identifier: GPL-2.0-or-later
"""Checking a forecast by its algorithm: the table, the report, what is said, and what bad input says."""

from __future__ import annotations

import re
import shutil
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from tests.makers.forecast_job_process import write_forecast_job
from tests.makers.printed_sentences import Heard

PAIRS = 10


@pytest.fixture(scope="module")
def made(engine, tmp_path_factory):
    return write_forecast_job(engine, tmp_path_factory.mktemp("forecast") / "job é")


@pytest.fixture
def job(made, tmp_path):
    folder = tmp_path / made.name
    shutil.copytree(made, folder)
    return folder


def rows_of(layer):
    names = [field.name() for field in layer.fields()]
    return [dict(zip(names, feature.attributes())) for feature in layer.getFeatures()]


def check(run, job, tmp_path, feedback=None):
    values = {"JOB_FOLDER": str(job), "OUTPUT": "memory:", "HTML": str(tmp_path / "page.html")}
    return run("forecastcheck", values, feedback)


def test_forecastcheck_gives_a_row_per_pair(run, job, tmp_path):  # insarhub:forecastcheck
    heard = Heard()
    answer = check(run, job, tmp_path, heard)
    rows = rows_of(answer["OUTPUT"])
    assert len(rows) == answer["PAIRS"] == PAIRS
    first = rows[0]
    assert (first["reference_date"].toString("yyyyMMdd"), first["dt_days"]) == ("20210104", 12)
    assert first["decay_source"] == "s1_pixel"
    assert (
        first["exp_combined"] == first["exp_s1_pixel"] != first["exp_landcover"] != first["exp_climatology"]
    )
    for row in rows:
        assert 0 < row["observed_p25"] <= row["observed"] < 1
        assert row["difference"] == pytest.approx(row["exp_combined"] - row["observed"], abs=1e-5)
        assert 0 <= row["score"] <= 100
        assert row["product"].startswith("S1AA_")
    assert answer["RANK_CORRELATION"] > 0.9
    assert answer["BIAS"] == pytest.approx(sorted(row["difference"] for row in rows)[4], abs=0.05)
    said = " ".join(heard.everything)
    assert "10 pairs compared: rank correlation" in said
    assert "Temporal baseline: 10 pairs" in said


class _Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs


def test_the_report_stands_alone_and_has_figures_and_plot(run, job, tmp_path):
    page = check(run, job, tmp_path)["HTML"]
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page == str(tmp_path / "page.html")
    seen = _Tags()
    seen.feed(text)
    assert not {"script", "link", "img", "iframe"} & set(seen.tags)
    assert not [value for name, value in seen.attributes if name in ("src", "href")]
    assert seen.tags.count("table") == 3
    (drawing,) = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    plot = ElementTree.fromstring(drawing)
    space = "{http://www.w3.org/2000/svg}"
    # A marker per pair and forecast, and one in the legend.
    assert len(plot.findall(f"{space}circle")) == PAIRS + 1
    assert len(plot.findall(f"{space}polygon")) == 3 * (PAIRS + 1)
    tips = [title.text for title in plot.iter(f"{space}title")]
    assert any(text.startswith("2021-01-04 → 2021-01-16, 12 d, Coherence maps") for text in tips)
    for word in ("Rank corr.", "Bias", "RMSE", "forecast green", "What to keep in mind", "0.14", "job é"):
        assert word in text, word


def test_what_is_left_out_is_said(run, job, tmp_path):
    zips = sorted(job.glob("*.zip"))
    zips[0].write_bytes(zips[0].read_bytes()[:500])
    shutil.rmtree(job / "decay_maps")
    heard = Heard()
    answer = check(run, job, tmp_path, heard)
    assert answer["PAIRS"] == PAIRS - 1
    said = " ".join(heard.everything)
    assert "is cut off" in said
    assert "There are no decay maps" in said
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Products left out" in text
    assert "There are no decay maps" in text


def test_without_products_and_area_a_sentence_says_so(refused, job, tmp_path):
    for path in job.glob("*.zip"):
        path.unlink()
    values = {"JOB_FOLDER": str(job), "OUTPUT": "memory:", "HTML": str(tmp_path / "page.html")}
    refused(
        "Check forecast: no products",
        "forecastcheck",
        values,
        kept=[job],
        words=["No HyP3 product", str(job)],
    )
    (job / "insarhub_config.json").write_text("{}", encoding="utf-8")
    refused(
        "Check forecast: no area",
        "forecastcheck",
        values,
        kept=[job],
        words=["no area of interest", str(job)],
    )
    assert not (tmp_path / "page.html").exists()


def test_two_products_have_no_figures_and_the_report_says_why(run, job, tmp_path):
    for path in sorted(job.glob("*.zip"))[2:]:
        path.unlink()
    heard = Heard()
    answer = check(run, job, tmp_path, heard)
    assert (answer["PAIRS"], answer["RANK_CORRELATION"], answer["BIAS"]) == (2, None, None)
    assert "Fewer than three pairs: no figures." in " ".join(heard.everything)
    assert "Fewer than three pairs: no figures." in (tmp_path / "page.html").read_text(encoding="utf-8")

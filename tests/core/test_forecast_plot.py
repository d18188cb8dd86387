# SPDX-License-Identifier: GPL-2.0-or-later
"""The plot and the CSV of a checked forecast."""

from __future__ import annotations

import csv
from xml.etree import ElementTree

import pytest

from insarhub_qgis.core.forecast_csv import forecast_csv
from insarhub_qgis.core.forecast_figures import FORECASTS
from insarhub_qgis.core.forecast_plot import FORECAST_STYLES, PlotPoint, PlotSeries, axis_range, scatter_svg

SPACE = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(
    ("values", "step", "wanted"),
    [
        ([0.23, 0.61], 0.1, (0.2, 0.7)),
        ([0.2, 0.7], 0.1, (0.2, 0.7)),
        ([0.65], 0.1, (0.5, 0.7)),
        ([0.6], 0.1, (0.4, 0.6)),
        ([0.02, 0.05], 0.1, (0.0, 0.2)),
        ([0.0], 0.1, (0.0, 0.2)),
        ([99.9, 100.0], 20.0, (60.0, 100.0)),
        ([], 0.1, (0.0, 1.0)),
    ],
)
def test_axes_have_whole_steps_around_all_values(values, step, wanted):
    assert axis_range(values, step) == pytest.approx(wanted)


def test_each_forecast_has_a_shape_and_a_colour_of_its_own():
    assert set(FORECAST_STYLES) == set(FORECASTS)
    assert len({style.marker for style in FORECAST_STYLES.values()}) == len(FORECASTS)
    assert len({style.colour for style in FORECAST_STYLES.values()}) == len(FORECASTS)


def test_the_one_to_one_line_runs_through_equal_values():
    points = [PlotPoint(0.3, 0.3, "on it"), PlotPoint(0.6, 0.4, "a < b & c")]
    drawing = ElementTree.fromstring(
        scatter_svg([PlotSeries("x", FORECAST_STYLES["s1_pixel"], points)], 0.1, "p", "o", "1:1")
    )
    on_line, beside, legend = drawing.findall(f"{SPACE}circle")
    (line,) = [path.get("d") for path in drawing.findall(f"{SPACE}path") if "L" in path.get("d")]
    start, end = ([float(number) for number in part.split()] for part in line[1:].split("L"))
    x, y = float(on_line.get("cx")), float(on_line.get("cy"))
    share = (x - start[0]) / (end[0] - start[0])
    assert y == pytest.approx(start[1] + share * (end[1] - start[1]), abs=0.1)
    # Right of the line and above the axis: promised more than there was.
    assert float(beside.get("cx")) > x
    assert float(beside.get("cy")) < y
    assert beside.find(f"{SPACE}title").text == "a < b & c"
    assert legend.find(f"{SPACE}title").text == "x"


def answer(expected):
    figures = {
        "count": 1,
        "rank_correlation": None,
        "correlation": None,
        "bias": None,
        "mad": None,
        "rmse": None,
        "reason": "few_pairs",
    }
    row = {
        "reference": "A",
        "secondary": "B",
        "reference_date": "2021-01-04",
        "secondary_date": "2021-01-16",
        "dt_days": 12,
        "bperp_m": None,
        "scores": {"climatology": 50.0, "combined": 50.0},
        "expected": expected,
        "observed": 0.25,
        "observed_p25": 0.125,
        "usable_share": 0.5,
        "pixels": 7,
        "product": "P",
    }
    return {
        "pairs": [row],
        "figures": {key: {"coherence": figures} for key in expected},
        "temporal_baseline": {"rank_correlation": None},
    }


@pytest.mark.parametrize(("coherence", "difference"), [(0.375, "0.125"), (None, "")])
def test_unknown_is_empty_in_the_csv_and_never_zero(coherence, difference):
    text = forecast_csv(answer({"climatology": coherence, "combined": coherence}), "/jobs/a")
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert comments[0] == "# source: /jobs/a"
    assert "rank_correlation ," in comments[2]
    (row,) = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    assert (row["expected_combined"], row["difference"]) == ("" if coherence is None else "0.375", difference)
    assert (row["bperp_m"], row["observed"], row["pixels"]) == ("", "0.25", "7")
    assert "expected_s1_pixel" not in row

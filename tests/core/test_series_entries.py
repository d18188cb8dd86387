# SPDX-License-Identifier: GPL-2.0-or-later
"""The time-series panel's arithmetic: relative to a point, zero on a date, unit, CSV."""

from __future__ import annotations

import csv
import datetime as dt

import numpy as np
import pytest

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.series_entries import SeriesEntry, SeriesView, next_name, next_style, series_csv
from insarhub_qgis.core.time_series_fit import TimeModel

DATES = tuple(dt.date(2020, 1, 1) + dt.timedelta(days=12 * n) for n in range(31))
YEARS = np.array([(date - DATES[0]).days for date in DATES]) / 365.25


def entry(name: str, rate_m_per_year: float, offset_m: float = 0.0, style: int = 0) -> SeriesEntry:
    return SeriesEntry(
        name, 500.0, 600.0, "EPSG:32614", 3, 4, offset_m + rate_m_per_year * YEARS, style=style
    )


def test_reference_reads_zero_on_all_dates_and_shifts_the_others():
    bowl, stable = entry("P1", -0.030), entry("P2", 0.004, offset_m=0.001)
    view = SeriesView(reference=stable)
    assert np.array_equal(view.shown(stable, DATES), np.zeros(31))
    np.testing.assert_allclose(view.shown(bowl, DATES), (-0.034 * YEARS - 0.001) * 1000, atol=1e-9)


def test_zero_date_moves_the_series_there():
    view = SeriesView(zero_date=DATES[10], unit="cm")
    shown = view.shown(entry("P1", 0.1), DATES)
    assert shown[10] == 0.0
    assert shown[30] == pytest.approx(10.0 * (YEARS[30] - YEARS[10]))


def test_fit_is_in_the_unit_shown_per_year():
    fit = SeriesView(unit="mm", model=TimeModel()).fit(entry("P1", -0.0123), DATES)
    assert fit.velocity[0] == pytest.approx(-12.3, abs=1e-9)
    with pytest.raises(InsarError, match="fit.not_enough_dates"):
        SeriesView(model=TimeModel()).fit(SeriesEntry("P", 0, 0, "", 0, 0, np.full(31, np.nan)), DATES)


def test_names_and_styles_fill_gaps():
    entries = [entry("P1", 0.0, style=0), entry("P3", 0.0, style=2)]
    assert next_name(entries, is_zone=False) == "P2"
    assert next_name(entries, is_zone=True) == "Z1"
    assert next_style(entries) == 1


def test_csv_has_iso_dates_points_gaps_and_header():
    values = entry("P1", 0.01).values_m.copy()
    values[2] = np.nan
    first = SeriesEntry("P1", 500.0, 600.0, "EPSG:32614", 3, 4, values)
    zone = SeriesEntry(
        "Z1", 1, 2, "EPSG:32614", None, None, values, np.full(31, 0.002), 17, "POLYGON EMPTY", 1
    )
    view = SeriesView(model=TimeModel())
    text = series_csv(DATES, [first, zone], view, {"P1": view.fit(first, DATES)}, "timeseries.h5")
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert "# unit: mm" in comments
    assert "# sign: positive toward the satellite" in comments
    rows = list(csv.reader(line for line in text.splitlines() if not line.startswith("#")))
    assert rows[0] == ["date", "P1", "P1 fit", "Z1", "Z1 spread"]
    assert rows[3][0] == DATES[2].isoformat()
    assert rows[3][1] == ""
    assert float(rows[3][2]) == pytest.approx(10 * YEARS[2], abs=1e-3)
    assert float(rows[5][4]) == 2.0

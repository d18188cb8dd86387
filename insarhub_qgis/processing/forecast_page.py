# SPDX-License-Identifier: GPL-2.0-or-later
"""How good a forecast was, as a page without anything to load: figures, plot, pairs, and what to keep in mind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from insarhub_qgis.core.forecast_figures import FORECASTS
from insarhub_qgis.core.forecast_plot import (
    COHERENCE_STEP,
    FORECAST_STYLES,
    PlotPoint,
    PlotSeries,
    scatter_svg,
)
from insarhub_qgis.host.forecast_texts import (
    COHERENCE,
    axis_titles,
    figure_rows,
    figure_titles,
    forecast_name,
    notes,
    number_text,
    pair_tip,
    pair_title,
    said,
    summary_text,
)
from insarhub_qgis.processing.base import tr
from insarhub_qgis.processing.report_page import report_page

_STYLE = (
    "body{max-width:62em}"
    "td,th{padding:3px 14px 3px 0;text-align:right;border-bottom:1px solid #ddd}"
    "td:first-child,th:first-child{text-align:left;white-space:nowrap}"
    "table{border-collapse:collapse}"
)


def forecast_page(name: str, answer: Mapping[str, Any]) -> str:
    """Give the page of a result of `core.requests.CheckForecast` for a job of that name."""
    title = tr("Forecast of {name}, checked").format(name=name)
    parts = [
        _list(said(answer["messages"])),
        f"<h2>{escape(tr('Coherence'))}</h2>",
        _figures(answer),
        scatter_svg(
            _series(answer),
            COHERENCE_STEP,
            *axis_titles(COHERENCE),
            tr("expected = observed"),
        ),
        f"<h2>{escape(tr('Classes of the scores'))}</h2>",
        _classes(answer),
        f"<h2>{escape(tr('What to keep in mind'))}</h2>",
        _list(notes()),
        f"<h2>{escape(tr('Pairs'))}</h2>",
        _pairs(answer),
    ]
    if answer["excluded"]:
        parts += [f"<h2>{escape(tr('Products left out'))}</h2>", _list(said(answer["excluded"]))]
    return report_page(title, summary_text(answer), _STYLE, "\n".join(parts))


def _series(answer: Mapping[str, Any]) -> list[PlotSeries]:
    found = []
    for key in FORECASTS:
        if key in answer["figures"]:
            points = [
                PlotPoint(row["expected"][key], row["observed"], pair_tip(row, key))
                for row in answer["pairs"]
                if row["expected"][key] is not None
            ]
            found.append(PlotSeries(forecast_name(key), FORECAST_STYLES[key], points))
    return found


def _figures(answer: Mapping[str, Any]) -> str:
    titles = figure_titles()
    rows = figure_rows(answer, COHERENCE)
    reasons = list(dict.fromkeys(reason for _, _, reason in rows if reason))
    table = _table([text for text, _ in titles], [cells for _, cells, _ in rows])
    words = [f"{text}: {tip}." for text, tip in titles[2:]]
    return table + _list(reasons) + f"<p><small>{escape(' '.join(words))}</small></p>"


def _classes(answer: Mapping[str, Any]) -> str:
    names = (tr("green"), tr("yellow"), tr("red"))
    head = [tr("Forecast"), tr("Class"), *(tr("observed {name}").format(name=name) for name in names)]
    lines = [
        [forecast_name(key), tr("forecast {name}").format(name=name), *map(str, counts)]
        for key in FORECASTS
        if key in answer["figures"]
        for name, counts in zip(names, answer["figures"][key]["classes"]["counts"])
    ]
    return _table(head, lines)


def _pairs(answer: Mapping[str, Any]) -> str:
    keys = [key for key in FORECASTS if key in answer["figures"]]
    head = [
        tr("Pair"),
        tr("Days"),
        tr("B⊥ [m]"),
        tr("Score"),
        *map(forecast_name, keys),
        tr("Observed"),
        tr("Lower quartile"),
    ]
    lines = [
        [
            pair_title(row),
            str(row["dt_days"]),
            number_text(row["bperp_m"], 0),
            number_text(row["scores"]["combined"], 1),
            *(number_text(row["expected"][key], 3) for key in keys),
            number_text(row["observed"], 3),
            number_text(row["observed_p25"], 3),
        ]
        for row in answer["pairs"]
    ]
    return _table(head, lines)


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(text)}</th>" for text in head)
    rows = "\n".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in line) + "</tr>" for line in lines
    )
    return f"<table><tr>{top}</tr>\n{rows}\n</table>"


def _list(texts: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>" if texts else ""

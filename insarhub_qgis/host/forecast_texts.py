# SPDX-License-Identifier: GPL-2.0-or-later
"""What people read about a checked forecast: its names, its figures, and what the comparison leaves open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional

from insarhub_qgis.core.decay_sources import CLIMATOLOGY, LANDCOVER, S1_PIXEL
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.forecast_figures import (
    COMBINED,
    FEW_PAIRS,
    FORECASTS,
    OBSERVED_CONSTANT,
    PREDICTED_CONSTANT,
)
from insarhub_qgis.host.counts import counted_pairs
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.host.translation import tr

CONTEXT = "Forecast"
#: Quantities that are compared, by their key in the figures.
COHERENCE, SCORE = "coherence", "score"
UNKNOWN = "–"
#: Rank correlations that differ by less are the same.
_SAME_RANK = 0.005
_MINUS = "−"


def forecast_name(key: str) -> str:
    """Give the name of a forecast."""
    return {
        S1_PIXEL: tr("Coherence maps", CONTEXT),
        LANDCOVER: tr("Land cover", CONTEXT),
        CLIMATOLOGY: tr("Latitude", CONTEXT),
        COMBINED: tr("Combined", CONTEXT),
    }[key]


def forecast_tip(key: str) -> str:
    """Say what a forecast rests on."""
    return {
        S1_PIXEL: tr("Decay fitted to the global seasonal coherence of Sentinel-1, pixel by pixel", CONTEXT),
        LANDCOVER: tr("Decay of the land cover classes of the area, from a table", CONTEXT),
        CLIMATOLOGY: tr("Decay of the latitude and season of the area, from a table", CONTEXT),
        COMBINED: tr("The first of them that knows the seasons of a pair: what the scores rest on", CONTEXT),
    }[key]


def days_name() -> str:
    """Give the name of the row that forecasts by the temporal baseline alone."""
    return tr("Temporal baseline", CONTEXT)


def days_tip() -> str:
    """Say what that row rests on."""
    return tr("The pairs ordered by their temporal baseline alone, the longest as the worst", CONTEXT)


def axis_titles(quantity: str) -> tuple[str, str]:
    """Give the titles of the predicted and of the observed axis."""
    if quantity == SCORE:
        return (
            tr("Predicted score", CONTEXT),
            tr("Score that the observed coherence earns", CONTEXT),
        )
    return tr("Expected coherence", CONTEXT), tr("Observed coherence, median of the area", CONTEXT)


def figure_titles() -> list[tuple[str, str]]:
    """Give title and tip of the columns of figures, in their order."""
    return [
        (tr("Forecast", CONTEXT), tr("What the coherence was expected from", CONTEXT)),
        (tr("Pairs", CONTEXT), tr("Pairs with both a forecast and a product", CONTEXT)),
        (
            tr("Rank corr.", CONTEXT),
            tr("Spearman's rank correlation: 1 when the pairs come in the right order", CONTEXT),
        ),
        (tr("Corr.", CONTEXT), tr("Pearson's correlation: 1 when all pairs lie on one rising line", CONTEXT)),
        (
            tr("Bias", CONTEXT),
            tr("Median of predicted minus observed; positive: the forecast promised too much", CONTEXT),
        ),
        (tr("MAD", CONTEXT), tr("Median distance of the differences from the bias", CONTEXT)),
        (
            tr("RMSE", CONTEXT),
            tr("Root mean square of predicted minus observed, with the bias in it", CONTEXT),
        ),
        (
            tr("Right class", CONTEXT),
            tr("Share of the pairs whose colour was right, of green, yellow and red", CONTEXT),
        ),
    ]


def figure_rows(answer: Mapping[str, Any], quantity: str) -> list[tuple[str, list[str], str]]:
    """Give (key, cells, why figures are missing) of each forecast in the answer of a check, and of the days alone.

    Parameters
    ----------
    answer
        Result of `core.requests.CheckForecast`.
    quantity
        `COHERENCE` or `SCORE`.
    """
    rows = []
    for key in FORECASTS:
        found = answer["figures"].get(key)
        if found is None:
            continue
        figures = found[quantity]
        digits = 1 if quantity == SCORE else 3
        agreement = found["classes"]["agreement"]
        cells = [
            forecast_name(key),
            str(figures["count"]),
            number_text(figures["rank_correlation"], 2),
            number_text(figures["correlation"], 2),
            number_text(figures["bias"], digits, has_sign=True),
            number_text(figures["mad"], digits),
            number_text(figures["rmse"], digits),
            UNKNOWN if agreement is None else f"{100 * agreement:.0f} %",
        ]
        rows.append((key, cells, reason_text(figures["reason"])))
    days = answer["temporal_baseline"]
    cells = [
        days_name(),
        str(days["count"]),
        number_text(days["rank_correlation"], 2),
        number_text(days["correlation"], 2),
        *[UNKNOWN] * 4,
    ]
    rows.append(("", cells, reason_text(days["reason"])))
    return rows


def reason_text(reason: Optional[str]) -> str:
    """Say why figures are missing; empty when none is."""
    return {
        None: "",
        FEW_PAIRS: tr("Fewer than three pairs: no figures.", CONTEXT),
        PREDICTED_CONSTANT: tr("The forecast is the same for all pairs: no correlation.", CONTEXT),
        OBSERVED_CONSTANT: tr("All pairs show the same coherence: no correlation.", CONTEXT),
    }[reason]


def number_text(value: Optional[float], digits: int, *, has_sign: bool = False) -> str:
    """Give a figure with a typographic minus; a dash when it is not known."""
    if value is None:
        return UNKNOWN
    text = f"{value:+.{digits}f}" if has_sign else f"{value:.{digits}f}"
    return text.replace("-", _MINUS)


def pair_title(row: Mapping[str, Any]) -> str:
    """Give the two days of a pair."""
    return f"{row['reference_date']} → {row['secondary_date']}"


def pair_tip(row: Mapping[str, Any], key: str, quantity: str = COHERENCE) -> str:
    """Say what was forecast for a pair and what it shows, in one line."""
    values = {"pair": pair_title(row), "days": row["dt_days"], "name": forecast_name(key)}
    observed = number_text(row["observed"], 2)
    if quantity == SCORE:
        return tr("{pair}, {days} d, {name}: score {score}, coherence {observed}", CONTEXT).format(
            score=number_text(row["scores"].get(key), 1), observed=observed, **values
        )
    return tr("{pair}, {days} d, {name}: expected {expected}, observed {observed}", CONTEXT).format(
        expected=number_text(row["expected"].get(key), 2), observed=observed, **values
    )


def summary_text(answer: Mapping[str, Any]) -> str:
    """Say in a sentence or two how good the combined forecast was."""
    figures = answer["figures"][COMBINED][COHERENCE]
    days = answer["temporal_baseline"]["rank_correlation"]
    if figures["rank_correlation"] is None:
        return tr("{pairs} compared.", CONTEXT).format(pairs=counted_pairs(figures["count"])) + (
            f" {reason_text(figures['reason'])}" if figures["reason"] else ""
        )
    text = tr("{pairs} compared: rank correlation {rank}, bias {bias}.", CONTEXT).format(
        pairs=counted_pairs(figures["count"]),
        rank=number_text(figures["rank_correlation"], 2),
        bias=number_text(figures["bias"], 3, has_sign=True),
    )
    if days is None:
        return text
    gain = figures["rank_correlation"] - days
    if abs(gain) < _SAME_RANK:
        more = tr("The temporal baseline alone does as well ({rank}).", CONTEXT)
    elif gain > 0:
        more = tr("The temporal baseline alone does worse ({rank}).", CONTEXT)
    else:
        more = tr("The temporal baseline alone does better ({rank}).", CONTEXT)
    return f"{text} {more.format(rank=number_text(days, 2))}"


def notes() -> list[str]:
    """Say what sets the forecast and the observation apart, whatever the figures are."""
    return [
        tr(
            "Expected is the median of the decay model over the area; observed is the median of the product's coherence over "
            "its valid pixels there, without water where the product has a mask.",
            CONTEXT,
        ),
        tr(
            "A product estimates coherence in a window of few looks, and such estimates are too high where there is little: "
            "with 40 independent looks about 0.14 is left where there is none. The forecast has no such floor, so that its "
            "bias is negative there.",
            CONTEXT,
        ),
        tr(
            "The coherence of INSAR_GAMMA products is estimated before the phase filter; that of burst products comes from "
            "the filtered interferogram and is higher. The maps were made with other windows, from pairs of December 2019 to "
            "November 2020.",
            CONTEXT,
        ),
        tr(
            "Bias, MAD and RMSE mix these differences with the error of the forecast; the rank correlation is touched least. "
            "A selection of pairs needs the right order. A forecast that orders the pairs no better than the temporal "
            "baseline alone tells nothing that the days do not.",
            CONTEXT,
        ),
        tr(
            "Pairs that share a date are not independent: the figures are less certain than their number of pairs suggests.",
            CONTEXT,
        ),
    ]


def said(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """Give the sentences of the messages or exclusions of an answer, each once."""
    return list(dict.fromkeys(sentence(InsarError.from_json(entry)) for entry in entries))

# SPDX-License-Identifier: GPL-2.0-or-later
"""A checked forecast as CSV: the figures in comment lines, then one row per pair."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from insarhub_qgis.core.forecast_figures import COMBINED, FORECASTS

_FIGURES = ("count", "rank_correlation", "correlation", "bias", "mad", "rmse")


def forecast_csv(answer: Mapping[str, Any], source: str) -> str:
    """Give the result of a `core.requests.CheckForecast` as CSV.

    Decimal point and comma always, so that every program reads it alike; unknown is empty.

    Parameters
    ----------
    source
        Job folder, for the first line.
    """
    keys = [key for key in FORECASTS if key in answer["figures"]]
    out = io.StringIO()
    out.write(f"# source: {source}\n# difference: expected (combined) minus observed\n")
    for key in keys:
        figures = answer["figures"][key]["coherence"]
        out.write(f"# {key}: {', '.join(f'{name} {_text(figures[name])}' for name in _FIGURES)}\n")
    rank = answer["temporal_baseline"]["rank_correlation"]
    out.write(f"# temporal baseline alone: rank_correlation {_text(rank)}\n")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        [
            "reference",
            "secondary",
            "reference_date",
            "secondary_date",
            "dt_days",
            "bperp_m",
            "score",
            *(f"expected_{key}" for key in keys),
            "observed",
            "observed_p25",
            "usable_share",
            "difference",
            "pixels",
            "product",
        ]
    )
    for row in answer["pairs"]:
        combined = row["expected"][COMBINED]
        difference = None if combined is None else combined - row["observed"]
        writer.writerow(
            [
                row["reference"],
                row["secondary"],
                row["reference_date"],
                row["secondary_date"],
                row["dt_days"],
                _text(row["bperp_m"]),
                _text(row["scores"][COMBINED]),
                *(_text(row["expected"][key]) for key in keys),
                _text(row["observed"]),
                _text(row["observed_p25"]),
                _text(row["usable_share"]),
                _text(difference),
                row["pixels"],
                row["product"],
            ]
        )
    return out.getvalue()


def _text(value: float | None) -> str:
    return "" if value is None else f"{round(value, 6):g}"

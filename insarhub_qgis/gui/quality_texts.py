# SPDX-License-Identifier: GPL-2.0-or-later
"""Words of the pair quality: factors, inputs, sources and reasons, and what the state of a pair database means."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterable, Sequence
from datetime import date

import numpy as np
from qgis.PyQt.QtCore import QCoreApplication

from insarhub_qgis.core import date_inputs, decay_sources, pair_database, pair_explanation, pair_score
from insarhub_qgis.core import pair_table_files as files
from insarhub_qgis.core.pair_database import PairTable, PairVerdict
from insarhub_qgis.core.pair_explanation import Explanation, Factor
from insarhub_qgis.host.counts import counted_dates, counted_pairs

UNKNOWN, MINUS = "–", "−"
#: Less is nothing, rounded.
LEAST_POINTS = 0.05
#: Characters of a line of a tip.
TIP_CHARACTERS = 52


def tr(text: str) -> str:
    return QCoreApplication.translate("PairQuality", text)


def preset_text(preset: str) -> str:
    return {
        pair_score.STANDARD: tr("Standard"),
        pair_score.ARID: tr("Arid"),
        pair_score.COLD: tr("Cold regions"),
        pair_score.TROPICS: tr("Tropics, vegetation"),
        pair_score.COHERENCE_ONLY: tr("Coherence only"),
        pair_database.OWN_WEIGHTS: tr("Own weights"),
    }[preset]


def weight_text(name: str) -> str:
    """Name a weight by its field in `ScoreWeights`."""
    return {
        "rain": tr("Rain"),
        "snow_change": tr("Snow cover change"),
        "dry_snow": tr("Dry snow"),
        "freeze_thaw": tr("Freeze and thaw"),
        "vegetation": tr("Vegetation change"),
        "fire": tr("Fire"),
    }[name]


def weight_tip(name: str) -> str:
    return {
        "rain": tr("What 30 mm of rain in the three days up to one of the dates take from the score"),
        "snow_change": tr("What a snow cover on one date alone takes from the score"),
        "dry_snow": tr("What a full cover of cold snow takes from the score"),
        "freeze_thaw": tr("What ground that is frozen on one date alone takes from the score"),
        "vegetation": tr("What a change of the vegetation index by 0.4 takes from the score"),
        "fire": tr("What a fire on a tenth of the area takes from the score"),
    }[name]


def factor_text(name: str) -> str:
    """Name a factor of a score."""
    return {
        pair_explanation.COHERENCE: tr("Expected coherence"),
        pair_score.GEOMETRIC: tr("Perpendicular baseline"),
        pair_score.RAIN_1: tr("Rain before the earlier date"),
        pair_score.RAIN_2: tr("Rain before the later date"),
        pair_score.SNOW_CHANGE: tr("Snow cover change"),
        pair_score.DRY_SNOW: tr("Dry snow"),
        pair_score.FREEZE_THAW: tr("Freeze and thaw"),
        pair_score.VEGETATION: tr("Vegetation change"),
        pair_score.FIRE: tr("Burned area"),
    }[name]


def missing_text(name: str) -> str:
    """Name a missing input."""
    return {
        pair_score.GEOMETRIC: tr("perpendicular baseline"),
        pair_score.RAIN_1: tr("rain before the earlier date"),
        pair_score.RAIN_2: tr("rain before the later date"),
        pair_score.SNOW_CHANGE: tr("snow cover"),
        pair_score.DRY_SNOW: tr("dry snow"),
        pair_score.FREEZE_THAW: tr("ground temperature"),
        pair_score.VEGETATION: tr("vegetation"),
        pair_score.FIRE: tr("fires"),
        pair_score.WET_SNOW_TEST: tr("temperature of the snow"),
        pair_score.DECAY: tr("expected coherence"),
    }[name]


def missing_texts(names: Iterable[str]) -> str:
    """List missing inputs."""
    return ", ".join(missing_text(name) for name in names)


def source_text(name: str) -> str:
    """Name the source of a value; several have commas between them."""
    known = {
        decay_sources.S1_PIXEL: tr("decay maps"),
        decay_sources.LANDCOVER: tr("land cover"),
        decay_sources.CLIMATOLOGY: tr("latitude and season"),
        date_inputs.ERA5: tr("ERA5 weather"),
        date_inputs.MODIS: tr("MODIS snow"),
        "modis": tr("MODIS"),
        "mod13q1": tr("MODIS"),
        pair_explanation.ORBITS: tr("orbits"),
        pair_explanation.FIRE_LIST: tr("FIRMS fires"),
    }
    return (
        ", ".join(known.get(part.strip().lower(), part.strip()) for part in name.split(",")) if name else ""
    )


def confidence_text(source: str) -> str:
    """Say how far a decay source can be trusted."""
    return {
        "normal": tr("normal confidence"),
        "low": tr("low confidence"),
        "very_low": tr("very low confidence"),
    }.get(decay_sources.CONFIDENCE.get(source, ""), "")


def service_text(name: str) -> str:
    """Name a service that a build asks, or one of its other phases."""
    return {
        files.WEATHER: tr("weather"),
        files.LANDCOVER: tr("land cover"),
        files.VEGETATION_INDEX: tr("vegetation"),
        files.SNOW_COVER: tr("snow cover"),
        files.FIRES: tr("fires"),
        "maps": tr("decay maps"),
        "pairs": tr("pairs"),
    }.get(name, name)


# --- One pair ----------------------------------------------------------------------------------------


def value_text(factor: Factor) -> str:
    """Give the values of a factor with their unit."""
    digits = {pair_explanation.MILLIMETRES: 1, pair_explanation.METRES: 0, pair_explanation.CELSIUS: 1}.get(
        factor.unit, 2
    )
    signed = "+" if factor.unit in (pair_explanation.METRES, pair_explanation.CELSIUS) else ""
    values = [f"{value:{signed}.{digits}f}" for value in factor.values]
    if factor.name == pair_score.FIRE:
        return tr("{percent} % of the area").format(percent=f"{100 * factor.values[0]:.0f}")
    text = " → ".join(values)
    return f"{text} {factor.unit}" if factor.unit else text


def lost_text(factor: Factor) -> str:
    """Give the points that a factor takes; the share when the score itself is not known."""
    if factor.points_lost is None:
        return tr("{percent} %").format(percent=f"{MINUS}{100 * (1 - factor.multiplier):.0f}")
    return f"{MINUS}{factor.points_lost:.1f}" if factor.points_lost >= LEAST_POINTS else "0"


def coherence_lines(verdict: PairVerdict) -> list[str]:
    """Say the expected coherence with its lower quartile, source and confidence."""
    if verdict.coherence is None:
        return [tr("Expected coherence unknown")]
    lines = [
        tr("Expected coherence {median}, lower quartile {p25}").format(
            median=f"{verdict.coherence:.2f}", p25=UNKNOWN if verdict.p25 is None else f"{verdict.p25:.2f}"
        )
    ]
    if verdict.source:
        text = tr("from {source}, {confidence}")
        lines.append(
            text.format(source=source_text(verdict.source), confidence=confidence_text(verdict.source))
        )
    return lines


def reason_text(verdict: PairVerdict, wet_dates: Sequence[date] = ()) -> str:
    """Say why a score is 0 or unknown, whatever the factors are; empty when they tell it."""
    if verdict.reason == pair_score.WET_SNOW:
        days = ", ".join(day.isoformat() for day in wet_dates)
        return tr("Wet snow on {dates}: no coherence is left").format(dates=days)
    return {
        decay_sources.WATER: tr("The area is water"),
        decay_sources.NO_PLACE: tr("Not judged yet, or the place is not known"),
    }.get(verdict.reason or "", "")


def pair_tip_lines(explanation: Explanation, expected: Collection[str]) -> list[str]:
    """Give the lines of a tip: coherence, what costs most, and what is not known.

    Parameters
    ----------
    expected
        Inputs that the build should have found; others are not named.
    """
    verdict = explanation.verdict
    lines = coherence_lines(verdict)
    reason = reason_text(verdict, explanation.wet_dates)
    if reason:
        lines.append(reason)
    for factor in explanation.largest:
        if factor.points_lost is not None and factor.points_lost < LEAST_POINTS:
            continue
        if factor.name != pair_explanation.COHERENCE:
            lines.append(
                tr("{factor} {value}: {points}").format(
                    factor=factor_text(factor.name), value=value_text(factor), points=lost_text(factor)
                )
            )
        elif factor.points_lost is not None:
            lines.append(tr("Coherence alone: {points}").format(points=lost_text(factor)))
    missing = [name for name in verdict.missing if name in expected]
    if missing:
        lines += wrapped(tr("Not known: {inputs}").format(inputs=missing_texts(missing)))
    return lines


def wrapped(text: str) -> list[str]:
    """Give a text in lines that fit into a tip."""
    return textwrap.wrap(text, TIP_CHARACTERS, subsequent_indent="    ")


def season_text(days: Sequence[int]) -> str:
    """Say how many days of a pair lie in each season; seasons without any are left out."""
    names = (tr("Dec–Feb"), tr("Mar–May"), tr("Jun–Aug"), tr("Sep–Nov"))
    parts = [tr("{n} d {months}").format(n=count, months=name) for count, name in zip(days, names) if count]
    return ", ".join(parts)


# --- The database ------------------------------------------------------------------------------------


def table_text(table: PairTable, expected: Collection[str]) -> str:
    """Say how many pairs there are, and what is not known of them.

    Parameters
    ----------
    expected
        Inputs that the build should have found; what was not asked for is not said to be missing.
    """
    pairs, dates = table.pairs, table.inputs.dates
    unknown = int(np.count_nonzero(np.isnan(pairs.score)))
    counts = counted_pairs(len(pairs))
    if unknown:
        counts += tr(", {unknown} unknown").format(unknown=unknown)
    parts = [counts]
    for name, needed, values in (
        (tr("weather"), pair_score.RAIN_1, dates.rain_mm),
        (tr("vegetation"), pair_score.VEGETATION, dates.ndvi),
    ):
        missing = int(np.count_nonzero(np.isnan(values))) if needed in expected else 0
        if missing:
            parts.append(tr("{input} missing for {dates}").format(input=name, dates=counted_dates(missing)))
    return "; ".join(parts)


def state_hint(state: str) -> str:
    """Say why a database should be completed; empty when there is nothing to do."""
    return {
        pair_database.MISSING: tr("not built yet"),
        pair_database.INCOMPLETE: tr("not complete"),
        pair_database.OUTDATED: tr("outdated: area, decay maps or program are others now"),
        pair_database.GROWN: tr("scenes were added"),
        pair_database.LACKING: tr("missing inputs may be there by now"),
    }.get(state, "")

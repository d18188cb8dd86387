# SPDX-License-Identifier: GPL-2.0-or-later
"""Words of the decay maps: seasons by their months, quantities, figures, and why a map is not there."""

from __future__ import annotations

from qgis.PyQt.QtCore import QCoreApplication, QLocale

from insarhub_qgis.core.decay_map_files import BAND_DESCRIPTIONS, INSARHUB_MAP, OUTDATED, SEASONS, UNUSABLE
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.host import messages
from insarhub_qgis.layers.decay_facts import (
    OTHER_AREA,
    OTHER_FIT,
    REAL_MAP,
    SIMULATED_MAP,
    BandFigures,
    DecayMap,
)
from insarhub_qgis.layers.styles import style_for

CONTEXT = "DecayMaps"
G_INF, G_0, TAU = BAND_DESCRIPTIONS


def tr(text: str) -> str:
    return QCoreApplication.translate(CONTEXT, text)


def season_name(season: str) -> str:
    """Give the northern name, which the dataset has everywhere."""
    return {
        "winter": tr("Winter"),
        "spring": tr("Spring"),
        "summer": tr("Summer"),
        "fall": tr("Autumn"),
    }[season]


def months_text(season: str) -> str:
    """Give e.g. ``Jun–Aug``."""
    first, _, last = SEASONS[season]
    short = QLocale.FormatType.ShortFormat
    return f"{QLocale().standaloneMonthName(first, short)}–{QLocale().standaloneMonthName(last, short)}"


def season_title(season: str) -> str:
    """Give e.g. ``Summer, Jun–Aug``; the same in both hemispheres."""
    return f"{season_name(season)}, {months_text(season)}"


def season_tip(season: str) -> str:
    months = ", ".join(QLocale().standaloneMonthName(month) for month in SEASONS[season])
    return tr(
        "{months}. Files of the dataset call these months “{season}”, also south of the equator."
    ).format(months=months, season=season)


def band_heading(kind: str) -> str:
    """Give the short name of a band, for a column and a button."""
    return {G_INF: tr("Floor g∞"), G_0: tr("Initial g₀"), TAU: tr("Decay τ")}[kind]


def band_tip(kind: str) -> str:
    return {
        G_INF: tr("Floor coherence g∞: what is left after a long time, 0 to 1"),
        G_0: tr("Initial coherence g₀: that of the shortest pairs, 0 to 1"),
        TAU: tr("Decay time τ in days: how slowly coherence falls from g₀ to g∞"),
    }[kind]


def number_text(kind: str, value: float) -> str:
    """Give a value of a band without unit; days above ten as whole numbers."""
    if kind == TAU:
        return QLocale().toString(value, "f", 0 if value >= 9.95 else 1)
    return QLocale().toString(value, "f", style_for(kind).decimals)


def value_text(kind: str, value: float) -> str:
    return f"{number_text(kind, value)} {style_for(kind).unit}".strip()


def range_text(kind: str, figures: BandFigures) -> str:
    """Give e.g. ``0.05–0.62`` or ``4–200 d``."""
    return f"{number_text(kind, figures.low)}–{value_text(kind, figures.high)}"


def size_text(size_bytes: int) -> str:
    """Give the size of a file, in kB below a tenth of a megabyte."""
    if size_bytes < 100_000:
        return tr("{size} kB").format(size=QLocale().toString(max(size_bytes / 1e3, 1.0), "f", 0))
    return tr("{size} MB").format(size=QLocale().toString(size_bytes / 1e6, "f", 1))


def resolution_text(resolution: str) -> str:
    return {"90 m": tr("90 m"), "0.01 deg": tr("0.01° (about 1 km)")}.get(resolution, resolution)


def map_mark(decay_map: DecayMap) -> str:
    """Give a word or two on a map that is not simply ours and up to date; else an empty text."""
    if decay_map.state == UNUSABLE:
        return tr("not usable")
    return {OUTDATED: tr("outdated"), INSARHUB_MAP: tr("made by InSARHub")}.get(decay_map.state, "")


def map_reason(decay_map: DecayMap) -> str:
    """Say why a map is outdated or cannot be used; empty for one that can."""
    if decay_map.problem is not None:
        return messages.sentence(decay_map.problem)
    if decay_map.state == UNUSABLE:
        return tr(
            "This map does not cover the area of the job, or is no decay map. Fetching keeps it under another name."
        )
    return {
        OTHER_AREA: tr("The map was fetched for another area than the job has now."),
        OTHER_FIT: tr("The map was made by another version of the fit."),
        SIMULATED_MAP: tr("The map holds simulated coherence of the sandbox."),
        REAL_MAP: tr("The map holds real coherence, while the sandbox is on."),
    }.get(decay_map.reason, "")


def failure_text(error: InsarError) -> str:
    """Say in a few words why a season has no map; the whole sentence is for the tooltip."""
    words = {
        "decay.no_pixel": tr("no data in the area"),
        "coherence.offline": tr("failed: no connection"),
        "coherence.slow": tr("failed: no answer in time"),
        "coherence.not_read": tr("failed: the server refused"),
        "coherence.damaged": tr("failed: the file is damaged"),
    }
    return words.get(error.code) or tr("failed: {reason}").format(reason=messages.what_happened(error))

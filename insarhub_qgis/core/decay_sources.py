# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the parameters of the decay model come from: maps, land cover, or latitude; the first that works counts."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from insarhub_qgis.core.coherence_decay import (
    SEASON_COUNT,
    DecayParameters,
    DecayStatistics,
    Ints,
    coherence_statistics,
    days_of_codes,
)
from insarhub_qgis.core.progress import IsCancelled, never_cancelled

# Runtime needs none of it, and importing it is a quarter of the start of the plugin.
if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Labels of the sources, by rank.
S1_PIXEL, LANDCOVER, CLIMATOLOGY = "s1_pixel", "landcover", "climatology"
SOURCE_LABELS = (S1_PIXEL, LANDCOVER, CLIMATOLOGY)
#: Label -> confidence to show.
CONFIDENCE = {S1_PIXEL: "normal", LANDCOVER: "low", CLIMATOLOGY: "very_low"}

#: Why no source could tell anything.
WATER, NO_PLACE = "water", "no_place"
#: An area with a larger share of water is not judged by its land.
MOST_WATER = 0.95

_TABLE_FILE = Path(__file__).with_name("decay_tables.json")
_WATER_FRACTION = "water_frac"
#: Number of a source that is none.
NO_SOURCE = -1


@lru_cache(maxsize=1)
def _tables() -> dict[str, Any]:
    tables: dict[str, Any] = json.loads(_TABLE_FILE.read_text(encoding="utf-8"))
    return tables


def landcover_fraction_names() -> dict[int, str]:
    """Give WorldCover class -> key of its fraction in the quality cache."""
    return {int(row["class"]): str(row["fraction"]) for row in _tables()["landcover"]}


def landcover_parameters(fractions: Mapping[str, float]) -> DecayParameters | None:
    """Give the classes of an area with their decay and shares, without water; None when there is no land.

    Parameters
    ----------
    fractions
        ``tree_cover_frac`` ... -> share of the valid pixels, 0..1, as in the quality cache.
    """
    rows = []
    for row in _tables()["landcover"]:
        share = fractions.get(row["fraction"])
        if row["decay"] is not None and share is not None and math.isfinite(share) and share > 0:
            rows.append((*row["decay"], share))
    if not rows:
        return None
    g_inf, g0, tau_days, shares = (np.array(column, dtype=np.float64) for column in zip(*rows))
    seasons = [np.tile(values, (SEASON_COUNT, 1)) for values in (g_inf, g0, tau_days)]
    return DecayParameters(seasons[0], seasons[1], seasons[2], weights=shares / shares.sum())


def climatology_parameters(latitude_deg: float) -> DecayParameters:
    """Give the decay of a latitude, -90..90 degrees: one place whose seasons are the local ones of each month.

    Raises
    ------
    ValueError
        For a number that is no latitude.
    """
    if not -90 <= latitude_deg <= 90:
        raise ValueError(f"{latitude_deg} is no latitude")
    distance = abs(latitude_deg)
    band = next(
        row
        for row in _tables()["climatology"]
        if ("below_deg" in row and distance < row["below_deg"])
        or ("up_to_deg" in row and distance <= row["up_to_deg"])
    )
    local = ["winter", "spring_autumn", "summer", "spring_autumn"]
    if latitude_deg < 0:
        local = local[2:] + local[:2]
    values = np.array([band[season] for season in local], dtype=np.float64)
    return DecayParameters(values[:, :1], values[:, 1:2], values[:, 2:])


@dataclass(frozen=True)
class DecaySource:
    """One source of parameters, with its label."""

    label: str
    parameters: DecayParameters


@dataclass(frozen=True)
class DecaySources:
    """The sources of an area by rank; each signature takes the first one that knows its seasons.

    Attributes
    ----------
    reason
        Why signatures that no source knows are unknown: ``water`` or ``no_place``.
    kept_fingerprint
        Of sources whose parameters are not at hand, only what was evaluated with them; empty otherwise.
    """

    sources: tuple[DecaySource, ...]
    reason: str = NO_PLACE
    kept_fingerprint: str = ""

    @classmethod
    def ranked(
        cls,
        pixels: DecayParameters | None = None,
        fractions: Mapping[str, float] | None = None,
        latitude_deg: float | None = None,
    ) -> DecaySources:
        """Rank what is there.

        Parameters
        ----------
        pixels
            Of the decay maps, by `sample_decay_maps`.
        fractions
            Land cover of the area, see `landcover_parameters`. More than 95 % water: nothing is guessed from land
            or latitude.
        latitude_deg
            Of the middle of the area.
        """
        found = [DecaySource(S1_PIXEL, pixels)] if pixels is not None and pixels.count else []
        if fractions is not None and fractions.get(_WATER_FRACTION, 0.0) > MOST_WATER:
            return cls(tuple(found), WATER)
        land = None if fractions is None else landcover_parameters(fractions)
        if land is not None:
            found.append(DecaySource(LANDCOVER, land))
        if latitude_deg is not None:
            found.append(DecaySource(CLIMATOLOGY, climatology_parameters(latitude_deg)))
        return cls(tuple(found))

    def fingerprint(self) -> str:
        """Give a text that differs when any parameter does; evaluations of equal ones are the same."""
        if self.kept_fingerprint:
            return self.kept_fingerprint
        digest = hashlib.sha256(self.reason.encode("ascii"))
        for source in self.sources:
            parameters = source.parameters
            digest.update(f"{source.label}:{parameters.area_pixels}:{parameters.count}".encode("ascii"))
            for each in (
                parameters.g_inf,
                parameters.g0,
                parameters.tau_days,
                parameters.weights,
                parameters.valid_pixels,
            ):
                digest.update(b"-" if each is None else np.ascontiguousarray(each).tobytes())
        return digest.hexdigest()[:16]


@dataclass(frozen=True)
class DecayEvaluation:
    """Figures of signatures, each evaluated once.

    Attributes
    ----------
    codes
        Signatures in rising order, shape (n,), see `signature_codes`.
    statistics
        One entry per code.
    source
        Number of the source of each entry in `SOURCE_LABELS`; -1 = unknown. Shape (n,).
    """

    codes: Ints
    statistics: DecayStatistics
    source: NDArray[np.int8]

    def rows_of(self, codes: NDArray[Any]) -> Ints:
        """Give the entry of each code, which must be there."""
        return np.searchsorted(self.codes, codes)


def evaluate_signatures(
    sources: DecaySources,
    codes: NDArray[Any],
    known: DecayEvaluation | None = None,
    is_cancelled: IsCancelled = never_cancelled,
) -> DecayEvaluation:
    """Evaluate each different signature once.

    Parameters
    ----------
    codes
        Signatures of pairs, any order, may repeat.
    known
        An evaluation with the same sources, whose entries are taken over.
    """
    wanted = np.unique(np.asarray(codes, dtype=np.int64))
    if known is not None:
        # What is known stays, so that pairs that come and go are not evaluated again.
        wanted = np.union1d(wanted, known.codes)
    statistics = DecayStatistics.unknown(len(wanted))
    source = np.full(len(wanted), NO_SOURCE, dtype=np.int8)
    is_open = np.ones(len(wanted), dtype=bool)
    if known is not None:
        places = np.searchsorted(wanted, known.codes)
        statistics.put(places, known.statistics)
        source[places] = known.source
        is_open[places] = False
    for each in sources.sources:
        rows = np.flatnonzero(is_open)
        if not len(rows):
            break
        found = coherence_statistics(each.parameters, days_of_codes(wanted[rows]), is_cancelled)
        rows, found = rows[found.is_known], found.take(np.flatnonzero(found.is_known))
        statistics.put(rows, found)
        source[rows] = SOURCE_LABELS.index(each.label)
        is_open[rows] = False
    return DecayEvaluation(wanted, statistics, source)

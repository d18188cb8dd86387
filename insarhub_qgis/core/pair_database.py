# SPDX-License-Identifier: GPL-2.0-or-later
"""All pairs of a stack judged at once: arrays in memory for the editor, documented factors for the files.

Whatever is judged, one pair or all of a stack, goes through `judge_pairs`; a verdict depends on its pair alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from insarhub_qgis.core.coherence_decay import (
    DecayStatistics,
    rounded_season_days,
    season_days_of_pairs,
    signature_codes,
)
from insarhub_qgis.core.date_inputs import DateInputs
from insarhub_qgis.core.decay_sources import (
    NO_SOURCE,
    SOURCE_LABELS,
    DecayEvaluation,
    DecaySources,
    evaluate_signatures,
)
from insarhub_qgis.core.fire_history import FireHistory
from insarhub_qgis.core.network_dates import Node, granule_pairs
from insarhub_qgis.core.network_graph import PairKey
from insarhub_qgis.core.pair_baselines import PairBaselines
from insarhub_qgis.core.pair_score import (
    FIRE,
    MODIFIERS,
    WET_SNOW,
    PairPenalties,
    ScoreWeights,
    count_missing,
    missing_inputs,
    missing_names,
    pair_penalties,
    preset_of,
    rain_penalty,
    score_pairs,
    snow_penalty,
)
from insarhub_qgis.core.progress import IsCancelled, never_cancelled, stop_if_cancelled
from insarhub_qgis.core.quality_files import DATABASE_BYTES, PairDatabase, write_pair_database
from insarhub_qgis.core.scene_facts import SceneFacts
from insarhub_qgis.core.scenes import Pair

# Runtime needs none of it, and importing it is a quarter of the start of the plugin.
if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

#: Changes with anything that changes a score of the same inputs; databases of another one are outdated.
ALGORITHM = "score-1"
STATISTIC = "median"
#: Preset of weights that are the user's own.
OWN_WEIGHTS = "own"

#: What is to be done with the database of a stack. The last one: inputs are missing that may be there by now.
CURRENT, MISSING, INCOMPLETE, OUTDATED, GROWN, REWEIGHTED, LACKING = (
    "current",
    "missing",
    "incomplete",
    "outdated",
    "grown",
    "reweighted",
    "lacking",
)

Floats: TypeAlias = "NDArray[np.float64]"
Indexes: TypeAlias = "NDArray[np.intp]"


@dataclass(frozen=True)
class QualityInputs:
    """What is known of a stack.

    Attributes
    ----------
    nodes
        Its dates, in order of time.
    dates
        Inputs of the same dates.
    fires
        None when nothing is known of fires.
    aoi_hash
        Of the area of interest; scores of another one are outdated.
    """

    nodes: tuple[Node, ...]
    dates: DateInputs
    baselines: PairBaselines = field(default_factory=PairBaselines)
    decay: DecaySources = field(default_factory=lambda: DecaySources(()))
    fires: FireHistory | None = None
    aoi_hash: str = ""

    def __post_init__(self) -> None:
        if len(self.dates) != len(self.nodes):
            raise ValueError(f"inputs of {len(self.dates)} dates for {len(self.nodes)} dates")
        days = [node.date for node in self.nodes]
        if any(later <= earlier for earlier, later in zip(days, days[1:])):
            raise ValueError("dates are not in order of time")

    @cached_property
    def days(self) -> tuple[date, ...]:
        return tuple(node.date for node in self.nodes)


@dataclass(frozen=True)
class PairVerdict:
    """What is known of one pair.

    Attributes
    ----------
    score
        0..100, rounded to 0.1; None = unknown.
    coherence, p25, usable_fraction
        Expected coherence: median and lower quartile of the area, and its share above 0.3; None = unknown.
    source
        Label of the decay source; None without one.
    has_few_pixels
        The coherence rests on few pixels.
    reason
        Why the score is 0 (``wet_snow``) or unknown (``water``, ``no_place``); None otherwise.
    missing
        Names of missing inputs; any of them marks the verdict as degraded.
    """

    dt_days: int
    bperp_m: float | None
    score: float | None
    coherence: float | None
    p25: float | None
    usable_fraction: float | None
    source: str | None
    has_few_pixels: bool
    reason: str | None
    missing: tuple[str, ...]


@dataclass(frozen=True)
class JudgedPairs:
    """Verdicts on pairs as arrays of shape (n,); NaN = unknown.

    Attributes
    ----------
    first, second
        Numbers of the earlier and the later date.
    season_days
        Days in each season, shape (n, 4), exact.
    coherence
        Figures of the expected coherence.
    source
        Number of the decay source in `SOURCE_LABELS`, -1 = none.
    evaluation
        Of all signatures met so far.
    """

    inputs: QualityInputs
    weights: ScoreWeights
    first: Indexes
    second: Indexes
    season_days: NDArray[np.int64]
    bperp_m: Floats
    burned_share: Floats
    penalties: PairPenalties
    coherence: DecayStatistics
    source: NDArray[np.int8]
    score: Floats
    missing: NDArray[np.uint16]
    evaluation: DecayEvaluation = field(repr=False)

    def __len__(self) -> int:
        return len(self.first)

    @property
    def dt_days(self) -> NDArray[np.int64]:
        days: NDArray[np.int64] = self.season_days.sum(axis=1)
        return days

    def with_weights(self, weights: ScoreWeights) -> JudgedPairs:
        """Give the same pairs with scores of other weights; nothing else is computed again."""
        return replace(
            self, weights=weights, score=score_pairs(self.coherence.median, self.penalties, weights)
        )

    def verdict(self, row: int) -> PairVerdict:
        """Give the verdict on one pair, by its place in the arrays."""
        source = int(self.source[row])
        score = _known(self.score[row])
        reason = None
        if self.penalties.wet_dates[row]:
            reason = WET_SNOW
        elif score is None:
            reason = self.inputs.decay.reason
        return PairVerdict(
            dt_days=int(self.season_days[row].sum()),
            bperp_m=_known(self.bperp_m[row]),
            score=score,
            coherence=_known(self.coherence.median[row]),
            p25=_known(self.coherence.p25[row]),
            usable_fraction=_known(self.coherence.usable_fraction[row]),
            source=None if source == NO_SOURCE else SOURCE_LABELS[source],
            has_few_pixels=bool(self.coherence.is_few[row]),
            reason=reason,
            missing=missing_names(int(self.missing[row])),
        )

    def database_factors(self) -> list[dict[str, Any]]:
        """Give the documented factors of the pair database for each pair, unknown ones left out."""
        dates = self.inputs.dates
        columns = {
            "bperp_diff": np.abs(self.bperp_m),
            "coherence_expected": self.coherence.median,
            "snow_cover_d1": dates.snow_cover[self.first],
            "snow_cover_d2": dates.snow_cover[self.second],
            "precip_3d_d1": dates.rain_mm[self.first],
            "precip_3d_d2": dates.rain_mm[self.second],
            "score": self.score / 100.0,
        }
        return _documents({"dt_days": self.dt_days}, columns)

    def stack_factors(self, rows: Indexes) -> list[dict[str, Any]]:
        """Give the documented factors of the stack file for pairs by their places, shape (n,); unknown ones are left out."""
        ndvi, penalties = self.inputs.dates.ndvi, self.penalties.penalties[:, rows]
        columns = {
            "coherence": self.coherence.median[rows],
            "ndvi": (ndvi[self.first[rows]] + ndvi[self.second[rows]]) / 2.0,
            "snow": snow_penalty(penalties),
            "rain": rain_penalty(penalties),
            "fire": penalties[MODIFIERS.index(FIRE)],
        }
        return _documents({}, columns)

    def section(self) -> dict[str, Any]:
        """Give what the config keeps beside the scores: how they came about, and how many inputs were missing."""
        counts = np.bincount(self.source.astype(np.int64) + 1, minlength=len(SOURCE_LABELS) + 1)
        return {
            **score_basis(self.inputs, self.weights),
            "decay_source": {
                label: int(count) for label, count in zip((None, *SOURCE_LABELS), counts) if label and count
            },
            "missing": count_missing(self.missing),
        }


def score_basis(inputs: QualityInputs, weights: ScoreWeights) -> dict[str, Any]:
    """Give what the scores of a database rest on besides the inputs of its dates."""
    return {
        "preset": preset_of(weights) or OWN_WEIGHTS,
        "weights": weights.to_json(),
        "statistic": STATISTIC,
        "algorithm": ALGORITHM,
        "decay": inputs.decay.fingerprint(),
        "aoi_hash": inputs.aoi_hash,
    }


def judge_pairs(
    inputs: QualityInputs,
    first: NDArray[Any] | Sequence[int],
    second: NDArray[Any] | Sequence[int],
    weights: ScoreWeights | None = None,
    known: DecayEvaluation | None = None,
    is_cancelled: IsCancelled = never_cancelled,
) -> JudgedPairs:
    """Judge pairs of dates.

    Parameters
    ----------
    first, second
        Numbers of the earlier and the later date of each pair, shape (n,).
    known
        Signatures that were evaluated before with the same decay sources.

    Raises
    ------
    Cancelled
        When the user cancels.
    ValueError
        For a pair that ends before it begins.
    """
    chosen = weights or ScoreWeights()
    one, other = np.asarray(first, dtype=np.intp), np.asarray(second, dtype=np.intp)
    days = season_days_of_pairs(inputs.days, one, other)
    codes = signature_codes(rounded_season_days(days))
    evaluation = evaluate_signatures(inputs.decay, codes, known, is_cancelled)
    rows = evaluation.rows_of(codes)
    statistics = evaluation.statistics.take(rows)
    stop_if_cancelled(is_cancelled)
    bperp = inputs.baselines.of_many([node.scenes for node in inputs.nodes], one, other)
    if inputs.fires is None:
        burned = np.full(len(one), np.nan)
    else:
        burned = inputs.fires.burned_shares(inputs.days, one, other)
    stop_if_cancelled(is_cancelled)
    penalties = pair_penalties(inputs.dates, one, other, bperp, burned)
    return JudgedPairs(
        inputs=inputs,
        weights=chosen,
        first=one,
        second=other,
        season_days=days,
        bperp_m=bperp,
        burned_share=burned,
        penalties=penalties,
        coherence=statistics,
        source=evaluation.source[rows],
        score=score_pairs(statistics.median, penalties, chosen),
        missing=missing_inputs(penalties, statistics.median),
        evaluation=evaluation,
    )


class PairValues(Mapping[PairKey, float]):
    """The known values of all pairs of some dates, by the numbers of the dates, the earlier first.

    Made of an array at once, where a dictionary of all pairs of 300 dates would take longer than a slider may.
    """

    def __init__(self, date_count: int, values: Floats) -> None:
        """Take values of all pairs, by earlier, then by later date, shape (n (n - 1) / 2,); NaN = unknown."""
        self._date_count = date_count
        self._values: list[float] = values.tolist()
        self._known_count = int(np.count_nonzero(~np.isnan(values)))

    def get(self, key: PairKey, default: Any = None) -> Any:
        first, second = key
        if 0 <= first < second < self._date_count:
            value = self._values[_row(first, second, self._date_count)]
            if value == value:
                return value
        return default

    def __getitem__(self, key: PairKey) -> float:
        value = self.get(key)
        if value is None:
            raise KeyError(key)
        found: float = value
        return found

    def __contains__(self, key: object) -> bool:
        return isinstance(key, tuple) and len(key) == 2 and self.get(key) is not None

    def __iter__(self) -> Iterator[PairKey]:
        row = 0
        for first in range(self._date_count):
            for second in range(first + 1, self._date_count):
                if self._values[row] == self._values[row]:
                    yield (first, second)
                row += 1

    def __len__(self) -> int:
        return self._known_count


def _row(first: int, second: int, date_count: int) -> int:
    """Give the place of a pair among all pairs of some dates, by earlier, then by later date."""
    return first * (2 * date_count - first - 1) // 2 + second - first - 1


@dataclass(frozen=True)
class PairTable:
    """All pairs of a stack, found by the numbers of their dates or by their scenes, in either order.

    Attributes
    ----------
    pairs
        All N(N-1)/2 pairs, by earlier, then by later date.
    """

    pairs: JudgedPairs

    @property
    def inputs(self) -> QualityInputs:
        return self.pairs.inputs

    @cached_property
    def _number_of_scene(self) -> dict[str, int]:
        return {scene: number for number, node in enumerate(self.inputs.nodes) for scene in node.scenes}

    def row(self, one: int, other: int) -> int:
        """Give the place of a pair of dates in `pairs`; raises IndexError for no pair of the stack."""
        first, second = (one, other) if one < other else (other, one)
        count = len(self.inputs.nodes)
        if not 0 <= first < second < count:
            raise IndexError(f"no pair ({one}, {other}) of {count} dates")
        return _row(first, second, count)

    def rows(self, first: NDArray[Any], second: NDArray[Any]) -> Indexes:
        """Give the places of pairs of this stack in `pairs`, the earlier dates first; shape (n,)."""
        count = len(self.inputs.nodes)
        found: Indexes = first * (2 * count - first - 1) // 2 + second - first - 1
        return found

    @cached_property
    def scores(self) -> PairValues:
        """Known scores, 0..100."""
        return PairValues(len(self.inputs.nodes), self.pairs.score)

    @cached_property
    def coherences(self) -> PairValues:
        """Known expected coherences, 0..1."""
        return PairValues(len(self.inputs.nodes), self.pairs.coherence.median)

    def verdict(self, one: int, other: int) -> PairVerdict:
        """Give the verdict on a pair of dates, in either order."""
        return self.pairs.verdict(self.row(one, other))

    def verdict_of_scenes(self, one: str, other: str) -> PairVerdict | None:
        """Give the verdict on two scenes, in either order; None when they are no pair of this stack."""
        first, second = self._number_of_scene.get(one), self._number_of_scene.get(other)
        if first is None or second is None or first == second:
            return None
        return self.verdict(first, second)

    def with_weights(self, weights: ScoreWeights) -> PairTable:
        return PairTable(self.pairs.with_weights(weights))

    def scene_names(self) -> list[str]:
        """Names of all scenes, sorted."""
        return sorted(self._number_of_scene)

    def documents(
        self, facts: Mapping[str, SceneFacts] | None = None, is_cancelled: IsCancelled = never_cancelled
    ) -> tuple[dict[Pair, float], dict[Pair, dict[str, Any]]]:
        """Give scores (0..100) and documented factors of all granule pairs with a known score.

        Granules of one date share the verdict.

        Parameters
        ----------
        facts
            Frame and footprint of the scenes, for dates with several granules.
        """
        scores: dict[Pair, float] = {}
        factors: dict[Pair, dict[str, Any]] = {}
        nodes = self.inputs.nodes
        found = zip(
            self.pairs.first.tolist(),
            self.pairs.second.tolist(),
            self.pairs.score.tolist(),
            self.pairs.database_factors(),
        )
        for place, (first, second, score, values) in enumerate(found):
            if place % 4096 == 0:
                stop_if_cancelled(is_cancelled)
            if score == score:
                for pair in granule_pairs(nodes[first], nodes[second], facts):
                    scores[pair] = score
                    factors[pair] = values
        return scores, factors

    def write(
        self,
        folder: Path,
        facts: Mapping[str, SceneFacts] | None = None,
        built_at: datetime | None = None,
        byte_limit: int = DATABASE_BYTES,
        is_cancelled: IsCancelled = never_cancelled,
    ) -> Path | None:
        """Write the finished pair database of a folder; gives the new name of a malformed one that was set aside."""
        scores, factors = self.documents(facts, is_cancelled)
        return write_pair_database(folder, self.scene_names(), scores, factors, built_at, byte_limit)


def build_pair_table(
    inputs: QualityInputs,
    weights: ScoreWeights | None = None,
    previous: PairTable | None = None,
    is_cancelled: IsCancelled = never_cancelled,
    *,
    known: DecayEvaluation | None = None,
) -> PairTable:
    """Judge all pairs of a stack.

    Parameters
    ----------
    previous
        Table of the same stack before it grew. Its signatures are taken over when the decay sources are the same.
    known
        Signatures that were evaluated with the same decay sources.
    """
    if previous is not None and previous.inputs.decay.fingerprint() == inputs.decay.fingerprint():
        known = previous.pairs.evaluation
    first, second = np.triu_indices(len(inputs.nodes), 1)
    return PairTable(judge_pairs(inputs, first, second, weights, known, is_cancelled))


def database_state(
    database: PairDatabase | None,
    scene_names: Iterable[str],
    kept: Mapping[str, Any] | None,
    wanted: Mapping[str, Any],
) -> str:
    """Tell what a database needs.

    Parameters
    ----------
    scene_names
        Scenes of the stack now. Scenes that are gone change nothing.
    kept
        `JudgedPairs.section` of the build, as the config kept it.
    wanted
        `score_basis` of now.

    Returns
    -------
    state
        ``missing``; ``incomplete``, of another program or a build that did not end; ``outdated`` by another
        area, maps, land cover or algorithm; ``grown`` by new scenes; ``reweighted``: only the weights differ; ``current``.
    """
    if database is None:
        return MISSING
    if not database.is_complete or not database.scene_names:
        return INCOMPLETE
    built = kept or {}
    if any(built.get(name) != wanted[name] for name in ("statistic", "algorithm", "decay", "aoi_hash")):
        return OUTDATED
    if not set(scene_names) <= set(database.scene_names):
        return GROWN
    return CURRENT if built.get("weights") == wanted["weights"] else REWEIGHTED


def _known(value: float) -> float | None:
    return float(value) if value == value else None


def _documents(whole: Mapping[str, NDArray[np.int64]], columns: Mapping[str, Floats]) -> list[dict[str, Any]]:
    """Give one dictionary per pair; numbers with three decimals, NaN left out."""
    names = (*whole, *columns)
    values: list[Iterator[Any]] = [iter(column.tolist()) for column in whole.values()]
    values += [iter(np.round(column, 3).tolist()) for column in columns.values()]
    return [{name: value for name, value in zip(names, row) if value == value} for row in zip(*values)]

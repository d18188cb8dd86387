# SPDX-License-Identifier: GPL-2.0-or-later
"""The nodes of a network: one per date of a stack, with all granules of that date; and which granules form pairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.footprints import covered_share, polygon_of_ring
from insarhub_qgis.core.pair_baselines import PairBaselines
from insarhub_qgis.core.scene_facts import SceneFacts
from insarhub_qgis.core.scenes import Pair, acquisition_order, order_pair, scene_date, scene_start

#: Reasons of an exclusion. The first three are the user's or a check's word and stay until they are taken back.
BY_USER, COVERAGE, MISSING_DATA = "user", "coverage", "missing_data"
#: These follow from the parameters of a selection and are made anew by the next one.
MONTH_FILTER, UNKNOWN_BASELINE = "month_filter", "unknown_bperp"
AUTOMATIC_REASONS = frozenset({MONTH_FILTER, UNKNOWN_BASELINE})

#: Granules of two dates that start at the same time of day, to this many seconds, cover the same ground:
#: a slice is 25 s long and orbits repeat within a few seconds.
_SAME_GROUND_SECONDS = 13.0
#: Part of a footprint that the other granule must cover.
_LEAST_OVERLAP = 0.3


@dataclass(frozen=True)
class Node:
    """One date of a stack.

    Attributes
    ----------
    scenes
        Its granules, by start time.
    bperp_m
        Perpendicular baseline relative to the earliest scene, metres, signed; None = unknown.
    excluded_reason
        Why the date is not used: one of the reasons of this module; None for a date that is used.
    """

    date: date
    scenes: tuple[str, ...]
    bperp_m: float | None = None
    excluded_reason: str | None = None

    @property
    def is_excluded(self) -> bool:
        return self.excluded_reason is not None


def nodes_of_scenes(
    scenes: Iterable[str],
    baselines: PairBaselines | None = None,
    excluded: Mapping[str, str] | None = None,
) -> tuple[tuple[Node, ...], tuple[InsarError, ...]]:
    """Merge scenes into one node per date, in order of time whatever the order given.

    Parameters
    ----------
    excluded
        Scene -> reason; one excluded granule excludes its date.

    Returns
    -------
    nodes
        By date, each date once.
    problems
        ``scene.no_date`` for each name without a date; it is no node.
    """
    by_date: dict[date, list[str]] = {}
    problems: list[InsarError] = []
    for name in sorted(set(scenes)):
        try:
            by_date.setdefault(scene_date(name), []).append(name)
        except InsarError as error:
            problems.append(error)
    known = baselines or PairBaselines()
    reasons = excluded or {}
    nodes = []
    for day in sorted(by_date):
        names = tuple(sorted(by_date[day], key=acquisition_order))
        reason = next((reasons[name] for name in names if name in reasons), None)
        nodes.append(Node(day, names, known.of_date(names), reason))
    return tuple(nodes), tuple(problems)


def with_reasons(nodes: Sequence[Node], automatic: Mapping[int, str]) -> tuple[Node, ...]:
    """Give the nodes with the automatic exclusions of a selection instead of earlier ones."""
    result = []
    for index, node in enumerate(nodes):
        if node.excluded_reason is None or node.excluded_reason in AUTOMATIC_REASONS:
            node = replace(node, excluded_reason=automatic.get(index))
        result.append(node)
    return tuple(result)


def granule_pairs(
    earlier: Node, later: Node, facts: Mapping[str, SceneFacts] | None = None
) -> tuple[Pair, ...]:
    """Expand a pair of dates to pairs of granules, frame by frame.

    Granules of one frame number belong together. Where a frame number is unknown or without partner, the largest
    overlap of the footprints decides, or without them the nearest start within the day, since slices repeat at the
    same time of day. Each granule is used once. Two dates with one granule each always form a pair.

    Returns
    -------
    pairs
        In the order of the earlier date's granules; empty when no granules belong together.
    """
    if len(earlier.scenes) == 1 and len(later.scenes) == 1:
        return (order_pair(earlier.scenes[0], later.scenes[0]),)
    known = facts or {}
    left = list(later.scenes)
    found: dict[str, str] = {}
    for name in earlier.scenes:
        frame = _frame(known, name)
        partner = next((other for other in left if frame is not None and _frame(known, other) == frame), None)
        if partner is not None:
            found[name] = partner
            left.remove(partner)
    offers = sorted(
        (distance, name, other)
        for name in earlier.scenes
        if name not in found
        for other in left
        if (distance := _distance(known, name, other)) < 1.0
    )
    for _, name, other in offers:
        if name not in found and other in left:
            found[name] = other
            left.remove(other)
    return tuple(order_pair(name, found[name]) for name in earlier.scenes if name in found)


def _frame(facts: Mapping[str, SceneFacts], name: str) -> int | None:
    known = facts.get(name)
    return known.frame if known is not None else None


def _distance(facts: Mapping[str, SceneFacts], one: str, other: str) -> float:
    """Give 0 for the same ground and 1 or more for too little ground in common."""
    first, second = facts.get(one), facts.get(other)
    if first is not None and second is not None and first.footprint and second.footprint:
        share = covered_share([polygon_of_ring(first.footprint)], [polygon_of_ring(second.footprint)])
        return 1.0 - share if share is not None and share >= _LEAST_OVERLAP else 1.0
    gap = _gap_seconds(one, other)
    return 1.0 if gap is None else gap / _SAME_GROUND_SECONDS


def _gap_seconds(one: str, other: str) -> float | None:
    first, second = _second_of_day(one), _second_of_day(other)
    if first is None or second is None:
        return None
    gap = abs(first - second)
    return min(gap, 86400.0 - gap)


def _second_of_day(name: str) -> float | None:
    start = scene_start(name)
    if start is None:
        return None
    return int(start[9:11]) * 3600.0 + int(start[11:13]) * 60.0 + int(start[13:15])

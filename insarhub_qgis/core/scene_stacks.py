# SPDX-License-Identifier: GPL-2.0-or-later
"""The answer of a search in memory: its scenes, and the stacks that scenes of one path and frame form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from statistics import median
from typing import Any

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.scenes import scene_date

#: A gap counts as one when it is longer than this many revisits.
_GAP_FACTOR = 1.5
#: From this share on an area counts as covered: footprints are rounded to about a hundred metres.
COVERED = 0.999


@dataclass(frozen=True)
class FoundScene:
    """One scene of an answer; None = the archive does not say.

    Attributes
    ----------
    start, stop, processing_date
        ISO UTC.
    footprint_wkt
        (Multi)polygon in EPSG:4326; several parts across the antimeridian.
    aoi_coverage
        Share 0..1 of the searched area inside the footprint; None without an area.
    bursts
        Names of the bursts that a row of a burst search stands for; ``name`` is the first of them, ``frame`` the number
        of the lowest, and the footprint that of all. Empty for a whole scene.
    burst_ids
        What they are on every pass, ``220001_IW1``: number and sub-swath, in the order of ``bursts``.
    """

    name: str
    date: date
    start: str | None = None
    stop: str | None = None
    platform: str | None = None
    polarization: str | None = None
    path: int | None = None
    frame: int | None = None
    direction: str | None = None
    orbit: int | None = None
    footprint_wkt: str | None = None
    aoi_coverage: float | None = None
    has_state_vectors: bool | None = None
    bytes: int | None = None
    url: str | None = None
    browse_url: str | None = None
    processing_date: str | None = None
    beam_mode: str | None = None
    bursts: tuple[str, ...] = ()
    burst_ids: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> FoundScene:
        """Read a row of ``scenes`` of a search result; keys that are not known here are passed over.

        Raises
        ------
        InsarError
            ``scene.no_date`` when neither the row nor the name tells the day.
        """
        values: dict[str, Any] = {entry.name: row.get(entry.name) for entry in fields(cls)}
        name = values["name"] = str(values["name"])
        day = values["date"]
        values["date"] = date.fromisoformat(str(day)[:10]) if day else scene_date(name)
        for key in ("bursts", "burst_ids"):
            values[key] = tuple(str(entry) for entry in values[key] or ())
        return cls(**values)


@dataclass(frozen=True)
class StackDate:
    """A day of a stack.

    Attributes
    ----------
    days_since_previous
        Days since the day before it in the stack; None for the first.
    aoi_coverage
        Share 0..1 of the searched area that the frame covers on this day; None when unknown.
    path_coverage
        The same for all frames of the path together.
    """

    date: date
    scenes: tuple[FoundScene, ...]
    days_since_previous: int | None = None
    aoi_coverage: float | None = None
    path_coverage: float | None = None


@dataclass(frozen=True)
class Gap:
    """Days without a scene, longer than the usual revisit; ``missing``: revisits left out."""

    after: date
    before: date
    days: int
    missing: int


@dataclass(frozen=True)
class SceneStack:
    """Scenes of one path and frame, or passes over one set of bursts.

    Attributes
    ----------
    frame
        Of bursts the number of the lowest one.
    dates
        Chronological, each day once.
    dates_without
        Days on which other frames of the path were taken, but not this one; of bursts those that lack some.
    burst_ids
        ``220001_IW1``: number and sub-swath of each burst that all passes have; empty for whole scenes.
    """

    path: int
    frame: int
    direction: str | None
    dates: tuple[StackDate, ...]
    dates_without: tuple[date, ...] = ()
    burst_ids: tuple[str, ...] = ()

    @property
    def burst_count(self) -> int:
        """0 for whole scenes."""
        return len(self.burst_ids)

    @property
    def burst_ranges(self) -> str:
        """Lowest and highest burst of each sub-swath, the same text in all languages; empty for whole scenes.

        >>> SceneStack(103, 220001, None, (), burst_ids=("220001_IW1", "220002_IW1", "220002_IW2")).burst_ranges
        'IW1 220001-220002, IW2 220002'
        """
        numbers: dict[str, list[str]] = {}
        for burst_id in self.burst_ids:
            number, _, swath = burst_id.partition("_")
            numbers.setdefault(swath, []).append(number)
        return ", ".join(
            f"{swath} {min(found)}-{max(found)}" if len(found) > 1 else f"{swath} {found[0]}"
            for swath, found in sorted(numbers.items())
        )

    @property
    def key(self) -> tuple[int, int]:
        return (self.path, self.frame)

    @property
    def scenes(self) -> tuple[FoundScene, ...]:
        """Chronological."""
        return tuple(scene for day in self.dates for scene in day.scenes)

    @property
    def first(self) -> date:
        return self.dates[0].date

    @property
    def last(self) -> date:
        return self.dates[-1].date

    @property
    def revisit_days(self) -> int | None:
        """The most frequent step between days, the shortest of several; None for a single day."""
        steps = Counter(day.days_since_previous for day in self.dates if day.days_since_previous)
        if not steps:
            return None
        most = max(steps.values())
        return min(days for days, count in steps.items() if count == most)

    @property
    def longest_gap_days(self) -> int | None:
        return max((day.days_since_previous for day in self.dates if day.days_since_previous), default=None)

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Steps longer than one and a half revisits."""
        revisit = self.revisit_days
        if revisit is None:
            return ()
        found = []
        for before, after in zip(self.dates, self.dates[1:]):
            days = (after.date - before.date).days
            if days > _GAP_FACTOR * revisit:
                found.append(Gap(before.date, after.date, days, round(days / revisit) - 1))
        return tuple(found)

    @property
    def aoi_coverage(self) -> float | None:
        """Median over the days, 0..1; None when no day is known."""
        known = [day.aoi_coverage for day in self.dates if day.aoi_coverage is not None]
        return median(known) if known else None

    @property
    def least_coverage(self) -> float | None:
        return min((day.aoi_coverage for day in self.dates if day.aoi_coverage is not None), default=None)

    @property
    def platforms(self) -> tuple[str, ...]:
        return tuple(sorted({scene.platform for scene in self.scenes if scene.platform}))

    @property
    def polarizations(self) -> tuple[str, ...]:
        return tuple(sorted({scene.polarization for scene in self.scenes if scene.polarization}))


@dataclass(frozen=True)
class SearchAnswer:
    """What a search gave.

    Attributes
    ----------
    hits
        Scenes that the archive counts; None when it did not say.
    is_complete
        False: scenes are missing, ``messages`` say why.
    searched_at
        ISO UTC.
    request
        The request as JSON.
    messages
        Remarks of the search; warnings come first.
    unstacked
        Scenes without path or frame; they form no stack.
    """

    stacks: tuple[SceneStack, ...] = ()
    unstacked: tuple[FoundScene, ...] = ()
    hits: int | None = None
    is_complete: bool = True
    is_sandbox: bool = False
    searched_at: str = ""
    request: Mapping[str, Any] = field(default_factory=dict)
    messages: tuple[InsarError, ...] = ()

    @property
    def scenes(self) -> tuple[FoundScene, ...]:
        return tuple(scene for stack in self.stacks for scene in stack.scenes) + self.unstacked

    @classmethod
    def from_json(cls, result: Mapping[str, Any]) -> SearchAnswer:
        """Read the result of `requests.SearchScenes` or `requests.OpenSearchAnswer`.

        Raises
        ------
        InsarError
            ``scene.no_date``.
        """
        scenes = [FoundScene.from_json(row) for row in result["scenes"]]
        rows = sorted(result.get("messages", ()), key=lambda row: row.get("level") != "warning")
        return cls(
            stacks=group_scenes(
                scenes,
                _coverage_of_paths(result.get("coverage_by_date", ())),
                _days_without_bursts(result.get("stacks", ())),
            ),
            unstacked=tuple(scene for scene in scenes if scene.path is None or scene.frame is None),
            hits=result.get("hits"),
            is_complete=bool(result.get("is_complete", True)),
            is_sandbox=bool(result.get("is_sandbox", False)),
            searched_at=str(result.get("searched_at") or ""),
            request=dict(result.get("request") or {}),
            messages=tuple(InsarError(str(row["code"]), **dict(row.get("fields") or {})) for row in rows),
        )


def group_scenes(
    scenes: Iterable[FoundScene],
    path_coverage: Mapping[tuple[int, date], float] | None = None,
    days_without: Mapping[tuple[int, int], frozenset[date]] | None = None,
) -> tuple[SceneStack, ...]:
    """Group scenes by path and frame; those without either are left out.

    Parameters
    ----------
    path_coverage
        (path, day) -> share 0..1 of the searched area that the frames of the path cover together.
    days_without
        (path, frame) of bursts -> days whose passes lack some and are therefore no scenes.

    Returns
    -------
    stacks
        By path, then frame.
    """
    coverage = path_coverage or {}
    grouped: dict[tuple[int, int], dict[date, list[FoundScene]]] = {}
    days_of_path: dict[int, set[date]] = {}
    for scene in scenes:
        if scene.path is None or scene.frame is None:
            continue
        grouped.setdefault((scene.path, scene.frame), {}).setdefault(scene.date, []).append(scene)
        days_of_path.setdefault(scene.path, set()).add(scene.date)
    stacks = []
    for (path, frame), days in sorted(grouped.items()):
        directions = Counter(scene.direction for rows in days.values() for scene in rows if scene.direction)
        burst_sets = Counter(scene.burst_ids for rows in days.values() for scene in rows)
        burst_ids = burst_sets.most_common(1)[0][0]
        # Two sets of bursts of one path lie apart, so that the days of one say nothing about the other.
        other_days = (days_without or {}).get((path, frame), frozenset()) if burst_ids else days_of_path[path]
        stacks.append(
            SceneStack(
                path=path,
                frame=frame,
                direction=directions.most_common(1)[0][0] if directions else None,
                dates=_dates(path, days, coverage),
                dates_without=tuple(sorted(other_days - days.keys())),
                burst_ids=burst_ids,
            )
        )
    return tuple(stacks)


def _dates(
    path: int, days: Mapping[date, Sequence[FoundScene]], coverage: Mapping[tuple[int, date], float]
) -> tuple[StackDate, ...]:
    rows: list[StackDate] = []
    for day in sorted(days):
        scenes = tuple(sorted(days[day], key=lambda scene: (scene.start or "", scene.name)))
        # Versions and slices of one day and frame overlap, so the largest share is the one that is sure.
        known = [scene.aoi_coverage for scene in scenes if scene.aoi_coverage is not None]
        rows.append(
            StackDate(
                date=day,
                scenes=scenes,
                days_since_previous=(day - rows[-1].date).days if rows else None,
                aoi_coverage=max(known, default=None),
                path_coverage=coverage.get((path, day)),
            )
        )
    return tuple(rows)


def _days_without_bursts(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[int, int], frozenset[date]]:
    return {
        (int(row["path"]), int(row["frame"])): frozenset(
            date.fromisoformat(str(day)[:10]) for day in row.get("dates_without") or ()
        )
        for row in rows
        if row.get("burst_ids")
    }


def _coverage_of_paths(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[int, date], float]:
    return {
        (int(row["path"]), date.fromisoformat(str(row["date"])[:10])): float(row["aoi_coverage"])
        for row in rows
        if row.get("path") is not None and row.get("aoi_coverage") is not None
    }

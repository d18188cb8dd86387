# SPDX-License-Identifier: GPL-2.0-or-later
"""Bursts of a search as passes: which bursts a stack takes, and the passes that have all of them.

HyP3 merges the bursts of a pass if they are a whole, see `core.burst_shape`; a set is therefore made one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

from insarhub_qgis.core.atomic_files import malformed
from insarhub_qgis.core.burst_shape import number_of, whole_set
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.hyp3_options import MOST_BURSTS
from insarhub_qgis.core.scenes import burst_id
from insarhub_qgis.core.search_answer import BURST_SETS, SEARCH_ANSWER_NAME
from insarhub_qgis.engine.scene_table import Scene, SceneTable, scene_of_item
from insarhub_qgis.engine.search_area import SearchArea

#: Bursts of two passes lie this far apart at most, degrees: one that reaches so far into the area touches it on all.
_SCATTER_DEG = 0.02


@dataclass(frozen=True)
class BurstSet:
    """The bursts of a stack.

    Attributes
    ----------
    burst_ids
        ``220001_IW1``, by number and then by sub-swath.
    dates_without
        ISO days whose passes lack some.
    """

    path: int
    direction: str | None
    polarization: str | None
    burst_ids: tuple[str, ...]
    dates_without: tuple[str, ...] = ()

    @property
    def frame(self) -> int:
        """Number of the lowest burst: with the path it names the stack."""
        return number_of(self.burst_ids[0])

    def to_json(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "direction": self.direction,
            "polarization": self.polarization,
            "burst_ids": list(self.burst_ids),
            "dates_without": list(self.dates_without),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> BurstSet:
        return cls(
            path=int(value["path"]),
            direction=value.get("direction"),
            polarization=value.get("polarization"),
            burst_ids=tuple(str(entry) for entry in value["burst_ids"]),
            dates_without=tuple(str(day) for day in value.get("dates_without") or ()),
        )


@dataclass(frozen=True)
class _Burst:
    """One burst of one pass, with its item; ``touches``: the area."""

    scene: Scene
    footprint: BaseGeometry | None
    item: dict[str, Any]
    burst_id: str
    version: str
    touches: bool

    @property
    def group(self) -> tuple[int, str | None, str | None]:
        return self.scene["path"], self.scene["direction"], self.scene["polarization"]

    @property
    def of_pass(self) -> str:
        """The absolute orbit; where it is not told, satellite and day."""
        orbit = self.scene["orbit"]
        return str(orbit) if orbit is not None else f"{self.scene['platform']} {self.scene['date']}"


#: Pass -> burst id -> burst.
_Passes = dict[str, dict[str, _Burst]]


@dataclass(frozen=True)
class AskedBurst:
    """A burst whose passes are to be asked for by its identifier."""

    path: int
    burst_id: str
    polarization: str | None

    @property
    def full_id(self) -> str:
        """As the archive names it."""
        return f"{self.path:03d}_{self.burst_id}"


class BurstTable:
    """The bursts of an answer, each once; the stacks that they form are found at the end.

    Parameters
    ----------
    area
        The area that was searched.
    months, platforms
        Months of the year and satellites (``S1A``) that count; empty for all.
    """

    def __init__(
        self, area: SearchArea | None, months: Collection[int] = (), platforms: Collection[str] = ()
    ) -> None:
        self._area = area
        self._months = frozenset(months)
        self._platforms = frozenset(platforms)
        self._groups: dict[tuple[int, str | None, str | None], _Passes] = {}
        self._names: set[str] = set()
        self.problems: list[InsarError] = []

    def __len__(self) -> int:
        return len(self._names)

    @property
    def counted(self) -> str:
        """What there is, for a progress line."""
        return f"{len(self)} bursts"

    def add(self, items: Iterable[dict[str, Any]]) -> int:
        """Take the items that are new; of two versions of a burst the one processed last stays. Give how many."""
        before = len(self._names)
        for item in items:
            try:
                burst = self._read(item)
            except InsarError as error:
                self.problems.append(error)
                continue
            scene = burst.scene
            if self._months and int(scene["date"][5:7]) not in self._months:
                continue
            if self._platforms and scene["platform"] not in self._platforms:
                continue
            self._names.add(scene["name"])
            members = self._groups.setdefault(burst.group, {}).setdefault(burst.of_pass, {})
            known = members.get(burst.burst_id)
            if known is None or (known.version, known.scene["name"]) < (burst.version, scene["name"]):
                members[burst.burst_id] = burst
        return len(self._names) - before

    def sets(self) -> list[BurstSet]:
        """Give the sets of bursts of the stacks, also of those that no pass has whole."""
        return [
            found
            for group, passes in self._groups.items()
            for numbers in self._runs(passes)
            if (found := self._set(group, passes, numbers)) is not None
        ]

    def uncertain(self) -> list[AskedBurst]:
        """Give the bursts of the sets that some passes seem to lack, although they may only miss the area there.

        The archive gives what touches the area. A burst beside it that makes a set whole is never among that, and one
        at its edge on some passes only.
        """
        asked = []
        for found in self.sets():
            if len(found.burst_ids) > MOST_BURSTS:
                # No job can take them, and a large area would ask for hundreds.
                continue
            passes = self._groups[found.path, found.direction, found.polarization]
            own = self._passes_of(passes, found.burst_ids)
            for name in found.burst_ids:
                known = [passes[key][name] for key in own if name in passes[key]]
                if len(known) < len(own) and not (known and self._reaches_in(known[0])):
                    asked.append(AskedBurst(found.path, name, found.polarization))
        return asked

    def table(self, sets: Iterable[BurstSet] | None = None) -> SceneTable:
        """Give the passes as scenes; ``sets``: those of a kept answer."""
        table = SceneTable(self._area)
        table.problems += self.problems
        for found in self.sets() if sets is None else sets:
            passes = self._groups.get((found.path, found.direction, found.polarization), {})
            for members in passes.values():
                if all(name in members for name in found.burst_ids):
                    _put_pass(table, found, [members[name] for name in found.burst_ids])
            table.lacking[found.path, found.frame] = found.dates_without
        return table

    def _read(self, item: dict[str, Any]) -> _Burst:
        """Read a burst; raises ``search.item_unreadable``."""
        scene, footprint = scene_of_item(item)
        name = burst_id(scene["name"])
        if name is None or scene["path"] is None:
            raise InsarError("search.item_unreadable", scene=scene["name"], reason="no burst of beam mode IW")
        version = scene["processing_date"] or str((item.get("meta") or {}).get("revision-date") or "")
        touches = self._area is None or footprint is None or bool(footprint.intersects(self._area.geometry))
        return _Burst(scene, footprint, item, name, version, touches)

    def _runs(self, passes: _Passes) -> list[tuple[int, int]]:
        """Give first and last number of the bursts that touch the area, one range for each place along the path."""
        touching = {
            number_of(name) for members in passes.values() for name, burst in members.items() if burst.touches
        }
        runs: list[tuple[int, int]] = []
        for number in sorted(touching):
            if runs and number <= runs[-1][1] + 1:
                runs[-1] = (runs[-1][0], number)
            else:
                runs.append((number, number))
        return runs

    def _set(
        self, group: tuple[int, str | None, str | None], passes: _Passes, numbers: tuple[int, int]
    ) -> BurstSet | None:
        present: dict[str, int] = defaultdict(int)
        touching: dict[str, int] = defaultdict(int)
        days: dict[str, str] = {}
        for key, members in passes.items():
            for name, burst in members.items():
                if not numbers[0] <= number_of(name) <= numbers[1]:
                    continue
                present[name] += 1
                if burst.touches:
                    touching[name] += 1
                    days[key] = burst.scene["date"]
        chosen = [
            name
            for name, count in present.items()
            if 2 * count >= len(days) and touching[name] and 2 * touching[name] >= count
        ]
        if not chosen:
            return None
        whole = whole_set(chosen)
        without = {day for key, day in days.items() if not all(name in passes[key] for name in whole)}
        path, direction, polarization = group
        return BurstSet(path, direction, polarization, whole, tuple(sorted(without)))

    def _passes_of(self, passes: _Passes, burst_ids: Sequence[str]) -> list[str]:
        """Give the passes with one of the bursts in the area."""
        return [
            key
            for key, members in passes.items()
            if any(name in members and members[name].touches for name in burst_ids)
        ]

    def _reaches_in(self, burst: _Burst) -> bool:
        if self._area is None or burst.footprint is None:
            return True
        return bool(burst.footprint.buffer(-_SCATTER_DEG).intersects(self._area.geometry))


def without_double_stacks(
    sets: Sequence[BurstSet], table: SceneTable
) -> tuple[list[BurstSet], list[InsarError]]:
    """Leave one polarisation where two have their lowest burst in common: a stack is named by path and burst.

    The one with more passes stays; the table keeps the passes of both.

    Returns
    -------
    sets, notes
        What stays, and ``search.other_polarization`` for each that does not.
    """
    counts: dict[tuple[int, int, str | None], int] = defaultdict(int)
    for scene in table.scenes():
        counts[scene["path"], scene["frame"], scene["polarization"]] += 1
    kept: dict[tuple[int, int], BurstSet] = {}
    notes = []
    ordered = sorted(sets, key=lambda one: -counts[one.path, one.frame, one.polarization])
    for one in ordered:
        first = kept.setdefault((one.path, one.frame), one)
        if first is not one:
            # Also the dates that lack a burst: nothing else tells of them.
            passes = counts[one.path, one.frame, one.polarization] + len(one.dates_without)
            notes.append(
                InsarError(
                    "search.other_polarization",
                    path=one.path,
                    kept=first.polarization,
                    other=one.polarization,
                    count=passes,
                )
            )
    return list(kept.values()), notes


def set_messages(sets: Sequence[BurstSet]) -> list[InsarError]:
    """Say which passes were left out, and which set is too large for a job."""
    messages = []
    days = sorted({day for one in sets for day in one.dates_without})
    if days:
        messages.append(InsarError("search.bursts_incomplete", count=len(days), dates=days[:20]))
    largest = max(sets, key=lambda one: len(one.burst_ids), default=None)
    if largest is not None and len(largest.burst_ids) > MOST_BURSTS:
        messages.append(
            InsarError(
                "search.many_bursts", path=largest.path, bursts=len(largest.burst_ids), most=MOST_BURSTS
            )
        )
    return messages


def kept_sets(folder: Path, facts: Mapping[str, Any]) -> list[BurstSet] | None:
    """Give the sets that a kept answer tells; None when it is one of whole scenes.

    Raises
    ------
    InsarError
        ``file.malformed``.
    """
    if BURST_SETS not in facts:
        return None
    try:
        return [BurstSet.from_json(value) for value in facts[BURST_SETS]]
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        reason = f"{BURST_SETS}: {type(error).__name__}: {error}"[:200]
        raise malformed(folder / SEARCH_ANSWER_NAME, reason=reason) from error


def _put_pass(table: SceneTable, found: BurstSet, bursts: Sequence[_Burst]) -> None:
    scenes = [burst.scene for burst in bursts]
    footprints = [burst.footprint for burst in bursts if burst.footprint is not None]
    footprint = unary_union(footprints) if len(footprints) == len(bursts) else None
    sizes = [scene["bytes"] for scene in scenes]
    merged = {
        **scenes[0],
        "start": min(scene["start"] for scene in scenes),
        "stop": max(scene["stop"] for scene in scenes),
        "date": min(scene["date"] for scene in scenes),
        "frame": found.frame,
        "footprint_wkt": footprint.wkt if footprint is not None else None,
        "bytes": None if None in sizes else sum(sizes),
        "processing_date": max(scene["processing_date"] or "" for scene in scenes) or None,
        "bursts": [scene["name"] for scene in scenes],
        "burst_ids": list(found.burst_ids),
    }
    table.put(merged, footprint, [burst.item for burst in bursts])

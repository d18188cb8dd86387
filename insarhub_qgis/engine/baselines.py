# SPDX-License-Identifier: GPL-2.0-or-later
"""Baselines of a stack from kept metadata: no network, the same values in every run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from insarhub_qgis.core.atomic_files import folder_lock
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.pairwise_file import write_pairwise_file
from insarhub_qgis.core.progress import (
    IsCancelled,
    Report,
    ignore_progress,
    never_cancelled,
    stop_if_cancelled,
)
from insarhub_qgis.core.requests import ComputeBaselines
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.core.scenes import acquisition_order, scene_date
from insarhub_qgis.core.search_answer import read_search_answer
from insarhub_qgis.core.stack_file import Stack
from insarhub_qgis.engine.node_times import repaired_node_times
from insarhub_qgis.engine.scene_table import attributes_of, scene_name_of_item


@dataclass(frozen=True)
class StackBaselines:
    """Baselines of the scenes of one stack.

    Attributes
    ----------
    scenes
        Names in chronological order.
    baselines_m
        Scene -> perpendicular baseline, signed as asf_search defines it, relative to the earliest scene with a known
        orbit; None = unknown.
    temporal_days
        Scene -> difference of UTC days to the earliest scene.
    pairwise_m
        (earlier, later) -> perpendicular baseline seen from the earlier scene; None = unknown.
    repaired
        Scenes whose ascending-node time was that of another orbit.
    """

    scenes: tuple[str, ...]
    baselines_m: Mapping[str, float | None]
    temporal_days: Mapping[str, int]
    pairwise_m: Mapping[tuple[str, str], float | None]
    repaired: tuple[str, ...] = ()

    @property
    def unknown(self) -> list[str]:
        return [name for name in self.scenes if self.baselines_m[name] is None]

    @property
    def known_m(self) -> dict[str, float]:
        """The known values, as a stack file holds them."""
        return {name: value for name in self.scenes if (value := self.baselines_m[name]) is not None}


def compute_baselines(
    items: Sequence[Mapping[str, Any]],
    report: Report = ignore_progress,
    is_cancelled: IsCancelled = never_cancelled,
) -> StackBaselines:
    """Compute the baselines of a stack from its UMM items; the order of the items does not matter.

    Values of pairs come from the routine of asf_search with the earlier scene as reference; values of
    scenes are those seen from the earliest scene that has state vectors. The routine extends an orbit in a straight
    line as far as the other scene, which is good for scenes of one frame only: between frames the values are
    those of the same passes within one frame.
    """
    # Imported on use: the library takes a second.
    from insarhub_qgis.engine.asf_door import perpendicular_baselines

    by_name = {scene_name_of_item(item): item for item in items}
    names = tuple(sorted(by_name, key=acquisition_order))
    fixed, indexes = repaired_node_times([by_name[name] for name in names])
    frames: dict[str | None, list[int]] = {}
    for index, item in enumerate(fixed):
        frames.setdefault(attributes_of(item).get("FRAME_NUMBER"), []).append(index)
    pairwise: dict[tuple[str, str], float | None] = {}
    has_vectors: set[str] = set()
    done = 0
    for members in frames.values():
        rows = perpendicular_baselines([fixed[index] for index in members])
        for position, (index, row) in enumerate(zip(members, rows)):
            stop_if_cancelled(is_cancelled)
            if row.is_known:
                has_vectors.add(names[index])
            later = (names[member] for member in members[position + 1 :])
            values = (None if value is None else float(value) for value in row.values_m)
            pairwise.update(zip(((names[index], name) for name in later), values))
            done += 1
            report(done / len(names), f"{done} of {len(names)} scenes")
    if len(frames) > 1:
        _add_pairs_between_frames(pairwise, names, list(frames.values()), has_vectors)
    baselines: dict[str, float | None] = dict.fromkeys(names)
    reference = next((name for name in names if name in has_vectors), None)
    if reference is not None:
        baselines[reference] = 0.0
        for name in names[names.index(reference) + 1 :]:
            baselines[name] = pairwise[reference, name]
    first_day = scene_date(names[0]) if names else None
    temporal = {name: (scene_date(name) - first_day).days for name in names if first_day is not None}
    return StackBaselines(names, baselines, temporal, pairwise, tuple(names[index] for index in indexes))


def _add_pairs_between_frames(
    pairwise: dict[tuple[str, str], float | None],
    names: Sequence[str],
    frames: Sequence[Sequence[int]],
    has_vectors: Set[str],
) -> None:
    """Give pairs of two frames the value of the same two passes in one of them; 0 for one pass.

    A pair whose passes are together in no frame stays unknown.
    """
    frame_of = {names[index]: number for number, members in enumerate(frames) for index in members}
    pass_of = {name: _pass_of(name) for name in names}
    in_frame = {(frame_of[name], pass_of[name]): name for name in names}
    for position, earlier in enumerate(names):
        for later in names[position + 1 :]:
            if frame_of[earlier] == frame_of[later]:
                continue
            value: float | None = None
            if not {earlier, later} <= has_vectors:
                pass
            elif pass_of[earlier] == pass_of[later]:
                value = 0.0
            else:
                for frame in (frame_of[earlier], frame_of[later]):
                    one = in_frame.get((frame, pass_of[earlier]))
                    other = in_frame.get((frame, pass_of[later]))
                    if value is None and one is not None and other is not None:
                        value = pairwise.get((one, other))
            pairwise[earlier, later] = value


def _pass_of(name: str) -> tuple[str, str]:
    """Give what scenes of one pass have in common: satellite and day."""
    return name[:3], scene_date(name).isoformat()


def stack_with_baselines(stack: Stack, computed: StackBaselines) -> Stack:
    """Give the stack with computed baselines.

    Of scenes without metadata the old value stays, shifted to the new reference where both know a scene.
    """
    known = computed.known_m
    others = {name: value for name, value in stack.baselines.items() if name not in computed.baselines_m}
    shifts = [known[name] - value for name, value in stack.baselines.items() if name in known]
    kept = {name: value + median(shifts) for name, value in others.items()} if shifts else {}
    if not known:
        kept = dict(others)
    merged = {**known, **kept}
    order = {name: index for index, name in enumerate(stack.scenes)}
    return replace(
        stack, baselines=dict(sorted(merged.items(), key=lambda entry: order.get(entry[0], len(order))))
    )


def run(request: ComputeBaselines, context: RunContext) -> dict[str, Any]:
    """Answer `ComputeBaselines`; see the request for the result.

    Raises
    ------
    InsarError
        ``stack.missing``, ``baselines.no_metadata`` when no scene of the stack is among the kept items,
        ``file.malformed``, ``file.not_writable``, ``folder.locked``, ``run.cancelled``.
    """
    job = JobFolder(Path(request.job_folder))
    stack = job.read_stack()
    wanted = set(stack.scenes)
    items = [item for item in read_search_answer(job.path) or [] if scene_name_of_item(item) in wanted]
    if not items:
        raise InsarError("baselines.no_metadata", folder=str(job.path), scenes=len(wanted))
    computed = compute_baselines(items, context.report, context.is_cancelled)
    with folder_lock(job.path, "baselines"):
        # Read again: somebody may have saved pairs meanwhile.
        job.write_stack(stack_with_baselines(job.read_stack(), computed))
        pairwise_file = write_pairwise_file(job.path, computed.scenes, computed.pairwise_m)
    return {
        "scenes": list(computed.scenes),
        "baselines": dict(computed.baselines_m),
        "temporal_days": dict(computed.temporal_days),
        "pairwise_file": str(pairwise_file),
        "unknown": computed.unknown,
        "repaired": list(computed.repaired),
        "without_metadata": sorted(wanted - set(computed.scenes)),
    }

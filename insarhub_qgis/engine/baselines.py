# SPDX-License-Identifier: GPL-2.0-or-later
"""Baselines of a stack from kept metadata: no network, the same values in every run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from insarhub_qgis.engine.scene_table import scene_name_of_item


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
    scenes are those seen from the earliest scene that has state vectors.
    """
    # Imported on use: the library takes a second.
    from insarhub_qgis.engine.asf_door import perpendicular_baselines

    by_name = {scene_name_of_item(item): item for item in items}
    names = tuple(sorted(by_name, key=acquisition_order))
    fixed, indexes = repaired_node_times([by_name[name] for name in names])
    pairwise: dict[tuple[str, str], float | None] = {}
    baselines: dict[str, float | None] = dict.fromkeys(names)
    has_reference = False
    for index, (name, row) in enumerate(zip(names, perpendicular_baselines(fixed))):
        stop_if_cancelled(is_cancelled)
        values = [None if value is None else float(value) for value in row.values_m]
        pairwise.update(zip(((name, later) for later in names[index + 1 :]), values))
        if row.is_known and not has_reference:
            has_reference = True
            baselines.update(zip(names[index + 1 :], values))
            baselines[name] = 0.0
        report((index + 1) / len(names), f"{index + 1} of {len(names)} scenes")
    first_day = scene_date(names[0]) if names else None
    temporal = {name: (scene_date(name) - first_day).days for name in names if first_day is not None}
    return StackBaselines(names, baselines, temporal, pairwise, tuple(names[index] for index in indexes))


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

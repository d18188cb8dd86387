# SPDX-License-Identifier: GPL-2.0-or-later
"""Add Job: stacks of a kept search answer become job folders, each with config, stack file and metadata."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from insarhub_qgis.core.atomic_files import folder_lock, write_error
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.installation import plugin_version
from insarhub_qgis.core.job_config import DOWNLOADER, OWN_SECTION, JobConfig
from insarhub_qgis.core.job_folder import JobFolder, list_job_folders, place_new_stacks
from insarhub_qgis.core.pairwise_file import write_pairwise_file
from insarhub_qgis.core.progress import part_of, stop_if_cancelled
from insarhub_qgis.core.requests import AddJobs
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.core.scenes import acquisition_order, burst_id
from insarhub_qgis.core.search_answer import (
    BURSTS_OF_PASSES,
    read_search_answer,
    read_search_facts,
    write_search_answer,
)
from insarhub_qgis.core.stack_file import FLAT, Stack, StackNumbers, numbers_of_folder_name
from insarhub_qgis.engine.baselines import StackBaselines, compute_baselines, stack_with_baselines
from insarhub_qgis.engine.burst_sets import BurstTable, kept_sets
from insarhub_qgis.engine.scene_table import Scene, SceneTable, scene_name_of_item

_SLC, _BURSTS = "S1_SLC", "S1_Burst"
#: In our own section: first burst of each pass -> names of all; what they are on every pass.
_OWN_BURSTS, _OWN_BURST_IDS = "bursts", "burst_ids"
#: Scenes of one orbit and frame that start closer than this are versions of one acquisition.
_SAME_ACQUISITION_S = 10.0


@dataclass(frozen=True)
class _Found:
    """A scene of the answer with its item; a pass with those of all its bursts."""

    scene: Scene
    items: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class _Plan:
    """One stack and where it goes; ``is_new``: its folder is not there yet. Of bursts ``frame`` is the lowest one."""

    path: int
    frame: int
    folder: Path
    numbers: StackNumbers
    found: tuple[_Found, ...]
    left_out: tuple[str, ...]
    is_new: bool
    burst_ids: tuple[str, ...]


def run(request: AddJobs, context: RunContext) -> dict[str, Any]:
    """Answer `AddJobs`; see the request for the result.

    Each stack stands for itself: one that fails is listed and the others are made.

    Raises
    ------
    InsarError
        ``search.no_answer``, ``jobs.no_stacks``, ``file.malformed``, ``run.cancelled``; when no stack could be made
        the error of the first one: ``jobs.no_scenes``, ``jobs.sandbox_mix``, ``jobs.other_bursts``, ``file.malformed``, ``file.not_writable``, ``folder.locked``.
    """
    stacks = [(int(path), int(frame)) for path, frame in request.stacks]
    if not stacks:
        raise InsarError("jobs.no_stacks")
    answer_folder = Path(request.answer_folder)
    items = read_search_answer(answer_folder)
    if items is None:
        raise InsarError("search.no_answer", folder=str(answer_folder))
    facts = read_search_facts(answer_folder)
    table = _table_of_answer(answer_folder, items, facts)
    plans, excluded = _plans(list(dict.fromkeys(stacks)), table, request)
    made: list[dict[str, Any]] = []
    errors: list[InsarError] = [error for _, error in excluded]
    for index, plan in enumerate(plans):
        stop_if_cancelled(context.is_cancelled)
        report = part_of(context.report, index / len(plans), (index + 1) / len(plans))
        try:
            made.append(_make_job(plan, request, facts, replace(context, report=report)))
        except Cancelled:
            raise
        except InsarError as error:
            errors.append(error)
            excluded.append(((plan.path, plan.frame), error))
    if not made:
        raise errors[0]
    return {
        "job_folders": made,
        "excluded": [{"stack": list(stack), **error.to_json()} for stack, error in excluded],
    }


def _table_of_answer(folder: Path, items: Iterable[dict[str, Any]], facts: Mapping[str, Any]) -> SceneTable:
    """Give the scenes or passes of an answer; what the search could not read it has named."""
    sets = kept_sets(folder, facts)
    if sets is not None:
        bursts = BurstTable(None)
        bursts.add(items)
        return bursts.table(sets)
    table = SceneTable()
    table.add(items)
    return table


def _plans(
    stacks: Sequence[tuple[int, int]], table: SceneTable, request: AddJobs
) -> tuple[list[_Plan], list[tuple[tuple[int, int], InsarError]]]:
    by_stack: dict[tuple[Any, Any], list[_Found]] = {}
    wanted = frozenset(request.scene_names)
    for scene in table.scenes():
        if not wanted or scene["name"] in wanted:
            entry = _Found(scene, tuple(table.items_of(scene["name"])))
            by_stack.setdefault((scene["path"], scene["frame"]), []).append(entry)
    excluded: list[tuple[tuple[int, int], InsarError]] = []
    present: list[tuple[int, int]] = []
    for stack in stacks:
        if stack in by_stack:
            present.append(stack)
        else:
            excluded.append((stack, InsarError("jobs.no_scenes", path=stack[0], frame=stack[1])))
    work_directory = Path(request.work_directory).absolute()
    existing = {stack: found for stack in present if (found := _existing_job(work_directory, stack))}
    new = [stack for stack in present if stack not in existing]
    numbers = [StackNumbers(path, (frame,)) for path, frame in new]
    placed = dict(zip(new, place_new_stacks(work_directory, numbers)))
    plans = []
    for path, frame in present:
        job = existing.get((path, frame))
        folder, names = (job.path, job.numbers()) if job is not None else placed[path, frame]
        kept, left_out = _one_version_each(by_stack[path, frame], _scenes_of(job))
        burst_ids = tuple(by_stack[path, frame][0].scene["burst_ids"])
        plans.append(_Plan(path, frame, folder, names, kept, left_out, job is None, burst_ids))
    return plans, excluded


def _existing_job(work_directory: Path, stack: tuple[int, int]) -> JobFolder | None:
    """Give the job folder that holds this stack already: by its config, else by its name."""
    for job in list_job_folders(work_directory):
        try:
            config = job.read_config()
        except InsarError:
            config = JobConfig()
        options, burst_ids = config.stage_options(DOWNLOADER), config.burst_ids
        # Numbers have six digits, so that texts are in their order.
        lowest = min(burst_ids, default="").partition("_")[0]
        frame = int(lowest) if lowest.isdecimal() else options.get("frame")
        if (options.get("relativeOrbit"), frame) == stack:
            return job
        if numbers_of_folder_name(job.path.name) == StackNumbers(stack[0], (stack[1],)):
            return job
    return None


def _scenes_of(job: JobFolder | None) -> frozenset[str]:
    """Give the scenes that the stack of a job has; a damaged one is told when the job is made."""
    try:
        return frozenset(job.read_stack().scenes) if job is not None else frozenset()
    except InsarError:
        return frozenset()


def _one_version_each(
    found: Sequence[_Found], known: frozenset[str]
) -> tuple[tuple[_Found, ...], tuple[str, ...]]:
    """Give one version of each acquisition in chronological order, and the names of the versions left out.

    A version that the stack has already stays, since its pairs name it; else the one processed last is taken.
    """
    stems = {_without_version(name): name for name in known}
    ordered = sorted(found, key=lambda entry: acquisition_order(entry.scene["name"]))
    kept: list[_Found] = []
    left_out: list[str] = []
    for entry in ordered:
        name = entry.scene["name"]
        if stems.get(_without_version(name), name) != name:
            left_out.append(name)
            continue
        before = kept[-1] if kept else None
        if before is None or not _is_same_acquisition(before.scene, entry.scene):
            kept.append(entry)
            continue
        chosen = max(
            before,
            entry,
            key=lambda one: (
                one.scene["name"] in known,
                one.scene["processing_date"] or "",
                one.scene["name"],
            ),
        )
        left_out.append((entry if chosen is before else before).scene["name"])
        kept[-1] = chosen
    return tuple(kept), tuple(left_out)


def _without_version(name: str) -> str:
    """Give a granule name without its last field, which alone tells the versions of a scene apart."""
    return name.rpartition("_")[0]


def _is_same_acquisition(one: Scene, other: Scene) -> bool:
    apart_s = abs((_moment(one) - _moment(other)).total_seconds())
    return (one["platform"], one["orbit"]) == (
        other["platform"],
        other["orbit"],
    ) and apart_s < _SAME_ACQUISITION_S


def _moment(scene: Scene) -> datetime:
    return datetime.fromisoformat(scene["start"].replace("Z", "+00:00"))


# --- One job folder ---


def _make_job(plan: _Plan, request: AddJobs, facts: Mapping[str, Any], context: RunContext) -> dict[str, Any]:
    job = JobFolder(plan.folder)
    # Both are read first: a file of the user that is damaged stops this stack before anything is written.
    config = job.read_config()
    stack = job.read_stack() if job.stack_file() is not None else Stack(numbers=plan.numbers)
    if stack.scenes and bool(config.own.get("is_sandbox")) != bool(facts.get("is_sandbox")):
        raise InsarError("jobs.sandbox_mix", folder=str(job.path))
    _check_bursts(job, config, stack, plan)
    known = {str(item["umm"]["GranuleUR"]): item for item in _kept_items(job)}
    known.update((str(item["umm"]["GranuleUR"]), item) for entry in plan.found for item in entry.items)
    names = [entry.scene["name"] for entry in plan.found]
    new_names = [name for name in names if name not in stack.scenes]
    # Of a pass the first burst stands for all of them.
    dated = (
        {*stack.scenes, *names} if plan.burst_ids else {scene_name_of_item(item) for item in known.values()}
    )
    computed = compute_baselines(
        [item for item in known.values() if scene_name_of_item(item) in dated],
        context.report,
        context.is_cancelled,
    )
    scenes = tuple(sorted({*stack.scenes, *names}, key=acquisition_order))
    extended = stack_with_baselines(replace(stack, scenes=scenes), computed)
    stop_if_cancelled(context.is_cancelled)
    was_there = job.path.is_dir()
    try:
        _make_folder(job.path)
        with folder_lock(job.path, "add-jobs"):
            bursts = {**_kept_bursts(config), **_bursts_of(plan)}
            write_search_answer(job.path, list(known.values()), _facts_of_job(facts, plan, bursts))
            job.write_stack(extended)
            write_pairwise_file(job.path, computed.scenes, computed.pairwise_m)
            if plan.found:
                _write_config(job, config.stage_options(DOWNLOADER), plan, request, facts, bursts)
    except InsarError:
        if not was_there:
            # Only where nothing of the job came to be; what was written is worth keeping.
            with contextlib.suppress(OSError):
                job.path.rmdir()
        raise
    return _row(job, plan, extended, computed, new_names)


def _kept_items(job: JobFolder) -> list[dict[str, Any]]:
    try:
        return read_search_answer(job.path) or []
    except InsarError:
        # It may be deleted at any time; writing sets the damaged one aside.
        return []


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(folder, error) from error


def _check_bursts(job: JobFolder, config: JobConfig, stack: Stack, plan: _Plan) -> None:
    """Refuse other bursts than the stack has: HyP3 pairs equal sets only. Raises ``jobs.other_bursts``."""
    names = (burst_id(name) for name in stack.scenes)
    present = set(config.burst_ids) or {found for found in names if found is not None}
    if stack.scenes and present != set(plan.burst_ids):
        raise InsarError(
            "jobs.other_bursts", folder=str(job.path), present=sorted(present), wanted=list(plan.burst_ids)
        )


def _bursts_of(plan: _Plan) -> dict[str, list[str]]:
    return {entry.scene["name"]: entry.scene["bursts"] for entry in plan.found if entry.scene["bursts"]}


def _kept_bursts(config: JobConfig) -> dict[str, list[str]]:
    kept = config.own.get(_OWN_BURSTS)
    return dict(kept) if isinstance(kept, Mapping) else {}


def _facts_of_job(
    facts: Mapping[str, Any], plan: _Plan, bursts: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    kept = {key: facts[key] for key in ("is_sandbox", "searched_at", "request") if key in facts}
    if bursts:
        kept[BURSTS_OF_PASSES] = dict(bursts)
    return {**kept, "hits": len(plan.found), "is_complete": bool(facts.get("is_complete", True))}


def _write_config(
    job: JobFolder,
    present: Mapping[str, Any],
    plan: _Plan,
    request: AddJobs,
    facts: Mapping[str, Any],
    bursts: Mapping[str, Sequence[str]],
) -> None:
    asked = facts.get("request")
    asked = asked if isinstance(asked, Mapping) else {}
    days = [entry.scene["date"] for entry in plan.found]
    start = request.start or str(asked.get("start") or "")[:10] or min(days)
    end = request.end or str(asked.get("end") or "")[:10] or max(days)
    options: dict[str, Any] = {
        "start": min(start, str(present.get("start") or start)),
        "end": max(end, str(present.get("end") or end)),
        "relativeOrbit": plan.path,
    }
    if not plan.burst_ids:
        options["frame"] = plan.frame
    aoi_wkt = request.aoi_wkt or str(asked.get("aoi_wkt") or "")
    # The area of a job that exists stays: its clips and pair scores belong to it.
    aoi_wkt = str(present.get("intersectsWith") or aoi_wkt)
    if aoi_wkt:
        options["intersectsWith"] = aoi_wkt
    direction = plan.found[0].scene["direction"]
    if direction:
        options["flightDirection"] = direction
    kind = _BURSTS if plan.burst_ids else _SLC
    job.write_config_section(DOWNLOADER, {"type": kind, "config": options})
    own: dict[str, Any] = {
        "plugin_version": plugin_version(),
        "layout": "flat" if plan.numbers == FLAT else "sub",
    }
    if aoi_wkt:
        own["aoi_hash"] = hashlib.sha256(aoi_wkt.encode("utf-8")).hexdigest()[:8]
    if plan.burst_ids:
        own.update({_OWN_BURSTS: dict(bursts), _OWN_BURST_IDS: list(plan.burst_ids)})
    if facts.get("is_sandbox"):
        # Nobody should pay for scenes that were never taken.
        own["is_sandbox"] = True
    job.write_config_section(OWN_SECTION, own)


def _row(
    job: JobFolder, plan: _Plan, stack: Stack, computed: StackBaselines, new_names: Sequence[str]
) -> dict[str, Any]:
    return {
        "path": str(job.path),
        "track": plan.path,
        "frame": plan.frame,
        "burst_count": len(plan.burst_ids),
        "scene_count": len(stack.scenes),
        "date_count": len({entry.scene["date"] for entry in plan.found}),
        "new_scenes": len(new_names),
        "is_new": plan.is_new,
        "without_baseline": computed.unknown,
        "older_versions": list(plan.left_out),
    }

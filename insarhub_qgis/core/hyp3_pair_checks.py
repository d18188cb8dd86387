# SPDX-License-Identifier: GPL-2.0-or-later
"""What is wrong with a pair before it is paid: HyP3 takes two tracks, one scene twice or a reversed pair, and charges."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from insarhub_qgis.core.burst_shape import whole_set
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.footprints import Polygon, covered_share, polygon_of_ring, polygons_of_wkt
from insarhub_qgis.core.hyp3_options import INSAR_GAMMA, MOST_BURSTS, SINGLE_BURST, PairJob
from insarhub_qgis.core.network_graph import structure_of
from insarhub_qgis.core.relative_orbit import relative_orbit, relative_orbit_of_burst
from insarhub_qgis.core.scene_facts import SceneFacts
from insarhub_qgis.core.scenes import acquisition_order, scene_date

#: Bursts of one side are taken within this time, s.
_PASS_SECONDS = 120
#: A frame starts where its slice starts: neighbours of the same ground differ by one.
_FRAME_TOLERANCE = 1

_SLC = re.compile(
    r"^(?P<platform>S1[A-D])_IW_SLC__1S(?P<polarization>[SD][VH])_\d{8}T\d{6}_\d{8}T\d{6}"
    r"_(?P<orbit>\d{6})_[0-9A-F]{6}_[0-9A-F]{4}$"
)
_BURST = re.compile(
    r"^S1_(?P<burst>\d{6})_IW(?P<swath>[1-3])_(?P<day>\d{8})T(?P<time>\d{6})_(?P<polarization>[VH]{2})_[0-9A-F]{4}-BURST$"
)


@dataclass(frozen=True)
class StackFacts:
    """What is known of the scenes of a job folder.

    Attributes
    ----------
    frames
        Frames that the stack merges; empty: not known, or one frame only.
    area_wkt
        Area of interest, EPSG:4326; None: none.
    bursts
        First burst of each pass -> names of all.
    """

    scenes: Mapping[str, SceneFacts] = field(default_factory=dict)
    frames: frozenset[int] = frozenset()
    area_wkt: str | None = None
    bursts: Mapping[str, Sequence[str]] = field(default_factory=dict)


def pair_refusals(job_type: str, jobs: Sequence[PairJob], facts: StackFacts) -> dict[int, InsarError]:
    """Give for each job that must not be sent, by its index, the first rule that it breaks.

    What is not known of a scene breaks no rule.

    Returns
    -------
    refusals
        Codes ``hyp3_pair.not_slc``, ``.not_burst``, ``.same_scene``, ``.reversed``, ``.polarization``, ``.other_track``,
        ``.other_frame``, ``.no_overlap``, ``.outside_area``, ``.repeated``, ``.other_burst``, ``.several_bursts``,
        ``.too_many_bursts``, ``.burst_sets``, ``.not_whole``, ``.burst_times``; each with ``reference`` and ``secondary``.
    """
    area = polygons_of_wkt(facts.area_wkt) if facts.area_wkt else []
    is_outside: dict[str, bool] = {}
    seen: dict[PairJob, int] = {}
    refusals: dict[int, InsarError] = {}
    for index, job in enumerate(jobs):
        error = _name_fault(job_type, job)
        if error is None:
            error = _slc_fault(job, facts) if job_type == INSAR_GAMMA else _burst_fault(job_type, job, facts)
        if error is None and area:
            for name in job.pair:
                if name not in is_outside:
                    is_outside[name] = _is_outside(name, facts, area)
                if is_outside[name]:
                    error = _fault("outside_area", job, scene=name)
                    break
        if error is None and job in seen:
            error = _fault("repeated", job)
        seen.setdefault(job, index)
        if error is not None:
            refusals[index] = error
    return refusals


def network_parts(jobs: Iterable[PairJob]) -> int:
    """Give the number of parts that the dates of the jobs fall into; more than one cannot be inverted together."""
    pairs = [(scene_date(job.pair[0]), scene_date(job.pair[1])) for job in jobs]
    numbers = {day: index for index, day in enumerate(sorted({day for pair in pairs for day in pair}))}
    keys = sorted({(min(numbers[a], numbers[b]), max(numbers[a], numbers[b])) for a, b in pairs if a != b})
    return len(structure_of(len(numbers), keys).components) if numbers else 0


def _name_fault(job_type: str, job: PairJob) -> InsarError | None:
    pattern, code = (_SLC, "not_slc") if job_type == INSAR_GAMMA else (_BURST, "not_burst")
    for name in (*job.references, *job.secondaries):
        if not pattern.match(name):
            return _fault(code, job, scene=name, job_type=job_type)
    if set(job.references) & set(job.secondaries):
        return _fault("same_scene", job)
    latest = max(job.references, key=acquisition_order)
    if acquisition_order(latest) >= acquisition_order(min(job.secondaries, key=acquisition_order)):
        return _fault("reversed", job)
    return None


def _slc_fault(job: PairJob, facts: StackFacts) -> InsarError | None:
    one, other = (_SLC.match(name) for name in job.pair)
    if one is None or other is None:
        return None
    if one["polarization"] != other["polarization"]:
        return _fault("polarization", job, values=f"{one['polarization']}, {other['polarization']}")
    known = [facts.scenes.get(name) for name in job.pair]
    paths = [found.path if found is not None else None for found in known]
    if None in paths:
        # Both from the names: one of each source could differ without reason.
        paths = [relative_orbit(match["platform"], int(match["orbit"])) for match in (one, other)]
    if None not in paths and paths[0] != paths[1]:
        return _fault("other_track", job, values=f"{paths[0]}, {paths[1]}")
    frames = [found.frame if found is not None else None for found in known]
    if frames[0] is not None and frames[1] is not None:
        is_merged = facts.frames.issuperset(frames) and len(facts.frames) > 1
        if abs(frames[0] - frames[1]) > _FRAME_TOLERANCE and not is_merged:
            return _fault("other_frame", job, values=f"{frames[0]}, {frames[1]}")
    grounds = [_ground(name, facts) for name in job.pair]
    if all(grounds) and covered_share(grounds[0], grounds[1]) == 0.0:
        return _fault("no_overlap", job)
    return None


def _burst_fault(job_type: str, job: PairJob, facts: StackFacts) -> InsarError | None:
    sides = [
        [found for name in side if (found := _BURST.match(name))]
        for side in (job.references, job.secondaries)
    ]
    polarizations = {burst["polarization"] for side in sides for burst in side}
    if len(polarizations) > 1 or not polarizations <= {"VV", "HH"}:
        return _fault("polarization", job, values=", ".join(sorted(polarizations)))
    paths = {
        path for side in sides for burst in side if (path := relative_orbit_of_burst(int(burst["burst"])))
    }
    if len(paths) > 1:
        return _fault("other_track", job, values=", ".join(map(str, sorted(paths))))
    ids = [[(burst["burst"], burst["swath"]) for burst in side] for side in sides]
    if job_type == SINGLE_BURST:
        count = max(len(facts.bursts.get(name, ())) for name in job.pair)
        if count > 1:
            return _fault("several_bursts", job, bursts=count)
        return None if ids[0] == ids[1] and len(ids[0]) == 1 else _fault("other_burst", job)
    if max(map(len, ids)) > MOST_BURSTS:
        return _fault("too_many_bursts", job, count=max(map(len, ids)), limit=MOST_BURSTS)
    if sorted(ids[0]) != sorted(ids[1]) or len(set(ids[0])) != len(ids[0]):
        return _fault("burst_sets", job)
    names = [f"{number}_IW{swath}" for number, swath in sorted(ids[0])]
    if set(whole_set(names)) != set(names):
        return _fault("not_whole", job, bursts=names)
    for side in sides:
        # A pass may go on after midnight.
        starts = [datetime.strptime(burst["day"] + burst["time"], "%Y%m%d%H%M%S") for burst in side]
        if (max(starts) - min(starts)).total_seconds() > _PASS_SECONDS:
            return _fault("burst_times", job)
    return None


def _ground(name: str, facts: StackFacts) -> list[Polygon]:
    found = facts.scenes.get(name)
    return [polygon_of_ring(found.footprint)] if found is not None and len(found.footprint) >= 4 else []


def _is_outside(name: str, facts: StackFacts, area: Sequence[Polygon]) -> bool:
    ground = _ground(name, facts)
    # A point or a line has no share; it lies inside or it does not.
    return bool(ground) and covered_share(area, ground) == 0.0


def _fault(rule: str, job: PairJob, **fields: object) -> InsarError:
    return InsarError(f"hyp3_pair.{rule}", reference=job.pair[0], secondary=job.pair[1], **fields)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes stacks and job folders of simulated scenes: names, baselines, and a search answer with footprints."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from insarhub_qgis.core.network_dates import Node, nodes_of_scenes
from insarhub_qgis.core.pair_baselines import PairBaselines
from insarhub_qgis.core.search_answer import write_search_answer

FIRST_DAY = date(2018, 1, 1)
AOI = "POLYGON((-121 54,-120 54,-120 54.5,-121 54.5,-121 54))"


def scene_name(day: int, second: int = 34, orbit: int = 20_027) -> str:
    """A full SLC name of path 5, ``day`` days after the first one; frames differ by their start."""
    when = FIRST_DAY + timedelta(days=int(day))
    start = f"{when:%Y%m%d}T0512{second:02d}"
    stop = f"{when:%Y%m%d}T0513{second:02d}"
    # 175 orbits make 12 days, so that the path stays the same at any day in between as well.
    turn = orbit + 175 * (int(day) // 12)
    return f"S1A_IW_SLC__1SDV_{start}_{stop}_{turn:06d}_{(int(day) * 7 + second) % 0xFFFFFF:06X}_1F20"


def make_stack(
    days: Sequence[int], bperp_m: Sequence[float | None] | None = None
) -> tuple[tuple[Node, ...], PairBaselines]:
    """Nodes and baselines of scenes at days, all baselines 0 unless given."""
    names = [scene_name(day) for day in days]
    values = [0.0] * len(names) if bperp_m is None else list(bperp_m)
    known = {name: float(value) for name, value in zip(names, values) if value is not None}
    baselines = PairBaselines(known)
    return nodes_of_scenes(names, baselines)[0], baselines


def random_bperp(count: int, seed: int, sigma_m: float = 40.0) -> list[float]:
    values = np.random.default_rng(seed).normal(0.0, sigma_m, count).round(1)
    return [float(value) for value in values - (values[0] if count else 0.0)]


def random_days(seed: int, *, gaps: bool) -> list[int]:
    """Three years at 12 days with 15 % losses; with ``gaps`` one to three pauses of 60 to 80 days."""
    rng = np.random.default_rng(seed)
    days = np.arange(0, 3 * 365, 12)
    days = days[rng.random(len(days)) > 0.15]
    if gaps:
        for _ in range(int(rng.integers(1, 4))):
            at = int(rng.integers(5, len(days) - 5))
            days[at:] += int(rng.integers(60, 81)) - (days[at] - days[at - 1])
    return [int(day) for day in np.unique(days)]


def umm_item(name: str, *, frame: int = 411, shift_deg: float = 0.0, **attributes: str) -> dict:
    """An item of a search answer as the archive gives it, cut to what is read."""
    ring = [(-122.5, 53.2), (-118.5, 53.2), (-118.5, 55.2), (-122.5, 55.2), (-122.5, 53.2)]
    values = {
        "PATH_NUMBER": "5",
        "FRAME_NUMBER": str(frame),
        "ASCENDING_DESCENDING": "DESCENDING",
        "BEAM_MODE": "IW",
        "POLARIZATION": "VV+VH",
        **attributes,
    }
    points = [{"Longitude": x, "Latitude": y + shift_deg} for x, y in ring]
    return {
        "umm": {
            "GranuleUR": f"{name}-SLC",
            "AdditionalAttributes": [{"Name": key, "Values": [value]} for key, value in values.items()],
            "SpatialExtent": {
                "HorizontalSpatialDomain": {"Geometry": {"GPolygons": [{"Boundary": {"Points": points}}]}}
            },
            "DataGranule": {"Identifiers": [{"Identifier": name, "IdentifierType": "ProducerGranuleId"}]},
        }
    }


def make_network_job(
    folder: Path,
    days: Sequence[int],
    bperp_m: Sequence[float | None] | None = None,
    pairs: Sequence[tuple[int, int]] = (),
    items: Sequence[dict] | None = None,
    config: Mapping[str, object] | None = None,
    scores: Mapping[tuple[int, int], float] | None = None,
) -> Path:
    """A job folder with stack file, config with an area of interest, and search answer."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [scene_name(day) for day in days]
    values = random_bperp(len(names), 1) if bperp_m is None else list(bperp_m)
    stack: dict[str, object] = {
        "pairs": [[names[one], names[other]] for one, other in pairs],
        "baselines": {name: value for name, value in zip(names, values) if value is not None},
        "scenes": names,
    }
    if scores:
        keyed = {f"{names[one]},{names[other]}": value for (one, other), value in scores.items()}
        stack["pair_quality"] = {"scores": keyed, "status": {}}
    (folder / "stack_p0_f0.json").write_text(json.dumps(stack), encoding="utf-8")
    document = {"downloader": {"type": "S1_SLC", "config": {"intersectsWith": AOI}}, **(config or {})}
    (folder / "insarhub_config.json").write_text(json.dumps(document), encoding="utf-8")
    write_search_answer(folder, [umm_item(name) for name in names] if items is None else list(items))
    return folder

# SPDX-License-Identifier: GPL-2.0-or-later
"""Job folders with a stack of made-up scenes, for the network editor and what draws networks."""

from __future__ import annotations

import json
import random
from datetime import date, timedelta
from pathlib import Path

FIRST_DAY = date(2019, 1, 3)


def scene_names(count: int, step_days: int = 12) -> list[str]:
    names = []
    for number in range(count):
        day = FIRST_DAY + timedelta(step_days * number)
        names.append(
            f"S1A_IW_SLC__1SDV_{day:%Y%m%d}T051234_{day:%Y%m%d}T051301_{26000 + 175 * number:06d}_05B4A1_{number:04X}"
        )
    return names


def footprint_item(name: str, west: float) -> dict:
    """An item of a search answer that tells no more than the footprint of a scene, degrees."""
    ring = [(west, 40.0), (west + 2, 40.0), (west + 2, 41.5), (west, 41.5), (west, 40.0)]
    points = [{"Longitude": x, "Latitude": y} for x, y in ring]
    return {
        "umm": {
            "GranuleUR": f"{name}-SLC",
            "SpatialExtent": {
                "HorizontalSpatialDomain": {"Geometry": {"GPolygons": [{"Boundary": {"Points": points}}]}}
            },
        }
    }


def write_network_job(
    folder: Path,
    dates: int = 12,
    connections: int = 3,
    *,
    has_scores: bool = True,
    unknown: tuple[int, ...] = (),
    seed: int = 1,
) -> Path:
    """A job folder whose dates are joined with each of the next ``connections`` dates.

    Scores run through all classes, one pair in ten has none; dates in ``unknown`` have no baseline.
    """
    chance = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    names = scene_names(dates)
    baselines = {
        name: 0.0 if number == 0 else round(chance.gauss(0.0, 55.0), 1)
        for number, name in enumerate(names)
        if number not in unknown
    }
    pairs = [
        [names[one], names[other]]
        for one in range(dates)
        for other in range(one + 1, min(dates, one + connections + 1))
    ]
    document = {"pairs": pairs, "baselines": baselines, "scenes": names}
    if has_scores:
        scores = {
            ",".join(pair): round(chance.uniform(2.0, 99.0), 1)
            for number, pair in enumerate(pairs)
            if number % 10 != 9
        }
        document["pair_quality"] = {
            "scores": scores,
            "factors": {key: {"coherence": round(score / 120.0, 2)} for key, score in scores.items()},
            "status": {},
        }
    (folder / f"stack_{folder.name}.json").write_text(json.dumps(document), encoding="utf-8")
    config = {"downloader": {"type": "S1_SLC", "config": {"relativeOrbit": 44, "frame": 117}}}
    (folder / "insarhub_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder

# SPDX-License-Identifier: GPL-2.0-or-later
"""Jobs of seven dates from December to March, for the decay of coherence of their area."""

from __future__ import annotations

import json
from pathlib import Path

#: Land in Canada.
CANADA = "POLYGON ((-121 54, -120.9 54, -120.9 54.1, -121 54.1, -121 54))"
CHILE = "POLYGON ((-70.4 -33.3, -70.35 -33.3, -70.35 -33.25, -70.4 -33.25, -70.4 -33.3))"
SEA = "POLYGON ((-140 40, -139.9 40, -139.9 40.1, -140 40.1, -140 40))"
#: North of 82 degrees the global coherence ends.
ARCTIC = "POLYGON ((-40 83, -39 83, -39 83.4, -40 83.4, -40 83))"
DAYS = ("20191201", "20191213", "20191225", "20200106", "20200118", "20200211", "20200306")


def write_decay_job(folder: Path, aoi: str = CANADA) -> Path:
    """Write a job folder whose active pairs are the neighbours in time."""
    folder.mkdir(parents=True)
    names = [
        f"S1A_IW_SLC__1SDV_{day}T014526_{day}T014553_{30000 + 175 * number:06d}_03A1B2_1F20"
        for number, day in enumerate(DAYS)
    ]
    pairs = [list(pair) for pair in zip(names, names[1:])]
    stack = {"pairs": pairs, "baselines": dict.fromkeys(names, 0.0), "scenes": names}
    (folder / "stack_p0_f0.json").write_text(json.dumps(stack), encoding="utf-8")
    write_area(folder, aoi)
    return folder


def write_area(folder: Path, aoi: str) -> None:
    """Give a job another area of interest."""
    config = {"downloader": {"type": "S1_SLC", "config": {"intersectsWith": aoi, "relativeOrbit": 13}}}
    (folder / "insarhub_config.json").write_text(json.dumps(config), encoding="utf-8")

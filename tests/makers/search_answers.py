# SPDX-License-Identifier: GPL-2.0-or-later
"""Results of a search as the engine gives them, made up in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

#: South-west corner of frame 411 of path 13, degrees.
WEST, SOUTH = -123.1, 53.2


def rectangle(west: float, south: float, east: float, north: float) -> str:
    """WKT polygon."""
    ring = ((west, south), (east, south), (east, north), (west, north), (west, south))
    return f"POLYGON(({', '.join(f'{x:g} {y:g}' for x, y in ring)}))"


def scene_row(day: str, path: int | None, frame: int | None, hour: int = 14, **values: Any) -> dict[str, Any]:
    """A row of ``scenes``; ``values`` replace what is made up. Frames of a path lie north of each other."""
    compact = day.replace("-", "")
    orbit = 10_000 + date.fromisoformat(day).toordinal() % 10_000
    code = f"{(orbit * 31 + hour * 7 + (path or 0) * 131 + (frame or 0)) % 65536:04X}"
    start = f"{compact}T{hour:02d}1855"
    name = f"S1B_IW_SLC__1SDV_{start}_{compact}T{hour:02d}1922_{orbit:06d}_01AC7A_{code}"
    south = SOUTH + ((frame or 411) - 411) * 0.3
    west = WEST + ((path or 13) - 13) * 0.02
    row = {
        "name": name,
        "date": day,
        "start": f"{day}T{hour:02d}:18:55Z",
        "stop": f"{day}T{hour:02d}:19:22Z",
        "platform": "S1B",
        "polarization": "VV+VH",
        "path": path,
        "frame": frame,
        "direction": "DESCENDING",
        "orbit": orbit,
        "footprint_wkt": rectangle(west, south, west + 3.5, south + 1.6),
        "aoi_coverage": 1.0,
        "has_state_vectors": True,
        "bytes": 4_752_741_014,
        "url": f"https://datapool.asf.alaska.edu/SLC/SB/{name}.zip",
        "browse_url": None,
        "processing_date": f"{day}T23:40:25Z",
        "beam_mode": "IW",
    }
    return {**row, **values}


def answer_of(scenes: Sequence[dict[str, Any]], **values: Any) -> dict[str, Any]:
    """A whole result around rows of scenes."""
    coverage: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for row in scenes:
        if row["path"] is not None and row["frame"] is not None:
            coverage.setdefault((row["path"], row["date"]), []).append(row)
    result = {
        "scenes": sorted(scenes, key=lambda row: row["start"], reverse=True),
        "stacks": [],
        "coverage_by_date": [
            {
                "path": path,
                "date": day,
                "frames": sorted({row["frame"] for row in rows}),
                "aoi_coverage": max((row["aoi_coverage"] or 0.0 for row in rows), default=None),
            }
            for (path, day), rows in sorted(coverage.items())
        ],
        "hits": len(scenes),
        "is_complete": True,
        "is_sandbox": True,
        "searched_at": "2026-11-21T04:40:00Z",
        "request": {
            "aoi_wkt": rectangle(-122.0, 53.6, -121.0, 54.4),
            "start": "2019-01-01",
            "end": "2019-12-31",
        },
        "messages": [],
        "answer_file": "",
    }
    return {**result, **values}


def two_frames(count: int = 12, gap_after: int = 6) -> list[dict[str, Any]]:
    """Two frames of a path every 12 days; the second misses one day, and a revisit is left out in both."""
    rows = []
    day = date(2019, 1, 7)
    for number in range(count):
        rows.append(scene_row(day.isoformat(), 13, 411))
        if number != 2:
            rows.append(scene_row(day.isoformat(), 13, 416, hour=15, aoi_coverage=0.4))
        day += timedelta(days=36 if number == gap_after else 12)
    return rows


def burst_row(day: str, numbers: Sequence[int] = (220001, 220002), **values: Any) -> dict[str, Any]:
    """A row of ``scenes`` that is a pass over bursts of the first sub-swath; ``values`` replace what is made up."""
    compact = day.replace("-", "")
    names = [
        f"S1_{number:06d}_IW1_{compact}T1800{10 + 3 * place:02d}_VV_1A2B-BURST"
        for place, number in enumerate(numbers)
    ]
    row = {
        "name": names[0],
        "platform": "S1A",
        "polarization": "VV",
        "direction": "ASCENDING",
        "footprint_wkt": rectangle(-2.1, 37.3, -1.1, 37.3 + 0.18 * len(names)),
        "bytes": 140_000_000 * len(names),
        "bursts": names,
        "burst_ids": [f"{number:06d}_IW1" for number in numbers],
    }
    return scene_row(day, 103, numbers[0], hour=18, **{**row, **values})


def burst_answer(
    count: int = 10,
    numbers: Sequence[int] = (220001, 220002),
    without: Sequence[str] = ("2020-02-12",),
    **values: Any,
) -> dict[str, Any]:
    """A whole result of one stack of bursts every 12 days; on the days ``without`` a burst is missing."""
    first = date(2020, 1, 7)
    days = [(first + timedelta(days=12 * number)).isoformat() for number in range(count)]
    rows = [burst_row(day, numbers) for day in days if day not in without]
    stack = {
        "path": 103,
        "frame": numbers[0],
        "burst_count": len(numbers),
        "burst_ids": rows[0]["burst_ids"],
        "dates_without": list(without),
    }
    request = {
        "product": "BURST",
        "aoi_wkt": rectangle(-2.0, 37.4, -1.8, 37.6),
        "start": "2020-01-01",
        "end": "2020-12-31",
    }
    # The archive counts bursts.
    return answer_of(rows, stacks=[stack], hits=len(rows) * len(numbers), **{"request": request, **values})

# SPDX-License-Identifier: GPL-2.0-or-later
"""Job folders with HyP3 jobs in all states, as files only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

from insarhub_qgis.core.iso_times import iso


def granule(day: date) -> str:
    return f"S1A_IW_SLC__1SDV_{day:%Y%m%d}T051234_{day:%Y%m%d}T051301_047512_05B4A1_{day.toordinal() % 65536:04X}"


def pair_of(number: int) -> list[str]:
    """Reference and secondary of pair ``number``: every 12 days, each date with the next two."""
    start = date(2023, 3, 5) + timedelta(days=12 * (number // 2))
    return [granule(start), granule(start + timedelta(days=12 * (1 + number % 2)))]


def product_name(number: int) -> str:
    """Name of the zip of pair ``number``."""
    first, second = (name.split("_")[5] for name in pair_of(number))
    days = 12 * (1 + number % 2)
    return f"S1AA_{first}_{second}_VVP{days:03d}_INT80_G_weF_{number:04X}.zip"


def write_job_file(
    folder: Path,
    statuses: Sequence[str],
    *,
    name: str = "hyp3_jobs.json",
    prefix: str = "id",
    first: int = 0,
    expires_in: timedelta = timedelta(days=12, hours=4, minutes=30),
    retry_of: dict[str, str] | None = None,
    now: datetime | None = None,
) -> list[str]:
    """Write a job file whose jobs have these statuses, an empty one for never asked; give the ids.

    ``EXPIRED`` succeeded long ago; ``DOWNLOADED`` succeeded, and its zip is put into the folder.
    """
    moment = now or datetime.now(timezone.utc)
    folder.mkdir(parents=True, exist_ok=True)
    ids = [f"{prefix}-{number}" for number in range(len(statuses))]
    seen = {}
    for number, (job_id, status) in enumerate(zip(ids, statuses), first):
        if not status:
            continue
        entry = {
            "status": {"EXPIRED": "SUCCEEDED", "DOWNLOADED": "SUCCEEDED"}.get(status, status),
            "at": iso(moment - timedelta(minutes=5)),
            "credits": 10.0,
            "requested": iso(moment - timedelta(days=2)),
            "job_type": "INSAR_GAMMA",
            "looks": "20x4",
            "logs": ["https://example.com/log.txt"] if status == "FAILED" else [],
        }
        if status in ("SUCCEEDED", "EXPIRED", "DOWNLOADED"):
            content = b"zip" * (50 + number)
            if status == "DOWNLOADED":
                (folder / product_name(number)).write_bytes(content)
            gone = timedelta(days=-1)
            entry |= {
                "file": product_name(number),
                "size": len(content) if status == "DOWNLOADED" else 82_000_000,
                "url": f"https://example.com/{product_name(number)}",
                "expires": iso(moment + (gone if status == "EXPIRED" else expires_in)),
            }
        seen[job_id] = entry
    own = {
        "version": 1,
        "submitted_at": iso(moment - timedelta(days=2)),
        "job_type": "INSAR_GAMMA",
        "pairs": {job_id: pair_of(number) for number, job_id in enumerate(ids, first)},
        "retry_of": retry_of or {},
        "last_seen": seen,
    }
    document = {"job_ids": {"anna": ids}, "out_dir": folder.as_posix(), "insarhub_qgis": own}
    (folder / name).write_text(json.dumps(document, indent=2), encoding="utf-8")
    return ids


def write_stack_file(folder: Path, pairs: int) -> list[list[str]]:
    """Write config and stack file with the first pairs; give the pairs."""
    folder.mkdir(parents=True, exist_ok=True)
    found = [pair_of(number) for number in range(pairs)]
    scenes = sorted({name for pair in found for name in pair})
    stack = {"pairs": found, "scenes": scenes, "baselines": {name: 5.0 * n for n, name in enumerate(scenes)}}
    (folder / "stack_p44_f117.json").write_text(json.dumps(stack), encoding="utf-8")
    config = {"downloader": {"type": "S1_SLC", "config": {"relativeOrbit": 44, "frame": 117}}}
    (folder / "insarhub_config.json").write_text(json.dumps(config), encoding="utf-8")
    return found


def write_burst_job(folder: Path, dates: int, bursts: int) -> list[list[str]]:
    """Write the config and stack file of a job of bursts, each date paired with the next; give the pairs."""
    folder.mkdir(parents=True, exist_ok=True)
    first = date(2020, 1, 7)
    passes = {
        (name := burst_names(first + timedelta(days=12 * number), bursts))[0]: name for number in range(dates)
    }
    scenes = list(passes)
    pairs = [[one, other] for one, other in zip(scenes, scenes[1:])]
    stack = {"pairs": pairs, "scenes": scenes, "baselines": {name: 5.0 * n for n, name in enumerate(scenes)}}
    (folder / "stack_p103_f220001.json").write_text(json.dumps(stack), encoding="utf-8")
    options = {
        "relativeOrbit": 103,
        "flightDirection": "ASCENDING",
        "start": "2020-01-01",
        "end": "2020-12-31",
    }
    own = {"bursts": passes, "burst_ids": [name[3:13] for name in passes[scenes[0]]]}
    config = {"downloader": {"type": "S1_Burst", "config": options}, "insarhub_qgis": own}
    (folder / "insarhub_config.json").write_text(json.dumps(config), encoding="utf-8")
    return pairs


def burst_names(day: date, count: int) -> list[str]:
    """Names of neighbouring bursts of one pass and sub-swath."""
    return [
        f"S1_{220001 + number}_IW1_{day:%Y%m%d}T1800{10 + 3 * number:02d}_VV_{day.toordinal() % 65536:04X}-BURST"
        for number in range(count)
    ]

# SPDX-License-Identifier: GPL-2.0-or-later
"""What a sandbox's HyP3 took and charged, beside what a job folder knows of it."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from insarhub_qgis.core.hyp3_files import find_job_files
from insarhub_qgis.core.hyp3_journal import open_intents

PRICE = 10.0


def jobs_of_user(base_url: str, user: str) -> tuple[list[dict[str, Any]], float]:
    """Accepted jobs of a user, oldest first, and what the user was charged."""
    with urllib.request.urlopen(f"{base_url}/_sandbox/jobs", timeout=30) as answer:
        value = json.loads(answer.read())
    return [job for job in value["jobs"] if job["user"] == user], value["charged"].get(user, 0)


def assert_paid_once(
    base_url: str, user: str, folder: Path, pairs: Iterable[Iterable[str]], price: float = PRICE
) -> None:
    """Each of these pairs has exactly one job, the charge is theirs, and the job files know every id."""
    wanted = sorted(tuple(pair) for pair in pairs)
    jobs, charged = jobs_of_user(base_url, user)
    assert sorted(tuple(job["granules"]) for job in jobs) == wanted
    assert charged == len(wanted) * price
    files, problems = find_job_files(folder)
    assert problems == []
    known = [job_id for file in files for job_id in file.ids]
    assert sorted(known) == sorted(job["job_id"] for job in jobs)
    of_files = {job_id: pair for file in files for job_id, pair in file.pairs.items()}
    assert of_files == {job["job_id"]: tuple(job["granules"]) for job in jobs}
    assert sum(file.own["credits"] for file in files) == len(wanted) * price
    assert open_intents(folder) == []

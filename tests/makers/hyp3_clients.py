# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls to the HyP3 service of a sandbox by plain HTTP."""

from __future__ import annotations

import json
import time
from typing import Any

from insarhub_qgis.core.requests import Simulate
from insarhub_qgis.core.sandbox_credentials import make_sandbox_token
from insarhub_qgis.sandbox.acquisitions import acquisition
from insarhub_qgis.sandbox.scene import FIRST_DATE, simulated_dates
from tests.makers.sandbox_clients import call

#: Products of this size take a fraction of a second.
SMALL = Simulate(output_folder="", width=24, height=20)
PASSES = [acquisition(date, FIRST_DATE) for date in simulated_dates(31, 12)]
SCENES = [one.granule for one in PASSES]


def bearer(user: str = "sandbox-anna", life_s: float = 3600.0) -> dict[str, str]:
    return {"Authorization": f"Bearer {make_sandbox_token(user, time.time() + life_s)}"}


def ask(url: str, path: str, method: str = "GET", value: Any = None, user: str = "sandbox-anna"):
    """(status, main media type, JSON or text) of one request of a signed-in user."""
    status, headers, body = call(url, path, method, value=value, headers=bearer(user))
    return read(status, headers, body)


def read(status, headers, body):
    kind = headers["Content-Type"].partition(";")[0]
    return status, kind, json.loads(body) if "json" in kind else body.decode("utf-8")


def gamma_job(first: int = 0, second: int = 1, name: str | None = None, **parameters) -> dict[str, Any]:
    job = {
        "job_type": "INSAR_GAMMA",
        "job_parameters": {"granules": [SCENES[first], SCENES[second]], **parameters},
    }
    return {**job, "name": name} if name is not None else job


def burst_job(first: int = 0, second: int = 1, **parameters) -> dict[str, Any]:
    granules = [PASSES[first].burst(0), PASSES[second].burst(0)]
    return {"job_type": "INSAR_ISCE_BURST", "job_parameters": {"granules": granules, **parameters}}


def multi_burst_job(first: int = 0, second: int = 1, **parameters) -> dict[str, Any]:
    sides = {
        side: [PASSES[index].burst(burst) for burst in (0, 1)]
        for side, index in (("reference", first), ("secondary", second))
    }
    return {"job_type": "INSAR_ISCE_MULTI_BURST", "job_parameters": {**sides, **parameters}}


def submit(url: str, *jobs: dict[str, Any], user: str = "sandbox-anna", **body) -> list[dict[str, Any]]:
    status, _, answer = ask(url, "/jobs", "POST", {"jobs": list(jobs), **body}, user)
    assert status == 200, answer
    return answer["jobs"]


def advance(url: str, seconds: float) -> None:
    status, _, body = call(url, "/_sandbox/advance", "POST", value={"seconds": seconds})
    assert status == 200, body


def steer(url: str, what: str, **value) -> None:
    status, _, body = call(url, f"/_sandbox/{what}", "POST", value=value)
    assert status == 200, body


def finished(url: str, *jobs: dict[str, Any], user: str = "sandbox-anna") -> list[dict[str, Any]]:
    """Submit jobs, let their time pass, and give them as the service tells them then."""
    ids = [job["job_id"] for job in submit(url, *jobs, user=user)]
    advance(url, 10)
    return [ask(url, f"/jobs/{job_id}", user=user)[2] for job_id in ids]

# SPDX-License-Identifier: GPL-2.0-or-later
"""Jobs at the sandbox's HyP3 whose products are zips of noise, made in no time, and job folders that know them."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from insarhub_qgis.core.hyp3_files import add_jobs
from insarhub_qgis.core.progress import IsCancelled
from insarhub_qgis.core.scenes import Pair, scene_start
from insarhub_qgis.sandbox.hyp3_jobs import Hyp3Job, Hyp3Settings
from insarhub_qgis.sandbox.hyp3_service import Hyp3Service
from insarhub_qgis.sandbox.server import SandboxServer
from insarhub_qgis.sandbox.service_state import SandboxClock
from tests.makers.hyp3_submissions import USER, catalogue, pairs_of_stack, token
from tests.makers.sandbox_clients import call


def product_name(pair: Pair, code: int = 0) -> str:
    one, other = scene_start(pair.reference), scene_start(pair.secondary)
    return f"S1AA_{one}_{other}_VVP{pair.temporal_baseline_days:03d}_INT80_G_ueF_{code:04X}"


def product_bytes(name: str, size: int = 200_000, seed: int = 1) -> bytes:
    """A zip with the members of a product; its rasters are noise, so that its size is about what is asked for."""
    noise = random.Random(f"{name}{seed}")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as package:
        package.writestr(f"{name}/{name}.txt", "Baseline: 10\n")
        for kind in ("unw_phase", "corr"):
            package.writestr(f"{name}/{name}_{kind}.tif", noise.randbytes(size // 2))
    return stream.getvalue()


class NoiseProducts:
    """A maker of products for the sandbox: of each pair one zip of about ``size`` bytes."""

    def __init__(self, size: int = 50_000) -> None:
        self._size = size

    def __call__(
        self, jobs: Sequence[Hyp3Job], folder: Path, is_cancelled: IsCancelled
    ) -> Iterator[tuple[Hyp3Job, Path]]:
        for job in jobs:
            name = product_name(Pair(job.scenes[0][0], job.scenes[1][0]), int(job.job_id[:4], 16))
            path = folder / f"{name}.zip"
            path.write_bytes(product_bytes(name, self._size))
            yield job, path


def noise_server(size: int = 50_000, **settings: object) -> SandboxServer:
    """A sandbox of HyP3 that makes noise; jobs start and end at once unless told otherwise."""
    clock = SandboxClock()
    chosen = Hyp3Settings(**{"pending_s": 0.0, "done_s": 0.0, **settings})
    return SandboxServer([Hyp3Service(clock, catalogue(), NoiseProducts(size), chosen)], clock)


def ask(
    server: SandboxServer, path: str, method: str = "GET", value: object = None, user: str = USER
) -> dict:
    headers = {"Authorization": f"Bearer {token(user)}"}
    status, _, body = call(server.base_url, path, method, value=value, headers=headers)
    assert status == 200, body
    return json.loads(body)


def submit(server: SandboxServer, count: int, user: str = USER, name: str = "ifg") -> list[dict]:
    """Send jobs for the first pairs of the stack and give them as accepted."""
    jobs = [
        {
            "job_type": "INSAR_GAMMA",
            "name": name,
            "job_parameters": {"granules": list(pair), "include_dem": True, "include_look_vectors": True},
        }
        for pair in pairs_of_stack(count)
    ]
    found: list[dict] = []
    for start in range(0, count, 200):
        answer = ask(server, "/jobs", "POST", {"jobs": jobs[start : start + 200]}, user)
        found += answer["jobs"]
    server.advance(0)
    return found


def put_jobs(
    folder: Path, jobs: Sequence[dict], user: str = USER, file: str = "hyp3_jobs.json", **own: object
) -> Path:
    """A job file as a submission leaves it: ids and pairs, nothing seen yet."""
    folder.mkdir(parents=True, exist_ok=True)
    own = {"pairs": {job["job_id"]: job["job_parameters"]["granules"] for job in jobs}, **own}
    add_jobs(folder / file, user, [job["job_id"] for job in jobs], folder, own)
    return folder / file


def put_foreign_jobs(folder: Path, ids: dict[str, list[str]], file: str = "hyp3_jobs.json") -> Path:
    """A job file as InSARHub writes it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file
    path.write_text(json.dumps({"job_ids": ids, "out_dir": str(folder)}), encoding="utf-8")
    return path

# SPDX-License-Identifier: GPL-2.0-or-later
"""Job folders whose pairs the sandbox knows, and a sandbox that processes without making products."""

from __future__ import annotations

import functools
import itertools
import json
import time
from pathlib import Path

from insarhub_qgis.core.credentials import Credential
from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.core.sandbox_credentials import make_sandbox_token
from insarhub_qgis.core.search_answer import write_search_answer
from insarhub_qgis.sandbox.acquisitions import RELATIVE_ORBIT
from insarhub_qgis.sandbox.hyp3_jobs import Hyp3Settings
from insarhub_qgis.sandbox.hyp3_service import Hyp3Service
from insarhub_qgis.sandbox.known_scenes import KnownScene, known_scenes
from insarhub_qgis.sandbox.server import SandboxServer
from insarhub_qgis.sandbox.service_state import SandboxClock
from insarhub_qgis.sandbox.simulated_catalogue import simulated_burst_items, simulated_items
from tests.makers import hyp3_payments
from tests.makers.hyp3_payments import PRICE
from tests.makers.sandbox_clients import call

USER = "sandbox-anna"
AREA = "POLYGON((-1.8 37.6,-1.7 37.6,-1.7 37.7,-1.8 37.7,-1.8 37.6))"


@functools.cache
def catalogue() -> dict[str, KnownScene]:
    return known_scenes([*simulated_items(), *simulated_burst_items()])


@functools.cache
def stack_scenes() -> tuple[str, ...]:
    """Names of the largest simulated frame, in order of time."""
    stacks: dict[tuple, list[KnownScene]] = {}
    for scene in catalogue().values():
        if scene.frame is not None and scene.path == RELATIVE_ORBIT:
            stacks.setdefault((scene.path, scene.frame), []).append(scene)
    largest = max(stacks.values(), key=len)
    return tuple(scene.name for scene in sorted(largest, key=lambda scene: scene.start))


def pairs_of_stack(count: int) -> list[tuple[str, str]]:
    found = sorted(
        itertools.combinations(range(len(stack_scenes())), 2), key=lambda pair: (pair[1] - pair[0], pair)
    )
    assert len(found) >= count
    return [(stack_scenes()[one], stack_scenes()[other]) for one, other in found[:count]]


def make_hyp3_job(
    folder: Path, pairs: list[tuple[str, str]], *, scores: dict | None = None, own: dict | None = None
) -> Path:
    """A job folder as Add Job leaves it, with these pairs."""
    folder.mkdir(parents=True, exist_ok=True)
    scene = catalogue()[pairs[0][0]] if pairs else None
    frame = (scene.frame if scene is not None else None) or 1
    stack: dict = {"pairs": [list(pair) for pair in pairs], "baselines": {}}
    if scores:
        keyed = {f"{one},{other}": value for (one, other), value in scores.items()}
        stack["pair_quality"] = {"scores": keyed, "status": {}}
    config = {
        "downloader": {
            "type": "S1_SLC",
            "config": {"relativeOrbit": RELATIVE_ORBIT, "frame": frame, "intersectsWith": AREA},
        },
        "insarhub_qgis": {"version": 1, "is_sandbox": True, **(own or {})},
    }
    (folder / "stack_p0_f0.json").write_text(json.dumps(stack), encoding="utf-8")
    (folder / "insarhub_config.json").write_text(json.dumps(config), encoding="utf-8")
    names = {name for pair in pairs for name in pair}
    write_search_answer(folder, [scene.item for name, scene in catalogue().items() if name in names])
    return folder


def make_hyp3_server(settings: Hyp3Settings | None = None) -> SandboxServer:
    """A sandbox of HyP3 alone; jobs succeed without files."""
    clock = SandboxClock()
    return SandboxServer([Hyp3Service(clock, catalogue(), settings=settings)], clock)


def endpoints_of(server: SandboxServer) -> Endpoints:
    return Endpoints.of_sandbox(server.base_url)


def token(user: str = USER, life_s: float = 86400.0) -> str:
    return make_sandbox_token(user, time.time() + life_s)


class Listener:
    """A context that keeps items, logs and progress."""

    def __init__(self, user: str = USER, is_cancelled=lambda: False, life_s: float = 86400.0) -> None:
        self.items: list[dict] = []
        self.logs: list[str] = []
        self.texts: list[str] = []
        self.context = RunContext(
            report=lambda _, text: self.texts.append(text),
            is_cancelled=is_cancelled,
            log=lambda text, level="info": self.logs.append(f"{level}: {text}"),
            item=self.items.append,
            credential=Credential(token=token(user, life_s)),
        )


def steer(server: SandboxServer, action: str, **values) -> dict:
    status, _, body = call(server.base_url, f"/_sandbox/{action}", "POST", value=values)
    assert status == 200, body
    return json.loads(body)


def jobs_of_server(server: SandboxServer) -> tuple[list[dict], dict]:
    """Accepted jobs of all users, and what each user was charged."""
    status, _, body = call(server.base_url, "/_sandbox/jobs")
    assert status == 200, body
    value = json.loads(body)
    return value["jobs"], value["charged"]


def set_account(server: SandboxServer, **values) -> None:
    steer(server, "account", user_id=USER, **values)


def assert_paid_once(server: SandboxServer, folder: Path, pairs, price: float = PRICE) -> None:
    """Every pair has exactly one job, the charge is theirs, and the job files know every id."""
    jobs, _ = jobs_of_server(server)
    assert {job["user"] for job in jobs} <= {USER}
    hyp3_payments.assert_paid_once(server.base_url, USER, folder, pairs, price)

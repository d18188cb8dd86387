# SPDX-License-Identifier: GPL-2.0-or-later
"""InSARHub 0.4.2 at work on a work directory, by its own loaders and writers; runs in the environment of the peers.

``insarhub_peer.py read WORK_DIRECTORY``: what its job drawer, network editor, command line and HyP3 processor see.
``insarhub_peer.py write WORK_DIRECTORY SANDBOX_URL``: it searches, adds jobs, selects pairs, edits, orders and refreshes.
``insarhub_peer.py edit WORK_DIRECTORY FOLDER``: its editor saves the folder without the last pair, its dry run marks it.
The last line on stdout is the answer as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import insarhub
import insarhub.app.state as state
import requests
from insarhub.app.models import (
    AddJobRequest,
    AddMergedJobRequest,
    Hyp3ActionRequest,
    MergedStackSpec,
    ProcessRequest,
    SavePairsRequest,
    SelectPairsRequest,
)
from insarhub.app.routes import folders, processor, quality, search, settings
from insarhub.cli import main as cli
from insarhub.config import Hyp3_S1_Config, S1_SLC_Config
from insarhub.core.registry import Downloader
from insarhub.processor.hyp3_s1 import Hyp3_S1
from insarhub.utils.pair_quality import _coherence, _weather
from insarhub.utils.pair_quality._cache import CacheManager
from insarhub.utils.pair_quality._db import PairQualityDB, _load_db

#: Across the border of two simulated frames.
AREA = "POLYGON((-2 37.8,-1.5 37.8,-1.5 38.8,-2 38.8,-2 37.8))"
START, END = "2020-01-01", "2020-06-30"
SEARCH_FIELDS = ("start", "end", "relativeOrbit", "frame", "intersectsWith", "flightDirection")
ACCOUNT = "geo_anna"
#: Nothing that works takes this long; this file runs by itself, beside no tests.
HANG_S = 240.0


# --- Reading ---


def read(work_directory: str) -> dict:
    """Give what each loader of 0.4.2 says about a work directory."""
    work = Path(work_directory)
    state._settings["workdir"] = str(work)
    listed = asyncio.run(settings.get_job_folders())["jobs"]
    nothing = argparse.Namespace(pairs_file=None, pairs=None)
    entries = argparse.Namespace(recursive=True, job_file=None)
    return {
        "listed": listed,
        "command_line_pairs": cli._load_pairs(nothing, work),
        "command_line_jobs": [
            [str(place), str(file)] for place, file, _ in cli._iter_job_entries(work, entries)
        ],
        "folders": {entry["name"]: read_folder(Path(entry["path"])) for entry in listed},
    }


def read_folder(folder: Path) -> dict:
    config = state.read_insarhub_config(folder)
    # The way a search of 0.4.2 takes its options: command line first, which refuses fields that it does not know.
    options = cli._read_dl_config_from_folder(folder)
    strict = S1_SLC_Config(**{**options, "workdir": folder})
    searched = {name: getattr(strict, name) for name in SEARCH_FIELDS}
    downloader = Downloader.create(config["downloader"]["type"], strict)
    found = {
        "config": asyncio.run(settings.get_folder_config(str(folder))),
        "search": searched,
        "area": downloader.config.intersectsWith,
        "details": asyncio.run(folders.get_folder_details(str(folder))),
        "pairs": asyncio.run(folders.get_folder_pairs(str(folder))),
        "network": asyncio.run(folders.get_folder_network_data(str(folder))),
        "hyp3": asyncio.run(processor.get_folder_hyp3_jobs(str(folder))),
        "orders": {file.name: read_order(file) for file in sorted(folder.glob("hyp3*.json"))},
        "database": PairQualityDB.status(folder),
    }
    stacks = [json.loads(file.read_text()) for file in folder.glob("stack_p*_f*.json")]
    if any((stack.get("pair_quality") or {}).get("status") for stack in stacks):
        # Without a status 0.4.2 would ask the weather services.
        found["quality"] = asyncio.run(quality.get_pair_quality(str(folder))).status
    return found


def read_order(file: Path) -> dict:
    loaded = Hyp3_S1(Hyp3_S1_Config(workdir=file.parent, saved_job_path=str(file), dry_run=True))
    return {"job_ids": dict(loaded.job_ids), "output_dir": str(loaded.output_dir)}


def without_login(self: Hyp3_S1, pool: dict | None = None) -> None:
    """Take the place of the login, which asks the service before any file is read."""
    self._username = ACCOUNT
    self._username_pool, self._password_pool = [ACCOUNT], [""]
    self._auth_pool, self._user_index = False, 0


# --- Writing ---


def write(work_directory: str, sandbox_url: str) -> dict:
    """Make folders as a person does in 0.4.2 and give, by folder, what it holds in memory."""
    redirect(sandbox_url)
    answer_without_network()
    work = Path(work_directory)
    common = {"start": START, "end": END, "wkt": AREA, "flightDirection": "ASCENDING", "relativeOrbit": 103}
    single = asyncio.run(
        search.add_job(AddJobRequest(workdir=str(work), frame=121, platform="SENTINEL-1", **common))
    )
    specs = [MergedStackSpec(frame=frame, **common) for frame in (121, 126)]
    merged = asyncio.run(search.add_merged_job(AddMergedJobRequest(workdir=str(work), stacks=specs)))
    flat = work.with_name("alone") / "bay"
    flat.mkdir(parents=True)
    options = {"start": START, "end": END, "relativeOrbit": 8, "frame": 463, "flightDirection": "DESCENDING"}
    state.write_insarhub_config(flat, {"downloader": {"type": "S1_SLC", "config": options}})
    folders_made = {"single": Path(single["path"]), "merged": Path(merged["path"]), "flat": flat}
    memory = {name: select(folder) for name, folder in folders_made.items()}
    first = folders_made["single"]
    memory["single"].update(order(first))
    request = ProcessRequest(folder_path=str(first), processor_config={"looks": "10x2"}, dry_run=True)
    asyncio.run(processor._run_folder_process(new_job(), request))
    for name, folder in folders_made.items():
        memory[name].update(path=str(folder), config=state.read_insarhub_config(folder))
    return memory


def select(folder: Path) -> dict:
    """Select pairs by the route of the web page, wait for its database, and keep what both returned."""
    kept = {}
    launch = folders._launch_db_build

    def noted(place, scenes, baselines, stack_path=None, pairs=None):
        ((key, names),) = scenes.items()
        kept.update(
            stack=stack_path.name,
            scenes=names,
            baselines=baselines[key],
            pairs=[list(pair) for pair in pairs],
        )
        return launch(place, scenes, baselines, stack_path=stack_path, pairs=pairs)

    folders._launch_db_build = noted
    job = new_job()
    request = SelectPairsRequest(folder_path=str(folder), max_degree=4, dt_max=60)
    asyncio.run(folders._run_folder_select_pairs(job, request))
    folders._launch_db_build = launch
    wait_for(job)
    for database_job in state._jobs[job]["data"]["db_job_ids"]:
        wait_for(database_job)
    stack = json.loads((folder / kept["stack"]).read_text())
    kept["status"] = stack["pair_quality"]["status"]
    database = _load_db(folder)
    kept["database"] = {
        "status": database["status"],
        "pairs": database["_n_pairs"],
        "complete": database["_complete"],
    }
    kept["weather"] = CacheManager(folder)._data["weather"]
    return kept


def wait_for(job: str) -> None:
    deadline = time.monotonic() + HANG_S
    while state._jobs[job]["status"] == "running" and time.monotonic() < deadline:
        time.sleep(0.05)
    if state._jobs[job]["status"] != "done":
        raise SystemExit(f"InSARHub: {state._jobs[job]['message']}")


def answer_without_network() -> None:
    """Give weather and coherence in place of their services; everything after them is 0.4.2's own."""

    def weather(points, dates, date_hour=None):
        return {
            day: {**_weather._EMPTY, "temp": 12.5, "precip_3day": 40.0 * (int(day[-2:]) % 3 == 0), "snow_depth": 0.0,
                  "rain_3day": 40.0 * (int(day[-2:]) % 3 == 0), "soil_moisture": 0.2, "soil_temp": 11.0}
            for day in dates
        }  # fmt: skip

    _weather.fetch_weather_batch_points = weather
    _coherence.prefetch_coherence = lambda *_, **__: None
    _coherence.estimate_coherence = lambda *_, **__: {
        "coherence_expected": 0.5,
        "coherence_source": "climatology",
    }


def order(folder: Path) -> dict:
    """Save ordered jobs and repeated ones, then refresh, which writes the cache of products."""
    working = Hyp3_S1(Hyp3_S1_Config(workdir=folder))
    working.batchs = {ACCOUNT: [SimpleNamespace(job_id=f"job-{number}") for number in range(3)]}
    working.save()
    working.batchs = {ACCOUNT: [SimpleNamespace(job_id="job-again")]}
    working.save(working.output_dir.parent / "hyp3_retry_jobs_20240502t081500.json")
    name = "S1AA_20200106T180000_20200118T180000_VVP012_INT80_G_ueF_{}.zip"
    files = [{"filename": name.format(text)} for text in ("A1B2", "C3D4")]
    answered = [
        SimpleNamespace(job_id=f"job-{number}", name="x", status_code="SUCCEEDED", files=[file])
        for number, file in enumerate(files)
    ]
    Hyp3_S1.refresh = lambda self: {ACCOUNT: SimpleNamespace(jobs=answered)}
    asyncio.run(
        processor._run_hyp3_action(
            new_job(), Hyp3ActionRequest(folder_path=str(folder), job_file="hyp3_jobs.json", action="refresh")
        )
    )
    orders = {
        "hyp3_jobs.json": [f"job-{number}" for number in range(3)],
        "hyp3_retry_jobs_20240502t081500.json": ["job-again"],
    }
    return {
        "orders": orders,
        "out_dir": working.output_dir.as_posix(),
        "filenames": [file["filename"] for file in files],
    }


def edit(work_directory: str, name: str) -> dict:
    """Save the pairs of a folder without the last one by the network editor's route, and mark it by a dry run."""
    folder = Path(work_directory) / name
    found = asyncio.run(folders.get_folder_network_data(str(folder)))["stacks"]
    kept = {key: stack["pairs"][:-1] for key, stack in found.items()}
    asyncio.run(folders.save_folder_pairs(SavePairsRequest(folder_path=str(folder), pairs=kept)))
    asyncio.run(
        processor._run_folder_process(new_job(), ProcessRequest(folder_path=str(folder), dry_run=True))
    )
    return {"pairs": kept, "looks": Hyp3_S1_Config(workdir=folder).looks}


def new_job() -> str:
    return state._new_job("working")[0]


def redirect(sandbox_url: str) -> None:
    """Send every request to the sandbox; 0.4.2 and asf_search stay as they are."""
    send = requests.adapters.HTTPAdapter.send
    place = urlsplit(sandbox_url)

    def sent(self, request, *arguments, **options):
        parts = urlsplit(request.url)
        request.headers["X-Forwarded-Host"] = parts.netloc
        request.url = parts._replace(scheme=place.scheme, netloc=place.netloc).geturl()
        return send(self, request, *arguments, **options)

    requests.adapters.HTTPAdapter.send = sent


def main() -> None:
    Hyp3_S1._hyp3_authorize = without_login
    work = {"read": read, "write": write, "edit": edit}[sys.argv[1]]
    with redirect_stdout(sys.stderr):
        answer = work(*sys.argv[2:])
    print(json.dumps({"version": insarhub.__version__, "answer": answer}, default=str))


if __name__ == "__main__":
    main()

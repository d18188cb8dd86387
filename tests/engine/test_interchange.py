# SPDX-License-Identifier: GPL-2.0-or-later
"""Folders go both ways: InSARHub 0.4.2 opens what is written here, and what it writes opens here, value by value.

The other side is the package from the registry, unchanged, in the environment of the peers; its search runs against
the sandbox. ``INSARHUB_INTERCHANGE_TABLE=FILE`` writes what was compared, as a table.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from shapely import wkt

from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.core.hyp3_files import (
    add_jobs as add_ordered_jobs,
)
from insarhub_qgis.core.hyp3_files import (
    find_job_files,
    read_product_cache,
    write_product_cache,
)
from insarhub_qgis.core.job_folder import JobFolder, list_job_folders
from insarhub_qgis.core.job_state import DONE, NEEDS_YOU
from insarhub_qgis.core.network_files import load_network
from insarhub_qgis.core.pair_selection import select_for
from insarhub_qgis.core.quality_files import QualityCache, read_pair_database, write_pair_database
from insarhub_qgis.core.requests import AddJobs, SearchScenes
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.core.scenes import scene_date
from insarhub_qgis.core.selection_parameters import SelectionParameters
from insarhub_qgis.core.stack_file import FLAT, StackNumbers, colon_key, pair_of_key
from insarhub_qgis.engine import add_jobs, search
from insarhub_qgis.sandbox.serve import make_sandbox

ROOT = Path(__file__).resolve().parents[2]
PEER_PYTHON = ROOT / ".venv" / "bench" / "bin" / "python"
PEER = ROOT / "tests" / "makers" / "insarhub_peer.py"
SITE = "POLYGON((-2 37.8,-1.5 37.8,-1.5 38.8,-2 38.8,-2 37.8))"
PERIOD = {"start": "2020-01-01", "end": "2020-06-30"}
ZIP = "S1AA_20200106T180000_20200118T180000_VVP012_INT80_G_ueF_A1B2.zip"

pytestmark = pytest.mark.skipif(
    not PEER_PYTHON.is_file(), reason="no InSARHub beside: run tools/make_environments.sh bench"
)


@pytest.fixture(scope="module")
def sandbox():
    with make_sandbox() as server:
        yield server


@pytest.fixture(scope="module")
def peer(tmp_path_factory):
    """``peer("read", ...)``: what InSARHub answers; its home is empty, so that no login of the user is read."""
    home = tmp_path_factory.mktemp("home")

    def ask(*arguments: Any) -> Any:
        done = subprocess.run(
            [str(PEER_PYTHON), str(PEER), *map(str, arguments)],
            env={**os.environ, "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        told = json.loads(done.stdout.splitlines()[-1])
        assert told["version"] == "0.4.2"
        return told["answer"]

    return ask


@pytest.fixture(scope="module")
def table():
    """Rows (direction, folder, what was compared, values)."""
    rows: list[tuple[str, str, str, int]] = []
    yield rows
    target = os.environ.get("INSARHUB_INTERCHANGE_TABLE")
    if target and rows:
        lines = ["| written by | opened by | folder | compared | values |", "|---|---|---|---|---|"]
        for direction, folder, what, count in rows:
            lines.append(f"| {direction.replace('>', ' | ')} | {folder} | {what} | {count} |")
        lines.append(f"| | | | all equal | {sum(row[3] for row in rows)} |")
        Path(target).write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def same(table):
    """Compare two values whole and note how many there were."""

    def compare(direction: str, folder: str, what: str, found: Any, expected: Any) -> None:
        assert found == expected, f"{folder}: {what}"
        table.append((direction, folder, what, _count_of(expected)))

    return compare


def _count_of(value: Any) -> int:
    if isinstance(value, dict):
        return sum(_count_of(item) for item in value.values())
    if isinstance(value, (list, tuple, set, frozenset)):
        return sum(_count_of(item) for item in value)
    return 1


def state_of(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


# --- Written here, opened by InSARHub ----------------------------------------------------------------------


@dataclass(frozen=True)
class Ours:
    work: Path
    edited_pairs: list[list[str]]
    seen: dict[str, Any]
    before: dict[str, str]


@pytest.fixture(scope="module")
def ours(sandbox, peer, tmp_path_factory):
    """A search answer becomes jobs; pairs are selected, one network is edited by hand, one is judged and ordered."""
    place = tmp_path_factory.mktemp("ours ü")
    work = place / "work"
    endpoints = Endpoints.of_sandbox(sandbox.base_url).to_json()
    request = SearchScenes(aoi_wkt=SITE, **PERIOD, answer_folder=str(place / "answer"), endpoints=endpoints)
    search.run(request, RunContext())
    stacks = ((103, 121), (103, 126))
    add_jobs.run(AddJobs(str(place / "answer"), str(work), stacks), RunContext())
    # A flat job is listed by InSARHub when its folder lies in the work directory.
    add_jobs.run(AddJobs(str(place / "answer"), str(work / "bay"), ((8, 463),)), RunContext())
    for name in ("p103_f121", "p103_f126", "bay"):
        opened = load_network(work / name)
        opened.network.apply_selection(select_for(opened.network, SelectionParameters(dt_max=60.0)))
        opened.save()
    edited = _edit_by_hand(work / "p103_f126")
    _judge(work / "p103_f121")
    _order(work / "p103_f121")
    before = state_of(work)
    return Ours(work, edited, peer("read", work), before)


def _edit_by_hand(folder: Path) -> list[list[str]]:
    """A pair removed, one drawn, a date excluded, as the editor does it."""
    opened = load_network(folder)
    network = opened.network
    network.toggle_pair(network.active_keys()[3])
    network.add_pair((0, network.date_count - 1))
    network.exclude_dates([4])
    opened.save()
    return [list(pair) for key in network.active_keys() for pair in _names(network, key)]


def _names(network, key):
    return [(pair.reference, pair.secondary) for pair in network.granule_pairs(key)]


def _judge(folder: Path) -> None:
    """A database of scores; saving the network brings them into the stack file."""
    stack = JobFolder(folder).read_stack()
    scores = {pair: float(20 + 7 * number % 80) for number, pair in enumerate(stack.pairs)}
    write_pair_database(folder, stack.scenes, scores, {})
    load_network(folder).save()


def _order(folder: Path) -> None:
    job = JobFolder(folder)
    job.write_config_section("processor", {"type": "Hyp3_S1", "config": {"looks": "20x4"}})
    (folder / "hyp3").mkdir()
    pairs = job.read_stack().pairs[:3]
    ids = [f"5b1d-0{number}" for number in range(3)]
    own = {
        "job_type": "INSAR_GAMMA",
        "pairs": {one: [pair.reference, pair.secondary] for one, pair in zip(ids, pairs)},
    }
    add_ordered_jobs(folder / "hyp3_jobs.json", "geo_anna", ids, folder / "hyp3", own)
    add_ordered_jobs(folder / "hyp3_retry_jobs_20240502T081500.json", "geo_anna", ["77aa-01"], folder / "hyp3",
                     {"retry_of": {"77aa-01": ids[1]}})  # fmt: skip
    write_product_cache(folder, [ZIP], folder / "hyp3")


NAMES = ("p103_f121", "p103_f126", "bay")
OUT = "this plugin>InSARHub 0.4.2"


def test_insarhub_lists_our_jobs_with_their_stages(ours, same):
    listed = {row["name"]: row["workflow"] for row in ours.seen["listed"]}
    plain = {"downloader": "S1_SLC", "processor": "", "analyzer": ""}
    expected = {"bay": plain, "p103_f121": {**plain, "processor": "Hyp3_S1"}, "p103_f126": plain}
    same(OUT, "work directory", "listed jobs and stage tags", listed, expected)


@pytest.mark.parametrize("name", NAMES)
def test_insarhub_takes_our_config(ours, same, name):
    config = JobFolder(ours.work / name).read_config()
    seen = ours.seen["folders"][name]
    options = config.stage_options("downloader")
    wanted = {
        "bay": (8, 463, "DESCENDING"),
        "p103_f121": (103, 121, "ASCENDING"),
        "p103_f126": (103, 126, "ASCENDING"),
    }
    path, frame, direction = wanted[name]
    searched = {**PERIOD, "relativeOrbit": path, "frame": frame, "intersectsWith": options["intersectsWith"],
                "flightDirection": direction}  # fmt: skip
    assert options == searched
    same(OUT, name, "search options of its downloader", seen["search"], searched)
    assert wkt.loads(seen["area"]).equals(wkt.loads(options["intersectsWith"]))
    sections = {role: seen["config"][role] for role in ("downloader", "processor") if role in config}
    same(OUT, name, "sections of the config", sections, {role: config[role] for role in sections})
    assert seen["details"] == {"downloader_config": options, "has_pairs": True}
    assert seen["config"]["insarhub_qgis"]["layout"] == ("flat" if name == "bay" else "sub")


@pytest.mark.parametrize("name", NAMES)
def test_insarhub_reads_our_pairs_scenes_and_baselines(ours, same, name):
    stack = JobFolder(ours.work / name).read_stack()
    seen = ours.seen["folders"][name]
    pairs = [[pair.reference, pair.secondary] for pair in stack.pairs]
    assert len(pairs) > 20
    same(OUT, name, "pairs", seen["pairs"]["pairs"], pairs)
    file_name = JobFolder(ours.work / name).stack_file().name
    assert (seen["pairs"]["file"], seen["pairs"]["count"]) == (file_name, len(pairs))
    (key,) = seen["network"]["stacks"]
    assert f"stack_{key}.json" == file_name
    network = seen["network"]["stacks"][key]
    assert network["pairs"] == pairs
    paired = {name for pair in pairs for name in pair}
    nodes = {node["id"]: (node["date"], node["bperp"]) for node in network["nodes"]}
    # It reads the absent baseline of a scene as 0 m.
    expected = {scene: (scene_date(scene).isoformat(), stack.baselines.get(scene, 0.0)) for scene in paired}
    same(OUT, name, "scenes, dates and baselines of its network editor", nodes, expected)


def test_insarhub_reads_the_network_that_was_edited_by_hand(ours, same):
    found = ours.seen["folders"]["p103_f126"]["pairs"]["pairs"]
    same(OUT, "p103_f126", "pairs after the edit", sorted(found), sorted(ours.edited_pairs))


def test_insarhub_colours_our_judged_pairs(ours, same):
    stack = JobFolder(ours.work / "p103_f121").read_stack()
    assert len(stack.scores) == len(stack.pairs)
    expected = {
        colon_key(pair): "healthy" if score >= 60 else "concern" for pair, score in stack.scores.items()
    }
    assert set(expected.values()) == {"healthy", "concern"}
    same(OUT, "p103_f121", "verdicts of pairs", ours.seen["folders"]["p103_f121"]["quality"], expected)
    assert "quality" not in ours.seen["folders"]["bay"]


def test_insarhub_loads_our_job_files(ours, same):
    folder = ours.work / "p103_f121"
    seen = ours.seen["folders"]["p103_f121"]
    ids = [f"5b1d-0{number}" for number in range(3)]
    assert seen["hyp3"]["files"] == [{"name": "hyp3_jobs.json", "total": 3, "users": ["geo_anna"]}]
    assert seen["hyp3"]["processor_type"] == "Hyp3_S1"
    expected = {
        "hyp3_jobs.json": {"job_ids": {"geo_anna": ids}, "output_dir": str(folder / "hyp3")},
        "hyp3_retry_jobs_20240502T081500.json": {
            "job_ids": {"geo_anna": ["77aa-01"]}, "output_dir": str(folder / "hyp3"),
        },
    }  # fmt: skip
    same(OUT, "p103_f121", "jobs and folder of its HyP3 processor", seen["orders"], expected)
    found = [Path(file).name for place, file in ours.seen["command_line_jobs"] if place == str(folder)]
    same(OUT, "p103_f121", "job files of its command line", sorted(found), sorted(expected))


def test_insarhubs_command_line_finds_our_stacks(ours, same):
    expected = {
        name: [[pair.reference, pair.secondary] for pair in JobFolder(ours.work / name).read_stack().pairs]
        for name in ("p103_f121", "p103_f126")
    }
    same(OUT, "work directory", "pairs of its command line", ours.seen["command_line_pairs"], expected)


def test_what_insarhub_reads_stays_as_it_was(ours):
    after = state_of(ours.work)
    assert after == ours.before


def test_an_edit_by_insarhub_comes_back_with_our_own_data(ours, peer, same):
    """Its editor drops the last pair and rewrites the scores; its dry run marks the folder."""
    name = "p103_f126"
    job = JobFolder(ours.work / name)
    opened = load_network(job.path)
    own = dict(job.read_config().own)
    told = peer("edit", ours.work, name)
    assert opened.has_changed_on_disk
    ((key, pairs),) = told["pairs"].items()
    assert len(pairs) == len(ours.edited_pairs) - 1
    stack = job.read_stack()
    same("InSARHub 0.4.2>this plugin", name, "pairs after its edit of our folder",
         [[pair.reference, pair.secondary] for pair in stack.pairs], pairs)  # fmt: skip
    config = job.read_config()
    same("InSARHub 0.4.2>this plugin", name, "our own object after its dry run", config.own, own)
    assert config.stage_options("processor")["looks"] == told["looks"]
    assert stack.baselines == opened.stack.baselines
    assert stack.scenes == opened.stack.scenes
    again = load_network(job.path)
    assert [
        list(pair) for key in again.network.active_keys() for pair in _names(again.network, key)
    ] == sorted(pairs, key=lambda pair: [scene_date(one) for one in pair])
    # What was removed, drawn and excluded by hand here is still known.
    assert again.network.removed_keys() == opened.network.removed_keys()
    assert [node.excluded_reason for node in again.network.nodes] == [
        node.excluded_reason for node in opened.network.nodes
    ]


# --- Written by InSARHub, opened here ----------------------------------------------------------------------


@dataclass(frozen=True)
class Theirs:
    work: Path
    memory: dict[str, Any]
    before: dict[str, str]

    def folder(self, name: str) -> Path:
        return Path(self.memory[name]["path"])


@pytest.fixture(scope="module")
def theirs(sandbox, peer, tmp_path_factory):
    work = tmp_path_factory.mktemp("theirs") / "work"
    work.mkdir()
    memory = peer("write", work, sandbox.base_url)
    return Theirs(work, memory, state_of(work.parent))


IN = "InSARHub 0.4.2>this plugin"
KINDS = ("single", "merged", "flat")
NUMBERS = {
    "single": StackNumbers(103, (121,)),
    "merged": StackNumbers(103, (121, 126)),
    "flat": StackNumbers(8, (463,)),
}


def test_folders_of_insarhub_are_listed(theirs, same):
    found = {job.path.name: job.numbers() for job in list_job_folders(theirs.work)}
    expected = {"p103_f121": NUMBERS["single"], "p103_merged_f121_f126": NUMBERS["merged"]}
    same(IN, "work directory", "listed jobs and numbers", found, expected)
    flat = list_job_folders(theirs.folder("flat"))
    assert [job.path for job in flat] == [theirs.folder("flat")]
    # The real numbers in a flat folder are its own; new files there keep to them.
    assert flat[0].numbers() == NUMBERS["flat"] != FLAT


@pytest.mark.parametrize("kind", KINDS)
def test_configs_of_insarhub_open(theirs, same, kind):
    config = JobFolder(theirs.folder(kind)).read_config()
    memory = theirs.memory[kind]["config"]
    same(IN, kind, "sections of the config", dict(config), memory)
    assert config.known_stage_type("downloader") == "S1_SLC"
    options = config.stage_options("downloader")
    assert config.aoi_wkt == (options.get("intersectsWith") or options["scene_footprint_wkt"])
    assert (config.aoi_wkt == SITE) == (kind != "flat")
    assert config.known_stage_type("processor") == ("Hyp3_S1" if kind == "single" else None)
    if kind == "single":
        assert config.stage_options("processor")["looks"] == "10x2"


@pytest.mark.parametrize("kind", KINDS)
def test_stacks_of_insarhub_open(theirs, same, kind):
    job, memory = JobFolder(theirs.folder(kind)), theirs.memory[kind]
    stack = job.read_stack()
    assert job.stack_file().name == memory["stack"]
    assert stack.problems == ()
    assert len(memory["pairs"]) > 20
    same(IN, kind, "pairs", [[pair.reference, pair.secondary] for pair in stack.pairs], memory["pairs"])
    same(IN, kind, "scenes", sorted(stack.scenes), sorted(memory["scenes"]))
    assert list(stack.scenes) == sorted(stack.scenes, key=lambda name: (name[17:32], name))
    same(IN, kind, "baselines", dict(stack.baselines), memory["baselines"])
    labels = {colon_key(pair): label for pair, label in stack.labels.items()}
    same(IN, kind, "verdicts of pairs", labels, memory["status"])
    # A verdict is no number.
    assert stack.scores == {}


@pytest.mark.parametrize("kind", KINDS)
def test_databases_and_caches_of_insarhub_open(theirs, same, kind):
    database = read_pair_database(theirs.folder(kind))
    memory = theirs.memory[kind]["database"]
    labels = dict(database.labels)
    expected = {pair_of_key(key): label for key, label in memory["status"].items()}
    same(IN, kind, "pair database", labels, expected)
    assert (database.version, database.pair_count, database.is_complete) == (
        4,
        memory["pairs"],
        memory["complete"],
    )
    assert (database.scores, database.factors) == ({}, {})
    cache = QualityCache(theirs.folder(kind))
    assert cache.problem is None
    documented = {"temp": "temp_mean_c", "precip_3day": "precip_3d_mm", "snow_depth": "snow_depth_m", "soil_temp": "soil_temp_c"}  # fmt: skip
    found = {key: cache.get("weather", key) for key in theirs.memory[kind]["weather"]}
    found = {key: {name: entry[new] for name, new in documented.items()} for key, entry in found.items()}
    wanted = {
        key: {name: entry[name] for name in documented}
        for key, entry in theirs.memory[kind]["weather"].items()
    }
    same(IN, kind, "weather of the quality cache", found, wanted)


def test_orders_of_insarhub_open(theirs, same):
    folder, memory = theirs.folder("single"), theirs.memory["single"]
    files, problems = find_job_files(folder)
    assert problems == []
    found = {file.path.name: {"geo_anna": list(file.job_ids["geo_anna"])} for file in files}
    same(
        IN, "single", "job files", found, {name: {"geo_anna": ids} for name, ids in memory["orders"].items()}
    )
    assert {file.out_dir for file in files} == {memory["out_dir"]}
    assert not any(file.is_out_dir_missing or file.own for file in files)
    cache = read_product_cache(folder)
    same(IN, "single", "cache of products", (list(cache.filenames), cache.out_dir), (memory["filenames"], memory["out_dir"]))  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_the_state_of_a_folder_of_insarhub(theirs, kind):
    state = JobFolder(theirs.folder(kind)).state()
    assert state.problems == ()
    assert state.pair_count == len(theirs.memory[kind]["pairs"])
    dates = {scene_date(name) for name in theirs.memory[kind]["scenes"]}
    assert (state.date_count, state.first_date, state.last_date) == (len(dates), min(dates), max(dates))
    assert state.flight_direction == ("DESCENDING" if kind == "flat" else "ASCENDING")
    assert state.stage("downloader").state == DONE
    if kind == "single":
        assert (state.stage("processor").state, state.stage("processor").total_count) == (NEEDS_YOU, 4)


@pytest.mark.parametrize("kind", KINDS)
def test_networks_of_insarhub_open_in_the_editor(theirs, kind):
    opened = load_network(theirs.folder(kind))
    assert opened.problems == []
    memory = theirs.memory[kind]
    # Frames of one date are one date of the network.
    assert opened.network.date_count == len({scene_date(name) for name in memory["scenes"]})
    active = {pair for key in opened.network.active_keys() for pair in _names(opened.network, key)}
    assert active == {tuple(pair) for pair in memory["pairs"]}
    for one, other in memory["pairs"]:
        expected = memory["baselines"][other] - memory["baselines"][one]
        assert opened.network.baselines.of_scenes(one, other) == pytest.approx(expected)


def test_opening_writes_nothing_and_a_save_keeps_what_is_theirs(theirs, peer):
    assert state_of(theirs.work.parent) == theirs.before
    folder = theirs.folder("merged")
    old = json.loads((folder / theirs.memory["merged"]["stack"]).read_text())
    opened = load_network(folder)
    opened.network.toggle_pair(opened.network.active_keys()[0])
    opened.save()
    new = json.loads((folder / theirs.memory["merged"]["stack"]).read_text())
    assert {key: new[key] for key in ("baselines", "pair_quality")} == {
        key: old[key] for key in ("baselines", "pair_quality")
    }
    assert len(new["pairs"]) == len(old["pairs"]) - 1
    # And it opens there again.
    seen = peer("read", theirs.work)["folders"]["p103_merged_f121_f126"]
    assert seen["pairs"]["pairs"] == new["pairs"]
    assert seen["quality"] == old["pair_quality"]["status"]

# SPDX-License-Identifier: GPL-2.0-or-later
"""Job folders that are not as they should be: what the person reads, and that files stay; stack files of every version."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from qgis.core import QgsProcessingUtils

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.network_files import load_network
from insarhub_qgis.core.scenes import scene_date
from insarhub_qgis.core.search_answer import read_search_answer, write_search_answer
from insarhub_qgis.core.stack_file import Stack, StackNumbers
from insarhub_qgis.host import paths
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.host.settings import settings
from tests.makers.job_folders import (
    CONFIG,
    CONFIG_040,
    CONFIG_042,
    STACK,
    STACK_040,
    STACK_042,
    A,
    B,
    C,
    put_json,
)
from tests.makers.network_jobs import make_network_job
from tests.makers.printed_sentences import Heard, assert_is_a_sentence, state_of
from tests.makers.sandbox_server import running_sandbox
from tests.processing.test_bad_input import disk, make_read_only

DAYS = [12 * number for number in range(10)]
LAYERS = {"PAIRS": "TEMPORARY_OUTPUT", "SCENES": "TEMPORARY_OUTPUT"}


def rows_of(output) -> list[dict]:
    layer = output if hasattr(output, "getFeatures") else QgsProcessingUtils.mapLayerFromString(output, None)
    names = [field.name() for field in layer.fields()]
    return [dict(zip(names, feature.attributes())) for feature in layer.getFeatures()]


@pytest.fixture
def footprints(run, engine, monkeypatch, tmp_path):
    """Footprints of two frames of a path, from the sandbox."""
    monkeypatch.setattr(paths, "private_folder", lambda: tmp_path / "private")
    with running_sandbox(engine) as url:
        settings().use_sandbox.setValue(True)
        settings().sandbox_url.setValue(url)
        yield run("searchscenes", {"PATH": "103", "OUTPUT": "TEMPORARY_OUTPUT"})["OUTPUT"]
    settings().use_sandbox.remove()
    settings().sandbox_url.remove()


def test_a_work_directory_that_cannot_be_written(refused, run, footprints, table, tmp_path):
    with disk(tmp_path / "disk", "20m") as place:
        job = make_network_job(place / "job", DAYS)
        run("selectpairs", {"JOB_FOLDER": str(job)})
        opened = load_network(job)
        make_read_only(place)
        words = ["No right to write", str(place), "Choose another folder"]
        refused(
            "Add jobs into a read-only work directory", "addjobs", {"SCENES": footprints, "WORK_DIRECTORY": str(place / "new")},
            kept=place, words=words,
        )  # fmt: skip
        refused(
            "Select pairs in a read-only job folder",
            "selectpairs",
            {"JOB_FOLDER": str(job)},
            kept=place,
            words=words,
        )
        before = state_of(place)
        opened.network.toggle_pair(opened.network.active_keys()[0])
        with pytest.raises(InsarError) as caught:
            opened.save()
        text = sentence(caught.value)
        assert_is_a_sentence(text)
        assert all(word in text for word in words)
        assert state_of(place) == before
        # The edit is not lost with the failed save.
        assert opened.network.is_dirty
        table.append(("Save of the editor in a read-only job folder", text.replace(str(tmp_path), "…"),
                      f"{len(before)} files byte for byte; the edits stay in the editor"))  # fmt: skip
        # Looking needs no right to write.
        assert run("networktolayers", {"JOB_FOLDER": str(job), **LAYERS})["PAIRS"].featureCount() > 0


#: What InSARHub's network editor does when it saves: the pairs are replaced, the rest stays.
_OTHER_PROGRAM = """
import json, sys
path = sys.argv[1]
stack = json.load(open(path))
stack["pairs"] = stack["pairs"][1:]
json.dump(stack, open(path, "w"), indent=2)
"""


def test_a_job_folder_changed_by_another_program_while_the_editor_is_open(run_offline, table, tmp_path):
    job = make_network_job(tmp_path / "job", DAYS)
    run_offline("selectpairs", {"JOB_FOLDER": str(job)})
    opened = load_network(job)
    stack_file = opened.job.stack_file()
    subprocess.run([sys.executable, "-c", _OTHER_PROGRAM, str(stack_file)], check=True)
    assert opened.has_changed_on_disk
    before = state_of(job)
    mine = opened.network.active_keys()[-1]
    opened.network.toggle_pair(mine)
    with pytest.raises(InsarError) as caught:
        opened.save()
    text = sentence(caught.value)
    assert_is_a_sentence(text)
    assert stack_file.name in text
    assert "was changed by another program meanwhile. Nothing was overwritten" in text
    assert state_of(job) == before
    # Reload: theirs counts. Keep: mine is written, and what is beside the pairs stays.
    again = load_network(job)
    assert len(again.network.active_keys()) == len(opened.network.active_keys())
    assert mine in again.network.active_keys()
    opened.save(overwrite=True)
    assert mine not in load_network(job).network.active_keys()
    table.append(("job folder changed by another program while the editor is open",
                  text.replace(str(tmp_path), "…"), f"{len(before)} files byte for byte; reload or keep works"))  # fmt: skip


def test_two_frames_on_one_date(run, footprints, table, tmp_path):
    work = tmp_path / "work"
    run("addjobs", {"SCENES": footprints, "WORK_DIRECTORY": str(work)})
    both = [JobFolder(work / name) for name in ("p103_f121", "p103_f126")]
    numbers = StackNumbers(103, (121, 126))
    merged = JobFolder(tmp_path / numbers.stem)
    stacks = [job.read_stack() for job in both]
    merged.write_stack(
        Stack(scenes=tuple(name for stack in stacks for name in stack.scenes),
              baselines={**stacks[1].baselines, **stacks[0].baselines}, numbers=numbers)
    )  # fmt: skip
    write_search_answer(merged.path, [item for job in both for item in read_search_answer(job.path)])
    config = both[0].read_config()
    merged.write_config_section(
        "downloader", {"type": "S1_SLC", "config": config.stage_options("downloader")}
    )
    feedback = Heard()
    run("selectpairs", {"JOB_FOLDER": str(merged.path)}, feedback)
    stack = merged.read_stack()
    assert len(stack.scenes) == 60
    assert stack.pairs
    assert min(pair.temporal_baseline_days for pair in stack.pairs) > 0
    # A pair of dates is one pair of scenes per frame.
    frame_of = {
        name: frame for frame, job in ((121, both[0]), (126, both[1])) for name in job.read_stack().scenes
    }
    assert all(frame_of[pair.reference] == frame_of[pair.secondary] for pair in stack.pairs)
    assert load_network(merged.path).network.date_count == 31
    answer = run("checknetwork", {"JOB_FOLDER": str(merged.path), "OUTPUT": "TEMPORARY_OUTPUT"})
    rows = {row["code"]: row for row in rows_of(answer["OUTPUT"])}
    row = rows["check.frames_missing"]
    text = f"{row['text']} {row['what_to_do']}"
    assert_is_a_sentence(text)
    assert "2020-03-30" in text and "2020-08-21" in text and "126" in text
    table.append(("two frames on one date, one of them missing on two dates", text,
                  f"31 dates, {len(stack.pairs)} pairs frame by frame, none of 0 days"))  # fmt: skip


@pytest.mark.parametrize("name", ["stack_p0_f0.json", "insarhub_config.json"])
def test_damaged_files(refused, tmp_path, name):
    job = make_network_job(tmp_path / "job", DAYS, pairs=[(0, 1)])
    path = job / name
    path.write_text(path.read_text(encoding="utf-8")[:60], encoding="utf-8")
    for algorithm, more in (
        ("selectpairs", {}),
        ("checknetwork", {"OUTPUT": "TEMPORARY_OUTPUT"}),
        ("networktolayers", LAYERS),
    ):
        refused(
            f"damaged {name} ({algorithm})", algorithm, {"JOB_FOLDER": str(job), **more}, kept=job,
            words=[name, "line", "column", "It was left as it is"],
        )  # fmt: skip


MIXED = {**STACK_040, "pair_quality": {"scores": {f"{A},{B}": 70.0, f"{B},{C}": 0.4}}}
#: (version, files, pairs, scores)
VERSIONS = {
    "before 0.4, one list": ({"pairs.json": [[A, B], [B, C]]}, [(A, B), (B, C)], {}),
    "before 0.4, lists by stack": (
        {"pairs_p44_f117.json": [[B, A]], "baselines_p44_f117.json": {A: 0.0, B: 7.5}}, [(A, B)], {},
    ),
    "0.4.0": ({"stack_p44_f117.json": STACK_040, "insarhub_config.json": CONFIG_040}, [(A, B), (B, C)], {(A, B): 70.7, (B, C): 40.0}),
    "0.4.2": ({"stack_p44_f117.json": STACK_042, "insarhub_config.json": CONFIG_042}, [(A, B), (A, C)], {}),
    "0.4.2, merged frames": ({"stack_p44_merged_f117_f122.json": STACK_042}, [(A, B), (A, C)], {}),
    "as documented": ({"stack_p44_f117.json": STACK, "insarhub_config.json": CONFIG}, [(A, B)], {(A, B): 70.7}),
}  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
def test_stack_files_of_every_version(run_offline, table, tmp_path, version):
    files, pairs, scores = VERSIONS[version]
    job = tmp_path / "job"
    for name, value in files.items():
        put_json(job / name, value)
    before = state_of(job)
    feedback = Heard()
    answer = run_offline("networktolayers", {"JOB_FOLDER": str(job), **LAYERS}, feedback)
    rows = rows_of(answer["PAIRS"])
    assert [(row["reference"], row["secondary"]) for row in rows] == pairs
    found = {(row["reference"], row["secondary"]): round(row["score"], 6) for row in rows if row["score"]}
    assert found == scores
    # Without a search answer there are no footprints; nothing else is missing.
    assert [text for text in feedback.warnings if "footprint" not in text] == []
    assert state_of(job) == before
    run_offline("selectpairs", {"JOB_FOLDER": str(job)})
    after = state_of(job)
    legacy = {
        path: data for path, data in before.items() if Path(path).name.startswith(("pairs", "baselines"))
    }
    assert {path: after[path] for path in legacy} == legacy
    stack = JobFolder(job).read_stack()
    assert stack.problems == ()
    old = next((value for name, value in files.items() if name.startswith("stack_")), {})
    new = json.loads(JobFolder(job).stack_file().read_text(encoding="utf-8"))
    assert {key: new[key] for key in old if key not in ("pairs", "scenes")} == {
        key: value for key, value in old.items() if key not in ("pairs", "scenes")
    }
    table.append((f"stack file of InSARHub {version}", "(none)",
                  f"{len(pairs)} pairs, {len(scores)} scores read, byte for byte; after Select pairs {len(stack.pairs)} pairs, other entries kept"))  # fmt: skip


def test_scores_of_two_scales(run_offline, table, tmp_path):
    put_json(tmp_path / "stack_p44_f117.json", MIXED)
    before = state_of(tmp_path)
    feedback = Heard()
    answer = run_offline("networktolayers", {"JOB_FOLDER": str(tmp_path), **LAYERS}, feedback)
    (text,) = [text for text in feedback.warnings if "footprint" not in text]
    assert_is_a_sentence(text)
    assert "stack_p44_f117.json mix two scales" in text
    assert {row["score"] for row in rows_of(answer["PAIRS"])} == {70.0, 0.4}
    assert state_of(tmp_path) == before
    table.append(
        (
            "stack file of 0.4.0 with scores of two scales",
            text.replace(str(tmp_path), "…"),
            "byte for byte; values kept",
        )
    )


def test_entries_that_are_no_pairs(run_offline, table, tmp_path):
    put_json(tmp_path / "stack_p44_f117.json", {**STACK_040, "pairs": [[A, B], [A], "x", ["nodate", B]]})
    feedback = Heard()
    run_offline("networktolayers", {"JOB_FOLDER": str(tmp_path), **LAYERS}, feedback)
    told = [text for text in feedback.warnings if "footprint" not in text]
    assert len(told) == 3
    for text in told:
        assert_is_a_sentence(text)
        assert "The entry pairs in stack_p44_f117.json has an unknown form and was skipped" in text
    run_offline("selectpairs", {"JOB_FOLDER": str(tmp_path)})
    written = json.loads((tmp_path / "stack_p44_f117.json").read_text(encoding="utf-8"))["pairs"]
    assert [entry for entry in ([A], "x", ["nodate", B]) if entry not in written] == []
    assert scene_date(written[0][0]) < scene_date(written[0][1])
    table.append(("stack file with entries that are no pairs", told[0], "entries kept on save"))

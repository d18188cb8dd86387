# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.job_config import known_type, read_job_config, with_section
from insarhub_qgis.core.job_folder import JobFolder
from tests.makers.job_folders import (
    AOI,
    CONFIG,
    CONFIG_040,
    CONFIG_042,
    get_json,
    make_job_folder,
    put_json,
    without_own,
)


@pytest.mark.parametrize(
    ("role", "found", "known"),
    [
        ("processor", "Hyp3_InSAR", "Hyp3_S1"),
        ("processor", "ISCE2_S1", "ISCE_S1"),
        ("processor", "ISCE_InSAR", "ISCE_S1"),
        ("analyzer", "Hyp3_Mintpy_SBAS", "Hyp3_SBAS"),
        ("analyzer", "Hyp3_TS", "Hyp3_SBAS"),
        ("analyzer", "My_Hyp3_fast_SBAS", "Hyp3_SBAS"),
        ("analyzer", "ISCE2_Mintpy_TS", "ISCE_SBAS"),
        ("analyzer", "ISCE2_Mintpy_SBAS", "ISCE_SBAS"),
        ("analyzer", "StaMPS", None),
        ("processor", "Hyp3_SBAS", None),
        ("downloader", "S1_Burst", "S1_Burst"),
        ("downloader", None, None),
    ],
)
def test_aliases(role: str, found: str | None, known: str | None) -> None:
    assert known_type(role, found) == known


@pytest.mark.parametrize("sample", [CONFIG, CONFIG_040, CONFIG_042])
def test_rewriting_our_section_keeps_everything_else(tmp_path: Path, sample: dict) -> None:
    job = JobFolder(make_job_folder(tmp_path, config=sample))
    job.write_config_section("insarhub_qgis", {"layout": "flat"})
    after = get_json(job.config_file())
    assert without_own(after) == without_own(sample)
    assert [key for key in after if key in sample] == list(sample)
    assert after["insarhub_qgis"] == {"version": 1, **sample.get("insarhub_qgis", {}), "layout": "flat"}
    assert after["updated_at"].endswith("Z")


def test_reading_roles_as_text_and_object(tmp_path: Path) -> None:
    config = JobFolder(make_job_folder(tmp_path, config=CONFIG_040)).read_config()
    assert config.stage_type("processor") == "Hyp3_InSAR"
    assert config.known_stage_type("processor") == "Hyp3_S1"
    assert config.known_stage_type("analyzer") == "Hyp3_SBAS"
    assert config.stage_options("processor") == {}
    assert config.aoi_wkt == AOI
    assert config.own == {}


def test_a_text_role_becomes_an_object_and_the_alias_stays() -> None:
    after = with_section(CONFIG_040, "processor", {"type": "Hyp3_S1", "config": {"looks": "20x4"}})
    assert after["processor"] == {"type": "Hyp3_InSAR", "config": {"looks": "20x4"}}
    assert after["analyzer"] == "Hyp3_Mintpy_SBAS"


def test_unknown_keys_of_a_section_stay_and_none_takes_a_key_away() -> None:
    document = deepcopy(CONFIG_042)
    document["processor"]["config"]["future"] = {"x": 1}
    after = with_section(
        document,
        "processor",
        {"type": "Hyp3_S1", "config": {"looks": None, "max_workers": 2, "absent": None}},
    )
    assert after["processor"] == {
        "type": "Hyp3_InSAR",
        "config": {"future": {"x": 1}, "max_workers": 2},
        "started": True,
    }
    assert document["processor"]["config"]["looks"] == "10x2"


def test_another_type_begins_with_its_own_options() -> None:
    after = with_section(CONFIG, "processor", {"type": "ISCE_S1", "config": {"full_frame": True}})
    assert after["processor"] == {"type": "ISCE_S1", "config": {"full_frame": True}}


def test_an_unknown_type_is_kept(tmp_path: Path) -> None:
    config = {**CONFIG, "analyzer": {"type": "StaMPS", "config": {"a": 1}}}
    job = JobFolder(make_job_folder(tmp_path, config=config))
    stage = job.state().stage("analyzer")
    assert (stage.type, stage.is_known_type) == ("StaMPS", False)
    job.write_config_section("insarhub_qgis", {"name": "x"})
    assert get_json(job.config_file())["analyzer"] == config["analyzer"]


def test_legacy_files_complete_and_are_never_written(tmp_path: Path) -> None:
    put_json(tmp_path / "downloader_config.json", {"intersectsWith": AOI, "frame": 3, "start": "2020-01-01"})
    put_json(tmp_path / "insarhub_workflow.json", {"processor": "ISCE2_S1", "analyzer": "ISCE2_TS", "x": 1})
    config = read_job_config(tmp_path)
    assert config.aoi_wkt == AOI
    assert config.known_stage_type("processor") == "ISCE_S1"
    assert config.stage_options("downloader")["frame"] == 3
    put_json(tmp_path / "insarhub_config.json", {"downloader": {"type": "S1_SLC", "config": {"frame": 9}}})
    config = read_job_config(tmp_path)
    assert config.stage_options("downloader") == {"intersectsWith": AOI, "frame": 9, "start": "2020-01-01"}
    JobFolder(tmp_path).write_config_section("analyzer", {"type": "ISCE_SBAS", "config": {}})
    assert get_json(tmp_path / "insarhub_config.json")["downloader"] == {
        "type": "S1_SLC",
        "config": {"frame": 9},
    }


def test_no_area_is_none_not_empty(tmp_path: Path) -> None:
    put_json(
        tmp_path / "insarhub_config.json",
        {"downloader": {"type": "S1_SLC", "config": {"intersectsWith": " "}}},
    )
    assert JobFolder(tmp_path).aoi_wkt() is None


def test_a_list_instead_of_an_object_is_malformed(tmp_path: Path) -> None:
    put_json(tmp_path / "insarhub_config.json", [])
    job = JobFolder(tmp_path)
    for action in (job.read_config, lambda: job.write_config_section("insarhub_qgis", {})):
        with pytest.raises(InsarError, match=r"file\.malformed"):
            action()
    assert job.config_file().read_text() == "[]"
    assert job.start_new_file(job.config_file()).name == "insarhub_config.json.bak"
    job.write_config_section("insarhub_qgis", {"name": "new"})
    assert job.name == "new"


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({"burst_ids": ["220001_IW1", "220002_IW1"]}, ("220001_IW1", "220002_IW1")),
        # Of opened products the names tell it, and the pass with the most of them counts.
        (
            {
                "bursts": {
                    "a": ["S1_220001_IW1_20200107T180010_VV_1A2B-BURST"],
                    "b": [
                        "S1_220001_IW1_20200119T180010_VV_1A2C-BURST",
                        "S1_220002_IW1_20200119T180013_VV_1A2D-BURST",
                    ],
                }
            },
            ("220001_IW1", "220002_IW1"),
        ),
        ({"bursts": "damaged"}, ()),
        ({}, ()),
    ],
)
def test_the_bursts_of_a_job(tmp_path: Path, own, expected) -> None:
    put_json(tmp_path / "insarhub_config.json", {"insarhub_qgis": own})
    assert read_job_config(tmp_path).burst_ids == expected

# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest

from insarhub_qgis.core.clip_manifest import ClipManifest, ClipWindow
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.mintpy_config import MintpyConfig, write_initial_config

TEXT = (
    "# a comment, kept\r\n"
    "\r\n"
    "mintpy.network.minCoherence   =  0.5   # why\r\n"
    "ORBIT_DIRECTION = ascending\r\n"
    "mintpy.hpc.queue = long\r\n"
    "  mintpy.deramp=linear\r\n"
    "mintpy.future.key = 3\r\n"
    "% also a comment"
)


def _config(tmp_path, data: bytes) -> MintpyConfig:
    path = tmp_path / ".mintpy.cfg"
    path.write_bytes(data)
    return MintpyConfig.read(path)


def test_reading_and_writing_keeps_every_byte(tmp_path):
    data = TEXT.encode() + b"\r\n# caf\xe9 in latin-1\nno end of line"
    config = _config(tmp_path, data)
    config.write()
    assert (tmp_path / ".mintpy.cfg").read_bytes() == data


def test_an_edit_changes_only_the_value(tmp_path):
    config = _config(tmp_path, TEXT.encode())
    config.set("mintpy.network.minCoherence", "0.35")
    config.set("mintpy.deramp", "quadratic")
    config.write()
    wanted = TEXT.replace("  0.5   #", "  0.35   #").replace("=linear", "=quadratic")
    assert (tmp_path / ".mintpy.cfg").read_bytes() == wanted.encode()


def test_a_new_key_joins_its_group_with_the_line_end_of_the_file(tmp_path):
    config = _config(tmp_path, TEXT.encode())
    config.set("mintpy.network.startDate", "20180101")
    assert "# why\r\nmintpy.network.startDate = 20180101\r\nORBIT" in config.text
    config.set("mintpy.plot", "no")
    assert config.text.endswith("% also a comment\r\nmintpy.plot = no\r\n")


def test_the_last_of_a_repeated_key_counts_and_is_edited(tmp_path):
    config = _config(tmp_path, b"mintpy.plot = yes\nmintpy.plot = no\n")
    assert config.get("mintpy.plot") == "no"
    config.set("mintpy.plot", "auto")
    assert config.text == "mintpy.plot = yes\nmintpy.plot = auto\n"
    assert [(p.line, p.code) for p in config.problems()] == [(2, "mintpy.key_twice")]


def test_an_empty_value_can_be_filled():
    config = MintpyConfig("mintpy.plot =\n")
    assert config.get("mintpy.plot") is None
    config.set("mintpy.plot", "no")
    assert config.text == "mintpy.plot = no\n"


def test_malformed_and_invalid_lines_are_reported_with_their_number():
    config = MintpyConfig("mintpy.plot = no\nthis is not an option\nmintpy.deramp = cubic\n = 3\n")
    assert [(p.line, p.code) for p in config.problems()] == [
        (2, "mintpy.line_malformed"),
        (3, "mintpy.option_invalid"),
        (4, "mintpy.line_malformed"),
    ]


def test_unknown_keys():
    config = MintpyConfig(TEXT + "\nmintpy.plot = yes\nmintpy.save.kmz = no\nmintpy.reference.date = auto\n")
    assert config.unknown_keys() == ["mintpy.future.key"]


def test_merge_applies_all_lines_or_none():
    config = MintpyConfig("mintpy.plot = yes\n")
    with pytest.raises(InsarError) as caught:
        config.merge_lines("mintpy.plot = no\nmintpy.network.minCoherence = high\n")
    assert caught.value.code == "mintpy.option_invalid"
    assert config.text == "mintpy.plot = yes\n"
    changed = config.merge_lines("# comment\nmintpy.plot = no  # off\n\nmintpy.deramp = linear\n")
    assert changed == ["mintpy.plot", "mintpy.deramp"]
    assert config.text == "mintpy.plot = no\nmintpy.deramp = linear\n"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("mintpy.deramp linear", "mintpy.line_malformed"),
        ("mintpy.network.minCoherance = 0.5", "mintpy.option_unknown"),
        ("mintpy.networkinversion.minTempCoh = 0.5", "mintpy.option_unknown"),
        ("mintpy.plot =", "mintpy.option_invalid"),
    ],
)
def test_merge_refuses_what_mintpy_would_ignore(line, code):
    with pytest.raises(InsarError) as caught:
        MintpyConfig("").merge_lines(line)
    assert caught.value.code == code


def test_the_first_config_of_a_job(tmp_path):
    path = write_initial_config(tmp_path, {"unw_phase", "corr", "dem"}, "hyp3", inputs_changed=True)
    config = MintpyConfig.read(path)
    assert config.problems() == []
    assert config.unknown_keys() == []
    folder = tmp_path.as_posix()
    assert config.get("mintpy.load.unwFile") == f"{folder}/clip/*_unw_phase_clip.tif"
    assert config.get("mintpy.load.waterMaskFile") is None
    assert config.get("mintpy.load.updateMode") == "no"
    assert config.get("mintpy.deramp") == "linear"
    # Thresholds that nobody has seen must not change a result.
    for name in ("network.minCoherence", "networkInversion.maskThreshold", "reference.minCoherence"):
        assert config.get(f"mintpy.{name}") is None


def test_preparing_again_keeps_the_edits_of_the_user(tmp_path):
    path = write_initial_config(
        tmp_path, {"unw_phase", "corr", "dem", "water_mask"}, "hyp3", inputs_changed=True
    )
    edited = path.read_text().replace("mintpy.deramp = linear", "# mine\nmintpy.deramp = no # sure")
    path.write_text(edited + "mintpy.other = 1\n")
    write_initial_config(tmp_path, {"unw_phase", "corr", "dem", "conncomp"}, "hyp3", inputs_changed=False)
    after = MintpyConfig.read(path)
    assert "# mine\nmintpy.deramp = no # sure\n" in after.text
    assert after.get("mintpy.other") == "1"
    assert after.get("mintpy.load.updateMode") == "yes"
    assert after.get("mintpy.load.waterMaskFile") is None
    assert after.get("mintpy.load.connCompFile").endswith("/clip/*_conncomp_clip.tif")


def test_a_path_that_mintpy_would_cut_or_glob_is_written_relative(tmp_path):
    folder = tmp_path / "job #1 [a]"
    folder.mkdir()
    config = MintpyConfig.read(write_initial_config(folder, {"unw_phase"}, "hyp3", inputs_changed=True))
    assert config.get("mintpy.load.unwFile") == "./clip/*_unw_phase_clip.tif"


def test_isce_paths_point_into_isce(tmp_path):
    config = MintpyConfig.read(write_initial_config(tmp_path, set(), "isce", inputs_changed=True))
    assert config.get("mintpy.load.processor") == "isce"
    assert config.get("mintpy.load.demFile") == f"{tmp_path.as_posix()}/isce/merged/geom_reference/hgt.rdr"


@pytest.mark.parametrize(("side", "pairs", "cluster"), [(200, 90, "none"), (3000, 12, "local")])
def test_workers_only_where_they_are_quicker_than_they_start(tmp_path, side, pairs, cluster):
    (tmp_path / "clip").mkdir()
    window = ClipWindow("EPSG:32614", 0.0, 0.0, 80.0, -80.0, side, side)
    ClipManifest(window, products={f"product {index}": {} for index in range(pairs)}).write(tmp_path)
    config = MintpyConfig.read(write_initial_config(tmp_path, {"unw_phase"}, "hyp3", inputs_changed=True))
    assert config.get("mintpy.compute.cluster") == cluster
    config.set("mintpy.compute.cluster", "local")
    config.write()
    write_initial_config(tmp_path, {"unw_phase"}, "hyp3", inputs_changed=True)
    assert MintpyConfig.read(config.path).get("mintpy.compute.cluster") == "local"

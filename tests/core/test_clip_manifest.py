# SPDX-License-Identifier: GPL-2.0-or-later
"""The manifest of the clips: written and read back; absent, foreign and damaged ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from insarhub_qgis.core.clip_manifest import ClipManifest, ClipWindow, read_clip_manifest
from insarhub_qgis.core.errors import InsarError

WINDOW = ClipWindow("EPSG:32614", 480320.0, 2150400.0, 80.0, -80.0, 173, 106)


def test_round_trip(tmp_path: Path) -> None:
    (tmp_path / "clip").mkdir()
    manifest = ClipManifest(
        WINDOW, True, False, "0c5e91ab", {"P": {"zip": "/z.zip", "size": 1, "files": {"f": 2}}}
    )
    manifest.write(tmp_path)
    assert read_clip_manifest(tmp_path) == manifest


def test_absent_and_of_another_version(tmp_path: Path) -> None:
    assert read_clip_manifest(tmp_path) is None
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip" / "manifest.json").write_text('{"version": 99, "anything": 1}')
    assert read_clip_manifest(tmp_path) is None


@pytest.mark.parametrize(
    "text", ['{"version": 1}', '{"version": 1, "window": {"crs": 3}}', '{"version": 1, "wi']
)
def test_damaged(tmp_path: Path, text: str) -> None:
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip" / "manifest.json").write_text(text)
    with pytest.raises(InsarError, match=r"file\.malformed"):
        read_clip_manifest(tmp_path)

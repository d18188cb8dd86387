# SPDX-License-Identifier: GPL-2.0-or-later
"""The file system of a path, from the system's table of mounts."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from insarhub_qgis.core import network_disk

MOUNTS = r"""overlay / overlay rw 0 0
/dev/sda1 /data ext4 rw 0 0
nas:/stacks /data/my\040stacks nfs4 rw 0 0
//server/share /mnt/share cifs rw 0 0
tmpfs /mnt/share/fast tmpfs rw 0 0
broken
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/home/a.zip", "overlay"),
        ("/data/a.zip", "ext4"),
        ("/data/my stacks/p5/a.zip", "nfs4"),
        ("/data/my stackshop/a.zip", "ext4"),
        ("/mnt/share", "cifs"),
        ("/mnt/share/fast/a.zip", "tmpfs"),
    ],
)
def test_type(path: str, expected: str) -> None:
    assert network_disk.file_system_type(PurePosixPath(path), MOUNTS) == expected


def test_unknown() -> None:
    assert network_disk.file_system_type(PurePosixPath("/x"), "") is None


@pytest.mark.skipif(not Path("/proc/self/mounts").exists(), reason="the table of mounts is Linux's")
def test_table_of_this_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "mounts"
    monkeypatch.setattr(network_disk, "_MOUNTS", table)
    assert network_disk.is_network_disk(tmp_path) is False
    table.write_text(f"nas:/x {tmp_path.resolve().as_posix()} nfs4 rw 0 0\n")
    assert network_disk.is_network_disk(tmp_path / "a.zip") is True

# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a path lies on a disk of another computer, where reading the same pixels again is slow."""

from __future__ import annotations

import re
import sys
from pathlib import Path, PurePosixPath

_MOUNTS = Path("/proc/self/mounts")
#: Parallel file systems of clusters (Lustre, GPFS) are left out: they are made for repeated reading.
_NETWORK_TYPES = frozenset(
    {
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "ncpfs",
        "afs",
        "fuse.sshfs",
        "fuse.rclone",
        "davfs",
        "fuse.davfs2",
    }
)
_REMOTE_DRIVE = 4


def is_network_disk(path: Path) -> bool:
    """Tell whether a path is on a network disk; False where the system does not say (macOS)."""
    resolved = path.resolve()
    if sys.platform == "win32":
        return _is_remote_drive(resolved)
    try:
        mounts = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return False
    return file_system_type(PurePosixPath(resolved), mounts) in _NETWORK_TYPES


def file_system_type(path: PurePosixPath, mounts: str) -> str | None:
    r"""Give the type of the file system that holds a path, from the text of ``/proc/self/mounts``.

    >>> file_system_type(PurePosixPath("/data/a b/x.zip"), r"nas:/d /data/a\040b nfs4 rw 0 0")
    'nfs4'
    """
    best: tuple[int, str] | None = None
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        # Blanks, tabs and backslashes in a mount point stand as octal numbers.
        place = PurePosixPath(re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), fields[1]))
        # Of two mounts on one place the later one covers the earlier.
        if (place == path or place in path.parents) and (best is None or len(place.parts) >= best[0]):
            best = (len(place.parts), fields[2])
    return best[1] if best is not None else None


def _is_remote_drive(path: Path) -> bool:
    if path.drive.startswith("\\\\"):
        return True
    import ctypes

    windll = getattr(ctypes, "windll", None)
    return windll is not None and int(windll.kernel32.GetDriveTypeW(path.anchor)) == _REMOTE_DRIVE

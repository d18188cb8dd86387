# SPDX-License-Identifier: GPL-2.0-or-later
"""What the disk and the processor allow on this machine now: ``limits.py WORK ARGUMENTS``, in the engine's Python."""

from __future__ import annotations

import os
import shutil
import sys
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from timing import answer, clock

_BLOCK = 16 * 2**20


def read(path: str) -> None:
    """One sequential read from the page cache."""
    buffer = bytearray(_BLOCK)

    def work() -> None:
        with Path(path).open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass

    answer(clock(work)[0])


def copy(path: str, target: str) -> None:
    """Copy, brought to the disk."""

    def work() -> None:
        shutil.copyfile(path, target)
        with Path(target).open("rb+") as file:
            os.fsync(file.fileno())

    seconds, _ = clock(work)
    Path(target).unlink()
    answer(seconds)


def decode(path: str) -> None:
    """Decode a compressed raster once."""
    import rasterio

    def work() -> None:
        with rasterio.open(path) as raster:
            raster.read(1)

    answer(clock(work)[0])


def inflate(products: str, loaded_only: str) -> None:
    """Inflate the zips once on one core, all of them or (``yes``) only the members that MintPy loads."""
    paths = sorted(Path(products).glob("*.zip"))

    def work() -> None:
        for index, path in enumerate(paths):
            with zipfile.ZipFile(path) as package:
                for name in package.namelist():
                    is_loaded = index == 0 or name.endswith(("_unw_phase.tif", "_corr.tif"))
                    if loaded_only != "yes" or is_loaded:
                        with package.open(name) as member:
                            while member.read(_BLOCK):
                                pass

    answer(clock(work)[0])


def pread(path: str) -> None:
    """Read the 60 values of a pixel from one place, as if the cube were stored by pixel."""
    with Path(path).open("rb", buffering=0) as file:
        file_size = os.fstat(file.fileno()).st_size
        times = [
            clock(lambda at=place: os.pread(file.fileno(), 240, at))[0]
            for place in range(0, file_size, 9_000_011)
        ]
    answer(sorted(times)[len(times) // 2])


WORKS = {function.__name__: function for function in (read, copy, decode, inflate, pread)}

if __name__ == "__main__":
    WORKS[sys.argv[1]](*sys.argv[2:])

# SPDX-License-Identifier: GPL-2.0-or-later
"""Build the plugin folder as QGIS wants it (package, metadata.txt, LICENSE), and the zip of it."""

from __future__ import annotations

import argparse
import shutil
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "insarhub_qgis"
SUFFIXES = {".py", ".json", ".svg", ".html", ".qm", ".model3", ".cfg", ".png", ".css"}
#: The plugin repository takes 25 MB; a package of text that nears it holds something by mistake.
MAX_ZIP_BYTES = 5_000_000


def package_files() -> list[Path]:
    """Files of the package that ship, relative to the repository."""
    files = [path for path in (ROOT / PACKAGE).rglob("*") if path.is_file() and path.suffix in SUFFIXES]
    return sorted(path.relative_to(ROOT) for path in files if "__pycache__" not in path.parts)


def stage(folder: Path) -> Path:
    """Copy what changed into ``folder/insarhub_qgis`` and remove what is no longer part of it."""
    target = folder / PACKAGE
    wanted = {target.parent / path: ROOT / path for path in package_files()}
    wanted[target / "metadata.txt"] = ROOT / "metadata.txt"
    wanted[target / "LICENSE"] = ROOT / "LICENSE"
    for old in target.rglob("*") if target.exists() else []:
        if old.is_file() and old not in wanted:
            old.unlink()
    for new, source in wanted.items():
        if new.exists() and new.stat().st_mtime_ns == source.stat().st_mtime_ns:
            continue
        new.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, new)
    return target


def pack(target: Path, archive: Path) -> None:
    """Write the installable zip: one top folder, files in a fixed order."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(target.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                packed.write(path, path.relative_to(target.parent))
    if archive.stat().st_size > MAX_ZIP_BYTES:
        sys.exit(f"{archive} has {archive.stat().st_size} bytes: look for a file that does not belong there.")
    print(f"{archive}: {archive.stat().st_size / 1e6:.2f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--zip", type=Path, default=None)
    arguments = parser.parse_args()
    target = stage(arguments.folder)
    if arguments.zip:
        pack(target, arguments.zip)


if __name__ == "__main__":
    main()

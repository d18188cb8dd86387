# SPDX-License-Identifier: GPL-2.0-or-later
"""What is looked at before MintPy starts: prepared inputs, room on the disk, the key of the weather service."""

from __future__ import annotations

import glob
import hashlib
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from insarhub_qgis.core.clip_manifest import read_clip_manifest
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.mintpy_config import MintpyConfig
from insarhub_qgis.core.mintpy_steps import INPUT_FILE_KEYS, enabled_steps
from insarhub_qgis.core.product_names import ProductName

#: Bytes per pixel and pair of the loaded stack: phase and coherence float32, components int16.
_STACK_BYTES = 10
#: Series beside those of the corrections: timeseries, residual, deramped residual.
_BASE_SERIES = 3
_SPARE = 1.15


def input_files(folder: Path, config: MintpyConfig) -> dict[str, list[Path]]:
    """Give the files that each pattern of ``mintpy.load.*`` finds, seen from the MintPy folder."""
    found: dict[str, list[Path]] = {}
    for key in INPUT_FILE_KEYS:
        pattern = config.effective(key)
        if pattern in ("", "no", "none"):
            continue
        pattern = os.path.expandvars(pattern)
        if pattern.startswith("~"):
            pattern = os.path.expanduser(pattern)  # noqa: PTH111 - as MintPy does it, with the pattern in it
        full = pattern if Path(pattern).is_absolute() else str(Path(glob.escape(str(folder))) / pattern)
        found[key] = sorted(Path(path) for path in glob.glob(full))  # noqa: PTH207 - the pattern is absolute
    return found


def check_prepared(folder: Path, config: MintpyConfig) -> None:
    """Raise ``analysis.not_prepared`` unless phase, coherence and elevation of all pairs can be found."""
    found = input_files(folder, config)
    for name in ("unwFile", "corFile", "demFile"):
        if not found.get(f"mintpy.load.{name}"):
            raise InsarError("analysis.not_prepared", folder=str(folder), missing=f"mintpy.load.{name}")
    if config.effective("mintpy.load.processor") == "hyp3":
        manifest = read_clip_manifest(folder)
        if manifest is not None and not manifest.is_complete:
            raise InsarError("analysis.not_prepared", folder=str(folder), missing="clip/manifest.json")
    phases, coherences = (len(found[f"mintpy.load.{name}"]) for name in ("unwFile", "corFile"))
    if phases != coherences:
        raise InsarError("analysis.files_missing", folder=str(folder), phases=phases, coherences=coherences)


def inputs_fingerprint(folder: Path, config: MintpyConfig) -> str:
    """Give a hash over name, size and time of all input files."""
    digest = hashlib.sha256()
    for key, paths in sorted(input_files(folder, config).items()):
        for path in paths:
            status = path.stat()
            digest.update(f"{key}|{path.name}|{status.st_size}|{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def check_disk(folder: Path, config: MintpyConfig) -> None:
    """Raise ``analysis.disk_space`` when the stack and the series will not fit; unknown sizes pass."""
    manifest = read_clip_manifest(folder)
    if manifest is None:
        return
    names = [ProductName.parse(name) for name in manifest.products]
    pairs = len(names)
    dates = len({date for name in names for date in (name.reference_date, name.secondary_date)})
    pixels = manifest.window.width * manifest.window.height
    corrections = {"correct_SET", "correct_ionosphere", "correct_troposphere", "deramp", "correct_topography"}
    series = _BASE_SERIES + len(corrections & set(enabled_steps(config.effective_values())))
    # The copies that protect the series while the reference date changes come on top.
    needed = int(pixels * (pairs * _STACK_BYTES + dates * 4 * 2 * series) * _SPARE)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise InsarError(
            "analysis.disk_space",
            folder=str(folder),
            needed_bytes=needed,
            free_bytes=free,
        )


def check_weather_service(
    folder: Path, config: MintpyConfig, environment: Mapping[str, str] = os.environ
) -> str | None:
    """Raise ``era5.no_key`` or ``era5.folder`` before a step that would wait for the service without end.

    The correction is never changed here; the user chooses among no correction, height correlation, GACOS, OPERA,
    and a key. Gives a warning code when only files that are already there can be used.
    """
    if config.effective("mintpy.troposphericDelay.method") != "pyaps":
        return None
    if config.effective("mintpy.troposphericDelay.weatherModel") != "ERA5":
        return None
    weather = weather_folder(folder, config, environment)
    try:
        weather.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InsarError("era5.folder", folder=str(weather), reason=error.strerror or str(error)) from error
    if not os.access(weather, os.W_OK):
        raise InsarError("era5.folder", folder=str(weather), reason="read-only")
    if has_weather_key(environment):
        return None
    if any((weather / "ERA5").glob("*.grb")):
        return "era5.only_existing_files"
    raise InsarError("era5.no_key", choices=["no", "height_correlation", "gacos", "opera", "pyaps"])


def weather_folder(folder: Path, config: MintpyConfig, environment: Mapping[str, str]) -> Path:
    """Give the folder of the weather files as MintPy resolves it."""
    text = config.effective("mintpy.troposphericDelay.weatherDir")
    text = text.replace("${WEATHER_DIR}", environment.get("WEATHER_DIR", "") or ".")
    return (folder / Path(text).expanduser()).absolute() if text else folder


def has_weather_key(environment: Mapping[str, str]) -> bool:
    """Whether the Climate Data Store client will find a key; nothing is asked over the network."""
    if environment.get("CDSAPI_KEY"):
        return True
    try:
        file = Path(environment.get("CDSAPI_RC") or Path.home() / ".cdsapirc")
        text = file.read_text(encoding="utf-8", errors="replace")
    except (OSError, RuntimeError):
        return False
    return re.search(r"^\s*key\s*:\s*\S+", text, re.MULTILINE) is not None

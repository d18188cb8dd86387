# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub_config.json``: the stages of a job and their options, with every alias that InSARHub wrote."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from insarhub_qgis.core.atomic_files import read_json_object
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.scenes import burst_id

CONFIG_NAME = "insarhub_config.json"
LEGACY_DOWNLOADER_NAME = "downloader_config.json"
LEGACY_WORKFLOW_NAME = "insarhub_workflow.json"
#: Key of our own object, here and in job files.
OWN_SECTION = "insarhub_qgis"
OWN_VERSION = 1

DOWNLOADER, PROCESSOR, ANALYZER = "downloader", "processor", "analyzer"
ROLES = (DOWNLOADER, PROCESSOR, ANALYZER)

_ALIASES: dict[str, dict[str, str]] = {
    DOWNLOADER: {"s1_slc": "S1_SLC", "s1_burst": "S1_Burst"},
    PROCESSOR: {
        "hyp3_s1": "Hyp3_S1",
        "hyp3_insar": "Hyp3_S1",
        "isce_s1": "ISCE_S1",
        "isce_insar": "ISCE_S1",
        "isce2_s1": "ISCE_S1",
    },
    ANALYZER: {
        "hyp3_sbas": "Hyp3_SBAS",
        "hyp3_ts": "Hyp3_SBAS",
        "hyp3_mintpy_ts": "Hyp3_SBAS",
        "isce_sbas": "ISCE_SBAS",
        "isce2_ts": "ISCE_SBAS",
        "isce2_mintpy_ts": "ISCE_SBAS",
    },
}


def known_type(role: str, found: str | None) -> str | None:
    """Give the name that we write for a type as found, or None for a type that we do not know.

    Examples
    --------
    >>> known_type("analyzer", "Hyp3_Mintpy_SBAS")
    'Hyp3_SBAS'
    """
    if not found:
        return None
    folded = found.lower()
    known = _ALIASES.get(role, {}).get(folded)
    if known is None and role == ANALYZER and "sbas" in folded:
        if "hyp3" in folded:
            return "Hyp3_SBAS"
        if "isce" in folded:
            return "ISCE_SBAS"
    return known


class JobConfig(dict[str, Any]):
    """The content of the file as a dict, in its order, with what the stages say.

    Sections of another form than documented are treated as absent, and kept on rewrite.
    """

    def stage_type(self, role: str) -> str | None:
        """Give the type of a stage as it stands in the file, or None."""
        section = self.get(role)
        found = section.get("type") if isinstance(section, Mapping) else section
        return found if isinstance(found, str) and found else None

    def known_stage_type(self, role: str) -> str | None:
        """Give the type of a stage under the name that we write; None when absent or unknown."""
        return known_type(role, self.stage_type(role))

    def stage_options(self, role: str) -> dict[str, Any]:
        """Give the non-default options of a stage; empty for sections written as plain text."""
        section = self.get(role)
        options = section.get("config") if isinstance(section, Mapping) else None
        return dict(options) if isinstance(options, Mapping) else {}

    @property
    def own(self) -> dict[str, Any]:
        """Our own object: name, layout, network, quality; empty when absent."""
        own = self.get(OWN_SECTION)
        return dict(own) if isinstance(own, Mapping) else {}

    @property
    def burst_ids(self) -> tuple[str, ...]:
        """What the bursts of each date are, ``220001_IW1``; empty for whole scenes.

        Jobs of opened products tell it by the names of their bursts only, and where each date has a single one not at all.
        """
        own = self.own
        known = own.get("burst_ids")
        if isinstance(known, list):
            return tuple(str(entry) for entry in known)
        passes = own.get("bursts")
        names = (
            [row for row in passes.values() if isinstance(row, list)] if isinstance(passes, Mapping) else []
        )
        longest: list[Any] = max(names, key=len, default=[])
        return tuple(found for name in longest if (found := burst_id(str(name))) is not None)

    @property
    def aoi_wkt(self) -> str | None:
        """Area of interest in EPSG:4326 exactly as stored, or None."""
        options = self.stage_options(DOWNLOADER)
        for key in ("intersectsWith", "scene_footprint_wkt"):
            text = options.get(key)
            if isinstance(text, str) and text.strip():
                return text
        return None


def read_job_config(folder: Path) -> JobConfig:
    """Read the config of a folder, completed by the files of older InSARHub versions where it has no section.

    A folder without any of these files gives an empty config.

    Raises
    ------
    InsarError
        ``file.malformed`` or ``file.not_readable``.
    """
    config = JobConfig(_read_or_empty(folder / CONFIG_NAME))
    for role, value in _read_or_empty(folder / LEGACY_WORKFLOW_NAME).items():
        if role in ROLES and role not in config and isinstance(value, (str, Mapping)):
            config[role] = value
    if config.aoi_wkt is None or DOWNLOADER not in config:
        options = _read_or_empty(folder / LEGACY_DOWNLOADER_NAME)
        if options:
            merged = {**options, **config.stage_options(DOWNLOADER)}
            config[DOWNLOADER] = {"type": config.stage_type(DOWNLOADER) or "S1_SLC", "config": merged}
    return config


def with_section(document: Mapping[str, Any], name: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """Give the document with one section changed; keys that the new value does not name stay.

    A value None takes its key away. In a stage section this goes for the keys of ``config``, so that an option
    set back to its default can be removed. Another type of stage starts with an empty ``config``, since its
    options are others; a known alias of the same type stays as found.
    """
    result = deepcopy(dict(document))
    old = result.get(name)
    if name not in ROLES:
        result[name] = _merged(old if isinstance(old, Mapping) else {}, value)
    else:
        old_type = JobConfig(result).stage_type(name)
        new_type = value.get("type") or old_type
        is_same = old_type == new_type or (
            known_type(name, old_type) is not None
            and known_type(name, old_type) == known_type(name, new_type)
        )
        section = dict(old) if isinstance(old, Mapping) else {}
        options = section.get("config")
        kept = options if is_same and isinstance(options, Mapping) else {}
        section = _merged(
            section, {key: item for key, item in value.items() if key not in ("type", "config")}
        )
        section["type"] = old_type if is_same else new_type
        section["config"] = _merged(kept, value.get("config") or {})
        # Documented order first.
        result[name] = {"type": section.pop("type"), "config": section.pop("config"), **section}
    result["updated_at"] = utc_now()
    return result


def utc_now() -> str:
    """Give the present time as ISO UTC with ``Z``, whole seconds."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**old, **new}
    return {key: item for key, item in merged.items() if not (item is None and key in new)}


def _read_or_empty(path: Path) -> dict[str, Any]:
    try:
        return read_json_object(path)
    except InsarError as error:
        if error.code == "file.missing":
            return {}
        raise

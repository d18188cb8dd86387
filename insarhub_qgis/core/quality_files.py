# SPDX-License-Identifier: GPL-2.0-or-later
"""The quality cache and the pair database: answers of the services, and a score for every possible pair."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from insarhub_qgis.core.atomic_files import (
    folder_lock,
    read_json_object,
    set_aside,
    write_json_atomically,
    write_text_atomically,
)
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.scenes import Pair
from insarhub_qgis.core.stack_file import CONCERN, HEALTHY, colon_key, is_number, pair_of_key

QUALITY_CACHE_NAME = ".insarhub_quality_cache.json"
PAIR_DATABASE_NAME = ".insarhub_pair_quality_db.json"
CACHE_VERSION = 2
#: Version 3 is of InSARHub 0.4.2. In others the same names may mean something else.
_READ_CACHE_VERSIONS = (CACHE_VERSION, 3)
DATABASE_VERSION = 1
#: Limit of the database; factors of the longest pairs are left out beyond it.
DATABASE_BYTES = 20_000_000

#: Where our own files have the end of the header, within how many bytes (1000 scenes have 80 000), and their end.
_SCORES_BEGIN, _HEADER_BYTES, _END = ',"scores":{', 1_000_000, b"}}\n"
#: Factors that are turned into text at once.
_FACTORS_AT_ONCE = 1000
#: Errors of a file that is no cache of ours.
_NO_CACHE = ("file.malformed", "quality.other_cache")
_FETCHED_AT = "_fetched_at"
#: Sections whose entries stand under "map".
_MAP_SECTIONS = frozenset({"ndvi", "s1_coherence"})
_LIFETIME_DAYS = {"geometry": 365, "landcover": 365}
_PROVISIONAL_DAYS = 7
_SECTIONS = ("geometry", "landcover", "weather", "snow_modis", "veg", "ndvi", "s1_coherence", "fire")
#: Keys that describe an entry and measure nothing.
_NO_MEASUREMENT = frozenset({_FETCHED_AT, "provisional", "overpass_hour_utc", "source"})

_WEATHER_ALIASES = {
    "temp": "temp_mean_c",
    "temp_overpass": "temp_overpass_c",
    "soil_temp": "soil_temp_c",
    "precip_3day": "precip_3d_mm",
    "snow_depth": "snow_depth_m",
    "snowfall": "snowfall_cm",
    "wind_max": "wind_max_kmh",
}
_LANDCOVER_ALIASES = {"tree": "tree_cover", "built": "urban", "snow": "snow_ice", "cropland": "crop"}


# --- Keys --------------------------------------------------------------------------------------------


def aoi_hash(wkt: str) -> str:
    """Give the first 8 hex digits of SHA-256 of a WKT exactly as stored.

    Examples
    --------
    >>> aoi_hash("POINT (0 0)")
    'd7b6b1a7'
    """
    return hashlib.sha256(wkt.encode("utf-8")).hexdigest()[:8]


def weather_key(latitude_deg: float, longitude_deg: float, day: date) -> str:
    """``lat:lon:YYYY-MM-DD`` with three decimals; also the key of ``snow_modis``."""
    return f"{_degrees(latitude_deg)}:{_degrees(longitude_deg)}:{day.isoformat()}"


def vegetation_key(source: str, latitude_deg: float, longitude_deg: float, year: int, month: int) -> str:
    return f"{source}:{_degrees(latitude_deg)}:{_degrees(longitude_deg)}:{year}:{month}"


def ndvi_key(latitude_deg: float, longitude_deg: float, day: date) -> str:
    return f"ndvi:{weather_key(latitude_deg, longitude_deg, day)}"


def fire_key(box: tuple[float, float, float, float], first_day: date) -> str:
    """``west:south:east:north:YYYY-MM-DD`` with three decimals: a box and the first day of a window."""
    return f"{':'.join(_degrees(value) for value in box)}:{first_day.isoformat()}"


def coherence_key(aoi: str, polarization: str, algorithm: str, season_days: Sequence[int]) -> str:
    """``sig:<aoi_hash>:<pol>:<algorithm>:<DJF>-<MAM>-<JJA>-<SON>`` with the days of a pair in each season."""
    return f"sig:{aoi}:{polarization}:{algorithm}:{'-'.join(str(days) for days in season_days)}"


def _degrees(value: float) -> str:
    # Adding zero turns -0.0 into 0.0, so that one place has one key.
    return f"{round(value, 3) + 0.0:.3f}"


# --- Quality cache -----------------------------------------------------------------------------------


class QualityCache:
    """Answers of the services, read once and saved in steps.

    Attributes
    ----------
    problem
        Error of a cache that could not be read, or that another version wrote; it is set aside at the next save.
    put_count
        Entries that were put since it was read.
    """

    def __init__(self, folder: Path) -> None:
        """Read the cache of a folder; a missing one is empty. Raises ``file.not_readable``."""
        self.path = Path(folder) / QUALITY_CACHE_NAME
        self.problem: InsarError | None = None
        self.put_count = 0
        self._changes: dict[str, dict[str, dict[str, Any]]] = {}
        try:
            self._document = _read_cache(self.path)
        except InsarError as error:
            if error.code not in ("file.missing", *_NO_CACHE):
                raise
            self.problem = error if error.code in _NO_CACHE else None
            self._document = {"_schema_version": CACHE_VERSION}

    def get(self, section: str, key: str, now: datetime | None = None) -> dict[str, Any] | None:
        """Give an entry under the documented names, or None when it is absent, expired or holds no measurement."""
        entry = _entries(self._document, section).get(key)
        if not isinstance(entry, Mapping) or _is_expired(section, entry, now or datetime.now(timezone.utc)):
            return None
        values = {
            _documented_name(section, name): value for name, value in entry.items() if value is not None
        }
        return values if any(name not in _NO_MEASUREMENT for name in values) else None

    def weather(
        self,
        points: Iterable[tuple[float, float]],
        day: date,
        overpass_hour_utc: int | None = None,
        now: datetime | None = None,
    ) -> dict[str, float] | None:
        """Give the mean weather of sample points (latitude, longitude in degrees) on a day.

        Entries of another overpass hour do not count. Each quantity is the mean of the points that have it.

        Returns
        -------
        values
            Documented name -> mean; None when a point has no usable entry, so that it is fetched.
        """
        entries: list[dict[str, Any]] = []
        for latitude, longitude in points:
            entry = self.get("weather", weather_key(latitude, longitude, day), now)
            if entry is None or (
                overpass_hour_utc is not None
                and entry.get("overpass_hour_utc") not in (None, overpass_hour_utc)
            ):
                return None
            entries.append(entry)
        names = dict.fromkeys(name for entry in entries for name in entry if name not in _NO_MEASUREMENT)
        means: dict[str, float] = {}
        for name in names:
            values = [float(entry[name]) for entry in entries if is_number(entry.get(name))]
            if values:
                means[name] = sum(values) / len(values)
        return means or None

    def put(self, section: str, key: str, values: Mapping[str, Any], now: datetime | None = None) -> None:
        """Keep a successful answer; unknown values are left out.

        Raises
        ------
        InsarError
            ``quality.no_measurement``: a failure must not be kept as an answer. ``quality.unknown_section``.
        """
        if section not in _SECTIONS:
            raise InsarError("quality.unknown_section", section=section)
        known = {
            name: value
            for name, value in values.items()
            if value is not None and (is_number(value) or not isinstance(value, float))
        }
        if not any(name not in _NO_MEASUREMENT for name in known):
            raise InsarError("quality.no_measurement", section=section, key=key)
        moment = (now or datetime.now(timezone.utc)).astimezone(timezone.utc)
        entry = {**known, _FETCHED_AT: moment.isoformat(timespec="seconds")}
        self._changes.setdefault(section, {})[key] = entry
        self.put_count += 1
        _store(self._document, section, key, entry)

    def save(self) -> Path | None:
        """Write what was put since the last save into the present file; others' entries stay.

        Returns
        -------
        aside
            New name of a malformed cache that was set aside; None usually.
        """
        if not self._changes:
            return None
        aside = None
        with folder_lock(self.path.parent, "quality-cache"):
            document: dict[str, Any] = {"_schema_version": CACHE_VERSION}
            try:
                document = _read_cache(self.path)
            except InsarError as error:
                if error.code in _NO_CACHE:
                    aside = set_aside(self.path)
                elif error.code != "file.missing":
                    raise
            for section, entries in self._changes.items():
                for key, entry in entries.items():
                    _store(document, section, key, entry)
            write_json_atomically(self.path, document, compact=True)
            self._document, self._changes, self.problem = document, {}, None
        return aside


def _read_cache(path: Path) -> dict[str, Any]:
    """Read a cache; raises the codes of `read_json_object` and ``quality.other_cache``."""
    document = read_json_object(path)
    version = document.get("_schema_version", CACHE_VERSION)
    if version not in _READ_CACHE_VERSIONS:
        raise InsarError("quality.other_cache", file=str(path), version=str(version))
    return document


def _entries(document: Mapping[str, Any], section: str) -> Mapping[str, Any]:
    found = document.get(section)
    if isinstance(found, Mapping) and section in _MAP_SECTIONS:
        found = found.get("map")
    return found if isinstance(found, Mapping) else {}


def _store(document: dict[str, Any], section: str, key: str, entry: dict[str, Any]) -> None:
    place = document.get(section)
    if not isinstance(place, dict):
        place = document[section] = {}
    if section in _MAP_SECTIONS:
        inner = place.get("map")
        if not isinstance(inner, dict):
            inner = place["map"] = {}
        place = inner
    place[key] = entry


def _is_expired(section: str, entry: Mapping[str, Any], now: datetime) -> bool:
    days = _PROVISIONAL_DAYS if entry.get("provisional") else _LIFETIME_DAYS.get(section)
    if days is None:
        return False
    try:
        fetched = datetime.fromisoformat(str(entry.get(_FETCHED_AT)).replace("Z", "+00:00"))
    except ValueError:
        # An entry of unknown age is asked for again.
        return True
    if fetched.tzinfo is None:
        fetched = fetched.replace(tzinfo=timezone.utc)
    return now - fetched > timedelta(days=days)


def _documented_name(section: str, name: str) -> str:
    if section == "weather":
        return _WEATHER_ALIASES.get(name, name)
    if section == "landcover" and name.startswith("lc_") and name.endswith("_fraction"):
        middle = name[3 : -len("_fraction")]
        return f"{_LANDCOVER_ALIASES.get(middle, middle)}_frac"
    return name


# --- Pair database -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class PairDatabase:
    """Scores of all pairs of a stack.

    Attributes
    ----------
    is_complete
        The build was finished, also when some pairs stayed unknown.
    scene_names
        Scenes of the build; other scenes mean that it must grow.
    scores
        Pair -> 0..100; absent = unknown.
    factors
        Pair -> documented factors, ``score`` 0..1 among them; may lack pairs that have a score.
    labels
        Pair -> ``healthy`` or ``concern``: all that version 4 (0.4.2) tells.
    """

    version: int
    is_complete: bool
    built_at: str | None
    scene_count: int | None
    pair_count: int | None
    scene_names: tuple[str, ...] = ()
    scores: Mapping[Pair, float] = field(default_factory=dict)
    factors: Mapping[Pair, Mapping[str, Any]] = field(default_factory=dict)
    labels: Mapping[Pair, str] = field(default_factory=dict)


_DATABASE_KEYS = frozenset(
    {
        "_schema_version",
        "_built_at",
        "_n_scenes",
        "_n_pairs",
        "_complete",
        "_scene_names",
        "scores",
        "factors",
        "status",
    }
)


def read_pair_database(folder: Path) -> PairDatabase | None:
    """Read the pair database of a folder; None when there is none.

    Raises
    ------
    InsarError
        ``file.malformed`` or ``file.not_readable``.
    """
    path = Path(folder) / PAIR_DATABASE_NAME
    try:
        document = read_json_object(path)
    except InsarError as error:
        if error.code == "file.missing":
            return None
        raise
    return _database(document)


def read_database_header(folder: Path) -> PairDatabase | None:
    """Read the pair database without scores and factors, which are nearly all of it; None when there is none.

    Raises
    ------
    InsarError
        ``file.malformed`` or ``file.not_readable``.
    """
    path = Path(folder) / PAIR_DATABASE_NAME
    document = _own_header(path)
    if document is not None:
        return _database(document)
    # Missing, damaged, or written by another program, in another order or with blanks: reading all of it tells.
    found = read_pair_database(folder)
    return None if found is None else replace(found, scores={}, factors={}, labels={})


def _own_header(path: Path) -> dict[str, Any] | None:
    """Give a whole database of our own form without scores and factors; None for anything else."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEADER_BYTES).decode("utf-8", errors="replace")
            file.seek(-len(_END), os.SEEK_END)
            is_whole = file.read() == _END
    except OSError:
        return None
    text, mark, _ = head.partition(_SCORES_BEGIN)
    try:
        document = json.loads(f"{text}}}") if mark and is_whole else None
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _database(document: Mapping[str, Any]) -> PairDatabase:
    version = document.get("_schema_version")
    names = document.get("_scene_names")
    known: dict[str, Pair | None] = {}
    scores = {
        pair: float(value)
        for pair, value in _by_pair(document.get("scores"), known).items()
        if is_number(value)
    }
    is_percent = any(value > 1 for value in scores.values())
    factors: dict[Pair, Mapping[str, Any]] = {}
    # Factors of later versions have other meanings; of those only the verdicts count.
    is_documented = not isinstance(version, int) or version <= DATABASE_VERSION
    for pair, item in _by_pair(document.get("factors") if is_documented else None, known).items():
        if isinstance(item, Mapping):
            score: Any = item.get("score")
            factors[pair] = {**item, "score": score / 100.0} if is_percent and is_number(score) else item
    built_at = document.get("_built_at")
    return PairDatabase(
        version=version if isinstance(version, int) else DATABASE_VERSION,
        is_complete=document.get("_complete") is True,
        built_at=built_at if isinstance(built_at, str) else None,
        scene_count=_count(document.get("_n_scenes")),
        pair_count=_count(document.get("_n_pairs")),
        scene_names=tuple(str(name) for name in names) if isinstance(names, list) else (),
        scores={pair: value if is_percent else value * 100.0 for pair, value in scores.items()},
        factors=factors,
        labels={
            pair: label
            for pair, label in _by_pair(document.get("status"), known).items()
            if label in (HEALTHY, CONCERN)
        },
    )


def begin_pair_database(folder: Path, scene_count: int, built_at: datetime | None = None) -> Path | None:
    """Write the header of a build that goes on, without scores; gives the new name of a malformed database."""
    return _write_database(folder, _header(scene_count, False, built_at), None, None)


def write_pair_database(
    folder: Path,
    scene_names: Iterable[str],
    scores: Mapping[Pair, float],
    factors: Mapping[Pair, Mapping[str, Any]],
    built_at: datetime | None = None,
    byte_limit: int = DATABASE_BYTES,
) -> Path | None:
    """Write a finished database: compact, three decimals, scores of all known pairs.

    Factors are written by rising ``dt_days`` until the file reaches ``byte_limit``.

    Parameters
    ----------
    scores
        Pair -> 0..100.
    factors
        Pair -> documented factors; unknown values are left out.

    Returns
    -------
    aside
        New name of a malformed database that was set aside; None usually.
    """
    names = sorted(set(scene_names))
    header = {**_header(len(names), True, built_at), "_scene_names": names}
    written = {colon_key(pair): round(score / 100.0, 3) for pair, score in scores.items() if is_number(score)}
    by_length = sorted(factors.items(), key=lambda item: _days(item[1]))
    rounded = {colon_key(pair): _rounded(item) for pair, item in by_length}
    return _write_database(folder, header, written, rounded, byte_limit)


def _write_database(
    folder: Path,
    header: dict[str, Any],
    scores: dict[str, float] | None,
    factors: dict[str, Any] | None,
    byte_limit: int = DATABASE_BYTES,
) -> Path | None:
    path = Path(folder) / PAIR_DATABASE_NAME
    aside = None
    with folder_lock(Path(folder), "pair-database"):
        others: dict[str, Any] = {}
        try:
            present = _own_header(path) or read_json_object(path)
            others = {key: deepcopy(value) for key, value in present.items() if key not in _DATABASE_KEYS}
        except InsarError as error:
            if error.code == "file.malformed":
                aside = set_aside(path)
            elif error.code != "file.missing":
                raise
        document: dict[str, Any] = {**header, **others}
        if scores is None or factors is None:
            write_json_atomically(path, document, compact=True)
            return aside
        document["scores"] = scores
        text = _compact(document)
        size = len(text.encode("utf-8")) + len(',"factors":{}}\n')
        kept: list[str] = []
        for part in _parts(factors):
            # Without the braces around it.
            entries = _compact(part)[1:-1]
            size += len(entries.encode("utf-8")) + 1
            if size > byte_limit:
                kept += _that_fit(part, byte_limit - (size - len(entries.encode("utf-8")) - 1))
                break
            kept.append(entries)
        write_text_atomically(path, f'{text[:-1]},"factors":{{{",".join(kept)}}}}}\n')
    return aside


def _parts(factors: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    items = list(factors.items())
    for start in range(0, len(items), _FACTORS_AT_ONCE):
        yield dict(items[start : start + _FACTORS_AT_ONCE])


def _that_fit(factors: Mapping[str, Any], left: int) -> list[str]:
    """Give the texts of the first factors, as many as fit into so many bytes with a comma each."""
    found = []
    for key, item in factors.items():
        entry = f"{_compact(key)}:{_compact(item)}"
        left -= len(entry.encode("utf-8")) + 1
        if left < 0:
            break
        found.append(entry)
    return found


def _header(scene_count: int, is_complete: bool, built_at: datetime | None) -> dict[str, Any]:
    moment = (built_at or datetime.now(timezone.utc)).astimezone(timezone.utc)
    return {
        "_schema_version": DATABASE_VERSION,
        "_built_at": moment.isoformat(timespec="seconds"),
        "_n_scenes": scene_count,
        "_n_pairs": scene_count * (scene_count - 1) // 2,
        "_complete": is_complete,
    }


def _compact(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (ValueError, TypeError) as error:
        raise InsarError("file.not_json", file=PAIR_DATABASE_NAME, reason=str(error)) from error


def _by_pair(value: Any, known: dict[str, Pair | None]) -> dict[Pair, Any]:
    """Give a section by pairs; ``known`` keeps the pairs of keys, which every section repeats."""
    if not isinstance(value, Mapping):
        return {}
    found: dict[Pair, Any] = {}
    for key, item in value.items():
        if key not in known:
            known[key] = pair_of_key(key)
        pair = known[key]
        if pair is not None:
            found[pair] = item
    return found


def _rounded(item: Mapping[str, Any]) -> dict[str, Any]:
    rounded: dict[str, Any] = {}
    for name, value in item.items():
        if isinstance(value, float):
            if math.isfinite(value):
                rounded[name] = round(value, 3)
        elif value is not None:
            rounded[name] = value
    return rounded


def _days(item: Mapping[str, Any]) -> float:
    days = item.get("dt_days")
    return float(days) if is_number(days) and days is not None else float("inf")


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None

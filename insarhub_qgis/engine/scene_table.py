# SPDX-License-Identifier: GPL-2.0-or-later
"""What a search answer says: UMM items as scenes, and scenes grouped into stacks."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from statistics import median
from typing import Any

from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.engine.search_area import SearchArea, covered_share, footprint_of_rings

#: A part of the satellite's name in UMM -> the name that scenes carry.
_PLATFORM_SUFFIX = {"A": "S1A", "B": "S1B", "C": "S1C", "D": "S1D"}
_STATE_VECTORS = ("SV_POSITION_PRE", "SV_POSITION_POST", "SV_VELOCITY_PRE", "SV_VELOCITY_POST")

Scene = dict[str, Any]
#: A scene, where it lies, and the items that it comes from.
_Row = tuple[Scene, BaseGeometry | None, Sequence[dict[str, Any]]]


def attributes_of(item: Mapping[str, Any]) -> dict[str, str]:
    """Give the additional attributes of an item, the first value of each."""
    found: dict[str, str] = {}
    for entry in item["umm"].get("AdditionalAttributes") or []:
        values = entry.get("Values")
        if values:
            found.setdefault(str(entry.get("Name")), str(values[0]))
    return found


def scene_name_of_item(item: Mapping[str, Any]) -> str:
    """Give the granule name of an item, without the ending of the product."""
    return _scene_name(item["umm"], str(item["umm"]["GranuleUR"]))


def scene_of_item(item: Mapping[str, Any]) -> tuple[Scene, BaseGeometry | None]:
    """Read a scene and its footprint from an item; only the fields that we use, others may change.

    Raises
    ------
    InsarError
        ``search.item_unreadable``: no name, no time, or numbers that are none.
    """
    try:
        umm = item["umm"]
        granule_ur = str(umm["GranuleUR"])
        times = umm["TemporalExtent"]["RangeDateTime"]
        start, stop = _utc(times["BeginningDateTime"]), _utc(times["EndingDateTime"])
        attributes = attributes_of(item)
        platform = attributes.get("ASF_PLATFORM") or umm["Platforms"][0]["ShortName"]
        orbits = umm.get("OrbitCalculatedSpatialDomains") or [{}]
        footprint = _footprint(umm)
        scene: Scene = {
            "name": _scene_name(umm, granule_ur),
            "date": start.date().isoformat(),
            "start": _iso(start),
            "stop": _iso(stop),
            "platform": _PLATFORM_SUFFIX.get(str(platform)[-1:].upper(), str(platform)),
            "polarization": attributes.get("POLARIZATION"),
            "path": _whole_number(attributes.get("PATH_NUMBER")),
            "frame": _whole_number(attributes.get("FRAME_NUMBER")),
            "direction": attributes.get("ASCENDING_DESCENDING"),
            "orbit": _whole_number(orbits[0].get("OrbitNumber")),
            "beam_mode": attributes.get("BEAM_MODE_TYPE") or attributes.get("BEAM_MODE"),
            "footprint_wkt": footprint.wkt if footprint is not None else None,
            "aoi_coverage": None,
            "has_state_vectors": all(name in attributes for name in (*_STATE_VECTORS, "ASC_NODE_TIME")),
            "bytes": _whole_number(attributes.get("BYTES") or attributes.get("BYTE_LENGTH")),
            "processing_date": attributes.get("PROCESSING_DATE"),
            **_addresses(umm),
            "bursts": [],
            "burst_ids": [],
        }
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        name = item.get("umm", {}).get("GranuleUR") if isinstance(item.get("umm"), Mapping) else None
        raise InsarError(
            "search.item_unreadable", scene=str(name), reason=f"{type(error).__name__}: {error}"[:200]
        ) from error
    return scene, footprint


class SceneTable:
    """The scenes of an answer, each once, newest first.

    Parameters
    ----------
    area
        The area that was searched; scenes beside it, which a larger sent area brought, are left out.
    months
        Months of the year that count; empty for all.
    """

    def __init__(self, area: SearchArea | None = None, months: Sequence[int] = ()) -> None:
        self._area = area
        self._months = frozenset(months)
        self._rows: dict[str, _Row] = {}
        self.problems: list[InsarError] = []
        #: (path, frame) of bursts -> ISO days whose passes lack some.
        self.lacking: dict[tuple[int, int], Sequence[str]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def counted(self) -> str:
        """What there is, for a progress line."""
        return f"{len(self)} scenes"

    def add(self, items: Iterable[dict[str, Any]]) -> int:
        """Take the items that are new, in the area and in the months; give how many."""
        before = len(self._rows)
        for item in items:
            try:
                scene, footprint = scene_of_item(item)
            except InsarError as error:
                self.problems.append(error)
                continue
            if scene["name"] in self._rows or not self._is_wanted(scene, footprint):
                continue
            self.put(scene, footprint, (item,))
        return len(self._rows) - before

    def put(self, scene: Scene, footprint: BaseGeometry | None, items: Sequence[dict[str, Any]]) -> None:
        """Take a scene as it is, with the items that it comes from."""
        if self._area is not None and footprint is not None:
            scene["aoi_coverage"] = _rounded(self._area.coverage(footprint))
        self._rows[scene["name"]] = (scene, footprint, items)

    def _is_wanted(self, scene: Scene, footprint: BaseGeometry | None) -> bool:
        if self._months and int(scene["date"][5:7]) not in self._months:
            return False
        if self._area is None or footprint is None:
            return True
        return bool(footprint.intersects(self._area.geometry))

    def keep_newest(self, count: int) -> int:
        """Keep so many scenes, the newest; give how many went."""
        gone = [scene["name"] for scene in self.scenes()[count:]]
        for name in gone:
            del self._rows[name]
        return len(gone)

    def scenes(self) -> list[Scene]:
        rows = sorted(self._rows.values(), key=lambda row: row[0]["name"])
        return [row[0] for row in sorted(rows, key=lambda row: row[0]["start"], reverse=True)]

    def items(self) -> list[dict[str, Any]]:
        return [item for scene in self.scenes() for item in self._rows[scene["name"]][2]]

    def items_of(self, name: str) -> Sequence[dict[str, Any]]:
        """Give the items that a scene comes from."""
        return self._rows[name][2]

    def coverage_by_date(self) -> list[dict[str, Any]]:
        """Give the share of the area that all frames of a path cover together, for each day."""
        groups: dict[tuple[Any, str], list[tuple[Scene, BaseGeometry | None]]] = defaultdict(list)
        for scene, footprint, _ in self._rows.values():
            groups[scene["path"], scene["date"]].append((scene, footprint))
        rows = []
        for (path, date), members in sorted(
            groups.items(), key=lambda entry: (str(entry[0][0]), entry[0][1])
        ):
            footprints = [footprint for _, footprint in members if footprint is not None]
            share = None
            if self._area is not None and footprints:
                share = _rounded(covered_share(self._area.geometry, unary_union(footprints)))
            frames = sorted({scene["frame"] for scene, _ in members if scene["frame"] is not None})
            rows.append({"path": path, "date": date, "frames": frames, "aoi_coverage": share})
        return rows

    def stacks(self) -> list[dict[str, Any]]:
        """Group by path, frame (or lowest burst) and direction; what covers the area best comes first, then the longer stack."""
        groups: dict[tuple[Any, Any, Any], list[Scene]] = defaultdict(list)
        for scene in self.scenes():
            groups[scene["path"], scene["frame"], scene["direction"]].append(scene)
        days_of_path: dict[Any, set[str]] = defaultdict(set)
        for (path, _, direction), scenes in groups.items():
            days_of_path[path, direction].update(scene["date"] for scene in scenes)
        stacks = []
        for key, scenes in groups.items():
            stack = _stack(key, scenes, days_of_path[key[0], key[2]])
            if stack["burst_ids"]:
                stack["dates_without"] = list(self.lacking.get(key[:2], ()))
            stacks.append(stack)
        return sorted(
            stacks,
            key=lambda stack: (
                -(stack["aoi_coverage"] or 0.0),
                -stack["date_count"],
                stack["path"] or 0,
                stack["frame"] or 0,
            ),
        )


def _stack(key: tuple[Any, Any, Any], scenes: Sequence[Scene], days_of_path: set[str]) -> dict[str, Any]:
    days = sorted({scene["date"] for scene in scenes})
    ordinals = [datetime.fromisoformat(day).toordinal() for day in days]
    gaps = [later - earlier for earlier, later in zip(ordinals, ordinals[1:])]
    best_of_day: dict[str, float] = {}
    for scene in scenes:
        if scene["aoi_coverage"] is not None:
            best_of_day[scene["date"]] = max(best_of_day.get(scene["date"], 0.0), scene["aoi_coverage"])
    lacking = sorted(day for day in days_of_path - set(days) if days[0] <= day <= days[-1])
    return {
        "path": key[0],
        "frame": key[1],
        "direction": key[2],
        "scene_count": len(scenes),
        "date_count": len(days),
        "first": days[0],
        "last": days[-1],
        "longest_gap_days": max(gaps) if gaps else None,
        "revisit_days": median(gaps) if gaps else None,
        "platforms": sorted({scene["platform"] for scene in scenes}),
        "polarizations": sorted({scene["polarization"] for scene in scenes if scene["polarization"]}),
        "aoi_coverage": _rounded(median(best_of_day.values())) if best_of_day else None,
        "dates_without": lacking,
        "burst_count": len(scenes[0]["burst_ids"]),
        "burst_ids": scenes[0]["burst_ids"],
        "without_state_vectors": sum(not scene["has_state_vectors"] for scene in scenes),
    }


# --- Parts of an item ---


def _scene_name(umm: Mapping[str, Any], granule_ur: str) -> str:
    if granule_ur.endswith("-BURST"):
        return granule_ur
    for entry in (umm.get("DataGranule") or {}).get("Identifiers") or []:
        if entry.get("IdentifierType") == "ProducerGranuleId" and entry.get("Identifier"):
            return str(entry["Identifier"])
    return granule_ur.removesuffix("-SLC")


def _footprint(umm: Mapping[str, Any]) -> BaseGeometry | None:
    geometry = ((umm.get("SpatialExtent") or {}).get("HorizontalSpatialDomain") or {}).get("Geometry") or {}
    rings = [
        [(float(point["Longitude"]), float(point["Latitude"])) for point in polygon["Boundary"]["Points"]]
        for polygon in geometry.get("GPolygons") or []
    ]
    return footprint_of_rings(rings)


def _addresses(umm: Mapping[str, Any]) -> dict[str, str | None]:
    url = browse = None
    for entry in umm.get("RelatedUrls") or []:
        address = str(entry.get("URL"))
        # Bursts are cut out of their scene when they are asked for.
        if entry.get("Type") in ("GET DATA", "USE SERVICE API") and address.startswith("https://"):
            url = url or address
        elif entry.get("Type") == "GET RELATED VISUALIZATION" and address.startswith("https://"):
            browse = browse or address
    return {"url": url, "browse_url": browse}


def _whole_number(value: Any) -> int | None:
    if value is None:
        return None
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value} is no number")
    return round(number)


def _utc(text: str) -> datetime:
    moment = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    return moment.astimezone(timezone.utc) if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)

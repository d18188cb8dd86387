# SPDX-License-Identifier: GPL-2.0-or-later
"""CMR granule search of the sandbox: the filters and the paging that asf_search uses, over items in memory.

Areas are compared on the plane of longitude and latitude; the real service does it on the sphere.
"""

from __future__ import annotations

import datetime
import fnmatch
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from shapely.affinity import scale, translate
from shapely.geometry import LineString, Point, Polygon, box
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union
from shapely.prepared import prep

from insarhub_qgis.sandbox.server import Answer, Route, Service, ServiceRequest

SEARCH_AFTER = "CMR-Search-After"
_LARGEST_PAGE = 2000
_DEFAULT_PAGE = 10
_METRES_PER_DEGREE = 111_195.0
#: What clients send that changes nothing here.
_PLAIN_FIELDS = {"sort_key[]", "options[temporal][and]", "options[platform][ignore_case]"}
_PATTERN_OPTION = "options[readable_granule_name][pattern]"

_Test = Callable[["_Granule"], bool]


class _Refused(Exception):
    """A request that CMR answers with 400 and this text."""


@dataclass(frozen=True)
class _Granule:
    """One item with the parts that filters look at."""

    item: dict[str, Any]

    @property
    def umm(self) -> dict[str, Any]:
        return self.item["umm"]

    @property
    def granule_ur(self) -> str:
        return str(self.umm["GranuleUR"])

    @cached_property
    def names(self) -> tuple[str, ...]:
        identifiers = self.umm.get("DataGranule", {}).get("Identifiers", [])
        return (self.granule_ur, *(str(entry.get("Identifier")) for entry in identifiers))

    @cached_property
    def attributes(self) -> dict[str, list[str]]:
        return {
            str(entry["Name"]): [str(value) for value in entry.get("Values", [])]
            for entry in self.umm.get("AdditionalAttributes", [])
        }

    @cached_property
    def span(self) -> tuple[str, str]:
        """Start and end as ISO text of one form, so that they compare as text."""
        extent = self.umm.get("TemporalExtent", {})
        times = extent.get("RangeDateTime") or {"BeginningDateTime": extent.get("SingleDateTime")}
        start = _instant(str(times.get("BeginningDateTime")))
        return start, _instant(str(times.get("EndingDateTime") or times.get("BeginningDateTime")))

    @cached_property
    def short_name(self) -> str:
        return str(self.umm.get("CollectionReference", {}).get("ShortName"))

    @cached_property
    def orbit(self) -> int | None:
        domains = self.umm.get("OrbitCalculatedSpatialDomains") or [{}]
        return domains[0].get("OrbitNumber")

    @cached_property
    def footprint(self) -> BaseGeometry:
        """Footprint with longitudes of -180..180; one that crosses the antimeridian has a part on each side."""
        geometry = self.umm.get("SpatialExtent", {}).get("HorizontalSpatialDomain", {}).get("Geometry", {})
        parts = []
        for polygon in geometry.get("GPolygons", []):
            points = [(p["Longitude"], p["Latitude"]) for p in polygon["Boundary"]["Points"]]
            if max(x for x, _ in points) - min(x for x, _ in points) > 180:
                points = [(x + 360 if x < 0 else x, y) for x, y in points]
            whole = Polygon(points)
            parts += [whole, translate(whole, -360)] if whole.bounds[2] > 180 else [whole]
        return unary_union(parts)


class CmrService(Service):
    """Row 1 of the table of sandbox endpoints.

    Parameters
    ----------
    items
        UMM items, each ``{"meta", "umm"}``.
    """

    def __init__(self, items: Sequence[dict[str, Any]]) -> None:
        granules = sorted((_Granule(item) for item in items), key=lambda granule: granule.granule_ur)
        # -end_date, then granule_ur, as the client asks; a stable sort keeps the second key.
        self._granules = sorted(granules, key=lambda granule: granule.span[1], reverse=True)

    def __len__(self) -> int:
        return len(self._granules)

    def routes(self) -> Sequence[Route]:
        return (("POST", "/search/granules.umm_json", self.search), ("GET", "/search/health", self.health))

    def health(self, request: ServiceRequest) -> Answer:
        return Answer.of_json({"echo": {"ok?": True}})

    def search(self, request: ServiceRequest) -> Answer:
        fields = [*request.form, *request.query]
        try:
            page_size = _page_size(fields)
            start = _search_after(request.headers.get(SEARCH_AFTER.lower()))
            tests = _tests(fields)
        except _Refused as refusal:
            return Answer.of_json({"errors": [str(refusal)]}, 400)
        found = [granule for granule in self._granules if all(test(granule) for test in tests)]
        page = found[start : start + page_size]
        headers = {"CMR-Hits": str(len(found))}
        if page:
            headers[SEARCH_AFTER] = json.dumps([start + len(page)])
        if request.fault is not None and request.fault.keep_share is not None:
            page = page[: int(len(page) * request.fault.keep_share)]
        items = [granule.item for granule in page]
        return Answer.of_json({"hits": len(found), "took": 1, "items": items}, 200, headers)


def _page_size(fields: Sequence[tuple[str, str]]) -> int:
    text = dict(fields).get("page_size", str(_DEFAULT_PAGE))
    if not text.isdecimal() or int(text) > _LARGEST_PAGE:
        raise _Refused(f"page_size must be a number between 0 and {_LARGEST_PAGE}, but was [{text}]")
    return int(text)


def _search_after(header: str | None) -> int:
    if not header:
        return 0
    try:
        (position,) = json.loads(header)
        return int(position)
    except (ValueError, TypeError) as error:
        raise _Refused(f"The search-after header [{header}] is not valid.") from error


def _tests(fields: Sequence[tuple[str, str]]) -> list[_Test]:
    """Give one test per criterion; values of one list field are alternatives, attributes and areas add up."""
    by_field: dict[str, list[str]] = {}
    for name, value in fields:
        by_field.setdefault(name, []).append(value)
    is_pattern = by_field.pop(_PATTERN_OPTION, ["false"])[0] == "true"
    tests: list[_Test] = []
    for name, values in by_field.items():
        if name in ("page_size", *_PLAIN_FIELDS):
            continue
        if name == "readable_granule_name[]":
            tests.append(_name_test(values, is_pattern=is_pattern))
        elif name in _LIST_TESTS:
            tests.append(_LIST_TESTS[name](values))
        elif name in _SINGLE_TESTS:
            tests += [_SINGLE_TESTS[name](value) for value in values]
        else:
            raise _Refused(f"Parameter [{name}] was not recognized.")
    return tests


# --- Names, collections, attributes ---


def _name_test(values: Sequence[str], *, is_pattern: bool) -> _Test:
    if is_pattern:
        return lambda granule: any(
            fnmatch.fnmatchcase(name, value) for value in values for name in granule.names
        )
    wanted = set(values)
    return lambda granule: not wanted.isdisjoint(granule.names)


def _granule_ur_test(values: Sequence[str]) -> _Test:
    wanted = set(values)
    return lambda granule: granule.granule_ur in wanted


def _short_name_test(values: Sequence[str]) -> _Test:
    wanted = set(values)
    return lambda granule: granule.short_name in wanted


def _platform_test(values: Sequence[str]) -> _Test:
    wanted = {value.upper() for value in values}
    return lambda granule: any(
        str(platform.get("ShortName", "")).upper() in wanted for platform in granule.umm.get("Platforms", [])
    )


def _instrument_test(values: Sequence[str]) -> _Test:
    wanted = {value.upper() for value in values}
    return lambda granule: any(
        str(instrument.get("ShortName", "")).upper() in wanted
        for platform in granule.umm.get("Platforms", [])
        for instrument in platform.get("Instruments", [])
    )


def _provider_test(values: Sequence[str]) -> _Test:
    wanted = set(values)
    return lambda granule: granule.item.get("meta", {}).get("provider-id", "ASF") in wanted


def _collection_test(values: Sequence[str]) -> _Test:
    wanted = set(values)
    return lambda granule: granule.item.get("meta", {}).get("collection-concept-id") in wanted


def _orbit_test(value: str) -> _Test:
    low, high = _range(value.split(","), f"orbit_number [{value}] is not valid")
    return lambda granule: granule.orbit is not None and low <= granule.orbit <= high


def _attribute_test(value: str) -> _Test:
    """``type,NAME,value`` or ``type,NAME,lowest,highest`` with either limit left out."""
    kind, _, rest = value.partition(",")
    name, _, wanted = rest.partition(",")
    if kind not in ("string", "int", "float", "date", "datetime") or not name or not wanted:
        raise _Refused(f"[{value}] is not a valid attribute search.")
    if kind in ("int", "float"):
        low, high = _range(wanted.split(","), f"[{wanted}] is an invalid value for type [{kind}]")

        def in_range(granule: _Granule) -> bool:
            return any(low <= float(found) <= high for found in granule.attributes.get(name, []))

        return in_range
    return lambda granule: wanted in granule.attributes.get(name, [])


def _range(parts: Sequence[str], message: str) -> tuple[float, float]:
    try:
        low = float(parts[0]) if parts[0] else -math.inf
        if len(parts) == 1:
            return low, low
        if len(parts) != 2:
            raise ValueError
        return low, float(parts[1]) if parts[1] else math.inf
    except ValueError as error:
        raise _Refused(message) from error


# --- Time ---


def _instant(text: str) -> str:
    """Give an ISO time as UTC text with six decimals, or raise `_Refused`."""
    try:
        moment = datetime.datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError as error:
        raise _Refused(f"temporal datetime is invalid: [{text}] is not a valid datetime") from error
    if moment.tzinfo is not None:
        moment = moment.astimezone(datetime.timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}"


def _temporal_test(value: str) -> _Test:
    """``start,end`` or ``start,end,first day of year,last day of year``; parts may be empty."""
    parts = [*value.split(","), "", "", "", ""][:4]
    start = _instant(parts[0]) if parts[0] else ""
    end = _instant(parts[1]) if parts[1] else "9999"
    if start > end:
        raise _Refused(f"start_date [{parts[0]}] must be before end_date [{parts[1]}]")
    try:
        first_day, last_day = int(parts[2] or 1), int(parts[3] or 366)
    except ValueError as error:
        raise _Refused(f"temporal [{value}] is not valid") from error

    def is_inside(granule: _Granule) -> bool:
        granule_start, granule_end = granule.span
        if granule_end < start or granule_start > end:
            return False
        day = datetime.datetime.fromisoformat(granule_start).timetuple().tm_yday
        return first_day <= day <= last_day if first_day <= last_day else not last_day < day < first_day

    return is_inside


def _updated_test(value: str) -> _Test:
    since = _instant(value)
    return lambda granule: _instant(str(granule.item["meta"]["revision-date"])) >= since


# --- Areas ---


def _coordinates(value: str, name: str) -> list[tuple[float, float]]:
    try:
        numbers = [float(part) for part in value.split(",")]
    except ValueError as error:
        raise _Refused(f"[{value[:80]}] is not a valid URL encoded {name}") from error
    if len(numbers) % 2 or not all(map(math.isfinite, numbers)):
        raise _Refused(f"[{value[:80]}] is not a valid URL encoded {name}")
    points = list(zip(numbers[::2], numbers[1::2]))
    for longitude, latitude in points:
        if not -180 <= longitude <= 180 or not -90 <= latitude <= 90:
            raise _Refused(f"Spatial coordinate ({longitude}, {latitude}) must be within -180 180 and -90 90")
    return points


def _area_test(area: BaseGeometry) -> _Test:
    prepared = prep(area)
    return lambda granule: bool(prepared.intersects(granule.footprint))


def _bounding_box_test(value: str) -> _Test:
    points = _coordinates(value, "bounding_box")
    if len(points) != 2 or points[0][1] > points[1][1]:
        raise _Refused(f"[{value[:80]}] is not a valid URL encoded bounding_box")
    (west, south), (east, north) = points
    if west <= east:
        return _area_test(box(west, south, east, north))
    return _area_test(unary_union([box(west, south, 180, north), box(-180, south, east, north)]))


def _polygon_test(value: str) -> _Test:
    points = _coordinates(value, "polygon")
    if len(points) < 4 or points[0] != points[-1]:
        raise _Refused("Polygon boundary was not closed. The first and last points must be the same.")
    polygon = Polygon(points)
    if not polygon.is_valid:
        raise _Refused("The polygon boundary intersected itself.")
    return _area_test(polygon)


def _point_test(value: str) -> _Test:
    points = _coordinates(value, "point")
    if len(points) != 1:
        raise _Refused(f"[{value[:80]}] is not a valid URL encoded point")
    return _area_test(Point(points[0]))


def _line_test(value: str) -> _Test:
    points = _coordinates(value, "line")
    if len(points) < 2:
        raise _Refused(f"[{value[:80]}] is not a valid URL encoded line")
    return _area_test(LineString(points))


def _circle_test(value: str) -> _Test:
    """``longitude,latitude,radius in metres``."""
    centre, _, radius = value.rpartition(",")
    points = _coordinates(centre, "circle")
    try:
        radius_deg = float(radius) / _METRES_PER_DEGREE
    except ValueError as error:
        raise _Refused(f"[{value[:80]}] is not a valid URL encoded circle") from error
    if len(points) != 1 or not 0 < radius_deg < 90:
        raise _Refused(f"[{value[:80]}] is not a valid URL encoded circle")
    ((longitude, latitude),) = points
    widening = 1 / max(math.cos(math.radians(latitude)), 0.01)
    return _area_test(scale(Point(longitude, latitude).buffer(radius_deg), widening, 1.0))


_LIST_TESTS: dict[str, Callable[[Sequence[str]], _Test]] = {
    "granule_ur[]": _granule_ur_test,
    "shortName": _short_name_test,
    "short_name": _short_name_test,
    "platform[]": _platform_test,
    "provider": _provider_test,
    "instrument[]": _instrument_test,
    "collection_concept_id": _collection_test,
    "echo_collection_id[]": _collection_test,
}
_SINGLE_TESTS: dict[str, Callable[[str], _Test]] = {
    "attribute[]": _attribute_test,
    "orbit_number": _orbit_test,
    "temporal": _temporal_test,
    "updated_since": _updated_test,
    "bounding_box": _bounding_box_test,
    "polygon": _polygon_test,
    "point": _point_test,
    "line": _line_test,
    "circle": _circle_test,
}

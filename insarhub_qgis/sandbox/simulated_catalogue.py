# SPDX-License-Identifier: GPL-2.0-or-later
"""Simulated Sentinel-1 stacks as CMR tells them: UMM items with footprints and orbit state vectors.

The first stack is that of the simulated products: the same dates, granule names and baselines. The others show
what an archive has: a missing frame, a gap of twelve weeks, two satellites, a scene without state vectors,
a scene that was processed twice, single polarisation, a footprint across the antimeridian. The passes of the first
stack are there as bursts too; some of them lack one.
"""

from __future__ import annotations

import datetime
import gzip
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.sandbox.acquisitions import RELATIVE_ORBIT, Acquisition, acquisition, short_hash
from insarhub_qgis.sandbox.orbit import ORBITS_PER_CYCLE, SimulatedOrbit, longitude_latitude, orbit_over
from insarhub_qgis.sandbox.random_fields import generator
from insarhub_qgis.sandbox.scene import (
    CENTRE_INCIDENCE_DEG,
    FIRST_DATE,
    simulated_baselines_m,
    simulated_dates,
)

Array = npt.NDArray[np.float64]

#: Centre of the simulated scene with its default size.
SITE_LONGITUDE_DEG, SITE_LATITUDE_DEG = -1.7575, 37.6526
SCENE_SECONDS = 27.0
#: Start to start of neighbouring frames: they overlap by two seconds.
_FRAME_STEP_S = 25.0
#: Look angles of the swath IW1 to IW3.
_NEAR_LOOK_RAD, _FAR_LOOK_RAD = np.radians(27.0), np.radians(39.8)
DEMO_DATES, DEMO_REVISIT_DAYS = 31, 12
#: Bursts of the middle of the frame: the simulated site lies across the second and third, in IW1 and IW2.
BURST_NUMBERS = range(219_999, 220_005)
_BURST_SECONDS = 3.0
#: Look angles of the sub-swaths; neighbours overlap.
_SWATH_LOOKS_DEG = {1: (28.6, 33.95), 2: (33.4, 37.0), 3: (36.6, 39.8)}
_SAMPLES_PER_BURST = {1: 21_632, 2: 25_259, 3: 24_486}
_LINES_PER_BURST = 1_508
#: Pass -> (number, sub-swath) that the archive lacks: one at the site, one beside it.
BURSTS_LACKING = {14: (220_001, 2), 22: (220_004, 3)}
#: Bursts of two passes start at the same place but for this, s.
_BURST_SCATTER_S = 0.012
#: ESA counts the bursts of a cycle of 175 orbits.
_BURST_IDS_PER_CYCLE = 375_887
_PLATFORMS = {"S1A": "Sentinel-1A", "S1B": "Sentinel-1B", "S1C": "Sentinel-1C", "S1D": "Sentinel-1D"}
#: Absolute orbit of path 1 in the first cycle.
_ORBIT_OFFSETS = {"S1A": 73, "S1B": 27}
_NAME_POLARIZATIONS = {"DV": "VV+VH", "SV": "VV"}


@dataclass(frozen=True)
class _Pass:
    """One pass over one frame, with what is special about it."""

    acquisition: Acquisition
    baseline_m: float
    has_state_vectors: bool = True
    processed: str = ""


@dataclass(frozen=True)
class _StackPlan:
    path: int
    frame: int
    ascending: bool
    orbit: SimulatedOrbit
    centre_since_node_s: float
    passes: tuple[_Pass, ...]
    look_rad: float


def simulated_items(
    seed: int = 1, dates: int = DEMO_DATES, revisit_days: int = DEMO_REVISIT_DAYS
) -> list[dict[str, Any]]:
    """Give all simulated scenes as UMM items; the same seed gives the same items.

    ``dates`` and ``revisit_days`` are those of the simulated products' own stack.
    """
    items = [
        _item(plan, one)
        for plan in (
            *_ascending(seed, dates, revisit_days),
            _descending(seed),
            _across_the_antimeridian(seed),
        )
        for one in plan.passes
    ]
    return sorted(items, key=lambda item: str(item["umm"]["GranuleUR"]))


def simulated_burst_items(
    seed: int = 1, dates: int = DEMO_DATES, revisit_days: int = DEMO_REVISIT_DAYS
) -> list[dict[str, Any]]:
    """Give the bursts of the simulated products' own stack as UMM items, co-polarised; the first pass has both.

    The parameters are those of `simulated_items`.
    """
    plan = _ascending(seed, dates, revisit_days)[0]
    return [
        _burst_item(plan, one, number, swath, polarization)
        for index, one in enumerate(plan.passes)
        for number in BURST_NUMBERS
        for swath in _SWATH_LOOKS_DEG
        for polarization in (("VV", "VH") if index == 0 else ("VV",))
        if BURSTS_LACKING.get(index) != (number, swath)
    ]


def read_items(file: Path) -> list[dict[str, Any]]:
    """Read the items of a CMR answer, plain or gzipped: ``{"items": [...]}`` or a list.

    Raises
    ------
    InsarError
        ``file.not_readable``, ``sandbox.not_umm``.
    """
    try:
        data = file.read_bytes()
        content = json.loads(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)
    except (ValueError, EOFError) as error:
        raise InsarError("sandbox.not_umm", file=str(file), reason=str(error)) from error
    except OSError as error:
        raise InsarError("file.not_readable", file=str(file), reason=error.strerror or str(error)) from error
    items = content.get("items") if isinstance(content, dict) else content
    if not isinstance(items, list) or not items or not all(_is_item(item) for item in items):
        raise InsarError("sandbox.not_umm", file=str(file), reason="no items with umm and GranuleUR")
    return items


def _is_item(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("umm"), dict) and "GranuleUR" in item["umm"]


# --- Stacks ---


def _ascending(seed: int, count: int, revisit_days: int) -> list[_StackPlan]:
    """Give the stack of the simulated products, and the frame north of it, which two dates lack."""
    orbit, since_node_s = orbit_over(
        SITE_LONGITUDE_DEG, SITE_LATITUDE_DEG, CENTRE_INCIDENCE_DEG, ascending=True
    )
    dates = simulated_dates(count, revisit_days)
    passes = tuple(
        _Pass(acquisition(date, FIRST_DATE), float(baseline))
        for date, baseline in zip(dates, simulated_baselines_m(seed, len(dates)))
    )
    look = _look_to_site(CENTRE_INCIDENCE_DEG)
    demo = _StackPlan(RELATIVE_ORBIT, 121, True, orbit, since_node_s, passes, look)
    lacking = (7, 19)
    north = tuple(
        replace(one, acquisition=_later(one.acquisition, _FRAME_STEP_S))
        for index, one in enumerate(passes)
        if index not in lacking
    )
    return [
        demo,
        replace(demo, frame=126, centre_since_node_s=since_node_s + _FRAME_STEP_S, passes=north),
    ]


def _descending(seed: int) -> _StackPlan:
    """Give a stack of two satellites, six days apart, with a gap of 84 days."""
    incidence_deg, count = 36.0, 92
    orbit, since_node_s = orbit_over(SITE_LONGITUDE_DEG, SITE_LATITUDE_DEG, incidence_deg, ascending=False)
    baselines = _drifting_baselines(seed, "descending", count)
    passes: list[_Pass] = []
    for index in range(count):
        if 40 <= index < 53:
            continue
        one = _Pass(_acquisition_of(8, 2 + 6 * index, datetime.time(6, 11, 3)), float(baselines[index]))
        if index == 12:
            older = replace(one, acquisition=replace(one.acquisition, version=1), processed="older")
            passes.append(older)
        if index in (20, 21):
            one = replace(one, acquisition=replace(one.acquisition, polarization="SV"))
        passes.append(replace(one, has_state_vectors=index != 60))
    return _StackPlan(8, 463, False, orbit, since_node_s, tuple(passes), _look_to_site(incidence_deg))


def _across_the_antimeridian(seed: int) -> _StackPlan:
    """Give a stack over Taveuni, Fiji, whose footprints cross 180 degrees."""
    count = 12
    orbit, since_node_s = orbit_over(-179.97, -16.85, 38.0, ascending=False)
    baselines = _drifting_baselines(seed, "antimeridian", count)
    passes = tuple(
        _Pass(_acquisition_of(59, 5 + 12 * index, datetime.time(17, 20, 40)), float(baselines[index]))
        for index in range(count)
    )
    return _StackPlan(59, 642, False, orbit, since_node_s, passes, _look_to_site(38.0))


def _look_to_site(incidence_deg: float) -> float:
    return float(np.arcsin(np.sin(np.radians(incidence_deg)) * 6_370_500.0 / 7_071_000.0))


def _drifting_baselines(seed: int, name: str, count: int) -> Array:
    """Baselines in the tube of Sentinel-1: slow control cycles and scatter, relative to the first, metres."""
    scatter = generator(seed, "baselines", name).normal(0.0, 35.0, count)
    values: Array = np.round(55.0 * np.sin(np.arange(count) / 5.0) + scatter, 3)
    return values - values[0]


def _acquisition_of(path: int, days: int, time_of_day: datetime.time) -> Acquisition:
    date = FIRST_DATE + datetime.timedelta(days=days)
    satellite = "S1A" if (days // 6) % 2 == 0 else "S1B"
    start = datetime.datetime.combine(date, time_of_day) + datetime.timedelta(seconds=days % 4)
    orbit = _ORBIT_OFFSETS[satellite] + path - 1 + ORBITS_PER_CYCLE * (days // 12 + 120)
    return Acquisition(date, satellite, start, orbit)


def _later(one: Acquisition, seconds: float) -> Acquisition:
    return replace(one, start=one.start + datetime.timedelta(seconds=seconds))


# --- Items ---


def _item(plan: _StackPlan, one: _Pass) -> dict[str, Any]:
    scene = one.acquisition
    name, platform = scene.granule, _PLATFORMS[scene.satellite]
    start = scene.start + datetime.timedelta(milliseconds=594)
    stop = start + datetime.timedelta(seconds=SCENE_SECONDS)
    centre_point = plan.orbit.look_point(plan.centre_since_node_s, plan.look_rad)
    longitude, latitude = longitude_latitude(centre_point)
    node_time = start + datetime.timedelta(seconds=SCENE_SECONDS / 2 - plan.centre_since_node_s)
    processed = start + datetime.timedelta(hours=1 if one.processed else 30)
    size = 4_400_000_000 if scene.polarization == "DV" else 2_200_000_000
    attributes = {
        "ACQUISITION_DATE": _iso(stop, 6),
        "ASCENDING_DESCENDING": "ASCENDING" if plan.ascending else "DESCENDING",
        "ASC_NODE_TIME": _iso(node_time, 6),
        "ASF_PLATFORM": platform,
        "BEAM_MODE": "IW",
        "BEAM_MODE_TYPE": "IW",
        "BYTES": str(size + int(short_hash(name), 16) * 1000),
        "CENTER_LAT": f"{latitude:.4f}",
        "CENTER_LON": f"{longitude:.4f}",
        "FRAME_NUMBER": str(plan.frame),
        "GRANULE_TYPE": f"SENTINEL_{scene.satellite[1:]}_FRAME",
        "GROUP_ID": f"{scene.satellite}_IW{scene.polarization}_{plan.frame:04d}_{scene.orbit:06d}_{plan.path:03d}",
        "LOOK_DIRECTION": "R",
        "PATH_NUMBER": str(plan.path),
        "POLARIZATION": _NAME_POLARIZATIONS[scene.polarization],
        "PROCESSING_DATE": _iso(processed, 6),
        "PROCESSING_LEVEL": "L1",
        "PROCESSING_TYPE": "SLC",
        "PROCESSING_TYPE_DISPLAY": "L1 Single Look Complex (SLC)",
    }
    if one.has_state_vectors:
        attributes.update(_state_vectors(plan, one, plan.centre_since_node_s, centre_point, node_time))
    corners = _corners(plan.orbit, plan.centre_since_node_s, SCENE_SECONDS, (_NEAR_LOOK_RAD, _FAR_LOOK_RAD))
    return {
        "meta": {
            "concept-type": "granule",
            "concept-id": f"G{int(short_hash(name + '/id'), 16)}-SANDBOX",
            "native-id": f"{name}-SLC",
            "provider-id": "ASF",
            "revision-date": _iso(processed, 3),
        },
        "umm": {
            "TemporalExtent": {
                "RangeDateTime": {"BeginningDateTime": _iso(start, 3), "EndingDateTime": _iso(stop, 3)}
            },
            "OrbitCalculatedSpatialDomains": [{"OrbitNumber": scene.orbit}],
            "GranuleUR": f"{name}-SLC",
            "AdditionalAttributes": [
                {"Name": key, "Values": [value]} for key, value in sorted(attributes.items())
            ],
            "SpatialExtent": {
                "HorizontalSpatialDomain": {
                    "Geometry": {"GPolygons": [{"Boundary": {"Points": _closed(corners)}}]}
                }
            },
            "CollectionReference": {"ShortName": f"{platform.upper()}_SLC", "Version": "1"},
            "PGEVersionClass": {"PGEName": "Sentinel-1 IPF", "PGEVersion": "003.40"},
            "RelatedUrls": [
                {
                    "URL": f"https://datapool.asf.alaska.edu/SLC/S{scene.satellite[-1]}/{name}.zip",
                    "Type": "GET DATA",
                }
            ],
            "DataGranule": {
                "DayNightFlag": "Unspecified",
                "Identifiers": [{"Identifier": name, "IdentifierType": "ProducerGranuleId"}],
                "ProductionDateTime": _iso(processed, 3),
            },
            "Platforms": [{"ShortName": platform.upper(), "Instruments": [{"ShortName": "C-SAR"}]}],
            "MetadataSpecification": {
                "URL": "https://cdn.earthdata.nasa.gov/umm/granule/v1.6.6",
                "Name": "UMM-G",
                "Version": "1.6.6",
            },
        },
    }


def _burst_item(plan: _StackPlan, one: _Pass, number: int, swath: int, polarization: str) -> dict[str, Any]:
    scene = one.acquisition
    name, platform = scene.burst_name(number, swath, polarization), _PLATFORMS[scene.satellite]
    start = scene.burst_start(number, swath)
    stop = start + datetime.timedelta(seconds=_BURST_SECONDS)
    scene_centre = scene.start + datetime.timedelta(seconds=0.594 + SCENE_SECONDS / 2)
    centre_s = plan.centre_since_node_s + (start - scene_centre).total_seconds() + _BURST_SECONDS / 2
    node_time = start + datetime.timedelta(seconds=_BURST_SECONDS / 2 - centre_s)
    near, far = (float(np.radians(look)) for look in _SWATH_LOOKS_DEG[swath])
    centre_point = plan.orbit.look_point(centre_s, (near + far) / 2)
    longitude, latitude = longitude_latitude(centre_point)
    index = number - BURST_NUMBERS[0] + 3
    processed = start + datetime.timedelta(hours=30)
    address = f"https://sentinel1-burst.asf.alaska.edu/{scene.granule}/IW{swath}/{polarization}/{index}"
    attributes = {
        "ASCENDING_DESCENDING": "ASCENDING" if plan.ascending else "DESCENDING",
        "ASC_NODE_TIME": _iso(node_time, 6),
        "AZIMUTH_ANX_TIME": f"{centre_s - _BURST_SECONDS / 2:.6f}",
        "AZIMUTH_TIME": _iso(start, 6),
        "BEAM_MODE": "IW",
        "BURST_ID_ABSOLUTE": str(number + scene.orbit // ORBITS_PER_CYCLE * _BURST_IDS_PER_CYCLE),
        "BURST_ID_FULL": f"{plan.path:03d}_{number:06d}_IW{swath}",
        "BURST_ID_RELATIVE": str(number),
        "BURST_INDEX": str(index),
        "BYTE_LENGTH": str(_SAMPLES_PER_BURST[swath] * _LINES_PER_BURST * 4),
        "CENTER_LAT": f"{latitude:.6f}",
        "CENTER_LON": f"{longitude:.6f}",
        "GROUP_ID": f"{scene.satellite}_IW{scene.polarization}_{plan.frame:04d}_{scene.orbit:06d}_{plan.path:03d}",
        "LINES_PER_BURST": str(_LINES_PER_BURST),
        "PATH_NUMBER": str(plan.path),
        "POLARIZATION": polarization,
        "PROCESSING_LEVEL": "L1",
        "PROCESSING_TYPE": "BURST",
        "SAMPLES_PER_BURST": str(_SAMPLES_PER_BURST[swath]),
        "SUBSWATH_NAME": f"IW{swath}",
        **_state_vectors(plan, one, centre_s, centre_point, node_time),
    }
    scatter_s = (int(scene.granule[-4:], 16) / 0xFFFF - 0.5) * 2 * _BURST_SCATTER_S
    corners = _corners(plan.orbit, centre_s + scatter_s, _BURST_SECONDS, (near, far))
    return {
        "meta": {
            "concept-type": "granule",
            "concept-id": f"G{int(short_hash(name + '/id'), 16)}-SANDBOX",
            "native-id": name,
            "provider-id": "ASF",
            "revision-date": _iso(processed, 3),
        },
        "umm": {
            "TemporalExtent": {
                "RangeDateTime": {"BeginningDateTime": _iso(start, 6), "EndingDateTime": _iso(stop, 6)}
            },
            "OrbitCalculatedSpatialDomains": [{"OrbitNumber": scene.orbit}],
            "GranuleUR": name,
            "AdditionalAttributes": [
                {"Name": key, "Values": [value]} for key, value in sorted(attributes.items())
            ],
            "SpatialExtent": {
                "HorizontalSpatialDomain": {
                    "Geometry": {"GPolygons": [{"Boundary": {"Points": _closed(corners)}}]}
                }
            },
            "CollectionReference": {"ShortName": "SENTINEL-1_BURSTS", "Version": "1"},
            "PGEVersionClass": {"PGEName": "Sentinel-1 IPF", "PGEVersion": "003.40"},
            "RelatedUrls": [
                {"URL": f"{address}.tiff", "Type": "USE SERVICE API", "Format": "Not provided"},
                {"URL": f"{address}.xml", "Type": "USE SERVICE API", "Format": "XML"},
            ],
            "InputGranules": [f"{scene.granule}-SLC"],
            "ProviderDates": [
                {"Type": "Insert", "Date": _iso(processed, 0)},
                {"Type": "Update", "Date": _iso(processed, 0)},
            ],
            "Platforms": [{"ShortName": platform.upper(), "Instruments": [{"ShortName": "C-SAR"}]}],
            "MetadataSpecification": {
                "URL": "https://cdn.earthdata.nasa.gov/umm/granule/v1.6.6",
                "Name": "UMM-G",
                "Version": "1.6.6",
            },
        },
    }


def _state_vectors(
    plan: _StackPlan, one: _Pass, centre_s: float, centre_point: Array, node_time: datetime.datetime
) -> dict[str, str]:
    """Give position and velocity before and after a centre, on the 10 s grid of the orbit files."""
    centre = node_time + datetime.timedelta(seconds=centre_s)
    before = centre.replace(microsecond=0) - datetime.timedelta(seconds=(centre.second - 6) % 10)
    attributes = {}
    for side, moment in (("PRE", before), ("POST", before + datetime.timedelta(seconds=10))):
        since_node_s = (moment - node_time).total_seconds()
        across = plan.orbit.baseline_direction(since_node_s, centre_point)
        position = plan.orbit.position(since_node_s) + one.baseline_m * across
        velocity = plan.orbit.velocity(since_node_s)
        for kind, vector in (("POSITION", position), ("VELOCITY", velocity)):
            values = ",".join(f"{value:.6f}" for value in vector)
            attributes[f"SV_{kind}_{side}"] = f"{values},{moment:%Y-%m-%dT%H:%M:%S}.000000"
    return attributes


def _corners(
    orbit: SimulatedOrbit, centre_since_node_s: float, seconds: float, looks_rad: tuple[float, float]
) -> list[tuple[float, float]]:
    near, far = looks_rad
    return [
        longitude_latitude(orbit.look_point(centre_since_node_s + offset, look))
        for offset, look in (
            (-seconds / 2, near),
            (seconds / 2, near),
            (seconds / 2, far),
            (-seconds / 2, far),
        )
    ]


def _closed(corners: Sequence[tuple[float, float]]) -> list[dict[str, float]]:
    points: Iterable[tuple[float, float]] = [*corners, corners[0]]
    return [
        {"Longitude": round(longitude, 6), "Latitude": round(latitude, 6)} for longitude, latitude in points
    ]


def _iso(moment: datetime.datetime, digits: int) -> str:
    text = f"{moment:%Y-%m-%dT%H:%M:%S.%f}"
    return f"{text[: len(text) - 6 + digits].rstrip('.')}Z"

# SPDX-License-Identifier: GPL-2.0-or-later
"""Metadata items of bursts on a plain grid: the archive's form, with footprints and passes as a test wants them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

#: Height of a burst and width of a sub-swath, degrees; neighbours reach over each other by `OVERLAP`.
STEP, WIDTH, OVERLAP = 0.17, 0.9, 0.02
#: South-west corner of burst 1000 of IW1.
WEST, SOUTH, FIRST = 10.0, 50.0, 1000


def burst_box(number: int, swath: int, west: float = WEST, south: float = SOUTH) -> tuple[float, ...]:
    """West, south, east, north of a burst, degrees."""
    left, low = west + (swath - 1) * WIDTH, south + (number - FIRST) * STEP
    return left, low, left + WIDTH + OVERLAP, low + STEP + OVERLAP


def burst_item(
    number: int,
    swath: int,
    day: str = "2020-01-06",
    *,
    path: int = 44,
    polarization: str = "VV",
    satellite: str = "A",
    shift: float = 0.0,
    version: str = "1A2B",
    processed: str = "2020-02-01",
    west: float = WEST,
    south: float = SOUTH,
) -> dict[str, Any]:
    """One burst of the pass of a day; ``shift``: of the footprint to the north, degrees."""
    left, low, right, high = burst_box(number, swath, west, south + shift)
    ring = [(left, low), (right, low), (right, high), (left, high), (left, low)]
    start = datetime.fromisoformat(f"{day}T05:00:00") + timedelta(seconds=2.76 * (number - FIRST) + swath)
    days = (start.date() - datetime(2014, 1, 1).date()).days
    name = f"S1_{number:06d}_IW{swath}_{start:%Y%m%dT%H%M%S}_{polarization}_{version}-BURST"
    attributes = {
        "ASCENDING_DESCENDING": "DESCENDING",
        "ASC_NODE_TIME": f"{day}T04:40:00.000000",
        "BEAM_MODE": "IW",
        "BURST_ID_FULL": f"{path:03d}_{number:06d}_IW{swath}",
        "BURST_ID_RELATIVE": str(number),
        "BYTE_LENGTH": "1000",
        "PATH_NUMBER": str(path),
        "POLARIZATION": polarization,
        "PROCESSING_TYPE": "BURST",
        "SUBSWATH_NAME": f"IW{swath}",
    }
    points = [{"Longitude": (x + 180) % 360 - 180, "Latitude": y} for x, y in ring]
    address = f"https://sentinel1-burst.asf.alaska.edu/scene/IW{swath}/{polarization}/{number}"
    times = {
        "BeginningDateTime": f"{start.isoformat()}Z",
        "EndingDateTime": f"{(start + timedelta(seconds=3)).isoformat()}Z",
    }
    return {
        "meta": {
            "concept-id": f"G-{name}",
            "provider-id": "ASF",
            "revision-date": f"{processed}T00:00:00.000Z",
        },
        "umm": {
            "GranuleUR": name,
            "TemporalExtent": {"RangeDateTime": times},
            "OrbitCalculatedSpatialDomains": [{"OrbitNumber": days * 14 + path}],
            "AdditionalAttributes": [{"Name": key, "Values": [value]} for key, value in attributes.items()],
            "SpatialExtent": {
                "HorizontalSpatialDomain": {"Geometry": {"GPolygons": [{"Boundary": {"Points": points}}]}}
            },
            "CollectionReference": {"ShortName": "SENTINEL-1_BURSTS", "Version": "1"},
            "RelatedUrls": [
                {"URL": f"{address}.tiff", "Type": "USE SERVICE API"},
                {"URL": f"{address}.xml", "Type": "USE SERVICE API"},
            ],
            "Platforms": [{"ShortName": f"SENTINEL-1{satellite}", "Instruments": [{"ShortName": "C-SAR"}]}],
        },
    }

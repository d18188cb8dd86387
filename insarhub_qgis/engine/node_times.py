# SPDX-License-Identifier: GPL-2.0-or-later
"""Repair of ascending-node times that belong to another orbit, without which a baseline is nonsense."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from statistics import median
from typing import Any

import numpy as np

from insarhub_qgis.engine.scene_table import attributes_of

#: Sentinel-1 flies 175 orbits in 12 days.
NODAL_PERIOD_S = 12 * 86400.0 / 175
#: A node time this far from where the satellite was is that of another orbit; good ones are within 3 s.
LARGEST_ERROR_S = 600.0
_NEAR_NODE_S = 10.0
_EARTH_RATE = np.array([0.0, 0.0, 7.292115e-5])


@dataclass(frozen=True)
class _NodeTime:
    """Time of the first state vector, seconds since its ascending node as told and as the position tells."""

    vector_time: datetime
    told_s: float
    seen_s: float

    @property
    def is_wrong(self) -> bool:
        return abs(self.told_s - self.seen_s) > LARGEST_ERROR_S


def repaired_node_times(
    items: Sequence[Mapping[str, Any]],
) -> tuple[list[Mapping[str, Any]], list[int]]:
    """Give the items with node times of their own orbit, and the indexes of those that were repaired.

    Where the satellite was tells the time since the node to about 2 s; what remains is common to all scenes of a
    stack and is taken from those whose node time is right. The repair is then good to some 0.03 s, a
    few centimetres of baseline. Items without state vectors stay as they are.
    """
    found = [_node_time(item) for item in items]
    right = [entry.told_s - entry.seen_s for entry in found if entry is not None and not entry.is_wrong]
    offset_s = median(right) if right else 0.0
    repaired, indexes = list(items), []
    for index, entry in enumerate(found):
        if entry is not None and entry.is_wrong:
            node_time = entry.vector_time - timedelta(seconds=entry.seen_s + offset_s)
            repaired[index] = _with_node_time(items[index], node_time)
            indexes.append(index)
    return repaired, indexes


def _node_time(item: Mapping[str, Any]) -> _NodeTime | None:
    attributes = attributes_of(item)
    try:
        position, moment = _vector(attributes["SV_POSITION_PRE"])
        velocity, _ = _vector(attributes["SV_VELOCITY_PRE"])
        node_time = _utc(attributes["ASC_NODE_TIME"])
    except (KeyError, ValueError):
        return None
    seen_s = _argument_of_latitude(position, velocity) / (2 * math.pi) * NODAL_PERIOD_S
    told_s = (moment - node_time).total_seconds()
    if seen_s > NODAL_PERIOD_S - _NEAR_NODE_S and abs(told_s) < _NEAR_NODE_S:
        # Right at the node the position may tell the end of the orbit before.
        seen_s -= NODAL_PERIOD_S
    return _NodeTime(moment, told_s, seen_s)


def _argument_of_latitude(position_m: np.ndarray, velocity_m_s: np.ndarray) -> float:
    """Angle from the ascending node along the orbit, 0..2 pi, from an Earth-fixed state vector."""
    inertial = velocity_m_s + np.cross(_EARTH_RATE, position_m)
    normal = np.cross(position_m, inertial)
    normal /= np.linalg.norm(normal)
    node = np.array([-normal[1], normal[0], 0.0])
    across = np.cross(normal, node)
    return math.atan2(float(across @ position_m), float(node @ position_m)) % (2 * math.pi)


def _vector(text: str) -> tuple[np.ndarray, datetime]:
    parts = text.split(",")
    values = np.array([float(part) for part in parts[:3]])
    if len(parts) != 4 or not np.isfinite(values).all():
        raise ValueError(text)
    return values, _utc(parts[3])


def _utc(text: str) -> datetime:
    moment = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    return moment.astimezone(timezone.utc) if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _with_node_time(item: Mapping[str, Any], node_time: datetime) -> Mapping[str, Any]:
    changed = copy.deepcopy(dict(item))
    for entry in changed["umm"]["AdditionalAttributes"]:
        if entry.get("Name") == "ASC_NODE_TIME":
            entry["Values"] = [f"{node_time:%Y-%m-%dT%H:%M:%S.%f}Z"]
    return changed

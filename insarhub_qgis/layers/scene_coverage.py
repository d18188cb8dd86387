# SPDX-License-Identifier: GPL-2.0-or-later
"""Which part of the searched area each date leaves uncovered, as polygons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from qgis.core import QgsGeometry

from insarhub_qgis.core.progress import IsCancelled, stop_if_cancelled
from insarhub_qgis.core.scene_stacks import COVERED, FoundScene, SceneStack
from insarhub_qgis.layers.search_area import area_km2


@dataclass(frozen=True)
class UncoveredPart:
    """What the scenes of one day miss.

    Attributes
    ----------
    frames
        Frames of the path that were taken on the day; empty for bursts.
    burst_ids
        Bursts of the path that were taken on the day, ``220001_IW1``; empty for whole scenes.
    geometry
        Part of the area outside their footprints, EPSG:4326.
    share
        Its share 0..1 of the area.
    """

    path: int
    date: date
    frames: tuple[int, ...]
    geometry: QgsGeometry
    area_km2: float
    share: float
    burst_ids: tuple[str, ...] = ()


def uncovered_parts(
    area: QgsGeometry, stacks: Iterable[SceneStack], is_cancelled: IsCancelled = lambda: False
) -> list[UncoveredPart]:
    """Give what the frames or bursts of each path together leave uncovered, per day, newest last.

    Days that cover the area but for `COVERED` are left out, and so are all days where no footprint is known. An
    area without extent (a point) gives nothing.
    """
    whole_km2 = area_km2(area)
    if whole_km2 <= 0.0:
        return []
    days: dict[tuple[int, date], list[FoundScene]] = {}
    for stack in stacks:
        for row in stack.dates:
            days.setdefault((stack.path, row.date), []).extend(row.scenes)
    parts = []
    for (path, day), scenes in sorted(days.items()):
        stop_if_cancelled(is_cancelled)
        footprints = _footprints(scenes)
        if not footprints:
            continue
        rest = area.difference(QgsGeometry.unaryUnion(footprints))
        rest_km2 = area_km2(rest) if not rest.isEmpty() else 0.0
        if rest_km2 / whole_km2 > 1.0 - COVERED:
            frames = {scene.frame for scene in scenes if scene.frame is not None and not scene.burst_ids}
            bursts = {burst_id for scene in scenes for burst_id in scene.burst_ids}
            parts.append(
                UncoveredPart(
                    path,
                    day,
                    tuple(sorted(frames)),
                    rest,
                    rest_km2,
                    rest_km2 / whole_km2,
                    tuple(sorted(bursts)),
                )
            )
    return parts


def _footprints(scenes: Sequence[FoundScene]) -> list[QgsGeometry]:
    read = (QgsGeometry.fromWkt(scene.footprint_wkt) for scene in scenes if scene.footprint_wkt)
    return [geometry.makeValid() for geometry in read if not geometry.isNull()]

# SPDX-License-Identifier: GPL-2.0-or-later
"""A job as its pairs are scored: dates, baselines and area, and what its folder knows of them without any service."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from insarhub_qgis.core.date_inputs import overpass_hour_utc, read_date_inputs
from insarhub_qgis.core.decay_sources import DecaySources
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.job_config import JobConfig
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.network_dates import Node, nodes_of_scenes
from insarhub_qgis.core.pair_baselines import PairBaselines
from insarhub_qgis.core.pair_database import QualityInputs
from insarhub_qgis.core.pairwise_file import read_pairwise_file
from insarhub_qgis.core.quality_files import QualityCache
from insarhub_qgis.core.scene_facts import SceneFacts, read_scene_facts
from insarhub_qgis.core.stack_file import is_number
from insarhub_qgis.engine.decay_map_reader import read_decay_parameters
from insarhub_qgis.engine.fire_source import read_fire_history
from insarhub_qgis.engine.quality_area import QualityArea, area_of_job
from insarhub_qgis.engine.quality_sources import FIRE, SNOW, QualityStack

#: Source of monthly NDVI.
_MONTHLY_NDVI = ("modis",)


@dataclass(frozen=True)
class QualityJob:
    """The stack of a job and where it is.

    Attributes
    ----------
    area
        None when neither the config nor the footprints of the scenes tell it.
    problems
        What of the files could not be read and is left out.
    """

    path: Path
    nodes: tuple[Node, ...]
    baselines: PairBaselines
    facts: Mapping[str, SceneFacts]
    config: JobConfig
    area: QualityArea | None
    problems: tuple[InsarError, ...]

    @property
    def days(self) -> tuple[date, ...]:
        return tuple(node.date for node in self.nodes)

    @property
    def scenes(self) -> list[str]:
        return [scene for node in self.nodes for scene in node.scenes]

    def stack(self, area: QualityArea, cache: QualityCache, now: datetime) -> QualityStack:
        """Give the stack as the sources of quality ask for it."""
        return QualityStack(area, self.days, overpass_hour_utc(self.scenes), cache, now)

    def inputs(
        self, cache: QualityCache, now: datetime, sources: Collection[str]
    ) -> tuple[QualityInputs, list[InsarError]]:
        """Give all that cache and decay maps know; snow of MODIS and fires count when they are among ``sources``."""
        if self.area is None:
            dates = read_date_inputs(cache, [], self.days, overpass_hour_utc(self.scenes), now=now)
            return QualityInputs(self.nodes, dates, self.baselines), []
        stack = self.stack(self.area, cache, now)
        dates = read_date_inputs(
            cache,
            self.area.points,
            stack.days,
            stack.overpass_hour_utc,
            use_modis_snow=SNOW in sources,
            vegetation_sources=_MONTHLY_NDVI,
            now=now,
        )
        fires = read_fire_history(stack) if FIRE in sources else None
        pixels, problems = read_decay_parameters(self.path, self.area.geometry, self.area.hash)
        cover = read_land_cover(stack)
        decay = DecaySources.ranked(pixels, cover, self.area.middle[0])
        aoi_hash = self.area.hash
        return QualityInputs(self.nodes, dates, self.baselines, decay, fires, aoi_hash=aoi_hash), problems


def read_land_cover(stack: QualityStack) -> dict[str, float] | None:
    """Give the fractions of land cover that the cache knows; None when it knows nothing of the area."""
    cover = stack.cache.get("landcover", stack.area.hash, stack.now)
    if cover is None:
        return None
    return {
        name: float(value) for name, value in cover.items() if name.endswith("_frac") and is_number(value)
    }


def read_quality_job(job: JobFolder) -> QualityJob:
    """Read the stack of a job, its config, and what is known of its scenes.

    Raises
    ------
    InsarError
        ``stack.missing``, ``quality.few_dates``, codes of `read_search_area` for the job's area, ``file.malformed`` or
        ``file.not_readable`` for stack file and config.
    """
    stack = job.read_stack()
    config = job.read_config()
    facts: Mapping[str, SceneFacts] = {}
    pairwise: Mapping[tuple[str, str], float | None] = {}
    problems: list[InsarError] = []
    try:
        facts = read_scene_facts(job.path)
        pairwise = read_pairwise_file(job.path)
    except InsarError as error:
        problems.append(error)
    baselines = PairBaselines(dict(stack.baselines), dict(pairwise))
    nodes, unreadable = nodes_of_scenes(stack.scenes, baselines)
    if len(nodes) < 2:
        raise InsarError("quality.few_dates", folder=str(job.path), dates=len(nodes))
    area = area_of_job(config, [facts[name] for node in nodes for name in node.scenes if name in facts])
    return QualityJob(job.path, nodes, baselines, facts, config, area, (*problems, *unreadable))

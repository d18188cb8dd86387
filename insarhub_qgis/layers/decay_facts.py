# SPDX-License-Identifier: GPL-2.0-or-later
"""What the decay maps of a job hold: figures, source, and whether they still fit. Read in a worker, without any network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from osgeo import gdal

from insarhub_qgis.core.coherence_tiles import LEVELS_DAYS, SOURCE
from insarhub_qgis.core.decay_map_files import (
    ALGORITHM,
    INSARHUB_MAP,
    OUTDATED,
    OWN_MAP,
    POLARIZATIONS,
    SEASONS,
    SIMULATED,
    UNUSABLE,
    DecayMapBuild,
    DecayMapFacts,
    find_decay_maps,
    find_derived_maps,
    is_simulated,
    reuse_of,
)
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.footprints import bounds_of_polygons, polygons_of_wkt
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.network_files import load_network
from insarhub_qgis.core.progress import IsCancelled, stop_if_cancelled
from insarhub_qgis.core.quality_files import aoi_hash
from insarhub_qgis.layers.hdf5_file import gdal_exceptions

#: Why a map of ours is outdated.
OTHER_AREA, OTHER_FIT, SIMULATED_MAP, REAL_MAP = "area", "fit", "simulated", "real"

#: Time and size of a file: while they stay, what was read of it stays true.
Stamp = tuple[int, int]


@dataclass(frozen=True)
class BandFigures:
    """Median and range of the valid pixels of one band, in its own unit."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class RasterFacts:
    """What a GeoTIFF of decay says of itself.

    Attributes
    ----------
    bounds
        West, south, east, north in degrees.
    bands
        One per band; None where no pixel is valid.
    descriptions
        Of the bands.
    """

    stamp: Stamp
    width: int
    height: int
    crs: str
    bounds: tuple[float, float, float, float]
    tags: Mapping[str, str]
    descriptions: tuple[str, ...]
    bands: tuple[BandFigures | None, ...]
    valid_pixels: int


@dataclass(frozen=True)
class DecayMap:
    """A map of one season and polarisation.

    Attributes
    ----------
    state
        ``own``, ``insarhub``, ``outdated`` or ``unusable``, as `core.decay_map_files.reuse_of` decides.
    reason
        Of an outdated map: ``area``, ``fit``, ``simulated`` (real coherence is wanted) or ``real``.
    problem
        Why it cannot be read.
    """

    season: str
    polarization: str
    path: Path
    state: str
    reason: str = ""
    facts: RasterFacts | None = None
    problem: InsarError | None = None

    @property
    def size_bytes(self) -> int:
        return self.facts.stamp[1] if self.facts is not None else 0

    @property
    def resolution(self) -> str:
        """``90 m``, ``0.01 deg``, or empty where the map does not tell."""
        return self.facts.tags.get("RESOLUTION", "") if self.facts is not None else ""

    @property
    def source(self) -> str:
        return self.facts.tags.get("SOURCE", "") if self.facts is not None else ""

    @property
    def fetched_at(self) -> datetime | None:
        """When it was fetched, UTC; the time of the file for a map that does not tell."""
        if self.facts is None:
            return None
        try:
            return datetime.fromisoformat(self.facts.tags["FETCHED"].replace("Z", "+00:00"))
        except (KeyError, ValueError):
            return datetime.fromtimestamp(self.facts.stamp[0] / 1e9, tz=timezone.utc)

    @property
    def is_usable(self) -> bool:
        return self.state in (OWN_MAP, INSARHUB_MAP)


@dataclass(frozen=True)
class DerivedMap:
    """A raster made from the maps.

    Attributes
    ----------
    kind
        Quantity, a row of the style table.
    is_older
        The maps, or for a network its stack file, changed since.
    """

    kind: str
    path: Path
    facts: RasterFacts | None
    is_older: bool = False
    problem: InsarError | None = None

    @property
    def description(self) -> str:
        descriptions = self.facts.descriptions if self.facts is not None else ()
        return descriptions[0] if descriptions and descriptions[0] else self.path.stem


@dataclass(frozen=True)
class JobDecay:
    """What a job folder holds on the decay of coherence.

    Attributes
    ----------
    name
        Of the job.
    maps
        By season from December on, vv before hh.
    dates
        Of the stack, chronological.
    pair_count
        Active pairs of the saved network.
    is_south
        Part of the area lies south of the equator.
    problems
        Files of the job that could not be read.
    """

    name: str = ""
    maps: tuple[DecayMap, ...] = ()
    derived: tuple[DerivedMap, ...] = ()
    dates: tuple[date, ...] = ()
    pair_count: int = 0
    is_south: bool = False
    problems: tuple[InsarError, ...] = field(default=())


def read_job_decay(
    job_folder: Path, is_sandbox: bool, known: Mapping[Path, RasterFacts], is_cancelled: IsCancelled
) -> JobDecay:
    """Read the decay maps of a job and what was made from them; a damaged file is named and hides nothing else.

    Parameters
    ----------
    is_sandbox
        Simulated coherence is wanted.
    known
        Facts from before; files that did not change are not read again.
    """
    job = JobFolder(job_folder)
    problems: list[InsarError] = []
    wkt = ""
    try:
        wkt = job.read_config().aoi_wkt or ""
    except InsarError as error:
        problems.append(error)
    dates: tuple[date, ...] = ()
    pair_count, stack_time = 0, 0
    stack_file = job.stack_file()
    if stack_file is not None:
        try:
            network = load_network(job_folder).network
            stack_time = stack_file.stat().st_mtime_ns
        except (InsarError, OSError) as error:
            if isinstance(error, InsarError) and error.code not in {each.code for each in problems}:
                problems.append(error)
        else:
            dates = tuple(node.date for node in network.nodes if not node.is_excluded)
            pair_count = len(network.active_keys())
    area = bounds_of_polygons(polygons_of_wkt(wkt)) if wkt else None
    found = find_decay_maps(job_folder)
    maps = tuple(
        _read_map(
            found[(season, polarization)], season, polarization, wkt, area, is_sandbox, known, is_cancelled
        )
        for season in SEASONS
        for polarization in POLARIZATIONS
        if (season, polarization) in found
    )
    newest = max((each.facts.stamp[0] for each in maps if each.facts is not None), default=0)
    derived = []
    for kind, path in find_derived_maps(job_folder):
        facts, problem = _read_or_problem(path, known, is_cancelled)
        made = facts.stamp[0] if facts is not None else 0
        is_older = made < newest or (kind == "network_coherence" and made < stack_time)
        derived.append(DerivedMap(kind, path, facts, is_older, problem))
    bounds = [area] if area is not None else [each.facts.bounds for each in maps if each.facts is not None]
    return JobDecay(
        name=job.name,
        maps=maps,
        derived=tuple(derived),
        dates=dates,
        pair_count=pair_count,
        is_south=any(south < 0 for _, south, _, _ in bounds),
        problems=tuple(problems),
    )


def facts_of(decay: JobDecay) -> dict[Path, RasterFacts]:
    """Give what the next reading need not read again."""
    rasters = [*decay.maps, *decay.derived]
    return {raster.path: raster.facts for raster in rasters if raster.facts is not None}


def read_raster_facts(path: Path, is_cancelled: IsCancelled) -> RasterFacts:
    """Read a raster as a whole, band by band; raises ``decay.map_unreadable``."""
    dataset = band = None
    with gdal_exceptions():
        try:
            status = path.stat()
            dataset = gdal.Open(str(path))
            west, step, _, north, _, down = dataset.GetGeoTransform()
            width, height = dataset.RasterXSize, dataset.RasterYSize
            reference = dataset.GetSpatialRef()
            figures, descriptions, counts = [], [], [0]
            for number in range(1, dataset.RasterCount + 1):
                stop_if_cancelled(is_cancelled)
                band = dataset.GetRasterBand(number)
                values = _valid_values(band)
                counts.append(values.size)
                figures.append(_figures(values))
                descriptions.append(str(band.GetDescription()))
            tags = dict(dataset.GetMetadata())
        except (RuntimeError, OSError, AttributeError) as error:
            raise InsarError("decay.map_unreadable", file=str(path), reason=str(error)[:200]) from error
        finally:
            # A task keeps the error of a cancelled reading, and with it this frame; the file shall be free.
            dataset = band = None
    code = (
        f"{reference.GetAuthorityName(None)}:{reference.GetAuthorityCode(None)}"
        if reference is not None
        else ""
    )
    return RasterFacts(
        stamp=(status.st_mtime_ns, status.st_size),
        width=width,
        height=height,
        crs=code,
        bounds=(west, north + down * height, west + step * width, north),
        tags=tags,
        descriptions=tuple(descriptions),
        bands=tuple(figures),
        valid_pixels=max(counts),
    )


def _valid_values(band: Any) -> np.ndarray:
    values = band.ReadAsArray().ravel()
    keep = np.isfinite(values)
    nodata = band.GetNoDataValue()
    if nodata is not None:
        keep &= values != nodata
    return values[keep]


def _figures(values: np.ndarray) -> BandFigures | None:
    if not values.size:
        return None
    return BandFigures(float(np.median(values)), float(values.min()), float(values.max()))


def _read_or_problem(
    path: Path, known: Mapping[Path, RasterFacts], is_cancelled: IsCancelled
) -> tuple[RasterFacts | None, InsarError | None]:
    try:
        status = path.stat()
    except OSError as error:
        return None, InsarError("decay.map_unreadable", file=str(path), reason=str(error))
    before = known.get(path)
    if before is not None and before.stamp == (status.st_mtime_ns, status.st_size):
        return before, None
    try:
        return read_raster_facts(path, is_cancelled), None
    except InsarError as error:
        if error.code != "decay.map_unreadable":
            raise
        return None, error


def _read_map(
    path: Path,
    season: str,
    polarization: str,
    wkt: str,
    area: tuple[float, float, float, float] | None,
    is_sandbox: bool,
    known: Mapping[Path, RasterFacts],
    is_cancelled: IsCancelled,
) -> DecayMap:
    facts, problem = _read_or_problem(path, known, is_cancelled)
    if facts is None:
        return DecayMap(season, polarization, path, UNUSABLE, problem=problem)
    # Without an area of its own a job has that of its scenes, which only the engine can tell: the map is believed.
    wanted_hash = aoi_hash(wkt) if wkt else facts.tags.get("AOI_HASH", "")
    source = f"{SIMULATED}{SOURCE}" if is_sandbox else SOURCE
    wanted = DecayMapBuild(wanted_hash, LEVELS_DAYS, ALGORITHM, source=source)
    found = DecayMapFacts(len(facts.bands), facts.crs, facts.bounds, facts.tags)
    state = reuse_of(found, wanted, area or facts.bounds)
    reason = _reason(facts.tags, wanted, is_sandbox) if state == OUTDATED else ""
    return DecayMap(season, polarization, path, state, reason, facts, problem)


def _reason(tags: Mapping[str, str], wanted: DecayMapBuild, is_sandbox: bool) -> str:
    if tags.get("AOI_HASH") != wanted.aoi_hash:
        return OTHER_AREA
    if is_simulated(tags.get("SOURCE", "")) != is_sandbox:
        return REAL_MAP if is_sandbox else SIMULATED_MAP
    is_same_fit = (
        tags.get("LEVELS") == ",".join(str(level) for level in wanted.levels)
        and tags.get("ALGORITHM") == wanted.algorithm
    )
    return OTHER_AREA if is_same_fit else OTHER_FIT

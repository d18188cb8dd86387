# SPDX-License-Identifier: GPL-2.0-or-later
"""Fetches the seasonal coherence of an area, fits its decay, and keeps the maps in the job folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

from insarhub_qgis.core.atomic_files import remove_left_over_temporary_files, set_aside, write_error
from insarhub_qgis.core.coherence_tiles import (
    AUTO,
    COARSE,
    FINE,
    LEVELS_DAYS,
    MOSAIC,
    SOURCE,
    TILES,
    CoherenceGrid,
    choose_grid,
)
from insarhub_qgis.core.decay_map_files import (
    ALGORITHM,
    BAND_DESCRIPTIONS,
    DECAY_FOLDER,
    INSARHUB_MAP,
    OUTDATED,
    OWN_MAP,
    POLARIZATIONS,
    SEASONS,
    SIMULATED,
    UNUSABLE,
    DecayMapBuild,
    DecayMapFacts,
    decay_map_file,
    reuse_of,
)
from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.core.errors import Cancelled, InsarError
from insarhub_qgis.core.job_config import utc_now
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.network_files import load_network
from insarhub_qgis.core.progress import Report, part_of, stop_if_cancelled
from insarhub_qgis.core.quality_files import aoi_hash
from insarhub_qgis.core.requests import FetchDecayMaps
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.core.scene_facts import SceneFacts
from insarhub_qgis.engine.coherence_tiles import CoherenceReader
from insarhub_qgis.engine.decay_fit import FEWEST_LEVELS, DecayFit, fit_decay
from insarhub_qgis.engine.decay_rasters import (
    RasterGrid,
    maps_folder_of,
    read_decay_map,
    read_map_facts,
    write_float_raster,
)
from insarhub_qgis.engine.quality_area import OF_SCENES, area_of_job
from insarhub_qgis.engine.search_area import read_search_area

AVAILABLE, NOT_AVAILABLE, FAILED = "available", "not_available", "failed"
#: Where an available map comes from: made now, ours from before, or made by InSARHub.
FETCHED, KEPT, FOREIGN = "fetched", "kept", "insarhub"

_BAND_UNITS = ("", "", "d")
_READING = 0.8
#: After one of these no other file of the same service will be answered either.
_SERVICE_IS_AWAY = ("coherence.offline", "coherence.slow")

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class _Area:
    """The area of interest as one piece of the map: east of the antimeridian its longitudes go on beyond 180."""

    text: str
    geometry: BaseGeometry
    is_of_scenes: bool = False

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        west, south, east, north = self.geometry.bounds
        return west, south, east, north


def run(request: FetchDecayMaps, context: RunContext) -> dict[str, Any]:
    """Answer `FetchDecayMaps`.

    Raises
    ------
    InsarError
        ``decay.no_area``, ``decay.no_folder``, ``decay.bad_season``, ``decay.bad_name``, ``search.area_*``,
        ``coherence.outside``, ``coherence.too_large``, ``coherence.bad_resolution``, ``file.*``. What goes wrong with one
        season is in its row.
    """
    unknown = sorted(set(request.seasons) - set(SEASONS))
    if unknown or not request.seasons:
        raise InsarError("decay.bad_season", seasons=unknown, known=list(SEASONS))
    if request.polarization not in (AUTO, *POLARIZATIONS):
        raise InsarError("decay.bad_name", season="", polarization=request.polarization)
    folder, area = _folder_and_area(request)
    work = _Fetch(request, context, folder, area)
    return work.run()


def _folder_and_area(request: FetchDecayMaps) -> tuple[Path, _Area]:
    place = request.job_folder or request.folder
    if not place:
        raise InsarError("decay.no_folder")
    folder = maps_folder_of(Path(place))
    given = read_search_area(request.aoi_wkt)
    if given is not None:
        return folder, _Area(request.aoi_wkt, joined_at_antimeridian(given.geometry))
    # The same area, with the same hash, as the pair quality of the job has.
    found = area_of_job(JobFolder(folder).read_config(), _facts_of_stack(folder))
    if found is None:
        raise InsarError("decay.no_area", folder=place)
    return folder, _Area(found.wkt, found.geometry, is_of_scenes=found.origin == OF_SCENES)


def _facts_of_stack(folder: Path) -> list[SceneFacts]:
    if JobFolder(folder).stack_file() is None:
        return []
    network = load_network(folder).network
    names = [name for node in network.nodes for name in node.scenes]
    return [network.facts[name] for name in names if name in network.facts]


def joined_at_antimeridian(geometry: BaseGeometry) -> BaseGeometry:
    """Give a geometry of -180..180 with what lies beyond the widest gap of longitudes moved on by a turn."""
    parts = sorted(getattr(geometry, "geoms", [geometry]), key=lambda part: part.bounds[0])
    gaps = []
    reach = max(part.bounds[2] for part in parts) - 360.0
    for number, part in enumerate(parts):
        gaps.append((part.bounds[0] - reach, -number))
        reach = max(reach, part.bounds[2])
    first = -max(gaps)[1]
    # The gap before the first part is the one across the antimeridian: nothing moves when it is the widest.
    return unary_union([*parts[first:], *(translate(part, 360.0) for part in parts[:first])])


class _Fetch:
    def __init__(self, request: FetchDecayMaps, context: RunContext, folder: Path, area: _Area) -> None:
        self._request = request
        self._context = context
        self._folder = folder
        self._area = area
        self._endpoints = Endpoints.from_json(request.endpoints)
        source = f"{SIMULATED}{SOURCE}" if self._endpoints.is_sandbox else SOURCE
        self._build = DecayMapBuild(aoi_hash(area.text), LEVELS_DAYS, ALGORITHM, source=source)
        wanted = request.resolution
        if wanted == AUTO and not request.force:
            wanted = self._present_resolution() or AUTO
        self._grid = choose_grid(area.bounds, wanted)
        resolution = self._grid.resolution.name
        self._build = DecayMapBuild(
            self._build.aoi_hash, LEVELS_DAYS, ALGORITHM, resolution, self._build.source
        )
        self._raster_grid = raster_grid_of(self._grid)
        self._is_inside = self._raster_grid.pixels_inside(area.geometry)
        self._reader = CoherenceReader(self._endpoints, context)
        self._away: InsarError | None = None

    def run(self) -> dict[str, Any]:
        remove_left_over_temporary_files(self._folder / DECAY_FOLDER)
        rows = []
        seasons = [season for season in SEASONS if season in self._request.seasons]
        for number, season in enumerate(seasons):
            stop_if_cancelled(self._context.is_cancelled)
            report = part_of(self._context.report, number / len(seasons), (number + 1) / len(seasons))
            row = self._season(season, report)
            rows.append(row)
            self._context.item(row)
        self._context.report(1.0, "")
        return {
            "folder": str(self._folder / "decay_maps"),
            "resolution": self._grid.resolution.name,
            "width": self._grid.width,
            "height": self._grid.height,
            "area_pixels": int(np.count_nonzero(self._is_inside)),
            "source": self._build.source,
            "seasons": rows,
            "messages": self._messages(rows),
        }

    def _messages(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        messages = []
        if self._area.is_of_scenes:
            messages.append(InsarError("quality.area_of_scenes", folder=str(self._folder)))
        south = self._area.bounds[1]
        foreign = [row["season"] for row in rows if row.get("origin") == FOREIGN]
        if foreign and south < 0:
            messages.append(InsarError("decay.insarhub_south", seasons=foreign))
        return [message.to_json() for message in messages]

    def _polarizations(self) -> tuple[str, ...]:
        return POLARIZATIONS if self._request.polarization == AUTO else (self._request.polarization,)

    def _season(self, season: str, report: Report) -> dict[str, Any]:
        row: dict[str, Any] = {"season": season, "months": list(SEASONS[season])}
        try:
            kept = None if self._request.force else self._reused(season)
            if kept is not None:
                return {**row, **kept}
            if self._away is not None:
                raise self._away
            return {**row, **self._built(season, report)}
        except Cancelled:
            raise
        except InsarError as error:
            if error.code.startswith("file."):
                # The next season could not be written either.
                raise
            if error.code in _SERVICE_IS_AWAY:
                self._away = error
            return {**row, "state": FAILED, "polarization": "", **error.to_json()}

    # --- Maps that exist ---

    def _decision(self, path: Path) -> tuple[str, DecayMapFacts | None]:
        try:
            facts = read_map_facts(path)
        except InsarError as error:
            self._context.log(
                f"{path.name} cannot be read and is made again: {error.fields['reason']}", "warning"
            )
            return UNUSABLE, None
        return reuse_of(facts, self._build, self._area.bounds), facts

    def _present_resolution(self) -> str:
        """Resolution of maps of this area that are there: the others shall lie on their grid."""
        for season in SEASONS:
            for polarization in self._polarizations():
                path = decay_map_file(self._folder, season, polarization)
                decision, facts = self._decision(path) if path.is_file() else (UNUSABLE, None)
                if decision == OWN_MAP and facts is not None:
                    known = {TILES.name: FINE, MOSAIC.name: COARSE}
                    return known.get(facts.tags.get("RESOLUTION", ""), "")
        return ""

    def _reused(self, season: str) -> dict[str, Any] | None:
        for polarization in self._polarizations():
            path = decay_map_file(self._folder, season, polarization)
            if not path.is_file():
                continue
            decision, facts = self._decision(path)
            is_ours = decision == OWN_MAP and facts is not None
            origin = ""
            if is_ours and facts is not None and facts.tags.get("RESOLUTION") == self._build.resolution:
                origin = KEPT
            elif decision == INSARHUB_MAP:
                origin = FOREIGN
            if not origin:
                continue
            try:
                return self._described(path, polarization, origin)
            except InsarError as error:
                # Its beginning is whole, its pixels are not.
                aside = set_aside(path)
                told = f"{path.name} cannot be read and is made again"
                self._context.log(f"{told}; it is kept as {aside.name}: {error.fields['reason']}", "warning")
        return None

    def _described(self, path: Path, polarization: str, origin: str) -> dict[str, Any]:
        _, bands, tags = read_decay_map(path)
        described = []
        for name, unit, values in zip(BAND_DESCRIPTIONS, _BAND_UNITS, bands):
            known = values[np.isfinite(values)]
            figures = [float(np.median(known)), float(known.min()), float(known.max())] if known.size else []
            median, low, high = (round(value, 4) for value in figures) if figures else (None, None, None)
            described.append({"name": name, "unit": unit, "median": median, "low": low, "high": high})
        return {
            "state": AVAILABLE,
            "origin": origin,
            "polarization": polarization,
            "file": str(path),
            "bytes": path.stat().st_size,
            "resolution": tags.get("RESOLUTION", ""),
            "valid_pixels": int(np.count_nonzero(np.isfinite(bands[0]))),
            "bands": described,
        }

    # --- New maps ---

    def _built(self, season: str, report: Report) -> dict[str, Any]:
        polarizations = self._polarizations()
        for number, polarization in enumerate(polarizations):
            part = part_of(report, number / len(polarizations), 1.0)
            fitted = self._fitted(season, polarization, part)
            if fitted is None:
                continue
            fit, days = fitted
            path = self._write(season, polarization, fit)
            self._drop_outdated(season, but=polarization)
            return {**self._described(path, polarization, FETCHED), "levels": list(days)}
        self._drop_outdated(season, but="")
        return {
            "state": NOT_AVAILABLE,
            "polarization": "",
            **InsarError("decay.no_pixel", season=season).to_json(),
        }

    def _fitted(
        self, season: str, polarization: str, report: Report
    ) -> tuple[DecayFit, tuple[int, ...]] | None:
        """Give the fit and its levels; None when no pixel of the area has enough of them."""
        levels = self._reader.read(
            self._grid, self._is_inside, season, polarization, part_of(report, 0.0, _READING)
        )
        if len(levels.days) < FEWEST_LEVELS:
            return None
        fit = fit_decay(
            levels.numbers, levels.days, part_of(report, _READING, 1.0), self._context.is_cancelled
        )
        return (fit, levels.days) if np.isfinite(fit.g_inf).any() else None

    def _write(self, season: str, polarization: str, fit: DecayFit) -> Path:
        path = decay_map_file(self._folder, season, polarization)
        if path.is_file() and not self._request.force and self._decision(path)[0] == UNUSABLE:
            # Somebody else's file, or a damaged one: never deleted without being asked.
            set_aside(path)
        rmse = float(np.nanmedian(fit.rmse))
        tags = self._build.tags(season, polarization, rmse, utc_now())
        bands = (fit.g_inf, fit.g0, fit.tau_days)
        write_float_raster(path, self._raster_grid, bands, BAND_DESCRIPTIONS, _BAND_UNITS, tags)
        return path

    def _drop_outdated(self, season: str, but: str) -> None:
        """Remove our maps of another area or fit that the new state of a season replaces."""
        for polarization in self._polarizations():
            path = decay_map_file(self._folder, season, polarization)
            if polarization != but and path.is_file() and self._decision(path)[0] == OUTDATED:
                try:
                    path.unlink()
                except OSError as error:
                    raise write_error(path, error) from error


def raster_grid_of(grid: CoherenceGrid) -> RasterGrid:
    """Give the grid of the coherence as the grid of a raster."""
    return RasterGrid(grid.west, grid.north, grid.pixel_deg, grid.width, grid.height)

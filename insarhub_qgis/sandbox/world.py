# SPDX-License-Identifier: GPL-2.0-or-later
"""The ground of the sandbox everywhere on Earth: land cover, decay of coherence, and what was observed.

On the ground of a simulated stack land cover and decay are exactly those of the simulator, the same in all seasons, so
that maps forecast what the products show. Everywhere else there is a smooth, seeded world inside rough coastlines: land
cover by dryness and latitude, decay by the class table of the plug-in times slow changes and local seasons.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rasterio import Affine
from rasterio.features import rasterize
from rasterio.warp import transform as transform_coordinates
from scipy import ndimage

from insarhub_qgis.core.decay_map_files import SEASONS
from insarhub_qgis.core.decay_sources import landcover_fraction_names, landcover_parameters
from insarhub_qgis.sandbox.decorrelation import expected_coherence
from insarhub_qgis.sandbox.lattice_noise import grid_noise
from insarhub_qgis.sandbox.scene import BARE, DECAY_PARAMETERS, FIELD, FOREST, TOWN, WATER, Scene
from insarhub_qgis.sandbox.virtual_geotiff import BoundedCache

Array = npt.NDArray[np.float64]
Classes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

#: Classes of ESA WorldCover.
TREE, SHRUB, GRASS, CROP, BUILT, BARREN, ICE, OPEN_WATER, WETLAND, MANGROVE, MOSS = (
    10,
    20,
    30,
    40,
    50,
    60,
    70,
    80,
    90,
    95,
    100,
)
#: Class of the simulator -> class of WorldCover.
WORLDCOVER = {WATER: OPEN_WATER, TOWN: BUILT, FIELD: CROP, FOREST: TREE, BARE: BARREN}

_COASTLINES = Path(__file__).with_name("coastlines.json")
#: Cells of the masks per degree.
_CELLS = 10
#: Sea this close to land is water in the land cover; farther out there is no data.
_SHORE_CELLS = 5
_COVER_BYTES = 24_000_000
#: Land around the middle of each stack, whatever the coastlines say.
_STACK_LAND_DEG = 0.4
#: Distance of the points between which map coordinates are interpolated: off by less than a centimetre.
_NODE_DEG = 0.02
_METRES_PER_DEGREE = 111_195.0
_GREEN = (TREE, SHRUB, GRASS, CROP, WETLAND, MANGROVE, MOSS)


@dataclass(frozen=True)
class StackGround:
    """Where a simulated stack lies.

    Attributes
    ----------
    longitude_deg, latitude_deg
        Of its middle.
    reach_deg
        Half its size in longitude and latitude, rather too large.
    make_scene
        Gives its scene; called once, when a raster first touches it.
    """

    longitude_deg: float
    latitude_deg: float
    reach_deg: tuple[float, float]
    make_scene: Callable[[], Scene]

    @cached_property
    def scene(self) -> Scene:
        return self.make_scene()

    @classmethod
    def around(
        cls, longitude_deg: float, latitude_deg: float, size_m: float, make_scene: Callable[[], Scene]
    ) -> StackGround:
        """Give the ground of a scene whose longer side has ``size_m``."""
        # The grid of a map zone is turned against north by a few degrees.
        reach = 0.6 * size_m / _METRES_PER_DEGREE
        return cls(
            longitude_deg,
            latitude_deg,
            (reach / math.cos(math.radians(latitude_deg)), reach),
            make_scene,
        )


class World:
    """Answers for any place.

    Parameters
    ----------
    stacks
        Grounds of simulated stacks; of two at the same place the first counts.
    """

    def __init__(self, seed: int = 1, stacks: Sequence[StackGround] = ()) -> None:
        self.seed = seed
        self.stacks = tuple(stacks)
        self._covers = BoundedCache(_COVER_BYTES)

    # --- Masks of the globe ---

    @cached_property
    def land_mask(self) -> Mask:
        """Cells of 0.1 degrees with land, north row first, shape (1800, 3600)."""
        land = _coast_mask().copy()
        latitudes, longitudes = _cell_centres()
        for stack in self.stacks:
            away = np.abs((longitudes - stack.longitude_deg + 180) % 360 - 180) * math.cos(
                math.radians(stack.latitude_deg)
            )
            rows = np.abs(latitudes - stack.latitude_deg) < _STACK_LAND_DEG
            land[np.ix_(rows, away < _STACK_LAND_DEG)] = True
        return land

    @cached_property
    def shore_mask(self) -> Mask:
        """Land and the sea next to it."""
        wrapped = np.pad(self.land_mask, ((0, 0), (_SHORE_CELLS, _SHORE_CELLS)), mode="wrap")
        shore = ndimage.binary_dilation(wrapped, iterations=_SHORE_CELLS)
        return np.asarray(shore[:, _SHORE_CELLS:-_SHORE_CELLS])

    @cached_property
    def six_day_mask(self) -> Mask:
        """Land over which both satellites flew: Europe, the stacks, and some regions elsewhere."""
        latitudes, longitudes = _cell_centres()
        flown = grid_noise(self.seed, "six days", longitudes, latitudes, 5.0) > 0.45
        europe = ((latitudes > 34) & (latitudes < 72))[:, np.newaxis] & (
            (longitudes > -12) & (longitudes < 40)
        )
        return np.asarray((flown | europe) & self.land_mask)

    def any_in(self, mask: Mask, west: float, south: float, east: float, north: float) -> bool:
        """Tell whether a mask has a cell inside bounds in degrees."""
        top, bottom = _cells(90.0 - north, 90.0 - south, mask.shape[0])
        left, right = _cells(west + 180.0, east + 180.0, mask.shape[1])
        return bool(mask[top:bottom, left:right].any())

    def at(self, mask: Mask, longitudes: Array, latitudes: Array) -> Mask:
        """Look a mask up on a grid, shape (len(latitudes), len(longitudes)), or at points of one shape."""
        rows = np.clip(np.floor((90.0 - latitudes) * _CELLS).astype(int), 0, mask.shape[0] - 1)
        columns = np.floor((longitudes + 180.0) * _CELLS).astype(int) % mask.shape[1]
        if longitudes.ndim == 2:
            return np.asarray(mask[rows, columns])
        return np.asarray(mask[rows[:, np.newaxis], columns])

    # --- Land cover ---

    def land_cover(self, longitudes: Array, latitudes: Array) -> Classes:
        """Give the WorldCover classes of a grid, shape (len(latitudes), len(longitudes)); 0 far from land."""
        cover = self._land_cover_of_regions(longitudes, latitudes).copy()
        for rows, columns, inside, classes in self._on_stacks(longitudes, latitudes):
            table = np.array([WORLDCOVER[number] for number in range(len(WORLDCOVER))], dtype=np.uint8)
            cover[rows, columns] = np.where(inside, table[classes], cover[rows, columns])
        return cover

    def _land_cover_of_regions(self, longitudes: Array, latitudes: Array) -> Classes:
        """Give the classes without the stacks; kept, since all files of a tile have the same."""
        key = (longitudes.tobytes(), latitudes.tobytes())
        made: Classes = self._covers.get(key, lambda: self._made_land_cover(longitudes, latitudes))
        return made

    def _made_land_cover(self, longitudes: Array, latitudes: Array) -> Classes:
        def noise(name: str, cell_deg: float) -> Array:
            return grid_noise(self.seed, name, longitudes, latitudes, cell_deg)

        distance = np.abs(latitudes)[:, np.newaxis]
        # Wet at the equator and around 50 degrees, dry around 25.
        wet = (
            0.35 * np.cos(np.radians(distance * 7.2)) + 0.5 * noise("wet", 4.0) + 0.35 * noise("relief", 0.25)
        )
        wet = wet + 0.25 * noise("fields", 0.02)
        lakes = noise("lakes", 0.4) + 0.25 * noise("shores", 0.05)
        towns = noise("towns", 0.25) + 0.3 * noise("blocks", 0.02)
        cold = distance + 6.0 * noise("cold", 4.0)
        is_ice_sheet = (latitudes < -60)[:, np.newaxis] | (
            (latitudes > 60)[:, np.newaxis] & (longitudes > -73) & (longitudes < -18) & (cold > 66)
        )
        cover = np.select(
            [
                is_ice_sheet,
                lakes > 0.88,
                (lakes > 0.80) & (distance < 22),
                lakes > 0.80,
                (towns > 0.85) & (cold < 60),
                (cold > 76) & (wet > 0.1),
                (cold > 66) & (wet > -0.3),
                wet < -0.35,
                wet < -0.15,
                wet < 0.02,
                wet < 0.22,
            ],
            [ICE, OPEN_WATER, MANGROVE, WETLAND, BUILT, ICE, MOSS, BARREN, SHRUB, GRASS, CROP],
            TREE,
        ).astype(np.uint8)
        cover[~self.at(self.land_mask, longitudes, latitudes)] = OPEN_WATER
        cover[~self.at(self.shore_mask, longitudes, latitudes)] = 0
        return cover

    # --- Coherence ---

    def coherence(self, longitudes: Array, latitudes: Array, season: str, days: int) -> Array:
        """Give the coherence of pairs of ``days`` in a season of `SEASONS`; NaN on water.

        Returns
        -------
        ndarray
            Shape (len(latitudes), len(longitudes)).
        """
        cover = self._land_cover_of_regions(longitudes, latitudes)
        g_inf, g0, tau_days = _decay_table()[:, cover]
        rate, fresh = _season_factors(latitudes, season)
        is_green = np.isin(cover, _GREEN)
        tau_days = tau_days * np.where(is_green, rate[1], rate[0])
        tau_days = tau_days * np.exp(0.25 * grid_noise(self.seed, "tau", longitudes, latitudes, 0.5))
        change = 1.0 + 0.08 * grid_noise(self.seed, "coherence", longitudes, latitudes, 0.5)
        values = expected_coherence(g_inf * change, g0 * change * fresh, tau_days, float(days))
        for rows, columns, inside, classes in self._on_stacks(longitudes, latitudes):
            table = np.array([DECAY_PARAMETERS[number] for number in range(len(DECAY_PARAMETERS))])
            table[WATER] = np.nan
            simulated = expected_coherence(
                table[classes, 0], table[classes, 1], table[classes, 2], float(days)
            )
            values[rows, columns] = np.where(inside, simulated, values[rows, columns])
        return values

    # --- Stacks ---

    def stacks_on(self, longitudes: Array, latitudes: Array) -> list[tuple[StackGround, slice, slice]]:
        """Give the stacks that a grid may touch, with the rows and columns that lie on each, last ones first."""
        found = []
        for stack in reversed(self.stacks):
            columns = np.flatnonzero(
                np.abs((longitudes - stack.longitude_deg + 180) % 360 - 180) < stack.reach_deg[0]
            )
            rows = np.flatnonzero(np.abs(latitudes - stack.latitude_deg) < stack.reach_deg[1])
            if len(rows) and len(columns):
                found.append((stack, _span(rows), _span(columns)))
        return found

    def _on_stacks(self, longitudes: Array, latitudes: Array) -> Iterable[tuple[slice, slice, Mask, Classes]]:
        """Give rows and columns on each stack, where they are inside it, and the simulator's class there."""
        for stack, rows, columns in self.stacks_on(longitudes, latitudes):
            scene = stack.scene
            east = (longitudes[columns] - stack.longitude_deg + 180) % 360 - 180 + stack.longitude_deg
            x, y = _map_coordinates(scene.site.epsg, east, latitudes[rows])
            row = np.floor((scene.y_first - y) / scene.pixel_m).astype(int)
            column = np.floor((x - scene.x_first) / scene.pixel_m).astype(int)
            inside = (row >= 0) & (row < scene.height) & (column >= 0) & (column < scene.width)
            classes = scene.land_cover[np.clip(row, 0, scene.height - 1), np.clip(column, 0, scene.width - 1)]
            yield rows, columns, inside, classes


def season_index(season: str) -> int:
    return list(SEASONS).index(season)


@lru_cache(maxsize=1)
def _coast_mask() -> Mask:
    outlines = json.loads(_COASTLINES.read_text(encoding="utf-8"))
    shapes = [
        ({"type": "Polygon", "coordinates": [[*points, points[0]]]}, value)
        for kind, value in (("land", 1), ("water", 0))
        for points in outlines[kind].values()
    ]
    mask = rasterize(
        shapes,
        (180 * _CELLS, 360 * _CELLS),
        transform=Affine(1 / _CELLS, 0, -180, 0, -1 / _CELLS, 90),
        dtype="uint8",
    )
    return np.asarray(mask, dtype=bool)


@lru_cache(maxsize=1)
def _decay_table() -> Array:
    """g_inf, g0 and tau by WorldCover class, shape (3, 256); NaN for water and what is no class."""
    table = np.full((3, 256), np.nan)
    for number, name in landcover_fraction_names().items():
        parameters = landcover_parameters({name: 1.0})
        if parameters is not None:
            table[:, number] = parameters.g_inf[0, 0], parameters.g0[0, 0], parameters.tau_days[0, 0]
    return table


def _season_factors(latitudes: Array, season: str) -> tuple[Array, Array]:
    """Give factors on tau, shape (2, rows, 1) for bare and for green ground, and on g0, shape (rows, 1).

    Snow and frost shorten the local winter, growth the local summer; the dataset's seasons are those of the months.
    """
    local = (season_index(season) + np.where(latitudes < 0, 2, 0)) % 4
    cold = np.clip((np.abs(latitudes) - 35.0) / 20.0, 0.0, 1.0)
    growing = np.clip((np.abs(latitudes) - 10.0) / 15.0, 0.0, 1.0)
    bare = 1.0 - cold * np.array([0.6, 0.25, 0.0, 0.1])[local]
    green = bare * (1.0 - growing * np.array([0.0, 0.15, 0.3, 0.1])[local])
    fresh = 1.0 - cold * np.array([0.15, 0.05, 0.0, 0.0])[local]
    return np.stack([bare, green])[:, :, np.newaxis], fresh[:, np.newaxis]


def _cell_centres() -> tuple[Array, Array]:
    return (
        90.0 - (np.arange(180 * _CELLS) + 0.5) / _CELLS,
        -180.0 + (np.arange(360 * _CELLS) + 0.5) / _CELLS,
    )


def _cells(start: float, stop: float, count: int) -> tuple[int, int]:
    """Cells that an interval touches."""
    first = math.floor(round(start * _CELLS, 6))
    return max(first, 0), min(max(math.ceil(round(stop * _CELLS, 6)), first + 1), count)


def _span(numbers: npt.NDArray[np.int64]) -> slice:
    return slice(int(numbers[0]), int(numbers[-1]) + 1)


def _map_coordinates(epsg: int, longitudes: Array, latitudes: Array) -> tuple[Array, Array]:
    """Give x and y in metres of a grid in degrees, each of shape (len(latitudes), len(longitudes))."""
    x_axis, y_axis = _nodes(longitudes), _nodes(latitudes)
    x_nodes, y_nodes = np.meshgrid(x_axis, y_axis)
    xs, ys = transform_coordinates(
        "EPSG:4326", f"EPSG:{epsg}", x_nodes.ravel().tolist(), y_nodes.ravel().tolist()
    )
    places = (_place(y_axis, latitudes), _place(x_axis, longitudes))
    return (
        _interpolated(np.array(xs).reshape(x_nodes.shape), *places),
        _interpolated(np.array(ys).reshape(x_nodes.shape), *places),
    )


def _nodes(axis: Array) -> Array:
    low, high = float(axis.min()), float(axis.max())
    return np.linspace(low, high, max(math.ceil((high - low) / _NODE_DEG), 1) + 1)


def _place(nodes: Array, values: Array) -> tuple[npt.NDArray[np.int64], Array]:
    span = float(nodes[-1] - nodes[0])
    position = np.zeros(len(values)) if span == 0 else (values - nodes[0]) / span * (len(nodes) - 1)
    lower = np.minimum(np.floor(position).astype(np.int64), len(nodes) - 2)
    return lower, position - lower


def _interpolated(
    values: Array,
    rows: tuple[npt.NDArray[np.int64], Array],
    columns: tuple[npt.NDArray[np.int64], Array],
) -> Array:
    (row, row_share), (column, column_share) = rows, columns
    lines = values[row] + (values[row + 1] - values[row]) * row_share[:, np.newaxis]
    return np.asarray(lines[:, column] + (lines[:, column + 1] - lines[:, column]) * column_share)

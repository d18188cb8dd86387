# SPDX-License-Identifier: GPL-2.0-or-later
"""The simulated place: UTM lattice, Sentinel-1 viewing geometry, terrain, land cover and dates."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.requests import Simulate
from insarhub_qgis.sandbox.random_fields import generator, power_law_field

Array = npt.NDArray[np.float64]

#: Carrier 5.405 GHz.
WAVELENGTH_M = 299_792_458.0 / 5.405e9
EPSG = 32630
PIXEL_M = 80.0
#: Each product reaches up to this many pixels of 80 m beyond the common window, on each side.
MARGIN_PIXELS = 6
#: Upper left corner of the common window (a lattice point), in south-east Spain.
CORNER_X, CORNER_Y = 600_000.0, 4_176_000.0
HEADING_DEG = -13.0
EARTH_RADIUS_M = 6_371_000.0
SPACECRAFT_HEIGHT_M = 698_000.0
CENTRE_INCIDENCE_DEG = 38.0
FIRST_DATE = datetime.date(2020, 1, 6)
#: Looks in range and azimuth of an 80 m product, and how many of them are independent: the ratio of
#: resolution to pixel size of Sentinel-1 IW, 1.94, is the one that MintPy uses for its weights.
RANGE_LOOKS, AZIMUTH_LOOKS = 20, 4
LOOKS_PER_INDEPENDENT_LOOK = 1.94
EFFECTIVE_LOOKS = round(RANGE_LOOKS * AZIMUTH_LOOKS / LOOKS_PER_INDEPENDENT_LOOK)
#: Pixel spacing of each choice of looks.
SPACING_M = {(20, 4): 80.0, (10, 2): 40.0, (5, 1): 20.0}

WATER, TOWN, FIELD, FOREST, BARE = range(5)
#: (g_inf, g0, tau in days) of the decay model; the classes of the land-cover table of the quality page.
DECAY_PARAMETERS = {
    WATER: (0.0, 0.0, 2.0),
    TOWN: (0.50, 0.80, 60.0),
    FIELD: (0.12, 0.60, 14.0),
    FOREST: (0.08, 0.45, 8.0),
    BARE: (0.50, 0.85, 60.0),
}


@dataclass(frozen=True)
class Site:
    """Where a stack lies and how it is seen; the defaults are those of the command ``simulate``.

    Attributes
    ----------
    corner_x, corner_y
        Upper left corner of the common window, UTM metres.
    heading_deg
        Flight direction, clockwise from north.
    """

    epsg: int = EPSG
    corner_x: float = CORNER_X
    corner_y: float = CORNER_Y
    heading_deg: float = HEADING_DEG
    range_looks: int = RANGE_LOOKS
    azimuth_looks: int = AZIMUTH_LOOKS

    @property
    def pixel_m(self) -> float:
        return SPACING_M[self.range_looks, self.azimuth_looks]

    @property
    def factor(self) -> int:
        """Pixels along one of 80 m."""
        return round(PIXEL_M / self.pixel_m)

    @property
    def effective_looks(self) -> int:
        return round(self.range_looks * self.azimuth_looks / LOOKS_PER_INDEPENDENT_LOOK)

    @property
    def is_ascending(self) -> bool:
        return abs(self.heading_deg) < 90


@dataclass(frozen=True)
class Scene:
    """The full grid of the simulation: the common window plus `MARGIN_PIXELS` of 80 m on every side.

    Attributes
    ----------
    height, width
        Rows and columns of the full grid.
    x_first, y_first
        Upper left corner of the first pixel, UTM metres.
    dates, baselines_m
        Acquisition days and perpendicular baselines relative to the first one.
    pairs
        Indexes (reference, secondary) into ``dates``; the network of the command ``simulate``.
    incidence_rad, slant_range_m
        (rows, cols), of the flat scene on a spherical Earth.
    look_elevation_rad, look_azimuth_rad
        lv_theta and lv_phi of HyP3: ground-to-satellite vector above horizontal, counter-clockwise from east.
    elevation_m, land_cover
        (rows, cols); `WATER` ... `BARE`.
    """

    height: int
    width: int
    x_first: float
    y_first: float
    dates: tuple[datetime.date, ...]
    baselines_m: Array
    pairs: tuple[tuple[int, int], ...]
    incidence_rad: Array
    slant_range_m: Array
    look_elevation_rad: Array
    look_azimuth_rad: Array
    elevation_m: Array
    land_cover: npt.NDArray[np.uint8]
    site: Site = Site()

    @property
    def pixel_m(self) -> float:
        return self.site.pixel_m

    @property
    def years(self) -> Array:
        """Years (365.25 days) since the first date, (n_dates,)."""
        return np.array([(date - self.dates[0]).days for date in self.dates]) / 365.25

    @property
    def water(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self.land_cover == WATER)

    def line_of_sight(self) -> tuple[Array, Array, Array]:
        """East, north and up of the unit vector from the ground to the satellite."""
        horizontal = np.cos(self.look_elevation_rad)
        return (
            horizontal * np.cos(self.look_azimuth_rad),
            horizontal * np.sin(self.look_azimuth_rad),
            np.sin(self.look_elevation_rad),
        )

    def decay_parameters(self) -> tuple[Array, Array, Array]:
        """Maps of g_inf, g0 and tau (days), constant per land-cover class."""
        table = np.array([DECAY_PARAMETERS[cover] for cover in range(len(DECAY_PARAMETERS))])
        return table[self.land_cover, 0], table[self.land_cover, 1], table[self.land_cover, 2]


def incidence_and_range(ground_range_m: Array) -> tuple[Array, Array]:
    """Incidence angle and slant range at a ground distance from the scene centre, away from the track.

    Spherical Earth: law of cosines in the triangle of Earth centre, satellite and pixel.
    """
    orbit_radius = EARTH_RADIUS_M + SPACECRAFT_HEIGHT_M
    centre = np.radians(CENTRE_INCIDENCE_DEG)
    look = np.arcsin(np.sin(centre) * EARTH_RADIUS_M / orbit_radius)
    angle = (centre - look) + ground_range_m / EARTH_RADIUS_M
    slant = np.sqrt(EARTH_RADIUS_M**2 + orbit_radius**2 - 2 * EARTH_RADIUS_M * orbit_radius * np.cos(angle))
    cosine = (orbit_radius**2 - EARTH_RADIUS_M**2 - slant**2) / (2 * EARTH_RADIUS_M * slant)
    return np.arccos(cosine), slant


def simulated_dates(count: int, revisit_days: int) -> tuple[datetime.date, ...]:
    return tuple(FIRST_DATE + datetime.timedelta(days=index * revisit_days) for index in range(count))


def simulated_baselines_m(seed: int, count: int) -> Array:
    """Perpendicular baselines relative to the first date, (count,), metres."""
    baselines: Array = np.round(generator(seed, "baselines").normal(0.0, 60.0, count), 4)
    return baselines - baselines[0]


def make_scene(request: Simulate) -> Scene:
    """Build the scene of a request; the same request gives the same scene.

    Raises
    ------
    InsarError
        ``simulate.parameter`` for a size, count or product type that gives no network.
    """
    check_request(request)
    dates = simulated_dates(request.dates, request.revisit_days)
    baselines = simulated_baselines_m(request.seed, request.dates)
    return scene_at(Site(), request, dates, baselines)


def scene_at(site: Site, request: Simulate, dates: tuple[datetime.date, ...], baselines_m: Array) -> Scene:
    """Build the scene of a site, with the size, seed and network of a request but with its own dates.

    Width and height of the request count 80 m pixels. A finer spacing has the same ground and the same deformation,
    but terrain, land cover and delay of its own.
    """
    height, width = (site.factor * (size + 2 * MARGIN_PIXELS) for size in (request.height, request.width))
    count = len(dates)
    pairs = tuple(
        (first, second)
        for first in range(count)
        for second in range(first + 1, min(first + request.connections, count - 1) + 1)
    )
    rows, columns = np.mgrid[0:height, 0:width]
    east = (columns - (width - 1) / 2) * site.pixel_m
    north = ((height - 1) / 2 - rows) * site.pixel_m
    # A right-looking antenna points 90 degrees clockwise of the flight direction.
    look_bearing = np.radians(site.heading_deg + 90.0)
    incidence, slant = incidence_and_range(east * np.sin(look_bearing) + north * np.cos(look_bearing))
    azimuth = np.pi / 2 - (look_bearing + np.pi)
    azimuth = (azimuth + np.pi) % (2 * np.pi) - np.pi
    elevation = _terrain(request.seed, east, north, site.pixel_m)
    return Scene(
        height=height,
        width=width,
        x_first=site.corner_x - MARGIN_PIXELS * PIXEL_M,
        y_first=site.corner_y + MARGIN_PIXELS * PIXEL_M,
        dates=dates,
        baselines_m=baselines_m,
        pairs=pairs,
        incidence_rad=incidence,
        slant_range_m=slant,
        look_elevation_rad=np.pi / 2 - incidence,
        look_azimuth_rad=np.full((height, width), azimuth),
        elevation_m=elevation,
        land_cover=_land_cover(request.seed, east, north, site.pixel_m),
        site=site,
    )


def check_request(request: Simulate) -> None:
    """Refuse what gives no product or no network; raises ``simulate.parameter``."""
    limits = {
        "width": (16, 40_000),
        "height": (16, 40_000),
        "dates": (3, 2_000),
        "revisit_days": (1, 366),
        "connections": (1, 50),
        "seed": (0, 2**31),
        "atmosphere_rms_mm": (0, 1_000),
        "unwrap_error_share": (0, 1),
    }
    for name, (lowest, highest) in limits.items():
        value = getattr(request, name)
        if not lowest <= value <= highest:
            raise InsarError("simulate.parameter", name=name, value=value, allowed=f"{lowest} to {highest}")
    if request.product_type not in ("gamma", "burst", "multi_burst"):
        raise InsarError(
            "simulate.parameter",
            name="product_type",
            value=request.product_type,
            allowed="gamma, burst, multi_burst",
        )


def place(east: Array, north: Array, x: float, y: float) -> tuple[Array, Array, float]:
    """Offsets from a point at the fractions ``x``, ``y`` of the scene, and the scene's shorter side, metres."""
    extent_x, extent_y = float(np.ptp(east)), float(np.ptp(north))
    shorter = min(extent_x, extent_y)
    return east - (x - 0.5) * extent_x, north - (0.5 - y) * extent_y, shorter


def _terrain(seed: int, east: Array, north: Array, pixel_m: float) -> Array:
    """Rolling hills with one volcano, metres above the ellipsoid, never below 5 m."""
    hills = power_law_field(generator(seed, "terrain"), east.shape, pixel_m, exponent=3.6, outer_m=20_000.0)
    from_east, from_north, shorter = place(east, north, 0.72, 0.30)
    cone = 550.0 * np.exp(-np.hypot(from_east, from_north) / (0.16 * shorter))
    return np.maximum(180.0 + 45.0 * hills + cone, 5.0)


def _land_cover(seed: int, east: Array, north: Array, pixel_m: float) -> npt.NDArray[np.uint8]:
    """Half-dry country: a town on the plain, a bare volcano, a lake, fields and some forest."""
    patches = power_law_field(
        generator(seed, "land cover"), east.shape, pixel_m, exponent=3.0, outer_m=4_000.0
    )
    cover = np.where(patches > 1.0, FOREST, FIELD).astype(np.uint8)
    cover[np.abs(patches) < 0.45] = BARE
    for x, y, radius, kind in (
        (0.28, 0.62, 0.26, TOWN),
        (0.72, 0.30, 0.20, BARE),
        (0.10, 0.12, 0.10, BARE),
        (0.88, 0.88, 0.09, WATER),
    ):
        from_east, from_north, shorter = place(east, north, x, y)
        cover[np.hypot(from_east, from_north) < radius * shorter * (1 + 0.15 * patches)] = kind
    return cover

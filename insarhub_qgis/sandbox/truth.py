# SPDX-License-Identifier: GPL-2.0-or-later
"""The deformation that the simulator plants, and the file that keeps it as the known truth.

Each source is a map times a function of time, so the truth of any pixel and date is exact and small on disk.
Displacement along the line of sight is positive toward the satellite, metres.
"""

from __future__ import annotations

import datetime
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.sandbox.scene import MARGIN_PIXELS, PIXEL_M, Scene, place

Array = npt.NDArray[np.float64]

SUBSIDENCE_M_PER_YEAR = -0.060
INFLATION_M_PER_YEAR = 0.030
FAULT_SLIP_M = 0.030
SEASONAL_M = 0.006
POISSON_RATIO = 0.25
#: Ground whose true velocity stays below this is called stable.
STABLE_M_PER_YEAR = 1.0e-3


@dataclass(frozen=True)
class Deformation:
    """Line-of-sight maps and their course in time.

    Attributes
    ----------
    names
        ``subsidence``, ``inflation``, ``fault``, ``seasonal``.
    maps_m
        (n_sources, rows, cols), + toward the satellite.
    courses
        (n_sources, n_dates), without unit, zero on the first date.
    """

    names: tuple[str, ...]
    maps_m: npt.NDArray[np.float32]
    courses: Array

    def displacement_m(self, date_index: int) -> Array:
        """Displacement since the first date, (rows, cols)."""
        return np.tensordot(self.courses[:, date_index], self.maps_m.astype(np.float64), axes=1)

    def fitted_velocity(self, years: Array, used: npt.NDArray[np.bool_] | None = None) -> Array:
        """Slope of a straight line through the true series on the used dates, m/yr, (rows, cols).

        It holds what a linear fit makes of the step, the acceleration and the seasonal term as well.
        """
        weights = slope_weights(years, used)
        return np.tensordot(self.courses @ weights, self.maps_m.astype(np.float64), axes=1)


def slope_weights(years: Array, used: npt.NDArray[np.bool_] | None = None) -> Array:
    """Weights h with slope = h . series, by least squares of a line; 0 on dates that are not used.

    Examples
    --------
    >>> slope_weights(np.array([0.0, 1.0, 2.0])).tolist()
    [-0.5, 0.0, 0.5]
    """
    chosen = np.ones(years.size, dtype=bool) if used is None else used
    centred = np.where(chosen, years - years[chosen].mean(), 0.0)
    return np.asarray(centred / np.sum(centred**2))


def step_date(dates: Sequence[datetime.date]) -> datetime.date:
    """Day of the earthquake: the first acquisition that shows it, past the middle of the series."""
    return dates[(len(dates) * 3) // 5]


def make_deformation(scene: Scene) -> Deformation:
    """Plant the four sources in a scene, sized to the scene."""
    rows, columns = np.mgrid[0 : scene.height, 0 : scene.width]
    east = (columns - (scene.width - 1) / 2) * scene.pixel_m
    north = ((scene.height - 1) / 2 - rows) * scene.pixel_m
    to_east, to_north, to_up = scene.line_of_sight()
    years = scene.years
    span = max(float(years[-1]), 1e-9)

    bowl_up = subsidence_bowl(east, north)
    mogi_east, mogi_north, mogi_up = mogi_source(east, north)
    fault_east, fault_north = fault_slip(east, north)
    pumping_up = seasonal_aquifer(east, north)
    maps = (
        to_up * bowl_up,
        to_east * mogi_east + to_north * mogi_north + to_up * mogi_up,
        to_east * fault_east + to_north * fault_north,
        to_up * pumping_up,
    )
    shaken = np.array([date >= step_date(scene.dates) for date in scene.dates], dtype=np.float64)
    courses = (
        years,
        years * (0.8 + 0.2 * years / span),
        shaken,
        np.cos(2 * np.pi * years) - 1.0,
    )
    return Deformation(
        names=("subsidence", "inflation", "fault", "seasonal"),
        maps_m=np.stack(maps).astype(np.float32),
        courses=np.stack(courses),
    )


def subsidence_bowl(east: Array, north: Array) -> Array:
    """Up, metres per year: an elliptic Gaussian bowl under the town."""
    from_east, from_north, shorter = place(east, north, 0.28, 0.62)
    radius = 0.09 * shorter
    return SUBSIDENCE_M_PER_YEAR * np.exp(
        -((from_east / (1.3 * radius)) ** 2 + (from_north / radius) ** 2) / 2
    )


def mogi_source(east: Array, north: Array) -> tuple[Array, Array, Array]:
    """East, north and up of a point source of inflation under the volcano, metres per year.

    Mogi (1958): u = (1 - nu) dV / pi * (x, y, d) / (x^2 + y^2 + d^2)^1.5.
    """
    from_east, from_north, shorter = place(east, north, 0.72, 0.30)
    depth = 0.08 * shorter
    volume = INFLATION_M_PER_YEAR * np.pi * depth**2 / (1 - POISSON_RATIO)
    factor = (1 - POISSON_RATIO) * volume / np.pi / (from_east**2 + from_north**2 + depth**2) ** 1.5
    return factor * from_east, factor * from_north, factor * depth


def fault_slip(east: Array, north: Array) -> tuple[Array, Array]:
    """East and north of a strike-slip dislocation that breaks the surface, metres.

    Infinite vertical fault that slips from the surface down to a depth D: along-strike displacement
    s/pi * atan(D/x) with its sign, s/2 on either side of the trace; tapered toward its ends.
    """
    from_east, from_north, shorter = place(east, north, 0.72, 0.74)
    strike = np.radians(75.0)
    along = from_east * np.sin(strike) + from_north * np.cos(strike)
    across = from_east * np.cos(strike) - from_north * np.sin(strike)
    depth = 0.03 * shorter
    side = np.where(across >= 0, 1.0, -1.0)
    slip = side * FAULT_SLIP_M / np.pi * np.arctan2(depth, np.abs(across))
    slip *= np.exp(-((along / (0.14 * shorter)) ** 4) - (across / (0.12 * shorter)) ** 2)
    return slip * np.sin(strike), slip * np.cos(strike)


def seasonal_aquifer(east: Array, north: Array) -> Array:
    """Up, metres of half range: ground that breathes with the water table each year."""
    from_east, from_north, shorter = place(east, north, 0.30, 0.25)
    return SEASONAL_M * np.exp(-(from_east**2 + from_north**2) / (2 * (0.10 * shorter) ** 2))


@dataclass(frozen=True)
class Truth:
    """What ``truth.npz`` holds: the planted deformation on its grid and the parameters of the noise.

    ``simulation`` is the request that made it, as a dictionary.
    """

    deformation: Deformation
    dates: tuple[datetime.date, ...]
    x_first: float
    y_first: float
    stable: npt.NDArray[np.bool_]
    simulation: dict[str, Any]

    @property
    def years(self) -> Array:
        return np.array([(date - self.dates[0]).days for date in self.dates]) / 365.25

    def window(self, x_first: float, y_first: float, height: int, width: int) -> tuple[slice, slice]:
        """Rows and columns of a raster on the same lattice; raises ``compare.grid`` when it is not inside."""
        column = (x_first - self.x_first) / PIXEL_M
        row = (self.y_first - y_first) / PIXEL_M
        rows, columns = self.deformation.maps_m.shape[1:]
        is_inside = -0.01 < row <= rows - height + 0.01 and -0.01 < column <= columns - width + 0.01
        if not is_inside or abs(row - round(row)) > 0.01 or abs(column - round(column)) > 0.01:
            raise InsarError("compare.grid", x_first=x_first, y_first=y_first, height=height, width=width)
        return slice(round(row), round(row) + height), slice(round(column), round(column) + width)


def make_stable(scene: Scene, deformation: Deformation) -> npt.NDArray[np.bool_]:
    """Land pixels whose fitted velocity stays under `STABLE_M_PER_YEAR`."""
    velocity = deformation.fitted_velocity(scene.years)
    return np.asarray((np.abs(velocity) < STABLE_M_PER_YEAR) & ~scene.water)


def write_truth(path: Path, scene: Scene, deformation: Deformation, simulation: dict[str, Any]) -> None:
    """Write ``truth.npz``: arrays only, readable without pickle.

    Arrays: names, maps_m (sources, rows, cols), courses (sources, dates), date (YYYYMMDD), corner (x, y of
    the upper left corner, pixel size, margin in pixels), stable, velocity (m/yr, straight line through the true
    series, + toward), simulation (JSON text).
    """
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        np.savez(
            file,
            names=np.array(deformation.names),
            maps_m=deformation.maps_m,
            courses=deformation.courses,
            date=np.array([date.strftime("%Y%m%d") for date in scene.dates]),
            corner=np.array([scene.x_first, scene.y_first, scene.pixel_m, MARGIN_PIXELS]),
            stable=make_stable(scene, deformation),
            velocity=deformation.fitted_velocity(scene.years).astype(np.float32),
            simulation=np.array(json.dumps(simulation, sort_keys=True)),
        )
    part.replace(path)


def read_truth(path: Path) -> Truth:
    """Read ``truth.npz``; raises ``truth.unreadable``."""
    try:
        # np.load leaves a file that it opened itself open when the content is bad.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            dates = tuple(datetime.datetime.strptime(str(text), "%Y%m%d").date() for text in file["date"])
            return Truth(
                deformation=Deformation(
                    names=tuple(str(name) for name in file["names"]),
                    maps_m=file["maps_m"],
                    courses=file["courses"],
                ),
                dates=dates,
                x_first=float(file["corner"][0]),
                y_first=float(file["corner"][1]),
                stable=file["stable"],
                simulation=dict(json.loads(str(file["simulation"]))),
            )
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise InsarError("truth.unreadable", file=str(path), reason=str(error)) from error

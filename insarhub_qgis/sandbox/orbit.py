# SPDX-License-Identifier: GPL-2.0-or-later
"""A circular Sentinel-1 orbit in Earth-fixed coordinates, placed so that it sees a point under a given angle.

The plane turns with the mean sun, so the ground track repeats after 175 orbits in 12 days, as that of
Sentinel-1 does. Earth-fixed frame: x to longitude 0, z to the north pole; metres and seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

ORBITS_PER_CYCLE = 175
NODAL_PERIOD_S = 12 * 86400.0 / ORBITS_PER_CYCLE
INCLINATION_RAD = np.radians(98.1813)
RADIUS_M = 7_071_000.0
_SUN_RATE = 2 * np.pi / 86400.0
_ARGUMENT_RATE = 2 * np.pi / NODAL_PERIOD_S

#: WGS 84.
SEMI_MAJOR_M, FLATTENING = 6_378_137.0, 1 / 298.257223563
_SEMI_MINOR_M = SEMI_MAJOR_M * (1 - FLATTENING)


def ground_point(longitude_deg: float, latitude_deg: float) -> Array:
    """Earth-fixed position of a point on the ellipsoid, (3,)."""
    longitude, latitude = np.radians(longitude_deg), np.radians(latitude_deg)
    squared = 1 - (1 - FLATTENING) ** 2
    curvature = SEMI_MAJOR_M / np.sqrt(1 - squared * np.sin(latitude) ** 2)
    return np.array(
        [
            curvature * np.cos(latitude) * np.cos(longitude),
            curvature * np.cos(latitude) * np.sin(longitude),
            curvature * (1 - squared) * np.sin(latitude),
        ]
    )


def longitude_latitude(point: Array) -> tuple[float, float]:
    """Longitude and geodetic latitude in degrees of a point on the ellipsoid."""
    latitude = np.arctan2(point[2], (1 - FLATTENING) ** 2 * np.hypot(point[0], point[1]))
    return float(np.degrees(np.arctan2(point[1], point[0]))), float(np.degrees(latitude))


@dataclass(frozen=True)
class SimulatedOrbit:
    """One pass, told from its ascending node.

    Attributes
    ----------
    node_longitude_rad
        Longitude of the ascending node.
    """

    node_longitude_rad: float

    def position(self, since_node_s: float) -> Array:
        """Earth-fixed position, (3,)."""
        return _turned(self._in_plane(since_node_s), self._node_angle(since_node_s))

    def velocity(self, since_node_s: float) -> Array:
        """Earth-fixed velocity, (3,), m/s."""
        u = _ARGUMENT_RATE * since_node_s
        along = np.array(
            [
                -np.sin(u),
                np.cos(u) * np.cos(INCLINATION_RAD),
                np.cos(u) * np.sin(INCLINATION_RAD),
            ]
        )
        moved = _turned(RADIUS_M * _ARGUMENT_RATE * along, self._node_angle(since_node_s))
        return moved + np.cross([0.0, 0.0, -_SUN_RATE], self.position(since_node_s))

    def look_point(self, since_node_s: float, look_rad: float) -> Array:
        """Where a right-looking zero-Doppler ray at ``look_rad`` from nadir meets the ellipsoid, (3,)."""
        position, velocity = self.position(since_node_s), self.velocity(since_node_s)
        forward = velocity / np.linalg.norm(velocity)
        up = position - np.dot(position, forward) * forward
        up /= np.linalg.norm(up)
        right = np.cross(forward, up)
        ray = -np.cos(look_rad) * up + np.sin(look_rad) * right
        scale = np.array([1 / SEMI_MAJOR_M, 1 / SEMI_MAJOR_M, 1 / _SEMI_MINOR_M])
        start, step = position * scale, ray * scale
        a, b, c = step @ step, 2 * start @ step, start @ start - 1
        root = b * b - 4 * a * c
        if root < 0:
            raise ValueError("the ray misses the Earth")
        return np.asarray(position + ray * (-b - np.sqrt(root)) / (2 * a))

    def baseline_direction(self, since_node_s: float, point: Array) -> Array:
        """Unit vector across track and line of sight, (3,): along it a satellite is moved for a baseline.

        Sign and definition as in asf_search: velocity x line of sight from the ground to the satellite.
        """
        sight = self.position(since_node_s) - point
        across = np.cross(self.velocity(since_node_s), sight / np.linalg.norm(sight))
        return np.asarray(across / np.linalg.norm(across))

    def _in_plane(self, since_node_s: float) -> Array:
        u = _ARGUMENT_RATE * since_node_s
        return RADIUS_M * np.array(
            [np.cos(u), np.sin(u) * np.cos(INCLINATION_RAD), np.sin(u) * np.sin(INCLINATION_RAD)]
        )

    def _node_angle(self, since_node_s: float) -> float:
        return self.node_longitude_rad - _SUN_RATE * since_node_s


def orbit_over(
    longitude_deg: float, latitude_deg: float, incidence_deg: float, *, ascending: bool
) -> tuple[SimulatedOrbit, float]:
    """Give the pass that sees a point to its right under an incidence angle, and its time since the node.

    Parameters
    ----------
    incidence_deg
        Angle between the ellipsoid's normal and the line of sight at the point.
    """
    point = ground_point(longitude_deg, latitude_deg)
    look = _look_of_incidence(incidence_deg, float(np.linalg.norm(point)))
    # The longitude of the looked-at point shifts with that of the node, its latitude does not.
    base = SimulatedOrbit(0.0)
    quarter = NODAL_PERIOD_S / 4
    low, high = (-0.9 * quarter, 0.9 * quarter) if ascending else (1.1 * quarter, 2.9 * quarter)
    for _ in range(60):
        middle = (low + high) / 2
        found = longitude_latitude(base.look_point(middle, look))[1]
        if (found < latitude_deg) == ascending:
            low = middle
        else:
            high = middle
    since_node_s = (low + high) / 2
    found_longitude = longitude_latitude(base.look_point(since_node_s, look))[0]
    return SimulatedOrbit(float(np.radians(longitude_deg - found_longitude))), since_node_s % NODAL_PERIOD_S


def _look_of_incidence(incidence_deg: float, ground_radius_m: float) -> float:
    return float(np.arcsin(np.sin(np.radians(incidence_deg)) * ground_radius_m / RADIUS_M))


def _turned(vector: Array, angle_rad: float) -> Array:
    cosine, sine = np.cos(angle_rad), np.sin(angle_rad)
    x, y, z = vector
    return np.array([cosine * x - sine * y, sine * x + cosine * y, z])

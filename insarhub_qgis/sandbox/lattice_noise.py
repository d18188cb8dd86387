# SPDX-License-Identifier: GPL-2.0-or-later
"""Smooth noise over the globe that is the same wherever it is cut out: random values at the nodes of a lattice.

A node's value depends on seed, name and number of the node alone, so neighbouring tiles fit, a place has the same
value in every raster, and nothing has to be kept.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

_PRIMES = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)


def node_values(seed: int, name: str, *numbers: npt.NDArray[np.integer] | int) -> Array:
    """Give one value of -1..1 for each node; up to three arrays of numbers that broadcast."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    mixed = np.array([int.from_bytes(digest[:8], "big")], dtype=np.uint64)
    for number, prime in zip(numbers, _PRIMES):
        mixed = _mixed(mixed ^ (np.asarray(number, dtype=np.int64).astype(np.uint64) * np.uint64(prime)))
    return np.asarray((mixed >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1.0)


def _mixed(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Spread each bit over all others (the finaliser of splitmix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def grid_noise(seed: int, name: str, longitudes: Array, latitudes: Array, cell_deg: float) -> Array:
    """Give smooth noise of -1..1 on a grid, shape (len(latitudes), len(longitudes)).

    Parameters
    ----------
    cell_deg
        Distance of the nodes; divides 360.
    """
    x_nodes, left, right, x_share = _between_nodes((longitudes + 180.0) / cell_deg)
    y_nodes, lower, upper, y_share = _between_nodes((latitudes + 90.0) / cell_deg)
    around = round(360.0 / cell_deg)
    nodes = node_values(seed, name, (x_nodes % around)[np.newaxis, :], y_nodes[:, np.newaxis])
    lines = nodes[lower] + (nodes[upper] - nodes[lower]) * y_share[:, np.newaxis]
    return np.asarray(lines[:, left] + (lines[:, right] - lines[:, left]) * x_share)


def series_noise(
    seed: int,
    name: str,
    longitudes: Array,
    latitudes: Array,
    days: Array,
    cell_deg: float,
    period_days: float,
) -> Array:
    """Give smooth noise of -1..1 of points over days, shape (n_points, n_days).

    Parameters
    ----------
    longitudes, latitudes
        Of the points, shape (n_points,).
    """
    around = round(360.0 / cell_deg)
    x, y = (longitudes + 180.0) / cell_deg, (latitudes + 90.0) / cell_deg
    west, south = (np.floor(values).astype(np.int64) for values in (x, y))
    x_share, y_share = _smooth(x - west), _smooth(y - south)
    t_nodes, before, after, t_share = _between_nodes(days / period_days)
    total = np.zeros((len(longitudes), len(t_nodes)))
    for east_step, x_weight in ((0, 1 - x_share), (1, x_share)):
        for north_step, y_weight in ((0, 1 - y_share), (1, y_share)):
            corner = node_values(
                seed,
                name,
                ((west + east_step) % around)[:, np.newaxis],
                (south + north_step)[:, np.newaxis],
                t_nodes[np.newaxis, :],
            )
            total += (x_weight * y_weight)[:, np.newaxis] * corner
    return np.asarray(total[:, before] + (total[:, after] - total[:, before]) * t_share)


def _between_nodes(values: Array) -> tuple[Whole, Whole, Whole, Array]:
    """Give the nodes that are needed, for each value the places of its two nodes among them, and its share."""
    lower = np.floor(values).astype(np.int64)
    nodes, places = np.unique(np.concatenate([lower, lower + 1]), return_inverse=True)
    return nodes, places[: len(values)], places[len(values) :], _smooth(values - lower)


def _smooth(share: Array) -> Array:
    return np.asarray(share * share * (3.0 - 2.0 * share))

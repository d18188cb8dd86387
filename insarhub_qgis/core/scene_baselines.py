# SPDX-License-Identifier: GPL-2.0-or-later
"""One perpendicular baseline per scene from the baselines of pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import networkx as nx
import numpy as np


def baselines_from_pairs(
    scenes: Sequence[str],
    pair_baselines_m: Mapping[tuple[str, str], float | None],
    known_m: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Give signed baselines relative to the earliest scene, by least squares over the pairs.

    Parameters
    ----------
    scenes
        Names in chronological order; the first one is the zero.
    pair_baselines_m
        (earlier, later) -> baseline of the later scene seen from the earlier one, metres, sign as in the
        ``Baseline`` of HyP3 and as asf_search computes it. None = unknown, the pair says nothing.
    known_m
        Baselines that stay as they are, e.g. those of a search.

    Returns
    -------
    dict
        Scene -> metres. A scene that no chain of pairs ties to the zero (or to a known one) is absent.

    >>> baselines_from_pairs(["a", "b", "c"], {("a", "b"): 10.0, ("b", "c"): -4.0, ("a", "c"): 6.0})
    {'a': 0.0, 'b': 10.0, 'c': 6.0}
    """
    fixed = dict(known_m or {})
    if scenes and not fixed:
        fixed[scenes[0]] = 0.0
    edges = [
        (earlier, later, float(value))
        for (earlier, later), value in sorted(pair_baselines_m.items())
        if value is not None and np.isfinite(value)
    ]
    graph = nx.Graph()
    graph.add_nodes_from(fixed)
    graph.add_edges_from((earlier, later) for earlier, later, _ in edges)
    tied = set().union(*(nx.node_connected_component(graph, name) for name in fixed)) if fixed else set()
    unknown = [name for name in scenes if name in tied and name not in fixed]
    values = {**fixed, **_solve(unknown, edges, fixed)}
    zero = values.get(scenes[0], 0.0) if scenes else 0.0
    return {name: round(values[name] - zero, 3) + 0.0 for name in scenes if name in values}


def _solve(
    unknown: Sequence[str], edges: Sequence[tuple[str, str, float]], fixed: Mapping[str, float]
) -> dict[str, float]:
    """Solve later - earlier = baseline for the unknown scenes; every one of them is tied to a fixed one."""
    column = {name: index for index, name in enumerate(unknown)}
    rows = [edge for edge in edges if edge[0] in column or edge[1] in column]
    if not rows:
        return {}
    design = np.zeros((len(rows), len(unknown)))
    observed = np.empty(len(rows))
    for index, (earlier, later, value) in enumerate(rows):
        observed[index] = value
        for name, sign in ((earlier, -1.0), (later, 1.0)):
            if name in column:
                design[index, column[name]] += sign
            else:
                observed[index] -= sign * fixed[name]
    solution = np.linalg.lstsq(design, observed, rcond=None)[0]
    return {name: float(solution[index]) for name, index in column.items()}

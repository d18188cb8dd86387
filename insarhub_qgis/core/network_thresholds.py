# SPDX-License-Identifier: GPL-2.0-or-later
"""Thresholds suggested from the coherence of a stack; numbers with a reason, never applied unasked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np

#: Upper limit of the two coherence thresholds, and the range of the reference pixel's coherence.
HIGHEST_THRESHOLD = 0.6
REFERENCE_RANGE = (0.30, 0.85)


@dataclass(frozen=True)
class SuggestedThreshold:
    """A value for one MintPy option; ``reason`` is a code with ``fields`` for its sentence."""

    key: str
    value: float
    reason: str
    fields: dict[str, float]


def suggest_pair_threshold(
    pairs: Sequence[tuple[str, str]], mean_coherence: np.ndarray
) -> SuggestedThreshold | None:
    """Suggest ``network.minCoherence``: the largest t that keeps the network whole and redundant.

    Parameters
    ----------
    pairs
        The two dates of each pair, from the product names.
    mean_coherence
        Shape (n_pairs,), 0..1; NaN where unknown.

    Returns
    -------
    SuggestedThreshold or None
        Largest t with all pairs of coherence >= t connecting all dates and numbering at least
        max(1, round(1.5 (n_dates - 1))), at most 0.6, rounded down to 0.01. None if even all pairs do not.
    """
    coherence = np.asarray(mean_coherence, dtype=float)
    dates = sorted({date for pair in pairs for date in pair})
    wanted = max(1, round(1.5 * (len(dates) - 1)))
    known = np.flatnonzero(np.isfinite(coherence))
    best: float | None = None
    graph = nx.Graph()
    graph.add_nodes_from(dates)
    order = known[np.argsort(-coherence[known], kind="stable")]
    for count, index in enumerate(order, start=1):
        graph.add_edge(*pairs[index])
        if count >= wanted and nx.is_connected(graph):
            best = float(coherence[index])
            break
    if best is None:
        return None
    value = float(np.floor(min(best, HIGHEST_THRESHOLD) * 100 + 1e-9) / 100)
    return SuggestedThreshold(
        "mintpy.network.minCoherence",
        value,
        "threshold.network_whole",
        {"dates": len(dates), "pairs": int(np.sum(coherence[known] >= value)), "needed": wanted},
    )


def suggest_mask_threshold(coherence_sample: np.ndarray) -> SuggestedThreshold | None:
    """Suggest ``networkInversion.maskThreshold``: the 15th percentile of positive coherence, at most 0.6.

    ``coherence_sample`` may have any shape; zeros and NaN are not data. None without data.
    """
    positive = _positive(coherence_sample)
    if positive.size == 0:
        return None
    percentile = float(np.percentile(positive, 15))
    value = round(min(percentile, HIGHEST_THRESHOLD), 2)
    return SuggestedThreshold(
        "mintpy.networkInversion.maskThreshold", value, "threshold.percentile", {"percentile": 15}
    )


def suggest_reference_coherence(mean_coherence_map: np.ndarray) -> SuggestedThreshold | None:
    """Suggest ``reference.minCoherence``: the 98th percentile of mean coherence, within 0.30 to 0.85.

    ``mean_coherence_map`` has shape (rows, cols) or any sample of it. Rounded down to 0.01, so that pixels reach it.
    """
    positive = _positive(mean_coherence_map)
    if positive.size == 0:
        return None
    low, high = REFERENCE_RANGE
    percentile = float(np.percentile(positive, 98))
    value = float(np.floor(min(max(percentile, low), high) * 100 + 1e-9) / 100)
    return SuggestedThreshold(
        "mintpy.reference.minCoherence", value, "threshold.percentile", {"percentile": 98}
    )


def _positive(values: np.ndarray) -> np.ndarray:
    flat = np.asarray(values, dtype=float).ravel()
    positive: np.ndarray = flat[np.isfinite(flat) & (flat > 0)]
    return positive

# SPDX-License-Identifier: GPL-2.0-or-later
"""The loaded stack ``ifgramStack.h5``: facts for the panel, whether it is whole, and what steps had put into it.

It is the one HDF5 that steps change over and over; results are read through ``mintpy_hdf5``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from insarhub_qgis.core.network_thresholds import (
    suggest_mask_threshold,
    suggest_pair_threshold,
    suggest_reference_coherence,
)
from insarhub_qgis.engine.mintpy_hdf5 import open_hdf5

#: Pixels read per pair at most; larger rasters are thinned in rows and columns alike.
_PIXELS_PER_PAIR = 250_000
#: Values kept for the percentile over all pairs.
_SAMPLE_SIZE = 1_000_000
_REFERENCE_ATTRIBUTES = ("REF_Y", "REF_X", "REF_LAT", "REF_LON")
_STACK_PARTS = ("date", "dropIfgram", "bperp")


def read_stack_facts(stack_file: Path) -> dict[str, Any]:
    """Read one pair at a time, thinned, so that memory stays bounded whatever the stack.

    Returns
    -------
    dict
        ``rows``, ``columns``, ``pairs`` ([[date, date], ...]), ``dates``, ``mean_coherence`` (per pair, None where
        unknown), ``suggested``: list of key, value, reason, fields.
    """
    with open_hdf5(stack_file) as stack:
        pairs = [(first.decode(), second.decode()) for first, second in stack["date"][:]]
        rows, columns = (int(stack.attrs[name]) for name in ("LENGTH", "WIDTH"))
        facts: dict[str, Any] = {
            "rows": rows,
            "columns": columns,
            "pairs": [list(pair) for pair in pairs],
            "dates": sorted({date for pair in pairs for date in pair}),
            "mean_coherence": [None] * len(pairs),
            "suggested": [],
        }
        if "coherence" not in stack:
            return facts
        step = max(1, int(np.ceil(np.sqrt(rows * columns / _PIXELS_PER_PAIR))))
        means = np.full(len(pairs), np.nan)
        total: np.ndarray | None = None
        samples = []
        for index in range(len(pairs)):
            coherence = np.asarray(stack["coherence"][index, ::step, ::step], dtype=np.float32)
            coherence = np.nan_to_num(coherence, nan=0.0)
            valid = coherence[coherence > 0]
            if valid.size:
                means[index] = float(valid.mean())
                samples.append(valid[:: max(1, valid.size * len(pairs) // _SAMPLE_SIZE)])
            total = coherence if total is None else total + coherence
    facts["mean_coherence"] = [None if np.isnan(mean) else round(float(mean), 4) for mean in means]
    if samples and total is not None:
        suggestions = (
            suggest_pair_threshold(pairs, means),
            suggest_mask_threshold(np.concatenate(samples)),
            suggest_reference_coherence(total / len(pairs)),
        )
        facts["suggested"] = [
            {"key": one.key, "value": one.value, "reason": one.reason, "fields": one.fields}
            for one in suggestions
            if one is not None
        ]
    return facts


def undo_stack_changes(path: Path, first_step: str) -> bool:
    """Take out of the stack what ``first_step`` and later ones had put in; False if it is damaged.

    The reference pixel is taken out before a new one is chosen, because MintPy keeps one that is there; corrected
    phases are deleted, because the inversion takes them whenever they exist.
    """
    if not stack_is_whole(path):
        return False
    try:
        with open_hdf5(path, "r+") as stack:
            for name in [name for name in stack if name.startswith("unwrapPhase_")]:
                del stack[name]
            if first_step in ("modify_network", "reference_point"):
                for name in _REFERENCE_ATTRIBUTES:
                    stack.attrs.pop(name, None)
    except (OSError, RuntimeError):
        return False
    return stack_is_whole(path)


def stack_is_whole(path: Path) -> bool:
    """Whether the loaded stack opens and holds phase, dates, baselines and the list of kept pairs."""
    try:
        with open_hdf5(path) as stack:
            phases = [name for name in stack if name in ("unwrapPhase", "rangeOffset", "azimuthOffset")]
            if not phases or any(name not in stack for name in _STACK_PARTS):
                return False
            pairs = stack[phases[0]].shape[0]
            kept = stack["dropIfgram"][:]
            return bool(len(kept) == pairs and {"LENGTH", "WIDTH"} <= set(stack.attrs))
    except (OSError, KeyError, RuntimeError):
        return False

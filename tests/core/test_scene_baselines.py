# SPDX-License-Identifier: GPL-2.0-or-later
"""Baselines of scenes from those of pairs: exact, redundant, disconnected and partly known networks."""

from __future__ import annotations

import numpy as np
import pytest

from insarhub_qgis.core.scene_baselines import baselines_from_pairs


def test_exact_network_gives_back_the_truth() -> None:
    rng = np.random.default_rng(1)
    truth = {f"s{index:02d}": float(value) for index, value in enumerate(rng.normal(0, 60, 12))}
    names = list(truth)
    pairs = {
        (names[i], names[j]): truth[names[j]] - truth[names[i]]
        for i in range(12)
        for j in range(i + 1, min(i + 4, 12))
    }
    found = baselines_from_pairs(names, pairs)
    assert found[names[0]] == 0.0
    for name in names:
        assert found[name] == pytest.approx(truth[name] - truth[names[0]], abs=1e-3)


def test_contradiction_is_shared_by_least_squares() -> None:
    # The loop 10 + 10 - 23 misses by 3: each pair takes 1.
    found = baselines_from_pairs(["a", "b", "c"], {("a", "b"): 10.0, ("b", "c"): 10.0, ("a", "c"): 23.0})
    assert found == {"a": 0.0, "b": 11.0, "c": 22.0}


def test_scene_without_a_chain_is_absent() -> None:
    pairs = {("a", "b"): 5.0, ("c", "d"): 7.0, ("b", "e"): None, ("a", "f"): float("nan")}
    assert baselines_from_pairs(["a", "b", "c", "d", "e", "f"], pairs) == {"a": 0.0, "b": 5.0}


def test_known_values_stay_and_tie_the_rest() -> None:
    found = baselines_from_pairs(["a", "b", "c"], {("a", "b"): 1.0, ("b", "c"): 4.0}, {"a": 0.0, "b": 30.0})
    assert found == {"a": 0.0, "b": 30.0, "c": 34.0}


def test_an_earlier_scene_becomes_the_zero() -> None:
    assert baselines_from_pairs(["z", "a"], {("z", "a"): 6.0}, {"a": 0.0}) == {"z": 0.0, "a": 6.0}


def test_nothing() -> None:
    assert baselines_from_pairs([], {}) == {}

# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from insarhub_qgis.core.network_thresholds import (
    suggest_mask_threshold,
    suggest_pair_threshold,
    suggest_reference_coherence,
)

#: Three dates, three pairs; needed are round(1.5 * 2) = 3.
TRIANGLE = [("20180101", "20180113"), ("20180113", "20180125"), ("20180101", "20180125")]


def test_all_three_pairs_of_a_triangle_are_kept():
    assert suggest_pair_threshold(TRIANGLE, np.array([0.5, 0.45, 0.31])).value == 0.31


def test_the_network_stays_connected():
    # Four dates: round(4.5) = 4 pairs are needed, and the fourth date hangs on pairs of low coherence.
    pairs = [*TRIANGLE, ("20180125", "20180206"), ("20180113", "20180206"), ("20180101", "20180206")]
    coherence = np.array([0.59, 0.58, 0.57, 0.22, 0.21, 0.2])
    suggested = suggest_pair_threshold(pairs, coherence)
    assert suggested.value == 0.22
    assert suggested.fields == {"dates": 4, "pairs": 4, "needed": 4}


def test_the_threshold_is_at_most_0_6():
    assert suggest_pair_threshold(TRIANGLE, np.array([0.9, 0.9, 0.9])).value == 0.6


def test_no_suggestion_for_a_split_network():
    pairs = [("20180101", "20180113"), ("20180125", "20180206")]
    assert suggest_pair_threshold(pairs, np.array([0.9, 0.9])) is None
    assert suggest_pair_threshold(TRIANGLE, np.full(3, np.nan)) is None


def test_percentiles_ignore_zero_and_missing():
    values = np.concatenate([np.linspace(0.01, 1.0, 100), np.zeros(500), np.full(20, np.nan)])
    assert suggest_mask_threshold(values).value == pytest.approx(
        np.percentile(np.linspace(0.01, 1, 100), 15), abs=0.005
    )
    assert suggest_mask_threshold(np.full(9, 0.8)).value == 0.6
    assert suggest_mask_threshold(np.zeros(4)) is None


@pytest.mark.parametrize(("level", "expected"), [(0.1, 0.30), (0.555, 0.55), (0.95, 0.85)])
def test_reference_coherence_stays_in_its_range(level, expected):
    assert suggest_reference_coherence(np.full((5, 6), level)).value == expected

# SPDX-License-Identifier: GPL-2.0-or-later
"""The simulated land decays as the land-cover table says, so that forecasts can be compared with the simulation."""

from __future__ import annotations

import pytest

from insarhub_qgis.core.decay_sources import landcover_parameters
from insarhub_qgis.sandbox.scene import BARE, DECAY_PARAMETERS, FIELD, FOREST, TOWN


@pytest.mark.parametrize(
    ("cover", "fraction"),
    [(TOWN, "urban_frac"), (FIELD, "crop_frac"), (FOREST, "tree_cover_frac"), (BARE, "bare_frac")],
)
def test_simulated_land_is_that_of_the_table(cover, fraction):
    found = landcover_parameters({fraction: 1.0})
    for season in range(4):
        decay = (found.g_inf[season, 0], found.g0[season, 0], found.tau_days[season, 0])
        assert decay == DECAY_PARAMETERS[cover]

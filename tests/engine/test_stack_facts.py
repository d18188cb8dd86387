# SPDX-License-Identifier: GPL-2.0-or-later
"""What the Analyzer asks of the loaded stack: its pairs, their coherence, and thresholds with reasons."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.requests import StackFacts
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine.stack_facts import run
from tests.makers.mintpy_files import write_interferogram_stack


def test_facts_are_those_of_the_file(tmp_path):
    path = write_interferogram_stack(tmp_path / "inputs" / "ifgramStack.h5", n_dates=6)
    facts = run(StackFacts(str(tmp_path)), RunContext())
    with h5py.File(path) as file:
        coherence = file["coherence"][:]
        pairs = [[first.decode(), second.decode()] for first, second in file["date"][:]]
    assert facts["pairs"] == pairs
    assert len(facts["dates"]) == 6
    np.testing.assert_allclose(facts["mean_coherence"], coherence.mean(axis=(1, 2)), atol=1e-3)
    mask = next(row for row in facts["suggested"] if row["key"] == "mintpy.networkInversion.maskThreshold")
    assert mask["value"] == pytest.approx(np.percentile(coherence, 15), abs=0.006)


def test_a_stack_that_is_not_loaded_is_told(tmp_path):
    with pytest.raises(InsarError) as raised:
        run(StackFacts(str(tmp_path)), RunContext())
    assert raised.value.code == "stack.not_loaded"


def test_a_damaged_stack_is_told(tmp_path):
    path = write_interferogram_stack(tmp_path / "inputs" / "ifgramStack.h5")
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(InsarError) as raised:
        run(StackFacts(str(tmp_path)), RunContext())
    assert raised.value.code == "stack.damaged"

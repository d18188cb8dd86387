# SPDX-License-Identifier: GPL-2.0-or-later
"""Turns of threads are short while any worker works, and as before afterwards."""

from __future__ import annotations

import sys

import pytest

from insarhub_qgis.host.short_turns import TURN_S, short_turns


def test_the_last_worker_gives_the_usual_turns_back():
    usual = sys.getswitchinterval()
    assert usual > TURN_S
    with short_turns():
        with short_turns():
            assert sys.getswitchinterval() == pytest.approx(TURN_S)
        assert sys.getswitchinterval() == pytest.approx(TURN_S)
    assert sys.getswitchinterval() == pytest.approx(usual)


def test_a_worker_that_fails_gives_them_back_too():
    usual = sys.getswitchinterval()
    with pytest.raises(ValueError, match="broken"), short_turns():
        raise ValueError("broken")
    assert sys.getswitchinterval() == pytest.approx(usual)

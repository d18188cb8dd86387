# SPDX-License-Identifier: GPL-2.0-or-later
"""Texts with numbers read well where there is one of a thing."""

from __future__ import annotations

from datetime import date

import pytest

from insarhub_qgis.core.mintpy_config import MintpyConfig
from insarhub_qgis.core.network_checks import STOP, WARNING
from insarhub_qgis.core.network_files import load_network
from insarhub_qgis.core.scene_stacks import FoundScene, SceneStack, StackDate
from insarhub_qgis.gui.hyp3_runs import Hyp3Runs
from insarhub_qgis.gui.network_check_card import CheckLine, NetworkCheckCard
from insarhub_qgis.gui.network_texts import date_tip, pair_tip
from insarhub_qgis.gui.stacks_table import StacksModel
from insarhub_qgis.gui.thresholds_dialog import ThresholdsDialog
from insarhub_qgis.host.forecast_texts import summary_text
from tests.makers.networks import write_network_job


@pytest.mark.parametrize(
    ("levels", "text"),
    [
        ((STOP,), "1 stops processing, 0 warnings"),
        ((STOP, STOP, WARNING), "2 stop processing, 1 warning"),
        ((WARNING,), "1 warning, nothing blocks"),
        ((WARNING, WARNING), "2 warnings, nothing blocks"),
    ],
)
def test_the_head_of_the_check(iface, levels, text):
    card = NetworkCheckCard(iface.window)
    card.show_lines([CheckLine(level, "…") for level in levels])
    assert card.head.text() == text


def test_tips_of_a_network_of_one_pair(qgis_app, tmp_path):
    network = load_network(write_network_job(tmp_path / "p44_f117", dates=2)).network
    assert "1 of 1 pair active" in date_tip(network, 0)
    assert "1 credit" in pair_tip(network, (0, 1), credits=1.0)
    assert "15 credits" in pair_tip(network, (0, 1), credits=15.0)


def test_the_tip_of_a_stack_of_one_day(qgis_app):
    day = date(2020, 1, 6)
    stack = SceneStack(13, 411, None, (StackDate(day, (FoundScene("S1A", day),)),), dates_without=(day,))
    lines = StacksModel().summary(stack)
    assert "1 scene on 1 date, 2020-01-06 to 2020-01-06" in lines
    assert "frame missing on 1 date of the path" in lines


def test_the_reason_of_a_threshold(iface):
    facts = {"pairs": [0], "dates": [0, 1], "suggested": []}
    dialog = ThresholdsDialog(facts, MintpyConfig(), iface.window)
    reason = dialog.reason("mintpy.network.minCoherence", {"dates": 2, "needed": 1, "pairs": 1})
    assert reason == "Keeps all 2 dates connected by at least 1 pair, and leaves 1 pair."


def test_a_forecast_of_one_pair(qgis_app):
    figures = {"count": 1, "rank_correlation": None, "reason": None}
    answer = {
        "figures": {"combined": {"coherence": figures}},
        "temporal_baseline": {"rank_correlation": None},
    }
    assert summary_text(answer) == "1 pair compared."


def test_one_job_for_one_credit(context, iface, job, patience):
    runs = Hyp3Runs(context, iface.window)
    runs.tell_submission(job, {"submitted": 1, "credits": 1.0, "credits_left": 1.0, "adopted": 1})
    runs.tell_submission(job, {"submitted": 2, "credits": 20.0, "credits_left": 7940.0, "adopted": 2})
    patience.waitUntil(lambda: iface.texts().count("submitted") == 2)
    assert "1 job submitted for 1 credit. 1 is left. 1 was found on HyP3 and taken over." in iface.texts()
    assert "2 jobs submitted for 20 credits. 7,940 are left. 2 were found on HyP3" in iface.texts()

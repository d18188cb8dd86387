# SPDX-License-Identifier: GPL-2.0-or-later
"""``insarhub:hyp3credits``: who is signed in at HyP3 and what is left to spend."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsProcessingContext, QgsProcessingFeedback, QgsProcessingOutputNumber

from insarhub_qgis.core import requests
from insarhub_qgis.host.account_texts import account_text
from insarhub_qgis.processing.base import tr
from insarhub_qgis.processing.hyp3_algorithm import Hyp3Algorithm


class Hyp3Credits(Hyp3Algorithm):
    """Costs nothing and orders nothing."""

    NAME = "hyp3credits"
    TITLE = "HyP3 credits"
    HELP = (
        "Signs in at HyP3 and gives the credits that are left. Empty credits mean that the account has no limit. An account "
        "that may not order yet has 0; the log says so."
    )

    CREDITS = "CREDITS"

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add_account()
        self.addOutput(QgsProcessingOutputNumber(self.CREDITS, tr("Credits left")))

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        answer = self.ask_service(requests.Hyp3Account, feedback)
        feedback.pushInfo(account_text(answer))
        return {self.CREDITS: answer["credits_left"]}

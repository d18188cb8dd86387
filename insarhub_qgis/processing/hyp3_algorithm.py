# SPDX-License-Identifier: GPL-2.0-or-later
"""What the algorithms of HyP3 share: the account, and how jobs are counted and told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterAuthConfig,
)

from insarhub_qgis.core.credentials import Credential
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.hyp3_jobs import STATUSES
from insarhub_qgis.host.accounts import credential_of
from insarhub_qgis.host.endpoints import is_sandbox_on
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.processing.base import PROCESS, tr
from insarhub_qgis.processing.service_algorithm import ServiceAlgorithm


class Hyp3Algorithm(ServiceAlgorithm):
    """Signs in with the chosen account, or the usual one."""

    GROUP = PROCESS
    #: False for what also works without being signed in; the usual account is then left alone.
    NEEDS_LOGIN = True

    def add_account(self) -> None:
        text = tr("Earthdata account (empty: the usual one of Options; the sandbox needs none)")
        self.addParameter(QgsProcessingParameterAuthConfig(self.AUTH, text, optional=True))

    def add_counts(self) -> None:
        for status in STATUSES:
            text = tr("Number of jobs: {status}").format(status=status)
            self.addOutput(QgsProcessingOutputNumber(f"COUNT_{status}", text))

    def login(
        self, auth_id: str, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> Optional[Credential]:
        is_needed = auth_id or self.NEEDS_LOGIN or is_sandbox_on()
        return credential_of(auth_id) if is_needed else None


def count_outputs(counts: Mapping[str, Any]) -> dict[str, int]:
    """Give the outputs ``COUNT_...`` of counts per status."""
    return {f"COUNT_{status}": int(counts.get(status, 0)) for status in STATUSES}


def reason_text(reason: Any) -> str:
    """Give a reason of the engine as a sentence: an error as JSON, or words of the service."""
    if isinstance(reason, Mapping) and "code" in reason:
        return sentence(InsarError.from_json(reason))
    return str(reason or "")


def warn_of(errors: Any, feedback: QgsProcessingFeedback, named: str = "") -> None:
    """Show errors as JSON as warnings, each after the value of its key ``named``."""
    for error in errors or ():
        name = str(error.get(named) or "") if named else ""
        text = reason_text(error)
        feedback.pushWarning(f"{name}: {text}" if name not in text else text)

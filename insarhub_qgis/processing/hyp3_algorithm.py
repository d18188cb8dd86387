# SPDX-License-Identifier: GPL-2.0-or-later
"""What the algorithms of HyP3 share: the account, the job folder, and how jobs are counted and told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterAuthConfig,
    QgsProcessingParameterFile,
)

from insarhub_qgis.core.credentials import Credential
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.hyp3_jobs import STATUSES
from insarhub_qgis.host.accounts import credential_of
from insarhub_qgis.host.endpoints import endpoints, is_sandbox_on
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.processing.base import PROCESS, InsarAlgorithm, existing_folder, tr


class Hyp3Algorithm(InsarAlgorithm):
    """Reads the login on the main thread, where QGIS may ask for its master password."""

    GROUP = PROCESS
    #: False for what also works without being signed in; the usual account is then left alone.
    NEEDS_LOGIN = True

    JOB_FOLDER = "JOB_FOLDER"
    AUTH = "AUTH"

    def __init__(self) -> None:
        super().__init__()
        self._credential: Optional[Credential] = None
        self._endpoints: dict[str, str] = {}
        self._refusal: Optional[InsarError] = None

    def add_job_folder(self) -> None:
        self.addParameter(
            QgsProcessingParameterFile(
                self.JOB_FOLDER, tr("Job folder"), behavior=QgsProcessingParameterFile.Behavior.Folder
            )
        )

    def add_account(self) -> None:
        text = tr("Earthdata account (empty: the usual one of Options; the sandbox needs none)")
        self.addParameter(QgsProcessingParameterAuthConfig(self.AUTH, text, optional=True))

    def add_counts(self) -> None:
        for status in STATUSES:
            text = tr("Number of jobs: {status}").format(status=status)
            self.addOutput(QgsProcessingOutputNumber(f"COUNT_{status}", text))

    def prepareAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> bool:
        auth_id = self.parameterAsString(parameters, self.AUTH, context)
        try:
            self._endpoints = endpoints().to_json()
            if auth_id or self.NEEDS_LOGIN or is_sandbox_on():
                self._credential = credential_of(auth_id)
        except InsarError as error:
            # Raised in processAlgorithm: QGIS drops the words of what is raised here.
            self._refusal = error
        return True

    def ask_hyp3(
        self, request_class: Any, feedback: QgsProcessingFeedback, on_item: Any = None, **values: Any
    ) -> dict[str, Any]:
        """Run a request of HyP3 with the account and the services of this run."""
        self.check_account()
        request = request_class(endpoints=self._endpoints, **values)
        return self.ask_engine(request, feedback, self._credential, on_item)

    def check_account(self) -> None:
        """Stop when there is no login; raises its sentence."""
        if self._refusal is not None:
            raise QgsProcessingException(sentence(self._refusal)) from self._refusal

    def job_folder(self, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        text = self.parameterAsFile(parameters, self.JOB_FOLDER, context)
        return str(existing_folder(text, self.JOB_FOLDER))


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

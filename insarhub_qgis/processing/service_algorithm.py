# SPDX-License-Identifier: GPL-2.0-or-later
"""What algorithms that ask a service share: its login, its address, and the sentence when there is none."""

from __future__ import annotations

from typing import Any, Optional

from qgis.core import QgsProcessingContext, QgsProcessingException, QgsProcessingFeedback

from insarhub_qgis.core.credentials import Credential
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.host.endpoints import endpoints
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.processing.base import InsarAlgorithm


class ServiceAlgorithm(InsarAlgorithm):
    """Reads the login on the main thread, where QGIS may ask for its master password."""

    AUTH = "AUTH"

    def __init__(self) -> None:
        super().__init__()
        self._credential: Optional[Credential] = None
        self._endpoints: dict[str, str] = {}
        self._refusal: Optional[InsarError] = None

    def login(
        self, auth_id: str, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> Optional[Credential]:
        """Give the login of an authentication configuration, which may be empty; None when none is needed."""
        raise NotImplementedError

    def prepareAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> bool:
        auth_id = self.parameterAsString(parameters, self.AUTH, context)
        try:
            self._endpoints = endpoints().to_json()
            self._credential = self.login(auth_id, parameters, context)
        except InsarError as error:
            # Raised in processAlgorithm: QGIS drops the words of what is raised here.
            self._refusal = error
        return True

    def check_account(self) -> None:
        """Stop when there is no login; raises its sentence."""
        if self._refusal is not None:
            raise QgsProcessingException(sentence(self._refusal)) from self._refusal

    def ask_service(
        self, request_class: Any, feedback: QgsProcessingFeedback, on_item: Any = None, **values: Any
    ) -> dict[str, Any]:
        """Run a request with the login and the services of this run."""
        self.check_account()
        request = request_class(endpoints=self._endpoints, **values)
        return self.ask_engine(request, feedback, self._credential, on_item)

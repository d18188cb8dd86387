# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the remote services are for this QGIS: production, or the sandbox that Options names."""

from __future__ import annotations

from insarhub_qgis.core.endpoints import PRODUCTION, Endpoints
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.host import log
from insarhub_qgis.host.settings import settings


def endpoints() -> Endpoints:
    """Give the services that searches, orders and downloads go to.

    Raises
    ------
    InsarError
        ``sandbox.not_local`` for an address that is not on this machine. Nothing falls back to production, where
        an order would be billed.
    """
    if not settings().use_sandbox.value():
        return PRODUCTION
    return Endpoints.of_sandbox(settings().sandbox_url.value())


def is_sandbox_on() -> bool:
    """Whether simulated services answer."""
    return bool(settings().use_sandbox.value())


def is_sandbox_url(text: str) -> bool:
    """Whether a text can be the address of a sandbox."""
    try:
        Endpoints.of_sandbox(text)
    except InsarError as error:
        log.debug(str(error))
        return False
    return True

# SPDX-License-Identifier: GPL-2.0-or-later
"""Who is signed in at HyP3, what the account may spend, and what jobs cost."""

from __future__ import annotations

from typing import Any

from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.core.job_config import utc_now
from insarhub_qgis.core.requests import Hyp3Account
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.engine.hyp3_door import open_hyp3


def run(request: Hyp3Account, context: RunContext) -> dict[str, Any]:
    """Answer `Hyp3Account`; nothing is charged."""
    endpoints = Endpoints.from_json(request.endpoints)
    with open_hyp3(endpoints, context) as door:
        context.report(0.1, "Signing in")
        user = door.user()
        context.report(0.6, "Asking for the prices")
        costs = door.costs()
        return {
            "account": str(user["user_id"]),
            "kind": door.account.kind,
            "expires_at": door.account.expires_at,
            "application_status": user.get("application_status"),
            "credits_left": user.get("remaining_credits"),
            "credits_per_month": user.get("credits_per_month"),
            "costs": costs,
            "api_url": door.api_url,
            "asked_at": utc_now(),
        }

# SPDX-License-Identifier: GPL-2.0-or-later
"""What people read about an account of HyP3: who is signed in, until when, and what is left to spend."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Optional

from qgis.PyQt.QtCore import QLocale

from insarhub_qgis.core.earthdata_pages import (
    ACCESS_PAGE,
    BEARER_PAGE,
    SIGN_IN_PAGE,
    trusted_page,
)
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.host.counts import counted_credits, number_text
from insarhub_qgis.host.messages import sentence
from insarhub_qgis.host.translation import tr

CONTEXT = "Accounts"
APPROVED = "APPROVED"
#: Pages for refusals of HyP3, which names none itself.
_PAGES = {
    "hyp3.unauthorized": BEARER_PAGE,
    "hyp3.token_expired": BEARER_PAGE,
    "hyp3.not_approved": ACCESS_PAGE,
}


def account_text(answer: Mapping[str, Any]) -> str:
    """Give the sentence for a result of `core.requests.Hyp3Account`: account, end of the login, credits."""
    until = day_text(answer.get("expires_at"))
    who = (
        tr("Signed in as {account} until {day}.", CONTEXT).format(account=answer["account"], day=until)
        if until
        else tr("Signed in as {account}.", CONTEXT).format(account=answer["account"])
    )
    refusal = approval_error(answer)
    if refusal is not None:
        return f"{who} {sentence(refusal)}"
    return f"{who} {credits_text(answer)}"


def approval_error(answer: Mapping[str, Any]) -> Optional[InsarError]:
    """Give what keeps the account from ordering; None when it may."""
    status = str(answer.get("application_status") or "")
    if status in ("", APPROVED):
        return None
    words = {
        "NOT_STARTED": tr("not asked for yet", CONTEXT),
        "PENDING": tr("not decided yet", CONTEXT),
        "REJECTED": tr("rejected", CONTEXT),
    }
    return InsarError(
        "credentials.not_approved",
        account=str(answer["account"]),
        status=words.get(status, status),
        page=ACCESS_PAGE,
    )


def credits_text(answer: Mapping[str, Any]) -> str:
    """Give the sentence about credits; a service that sets no limit tells None."""
    left = answer.get("credits_left")
    if left is None:
        return tr("Credits are not limited.", CONTEXT)
    month = answer.get("credits_per_month")
    if month is None:
        return tr("{credits} left.", CONTEXT).format(credits=counted_credits(left))
    return tr("{left} of {month} credits of this month left.", CONTEXT).format(
        left=number_text(left), month=number_text(month)
    )


def page_of(error: InsarError) -> str:
    """Give the address of the page that solves an error of a login; empty when none does."""
    page = str(error.fields.get("page") or _PAGES.get(error.code, ""))
    return trusted_page(page, SIGN_IN_PAGE) if page else ""


def day_text(iso: Optional[str]) -> str:
    """Give the local day of an ISO UTC time, e.g. ``6 Jan 2018``; empty for none."""
    if not iso:
        return ""
    moment = datetime.fromisoformat(iso.replace("Z", "+00:00")).astimezone()
    return str(QLocale().toString(moment.date(), "d MMM yyyy"))

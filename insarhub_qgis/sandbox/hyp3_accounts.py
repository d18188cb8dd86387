# SPDX-License-Identifier: GPL-2.0-or-later
"""Users of the HyP3 service: application, monthly credits, and what they have left.

An account is made at its first call. Names of accounts stand for cases, so that each one can be shown:
``sandbox-new``, ``sandbox-pending`` and ``sandbox-rejected`` have no approval, ``sandbox-poor`` has 35 credits a
month, ``sandbox-unlimited`` has no limit.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from insarhub_qgis.sandbox.hyp3_validation import Problem
from insarhub_qgis.sandbox.service_state import SandboxClock

NOT_STARTED, PENDING, APPROVED, REJECTED = "NOT_STARTED", "PENDING", "APPROVED", "REJECTED"
APPLICATION_STATUSES = (NOT_STARTED, PENDING, APPROVED, REJECTED)
#: Monthly credits of an account that has no number of its own.
CREDITS_PER_MONTH = 8000
#: The one code that approves at once.
ACCESS_CODE = "SANDBOX-ACCESS"
HIGHEST_PRIORITY = 9999
_APPLICATION_PAGE = "https://hyp3-docs.asf.alaska.edu/using/requesting_access/"

_CASES: dict[str, dict[str, Any]] = {
    "sandbox-new": {"application_status": NOT_STARTED},
    "sandbox-pending": {"application_status": PENDING},
    "sandbox-rejected": {"application_status": REJECTED},
    "sandbox-poor": {"credits_per_month": 35},
    "sandbox-unlimited": {"remaining_credits": None},
}


@dataclass
class Account:
    """One user.

    Attributes
    ----------
    remaining_credits
        None = unlimited.
    credits_per_month
        None: `CREDITS_PER_MONTH`, which the service then does not tell.
    month
        ``YYYY-MM`` of the last monthly reset.
    charged
        All that was ever taken.
    """

    user_id: str
    application_status: str = APPROVED
    remaining_credits: float | None = 0
    credits_per_month: float | None = None
    use_case: str | None = None
    month: str = ""
    charged: float = 0

    def to_json(self) -> dict[str, Any]:
        value: dict[str, Any] = {
            "user_id": self.user_id,
            "remaining_credits": self.remaining_credits,
            "application_status": self.application_status,
        }
        if self.credits_per_month is not None:
            value["credits_per_month"] = self.credits_per_month
        if self.use_case is not None:
            value["use_case"] = self.use_case
        return value


class Accounts:
    """All users. The caller holds the lock of the service."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._accounts: dict[str, Account] = {}

    def clear(self) -> None:
        self._accounts.clear()

    def account(self, user_id: str) -> Account:
        """Give the account, made at the first call, with the credits of a new month."""
        account = self._accounts.get(user_id)
        if account is None:
            account = Account(user_id, **_CASES.get(user_id, {}))
            self._accounts[user_id] = account
        month = time.strftime("%Y-%m", time.gmtime(self._clock.now_s()))
        if account.application_status != APPROVED:
            account.remaining_credits = 0
        elif account.remaining_credits is not None and account.month < month:
            account.remaining_credits = (
                CREDITS_PER_MONTH if account.credits_per_month is None else account.credits_per_month
            )
            account.month = month
        return account

    def change(self, user_id: str, **values: Any) -> Account:
        """Set fields of an account, for tests."""
        account = self.account(user_id)
        for name, value in values.items():
            if name not in ("application_status", "remaining_credits", "credits_per_month"):
                raise ValueError(f"an account has no {name} to set")
            setattr(account, name, value)
        return account

    def priorities(self, account: Account, costs: Sequence[float]) -> list[int]:
        """Check approval and balance, and give the priority of each job: what would be left before it.

        Raises
        ------
        Problem
            403 without approval, 400 with too few credits.
        """
        _check_approval(account)
        left, total = account.remaining_credits, sum(costs)
        if left is None:
            return [0] * len(costs)
        if total > left:
            raise Problem(
                400, f"These jobs would cost {total:g} credits, but you have only {left:g} remaining."
            )
        before = accumulate(costs, initial=0.0)
        return [min(round(left - cost), HIGHEST_PRIORITY) for cost, _ in zip(before, costs)]

    def charge(self, account: Account, total: float) -> None:
        account.charged += total
        if account.remaining_credits is not None:
            account.remaining_credits -= total

    def charged(self) -> dict[str, float]:
        """Give what each user was ever charged."""
        return {user_id: account.charged for user_id, account in self._accounts.items()}

    def apply(self, user_id: str, use_case: str, access_code: str | None) -> Account:
        """Answer an application: the access code approves, anything else waits; raises `Problem` 403."""
        account = self.account(user_id)
        if account.application_status == APPROVED:
            raise Problem(403, f"The application for user {user_id} has already been approved.")
        if account.application_status == REJECTED:
            _check_approval(account)
        if access_code and access_code != ACCESS_CODE:
            raise Problem(403, f"{access_code} is not a valid access code")
        account.use_case = use_case
        account.application_status = APPROVED if access_code else PENDING
        return self.account(user_id)


def _check_approval(account: Account) -> None:
    user = account.user_id
    if account.application_status == NOT_STARTED:
        raise Problem(
            403, f"User {user} must request access before submitting jobs. Visit {_APPLICATION_PAGE}"
        )
    if account.application_status == PENDING:
        raise Problem(
            403, f"User {user} has a pending application, please try again later. Visit {_APPLICATION_PAGE}"
        )
    if account.application_status == REJECTED:
        raise Problem(403, f"The application for user {user} has been rejected. Visit {_APPLICATION_PAGE}")

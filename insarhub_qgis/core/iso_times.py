# SPDX-License-Identifier: GPL-2.0-or-later
"""Times in files and answers: ISO 8601, UTC."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any


def moment_of(text: Any) -> datetime | None:
    """Read an ISO time, UTC when it names no zone; None when it is none."""
    try:
        found = datetime.fromisoformat(str(text).replace("Z", "+00:00")) if text else None
    except ValueError:
        return None
    return found.replace(tzinfo=timezone.utc) if found is not None and found.tzinfo is None else found


def iso(moment: datetime | None) -> str | None:
    """Write a time with a zone as ISO 8601 in UTC, whole seconds; None stays None."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ") if moment is not None else None

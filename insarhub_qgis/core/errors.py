# SPDX-License-Identifier: GPL-2.0-or-later
"""The one error that core, engine and sandbox raise: a code and plain fields, no sentence.

Sentences belong to the reader's language and next step; ``host/message_tables`` holds them, one per code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


class InsarError(Exception):
    """A failure with a stable code, e.g. ``file.malformed``, and the fields that its sentence needs.

    Parameters
    ----------
    code
        ``subject.what_is_wrong``, lower case. Each code has a sentence in ``host/message_tables``.
    fields
        JSON values only: names, numbers, paths as text. Never a secret.
    """

    def __init__(self, code: str, **fields: Any) -> None:
        super().__init__(code, fields)
        self.code = code
        self.fields: dict[str, Any] = fields

    def __str__(self) -> str:
        details = ", ".join(f"{key}={value}" for key, value in self.fields.items())
        return f"{self.code} ({details})" if details else self.code

    def to_json(self) -> dict[str, Any]:
        return {"code": self.code, "fields": self.fields}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> InsarError:
        if str(value["code"]) == Cancelled.CODE:
            return Cancelled()
        return cls(str(value["code"]), **dict(value.get("fields") or {}))


def counted_reasons(errors: Iterable[InsarError]) -> list[dict[str, Any]]:
    """Give one entry per code, most frequent first: the first error of that code as JSON, and ``count``.

    It is the field ``reasons`` of an error that sums up others.
    """
    by_code: dict[str, list[InsarError]] = {}
    for error in errors:
        by_code.setdefault(error.code, []).append(error)
    groups = sorted(by_code.values(), key=len, reverse=True)
    return [{**group[0].to_json(), "count": len(group)} for group in groups]


class Cancelled(InsarError):
    """The user cancelled; whatever was written is valid and work can go on from there."""

    CODE = "run.cancelled"

    def __init__(self) -> None:
        super().__init__(self.CODE)

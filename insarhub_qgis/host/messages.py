# SPDX-License-Identifier: GPL-2.0-or-later
"""What people read about an error: one row per code, what happened and what to do.

A new row goes into the file of its subject in ``message_tables``; a new file there into ``_TABLES`` below. The tables hold
literals only, because tests and the collector of texts read them without running them. ``{name}`` stands for the field of
the error; a field that an error does not carry shows as "?". A sentence with ``{count}`` has a row for one in ``SINGULAR``;
``{credits}`` comes with its unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.host.counts import counted_credits, number_text
from insarhub_qgis.host.message_tables import (
    accounts,
    analysis,
    decay,
    engine,
    files,
    hyp3,
    hyp3_jobs,
    job_folders,
    network,
    network_checks,
    products,
    quality,
    results,
    sandbox,
    search,
    services,
)
from insarhub_qgis.host.translation import tr

CONTEXT = "Messages"
#: Entries of a list that a sentence names; the rest is counted.
_LISTED = 8
#: Fields that are compared with the field ``credits``, which has its unit.
_OF_CREDITS = frozenset({"agreed", "cost", "left", "missing", "needed"})

_TABLES = (
    accounts,
    analysis,
    decay,
    engine,
    files,
    hyp3,
    hyp3_jobs,
    job_folders,
    network,
    network_checks,
    products,
    quality,
    results,
    sandbox,
    search,
    services,
)
MESSAGES: dict[str, tuple[str, str]] = {
    code: row for table in _TABLES for code, row in table.MESSAGES.items()
}
#: The row where the field ``count`` is 1 and that of ``MESSAGES`` speaks of several.
SINGULAR: dict[str, tuple[str, str]] = {
    code: row for table in _TABLES for code, row in getattr(table, "SINGULAR", {}).items()
}


class _Fields(dict[str, Any]):
    """Fields of an error as a sentence shows them."""

    def __init__(self, fields: dict[str, Any]) -> None:
        super().__init__({name: self._field_text(name, value) for name, value in fields.items()})

    def __missing__(self, name: str) -> str:
        return "?"

    @classmethod
    def _field_text(cls, name: str, value: Any) -> str:
        if name.endswith("_bytes") and isinstance(value, int):
            return _size_text(value)
        if name == "credits":
            return counted_credits(value)
        if name in _OF_CREDITS and isinstance(value, (int, float)):
            return number_text(value)
        return cls._text(value)

    @classmethod
    def _text(cls, value: Any) -> str:
        if value is None:
            return "?"
        if isinstance(value, Mapping) and "code" in value:
            return _reason_text(value)
        if isinstance(value, (list, tuple)):
            separator = "; " if any(isinstance(entry, (Mapping, list, tuple)) for entry in value) else ", "
            texts = [cls._text(entry) for entry in value[:_LISTED]]
            if len(value) > _LISTED:
                texts.append(tr("{count} more", CONTEXT).format(count=len(value) - _LISTED))
            return separator.join(texts)
        if isinstance(value, float):
            return f"{value + 0.0:.10g}"
        return str(value)


def _reason_text(value: Mapping[str, Any]) -> str:
    """Give one of ``counted_reasons``: what happened to the first of them, and to how many."""
    text = what_happened(InsarError.from_json(value)).rstrip(".")
    count = value.get("count", 1)
    return (
        text
        if count == 1
        else tr("{reason} (and {count} more)", CONTEXT).format(reason=text, count=count - 1)
    )


def _size_text(size_bytes: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= size:
            return f"{size_bytes / size:.1f} {unit}"
    return f"{size_bytes} B"


def _fill(text: str, error: InsarError) -> str:
    return tr(text, CONTEXT).format_map(_Fields(error.fields))


def _row(error: InsarError) -> Optional[tuple[str, str]]:
    row = MESSAGES.get(error.code)
    return SINGULAR.get(error.code, row) if error.fields.get("count") == 1 else row


def what_happened(error: InsarError) -> str:
    """One sentence: what happened, to what."""
    row = _row(error)
    return _fill(row[0], error) if row is not None else str(error)


def what_to_do(error: InsarError) -> str:
    """The next step; empty for a code that has no row."""
    row = _row(error)
    return _fill(row[1], error) if row is not None else ""


def sentence(error: InsarError) -> str:
    """What happened and what to do."""
    return " ".join(part for part in (what_happened(error), what_to_do(error)) if part)

# SPDX-License-Identifier: GPL-2.0-or-later
"""``.insarhub_qgis_umm.json.gz``: the metadata items of a search, kept so that baselines work offline."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from insarhub_qgis.core.atomic_files import (
    folder_lock,
    malformed,
    parse_json,
    set_aside,
    write_bytes_atomically,
)
from insarhub_qgis.core.errors import InsarError

SEARCH_ANSWER_NAME = ".insarhub_qgis_umm.json.gz"
#: Facts of a search for bursts: the set of each stack.
BURST_SETS = "burst_sets"
#: Facts of a job of bursts: first burst of each pass -> names of all.
BURSTS_OF_PASSES = "bursts"


def read_search_answer(folder: Path) -> list[dict[str, Any]] | None:
    """Give the kept items (UMM JSON), or None when none were kept.

    Raises
    ------
    InsarError
        ``file.malformed`` or ``file.not_readable``.
    """
    document = _read_document(folder)
    return None if document is None else list(document["items"])


def read_search_facts(folder: Path) -> dict[str, Any]:
    """Give what was kept beside the items: the request, hits, messages; empty for a file without them.

    Errors as `read_search_answer`.
    """
    return read_items_and_facts(folder)[1]


def read_items_and_facts(folder: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Give the kept items and the facts beside them at once; both empty without a file.

    Errors as `read_search_answer`.
    """
    document = _read_document(folder) or {}
    facts = document.get("facts")
    return list(document.get("items") or ()), dict(facts) if isinstance(facts, Mapping) else {}


def _read_document(folder: Path) -> dict[str, Any] | None:
    path = Path(folder) / SEARCH_ANSWER_NAME
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InsarError("file.not_readable", file=str(path), reason=error.strerror or str(error)) from error
    try:
        text = gzip.decompress(data).decode("utf-8")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise malformed(path, reason="not a whole gzip file") from error
    document = parse_json(path, text)
    items = document.get("items") if isinstance(document, dict) else None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise malformed(path, reason="no list of items")
    return dict(document)


def write_search_answer(
    folder: Path, items: Sequence[dict[str, Any]], facts: Mapping[str, Any] | None = None
) -> Path | None:
    """Keep the items of a search, and facts about it, instead of earlier ones.

    Returns
    -------
    aside
        New name of a malformed file that was set aside; None usually.
    """
    path = Path(folder) / SEARCH_ANSWER_NAME
    try:
        document = {"version": 1, "items": list(items), **({"facts": dict(facts)} if facts else {})}
        text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    except (ValueError, TypeError) as error:
        raise InsarError("file.not_json", file=str(path), reason=str(error)) from error
    aside = None
    with folder_lock(Path(folder), "search-answer"):
        try:
            read_search_answer(folder)
        except InsarError as error:
            if error.code != "file.malformed":
                raise
            aside = set_aside(path)
        # Without a time in it the same answer gives the same file.
        write_bytes_atomically(path, gzip.compress(text.encode("utf-8"), mtime=0))
    return aside

# SPDX-License-Identifier: GPL-2.0-or-later
"""``.insarhub_qgis_pairwise.json``: the perpendicular baseline of every pair of a stack, for limits.

The difference of two values of the stack file deviates from the value of the pair by up to some 26 m.
May be deleted at any time: it is computed again from the kept search answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from insarhub_qgis.core.atomic_files import malformed, read_json_object, write_json_atomically
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.stack_file import is_number

PAIRWISE_NAME = ".insarhub_qgis_pairwise.json"


def write_pairwise_file(
    folder: Path, scenes: Sequence[str], values_m: Mapping[tuple[str, str], float | None]
) -> Path:
    """Save the values of pairs.

    Parameters
    ----------
    scenes
        Names in chronological order.
    values_m
        (earlier, later) -> metres, signed, seen from the earlier scene; None or absent = unknown.
    """
    rows = [
        [values_m.get((earlier, later)) for later in scenes[index + 1 :]]
        for index, earlier in enumerate(scenes)
    ]
    path = Path(folder) / PAIRWISE_NAME
    write_json_atomically(path, {"version": 1, "scenes": list(scenes), "perp_baseline_m": rows}, compact=True)
    return path


def read_pairwise_file(folder: Path) -> dict[tuple[str, str], float | None]:
    """Give (earlier, later) -> metres or None for unknown; empty without a file.

    Raises
    ------
    InsarError
        ``file.malformed`` or ``file.not_readable``.
    """
    path = Path(folder) / PAIRWISE_NAME
    try:
        document = read_json_object(path)
    except InsarError as error:
        if error.code == "file.missing":
            return {}
        raise
    scenes, rows = document.get("scenes"), document.get("perp_baseline_m")
    if not isinstance(scenes, list) or not isinstance(rows, list) or not _is_triangle(scenes, rows):
        raise malformed(path, reason="no table of pairs and scenes")
    return {
        (earlier, later): float(value) if is_number(value) else None
        for index, earlier in enumerate(scenes)
        for later, value in zip(scenes[index + 1 :], rows[index])
    }


def _is_triangle(scenes: list[Any], rows: list[Any]) -> bool:
    """Tell whether each scene has a name, and one row with a value for each scene after it."""
    count = len(scenes)
    return (
        len(rows) == count
        and all(isinstance(name, str) for name in scenes)
        and all(isinstance(row, list) and len(row) == count - index - 1 for index, row in enumerate(rows))
    )

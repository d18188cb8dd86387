# SPDX-License-Identifier: GPL-2.0-or-later
"""Texts that people write into a search: lists of numbers, days, and scene names."""

from __future__ import annotations

import re
from datetime import date, datetime

from insarhub_qgis.core.errors import InsarError

_NUMBER = re.compile(r"^(\d{1,4})(?:-(\d{1,4}))?$")
#: SLC granule names in any text, also in lists of other programs.
_SCENE_NAME = re.compile(r"S1[A-D]_IW_SLC__1S[SD][VH]_\d{8}T\d{6}_\d{8}T\d{6}_\d{6}_[0-9A-F]{6}_[0-9A-F]{4}")


def numbers_of_text(text: str) -> tuple[int, ...]:
    """Read ``13``, ``13, 93`` or ``406-412``.

    Raises
    ------
    InsarError
        ``search.not_numbers`` (text).

    Examples
    --------
    >>> numbers_of_text("13, 406 - 408")
    (13, 406, 407, 408)
    """
    found: list[int] = []
    plain = re.sub(r"\s*[-–]\s*", "-", text.strip())
    for part in re.split(r"[,;\s]+", plain) if plain else ():
        match = _NUMBER.match(part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if last < first:
            raise InsarError("search.not_numbers", text=text.strip()[:60])
        found += range(first, last + 1)
    return tuple(dict.fromkeys(found))


def day_of_text(text: str) -> str:
    """Read a day as ISO text; the time of a date with time is dropped, an empty text stays empty.

    Other orders of day, month and year are refused: 03/04/2020 means two days.

    Raises
    ------
    InsarError
        ``search.not_a_day`` (text).

    Examples
    --------
    >>> day_of_text("2020-03-04T10:00:00")
    '2020-03-04'
    >>> day_of_text("20200304")
    '2020-03-04'
    """
    plain = text.strip()
    if not plain:
        return ""
    try:
        if re.fullmatch(r"\d{8}", plain):
            return date(int(plain[:4]), int(plain[4:6]), int(plain[6:])).isoformat()
        return datetime.fromisoformat(plain.replace("Z", "+00:00")).date().isoformat()
    except ValueError as error:
        raise InsarError("search.not_a_day", text=plain[:40]) from error


def scene_names_of_text(text: str) -> tuple[str, ...]:
    """Give the SLC scene names in a text of any form, each once."""
    return tuple(dict.fromkeys(_SCENE_NAME.findall(text)))

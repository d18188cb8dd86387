# SPDX-License-Identifier: GPL-2.0-or-later
"""Numbers of things as people read them: 1 pair, 2 pairs.

Without a loaded translation Qt has no plural forms, also not for English: both forms stand here, once for each noun.
"""

from __future__ import annotations

from typing import Optional

from qgis.PyQt.QtCore import QLocale

from insarhub_qgis.host.translation import tr

CONTEXT = "Counts"
_UNKNOWN = "–"


def number_text(value: float) -> str:
    """Give a number with the separators of the locale, without needless decimals."""
    number = float(value)
    return QLocale().toString(number, "f", 0 if number.is_integer() else 2)


def counted(number: float, one: str, many: str, **fields: object) -> str:
    """Give ``one`` for 1 and ``many`` for all else, with the number in place of ``{n}``.

    Parameters
    ----------
    fields
        Other fields of the text.
    """
    return (one if number == 1 else many).format(n=number_text(number), **fields)


def counted_scenes(number: int) -> str:
    return counted(number, tr("{n} scene", CONTEXT), tr("{n} scenes", CONTEXT))


def counted_dates(number: int) -> str:
    return counted(number, tr("{n} date", CONTEXT), tr("{n} dates", CONTEXT))


def counted_pairs(number: int) -> str:
    return counted(number, tr("{n} pair", CONTEXT), tr("{n} pairs", CONTEXT))


def counted_parts(number: int) -> str:
    """Parts of a network that no pair connects."""
    return counted(number, tr("{n} part", CONTEXT), tr("{n} parts", CONTEXT))


def counted_bursts(number: int) -> str:
    return counted(number, tr("{n} burst", CONTEXT), tr("{n} bursts", CONTEXT))


def counted_jobs(number: int) -> str:
    """Jobs at HyP3."""
    return counted(number, tr("{n} job", CONTEXT), tr("{n} jobs", CONTEXT))


def counted_products(number: int) -> str:
    return counted(number, tr("{n} product", CONTEXT), tr("{n} products", CONTEXT))


def counted_pixels(number: int) -> str:
    return counted(number, tr("{n} pixel", CONTEXT), tr("{n} pixels", CONTEXT))


def counted_credits(number: Optional[float]) -> str:
    """Credits, whole or not; a dash in place of the number when it is not known."""
    many = tr("{n} credits", CONTEXT)
    if number is None:
        return many.format(n=_UNKNOWN)
    return counted(number, tr("{n} credit", CONTEXT), many)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Text for XML that is written line by line; nothing here reads XML."""

from __future__ import annotations


def escape(text: str) -> str:
    """Give ``text`` with the signs replaced that end or begin a tag or an entity.

    >>> escape("a < b & c")
    'a &lt; b &amp; c'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

# SPDX-License-Identifier: GPL-2.0-or-later
"""The frame of every report: one page without anything to load, on white, with the colours of its levels."""

from __future__ import annotations

from html import escape

#: Colours of words in cells, readable on white.
BAD, CAREFUL, NEUTRAL, GOOD = "#b3261e", "#8a5a00", "#30588c", "#2c6e3f"


def report_page(title: str, summary: str, style: str, body: str) -> str:
    """Give a page: ``style`` is CSS beside that of all reports, ``body`` the HTML below the summary."""
    return (
        '<!DOCTYPE html>\n<html><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title>"
        f"<style>body{{font-family:sans-serif;margin:2em;background:#fff;color:#202020}}{style}</style></head>"
        f"<body><h1>{escape(title)}</h1><p>{escape(summary)}</p>\n{body}</body></html>\n"
    )


def word_cell(text: str, colour: str) -> str:
    """Give a cell with a coloured word."""
    return f'<td style="color:{colour};font-weight:bold">{escape(text)}</td>'

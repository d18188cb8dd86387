# SPDX-License-Identifier: GPL-2.0-or-later
"""What HyP3 and the checks before it say of each pair, as a page without anything to load."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Optional

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.hyp3_guard import (
    DONE,
    DOWNLOADED,
    EXPIRED,
    FAILED,
    IN_FLIGHT,
    OTHER,
    REFUSED,
)
from insarhub_qgis.core.scenes import scene_date
from insarhub_qgis.host.account_texts import credits_text
from insarhub_qgis.host.counts import counted, counted_credits, counted_jobs
from insarhub_qgis.processing.base import tr
from insarhub_qgis.processing.hyp3_algorithm import reason_text
from insarhub_qgis.processing.report_page import BAD, GOOD, NEUTRAL, report_page, word_cell

ACCEPTED, VALID, REJECTED = "accepted", "valid", "rejected"
_BAD = (REJECTED, REFUSED)
_GOOD = (ACCEPTED, VALID)


@dataclass(frozen=True)
class Verdict:
    """One pair: ``state`` of the service (accepted, valid, rejected) or of `core.hyp3_guard`."""

    pair: tuple[str, str]
    state: str
    reason: Optional[Mapping[str, Any]]

    @property
    def title(self) -> str:
        """Its two days; a name without one as it is."""
        return " / ".join(map(_day_or_name, self.pair))


def verdicts(answer: Mapping[str, Any], items: Iterable[Mapping[str, Any]]) -> list[Verdict]:
    """Put a row per pair together, from the items and the result of `core.requests.SubmitHyp3`; bad ones first."""
    rows: dict[tuple[str, str], Verdict] = {}
    for entry in (*items, *answer["skipped"], *({"state": REJECTED, **row} for row in answer["rejected"])):
        pair = (str(entry["pair"][0]), str(entry["pair"][1]))
        rows[pair] = Verdict(pair, str(entry["state"]), entry.get("reason"))
    return sorted(rows.values(), key=lambda row: (row.state not in _BAD, row.state in _GOOD, row.pair))


def done_text(answer: Mapping[str, Any]) -> str:
    """Say what a dry run found valid, or what a submission sent, and the price."""
    credits = counted_credits(answer["credits"])
    if answer["dry_run"]:
        return counted(
            answer["submitted"],
            tr("{n} pair is valid and would cost {credits}."),
            tr("{n} pairs are valid and would cost {credits}."),
            credits=credits,
        )
    return tr("{jobs} submitted for {credits}.").format(
        jobs=counted_jobs(answer["submitted"]), credits=credits
    )


def not_sent_text(answer: Mapping[str, Any]) -> str:
    return counted(answer["not_sent"], tr("{n} pair was not sent."), tr("{n} pairs were not sent."))


def verdict_page(name: str, answer: Mapping[str, Any], rows: Iterable[Verdict]) -> str:
    """Give the page of a dry run or a submission."""
    title = (tr("Dry run of {name}") if answer["dry_run"] else tr("Submission of {name}")).format(name=name)
    summary = [
        tr("Account {account}.").format(account=answer["account"]),
        done_text(answer),
        credits_text(answer),
    ]
    if answer["stopped_by"] is not None:
        summary.append(reason_text(answer["stopped_by"]))
        summary.append(not_sent_text(answer))
    summary += [reason_text(message) for message in answer.get("messages") or ()]
    words = _words()
    lines = []
    for row in rows:
        colour = BAD if row.state in _BAD else GOOD if row.state in _GOOD else NEUTRAL
        lines.append(
            f"<tr><td>{escape(row.title)}</td>"
            f"{word_cell(words.get(row.state, row.state), colour)}"
            f"<td>{escape(reason_text(row.reason))}</td>"
            f"<td class=names>{escape(row.pair[0])}<br>{escape(row.pair[1])}</td></tr>"
        )
    head = "".join(
        f"<th>{escape(text)}</th>" for text in (tr("Pair"), tr("Verdict"), tr("Reason"), tr("Scenes"))
    )
    style = (
        "td,th{padding:4px 12px 4px 0;vertical-align:top;text-align:left;border-bottom:1px solid #ddd}"
        ".names{font-size:80%;color:#555}"
    )
    table = "\n".join(lines)
    return report_page(title, " ".join(summary), style, f"<table><tr>{head}</tr>\n{table}\n</table>")


def _day_or_name(name: str) -> str:
    try:
        return scene_date(name).isoformat()
    except InsarError:
        return name


def _words() -> dict[str, str]:
    return {
        ACCEPTED: tr("submitted"),
        VALID: tr("valid"),
        REJECTED: tr("rejected by HyP3"),
        REFUSED: tr("refused before it is sent"),
        IN_FLIGHT: tr("ordered already"),
        DONE: tr("finished already"),
        DOWNLOADED: tr("downloaded already"),
        EXPIRED: tr("finished, but expired"),
        FAILED: tr("failed before"),
        OTHER: tr("there with other parameters"),
    }

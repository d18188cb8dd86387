# SPDX-License-Identifier: GPL-2.0-or-later
"""What is to be looked at before an order is sent: the lines of its Check tab."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.hyp3_options import MULTI_BURST
from insarhub_qgis.core.network_checks import CREDIT_SHARE, NOTE, OK, REUSE, STOP, WARNING, CheckRow
from insarhub_qgis.gui.hyp3_jobs_table import credits_text
from insarhub_qgis.gui.network_check_card import CheckLine
from insarhub_qgis.gui.process_order import ProcessOrder, tr, unavailable_types
from insarhub_qgis.gui.stacks_table import bursts_text
from insarhub_qgis.host import messages
from insarhub_qgis.host.counts import counted_credits


@dataclass(frozen=True)
class CheckActions:
    """What the buttons of the lines do."""

    edit_network: Callable[[], None]
    show_reused: Callable[[], None]
    show_prices: Callable[[], None]


def check_lines(
    order: ProcessOrder, rows: Sequence[CheckRow], actions: CheckActions, *, has_unsaved_edits: bool
) -> list[CheckLine]:
    """Give the lines of an order; ``rows`` are the checks of the network that its pairs make."""
    lines = [_line(row, actions) for row in (*rows, *_credit_rows(order))]
    plan = order.plan or {}
    status = str(plan.get("application_status") or "APPROVED")
    if status != "APPROVED":
        text = tr("HyP3 has not approved this account yet: {status}. Ask for access on its page.")
        lines.append(CheckLine(STOP, text.format(status=status)))
    for message in plan.get("messages") or ():
        lines.append(CheckLine(NOTE, messages.sentence(InsarError.from_json(message))))
    lines += _burst_lines(order, actions)
    if has_unsaved_edits:
        text = tr("The network has unsaved edits: the pairs here are those of the last save.")
        lines.append(CheckLine(WARNING, text, tr("Edit Network"), actions.edit_network))
    if order.facts is not None:
        lines += [CheckLine(NOTE, messages.sentence(note)) for note in order.facts.notes]
    return lines


def _line(row: CheckRow, actions: CheckActions) -> CheckLine:
    error = row.as_error()
    text = messages.what_happened(error) if row.level == OK else messages.sentence(error)
    if row.fix == REUSE:
        return CheckLine(NOTE, text, tr("Show"), actions.show_reused)
    if row.fix or row.dates or row.pairs:
        return CheckLine(row.level, text, tr("Edit Network"), actions.edit_network)
    return CheckLine(row.level, text)


def _credit_rows(order: ProcessOrder) -> list[CheckRow]:
    total, left = order.credits, order.credits_left
    if order.plan is None or total is None:
        return []
    if left is None:
        return [CheckRow("credits", NOTE, "check.price", {"credits": total})]
    fields = {"credits": total, "left": left}
    if total > left:
        return [CheckRow("credits", STOP, "check.too_dear", {**fields, "missing": total - left})]
    is_dear = total > CREDIT_SHARE * left
    level, code = (WARNING, "check.dear") if is_dear else (OK, "check.affordable")
    return [CheckRow("credits", level, code, fields)]


def _burst_lines(order: ProcessOrder, actions: CheckActions) -> list[CheckLine]:
    """Bursts of the stack, or that bursts of the same area would be cheaper."""
    facts = order.facts
    if facts is None:
        return []
    if facts.is_burst:
        reason = unavailable_types(facts).get(MULTI_BURST)
        if reason is not None:
            text = tr("{job_type}: {reason}")
            return [CheckLine(STOP, text.format(job_type=MULTI_BURST, reason=reason))]
        if len(facts.burst_ids) > 1:
            text = tr("Each pair merges bursts {bursts}.").format(bursts=bursts_text(facts.burst_ids))
            return [CheckLine(OK, text)]
    each, bursts = order.credits_each, order.price_of_bursts()
    if bursts is None or each is None or bursts >= each:
        return []
    text = tr(
        "Bursts of the same area would cost about {credits} instead of {now} per pair ({count}, estimated from "
        "the footprint of a scene). Search the area again with the product Bursts to order them."
    ).format(credits=credits_text(bursts), now=counted_credits(each), count=order.burst_count_text())
    return [CheckLine(NOTE, text, tr("Prices"), actions.show_prices)]

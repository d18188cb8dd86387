# SPDX-License-Identifier: GPL-2.0-or-later
"""What is known of an order at one moment: the files of the job, the plan of HyP3, and what is ticked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qgis.PyQt.QtCore import QCoreApplication

from insarhub_qgis.core.burst_estimate import burst_prices
from insarhub_qgis.core.hyp3_guard import NEW
from insarhub_qgis.core.hyp3_options import INSAR_GAMMA, MOST_BURSTS, MULTI_BURST, SINGLE_BURST
from insarhub_qgis.core.network_budget import PairPrices, pair_stamp
from insarhub_qgis.core.scenes import Pair
from insarhub_qgis.gui.cost_line import sum_of
from insarhub_qgis.gui.plan_table import PlannedPair
from insarhub_qgis.gui.process_facts import ProcessFacts


def tr(text: str) -> str:
    """Translate a text about an order."""
    return QCoreApplication.translate("Process", text)


@dataclass(frozen=True)
class ProcessOrder:
    """An order as it stands.

    Attributes
    ----------
    facts
        What the files of the job say; None before they are read.
    plan
        The answer to `PlanHyp3`; None before it and while options are changed.
    rows, ticked
        The pairs of the job, and those of them that would be sent.
    looks
        The chosen ones.
    """

    facts: ProcessFacts | None
    plan: Mapping[str, Any] | None
    rows: tuple[PlannedPair, ...]
    ticked: tuple[PlannedPair, ...]
    looks: str

    @property
    def credits(self) -> float | None:
        """What the ticked pairs cost; None where a price is not known."""
        return sum_of(self.ticked)

    @property
    def credits_each(self) -> float | None:
        return self.plan.get("credits_each") if self.plan is not None else None

    @property
    def credits_left(self) -> float | None:
        """None without a limit, and before the plan."""
        return self.plan.get("credits_left") if self.plan is not None else None

    def network_pairs(self) -> tuple[set[tuple[str, str]], PairPrices | None]:
        """Give the pairs that will be there, those re-used too, and their prices; before the plan all pairs."""
        if self.plan is None:
            return {row.pair for row in self.rows}, None
        ticked = {row.pair for row in self.ticked}
        kept = ticked | {row.pair for row in self.rows if row.is_reused}
        if self.credits_each is None:
            return kept, None
        paid = frozenset(pair_stamp(Pair(*pair)) for pair in kept - ticked)
        return kept, PairPrices(float(self.credits_each), paid)

    def burst_estimates(self) -> list[dict[str, Any]]:
        """Give what bursts of the area of whole scenes would cost, in rows of the price table."""
        if self.facts is None or self.plan is None or not self.facts.estimated_bursts:
            return []
        new = sum(row.state == NEW for row in self.rows)
        return burst_prices(self.plan.get("costs") or {}, self.facts.estimated_bursts, new)

    def price_of_bursts(self) -> float | None:
        """Give the credits per pair of bursts with the chosen looks; None when they cannot be estimated."""
        return next(
            (row["credits_each"] for row in self.burst_estimates() if row["looks"] == self.looks), None
        )

    def burst_count_text(self) -> str:
        count = (self.facts.estimated_bursts if self.facts is not None else None) or 0
        return tr("one burst") if count == 1 else tr("about {count} bursts").format(count=count)


def proposed_type(facts: ProcessFacts) -> str:
    """Give the job type that fits the scenes of a job."""
    return MULTI_BURST if facts.is_burst else INSAR_GAMMA


def unavailable_types(facts: ProcessFacts) -> dict[str, str]:
    """Say which job types the stack does not fit, and why."""
    if not facts.is_burst:
        burst = tr("Needs a stack of bursts; this one holds whole scenes.")
        return {MULTI_BURST: burst, SINGLE_BURST: burst}
    reasons = {INSAR_GAMMA: tr("Needs whole scenes; this stack holds bursts.")}
    count = len(facts.burst_ids)
    if count > 1:
        reasons[SINGLE_BURST] = tr("Takes one burst; each date of this stack has {count}.").format(
            count=count
        )
    if count > MOST_BURSTS:
        reasons[MULTI_BURST] = tr(
            "Takes {limit} bursts at most; each date of this stack has {count}. Search a smaller area, or whole scenes."
        ).format(limit=MOST_BURSTS, count=count)
    return reasons

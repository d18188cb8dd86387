# SPDX-License-Identifier: GPL-2.0-or-later
"""Words of the network editor: classes, states, reasons, steps of the history, warnings and tips."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Optional

from qgis.PyQt.QtCore import QCoreApplication, QLocale

from insarhub_qgis.core import network_dates, network_model, selection_parameters
from insarhub_qgis.core.network_diagnostics import NetworkDiagnostics
from insarhub_qgis.core.network_graph import PairKey
from insarhub_qgis.core.network_model import NetworkPair, StackNetwork, Step, Warned
from insarhub_qgis.core.pair_explanation import Explanation
from insarhub_qgis.core.pair_selection import Selection
from insarhub_qgis.core.stack_file import YELLOW
from insarhub_qgis.gui.quality_texts import pair_tip_lines
from insarhub_qgis.host.counts import counted_credits, counted_dates, counted_pairs
from insarhub_qgis.layers.network_picture import GOOD, MODERATE, NOT_JUDGED, POOR, class_of

CONTEXT = "NetworkEditor"
UNKNOWN = "–"


def tr(text: str) -> str:
    return QCoreApplication.translate(CONTEXT, text)


def class_text(pair_class: int) -> str:
    """Give the word of a class."""
    return {
        GOOD: tr("good"),
        MODERATE: tr("moderate"),
        POOR: tr("poor"),
        NOT_JUDGED: tr("not judged"),
    }[pair_class]


def class_legend(pair_class: int) -> str:
    """Give the legend text of a class, with its range."""
    return {
        GOOD: tr("good, score ≥ 60"),
        MODERATE: tr("moderate, 30–59"),
        POOR: tr("poor, < 30"),
        NOT_JUDGED: tr("not judged"),
    }[pair_class]


def limit_text(limit: str) -> str:
    return {
        selection_parameters.DT_MAX: tr("longer than the temporal limit"),
        selection_parameters.PB_MAX: tr("beyond the baseline limit"),
        selection_parameters.MONTHS: tr("outside the months"),
    }.get(limit, limit)


def reason_text(reason: Optional[str]) -> str:
    """Say why a date is excluded."""
    if reason is None:
        return ""
    return {
        network_dates.BY_USER: tr("by you"),
        network_dates.COVERAGE: tr("does not cover the area"),
        network_dates.MISSING_DATA: tr("data are missing"),
        network_dates.MONTH_FILTER: tr("outside the months"),
        network_dates.UNKNOWN_BASELINE: tr("baseline unknown"),
    }.get(reason, reason)


def state_text(network: StackNetwork, pair: NetworkPair) -> str:
    """Give the state of a pair in a word or two."""
    if pair.is_active:
        return tr("active")
    if pair.mark.is_active:
        return tr("date excluded")
    return tr("removed")


def pair_reason(network: StackNetwork, pair: NetworkPair) -> str:
    """Say what is special about a pair: added by hand, limits that it breaks, dates that are excluded."""
    parts = [tr("added by hand")] if pair.mark.is_manual else []
    parts += [limit_text(limit) for limit in pair.mark.relaxed]
    for index in pair.key:
        node = network.nodes[index]
        if node.is_excluded:
            parts.append(
                tr("{date} excluded: {reason}").format(
                    date=node.date.isoformat(), reason=reason_text(node.excluded_reason)
                )
            )
    return "; ".join(parts)


def metres_text(value: float | None) -> str:
    """Give signed metres, or the sign of the unknown."""
    return UNKNOWN if value is None else f"{value:+.0f}"


def score_text(score: float | None) -> str:
    return UNKNOWN if score is None else f"{score:.0f}"


def day_text(day: date) -> str:
    """Write a date as prose: 6 Jan 2018, in the words of the user's language."""
    return QLocale().toString(day, "d MMM yyyy")


def pair_id_text(pair_id: str) -> str:
    """Write ``YYYYMMDD_YYYYMMDD`` as two dates."""
    first, _, second = pair_id.partition("_")

    def iso(text: str) -> str:
        return f"{text[:4]}-{text[4:6]}-{text[6:]}"

    return f"{iso(first)} → {iso(second)}" if second else pair_id


def step_text(step: Step) -> str:
    """Name a step of the history."""
    one = pair_id_text(step.first)
    single = {
        network_model.TOGGLE: tr("Toggle {what}"),
        network_model.ADD: tr("Add {what}"),
        network_model.REMOVE: tr("Remove {what}"),
        network_model.RESTORE: tr("Restore {what}"),
        network_model.EXCLUDE_DATES: tr("Exclude {what}"),
        network_model.INCLUDE_DATES: tr("Include {what}"),
    }
    if step.command not in single:
        return tr("Select pairs, {pairs} changed").format(pairs=step.pairs)
    is_dates = step.command in (network_model.EXCLUDE_DATES, network_model.INCLUDE_DATES)
    count = step.dates if is_dates else step.pairs
    if count == 1:
        return single[step.command].format(what=one)
    what = counted_dates(count) if is_dates else counted_pairs(count)
    return single[step.command].format(what=what)


def warning_text(network: StackNetwork, warned: Warned) -> str:
    """Say what an edit made worse."""
    if warned.kind == network_model.SPLIT:
        days = _dates(network, warned.dates)
        return tr("The network is split: nothing connects {dates} to the rest.").format(dates=days)
    if warned.kind == network_model.STRANDED:
        return tr("Without any pair now: {dates}.").format(dates=_dates(network, warned.dates))
    pairs = [pair_id_text(network.pair(key).pair_id) for key in warned.pairs]
    shown = ", ".join(pairs[:2]) + (tr(" and {n} more").format(n=len(pairs) - 2) if len(pairs) > 2 else "")
    return tr("Held together by a single pair: {pairs}.").format(pairs=shown)


def _dates(network: StackNetwork, indices: tuple[int, ...]) -> str:
    days = [network.nodes[index].date.isoformat() for index in indices]
    if len(days) <= 3:
        return ", ".join(days)
    return tr("{dates}, {first} to {last}").format(
        dates=counted_dates(len(days)), first=days[0], last=days[-1]
    )


def date_tip(network: StackNetwork, index: int) -> list[str]:
    """Give the lines of the tip of a date."""
    node = network.nodes[index]
    keys = [key for key in network.marks if index in key]
    active = sum(network.is_active(key) for key in keys)
    lines = [day_text(node.date), *(node.scenes if len(node.scenes) < 4 else (*node.scenes[:3], "…"))]
    lines.append(
        tr("Perpendicular baseline {metres} m").format(metres=metres_text(node.bperp_m))
        if node.bperp_m is not None
        else tr("Perpendicular baseline unknown")
    )
    lines.append(tr("{active} of {pairs} active").format(active=active, pairs=counted_pairs(len(keys))))
    if node.is_excluded:
        lines.append(tr("Excluded: {reason}").format(reason=reason_text(node.excluded_reason)))
    return lines


def pair_tip(
    network: StackNetwork,
    key: PairKey,
    credits: float | None = None,
    explanation: Explanation | None = None,
    expected: Collection[str] = (),
) -> list[str]:
    """Give the lines of the tip of a pair; what is not known is named, never counted as good.

    Parameters
    ----------
    explanation
        Of its score; None when the pairs were not judged here.
    expected
        Inputs that the build should have found.
    """
    pair = network.pair(key)
    lines = [f"{day_text(pair.reference_date)} → {day_text(pair.secondary_date)}"]
    lines.append(figures_text(pair))
    score = tr("Score {score}, {name}") if pair.score is not None else tr("Score: {name}")
    lines.append(score.format(score=score_text(pair.score), name=class_text(class_of(pair.score))))
    if explanation is not None:
        lines += pair_tip_lines(explanation, expected)
    else:
        missing = []
        if pair.coherence is not None:
            lines.append(tr("Expected coherence {value}").format(value=f"{pair.coherence:.2f}"))
        else:
            missing.append(tr("expected coherence"))
        if pair.bperp_m is None:
            missing.append(tr("perpendicular baseline"))
        if missing:
            lines.append(tr("Not known: {inputs}").format(inputs=", ".join(missing)))
    if credits is not None:
        lines.append(counted_credits(credits))
    state = state_text(network, pair)
    reason = pair_reason(network, pair)
    lines.append(tr("State: {state}").format(state=f"{state} ({reason})" if reason else state))
    return lines


def figures_text(pair: NetworkPair) -> str:
    """Give days and metres of a pair."""
    metres = (
        tr("{m} m").format(m=metres_text(pair.bperp_m))
        if pair.bperp_m is not None
        else tr("baseline unknown")
    )
    return tr("{days} d, {metres}").format(days=pair.dt_days, metres=metres)


def preview_tip(network: StackNetwork, start: int, target: int | None, day: date, metres: float) -> list[str]:
    """Give the lines beside a pair that is being drawn."""
    node = network.nodes[start]
    if target is None:
        offset = metres - node.bperp_m if node.bperp_m is not None else None
        return [
            tr("{days} d, {metres} m").format(days=abs((day - node.date).days), metres=metres_text(offset)),
            tr("Drop on a date; Esc aborts"),
        ]
    pair = network.pair((min(start, target), max(start, target)))
    lines = [f"{pair.reference_date.isoformat()} → {pair.secondary_date.isoformat()}", figures_text(pair)]
    lines.append(
        tr("Score {score}, {name}").format(
            score=score_text(pair.score), name=class_text(class_of(pair.score))
        )
        if pair.score is not None
        else tr("Score unknown")
    )
    broken = network.limits_broken(pair.key)
    lines += [limit_text(limit) for limit in broken]
    return lines


def selection_lines(network: StackNetwork, selection: Selection) -> list[str]:
    """Say what a selection would make of a network: how many pairs, how they hold together, how good, what they cost."""
    before, after = set(network.active_keys()), set(selection.pairs)
    lines = [
        tr("{pairs}: {new} new, {gone} go").format(
            pairs=counted_pairs(len(after)), new=len(after - before), gone=len(before - after)
        )
    ]
    found = selection.diagnostics
    if found is not None:
        lines += _diagnostic_lines(network, selection, found)
    if selection.credits is not None:
        lines.append(counted_credits(selection.credits))
    return lines


def _diagnostic_lines(network: StackNetwork, selection: Selection, found: NetworkDiagnostics) -> list[str]:
    lines = []
    used = [degree for degree in found.degrees if degree]
    if used:
        lines.append(
            tr("{low} to {high} pairs per date, parts: {n}").format(
                low=min(used), high=max(used), n=len(found.components)
            )
        )
    for text, number in (
        (tr("Bridges: {n}"), len(found.bridges)),
        (tr("Pairs that break a limit: {n}"), len(selection.relaxed)),
        (tr("Dates without pairs: {n}"), len(found.unpaired)),
    ):
        if number:
            lines.append(text.format(n=number))
    if found.mean_score is not None and found.min_score is not None:
        lines.append(
            tr("Scores: mean {mean}, lowest {lowest}, poor: {poor}").format(
                mean=f"{found.mean_score:.0f}",
                lowest=f"{found.min_score:.0f}",
                poor=sum(network.scores.get(key, YELLOW) < YELLOW for key in selection.pairs),
            )
        )
    if found.has_scores and found.unscored:
        lines.append(tr("Pairs without a score: {n}").format(n=len(found.unscored)))
    if not found.has_scores:
        lines.append(tr("No pair is judged yet: time and baseline decide."))
    if found.ineffective_targets:
        targets = ", ".join(f"{target:g}" for target in found.ineffective_targets)
        lines.append(tr("Targets without effect: {targets} d").format(targets=targets))
    if found.short_pairs_only:
        lines.append(tr("Short pairs only: the strongest phase bias."))
    return lines

# SPDX-License-Identifier: GPL-2.0-or-later
"""The pair network of one stack as it is edited: dates, pairs and their states, commands with undo, live structure.

`StackNetwork` holds no Qt and draws nothing. Each command changes the network in one undo step and gives a
`Change`; telling widgets about it is the caller's business. Pairs are keyed by the numbers of their dates,
``(earlier, later)``, which never change during the life of a network.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, NamedTuple, Optional

import numpy as np

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.network_dates import (
    AUTOMATIC_REASONS,
    BY_USER,
    Node,
    granule_pairs,
)
from insarhub_qgis.core.network_graph import GraphStructure, PairKey, pairs_without_loop, structure_of
from insarhub_qgis.core.pair_baselines import PairBaselines
from insarhub_qgis.core.scene_facts import SceneFacts
from insarhub_qgis.core.scenes import Pair
from insarhub_qgis.core.selection_parameters import SelectionParameters

#: Commands, as `Step.command` names them. Their sentences belong to the editor.
TOGGLE, ADD, REMOVE, RESTORE = "toggle_pair", "add_pair", "remove_pairs", "restore_pairs"
EXCLUDE_DATES, INCLUDE_DATES, APPLY = "exclude_dates", "include_dates", "apply_selection"

#: What an edit can make worse, as `Change.warnings` names it.
SPLIT, NEW_BRIDGE, STRANDED = "split", "new_bridge", "stranded"

#: Steps kept for undo; the oldest go first.
HISTORY_LENGTH = 1000


@dataclass(frozen=True)
class PairMark:
    """State of a pair in the network.

    Attributes
    ----------
    is_active
        False: removed by hand, still shown.
    is_manual
        Added by hand.
    relaxed
        Limits that the pair breaks (``dt_max``, ``pb_max``, ``months``).
    origin
        Step of the selection that chose the pair, ``backbone`` ...; empty for a pair of the file or added by hand.
    """

    is_active: bool = True
    is_manual: bool = False
    relaxed: tuple[str, ...] = ()
    origin: str = ""


_NOT_THERE = PairMark(is_active=False)


class NetworkPair(NamedTuple):
    """Everything known about one pair of dates.

    Attributes
    ----------
    is_active
        In the network: its mark is active and neither date is excluded.
    bperp_m
        Signed metres; None = unknown.
    score
        0..100; None = not judged. Of several granule pairs the worst known one.
    coherence
        Expected coherence 0..1; None = unknown.
    """

    key: PairKey
    reference_date: date
    secondary_date: date
    dt_days: int
    bperp_m: float | None
    score: float | None
    coherence: float | None
    mark: PairMark
    is_active: bool

    @property
    def pair_id(self) -> str:
        """``YYYYMMDD_YYYYMMDD``."""
        return f"{self.reference_date:%Y%m%d}_{self.secondary_date:%Y%m%d}"


@dataclass(frozen=True)
class NetworkStructure:
    """Live figures of a network, over the dates that are not excluded.

    Attributes
    ----------
    components
        Date numbers of each component, single dates included.
    unpaired
        Dates without any active pair.
    degrees
        Active pairs of each date, excluded dates have 0; shape (n_dates,).
    """

    components: tuple[tuple[int, ...], ...]
    bridges: tuple[PairKey, ...]
    articulation: tuple[int, ...]
    unpaired: tuple[int, ...]
    degrees: tuple[int, ...]

    @property
    def paired_components(self) -> tuple[tuple[int, ...], ...]:
        """Components of more than one date."""
        return tuple(component for component in self.components if len(component) > 1)

    @property
    def is_connected(self) -> bool:
        return len(self.components) <= 1


@dataclass(frozen=True)
class Warned:
    """One thing that an edit made worse, and where it is."""

    kind: str
    dates: tuple[int, ...] = ()
    pairs: tuple[PairKey, ...] = ()


@dataclass(frozen=True)
class Step:
    """One entry of the history: what was done, in words of the model.

    Attributes
    ----------
    command
        One of the commands of this module.
    pairs, dates
        How many of each it changed.
    first
        ``YYYYMMDD_YYYYMMDD`` of the first pair, or ``YYYY-MM-DD`` of the first date; empty without one.
    """

    command: str
    pairs: int = 0
    dates: int = 0
    first: str = ""


@dataclass(frozen=True)
class Change:
    """What a command, an undo or a redo changed.

    Attributes
    ----------
    step
        None when nothing changed; then nothing was put on the history either.
    pairs
        Pairs whose state changed, came or went; ascending.
    dates
        Dates that were excluded or included; ascending.
    warnings
        What became worse against the state before.
    """

    step: Step | None = None
    pairs: tuple[PairKey, ...] = ()
    dates: tuple[int, ...] = ()
    parameters_changed: bool = False
    warnings: tuple[Warned, ...] = ()

    def __bool__(self) -> bool:
        return self.step is not None


@dataclass(frozen=True)
class _Edit:
    """An undo step as differences: (before, after) of each pair, date and the parameters."""

    serial: int
    step: Step
    marks: Mapping[PairKey, tuple[Optional[PairMark], Optional[PairMark]]]
    reasons: Mapping[int, tuple[Optional[str], Optional[str]]]
    parameters: tuple[SelectionParameters, SelectionParameters] | None = None


@dataclass
class StackNetwork:
    """The network of one stack.

    Parameters
    ----------
    nodes
        Dates in order, see `network_dates.nodes_of_scenes`.
    marks
        Pairs that are in the network or were removed from it by hand.
    baselines, scores, coherences
        Scores 0..100 and coherences 0..1 by pair; absent = unknown. They may hold pairs outside the network.
    granules
        Granule pairs of a pair of dates as the stack file has them; other pairs are expanded frame by frame.
    facts
        Scene -> facts of the kept search answer; may be empty.
    parameters
        Of the last selection, or the defaults.
    """

    nodes: tuple[Node, ...]
    marks: dict[PairKey, PairMark] = field(default_factory=dict)
    baselines: PairBaselines = field(default_factory=PairBaselines)
    scores: Mapping[PairKey, float] = field(default_factory=dict)
    coherences: Mapping[PairKey, float] = field(default_factory=dict)
    granules: Mapping[PairKey, tuple[Pair, ...]] = field(default_factory=dict)
    facts: Mapping[str, SceneFacts] = field(default_factory=dict)
    parameters: SelectionParameters = field(default_factory=SelectionParameters)

    def __post_init__(self) -> None:
        dates = [node.date for node in self.nodes]
        if any(one >= other for one, other in zip(dates, dates[1:])):
            raise ValueError("nodes are not in order of distinct dates")
        self._undo: list[_Edit] = []
        self._redo: list[_Edit] = []
        self._serial = 0
        self._saved_serial = 0
        self._structure: NetworkStructure | None = None

    # --- What is there ---

    @property
    def date_count(self) -> int:
        return len(self.nodes)

    def pair_keys(self) -> list[PairKey]:
        """Give all pairs of the network, removed ones too, ascending."""
        return sorted(self.marks)

    def is_active(self, key: PairKey) -> bool:
        mark = self.marks.get(key)
        return mark is not None and mark.is_active and not self._touches_excluded(key)

    def active_keys(self) -> list[PairKey]:
        """Give the pairs that a processor would get, ascending."""
        return [key for key in self.pair_keys() if self.is_active(key)]

    def manual_keys(self) -> list[PairKey]:
        """Give the active pairs that were added by hand, to keep in a new selection."""
        return [key for key in self.active_keys() if self.marks[key].is_manual]

    def removed_keys(self) -> list[PairKey]:
        """Give the pairs that were removed by hand, to leave out of a new selection."""
        return [key for key in self.pair_keys() if not self.marks[key].is_active]

    def pair(self, key: PairKey) -> NetworkPair:
        """Give what is known about a pair of dates, whether it is in the network or not."""
        key = self.checked(key)
        scenes = self.nodes[key[0]].scenes, self.nodes[key[1]].scenes
        return self._pair(key, self.baselines.of_dates(*scenes))

    def pairs(self) -> list[NetworkPair]:
        """Give all pairs of the network, removed ones too, in order of their dates."""
        keys = self.pair_keys()
        ends = np.array(keys, dtype=np.intp).reshape(-1, 2)
        # Asked one by one, the baselines of thousands of pairs take longer than all the rest.
        metres = self.baselines.of_many([node.scenes for node in self.nodes], ends[:, 0], ends[:, 1])
        return [
            self._pair(key, None if math.isnan(value) else value) for key, value in zip(keys, metres.tolist())
        ]

    def _pair(self, key: PairKey, bperp_m: float | None) -> NetworkPair:
        first, second = self.nodes[key[0]], self.nodes[key[1]]
        mark = self.marks.get(key, _NOT_THERE)
        return NetworkPair(
            key,
            first.date,
            second.date,
            (second.date - first.date).days,
            bperp_m,
            self.scores.get(key),
            self.coherences.get(key),
            mark,
            mark.is_active and not (first.is_excluded or second.is_excluded),
        )

    def granule_pairs(self, key: PairKey) -> tuple[Pair, ...]:
        """Give the granule pairs that a pair of dates stands for."""
        found = self.granules.get(key)
        return found if found else granule_pairs(self.nodes[key[0]], self.nodes[key[1]], self.facts)

    def node_of_date(self, day: date) -> int | None:
        """Give the number of a date, or None."""
        return next((index for index, node in enumerate(self.nodes) if node.date == day), None)

    def checked(self, key: PairKey) -> PairKey:
        """Give a key with the earlier date first.

        Raises
        ------
        InsarError
            ``network.no_pair``: a date with itself, or a date that is not there.
        """
        one, other = min(key), max(key)
        if one == other or one < 0 or other >= len(self.nodes):
            raise InsarError("network.no_pair", first=one, second=other)
        return (one, other)

    @property
    def structure(self) -> NetworkStructure:
        """Components, bridges and degrees of the present state; computed once per change, linear time."""
        if self._structure is None:
            self._structure = self._structure_of(self.active_keys())
        return self._structure

    def keys_without_loop(self) -> list[PairKey]:
        """Give the active pairs that stand in no triangle."""
        return pairs_without_loop(len(self.nodes), self.active_keys())

    # --- Commands ---

    def toggle_pair(self, key: PairKey) -> Change:
        """Remove an active pair, or restore a removed one; a pair that is not in the network is left alone."""
        key = self.checked(key)
        mark = self.marks.get(key)
        if mark is None:
            return Change()
        return self._commit(TOGGLE, {key: replace(mark, is_active=not mark.is_active)})

    def add_pair(self, key: PairKey) -> Change:
        """Put a pair of dates into the network by hand; a removed one is restored and keeps its origin.

        Pairs outside the limits are allowed and marked with what they break.

        Raises
        ------
        InsarError
            ``network.no_pair``; ``network.date_excluded`` (field date); ``network.no_common_frame``.
        """
        key = self.checked(key)
        for index in key:
            if self.nodes[index].is_excluded:
                raise InsarError("network.date_excluded", date=self.nodes[index].date.isoformat())
        if not self.granule_pairs(key):
            first, second = (self.nodes[index].date.isoformat() for index in key)
            raise InsarError("network.no_common_frame", first=first, second=second)
        old = self.marks.get(key)
        if old is not None:
            return self._commit(ADD, {key: replace(old, is_active=True)})
        return self._commit(ADD, {key: PairMark(is_manual=True, relaxed=self.limits_broken(key))})

    def add_pairs(self, keys: Iterable[PairKey]) -> Change:
        """Put several pairs in by hand in one step, e.g. suggested bridges; errors as `add_pair`, nothing is done then."""
        changes: dict[PairKey, PairMark] = {}
        for key in (self.checked(key) for key in keys):
            for index in key:
                if self.nodes[index].is_excluded:
                    raise InsarError("network.date_excluded", date=self.nodes[index].date.isoformat())
            old = self.marks.get(key)
            changes[key] = (
                replace(old, is_active=True)
                if old is not None
                else PairMark(is_manual=True, relaxed=self.limits_broken(key))
            )
        return self._commit(ADD, changes)

    def remove_pairs(self, keys: Iterable[PairKey]) -> Change:
        """Remove pairs in one step; they stay visible."""
        return self._set_active(REMOVE, keys, is_active=False)

    def restore_pairs(self, keys: Iterable[PairKey]) -> Change:
        """Restore removed pairs in one step."""
        return self._set_active(RESTORE, keys, is_active=True)

    def invert_pairs(self, keys: Iterable[PairKey]) -> Change:
        """Toggle several pairs in one step."""
        wanted = [key for key in map(self.checked, keys) if key in self.marks]
        return self._commit(
            TOGGLE, {key: replace(self.marks[key], is_active=not self.marks[key].is_active) for key in wanted}
        )

    def exclude_dates(self, dates: Iterable[int], reason: str = BY_USER) -> Change:
        """Take dates out with all their pairs in one step; including them again brings the pairs back."""
        return self._commit(
            EXCLUDE_DATES, {}, {index: reason for index in dates if not self.nodes[index].is_excluded}
        )

    def include_dates(self, dates: Iterable[int]) -> Change:
        """Use excluded dates again, with the pairs that they had."""
        return self._commit(
            INCLUDE_DATES, {}, {index: None for index in dates if self.nodes[index].is_excluded}
        )

    def apply_selection(self, selection: Any, keep_manual: bool = True) -> Change:
        """Take a selection over in one step, with its parameters and the dates that they exclude.

        Parameters
        ----------
        selection
            A `pair_selection.Selection` made from this network.
        keep_manual
            Pairs added by hand stay in, pairs removed by hand stay out (unless the selection chose them). The
            caller gives the same pairs to `select_pairs` (``keep``, ``avoid``), so that its guarantees hold.
        """
        marks: dict[PairKey, PairMark | None] = dict.fromkeys(self.marks)
        if keep_manual:
            for key, old in self.marks.items():
                if old.is_manual or not old.is_active:
                    marks[key] = old
        for key in selection.pairs:
            before = self.marks.get(key)
            is_manual = keep_manual and before is not None and before.is_manual and before.is_active
            relaxed = tuple(selection.relaxed.get(key, ()))
            marks[key] = PairMark(
                is_manual=is_manual,
                relaxed=relaxed or (self.limits_broken(key, selection.parameters) if is_manual else ()),
                origin="" if is_manual else selection.origins.get(key, ""),
            )
        reasons: dict[int, str | None] = {}
        for index, node in enumerate(self.nodes):
            if node.excluded_reason is None or node.excluded_reason in AUTOMATIC_REASONS:
                reasons[index] = selection.excluded.get(index)
        return self._commit(APPLY, marks, reasons, selection.parameters)

    def limits_broken(self, key: PairKey, parameters: SelectionParameters | None = None) -> tuple[str, ...]:
        """Give the limits of the parameters that a pair breaks."""
        pair = self.pair(key)
        return (parameters or self.parameters).limits_broken(
            pair.dt_days, pair.bperp_m, (pair.reference_date.month, pair.secondary_date.month)
        )

    # --- History ---

    @property
    def is_dirty(self) -> bool:
        """Whether there are edits since the last save (or since reading)."""
        return self._present_serial != self._saved_serial

    @property
    def can_undo(self) -> bool:
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        return bool(self._redo)

    def undo_steps(self) -> list[Step]:
        """Give the steps that undo would take back, the newest first."""
        return [edit.step for edit in reversed(self._undo)]

    def redo_steps(self) -> list[Step]:
        """Give the steps that redo would do again, the next first."""
        return [edit.step for edit in reversed(self._redo)]

    def undo(self) -> Change:
        """Take the newest step back; an empty `Change` when there is none."""
        if not self._undo:
            return Change()
        edit = self._undo.pop()
        self._redo.append(edit)
        return self._apply(edit, is_backward=True)

    def redo(self) -> Change:
        """Do the step again that was taken back last."""
        if not self._redo:
            return Change()
        edit = self._redo.pop()
        self._undo.append(edit)
        return self._apply(edit, is_backward=False)

    def mark_saved(self, state: int | None = None) -> int:
        """Say that the present state is on disk, or one that was before; the history stays.

        Returns
        -------
        state
            What was on disk until now.
        """
        before = self._saved_serial
        self._saved_serial = self._present_serial if state is None else state
        return before

    # --- Inside ---

    @property
    def _present_serial(self) -> int:
        return self._undo[-1].serial if self._undo else self._oldest_serial

    @property
    def _oldest_serial(self) -> int:
        return getattr(self, "_dropped_serial", 0)

    def _touches_excluded(self, key: PairKey) -> bool:
        return self.nodes[key[0]].is_excluded or self.nodes[key[1]].is_excluded

    def _set_active(self, command: str, keys: Iterable[PairKey], *, is_active: bool) -> Change:
        wanted = [key for key in map(self.checked, keys) if key in self.marks]
        return self._commit(command, {key: replace(self.marks[key], is_active=is_active) for key in wanted})

    def _commit(
        self,
        command: str,
        marks: Mapping[PairKey, PairMark | None],
        reasons: Mapping[int, str | None] | None = None,
        parameters: SelectionParameters | None = None,
    ) -> Change:
        changed = {
            key: (self.marks.get(key), mark)
            for key, mark in sorted(marks.items())
            if self.marks.get(key) != mark
        }
        changed_reasons = {
            index: (self.nodes[index].excluded_reason, reason)
            for index, reason in sorted((reasons or {}).items())
            if self.nodes[index].excluded_reason != reason
        }
        has_parameters = parameters is not None and parameters != self.parameters
        if not changed and not changed_reasons and not has_parameters:
            return Change()
        first = ""
        if command in (EXCLUDE_DATES, INCLUDE_DATES) and changed_reasons:
            first = self.nodes[next(iter(changed_reasons))].date.isoformat()
        elif changed:
            first = self.pair(next(iter(changed))).pair_id
        self._serial += 1
        edit = _Edit(
            self._serial,
            Step(command, len(changed), len(changed_reasons), first),
            changed,
            changed_reasons,
            (self.parameters, parameters) if parameters is not None and has_parameters else None,
        )
        self._redo.clear()
        self._undo.append(edit)
        if len(self._undo) > HISTORY_LENGTH:
            self._dropped_serial = self._undo.pop(0).serial
        return self._apply(edit, is_backward=False)

    def _apply(self, edit: _Edit, *, is_backward: bool) -> Change:
        before = self.structure
        side = 0 if is_backward else 1
        for key, sides in edit.marks.items():
            mark = sides[side]
            if mark is None:
                self.marks.pop(key, None)
            else:
                self.marks[key] = mark
        if edit.reasons:
            nodes = list(self.nodes)
            for index, reasons in edit.reasons.items():
                nodes[index] = replace(nodes[index], excluded_reason=reasons[side])
            self.nodes = tuple(nodes)
        if edit.parameters is not None:
            self.parameters = edit.parameters[side]
        self._structure = None
        return Change(
            step=edit.step,
            pairs=tuple(edit.marks),
            dates=tuple(edit.reasons),
            parameters_changed=edit.parameters is not None,
            warnings=_worse(before, self.structure, self.nodes),
        )

    def _structure_of(self, active: Sequence[PairKey]) -> NetworkStructure:
        used = [index for index, node in enumerate(self.nodes) if not node.is_excluded]
        found: GraphStructure = structure_of(len(self.nodes), active, used)
        degrees = [0] * len(self.nodes)
        for one, other in active:
            degrees[one] += 1
            degrees[other] += 1
        return NetworkStructure(
            components=found.components,
            bridges=found.bridges,
            articulation=found.articulation,
            unpaired=tuple(index for index in used if degrees[index] == 0),
            degrees=tuple(degrees),
        )


def _worse(before: NetworkStructure, after: NetworkStructure, nodes: Sequence[Node]) -> tuple[Warned, ...]:
    """Give what is worse after an edit. A date that was excluded is not stranded, it is gone."""
    warnings = []
    stranded = tuple(sorted(set(after.unpaired) - set(before.unpaired)))
    stranded = tuple(index for index in stranded if before.degrees[index] > 0)
    if len(after.paired_components) > max(len(before.paired_components), 1):
        of_before = {index: number for number, members in enumerate(before.components) for index in members}
        parts = after.paired_components
        largest = max(parts, key=lambda members: (len(members), -members[0]))
        split = [
            members
            for members in parts
            if members is not largest
            and any(
                of_before.get(other[0]) == of_before.get(members[0])
                for other in parts
                if other is not members
            )
        ]
        warnings.append(Warned(SPLIT, dates=tuple(index for members in split for index in members)))
    if stranded:
        warnings.append(Warned(STRANDED, dates=stranded))
    bridges = tuple(sorted(set(after.bridges) - set(before.bridges)))
    if bridges and len(after.bridges) > len(before.bridges):
        warnings.append(Warned(NEW_BRIDGE, pairs=bridges))
    return tuple(warnings)

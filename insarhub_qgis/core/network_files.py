# SPDX-License-Identifier: GPL-2.0-or-later
"""The network of a job folder: read from the stack file, our object in the config and the pair database, and saved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Callable, NamedTuple, TypeVar

import numpy as np

from insarhub_qgis.core.atomic_files import folder_lock, read_json_object
from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.job_config import OWN_SECTION
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.network_dates import Node, nodes_of_scenes
from insarhub_qgis.core.network_graph import PairKey
from insarhub_qgis.core.network_model import PairMark, StackNetwork
from insarhub_qgis.core.pair_baselines import PairBaselines
from insarhub_qgis.core.pair_table_files import StackQuality, quality_of_stack
from insarhub_qgis.core.pairwise_file import read_pairwise_file
from insarhub_qgis.core.quality_files import PairDatabase, read_pair_database
from insarhub_qgis.core.scene_facts import SceneFacts, read_scene_facts
from insarhub_qgis.core.scenes import Pair, order_pair
from insarhub_qgis.core.selection_parameters import DT_MAX, MONTHS, PB_MAX, SelectionParameters
from insarhub_qgis.core.stack_file import Stack, is_number

#: Key of the network in our object of the config.
NETWORK = "network"
_LIMITS = (DT_MAX, PB_MAX, MONTHS)
_Value = TypeVar("_Value")


@dataclass
class OpenNetwork:
    """A network with the folder that it came from.

    Attributes
    ----------
    stack
        The stack as read; what the network does not change is written back from it.
    fingerprint
        Of the stack file when it was read; None when there was none.
    problems
        What could not be read: shown, never a reason to lose the rest.
    quality
        What the scores of the network rest on; None when it was not read.
    """

    job: JobFolder
    network: StackNetwork
    stack: Stack
    fingerprint: tuple[int, int] | None
    problems: list[InsarError] = field(default_factory=list)
    quality: StackQuality | None = None

    @property
    def has_changed_on_disk(self) -> bool:
        """Whether somebody else wrote (or removed) the stack file since it was read or saved."""
        return self.job.stack_fingerprint() != self.fingerprint

    def save(self, overwrite: bool = False) -> Path:
        """Save the network, and say so to the network.

        Parameters
        ----------
        overwrite
            Save also when the file changed on disk; what others wrote beside the pairs stays.

        Returns
        -------
        path
            The stack file.

        Raises
        ------
        InsarError
            ``stack.changed_on_disk``: reload, or save with ``overwrite``. Errors of `JobFolder.write_stack`.
        """
        path = save_network(self, overwrite=overwrite)
        self.network.mark_saved()
        return path


def load_network(job_folder: Path) -> OpenNetwork:
    """Read the network of a job folder; nothing is written.

    Raises
    ------
    InsarError
        ``stack.missing`` without a stack file; ``file.malformed`` or ``file.not_readable`` for the stack file and
        the config. Other files that cannot be read are listed in `OpenNetwork.problems`.
    """
    job = JobFolder(job_folder)
    fingerprint = job.stack_fingerprint()
    stack = job.read_stack()
    config = job.read_config()
    own = config.own.get(NETWORK)
    own = own if isinstance(own, Mapping) else {}
    problems = list(stack.problems)
    no_facts: dict[str, SceneFacts] = {}
    no_pairs: dict[tuple[str, str], float | None] = {}
    facts = _kept(lambda: read_scene_facts(job.path), no_facts, problems)
    pairwise = _kept(lambda: read_pairwise_file(job.path), no_pairs, problems)
    baselines = PairBaselines(dict(stack.baselines), pairwise)
    reasons = own.get("excluded")
    excluded = (
        {str(name): str(reason) for name, reason in reasons.items()} if isinstance(reasons, Mapping) else {}
    )
    nodes, unreadable = nodes_of_scenes(stack.scenes, baselines, excluded)
    problems += unreadable
    number = _numbers(nodes)
    marks, granules = _read_marks(stack, own, number)
    quality = quality_of_stack(job, nodes, baselines, config)
    problems += quality.problems
    scores, coherences = _known_scores(job, stack, quality, number, problems)
    network = StackNetwork(
        nodes=nodes,
        marks=marks,
        baselines=baselines,
        scores=scores,
        coherences=coherences,
        granules=granules,
        facts=facts,
        parameters=SelectionParameters.from_json({**_mapping(own.get("parameters")), **_mode(own)}),
    )
    return OpenNetwork(job, network, stack, fingerprint, problems, quality)


def save_network(opened: OpenNetwork, *, overwrite: bool = False) -> Path:
    """Write the pairs into the stack file and the rest into our object of the config, both under one lock."""
    job, network = opened.job, opened.network
    active = network.active_keys()
    pairs = [pair for key in active for pair in network.granule_pairs(key)]
    if set(pairs) == set(opened.stack.pairs):
        # Nothing changed: the order of the file stays.
        pairs = list(opened.stack.pairs)
    stack = _with_scores(opened.stack.with_pairs(pairs), network, active, _judged_factors(opened, active))
    if pair_faults(stack):
        # Pairs that are the same in another order would count as unchanged; written anew they are in order.
        stack = replace(stack, source={**stack.source, "pairs": []})
    with folder_lock(job.path, "network"):
        # The config is read first: one that is damaged refuses the save before the stack file has changed.
        config = read_json_object(job.config_file()) if job.config_file().exists() else {}
        path = job.write_stack(stack, None if overwrite else opened.fingerprint)
        own = _mapping(_mapping(config.get(OWN_SECTION)).get(NETWORK))
        job.write_config_section(OWN_SECTION, {NETWORK: {**own, **network_section(network)}})
        opened.fingerprint = job.stack_fingerprint()
        opened.stack = replace(job.read_stack(), problems=opened.stack.problems)
    return path


class PairFaults(NamedTuple):
    """Pairs of a stack file that are not written as documented; all zero is falsy."""

    reversed_pairs: int
    duplicates: int

    def __bool__(self) -> bool:
        return self.reversed_pairs > 0 or self.duplicates > 0


def pair_faults(stack: Stack) -> PairFaults:
    """Count the pairs of the file, as it was read, that stand in reversed order or twice."""
    found = stack.source.get("pairs")
    seen: set[Pair] = set()
    reversed_pairs = duplicates = 0
    for item in found if isinstance(found, list) else []:
        pairs = _stored_pairs([item])
        if not pairs:
            continue
        pair = pairs[0][0]
        reversed_pairs += item[0] != pair.reference
        duplicates += pair in seen
        seen.add(pair)
    return PairFaults(reversed_pairs, duplicates)


def network_section(network: StackNetwork) -> dict[str, Any]:
    """Give ``insarhub_qgis.network`` of the config: mode, parameters, and what the stack file cannot hold."""
    values = network.parameters.to_json()
    mode = values.pop("mode")
    removed, manual, relaxed, suspended = [], [], [], []
    for key in network.pair_keys():
        mark = network.marks[key]
        names = [[pair.reference, pair.secondary] for pair in network.granule_pairs(key)]
        if not mark.is_active:
            removed += names
        elif not network.is_active(key):
            suspended += names
        if mark.is_manual:
            manual += names
        if mark.relaxed:
            relaxed += [[*name, list(mark.relaxed)] for name in names]
    excluded = {
        scene: node.excluded_reason
        for node in network.nodes
        if node.excluded_reason is not None
        for scene in node.scenes
    }
    return {
        "mode": mode,
        "parameters": values,
        "relaxed": relaxed,
        "excluded": excluded,
        "removed": removed,
        "manual": manual,
        # Pairs of excluded dates, to bring back with the date.
        "suspended": suspended,
    }


def _read_marks(
    stack: Stack, own: Mapping[str, Any], number: Mapping[str, int]
) -> tuple[dict[PairKey, PairMark], dict[PairKey, tuple[Pair, ...]]]:
    manual = {pair for pair, _ in _stored_pairs(own.get("manual"))}
    relaxed = dict(_stored_pairs(own.get("relaxed")))
    marks: dict[PairKey, PairMark] = {}
    granules: dict[PairKey, tuple[Pair, ...]] = {}

    def put(pair: Pair, *, is_active: bool) -> None:
        key = _key(pair, number)
        # A pair of one date with itself, or of names without a date, is no pair of the network.
        if key is None:
            return
        mark = marks.get(key)
        granules[key] = (
            (*granules.get(key, ()), pair) if mark is None or mark.is_active == is_active else granules[key]
        )
        marks[key] = mark or PairMark(is_active, pair in manual, relaxed.get(pair, ()))

    # What the stack file has is active, whatever our object remembers: another program may have put it there.
    for pair in stack.pairs:
        put(pair, is_active=True)
    for pair, _ in _stored_pairs(own.get("suspended")):
        if (key := _key(pair, number)) is not None and (key not in marks or key in granules):
            put(pair, is_active=True)
    present = set(marks)
    for pair, _ in _stored_pairs(own.get("removed")):
        if _key(pair, number) not in present:
            put(pair, is_active=False)
    return marks, {key: tuple(dict.fromkeys(pairs)) for key, pairs in granules.items()}


def _known_scores(
    job: JobFolder,
    stack: Stack,
    quality: StackQuality,
    number: Mapping[str, int],
    problems: list[InsarError],
) -> tuple[Mapping[PairKey, float], Mapping[PairKey, float]]:
    """Give scores and expected coherences by dates, judged here if a build left what that takes, else as the files say."""
    if quality.table is not None and quality.has_scores:
        return quality.table.scores, quality.table.coherences
    database = None
    if quality.database is not None:
        # Reading the whole database takes ten times as long.
        database = _kept(lambda: read_pair_database(job.path), None, problems)
    return _scores_of(stack, database, number)


def _scores_of(
    stack: Stack, database: PairDatabase | None, number: Mapping[str, int]
) -> tuple[dict[PairKey, float], dict[PairKey, float]]:
    """Give scores and expected coherences by dates: those of the database first, the worst of several granule pairs."""
    scores: dict[PairKey, float] = {}
    coherences: dict[PairKey, float] = {}
    all_scores: dict[Pair, float] = {**stack.scores, **(database.scores if database is not None else {})}
    keys = {pair: _key(pair, number) for pair in all_scores}
    for pair, score in all_scores.items():
        key = keys[pair]
        if key is not None and (key not in scores or score < scores[key]):
            scores[key] = score
    found: dict[Pair, Any] = {pair: item.get("coherence") for pair, item in stack.factors.items()}
    if database is not None:
        found.update(
            (pair, item["coherence_expected"])
            for pair, item in database.factors.items()
            if "coherence_expected" in item
        )
    for pair, value in found.items():
        key = keys[pair] if pair in keys else _key(pair, number)
        if key is not None and is_number(value) and 0.0 <= value <= coherences.get(key, 1.0):
            coherences[key] = float(value)
    return dict(sorted(scores.items())), dict(sorted(coherences.items()))


def _judged_factors(opened: OpenNetwork, active: Sequence[PairKey]) -> dict[PairKey, Mapping[str, Any]]:
    """Give the factors that the scores of active pairs rest on; empty when no build left its inputs."""
    quality = opened.quality
    if quality is None or quality.table is None or not quality.has_scores or not active:
        return {}
    first, second = np.array(active, dtype=np.intp).T
    return dict(zip(active, quality.table.pairs.stack_factors(quality.table.rows(first, second))))


def _with_scores(
    stack: Stack,
    network: StackNetwork,
    active: Iterable[PairKey],
    judged: Mapping[PairKey, Mapping[str, Any]],
) -> Stack:
    """Give the stack with the scores and factors of each active pair that the file did not have, or had otherwise.

    Factors that are unknown here stay as another program wrote them.
    """
    scores, factors = dict(stack.scores), dict(stack.factors)
    for key in active:
        score, coherence, pairs = (
            network.scores.get(key),
            network.coherences.get(key),
            network.granule_pairs(key),
        )
        for pair in pairs:
            is_ours = pair not in scores or len(pairs) == 1
            if score is not None and is_ours:
                scores[pair] = score
            before = _mapping(factors.get(pair))
            known = dict(judged.get(key, {}))
            if coherence is not None and key not in judged and before.get("coherence") is None:
                known["coherence"] = round(coherence, 3)
            if known:
                factors[pair] = {**before, **known} if is_ours else {**known, **before}
    return replace(stack, scores=scores, factors=factors)


def _numbers(nodes: Iterable[Node]) -> dict[str, int]:
    return {scene: index for index, node in enumerate(nodes) for scene in node.scenes}


def _key(pair: Pair, number: Mapping[str, int]) -> PairKey | None:
    one, other = number.get(pair.reference), number.get(pair.secondary)
    if one is None or other is None or one == other:
        return None
    return (min(one, other), max(one, other))


def _stored_pairs(value: Any) -> list[tuple[Pair, tuple[str, ...]]]:
    """Read ``[[ref, sec], ...]`` or ``[[ref, sec, [limits]], ...]``; items of another form are passed over."""
    found = []
    for item in value if isinstance(value, list) else []:
        if not isinstance(item, list) or len(item) < 2 or not all(isinstance(name, str) for name in item[:2]):
            continue
        try:
            pair = order_pair(item[0], item[1])
        except InsarError:
            continue
        limits = item[2] if len(item) > 2 and isinstance(item[2], list) else []
        found.append((pair, tuple(limit for limit in _LIMITS if limit in limits)))
    return found


def _kept(read: Callable[[], _Value], otherwise: _Value, problems: list[InsarError]) -> _Value:
    try:
        return read()
    except InsarError as error:
        problems.append(error)
        return otherwise


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _mode(own: Mapping[str, Any]) -> dict[str, Any]:
    return {"mode": own["mode"]} if "mode" in own else {}

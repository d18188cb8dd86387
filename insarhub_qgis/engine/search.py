# SPDX-License-Identifier: GPL-2.0-or-later
"""Search: the queries of a request one by one, their pages merged, what is missing said, the answer kept."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from insarhub_qgis.core.endpoints import Endpoints
from insarhub_qgis.core.errors import Cancelled, InsarError, counted_reasons
from insarhub_qgis.core.job_config import utc_now
from insarhub_qgis.core.progress import part_of, stop_if_cancelled
from insarhub_qgis.core.requests import OpenSearchAnswer, SearchScenes
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.core.search_answer import (
    BURST_SETS,
    SEARCH_ANSWER_NAME,
    read_search_answer,
    read_search_facts,
    write_search_answer,
)
from insarhub_qgis.engine.archive_http import run_interruptibly
from insarhub_qgis.engine.burst_sets import (
    AskedBurst,
    BurstSet,
    BurstTable,
    kept_sets,
    set_messages,
    without_double_stacks,
)
from insarhub_qgis.engine.scene_table import SceneTable
from insarhub_qgis.engine.search_area import SearchArea, read_search_area

DIRECTIONS = ("ASCENDING", "DESCENDING")
POLARIZATIONS = ("VV", "VV+VH", "HH", "HH+HV")
BURST_POLARIZATIONS = ("VV", "HH")
SLC, BURST = "SLC", "BURST"
PRODUCTS = (SLC, BURST)
PLATFORMS = {"S1A": "SENTINEL-1A", "S1B": "SENTINEL-1B", "S1C": "SENTINEL-1C", "S1D": "SENTINEL-1D"}
#: More queries than this are a mistake in the filters, and hard on the archive.
MOST_QUERIES = 60
#: Further looks for bursts at the edge of the area: each may change what the set lacks.
_MOST_LOOKS = 3
#: A list of platforms beside it would take the collection out of the query.
_BURST_COLLECTION = {"dataset": ["SLC-BURST"], "beamMode": ["IW"]}
NOTE, WARNING = "note", "warning"

_SLC_NAME = re.compile(
    r"^S1[A-D]_(IW|EW|S[1-6]|WV)_SLC__1S[SD][VH]_\d{8}T\d{6}_\d{8}T\d{6}_\d{6}_[0-9A-F]{6}_[0-9A-F]{4}$"
)
_PATTERN = re.compile(r"^S1[A-D*?][\w*?]*$")
#: Names go to the library in lists of this length, one query each.
_NAMES_PER_QUERY = 200


@dataclass
class _Outcome:
    """What one query brought; ``is_enough``: it was left early, with as many scenes as the user wants."""

    found: int = 0
    hits: int | None = None
    is_complete: bool = False
    is_enough: bool = False
    error: InsarError | None = None


@dataclass
class _Answer:
    """What all queries brought; ``queries``: how many there were to be, ``hits``: None when it was not told."""

    table: SceneTable
    outcomes: list[_Outcome]
    queries: int
    hits: int | None = None
    burst_sets: Sequence[BurstSet] = ()
    messages: Sequence[dict[str, Any]] = ()


def run(request: SearchScenes, context: RunContext) -> dict[str, Any]:
    """Answer `SearchScenes`; see the request for the result.

    Raises
    ------
    InsarError
        ``search.no_limits``, ``search.bad_date``, ``search.end_before_start``, ``search.bad_filter``,
        ``search.too_many_queries``, ``search.no_names``, ``search.bursts_need_area``,
        ``search.bursts_without_frame``, codes of `read_search_area` and `Endpoints.from_json`;
        when no query brought anything, the error of the first one (`ArchiveAdapter.send`). ``run.cancelled``.
    """
    endpoints = Endpoints.from_json(request.endpoints)
    messages: list[dict[str, Any]] = []
    area = None if request.scene_names else read_search_area(request.aoi_wkt)
    queries, unknown_names = _queries(request, area)
    if area is not None:
        messages += [_message(note, NOTE) for note in area.notes]
    if unknown_names:
        messages.append(
            _message(
                InsarError("search.entries_left_out", names=unknown_names[:20], count=len(unknown_names))
            )
        )
    if _is_of_bursts(request):
        found = _search_bursts(queries, area, request, endpoints, context)
    else:
        table = SceneTable(area, () if request.scene_names else request.months)
        outcomes = _run_queries(queries, table, request.max_results, endpoints, context)
        found = _Answer(table, outcomes, len(queries), hits=_sum_of_hits(outcomes))
    failed = [outcome.error for outcome in found.outcomes if outcome.error is not None]
    if failed and not any(outcome.found for outcome in found.outcomes):
        raise failed[0]
    table, is_whole = found.table, len(found.outcomes) == found.queries
    messages += [*_messages(found, request), *found.messages]
    is_cut = bool(request.max_results) and table.keep_newest(request.max_results) > 0
    if is_cut or not (is_whole or _is_of_bursts(request)):
        messages.append(_message(InsarError("search.limit_reached", limit=request.max_results)))
    facts = {
        "hits": found.hits if is_whole else None,
        "is_complete": all(outcome.is_complete for outcome in found.outcomes) and is_whole and not is_cut,
        "is_sandbox": endpoints.is_sandbox,
        "searched_at": utc_now(),
        # As it comes back from the file: lists where the request has tuples.
        "request": json.loads(json.dumps({**request.to_json(), "endpoints": {}})),
        "messages": messages,
    }
    answer_file = ""
    if request.answer_folder:
        folder = Path(request.answer_folder)
        _make(folder)
        kept = {BURST_SETS: [one.to_json() for one in found.burst_sets]} if _is_of_bursts(request) else {}
        write_search_answer(folder, table.items(), {**facts, **kept})
        answer_file = str(folder / SEARCH_ANSWER_NAME)
    context.report(1.0, table.counted)
    return _result(table, facts, answer_file)


def open_answer(request: OpenSearchAnswer, context: RunContext) -> dict[str, Any]:
    """Answer `OpenSearchAnswer`; raises ``search.no_answer``, ``file.malformed``, ``file.not_readable``."""
    folder = Path(request.answer_folder)
    items = read_search_answer(folder)
    if items is None:
        raise InsarError("search.no_answer", folder=str(folder))
    facts = read_search_facts(folder)
    asked = facts.get("request")
    area = read_search_area(str(asked.get("aoi_wkt") or "")) if isinstance(asked, Mapping) else None
    sets = kept_sets(folder, facts)
    if sets is not None:
        bursts = BurstTable(area)
        bursts.add(items)
        table = bursts.table(sets)
    else:
        table = SceneTable(area if not (asked or {}).get("scene_names") else None)
        table.add(items)
    known: dict[str, Any] = {
        "hits": None,
        "is_complete": True,
        "is_sandbox": False,
        "searched_at": "",
        "request": {},
    }
    return _result(table, {**known, "messages": [], **facts}, str(folder / SEARCH_ANSWER_NAME))


def _result(table: SceneTable, facts: Mapping[str, Any], answer_file: str) -> dict[str, Any]:
    return {
        "scenes": table.scenes(),
        "stacks": table.stacks(),
        "coverage_by_date": table.coverage_by_date(),
        **{key: value for key, value in facts.items() if key != BURST_SETS},
        "answer_file": answer_file,
    }


# --- Queries ---


def _is_of_bursts(request: SearchScenes) -> bool:
    return request.product == BURST and not request.scene_names


def _queries(request: SearchScenes, area: SearchArea | None) -> tuple[list[dict[str, Any]], list[str]]:
    """Give the options of each query, and the scene names that are none."""
    _checked("product", (request.product,), PRODUCTS)
    if request.scene_names:
        return _name_queries(request.scene_names)
    if _is_of_bursts(request) and area is None:
        raise InsarError("search.bursts_need_area")
    if _is_of_bursts(request) and request.frames:
        raise InsarError("search.bursts_without_frame", frames=list(request.frames))
    if area is None and not request.paths:
        raise InsarError("search.no_limits")
    platforms = [PLATFORMS[name] for name in _checked("platforms", request.platforms, PLATFORMS)]
    _checked("months", request.months, range(1, 13))
    if _is_of_bursts(request):
        common = {**_BURST_COLLECTION, **_period(request)}
        polarizations = _checked("polarizations", request.polarizations, BURST_POLARIZATIONS)
        # Those of the other polarisation are bursts of their own, which HyP3 does not take.
        polarizations = polarizations or list(BURST_POLARIZATIONS)
    else:
        common = {
            "platform": platforms or list(PLATFORMS.values()),
            # Without a platform this alone would expand to the collections of unrelated missions.
            "processingLevel": ["SLC"],
            "beamMode": ["IW"],
            **_period(request),
        }
        polarizations = _checked("polarizations", request.polarizations, POLARIZATIONS)
    if request.direction:
        (common["flightDirection"],) = _checked("direction", (request.direction,), DIRECTIONS)
    lists = (
        [("intersectsWith", part) for part in area.parts] if area is not None else [],
        [("relativeOrbit", [path]) for path in _checked("paths", request.paths, range(1, 176))],
        [("asfFrame", [frame]) for frame in _checked("frames", request.frames, range(1, 2001))],
        [("polarization", [name]) for name in polarizations],
    )
    # Given as lists the library would multiply them too, but it ends at the first one that fails.
    combinations = list(itertools.product(*([*entries] or [None] for entries in lists)))
    if len(combinations) > MOST_QUERIES:
        raise InsarError("search.too_many_queries", count=len(combinations), most=MOST_QUERIES)
    return [{**common, **dict(entry for entry in entries if entry)} for entries in combinations], []


def _period(request: SearchScenes) -> dict[str, str]:
    start, end = _day("start", request.start), _day("end", request.end)
    if start is not None and end is not None and end < start:
        raise InsarError("search.end_before_start", start=start.isoformat(), end=end.isoformat())
    limits = {}
    if start is not None:
        limits["start"] = f"{start.isoformat()}T00:00:00Z"
    if end is not None:
        # A bare day would mean its first second.
        limits["end"] = f"{end.isoformat()}T23:59:59Z"
    return limits


def _burst_query(asked: AskedBurst, request: SearchScenes) -> dict[str, Any]:
    """Give the options that find a burst on all passes, wherever it lies."""
    query = {**_BURST_COLLECTION, **_period(request), "fullBurstID": [asked.full_id]}
    return {**query, "polarization": [asked.polarization]} if asked.polarization else query


def _name_queries(names: Sequence[str]) -> tuple[list[dict[str, Any]], list[str]]:
    exact: list[str] = []
    patterns: list[str] = []
    unknown: list[str] = []
    for given in names:
        name = _plain_name(given)
        if _SLC_NAME.match(name):
            exact.append(f"{name}-SLC")
        elif _PATTERN.match(name) and ("*" in name or "?" in name):
            patterns.append(name)
        elif name:
            unknown.append(str(given))
    exact, patterns = list(dict.fromkeys(exact)), list(dict.fromkeys(patterns))
    if not exact and not patterns:
        raise InsarError("search.no_names", names=unknown[:20], count=len(unknown))
    queries: list[dict[str, Any]] = [
        {"product_list": exact[start : start + _NAMES_PER_QUERY]}
        for start in range(0, len(exact), _NAMES_PER_QUERY)
    ]
    queries += [
        {
            "granule_list": [pattern],
            "platform": list(PLATFORMS.values()),
            "processingLevel": ["SLC"],
            "beamMode": ["IW"],
        }
        for pattern in patterns
    ]
    if len(queries) > MOST_QUERIES:
        raise InsarError("search.too_many_queries", count=len(queries), most=MOST_QUERIES)
    return queries, unknown


def _plain_name(text: str) -> str:
    """Give the granule name in a line of a list: without folder, ending, quotes and further columns."""
    first = re.split(r"[,;\t]", text.strip())[0].strip().strip("\"'")
    name = re.split(r"[\\/]", first)[-1]
    return re.sub(r"(\.zip|\.SAFE|\.safe|-SLC)+$", "", name)


def _checked(name: str, values: Sequence[Any], allowed: Any) -> list[Any]:
    """Give the values without repetitions; the archive itself answers a wrong word with nothing."""
    for value in values:
        if value not in allowed:
            raise InsarError("search.bad_filter", name=name, value=str(value), allowed=_allowed_text(allowed))
    return list(dict.fromkeys(values))


def _allowed_text(allowed: Any) -> str:
    return f"{allowed[0]} to {allowed[-1]}" if isinstance(allowed, range) else ", ".join(allowed)


def _day(name: str, text: str) -> date | None:
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip()[:10])
    except ValueError as error:
        raise InsarError("search.bad_date", name=name, value=text) from error


# --- Running them ---


def _run_queries(
    queries: Sequence[dict[str, Any]],
    table: SceneTable | BurstTable,
    max_results: int,
    endpoints: Endpoints,
    context: RunContext,
) -> list[_Outcome]:
    """Run the queries in turn until all are done, or there are enough scenes."""
    outcomes: list[_Outcome] = []
    for index, options in enumerate(queries):
        stop_if_cancelled(context.is_cancelled)
        report = part_of(context.report, index / len(queries), (index + 1) / len(queries))
        outcome = _run_query(options, table, max_results, endpoints, context, (index, len(queries), report))
        if outcome.error is None and not outcome.is_complete and not outcome.is_enough:
            context.log(f"{outcome.found} of {outcome.hits} items came; the query is asked once more")
            again = _run_query(options, table, max_results, endpoints, context, (index, len(queries), report))
            if again.error is None and again.found >= outcome.found:
                outcome = again
        outcomes.append(outcome)
        if max_results and len(table) >= max_results and index + 1 < len(queries):
            break
    return outcomes


def _run_query(
    options: dict[str, Any],
    table: SceneTable | BurstTable,
    max_results: int,
    endpoints: Endpoints,
    context: RunContext,
    place: tuple[int, int, Any],
) -> _Outcome:
    # Imported on use: the library takes a second, and a kept answer opens without it.
    from insarhub_qgis.engine.asf_door import library_log, search_pages

    index, count, report = place
    outcome = _Outcome()
    is_left_behind = False

    def work() -> None:
        for page in search_pages(options, endpoints, is_cancelled, context.log):
            if is_cancelled():
                raise Cancelled()
            table.add(page.items)
            outcome.found += len(page.items)
            outcome.hits = page.hits
            share = outcome.found / page.hits if page.hits else 1.0
            report(share, table.counted)
            context.item(
                {"sub_query": index + 1, "sub_queries": count, "found": len(table), "hits": page.hits}
            )
            if max_results and len(table) > max_results:
                outcome.is_enough = True
                return

    def is_cancelled() -> bool:
        return is_left_behind or context.is_cancelled()

    report(0.0, "Asking the archive")
    try:
        with library_log(context.log):
            run_interruptibly(work, context.is_cancelled)
    except Cancelled:
        is_left_behind = True
        raise
    except InsarError as error:
        outcome.error = error
        # The sentence about it comes with the result, or as the error of the whole search.
        context.log(f"query {index + 1} of {count}: {error}", "debug")
    outcome.is_complete = outcome.error is None and outcome.hits is not None and outcome.found >= outcome.hits
    return outcome


def _search_bursts(
    queries: Sequence[dict[str, Any]],
    area: SearchArea | None,
    request: SearchScenes,
    endpoints: Endpoints,
    context: RunContext,
) -> _Answer:
    """Ask for the bursts of the area, then for those that their sets lack; find the passes that are whole."""
    bursts = BurstTable(area, request.months, request.platforms)
    first = replace(context, report=part_of(context.report, 0.0, 0.6))
    outcomes = _run_queries(queries, bursts, 0, endpoints, first)
    asked: dict[AskedBurst, None] = {}
    for look in range(_MOST_LOOKS):
        lacking = [one for one in bursts.uncertain() if one not in asked][: MOST_QUERIES - len(asked)]
        if not lacking:
            break
        asked.update(dict.fromkeys(lacking))
        steps = [0.6 + 0.4 * (look + step) / _MOST_LOOKS for step in (0, 1)]
        further = replace(context, report=part_of(context.report, *steps))
        outcomes += _run_queries(
            [_burst_query(one, request) for one in lacking], bursts, 0, endpoints, further
        )
    unasked = [one for one in bursts.uncertain() if one not in asked]
    count = len(outcomes) + len(unasked)
    sets = bursts.sets()
    table = bursts.table(sets)
    kept, notes = without_double_stacks(sets, table)
    if notes:
        sets, table = kept, bursts.table(kept)
    errors = [*notes, *set_messages(sets)]
    if unasked:
        # Passes that have these bursts seem to lack them now.
        errors.insert(0, InsarError("search.bursts_not_asked", count=len(unasked), most=MOST_QUERIES))
    messages = [_message(error) for error in errors]
    return _Answer(table, outcomes, count, burst_sets=sets, messages=messages)


def _messages(found: _Answer, request: SearchScenes) -> list[dict[str, Any]]:
    """Say what is missing: failed queries, short answers, items that could not be read, names not found."""
    messages = []
    table, queries = found.table, found.queries
    for index, outcome in enumerate(found.outcomes):
        if outcome.error is not None:
            # A part that failed makes the whole one partial, and must not look like "nothing there".
            error = InsarError(
                "search.part_failed", part=index + 1, parts=queries, reasons=counted_reasons([outcome.error])
            )
            messages.append(_message(error))
        elif not outcome.is_complete and not outcome.is_enough:
            messages.append(
                _message(InsarError("search.pages_missing", found=outcome.found, hits=outcome.hits))
            )
    if table.problems:
        names = [str(problem.fields.get("scene")) for problem in table.problems]
        messages.append(_message(InsarError("search.items_unreadable", count=len(names), names=names[:20])))
    if request.scene_names:
        present = {scene["name"] for scene in table.scenes()}
        wanted = {_plain_name(name) for name in request.scene_names}
        missing = sorted(name for name in wanted - present if _SLC_NAME.match(name))
        if missing:
            messages.append(
                _message(InsarError("search.names_not_found", count=len(missing), names=missing[:20]))
            )
    return messages


def _sum_of_hits(outcomes: Sequence[_Outcome]) -> int | None:
    hits = [outcome.hits for outcome in outcomes]
    return None if None in hits else sum(count for count in hits if count is not None)


def _message(error: InsarError, level: str = WARNING) -> dict[str, Any]:
    return {**error.to_json(), "level": level}


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InsarError("file.not_writable", file=str(folder)) from error

# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks of a network before money or hours are spent: rows of data, one or more per check.

What needs the service (credits that are left, reachability) is given by the caller or not asked.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import Any

from insarhub_qgis.core.errors import InsarError
from insarhub_qgis.core.footprints import Polygon, area_km2, covered_share, polygon_of_ring, polygons_of_wkt
from insarhub_qgis.core.hyp3_files import JobFile, find_job_files
from insarhub_qgis.core.hyp3_jobs import EXPIRED, SUCCEEDED, find_local_products, job_rows, service_now
from insarhub_qgis.core.job_config import PROCESSOR
from insarhub_qgis.core.network_budget import PairPrices, is_processed
from insarhub_qgis.core.network_diagnostics import NetworkDiagnostics, diagnose_network
from insarhub_qgis.core.network_files import OpenNetwork, pair_faults
from insarhub_qgis.core.network_graph import PairKey
from insarhub_qgis.core.network_model import StackNetwork
from insarhub_qgis.core.processed_pairs import processed_stamps
from insarhub_qgis.core.relative_orbit import relative_orbit
from insarhub_qgis.core.scene_facts import SceneFacts
from insarhub_qgis.core.scenes import Scene, burst_id
from insarhub_qgis.core.stack_file import YELLOW, rounded_score

OK, NOTE, WARNING, STOP = "ok", "note", "warning", "stop"
LEVELS = (STOP, WARNING, NOTE, OK)

#: What mends a row; the editor and the Process dialog offer it.
SUGGEST_BRIDGES, EXCLUDE_DATES, SELECT_PAIRS, REMOVE_PAIRS, SAVE, REUSE, SHOW = (
    "suggest_bridges",
    "exclude_dates",
    "select_pairs",
    "remove_pairs",
    "save",
    "reuse",
    "show",
)

FULL_COVERAGE = 0.99
CREDIT_SHARE = 0.8
SPARE_DISK = 1.5
EXPIRY_DAYS = 3
#: A whole Sentinel-1 IW frame, where the kept answer has no footprints, km^2.
_FRAME_KM2 = 250.0 * 180.0
#: Bytes per pixel: of a zipped product (measured on real ones), and of MintPy's files, per pair and per date.
_PRODUCT_BYTES, _PAIR_BYTES, _DATE_BYTES = 11.0, 10.0, 20.0
_SPACING_M = {"20x4": 80.0, "10x2": 40.0, "5x1": 20.0}

_SLC_NAME = re.compile(
    r"^S1[A-D]_(?P<beam>[A-Z0-9]{2})_SLC__1S[SD][VH]_\d{8}T\d{6}_\d{8}T\d{6}_\d{6}_[0-9A-F]{6}_[0-9A-F]{4}$"
)
_BURST_NAME = re.compile(r"^S1_\d{6}_(?P<beam>[A-Z]{2})\d_\d{8}T\d{6}_(VV|VH|HH|HV)_[0-9A-F]{4}-BURST$")
_ABSOLUTE_ORBIT = re.compile(r"^(S1[A-D])_.*_(\d{6})_[0-9A-F]{6}_[0-9A-F]{4}$")


@dataclass(frozen=True)
class CheckRow:
    """Outcome of one check.

    Attributes
    ----------
    check
        Name of the check, e.g. ``coverage``.
    level
        ``ok``, ``note``, ``warning`` or ``stop``; only the last one blocks.
    code
        Of the sentence in the table of messages, with `fields`.
    fix
        What mends it, one of the constants of this module; empty where nothing here can.
    dates, pairs
        Whom it concerns, by the numbers of the network.
    """

    check: str
    level: str
    code: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    fix: str = ""
    dates: tuple[int, ...] = ()
    pairs: tuple[PairKey, ...] = ()

    def as_error(self) -> InsarError:
        """Give code and fields in the form that has sentences."""
        return InsarError(self.code, **dict(self.fields))


def check_network(
    opened: OpenNetwork,
    *,
    prices: PairPrices | None = None,
    credits_left: float | None = None,
    now: datetime | None = None,
    free_bytes: int | None = None,
) -> list[CheckRow]:
    """Check the present state of an open network, saved or not; the worst rows first.

    Parameters
    ----------
    prices
        Price per pair as the service says; what is processed already is found in the folder.
    credits_left
        Of the account; None = not asked.
    now, free_bytes
        The clock and the disk of the folder unless given.
    """
    network = opened.network
    moment = now or datetime.now(timezone.utc)
    job_files, _ = find_job_files(opened.job.path)
    done = processed_stamps(opened.job, job_files, moment)
    figures = diagnose_network(network)
    rows = [
        *_check_dates(network),
        *_check_coverage(opened),
        *_check_frames(network),
        *_check_geometry(network),
        *_check_names(opened),
        *_check_structure(figures, network),
        *_check_quality(figures, opened, prices, done),
        *_check_price(network, prices, credits_left, done),
        *_check_processed(network, prices, done),
        *_check_expiry(opened, job_files, moment),
        *_check_disk(opened, done, free_bytes),
    ]
    return sorted(rows, key=lambda row: LEVELS.index(row.level))


# --- Checks ------------------------------------------------------------------------------------------


def _check_dates(network: StackNetwork) -> list[CheckRow]:
    if len(network.nodes) < 2:
        return [CheckRow("dates", STOP, "check.too_few_dates", {"count": len(network.nodes)})]
    if not network.active_keys():
        return [CheckRow("pairs", STOP, "check.no_pairs", {}, SELECT_PAIRS)]
    return []


def _check_coverage(opened: OpenNetwork) -> list[CheckRow]:
    network = opened.network
    wkt = opened.job.aoi_wkt()
    area = polygons_of_wkt(wkt) if wkt else []
    if not area:
        return [CheckRow("coverage", NOTE, "check.no_area")]
    none: list[int] = []
    partly: list[int] = []
    unknown: list[int] = []
    lowest = 1.0
    for index in _used_dates(network):
        covers = _polygons(network, index)
        share = covered_share(area, covers) if covers else None
        if share is None:
            unknown.append(index)
        elif share <= 0.0:
            none.append(index)
        elif share < FULL_COVERAGE:
            partly.append(index)
            lowest = min(lowest, share)
    rows = []
    if none:
        rows.append(_on_dates(network, "coverage", STOP, "check.not_covered", none, EXCLUDE_DATES))
    if partly:
        rows.append(
            _on_dates(
                network, "coverage", WARNING, "check.partly_covered", partly, EXCLUDE_DATES,
                percent=_percent(lowest),
            )
        )  # fmt: skip
    if unknown:
        rows.append(_on_dates(network, "coverage", NOTE, "check.coverage_unknown", unknown))
    return rows or [CheckRow("coverage", OK, "check.covered")]


def _check_frames(network: StackNetwork) -> list[CheckRow]:
    frames: dict[int, frozenset[int]] = {}
    for index in _used_dates(network):
        if any(burst_id(name) for name in network.nodes[index].scenes):
            # Bursts belong to no frame, and a date that lacks one is no scene of its stack.
            continue
        known = [network.facts[name].frame for name in network.nodes[index].scenes if name in network.facts]
        if len(known) < len(network.nodes[index].scenes) or None in known:
            continue
        frames[index] = frozenset(frame for frame in known if frame is not None)
    every = frozenset().union(*frames.values()) if frames else frozenset()
    # A slice starts anywhere: a single granule whose number differs by one covers nearly the same ground.
    lacking = [
        index for index, found in frames.items() if len(found) < max(len(other) for other in frames.values())
    ]
    if not lacking:
        return [CheckRow("frames", OK, "check.frames_complete")] if frames else []
    missing = sorted({frame for index in lacking for frame in every - frames[index]})
    return [
        _on_dates(network, "frames", WARNING, "check.frames_missing", lacking, EXCLUDE_DATES, frames=missing)
    ]


def _check_geometry(network: StackNetwork) -> list[CheckRow]:
    """Track, direction, beam mode and polarisation must be one."""
    scenes = [(name, index) for index in _used_dates(network) for name in network.nodes[index].scenes]
    readers: tuple[tuple[str, Callable[[str, SceneFacts | None], Any]], ...] = (
        ("track", _path_of),
        ("direction", lambda name, facts: facts.flight_direction if facts is not None else None),
        ("beam_mode", _beam_of),
    )
    rows = []
    for what, read in readers:
        found: dict[Any, list[int]] = {}
        for name, index in scenes:
            value = read(name, network.facts.get(name))
            if value is not None:
                found.setdefault(value, []).append(index)
        if len(found) > 1:
            rarest = min(found, key=lambda value: (len(found[value]), str(value)))
            rows.append(
                _on_dates(
                    network, "geometry", STOP, f"check.mixed_{what}", sorted(set(found[rarest])), EXCLUDE_DATES,
                    values=sorted(str(value) for value in found),
                )
            )  # fmt: skip
    polarizations = {
        name: frozenset(text.split("+"))
        for name, _ in scenes
        if (text := _polarization_of(name, network.facts.get(name)))
    }
    common = frozenset.intersection(*polarizations.values()) if polarizations else frozenset({"?"})
    if not common:
        texts = sorted({"+".join(sorted(found)) for found in polarizations.values()})
        rows.append(CheckRow("geometry", STOP, "check.mixed_polarization", {"values": texts}))
    return rows or [CheckRow("geometry", OK, "check.one_geometry")]


def _check_names(opened: OpenNetwork) -> list[CheckRow]:
    network = opened.network
    rows = []
    names = [name for index in _used_dates(network) for name in network.nodes[index].scenes]
    wrong = [name for name in names if not (_SLC_NAME.match(name) or _BURST_NAME.match(name))]
    if wrong:
        rows.append(
            CheckRow(
                "names", STOP, "check.unknown_names", {"scenes": wrong, "count": len(wrong)}, EXCLUDE_DATES,
                _dates_of(network, wrong),
            )
        )  # fmt: skip
    strange = [name for name in names if name not in network.facts and name not in wrong]
    if strange and network.facts:
        rows.append(
            CheckRow(
                "names", WARNING, "check.not_in_answer", {"scenes": strange, "count": len(strange)}, SHOW,
                _dates_of(network, strange),
            )
        )  # fmt: skip
    faults = pair_faults(opened.stack)
    if faults.reversed_pairs or faults.duplicates:
        fields = {"reversed": faults.reversed_pairs, "duplicates": faults.duplicates}
        rows.append(CheckRow("pairs", STOP, "check.pairs_to_repair", fields, SAVE))
    return rows or [CheckRow("names", OK, "check.names_good")]


def _check_structure(figures: NetworkDiagnostics, network: StackNetwork) -> list[CheckRow]:
    if not network.active_keys():
        return []
    rows: list[CheckRow] = []
    parts = [members for members in figures.components if len(members) > 1]
    if len(parts) > 1:
        largest = max(parts, key=lambda members: (len(members), -members[0]))
        others = sorted(index for members in parts if members is not largest for index in members)
        rows.append(
            _on_dates(
                network, "components", WARNING, "check.split", others, SUGGEST_BRIDGES, parts=len(parts)
            )
        )
    unpaired = [index for index in sorted(figures.unpaired) if not network.nodes[index].is_excluded]
    if unpaired:
        rows.append(_on_dates(network, "components", WARNING, "check.unpaired", unpaired, SUGGEST_BRIDGES))
    if not rows:
        rows.append(CheckRow("components", OK, "check.connected", {"dates": figures.full_rank + 1}))
    if figures.bridges:
        rows.append(_on_pairs(network, "bridges", WARNING, "check.bridges", figures.bridges, SELECT_PAIRS))
    if figures.articulation:
        rows.append(
            _on_dates(network, "bridges", WARNING, "check.articulation", figures.articulation, SELECT_PAIRS)
        )
    if not figures.bridges and not figures.articulation:
        rows.append(CheckRow("bridges", OK, "check.no_bridges"))
    low = [index for index in figures.under_min_degree if figures.degrees[index] > 0]
    if low:
        rows.append(
            _on_dates(
                network, "degree", WARNING, "check.few_pairs", low, SELECT_PAIRS,
                min_degree=network.parameters.min_degree,
            )
        )  # fmt: skip
    else:
        fields = {"min_degree": network.parameters.min_degree}
        rows.append(CheckRow("degree", OK, "check.enough_pairs", fields))
    if figures.without_loop:
        rows.append(_on_pairs(network, "loops", WARNING, "check.no_loop", figures.without_loop, SELECT_PAIRS))
    else:
        rows.append(CheckRow("loops", OK, "check.loops", {"loops": figures.loops}))
    if figures.relaxed:
        rows.append(_on_pairs(network, "limits", NOTE, "check.relaxed", sorted(figures.relaxed), SHOW))
    if figures.unknown_bperp:
        rows.append(_on_pairs(network, "limits", NOTE, "check.unknown_bperp", figures.unknown_bperp, SHOW))
    return rows


def _check_quality(
    figures: NetworkDiagnostics,
    opened: OpenNetwork,
    prices: PairPrices | None,
    done: frozenset[tuple[str, str]],
) -> list[CheckRow]:
    network = opened.network
    active = network.active_keys()
    if not active:
        return []
    if len(figures.unscored) == len(active):
        return [CheckRow("quality", NOTE, "check.not_judged")]
    wet, degraded = _pairs_of_inputs(opened, active)
    spoilt = set(wet)
    red = [
        key
        for key in active
        if key in network.scores and key not in spoilt and rounded_score(network.scores[key]) < YELLOW
    ]
    rows = []
    for keys, code, fix in (
        (wet, "check.wet_snow_pairs", REMOVE_PAIRS),
        (red, "check.red_pairs", REMOVE_PAIRS),
        (list(figures.unscored), "check.unjudged_pairs", SHOW),
    ):
        if not keys:
            continue
        row = _on_pairs(network, "quality", WARNING, code, keys, fix)
        if prices is not None:
            price = _price_of(network, keys, prices, done)
            row = CheckRow(
                row.check,
                row.level,
                f"{code}_priced",
                {**row.fields, "credits": price},
                row.fix,
                (),
                row.pairs,
            )
        rows.append(row)
    if degraded:
        rows.append(_on_pairs(network, "quality", NOTE, "check.degraded_pairs", degraded, SHOW))
    if not rows:
        rows.append(CheckRow("quality", OK, "check.good_quality"))
    worst = min((key for key in active if key in network.scores), key=lambda key: (network.scores[key], key))
    row = _on_pairs(network, "quality", OK, "check.scores", [worst], SHOW)
    fields = {
        "mean": round(figures.mean_score or 0.0),
        "lowest": round(network.scores[worst]),
        "pair": row.fields["pairs"][0],
    }
    return [*rows, CheckRow(row.check, row.level, row.code, fields, row.fix, (), row.pairs)]


def _pairs_of_inputs(opened: OpenNetwork, keys: Sequence[PairKey]) -> tuple[list[PairKey], list[PairKey]]:
    """Give the pairs that melting snow spoils, and those whose score lacks an input that was asked for."""
    quality = opened.quality
    table = quality.table if quality is not None else None
    if quality is None or table is None:
        return [], []
    expected = quality.expected_bits
    rows = {key: table.row(*key) for key in keys}
    is_wet = {key: bool(table.pairs.penalties.wet_dates[row]) for key, row in rows.items()}
    degraded = [
        key
        for key, row in rows.items()
        if key in table.scores and not is_wet[key] and int(table.pairs.missing[row]) & expected
    ]
    return [key for key in keys if is_wet[key]], degraded


def _check_price(
    network: StackNetwork,
    prices: PairPrices | None,
    credits_left: float | None,
    done: frozenset[tuple[str, str]],
) -> list[CheckRow]:
    if prices is None:
        return []
    price = _price_of(network, network.active_keys(), prices, done)
    if credits_left is None:
        return [CheckRow("credits", NOTE, "check.price", {"credits": price})]
    fields = {"credits": price, "left": _whole(credits_left)}
    if price > credits_left:
        fields = {**fields, "missing": _whole(price - credits_left)}
        return [CheckRow("credits", STOP, "check.too_dear", fields, SELECT_PAIRS)]
    if price > CREDIT_SHARE * credits_left:
        return [CheckRow("credits", WARNING, "check.dear", fields, SELECT_PAIRS)]
    return [CheckRow("credits", OK, "check.affordable", fields)]


def _check_processed(
    network: StackNetwork, prices: PairPrices | None, done: frozenset[tuple[str, str]]
) -> list[CheckRow]:
    keys = [
        key
        for key in network.active_keys()
        if all(is_processed(pair, done) for pair in network.granule_pairs(key))
    ]
    if not keys:
        return []
    row = _on_pairs(network, "processed", WARNING, "check.processed", keys, REUSE)
    if prices is None:
        return [row]
    saved = prices.credits_per_pair * sum(len(network.granule_pairs(key)) for key in keys)
    fields = {**row.fields, "credits": _whole(saved)}
    return [CheckRow(row.check, row.level, "check.processed_priced", fields, row.fix, (), row.pairs)]


def _check_expiry(opened: OpenNetwork, job_files: Sequence[JobFile], now: datetime) -> list[CheckRow]:
    moment = service_now(job_files, now)
    local_products = find_local_products(opened.job.product_folders())
    jobs = [row for row in job_rows(job_files, local_products, moment) if row.is_current]
    soon = [
        row.expires_at
        for row in jobs
        if row.status == SUCCEEDED
        and row.expires_at is not None
        and row.expires_at - moment < timedelta(days=EXPIRY_DAYS)
    ]
    gone = sum(row.status == EXPIRED for row in jobs)
    rows = []
    if soon:
        first = min(soon).astimezone(timezone.utc)
        fields = {"count": len(soon), "first": f"{first:%Y-%m-%d %H:%M} UTC"}
        rows.append(CheckRow("expiry", WARNING, "check.expires_soon", fields))
    if gone:
        rows.append(CheckRow("expiry", WARNING, "check.expired", {"count": gone}))
    return rows


def _check_disk(
    opened: OpenNetwork, done: frozenset[tuple[str, str]], free_bytes: int | None
) -> list[CheckRow]:
    if not opened.network.active_keys():
        return []
    if free_bytes is None:
        try:
            free_bytes = shutil.disk_usage(opened.job.path).free
        except OSError as error:
            return [CheckRow("disk", NOTE, "check.disk_unknown", {"reason": error.strerror or str(error)})]
    needed = disk_needed(opened, done)
    fields = {"needed_bytes": needed, "free_bytes": free_bytes}
    if free_bytes < needed:
        return [CheckRow("disk", STOP, "check.disk_too_small", fields)]
    if free_bytes < SPARE_DISK * needed:
        return [CheckRow("disk", WARNING, "check.disk_tight", fields)]
    return [CheckRow("disk", OK, "check.disk_enough", fields)]


def disk_needed(opened: OpenNetwork, done: frozenset[tuple[str, str]] = frozenset()) -> int:
    """Estimate the bytes of the products that are still to come and of MintPy's files, from pixel counts.

    The rasters stay in the zips; MintPy loads the area of interest only.
    """
    network = opened.network
    spacing = _spacing_m(opened)
    pixels_per_km2 = 1e6 / spacing**2
    keys = network.active_keys()
    granules = [pair for key in keys for pair in network.granule_pairs(key)]
    sizes = [
        area_km2([polygon_of_ring(facts.footprint)])
        for facts in network.facts.values()
        if len(facts.footprint) >= 4
    ]
    frame = (sum(sizes) / len(sizes) if sizes else _FRAME_KM2) * pixels_per_km2
    wkt = opened.job.aoi_wkt()
    polygons = polygons_of_wkt(wkt) if wkt else []
    per_date = max((len(network.granule_pairs(key)) for key in keys), default=1)
    area = min(area_km2(polygons) * pixels_per_km2 or frame * per_date, frame * per_date)
    to_come = sum(not is_processed(pair, done) for pair in granules)
    dates = len(_used_dates(network))
    return int(frame * _PRODUCT_BYTES * to_come + area * (_PAIR_BYTES * len(keys) + _DATE_BYTES * dates))


# --- Facts of scenes and dates -----------------------------------------------------------------------


def _used_dates(network: StackNetwork) -> list[int]:
    return sorted({index for key in network.active_keys() for index in key})


def _polygons(network: StackNetwork, index: int) -> list[Polygon]:
    found = (network.facts.get(name) for name in network.nodes[index].scenes)
    return [polygon_of_ring(facts.footprint) for facts in found if facts is not None and facts.footprint]


def _path_of(name: str, facts: SceneFacts | None) -> int | None:
    if facts is not None and facts.path is not None:
        return facts.path
    match = _ABSOLUTE_ORBIT.match(name)
    return relative_orbit(match[1], int(match[2])) if match else None


def _beam_of(name: str, facts: SceneFacts | None) -> str | None:
    if facts is not None and facts.beam_mode:
        return facts.beam_mode
    match = _SLC_NAME.match(name) or _BURST_NAME.match(name)
    return match["beam"] if match else None


def _polarization_of(name: str, facts: SceneFacts | None) -> str | None:
    if facts is not None and facts.polarization:
        return facts.polarization
    try:
        return Scene.from_name(name).polarization
    except InsarError:
        return None


def _dates_of(network: StackNetwork, names: Iterable[str]) -> tuple[int, ...]:
    wanted = set(names)
    return tuple(index for index, node in enumerate(network.nodes) if not wanted.isdisjoint(node.scenes))


def _on_dates(
    network: StackNetwork,
    check: str,
    level: str,
    code: str,
    dates: Sequence[int],
    fix: str = "",
    **fields: Any,
) -> CheckRow:
    texts = [network.nodes[index].date.isoformat() for index in dates]
    return CheckRow(check, level, code, {"count": len(dates), "dates": texts, **fields}, fix, tuple(dates))


def _on_pairs(
    network: StackNetwork, check: str, level: str, code: str, pairs: Sequence[PairKey], fix: str = ""
) -> CheckRow:
    def day(index: int) -> date:
        return network.nodes[index].date

    texts = [f"{day(one).isoformat()} / {day(other).isoformat()}" for one, other in pairs]
    return CheckRow(check, level, code, {"count": len(pairs), "pairs": texts}, fix, (), tuple(pairs))


def _price_of(
    network: StackNetwork,
    keys: Iterable[PairKey],
    prices: PairPrices,
    done: frozenset[tuple[str, str]],
) -> float | int:
    pairs = [pair for key in keys for pair in network.granule_pairs(key)]
    open_pairs = [pair for pair in pairs if not is_processed(pair, done)]
    return _whole(prices.of(open_pairs))


def _spacing_m(opened: OpenNetwork) -> float:
    looks = opened.job.read_config().stage_options(PROCESSOR).get("looks")
    return _SPACING_M.get(str(looks), _SPACING_M["20x4"])


def _percent(share: float) -> float:
    return round(share * 100.0, 1)


def _whole(value: float) -> float | int:
    return int(value) if float(value).is_integer() else round(value, 2)

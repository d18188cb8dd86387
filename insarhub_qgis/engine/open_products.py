# SPDX-License-Identifier: GPL-2.0-or-later
"""Open products: a folder of HyP3 zips becomes a job folder that points to them; nothing is copied."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from insarhub_qgis.core.atomic_files import folder_lock, write_error
from insarhub_qgis.core.errors import InsarError, counted_reasons
from insarhub_qgis.core.hyp3_files import read_product_cache, write_product_cache
from insarhub_qgis.core.job_config import DOWNLOADER, OWN_SECTION, PROCESSOR, JobConfig
from insarhub_qgis.core.job_folder import JobFolder
from insarhub_qgis.core.mintpy_job import refuse_running_analysis
from insarhub_qgis.core.product_archive import ProductArchive, acquisition_days, find_product_archives
from insarhub_qgis.core.product_names import GAMMA
from insarhub_qgis.core.progress import part_of, stop_if_cancelled
from insarhub_qgis.core.requests import OpenProducts
from insarhub_qgis.core.run_context import RunContext
from insarhub_qgis.core.scene_baselines import baselines_from_pairs
from insarhub_qgis.core.scenes import Pair, acquisition_order, order_pair, scene_date
from insarhub_qgis.core.stack_file import Stack
from insarhub_qgis.engine.product_checks import CheckedProduct, check_product, largest_group, one_per_pair

#: Sub-folder of a products folder that is looked into as well.
PRODUCTS_SUBFOLDER = "hyp3"
#: Key of our object in the config: what opening found, so that opening again knows the user's edits.
RECORD_KEY = "products"
_PROCESSOR_TYPE = "Hyp3_S1"
_DEFAULT_PHASE_FILTER = 0.6


def run(request: OpenProducts, context: RunContext) -> dict[str, Any]:
    """Answer `OpenProducts`; see the request for the result.

    Besides the keys named there the result has ``dates`` (ISO), ``path``, ``direction``, ``looks`` (None where
    unknown), ``stack_file`` and ``pairs_without_product``.

    Opening again adds what is new. Pairs that the user removed, options that the user changed and keys that we
    do not know stay as they are; a stack that a search made is not extended.

    Raises
    ------
    InsarError
        ``folder.missing``, ``open.no_zips``, ``open.no_products``, ``open.no_usable_product``, ``open.other_processor``,
        ``file.malformed``, ``file.not_writable``, ``folder.locked``, ``analysis.already_running``, ``run.cancelled``.
    """
    products_folder = Path(request.products_folder).absolute()
    if not products_folder.is_dir():
        raise InsarError("folder.missing", folder=str(products_folder))
    job = JobFolder(Path(request.job_folder))
    refuse_running_analysis(job.path)
    config = job.read_config()
    processor = config.stage_type(PROCESSOR)
    if processor is not None and config.known_stage_type(PROCESSOR) != _PROCESSOR_TYPE:
        raise InsarError("open.other_processor", folder=str(job.path), type=processor)
    stack = job.read_stack() if job.stack_file() is not None else None

    opened = _find_products(products_folder, config, context)
    selection = _select_pairs(opened, stack, config)
    if not selection.products:
        reasons = counted_reasons(error for _, error in [*opened.excluded, *selection.excluded])
        raise InsarError("open.no_usable_product", folder=str(products_folder), reasons=reasons)
    stop_if_cancelled(context.is_cancelled)

    try:
        job.path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(job.path, error) from error
    with folder_lock(job.path, "open-products"):
        _write_cache(job, products_folder, opened.archives)
        _write_config(job, config, selection)
        stack_file = _write_stack(job, selection.stack, stack)
        # Last: a pair that is recorded and not in the stack counts as removed by the user.
        _write_record(job, config, selection)
    excluded = [*opened.excluded, *selection.excluded]
    for file, reason in excluded:
        # The result carries them too, and the host puts them into sentences.
        context.log(f"{file.name}: {reason}", "debug")
    first = selection.products[0]
    have = {product.pair_id for product in selection.products}
    context.report(1.0, f"{len(have)} pairs")
    return {
        "job_folder": str(job.path),
        "stack_file": str(stack_file),
        "pair_count": len(have),
        "product_count": len(selection.products),
        "excluded": [{"file": str(file), **error.to_json()} for file, error in excluded],
        "pairs_without_product": [p.pair_id for p in selection.stack.pairs if p.pair_id not in have],
        "dates": sorted({scene_date(name).isoformat() for p in selection.stack.pairs
                         for name in (p.reference, p.secondary)}),
        "path": first.path,
        "direction": first.direction,
        "looks": first.looks,
    }  # fmt: skip


@dataclass(frozen=True)
class _Opened:
    """Usable products by scene names, and every zip that is none with the reason."""

    archives: tuple[ProductArchive, ...]
    products: tuple[CheckedProduct, ...]
    granules: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]
    excluded: tuple[tuple[Path, InsarError], ...]


@dataclass(frozen=True)
class _Selection:
    stack: Stack
    products: tuple[CheckedProduct, ...]
    excluded: tuple[tuple[Path, InsarError], ...]
    bursts: Mapping[str, list[str]]
    is_ours: bool


def _find_products(products_folder: Path, config: JobConfig, context: RunContext) -> _Opened:
    report = part_of(context.report, 0.0, 0.9)
    archives, problems = find_product_archives(_folders(products_folder))
    excluded = list(problems)
    if not archives:
        if not problems:
            raise InsarError("open.no_zips", folder=str(products_folder))
        reasons = counted_reasons(error for _, error in problems)
        raise InsarError("open.no_products", folder=str(products_folder), zips=len(problems), reasons=reasons)
    wanted_path = config.stage_options(DOWNLOADER).get("relativeOrbit")
    checked: list[CheckedProduct] = []
    granules: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}
    for index, archive in enumerate(archives):
        stop_if_cancelled(context.is_cancelled)
        report(index / len(archives), archive.product.name)
        try:
            product = check_product(archive)
            granules[product.name] = _granules_of(product)
            if None not in (product.path, wanted_path) and product.path != wanted_path:
                raise InsarError(
                    "product.other_track", track=f"path {product.path}", expected=f"path {wanted_path}"
                )
            checked.append(product)
        except InsarError as error:
            excluded.append((archive.path, error))
    grouped, other_groups = largest_group(checked)
    kept, duplicates = one_per_pair(grouped)
    excluded += [(product.archive.path, error) for product, error in [*other_groups, *duplicates]]
    return _Opened(tuple(archives), tuple(kept), granules, tuple(excluded))


def _folders(products_folder: Path) -> list[Path]:
    return [folder for folder in (products_folder, products_folder / PRODUCTS_SUBFOLDER) if folder.is_dir()]


def _granules_of(product: CheckedProduct) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the names of the reference and of the secondary acquisition, the earliest first; burst products list several.

    Raises
    ------
    InsarError
        ``product.metadata_incomplete`` without names, ``product.metadata_disagrees`` when their days are not
        those of the product's name.
    """
    name = product.archive.product
    sides = []
    for key, text, day in (
        ("Reference Granule", product.metadata.reference_granule, name.reference_date),
        ("Secondary Granule", product.metadata.secondary_granule, name.secondary_date),
    ):
        names = {part for part in (text or "").replace(",", " ").split() if part}
        if not names:
            raise InsarError("product.metadata_incomplete", keys=[key])
        days = acquisition_days(text or "")
        if days is None or days[0] != day:
            value = ", ".join(sorted(names))
            raise InsarError("product.metadata_disagrees", key=key, value=value, date=day.isoformat())
        sides.append(tuple(sorted(names, key=acquisition_order)))
    return sides[0], sides[1]


def _select_pairs(opened: _Opened, stack: Stack | None, config: JobConfig) -> _Selection:
    record = config.own.get(RECORD_KEY)
    record = record if isinstance(record, Mapping) else None
    present = {pair.pair_id for pair in stack.pairs} if stack is not None else set()
    gone = _removed_pairs(config) | (set(_recorded_pairs(config)) - present if stack is not None else set())
    names = _scene_names(opened, stack)
    products, pairs, excluded = [], [], []
    pair_baselines: dict[tuple[str, str], float | None] = {}
    for product in opened.products:
        name = product.archive.product
        reference, secondary = names[name.reference_date.isoformat()], names[name.secondary_date.isoformat()]
        pair_baselines[reference, secondary] = product.metadata.perpendicular_baseline_m
        if product.pair_id in gone:
            excluded.append((product.archive.path, InsarError("product.pair_removed", pair=product.pair_id)))
        elif stack is not None and record is None and product.pair_id not in present:
            excluded.append((product.archive.path, InsarError("product.not_in_stack", pair=product.pair_id)))
        else:
            products.append(product)
            if product.pair_id not in present:
                pairs.append(order_pair(reference, secondary))
    is_ours = stack is None or record is not None
    stack = stack if stack is not None else Stack()
    if pairs:
        stack = stack.with_pairs(sorted([*stack.pairs, *pairs], key=_pair_order))
    stack = replace(stack, baselines=_baselines(stack, pair_baselines, is_ours))
    bursts = {
        names[day.isoformat()]: list(granules)
        for product in products
        for day, granules in zip(
            (product.archive.product.reference_date, product.archive.product.secondary_date),
            opened.granules[product.name],
        )
        if len(granules) > 1
    }
    return _Selection(stack, tuple(products), tuple(excluded), bursts, is_ours)


def _baselines(
    stack: Stack, pair_baselines: Mapping[tuple[str, str], float | None], is_ours: bool
) -> dict[str, float]:
    """Solve the baselines of our own stack anew, and only fill the gaps in those of a search."""
    old = dict(stack.baselines)
    if not is_ours:
        return baselines_from_pairs(stack.scenes, pair_baselines, old)
    solved = baselines_from_pairs(stack.scenes, pair_baselines)
    # A zip that is away for the moment does not make a baseline unknown.
    shift = next((solved[name] - value for name, value in old.items() if value == 0 and name in solved), None)
    if shift is None:
        return solved
    return {**{name: round(value + shift, 3) for name, value in old.items()}, **solved}


def _removed_pairs(config: JobConfig) -> set[str]:
    """Give the pairs that the network editor took out."""
    network = config.own.get("network")
    removed = network.get("removed") if isinstance(network, Mapping) else None
    found = set()
    for item in removed if isinstance(removed, list) else ():
        if isinstance(item, list) and len(item) >= 2:
            found.add(order_pair(str(item[0]), str(item[1])).pair_id)
    return found


def _scene_names(opened: _Opened, stack: Stack | None) -> dict[str, str]:
    """Give one scene name per day: that of the stack, else the one that most products name."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for product in opened.products:
        name = product.archive.product
        for day, granules in zip((name.reference_date, name.secondary_date), opened.granules[product.name]):
            counts[day.isoformat()][granules[0]] += 1
    names = {day: min(counter, key=lambda name: (-counter[name], name)) for day, counter in counts.items()}
    for scene in stack.scenes if stack is not None else ():
        names[scene_date(scene).isoformat()] = scene
    return names


def _pair_order(pair: Pair) -> tuple[tuple[str, str], tuple[str, str]]:
    return acquisition_order(pair.reference), acquisition_order(pair.secondary)


def _write_cache(job: JobFolder, products_folder: Path, archives: Sequence[ProductArchive]) -> None:
    parents = {archive.path.parent for archive in archives}
    out_dir = products_folder if products_folder in parents else next(iter(parents))
    names = [archive.path.name for archive in archives]
    try:
        cache = read_product_cache(job.path)
    except InsarError:
        # A malformed cache may be rebuilt at any time; writing it keeps the old one aside.
        cache = None
    if cache is not None and cache.out_dir == out_dir.as_posix() and set(names) <= set(cache.filenames):
        return
    write_product_cache(job.path, names, out_dir)


def _write_stack(job: JobFolder, stack: Stack, before: Stack | None) -> Path:
    present = job.stack_file()
    if present is not None and before is not None and stack.to_document() == dict(before.source):
        return present
    return job.write_stack(stack)


def _write_config(job: JobFolder, config: JobConfig, selection: _Selection) -> None:
    first = selection.products[0]
    days = sorted(scene_date(scene).isoformat() for scene in selection.stack.scenes)
    options = config.stage_options(DOWNLOADER)
    downloader = {
        **options,
        "start": min(options.get("start") or days[0], days[0]),
        "end": max(options.get("end") or days[-1], days[-1]),
    }
    for key, value in (("relativeOrbit", first.path), ("flightDirection", first.direction)):
        if value is not None:
            downloader.setdefault(key, value)
    is_gamma = first.archive.product.product_type == GAMMA
    processor = config.stage_options(PROCESSOR)
    if first.looks is not None:
        processor.setdefault("looks", first.looks)
    phase_filter = first.metadata.number("Phase filter parameter")
    if is_gamma and phase_filter is not None and phase_filter != _DEFAULT_PHASE_FILTER:
        processor.setdefault("phase_filter_parameter", phase_filter)
    own: dict[str, Any] = {"layout": config.own.get("layout", "flat")}
    if selection.is_ours:
        own[RECORD_KEY] = {"pairs": _recorded_pairs(config)}
    if selection.bursts:
        known = config.own.get("bursts")
        own["bursts"] = {**(known if isinstance(known, Mapping) else {}), **selection.bursts}
    sections = {
        DOWNLOADER: {
            "type": config.stage_type(DOWNLOADER) or ("S1_SLC" if is_gamma else "S1_Burst"),
            "config": downloader,
        },
        PROCESSOR: {"type": config.stage_type(PROCESSOR) or _PROCESSOR_TYPE, "config": processor},
        OWN_SECTION: own,
    }
    for name, section in sections.items():
        present = config.get(name)
        present = present if isinstance(present, Mapping) else {}
        if any(present.get(key) != value for key, value in section.items()):
            job.write_config_section(name, section)


def _write_record(job: JobFolder, config: JobConfig, selection: _Selection) -> None:
    known = _recorded_pairs(config)
    pairs = sorted({*known, *(pair.pair_id for pair in selection.stack.pairs)})
    if selection.is_ours and pairs != known:
        job.write_config_section(OWN_SECTION, {RECORD_KEY: {"pairs": pairs}})


def _recorded_pairs(config: JobConfig) -> list[str]:
    record = config.own.get(RECORD_KEY)
    pairs = record.get("pairs") if isinstance(record, Mapping) else None
    return sorted(str(pair) for pair in pairs) if isinstance(pairs, list) else []
